"""The record of all runs."""

import ctypes
import json
import math
from typing import List, Optional, Union

from . import _arguments as argument
from . import _abi as abi
from ._handle import Held
from ._library import call, create, decode, error_of, get, library
from ._listening import Listening
from .events import metrics_of


class Registry(Held):
    """The record of all runs.

    path: the SQLite file; None for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.

    ``sqlite3`` of Python, with a SQLite of its own or the same, may read and write the file meanwhile,
    and a backup or a checksum may open and close it. While it is in use, never rename, replace or
    delete it or the ``-journal`` beside it, never open it by a second name (a hard link), never
    switch it to WAL or open it with ``nolock``, and copy it by ``backup`` only. The locks of
    ``sqlite3`` are as weak as ever: while one of its connections writes the file, nothing in the same
    process may open and close the bare file (``open(path, "rb")``, ``hashlib``, ``shutil``), which
    drops them, so that two write at once and the file can be damaged.

    Rows are plain dicts, so that ``pandas.DataFrame(registry.runs())`` works as it is. What is not
    known yet is None.
    """

    _instead = "open another one, by Registry(path)"

    def __init__(self, path=None):
        self._handle = create("registry", "cifar_registry_open", argument.path(path, "path"))

    def runs(
        self,
        limit: Optional[int] = None,
        *,
        filter: Optional[str] = None,
        sort: Optional[str] = None,
        ascending: bool = False,
        trash: bool = False,
    ) -> List[dict]:
        """The runs, newest first, at most ``limit``.

        filter: such as ``"val_accuracy > 0.8 and recipe = keras and started > '2 days ago'"``;
            `cifar-runs list --help` has all of it.
        sort: a field to order by, the largest first unless ``ascending``.
        trash: the runs in the trash instead.
        """
        query = abi.RunQuery()
        call("cifar_run_query_init", ctypes.byref(query), ctypes.sizeof(query))
        query.filter = argument.text(filter, "filter")
        query.sort = argument.text(sort, "sort")
        query.ascending = argument.flag(ascending, "ascending")
        query.limit = argument.optional_whole(limit, "limit", 2**63 - 1)
        query.trash = argument.flag(trash, "trash")
        handle = create("run_list", "cifar_registry_query", self._handle, ctypes.byref(query))
        count = ctypes.c_size_t()
        call("cifar_run_list_count", handle, ctypes.byref(count))
        return [
            _summary(get("cifar_run_list_get", abi.RunInfo, handle, index))
            for index in range(count.value)
        ]

    def run(self, run: str) -> dict:
        """All about one run: its row with ``hyperparameters``, ``epochs``, ``checkpoints``,
        ``metrics`` and ``notes``.

        run: its id, the first 4 or more characters of it, or its name.
        """
        run = argument.required_text(run, "run")
        handle = create("run", "cifar_registry_find", self._handle, run)
        row = _summary(get("cifar_run_get_info", abi.RunInfo, handle))
        row["epochs_recorded"] = row["epochs"]
        text = ctypes.c_char_p()
        call("cifar_run_get_hyperparameters", handle, ctypes.byref(text))
        row["hyperparameters"] = json.loads(text.value)
        row["epochs"] = [metrics_of(info) for info in _all(handle, "epoch", abi.EpochInfo)]
        row["checkpoints"] = [
            _checkpoint(info)
            for info in _all(handle, "checkpoint", abi.CheckpointInfo)
        ]
        row["metrics"] = [
            {"name": decode(info.name), "epoch": info.epoch, "value": info.value}
            for info in _all(handle, "metric", abi.MetricInfo)
        ]
        row["notes"] = [
            {"created": decode(info.created), "text": decode(info.text)}
            for info in _all(handle, "note", abi.NoteInfo)
        ]
        return row

    def tag(self, run: str, *tags: str) -> None:
        """Adds tags; those that are there already stay."""
        for tag in tags:
            texts = argument.required_text(run, "run"), argument.required_text(tag, "tag")
            call("cifar_registry_tag", self._handle, *texts)

    def untag(self, run: str, *tags: str) -> None:
        for tag in tags:
            texts = argument.required_text(run, "run"), argument.required_text(tag, "tag")
            call("cifar_registry_untag", self._handle, *texts)

    def note(self, run: str, text: str) -> None:
        """Adds a remark, of any number of lines."""
        call(
            "cifar_registry_note", self._handle, argument.required_text(run, "run"),
            argument.required_text(text, "text"),
        )

    def rename(self, run: str, name: Optional[str]) -> None:
        """Gives a run another name; None takes it away."""
        call(
            "cifar_registry_rename", self._handle, argument.required_text(run, "run"),
            argument.text(name, "name"),
        )

    def pin(self, checkpoint: int, pinned: bool = True) -> None:
        """Makes retention keep a checkpoint, or lets it go again."""
        call("cifar_registry_pin", self._handle, _id(checkpoint), argument.flag(pinned, "pinned"))

    def fork(
        self, run: str, checkpoint: Union[str, int] = "last", name: Optional[str] = None
    ) -> str:
        """Makes a new run that begins where a checkpoint of another one stands; ``resume`` continues
        with it. Returns its id."""
        uuid = ctypes.create_string_buffer(37)
        call(
            "cifar_registry_fork", self._handle, argument.required_text(run, "run"),
            argument.checkpoint(checkpoint), argument.text(name, "name"), uuid,
        )
        return uuid.value.decode()

    def import_file(self, path, name: Optional[str] = None) -> str:
        """Makes a run from a checkpoint's file; returns its id.

        A file that a training left beside its registry, because that was held by others, gives its
        run what could not be written then. Any other is the start of a new run, which ``resume``
        continues with.

        name: of a new run; None for what the file says.
        """
        uuid = ctypes.create_string_buffer(37)
        call(
            "cifar_registry_import", self._handle, argument.required_path(path, "path"),
            argument.text(name, "name"), uuid,
        )
        return uuid.value.decode()

    def remove(self, run: str, take_over: bool = False) -> None:
        """Puts a run into the trash; ``restore`` gets it back until ``collect`` empties it.

        take_over: also one that seems to be running, because what trained it can't be asked from
            here, as on another machine. What still trains it can write nothing more.
        """
        call(
            "cifar_registry_remove", self._handle, argument.required_text(run, "run"),
            argument.flag(take_over, "take_over"),
        )

    def restore(self, run: str) -> None:
        call("cifar_registry_restore", self._handle, argument.required_text(run, "run"))

    def collect(self) -> int:
        """Empties the trash and makes the file small again. Returns the bytes given back.

        Works in short steps; trainings write in between.
        """
        freed = ctypes.c_uint64()
        call("cifar_registry_collect", self._handle, ctypes.byref(freed))
        return freed.value

    def verify(self, run: Optional[str] = None) -> List[str]:
        """Looks for damage, and for tables, views, indexes and triggers that others added. Returns a
        sentence for each thing that is wrong. Trainings continue meanwhile."""
        problems = []

        def receive(problem) -> int:
            problems.append(problem.decode(errors="replace"))
            return 0

        listening = Listening()
        function = listening.function(abi.ProblemCallback, receive)
        status = listening.run(
            library.cifar_registry_verify, self._handle, argument.text(run, "run"), function, None)
        listening.close()
        error = listening.take() or (error_of(status) if status else None)
        if error is not None:
            raise error
        return problems

    def backup(self, path) -> None:
        """Writes a copy of the registry as it is at one moment, while others train.

        The copy is a registry like any other. It goes through all checks of ``verify`` before it
        gets its name: where anything is damaged, missing or changed, ``CifarError`` is raised and
        there is no copy (``cifar-runs backup --damaged`` saves such a registry as it is). What others
        added, such as tables, comes along, and a warning (``set_log``) names it. A file that holds
        something is not replaced. (A copy of the bare file, by shutil or cp, may be damaged while
        someone writes.)
        """
        call("cifar_registry_backup", self._handle, argument.required_path(path, "path"))

    def export(self, checkpoint: int, path) -> None:
        """Writes a checkpoint to a safetensors file, whole or not at all.

        An existing file is replaced if it is empty or a checkpoint; any other, a directory or a
        registry is an error.
        """
        call(
            "cifar_registry_export", self._handle, _id(checkpoint),
            argument.required_path(path, "path"),
        )


def _id(checkpoint) -> int:
    return argument.whole(checkpoint, "checkpoint", 0, 2**63 - 1)


def _all(handle, what: str, info_type) -> list:
    count = ctypes.c_size_t()
    call(f"cifar_run_{what}_count", handle, ctypes.byref(count))
    return [get(f"cifar_run_get_{what}", info_type, handle, index) for index in range(count.value)]


def _known(value: float):
    return None if math.isnan(value) else value


def _summary(info: abi.RunInfo) -> dict:
    return {
        "id": decode(info.id),
        "name": decode(info.name),
        "status": decode(info.status),
        "recipe": decode(info.recipe),
        "dataset": decode(info.dataset),
        "started": decode(info.started),
        "duration_s": info.duration_s,
        "epochs": info.epochs,
        "epochs_planned": info.epochs_planned,
        "best_val_accuracy": _known(info.best_val_accuracy),
        "best_val_loss": _known(info.best_val_loss),
        "last_val_accuracy": _known(info.last_val_accuracy),
        "last_val_loss": _known(info.last_val_loss),
        "tags": ", ".join(decode(info.tags).split("\n")),
        "parent": decode(info.parent),
    }


def _checkpoint(info: abi.CheckpointInfo) -> dict:
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
