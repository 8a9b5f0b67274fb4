"""A model small enough for a golden file, with weights that are easy to write down."""

import numpy as np

LAYERS = [
    {"type": "conv2d", "filters": 2, "kernel_size": 3, "stride": 2, "padding": "same_upper"},
    {"type": "batch_norm", "epsilon": 0.25}, {"type": "gelu"},
    {"type": "residual", "layers": [
        {"type": "conv2d", "filters": 2, "kernel_size": 1, "padding": "valid"}, {"type": "relu"}]},
    {"type": "batch_norm", "epsilon": 0.5}, {"type": "max_pool"}, {"type": "avg_pool"},
    {"type": "dropout", "rate": 0.5}, {"type": "global_average_pool"}, {"type": "dense", "units": 2},
]
NORMALIZATION = {"mean": [0.5, 0.25, 0.125], "std": [0.5, 0.25, 2.0]}
CLASS_NAMES = ["cat", 'the "other"']

SHAPES = {
    "0.weight": (2, 3, 3, 3), "0.bias": (2,),
    "3.layers.0.weight": (2, 2, 1, 1), "3.layers.0.bias": (2,),
    "9.weight": (2, 2), "9.bias": (2,),
} | {
    f"{layer}.{end}": (2,) for layer in (1, 4)
    for end in ("weight", "bias", "running_mean", "running_var")
}


def weights():
    """Under the names of a checkpoint."""
    arrays = {}
    for number, (name, shape) in enumerate(sorted(SHAPES.items())):
        count = int(np.prod(shape))
        arrays[name] = ((np.arange(count) + 1) / (8 + number)).astype(np.float32).reshape(shape)
    return arrays


def folded(arrays):
    """Kernel and bias of the first convolution with the batch norm after it."""
    scale = arrays["1.weight"].astype(float) / np.sqrt(arrays["1.running_var"].astype(float) + 0.25)
    kernel = arrays["0.weight"].astype(float) * scale[:, None, None, None]
    centered = arrays["0.bias"].astype(float) - arrays["1.running_mean"].astype(float)
    bias = centered * scale + arrays["1.bias"].astype(float)
    return kernel.astype(np.float32), bias.astype(np.float32)
