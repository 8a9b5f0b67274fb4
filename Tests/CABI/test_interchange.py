"""Models out to other programs and weights in, as far as it needs none of these programs; with
them there are the tests of Tests/Interop."""

import importlib.util
import json
import pathlib

import cifar
import numpy as np
import protobuf
import pytest
import tiny_model
from conftest import ROOT, run
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

# What PyTorch calls the weights: Tests/Interop/make_names.py wrote it.
GOLDEN = ROOT / "Tests" / "CABI" / "Golden"
NAMES = json.loads((GOLDEN / "pytorch_names.json").read_text())
GAP = "tutorial-gap"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Models of a run of each preset, and images."""
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    registry = tmp_path_factory.mktemp("runs") / "runs.db"
    models = {
        preset: cifar.fit(
            train, test, model=preset, epochs=1, registry=registry, name=preset).model
        for preset in ["tutorial", GAP, "tutorial-resnet"]}
    return models, test, registry


def same(one, other, test):
    return (one.predict(test.images) == other.predict(test.images)).all()


@pytest.mark.parametrize("title, preset, names", [
    ("tutorial", "tutorial", None), ("sequential", "tutorial", "sequential"),
    ("sequential tutorial-gap", GAP, "sequential"),
])
def test_weights_have_pytorchs_names_and_shapes(trained, tmp_path, title, preset, names):
    model = trained[0][preset]
    model.export(tmp_path / "w.safetensors", "weights", names=names)
    tensors = load_file(tmp_path / "w.safetensors")
    assert {name: list(tensor.shape) for name, tensor in tensors.items()} == NAMES[title]
    tracked = [tensor for name, tensor in tensors.items() if name.endswith("num_batches_tracked")]
    # One epoch of 64 images is one batch.
    assert {(str(tensor.dtype), int(tensor)) for tensor in tracked} == {("int64", 1)}
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        assert file.metadata()["format"] == "pt"
    for name, array in model.state_dict(names).items():
        assert array.dtype == tensors[name].dtype and (array == tensors[name]).all()


def test_a_file_of_weights_opens_without_being_told_its_model(trained, workplace):
    models, test, _ = trained
    for preset, model in models.items():
        file = f"{preset}.safetensors"
        model.export(file, "weights")
        for opened in [cifar.Model.open(file), cifar.Model.from_weights(file)]:
            assert same(opened, model, test)
            assert (opened.epoch, opened.class_names) == (1, test.class_names)
        # What was opened is written again to the same bytes, but for the steps that it is not told.
        opened.save("again.safetensors")
        assert same(cifar.Model.open("again.safetensors"), model, test)


@pytest.mark.parametrize("names", ["tutorial", "sequential"])
@pytest.mark.parametrize("preset", ["tutorial", GAP])
def test_weights_of_others_come_in(trained, workplace, preset, names):
    models, test, _ = trained
    model = models[preset]
    weights = model.state_dict(names)
    bare = {name: array for name, array in weights.items() if "num_batches" not in name}
    for given in [weights, bare, {f"module.{name}": array for name, array in weights.items()}]:
        assert same(cifar.Model.from_weights(given, preset), model, test)
        save_file(given, "w.safetensors")
        taken = cifar.Model.from_weights(
            "w.safetensors", preset, class_names=test.class_names)
        assert same(taken, model, test)
        assert taken.class_names == test.class_names and taken.epoch == 0


def test_other_precisions_come_in(trained, workplace):
    models, test, _ = trained
    model = models["tutorial"]
    expected = model.predict(test.images)
    weights = {
        name: array for name, array in model.state_dict().items() if "num_batches" not in name}
    for dtype, tolerance in [(np.float16, 2e-3), (np.float64, 0)]:
        given = {name: array.astype(dtype) for name, array in weights.items()}
        save_file(given, "w.safetensors")
        for taken in [cifar.Model.from_weights("w.safetensors"), cifar.Model.from_weights(given)]:
            assert abs(taken.predict(test.images) - expected).max() <= tolerance


def test_what_does_not_fit_is_named(trained, workplace):
    weights = trained[0]["tutorial"].state_dict()
    weights["fc.1.weight"] = weights["fc.1.weight"][:, :100]
    with pytest.raises(cifar.CifarError) as caught:
        cifar.Model.from_weights(weights)
    assert caught.value.status == "CIFAR_E_SHAPE_MISMATCH"
    assert str(caught.value) == (
        "tensor 'fc.1.weight' has the shape [512, 100], layer 25 (dense) of the model needs "
        "[512, 2048]")
    del weights["fc.1.weight"]
    with pytest.raises(cifar.CifarError, match="no tensor 'fc.1.weight', which layer 25"):
        cifar.Model.from_weights(weights)
    with pytest.raises(cifar.CifarError, match="have 4 that it does not know, such as 'fc"):
        cifar.Model.from_weights(trained[0]["tutorial"].state_dict(), GAP)
    for damaged, error, message in [
        ({"a": "text"}, TypeError, "weights\\['a'\\] is an array of <U4, not of numbers"),
        ({1: np.zeros(3)}, TypeError, "weights has the key 1"),
        ({}, cifar.CifarError, "has no tensors"), (3, TypeError, "weights is a int, not a path"),
        ("none.safetensors", cifar.CifarError, "none.safetensors"),
    ]:
        with pytest.raises(error, match=message):
            cifar.Model.from_weights(damaged)
    with pytest.raises(cifar.CifarError, match="3 class names, but the model has 10"):
        cifar.Model.from_weights(trained[0]["tutorial"].state_dict(), class_names="a b c".split())


def test_training_begins_with_weights(trained, workplace):
    models, test, _ = trained
    train, _ = cifar.load("shapes", limit_train=64, limit_test=32)
    model = models["tutorial"]
    options = dict(epochs=1, learning_rate=1e-12, registry="runs.db")
    model.export("w.safetensors", "weights", names="sequential")
    before = model.evaluate(test).loss
    losses = []
    for name, weights in [
        ("model", model), ("path", "w.safetensors"), ("dict", model.state_dict()), ("none", None)
    ]:
        run_ = cifar.fit(train, test, init=weights, name=name, **options)
        losses.append(run_.epochs[0].val_loss)
        record = run_.model.hyperparameters.get("weights")
        assert (record is None) == (weights is None)
    # Running statistics move with every step; the weights hardly.
    assert losses[0] == losses[1] == losses[2] != losses[3]
    assert abs(losses[0] - before) < 0.2 * before
    run("cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1,
        "--learning-rate", "1e-12", "--init", "w.safetensors", "--name", "command")
    registry = cifar.Registry("runs.db")
    records = {
        name: registry.run(name)["hyperparameters"]["weights"]
        for name in ["model", "path", "dict", "command"]}
    assert len({record["sha256"] for record in records.values()}) == 1
    assert records["path"]["source"] == str(workplace / "w.safetensors")
    for wrong, message in [
        ({"0.weight": np.zeros((1, 3, 3, 3))}, r"fits the model: '0.weight' is \[1, 3, 3, 3\], the m"),
        ({"a": np.zeros(3)}, "the file's 1 tensors have names like 'a'"), ({}, "has no tensors"),
    ]:
        with pytest.raises(cifar.CifarError, match=message) as caught:
            cifar.fit(train, test, init=wrong, record=False)
        assert caught.value.status == "CIFAR_E_SHAPE_MISMATCH"
    broken = {"0.weight": np.full((32, 3, 3, 3), np.nan)}
    with pytest.raises(cifar.CifarError, match="0.weight") as caught:
        cifar.fit(train, test, init=broken, record=False)
    assert caught.value.status == "CIFAR_E_NOT_FINITE"


def test_a_training_takes_what_fits(workplace):
    """From five classes to ten."""
    train, test = cifar.load("shapes", limit_train=128, limit_test=64)
    five = [
        cifar.Dataset.from_arrays(
            part.images[part.labels < 5], part.labels[part.labels < 5], list("abcde"))
        for part in (train, test)]

    def layers(classes):
        return cifar.ModelSpec().conv2d(8).batch_norm().relu().max_pool().flatten().dense(classes)

    options = dict(epochs=1, learning_rate=1e-12, registry="runs.db", verbose=0)
    first = cifar.fit(*five, model=layers(5), name="five", **options)
    first.model.save("five.safetensors")
    source = first.model.state_dict()
    note = (
        "6 of the model's 8 tensors begin with these weights, the others are drawn: '5.weight' is "
        "[5, 2048], the model's is [10, 2048]; '5.bias' is [5], the model's is [10]")
    networks = []
    for name, init in [
        ("of-a-run", first), ("of-a-file", "five.safetensors"), ("of-arrays", source)
    ]:
        told = []
        cifar.set_log(lambda level, line: told.append(line))
        run_ = cifar.fit(train, test, model=layers(10), init=init, name=name, **options)
        cifar.set_log(None)
        assert any(line.endswith(note) for line in told), told
        row = cifar.Registry("runs.db").run(name)
        assert row["hyperparameters"]["weights"]["drawn"] == ["5.weight", "5.bias"]
        assert note in json.dumps(row["notes"])
        network = run_.model.state_dict()
        assert abs(network["0.weight"] - source["0.weight"]).max() < 1e-9
        assert network["5.weight"].std() > 0.005
        networks.append(network)
    for other in networks[1:]:
        assert all((other[name] == networks[0][name]).all() for name in other)

    pathlib.Path("ten.json").write_text(layers(10).to_json())
    small = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1]
    told = run("cifar", "train", *small, "--init", "five", "--model", "ten.json")
    assert note in told.stderr_text
    told = run("cifar", "train", *small, "--init", "nobody", expect=1).stderr_text
    assert "nobody" in told
    told = run("cifar", "train", *small, "--init", "./no.safetensors", expect=1).stderr_text
    assert "'./no.safetensors' is no file, and no run: " in told
    pathlib.Path("folder").mkdir()
    for name in ["folder", "./folder/"]:
        for command in [["train", *small, "--init", name], ["evaluate", name, "--data", "shapes"]]:
            told = run("cifar", *command, expect=1).stderr_text
            assert f"'{name}' is a directory: name the .safetensors file in it that has the weights" in told
            assert "or a run (" in told
    # A file by another name is one, too, where there is no such run.
    run("cifar", "export", "five", "-o", "bee.st")
    told = run("cifar", "train", *small, "--init", "bee.st", "--model", "ten.json")
    assert note.split(": ")[1] in told.stderr_text
    pathlib.Path("x.pt").write_bytes(b"PK" * 50)
    told = run("cifar", "train", *small, "--init", "x.pt", expect=1).stderr_text
    assert "has the id or name 'x.pt'" in told
    assert "the file 'x.pt' is none that weights are taken from" in told
    assert "not a safetensors file" in told and "safetensors.torch.save_file" in told


def test_the_commands(trained, workplace):
    models, test, registry = trained
    where = ["--registry", registry]
    run("cifar", "export", "tutorial", "-o", "w.safetensors", *where)
    assert {name: list(array.shape) for name, array in load_file("w.safetensors").items()} == NAMES[
        "tutorial"]
    # The best checkpoint is the only one.
    assert same(cifar.Model.open("w.safetensors"), models["tutorial"], test)
    weights = {
        f"net.{name}": array for name, array in models["tutorial"].state_dict("sequential").items()}
    save_file(weights, "torch.safetensors")
    identifier = run("cifar", "import", "torch.safetensors", "--name", "theirs").stdout_text.strip()
    row = cifar.Registry("runs.db").run("theirs")
    assert row["id"] == identifier and row["epochs"] == []
    assert same(cifar.Model.from_run("theirs", registry="runs.db"), models["tutorial"], test)
    shown = run("cifar", "evaluate", "theirs", "--data", "shapes", "--limit-test", 32).stdout_text
    assert "on 32 test images" in shown
    run("cifar", "import", "torch.safetensors", "--class-names", ",".join(test.class_names),
        "-o", "own.safetensors")
    assert cifar.Model.open("own.safetensors").class_names == test.class_names
    train, _ = cifar.load("shapes", limit_train=64, limit_test=32)
    resumed = cifar.resume("theirs", train=train, validation=test, epochs=1, registry="runs.db")
    assert resumed.status == "completed" and resumed.model.epoch == 1
    error = run("cifar", "import", "torch.safetensors", "--model", GAP, expect=1).stderr_text
    assert "'torch.safetensors': tensor 'net.25.weight' has the shape [512, 2048]" in error
    error = run("cifar", "import", "own.safetensors", "--recipe", "keras", expect=2).stderr_text
    assert "a file of this library knows its model" in error
    error = run("cifar-runs", "import", "own.safetensors", expect=1).stderr_text
    assert "`cifar import`" in error


def test_weights_of_images_normalised_otherwise_are_told(trained, workplace):
    said = "were trained on images normalised by mean [0.4914, 0.4822, 0.4465] and std [0.2023, 0.19"
    for kind in ["weights", "checkpoint"]:
        trained[0]["tutorial"].export(f"{kind}.safetensors", kind)
        train = ("cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32,
                 "--epochs", 1, "--init", f"{kind}.safetensors")
        assert said in run(*train, "--recipe", "keras", "--name", kind).stderr_text
        notes = cifar.Registry("runs.db").run(kind)["notes"]
        assert any(said in note["text"] for note in notes), notes
        assert said not in run(*train, "--recipe", "pytorch").stderr_text


def test_a_script_is_not_there_without_its_weights(trained, workplace):
    model, where = trained[0]["tutorial"], ["--registry", trained[2]]
    (workplace / "net.safetensors").write_text("hi")
    with pytest.raises(cifar.CifarError, match="net.safetensors"):
        model.export("net.py", "pytorch")
    run("cifar", "export", "tutorial", "--format", "pytorch", "-o", "net.py", *where, expect=2)
    assert not (workplace / "net.py").exists()
    (workplace / "net.py").write_text("mine")
    (workplace / "net.safetensors").unlink()
    with pytest.raises(cifar.CifarError, match="net.py"):
        model.export("net.py", "pytorch")
    run("cifar", "export", "tutorial", "--format", "pytorch", "-o", "net.py", *where, expect=2)
    assert not (workplace / "net.safetensors").exists()


@pytest.mark.parametrize("name, said", [
    ("m.csv", "a CSV file"), ("m.safetensors.gz", "a gzip file"), ("m.gguf", "a GGUF model"),
    ("m.py", "a Python script"), ("m.h5", "a Keras file"), ("m.hdf5", "a Keras file"),
    ("m.pt", "torch.save"), ("m.PTH", "torch.save"), ("m.npz", "a NumPy archive"),
])
def test_a_file_is_what_its_name_says(trained, workplace, name, said):
    model = trained[0]["tutorial"]
    for write in [model.save, lambda path: model.export(path, "weights")]:
        with pytest.raises(cifar.CifarError, match=said) as caught:
            write(name)
        assert caught.value.status == "CIFAR_E_INVALID_ARGUMENT"
    where = ["--registry", trained[2]]
    error = run(
        "cifar", "export", "tutorial", "--weights-only", "-o", name, *where, expect=2).stderr_text
    assert said in error
    assert not (workplace / name).exists()


@pytest.mark.parametrize("name, said", [
    ("t.pt", "safetensors.torch.save_file"), ("k.h5", "cifar.Model.from_weights"), ("x", "")])
def test_other_files_are_told_from_weights(workplace, name, said):
    (workplace / name).write_bytes(b"PK\3\4" + bytes(100))
    for command in [["import", name], ["train", "--data", "shapes", "--init", f"./{name}"]]:
        error = run("cifar", *command, expect=1).stderr_text
        assert name in error and "not a safetensors file" in error and said in error


def test_one_file_goes_over_another_of_the_library(trained, workplace):
    for model in trained[0].values():
        model.save("m.safetensors")
        model.save("m.safetensors")
        model.export("m.safetensors", "weights")
        model.save("m.safetensors")
    save_file({"x": np.zeros(3)}, "theirs.safetensors")
    with pytest.raises(cifar.CifarError, match="theirs.safetensors"):
        model.export("theirs.safetensors", "weights")


# Other formats -----------------------------------------------------------------------------------


@pytest.fixture
def tiny():
    return cifar.Model.from_weights(
        tiny_model.weights(), tiny_model.LAYERS, normalization=tiny_model.NORMALIZATION,
        class_names=tiny_model.CLASS_NAMES)


def test_an_onnx_file_is_what_onnx_itself_writes(tiny):
    golden = protobuf.message((GOLDEN / "tiny.onnx").read_bytes())
    written = protobuf.message(tiny.to_onnx())
    version = (3, cifar.version().encode())
    assert version in written
    assert written == [version if field[0] == 3 else field for field in golden]


def test_batch_norm_may_stay_in_onnx(tiny):
    def kinds(data):
        (graph,) = [value for number, value in protobuf.message(data) if number == 7]
        return [dict(value)[4].decode() for number, value in graph if number == 1]

    folded, kept = kinds(tiny.to_onnx()), kinds(tiny.to_onnx(keep_batch_norm=True))
    assert (folded.count("BatchNormalization"), kept.count("BatchNormalization")) == (1, 2)
    assert [kind for kind in kept if kind != "BatchNormalization"] == [
        kind for kind in folded if kind != "BatchNormalization"]


@pytest.mark.parametrize("format", ["pytorch", "keras"])
def test_a_script_is_python_and_has_its_weights_beside_it(trained, workplace, format):
    for preset, model in trained[0].items():
        model.export("net.py", format)
        compile((workplace / "net.py").read_text(), "net.py", "exec")
        assert max(map(len, (workplace / "net.py").read_text().splitlines())) <= 100
        weights = load_file("net.safetensors")
        expected = model.state_dict("sequential")
        assert weights.keys() == expected.keys()
        assert all((weights[name] == array).all() for name, array in expected.items())
        run("cifar", "export", preset, "--format", format, "-o", "again.py", "--registry",
            trained[2])
        assert (workplace / "again.py").read_text() == (workplace / "net.py").read_text()
        assert load_file("again.safetensors").keys() == weights.keys()


def test_the_script_of_the_tutorial_reads_like_one_by_hand():
    lines = cifar.ModelSpec.preset("tutorial").resolved().script("pytorch").splitlines()
    first = lines.index("    return nn.Sequential(")
    assert [line.strip() for line in lines[first + 1:first + 9]] == [
        "nn.Conv2d(3, 32, 3, padding=1),", "nn.BatchNorm2d(32, eps=1e-05, momentum=0.1),",
        "nn.ReLU(),", "nn.Conv2d(32, 32, 3, padding=1),",
        "nn.BatchNorm2d(32, eps=1e-05, momentum=0.1),", "nn.ReLU(),", "nn.MaxPool2d(2),",
        "nn.Dropout(0.2),"]
    keras = cifar.ModelSpec.preset("tutorial", "keras").script("keras")
    assert '("dense_25", "25", (128, 4, 4)),' in keras and '("dense_28", "28", None),' in keras
    assert "BatchNormalization(momentum=0.99, epsilon=0.001, " in keras
    with pytest.raises(ValueError, match="use pytorch or keras"):
        cifar.ModelSpec.preset("tutorial").script("jax")
    with pytest.raises(cifar.CifarError, match="has no layers"):
        cifar.ModelSpec().script("keras")


def test_names_choose_formats(trained, workplace):
    model = trained[0]["tutorial"]
    model.save("m.onnx")
    model.export("again.onnx")
    assert (workplace / "m.onnx").read_bytes() == (workplace / "again.onnx").read_bytes()
    model.save("m.onnx")
    run("cifar", "export", "tutorial", "-o", "own.onnx", "--registry", trained[2])
    assert (workplace / "own.onnx").read_bytes() == (workplace / "m.onnx").read_bytes()
    for path, format in [("m.onnx", "weights"), ("m.safetensors", "onnx"), ("m.onnx", "keras")]:
        with pytest.raises(cifar.CifarError, match="named like"):
            model.export(path, format)
    with pytest.raises(ValueError, match="there is no format 'h5': use checkpoint"):
        model.export("m", "h5")
    (workplace / "theirs.onnx").write_bytes(b"\x08\x0a\x12\x07pytorch")
    with pytest.raises(cifar.CifarError, match="theirs.onnx"):
        model.save("theirs.onnx")


def test_keras_is_asked_for_where_its_files_are(trained, workplace):
    if importlib.util.find_spec("keras"):
        pytest.skip("Keras is there: see Tests/Interop")
    for call in [
        lambda: trained[0]["tutorial"].save("m.keras"),
        lambda: trained[0]["tutorial"].save("m.weights.h5"),
        lambda: trained[0]["tutorial"].to_keras(),
        lambda: cifar.Model.from_weights("m.weights.h5"),
    ]:
        with pytest.raises(ImportError, match="pip install keras"):
            call()
    assert not (workplace / "m.keras").exists()
