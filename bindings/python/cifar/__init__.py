"""Train convolutional networks on CIFAR-10 on the CPU, and remember every run.

    import cifar

    train, test = cifar.load("shapes")
    run = cifar.fit(train, test, epochs=3, callbacks=[print])
    print(run.model.evaluate(test))
    for row in cifar.Registry().runs():
        print(row["id"], row["best_val_accuracy"])
"""

from ._library import CifarError, default_threads, instruction_set, set_log, version
from .callbacks import Callback, LearningRateScheduler
from .dataset import Dataset, load
from .model import ClassScores, Evaluation, Model
from .model_spec import ModelSpec
from .registry import Registry
from .training import Batch, Epoch, Run, fit, resume

__version__ = "0.1.0"

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
    "default_threads",
    "fit",
    "instruction_set",
    "load",
    "resume",
    "set_log",
    "version",
]
