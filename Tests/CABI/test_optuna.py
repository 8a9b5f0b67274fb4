"""Trials of an Optuna study: what is reported, what pruning leaves, what can't be monitored."""

import doctest
import os
import signal
import subprocess
import sys
import time

import cifar
import pytest
from conftest import ROOT

optuna = pytest.importorskip("optuna")
pruning = pytest.importorskip("cifar.optuna")

SPEC = cifar.ModelSpec().flatten().dense(10)


class AfterTwo(optuna.pruners.BasePruner):
    """Prunes the second trial after its second epoch."""

    def prune(self, study, trial):
        return trial.number == 1 and trial.last_step >= 2


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def test_epochs_are_reported_and_pruned_runs_resume(small, workplace):
    runs = []

    def objective(trial):
        run = cifar.fit(
            *small, model=SPEC, epochs=3, verbose=0, group="rates", name=f"trial-{trial.number}",
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
            callbacks=[pruning.PruningCallback(trial, "val_loss")])
        runs.append(run)
        return run.epochs[-1].val_loss

    study = optuna.create_study(direction="minimize", pruner=AfterTwo())
    study.optimize(objective, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
    steps = [list(trial.intermediate_values) for trial in study.trials]
    assert steps == [[1, 2, 3], [1, 2], [1, 2, 3]]
    for run, trial in zip(runs, [study.trials[0], study.trials[2]]):
        assert list(trial.intermediate_values.values()) == [
            epoch.val_loss for epoch in run.epochs]
        assert run.hyperparameters["optimizer"]["learning_rate"] == pytest.approx(
            trial.params["learning_rate"], rel=1e-6)

    registry = cifar.Registry()
    stored = {run["name"]: registry.run(run["id"]) for run in registry.runs()}
    assert {name: run["status"] for name, run in stored.items()} == {
        "trial-0": "completed", "trial-1": "stopped", "trial-2": "completed"}
    for number, run in enumerate(runs):
        assert stored[f"trial-{number}"]["tags"] == f"study={study.study_name}, trial={number}"
    values = [epoch["val_loss"] for epoch in stored["trial-1"]["epochs"]]
    assert values == list(study.trials[1].intermediate_values.values())
    rest = cifar.resume(stored["trial-1"]["id"], verbose=0)
    assert (rest.status, [epoch.epoch for epoch in rest.epochs]) == ("completed", [3])


def test_what_is_no_study_to_prune(small):
    rising = optuna.create_study(direction="maximize")
    with pytest.raises(ValueError, match="to maximize, but val_loss .*direction='minimize'"):
        pruning.PruningCallback(rising.ask(), "val_loss")
    with pytest.raises(ValueError, match="monitor='accuracy' is none of 'train_loss', .*"):
        pruning.PruningCallback(rising.ask(), "accuracy")
    several = optuna.create_study(directions=["maximize", "minimize"])
    with pytest.raises(ValueError, match="2 objectives"):
        pruning.PruningCallback(several.ask())
    with pytest.raises(TypeError, match="trial is a Study, not a trial"):
        pruning.PruningCallback(rising)
    # One that is not of a study is never pruned.
    fixed = optuna.trial.FixedTrial({})
    run = cifar.fit(
        *small, model=SPEC, epochs=2, verbose=0, record=False,
        callbacks=[pruning.PruningCallback(fixed, "train_accuracy")])
    assert (run.status, len(run.epochs)) == ("completed", 2)


def test_the_error_without_optuna():
    program = """
import sys
sys.modules["optuna"] = None
import cifar
try:
    import cifar.optuna
except ImportError as error:
    print(error)
"""
    printed = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT / "bindings" / "python")},
        check=True, capture_output=True, text=True).stdout
    assert printed == "cifar.optuna needs Optuna: pip install optuna\n"


def test_the_documented_example(workplace):
    done = doctest.testmod(pruning)
    assert (done.attempted > 5, done.failed) == (True, 0)


def test_a_killed_workers_run_is_taken_up(workplace):
    if not hasattr(optuna.storages, "RetryHeartbeatStaleTrialCallback"):
        pytest.skip("the example needs Optuna 4.9")
    command = [
        sys.executable, str(ROOT / "bindings" / "python" / "examples" / "sweep.py"), "shapes",
        "--images", "64", "--epochs", "20", "--trials", "2", "--heartbeat", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}
    def runs():
        try:
            return cifar.Registry("runs.db").runs()
        except cifar.errors.NotFoundError:  # not yet
            return []

    with open("log.txt", "w") as log:
        first = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 120
            while not any(run["epochs"] > 0 for run in runs()):
                assert first.poll() is None and time.monotonic() < deadline, open("log.txt").read()
                time.sleep(0.05)
        finally:
            first.kill()
            first.wait()
    (killed,) = runs()
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=240)

    study = optuna.load_study(study_name="sweep", storage="sqlite:///sweep.db")
    failed = [trial for trial in study.trials if trial.state.name == "FAIL"]
    assert [trial.number for trial in failed] == [0]
    (again,) = [
        trial for trial in study.trials if trial.number and trial.user_attrs["run"] == "sweep-0"]
    assert again.params == failed[0].params
    # Two trials, two runs: nothing was trained again from its beginning.
    stored = {run["name"]: run for run in runs()}
    assert len(stored) == len(runs()) == 2
    assert stored["sweep-0"]["tags"] == f"study=sweep, trial=0, trial={again.number}"
    epochs = [epoch["epoch"] for epoch in cifar.Registry("runs.db").run("sweep-0")["epochs"]]
    assert epochs == list(range(1, 1 + len(epochs)))
    # The first worker stores an epoch before it reports it, and may have been killed in between.
    reported = set(again.intermediate_values)
    assert set(range(killed["epochs"] + 1, 1 + len(epochs))) <= reported <= set(epochs)
    assert len(epochs) > killed["epochs"]


def killed_before_its_first_checkpoint(images, name):
    process = os.fork()
    if process == 0:
        cifar.fit(
            *images, model=SPEC, epochs=2, verbose=0, name=name, registry="runs.db",
            on_batch=lambda batch: os.kill(os.getpid(), signal.SIGKILL))
    os.waitpid(process, 0)
    assert cifar.Registry("runs.db").run(name)["checkpoints"] == []


@pytest.mark.parametrize("example", ["sweep.py", "sweep_dask.py"])
def test_a_run_without_a_checkpoint_makes_place_for_another(small, workplace, example):
    options = ["--images", "64", "--epochs", "1", "--trials", "1"]
    if example == "sweep_dask.py":
        pytest.importorskip("dask.distributed")
        options += ["--workers", "1"]
    elif not hasattr(optuna.storages, "RetryHeartbeatStaleTrialCallback"):
        pytest.skip("the example needs Optuna 4.9")
    else:
        study = optuna.create_study(
            study_name="sweep", storage="sqlite:///sweep.db", direction="maximize")
        study.enqueue_trial({}, user_attrs={"run": "sweep-0"})
    killed_before_its_first_checkpoint(small, "sweep-0")
    subprocess.run(
        [sys.executable, str(ROOT / "bindings" / "python" / "examples" / example), "shapes", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}, check=True, timeout=240)
    run, = cifar.Registry("runs.db").runs()
    assert (run["name"], run["status"], run["epochs"]) == ("sweep-0", "completed", 1)
    assert run["tags"] == "study=sweep, trial=0"
