"""Finds libcifar.so, declares its functions and turns its statuses into exceptions."""

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_float, c_int, c_int32
from ctypes import c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path

from . import _structs as structs
from ._handle import Handle, freeing

LOG_CALLBACK = CFUNCTYPE(None, c_uint32, c_char_p, c_void_p)
PROBLEM_CALLBACK = CFUNCTYPE(c_int, c_char_p, c_void_p)

_out = POINTER(c_void_p)
_text = POINTER(c_char_p)
_pixels = POINTER(c_uint8)

# Every function that returns a cifar_status, as cifar.h declares it.
_FUNCTIONS = {
    "cifar_set_log": [LOG_CALLBACK, c_void_p],
    "cifar_dataset_open": [c_char_p, c_uint32, c_size_t, _out],
    "cifar_dataset_from_memory": [
        _pixels, POINTER(c_int32), c_size_t, c_uint32, _text, c_uint32, _out,
    ],
    "cifar_dataset_get_info": [c_void_p, POINTER(structs.DatasetInfo), c_size_t],
    "cifar_dataset_get_class_name": [c_void_p, c_uint32, _text],
    "cifar_dataset_read": [c_void_p, c_size_t, c_size_t, _pixels, POINTER(c_int32)],
    "cifar_train_options_init": [POINTER(structs.TrainOptions), c_size_t],
    "cifar_trainer_create": [c_void_p, c_void_p, POINTER(structs.TrainOptions), _out],
    "cifar_resume_options_init": [POINTER(structs.ResumeOptions), c_size_t],
    "cifar_trainer_resume": [
        c_char_p, c_void_p, c_void_p, POINTER(structs.ResumeOptions), _out,
    ],
    "cifar_trainer_callbacks_init": [POINTER(structs.TrainerCallbacks), c_size_t],
    "cifar_trainer_set_callbacks": [c_void_p, POINTER(structs.TrainerCallbacks)],
    "cifar_trainer_set_learning_rate": [c_void_p, c_double],
    "cifar_trainer_run": [c_void_p],
    "cifar_trainer_interrupt": [c_void_p],
    "cifar_trainer_record_metric": [c_void_p, c_char_p, c_double],
    "cifar_trainer_record_metrics": [c_void_p, _text, POINTER(c_double), c_size_t],
    "cifar_trainer_get_info": [c_void_p, POINTER(structs.TrainerInfo), c_size_t],
    "cifar_model_open": [c_char_p, c_uint32, _out],
    "cifar_model_from_run": [c_char_p, c_char_p, c_char_p, c_uint32, _out],
    "cifar_model_from_trainer": [c_void_p, _out],
    "cifar_model_get_info": [c_void_p, POINTER(structs.ModelInfo), c_size_t],
    "cifar_model_get_class_name": [c_void_p, c_uint32, _text],
    "cifar_model_get_summary": [c_void_p, _text],
    "cifar_model_evaluate": [c_void_p, c_void_p, POINTER(structs.EvaluationInfo), c_size_t],
    "cifar_model_evaluate_classes": [
        c_void_p, c_void_p, c_int32, POINTER(structs.EvaluationInfo), c_size_t,
        POINTER(c_uint64), POINTER(c_double),
    ],
    "cifar_model_predict": [c_void_p, _pixels, c_size_t, POINTER(c_float)],
    "cifar_model_save": [c_void_p, c_char_p],
    "cifar_model_spec_create": [_out],
    "cifar_model_spec_from_json": [c_char_p, _out],
    "cifar_model_spec_preset": [c_char_p, c_char_p, c_uint32, _out],
    "cifar_model_spec_resolve": [c_void_p, c_char_p, _out],
    "cifar_model_spec_branch": [c_void_p, _out],
    "cifar_model_spec_conv2d": [c_void_p, c_uint32, c_uint32, c_uint32, c_uint32],
    "cifar_model_spec_batch_norm": [c_void_p, c_double, c_double, c_int32],
    "cifar_model_spec_relu": [c_void_p],
    "cifar_model_spec_gelu": [c_void_p],
    "cifar_model_spec_max_pool": [c_void_p],
    "cifar_model_spec_avg_pool": [c_void_p],
    "cifar_model_spec_global_average_pool": [c_void_p],
    "cifar_model_spec_dropout": [c_void_p, c_double],
    "cifar_model_spec_flatten": [c_void_p],
    "cifar_model_spec_dense": [c_void_p, c_uint32],
    "cifar_model_spec_residual": [c_void_p, c_void_p, c_void_p],
    "cifar_model_spec_get_json": [c_void_p, _text],
    "cifar_model_spec_get_summary": [c_void_p, _text],
    "cifar_model_spec_get_info": [c_void_p, POINTER(structs.ModelSpecInfo), c_size_t],
    "cifar_registry_open": [c_char_p, _out],
    "cifar_registry_list": [c_void_p, c_size_t, _out],
    "cifar_run_query_init": [POINTER(structs.RunQuery), c_size_t],
    "cifar_registry_query": [c_void_p, POINTER(structs.RunQuery), _out],
    "cifar_run_list_count": [c_void_p, POINTER(c_size_t)],
    "cifar_run_list_get": [c_void_p, c_size_t, POINTER(structs.RunInfo), c_size_t],
    "cifar_registry_find": [c_void_p, c_char_p, _out],
    "cifar_run_get_info": [c_void_p, POINTER(structs.RunInfo), c_size_t],
    "cifar_run_get_hyperparameters": [c_void_p, _text],
    "cifar_run_epoch_count": [c_void_p, POINTER(c_size_t)],
    "cifar_run_get_epoch": [c_void_p, c_size_t, POINTER(structs.EpochInfo), c_size_t],
    "cifar_run_checkpoint_count": [c_void_p, POINTER(c_size_t)],
    "cifar_run_get_checkpoint": [
        c_void_p, c_size_t, POINTER(structs.CheckpointInfo), c_size_t,
    ],
    "cifar_run_metric_count": [c_void_p, POINTER(c_size_t)],
    "cifar_run_get_metric": [c_void_p, c_size_t, POINTER(structs.MetricInfo), c_size_t],
    "cifar_run_note_count": [c_void_p, POINTER(c_size_t)],
    "cifar_run_get_note": [c_void_p, c_size_t, POINTER(structs.NoteInfo), c_size_t],
    "cifar_registry_tag": [c_void_p, c_char_p, c_char_p],
    "cifar_registry_untag": [c_void_p, c_char_p, c_char_p],
    "cifar_registry_note": [c_void_p, c_char_p, c_char_p],
    "cifar_registry_rename": [c_void_p, c_char_p, c_char_p],
    "cifar_registry_pin": [c_void_p, c_int64, c_int32],
    "cifar_registry_fork": [c_void_p, c_char_p, c_char_p, c_char_p, c_char_p],
    "cifar_registry_import": [c_void_p, c_char_p, c_char_p, c_char_p],
    "cifar_registry_remove": [c_void_p, c_char_p, c_int32],
    "cifar_registry_restore": [c_void_p, c_char_p],
    "cifar_registry_collect": [c_void_p, POINTER(c_uint64)],
    "cifar_registry_backup": [c_void_p, c_char_p],
    "cifar_registry_verify": [c_void_p, c_char_p, PROBLEM_CALLBACK, c_void_p],
    "cifar_registry_export": [c_void_p, c_int64, c_char_p],
}
_FREES = [
    "cifar_dataset_free",
    "cifar_trainer_free",
    "cifar_model_free",
    "cifar_model_spec_free",
    "cifar_registry_free",
    "cifar_run_list_free",
    "cifar_run_free",
]


class CifarError(Exception):
    """What the library refused or could not do.

    ``status`` is the code's name in cifar.h, such as ``"CIFAR_E_NOT_FOUND"``.
    """

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = status

    def __reduce__(self):
        # By default an exception is made again of its message alone.
        return type(self), (self.status, *self.args), self.__dict__


def _candidates():
    """Where the library may be: where $CIFAR_LIBRARY says, beside this file, in the build tree,
    where the system looks."""
    named = os.environ.get("CIFAR_LIBRARY")
    if named:
        return [named]
    here = Path(__file__).resolve()
    places = [here.parent / "libcifar.so"]
    if len(here.parents) > 3:
        places.append(here.parents[3] / "build" / "lib" / "libcifar.so")
    return [str(place) for place in places if place.exists()] + ["libcifar.so.0"]


def _load():
    failures = []
    for candidate in _candidates():
        try:
            return ctypes.CDLL(candidate)
        except OSError as error:
            failures.append(str(error))
    raise ImportError(
        "libcifar.so was not found: build it with `make build`, or name it in $CIFAR_LIBRARY "
        f"({'; '.join(failures)})"
    )


def _declare(library):
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = c_int
    for name in _FREES:
        function = getattr(library, name)
        function.argtypes = [c_void_p]
        function.restype = None
    for name in ["cifar_version", "cifar_instruction_set", "cifar_last_error"]:
        getattr(library, name).restype = c_char_p
    library.cifar_status_name.argtypes = [c_int]
    library.cifar_status_name.restype = c_char_p
    library.cifar_default_threads.restype = c_uint32
    return library


library = _declare(_load())
# By the kind of object.
_free = {name[len("cifar_"):-len("_free")]: freeing(library, name) for name in _FREES}


def error_of(status: int) -> CifarError:
    """The exception for a status that is not CIFAR_OK, right after the call that returned it."""
    name = library.cifar_status_name(status).decode()
    return CifarError(name, library.cifar_last_error().decode(errors="replace"))


def call(name: str, *arguments) -> None:
    """Calls a function that returns a cifar_status; raises what it failed with."""
    status = getattr(library, name)(*arguments)
    if status != 0:
        raise error_of(status)


def new_handle(kind: str) -> Handle:
    """An empty handle, for C to fill."""
    return Handle(_free[kind])


def create(kind: str, name: str, *arguments) -> Handle:
    """Calls a function whose last parameter is `out`, and returns what came out.

    kind: whose it is to be freed: ``"dataset"`` by cifar_dataset_free.
    """
    handle = new_handle(kind)
    try:
        call(name, *arguments, byref(handle.pointer))
        return handle
    except BaseException:
        # Interactive sessions keep the last traceback: it must not keep the object.
        del handle
        raise


def get(name: str, info_type, *arguments):
    """Calls a function that fills a struct, and returns the struct."""
    info = info_type()
    call(name, *arguments, byref(info), ctypes.sizeof(info))
    return info


def get_text(name: str, *arguments) -> str:
    """Calls a function that hands out a string, and returns a copy."""
    text = c_char_p()
    call(name, *arguments, byref(text))
    return text.value.decode()


def decode(text):
    return None if text is None else text.decode()


def decode_path(path):
    """A path as Python has it, which open() takes in every locale."""
    return None if path is None else os.fsdecode(path)


def version() -> str:
    """The library's version, such as ``"0.1.0"``."""
    return library.cifar_version().decode()


def instruction_set() -> str:
    """``"avx512"``, ``"avx2"`` or ``"baseline"``; ``$CIFAR_ISA`` overrides the choice."""
    return library.cifar_instruction_set().decode()


def default_threads() -> int:
    """The threads that compute where nobody says how many, and the most that do: the processors that
    there are to use, or the control group's quota."""
    return library.cifar_default_threads()


_log_function = None


@LOG_CALLBACK
def _log(level, line, _):
    function = _log_function
    if function is not None:
        function(level, line.decode(errors="replace"))


def set_log(function) -> None:
    """Sends the library's log lines to ``function(level, line)``; None drops them.

    ``level`` is 10 (debug), 20 (info), 30 (warning) or 40 (error), as in ``logging``. Called from
    any thread; what it raises goes to ``sys.unraisablehook``.
    """
    global _log_function
    if function is not None and not callable(function):
        raise TypeError(f"function is a {type(function).__name__}, which can't be called")
    # C has the same callback always, one that is never gone: threads that set functions at once
    # need no lock, which a function that sets another one would wait for in vain. C is called each
    # time because it waits until nobody is inside the function before.
    _log_function = function
    call("cifar_set_log", LOG_CALLBACK() if function is None else _log, None)
