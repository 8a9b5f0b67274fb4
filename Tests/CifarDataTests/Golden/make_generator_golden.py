#!/usr/bin/env python3
"""Writes generator.json and generator.f32: what Keras's ImageDataGenerator makes of pseudo-random
images, by given parameters.

generator.f32 holds (case, 3, 32, 32) little-endian 32-bit numbers. Needs keras (any backend), scipy
and numpy.
"""

import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import scipy
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from noise import noise

CASES = [
  {"theta": 0.0, "tx": 0.0, "ty": 0.0},
  {"theta": 0.0, "tx": 2.25, "ty": -1.5, "flip_horizontal": True},
  {"theta": 15.0, "tx": 0.0, "ty": 0.0},
  {"theta": -7.3, "tx": 1.7, "ty": 3.1},
  {"theta": 11.9, "tx": -3.2, "ty": 0.4, "flip_horizontal": True},
  {"theta": 2.5, "tx": 40.0, "ty": -35.0},
  {"theta": 123.0, "tx": 0.5, "ty": 0.5},
  {"theta": 0.0, "tx": 0.0, "ty": 0.0, "zx": 0.8, "zy": 1.3},
  {"theta": -12.5, "tx": 2.1, "ty": -0.7, "zx": 1.2, "zy": 0.7, "flip_horizontal": True},
  {"theta": 5.5, "tx": -1.0, "ty": 3.0, "brightness": 0.6},
  {"theta": 9.0, "tx": 0.0, "ty": 1.0, "zx": 0.9, "zy": 0.9, "brightness": 1.45},
]


def main():
  generator = ImageDataGenerator(fill_mode="nearest")
  results = []
  for seed, case in enumerate(CASES):
    image = noise(900 + seed).reshape(3, 32, 32).transpose(1, 2, 0).astype(np.float32)
    result = generator.apply_transform(image, case)
    results.append(np.ascontiguousarray(result.transpose(2, 0, 1), "<f4"))
  here = pathlib.Path(__file__)
  here.with_name("generator.f32").write_bytes(np.stack(results).tobytes())
  golden = {
    "versions": {"keras": keras.__version__, "scipy": scipy.__version__},
    "cases": [
      {"seed": 900 + seed, "flip_horizontal": False} | case for seed, case in enumerate(CASES)
    ],
  }
  here.with_name("generator.json").write_text(
    json.dumps(golden).replace('{"seed"', '\n{"seed"') + "\n")


if __name__ == "__main__":
  main()
