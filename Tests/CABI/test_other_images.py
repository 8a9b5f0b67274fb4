"""Images that are not CIFAR's: in greys, of other sizes, from other publishers' files, from pictures."""

import gzip
import json
import shutil
import struct
import subprocess

import cifar
import numpy as np
import pytest
from safetensors.numpy import save_file

from conftest import BUILD, run

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
    fitted = cifar.fit(
        train, test, recipe=recipe, model=MODEL, epochs=3, batch_size=32, verbose=0,
        learning_rate=0.01, registry="r.db", augmentations=[])
    assert fitted.epochs[-1].train_loss < 0.9 * fitted.epochs[0].train_loss
    assert fitted.model.evaluate(test).count == 100
    spec = fitted.model.hyperparameters["model_spec"]
    assert spec["input"] == list(shape)
    normalization = fitted.model.hyperparameters["normalization"]
    assert len(normalization["mean"]) == channels
    if channels == 1 and recipe == "pytorch":
        assert normalization["mean"] == [pytest.approx(x.mean() / 255, abs=1e-4)]
    one = fitted.model.predict(x[3])
    assert one.shape == (10,)
    assert (one == fitted.model.predict(x[:8])[3]).all()
    if channels == 1:
        assert (fitted.model.predict(x[:8, :, :, 0]) == fitted.model.predict(x[:8])).all()
        assert (fitted.model.predict(x[3, :, :, 0]) == one).all()
    again = cifar.resume(fitted.id, train=train, validation=test, epochs=4, registry="r.db", verbose=0)
    assert again.status == "completed"
    report = subprocess.run(
        [BUILD / "bin/cifar-runs", "report", fitted.id, "--registry", "r.db", "-o", "r.html"])
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
    absent = command("predict", "digits", "none.png", cwd=tmp_path, fails=True)
    assert "none.png" in absent and "download" not in absent
    # Zeros before a number are none of its digits.
    (tmp_path / "1.pgm").write_bytes(b"P5 0000000028 28 0000000255\n" + test.images[0].tobytes())
    again = json.loads(command("predict", "digits", "1.pgm", "--json", cwd=tmp_path))
    assert again[0]["classes"] == answer[0]["classes"]
    for header, words in [
        (b"P5 4294967295 4294967295 255", "damaged header"), (b"P5 0 0 255", "1 to 65,536 rows"),
        (b"P5 28 28 0", "has values to 0"), (b"P5 28 28 70000", "has values to 70000"),
    ]:
        (tmp_path / "2.pgm").write_bytes(header + b"\n" + test.images[0].tobytes())
        assert words in command("predict", "digits", "2.pgm", cwd=tmp_path, fails=True)
    # One that can't be read leaves the answers to the others.
    both = run("cifar", "predict", "digits", "0.pgm", "2.pgm", "none.png", "1.pgm", expect=1,
               cwd=tmp_path)
    assert "0.pgm" in both.stdout_text and "1.pgm" in both.stdout_text
    assert "2.pgm" in both.stderr_text and "none.png" in both.stderr_text


def test_weights_of_a_grey_model_need_its_normalization(tmp_path):
    x, y = drawings(64, 1, 28, 28)
    spec = cifar.ModelSpec(input=(1, 28, 28)).flatten().dense(10)
    (tmp_path / "model.json").write_text(spec.to_json())
    model = cifar.fit(
        (x[:48], y[:48]), (x[48:], y[48:]), model=spec, epochs=1, verbose=0, record=False).model
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    words = ["import", "w.safetensors", "--model", "model.json", "-o", "m.safetensors"]
    error = command(*words, cwd=tmp_path, fails=True)
    assert "grey" in error and '{"normalization"' in error
    normalization = json.dumps({"normalization": model.hyperparameters["normalization"]})
    command(*words, "--hyperparameters", normalization, cwd=tmp_path)
    again = cifar.Model.open(tmp_path / "m.safetensors")
    assert np.array_equal(again.predict(x), model.predict(x))
    command(*words, "--recipe", "keras", "--force", cwd=tmp_path)  # whose images are not normalised


def test_a_folder_of_pictures_from_the_command_line(tmp_path):
    x, y = drawings(40, 3, 10, 12)
    for split, places in [("train", range(30)), ("test", range(30, 40))]:
        for i in places:
            place = tmp_path / "pictures" / split / f"class {y[i] % 2}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i}.ppm").write_bytes(b"P6\n12 10\n255\n" + x[i].tobytes())
            (place / "readme.txt").write_text("of no picture")
    (tmp_path / "model.json").write_text(json.dumps([{"type": "flatten"}, {"type": "dense", "units": 2}]))
    command(
        "train", "--data", "folder:pictures", "--model", "model.json", "--epochs", 1, "--quiet", "--name", "p",
        cwd=tmp_path)
    assert "10 test images of folder:" in command("evaluate", "p", cwd=tmp_path)
    assert "class 1" in command("predict", "p", "pictures/test/class 1/31.ppm", cwd=tmp_path)
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    error = command("rerun", "p", "--quiet", cwd=tmp_path, fails=True)
    assert "the run's images were at 'folder:" in error and "--data" in error and "CIFAR-10" not in error


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
    # The colours that lie below transparency, here as there.
    pixels = np.dstack([np.full((40, 40, 3), 200, np.uint8), np.zeros((40, 40), np.uint8)])
    image.fromarray(pixels).save(tmp_path / "clear.png")
    # Values to 100, of 16 bits each.
    (tmp_path / "deep.ppm").write_bytes(b"P6 40 40 65535\n" + b"\xc8\xc8" * 4800)
    (tmp_path / "low.ppm").write_bytes(b"P6 32 32 100\n" + b"\x4e" * 3072)
    names = ["clear.png", "deep.ppm", "low.ppm"]
    answers = json.loads(command("predict", "s", "--json", *names, cwd=tmp_path))
    expected = model.predict(np.full((32, 32, 3), 200, np.uint8))
    for answer in answers:
        assert {c["name"]: pytest.approx(c["probability"], abs=0.005) for c in answer["classes"]} == {
            name: float(p) for name, p in zip(model.class_names, expected)}, answer["picture"]
    assert np.allclose(model.predict(tmp_path / "clear.png"), expected, atol=1e-6)
    (tmp_path / "broken.png").write_bytes(b"no png")
    assert "broken.png" in command("predict", "s", "broken.png", cwd=tmp_path, fails=True)
