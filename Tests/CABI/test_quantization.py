"""Models whose numbers have 8 bits."""

import copy
import json
import pickle
import struct
from pathlib import Path

import cifar
import numpy as np
import pytest
from conftest import run
from quantized_model import images


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("quantization")
    train, test = cifar.load("shapes", limit_train=512, limit_test=96)
    models = {
        name: cifar.fit(
            train, test, epochs=1, model=name, name=name, registry=place / "runs.db", verbose=0).model
        for name in ["tutorial-gap", "tutorial-resnet"]
    }
    return models, train, test, place


@pytest.fixture(scope="module")
def small(trained):
    models, train, _, _ = trained
    return {name: model.quantize(train, 128) for name, model in models.items()}


def test_answers_are_near(trained, small):
    models, _, test, _ = trained
    for name, model in models.items():
        quantized = small[name]
        assert (model.precision, quantized.precision) == ("float32", "int8")
        exact, answers = model.predict(test.images), quantized.predict(test.images)
        assert 0 < np.abs(answers - exact).max() < 0.2
        assert abs(quantized.evaluate(test).accuracy - model.evaluate(test).accuracy) < 0.06
        assert quantized.class_names == model.class_names and quantized.epoch == model.epoch


def test_an_answer_depends_on_its_image_alone(trained, small, tmp_path):
    _, _, test, _ = trained
    for name, model in small.items():
        answers = model.predict(test.images)
        for batch in [1, 7]:
            assert np.array_equal(model.predict(test.images[:batch]), answers[:batch])
        model.save(tmp_path / f"{name}.safetensors")
        alone = cifar.Model.open(tmp_path / f"{name}.safetensors", threads=1)
        assert np.array_equal(alone.predict(test.images), answers)


def test_float32_shows_what_the_integers_stand_for(trained, small):
    _, _, test, _ = trained
    model = small["tutorial-gap"]
    answers = model.predict(test.images)
    with pytest.raises(cifar.CifarError, match="is quantized: it is computed in int8") as failure:
        model.precision = "mixed_bfloat16"
    assert failure.value.status == "CIFAR_E_UNSUPPORTED"
    try:
        model.precision = "float32"
        assert 0 < np.abs(model.predict(test.images) - answers).max() < 0.1
    finally:
        model.precision = "int8"
    assert np.array_equal(model.predict(test.images), answers)


def test_copies(trained, small):
    _, _, test, _ = trained
    for model in small.values():
        answers = model.predict(test.images[:9])
        for other in [copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]:
            assert other.precision == "int8"
            assert np.array_equal(other.predict(test.images[:9]), answers)


def header(file):
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8:8 + length]), data[8 + length:]


def write(file, entries, numbers):
    text = json.dumps(entries).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + numbers)


def test_a_file_has_int8_and_scales(trained, small, tmp_path):
    models, _, _, _ = trained
    file = tmp_path / "small.safetensors"
    small["tutorial-gap"].save(file)
    entries, _ = header(file)
    kinds = {name: entry["dtype"] for name, entry in entries.items() if name != "__metadata__"}
    weights = [name for name, kind in kinds.items() if kind == "I8"]
    assert len(weights) == 8 and all(kinds[f"{name}_scale"] == "F32" for name in weights)
    assert not any("running" in name for name in kinds)
    models["tutorial-gap"].save(tmp_path / "large.safetensors")
    assert file.stat().st_size < 0.3 * (tmp_path / "large.safetensors").stat().st_size
    arrays = small["tutorial-gap"].state_dict()
    assert arrays[weights[0]].dtype == np.int8


@pytest.mark.parametrize("change, words", [
    (lambda numbers: np.zeros_like(numbers), "has 0.0 at [0], not a finite number above 0"),
    (lambda numbers: np.full_like(numbers, np.inf), "has inf at [0], not a finite number above 0"),
    (lambda numbers: np.full_like(numbers, np.nan), "has nan at [0], not a finite number above 0"),
    (lambda numbers: -numbers, "not a finite number above 0"),
], ids=["zero", "infinite", "nan", "negative"])
def test_scales_that_can_not_be(small, tmp_path, change, words):
    file = tmp_path / "bad.safetensors"
    small["tutorial-gap"].save(file)
    entries, numbers = header(file)
    name = next(name for name in entries if name.endswith("weight_scale"))
    begin, end = entries[name]["data_offsets"]
    scales = change(np.frombuffer(numbers[begin:end], "<f4"))
    write(file, entries, numbers[:begin] + scales.astype("<f4").tobytes() + numbers[end:])
    with pytest.raises(cifar.CifarError) as failure:
        cifar.Model.open(file)
    assert failure.value.status == "CIFAR_E_BAD_DATA"
    assert f"tensor '{name}'" in str(failure.value) and words in str(failure.value)


def test_scales_that_are_missing_or_of_another_shape(small, tmp_path):
    file = tmp_path / "bad.safetensors"
    small["tutorial-gap"].save(file)
    entries, numbers = header(file)
    name = next(name for name in entries if name.endswith("weight_scale"))
    count = entries[name]["shape"][0]
    for changed, words in [
        ({**entries, name: {**entries[name], "shape": [1, count]}}, "one scale for each of the"),
        ({"other" if key == name else key: entry for key, entry in entries.items()},
         f"its scales, '{name}', are missing"),
    ]:
        write(file, changed, numbers)
        with pytest.raises(cifar.CifarError) as failure:
            cifar.Model.open(file)
        assert words in str(failure.value)


def test_weights_beside_their_scales(small):
    """What another program makes of the numbers is checked, too."""
    model = small["tutorial-gap"]
    arrays = model.state_dict()
    floats = {
        name: (array * arrays[f"{name}_scale"].reshape(-1, *[1] * (array.ndim - 1)))
        if array.dtype == np.int8 else array
        for name, array in arrays.items()
    }
    again = cifar.Model.from_weights(floats, model.spec)
    assert again.precision == "int8"
    images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), np.uint8)
    assert np.array_equal(again.predict(images), model.predict(images))
    name = next(name for name, array in arrays.items() if array.dtype == np.int8)
    floats[name] = floats[name] * np.float32(1.01)
    with pytest.raises(cifar.CifarError, match="is not a whole number from -128 to 127 times its scale"):
        cifar.Model.from_weights(floats, model.spec)


def test_what_is_refused(trained, small, tmp_path):
    models, train, test, _ = trained
    model, quantized = models["tutorial-gap"], small["tutorial-gap"]
    with pytest.raises(cifar.CifarError, match="quantize it first"):
        model.precision = "int8"
    assert model.precision == "float32"
    with pytest.raises(cifar.CifarError, match="is quantized already"):
        quantized.quantize(train)
    with pytest.raises(ValueError, match="images"):
        model.quantize(train, 0)
    grey = np.zeros((20, 28, 28, 1), np.uint8)
    with pytest.raises(cifar.CifarError, match="those to calibrate on are"):
        model.quantize((grey, np.arange(20) % 10))
    for arguments, words in [
        ({"model": quantized.spec}, "can't be trained"),
        ({"model": quantized.spec, "init": quantized}, "nothing to begin a training with"),
    ]:
        with pytest.raises(cifar.CifarError, match=words):
            cifar.fit(train, test, epochs=1, record=False, verbose=0, **arguments)
    with pytest.raises(cifar.CifarError, match="precision int8 is not for training"):
        cifar.fit(train, test, epochs=1, precision="int8", record=False, verbose=0)
    gelu = cifar.ModelSpec().conv2d(16).gelu().global_average_pool().dense(10)
    with pytest.raises(cifar.CifarError, match="layer 1 gelu: a model with GELU can't be quantized"):
        cifar.fit(train[:64], test[:64], epochs=1, model=gelu, record=False, verbose=0).model.quantize(train)


def test_images_alone_calibrate(trained, small):
    models, train, test, _ = trained
    model = models["tutorial-gap"]
    by_arrays = model.quantize(train.images, 128)
    assert np.array_equal(
        by_arrays.predict(test.images), small["tutorial-gap"].predict(test.images))


def test_commands(trained, tmp_path, monkeypatch):
    models, _, test, place = trained
    monkeypatch.chdir(place)
    name = "tutorial-gap"
    asked = ["evaluate", name, "--registry", "runs.db"]
    exact = json.loads(run("cifar", *asked, "--json").stdout_text)
    result = json.loads(run("cifar", *asked, "--precision", "int8", "--json").stdout_text)
    assert result["precision"] == "int8" and abs(result["accuracy"] - exact["accuracy"]) < 0.06
    assert result["loss"] != exact["loss"]
    line = run("cifar", *asked, "--precision", "int8", "--calibration", 64).stdout_text
    assert ", in int8;" in line
    small = tmp_path / "small.safetensors"
    run("cifar", "export", name, "--registry", "runs.db", "--int8", "--calibration", 512, "-o", small)
    model = cifar.Model.open(small)
    assert model.precision == "int8"
    data = ["--data", "shapes", "--limit-test", 96]
    stored = json.loads(run("cifar", "evaluate", small, *data, "--json").stdout_text)
    assert stored["precision"] == "int8" and stored["accuracy"] == model.evaluate(test).accuracy
    again = run("cifar", "evaluate", small, *data, "--precision", "int8", "--json").stdout_text
    assert json.loads(again) == stored
    assert "quantize" in run("cifar", "summary", small).stdout_text
    plan = run("cifar", "summary", small, "--plan", "--inference", "--precision", "int8").stdout_text
    assert "conv2d" in plan and "max_pool" in plan and "int8" in plan
    picture = tmp_path / "one.ppm"
    picture.write_bytes(b"P6 32 32 255\n" + np.asarray(test.images)[0].tobytes())
    answer = json.loads(
        run("cifar", "predict", name, picture, "--registry", "runs.db", "--precision", "int8", "--json")
        .stdout_text)
    assert len(answer[0]["classes"]) == 10
    (tmp_path / "spec.json").write_text(model.spec.to_json())
    for arguments, code, words in [
        (["export", small, "--int8", "-o", "x.safetensors", "--data", "shapes"], 1, "quantized already"),
        (["export", name, "--int8", "--format", "checkpoint", "-o", "x"], 2, "--int8 is not for checkpoints"),
        (["export", name, "--calibration", 5, "-o", "x"], 2, "--calibration is for --int8"),
        (["evaluate", name, "--calibration", 5], 2, "--calibration is for --precision int8"),
        (["evaluate", name, "--precision", "int8", "--data", "nowhere"], 1, "images of the training set"),
        (["train", "--model", tmp_path / "spec.json", "--data", "shapes", "--epochs", 1], 1,
         "can't be trained"),
    ]:
        given = [] if arguments[0] == "train" or arguments[1] == small else ["--registry", "runs.db"]
        refused = run("cifar", *arguments, *given, expect=code)
        assert words in refused.stderr_text and len(refused.stderr_text.splitlines()) == 1


def test_scripts_and_onnx(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = small["tutorial-resnet"]
    for format in ["pytorch", "keras"]:
        model.export(f"{format}.py", format)
        text = (tmp_path / f"{format}.py").read_text()
        compile(text, f"{format}.py", "exec")
        assert "class Quantize" in text and text.count("Quantize(") > 10
    graph = model.to_onnx()
    for word in [b"QuantizeLinear", b"DequantizeLinear", b"axis", b"layer_1_weight"]:
        assert word in graph
    small["tutorial-gap"].export("all.safetensors", "checkpoint")
    assert cifar.Model.open("all.safetensors").precision == "int8"


def test_onnxruntime_computes_the_same():
    """The golden file is written by Tests/Interop/make_quantized.py."""
    golden = Path(__file__).parent / "Golden"
    expected = np.array(json.loads((golden / "quantized.json").read_text())["probabilities"])
    model = cifar.Model.open(golden / "quantized.safetensors")
    assert model.precision == "int8"
    for precision in ["int8", "float32"]:
        model.precision = precision
        # A number between two steps may go to either.
        assert np.abs(model.predict(images()) - expected).max() < 0.02
