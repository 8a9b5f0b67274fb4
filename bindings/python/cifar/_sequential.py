"""Models that are written as PyTorch's or Keras's `Sequential`, read without either of them."""

from typing import Any, Callable, Dict, List

from ._layers import Layers


def is_sequential(model: object) -> bool:
    kinds = type(model).__mro__
    return any(
        kind.__name__ == "Sequential" and kind.__module__.split(".")[0] in _FRAMEWORKS
        for kind in kinds)


def add_layers(spec: Layers, model: Any) -> None:
    """Adds the layers of a Sequential to a spec; the first that has no counterpart is an error."""
    framework = next(
        kind.__module__.split(".")[0] for kind in type(model).__mro__
        if kind.__name__ == "Sequential")
    readers = _FRAMEWORKS[framework]
    layers = _modules(model) if framework == "torch" else list(model.layers)
    flat = False
    for index, layer in enumerate(layers):
        name = type(layer).__name__
        where = f"layer {index} ({name})"
        if name not in readers:
            raise TypeError(f"{where} has no counterpart: there are {', '.join(readers)}")
        # A global average is flat here already.
        if name == "Flatten" and flat:
            continue
        readers[name](spec, layer, where)
        flat = name in ("AdaptiveAvgPool2d", "GlobalAveragePooling2D", "Flatten")


def _modules(model: Any) -> List[Any]:
    """PyTorch's, those of Sequentials in it among them."""
    modules: List[Any] = []
    for module in model.children():
        modules += _modules(module) if type(module).__name__ == "Sequential" else [module]
    return modules


def _require(layer: Any, where: str, **fixed: Any) -> None:
    for name, only in fixed.items():
        value = getattr(layer, name, only)
        if value != only and value != (only, only):
            raise ValueError(f"{where} has {name} {value!r}, and there is {only!r} only")


# PyTorch ------------------------------------------------------------------------------------------


def _torch_conv(spec: Layers, layer: Any, where: str) -> None:
    _require(layer, where, dilation=1, groups=1, padding_mode="zeros")
    side = layer.kernel_size[0]
    padding = {
        "same": "same", "valid": "valid", (0, 0): "valid", (side // 2, side // 2): "same",
    }.get(layer.padding)
    if padding is None:
        raise ValueError(
            f"{where} has padding {layer.padding!r}, neither 0 nor {side // 2}, half of its kernel")
    spec.conv2d(
        layer.out_channels, layer.kernel_size, layer.stride, padding, bias=layer.bias is not None)


def _torch_norm(spec: Layers, layer: Any, where: str) -> None:
    _require(layer, where, affine=True, track_running_stats=True)
    spec.batch_norm(momentum=layer.momentum, epsilon=layer.eps, unbiased=True)


def _torch_pool(add: Callable[[Layers], object]) -> "_Reader":
    def read(spec: Layers, layer: Any, where: str) -> None:
        _require(
            layer, where, kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
        add(spec)

    return read


def _torch_mean(spec: Layers, layer: Any, where: str) -> None:
    _require(layer, where, output_size=1)
    spec.global_average_pool()


def _torch_gelu(spec: Layers, layer: Any, where: str) -> None:
    _require(layer, where, approximate="none")
    spec.gelu()


def _torch_flatten(spec: Layers, layer: Any, where: str) -> None:
    _require(layer, where, start_dim=1, end_dim=-1)
    spec.flatten()


def _torch_linear(spec: Layers, layer: Any, where: str) -> None:
    spec.dense(layer.out_features, bias=layer.bias is not None)


# Keras --------------------------------------------------------------------------------------------


def _keras_activation(spec: Layers, activation: Any, where: str) -> None:
    name = getattr(activation, "__name__", str(activation))
    adders: Dict[str, Callable[[], object]] = {
        "relu": spec.relu, "gelu": spec.gelu, "softmax": spec._end}
    if name in adders:
        adders[name]()
    elif name != "linear":
        raise ValueError(f"{where} has the activation {name!r}: there are {', '.join(adders)}")


def _keras_conv(spec: Layers, layer: Any, where: str) -> None:
    _require(
        layer, where, dilation_rate=1, groups=1, data_format="channels_last")
    padding = layer.padding
    if padding == "same" and tuple(layer.strides) != (1, 1):
        padding = "same_upper"  # the odd zero is on the right and below
    spec.conv2d(
        layer.filters, layer.kernel_size, layer.strides, padding, bias=layer.use_bias)
    _keras_activation(spec, layer.activation, where)


def _keras_norm(spec: Layers, layer: Any, where: str) -> None:
    _require(layer, where, center=True)
    momentum = round(1 - layer.momentum, 12)  # 0.01, not 0.010000000000000009
    spec.batch_norm(momentum=momentum, epsilon=layer.epsilon, unbiased=False, scale=layer.scale)


def _keras_pool(add: Callable[[Layers], object]) -> "_Reader":
    def read(spec: Layers, layer: Any, where: str) -> None:
        _require(layer, where, pool_size=2, strides=2)
        # With even sides they are alike, and an odd rest is left out here.
        _require(layer, where, padding="valid")
        add(spec)

    return read


def _keras_dense(spec: Layers, layer: Any, where: str) -> None:
    spec.dense(layer.units, bias=layer.use_bias)
    _keras_activation(spec, layer.activation, where)


def _always(add: Callable[[Layers, Any], object]) -> "_Reader":
    """Of a layer without options that there might not be here."""

    def read(spec: Layers, layer: Any, where: str) -> None:
        add(spec, layer)

    return read


_Reader = Callable[[Layers, Any, str], None]
# The loss has softmax, and `predict` too.
_SOFTMAX = _always(lambda spec, _: spec._end())
_NOTHING = _always(lambda spec, layer: None)
_FRAMEWORKS: Dict[str, Dict[str, _Reader]] = {
    "torch": {
        "Conv2d": _torch_conv,
        "BatchNorm2d": _torch_norm,
        "BatchNorm1d": _torch_norm,
        "ReLU": _always(lambda spec, layer: spec.relu()),
        "GELU": _torch_gelu,
        "MaxPool2d": _torch_pool(lambda spec: spec.max_pool()),
        "AvgPool2d": _torch_pool(lambda spec: spec.avg_pool()),
        "AdaptiveAvgPool2d": _torch_mean,
        "Dropout": _always(lambda spec, layer: spec.dropout(layer.p)),
        "Flatten": _torch_flatten,
        "Linear": _torch_linear,
        "Identity": _NOTHING,
        "Softmax": _SOFTMAX,
    },
    "keras": {
        "InputLayer": _NOTHING,
        "Conv2D": _keras_conv,
        "BatchNormalization": _keras_norm,
        "ReLU": _always(lambda spec, layer: spec.relu()),
        "Activation": lambda spec, layer, where: _keras_activation(spec, layer.activation, where),
        "Softmax": _SOFTMAX,
        "MaxPooling2D": _keras_pool(lambda spec: spec.max_pool()),
        "AveragePooling2D": _keras_pool(lambda spec: spec.avg_pool()),
        "GlobalAveragePooling2D": _always(lambda spec, layer: spec.global_average_pool()),
        "Dropout": _always(lambda spec, layer: spec.dropout(layer.rate)),
        "Flatten": _always(lambda spec, layer: spec.flatten()),
        "Dense": _keras_dense,
    },
}
