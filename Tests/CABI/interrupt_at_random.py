"""Ctrl-C at random moments of trainings in Python: `interrupt_at_random.py [COUNT] [SEED]`.

Some of the signals come in pairs. Whatever was under way, an exception comes out or the training is
done, no handle stays, nothing is printed, and no run stays "running". 1,000 take minutes.
"""

import gc
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings" / "python"))

import cifar  # noqa: E402
from cifar._handle import Handle  # noqa: E402

LOST = []


def handles():
    gc.collect()
    return sum(isinstance(item, Handle) for item in gc.get_objects())


def shoot(delay, twice, over):
    time.sleep(delay)
    if not over.is_set():
        os.kill(os.getpid(), signal.SIGINT)
        if twice:
            os.kill(os.getpid(), signal.SIGTERM)


def train(data, model, name, shots, longest):
    """One training under fire; returns what came out of it."""
    over = threading.Event()
    arguments = (shots.random() * longest, shots.random() < 0.3, over)
    thread = threading.Thread(target=shoot, args=arguments)
    try:
        try:
            try:
                thread.start()
                cifar.fit(
                    *data, model=model, epochs=2, name=name, verbose=0,
                    callbacks=[lambda epoch: None])
            finally:
                over.set()
                thread.join()
        finally:
            thread.join()
            time.sleep(0.001)
    except (KeyboardInterrupt, SystemExit) as error:
        return type(error).__name__
    return "completed"


def leave(number, frame):
    raise SystemExit(143)


def main(count, seed):
    sys.unraisablehook = lambda info: LOST.append(info.exc_value)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    os.chdir(tempfile.mkdtemp())
    data = cifar.load("shapes", 64, 32)
    model = cifar.ModelSpec().flatten().dense(10)
    shots = random.Random(seed)
    started = time.perf_counter()
    cifar.fit(*data, model=model, epochs=2, name="first", verbose=0)
    longest = 1.2 * (time.perf_counter() - started)
    before = handles()
    came = Counter(train(data, model, f"r{index}", shots, longest) for index in range(count))
    statuses = Counter(row["status"] for row in cifar.Registry("cifar-runs.db").runs())
    left = handles() - before
    print(f"{count} shots: {dict(came)}; runs {dict(statuses)}; handles left {left}; lost {LOST}")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert left == 0 and LOST == [] and set(statuses) <= {"completed", "interrupted"}
    assert came["KeyboardInterrupt"] + came["SystemExit"] > count // 4


if __name__ == "__main__":
    os.environ.pop("CIFAR_REGISTRY", None)
    main(*map(int, sys.argv[1:] or ["1000"]), *([7] if len(sys.argv) < 3 else []))
