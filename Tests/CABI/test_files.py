"""Every file that is written: whole or not at all, and nothing that someone else has is lost."""

import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time

import cifar
import pytest
from conftest import BUILD, ROOT, run, start

SMALL = json.dumps([{"type": "flatten"}, {"type": "dense", "units": 10}])
DATA = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--batch-size", 32,
        "--threads", 1, "--early-stopping", "off"]


@pytest.fixture
def trained(workplace):
    (workplace / "small.json").write_text(SMALL)
    train("--epochs", 2, "--name", "s")
    return workplace


def train(*options, **more):
    return run("cifar", "train", *DATA, "--model", "small.json", "--quiet", *options, **more)


def writers(target):
    """Each command that writes a file, with the file that it is to write."""
    return {
        "cifar export": ["cifar", "export", "s", "-o", target],
        "report": ["cifar-runs", "report", "s", "-o", target],
        "export json": ["cifar-runs", "export", "-o", target],
        "export csv": ["cifar-runs", "export", "--format", "csv", "-o", target],
    }


KINDS = list(writers(""))


def leftovers(directory):
    return [name for name in os.listdir(directory) if name.endswith(".cifar-part")]


# What is there ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_own_kind_is_replaced_and_nothing_else(trained, kind):
    command = writers("out")[kind]
    run(*command)
    first = (trained / "out").read_bytes()
    os.chmod("out", 0o640)
    run(*command)
    assert (trained / "out").read_bytes() == first
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o640, "the permissions are the old file's"
    (trained / "out").write_text("precious")
    error = run(*command, expect=2).stderr_text
    assert "'out' exists" in error and (trained / "out").read_text() == "precious"
    run(*command, "--force")
    assert (trained / "out").read_bytes() == first
    (trained / "out").write_bytes(b"")
    run(*command)
    assert (trained / "out").read_bytes() == first and not leftovers(trained)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_registries_and_directories_are_refused(trained, kind, force):
    before = (trained / "runs.db").read_bytes()
    (trained / "d").mkdir()
    os.symlink("runs.db", "link.db")
    for target, word in [("runs.db", "registry"), ("link.db", "registry"), ("d", "directory")]:
        error = run(*writers(target)[kind], *force, expect=2).stderr_text
        assert word in error and target in error
    assert (trained / "runs.db").read_bytes() == before and not leftovers(trained)
    train("--csv-log", "runs.db", expect=2)
    run("cifar-runs", "verify")


@pytest.mark.parametrize("kind", KINDS)
def test_links_devices_and_pipes_stay(trained, kind):
    run(*writers("plain")[kind])
    content = (trained / "plain").read_bytes()
    (trained / "d").mkdir()
    os.symlink("d/real", "link")
    run(*writers("link")[kind])
    assert os.path.islink("link") and (trained / "d" / "real").read_bytes() == content
    os.mkfifo("pipe")
    with open("got", "wb") as got:
        reader = subprocess.Popen(["cat", "pipe"], stdout=got)
    run(*writers("pipe")[kind])
    assert reader.wait() == 0 and (trained / "got").read_bytes() == content
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    run(*writers("/dev/null")[kind])
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    out = subprocess.run(
        [BUILD / "bin" / writers("-")[kind][0], *writers("-")[kind][1:]], capture_output=True)
    assert out.returncode == 0 and out.stdout == content


def test_a_part_file_of_someone_is_not_touched(trained):
    (trained / "victim").write_text("precious")
    os.symlink("victim", "out.part")
    for command in writers("out").values():
        run(*command, "--force")
    assert (trained / "victim").read_text() == "precious" and os.path.islink("out.part")


def test_new_files_have_the_permissions_that_the_umask_leaves(trained):
    command = [str(BUILD / "bin" / "cifar"), "export", "s", "-o", "out"]
    subprocess.run(command, check=True, umask=0o027, capture_output=True)
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o640


def test_two_at_once_leave_one_of_them_whole(trained):
    rows = json.loads(run("cifar-runs", "checkpoints", "s", "--json").stdout_text)
    ids = [row["id"] for row in rows][:2]
    wanted = set()
    for checkpoint in ids:
        run("cifar", "export", "s", "--checkpoint", checkpoint, "-o", "one")
        wanted.add((trained / "one").read_bytes())
    for _ in range(10):
        both = [start("cifar", "export", "s", "--checkpoint", c, "-o", "x") for c in ids]
        assert [process.wait() for process in both] == [0, 0]
        assert (trained / "x").read_bytes() in wanted
        os.unlink("x")
    assert not leftovers(trained)


# What fails ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_what_was_there(trained, kind):
    run(*writers("out")[kind])
    before = (trained / "out").read_bytes()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

    for target in ["out", "new"]:
        command = writers(target)[kind]
        result = subprocess.run(
            [BUILD / "bin" / command[0], *command[1:]], preexec_fn=limit, capture_output=True,
            text=True)
        assert result.returncode == 1 and f"'{target}'" in result.stderr
    assert (trained / "out").read_bytes() == before
    assert not (trained / "new").exists() and not leftovers(trained)


FAILING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* The call that $FAIL names fails with EIO. */
static int is(const char *name) { const char *f = getenv("FAIL"); return f && !strcmp(f, name); }
int fsync(int fd) {
  if (is("kill")) raise(SIGKILL);
  if (is("fsync")) { errno = EIO; return -1; }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
ssize_t write(int fd, const void *p, size_t n) {
  if (is("write") && fd > 2) { errno = EIO; return -1; }
  if (is("short") && n > 7) n = 7;
  return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, p, n);
}
int renameat(int a, const char *b, int c, const char *d) {
  if (is("rename")) { errno = EIO; return -1; }
  return ((int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat"))(a, b, c, d);
}
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    directory = tmp_path_factory.mktemp("failing")
    (directory / "failing.c").write_text(FAILING)
    library = directory / "failing.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", directory / "failing.c", "-o", library, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("call", ["fsync", "write", "rename"])
def test_a_call_that_fails_is_named_and_leaves_nothing(trained, failing, call):
    for kind in KINDS:
        run(*writers(kind)[kind])
        before = (trained / kind).read_bytes()
        environment = {**os.environ, "LD_PRELOAD": str(failing), "FAIL": call}
        error = run(*writers(kind)[kind], expect=1, env=environment).stderr_text
        assert f"'{kind}'" in error and "Input/output error" in error
        assert (trained / kind).read_bytes() == before and not leftovers(trained)
        short = run(*writers(kind)[kind], env={**environment, "FAIL": "short"})
        assert (trained / kind).read_bytes() == before and not short.stderr_text


def test_a_directory_that_is_missing_or_closed_is_named(trained):
    for command in writers("no/where").values():
        assert "no/where" in run(*command, expect=1).stderr_text


def test_a_kill_leaves_a_hidden_file_that_is_known_by_its_name(trained, failing):
    (trained / "d").mkdir()
    run("cifar-runs", "export", "-o", "d/out.json")
    before = (trained / "d" / "out.json").read_bytes()
    environment = {**os.environ, "LD_PRELOAD": str(failing), "FAIL": "kill"}
    run("cifar-runs", "export", "-o", "d/out.json", expect=-signal.SIGKILL, env=environment)
    hidden, out = sorted(os.listdir("d"))
    assert hidden.startswith(".out.json.") and hidden.endswith(".cifar-part")
    assert (trained / "d" / out).read_bytes() == before


def test_memory_is_flat(trained):
    database = sqlite3.connect("runs.db")
    columns = [row[1] for row in database.execute("PRAGMA table_info(epochs)")]
    others = ", ".join(c for c in columns if c not in ("id", "epoch"))
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        f"INSERT INTO epochs (epoch, {others}) SELECT n.i, {others} FROM epochs, n "
        "WHERE epochs.epoch = 2")
    database.commit()
    database.close()
    sizes = {}
    for target in ["-", "out"]:
        process = subprocess.Popen(
            [BUILD / "bin" / "cifar-runs", "export", *["s"] * 6, "-o", target],
            stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        sizes[target] = usage.ru_maxrss
    assert (trained / "out").stat().st_size > 10e6
    assert sizes["out"] < 1.1 * sizes["-"] + 4096


# The library --------------------------------------------------------------------------------------


def test_the_library_refuses_what_the_commands_refuse(trained):
    model = cifar.Model.from_run("s")
    for target in ["runs.db", ".", "small.json"]:
        with pytest.raises(cifar.CifarError, match=target):
            model.save(target)
    os.mkfifo("pipe")
    began = time.monotonic()
    with pytest.raises(cifar.CifarError, match="nobody reads"):
        model.save("pipe")
    assert time.monotonic() - began < 30
    assert (trained / "small.json").read_text() == SMALL


def test_a_refused_registry_keeps_its_locks(trained):
    """Looking at a file must not drop the locks that this process has on it."""
    model = cifar.Model.from_run("s")
    model.save("m.safetensors")
    del model
    model = cifar.Model.open("m.safetensors")
    database = sqlite3.connect("runs.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        with pytest.raises(cifar.CifarError, match="registry"):
            model.save("runs.db")
        with pytest.raises(cifar.CifarError):
            cifar.Model.open("runs.db")
    code = "import sqlite3; sqlite3.connect('runs.db', timeout=0).execute('BEGIN IMMEDIATE')"
    other = subprocess.run(["python3", "-c", code], capture_output=True, text=True)
    assert "locked" in other.stderr
    database.execute("ROLLBACK")
    database.close()


# Names that SQLite keeps for itself ---------------------------------------------------------------

FILES_BESIDE = ["journal", "wal"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["journal", "wal", "shm"])
def test_nothing_is_written_beside_a_database_under_a_name_of_sqlites(trained, kind, ending):
    os.symlink(f"runs.db-{ending}", "link")
    for target in [f"runs.db-{ending}", f"{trained}/runs.db-{ending}", "link"]:
        for force in [[], ["--force"]]:
            error = run(*writers(target)[kind], *force, expect=2).stderr_text
            assert f"runs.db-{ending}'" in error and "SQLite keeps" in error and "runs.db'" in error
    assert not os.path.exists(f"runs.db-{ending}") and not leftovers(trained)
    # Without a database it is a name like any other.
    run(*writers(f"other.db-{ending}")[kind])
    assert "s " in run("cifar-runs", "list").stdout_text


@pytest.mark.parametrize("ending", FILES_BESIDE)
def test_logs_backups_and_registries_keep_off_sqlites_names(trained, ending):
    target = f"runs.db-{ending}"
    checkpoint = cifar.Registry("runs.db").run("s")["checkpoints"][-1]["id"]
    error = train("--epochs", 1, "--csv-log", target, expect=2).stderr_text
    assert target in error and "SQLite keeps" in error
    assert target in train("--epochs", 1, "--registry", target, expect=2).stderr_text
    assert target in run("cifar-runs", "backup", target, expect=2).stderr_text
    registry = cifar.Registry("runs.db")
    for call in [registry.backup, lambda path: registry.export(checkpoint, path)]:
        with pytest.raises(cifar.CifarError, match=f"{target}.*SQLite keeps"):
            call(target)
    assert not os.path.exists(target)
    # A registry that is only made when the log has been begun is not harmed either.
    error = train("--epochs", 1, "--registry", "new.db", "--csv-log", f"new.db-{ending}", expect=2)
    assert f"new.db-{ending}" in error.stderr_text
    run("cifar-runs", "list", "--registry", "new.db")


@pytest.mark.parametrize("ending", FILES_BESIDE)
def test_a_foreign_file_in_a_journals_place_is_named_and_kept(trained, ending):
    foreign = trained / f"runs.db-{ending}"
    foreign.write_text("precious")
    for command in [["cifar-runs", "list"], ["cifar-runs", "tag", "s", "x"]]:
        error = run(*command, expect=1).stderr_text
        assert f"runs.db-{ending}' lies where SQLite" in error and "move it away" in error
    assert foreign.read_text() == "precious"
    foreign.unlink()
    foreign.mkdir()
    assert f"runs.db-{ending}'" in run("cifar-runs", "list", expect=1).stderr_text
    foreign.rmdir()
    new = trained / f"new.db-{ending}"
    new.write_text("precious")
    assert f"new.db-{ending}'" in train("--epochs", 1, "--registry", "new.db", expect=1).stderr_text
    assert new.read_text() == "precious"
    run("cifar-runs", "list")


def test_the_log_of_another_database_is_named(trained):
    other = sqlite3.connect("other.db")
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE t (x)")
    other.commit()
    (trained / "runs.db-wal").write_bytes((trained / "other.db-wal").read_bytes())
    other.close()
    assert "runs.db-wal'" in run("cifar-runs", "list", expect=1).stderr_text
    os.remove("runs.db-wal")
    run("cifar-runs", "list")


# The CSV log --------------------------------------------------------------------------------------


def lines(path="log.csv"):
    return open(path, newline="").read().split("\n")[:-1]


def logged(*options, name, append=True, **more):
    log = json.dumps({"csv_logger": {"filename": "log.csv", "append": append}})
    train("--name", name, "--hyperparameters", log, *options, **more)


def test_a_log_of_two_runs_loses_nothing(trained):
    logged("--epochs", 4, name="A")
    first = lines()
    logged("--epochs", 2, "--seed", 1, name="B")
    assert lines()[:5] == first and len(lines()) == 7
    run("cifar", "resume", "B", "--epochs", 3, "--quiet")
    assert lines()[:5] == first and [line.split(",")[0] for line in lines()[5:]] == list("012")
    run("cifar", "resume", "A", "--epochs", 5, "--quiet")
    assert len(lines()) == 9 and lines()[-1].startswith("4,")


def test_a_resume_from_an_earlier_epoch_writes_each_line_once(trained):
    logged("--epochs", 4, name="A")
    whole = lines()
    logged("--epochs", 2, "--seed", 1, name="B")
    both = lines()
    rows = json.loads(run("cifar-runs", "checkpoints", "A", "--json").stdout_text)
    early = min(row["epoch"] for row in rows)
    checkpoint = next(row["id"] for row in rows if row["epoch"] == early)
    assert early < 4
    run("cifar", "resume", "A", "--checkpoint", checkpoint, "--epochs", 5, "--quiet")
    after = lines()
    assert after[0] == whole[0] and set(both) <= set(after)
    assert len(after) == len(set(after)) == len(both) + 1


def test_a_fork_leaves_the_parents_lines(trained):
    logged("--epochs", 3, name="A")
    before = lines()
    run("cifar-runs", "fork", "A", "--name", "child")
    run("cifar", "resume", "child", "--epochs", 5, "--quiet")
    assert lines()[:4] == before and [line.split(",")[0] for line in lines()[4:]] == list("34")


def test_other_line_ends_stay(trained):
    logged("--epochs", 2, name="A")
    text = open("log.csv", newline="").read()
    open("log.csv", "w", newline="").write(text.replace("\n", "\r\n").rstrip("\r\n"))
    run("cifar", "resume", "A", "--epochs", 3, "--quiet")
    after = open("log.csv", newline="").read()
    assert after.startswith(text.replace("\n", "\r\n")) and after.count("\r\n") == 4
    assert after.endswith("\r\n") and after.count("\n") == 4


def test_a_resume_elsewhere_finds_the_log_and_puts_back_what_is_missing(trained):
    logged("--epochs", 2, name="A")
    whole = lines()
    (trained / "elsewhere").mkdir()
    (trained / "log.csv").write_text(whole[0] + "\n" + whole[1] + "\n")
    run("cifar", "resume", "A", "--epochs", 3, "--quiet", cwd="elsewhere")
    assert not os.listdir("elsewhere")
    assert lines()[:3] == whole and len(lines()) == 4


def test_a_file_of_something_else_is_no_log(trained):
    for text in ["precious\n", "epoch,loss\n0,1\n"]:
        (trained / "log.csv").write_text(text)
        for append in [True, False]:
            log = json.dumps({"csv_logger": {"filename": "log.csv", "append": append}})
            error = train("--hyperparameters", log, expect=2).stderr_text
            assert "log.csv" in error and (trained / "log.csv").read_text() == text


def test_a_resume_goes_on_without_a_log_that_cannot_be_written(trained):
    (trained / "logs").mkdir()
    train("--name", "g", "--epochs", 1, "--csv-log", "logs/g.csv")
    os.rename("logs", "old")
    resume = ["cifar", "resume", "g", "--quiet"]
    error = run(*resume, "--epochs", 2).stderr_text
    assert error.count("logs/g.csv") == error.count("\n") == 1 and "continues without" in error
    (trained / "logs").mkdir()
    (trained / "logs/g.csv").write_text("my notes\n")
    assert "is not a CSV log" in run(*resume, "--epochs", 3).stderr_text
    assert (trained / "logs/g.csv").read_text() == "my notes\n"
    os.remove("logs/g.csv")
    (trained / "logs/g.csv").mkdir()
    assert "is a directory" in run(*resume, "--epochs", 4).stderr_text
    notes = json.loads(run("cifar-runs", "show", "g", "--json").stdout_text)["notes"]
    assert sum("logs/g.csv" in str(note) for note in notes) == 3
    # Where it can be written again it has all lines.
    os.rmdir("logs/g.csv")
    assert run(*resume, "--epochs", 5).stderr_text == ""
    assert [line.split(",")[0] for line in lines("logs/g.csv")[1:]] == list("01234")
    # A new run can still name another.
    error = train("--name", "h", "--csv-log", "nowhere/h.csv", expect=1).stderr_text
    assert "nowhere/h.csv" in error


def wait_for(path, text):
    for _ in range(600):
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} has no {text!r}")


def training(*options):
    return start("cifar", "train", *DATA, "--model", "small.json", "--quiet", "--epochs", 100_000,
                 *options)


def test_a_log_that_vanishes_does_not_end_a_training(trained):
    (trained / "logs").mkdir()
    process = training("--csv-log", "logs/h.csv", "--name", "h")
    wait_for(trained / "logs/h.csv", "\n1,")
    os.rename("logs", "old")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    error = error.decode() if isinstance(error, bytes) else error
    assert error.count("logs/h.csv") == 1 and process.returncode == -signal.SIGINT
    row = json.loads(run("cifar-runs", "show", "h", "--json").stdout_text)
    assert row["status"] == "interrupted"


def test_nobody_begins_a_log_anew_that_another_training_writes(trained):
    process = training("--csv-log", "log.csv")
    wait_for(trained / "log.csv", "\n1,")
    error = train("--csv-log", "log.csv", "--epochs", 1, expect=1).stderr_text
    assert f"another process, {process.pid} (cifar)" in error and "another file" in error
    logged("--epochs", 1, name="B")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    numbers = [int(line.split(",")[0]) for line in lines()[1:]]
    count = max(numbers) + 1
    assert sorted(numbers) == sorted([*range(count), 0]), "a line is lost"
    train("--csv-log", "log.csv", "--epochs", 1)
    assert len(lines()) == 2


# Data sets ----------------------------------------------------------------------------------------


def test_a_variable_that_names_nothing_is_an_error(workplace, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", "nowhere")
    error = run("cifar", "data", "info", expect=1).stderr_text
    assert "CIFAR10_DIR" in error and "nowhere" in error


def test_places_are_recorded_from_the_root_on(workplace):
    batches = workplace / "data" / "cifar-10-batches-bin"
    batches.mkdir(parents=True)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        with open(batches / f"{name}.bin", "wb") as file:
            file.truncate(30_730_000)
    assert str(batches) in run("cifar", "data", "info").stdout_text
    (workplace / "small.json").write_text(SMALL)
    options = ["--limit-train", 64, "--limit-test", 32, "--threads", 1, "--model", "small.json"]
    run("cifar", "train", *options, "--epochs", 1, "--name", "r", "--quiet")
    (workplace / "elsewhere").mkdir()
    run("cifar", "evaluate", "r", cwd="elsewhere")
    run("cifar", "resume", "r", "--epochs", 2, "--quiet", cwd="elsewhere")


def test_half_a_directory_is_not_a_data_set(workplace):
    batches = workplace / "d" / "cifar-10-batches-bin"
    batches.mkdir(parents=True)
    with open(batches / "data_batch_1.bin", "wb") as file:
        file.truncate(30_730_000)
    error = run(
        "cifar", "data", "download", "--dir", "d", "--url", "http://127.0.0.1:9", expect=1,
    ).stderr_text
    assert "127.0.0.1" in error and os.listdir(batches) == ["data_batch_1.bin"]


def test_nothing_is_taken_for_an_option(workplace):
    error = run("cifar", "data", "download", "--dir", "e", "--url", "-K/dev/null", expect=2)
    assert "URL '-K/dev/null" in error.stderr_text
    run("cifar", "data", "download", "--dir", "-C", "--url", "file:///nonexistent", expect=1)
    assert os.path.isdir("-C")
    (workplace / "own").mkdir()
    (workplace / "own" / "cifar-10-binary.tar.gz").write_text("mine")
    error = run("cifar", "data", "download", "--dir", "own", expect=1).stderr_text
    assert "MD5" in error and (workplace / "own" / "cifar-10-binary.tar.gz").read_text() == "mine"


# Import -------------------------------------------------------------------------------------------


def test_import_looks_at_everything_before_it_writes(trained):
    run("cifar", "export", "s", "--format", "checkpoint", "-o", "m.safetensors")
    whole = (trained / "m.safetensors").read_bytes()
    for cut in [8, 100, len(whole) // 3, len(whole) - 1]:
        (trained / "t.safetensors").write_bytes(whole[:cut])
        error = run("cifar-runs", "import", "t.safetensors", "--registry", "e.db", expect=1)
        assert "t.safetensors" in error.stderr_text
        assert not (trained / "e.db").exists()
    run("cifar-runs", "import", "m.safetensors", "--registry", "e.db")


# Names that are not UTF-8 -------------------------------------------------------------------------


def test_arguments_that_are_not_utf8_are_refused(trained):
    for number, arguments in enumerate([
        [b"train", b"--registry", b"r\xff.db"],
        [b"train", b"--registry=r\xff.db"],
        [b"summary", b"r\xff.db"],
        [b"help", b"r\xff.db"],
    ]):
        done = subprocess.run([BUILD / "bin" / "cifar", *arguments], capture_output=True)
        assert done.returncode == 2 and b"r\\xff.db" in done.stderr, done
        assert b"is not UTF-8" in done.stderr and not done.stdout
    done = subprocess.run(
        [BUILD / "bin" / "cifar-runs", "backup", b"\xc3\xa4\xe2\x82"], capture_output=True)
    assert done.returncode == 2
    assert "argument 2 is not UTF-8: 'ä\\xe2\\x82'" in done.stderr.decode()
    assert sorted(os.listdir(b".")) == [b"runs.db", b"small.json"]
    run("cifar-runs", "backup", "ä.db")


@pytest.mark.parametrize("command, variable", [
    (["cifar-runs", "list"], "CIFAR_REGISTRY"),
    (["cifar", "export", "s", "-o", "x"], "CIFAR_REGISTRY"),
    (["cifar", "train", "--epochs", 1], "CIFAR10_DIR"),
    (["cifar", "data", "info"], "CIFAR10_DIR"),
    (["cifar", "data", "download"], "CIFAR10_DIR"),
    (["cifar-runs", "plot", "s", "-o", "x.png"], "TMPDIR"),
])
def test_variables_that_are_not_utf8_are_refused(trained, command, variable):
    environment = {**os.environb, variable.encode(): b"r\xff"}
    error = run(*command, env=environment, expect=2).stderr_text
    assert f"{variable} is not UTF-8: 'r\\xff'" in error
    assert sorted(os.listdir(b".")) == [b"runs.db", b"small.json"]


def test_the_library_refuses_a_registry_that_is_not_utf8(trained):
    bindings = os.fsencode(ROOT / "bindings" / "python")
    done = subprocess.run(
        [sys.executable, "-c", "import cifar; cifar.Registry()"], capture_output=True, text=True,
        env={**os.environb, b"CIFAR_REGISTRY": b"r\xff", b"PYTHONPATH": bindings})
    assert "CIFAR_REGISTRY is not UTF-8: 'r\\xff'" in done.stderr


def test_a_link_to_a_name_that_is_not_utf8_is_refused(trained):
    os.symlink(b"x\xff", b"link")
    error = run("cifar", "export", "s", "-o", "link", expect=2).stderr_text
    assert "'x\\xff', which is not UTF-8" in error
    assert not os.path.exists(b"x\xff")


def test_a_working_directory_that_is_not_utf8_is_no_hindrance(trained):
    os.mkdir(b"d\xff")
    os.chdir(b"d\xff")
    (trained / "small.json").rename("small.json")
    train("--epochs", 1, "--registry", "r.db", "--csv-log", "log.csv")
    assert sorted(os.listdir(".")) == ["log.csv", "r.db", "small.json"]
