"""Processes that are killed, and power that fails: nothing that was told is lost."""

import shutil
import signal

from power_loss import Disk, inside_commits, inodes, read_log

def logged(scenario):
    """The steps of a scenario's command, undisturbed, and the disk before them."""
    place = scenario.fresh()
    log = place.with_name("log")
    log.unlink(missing_ok=True)
    numbers = inodes(place)
    scenario.programs.must(*scenario.command, place=place, log=log)
    steps = read_log(log)
    log.unlink()
    return steps, Disk(scenario.template, numbers)


def change_numbers(steps):
    """The numbers that the interposer counts by, from 1, by the indices of the steps."""
    changes = [index for index, step in enumerate(steps) if step[0] != "M"]
    return {index: number + 1 for number, index in enumerate(changes)}


class Kill:
    """SIGKILL at a call that changes something: before it, behind it, or in the middle of a write."""

    name = "kill"

    def __init__(self, count, in_commit):
        """- count, in_commit: instants of each command, and how many more of them in a commit."""
        self.count, self.in_commit = count, in_commit

    def cases(self, scenario, generator):
        steps, _ = logged(scenario)
        numbers = change_numbers(steps)
        inside = [numbers[index] for index in inside_commits(steps)]
        chosen = generator.choices(range(1, len(numbers) + 1), k=self.count)
        if inside:
            chosen += generator.choices(inside, k=self.in_commit)
        for number in sorted(chosen):
            yield number, generator.choice(["before", "half", "after"])

    def run(self, scenario, case):
        number, mode = case
        scenario.fresh()
        outcome = scenario.programs.run(
            *scenario.command, place=scenario.place, kill=f"{number}:{mode}")
        # Threads take turns otherwise each time: it may be through before.
        assert outcome.code in (-signal.SIGKILL, 0), f"{outcome}"
        scenario.examine(outcome.output, number % 2 == 0, is_done=outcome.code == 0)


class PowerLoss:
    """The disk as it may be after the power failed."""

    name = "power-loss"

    def __init__(self, count):
        """- count: instants of each command; commands that write one file have fewer calls."""
        self.count = count
        self.logs = {}

    def log(self, scenario):
        if scenario.name not in self.logs:
            steps, disk = logged(scenario)
            self.logs[scenario.name] = steps, disk
        return self.logs[scenario.name]

    def cases(self, scenario, generator):
        steps, _ = self.log(scenario)
        for _ in range(self.count):
            yield generator.randint(0, len(steps)), generator.randrange(1 << 32)

    def run(self, scenario, case):
        instant, seed = case
        steps, disk = logged(scenario)
        for step in steps[:instant]:
            disk.apply(step)
        place = scenario.fresh()
        shutil.rmtree(place)
        disk.lose(place, seed)
        scenario.examine(disk.said, seed % 2 == 0)


