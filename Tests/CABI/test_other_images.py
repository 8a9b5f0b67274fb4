"""Images that are not CIFAR's: in greys, of other sizes, from other publishers' files, from pictures."""

import gzip
import json
import shutil
import struct
import subprocess

import cifar
import numpy as np
import pytest

from conftest import BUILD

MODEL = [
    {"type": "conv2d", "filters": 8}, {"type": "batch_norm"}, {"type": "relu"}, {"type": "max_pool"},
    {"type": "flatten"}, {"type": "dense", "units": 10},
]


def drawings(count, channels, height, width, seed=0):
    """Classes that differ in their brightness."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    images = random.integers(0, 40, (count, height, width, channels)) + 20 * labels[:, None, None, None]
    return images.astype(np.uint8), labels


def command(*arguments, cwd, fails=False):
    done = subprocess.run(
        [BUILD / "bin/cifar", *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64), (1, 8, 8), (3, 24, 40)])
@pytest.mark.parametrize("recipe", ["pytorch", "keras"])
def test_images_of_any_shape_are_learned(shape, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    channels, height, width = shape
    x, y = drawings(320, *shape)
    train = cifar.Dataset.from_arrays(x, y)
    assert train.image_shape == (height, width, channels) and (train.images == x).all()
    test = cifar.Dataset.from_arrays(x[:100].transpose(0, 3, 1, 2), y[:100], split="test")
    assert (test.images == x[:100]).all()
    run = cifar.fit(
        train, test, recipe=recipe, model=MODEL, epochs=3, batch_size=32, verbose=0,
        learning_rate=0.01, registry="r.db", augmentations=[])
    assert run.epochs[-1].train_loss < 0.9 * run.epochs[0].train_loss
    assert run.model.evaluate(test).count == 100
    spec = run.model.hyperparameters["model_spec"]
    assert spec["input"] == list(shape)
    normalization = run.model.hyperparameters["normalization"]
    assert len(normalization["mean"]) == channels
    if channels == 1 and recipe == "pytorch":
        assert normalization["mean"] == [pytest.approx(x.mean() / 255, abs=1e-4)]
    one = run.model.predict(x[3])
    assert one.shape == (10,)
    assert (one == run.model.predict(x[:8])[3]).all()
    if channels == 1:
        assert (run.model.predict(x[:8, :, :, 0]) == run.model.predict(x[:8])).all()
        assert (run.model.predict(x[3, :, :, 0]) == one).all()
    again = cifar.resume(run.id, train=train, validation=test, epochs=4, registry="r.db", verbose=0)
    assert again.status == "completed"
    report = subprocess.run(
        [BUILD / "bin/cifar-runs", "report", run.id, "--registry", "r.db", "-o", "r.html"])
    assert report.returncode == 0
    assert f'"image_shape":[{channels},{height},{width}]' in (tmp_path / "r.html").read_text()


def test_shapes_that_do_not_fit_are_named():
    x, y = drawings(20, 1, 28, 28)
    grey = cifar.Dataset.from_arrays(x[..., 0], y)
    assert grey.image_shape == (28, 28, 1)
    shapes, _ = cifar.load("shapes", 20, 20)
    with pytest.raises(cifar.CifarError, match="takes images of 1×28×28, but the train images have 3×32×32"):
        cifar.fit(grey, shapes, model=MODEL, record=False, verbose=0)
    spec = cifar.ModelSpec().flatten().dense(10)
    with pytest.raises(cifar.CifarError, match="takes images of 3×32×32, but the train"):
        cifar.fit(grey, grey, model=spec, record=False, verbose=0)
    spec = cifar.ModelSpec(input=(1, 28, 28)).flatten().dense(10)
    model = cifar.fit(grey, grey, model=spec, record=False, verbose=0, epochs=1).model
    assert model.parameters == 28 * 28 * 10 + 10
    with pytest.raises(cifar.CifarError, match="1×28×28, the data set has 3×32×32"):
        model.evaluate(shapes)
    with pytest.raises(ValueError, match=r"not \(N, 28, 28, 1\) or \(N, 1, 28, 28\)"):
        model.predict(np.zeros((2, 32, 32, 3), np.uint8))
    for wrong in [(4, 7, 32, 3), (4, 32, 129, 3), (4, 32, 32, 4), (4, 32, 32, 2), (32, 32, 3)]:
        with pytest.raises((ValueError, cifar.CifarError)):
            cifar.Dataset.from_arrays(np.zeros(wrong, np.uint8), np.zeros(wrong[0], int))
    with pytest.raises(cifar.CifarError, match="2×32×32"):
        cifar.ModelSpec(input=(2, 32, 32))


def write_idx(path, array):
    content = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def test_mnist_from_the_command_line(tmp_path):
    for start, count in [("train", 200), ("t10k", 60)]:
        x, y = drawings(count, 1, 28, 28, seed=count)
        write_idx(tmp_path / f"{start}-images-idx3-ubyte.gz", x[..., 0])
        write_idx(tmp_path / f"{start}-labels-idx1-ubyte", y.astype(np.uint8))
    (tmp_path / "model.json").write_text(json.dumps(MODEL))
    assert "1×28×28" in command("data", "info", "--data", "mnist:.", cwd=tmp_path)
    command(
        "train", "--data", "mnist:.", "--model", "model.json", "--epochs", 1, "--name", "digits",
        "--quiet", cwd=tmp_path)
    assert "60 test images of mnist:" in command("evaluate", "digits", cwd=tmp_path)
    command("resume", "digits", "--epochs", 2, "--quiet", cwd=tmp_path)
    train, test = cifar.load(f"mnist:{tmp_path}")
    assert train.name == "mnist" and (len(train), len(test)) == (200, 60)
    # A picture of the model's size needs no converter.
    (tmp_path / "0.pgm").write_bytes(b"P5 28 28 255\n" + test.images[0].tobytes())
    answer = json.loads(command("predict", "digits", "0.pgm", "--json", cwd=tmp_path))
    model = cifar.Model.from_run("digits", registry=tmp_path / "cifar-runs.db")
    expected = model.predict(test.images[0])
    assert {c["name"]: c["probability"] for c in answer[0]["classes"]} == {
        str(i): pytest.approx(float(p), abs=1e-6) for i, p in enumerate(expected)}
    text = command("predict", "digits", "0.pgm", "--top", 1, cwd=tmp_path)
    assert str(expected.argmax()) in text.splitlines()[1].split()
    assert "none.png" in command("predict", "digits", "none.png", cwd=tmp_path, fails=True)


def test_a_folder_of_pictures_from_the_command_line(tmp_path):
    x, y = drawings(40, 3, 10, 12)
    for split, places in [("train", range(30)), ("test", range(30, 40))]:
        for i in places:
            place = tmp_path / split / f"class {y[i] % 2}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i}.ppm").write_bytes(b"P6\n12 10\n255\n" + x[i].tobytes())
    (tmp_path / "model.json").write_text(json.dumps([{"type": "flatten"}, {"type": "dense", "units": 2}]))
    command(
        "train", "--data", "folder:.", "--model", "model.json", "--epochs", 1, "--quiet", "--name", "p",
        cwd=tmp_path)
    assert "10 test images of folder:" in command("evaluate", "p", cwd=tmp_path)
    assert "class 1" in command("predict", "p", "test/class 1/31.ppm", cwd=tmp_path)


@pytest.mark.skipif(not shutil.which("magick") and not shutil.which("ffmpeg"), reason="needs a converter")
def test_pictures_of_any_size_and_kind(tmp_path):
    image = pytest.importorskip("PIL.Image")
    command("train", "--data", "shapes", "--limit-train", 64, "--limit-test", 64, "--epochs", 1, "--quiet",
            "--name", "s", cwd=tmp_path)
    image.new("RGB", (90, 60), "teal").save(tmp_path / "-teal.png")
    answer = json.loads(command("predict", "s", "--json", "./-teal.png", cwd=tmp_path))
    model = cifar.Model.from_run("s", registry=tmp_path / "cifar-runs.db")
    expected = model.predict(tmp_path / "-teal.png")
    assert {c["name"]: pytest.approx(c["probability"], abs=0.02) for c in answer[0]["classes"]} == {
        name: float(p) for name, p in zip(model.class_names, expected)}
    (tmp_path / "broken.png").write_bytes(b"no png")
    assert "broken.png" in command("predict", "s", "broken.png", cwd=tmp_path, fails=True)
