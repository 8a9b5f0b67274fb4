"""The record of all runs."""

import ctypes
import json
import math
from typing import List, Optional, Union

from . import _structs as structs
from ._library import PROBLEM_CALLBACK, call, create, decode, encode, get, library


class Registry:
    """The record of all runs.

    path: the SQLite file; None for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.

    Rows are plain dicts, so that ``pandas.DataFrame(registry.runs())`` works as it is. What is not
    known yet is None.
    """

    def __init__(self, path=None):
        self._handle = create("cifar_registry_open", encode(path))

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
        if limit is not None and limit < 1:
            raise ValueError(f"limit {limit} is not at least 1")
        query = structs.RunQuery()
        call("cifar_run_query_init", ctypes.byref(query), ctypes.sizeof(query))
        query.filter = _text(filter)
        query.sort = _text(sort)
        query.ascending = int(ascending)
        query.limit = limit or 0
        query.trash = int(trash)
        handle = create("cifar_registry_query", self._handle, ctypes.byref(query))
        try:
            count = ctypes.c_size_t()
            call("cifar_run_list_count", handle, ctypes.byref(count))
            return [
                _summary(get("cifar_run_list_get", structs.RunInfo, handle, index))
                for index in range(count.value)
            ]
        finally:
            library.cifar_run_list_free(handle)

    def run(self, run: str) -> dict:
        """All about one run: its row with ``hyperparameters``, ``epochs``, ``checkpoints``,
        ``metrics`` and ``notes``.

        run: its id, the first 4 or more characters of it, or its name.
        """
        handle = create("cifar_registry_find", self._handle, run.encode())
        try:
            row = _summary(get("cifar_run_get_info", structs.RunInfo, handle))
            row["epochs_recorded"] = row["epochs"]
            text = ctypes.c_char_p()
            call("cifar_run_get_hyperparameters", handle, ctypes.byref(text))
            row["hyperparameters"] = json.loads(text.value)
            row["epochs"] = [_epoch(info) for info in _all(handle, "epoch", structs.EpochInfo)]
            row["checkpoints"] = [
                _checkpoint(info)
                for info in _all(handle, "checkpoint", structs.CheckpointInfo)
            ]
            row["metrics"] = [
                {"name": decode(info.name), "epoch": info.epoch, "value": info.value}
                for info in _all(handle, "metric", structs.MetricInfo)
            ]
            row["notes"] = [
                {"created": decode(info.created), "text": decode(info.text)}
                for info in _all(handle, "note", structs.NoteInfo)
            ]
            return row
        finally:
            library.cifar_run_free(handle)

    def tag(self, run: str, *tags: str) -> None:
        """Adds tags; those that are there already stay."""
        for tag in tags:
            call("cifar_registry_tag", self._handle, run.encode(), tag.encode())

    def untag(self, run: str, *tags: str) -> None:
        for tag in tags:
            call("cifar_registry_untag", self._handle, run.encode(), tag.encode())

    def note(self, run: str, text: str) -> None:
        """Adds a remark, of any number of lines."""
        call("cifar_registry_note", self._handle, run.encode(), text.encode())

    def rename(self, run: str, name: Optional[str]) -> None:
        """Gives a run another name; None takes it away."""
        call("cifar_registry_rename", self._handle, run.encode(), _text(name))

    def pin(self, checkpoint: int, pinned: bool = True) -> None:
        """Makes retention keep a checkpoint, or lets it go again."""
        call("cifar_registry_pin", self._handle, checkpoint, int(pinned))

    def fork(
        self, run: str, checkpoint: Union[str, int] = "last", name: Optional[str] = None
    ) -> str:
        """Makes a new run that begins where a checkpoint of another one stands; ``resume`` goes on
        with it. Returns its id."""
        uuid = ctypes.create_string_buffer(37)
        call(
            "cifar_registry_fork", self._handle, run.encode(), str(checkpoint).encode(),
            _text(name), uuid,
        )
        return uuid.value.decode()

    def remove(self, run: str) -> None:
        """Puts a run into the trash; ``restore`` gets it back until ``collect`` empties it."""
        call("cifar_registry_remove", self._handle, run.encode())

    def restore(self, run: str) -> None:
        call("cifar_registry_restore", self._handle, run.encode())

    def collect(self) -> int:
        """Empties the trash and makes the file small again. Returns the bytes given back."""
        freed = ctypes.c_uint64()
        call("cifar_registry_collect", self._handle, ctypes.byref(freed))
        return freed.value

    def verify(self, run: Optional[str] = None) -> List[str]:
        """Looks for damage. Returns a sentence for each thing that is wrong."""
        problems = []

        def receive(problem, _):
            problems.append(problem.decode())
            return 0

        call("cifar_registry_verify", self._handle, _text(run), PROBLEM_CALLBACK(receive), None)
        return problems

    def export(self, checkpoint: int, path) -> None:
        """Writes a checkpoint to a safetensors file, whole or not at all.

        An existing file is replaced if it is empty or a checkpoint; any other, a directory or a
        registry is an error.
        """
        call("cifar_registry_export", self._handle, checkpoint, encode(path))

    def __del__(self):
        if getattr(self, "_handle", None):
            library.cifar_registry_free(self._handle)


def _text(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else text.encode()


def _all(handle, what: str, info_type) -> list:
    count = ctypes.c_size_t()
    call(f"cifar_run_{what}_count", handle, ctypes.byref(count))
    return [get(f"cifar_run_get_{what}", info_type, handle, index) for index in range(count.value)]


def _known(value: float):
    return None if math.isnan(value) else value


def _summary(info: structs.RunInfo) -> dict:
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


def _epoch(info: structs.EpochInfo) -> dict:
    return {
        "epoch": info.epoch,
        "train_loss": info.train_loss,
        "train_accuracy": info.train_accuracy,
        "val_loss": info.val_loss,
        "val_accuracy": info.val_accuracy,
        "lr": info.learning_rate,
        "seconds": info.seconds,
        "images_per_second": info.images_per_second,
    }


def _checkpoint(info: structs.CheckpointInfo) -> dict:
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
