"""cifar-runs copy and merge: registries of several machines, brought together."""

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import time

import cifar
import pytest
from conftest import run, start
from test_registry_commands import data, output

MODEL = [{"type": "flatten"}, {"type": "dense", "units": 10}]
TABLES = ["runs", "sessions", "epochs", "metrics", "checkpoints", "blobs", "blob_chunks", "tags", "notes",
          "evaluations", "predictions"]


def fit(registry, name, epochs=2, **options):
    images = cifar.load("shapes", limit_train=64, limit_test=32)
    options = {"keep_last": 0, "batch_size": 32, **options}
    return cifar.fit(
        *images, epochs=epochs, registry=registry, name=name, model=MODEL, verbose=0,
        callbacks=[lambda epoch: epoch.log(score=epoch.epoch)], **options)


def rows(path):
    """Every row of a registry, without the keys, which are each file's own."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    own = {"id", "run", "session", "owner", "model", "shared", "blob", "resumed_session",
           "parent_checkpoint", "git_changes"}
    found = {}
    for table in TABLES:
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(name for name in names if name not in own)
        found[table] = sorted(map(repr, database.execute(f"SELECT {kept} FROM {table}")))
    found["texts"] = sorted(database.execute("SELECT json FROM texts"))
    return found


def outcomes(*command):
    return [row["outcome"] for row in json.loads(output(*command, "--json"))]


@pytest.fixture
def two(workplace):
    """A registry here and one elsewhere, with runs of their own."""
    here, there = fit("here.db", "a", tags=["x"]), fit("there.db", "b", group="g", seed=1)
    return here, there


def test_runs_come_together_once(two, workplace):
    here, there = two
    fit("there.db", "c", epochs=3)
    output("note", "b", "a remark", "--registry", "there.db")
    before = rows("there.db")
    text = output("merge", "there.db", "--registry", "here.db")
    assert "2 added, 0 updated, 0 unchanged; 5 checkpoints copied" in text
    assert rows("there.db") == before
    merged = rows("here.db")
    assert all(row in merged[table] for table in TABLES for row in before[table])
    assert data("list", "--registry", "here.db") != []
    assert outcomes("merge", "there.db", "--registry", "here.db") == ["unchanged"] * 2
    assert rows("here.db") == merged
    assert "all whole" in output("backup", "copy.db", "--registry", "here.db")
    # Both ways round it comes to the same.
    output("merge", "here.db", "--registry", "there.db")
    assert rows("there.db") == merged
    # And a registry that was not there is made.
    output("merge", "here.db", "--registry", "new.db")
    assert rows("new.db") == merged
    shown = [data("show", "b", "--registry", path) for path in ("there.db", "new.db")]
    for one in shown:
        for checkpoint in one["checkpoints"]:
            del checkpoint["id"]
    assert shown[0] == shown[1] and shown[0]["group"] == "g"


def test_a_run_that_went_on_gets_what_it_lacks(two, workplace):
    here, there = two
    output("merge", "there.db", "--registry", "here.db")
    output("tag", "b", "mine", "--registry", "here.db")
    pinned = data("show", "b", "--registry", "here.db")["checkpoints"][0]["id"]
    output("checkpoints", "b", "--pin", pinned, "--registry", "here.db")
    run("cifar", "resume", "b", "--epochs", 4, "--registry", "there.db", "--quiet")
    first = data("show", "b", "--registry", "there.db")["checkpoints"][0]["id"]
    run("cifar", "resume", "b", "--checkpoint", first, "--epochs", 3, "--registry", "there.db", "--quiet")
    assert outcomes("merge", "there.db", "--registry", "here.db") == ["updated"]
    mine, other = (rows(path) for path in ("here.db", "there.db"))
    for table in ("epochs", "metrics", "sessions"):
        assert all(row in mine[table] for row in other[table])
    shown = data("show", "b", "--registry", "here.db")
    source = data("show", "b", "--registry", "there.db")
    assert shown["epochs"] == source["epochs"] and shown["tags"] == ["mine"]
    assert len(shown["sessions"]) == 3
    assert [c["superseded"] for c in shown["checkpoints"]] == [
        c["superseded"] for c in source["checkpoints"]]
    assert shown["checkpoints"][0]["id"] == pinned and shown["checkpoints"][0]["pinned"]
    assert outcomes("merge", "there.db", "--registry", "here.db") == ["unchanged"]
    # The one that is behind is left alone.
    shutil.copy("there.db", "old.db")
    run("cifar", "resume", "b", "--epochs", 5, "--registry", "here.db", "--quiet")
    before = rows("here.db")
    assert outcomes("merge", "old.db", "--registry", "here.db") == ["unchanged"]
    assert rows("here.db") == before
    # It goes on with the bits of the one that was never copied.
    run("cifar", "resume", "b", "--epochs", 5, "--registry", "there.db", "--quiet")
    losses = [data("show", "b", "--registry", path)["last_val_loss"] for path in ("here.db", "there.db")]
    assert losses[0] == losses[1]


def test_what_went_on_in_both_is_named_and_left(two, workplace):
    output("merge", "there.db", "--registry", "here.db")
    fit("there.db", "c")
    for path in ("here.db", "there.db"):
        run("cifar", "resume", "b", "--epochs", 3, "--registry", path, "--quiet")
    before = rows("here.db")
    error = run("cifar-runs", "merge", "there.db", "--registry", "here.db", expect=1).stderr_text
    identifier = data("show", "b", "--registry", "here.db")["id"]
    assert identifier[:8] in error and "went on in both files" in error and "--skip-conflicts" in error
    assert rows("here.db") == before
    done = run("cifar-runs", "merge", "there.db", "--registry", "here.db", "--skip-conflicts", "--json")
    assert [row["outcome"] for row in json.loads(done.stdout_text)] == ["conflict", "added"]
    assert f"run {identifier[:8]} is left out: it went on in both" in done.stderr_text
    after = rows("here.db")
    assert all(row in after[table] for table in TABLES for row in before[table])
    assert len(after["epochs"]) == len(before["epochs"]) + 2
    # A row that differs is a conflict, too.
    shutil.copy("here.db", "edited.db")
    database = sqlite3.connect("edited.db")
    database.execute("UPDATE epochs SET val_loss = 1.5 WHERE run = 1 AND epoch = 2")
    database.execute("UPDATE sessions SET reason = 'edited' WHERE run = 1")
    database.commit()
    error = run("cifar-runs", "merge", "edited.db", "--registry", "here.db", expect=1).stderr_text
    assert "its epoch 2 has other values" in error


def test_other_values_of_the_same_epochs_are_a_conflict(two, workplace):
    shutil.copy("here.db", "there.db")
    database = sqlite3.connect("there.db")
    database.execute("UPDATE epochs SET val_loss = val_loss + 1e-12 WHERE epoch = 2")
    database.commit()
    database.close()
    before = rows("here.db")
    message = run("cifar-runs", "merge", "there.db", "--registry", "here.db", expect=1).stderr_text
    assert "its epoch 2 has other values in the two files" in message
    assert outcomes(
        "merge", "there.db", "--registry", "here.db", "--skip-conflicts") == ["conflict"]
    assert rows("here.db") == before


def change(path, *statements):
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize("statements, words", [
    (["UPDATE epochs SET session = 99"], "rows of epochs belong to sessions that are missing"),
    (["UPDATE checkpoints SET session = 99"], "rows of checkpoints belong to sessions that are missing"),
    (["UPDATE epochs SET superseded = 0",
      "INSERT INTO epochs (run, epoch, session, superseded, train_loss, train_accuracy, nan)"
      " SELECT run, 1, session + 50, 0, 1, 0.5, '' FROM epochs LIMIT 1",
      "INSERT INTO sessions (id, run, token, started, heartbeat, status, reason, host, boot_id,"
      " pid_namespace, pid, pid_start_ticks, library_version, instruction_set, threads, command_line)"
      " SELECT session, run, 'x', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'completed',"
      " '', '', '', '', 1, 1, '', '', 1, '' FROM epochs WHERE session > 50"],
     "epoch 1 has several rows that are current"),
    (["INSERT INTO texts (id, json) VALUES (777, '{\"patch\": 5}')", "UPDATE sessions SET git_changes = 777"],
     "the changes of a repository"),
])
def test_a_damaged_run_is_named_and_not_taken_up(two, workplace, statements, words):
    shutil.copy("there.db", "damaged.db")
    try:
        change("damaged.db", *statements)
    except sqlite3.Error as error:
        pytest.fail(f"the test's own SQL: {error}")
    message = run("cifar-runs", "merge", "damaged.db", "--registry", "new.db", expect=1).stderr_text
    assert words in message and "damaged.db" in message
    assert not os.path.exists("new.db")
    assert run("cifar-runs", "verify", "--registry", "damaged.db", expect=1)


def epochs_in(path):
    listed = start("cifar-runs", "list", "--json", "--registry", path)
    text, _ = listed.communicate(timeout=60)
    return sum(run["epochs"] for run in json.loads(text)) if listed.returncode == 0 else 0


def test_a_merge_from_a_training_leaves_nothing_unused(two, workplace):
    training = start(
        "cifar", "train", "--data", "shapes", "--limit-train", 16, "--limit-test", 8, "--epochs", 100_000,
        "--early-stopping", "off", "--quiet", "--registry", "live.db")
    try:
        end = time.monotonic() + 60
        while epochs_in("live.db") < 5:
            assert time.monotonic() < end and training.poll() is None
            time.sleep(0.05)
        output("merge", "live.db", "--registry", "target.db")
        training.send_signal(signal.SIGINT)
        training.communicate(timeout=60)
    finally:
        training.kill()
        training.communicate()
    with sqlite3.connect("target.db") as database:
        (free,), (pages,) = (database.execute(f"PRAGMA {name}").fetchone()
                             for name in ["freelist_count", "page_count"])
    assert free < pages / 4
    output("merge", "live.db", "--registry", "target.db")
    assert output("verify", "--registry", "target.db")


def test_the_newest_runs_come_first_wherever_they_were_trained(two, workplace):
    fit("here.db", "c", epochs=1)
    output("merge", "there.db", "--registry", "here.db")
    assert [row["name"] for row in json.loads(output("list", "--json", "--registry", "here.db"))] == [
        "c", "b", "a"]
    assert [row["name"] for row in json.loads(
        output("list", "-n", "1", "--json", "--registry", "here.db"))] == ["c"]


def test_copy_takes_what_is_asked_for(two, workplace):
    fit("there.db", "c", tags=["t"])
    assert "1 added" in output("copy", "b", "--to", "some.db", "--registry", "there.db")
    assert [row["name"] for row in data("list", "--registry", "some.db")] == ["b"]
    output("copy", "--tag", "t", "--to", "some.db", "--registry", "there.db")
    assert [row["name"] for row in data("list", "--registry", "some.db")] == ["c", "b"]
    output("copy", "--group", "g", "--to", "some.db", "--registry", "there.db")
    for wrong in (["copy", "b"], ["copy", "--to", "x.db"], ["merge"]):
        run("cifar-runs", *wrong, "--registry", "there.db", expect=2)
    for wrong in (["copy", "none", "--to", "x.db"], ["copy", "--tag", "no", "--to", "x.db"],
                  ["merge", "nothing.db"]):
        run("cifar-runs", *wrong, "--registry", "there.db", expect=1)
    error = run("cifar-runs", "merge", "./there.db", "--registry", "there.db", expect=2).stderr_text
    assert "are the same file" in error
    # Trash is a decision of each file.
    output("rm", "b", "--yes", "--registry", "some.db")
    assert outcomes("merge", "there.db", "--registry", "some.db") == ["unchanged"] * 2
    assert [row["name"] for row in data("list", "--registry", "some.db")] == ["c"]
    assert outcomes("merge", "some.db", "--registry", "new.db") == ["added"]


def test_forks_know_their_parents(two, workplace):
    output("fork", "b", "--name", "child", "--registry", "there.db")
    output("merge", "there.db", "--registry", "here.db")
    child, parent = (data("show", name, "--registry", "here.db") for name in ("child", "b"))
    assert child["parent"] == parent["id"]
    assert child["parent_checkpoint"] == parent["checkpoints"][-1]["id"]
    assert len(rows("here.db")["blobs"]) == 4
    # Without the parent its number means nothing.
    output("copy", "child", "--to", "alone.db", "--registry", "there.db")
    child = data("show", "child", "--registry", "alone.db")
    assert child["parent"] == parent["id"] and child["parent_checkpoint"] is None
    assert f"from run {parent['id'][:8]}" in output("show", "child", "--registry", "alone.db")
    run("cifar", "resume", "child", "--epochs", 3, "--registry", "alone.db", "--quiet")


def test_a_damaged_checkpoint_does_not_spread(two, workplace):
    database = sqlite3.connect("there.db")
    database.execute("UPDATE blob_chunks SET data = zeroblob(length(data)) WHERE blob = 1")
    database.commit()
    before = rows("here.db")
    error = run("cifar-runs", "merge", "there.db", "--registry", "here.db", expect=1).stderr_text
    assert "checkpoint 1 in there.db is damaged" in error and rows("here.db") == before


def test_a_run_is_merged_while_it_trains(workplace):
    trainer = start(
        "cifar", "train", "--data", "shapes", "--limit-train", 320, "--limit-test", 32, "--epochs", 40,
        "--name", "live", "--quiet", "--registry", "there.db", "--batch-size", 32)
    seen = set()
    while trainer.poll() is None:
        merge = start("cifar-runs", "merge", "there.db", "--registry", "here.db", "--json")
        text, error = merge.communicate(timeout=60)
        if merge.returncode == 0:
            seen.update(row["outcome"] for row in json.loads(text))
        else:
            assert "no run registry" in error or "is empty" in error, error
    assert trainer.returncode == 0 and {"added", "updated"} <= seen
    output("merge", "there.db", "--registry", "here.db")
    shown = [data("show", "live", "--registry", path) for path in ("here.db", "there.db")]
    assert shown[0]["epochs"] == shown[1]["epochs"] and shown[0]["status"] == "completed"
    assert outcomes("merge", "there.db", "--registry", "here.db") == ["unchanged"]
    assert "all whole" in output("backup", "copy.db", "--registry", "here.db")


@pytest.mark.parametrize("size", [300, 40_000, 200_000])
def test_a_full_disk_leaves_no_new_registry(two, workplace, size):
    """A file may get no larger than so many bytes: while it is made, and while runs are copied."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    before = set(os.listdir())
    for command in (["copy", "b", "--registry", "there.db", "--to", "new.db"],
                    ["merge", "there.db", "--registry", "new.db"]):
        message = run("cifar-runs", *command, expect=1, preexec_fn=limit).stderr_text
        assert "new.db" in message and "cifar-part" not in message
        assert set(os.listdir()) == before
    # A registry that is there stays as it is.
    old = rows("here.db")
    run("cifar-runs", "merge", "there.db", "--registry", "here.db", expect=1, preexec_fn=limit)
    assert rows("here.db") == old
    output("copy", "b", "--registry", "there.db", "--to", "new.db")
    assert set(os.listdir()) == before | {"new.db"} and rows("new.db")["runs"] == rows("there.db")["runs"]


def test_two_copies_at_once_make_one_registry(two, workplace):
    fit("there.db", "c", seed=2)
    for _ in range(8):
        both = [start("cifar-runs", "copy", name, "--registry", "there.db", "--to", "new.db") for name in "bc"]
        assert [process.wait() for process in both] == [0, 0], [process.communicate() for process in both]
        assert rows("new.db")["runs"] == rows("there.db")["runs"]
        os.unlink("new.db")
    assert [name for name in os.listdir() if "part" in name] == []


def test_kills_leave_all_or_nothing(two, workplace):
    for number in range(6):
        fit("there.db", f"r{number}", epochs=6, seed=number)
    before = rows("here.db")
    shutil.copy("here.db", "timed.db")
    begin = time.monotonic()
    output("merge", "there.db", "--registry", "timed.db")
    whole = time.monotonic() - begin
    after = rows("timed.db")
    generator = random.Random(7)
    killed = within = 0
    for _ in range(40):
        shutil.copy("here.db", "killed.db")
        process = start("cifar-runs", "merge", "there.db", "--registry", "killed.db")
        time.sleep(generator.uniform(0.2, 1.1) * whole)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        within += os.path.exists("killed.db-journal")
        # Opening it plays back what a killed writer left.
        output("list", "--registry", "killed.db")
        assert rows("killed.db") in (before, after)
        output("merge", "there.db", "--registry", "killed.db")
        assert rows("killed.db") == after
    assert killed >= 10 and within >= 5, (killed, within)
    output("verify", "--registry", "killed.db")


def test_from_python(two, workplace):
    registry = cifar.Registry("here.db")
    assert registry.merge("there.db") == {
        "added": 1, "updated": 0, "unchanged": 0, "conflicts": 0, "checkpoints": 2}
    assert registry.merge("there.db", "b")["unchanged"] == 1
    assert registry.verify() == []
    for path in ("here.db", "there.db"):
        cifar.resume("b", registry=path, epochs=3, verbose=0)
    assert registry.merge("there.db", skip_conflicts=True)["conflicts"] == 1
    for wrong, status in [
            (("here.db",), "INVALID_ARGUMENT"), (("none.db",), "NOT_FOUND"),
            (("there.db",), "INVALID_STATE"), (("there.db", "nobody"), "NOT_FOUND")]:
        with pytest.raises(cifar.CifarError) as caught:
            registry.merge(*wrong)
        assert caught.value.status == "CIFAR_E_" + status
    assert len(registry.run("b")["epochs"]) == 3
