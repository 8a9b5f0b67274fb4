"""A registry that the library's SQLite and another one of the same process use: run by wheel.py.

    two_sqlites.py sqlite3|pysqlite3|apsw|builtin_sqlite
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.chdir(tempfile.mkdtemp())
other = sys.argv[1]
if other == "builtin_sqlite":  # of python_with_sqlite.c
    import builtin_sqlite

    version = builtin_sqlite.version()

    def connected():
        builtin_sqlite.open("cifar-runs.db")
        return builtin_sqlite
elif other == "apsw":
    import apsw

    version = apsw.sqlite_lib_version()

    def connected():
        connection = apsw.Connection("cifar-runs.db")
        connection.set_busy_timeout(60_000)
        return connection
else:
    import importlib

    module = importlib.import_module(f"{other}.dbapi2")
    version = module.sqlite_version

    def connected():
        return module.connect("cifar-runs.db", isolation_level=None, timeout=60)

import cifar  # noqa: E402 - after the other one, as it is in programs

# Files in this process that have a SQLite in them, or use one.
FILES = {os.path.basename(line.split()[-1])
         for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
FILES = {name for name in FILES if "sqlite" in name or name.startswith("__init__")}


class Beside(cifar.Callback):
    """Writes to the registry by the other SQLite while the training writes it, too. What the
    library opens and closes meanwhile must not drop the other's locks: a program outside looks."""

    def __init__(self):
        self.connection = None
        self.held = 0

    def on_epoch_begin(self, batch):
        if batch.epoch == 2:
            self.connection = connected()
            self.connection.execute("BEGIN IMMEDIATE")
        if batch.epoch == 3:
            # The library wrote nothing into the other's transaction.
            self.connection.execute("UPDATE runs SET name = 'beside'")
            self.connection.execute("COMMIT")
            self.connection.close()

    def on_epoch_end(self, epoch):
        if epoch.epoch == 2:
            assert len(cifar.Registry().runs()) == 1
            outside = subprocess.run(
                ["python3", "-c", OUTSIDE], capture_output=True, text=True,
                env={"PATH": "/usr/bin:/bin"})
            assert "locked" in outside.stdout, outside
            self.held += 1


OUTSIDE = """
import sqlite3
try:
    sqlite3.connect("cifar-runs.db", isolation_level=None, timeout=0).execute("BEGIN IMMEDIATE")
    print("free")
except sqlite3.OperationalError as error:
    print(error)
"""

train, test = cifar.load("shapes", limit_train=64, limit_test=32)
beside = Beside()
run = cifar.fit(train, test, epochs=4, name="two", callbacks=[beside])
assert beside.held == 1 and run.status == "completed"
run = cifar.resume("beside", epochs=5)
registry = cifar.Registry()
assert registry.run(run.id)["epochs_recorded"] == 5
assert registry.verify() == []
print(f"{other} {version} beside cifar: trained, resumed, no lock lost, no damage; "
      f"loaded: {', '.join(sorted(FILES))}")
