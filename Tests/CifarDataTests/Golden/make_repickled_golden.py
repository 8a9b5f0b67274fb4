#!/usr/bin/env python
"""Writes repickled-PYTHON-NUMPY-*.pickle: two images as this Python and its NumPy pickle them.

Run it with Python 2.7 and with 3.9 or newer, with NumPy 1 and 2. Without arguments it writes the
files that are kept; with a directory, every combination of protocol, keys and labels into it.
"""

from __future__ import print_function

import os
import pickle
import sys

import numpy as np

from noise import noise

IMAGES = 2
LABELS = [6, 9]
KEPT = {
  "2.7": ["p2-str-list"],
  "3.9": ["p2-bytes-list", "p3-str-scalars", "p4-bytes-array", "p5-str-list"],
  "3.13": ["p2-str-array", "p3-bytes-list", "p4-str-scalars", "p5-bytes-array"],
}


def batches():
  """Name and bytes of every combination."""
  pixels = noise(42, IMAGES * 3072).reshape(IMAGES, 3072)
  labels = {
    "list": LABELS,
    "array": np.array(LABELS),
    "small": np.array(LABELS, "u1"),
    "big": np.array(LABELS, ">i4"),
    "scalars": [np.int64(label) for label in LABELS],
  }
  for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
    for kind, given in sorted(labels.items()):
      texts = {"batch_label": "testing batch 1 of 1", "labels": given, "data": pixels,
               "filenames": ["a.png", "b.png"]}
      coded = dict((key.encode("ascii"), value) for key, value in texts.items())
      coded[b"filenames"] = [b"a.png", b"b.png"]
      coded[b"batch_label"] = b"testing batch 1 of 1"
      for keys, batch in (("str", texts), ("bytes", coded)):
        data = pickle.dumps(batch, protocol)
        assert np.array_equal(pickle.loads(data)[b"data" if keys == "bytes" else "data"], pixels)
        yield "p%d-%s-%s" % (protocol, keys, kind), data


def main():
  version = "%d.%d" % sys.version_info[:2]
  here = os.path.dirname(os.path.abspath(__file__))
  for name, data in batches():
    if len(sys.argv) > 1 or name in KEPT.get(version, []):
      folder = sys.argv[1] if len(sys.argv) > 1 else here
      file = "repickled-%s-numpy%s-%s.pickle" % (version, np.__version__.split(".")[0], name)
      with open(os.path.join(folder, file), "wb") as out:
        out.write(data)


if __name__ == "__main__":
  main()
