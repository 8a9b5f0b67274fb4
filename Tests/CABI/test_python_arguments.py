"""What callers of the Python package hand in: numpy's numbers, texts in every locale, and what
someone who comes from Keras types first."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import cifar
import numpy as np
import pytest
from conftest import ROOT

SPEC = cifar.ModelSpec().flatten().dense(10)
HALF = "a\ud800"
MASKED = np.ma.array([1, 2, 3], mask=[0, 1, 0])
ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


# Numpy's numbers ----------------------------------------------------------------------------------


def test_numpys_numbers_are_numbers(small, workplace):
    run = cifar.fit(
        *small, model=SPEC, epochs=np.int64(1), batch_size=np.uint8(32), threads=np.int16(1),
        learning_rate=np.float32(0.5), seed=np.uint64(2**63), keep_last=np.int32(1), record=np.True_,
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
    part = cifar.fit(
        *small, model=SPEC, epochs=np.float32(1.1), batch_size=8, learning_rate=0.5, verbose=0,
        record=False)
    assert part.hyperparameters["epochs"] == 1.1 and part.reason == "all 1.1 epochs are done"
    spec = cifar.ModelSpec().conv2d(np.int64(4)).batch_norm(np.float32(0.5), np.float64(1e-3))
    assert len(spec.dropout(np.float32(0.25))) == 3


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"weight_decay": float("nan")}, ValueError, "weight_decay nan is not a finite"),
        ({"optimizer": {"beta1": np.inf}}, ValueError, "optimizer.beta1 inf"),
        ({"optimizer": {"beta1": {1}}}, TypeError, "optimizer.beta1 is a set"),
        ({"schedule": {1: 2}}, TypeError, "schedule has the key 1"),
        ({"learning_rate": "0.1"}, TypeError, "learning_rate is a str, not a number"),
        ({"keep_last": 2**32}, ValueError, "keep_last 4294967296 is out of range"),
        ({"epochs": "3"}, TypeError, "epochs is a str, not a number"),
        ({"epochs": 0}, ValueError, "epochs 0 is out of range: it is above 0, up to 1000000, or None"),
        ({"epochs": np.float32(0)}, ValueError, "epochs 0 is out of range: it is above 0"),
        ({"epochs": float("nan")}, ValueError, "epochs nan is out of range: it is above 0"),
        ({"epochs": 1e6 + 1}, ValueError, "epochs 1000001 is out of range: it is above 0"),
        ({"epochs": True}, TypeError, "epochs is True, not a number"),
        ({"name": "a\0b"}, ValueError, "name has a NUL"),
        ({"registry": "a\0b"}, ValueError, "registry has a NUL"),
        ({"registry": 3}, TypeError, "registry is a int, not a path"),
        ({"tags": ["two\nlines"]}, ValueError, "more than one line"),
        ({"tags": ["a", 3]}, TypeError, "tags[1] is a int, not a str"),
        ({"tags": 3}, TypeError, "tags is a int, not a list of str"),
        ({"tags": b"a"}, TypeError, "tags is a bytes, not a list of str"),
        ({"tags": {"a": 1}}, TypeError, "tags is a dict, not a list of str"),
        ({"tags": ["a", HALF]}, ValueError, "tags[1] is not Unicode: its character 1"),
        ({"name": HALF}, ValueError, "name is not Unicode"),
        ({"recipe": HALF}, ValueError, "recipe is not Unicode"),
        ({"model": HALF}, ValueError, "model is not Unicode"),
        ({"model": [{"type": HALF}]}, ValueError, "model[0].type is not Unicode"),
        ({"model": [{HALF: 3}]}, ValueError, "a key of model[0] is not Unicode"),
        ({HALF: 3}, ValueError, "a hyperparameter's name is not Unicode"),
        ({"csv_logger": {"filename": HALF}}, ValueError, "csv_logger.filename is not Unicode"),
        ({"registry": HALF}, ValueError, "registry can't be a path: character 1"),
        ({"learning_rate": 10**400}, ValueError, "learning_rate is out of range"),
        ({"busy_timeout": 10**400}, ValueError, "busy_timeout is out of range"),
        ({"weight_decay": 10**5000}, ValueError, "weight_decay is out of range"),
        ({"learning_rate": Decimal("sNaN")}, TypeError, "learning_rate is a decimal.Decimal, not a number"),
        ({"epochs": 10**5000}, ValueError, "epochs is out of range"),
        ({"seed": -(10**5000)}, ValueError, "seed is out of range"),
        ({"augment": ENDLESS}, ValueError, "nested too deeply"),
        ({"learning_rate": MASKED[1]}, ValueError, "learning_rate has masked values"),
        ({"epochs": np.ma.array(3, mask=True)}, ValueError, "epochs has masked values"),
        (
            {"schedule": {"type": "multistep", "milestones": MASKED}}, ValueError,
            "schedule.milestones has masked values",
        ),
        ({"recipe": 3}, TypeError, "recipe is a int"),
        ({"early_stopping": "patience=3"}, cifar.CifarError, 'early_stopping is "patience=3"'),
        ({"early_stopping": [3]}, cifar.CifarError, "early_stopping is [3]"),
        ({"reduce_lr_on_plateau": 5}, cifar.CifarError, "reduce_lr_on_plateau is 5"),
        ({"terminate_on_nan": "yes"}, cifar.CifarError, "nor true or false"),
        ({"csv_logger": "log.csv"}, cifar.CifarError, '{"filename": "log.csv"}'),
        (
            {"optimizer": {"type": "sgd", "momentum": 0.1}, "momentum": 0.2},
            cifar.CifarError, "momentum is given twice",
        ),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0, not above it"),
    ],
)
def test_what_is_no_argument_is_named(small, workplace, options, error, words):
    with pytest.raises(error) as info:
        cifar.fit(*small, **{"model": SPEC, "epochs": 1, **options})
    assert words in str(info.value) and "\n" not in str(info.value)
    assert not (workplace / "runs.db").exists()


def test_the_learning_rate_by_itself_has_the_last_word(small, workplace):
    """As in C: recipe, hyperparameters, then the options that stand alone."""
    run = cifar.fit(
        *small, model=SPEC, epochs=1, learning_rate=0.125, record=False,
        optimizer={"type": "sgd", "learning_rate": 0.25})
    assert run.hyperparameters["optimizer"]["learning_rate"] == 0.125


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
        ("cifar.fit(x, y, epochs=5)", TypeError, "validation_data=(images, labels), or validation_"),
        ("cifar.fit(train, epochs=5)", TypeError, "no images to validate on"),
        ("cifar.fit(x, epochs=5)", TypeError, "train is a numpy.ndarray, not a Dataset: give a"),
        ("cifar.fit('shapes', test)", TypeError, "train is a str, not a Dataset"),
        ("cifar.fit(train, y)", TypeError, "validation is a numpy.ndarray, not a Dataset"),
        ("cifar.fit(x, y, validation_data=3)", TypeError, "validation_data is a int"),
        ("cifar.fit(train, test, validation_data=test)", TypeError, "given twice"),
        ("cifar.fit(train, test, validation_split=1)", cifar.CifarError, "validation_split 1.0 is not"),
        ("cifar.fit(train, validation_split=1)", ValueError, "1.0 is not between 0 and 1"),
        ("cifar.fit(train, validation_split=0.999)", ValueError, "leaves none of 64 images to"),
        ("cifar.fit(train, validation_split='0.1')", TypeError, "validation_split is a str"),
        ("cifar.fit((x, y[:9]), test)", ValueError, "64 images, but 9 labels"),
        ("cifar.fit(train, test, metrics=['accuracy', 'auc'])", ValueError, "metrics has 'auc'"),
        ("cifar.fit(train, test, optimizer='RMSprop')", cifar.CifarError, "adam, adamw, sgd"),
        ("cifar.fit(train, test, loss='mse')", ValueError, "loss 'mse' is none there is"),
        ("cifar.fit(train, test, shuffle=False)", ValueError, "shuffle can only be True"),
        ("cifar.fit(train, test, initial_epoch=3)", TypeError, "cifar.resume"),
        ("cifar.fit(x=x, y=y)", TypeError, "missing 1 required positional argument: 'train'"),
        ("cifar.fit(train, test, callbacks=[cifar.EarlyStopping])", TypeError, "EarlyStopping()"),
        ("cifar.EarlyStopping(patience=3, verbose='yes')", TypeError, "verbose is a str"),
        ("cifar.TensorBoard", AttributeError, "there is fit(tensorboard=DIR"),
        ("cifar.callbacks.LambdaCallback", AttributeError, "any function of (epoch) in fit(callba"),
        ("cifar.Adam(1e-3)", AttributeError, "cifar.fit(…, optimizer='adam', learning_rate=0.001)"),
        ("cifar.optim.SGD", AttributeError, "cifar.fit(…, optimizer='adam'"),
        ("cifar.nn.Conv2d", AttributeError, "cifar.ModelSpec(), whose methods add layers"),
        ("cifar.ModelSpec().max_pooling2d()", AttributeError, "there is max_pool(2)"),
        ("cifar.ModelSpec().MaxPooling2D()", AttributeError, "there is max_pool(2)"),
        ("cifar.ModelSpec().linear(10)", AttributeError, "there is dense(10)"),
        ("cifar.ModelSpec().nothing()", AttributeError, "'ModelSpec' has no attribute 'nothing'"),
        ("cifar.ModelSpec().conv2d(8, input_shape=(32, 32, 3))", TypeError, "ModelSpec(input=(3, 3"),
        ("cifar.ModelSpec().conv2d(8, stride=2, strides=2)", TypeError, "stride is given twice"),
        ("cifar.ModelSpec().conv2d(8, use_bias=False)", TypeError, "bias=False leaves it out"),
        ("cifar.ModelSpec(input=28)", ValueError, "input 28 is not (channels, height, width)"),
        ("cifar.fit(train, validation_data=(x, y, y))", TypeError, "in validation all count alike"),
        ("(a, b), (c, d) = train, test", TypeError, "x, y = dataset.images, dataset.labels"),
        ("model(x)", TypeError, "model.predict(images) gives the probabilities of classes"),
        ("model.eval()", AttributeError, "no need of it: a Model is never in training"),
        ("model.evaluate(x, y, return_dict=True)", TypeError, "vars(result) is a dict"),
        ("model.evaluate(x, y, batch_size=0)", ValueError, "batch_size 0 is out of range"),
        ("model.evaluate(x, y, verbose=3)", ValueError, "verbose 3 is out of range: it is 0 to 2"),
        ("model.predict(x, verbose='no')", TypeError, "verbose is a str"),
        ("model.predict(x, steps=3)", TypeError, "give a part of the images, images[:1000]"),
        ("train.targets", AttributeError, "there is dataset.labels"),
        ("train.classes", AttributeError, "there is dataset.class_names"),
        ("run.predict(x)", AttributeError, "there is run.model.predict"),
        ("run.nothing", AttributeError, "'Run' has no attribute 'nothing'"),
        ("cifar.Model.from_run(run)", ValueError, "run was not recorded"),
        ("cifar.fit(train, test, callbacks=[es, es])", TypeError, "early_stopping is given twice"),
        ("cifar.fit(train, test, early_stopping=False, callbacks=[es])", TypeError, "given twice"),
        ("cifar.resume('a', callbacks=[es])", TypeError, "EarlyStopping(patience=3) is a part of"),
        ("cifar.LearningRateScheduler(3)", TypeError, "schedule is a int, not a function of (epoch)"),
        ("cifar.LearningRateScheduler(lambda: 1)", TypeError, "neither (epoch) nor (epoch, lr)"),
        ("cifar.CSVLogger(3)", TypeError, "filename is a int, not a path"),
        ("cifar.datasets.cifar10", AttributeError, "cifar.load"),
        ("cifar.load_model('m')", AttributeError, "cifar.Model.open"),
        ("cifar.Model.load('m')", AttributeError, "there is Model.open(path)"),
        ("model.get_weights()", AttributeError, "there is model.state_dict()"),
        ("model.predict_proba(x)", AttributeError, "there is model.predict(images)"),
        ("model.nothing", AttributeError, "'Model' has no attribute 'nothing'"),
        ("cifar.Sequential([])", AttributeError, "cifar.ModelSpec(), whose methods"),
        ("cifar.nothing", AttributeError, "has no attribute 'nothing'"),
        ("model.evaluate(x)", TypeError, "dataset is a numpy.ndarray, not a Dataset: give a"),
        ("model.evaluate(train, y)", TypeError, "labels are given twice"),
        ("train[64]", IndexError, "index 64 is out of range: there are 64 images"),
        ("train[-65]", IndexError, "index -65 is out of range: there are 64 images"),
        ("model.predict(train[0])", TypeError, "give the image alone, dataset[0][0]"),
        ("model.predict(None)", TypeError, "images is a None, neither an array nor a picture"),
        ("model.predict({})", TypeError, "images is a dict, neither an array nor a picture"),
        ("cifar.Dataset.from_folder('.', resize=32)", TypeError, "give (height, width), or True"),
        ("train[64:]", ValueError, "index selects none of 64 images"),
        ("train['a']", TypeError, "index is neither a whole number"),
        ("train[1, 2]", TypeError, "index is neither"),
        ("train.images.fill(0)", ValueError, "read-only"),
        ("model.evaluate(train, flips='no')", TypeError, "flips is a str"),
        ("model.predict(x[0, 0])", ValueError, "images of shape (32, 3), not (N, 32, 32, 3)"),
        ("model.predict(x / 127.5 - 1)", ValueError, "from -1.0 to 1.0: they are bytes from 0 to"),
        ("model.predict(x / 200)", ValueError, "images are floats up to 1.275"),
        ("model.predict(x > 3)", TypeError, "images are bool"),
        ("model.predict('cat.png')", FileNotFoundError, "there is no picture 'cat.png'"),
        ("cifar.Dataset.from_arrays('cat.png', [1])", TypeError, "images is one str, not an"),
        ("cifar.load('cifar10')", cifar.CifarError, "no CIFAR-10 in data,"),
        ("model.save(None)", TypeError, "path is None"),
        ("cifar.resume(run)", ValueError, "run was not recorded"),
        ("cifar.resume(None)", TypeError, "run is None"),
        ("cifar.resume('a', checkpoint=None)", TypeError, "neither 'last', 'best' nor an id"),
        ("cifar.ModelSpec().conv2d(32, (3, 5))", ValueError, "kernel_size is (3, 5), and only squ"),
        ("cifar.ModelSpec().conv2d(32, 3, activation='selu')", ValueError, "none of 'relu', 'gelu'"),
        ("cifar.ModelSpec().avg_pool(3)", ValueError, "pool_size is 3, and there is 2 only"),
        (
            "cifar.ModelSpec().flatten().dense(10, activation='softmax').relu()",
            ValueError, "relu can't follow softmax",
        ),
        ("cifar.Dataset.open('shapes', limit=0)", ValueError, "limit 0 is out of range"),
        ("cifar.Dataset.open('shapes', split=1)", ValueError, "split 1 is neither"),
        ("cifar.Dataset.from_arrays(x, y, 'abcdefghij')", TypeError, "class_names is one str"),
        ("cifar.Dataset.from_arrays(x, y, b'ab')", TypeError, "class_names is a bytes, not a list"),
        ("cifar.Dataset.from_arrays(x, y, 5)", TypeError, "class_names is a int, not a list"),
        ("cifar.Dataset.from_arrays(x, y, ['a', half])", ValueError, "class_names[1] is not Uni"),
        ("cifar.Dataset.from_arrays(x, [['a', 'b']] * 64)", ValueError, "labels of shape"),
        ("cifar.Dataset.from_arrays(x, [[1, 2], [3]])", ValueError, "labels"),
        ("cifar.Dataset.from_arrays(x, masked(y))", ValueError, "labels has masked values"),
        ("cifar.Dataset.from_arrays(masked(x), y)", ValueError, "images has masked values"),
        ("cifar.Dataset.from_arrays([masked(x[0])], y[:1])", ValueError, "give images.filled"),
        ("model.predict(masked(x))", ValueError, "images has masked values"),
        ("model.save(half)", ValueError, "path can't be a path"),
        ("cifar.Dataset.from_folder(5)", TypeError, "path is a int, not a path"),
        ("cifar.Dataset.from_folder('.', resize='no')", TypeError, "resize is a str"),
        ("cifar.Dataset.open(half)", ValueError, "location can't be a path"),
        ("cifar.Model.from_run(half)", ValueError, "run is not Unicode"),
        ("cifar.Model.from_run('a', 10**5000)", ValueError, "checkpoint is out of range"),
        ("cifar.ModelSpec().dropout(10**400)", ValueError, "rate is out of range"),
        ("cifar.ModelSpec.from_json(half)", ValueError, "text is not Unicode"),
        ("cifar.ModelSpec.preset(half)", ValueError, "name is not Unicode"),
    ],
)
def test_first_lines_are_answered(small, workplace, line, error, words):
    names = {
        "cifar": cifar, "train": small.train, "test": small.test, "x": small.train.images,
        "y": small.train.labels, "half": HALF, "es": cifar.EarlyStopping(patience=3),
        "masked": lambda values: np.ma.array(values, mask=values == values.flat[0]),
    }
    if "model" in line or "run" in line:
        names["run"] = cifar.fit(*small, model=SPEC, epochs=1, record=False)
        names["model"] = names["run"].model
    with pytest.raises(error) as info:
        exec(line, names)
    assert words in str(info.value) and "\n" not in str(info.value)


def test_first_lines_of_keras_work(small, workplace, capsys):
    x, y = small.train.images, small.train.labels
    stop = cifar.callbacks.EarlyStopping(patience=3, verbose=1)
    assert cifar.callbacks.Callback is cifar.Callback
    run = cifar.fit(
        x, y, validation_data=[small.test.images, small.test.labels], model=SPEC, epochs=1,
        verbose=0, callbacks=[
            stop, cifar.ReduceLROnPlateau(factor=0.5, verbose=1),
            cifar.ModelCheckpoint(monitor="val_loss", verbose=1)])
    loss, accuracy = run.model.evaluate(x, y)
    result = run.model.evaluate(x, y, batch_size=32, verbose=2)
    assert (loss, accuracy) == (result.loss, result.accuracy) == (result[0], result[1])
    assert capsys.readouterr().out == f"64 images  loss {loss:.4f}  accuracy {accuracy:.2%}\n"
    assert len(result) == 2 and result == run.model.evaluate(small.train)
    loss, accuracy = run.model.evaluate_augmented(x, y)
    expected = run.model.predict(x)
    assert (run.model.predict(x, 32) == expected).all()
    assert (run.model.predict(x, batch_size=7, verbose=0) == expected).all()
    strided = cifar.ModelSpec().conv2d(8, 3, strides=2, padding="same")
    assert strided == cifar.ModelSpec().conv2d(8, 3, stride=2, padding="same")
    # Also where its registry is not the default one.
    assert (cifar.Model.from_run(run).predict(x) == expected).all()
    registry = cifar.Registry(run.registry)
    assert registry.run(run)["id"] == run.id
    registry.tag(run, "good")
    assert registry.runs(filter="tag = good")[0]["id"] == run.id


def test_data_sets_are_taken_apart_where_they_are_pairs(small):
    (first, label), (second, _) = small.train[:2]
    assert label == small.train.labels[0] and (first == small.train.images[0]).all()
    head, *others = small.train
    assert len(others) == 63 and len(list(small.train)) == len(dict(enumerate(small.train))) == 64
    x, y = zip(*small.train)
    assert (np.stack(x) == small.train.images).all() and list(y) == small.train.labels.tolist()
    for image, label in small.train[:2]:
        assert image.shape == (32, 32, 3)


def test_a_mask_that_masks_nothing_is_none(small):
    images, labels = np.ma.array(small.test.images), np.ma.array(small.test.labels, mask=False)
    dataset = cifar.Dataset.from_arrays(images, labels, small.test.class_names)
    assert (dataset.images == small.test.images).all()


@pytest.mark.parametrize(
    "call", ["tag", "untag", "note", "rename", "remove", "fork", "runs", "run"])
def test_texts_for_a_registry_are_named(small, workplace, call):
    cifar.fit(*small, model=SPEC, epochs=1)
    registry = cifar.Registry()
    arguments = {"runs": {"filter": HALF}, "run": {"run": HALF}}.get(call)
    with pytest.raises(ValueError, match="(run|filter) is not Unicode"):
        if arguments:
            getattr(registry, call)(**arguments)
        else:
            getattr(registry, call)(HALF, *["a"] * (call in ["tag", "untag", "note", "rename"]))


@pytest.mark.parametrize("rate, error", [(10**400, ValueError), ("0.1", TypeError)])
def test_what_a_schedule_returns_is_named(small, rate, error):
    scheduler = cifar.LearningRateScheduler(lambda epoch, lr: rate)
    with pytest.raises(error, match="^what the schedule returned is"):
        cifar.fit(*small, model=SPEC, epochs=1, record=False, callbacks=[scheduler])


def test_a_folder_that_is_not_unicode_is_named(tmp_path):
    for name in [b"cat", b"d\xff"]:
        os.mkdir(os.path.join(os.fsencode(tmp_path), name))
    with pytest.raises(ValueError, match=r"the name of the folder '.*d\\udcff' is not Unicode"):
        cifar.Dataset.from_folder(tmp_path)
