"""From one training to another: frozen parameters, and CIFAR-10's weights for CIFAR-100's images."""

import json
import pathlib
import re

import cifar
import numpy as np
import pytest
from conftest import run

SMALL = ["--limit-train", 64, "--limit-test", 32, "--epochs", 1]


def layers(classes=10, **options):
    return (
        cifar.ModelSpec().conv2d(8, **options).batch_norm(**options).relu().max_pool().flatten()
        .dense(classes))


@pytest.fixture(scope="module")
def images():
    return cifar.load("shapes", limit_train=128, limit_test=64)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_what_is_frozen_stays_to_the_bit(images, precision):
    options = dict(
        epochs=1, record=False, verbose=0, precision=precision, weight_decay=0.1, optimizer="sgd",
        momentum=0.9)
    first = cifar.fit(*images, model=layers(), epochs=1, record=False, verbose=0)
    before = first.model.state_dict()

    def changed(**more):
        more.setdefault("model", layers())
        after = cifar.fit(*images, init=first, **options, **more).model.state_dict()
        return [
            name for name in after
            if not name.endswith("num_batches_tracked") and (after[name] != before[name]).any()]

    everything = changed()
    assert len(everything) >= 7
    head = ["5.weight", "5.bias"]
    assert sorted(changed(freeze=["conv2d.*", "batch_norm.*"])) == sorted(head)
    assert sorted(changed(freeze=["0.*", "1.*"], ema=0.5)) == sorted(head)
    assert sorted(changed(model=layers(trainable=False), lookahead={"steps": 1})) == sorted(head)
    assert sorted(changed(freeze="5.*")) == sorted(set(everything) - set(head))
    # Its statistics are those of the batch as long as one of its parameters is trained.
    assert {"1.running_mean", "1.weight"} <= set(changed(freeze="*.bias"))
    for freeze, message in [
        ("convolution.*", "'convolution.\\*' names none of the model's parameters; there are 0.weight"),
        ("*", "all 6 parameters of the model are frozen"), ("", "not a pattern of 1 to 200 bytes"),
        ([1], "freeze"), (3, "freeze"),
    ]:
        with pytest.raises(cifar.CifarError, match=message):
            changed(freeze=freeze)


def test_the_summary_counts_what_is_trained():
    spec = layers(trainable=False)
    assert (spec.parameters, spec.non_trainable) == (20490, 8 * 27 + 8 + 4 * 8)
    assert "trainable false" in spec.summary()
    assert json.loads(spec.to_json())["layers"][1]["trainable"] is False
    assert spec == cifar.ModelSpec.from_json(spec.to_json())
    with pytest.raises(cifar.CifarError, match="trainable is no option of relu; it has none"):
        cifar.ModelSpec.from_json('[{"type": "relu", "trainable": false}]')
    assert "trainable=False" in spec.dense(10).script("keras")


def test_from_ten_classes_to_a_hundred(images, workplace):
    """The commands of docs/transfer.md, with images that only have CIFAR-100's layout."""
    directory = pathlib.Path("cifar-100-binary")
    directory.mkdir()
    random = np.random.default_rng(0)
    for name, count in [("train.bin", 50_000), ("test.bin", 10_000)]:
        records = random.integers(0, 256, (64, 3074), np.uint8)
        records[:, 0], records[:, 1] = records[:, 0] % 20, records[:, 1] % 100
        with open(directory / name, "wb") as file:
            file.write(records.tobytes())
            file.truncate(count * 3074)
    run("cifar", "train", "--data", "shapes", *SMALL, "--name", "ten")
    told = run("cifar", "train", "--data", f"cifar100:{directory}", *SMALL, "--init", "ten",
               "--freeze", "conv2d.*", "--freeze", "batch_norm.*", "--name", "hundred")
    assert (
        "run ten: 38 of the model's 40 tensors begin with these weights, the others are drawn: "
        "'28.weight' is [10, 512], the model's is [100, 512]; '28.bias' is [10], the model's is "
        "[100]") in told.stderr_text
    assert re.search(r"1,100,388 of 1,388,292 parameters trained", told.stdout_text)
    known = cifar.Registry("runs.db").run("hundred")["hyperparameters"]
    assert known["freeze"] == ["conv2d.*", "batch_norm.*"]
    models = [cifar.Model.from_run(name, registry="runs.db") for name in ["ten", "hundred"]]
    ten, hundred = (model.state_dict() for model in models)
    same = [name for name in ten if ten[name].shape == hundred[name].shape
            and (ten[name] == hundred[name]).all() and not name.endswith("tracked")]
    assert len(same) == 36
    assert models[1].evaluate(cifar.Dataset.open(
        f"cifar100:{directory}", "test", limit=32)).loss > 0
    # As a whole, a second time.
    run("cifar", "resume", "hundred", "--epochs", 2)


def test_presets_are_the_librarys(images, workplace):
    """A model by a preset's name is made again for the classes there are, whichever preset it is."""
    from cifar._beginning import _is_preset

    with pytest.raises(cifar.CifarError) as error:
        cifar.ModelSpec.preset("nothing")
    names = str(error.value).split("use ")[1].split(", ")
    assert "tutorial" in names and "resnet9" in names
    assert all(map(_is_preset, names)) and not _is_preset("custom")
    options = dict(epochs=1, batch_size=8, verbose=0)
    ten = cifar.fit(*cifar.load("shapes", limit_train=8, limit_test=8), model="airbench93", **options)
    random = np.random.default_rng(0)
    twelve = random.integers(0, 256, (12, 32, 32, 3), np.uint8), np.arange(12)
    more = cifar.fit(twelve, twelve, init=ten, **options)
    assert more.model.hyperparameters["model"] == "airbench93"
    assert more.model.spec.classes == 12


def test_quantized_weights_are_no_beginning(images, workplace):
    train, test = images
    model = cifar.fit(train, test, model="tutorial-gap", epochs=1, verbose=0, record=False).model
    quantized = model.quantize(train)
    quantized.save("int8.safetensors")
    message = "is quantized: weights that were rounded to int8 are nothing to begin a training with"
    for init in [quantized, "int8.safetensors"]:
        with pytest.raises(cifar.CifarError, match=message) as failure:
            cifar.fit(train, test, model="tutorial-gap", epochs=1, verbose=0, record=False, init=init)
        assert failure.value.status == "CIFAR_E_UNSUPPORTED"
    failed = run(
        "cifar", "train", "--data", "shapes", "--model", "tutorial-gap", "--init", "int8.safetensors",
        expect=1)
    assert f"int8.safetensors {message}" in failed.stderr_text
