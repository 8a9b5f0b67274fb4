"""The tutorial's network: where its layers are, and what it computes, in double precision."""

import json

import numpy as np

# Where the layers are in nn.Sequential, in their order.
CONVOLUTIONS = [0, 3, 8, 11, 16, 19]
POOLED = {3, 11, 19}
DENSE = [25, 28]
EPSILON = 1e-5


def read_safetensors(path):
    """Arrays by name, of the model alone."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:8 + size])
    return {
        name: np.frombuffer(
            content, "<f4", offset=8 + size + entry["data_offsets"][0],
            count=int(np.prod(entry["shape"], dtype=int)),
        ).reshape(entry["shape"])
        for name, entry in entries.items()
        if not name.startswith(("__", "optimizer.", "best."))
    }


def probabilities(weights, images):
    """The network in double precision, by its definition."""
    weights = {name: array.astype("f8") for name, array in weights.items()}
    x = images.astype("f8")
    for layer in CONVOLUTIONS:
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3)
        )
        x = np.tensordot(windows, weights[f"{layer}.weight"], ([1, 4, 5], [1, 2, 3]))
        norm = layer + 1
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
        x = (x + weights[f"{layer}.bias"] - weights[f"{norm}.running_mean"]) * scale
        x = np.maximum(x + weights[f"{norm}.bias"], 0).transpose(0, 3, 1, 2)
        if layer in POOLED:
            count, channels, height, width = x.shape
            x = x.reshape(count, channels, height // 2, 2, width // 2, 2).max((3, 5))
    x = x.reshape(len(x), -1)
    for layer in DENSE:
        x = x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        if layer != DENSE[-1]:
            x = np.maximum(x, 0)
    x = np.exp(x - x.max(1, keepdims=True))
    return x / x.sum(1, keepdims=True)
