"""What weights say of themselves, in whatever form they come."""

import json
import math
import os
import re
import struct
import sys
from collections.abc import Mapping
from typing import Any, Dict, Iterable, List, Optional, Tuple

from . import _arguments as argument
from . import _safetensors as safetensors
from ._pictures import Shape
from ._sequential import framework_of, places
from .errors import CifarError
from .model_spec import ModelSpec

# What they are normalised by in a recipe whose images are from 0 to 1.
UNIT_RECIPES = ("keras", "keras-tuned")


def is_torch_module(value: object) -> bool:
    """Without importing PyTorch: a module of it is there only if it was imported."""
    module = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    return module is not None and isinstance(value, module)


def is_own(weights: object) -> bool:
    """Whether it is a file of this library, which says what it is."""
    if not isinstance(weights, (str, bytes, os.PathLike)):
        return False
    said = safetensors.header(weights).get("__metadata__", {})
    return any(str(said.get(key)).startswith("libcifar ") for key in ("format", "contents"))


def checked(normalization: Any) -> Any:
    """A normalization with all that it needs: what is left out would come from a recipe."""
    if normalization is None:
        return None
    if not isinstance(normalization, Mapping) or set(normalization) != {"mean", "std"}:
        said = sorted(normalization) if isinstance(normalization, Mapping) else normalization
        raise ValueError(f'normalization is {{"mean": […], "std": […]}}, with both, not {said!r}')
    return normalization


def require_normalization(
    model: Optional[ModelSpec], recipe: Optional[str], normalization: Any
) -> None:
    """Greys have no normalization that a recipe could know."""
    if normalization is not None or recipe in UNIT_RECIPES or model is None:
        return
    if _input(model)[0] == 1:
        raise ValueError(
            "nobody knows how the grey images were normalised: give normalization={\"mean\": […], "
            "\"std\": […]}, as it was in training, or recipe=\"keras\" for images from 0 to 1")


def require_same_normalization(
    recipe: str, known: Mapping[str, Any], what: str = "the weights"
) -> None:
    """Refuses a recipe that normalises images otherwise than weights want it that know it."""
    if recipe == known["recipe"]:
        return
    wanted = known["normalization"]
    own = _of_recipe(recipe, len(wanted["mean"]))
    if own != wanted:
        raise ValueError(
            f"{what} are of the recipe '{known['recipe']}', and '{recipe}' normalises images "
            f"otherwise: leave recipe out, or give normalization={wanted!r} to keep theirs")


def _of_recipe(recipe: str, channels: int) -> Any:
    """What a recipe normalises images by; None where that depends on the images."""
    if channels == 1 and recipe not in UNIT_RECIPES:
        return None
    from .model import Model

    spec = ModelSpec((channels, 8, 8)).flatten().dense(2)
    weights = {"1.weight": [[0.0] * channels * 64] * 2, "1.bias": [0.0, 0.0]}
    return Model.from_weights(weights, spec, recipe=recipe).hyperparameters["normalization"]


def _input(spec: ModelSpec) -> Shape:
    channels, height, width = json.loads(spec.to_json()).get("input", (3, 32, 32))
    return channels, height, width


# Names and shapes ---------------------------------------------------------------------------------


def preset_for(
    name: str, weights: Any, dialect: str, images: Optional[Shape] = None
) -> Optional[ModelSpec]:
    """The preset for the images that the weights are for, which their shapes tell; None where the
    library finds it by its name, or nothing fits."""
    shapes = _shapes(weights)
    convolutions = [shape for shape in shapes if len(shape) == 4]
    dense = [shape for shape in shapes if len(shape) == 2]
    if not convolutions or not dense:
        return None
    channels, classes = convolutions[0][1], dense[-1][0]
    sides = [32, 28, 64, 96, 128, *range(8, 129)]
    candidates = [(channels, side, side) for side in sides] if images is None else [images]
    total = sum(map(math.prod, shapes))
    for shape in candidates:
        try:
            spec = ModelSpec.preset(name, dialect, classes, shape)
        except (CifarError, ValueError):
            continue
        if spec.parameters + spec.non_trainable == total:
            return None if shape == (3, 32, 32) else spec
    return None


def _shapes(weights: Any) -> List[Tuple[int, ...]]:
    """Of the tensors in the order of their numbers."""
    if isinstance(weights, Mapping):
        # What has no shape is told by what encodes it.
        said = {name: getattr(value, "shape", ()) for name, value in weights.items()}
    else:
        header = safetensors.header(weights)
        said = {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    names = [name for name in said
             if isinstance(name, str) and not name.endswith("num_batches_tracked")]
    return [tuple(said[name]) for name in sorted(names, key=_natural)]


def _natural(name: str) -> List[Tuple[bool, int, str]]:
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"(\d+)", name) if part]


def renamed(weights: Any, model: Any, spec: ModelSpec) -> Any:
    """Weights of a Sequential of PyTorch, under the names of a flat one of these layers alone.

    It may have names of its own, others in it, and modules that do nothing.

    Returns what it got where there is nothing to rename, else a mapping, or the bytes of a file.
    """
    if framework_of(model) != "torch":
        return weights
    found = places(model, ModelSpec, _input(spec))
    if not found or all(place.name == str(place.number) for place in found):
        return weights
    is_mapping = isinstance(weights, Mapping)
    keys = list(weights) if is_mapping else list(safetensors.header(weights))
    names = _new_names(keys, {place.name: str(place.number) for place in found})
    if not names:
        return weights
    if is_mapping:
        return {names.get(name, name): value for name, value in weights.items()}
    return safetensors.renamed(weights, names)


def _new_names(keys: Iterable[Any], modules: Dict[str, str]) -> Dict[str, str]:
    texts = [key for key in keys if isinstance(key, str) and key != "__metadata__"]
    first = f"{next(iter(modules))}.weight"
    prefix = next((key[:-len(first)] for key in texts if key.endswith(first)), None)
    if prefix is None:
        return {}
    names = {}
    for key in texts:
        module, _, end = key[len(prefix):].rpartition(".")
        if key.startswith(prefix) and module in modules:
            names[key] = f"{modules[module]}.{end}"
    # Those of a flat one already.
    return names if len(names) == len(texts) else {}
