"""Finds libcifar.so, declares its functions and turns its statuses into exceptions."""

import ctypes
import os
from ctypes import byref, c_char_p
from pathlib import Path

from . import _abi as abi
from ._handle import Handle, freeing

class CifarError(Exception):
    """What the library refused or could not do.

    ``status`` is the code's name in cifar.h, such as ``"CIFAR_E_NOT_FOUND"``.
    """

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = status

    def __reduce__(self):
        # By default an exception is made again of its message alone.
        return type(self), (self.status, *self.args), self.__dict__


def _candidates():
    """Where the library may be: where $CIFAR_LIBRARY says, beside this file, in the build tree,
    where the system looks."""
    named = os.environ.get("CIFAR_LIBRARY")
    if named:
        return [named]
    here = Path(__file__).resolve()
    places = [here.parent / "libcifar.so"]
    if len(here.parents) > 3:
        places.append(here.parents[3] / "build" / "lib" / "libcifar.so")
    return [str(place) for place in places if place.exists()] + ["libcifar.so.0"]


def _load():
    failures = []
    for candidate in _candidates():
        try:
            return ctypes.CDLL(candidate)
        except OSError as error:
            failures.append(str(error))
    raise ImportError(
        "libcifar.so was not found: build it with `make build`, or name it in $CIFAR_LIBRARY "
        f"({'; '.join(failures)})"
    )


def _declare(library):
    for name, (result, arguments) in abi.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


library = _declare(_load())
# By the kind of object.
_free = {
    name[len("cifar_"):-len("_free")]: freeing(library, name)
    for name in abi.FUNCTIONS if name.endswith("_free")
}


def error_of(status: int) -> CifarError:
    """The exception for a status that is not CIFAR_OK, right after the call that returned it."""
    name = library.cifar_status_name(status).decode()
    return CifarError(name, library.cifar_last_error().decode(errors="replace"))


def call(name: str, *arguments) -> None:
    """Calls a function that returns a cifar_status; raises what it failed with."""
    status = getattr(library, name)(*arguments)
    if status != abi.CIFAR_OK:
        raise error_of(status)


def new_handle(kind: str) -> Handle:
    """An empty handle, for C to fill."""
    return Handle(_free[kind])


def create(kind: str, name: str, *arguments) -> Handle:
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


def get(name: str, info_type, *arguments):
    """Calls a function that fills a struct, and returns the struct."""
    info = info_type()
    call(name, *arguments, byref(info), ctypes.sizeof(info))
    return info


def get_text(name: str, *arguments) -> str:
    """Calls a function that hands out a string, and returns a copy."""
    text = c_char_p()
    call(name, *arguments, byref(text))
    return text.value.decode()


def decode(text):
    return None if text is None else text.decode()


def decode_path(path):
    """A path as Python has it, which open() takes in every locale."""
    return None if path is None else os.fsdecode(path)


def version() -> str:
    """The library's version, such as ``"0.2.0"``."""
    return library.cifar_version().decode()


def instruction_set() -> str:
    """``"avx512"``, ``"avx2"`` or ``"baseline"``; ``$CIFAR_ISA`` overrides the choice."""
    return library.cifar_instruction_set().decode()


def default_threads() -> int:
    """The threads that compute where nobody says how many, and the most that do: the processors that
    there are to use, or the control group's quota."""
    return library.cifar_default_threads()


_log_function = None


@abi.LogCallback
def _log(level, line, _):
    function = _log_function
    if function is not None:
        function(level, line.decode(errors="replace"))


def set_log(function) -> None:
    """Sends the library's log lines to ``function(level, line)``; None drops them.

    ``level`` is 10 (debug), 20 (info), 30 (warning) or 40 (error), as in ``logging``. Called from
    any thread; what it raises goes to ``sys.unraisablehook``.
    """
    global _log_function
    if function is not None and not callable(function):
        raise TypeError(f"function is a {type(function).__name__}, which can't be called")
    # C has the same callback always, one that is never gone: threads that set functions at once
    # need no lock, which a function that sets another one would wait for in vain. C is called each
    # time because it waits until nobody is inside the function before.
    _log_function = function
    call("cifar_set_log", abi.LogCallback() if function is None else _log, None)
