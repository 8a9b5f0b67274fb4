"""Arrays by name as the bytes of a safetensors file, and back: how weights cross over to C."""

import json
import struct
from typing import Any, Dict, List, Mapping

import numpy as np
from numpy.typing import NDArray

from . import _arguments as argument

_NAMES = {"f4": "F32", "f2": "F16", "f8": "F64", "i8": "I64", "i1": "I8"}
_TYPES = {"F32": "<f4", "I64": "<i8", "I8": "<i1"}
_LONGEST_HEADER = 100_000_000


class Encoded(bytes):
    """The bytes of a file: others may be a path."""


def encode(arrays: Mapping[str, Any]) -> Encoded:
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
    return Encoded(b"".join([struct.pack("<Q", len(text)), text, *parts]))


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
    # Of whole numbers only those of 8 bits are weights.
    keeps = array.dtype.kind == "f" or array.dtype == np.int8
    wanted = array.dtype.newbyteorder("<") if keeps else np.dtype("<i8")
    return np.ascontiguousarray(array, wanted).reshape(array.shape)


def header(path: Any) -> Dict[str, Any]:
    """What a file says of its tensors; nothing where it is none, of which the library says why."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LONGEST_HEADER:
                return {}
            said = json.loads(file.read(length))
            tensors = {name: entry for name, entry in said.items() if name != "__metadata__"}
            if any(not isinstance(entry["shape"], list) for entry in tensors.values()):
                return {}
            if not isinstance(said.get("__metadata__", {}), dict):
                return {}
            return dict(said)
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError,
            RecursionError):
        return {}


def renamed(path: Any, names: Mapping[str, str]) -> Encoded:
    """The bytes of a file, with other names of its tensors."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    said = json.loads(data[8:8 + length])
    text = json.dumps({names.get(name, name): entry for name, entry in said.items()}).encode()
    return Encoded(b"".join([struct.pack("<Q", len(text)), text, data[8 + length:]]))
