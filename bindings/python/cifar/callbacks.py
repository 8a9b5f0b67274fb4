"""Callbacks: objects that a training calls at its beginnings and ends."""

from typing import Callable, Optional

from ._arguments import number


class Callback:
    """Overwrite what you need; give instances to ``fit(..., callbacks=[...])``.

    A method that returns True, Python's or NumPy's, stops the training with a checkpoint; one that
    raises does too, and ``fit`` raises its exception again. All are called on the thread that
    called ``fit``.
    """

    # The training under way.
    _training = None

    def set_learning_rate(self, rate: float) -> None:
        """Sets the learning rate from the next batch on.

        Set at an epoch's begin, it is part of the checkpoints that follow; set at its end, it is
        not part of that epoch's.
        """
        if self._training is None:
            raise RuntimeError("set_learning_rate works while training only")
        self._training.set_learning_rate(rate)

    def on_train_begin(self):
        """Before training, also when a run is resumed."""

    def on_train_end(self):
        """When training is over, but not after a failure. Where it has completed and a callback of
        the recipe restores the best weights, they are in their place."""

    def on_epoch_begin(self, batch):
        """Before an epoch's first batch, with a ``Batch`` of 0 batches done."""

    def on_epoch_end(self, epoch):
        """After an ``Epoch``, when it and its checkpoint are in the registry; where others hold
        that, while they wait for it."""

    def on_batch_begin(self, batch):
        """Before every batch, with a ``Batch`` of what is done so far."""

    def on_batch_end(self, batch):
        """After every batch, with a ``Batch``."""

    def on_validation_begin(self):
        """After an epoch's last batch, before its validation."""

    def on_validation_end(self, validation):
        """After a ``Validation``, before the recipe's callbacks and the epoch's row."""

    def on_storage_wait(self, wait):
        """While others hold the registry, with a ``StorageWait``: during training for every epoch
        that waits to be stored, when it is over some ten times a second until all is stored. True
        then ends the waiting."""


class LearningRateScheduler(Callback):
    """Keras's: ``schedule(epoch, lr)`` gives each epoch's rate. Epochs count from 0, as there."""

    def __init__(self, schedule: Callable[[int, float], Optional[float]]):
        self.schedule = schedule

    def on_epoch_begin(self, batch):
        rate = self.schedule(batch.epoch - 1, batch.learning_rate)
        if rate is not None:
            self.set_learning_rate(number(rate, "what the schedule returned"))
