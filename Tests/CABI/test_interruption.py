"""Ctrl-C, SIGTERM, SIGHUP and readers that leave, while the commands work."""

import http.server
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from conftest import BUILD, run, start
from terminal import Terminal

SMALL = ["--data", "shapes", "--limit-train", 512, "--limit-test", 128, "--batch-size", 32]
MODEL = [
    {"type": "conv2d", "filters": 32}, {"type": "relu"}, {"type": "conv2d", "filters": 32},
    {"type": "relu"}, {"type": "max_pool"}, {"type": "flatten"}, {"type": "dense", "units": 10},
]
# One step takes some seconds.
SLOW = ["--data", "shapes", "--limit-train", 1024, "--limit-test", 16, "--batch-size", 1024,
        "--model", "tutorial-resnet", "--threads", 1]
CIFAR = str(BUILD / "bin" / "cifar")


def show(name):
    return json.loads(run("cifar-runs", "show", name, "--json").stdout_text)


def small_model(workplace):
    """A model whose checkpoints are small; steps of it still take some milliseconds."""
    (workplace / "model.json").write_text(json.dumps(MODEL))
    return "model.json"


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def has_epochs(name, count):
    # Before the first run is in it, the file is missing or empty: the command says so.
    rows = json.loads(start("cifar-runs", "list", "--json").communicate()[0] or "[]")
    return any(row["name"] == name and row["epochs"] >= count for row in rows)


def read_until(process, text):
    line = process.stdout.readline()
    while text not in line:
        assert line, (line, process.poll())
        line = process.stdout.readline()
    return line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_checkpoint_and_ends_the_process(workplace, number):
    process = start(
        "cifar", "train", *SMALL, "--model", small_model(workplace), "--epochs", 500, "--name", "long"
    )
    wait_until(lambda: has_epochs("long", 1))
    # As `timeout` does it: to the process and to its group, one directly after the other.
    process.send_signal(number)
    time.sleep(0.001)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == -number and "cifar resume" in errors
    row = show("long")
    assert row["status"] == "interrupted" and output.splitlines()[-1] == row["id"]


def test_before_the_first_epochs_end(workplace):
    """From the first moment on a run can be resumed, to the bits of one that nobody stopped."""
    # An epoch takes half a second or more: it must not be over when the later signal comes.
    options = ["--data", "shapes", "--limit-train", 8192, "--limit-test", 32, "--batch-size", 32,
               "--epochs", 1, "--model", small_model(workplace)]
    run("cifar", "train", *options, "--name", "straight", "--quiet")
    straight = show("straight")["epochs"]
    for delay in [0, 0.05]:
        name = f"stopped {delay}"
        process = start("cifar", "train", *options, "--name", name)
        read_until(process, "Run ")
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGINT
        row = show(name)
        assert row["status"] == "interrupted" and not row["epochs"] and row["checkpoints"]
        run("cifar", "resume", name, "--quiet")
        (epoch,), (expected,) = show(name)["epochs"], straight
        for key in ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]:
            assert epoch[key] == expected[key]


def test_a_second_signal_ends_it_at_once(workplace):
    process = start("cifar", "train", *SLOW, "--epochs", 1, "--name", "slow")
    read_until(process, "Run ")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one waits for the batch's end"
    process.send_signal(signal.SIGTERM)
    begin = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM and time.monotonic() - begin < 2


def test_the_last_epoch_is_told_of_before_the_final_weights_are_measured(workplace):
    """That takes as long as many epochs here; who interrupts it then loses the measurement only."""
    options = ["--data", "shapes", "--limit-train", 64, "--limit-test", 4000, "--epochs", 2,
               "--model", small_model(workplace), "--tta", "mirror_translate", "--early-stopping", "off"]
    process = start("cifar", "train", *options, "--name", "measured")
    read_until(process, "epoch 2/2")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and "cifar resume" in errors
    assert "Interrupted after the last epoch, before the final weights were measured." in output
    row = show("measured")
    assert row["status"] == "interrupted" and len(row["epochs"]) == 2 and not row["metrics"]
    reason = "interrupted after the last epoch, before the final weights were measured"
    assert row["sessions"][-1]["reason"].startswith(reason)
    said = run("cifar-runs", "show", "measured").stdout_text
    assert f"cifar resume {row['id'][:8]}" in said and "after batch" not in said
    said = run("cifar", "resume", "measured").stdout_text
    assert "The final weights, in float32, on the 4,000 images validated on: accuracy" in said
    row = show("measured")
    assert row["status"] == "completed"
    assert {entry["name"] for entry in row["metrics"]} == {"final_val_accuracy", "tta_val_accuracy"}
    # It is not measured again, and what is known is said.
    final = next(entry for entry in row["metrics"] if entry["name"] == "final_val_accuracy")
    again = run("cifar", "resume", "measured").stdout_text
    assert "The final weights, of epoch 2, were measured before: final_val_accuracy " in again
    assert f"{100 * final['value']:.2f} %" in again


def test_one_for_the_training_and_one_for_its_end(workplace):
    """While another program holds the registry, the second ends the waiting, and nothing is lost."""
    process = start(
        "cifar", "train", *SMALL, "--model", small_model(workplace), "--epochs", 500, "--name", "held"
    )
    wait_until(lambda: has_epochs("held", 1))
    other = sqlite3.connect("runs.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM runs").fetchone()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    line = process.stderr.readline()
    while "Ctrl-C ends the waiting" not in line:
        assert line
        line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT
    (file,) = workplace.glob("runs.db.run-*.safetensors")
    assert f"cifar-runs import '{file}'" in errors
    other.close()
    run("cifar-runs", "import", file)
    run("cifar", "resume", "held", "--epochs", show("held")["epochs"][-1]["epoch"] + 1, "--quiet")


def test_what_is_ignored_stays_ignored(workplace):
    """`nohup cifar train` outlives its terminal."""
    process = start(
        "cifar", "train", *SMALL, "--model", small_model(workplace), "--epochs", 8,
        "--name", "nohup", "--quiet",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_until(lambda: has_epochs("nohup", 1))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0 and show("nohup")["status"] == "completed"


def test_a_shell_loop_ends(workplace):
    words = " ".join(map(str, [*SMALL, "--model", small_model(workplace)]))
    loop = f"for lr in 0.01 0.001; do echo STA''RT; {CIFAR} train {words} --epochs 500 --learning-rate $lr; done"
    with Terminal(["bash", "--norc", "-c", loop]) as terminal:
        terminal.wait_for("Run ")
        terminal.wait_for("epoch   1/500")
        terminal.send("\x03")
        text = terminal.rest()
    assert text.count("START") == 1 and "cifar resume" in text
    assert os.WTERMSIG(terminal.status) == signal.SIGINT


def test_a_terminal_that_closes(workplace):
    """Whoever loses the connection finds a checkpoint."""
    with Terminal([
        CIFAR, "train", *SMALL, "--model", small_model(workplace), "--epochs", 500, "--name", "remote",
    ]) as terminal:
        terminal.wait_for("epoch   1/500")
    assert os.WTERMSIG(terminal.status) == signal.SIGHUP
    assert show("remote")["status"] == "interrupted"


def test_a_reader_that_leaves_ends_the_printing_only(workplace):
    words = " ".join(map(str, [*SMALL, "--model", small_model(workplace)]))
    script = f"set -o pipefail; {CIFAR} train {words} --epochs 3 --name piped | head -1"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("Run ") and not result.stderr
    row = show("piped")
    assert row["status"] == "completed" and len(row["epochs"]) == 3
    script = f"set -o pipefail; {CIFAR} resume piped --epochs 4 2>&1 | true"
    assert subprocess.run(["bash", "-c", script]).returncode == 0
    assert len(show("piped")["epochs"]) == 4
    # What only prints ends as every program does.
    runs = BUILD / "bin" / "cifar-runs"
    script = f"for i in 1 2 3; do {runs} show piped; done | true; echo ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout in [
        "141\n", "0\n"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_commands_that_only_look_die_of_it(workplace, number):
    trainer = start(
        "cifar", "train", *SMALL, "--model", small_model(workplace), "--epochs", 500, "--name", "live"
    )
    wait_until(lambda: has_epochs("live", 1))
    process = start("cifar-runs", "watch", "live")
    read_until(process, "epoch")
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == -number
    trainer.kill()
    trainer.communicate()


def test_watch_ends_with_its_reader(workplace):
    trainer = start("cifar", "train", *SLOW, "--epochs", 1, "--name", "live")
    read_until(trainer, "Run ")
    process = start("cifar-runs", "watch", "live", "--interval", 60)
    read_until(process, "live")
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    trainer.kill()
    trainer.communicate()


class Slow(http.server.BaseHTTPRequestHandler):
    """Sends a little of a file and then nothing."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(bytes(200_000))
        self.wfile.flush()
        time.sleep(30)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_download_that_is_interrupted_goes_on_later(workplace, number):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    environment = dict(os.environ, no_proxy="*")
    process = start("cifar", "data", "download", "--dir", "d", "--url", url, env=environment)
    part = workplace / "d" / ".cifar-10-binary.tar.gz.cifar-part"
    wait_until(lambda: part.exists() and part.stat().st_size > 0, 20)
    begin = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == -number and time.monotonic() - begin < 5
    assert not output and not errors and os.listdir("d") == [part.name]
    assert url not in subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True,
                                     text=True).stdout, "curl is gone"
    server.shutdown()


def test_files_that_are_written_leave_no_parts(workplace):
    """A picture's converter that hangs stands for whatever takes long."""
    run("cifar", "train", *SMALL, "--epochs", 1, "--name", "first", "--quiet")
    directory = workplace / "bin"
    directory.mkdir()
    (directory / "rsvg-convert").write_text("#!/bin/sh\necho > started\nexec sleep 60\n")
    (directory / "rsvg-convert").chmod(0o755)
    (workplace / "tmp").mkdir()
    environment = dict(
        os.environ, PATH=f"{directory}:{os.environ['PATH']}", TMPDIR=str(workplace / "tmp"))
    process = start("cifar-runs", "plot", "first", "-o", "x.png", env=environment)
    wait_until((workplace / "started").exists, 20)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert not os.listdir("tmp") and not (workplace / "x.png").exists()


def test_what_goes_on_with_a_run_is_said_so_that_a_shell_takes_it(workplace):
    process = start(
        "cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 100_000,
        "--batch-size", 8, "--model", small_model(workplace), "--early-stopping", "off", "--registry", "the runs.db")
    for _ in range(2):
        read_until(process, "epoch ")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    hint = said.split("Continue with: ")[1].strip()
    assert hint.endswith(" --registry 'the runs.db'")
    id = shlex.split(hint)[2]
    page = run("cifar-runs", "show", id, "--registry", "the runs.db").stdout_text
    assert hint in page, "the same that show says"
    # Only what was given: it would train for long.
    assert "is fewer than the run has" in run(*shlex.split(hint), "--epochs", 0.1, expect=2).stderr_text


def test_a_run_that_early_stopping_ended_has_nothing_to_go_on_with(workplace):
    run("cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 9, "--name",
        "stopped", "--early-stopping", "patience=1,min_delta=100", "--model", "tutorial-gap")
    row = show("stopped")
    assert row["status"] == "completed" and len(row["epochs"]) < 9
    assert "cifar resume" not in run("cifar-runs", "show", "stopped").stdout_text
