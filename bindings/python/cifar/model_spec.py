"""Models of one's own, layer by layer."""

import html
from ctypes import byref, c_char_p
from typing import TYPE_CHECKING, Any, NoReturn, Optional, Sequence, Tuple

from . import _abi as abi
from ._arguments import kind_of, required_text, whole
from ._html import monospaced
from ._layers import Layers
from ._library import call, create, decode, get, get_text
from ._pictures import Shape
from ._sequential import is_sequential, read

# What those who come from Keras or PyTorch look for, and where it is.
_ELSEWHERE = {
    "activation": "relu() and gelu(), and activation='relu' of conv2d and dense",
    "add": "a method a layer: spec.conv2d(32).relu()",
    "avg_pooling2d": "avg_pool(2)",
    "average_pooling2d": "avg_pool(2)",
    "averagepooling2d": "avg_pool(2)",
    "batch_normalization": "batch_norm()",
    "batchnorm2d": "batch_norm()",
    "batchnormalization": "batch_norm()",
    "compile": "cifar.fit(…, model=spec, optimizer=…, learning_rate=…)",
    "fit": "cifar.fit(train, validation, model=spec)",
    "global_avg_pool": "global_average_pool()",
    "global_average_pooling2d": "global_average_pool()",
    "globalaveragepooling2d": "global_average_pool()",
    "linear": "dense(10)",
    "max_pool2d": "max_pool(2)",
    "max_pooling2d": "max_pool(2)",
    "maxpool2d": "max_pool(2)",
    "maxpooling2d": "max_pool(2)",
    "softmax": "no need of it: the loss has softmax, and predict too",
}


class ModelSpec(Layers):
    """A model as a list of layers.

    Each method for a layer adds it after the others, 4096 at most, and returns the spec. A layer
    that cannot be raises ``CifarError``, which names it and the shapes, and leaves the spec as it
    was. To be trained, the last layer must be dense with a unit a class.

    Parameters
    ----------
    input : sequence of int
        Channels, height and width of the images; the default is (3, 32, 32).

    Examples
    --------
    >>> import cifar
    >>> spec = (
    ...     cifar.ModelSpec()
    ...     .conv2d(8).batch_norm().relu()
    ...     .residual(lambda block: block.conv2d(8).batch_norm().relu().conv2d(8).batch_norm())
    ...     .relu().max_pool().global_average_pool().dense(10)
    ... )
    >>> spec
    <ModelSpec: 13 layers, 1530 parameters>
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, model=spec, epochs=1, verbose=0, record=False)
    >>> run.model.parameters
    1530
    """

    def __init__(self, input: Sequence[int] = (3, 32, 32)) -> None:
        self._handle = create("model_spec", "cifar_model_spec_create")
        self._set_input(_shape(input))

    def _set_input(self, shape: Shape) -> None:
        if shape != (3, 32, 32):
            call("cifar_model_spec_set_input", self._handle, *shape)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Reads what ``to_json`` writes, or the list of the layers alone.

        Parameters
        ----------
        text : str
            JSON. A layer is an object with its ``type`` and its options, which are called as the
            methods here and their parameters.

        Returns
        -------
        ModelSpec
            It need not be complete.

        Raises
        ------
        CifarError
            For what is no such text, with its place; for a layer that cannot be.

        Examples
        --------
        >>> cifar.ModelSpec.from_json('[{"type": "flatten"}, {"type": "dense", "units": 10}]')
        <ModelSpec: 2 layers, 30730 parameters>
        """
        return cls._of(
            create("model_spec", "cifar_model_spec_from_json", required_text(text, "text")))

    @classmethod
    def from_sequential(
        cls, model: Any, input: Optional[Sequence[int]] = None
    ) -> "ModelSpec":
        """Reads the layers of a ``torch.nn.Sequential`` or a ``keras.Sequential``.

        Their weights are not read. ``fit(model=…)`` takes such a model, too.

        Parameters
        ----------
        model : torch.nn.Sequential or keras.Sequential
            They may hold others. A softmax at the end adds nothing: the loss has it. A flatten after
            a global average, and Keras's ``Rescaling`` at the beginning, are left out.
        input : sequence of int, optional
            Channels, height and width of the images; None (the default) for what the model says:
            Keras's its input, PyTorch's the channels of its first convolution and, by the values
            that its first ``Linear`` takes, the sides of square images, 32 if any would do.

        Returns
        -------
        ModelSpec
            A new one.

        Raises
        ------
        TypeError, ValueError
            For another object; for a layer, or an option of it, that has no counterpart; for a class
            with a ``forward`` or a ``call`` of its own, and for hooks.
        CifarError
            For a layer that does not fit, or that takes other channels or values than it gets.

        Examples
        --------
        >>> cifar.ModelSpec.from_sequential([])
        Traceback (most recent call last):
        TypeError: model is a list, not a Sequential of PyTorch or Keras
        """
        if not is_sequential(model):
            raise TypeError(f"model is a {kind_of(model)}, not a Sequential of PyTorch or Keras")
        return read(model, cls, None if input is None else _shape(input))

    @classmethod
    def preset(
        cls, name: str, dialect: str = "pytorch", classes: int = 10,
        input: Sequence[int] = (3, 32, 32),
    ) -> "ModelSpec":
        """Makes the model that ``fit`` takes by a name.

        Parameters
        ----------
        name : {"tutorial", "tutorial-gap", "tutorial-resnet", "airbench93", "airbench94", "airbench94-muon", "resnet9"}
            Three blocks of convolutions; the same with global average pooling in place of flatten;
            residual blocks; the networks of the record recipes.
        dialect : {"pytorch", "keras"}
            Whose batch norm, and zeros with stride 2; the default is ``"pytorch"``.
        classes : int
            2 to 1000; the default is 10.
        input : sequence of int
            Channels, height and width of the images; the default is (3, 32, 32).

        Returns
        -------
        ModelSpec
            A new one.

        Raises
        ------
        CifarError
            For another name, naming those there are; for images that it can't take.

        Examples
        --------
        >>> cifar.ModelSpec.preset("tutorial-gap", classes=100).classes
        100
        """
        spec = cls._of(
            create(
                "model_spec", "cifar_model_spec_preset", required_text(name, "name"),
                required_text(dialect, "dialect"), whole(classes, "classes"),
            )
        )
        spec._set_input(_shape(input))
        return spec

    def resolved(self, dialect: str = "pytorch") -> "ModelSpec":
        """Spells out what the layers leave to the dialect, as a training of that recipe does.

        Parameters
        ----------
        dialect : {"pytorch", "keras"}
            The default is ``"pytorch"``.

        Returns
        -------
        ModelSpec
            A new one.

        Raises
        ------
        CifarError
            For another dialect.

        Examples
        --------
        >>> norm = cifar.ModelSpec().batch_norm().resolved("keras")
        >>> norm == cifar.ModelSpec().batch_norm(momentum=0.01, epsilon=1e-3, unbiased=False)
        True
        """
        return ModelSpec._of(
            create(
                "model_spec", "cifar_model_spec_resolve", self._handle,
                required_text(dialect, "dialect"),
            )
        )

    def copy(self) -> "ModelSpec":
        """Copies the spec: what is added to the copy is not added to this one.

        Returns
        -------
        ModelSpec
            A new one.

        Examples
        --------
        >>> wider = spec.copy().relu()
        >>> len(wider) - len(spec)
        1
        """
        return type(self).from_json(self.to_json())

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            message = f"'{type(self).__name__}' has no attribute '{name}'"
            if name.lower() in _ELSEWHERE:
                message += f"; there is {_ELSEWHERE[name.lower()]}"
            raise AttributeError(message)

    # Looking ----------------------------------------------------------------------------------

    def to_json(self) -> str:
        """Writes the spec as JSON, as ``fit``, C and the command line take it.

        Returns
        -------
        str
            An object with every option spelled out but those that are left to the dialect; equal
            specs have equal text.

        Examples
        --------
        >>> cifar.ModelSpec.from_json(spec.to_json()) == spec
        True
        """
        return get_text("cifar_model_spec_get_json", self._handle)

    def script(self, format: str) -> str:
        """Writes a Python script that builds the model in another framework.

        Parameters
        ----------
        format : {"pytorch", "keras"}
            Its functions ``build`` and ``load`` are those of the scripts that ``Model.export``
            writes, which also know the normalization and the classes of a training.

        Returns
        -------
        str
            Lines, each with its end. What is left to the dialect is as PyTorch has it: see
            ``resolved``.

        Raises
        ------
        CifarError
            If the model is not complete.
        ValueError
            For another format.

        Examples
        --------
        >>> script = cifar.ModelSpec().flatten().dense(10).script("pytorch")
        >>> "nn.Linear(3072, 10)" in script
        True
        """
        formats = {"pytorch": abi.CIFAR_FORMAT_PYTORCH, "keras": abi.CIFAR_FORMAT_KERAS}
        if format not in formats:
            raise ValueError(f"there is no script for {format!r}: use pytorch or keras")
        text = c_char_p()
        call("cifar_model_spec_get_script", self._handle, formats[format], byref(text))
        return decode(text.value or b"")

    def summary(self) -> str:
        """Makes a table as Keras's ``summary()`` prints it.

        Returns
        -------
        str
            A line a layer: its place and type, the shape of its output, its parameters and its
            FLOPs for one image, and its options; then totals. Shapes are (None, C, H, W) or
            (None, N).

        Examples
        --------
        >>> print(cifar.ModelSpec().flatten().dense(10).summary())  # doctest: +ELLIPSIS
        Input (None, 3, 32, 32)
        Layer (type)  Output shape  Params   FLOPs  Options
        ===================================================
        0 (flatten)   (None, 3072)       0       0
        1 (dense)     (None, 10)    30,730  61,450
        ...
        """
        return get_text("cifar_model_spec_get_summary", self._handle)

    def _info(self) -> abi.ModelSpecInfo:
        return get("cifar_model_spec_get_info", abi.ModelSpecInfo, self._handle)

    @property
    def parameters(self) -> int:
        """Numbers that are trained.

        Returns
        -------
        int
            Weights, biases, and the scales and shifts of batch norm.

        Examples
        --------
        >>> spec.parameters
        1530
        """
        return int(self._info().parameters)

    @property
    def non_trainable(self) -> int:
        """Numbers that are kept besides.

        Returns
        -------
        int
            Running means and variances.

        Examples
        --------
        >>> spec.non_trainable
        48
        """
        return int(self._info().non_trainable)

    @property
    def flops(self) -> int:
        """The work for one image.

        Returns
        -------
        int
            Additions and multiplications.

        Examples
        --------
        >>> cifar.ModelSpec().flatten().dense(10).flops
        61450
        """
        return int(self._info().flops)

    @property
    def classes(self) -> int:
        """The number of classes.

        Returns
        -------
        int
            The units of the last layer; 0 if it is not dense.

        Examples
        --------
        >>> spec.classes
        10
        """
        return int(self._info().classes)

    def __len__(self) -> int:
        """Layers, those inside residual blocks counted."""
        return int(self._info().layers)

    def __bool__(self) -> bool:
        return True

    # And no hash: a spec grows, so it is no key of a dict.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelSpec):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __repr__(self) -> str:
        info = self._info()
        return f"<ModelSpec: {info.layers} layers, {info.parameters} parameters>"

    def _repr_html_(self) -> str:
        return monospaced(html.escape(self.summary()))

    def __reduce__(self) -> Tuple[Any, ...]:
        # A copy is a spec of its own.
        return type(self).from_json, (self.to_json(),)


def _shape(input: Any) -> Shape:
    try:
        sides = list(input)
    except TypeError:
        sides = []
    if len(sides) != 3:
        raise ValueError(f"input {input!r} is not (channels, height, width)")
    channels, height, width = (whole(side, "input") for side in sides)
    return channels, height, width
