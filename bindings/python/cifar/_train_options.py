"""What `fit` and `lr_find` hand to C of what is to be trained."""

from collections.abc import Mapping
from ctypes import byref, sizeof
from typing import Any, Dict, Optional

from . import _abi as abi
from . import _arguments as argument
from ._beginning import beginning
from ._importing import model_text
from ._library import call
from ._understanding import class_weights
from .dataset import Dataset


def train_options(
    images: Dataset, hyperparameters: Dict[str, Any], *, init: Any, model: Any,
    recipe: Optional[str], batch_size: Optional[int], learning_rate: Optional[float], seed: int,
    threads: Optional[int],
) -> abi.TrainOptions:
    """The options of a training on ``images``; what keeps it is not among them."""
    if isinstance(hyperparameters.get("class_weight"), Mapping):
        hyperparameters["class_weight"] = class_weights(
            hyperparameters["class_weight"], images.class_names)
    options = abi.TrainOptions()
    call("cifar_train_options_init", byref(options), sizeof(options))
    options.batch_size = argument.optional_whole(batch_size, "batch_size", 65536)
    options.threads = argument.optional_whole(threads, "threads", 1024)
    options.seed = argument.whole(seed, "seed", 0, 2**64 - 1)
    start = beginning(init, model, recipe, hyperparameters, images)
    height, width, channels = images.image_shape
    options.recipe = argument.required_text(start.recipe, "recipe")
    options.model = model_text(start.model, (channels, height, width))
    start.fill(options, init)
    options.learning_rate = argument.optional_number(learning_rate, "learning_rate")
    if hyperparameters:
        options.hyperparameters = argument.json_text(hyperparameters, "")
    return options
