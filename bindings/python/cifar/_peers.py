"""Processes that train one network together, and how they reach each other."""

import contextlib
import functools
from ctypes import byref, c_char, sizeof
from typing import Any, Callable, List, Optional, TypeVar, cast

from . import _abi as abi
from . import _arguments as argument
from ._library import call


class Peers:
    """The processes that train one network together, as one of them sees them: a class of yours is
    derived from it, and moves bytes with MPI or another library.

    All processes call ``fit`` or ``resume`` with a ``peers`` at the same time, and then the same
    methods in the same order, with as many bytes; each returns when this process's part is done.
    They are called by a thread of the library. What they raise ends the training here, and ``fit``
    raises it again; the others end when their own calls return. That is up to what moves the bytes: with
    mpi4py start programs by ``python -m mpi4py``, which ends all processes if one raises.

    Attributes
    ----------
    rank : int
        Which of them this process is, from 0: process 0 keeps the run.
    count : int
        How many there are, 1 to 1024.
    local_batch_norm : bool
        False (the default): a batch norm takes mean and variance of the whole batch. True: each
        process those of its images, which takes no exchange within a pass over the network.

    Examples
    --------
    >>> import cifar
    >>> class Alone(cifar.Peers):  # with mpi4py: MPI.COMM_WORLD.Alltoall(send, receive), …
    ...     rank, count = 0, 1
    ...
    ...     def all_to_all(self, send, receive):
    ...         receive[:] = send
    ...
    ...     def all_gather(self, send, receive):
    ...         receive[:] = send
    ...
    ...     def broadcast(self, buffer, root):
    ...         pass
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> cifar.fit(train, test, epochs=1, verbose=0, record=False, peers=Alone()).status
    'completed'
    """

    rank: int
    count: int
    local_batch_norm: bool = False

    # Whether the library has taken over: from then on it tells the others of errors.
    _has_met = False

    def all_to_all(self, send: memoryview, receive: memoryview) -> None:
        """Sends each process its block, and gets one from each.

        Parameters
        ----------
        send : memoryview
            Bytes: as many for each process, by rank, one block after the other.
        receive : memoryview
            Of the same size, written to: the block that each process has for this one.
        """
        raise NotImplementedError

    def all_gather(self, send: memoryview, receive: memoryview) -> None:
        """Gets what all processes send.

        Parameters
        ----------
        send : memoryview
            Bytes.
        receive : memoryview
            ``count`` times as many, written to: the bytes of each process, by rank.
        """
        raise NotImplementedError

    def broadcast(self, buffer: memoryview, root: int) -> None:
        """Copies the bytes of one process to the others.

        Parameters
        ----------
        buffer : memoryview
            Bytes, written to except in process ``root``.
        root : int
            Whose bytes they are.
        """
        raise NotImplementedError


class PeerCalls:
    """What C calls of a ``Peers``, and what that raised."""

    def __init__(self, peers: Peers) -> None:
        if not isinstance(peers, Peers):
            raise TypeError(f"peers is no cifar.Peers, but of type {type(peers).__name__}")
        self._peers = peers
        self.raised: List[BaseException] = []
        self.count = argument.whole(peers.count, "peers.count")
        self.rank = argument.whole(peers.rank, "peers.rank")
        self._struct = abi.Peers()
        call("cifar_peers_init", byref(self._struct), sizeof(self._struct))
        self._struct.rank = self.rank
        self._struct.count = self.count
        self._struct.local_batch_norm = argument.flag(peers.local_batch_norm, "local_batch_norm")
        for name, kind, *_ in abi.Peers._fields_:
            method: Optional[Callable[..., int]] = getattr(self, "_" + name, None)
            if method is not None:
                setattr(self._struct, name, kind(method))

    def set(self, trainer: object) -> None:
        """Makes a trainer share its batches."""
        self._peers._has_met = True
        call("cifar_trainer_set_peers", trainer, byref(self._struct))

    def leave(self, error: BaseException) -> None:
        """Tells the others that this process can't begin."""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        call("cifar_peers_leave", byref(self._struct), reason.encode()[:1000])

    def _all_to_all(self, send: int, receive: int, size: int, _: Any) -> int:
        size *= self.count
        return self._move(
            lambda: self._peers.all_to_all(_bytes(send, size), _bytes(receive, size)))

    def _all_gather(self, send: int, receive: int, size: int, _: Any) -> int:
        return self._move(
            lambda: self._peers.all_gather(
                _bytes(send, size), _bytes(receive, size * self.count)))

    def _broadcast(self, buffer: int, size: int, root: int, _: Any) -> int:
        return self._move(lambda: self._peers.broadcast(_bytes(buffer, size), root))

    def _move(self, body: Callable[[], object]) -> int:
        try:
            body()
        except BaseException as error:  # no exception passes through C
            self.raised.append(error)
            return 1
        return 0


Function = TypeVar("Function", bound=Callable[..., Any])


def tells_peers(function: Function) -> Function:
    """What a function with ``peers`` raises before they have met is told to the others, too."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        peers = options.get("peers")
        if not isinstance(peers, Peers):
            return function(*arguments, **options)
        peers._has_met = False
        try:
            return function(*arguments, **options)
        except BaseException as error:
            if not peers._has_met:
                with contextlib.suppress(Exception):  # its own ranks may be what is wrong
                    PeerCalls(peers).leave(error)
            raise

    return cast(Function, wrapper)


def _bytes(address: int, size: int) -> memoryview:
    return memoryview((c_char * size).from_address(address)).cast("B")
