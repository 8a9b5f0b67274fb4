"""Trainings while others hold a lock on the registry, and runs that only seem to run."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import LIBRARY, ROOT, run, start

import cifar

SMALL = '[{"type":"conv2d","filters":4,"kernel_size":3,"stride":2},{"type":"relu"},{"type":"global_average_pool"},{"type":"dense","units":10}]'
# Enough of them to take the registry's lock before they are over: each takes milliseconds.
EPOCHS = 500
TRAIN = ["--data", "shapes", "--limit-train", 64, "--limit-test", 16, "--batch-size", 16,
         "--threads", 1, "--early-stopping", "off"]


@pytest.fixture
def options(workplace):
    (workplace / "small.json").write_text(SMALL)
    return [*TRAIN, "--model", "small.json"]


class Held:
    """The registry, held by another program's read transaction."""

    def __init__(self, path="runs.db"):
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("BEGIN")
        self.connection.execute("SELECT count(*) FROM runs").fetchone()

    def let_go(self):
        self.connection.close()


def rows():
    return {row["name"]: row for row in cifar.Registry().runs()}


def hold_after_first_epoch(process, lines):
    """Reads until the first epoch's line, then holds the registry."""
    for line in process.stdout:
        lines.append(line)
        if line.startswith("epoch"):
            return Held()
    raise AssertionError("no epoch")


def test_the_end_waits_and_everything_is_stored(options):
    lines = []
    process = start("cifar", "train", *options, "--epochs", EPOCHS, "--name", "held")
    held = hold_after_first_epoch(process, lines)
    for line in process.stderr:
        if line.startswith("Training is over"):
            break
    # Whoever is killed in this moment finds a file beside the registry.
    deadline = time.time() + 30
    while not list(Path().glob("runs.db.run-*.safetensors")) and time.time() < deadline:
        time.sleep(0.05)
    assert list(Path().glob("runs.db.run-*.safetensors"))
    held.let_go()
    # Not by communicate, which would miss what was read ahead with the lines above.
    out, err = process.stdout.read(), process.stderr.read()
    assert process.wait(timeout=120) == 0, err
    printed = [line for line in "".join(lines + [out]).splitlines() if line.startswith("epoch")]
    assert len(printed) == EPOCHS
    assert rows()["held"]["epochs"] == EPOCHS and rows()["held"]["status"] == "completed"
    assert not list(Path().glob("*.safetensors"))
    assert cifar.Registry().verify() == []


@pytest.mark.parametrize("gives_up", ["limit", "Ctrl-C"])
def test_what_can_not_be_stored_goes_to_a_file_that_import_takes_up(options, gives_up):
    limit = 0.5 if gives_up == "limit" else 600
    process = start(
        "cifar", "train", *options, "--epochs", EPOCHS, "--name", "kept", "--busy-timeout", limit)
    held = hold_after_first_epoch(process, [])
    if gives_up == "Ctrl-C":
        for line in process.stderr:
            if line.startswith("Training is over"):
                break
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode != 0
    (file,) = Path().glob("runs.db.run-*.safetensors")
    assert f"cifar-runs import '{file.absolute()}'" in err
    before = rows()["kept"]["epochs"]
    assert before < EPOCHS
    held.let_go()
    done = run("cifar-runs", "import", file)
    kept = rows()["kept"]
    assert done.stdout_text.strip() == kept["id"]
    assert kept["epochs"] == EPOCHS and kept["status"] == "completed" and len(rows()) == 1
    assert "has all of it already" in run("cifar-runs", "import", file).stderr_text
    run("cifar", "train", *options, "--epochs", EPOCHS, "--name", "straight")
    registry = cifar.Registry()
    last = [registry.run(name)["checkpoints"][-1]["sha256"] for name in ["kept", "straight"]]
    same = [[{**row, "seconds": 0, "images_per_second": 0, "cpu_seconds": 0, "peak_memory": 0} for row in registry.run(name)["epochs"]]
            for name in ["kept", "straight"]]
    assert same[0] == same[1]
    # Times are part of a checkpoint; weights are compared by what they say.
    test = cifar.load("shapes", limit_train=64, limit_test=16)[1]
    models = [cifar.Model.from_run(name, checkpoint="last") for name in ["kept", "straight"]]
    assert len({model.predict(test.images).tobytes() for model in models}) == 1
    assert len(last) == 2 and registry.verify() == []


def test_in_python(workplace):
    train, test = cifar.load("shapes", limit_train=64, limit_test=16)
    held = []
    waits = []

    class Holding(cifar.Callback):
        def on_epoch_end(self, epoch):
            if epoch.epoch == 1:
                held.append(Held())

        def on_storage_wait(self, wait):
            waits.append(wait)

    with pytest.raises(cifar.CifarError) as error:
        cifar.fit(train, test, epochs=3, batch_size=16, model=eval(SMALL), name="python",
                  busy_timeout=5, callbacks=[Holding()])
    assert error.value.status == "CIFAR_E_BUSY"
    held[0].let_go()
    ends = [wait for wait in waits if wait.seconds_left is not None]
    assert ends and all(wait.epochs == 2 for wait in ends)
    (file,) = Path().glob("runs.db.run-*.safetensors")
    assert str(file.absolute()) in str(error.value)
    registry = cifar.Registry()
    # Its process lives.
    assert registry.run("python")["status"] == "running"
    id = registry.import_file(file)
    assert registry.run(id)["name"] == "python" and rows()["python"]["epochs"] == 3
    with pytest.raises(cifar.CifarError, match="busy timeout, nan s, is not in 0 to 1,000,000"):
        cifar.fit(train, test, busy_timeout=float("nan"))


def test_ctrl_c_in_python_ends_the_waiting(workplace):
    program = f"""
import cifar, sqlite3
train, test = cifar.load("shapes", limit_train=64, limit_test=16)
held = sqlite3.connect("runs.db", isolation_level=None)
def hold(epoch):
    held.execute("BEGIN"); held.execute("SELECT count(*) FROM runs").fetchone()
class Say(cifar.Callback):
    said = False
    def on_storage_wait(self, wait):
        if wait.seconds_left is not None and wait.seconds > 11 and not self.said:
            self.said = True
            print("waiting", flush=True)
try:
    cifar.fit(
        train, test, epochs=1, batch_size=16, model={SMALL}, callbacks=[hold, Say()], verbose=0)
except KeyboardInterrupt as error:
    print("interrupted", error)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"),
             "CIFAR_LIBRARY": str(LIBRARY)})
    assert process.stdout.readline() == "waiting\n"
    began = time.time()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.time() - began < 30
    # The epoch is stored before its callback is called: only the end waits.
    assert "RuntimeWarning: the registry is held by another program" in err
    assert out.startswith("interrupted") and "only how it ended is not" in out, (out, err)


# ---- Who is alive ---------------------------------------------------------------------------------


def elsewhere(name, **columns):
    """Makes the run's last session one of another machine, with a heartbeat of this second."""
    values = {"host": "c0ffee", "boot_id": "11111111-2222-3333-4444-555555555555", **columns}
    connection = sqlite3.connect("runs.db")
    with connection:
        sets = ", ".join(f"{column} = ?" for column in values)
        (run_id,) = connection.execute("SELECT id FROM runs WHERE name = ?", [name]).fetchone()
        connection.execute(
            f"UPDATE sessions SET {sets}, status = 'running', ended = NULL, heartbeat = "
            "strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE run = ?", [*values.values(), run_id])
        connection.execute(
            "UPDATE runs SET status = 'running', owner = (SELECT max(id) FROM sessions WHERE run = "
            "runs.id) WHERE id = ?", [run_id])
    connection.close()


@pytest.mark.parametrize("columns", [{}, {"host": os.uname().nodename}, {"pid": 0}])
def test_a_run_elsewhere_is_taken_over_only_when_asked_for(options, columns):
    for name in ["a", "b", "c", "d"]:
        run("cifar", "train", *options, "--epochs", 1, "--name", name)
        elsewhere(name, **columns)
    assert {row["status"] for row in rows().values()} == {"running"}
    message = run("cifar", "resume", "a", "--epochs", 2, expect=1).stderr_text
    assert "--take-over of cifar resume and cifar-runs rm" in message and "is running" in message
    assert "--take-over" in run("cifar-runs", "rm", "b", "--yes", expect=1).stderr_text
    for call in [lambda: cifar.resume("c", epochs=2), lambda: cifar.Registry().remove("d")]:
        with pytest.raises(cifar.CifarError, match="take_over in C and Python") as error:
            call()
        assert error.value.status == "CIFAR_E_BUSY"
    run("cifar", "resume", "a", "--epochs", 2, "--take-over")
    run("cifar-runs", "rm", "b", "--yes", "--take-over")
    cifar.resume("c", epochs=2, take_over=True)
    cifar.Registry().remove("d", take_over=True)
    assert {row["name"]: row["status"] for row in cifar.Registry().runs()} == {
        "a": "completed", "c": "completed"}


# ---- File systems without locks -------------------------------------------------------------------

NO_LOCKS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
static int answer(const char *name, int fd, int command, void *argument) {
  if (command == 36 || command == 37) { errno = ENOLCK; return -1; }
  int (*next)(int, int, ...);
  *(void **)&next = dlsym(RTLD_NEXT, name);
  return next(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);
  return answer("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);
  return answer("fcntl64", fd, command, argument);
}
"""


def test_a_file_system_without_locks_is_named_at_once(options, tmp_path):
    source = tmp_path / "no_locks.c"
    source.write_text(NO_LOCKS)
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(tmp_path / "no_locks.so"), str(source), "-ldl"],
        check=True)
    began = time.time()
    process = run(
        "cifar", "train", *options, "--epochs", 1, expect=1,
        env={**os.environ, "LD_PRELOAD": str(tmp_path / "no_locks.so")})
    assert "lies on a file system without locks (No locks available)" in process.stderr_text
    assert time.time() - began < 20
