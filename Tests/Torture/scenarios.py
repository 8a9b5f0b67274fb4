"""What commands do to a directory, and how one knows that nothing was lost by it."""

import csv
import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

from programs import ROOT, fresh

EPOCHS = 4
MODEL = [
    {"type": "conv2d", "filters": 8}, {"type": "batch_norm"}, {"type": "relu"},
    {"type": "max_pool"}, {"type": "dropout", "rate": 0.1}, {"type": "global_average_pool"},
    {"type": "dense", "units": 10},
]
TRAIN = [
    "cifar", "train", "--data", "shapes", "--limit-train", 32, "--limit-test", 16, "--batch-size",
    16, "--threads", 2, "--seed", 3, "--early-stopping", "off", "--model", "model.json",
]
FIXTURES = ROOT / "Tests" / "CifarRegistryTests" / "Fixtures"
# What the clock decides.
TIMES = {"train_seconds", "epoch_seconds"}


def training(name, epochs, *options):
    return [*TRAIN, "--name", name, "--epochs", epochs, *options]


def checkpoint(data):
    """What a checkpoint's file says, without what the clock decides; fails for half a file."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    metadata = header["__metadata__"]
    state = json.loads(metadata["state"])
    metadata["state"] = {key: value for key, value in state.items() if key not in TIMES}
    ends = [value["data_offsets"][1] for key, value in header.items() if key != "__metadata__"]
    assert len(data) == 8 + size + max(ends), "a checkpoint's file has another length than it says"
    return header, hashlib.sha256(data[8 + size:]).hexdigest()


class Look:
    """A registry after something has happened to it: it opens, and is whole."""

    def __init__(self, programs, place, name="runs.db", sqlite_first=True):
        self.programs, self.place = programs, Path(place)
        self.path = self.place / name
        self.runs = {}
        self.exists = self.path.exists()
        if self.exists and sqlite_first:
            self.ask_sqlite()
        listing = programs.run(
            "cifar-runs", "list", "--json", "--all", "--registry", self.path, place=place)
        if listing.code == 1 and any(words in listing.errors for words in [
                "no run was ever recorded", "there is no run registry"]):
            self.is_empty = True
            return
        assert listing.code == 0, f"list: {listing}"
        self.is_empty = False
        self.runs = {row["name"] or row["id"]: row for row in json.loads(listing.output)}
        verified = programs.run("cifar-runs", "verify", "--registry", self.path, place=place)
        assert verified.code == 0, f"verify: {verified}"
        self.ask_sqlite()

    def ask_sqlite(self):
        shell = subprocess.run(
            ["sqlite3", self.path, "PRAGMA integrity_check; PRAGMA foreign_key_check"],
            capture_output=True, text=True,
        )
        said = (shell.returncode, shell.stdout.strip(), shell.stderr.strip())
        assert said == (0, "ok", ""), f"sqlite3: {said}"

    def tell(self, *command, **more):
        return self.programs.must(*command, "--registry", self.path, place=self.place, **more)

    def last(self, run, which="last"):
        """What the last checkpoint of a run says."""
        file = self.place / "tmp" / "looked.safetensors"
        file.unlink(missing_ok=True)
        self.tell("cifar", "export", run, "--format", "checkpoint", "--checkpoint", which, "-o", file)
        return checkpoint(file.read_bytes())

    def epochs(self, run):
        """The epochs of a run that have a row, which begin at 1 and leave none out; of the last of
        them there is a checkpoint."""
        database = sqlite3.connect(self.path)
        key, = database.execute(
            "SELECT id FROM runs WHERE uuid = ?", [self.runs[run]["id"]]).fetchone()
        rows = {row for row, in database.execute("SELECT epoch FROM epochs WHERE run = ?", [key])}
        saved = {row for row, in database.execute(
            "SELECT epoch FROM checkpoints WHERE run = ? AND batch = 0 AND superseded = 0", [key])}
        database.close()
        assert rows == set(range(1, len(rows) + 1)), f"epochs {rows}"
        assert saved - {0} <= rows, f"checkpoints {saved} without rows {rows}"
        assert not rows or max(rows) in saved, f"rows {rows} without checkpoints {saved}"
        assert self.runs[run]["epochs"] == len(rows)
        return len(rows)


class Scenario:
    """One command, and the directory that it finds.

    The directory has one place for good: runs know the path of their CSV log.
    """

    name = ""
    command = []
    # Names that the command makes.
    makes = ()
    share = 1

    def __init__(self, programs, directory):
        self.programs = programs
        # What the command does, once it was written down.
        self.log = None
        self.place = Path(directory).resolve() / self.name / "place"
        self.template = self.place.with_name("template")
        self.place.mkdir(parents=True)
        (self.place / "model.json").write_text(json.dumps(MODEL))
        self.prepare()
        shutil.copytree(self.place, self.template)
        self.remember()

    @classmethod
    def is_there(cls, programs, place):
        """Whether the build has the command."""
        return True

    def fresh(self):
        """The directory as the command is to find it."""
        return fresh(self.template, self.place)

    def prepare(self):
        """Fills the directory."""

    def remember(self):
        """Runs the command undisturbed and keeps what it comes to."""
        self.tell(*self.command)

    def tell(self, *command):
        return self.programs.must(*command, place=self.place)

    def look(self, **more):
        return Look(self.programs, self.place, **more)

    def examine(self, said, sqlite_first=True, is_done=False):
        """Looks at what is left of the directory, and continues from there.

        - said: what the command told before it was disturbed.
        - is_done: whether it came to its end and said so by its exit code.
        """
        raise NotImplementedError

    def left(self):
        """What a training left beside the registry that it could not write."""
        return list(self.place.glob("runs.db.run-*.safetensors"))

    def check_left(self, errors):
        for path in self.left():
            assert path.name in errors, f"{path.name} is left, and not named: {errors}"

    def check_leftovers(self):
        """Whatever a crash leaves is known by its name."""
        known = {path.name for path in self.template.iterdir()}
        for path in self.place.iterdir():
            name = path.name
            assert (
                name in known or name in self.makes or name.endswith(".cifar-part")
                or name == "tmp" or name.endswith("-journal") or path in self.left()
            ), f"{name} is left"


class Train(Scenario):
    """A run from its beginning, with a CSV log."""

    name = "train"
    command = training("run", EPOCHS, "--csv-log", "log.csv")
    makes = ("runs.db", "log.csv")
    known = 0

    def remember(self):
        super().remember()
        look = self.look()
        self.expected = look.last("run")
        self.lines = (self.place / "log.csv").read_text().splitlines()
        assert look.epochs("run") == EPOCHS
        assert len(self.lines) == EPOCHS + 1, self.lines

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        # It can be taken up before the run continues, and later.
        for path in self.left() if sqlite_first else []:
            self.tell("cifar-runs", "import", path)
            path.unlink()
            look = self.look()
        told = said.count("\nepoch ") + said.startswith("epoch ")
        row = look.runs.get("run")
        assert row or not told, f"{told} epochs were told, and there is no run"
        assert row or not self.known, "the run is gone"
        recorded = look.epochs("run") if row else 0
        # The line of an epoch comes when the epoch is stored.
        assert recorded >= max(told, self.known), f"{told} epochs were told, {recorded} are there"
        if is_done:
            assert row["status"] == "completed" and recorded == EPOCHS, row
        elif row:
            assert row["status"] in ("crashed", "failed", "interrupted", "completed"), row["status"]
        if row and self.has_checkpoint(look):
            self.tell("cifar", "resume", "run", "--threads", 2, "--epochs", EPOCHS)
        elif row:
            # Nothing to continue from: the run is put away, and started over.
            self.tell("cifar-runs", "rm", row["id"], "--yes")
            self.tell(*self.command)
        else:
            self.tell(*Train.command)
        look = self.look()
        assert look.runs["run"]["status"] == "completed", look.runs["run"]
        assert look.epochs("run") == EPOCHS
        assert look.last("run") == self.expected, "other bits"
        self.check_log()
        # The run has continued since: what was left is a run of its own now.
        for path in self.left():
            new = self.tell("cifar-runs", "import", path).output.strip()
            self.tell("cifar", "resume", new, "--threads", 2, "--epochs", EPOCHS)
            assert self.look().last(new) == self.expected, "other bits after an import"

    def has_checkpoint(self, look):
        row = look.runs["run"]
        listing = look.tell("cifar-runs", "checkpoints", row["id"], "--json").output
        return bool(json.loads(listing))

    def check_log(self):
        """Each epoch's line once, in order; beside them at most pieces that were being written when
        the power failed."""
        text = (self.place / "log.csv").read_bytes().decode(errors="replace")
        expected = self.lines
        lines = text.splitlines()
        whole = [line for line in lines if line in expected]
        assert whole == expected, f"the CSV log has {lines}"
        for line in lines:
            assert line in expected or not self.is_row(line), f"a line too many: {line!r}"

    def is_row(self, line):
        """Whether a program would take the line for an epoch's."""
        fields = next(csv.reader(io.StringIO(line.replace("\0", ""))), [])
        try:
            return len([float(field) for field in fields]) == 6
        except ValueError:
            return False


class Large(Train):
    """Checkpoints of 38 MB: SQLite's cache overflows, pages are in the file before the commit."""

    name = "train-large"
    # Of this many instants of other commands one is tried.
    share = 6

    def prepare(self):
        (self.place / "model.json").write_text(json.dumps([
            {"type": "flatten"}, {"type": "dense", "units": 1024}, {"type": "relu"},
            {"type": "dense", "units": 10},
        ]))


class Resume(Train):
    """The second half of a run."""

    name = "resume"
    command = ["cifar", "resume", "run", "--epochs", EPOCHS, "--threads", 2]
    known = 2

    def prepare(self):
        self.tell(*training("run", self.known, "--csv-log", "log.csv"))


class Export(Scenario):
    """A checkpoint over an older one of the same name."""

    name = "export"
    command = ["cifar", "export", "run", "--format", "checkpoint", "--checkpoint", "last",
               "-o", "model.safetensors"]

    def prepare(self):
        self.tell(*training("run", 2))
        self.tell("cifar", "export", "run", "--format", "checkpoint", "--checkpoint", 1,
                  "-o", "model.safetensors")
        self.old = (self.place / "model.safetensors").read_bytes()

    def remember(self):
        super().remember()
        self.new = (self.place / "model.safetensors").read_bytes()
        assert checkpoint(self.old) != checkpoint(self.new)

    def examine(self, said, sqlite_first=True, is_done=False):
        self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        found = (self.place / "model.safetensors").read_bytes()
        assert found in (self.old, self.new), "neither the old file nor the new one"
        assert found == self.new or not (said or is_done), "the file was told to be there"
        self.tell(*self.command)
        assert (self.place / "model.safetensors").read_bytes() == self.new


class Report(Scenario):
    """A page under a new name."""

    name = "report"
    command = ["cifar-runs", "export", "--format", "json", "-o", "runs.json"]
    makes = ("runs.json",)

    def prepare(self):
        self.tell(*training("run", 2))

    def remember(self):
        super().remember()
        self.new = (self.place / "runs.json").read_bytes()

    def examine(self, said, sqlite_first=True, is_done=False):
        self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        path = self.place / "runs.json"
        if path.exists():
            assert path.read_bytes() == self.new, "half a file"
        else:
            assert not is_done, "the file is not there"
        self.tell(*self.command)
        assert path.read_bytes() == self.new


class Removal(Scenario):
    """Three runs, of which one goes."""

    def prepare(self):
        for name in ["first", "second", "third"]:
            self.tell(*training(name, 2))

    def remember(self):
        look = self.look()
        self.expected = look.last("first")
        super().remember()

    def check_others(self, look):
        for name in ["first", "third"]:
            assert look.runs[name]["status"] == "completed" and look.epochs(name) == 2
            assert look.last(name) == self.expected


class Remove(Removal):
    """Into the trash."""

    name = "rm"
    command = ["cifar-runs", "rm", "second", "--yes"]

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        self.check_others(look)
        if "second" not in look.runs:
            look.tell("cifar-runs", "restore", "second")
            look = self.look()
        else:
            assert not (said or is_done), "the run was told to be in the trash"
        assert look.epochs("second") == 2 and look.last("second") == self.expected


class Collect(Removal):
    """Out of the trash for good."""

    name = "gc"
    command = ["cifar-runs", "gc", "--yes"]

    def prepare(self):
        super().prepare()
        self.tell("cifar-runs", "rm", "second", "--yes")

    def remember(self):
        super().remember()
        self.pages = self.space()

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        self.check_others(look)
        assert "second" not in look.runs
        if not (said or is_done):
            look.tell("cifar-runs", "gc", "--yes")
        assert self.space() == self.pages, "space was not given back"
        self.check_others(self.look())


    def space(self):
        """Pages in use, and free ones. Not the size of the file: SQLite cuts it once the commit is
        done, and where that fails a later commit does it."""
        database = sqlite3.connect(self.place / "runs.db")
        found = [database.execute(f"PRAGMA {name}").fetchone()[0]
                 for name in ["page_count", "freelist_count"]]
        database.close()
        return found


class Import(Scenario):
    """A colleague's checkpoint."""

    name = "import"
    command = ["cifar-runs", "import", "model.safetensors", "--name", "theirs", "--tag", "x"]

    def prepare(self):
        self.tell(*training("run", 2))
        self.tell("cifar", "export", "run", "--format", "checkpoint", "--checkpoint", "last",
                  "-o", "model.safetensors")

    def remember(self):
        super().remember()
        look = self.look()
        self.expected = look.last("theirs")
        self.tags = look.runs["theirs"]["tags"]

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        if "theirs" not in look.runs:
            assert not (said or is_done), "the run was told to be there"
            self.tell(*self.command)
            look = self.look()
        assert look.last("theirs") == self.expected and look.runs["theirs"]["tags"] == self.tags
        look.tell("cifar", "resume", "theirs", "--epochs", 3, "--threads", 2)


class Backup(Scenario):
    """A copy of a registry: whole, or not there."""

    name = "backup"
    command = ["cifar-runs", "backup", "copy.db"]
    makes = ("copy.db",)

    @classmethod
    def is_there(cls, programs, place):
        return programs.run("cifar-runs", "backup", "--help", place=place).code == 0

    def prepare(self):
        self.tell(*training("first", 2))
        self.tell(*training("second", 2))

    def remember(self):
        self.expected = self.look().last("second")
        super().remember()

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        assert set(look.runs) == {"first", "second"}
        if not (self.place / "copy.db").exists():
            assert not (said or is_done), "the copy was told to be there"
            self.tell(*self.command)
        copy = self.look(name="copy.db", sqlite_first=sqlite_first)
        assert set(copy.runs) == {"first", "second"} and copy.last("second") == self.expected


class Merge(Scenario):
    """Another registry's runs: one that is new here, and one that went on there."""

    name = "merge"
    command = ["cifar-runs", "merge", "other.db"]

    def prepare(self):
        self.tell(*training("own", 2))
        self.tell(*training("shared", 1, "--registry", "other.db"))
        self.tell(*self.command)
        self.tell("cifar", "resume", "shared", "--epochs", 3, "--registry", "other.db")
        self.tell(*training("new", 2, "--registry", "other.db"))

    def remember(self):
        super().remember()
        self.expected = self.states(self.look())

    @staticmethod
    def states(look):
        return {run: (look.epochs(run), look.last(run)) for run in look.runs}

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        assert set(look.runs) in ({"own", "shared"}, set(self.expected)), "a part was merged"
        epochs = look.epochs("shared")
        assert (epochs == 3) == ("new" in look.runs), "a part was merged"
        if "new" not in look.runs:
            assert not (said or is_done), "the runs were told to be there"
            self.tell(*self.command)
        assert self.states(self.look()) == self.expected


class Slim(Scenario):
    """A completed run's older checkpoints lose what only a training needs: all of them, or none."""

    name = "slim"
    command = ["cifar-runs", "slim", "--all"]

    def prepare(self):
        self.tell(*training("first", 3))
        self.tell(*training("second", 2))

    def remember(self):
        super().remember()
        look = self.look()
        self.expected = {run: (look.epochs(run), look.last(run)) for run in look.runs}

    def weights_only(self):
        found = {}
        for run in ("first", "second"):
            rows = json.loads(self.tell("cifar-runs", "show", run, "--json").output)["checkpoints"]
            found[run] = [row["weights_only"] for row in rows]
        return found

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        found = self.weights_only()
        done = {run: [True] * (len(flags) - 1) + [False] for run, flags in found.items()}
        for run, flags in found.items():
            assert flags == done[run] or not any(flags), "a run was slimmed in part"
        assert found == done or not (said or is_done), "the runs were told to be slim"
        self.tell(*self.command)
        assert self.weights_only() == done
        look = self.look()
        assert {run: (look.epochs(run), look.last(run)) for run in look.runs} == self.expected


class Rerun(Scenario):
    """A run, again: the first one stays, and the new one comes to its bits however it is stopped."""

    name = "rerun"
    command = ["cifar", "rerun", "run", "--name", "again"]

    def prepare(self):
        self.tell(*training("run", EPOCHS))

    def remember(self):
        super().remember()
        look = self.look()
        self.expected = look.last("run")
        assert look.last("again") == self.expected, "other bits without any disturbance"

    def examine(self, said, sqlite_first=True, is_done=False):
        look = self.look(sqlite_first=sqlite_first)
        self.check_leftovers()
        assert look.epochs("run") == EPOCHS and look.last("run") == self.expected
        assert "again" in look.runs or not is_done
        for path in self.left():
            self.tell("cifar-runs", "import", path)
            path.unlink()
        look = self.look()
        row = look.runs.get("again")
        listing = look.tell("cifar-runs", "checkpoints", row["id"], "--json").output if row else "[]"
        if json.loads(listing):
            self.tell("cifar", "resume", row["id"])
        else:
            if row:
                self.tell("cifar-runs", "rm", row["id"], "--yes")
            self.tell(*self.command)
        look = self.look()
        assert look.epochs("again") == EPOCHS and look.last("again") == self.expected, "other bits"


class Migrate(Scenario):
    """An older registry, opened."""

    command = ["cifar-runs", "list", "--json", "--all"]
    version = 0

    def prepare(self):
        shutil.copyfile(FIXTURES / f"schema{self.version}.sqlite", self.place / "runs.db")
        self.makes = tuple(
            f"runs.db.schema{self.version}.backup{number}" for number in ["", ".2", ".3"])

    def content(self):
        """Everything that the present schema has of it."""
        database = sqlite3.connect(self.place / "runs.db")
        text = hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()
        database.close()
        return text

    def remember(self):
        super().remember()
        self.expected = self.content()
        self.check_copy()

    def check_copy(self):
        copies = list(self.place.glob("runs.db.schema*.backup*"))
        for copy in copies:
            database = sqlite3.connect(copy)
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA user_version").fetchone() == (self.version,)
            database.close()
        return copies

    def examine(self, said, sqlite_first=True, is_done=False):
        if sqlite_first:
            Look.ask_sqlite(Plain(self.place / "runs.db"))
        self.check_copy()
        self.tell(*self.command)
        self.look()
        assert self.content() == self.expected, "other rows"
        assert self.check_copy(), "no copy of the old file"
        self.check_leftovers()


class Plain:
    def __init__(self, path):
        self.path = path


class Migrate1(Migrate):
    name = "migrate-1"
    version = 1


class Migrate2(Migrate):
    name = "migrate-2"
    version = 2


class Trained(Scenario):
    """A registry with a run that is complete: a place for things that are not one command."""

    name = "trained"

    def prepare(self):
        self.tell(*training("run", EPOCHS))

    def remember(self):
        self.expected = self.look().last("run")


PLACES = [Trained, Large]
ALL = [Train, Resume, Export, Report, Remove, Collect, Import, Backup, Merge, Slim, Rerun, Migrate1, Migrate2]
