"""Writes airbench.json next to this file: ten training steps of airbench94's network, made of torch.nn
modules and trained by torch.optim.SGD in float64.

The whitening filters do not move, their biases for six steps; batch norms have no scale, and 64 times
the rate for their shifts; the loss is the sum with label smoothing 0.2; after the fifth and the tenth
step training goes on from slow weights. Kept are the mean loss of each step, in float64 and in float32,
which shows how far rounding strays, the logits that the trained network gives the first images, and
some weights at the end.

Weights and images come from Philox, as in CifarNNTests/Golden/make_tutorial_golden.py. Needs numpy and
torch. Run: python make_airbench_golden.py
"""

import copy
import json
import pathlib
import sys

import numpy
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "CifarNNTests" / "Golden"))
from make_tutorial_golden import INITIALIZATION, SYNTHETIC_IMAGES, uniform

BATCH, STEPS, FROZEN = 16, 10, 6
MOMENTUM, KILOSTEP = 0.85, 1024 * (1 + 1 / (1 - 0.85))
RATE, DECAY = 11.5 / KILOSTEP, 0.0153 * 1024 / KILOSTEP


class Scaled(nn.Module):
    def forward(self, x):
        return x / 9


def network():
    layers, channels = [nn.Conv2d(3, 24, 2), nn.GELU()], 24
    for filters in (64, 256, 256):
        for half in range(2):
            layers.append(nn.Conv2d(channels, filters, 3, padding="same", bias=False))
            if half == 0:
                layers.append(nn.MaxPool2d(2))
            layers += [nn.BatchNorm2d(filters, eps=1e-12, momentum=0.4), nn.GELU()]
            layers[-2].weight.requires_grad = False
            channels = filters
    # After the dense layer, as in the source.
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10, bias=False), Scaled()]
    layers[0].weight.requires_grad = False
    return nn.Sequential(*layers)


def draw(model):
    index = 0
    for name, parameter in model.named_parameters():
        if not (parameter.requires_grad or name == "0.weight"):
            continue  # a batch norm's scale
        shape = tuple(parameter.shape)
        bound = 0.2 if len(shape) == 1 else 2 / numpy.sqrt(numpy.float32(numpy.prod(shape[1:])))
        with torch.no_grad():
            parameter.copy_(uniform(shape, INITIALIZATION, index, bound))
        index += 1


def triangle(step, start=0.2, peak=0.23, end=0.07):
    top = int(peak * STEPS)
    if step < top:
        return start + (1 - start) * step / top
    return 1 + (end - 1) * (step - top) / (STEPS - top)


def train(dtype):
    model = network()
    draw(model)
    model.to(dtype)
    norms = [m for m in model if isinstance(m, nn.BatchNorm2d)]
    shifts = [m.bias for m in norms]
    known = {id(p) for p in shifts}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    optimizer = torch.optim.SGD(
        [dict(params=shifts, lr=64 * RATE, weight_decay=DECAY / (64 * RATE)),
         dict(params=others, lr=RATE, weight_decay=DECAY / RATE)],
        momentum=MOMENTUM, nesterov=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, triangle)
    slow = copy.deepcopy(model.state_dict())
    losses = []
    for step in range(STEPS):
        model[0].bias.requires_grad = step < FROZEN
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, 3000 + step, 2).to(dtype)
        labels = (3 * step + torch.arange(BATCH)) % 10
        loss = nn.functional.cross_entropy(
            model(images), labels, label_smoothing=0.2, reduction="sum")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item() / BATCH)
        if (step + 1) % 5 == 0:
            share = 1 - 0.95**5 * ((step + 1) / STEPS) ** 3
            for name, value in model.state_dict().items():
                if value.is_floating_point():
                    slow[name].lerp_(value, share)
                    value.copy_(slow[name])
    model.eval()
    with torch.no_grad():
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, 3000, 2).to(dtype)
        logits = model(images).double().flatten().tolist()
    kept = {"0.bias": model[0].bias}
    places = [index for index, m in enumerate(model) if isinstance(m, nn.BatchNorm2d)]
    for index in (places[0], places[-1]):
        kept[f"{index}.bias"] = model[index].bias
        kept[f"{index}.running_var"] = model[index].running_var
    weights = {name: value.detach().double().tolist() for name, value in kept.items()}
    return losses, logits, weights


losses, logits, weights = train(torch.float64)
rough, rough_logits, _ = train(torch.float32)
print(max(abs(a - b) for a, b in zip(losses, rough)),
      max(abs(a - b) for a, b in zip(logits, rough_logits)))
golden = {
    "losses": losses, "float32_losses": rough, "logits": [round(v, 8) for v in logits],
    "weights": {name: [round(v, 8) for v in values] for name, values in weights.items()},
}
(HERE / "airbench.json").write_text(json.dumps(golden) + "\n")
