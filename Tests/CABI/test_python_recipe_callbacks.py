"""The recipe's callbacks as objects, and what Keras calls arguments of `compile`."""

import inspect
import json
import math
from functools import partial

import cifar
import numpy as np
import pytest
from conftest import run as run_command

SPEC = cifar.ModelSpec().flatten().dense(10)
OPTIONS = {"model": SPEC, "record": False, "verbose": 0}
KINDS = {
    "early_stopping": cifar.EarlyStopping,
    "model_checkpoint": cifar.ModelCheckpoint,
    "reduce_lr_on_plateau": cifar.ReduceLROnPlateau,
    "csv_logger": cifar.CSVLogger,
    "terminate_on_nan": cifar.TerminateOnNaN,
    "timer": cifar.Timer,
}


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def recipe(run):
    """The options of the run's callbacks, by their type."""
    return {options["type"]: options for options in run.hyperparameters["callbacks"]}


def test_each_has_the_options_that_there_are():
    """Described once, in Swift: what `cifar hyperparameters` lists."""
    groups = json.loads(run_command("cifar", "hyperparameters", "--json").stdout_text)
    described = {
        group["type"]: {option["name"] for option in group["options"]}
        for group in groups if group["part"] == "callback"
    }
    assert set(described) == set(KINDS)
    for name, kind in KINDS.items():
        options = set(inspect.signature(kind).parameters) - {"filepath", "verbose"}
        # The dialect is the hyperparameters'.
        assert options == described[name] - {"dialect"}, name


def test_an_object_is_the_hyperparameter_of_its_name(small, workplace):
    objects = [
        cifar.EarlyStopping("val_accuracy", patience=4, start_from_epoch=1),
        cifar.ReduceLROnPlateau(factor=0.25, patience=2, threshold=0.01),
        cifar.ModelCheckpoint(monitor="accuracy", save_best_only=False),
        cifar.CSVLogger(workplace / "a.csv", separator=";"), cifar.TerminateOnNaN(),
        cifar.Timer(1000),
    ]
    one = cifar.fit(*small, epochs=2, callbacks=objects, **OPTIONS)
    other = cifar.fit(
        *small, epochs=2, **OPTIONS,
        early_stopping={"monitor": "val_accuracy", "patience": 4, "start_from_epoch": 1},
        reduce_lr_on_plateau={"factor": 0.25, "patience": 2, "threshold": 0.01},
        model_checkpoint={"monitor": "accuracy", "save_best_only": False},
        csv_logger={"filename": str(workplace / "a.csv"), "separator": ";"},
        terminate_on_nan=True, timer={"seconds": 1000})
    assert recipe(one) == recipe(other) and len(recipe(one)) == 6
    assert (workplace / "a.csv").read_text().count(";") > 3
    # Beside others, and what is not said is the recipe's.
    seen = []
    run = cifar.fit(
        *small, epochs=1, callbacks=[seen.append, cifar.EarlyStopping(patience=3)], **OPTIONS)
    assert len(seen) == 1 and recipe(run)["early_stopping"]["restore_best_weights"] is True
    with pytest.raises(cifar.CifarError, match="patience -1"):
        cifar.fit(*small, epochs=1, callbacks=[cifar.EarlyStopping(patience=-1)], **OPTIONS)


def test_a_checkpoint_goes_to_its_file(small, workplace):
    each = cifar.ModelCheckpoint(
        "{epoch:02d}-{val_loss:.3f}.safetensors", save_best_only=False)
    run = cifar.fit(*small, epochs=3, callbacks=[each], early_stopping=False, **OPTIONS)
    names = [f"{e.epoch:02d}-{e.val_loss:.3f}.safetensors" for e in run.epochs]
    assert sorted(path.name for path in workplace.glob("*.safetensors")) == names
    for name, epoch in zip(names, run.epochs):
        assert math.isclose(
            cifar.Model.open(name).evaluate(small.test).loss, epoch.val_loss, rel_tol=1e-5)
    best = cifar.ModelCheckpoint("best.safetensors", "val_accuracy")
    run = cifar.fit(*small, epochs=4, callbacks=[best], early_stopping=False, **OPTIONS)
    accuracies = [epoch.val_accuracy for epoch in run.epochs]
    assert cifar.Model.open("best.safetensors").epoch == 1 + accuracies.index(max(accuracies))


@pytest.mark.parametrize(
    "schedule", [lambda epoch: 1e-3 * 0.5**epoch, lambda epoch, lr: lr / 2 if epoch else lr,
                 lambda epoch, lr=None: 1e-3 * 0.5**epoch,
             partial(lambda rates, epoch: rates[epoch], [1e-3, 5e-4, 2.5e-4])])
def test_any_function_is_a_schedule(small, schedule):
    rates = []
    for options in [
        {"callbacks": [cifar.LearningRateScheduler(schedule)]}, {"schedule": schedule}
    ]:
        run = cifar.fit(*small, epochs=3, early_stopping=False, **options, **OPTIONS)
        rates.append([epoch.learning_rate for epoch in run.epochs])
    assert rates == [[1e-3, 5e-4, 2.5e-4]] * 2
    assert cifar.LearningRateScheduler(schedule).schedule(0, 1e-3) == 1e-3


def test_what_keras_calls_compile(small):
    plain = cifar.fit(*small, epochs=1, **OPTIONS)
    for options in [
        {"optimizer": "Adam"}, {"loss": "categorical_crossentropy", "metrics": ["accuracy"]},
        {"loss": "sparse_categorical_crossentropy", "metrics": "acc", "shuffle": True},
        {"optimizer": {"type": "ADAM"}, "metrics": []},
    ]:
        run = cifar.fit(*small, epochs=1, **options, **OPTIONS)
        assert run.epochs[0].val_loss == plain.epochs[0].val_loss
        assert run.hyperparameters == plain.hyperparameters
    run = cifar.fit(*small, epochs=1, optimizer="SGD", momentum=0.9, **OPTIONS)
    assert run.hyperparameters["optimizer"]["type"] == "sgd"


def test_resume_takes_the_run_itself(small, workplace):
    run = cifar.fit(*small, epochs=1, model=SPEC, registry="other.db")
    again = cifar.resume(run, epochs=2)
    assert again.id == run.id and again.registry == run.registry
    assert not (workplace / "runs.db").exists()


@pytest.mark.parametrize("recipe", ["pytorch", "keras"])
def test_classes_have_weights(small, workplace, recipe):
    names, labels = small.train.class_names, small.train.labels
    options = {**OPTIONS, "epochs": 2, "recipe": recipe, "early_stopping": False}
    plain = cifar.fit(*small, **options)
    alike = cifar.fit(*small, class_weight=dict.fromkeys(range(10), 1.0), **options)
    assert alike.history == plain.history
    by_place = cifar.fit(*small, class_weight={3: 5, 4: 0}, **options)
    by_name = cifar.fit(*small, class_weight={names[3]: 5.0, names[4]: 0}, **options)
    as_a_list = cifar.fit(
        *small, class_weight=np.array([1, 1, 1, 5, 0, 1, 1, 1, 1, 1]), **options)
    assert by_place.history == by_name.history == as_a_list.history != plain.history
    assert by_place.hyperparameters["loss"]["class_weight"] == [1, 1, 1, 5, 0, 1, 1, 1, 1, 1]
    # A class without weight is as if its images had never been: of one batch, in PyTorch's mean.
    if recipe == "pytorch":
        one = {**options, "batch_size": 64, "augmentations": [], "epochs": 1, "optimizer": "sgd"}
        without = cifar.fit(small.train[labels != 4], small.test, **one)
        weightless = cifar.fit(*small, class_weight={4: 0}, **one)
        assert math.isclose(
            without.history["loss"][0], weightless.history["loss"][0], rel_tol=1e-6)
        assert math.isclose(
            without.history["val_loss"][0], weightless.history["val_loss"][0], rel_tol=1e-5)
    # And it resumes to the same bits.
    options = {**options, "record": True, "class_weight": {3: 5, 4: 0}}
    cifar.fit(*small, **{**options, "epochs": 1}, name="weighted")
    again = cifar.resume("weighted", epochs=2)
    assert again.history["val_loss"] == by_place.history["val_loss"][1:]


@pytest.mark.parametrize(
    "weights, error, words",
    [
        ({"sphere": 2}, ValueError, "class_weight has 'sphere', which is no class"),
        ({10: 2}, ValueError, "class_weight has 10, which is no class: they are 0 to 9"),
        ({0: "2"}, TypeError, "class_weight[0] is a str"),
        ({0: -1}, cifar.CifarError, "are not numbers from 0 to 1e6"),
        ([1, 2], cifar.CifarError, "class_weight has 2 numbers for 10 classes"),
        ([0] * 10, cifar.CifarError, "of which one is above 0"),
        (2.0, cifar.CifarError, "class_weight"),
    ],
)
def test_weights_that_can_not_be_are_refused(small, weights, error, words):
    with pytest.raises(error) as info:
        cifar.fit(*small, epochs=1, class_weight=weights, **OPTIONS)
    assert words in str(info.value) and "\n" not in str(info.value)


def test_the_command_takes_weights_too(workplace):
    run_command(
        "cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1,
        "--class-weight", "1:1:5:0:1:1:1:1:1:0.5", "--name", "weighted")
    loss = cifar.Registry().run("weighted")["hyperparameters"]["loss"]
    assert loss["class_weight"] == [1, 1, 5, 0, 1, 1, 1, 1, 1, 0.5]
