"""What the tests of the built library share. `make test-abi` builds it and runs them."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LIBRARY = BUILD / "lib" / "libcifar.so"

sys.path.insert(0, str(ROOT / "bindings" / "python"))

# A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A directory of its own, where programs find an empty registry and no data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFAR_REGISTRY", str(tmp_path / "runs.db"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    return tmp_path


def start(*command, **options):
    """A program of the build, started: `start("cifar", "train", …)`."""
    return subprocess.Popen(
        [str(BUILD / "bin" / command[0]), *map(str, command[1:])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )


def run(*command, expect=0, **options):
    """Runs a program of the build; its exit code must be `expect`."""
    process = start(*command, **options)
    process.stdout_text, process.stderr_text = process.communicate(timeout=300)
    assert process.returncode == expect, (process.stdout_text, process.stderr_text)
    return process


def compile_c(source, output, *flags, compiler="cc", link=True):
    """Compiles a C program against the header and, if `link`, the built library."""
    command = [
        compiler, *flags, "-Wall", "-Wextra", "-pedantic", "-Werror",
        "-I", str(ROOT / "include"), str(source), "-o", str(output),
    ]
    if link:
        libraries = str(BUILD / "lib")
        command += ["-L", libraries, "-lcifar", "-lm", f"-Wl,-rpath,{libraries}"]
    subprocess.run(command, check=True, capture_output=True, text=True)


def without_swift():
    """An environment whose search path has no Swift toolchain."""
    environment = dict(os.environ)
    environment["PATH"] = "/usr/bin:/bin"
    environment.pop("LD_LIBRARY_PATH", None)
    return environment


def trainer_callbacks(**functions):
    """A cifar_trainer_callbacks with Python functions in it, which live as long as it does."""
    from cifar import _abi as abi

    callbacks = abi.TrainerCallbacks(struct_size=ctypes.sizeof(abi.TrainerCallbacks))
    kinds = dict(callbacks._fields_)
    callbacks.functions = {name: kinds[name](function) for name, function in functions.items()}
    for name, function in callbacks.functions.items():
        setattr(callbacks, name, function)
    return callbacks
