"""What the tests over MPI share. `make test-mpi` installs what they need and runs them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import cifar  # noqa: E402  # it lies in the source tree

# As many processes as a test wants, whatever the machine has, and as root as well.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
    "PYTHONPATH": str(ROOT / "bindings" / "python"),
}
DATA = ["--data", "shapes", "--limit-train", 200, "--limit-test", 50, "--threads", 1]
# What ends in seconds has this long, on a machine that is busy with other things.
PATIENCE = 120


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """A directory of its own, with an empty registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFAR_REGISTRY", str(tmp_path / "runs.db"))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return tmp_path


started = []


@pytest.fixture(autouse=True)
def end_what_was_started():
    yield
    while started:
        process = started.pop()
        if process.poll() is None:
            process.kill()  # mpirun takes its processes with it
            process.communicate()


def start(*command):
    started.append(subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    return started[-1]


def finish(process):
    process.out, process.err = process.communicate(timeout=PATIENCE)
    return process


def run(*command, expect=0):
    process = finish(start(*command))
    assert process.returncode == expect, (command, process.out, process.err)
    return process


def cifar_command(*arguments, processes=None):
    """The command line of `cifar`, or of `cifar-mpi` with some processes."""
    if processes is None:
        return [BIN / "cifar", *arguments]
    return ["mpirun", "-n", processes, BIN / "cifar-mpi", *arguments]


def train(*arguments, processes=None, expect=0):
    return run(*cifar_command(*arguments, processes=processes), expect=expect)


def weights(name):
    """Of a run's last checkpoint."""
    model = cifar.Model.from_run(name, "last")
    return {key: value.tobytes() for key, value in model.state_dict().items()}


def losses(name):
    return [(row["train_loss"], row["val_loss"]) for row in cifar.Registry().run(name)["epochs"]]


def metrics(name):
    """Of the end: a run's accuracy with test-time augmentation, say."""
    return [(row["name"], row["value"]) for row in cifar.Registry().run(name)["metrics"]]


def status(name):
    return cifar.Registry().run(name)["status"]


def wait_until(condition, process=None):
    """Waits for a condition, as long as a process is there."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, finish(process).err
        assert time.monotonic() < end
        time.sleep(0.01)


def epochs(name):
    """How many are stored; 0 where the run is not there yet."""
    try:
        return cifar.Registry().run(name)["epochs_recorded"]
    except cifar.CifarError:
        return 0


def ranks():
    """The process ids of what an mpirun started in this directory, by rank."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (os.readlink(process / "exe"), os.readlink(process / "cwd")) != (
                    str(BIN / "cifar"), os.getcwd()):
                continue
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is none of ours
            continue
        for variable in variables:
            if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                found[int(variable.split(b"=")[1])] = int(process.name)
    return found
