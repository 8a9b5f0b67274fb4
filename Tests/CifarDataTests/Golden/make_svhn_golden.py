#!/usr/bin/env python3
"""Writes svhn-packed.mat and svhn-plain.mat: three pseudo-random images with labels 1, 10 and 3, as
SVHN's cropped digits are published, by SciPy. Needs numpy and scipy."""

import pathlib

import numpy as np
import scipy.io

from noise import noise


def main():
  images = np.stack([noise(1200 + i).reshape(3, 32, 32).transpose(1, 2, 0) for i in range(3)], -1)
  content = {"X": images, "y": np.array([[1], [10], [3]], np.uint8)}
  here = pathlib.Path(__file__)
  for name, packed in [("svhn-packed.mat", True), ("svhn-plain.mat", False)]:
    scipy.io.savemat(here.with_name(name), content, do_compression=packed)
    # The header says when it was written.
    bytes_ = bytearray(here.with_name(name).read_bytes())
    bytes_[:116] = b"MATLAB 5.0 MAT-file, by SciPy".ljust(116)
    here.with_name(name).write_bytes(bytes_)


if __name__ == "__main__":
  main()
