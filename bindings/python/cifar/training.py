"""Training: `fit` starts a run, `resume` continues one."""

from ctypes import byref, sizeof
from typing import Any, Callable, Iterable, Optional, Union, overload

from numpy.typing import ArrayLike

from . import _abi as abi
from . import _arguments as argument
from ._callback_checks import list_of
from ._importing import AnyModel, Weights
from ._library import call
from ._peers import PeerCalls, Peers, tells_peers
from ._run import Run
from ._series import RunGroup, chosen, train_series
from ._session import command_line, lines, packages
from ._splits import training_and_validation
from ._train_options import train_options
from ._training import Training
from ._understanding import refuse_recipe_callbacks, understood
from ._callbacks import Callback
from .dataset import PathLike
from .events import Batch, Epoch
from .loading import Splits
from .model import Images, Model

EpochCallback = Union[Callback, Callable[[Epoch], object]]
BatchCallback = Callable[[Batch], object]
# bool is an int for those who check types, too.
Verbose = Union[str, int]


@overload
def fit(
    train: Union[Images, Splits],
    validation: Optional[Images] = None,
    *,
    validation_data: Optional[Images] = None,
    validation_split: Optional[float] = None,
    sample_weight: Optional[ArrayLike] = None,
    recipe: Optional[str] = None,
    model: AnyModel = None,
    init: Union[None, Model, Run, Weights] = None,
    epochs: Optional[float] = None,
    batch_size: Optional[int] = None,
    learning_rate: Optional[float] = None,
    seed: int = 0,
    seeds: None = None,
    threads: Optional[int] = None,
    name: Optional[str] = None,
    registry: Optional[PathLike] = None,
    record: bool = True,
    keep_last: int = 2,
    keep_every: int = 0,
    busy_timeout: float = 600,
    patch: bool = True,
    tags: Union[None, str, Iterable[str]] = (),
    group: Optional[str] = None,
    tensorboard: Optional[PathLike] = None,
    verbose: Verbose = "auto",
    callbacks: Optional[Iterable[EpochCallback]] = (),
    on_batch: Optional[BatchCallback] = None,
    peers: Optional[Peers] = None,
    **hyperparameters: Any,
) -> Run: ...


@overload
def fit(
    train: Union[Images, Splits],
    validation: Optional[Images] = None,
    *,
    seeds: Iterable[int],
    **arguments: Any,
) -> RunGroup: ...


@tells_peers
def fit(
    train: Union[Images, Splits],
    validation: Optional[Images] = None,
    *,
    validation_data: Optional[Images] = None,
    validation_split: Optional[float] = None,
    sample_weight: Optional[ArrayLike] = None,
    recipe: Optional[str] = None,
    model: AnyModel = None,
    init: Union[None, Model, Run, Weights] = None,
    epochs: Optional[float] = None,
    batch_size: Optional[int] = None,
    learning_rate: Optional[float] = None,
    seed: int = 0,
    seeds: Optional[Iterable[int]] = None,
    threads: Optional[int] = None,
    name: Optional[str] = None,
    registry: Optional[PathLike] = None,
    record: bool = True,
    keep_last: int = 2,
    keep_every: int = 0,
    busy_timeout: float = 600,
    patch: bool = True,
    tags: Union[None, str, Iterable[str]] = (),
    group: Optional[str] = None,
    tensorboard: Optional[PathLike] = None,
    verbose: Verbose = "auto",
    callbacks: Optional[Iterable[EpochCallback]] = (),
    on_batch: Optional[BatchCallback] = None,
    peers: Optional[Peers] = None,
    **hyperparameters: Any,
) -> Union[Run, RunGroup]:
    """Trains the tutorial's network, or another one, and records the run.

    Ctrl-C stops after the batch under way and raises KeyboardInterrupt; the run is then in the
    registry as interrupted, with a checkpoint to ``resume`` from. Likewise whatever else a signal
    handler raises meanwhile. Of several exceptions the first is raised.

    Parameters
    ----------
    train : Dataset, (images, labels), or array_like
        The images to train on, as a data set or as the arrays that ``Dataset.from_arrays`` takes.
        Or both parts that ``load`` returned.
    validation : Dataset, (images, labels), or array_like, optional
        The images to validate on after each epoch, with the same classes. Where ``train`` is an
        array of images alone, their labels: ``fit(images, labels, …)``.
    validation_data : Dataset or (images, labels), optional
        Another name of the images to validate on.
    validation_split : float, optional
        Validate on this share of the training images and train on the others: 0 to below 1. Without
        other images, on the last ones, as Keras does. With others, on a share of each class drawn by
        the seed, and these others are test images that are looked at once, at the end: metrics
        ``test_accuracy`` and ``test_loss``. None (the default) to validate on the others.
    sample_weight : array_like of float, (N,), optional
        What the loss of each training image counts, 0 to 1e6; multiplied with ``class_weight``. The
        images are copied, as ``Dataset.from_arrays`` does, and a resume needs them handed over,
        from ``Dataset.from_arrays`` with the same ``sample_weights``. None (the default) for what
        the data set says.
    recipe : {"pytorch", "keras", "keras-tuned", "airbench93", "airbench94", "airbench94-muon", "resnet9"}, optional
        The tutorial's dialects, the third with the learning rate halved on a plateau, or the record
        recipes; what is None below is as it says. None (the default) is ``"pytorch"``, or with
        an ``init`` that knows it its own.
    model : str, ModelSpec, dict or list, optional
        ``"tutorial"``, ``"tutorial-gap"``, ``"tutorial-resnet"``, ``"airbench93"``, ``"airbench94"``,
        ``"airbench94-muon"``, ``"resnet9"``, or a model of one's own, also as what its JSON says: a dict, or the list of its layers alone; or a ``Sequential`` of PyTorch
        or Keras, whose layers are read, not its weights. None (the default) is ``"tutorial"``, or
        the model of an ``init`` that
        knows it.
    init : Model, Run, path or mapping of str to array, optional
        Weights to begin with: also a safetensors file of another program, or a PyTorch
        ``state_dict()``, as ``Model.from_weights`` takes them. What has the name and the shape of
        one of the model's tensors is taken; the others are drawn, and named to ``set_log`` and in a
        note of the run. Nothing that fits is an error. A model, a file of this library and what
        Keras wrote know how images are to be normalised: so they are, and a ``recipe`` that does it
        otherwise is an error unless ``normalization`` is given. None (the default) draws all.
    epochs : float, optional
        At most, above 0; 1.5 for one and a half. None (the default) for as the recipe says, 100.
    batch_size : int, optional
        1 to 65,536; None (the default) for 64.
    learning_rate : float, optional
        Above 0; None (the default) for 0.001.
    seed : int
        Where all random numbers come from, 0 to 2**64 - 1; the default is 0.
    seeds : iterable of int, optional
        Several of them, ``range(5)`` say: trains with each in its turn, as the runs of ``group``,
        which is needed. The same call again trains what the group lacks, and resumes what was
        interrupted; at the same time in another process it leaves out what that trains. A seed that
        diverges does not end the series: a ``RuntimeWarning`` names every seed whose run is not
        complete. ``name`` gets the seed after it; callbacks serve all runs. None (the default)
        trains once, with ``seed``.
    threads : int, optional
        Those that compute, 1 to 1024, ``default_threads()`` at most; None (the default) for as
        many. Results are the same.
    name : str, optional
        What people call the run; None (the default) for none.
    registry : path, optional
        The SQLite file, made if missing; None (the default) for ``$CIFAR_REGISTRY``, else
        ``./cifar-runs.db``.
    record : bool
        False keeps nothing: there is no registry, and whatever would say how is an error. The
        default is True.
    keep_last : int
        Checkpoints kept besides the best one; 0 keeps all. The default is 2.
    keep_every : int
        Every n-th epoch's checkpoint stays too; 0 (the default) for none of them.
    busy_timeout : float
        Seconds for which the end waits for a registry that others hold, 0 to 1,000,000; the default
        is 600. While training continues everything waits in memory, however long they hold it; at
        the end, the last checkpoint then goes to a file beside the registry. The error names it,
        and ``Registry.import_file`` gives it to the run.
    patch : bool
        Whether the uncommitted changes of the git repository that the working directory is in are
        recorded, up to 1 MiB, for ``cifar-runs show --patch``. The default is True.
    tags : str or iterable of str
        Words to find the run by; a str is one. The default is none.
    group : str, optional
        What the run belongs to, such as the seeds of one configuration: `cifar-runs compare
        --group` gives its mean and deviation. None (the default) for nothing.
    tensorboard : path, optional
        A directory in which event files for TensorBoard are written while training, a directory for
        each run; made if missing, an error where it can't be written. What fails later is a warning
        to ``set_log``. None (the default) for none.
    verbose : {"auto", 0, 1, 2}
        What is shown on standard output: 0 nothing; 1 a bar with the speed and the time that is
        left, which becomes a line when an epoch ends; 2 only these lines. ``"auto"`` (the default)
        is 1 in a terminal and in a notebook, where the bar is below the cell, and 2 elsewhere.
    callbacks : iterable of Callback or callable
        Each is a ``Callback``, or called with an ``Epoch`` after every epoch; what it returns is
        ignored. Those of the recipe, ``EarlyStopping(patience=3)`` and the like, are the
        hyperparameters of their names. ``raise cifar.StopTraining`` stops the training, and
        ``Run.reason`` names who did; whatever else is raised stops it too, and ``fit`` raises it
        again. The default is none.
    on_batch : callable, optional
        Likewise, called with a ``Batch`` after every batch.
    peers : Peers, optional
        Other processes that share every batch, all of which call this at the same time, with the
        same images: data-parallel training. Process 0 keeps the run, and its arguments count; in the
        others ``record`` is False, whatever is said of it. 1, 2, 4 and 8 processes come to the same
        bits. None (the default) for none.
    **hyperparameters
        Anything else that docs/hyperparameters.md and `cifar hyperparameters` name:
        ``optimizer="sgd"``, ``momentum=0.9``, ``weight_decay=5e-4``, ``clip_norm=1`` (of all
        gradients together; ``clipnorm`` of each parameter's, ``clipvalue`` of each number, as in
        Keras), ``freeze=["conv2d.*", "batch_norm.*"]`` (parameters that stay as they are; a
        frozen batch norm takes its running statistics), ``label_smoothing=0.1``, ``class_weight={3: 2.0}`` (what the images of some classes
        count in training, by their places or names; or a number for each; validation counts all
        alike), ``steps_per_epoch=500``, ``ema=0.999`` (an exponential
        moving average of the weights is validated and kept in their place),
        ``precision="mixed_bfloat16"``, ``schedule="cosine"`` or
        ``schedule={"type": "step", "step_size": 10}`` or a function as ``LearningRateScheduler``
        takes it, ``early_stopping={"patience": 3}``,
        ``reduce_lr_on_plateau=False``, ``csv_logger={"filename": "log.csv"}`` (a resume continues
        without one that can't be written, with a warning to ``set_log``), ``terminate_on_nan``,
        ``timer``, ``augment=["cutmix", {"type": "mixup", "alpha": 0.2}]`` to add augmentations
        (those two mix the images of a batch and their labels), ``augmentations=[...]`` to replace.

    Returns
    -------
    Run or RunGroup
        What it came to, with the trained model; with ``seeds`` the runs of the group.

    Raises
    ------
    CifarError
        ``CIFAR_E_INVALID_ARGUMENT``, naming the option and its range; ``CIFAR_E_SHAPE_MISMATCH`` if
        data and model do not go together; ``CIFAR_E_NOT_FINITE`` when the loss is NaN or infinite;
        those of the registry.
    TypeError, ValueError
        For an argument that can't be.
    KeyboardInterrupt
        After Ctrl-C, with a checkpoint of the very batch.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(
    ...     train, test, epochs=2, verbose=0, registry="runs.db", name="first", optimizer="sgd",
    ...     momentum=0.9, learning_rate=0.01, callbacks=[lambda epoch: print("epoch", epoch.epoch)])
    epoch 1
    epoch 2
    >>> run.status
    'completed'
    """
    hyperparameters, listed = understood(hyperparameters, list_of(callbacks))
    calls = None if peers is None else PeerCalls(peers)
    if calls is not None and calls.rank > 0:
        record, name, registry, tags, group, tensorboard = False, None, None, (), None, None
        keep_last, keep_every, busy_timeout = 2, 0, 600
    training = Training(listed, on_batch, verbose, calls)
    if calls is not None and seeds is not None:
        raise ValueError("seeds and peers do not go together: give one seed at a time")
    several = None if seeds is None else chosen(seeds, seed, group, record)
    images, others = training_and_validation(
        train, validation, validation_data, None, sample_weight)
    if validation_split is not None and validation_split != 0:
        if others is None:
            images, others = training_and_validation(
                train, validation, None, validation_split, sample_weight)
        else:
            hyperparameters["validation_split"] = argument.number(
                validation_split, "validation_split")
    if images is None or others is None:
        raise TypeError(
            "fit has no images to validate on: give validation_data=(images, labels), or "
            "validation_split=0.1")
    options = train_options(
        images, hyperparameters, init=init, model=model, recipe=recipe, batch_size=batch_size,
        learning_rate=learning_rate, seed=seed, threads=threads)
    options.epochs = argument.epochs(epochs)
    options.name = argument.text(name, "name")
    options.registry = argument.path(registry, "registry")
    options.record = argument.flag(record, "record")
    if not record:
        _refuse_recording(
            name=name, registry=registry, tags=tags or None, group=group,
            keep_last=None if keep_last == 2 else keep_last, keep_every=keep_every or None,
            busy_timeout=None if busy_timeout == 600 else busy_timeout)
    options.keep_last = argument.whole(keep_last, "keep_last")
    options.keep_every = argument.whole(keep_every, "keep_every")
    options.busy_timeout = argument.number(busy_timeout, "busy_timeout")
    options.tags = lines(
        tags, [tag for item in listed if record and isinstance(item, Callback) for tag in item._tags])
    options.group = argument.text(group, "group")
    options.command_line = command_line()
    options.packages = packages()
    options.no_patch = 1 - argument.flag(patch, "patch")
    options.tensorboard = argument.path(tensorboard, "tensorboard")
    if several is None:
        return training.run(
            "cifar_trainer_create", images._handle, others._handle, byref(options))
    return train_series(
        images, others, options, several,
        create=lambda: Training(listed, on_batch, verbose).run(
            "cifar_trainer_create", images._handle, others._handle, byref(options)),
        resume=lambda run: resume(
            run, train=images, validation=others, threads=threads, registry=registry,
            busy_timeout=busy_timeout, patch=patch, tensorboard=tensorboard, verbose=verbose,
            callbacks=listed, on_batch=on_batch))


@tells_peers
def resume(
    run: Union[str, Run],
    *,
    train: Optional[Images] = None,
    validation: Optional[Images] = None,
    validation_split: Optional[float] = None,
    checkpoint: Union[str, int] = "last",
    epochs: Optional[float] = None,
    threads: Optional[int] = None,
    registry: Optional[PathLike] = None,
    data: Optional[PathLike] = None,
    take_over: bool = False,
    busy_timeout: float = 600,
    patch: bool = True,
    tensorboard: Optional[PathLike] = None,
    verbose: Verbose = "auto",
    callbacks: Optional[Iterable[EpochCallback]] = (),
    on_batch: Optional[BatchCallback] = None,
    peers: Optional[Peers] = None,
) -> Run:
    """Resumes a run, to the same bits as if it had never stopped.

    Parameters
    ----------
    run : str or Run
        Its id, the first 4 or more characters of it, or its name; or what ``fit`` returned.
    train, validation : Dataset or (images, labels), optional
        The images it was trained on; None (the default) opens them from their place, or from
        ``data``. A run on arrays, or on parts of data sets, needs them handed over.
    validation_split : float, optional
        As in ``fit``, where that had one.
    checkpoint : {"last", "best"} or int
        Or a checkpoint's id; the default is ``"last"``.
    epochs : float, optional
        Train up to this many in all, 9.9 for nine and nine tenths of the tenth; None (the default) as
        planned. A run that a callback ended continues where epochs are asked for: the patience of
        early stopping starts over. Where more are asked for than, say, 2.5, the third, which was
        trained in part, is trained again.
    threads : int, optional
        As in ``fit``.
    registry : path, optional
        As in ``fit``.
    data : path, optional
        As ``Dataset.open`` takes it; None (the default) for where the run had its images from.
    take_over : bool
        Also a run that seems to be running, because what trained it can't be asked from here:
        another machine, another container, the same machine a moment after a restart. What still
        trains it can write nothing more. The default is False.
    busy_timeout : float
        As in ``fit``.
    patch : bool
        As in ``fit``.
    tensorboard : path, optional
        As in ``fit``; the run's directory gets another file, which begins with the epochs that the
        registry has. None (the default) for none, also where ``fit`` had one.
    verbose : {"auto", 0, 1, 2}
        As in ``fit``.
    callbacks : iterable of Callback or callable
        As in ``fit``.
    on_batch : callable, optional
        As in ``fit``.
    peers : Peers, optional
        As in ``fit``, also another number of processes than before; all need ``train`` and
        ``validation``. None (the default) for none.

    Returns
    -------
    Run
        What it came to; its ``epochs`` are those of this call.

    Raises
    ------
    CifarError
        ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_AMBIGUOUS``; ``CIFAR_E_BUSY`` while another process trains
        the run; ``CIFAR_E_CHECKSUM_MISMATCH`` for a damaged checkpoint that was named;
        ``CIFAR_E_SHAPE_MISMATCH`` for other images than the run's; as ``fit``.
    TypeError, ValueError
        For an argument that can't be.
    KeyboardInterrupt
        After Ctrl-C, with a checkpoint of the very batch.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db", name="first")
    >>> run = cifar.resume("first", epochs=2, verbose=0, registry="runs.db")
    >>> [epoch.epoch for epoch in run.epochs]
    [2]
    """
    listed = list_of(callbacks)
    refuse_recipe_callbacks(listed)
    calls = None if peers is None else PeerCalls(peers)
    training = Training(listed, on_batch, verbose, calls)
    if calls is not None and (train is None or validation is None):
        raise ValueError("resume with peers needs train and validation, in all processes")
    if calls is not None and calls.rank > 0:
        return _follow(training, train, validation, validation_split, threads)
    if isinstance(run, Run):
        if run.id is None:
            raise ValueError("run was not recorded: there is nothing to resume")
        registry = run.registry if registry is None else registry
        run = run.id
    images, others = training_and_validation(train, validation, None, validation_split)
    options = abi.ResumeOptions()
    call("cifar_resume_options_init", byref(options), sizeof(options))
    options.epochs = argument.epochs(epochs)
    options.threads = argument.optional_whole(threads, "threads", 1024)
    options.checkpoint = argument.checkpoint(checkpoint)
    options.registry = argument.path(registry, "registry")
    options.data_location = argument.path(data, "data")
    options.take_over = argument.flag(take_over, "take_over")
    options.busy_timeout = argument.number(busy_timeout, "busy_timeout")
    options.command_line = command_line()
    options.packages = packages()
    options.no_patch = 1 - argument.flag(patch, "patch")
    options.tensorboard = argument.path(tensorboard, "tensorboard")
    return training.run(
        "cifar_trainer_resume", argument.required_text(run, "run"),
        None if images is None else images._handle, None if others is None else others._handle,
        byref(options),
    )


def _follow(
    training: Training, train: Optional[Images], validation: Optional[Images],
    validation_split: Optional[float], threads: Optional[int],
) -> Run:
    """Trains what process 0 resumes, without keeping anything."""
    images, others = training_and_validation(train, validation, None, validation_split)
    assert images is not None and others is not None
    options = train_options(
        images, {}, init=None, model=None, recipe=None, batch_size=None, learning_rate=None,
        seed=0, threads=threads)
    options.record = 0
    return training.run("cifar_trainer_create", images._handle, others._handle, byref(options))


def _refuse_recording(**arguments: object) -> None:
    """What says how a run is recorded, and is not None."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"{name} is given with record=False, which keeps nothing: leave out one")
