"""A classifier for scikit-learn: ``pip install scikit-learn``."""

import inspect
import math
import os
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils import (
        check_array, check_consistent_length, check_random_state, column_or_1d,
        compute_class_weight,
    )
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "cifar.sklearn needs scikit-learn 1.6 or newer: pip install 'scikit-learn>=1.6'"
    ) from error

from .dataset import Dataset
from .training import fit

__all__ = ["CifarClassifier"]

# The fewest rows and columns of an image.
_SMALLEST = 8


class CifarClassifier(ClassifierMixin, BaseEstimator):
    """`cifar.fit` as a scikit-learn estimator, for pipelines, cross-validation and searches.

    Parameters are those of ``cifar.fit``, and None means its default. What they say is checked by
    ``fit``.

    Parameters
    ----------
    model : str, ModelSpec, dict, list or callable, optional
        The layers, or a function that makes them for a number of classes. Presets have as many
        outputs as there are classes.
    recipe : str, optional
        The recipe.
    epochs : int
        At most; the default is 100, as in ``cifar.fit``.
    batch_size : int, optional
        Images in a batch.
    learning_rate : float, optional
        Above 0.
    precision : {"float32", "mixed_bfloat16"}
        For the training; the default is ``"float32"``.
    class_weight : dict or "balanced", optional
        What the images of a class count, by its label; ``"balanced"`` is as in scikit-learn.
    validation_fraction : float
        The share of the images that callbacks see and that choose the epoch whose weights are kept,
        drawn by class with ``random_state``. 0 (the default) trains on all of them to the end,
        without early stopping, and keeps the last epoch's weights; ReduceLROnPlateau then looks at
        the training images.
    image_shape : tuple of int, "square", optional
        (channels, height, width) of the images, where ``X`` has them as rows. None (the default) for
        images as ``Dataset.from_arrays`` takes them, and for rows of n² or 3·n² numbers, channels
        first, as MNIST's and CIFAR's are. ``"square"`` takes rows of any numbers: each
        column is scaled to 0 to 1 by what was seen in ``fit``, and rows become grey squares filled up
        with 0. Images know which pixels are neighbours; columns in general do not.
    random_state : int, RandomState, optional
        Where all random numbers come from. None (the default) draws a seed, as scikit-learn does.
    n_jobs : int, optional
        Threads; None (the default) and -1 for as many as there are processors. Results are the same.
    registry : path, optional
        The SQLite file that keeps the run; None (the default) keeps none.
    group : str, optional
        Of the run, with a ``registry``.
    options : dict, optional
        Anything else that ``cifar.fit`` takes, by name.
    verbose : int
        As in ``cifar.fit``; the default is 0.

    Attributes
    ----------
    classes_ : ndarray, (n_classes,)
        The labels, sorted: the order of the columns of ``predict_proba``.
    model_ : cifar.Model
        The trained network.
    run_ : cifar.Run
        What the training came to.
    n_iter_ : int
        Epochs that were trained.
    n_features_in_ : int
        Numbers in a row, where ``X`` had rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from cifar.sklearn import CifarClassifier
    >>> images, labels = load_digits(return_X_y=True)
    >>> layers = [{"type": "conv2d", "filters": 16}, {"type": "relu"}, {"type": "flatten"},
    ...           {"type": "dense", "units": 10}]
    >>> classifier = CifarClassifier(
    ...     layers, epochs=3, learning_rate=0.01, random_state=0, options={"augmentations": []})
    >>> classifier.fit(images[:500] / 16, labels[:500]).score(images[500:] / 16, labels[500:]) > 0.7
    True
    """

    classes_: Any
    n_features_in_: int

    def __init__(
        self,
        model: Any = None,
        *,
        recipe: Optional[str] = None,
        epochs: int = 100,
        batch_size: Optional[int] = None,
        learning_rate: Optional[float] = None,
        precision: str = "float32",
        class_weight: Union[None, str, Dict[Any, float]] = None,
        validation_fraction: float = 0,
        image_shape: Union[None, str, Sequence[int]] = None,
        random_state: Any = None,
        n_jobs: Optional[int] = None,
        registry: Union[None, str, "os.PathLike[str]"] = None,
        group: Optional[str] = None,
        options: Optional[Dict[str, Any]] = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.precision = precision
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.registry = registry
        self.group = group
        self.options = options
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "CifarClassifier":
        """Trains on images and their labels.

        Parameters
        ----------
        X : array_like, (n, …)
            The images: see ``image_shape``.
        y : array_like, (n,)
            Their labels, of any type that sorts; 2 to 1000 different ones.
        sample_weight : array_like, (n,), optional
            What the loss of each image counts; None (the default) for all alike.

        Returns
        -------
        CifarClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            For arrays and options that can't be.
        CifarError
            As ``cifar.fit``.
        """
        if y is None:
            raise ValueError("this classifier requires y to be passed, but the target y is None")
        rows = self._checked(X, reset=True)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        check_consistent_length(rows, labels)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"classifier can't train when only one class is present: {self.classes_[0]!r}")
        weights = None
        if sample_weight is not None:
            weights = check_array(
                sample_weight, ensure_2d=False, dtype=np.float64, ensure_non_negative=True,
                input_name="sample_weight")
            check_consistent_length(rows, weights)
            if not weights.any():
                raise ValueError("all sample weights are zero: there is nothing to learn")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        train, validation = self._parts(self._images(rows, learns=True), targets, weights, seed)
        arguments = dict(self.options or {})
        if self.validation_fraction == 0:
            # Its best epoch would be the one that knows the training images best.
            arguments.setdefault("early_stopping", False)
        if self.model is not None:
            arguments["model"] = (
                self.model(len(self.classes_)) if inspect.isfunction(self.model) else self.model)
        for name in ("recipe", "batch_size", "learning_rate", "group"):
            if getattr(self, name) is not None:
                arguments[name] = getattr(self, name)
        if self.registry is not None:
            arguments["registry"] = self.registry
        else:
            arguments["record"] = False
        if self.class_weight is not None:
            arguments["class_weight"] = compute_class_weight(
                self.class_weight, classes=self.classes_, y=labels).tolist()
        self.run_ = fit(
            train, validation, epochs=self.epochs, precision=self.precision, seed=seed,
            threads=None if self.n_jobs in (None, -1) else self.n_jobs, verbose=self.verbose,
            **arguments)
        self.model_ = self.run_.model
        self.n_iter_ = len(self.run_.epochs)
        return self

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class for each image.

        Parameters
        ----------
        X : array_like, (n, …)
            Images of the shape of those in ``fit``.

        Returns
        -------
        ndarray of float32, (n, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.model_.predict(self._images(self._checked(X, reset=False), learns=False))

    def predict(self, X: Any) -> Any:
        """The most probable class of each image.

        Parameters
        ----------
        X : array_like, (n, …)
            Images of the shape of those in ``fit``.

        Returns
        -------
        ndarray, (n,)
            Of ``classes_``.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _checked(self, X: Any, reset: bool) -> Any:
        """Rows or images, of finite numbers."""
        samples = 2 if reset else 1
        if getattr(X, "ndim", 2) > 2:
            return check_array(
                X, allow_nd=True, dtype="numeric", ensure_min_samples=samples, input_name="X")
        return validate_data(self, X, reset=reset, dtype="numeric", ensure_min_samples=samples)

    def _images(self, array: Any, learns: bool) -> Any:
        """Bytes, (n, channels, height, width), or in the order in which images came."""
        if array.ndim == 2 and self.image_shape == "square":
            return self._squares(array, learns)
        if array.dtype.kind == "f":
            # What X is scaled to is decided once: a dark image may have no value above 1.
            if learns:
                self._whitest = 1 if array.max() <= 1 else 255
            array = array * (255 / self._whitest)
        if array.min() < 0 or array.max() > 255:
            raise ValueError(
                "X has values outside of what images have, 0 to 1 as floats or 0 to 255, as in fit: "
                "scale them; for rows that are no images there is image_shape='square'")
        pixels = np.round(array).astype(np.uint8)
        if array.ndim > 2:
            return pixels
        columns = array.shape[1]
        shape = _shape_of_rows(columns) if self.image_shape is None else tuple(self.image_shape)
        if math.prod(shape) != columns:
            raise ValueError(
                f"X has {columns} columns, and images of {'×'.join(map(str, shape))} numbers "
                f"have {math.prod(shape)}")
        return pixels.reshape(len(array), *shape)

    def _squares(self, array: Any, learns: bool) -> Any:
        """Columns from 0 to 1, in grey images."""
        array = array.astype(np.float64)
        if learns:
            self._least = array.min(axis=0)
            extent = array.max(axis=0) - self._least
            self._extent = np.where(extent > 0, extent, 1)
        scaled = np.clip((array - self._least) / self._extent, 0, 1)
        side = max(_SMALLEST, math.isqrt(array.shape[1] - 1) + 1)
        images = np.zeros((len(array), side * side))
        images[:, :array.shape[1]] = scaled
        return np.round(images * 255).astype(np.uint8).reshape(-1, 1, side, side)

    def _parts(
        self, images: Any, targets: Any, weights: Any, seed: int
    ) -> Tuple[Dataset, Dataset]:
        """What is trained on, and what callbacks see."""
        names = [str(index) for index in range(len(self.classes_))]
        if self.validation_fraction == 0:
            whole = Dataset.from_arrays(images, targets, names, "train", weights)
            return whole, Dataset.from_arrays(images, targets, names, "test")
        places, others = train_test_split(
            np.arange(len(targets)), test_size=self.validation_fraction, stratify=targets,
            random_state=seed)
        return (
            Dataset.from_arrays(
                images[places], targets[places], names, "train",
                None if weights is None else weights[places]),
            Dataset.from_arrays(images[others], targets[others], names, "test"),
        )


def _shape_of_rows(columns: int) -> Tuple[int, int, int]:
    """Channels, height and width of rows that nobody described."""
    for channels in (1, 3):
        side = math.isqrt(columns // channels)
        if channels * side * side == columns:
            return channels, side, side
    raise ValueError(
        f"X has {columns} columns, which is no square image: give image_shape=(channels, height, "
        "width), or image_shape='square' for rows that are no images")
