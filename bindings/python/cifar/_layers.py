"""The layers that a model can have."""

import json
from typing import Any, Callable, Dict, Optional, Tuple, Type, TypeVar, Union

from . import _abi as abi
from ._arguments import flag, number, whole
from ._handle import Handle
from ._hints import instead
from ._library import call, create

_PADDINGS: Dict[Optional[str], int] = {
    "same": abi.CIFAR_PADDING_SAME,
    "valid": abi.CIFAR_PADDING_VALID,
    "same_upper": abi.CIFAR_PADDING_SAME_UPPER,
    None: abi.CIFAR_PADDING_DEFAULT,
}

Spec = TypeVar("Spec", bound="Layers")
# Of a square: a number, or Keras's and PyTorch's pair.
Side = Union[int, Tuple[int, int]]


class Layers:
    """What ``ModelSpec`` is made of: each method adds a layer."""

    _handle: Handle
    # Whether the last layer was said to have softmax.
    _has_ended = False

    @classmethod
    def _of(cls: Type[Spec], handle: Handle) -> Spec:
        spec = cls.__new__(cls)
        spec._handle = handle
        return spec

    @instead(
        input_shape="cifar.ModelSpec(input=(3, 32, 32)) says it",
        kernel_initializer="initializer='dirac' or 'whitening', or the dialect's",
        use_bias="bias=False leaves it out")
    def conv2d(
        self: Spec, filters: int, kernel_size: Side = 3, stride: Side = 1,
        padding: Optional[str] = None, activation: Optional[str] = None, bias: bool = True,
        initializer: Optional[str] = None, strides: Optional[Side] = None,
        trainable: bool = True,
    ) -> Spec:
        """Adds a convolution: (C, H, W) to (filters, H/stride, W/stride).

        Parameters
        ----------
        filters : int
            1 to 4096.
        kernel_size : {1, 2, 3, 5} or a pair of the same
            The default is 3.
        stride : {1, 2} or a pair of the same
            The default is 1.
        padding : {"same", "valid", "same_upper"}, optional
            ``"same"`` as PyTorch's ``k//2``, ``"valid"`` none, or ``"same_upper"``, Keras's
            ``"same"``; with stride 1 the first and the last are alike. None (the default) is what
            ``"same"`` is in the dialect that the model is trained in.
        activation : {"relu", "gelu", "linear"}, optional
            A layer that follows at once; None (the default) for none.
        bias : bool
            False leaves it out; the default is True.
        initializer : {"dirac", "whitening"}, optional
            What the filters begin with: ``"dirac"`` passes the input's channels on by the first
            filters; ``"whitening"`` makes the patches of the training images uncorrelated, and
            needs two filters for each number of a patch. None (the default) is the dialect's.
        strides : {1, 2} or a pair of the same, optional
            Keras's name of ``stride``.
        trainable : bool
            False leaves its parameters as they are in training; the default is True.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, ValueError, TypeError
            For options out of range; for a layer that does not fit.

        Examples
        --------
        >>> cifar.ModelSpec().conv2d(16, kernel_size=5, stride=2).parameters
        1216
        """
        if not isinstance(padding, (str, type(None))) or padding not in _PADDINGS:
            names = ", ".join(filter(None, _PADDINGS))
            raise ValueError(f"padding {padding!r} is none of {names}")
        if strides is not None:
            if stride != 1:
                raise TypeError("stride is given twice, the second time as strides")
            stride = strides
        follow = _activation(activation)
        sides = _side(kernel_size, "kernel_size"), _side(stride, "stride")
        if flag(bias, "bias") and flag(trainable, "trainable") and initializer is None:
            self._add("conv2d", whole(filters, "filters"), *sides, _PADDINGS[padding])
        else:
            self._add_options(
                type="conv2d", filters=whole(filters, "filters"), kernel_size=sides[0],
                stride=sides[1], padding=padding, bias=bool(bias), initializer=initializer,
                trainable=_unless_true(trainable))
        return self if follow is None else self._add(follow)

    def batch_norm(
        self: Spec, momentum: Optional[float] = None, epsilon: Optional[float] = None,
        unbiased: Optional[bool] = None, scale: bool = True, trainable: bool = True,
    ) -> Spec:
        """Adds batch norm, which normalises each channel, or each value of a row, over the batch.

        What is None (the default) is as the dialect has it that the model is trained in: see
        ``resolved``.

        Parameters
        ----------
        momentum : float, optional
            The weight of the new value in the running statistics, above 0 and at most 1: 0.1 in
            PyTorch; Keras's 0.99 is 0.01 here.
        epsilon : float, optional
            Above 0: 1e-5 in PyTorch, 1e-3 in Keras.
        unbiased : bool, optional
            Whether the running variance is that of n − 1: True in PyTorch, False in Keras.
        scale : bool
            False for a scale of 1 that is not trained; the default is True.
        trainable : bool
            False leaves its parameters as they are in training, which then takes the running
            statistics and keeps them, as in Keras; the default is True.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, ValueError, TypeError
            For options out of range.

        Examples
        --------
        >>> cifar.ModelSpec().conv2d(8).batch_norm(momentum=0.05).non_trainable
        16
        """
        for name, value in [("momentum", momentum), ("epsilon", epsilon)]:
            if value is not None and number(value, name) == 0:  # which is None for C
                raise ValueError(f"{name} {value} is not above 0")
        if not flag(scale, "scale") or not flag(trainable, "trainable"):
            return self._add_options(
                type="batch_norm", scale=_unless_true(scale), trainable=_unless_true(trainable),
                momentum=None if momentum is None else number(momentum, "momentum"),
                epsilon=None if epsilon is None else number(epsilon, "epsilon"),
                unbiased=None if unbiased is None else bool(flag(unbiased, "unbiased")))
        return self._add(
            "batch_norm", 0 if momentum is None else number(momentum, "momentum"),
            0 if epsilon is None else number(epsilon, "epsilon"),
            -1 if unbiased is None else flag(unbiased, "unbiased"))

    def relu(self: Spec) -> Spec:
        """Adds max(x, 0).

        Returns
        -------
        ModelSpec
            This one.

        Examples
        --------
        >>> len(cifar.ModelSpec().relu())
        1
        """
        return self._add("relu")

    def gelu(self: Spec) -> Spec:
        """Adds x·Φ(x), where Φ is the standard normal distribution: the exact form.

        Returns
        -------
        ModelSpec
            This one.

        Examples
        --------
        >>> len(cifar.ModelSpec().gelu())
        1
        """
        return self._add("gelu")

    def max_pool(self: Spec, pool_size: Side = 2) -> Spec:
        """Adds the maximum of every square; rows and columns that the last lacks are left out.

        Parameters
        ----------
        pool_size : int or a pair of the same
            Rows and columns of a square, 2 to 8; the default is 2.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, ValueError, TypeError
            Where it does not fit.

        Examples
        --------
        >>> cifar.ModelSpec().max_pool().flatten().dense(10).parameters
        7690
        """
        size = _side(pool_size, "pool_size")
        return self._add("max_pool") if size == 2 else self._add_options(type="max_pool", size=size)

    def avg_pool(self: Spec, pool_size: Side = 2) -> Spec:
        """Adds the mean of every 2×2 square; an odd last row or column is left out.

        Parameters
        ----------
        pool_size : 2 or (2, 2)
            There is no other; as Keras and PyTorch want it said.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, ValueError, TypeError
            Where it does not fit.

        Examples
        --------
        >>> cifar.ModelSpec().avg_pool().flatten().dense(10).parameters
        7690
        """
        if _side(pool_size, "pool_size") != 2:
            raise ValueError(f"pool_size is {pool_size}, and there is 2 only")
        return self._add("avg_pool")

    def global_average_pool(self: Spec) -> Spec:
        """Adds the mean of each channel: (C, H, W) to (C).

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError
            Where it does not fit.

        Examples
        --------
        >>> cifar.ModelSpec().global_average_pool().dense(10).parameters
        40
        """
        return self._add("global_average_pool")

    def global_max_pool(self: Spec) -> Spec:
        """Adds the maximum of each channel: (C, H, W) to (C).

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError
            Where it does not fit.

        Examples
        --------
        >>> cifar.ModelSpec().global_max_pool().dense(10).parameters
        40
        """
        return self._add_options(type="global_max_pool")

    def scale(self: Spec, factor: float) -> Spec:
        """Adds factor·x.

        Parameters
        ----------
        factor : float
            Any finite number but 0.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, TypeError
            For another factor.

        Examples
        --------
        >>> cifar.ModelSpec().flatten().scale(1 / 9).dense(10, bias=False).parameters
        30720
        """
        return self._add_options(type="scale", factor=number(factor, "factor"))

    def dropout(self: Spec, rate: float) -> Spec:
        """Adds dropout.

        While training, it sets a share of the values to 0 and divides the others by 1 − rate.

        Parameters
        ----------
        rate : float
            The share, from 0 to below 1.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, TypeError
            For another rate.

        Examples
        --------
        >>> len(cifar.ModelSpec().dropout(0.25))
        1
        """
        return self._add("dropout", number(rate, "rate"))

    def flatten(self: Spec) -> Spec:
        """Adds (C, H, W) to (C·H·W), channels slowest.

        Returns
        -------
        ModelSpec
            This one.

        Examples
        --------
        >>> cifar.ModelSpec().flatten().dense(10).parameters
        30730
        """
        return self._add("flatten")

    @instead(
        input_shape="cifar.ModelSpec(input=(3, 32, 32)) says it", use_bias="bias=False leaves it out")
    def dense(
        self: Spec, units: int, activation: Optional[str] = None, bias: bool = True,
        trainable: bool = True,
    ) -> Spec:
        """Adds W·x + b, after a flatten or a global pool.

        Parameters
        ----------
        units : int
            1 to 65,536; of the last layer the number of classes, 2 to 1000.
        activation : {"relu", "gelu", "linear", "softmax"}, optional
            A layer that follows at once; None (the default) for none. Softmax adds nothing: the
            loss has it, and ``predict`` too. It can be that of the last layer only.
        bias : bool
            False leaves b out; the default is True.
        trainable : bool
            False leaves its parameters as they are in training; the default is True.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, ValueError, TypeError
            For units out of range; for a layer that does not fit.

        Examples
        --------
        >>> cifar.ModelSpec().flatten().dense(64).relu().dense(10).classes
        10
        """
        follow = None if activation == "softmax" else _activation(activation)
        if flag(bias, "bias") and flag(trainable, "trainable"):
            self._add("dense", whole(units, "units"))
        else:
            self._add_options(
                type="dense", units=whole(units, "units"), bias=_unless_true(bias),
                trainable=_unless_true(trainable))
        if activation == "softmax":
            self._end()
        return self if follow is None else self._add(follow)

    def residual(
        self: Spec,
        layers: "Union[Layers, Callable[[Spec], object]]",
        shortcut: "Union[None, Layers, Callable[[Spec], object]]" = None,
    ) -> Spec:
        """Adds layers(x) + shortcut(x); without a shortcut, layers(x) + x.

        Parameters
        ----------
        layers : ModelSpec or callable
            At least one layer: a spec, which is copied, or a function that adds layers to the fresh
            one it gets, which begins with the shape that this spec has come to. Blocks may hold
            blocks, 16 deep.
        shortcut : ModelSpec or callable, optional
            Likewise, with an output of the same shape; None (the default) for x itself.

        Returns
        -------
        ModelSpec
            This one.

        Raises
        ------
        CifarError, TypeError
            For a block that cannot be, naming the layer and the shapes.

        Examples
        --------
        >>> half = cifar.ModelSpec().residual(
        ...     lambda block: block.conv2d(16, stride=2).batch_norm().relu().conv2d(16),
        ...     shortcut=lambda block: block.conv2d(16, kernel_size=1, stride=2))
        >>> half.relu().global_average_pool().dense(10).classes
        10
        """
        block = self._part(layers, "layers")
        beside = None if shortcut is None else self._part(shortcut, "shortcut")
        return self._add("residual", block._handle, None if beside is None else beside._handle)

    def _part(
        self: Spec, part: "Union[Layers, Callable[[Spec], object]]", name: str
    ) -> "Layers":
        if isinstance(part, Layers):
            return part
        if not callable(part):
            raise TypeError(
                f"{name} is a {type(part).__name__}, neither a ModelSpec nor a function of one")
        fresh = self._of(create("model_spec", "cifar_model_spec_branch", self._handle))
        result = part(fresh)
        if result is None:
            return fresh
        if not isinstance(result, Layers):
            raise TypeError(f"{name} returned a {type(result).__name__}, not a ModelSpec")
        return result

    def _end(self) -> None:
        """The last layer has softmax: others can't follow."""
        self._has_ended = True

    def _add(self: Spec, layer: str, *options: object) -> Spec:
        self._go_on(layer)
        call(f"cifar_model_spec_{layer}", self._handle, *options)
        return self

    def _add_options(self: Spec, type: str, **options: object) -> Spec:
        """Adds a layer with options that its own function does not take."""
        self._go_on(type)
        given = {name: value for name, value in options.items() if value is not None}
        call("cifar_model_spec_add", self._handle, json.dumps({"type": type, **given}).encode())
        return self

    def _go_on(self, layer: str) -> None:
        if self._has_ended:
            raise ValueError(f"{layer} can't follow softmax, which is for the last layer")


def _unless_true(value: object) -> Optional[bool]:
    """What JSON says of a flag that is usually true."""
    return None if value else False


def _side(value: Any, name: str) -> int:
    if isinstance(value, (tuple, list)):
        if len(value) != 2 or value[0] != value[1]:
            raise ValueError(f"{name} is {value!r}, and only squares there are")
        value = value[0]
    return whole(value, name)


def _activation(name: Optional[str]) -> Optional[str]:
    """The layer of an activation by its name."""
    if name is None or name == "linear":
        return None
    if name not in ("relu", "gelu"):
        raise ValueError(f"activation {name!r} is none of 'relu', 'gelu'")
    return name
