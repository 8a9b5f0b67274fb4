"""Writes airbench.json and airbench_muon.json next to this file: ten training steps of the networks of
airbench94 and airbench94-muon, made of torch.nn modules, in float64.

In both the whitening filters do not move, their biases for six steps; batch norms have no scale; the
loss is the sum with label smoothing 0.2. airbench94 is trained by torch.optim.SGD, with 64 times the
rate for the norms' shifts; after the fifth and the tenth step training goes on from slow weights.
airbench94-muon has Muon for the filters behind the first, written here from its formula, and
torch.optim.SGD for the rest; rates go straight down to 0, those of the whitening filters' biases in six
steps. Its dense layer is the source's: k = 16·√3 times the weights, with the rate 0.67 and divided by
256, where the library has a rate 1/k² as large and the factor √3/16.

Kept are the mean loss of each step, in float64 and in float32, which shows how far rounding strays, the
logits that the trained network gives the first images, and some weights at the end.

airbench94's images are such that no max-pool has to choose early between two values that differ by little:
weights that are changed by 2.5e-6, which is what Winograd's rounding comes to, move the losses by 2e-6 in
the first seven steps. With the images from 3000 on it is 5e-5 in the third.

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
MUON_RATE, MUON_BIAS_RATE, MUON_HEAD_RATE, MUON_DECAY = 0.24, 0.053, 0.67, 2e-6 * 2000
HEAD_FACTOR = 16 * 3**0.5


class Divided(nn.Module):
    def __init__(self, divisor):
        super().__init__()
        self.divisor = divisor

    def forward(self, x):
        return x / self.divisor


class Muon(torch.optim.Optimizer):
    """Nesterov's momentum made orthogonal, over matrices whose norm is kept at the root of their rows."""

    def __init__(self, parameters, lr, momentum):
        super().__init__(parameters, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weights in group["params"]:
                buffer = self.state[weights].setdefault("buffer", torch.zeros_like(weights))
                buffer.mul_(group["momentum"]).add_(weights.grad)
                update = weights.grad + group["momentum"] * buffer
                weights.mul_(weights.shape[0] ** 0.5 / weights.norm())
                weights.sub_(group["lr"] * orthogonal(update.flatten(1)).view_as(weights))


def orthogonal(matrix):
    x = matrix / (matrix.norm() + 1e-7)
    is_tall = x.shape[0] > x.shape[1]
    x = x.T if is_tall else x
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if is_tall else x


def network(divisor):
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
    layers += [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10, bias=False), Divided(divisor)]
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


def sgd_with_lookahead(model, shifts):
    """airbench94's: what a step does, and what follows it."""
    known = {id(p) for p in shifts}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    optimizer = torch.optim.SGD(
        [dict(params=shifts, lr=64 * RATE, weight_decay=DECAY / (64 * RATE)),
         dict(params=others, lr=RATE, weight_decay=DECAY / RATE)],
        momentum=MOMENTUM, nesterov=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, triangle)
    slow = copy.deepcopy(model.state_dict())

    def update(step):
        optimizer.step()
        schedule.step()
        if (step + 1) % 5 == 0:
            share = 1 - 0.95**5 * ((step + 1) / STEPS) ** 3
            for name, value in model.state_dict().items():
                if value.is_floating_point():
                    slow[name].lerp_(value, share)
                    value.copy_(slow[name])

    return update


def muon(model, shifts):
    """airbench94-muon's."""
    head = model[-2].weight
    with torch.no_grad():
        head.mul_(HEAD_FACTOR)
    filters = [m.weight for m in model[1:] if isinstance(m, nn.Conv2d)]
    groups = [
        dict(params=[model[0].bias], lr=MUON_BIAS_RATE, weight_decay=MUON_DECAY / MUON_BIAS_RATE),
        dict(params=shifts, lr=MUON_BIAS_RATE, weight_decay=MUON_DECAY / MUON_BIAS_RATE),
        dict(params=[head], lr=MUON_HEAD_RATE, weight_decay=MUON_DECAY / MUON_HEAD_RATE),
    ]
    plain = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True)
    optimizers = [plain, Muon(filters, lr=MUON_RATE, momentum=0.6)]
    rates = [(group, group["lr"]) for o in optimizers for group in o.param_groups]

    def update(step):
        for index, (group, rate) in enumerate(rates):
            steps = FROZEN if index == 0 else STEPS
            group["lr"] = rate * max(0, 1 - step / steps)
        for optimizer in optimizers:
            optimizer.step()

    return update


def train(make, divisor, first, dtype):
    model = network(divisor)
    draw(model)
    model.to(dtype)
    update = make(model, [m.bias for m in model if isinstance(m, nn.BatchNorm2d)])
    losses = []
    for step in range(STEPS):
        model[0].bias.requires_grad = step < FROZEN
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, first + step, 2).to(dtype)
        labels = (3 * step + torch.arange(BATCH)) % 10
        loss = nn.functional.cross_entropy(
            model(images), labels, label_smoothing=0.2, reduction="sum")
        model.zero_grad(set_to_none=True)
        loss.backward()
        update(step)
        losses.append(loss.item() / BATCH)
    model.eval()
    with torch.no_grad():
        images = uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, first, 2).to(dtype)
        logits = model(images).double().flatten().tolist()
    kept = {"0.bias": model[0].bias, "2.weight": model[2].weight.flatten()[:64]}
    places = [index for index, m in enumerate(model) if isinstance(m, nn.BatchNorm2d)]
    for index in (places[0], places[-1]):
        kept[f"{index}.bias"] = model[index].bias
        kept[f"{index}.running_var"] = model[index].running_var
    weights = {name: value.detach().double().tolist() for name, value in kept.items()}
    return losses, logits, weights


for name, make, divisor, first in (
        ("airbench", sgd_with_lookahead, 9, 5481), ("airbench_muon", muon, 256, 3000)):
    losses, logits, weights = train(make, divisor, first, torch.float64)
    rough, rough_logits, rough_weights = train(make, divisor, first, torch.float32)
    print(name, max(abs(a - b) for a, b in zip(losses, rough)),
          max(abs(a - b) for a, b in zip(logits, rough_logits)),
          {key: float(numpy.linalg.norm(numpy.subtract(weights[key], rough_weights[key]))
                      / numpy.linalg.norm(weights[key])) for key in weights})
    golden = {
        "losses": losses, "float32_losses": rough, "logits": [round(v, 8) for v in logits],
        "weights": {key: [round(v, 8) for v in values] for key, values in weights.items()},
    }
    (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")
