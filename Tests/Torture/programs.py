"""The commands of the build, run by themselves or with `interpose.c` before the C library."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ROOT / "build" / "bin"
# A command that takes longer hangs.
PATIENCE = 120

CALLS = ["write", "pwrite", "sync", "truncate", "open", "unlink", "rename", "link", "lock"]


def interposer(directory):
    """Builds the library that is preloaded."""
    library = Path(directory) / "interpose.so"
    subprocess.run(
        ["cc", "-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
         Path(__file__).with_name("interpose.c"), "-o", library, "-ldl", "-pthread"],
        check=True, capture_output=True, text=True,
    )
    return library


class Outcome:
    def __init__(self, process, output, errors):
        self.code, self.output, self.errors = process.returncode, output, errors

    def __str__(self):
        return f"code {self.code}, {self.output[-300:]!r}, {self.errors[-600:]!r}"


class Programs:
    """Runs commands in a place of their own: `run("cifar-runs", "list", place=…)`."""

    def __init__(self, library):
        self.library = Path(library).resolve()

    def start(self, *command, place, preexec_fn=None, **torture):
        """Keywords are the environment of `interpose.c`: `fail="write:3:EIO"`."""
        place = Path(place).resolve()
        temporary = place / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ, "HOME": str(place), "TMPDIR": str(temporary),
            "CIFAR_REGISTRY": str(place / "runs.db"),
        }
        environment.pop("CIFAR10_DIR", None)
        if torture:
            environment["LD_PRELOAD"] = str(self.library)
            environment["TORTURE_DIRECTORY"] = str(place)
            for key, value in torture.items():
                environment[f"TORTURE_{key.upper()}"] = str(value)
        return subprocess.Popen(
            [str(BINARIES / command[0]), *map(str, command[1:])], cwd=place, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", preexec_fn=preexec_fn,
        )

    def run(self, *command, place, patience=PATIENCE, **more):
        process = self.start(*command, place=place, **more)
        try:
            output, errors = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError(f"{' '.join(map(str, command))}: no end in {patience} s") from None
        return Outcome(process, output, errors)

    def must(self, *command, place, **more):
        """Likewise of a command that has to succeed."""
        outcome = self.run(*command, place=place, **more)
        assert outcome.code == 0, f"{' '.join(map(str, command))}: {outcome}"
        return outcome

    def counts(self, *command, place):
        """How many calls of each kind a command makes, and `changes` in all."""
        file = Path(place).parent / f"{Path(place).name}.counts"
        self.must(*command, place=place, counts=file)
        found = read_counts(file)
        file.unlink()
        return found


def read_counts(file):
    numbers = struct.unpack(f"{len(CALLS) + 6}q", Path(file).read_bytes())
    names = [*CALLS, "changes", "failed", "longest_wait", "longest_byte",
             "longest_sync", "longest_hold"]
    return dict(zip(names, numbers))


def fresh(template, place):
    """A copy of a directory, in the place of what was there."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place, symlinks=True)
    return Path(place)
