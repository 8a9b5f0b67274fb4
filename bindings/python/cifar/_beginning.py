"""The weights that a training begins with, and what they ask of it."""

import logging
import os
from collections.abc import Mapping
from ctypes import c_char_p, c_void_p, cast
from typing import Any, Dict, NamedTuple, Optional

from . import _abi as abi
from . import _arguments as argument
from . import _keras as keras
from . import _safetensors as safetensors
from ._importing import imported
from ._run import Run
from ._sequential import is_sequential
from ._weights import (
    UNIT_RECIPES,
    is_own,
    is_torch_module,
    renamed,
    require_same_normalization,
)
from .dataset import Dataset
from .errors import InvalidArgumentError, NotFoundError
from .model import Model
from .model_spec import ModelSpec


class Beginning(NamedTuple):
    """The weights that are taken, in one of three forms or none, the model to train and the
    recipe."""

    weights: Any
    model: Any
    recipe: str

    def fill(self, options: abi.TrainOptions, init: Any) -> None:
        """Puts the weights into the options; init: what ``fit`` was given."""
        # The options point to them, and nobody else keeps those that were read from a file.
        options.weights = self.weights
        if isinstance(self.weights, Model):
            options.init_model = self.weights._handle.pointer
            if isinstance(init, (str, os.PathLike)):
                options.init_source = argument.path(os.path.abspath(init), "init")
            elif isinstance(init, Run) and init.id is not None:
                # As ``cifar train --init RUN`` notes it, which ``rerun`` looks for.
                options.init_source = f"run {init.id}".encode()
        elif isinstance(self.weights, safetensors.Encoded):
            options.init_bytes = cast(c_char_p(self.weights), c_void_p)
            options.init_size = len(self.weights)
        elif self.weights is not None:
            options.init_from = argument.path(os.path.abspath(self.weights), "init")


def beginning(
    init: Any, model: Any, recipe: Optional[str], hyperparameters: Dict[str, Any],
    images: Dataset,
) -> Beginning:
    """What ``fit`` begins with.

    A model, a file of this library and what Keras wrote know how their images are normalised, and
    a model and a file also their layers: that is taken where ``fit`` is told nothing else, and a
    recipe that says otherwise is refused. ``hyperparameters`` gets the normalization.
    """
    if init is None:
        return Beginning(None, model, "pytorch" if recipe is None else recipe)
    if isinstance(init, Run):
        init = init.model
    if not isinstance(init, Model):
        _require_there(init)
        height, width, channels = images.image_shape
        shape = (channels, height, width)
        is_keras = keras.is_model(init) or keras.is_file(init)
        if not is_keras and not is_own(init):
            weights = _foreign(init, model, shape)
            return Beginning(weights, model, "pytorch" if recipe is None else recipe)
        if is_keras and recipe not in (None, *UNIT_RECIPES) and not (
            "normalization" in hyperparameters
        ):
            logging.getLogger("cifar").warning(
                "the weights are of Keras, and images are normalised as the recipe '%s' says: "
                "leave recipe out for images from 0 to 1", recipe)
        init = imported(
            Model, init, model if is_keras else None, recipe if is_keras else None,
            hyperparameters.get("normalization") if is_keras else None, None, 0, shape)
    known = init.hyperparameters
    if model is None:
        model = known["model"] if _is_preset(known["model"]) else init.spec
    if "normalization" not in hyperparameters:
        if recipe is not None:
            require_same_normalization(recipe, known)
        # That of other images does not go with these: the library says so.
        if len(known["normalization"]["mean"]) == images.image_shape[2]:
            hyperparameters["normalization"] = known["normalization"]
    return Beginning(init, model, known["recipe"] if recipe is None else recipe)


def _is_preset(name: str) -> bool:
    """Whether the library makes a model of this name, for the images and classes there are."""
    try:
        ModelSpec.preset(name)
    except InvalidArgumentError:
        return False
    return True


def _foreign(weights: Any, model: Any, images: Any) -> Any:
    """A path, or the bytes of a file, under names that the library knows."""
    named = model
    if is_torch_module(weights):
        if model is None and is_sequential(weights):
            named = weights
        weights = weights.state_dict()
    if is_sequential(named):
        weights = renamed(weights, named, ModelSpec.from_sequential(named, images))
    if isinstance(weights, Mapping):
        return safetensors.encode(weights)
    if isinstance(weights, safetensors.Encoded):
        return weights
    return os.fsdecode(argument.required_path(weights, "init"))


def _require_there(weights: Any) -> None:
    """A run's name is no file."""
    if isinstance(weights, (str, bytes, os.PathLike)) and not os.path.exists(weights):
        name = os.fsdecode(weights)
        raise NotFoundError(
            "CIFAR_E_NOT_FOUND",
            f"init: there is no file '{name}'; the weights of a run are "
            f"cifar.Model.from_run('{name}')")
