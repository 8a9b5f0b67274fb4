"""Labelled images."""

import ctypes
import os
from typing import NamedTuple, Optional, Sequence

import numpy as np

from . import _arguments as argument
from . import _abi as abi
from ._handle import Held
from ._library import call, create, decode, decode_path, get

_SPLITS = {"train": abi.CIFAR_TRAIN, "test": abi.CIFAR_TEST}


class Dataset(Held):
    """Labelled 32×32 RGB images, kept as bytes: see ``open``, ``from_arrays`` and ``from_folder``.

    Immutable, so a copy is the data set itself.
    """

    _instead = "another process opens its own, or makes it of images and labels"

    def __init__(self, *_, **__):
        raise TypeError(
            "a Dataset is made by cifar.load(location) or Dataset.open(location, split), of arrays "
            "by Dataset.from_arrays(images, labels), of pictures by Dataset.from_folder(path)")

    @classmethod
    def _of(cls, handle) -> "Dataset":
        self = cls.__new__(cls)
        self._handle = handle
        info = get("cifar_dataset_get_info", abi.DatasetInfo, handle)
        self.name: str = decode(info.name)
        self.location: Optional[str] = decode_path(info.location)
        self.split: str = "train" if info.split == abi.CIFAR_TRAIN else "test"
        self.class_names = [_class_name(handle, index) for index in range(info.classes)]
        self._count = info.count
        return self

    @classmethod
    def open(cls, location=None, split: str = "train", limit: Optional[int] = None) -> "Dataset":
        """Opens CIFAR-10 or CIFAR-100, in its binary or python layout, or the built-in drawings.

        location: a directory, or ``"shapes"``; None for ``$CIFAR10_DIR`` or, where
            that is not set, ``./data``, ``~/.cache/cifar10`` and ``~/.keras/datasets``;
            ``"cifar100"`` and ``"cifar100-coarse"`` too, ``"cifar100:DIR"`` and ``"cifar100-coarse:DIR"`` in ``DIR``.
        split: ``"train"`` or ``"test"``.
        limit: the most images to take, from the start.
        """
        return cls._of(
            create(
                "dataset", "cifar_dataset_open", argument.path(location, "location"), _split(split),
                argument.optional_whole(limit, "limit", 2**63 - 1),
            )
        )

    @classmethod
    def from_arrays(
        cls,
        images,
        labels,
        class_names: Optional[Sequence[str]] = None,
        split: str = "train",
    ) -> "Dataset":
        """Copies images and labels from arrays.

        images: uint8, (N, 32, 32, 3) as Keras and Pillow have them, or (N, 3, 32, 32).
        labels: whole numbers from 0, (N,) or (N, 1) as Keras has them; or one-hot, (N, classes).
        class_names: one a class, all different; None names the classes "0", "1", … up to the
            highest label: such a data set goes with the class names of any other, and of any model.
        """
        pixels = _pixels(images)
        numbers, one_hot_classes = _labels(labels)
        if len(pixels) != len(numbers):
            raise ValueError(f"{len(pixels)} images, but {len(numbers)} labels")
        if class_names is not None:
            texts = argument.texts(class_names, "class_names")
            classes = len(texts)
            names = (ctypes.c_char_p * classes)(*texts)
        else:
            names = None
            classes = one_hot_classes or max(int(numbers.max(initial=0)) + 1, 2)
        return cls._of(
            create(
                "dataset", "cifar_dataset_from_memory",
                pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)),
                numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
                len(numbers), classes, names, _split(split),
            )
        )

    @classmethod
    def from_folder(cls, path, split: str = "train", resize: bool = False) -> "Dataset":
        """Reads pictures from a folder with a subfolder a class, in the order of the names. Needs
        Pillow. Hidden files, ``._*`` of macOS among them, are passed over; of values with 16 bits the
        upper eight count.

        resize: shrink or stretch pictures that are not 32×32; else they are an error.
        """
        from ._folder import read

        root = os.fsdecode(argument.required_path(path, "path"))
        images, labels, class_names = read(root, argument.flag(resize, "resize"))
        return cls.from_arrays(images, labels, class_names, split)

    def __copy__(self):
        return self

    def __deepcopy__(self, _):
        return self

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Dataset {self.location or self.name}: {len(self)} {self.split} images>"

    @property
    def images(self) -> np.ndarray:
        """A copy, uint8, (N, 32, 32, 3)."""
        pixels = np.empty((len(self), 3, 32, 32), np.uint8)
        pointer = pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        call("cifar_dataset_read", self._handle, 0, len(self), pointer, None)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))

    @property
    def labels(self) -> np.ndarray:
        """A copy, int32, (N,)."""
        labels = np.empty(len(self), np.int32)
        pointer = labels.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        call("cifar_dataset_read", self._handle, 0, len(self), None, pointer)
        return labels


class Splits(NamedTuple):
    train: Dataset
    test: Dataset


def load(
    location=None, limit_train: Optional[int] = None, limit_test: Optional[int] = None
) -> Splits:
    """Both parts of a data set: ``train, test = cifar.load("shapes")``. See ``Dataset.open``."""
    return Splits(
        Dataset.open(location, "train", limit_train), Dataset.open(location, "test", limit_test)
    )


def _split(name: str) -> int:
    if not isinstance(name, str) or name not in _SPLITS:
        raise ValueError(f"split {name!r} is neither 'train' nor 'test'")
    return _SPLITS[name]


def _class_name(handle, index: int) -> str:
    name = ctypes.c_char_p()
    call("cifar_dataset_get_class_name", handle, index, ctypes.byref(name))
    return decode(name.value)


def _pixels(images) -> np.ndarray:
    """Images as the library takes them: uint8, (N, 3, 32, 32), contiguous."""
    if isinstance(images, (str, bytes, os.PathLike)):
        raise TypeError(
            f"images is a {type(images).__name__}, not an array: read the picture first, or "
            "a folder of them by Dataset.from_folder")
    images = argument.array(images, "images")
    if images.dtype != np.uint8:
        raise TypeError(
            f"images are {images.dtype}, not uint8 from 0 to 255; they are normalised here, as the "
            "recipe says")
    if images.ndim == 4 and images.shape[1:] == (32, 32, 3):
        images = images.transpose(0, 3, 1, 2)
    elif images.ndim != 4 or images.shape[1:] != (3, 32, 32):
        message = f"images of shape {images.shape}, not (N, 32, 32, 3) or (N, 3, 32, 32)"
        if images.shape in [(32, 32, 3), (3, 32, 32)]:
            message += "; one image is images[None]"
        raise ValueError(message)
    return np.ascontiguousarray(images)


def _labels(labels):
    """Labels as int32, (N,); and the number of classes where one-hot rows say it."""
    labels = argument.array(labels, "labels")
    classes = None
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "iufb":
        if not ((labels == 0) | (labels == 1)).all() or not (labels.sum(axis=1) == 1).all():
            raise ValueError(f"labels of shape {labels.shape} are not one-hot")
        classes = labels.shape[1]
        labels = labels.argmax(axis=1)
    elif labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"labels of shape {labels.shape}, not (N,), (N, 1) or (N, classes)")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels are {labels.dtype}, not whole numbers")
    limits = np.iinfo(np.int32)
    if labels.size and not limits.min <= labels.min() <= labels.max() <= limits.max:
        raise ValueError("a label is out of the range of int32")
    return np.ascontiguousarray(labels, np.int32), classes
