"""The library's log: by default Python's logger of the name `cifar`."""

import atexit
import logging
from typing import Callable, Optional

from . import _abi as abi
from ._library import call

LogFunction = Callable[[int, str], object]

_logger = logging.getLogger("cifar")
_function: LogFunction = _logger.log


def _tell(level: int, line: bytes, _: object) -> None:
    _function(level, line.decode(errors="replace"))


# C has the same callback always, one that is never gone: threads that set functions at once need no
# lock, which a function that sets another one would wait for in vain.
_callback = abi.LogCallback(_tell)


def set_log(function: Optional[LogFunction]) -> None:
    """Sends the library's log lines to a function, in place of ``logging.getLogger("cifar")``.

    Parameters
    ----------
    function : callable or None
        Called as ``function(level, line)`` from any thread. ``level`` is an int, 10 (debug), 20
        (info), 30 (warning) or 40 (error), as in ``logging``; ``line`` a str without a line's end.
        What it returns is ignored; what it raises goes to ``sys.unraisablehook``. None, as at the
        start, is the logger's ``log``.

    Raises
    ------
    TypeError
        For what can't be called.

    Examples
    --------
    >>> import cifar, logging
    >>> lines = []
    >>> cifar.set_log(lambda level, line: lines.append(line))
    >>> cifar.set_log(None)
    >>> logging.getLogger("cifar").setLevel(logging.ERROR)
    """
    global _function
    if function is not None and not callable(function):
        raise TypeError(f"function is a {type(function).__name__}, which can't be called")
    _function = _logger.log if function is None else function
    # C is called each time because it waits until nobody is inside the function before.
    call("cifar_set_log", _callback, None)


set_log(None)
# A thread that still trains when Python ends must not call it any more.
atexit.register(call, "cifar_set_log", abi.LogCallback(), None)
