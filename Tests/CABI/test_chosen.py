"""Which figures are chosen on the images that they are of, and who says so."""

import csv
import io
import json
import re

import cifar
import pytest
from conftest import run

SMALL = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--batch-size", 32]
CHOSE = "; these images chose the epoch"
# A run for each way to come to weights: what it is told, and what chose the epoch.
RUNS = {
    "tutorial": (["--early-stopping", "off"], "test images"),
    "split": (["--validation-split", 0.25], "validation split"),
    "training-loss": (
        ["--early-stopping", "monitor=loss", "--model-checkpoint", "monitor=loss"], None),
    "every-epoch": (
        ["--early-stopping", "off", "--model-checkpoint", "save_best_only=false"], None),
    "nothing": (["--early-stopping", "off", "--model-checkpoint", "off"], None),
    "one-epoch": (["--epochs", 1], None),
    # What might have chosen did not.
    "never-stopped": (
        ["--early-stopping", "patience=10,restore_best_weights=false", "--model-checkpoint", "off"],
        None),
    "no-better": (
        ["--early-stopping", "off",
         "--model-checkpoint", "monitor=val_loss,initial_value_threshold=0.0001"], None),
    # Nothing is better than a fall by 100: it ends after the first epoch that has to be waited for.
    "stopped": (
        ["--early-stopping", "patience=1,min_delta=100,restore_best_weights=true",
         "--model-checkpoint", "off"], "test images"),
}


def output(*command):
    return run("cifar-runs", *command).stdout_text


def data(*command):
    return json.loads(output(*command, "--json"))


def evaluated(*command):
    """What `cifar evaluate` says after the interval."""
    said = run("cifar", "evaluate", *command).stdout_text.splitlines()[0]
    known = json.loads(run("cifar", "evaluate", *command, "--json").stdout_text)
    end = re.search(r"95 % interval [\d.]+ % to [\d.]+ %(.*)", said)[1]
    assert known["chose_epoch"] == ("chose the epoch" in end)
    return end


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("chosen")
    model = place / "model.json"
    model.write_text(json.dumps([{"type": "flatten"}, {"type": "dense", "units": 10}]))
    for name, (options, _) in RUNS.items():
        epochs = [] if "--epochs" in options else ["--epochs", 4]
        run("cifar", "train", *SMALL, *epochs, *options, "--model", model, "--name", name,
            "--registry", place / "runs.db", "--quiet", cwd=place)
    return place


@pytest.fixture(autouse=True)
def place(trained, monkeypatch):
    monkeypatch.chdir(trained)
    monkeypatch.setenv("CIFAR_REGISTRY", str(trained / "runs.db"))
    return trained


def test_runs():
    for name, (_, images) in RUNS.items():
        assert data("show", name)["chosen_on"] == images, name
        assert cifar.Registry("runs.db").run(name)["chosen_on"] == images, name
        said = output("show", name)
        assert re.findall("the (.*) chose the epoch", said) == ([images] if images else []), name
        # The largest of several is shown all the same.
        looks = images is None and name != "one-epoch"
        assert ("looks at the test images" in said) == looks, name
    (row,) = [row for row in data("compare", *RUNS) if row["what"] == "epoch chosen on"]
    assert [row[data("show", name)["id"]] for name in RUNS] == [why for _, why in RUNS.values()]
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    cifar.fit(
        (train.images, train.labels), (test.images, test.labels), epochs=2, name="arrays",
        registry="runs.db", model=[{"type": "flatten"}, {"type": "dense", "units": 10}], verbose=0)
    assert data("show", "arrays")["chosen_on"] is None


def test_checkpoints():
    assert evaluated("tutorial") == CHOSE
    assert evaluated("tutorial", "--checkpoint", "last") == ""
    best, = [row["id"] for row in data("show", "tutorial")["checkpoints"]
             if row["best"] and not row["superseded"]][-1:]
    assert evaluated("tutorial", "--checkpoint", best) == CHOSE
    for name in ["split", "training-loss", "every-epoch", "one-epoch"]:
        assert evaluated(name) == evaluated(name, "--checkpoint", "last") == "", name
    assert evaluated("nothing", "--checkpoint", "last") == ""
    # It was ended on these images.
    assert data("show", "stopped")["sessions"][-1]["reason"].startswith("early stopping: val_loss")
    assert evaluated("stopped", "--checkpoint", "last") == CHOSE


def test_parts_of_the_images():
    assert evaluated("tutorial", "--limit-test", 8) == CHOSE
    assert evaluated("tutorial", "--limit-test", 40) == "; some of these images chose the epoch"
    # Others are not theirs, whatever they are called.
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    model = cifar.Model.from_run("tutorial", registry="runs.db")
    assert model.evaluate(test).chose_epoch
    assert CHOSE in model.evaluate(test)._repr_html_()
    assert model.evaluate_augmented(test).chose_epoch
    assert model.evaluate(test.images, test.labels).chose_epoch, "the same bytes"
    assert not model.evaluate(test.images[::-1].copy(), test.labels[::-1].copy()).chose_epoch
    # The first of them, as a part of a data set and as arrays, and more of the same place.
    assert model.evaluate(test[:8]).chose_epoch and model.evaluate(test[:1]).chose_epoch
    assert model.evaluate(test.images[:8], test.labels[:8]).chose_epoch
    more = cifar.load("shapes", limit_train=8, limit_test=40).test
    assert model.evaluate(more).chose_epoch and model.evaluate(more[:36]).chose_epoch
    assert not model.evaluate(test[1:9]).chose_epoch and not model.evaluate(test[8:]).chose_epoch
    assert not model.evaluate(test.images[:8], test.labels[:8][::-1].copy()).chose_epoch
    assert not model.evaluate(train).chose_epoch


@pytest.mark.parametrize("form", ["checkpoint", "weights"])
def test_files(form):
    options = ["--format", form, "-o"]
    run("cifar", "export", "tutorial", *options, f"best-{form}.safetensors")
    assert evaluated(f"best-{form}.safetensors", "--limit-test", 32) == CHOSE
    run("cifar", "export", "nothing", "--checkpoint", "last", *options, f"nothing-{form}.safetensors")
    assert evaluated(f"nothing-{form}.safetensors") == ""
    model = cifar.Model.open(f"best-{form}.safetensors")
    assert model.evaluate(cifar.load("shapes", limit_train=8, limit_test=32).test).chose_epoch


def test_the_weights_that_training_ended_with():
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    stop = cifar.EarlyStopping(patience=1, min_delta=100, restore_best_weights=True)
    options = dict(
        model=[{"type": "flatten"}, {"type": "dense", "units": 10}], epochs=4, verbose=0, record=False,
        tta="mirror")
    result = cifar.fit(train, test, callbacks=[stop], **options)
    assert result.result.chose_epoch and CHOSE in str(result.result)
    assert result.model.evaluate(test).chose_epoch
    split = cifar.fit(train, test, callbacks=[stop], validation_split=0.25, **options)
    assert not split.result.chose_epoch and not split.model.evaluate(test).chose_epoch
    fixed = cifar.fit(train, test, early_stopping=None, **options)
    assert not fixed.result.chose_epoch and not fixed.model.evaluate(test).chose_epoch


def test_groups():
    for name in ["tutorial", "split", "nothing"]:
        output("group", name, "--name", "g")
    text = output("compare", "--group", "g")
    assert re.search(r"epoch chosen on +test images, validation split, –", text)
    (row,) = [row for row in data("compare", "--group", "g") if row["metric"] == "epoch chosen on"]
    assert row["values"] == ["test images", "validation split", None] and row["n"] == 3
    lines = list(csv.DictReader(io.StringIO(output("compare", "--group", "g", "--csv"))))
    (line,) = [line for line in lines if line["metric"] == "epoch chosen on"]
    assert "test images" in line["values"] and "validation split" in line["values"]
    assert all(line["values"] == "" for line in lines if line["metric"] != "epoch chosen on")


def test_metrics_of_the_end_are_shown_as_accuracies_are():
    known = {row["name"]: row["value"] for row in data("show", "split")["metrics"]}
    accuracy, loss = known["test_accuracy"], known["test_loss"]
    said = output("show", "split")
    assert f"{100 * accuracy:.2f} % in epoch" in said and f"{loss:.4f} in epoch" in said
    assert f"{100 * accuracy:.2f} %" in output("compare", "split", "tutorial")
    for field in ["test_accuracy", "metrics.test_accuracy"]:
        rows = data("list", "--filter", f"{field} >= 0", "--columns", f"name,{field}")
        assert [(row["name"], row[field]) for row in rows] == [("split", accuracy)]
        assert f"{100 * accuracy:.2f} %" in output(
            "list", "--filter", f"{field} >= 0", "--columns", f"name,{field}")
    failed = run("cifar-runs", "list", "--filter", "quality > 0", expect=2)
    assert "there is no field 'quality'" in failed.stderr_text
    assert "metrics.quality" in failed.stderr_text


def test_weights_that_were_put_back_are_of_their_epoch(tmp_path):
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    # Nothing is better than a fall by 100: the first epoch stays the best.
    run = cifar.fit(
        *data, epochs=3, verbose=0, record=False,
        early_stopping={"patience": 5, "min_delta": 100, "restore_best_weights": True},
        model=[{"type": "flatten"}, {"type": "dense", "units": 10}])
    assert run.model.epoch == 1
    run.model.save(tmp_path / "m.safetensors")
    assert cifar.Model.open(tmp_path / "m.safetensors").epoch == 1
