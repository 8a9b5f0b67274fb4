"""An Ethernet switch that hands frames on after a millisecond, for kernels without netem.

    delayed_switch.py PORT…    # network interfaces of this network namespace
"""

import collections
import select
import socket
import sys
import time

DELAY = 1e-3
EVERY_PROTOCOL = 3
OUTGOING = 4


def main(names):
    ports = []
    for name in names:
        port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
        port.bind((name, 0))
        port.setblocking(False)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        ports.append(port)
    under_way = collections.deque()
    while True:
        wait = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        for port in select.select(ports, [], [], wait)[0]:
            try:
                frame, address = port.recvfrom(1 << 16)
            except BlockingIOError:
                continue
            if address[2] != OUTGOING:
                under_way.append((time.monotonic() + DELAY, port, frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, source, frame = under_way.popleft()
            for port in ports:
                if port is not source:
                    try:
                        port.send(frame)
                    except BlockingIOError:
                        pass  # lost, as in a switch whose queue is full; TCP sends it again


if __name__ == "__main__":
    main(sys.argv[1:])
