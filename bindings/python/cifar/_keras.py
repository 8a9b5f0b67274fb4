"""Models in Keras, and weights out of it: what the scripts of the format ``"keras"`` do, called here.

Keras is imported when a model is to become one of its own, and not before.
"""

import importlib
import os
import sys
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

# What Keras writes itself; ``.h5`` alone is the format of Keras 2.
ENDINGS = (".keras", ".weights.h5")


def is_file(path: object) -> bool:
    """Whether it is a path that ends as Keras's files do."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    return os.fsdecode(path).lower().endswith(ENDINGS)


def is_model(value: object) -> bool:
    """Without importing Keras: a model of it is there only if it was imported."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


def imported() -> Any:
    try:
        return importlib.import_module("keras")
    except ImportError as error:
        raise ImportError(
            f"Keras can't be imported, which reads and writes these files: pip install keras, and "
            f"one of its backends ({error})") from None


class Script:
    """A script of the format ``"keras"``, whose functions can be called."""

    def __init__(self, text: bytes) -> None:
        imported()
        self._names: Dict[str, Any] = {"__name__": "cifar_model", "__file__": "cifar_model.py"}
        exec(compile(text, "<the model in Keras>", "exec"), self._names)

    def network(self, tensors: Optional[Dict[str, NDArray[Any]]] = None) -> Any:
        network = self._names["build"]()
        if tensors is not None:
            self._names["assign"](network, tensors)
        return network

    def tensors(self, network: Any) -> Dict[str, NDArray[Any]]:
        """The weights of another model of the same layers, under the names of ``nn.Sequential``."""
        table = {name: (module, shape) for name, module, shape in self._names["WEIGHTS"]}
        own, others = weighted_layers(self.network()), weighted_layers(network)
        kinds = [[type(layer).__name__ for layer in layers] for layers in (own, others)]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"the Keras model has other layers with weights, {', '.join(kinds[1])}, than the "
                f"model, {', '.join(kinds[0])}")
        tensors: Dict[str, NDArray[Any]] = {}
        for layer, other in zip(own, others):
            tensors.update(_tensors(other, *table[layer.name]))
        return tensors


def _tensors(
    layer: Any, module: str, shape: Optional[Tuple[int, ...]]
) -> Dict[str, NDArray[Any]]:
    kind = type(layer).__name__
    arrays = [np.asarray(array, np.float32) for array in layer.get_weights()]
    ends = ["weight", "bias"]
    if kind == "BatchNormalization":
        arrays = [_channels_first(array, shape) for array in arrays]
        ends += ["running_mean", "running_var"]
    elif not layer.use_bias:
        ends.remove("bias")
    if len(arrays) != len(ends):
        raise ValueError(
            f"layer '{layer.name}' ({kind}) has {len(arrays)} arrays, not the {len(ends)} of "
            f"{', '.join(ends)}: make it with its defaults (center, scale)")
    if kind == "Conv2D":  # (k, k, in, out)
        arrays[0] = arrays[0].transpose(3, 2, 0, 1)
    elif kind == "Dense":  # (in, out)
        arrays[0] = _channels_first(arrays[0].T, shape)
    return {f"{module}.{end}": array for end, array in zip(ends, arrays)}


def _channels_first(array: NDArray[Any], shape: Optional[Tuple[int, ...]]) -> NDArray[Any]:
    """The last axis, which is (H, W, C) flattened, as (C, H, W)."""
    # One of another length is told by the library, with its name.
    if shape is None or array.shape[-1] != int(np.prod(shape)):
        return array
    channels, height, width = shape
    parts = array.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
    return parts.reshape(array.shape)


def flat_layers(network: Any) -> List[Any]:
    """The layers in their order, those of models inside included."""
    layers: List[Any] = []
    for layer in network.layers:
        layers += flat_layers(layer) if hasattr(layer, "layers") else [layer]
    return layers


def weighted_layers(network: Any) -> List[Any]:
    """The layers that have something to store, but for a Normalization and a Dropout's seed."""
    return [
        layer for layer in flat_layers(network)
        if layer.weights and type(layer).__name__ not in ("Dropout", "Normalization")]


def load(path: bytes, script: Optional[Script]) -> Any:
    """The model in a file.

    script: builds the model whose weights are in a ``.weights.h5``.
    """
    name = os.fsdecode(path)
    if not os.path.exists(name):
        raise FileNotFoundError(2, "there is no such file", name)
    if script is None:
        return imported().saving.load_model(name, compile=False)
    network = script.network()
    network.load_weights(name)
    return network


def require_same(network: Any, predict: Any, normalization: Dict[str, List[float]]) -> None:
    """Compares what a Keras model and the model made of it say of images: layers that stand in
    another order, or have other options, may have weights of the same shapes.

    predict: gives the probabilities of (N, channels, height, width) bytes.
    """
    height, width, channels = network.input_shape[1:]
    shape = (4, channels, height, width)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    inputs: NDArray[Any] = images.transpose(0, 2, 3, 1).astype(np.float32)
    if not any(type(layer).__name__ == "Rescaling" for layer in flat_layers(network)):
        mean, std = (np.array(normalization[key], np.float32) for key in ("mean", "std"))
        inputs = (inputs / 255 - mean) / std
    outputs = np.asarray(network.predict(inputs, verbose=0), np.float64)
    if outputs.min() < 0 or abs(outputs.sum(axis=1) - 1).max() > 1e-3:
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs /= outputs.sum(axis=1, keepdims=True)
    difference = abs(outputs - predict(images)).max()
    if difference > 1e-3:
        raise ValueError(
            f"the Keras model gives other probabilities, by up to {difference:.2g}, than the model "
            "made of its weights: give model, recipe and normalization as it was trained with")


def require_built(network: Any) -> None:
    """Refuses a Keras model that does not know what it takes."""
    if getattr(network, "input_shape", None) is None:
        raise ValueError(
            "the Keras model is not built: begin it with keras.Input((32, 32, 3)), or call it on "
            "images once")


def require_chain(network: Any) -> None:
    """Refuses a Keras model whose layers do not simply follow one another."""
    if any(type(layer).__name__ in ("Add", "Concatenate") for layer in flat_layers(network)):
        raise ValueError(
            "the Keras model's layers are no chain: say what it is by model=, such as a ModelSpec "
            "with residual blocks")
