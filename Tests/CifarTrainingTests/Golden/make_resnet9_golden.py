"""Writes resnet9.json next to this file: ten training steps of the network of resnet9, made of torch.nn
modules, in float64.

The loss is the sum; torch.optim.SGD with Nesterov's momentum, the rate up in a straight line over the
first 5/24 of the steps and down to 0. No augmentation.

Kept are the mean loss of each step, in float64 and in float32, which shows how far rounding strays, the
logits that the trained network gives the first images, and some weights at the end.

Weights and images come from Philox, as in CifarNNTests/Golden/make_tutorial_golden.py. Needs numpy,
safetensors and torch. Run: python make_resnet9_golden.py
"""

import json
import pathlib
import sys

import numpy
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "CifarNNTests" / "Golden"))
from make_tutorial_golden import INITIALIZATION, SYNTHETIC_IMAGES, uniform

BATCH, STEPS = 16, 10
RATE, DECAY, PEAK = 0.4 / 512, 5e-4 * 512, 5 / 24


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


class Scaled(nn.Module):
    def forward(self, x):
        return x * 0.125


def block(channels, filters):
    return [
        nn.Conv2d(channels, filters, 3, padding="same", bias=False), nn.BatchNorm2d(filters),
        nn.ReLU()]


def network():
    return nn.Sequential(
        *block(3, 64),
        *block(64, 128), nn.MaxPool2d(2), Residual(*block(128, 128), *block(128, 128)),
        *block(128, 256), nn.MaxPool2d(2),
        *block(256, 512), nn.MaxPool2d(2), Residual(*block(512, 512), *block(512, 512)),
        nn.MaxPool2d(4), nn.Flatten(), Scaled(), nn.Linear(512, 10, bias=False))


def draw(model):
    for index, (name, parameter) in enumerate(model.named_parameters()):
        shape = tuple(parameter.shape)
        bound = 0.2 if len(shape) == 1 else 2 / numpy.sqrt(numpy.float32(numpy.prod(shape[1:])))
        values = uniform(shape, INITIALIZATION, index, bound)
        if len(shape) == 1 and name.endswith("weight"):
            values = (1 + values.float()).double()  # a batch norm's scale
        with torch.no_grad():
            parameter.copy_(values)


def triangle(step):
    top = int(PEAK * STEPS)
    return step / top if step < top else 1 - (step - top) / (STEPS - top)


KEPT = ("0.weight", "1.running_var", "4.bias", "7.layers.1.weight", "7.layers.4.running_mean",
        "16.layers.4.bias", "20.weight")
# Pooling to one value a plane and flattening are one layer of the library.
NAMES = {"20.weight": "19.weight"}


def kept(model):
    state = model.state_dict()
    return {NAMES.get(name, name): state[name].flatten()[:64].double().tolist() for name in KEPT}


def train(dtype):
    model = network()
    draw(model)
    model.to(dtype)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, triangle)
    losses = []
    for step in range(STEPS):
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, 3000 + step, 2).to(dtype)
        labels = (3 * step + torch.arange(BATCH)) % 10
        loss = nn.functional.cross_entropy(model(images), labels, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item() / BATCH)
    model.eval()
    with torch.no_grad():
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, 3000, 2).to(dtype)
        logits = model(images).double().flatten().tolist()
    return losses, logits, kept(model)


if __name__ == "__main__":
    losses, logits, weights = train(torch.float64)
    rough, rough_logits, rough_weights = train(torch.float32)
    print([abs(a - b) for a, b in zip(losses, rough)], max(abs(a - b) for a, b in zip(logits, rough_logits)),
          {key: float(numpy.linalg.norm(numpy.subtract(weights[key], rough_weights[key]))
                      / numpy.linalg.norm(weights[key])) for key in weights})
    golden = {
        "losses": losses, "float32_losses": rough, "logits": [round(v, 8) for v in logits],
        "weights": {key: [round(v, 8) for v in values] for key, values in weights.items()},
    }
    (HERE / "resnet9.json").write_text(json.dumps(golden) + "\n")
