"""Gets data sets that are not there, by the command `cifar data download`."""

import os
import subprocess
import sys
from typing import List, Optional

from .errors import InputOutputError

# Where there is no verified download, who publishes the files.
_BY_HAND = {
    "mnist": "Yann LeCun's pages or a mirror of them (train-images-idx3-ubyte.gz and so on)",
    "fashion-mnist": "Zalando Research (train-images-idx3-ubyte.gz and so on)",
    "svhn": "Stanford's pages of SVHN (train_32x32.mat, test_32x32.mat)",
    "folder": "wherever your pictures are",
}


def download(location: Optional[str]) -> None:
    """Gets what ``location`` names, to where it is looked for."""
    from _cifar_commands import path_of

    name, _, directory = (location or "cifar10").partition(":")
    if name in _BY_HAND:
        raise ValueError(
            f"'{name}' is not downloaded here: get its files from {_BY_HAND[name]}, and say where "
            f"they are: cifar.load('{name}:DIR')")
    words: List[str] = []
    if name in ("cifar100", "cifar100-coarse"):
        words = ["--dataset", "cifar100"]
    elif name != "cifar10":
        directory = location or ""
    if directory:
        words += ["--dir", directory]
    shows = sys.stderr is not None and sys.stderr.isatty()
    done = subprocess.run(
        [os.fspath(path_of("cifar")), "data", "download", *words], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=None if shows else subprocess.PIPE, text=True,
        errors="replace")
    if done.returncode != 0:
        said = (done.stderr or "it said why above").strip().splitlines()
        raise InputOutputError("CIFAR_E_IO", f"the download failed: {said[-1]}")
