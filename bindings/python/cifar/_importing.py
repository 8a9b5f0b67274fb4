"""Weights of other programs, made a model."""

import os
from collections.abc import Mapping as AnyMapping
from ctypes import byref, sizeof
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from numpy.typing import NDArray

from . import _abi as abi
from . import _arguments as argument
from . import _keras as keras
from . import _safetensors as safetensors
from ._library import call, create
from ._pictures import Shape
from ._sequential import is_sequential, read_keras
from ._sequential_keras import input_shape
from ._weights import (
    is_own,
    is_torch_module,
    preset_for,
    renamed,
    require_normalization,
    require_same_normalization,
)
from .model_spec import ModelSpec

Weights = Union[str, os.PathLike[str], Mapping[str, Any]]
AnyModel = Union[None, str, ModelSpec, Mapping[str, Any], Sequence[Any]]


def imported(
    kind: Any, weights: Any, model: Any, recipe: Optional[str], normalization: Any,
    class_names: Optional[List[bytes]], threads: int, images: Optional[Shape] = None,
) -> Any:
    """What ``Model.from_weights`` returns, of the class ``kind``.

    images: the shape of those that it is to be trained on, where that is known.
    """
    network = None
    argument.text(recipe, "recipe")
    # On the backend torch, Keras's models are modules, too.
    if is_torch_module(weights) and not keras.is_model(weights):
        if model is None and is_sequential(weights):
            model = weights
        weights = weights.state_dict()
    if keras.is_model(weights) or keras.is_file(weights):
        recipe = "keras" if recipe is None else recipe
        dialect = "pytorch" if recipe == "pytorch" else "keras"
        weights, model, network = _from_keras(weights, model, dialect, class_names)
    elif is_own(weights):
        own = kind.open(weights, threads)
        if model is recipe is normalization is class_names is None:
            return own
        known = own.hyperparameters
        if recipe is not None and normalization is None:
            require_same_normalization(recipe, known, f"the weights in '{os.fsdecode(weights)}'")
        recipe = known["recipe"] if recipe is None else recipe
        normalization = known["normalization"] if normalization is None else normalization
        model = own.spec if model is None else model
        spec = _as_spec(model)
        if class_names is None and (spec is None or spec.classes == own._classes):
            class_names = argument.texts(own.class_names, "class_names")
    if is_sequential(model):
        spec = ModelSpec.from_sequential(model, images)
        weights = renamed(weights, model, spec)
        model = spec
    elif model is None or isinstance(model, str):
        dialect = "keras" if recipe is not None and recipe.startswith("keras") else "pytorch"
        name = "tutorial" if model is None else model
        if isinstance(weights, (AnyMapping, str, bytes, os.PathLike)):
            model = preset_for(name, weights, dialect, images) or model
    require_normalization(_as_spec(model), recipe, normalization)
    options = abi.ImportOptions()
    call("cifar_import_options_init", byref(options), sizeof(options))
    options.threads = argument.whole(threads, "threads", 0, 1024)
    options.model = model_text(model)
    options.recipe = argument.text(recipe, "recipe")
    if normalization is not None:
        options.hyperparameters = argument.json_text({"normalization": normalization}, "")
    if class_names is not None:
        options.class_names = b"\n".join(class_names)
    if isinstance(weights, AnyMapping):
        weights = safetensors.encode(weights)
    if isinstance(weights, safetensors.Encoded):
        handle = create("model", "cifar_model_decode", weights, len(weights), byref(options))
    else:
        path = argument.required_path(weights, "weights")
        handle = create("model", "cifar_model_import", path, byref(options))
    result = kind._of(handle)
    if network is not None:
        keras.require_same(network, result.predict, result.hyperparameters["normalization"])
    return result


def _from_keras(
    weights: Any, model: Any, dialect: str, class_names: Optional[List[bytes]]
) -> Tuple[Dict[str, NDArray[Any]], ModelSpec, Any]:
    """The weights of a Keras model or file, the model that they belong to, and that in Keras if it
    is there to be asked."""
    network, path = weights, None
    if not keras.is_model(weights):
        path = argument.required_path(weights, "weights")
        network = None if path.lower().endswith(b".h5") else keras.load(path, None)
    if network is not None:
        keras.require_built(network)
    if model is None and network is not None:
        keras.require_chain(network)
        model = read_keras(network, ModelSpec, input_shape(network) or (3, 32, 32))
    spec = _as_spec(model)
    if spec is None:
        classes, images = 10 if class_names is None else len(class_names), (3, 32, 32)
        if network is not None:
            classes, images = network.output_shape[-1], input_shape(network) or images
        spec = ModelSpec.preset("tutorial" if model is None else model, dialect, classes, images)
    else:
        spec = spec.resolved(dialect)
    script = keras.Script(spec.script("keras").encode())
    if network is not None:
        return script.tensors(network), spec, network
    return script.tensors(keras.load(path or b"", script)), spec, None


def _as_spec(model: Any) -> Optional[ModelSpec]:
    """A model of one's own; None for a preset's name, and for what is no model."""
    if isinstance(model, ModelSpec):
        return model
    if is_sequential(model):
        return ModelSpec.from_sequential(model)
    if isinstance(model, (dict, list, tuple)):
        return ModelSpec.from_json(argument.json_text(model, "model").decode())
    if isinstance(model, str) and model.lstrip()[:1] in ("{", "["):
        return ModelSpec.from_json(model)
    return None


def model_text(model: object, images: Optional[Shape] = None) -> Optional[bytes]:
    """A preset's name or the JSON of a spec, for C.

    images: the shape of those that it is to take, where it is a Sequential that does not say it.
    """
    if is_sequential(model):
        model = ModelSpec.from_sequential(model, images)
    if isinstance(model, ModelSpec):
        model = model.to_json()
    elif isinstance(model, (dict, list, tuple)):
        return argument.json_text(model, "model")
    elif not isinstance(model, (str, type(None))):
        raise TypeError(
            f"model is a {argument.kind_of(model)}, not a name, a ModelSpec, a dict or a list")
    return argument.text(model, "model")
