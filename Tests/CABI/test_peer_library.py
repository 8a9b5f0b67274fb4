"""`cifar train --peers`: several processes by a library of their user's (Tests/MPI has MPI's)."""

import os
import subprocess

import cifar
import pytest
from conftest import BUILD, ROOT, run, start

DATA = ["--data", "shapes", "--limit-train", 70, "--limit-test", 20, "--batch-size", 32,
        "--epochs", 2, "--threads", 1]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("peers") / "peers.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-std=gnu11", "-Wall", "-Wextra", "-pedantic", "-Werror",
         "-I", ROOT / "include", ROOT / "Tests" / "CABI" / "peers_library.c", "-o", path,
         "-pthread"],
        check=True, capture_output=True, text=True)
    return path


def together(library, count, *command, **variables):
    """What each process printed and how it ended, by rank."""
    processes = [
        start(
            "cifar", *command, "--peers", library,
            env={**os.environ, "PEERS_FILE": "room", "PEERS_RANK": str(rank),
                 "PEERS_COUNT": str(count),
                 **{name: str(value(rank)) for name, value in variables.items()}})
        for rank in range(count)
    ]
    ends = [(*process.communicate(timeout=300), process.returncode) for process in processes]
    if os.path.exists("room"):
        os.unlink("room")
    return ends


def weights(name):
    model = cifar.Model.from_run(name, "last")
    return {key: value.tobytes() for key, value in model.state_dict().items()}


def test_the_bits_of_one(workplace, library):
    run("cifar", "train", *DATA, "--name", "alone")
    first, second = together(library, 2, "train", *DATA, "--name", "both")
    assert first[0].count("epoch ") == 2 and first[1:] == ("0 has left\n", 0)
    assert second == ("", "1 has left\n", 0)
    assert weights("both") == weights("alone")
    again, other = together(library, 2, "rerun", "both", "--name", "again")
    assert "All 2 epochs have the same losses and accuracies as before, to the bit." in again[0]
    assert other == ("", "1 has left\n", 0)
    run("cifar", "resume", "alone", "--epochs", 3)
    together(library, 2, "resume", "both", "--epochs", "3")
    assert weights("both") == weights("alone")
    assert len(cifar.Registry().runs()) == 3


def test_seeds(workplace, library):
    arguments = ["train", *DATA, "--seeds", "1,2", "--group", "shared"]
    first, second = together(library, 2, *arguments)
    assert first[2] == second[2] == 0 and second[0] == ""
    assert [row["status"] for row in cifar.Registry().runs()] == ["completed"] * 2
    # There is nothing left to do.
    first, second = together(library, 2, *arguments)
    assert first[2] == second[2] == 0 and first[0].count("is completed") == 2


@pytest.mark.parametrize("arguments, message", [
    (["train", *DATA, "--bogus"], "unknown option --bogus"),
    (["train", "--data", "/nonsuch"], "no directory '/nonsuch'"),
    (["train", *DATA, "--optimizer", "sgd", "--learning-rate", "1e30"], "training diverged"),
])
def test_an_error_is_told_once(workplace, library, arguments, message):
    first, second = together(library, 2, *arguments)
    assert message in first[1].splitlines()[0] and first[1].endswith("0 has left\n")
    assert second[:2] == ("", "1 has left\n")
    assert first[2] == second[2] != 0


def test_what_one_alone_can_not(workplace, library):
    """A process that fails names itself through process 0."""
    processes = []
    for rank, data in enumerate(["shapes", "/nonsuch"]):
        processes.append(start(
            "cifar", "train", *DATA[2:], "--data", data, "--peers", library, "--name", "one",
            env={**os.environ, "PEERS_FILE": "room", "PEERS_RANK": str(rank), "PEERS_COUNT": "2"}))
    (out, errors, code), other = [
        (*process.communicate(timeout=300), process.returncode) for process in processes]
    assert code == 1
    assert "cifar: process 1 of 2 ended the training: no directory '/nonsuch'" in errors
    assert other == ("", "1 has left\n", 1)
    assert cifar.Registry().run("one")["status"] == "failed"


@pytest.mark.parametrize("exchange", [1, 3, 30])
def test_an_exchange_fails(workplace, library, exchange):
    ends = together(
        library, 2, "train", *DATA, "--name", "cut", PEERS_FAIL=lambda rank: exchange)
    for rank, (out, errors, code) in enumerate(ends):
        assert f"process {rank} of 2 can't reach the others: the cable is unplugged" in errors
        assert code == 1
    row, = cifar.Registry().runs()
    # The first is before the training is everybody's.
    assert row["status"] == ("interrupted" if exchange == 1 else "failed")


def test_libraries_that_are_none(workplace, library):
    for path, message in [
        ("nothing.so", "cannot open shared object file"),
        (BUILD / "lib" / "libcifar.so", "has no cifar_peers_open, which cifar_peers.h describes"),
    ]:
        ended = run("cifar", "train", *DATA, "--peers", path, expect=1)
        assert message in ended.stderr_text and ended.stderr_text.count("\n") == 1
    (out, errors, code), = together(library, 1, "train", *DATA, PEERS_FAIL=lambda rank: "open")
    assert "can't join the other processes: the door is shut" in errors
    assert code == 1
    ended = run("cifar", "train", *DATA, "--local-batch-norm", expect=2)
    assert "--local-batch-norm is for several processes" in ended.stderr_text
