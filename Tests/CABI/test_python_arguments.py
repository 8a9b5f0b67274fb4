"""What callers of the Python package hand in: numpy's numbers, texts in every locale, and what
somebody who comes from Keras types first."""

import os
import subprocess
import sys
from pathlib import Path

import cifar
import numpy as np
import pytest
from conftest import ROOT

SPEC = cifar.ModelSpec().flatten().dense(10)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


# Numpy's numbers ----------------------------------------------------------------------------------


def test_numpys_numbers_are_numbers(small, workplace):
    run = cifar.fit(
        *small, model=SPEC, epochs=np.int64(1), batch_size=np.uint8(32), threads=np.int16(1),
        lr=np.float32(0.5), seed=np.uint64(2**63), keep_last=np.int32(1), record=np.True_,
        weight_decay=np.float64(5e-4), early_stopping={"patience": np.int64(3)},
        steps_per_epoch=np.array(1), augmentations=(), optimizer={"type": np.str_("sgd")},
        schedule={"type": "multistep", "milestones": np.array([2, 4])},
        csv_logger={"filename": Path("log.csv")}, reduce_lr_on_plateau=np.False_,
    )
    taken = run.hyperparameters
    assert taken["seed"] == 2**63 and taken["optimizer"]["learning_rate"] == 0.5
    assert taken["optimizer"]["weight_decay"] == 5e-4 and taken["schedule"]["milestones"] == [2, 4]
    assert (workplace / "log.csv").exists()
    registry = cifar.Registry(workplace / "runs.db")
    assert len(registry.runs(limit=np.int64(1), ascending=np.True_)) == 1
    identity = np.int64(registry.run(run.id)["checkpoints"][0]["id"])
    registry.pin(identity)
    assert registry.run(run.id)["checkpoints"][0]["is_pinned"]
    registry.export(identity, "model.safetensors")
    cifar.Model.from_run(run.id, checkpoint=identity, threads=np.int64(1))
    spec = cifar.ModelSpec().conv2d(np.int64(4)).batch_norm(np.float32(0.5), np.float64(1e-3))
    assert len(spec.dropout(np.float32(0.25))) == 3


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"weight_decay": float("nan")}, ValueError, "weight_decay nan is not a finite"),
        ({"optimizer": {"beta1": np.inf}}, ValueError, "optimizer.beta1 inf"),
        ({"optimizer": {"beta1": {1}}}, TypeError, "optimizer.beta1 is a set"),
        ({"schedule": {1: 2}}, TypeError, "schedule has the key 1"),
        ({"lr": "0.1"}, TypeError, "lr is a str, not a number"),
        ({"lr": 0.1, "learning_rate": 0.2}, TypeError, "lr and learning_rate are the same"),
        ({"keep_last": 2**32}, ValueError, "keep_last 4294967296 is out of range"),
        ({"epochs": "3"}, TypeError, "epochs is a str, not a whole number"),
        ({"name": "a\0b"}, ValueError, "name has a NUL"),
        ({"registry": "a\0b"}, ValueError, "registry has a NUL"),
        ({"registry": 3}, TypeError, "registry is a int, not a path"),
        ({"tags": ["two\nlines"]}, ValueError, "more than one line"),
        ({"tags": ["a", 3]}, TypeError, "a tag is a int"),
        ({"recipe": None}, TypeError, "recipe is None"),
        ({"early_stopping": "patience=3"}, cifar.CifarError, 'early_stopping is "patience=3"'),
        ({"early_stopping": [3]}, cifar.CifarError, "early_stopping is [3]"),
        ({"reduce_lr_on_plateau": 5}, cifar.CifarError, "reduce_lr_on_plateau is 5"),
        ({"terminate_on_nan": "yes"}, cifar.CifarError, "nor true or false"),
        ({"csv_logger": "log.csv"}, cifar.CifarError, '{"filename": "log.csv"}'),
        (
            {"optimizer": {"type": "sgd", "learning_rate": 0.1}, "learning_rate": 0.2},
            cifar.CifarError, "learning_rate is given twice",
        ),
    ],
)
def test_what_is_no_argument_is_named(small, workplace, options, error, words):
    with pytest.raises(error) as info:
        cifar.fit(*small, **{"model": SPEC, "epochs": 1, **options})
    assert words in str(info.value) and "\n" not in str(info.value)
    assert not (workplace / "runs.db").exists()


# Texts --------------------------------------------------------------------------------------------


def test_one_tag_is_a_str(small, workplace):
    run = cifar.fit(*small, model=SPEC, epochs=1, tags="baseline")
    assert cifar.Registry().run(run.id)["tags"] == "baseline"
    run = cifar.fit(*small, model=SPEC, epochs=1, tags=(word for word in ["b", "a"]))
    assert cifar.Registry().run(run.id)["tags"] == "a, b"


def test_texts_are_utf8_in_an_8_bit_locale(workplace):
    program = """
import cifar
train, test = cifar.load("shapes", limit_train=64, limit_test=32)
spec = cifar.ModelSpec().flatten().dense(10)
run = cifar.fit(
    train, test, epochs=1, model=spec, name="gr\\u00f6\\u00dfe", tags="\\u00e4",
    registry=b"r\\xc3\\xbcns.db".decode("ascii", "surrogateescape"))
registry = cifar.Registry(run.registry)
row = registry.run("gr\\u00f6\\u00dfe")
assert row["id"] == run.id and row["tags"] == "\\u00e4", row
registry.note(run.id, "\\u00fc")
assert registry.runs(filter="name = gr\\u00f6\\u00dfe and tag = \\u00e4") != []
names = ["\\u00e9" * (i + 1) for i in range(10)]
named = cifar.Dataset.from_arrays(test.images, test.labels, names)
assert named.class_names[1] == "\\u00e9\\u00e9"
"""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"), "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
    }
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", program], env=environment, capture_output=True,
        text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in cifar.Registry("rüns.db").runs()] == ["größe"]


# First lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, error, words",
    [
        ("cifar.fit(x, y, epochs=5)", TypeError, "train is a numpy.ndarray, not a Dataset"),
        ("cifar.fit('shapes', test)", TypeError, "train is a str, not a Dataset"),
        ("cifar.fit((x, y), test)", TypeError, "cifar.Dataset.from_arrays"),
        ("cifar.fit(train, test, verbose=1)", TypeError, "fit has no 'verbose': callbacks"),
        ("cifar.fit(train, test, metrics=['accuracy'])", TypeError, "epoch.log"),
        ("cifar.fit(train, test, optimizer='Adam')", cifar.CifarError, "adam"),
        ("cifar.EarlyStopping(patience=3)", AttributeError, "early_stopping={'patience': 3}"),
        ("cifar.datasets.cifar10", AttributeError, "cifar.load"),
        ("cifar.load_model('m')", AttributeError, "cifar.Model.open"),
        ("cifar.nothing", AttributeError, "has no attribute 'nothing'"),
        ("model.evaluate(x, y)", TypeError, "dataset is a numpy.ndarray, not a Dataset"),
        ("model.evaluate(train, flips='no')", TypeError, "flips is a str"),
        ("model.predict(x[0])", ValueError, "images[None]"),
        ("model.predict(x / 255.0)", TypeError, "float64, not uint8"),
        ("model.predict('cat.png')", TypeError, "images is a str, not an array"),
        ("model.save(None)", TypeError, "path is None"),
        ("cifar.resume(run)", TypeError, "give run.id"),
        ("cifar.resume(None)", TypeError, "run is None"),
        ("cifar.resume('a', checkpoint=None)", TypeError, "neither 'last', 'best' nor an id"),
        ("cifar.ModelSpec().conv2d(32, (3, 3))", TypeError, "kernel_size is a tuple"),
        ("cifar.Dataset.open('shapes', limit=0)", ValueError, "limit 0 is out of range"),
        ("cifar.Dataset.open('shapes', split=1)", ValueError, "split 1 is neither"),
        ("cifar.Dataset.from_arrays(x, y, 'abcdefghij')", TypeError, "class_names is one str"),
        ("cifar.Dataset.from_arrays(x, [['a', 'b']] * 64)", ValueError, "labels of shape"),
    ],
)
def test_first_lines_are_answered(small, workplace, line, error, words):
    names = {
        "cifar": cifar, "train": small.train, "test": small.test, "x": small.train.images,
        "y": small.train.labels,
    }
    if "model" in line or "run" in line:
        names["run"] = cifar.fit(*small, model=SPEC, epochs=1, record=False)
        names["model"] = names["run"].model
    with pytest.raises(error) as info:
        eval(line, names)
    assert words in str(info.value) and "\n" not in str(info.value)
