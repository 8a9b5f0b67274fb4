"""Callbacks: objects that a training calls at its beginnings and ends."""

import inspect
from typing import Any, Callable, Dict, Optional, Protocol, Sequence, Union, cast

from ._arguments import number, whole
from .events import Batch, Epoch, StorageWait, Validation
from .model import Model


class _UnderWay(Protocol):
    """The training under way, for what a callback asks of it."""

    def set_learning_rate(self, rate: float) -> None: ...

    def model(self) -> Model: ...

    @property
    def logged(self) -> Dict[str, float]: ...


class StopTraining(Exception):
    """Raised in a callback, it stops the training, and ``fit`` returns the run as usual.

    The run is ``"stopped"``, with a checkpoint to resume from, and ``Run.reason`` has the message.
    The other callbacks are still asked. From a signal handler it comes out of ``fit``, as every other
    exception there does.

    Examples
    --------
    >>> import cifar
    >>> def enough(epoch: cifar.Epoch) -> None:
    ...     if epoch.val_accuracy >= 0:
    ...         raise cifar.StopTraining("good enough")
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=9, verbose=0, record=False, callbacks=[enough])
    >>> run.status, len(run.epochs), "good enough" in run.reason
    ('stopped', 1, True)
    """


class Callback:
    """What a training calls: overwrite what you need; give instances to ``fit(callbacks=[...])``.

    What a method returns is ignored. ``self.stop_training = True`` or ``raise cifar.StopTraining``
    stops the training with a checkpoint. Whatever else is raised stops it too, and ``fit`` raises
    it again. All are called on the thread that called ``fit``.

    Attributes
    ----------
    stop_training : bool
        Set to True, it stops the training after the call under way, or else after the next batch;
        every training begins with False.
    params : dict
        Of the training under way, or of the last one, as in Keras: ``epochs`` (at most), ``steps``
        (batches in an epoch), ``batch_size`` and ``verbose`` (0, 1 or 2).

    Examples
    --------
    >>> import cifar
    >>> class Goal(cifar.Callback):
    ...     def __init__(self, accuracy: float) -> None:
    ...         self.accuracy = accuracy
    ...     def on_epoch_end(self, epoch: cifar.Epoch) -> None:
    ...         if epoch.val_accuracy >= self.accuracy:
    ...             self.stop_training = True
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=9, verbose=0, record=False, callbacks=[Goal(0.0)])
    >>> run.status, len(run.epochs)
    ('stopped', 1)
    """

    stop_training: bool = False
    params: Dict[str, Any] = {}

    # What a run that begins with it is tagged with.
    _tags: Sequence[str] = ()
    # The training under way.
    _training: Optional[_UnderWay] = None

    @property
    def model(self) -> Model:
        """The network as it is at this moment, to evaluate, predict with or save.

        Returns
        -------
        Model
            A new one each time, of its own: what is trained later does not change it.

        Raises
        ------
        RuntimeError
            Where nothing is trained.
        CifarError
            From another thread than the one that called ``fit``.

        Examples
        --------
        >>> class Confidence(cifar.Callback):
        ...     def on_epoch_end(self, epoch: cifar.Epoch) -> None:
        ...         epoch.log(confidence=self.model.predict(test.images).max(axis=1).mean())
        >>> run = cifar.fit(
        ...     train, test, epochs=1, verbose=0, record=False, callbacks=[Confidence()])
        """
        if self._training is None:
            raise RuntimeError("model works while training only: fit returns a Run, which has it")
        return self._training.model()

    def set_learning_rate(self, rate: float) -> None:
        """Sets the learning rate from the next batch on.

        Set at an epoch's begin or before a batch, it is part of the checkpoints that follow; set at
        an epoch's end, it is not part of that epoch's.

        Parameters
        ----------
        rate : float
            0 or above.

        Raises
        ------
        RuntimeError
            Where nothing is trained.
        CifarError
            If a schedule decides the rate, or the rate can't be.

        Examples
        --------
        >>> class Halved(cifar.Callback):
        ...     def on_epoch_begin(self, batch: cifar.Batch) -> None:
        ...         self.set_learning_rate(0.001 * 0.5 ** (batch.epoch - 1))
        >>> run = cifar.fit(train, test, epochs=2, verbose=0, record=False, callbacks=[Halved()])
        >>> [epoch.learning_rate for epoch in run.epochs]
        [0.001, 0.0005]
        """
        if self._training is None:
            raise RuntimeError("set_learning_rate works while training only")
        self._training.set_learning_rate(rate)

    def on_train_begin(self) -> None:
        """Called before training, also when a run is resumed."""

    def on_train_end(self) -> None:
        """Called when training is over, but not after a failure.

        Where it has completed and a callback of the recipe restores the best weights, they are in
        their place.
        """

    def on_epoch_begin(self, batch: Batch, /) -> None:
        """Called before an epoch's first batch; not where an epoch is resumed in its middle.

        Parameters
        ----------
        batch : Batch
            The epoch, with 0 batches done.
        """

    def on_epoch_end(self, epoch: Epoch, /) -> None:
        """Called after every epoch, when it and its checkpoint are in the registry.

        Where others hold that, it is called while they wait for it.

        Parameters
        ----------
        epoch : Epoch
            What was measured; its ``log`` records values of one's own.
        """

    def on_batch_begin(self, batch: Batch, /) -> None:
        """Called before every batch.

        Parameters
        ----------
        batch : Batch
            What is done so far, and the rate that the batch is to have.
        """

    def on_batch_end(self, batch: Batch, /) -> None:
        """Called after every batch.

        Parameters
        ----------
        batch : Batch
            What is done so far.
        """

    def on_validation_begin(self) -> None:
        """Called after an epoch's last batch, before its validation."""

    def on_validation_end(self, validation: Validation, /) -> None:
        """Called after the validation, before the recipe's callbacks and the epoch's row.

        Parameters
        ----------
        validation : Validation
            Its results.
        """

    def on_storage_wait(self, wait: StorageWait, /) -> None:
        """Called while others hold the registry.

        During training, when they have done so for 10 seconds, for every epoch that waits to be
        stored; when it is over, some ten times a second until all is stored.

        Parameters
        ----------
        wait : StorageWait
            What waits, and for how long.
        """


Schedule = Union[
    Callable[[int], Optional[float]], Callable[[int, float], Optional[float]]]


class LearningRateScheduler(Callback):
    """Keras's: a function gives each epoch's rate.

    Parameters
    ----------
    schedule : callable
        Called at each epoch's begin as ``schedule(epoch)`` or ``schedule(epoch, lr)``, whichever it
        takes, with the epoch, from 0 as in Keras, and the rate so far. It returns the rate, 0 or
        above, or None to leave it.
    verbose : {0, 1, 2}
        As Keras has it; what is shown, the rate too, is said by ``fit(verbose=…)``. The default is 0.

    Raises
    ------
    TypeError
        For what can't be called with one or two arguments.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> halved = cifar.LearningRateScheduler(lambda epoch, lr: lr if epoch == 0 else lr / 2)
    >>> run = cifar.fit(train, test, epochs=3, verbose=0, record=False, callbacks=[halved])
    >>> [epoch.learning_rate for epoch in run.epochs]
    [0.001, 0.0005, 0.00025]
    """

    def __init__(self, schedule: Schedule, verbose: int = 0) -> None:
        whole(verbose, "verbose", 0, 2)
        self.schedule: Callable[[int, float], Optional[float]] = _of_both(schedule)

    def on_epoch_begin(self, batch: Batch, /) -> None:
        """Sets the rate that the schedule gives.

        Parameters
        ----------
        batch : Batch
            The epoch, with 0 batches done.
        """
        rate = self.schedule(batch.epoch - 1, batch.learning_rate)
        if rate is not None:
            self.set_learning_rate(number(rate, "what the schedule returned"))


def _of_both(schedule: Any) -> Callable[[int, float], Optional[float]]:
    """The schedule as a function of the epoch and the rate."""
    if not callable(schedule):
        raise TypeError(
            f"schedule is a {type(schedule).__name__}, not a function of (epoch) or (epoch, lr)")
    function = cast(Callable[..., Optional[float]], schedule)
    if takes(schedule, 0, 0.0):
        return function
    if not takes(schedule, 0):
        raise TypeError("schedule takes neither (epoch) nor (epoch, lr)")

    def of_epoch(epoch: int, lr: float) -> Optional[float]:
        return function(epoch)

    return of_epoch


def takes(function: Callable[..., object], *arguments: object) -> bool:
    """Whether a function can be called with so many."""
    try:
        inspect.signature(function).bind(*arguments)
        return True
    except TypeError:
        return False
    except ValueError:  # of some functions in C nobody knows
        return True
