"""The same training from several seeds, in Python: `fit(seeds=…)`."""

import json
import os
import shlex
import signal
import sqlite3
import statistics
import time

import cifar
import numpy as np
import pytest
from conftest import run, start

TINY = [
    {"type": "conv2d", "filters": 4}, {"type": "relu"}, {"type": "flatten"},
    {"type": "dense", "units": 10},
]


@pytest.fixture(scope="module")
def shapes():
    return cifar.load("shapes", limit_train=128, limit_test=64)


def train(shapes, **arguments):
    chosen = {"model": TINY, "epochs": 2, "group": "tiny", "name": "tiny", "verbose": 0, **arguments}
    return cifar.fit(*shapes, **chosen)


def test_there_are_no_more_seeds_than_a_thousand(shapes, workplace):
    with pytest.raises(ValueError, match="seeds are at most 1000"):
        train(shapes, seeds=range(10**9))


def test_each_seed_has_its_run(shapes, workplace):
    group = train(shapes, seeds=range(3))
    assert [entry["name"] for entry in group.runs] == ["tiny-seed0", "tiny-seed1", "tiny-seed2"]
    assert {entry["group"] for entry in group.runs} == {"tiny"}
    assert [entry["hyperparameters"]["seed"] for entry in group.runs] == [0, 1, 2]
    assert group.accuracies == [entry["best_val_accuracy"] for entry in group.runs]
    assert group.mean == pytest.approx(statistics.fmean(group.accuracies))
    assert group.deviation == pytest.approx(statistics.stdev(group.accuracies))
    # The weights are those that the seed alone comes to.
    alone = cifar.fit(*shapes, model=TINY, epochs=2, seed=1, record=False, verbose=0)
    of_group = cifar.Model.from_run(group.runs[1]["id"], "last").state_dict()
    for name, values in alone.model.state_dict().items():
        assert np.array_equal(of_group[name], values)
    assert f"{group.mean:.2%}"[:4] in run("cifar-runs", "compare", "--group", "tiny").stdout_text


def test_the_accuracies_are_those_of_the_end_where_it_was_measured(shapes, workplace):
    for options, name in [({"tta": "mirror"}, "final_val_accuracy"),
                          ({"validation_split": 0.25}, "test_accuracy")]:
        group = train(shapes, seeds=range(2), group=name, **options)
        measured = [row["value"] for entry in group.runs for row in entry["metrics"] if row["name"] == name]
        assert group.accuracies == measured and len(measured) == 2


def test_again_it_trains_what_lacks(shapes, workplace):
    first = train(shapes, seeds=[5, 6])
    began = []

    class Watch(cifar.Callback):
        def on_train_begin(self):
            began.append(True)

    again = train(shapes, seeds=[5, 6, 7], callbacks=[Watch()])
    assert len(began) == 1
    assert [entry["id"] for entry in again.runs[:2]] == [entry["id"] for entry in first.runs]
    assert len(cifar.Registry().runs()) == 3


def test_what_was_interrupted_is_resumed_to_the_same_bits(shapes, workplace):
    whole = train(shapes, seeds=range(2), epochs=3, registry=workplace / "whole.db")

    def interrupt(epoch):
        if len(cifar.Registry().runs()) == 2 and epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(shapes, seeds=range(2), epochs=3, callbacks=[interrupt])
    states = [entry["status"] for entry in cifar.Registry().runs()]
    assert sorted(states) == ["completed", "interrupted"]
    again = train(shapes, seeds=range(2), epochs=3)
    assert [entry["status"] for entry in again.runs] == ["completed", "completed"]
    assert again.accuracies == whole.accuracies
    for here, there in zip(again.runs, whole.runs):
        one = cifar.Model.from_run(here["id"], "last").state_dict()
        other = cifar.Model.from_run(
            there["id"], "last", registry=workplace / "whole.db").state_dict()
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_group_is_of_one_configuration(shapes, workplace):
    train(shapes, seeds=[1])
    with pytest.raises(cifar.CifarError, match="other hyperparameters"):
        train(shapes, seeds=[1], learning_rate=0.5)


def test_the_command_continues_what_python_began(workplace):
    data = cifar.load("shapes", limit_train=128, limit_test=64)
    group = cifar.fit(*data, epochs=1, seeds=[0], group="both", verbose=0, model="tutorial-gap")
    printed = run(
        "cifar", "train", "--data", "shapes", "--limit-train", 128, "--limit-test", 64,
        "--epochs", 1, "--model", "tutorial-gap", "--seeds", "0..1", "--group", "both").stdout_text
    assert group.runs[0]["id"][:8] in printed and "is completed" in printed
    assert len(cifar.Registry().runs()) == 2


def test_what_can_not_be(shapes, workplace):
    with pytest.raises(ValueError, match="group"):
        train(shapes, seeds=[1], group=None)
    with pytest.raises(ValueError, match="group"):
        train(shapes, seeds=[1], name=None, record=False, group=None)
    with pytest.raises(ValueError, match="different"):
        train(shapes, seeds=[1, 1])
    with pytest.raises(ValueError, match="at least one"):
        train(shapes, seeds=[])
    with pytest.raises(TypeError, match=r"range\(5\)"):
        train(shapes, seeds=5)
    with pytest.raises(ValueError, match="seed and seeds"):
        train(shapes, seeds=[1], seed=3)
    with pytest.raises(ValueError, match="seeds"):
        train(shapes, seeds=[-1])
    assert not (workplace / "runs.db").exists()


def test_other_images_or_first_weights_are_refused(shapes, workplace):
    group = train(shapes, seeds=[1])
    other = cifar.load("shapes", limit_train=64, limit_test=64)
    with pytest.raises(cifar.CifarError, match="was trained on other images"):
        train(other, seeds=[1, 2])
    with pytest.raises(cifar.CifarError, match="began with other weights"):
        train(shapes, seeds=[1], init=cifar.Model.from_run(group.runs[0]["id"]))
    with pytest.raises(cifar.CifarError, match="each seed would write over"):
        train(shapes, seeds=[1], callbacks=[cifar.callbacks.CSVLogger("log.csv")])
    assert len(cifar.Registry().runs()) == 1


def test_a_run_without_a_checkpoint_is_made_again(workplace):
    command = ["cifar", "train", "--data", "shapes", "--limit-train", 512, "--limit-test", 32, "--epochs", 1,
               "--model", "tutorial-gap", "--seeds", "0..1", "--group", "g", "--quiet"]
    process = start(*command)
    end = time.monotonic() + 60
    while not os.path.exists("runs.db") or not runs_of("runs.db"):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    dead, = runs_of("runs.db")
    run(*command)
    runs = json.loads(run("cifar-runs", "list", "--json").stdout_text)
    assert [row["status"] for row in runs] == ["completed"] * 2
    assert sorted(row["epochs"] for row in runs) == [1, 1]
    trash = json.loads(run("cifar-runs", "list", "--trash", "--json").stdout_text)
    assert [row["id"] for row in trash] == ([] if dead in [row["id"] for row in runs] else [dead])


def runs_of(path):
    with sqlite3.connect(path, timeout=60) as database:
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'runs'").fetchone():
            return []
        return [id for id, in database.execute("SELECT uuid FROM runs")]


def test_the_tests_result_is_made_up_for(shapes, workplace):
    result = train(shapes, validation_split=0.25, epochs=1.5, seeds=[3]).runs[0]
    assert result["hyperparameters"]["epochs"] == 1.5
    known = {row["name"]: row["value"] for row in result["metrics"]}
    assert set(known) == {"test_accuracy", "test_loss"}
    with sqlite3.connect("runs.db") as database:
        database.execute("DELETE FROM metrics")
    again = cifar.resume(result["id"], verbose=0)
    metrics = cifar.Registry().run(again.id)["metrics"]
    assert {row["name"]: row["value"] for row in metrics} == known
    # Nothing is left to train, and the images are not looked at again.
    cifar.resume(result["id"], verbose=0)
    assert cifar.Registry().run(again.id)["metrics"] == metrics


def test_the_tests_result_is_of_the_weights_that_were_put_back(shapes, workplace):
    stopped = cifar.fit(
        *shapes, model=TINY, epochs=12, validation_split=0.25, learning_rate=0.05, verbose=0, seed=2,
        callbacks=[cifar.callbacks.EarlyStopping(patience=1, restore_best_weights=True)])
    best = min(stopped.epochs, key=lambda epoch: epoch.val_loss).epoch
    assert len(stopped.epochs) == best + 1, "it stopped early"
    row, = [row for row in cifar.Registry().run(stopped.id)["metrics"] if row["name"] == "test_accuracy"]
    assert row["epoch"] == best
    result = stopped.model.evaluate(shapes[1])
    assert row["value"] == result.accuracy
    low, high = result.accuracy_interval
    assert 0 <= low < result.accuracy < high <= 1
    final = stopped.result
    assert (final.is_of_test_images, final.epoch, final.images) == (True, best, len(shapes[1]))
    assert (final.loss, final.accuracy) == (result.loss, result.accuracy)
    assert final.accuracy_interval == result.accuracy_interval
    assert final.augmented_accuracy is None and final.earlier_looks == 0
    assert f"weights of epoch {best} on 64 test images: accuracy" in str(final)


def test_the_result_with_augmentation_is_told(shapes, capsys):
    result = cifar.fit(
        *shapes, model=TINY, epochs=1, verbose=2, record=False, tta="mirror").result
    assert not result.is_of_test_images and result.augmented_accuracy is not None
    assert str(result) in capsys.readouterr().out
    assert cifar.fit(*shapes, model=TINY, epochs=1, verbose=0, record=False).result is None


COMMAND = ["cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--model",
           "model.json", "--group", "g"]


@pytest.fixture
def tiny_model(workplace):
    (workplace / "model.json").write_text(json.dumps(TINY))


def test_two_processes_share_the_seeds_of_a_group(tiny_model, workplace):
    # Epochs without end: the first run is held by a process that has to be interrupted.
    held = start(*COMMAND, "--epochs", 100_000, "--early-stopping", "off", "--seeds", "0..1", "--quiet")
    try:
        end = time.monotonic() + 120
        while not os.path.exists("runs.db") or not runs_of("runs.db"):
            assert time.monotonic() < end and held.poll() is None
            time.sleep(0.01)
        (first,) = runs_of("runs.db")
        # The other process leaves it alone, and would train the other seed: it is interrupted there.
        other = start(
            *COMMAND, "--epochs", 100_000, "--early-stopping", "off", "--seeds", "0..1")
        try:
            while len(runs_of("runs.db")) < 2:
                assert time.monotonic() < end and other.poll() is None
                time.sleep(0.01)
        finally:
            other.send_signal(signal.SIGINT)
            said, _ = other.communicate(timeout=120)
        assert f"Seed 0, 1 of 2: run {first[:8]} is being trained by process {held.pid} on " in said
        assert "Seed 1, 2 of 2\n" in said
        # With one seed alone nothing is left to do, and the group is not whole.
        alone = run(
            *COMMAND, "--epochs", 100_000, "--early-stopping", "off", "--seeds", "0", expect=1)
        assert f"seed 0: run {first[:8]} is being trained by process {held.pid}" in alone.stderr_text
        assert "compare --group" not in alone.stdout_text, "there is no mean of a part"
        data = cifar.load("shapes", limit_train=64, limit_test=32)
        with pytest.warns(RuntimeWarning, match=f"is being trained by process {held.pid} on"):
            group = cifar.fit(
                *data, model=TINY, epochs=100_000, early_stopping=None, seeds=[0], group="g", verbose=0)
        assert [entry["id"] for entry in group.runs] == [first]
        assert np.isnan(group.accuracies[0]) and np.isnan(group.mean) and np.isnan(group.deviation)
    finally:
        held.send_signal(signal.SIGINT)
        held.communicate(timeout=120)


def test_what_another_process_made_meanwhile_is_not_made_again(shapes, workplace):
    """The registry decides, whatever both saw before."""
    from ctypes import byref, sizeof

    from cifar import _abi as abi
    from cifar._library import call, new_handle

    options = abi.TrainOptions()
    call("cifar_train_options_init", byref(options), sizeof(options))
    options.group, options.seed, options.epochs, options.is_only_of_its_seed = b"g", 3, 1, 1
    one, other = new_handle("trainer"), new_handle("trainer")
    images = [part._handle for part in shapes]
    call("cifar_trainer_create", *images, byref(options), byref(one.pointer))
    with pytest.raises(cifar.CifarError, match="'g' has a run of the seed 3 meanwhile") as failure:
        call("cifar_trainer_create", *images, byref(options), byref(other.pointer))
    assert failure.value.status == "CIFAR_E_BUSY"
    options.seed = 4
    call("cifar_trainer_create", *images, byref(options), byref(other.pointer))
    assert len(runs_of("runs.db")) == 2


@pytest.mark.parametrize("ends", [[], ["--terminate-on-nan"]])
def test_a_seed_that_diverges_is_named_as_long_as_it_is_there(tiny_model, workplace, ends):
    command = [*COMMAND, "--epochs", 3, "--learning-rate", 1e30, "--repeat", 2, *ends]
    for _ in range(2):
        failed = run(*command, expect=1)
        runs = {row["id"][:8]: row for row in json.loads(run("cifar-runs", "list", "--json").stdout_text)}
        assert len(runs) == 2 and {row["status"] for row in runs.values()} == {"failed"}
        assert "the group 'g' is not whole: seed 0: run " in failed.stderr_text
        for id in runs:
            assert f"run {id} failed (" in failed.stderr_text
            assert f"cifar-runs rm {id} makes place for another" in failed.stderr_text
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    options = dict(model=TINY, epochs=3, learning_rate=1e30, group="p", verbose=0, seeds=range(2))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="the run of seed 1, .*failed"):
            group = cifar.fit(*data, **options)
        assert all(np.isnan(group.accuracies)) and len(group.runs) == 2


def test_repeat_is_short_for_seeds(tiny_model, workplace):
    run(*COMMAND, "--epochs", 1, "--repeat", 2)
    seeds = [row["seed"] for row in json.loads(run(
        "cifar-runs", "list", "--json", "--columns", "seed").stdout_text)]
    assert sorted(map(int, seeds)) == [0, 1]
    again = run(*COMMAND, "--epochs", 1, "--seeds", "0..1").stdout_text
    assert "is completed" in again and "compare --group g has their mean" in again
    for options, message in [
        (["--repeat", 2, "--seeds", "0..1"], "--seeds and --repeat exclude each other"),
        (["--repeat", 2, "--seed", 1], "--seed and --repeat exclude each other"),
        (["--repeat", 0], "--repeat"), (["--repeat", 1001], "--repeat"),
    ]:
        assert message in run(*COMMAND, *options, expect=2).stderr_text


def test_labels_that_can_not_be_are_refused_before_anything_is_said(workplace):
    for options in [["--group", ""], ["--name", " "], ["--tag", "a\nb"]]:
        failed = run(
            "cifar", "train", "--data", "shapes", "--seeds", "0..1", "--group", "g", *options, expect=2)
        assert failed.stdout_text == "" and "must have 1 to 200 bytes" in failed.stderr_text


def test_an_empty_registry_is_one_without_runs(tiny_model, workplace):
    """Another process that makes it leaves it empty for a moment."""
    (workplace / "runs.db").touch()
    said = run(*COMMAND, "--epochs", 1, "--seeds", "0..1").stdout_text
    assert "has their mean" in said and len(runs_of("runs.db")) == 2
    (workplace / "python.db").touch()
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    group = cifar.fit(
        *data, model=TINY, epochs=1, group="g", seeds=range(2), verbose=0, registry="python.db")
    assert [entry["status"] for entry in group.runs] == ["completed"] * 2


def test_a_run_that_does_not_belong_to_the_group_is_refused_before_any_is_trained(tiny_model, workplace):
    run(*COMMAND, "--epochs", 1, "--seed", 3)
    refused = run(*COMMAND, "--epochs", 2, "--seeds", "0..3", expect=2)
    assert "has the seed 3 and other hyperparameters" in refused.stderr_text
    assert refused.stdout_text == "" and len(runs_of("runs.db")) == 1
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    with pytest.raises(cifar.CifarError, match="has the seed 3 and other hyperparameters"):
        cifar.fit(*data, model=TINY, epochs=2, group="g", seeds=range(4), verbose=0)
    assert len(runs_of("runs.db")) == 1


def test_what_goes_on_with_a_group_is_said_so_that_a_shell_takes_it(tiny_model, workplace):
    group = ["--group", "it's $HOME", "--registry", "the runs.db"]
    command = [*COMMAND, *group, "--seeds", "0..1", "--early-stopping", "off"]
    process = start(*command, "--epochs", 100_000)
    end = time.monotonic() + 120
    while not os.path.exists("the runs.db") or not runs_of("the runs.db"):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    hint = said.split("Continue with: ")[1].strip()
    assert shlex.split(hint)[1:] == [str(word) for word in [*command, "--epochs", 100_000][1:]]
    run("cifar-runs", "rm", "--registry", "the runs.db", "--yes", *runs_of("the runs.db"))
    said = run(*command, "--epochs", 1).stdout_text.splitlines()[-1]
    hint = said.removesuffix(" has their mean and deviation.")
    assert hint != said and "it's $HOME" in run(*shlex.split(hint)).stdout_text
