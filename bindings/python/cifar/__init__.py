"""Train convolutional networks on CIFAR-10 on the CPU, and remember every run.

Every name here has a docstring whose examples work as they stand, in this order: those of a
class's methods continue those of the class.

Examples
--------
>>> import cifar
>>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
>>> run = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db", name="first")
>>> run.model.evaluate(test).count
32
>>> for row in cifar.Registry("runs.db").runs():
...     print(row["name"], row["status"])
first completed
"""

from typing import List as _List
from typing import NoReturn as _NoReturn

from . import _abi, errors
from ._evaluation import AugmentedEvaluation, ClassScores, Evaluation, FinalResult
from ._library import default_threads, instruction_set, version
from ._log import set_log
from ._recipe_callbacks import (
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
    Timer,
)
from ._peers import Peers
from ._run import Run
from ._series import RunGroup
from .callbacks import ELSEWHERE as _CALLBACKS
from .callbacks import Callback, LearningRateScheduler, StopTraining
from .dataset import Dataset
from .errors import CifarError
from .events import Batch, Epoch, StorageWait, Validation
from .loading import Splits, load
from .model import Model
from .model_spec import ModelSpec
from .rates import RateCurve, lr_find
from .registry import Registry
from .rerunning import rerun
from .rows import CheckpointRow, EpochRow, MetricRow, NoteRow, RunDetails, RunRow, SessionRow
from .training import fit, resume

__version__ = ".".join(
    str(part)
    for part in (_abi.CIFAR_VERSION_MAJOR, _abi.CIFAR_VERSION_MINOR, _abi.CIFAR_VERSION_PATCH)
)

__all__ = [
    "AugmentedEvaluation",
    "Batch",
    "CSVLogger",
    "Callback",
    "CheckpointRow",
    "CifarError",
    "ClassScores",
    "Dataset",
    "EarlyStopping",
    "Epoch",
    "EpochRow",
    "Evaluation",
    "FinalResult",
    "LearningRateScheduler",
    "MetricRow",
    "Model",
    "ModelCheckpoint",
    "ModelSpec",
    "NoteRow",
    "Peers",
    "RateCurve",
    "ReduceLROnPlateau",
    "Registry",
    "Run",
    "RunDetails",
    "RunGroup",
    "RunRow",
    "SessionRow",
    "Splits",
    "StopTraining",
    "StorageWait",
    "TerminateOnNaN",
    "Timer",
    "Validation",
    "default_threads",
    "errors",
    "fit",
    "instruction_set",
    "load",
    "lr_find",
    "rerun",
    "resume",
    "set_log",
    "version",
]

# What those who come from Keras or PyTorch look for, and where it is.
_ELSEWHERE = {
    **_CALLBACKS,
    **dict.fromkeys(
        ["Adam", "AdamW", "SGD", "optim", "optimizers"],
        "cifar.fit(…, optimizer='adam', learning_rate=0.001)"),
    **dict.fromkeys(
        ["Input", "models", "nn"], "cifar.ModelSpec(), whose methods add layers"),
    **dict.fromkeys(
        ["DataLoader", "ImageDataGenerator", "transforms"],
        "cifar.fit(…, batch_size=64, augment=[…]), which shuffles and augments"),
    "Conv2D": "cifar.ModelSpec().conv2d(32, (3, 3), activation='relu')",
    "Sequential": "cifar.ModelSpec(), whose methods add layers",
    "datasets": "train, test = cifar.load('cifar10', download=True)",
    "layers": "cifar.ModelSpec(), whose methods add layers",
    "load_model": "cifar.Model.open(path)",
    "to_categorical": "no need of it: labels are taken as they are, and one-hot",
    "utils": "no need of it: labels are taken as they are, and one-hot",
}


def __dir__() -> _List[str]:
    return sorted([*__all__, "callbacks", "__doc__", "__version__"])


def __getattr__(name: str) -> _NoReturn:
    message = f"module 'cifar' has no attribute {name!r}"
    if name in _ELSEWHERE:
        message += f"; there is {_ELSEWHERE[name]}"
    raise AttributeError(message)
