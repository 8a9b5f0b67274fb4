"""The same training from several seeds."""

import math
import statistics
from ctypes import byref
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, List, Optional, Tuple

from . import _abi as abi
from . import _arguments as argument
from ._html import paragraph, table
from ._library import decode, get
from .dataset import Dataset
from .registry import Registry
from .rows import RunDetails


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
        images; else the best validation accuracy.

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
            NaN for a single run.

        Examples
        --------
        >>> group.deviation >= 0
        True
        """
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else float("nan")

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
    values = [argument.whole(value, "seeds", 0, 2**64 - 1) for value in seeds]
    if not values or len(set(values)) < len(values):
        raise ValueError(f"seeds are at least one, and different ones, not {values}")
    return values


def train_series(
    images: Dataset, others: Dataset, options: abi.TrainOptions, seeds: List[int],
    create: Callable[[], Any], resume: Callable[[str], Any],
) -> RunGroup:
    """Trains what the group lacks: every seed in its turn."""
    name: Optional[bytes] = options.name
    ids: List[Tuple[str, Any]] = []
    registry = options.registry
    for seed in seeds:
        options.seed = seed
        options.name = None if name is None else name + f"-seed{seed}".encode()
        member = get("cifar_group_find_member", abi.MemberInfo, images._handle, others._handle,
            byref(options))
        run = decode(member.run_id)
        if not run:
            run = create().id
        elif not member.is_over:
            resume(run)
        ids.append((run, seed))
    book = Registry(None if registry is None else registry.decode())
    runs = [book.run(run) for run, _ in ids]
    return RunGroup(
        decode(options.group), None if registry is None else registry.decode(), runs,
        [_accuracy(run) for run in runs])


def _accuracy(run: RunDetails) -> float:
    tested = [row["value"] for row in run["metrics"] if row["name"] == "test_accuracy"]
    if tested:
        return float(tested[-1])
    best = run["best_val_accuracy"]
    return math.nan if best is None else best
