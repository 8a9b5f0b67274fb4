"""Writes muon.json next to this file: five steps of Muon, as its formula says, in NumPy's float64, on a
wide filter bank, a tall matrix and a square one.

Weights and gradients come from Philox, as in make_tutorial_golden.py. Needs numpy and torch. Run:
python make_muon_golden.py
"""

import json
import pathlib

import numpy

from make_tutorial_golden import INITIALIZATION, SYNTHETIC_IMAGES, uniform

RATE, MOMENTUM, DECAY, STEPS = 0.24, 0.6, 0.01, 5
SHAPES = {"0.weight": (6, 3, 3, 3), "2.weight": (40, 7), "4.weight": (5, 40)}


def orthogonal(u):
    x = u / (numpy.linalg.norm(u) + 1e-7)
    if u.shape[0] > u.shape[1]:
        x = x.T
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if u.shape[0] > u.shape[1] else x


golden = {}
for nesterov in (True, False):
    for number, (name, shape) in enumerate(SHAPES.items()):
        w = uniform(shape, INITIALIZATION, 50 + number, 0.5).numpy()
        m = numpy.zeros_like(w)
        for step in range(STEPS):
            g = uniform(shape, SYNTHETIC_IMAGES, 4000 + 10 * step + number, 1).numpy()
            g = g + DECAY * w
            m = MOMENTUM * m + g
            u = g + MOMENTUM * m if nesterov else m
            w = w * numpy.sqrt(len(w)) / numpy.linalg.norm(w)
            w = w - RATE * orthogonal(u.reshape(len(u), -1)).reshape(shape)
        key = f"{name} {'nesterov' if nesterov else 'plain'}"
        golden[key] = [round(v, 9) for v in w.ravel().tolist()]
pathlib.Path(__file__).with_name("muon.json").write_text(json.dumps(golden) + "\n")
