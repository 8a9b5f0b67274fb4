"""`cifar lr-find`, `cifar.lr_find` and what C says to them."""

import pathlib
import re
import signal
import threading

import cifar
import numpy as np
import pytest
from conftest import run

SMALL = ["--data", "shapes", "--limit-train", 256]
KERAS = ["--recipe", "keras", "--seed", 1]


@pytest.fixture(scope="module")
def train():
    return cifar.load("shapes", limit_train=256, limit_test=32).train


def model():
    return cifar.ModelSpec().conv2d(8).relu().max_pool().max_pool().flatten().dense(10)


def test_a_curve(train, workplace):
    curve = cifar.lr_find(train, model=model(), steps=60)
    assert curve.rates[0] == pytest.approx(1e-7)
    count = len(curve.rates)
    assert np.allclose(curve.rates, 1e-7 * 1e8 ** (np.arange(count) / 59), rtol=1e-12)
    average = 0
    for index, (loss, smoothed) in enumerate(zip(curve.losses, curve.smoothed)):
        average = 0.9 * average + 0.1 * loss
        assert smoothed == pytest.approx(average / (1 - 0.9 ** (index + 1)))
    assert curve.minimum == curve.rates[curve.smoothed.argmin()]
    assert curve.suggestion == min(curve.steepest, curve.minimum / 10)
    assert curve.has_diverged == (count < 60) == (
        curve.smoothed[-1] > 4 * curve.smoothed.min())
    assert curve.reason in curve._repr_html_()
    # The same numbers again; others from other hyperparameters; no trace of it.
    assert (cifar.lr_find(train, model=model(), steps=60).losses == curve.losses).all()
    other = cifar.lr_find(train, model=model(), steps=60, optimizer="sgd", schedule="cosine")
    assert (other.losses[:count] != curve.losses[:len(other.losses)]).any()
    assert not list(pathlib.Path().iterdir())
    nothing = cifar.lr_find(train, model=model(), start=1e-12, end=1e-11, steps=20)
    assert nothing.suggestion is nothing.steepest is nothing.minimum is None
    assert "falls nowhere between 1e-12 and 1e-11" in nothing.reason


def test_it_begins_with_weights(train, workplace):
    first = cifar.fit(
        train, train, model=model(), epochs=3, learning_rate=0.01, verbose=0, record=False)
    options = dict(model=model(), steps=10, end=1e-6)
    fresh, trained = cifar.lr_find(train, **options), cifar.lr_find(train, init=first, **options)
    assert trained.losses[0] < fresh.losses[0] - 0.2


@pytest.mark.parametrize("options, error, message", [
    (dict(start=0), cifar.CifarError, "the rates 0.0 to 10.0 are not above 0"),
    (dict(start=1, end=0.5), cifar.CifarError, "the second the larger"),
    (dict(steps=9), cifar.CifarError, "steps 9 is not in 10 to 10000"),
    (dict(steps=1.5), TypeError, "steps"), (dict(end="x"), TypeError, "end"),
    (dict(recipe="x"), cifar.CifarError, "x"), (dict(momentum=2), cifar.CifarError, "momentum"),
])
def test_what_can_not_be_is_refused(train, options, error, message):
    with pytest.raises(error, match=message):
        cifar.lr_find(train, model=model(), **options)


def test_ctrl_c_ends_it(train):
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        cifar.lr_find(train, end=1e-6, steps=10_000)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.json"
    path.write_text(model().to_json())
    return ["--model", path]


def test_the_command(workplace, model_file):
    said = run("cifar", "lr-find", *SMALL, *KERAS, *model_file, "--svg", "r.svg")
    lines = said.stdout_text.splitlines()
    assert lines[0] == "loss while the learning rate grows"
    rate = lines[-1].removeprefix("--learning-rate ")
    assert 1e-7 < float(rate) < 10
    assert "1e-4" in said.stdout_text and "The loss is smallest at" in said.stdout_text
    picture = pathlib.Path("r.svg").read_text()
    assert picture.startswith("<svg") and "learning rate</text>" in picture
    again = run("cifar", "lr-find", *SMALL, *KERAS, *model_file, "--quiet")
    assert again.stdout_text == f"{rate}\n"
    shown = run("cifar", "lr-find", *SMALL, *KERAS, *model_file, "--svg", "-")
    assert shown.stdout_text == picture and "The loss is smallest" in shown.stderr_text
    assert sorted(path.name for path in pathlib.Path().iterdir()) == ["r.svg"]
    # A network that is nearly flat: it is drawn all the same.
    flat = run(
        "cifar", "lr-find", *SMALL, *model_file, "--steps", 12, "--start", 1e-6, "--end", 2e-6,
        expect=1)
    assert flat.stdout_text.startswith("loss while the learning rate grows\n")
    assert "falls nowhere between 1e-06 and 2e-06" in flat.stderr_text
    # Of the images that the training would have.
    part, whole = (
        run("cifar", "lr-find", *SMALL, *KERAS, *model_file, *options, "--svg", "-").stdout_text
        for options in [["--validation-split", 0.5], []])
    assert part != whole
    pathlib.Path("mine.svg").write_text("mine")
    for options, expected, message in [
        (["--svg", "x.txt"], 2, "--svg 'x.txt' must end in .svg or .png"),
        (["--svg", "mine.svg"], 2, "mine.svg"), (["--svg", "no/such.svg"], 1, "no/such.svg"),
        (["--start", "1", "--end", "0.1"], 2, "the second the larger"),
        (["--steps", "5"], 2, "--steps"), (["--start", "x"], 2, "--start must be a number"),
        (["--start", "1e-12", "--end", "1e-11"], 1, "falls nowhere"),
        (["--end", "1e39"], 2, "the rate of the last step, 1e+39 is infinite in float32"),
        (["--schedule", "cosine"], 2, "--schedule has no part in lr-find: leave it out"),
        (["--early-stopping=off"], 2, "--early-stopping has no part in lr-find"),
        (["--ema", "0.9"], 2, "--ema has no part"), (["--tta", "mirror"], 2, "--tta has no part"),
        (["--epochs", "3"], 2, "--epochs has no part"), (["--name", "a"], 2, "--name has no part"),
        (["--shedule", "cosine"], 2, "unknown option --shedule"),
    ]:
        failed = run("cifar", "lr-find", *SMALL, *model_file, "--steps", 12, *options, expect=expected)
        assert message in failed.stderr_text
        # A picture that can't be is refused before the work.
        assert failed.stdout_text == "" or "falls nowhere" in message
    assert pathlib.Path("mine.svg").read_text() == "mine"


def test_its_help_lists_what_has_a_part_in_it():
    def options(command):
        return set(re.findall(r"^  (--[a-z0-9-]+)", run("cifar", command, "--help").stdout_text, re.M))
    own = {"--start", "--end", "--steps", "--svg", "--force"}
    of_training = options("train") & options("lr-find")
    assert options("lr-find") == of_training | own
    assert {"--optimizer", "--momentum", "--augment", "--freeze", "--validation-split"} < of_training
    assert not of_training & {
        "--epochs", "--steps-per-epoch", "--schedule", "--ema", "--tta", "--early-stopping",
        "--reduce-lr-on-plateau", "--model-checkpoint", "--csv-log", "--terminate-on-nan", "--timer",
        "--name", "--group", "--seeds", "--limit-test", "--tensorboard"}
