"""Kills a training with SIGKILL at random instants, again and again, and looks at what is left.

    python3 Tests/CABI/kill_at_random.py --count 200

After every kill the registry must open, SQLite's integrity check must pass, and every epoch's row
and its checkpoint must both be there or neither. The run is then resumed and killed again, a few
times, until it may finish: its last checkpoint must have the bits of a run that nobody disturbed.
"""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 6
OPTIONS = [
    "--data", "shapes", "--limit-train", "64", "--limit-test", "16", "--batch-size", "16",
    "--epochs", str(EPOCHS), "--seed", "11", "--quiet",
]
TIMES = {"train_seconds", "epoch_seconds"}


def command(*arguments):
    return [str(ROOT / "build" / "bin" / arguments[0]), *map(str, arguments[1:])]


def last_checkpoint(registry, run, directory):
    """Tensors and state of a run's last checkpoint, without what the clock decides."""
    path = directory / "last.safetensors"
    subprocess.run(
        command("cifar", "export", run, "--format", "checkpoint", "--checkpoint", "last", "-o", path,
                "--registry", registry),
        check=True, capture_output=True,
    )
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    state = json.loads(header["__metadata__"]["state"])
    header["__metadata__"]["state"] = {k: v for k, v in state.items() if k not in TIMES}
    return header, data[8 + size:]


def look(registry):
    """What a kill left. Returns the epochs of the run that can be resumed; None without a run."""
    if not registry.exists() or registry.stat().st_size == 0:
        return None
    listing = subprocess.run(
        command("cifar-runs", "list", "--json", "--registry", registry), capture_output=True,
        text=True,
    )
    if "no run was ever recorded" in listing.stderr:
        return None
    assert listing.returncode == 0, listing.stderr
    runs = json.loads(listing.stdout)
    database = sqlite3.connect(registry)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    epochs = {row[0] for row in database.execute("SELECT epoch FROM epochs")}
    # Retention keeps the last two and the best; those that it took had their row as well.
    saved = {row[0] for row in database.execute("SELECT epoch FROM checkpoints WHERE batch = 0")}
    database.close()
    assert saved <= epochs, f"checkpoints {saved} without rows {epochs}"
    assert not epochs or max(epochs) in saved, f"rows {epochs} without checkpoints {saved}"
    assert epochs == set(range(1, len(epochs) + 1))
    if not runs:
        return None
    assert runs[0]["status"] in ("crashed", "completed"), runs[0]["status"]
    assert runs[0]["epochs"] == len(epochs)
    return len(epochs)


def torture(count, seed, directory):
    """Returns how many kills left how many epochs."""
    generator = random.Random(seed)
    reference = directory / "reference.db"
    start = time.monotonic()
    subprocess.run(
        command("cifar", "train", *OPTIONS, "--name", "run", "--registry", reference), check=True,
        capture_output=True,
    )
    whole = time.monotonic() - start
    expected = last_checkpoint(reference, "run", directory)
    kills, finished, left = 0, 0, {}
    while kills < count:
        registry = directory / f"victim{finished}.db"
        rounds = 0
        while True:
            epochs = look(registry)
            arguments = (
                ["train", *OPTIONS, "--name", "run"] if epochs is None
                else ["resume", "run", "--quiet"]
            )
            process = subprocess.Popen(
                command("cifar", *arguments, "--registry", registry), stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True,
            )
            if rounds < 8 and kills < count:
                try:
                    process.wait(generator.uniform(0, whole))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
            errors = process.communicate()[1]
            rounds += 1
            if process.returncode == -signal.SIGKILL:
                found = look(registry)
                left[found] = left.get(found, 0) + 1
                continue
            # A run that was killed before its first checkpoint has nothing to continue from.
            if process.returncode == 1 and "has no checkpoint" in errors:
                registry.unlink()
                continue
            assert process.returncode == 0, errors
            if look(registry) == EPOCHS:
                break
        assert last_checkpoint(registry, "run", directory) == expected, "other bits"
        registry.unlink()
        finished += 1
    return kills, finished, left


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        kills, finished, left = torture(options.count, options.seed, Path(name))
    spread = ", ".join(
        f"{'no run' if key is None else f'{key} epochs'}: {left[key]}"
        for key in sorted(left, key=lambda key: -1 if key is None else key)
    )
    print(f"{kills} kills (left {spread}), {finished} runs resumed to the same bits")


if __name__ == "__main__":
    sys.exit(main())
