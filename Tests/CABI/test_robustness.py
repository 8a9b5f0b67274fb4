"""Kills, crowds, full disks and files that cannot be written."""

import contextlib
import json
import os
import pwd
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from conftest import BUILD, run, start
from kill_at_random import torture

SMALL = [
    "--data", "shapes", "--limit-train", 32, "--limit-test", 16, "--batch-size", 16, "--threads", 1,
    "--quiet",
]


def rows(registry):
    text = run("cifar-runs", "list", "--json", "--all", "--registry", registry).stdout_text
    return json.loads(text)


def is_whole(registry):
    database = sqlite3.connect(registry)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    run("cifar-runs", "verify", "--registry", registry)


def test_sigkill_at_twenty_instants(workplace):
    kills, finished, _ = torture(20, 1, workplace)
    assert kills == 20 and finished > 0


def test_eight_trainers_and_four_readers(workplace):
    registry = workplace / "runs.db"
    epochs = 3
    # Before the first run is in it the file has nothing to list.
    run("cifar", "train", *SMALL, "--epochs", 1, "--name", "first")
    done = threading.Event()
    problems, looks = [], []

    def read():
        while not done.is_set():
            process = start("cifar-runs", "list", "--json", "--registry", registry)
            output, errors = process.communicate()
            if process.returncode or errors:
                problems.append(errors)
            else:
                looks.append(len(json.loads(output)))

    readers = [threading.Thread(target=read) for _ in range(4)]
    trainers = [
        start("cifar", "train", *SMALL, "--epochs", epochs, "--name", f"run {n}", "--seed", n)
        for n in range(8)
    ]
    for reader in readers:
        reader.start()
    for trainer in trainers:
        _, errors = trainer.communicate(timeout=280)
        # On a busy machine someone may have to wait at the end, and says so.
        told = [line for line in errors.splitlines() if not line.startswith("Training is over, and")]
        if trainer.returncode or told:
            problems.append(errors)
    done.set()
    for reader in readers:
        reader.join()
    assert problems == [] and len(looks) > 4
    found = [row for row in rows(registry) if row["name"] != "first"]
    assert len(found) == 8
    assert all(row["epochs"] == epochs and row["status"] == "completed" for row in found)
    is_whole(registry)


def test_of_two_resumes_one_wins(workplace):
    run("cifar", "train", *SMALL, "--epochs", 1, "--name", "run")
    resumes = [start("cifar", "resume", "run", "--epochs", 4, "--quiet") for _ in range(2)]
    errors = [process.communicate()[1] for process in resumes]
    codes = [process.returncode for process in resumes]
    if sorted(codes) == [0, 1]:
        assert "running" in errors[codes.index(1)]
    else:
        # The second came when the first was through: there was nothing left to do.
        assert codes == [0, 0]
    row = rows(workplace / "runs.db")[0]
    assert row["epochs"] == 4 and row["status"] == "completed"


def goes_on(registry):
    """The run of a registry that could not be written can be resumed from what it had."""
    row = rows(registry)[0]
    assert 0 < row["epochs"] < 6 and row["status"] in ("failed", "crashed")
    is_whole(registry)
    run("cifar", "resume", row["id"], "--registry", registry, "--quiet")
    assert rows(registry)[0]["epochs"] == 6


def test_a_file_that_may_not_grow(workplace):
    """Like a full disk, for everybody: a limit on the size of files."""

    def limit():
        # Without this the kernel ends the process instead of failing the write.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50 << 20, 50 << 20))

    process = start("cifar", "train", *SMALL, "--epochs", 6, preexec_fn=limit)
    errors = process.communicate()[1]
    assert process.returncode == 1
    assert "runs.db" in errors and len(errors.splitlines()) == 1
    goes_on(workplace / "runs.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
def test_a_full_disk(workplace):
    disk = workplace / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=56m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        registry = disk / "runs.db"
        process = start("cifar", "train", *SMALL, "--epochs", 6, "--registry", registry)
        errors = process.communicate()[1]
        assert process.returncode == 1
        assert "disk is full" in errors and len(errors.splitlines()) == 1
        is_whole(registry)
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        goes_on(registry)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.fixture
def place_for_all():
    """A directory that others may enter: pytest's are closed to them."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes someone else")
def test_files_that_may_not_be_written(place_for_all):
    nobody = pwd.getpwnam("nobody")
    place = place_for_all
    binaries = place / "bin"
    shutil.copytree(BUILD / "bin", binaries)
    work = place / "work"
    work.mkdir()
    os.chown(work, nobody.pw_uid, nobody.pw_gid)
    registry = work / "runs.db"

    def theirs(*command):
        return subprocess.Popen(
            [binaries / command[0], *map(str, command[1:]), "--registry", registry],
            user=nobody.pw_uid, group=nobody.pw_gid, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=work, env={"HOME": str(work)},
        )

    trainer = theirs(
        "cifar", "train", *SMALL, "--epochs", 500, "--early-stopping", "off", "--name", "run")
    while not (registry.exists() and '"epochs": 1' in theirs(
        "cifar-runs", "list", "--json").communicate()[0]):
        assert trainer.poll() is None, trainer.communicate()[1]
    # No journal can be made beside the file: the next save fails. Not one under way, which would leave
    # its journal: while another holds the right to write there is none.
    with contextlib.closing(sqlite3.connect(registry, timeout=60, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        work.chmod(0o555)
        holder.execute("ROLLBACK")
    errors = trainer.communicate()[1]
    assert trainer.returncode == 1
    assert "cannot be" in errors and len(errors.splitlines()) == 1
    # What cannot be written can still be looked at.
    registry.chmod(0o444)
    listing = theirs("cifar-runs", "list", "--json")
    output, errors = listing.communicate()
    assert listing.returncode == 0, errors
    (row,) = json.loads(output)
    assert row["name"] == "run"
    for command in [["cifar-runs", "tag", "run", "x"], ["cifar", "resume", "run", "--quiet"]]:
        process = theirs(*command)
        errors = process.communicate()[1]
        assert process.returncode == 1 and "written" in errors
        assert len(errors.splitlines()) == 1
    work.chmod(0o755)
    registry.chmod(0o644)
    epochs = row["epochs"] + 2
    assert theirs("cifar", "resume", "run", "--quiet", "--epochs", epochs).wait() == 0
    assert rows(registry)[0]["epochs"] == epochs
