"""Training: `fit` starts a run, `resume` continues one."""

import json
import sys
import threading
import warnings
from ctypes import byref, c_char_p, c_double, sizeof
from dataclasses import dataclass, field
from functools import partial
from typing import Callable, Iterable, List, Optional, Union

import numpy as np

from . import _arguments as argument
from . import _abi as abi
from ._handle import Handle
from ._library import (
    call,
    create,
    decode,
    decode_path,
    error_of,
    get,
    library,
    new_handle,
)
from ._listening import Listening
from .callbacks import Callback
from .dataset import Dataset
from .events import (
    Batch,
    Epoch,
    StorageWait,
    batch_of,
    epoch_of,
    recording,
    storage_wait_of,
    validation_of,
)
from .model import Model
from .model_spec import ModelSpec


@dataclass(frozen=True)
class Run:
    """What a training came to."""

    id: Optional[str]
    """The run's UUID; None for one that was not recorded."""
    registry: Optional[str]
    """The SQLite file that keeps it."""
    status: str
    """``"completed"``, ``"interrupted"`` or ``"stopped"``; ``"failed"`` if ``terminate_on_nan``
    ended it."""
    reason: str
    """Why it ended, in words."""
    hyperparameters: dict = field(repr=False)
    epochs: List[Epoch]
    """Those of this call."""
    model: Model
    """The network as training left it: with the best weights if it completed."""


EpochCallback = Union[Callback, Callable[[Epoch], object]]
BatchCallback = Callable[[Batch], object]


def fit(
    train: Dataset,
    validation: Dataset,
    *,
    recipe: str = "pytorch",
    model: Union[None, str, ModelSpec, dict, list] = None,
    epochs: Optional[int] = None,
    batch_size: Optional[int] = None,
    learning_rate: Optional[float] = None,
    seed: int = 0,
    threads: Optional[int] = None,
    name: Optional[str] = None,
    registry=None,
    record: bool = True,
    keep_last: int = 2,
    keep_every: int = 0,
    busy_timeout: float = 600,
    tags: Union[str, Iterable[str]] = (),
    callbacks: Optional[Iterable[EpochCallback]] = (),
    on_batch: Optional[BatchCallback] = None,
    **hyperparameters,
) -> Run:
    """Trains the tutorial's network, or another one, and records the run.

    recipe: ``"pytorch"`` or ``"keras"``, the tutorial's dialects, or ``"keras-tuned"``, the latter
        with the learning rate halved on a plateau; what is None is as it says.
    model: ``"tutorial"``, ``"tutorial-gap"``, ``"tutorial-resnet"`` or a ``ModelSpec``, also as
        what its JSON says: a dict, or the list of its layers alone.
    threads: those that compute, ``default_threads()`` at most: the results are the same.
    registry: the SQLite file; None for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.
    record: False keeps nothing.
    keep_last: checkpoints kept besides the best one; 0 keeps all.
    keep_every: every n-th epoch's checkpoint stays too; 0 for none of them.
    busy_timeout: seconds for which the end waits for a registry that others hold. While training
        continues everything waits in memory, however long they hold it; at the end, the last
        checkpoint then goes to a file beside the registry. The error names it, and
        ``Registry.import_file`` gives it to the run.
    tags: words to find the run by; a str is one.
    callbacks: each is a ``Callback``, or called with an ``Epoch`` after every epoch. One that
        returns True, Python's or NumPy's, stops the training, and ``Run.reason`` names it; anything
        else continues. (A progress bar's ``update`` may return True: call it in a function that does
        not return it, or as ``lambda epoch: bar.update() and None``.) One that raises stops the
        training too, and ``fit`` raises its exception again.
    on_batch: likewise, with a ``Batch`` after every batch.
    hyperparameters: anything else that cifar.h names: ``optimizer="sgd"``, ``momentum=0.9``,
        ``weight_decay=5e-4``, ``clip_norm=1`` (of all gradients together; ``clipnorm`` of each
        parameter's, ``clipvalue`` of each number, as in Keras),
        ``label_smoothing=0.1``, ``steps_per_epoch=500``, ``ema=0.999`` (an exponential
        moving average of the weights is validated and kept in their place),
        ``precision="mixed_bfloat16"``, ``schedule="cosine"`` or
        ``schedule={"type": "step", "step_size": 10}``,
        ``early_stopping={"patience": 3}``, ``reduce_lr_on_plateau=False``,
        ``csv_logger={"filename": "log.csv"}`` (a resume continues without one that can't be
        written, with a warning to ``set_log``), ``terminate_on_nan``, ``timer``,
        ``augment=[...]`` to add, ``augmentations=[...]`` to replace.

    Ctrl-C stops after the batch under way and raises KeyboardInterrupt; the run is then in the
    registry as interrupted, with a checkpoint to ``resume`` from. Likewise whatever else a signal
    handler raises meanwhile. Of several exceptions the first is raised.
    """
    training = _Training(callbacks, on_batch)
    train = argument.handle(train, Dataset, "train", _DATASET)
    validation = argument.handle(validation, Dataset, "validation", _DATASET)
    options = abi.TrainOptions()
    call("cifar_train_options_init", byref(options), sizeof(options))
    options.epochs = argument.optional_whole(epochs, "epochs")
    options.batch_size = argument.optional_whole(batch_size, "batch_size")
    options.threads = argument.optional_whole(threads, "threads")
    options.seed = argument.whole(seed, "seed", 0, 2**64 - 1)
    options.recipe = argument.required_text(recipe, "recipe")
    options.name = argument.text(name, "name")
    options.registry = argument.path(registry, "registry")
    options.record = argument.flag(record, "record")
    options.keep_last = argument.whole(keep_last, "keep_last")
    options.keep_every = argument.whole(keep_every, "keep_every")
    options.busy_timeout = argument.number(busy_timeout, "busy_timeout")
    options.tags = _lines(tags)
    options.model = _model_text(model)
    options.learning_rate = argument.optional_number(learning_rate, "learning_rate")
    if hyperparameters:
        _refuse_foreign(hyperparameters)
        options.hyperparameters = argument.json_text(hyperparameters, "")
    options.command_line = _command_line()
    return training.run("cifar_trainer_create", train, validation, byref(options))


def resume(
    run: str,
    *,
    train: Optional[Dataset] = None,
    validation: Optional[Dataset] = None,
    checkpoint: Union[str, int] = "last",
    epochs: Optional[int] = None,
    threads: Optional[int] = None,
    registry=None,
    data=None,
    take_over: bool = False,
    busy_timeout: float = 600,
    callbacks: Optional[Iterable[EpochCallback]] = (),
    on_batch: Optional[BatchCallback] = None,
) -> Run:
    """Resumes a run, to the same bits as if it had never stopped.

    run: its id, the first 4 or more characters of it, or its name.
    train, validation: the images it was trained on; None opens them from their place, or from
        ``data``. A run on arrays needs them handed over.
    checkpoint: ``"last"``, ``"best"`` or a checkpoint's id.
    epochs: train up to this many in all; None as planned. A run that a callback ended continues where
        epochs are asked for: the patience of early stopping starts over.
    take_over: also a run that seems to be running, because what trained it can't be asked from
        here: another machine, another container, the same machine a moment after a restart. What
        still trains it can write nothing more.

    The rest is as in ``fit``.
    """
    training = _Training(callbacks, on_batch)
    if isinstance(run, Run):
        raise TypeError("run is a Run, not an id or a name: give run.id, and registry=run.registry")
    if train is not None:
        train = argument.handle(train, Dataset, "train", _DATASET)
    if validation is not None:
        validation = argument.handle(validation, Dataset, "validation", _DATASET)
    options = abi.ResumeOptions()
    call("cifar_resume_options_init", byref(options), sizeof(options))
    options.epochs = argument.optional_whole(epochs, "epochs")
    options.threads = argument.optional_whole(threads, "threads")
    options.checkpoint = argument.checkpoint(checkpoint)
    options.registry = argument.path(registry, "registry")
    options.data_location = argument.path(data, "data")
    options.take_over = argument.flag(take_over, "take_over")
    options.busy_timeout = argument.number(busy_timeout, "busy_timeout")
    options.command_line = _command_line()
    return training.run(
        "cifar_trainer_resume", argument.required_text(run, "run"), train, validation,
        byref(options),
    )


_DATASET = ": cifar.load(location) opens one, cifar.Dataset.from_arrays(images, labels) makes one"

# What other libraries' fit takes, and what there is in its place.
_FOREIGN = {
    "validation_data": "the data set to validate on is fit's second argument",
    "validation_split": "give fit two data sets; Dataset.from_arrays makes them of parts of arrays",
    "verbose": "callbacks=[print] shows the epochs",
    "metrics": "loss and accuracy are measured always, others in a callback by epoch.log(name=…)",
    "class_weight": "images are weighted alike",
    "sample_weight": "images are weighted alike",
    "shuffle": "training images are shuffled always",
    "initial_epoch": "cifar.resume resumes a run",
}


def _refuse_foreign(hyperparameters: dict) -> None:
    for name, remedy in _FOREIGN.items():
        if name in hyperparameters:
            raise TypeError(f"fit has no '{name}': {remedy}")


def _lines(tags) -> bytes:
    """Tags for C, one a line."""
    if tags is None:
        return b""
    if isinstance(tags, str):
        tags = [tags]
    texts = argument.texts(tags, "tags")
    for text in texts:
        if b"\n" in text:
            raise ValueError(f"the tag {text.decode()!r} is more than one line")
    return b"\n".join(texts)


def _model_text(model) -> Optional[bytes]:
    """A preset's name or the JSON of a spec, for C."""
    if isinstance(model, ModelSpec):
        model = model.to_json()
    elif isinstance(model, (dict, list, tuple)):
        return argument.json_text(model, "model")
    elif not isinstance(model, (str, type(None))):
        raise TypeError(
            f"model is a {type(model).__name__}, not a name, a ModelSpec, a dict or a list")
    return argument.text(model, "model")


def _command_line() -> bytes:
    words = " ".join(map(str, getattr(sys, "argv", [])))
    return words.replace("\0", " ").encode(errors="replace")


class _Training:
    """One trainer: callbacks on their way through C, and the end."""

    def __init__(self, callbacks, on_batch):
        callbacks = _list_of(callbacks)
        self._objects = [item for item in callbacks if isinstance(item, Callback)]
        self._epoch_functions = [
            item.on_epoch_end if isinstance(item, Callback) else item for item in callbacks
        ]
        self._batch_functions = [
            item.on_batch_end for item in self._objects if _has(item, "on_batch_end")
        ]
        if on_batch is not None:
            self._batch_functions.append(_function(on_batch, "on_batch"))
        self._epochs: List[Epoch] = []
        self._trainer: Optional[Handle] = None
        self._thread = threading.get_ident()
        self._listening = Listening()
        # The first that returned True.
        self._stopper: Optional[Callable] = None
        self._has_warned = False

    def run(self, name: str, *arguments) -> Run:
        """Makes the trainer by a function of C, and trains."""
        run = None
        try:
            try:
                run = self._listening.run(self._run, name, arguments)
            finally:
                self._listening.close()
        except BaseException as error:
            self._listening.raised.append(error)
        finally:
            # It ends here, and not with a traceback or an event that someone keeps.
            self._trainer = None
            for item in self._objects:
                item._training = None
        error = self._listening.take()
        try:
            if error is not None:
                raise error
        finally:
            del error
        return run

    def _run(self, name: str, arguments) -> Optional[Run]:
        """None if there are exceptions to raise."""
        self._trainer = new_handle("trainer")
        # The cell alone, which is NULL for C when the trainer is freed: an exception keeps the
        # frames it came through, and the one that its signal handler interrupted; they must not
        # keep the trainer.
        trainer = self._trainer._as_parameter_
        call(name, *arguments, byref(self._trainer.pointer))
        self._listening.stop = partial(library.cifar_trainer_interrupt, trainer)
        call("cifar_trainer_set_callbacks", trainer, byref(self._callbacks()))
        for item in self._objects:
            item._training = self
        if self._listening.raised:
            return None
        status = library.cifar_trainer_run(trainer)
        error = error_of(status) if status else None
        ends = {"CIFAR_E_INTERRUPTED": "interrupted", "CIFAR_E_CALLBACK": "stopped"}
        if error is not None and error.status not in ends:
            raise error
        if self._listening.raised:
            first = self._listening.raised[0]
            if error is not None and type(first) is KeyboardInterrupt and not first.args:
                first.args = (str(error),)
            return None
        return self._result(trainer, ends[error.status] if error else None)

    def _result(self, trainer, status: Optional[str]) -> Run:
        info = get("cifar_trainer_get_info", abi.TrainerInfo, trainer)
        status = status or ("failed" if info.has_diverged else "completed")
        reason = decode(info.end_reason)
        if self._stopper is not None and status == "stopped":
            reason += f" ({_place(self._stopper)} returned True)"
        return Run(
            id=decode(info.run_id),
            registry=decode_path(info.registry),
            status=status,
            reason=reason,
            hyperparameters=json.loads(info.hyperparameters),
            epochs=self._epochs,
            model=Model._of(create("model", "cifar_model_from_trainer", trainer)),
        )

    # Called by C ------------------------------------------------------------------------------

    def _callbacks(self) -> abi.TrainerCallbacks:
        """What C is to call: methods of this object where there are any, else those of the
        callback objects that have the same name."""
        callbacks = abi.TrainerCallbacks()
        call("cifar_trainer_callbacks_init", byref(callbacks), sizeof(callbacks))
        for name, kind in callbacks._fields_:
            if not name.startswith("on_"):
                continue
            answer = getattr(self, "_" + name, None) or self._caller(name, kind)
            if answer is not None:
                setattr(callbacks, name, self._listening.function(kind, answer))
        return callbacks

    def _caller(self, name: str, kind):
        """Calls the method of every callback object that has one of its own."""
        functions = [getattr(item, name) for item in self._objects if _has(item, name)]
        if not functions:
            return None
        event_of = _EVENTS.get(getattr(kind._argtypes_[0], "_type_", None))
        if event_of is None:
            return lambda _: self._ask(functions)
        return lambda info: self._ask(functions, event_of(info.contents))

    # Always there: signal handlers are called between bytecodes of Python only, and without any a
    # Ctrl-C would wait for the epoch's end. It costs microseconds. Likewise while the end waits for
    # the registry.
    def _on_batch_end(self, info) -> int:
        if not self._batch_functions:
            return 0
        return self._ask(self._batch_functions, batch_of(info.contents))

    def _on_epoch_end(self, info) -> int:
        epoch = epoch_of(info.contents)
        self._epochs.append(epoch)
        return self._ask(self._epoch_functions, recording(epoch, self._record))

    def _on_storage_wait(self, info) -> int:
        wait = storage_wait_of(info.contents)
        if wait.seconds_left is not None and wait.seconds >= 10 and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                "the registry is held by another program: what is not stored waits for it, up to "
                f"{wait.seconds_left:.0f} s", RuntimeWarning, stacklevel=2)
        return self._ask([item.on_storage_wait for item in self._objects], wait)

    def _ask(self, functions, *event) -> int:
        """0 to continue. Every function is asked, also after one that wants to stop."""
        stops = 0
        for function in functions:
            answer = function(*event)
            if isinstance(answer, (bool, np.bool_)) and answer:
                stops = 1
                self._stopper = self._stopper or function
        return stops

    # Called by callbacks ----------------------------------------------------------------------

    def set_learning_rate(self, rate: float) -> None:
        # Like `_record`: None when another thread asks as training ends.
        trainer = self._trainer
        if trainer is None:
            raise RuntimeError("set_learning_rate works while training only")
        call("cifar_trainer_set_learning_rate", trainer, argument.number(rate, "rate"))

    def _record(self, epoch: Epoch, metrics: dict) -> None:
        # A reference of its own keeps the trainer for the time of the call.
        trainer = self._trainer
        if trainer is None:
            raise RuntimeError(
                f"epoch.log works in callbacks only: the training of epoch {epoch.epoch} is over")
        if threading.get_ident() != self._thread:
            raise RuntimeError("epoch.log works on the thread that called fit only")
        if epoch.epoch != self._epochs[-1].epoch:
            raise RuntimeError(
                f"epoch.log is late: after epoch {epoch.epoch}, epoch {self._epochs[-1].epoch} has "
                "ended too")
        count = len(metrics)
        names = [argument.required_text(name, "a metric's name") for name in metrics]
        values = [argument.number(value, name) for name, value in metrics.items()]
        call(
            "cifar_trainer_record_metrics", trainer, (c_char_p * count)(*names),
            (c_double * count)(*values), count,
        )


# What callbacks are told, by what C tells.
_EVENTS = {abi.BatchInfo: batch_of, abi.ValidationInfo: validation_of}


def _list_of(callbacks) -> list:
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback) or callable(callbacks):
        raise TypeError("callbacks is one callback, not a list of them: write callbacks=[…]")
    try:
        callbacks = list(callbacks)
    except TypeError:
        raise TypeError(
            f"callbacks is a {type(callbacks).__name__}, not a list of callbacks") from None
    for index, item in enumerate(callbacks):
        if not isinstance(item, Callback):
            _function(item, f"callbacks[{index}]")
    return callbacks


def _function(value, name: str) -> Callable:
    if isinstance(value, type) and issubclass(value, Callback):
        raise TypeError(
            f"{name} is the class {value.__name__}, not an object of it: {value.__name__}()")
    if not callable(value):
        raise TypeError(
            f"{name} is a {type(value).__name__}, neither a cifar.Callback nor a function")
    return value


def _has(callback: Callback, method: str) -> bool:
    """Whether the callback has a method of its own: others need not be called for every batch."""
    return getattr(type(callback), method) is not getattr(Callback, method)


def _place(function) -> str:
    """A function's name, and where it is written."""
    name = getattr(function, "__qualname__", None) or type(function).__name__
    code = getattr(function, "__code__", None)
    return f"{name} in {code.co_filename}:{code.co_firstlineno}" if code else name
