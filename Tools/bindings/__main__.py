"""Writes what repeats cifar.h: `make bindings` runs it after a change of the header."""

import argparse
import sys
from pathlib import Path

from header import declarations_of
from python_module import module_of
from rust_module import module_of as rust_module_of
from swift_layouts import layouts_of
from swift_version import version_of
from tokens import HeaderError

HEADER = "include/cifar.h"
WRITERS = {
    "bindings/python/cifar/_abi.py": module_of,
    "bindings/rust/src/raw.rs": rust_module_of,
    "Sources/CifarC/StructLayouts.swift": layouts_of,
    "Sources/CifarCore/LibraryVersion.swift": version_of,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bindings", description=__doc__)
    parser.add_argument(
        "root", nargs="?", type=Path, default=Path(__file__).resolve().parents[2],
        help="the directory that include/cifar.h is in; the project's without")
    root = parser.parse_args().root
    header = (root / HEADER).read_text(encoding="utf-8")
    try:
        declarations = declarations_of(header)
    except HeaderError as error:
        sys.exit(f"{HEADER}:{error.line}: {error}")
    texts = {path: writer(declarations) for path, writer in WRITERS.items()}
    for path, text in texts.items():
        (root / path).write_text(text, encoding="utf-8")


main()
