"""What the record of a training says of the program that began it."""

import json
import platform
import shlex
import sys
from typing import Iterable, Union

import numpy

from . import _abi as abi
from . import _arguments as argument


def lines(tags: Union[None, str, Iterable[str]], more: Iterable[str] = ()) -> bytes:
    """Tags for C, one a line."""
    if tags is None:
        tags = []
    if isinstance(tags, str):
        tags = [tags]
    texts = [*argument.texts(tags, "tags"), *argument.texts(more, "tags")]
    for text in texts:
        if b"\n" in text:
            raise ValueError(f"the tag {text.decode()!r} is more than one line")
    return b"\n".join(texts)


def packages() -> bytes:
    package = ".".join(
        str(part)
        for part in (abi.CIFAR_VERSION_MAJOR, abi.CIFAR_VERSION_MINOR, abi.CIFAR_VERSION_PATCH)
    )
    versions = {
        "cifar": package, "numpy": numpy.__version__, "python": platform.python_version()}
    return json.dumps(versions).encode()


def command_line() -> bytes:
    words = shlex.join(map(str, getattr(sys, "argv", [])))
    return words.replace("\0", " ").encode(errors="replace")


