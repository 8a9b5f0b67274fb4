"""Processes that are killed, and power that fails: nothing that was told is lost."""

import shutil
import signal

from power_loss import Disk, inside_commits, inodes, read_log

def logged(scenario):
    """The steps of a scenario's command, undisturbed, and the names of the files before them by the
    inodes' numbers. The command runs once."""
    if scenario.log is None:
        scenario.log = run_logged(scenario)
    return scenario.log


def run_logged(scenario):
    place = scenario.fresh()
    log = place.with_name("log")
    log.unlink(missing_ok=True)
    numbers = inodes(place)
    scenario.programs.must(*scenario.command, place=place, log=log)
    steps = read_log(log)
    log.unlink()
    return steps, numbers


def change_numbers(steps):
    """The numbers that the interposer counts by, from 1, by the indices of the steps."""
    changes = [index for index, step in enumerate(steps) if step[0] != "M"]
    return {index: number + 1 for number, index in enumerate(changes)}


class Kill:
    """SIGKILL at a call that changes something: before it, after it, or within a write."""

    name = "kill"
    also = ("train-large",)

    def __init__(self, count, in_commit):
        """- count, in_commit: instants of each command, and how many more of them in a commit."""
        self.count, self.in_commit = count, in_commit

    def cases(self, scenario, generator):
        steps, _ = logged(scenario)
        numbers = change_numbers(steps)
        inside = [numbers[index] for index in inside_commits(steps)]
        count, in_commit = (-(-number // scenario.share) for number in [self.count, self.in_commit])
        chosen = generator.choices(range(1, len(numbers) + 1), k=count)
        if inside:
            chosen += generator.choices(inside, k=in_commit)
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
    also = ("train-large",)

    def __init__(self, count):
        """- count: instants of each command; commands that write one file have fewer calls."""
        self.count = count

    def cases(self, scenario, generator):
        steps, _ = logged(scenario)
        for _ in range(-(-self.count // scenario.share)):
            yield generator.randint(0, len(steps)), generator.randrange(1 << 32)

    def run(self, scenario, case):
        instant, seed = case
        steps, numbers = logged(scenario)
        disk = Disk(scenario.template, numbers)
        for step in steps[:instant]:
            disk.apply(step)
        place = scenario.fresh()
        shutil.rmtree(place)
        disk.lose(place, seed)
        scenario.examine(disk.said, seed % 2 == 0)


