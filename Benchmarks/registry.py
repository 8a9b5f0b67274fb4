"""What the run registry costs: `python3 Benchmarks/registry.py` after `make build`.

Trains one tiny run, multiplies it to 10,000 runs of 100 epochs in the same file, and times whole
processes of `cifar-runs` on it; then retention, trash and recording on files of their own.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / "build" / "bin"
# A checkpoint of the tutorial's network with Adam's moments and the best weights.
MEGABYTES = 21.5


def run(*command):
    return subprocess.run(
        [str(BIN / command[0]), *map(str, command[1:])], check=True, capture_output=True, text=True
    ).stdout


def report(what, value, limit, unit):
    verdict = "ok" if value <= limit else "TOO MUCH"
    print(f"{what:<62} {value:10.2f} {unit:<5} limit {limit:g}  {verdict}", flush=True)
    return value <= limit


def median_time(*command, repeats=11):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(*command)
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2] * 1000


def tiny(registry, *options):
    run(
        "cifar", "train", "--data", "shapes", "--limit-train", 32, "--limit-test", 32,
        "--epochs", 1, "--registry", registry, "--quiet", *options,
    )


def multiply(path, runs, epochs):
    """Copies the file's one run, each copy with a learning rate, a seed and results of its own."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("DELETE FROM checkpoints")
    database.execute("DELETE FROM blob_chunks")
    database.execute("DELETE FROM blobs")
    database.execute("DELETE FROM epochs")

    def columns(table):
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        row = database.execute(f"SELECT * FROM {table} WHERE id = 1").fetchone()
        return dict(zip(names, row))

    run_row, session_row = columns("runs"), columns("sessions")

    def insert(table, row):
        marks = ", ".join("?" * len(row))
        database.execute(
            f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})",
            list(row.values()),
        )

    generator = random.Random(1)
    noise = generator.random
    start = time.time() - runs * 600
    for key in range(1, runs + 1):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(start + key * 600))
        end = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(start + key * 600 + 555))
        hyperparameters = json.loads(run_row["hyperparameters"])
        hyperparameters["seed"] = key
        hyperparameters["optimizer"]["learning_rate"] = 10 ** (-4 + 2 * noise())
        rows = [
            (key, epoch, key, 2 / epoch + noise(), noise(), 2 / epoch + noise(), noise(), 0.001,
             5 + noise(), float(generator.randrange(3000, 5000)))
            for epoch in range(1, epochs + 1)
        ]
        insert("runs", run_row | {
            "id": key, "uuid": str(uuid.UUID(int=generator.getrandbits(128), version=4)),
            "name": f"sweep {key}", "started": stamp, "seed": str(key), "epochs": epochs,
            "best_val_accuracy": max(row[6] for row in rows),
            "best_val_loss": min(row[5] for row in rows), "last_val_accuracy": rows[-1][6],
            "last_val_loss": rows[-1][5],
            "hyperparameters": json.dumps(hyperparameters, separators=(",", ":")),
        })
        insert("sessions", session_row | {
            "id": key, "run": key, "token": str(uuid.UUID(int=generator.getrandbits(128))),
            "started": stamp, "heartbeat": end, "ended": end,
        })
        database.executemany(
            "INSERT INTO epochs (run, epoch, session, train_loss, train_accuracy, val_loss, "
            "val_accuracy, learning_rate, seconds, images_per_second) VALUES (?,?,?,?,?,?,?,?,?,?)", rows,
        )
    database.commit()
    database.execute("PRAGMA incremental_vacuum").fetchall()
    database.close()


def many_runs(directory, runs, epochs):
    path = directory / "many.db"
    tiny(path)
    multiply(path, runs, epochs)
    print(f"{runs:,} runs of {epochs} epochs:")
    results = [report("file without blobs", path.stat().st_size / 1e6, 100, "MB")]
    here = ["--registry", path]
    results += [
        report("list", median_time("cifar-runs", "list", *here), 50, "ms"),
        report("list --all --json", median_time("cifar-runs", "list", "--all", "--json", *here),
               300, "ms"),
        report("list --filter 'val_accuracy > 0.99 and learning_rate < 0.001' --sort val_loss",
               median_time("cifar-runs", "list", "--filter", "val_accuracy > 0.99 and learning_rate < 0.001",
                           "--sort", "val_loss", *here), 300, "ms"),
        report("best", median_time("cifar-runs", "best", *here), 100, "ms"),
    ]
    assert len(json.loads(run("cifar-runs", "list", "--all", "--json", *here))) == runs
    path.unlink()
    return all(results)


def peak_memory(*command):
    """MB that one process takes at most."""
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(subprocess.run(
        [sys.executable, "-c", program, str(BIN / command[0]), *map(str, command[1:])],
        check=True, capture_output=True, text=True,
    ).stdout) / 1024


def bench(*arguments):
    """The benchmark program's findings. Recording is timed without a training around it."""
    command = "swift build -c release -Xswiftc -static-stdlib --product registry-bench".split()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    program = ROOT / ".build" / "release" / "registry-bench"
    result = subprocess.run(
        [program, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return json.loads(result.stdout)


def retention(directory, epochs, epoch_seconds):
    """A run that saves every epoch: file and journal at their largest, and what a save takes."""
    path = directory / "long.db"
    found = bench(path, epochs, MEGABYTES)
    print(
        f"{epochs:,} epochs, a checkpoint of {MEGABYTES} MB each, last 2 + best kept, read "
        f"{found['looks']:,} times meanwhile:"
    )
    beyond = found["largest_bytes"] / 1e6 - 4 * MEGABYTES
    share = 100 * found["median_s"] / epoch_seconds
    return all([
        report("file and journal at their largest beyond 4 checkpoints", beyond, 5, "MB"),
        report("reads that found no whole checkpoint", found["failures"], 0, ""),
        report(
            f"a save of {found['median_s'] * 1000:.0f} ms, of an epoch of {epoch_seconds:.0f} s",
            share, 0.5, "%",
        ),
    ]), path


def removal(path):
    identifier = json.loads(run("cifar-runs", "list", "--json", "--registry", path))[0]["id"]
    tiny(path, "--name", "other")
    other = path.stat().st_size
    before = path.stat().st_size
    database = sqlite3.connect(path)
    used = database.execute(
        "SELECT sum(size) FROM blobs WHERE id IN (SELECT blob FROM checkpoints c JOIN runs r "
        "ON r.id = c.run WHERE r.uuid = ?)", [identifier],
    ).fetchone()[0]
    database.close()
    print(f"rm and gc of {used / 1e6:.1f} MB in a file of {other / 1e6:.1f} MB:")
    run("cifar-runs", "rm", identifier, "--yes", "--registry", path)
    memory = peak_memory("cifar-runs", "gc", "--yes", "--registry", path)
    lost = 100 - 100 * (before - path.stat().st_size) / used
    return all([
        report("of the bytes not given back", max(0, lost), 5, "%"),
        report("memory at most", memory, 64, "MB"),
    ])


def epoch_seconds(directory, images=4096):
    """What training 50,000 images takes here, from a part of them."""
    path = directory / "epoch.db"
    run(
        "cifar", "train", "--data", "shapes", "--limit-train", images, "--limit-test", 64,
        "--epochs", 2, "--registry", path, "--quiet",
    )
    row = json.loads(run("cifar-runs", "list", "--json", "--registry", path))[0]
    rows = json.loads(run("cifar-runs", "metrics", row["id"], "--json", "--registry", path))
    return 50_000 / rows[-1]["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--long", type=int, default=1000, help="epochs of the long run")
    parser.add_argument("--only", choices=["many", "retention"])
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if options.only in (None, "many"):
            results.append(many_runs(directory, options.runs, options.epochs))
        if options.only in (None, "retention"):
            good, path = retention(directory, options.long, epoch_seconds(directory))
            results += [good, removal(path)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
