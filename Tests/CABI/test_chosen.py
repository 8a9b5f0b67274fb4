"""Which figures are chosen on the images that they are of, and who says so."""

import csv
import io
import json
import pickle
import re

import cifar
import pytest
from conftest import run

SMALL = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--batch-size", 32]
CHOSE = "; these images chose the epoch"
TEST, SPLIT = "test images", "validation split"
# A run for each way to come to weights: what it is told, and what chose the best checkpoint, the last
# epoch, and the weights that training ended with.
RUNS = {
    "tutorial": (["--early-stopping", "off"], (TEST, None, None)),
    # As the record recipes: the best checkpoint is marked, and the figures are of the last weights.
    "record": (["--early-stopping", "off", "--tta", "mirror"], (TEST, None, None)),
    "split": (["--validation-split", 0.25], (SPLIT, None, SPLIT)),
    "training-loss": (
        ["--early-stopping", "monitor=loss", "--model-checkpoint", "monitor=loss"],
        (None, None, None)),
    "every-epoch": (
        ["--early-stopping", "off", "--model-checkpoint", "save_best_only=false"],
        (None, None, None)),
    "nothing": (["--early-stopping", "off", "--model-checkpoint", "off"], (None, None, None)),
    "one-epoch": (["--epochs", 1, "--tta", "mirror"], (None, None, None)),
    # What might have chosen did not.
    "never-stopped": (
        ["--early-stopping", "patience=10,restore_best_weights=false", "--model-checkpoint", "off"],
        (None, None, None)),
    "no-better": (
        ["--early-stopping", "off",
         "--model-checkpoint", "monitor=val_loss,initial_value_threshold=0.0001"],
        (None, None, None)),
    # Nothing is better than a fall by 100: it ends after the first epoch that has to be waited for.
    "stopped": (
        ["--early-stopping", "patience=1,min_delta=100,restore_best_weights=true",
         "--model-checkpoint", "off", "--tta", "mirror"], (None, TEST, TEST)),
    "put-back": (
        ["--early-stopping", "patience=10,min_delta=100,restore_best_weights=true",
         "--model-checkpoint", "off", "--tta", "mirror"], (None, None, TEST)),
    "stopped-there": (
        ["--early-stopping", "patience=1,min_delta=100,restore_best_weights=false",
         "--model-checkpoint", "off", "--tta", "mirror"], (None, TEST, TEST)),
    # No epoch counted, so none was the best.
    "not-begun": (
        ["--early-stopping", "patience=1,start_from_epoch=4,restore_best_weights=true",
         "--model-checkpoint", "off", "--tta", "mirror"], (None, None, None)),
    # It stops when nothing is left to train: nothing was decided by it.
    "stopped-last": (
        ["--early-stopping", "patience=3,min_delta=100,restore_best_weights=false",
         "--model-checkpoint", "off", "--tta", "mirror"], (None, None, None)),
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


def figures(name):
    """What `cifar-runs show` says of a run at its head, by name."""
    lines = output("show", name).split("\n\n")[0].splitlines()
    found = [re.fullmatch(r"  (\S+(?: \S+)*)  +(.*)", line) for line in lines[1:]]
    return {match[1]: match[2] for match in found if match}


def test_runs():
    for name, (_, (best, last, final)) in RUNS.items():
        images = SPLIT if name == "split" else TEST
        for run_of in [data("show", name), cifar.Registry("runs.db").run(name)]:
            assert run_of["best_chosen_on"] == best, name
            assert run_of["final_chosen_on"] == final, name
        assert data("show", name)["validated_on"] == images
        # Each figure says it of itself.
        said = figures(name)
        chosen = {"best checkpoint": best, "last": last, "final_val_accuracy": final,
                  "tta_val_accuracy": final, "test_accuracy": None, "test_loss": None}
        for figure in said.keys() & chosen.keys():
            assert ("chosen" in said[figure]) == (chosen[figure] is not None), (name, figure)
            if chosen[figure]:
                assert said[figure].endswith(f", chosen on the {chosen[figure]}")
        assert ("tta_val_accuracy" in said) == ("--tta" in RUNS[name][0])
        # The largest of several is shown all the same.
        several = f"the highest of {len(data('show', name)['epochs'])} on the {images}"
        assert (several in said["best"]) == (name != "one-epoch"), name
    rows = {row["what"]: row for row in data("compare", *RUNS)}
    ids = [data("show", name)["id"] for name in RUNS]
    for what, place in [("best checkpoint chosen on", 0), ("final weights chosen on", 2)]:
        assert [rows[what][id] for id in ids] == [chosen[place] for _, chosen in RUNS.values()]


def test_a_run_that_was_taken_further():
    run("cifar", "train", *SMALL, "--epochs", 1, "--model", "model.json", "--name", "further",
        "--early-stopping", "off", "--quiet")
    assert data("show", "further")["best_chosen_on"] is None and evaluated("further") == ""
    run("cifar", "resume", "further", "--epochs", 3, "--quiet")
    assert data("show", "further")["best_chosen_on"] == TEST
    assert evaluated("further") == CHOSE and evaluated("further", "--checkpoint", "last") == ""


def test_final_weights_that_nobody_measured():
    title = "final weights chosen on"
    assert title not in output("compare", "tutorial", "nothing")
    assert title in output("compare", "tutorial", "record")
    for name in ["tutorial", "nothing"]:
        output("group", name, "--name", "unmeasured")
    assert title not in output("compare", "--group", "unmeasured")
    assert {row["metric"] for row in data("compare", "--group", "unmeasured")}.isdisjoint({title})


def test_weights_that_were_measured_before():
    options = ["--early-stopping", "patience=9,min_delta=100,restore_best_weights=true", "--tta", "mirror"]
    run("cifar", "train", *SMALL, "--epochs", 1, "--model", "model.json", "--name", "before", *options,
        "--quiet")
    assert "chosen" not in figures("before")["final_val_accuracy"]
    # Nothing is better than a fall by 100: they are put back, and now they are one epoch's of three.
    said = run("cifar", "resume", "before", "--epochs", 3).stdout_text
    (line,) = re.findall(r"^The final weights, of epoch 1, were measured before: .*", said, re.M)
    assert line.endswith(f"{CHOSE}.")
    assert data("show", "before")["final_chosen_on"] == TEST
    assert figures("before")["final_val_accuracy"].endswith(f" in epoch 1, chosen on the {TEST}")


def test_pickles():
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)

    def known(model):
        said = model.evaluate(test).chose_epoch
        copied = pickle.loads(pickle.dumps(model))
        assert copied.evaluate(test).chose_epoch == said
        assert pickle.loads(pickle.dumps(copied)).evaluate(test).chose_epoch == said
        return said

    for name, (_, (best, last, _)) in RUNS.items():
        assert known(cifar.Model.from_run(name, "last", registry="runs.db")) == (last == TEST), name
        if best:
            assert known(cifar.Model.from_run(name, registry="runs.db")) == (best == TEST), name
    # Weights that were put back, those of the last of several epochs, and a file of them.
    options = dict(
        model=[{"type": "flatten"}, {"type": "dense", "units": 10}], epochs=3, verbose=0, record=False)
    stops = {"patience": 9, "min_delta": 100, "restore_best_weights": True}
    model = cifar.fit(train, test, early_stopping=stops, **options).model
    assert known(model)
    model.save("put-back.safetensors")
    assert known(cifar.Model.open("put-back.safetensors"))
    assert not known(cifar.fit(train, test, early_stopping=None, **options).model)


def test_what_a_run_begins_with():
    """A run that begins with weights of another one, of which it has no other epoch to compare."""
    # With such a step nothing changes: the first epoch stays the best.
    run("cifar", "train", *SMALL, "--epochs", 3, "--model", "model.json", "--name", "still",
        "--learning-rate", 1e-30, "--early-stopping", "off", "--quiet")
    assert figures("still")["best checkpoint"].startswith("of epoch 1, ") and evaluated("still") == CHOSE
    for source, checkpoint, end in [("still", "best", CHOSE), ("nothing", "last", "")]:
        output("fork", source, "--checkpoint", checkpoint, "--name", f"{source}-forked")
        for form, command in [("checkpoint", "cifar-runs"), ("weights", "cifar")]:
            file = f"{source}-begin-{form}.safetensors"
            run("cifar", "export", source, "--checkpoint", checkpoint, "--format", form, "-o", file)
            run(command, "import", file, "--name", f"{source}-{form}")
        for name in ["forked", "checkpoint", "weights"]:
            name, images = f"{source}-{name}", ["--data", "shapes", "--limit-test", 32]
            assert evaluated(name, "--checkpoint", "last", *images) == end, name
            run("cifar", "export", name, "--checkpoint", "last", "-o", f"{name}-again.safetensors")
            assert evaluated(f"{name}-again.safetensors", *images) == end, name
    model = cifar.Model.from_run("still-forked", registry="runs.db")
    test = cifar.load("shapes", limit_train=8, limit_test=32).test
    assert model.evaluate(test).chose_epoch
    assert pickle.loads(pickle.dumps(model)).evaluate(test).chose_epoch
    # A run of one epoch, whose best checkpoint is one of several when it was taken further.
    run("cifar", "train", *SMALL, "--epochs", 1, "--model", "model.json", "--name", "longer",
        "--learning-rate", 1e-30, "--early-stopping", "off", "--quiet")
    run("cifar", "resume", "longer", "--epochs", 2, "--quiet")
    model = cifar.Model.from_run("longer", registry="runs.db")
    assert model.epoch == 1 and model.evaluate(test).chose_epoch
    assert pickle.loads(pickle.dumps(model)).evaluate(test).chose_epoch


def stop(_):
    raise cifar.StopTraining


@pytest.mark.parametrize(
    "name", ["put-back", "stopped", "stopped-there", "stopped-last", "not-begun", "one-epoch", "record"])
def test_a_figure_keeps_its_word_when_its_run_is_taken_further(name):
    options, (_, _, final) = RUNS[name]
    epochs = [] if "--epochs" in options else ["--epochs", 4]
    label = f"{name}-further"
    run("cifar", "train", *SMALL, *epochs, *options, "--model", "model.json", "--name", label, "--quiet")
    before, trained = figures(label), len(data("show", label)["epochs"])
    assert before["final_val_accuracy"].endswith(f", chosen on the {TEST}") == (final is not None)
    cifar.resume(label, registry="runs.db", epochs=9, callbacks=[stop], verbose=0)
    known, now = data("show", label), figures(label)
    assert (known["status"], len(known["epochs"])) == ("stopped", trained + 1)
    for figure in ["final_val_accuracy", "tta_val_accuracy"]:
        assert now[figure] == before[figure]
    # The last epoch is another one.
    assert "chosen" not in now["last"]
    assert known["final_chosen_on"] == cifar.Registry("runs.db").run(label)["final_chosen_on"] == final
    rows = {row["what"]: row[known["id"]] for row in data("compare", label, "record")}
    assert rows["final weights chosen on"] == final


def test_images_that_nobody_knows():
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    cifar.fit(
        (train.images, train.labels), (test.images, test.labels), epochs=2, name="arrays",
        registry="runs.db", model=[{"type": "flatten"}, {"type": "dense", "units": 10}], verbose=0)
    known = data("show", "arrays")
    assert known["best_chosen_on"] is known["final_chosen_on"] is known["validated_on"] is None


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
    assert data("show", "stopped-last")["sessions"][-1]["reason"].startswith(
        "all 4 epochs are done; early stopping: val_loss")
    assert evaluated("stopped-last", "--checkpoint", "last") == ""


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
    assert re.search(r"best checkpoint chosen on +test images, validation split, –", text)
    assert re.search(r"final weights chosen on +validation split, –", text)
    rows = {row["metric"]: row for row in data("compare", "--group", "g")}
    lines = {line["metric"]: line
             for line in csv.DictReader(io.StringIO(output("compare", "--group", "g", "--csv")))}
    for metric, images in [("best checkpoint chosen on", [TEST, SPLIT, None]),
                           ("final weights chosen on", [SPLIT, None])]:
        assert rows.pop(metric)["values"] == json.loads(lines.pop(metric)["values"]) == images
    assert rows and all(row["values"] is None and row["runs"] == 3 for row in rows.values())
    assert lines and all(line["values"] == "" for line in lines.values())


def test_the_best_epoch_is_not_the_best_checkpoint(place):
    """The one has the highest accuracy, the other what the callback was to find."""
    watched = ["--model-checkpoint", "monitor=val_loss,mode=max", "--early-stopping", "off"]
    run("cifar", "train", *SMALL, "--epochs", 6, "--model", "model.json", "--name", "watched",
        "--learning-rate", 0.01, "--quiet", *watched)
    known, said = data("show", "watched"), output("show", "watched")
    rows = known["epochs"]
    highest = max(rows, key=lambda row: row["val_loss"])["epoch"]
    accurate = max(rows, key=lambda row: row["val_accuracy"])["epoch"]
    loss = min(rows, key=lambda row: row["val_loss"])["epoch"]
    marks = dict(re.findall(r"^ +(\d+) .*  (best \w+(?:, best \w+)?)$", said, re.M))
    assert marks.pop(str(accurate)).startswith("best accuracy")
    assert marks == ({} if loss == accurate else {str(loss): "best loss"})
    assert figures("watched")["best checkpoint"] == (
        f"of epoch {highest}, the best by val_loss, chosen on the {TEST}")
    (best,) = [row for row in known["checkpoints"] if row["best"]]
    assert best["epoch"] == highest != loss
    assert f"Classes: the best checkpoint, of epoch {highest}, on the 32 test images\n" in said


def test_classes_say_of_which_images_they_are(place):
    count = sum(map(sum, data("show", "split")["evaluation"]["confusion"]))
    assert re.search(
        rf"Classes: the best checkpoint, of epoch \d, on the {count} images of the validation split",
        output("show", "split"))
    output("report", "split", "tutorial", "-o", place / "report.html", "--force")
    page = (place / "report.html").read_text()
    assert page.count('"validated_on":"validation split"') == 1
    assert page.count('"validated_on":"test images"') == 1


def test_a_metric_of_the_end_is_not_the_last_epochs():
    known = data("show", "put-back")
    measured = {row["name"]: row for row in known["metrics"]}
    final = measured["final_val_accuracy"]
    # Nothing is better than a fall by 100: the first epoch's weights were put back.
    assert final["epoch"] == 1 and known["last_val_accuracy"] == known["epochs"][-1]["val_accuracy"]
    assert "last_val_accuracy" not in measured
    (row,) = data("list", "--filter", "name = put-back", "--columns",
                  "last_val_accuracy,final_val_accuracy")
    assert row == {"last_val_accuracy": known["last_val_accuracy"],
                   "final_val_accuracy": final["value"]}
    names = [row["what"] for row in data("compare", "put-back", "record", "--all")]
    assert len(set(names)) == len(names), "a name stands for one thing"
    assert {"last val_accuracy", "final_val_accuracy", "epochs trained", "epochs"} <= set(names)


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
