"""One training: callbacks on their way through C, and the end."""

import json
import math
import threading
import warnings
from ctypes import byref, c_char_p, c_double, sizeof
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import _abi as abi
from . import _arguments as argument
from ._callback_checks import function, place
from ._evaluation import FinalResult
from ._handle import Handle
from ._library import (
    call,
    create,
    decode,
    decode_optional,
    decode_path,
    error_of,
    get,
    library,
    new_handle,
)
from ._listening import Listening
from ._peers import PeerCalls
from ._progress import progress_of
from ._run import Run
from ._callbacks import Callback, StopTraining
from .errors import InvalidArgumentError
from ._trackers import Tracker
from .events import (
    Epoch,
    batch_of,
    epoch_of,
    recording,
    storage_wait_of,
    validation_of,
)
from .model import Model


class Training:
    """One trainer: callbacks on their way through C, and the end."""

    def __init__(
        self, callbacks: List[Any], on_batch: object, verbose: object,
        peers: Optional[PeerCalls] = None,
    ) -> None:
        """callbacks: of ``list_of``."""
        self._peers = peers
        # Trackers come last: they send what the others log.
        listed = sorted(callbacks, key=lambda item: isinstance(item, Tracker))
        self._progress = progress_of(verbose)
        if self._progress is not None:  # before others, which may print
            listed.insert(0, self._progress)
        self._objects = [item for item in listed if isinstance(item, Callback)]
        for item in self._objects:
            if isinstance(item, Tracker):  # what is missing is told before a run is recorded
                item._load()
        self._epoch_functions: List[Callable[..., object]] = [
            item.on_epoch_end if isinstance(item, Callback) else item for item in listed
        ]
        self._batch_functions: List[Callable[..., object]] = [
            item.on_batch_end for item in self._objects if _has(item, "on_batch_end")
        ]
        if on_batch is not None:
            self._batch_functions.append(function(on_batch, "on_batch", "batch"))
        self._epochs: List[Epoch] = []
        # What callbacks logged with the last epoch.
        self.logged: Dict[str, float] = {}
        self._trainer: Optional[Handle] = None
        self._thread = threading.get_ident()
        self._listening = Listening()
        # Who wants to stop: the first of them, in words.
        self._stopper: Optional[str] = None
        self._has_warned = False

    def run(self, name: str, *arguments: object) -> Run:
        """Makes the trainer by a function of C, and trains."""
        run: Optional[Run] = None
        try:
            try:
                run = self._listening.run(self._run, name, arguments)
            finally:
                self._listening.close()
        except BaseException as error:
            # What a method of the peers raised says more than that it failed.
            if self._peers is not None and self._peers.raised:
                self._listening.raised.append(self._peers.raised[0])
            self._listening.raised.append(error)
        finally:
            if self._progress is not None:
                self._progress.end()
            # It ends here, and not with a traceback or an event that someone keeps.
            self._trainer = None
            for item in self._objects:
                item._training = None
                if isinstance(item, Tracker):
                    item._ended(run.status if run is not None else self._failure())
        first = self._listening.take()
        try:
            if first is not None:
                raise first
        finally:
            del first
        assert run is not None  # or there was an error
        return run

    def _run(self, name: str, arguments: Tuple[object, ...]) -> Optional[Run]:
        """None if there are exceptions to raise."""
        self._trainer = new_handle("trainer")
        # The cell alone, which is NULL for C when the trainer is freed: an exception keeps the
        # frames it came through, and the one that its signal handler interrupted; they must not
        # keep the trainer.
        trainer = self._trainer._as_parameter_
        call(name, *arguments, byref(self._trainer.pointer))
        if self._peers is not None:
            self._peers.set(trainer)
        self._listening.stop = partial(library.cifar_trainer_interrupt, trainer)
        call("cifar_trainer_set_callbacks", trainer, byref(self._callbacks()))
        self._begin(trainer)
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

    def _failure(self) -> str:
        """The status of a training that ends with an exception."""
        raised = self._listening.raised
        is_interrupt = bool(raised) and isinstance(raised[0], KeyboardInterrupt)
        return "interrupted" if is_interrupt else "failed"

    def _begin(self, trainer: object) -> None:
        """Tells the callbacks what is to be trained."""
        info = get("cifar_trainer_get_info", abi.TrainerInfo, trainer)
        hyperparameters = json.loads(info.hyperparameters)
        for item in self._objects:
            item.stop_training = False
            item.params = {
                "epochs": info.epochs, "steps": info.batches,
                "batch_size": hyperparameters["batch_size"],
                "verbose": 0 if self._progress is None else self._progress.verbose,
            }
            item._training = self
            if isinstance(item, Tracker):
                item._began(
                    decode_optional(info.run_id), decode_path(info.registry), hyperparameters)
        if self._progress is not None:
            self._progress.begin(
                decode_optional(info.run_id), decode_path(info.registry), info.parameters,
                hyperparameters)

    def _result(self, trainer: object, status: Optional[str]) -> Run:
        info = get("cifar_trainer_get_info", abi.TrainerInfo, trainer)
        status = status or ("failed" if info.has_diverged else "completed")
        reason = decode(info.end_reason)
        if self._stopper is not None and status == "stopped":
            reason += f" ({self._stopper})"
        result = _final_result(trainer)
        if result is not None and self._progress is not None:
            self._progress.tell(str(result))
        return Run(
            id=decode_optional(info.run_id),
            registry=decode_path(info.registry),
            status=status,
            reason=reason,
            hyperparameters=json.loads(info.hyperparameters),
            epochs=self._epochs,
            model=Model._of(create("model", "cifar_model_from_trainer", trainer)),
            result=result,
        )

    # Called by C ------------------------------------------------------------------------------

    def _callbacks(self) -> abi.TrainerCallbacks:
        """What C is to call: methods of this object where there are any, else those of the
        callback objects that have the same name."""
        callbacks = abi.TrainerCallbacks()
        call("cifar_trainer_callbacks_init", byref(callbacks), sizeof(callbacks))
        for name, kind, *_ in callbacks._fields_:
            if not name.startswith("on_"):
                continue
            answer = getattr(self, "_" + name, None) or self._caller(name, kind)
            if answer is not None:
                setattr(callbacks, name, self._listening.function(kind, answer))
        return callbacks

    def _caller(self, name: str, kind: Any) -> Optional[Callable[[Any], int]]:
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
    def _on_batch_end(self, info: Any) -> int:
        if not self._batch_functions:
            return self._ask(())
        return self._ask(self._batch_functions, batch_of(info.contents))

    def _on_epoch_end(self, info: Any) -> int:
        epoch = epoch_of(info.contents)
        self._epochs.append(epoch)
        self.logged = {}
        return self._ask(self._epoch_functions, recording(epoch, self._record))

    def _on_storage_wait(self, info: Any) -> int:
        wait = storage_wait_of(info.contents)
        if wait.seconds_left is not None and wait.seconds >= 10 and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                "the registry is held by another program: what is not stored waits for it, up to "
                f"{wait.seconds_left:.0f} s", RuntimeWarning, stacklevel=2)
        return self._ask([item.on_storage_wait for item in self._objects], wait)

    def _ask(self, functions: Sequence[Callable[..., object]], *event: object) -> int:
        """0 to continue. Every function is asked, also after one that wants to stop."""
        stops = 0
        for function in functions:
            try:
                function(*event)
            except StopTraining as stop:
                stops = 1
                said = f"{place(function)} raised StopTraining"
                self._stopper = self._stopper or (f"{said}: {stop}" if str(stop) else said)
        for item in self._objects:
            if item.stop_training:
                stops = 1
                self._stopper = self._stopper or f"{type(item).__name__}.stop_training is True"
        return stops

    # Called by callbacks ----------------------------------------------------------------------

    def set_learning_rate(self, rate: float) -> None:
        # Like `_record`: None when another thread asks as training ends.
        trainer = self._trainer
        if trainer is None:
            raise RuntimeError("set_learning_rate works while training only")
        call("cifar_trainer_set_learning_rate", trainer, argument.number(rate, "rate"))

    def model(self) -> Model:
        """The network as it is now."""
        trainer = self._trainer
        if trainer is None:
            raise RuntimeError("model works while training only")
        return Model._of(create("model", "cifar_model_from_trainer", trainer))

    def _record(self, epoch: Epoch, metrics: Dict[str, float]) -> None:
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
        for name in metrics:
            if name in _COLUMNS:
                raise InvalidArgumentError(
                    "CIFAR_E_INVALID_ARGUMENT",
                    f"'{name}' is the name of what every epoch has: log yours under another, such as "
                    f"'my_{name}'")
        names = [argument.required_text(name, "a metric's name") for name in metrics]
        values = [argument.number(value, name) for name, value in metrics.items()]
        call(
            "cifar_trainer_record_metrics", trainer, (c_char_p * count)(*names),
            (c_double * count)(*values), count,
        )
        self.logged.update(zip(metrics, values))


# Those of every epoch, which a table has beside the values that are logged.
_COLUMNS = frozenset(Epoch.__dataclass_fields__)
# What callbacks are told, by what C tells.
_EVENTS: Dict[Any, Callable[[Any], object]] = {
    abi.BatchInfo: batch_of, abi.ValidationInfo: validation_of,
}


def _final_result(trainer: object) -> Optional[FinalResult]:
    info = abi.FinalResult()
    status = library.cifar_trainer_get_result(trainer, byref(info), sizeof(info))
    error = error_of(status) if status else None
    if error is not None:
        if error.status == "CIFAR_E_INVALID_STATE":
            return None
        raise error
    has_more = not math.isnan(info.augmented_accuracy)
    return FinalResult(
        bool(info.is_of_test_images), info.epoch, info.earlier_looks, info.images, info.loss,
        info.accuracy, (info.accuracy_low, info.accuracy_high),
        info.augmented_loss if has_more else None, info.augmented_accuracy if has_more else None,
        bool(info.chose_epoch))


def _has(callback: Callback, method: str) -> bool:
    """Whether the callback has a method of its own: others need not be called for every batch."""
    return getattr(type(callback), method) is not getattr(Callback, method)
