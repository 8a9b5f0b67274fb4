"""The layers of PyTorch's `Sequential`, each read into a spec."""

from typing import Any, Callable, Dict, List, Sequence, Tuple

from ._layers import Layers
from .errors import ShapeMismatchError

Reader = Callable[[Layers, Any, str], None]


def layers(model: Any, prefix: str = "") -> List[Tuple[str, Any]]:
    """The modules in the order in which they are called, with their names, those of Sequentials in
    it among them."""
    found = _layers(model, prefix)
    seen: Dict[int, str] = {}
    for name, module in found:
        for weights in {id(weights) for weights in _weights(module)}:
            if weights in seen:
                raise ValueError(
                    f"the modules '{seen[weights]}' and '{name}' share their weights, and each "
                    "layer has its own here")
            seen[weights] = name
    return found


def _layers(model: Any, prefix: str) -> List[Tuple[str, Any]]:
    _require_plain(model, prefix)
    base = _sequential(model)
    if getattr(type(model), "forward", None) is not getattr(base, "forward", None):
        raise TypeError(
            f"{type(model).__name__} has a forward of its own, which can't be read: give an "
            "nn.Sequential, or a ModelSpec")
    found: List[Tuple[str, Any]] = []
    # Not children(), which leaves out what comes a second time.
    for name, module in model._modules.items():
        path = prefix + name
        if _sequential(module) is None:
            _require_plain(module, path)
            found.append((path, module))
        else:
            found += _layers(module, path + ".")
    return found


def _sequential(module: Any) -> Any:
    """The framework's class that it is of."""
    for kind in type(module).__mro__:
        if kind.__name__ == "Sequential" and kind.__module__.split(".")[0] == "torch":
            return kind
    return None


def _require_plain(module: Any, name: str) -> None:
    """Refuses what is called otherwise than its class says."""
    state = vars(module)
    said = f"'{name.rstrip('.')}' ({type(module).__name__})" if name else type(module).__name__
    if "forward" in state:
        raise TypeError(f"{said} has a forward of its own, which can't be read")
    if state.get("_forward_hooks") or state.get("_forward_pre_hooks"):
        raise TypeError(
            f"{said} has forward hooks, which can't be read: remove them (weight_norm and pruning "
            "have functions that do)")


def _weights(module: Any) -> Sequence[Any]:
    return [weights for weights in vars(module).get("_parameters", {}).values()
            if weights is not None]


def channels(found: Sequence[Tuple[str, Any]]) -> Sequence[int]:
    """What the images may have: the first convolution says it."""
    for _, module in found:
        said = getattr(module, "in_channels", None)
        if said is not None:
            return [said]
    return [3, 1]


def require_input(module: Any, parameters: int, where: str, images: str) -> None:
    """Compares the channels or values that a module says it takes with those that its layer got.

    parameters: of the layer.
    """
    kind = type(module).__name__
    bias = 0
    if kind == "Conv2d":
        wanted, what = getattr(module, "in_channels", None), "channels"
        each, bias = module.out_channels * module.kernel_size[0] ** 2, module.out_channels
    elif kind == "Linear":
        wanted, what = getattr(module, "in_features", None), "values"
        each = bias = module.out_features
    elif kind in ("BatchNorm2d", "BatchNorm1d"):
        wanted, what, each = getattr(module, "num_features", None), "channels", 2
    else:
        return
    if bias and module.bias is None:
        bias = 0
    got = (parameters - bias) // each
    if wanted is not None and wanted != got:
        raise ShapeMismatchError(
            "CIFAR_E_SHAPE_MISMATCH", f"{where} takes {wanted} {what}, but gets {got}{images}")


def require(layer: Any, where: str, **fixed: Any) -> None:
    """Refuses a layer with other options than these, where it has them."""
    for name, only in fixed.items():
        value = getattr(layer, name, only)
        if value != only and value != (only, only):
            raise ValueError(f"{where} has {name} {value!r}, and there is {only!r} only")


def always(add: Callable[[Layers, Any], object]) -> Reader:
    """Of a layer without options that there might not be here."""

    def read(spec: Layers, layer: Any, where: str) -> None:
        add(spec, layer)

    return read


def _conv(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, dilation=1, groups=1, padding_mode="zeros")
    side = layer.kernel_size[0]
    padding = {
        "same": "same", "valid": "valid", (0, 0): "valid", (side // 2, side // 2): "same",
    }.get(layer.padding)
    if padding is None:
        raise ValueError(
            f"{where} has padding {layer.padding!r}, neither 0 nor {side // 2}, half of its kernel")
    spec.conv2d(
        layer.out_channels, layer.kernel_size, layer.stride, padding, bias=layer.bias is not None)


def _norm(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, affine=True, track_running_stats=True)
    if layer.momentum is None:
        raise ValueError(f"{where} has momentum None, a cumulative average: give a number")
    spec.batch_norm(momentum=layer.momentum, epsilon=layer.eps, unbiased=True)


def _pool(add: Callable[[Layers], object]) -> Reader:
    def read(spec: Layers, layer: Any, where: str) -> None:
        require(
            layer, where, kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False,
            count_include_pad=True, divisor_override=None, return_indices=False)
        add(spec)

    return read


def _mean(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, output_size=1)
    spec.global_average_pool()


def _gelu(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, approximate="none")
    spec.gelu()


def _flatten(spec: Layers, layer: Any, where: str) -> None:
    require(layer, where, start_dim=1, end_dim=-1)
    spec.flatten()


def _linear(spec: Layers, layer: Any, where: str) -> None:
    spec.dense(layer.out_features, bias=layer.bias is not None)


def _softmax(spec: Layers, layer: Any, where: str) -> None:
    # The loss has it, and `predict` too. None is 1 for PyTorch, where there are rows.
    if getattr(layer, "dim", None) not in (None, 1, -1):
        raise ValueError(f"{where} has dim {layer.dim!r}, and there is 1 only, that of the classes")
    spec._end()


READERS: Dict[str, Reader] = {
    "Conv2d": _conv,
    "BatchNorm2d": _norm,
    "BatchNorm1d": _norm,
    "ReLU": always(lambda spec, layer: spec.relu()),
    "GELU": _gelu,
    "MaxPool2d": _pool(lambda spec: spec.max_pool()),
    "AvgPool2d": _pool(lambda spec: spec.avg_pool()),
    "AdaptiveAvgPool2d": _mean,
    "Dropout": always(lambda spec, layer: spec.dropout(layer.p)),
    "Flatten": _flatten,
    "Linear": _linear,
    "Identity": always(lambda spec, layer: None),
    "Softmax": _softmax,
}
