"""All callbacks in one place, as those who come from Keras look for them."""

from typing import TYPE_CHECKING, List, NoReturn

from ._callbacks import Callback, LearningRateScheduler, StopTraining
from ._recipe_callbacks import (
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
    Timer,
)
from ._trackers import MLflow, Trackio, WandB

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "LearningRateScheduler",
    "MLflow",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "StopTraining",
    "TerminateOnNaN",
    "Timer",
    "Trackio",
    "WandB",
]

# Keras's that are no objects here.
ELSEWHERE = {
    "BackupAndRestore": "cifar.resume(run), as every run is in the registry",
    "History": "what fit returns: run.history",
    "LambdaCallback": "any function of (epoch) in fit(callbacks=[…])",
    "ProgbarLogger": "fit(verbose=1)",
    "TensorBoard": "fit(tensorboard=DIR), and `cifar-runs export --format tensorboard -o logs`",
}


def __dir__() -> List[str]:
    return sorted([*__all__, "__doc__"])


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        message = f"module 'cifar.callbacks' has no attribute {name!r}"
        if name in ELSEWHERE:
            message += f"; there is {ELSEWHERE[name]}"
        raise AttributeError(message)
