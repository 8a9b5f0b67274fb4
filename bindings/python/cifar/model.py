"""Trained networks, to use."""

import ctypes
import json
from ctypes import POINTER, byref, c_double, c_uint64, sizeof
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Tuple, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _abi as abi
from . import _arguments as argument
from ._arguments import Recorded
from ._evaluation import AugmentedEvaluation, ClassScores, Evaluation
from ._handle import Handle, Shared
from ._hints import instead
from ._interchange import Interchange
from ._library import call, create, decode, get, get_text
from ._pixels import pixels_to_ask
from ._splits import dataset_of
from .dataset import Dataset, PathLike
from .model_spec import ModelSpec

Images = Union[Dataset, Tuple[ArrayLike, ArrayLike], ArrayLike]

# Images that C is asked about in one call: a fraction of a second.
_AT_ONCE = 1024


class Model(Interchange, Shared):
    """A trained network.

    Made by ``Model.open``, ``Model.from_run`` and ``Model.from_weights``; ``Run.model`` is one.
    It never changes, and may be used from any thread; calls take turns. A copy has the same weights
    in the same memory, and is closed by itself; a pickle has its checkpoint.

    Attributes
    ----------
    epoch : int
        The epoch whose weights they are: the last completed one, or that whose weights early
        stopping put back.
    parameters : int
        Numbers that were trained.
    hyperparameters : dict
        What it was trained with.
    class_names : list of str
        A name for each class, in the order of ``predict``'s columns.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db", name="first")
    >>> model = run.model
    >>> model.epoch, len(model.class_names)
    (1, 10)
    """

    _elsewhere = {
        "compile": "cifar.fit(…, optimizer=…, learning_rate=…)",
        "cpu": "no need of it: all is computed on the CPU",
        "cuda": "no need of it: all is computed on the CPU",
        "eval": "no need of it: a Model is never in training",
        "fit": "cifar.fit(train, validation, model=model.spec)",
        "forward": "model.predict(images), which gives probabilities",
        "get_weights": "model.state_dict()",
        "layers": "model.spec, and model.summary()",
        "load": "Model.open(path)",
        "load_state_dict": "Model.from_weights(weights, model)",
        "load_weights": "Model.from_weights(weights, model)",
        "named_parameters": "model.state_dict()",
        "predict_classes": "model.predict(images).argmax(axis=1)",
        "predict_proba": "model.predict(images)",
        "to": "no need of it: all is computed on the CPU",
        "train": "cifar.fit(train, validation, init=model)",
        "weights": "model.state_dict()",
    }

    epoch: int
    parameters: int
    hyperparameters: Dict[str, Any]
    class_names: List[str]
    # What C writes is as long as this: class_names is a list that anybody may change.
    _classes: int
    _shape: Tuple[int, int, int]

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError(
            "a Model is opened: a file by Model.open(path), a checkpoint of a run by "
            "Model.from_run(run), weights of another program by Model.from_weights(path)")

    @classmethod
    def _of(cls, handle: Handle) -> "Model":
        self = cls.__new__(cls)
        self._handle = handle
        info = get("cifar_model_get_info", abi.ModelInfo, handle)
        self.epoch = info.epoch
        self.parameters = info.parameters
        self.hyperparameters = json.loads(info.hyperparameters)
        self.class_names = []
        self._classes = info.classes
        self._shape = (info.channels, info.height, info.width)
        for index in range(info.classes):
            name = ctypes.c_char_p()
            call("cifar_model_get_class_name", handle, index, ctypes.byref(name))
            self.class_names.append(decode(name.value or b""))
        return self

    @classmethod
    def open(cls, path: PathLike, threads: int = 0) -> "Model":
        """Opens a file that was saved or exported: a checkpoint, or weights alone.

        Parameters
        ----------
        path : path
            The safetensors file.
        threads : int
            Those that compute, 1 to 1024, ``default_threads()`` at most; 0 (the default) for as
            many. Results are the same.

        Returns
        -------
        Model
            Independent of the file.

        Raises
        ------
        CifarError
            ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_BAD_DATA`` for impossible numbers, or if it is no
            checkpoint; ``CIFAR_E_NOT_FINITE``, naming the tensor, for weights that are NaN or
            infinite: those of a training that diverged.

        Examples
        --------
        >>> model.save("first.safetensors")
        >>> cifar.Model.open("first.safetensors").parameters == model.parameters
        True
        """
        return cls._of(
            create(
                "model", "cifar_model_open", argument.required_path(path, "path"),
                argument.whole(threads, "threads", 0, 1024),
            )
        )

    @classmethod
    def from_run(
        cls, run: Union[str, Recorded], checkpoint: Union[str, int] = "best",
        registry: Optional[PathLike] = None, threads: int = 0,
    ) -> "Model":
        """Opens a checkpoint of a run.

        Parameters
        ----------
        run : str or Run
            Its id, the first 4 or more characters of it, or its name; or what ``fit`` returned, in
            its registry.
        checkpoint : {"best", "last"} or int
            Or a checkpoint's id; the default is ``"best"``.
        registry : path, optional
            The SQLite file; None (the default) for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.
        threads : int
            As in ``Model.open``.

        Returns
        -------
        Model
            Independent of the registry.

        Raises
        ------
        CifarError
            ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_AMBIGUOUS``; ``CIFAR_E_CHECKSUM_MISMATCH`` for damaged
            bytes; as ``Model.open``.

        Examples
        --------
        >>> cifar.Model.from_run("first", registry="runs.db").epoch
        1
        """
        text = argument.run(run)
        if registry is None and not isinstance(run, str):
            registry = run.registry
        return cls._of(
            create(
                "model", "cifar_model_from_run", argument.path(registry, "registry"),
                text, argument.checkpoint(checkpoint),
                argument.whole(threads, "threads", 0, 1024),
            )
        )

    @property
    def spec(self) -> ModelSpec:
        """Its layers.

        Returns
        -------
        ModelSpec
            A new one.

        Examples
        --------
        >>> model.spec.classes
        10
        """
        self._require_open()
        return ModelSpec.from_json(json.dumps(self.hyperparameters["model_spec"]))

    @property
    def precision(self) -> str:
        """What its answers are computed in.

        ``"float32"`` at first, whatever it was trained in. Set to ``"mixed_bfloat16"``, answers come
        sooner, and probabilities differ by some 1e-3. ``"int8"`` of what ``quantize`` makes, and of
        nothing else; ``"float32"`` shows there what the integers stand for. Copies compute in the same.

        Returns
        -------
        {"float32", "mixed_bfloat16", "int8"}
            Its name.

        Raises
        ------
        CifarError
            ``CIFAR_E_INVALID_ARGUMENT`` for another name; ``CIFAR_E_UNSUPPORTED`` for ``"int8"`` of a
            model that is not quantized, or ``"mixed_bfloat16"`` of one that is;
            ``CIFAR_E_OUT_OF_MEMORY``. Then nothing has changed.

        Examples
        --------
        >>> model.precision
        'float32'
        >>> model.precision = "mixed_bfloat16"
        >>> mixed = model.predict(test.images)
        >>> model.precision = "float32"
        >>> bool(abs(mixed - model.predict(test.images)).max() < 0.01)
        True
        """
        return get_text("cifar_model_get_precision", self._handle)

    @precision.setter
    def precision(self, precision: str) -> None:
        call("cifar_model_set_precision", self._handle, argument.required_text(precision, "precision"))

    def quantize(self, calibration: Images, images: int = 512) -> "Model":
        """Makes a model of the same layers whose numbers have 8 bits: post-training quantization.

        It answers sooner, and nearly the same. Batch norm becomes part of the weights, which become
        int8 with a scale for each output channel; what goes from layer to layer is uint8 or int8
        with one scale, the one that suits the calibration images best. The model that comes out has
        the precision ``"int8"``. It is saved, opened and exported as any other, but can't be trained.

        Parameters
        ----------
        calibration : Dataset, (images, labels), or array_like
            Images like those that it will be asked about: of the training set. Their labels do not
            matter.
        images : int
            How many of them are looked at, evenly spaced, from 1; the default is 512.

        Returns
        -------
        Model
            A new one; this one stays as it is.

        Raises
        ------
        CifarError
            ``CIFAR_E_SHAPE_MISMATCH`` for images of another shape; ``CIFAR_E_UNSUPPORTED`` for a model
            with GELU, or one that is quantized already; ``CIFAR_E_NOT_FINITE`` for weights that are
            not; ``CIFAR_E_OUT_OF_MEMORY``.
        TypeError, ValueError
            For arrays that can't be.

        Examples
        --------
        >>> small = model.quantize(train)
        >>> small.precision
        'int8'
        >>> bool(abs(small.predict(test.images) - model.predict(test.images)).max() < 0.1)
        True
        """
        count = argument.whole(images, "images", 1)
        if not isinstance(calibration, (Dataset, tuple)):
            calibration = calibration, np.zeros(len(calibration), np.int64)  # type: ignore[arg-type]
        return Model._of(
            create("model", "cifar_model_quantize", self._handle, self._data(calibration, None), count))

    def summary(self) -> str:
        """Its layers as a table: see ``ModelSpec.summary``.

        Returns
        -------
        str
            Lines, each with its end.

        Examples
        --------
        >>> "conv2d" in model.summary()
        True
        """
        return get_text("cifar_model_get_summary", self._handle)

    @instead(
        callbacks="it calls none", return_dict="what it returns has names, vars(result) is a dict",
        sample_weight="all images count alike", steps="give a part of the images, test[:1000]",
        x="the images are its first argument, the labels its second",
        y="the images are its first argument, the labels its second")
    def evaluate(
        self, dataset: Images, labels: Optional[ArrayLike] = None, flips: bool = False, *,
        batch_size: Optional[int] = None, verbose: Union[str, int] = 0,
    ) -> Evaluation:
        """Measures loss, accuracy and more on a data set, class by class too.

        Parameters
        ----------
        dataset : Dataset, (images, labels), or array_like
            Its class names are the model's, or nobody named them; or images as
            ``Dataset.from_arrays`` takes them.
        labels : array_like, optional
            Those of the images, where ``dataset`` is these alone.
        flips : bool
            Average each image's probabilities with those of its mirror image; the default is False.
        batch_size : int, optional
            As Keras has it, from 1. The result does not depend on it, and it is computed in batches
            of the library's own; so None (the default).
        verbose : {0, "auto", 1, 2}
            0 (the default) shows nothing; the others print a line with the result.

        Returns
        -------
        Evaluation
            What it came to; ``loss, accuracy = model.evaluate(…)`` takes the first two.

        Raises
        ------
        TypeError, ValueError
            For arrays that can't be.
        CifarError
            ``CIFAR_E_SHAPE_MISMATCH`` for other classes; ``CIFAR_E_NOT_FINITE`` for weights so
            large that the numbers overflow.

        Examples
        --------
        >>> result = model.evaluate(test)
        >>> 0 <= result.accuracy <= result.top5_accuracy <= 1
        True
        >>> model.evaluate(test.images, test.labels) == result
        True
        """
        argument.optional_whole(batch_size, "batch_size")
        shows = argument.verbose(verbose) != 0
        images = self._data(dataset, labels)
        info = abi.Evaluation()
        count = self._classes
        confusion = np.zeros((count, count), np.uint64)
        scores = np.zeros((count, 3))
        call(
            "cifar_model_evaluate_classes", self._handle, images, argument.flag(flips, "flips"),
            byref(info), sizeof(info), confusion.ctypes.data_as(POINTER(c_uint64)),
            scores.ctypes.data_as(POINTER(c_double)),
        )
        support = confusion.sum(axis=1).tolist()
        classes = {
            name: ClassScores(precision, recall, f1, images_of_it)
            for name, (precision, recall, f1), images_of_it
            in zip(self.class_names, scores.tolist(), support)
        }
        if shows:
            print(
                f"{info.count} images  loss {info.loss:.4f}  accuracy {info.accuracy:.2%}",
                flush=True)
        return Evaluation(
            info.loss, info.accuracy, info.count, info.top5_accuracy, info.macro_f1,
            (info.accuracy_low, info.accuracy_high), bool(info.chose_epoch), bool(flips), classes, confusion.tolist(),
        )

    def evaluate_augmented(
        self, dataset: Images, labels: Optional[ArrayLike] = None, tta: str = "mirror_translate"
    ) -> AugmentedEvaluation:
        """Measures with test-time augmentation: several views of an image, whose logits are averaged.

        Give the result beside that of ``evaluate``, and say so.

        Parameters
        ----------
        dataset : Dataset, (images, labels), or array_like
            As for ``evaluate``.
        labels : array_like, optional
            As for ``evaluate``.
        tta : {"mirror_translate", "mirror", "none"}
            ``"mirror"``: the image and its mirror image; ``"mirror_translate"`` (the default): these
            for one half, and for the other the same of the image shifted by one pixel to the right
            and down, and to the left and up, as airbench does.

        Returns
        -------
        AugmentedEvaluation
            What it came to.

        Raises
        ------
        TypeError, ValueError
            For arrays that can't be.
        CifarError
            As ``evaluate``; ``CIFAR_E_INVALID_ARGUMENT`` for another augmentation.

        Examples
        --------
        >>> model.evaluate_augmented(test, tta="none").accuracy == model.evaluate(test).accuracy
        True
        """
        images = self._data(dataset, labels)
        info = abi.Evaluation()
        call(
            "cifar_model_evaluate_augmented", self._handle, images, argument.required_text(tta, "tta"),
            byref(info), sizeof(info))
        return AugmentedEvaluation(
            tta, info.loss, info.accuracy, info.count, info.top5_accuracy, info.macro_f1,
            (info.accuracy_low, info.accuracy_high), bool(info.chose_epoch))

    def _data(self, dataset: Any, labels: Optional[ArrayLike]) -> Handle:
        if labels is not None:
            if isinstance(dataset, (Dataset, tuple)):
                raise TypeError("labels are given twice: dataset has some")
            dataset = dataset, labels
        handle: Handle = dataset_of(dataset, "dataset", self.class_names)._handle
        return handle

    @instead(
        callbacks="it calls none", steps="give a part of the images, images[:1000]",
        x="the images are its first argument")
    def predict(
        self, images: Any, batch_size: Optional[int] = None, *, verbose: Union[str, int] = 0
    ) -> NDArray[np.float32]:
        """Computes the probability of each class for each image.

        Parameters
        ----------
        images : array_like, Dataset, picture, or list of pictures
            (N, height, width, channels) or (N, channels, height, width) of the images that it was
            trained on, as ``Dataset.from_arrays`` takes it, or one image without the N. A picture
            is a file's name or Pillow's ``Image``, of any size: the largest part of these
            proportions in its middle is shrunk or stretched.
        batch_size : int, optional
            As ``evaluate`` has it: the answers do not depend on it.
        verbose : {0, "auto", 1, 2}
            As Keras has it; nothing is shown with any of them. The default is 0.

        Returns
        -------
        numpy.ndarray of float32, (N, classes), or (classes,) for one image
            Each row adds up to 1. An image's answer does not depend on the others, to the bit.

        Raises
        ------
        TypeError, ValueError
            For an array of another type or shape; for a picture that can't be read.
        FileNotFoundError
            For a file that is not there.
        ImportError
            For pictures without Pillow.
        CifarError
            ``CIFAR_E_NOT_FINITE`` for weights so large that the numbers overflow.

        Examples
        --------
        >>> probabilities = model.predict(test.images[:3])
        >>> probabilities.shape
        (3, 10)
        >>> labels = probabilities.argmax(axis=1)
        >>> from PIL import Image
        >>> Image.new("RGB", (640, 480), "teal").save("teal.png")
        >>> model.class_names[model.predict("teal.png").argmax()] in model.class_names
        True
        """
        argument.optional_whole(batch_size, "batch_size")
        argument.verbose(verbose)
        if isinstance(images, Dataset):
            images = images.images
        pixels, is_one = pixels_to_ask(images, self._shape)
        result = np.empty((len(pixels), self._classes), np.float32)
        # Between two calls Python looks after its signals.
        for first in range(0, max(1, len(pixels)), _AT_ONCE):
            some = pixels[first : first + _AT_ONCE]
            call(
                "cifar_model_predict", self._handle,
                some.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), len(some),
                result[first:].ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            )
        return result[0] if is_one else result

    if not TYPE_CHECKING:  # Keras's gives probabilities, PyTorch's logits: a call would be a guess

        def __call__(self, *_: object, **__: object) -> NoReturn:
            raise TypeError(
                "a Model is not called: model.predict(images) gives the probabilities of classes")

    @classmethod
    def _from_bytes(cls, data: bytes) -> "Model":
        pointer = ctypes.cast(ctypes.c_char_p(data), POINTER(ctypes.c_uint8))
        return cls._of(create("model", "cifar_model_from_memory", pointer, len(data), 0))

    # It never changes: its copies share what the library has, and another process gets its bytes.
    def __reduce__(self) -> Tuple[Any, ...]:
        return Model._from_bytes, (self._encoded("checkpoint"),)

    def save(self, path: PathLike) -> None:
        """Writes weights and statistics, all that a model is, whole or not at all.

        The file is a safetensors file, which PyTorch's ``load_state_dict`` takes; what a training
        needs to continue elsewhere is ``export(path, "checkpoint")``, three times as large. A name
        that ends in ``.onnx`` gets an ONNX model, as ``export`` writes it; with Keras 3 installed,
        ``.keras`` and ``.weights.h5`` get its files.

        Parameters
        ----------
        path : path
            A name that promises another format is an error. An existing file is replaced if it is
            empty, weights or a checkpoint.

        Raises
        ------
        CifarError
            ``CIFAR_E_INVALID_ARGUMENT`` for a file of another kind, a directory or a registry;
            ``CIFAR_E_IO``; ``CIFAR_E_DISK_FULL``.
        ImportError
            For a file of Keras where that is not installed.

        Examples
        --------
        >>> model.save("first.safetensors")
        """
        place = argument.required_path(path, "path")
        if not self._save_as_named(place):
            call("cifar_model_save", self._handle, place)

    def _repr_html_(self) -> str:
        return self.spec._repr_html_()

    def __repr__(self) -> str:
        return f"<Model: {self.parameters} parameters, {self._classes} classes>"
