"""A run that was stopped continues to the bits of one that was not."""

import json
import os
import shutil
import signal
import subprocess
import sys

import cifar
import numpy as np
import pytest
from conftest import ROOT, run, start
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


def test_a_run_that_began_with_other_weights(straight, workplace):
    """The weights are in the checkpoint: where they came from is needed no more."""
    run("cifar", "train", *OPTIONS, "--init", straight, "--learning-rate", 1e-4, "--name", "whole")
    run("cifar", "export", straight, "-o", "source.safetensors")
    process = start("cifar", "train", *OPTIONS, "--init", "source.safetensors", "--learning-rate", 1e-4,
                    "--name", "parts")
    wait_for_epochs("parts", 1)
    process.kill()
    process.communicate()
    (workplace / "source.safetensors").unlink()
    run("cifar", "resume", "parts", "--epochs", EPOCHS)
    tensors, metadata = checkpoint("parts")
    others, other_metadata = checkpoint("whole")
    assert tensors.keys() == others.keys()
    for key, value in tensors.items():
        assert value.tobytes() == others[key].tobytes(), key
    assert metadata["state"] == other_metadata["state"]
    assert metrics("parts") == metrics("whole")
    # Not the bits of a run that began with weights drawn at random.
    assert not np.array_equal(tensors["0.weight"], checkpoint(straight)[0]["0.weight"])


def test_where_training_diverged_nothing_continues(workplace):
    """The checkpoint of the batch at which terminate_on_nan ended a run is whole, but no place to go on
    from; an earlier one is."""
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    model = [{"type": "flatten"}, {"type": "dense", "units": 16}, {"type": "relu"}, {"type": "dense", "units": 10}]
    ended = cifar.fit(
        *data, epochs=3, batch_size=16, learning_rate=1e20, optimizer="sgd", terminate_on_nan=True,
        model_checkpoint={"save_freq": 1}, keep_last=0, name="n", model=model, verbose=0)
    assert ended.status == "failed" and "terminate on NaN" in ended.reason
    rows = cifar.Registry().run("n")["checkpoints"]
    within = [row for row in rows if row["batch"] > 0]
    first, last = within[0], within[-1]
    assert first["id"] < last["id"]
    with pytest.raises(cifar.CifarError) as refused:
        cifar.resume("n", checkpoint=last["id"], epochs=5, verbose=0)
    assert refused.value.status == "CIFAR_E_NOT_FINITE"
    said = str(refused.value)
    assert f"checkpoint {last['id']} of run " in said and "training had diverged" in said
    assert "use one of before (cifar-runs checkpoints lists them)" in said
    done = run("cifar", "resume", "n", "--checkpoint", last["id"], "--epochs", 5, expect=1)
    assert done.stderr_text == f"cifar: {said}\n"
    # As the one of the epoch's end, which is the last.
    with pytest.raises(cifar.CifarError) as refused:
        cifar.resume("n", epochs=5, verbose=0)
    assert refused.value.status == "CIFAR_E_NOT_FINITE" and "diverged" in str(refused.value)
    assert len(cifar.Registry().sessions("n")) == 1, "nothing was begun"
    again = cifar.resume("n", checkpoint=first["id"], epochs=5, verbose=0)
    assert again.reason == ended.reason
    assert cifar.Registry().verify() == []


def test_a_part_of_an_epoch_can_be_asked_for(workplace):
    """On the command line and in Python, which hands it to C."""
    run("cifar", "train", *SMALL, "--epochs", 2.5, "--seed", 3, "--name", "at once")
    run("cifar", "train", *SMALL, "--epochs", 1, "--seed", 3, "--name", "part")
    said = run("cifar", "resume", "part", "--epochs", 1.5).stdout_text
    assert "Done: all 1.5 epochs are done." in said
    ended = cifar.resume("part", epochs=np.float32(2.5), verbose=0)
    assert ended.reason == "all 2.5 epochs are done"
    assert metrics("part") == metrics("at once")
    tensors, others = checkpoint("part")[0], checkpoint("at once")[0]
    assert all(value.tobytes() == others[key].tobytes() for key, value in tensors.items())
    refused = run("cifar", "resume", "part", "--epochs", "1.5", expect=2)
    assert "epochs 1.5 is fewer than the run has" in refused.stderr_text
    assert "give at least 2.5" in refused.stderr_text
    refused = run("cifar", "resume", "part", "--epochs", "1e7", expect=2)
    assert "--epochs must be a number above 0, up to 1000000" in refused.stderr_text


def test_an_epoch_that_was_trained_in_part_is_trained_again_whole(straight, workplace):
    """As long as the rate does not depend on the number of epochs that is a run that never stopped."""
    said = run("cifar", "train", *SMALL, "--epochs", 2.5, "--seed", 3, "--name", "part").stdout_text
    assert "Done: all 2.5 epochs are done." in said
    with pytest.raises(cifar.CifarError, match="2.5 epochs were done, within epoch 3, which is over"):
        last = show("part")["checkpoints"][-1]["id"]
        cifar.resume("part", checkpoint=last, epochs=EPOCHS, verbose=0)
    # Nothing is left to train of what was planned.
    assert "2.5 epochs are done" in run("cifar", "resume", "part").stdout_text
    continued = run("cifar", "resume", "part", "--epochs", EPOCHS)
    assert "ended within epoch 3, which is trained again, whole, from checkpoint" in continued.stderr_text
    assert metrics("part") == metrics("straight")
    tensors, others = checkpoint("part")[0], checkpoint("straight")[0]
    assert all(value.tobytes() == others[key].tobytes() for key, value in tensors.items())


def test_a_part_of_the_first_epoch_can_not_be_trained_again(workplace):
    said = run("cifar", "train", *SMALL, "--epochs", 0.5, "--name", "half").stdout_text
    assert "Done: all 0.5 epochs are done." in said
    failed = run("cifar", "resume", "half", "--epochs", 2, expect=1)
    assert "no checkpoint of before is left" in failed.stderr_text
    assert len(show("half")["epochs"]) == 1


def test_a_part_of_an_epoch_is_taken_further_again_and_again(workplace):
    """Each time from the checkpoint of before, which stays, however few are to be kept."""
    data = cifar.load("shapes", limit_train=128, limit_test=32)
    options = dict(model="tutorial-gap", batch_size=16, seed=3, early_stopping=None, verbose=0)
    cifar.fit(*data, **options, epochs=3, name="at once")
    for keep in [1, 2]:
        part = cifar.fit(*data, **options, epochs=1.5, name=f"part {keep}", keep_last=keep)
        for epochs in [1.6, 1.75, 1.9, 2, 2.25, 2.5, 3]:
            assert cifar.resume(part, epochs=epochs, verbose=0).reason == f"all {epochs} epochs are done"
        assert metrics(f"part {keep}") == metrics("at once")
        # What no longer is needed goes.
        assert len(show(f"part {keep}")["checkpoints"]) <= keep + 2


KILLED = """
import os, signal, sys
import cifar

class Killed(cifar.Callback):
    def on_train_begin(self):
        os.kill(os.getpid(), signal.SIGKILL)

cifar.resume(sys.argv[1], epochs=float(sys.argv[2]), callbacks=[Killed()], verbose=0)
"""


@pytest.mark.parametrize("planned, epochs", [(1, 2), (1.5, 1.9), (1.5, 2)])
def test_an_extension_that_ended_at_once_is_not_forgotten(workplace, planned, epochs):
    """Before its first checkpoint, by SIGKILL or by an interrupt: the run is planned for its epochs."""
    run("cifar", "train", *SMALL, "--epochs", epochs, "--seed", 3, "--name", "at once")
    for name in ["killed", "interrupted"]:
        run("cifar", "train", *SMALL, "--epochs", planned, "--seed", 3, "--name", name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}
    killed = subprocess.run([sys.executable, "-c", KILLED, "killed", str(epochs)], env=environment)
    assert killed.returncode == -signal.SIGKILL

    class Interrupted(cifar.Callback):
        def on_train_begin(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cifar.resume("interrupted", epochs=epochs, callbacks=[Interrupted()], verbose=0)
    for name, status in [("killed", "crashed"), ("interrupted", "interrupted")]:
        assert (show(name)["status"], show(name)["epochs_planned"]) == (status, epochs)
        assert f"Done: all {epochs} epochs are done." in run("cifar", "resume", name).stdout_text
        assert metrics(name) == metrics("at once")
        tensors, others = checkpoint(name)[0], checkpoint("at once")[0]
        assert all(value.tobytes() == others[key].tobytes() for key, value in tensors.items())
        # Nothing is left to train.
        assert f"Done: all {epochs} epochs are done." in run("cifar", "resume", name).stdout_text
        assert len(show(name)["epochs"]) == 2
