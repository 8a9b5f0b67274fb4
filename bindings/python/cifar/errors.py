"""The exceptions of the library: a class for each status, which is also Python's own kind of it.

All are `CifarError`, so that one `except` takes them; `except FileNotFoundError` takes what is not
there.
"""

import errno
from typing import Any, Dict, Tuple, Type

# What `except OSError as error: if error.errno == …` asks for.
_ERRNO = {
    "CIFAR_E_NOT_FOUND": errno.ENOENT, "CIFAR_E_DISK_FULL": errno.ENOSPC,
    "CIFAR_E_BUSY": errno.ETIMEDOUT, "CIFAR_E_INTERRUPTED": errno.EINTR,
}


class CifarError(Exception):
    """What the library refused or could not do.

    Each status has a class of its own in ``cifar.errors``, which is Python's kind of that error,
    too: ``NotFoundError`` is a ``FileNotFoundError``, ``InvalidArgumentError`` and ``BadDataError``
    are each a ``ValueError``, ``OutOfMemoryError`` is a ``MemoryError``, ``BusyError`` a
    ``TimeoutError``.

    Parameters
    ----------
    status : str
        The code's name in cifar.h, such as ``"CIFAR_E_NOT_FOUND"``.
    message : str
        What is wrong, and what to do: ``str(error)``.

    Attributes
    ----------
    status : str
        As above.

    Examples
    --------
    >>> import cifar
    >>> try:
    ...     cifar.load("/nowhere")
    ... except cifar.CifarError as error:
    ...     print(error.status, isinstance(error, FileNotFoundError))
    CIFAR_E_NOT_FOUND True
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        if isinstance(self, OSError) and status in _ERRNO:
            self.errno = _ERRNO[status]

    def __reduce__(self) -> Tuple[Any, ...]:
        # By default an exception is made again of its message alone.
        return type(self), (self.status, *self.args), self.__dict__


class InvalidArgumentError(CifarError, ValueError):
    """An argument or an option is outside what the call allows."""


class ShapeMismatchError(CifarError, ValueError):
    """Arrays, layers or weights do not fit together, or images are not the run's."""


class NotFoundError(CifarError, FileNotFoundError):
    """A file, directory, run or checkpoint does not exist."""


class AmbiguousError(CifarError, LookupError):
    """A name or the start of an id fits more than one run."""


class InputOutputError(CifarError, OSError):
    """The operating system refused to read or write."""


class DiskFullError(CifarError, OSError):
    """There is no space left to write to."""


class BadDataError(CifarError, ValueError):
    """A file is not what it should be: truncated, oversized, or with values out of range."""


class ChecksumMismatchError(CifarError, ValueError):
    """Stored bytes no longer have the SHA-256 they were stored with."""


class DatabaseError(CifarError, RuntimeError):
    """SQLite reported an error."""


class ForeignDatabaseError(CifarError, ValueError):
    """An SQLite file is no registry; it stays untouched."""


class NewerDatabaseError(CifarError, ValueError):
    """A registry was written by a newer version of the library."""


class BusyError(CifarError, TimeoutError):
    """Someone else holds what is needed."""


class InvalidStateError(CifarError, RuntimeError):
    """The object can't do that now."""


class InterruptedTrainingError(CifarError, InterruptedError):
    """Training, or the waiting at its end, was interrupted."""


class CallbackError(CifarError, RuntimeError):
    """A callback stopped the call."""


class PeerError(CifarError, ConnectionError):
    """Another process of a training ended it, or can't be reached."""


class NotFiniteError(CifarError, ArithmeticError):
    """A number that is NaN or infinite."""


class UnsupportedError(CifarError, NotImplementedError):
    """Something that this build or version can't do."""


class OutOfMemoryError(CifarError, MemoryError):
    """There is no memory for it."""


class InternalError(CifarError, RuntimeError):
    """The library contradicts itself: please report it."""


CLASSES: Dict[str, Type[CifarError]] = {
    "CIFAR_E_INVALID_ARGUMENT": InvalidArgumentError,
    "CIFAR_E_SHAPE_MISMATCH": ShapeMismatchError,
    "CIFAR_E_NOT_FOUND": NotFoundError,
    "CIFAR_E_AMBIGUOUS": AmbiguousError,
    "CIFAR_E_IO": InputOutputError,
    "CIFAR_E_DISK_FULL": DiskFullError,
    "CIFAR_E_BAD_DATA": BadDataError,
    "CIFAR_E_CHECKSUM_MISMATCH": ChecksumMismatchError,
    "CIFAR_E_DATABASE": DatabaseError,
    "CIFAR_E_FOREIGN_DATABASE": ForeignDatabaseError,
    "CIFAR_E_NEWER_DATABASE": NewerDatabaseError,
    "CIFAR_E_BUSY": BusyError,
    "CIFAR_E_INVALID_STATE": InvalidStateError,
    "CIFAR_E_INTERRUPTED": InterruptedTrainingError,
    "CIFAR_E_CALLBACK": CallbackError,
    "CIFAR_E_PEER": PeerError,
    "CIFAR_E_NOT_FINITE": NotFiniteError,
    "CIFAR_E_UNSUPPORTED": UnsupportedError,
    "CIFAR_E_OUT_OF_MEMORY": OutOfMemoryError,
    "CIFAR_E_INTERNAL": InternalError,
}
