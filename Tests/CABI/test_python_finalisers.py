"""Objects of the library that finalisers still use, and log functions that come and go."""

import gc
import os
import subprocess
import sys

import cifar
import pytest
from cifar import _library
from conftest import ROOT

# What is wrong here ends the process.
CYCLE = """
import gc

import cifar

train, test = cifar.load("shapes", 64, 32)
spec = cifar.ModelSpec().flatten().dense(10)
cifar.fit(train, test, model=spec, epochs=1, verbose=0, name="run").model.save("m.safetensors")


class User:
    def __init__(self, thing):
        self.thing, self.me = thing, self

    def __del__(self):
        thing = self.thing
        print({uses})


class Loader:
    def __init__(self, thing):
        self.steps = self.walk(thing)
        next(self.steps)

    def walk(self, thing):
        try:
            yield self
        finally:
            print({uses})


for _ in range(5):
    User({make})
    Loader({make})
    gc.collect()
"""


def python(script: str, directory) -> list:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")}
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=directory, env=environment, capture_output=True,
        text=True, timeout=100)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "make, uses",
    [
        ('cifar.Dataset.open("shapes", "test", 32)', "len(thing.images), thing.labels.max()"),
        ('cifar.Model.open("m.safetensors")', "thing.predict(test.images).shape, thing.summary()"),
        ('cifar.Model.open("m.safetensors")', "thing.evaluate(test).count, thing.spec.classes"),
        ("cifar.ModelSpec().flatten().dense(10)", "thing.summary(), len(thing.relu())"),
        ("cifar.Registry()", 'len(thing.runs()), thing.run("run")["name"], thing.verify()'),
    ],
)
def test_finalisers_of_a_cycle_may_use_what_is_in_it(workplace, make, uses):
    script = CYCLE.replace("{make}", make).replace("{uses}", f"repr(({uses}))")
    lines = python(script, workplace)
    assert len(lines) == 10 and len(set(lines)) == 1


def test_what_was_in_a_cycle_is_freed_once(monkeypatch):
    freed = []
    monkeypatch.setitem(_library._free, "model_spec", freed.append)
    cycle = [cifar.ModelSpec()]
    cycle.append(cycle)
    del cycle
    assert not freed
    gc.collect()
    assert len(freed) == 1
    monkeypatch.undo()
    _library._free["model_spec"](freed[0])


def test_arrays_outlive_their_data_set():
    dataset = cifar.Dataset.open("shapes", limit=20)
    images, labels = dataset.images, dataset.labels
    copies = images.copy(), labels.copy()
    del dataset
    gc.collect()
    cifar.Dataset.open("shapes", "test", limit=20)
    assert (images == copies[0]).all() and (labels == copies[1]).all()


def test_what_was_freed_is_null(workplace):
    train, test = cifar.load("shapes", 64, 32)
    run = cifar.fit(train, test, model=cifar.ModelSpec().flatten().dense(10), epochs=1)
    uses = [
        (train, lambda: train.images),
        (run.model, lambda: run.model.evaluate(test)),
        (spec := run.model.spec, spec.summary),
        (registry := cifar.Registry(), registry.runs),
    ]
    for thing, use in uses:
        thing._handle._owner.item().free()
        with pytest.raises(cifar.CifarError, match="NULL") as info:
            use()
        assert info.value.status == "CIFAR_E_INVALID_ARGUMENT"


def test_a_callback_that_is_kept_says_that_training_is_over():
    keeper, trainings = cifar.Callback(), []
    keeper.on_epoch_end = lambda _: trainings.append(keeper._training)
    cifar.fit(
        *cifar.load("shapes", 64, 32), model=cifar.ModelSpec().flatten().dense(10), epochs=1,
        record=False, callbacks=[keeper])
    with pytest.raises(RuntimeError, match="while training only"):
        keeper.set_learning_rate(0.1)
    with pytest.raises(RuntimeError, match="while training only"):
        trainings[0].set_learning_rate(0.1)


# The log ------------------------------------------------------------------------------------------

# A training with more threads than there are says so in the log.
LOG_RACE = """
import sys
import threading
import time

import cifar

sys.setswitchinterval(1e-6)
train, test = cifar.load("shapes", 64, 32)
spec = cifar.ModelSpec().global_average_pool().dense(10)
end = time.monotonic() + 5
heard = 0


def function():
    def hear(level, line):
        global heard
        heard += 1
        if heard % 3 == 0:
            cifar.set_log(function())

    return hear


def change():
    while time.monotonic() < end:
        cifar.set_log(function())


threads = [threading.Thread(target=change) for _ in range(4)]
for thread in threads:
    thread.start()
while time.monotonic() < end:
    cifar.fit(train, test, model=spec, epochs=1, threads=1000, record=False, verbose=0)
for thread in threads:
    thread.join()
cifar.set_log(None)
print(heard > 0)
"""


def test_threads_may_set_the_log_at_once(workplace):
    assert python(LOG_RACE, workplace) == ["True"]


def test_one_log_after_another(small_training):
    heard = []
    for index in range(50):
        cifar.set_log(lambda level, line, index=index: heard.append((index, level)))
    with pytest.raises(TypeError, match="can't be called"):
        cifar.set_log(3)
    small_training()
    cifar.set_log(None)
    small_training()
    assert heard == [(49, 30)]


@pytest.fixture
def small_training():
    train, test = cifar.load("shapes", 64, 32)
    spec = cifar.ModelSpec().global_average_pool().dense(10)
    return lambda: cifar.fit(train, test, model=spec, epochs=1, threads=1000, record=False)
