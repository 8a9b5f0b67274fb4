"""What callers hand in, made what C takes; errors name the argument."""

import json
import math
import operator
import os
from collections.abc import Mapping
from typing import Any, List, Optional, Protocol, Union

import numpy as np
from numpy.typing import NDArray

MOST_EPOCHS = 10**6


def text(value: object, name: str) -> Optional[bytes]:
    """A string for C, UTF-8 in every locale; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {kind_of(value)}, not a str")
    return _whole_string(_utf8(value, name), name)


def required_text(value: object, name: str) -> bytes:
    result = text(value, name)
    if result is None:
        raise TypeError(f"{name} is None, not a str")
    return result


class Recorded(Protocol):
    """What ``fit`` returns, as far as it says where a run is."""

    @property
    def id(self) -> Optional[str]: ...

    @property
    def registry(self) -> Optional[str]: ...


def run(value: Union[str, Recorded]) -> bytes:
    """A run for C: its id, the beginning of it, or its name; or what ``fit`` returned."""
    if hasattr(value, "id") and hasattr(value, "registry"):
        if value.id is None:
            raise ValueError(
                "run was not recorded: there is nothing of it in a registry, run.model is its model")
        value = value.id
    return required_text(value, "run")


def verbose(value: object) -> int:
    """What is shown: 0 nothing."""
    if isinstance(value, str) and value == "auto":
        return 0
    return whole(int(value) if isinstance(value, bool) else value, "verbose", 0, 2)


def texts(value: Any, name: str) -> List[bytes]:
    """A list of strings for C, or whatever else gives one after the other."""
    if isinstance(value, str):
        raise TypeError(f"{name} is one str, not a list of them")
    # Bytes are a list of numbers for Python, a dict one of its keys.
    if isinstance(value, (bytes, bytearray, memoryview, Mapping)) or not _is_list(value):
        raise TypeError(f"{name} is a {kind_of(value)}, not a list of str")
    return [required_text(item, f"{name}[{index}]") for index, item in enumerate(value)]


def _is_list(value: Any) -> bool:
    try:
        iter(value)
        return True
    except TypeError:
        return False


def _utf8(value: str, name: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} is not Unicode: its character {error.start} is {value[error.start]!r}, half of a "
            "surrogate pair") from None


def path(value: object, name: str) -> Optional[bytes]:
    """A path for C, as the file system has it; None stays None."""
    if value is None:
        return None
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} is a {kind_of(value)}, not a path")
    try:
        encoded = os.fsencode(value)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} can't be a path: character {error.start} is {error.object[error.start]!a}, "
            f"which {error.encoding} does not have") from None
    return _whole_string(encoded, name)


def required_path(value: object, name: str) -> bytes:
    result = path(value, name)
    if result is None:
        raise TypeError(f"{name} is None, not a path")
    return result


def _whole_string(value: bytes, name: str) -> bytes:
    # C would take what is before it.
    if b"\0" in value:
        raise ValueError(f"{name} has a NUL character in it")
    return value


def whole(value: Any, name: str, low: int = 0, high: int = 2**32 - 1) -> int:
    """A whole number in a range; numpy's too. True is none, though Python has it as 1."""
    unmasked(value, name)
    if isinstance(value, bool):
        raise TypeError(f"{name} is {value}, not a whole number")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a {kind_of(value)}, not a whole number") from None
    if not low <= number <= high:
        # Python does not print any number.
        said = f" {number}" if number.bit_length() <= 128 else ""
        raise ValueError(f"{name}{said} is out of range: it is {low} to {high}")
    return number


def optional_whole(value: object, name: str, high: int = 2**32 - 1) -> int:
    """An option for C, where 0 stands for None."""
    return 0 if value is None else whole(value, name, 1, high)


def number(value: Any, name: str) -> float:
    """A number as Python's float: numpy's, and whatever else can be one."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is a {kind_of(value)}, not a number")
    unmasked(value, name)
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is out of range: a float is up to 1.8e308") from None
    except (TypeError, ValueError):
        raise TypeError(f"{name} is a {kind_of(value)}, not a number") from None


def optional_number(value: Any, name: str) -> float:
    """An option above 0 for C, where 0 stands for None."""
    result = 0.0 if value is None else number(value, name)
    if value is not None and result == 0:
        raise ValueError(f"{name} is 0, not above it")
    return result


def epochs(value: Any) -> float:
    """A number of epochs for C, the last one perhaps in part; 0 stands for None."""
    if value is None:
        return 0.0
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"epochs is {value}, not a number")
    count = number(value, "epochs")
    if isinstance(value, np.floating) and math.isfinite(count):
        # The digits that people see, 9.9, where float has 9.899999618530273 of np.float32(9.9).
        count = float(str(value))
    if not 0 < count <= MOST_EPOCHS:
        raise ValueError(
            f"epochs {int(count) if count.is_integer() else count} is out of range: it is above 0, up to "
            f"{MOST_EPOCHS}, or None for as many as planned")
    return count


def flag(value: object, name: str) -> int:
    """True or False, numpy's too, as C's 1 or 0."""
    if not isinstance(value, (bool, np.bool_)) and not (type(value) is int and value in (0, 1)):
        raise TypeError(f"{name} is a {kind_of(value)}, neither True nor False")
    return int(value)


def checkpoint(value: object) -> bytes:
    """``"last"``, ``"best"`` or a checkpoint's id."""
    if isinstance(value, str):
        return required_text(value, "checkpoint")
    if not hasattr(value, "__index__"):
        raise TypeError(f"checkpoint is a {kind_of(value)}, neither 'last', 'best' nor an id")
    return str(whole(value, "checkpoint", 0, 2**63 - 1)).encode()


def unmasked(value: object, name: str) -> None:
    """Refuses what is masked: NumPy hands on what is behind the mask."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise ValueError(
            f"{name} has masked values, and masks are not known here: give {name}.filled(…) or leave "
            "those values out")


def array(value: Any, name: str) -> NDArray[Any]:
    """An array of whatever NumPy makes one."""
    unmasked(value, name)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} can't be an array: {error}") from None


def json_text(value: object, name: str) -> bytes:
    """JSON for C of what Python and numpy call numbers, lists and texts."""
    try:
        return json.dumps(_plain(value, name), allow_nan=False).encode()
    except RecursionError:
        raise ValueError(
            f"{name or 'a hyperparameter'} is nested too deeply, or has itself in it") from None


def _plain(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        _utf8(value, name)
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        number(value, name)
        return int(value)
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"{name} {value} is not a finite number")
        return float(value)
    if isinstance(value, np.ndarray):
        unmasked(value, name)
        return _plain(value.tolist(), name)
    if isinstance(value, os.PathLike):
        return _plain(os.fsdecode(value), name)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name} has the key {key!r}, which is no str")
            _utf8(key, f"a key of {name}" if name else "a hyperparameter's name")
        return {key: _plain(item, f"{name}.{key}" if name else key) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    raise TypeError(
        f"{name} is a {kind_of(value)}, neither a number, a str, a bool, a list nor a dict")


def kind_of(value: object) -> str:
    """The type of a value, as its author writes it: ``numpy.ndarray``."""
    if value is None:
        return "None"
    kind = type(value)
    module = kind.__module__.split(".")[0]
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
