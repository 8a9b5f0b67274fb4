"""Objects of the library, and who frees them."""

from copy import deepcopy
from ctypes import CDLL, c_void_p
from functools import partial
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Callable, Dict, NoReturn, Optional, TypeVar

import numpy as np
from numpy.typing import NDArray


class Handle:
    """Owns what C puts into its pointer, from the moment that C does.

    The pointer is there before the call that fills it: a signal handler that raises between C's
    return and the assignment of the result finds the object owned. ctypes takes a handle for a
    ``void *`` argument, and thereby keeps it alive for the time of the call.
    """

    __slots__ = ("_as_parameter_", "_owner", "pointer")

    def __init__(self, free: Callable[..., object]) -> None:
        """free: made by ``freeing``."""
        self.pointer = c_void_p()
        self._as_parameter_ = _Cell((None, self.pointer))
        # The garbage collector calls the finalisers of a whole cycle before it takes anything
        # apart: freed by one of them, the object would be gone for those that come later, such as
        # the `finally` of a generator. It does not look into arrays, so it takes the owner for one
        # that is still in use, and the object is freed with the last reference to the handle.
        self._owner: NDArray[Any] = np.empty((), object)
        self._owner[()] = _Owner(partial(free, self._as_parameter_))

    def __reduce__(self) -> NoReturn:
        raise TypeError("an object of the library can't be copied or pickled")


class _Cell(list["Optional[c_void_p]"]):
    """None and, until it is freed, a pointer: C gets what is last, so NULL thereafter."""

    __slots__ = ()
    _as_parameter_ = property(itemgetter(-1))


class _Owner:
    """Frees when it goes."""

    __slots__ = ("free",)

    def __init__(self, free: Callable[[], object]) -> None:
        self.free = free

    # `__del__` without a bytecode: a signal handler that raised in a finaliser of Python's would
    # keep it from freeing, and its exception would be lost. The library's `_free` takes NULL.
    __del__ = property(attrgetter("free"))


class _Taken:
    """The type of an argument that is taken out of its cell."""

    from_param: Any = list.pop


def freeing(library: CDLL, name: str) -> Callable[..., object]:
    """The library's function of that name, which empties the cell it is called with."""
    function: Any = library[name]
    function.argtypes = [_Taken]
    function.restype = None
    result: Callable[..., object] = function
    return result


class _Telling(type):
    """Says of an attribute that is not there what there is in its place."""

    if not TYPE_CHECKING:  # to which every name would be one that there is

        def __getattr__(cls, name: str) -> NoReturn:
            message = f"'{cls.__name__}' has no attribute '{name}'"
            if name in cls._elsewhere:
                message += f"; there is {cls._elsewhere[name]}"
            raise AttributeError(message)


Self = TypeVar("Self", bound="Held")


class Held(metaclass=_Telling):
    """What has a handle: its copy would be the same object of the library under another name.

    A class says in ``_instead`` what there is to do.
    """

    _instead = ""
    _handle: Any
    # What those who come from other libraries look for, and where it is.
    _elsewhere: Dict[str, str] = {}

    def close(self) -> None:
        """Gives back what the object holds; using it afterwards is a ValueError.

        Not needed: what nobody refers to any more is closed anyway. At the end of a ``with`` it is,
        too. Calls under way in other threads end as usual.

        Examples
        --------
        >>> with cifar.Dataset.open("shapes", limit=20) as few:
        ...     len(few.images)
        20
        >>> few.close()
        """
        vars(self).pop("_handle", None)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name == "_handle":
                raise ValueError(f"the {type(self).__name__} is closed")
            type(type(self)).__getattr__(type(self), name)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} can't be copied or pickled: {self._instead}")

    def _require_open(self) -> None:
        """For what does not ask the library, and would work after ``close``."""
        self._handle


class Shared(Held):
    """What never changes: copies of it share the library's object, and each is closed by itself."""

    def __copy__(self: Self) -> Self:
        self._require_open()
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self))
        return copy

    def __deepcopy__(self: Self, memo: Dict[int, Any]) -> Self:
        self._require_open()
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        for name, value in vars(self).items():
            vars(copy)[name] = value if name == "_handle" else deepcopy(value, memo)
        return copy
