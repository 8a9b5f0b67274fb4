"""What people type who come from Keras or PyTorch, and what there is in its place."""

import dis
import functools
import sys
from typing import Any, Callable, Optional, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def instead(**remedies: str) -> Callable[[Function], Function]:
    """Makes a function say of keywords that it does not take what to type."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def told(*arguments: Any, **keywords: Any) -> Any:
            for name in keywords:
                if name in remedies:
                    raise TypeError(f"{function.__name__} has no '{name}': {remedies[name]}")
            return function(*arguments, **keywords)

        return cast(Function, told)

    return decorate


def unpacked_into(depth: int) -> Optional[int]:
    """How many variables an assignment takes apart what its function is called for, as in
    ``x, y = data``; None where something else calls it.

    depth: of the assignment above the caller.
    """
    try:
        frame = sys._getframe(depth + 1)
        code, place = frame.f_code.co_code, frame.f_lasti
        return code[place + 1] if code[place] == dis.opmap["UNPACK_SEQUENCE"] else None
    except (AttributeError, IndexError, KeyError, ValueError):  # of another Python than CPython
        return None
