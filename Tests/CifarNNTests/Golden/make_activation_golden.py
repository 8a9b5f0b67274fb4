#!/usr/bin/env python3
"""Writes activations.json: what PyTorch's GELU and its gradient are, in double. Needs torch."""

import json
import pathlib

import torch

HERE = pathlib.Path(__file__)

x = torch.cat([torch.linspace(-12, 12, 49), torch.tensor([-1e-4, 1e-4, 0.7517, -0.7517])]).double()
x.requires_grad_(True)
y = torch.nn.functional.gelu(x)
y.sum().backward()
golden = {"x": x.tolist(), "gelu": y.tolist(), "slope": x.grad.tolist()}
(HERE.parent / "activations.json").write_text(json.dumps(golden) + "\n")
