"""Sweeps over hyperparameters with Optuna: ``pip install optuna``."""

from typing import Any

try:
    import optuna
except ImportError as error:
    raise ImportError("cifar.optuna needs Optuna: pip install optuna") from error

from ._callbacks import Callback
from .events import Epoch

__all__ = ["PruningCallback"]

# What can be reported, and how it gets better.
_DIRECTIONS = {
    "train_loss": "minimize", "train_accuracy": "maximize",
    "val_loss": "minimize", "val_accuracy": "maximize",
}


class PruningCallback(Callback):
    """Reports every epoch to an Optuna trial, and ends the training of trials that are pruned.

    ``fit`` then raises ``optuna.TrialPruned``, as Optuna wants it from an objective. The run stays
    in the registry, with the checkpoint of its last epoch. Its tags say which trial it is, as in
    ``trial=3`` and ``study=rates``.

    Parameters
    ----------
    trial : optuna.trial.BaseTrial
        What the objective function was called with.
    monitor : {"val_accuracy", "val_loss", "train_accuracy", "train_loss"}
        What is reported; its step is the epoch, from 1. The default is ``"val_accuracy"``.

    Raises
    ------
    ImportError
        By ``import cifar.optuna``, without Optuna.
    TypeError
        For what is no trial.
    ValueError
        For another ``monitor``; if the study's direction is not that in which it gets better; if
        the study has several objectives, which Optuna does not prune.

    Examples
    --------
    >>> import cifar, optuna
    >>> from cifar.optuna import PruningCallback
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> def objective(trial):
    ...     run = cifar.fit(
    ...         train, test, epochs=2, verbose=0, group="rates",
    ...         learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
    ...         callbacks=[PruningCallback(trial)])
    ...     return run.epochs[-1].val_accuracy
    >>> study = optuna.create_study(direction="maximize")
    >>> study.optimize(objective, n_trials=2)
    >>> len(study.trials)
    2
    """

    def __init__(self, trial: "optuna.trial.BaseTrial", monitor: str = "val_accuracy") -> None:
        if not isinstance(trial, optuna.trial.BaseTrial):
            raise TypeError(f"trial is a {type(trial).__name__}, not a trial of Optuna")
        if monitor not in _DIRECTIONS:
            raise ValueError(f"monitor={monitor!r} is none of {', '.join(map(repr, _DIRECTIONS))}")
        # A FixedTrial has no study.
        study: Any = getattr(trial, "study", None)
        if study is not None:
            if len(study.directions) != 1:
                raise ValueError(
                    f"the study has {len(study.directions)} objectives, and Optuna prunes those "
                    "with one: leave PruningCallback out")
            if study.direction.name.lower() != _DIRECTIONS[monitor]:
                raise ValueError(
                    f"the study is to {study.direction.name.lower()}, but {monitor} gets better "
                    f"the other way: optuna.create_study(direction={_DIRECTIONS[monitor]!r})")
        self.trial = trial
        self.monitor = monitor
        self._tags = [f"trial={trial.number}"]
        if study is not None:
            # A tag is one line of at most 200 bytes.
            name = " ".join(study.study_name.split()).encode()[:190].decode(errors="ignore")
            self._tags.append(f"study={name}")

    def on_epoch_end(self, epoch: Epoch, /) -> None:
        """Reports the epoch, and raises ``optuna.TrialPruned`` if the trial is to end.

        Parameters
        ----------
        epoch : Epoch
            What was measured.
        """
        value = getattr(epoch, self.monitor)
        self.trial.report(value, epoch.epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned(
                f"pruned after epoch {epoch.epoch} with {self.monitor} {value:.4g}")
