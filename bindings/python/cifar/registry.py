"""The record of all runs."""

import ctypes
import json
import math
from typing import Optional

from . import _structs as structs
from ._library import call, create, decode, encode, get, library


class Registry:
    """The record of all runs, opened for queries.

    path: the SQLite file; None for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.

    Rows are plain dicts, so that ``pandas.DataFrame(registry.runs())`` works as it is. What is not
    known yet is None.
    """

    def __init__(self, path=None):
        self._handle = create("cifar_registry_open", encode(path))

    def runs(self, limit: Optional[int] = None) -> list:
        """The runs, newest first, at most ``limit``."""
        if limit is not None and limit < 1:
            raise ValueError(f"limit {limit} is not at least 1")
        handle = create("cifar_registry_list", self._handle, limit or 0)
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
        """All about one run: its row with ``hyperparameters``, ``epochs`` and ``checkpoints``.

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
            return row
        finally:
            library.cifar_run_free(handle)

    def __del__(self):
        if getattr(self, "_handle", None):
            library.cifar_registry_free(self._handle)


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
    }
