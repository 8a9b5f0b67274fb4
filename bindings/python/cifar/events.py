"""What callbacks are told."""

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Optional

from . import _abi as abi

Recorder = Callable[["Epoch", Dict[str, float]], None]


@dataclass(frozen=True)
class Batch:
    """How far the epoch under way is.

    Attributes
    ----------
    epoch : int
        The epoch, from 1.
    epochs : int
        How many there are at most.
    batch : int
        Batches done in this epoch, from 0.
    batches : int
        Batches in an epoch.
    images : int
        Training images seen in this epoch.
    loss : float
        Mean over them.
    accuracy : float
        Likewise, 0 to 1.
    learning_rate : float
        The rate of the batch.
    seconds : float
        The time that they took.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> def show(batch: cifar.Batch) -> None:
    ...     print(f"{batch.batch}/{batch.batches}")
    >>> run = cifar.fit(
    ...     train, test, epochs=1, verbose=0, batch_size=32, record=False, on_batch=show)
    1/2
    2/2
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    images: int
    loss: float
    accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Validation:
    """What a pass over the validation images came to.

    Attributes
    ----------
    epoch : int
        The epoch, from 1.
    images : int
        Validation images.
    loss : float
        Mean over them.
    accuracy : float
        Likewise, 0 to 1.
    seconds : float
        The time that it took.

    Examples
    --------
    >>> import cifar
    >>> class Show(cifar.Callback):
    ...     def on_validation_end(self, validation: cifar.Validation) -> None:
    ...         print("epoch", validation.epoch, "on", validation.images, "images")
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, record=False, callbacks=[Show()])
    epoch 1 on 32 images
    """

    epoch: int
    images: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Epoch:
    """An epoch that has ended.

    Attributes
    ----------
    epoch : int
        The epoch, from 1.
    train_loss : float
        Mean over the training images, as they were trained on.
    train_accuracy : float
        Likewise, 0 to 1.
    val_loss : float
        Mean over the validation images; NaN where nothing was validated.
    val_accuracy : float
        Likewise, 0 to 1.
    learning_rate : float
        The rate that the epoch was trained with.
    seconds : float
        The time of the whole epoch, validation included.
    images_per_second : float
        Training images, validation left out.
    cpu_seconds : float
        Processor time of all threads of the process; NaN where it is not known.
    peak_memory : float
        The most bytes that the process had resident at once so far; NaN likewise.
    is_best : bool
        Whether it is the best so far by the recipe's measure.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=2, verbose=0, record=False)
    >>> [epoch.epoch for epoch in run.epochs]
    [1, 2]
    >>> 0 <= run.epochs[-1].val_accuracy <= 1
    True
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    images_per_second: float
    cpu_seconds: float
    peak_memory: float
    is_best: bool

    # What `log` hands its values to, in callbacks; no field, so that an epoch is compared, copied
    # and pickled without it.
    _recorder = None

    def log(self, **metrics: float) -> None:
        """Records values of one's own with this epoch, all of them or none.

        For callbacks, before another epoch has ended.

        Parameters
        ----------
        **metrics : float
            A value by its name, of 1 to 100 letters, digits, ``_`` and ``.``. Filters know it as
            ``metrics.NAME``; one that was logged already is replaced. What an epoch has itself,
            such as ``val_loss``, can't be logged.

        Raises
        ------
        RuntimeError
            Outside of callbacks, from another thread, or when another epoch has ended.
        CifarError
            For a name that can't be; the run continues.

        Examples
        --------
        >>> run = cifar.fit(
        ...     train, test, epochs=1, verbose=0, registry="runs.db", name="first",
        ...     callbacks=[lambda epoch: epoch.log(f1=0.8, recall=0.7)])
        >>> cifar.Registry("runs.db").run("first")["metrics"][0]
        {'name': 'f1', 'epoch': 1, 'value': 0.8}
        """
        recorder: Optional[Recorder] = self._recorder
        if recorder is None:
            raise RuntimeError("epoch.log works in callbacks only")
        recorder(self, metrics)

    def __getstate__(self) -> Dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_recorder"}


@dataclass(frozen=True)
class StorageWait:
    """What waits because others hold the registry.

    Attributes
    ----------
    epochs : int
        Epochs that wait to be stored; 0 where only the run's end does.
    seconds : float
        The time for which others hold the registry.
    seconds_left : float or None
        The time until ``fit`` waits no more; None while it trains.

    Examples
    --------
    >>> import cifar
    >>> class Patience(cifar.Callback):
    ...     def on_storage_wait(self, wait: cifar.StorageWait) -> None:
    ...         self.stop_training = wait.seconds_left is not None and wait.seconds > 60
    """

    epochs: int
    seconds: float
    seconds_left: Optional[float]


def storage_wait_of(row: abi.StorageInfo) -> StorageWait:
    return StorageWait(
        epochs=row.epochs, seconds=row.seconds,
        seconds_left=None if row.seconds_left < 0 else row.seconds_left,
    )


def batch_of(row: abi.BatchInfo) -> Batch:
    return Batch(
        epoch=row.epoch, epochs=row.epochs, batch=row.batch, batches=row.batches,
        images=row.images, loss=row.loss, accuracy=row.accuracy,
        learning_rate=row.learning_rate, seconds=row.seconds,
    )


def validation_of(row: abi.ValidationInfo) -> Validation:
    return Validation(
        epoch=row.epoch, images=row.images, loss=row.loss, accuracy=row.accuracy,
        seconds=row.seconds,
    )


def metrics_of(row: abi.EpochInfo) -> Dict[str, Any]:
    """The number of an epoch, and what was measured."""
    names = [field[0] for field in row._fields_ if field[0] not in ("struct_size", "is_best")]
    return {name: getattr(row, name) for name in names}


def epoch_of(row: abi.EpochInfo) -> Epoch:
    return Epoch(**metrics_of(row), is_best=bool(row.is_best))


def recording(epoch: Epoch, recorder: Recorder) -> Epoch:
    """The same epoch, whose ``log`` works."""
    copy = replace(epoch)
    object.__setattr__(copy, "_recorder", recorder)
    return copy
