"""Values that no library wrote, put into a valid checkpoint and a valid registry one by one.

As a program, `mutation.py DIRECTORY`, it reads cases from its input, a JSON object a line, tries what
a library does with such a file, and answers each with a line: what came of it.
"""

import json
import logging
import re
import shutil
import sqlite3
import struct
import sys
from hashlib import sha256
from pathlib import Path

VALUES = {
    "-1": -1, "0": 0, "1": 1, "2^31": 1 << 31, "2^63-1": (1 << 63) - 1, "NaN": "NaN", "empty": "",
    "text": "a text", "blob": b"\x00\xff\x80", "null": None,
}
MODEL = '[{"type": "global_average_pool"}, {"type": "dense", "units": 10}]'


# Checkpoints --------------------------------------------------------------------------------------


def take_apart(checkpoint):
    """The header of a safetensors file, and the numbers after it."""
    length = struct.unpack("<Q", checkpoint[:8])[0]
    return json.loads(checkpoint[8:8 + length]), checkpoint[8 + length:]


def put_together(header, numbers):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + numbers


def numbers_in(value, path=()):
    """The paths of all numbers, and of what may be null where a number may be."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from numbers_in(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from numbers_in(part, (*path, index))
    elif value is None or isinstance(value, (int, float)) or value in ("NaN", "Infinity"):
        yield path


def changed(checkpoint, part, path, value):
    """The checkpoint with another value at a place of its `state` or its `hyperparameters`."""
    header, numbers = take_apart(checkpoint)
    tree = json.loads(header["__metadata__"][part])
    place = tree
    for key in path[:-1]:
        place = place[key]
    # JSON has no bytes: a list stands for them.
    place[path[-1]] = list(value) if isinstance(value, bytes) else value
    header["__metadata__"][part] = json.dumps(tree)
    return put_together(header, numbers)


# Registries ---------------------------------------------------------------------------------------


def relax(path):
    """Takes out of a registry's tables what keeps values out of them: types and conditions."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA writable_schema = ON")
    for (trigger,) in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
    ).fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    tables = database.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for name, sql in tables:
        sql = re.sub(r"--[^\n]*", "", sql)
        sql = without_checks(sql)
        sql = re.sub(r"REFERENCES \w+ \(\w+\)( ON DELETE CASCADE)?|NOT NULL", "", sql)
        sql = re.sub(r"\bSTRICT\b,?", "", sql)
        # No type, no conversion. The key of a table with row numbers stays a whole number.
        sql = re.sub(r" (TEXT|REAL|BLOB|INTEGER)\b(?! PRIMARY KEY)", " ", sql)
        database.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, name))
    database.commit()
    version = database.execute("PRAGMA schema_version").fetchone()[0]
    database.execute(f"PRAGMA schema_version = {version + 1}")
    database.execute("PRAGMA writable_schema = OFF")
    database.commit()
    database.close()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    database.close()


def without_checks(sql):
    """The statement without its CHECK (…), brackets within them counted."""
    while (found := re.search(r"CHECK\s*\(", sql)) is not None:
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        sql = sql[:found.start()] + sql[end:]
    return sql


def cells(path):
    """(table, condition of the row, column) of the cells of the first row of every table, that of
    the run "bad", and of the second session and checkpoint."""
    database = sqlite3.connect(path)
    tables = [name for (name,) in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'")]
    for table in tables:
        rows = 2 if table in ("sessions", "checkpoints") else 1
        columns = database.execute(f"PRAGMA table_info({table})").fetchall()
        keys = [column[1] for column in columns if column[5]] or [columns[0][1]]
        found = database.execute(
            f"SELECT {', '.join(f'quote({key})' for key in keys)} FROM {table} "
            f"ORDER BY {', '.join(keys)} LIMIT {rows}")
        for row in found.fetchall():
            condition = " AND ".join(f"{key} IS {value}" for key, value in zip(keys, row))
            for column in columns:
                yield table, condition, column[1]
    database.close()


def put(path, table, condition, column, value):
    """Sets one cell; False if SQLite itself does not take the value there."""
    database = sqlite3.connect(path)
    try:
        database.execute(f"UPDATE {table} SET {column} = ? WHERE {condition}", (value,))
        database.commit()
        return True
    except (sqlite3.IntegrityError, sqlite3.OperationalError):
        return False
    finally:
        database.close()


def put_checkpoint(path, identifier, checkpoint):
    """Puts other bytes in the place of a stored checkpoint, with their hash."""
    database = sqlite3.connect(path)
    (blob,) = database.execute("SELECT blob FROM checkpoints WHERE id = ?", (identifier,)).fetchone()
    database.execute("DELETE FROM blob_chunks WHERE blob = ?", (blob,))
    database.execute("INSERT INTO blob_chunks VALUES (?, 0, ?)", (blob, checkpoint))
    database.execute(
        "UPDATE blobs SET sha256 = ?, size = ? WHERE id = ?",
        (sha256(checkpoint).hexdigest(), len(checkpoint), blob))
    database.commit()
    database.close()


# The worker ---------------------------------------------------------------------------------------


class Worker:
    """Tries all that the library does with files, in a process that may end by it."""

    def __init__(self, directory):
        import cifar

        # Nobody reads standard error while the process goes on.
        logging.getLogger("cifar").addHandler(logging.NullHandler())
        self.cifar = cifar
        self.directory = Path(directory)
        self.train, self.test = cifar.load("shapes", limit_train=32, limit_test=16)
        self.outcomes = []

    def attempt(self, what, call, *arguments, **options):
        """An answer, or an error that says something in one line."""
        try:
            result = call(*arguments, **options)
            self.outcomes.append(f"{what}: ok")
            return result
        except self.cifar.CifarError as error:
            message = str(error)
            assert message and "\n" not in message and len(message) < 4000, message
            self.outcomes.append(f"{what}: {message}")
            return None

    def use(self, model):
        if model is None:
            return
        probabilities = self.attempt("predict", model.predict, self.test.images[:2])
        assert probabilities is None or probabilities.shape == (2, len(model.class_names))
        self.attempt("evaluate", model.evaluate, self.test)
        repr(model)

    def checkpoint(self, part, path, value):
        base = (self.directory / "checkpoint.safetensors").read_bytes()
        bytes_ = changed(base, part, path, VALUES[value])
        file = self.directory / "case.safetensors"
        file.write_bytes(bytes_)
        self.use(self.attempt("open", self.cifar.Model.open, file, threads=1))
        registry = self.directory / "case.db"
        shutil.copyfile(self.directory / "runs.db", registry)
        # The only one that the run has left.
        put_checkpoint(registry, 1, bytes_)
        self.resume(registry, checkpoint=1)

    def cell(self, table, condition, column, value):
        registry = self.directory / "case.db"
        shutil.copyfile(self.directory / "relaxed.db", registry)
        if not put(registry, table, condition, column, VALUES[value]):
            self.outcomes.append("SQLite refuses it")
            return
        opened = self.attempt("registry", self.cifar.Registry, registry)
        if opened is None:
            return
        # One bad value hides its own run at the most.
        runs = self.attempt("list", opened.runs)
        if column not in ("trashed", "name"):
            assert runs and any(row["name"] == "good" for row in runs), self.outcomes
        self.attempt("filter", opened.runs, filter="learning_rate > 0 and duration < 1d", sort="batch_size")
        for name in ("bad", "good"):
            self.attempt("show", opened.run, name)
        self.attempt("verify", opened.verify)
        if table in ("tags", "notes", "metrics", "evaluations", "predictions", "meta"):
            return
        for choice in ("last", "best"):
            self.use(self.attempt(
                "open", self.cifar.Model.from_run, "bad", registry=registry, checkpoint=choice,
                threads=1))
        self.attempt("export", opened.export, 1, self.directory / "export.safetensors")
        del opened
        self.resume(registry)

    def resume(self, registry, checkpoint="last"):
        self.attempt(
            "resume", self.cifar.resume, "bad", train=self.train, validation=self.test,
            registry=registry, epochs=3, checkpoint=checkpoint, threads=1, verbose=0)


def main(directory):
    worker = Worker(directory)
    for line in sys.stdin:
        case = json.loads(line)
        worker.outcomes = []
        if len(case) == 3:
            worker.checkpoint(*case)
        else:
            worker.cell(*case)
        print(json.dumps(worker.outcomes), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
