"""Models out to other programs, and weights in."""

import ctypes
import os
from collections.abc import Mapping as AnyMapping
from ctypes import byref, c_size_t, c_void_p, sizeof
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from numpy.typing import NDArray

from . import _abi as abi
from . import _arguments as argument
from . import _keras as keras
from . import _safetensors as safetensors
from ._handle import Handle, Held
from ._importing import AnyModel, Weights, imported
from ._library import call
from ._weights import checked
from .dataset import PathLike

Self = TypeVar("Self", bound="Interchange")

_FORMATS = {
    "checkpoint": abi.CIFAR_FORMAT_CHECKPOINT,
    "weights": abi.CIFAR_FORMAT_WEIGHTS,
    "onnx": abi.CIFAR_FORMAT_ONNX,
    "pytorch": abi.CIFAR_FORMAT_PYTORCH,
    "keras": abi.CIFAR_FORMAT_KERAS,
}


class Interchange(Held):
    """What ``Model`` has for other programs."""

    @classmethod
    def _of(cls: Type[Self], handle: Handle) -> Self:
        raise NotImplementedError

    @classmethod
    def from_weights(
        cls: Type[Self], weights: Weights, model: AnyModel = None, *,
        recipe: Optional[str] = None, normalization: Optional[Mapping[str, Any]] = None,
        class_names: Optional[Iterable[str]] = None, threads: int = 0,
    ) -> Self:
        """Makes a model of weights that another program trained.

        Parameters
        ----------
        weights : path, mapping of str to array, torch.nn.Module or keras.Model
            A safetensors file, or arrays by name, such as a PyTorch ``state_dict()``, or what has
            one; with Keras 3 installed, also a model of it and its files ``.keras`` and
            ``.weights.h5``. The names are those of a flat ``nn.Sequential`` of the same layers
            (``0.weight``), of the tutorial's class (``conv_block1.0.weight`` to ``fc.4.bias``), of
            a checkpoint, or of the ``nn.Sequential`` that ``model`` is, after any prefix that all
            share; ``num_batches_tracked`` may be there or not; F16, BF16 and F64 become float32.
        model : str, ModelSpec, dict, list or Sequential, optional
            As ``fit`` takes it; None (the default) for what a file of this library, an
            ``nn.Sequential`` or a Keras model says of itself, else ``"tutorial"``. A preset gets as
            many classes as the weights have, and square images of the size that they are for (32
            pixels where they are for any).
        recipe : {"pytorch", "keras", "keras-tuned", "airbench93", "airbench94", "airbench94-muon", "resnet9"}, optional
            Whose batch norm and padding the layers have, and whose normalization of images; None
            (the default) for what a file of this library says, ``"keras"`` where Keras wrote the
            weights, else ``"pytorch"``.
        normalization : dict, optional
            ``{"mean": […], "std": […]}``, a number a channel each, of (byte/255 - mean) / std; None
            (the default) for what the file says, else the recipe's. Of grey images ``"pytorch"``
            has none: what it took in training has to be given.
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
            For an argument that can't be; for a recipe that normalises images otherwise than the
            file says; for grey images of which nobody knows the normalization; for a Keras model
            that has no counterpart here, or that says otherwise of images than the model made of
            its weights.
        ImportError
            For a file of Keras where that is not installed.

        Examples
        --------
        >>> weights = model.state_dict("tutorial")
        >>> again = cifar.Model.from_weights(weights, "tutorial", class_names=test.class_names)
        >>> bool((again.predict(test.images[:2]) == model.predict(test.images[:2])).all())
        True
        """
        names = None if class_names is None else argument.texts(class_names, "class_names")
        made = imported(
            cls, weights, model, recipe, checked(normalization), names, threads)
        taken: Self = made
        return taken

    def state_dict(self, names: Optional[str] = None) -> Dict[str, NDArray[Any]]:
        """The weights and statistics as arrays, as PyTorch's ``state_dict()`` has them.

        Parameters
        ----------
        names : {"sequential", "tutorial"}, optional
            What they are called: ``0.weight`` as in a flat ``nn.Sequential``, where global average
            pooling is two modules, ``AdaptiveAvgPool2d(1)`` and ``Flatten()``; or
            ``conv_block1.0.weight`` to ``fc.4.bias``. None (the default) for the tutorial's where
            the model is built like it and has all its biases, else those of an ``nn.Sequential``.

        Returns
        -------
        dict of str to numpy.ndarray
            Of float32; ``num_batches_tracked`` of int64. Convolutions are (out, in, k, k), dense layers
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
        keep_batch_norm: bool = False,
    ) -> None:
        """Writes a file for other programs, whole or not at all.

        Parameters
        ----------
        path : path
            A name that promises another format than is written is an error. An existing file is
            replaced if it is empty or of the kind that is written.
        format : {"checkpoint", "weights", "onnx", "pytorch", "keras"}, optional
            ``"weights"``: a safetensors file of weights and statistics alone, which
            ``load_state_dict(load_file(path))`` takes, and ``Model.open``. ``"onnx"``: a model from
            ``images``, (N, channels, height, width) of uint8 for any N, to ``probabilities``,
            (N, classes).
            ``"pytorch"``, ``"keras"``: a Python script that builds the model and loads the weights,
            which are written beside it, with the ending ``.safetensors``. ``"checkpoint"``:
            everything that a training needs to continue. None (the default) goes by the name:
            ``"onnx"`` for one that ends in ``.onnx``, else ``"weights"``.
        names : {"sequential", "tutorial"}, optional
            Of ``"weights"``, as in ``state_dict``.
        keep_batch_norm : bool
            Of ``"onnx"``: whether batch norm stays a node of its own; else (the default) it becomes
            part of the weights before it.

        Raises
        ------
        CifarError
            ``CIFAR_E_INVALID_ARGUMENT`` for a name that promises another format, a file of another
            kind, a directory or a registry; ``CIFAR_E_UNSUPPORTED`` as ``state_dict``;
            ``CIFAR_E_IO``; ``CIFAR_E_DISK_FULL``.
        ValueError
            For an unknown format; for an option of another one.

        Examples
        --------
        >>> model.export("all.safetensors", "checkpoint")
        >>> cifar.Model.open("all.safetensors").epoch
        1
        """
        place = argument.required_path(path, "path")
        if format is None:
            format = "onnx" if place.lower().endswith(b".onnx") else "weights"
        if names is not None and format != "weights":
            raise ValueError(f"names is for the format 'weights', not for '{format}'")
        if argument.flag(keep_batch_norm, "keep_batch_norm") and format != "onnx":
            raise ValueError(f"keep_batch_norm is for the format 'onnx', not for '{format}'")
        options = _options(names, keep_batch_norm)
        call("cifar_model_export", self._handle, _format(format), place, byref(options))

    def to_onnx(
        self, path: Optional[PathLike] = None, *, keep_batch_norm: bool = False
    ) -> bytes:
        """Makes the model ONNX, as ``onnxruntime.InferenceSession`` takes it.

        Parameters
        ----------
        path : path, optional
            A file to write, too, as ``export`` does; None (the default) for none.
        keep_batch_norm : bool
            As in ``export``; the default is False.

        Returns
        -------
        bytes
            From ``images``, (N, channels, height, width) of uint8, to ``probabilities``, (N, classes).

        Examples
        --------
        >>> model.to_onnx()[:2]  # the file format's version, 8
        b'\\x08\\x08'
        """
        if path is not None:
            self.export(path, "onnx", keep_batch_norm=keep_batch_norm)
        return self._encoded("onnx", _options(None, keep_batch_norm))

    def to_keras(self) -> Any:
        """The model in Keras 3, which has to be installed; ``save("m.keras")`` writes a file.

        Returns
        -------
        keras.Model
            From images, (N, height, width, channels), normalised as
            ``hyperparameters["normalization"]`` says, to probabilities, (N, classes). It is what
            ``export(path, "keras")`` writes a script of.

        Raises
        ------
        ImportError
            Where Keras is not installed.

        Examples
        --------
        >>> # keras_model = model.to_keras()
        >>> # keras_model.predict(images / 255)
        """
        script = keras.Script(self._encoded("keras"))
        return script.network(self.state_dict("sequential"))

    def _save_as_named(self, place: bytes) -> bool:
        """Writes what a file's name promises where that is not the library's own format."""
        if keras.is_file(place):
            network, name = self.to_keras(), os.fsdecode(place)
            network.save_weights(name) if name.lower().endswith(".h5") else network.save(name)
        elif place.lower().endswith(b".onnx"):
            self.export(place, "onnx")
        else:
            return False
        return True

    def _encoded(self, format: str, options: Optional[abi.ExportOptions] = None) -> bytes:
        options = options or _options(None)
        data, size = c_void_p(), c_size_t()
        call(
            "cifar_model_encode", self._handle, _format(format), byref(options), byref(data),
            byref(size),
        )
        return ctypes.string_at(data.value or 0, size.value)


def _format(name: str) -> int:
    if not isinstance(name, str) or name not in _FORMATS:
        raise ValueError(f"there is no format {name!r}: use {', '.join(_FORMATS)}")
    return _FORMATS[name]


def _options(names: Optional[str], keep_batch_norm: bool = False) -> abi.ExportOptions:
    options = abi.ExportOptions()
    call("cifar_export_options_init", byref(options), sizeof(options))
    options.names = argument.text(names, "names")
    options.keep_batch_norm = argument.flag(keep_batch_norm, "keep_batch_norm")
    return options
