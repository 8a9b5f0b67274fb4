"""`cifar-mpi`: the bits of one process, and what happens when processes end."""

import os
import random
import signal
import sys
import time

import cifar
import pytest
from conftest import (
    DATA, ROOT, cifar_command, epochs, finish, losses, metrics, ranks, run, start, status, train,
    wait_until, weights,
)


# Nothing but the number of its epochs ends a training.
PATIENT = ["--early-stopping", "off"]


@pytest.mark.parametrize("options", [
    ["--precision", "float32"],
    ["--precision", "mixed_bfloat16"],
    ["--augment", "mixup", "--augment", "cutmix", "--validation-split", "0.2", "--tta", "mirror"],
], ids=["float32", "mixed_bfloat16", "mixed images"])
def test_the_bits_of_one_process(options):
    train("train", *DATA, "--epochs", 2, "--name", "alone", *options)
    for processes in 1, 2, 4:
        name = f"by {processes}"
        ended = train("train", *DATA, "--epochs", 2, "--name", name, *options, processes=processes)
        assert weights(name) == weights("alone")
        assert losses(name) == losses("alone")
        assert metrics(name) == metrics("alone")
        # One of them talks.
        assert ended.out.count("epoch 2/2") == 1
        assert ended.err == ""
        session, = cifar.Registry().sessions(name)
        assert session["environment"]["peers"]["count"] == processes


def test_seeds():
    run(*cifar_command("train", *DATA, "--epochs", 1, "--seeds", "1,2", "--group", "alone"))
    arguments = ["train", *DATA, "--epochs", 1, "--seeds", "1,2", "--group", "shared"]
    train(*arguments, processes=2)
    again = train(*arguments, processes=2)
    assert again.out.count("is completed") == 2
    runs = cifar.Registry().runs()
    assert len(runs) == 4
    for seed in 1, 2:
        one, other = (
            run["id"] for run in runs
            if cifar.Registry().run(run["id"])["hyperparameters"]["seed"] == seed)
        assert weights(one) == weights(other)


def test_rerun_and_local_batch_norm():
    train("train", *DATA, "--epochs", 1, "--name", "first")
    ended = train("rerun", "first", "--name", "again", processes=2)
    assert "to the bit" in ended.out
    train("train", *DATA, "--epochs", 1, "--local-batch-norm", "--name", "local", processes=2)
    assert weights("local") != weights("first")
    session, = cifar.Registry().sessions("local")
    assert session["environment"]["peers"]["batch_norm"] == "local"


@pytest.mark.parametrize("arguments, message", [
    (["train", "--bogus"], "unknown option --bogus"),
    (["train", "--data", "/nonsuch"], "no directory '/nonsuch'"),
    (["resume", "nobody"], "there is no run registry"),
    (["train", *DATA, "--learning-rate", "1e30", "--optimizer", "sgd"], "diverged"),
])
def test_an_error_is_told_once(arguments, message):
    ended = train(*arguments, processes=3, expect=1 if arguments[-1] != "--bogus" else 2)
    assert ended.out.count("epoch") == 0
    assert [line for line in ended.err.splitlines() if message in line and "cifar" in line[:5]], (
        ended.err)
    assert ended.err.count(message) == 1


def test_a_signal_to_one_stops_all():
    train("train", *DATA, "--epochs", 12, *PATIENT, "--name", "whole")
    mpirun = start(*cifar_command(
        "train", *DATA, "--epochs", 12, *PATIENT, "--name", "cut", processes=2))
    wait_until(lambda: epochs("cut") >= 1, mpirun)
    os.kill(ranks()[1], signal.SIGTERM)
    ended = finish(mpirun)
    assert ended.returncode != 0
    assert "Interrupted. Continue with: cifar resume" in ended.err
    assert status("cut") == "interrupted"
    train("resume", "cut", processes=4)
    assert weights("cut") == weights("whole")


def test_twenty_kills():
    """A run goes on, on other numbers of processes, each time that one of them is killed."""
    chance = random.Random(19)
    name = "killed"
    gone = 0
    for number in range(20):
        processes = chance.choice([2, 4])
        victim = chance.randrange(processes)
        arguments = (
            ["resume", name] if number > 0
            else ["train", *DATA, "--epochs", 2000, *PATIENT, "--name", name])
        before = epochs(name)
        mpirun = start(*cifar_command(*arguments, processes=processes))
        wait_until(lambda: len(ranks()) == processes, mpirun)
        if number == 0 or chance.random() < 0.7:
            wait_until(lambda: epochs(name) > before, mpirun)
        time.sleep(chance.random() / 5)
        os.kill(ranks()[victim], signal.SIGKILL)
        ended = finish(mpirun)
        assert ended.returncode != 0
        assert f"process rank {victim} " in ended.err and "signal 9" in ended.err, ended.err
        gone += f"process {victim} of {processes} is gone" in ended.err
        # mpirun does not wait for all that it kills.
        wait_until(lambda: status(name) != "running")
        assert status(name) in ("crashed", "failed")
    # mpirun ends the others, too: now and then before one of them has noticed.
    assert gone >= 10
    more = epochs(name) + 2
    train("resume", name, "--epochs", more)
    train("train", *DATA, "--epochs", more, *PATIENT, "--name", "whole")
    assert losses(name) == losses("whole")
    assert weights(name) == weights("whole")
    run(ROOT / "build" / "bin" / "cifar-runs", "verify")


def example(name, *launcher):
    ended = run(*launcher, ROOT / "bindings" / "python" / "examples" / name)
    ends = sorted(line for line in ended.out.splitlines() if line.startswith("process "))
    assert [line.split(":")[0] for line in ends] == ["process 0", "process 1"]
    assert len({line.split(": ")[1] for line in ends}) == 1


def test_mpi4py():
    example("parallel_mpi.py", "mpirun", "-n", 2, sys.executable)


def test_torch():
    pythons = [sys.executable, ROOT / ".venv-interop" / "bin" / "python"]
    python = next((
        python for python in pythons
        if os.path.exists(python)
        and start(python, "-c", "import torch").wait() == 0), None)
    if python is None:
        pytest.skip("PyTorch is not installed: make test-interop installs it")
    example("parallel_torch.py", python, "-m", "torch.distributed.run", "--nproc-per-node", 2)


def can_make_namespaces():
    return os.geteuid() == 0 and start("unshare", "--net", "--uts", "true").wait() == 0


NAMESPACES = ROOT / "Tests" / "MPI" / "namespaces"
over_a_network = pytest.mark.skipif(
    not can_make_namespaces(), reason="network namespaces take root, and rights in a container")


@over_a_network
def test_machines(workplace):
    """Three machines that are a millisecond apart, over TCP: the bits do not tell."""
    arguments = ["train", *DATA, "--epochs", 2, "--registry", workplace / "runs.db"]
    train(*arguments, "--name", "alone")
    train(*arguments, "--name", "three", processes=3)
    for name, hosts, same in ("one each", "1,1,1", "three"), ("two, one, one", "2,1,1", "alone"):
        ended = run(
            NAMESPACES, hosts, ROOT / "build" / "bin" / "cifar-mpi", *arguments, "--name", name)
        print(ended.err)
        assert weights(name) == weights(same)
        assert losses(name) == losses(same)
        session, = cifar.Registry().sessions(name)
        assert len(set(session["environment"]["peers"]["hosts"])) == 3


@over_a_network
@pytest.mark.parametrize("victim", [0, 2])
def test_a_kill_on_another_machine(victim):
    mpirun = start(
        NAMESPACES, "1,1,1", ROOT / "build" / "bin" / "cifar-mpi", "train", *DATA, "--epochs", 2000,
        *PATIENT, "--name", "killed", "--registry", os.path.abspath("runs.db"))
    wait_until(lambda: epochs("killed") >= 1, mpirun)
    os.kill(ranks()[victim], signal.SIGKILL)
    ended = finish(mpirun)
    assert ended.returncode != 0
    assert f"process rank {victim} " in ended.err and "signal 9" in ended.err, ended.err
    wait_until(lambda: not ranks())
    assert status("killed") in ("crashed", "failed")
    more = epochs("killed") + 1
    train("resume", "killed", "--epochs", more, processes=3)
    train("train", *DATA, "--epochs", more, *PATIENT, "--name", "whole", processes=3)
    assert weights("killed") == weights("whole")


def test_what_is_no_library_of_peers(workplace):
    for library, message in [
        ("nothing.so", "cannot open shared object file"),
        (ROOT / "build" / "lib" / "libcifar.so", "has no cifar_peers_open"),
    ]:
        ended = run(*cifar_command("train", *DATA, "--peers", library), expect=1)
        assert message in ended.err
        assert ended.err.count("\n") == 1
