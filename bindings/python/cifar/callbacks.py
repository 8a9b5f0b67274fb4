"""Callbacks: objects that a training calls at its beginnings and ends."""

from typing import Callable, Optional, Protocol

from ._arguments import number
from .events import Batch, Epoch, StorageWait, Validation


class _RateSetter(Protocol):
    """The training under way, for what a callback asks of it."""

    def set_learning_rate(self, rate: float) -> None: ...


class Callback:
    """What a training calls: overwrite what you need; give instances to ``fit(callbacks=[...])``.

    A method that returns True, Python's or NumPy's, stops the training with a checkpoint; any other
    result continues. One that raises stops it too, and ``fit`` raises its exception again. All are
    called on the thread that called ``fit``.

    Examples
    --------
    >>> import cifar
    >>> class Goal(cifar.Callback):
    ...     def __init__(self, accuracy: float) -> None:
    ...         self.accuracy = accuracy
    ...     def on_epoch_end(self, epoch: cifar.Epoch) -> bool:
    ...         return epoch.val_accuracy >= self.accuracy
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=9, record=False, callbacks=[Goal(0.0)])
    >>> run.status, len(run.epochs)
    ('stopped', 1)
    """

    # The training under way.
    _training: Optional[_RateSetter] = None

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
        >>> run = cifar.fit(train, test, epochs=2, record=False, callbacks=[Halved()])
        >>> [epoch.learning_rate for epoch in run.epochs]
        [0.001, 0.0005]
        """
        if self._training is None:
            raise RuntimeError("set_learning_rate works while training only")
        self._training.set_learning_rate(rate)

    def on_train_begin(self) -> object:
        """Called before training, also when a run is resumed.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_train_end(self) -> object:
        """Called when training is over, but not after a failure.

        Where it has completed and a callback of the recipe restores the best weights, they are in
        their place.

        Returns
        -------
        object
            Ignored.
        """
        return None

    def on_epoch_begin(self, batch: Batch, /) -> object:
        """Called before an epoch's first batch; not where an epoch is resumed in its middle.

        Parameters
        ----------
        batch : Batch
            The epoch, with 0 batches done.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_epoch_end(self, epoch: Epoch, /) -> object:
        """Called after every epoch, when it and its checkpoint are in the registry.

        Where others hold that, it is called while they wait for it.

        Parameters
        ----------
        epoch : Epoch
            What was measured; its ``log`` records values of one's own.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_batch_begin(self, batch: Batch, /) -> object:
        """Called before every batch.

        Parameters
        ----------
        batch : Batch
            What is done so far, and the rate that the batch is to have.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_batch_end(self, batch: Batch, /) -> object:
        """Called after every batch.

        Parameters
        ----------
        batch : Batch
            What is done so far.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_validation_begin(self) -> object:
        """Called after an epoch's last batch, before its validation.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_validation_end(self, validation: Validation, /) -> object:
        """Called after the validation, before the recipe's callbacks and the epoch's row.

        Parameters
        ----------
        validation : Validation
            Its results.

        Returns
        -------
        object
            True stops the training; anything else continues.
        """
        return None

    def on_storage_wait(self, wait: StorageWait, /) -> object:
        """Called while others hold the registry.

        During training, when they have done so for 10 seconds, for every epoch that waits to be
        stored; when it is over, some ten times a second until all is stored.

        Parameters
        ----------
        wait : StorageWait
            What waits, and for how long.

        Returns
        -------
        object
            True stops the training or, when it is over, ends the waiting; anything else continues.
        """
        return None


class LearningRateScheduler(Callback):
    """Keras's: a function gives each epoch's rate.

    Parameters
    ----------
    schedule : callable
        Called as ``schedule(epoch, lr)`` at each epoch's begin, with the epoch, from 0 as in Keras,
        and the rate so far. It returns the rate, 0 or above, or None to leave it.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> halved = cifar.LearningRateScheduler(lambda epoch, lr: lr if epoch == 0 else lr / 2)
    >>> run = cifar.fit(train, test, epochs=3, record=False, callbacks=[halved])
    >>> [epoch.learning_rate for epoch in run.epochs]
    [0.001, 0.0005, 0.00025]
    """

    def __init__(self, schedule: Callable[[int, float], Optional[float]]) -> None:
        self.schedule = schedule

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
