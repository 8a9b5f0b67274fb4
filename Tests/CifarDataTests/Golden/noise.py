import numpy as np


def noise(seed, count=3072):
  """The upper bytes of a linear congruential generator; the tests make the same ones."""
  values = []
  state = seed
  for _ in range(count):
    state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
    values.append(state >> 24)
  return np.array(values, np.uint8)
