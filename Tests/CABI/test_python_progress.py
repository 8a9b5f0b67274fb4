"""What `fit` shows of a training: in a file, at a terminal, below a cell of a notebook."""

import io
import logging
import os
import re
import subprocess
import sys

import cifar
import pytest
from conftest import ROOT
from terminal import Terminal

SPEC = cifar.ModelSpec().flatten().dense(10)
ENVIRONMENT = {
    **os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"), "TERM": "xterm",
    "LC_ALL": "C.UTF-8"}
PROGRAM = """
import cifar
train, test = cifar.load("shapes", 256, 64)
spec = cifar.ModelSpec().conv2d(16).relu().conv2d(16).global_average_pool().dense(10)
cifar.fit(train, test, model=spec, epochs=2, batch_size=16, {options})
"""
HEAD = r"Run [0-9a-f]{8} in \S+: recipe pytorch, model custom, [\d,]+ parameters, "
EPOCH = (
    r"epoch {}/2  loss \d\.\d{{4}}  acc \d+\.\d\d %  val_loss \d\.\d{{4}}  val_acc \d+\.\d\d %"
    r"  lr 0\.001  [\d.]+ m?s  \d+ img/s(  best)?")


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def test_lines_where_nothing_can_be_redrawn(small, workplace, capsys):
    for verbose in ["auto", 2]:
        cifar.fit(*small, model=SPEC, epochs=2, name="r", verbose=verbose)
        lines = capsys.readouterr().out.splitlines()
        assert re.fullmatch(HEAD + "64 \\+ 32 images of shapes", lines[0]), lines
        assert [bool(re.fullmatch(EPOCH.format(n), lines[n])) for n in (1, 2)] == [True, True]
        assert len(lines) == 3
    cifar.fit(*small, model=SPEC, epochs=1, name="r", verbose=2, validation_split=0.25)
    held = re.fullmatch(
        HEAD + r"(\d+) \+ (\d+) images of shapes \(validation_split 0\.25 holds out (\d+) of 64, (\S+) %\)",
        capsys.readouterr().out.splitlines()[0])
    assert held and int(held[1]) + int(held[2]) == 64 and held[2] == held[3]
    assert held[4] == f"{100 * int(held[2]) / 64:.2f}"
    for verbose in [0, False]:
        cifar.fit(*small, model=SPEC, epochs=1, record=False, verbose=verbose)
        assert capsys.readouterr().out == ""
    cifar.resume(cifar.Registry().runs()[0]["id"], epochs=3, verbose=True)
    text = capsys.readouterr().out
    assert "\r" in text and re.search("epoch 3/3  loss .* img/s", text)
    # Nothing of the bar stays in front of the line.
    assert text.splitlines()[-1].startswith("epoch 3/3")
    assert "\x1b" not in text


@pytest.mark.parametrize("verbose", [3, -1, "yes", None, 1.5, [1]])
def test_other_words_are_refused(small, workplace, verbose):
    with pytest.raises(ValueError, match="is none of 'auto', 0 .nothing., 1 .a bar. and 2"):
        cifar.fit(*small, model=SPEC, epochs=1, verbose=verbose)
    assert not (workplace / "runs.db").exists()


def test_a_bar_at_a_terminal(workplace):
    with Terminal(
        [sys.executable, "-c", PROGRAM.format(options="name='shown'")], ENVIRONMENT, columns=110
    ) as terminal:
        assert terminal.read(60)
    text = terminal.output.decode()
    assert re.search(
        r"\repoch \d/2 \[=* *\] \d+\.\d\d %  loss \d\.\d{4}  accuracy \d+\.\d\d %"
        r"  \d+ img/s  ETA [\d.]+ m?s\x1b\[K", text)
    assert "validating ..." in text
    # What stays are lines.
    kept = [line.split("\r")[-1].replace("\x1b[K", "") for line in text.split("\r\n")]
    assert re.fullmatch(HEAD + "256 \\+ 64 images of shapes", kept[0]), kept
    assert re.fullmatch(EPOCH.format(1), kept[1]) and re.fullmatch(EPOCH.format(2), kept[2])
    assert kept[3:] == [""]


def test_a_narrow_terminal_and_a_dumb_one(workplace):
    for environment, columns in [(ENVIRONMENT, 40), ({**ENVIRONMENT, "TERM": "dumb"}, 80)]:
        with Terminal(
            [sys.executable, "-c", PROGRAM.format(options="record=False")], environment,
            columns=columns,
        ) as terminal:
            assert terminal.read(60)
        drawn = re.findall(r"\r([^\r\n]*?)\x1b\[K", terminal.output.decode())
        assert bool(drawn) == (columns == 40)
        assert all(len(line) < columns for line in drawn)


def test_the_command_says_the_same(workplace):
    """Line for line, but for times."""
    command = [ROOT / "build" / "bin" / "cifar", "train", "--data", "shapes", "--limit-train", 256]
    command += ["--limit-test", 64, "--epochs", 2, "--batch-size", 16, "--name", "shown", "--model"]
    spec = cifar.ModelSpec().conv2d(16).relu().conv2d(16).global_average_pool().dense(10)
    (workplace / "model.json").write_text(spec.to_json())
    said = [
        subprocess.run(
            list(map(str, words)), capture_output=True, text=True, check=True, env=ENVIRONMENT,
        ).stdout
        for words in [
            [sys.executable, "-c", PROGRAM.format(options="name='shown'")], [*command, "model.json"]]
    ]
    times = re.compile(r"Run \w+|  [\d.]+ m?s  \d+ img/s")
    python, command = ([times.sub("", line) for line in text.splitlines()[:3]] for text in said)
    assert python == command


def test_a_closed_output_does_not_end_a_training(small, monkeypatch, caplog):
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    for stream in [Broken(), None]:
        monkeypatch.setattr(sys, "stdout", stream)
        with caplog.at_level(logging.WARNING, "cifar"):
            run = cifar.fit(*small, model=SPEC, epochs=2, record=False, verbose=1)
        assert run.status == "completed"
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "the training continues, but can't be shown any more"]


def test_what_a_terminal_would_obey_is_spelled_out(small, workplace, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    cifar.fit(*small, model=SPEC, epochs=1, registry="r\x1b[2Jü.db")
    stream.flush()
    assert b"in r\\u{1B}[2J\\xfc.db:" in stream.buffer.getvalue()


def test_below_a_cell_of_a_notebook(small, workplace, monkeypatch, capsys):
    """With what IPython has: a display that is updated."""
    shown = []

    class Handle:
        def update(self, bundle, raw):
            assert raw
            shown.append(bundle)

    def display(bundle, raw, display_id):
        assert raw and display_id
        shown.append(bundle)
        return Handle()

    shell = type("Shell", (), {"kernel": object()})()
    ipython = type(sys)("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = type(sys)("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    cifar.fit(*small, model=SPEC, epochs=2, batch_size=8, name="<b>")
    assert capsys.readouterr().out == ""
    assert any('<progress value="8" max="8"' in bundle["text/html"] for bundle in shown)
    assert any(bundle["text/plain"].endswith("validating ...") for bundle in shown)
    lines = shown[-1]["text/plain"].split("\n")
    assert len(lines) == 3 and re.fullmatch(EPOCH.format(2), lines[2])
    assert shown[-1]["text/html"].endswith(f">{shown[-1]['text/plain']}</pre>")

    def press(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cifar.fit(*small, model=SPEC, epochs=2, record=False, on_batch=press)
    assert "<progress" not in shown[-1]["text/html"]
