"""A run that was stopped continues to the bits of one that was not."""

import json
import shutil
import signal

import numpy as np
import pytest
from conftest import run, start
from safetensors import safe_open
from test_commands import SMALL, runs, show, wait_for_epochs

EPOCHS = 4
OPTIONS = [*SMALL, "--epochs", EPOCHS, "--seed", 3]


def checkpoint(name):
    """All that a run's last checkpoint holds, but for how long things took."""
    run("cifar", "export", name, "--format", "checkpoint", "--checkpoint", "last",
        "-o", f"{name}.safetensors")
    with safe_open(f"{name}.safetensors", "numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        metadata = dict(file.metadata())
    state = json.loads(metadata["state"])
    for key in ["train_seconds", "epoch_seconds", "epoch_cpu_seconds"]:
        state.pop(key, None)
    metadata["state"] = state
    return tensors, metadata


def metrics(name):
    timeless = ["seconds", "images_per_second", "cpu_seconds", "peak_memory"]
    return [
        {key: value for key, value in epoch.items() if key not in timeless}
        for epoch in show(name)["epochs"]
    ]


def assert_same(name, other):
    tensors, metadata = checkpoint(name)
    others, other_metadata = checkpoint(other)
    assert tensors.keys() == others.keys() and len(tensors) > 90
    for key, value in tensors.items():
        assert value.tobytes() == others[key].tobytes(), key
    assert metadata == other_metadata
    assert metrics(name) == metrics(other)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("straight") / "runs.db"
    run("cifar", "train", *OPTIONS, "--name", "straight", "--registry", path)
    return path


@pytest.fixture
def straight(trained, workplace):
    """A run that was never stopped, in the registry of this test."""
    shutil.copyfile(trained, workplace / "runs.db")
    return "straight"


def test_after_kill_9(straight, workplace):
    process = start("cifar", "train", *OPTIONS, "--name", "killed")
    wait_for_epochs("killed", 1)
    process.kill()
    process.communicate()
    assert show("killed")["status"] == "crashed"
    run("cifar", "resume", "killed")
    assert show("killed")["status"] == "completed"
    assert_same("killed", straight)


def test_after_interrupts_within_epochs(straight, workplace):
    process = start("cifar", "train", *OPTIONS, "--name", "stopped")
    stops = 0
    while True:
        wait_for_epochs("stopped", stops)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        stops += 1
        if process.returncode == 0 or stops == 3:
            break
        process = start("cifar", "resume", "stopped")
    if process.returncode != 0:
        run("cifar", "resume", "stopped")
    assert_same("stopped", straight)
    assert len(show("stopped")["sessions"]) >= 2


def test_with_another_number_of_threads(straight, workplace):
    for threads in [1, 3]:
        run("cifar", "train", *OPTIONS, "--name", f"threads{threads}", "--threads", threads)
        assert_same(f"threads{threads}", straight)


def test_another_seed_gives_other_weights(straight, workplace):
    run("cifar", "train", *OPTIONS, "--name", "other", "--seed", 4)
    weights = [checkpoint(name)[0]["0.weight"] for name in ["other", straight]]
    assert not np.array_equal(*weights)


def test_from_an_earlier_checkpoint_and_further(straight, workplace):
    run("cifar", "train", *SMALL, "--epochs", 3, "--seed", 3, "--name", "short")
    first = show("short")["checkpoints"][0]
    run("cifar", "resume", "short", "--checkpoint", first["id"], "--epochs", EPOCHS)
    assert metrics("short") == metrics("straight")
    assert len(runs()) == 2
