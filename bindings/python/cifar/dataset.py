"""Labelled images."""

import ctypes
import os
from typing import (
    Any,
    Iterator,
    List,
    Optional,
    Sequence,
    SupportsIndex,
    Tuple,
    Union,
    overload,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _abi as abi
from . import _arguments as argument
from ._handle import Handle, Shared
from ._hints import unpacked_into
from ._library import call, create, decode, decode_path, get
from ._pixels import labels_of, pixels_of, weights_of

_SPLITS = {"train": abi.CIFAR_TRAIN, "test": abi.CIFAR_TEST}

PathLike = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]


class Dataset(Shared):
    """Labelled images of one shape, kept as bytes.

    Made by ``cifar.load``, ``Dataset.open``, ``Dataset.from_arrays`` and ``Dataset.from_folder``.
    It never changes, so a copy has the same images in the same memory, and is closed by itself.
    ``dataset[0]`` is a pair of an image, (height, width, channels), and its label, as torchvision's
    data sets have it, and so is what a loop gets; a slice, a list of places or a mask makes a
    Dataset of that part, with a copy of its images.

    Attributes
    ----------
    name : str
        ``"cifar10"``, ``"shapes"``, ``"memory"`` and so on.
    location : str or None
        What opens it again; None for one made of arrays.
    split : str
        ``"train"`` or ``"test"``.
    class_names : list of str
        A name for each label, from 0.
    image_shape : tuple of int
        Height, width and channels of each image.

    Examples
    --------
    >>> import cifar
    >>> dataset = cifar.Dataset.open("shapes", "test", limit=50)
    >>> dataset
    <Dataset shapes: 50 test images>
    >>> len(dataset), len(dataset.class_names)
    (50, 10)
    >>> image, label = dataset[0]
    >>> image.shape, dataset.class_names[label], len(dataset[:20])
    ((32, 32, 3), 'circle', 20)
    """

    _elsewhere = {
        "batch": "cifar.fit(…, batch_size=64)",
        "classes": "dataset.class_names",
        "data": "dataset.images",
        "map": "cifar.fit(…, augment=[…])",
        "shape": "dataset.images.shape, and dataset.image_shape",
        "shuffle": "no need of it: cifar.fit shuffles the training images",
        "targets": "dataset.labels",
    }

    name: str
    location: Optional[str]
    split: str
    class_names: List[str]
    image_shape: Tuple[int, int, int]
    _count: int

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError(
            "a Dataset is made by cifar.load(location) or Dataset.open(location, split), of arrays "
            "by Dataset.from_arrays(images, labels), of pictures by Dataset.from_folder(path)")

    @classmethod
    def _of(cls, handle: Handle) -> "Dataset":
        self = cls.__new__(cls)
        self._handle = handle
        info = get("cifar_dataset_get_info", abi.DatasetInfo, handle)
        self.name = decode(info.name)
        self.location = decode_path(info.location)
        self.split = "train" if info.split == abi.CIFAR_TRAIN else "test"
        self.class_names = [_class_name(handle, index) for index in range(info.classes)]
        self.image_shape = (info.height, info.width, info.channels)
        self._count = info.count
        return self

    @classmethod
    def open(
        cls, location: Optional[PathLike] = None, split: str = "train",
        limit: Optional[int] = None,
    ) -> "Dataset":
        """Opens a published data set, a directory with pictures, or the built-in drawings.

        Parameters
        ----------
        location : path, optional
            A directory that is or holds ``cifar-10-batches-bin`` or ``cifar-10-batches-py``;
            ``"cifar10"``, which is what None is; ``"shapes"`` for 10 classes of drawings that need
            no download; ``"cifar100"``, ``"cifar100-coarse"``, ``"mnist"``, ``"fashion-mnist"`` or
            ``"svhn"``, or with a directory ``"mnist:DIR"`` and so on; ``"folder:DIR"`` for pictures
            in ``train/CLASS`` and ``test/CLASS`` (``from_folder`` needs no such directories). None
            (the default) for CIFAR-10 in ``$CIFAR10_DIR`` or, where that is not set, in ``./data``,
            ``~/.cache/cifar10`` or ``~/.keras/datasets``.
        split : {"train", "test"}
            Which part; the default is ``"train"``.
        limit : int, optional
            The most images to take, from the start, at least 1; None (the default) for all.

        Returns
        -------
        Dataset
            CIFAR-10 and CIFAR-100 have 50,000 training and 10,000 test images.

        Raises
        ------
        CifarError
            ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_BAD_DATA``, naming the file and the offset.
        ValueError, TypeError
            For an argument that can't be.

        Examples
        --------
        >>> cifar.Dataset.open("shapes", limit=100)
        <Dataset shapes: 100 train images>
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
        images: ArrayLike,
        labels: ArrayLike,
        class_names: Optional[Sequence[str]] = None,
        split: str = "train",
        sample_weights: Optional[ArrayLike] = None,
    ) -> "Dataset":
        """Copies images and labels from arrays.

        Parameters
        ----------
        images : array_like, (N, height, width, channels) or (N, channels, height, width)
            As Keras and Pillow have them, or as PyTorch does: 1 or 3 channels, 8 to 128 rows and
            columns; in greys also (N, height, width). Whole numbers from 0 to 255, or
            floats from 0 to 1 (no value is above 1) or from 0 to 255 (one is at least 2); floats
            are rounded to bytes.
        labels : array_like of int, (N,) or (N, 1); or one-hot, (N, classes)
            From 0.
        class_names : sequence of str, optional
            A name a class, 2 to 1000, all different. None (the default) names the classes "0", "1",
            … up to the highest label: such a data set goes with the class names of any other, and
            of any model.
        split : {"train", "test"}
            What it is for; the default is ``"train"``.
        sample_weights : array_like of float, (N,), optional
            What the loss of each image counts in training, 0 to 1e6 and not all 0; multiplied with
            ``class_weight``, and averaged as that is. None (the default) for all alike, as in
            validation and evaluation they always count.

        Returns
        -------
        Dataset
            Independent of the arrays.

        Raises
        ------
        TypeError, ValueError
            For arrays of another type or shape, masked ones, or as many labels as there are not
            images.
        CifarError
            ``CIFAR_E_BAD_DATA`` for a label or a weight out of range, naming the image.

        Examples
        --------
        >>> import numpy as np
        >>> images = np.zeros((4, 32, 32, 3), np.uint8)
        >>> dataset = cifar.Dataset.from_arrays(images, [0, 1, 0, 1], ["cat", "dog"])
        >>> dataset.class_names
        ['cat', 'dog']
        """
        pixels = pixels_of(images)
        numbers, classes = labels_of(labels)
        if len(pixels) != len(numbers):
            raise ValueError(f"{len(pixels)} images, but {len(numbers)} labels")
        weights = None if sample_weights is None else weights_of(sample_weights, len(numbers))
        options = abi.DatasetOptions()
        call("cifar_dataset_options_init", ctypes.byref(options), ctypes.sizeof(options))
        if class_names is not None:
            texts = argument.texts(class_names, "class_names")
            classes = len(texts)
            options.class_names = (ctypes.c_char_p * classes)(*texts)
        options.split = _split(split)
        options.channels, options.height, options.width = pixels.shape[1:]
        options.classes = min(classes, 2**32 - 1)
        options.count = len(numbers)
        options.images = pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        options.labels = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        if weights is not None:
            options.sample_weights = weights.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        return cls._of(create("dataset", "cifar_dataset_from_memory", ctypes.byref(options)))

    @classmethod
    def from_folder(
        cls, path: PathLike, split: str = "train",
        resize: Union[bool, Tuple[int, int]] = False,
    ) -> "Dataset":
        """Reads pictures from a folder with a subfolder a class, in the order of the names.

        Needs Pillow: ``pip install cifar[images]``. Hidden files, ``._*`` of macOS among them, are
        passed over; of values with 16 bits the upper eight count.

        Parameters
        ----------
        path : path
            The folder; it has 2 to 1000 subfolders.
        split : {"train", "test"}
            What it is for; the default is ``"train"``.
        resize : bool or tuple of int
            Height and width that all pictures are shrunk or stretched to; True for (32, 32). False
            (the default) for pictures that have one size already, of 8 to 128 rows and columns.

        Returns
        -------
        Dataset
            With the subfolders' names as ``class_names``.

        Raises
        ------
        ImportError
            Without Pillow.
        FileNotFoundError, ValueError
            For a folder that is not there, or is not so; the latter also for a picture that can't
            be read, naming it.

        Examples
        --------
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> for name in ["cat", "dog"]:
        ...     Path("pictures", name).mkdir(parents=True)
        ...     Image.new("RGB", (64, 48)).save(f"pictures/{name}/1.png")
        >>> cifar.Dataset.from_folder("pictures", resize=True).class_names
        ['cat', 'dog']
        """
        from ._folder import read

        root = os.fsdecode(argument.required_path(path, "path"))
        images, labels, class_names = read(root, _size(resize))
        return cls.from_arrays(images, labels, class_names, split)

    def __reduce__(self) -> Tuple[Any, ...]:
        self._require_open()
        # What has a place is opened there again, and stays what a run finds again, too.
        if self.location is not None:
            return Dataset.open, (self.location, self.split, len(self))
        images = np.ascontiguousarray(self.images)
        weights = self.sample_weights
        return Dataset.from_arrays, (
            images, self.labels.copy(), self.class_names, self.split,
            None if weights is None else weights.copy())

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Dataset {self.location or self.name}: {len(self)} {self.split} images>"

    def __iter__(self) -> Iterator[Tuple[NDArray[np.uint8], int]]:
        """Each image with its label."""
        count = unpacked_into(1)
        if count is not None and count != len(self):
            raise TypeError(
                "a Dataset is images one by one, each with its label: all of them are "
                "x, y = dataset.images, dataset.labels")
        return self._items()

    def _items(self) -> Iterator[Tuple[NDArray[np.uint8], int]]:
        for image, label in zip(self.images, self.labels):
            self._require_open()
            yield image.copy(), int(label)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Tuple[NDArray[np.uint8], int]: ...

    @overload
    def __getitem__(self, index: Union[slice, ArrayLike]) -> "Dataset": ...

    def __getitem__(
        self, index: Any
    ) -> Union[Tuple[NDArray[np.uint8], int], "Dataset"]:
        """An image with its label, or a part of the data set as one of its own."""
        places = index
        if not isinstance(index, slice):
            places = argument.array(index, "index")
            if places.ndim == 0 and places.dtype.kind in "iu":
                if not -len(self) <= int(places) < len(self):
                    raise IndexError(
                        f"index {int(places)} is out of range: there are {len(self)} images")
                place = range(len(self))[int(places)]
                return self.images[place].copy(), int(self.labels[place])
            if isinstance(index, tuple) or places.ndim != 1 or places.dtype.kind not in "iub":
                raise TypeError(
                    "index is neither a whole number, a slice, nor a list of whole numbers or of "
                    "True and False")
        labels = self.labels[places]
        if len(labels) == 0:
            raise ValueError(f"index selects none of {len(self)} images")
        weights = self.sample_weights
        return Dataset.from_arrays(
            self.images[places], labels, self.class_names, self.split,
            None if weights is None else weights[places])

    @property
    def images(self) -> NDArray[np.uint8]:
        """All images.

        Returns
        -------
        numpy.ndarray of uint8, (N, height, width, channels)
            Red, green and blue, or grey, 0 to 255. The data set's own bytes, without a copy: they
            can't be written to, ``images.copy()`` can.

        Examples
        --------
        >>> dataset.images.shape, dataset.images.dtype
        ((4, 32, 32, 3), dtype('uint8'))
        """
        pointer = ctypes.POINTER(ctypes.c_uint8)()
        call("cifar_dataset_get_data", self._handle, ctypes.byref(pointer), None)
        height, width, channels = self.image_shape
        shape = (len(self), channels, height, width)
        planes = np.asarray(_Memory(self._handle, pointer, np.uint8, shape))
        return planes.transpose(0, 2, 3, 1)

    @property
    def labels(self) -> NDArray[np.int32]:
        """All labels.

        Returns
        -------
        numpy.ndarray of int32, (N,)
            Places in ``class_names``; not to be written to either.

        Examples
        --------
        >>> dataset.labels.tolist()
        [0, 1, 0, 1]
        """
        pointer = ctypes.POINTER(ctypes.c_int32)()
        call("cifar_dataset_get_data", self._handle, None, ctypes.byref(pointer))
        return np.asarray(_Memory(self._handle, pointer, np.int32, (len(self),)))

    @property
    def sample_weights(self) -> Optional[NDArray[np.float32]]:
        """What the loss of each image counts in training.

        Returns
        -------
        numpy.ndarray of float32, (N,), or None
            None where all count alike; not to be written to either.

        Examples
        --------
        >>> print(dataset.sample_weights)
        None
        """
        pointer = ctypes.POINTER(ctypes.c_float)()
        call("cifar_dataset_get_sample_weights", self._handle, ctypes.byref(pointer))
        if not pointer:
            return None
        return np.asarray(_Memory(self._handle, pointer, np.float32, (len(self),)))

    @staticmethod
    def _classes(labels: ArrayLike) -> int:
        return labels_of(labels)[1]


class _Memory:
    """The library's own bytes, for NumPy, whose array keeps this, and with it the data set."""

    def __init__(
        self, handle: Handle, pointer: Any, kind: Any, shape: Tuple[int, ...]
    ) -> None:
        self._handle = handle
        address = ctypes.cast(pointer, ctypes.c_void_p).value
        self.__array_interface__ = {
            "version": 3, "data": (address, True), "typestr": np.dtype(kind).str, "shape": shape}


def _size(resize: object) -> Optional[Tuple[int, int]]:
    if isinstance(resize, (tuple, list)):
        if len(resize) != 2:
            raise ValueError(f"resize {resize!r} is not (height, width)")
        height, width = (argument.whole(side, "resize", 8, 128) for side in resize)
        return height, width
    if isinstance(resize, int) and not isinstance(resize, bool):
        raise TypeError(f"resize is {resize}: give (height, width), or True for (32, 32)")
    return (32, 32) if argument.flag(resize, "resize") else None


def _split(name: str) -> int:
    if not isinstance(name, str) or name not in _SPLITS:
        raise ValueError(f"split {name!r} is neither 'train' nor 'test'")
    return _SPLITS[name]


def _class_name(handle: Handle, index: int) -> str:
    name = ctypes.c_char_p()
    call("cifar_dataset_get_class_name", handle, index, ctypes.byref(name))
    return decode(name.value or b"")
