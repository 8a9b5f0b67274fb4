"""System calls that fail, and disks that are full: the command says so in one line, or does what it
was told all the same."""

import resource
import signal
import subprocess

from power_loss import read_log
from scenarios import fresh

# What each call may answer. `on`: this one and all after it.
ERRORS = {
    "write": ["EIO", "ENOSPC", "EINTR", "SHORT", "ENOSPC:on", "EIO:on"],
    "pwrite": ["EIO", "ENOSPC", "EINTR", "SHORT", "ENOSPC:on", "EIO:on"],
    "sync": ["EIO", "EIO:on", "ENOSPC", "EINTR"],
    "truncate": ["EIO", "EIO:on", "EINTR"],
    "open": ["EIO", "EMFILE", "ENOSPC", "EINTR", "EACCES", "EMFILE:on"],
    "unlink": ["EIO", "EIO:on", "EACCES"],
    "rename": ["EIO", "ENOSPC", "EACCES"],
    "link": ["EIO", "ENOSPC", "EACCES"],
    "lock": ["EIO", "ENOLCK", "EINTR", "ENOLCK:on"],
    "any": ["ENOSPC:on", "EIO:on"],
}


# What is no failure: the call is made again.
HARMLESS = {"write", "pwrite", "open", "truncate", "lock"}


def judge(scenario, outcome, sqlite_first, must_succeed=False):
    """The command ends by itself: with a sentence, or with what it was for. Then all is whole."""
    assert outcome.code in (0, 1), f"{outcome}"
    assert outcome.code == 0 or not must_succeed, f"{outcome}"
    if outcome.code == 1:
        lines = outcome.errors.strip().splitlines()
        assert lines and lines[-1].startswith("cifar"), f"no sentence: {outcome}"
        assert "internal" not in lines[-1], f"{outcome}"
    scenario.check_left(outcome.errors)
    scenario.examine(outcome.output, sqlite_first, is_done=outcome.code == 0)


class FailingCalls:
    """The n-th call of a kind fails."""

    name = "failing-calls"

    def __init__(self, every=1, most=None):
        """- every: tries each of this many numbers of calls. most: at most this many of one error."""
        self.every, self.most = every, most

    def cases(self, scenario, generator):
        scenario.fresh()
        counts = scenario.programs.counts(*scenario.command, place=scenario.place)
        counts["any"] = counts["changes"]
        for call, errors in ERRORS.items():
            for error in errors:
                numbers = list(range(1, counts[call] + 1))
                wanted = -(-len(numbers) // self.every)
                if self.most is not None:
                    wanted = min(wanted, self.most)
                for number in sorted(generator.sample(numbers, wanted)):
                    yield call, number, error

    def run(self, scenario, case):
        call, number, error = case
        scenario.fresh()
        outcome = scenario.programs.run(
            *scenario.command, place=scenario.place, fail=f"{call}:{number}:{error}")
        judge(
            scenario, outcome, number % 2 == 0,
            must_succeed=call in HARMLESS and error in ("EINTR", "SHORT"))


class FullDisk:
    """Files that may not grow beyond a size, at every write that would: like a full disk."""

    name = "file-size-limit"

    def __init__(self, most=None):
        self.most = most

    def cases(self, scenario, generator):
        place = scenario.fresh()
        log = place.with_name("log")
        scenario.programs.must(*scenario.command, place=place, log=log)
        # One byte less than each write needs.
        limits = {
            offset + len(data) - 1 for kind, _, offset, _, data in read_log(log) if kind == "W"}
        log.unlink()
        limits = sorted(limits)
        if self.most is not None and len(limits) > self.most:
            limits = sorted(generator.sample(limits, self.most))
        for limit in limits:
            yield (limit,)

    def run(self, scenario, case):
        (limit,) = case

        def restrict():
            # Without this the kernel ends the process instead of failing the write.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        scenario.fresh()
        outcome = scenario.programs.run(
            *scenario.command, place=scenario.place, preexec_fn=restrict)
        judge(scenario, outcome, limit % 2 == 0)


class SmallDisk:
    """A file system of this many pages. Needs the right to mount."""

    name = "small-disk"

    def __init__(self, most=None):
        self.most = most

    def cases(self, scenario, generator):
        place = scenario.fresh()
        start = pages(place)
        scenario.programs.must(*scenario.command, place=place)
        # The journal needs room, too.
        numbers = list(range(start, 2 * pages(place) + 8))
        if self.most is not None and len(numbers) > self.most:
            numbers = sorted(generator.sample(numbers, self.most))
        for number in numbers:
            yield (number,)

    def run(self, scenario, case):
        (number,) = case
        place = scenario.fresh()
        fresh(scenario.template, place.with_name("kept"))
        mount(f"size={number * 4096},mode=755", place)
        try:
            subprocess.run(["cp", "-a", f"{scenario.template}/.", place], capture_output=True)
            (place / "tmp").mkdir(exist_ok=True)
            outcome = scenario.programs.run(*scenario.command, place=place)
            mount("remount,size=100m", place)
            judge(scenario, outcome, number % 2 == 0)
        finally:
            subprocess.run(["umount", place], check=True)


def pages(place):
    files = [path for path in place.rglob("*") if path.is_file()]
    return sum(-(-path.stat().st_size // 4096) for path in files) + len(list(place.rglob("*"))) + 1


def mount(options, place):
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True, capture_output=True)
