"""What callbacks are told."""

from dataclasses import dataclass, replace
from typing import Optional

from . import _abi as abi


@dataclass(frozen=True)
class Batch:
    """How far the epoch under way is."""

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
    """What a pass over the validation images came to."""

    epoch: int
    images: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Epoch:
    """An epoch that has ended. Accuracies are fractions, 0 to 1."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    images_per_second: float
    cpu_seconds: float
    """Processor time of all threads of the process."""
    peak_memory: float
    """The most bytes that the program had resident at once."""
    is_best: bool

    # What `log` hands its values to, in callbacks; no field, so that an epoch is compared, copied
    # and pickled without it.
    _recorder = None

    def log(self, **metrics: float) -> None:
        """Records values of one's own with this epoch: ``epoch.log(f1=0.8, recall=0.7)``, all or
        none. In callbacks only, before another epoch has ended."""
        if self._recorder is None:
            raise RuntimeError("epoch.log works in callbacks only")
        self._recorder(self, metrics)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_recorder"}


@dataclass(frozen=True)
class StorageWait:
    """What waits because others hold the registry."""

    epochs: int
    """That wait to be stored; 0 where only the run's end does."""
    seconds: float
    """For which others hold it."""
    seconds_left: Optional[float]
    """Until ``fit`` waits no more; None while it trains."""


def storage_wait_of(row: abi.StorageInfo) -> StorageWait:
    return StorageWait(
        epochs=row.epochs, seconds=row.seconds,
        seconds_left=None if row.seconds_left < 0 else row.seconds_left,
    )


def batch_of(row: abi.BatchInfo) -> Batch:
    return Batch(
        epoch=row.epoch, epochs=row.epochs, batch=row.batch, batches=row.batches,
        images=row.images, loss=row.loss, accuracy=row.accuracy, learning_rate=row.learning_rate, seconds=row.seconds,
    )


def validation_of(row: abi.ValidationInfo) -> Validation:
    return Validation(
        epoch=row.epoch, images=row.images, loss=row.loss, accuracy=row.accuracy,
        seconds=row.seconds,
    )


def metrics_of(row: abi.EpochInfo) -> dict:
    """The number of an epoch, and what was measured."""
    names = [name for name, _ in row._fields_ if name not in ("struct_size", "is_best")]
    return {name: getattr(row, name) for name in names}


def epoch_of(row: abi.EpochInfo) -> Epoch:
    return Epoch(**metrics_of(row), is_best=bool(row.is_best))


def recording(epoch: Epoch, recorder) -> Epoch:
    """The same epoch, whose ``log`` works."""
    copy = replace(epoch)
    object.__setattr__(copy, "_recorder", recorder)
    return copy
