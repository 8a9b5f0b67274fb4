"""Time and peak memory of every verb of `cifar-runs`: `python3 Benchmarks/registry_verbs.py` after
`make build` (or `make bench-registry`, which does both).

Makes a registry of 10,000 runs of 100 epochs with two small checkpoints each, runs every verb on it
as a process of its own, and prints a table. Verbs that answer someone at a terminal are to take
100 ms at most; memory is to grow no faster than what is printed.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from registry import BIN, ROOT, multiply, tiny

LIMIT_MS = 100
CHECKPOINT_BYTES = 8192
# Of a process that lists nothing: the runtime, SQLite and the registry's page cache.
BASE_MB = 64


def add_checkpoints(path, runs, epochs):
    """Two checkpoints a run, each with bytes of its own."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    generator = random.Random(2)
    for key in range(1, 2 * runs + 1):
        data = generator.randbytes(CHECKPOINT_BYTES)
        database.execute(
            "INSERT INTO blobs (id, sha256, size) VALUES (?, ?, ?)",
            (key, hashlib.sha256(data).hexdigest(), len(data)))
        database.execute(
            "INSERT INTO blob_chunks (blob, number, data) VALUES (?, 0, ?)", (key, data))
        run = (key + 1) // 2
        database.execute(
            "INSERT INTO checkpoints (run, session, epoch, batch, step, created, is_best, blob) "
            "VALUES (?, ?, ?, 0, ?, '2026-01-01T00:00:00.000Z', 0, ?)",
            (run, run, epochs - key % 2, key, key))
    database.commit()
    database.close()


class Table:
    def __init__(self):
        self.good = True
        print(f"{'verb':<58} {'ms':>8} {'CPU ms':>8} {'MB':>7} {'printed':>9}")

    def row(self, name, command, limit_ms=LIMIT_MS, repeats=5, memory=True):
        """Runs a verb `repeats` times; the median counts."""
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            process = subprocess.Popen(
                [str(BIN / "cifar-runs"), *map(str, command)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE)
            printed = 0
            while piece := process.stdout.read(1 << 20):
                printed += len(piece)
            _, status, usage = os.wait4(process.pid, 0)
            times.append((time.perf_counter() - start) * 1000)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                sys.exit(f"{name} ended with {process.returncode}")
        median = sorted(times)[repeats // 2]
        megabytes = usage.ru_maxrss / 1024
        cpu = (usage.ru_utime + usage.ru_stime) * 1000
        verdict = ""
        if limit_ms is not None and median > limit_ms:
            verdict += f"  above {limit_ms} ms"
        if memory and megabytes > BASE_MB + 2 * printed / 1e6:
            verdict += f"  above {BASE_MB} MB and twice what it prints"
        self.good = self.good and not verdict
        print(
            f"{name:<58} {median:8.1f} {cpu:8.1f} {megabytes:7.1f} {printed / 1e6:9.3f}{verdict}",
            flush=True)


def verbs(path, directory):
    """All of them, those that delete last."""
    database = sqlite3.connect(path)
    first, second = (row[0] for row in database.execute(
        "SELECT uuid FROM runs ORDER BY id DESC LIMIT 2"))
    checkpoint = database.execute("SELECT max(id) FROM checkpoints").fetchone()[0]
    database.close()
    here = ["--registry", path]
    table = Table()
    condition = "val_accuracy > 0.99 and learning_rate < 0.001"
    for name, *command in [
        ("list", "list"),
        ("list --filter … --sort val_loss", "list", "--filter", condition, "--sort", "val_loss"),
        ("list --sort optimizer.learning_rate -n 5", "list", "--sort", "optimizer.learning_rate",
         "-n", 5),
        ("list --since yesterday", "list", "--since", "yesterday"),
        ("list --trash", "list", "--trash"),
        ("show RUN", "show", first[:8]),
        ("show NAME", "show", "sweep 77"),
        ("best", "best"),
        ("best --min learning_rate", "best", "--min", "learning_rate"),
        ("compare RUN RUN", "compare", first, second),
        ("compare --max val_accuracy -n 4 --filter …", "compare", "--filter", condition, "--max",
         "val_accuracy", "-n", 4),
        ("metrics RUN", "metrics", first),
        ("plot RUN", "plot", first),
        ("report RUN RUN", "report", first, second, "-o", directory / "report.html"),
        ("checkpoints RUN", "checkpoints", first),
        ("checkpoints RUN --pin ID", "checkpoints", first, "--pin", checkpoint),
        ("tag RUN TAG", "tag", first, "one"),
        ("note RUN TEXT", "note", first, "a remark"),
        ("note RUN", "note", first),
        ("rename RUN NAME", "rename", first, "another"),
        ("fork RUN", "fork", first),
        ("rm RUN", "rm", second, "--yes"),
        ("restore RUN", "restore", second),
        ("export RUN", "export", first),
    ]:
        once = command[0] in ("rm", "restore")
        table.row(name, [*command, *here], repeats=1 if once else 5)
    for name, *command in [
        ("list --all", "list", "--all"),
        ("list --all --json", "list", "--all", "--json"),
        ("list --all --csv --columns id,name", "list", "--all", "--csv", "--columns", "id,name"),
    ]:
        table.row(name, [*command, *here], limit_ms=None)
    table.row("doctor", ["doctor", *here], limit_ms=None, repeats=3)
    table.row("export", ["export", *here], limit_ms=None, repeats=1)
    for kind, target in [("json", "runs.json"), ("csv", "runs.csv")]:
        table.row(f"export --format {kind} -o FILE", [
            "export", "--format", kind, "-o", directory / target, *here], limit_ms=None, repeats=1)
    long = [
        ("verify", ["verify"]),
        ("backup FILE", ["backup", directory / "copy.db"]),
        ("merge FILE, nothing new", ["merge", directory / "copy.db"]),
        ("slim --all --dry-run", ["slim", "--all", "--dry-run"]),
        ("copy RUN --to FILE", ["copy", first, "--to", directory / "one.db"]),
        ("rm of all but one", ["rm", "--filter", f"id != {first} and name != trainer", "--yes"]),
        ("gc of all but one", ["gc", "--yes"]),
    ]
    for name, command in long:
        table.row(name, [*command, *here], limit_ms=None, repeats=1)
    return table.good


def beside(original, directory):
    """What `gc`, `verify`, `rm` and `backup` cost a training beside them: its slowest commit."""
    command = "swift build -c release -Xswiftc -static-stdlib --product registry-bench".split()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    program = ROOT / ".build" / "release" / "registry-bench"
    path = directory / "beside.db"
    stop = directory / "beside.db.stop"
    shutil.copyfile(original, path)
    here = ["--registry", path]
    print(f"\n{'beside a training that commits every 10 ms':<58} {'ms':>8} its slowest commit")
    for name, *command in [
        ("(nothing)", None),
        ("verify", "verify"),
        ("backup FILE", "backup", directory / "another.db"),
        ("rm of all", "rm", "--filter", "name != trainer", "--yes"),
        ("gc of all", "gc", "--yes"),
    ]:
        stop.unlink(missing_ok=True)
        trainer = subprocess.Popen(
            [program, "waits", path, "600"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        start = time.perf_counter()
        if command[0] is None:
            time.sleep(5)
        else:
            subprocess.run(
                [str(BIN / "cifar-runs"), *map(str, command), *map(str, here)], check=True,
                stdout=subprocess.DEVNULL)
        taken = (time.perf_counter() - start) * 1000
        stop.touch()
        found = json.loads(trainer.communicate()[0])
        print(
            f"{name:<58} {taken:8.1f} {found['slowest_s'] * 1000:.1f} ms, 99 % below "
            f"{found['p99_s'] * 1000:.1f} ms, half below {found['median_s'] * 1000:.1f} ms "
            f"({found['epochs']} commits)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="where to keep the registry, and look for one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "many.db"
        if options.keep and options.keep.exists():
            shutil.copyfile(options.keep, path)
        else:
            tiny(path)
            multiply(path, options.runs, options.epochs)
            add_checkpoints(path, options.runs, options.epochs)
            if options.keep:
                shutil.copyfile(path, options.keep)
        print(f"{options.runs:,} runs of {options.epochs} epochs, {path.stat().st_size / 1e6:.0f} MB:")
        original = directory / "original.db"
        shutil.copyfile(path, original)
        good = verbs(path, directory)
        beside(original, directory)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
