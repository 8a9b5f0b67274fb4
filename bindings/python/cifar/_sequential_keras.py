"""The layers of Keras's models, each read into a spec."""

from typing import Any, Callable, Dict, List, Optional, Tuple

from ._layers import Layers
from ._pictures import Shape
from ._sequential_torch import Reader, always, require

_LAST = "channels_last"


def layers(model: Any, prefix: str = "") -> List[Tuple[str, Any]]:
    """The layers in their order with their names, those of models inside included."""
    base = next((kind for kind in type(model).__mro__ if _is_keras(kind)), None)
    if type(model) is not base and getattr(type(model), "call", None) is not getattr(
        base, "call", None
    ):
        raise TypeError(
            f"{type(model).__name__} has a call of its own, which can't be read: give a "
            "keras.Sequential, or a ModelSpec")
    found: List[Tuple[str, Any]] = []
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found += layers(layer)
        else:
            found.append((getattr(layer, "name", ""), layer))
    return found


def _is_keras(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "keras"


def input_shape(model: Any) -> Optional[Shape]:
    """What the model says of its images; None where it does not say it."""
    try:
        said = model.input_shape
    except (AttributeError, ValueError):  # it is not built
        return None
    if not isinstance(said, tuple) or len(said) != 4 or None in said[1:]:
        return None
    height, width, channels = said[1:]
    return channels, height, width


def _activation(spec: Layers, activation: Any, where: str) -> None:
    name = getattr(activation, "__name__", str(activation))
    adders: Dict[str, Callable[[], object]] = {
        "relu": spec.relu, "gelu": spec.gelu, "softmax": spec._end, "linear": lambda: None}
    # A function of one's own may have the name of one of Keras's.
    if name not in adders or getattr(activation, "__module__", "").split(".")[0] != "keras":
        raise ValueError(
            f"{where} has the activation {name!r}, which is not known here: there are "
            f"{', '.join(adders)}, as Keras has them")
    adders[name]()


def _conv(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, dilation_rate=1, groups=1, data_format=_LAST)
    padding = layer.padding
    if padding == "same" and tuple(layer.strides) != (1, 1):
        padding = "same_upper"  # the odd zero is on the right and below
    spec.conv2d(
        layer.filters, layer.kernel_size, layer.strides, padding, bias=layer.use_bias)
    _activation(spec, layer.activation, where)


def _norm(spec: Layers, layer: Any, where: str) -> None:
    axis = getattr(layer, "axis", -1)
    dimensions = getattr(getattr(layer, "input_spec", None), "ndim", None) or 4
    if axis not in (-1, dimensions - 1):
        raise ValueError(f"{where} has axis {axis!r}, and there is -1 only, that of the channels")
    require(layer, where, center=True)
    momentum = round(1 - layer.momentum, 12)  # 0.01, not 0.010000000000000009
    spec.batch_norm(momentum=momentum, epsilon=layer.epsilon, unbiased=False, scale=layer.scale)


def _pool(add: Callable[[Layers], object]) -> Reader:
    def read(spec: Layers, layer: Any, where: str) -> None:
        require(layer, where, pool_size=2, strides=2, data_format=_LAST)
        # With even sides they are alike, and an odd rest is left out here.
        require(layer, where, padding="valid")
        add(spec)

    return read


def _relu(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, max_value=None, negative_slope=0.0, threshold=0.0)
    spec.relu()


def _mean(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, data_format=_LAST)
    spec.global_average_pool()


def _dropout(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, noise_shape=None)
    spec.dropout(layer.rate)


def _flatten(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, data_format=_LAST)
    spec.flatten()


def _dense(spec: Layers, layer: Any, where: str) -> None:
    spec.dense(layer.units, bias=layer.use_bias)
    _activation(spec, layer.activation, where)


def _softmax(spec: Layers, layer: Any, where: str) -> None:
    # The loss has it, and `predict` too.
    require(layer, where, axis=-1)
    spec._end()


def _rescaling(spec: Any, layer: Any, where: str) -> None:
    # The normalization of the images does what it does.
    if len(spec):
        raise ValueError(f"{where} has no counterpart but as the first layer")


READERS: Dict[str, Reader] = {
    "InputLayer": always(lambda spec, layer: None),
    "Rescaling": _rescaling,
    "Conv2D": _conv,
    "BatchNormalization": _norm,
    "ReLU": _relu,
    "Activation": lambda spec, layer, where: _activation(spec, layer.activation, where),
    "Softmax": _softmax,
    "MaxPooling2D": _pool(lambda spec: spec.max_pool()),
    "AveragePooling2D": _pool(lambda spec: spec.avg_pool()),
    "GlobalAveragePooling2D": _mean,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Dense": _dense,
}
