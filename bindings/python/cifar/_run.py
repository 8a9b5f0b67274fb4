"""What a training came to."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NoReturn, Optional, Sequence

from numpy.typing import NDArray

from ._html import paragraph, table
from ._evaluation import FinalResult
from .events import Epoch
from .model import Model
from .registry import Registry


@dataclass(frozen=True)
class Run:
    """What a training came to.

    Attributes
    ----------
    id : str or None
        The run's UUID; None for one that was not recorded.
    registry : str or None
        The SQLite file that keeps it.
    status : str
        ``"completed"``, ``"interrupted"`` or ``"stopped"``; ``"failed"`` if ``terminate_on_nan``
        ended it.
    reason : str
        Why it ended, in words.
    hyperparameters : dict
        The complete set.
    epochs : list of Epoch
        Those of this call.
    model : Model
        The network as training left it: with the best weights if it completed.
    result : FinalResult or None
        How good that is, on the test images, if the run was validated on a part of the training images,
        or with test-time augmentation; None where neither was asked for, or not all epochs are done, or
        a resumed run had it before: then ``Registry.run`` has it among the ``metrics``.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db")
    >>> run.status, run.registry, run.hyperparameters["epochs"]
    ('completed', 'runs.db', 1)
    """

    id: Optional[str]
    registry: Optional[str]
    status: str
    reason: str
    hyperparameters: Dict[str, Any] = field(repr=False)
    epochs: List[Epoch]
    model: Model
    result: Optional[FinalResult] = None

    @property
    def history(self) -> Dict[str, List[float]]:
        """What was measured, by Keras's names.

        Returns
        -------
        dict of str to list of float
            ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy`` and ``learning_rate``, each with
            a number an epoch of this call. ``pandas.DataFrame(run.history)`` works as it is.

        Examples
        --------
        >>> sorted(run.history)
        ['accuracy', 'learning_rate', 'loss', 'val_accuracy', 'val_loss']
        >>> run.history["val_loss"] == [epoch.val_loss for epoch in run.epochs]
        True
        """
        return {
            key: [getattr(epoch, name) for epoch in self.epochs] for key, name in _METRICS.items()}

    def plot(self) -> NDArray[Any]:
        """Draws the learning curves: the losses beside the accuracies. Needs matplotlib.

        Of a recorded run that was resumed they have the epochs before, too.

        Returns
        -------
        numpy.ndarray of matplotlib.axes.Axes, (2,)
            As ``matplotlib.pyplot.subplots`` makes them: ``axes[0].figure`` is the figure.

        Raises
        ------
        ImportError
            Without matplotlib.
        CifarError
            If the registry is not there any more.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("agg")
        >>> run.plot()[0].figure.savefig("curves.png")
        """
        from ._plot import curves

        rows: Sequence[Mapping[str, Any]] = [vars(epoch) for epoch in self.epochs]
        if self.id is not None:
            rows = Registry(self.registry).run(self.id)["epochs"]
        return curves(rows)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            message = f"'Run' has no attribute '{name}'"
            if name in _OF_MODEL:
                message += f"; there is run.model.{name}"
            raise AttributeError(message)

    def _repr_html_(self) -> str:
        head = f"Run {self.id[:8]}" if self.id else "Run without a registry"
        rows = [
            [f"{epoch.epoch}", f"{epoch.train_loss:.4f}", f"{epoch.train_accuracy:.2%}",
             f"{epoch.val_loss:.4f}", f"{epoch.val_accuracy:.2%}", f"{epoch.learning_rate:.4g}",
             f"{epoch.seconds:.1f} s" + (" (best)" if epoch.is_best else "")]
            for epoch in self.epochs
        ]
        titles = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "time"]
        text = paragraph(f"{head}, {self.status}: {self.reason}") + table(titles, rows)
        return text if self.result is None else text + paragraph(str(self.result))


# What is asked of a run and is its model's.
_OF_MODEL = frozenset([
    "evaluate", "evaluate_augmented", "export", "predict", "save", "spec", "state_dict", "summary",
    "to_keras", "to_onnx"])
# Those of an epoch, by Keras's names.
_METRICS = {
    "loss": "train_loss", "accuracy": "train_accuracy", "val_loss": "val_loss",
    "val_accuracy": "val_accuracy", "learning_rate": "learning_rate",
}
