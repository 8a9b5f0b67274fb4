"""Callbacks as `fit` got them, refused before anything is made or trained."""

import inspect
from difflib import get_close_matches
from typing import Any, Callable, Dict, List

from ._callbacks import Callback, takes

# What each method of a callback is told.
_EVENTS: Dict[str, List[str]] = {
    name: [item for item in inspect.signature(method).parameters if item != "self"]
    for name, method in vars(Callback).items() if name.startswith("on_")
}
# Keras's names of what is called otherwise here.
_OF_KERAS = {
    "on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end",
    "on_test_begin": "on_validation_begin", "on_test_end": "on_validation_end",
}


def list_of(callbacks: Any) -> List[Any]:
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback) or callable(callbacks):
        raise TypeError("callbacks is one callback, not a list of them: write callbacks=[…]")
    try:
        listed = list(callbacks)
    except TypeError:
        raise TypeError(
            f"callbacks is a {type(callbacks).__name__}, not a list of callbacks") from None
    for index, item in enumerate(listed):
        if isinstance(item, Callback):
            _check_methods(item)
        else:
            function(item, f"callbacks[{index}]", "epoch")
    return listed


def function(value: Any, name: str, event: str) -> Callable[..., object]:
    """What is to be called with an event, which the argument of this name is."""
    if isinstance(value, Callback):
        raise TypeError(
            f"{name} is a {type(value).__name__}, which is a Callback: give it in callbacks=[…]")
    if isinstance(value, type) and issubclass(value, Callback):
        raise TypeError(
            f"{name} is the class {value.__name__}, not an object of it: {value.__name__}()")
    if not callable(value):
        raise TypeError(
            f"{name} is a {type(value).__name__}, neither a cifar.Callback nor a function")
    if not takes(value, None):
        raise TypeError(
            f"{name}, {place(value)}, can't be called with ({event}), as it will be")
    result: Callable[..., object] = value
    return result


def _check_methods(callback: Callback) -> None:
    kind = type(callback).__name__
    for name in dir(callback):
        if not name.startswith("on_"):
            continue
        # Not those that a property would compute now.
        if not callable(inspect.getattr_static(callback, name)):
            continue
        if name not in _EVENTS:
            near = [_OF_KERAS[name]] if name in _OF_KERAS else get_close_matches(name, _EVENTS, 1)
            remedy = f"there is {near[0]}" if near else f"there are {', '.join(_EVENTS)}"
            raise TypeError(f"{kind}.{name} would never be called: {remedy}")
        if not takes(getattr(callback, name), *[None] * len(_EVENTS[name])):
            told = ", ".join(_EVENTS[name])
            raise TypeError(f"{kind}.{name} can't be called with ({told}), as it will be")


def place(function: Callable[..., object]) -> str:
    """A function's name, and where it is written."""
    name = getattr(function, "__qualname__", None) or type(function).__name__
    code = getattr(function, "__code__", None)
    return f"{name} in {code.co_filename}:{code.co_firstlineno}" if code else name
