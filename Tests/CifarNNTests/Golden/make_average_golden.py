#!/usr/bin/env python3
"""Writes average.json: what PyTorch's AveragedModel makes of given weights. Needs torch."""

import json
import pathlib

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

HERE = pathlib.Path(__file__)
STEPS = 6

torch.manual_seed(0)
weights = [torch.randn(2, 3) for _ in range(STEPS)]
cases = []
for decay in [0.0, 0.3, 0.5, 0.9, 0.999]:
    layer = torch.nn.Linear(3, 2, bias=False)
    average = AveragedModel(layer, multi_avg_fn=get_ema_multi_avg_fn(decay))
    values = []
    for weight in weights:
        layer.weight.data.copy_(weight)
        average.update_parameters(layer)
        values.append(average.module.weight.flatten().tolist())
    cases.append({"decay": decay, "averages": values})
golden = {"weights": [weight.flatten().tolist() for weight in weights], "cases": cases}
(HERE.parent / "average.json").write_text(json.dumps(golden) + "\n")
