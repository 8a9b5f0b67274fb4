"""The recipe's callbacks as objects, and what Keras calls arguments of `compile`."""

import inspect
import json
import math
from functools import partial

import cifar
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
        options = set(inspect.signature(kind).parameters) - {"filepath"}
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
