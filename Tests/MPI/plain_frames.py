"""Has a network interface send whole frames: what a program relays can have no checksum that hardware
would fill in, and no segments that it would cut.

    plain_frames.py INTERFACE
"""

import fcntl
import socket
import struct
import sys

from ctypes import addressof, create_string_buffer

SIOCETHTOOL = 0x8946
SET_TRANSMIT_CHECKSUMS, SET_SEGMENTATION = 0x17, 0x24

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
    for setting in SET_SEGMENTATION, SET_TRANSMIT_CHECKSUMS:
        value = create_string_buffer(struct.pack("II", setting, 0), 8)
        fcntl.ioctl(
            anything, SIOCETHTOOL,
            struct.pack("16sP", sys.argv[1].encode(), addressof(value)))
