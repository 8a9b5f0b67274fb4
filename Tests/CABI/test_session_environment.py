"""What a session ran in: recorded, shown, compared."""

import json
import os
import platform
import subprocess

import cifar
import numpy
import pytest
from conftest import run
from test_merge import fit
from test_registry_commands import output


def git(*arguments):
    environment = {
        **os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(["git", *arguments], check=True, env=environment, capture_output=True)


def sessions(name, registry="runs.db"):
    return json.loads(output("show", name, "--environment", "--json", "--registry", registry))


@pytest.fixture
def repository(workplace):
    git("init", "-q", ".")
    (workplace / ".gitignore").write_text("*.db*\nignored\n")
    (workplace / "model.py").write_text("units = 10\n")
    git("add", ".")
    git("commit", "-qm", "first")
    return workplace


def test_the_patch_gives_the_program_back(repository):
    (repository / "sub").mkdir()
    (repository / "model.py").write_text("units = 20\n# ünï\n")
    (repository / "a new\nfile").write_text("")
    (repository / "ignored").write_text("")
    os.chdir(repository / "sub")
    fit("../runs.db", "a")
    os.chdir(repository)
    session, = sessions("a")
    assert session["git_changes"]["untracked"] == ["a new\nfile"]
    assert session["git_changes"]["truncated"] is False
    patch = output("show", "a", "--patch", "--registry", "runs.db")
    assert patch == session["git_changes"]["patch"]
    # What Python says is what the command says.
    row, = cifar.Registry("runs.db").sessions("a")
    assert row == session and row["environment"]["packages"]["cifar"] == cifar.__version__
    (repository / "a.patch").write_text(patch)
    git("checkout", session["git_commit"], "--", "model.py")
    git("apply", "a.patch")
    assert (repository / "model.py").read_text() == "units = 20\n# ünï\n"
    page = output("show", "a", "--environment", "--registry", "runs.db")
    assert "1 file, 1 untracked" in page and "--patch" in page


def test_a_patch_has_binary_files(repository):
    (repository / "table.bin").write_bytes(bytes(range(256)))
    git("add", ".")
    git("commit", "-qm", "second")
    (repository / "table.bin").write_bytes(bytes(range(255, -1, -1)))
    (repository / "model.py").write_text("units = 20\n")
    fit("runs.db", "a")
    (repository / "a.patch").write_text(output("show", "a", "--patch", "--registry", "runs.db"))
    git("checkout", "HEAD", "--", ".")
    git("apply", "a.patch")
    assert (repository / "table.bin").read_bytes() == bytes(range(255, -1, -1))
    assert (repository / "model.py").read_text() == "units = 20\n"


def test_the_variables_of_git_change_nothing(repository, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    git("init", "-q", str(other))
    (repository / "model.py").write_text("units = 20\n")
    trace = other / "trace"
    for name, value in {
        "GIT_DIR": other / ".git", "GIT_WORK_TREE": other, "GIT_INDEX_FILE": other / "none",
        "GIT_TRACE": trace,
    }.items():
        monkeypatch.setenv(name, str(value))
    fit("runs.db", "a")
    session, = sessions("a")
    assert "units = 20" in session["git_changes"]["patch"]
    assert session["git_changes"]["untracked"] == []
    assert not trace.exists()


def test_what_is_the_same_is_stored_once_and_goes_with_its_runs(repository):
    (repository / "model.py").write_text("units = 20\n")
    fit("runs.db", "a")
    fit("runs.db", "b")
    cifar.resume("b", epochs=3, registry="runs.db", verbose=0)
    assert cifar.Registry("runs.db").sessions("b") == sessions("b")
    assert sessions("b")[1]["resumed_epoch"] == 2 and sessions("b")[0]["resumed_epoch"] is None
    texts = cifar_texts("runs.db")
    assert sum("units = 20" in text for text in texts) == 1
    output("copy", "a", "--to", "new.db", "--registry", "runs.db")
    assert sessions("a", "new.db")[0]["git_changes"] == sessions("b")[1]["git_changes"] is not None
    output("merge", "runs.db", "--registry", "new.db")
    assert sum("units = 20" in text for text in cifar_texts("new.db")) == 1
    # They go with the last run that had them.
    for name in ["a", "b"]:
        output("rm", name, "--yes", "--registry", "new.db")
    output("gc", "--yes", "--registry", "new.db")
    assert cifar_texts("new.db") == []


def cifar_texts(path):
    import sqlite3

    with sqlite3.connect(path) as database:
        return [text for text, in database.execute("SELECT json FROM texts")]


def test_a_long_patch_is_cut(repository):
    (repository / "model.py").write_text("".join(f"line {number}\n" for number in range(200_000)))
    for number in range(1100):
        (repository / f"file{number}").write_text("")
    fit("runs.db", "a")
    session, = sessions("a")
    changes = session["git_changes"]
    assert changes["truncated"] and len(changes["untracked"]) == 1000
    assert 1_000_000 < len(changes["patch"]) <= 1 << 20 and changes["patch"].endswith("\n")
    done = run("cifar-runs", "show", "a", "--patch", "--registry", "runs.db")
    assert "longer than what is kept" in done.stderr_text


def test_no_program_of_the_repository_is_run(repository):
    (repository / "trap.sh").write_text("#!/bin/sh\ntouch \"$HOME/sprung\"\ncat\n")
    os.chmod(repository / "trap.sh", 0o755)
    trap = str(repository / "trap.sh")
    (repository / ".gitattributes").write_text("*.py filter=trap diff=trap\n")
    for name in ["diff.external", "diff.trap.command", "diff.trap.textconv", "filter.trap.clean",
                 "filter.trap.process", "core.fsmonitor", "core.pager"]:
        git("config", name, trap)
    git("config", "filter.trap.required", "true")
    (repository / "model.py").write_text("units = 30\n")
    index = (repository / ".git" / "index").read_bytes()
    fit("runs.db", "a")
    assert not (repository / "sprung").exists()
    assert "+units = 30" in output("show", "a", "--patch", "--registry", "runs.db")
    assert (repository / ".git" / "index").read_bytes() == index


def test_it_can_be_left_out(repository):
    (repository / "model.py").write_text("units = 20\n")
    fit("runs.db", "a", patch=False)
    train = ["cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1]
    run(*train, "--name", "b", "--no-patch")
    run(*train, "--name", "it's")
    for name in ["a", "b"]:
        assert sessions(name)[0]["git_changes"] == unknown("left out (--no-patch, patch=False in Python, "
                                                           "no_patch in C)")
        done = run("cifar-runs", "show", name, "--patch", expect=1)
        assert "no uncommitted changes" in done.stderr_text and "left out (--no-patch" in done.stderr_text
    session, = sessions("it's")
    assert session["git_changes"]["patch"]
    assert session["command_line"].endswith("--epochs 1 --name 'it'\\''s'")


def unknown(reason):
    return {"patch": "", "untracked": [], "truncated": False, "unknown": reason}


@pytest.mark.parametrize("git,reason", [
    ("missing", "can't run 'git': No such file or directory; install it first"),
    ("broken", "git rev-parse: exit code 3"), ("slow", "git took longer than 5 seconds"),
])
def test_without_a_git_that_answers_a_run_is_recorded_all_the_same(repository, monkeypatch, git, reason):
    (repository / "model.py").write_text("units = 20\n")
    (repository / "bin").mkdir()
    if git != "missing":
        text = "#!/bin/sh\nexit 3\n" if git == "broken" else "#!/bin/sh\nexec /bin/sleep 60\n"
        (repository / "bin" / "git").write_text(text)
        os.chmod(repository / "bin" / "git", 0o755)
    monkeypatch.setenv("PATH", str(repository / "bin"))
    fit("runs.db", "a", epochs=1)
    session, = sessions("a")
    assert session["git_changes"] == unknown(reason) and len(session["git_commit"]) == 40


def test_what_cannot_be_told_is_not_none(repository, monkeypatch):
    """The reason stands wherever the changes would."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("LC_ALL", "C")
    fit("runs.db", "clean")
    index = repository / ".git" / "index"
    whole = index.read_bytes()
    index.write_bytes(b"no index at all, but long enough to be one" * 4)
    fit("runs.db", "damaged")
    index.write_bytes(whole)
    if os.geteuid() == 0:
        # As of a directory that another user has made, which git does not trust.
        os.chown(repository, 12345, 12345)
        os.chown(repository / ".git", 12345, 12345)
        fit("runs.db", "foreign")
        os.chown(repository, 0, 0)
        os.chown(repository / ".git", 0, 0)
        said = sessions("foreign")[0]["git_changes"]["unknown"]
        assert "dubious ownership" in said and "git config --global --add safe.directory" in said
    assert sessions("clean")[0]["git_changes"] is None
    session, = sessions("damaged")
    assert session["git_changes"]["patch"] == "" and len(session["git_commit"]) == 40
    reason = session["git_changes"]["unknown"]
    assert reason.startswith("git ") and "index" in reason
    assert f"not known: {reason}" in output("show", "damaged", "--environment")
    line, = [line for line in output("show", "clean", "--environment").splitlines() if "uncommitted" in line]
    assert line.split() == ["uncommitted", "none"]
    assert reason in run("cifar-runs", "show", "damaged", "--patch", expect=1).stderr_text
    rows = {row["what"]: row for row in json.loads(output("compare", "clean", "damaged", "--json"))}
    ids = [json.loads(output("show", name, "--json"))["id"] for name in ["clean", "damaged"]]
    assert [rows["uncommitted"][id] for id in ids] == ["none", f"not known: {reason}"]
    output("report", "damaged", "-o", "report.html")
    assert f"not known: {reason}" in (repository / "report.html").read_text()


def test_nothing_of_the_repository_is_written(repository):
    (repository / "other.py").write_text("a = 1\n")
    git("add", "other.py")
    git("commit", "-qm", "another")
    # Touched, but as it was; and a change.
    os.utime(repository / "model.py", (1, 1))
    (repository / "other.py").write_text("a = 2\n")
    before = {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}
    fit("runs.db", "a")
    assert before == {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}
    session, = sessions("a")
    assert "other.py" in session["git_changes"]["patch"] and "model.py" not in session["git_changes"]["patch"]
    git("checkout", "--", "other.py")
    os.utime(repository / "model.py", (2, 2))
    fit("runs.db", "b")
    assert sessions("b")[0]["git_changes"] is None


def test_files_that_git_does_not_look_at(repository):
    git("update-index", "--assume-unchanged", "model.py")
    (repository / "model.py").write_text("units = 20\n")
    fit("runs.db", "a")
    git("update-index", "--no-assume-unchanged", "model.py")
    git("update-index", "--skip-worktree", "model.py")
    fit("runs.db", "b")
    # As in a sparse checkout.
    (repository / "model.py").unlink()
    fit("runs.db", "c")
    reason = ("git was told not to look for changes of model.py (git update-index --assume-unchanged or "
              "--skip-worktree)")
    assert [sessions(name)[0]["git_changes"] for name in "abc"] == [unknown(reason), unknown(reason), None]


@pytest.mark.parametrize("text", ["nonsense", "gitdir: /nonexistent", ""])
def test_what_only_looks_like_a_repository(repository, text):
    inner = repository / "inner"
    inner.mkdir()
    (inner / ".git").write_text(text)
    os.chdir(inner)
    fit("runs.db", "a")
    session, = sessions("a")
    assert session["git_commit"] is None
    assert session["git_changes"] == unknown(
        f"{inner}/.git is there, but no git repository that can be read")


def test_a_working_directory_that_is_gone(repository):
    place = repository / "gone"
    place.mkdir()
    os.chdir(place)
    place.rmdir()
    fit(repository / "runs.db", "a")
    os.chdir(repository)
    session, = sessions("a")
    assert session["working_directory"] is None
    assert session["git_changes"] == unknown("the working directory has no path: it was removed")


def test_a_repository_without_a_commit(workplace):
    git("init", "-q", ".")
    (workplace / "model.py").write_text("units = 10\n")
    fit("runs.db", "a")
    session, = sessions("a")
    assert session["git_commit"] is None
    assert session["git_changes"] == unknown("the repository has no commit yet, or it cannot be read")
    assert "no commit yet" in output("show", "a", "--environment")


def test_the_patch_has_the_changes_in_submodules(repository, tmp_path_factory):
    inner, outer = (tmp_path_factory.mktemp(name) for name in ["inner", "outer"])
    for place in [inner, outer]:
        git("init", "-q", str(place))
        (place / "layer.py").write_text("width = 1\n")
        git("-C", str(place), "add", ".")
        git("-C", str(place), "commit", "-qm", "first")
    allow = ["-c", "protocol.file.allow=always"]
    git("-C", str(outer), *allow, "submodule", "--quiet", "add", str(inner), "deep one")
    git("-C", str(outer), "commit", "-qm", "second")
    git(*allow, "submodule", "--quiet", "add", str(outer), "lib/outer")
    git(*allow, "submodule", "--quiet", "update", "--init", "--recursive")
    git("commit", "-qm", "second")
    fit("runs.db", "clean")
    assert sessions("clean")[0]["git_changes"] is None
    changed = ["model.py", "lib/outer/layer.py", "lib/outer/deep one/layer.py"]
    for number, name in enumerate(changed):
        (repository / name).write_text(f"width = {number + 2}\n")
    (repository / "lib/outer/deep one/new").write_text("")
    fit("runs.db", "a")
    session, = sessions("a")
    assert session["git_changes"]["untracked"] == ["lib/outer/deep one/new"]
    assert session["git_changes"]["unknown"] is None
    (repository / "a.patch").write_text(output("show", "a", "--patch"))
    git("checkout", "--", ".")
    git("submodule", "--quiet", "foreach", "--recursive", "git checkout -q -- .")
    git("apply", "a.patch")
    assert [(repository / name).read_text() for name in changed] == [
        "width = 2\n", "width = 3\n", "width = 4\n"]
    # Of what is known nothing is lost where one of them cannot be told.
    (repository / ".git/modules/lib/outer/index").write_bytes(b"no index" * 20)
    fit("runs.db", "b")
    changes = sessions("b")[0]["git_changes"]
    assert "width = 2" in changes["patch"] and "submodule lib/outer: git " in changes["unknown"]
    done = run("cifar-runs", "show", "b", "--patch")
    assert done.stdout_text == changes["patch"] and "not all changes are known" in done.stderr_text
    page = output("show", "b", "--environment")
    assert "1 file" in page and "not known: submodule lib/outer" in page


def test_machine_and_packages(workplace):
    fit("runs.db", "a")
    session, = sessions("a")
    facts = session["environment"]
    assert facts["packages"] == {
        "cifar": cifar.__version__, "numpy": numpy.__version__, "python": platform.python_version()}
    assert facts["processors"] == len(os.sched_getaffinity(0))
    assert facts["memory"] == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert facts["kernel"] == " ".join([os.uname().sysname, os.uname().release, os.uname().machine])
    assert session["git_changes"] is None and session["git_commit"] is None
    page = output("show", "a", "--environment", "--registry", "runs.db")
    for word in ["packages.numpy", numpy.__version__, "processor", "instruction set"]:
        assert word in page


def test_compare_says_what_differs(workplace, monkeypatch):
    fit("runs.db", "a", threads=1)
    monkeypatch.setenv("CIFAR_ISA", "baseline")
    run("cifar", "train", "--data", "shapes", "--limit-train", 64, "--limit-test", 32, "--epochs", 1,
        "--name", "b", "--threads", 2)
    rows = {row["what"]: row for row in json.loads(output("compare", "a", "b", "--json"))}
    first, second = [json.loads(output("show", name, "--json"))["id"] for name in "ab"]
    assert rows["instruction set"][second] == "baseline" != rows["instruction set"][first]
    assert rows["threads"][first] == "1" and rows["packages.numpy"][second] is None
    assert "library" not in rows and "processor" not in rows
    every = {row["what"] for row in json.loads(output("compare", "a", "b", "--json", "--all"))}
    assert {"library", "kernel", "memory"} <= every


def test_illegal_values_are_named(workplace):
    import sqlite3

    fit("runs.db", "a")
    with sqlite3.connect("runs.db") as database:
        database.execute("UPDATE sessions SET environment = '[1]'")
    message = run("cifar-runs", "show", "a", "--environment", expect=1).stderr_text
    assert "sessions.environment" in message and "a JSON object" in message
    with sqlite3.connect("runs.db") as database:
        text, = database.execute("SELECT id FROM texts LIMIT 1").fetchone()
        database.execute("UPDATE sessions SET environment = '{}', git_changes = ?", (text,))
    message = run("cifar-runs", "show", "a", "--environment", expect=1).stderr_text
    assert "texts.json" in message and "changes of a repository" in message
    with pytest.raises(cifar.CifarError, match="changes of a repository") as caught:
        cifar.Registry("runs.db").sessions("a")
    assert caught.value.status == "CIFAR_E_BAD_DATA"


@pytest.mark.parametrize("packages", ["[]", '{"a": 1}', "{", "x"])
def test_packages_are_checked(workplace, packages):
    from ctypes import byref, c_void_p, sizeof

    from cifar import _abi as abi
    from cifar._library import call

    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    options = abi.TrainOptions()
    call("cifar_train_options_init", byref(options), sizeof(options))
    options.packages = packages.encode()
    with pytest.raises(cifar.CifarError, match="options.packages"):
        call("cifar_trainer_create", train._handle, test._handle, byref(options), byref(c_void_p()))
    assert not os.path.exists("runs.db")
