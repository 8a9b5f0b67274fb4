"""What cifar.callbacks tells MLflow, Weights & Biases and Trackio, by modules that note it down; and
event files where there is no room for them. Tests/Interop has the real ones."""

import os
import resource
import sys
import types

import cifar
import pytest
from conftest import run

SPEC = cifar.ModelSpec().flatten().dense(10)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def fit(small, **options):
    return cifar.fit(*small, model=SPEC, verbose=0, **{"epochs": 2, **options})


class Noting:
    """A run of a service."""

    def __init__(self, calls, broken):
        self.calls, self.broken, self.summary = calls, broken, {}

    def log(self, metrics, step):
        if self.broken:
            raise ConnectionError("the service is gone")
        self.calls.append(("log", step, metrics))

    def finish(self, exit_code=0):
        self.calls.append(("finish", exit_code, dict(self.summary)))


@pytest.fixture
def service(monkeypatch):
    """Puts a module in the place of wandb or trackio; what it was told is in its `calls`."""

    def put(name, broken=False):
        module = types.ModuleType(name)
        module.calls = []
        inner = Noting(module.calls, broken)

        def init(**options):
            module.calls.append(("init", options))
            return inner

        module.init, module.log, module.finish = init, inner.log, inner.finish
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return put


@pytest.mark.parametrize("name, kind, identity", [
    ("wandb", cifar.callbacks.WandB, "id"), ("trackio", cifar.callbacks.Trackio, "name")])
def test_what_a_service_hears(small, workplace, service, name, kind, identity):
    module = service(name)
    result = fit(small, callbacks=[kind("tests", group="g"), lambda epoch: epoch.log(f1=epoch.epoch / 10)],
                 learning_rate=0.01, name="mine", seed=1)
    (began, options), *logs, (ended, code, summary) = module.calls
    assert (began, ended, code) == ("init", "finish", 0)
    assert options["project"] == "tests" and options["group"] == "g" and options["resume"] == "allow"
    assert options[identity] == result.id and options["config"]["optimizer.learning_rate"] == 0.01
    assert options["config"]["epochs"] == 2
    assert [step for _, step, _ in logs] == [1, 2]
    for (_, _, metrics), epoch in zip(logs, result.epochs):
        for metric in ["train_loss", "val_loss", "val_accuracy", "learning_rate", "cpu_seconds", "peak_memory"]:
            assert metrics[metric] == getattr(epoch, metric)
        assert metrics["f1"] == epoch.epoch / 10
    assert options["config"]["epochs"] == 2 and options["config"]["callbacks.0.type"]
    if name == "wandb":
        assert options["name"] == "mine"
        assert summary == {"status": "completed"}
    module.calls.clear()
    cifar.resume(result.id, train=small[0], validation=small[1], epochs=3, verbose=0,
                 callbacks=[kind("tests")])
    assert module.calls[0][1][identity] == result.id and module.calls[1][1] == 3


def test_a_service_that_is_gone_ends_no_training(small, workplace, service):
    module = service("wandb", broken=True)
    with pytest.warns(RuntimeWarning, match="WandB: the service is gone; training continues") as warned:
        result = fit(small, callbacks=[cifar.callbacks.WandB()])
    assert len(warned) == 1 and result.status == "completed"
    assert [call[0] for call in module.calls] == ["init"]


def test_a_failure_is_told(small, workplace, service):
    module = service("wandb")

    def fail(epoch):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(small, callbacks=[cifar.callbacks.WandB(), fail])
    assert module.calls[-1] == ("finish", 1, {"status": "failed"})

    def interrupt(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(small, callbacks=[cifar.callbacks.WandB(), interrupt])
    assert module.calls[-1][2] == {"status": "interrupted"}


@pytest.mark.parametrize("name, kind", [
    ("mlflow", cifar.callbacks.MLflow), ("wandb", cifar.callbacks.WandB),
    ("trackio", cifar.callbacks.Trackio)])
def test_without_the_package(small, workplace, monkeypatch, name, kind):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"cifar.callbacks.{kind.__name__} needs {name}: pip install"):
        fit(small, callbacks=[kind()])
    assert not os.path.exists("runs.db"), "nothing was recorded"


# TensorBoard --------------------------------------------------------------------------------------

SMALL = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 2, "--quiet"]


def test_event_files_of_commands(workplace):
    identifier = run("cifar", "train", *SMALL, "--tensorboard", "logs").stdout_text.split()[-1]
    (directory,) = os.listdir("logs")
    assert directory == identifier[:8]
    run("cifar", "resume", identifier, "--epochs", 3, "--tensorboard", "logs", "--quiet")
    assert os.listdir("logs") == [directory] and len(os.listdir(f"logs/{directory}")) == 2


def test_a_directory_that_cannot_be_written(small, workplace):
    (workplace / "file").write_text("")
    for place in ["file", "file/logs", "nothing/logs", "/proc/logs", "/dev/full"]:
        said = run("cifar", "train", *SMALL, "--tensorboard", place, expect=1).stderr_text
        assert "TensorBoard: can't" in said and place in said, said
        with pytest.raises(cifar.CifarError, match="TensorBoard"):
            fit(small, tensorboard=place)
    assert not os.path.exists("runs.db"), "nothing was recorded"
    with pytest.raises(cifar.CifarError, match="has no name"):
        fit(small, tensorboard="")


def test_a_log_that_can_no_longer_be_written_ends_no_training(small, workplace):
    lines, sizes = [], []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(epoch):
        (directory,) = os.listdir("logs")
        (name,) = os.listdir(f"logs/{directory}")
        sizes.append(os.path.getsize(f"logs/{directory}/{name}"))
        # As on a full disk, a part of what comes next is written.
        resource.setrlimit(resource.RLIMIT_FSIZE, (sizes[0] + 100, before[1]))

    cifar.set_log(lambda level, line: lines.append(line))
    try:
        result = fit(small, record=False, epochs=3, tensorboard="logs", callbacks=[fill])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        cifar.set_log(None)
    assert result.status == "completed" and len(result.epochs) == 3
    assert sizes == sizes[:1] * 3, "no half of a record stays"
    (line,) = [line for line in lines if "TensorBoard" in line]
    assert "training continues without it; cifar-runs export" in line
