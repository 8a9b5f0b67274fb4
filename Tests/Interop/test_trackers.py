"""What TensorBoard, MLflow, Weights & Biases and Trackio read of a training, with their own readers."""

import json
import os
import re
import signal
import subprocess
import sys

import cifar
import pytest

SPEC = cifar.ModelSpec().flatten().dense(10)
METRICS = ["train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate"]


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def fit(small, **options):
    return cifar.fit(*small, model=SPEC, verbose=0, **{"epochs": 3, **options})


def accumulator(directory):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(directory))
    events.Reload()
    return events


# TensorBoard --------------------------------------------------------------------------------------


def test_tensorboard_while_training(small, workplace):
    seen = []

    def look(epoch):
        epoch.log(f1=epoch.epoch / 10)
        (directory,) = os.listdir("logs")
        seen.append([event.step for event in accumulator(f"logs/{directory}").Scalars("loss/validation")])

    run = fit(small, name="first/run <b>", group="both", tensorboard="logs", callbacks=[look])
    assert seen == [[1], [1, 2], [1, 2, 3]]
    (directory,) = os.listdir("logs")
    assert directory.startswith(run.id[:8] + "-first_run")
    events = accumulator(f"logs/{directory}")
    for tag, name in [("loss/train", "train_loss"), ("accuracy/validation", "val_accuracy"),
                      ("learning_rate", "learning_rate"), ("speed/seconds", "seconds")]:
        values = [event.value for event in events.Scalars(tag)]
        assert values == pytest.approx([getattr(epoch, name) for epoch in run.epochs], rel=1e-6)
    assert [event.value for event in events.Scalars("f1")] == pytest.approx([0.1, 0.2, 0.3])
    (text,) = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("run")]
    assert f"| run | {run.id} |" in text and "| optimizer.learning_rate | 0.001 |" in text
    assert "first/run &lt;b>" in text


def hparams(directory):
    """What the hparams plugin has of a run: its hyperparameters, and how it ended."""
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    tags = accumulator(directory).PluginTagToContent("hparams")
    start = metadata.parse_session_start_info_plugin_data(tags["_hparams_/session_start_info"])
    end = tags.get("_hparams_/session_end_info")
    return start, end and metadata.parse_session_end_info_plugin_data(end)


def test_tensorboard_hparams(small, workplace):
    fit(small, epochs=1, tensorboard="logs", group="both", learning_rate=0.01, optimizer="sgd")
    (directory,) = os.listdir("logs")
    start, end = hparams(f"logs/{directory}")
    assert start.hparams["optimizer.learning_rate"].number_value == pytest.approx(0.01)
    assert start.hparams["optimizer.type"].string_value == "sgd"
    assert start.group_name == "both" and end.status == 1
    cifar_runs = subprocess.run(
        ["cifar-runs", "export", "--format", "tensorboard", "-o", "exported"], capture_output=True)
    assert cifar_runs.returncode == 0
    exported, end = hparams(f"exported/{os.listdir('exported')[0]}")
    assert dict(exported.hparams) == dict(start.hparams) and end.status == 1


def test_tensorboard_goes_on_where_a_run_does(small, workplace):
    def stop(epoch):
        if epoch.epoch == 4:
            raise cifar.StopTraining

    run = fit(small, epochs=6, tensorboard="logs", callbacks=[stop, lambda e: e.log(f1=e.epoch)])
    (checkpoint, *_) = [
        row["id"] for row in cifar.Registry().run(run.id)["checkpoints"] if row["epoch"] == 3]
    rest = cifar.resume(run.id, train=small[0], validation=small[1], checkpoint=checkpoint,
                        tensorboard="logs", verbose=0)
    (directory,) = os.listdir("logs")
    assert len(os.listdir(f"logs/{directory}")) == 2
    events = accumulator(f"logs/{directory}")
    steps = [event.step for event in events.Scalars("loss/validation")]
    assert steps == [1, 2, 3, 4, 5, 6], "what was trained again stands once"
    stored = cifar.Registry().run(run.id)["epochs"]
    assert [event.value for event in events.Scalars("loss/validation")] == pytest.approx(
        [row["val_loss"] for row in stored], rel=1e-6)
    assert [event.step for event in events.Scalars("f1")] == [1, 2, 3]
    assert [epoch.epoch for epoch in rest.epochs] == [4, 5, 6]


def test_tensorboard_after_a_kill(small, workplace):
    command = ["cifar", "train", "--data", "shapes", "--limit-train", "64", "--limit-test", "32",
               "--epochs", "1000", "--early-stopping", "off", "--tensorboard", "logs", "--name", "killed"]
    trainer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in trainer.stdout:
        if re.match(r"epoch +2/", line):
            break
    trainer.send_signal(signal.SIGKILL)
    trainer.communicate()
    (directory,) = os.listdir("logs")
    (file,) = os.listdir(f"logs/{directory}")
    # Half a record, as a kill in the middle of a write leaves it.
    with open(f"logs/{directory}/{file}", "ab") as torn:
        torn.write(b"\x10\0\0\0")
    epochs = len(cifar.Registry().run("killed")["epochs"])
    subprocess.run(
        ["cifar", "resume", "killed", "--epochs", str(epochs + 2), "--tensorboard", "logs", "--quiet"],
        check=True, capture_output=True)
    steps = [e.step for e in accumulator(f"logs/{directory}").Scalars("accuracy/train")]
    assert steps == list(range(1, epochs + 3))


# MLflow -------------------------------------------------------------------------------------------


@pytest.fixture
def mlflow(workplace):
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{workplace}/mlflow.db")
    yield mlflow
    while mlflow.active_run():
        mlflow.end_run()


def test_mlflow(small, mlflow):
    run = fit(small, callbacks=[cifar.callbacks.MLflow("tests")], optimizer="sgd", momentum=0.9)
    client = mlflow.MlflowClient()
    (stored,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert client.get_experiment(stored.info.experiment_id).name == "tests"
    assert (stored.info.status, stored.info.run_name) == ("FINISHED", run.id[:8])
    assert stored.data.params["optimizer.momentum"] == "0.9" and stored.data.params["epochs"] == "3"
    assert stored.data.tags["cifar.run_id"] == run.id and stored.data.tags["cifar.status"] == "completed"
    for name in METRICS:
        history = client.get_metric_history(stored.info.run_id, name)
        assert [(m.step, m.value) for m in history] == [
            (epoch.epoch, getattr(epoch, name)) for epoch in run.epochs]


def test_mlflow_continues_a_resumed_run(small, mlflow):
    def stop(epoch):
        if epoch.epoch == 2:
            raise cifar.StopTraining

    options = dict(tracking_uri=mlflow.get_tracking_uri(), name="mine")
    run = fit(small, epochs=4, callbacks=[cifar.callbacks.MLflow(**options), stop])
    cifar.resume(run.id, train=small[0], validation=small[1], epochs=5, verbose=0,
                 callbacks=[cifar.callbacks.MLflow(**options)])
    (stored,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert (stored.info.run_name, stored.info.status) == ("mine", "FINISHED")
    history = mlflow.MlflowClient().get_metric_history(stored.info.run_id, "val_loss")
    assert [metric.step for metric in history] == [1, 2, 3, 4, 5]


def test_mlflow_within_an_active_run(small, mlflow):
    with mlflow.start_run(run_name="outer") as outer:
        fit(small, record=False, epochs=1, callbacks=[cifar.callbacks.MLflow()])
        assert mlflow.active_run().info.status == "RUNNING"
        mlflow.log_metric("more", 1)
    stored = mlflow.get_run(outer.info.run_id)
    assert stored.info.status == "FINISHED" and stored.data.metrics.keys() >= {"more", "val_accuracy"}


def test_mlflow_hears_of_a_failure(small, mlflow):
    def fail(epoch):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(small, callbacks=[cifar.callbacks.MLflow(), fail])
    (stored,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert (stored.info.status, stored.data.tags["cifar.status"]) == ("FAILED", "failed")


# The others ---------------------------------------------------------------------------------------


def test_wandb_offline(small, workplace, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    tracker = cifar.callbacks.WandB(mode="offline", dir=str(workplace))
    run = fit(small, callbacks=[tracker])
    (directory,) = [name for name in os.listdir("wandb") if name.startswith("offline-run-")]
    assert directory.endswith(run.id)
    # The content of its own file, whatever its version.
    (file,) = [name for name in os.listdir(f"wandb/{directory}") if name.endswith(".wandb")]
    content = open(f"wandb/{directory}/{file}", "rb").read()
    assert b"val_accuracy" in content and b"optimizer.learning_rate" in content
    assert b"completed" in content


def test_trackio(small, workplace, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(workplace / "trackio"))
    pytest.importorskip("trackio")
    script = """
import cifar
data = cifar.load("shapes", limit_train=64, limit_test=32)
spec = cifar.ModelSpec().flatten().dense(10)
run = cifar.fit(*data, model=spec, epochs=3, verbose=0, callbacks=[cifar.callbacks.Trackio("tests")])
print(run.id)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0, done.stderr
    identifier = done.stdout.split()[-1]
    command = [sys.executable, "-m", "trackio.cli", "list", "runs", "--project", "tests", "--json"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert identifier in listed.stdout, (listed.stdout, listed.stderr)
    assert json.loads(listed.stdout)
