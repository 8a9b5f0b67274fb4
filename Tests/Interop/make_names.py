"""Writes Tests/CABI/Golden/pytorch_names.json: names and shapes of PyTorch's own state_dicts."""

import json
from pathlib import Path

from tutorial import CIFAR10Model, flat

GOLDEN = Path(__file__).resolve().parents[1] / "CABI" / "Golden" / "pytorch_names.json"

if __name__ == "__main__":
    networks = {
        "tutorial": CIFAR10Model(), "sequential": flat(), "sequential tutorial-gap": flat(pool=True)}
    names = {
        title: {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
        for title, network in networks.items()}
    lines = [f'"{title}": {json.dumps(shapes)}' for title, shapes in names.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
