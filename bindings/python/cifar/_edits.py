"""What can be changed of runs and checkpoints in a registry."""

import ctypes
from typing import Optional, Union

from . import _arguments as argument
from ._arguments import Recorded
from ._handle import Held
from ._library import call
from .dataset import PathLike


class Edits(Held):
    """What ``Registry`` has to change and to copy single runs and checkpoints."""

    def tag(self, run: Union[str, Recorded], *tags: str) -> None:
        """Adds tags; those that are there already stay.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.
        *tags : str
            Each of 1 to 200 bytes on one line.

        Raises
        ------
        CifarError
            If the run is not there; for a tag that can't be.

        Examples
        --------
        >>> registry.tag("first", "good", "small")
        >>> registry.run("first")["tags"]
        'good, small'
        """
        for tag in tags:
            texts = argument.run(run), argument.required_text(tag, "tag")
            call("cifar_registry_tag", self._handle, *texts)

    def untag(self, run: Union[str, Recorded], *tags: str) -> None:
        """Takes tags off.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.
        *tags : str
            Those to take off.

        Raises
        ------
        CifarError
            If the run is not there.

        Examples
        --------
        >>> registry.untag("first", "small")
        >>> registry.run("first")["tags"]
        'good'
        """
        for tag in tags:
            texts = argument.run(run), argument.required_text(tag, "tag")
            call("cifar_registry_untag", self._handle, *texts)

    def note(self, run: Union[str, Recorded], text: str) -> None:
        """Adds a remark.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.
        text : str
            Any number of lines.

        Raises
        ------
        CifarError
            If the run is not there.

        Examples
        --------
        >>> registry.note("first", "the beginning of it all")
        >>> registry.run("first")["notes"][0]["text"]
        'the beginning of it all'
        """
        call(
            "cifar_registry_note", self._handle, argument.run(run),
            argument.required_text(text, "text"),
        )

    def rename(self, run: Union[str, Recorded], name: Optional[str]) -> None:
        """Gives a run another name.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.
        name : str or None
            The new name; None takes the old one away.

        Raises
        ------
        CifarError
            If the run is not there.

        Examples
        --------
        >>> registry.rename("first", "the first")
        >>> registry.rename("the first", "first")
        """
        call(
            "cifar_registry_rename", self._handle, argument.run(run),
            argument.text(name, "name"),
        )

    def set_group(self, run: Union[str, Recorded], group: Optional[str]) -> None:
        """Puts a run into a group, out of the one that it was in.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.
        group : str or None
            The group's name; None takes the run out.

        Raises
        ------
        CifarError
            If the run is not there.

        Examples
        --------
        >>> registry.set_group("first", "baseline")
        >>> [row["name"] for row in registry.runs(filter="group = baseline")]
        ['first']
        """
        call(
            "cifar_registry_set_group", self._handle, argument.run(run),
            argument.text(group, "group"),
        )

    def pin(self, checkpoint: int, pinned: bool = True) -> None:
        """Makes retention keep a checkpoint.

        Parameters
        ----------
        checkpoint : int
            Its id.
        pinned : bool
            False lets it go again; the default is True.

        Raises
        ------
        CifarError
            If the checkpoint is not there.

        Examples
        --------
        >>> checkpoint = registry.run("first")["checkpoints"][-1]["id"]
        >>> registry.pin(checkpoint)
        """
        call("cifar_registry_pin", self._handle, _id(checkpoint), argument.flag(pinned, "pinned"))

    def fork(
        self, run: Union[str, Recorded], checkpoint: Union[str, int] = "last", name: Optional[str] = None
    ) -> str:
        """Makes a new run that begins where a checkpoint of another one stands.

        Parameters
        ----------
        run : str or Run
            The id of the other one, the beginning of it, or its name.
        checkpoint : {"last", "best"} or int
            Or a checkpoint's id; the default is ``"last"``.
        name : str, optional
            The new run's; the default is none.

        Returns
        -------
        str
            The new run's id, with which ``resume`` continues.

        Raises
        ------
        CifarError
            If the run or the checkpoint is not there.

        Examples
        --------
        >>> second = registry.fork("first", name="second")
        >>> registry.run(second)["parent"] == run.id
        True
        """
        uuid = ctypes.create_string_buffer(37)
        call(
            "cifar_registry_fork", self._handle, argument.run(run),
            argument.checkpoint(checkpoint), argument.text(name, "name"), uuid,
        )
        return uuid.value.decode()

    def import_file(self, path: PathLike, name: Optional[str] = None) -> str:
        """Makes a run from a checkpoint's file.

        A file that a training left beside its registry, because that was held by others, gives its
        run what could not be written then. Any other is the start of a new run, which ``resume``
        continues with.

        Parameters
        ----------
        path : path
            What ``Model.export(path, "checkpoint")`` or a training wrote.
        name : str, optional
            Of a new run; None (the default) for what the file says.

        Returns
        -------
        str
            The run's id.

        Raises
        ------
        CifarError
            ``CIFAR_E_NOT_FOUND``; ``CIFAR_E_BAD_DATA``, ``CIFAR_E_NOT_FINITE`` or
            ``CIFAR_E_SHAPE_MISMATCH`` for a file that no training could continue from.

        Examples
        --------
        >>> run.model.export("first.safetensors", "checkpoint")
        >>> third = registry.import_file("first.safetensors", name="third")
        >>> registry.run("third")["id"] == third
        True
        """
        uuid = ctypes.create_string_buffer(37)
        call(
            "cifar_registry_import", self._handle, argument.required_path(path, "path"),
            argument.text(name, "name"), uuid,
        )
        return uuid.value.decode()

    def remove(self, run: Union[str, Recorded], take_over: bool = False) -> None:
        """Puts a run into the trash, where it stays until ``collect`` empties that.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.
        take_over : bool
            Also one that seems to be running, because what trained it can't be asked from here, as
            on another machine. What still trains it can write nothing more. The default is False.

        Raises
        ------
        CifarError
            If the run is not there; ``CIFAR_E_BUSY`` while it is running.

        Examples
        --------
        >>> registry.remove("second")
        >>> [row["name"] for row in registry.runs(trash=True)]
        ['second']
        """
        call(
            "cifar_registry_remove", self._handle, argument.run(run),
            argument.flag(take_over, "take_over"),
        )

    def restore(self, run: Union[str, Recorded]) -> None:
        """Takes a run out of the trash, as it was.

        Parameters
        ----------
        run : str or Run
            Its id, the beginning of it, or its name; or what ``fit`` returned.

        Raises
        ------
        CifarError
            If it is not there; ``CIFAR_E_INVALID_STATE`` for one that ``collect`` had begun to
            delete when it was stopped.

        Examples
        --------
        >>> registry.restore("second")
        """
        call("cifar_registry_restore", self._handle, argument.run(run))

    def export(self, checkpoint: int, path: PathLike) -> None:
        """Writes a checkpoint to a safetensors file, whole or not at all.

        Parameters
        ----------
        checkpoint : int
            Its id.
        path : path
            An existing file is replaced if it is empty or a checkpoint.

        Raises
        ------
        CifarError
            If the checkpoint is not there; ``CIFAR_E_CHECKSUM_MISMATCH`` if it is damaged;
            ``CIFAR_E_INVALID_ARGUMENT`` for a file of another kind, a directory or a registry.

        Examples
        --------
        >>> registry.export(checkpoint, "exported.safetensors")
        >>> cifar.Model.open("exported.safetensors").epoch
        1
        """
        call(
            "cifar_registry_export", self._handle, _id(checkpoint),
            argument.required_path(path, "path"),
        )


def _id(checkpoint: object) -> int:
    return argument.whole(checkpoint, "checkpoint", 0, 2**63 - 1)
