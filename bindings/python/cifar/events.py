"""What callbacks are told."""

from dataclasses import dataclass, field
from typing import Callable, Optional

from . import _structs as structs


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
    lr: float
    seconds: float


@dataclass(frozen=True)
class Epoch:
    """An epoch that has ended. Accuracies are fractions, 0 to 1."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    seconds: float
    images_per_second: float
    is_best: bool
    _record: Optional[Callable[[str, float], None]] = field(
        default=None, repr=False, compare=False
    )

    def log(self, **metrics: float) -> None:
        """Records values of one's own with this epoch: ``epoch.log(f1=0.8)``. In callbacks only."""
        if self._record is None:
            raise RuntimeError("epoch.log works in callbacks only")
        for name, value in metrics.items():
            self._record(name, value)


def batch_of(row: structs.BatchInfo) -> Batch:
    return Batch(
        epoch=row.epoch, epochs=row.epochs, batch=row.batch, batches=row.batches,
        images=row.images, loss=row.loss, accuracy=row.accuracy, lr=row.learning_rate,
        seconds=row.seconds,
    )
