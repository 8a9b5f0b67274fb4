"""Calls into C that call back, and the exceptions that are raised meanwhile.

No exception can pass through C. Two kinds are raised while C has the word: those of the functions
that C calls, and those of signal handlers (Ctrl-C, a SIGTERM that exits, a time limit by SIGALRM),
which Python calls between any two bytecodes of the main thread: also before the first that a
``try`` holds, or after the last. ctypes prints such an exception, forgets it, and hands C whatever
number is in the register. Therefore

- what C calls is the ``send`` of a generator that waits inside its ``try``: there is no bytecode
  outside of it;
- meanwhile, and while C makes what then runs, signal handlers are wrapped. Where one raises, its
  exception continues into the caller's own function if that is what was interrupted, so that a
  callback that waits can be interrupted and may have a time limit of its own; else it is kept, and
  C is told to stop.

A thread for C, while the caller's waits, would do as well, but costs two changes of threads a
batch, and a process that may not start a thread could not train.
"""

import signal
import threading
from ctypes import CFUNCTYPE, c_int, cast
from types import FrameType
from typing import Any, Callable, Dict, Generator, List, Optional, TypeVar

Result = TypeVar("Result")


class Listening:
    """One call into C that calls back. ``raised`` has what was raised meanwhile, in order."""

    def __init__(self) -> None:
        self.raised: List[BaseException] = []
        # ctypes' functions must live as long as C may call them.
        self._functions: List[object] = []
        self._listeners: List[Generator[Optional[int], Any, None]] = []
        # What is wrapped, by signal. One that stays in its place hands on everything.
        self._handlers: Dict[signal.Signals, _Handler] = {}
        # Makes C return soon. C's own function, for the same reason as `send`.
        self.stop: Optional[Callable[[], object]] = None
        # What a signal handler raised last in the caller's own code.
        self._thrown: Optional[BaseException] = None
        self._listens = False

    def function(self, kind: Any, answer: Callable[[Any], int]) -> Any:
        """A function for C of the ctypes type ``kind``, which asks ``answer`` with the first
        argument. After an exception it returns 1, or 0 where it called ``stop``."""
        listener = self._listen(answer)
        self._listeners.append(listener)
        next(listener)
        # `send` takes one argument, and in C's calling convention a function may leave those behind
        # alone.
        one = CFUNCTYPE(c_int, kind._argtypes_[0])
        function = cast(one(listener.send), kind)
        self._functions.append(function)
        return function

    def _listen(self, answer: Callable[[Any], int]) -> Generator[Optional[int], Any, None]:
        result: Optional[int] = None
        while True:
            try:
                while True:
                    argument = yield result
                    result = 1
                    result = _ask(answer, argument)
                    if self.raised and self.stop is None:
                        result = 1
            except BaseException as error:  # KeyboardInterrupt and SystemExit too
                if not self._listens:  # Python began or ended this, not C
                    raise
                result = 1
                self.raised.append(error)
                if self.stop is not None and (
                    error is self._thrown or not isinstance(error, Exception)
                ):
                    # It is not the callback that wants to stop.
                    self.stop()
                    result = 0

    def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Calls ``function``, which calls C, and returns what it returns. What signal handlers
        raise from here on is kept: ``function`` checks ``raised`` between its steps."""
        if threading.current_thread() is threading.main_thread():
            for number in signal.valid_signals():
                handler = signal.getsignal(number)
                if isinstance(handler, _Handler):  # of the training that called this one
                    handler = handler.inner
                if callable(handler):
                    self._handlers[number] = _Handler(handler, self)
        self._listens = True
        try:
            self._install()
            return _enter(function, arguments)
        finally:
            self._leave()

    def _install(self) -> None:
        for number, handler in self._handlers.items():
            try:
                handler.outer = signal.signal(number, handler)
            except ValueError:  # the main thread of a subinterpreter, which takes no signals
                self._handlers = {}
                return

    def _leave(self) -> None:
        self._listens = False
        self.stop = None
        for number, handler in self._handlers.items():
            # A callback may have installed another one.
            installed: object = signal.getsignal(number)
            if installed is handler:
                signal.signal(number, handler.outer)
        self._handlers = {}

    def close(self) -> None:
        """Ends what was made. Where Python ends a generator on its own, what a signal handler
        raises meanwhile is lost."""
        self._leave()
        for listener in self._listeners:
            listener.close()

    def take(self) -> Optional[BaseException]:
        """The first exception, with notes of those after it; None if there was none."""
        errors, self.raised, self._thrown = self.raised, [], None
        if not errors:
            return None
        first = errors[0]
        for later in errors[1:]:
            if later is first:
                continue
            if hasattr(first, "add_note"):
                first.add_note(f"Later there was {type(later).__name__}: {later}")
            elif first.__context__ is None and later.__context__ is not first:
                first.__context__ = later
        return first


class _Handler:
    """A signal handler, wrapped."""

    def __init__(self, inner: Callable[..., object], listening: Listening) -> None:
        self.inner = inner
        self.outer: Any = inner
        self._listening = listening

    def __call__(self, number: int, frame: Optional[FrameType]) -> None:
        try:
            self.inner(number, frame)
        except BaseException as error:
            # Whose code was interrupted: what is called from `_ask` is the caller's, what is called
            # from the others is nobody's who could catch it.
            while frame is not None and frame.f_code not in _OURS:
                frame = frame.f_back
            if frame is None or frame.f_code is _ASK:
                self._listening._thrown = error
                raise
            self._listening.raised.append(error)
            stop = self._listening.stop
            if stop is not None:
                stop()


def _ask(answer: Callable[[Any], int], argument: object) -> int:
    """The caller's code begins here."""
    return answer(argument)


def _enter(function: Callable[..., Result], arguments: Any) -> Result:
    """The caller's code ends here, and C begins."""
    return function(*arguments)


_ASK = _ask.__code__
_OURS = frozenset([_ASK, _enter.__code__, Listening._listen.__code__])
