"""What is trained on and what is validated on, in the forms that `fit` takes them in."""

import math
from typing import Any, Optional, Tuple

import numpy as np

from . import _arguments as argument
from .dataset import Dataset
from .loading import Splits

_REMEDY = (
    "give a Dataset (cifar.load(location) opens some), or arrays as (images, labels)")


def training_and_validation(
    train: Any, validation: Any, validation_data: Any, validation_split: Any,
    sample_weight: Any = None,
) -> Tuple[Optional[Dataset], Optional[Dataset]]:
    """Data sets of what `fit` and `resume` got; None where there was nothing."""
    if isinstance(train, Splits) and validation is None:
        train, validation = train
    elif not _is_data(train) and train is not None:
        # As in Keras: fit(images, labels).
        if validation is None or _is_data(validation) or isinstance(train, (str, bytes)):
            raise TypeError(f"train is a {argument.kind_of(train)}, not a Dataset: {_REMEDY}")
        train, validation = (train, validation), None
    if validation is not None and validation_data is not None:
        raise TypeError("validation_data is given twice: as fit's second argument, too")
    if isinstance(validation_data, (tuple, list)) and len(validation_data) == 3:
        raise TypeError(
            "validation_data has weights of the images, and in validation all count alike: give "
            "(images, labels)")
    if isinstance(validation_data, list) and len(validation_data) == 2:
        validation_data = tuple(validation_data)
    others = validation_data if validation is None else validation
    train = _with_weights(train, sample_weight)
    if validation_split is not None and validation_split != 0:
        if others is not None:
            raise TypeError(
                "validation_split is given with images to validate on: there can be one of them")
        return _split(train, validation_split)
    name = "validation" if validation is not None else "validation_data"
    return _datasets(train, others, name)


def dataset_of(value: Any, name: str, class_names: Any = None) -> Dataset:
    """A data set, or one made of (images, labels)."""
    if isinstance(value, Dataset):
        return value
    if not _is_data(value):
        raise TypeError(f"{name} is a {argument.kind_of(value)}, not a Dataset: {_REMEDY}")
    return Dataset.from_arrays(value[0], value[1], class_names, "test")


def _with_weights(train: Any, weights: Any) -> Any:
    """The images with what each counts: a data set of its own, or (images, labels, weights)."""
    if weights is None:
        return train
    if not _is_data(train):
        raise TypeError("sample_weight is given without images and labels that it would be of")
    if isinstance(train, Dataset):
        return Dataset.from_arrays(
            train.images, train.labels, train.class_names, train.split, weights)
    return (*train, weights)


def _made(train: Any, names: Any = None) -> Dataset:
    if isinstance(train, Dataset):
        return train
    weights = train[2] if len(train) == 3 else None
    return Dataset.from_arrays(train[0], train[1], names, sample_weights=weights)


def _is_data(value: Any) -> bool:
    return isinstance(value, Dataset) or (
        isinstance(value, tuple) and len(value) == 2 and not isinstance(value, Splits))


def _datasets(train: Any, others: Any, name: str) -> Tuple[Optional[Dataset], Optional[Dataset]]:
    """Arrays get the classes that the data set beside them has; with arrays on both sides each may
    lack some."""
    names = next((item.class_names for item in (train, others) if isinstance(item, Dataset)), None)
    if names is None and train is not None and others is not None and _is_data(others):
        classes = max(Dataset._classes(train[1]), Dataset._classes(others[1]))
        names = [str(index) for index in range(classes)]
    if train is not None:
        train = _made(train, names)
    return train, None if others is None else dataset_of(others, name, names)


def _split(train: Any, share: Any) -> Tuple[Dataset, Dataset]:
    """As Keras does it: the last images, before anything is shuffled."""
    share = argument.number(share, "validation_split")
    if not 0 < share < 1:
        raise ValueError(f"validation_split {share} is not between 0 and 1")
    if train is None:
        raise TypeError("validation_split is given without train: there is nothing to split")
    whole = _made(train)
    place = math.floor(len(whole) * (1 - share))
    if place == 0:
        raise ValueError(f"validation_split {share} leaves none of {len(whole)} images to train on")
    missing = np.setdiff1d(whole.labels[place:], whole.labels[:place])
    if missing.size:
        raise ValueError(
            f"validation_split takes the last images, and has all of class "
            f"'{whole.class_names[missing[0]]}': shuffle images and labels before")
    return whole[:place], whole[place:]
