"""The recipe's callbacks as objects, for those who come from Keras: each is what the hyperparameter
of its name says."""

import os
from typing import Any, Dict, Optional, Union

from ._arguments import required_path, whole
from ._callbacks import Callback
from .events import Epoch

PathLike = Union[str, os.PathLike[str]]


class RecipeCallback(Callback):
    """What becomes a hyperparameter of the training."""

    _name = ""
    _options: Dict[str, Any] = {}

    def _set(self, **options: Any) -> None:
        """Those that are None are as the recipe has them."""
        self._options = {name: value for name, value in options.items() if value is not None}

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
        return f"{type(self).__name__}({said})"


class EarlyStopping(RecipeCallback):
    """Ends the training when a metric gets no better; ``fit(early_stopping={…})`` is the same.

    What is None (the default) is as the recipe has it: ``cifar hyperparameters early_stopping``.

    Parameters
    ----------
    monitor : {"val_loss", "val_accuracy", "loss", "accuracy"}, optional
        The metric that is watched.
    min_delta : float, optional
        How much better a value must be to count.
    patience : int, optional
        Epochs without improvement after which training ends.
    mode : {"auto", "min", "max"}, optional
        What is better; "auto" takes lower losses and higher accuracies.
    baseline : float, optional
        Has to be beaten: until it is, improvements do not make patience start over.
    restore_best_weights : bool, optional
        Put back the best weights when training ends.
    start_from_epoch : int, optional
        Epochs at the start that do not count.
    verbose : {0, 1, 2}
        As Keras has it; what is shown is said by ``fit(verbose=…)``. The default is 0.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(
    ...     train, test, epochs=9, verbose=0, record=False,
    ...     callbacks=[cifar.EarlyStopping(patience=2, baseline=0.0)])
    >>> len(run.epochs)
    2
    """

    _name = "early_stopping"

    def __init__(
        self, monitor: Optional[str] = None, min_delta: Optional[float] = None,
        patience: Optional[int] = None, *, mode: Optional[str] = None,
        baseline: Optional[float] = None, restore_best_weights: Optional[bool] = None,
        start_from_epoch: Optional[int] = None, verbose: int = 0,
    ) -> None:
        whole(verbose, "verbose", 0, 2)
        self._set(
            monitor=monitor, min_delta=min_delta, patience=patience, mode=mode, baseline=baseline,
            restore_best_weights=restore_best_weights, start_from_epoch=start_from_epoch)


class ModelCheckpoint(RecipeCallback):
    """Says which checkpoint is the best, and may write it to a file.

    The registry keeps the checkpoints of a run anyway: ``Model.from_run`` and ``resume`` take them
    from there. ``fit(model_checkpoint={…})`` is the same without a file. What is None (the default)
    is as the recipe has it: ``cifar hyperparameters model_checkpoint``.

    Parameters
    ----------
    filepath : path, optional
        Where ``Model.save`` writes the model after each epoch that is the best so far, or after
        every epoch with ``save_best_only=False``; it may have the epoch's values in it, as in
        ``"{epoch:02d}-{val_loss:.2f}.safetensors"``. None (the default) for no file.
    monitor : {"val_loss", "val_accuracy", "loss", "accuracy"}, optional
        The metric that is watched.
    save_best_only : bool, optional
        False: the last checkpoint is the best one.
    mode : {"auto", "min", "max"}, optional
        What is better; "auto" takes lower losses and higher accuracies.
    save_freq : "epoch" or int, optional
        A number for a checkpoint every so many batches, too.
    initial_value_threshold : float, optional
        What the first best value has to be better than.
    verbose : {0, 1, 2}
        As Keras has it; what is shown is said by ``fit(verbose=…)``. The default is 0.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> best = cifar.ModelCheckpoint("best.safetensors", monitor="val_accuracy")
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, record=False, callbacks=[best])
    >>> cifar.Model.open("best.safetensors").epoch
    1
    """

    _name = "model_checkpoint"

    def __init__(
        self, filepath: Optional[PathLike] = None, monitor: Optional[str] = None, *,
        save_best_only: Optional[bool] = None, mode: Optional[str] = None,
        save_freq: Union[None, str, int] = None, initial_value_threshold: Optional[float] = None,
        verbose: int = 0,
    ) -> None:
        whole(verbose, "verbose", 0, 2)
        if filepath is not None:
            required_path(filepath, "filepath")
        self._filepath = None if filepath is None else os.fsdecode(filepath)
        self._set(
            monitor=monitor, save_best_only=save_best_only, mode=mode, save_freq=save_freq,
            initial_value_threshold=initial_value_threshold)

    def on_epoch_end(self, epoch: Epoch, /) -> None:
        """Writes the file.

        Parameters
        ----------
        epoch : Epoch
            Whose values the name may have.
        """
        if self._filepath is not None and epoch.is_best:
            self.model.save(self._filepath.format(**vars(epoch)))


class ReduceLROnPlateau(RecipeCallback):
    """Lowers the learning rate when a metric gets no better.

    ``fit(reduce_lr_on_plateau={…})`` is the same. What is None (the default) is as the recipe has
    it, in the dialect of Keras or of PyTorch: ``cifar hyperparameters reduce_lr_on_plateau``.

    Parameters
    ----------
    monitor : {"val_loss", "val_accuracy", "loss", "accuracy"}, optional
        The metric that is watched.
    factor : float, optional
        Of the learning rate, between 0 and 1.
    patience : int, optional
        Epochs without improvement that are let pass.
    mode : {"auto", "min", "max"}, optional
        What is better; "auto" takes lower losses and higher accuracies.
    min_delta : float, optional
        How much better a value must be to count; of Keras.
    cooldown : int, optional
        Epochs after a reduction that are not counted.
    min_lr : float, optional
        The least learning rate.
    threshold : float, optional
        How much better a value must be to count; of PyTorch.
    threshold_mode : {"rel", "abs"}, optional
        Whether the threshold is a share of the best value or an amount; of PyTorch.
    epsilon : float, optional
        The smallest change that is made; of PyTorch, which calls it eps.
    verbose : {0, 1, 2}
        As Keras has it; what is shown is said by ``fit(verbose=…)``. The default is 0.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(
    ...     train, test, epochs=1, verbose=0, record=False,
    ...     callbacks=[cifar.ReduceLROnPlateau(factor=0.2, patience=3)])
    >>> run.hyperparameters["callbacks"][0]["factor"]
    0.2
    """

    _name = "reduce_lr_on_plateau"

    def __init__(
        self, monitor: Optional[str] = None, factor: Optional[float] = None,
        patience: Optional[int] = None, *, mode: Optional[str] = None,
        min_delta: Optional[float] = None, cooldown: Optional[int] = None,
        min_lr: Optional[float] = None, threshold: Optional[float] = None,
        threshold_mode: Optional[str] = None, epsilon: Optional[float] = None,
        verbose: int = 0,
    ) -> None:
        whole(verbose, "verbose", 0, 2)
        self._set(
            monitor=monitor, factor=factor, patience=patience, mode=mode, min_delta=min_delta,
            cooldown=cooldown, min_lr=min_lr, threshold=threshold, threshold_mode=threshold_mode,
            epsilon=epsilon)


class CSVLogger(RecipeCallback):
    """Writes a line an epoch into a text file; ``fit(csv_logger={…})`` is the same.

    Parameters
    ----------
    filename : path
        The file.
    separator : str, optional
        One character between two values; None (the default) for a comma.
    append : bool, optional
        Keep what the file has; None (the default) starts it over with a new run.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(
    ...     train, test, epochs=2, verbose=0, record=False, callbacks=[cifar.CSVLogger("log.csv")])
    >>> sum(1 for line in open("log.csv"))
    3
    """

    _name = "csv_logger"

    def __init__(
        self, filename: PathLike, separator: Optional[str] = None, append: Optional[bool] = None
    ) -> None:
        required_path(filename, "filename")
        self._set(filename=os.fsdecode(filename), separator=separator, append=append)


class TerminateOnNaN(RecipeCallback):
    """Ends the training, instead of failing, when a loss is NaN or infinite.

    ``fit(terminate_on_nan=True)`` is the same.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(
    ...     train, test, epochs=2, verbose=0, record=False, recipe="keras", learning_rate=1e30,
    ...     callbacks=[cifar.TerminateOnNaN()])
    >>> run.status
    'failed'
    """

    _name = "terminate_on_nan"


class Timer(RecipeCallback):
    """Ends the training after a time, with a checkpoint to resume from.

    ``fit(timer={"seconds": …})`` is the same.

    Parameters
    ----------
    seconds : float
        Above 0.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(
    ...     train, test, epochs=9, verbose=0, record=False, callbacks=[cifar.Timer(1e-6)])
    >>> run.status
    'stopped'
    """

    _name = "timer"

    def __init__(self, seconds: float) -> None:
        self._set(seconds=seconds)
