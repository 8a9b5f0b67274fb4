"""The structs of cifar.h, field by field."""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)


class DatasetInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("split", c_uint32),
        ("count", c_size_t),
        ("classes", c_uint32),
        ("name", c_char_p),
        ("location", c_char_p),
    ]


class TrainOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epochs", c_uint32),
        ("batch_size", c_uint32),
        ("threads", c_uint32),
        ("learning_rate", c_double),
        ("seed", c_uint64),
        ("recipe", c_char_p),
        ("name", c_char_p),
        ("registry", c_char_p),
        ("record", c_int32),
        ("keep_last", c_uint32),
        ("command_line", c_char_p),
        ("keep_every", c_uint32),
        ("tags", c_char_p),
        ("hyperparameters", c_char_p),
        ("model", c_char_p),
        ("busy_timeout", c_double),
    ]


class ResumeOptions(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epochs", c_uint32),
        ("threads", c_uint32),
        ("checkpoint", c_char_p),
        ("registry", c_char_p),
        ("data_location", c_char_p),
        ("command_line", c_char_p),
        ("take_over", c_int32),
        ("busy_timeout", c_double),
    ]


class BatchInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("epochs", c_uint32),
        ("batch", c_uint32),
        ("batches", c_uint32),
        ("images", c_uint64),
        ("loss", c_double),
        ("accuracy", c_double),
        ("learning_rate", c_double),
        ("seconds", c_double),
    ]


class EpochInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("train_loss", c_double),
        ("train_accuracy", c_double),
        ("val_loss", c_double),
        ("val_accuracy", c_double),
        ("learning_rate", c_double),
        ("seconds", c_double),
        ("images_per_second", c_double),
        ("is_best", c_int32),
    ]


class StorageInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epochs", c_uint32),
        ("seconds", c_double),
        ("seconds_left", c_double),
    ]


class ValidationInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("images", c_uint64),
        ("loss", c_double),
        ("accuracy", c_double),
        ("seconds", c_double),
    ]


class TrainerCallbacks(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("user", c_void_p),
        ("on_train_begin", CFUNCTYPE(c_int, c_void_p)),
        ("on_epoch_begin", CFUNCTYPE(c_int, POINTER(BatchInfo), c_void_p)),
        ("on_batch_begin", CFUNCTYPE(c_int, POINTER(BatchInfo), c_void_p)),
        ("on_batch_end", CFUNCTYPE(c_int, POINTER(BatchInfo), c_void_p)),
        ("on_validation_begin", CFUNCTYPE(c_int, c_void_p)),
        ("on_validation_end", CFUNCTYPE(c_int, POINTER(ValidationInfo), c_void_p)),
        ("on_epoch_end", CFUNCTYPE(c_int, POINTER(EpochInfo), c_void_p)),
        ("on_storage_wait", CFUNCTYPE(c_int, POINTER(StorageInfo), c_void_p)),
        ("on_train_end", CFUNCTYPE(c_int, c_void_p)),
    ]


class TrainerInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("epochs", c_uint32),
        ("batch", c_uint32),
        ("batches", c_uint32),
        ("threads", c_uint32),
        ("step", c_uint64),
        ("parameters", c_uint64),
        ("run_id", c_char_p),
        ("registry", c_char_p),
        ("hyperparameters", c_char_p),
        ("end_reason", c_char_p),
        ("has_diverged", c_int32),
    ]


class ModelInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("classes", c_uint32),
        ("epoch", c_uint32),
        ("parameters", c_uint64),
        ("hyperparameters", c_char_p),
    ]


class ModelSpecInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("layers", c_uint32),
        ("classes", c_uint32),
        ("parameters", c_uint64),
        ("non_trainable", c_uint64),
        ("flops", c_uint64),
    ]


class EvaluationInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("loss", c_double),
        ("accuracy", c_double),
        ("count", c_size_t),
        ("top5_accuracy", c_double),
        ("macro_f1", c_double),
    ]


class RunInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epochs", c_uint32),
        ("epochs_planned", c_uint32),
        ("id", c_char_p),
        ("name", c_char_p),
        ("status", c_char_p),
        ("recipe", c_char_p),
        ("dataset", c_char_p),
        ("started", c_char_p),
        ("duration_s", c_double),
        ("best_val_accuracy", c_double),
        ("best_val_loss", c_double),
        ("last_val_accuracy", c_double),
        ("last_val_loss", c_double),
        ("tags", c_char_p),
        ("parent", c_char_p),
    ]


class RunQuery(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("ascending", c_int32),
        ("filter", c_char_p),
        ("sort", c_char_p),
        ("limit", c_size_t),
        ("trash", c_int32),
    ]


class CheckpointInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("batch", c_uint32),
        ("is_best", c_int32),
        ("id", c_int64),
        ("step", c_uint64),
        ("size", c_uint64),
        ("sha256", c_char_p),
        ("created", c_char_p),
        ("is_pinned", c_int32),
        ("is_superseded", c_int32),
    ]


class MetricInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("name", c_char_p),
        ("value", c_double),
    ]


class NoteInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("created", c_char_p),
        ("text", c_char_p),
    ]
