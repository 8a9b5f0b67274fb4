"""What weights know of themselves, and what `fit` and `Model.from_weights` take of it."""

import json
import logging

import cifar
import numpy as np
import pytest
from safetensors.numpy import save_file

SPEC = cifar.ModelSpec().conv2d(8).relu().max_pool().max_pool().flatten().dense(10)
UNIT = {"mean": [0, 0, 0], "std": [1, 1, 1]}


@pytest.fixture(scope="module")
def images():
    return cifar.load("shapes", limit_train=96, limit_test=64)


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
    """Of the recipe whose images are from 0 to 1."""
    return cifar.fit(
        *images, recipe="keras", model=SPEC, epochs=3, verbose=0, name="unit",
        registry=tmp_path_factory.mktemp("runs") / "runs.db")


@pytest.fixture(scope="module")
def greys():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (40, 28, 28, 1), np.uint8), np.arange(40) % 10


def untrained(images, **options):
    """A training that changes nothing."""
    return cifar.fit(
        *images, learning_rate=1e-12, epochs=1, verbose=0, record=False, **options)


def test_fit_takes_the_recipe_of_weights_that_know_it(images, run, workplace):
    run.model.save("w.safetensors")
    run.model.export("c.safetensors", "checkpoint")
    expected = run.model.evaluate(images.test).loss
    for weights in [run, run.model, "w.safetensors", "c.safetensors"]:
        # Neither the model nor the recipe is said.
        again = untrained(images, init=weights)
        assert again.epochs[0].val_loss == pytest.approx(expected, rel=1e-5)
        assert again.hyperparameters["recipe"] == "keras"
        assert again.hyperparameters["normalization"] == UNIT
        assert again.model.spec == run.model.spec
        again = untrained(images, init=weights, recipe="keras-tuned", model=SPEC)
        assert again.epochs[0].val_loss == pytest.approx(expected, rel=1e-5)
        with pytest.raises(ValueError, match="recipe 'keras', and 'pytorch' normalises images oth"):
            untrained(images, init=weights, recipe="pytorch")
        again = untrained(images, init=weights, recipe="pytorch", normalization=UNIT)
        assert again.epochs[0].val_loss == pytest.approx(expected, rel=1e-5)
        assert again.hyperparameters["recipe"] == "pytorch"


def test_weights_that_know_nothing_get_the_recipe_of_fit(images, run, workplace):
    weights = run.model.state_dict()
    assert untrained(images, init=weights, model=SPEC).hyperparameters["recipe"] == "pytorch"
    again = untrained(images, init=weights, model=SPEC, recipe="keras")
    assert again.epochs[0].val_loss == pytest.approx(
        run.model.evaluate(images.test).loss, rel=1e-5)
    with pytest.raises(FileNotFoundError, match=r"no file 'unit'; .*Model.from_run\('unit'\)"):
        untrained(images, init="unit")


def test_greys_are_normalised_as_the_weights_were(greys, workplace):
    spec = cifar.ModelSpec((1, 28, 28)).flatten().dense(10)
    options = dict(validation_split=0.5, epochs=1, verbose=0, record=False)
    model = cifar.fit(*greys, model=spec, **options).model
    normalization = model.hyperparameters["normalization"]
    others = greys[0] // 2, greys[1]
    again = cifar.fit(*others, init=model, **options)
    assert again.hyperparameters["normalization"] == normalization
    # A state_dict does not know it, and the images have their own.
    again = cifar.fit(*others, init=model.state_dict(), model=spec, **options)
    assert again.hyperparameters["normalization"] != normalization
    weights = model.state_dict()
    for asked in [spec, json.loads(spec.to_json()), spec.to_json()]:
        with pytest.raises(ValueError, match="nobody knows how the grey images were normalised: gi"):
            cifar.Model.from_weights(weights, asked)
        taken = cifar.Model.from_weights(weights, asked, normalization=normalization)
        assert (taken.predict(greys[0]) == model.predict(greys[0])).all()
    taken = cifar.Model.from_weights(weights, spec, recipe="keras")
    assert taken.hyperparameters["normalization"] == {"mean": [0], "std": [1]}
    model.save("grey.safetensors")
    assert cifar.Model.from_weights("grey.safetensors").hyperparameters[
        "normalization"] == normalization


def test_presets_take_the_images_that_the_weights_are_for(greys, workplace):
    options = dict(validation_split=0.5, epochs=1, verbose=0, record=False)
    model = cifar.fit(*greys, **options).model
    weights = model.state_dict()
    assert cifar.fit(*greys, init=weights, **options).status == "completed"
    save_file(weights, "theirs.safetensors")
    normalization = model.hyperparameters["normalization"]
    for given in [weights, "theirs.safetensors", model.state_dict("sequential")]:
        for preset in ["tutorial", None]:
            taken = cifar.Model.from_weights(given, preset, normalization=normalization)
            assert (taken.predict(greys[0]) == model.predict(greys[0])).all()
    large = cifar.ModelSpec.preset("tutorial", classes=3, input=(3, 64, 64))
    assert large.classes == 3
    rows = cifar.ModelSpec.from_json(large.to_json())
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (30, 64, 64, 3), np.uint8), np.arange(30) % 3
    trained = cifar.fit(*pictures, model=rows, **options).model
    assert cifar.Model.from_weights(trained.state_dict()).spec == trained.spec


def test_a_file_of_the_library_says_what_is_not_told(images, run, workplace):
    model, test = run.model, images.test
    model.save("w.safetensors")
    expected = model.predict(test.images)
    letters = list("abcdefghij")
    for options, names in [
        ({"class_names": letters}, letters), ({"class_names": iter(letters)}, letters),
        ({"recipe": "keras-tuned"}, test.class_names), ({"model": SPEC}, test.class_names),
        ({"normalization": UNIT}, test.class_names),
        ({"recipe": "pytorch", "normalization": UNIT}, test.class_names),
    ]:
        taken = cifar.Model.from_weights("w.safetensors", **options)
        assert (taken.predict(test.images) == expected).all()
        assert taken.class_names == names
    with pytest.raises(ValueError, match="the weights in 'w.safetensors' are of the recipe 'keras'"):
        cifar.Model.from_weights("w.safetensors", recipe="pytorch")
    for wrong in [{"mean": [0, 0, 0]}, {"mean": [0], "std": [1], "axis": 1}, 3, []]:
        with pytest.raises(ValueError, match="normalization is .*, with both, not"):
            cifar.Model.from_weights("w.safetensors", normalization=wrong)


def test_keras_weights_and_another_recipe_are_told(images, workplace, monkeypatch, caplog):
    """Keras itself is in Tests/Interop: here it is asked for before anything is read."""
    monkeypatch.setitem(__import__("sys").modules, "keras", None)
    with open("m.weights.h5", "wb") as file:
        file.write(b"nothing")
    with caplog.at_level(logging.WARNING, "cifar"), pytest.raises(ImportError):
        untrained(images, init="m.weights.h5", recipe="pytorch")
    assert "leave recipe out for images from 0 to 1" in caplog.text
