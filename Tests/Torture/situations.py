"""What happens to processes: two at once, clocks that jump, ids that come back, locks that are not
there."""

import json
import signal
import sqlite3
import subprocess
import time

import crashes
from crowd import Crowd
from power_loss import inside_commits
from scenarios import EPOCHS, training


def kinds(scale):
    def times(number):
        return max(1, round(number * scale))

    return [
        TwoResumes(times(40)), Stopped(times(20)), Clock(), Identity(), NoLocks(),
        Crowd(times(300)),
    ]


class TwoResumes:
    """Of two that resume a run at once, one does and the other is told."""

    name = "two-resumes"
    commands = ("resume",)

    def __init__(self, count):
        self.count = count

    def cases(self, scenario, generator):
        for number in range(self.count):
            # Within the time that a command takes to open the registry.
            yield number, generator.randint(0, 30)

    def run(self, scenario, case):
        _, delay = case
        place = scenario.fresh()
        first = scenario.programs.start(*scenario.command, place=place)
        time.sleep(delay / 1000)
        second = scenario.programs.start(*scenario.command, place=place)
        said = []
        for process in (first, second):
            output, errors = process.communicate(timeout=120)
            said.append((process.returncode, output, errors))
        codes = sorted(code for code, _, _ in said)
        if codes == [0, 1]:
            (loser,) = [one for one in said if one[0] == 1]
            assert "running" in loser[2] or "taken over" in loser[2], f"{loser}"
        else:
            # The second came when the first was through.
            assert codes == [0, 0], f"{said}"
        winner = max((output for code, output, _ in said if code == 0), key=len)
        scenario.examine(winner, is_done=True)


class Stopped:
    """A process that stands still within a commit keeps its locks, and continues later."""

    name = "stopped"
    commands = ("train", "resume", "gc", "import", "migrate-2")

    def __init__(self, count):
        self.count = count

    def cases(self, scenario, generator):
        steps, _ = crashes.logged(scenario)
        numbers = crashes.change_numbers(steps)
        inside = [numbers[index] for index in inside_commits(steps)]
        for number in sorted(generator.choices(inside, k=self.count)):
            yield number, generator.choice(["before", "after"])

    def run(self, scenario, case):
        number, mode = case
        place = scenario.fresh()
        process = scenario.programs.start(*scenario.command, place=place, stop=f"{number}:{mode}")
        try:
            wait_until_stopped(process)
            shell = subprocess.run(
                ["sqlite3", place / "runs.db", "PRAGMA integrity_check"], capture_output=True,
                text=True)
            answers = shell.stdout.strip() + shell.stderr.strip()
            assert answers == "ok" or "locked" in answers, answers
        finally:
            process.send_signal(signal.SIGCONT)
            output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, f"{process.returncode} {output} {errors}"
        scenario.examine(output, is_done=True)


def wait_until_stopped(process):
    """Or until it has ended."""
    for _ in range(6000):
        with open(f"/proc/{process.pid}/stat") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        if state in "TtZ":
            return
        time.sleep(0.005)
    raise AssertionError("the process does not stop")


class Clock:
    """A clock that jumps while a command works, and one that is never right."""

    name = "clock"
    day, years = 86400, 315360000

    def cases(self, scenario, generator):
        for jump in [-self.years, -self.day, 3600, self.years]:
            for number in [1, generator.randint(2, 12), generator.randint(13, 80)]:
                yield (f"{number}:{jump}",)
        for seed in range(3):
            yield (f"wild:{seed}",)

    def run(self, scenario, case):
        (clock,) = case
        scenario.fresh()
        outcome = scenario.programs.run(*scenario.command, place=scenario.place, clock=clock)
        assert outcome.code == 0, f"{outcome}"
        scenario.examine(outcome.output, is_done=True)


class NoLocks:
    """A file system without locks is named as that, and at once."""

    name = "no-locks"

    def cases(self, scenario, generator):
        yield ("ENOLCK",)

    def run(self, scenario, case):
        place = scenario.fresh()
        start = time.monotonic()
        outcome = scenario.programs.run(
            *scenario.command, place=place, fail=f"lock:1:{case[0]}:on")
        seconds = time.monotonic() - start
        assert outcome.code == 1 and "lock" in outcome.errors, f"{outcome}"
        assert "check the disk" not in outcome.errors and str(place) in outcome.errors, f"{outcome}"
        assert seconds < 5, f"after {seconds:.1f} s"
        scenario.examine("")


class Identity:
    """Who is alive: process ids used again, other names, other boots, restarted containers."""

    name = "identity"
    commands = ("trained",)
    boot = "11111111-2222-3333-4444-555555555555"

    def cases(self, scenario, generator):
        for name in [
            "process_id_used_again", "process_id_zero", "host_renamed", "cloned_machine",
            "restarted_machine", "restarted_container",
        ]:
            yield (name,)

    def run(self, scenario, case):
        getattr(self, case[0])(scenario)

    def started(self, scenario, **torture):
        """A run under way that has stored an epoch."""
        scenario.fresh()
        process = scenario.programs.start(
            *training("live", 10000), place=scenario.place, **torture)
        for line in process.stdout:
            if line.split("/")[0].split() == ["epoch", "2"]:
                return process
        raise AssertionError(f"no epoch: {process.communicate()[1]}")

    def killed(self, scenario, **torture):
        process = self.started(scenario, **torture)
        process.kill()
        process.communicate()

    def show(self, scenario, **torture):
        shown = scenario.programs.must(
            "cifar-runs", "show", "live", "--json", place=scenario.place, **torture)
        return json.loads(shown.output)

    def status(self, scenario, **torture):
        return self.show(scenario, **torture)["status"]

    def resume(self, scenario, *options, **torture):
        epochs = len(self.show(scenario)["epochs"]) + 2
        return scenario.programs.run(
            "cifar", "resume", "live", "--epochs", epochs, "--threads", 2, *options,
            place=scenario.place, **torture)

    def edit(self, scenario, sql, *values):
        database = sqlite3.connect(scenario.place / "runs.db")
        with database:
            database.execute(sql, values)
        database.close()

    def grow_old(self, scenario, age):
        self.edit(
            scenario, "UPDATE sessions SET heartbeat = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?) "
            "WHERE status = 'running'", f"-{age}")

    def process_id_used_again(self, scenario):
        self.killed(scenario)
        other = subprocess.Popen(["sleep", "100"])
        try:
            self.edit(scenario, "UPDATE sessions SET pid = ? WHERE status = 'running'", other.pid)
            assert self.status(scenario) == "crashed"
            outcome = self.resume(scenario)
            assert outcome.code == 0, f"{outcome}"
        finally:
            other.kill()
            other.wait()

    def process_id_zero(self, scenario):
        """Which no process has: silence tells, or a person."""
        self.killed(scenario)
        self.edit(scenario, "UPDATE sessions SET pid = 0 WHERE status = 'running'")
        outcome = self.resume(scenario)
        assert outcome.code == 1 and "--take-over" in outcome.errors, f"{outcome}"
        self.grow_old(scenario, "40 minutes")
        assert self.status(scenario) == "crashed"
        outcome = self.resume(scenario)
        assert outcome.code == 0, f"{outcome}"

    def host_renamed(self, scenario):
        process = self.started(scenario, host="alpha")
        try:
            assert self.status(scenario, host="beta") == "running"
            outcome = self.resume(scenario, host="beta")
            assert outcome.code == 1 and "running" in outcome.errors, f"{outcome}"
        finally:
            process.kill()
            process.communicate()
        assert self.status(scenario, host="beta") == "crashed"
        outcome = self.resume(scenario, host="beta")
        assert outcome.code == 0, f"{outcome}"

    def cloned_machine(self, scenario):
        """The same host name and another boot is no sign of death while there are heartbeats."""
        process = self.started(scenario, boot=self.boot)
        try:
            assert self.status(scenario) == "running"
            for command in [["cifar", "resume", "live"], ["cifar-runs", "rm", "live", "--yes"]]:
                outcome = scenario.programs.run(*command, place=scenario.place)
                assert outcome.code == 1 and "running" in outcome.errors, f"{outcome}"
            assert process.poll() is None, "the live training was ended"
        finally:
            process.kill()
            process.communicate()

    def restarted_machine(self, scenario):
        """Another boot, and no heartbeat for long: it is dead, though half an hour is not over."""
        self.killed(scenario, boot=self.boot)
        self.grow_old(scenario, "10 minutes")
        assert self.status(scenario) == "crashed"
        outcome = self.resume(scenario)
        assert outcome.code == 0, f"{outcome}"

    def restarted_container(self, scenario):
        """Nobody can tell whether a process of another container lives: a person can."""
        self.killed(scenario, namespace="pid:[1]", boot=self.boot, host="a-container")
        outcome = self.resume(scenario)
        assert outcome.code == 1 and "--take-over" in outcome.errors, f"{outcome}"
        outcome = self.resume(scenario, "--take-over")
        assert outcome.code == 0, f"{outcome}"
        look = scenario.look()
        assert look.runs["live"]["status"] == "completed", look.runs["live"]
