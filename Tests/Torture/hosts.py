"""A program that calls the library and continues living: `fail_calls.c`."""

import re
import subprocess
import sys
from pathlib import Path

from programs import ROOT

sys.path.append(str(ROOT / "Tests" / "CABI"))

from failures import ERRORS  # noqa: E402
from kill_at_random import torture as kill_trainings  # noqa: E402


def compiled(directory):
    program = Path(directory) / "fail_calls"
    libraries = ROOT / "build" / "lib"
    subprocess.run(
        ["cc", "-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation",
         "-I", ROOT / "include", Path(__file__).with_name("fail_calls.c"), "-o", program,
         "-L", libraries, "-lcifar", "-ldl", "-pthread", f"-Wl,-rpath,{libraries}"],
        check=True, capture_output=True, text=True,
    )
    return program


class Host:
    """The n-th call fails within a host: it lives, nothing leaks, the next training succeeds."""

    name = "failing-host"
    commands = ("trained",)

    def __init__(self, every):
        """- every: one of this many calls is tried, of writes one of ten times as many."""
        self.every = every

    def cases(self, scenario, generator):
        for call, errors in ERRORS.items():
            for error in errors:
                many = 10 if call in ("pwrite", "any", "lock") else 1
                yield call, error, self.every * many

    def run(self, scenario, case):
        call, error, every = case
        error, _, on = error.partition(":")
        place = scenario.place.with_name("host")
        place.mkdir(exist_ok=True)
        program = place.with_name("fail_calls")
        if not program.exists():
            compiled(place.parent)
        done = subprocess.run(
            [program, place, call, error, str(every), *([on] if on else [])],
            capture_output=True, text=True, timeout=7200)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
        tried = int(re.search(r": (\d+) of \d+ calls failed", done.stdout)[1])
        return None, tried


class KillAtRandom:
    """SIGKILL at random times of a training, again and again, until it is through."""

    name = "kill-at-random"
    commands = ("trained",)

    def __init__(self, count):
        self.count = count

    def cases(self, scenario, generator):
        half = self.count // 2
        yield half, generator.randrange(1000)
        yield self.count - half, generator.randrange(1000)

    def run(self, scenario, case):
        count, seed = case
        place = scenario.place.with_name(f"kills-{seed}")
        place.mkdir()
        kills, finished, left = kill_trainings(count, seed, place)
        assert kills == count and finished
        return f"{finished} runs resumed to the same bits after {kills} kills", kills
