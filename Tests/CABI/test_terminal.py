"""What the commands say to people: terminals, hostile text, completion, wrong arguments."""

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import cifar
import pytest
from conftest import BUILD, run, start
from terminal import Terminal, on_a_terminal

SMALL = ["--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--batch-size", 32]

# Everything that could steer a terminal but line ends: C0 and C1 controls, DEL, marks of direction.
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HOSTILE = "a\x1b]0;PWN\x07\x1b[2J\x9b31m\u202eb\u2066\x7f\rc"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("original") / "runs.db"
    data = cifar.load("shapes", limit_train=64, limit_test=32)
    for name in ["plain", "wide net", "other"]:
        cifar.fit(
            *data, epochs=2, batch_size=32, registry=path, name=name, tags=["sweep"],
            callbacks=[lambda epoch: epoch.log(score=epoch.epoch)],
        )
    return path


@pytest.fixture
def registry(original, workplace):
    shutil.copy(original, workplace / "runs.db")
    return workplace / "runs.db"


def change(registry, *statements):
    connection = sqlite3.connect(registry)
    for statement in statements:
        connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(
            statement)
    connection.commit()
    connection.close()


def output(*command, **options):
    return run("cifar-runs", *command, **options).stdout_text


# Escapes ------------------------------------------------------------------------------------------


def test_a_dumb_terminal_gets_no_escapes(workplace):
    train = [BUILD / "bin" / "cifar", "train", *SMALL, "--epochs", 1]
    for settings in [{"TERM": "dumb"}, {"TERM": ""}]:
        text = on_a_terminal(*train, **settings)
        assert "\x1b" not in text and "epoch 1/1" in text
        assert not CONTROL.search(text.replace("\r\n", "\n"))
    assert "\x1b[K" in on_a_terminal(*train, TERM="xterm")
    for command in [["list"], ["verify"], ["plot", "--metric", "learning_rate", "x"], ["backup", "b.db"]]:
        assert "\x1b" not in on_a_terminal(BUILD / "bin" / "cifar-runs", *command, TERM="dumb")


@pytest.fixture
def hostile(registry):
    """A registry in which every text that people see tries to steer their terminal."""
    change(
        registry,
        ("UPDATE runs SET name = ?, recipe = ?, dataset = ? WHERE id = 1", [HOSTILE] * 3),
        ("UPDATE runs SET hyperparameters = json_set(hyperparameters, '$.model', ?)", [HOSTILE]),
        ("UPDATE sessions SET host = ?, command_line = ?, working_directory = ?, reason = ?, "
         "git_commit = ?, instruction_set = ?", [HOSTILE] * 6),
        ("UPDATE sessions SET environment = json_object('processor', ?, 'packages', json_object(?, ?))",
         [HOSTILE] * 3),
        ("INSERT INTO texts (json) SELECT json_object('patch', ?, 'untracked', json_array(?), "
         "'truncated', json('false'))", [HOSTILE + "\n+" + HOSTILE, HOSTILE]),
        ("UPDATE sessions SET git_changes = (SELECT max(id) FROM texts)", []),
        ("UPDATE tags SET tag = ? WHERE run = 1", [HOSTILE]),
        ("INSERT INTO notes (run, created, text) SELECT 1, started, ? FROM runs WHERE id = 1",
         [HOSTILE + "\n" + HOSTILE]),
        ("UPDATE metrics SET name = ? WHERE run = 1", [HOSTILE]),
    )
    return registry


def test_nothing_stored_steers_a_terminal(hostile, workplace):
    (identifier,) = [row["id"] for row in json.loads(output("list", "--json"))
                     if row["name"] == HOSTILE]
    other = output("best").strip()
    commands = [
        ["list"], ["list", "--columns", "id,name,tags,recipe,data"], ["show", identifier],
        ["show", HOSTILE], ["show", HOSTILE + "?"], ["show", identifier, "--environment"], ["show", identifier, "--patch"],
        ["slim", "--all", "--dry-run"], ["compare", identifier, other, "--all"],
        ["metrics", identifier], ["plot", identifier], ["plot", identifier, "--metric", HOSTILE],
        ["plot", identifier, "--metric", HOSTILE + "?"], ["watch", identifier],
        ["note", identifier], ["checkpoints", identifier], ["verify"], ["doctor"],
        ["backup", "backup.db"], ["merge", "backup.db"],
        ["copy", identifier, "--to", "copy.db"], ["rm", identifier, "--dry-run"], ["best"], ["list", "--filter", HOSTILE],
        ["tag", identifier, HOSTILE], ["export", "--format", "csv"], ["export"],
        ["report", identifier, "-o", "-"], ["list", "--completion"], [HOSTILE], ["show", "--" + HOSTILE],
    ]
    commands += [
        [*command, form] for form in ["--json", "--jsonl", "--csv"]
        for command in [["list"], ["show", identifier], ["metrics", identifier],
                        ["compare", identifier, other, "--all"], ["note", identifier]]
    ]
    for command in commands:
        text = on_a_terminal(
            BUILD / "bin" / "cifar-runs", *command, TERM="xterm", NO_COLOR="1", columns=200)
        # How far a line was redrawn is the program's own business.
        lines = text.replace("\r\n", "\n").replace("\r\x1b[K", "")
        assert text and not CONTROL.search(lines.replace("\t", "")), (command, text)
    shown = on_a_terminal(BUILD / "bin" / "cifar-runs", "show", identifier, columns=200)
    assert "a\\u{1B}]0;PWN\\u{7}\\u{1B}[2J\\u{9B}31m\\u{202E}b\\u{2066}\\u{7F}\\rc" in shown
    assert json.loads(output("show", identifier, "--json"))["name"] == HOSTILE


def test_resume_of_a_hostile_file(workplace):
    path = workplace / "m.safetensors"
    cifar.fit(*cifar.load("shapes", limit_train=64, limit_test=32), epochs=1, batch_size=32,
              registry=workplace / "own.db").model.export(path, "checkpoint")
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    values = json.loads(header["__metadata__"]["hyperparameters"])
    values |= {"recipe": HOSTILE, "model": HOSTILE}
    header["__metadata__"]["hyperparameters"] = json.dumps(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size:])
    run("cifar-runs", "import", path, "--name", "theirs")
    text = on_a_terminal(
        BUILD / "bin" / "cifar", "resume", "theirs", "--epochs", 2, NO_COLOR="1", TERM="dumb")
    assert "PWN" in text and not CONTROL.search(text.replace("\r\n", "\n"))
    for command in [["summary", path], ["evaluate", path], ["evaluate", "theirs"],
                    ["evaluate", HOSTILE], ["train", "--data", HOSTILE],
                    ["train", "--name", HOSTILE, *SMALL, "--epochs", 1, "--schedule", HOSTILE]]:
        text = on_a_terminal(BUILD / "bin" / "cifar", *command, NO_COLOR="1", TERM="dumb")
        assert text and not CONTROL.search(text.replace("\r\n", "\n")), command


def test_a_report_of_a_run_with_markup_in_its_name(registry):
    change(registry, "UPDATE runs SET name = '<!--<script>' WHERE id = 1")
    output("report", "<!--<script>", "-o", "r.html")
    with open("r.html") as file:
        page = file.read()
    data = re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.S).group(1)
    assert "<" not in data and json.loads(data)[0]["label"] == "<!--<script>"
    assert page.count("<script") == page.count("</script>") == 2


def test_notes_with_the_line_ends_of_windows(registry):
    process = subprocess.Popen(
        [BUILD / "bin" / "cifar-runs", "note", "plain", "-"], stdin=subprocess.PIPE)
    process.communicate(b"first\r\nsecond\r\n")
    assert process.returncode == 0
    for command in ["note", "show"]:
        lines = [line.rstrip() for line in output(command, "plain").splitlines()]
        assert any(line.endswith("  first") for line in lines)
        assert any(line.endswith("  second") for line in lines)


# Files for other programs -------------------------------------------------------------------------


def test_no_text_is_a_formula_in_a_spreadsheet(registry):
    formulas = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\uff1d1", "=cmd|' /C calc'!A0", "-"]
    numbers = ["-0.5", "+2", "-1e-3", "plain", "a=b", "", "-inf"]
    for text in formulas + numbers:
        change(registry, ("UPDATE runs SET name = ? WHERE id = 1", [text]))
        written = [
            row["name"] for command in [["list", "--csv"], ["export", "--format", "csv"]]
            for row in csv.DictReader(io.StringIO(output(*command))) if row["name"] != "wide net"
            and row["name"] != "other"
        ]
        assert set(written) == {"'" + text if text in formulas else text}, text
    change(registry, "UPDATE epochs SET train_loss = -0.5")
    rows = list(csv.DictReader(io.StringIO(output("metrics", "other", "--csv"))))
    assert rows[0]["train_loss"] == "-0.5"
    change(registry, "UPDATE metrics SET name = '=1+1'")
    assert output("metrics", "other", "--csv").splitlines()[0].endswith(",'=1+1")


def test_tensorboard_export_stays_in_its_directory(registry, workplace):
    change(registry, "UPDATE runs SET name = '../../zz' WHERE id = 1",
           "UPDATE sessions SET host = '../../../host'")
    inner = workplace / "a" / "b"
    inner.mkdir(parents=True)
    output("export", "--format", "tensorboard", "-o", inner / "out")
    files = [path for path in workplace.rglob("*tfevents*")]
    assert len(files) == 3 and all((inner / "out") in path.parents for path in files)
    # A directory that was passed on may have links where the export writes.
    (directory,) = [path.parent for path in files if "zz" in path.parent.name]
    elsewhere = workplace / "elsewhere"
    for name in [directory, next(directory.iterdir())]:
        elsewhere.mkdir()
        shutil.rmtree(name) if name.is_dir() else name.unlink()
        name.symlink_to(elsewhere if name == directory else elsewhere / "file")
        result = run("cifar-runs", "export", "--format", "tensorboard", "-o", inner / "out",
                     expect=1)
        assert str(name) in result.stderr_text and not list(elsewhere.iterdir())
        name.unlink()
        elsewhere.rmdir()
        output("export", "--format", "tensorboard", "-o", inner / "out", "--force")


def test_json_is_json_in_every_verb(registry):
    identifier = json.loads(output("show", "plain", "--json"))["id"]
    output("rm", "other", "--yes")
    commands = [
        ["list"], ["list", "--trash"], ["list", "--filter", "name = nobody"],
        ["list", "--columns", "id,id,name"], ["show", identifier], ["best"],
        ["compare", "plain", "wide net"], ["compare", "plain", "plain", "wide net"],
        ["metrics", identifier], ["metrics", identifier, "--metric", "learning_rate", "--metric", "learning_rate"],
        ["checkpoints", identifier], ["note", identifier, "text"], ["note", identifier],
        ["verify"], ["doctor"], ["gc", "--dry-run"], ["gc"], ["gc", "--dry-run"], ["gc"],
    ]

    def unique(pairs):
        assert len(pairs) == len(dict(pairs)), pairs
        return dict(pairs)

    for command in commands:
        text = output(*command, "--json")
        json.loads(text, object_pairs_hook=unique)
        if command[0] not in ["gc"]:
            assert text.startswith(("[", "{"))
    for line in output("list", "--jsonl", "--columns", "id,id").splitlines():
        json.loads(line, object_pairs_hook=unique)
    for command in [["evaluate", identifier], ["summary", identifier], ["summary"]]:
        json.loads(run("cifar", *command, "--json").stdout_text)


# Arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    ["cifar-runs", "list", "--filter", "bogus = 1"], ["cifar-runs", "list", "--filter", "learning_rate <"],
    ["cifar-runs", "list", "--sort", "bogus"], ["cifar-runs", "list", "--columns", "bogus"],
    ["cifar-runs", "list", "--columns", ""], ["cifar-runs", "list", "--columns", ","],
    ["cifar-runs", "list", "--since", "soon"], ["cifar-runs", "list", "--status", "done"],
    ["cifar-runs", "list", "-n", "0"], ["cifar-runs", "list", "-n", "x"],
    ["cifar-runs", "show", "nobody", "--json", "--csv"], ["cifar-runs", "best", "--max", "bogus"],
    ["cifar-runs", "best", "--max", "learning_rate", "--min", "learning_rate"], ["cifar-runs", "rm", "--filter", "x = 1"],
    ["cifar-runs", "tag", "plain", "two\nlines"], ["cifar-runs", "tag", "plain", ""],
    ["cifar-runs", "rename", "plain", ""], ["cifar-runs", "watch", "--interval", "0"],
    ["cifar-runs", "export", "--format", "xml"], ["cifar-runs", "export", "-o", ""],
    ["cifar-runs", "report", "plain", "-o", ""], ["cifar-runs", "plot", "plain", "--height", "1"],
    ["cifar-runs", "checkpoints", "plain", "--pin", "first"], ["cifar-runs", "completion"],
    ["cifar", "completion", "tcsh"], ["cifar-runs", "completion", "bash", "--what"],
    ["cifar", "train", "--data", "shapes", "--schedule", "step"],
    ["cifar", "train", "--data", "shapes", "--momentum", "0.9"],
    ["cifar", "train", "--data", "shapes", "--early-stopping", "patiense=1"],
    ["cifar", "train", "--data", "shapes", "--hyperparameters", "{"],
    ["cifar", "train", "--data", "shapes", "--precision", "float8"],
    ["cifar", "train", "--data", "shapes", "--learning-rate", "-1"],
    ["cifar", "train", "--data", "shapes", "--threads", "1025"],
    ["cifar", "train", "--data", "shapes", "--threads", "0"],
    ["cifar", "train", *map(str, SMALL), "--name", ""], ["cifar", "train", "--data", ""],
    ["cifar", "train", "--data", "cifar100:"], ["cifar", "train", "--model", "nothing"],
    ["cifar", "evaluate", "nobody", "--limit-test", "0"], ["cifar", "resume", "plain", "--epochs", "0"],
    ["cifar", "data", "download", "--dataset", "mnist"],
    ["cifar", "data", "download", "--url", "scp://x", "--dir", "d"],
    ["cifar", "summary", "--classes", "1"], ["cifar", "export", "plain", "-o", ""],
])
def test_wrong_arguments_end_with_2(registry, workplace, arguments):
    files = sorted(os.listdir(workplace))
    result = run(*arguments, expect=2)
    assert len(result.stderr_text.splitlines()) == 1 and "--help)" in result.stderr_text
    assert not result.stdout_text and sorted(set(os.listdir(workplace)) - {"d"}) == files


def test_help_fits_the_terminal(workplace):
    for tool in ["cifar", "cifar-runs"]:
        names = re.findall(r"^  (\w+(?: \w+)?)  ", output_of(tool, "--help").split("Options:")[0],
                           re.M)
        assert len(names) > 5
        for name in names:
            for columns in [40, 60, 100]:
                text = on_a_terminal(
                    BUILD / "bin" / tool, *name.split(), "--help", columns=columns)
                body = text.replace("\r\n", "\n").split("\nExamples:\n")[0]
                # A single word may be longer than the room there is.
                long = [line for line in body.splitlines() if len(line) > columns]
                assert not [line for line in long if len(line.split()) > 1], (name, long)
                assert not [line for line in body.splitlines() if line.endswith(" ")]
            plain = output_of(tool, *name.split(), "--help").split("\nExamples:\n")[0]
            assert max(map(len, plain.splitlines())) <= 80


def output_of(tool, *command):
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    return run(tool, *command, env=environment).stdout_text


def test_names_that_look_like_files(registry, workplace):
    """A run is found whatever lies beside it, and a file by what only a file is called like."""
    data = {"wide net": None, "other": None}
    for name in data:
        data[name] = json.loads(run("cifar", "evaluate", name, "--json").stdout_text)
    assert data["wide net"] == data["other"], "the same hyperparameters, the same bits"
    names = ["plain.safetensors", "data", "notes", "a/b"]
    (workplace / "data").mkdir()
    (workplace / "notes").write_text("nothing to train")
    for name in names:
        change(registry, ("UPDATE runs SET name = ? WHERE id = 1", [name]))
        run("cifar", "evaluate", name)
        run("cifar", "summary", name)
        run("cifar", "export", name, "-o", "exported.safetensors")
        output("show", name)
        output("report", name, "-o", "report.html")
    message = run("cifar", "evaluate", "./notes", expect=1).stderr_text
    assert "'./notes': not a safetensors file" in message
    # Written like a file, and there: it is the file.
    shutil.copy("exported.safetensors", "plain.safetensors")
    change(registry, "UPDATE runs SET name = 'plain.safetensors' WHERE id = 1",
           "DELETE FROM checkpoints WHERE run = 1")
    run("cifar", "evaluate", "plain.safetensors")
    message = run("cifar", "evaluate", "none.safetensors", expect=1).stderr_text
    assert "no file, and no run" in message
    (workplace / "crlf.json").write_bytes(
        b'\xef\xbb\xbf[{"type": "flatten"},\r\n{"type": "dense", "units": 10}]\r\n')
    assert "flatten" in run("cifar", "summary", "crlf.json").stdout_text.lower()


def test_more_threads_than_processors(workplace):
    """They are no more than the processors: a warning, the same time and the same bits."""
    useful = cifar.default_threads()
    lines = []
    times = {}
    for threads in [useful, 64, 1024]:
        begin = time.monotonic()
        result = run("cifar", "train", *SMALL, "--epochs", 1, "--threads", threads)
        times[threads] = time.monotonic() - begin
        warned = f"--threads {threads} is more than the {useful} core" in result.stderr_text
        assert warned == (threads > useful)
        (line,) = [line for line in result.stdout_text.splitlines() if line.startswith("epoch")]
        lines.append(line.split("lr")[0])
    assert len(set(lines)) == 1
    assert max(times.values()) < 1.5 * times[useful] + 1, times
    rows = json.loads(output("list", "--json"))
    for row in rows:
        (session,) = json.loads(output("show", row["id"], "--json"))["sessions"]
        assert session["threads"] == useful
    said = []
    cifar.set_log(lambda level, line: said.append(line))
    try:
        cifar.Model.from_run(rows[0]["id"], threads=1024)
    finally:
        cifar.set_log(None)
    assert any("1024 threads are asked for" in line for line in said)
    run("cifar", "evaluate", rows[0]["id"], "--threads", 64)


@pytest.fixture
def control_group():
    """A group with the quota of one processor, and a group in it without; where that may be made."""
    one, two = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    root = one if (one / "cpu.cfs_quota_us").exists() else two
    outer = root / f"cifar-test-{os.getpid()}"
    inner = outer / "inner"
    try:
        outer.mkdir()
    except OSError:
        pytest.skip("no control group can be made here")
    try:
        try:
            if root == one:
                (outer / "cpu.cfs_quota_us").write_text("100000")
            else:
                (outer / "cpu.max").write_text("100000 100000")
            inner.mkdir()
        except OSError:
            pytest.skip("the control group can't be given a quota here")
        yield inner
    finally:
        for directory in [inner, outer]:
            if directory.exists():
                directory.rmdir()


def test_a_nested_control_groups_quota_is_honoured(workplace, control_group):
    def enter():
        (control_group / "cgroup.procs").write_text(str(os.getpid()))

    result = run("cifar", "train", *SMALL, "--epochs", 1, "--name", "inside", preexec_fn=enter)
    assert result.stdout_text
    (session,) = json.loads(output("show", "inside", "--json"))["sessions"]
    assert session["threads"] == 1
    result = run("cifar", "train", *SMALL, "--epochs", 1, "--threads", 2, preexec_fn=enter)
    assert "more than the 1 core" in result.stderr_text


# Completion ---------------------------------------------------------------------------------------

PAYLOADS = [
    "$(touch PWNED)", "`touch PWNED`", "';touch PWNED;'", '";touch PWNED;"', "a;touch PWNED",
    "$'\\x24(touch PWNED)'", "<(touch PWNED)", "${x:-$(touch PWNED)}", "a\\$(touch PWNED)",
    "~/x", "*", "-rf", "a\nb", "x[$(touch PWNED)]", "=touch", "a b", "!!",
]


@pytest.fixture
def shell(registry, workplace):
    """The commands by name, and their completions in files."""
    (workplace / "home").mkdir()
    for tool in ["cifar", "cifar-runs"]:
        for kind in ["bash", "zsh", "fish"]:
            text = run(tool, "completion", kind).stdout_text
            (workplace / "home" / f"{tool}.{kind}").write_text(text)
    environment = dict(os.environ, PATH=f"{BUILD / 'bin'}:{os.environ['PATH']}",
                       HOME=str(workplace / "home"), TERM="dumb")
    return environment


def offers(environment, *words, point=None):
    """What bash would offer, asked without a terminal."""
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    function = "_" + words[0].replace("-", "_")
    script = (
        f"source ~/{words[0]}.bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        f'{function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert not result.stderr
    return [line for line in result.stdout.splitlines() if line]


def test_bash_offers_runs_wherever_one_may_stand(shell, registry, workplace):
    identifier = json.loads(output("list", "--json"))[0]["id"]
    start_of = identifier[:6]
    verbs = ["show", "compare", "metrics", "plot", "report", "watch", "tag", "note", "rename",
             "checkpoints", "fork", "export", "rm", "verify", "copy"]
    for verb in verbs:
        assert offers(shell, "cifar-runs", verb, start_of) == [identifier], verb
    for verb in ["resume", "evaluate", "export", "summary"]:
        assert offers(shell, "cifar", verb, start_of) == [identifier], verb
        assert offers(shell, "cifar", verb, "--threads", "2", start_of) == (
            [identifier] if verb in ["resume", "evaluate"] else offers(
                shell, "cifar", verb, "--threads", "2", start_of))
    assert offers(shell, "cifar-runs", "show", "wide") == ["wide\\ net"]
    assert offers(shell, "cifar-runs", "tag", identifier, start_of) == []
    assert offers(shell, "cifar-runs", "compare", identifier, start_of) == [identifier]
    assert offers(shell, "cifar-runs", "restore", start_of) == []
    output("rm", identifier, "--yes")
    assert offers(shell, "cifar-runs", "restore", start_of) == [identifier]
    assert offers(shell, "cifar-runs", "show", start_of) == []
    # The registry that is named is the one that is asked.
    elsewhere = workplace / "home" / "else where.db"
    shutil.copy(registry, elsewhere)
    change(elsewhere, "UPDATE runs SET name = 'there' WHERE name = 'plain'")
    for words in [["--registry", str(elsewhere)], ["--registry", "~/else\\ where.db"],
                  ["--registry", "=", f'"{elsewhere}"']]:
        assert offers(shell, "cifar-runs", "show", *words, "the") == ["there"], words
        assert offers(shell, "cifar", "resume", *words, "the") == ["there"]
    assert offers(shell, "cifar-runs", "list", "--status", "=", "cr") == ["crashed"]
    assert offers(shell, "cifar-runs", "list", "--status", "cr") == ["crashed"]
    assert offers(shell, "cifar", "summary", "tutorial-r") == ["tutorial-resnet"]
    assert "home" in offers(shell, "cifar", "evaluate", "ho")
    assert offers(shell, "cifar", "data", "download", "--layout", "p") == ["python"]


def test_no_shell_evaluates_what_a_registry_holds(shell, registry, workplace):
    """Real bash, zsh and fish at a terminal; those that are not installed are left out."""
    for number, payload in enumerate(PAYLOADS):
        change(registry, ("UPDATE runs SET name = ? WHERE id = 1", ["qq" + payload]))
        assert [line for line in offers(shell, "cifar-runs", "show", "")] and not os.path.exists(
            "PWNED")
        if number < 9:
            # As it stands on the command line, it means the name and nothing else.
            for line in offers(shell, "cifar-runs", "show", "qq"):
                text = subprocess.run(
                    ["bash", "-c", f"printf %s {line}"], capture_output=True, text=True).stdout
                assert text == "qq" + payload
    for payload in PAYLOADS[:5]:
        change(registry, ("UPDATE runs SET uuid = ?, name = ? WHERE id = 1",
                          ["qq" + payload, "rr" + payload]))
        for word in ["", "q", "r"]:
            offers(shell, "cifar-runs", "show", word)
    assert not os.path.exists("PWNED")
    change(registry, ("UPDATE runs SET name = ? WHERE id = 2", ["qq$(touch PWNED)"]),
           ("UPDATE runs SET uuid = ?, name = ? WHERE id = 1", ["qq`touch PWNED`", None]))
    for name, begin in SHELLS.items():
        if not shutil.which(name):
            continue
        with Terminal([name, *begin[0]], env=shell) as terminal:
            for line in begin[1]:
                terminal.line(line)
            terminal.send("cifar-runs show qq\t\t")
            terminal.read(1)
            terminal.line("")
            terminal.line("echo DO''NE; exit")
            text = terminal.rest()
        assert "DONE" in text and not os.path.exists("PWNED"), (name, text)
        assert "Hyperparameters" in text, (name, text)


SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], ["source ~/cifar-runs.bash"]),
    "zsh": (["-f", "-i"], ["autoload -U compinit; compinit -u -D; source ~/cifar-runs.zsh"]),
    "fish": (["--no-config", "-i"], ["source ~/cifar-runs.fish"]),
}


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_offers_runs(shell, registry, workplace):
    elsewhere = workplace / "home" / "elsewhere.db"
    shutil.copy(registry, elsewhere)
    change(elsewhere, "UPDATE runs SET name = 'there' WHERE name = 'plain'")

    def offered(line):
        script = f"source ~/cifar-runs.fish; source ~/cifar.fish; complete -C '{line}'"
        return subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                              check=True, env=shell).stdout

    assert "wide net" in offered("cifar-runs show w") and "wide net" in offered("cifar evaluate w")
    assert "there" in offered("cifar-runs show --registry ~/elsewhere.db th")
    assert "there" not in offered("cifar-runs show th")


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_zsh_offers_runs(shell, registry, workplace):
    elsewhere = workplace / "home" / "elsewhere.db"
    shutil.copy(registry, elsewhere)
    change(elsewhere, "UPDATE runs SET name = 'there' WHERE name = 'plain'")
    with Terminal(["zsh", "-f", "-i"], env=shell, columns=200) as terminal:
        for line in [
            "autoload -U compinit; compinit -u -D; cd",
            "source ~/cifar-runs.zsh; source ~/cifar.zsh",
            "cifar-runs() { print -r -- got \"$@\" }; cifar() { print -r -- got \"$@\" }",
        ]:
            terminal.line(line)
        for line in ["cifar-runs show wid\t", "cifar evaluate --registry ~/elsewhere.db the\t",
                     "cifar-runs tag --registry=x there the\t", "cifar summary tutorial-r\t"]:
            terminal.send(line)
            terminal.read(1)
            terminal.line("")
        terminal.line("exit")
        text = terminal.rest()
    assert "got show wide net" in text and "elsewhere.db there" in text
    assert "got tag --registry=x there the\r" in text and "got summary tutorial-resnet" in text
