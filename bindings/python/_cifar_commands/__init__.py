"""The entry points of the commands `cifar` and `cifar-runs`.

A package beside `cifar`, not in it: a command need not wait until NumPy and the library are
loaded.
"""

import os
import signal
import sys
from pathlib import Path


def cifar() -> None:
    """Becomes the command `cifar`."""
    _become("cifar")


def cifar_runs() -> None:
    """Becomes the command `cifar-runs`."""
    _become("cifar-runs")


def _become(name: str) -> None:
    """Replaces this process, so that signals, exit code and terminal are the command's own."""
    try:
        path = path_of(name)
    except FileNotFoundError as error:
        sys.exit(str(error))
    # Python ignores these two, and the command would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(path, [name, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"{name}: can't be started: {error}: '{path}'")


def path_of(name: str) -> Path:
    """Where the command is."""
    above = Path(__file__).resolve().parents
    # In an installed package; in the tree, as an editable installation has it; the system's, where
    # its package manager installed both.
    places = [above[1] / "cifar" / "bin" / name]
    if len(above) > 3:
        places.append(above[3] / "build" / "bin" / name)
    if above[0].name == "dist-packages" or above[1].name == "dist-packages":
        places.append(Path("/usr/bin") / name)
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(
        f"{name}: it is not in this installation; `make build` makes it: '{places[-1]}'")
