#!/usr/bin/env python3
"""Writes color.json: what Pillow makes of the colours of pseudo-random images, by given factors, as
torchvision's ColorJitter calls it on PIL images (`_functional_pil.py`: adjust_brightness,
adjust_contrast, adjust_saturation, adjust_hue); and what NumPy makes of a reflected border, as
`Pad(padding_mode="reflect")` calls it.

Each case holds the SHA-256 of the result's bytes, (3, 32, 32). Needs pillow and numpy.
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageEnhance

from noise import noise


def picture(seed):
  return Image.fromarray(noise(seed).reshape(3, 32, 32).transpose(1, 2, 0).copy())


def dark(seed):
  """Little contrast: hues far from the pure colours, and greys."""
  return Image.fromarray((np.asarray(picture(seed)) // 16 + 90).astype(np.uint8))


def digest(image):
  planes = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
  assert planes.shape == (3, 32, 32) and planes.dtype == np.uint8
  return hashlib.sha256(planes.tobytes()).hexdigest()


def adjust_hue(image, factor):
  h, s, v = image.convert("HSV").split()
  numbers = np.array(h, dtype=np.uint8)
  with np.errstate(over="ignore"):
    numbers += np.int32(factor * 255).astype(np.uint8)
  return Image.merge("HSV", (Image.fromarray(numbers), s, v)).convert("RGB")


CHANGES = {
  "brightness": lambda image, x: ImageEnhance.Brightness(image).enhance(x),
  "contrast": lambda image, x: ImageEnhance.Contrast(image).enhance(x),
  "saturation": lambda image, x: ImageEnhance.Color(image).enhance(x),
  "hue": adjust_hue,
}


def reflect(image, dx, dy):
  padded = np.pad(np.asarray(image), ((31, 31), (31, 31), (0, 0)), mode="reflect")
  return Image.fromarray(np.ascontiguousarray(padded[31 - dy:63 - dy, 31 - dx:63 - dx]))


def main():
  random = np.random.default_rng(4)
  cases = []
  for change, function in CHANGES.items():
    edges = [-0.5, 0.5, 0.0, 0.1, -0.1] if change == "hue" else [0.0, 1.0, 0.5, 1.5, 2.0, 3.7]
    drawn = random.uniform(*((-0.5, 0.5) if change == "hue" else (0, 2)), 25)
    for i, factor in enumerate(edges + np.float32(drawn).astype(float).tolist()):
      for kind, make in [("noise", picture), ("dark", dark)]:
        seed = 2000 + len(cases)
        cases.append({
          "seed": seed, "image": kind, "change": change, "factor": factor,
          "sha256": digest(function(make(seed), factor))})
  reflections = [
    {"seed": 3000 + i, "dx": dx, "dy": dy, "sha256": digest(reflect(picture(3000 + i), dx, dy))}
    for i, (dx, dy) in enumerate([(0, 0), (4, -4), (-3, 2), (31, -31), (1, 0), (-1, -1)])]
  golden = {"versions": {"pillow": PIL.__version__}, "colors": cases, "reflections": reflections}
  text = json.dumps(golden).replace('{"seed"', '\n{"seed"')
  pathlib.Path(__file__).with_name("color.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
