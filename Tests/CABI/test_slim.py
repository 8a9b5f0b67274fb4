"""cifar-runs slim: the weights of finished runs' older checkpoints, and what can still be done with them."""

import json
import os
import sqlite3

import cifar
import pytest
from conftest import run
from test_merge import fit, outcomes
from test_registry_commands import output


def details(name="a", registry="runs.db"):
    return json.loads(output("show", name, "--json", "--registry", registry))


def weights(run_name, checkpoint, registry="runs.db"):
    run("cifar", "export", run_name, "--checkpoint", checkpoint, "-o", "w.safetensors",
        "--registry", registry)
    with open("w.safetensors", "rb") as file:
        return file.read()


@pytest.fixture
def slimmed(workplace):
    """A run of four epochs, all of whose checkpoints are there, before and after."""
    fit("runs.db", "a", epochs=4)
    before = [(row["id"], row["size"], weights("a", row["id"])) for row in details()["checkpoints"]]
    text = output("slim", "a", "--registry", "runs.db")
    return before, text


def test_the_last_stays_and_the_others_keep_their_weights(slimmed):
    before, text = slimmed
    rows = details()["checkpoints"]
    assert [row["weights_only"] for row in rows] == [True, True, True, False]
    assert [row["id"] for row in rows] == [identifier for identifier, _, _ in before]
    freed = sum(size for _, size, _ in before) - sum(row["size"] for row in rows)
    assert freed > 0 and "in 3 checkpoints of 1 run." in text
    for row, (identifier, size, exported) in zip(rows, before):
        assert weights("a", identifier) == exported
        assert row["size"] < size / 2 or not row["weights_only"]
    assert output("verify", "--registry", "runs.db")
    assert output("slim", "--all", "--registry", "runs.db") == "Freed 0 B in 0 checkpoints of 0 runs.\n"
    assert "weights only" in output("checkpoints", "a", "--registry", "runs.db")
    # The space is given back.
    database = sqlite3.connect("runs.db")
    assert database.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_a_slimmed_run_resumes_from_its_last(slimmed):
    rows = details()["checkpoints"]
    for command in [["cifar", "resume", "a", "--checkpoint", rows[0]["id"], "--epochs", 5],
                    ["cifar-runs", "fork", "a", "--checkpoint", rows[0]["id"]]]:
        message = run(*command, "--registry", "runs.db", expect=1).stderr_text
        assert f"checkpoint {rows[0]['id']} of run" in message and "--init" in message
    run("cifar", "resume", "a", "--epochs", 5, "--registry", "runs.db")
    fit("other.db", "a", epochs=5)
    assert weights("a", "last") == weights("a", "last", "other.db")


def test_a_file_of_weights_only_says_so(slimmed):
    first = details()["checkpoints"][0]["id"]
    done = run("cifar", "export", "a", "--checkpoint", first, "--format", "checkpoint", "-o", "c.safetensors",
               "--registry", "runs.db")
    assert f"checkpoint {first} of run" in done.stderr_text
    assert "weights only" in done.stderr_text and "no training can continue from c.safetensors" in done.stderr_text
    done = run("cifar", "export", "a", "--format", "checkpoint", "-o", "whole.safetensors", "--checkpoint", "last")
    assert done.stderr_text == ""
    os.rename("whole.safetensors", "whole")
    run("cifar", "export", "whole", "--format", "checkpoint", "-o", "again.safetensors")
    assert cifar.Model.open("again.safetensors").epoch == cifar.Model.open("./whole").epoch
    message = run("cifar-runs", "import", "c.safetensors", "--registry", "new.db", expect=1).stderr_text
    assert "weights only" in message and "--init" in message
    assert cifar.Model.open("c.safetensors").epoch == 1
    assert fit("new.db", "b", epochs=1, init="c.safetensors").epochs


def test_what_is_not_finished_stays(workplace):
    fit("runs.db", "a", epochs=3)
    fit("runs.db", "b", epochs=3, seed=1)
    first, second = [row["id"] for row in details()["checkpoints"][:2]]
    output("checkpoints", "a", "--pin", first, "--registry", "runs.db")
    database = sqlite3.connect("runs.db")
    database.execute("UPDATE runs SET status = 'interrupted' WHERE name = 'b'")
    database.commit()
    before = details("b")["checkpoints"]
    message = run("cifar-runs", "slim", "a", "b", "--registry", "runs.db", expect=1).stderr_text
    assert "nothing was changed" in message and "is interrupted" in message
    assert not any(row["weights_only"] for row in details()["checkpoints"])
    dry = output("slim", "--all", "--dry-run", "--registry", "runs.db")
    assert not any(row["weights_only"] for row in details()["checkpoints"])
    text = output("slim", "--all", "--registry", "runs.db")
    assert text == dry.replace("Would free", "Freed") and "1 run left alone" in text
    assert [row["weights_only"] for row in details()["checkpoints"]] == [False, True, False]
    assert details("b")["checkpoints"] == before
    for wrong in [[], ["a", "--all"]]:
        assert run("cifar-runs", "slim", *wrong, "--registry", "runs.db", expect=2).stderr_text


def test_a_damaged_checkpoint_stays_and_is_named(workplace):
    fit("runs.db", "a", epochs=3)
    rows = details()["checkpoints"]
    database = sqlite3.connect("runs.db")
    database.execute(
        "UPDATE blob_chunks SET data = zeroblob(length(data)) WHERE blob = "
        f"(SELECT blob FROM checkpoints WHERE id = {rows[0]['id']})")
    database.commit()
    done = run("cifar-runs", "slim", "a", "--registry", "runs.db")
    assert f"checkpoint {rows[0]['id']}" in done.stderr_text and "damaged" in done.stderr_text
    assert [row["weights_only"] for row in details()["checkpoints"]] == [False, True, False]


def stored(path):
    """The bytes of all checkpoints together."""
    with sqlite3.connect(path) as database:
        return database.execute("SELECT sum(size) FROM blobs").fetchone()[0]


def test_what_other_runs_have_too(workplace):
    first = fit("runs.db", "a", epochs=3)
    cifar.rerun(first, name="again", keep_last=0, verbose=0)
    hashes = [[row["sha256"] for row in details(name)["checkpoints"]] for name in ["a", "again"]]
    assert hashes[0] == hashes[1]
    registry = cifar.Registry("runs.db")
    # Alone, neither run would free anything.
    for name in ["a", "again"]:
        assert registry.slim(name, dry_run=True) == registry.slim(name) == 0
        assert not any(row["weights_only"] for row in details(name)["checkpoints"])
    dry, before = registry.slim(dry_run=True), stored("runs.db")
    assert registry.slim() == dry == before - stored("runs.db") > 0
    for name in ["a", "again"]:
        assert [row["weights_only"] for row in details(name)["checkpoints"]] == [True, True, False]
    assert output("verify", "--registry", "runs.db")


def test_forks_keep_their_bytes_and_merges_change_nothing(workplace):
    fit("runs.db", "a", epochs=3)
    output("backup", "full.db", "--registry", "runs.db")
    first = details()["checkpoints"][0]
    output("fork", "a", "--checkpoint", first["id"], "--name", "f", "--registry", "runs.db")
    dry = cifar.Registry("runs.db").slim(dry_run=True)
    freed = cifar.Registry("runs.db").slim("a")
    assert 0 < freed == dry
    fork = details("f")["checkpoints"]
    assert [(row["sha256"], row["weights_only"]) for row in fork] == [(first["sha256"], False)]
    run("cifar", "resume", "f", "--registry", "runs.db", "--epochs", 3)
    before = details()["checkpoints"]
    # What the fork has, too, would only be stored twice.
    assert [row["weights_only"] for row in before] == [False, True, False]
    assert outcomes("merge", "full.db", "--registry", "runs.db") == ["unchanged"]
    assert details()["checkpoints"] == before
    output("copy", "a", "--to", "new.db", "--registry", "runs.db")
    assert [row["weights_only"] for row in details("a", "new.db")["checkpoints"]] == [False, True, False]
    assert output("verify", "--registry", "new.db")
