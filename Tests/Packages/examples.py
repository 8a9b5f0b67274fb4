#!/usr/bin/env python3
"""The examples and bindings of C, C++, Rust and Swift, built against an installed prefix and run.

`make install` puts what `make` built into a prefix of its own; nothing else of the tree's build is
used. Where everything went well nothing is left.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINDINGS = ROOT / "bindings"
VERSION = ".".join(
    re.search(rf"CIFAR_VERSION_{part} (\d+)", (ROOT / "include" / "cifar.h").read_text()).group(1)
    for part in ["MAJOR", "MINOR", "PATCH"])
# What would lead elsewhere than to the prefix.
MISLEADING = [
    "CIFAR_REGISTRY", "CIFAR10_DIR", "CIFAR_LIBRARY", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH",
    "CMAKE_PREFIX_PATH", "LIBRARY_PATH", "CPATH", "MAKEFLAGS", "MAKELEVEL", "RUSTFLAGS",
]


class Failure(Exception):
    pass


class Place:
    """A directory to work in, with an installed prefix."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.prefix = directory / "prefix"
        self.libraries = self.prefix / "lib"
        self.run("make", "--no-print-directory", "install", f"prefix={self.prefix}", cwd=ROOT)

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
        return {**kept, "CIFAR_REGISTRY": str(self.directory / "runs.db"), **more}

    def run(self, *command, cwd=None, expect=0, **more):
        """What a command prints; with another exit code than `expect` it is a failure."""
        done = subprocess.run(
            [str(part) for part in command], cwd=cwd or self.directory, text=True,
            env=self.environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != expect:
            raise Failure(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def copy(self, source: Path, name: str) -> Path:
        ignored = shutil.ignore_patterns(".build", "target", "build", "*.db")
        return Path(shutil.copytree(source, self.directory / name, ignore=ignored))


def require(pattern: str, text: str) -> None:
    if not re.search(pattern, text, flags=re.M):
        raise Failure(f"{pattern!r} is not in\n{text}")


def said(what: str, since: float) -> None:
    print(f"ok: {what}, {time.monotonic() - since:.0f} s", flush=True)


def code_of(readme: Path, language: str):
    return re.findall(rf"```{language}\n(.*?)```", readme.read_text(), flags=re.S)


# C and C++ ----------------------------------------------------------------------------------------


def built(place: Place, language: str):
    """The examples of a language, built by make and pkg-config and by CMake: two directories."""
    by_make = place.copy(BINDINGS / language, f"{language} by make")
    place.run("make", cwd=by_make, PKG_CONFIG_PATH=str(place.libraries / "pkgconfig"),
              CFLAGS="-O2 -Wall -Wextra -Wpedantic -Werror",
              CXXFLAGS="-O2 -Wall -Wextra -Wpedantic -Werror")
    by_cmake = place.copy(BINDINGS / language, f"{language} by cmake")
    place.run("cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={place.prefix}", cwd=by_cmake)
    place.run("cmake", "--build", "build", cwd=by_cmake)
    for directory in [by_make, by_cmake / "build"]:
        linked = place.run("ldd", directory / "train")
        require(rf"libcifar\.so\.0 => {re.escape(str(place.libraries))}/", linked)
    return by_make, by_cmake / "build"


def picture(path: Path) -> None:
    """A PPM of 40x36 pixels: a colour gradient."""
    pixels = bytes(value for y in range(36) for x in range(40) for value in (6 * x, 7 * y, 128))
    path.write_bytes(b"P6\n40 36\n255\n" + pixels)


def c_examples(place: Place) -> None:
    picture(place.directory / "picture.ppm")
    for programs in built(place, "c"):
        registry = str(programs / "runs.db")

        def run(name, *arguments):
            return place.run(programs / name, *arguments, CIFAR_REGISTRY=registry)

        require(r"^run [0-9a-f]{8}  best .* all 1 epochs are done$", run("train", "shapes", 1, 600))
        require(r"continues after epoch 1 of 2\nepoch 2  val_accuracy", run("resume", "from C", 2))
        require(r"  completed .* 2/2 epochs .* from C$", run("runs", "name = 'from C'"))
        require(r"^ *[\d.]+ %  \w+", run("predict", "from C", "picture.ppm"))
        require(r"epoch 5  val_accuracy 100.00 %", run("arrays"))
        require(r"^training was interrupted in epoch", run("interrupt", 1))
        require(r"^accuracy [\d.]+ %", run("model", "shapes", 300))


def cpp_examples(place: Place) -> None:
    for programs in built(place, "cpp"):
        require(r"^[0-9a-f-]{36}  completed  1 epochs", place.run(programs / "train", 1, 300))
    (source,) = code_of(BINDINGS / "cpp" / "README.md", "cpp")
    (place.directory / "readme.cpp").write_text(source)
    flags = place.run("pkg-config", "--cflags", "--libs", "cifar",
                      PKG_CONFIG_PATH=str(place.libraries / "pkgconfig")).split()
    place.run("c++", "-std=c++17", "readme.cpp", *flags, "-o", "readme")
    require(r"^run [0-9a-f-]{36}: all 1 epochs are done$",
            place.run("./readme", LD_LIBRARY_PATH=str(place.libraries)))


# Rust ---------------------------------------------------------------------------------------------


def rust_crate(place: Place) -> None:
    crate = place.copy(BINDINGS / "rust", "rust")
    by_pkg_config = {
        "PKG_CONFIG_PATH": str(place.libraries / "pkgconfig"),
        # For programs of documentation and of other crates.
        "LD_LIBRARY_PATH": str(place.libraries),
        "CARGO_TARGET_DIR": str(place.directory / "rust-target"),
    }

    def cargo(*arguments, cwd=crate, **more):
        return place.run("cargo", *arguments, cwd=cwd, **{**by_pkg_config, **more})

    cargo("fmt", "--check")
    cargo("clippy", "--offline", "--all-targets", "--", "-D", "warnings")
    tested = cargo("test", "--offline")
    require(r"^test result: ok\. [1-9]\d* passed", tested)
    require(r"^test result: ok\. [1-9]\d* passed", tested.split("Doc-tests")[1])
    cargo("doc", "--offline", "--no-deps", RUSTDOCFLAGS="-D warnings")
    require(r"^[0-9a-f-]{36}  completed  1 epochs",
            cargo("run", "--offline", "--example", "train", "--", 1, 300))

    # Another crate that depends on it.
    other = place.directory / "rust-program"
    (other / "src").mkdir(parents=True)
    (other / "Cargo.toml").write_text(
        '[package]\nname = "program"\nversion = "1.0.0"\nedition = "2021"\n'
        f'[dependencies]\ncifar = {{ path = "{crate}" }}\n')
    (source,) = code_of(BINDINGS / "rust" / "README.md", "rust")
    (other / "src" / "main.rs").write_text(source)
    nowhere = {"PKG_CONFIG_PATH": str(other)}
    require(r"^epoch 1: [\d.]+ %\nEvaluation \{",
            cargo("run", "--offline", cwd=other, **nowhere, CIFAR_LIB_DIR=str(place.libraries)))
    require("install libcifar-dev, or set PKG_CONFIG_PATH or CIFAR_LIB_DIR",
            cargo("build", "--offline", cwd=other, expect=101, **nowhere))


# Swift --------------------------------------------------------------------------------------------


def swift_package(place: Place) -> None:
    libraries = {"LIBRARY_PATH": str(place.libraries), "LD_LIBRARY_PATH": str(place.libraries)}
    example = BINDINGS / "swift" / "Example"

    def swift(*arguments, cwd=example):
        return place.run("swift", *arguments, cwd=cwd, **libraries)

    require(r"^[0-9a-f-]{36}  completed  1 epochs", swift("run", "train", 1, 300))
    require(r"Test run with [1-9]\d* tests .* passed", swift("test"))

    # Another package, which depends on a version of this repository.
    repository = place.directory / "libcifar"
    repository.mkdir()
    files = place.run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                      cwd=ROOT).split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_symlink() or (ROOT / name).exists():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, repository / name, follow_symlinks=False)
    for arguments in [["init", "-q"], ["add", "-A"], ["commit", "-qm", VERSION], ["tag", VERSION]]:
        place.run("git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments,
                  cwd=repository)
    program = place.directory / "swift-program"
    (program / "Sources" / "program").mkdir(parents=True)
    manifest, source = code_of(BINDINGS / "swift" / "README.md", "swift")
    manifest = manifest.replace("https://…/libcifar.git", f"file://{repository}")
    (program / "Package.swift").write_text(
        "// swift-tools-version: 6.1\nimport PackageDescription\n"
        f'let package = Package(name: "program", {manifest})\n')
    (program / "Sources" / "program" / "main.swift").write_text(source)
    # As the page says, for a prefix that the system does not know.
    printed = place.run("swift", "run", "-Xlinker", "-rpath", "-Xlinker", place.libraries,
                        cwd=program, LIBRARY_PATH=str(place.libraries))
    require(r"^1 0\.\d+\nEvaluation\(", printed)


# --------------------------------------------------------------------------------------------------

PARTS = {"c": c_examples, "cpp": cpp_examples, "rust": rust_crate, "swift": swift_package}
NEEDED = {"pkg-config": "pkg-config", "cmake": "cmake", "git": "git", "cargo": "cargo",
          "cargo-clippy": "rust-clippy", "rustfmt": "rustfmt"}


def main() -> None:
    parts = sys.argv[1:] or list(PARTS)
    for command, package in NEEDED.items():
        if not shutil.which(command):
            subprocess.run([ROOT / "Tools" / "install-packages", package], check=True)
    directory = Path(tempfile.mkdtemp(prefix="examples-"))
    try:
        place = Place(directory)
        for part in parts:
            since = time.monotonic()
            PARTS[part](place)
            said(part, since)
    except Failure as failure:
        sys.exit(f"FAILED; what it worked with is in {directory}\n{failure}")
    shutil.rmtree(directory)
    print("examples.py: all is well")


main()
