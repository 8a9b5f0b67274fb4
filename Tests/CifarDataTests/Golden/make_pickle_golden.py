#!/usr/bin/env python3
"""Writes batch.pickle: three images as CIFAR-10's python version stores ten thousand.

The opcodes are those that Python 2's cPickle and NumPy wrote in protocol 2, put down by hand since
no Python 3 writes them. Python's own pickle then reads the file back, as torchvision and Keras do.
Needs numpy.
"""

import io
import pathlib
import pickle
import struct

import numpy as np

from noise import noise


class Writer:
  def __init__(self):
    self.bytes = bytearray(b"\x80\x02")
    self.stored = 0

  def put(self, data):
    self.bytes += data

  def remember(self):
    self.stored += 1
    self.put(b"q" + bytes([self.stored]) if self.stored < 256
             else b"r" + struct.pack("<I", self.stored))

  def string(self, text, remember=True):
    self.put(b"U" + bytes([len(text)]) + text.encode())
    if remember:
      self.remember()

  def items(self, count, write):
    """A list, a thousand items at a time."""
    self.put(b"]")
    self.remember()
    for start in range(0, count, 1000):
      self.put(b"(")
      for index in range(start, min(count, start + 1000)):
        write(index)
      self.put(b"e")

  def integer(self, value):
    self.put(b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value))


def encode(images, labels, names, batch_label):
  w = Writer()
  w.put(b"}")
  w.remember()
  w.put(b"(")
  w.string("batch_label")
  w.string(batch_label)
  w.string("labels")
  w.items(len(labels), lambda index: w.integer(labels[index]))
  w.string("data")
  w.put(b"cnumpy.core.multiarray\n_reconstruct\n")
  w.remember()
  w.put(b"cnumpy\nndarray\n")
  w.remember()
  w.put(b"K\x00\x85")
  w.string("b", remember=False)
  w.put(b"\x87R")
  w.remember()
  w.put(b"(K\x01")
  for size in images.shape:
    w.integer(size)
  w.put(b"\x86cnumpy\ndtype\n")
  w.remember()
  w.string("u1", remember=False)
  w.put(b"K\x00K\x01\x87R")
  w.remember()
  w.put(b"(K\x03")
  w.string("|", remember=False)
  w.put(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
  w.put(b"T" + struct.pack("<I", images.size) + images.tobytes() + b"tb")
  w.string("filenames")
  w.items(len(names), lambda index: w.string(names[index]))
  w.put(b"u.")
  return bytes(w.bytes)


def main():
  images = noise(42, 3 * 3072).reshape(3, 3072)
  labels = [6, 9, 0]
  names = [f"image_{index}.png" for index in range(3)]
  data = encode(images, labels, names, "testing batch 1 of 1")
  for encoding in ["latin1", "bytes"]:
    entries = pickle.load(io.BytesIO(data), encoding=encoding)
    key = (lambda text: text) if encoding == "latin1" else str.encode
    assert entries[key("labels")] == labels
    assert np.array_equal(entries[key("data")], images)
    assert entries[key("filenames")] == [key(name) for name in names]
  pathlib.Path(__file__).with_name("batch.pickle").write_bytes(data)


if __name__ == "__main__":
  main()
