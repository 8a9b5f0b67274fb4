"""What is raised while C has the word comes out of the call, and nothing is left behind."""

import errno
import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cifar
import numpy as np
import pytest
from cifar._handle import Handle
from conftest import ROOT

SPEC = cifar.ModelSpec().flatten().dense(10)
ENDLESS = {"model": SPEC, "epochs": 10**6, "early_stopping": False}
PACKAGE = str(Path(cifar.__file__).parent)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def test_what_is_an_os_error_has_its_number():
    with pytest.raises(FileNotFoundError) as caught:
        cifar.Model.open("nowhere.safetensors")
    assert caught.value.errno == errno.ENOENT and "nowhere.safetensors" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.errno == errno.ENOENT and str(again) == str(caught.value)


@pytest.fixture
def handlers():
    """Signal handlers as they were before the test."""
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1]
    before = [signal.getsignal(number) for number in numbers]
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


@pytest.fixture
def lost(monkeypatch):
    """Exceptions that Python could only print."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: seen.append(info.exc_value))
    return seen


def raising(error):
    def handler(number, frame):
        raise error

    return handler


def handles() -> int:
    gc.collect()
    return sum(isinstance(item, Handle) for item in gc.get_objects())


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


# Signals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error, callbacks",
    [
        (TimeoutError("time is up"), []),
        (TimeoutError("time is up"), [lambda epoch: None]),
        (SystemExit(143), []),
        (KeyboardInterrupt("mine"), []),
    ],
)
def test_what_a_signal_handler_raises_comes_out(small, workplace, handlers, lost, error, callbacks):
    signal.signal(signal.SIGALRM, raising(error))
    handler = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    started = time.monotonic()
    with pytest.raises(type(error)) as info:
        cifar.fit(*small, **ENDLESS, name="limited", callbacks=callbacks)
    assert info.value is error and time.monotonic() - started < 30
    assert signal.getsignal(signal.SIGALRM) is handler and lost == []
    assert cifar.Registry().run("limited")["status"] == "interrupted"


def test_a_signal_handler_that_does_not_raise_is_called_and_training_goes_on(small, handlers):
    calls = []
    signal.signal(signal.SIGALRM, lambda number, frame: calls.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    run = cifar.fit(
        *small, model=SPEC, epochs=3, record=False, callbacks=[lambda epoch: time.sleep(0.05)])
    assert run.status == "completed" and len(calls) > 3


def test_a_callback_may_have_a_time_limit_of_its_own(small, handlers):
    signal.signal(signal.SIGALRM, raising(TimeoutError("short")))
    met = []

    def slow(epoch):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            time.sleep(60)
        except TimeoutError as error:
            met.append(error)

    started = time.monotonic()
    run = cifar.fit(*small, model=SPEC, epochs=2, record=False, callbacks=[slow])
    assert run.status == "completed" and len(met) == 2 and time.monotonic() - started < 30


def test_handlers_that_a_callback_installs_stay(small, handlers):
    mine = raising(TimeoutError("mine"))
    cifar.fit(
        *small, model=SPEC, epochs=1, record=False,
        callbacks=[lambda epoch: signal.signal(signal.SIGINT, mine) and None],
    )
    assert signal.getsignal(signal.SIGINT) is mine


def test_a_training_in_a_callback_hands_on_what_is_raised(small, handlers, lost):
    signal.signal(signal.SIGALRM, raising(TimeoutError("outer")))
    seen = []

    def inner(epoch):
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            cifar.fit(*small, **ENDLESS, record=False)
        except TimeoutError as error:
            seen.append(error)
            raise

    with pytest.raises(TimeoutError, match="outer") as info:
        cifar.fit(*small, model=SPEC, epochs=2, record=False, callbacks=[inner])
    assert seen == [info.value] and lost == []


def test_ctrl_c_at_random_times():
    """Also two signals at once: one of their exceptions comes out, and no run stays running."""
    script = Path(__file__).with_name("interrupt_at_random.py")
    done = subprocess.run(
        [sys.executable, script, "40"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr == "", (done.stdout, done.stderr)
    assert done.stdout.startswith("40 shots:")


def test_asyncio_gets_its_ctrl_c():
    program = """
import asyncio, os, signal, threading, time
import cifar
train, test = cifar.load("shapes", limit_train=64, limit_test=32)
spec = cifar.ModelSpec().flatten().dense(10)
async def main():
    def shoot():
        for _ in range(2):
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=shoot).start()
    cifar.fit(
        train, test, epochs=10**6, model=spec, record=False, early_stopping=False)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True,
        timeout=120,
    )
    assert "interrupted" in done.stdout and "callback function" not in done.stderr


# Every bytecode -----------------------------------------------------------------------------------


class Injection:
    """Raises KeyboardInterrupt before one bytecode of the package's own code."""

    FILES = ("_listening.py", "_library.py", "_handle.py", "training.py", "events.py")

    def __init__(self, place=None):
        self.place = place
        self.count = 0
        self.is_over = False

    def __call__(self, frame, event, argument):
        name = frame.f_code.co_filename
        if self.is_over or not name.startswith(PACKAGE) or not name.endswith(self.FILES):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event in ("call", "opcode"):
            self.count += 1
            if self.count == self.place:
                self.is_over = True
                raise KeyboardInterrupt
        return self

    def fit(self, *data, **options):
        sys.settrace(self)
        try:
            return cifar.fit(*data, **options)
        finally:
            self.is_over = True
            sys.settrace(None)


def test_an_exception_at_any_bytecode_comes_out_and_leaves_nothing(small, workplace, lost):
    options = {"model": SPEC, "epochs": 1, "callbacks": [lambda epoch: None]}
    every = Injection()
    every.fit(*small, name="whole", **options)
    assert every.count > 500
    before, threads_before = handles(), threads()
    places = random.Random(3).sample(range(1, every.count - 5), 150)
    for place in sorted(places):
        with pytest.raises(KeyboardInterrupt):
            Injection(place).fit(*small, name=f"at {place}", **options)
        assert lost == [], place
    assert handles() == before and threads() <= threads_before
    statuses = {run["status"] for run in cifar.Registry().runs()}
    assert statuses == {"completed", "interrupted"}


# Several exceptions -------------------------------------------------------------------------------


class Failing(cifar.Callback):
    def on_epoch_end(self, epoch):
        raise ValueError("the first")

    def on_train_end(self):
        raise KeyError("the second")


def test_the_first_exception_wins(small):
    with pytest.raises(ValueError, match="the first") as info:
        cifar.fit(*small, model=SPEC, epochs=2, record=False, callbacks=[Failing()])
    if sys.version_info >= (3, 11):
        assert "KeyError: 'the second'" in info.value.__notes__[0]
    else:
        assert isinstance(info.value.__context__, KeyError)


@pytest.mark.parametrize("error", [GeneratorExit, StopIteration, StopAsyncIteration, BaseException])
def test_exceptions_that_mean_something_to_generators_come_out_too(small, error):
    with pytest.raises(error):
        cifar.fit(*small, model=SPEC, epochs=2, record=False, callbacks=[raising_once(error)])


def raising_once(error):
    def callback(epoch):
        raise error

    return callback


def test_the_registry_says_who_stopped_a_run(small, workplace):
    def fail(epoch):
        raise ValueError

    with pytest.raises(ValueError):
        cifar.fit(*small, model=SPEC, epochs=2, name="a", callbacks=[fail])
    with pytest.raises(SystemExit):
        cifar.fit(*small, model=SPEC, epochs=2, name="b", callbacks=[lambda epoch: sys.exit(3)])
    run = cifar.fit(
        *small, model=SPEC, epochs=2, name="c", callbacks=[raising_once(cifar.StopTraining)])
    statuses = [cifar.Registry().run(name)["status"] for name in "abc"]
    assert statuses == ["stopped", "interrupted", "stopped"]
    assert "raising_once.<locals>.callback in " in run.reason
    assert "test_python_exceptions.py:" in run.reason and "raised StopTraining)" in run.reason


@pytest.mark.parametrize("answer", [True, np.True_, False, None, 1, "yes"])
def test_what_a_callback_returns_is_ignored(small, answer):
    class Returns(cifar.Callback):
        def on_batch_end(self, batch):
            return answer

        on_train_begin = on_validation_begin = lambda self: answer

    run = cifar.fit(
        *small, model=SPEC, epochs=2, record=False, on_batch=lambda batch: answer,
        callbacks=[lambda epoch: answer, Returns()])
    assert run.status == "completed" and len(run.epochs) == 2


def test_a_flag_stops_and_starts_over(small, workplace):
    class Flagged(cifar.Callback):
        def on_epoch_end(self, epoch):
            self.stop_training = np.True_

    flagged, seen = Flagged(), []
    run = cifar.fit(*small, model=SPEC, epochs=3, name="a", callbacks=[flagged, seen.append])
    assert (run.status, len(seen)) == ("stopped", 1)
    assert "(Flagged.stop_training is True)" in run.reason
    # Also from outside of it, and once for each training.
    quiet = cifar.Callback()
    run = cifar.resume(
        "a", callbacks=[quiet], on_batch=lambda batch: setattr(quiet, "stop_training", True))
    assert run.status == "stopped" and run.epochs == []
    run = cifar.resume("a", callbacks=[quiet])
    assert run.status == "completed" and len(run.epochs) == 2
    # An exception wins over the wish to stop.
    with pytest.raises(KeyError):
        cifar.fit(
            *small, model=SPEC, epochs=3, record=False,
            callbacks=[raising_once(cifar.StopTraining), raising_once(KeyError)])


def test_a_callback_has_the_model_and_the_params(small, workplace):
    """The model of the moment, which later batches leave alone."""
    class Looker(cifar.Callback):
        def __init__(self):
            self.models = []

        def on_batch_end(self, batch):
            self.models.append(self.model)

        def on_epoch_end(self, epoch):
            self.at_the_end = self.model.evaluate(small.test)
            assert abs(self.at_the_end.loss - epoch.val_loss) < 1e-5

    looker = Looker()
    run = cifar.fit(
        *small, model=SPEC, epochs=2, batch_size=32, callbacks=[looker], ema=0.9, name="looked",
        early_stopping=False)
    plain = cifar.fit(
        *small, model=SPEC, epochs=2, batch_size=32, ema=0.9, record=False, early_stopping=False)
    assert run.epochs[-1].val_loss == plain.epochs[-1].val_loss
    first, last = looker.models[0], looker.models[-1]
    assert first.evaluate(small.test).loss != last.evaluate(small.test).loss
    assert last.evaluate(small.test) == looker.at_the_end
    assert looker.params == {"epochs": 2, "steps": 2, "batch_size": 32, "verbose": 2}
    with pytest.raises(RuntimeError, match="while training only"):
        looker.model


def test_verify_raises_what_a_signal_handler_raises(small, workplace, handlers, lost):
    for index in range(3):
        cifar.fit(*small, model=SPEC, epochs=1, name=f"v{index}")
    signal.signal(signal.SIGALRM, raising(TimeoutError("verify")))
    registry = cifar.Registry()
    met = 0
    for index in range(60):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0005 + index * 0.0002)
            registry.verify()
            time.sleep(0.1)
        except TimeoutError:
            met += 1
    assert met == 60 and lost == []
