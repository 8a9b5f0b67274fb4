"""What a model's answers are computed in."""

import json

import cifar
import numpy as np
import pytest
from conftest import run


@pytest.fixture(scope="module")
def trained():
    images, test = cifar.load("shapes", limit_train=512, limit_test=96)
    return cifar.fit(images, test, epochs=1, record=False, verbose=0).model, test


def test_begins_in_float32_whatever_it_was_trained_in():
    images, test = cifar.load("shapes", limit_train=64, limit_test=32)
    model = cifar.fit(
        images, test, epochs=1, precision="mixed_bfloat16", record=False, verbose=0).model
    assert model.hyperparameters["precision"] == "mixed_bfloat16"
    assert model.precision == "float32"


def test_answers_are_near_those_of_float32(trained, tmp_path):
    model, test = trained
    exact = model.predict(test.images)
    measured = model.evaluate(test)
    model.precision = "mixed_bfloat16"
    try:
        mixed = model.predict(test.images)
        difference = np.abs(mixed - exact).max()
        assert 0 < difference < 1e-2
        assert model.evaluate(test).loss == pytest.approx(measured.loss, rel=1e-2)
        # An image's answer does not depend on its batch.
        for batch in [1, 3, 32]:
            parts = [model.predict(test.images[first:first + batch])
                     for first in range(0, 96, batch)]
            assert np.array_equal(np.concatenate(parts), mixed)
        # Nor on the threads.
        file = tmp_path / "model.safetensors"
        model.save(file)
        alone = cifar.Model.open(file, threads=1)
        alone.precision = "mixed_bfloat16"
        assert np.array_equal(alone.predict(test.images), mixed)
    finally:
        model.precision = "float32"
    assert np.array_equal(model.predict(test.images), exact)


def test_names_what_there_is(trained):
    model, _ = trained
    with pytest.raises(cifar.CifarError, match="'float16' is none of float32, mixed_bfloat16, int8"):
        model.precision = "float16"
    with pytest.raises(TypeError, match="precision"):
        model.precision = None
    assert model.precision == "float32"


def test_commands_say_what_they_computed_in(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, test = trained
    model.save("model.safetensors")
    asked = ["evaluate", "model.safetensors", "--data", "shapes", "--limit-test", 96]
    exact = json.loads(run("cifar", *asked, "--json").stdout_text)
    mixed = json.loads(run("cifar", *asked, "--precision", "mixed_bfloat16", "--json").stdout_text)
    assert (exact["precision"], mixed["precision"]) == ("float32", "mixed_bfloat16")
    assert exact["loss"] == pytest.approx(model.evaluate(test).loss)
    assert mixed["loss"] != exact["loss"] and mixed["loss"] == pytest.approx(exact["loss"], rel=1e-2)
    line = run("cifar", *asked, "--precision", "mixed_bfloat16").stdout_text
    assert ", in mixed_bfloat16;" in line
    assert "bfloat16" not in run("cifar", *asked).stdout_text
    refused = run("cifar", *asked, "--precision", "float16", expect=2)
    assert "mixed_bfloat16" in refused.stderr_text
    picture = tmp_path / "one.ppm"
    picture.write_bytes(b"P6 32 32 255\n" + np.asarray(test.images)[0].tobytes())
    answers = [
        json.loads(run("cifar", "predict", "model.safetensors", picture, "--json", *more).stdout_text)
        for more in [[], ["--precision", "mixed_bfloat16"]]
    ]
    assert answers[0] != answers[1]
