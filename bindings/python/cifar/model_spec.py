"""Models of one's own, layer by layer."""

from typing import Callable, Optional, Union

from . import _abi as abi
from ._arguments import flag, number, required_text, whole
from ._library import call, create, get, get_text

_PADDINGS = {
    "same": abi.CIFAR_PADDING_SAME,
    "valid": abi.CIFAR_PADDING_VALID,
    "same_upper": abi.CIFAR_PADDING_SAME_UPPER,
    None: abi.CIFAR_PADDING_DEFAULT,
}


class ModelSpec:
    """A model as a list of layers, for images of 3×32×32.

        spec = (
            cifar.ModelSpec()
            .conv2d(32).batch_norm().relu()
            .residual(lambda block: block.conv2d(32).batch_norm().relu().conv2d(32).batch_norm())
            .relu().global_average_pool().dense(10)
        )
        print(spec.summary())
        cifar.fit(train, test, model=spec)

    Each call adds a layer to the spec and returns the spec. A layer that cannot be raises
    ``CifarError``, which names it and the shapes, and leaves the spec as it was. To be trained, the
    last layer must be dense with a unit a class.
    """

    def __init__(self):
        self._handle = create("model_spec", "cifar_model_spec_create")

    @classmethod
    def _of(cls, handle) -> "ModelSpec":
        spec = cls.__new__(cls)
        spec._handle = handle
        return spec

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Reads what ``to_json`` writes, or the list of the layers alone.

        A layer is an object with its ``type`` and its options, such as
        ``{"type": "conv2d", "filters": 32}``; types and options are called as the methods here.
        """
        return cls._of(
            create("model_spec", "cifar_model_spec_from_json", required_text(text, "text")))

    @classmethod
    def preset(cls, name: str, dialect: str = "pytorch", classes: int = 10) -> "ModelSpec":
        """``"tutorial"``, ``"tutorial-gap"`` or ``"tutorial-resnet"``.

        dialect: ``"pytorch"`` or ``"keras"``: whose batch norm, and zeros with stride 2.
        """
        return cls._of(
            create(
                "model_spec", "cifar_model_spec_preset", required_text(name, "name"),
                required_text(dialect, "dialect"), whole(classes, "classes"),
            )
        )

    def resolved(self, dialect: str = "pytorch") -> "ModelSpec":
        """The same model with everything spelled out that its layers leave to the dialect,
        ``"pytorch"`` or ``"keras"``: what a training of that recipe makes of it.
        """
        return ModelSpec._of(create(
            "model_spec", "cifar_model_spec_resolve", self._handle, required_text(dialect, "dialect")))

    # Layers -----------------------------------------------------------------------------------

    def conv2d(
        self, filters: int, kernel_size: int = 3, stride: int = 1, padding: Optional[str] = None
    ) -> "ModelSpec":
        """Convolution with bias.

        kernel_size: 1, 3 or 5.
        stride: 1 or 2.
        padding: ``"same"`` as PyTorch's ``k//2``, ``"valid"``, or ``"same_upper"``, Keras's
            ``"same"``; with stride 1 the first and the last are alike. None is what ``"same"`` is
            in the dialect that the model is trained in.
        """
        if not isinstance(padding, (str, type(None))) or padding not in _PADDINGS:
            names = ", ".join(filter(None, _PADDINGS))
            raise ValueError(f"padding {padding!r} is none of {names}")
        return self._add(
            "conv2d", whole(filters, "filters"), whole(kernel_size, "kernel_size"),
            whole(stride, "stride"), _PADDINGS[padding],
        )

    def batch_norm(
        self, momentum: Optional[float] = None, epsilon: Optional[float] = None,
        unbiased: Optional[bool] = None,
    ) -> "ModelSpec":
        """Normalises each channel, or each value of a row, over the batch. What is None is as the
        dialect has it that the model is trained in: see ``resolved``.

        momentum: the weight of the new value in the running statistics: 0.1 in PyTorch, Keras's
            0.99 is 0.01 here.
        epsilon: 1e-5 in PyTorch, 1e-3 in Keras.
        unbiased: whether the running variance is that of n − 1; True in PyTorch, False in Keras.
        """
        for name, value in [("momentum", momentum), ("epsilon", epsilon)]:
            if value is not None and number(value, name) == 0:  # which is None for C
                raise ValueError(f"{name} {value} is not above 0")
        return self._add(
            "batch_norm", 0 if momentum is None else number(momentum, "momentum"),
            0 if epsilon is None else number(epsilon, "epsilon"),
            -1 if unbiased is None else flag(unbiased, "unbiased"))

    def relu(self) -> "ModelSpec":
        """max(x, 0)"""
        return self._add("relu")

    def gelu(self) -> "ModelSpec":
        """x·Φ(x), where Φ is the standard normal distribution: the exact form."""
        return self._add("gelu")

    def max_pool(self) -> "ModelSpec":
        """The maximum of every 2×2 square."""
        return self._add("max_pool")

    def avg_pool(self) -> "ModelSpec":
        """The mean of every 2×2 square."""
        return self._add("avg_pool")

    def global_average_pool(self) -> "ModelSpec":
        """The mean of each channel."""
        return self._add("global_average_pool")

    def dropout(self, rate: float) -> "ModelSpec":
        """While training, sets a share of the values to 0 and divides the others by 1 − rate."""
        return self._add("dropout", number(rate, "rate"))

    def flatten(self) -> "ModelSpec":
        """(C, H, W) to C·H·W."""
        return self._add("flatten")

    def dense(self, units: int) -> "ModelSpec":
        """W·x + b; of the last layer the units are the classes."""
        return self._add("dense", whole(units, "units"))

    def residual(
        self,
        layers: Union["ModelSpec", Callable[["ModelSpec"], object]],
        shortcut: Union[None, "ModelSpec", Callable[["ModelSpec"], object]] = None,
    ) -> "ModelSpec":
        """layers(x) + shortcut(x); without a shortcut, layers(x) + x.

        Each is a spec, which is copied, or a function that adds layers to the fresh one it gets,
        which begins with the shape that this spec has come to.
        """
        layers = self._part(layers, "layers")
        if shortcut is not None:
            shortcut = self._part(shortcut, "shortcut")
        return self._add(
            "residual", layers._handle, None if shortcut is None else shortcut._handle)

    def _part(self, part, name: str) -> "ModelSpec":
        if isinstance(part, ModelSpec):
            return part
        if not callable(part):
            raise TypeError(
                f"{name} is a {type(part).__name__}, neither a ModelSpec nor a function of one")
        fresh = ModelSpec._of(create("model_spec", "cifar_model_spec_branch", self._handle))
        result = part(fresh)
        if result is None:
            return fresh
        if not isinstance(result, ModelSpec):
            raise TypeError(f"{name} returned a {type(result).__name__}, not a ModelSpec")
        return result

    def _add(self, layer: str, *options) -> "ModelSpec":
        call(f"cifar_model_spec_{layer}", self._handle, *options)
        return self

    # Looking ----------------------------------------------------------------------------------

    def to_json(self) -> str:
        """A JSON object with every option spelled out but those that are left to the dialect; equal
        specs have equal text."""
        return get_text("cifar_model_spec_get_json", self._handle)

    def summary(self) -> str:
        """A table as Keras's ``summary()`` prints it: ``print(spec.summary())``.

        A line a layer: its place and type, the shape of its output, its parameters and its FLOPs
        for one image, and its options. Shapes are (None, C, H, W) or (None, N).
        """
        return get_text("cifar_model_spec_get_summary", self._handle)

    def _info(self) -> abi.ModelSpecInfo:
        return get("cifar_model_spec_get_info", abi.ModelSpecInfo, self._handle)

    @property
    def parameters(self) -> int:
        """Numbers that are trained."""
        return self._info().parameters

    @property
    def non_trainable(self) -> int:
        """Numbers that are kept besides: running means and variances."""
        return self._info().non_trainable

    @property
    def flops(self) -> int:
        """Additions and multiplications for one image."""
        return self._info().flops

    @property
    def classes(self) -> int:
        """The units of the last layer; 0 if it is not dense."""
        return self._info().classes

    def __len__(self) -> int:
        """Layers, those inside residual blocks counted."""
        return self._info().layers

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other) -> bool:
        if not isinstance(other, ModelSpec):
            return NotImplemented
        return self.to_json() == other.to_json()

    # A spec grows: it is no key of a dict.
    __hash__ = None

    def __repr__(self) -> str:
        info = self._info()
        return f"<ModelSpec: {info.layers} layers, {info.parameters} parameters>"

    def __reduce__(self):
        # A copy is a spec of its own.
        return type(self).from_json, (self.to_json(),)
