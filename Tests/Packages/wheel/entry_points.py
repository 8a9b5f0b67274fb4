"""The entry points `cifar` and `cifar-runs` of an environment are those programs: run by wheel.py.

    entry_points.py DIRECTORY_OF_THE_PROGRAMS
"""

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cifar

# A shell that starts this in the background lets it, and what it starts, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
programs = Path(sys.argv[1])
binaries = Path(cifar.__file__).parent / "bin"
os.chdir(tempfile.mkdtemp())


def started(*command):
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    atexit.register(process.kill)  # where this fails
    return process


LONG = ["train", "--data", "shapes", "--epochs", 1000, "--name"]


def training(name):
    """A training under way, by the entry point."""
    process = started(programs / "cifar", *LONG, name)
    while not os.path.realpath(f"/proc/{process.pid}/exe").startswith(str(binaries)):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    rows = []
    while not rows:
        time.sleep(0.2)
        assert process.poll() is None, process.stdout.read()
        try:
            rows = [row for row in cifar.Registry().runs() if row["name"] == name]
        except cifar.CifarError:  # it is not there yet, or still empty
            pass
    return process


def ignored(process):
    (line,) = [line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
               if line.startswith("SigIgn")]
    return line


# The process is the command's own, and a signal ends it as such.
for number in (signal.SIGINT, signal.SIGTERM):
    process = training(number.name)
    assert process.args[0] == str(programs / "cifar")
    direct = started(binaries / "cifar", *LONG, "direct", "--registry", "direct.db")
    until = time.time() + 60
    while ignored(process) != ignored(direct):  # before it trains it ignores fewer
        assert time.time() < until, "a signal is ignored that should not be"
        time.sleep(0.1)
    direct.kill()
    direct.communicate()
    process.send_signal(number)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == -number, (process.returncode, text)
    assert cifar.Registry().run(number.name)["status"] == "interrupted"

# Any bytes are handed on as arguments, and output is the command's own, byte by byte.
for arguments in [["--help"], ["list", "--json"], ["show", "nothing like it"], [b"\xff\xfe"], []]:
    said = [
        subprocess.run([program, *arguments], capture_output=True)
        for program in (str(programs / "cifar-runs"), str(binaries / "cifar-runs"))
    ]
    assert said[0].returncode == said[1].returncode
    assert said[0].stdout == said[1].stdout and said[0].stderr == said[1].stderr, said

# They need neither NumPy nor the library.
began = time.time()
for _ in range(10):
    subprocess.run([programs / "cifar", "--version"], check=True, capture_output=True)
print(f"signals, exit codes, arguments and output are the commands' own; "
      f"cifar --version takes {(time.time() - began) / 10:.3f} s")
