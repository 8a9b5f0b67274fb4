"""The weights that a training begins with, and what they ask of it."""

import logging
import os
from typing import Any, Dict, Optional, Tuple

from . import _keras as keras
from ._importing import imported
from ._run import Run
from ._weights import UNIT_RECIPES, is_own, require_same_normalization
from .dataset import Dataset
from .errors import NotFoundError
from .model import Model

_PRESETS = ("tutorial", "tutorial-gap", "tutorial-resnet")


def beginning(
    weights: Any, model: Any, recipe: Optional[str], hyperparameters: Dict[str, Any],
    images: Dataset,
) -> Tuple[Optional[Model], Any, str]:
    """The model whose weights are taken, the model to train and the recipe.

    A model, a file of this library and what Keras wrote know how their images are normalised, and
    a model and a file also their layers: that is taken where ``fit`` is told nothing else, and a
    recipe that says otherwise is refused. ``hyperparameters`` gets the normalization.
    """
    if weights is None:
        return None, model, "pytorch" if recipe is None else recipe
    if isinstance(weights, Run):
        weights = weights.model
    if not isinstance(weights, Model):
        height, width, channels = images.image_shape
        _require_there(weights)
        is_keras = keras.is_model(weights) or keras.is_file(weights)
        knows = is_own(weights) or is_keras
        if is_keras and recipe not in (None, *UNIT_RECIPES) and not (
            "normalization" in hyperparameters
        ):
            logging.getLogger("cifar").warning(
                "the weights are of Keras, and images are normalised as the recipe '%s' says: "
                "leave recipe out for images from 0 to 1", recipe)
        # The layers alone are taken from those that know nothing, and grey images bring the
        # normalization with them.
        unknown = {"mean": [0.0], "std": [1.0]} if channels == 1 and not knows else None
        weights = imported(
            Model, weights, model, None if is_own(weights) else recipe,
            hyperparameters.get("normalization", unknown), None, 0, (channels, height, width))
        if not knows:
            return weights, model, "pytorch" if recipe is None else recipe
    known = weights.hyperparameters
    if model is None:
        model = known["model"] if known["model"] in _PRESETS else weights.spec
    if "normalization" not in hyperparameters:
        if recipe is not None:
            require_same_normalization(recipe, known)
        # That of other images does not go with these: the library says so.
        if len(known["normalization"]["mean"]) == images.image_shape[2]:
            hyperparameters["normalization"] = known["normalization"]
    return weights, model, known["recipe"] if recipe is None else recipe


def _require_there(weights: Any) -> None:
    """A run's name is no file."""
    if isinstance(weights, (str, bytes, os.PathLike)) and not os.path.exists(weights):
        name = os.fsdecode(weights)
        raise NotFoundError(
            "CIFAR_E_NOT_FOUND",
            f"weights: there is no file '{name}'; those of a run are "
            f"cifar.Model.from_run('{name}')")
