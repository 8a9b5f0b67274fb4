"""What people who come from Keras or PyTorch tell `fit`, in the words of this library."""

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from . import _arguments as argument
from ._recipe_callbacks import RecipeCallback
from ._callbacks import LearningRateScheduler

# What their fit and compile take, and what there is in its place.
_ELSEWHERE = {
    "initial_epoch": "cifar.resume resumes a run",
    "x": "the images are its first argument, the labels its second",
    "y": "the images are its first argument, the labels its second",
    "workers": "threads=… says how many threads compute",
    "validation_batch_size": "images are validated in batches of batch_size",
    "validation_freq": "every epoch is validated",
    "validation_steps": "all validation images are used: give a part of them, test[:1000]",
}
# The one loss that there is.
_LOSSES = (
    "categorical_crossentropy", "sparse_categorical_crossentropy", "cross_entropy", "crossentropy",
    "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "CrossEntropyLoss",
)
_METRICS = ("accuracy", "acc", "loss", "categorical_accuracy", "sparse_categorical_accuracy")


def understood(
    hyperparameters: Dict[str, Any], callbacks: List[Any]
) -> Tuple[Dict[str, Any], List[Any]]:
    """Hyperparameters as C takes them, and callbacks; what is none of either is refused."""
    taken = dict(hyperparameters)
    for name, remedy in _ELSEWHERE.items():
        if name in taken:
            raise TypeError(f"fit has no '{name}': {remedy}")
    if "metrics" in taken:
        _check_metrics(taken.pop("metrics"))
    if "shuffle" in taken and taken.pop("shuffle") is not True:
        raise ValueError("shuffle can only be True: training images are shuffled always")
    loss = taken.get("loss")
    if isinstance(loss, str):
        if loss not in _LOSSES:
            raise ValueError(
                f"loss '{loss}' is none there is: it is 'categorical_crossentropy', of labels in "
                "any form, or a dict of its options")
        del taken["loss"]
    optimizer = taken.get("optimizer")
    if isinstance(optimizer, str):
        taken["optimizer"] = optimizer.lower()
    elif isinstance(optimizer, dict) and isinstance(optimizer.get("type"), str):
        taken["optimizer"] = {**optimizer, "type": optimizer["type"].lower()}
    if callable(taken.get("schedule")):
        callbacks = [LearningRateScheduler(taken.pop("schedule")), *callbacks]
    for item in callbacks:
        if isinstance(item, RecipeCallback):
            if item._name in taken:
                raise TypeError(
                    f"{item._name} is given twice, the second time by {item!r} in callbacks")
            taken[item._name] = item._options or True
    return taken, callbacks


def class_weights(weights: Mapping[Any, Any], names: Sequence[str]) -> List[float]:
    """A weight a class, of those that are given by the class's place or name; the others are 1."""
    result = [1.0] * len(names)
    for key, weight in weights.items():
        place = names.index(key) if isinstance(key, str) and key in names else key
        if isinstance(place, str) or not 0 <= argument.whole(place, "a class") < len(names):
            raise ValueError(
                f"class_weight has {key!r}, which is no class: they are 0 to {len(names) - 1}, or "
                f"'{names[0]}' to '{names[-1]}'")
        result[place] = argument.number(weight, f"class_weight[{key!r}]")
    return result


def refuse_recipe_callbacks(callbacks: List[Any]) -> None:
    """A run keeps those that it began with."""
    for item in callbacks:
        if isinstance(item, RecipeCallback):
            raise TypeError(
                f"{item!r} is a part of the recipe, which a run keeps: it can be given to fit only")


def _check_metrics(metrics: Any) -> None:
    for name in [metrics] if isinstance(metrics, str) else list(metrics or ()):
        if name not in _METRICS:
            raise ValueError(
                f"metrics has {name!r}: loss and accuracy are measured always, others in a "
                "callback by epoch.log(name=…)")
