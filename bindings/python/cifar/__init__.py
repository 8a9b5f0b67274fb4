"""Train convolutional networks on CIFAR-10 on the CPU, and remember every run.

    import cifar

    train, test = cifar.load("shapes")
    run = cifar.fit(train, test, epochs=3, callbacks=[print])
    print(run.model.evaluate(test))
    for row in cifar.Registry().runs():
        print(row["id"], row["best_val_accuracy"])
"""

from . import _abi
from ._library import CifarError, default_threads, instruction_set, set_log, version
from .callbacks import Callback, LearningRateScheduler
from .dataset import Dataset, load
from .events import Batch, Epoch, StorageWait, Validation
from .model import ClassScores, Evaluation, Model
from .model_spec import ModelSpec
from .registry import Registry
from .training import Run, fit, resume

__version__ = ".".join(
    str(part)
    for part in (_abi.CIFAR_VERSION_MAJOR, _abi.CIFAR_VERSION_MINOR, _abi.CIFAR_VERSION_PATCH)
)

__all__ = [
    "Batch",
    "Callback",
    "CifarError",
    "ClassScores",
    "Dataset",
    "Epoch",
    "Evaluation",
    "LearningRateScheduler",
    "Model",
    "ModelSpec",
    "Registry",
    "Run",
    "StorageWait",
    "Validation",
    "default_threads",
    "fit",
    "instruction_set",
    "load",
    "resume",
    "set_log",
    "version",
]

# What those who come from Keras look for, and where it is.
_ELSEWHERE = {
    "CSVLogger": "fit(…, csv_logger={'filename': 'log.csv'})",
    "EarlyStopping": "fit(…, early_stopping={'patience': 3})",
    "ModelCheckpoint": "fit(…, model_checkpoint={'save_best_only': True})",
    "ReduceLROnPlateau": "fit(…, reduce_lr_on_plateau={'patience': 3})",
    "Sequential": "cifar.ModelSpec()",
    "TerminateOnNaN": "fit(…, terminate_on_nan=True)",
    "datasets": "cifar.load()",
    "load_model": "cifar.Model.open(path)",
}


def __getattr__(name):
    message = f"module 'cifar' has no attribute {name!r}"
    if name in _ELSEWHERE:
        message += f"; there is {_ELSEWHERE[name]}"
    raise AttributeError(message)
