"""Trained networks, to use."""

import ctypes
import json
from ctypes import POINTER, byref, c_double, c_uint64, sizeof
from typing import Dict, List, NamedTuple, Union

import numpy as np

from . import _arguments as argument
from . import _abi as abi
from ._handle import Held
from ._library import call, create, decode, get, get_text
from .dataset import Dataset, _pixels
from .model_spec import ModelSpec


class ClassScores(NamedTuple):
    """How good a model is at one class. Fractions, 0 to 1."""

    precision: float
    recall: float
    f1: float
    support: int
    """Images of the class."""


class Evaluation(NamedTuple):
    """How good a model is on a data set."""

    loss: float
    """Mean cross-entropy, of the kind that the model was trained with; with flips, that of the
    averaged probabilities, without label smoothing. Computed from logits, never clipped."""
    accuracy: float
    """A fraction, 0 to 1."""
    count: int
    """Images it was measured on."""
    top5_accuracy: float
    """The share of images whose label is among the five most probable classes."""
    macro_f1: float
    """The mean of the classes' F1."""
    flips: bool
    """Whether each image was averaged with its mirror image."""
    classes: Dict[str, ClassScores]
    """By name."""
    confusion: List[List[int]]
    """Images by label and, in each row, by the class that they were taken for."""


class Model(Held):
    """A trained network: see ``open``, ``from_run`` and ``Run.model``. It never changes, and may
    be used from any thread; calls take turns."""

    _instead = (
        "it never changes, so use it itself; another process opens a file that model.save(path) "
        "wrote, by Model.open(path)")

    def __init__(self, *_, **__):
        raise TypeError(
            "a Model is opened: a file by Model.open(path), a checkpoint of a run by "
            "Model.from_run(run)")

    @classmethod
    def _of(cls, handle) -> "Model":
        self = cls.__new__(cls)
        self._handle = handle
        info = get("cifar_model_get_info", abi.ModelInfo, handle)
        self.epoch: int = info.epoch
        self.parameters: int = info.parameters
        self.hyperparameters: dict = json.loads(info.hyperparameters)
        self.class_names = []
        # What C writes is as long as this: class_names is a list that anybody may change.
        self._classes: int = info.classes
        for index in range(info.classes):
            name = ctypes.c_char_p()
            call("cifar_model_get_class_name", handle, index, ctypes.byref(name))
            self.class_names.append(decode(name.value))
        return self

    @classmethod
    def open(cls, path, threads: int = 0) -> "Model":
        """Opens a checkpoint file that was saved or exported. 0 threads: as many as fit, which are
        the most.

        Weights that are NaN or infinite, those of a training that diverged, are an error that names
        the tensor; so are impossible numbers in the file.
        """
        return cls._of(
            create(
                "model", "cifar_model_open", argument.required_path(path, "path"),
                argument.whole(threads, "threads"),
            )
        )

    @classmethod
    def from_run(
        cls, run: str, checkpoint: Union[str, int] = "best", registry=None, threads: int = 0
    ) -> "Model":
        """Opens a checkpoint of a run.

        run: its id, the first 4 or more characters of it, or its name.
        checkpoint: ``"last"``, ``"best"`` or a checkpoint's id.
        registry: the SQLite file; None for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.
        """
        return cls._of(
            create(
                "model", "cifar_model_from_run", argument.path(registry, "registry"),
                argument.required_text(run, "run"), argument.checkpoint(checkpoint),
                argument.whole(threads, "threads"),
            )
        )

    @property
    def spec(self) -> ModelSpec:
        """Its layers, as a new spec."""
        return ModelSpec.from_json(json.dumps(self.hyperparameters["model_spec"]))

    def summary(self) -> str:
        """Its layers as a table: see ``ModelSpec.summary``."""
        return get_text("cifar_model_get_summary", self._handle)

    def evaluate(self, dataset: Dataset, flips: bool = False) -> Evaluation:
        """Loss, accuracy and more on a data set, class by class too.

        dataset: its class names are the model's, or nobody named them.
        flips: average each image's probabilities with those of its mirror image.
        """
        images = argument.handle(
            dataset, Dataset, "dataset", ": Dataset.from_arrays(images, labels) makes one")
        info = abi.Evaluation()
        count = self._classes
        confusion = np.zeros((count, count), np.uint64)
        scores = np.zeros((count, 3))
        call(
            "cifar_model_evaluate_classes", self._handle, images, argument.flag(flips, "flips"),
            byref(info), sizeof(info), confusion.ctypes.data_as(POINTER(c_uint64)),
            scores.ctypes.data_as(POINTER(c_double)),
        )
        support = confusion.sum(axis=1).tolist()
        classes = {
            name: ClassScores(*scores[index].tolist(), support[index])
            for index, name in enumerate(self.class_names[:count])
        }
        return Evaluation(
            info.loss, info.accuracy, info.count, info.top5_accuracy, info.macro_f1, bool(flips),
            classes, confusion.tolist(),
        )

    def predict(self, images) -> np.ndarray:
        """The probability of each class for each image, float32, (N, classes).

        images: uint8, (N, 32, 32, 3) or (N, 3, 32, 32); normalised as the model was trained.
        """
        pixels = _pixels(images)
        result = np.empty((len(pixels), self._classes), np.float32)
        call(
            "cifar_model_predict", self._handle,
            pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), len(pixels),
            result.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        )
        return result

    def save(self, path) -> None:
        """Writes the checkpoint to a safetensors file, whole or not at all.

        An existing file is replaced if it is empty or a checkpoint; any other, a directory or a
        registry is an error.
        """
        call("cifar_model_save", self._handle, argument.required_path(path, "path"))

    def __repr__(self) -> str:
        return f"<Model: {self.parameters} parameters, {self._classes} classes>"
