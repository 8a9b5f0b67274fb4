"""The record of all runs."""

import ctypes
import json
import math
from typing import Any, Callable, Dict, List, Optional, Type, TypeVar, Union

from . import _abi as abi
from . import _arguments as argument
from ._arguments import Recorded
from ._edits import Edits
from ._handle import Handle
from ._html import table
from ._library import Info, call, create, decode_optional, error_of, get, library
from ._listening import Listening
from .dataset import PathLike
from .rows import (
    RunDetails,
    RunRow,
    SessionRow,
    checkpoint_of,
    epoch_row_of,
    metric_of,
    note_of,
    session_of,
    summary_of,
)

Row = TypeVar("Row")


class Registry(Edits):
    """The record of all runs.

    Rows are plain dicts, so that ``pandas.DataFrame(registry.runs())`` works as it is. What is not
    known yet is None. Where a method takes a ``run``, that is its id, the first 4 or more
    characters of it, or its name, or what ``fit`` returned; a run that is not there is the error
    ``CIFAR_E_NOT_FOUND``, a name or a beginning of several ``CIFAR_E_AMBIGUOUS``.

    Parameters
    ----------
    path : path, optional
        The SQLite file; None (the default) for ``$CIFAR_REGISTRY``, else ``./cifar-runs.db``.

    Raises
    ------
    CifarError
        ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_FOREIGN_DATABASE`` for another SQLite file;
        ``CIFAR_E_NEWER_DATABASE``; ``CIFAR_E_DATABASE``.

    Notes
    -----
    ``sqlite3`` of Python, with a SQLite of its own or the same, may read and write the file
    meanwhile, and a backup or a checksum may open and close it. While it is in use, never rename,
    replace or delete it or the ``-journal`` beside it, never open it by a second name (a hard
    link), never switch it to WAL or open it with ``nolock``, and copy it by ``backup`` only. The
    locks of ``sqlite3`` are as weak as ever: while one of its connections writes the file, nothing in the
    same process may open and close the bare file (``open(path, "rb")``, ``hashlib``, ``shutil``),
    which drops them, so that two write at once and the file can be damaged.

    Examples
    --------
    >>> import cifar
    >>> train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    >>> run = cifar.fit(train, test, epochs=1, verbose=0, registry="runs.db", name="first")
    >>> registry = cifar.Registry("runs.db")
    >>> [row["name"] for row in registry.runs()]
    ['first']
    """

    _instead = "open another one, by Registry(path)"

    def __init__(self, path: Optional[PathLike] = None) -> None:
        self._handle = create("registry", "cifar_registry_open", argument.path(path, "path"))

    def runs(
        self,
        limit: Optional[int] = None,
        *,
        filter: Optional[str] = None,
        sort: Optional[str] = None,
        ascending: bool = False,
        trash: bool = False,
    ) -> List[RunRow]:
        """Lists the runs, newest first.

        Parameters
        ----------
        limit : int, optional
            How many at most, from 1; None (the default) for all.
        filter : str, optional
            A condition such as ``"val_accuracy > 0.8 and recipe = keras and started > '2 days
            ago'"``; `cifar-runs list --help` has all of it.
        sort : str, optional
            A field to order by; None (the default) for the time when they were started.
        ascending : bool
            The smallest or earliest first; the default is False.
        trash : bool
            The runs in the trash instead; the default is False.

        Returns
        -------
        list of RunRow
            A dict a run.

        Raises
        ------
        CifarError
            For what is wrong with the filter, naming its place.

        Examples
        --------
        >>> rows = registry.runs(filter="epochs >= 1 and name = first", sort="val_loss")
        >>> [row["status"] for row in rows]
        ['completed']
        """
        query = abi.RunQuery()
        call("cifar_run_query_init", ctypes.byref(query), ctypes.sizeof(query))
        query.filter = argument.text(filter, "filter")
        query.sort = argument.text(sort, "sort")
        query.ascending = argument.flag(ascending, "ascending")
        query.limit = argument.optional_whole(limit, "limit", 2**63 - 1)
        query.trash = argument.flag(trash, "trash")
        handle = create("run_list", "cifar_registry_query", self._handle, ctypes.byref(query))
        count = ctypes.c_size_t()
        call("cifar_run_list_count", handle, ctypes.byref(count))
        return [
            summary_of(get("cifar_run_list_get", abi.RunInfo, handle, index))
            for index in range(count.value)
        ]

    def run(self, run: Union[str, Recorded]) -> RunDetails:
        """Tells all about one run.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.

        Returns
        -------
        RunDetails
            Its row with ``hyperparameters``, ``epochs``, ``checkpoints``, ``metrics`` and
            ``notes``.

        Raises
        ------
        CifarError
            If it is not there; ``CIFAR_E_BAD_DATA`` for an impossible value in the file.

        Examples
        --------
        >>> details = registry.run("first")
        >>> [epoch["epoch"] for epoch in details["epochs"]]
        [1]
        >>> details["hyperparameters"]["batch_size"]
        64
        """
        text = argument.run(run)
        handle = create("run", "cifar_registry_find", self._handle, text)
        row = summary_of(get("cifar_run_get_info", abi.RunInfo, handle))
        hyperparameters = ctypes.c_char_p()
        call("cifar_run_get_hyperparameters", handle, ctypes.byref(hyperparameters))
        details: Any = dict(row)
        details["epochs_recorded"] = row["epochs"]
        details["hyperparameters"] = json.loads(hyperparameters.value or b"")
        for weights in ["best", "final"]:
            images = ctypes.c_char_p()
            call(f"cifar_run_get_{weights}_chosen_on", handle, ctypes.byref(images))
            details[f"{weights}_chosen_on"] = None if images.value is None else images.value.decode()
        details["epochs"] = _all(handle, "epoch", abi.EpochInfo, epoch_row_of)
        details["checkpoints"] = _all(handle, "checkpoint", abi.CheckpointInfo, checkpoint_of)
        details["metrics"] = _all(handle, "metric", abi.MetricInfo, metric_of)
        details["notes"] = _all(handle, "note", abi.NoteInfo, note_of)
        result: RunDetails = details
        return result

    def sessions(self, run: Union[str, Recorded]) -> List[SessionRow]:
        """Tells what exactly was run, as ``cifar-runs show --environment`` does.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.

        Returns
        -------
        list of SessionRow
            One for the start and for each resume, oldest first.

        Raises
        ------
        CifarError
            If it is not there; ``CIFAR_E_BAD_DATA`` for an impossible value in the file.

        Examples
        --------
        >>> session = registry.sessions("first")[0]
        >>> session["resumed_epoch"], sorted(session["environment"]["packages"])
        (None, ['cifar', 'numpy', 'python'])
        """
        handle = create("run", "cifar_registry_find", self._handle, argument.run(run))
        count = ctypes.c_size_t()
        call("cifar_run_session_count", handle, ctypes.byref(count))
        rows = []
        for index in range(count.value):
            info = get("cifar_run_get_session", abi.SessionInfo, handle, index)
            changes = ctypes.c_char_p()
            call("cifar_run_get_changes", handle, index, ctypes.byref(changes))
            rows.append(session_of(info, decode_optional(changes.value)))
        return rows

    def collect(self) -> int:
        """Empties the trash for good and makes the file small again.

        Works in short steps; trainings write in between.

        Returns
        -------
        int
            The bytes given back.

        Raises
        ------
        CifarError
            ``CIFAR_E_BUSY``; ``CIFAR_E_IO``.

        Examples
        --------
        >>> registry.remove("second")
        >>> freed = registry.collect()
        >>> registry.runs(trash=True)
        []
        """
        freed = ctypes.c_uint64()
        call("cifar_registry_collect", self._handle, ctypes.byref(freed))
        return freed.value

    def slim(self, run: Optional[str] = None, *, dry_run: bool = False) -> int:
        """Leaves completed runs the full state of their last checkpoint, of the others the weights.

        These are evaluated and exported as before, but no run can be resumed or forked from them. What
        is pinned stays whole. Trainings continue meanwhile.

        Parameters
        ----------
        run : str, optional
            Which one; None (the default) for all that have completed.
        dry_run : bool
            Only say what it would free. The default is False.

        Returns
        -------
        int
            How many bytes less are stored, or would be.

        Raises
        ------
        CifarError
            ``CIFAR_E_INVALID_STATE`` for a run that was named and has not completed;
            ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_BUSY``.

        Examples
        --------
        >>> registry.slim(dry_run=True) == registry.slim()
        True
        >>> registry.slim()
        0
        """
        freed = ctypes.c_uint64()
        call("cifar_registry_slim", self._handle, argument.text(run, "run"),
             argument.flag(dry_run, "dry_run"), ctypes.byref(freed))
        return freed.value

    def verify(self, run: Optional[str] = None) -> List[str]:
        """Looks for damage, and for tables, views, indexes and triggers that others added.

        Every checkpoint's SHA-256 is computed. Trainings continue meanwhile.

        Parameters
        ----------
        run : str, optional
            Look at this run's checkpoints only; None (the default) for all.

        Returns
        -------
        list of str
            A sentence for each thing that is wrong.

        Raises
        ------
        CifarError
            If the run is not there.

        Examples
        --------
        >>> registry.verify()
        []
        """
        problems: List[str] = []

        def receive(problem: bytes) -> int:
            problems.append(problem.decode(errors="replace"))
            return 0

        listening = Listening()
        function = listening.function(abi.ProblemCallback, receive)
        status = listening.run(
            library.cifar_registry_verify, self._handle, argument.text(run, "run"), function, None)
        listening.close()
        error = listening.take() or (error_of(status) if status else None)
        if error is not None:
            raise error
        return problems

    def backup(self, path: PathLike) -> None:
        """Writes a copy of the registry as it is at one moment, while others train.

        The copy is a registry like any other. It goes through all checks of ``verify`` before it
        gets its name. What others added, such as tables, comes along, and a warning (``set_log``)
        names it. (A copy of the bare file, by shutil or cp, may be damaged while someone writes.)

        Parameters
        ----------
        path : path
            Where to; a file that holds something is not replaced.

        Raises
        ------
        CifarError
            Where anything is damaged, missing or changed; there is no copy then (``cifar-runs
            backup --damaged`` saves such a registry as it is). ``CIFAR_E_INVALID_ARGUMENT`` for a
            path that holds something.

        Examples
        --------
        >>> registry.backup("runs-copy.db")
        >>> len(cifar.Registry("runs-copy.db").runs()) == len(registry.runs())
        True
        """
        call("cifar_registry_backup", self._handle, argument.required_path(path, "path"))

    def merge(
        self, path: PathLike, run: Union[None, str, Recorded] = None, *, skip_conflicts: bool = False
    ) -> Dict[str, int]:
        """Takes up the runs of another registry, in one transaction: all of it lands, or nothing.

        A run is the same run in every file, by its id. One that is not there is copied with its
        checkpoints; one that went on in the other file gets what it lacks; doing it again changes
        nothing. Runs in the trash of the other file are left out. Trainings may go on in both
        files; those that write to this one wait.

        Parameters
        ----------
        path : path
            The other registry: its runs stay as they are; an older schema is brought to the present
            one, as whenever such a file is opened.
        run : str or Run, optional
            This run only: its id, at least the first 4 characters, or its name; or what ``fit``
            returned. Default: all.
        skip_conflicts : bool
            Whether to leave out runs that went on in both files and take up the others. Default:
            such a run is an error, and nothing is written.

        Returns
        -------
        dict
            How many runs were ``"added"``, ``"updated"``, ``"unchanged"`` and left out
            (``"conflicts"``), and how many ``"checkpoints"`` were copied.

        Raises
        ------
        CifarError
            ``CIFAR_E_INVALID_STATE`` for a run that went on in both files,
            ``CIFAR_E_INVALID_ARGUMENT`` for the same file, ``CIFAR_E_CHECKSUM_MISMATCH`` for a
            damaged checkpoint. Nothing is written then.

        Examples
        --------
        >>> registry.backup("elsewhere.db")
        >>> registry.merge("elsewhere.db")["added"]
        0
        """
        info = abi.MergeInfo()
        call(
            "cifar_registry_merge", self._handle, argument.required_path(path, "path"),
            None if run is None else argument.run(run), argument.flag(skip_conflicts, "skip_conflicts"),
            ctypes.byref(info), ctypes.sizeof(info))
        names = ("added", "updated", "unchanged", "conflicts", "checkpoints")
        return {name: getattr(info, name) for name in names}

    def _repr_html_(self) -> str:
        rows = [
            [run["id"][:8], run["name"] or "", run["status"], run["started"][:16].replace("T", " "),
             f"{run['epochs']}/{math.ceil(run['epochs_planned'])}", _share(run["last_val_accuracy"]),
             _share(run["best_val_accuracy"]), run["recipe"], run["dataset"], run["tags"]]
            for run in reversed(self.runs())
        ]
        titles = ["run", "name", "status", "started (UTC)", "epochs", "last accuracy",
                  "best accuracy", "recipe", "images", "tags"]
        return table(titles, rows)


def _share(value: Optional[float]) -> str:
    return "" if value is None else f"{value:.2%}"


def _all(
    handle: Handle, what: str, info_type: Type[Info], row_of: Callable[[Info], Row]
) -> List[Row]:
    count = ctypes.c_size_t()
    call(f"cifar_run_{what}_count", handle, ctypes.byref(count))
    return [
        row_of(get(f"cifar_run_get_{what}", info_type, handle, index))
        for index in range(count.value)
    ]
