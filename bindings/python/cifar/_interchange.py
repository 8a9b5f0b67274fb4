"""Models out to other programs, and weights in."""

import ctypes
import os
from collections.abc import Mapping as AnyMapping
from ctypes import byref, c_size_t, c_void_p, sizeof
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Type, TypeVar, Union

from numpy.typing import NDArray

from . import _abi as abi
from . import _arguments as argument
from . import _safetensors as safetensors
from ._handle import Handle, Held
from ._library import call, create
from .dataset import PathLike
from .model_spec import ModelSpec

Weights = Union[str, "os.PathLike[str]", Mapping[str, Any]]
AnyModel = Union[None, str, ModelSpec, Mapping[str, Any], Sequence[Any]]
Self = TypeVar("Self", bound="Interchange")

_FORMATS = {
    "checkpoint": abi.CIFAR_FORMAT_CHECKPOINT,
    "weights": abi.CIFAR_FORMAT_WEIGHTS,
}
# What a file's name says; what it does not say is a checkpoint.
_ENDINGS: Dict[str, str] = {}


class Interchange(Held):
    """What ``Model`` has for other programs."""

    @classmethod
    def _of(cls: Type[Self], handle: Handle) -> Self:
        raise NotImplementedError

    @classmethod
    def from_weights(
        cls: Type[Self], weights: Weights, model: AnyModel = None, *, recipe: str = "pytorch",
        normalization: Optional[Mapping[str, Any]] = None,
        class_names: Optional[Iterable[str]] = None, threads: int = 0,
    ) -> Self:
        """Makes a model of weights that another program trained.

        Parameters
        ----------
        weights : path or mapping of str to array
            A safetensors file, or arrays by name, such as a PyTorch ``state_dict()``. The names are
            those of a flat ``nn.Sequential`` of the same layers (``0.weight``), of the tutorial's
            class (``conv_block1.0.weight`` to ``fc.4.bias``) or of a checkpoint, after any prefix
            that all share; ``num_batches_tracked`` may be there or not; F16, BF16 and F64 become
            float32.
        model : str, ModelSpec, dict or list, optional
            As ``fit`` takes it; None (the default) for ``"tutorial"``, or for what a file of this
            library says. A preset gets as many classes as the weights have.
        recipe : {"pytorch", "keras", "keras-tuned"}
            Whose batch norm and padding the layers have, and whose normalization of images; the
            default is ``"pytorch"``.
        normalization : dict, optional
            ``{"mean": […], "std": […]}``, three numbers each, of (byte/255 - mean) / std; None (the
            default) for the recipe's.
        class_names : iterable of str, optional
            In the order of the outputs; None (the default) for what the file says, else ``"0"``,
            ``"1"``, ….
        threads : int
            As in ``Model.open``.

        Returns
        -------
        Model
            Independent of the weights.

        Raises
        ------
        CifarError
            ``CIFAR_E_SHAPE_MISMATCH``, naming the tensor that is missing, that the model does not
            have, or whose shape is another; ``CIFAR_E_NOT_FINITE``; ``CIFAR_E_BAD_DATA`` for a file
            that is no safetensors; ``CIFAR_E_NOT_FOUND``.
        TypeError, ValueError
            For an argument that can't be.

        Examples
        --------
        >>> weights = model.state_dict("tutorial")
        >>> again = cifar.Model.from_weights(weights, "tutorial", class_names=test.class_names)
        >>> bool((again.predict(test.images[:2]) == model.predict(test.images[:2])).all())
        True
        """
        options = abi.ImportOptions()
        call("cifar_import_options_init", byref(options), sizeof(options))
        options.threads = argument.whole(threads, "threads")
        options.model = model_text(model)
        recipe_name = argument.required_text(recipe, "recipe")
        # What is the default leaves a file of this library its own.
        options.recipe = None if recipe_name == b"pytorch" else recipe_name
        if normalization is not None:
            options.hyperparameters = argument.json_text({"normalization": normalization}, "")
        if class_names is not None:
            options.class_names = b"\n".join(argument.texts(class_names, "class_names"))
        if isinstance(weights, AnyMapping):
            data = safetensors.encode(weights)
            handle = create("model", "cifar_model_decode", data, len(data), byref(options))
        else:
            path = argument.required_path(weights, "weights")
            handle = create("model", "cifar_model_import", path, byref(options))
        return cls._of(handle)

    def state_dict(self, names: Optional[str] = None) -> Dict[str, NDArray[Any]]:
        """The weights and statistics as arrays, as PyTorch's ``state_dict()`` has them.

        Parameters
        ----------
        names : {"sequential", "tutorial"}, optional
            What they are called: ``0.weight`` as in a flat ``nn.Sequential``, where global average
            pooling is two modules, ``AdaptiveAvgPool2d(1)`` and ``Flatten()``; or
            ``conv_block1.0.weight`` to ``fc.4.bias``. None (the default) for the tutorial's where
            the model is built like it, else those of an ``nn.Sequential``.

        Returns
        -------
        dict of str to numpy.ndarray
            float32; ``num_batches_tracked`` int64. Convolutions are (out, in, k, k), dense layers
            (out, in).

        Raises
        ------
        CifarError
            ``CIFAR_E_UNSUPPORTED`` for the tutorial's names of a model that is not built like it.

        Examples
        --------
        >>> weights = model.state_dict()
        >>> weights["fc.4.bias"].shape, weights["conv_block1.0.weight"].shape
        ((10,), (32, 3, 3, 3))
        >>> # net.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
        """
        return safetensors.decode(self._encoded("weights", _options(names)))

    def export(
        self, path: PathLike, format: Optional[str] = None, *, names: Optional[str] = None,
    ) -> None:
        """Writes a file for other programs, whole or not at all.

        Parameters
        ----------
        path : path
            A name that promises another format than is written is an error. An existing file is
            replaced if it is empty or of the kind that is written.
        format : {"checkpoint", "weights"}, optional
            ``"weights"``: a safetensors file of weights and statistics alone, which
            ``load_state_dict(load_file(path))`` takes, and ``Model.open``. ``"checkpoint"``:
            everything that a training needs to continue, as ``save`` writes it; what None (the
            default) is.
        names : {"sequential", "tutorial"}, optional
            Of the weights, as in ``state_dict``.

        Raises
        ------
        CifarError
            ``CIFAR_E_INVALID_ARGUMENT`` for a name that promises another format, a file of another
            kind, a directory or a registry; ``CIFAR_E_UNSUPPORTED`` as ``state_dict``;
            ``CIFAR_E_IO``; ``CIFAR_E_DISK_FULL``.
        ValueError
            For an unknown format.

        Examples
        --------
        >>> model.export("weights.safetensors", "weights")
        >>> cifar.Model.open("weights.safetensors").epoch
        1
        """
        place = argument.required_path(path, "path")
        if format is None:
            format = _ENDINGS.get(os.path.splitext(place)[1].decode(errors="replace"), "checkpoint")
        call("cifar_model_export", self._handle, _format(format), place, byref(_options(names)))

    def _encoded(self, format: str, options: abi.ExportOptions) -> bytes:
        data, size = c_void_p(), c_size_t()
        call(
            "cifar_model_encode", self._handle, _format(format), byref(options), byref(data),
            byref(size),
        )
        return ctypes.string_at(data.value or 0, size.value)


def _format(name: str) -> int:
    if name not in _FORMATS:
        raise ValueError(f"there is no format {name!r}: use {', '.join(_FORMATS)}")
    return _FORMATS[name]


def _options(names: Optional[str]) -> abi.ExportOptions:
    options = abi.ExportOptions()
    call("cifar_export_options_init", byref(options), sizeof(options))
    options.names = argument.text(names, "names")
    return options


def model_text(model: object) -> Optional[bytes]:
    """A preset's name or the JSON of a spec, for C."""
    if isinstance(model, ModelSpec):
        model = model.to_json()
    elif isinstance(model, (dict, list, tuple)):
        return argument.json_text(model, "model")
    elif not isinstance(model, (str, type(None))):
        raise TypeError(
            f"model is a {type(model).__name__}, not a name, a ModelSpec, a dict or a list")
    return argument.text(model, "model")
