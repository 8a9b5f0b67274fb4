"""A run, started again: the same bits, and what is different is said."""

import json
import os
import shutil
import sqlite3
import subprocess

import cifar
import numpy as np
import pytest
from conftest import ROOT, run
from test_commands import SMALL
from test_merge import MODEL, fit
from test_registry_commands import output

TRAIN = ["cifar", "train", *SMALL, "--epochs", 2, "--seed", 7]


def details(name, registry="runs.db"):
    return json.loads(output("show", name, "--json", "--registry", registry))


def tensors(name, registry="runs.db"):
    """All that the last checkpoint holds, the optimizer's state included."""
    run("cifar", "export", name, "--format", "checkpoint", "--checkpoint", "last", "-o", "x.safetensors",
        "--registry", registry)
    with open("x.safetensors", "rb") as file:
        data = file.read()
    return data[8 + int.from_bytes(data[:8], "little"):]


def notes(name):
    return [note["text"] for note in details(name)["notes"]]


def test_it_comes_to_the_same_bits(workplace):
    run(*TRAIN, "--name", "first", "--threads", 1, "--augment", "random_horizontal_flip", "--augment", "random_crop,padding=4",
        "--optimizer", "sgd,momentum=0.9", "--schedule", "cosine", "--ema", 0.9)
    done = run("cifar", "rerun", "first", "--name", "again", "--tag", "t", "--group", "g")
    assert "All 2 epochs have the same losses and accuracies as before, to the bit." in done.stdout_text
    assert done.stdout_text.splitlines()[-1] == details("again")["id"]
    assert tensors("again") == tensors("first")
    first, again = details("first"), details("again")
    for same in ["hyperparameters", "model", "seed", "dataset_sha256", "recipe"]:
        assert first[same] == again[same]
    assert again["sessions"][0]["threads"] == 1 and again["tags"] == ["t"] and again["group"] == "g"
    assert notes("again") == [f"run again from the beginning: run {first['id']}"]
    # A rerun can be run again, and resumed as any run.
    third = cifar.rerun("again", registry="runs.db", verbose=0)
    assert tensors(third.id) == tensors("first")
    assert notes(third.id)[0].endswith(again["id"])


def test_from_python_with_images_of_its_own(workplace):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 40)
    more = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 20)
    options = {"model": MODEL, "batch_size": 16, "verbose": 0, "registry": "runs.db"}
    first = cifar.fit(*[images, more], epochs=2, name="first", threads=1, **options)
    split = cifar.fit(*images, validation_split=0.25, epochs=1, name="split", **options)
    again = cifar.rerun("split", train=images, validation_split=0.25, verbose=0, registry="runs.db")
    assert [epoch.val_loss for epoch in again.epochs] == [epoch.val_loss for epoch in split.epochs]
    again = cifar.rerun(first, train=images, validation=more, verbose=0)
    assert tensors(again.id) == tensors("first")
    with pytest.raises(cifar.CifarError, match="nothing says where the run's images are"):
        cifar.rerun(first, verbose=0)
    other = images[0].copy()
    other[0, 0, 0, 0] ^= 1
    lines = []
    cifar.set_log(lambda level, line: lines.append(line))
    try:
        changed = cifar.rerun(first, train=(other, images[1]), validation=more, threads=2, verbose=0)
    finally:
        cifar.set_log(None)
    text = "\n".join(lines)
    assert "other training images (SHA-256)" in text and "validation" not in text
    assert any("another number of threads: 1 then, 2 now" in note for note in notes(changed.id))
    assert len(details(changed.id)["sessions"]) == 1 and len(json.loads(output("list", "--json"))) == 5


def test_what_differs_is_said(workplace, monkeypatch):
    run(*TRAIN, "--name", "first", "--threads", 1)
    with sqlite3.connect("runs.db") as database:
        database.execute(
            "UPDATE sessions SET library_version = '0.1.9', "
            "environment = json_set(environment, '$.processor', 'Z80')")
    monkeypatch.setenv("CIFAR_ISA", "baseline")
    done = run("cifar", "rerun", "first", "--threads", 2)
    for what in ["another version of the library: 0.1.9 then", "another instruction set",
                 "another processor: Z80 then", "another number of threads: 1 then, 2 now"]:
        assert what in done.stderr_text, what
    assert "is the first that differs" in done.stdout_text or "to the bit" in done.stdout_text


def test_images_that_are_gone(workplace):
    run(*TRAIN, "--name", "first")
    with sqlite3.connect("runs.db") as database:
        database.execute(
            "UPDATE texts SET json = replace(json, '\"shapes\"', '\"/nowhere/at/all\"')")
    before = details("first")
    done = run("cifar", "rerun", "first", expect=1)
    assert "cifar" in done.stderr_text
    assert len(json.loads(output("list", "--json"))) == 1 and details("first") == before
    run("cifar", "rerun", "first", "--data", "shapes")


def test_first_weights_are_the_same_or_refused(workplace):
    fit("other.db", "base", seed=3)
    run("cifar", "export", "base", "-o", "base.safetensors", "--registry", "other.db")
    first = fit("runs.db", "first", init="base.safetensors", seed=4)
    again = cifar.rerun(first, verbose=0)
    assert tensors(again.id) == tensors("first")
    with pytest.raises(cifar.CifarError, match="not those that the run began with"):
        fit("other.db", "else", seed=5)
        run("cifar", "export", "else", "-o", "else.safetensors", "--registry", "other.db")
        cifar.rerun(first, init="else.safetensors", verbose=0)
    os.rename("base.safetensors", "moved.safetensors")
    with pytest.raises(cifar.CifarError, match="are not found"):
        cifar.rerun(first, verbose=0)
    again = cifar.rerun(first, init="moved.safetensors", verbose=0)
    assert tensors(again.id) == tensors("first")
    plain = fit("runs.db", "plain")
    with pytest.raises(cifar.CifarError, match="drawn at random"):
        cifar.rerun(plain, init="moved.safetensors", verbose=0)
    # Weights of another run of the registry.
    tuned = fit("runs.db", "tuned in python", init=plain)
    assert tensors(cifar.rerun(tuned, verbose=0).id) == tensors("tuned in python")
    run(*TRAIN, "--name", "source")
    run(*TRAIN, "--name", "tuned", "--init", "source")
    run("cifar", "rerun", "tuned", "--name", "tuned again")
    assert tensors("tuned again") == tensors("tuned") != tensors("source")


def test_a_log_of_the_first_run_stays(workplace):
    run(*TRAIN, "--name", "first", "--csv-log", "log.csv")
    before = open("log.csv").read()
    done = run("cifar", "rerun", "first")
    assert "csv_logger is left out" in done.stderr_text and "to the bit" in done.stdout_text
    assert open("log.csv").read() == before


def test_an_extended_run_says_what_is_run_again(workplace):
    run(*TRAIN, "--name", "first")
    run("cifar", "resume", "first", "--epochs", 3)
    done = run("cifar", "rerun", "first", "--name", "again")
    assert "went on to 3 epochs" in done.stderr_text and "All 2 epochs" in done.stdout_text
    run("cifar", "resume", "again", "--epochs", 3)
    assert tensors("again") == tensors("first")


def test_so_does_one_of_a_part_of_an_epoch(workplace):
    run(*TRAIN, "--epochs", 1.5, "--name", "first")
    run("cifar", "resume", "first", "--epochs", 2.5)
    done = run("cifar", "rerun", "first", "--name", "again")
    assert ("the first run went on to 2.5 epochs when it was resumed; this one trains the 1.5 that it began "
            "with") in done.stderr_text
    assert details("again")["sessions"][0]["reason"] == "all 1.5 epochs are done"
    # Where only a part or the rest of the last epoch was added, too.
    for epochs in [1.75, 2]:
        run("cifar", "resume", "again", "--epochs", epochs)
        said = run("cifar", "rerun", "again").stderr_text
        assert f"the first run went on to {epochs} epochs when it was resumed; this one trains the 1.5 " in said
    names = output("list", "--filter", "epochs_planned = 2.5", "--json")
    assert [row["name"] for row in json.loads(names)] == ["first"]
    assert [row["epochs_planned"] for row in json.loads(names)] == [2.5]


def test_a_run_that_is_none(workplace):
    done = run("cifar", "rerun", "nobody", "--registry", "new.db", expect=1)
    assert "new.db" in done.stderr_text and not os.path.exists("new.db")
    fit("runs.db", "first")
    assert "nobody" in run("cifar", "rerun", "nobody", expect=1).stderr_text
    unkept = cifar.fit(*cifar.load("shapes", limit_train=64, limit_test=32), epochs=1, model=MODEL,
                       record=False, verbose=0)
    with pytest.raises(ValueError, match="nothing to run again"):
        cifar.rerun(unkept)


def test_cifar_runs_hands_it_over(workplace):
    run(*TRAIN, "--name", "first", "--quiet")
    printed = run("cifar-runs", "rerun", "first", "--name", "second").stdout_text
    assert "to the bit" in printed
    assert [row["name"] for row in cifar.Registry().runs()] == ["second", "first"]
    assert run("cifar-runs", "rerun", "nothing", expect=1).stderr_text.startswith("cifar: ")
    assert "RUN is missing" in run("cifar-runs", "rerun", expect=2).stderr_text


def test_cifar_runs_without_cifar_beside_it(workplace):
    alone = workplace / "cifar-runs"
    shutil.copy(ROOT / "build" / "bin" / "cifar-runs", alone)
    environment = {**os.environ, "PATH": "/nowhere"}
    done = subprocess.run(
        [alone, "rerun", "first"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "is not beside cifar-runs and not in $PATH" in done.stderr
    environment["PATH"] = str(ROOT / "build" / "bin")
    done = subprocess.run(
        [alone, "rerun", "first"], env=environment, capture_output=True, text=True)
    assert done.stderr.startswith("cifar: ")
