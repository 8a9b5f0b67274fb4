"""Writes initialization.json next to this file: what PyTorch's and Keras's layers begin with.

For a convolution of 8 to 32 channels and dense layers of 4608 to 24 and 24 to 10 units, those of
InitializationTests.swift, it keeps count, mean, variance and the largest absolute value of weights
and biases over many draws.

Needs torch, keras and numpy. Run: python make_initialization_golden.py
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy
import torch

DRAWS = 40


def summary(tensors):
    values = numpy.concatenate([numpy.asarray(t, numpy.float64).reshape(-1) for t in tensors])
    return {
        "count": len(tensors[0].reshape(-1)),
        "mean": values.mean(),
        "variance": values.var(),
        "largest": abs(values).max(),
    }


def torch_layers():
    nn = torch.nn
    return {"0": nn.Conv2d(8, 32, 3), "4": nn.Linear(4608, 24), "5": nn.Linear(24, 10)}


def keras_layers():
    layers = {"0": (keras.layers.Conv2D(32, 3), (12, 12, 8)), "4": (keras.layers.Dense(24), (4608,))}
    layers["5"] = (keras.layers.Dense(10), (24,))
    for layer, shape in layers.values():
        layer.build((None, *shape))
    return {name: layer for name, (layer, _) in layers.items()}


def main():
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    golden = {"pytorch": {}, "keras": {}}
    drawn = {"pytorch": [torch_layers() for _ in range(DRAWS)]}
    drawn["keras"] = [keras_layers() for _ in range(DRAWS)]
    for dialect, models in drawn.items():
        for name in models[0]:
            if dialect == "pytorch":
                pairs = [(m[name].weight.detach(), m[name].bias.detach()) for m in models]
            else:
                pairs = [m[name].get_weights() for m in models]
            golden[dialect][f"{name}.weight"] = summary([pair[0] for pair in pairs])
            golden[dialect][f"{name}.bias"] = summary([pair[1] for pair in pairs])
    file = pathlib.Path(__file__).parent / "initialization.json"
    file.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
