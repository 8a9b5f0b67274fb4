"""The weights in a checkpoint of the library's own."""

import json
from typing import Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray

# What a training needs besides: moments of the optimizer, the best weights so far.
_OTHERS = ("optimizer.", "best.")


def weights_of(checkpoint: bytes) -> Dict[str, NDArray[np.float32]]:
    """Copies of the model's own tensors, in the order of its layers, as PyTorch has them."""
    length = int.from_bytes(checkpoint[:8], "little")
    header = json.loads(checkpoint[8 : 8 + length])
    result = {}
    del header["__metadata__"]
    # Of a layer, parameters come before statistics, as their bytes do; names are sorted as text.
    tensors = sorted(header.items(), key=lambda item: item[1]["data_offsets"][0])
    for name, tensor in sorted(tensors, key=lambda item: _layer(item[0])):
        if not name.startswith(_OTHERS):
            start, end = tensor["data_offsets"]
            numbers = np.frombuffer(checkpoint[8 + length + start : 8 + length + end], "<f4")
            result[name] = numbers.reshape(tensor["shape"]).copy()
    return result


def _layer(name: str) -> List[Tuple[int, str]]:
    """The places on the way to the layer of a tensor, to sort by."""
    return [(int(part) if part.isdigit() else -1, part) for part in name.split(".")[:-1]]
