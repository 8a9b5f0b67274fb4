"""Images as people have them: arrays of bytes and floats, pictures, parts of data sets."""

import gc
import json
import os
import signal
import subprocess
import sys

import cifar
import numpy as np
import pytest
from conftest import BUILD
from PIL import Image

SPEC = cifar.ModelSpec().flatten().dense(10)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


@pytest.fixture(scope="module")
def model(small):
    return cifar.fit(*small, model=SPEC, epochs=1, record=False, verbose=0).model


# Numbers ------------------------------------------------------------------------------------------


def test_every_usual_kind_of_numbers_is_the_same_images(small, model):
    x, y = small.test.images, small.test.labels
    plain = model.predict(x)
    for other in [
        x.astype(np.float32), x.astype(np.float64), x.astype(np.int64), x.astype(np.float16),
        x / 255.0, (x / 255.0).astype(np.float32), x.tolist(), x.transpose(0, 3, 1, 2) / 255.0,
        x + np.float32(0.3) * (x < 255),
    ]:
        dataset = cifar.Dataset.from_arrays(other, y)
        assert (dataset.images == x).all()
        assert (model.predict(other) == plain).all()
    black = np.zeros((1, 32, 32, 3))
    assert cifar.Dataset.from_arrays(black, [0]).images.max() == 0
    # 0 and 1 alone are floats from 0 to 1.
    assert cifar.Dataset.from_arrays(black + 1.0, [0]).images.min() == 255
    assert cifar.Dataset.from_arrays(black.astype(int) + 1, [0]).images.max() == 1


def test_many_floats_are_converted_in_pieces(small):
    images = np.tile(small.test.images, (80, 1, 1, 1))
    dataset = cifar.Dataset.from_arrays(images / np.float32(255), np.arange(2560) % 10)
    assert (dataset.images == images).all()


def test_one_image_and_pictures(small, model, tmp_path):
    x = small.test.images
    plain = model.predict(x)
    assert model.predict(x[0]).shape == (10,)
    assert (model.predict(x[0]) == plain[0]).all()
    assert (model.predict(x[0].transpose(2, 0, 1) / 255.0) == plain[0]).all()
    assert (model.predict(small.test) == plain).all()
    picture = Image.fromarray(x[3])
    picture.save(tmp_path / "3.png")
    assert (model.predict(picture) == plain[3]).all()
    for name in [tmp_path / "3.png", str(tmp_path / "3.png"), os.fsencode(tmp_path / "3.png")]:
        assert (model.predict(name) == plain[3]).all()
    both = model.predict([tmp_path / "3.png", Image.fromarray(x[5])])
    assert (both == plain[[3, 5]]).all()


def test_pictures_of_any_size_are_cut_to_their_square(small, model, tmp_path):
    large = np.pad(
        small.test.images[0].repeat(4, 0).repeat(4, 1), [(0, 0), (20, 20), (0, 0)])
    whole = model.predict(Image.fromarray(large[:, 20:-20]))
    assert (model.predict(Image.fromarray(large)) == whole).all()
    # A camera that was held sideways says so; grey, palettes and alpha are pictures too.
    turned = Image.fromarray(np.rot90(large, k=1))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    assert (model.predict(tmp_path / "turned.png") == whole).all()
    for mode in ["L", "P", "RGBA", "CMYK", "1"]:
        Image.fromarray(large).convert(mode).save(tmp_path / "picture.tiff")
        assert model.predict(tmp_path / "picture.tiff").shape == (10,)


def test_pictures_that_can_not_be_read_are_named(model, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="a.png' can't be read"):
        model.predict(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="b.png"):
        model.predict([tmp_path / "b.png"])
    with pytest.raises(ValueError, match="is not a regular file"):
        model.predict(tmp_path)


def test_without_pillow_it_says_so(workplace, small, model):
    model.save("m.safetensors")
    Image.fromarray(small.test.images[0]).save("cat.png")
    program = """
import sys
sys.modules["PIL"] = None
import cifar
model = cifar.Model.open("m.safetensors")
print(model.predict(cifar.Dataset.open("shapes", "test", 3).images).shape)
try:
    model.predict("cat.png")
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(cifar.__file__))})
    assert done.stdout == "(3, 10)\npredict with a picture needs Pillow: pip install pillow\n"


# Data sets ----------------------------------------------------------------------------------------


def test_a_data_set_is_a_sequence_of_pairs(small):
    train, x, y = small.train, small.train.images, small.train.labels
    image, label = train[0]
    assert type(label) is int and label == y[0] and (image == x[0]).all()
    assert image.flags.writeable and image.flags.c_contiguous
    assert (train[-1][0] == x[-1]).all() and train[np.int64(5)][1] == y[5]
    pairs = list(train)
    assert len(pairs) == 64 and all((pair[0] == x[i]).all() for i, pair in enumerate(pairs))
    assert [label for _, label in train] == y.tolist()
    assert sum(1 for _ in zip(train, train)) == 64


def test_parts_are_data_sets(small):
    train, x, y = small.train, small.train.images, small.train.labels
    for index in [slice(10), slice(-5, None), slice(None, None, -3), [3, 1, 2], y == 4, range(7)]:
        part = train[index]
        assert (part.images == x[index]).all() and (part.labels == y[index]).all()
        assert part.class_names == train.class_names and part.split == "train"
    unnamed = cifar.Dataset.from_arrays(x, y)[:20]
    assert unnamed.class_names == [str(number) for number in range(10)]


def test_images_are_the_librarys_own(small):
    dataset = cifar.Dataset.open("shapes", limit=1000)
    images, labels = dataset.images, dataset.labels
    assert dataset.images.ctypes.data == images.ctypes.data
    assert not images.flags.writeable and not labels.flags.writeable
    copies = images.copy(), labels.copy()
    part = images[5]
    del dataset, images
    gc.collect()
    for _ in range(20):
        cifar.Dataset.open("shapes", "test", limit=1000)
    assert (part == copies[0][5]).all() and (labels == copies[1]).all()


def test_as_other_libraries_ask_for_data(small):
    """torch.utils.data: a length and an item by its place; random_split makes a list of places."""
    places = np.random.default_rng(0).permutation(len(small.train))[:10].tolist()
    batch = [small.train[place] for place in places]
    images, labels = map(np.stack, zip(*batch))
    assert (images == small.train.images[places]).all()
    assert (labels == small.train.labels[places]).all()


# Training -----------------------------------------------------------------------------------------


def losses(run):
    return [epoch.val_loss for epoch in run.epochs]


def test_fit_takes_arrays_in_every_usual_way(small, workplace):
    train, test = small
    x, y, x2, y2 = train.images, train.labels, test.images, test.labels
    options = {"model": SPEC, "epochs": 2, "verbose": 0}
    plain = losses(cifar.fit(train, test, record=False, **options))
    one_hot = np.eye(10)[y]
    for arguments, others in [
        (((x, y), (x2, y2)), {}),
        (((x, y), test), {}),
        ((train, (x2, y2)), {}),
        (((x, y),), {"validation_data": (x2, y2)}),
        ((x, y), {"validation_data": (x2, y2)}),
        ((x, y), {"validation_data": test}),
        ((x / 255.0, one_hot), {"validation_data": (x2 / 255.0, y2[:, None])}),
        ((x.transpose(0, 3, 1, 2), y.tolist()), {"validation_data": (x2, y2)}),
        ((small,), {}),
        ((train,), {"validation_data": test}),
    ]:
        run = cifar.fit(*arguments, **others, record=False, **options)
        assert losses(run) == plain, arguments
    run = cifar.fit(x, y, validation_data=test, name="arrays", **options)
    assert run.model.class_names == test.class_names
    again = cifar.resume("arrays", train=(x, y), validation=test, epochs=3, verbose=0)
    assert again.status == "completed" and len(again.epochs) == 1


def test_arrays_of_which_one_lacks_a_class(small, workplace):
    x, y = small.train.images, small.train.labels
    some, others = y < 9, y >= 1
    for first, second in [(some, others), (others, some)]:
        run = cifar.fit(
            (x[first], y[first]), (x[second], y[second]), epochs=1, model=SPEC, record=False)
        assert len(run.model.class_names) == 10
        assert run.model.evaluate(x[some], y[some]).count == some.sum()


def test_the_last_images_validate(small, workplace):
    train = small.train
    options = {"model": SPEC, "epochs": 2, "verbose": 0, "name": "split"}
    run = cifar.fit(train, validation_split=0.25, **options)
    by_hand = cifar.fit(train[:48], train[48:], record=False, model=SPEC, epochs=2, verbose=0)
    assert losses(run) == losses(by_hand)
    data = run.hyperparameters["data"]
    assert (data["train_count"], data["validation_count"]) == (48, 16)
    arrays = cifar.fit(
        train.images, train.labels, validation_split=0.25, record=False, model=SPEC, epochs=2)
    assert losses(arrays) == losses(run)
    again = cifar.resume("split", train=train, validation_split=0.25, epochs=3)
    assert again.status == "completed"
    order = np.argsort(train.labels, kind="stable")
    with pytest.raises(ValueError, match="has all of class 'bow tie': shuffle"):
        cifar.fit(train[order], validation_split=0.1)


def test_a_split_keeps_the_test_images_for_the_end(small, workplace):
    train, test = small.train, small.test
    run = cifar.fit(
        train, test, validation_split=0.25, model=SPEC, epochs=2, verbose=0, name="honest")
    data = run.hyperparameters["data"]
    assert data["train_count"] + data["validation_count"] == len(train)
    assert data["test_count"] == len(test) and run.hyperparameters["validation_split"] == 0.25
    again = cifar.resume("honest", train=train, validation=test, epochs=3, verbose=0)
    assert again.status == "completed"
    kept = {row["name"]: row["value"] for row in cifar.Registry().run("honest")["metrics"]}
    assert 0 <= kept["test_accuracy"] <= 1 and kept["test_loss"] > 0


def test_evaluate_takes_arrays(small, model):
    test = small.test
    result = model.evaluate(test)
    x, y = test.images, test.labels
    assert model.evaluate(x, y) == model.evaluate((x, y)) == model.evaluate(x / 255.0, y) == result
    assert model.evaluate(x, np.eye(10)[y], flips=True) == model.evaluate(test, flips=True)
    few = y < 3
    assert model.evaluate(x[few], y[few]).count == few.sum()
    with pytest.raises(cifar.CifarError, match="label 10"):
        model.evaluate(x, np.full(32, 10))


# Getting data -------------------------------------------------------------------------------------


def test_cifar10_by_its_name(workplace, monkeypatch):
    records = np.zeros((10_000, 3073), np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    place = workplace / "data" / "cifar-10-batches-bin"
    place.mkdir(parents=True)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        records.tofile(place / f"{name}.bin")
    for location in [None, "cifar10", "data"]:
        train, test = cifar.load(location, 20, 10)
        assert (train.name, len(train), len(test)) == ("cifar10", 20, 10)
    # What is there is not fetched again.
    monkeypatch.setenv("CIFAR10_URL", "http://127.0.0.1:9/nothing")
    assert len(cifar.load("cifar10", 20, 10, download=True).train) == 20
    # A directory of that name comes first.
    (workplace / "cifar10").mkdir()
    with pytest.raises(cifar.CifarError, match="in 'cifar10'"):
        cifar.load("cifar10")


def test_a_download_that_fails_says_why(workplace, monkeypatch):
    monkeypatch.setenv("CIFAR10_URL", (workplace / "nowhere").as_uri())
    for location in ["cifar10", None, "cifar100"]:
        with pytest.raises(cifar.CifarError, match="^the download failed: .*nowhere") as info:
            cifar.load(location, download=True)
        assert info.value.status == "CIFAR_E_IO"
    with pytest.raises(TypeError, match="download is a str"):
        cifar.load("shapes", download="yes")
    assert len(cifar.load("shapes", 64, 32, download=True).test) == 32


def test_predict_looks_after_signals(model, small, monkeypatch):
    """Between two calls of C, each with some of the images."""
    images = small.test.images
    expected = model.predict(images)
    module, calls = sys.modules["cifar.model"], []
    monkeypatch.setattr(module, "_AT_ONCE", 5)
    assert np.array_equal(model.predict(images), expected)
    assert model.predict(images[:0]).shape == (0, 10)
    call = module.call

    def first_call(name, *arguments):
        calls.append(name)
        call(name, *arguments)
        signal.raise_signal(signal.SIGUSR1)

    def handler(*_):
        raise TimeoutError

    old = signal.signal(signal.SIGUSR1, handler)
    monkeypatch.setattr(module, "call", first_call)
    try:
        with pytest.raises(TimeoutError):
            model.predict(images)
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert calls == ["cifar_model_predict"]
