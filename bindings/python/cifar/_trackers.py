"""Callbacks that tell MLflow, Weights & Biases and Trackio of a training, each loaded when it is used."""

import importlib
import json
import os
import time
import warnings
from typing import Any, Dict, Mapping, Optional

from ._callbacks import Callback
from .events import Epoch
from .registry import Registry

_METRICS = (
    "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    "images_per_second", "cpu_seconds", "peak_memory",
)
# What the services take of a parameter at least.
_LONGEST = 500


class Tracker(Callback):
    """What the three have in common: a failure before training raises, a later one warns once.

    Subclasses have ``_start(run, hyperparameters)``, ``_log(metrics, step)`` and ``_finish(status)``.
    """

    _module = ""
    _is_open = False

    def _load(self) -> Any:
        """The service's own package."""
        try:
            return importlib.import_module(self._module)
        except ImportError as error:
            raise ImportError(
                f"cifar.callbacks.{type(self).__name__} needs {self._module}: "
                f"pip install {self._module} ({error})") from error

    def _began(
        self, run: Optional[str], registry: Optional[str], hyperparameters: Mapping[str, Any],
    ) -> None:
        self._labels: Dict[str, Any] = {}
        if run is not None:
            row = Registry(registry).run(run)
            self._labels = {
                "name": row["name"], "group": row["group"], "tags": row["tags"]}
        self._start(run, _flat(hyperparameters))
        self._is_open = True

    def on_epoch_end(self, epoch: Epoch) -> None:
        """Sends the epoch's numbers.

        Parameters
        ----------
        epoch : Epoch
            The epoch.
        """
        metrics = {name: getattr(epoch, name) for name in _METRICS}
        if self._training is not None:
            metrics.update(self._training.logged)
        self._attempt(self._log, metrics, epoch.epoch)

    def _ended(self, status: str) -> None:
        self._attempt(self._finish, status)
        self._is_open = False

    def _attempt(self, function: Any, *arguments: Any) -> None:
        if not self._is_open:
            return
        try:
            function(*arguments)
        except Exception as error:
            self._is_open = False
            warnings.warn(
                f"{type(self).__name__}: {error}; training continues without it, and the registry has "
                "the whole run", RuntimeWarning, stacklevel=2)

    def _start(self, run: Optional[str], parameters: Dict[str, Any]) -> None:
        raise NotImplementedError

    def _log(self, metrics: Dict[str, float], step: int) -> None:
        raise NotImplementedError

    def _finish(self, status: str) -> None:
        raise NotImplementedError


class MLflow(Tracker):
    """Tells MLflow: hyperparameters, the numbers of each epoch, how it ended.

    In an MLflow run that is active they go into that one, which stays open. Otherwise into one of the
    training's own; a resumed training continues it, by its tag ``cifar.run_id``.

    Parameters
    ----------
    experiment : str, optional
        The experiment, made if missing; None (the default) for ``MLFLOW_EXPERIMENT_NAME``, else
        ``"Default"``.
    tracking_uri : str, optional
        Where MLflow keeps its runs, such as ``"sqlite:///mlflow.db"``; None (the default) for
        MLflow's own setting.
    name : str, optional
        The run's name there; None (the default) for the one that ``fit`` gave it, else the start of
        its id.

    Raises
    ------
    ImportError
        By ``fit``, without MLflow.

    Examples
    --------
    >>> cifar.fit(train, test, callbacks=[cifar.callbacks.MLflow("cifar")])  # doctest: +SKIP
    """

    def __init__(
        self, experiment: Optional[str] = None, tracking_uri: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        self.experiment = experiment
        self.tracking_uri = tracking_uri
        self.name = name

    _module = "mlflow"

    def _start(self, run: Optional[str], parameters: Dict[str, Any]) -> None:
        mlflow = self._load()
        self._entities = importlib.import_module("mlflow.entities")
        self._client = mlflow.MlflowClient(self.tracking_uri)
        active = mlflow.active_run()
        self._is_own = active is None
        found = None if active else self._find(run)
        self.run_id = (
            active.info.run_id if active else found.info.run_id if found else self._create(run))
        if found:
            self._client.set_terminated(self.run_id, "RUNNING")
        else:
            entries = [self._entities.Param(*pair) for pair in parameters.items()]
            for begin in range(0, len(entries), 100):  # as many as MLflow takes at once
                self._client.log_batch(self.run_id, params=entries[begin:begin + 100])

    def _experiment(self) -> str:
        name = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        found = self._client.get_experiment_by_name(name)
        return found.experiment_id if found else self._client.create_experiment(name)

    def _find(self, run: Optional[str]) -> Any:
        condition = f"tags.`cifar.run_id` = '{run}'"
        runs = self._client.search_runs([self._experiment()], condition) if run else []
        return runs[0] if runs else None

    def _create(self, run: Optional[str]) -> str:
        tags = {"cifar.run_id": run} if run else {}
        for label in ("name", "group", "tags"):
            if self._labels.get(label):
                tags[f"cifar.{label}"] = str(self._labels[label])
        name = self.name or self._labels.get("name") or (run[:8] if run else None)
        return self._client.create_run(self._experiment(), tags=tags, run_name=name).info.run_id

    def _log(self, metrics: Dict[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(self.run_id, metrics=[
            self._entities.Metric(name, value, now, step) for name, value in metrics.items()])

    def _finish(self, status: str) -> None:
        self._client.set_tag(self.run_id, "cifar.status", status)
        if self._is_own:
            states = {"failed": "FAILED", "interrupted": "KILLED"}
            self._client.set_terminated(self.run_id, states.get(status, "FINISHED"))


class WandB(Tracker):
    """Tells Weights & Biases: hyperparameters, the numbers of each epoch, how it ended.

    A resumed training continues its run there, which has the same id.

    Parameters
    ----------
    project : str
        The project; the default is ``"cifar"``.
    **options
        Anything else that ``wandb.init`` takes: ``mode="offline"``, ``name``, ``group``.

    Raises
    ------
    ImportError
        By ``fit``, without wandb.

    Examples
    --------
    >>> cifar.fit(
    ...     train, test, callbacks=[cifar.callbacks.WandB(mode="offline")])  # doctest: +SKIP
    """

    def __init__(self, project: str = "cifar", **options: Any) -> None:
        self.options = {"project": project, **options}

    _module = "wandb"

    def _start(self, run: Optional[str], parameters: Dict[str, Any]) -> None:
        self._run = self._load().init(
            **{"id": run, "resume": "allow", "config": parameters, "name": self._labels.get("name"),
               "group": self._labels.get("group"), **self.options})

    def _log(self, metrics: Dict[str, float], step: int) -> None:
        self._run.log({**metrics, "epoch": step}, step=step)

    def _finish(self, status: str) -> None:
        self._run.summary["status"] = status
        self._run.finish(exit_code=1 if status == "failed" else 0)


class Trackio(Tracker):
    """Tells Trackio: hyperparameters, the numbers of each epoch.

    A resumed training continues its run there, which is named by the run's id.

    Parameters
    ----------
    project : str
        The project; the default is ``"cifar"``.
    **options
        Anything else that ``trackio.init`` takes: ``name``, ``group``, ``space_id``.

    Raises
    ------
    ImportError
        By ``fit``, without trackio.

    Examples
    --------
    >>> cifar.fit(train, test, callbacks=[cifar.callbacks.Trackio()])  # doctest: +SKIP
    """

    def __init__(self, project: str = "cifar", **options: Any) -> None:
        self.options = {"project": project, **options}

    _module = "trackio"

    def _start(self, run: Optional[str], parameters: Dict[str, Any]) -> None:
        self._trackio = self._load()
        self._trackio.init(
            **{"name": run, "resume": "allow", "config": parameters, **self.options})

    def _log(self, metrics: Dict[str, float], step: int) -> None:
        self._trackio.log(metrics, step=step)

    def _finish(self, status: str) -> None:
        self._trackio.finish()


def _flat(value: Any, name: str = "") -> Dict[str, Any]:
    """Nested hyperparameters by their paths: ``{"optimizer.learning_rate": 0.001}``."""
    if isinstance(value, Mapping) and value:
        return {
            path: inner for key, member in value.items()
            for path, inner in _flat(member, f"{name}.{key}" if name else key).items()}
    if isinstance(value, (Mapping, list, tuple)):
        if value and all(isinstance(member, Mapping) for member in value):
            return _flat({str(place): member for place, member in enumerate(value)}, name)
        value = json.dumps(value)
    return {name: value[:_LONGEST] if isinstance(value, str) else value}
