"""The Python package on the built library."""

import math
import os
import signal
import struct
import threading
import zlib

import cifar
import numpy as np
import pytest
from PIL import Image


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
        (np.full((2, 32, 32, 3), -1), [0, 1], ValueError, "values from -1 to -1"),
        (np.full((2, 32, 32, 3), np.nan), [0, 1], ValueError, "values from nan to nan"),
        (np.full((2, 32, 32, 3), 256.0), [0, 1], ValueError, "values from 256.0 to 256.0"),
        (np.zeros((2, 32, 32, 3), object), [0, 1], TypeError, "images are object"),
        (np.zeros((2, 28, 28, 4), np.uint8), [0, 1], ValueError, "(2, 28, 28, 4)"),
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


def test_a_folder_with_a_subfolder_a_class(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), np.uint8)
    for index, name in enumerate(["b", "a", "b", "a", "c", "b"]):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(pixels[index]).save(tmp_path / name / f"{index}.png")
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    (tmp_path / ".cache").mkdir()
    dataset = cifar.Dataset.from_folder(tmp_path, split="test")
    assert dataset.class_names == ["a", "b", "c"] and dataset.split == "test"
    assert dataset.labels.tolist() == [0, 0, 1, 1, 1, 2]
    assert (dataset.images == pixels[[1, 3, 0, 2, 5, 4]]).all()

    Image.new("L", (40, 20), 77).save(tmp_path / "c" / "wide.png")
    with pytest.raises(ValueError, match="wide.png' is 40×20, but the first picture 32×32"):
        cifar.Dataset.from_folder(tmp_path)
    resized = cifar.Dataset.from_folder(tmp_path, resize=True)
    assert (resized.images[-1] == 77).all()
    assert cifar.Dataset.from_folder(tmp_path, resize=(16, 48)).image_shape == (16, 48, 3)
    (tmp_path / "c" / "broken.png").write_bytes(b"no png")
    with pytest.raises(ValueError, match="broken.png' can't be read"):
        cifar.Dataset.from_folder(tmp_path, resize=True)
    # A few bytes that say they are 800 million pixels are refused before they are decoded.
    header = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 20_000, 8, 2, 0, 0, 0)
    (tmp_path / "c" / "broken.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
        + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 0) + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT")))
    for resize in (False, True):
        with pytest.raises(ValueError, match="broken.png'"):
            cifar.Dataset.from_folder(tmp_path, resize=resize)
    (tmp_path / "d").mkdir()
    with pytest.raises(ValueError, match="d' has no pictures"):
        (tmp_path / "c" / "broken.png").unlink()
        cifar.Dataset.from_folder(tmp_path, resize=True)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        cifar.Dataset.from_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="0 subfolders"):
        cifar.Dataset.from_folder(tmp_path / "d")


def test_folders_that_differ_in_bytes_are_classes(tmp_path):
    """As with and without a combining mark: equal for Unicode, two for the file system."""
    names = ["e\u0301", "\u00e9"]
    for name in names:
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 32)).save(tmp_path / name / "0.png")
    assert cifar.Dataset.from_folder(tmp_path).class_names == names


def test_no_two_classes_share_a_name(shapes):
    names = ["a", "b", "c", "b", *map(str, range(6))]
    with pytest.raises(cifar.CifarError, match=r"names\[1\] and class_names\[3\] are both 'b'"):
        cifar.Dataset.from_arrays(shapes.test.images, shapes.test.labels, names)


def test_what_lies_beside_pictures_in_folders(tmp_path):
    values = np.arange(1024, dtype=np.uint16).reshape(32, 32) * 64
    expected = np.repeat((values >> 8).astype(np.uint8)[..., None], 3, 2)
    for name in ["a", "b"]:
        (tmp_path / name).mkdir()
        Image.fromarray(values).save(tmp_path / name / "deep.png")
        Image.fromarray(values).save(tmp_path / name / "deep.tif")
        # What macOS writes on disks of others, and Windows into folders with pictures.
        (tmp_path / name / "._deep.png").write_bytes(b"\0\x05\x16\x07")
        (tmp_path / name / ".hidden.png").write_bytes(b"")
        (tmp_path / name / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".git").mkdir()
    dataset = cifar.Dataset.from_folder(tmp_path)
    assert dataset.class_names == ["a", "b"] and len(dataset) == 4
    assert all(np.array_equal(image, expected) for image in dataset.images)
    for wrong in [np.zeros((32, 32), np.float32), np.full((32, 32), 70000, np.int32)]:
        Image.fromarray(wrong).save(tmp_path / "a" / "wrong.tif")
        with pytest.raises(ValueError, match="wrong.tif.*its values are"):
            cifar.Dataset.from_folder(tmp_path)


def test_other_numbers_of_classes_are_learned(shapes, workplace):
    train = cifar.Dataset.from_arrays(shapes.train.images, shapes.train.labels % 3)
    test = cifar.Dataset.from_arrays(shapes.test.images, shapes.test.labels % 3, split="test")
    run = cifar.fit(train, test, epochs=1, steps_per_epoch=2, name="three")
    assert run.model.predict(test.images[:5]).shape == (5, 3)
    result = run.model.evaluate(test)
    assert list(result.classes) == ["0", "1", "2"] and result.top5_accuracy == 1


def test_class_names_must_agree(shapes, workplace):
    names = [str(index) for index in range(10)]
    train = cifar.Dataset.from_arrays(shapes.train.images, shapes.train.labels, names)
    test = cifar.Dataset.from_arrays(
        shapes.test.images, 9 - shapes.test.labels, names[::-1], split="test")
    with pytest.raises((cifar.CifarError, ValueError), match="class 0 is '0' in the training images"):
        cifar.fit(train, test, epochs=1)
    assert not (workplace / "runs.db").exists()
    plain = cifar.Dataset.from_arrays(shapes.test.images, shapes.test.labels, split="test")
    model = cifar.fit(shapes.train, plain, epochs=1, steps_per_epoch=2, record=False).model
    assert model.class_names == shapes.train.class_names
    assert list(model.evaluate(plain).classes) == shapes.train.class_names
    with pytest.raises((cifar.CifarError, ValueError), match="in the model, but"):
        model.evaluate(test)


def test_evaluation_class_by_class(trained, shapes):
    model = trained[0].model
    result = model.evaluate(shapes.test)
    probabilities = model.predict(shapes.test.images)
    labels = shapes.test.labels
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, probabilities.argmax(1)), 1)
    assert result.confusion == confusion.tolist() and not result.flips
    top5 = np.argsort(-probabilities, axis=1, kind="stable")[:, :5]
    assert result.top5_accuracy == (top5 == labels[:, None]).any(1).mean()
    for index, (name, scores) in enumerate(result.classes.items()):
        assert name == shapes.test.class_names[index]
        hits, taken, support = (
            confusion[index, index], confusion[:, index].sum(), confusion[index].sum())
        assert scores.support == support
        assert scores.precision == (hits / taken if taken else 0)
        assert scores.recall == (hits / support if support else 0)
        assert math.isclose(scores.f1, 2 * hits / max(1, taken + support))
    mean = sum(scores.f1 for scores in result.classes.values()) / 10
    assert math.isclose(result.macro_f1, mean)
    flipped = model.evaluate(shapes.test, flips=True)
    both = (probabilities + model.predict(shapes.test.images[:, :, ::-1])) / 2
    assert flipped.flips and flipped.accuracy == (both.argmax(1) == labels).mean()


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
    # A model computes batch norm with the convolutions: the same numbers but for rounding.
    assert math.isclose(run.model.evaluate(shapes.test).loss, best.val_loss, rel_tol=1e-6)


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


def test_layers_in_keras_words():
    spec = (
        cifar.ModelSpec().conv2d(8, (3, 3), (1, 1), activation="relu").max_pool((2, 2))
        .conv2d(8, 3, 2, activation="gelu").avg_pool(2).flatten()
        .dense(16, activation="relu").dense(10, activation="softmax"))
    assert spec == (
        cifar.ModelSpec().conv2d(8).relu().max_pool().conv2d(8, stride=2).gelu().avg_pool()
        .flatten().dense(16).relu().dense(10))
    other = spec.copy()
    assert other == spec and len(other.relu()) == len(spec) + 1


def test_a_saved_model_is_the_same(trained, shapes, tmp_path):
    model = trained[0].model
    model.save(tmp_path / "model.safetensors")
    again = cifar.Model.open(tmp_path / "model.safetensors", threads=1)
    assert (again.predict(shapes.test.images) == model.predict(shapes.test.images)).all()
    best = cifar.Model.from_run("module", registry=trained[1])
    assert best.evaluate(shapes.test) == model.evaluate(shapes.test)


def stop_at(place, last):
    if place == last:
        raise cifar.StopTraining(f"at {last}")


def test_callbacks_stop_the_training(shapes, workplace):
    seen = []
    run = cifar.fit(
        *shapes, epochs=5, callbacks=[lambda epoch: stop_at(epoch.epoch, 2), seen.append]
    )
    assert run.status == "stopped" and [epoch.epoch for epoch in seen] == [1, 2]
    assert "stop_at" not in run.reason and "<lambda> in " in run.reason
    assert run.reason.endswith("raised StopTraining: at 2)")
    batches = []
    run = cifar.fit(
        *shapes, epochs=5, on_batch=lambda b: batches.append(b) or stop_at(b.batch, 3))
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
        ({"batch_size": 1_000_000}, "batch_size 1000000"),
        ({"epochs": -1}, "epochs -1"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
        ({"learning_rate": -1.0}, "learning_rate -1"),
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


def test_a_log_that_cannot_be_written_is_told_once(shapes, workplace):
    (workplace / "logs").mkdir()
    run = cifar.fit(*shapes, epochs=1, csv_logger={"filename": "logs/a.csv"})
    (workplace / "logs").rename(workplace / "old")
    lines = []
    cifar.set_log(lambda level, line: lines.append((level, line)))
    try:
        again = cifar.resume(run.id, epochs=3)
    finally:
        cifar.set_log(None)
    assert again.status == "completed"
    told = [level for level, line in lines if "logs/a.csv" in line]
    assert told == [30]


# Hyperparameters and callbacks --------------------------------------------------------------------


def test_hyperparameters_by_name(shapes, workplace):
    run = cifar.fit(
        *shapes, epochs=2, record=False, recipe="keras", optimizer="sgd", momentum=0.9,
        nesterov=True, weight_decay=1e-4, clip_norm=1, label_smoothing=0.1, steps_per_epoch=3,
        ema=0.9, schedule={"type": "cosine", "warmup": 1}, early_stopping={"patience": 1},
        reduce_lr_on_plateau=False, model_checkpoint={"save_best_only": False},
        csv_logger={"filename": str(workplace / "log.csv")},
        augmentations=[{"type": "random_horizontal_flip", "probability": 0.5}],
    )
    all_of_it = run.hyperparameters
    assert all_of_it["optimizer"] | {"type": "sgd", "momentum": 0.9, "nesterov": True} == (
        all_of_it["optimizer"])
    assert all_of_it["loss"]["label_smoothing"] == 0.1 and all_of_it["steps_per_epoch"] == 3
    assert all_of_it["schedule"]["warmup"] == 1 and all_of_it["ema"] == 0.9
    kinds = [callback["type"] for callback in all_of_it["callbacks"]]
    assert kinds == ["early_stopping", "model_checkpoint", "csv_logger"]
    assert [epoch.is_best for epoch in run.epochs] == [True, True]
    assert len((workplace / "log.csv").read_text().splitlines()) == 3
    # And back again: a run's own hyperparameters are taken as they are.
    others = ["data", "recipe", "epochs", "batch_size", "seed", "callbacks"]
    taken = {key: value for key, value in all_of_it.items() if key not in others}
    again = cifar.fit(
        *shapes, epochs=2, record=False, recipe="keras", early_stopping={"patience": 1},
        reduce_lr_on_plateau=False, **taken,
    )
    assert [epoch.val_loss for epoch in again.epochs] == [epoch.val_loss for epoch in run.epochs]


def test_an_epoch_that_diverges_has_its_row(shapes, workplace):
    log = workplace / "log.csv"
    seen = []
    run = cifar.fit(
        *shapes, epochs=3, learning_rate=1e30, recipe="keras", terminate_on_nan=True, name="diverged",
        csv_logger={"filename": str(log)}, callbacks=[seen.append],
    )
    assert run.status == "failed" and run.reason.startswith("terminate on NaN: the loss is ")
    assert len(run.epochs) == len(seen) == 1
    for epoch in [run.epochs[0], seen[0]]:
        assert not math.isfinite(epoch.train_loss) and not math.isfinite(epoch.val_loss)
        assert "-" not in f"{epoch.train_loss} {epoch.val_loss}"
    text = log.read_text()
    assert len(text.splitlines()) == 2 and "nan" in text and "-nan" not in text
    record = cifar.Registry().run("diverged")
    assert record["status"] == "failed"
    (row,) = record["epochs"]
    assert row["epoch"] == 1 and not math.isfinite(row["val_loss"])
    with pytest.raises(cifar.CifarError) as info:
        cifar.fit(*shapes, epochs=3, learning_rate=1e30, recipe="keras", record=False)
    assert info.value.status == "CIFAR_E_NOT_FINITE" and "-nan" not in str(info.value)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"clip_norm": 1, "clipvalue": 1}, "exclude each other"),
        ({"reduce_lr_on_plateau": {"min_delta": 0.1}}, "'min_delta' is Keras's"),
        ({"loss": {"clipping": 1e-7}}, "loss.clipping"),
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"lr": 0.1}, "there is no 'lr'; did you mean 'learning_rate'?"),
        ({"optimizer": "lion"}, "optimizer.type 'lion' is none of adam, adamw, sgd, muon"),
        ({"momentum": 0.9}, "momentum 0.9 is that of sgd and muon"),
        ({"schedule": "step"}, "step_size"),
        ({"early_stopping": {"patience": -1}}, "patience -1"),
        ({"augment": [{"type": "random_rotation", "degrees": 500}]}, "degrees 500"),
        ({"csv_logger": {"filename": "/nowhere/a.csv"}}, "/nowhere/a.csv"),
    ],
)
def test_wrong_hyperparameters_are_named(shapes, workplace, options, words):
    with pytest.raises(cifar.CifarError) as info:
        cifar.fit(*shapes, epochs=1, **({"record": False} | options))
    assert words in str(info.value) and "\n" not in str(info.value)


class Diary(cifar.Callback):
    def __init__(self, stops_at=None):
        self.entries = []
        self.stops_at = stops_at

    def note(self, *entry):
        self.entries.append(entry)
        if entry == self.stops_at:
            self.stop_training = True

    def on_train_begin(self):
        self.note("train")

    def on_train_end(self):
        self.note("train end")

    def on_epoch_begin(self, batch):
        self.note("epoch", batch.epoch, batch.batch)

    def on_validation_begin(self):
        self.note("validation")

    def on_validation_end(self, validation):
        self.validation = validation
        self.note("validation end", validation.epoch)

    def on_epoch_end(self, epoch):
        self.epoch = epoch
        self.note("epoch end", epoch.epoch)

    def on_batch_begin(self, batch):
        self.note("batch", batch.epoch, batch.batch)

    def on_batch_end(self, batch):
        self.note("batch end", batch.epoch, batch.batch)


def test_callbacks_at_every_beginning_and_end(shapes, workplace):
    whole = []
    for epoch in [1, 2]:
        whole.append(("epoch", epoch, 0))
        for batch in [0, 1]:
            whole += [("batch", epoch, batch), ("batch end", epoch, batch + 1)]
        whole += [("validation",), ("validation end", epoch), ("epoch end", epoch)]
    whole = [("train",), *whole, ("train end",)]
    options = {"epochs": 2, "steps_per_epoch": 2, "record": False}
    diary = Diary()
    assert cifar.fit(*shapes, callbacks=[diary], **options).status == "completed"
    assert diary.entries == whole
    validation, epoch = diary.validation, diary.epoch
    assert validation.images == len(shapes[1]) and 0 < validation.seconds < epoch.seconds
    assert (validation.loss, validation.accuracy) == (epoch.val_loss, epoch.val_accuracy)
    # An epoch whose batches are all done ends, and has its row, all the same.
    for place, last in [(0, 0), (1, 1), (2, 2), (3, 3), (6, 8), (7, 8), (8, 8)]:
        diary = Diary(stops_at=whole[place])
        run = cifar.fit(*shapes, callbacks=[diary], **options)
        assert run.status == "stopped" and len(run.epochs) == (last == 8)
        assert diary.entries == [*whole[: last + 1], ("train end",)]


def test_a_learning_rate_scheduler_is_keras(shapes, workplace):
    seen = []

    def schedule(epoch, lr):
        seen.append((epoch, lr))
        return lr / 2 if epoch else None

    run = cifar.fit(
        *shapes, epochs=3, steps_per_epoch=2, name="scheduled",
        callbacks=[cifar.LearningRateScheduler(schedule)],
    )
    assert [epoch.learning_rate for epoch in run.epochs] == [1e-3, 5e-4, 2.5e-4]
    assert seen == [(0, 1e-3), (1, 1e-3), (2, 5e-4)]
    with pytest.raises(RuntimeError, match="while training"):
        cifar.Callback().set_learning_rate(1)
    with pytest.raises(cifar.CifarError, match="schedule 'cosine'"):
        cifar.fit(
            *shapes, epochs=1, steps_per_epoch=1, record=False, schedule="cosine",
            callbacks=[cifar.LearningRateScheduler(lambda epoch, lr: 1.0)],
        )


def test_a_scheduler_is_resumed_to_the_same_numbers(shapes, workplace):
    scheduler = cifar.LearningRateScheduler(lambda epoch, lr: 1e-3 * 0.5**epoch)
    options = {"epochs": 3, "steps_per_epoch": 3, "callbacks": [scheduler]}
    whole = cifar.fit(*shapes, name="whole", **options)
    first = cifar.fit(
        *shapes, name="first", on_batch=lambda b: stop_at((b.epoch, b.batch), (2, 2)), **options)
    rest = cifar.resume("first", callbacks=[scheduler])
    assert rest.status == "completed"
    numbers = [(e.learning_rate, e.train_loss, e.val_loss) for e in first.epochs + rest.epochs]
    assert numbers == [(e.learning_rate, e.train_loss, e.val_loss) for e in whole.epochs]


def test_rates_from_another_thread_are_refused(shapes, workplace):
    class Other(cifar.Callback):
        error = None

        def on_batch_begin(self, batch):
            def try_it():
                try:
                    self.set_learning_rate(1.0)
                except cifar.CifarError as error:
                    self.error = error

            thread = threading.Thread(target=try_it)
            thread.start()
            thread.join()
            self.stop_training = True

    other = Other()
    cifar.fit(*shapes, epochs=1, record=False, callbacks=[other])
    assert other.error.status == "CIFAR_E_INVALID_STATE"


def test_a_timer_stops_and_resume_goes_on(shapes, workplace):
    run = cifar.fit(*shapes, epochs=1, name="timed", timer={"seconds": 1e-6})
    assert run.status == "stopped" and "timer" in run.reason
    row = cifar.Registry().run("timed")
    assert row["status"] == "stopped" and row["checkpoints"][-1]["batch"] == 1
    run = cifar.resume("timed")
    assert run.status == "stopped"
    assert cifar.Registry().run("timed")["checkpoints"][-1]["batch"] == 2


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "svhn", "folder:none"])
def test_what_is_not_downloaded_is_said(name, workplace):
    with pytest.raises(ValueError, match="is not downloaded here"):
        cifar.load(name, download=True)


def test_without_a_best_checkpoint_nothing_is_warned_of(shapes, workplace, caplog):
    """Who leaves model_checkpoint out has chosen it."""
    run = cifar.fit(*shapes, epochs=1, model_checkpoint=False, name="none", verbose=0)
    assert run.status == "completed" and not caplog.records
    assert [row["is_best"] for row in cifar.Registry().run("none")["checkpoints"]] == [False]
