"""Training: `fit` starts a run, `resume` goes on with one."""

import json
import signal
import sys
import threading
from ctypes import byref, c_void_p, sizeof
from dataclasses import dataclass, field, replace
from typing import Callable, Iterable, List, Optional, Union

from . import _structs as structs
from ._library import (
    BATCH_CALLBACK,
    EPOCH_CALLBACK,
    TRAIN_CALLBACK,
    call,
    create,
    decode,
    encode,
    error_of,
    get,
    library,
)
from .callbacks import Callback
from .dataset import Dataset
from .events import Batch, Epoch, batch_of
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
    lr: Optional[float] = None,
    seed: int = 0,
    threads: Optional[int] = None,
    name: Optional[str] = None,
    registry=None,
    record: bool = True,
    keep_last: int = 2,
    keep_every: int = 0,
    tags: Iterable[str] = (),
    callbacks: Iterable[EpochCallback] = (),
    on_batch: Optional[BatchCallback] = None,
    **hyperparameters,
) -> Run:
    """Trains the tutorial's network, or another one, and records the run.

    recipe: ``"pytorch"`` or ``"keras"``, the tutorial's dialects, or ``"keras-tuned"``, the latter
        with the learning rate halved on a plateau; what is None is as it says.
    model: ``"tutorial"``, ``"tutorial-gap"``, ``"tutorial-resnet"`` or a ``ModelSpec``, also as
        what its JSON says: a dict, or the list of its layers alone.
    registry: the SQLite file; None for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.
    record: False keeps nothing.
    keep_last: checkpoints kept besides the best one; 0 keeps all.
    keep_every: those of every so many epochs stay too; 0 for none of them.
    tags: words to find the run by.
    callbacks: each is a ``Callback``, or called with an ``Epoch`` after every epoch. One that
        returns True stops the training; so does one that raises, and ``fit`` raises its exception
        again.
    on_batch: likewise, with a ``Batch`` after every batch.
    hyperparameters: anything else that cifar.h names: ``optimizer="sgd"``, ``momentum=0.9``,
        ``weight_decay=5e-4``, ``clip_norm=1`` (of all gradients together; ``clipnorm`` of each
        parameter's, ``clipvalue`` of each number, as in Keras), ``label_smoothing=0.1``, ``steps_per_epoch=500``,
        ``precision="mixed_bfloat16"``,
        ``schedule="cosine"`` or ``schedule={"type": "step", "step_size": 10}``,
        ``early_stopping={"patience": 3}``, ``reduce_lr_on_plateau=False``, ``csv_logger``,
        ``terminate_on_nan``, ``timer``, ``augment=[...]`` to add, ``augmentations=[...]`` to
        replace.

    Ctrl-C stops after the batch under way and raises KeyboardInterrupt; the run is then in the
    registry as interrupted, with a checkpoint to ``resume`` from.
    """
    options = structs.TrainOptions()
    call("cifar_train_options_init", byref(options), sizeof(options))
    options.epochs = _positive(epochs, "epochs")
    options.batch_size = _positive(batch_size, "batch_size")
    options.threads = _positive(threads, "threads")
    if lr is not None:
        if lr == 0:
            raise ValueError("lr 0 is not a positive number")
        options.learning_rate = lr
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed {seed} is not in 0 to 2**64 - 1")
    options.seed = seed
    options.recipe = recipe.encode()
    options.name = encode(name)
    options.registry = encode(registry)
    options.record = 1 if record else 0
    if keep_last < 0:
        raise ValueError(f"keep_last {keep_last} is negative")
    options.keep_last = keep_last
    if keep_every < 0:
        raise ValueError(f"keep_every {keep_every} is negative")
    options.keep_every = keep_every
    options.tags = "\n".join(tags).encode()
    options.model = _model_text(model)
    if hyperparameters:
        options.hyperparameters = json.dumps(hyperparameters).encode()
    options.command_line = _command_line()
    handle = create("cifar_trainer_create", train._handle, validation._handle, byref(options))
    return _Training(handle, callbacks, on_batch).run()


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
    callbacks: Iterable[EpochCallback] = (),
    on_batch: Optional[BatchCallback] = None,
) -> Run:
    """Goes on with a run, to the same bits as if it had never stopped.

    run: its id, the first 4 or more characters of it, or its name.
    train, validation: the images it was trained on; None opens them from their place, or from
        ``data``. A run on arrays needs them handed over.
    checkpoint: ``"last"``, ``"best"`` or a checkpoint's id.
    epochs: train up to so many in all; None as planned.

    The rest is as in ``fit``.
    """
    options = structs.ResumeOptions()
    call("cifar_resume_options_init", byref(options), sizeof(options))
    options.epochs = _positive(epochs, "epochs")
    options.threads = _positive(threads, "threads")
    options.checkpoint = str(checkpoint).encode()
    options.registry = encode(registry)
    options.data_location = encode(data)
    options.command_line = _command_line()
    handle = create(
        "cifar_trainer_resume", run.encode(), train._handle if train else None,
        validation._handle if validation else None, byref(options),
    )
    return _Training(handle, callbacks, on_batch).run()


def _positive(value: Optional[int], name: str) -> int:
    """An option for C, where 0 stands for None."""
    if value is None:
        return 0
    if not 1 <= value < 2**32:
        raise ValueError(f"{name} {value} is not at least 1 (and below 2**32)")
    return value


def _model_text(model) -> Optional[bytes]:
    """A preset's name or the JSON of a spec, for C."""
    if isinstance(model, ModelSpec):
        model = model.to_json()
    elif isinstance(model, (dict, list, tuple)):
        model = json.dumps(model)
    elif not isinstance(model, (str, type(None))):
        raise TypeError(
            f"model is a {type(model).__name__}, not a name, a ModelSpec, a dict or a list")
    return None if model is None else model.encode()


def _command_line() -> bytes:
    return " ".join(sys.argv).encode(errors="replace")


class _Training:
    """One trainer: callbacks on their way through C, signals, and the end."""

    def __init__(self, handle: c_void_p, callbacks, on_batch):
        self._handle = handle
        callbacks = list(callbacks)
        self._objects = [item for item in callbacks if isinstance(item, Callback)]
        self._on_epoch = [
            item.on_epoch_end if isinstance(item, Callback) else item for item in callbacks
        ]
        self._on_batch = [item.on_batch_end for item in self._objects if _has(item, "on_batch_end")]
        if on_batch is not None:
            self._on_batch.append(on_batch)
        self._epochs: List[Epoch] = []
        # An exception cannot pass through C: it waits here until the call is over.
        self._exception: Optional[BaseException] = None
        self._interrupted = False

    def run(self) -> Run:
        # ctypes' functions must live as long as the library may call them.
        functions = {
            "train_begin": TRAIN_CALLBACK(self._caller("on_train_begin")),
            "train_end": TRAIN_CALLBACK(self._caller("on_train_end")),
            "epoch_begin": BATCH_CALLBACK(self._caller("on_epoch_begin", batch_of)),
            "batch": BATCH_CALLBACK(self._batch_ended),
            "epoch": EPOCH_CALLBACK(self._epoch_ended),
        }
        if any(_has(item, "on_batch_begin") for item in self._objects):
            functions["batch_begin"] = BATCH_CALLBACK(self._caller("on_batch_begin", batch_of))
        try:
            for name, function in functions.items():
                call(f"cifar_trainer_on_{name}", self._handle, function, None)
            for item in self._objects:
                item._handle = self._handle
            status = self._run_with_signals()
            return self._result(status)
        finally:
            for item in self._objects:
                item._handle = None
            library.cifar_trainer_free(self._handle)

    def _run_with_signals(self) -> int:
        """Python runs signal handlers between its own instructions: without batch callbacks a
        Ctrl-C would wait for the epoch's end. They are cheap, so there always is one."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return library.cifar_trainer_run(self._handle)

        def interrupt(number, frame):
            self._interrupted = True
            library.cifar_trainer_interrupt(self._handle)
            # A second Ctrl-C is answered as usual.
            signal.signal(signal.SIGINT, signal.default_int_handler)

        signal.signal(signal.SIGINT, interrupt)
        try:
            return library.cifar_trainer_run(self._handle)
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _result(self, status: int) -> Run:
        error = error_of(status) if status else None
        if self._exception is not None:
            raise self._exception
        if error is not None and error.status == "CIFAR_E_INTERRUPTED" and self._interrupted:
            raise KeyboardInterrupt(str(error))
        ends = {"CIFAR_E_INTERRUPTED": "interrupted", "CIFAR_E_CALLBACK": "stopped"}
        if error is not None and error.status not in ends:
            raise error
        info = get("cifar_trainer_get_info", structs.TrainerInfo, self._handle)
        return Run(
            id=decode(info.run_id),
            registry=decode(info.registry),
            status=ends[error.status] if error else "failed" if info.has_diverged else "completed",
            reason=decode(info.end_reason),
            hyperparameters=json.loads(info.hyperparameters),
            epochs=self._epochs,
            model=Model(create("cifar_model_from_trainer", self._handle)),
        )

    # Called by C ------------------------------------------------------------------------------

    def _caller(self, method: str, event_of=None):
        """A function for C that calls the method of every callback object."""
        functions = [getattr(item, method) for item in self._objects]
        if event_of is None:
            return lambda _user: self._ask(functions)
        return lambda info, _user: self._ask(functions, event_of(info.contents))

    def _batch_ended(self, info, _user) -> int:
        return self._ask(self._on_batch, batch_of(info.contents)) if self._on_batch else 0

    def _epoch_ended(self, info, _user) -> int:
        row = info.contents
        epoch = Epoch(
            epoch=row.epoch, train_loss=row.train_loss, train_accuracy=row.train_accuracy,
            val_loss=row.val_loss, val_accuracy=row.val_accuracy, lr=row.learning_rate,
            seconds=row.seconds, images_per_second=row.images_per_second,
            is_best=bool(row.is_best),
        )
        self._epochs.append(epoch)
        return self._ask(self._on_epoch, replace(epoch, _record=self._record))

    def _record(self, name: str, value: float) -> None:
        call("cifar_trainer_record_metric", self._handle, name.encode(), value)

    def _ask(self, functions, *event) -> int:
        """0 to go on. Every function is asked, also after one that wants to stop."""
        try:
            return int(any([function(*event) is True for function in functions]))
        except BaseException as exception:  # KeyboardInterrupt and SystemExit too
            self._exception = exception
            return 1


def _has(callback: Callback, method: str) -> bool:
    """Whether the callback has a method of its own: others need not be called for every batch."""
    return getattr(type(callback), method) is not getattr(Callback, method)
