"""Finds libcifar.so, declares its functions and turns its statuses into exceptions.

The library is the first of these that loads:

1. the file that ``$CIFAR_LIBRARY`` names, and then no other;
2. ``libcifar.so.0`` beside this file, where a wheel has it;
3. ``build/lib/libcifar.so.0`` of the source tree that this file lies in;
4. ``libcifar.so.0`` where the system looks: ``$LD_LIBRARY_PATH``, the directories of ldconfig.
"""

import ctypes
import os
from ctypes import CDLL, byref, c_char_p
from pathlib import Path
from typing import List, Optional, Type, TypeVar

from . import _abi as abi
from . import errors
from ._handle import Handle, freeing
from .errors import CifarError

_NAME = "libcifar.so.0"

Info = TypeVar("Info", bound=ctypes.Structure)


def _candidates() -> List[str]:
    """Where the library may be, in this order."""
    named = os.environ.get("CIFAR_LIBRARY")
    if named:
        return [named]
    here = Path(__file__).resolve()
    places = [here.parent / _NAME]
    if len(here.parents) > 3:
        places.append(here.parents[3] / "build" / "lib" / _NAME)
    return [str(place) for place in places if place.exists()] + [_NAME]


def _load() -> CDLL:
    failures = []
    for candidate in _candidates():
        try:
            return _declare(CDLL(candidate))
        except (OSError, AttributeError) as error:
            failures.append(str(error))
    message = "; ".join(failures)
    if "libsqlite3" in message:
        remedy = "install SQLite, libsqlite3-0 in Debian and sqlite-libs in Fedora"
    else:
        remedy = (
            "install a wheel, which has it (`make wheel` makes one), build it with `make build`, "
            "or name it in $CIFAR_LIBRARY")
    raise ImportError(f"{_NAME} can't be loaded: {remedy} ({message})")


def _declare(library: CDLL) -> CDLL:
    """An AttributeError names a function that an older library does not have."""
    for name, (result, arguments) in abi.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


library = _load()
# By the kind of object.
_free = {
    name[len("cifar_"):-len("_free")]: freeing(library, name)
    for name in abi.FUNCTIONS if name.endswith("_free")
}


def error_of(status: int) -> CifarError:
    """The exception for a status that is not CIFAR_OK, right after the call that returned it."""
    name = library.cifar_status_name(status).decode()
    message = library.cifar_last_error().decode(errors="replace")
    return errors.CLASSES.get(name, CifarError)(name, message)


def call(name: str, *arguments: object) -> None:
    """Calls a function that returns a cifar_status; raises what it failed with."""
    status = getattr(library, name)(*arguments)
    if status != abi.CIFAR_OK:
        raise error_of(status)


def new_handle(kind: str) -> Handle:
    """An empty handle, for C to fill."""
    return Handle(_free[kind])


def create(kind: str, name: str, *arguments: object) -> Handle:
    """Calls a function whose last parameter is `out`, and returns what came out.

    kind: whose it is to be freed: ``"dataset"`` by cifar_dataset_free.
    """
    handle = new_handle(kind)
    try:
        call(name, *arguments, byref(handle.pointer))
        return handle
    except BaseException:
        # Interactive sessions keep the last traceback: it must not keep the object.
        del handle
        raise


def get(name: str, info_type: Type[Info], *arguments: object) -> Info:
    """Calls a function that fills a struct, and returns the struct."""
    info = info_type()
    call(name, *arguments, byref(info), ctypes.sizeof(info))
    return info


def get_text(name: str, *arguments: object) -> str:
    """Calls a function that hands out a string, and returns a copy."""
    text = c_char_p()
    call(name, *arguments, byref(text))
    return (text.value or b"").decode()


def decode(text: bytes) -> str:
    return text.decode()


def decode_optional(text: Optional[bytes]) -> Optional[str]:
    return None if text is None else text.decode()


def decode_path(path: Optional[bytes]) -> Optional[str]:
    """A path as Python has it, which open() takes in every locale."""
    return None if path is None else os.fsdecode(path)


def version() -> str:
    """The version of the library that was loaded.

    Returns
    -------
    str
        Three numbers, such as ``"0.2.0"``. ``cifar.__version__`` is the package's; where the
        library is not its own, but the system's or ``$CIFAR_LIBRARY``, the two may differ.

    Examples
    --------
    >>> import cifar
    >>> len(cifar.version().split("."))
    3
    """
    return decode(library.cifar_version())


def instruction_set() -> str:
    """The instruction set that the kernels use.

    Returns
    -------
    str
        ``"avx512vnni"``, ``"avx512"``, ``"avx2"`` or ``"baseline"``: the best that the processor has;
        ``$CIFAR_ISA`` overrides the choice. Results are the same to the bit within one of them.

    Examples
    --------
    >>> import cifar
    >>> cifar.instruction_set() in ("avx512vnni", "avx512", "avx2", "baseline")
    True
    """
    return decode(library.cifar_instruction_set())


def default_threads() -> int:
    """The threads that compute where nobody says how many, and the most that do.

    Returns
    -------
    int
        At least 1: the processors that there are to use, those that share a core counted once, or
        the control group's quota.

    Examples
    --------
    >>> import cifar
    >>> cifar.default_threads() >= 1
    True
    """
    return int(library.cifar_default_threads())
