"""What callers hand in, made what C takes; errors name the argument."""

import json
import math
import operator
import os
from collections.abc import Mapping
from typing import Optional

import numpy as np


def text(value, name: str) -> Optional[bytes]:
    """A string for C, UTF-8 in every locale; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {_kind(value)}, not a str")
    return _whole_string(value.encode(), name)


def required_text(value, name: str) -> bytes:
    if value is None:
        raise TypeError(f"{name} is None, not a str")
    return text(value, name)


def path(value, name: str) -> Optional[bytes]:
    """A path for C, as the file system has it; None stays None."""
    if value is None:
        return None
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} is a {_kind(value)}, not a path")
    return _whole_string(os.fsencode(value), name)


def required_path(value, name: str) -> bytes:
    if value is None:
        raise TypeError(f"{name} is None, not a path")
    return path(value, name)


def _whole_string(value: bytes, name: str) -> bytes:
    # C would take what is before it.
    if b"\0" in value:
        raise ValueError(f"{name} has a NUL character in it")
    return value


def whole(value, name: str, low: int = 0, high: int = 2**32 - 1) -> int:
    """A whole number in a range; numpy's too."""
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a {_kind(value)}, not a whole number") from None
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is out of range: it is {low} to {high}")
    return value


def optional_whole(value, name: str, high: int = 2**32 - 1) -> int:
    """An option for C, where 0 stands for None."""
    return 0 if value is None else whole(value, name, 1, high)


def number(value, name: str) -> float:
    """A number as Python's float: numpy's, and whatever else can be one."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is a {_kind(value)}, not a number")
    try:
        return float(value)
    except TypeError:
        raise TypeError(f"{name} is a {_kind(value)}, not a number") from None


def flag(value, name: str) -> int:
    """True or False, numpy's too, as C's 1 or 0."""
    if not isinstance(value, (bool, np.bool_)) and not (type(value) is int and value in (0, 1)):
        raise TypeError(f"{name} is a {_kind(value)}, neither True nor False")
    return int(value)


def checkpoint(value) -> bytes:
    """``"last"``, ``"best"`` or a checkpoint's id."""
    if isinstance(value, str):
        return text(value, "checkpoint")
    try:
        return str(operator.index(value)).encode()
    except TypeError:
        raise TypeError(
            f"checkpoint is a {_kind(value)}, neither 'last', 'best' nor an id") from None


def handle(value, kind: type, name: str, remedy: str = ""):
    """The handle of a Dataset or another object of the library."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is a {_kind(value)}, not a {kind.__name__}{remedy}")
    return value._handle


def json_text(value, name: str) -> bytes:
    """JSON for C of what Python and numpy call numbers, lists and texts."""
    return json.dumps(_plain(value, name), allow_nan=False).encode()


def _plain(value, name: str):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"{name} {value} is not a finite number")
        return float(value)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist(), name)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name} has the key {key!r}, which is no str")
        return {key: _plain(item, f"{name}.{key}" if name else key) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    raise TypeError(
        f"{name} is a {_kind(value)}, neither a number, a str, a bool, a list nor a dict")


def _kind(value) -> str:
    """The type of a value, as its author writes it: ``numpy.ndarray``."""
    if value is None:
        return "None"
    kind = type(value)
    module = kind.__module__.split(".")[0]
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
