"""Both parts of a data set at once."""

import os
from typing import NamedTuple, Optional

from . import _arguments as argument
from ._download import download as get_images
from .dataset import Dataset, PathLike
from .errors import NotFoundError


class Splits(NamedTuple):
    """Both parts of a data set: ``train, test = cifar.load("shapes")``.

    Attributes
    ----------
    train : Dataset
        The images to train on.
    test : Dataset
        The images to validate on.

    Examples
    --------
    >>> import cifar
    >>> cifar.load("shapes", limit_train=64, limit_test=32).test
    <Dataset shapes: 32 test images>
    """

    train: Dataset
    test: Dataset


def load(
    location: Optional[PathLike] = None, limit_train: Optional[int] = None,
    limit_test: Optional[int] = None, download: bool = False,
) -> Splits:
    """Opens both parts of a data set.

    Parameters
    ----------
    location : path, optional
        As for ``Dataset.open``: ``"shapes"``, a directory, …; None (the default) for CIFAR-10 where
        it is looked for.
    limit_train, limit_test : int, optional
        The most images to take of each, from the start; None (the default) for all.
    download : bool
        Get what is not there from its publisher, 170 MB, verified, into ``location`` where that is
        a directory, else into ``$CIFAR10_DIR`` or ``~/.cache/cifar10``: what `cifar data download`
        does. The default is False.

    Returns
    -------
    Splits
        A tuple of ``train`` and ``test``.

    Raises
    ------
    CifarError, ValueError, TypeError
        As ``Dataset.open``; ``CIFAR_E_IO`` for a download that failed.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> len(train), len(test)
    (64, 32)
    """
    if argument.flag(download, "download"):
        try:
            Dataset.open(location, "test", 1)
        except NotFoundError:
            get_images(None if location is None else os.fsdecode(location))
    return Splits(
        Dataset.open(location, "train", limit_train), Dataset.open(location, "test", limit_test)
    )
