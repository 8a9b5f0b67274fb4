#!/usr/bin/env python3
"""Writes schedules.json: the learning rates of PyTorch's schedulers and Keras's schedules, as
factors of the rate that they begin with, one a step or an epoch. Needs torch and keras."""

import json
import os
import pathlib
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import keras
import torch
from torch.optim import lr_scheduler as lr

COUNT = 40


def with_torch(make):
  optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
  scheduler = make(optimizer)
  factors = []
  for _ in range(COUNT):
    factors.append(optimizer.param_groups[0]["lr"])
    scheduler.step()
  return factors


def with_keras(schedule):
  return [float(schedule(step)) for step in range(COUNT)]


def warm(optimizer):
  return lr.SequentialLR(
    optimizer, [lr.LinearLR(optimizer, 0.2, total_iters=5), lr.StepLR(optimizer, 7, 0.5)], [5])


CASES = [
  ({"type": "exponential", "decay_rate": 0.9}, with_torch(lambda o: lr.ExponentialLR(o, 0.9))),
  ({"type": "step", "step_size": 6, "gamma": 0.3}, with_torch(lambda o: lr.StepLR(o, 6, 0.3))),
  ({"type": "multistep", "milestones": [3, 8, 30], "gamma": 0.5},
   with_torch(lambda o: lr.MultiStepLR(o, [3, 8, 30], 0.5))),
  # It rises again after T_max, which training does not reach.
  ({"type": "cosine", "decay_steps": COUNT - 1, "alpha": 0.05},
   with_torch(lambda o: lr.CosineAnnealingLR(o, COUNT - 1, 0.05))),
  ({"type": "constant", "warmup": 4}, with_torch(lambda o: lr.LinearLR(o, total_iters=4))),
  ({"type": "step", "step_size": 7, "gamma": 0.5, "warmup": 5, "warmup_start": 0.2},
   with_torch(warm)),
  ({"type": "exponential", "decay_rate": 0.96, "decay_steps": 10},
   with_keras(keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.96))),
  ({"type": "exponential", "decay_rate": 0.5, "decay_steps": 7, "staircase": True},
   with_keras(keras.optimizers.schedules.ExponentialDecay(1.0, 7, 0.5, staircase=True))),
  ({"type": "cosine", "decay_steps": 25, "alpha": 0.1},
   with_keras(keras.optimizers.schedules.CosineDecay(1.0, 25, alpha=0.1))),
  ({"type": "cosine", "decay_steps": 20, "warmup": 10, "warmup_start": 0.0},
   with_keras(keras.optimizers.schedules.CosineDecay(
     0.0, 20, warmup_target=1.0, warmup_steps=10))),
]


def main():
  golden = {
    "versions": {"keras": keras.__version__, "torch": torch.__version__},
    "cases": [{"schedule": schedule, "factors": factors} for schedule, factors in CASES],
  }
  text = json.dumps(golden).replace('{"schedule"', '\n{"schedule"')
  pathlib.Path(__file__).with_name("schedules.json").write_text(text + "\n")


if __name__ == "__main__":
  main()
