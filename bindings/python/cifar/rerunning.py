"""Training: `rerun` starts a run again."""

from ctypes import byref, sizeof
from typing import Iterable, Optional, Union

from . import _abi as abi
from . import _arguments as argument
from ._callback_checks import list_of
from ._library import call
from ._run import Run
from ._session import command_line, lines, packages
from ._splits import training_and_validation
from ._training import Training
from .dataset import PathLike
from .model import Images
from .training import BatchCallback, EpochCallback, Verbose


def rerun(
    run: Union[str, Run],
    *,
    train: Optional[Images] = None,
    validation: Optional[Images] = None,
    validation_split: Optional[float] = None,
    init: Optional[PathLike] = None,
    name: Optional[str] = None,
    tags: Union[None, str, Iterable[str]] = (),
    group: Optional[str] = None,
    threads: Optional[int] = None,
    registry: Optional[PathLike] = None,
    data: Optional[PathLike] = None,
    keep_last: int = 2,
    keep_every: int = 0,
    busy_timeout: float = 600,
    patch: bool = True,
    verbose: Verbose = "auto",
    callbacks: Optional[Iterable[EpochCallback]] = (),
    on_batch: Optional[BatchCallback] = None,
) -> Run:
    """Starts a run again from its beginning, as a new run.

    The same hyperparameters, model, augmentation, seed and images, and as many threads: with the same
    instruction set and version of the library it comes to the same bits. What is different is told to
    ``set_log`` and in a note of the new run.

    Parameters
    ----------
    run : str or Run
        Its id, the first 4 or more characters of it, or its name; or what ``fit`` returned.
    train, validation : Dataset or (images, labels), optional
        The images it was trained on; None (the default) opens them from their place, or from
        ``data``. A run on arrays, or on parts of data sets, needs them handed over.
    validation_split : float, optional
        As in ``fit``, where that had one with ``train`` handed over.
    init : path, optional
        A run or a safetensors file with the weights that the run began with; None (the default) for
        where it had them from.
    name, tags, group
        Of the new run, as in ``fit``.
    threads : int, optional
        As in ``fit``; None (the default) for as many as the run had.
    registry : path, optional
        As in ``fit``; it gets the new run, too.
    data : path, optional
        As in ``resume``.
    keep_last, keep_every : int
        As in ``fit``.
    busy_timeout : float
        As in ``fit``.
    patch : bool
        As in ``fit``.
    verbose : {"auto", 0, 1, 2}
        As in ``fit``.
    callbacks : iterable of Callback or callable
        As in ``fit``; those that were functions of the program are not stored.
    on_batch : callable, optional
        As in ``fit``.

    Returns
    -------
    Run
        The new run.

    Raises
    ------
    CifarError
        ``CIFAR_E_NOT_FOUND``, also where the images or the weights that it began with are not found;
        ``CIFAR_E_AMBIGUOUS``; ``CIFAR_E_INVALID_STATE`` for other weights; as ``fit``.
    TypeError, ValueError
        For an argument that can't be.
    KeyboardInterrupt
        As ``fit``.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> first = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db", name="first")
    >>> again = cifar.rerun("first", verbose=0, registry="runs.db")
    >>> [epoch.val_loss for epoch in again.epochs] == [epoch.val_loss for epoch in first.epochs]
    True
    """
    training = Training(list_of(callbacks), on_batch, verbose)
    if isinstance(run, Run):
        if run.id is None:
            raise ValueError("run was not recorded: there is nothing to run again")
        registry = run.registry if registry is None else registry
        run = run.id
    images, others = training_and_validation(train, validation, None, validation_split)
    options = abi.RerunOptions()
    call("cifar_rerun_options_init", byref(options), sizeof(options))
    options.threads = argument.optional_whole(threads, "threads", 1024)
    options.name = argument.text(name, "name")
    options.registry = argument.path(registry, "registry")
    options.data_location = argument.path(data, "data")
    options.init_from = argument.path(init, "init")
    options.tags = lines(tags)
    options.group = argument.text(group, "group")
    options.keep_last = argument.whole(keep_last, "keep_last")
    options.keep_every = argument.whole(keep_every, "keep_every")
    options.busy_timeout = argument.number(busy_timeout, "busy_timeout")
    options.command_line = command_line()
    options.packages = packages()
    options.no_patch = 1 - argument.flag(patch, "patch")
    return training.run(
        "cifar_trainer_rerun", argument.required_text(run, "run"),
        None if images is None else images._handle, None if others is None else others._handle,
        byref(options),
    )
