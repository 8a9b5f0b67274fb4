"""The same training from several seeds."""

import math
import statistics
import warnings
from ctypes import byref
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Callable, Iterable, List, Optional

from . import _abi as abi
from . import _arguments as argument
from ._html import paragraph, table
from ._library import decode, get
from .dataset import Dataset
from .errors import CifarError
from .registry import Registry
from .rows import RunDetails

# More of them are a mistake; `cifar train --seeds` says the same.
MOST_SEEDS = 1000


@dataclass(frozen=True)
class RunGroup:
    """The same training from several seeds: what ``fit(seeds=…)`` returns.

    Attributes
    ----------
    name : str
        Of the group.
    registry : str or None
        The SQLite file that keeps it; None for the usual one.
    runs : list of RunDetails
        One of each seed, in their order, as ``Registry.run`` returns them.
    accuracies : list of float
        Of each run the accuracy on the test images, if it was validated on a part of the training
        images; else that of the final weights on the images validated on, if they were measured at the
        end (``tta``); else the best validation accuracy. NaN of one that failed, or that another
        process trains.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> group = cifar.fit(
    ...     train, test, seeds=range(2), group="seeds", epochs=1, verbose=0, registry="runs.db")
    >>> [run["hyperparameters"]["seed"] for run in group.runs]
    [0, 1]
    """

    name: str
    registry: Optional[str]
    runs: List[RunDetails] = field(repr=False)
    accuracies: List[float]

    @property
    def mean(self) -> float:
        """The mean of the accuracies.

        Returns
        -------
        float
            0 to 1.

        Examples
        --------
        >>> group.mean == sum(group.accuracies) / 2
        True
        """
        return statistics.fmean(self.accuracies)

    @property
    def deviation(self) -> float:
        """Their standard deviation, with n − 1.

        Returns
        -------
        float
            NaN for a single run, and where one is not completed.

        Examples
        --------
        >>> group.deviation >= 0
        True
        """
        if len(self.accuracies) < 2 or any(map(math.isnan, self.accuracies)):
            return math.nan
        return statistics.stdev(self.accuracies)

    def _repr_html_(self) -> str:
        rows = [
            [run["id"][:8], str(run["hyperparameters"]["seed"]), run["status"], f"{accuracy:.2%}"]
            for run, accuracy in zip(self.runs, self.accuracies)]
        return paragraph(
            f"Group {self.name}: {self.mean:.2%} ± {self.deviation:.2%}"
        ) + table(["run", "seed", "status", "accuracy"], rows)


def chosen(seeds: Iterable[int], seed: int, group: Optional[str], record: bool) -> List[int]:
    """The seeds, each once."""
    if isinstance(seeds, int):
        raise TypeError(f"seeds is a number: give range({seeds}) for 0 to {seeds - 1}, or a list")
    if group is None or not record:
        raise ValueError("seeds makes a group of recorded runs: give it a name, group='…'")
    if seed != 0:
        raise ValueError("seed and seeds are given: leave out one")
    # One more than there may be: a range has as many as you like.
    values = [
        argument.whole(value, "seeds", 0, 2**64 - 1) for value in islice(seeds, MOST_SEEDS + 1)]
    if len(values) > MOST_SEEDS:
        raise ValueError(f"seeds are at most {MOST_SEEDS}")
    if not values or len(set(values)) < len(values):
        raise ValueError(f"seeds are at least one, and different ones, not {values}")
    return values


def train_series(
    images: Dataset, others: Dataset, options: abi.TrainOptions, seeds: List[int],
    create: Callable[[], Any], resume: Callable[[str], Any],
) -> RunGroup:
    """Trains what the group lacks: every seed in its turn, but for those that others train."""
    name: Optional[bytes] = options.name
    registry = options.registry
    options.is_only_of_its_seed = 1

    def member(seed: int) -> abi.MemberInfo:
        options.seed = seed
        return get(
            "cifar_group_find_member", abi.MemberInfo, images._handle, others._handle,
            byref(options))

    # A run that does not belong to the group is refused before any is trained.
    for seed in seeds:
        member(seed)
    ids: List[str] = []
    for seed in seeds:
        options.name = None if name is None else name + f"-seed{seed}".encode()
        known = member(seed)
        run = decode(known.run_id)
        if not known.is_over and not known.is_running:
            try:
                if run:
                    resume(run)
                else:
                    run = create().id
            except CifarError as error:
                known = member(seed)
                run = decode(known.run_id)
                taken = error.status == "CIFAR_E_BUSY" and (known.is_running or known.is_over)
                # The other seeds may do better than one that diverges.
                if not run or not taken and error.status != "CIFAR_E_NOT_FINITE":
                    raise
        ids.append(run)
    book = Registry(None if registry is None else registry.decode())
    runs = [book.run(run) for run in ids]
    for run_of_seed, seed in zip(runs, seeds):
        if run_of_seed["status"] != "completed":
            warnings.warn(
                f"the group is not whole: the run of seed {seed}, {run_of_seed['id'][:8]}, "
                + _state(run_of_seed, book), RuntimeWarning, stacklevel=4)
    return RunGroup(
        decode(options.group), None if registry is None else registry.decode(), runs,
        [_accuracy(run) for run in runs])


def _state(run: RunDetails, book: Registry) -> str:
    session = book.sessions(run["id"])[-1]
    if run["status"] == "running":
        return f"is being trained by process {session['pid']} on {session['host']}"
    if run["status"] == "failed":
        return f"failed ({session['reason']}); Registry.remove makes place for another"
    return f"is {run['status']}"


def _accuracy(run: RunDetails) -> float:
    if run["status"] != "completed":
        return math.nan
    for name in ["test_accuracy", "final_val_accuracy"]:
        measured = [row["value"] for row in run["metrics"] if row["name"] == name]
        if measured:
            return float(measured[-1])
    best = run["best_val_accuracy"]
    return math.nan if best is None else best
