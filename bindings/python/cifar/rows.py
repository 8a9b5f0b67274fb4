"""What the registry says of runs: plain dicts, and their types."""

import json
import math
from typing import Any, Dict, List, Optional, TypedDict, cast

from . import _abi as abi
from ._library import decode, decode_optional
from .events import metrics_of


class _Summary(TypedDict):
    """What is said of a run in a list and alone."""

    id: str
    name: Optional[str]
    status: str
    recipe: str
    dataset: str
    started: str
    duration_s: float
    epochs_planned: float
    best_val_accuracy: Optional[float]
    best_val_loss: Optional[float]
    last_val_accuracy: Optional[float]
    last_val_loss: Optional[float]
    tags: str
    parent: Optional[str]
    group: Optional[str]


class RunRow(_Summary):
    """A run in a line: what ``Registry.runs`` returns.

    A plain dict with these keys. What is not known yet is None.

    Attributes
    ----------
    id : str
        A UUID.
    name : str or None
        What people call it.
    status : str
        ``"running"``, ``"completed"``, ``"stopped"``, ``"interrupted"``, ``"failed"`` or
        ``"crashed"``.
    recipe : str
        Its name, such as ``"pytorch"``.
    dataset : str
        The name of what it was trained on.
    started : str
        ISO 8601, UTC: ``"2026-11-23T20:22:08.123Z"``.
    duration_s : float
        Seconds in all its sessions together.
    epochs : int
        Epochs recorded.
    epochs_planned : int or float
        Epochs at most, 9.9 where that is nine tenths of the tenth.
    best_val_accuracy, best_val_loss : float or None
        The best of any epoch; the accuracy from 0 to 1.
    last_val_accuracy, last_val_loss : float or None
        Those of the last epoch.
    tags : str
        Sorted, with a comma and a space between them; ``""`` without any.
    parent : str or None
        The id of the run that it was forked from.
    group : str or None
        Such as the seeds of one configuration.

    Examples
    --------
    >>> import cifar
    >>> def title(row: cifar.RunRow) -> str:
    ...     return f"{row['name'] or row['id'][:8]}: {row['status']}"
    """

    epochs: int


class EpochRow(TypedDict):
    """An epoch of a run: the dicts in ``RunDetails["epochs"]``.

    The keys are the attributes of ``Epoch``, without ``is_best``.

    Examples
    --------
    >>> import cifar
    >>> def gap(row: cifar.EpochRow) -> float:
    ...     return row["train_accuracy"] - row["val_accuracy"]
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


class CheckpointRow(TypedDict):
    """A checkpoint of a run: the dicts in ``RunDetails["checkpoints"]``.

    Attributes
    ----------
    id : int
        Unique in the registry: what ``resume``, ``Registry.pin`` and ``Registry.export`` take.
    epoch : int
        Completed epochs.
    batch : int
        Batches done in the next one; 0 between epochs.
    step : int
        Optimizer steps since the run began.
    size : int
        Bytes.
    sha256 : str
        Of these, in lowercase hexadecimal.
    created : str
        ISO 8601, UTC.
    is_best : bool
        Whether it is the best of the run.
    is_pinned : bool
        Whether retention never takes it.
    is_superseded : bool
        Whether the run was resumed from an earlier point since.

    Examples
    --------
    >>> import cifar
    >>> def newest(rows: list[cifar.CheckpointRow]) -> int:
    ...     return max(row["id"] for row in rows)
    """

    id: int
    epoch: int
    batch: int
    step: int
    size: int
    sha256: str
    created: str
    is_best: bool
    is_pinned: bool
    is_superseded: bool


class MetricRow(TypedDict):
    """A value that ``Epoch.log`` recorded: the dicts in ``RunDetails["metrics"]``.

    Attributes
    ----------
    name : str
        What it is called.
    epoch : int
        The epoch, from 1.
    value : float
        The value.

    Examples
    --------
    >>> import cifar
    >>> row: cifar.MetricRow = {"name": "f1", "epoch": 1, "value": 0.8}
    """

    name: str
    epoch: int
    value: float


class NoteRow(TypedDict):
    """A remark: the dicts in ``RunDetails["notes"]``.

    Attributes
    ----------
    created : str
        ISO 8601, UTC.
    text : str
        Any number of lines.

    Examples
    --------
    >>> import cifar
    >>> row: cifar.NoteRow = {"created": "2026-11-23T20:22:08.123Z", "text": "a good one"}
    """

    created: str
    text: str


class SessionRow(TypedDict):
    """A start or a resume of a run: what ``Registry.sessions`` returns.

    Attributes
    ----------
    started : str
        ISO 8601, UTC.
    ended : str or None
        None while it runs, and where its process is gone without a word.
    duration_s : float
        Seconds; of one that runs, so far.
    status : str
        As in ``RunRow``.
    reason : str
        Why it ended, in words; ``""`` while it runs.
    resumed_epoch, resumed_batch : int or None
        The completed epochs of the checkpoint that it went on from, and the batches done in the
        next one; None for the run's start.
    host : str
        The machine's name.
    pid : int
        The process there.
    library_version : str
        As ``cifar.__version__``.
    instruction_set : str
        Of the kernels, which the bits of a result depend on.
    threads : int
        That computed.
    command_line : str
        What was called; ``""`` where nobody said it.
    working_directory : str or None
        None if it is not known.
    git_commit : str or None
        What was checked out there; None without, or if it is not known.
    environment : dict or None
        Processor, memory, limits, versions of packages and more; None where it was not noted.
    git_changes : dict or None
        The uncommitted changes of the working directory's repository: ``patch``, as ``git apply``
        takes it, ``untracked``, names of files, ``truncated``, whether there was more, and
        ``unknown``, why they or a part of them could not be told, or None. None where there were
        none, or no repository.

    Examples
    --------
    >>> import cifar
    >>> def patch(row: cifar.SessionRow) -> str:
    ...     return row["git_changes"]["patch"] if row["git_changes"] else ""
    """

    started: str
    ended: Optional[str]
    duration_s: float
    status: str
    reason: str
    resumed_epoch: Optional[int]
    resumed_batch: Optional[int]
    host: str
    pid: int
    library_version: str
    instruction_set: str
    threads: int
    command_line: str
    working_directory: Optional[str]
    git_commit: Optional[str]
    environment: Optional[Dict[str, Any]]
    git_changes: Optional[Dict[str, Any]]


class RunDetails(_Summary):
    """All about one run: what ``Registry.run`` returns.

    A plain dict with the keys of ``RunRow``, but for ``epochs``, and these.

    Attributes
    ----------
    epochs_recorded : int
        Epochs recorded, on any line.
    epochs : list of EpochRow
        Those on the line that leads to where the run stands now.
    best_chosen_on : str or None
        What the best checkpoint was chosen on, by how the run did there: ``"test images"`` or
        ``"validation split"``; None where nothing chose, or nobody knows what the images are, such as
        arrays.
    final_chosen_on : str or None
        What the weights were chosen on that training ended with, of which the metrics
        ``final_val_accuracy`` and ``tta_val_accuracy`` are: early stopping ended it, or put the best
        weights back. None likewise, and before the end; of a run that was taken further since, it is
        of the weights that these metrics are of.
    hyperparameters : dict
        The complete set.
    checkpoints : list of CheckpointRow
        Oldest first.
    metrics : list of MetricRow
        By name, then by epoch.
    notes : list of NoteRow
        Oldest first.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db")
    >>> details: cifar.RunDetails = cifar.Registry("runs.db").run(run.id)
    >>> details["epochs_recorded"], details["hyperparameters"]["batch_size"], details["notes"]
    (1, 64, [])
    """

    epochs_recorded: int
    epochs: List[EpochRow]
    best_chosen_on: Optional[str]
    final_chosen_on: Optional[str]
    hyperparameters: Dict[str, Any]
    checkpoints: List[CheckpointRow]
    metrics: List[MetricRow]
    notes: List[NoteRow]


def summary_of(info: abi.RunInfo) -> RunRow:
    return {
        "id": decode(info.id),
        "name": decode_optional(info.name),
        "status": decode(info.status),
        "recipe": decode(info.recipe),
        "dataset": decode(info.dataset),
        "started": decode(info.started),
        "duration_s": info.duration_s,
        "epochs": info.epochs,
        "epochs_planned": (
            int(info.epochs_planned) if info.epochs_planned.is_integer() else info.epochs_planned),
        "best_val_accuracy": _known(info.best_val_accuracy),
        "best_val_loss": _known(info.best_val_loss),
        "last_val_accuracy": _known(info.last_val_accuracy),
        "last_val_loss": _known(info.last_val_loss),
        "tags": ", ".join(decode(info.tags).split("\n")),
        "parent": decode_optional(info.parent),
        "group": decode_optional(info.group),
    }


def epoch_row_of(info: abi.EpochInfo) -> EpochRow:
    return cast(EpochRow, metrics_of(info))


def checkpoint_of(info: abi.CheckpointInfo) -> CheckpointRow:
    return {
        "id": info.id,
        "epoch": info.epoch,
        "batch": info.batch,
        "step": info.step,
        "size": info.size,
        "sha256": decode(info.sha256),
        "created": decode(info.created),
        "is_best": bool(info.is_best),
        "is_pinned": bool(info.is_pinned),
        "is_superseded": bool(info.is_superseded),
    }


def metric_of(info: abi.MetricInfo) -> MetricRow:
    return {"name": decode(info.name), "epoch": info.epoch, "value": info.value}


def note_of(info: abi.NoteInfo) -> NoteRow:
    return {"created": decode(info.created), "text": decode(info.text)}


def session_of(info: abi.SessionInfo, changes: Optional[str]) -> SessionRow:
    environment = decode_optional(info.environment)
    is_start = info.resumed_epoch < 0
    return {
        "started": decode(info.started),
        "ended": decode_optional(info.ended),
        "duration_s": info.duration_s,
        "status": decode(info.status),
        "reason": decode(info.reason),
        "resumed_epoch": None if is_start else info.resumed_epoch,
        "resumed_batch": None if is_start else info.resumed_batch,
        "host": decode(info.host),
        "pid": info.pid,
        "library_version": decode(info.library_version),
        "instruction_set": decode(info.instruction_set),
        "threads": info.threads,
        "command_line": decode(info.command_line),
        "working_directory": decode_optional(info.working_directory),
        "git_commit": decode_optional(info.git_commit),
        "environment": None if environment is None else json.loads(environment),
        "git_changes": None if changes is None else json.loads(changes),
    }


def _known(value: float) -> Optional[float]:
    return None if math.isnan(value) else value
