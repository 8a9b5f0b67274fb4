"""A learning rate for a training."""

import math
from ctypes import byref, sizeof
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _abi as abi
from . import _arguments as argument
from ._handle import Handle
from ._html import paragraph
from ._importing import AnyModel, Weights
from ._library import call, create, decode, get
from ._listening import Listening
from ._run import Run
from ._splits import training_and_validation
from ._train_options import train_options
from ._understanding import understood
from .loading import Splits
from .model import Images, Model


@dataclass(frozen=True)
class RateCurve:
    """What a search for a learning rate came to.

    Attributes
    ----------
    rates : numpy.ndarray of float, (N,)
        The rate of each step.
    losses : numpy.ndarray of float, (N,)
        The loss of its batch.
    smoothed : numpy.ndarray of float, (N,)
        An exponential moving average of the losses.
    suggestion : float or None
        The rate to take; None where the search does not tell.
    steepest : float or None
        Where the smoothed loss falls fastest over the logarithm of the rate.
    minimum : float or None
        Where the smoothed loss is smallest.
    has_diverged : bool
        Whether the loss grew until the search ended.
    reason : str
        Why this suggestion, or none, in a few sentences.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=128, limit_test=32)
    >>> curve = cifar.lr_find(train, steps=30)
    >>> float(curve.rates[0]), len(curve.rates) == len(curve.smoothed)
    (1e-07, True)
    """

    rates: NDArray[np.float64] = field(repr=False)
    losses: NDArray[np.float64] = field(repr=False)
    smoothed: NDArray[np.float64] = field(repr=False)
    suggestion: Optional[float]
    steepest: Optional[float]
    minimum: Optional[float]
    has_diverged: bool
    reason: str

    def plot(self) -> Any:
        """Draws the losses over the rates. Needs matplotlib.

        Returns
        -------
        matplotlib.axes.Axes
            ``axes.figure`` is the figure.

        Raises
        ------
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> import matplotlib
        >>> matplotlib.use("agg")
        >>> curve.plot().figure.savefig("rates.png")
        """
        from ._plot import rate_curve

        return rate_curve(self)

    def _repr_html_(self) -> str:
        return paragraph(self.reason)


def lr_find(
    train: Union[Images, Splits],
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    sample_weight: Optional[ArrayLike] = None,
    recipe: Optional[str] = None,
    model: AnyModel = None,
    init: Union[None, Model, Run, Weights] = None,
    batch_size: Optional[int] = None,
    learning_rate: Optional[float] = None,
    seed: int = 0,
    threads: Optional[int] = None,
    **hyperparameters: Any,
) -> RateCurve:
    """Looks for a learning rate, by a short training with all of them.

    The rate grows by the same factor from step to step (Smith 2015). The search ends early where the
    smoothed loss is four times its smallest, or is no number. Nothing is recorded.

    Parameters
    ----------
    train : Dataset, (images, labels), or array_like
        The images to train on, as ``fit`` takes them.
    start, end : float
        The rates of the first and the last step; the defaults are 1e-7 and 10.
    steps : int
        10 to 10,000; the default is 100.
    sample_weight : array_like of float, (N,), optional
        As in ``fit``.
    recipe, model, init, batch_size, learning_rate, seed, threads
        As in ``fit``: those of the training that needs the rate. Groups of parameters with rates of
        their own keep their share of ``learning_rate``.
    **hyperparameters
        As in ``fit``. Schedule, callbacks, averages of weights, test-time augmentation and the number of
        epochs have no part in it; with ``validation_split`` only the images that are left to train on
        have.

    Returns
    -------
    RateCurve
        Rates and losses, and which rate is suggested and why.

    Raises
    ------
    CifarError
        ``CIFAR_E_INVALID_ARGUMENT``, naming the option and its range; ``CIFAR_E_NOT_FINITE`` where
        the first loss is no number; as ``fit``.
    TypeError, ValueError
        For an argument that can't be.
    KeyboardInterrupt
        After Ctrl-C.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=128, limit_test=32)
    >>> curve = cifar.lr_find(train, optimizer="sgd", momentum=0.9, steps=40)
    >>> curve.suggestion is None or 1e-7 < curve.suggestion < 10
    True
    """
    hyperparameters, _ = understood(hyperparameters, [])
    images, _ = training_and_validation(train, None, None, None, sample_weight)
    if images is None:
        raise TypeError("lr_find has no images to train on")
    options = train_options(
        images, hyperparameters, init=init, model=model, recipe=recipe, batch_size=batch_size,
        learning_rate=learning_rate, seed=seed, threads=threads)
    find = abi.LrFindOptions()
    call("cifar_lr_find_options_init", byref(find), sizeof(find))
    find.steps = argument.whole(steps, "steps")
    find.start = argument.number(start, "start")
    find.end = argument.number(end, "end")
    # Signal handlers are called between bytecodes of Python only: without a function of Python's
    # Ctrl-C would wait for the end.
    listening = Listening()
    kind = dict(find._fields_)["on_step"]
    find.on_step = listening.function(kind, lambda point: 0)
    handle: Optional[Handle] = None
    try:
        try:
            handle = listening.run(
                create, "lr_curve", "cifar_lr_find", images._handle, byref(options), byref(find))
        finally:
            listening.close()
    except BaseException as error:
        listening.raised.append(error)
    first = listening.take()
    try:
        if first is not None:
            raise first
    finally:
        del first
    assert handle is not None  # or there was an error
    return _curve(handle)


def _curve(handle: Handle) -> RateCurve:
    info = get("cifar_lr_curve_get_info", abi.LrInfo, handle)
    points = [
        get("cifar_lr_curve_get_point", abi.LrPoint, handle, index) for index in range(info.count)]
    return RateCurve(
        np.array([point.learning_rate for point in points]),
        np.array([point.loss for point in points]),
        np.array([point.smoothed_loss for point in points]),
        *(_number(value) for value in (info.suggestion, info.steepest, info.minimum)),
        bool(info.has_diverged), decode(info.reason))


def _number(value: float) -> Optional[float]:
    return None if math.isnan(value) else value
