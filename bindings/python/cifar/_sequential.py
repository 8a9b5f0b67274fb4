"""Models that are written as PyTorch's or Keras's `Sequential`, read without either of them."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from . import _sequential_keras as keras
from . import _sequential_torch as torch
from ._layers import Layers
from ._pictures import Shape
from .errors import ShapeMismatchError

Spec = TypeVar("Spec", bound=Layers)
# Makes a spec without layers for images of a shape.
Maker = Callable[[Shape], Spec]

_DEFAULT: Shape = (3, 32, 32)
# The sides of known data sets before all others.
_SIDES = [32, 28, 64, 96, 128, *range(8, 129)]
_MEANS = ("AdaptiveAvgPool2d", "GlobalAveragePooling2D")


class Place(NamedTuple):
    """Where a layer with weights is: its name in PyTorch's model, and its number in a flat one."""

    name: str
    number: int


def framework_of(model: object) -> Optional[str]:
    """Whose Sequential it is, or one of a class that was made of it."""
    for kind in type(model).__mro__:
        root = kind.__module__.split(".")[0]
        if kind.__name__ == "Sequential" and root in ("torch", "keras"):
            return root
    return None


def is_sequential(model: object) -> bool:
    return framework_of(model) is not None


def read(model: Any, make: Maker[Spec], shape: Optional[Shape] = None) -> Spec:
    """The spec of a Sequential; the first layer that has no counterpart is an error.

    shape: of the images, where that is known. Else it is what the model says of itself: Keras's
    the shape, PyTorch's the channels and, by the number of values that are left after a flatten,
    the sides.
    """
    if framework_of(model) == "keras":
        said = keras.input_shape(model)
        if shape is not None and said is not None and shape != said:
            raise ShapeMismatchError(
                "CIFAR_E_SHAPE_MISMATCH",
                f"the model takes images of {_shown(said)}, not {_shown(shape)}")
        return read_keras(model, make, said or shape or _DEFAULT)
    layers = torch.layers(model)
    if shape is not None:
        return _read_torch(layers, make, shape)[0]
    failure: Optional[ShapeMismatchError] = None
    for channels in torch.channels(layers):
        for side in _SIDES:
            try:
                return _read_torch(layers, make, (channels, side, side))[0]
            except ShapeMismatchError as error:
                failure = failure or error
    assert failure is not None
    raise failure


def read_keras(model: Any, make: Maker[Spec], shape: Shape) -> Spec:
    """The spec of a model of Keras whose layers are a chain."""
    spec = make(shape)
    _add(spec, keras.layers(model), keras.READERS, "keras")
    return spec


def places(model: Any, make: Maker[Spec], shape: Shape) -> List[Place]:
    """Where the layers of a Sequential of PyTorch are that have weights."""
    return _read_torch(torch.layers(model), make, shape)[1]


def _read_torch(
    layers: Sequence[Tuple[str, Any]], make: Maker[Spec], shape: Shape
) -> Tuple[Spec, List[Place]]:
    spec = make(shape)
    return spec, _add(spec, layers, torch.READERS, "torch", f": the images are {_shown(shape)}")


def _add(
    spec: Layers, layers: Sequence[Tuple[str, Any]],
    readers: Dict[str, Callable[[Layers, Any, str], None]], framework: str, images: str = "",
) -> List[Place]:
    found: List[Place] = []
    number, flat = 0, False
    for index, (path, layer) in enumerate(layers):
        name = type(layer).__name__
        where = f"layer {index} ({name})"
        # A class of one's own may have the name of one of the framework's.
        if name not in readers or type(layer).__module__.split(".")[0] != framework:
            raise TypeError(f"{where} has no counterpart: there are {', '.join(readers)}")
        # A global average is flat here already.
        if name == "Flatten" and flat:
            continue
        length, parameters = _size(spec)
        readers[name](spec, layer, where)
        longer, more = _size(spec)
        torch.require_input(layer, more - parameters, where, images)
        flat = name in (*_MEANS, "Flatten")
        if more > parameters:
            found.append(Place(path, number))
        if longer > length:
            # In a flat nn.Sequential a global average is followed by its flatten.
            number += 2 if name in _MEANS else 1
    return found


def _size(spec: Any) -> Tuple[int, int]:
    """Layers and parameters."""
    return len(spec), int(spec.parameters)


def _shown(shape: Shape) -> str:
    return "×".join(map(str, shape))
