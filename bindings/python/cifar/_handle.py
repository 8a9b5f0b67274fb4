"""Objects of the library, and who frees them."""

from ctypes import c_void_p
from functools import partial
from operator import attrgetter


class Handle:
    """Owns what C puts into its pointer, from the moment that C does.

    The pointer is there before the call that fills it: a signal handler that raises between C's
    return and the assignment of the result finds the object owned. ctypes takes a handle for a
    ``void *`` argument, and thereby keeps it alive for the time of the call.
    """

    __slots__ = ("_as_parameter_", "_free")

    def __init__(self, free):
        self._as_parameter_ = c_void_p()
        self._free = partial(free, self._as_parameter_)

    # `__del__` without a bytecode: a signal handler that raised in a finaliser of Python's would
    # keep it from freeing, and its exception would be lost. The library's `_free` takes NULL.
    __del__ = property(attrgetter("_free"))

    def __reduce__(self):
        raise TypeError("an object of the library can't be copied or pickled")


class Held:
    """What has a handle: its copy would be the same object of the library under another name.

    A class says in ``_instead`` what there is to do.
    """

    _instead = ""

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} can't be copied or pickled: {self._instead}")
