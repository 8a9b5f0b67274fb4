"""Histories, learning curves, and what notebooks show of objects."""

import html.parser
import subprocess
import sys

import cifar
import matplotlib
import pandas
import pytest

matplotlib.use("agg")

SPEC = cifar.ModelSpec().flatten().dense(10)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


class Page(html.parser.HTMLParser):
    """The cells of a table, row by row; every tag must be closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, _):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_a_history_is_keras(small):
    run = cifar.fit(*small, model=SPEC, epochs=3, record=False, early_stopping=False)
    history = run.history
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    assert history["val_accuracy"] == [epoch.val_accuracy for epoch in run.epochs]
    assert history["loss"] == [epoch.train_loss for epoch in run.epochs]
    assert pandas.DataFrame(history).shape == (3, 5)


def test_curves_are_those_of_the_whole_run(small, workplace):
    first = cifar.fit(*small, model=SPEC, epochs=2, name="a", early_stopping=False)
    run = cifar.resume("a", epochs=5)
    loss, accuracy = run.plot()
    for ax, metric, factor in [(loss, "loss", 1), (accuracy, "accuracy", 100)]:
        drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}
        for label, part in [("training", "train"), ("validation", "val")]:
            assert drawn[label] == [
                [epoch.epoch, factor * getattr(epoch, f"{part}_{metric}")]
                for epoch in first.epochs + run.epochs]
    unrecorded = cifar.fit(*small, model=SPEC, epochs=1, record=False)
    assert len(unrecorded.plot()[0].get_lines()[0].get_xdata()) == 1
    matplotlib.pyplot.close("all")


def test_without_matplotlib_it_says_so():
    program = """
import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
from cifar._plot import curves
try:
    curves([])
except ImportError as error:
    print(error)
"""
    root = cifar.__path__[0].removesuffix("/cifar")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": root})
    assert done.stdout == "plot needs matplotlib: pip install matplotlib\n"


def test_a_run_as_a_table(small, workplace):
    run = cifar.fit(*small, model=SPEC, epochs=30, early_stopping=False, verbose=0)
    page = Page(run._repr_html_())
    assert f"Run {run.id[:8]}, completed: all 30 epochs are done" in page.text
    assert page.rows[1] == ["… 10 more before these"] and len(page.rows) == 22
    assert page.rows[2][0] == "11" and page.rows[-1][0] == "30"
    assert page.rows[-1][3] == f"{run.epochs[-1].val_loss:.4f}"


def test_an_evaluation_as_a_confusion_matrix(small):
    names = ["<b>", *"bcdefghij"]
    test = cifar.Dataset.from_arrays(small.test.images, small.test.labels, names)
    train = cifar.Dataset.from_arrays(small.train.images, small.train.labels, names)
    result = cifar.fit(train, test, model=SPEC, epochs=1, record=False).model.evaluate(test)
    page = Page(result._repr_html_())
    assert f"accuracy {result.accuracy:.2%}" in page.text
    assert page.rows[0] == ["is ↓ taken for →", *names, "precision", "recall", "f1"]
    for row, name, counts in zip(page.rows[1:], names, result.confusion):
        assert row[0] == name
        assert [0 if cell == "·" else int(cell) for cell in row[1:11]] == counts
        assert row[11:] == [f"{score:.3f}" for score in result.classes[name][:3]]


def test_models_and_the_registry(small, workplace):
    for name in ["<i>first", "second"]:
        run = cifar.fit(*small, model=SPEC, epochs=1, name=name)
    assert "1 (dense)" in SPEC._repr_html_() and run.model._repr_html_() == SPEC._repr_html_()
    page = Page(cifar.Registry()._repr_html_())
    assert [row[1] for row in page.rows] == ["name", "<i>first", "second"]
    assert page.rows[2][4] == "1/1"
