"""What the tests beside other programs share. `make test-interop` installs these into
.venv-interop and runs all."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("KERAS_BACKEND", "torch")
# Small models: threads would wait for each other longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PATH"] = f"{ROOT / 'build' / 'bin'}:{os.environ['PATH']}"

import cifar  # noqa: E402  # it lies in the source tree

IMAGES = 64
PRESETS = ["tutorial", "tutorial-gap", "tutorial-resnet"]
# Every kind of layer, in the ways of computing that it has; the one on flat values after a flatten
# tells whether its order is kept.
EVERY_LAYER = (
    cifar.ModelSpec()
    .conv2d(12, 5).gelu().batch_norm().max_pool()
    .residual(
        lambda block: block.conv2d(16, 3, stride=2).batch_norm().relu().residual(
            lambda inner: inner.conv2d(16).gelu().conv2d(16, 1, padding="valid")),
        lambda shortcut: shortcut.conv2d(16, 1, stride=2, padding="valid").batch_norm())
    .relu().dropout(0.1).conv2d(20, 3, padding="valid").avg_pool()
    .flatten().batch_norm().dense(40).batch_norm().gelu()
    .residual(lambda block: block.dense(40).relu()).dropout(0.2).dense(10)
)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """A directory of its own, with an empty registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFAR_REGISTRY", str(tmp_path / "runs.db"))
    return tmp_path


@pytest.fixture(scope="session")
def images():
    """CIFAR-10's test images where they are at hand, else drawings: (N, 3, 32, 32) bytes."""
    try:
        test = cifar.Dataset.open(None, "test", limit=IMAGES)
    except cifar.CifarError:
        test = cifar.Dataset.open("shapes", "test", limit=IMAGES)
    return np.ascontiguousarray(test.images.transpose(0, 3, 1, 2))


@pytest.fixture(scope="session")
def models():
    """Gives a trained model by its name and dialect, which is trained when it is first asked for."""
    train, test = cifar.load("shapes", limit_train=96, limit_test=32)
    found = {}

    def model(name, recipe="pytorch"):
        if (name, recipe) not in found:
            spec = EVERY_LAYER if name == "every layer" else name
            found[name, recipe] = cifar.fit(
                train, test, model=spec, recipe=recipe, epochs=1, batch_size=32, record=False).model
        return found[name, recipe]

    return model


def command(*words):
    """Runs a command of the build and returns what it printed."""
    return subprocess.run(
        list(map(str, words)), check=True, capture_output=True, text=True).stdout
