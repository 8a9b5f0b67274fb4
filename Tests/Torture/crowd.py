"""Many processes on one registry: nothing is lost, and nobody waits for long."""

import json
import random
import subprocess
import threading
import time

from programs import read_counts
from scenarios import EPOCHS, training

WRITERS, READERS = 8, 4
# Seconds that anybody may wait for a lock.
LONGEST = 1.0
# Syncs of one commit. Where the disk stalls, who waits for the lock waits for the disk as well: the
# longest sync that was seen is added this many times. A quiet disk adds about a tenth of a second.
SYNCS = 5
BYTES = ["pending", "reserved", "shared"]


class Crowd:
    """Eight that train, four that read, one that removes and collects, one that copies."""

    name = "crowd"
    commands = ("trained",)

    def __init__(self, seconds):
        self.seconds = seconds

    def cases(self, scenario, generator):
        yield (self.seconds,)

    def run(self, scenario, case):
        (seconds,) = case
        crowd = Gathering(scenario, seconds)
        crowd.gather()
        note = crowd.note()
        assert not crowd.problems, f"{len(crowd.problems)} problems, {crowd.problems[:3]}; {note}"
        crowd.examine()
        limit = LONGEST + SYNCS * max(crowd.syncs.values())
        slow = {role: wait for role, wait in crowd.longest.items() if wait > limit}
        assert not slow, f"waited too long; {note}"
        return note, sum(crowd.commands.values())


class Gathering:
    def __init__(self, scenario, seconds):
        self.scenario, self.programs = scenario, scenario.programs
        self.place = scenario.fresh()
        self.end = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.problems = []
        self.commands = {}
        # Seconds, by role: the longest wait for one lock, and the longest command.
        self.longest, self.slowest = {}, {}
        self.syncs, self.holds = {}, {}
        # Commands that waited too long, by role and lock.
        self.late = {}
        self.whole, self.removed = [], set()

    def gather(self):
        threads = [threading.Thread(target=self.train, args=[n]) for n in range(WRITERS)]
        threads += [threading.Thread(target=self.read, args=[n]) for n in range(READERS)]
        threads += [threading.Thread(target=self.collect)]
        if self.programs.run("cifar-runs", "backup", "--help", place=self.place).code == 0:
            threads += [threading.Thread(target=self.copy)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def do(self, role, *command, expected=(0,)):
        counts = self.place.parent / f"counts-{threading.get_ident()}"
        start = time.monotonic()
        try:
            outcome = self.programs.run(*command, place=self.place, counts=counts)
        except AssertionError as problem:
            with self.lock:
                self.problems.append(str(problem))
            return None
        seconds = time.monotonic() - start
        found = read_counts(counts)
        wait, byte = found["longest_wait"] / 1e9, found["longest_byte"]
        counts.unlink()
        with self.lock:
            self.commands[role] = self.commands.get(role, 0) + 1
            if wait > LONGEST:
                self.late[role, BYTES[byte]] = self.late.get((role, BYTES[byte]), 0) + 1
            self.syncs[role] = max(self.syncs.get(role, 0), found["longest_sync"] / 1e9)
            self.holds[role] = max(self.holds.get(role, 0), found["longest_hold"] / 1e9)
            self.longest[role] = max(self.longest.get(role, 0), wait)
            self.slowest[role] = max(self.slowest.get(role, 0), seconds)
            if outcome.code not in expected:
                self.problems.append(f"{' '.join(map(str, command))}: {outcome}")
                return None
        return outcome

    def train(self, number):
        count = 0
        while time.monotonic() < self.end:
            name = f"writer-{number}-{count}"
            count += 1
            first = self.do("train", *training(name, 2))
            if not first:
                continue
            if self.do("train", "cifar", "resume", name, "--epochs", EPOCHS, "--threads", 2):
                with self.lock:
                    self.whole.append(name)

    def read(self, number):
        generator = random.Random(number)
        while time.monotonic() < self.end:
            with self.lock:
                known = [name for name in self.whole if name not in self.removed]
            look = generator.choice(["list", "show", "metrics", "verify"])
            if look == "list" or not known:
                outcome = self.do("read", "cifar-runs", "list", "--json", "--all")
                if outcome:
                    found = {row["name"] for row in json.loads(outcome.output)}
                    with self.lock:
                        lost = set(known) - found - self.removed
                        if lost:
                            self.problems.append(f"{lost} are not listed")
            elif look == "verify":
                self.do("verify", "cifar-runs", "verify")
            else:
                # The run may just have been removed.
                outcome = self.do(
                    "read", "cifar-runs", look, generator.choice(known), "--json", expected=(0, 1))
                if outcome and outcome.code == 1 and "no run" not in outcome.errors:
                    with self.lock:
                        self.problems.append(f"{look}: {outcome}")

    def collect(self):
        while time.monotonic() < self.end:
            time.sleep(0.3)
            with self.lock:
                known = [name for name in self.whole if name not in self.removed]
                gone = known[:-WRITERS]
                self.removed.update(gone)
            for name in gone:
                self.do("rm", "cifar-runs", "rm", name, "--yes")
            self.do("gc", "cifar-runs", "gc", "--yes")

    def copy(self):
        target = self.place / "copy.db"
        while time.monotonic() < self.end:
            if self.do("backup", "cifar-runs", "backup", target):
                shell = subprocess.run(
                    ["sqlite3", target, "PRAGMA integrity_check"], capture_output=True, text=True)
                if shell.stdout.strip() != "ok":
                    with self.lock:
                        self.problems.append(f"a copy: {shell.stdout} {shell.stderr}")
            target.unlink(missing_ok=True)

    def examine(self):
        look = self.scenario.look()
        kept = [name for name in self.whole if name not in self.removed]
        assert set(look.runs) == {"run", *kept}, set(look.runs) ^ {"run", *kept}
        for name in kept:
            assert look.runs[name]["status"] == "completed", look.runs[name]
            assert look.epochs(name) == EPOCHS
        for name in kept[:20]:
            assert look.last(name) == self.scenario.expected, f"other bits in {name}"

    def note(self):
        late = "".join(
            f"; {count} {role} too long for the {byte} lock"
            for (role, byte), count in sorted(self.late.items()))
        return ", ".join(
            f"{self.commands[role]} {role} (waited {1000 * self.longest[role]:.0f} ms at most, "
            f"held the file for {1000 * self.holds[role]:.0f} ms, a sync took "
            f"{1000 * self.syncs[role]:.0f} ms, slowest {self.slowest[role]:.1f} s)" for role in sorted(self.commands)) + late
