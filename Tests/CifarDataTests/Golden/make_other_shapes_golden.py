#!/usr/bin/env python3
"""Writes other_shapes.json: what torchvision, Pillow, NumPy and Keras make of pseudo-random images that
are not CIFAR's: grey ones, and such with more columns than rows or more rows than columns.

Changes to the byte have the SHA-256 of the result's bytes, (channels, height, width); Keras's numbers
are there as they are. Needs keras (any backend), numpy, pillow, scipy, torch, torchvision.
"""

import hashlib
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import PIL
import torchvision
import torchvision.transforms.functional as F
from keras.src.legacy.preprocessing import image as keras_image
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image
from torchvision.transforms import InterpolationMode

from noise import noise

# Keras turns an image with unequal sides about a point beside its centre: half the height is taken for
# the column, half the width for the row. Here they are exchanged.
_center = keras_image.transform_matrix_offset_center
keras_image.transform_matrix_offset_center = lambda matrix, x, y: _center(matrix, y, x)

SHAPES = [(1, 28, 28), (3, 24, 40), (1, 41, 17), (3, 64, 64)]


def picture(seed, shape):
  planes = noise(seed, int(np.prod(shape))).reshape(shape)
  return Image.fromarray(planes[0].copy() if shape[0] == 1 else planes.transpose(1, 2, 0).copy())


def planes(image):
  pixels = np.asarray(image)
  return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def reflect(image, dx, dy):
  pixels = np.asarray(image)
  pad = ((7, 7), (7, 7)) + ((0, 0),) * (pixels.ndim - 2)
  padded = np.pad(pixels, pad, mode="reflect")
  height, width = pixels.shape[:2]
  return padded[7 - dy:7 - dy + height, 7 - dx:7 - dx + width]


def changes(image):
  yield "flip", [], F.hflip(image)
  for degrees in (15.0, -7.25, 101.5):
    yield "rotate", [degrees], F.rotate(image, degrees, InterpolationMode.NEAREST, fill=0)
  for dx, dy in ((3, -2), (-5, 4), (0, 16)):
    yield "translate", [dx, dy], F.affine(
      image, angle=0.0, translate=[dx, dy], scale=1.0, shear=[0.0, 0.0],
      interpolation=InterpolationMode.NEAREST, fill=0)
  for dx, dy in ((7, -3), (-6, 7)):
    yield "reflect", [dx, dy], reflect(image, dx, dy)
  for factor in (0.25, 1.5):
    factor = float(np.float32(factor))
    yield "brightness", [factor], F.adjust_brightness(image, factor)
    yield "contrast", [factor], F.adjust_contrast(image, factor)
    yield "saturation", [factor], F.adjust_saturation(image, factor)
  yield "hue", [0.25], F.adjust_hue(image, 0.25)


def generated(seed, shape, case):
  generator = ImageDataGenerator(fill_mode="nearest")
  image = noise(seed, int(np.prod(shape))).reshape(shape).transpose(1, 2, 0).astype(np.float32)
  result = np.ascontiguousarray(generator.apply_transform(image, case).transpose(2, 0, 1))
  return {"seed": seed, "shape": shape, "flip_horizontal": False} | case | {
    "numbers": [float(f"{number:.7g}") for number in result.ravel()]}


def main():
  cases = []
  for number, shape in enumerate(SHAPES):
    seed = 1000 + number
    for name, parameters, result in changes(picture(seed, shape)):
      cases.append({"seed": seed, "shape": shape, "change": name, "parameters": parameters,
                    "sha256": hashlib.sha256(planes(result).tobytes()).hexdigest()})
  numbers = [
    generated(1100, (1, 9, 13), {"theta": -7.3, "tx": 1.7, "ty": 3.1}),
    generated(1101, (1, 13, 9), {"theta": 12.5, "tx": 2.1, "ty": -0.7, "zx": 1.2, "zy": 0.7,
                                 "flip_horizontal": True}),
    generated(1102, (3, 8, 11), {"theta": 123.0, "tx": -1.5, "ty": 0.5, "zx": 0.8, "zy": 1.3}),
  ]
  golden = {
    "versions": {"keras": keras.__version__, "numpy": np.__version__, "pillow": PIL.__version__,
                 "torchvision": torchvision.__version__},
    "changes": cases, "generated": numbers,
  }
  text = json.dumps(golden).replace('{"seed"', '\n{"seed"')
  pathlib.Path(__file__).with_name("other_shapes.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
