#!/usr/bin/env python3
"""Writes pil.json: what torchvision makes of pseudo-random images, by given parameters.

Each case holds the SHA-256 of the result's bytes, (3, 32, 32). Needs pillow, torch, torchvision,
numpy. `versions` in the file says which ones it was made with.
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
import PIL.Image
import torch
import torchvision
import torchvision.transforms.functional as F
from torchvision.transforms import InterpolationMode

from noise import noise


def picture(seed):
  return PIL.Image.fromarray(noise(seed).reshape(3, 32, 32).transpose(1, 2, 0).copy())


def digest(image):
  planes = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
  assert planes.shape == (3, 32, 32) and planes.dtype == np.uint8
  return hashlib.sha256(planes.tobytes()).hexdigest()


def rotate(image, angle):
  return F.rotate(image, angle, InterpolationMode.NEAREST, fill=0)


def translate(image, dx, dy):
  return F.affine(
    image, angle=0.0, translate=[dx, dy], scale=1.0, shear=[0.0, 0.0],
    interpolation=InterpolationMode.NEAREST, fill=0)


def angles():
  random = np.random.default_rng(1)
  yield from [0.0, 15.0, -15.0, 45.0, 90.0, -90.0, 180.0, -180.0, 1e-3, -1e-3, 1e-9, 14.999999]
  # As the tutorials draw them: 32-bit numbers.
  yield from np.float32(random.uniform(-15, 15, 150)).astype(float).tolist()
  yield from np.float32(random.uniform(-180, 180, 80)).astype(float).tolist()


def main():
  random = np.random.default_rng(2)
  rotations = [
    {"seed": 100 + i, "degrees": angle, "sha256": digest(rotate(picture(100 + i), angle))}
    for i, angle in enumerate(angles())
  ]
  shifts = [(dx, dy) for dy in range(-4, 5) for dx in range(-4, 5)]
  shifts += [(31, 0), (0, -31), (32, 5), (-32, 0), (-17, 23)]
  translations = [
    {"seed": 500 + i, "dx": dx, "dy": dy, "sha256": digest(translate(picture(500 + i), dx, dy))}
    for i, (dx, dy) in enumerate(shifts)
  ]
  chains = []
  for i in range(20):
    angle = float(np.float32(random.uniform(-15, 15)))
    dx, dy = (int(v) for v in random.integers(-3, 4, 2))
    image = translate(rotate(F.hflip(picture(700 + i)), angle), dx, dy)
    chains.append(
      {"seed": 700 + i, "degrees": angle, "dx": dx, "dy": dy, "sha256": digest(image)})
  # Every byte through ToTensor and Normalize, as the tutorial has them: (3, 256) 32-bit numbers.
  ramp = PIL.Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2))
  numbers = F.normalize(F.to_tensor(ramp), (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
  golden = {
    "versions": {
      "pillow": PIL.__version__, "torch": torch.__version__,
      "torchvision": torchvision.__version__},
    "rotations": rotations, "translations": translations, "chains": chains,
    "flip": digest(F.hflip(picture(1))),
    "normalization_bits": numbers.numpy().reshape(-1).view(np.uint32).tolist(),
  }
  text = json.dumps(golden).replace('{"seed"', '\n{"seed"').replace('"normal', '\n"normal')
  pathlib.Path(__file__).with_name("pil.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
