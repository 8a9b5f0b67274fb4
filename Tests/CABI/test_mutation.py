"""Every number of a valid checkpoint and every cell of a valid registry, set to what it cannot be:
an answer or an error, never a signal, never a hang."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cifar
import mutation
import pytest
from conftest import BUILD, ROOT

# Seconds that a case may take; the slowest ones take a tenth of one.
PATIENCE = 60
WORKERS = 2


@pytest.fixture(scope="module")
def valid():
    """A directory with a registry of two runs, the same with relaxed tables, and a checkpoint."""
    # Thousands of transactions: where there is one, in a file system that need not reach a disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = Path(tempfile.mkdtemp(dir=memory))
    path = directory / "runs.db"
    train, test = cifar.load("shapes", limit_train=32, limit_test=16)
    options = dict(
        model=mutation.MODEL, batch_size=16, epochs=2, threads=1, registry=path, keep_last=0)
    cifar.fit(
        train, test, name="bad", tags=["a tag"], callbacks=[lambda epoch: epoch.log(f1=0.5)],
        **options)
    # Its first epoch is that of the first session; the others are superseded.
    cifar.resume("bad", train=train, validation=test, checkpoint=1, threads=1, registry=path)
    cifar.fit(train, test, name="good", **options)
    registry = cifar.Registry(path)
    registry.note("bad", "a note")
    registry.export(1, directory / "checkpoint.safetensors")
    assert registry.verify() == []
    del registry
    shutil.copyfile(path, directory / "relaxed.db")
    mutation.relax(directory / "relaxed.db")
    yield directory
    shutil.rmtree(directory)


class Worker:
    """A process that tries cases; one that ends by a case is started again for the next."""

    def __init__(self, directory):
        self.directory = Path(tempfile.mkdtemp(dir=directory))
        for file in ("runs.db", "relaxed.db", "checkpoint.safetensors"):
            os.link(directory / file, self.directory / file)
        self.process = None

    def answer(self, case):
        """What came of the case, or how the process ended."""
        if self.process is None:
            environment = dict(os.environ, PYTHONPATH=str(ROOT / "bindings" / "python"))
            self.process = subprocess.Popen(
                [sys.executable, mutation.__file__, self.directory], env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.end()
            return f"nothing after {PATIENCE} s"
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        errors = self.process.stderr.read().strip().splitlines()
        code = self.process.wait()
        self.end()
        return f"exit code {code}: {errors[-1] if errors else 'no word'}"

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def outcomes(directory, cases):
    """Each case with its outcomes; fails with the cases that ended their process."""

    def work(some):
        worker = Worker(directory)
        try:
            return [(case, worker.answer(case)) for case in some]
        finally:
            worker.end()

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = pool.map(work, [cases[number::WORKERS] for number in range(WORKERS)])
        results = [result for answer in answers for result in answer]
    wrong = [f"{case}: {answer}" for case, answer in results if isinstance(answer, str)]
    assert wrong == []
    return results


def test_numbers_of_a_checkpoint(valid):
    header, _ = mutation.take_apart((valid / "checkpoint.safetensors").read_bytes())
    cases = []
    for part in ("state", "hyperparameters"):
        tree = json.loads(header["__metadata__"][part])
        cases += [
            (part, path, value) for path in mutation.numbers_in(tree) for value in mutation.VALUES]
    results = outcomes(valid, cases)
    assert len(results) > 500
    # What was done is what was meant: unchanged values work, others are refused by name.
    by_case = {(part, tuple(path), value): answer for (part, path, value), answer in results}
    assert by_case["state", ("epoch",), "1"] == ["open: ok", "predict: ok", "evaluate: ok", "resume: ok"]
    for value in ("-1", "2^31", "2^63-1"):
        opened, resumed = by_case["state", ("epoch",), value]
        assert "epoch is " in opened and "epoch is " in resumed
    assert "step is " in by_case["state", ("step",), "2^63-1"][0]


def test_cells_of_a_registry(valid):
    cases = [
        (*cell, value) for cell in mutation.cells(valid / "runs.db") for value in mutation.VALUES]
    results = outcomes(valid, cases)
    assert len(results) > 1000
    # Most were stored, and read again.
    assert sum(answer != ["SQLite refuses it"] for _, answer in results) > 0.8 * len(results)
    errors = {
        outcome for (table, _, column, _), answer in results for outcome in answer
        if f"{table}.{column} is " in outcome}
    assert len(errors) > 100


COMMANDS = {
    "runs": ["list", "list --json", "show bad", "doctor"],
    "sessions": ["show bad", "show bad --json", "show bad --environment", "show bad --patch"],
    "epochs": ["show bad", "plot bad", "metrics bad", "export bad --format csv", "compare bad good"],
    "metrics": ["metrics bad", "plot bad --metric f1", "export bad --format tensorboard -o {}"],
    "checkpoints": ["checkpoints bad", "export bad", "slim bad --dry-run"],
    "evaluations": ["report bad -o {}/page.html", "show bad"],
    "predictions": ["report bad -o {}/page.html"],
}


def test_commands_on_cells_of_a_registry(valid):
    """What only the commands do with values: tables, curves, pages."""
    cells = {}
    for table, condition, column in mutation.cells(valid / "runs.db"):
        cells.setdefault((table, column), condition)
    cases = [
        (table, condition, column, value, command)
        for (table, column), condition in cells.items() for value in mutation.VALUES
        for command in [COMMANDS.get(table, ["show bad"])]]

    def attempt(case):
        table, condition, column, value, commands = case
        directory = Path(tempfile.mkdtemp(dir=valid))
        registry = directory / "runs.db"
        shutil.copyfile(valid / "relaxed.db", registry)
        wrong = []
        if mutation.put(registry, table, condition, column, mutation.VALUES[value]):
            for command in commands:
                words = [word.format(directory) for word in command.split()]
                process = subprocess.run(
                    [BUILD / "bin" / "cifar-runs", *words, "--registry", registry],
                    capture_output=True, text=True, errors="replace", timeout=PATIENCE)
                lines = process.stderr.splitlines()
                if process.returncode not in (0, 1, 2) or process.returncode and len(lines) > 3:
                    wrong.append((table, column, value, command, process.returncode, lines[:3]))
        shutil.rmtree(directory)
        return wrong

    with ThreadPoolExecutor(WORKERS) as pool:
        assert [wrong for found in pool.map(attempt, cases) for wrong in found] == []
