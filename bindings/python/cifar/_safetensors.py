"""Arrays by name as the bytes of a safetensors file, and back: how weights cross over to C."""

import json
import struct
from typing import Any, Dict, List, Mapping

import numpy as np
from numpy.typing import NDArray

from . import _arguments as argument

_NAMES = {"f4": "F32", "f2": "F16", "f8": "F64", "i8": "I64"}
_TYPES = {"F32": "<f4", "I64": "<i8"}


def encode(arrays: Mapping[str, Any]) -> bytes:
    """The bytes of a file; arrays may be NumPy's, PyTorch's or what NumPy makes arrays of."""
    header: Dict[str, Any] = {}
    parts: List[bytes] = []
    size = 0
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise TypeError(f"weights has the key {name!r}, which is no str")
        array = _array(value, f"weights[{name!r}]")
        data = array.tobytes()
        header[name] = {
            "dtype": _NAMES[array.dtype.str[1:]], "shape": list(array.shape),
            "data_offsets": [size, size + len(data)],
        }
        parts.append(data)
        size += len(data)
    text = json.dumps(header).encode()
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def decode(data: bytes) -> Dict[str, NDArray[Any]]:
    """The arrays of a file that the library wrote, in the order of its numbers."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        numbers = np.frombuffer(data[begin:end], _TYPES[entry["dtype"]])
        arrays[name] = numbers.reshape(entry["shape"]).copy()
    return arrays


def _array(value: Any, name: str) -> NDArray[Any]:
    if hasattr(value, "detach"):  # of PyTorch, whose bfloat16 NumPy does not have
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    array = argument.array(value, name)
    if array.dtype.kind not in "fiu" or array.dtype.kind == "f" and array.dtype.itemsize > 8:
        raise TypeError(f"{name} is an array of {array.dtype}, not of numbers")
    wanted = array.dtype.newbyteorder("<") if array.dtype.kind == "f" else np.dtype("<i8")
    return np.ascontiguousarray(array, wanted).reshape(array.shape)
