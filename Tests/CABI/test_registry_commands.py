"""cifar-runs, as a person and as a script use it."""

import csv
import io
import json
import math
import os
import pty
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import cifar
import pytest
from conftest import BUILD, run, start
from test_commands import wait_for_epochs

DATA = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--batch-size", 32]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Three runs: one plain, one with a higher rate, one that diverged (by hand)."""
    path = tmp_path_factory.mktemp("original") / "runs.db"
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    for name, lr in [("plain", 1e-3), ("fast", 1e-2), ("<diverged> & 'co'", 1e-1)]:
        cifar.fit(
            *data, epochs=2, batch_size=32, registry=path, name=name, learning_rate=lr, tags=["sweep"],
            callbacks=[lambda epoch: epoch.log(score=epoch.epoch)],
        )
    database = sqlite3.connect(path)
    database.execute(
        "UPDATE epochs SET val_loss = NULL, train_loss = 9e999, nan = 'val_loss' "
        "WHERE run = 3 AND epoch = 2"
    )
    database.execute("UPDATE runs SET last_val_loss = NULL WHERE id = 3")
    losses = "SELECT min(val_loss) FROM epochs WHERE run = 3"
    database.execute(f"UPDATE runs SET best_val_loss = ({losses}) WHERE id = 3")
    database.commit()
    return path


@pytest.fixture
def registry(original, workplace):
    shutil.copy(original, workplace / "runs.db")
    return workplace / "runs.db"


def output(*command, **options):
    return run("cifar-runs", *command, **options).stdout_text


def data(*command):
    return json.loads(output(*command, "--json"))


def names(*options):
    return [row["name"] for row in data("list", *options)]


DIVERGED = "<diverged> & 'co'"


# Finding ------------------------------------------------------------------------------------------


def test_list_in_every_form(registry):
    rows = data("list")
    assert [row["name"] for row in rows] == [DIVERGED, "fast", "plain"]
    assert [json.loads(line) for line in output("list", "--jsonl").splitlines()] == rows
    table = list(csv.DictReader(io.StringIO(output("list", "--csv"))))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert json.loads(table[0]["tags"]) == rows[0]["tags"] == ["sweep"]
    lines = output("list").splitlines()
    assert len(lines) == 4 and lines[0].split()[0] == "ID" and "2/2" in lines[1]
    assert not any("\x1b" in line for line in lines)


def test_list_selects_sorts_and_cuts(registry):
    assert names("--filter", "learning_rate < 0.05 and not name = fast") == ["plain"]
    assert names("--sort", "learning_rate") == ["plain", "fast", DIVERGED]
    assert names("--sort", "learning_rate", "--desc", "-n", 1) == [DIVERGED]
    assert names("--status", "failed,crashed") == [] and len(names("--tag", "sweep")) == 3
    assert len(names("--since", "1h")) == 3 and names("--tag", "it's not there") == []
    assert names("--since", "2001-01-01", "--filter", "metrics.score = 2", "--sort", "name")[0]
    rows = output("list", "--columns", "name,learning_rate,optimizer.beta1,metrics.score", "--csv")
    assert rows.splitlines()[-1] == "plain,0.001,0.9,2.0"


def test_list_shows_twenty(workplace):
    data = cifar.load("shapes", limit_train=2, limit_test=2)
    cifar.fit(*data, epochs=1, batch_size=2, name="first")
    registry = cifar.Registry()
    for _ in range(21):
        registry.fork("first")
    assert len(output("list").splitlines()) == 21 and len(names()) == 20
    assert len(names("--all")) == 22 and len(names("-n", 21)) == 21


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["list", "--filter", "val_acuracy > 0.8"], 2, "column 1: .*did you mean val_accuracy"),
        (["list", "--filter", "learning_rate < 1 and (epochs > 1"], 2, "column 34"),
        (["list", "--sort", "colour"], 2, "colour"),
        (["list", "--columns", "id,colour"], 2, "colour"),
        (["show", "nobody"], 1, "nobody"), (["tag", "plain", "two\nlines"], 2, "tag"),
        (["checkpoints", "plain", "--pin", "99"], 1, "99"),
        (["restore", "plain"], 1, "not in the trash"),
        (["best", "--max", "metrics.none"], 1, "metrics.none"),
    ],
)
def test_what_fails_says_why_on_one_line(registry, arguments, code, words):
    result = run("cifar-runs", *arguments, expect=code)
    assert re.search(words, result.stderr_text) and len(result.stderr_text.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["list", "--json", "--csv"], "exclude"), (["list", "--status", "done"], "completed"),
        (["list", "--since", "soon"], "soon"), (["compare", "plain"], "two runs"),
        (["plot", "plain", "--metric", "colour"], "colour"), (["rm"], "RUN"),
        (["plot", "plain", "-o", "x.bmp"], ".svg"), (["report", "plain"], "-o"),
        (["completion", "tcsh"], "bash"), (["rename", "plain"], "--clear"),
        (["metrics", "plain", "--metric", "colour"], "colour"), (["lst"], "did you mean list"),
        (["export", "--format", "tensorboard"], "-o"), (["rm", "plain"], "--yes"),
    ],
)
def test_wrong_usage(registry, arguments, words):
    result = run("cifar-runs", *arguments, expect=2, stdin=subprocess.DEVNULL)
    assert words in result.stderr_text and len(result.stderr_text.splitlines()) == 1


def test_best(registry):
    by_accuracy = max(data("list"), key=lambda row: row["best_val_accuracy"])
    found = data("best")
    assert found["best_val_accuracy"] == by_accuracy["best_val_accuracy"]
    lowest = min(data("list"), key=lambda row: row["best_val_loss"])
    assert output("best", "--min", "val_loss").strip() == lowest["id"]
    assert data("best", "--max", "learning_rate")["name"] == DIVERGED


def test_compare(registry):
    rows = {row["what"]: row for row in data("compare", "plain", "fast")}
    plain, fast = data("list", "--sort", "learning_rate", "-n", 2)
    assert rows["optimizer.learning_rate"][plain["id"]] == "0.001"
    assert rows["best val_loss"][fast["id"]] == fast["best_val_loss"]
    assert "batch_size" not in rows and rows["score"][plain["id"]] == 2
    assert "batch_size" in output("compare", "plain", "fast", "--all")
    titles = output("compare", "--tag", "sweep", "--max", "learning_rate").splitlines()[0]
    assert titles.index("fast") < titles.index("plain")


# Looking ------------------------------------------------------------------------------------------


def test_numbers_that_are_none(registry):
    epochs = data("show", DIVERGED)["epochs"]
    assert epochs[1]["val_loss"] == "NaN" and epochs[1]["train_loss"] == "Infinity"
    rows = list(csv.DictReader(io.StringIO(output("metrics", DIVERGED, "--csv"))))
    assert math.isnan(float(rows[1]["val_loss"])) and math.isinf(float(rows[1]["train_loss"]))
    for format in ["json", "csv"]:
        exported = output("export", DIVERGED, "--format", format)
        assert "NaN" in exported
    assert json.loads(output("export", DIVERGED))[0]["epochs"][1]["val_loss"] == "NaN"
    assert names("--sort", "last_val_loss")[-1] == DIVERGED
    assert names("--sort", "last_val_loss", "--desc")[-1] == DIVERGED
    for command in ["show", "plot", "metrics"]:
        assert "nan" in output(command, DIVERGED) or command == "plot"


def test_metrics_include_ones_own(registry):
    lines = output("metrics", "plain", "--metric", "score", "--metric", "learning_rate", "--csv").splitlines()
    assert lines == ["epoch,score,learning_rate", "1,1.0,0.001", "2,2.0,0.001"]


def test_a_plot_as_png(registry, workplace):
    """Made by the system's rsvg-convert; without it there is an error that names the package."""
    made = shutil.which("rsvg-convert") is not None
    result = run("cifar-runs", "plot", "plain", "-o", "curves.png", expect=0 if made else 1)
    if made:
        assert (workplace / "curves.png").read_bytes().startswith(b"\x89PNG\r\n")
    without = run(
        "cifar-runs", "plot", "plain", "-o", "other.png", expect=1, env={**os.environ, "PATH": "/"}
    )
    assert "librsvg2-bin" in without.stderr_text
    assert not result.stdout_text and not list(workplace.glob("*.part"))


def test_plots(registry, workplace):
    text = output("plot", "plain", "fast", "--metric", "val_loss", "--metric", "score")
    assert "val_loss" in text and "plain" in text and any("⠀" < c <= "⣿" for c in text)
    assert "peak_memory (MiB)" in output("plot", "plain", "--metric", "peak_memory")
    output("plot", "plain", DIVERGED, "-o", "curves.svg")
    root = ElementTree.parse(workplace / "curves.svg").getroot()
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 3, "what is not a number is a gap"
    assert any(DIVERGED == node.text for node in root.iter())


def test_report_is_one_page_that_loads_nothing(registry, workplace):
    output("report", "plain", DIVERGED, "-o", "r.html", "--title", "a </title> & b")
    page = (workplace / "r.html").read_text()
    assert "a &lt;/title&gt; &amp; b" in page and page.count("</script>") == 2
    assert not re.search(r'(src|href)="', page) and "http" not in page.replace(
        "http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    text = re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.S).group(1)
    runs = json.loads(text)
    assert [row["label"] for row in runs] == ["plain", DIVERGED]


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_report_in_a_browser(registry, workplace):
    output("report", "plain", "fast", "-o", "r.html")
    page = (workplace / "r.html").read_text()
    probe = """<script>
      const svg = document.querySelector(".chart svg"), box = svg.getBoundingClientRect();
      svg.dispatchEvent(new PointerEvent("pointermove",
        {clientX: box.left + 0.95 * box.width, clientY: box.top + 50, bubbles: true}));
    </script></body>"""
    (workplace / "probe.html").write_text(page.replace("</body>", probe))
    shown = subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"file://{workplace}/probe.html"], capture_output=True, text=True, timeout=120,
    ).stdout
    tip = re.search(r'class="tip"[^>]*>(.*?)</div></div>', shown, re.S).group(1)
    assert "epoch 2" in tip and "plain val_loss" in tip
    # Loss and accuracy are drawn of training and of validation.
    assert shown.count('class="chart"') == 8 and shown.count('class="curve"') == 2 * (8 + 2)
    assert re.search(r"<text[^>]*>\d+ MiB</text>", shown) and "optimizer.learning_rate" in shown


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_report_of_a_group_in_a_browser(registry, workplace):
    losses = [[epoch["val_loss"] for epoch in data("show", name)["epochs"]] for name in ("plain", "fast")]
    output("group", "plain", "fast", "--name", "both")
    output("report", "plain", DIVERGED, "fast", "-o", "r.html")
    page = (workplace / "r.html").read_text()
    hover = """
      const svg = document.querySelector(".chart svg"), box = svg.getBoundingClientRect();
      svg.dispatchEvent(new PointerEvent("pointermove",
        {clientX: box.left + 0.95 * box.width, clientY: box.top + 50, bubbles: true}));"""

    def shown(script):
        (workplace / "probe.html").write_text(
            page.replace("</body>", f"<script>{script}</script></body>"))
        return subprocess.run(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
             f"file://{workplace}/probe.html"], capture_output=True, text=True, timeout=120).stdout

    grouped = shown(hover)
    # A line and a band for the group, a line for the run by itself.
    assert grouped.count('class="curve"') == 2 * (8 + 2) and grouped.count('class="band') == 8 + 2
    mean, deviation = (f(rows[1] for rows in losses) for f in (statistics.mean, statistics.stdev))
    tip = re.search(r"both val_loss ([\d.]+) ± ([\d.]+), n = 2<", grouped)
    assert float(tip[1]) == pytest.approx(mean, rel=1e-4)
    assert float(tip[2]) == pytest.approx(deviation, rel=1e-4)
    assert re.search(r">both</span></div></td><td>2</td><td>best val_loss</td>", grouped)
    # What the best checkpoint was chosen on, and what the final weights were, as early stopping puts
    # the best back.
    chosen = [data("show", name)[f"{weights}_chosen_on"]
              for name in ("plain", DIVERGED, "fast") for weights in ("best", "final")]
    assert chosen.count("test images") > 3
    assert grouped.count("<td>test images</td>") == chosen.count("test images")
    apart = shown("document.querySelector('input[type=checkbox]').click();" + hover)
    assert apart.count('class="curve"') == 3 * (8 + 2) and 'class="band' not in apart
    assert "±" not in re.search(r'class="tip"[^>]*>(.*?)</div></div>', apart, re.S)[1]


def test_tensorboard_reads_what_is_exported(registry, workplace):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    output("export", "--format", "tensorboard", "-o", "logs")
    directories = sorted(os.listdir("logs"))
    assert len(directories) == 3 and all(not set("<>&' ") & set(name) for name in directories)
    (directory,) = [name for name in directories if name.endswith("-plain")]
    events = accumulator.EventAccumulator(f"logs/{directory}")
    events.Reload()
    epochs = data("show", "plain")["epochs"]
    scalars = events.Scalars("loss/validation")
    assert [event.step for event in scalars] == [1, 2]
    assert scalars[1].value == pytest.approx(epochs[1]["val_loss"], rel=1e-6)
    assert [event.value for event in events.Scalars("score")] == [1, 2]


def test_watch_follows_to_the_end(workplace):
    trainer = start("cifar", "train", *DATA, "--epochs", 3, "--name", "live", "--quiet")
    for _ in range(200):
        if os.path.exists("runs.db") and start("cifar-runs", "show", "live").wait() == 0:
            break
        time.sleep(0.05)
    lines = output("watch", "live", "--interval", 0.1).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("epoch")] == ["1/3", "2/3", "3/3"]
    assert lines[-1].startswith("completed")
    trainer.communicate()
    assert len(output("watch", "--jsonl").splitlines()) == 3


# Changing -----------------------------------------------------------------------------------------


def test_tags_notes_and_names(registry):
    output("tag", "plain", "good", "a b")
    output("tag", "plain", "--remove", "sweep")
    output("note", "plain", "first\nsecond")
    run("cifar-runs", "note", "plain", "-", stdin=subprocess.DEVNULL, expect=2)
    output("rename", "plain", "renamed")
    row = data("show", "renamed")
    assert row["tags"] == ["a b", "good"] and row["notes"][0]["text"] == "first\nsecond"
    assert "second" in output("note", "renamed")
    output("rename", "renamed", "--clear")
    assert data("show", row["id"])["name"] is None


def test_rm_restore_and_gc(registry):
    before = registry.stat().st_size
    assert "Would put 2 runs" in output("rm", "--filter", "learning_rate > 0.005", "--dry-run")
    assert len(names()) == 3
    output("rm", "fast", DIVERGED, "--yes")
    assert names() == ["plain"] and names("--trash") == [DIVERGED, "fast"]
    output("restore", "fast")
    assert names() == ["fast", "plain"]
    assert "1 run" in output("gc", "--dry-run")
    freed = data("gc")
    assert freed["runs"] == 1 and before - registry.stat().st_size == freed["bytes"] > 10e6
    assert "as it should be" in output("verify")


def test_rm_asks_at_a_terminal(registry):
    for answer, left in [(b"n\n", 3), (b"y\n", 2)]:
        process, terminal = pty.fork()
        if process == 0:
            os.execv(BUILD / "bin" / "cifar-runs", ["cifar-runs", "rm", "fast"])
        os.write(terminal, answer)
        try:
            while os.read(terminal, 1000):
                pass
        except OSError:
            pass
        os.waitpid(process, 0)
        assert len(names()) == left


def test_a_live_run_is_not_removed(workplace):
    trainer = start("cifar", "train", *DATA, "--epochs", 500, "--name", "live", "--quiet")
    for _ in range(200):
        if os.path.exists("runs.db") and start("cifar-runs", "show", "live").wait() == 0:
            break
        time.sleep(0.05)
    assert "running" in run("cifar-runs", "rm", "live", "--yes", expect=1).stderr_text
    trainer.send_signal(signal.SIGKILL)
    trainer.communicate()
    output("rm", "live", "--yes")


def test_groups(workplace):
    options = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1, "--quiet",
               "--model", "model.json"]
    (workplace / "model.json").write_text('[{"type": "flatten"}, {"type": "dense", "units": 10}]')
    losses = []
    for seed in range(3):
        run("cifar", "train", *options, "--seed", seed, "--group", "plain", "--tag", "x")
        losses.append(data("list", "-n", 1)[0]["best_val_loss"])
    run("cifar", "train", *options, "--group", "fast", "--learning-rate", 0.01)
    assert [row["group"] for row in data("list")] == ["fast", *["plain"] * 3]
    assert [row["group"] for row in data("list", "--group", "plain", "--tag", "x")] == ["plain"] * 3
    assert len(data("list", "--group", "plain", "--group", "fast")) == 4
    assert "GROUP" in output("list") and "plain" in output("show", data("list")[-1]["id"])
    rows = {(row["group"], row["metric"]): row
            for row in data("compare", "--group", "plain", "--group", "fast")}
    loss = rows["plain", "best val_loss"]
    assert loss["n"] == 3 and math.isclose(loss["mean"], statistics.mean(losses))
    assert math.isclose(loss["deviation"], statistics.stdev(losses))
    assert (loss["minimum"], loss["maximum"]) == (min(losses), max(losses))
    assert rows["fast", "best val_loss"]["deviation"] is None
    text = output("compare", "--group", "plain", "--group", "fast")
    assert "±" in text and "optimizer.learning_rate" in text and "seed" not in text
    first = data("list")[-1]["id"]
    output("group", first, data("list")[0]["id"], "--name", "other")
    assert len(data("list", "--group", "other")) == 2 and len(data("list", "--group", "plain")) == 2
    output("group", first, "--clear")
    assert data("show", first)["group"] is None
    error = run("cifar-runs", "compare", "--group", "none", expect=1).stderr_text
    assert "in the group 'none'" in error
    for wrong in (["compare", "x", "--group", "plain"], ["compare", "--group", "plain", "--max",
                  "val_loss"], ["group", first], ["group", first, "--clear", "--name", "x"]):
        run("cifar-runs", *wrong, expect=2)


def test_a_group_is_compared_by_its_completed_runs(workplace):
    options = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--quiet", "--model",
               "model.json", "--group", "g"]
    (workplace / "model.json").write_text('[{"type": "flatten"}, {"type": "dense", "units": 10}]')
    for seed in range(2):
        run("cifar", "train", *options, "--epochs", 2, "--seed", seed)
    losses = [row["best_val_loss"] for row in data("list")]
    # One that failed with all epochs on record, and one that diverged.
    run("cifar", "train", *options, "--epochs", 2, "--seed", 2, "--name", "failed")
    database = sqlite3.connect("runs.db")
    database.execute("UPDATE runs SET status = 'failed' WHERE name = 'failed'")
    database.commit()
    (workplace / "model.json").write_text(
        '[{"type": "conv2d", "filters": 4}, {"type": "relu"}, {"type": "flatten"}, '
        '{"type": "dense", "units": 10}]')
    run("cifar", "train", *options, "--epochs", 3, "--seed", 3, "--learning-rate", 1e30, expect=1)
    assert sorted(row["status"] for row in data("list")) == ["completed"] * 2 + ["failed"] * 2
    rows = {row["metric"]: row for row in data("compare", "--group", "g")}
    loss = rows["best val_loss"]
    assert (loss["n"], loss["runs"]) == (2, 4) and loss["mean"] == pytest.approx(statistics.mean(losses))
    assert rows["epochs trained"]["mean"] == 2 and "epochs" not in rows
    said = output("compare", "--group", "g")
    assert re.search(r"^runs +4, 2 completed$", said, re.M)
    assert re.search(r"^best val_loss .* \(2 of 4\)$", said, re.M)
    # What is told apart has a name for each: how far they came, and how far they were to come.
    names = [line.split("  ")[0] for line in output("compare", "--group", "g", "--all").splitlines()[1:]]
    assert len(set(names)) == len(names) and {"epochs", "epochs trained"} <= set(names)
    # Of a group without a completed run there is nothing to say.
    run("cifar-runs", "group", "failed", "--name", "none")
    rows = {row["metric"]: row for row in data("compare", "--group", "none")}
    assert set(rows) == {"best checkpoint chosen on"}
    assert "1, 0 completed" in output("compare", "--group", "none")


def test_seeds_make_a_group(workplace):
    (workplace / "model.json").write_text('[{"type": "flatten"}, {"type": "dense", "units": 10}]')
    command = ["cifar", "train", "--data", "shapes", "--limit-train", 640, "--limit-test", 32,
               "--model", "model.json", "--group", "g", "--quiet"]
    first = run(*command, "--epochs", 2, "--seeds", "0..1", "--name", "n").stdout_text.split()
    rows = data("list")
    assert [row["name"] for row in rows] == ["n-seed1", "n-seed0"]
    assert [row["id"] for row in rows][::-1] == first and {row["group"] for row in rows} == {"g"}
    assert len({row["best_val_loss"] for row in rows}) == 2
    # The same command again begins what is missing, and that alone.
    again = run(*command, "--epochs", 2, "--seeds", "0,7,1").stdout_text.split()
    assert [again[0], again[2]] == first and len(data("list")) == 3
    # It also resumes what was interrupted, to the bits of a run that was not.
    long = [*command[:-2], "other", "--quiet", "--epochs", 30, "--seeds", "0..1", "--name", "long"]
    process = start(*long)
    wait_for_epochs("long-seed0", 1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert data("list", "--group", "other")[0]["status"] == "interrupted"
    run(*long)
    rows = {data("show", row["id"])["seed"]: row for row in data("list", "--group", "other")}
    assert sorted(rows) == [0, 1] and {row["status"] for row in rows.values()} == {"completed"}
    run(*[*command[:-2], "whole", "--quiet", "--epochs", 30, "--seed", 0])
    assert data("list", "--group", "whole")[0]["last_val_loss"] == rows[0]["last_val_loss"]
    error = run(*command, "--epochs", 3, "--seeds", "0..1", expect=2).stderr_text
    assert "has the seed 0 and other hyperparameters" in error and "another --group" in error
    for wrong in ("3..1", "1,1", "", "..", "1..x", "-1", "0..1000"):
        assert "--seeds" in run(*command, "--seeds", wrong, expect=2).stderr_text
    assert "--group" in run(*command[:-3], "--seeds", 1, expect=2).stderr_text


def test_fork_and_resume(registry):
    identifier = output("fork", "plain", "--checkpoint", "last", "--name", "branch").strip()
    run("cifar", "resume", "branch", "--epochs", 3, "--quiet")
    row = data("show", identifier)
    assert row["parent"] == data("show", "plain")["id"] and len(row["epochs"]) == 3
    assert "forked" in output("show", "branch")


def test_an_exported_checkpoint_starts_a_run(registry, workplace):
    run("cifar", "export", "plain", "--format", "checkpoint", "--checkpoint", "last",
        "-o", "plain.safetensors")
    there = ["--registry", "other.db"]
    identifier = output("import", "plain.safetensors", "--name", "theirs", "--tag", "x", *there)
    row = data("show", "theirs", *there)
    assert row["id"] == identifier.strip() and row["status"] == "interrupted"
    assert row["hyperparameters"] == data("show", "plain")["hyperparameters"]
    run("cifar", "resume", "theirs", "--epochs", 3, "--quiet", *there)
    run("cifar", "resume", "plain", "--epochs", 3, "--quiet")
    imported, plain = data("show", "theirs", *there), data("show", "plain")
    assert imported["epochs"][-1]["val_loss"] == plain["epochs"][-1]["val_loss"]
    # It begins at a checkpoint whose epochs nobody knows here.
    assert "as it should be" in output("verify", *there)
    output("backup", "copy.db", *there)
    (workplace / "no.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")
    for name in ["no.safetensors", "missing.safetensors"]:
        error = run("cifar-runs", "import", name, *there, expect=1).stderr_text
        assert name in error and len(error.splitlines()) == 1


def test_pins(registry):
    first = data("checkpoints", "plain")[0]
    assert "pinned" in output("checkpoints", "plain", "--pin", first["id"])
    run("cifar", "resume", "plain", "--epochs", 6, "--quiet")
    assert first["id"] in [row["id"] for row in data("checkpoints", "plain")]


# Damage -------------------------------------------------------------------------------------------


def damage(path, checkpoint):
    """Flips one byte of a checkpoint."""
    database = sqlite3.connect(path)
    query = (
        "SELECT substr(data, 100000, 64) FROM blob_chunks WHERE number = 0 "
        "AND blob = (SELECT blob FROM checkpoints WHERE id = ?)"
    )
    (content,) = database.execute(query, [checkpoint]).fetchone()
    database.close()
    bytes_ = bytearray(path.read_bytes())
    bytes_[bytes_.index(content)] ^= 1
    path.write_bytes(bytes_)


def test_a_resume_passes_over_a_damaged_checkpoint(registry):
    checkpoints = data("checkpoints", "plain")
    damage(registry, checkpoints[-1]["id"])
    result = run("cifar", "resume", "plain", "--epochs", 3, "--quiet")
    assert f"checkpoint {checkpoints[-1]['id']} " in result.stderr_text
    assert "damaged" in result.stderr_text and len(result.stderr_text.splitlines()) == 1
    row = data("show", "plain")
    assert [epoch["epoch"] for epoch in row["epochs"]] == [1, 2, 3]
    assert row["sessions"][-1]["resumed_epoch"] == 1 and "damaged" in row["notes"][0]["text"]


def test_classes_are_evaluated(registry):
    evaluation = data("show", "plain")["evaluation"]
    assert len(evaluation["class_names"]) == 10
    assert sum(map(sum, evaluation["confusion"])) == 32
    assert "PRECISION" in output("show", "plain")


def test_verify_finds_a_flipped_byte(registry):
    last = data("checkpoints", "plain")[-1]
    damage(registry, last["id"])
    result = run("cifar-runs", "verify", expect=1)
    assert f"checkpoint {last['id']} " in result.stdout_text
    result = run("cifar-runs", "verify", "--json", expect=1)
    assert len(json.loads(result.stdout_text)) == 1
    assert "as it should be" in output("verify", "fast")


def test_doctor(registry):
    assert "quick check" in output("doctor")
    rows = {row["what"]: row for row in data("doctor")}
    (version,) = sqlite3.connect(registry).execute("PRAGMA user_version").fetchone()
    assert rows["schema"]["state"] == str(version) and rows["quick check"]["advice"] is None


def stranger(registry, sql):
    database = sqlite3.connect(registry)
    database.executescript(sql)
    database.close()


def test_verify_and_doctor_name_what_others_added(registry):
    stranger(registry, "CREATE TRIGGER spy AFTER UPDATE ON runs BEGIN DELETE FROM epochs; END")
    stranger(registry, "CREATE TABLE \"note\x1b]0;book\" (line TEXT)")
    found = json.loads(run("cifar-runs", "verify", "--json", expect=1).stdout_text)
    assert len(found) == 2 and "trigger 'spy'" in found[0]["problem"]
    assert "DROP TRIGGER" in found[0]["problem"]
    result = run("cifar-runs", "doctor", "--json", expect=1)
    added = [row for row in json.loads(result.stdout_text) if row["what"] == "definitions"]
    assert len(added) == 2 and all(row["advice"] for row in added)
    for command in ("verify", "doctor"):
        result = run("cifar-runs", command, expect=1)
        assert "\x1b]0" not in result.stdout_text + result.stderr_text
    output("tag", "plain", "x")
    assert len(data("metrics", "plain")) > 0


def test_a_run_whose_id_is_none_is_named_and_left_out(registry):
    stranger(registry, "UPDATE runs SET uuid = '$(touch pwned)' WHERE name = 'plain'")
    result = run("cifar-runs", "list", "--json")
    assert len(json.loads(result.stdout_text)) == 2
    assert "runs.uuid is '$(touch pwned)'" in result.stderr_text
    result = run("cifar-runs", "show", "plain", expect=1)
    assert "runs.uuid" in result.stderr_text and "id 1" in result.stderr_text


def test_backup(registry, workplace):
    ids = [row["id"] for row in data("list")]
    copy = workplace / "copy.db"
    assert "3 runs" in output("backup", copy)
    assert [row["id"] for row in data("list", "--registry", copy)] == ids
    assert "as it should be" in output("verify", "--registry", copy)
    row = json.loads(output("backup", "other.db", "--json"))
    assert row["runs"] == 3 and row["bytes"] == (workplace / "other.db").stat().st_size
    # A registry is never replaced, any other file with --force only.
    before = copy.read_bytes()
    for options in ([], ["--force"]):
        result = run("cifar-runs", "backup", copy, *options, expect=2)
        assert "is a registry" in result.stderr_text
    assert copy.read_bytes() == before
    (workplace / "thesis.txt").write_text("years of work")
    run("cifar-runs", "backup", "thesis.txt", expect=2)
    assert (workplace / "thesis.txt").read_text() == "years of work"
    output("backup", "thesis.txt", "--force")
    run("cifar-runs", "backup", "-", expect=2)
    assert not list(workplace.glob(".*cifar-part"))


def test_backup_of_a_damaged_registry_says_so(registry, workplace):
    damage(registry, data("checkpoints", "plain")[-1]["id"])
    result = run("cifar-runs", "backup", "copy.db", expect=1)
    assert "damaged" in result.stderr_text and not (workplace / "copy.db").exists()
    result = run("cifar-runs", "backup", "copy.db", "--damaged", expect=1)
    assert "1 problem" in result.stderr_text
    assert data("list", "--registry", "copy.db") == data("list")


def test_a_backup_is_checked_as_verify_does(registry, workplace):
    database = sqlite3.connect("runs.db")
    database.execute("CREATE TRIGGER tt AFTER INSERT ON runs BEGIN DELETE FROM checkpoints; END")
    database.commit()
    # Additions are no damage.
    result = run("cifar-runs", "backup", "copy.db")
    assert "'tt'" in result.stderr_text
    database.execute("DROP TABLE meta")
    database.execute("DROP TRIGGER blob_chunks_insert")
    database.close()
    found = run("cifar-runs", "verify", expect=1).stdout_text
    assert "'meta'" in found and "'blob_chunks_insert'" in found
    told = run("cifar-runs", "backup", "other.db", expect=1).stderr_text
    assert "'meta'" in told and "'blob_chunks_insert'" in told and not os.path.exists("other.db")
    run("cifar-runs", "backup", "other.db", "--damaged", expect=1)
    assert run("cifar-runs", "verify", "--registry", "other.db", expect=1).stdout_text == found


def test_an_import_takes_no_time_of_its_own(registry, workplace):
    run("cifar", "export", "plain", "--format", "checkpoint", "-o", "a.safetensors")
    output("import", "a.safetensors", "--name", "again")
    rows = {row["name"]: row for row in data("list")}
    assert 0 <= rows["again"]["duration_s"] < 1
    assert data("list", "--filter", "duration < 0") == []


def test_a_pipe_is_no_checkpoint(registry, workplace):
    os.mkfifo("pipe.safetensors")
    for command in (["cifar-runs", "import"], ["cifar", "summary"]):
        assert "is a pipe" in run(*command, "pipe.safetensors", expect=1).stderr_text
    with pytest.raises(cifar.CifarError, match="is a pipe"):
        cifar.Model.open("pipe.safetensors")


def test_doctor_names_hard_links(registry, workplace):
    os.link("runs.db", "other.db")
    result = run("cifar-runs", "doctor", expect=1)
    assert "2 (hard links)" in result.stdout_text and "names" in result.stderr_text
    lines = []
    cifar.set_log(lambda level, line: lines.append((level, line)))
    try:
        cifar.Registry().rename("plain", "plain")
    finally:
        cifar.set_log(None)
    assert [level for level, line in lines if "hard links" in line] == [30]


def test_a_migration_that_fails_leaves_no_copy(registry, workplace):
    database = sqlite3.connect("runs.db")
    database.execute("PRAGMA user_version = 2")
    database.close()
    before = (workplace / "runs.db").read_bytes()
    for _ in range(2):
        assert "stays as it was" in run("cifar-runs", "list", expect=1).stderr_text
    assert not list(workplace.glob("runs.db.*")) and not list(workplace.glob(".*cifar-part"))
    assert (workplace / "runs.db").read_bytes() == before


def test_who_holds_the_registry_is_named(registry, workplace):
    code = ("import sqlite3; c = sqlite3.connect('runs.db', isolation_level=None);"
            "c.execute('BEGIN EXCLUSIVE'); print(1, flush=True); input()")
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        told = run("cifar-runs", "list", expect=1).stderr_text
    finally:
        holder.communicate(b"\n")
    assert f"is held by another process, {holder.pid} (python" in told


def test_gc_takes_few_syncs_a_run(registry, workplace):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    for _ in range(30):
        output("fork", "plain")
    output("rm", "--filter", "name is null", "--yes")
    subprocess.run(
        ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", "counts",
         BUILD / "bin" / "cifar-runs", "gc", "--yes"], check=True, capture_output=True)
    syncs = sum(
        int(line.split()[3]) for line in (workplace / "counts").read_text().splitlines()
        if "sync" in line)
    assert 0 < syncs <= 60
    assert not (workplace / "runs.db-journal").exists()


# Around -------------------------------------------------------------------------------------------


def test_completions(registry, workplace):
    (workplace / "c.bash").write_text(output("completion", "bash"))

    def complete(*words):
        script = (
            f"source c.bash; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
            '_cifar_runs; echo "${COMPREPLY[@]}"'
        )
        environment = dict(os.environ, PATH=f"{BUILD / 'bin'}:{os.environ['PATH']}")
        return subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=True, env=environment
        ).stdout.split()

    assert complete("cifar-runs", "com") == ["compare", "completion"]
    assert complete("cifar-runs", "list", "--so") == ["--sort"]
    assert complete("cifar-runs", "list", "--status", "cr") == ["crashed"]
    identifier = data("list")[0]["id"]
    assert complete("cifar-runs", "show", identifier[:6]) == [identifier]
    for shell in ["zsh", "fish"]:
        text = output("completion", shell)
        assert "cifar-runs" in text
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_every_command_explains_itself(workplace):
    commands = re.findall(r"^  (\w+) ", output("--help").split("Options:")[0], re.M)
    assert len(commands) > 15
    for command in commands:
        text = output(command, "--help")
        assert "Usage:" in text and "Examples:" in text
        assert not [line for line in text.splitlines() if line.endswith(" ")]


def test_the_manual_page(workplace):
    (workplace / "cifar-runs.1").write_text(output("man"))
    if shutil.which("groff"):
        result = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "cifar-runs.1"], capture_output=True, text=True
        )
        assert "--filter" in result.stdout.replace("\x1b[1m", "").replace("\u2010", "-")


def test_no_color(registry):
    def on_a_terminal(**environment):
        process, terminal = pty.fork()
        if process == 0:
            os.environ.update(environment, TERM="xterm")
            os.execv(BUILD / "bin" / "cifar-runs", ["cifar-runs", "list"])
        text = b""
        try:
            while piece := os.read(terminal, 10000):
                text += piece
        except OSError:
            pass
        os.waitpid(process, 0)
        return text

    assert b"\x1b[" in on_a_terminal() and b"\x1b[" not in on_a_terminal(NO_COLOR="1")
