"""Short forms of Tests/Torture: `make torture` tries each kind a hundred times as often."""

import random
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "Tests" / "Torture"))

import crashes  # noqa: E402
import failures  # noqa: E402
import hosts  # noqa: E402
import situations  # noqa: E402
import torture  # noqa: E402
from crowd import Crowd  # noqa: E402
from programs import Programs, interposer  # noqa: E402

SEED = 2
# Each kind, the commands that it is tried on, and how many cases, chosen by the seed.
SHORT = [
    (failures.FailingCalls(most=4), ["train", "resume", "import"], 16),
    (failures.FailingCalls(most=4), ["gc", "export", "migrate-2", "backup", "merge", "slim"], 24),
    (failures.FullDisk(most=4), ["train", "gc", "report"], 8),
    (crashes.Kill(6, 6), ["train", "rerun", "gc", "rm"], 13),
    (crashes.Kill(6, 6), ["import", "export", "migrate-1", "backup", "merge", "slim"], 14),
    (crashes.PowerLoss(20), ["train", "resume", "export"], 12),
    (crashes.PowerLoss(20), ["gc", "import", "migrate-2", "backup", "merge", "slim"], 18),
    (situations.TwoResumes(3), ["resume"], 3),
    (situations.Stopped(3), ["train", "gc"], 4),
    (situations.Clock(), ["train", "import"], 4),
    (situations.Identity(), ["trained"], 7),
    (situations.NoLocks(), ["train", "rm"], 2),
    (Crowd(8), ["trained"], 1),
]


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    directory = tmp_path_factory.mktemp("torture")
    torture.begin(interposer(directory), directory)
    return directory


@pytest.mark.parametrize(
    "kind, commands, count", SHORT,
    ids=[f"{kind.name}-{commands[0]}" for kind, commands, _ in SHORT])
def test_nothing_is_lost(worker, kind, commands, count):
    present = {place.name for place in torture.present(Programs(worker / "interpose.so"), worker)}
    cases = []
    for name in commands:
        if name in present:
            found, problem = torture.list_cases((kind, name, SEED))
            assert problem is None, problem
            cases += found
    chosen = random.Random(SEED).sample(cases, min(count, len(cases)))
    done = [torture.run_case(job) for job in chosen]
    assert [f"{title}: {problem}" for title, problem, _, _ in done if problem] == [] and done


@pytest.mark.parametrize(
    "call, error, every",
    [("sync", "EIO", 12), ("pwrite", "ENOSPC:on", 120), ("open", "EMFILE", 12), ("unlink", "EIO", 3),
     ("lock", "ENOLCK:on", 90)])
def test_a_host_goes_on(worker, call, error, every):
    hosts.Host(every).run(torture.scenario("trained"), (call, error, every))
