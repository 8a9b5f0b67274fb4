"""The programs that run.py asks: cifar-bench, and the peers in environments of their own.

An environment is a directory of .venv-bench, with the packages that requirements/NAME.txt pins:
some of the peers need versions of one another's dependencies that exclude each other.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
VENV = ROOT / ".venv-bench"
REQUIREMENTS = ROOT / "Benchmarks" / "requirements"
PEERS = {
    "torch": "PyTorch", "keras": "Keras", "onnxruntime": "onnxruntime", "openvino": "OpenVINO",
    "mnn": "MNN", "ncnn": "ncnn",
}

# Threads that have finished may spin for a while before they sleep, and would slow down whoever is
# measured next.
PAUSE = 0.3  # seconds


class Failed(Exception):
    """A measurement or an installation that did not come about; says why."""


class Process:
    """A program that answers a measurement a line. One that crashed is started again."""

    def __init__(self, *command, log):
        self.command = [str(word) for word in command]
        self.log = log
        self.start()

    def start(self):
        with open(self.log, "ab") as errors:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                text=True, env=environment(),
            )

    def ask(self, *words):
        time.sleep(PAUSE)
        if self.process.poll() is not None:
            self.start()
        question = " ".join(map(str, words))
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, as the missing answer shows
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise Failed(f"{how} during '{question}', see {self.log}")
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            raise Failed(f"answered '{line.strip()}', which is no JSON") from None
        if isinstance(answer, dict) and "error" in answer and "accuracy" not in answer:
            raise Failed(answer["error"])
        return answer

    def end(self):
        """At once: it may be in the middle of a measurement that nobody waits for."""
        self.process.kill()
        self.process.communicate()


def environment():
    """For processes that import `cifar`; compiled code of PyTorch is kept for the next run."""
    return dict(
        os.environ, CIFAR_LIBRARY=str(BUILD / "lib" / "libcifar.so"),
        PYTHONPATH=str(ROOT / "bindings" / "python"),
        TORCHINDUCTOR_CACHE_DIR=str(VENV / "inductor"),
    )


def python(name):
    return VENV / name / "bin" / "python"


def install(name):
    """Makes an environment, unless it is there.

    Raises Failed where pip cannot install it.
    """
    stamp = VENV / name / "ready"
    wanted = (REQUIREMENTS / f"{name}.txt").read_text() + sys.version
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {', '.join(packages(name))} into .venv-bench/{name}", flush=True)
    steps = [
        [sys.executable, "-m", "venv", "--clear", str(VENV / name)],
        [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "-r", str(REQUIREMENTS / f"{name}.txt")],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
            raise Failed(f"could not be installed: {lines[-1]}")
    stamp.write_text(wanted)


def packages(name):
    return (REQUIREMENTS / f"{name}.txt").read_text().split()


def start_bench(threads, directory):
    program = ROOT / ".build" / "release" / "cifar-bench"
    if not program.exists():
        raise Failed("has no cifar-bench yet: make build bench-program")
    return Process(program, threads, directory, log=directory / "libcifar.log")


def start_peer(name, threads, directory):
    return Process(
        python(name), ROOT / "Benchmarks" / "peers" / f"peer_{name}.py", threads, directory,
        log=directory / f"{name}.log",
    )
