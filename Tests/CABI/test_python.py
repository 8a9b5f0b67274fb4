"""The Python package on the built library."""

import math
import os
import signal
import threading

import cifar
import numpy as np
import pytest


@pytest.fixture(scope="module")
def shapes():
    return cifar.load("shapes", limit_train=512, limit_test=128)


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    registry = tmp_path_factory.mktemp("registry") / "runs.db"
    run = cifar.fit(*shapes, epochs=2, batch_size=32, registry=registry, name="module", seed=5)
    return run, registry


# Data sets ----------------------------------------------------------------------------------------


def test_arrays_come_back_as_they_were(shapes):
    images, labels = shapes.test.images, shapes.test.labels
    assert images.shape == (128, 32, 32, 3) and images.dtype == np.uint8
    again = cifar.Dataset.from_arrays(images, labels, shapes.test.class_names, split="test")
    assert (again.images == images).all() and (again.labels == labels).all()
    planes = cifar.Dataset.from_arrays(images.transpose(0, 3, 1, 2), labels)
    assert (planes.images == images).all()
    assert again.class_names == shapes.test.class_names and again.split == "test"


def test_labels_in_every_usual_form():
    images = np.zeros((3, 32, 32, 3), np.uint8)
    one_hot = np.eye(5)[[4, 0, 2]]
    for labels in [[4, 0, 2], [[4], [0], [2]], np.array([4, 0, 2], np.uint8), one_hot]:
        dataset = cifar.Dataset.from_arrays(images, labels)
        assert dataset.labels.tolist() == [4, 0, 2] and len(dataset.class_names) == 5


@pytest.mark.parametrize(
    "images, labels, error, words",
    [
        (np.zeros((2, 32, 32, 3)), [0, 1], TypeError, "uint8"),
        (np.zeros((2, 28, 28, 3), np.uint8), [0, 1], ValueError, "(2, 28, 28, 3)"),
        (np.zeros((2, 32, 32, 3), np.uint8), [0, 1, 2], ValueError, "3 labels"),
        (np.zeros((2, 32, 32, 3), np.uint8), [0.5, 1.0], TypeError, "whole"),
        (np.zeros((2, 32, 32, 3), np.uint8), [0, -1], cifar.CifarError, "label -1 of image 1"),
        (np.zeros((2, 32, 32, 3), np.uint8), [0, 2**40], ValueError, "int32"),
        (np.zeros((2, 32, 32, 3), np.uint8), [[1, 1], [0, 1]], ValueError, "one-hot"),
        (np.zeros((0, 32, 32, 3), np.uint8), [], (cifar.CifarError, TypeError), ""),
    ],
)
def test_wrong_arrays_are_refused(images, labels, error, words):
    with pytest.raises(error) as info:
        cifar.Dataset.from_arrays(images, labels)
    assert words in str(info.value)


def test_a_missing_directory_is_named():
    with pytest.raises(cifar.CifarError, match="/nowhere") as info:
        cifar.Dataset.open("/nowhere")
    assert info.value.status == "CIFAR_E_NOT_FOUND"


# Training -----------------------------------------------------------------------------------------


def test_fit_records_what_it_returns(trained, shapes):
    run, registry = trained
    assert run.status == "completed" and [epoch.epoch for epoch in run.epochs] == [1, 2]
    row = cifar.Registry(registry).run("module")
    assert row["id"] == run.id and row["status"] == "completed"
    assert [epoch["val_loss"] for epoch in row["epochs"]] == [e.val_loss for e in run.epochs]
    assert row["hyperparameters"] == run.hyperparameters
    assert row["hyperparameters"]["seed"] == 5 and row["hyperparameters"]["batch_size"] == 32
    best = min(run.epochs, key=lambda epoch: epoch.val_loss)
    assert run.model.evaluate(shapes.test).loss == best.val_loss


def test_runs_are_plain_dicts(trained):
    (row,) = cifar.Registry(trained[1]).runs()
    assert row["name"] == "module" and row["epochs"] == 2
    assert all(value is None or isinstance(value, (str, int, float)) for value in row.values())


def test_predict_agrees_with_evaluate(trained, shapes):
    model = trained[0].model
    probabilities = model.predict(shapes.test.images)
    assert probabilities.shape == (128, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    result = model.evaluate(shapes.test)
    assert result.accuracy == (probabilities.argmax(1) == shapes.test.labels).mean()
    chosen = probabilities[np.arange(128), shapes.test.labels]
    assert math.isclose(result.loss, -np.log(chosen.astype(float)).mean(), rel_tol=1e-5)


def test_a_saved_model_is_the_same(trained, shapes, tmp_path):
    model = trained[0].model
    model.save(tmp_path / "model.safetensors")
    again = cifar.Model.open(tmp_path / "model.safetensors", threads=1)
    assert (again.predict(shapes.test.images) == model.predict(shapes.test.images)).all()
    best = cifar.Model.from_run("module", registry=trained[1])
    assert best.evaluate(shapes.test) == model.evaluate(shapes.test)


def test_callbacks_stop_the_training(shapes, workplace):
    seen = []
    run = cifar.fit(
        *shapes, epochs=5, callbacks=[seen.append, lambda epoch: epoch.epoch == 2]
    )
    assert run.status == "stopped" and [epoch.epoch for epoch in seen] == [1, 2]
    batches = []
    run = cifar.fit(*shapes, epochs=5, on_batch=lambda b: batches.append(b) or b.batch == 3)
    assert run.status == "stopped" and [batch.batch for batch in batches] == [1, 2, 3]
    statuses = [row["status"] for row in cifar.Registry().runs()]
    assert statuses == ["stopped", "stopped"]


def test_a_callbacks_exception_comes_back(shapes, workplace):
    def fail(_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as info:
        cifar.fit(*shapes, epochs=2, callbacks=[fail])
    assert any(entry.name == "fail" for entry in info.traceback)


def test_ctrl_c_raises_and_leaves_a_checkpoint(shapes, workplace):
    def press(batch):
        if batch.batch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        cifar.fit(*shapes, epochs=5, on_batch=press, name="pressed")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    row = cifar.Registry().run("pressed")
    assert row["status"] == "interrupted"
    assert 3 <= row["checkpoints"][-1]["batch"] <= 4


def test_training_lets_other_threads_run(shapes, workplace):
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.wait(0.01):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    cifar.fit(*shapes, epochs=1, record=False)
    stop.set()
    thread.join()
    assert len(ticks) > 5


def test_training_in_another_thread(shapes, workplace):
    results = []
    thread = threading.Thread(
        target=lambda: results.append(cifar.fit(*shapes, epochs=1, record=False))
    )
    thread.start()
    thread.join()
    assert results[0].status == "completed" and results[0].id is None
    assert not (workplace / "runs.db").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"recipe": "torch"}, "unknown recipe 'torch'"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"batch_size": 1_000_000}, "batch size 1000000"),
        ({"epochs": -1}, "epochs -1"),
        ({"lr": float("nan")}, "learning rate nan"),
        ({"lr": -1.0}, "learning rate -1"),
        ({"seed": -1}, "seed -1"),
        ({"threads": 5000}, "threads 5000"),
        ({"registry": "/nowhere/runs.db"}, "/nowhere"),
    ],
)
def test_wrong_options_leave_no_run(shapes, workplace, options, words):
    with pytest.raises((cifar.CifarError, ValueError)) as info:
        cifar.fit(*shapes, **options)
    assert words in str(info.value) and "\n" not in str(info.value)
    if (workplace / "runs.db").exists():
        assert cifar.Registry().runs() == []


def test_resume_of_arrays_needs_the_same_arrays(shapes, workplace):
    train = cifar.Dataset.from_arrays(shapes.train.images, shapes.train.labels)
    test = cifar.Dataset.from_arrays(shapes.test.images, shapes.test.labels, split="test")
    cifar.fit(train, test, epochs=1, name="arrays")
    with pytest.raises(cifar.CifarError, match="from memory"):
        cifar.resume("arrays", epochs=2)
    with pytest.raises(cifar.CifarError) as info:
        cifar.resume("arrays", epochs=2, train=test, validation=train)
    assert info.value.status == "CIFAR_E_SHAPE_MISMATCH"
    run = cifar.resume("arrays", epochs=2, train=train, validation=test)
    assert [epoch.epoch for epoch in run.epochs] == [2]
    assert [e["epoch"] for e in cifar.Registry().run("arrays")["epochs"]] == [1, 2]


def test_the_log_has_a_receiver():
    lines = []
    cifar.set_log(lambda level, line: lines.append((level, line)))
    cifar.set_log(None)
    assert lines == []
