#!/usr/bin/env python3
"""Writes auto_augment.json: what the operations of torchvision's TrivialAugmentWide and RandAugment (v2)
make of pseudo-random uint8 tensors, at every strength.

A result is the first eight digits of its bytes' SHA-256. Those of an operation stand one after the
other: of each strength the one, then, if it has a direction, the other way. Needs numpy, torch,
torchvision.
"""

import hashlib
import json
import pathlib

import numpy as np
import torch
import torchvision
from torchvision.transforms import v2

from noise import noise

BINS = 31
IMAGES = [
  {"seed": 40, "shape": [3, 32, 32], "is_dim": False, "fill": None},
  {"seed": 41, "shape": [3, 32, 32], "is_dim": True, "fill": 200},
  {"seed": 42, "shape": [1, 28, 28], "is_dim": False, "fill": 7},
  {"seed": 43, "shape": [3, 24, 40], "is_dim": True, "fill": None},
  {"seed": 44, "shape": [1, 41, 17], "is_dim": True, "fill": None},
]


def picture(case):
  planes = noise(case["seed"], int(np.prod(case["shape"]))).reshape(case["shape"])
  if case["is_dim"]:
    planes = planes // 4 + 60
    # All pixels alike, and, of a coloured image, few values.
    planes[-1] = planes[-1] // 8 * 8 if len(planes) == 3 else planes[-1]
    if len(planes) == 3:
      planes[0] = 77
  return torch.from_numpy(planes)


def digests(policy, operation, image):
  magnitudes, is_signed = policy._AUGMENTATION_SPACE[operation]
  magnitudes = magnitudes(BINS, *image.shape[-2:])
  text = ""
  for place in range(BINS):
    magnitude = 0.0 if magnitudes is None else float(magnitudes[place])
    for direction in (1, -1) if is_signed else (1,):
      result = policy._apply_image_or_video_transform(
        image, operation, direction * magnitude, interpolation=policy.interpolation,
        fill=policy._fill)
      text += hashlib.sha256(result.contiguous().numpy().tobytes()).hexdigest()[:8]
  return text


def main():
  torch.set_num_threads(1)
  cases = []
  for name, kind in (("wide", v2.TrivialAugmentWide), ("narrow", v2.RandAugment)):
    for case in IMAGES:
      policy = kind(num_magnitude_bins=BINS, fill=case["fill"])
      results = {
        operation: digests(policy, operation, picture(case))
        for operation in policy._AUGMENTATION_SPACE}
      cases.append(
        case | {
          "space": name, "fill": case["fill"] or 0, "operations": list(results),
          "digests": list(results.values())})
  golden = {
    "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    "bins": BINS, "cases": cases}
  text = json.dumps(golden).replace('{"seed"', '\n{"seed"').replace('"digests": [', '"digests": [\n')
  pathlib.Path(__file__).with_name("auto_augment.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
