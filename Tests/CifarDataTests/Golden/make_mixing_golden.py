#!/usr/bin/env python3
"""Writes mixing.json and mixing.f32: what torchvision's MixUp and CutMix (v2) make of batches of
pseudo-random images, with what they drew.

mixing.f32 holds the batches one after the other, (count, channels, height, width) little-endian
32-bit numbers. Needs torch, torchvision and numpy.
"""

import json
import pathlib

import numpy as np
import torch
import torchvision
from torchvision.transforms import v2

from noise import noise

SHAPES = [(1, 8, 9), (3, 8, 8), (3, 9, 8)]
BATCHES = 60


def mixed(index):
  shape, count, seed = SHAPES[index % 3], 1 + index % 4, 300 + index
  images = noise(seed, count * int(np.prod(shape))).reshape(count, *shape)
  # As of a normalisation: what is mixed is no whole number.
  images = torch.from_numpy((images.astype(np.float32) - np.float32(120)) / np.float32(61))
  labels = torch.arange(count)
  case = {"seed": seed, "shape": shape, "count": count}
  kind = v2.MixUp if index % 2 == 0 else v2.CutMix
  transform = kind(alpha=[1.0, 0.2, 3.0][index // 2 % 3], num_classes=count)
  drawn = []
  sample, randint = transform._dist.sample, torch.randint
  transform._dist.sample = lambda *shape: drawn.append(sample(*shape)) or drawn[-1]
  torch.randint = lambda *args, **size: drawn.append(randint(*args, **size)) or drawn[-1]
  try:
    result, targets = transform(images, labels)
  finally:
    torch.randint = randint
  case["share"] = float(drawn[0])
  if kind is v2.CutMix:
    case["x"], case["y"] = int(drawn[1]), int(drawn[2])
  # One-hot vectors: the first row has the image's own label and that of the last image.
  case["targets"] = targets.flatten().tolist()
  return case, result.numpy().astype("<f4").tobytes()


def main():
  torch.manual_seed(18)
  cases, numbers = zip(*map(mixed, range(BATCHES)))
  here = pathlib.Path(__file__)
  here.with_name("mixing.f32").write_bytes(b"".join(numbers))
  golden = {
    "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    "batches": cases}
  here.with_name("mixing.json").write_text(
    json.dumps(golden).replace('{"seed"', '\n{"seed"') + "\n")


if __name__ == "__main__":
  main()
