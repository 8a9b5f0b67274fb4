"""The wheel and the sdist, as they are made; Tests/Packages/wheel.py installs them."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from conftest import ROOT

PACKAGE = ROOT / "bindings" / "python"


def made(kind, folder):
    """What `make wheel` or `make sdist` would put into dist/."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", folder, PACKAGE],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.iterdir()
    return file


def test_the_wheel_has_the_library_and_both_commands(tmp_path):
    wheel = made("wheel", tmp_path / "dist")
    version = re.search(r"cifar-([\d.]+)-py3-none-manylinux_2_\d+_(\w+)\.whl", wheel.name)
    assert version and version.group(2) == os.uname().machine, wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
        names = set(archive.namelist())
        executable = {
            item.filename for item in archive.infolist() if item.external_attr >> 16 & 0o100}
    assert executable == {"cifar/libcifar.so.0", "cifar/bin/cifar", "cifar/bin/cifar-runs"}
    in_tree = {str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("*cifar*/*.py")}
    information = f"cifar-{version.group(1)}.dist-info"
    assert names - executable == in_tree | {"cifar/py.typed", "_cifar_commands/py.typed"} | {
        f"{information}/{name}" for name in (
            "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt")}
    metadata = (tmp_path / "installed" / information / "METADATA").read_text()
    for line in [
        f"Version: {version.group(1)}", "License-Expression: MIT", "Requires-Python: >=3.9",
        "Description-Content-Type: text/markdown", "Requires-Dist: numpy>=1.21",
    ]:
        assert f"\n{line}\n" in metadata
    # Nothing of it leads back to the tree.
    for name in executable:
        os.chmod(tmp_path / "installed" / name, 0o755)
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "installed")!r})
import cifar, _cifar_commands
assert cifar.version() == cifar.__version__ == {version.group(1)!r}
sys.argv = ["x", "summary", "tutorial", "--nonsense"]
_cifar_commands.cifar()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and "cifar summary: unknown option --nonsense" in done.stderr, done


def test_the_sdist_has_what_the_build_reads(tmp_path):
    with tarfile.open(made("sdist", tmp_path / "dist")) as archive:
        members = {Path(*Path(item.name).parts[1:]): item for item in archive.getmembers()}
    # Every directory that the manifest names, and what the Makefile calls.
    named = re.findall(r'path: "([^"]+)"', (ROOT / "Package.swift").read_text())
    assert "bindings/swift/CifarKit" in named
    for name in [*named, "Sources", "Tests", "Tools", "include", "packaging", "Makefile",
                 "Package.swift"]:
        for path in [ROOT / name, *(ROOT / name).rglob("*.swift"), *(ROOT / name).rglob("*.[ch]")]:
            if path.exists() and ".build" not in path.parts:
                member = members.get("libcifar" / path.relative_to(ROOT))
                in_a_link = any(parent.is_symlink() for parent in path.parents)
                assert in_a_link or (member and member.issym() == path.is_symlink()), path
    assert not [path for path in members if "__pycache__" in path.parts or path.suffix == ".so"]


def test_without_swift_the_build_says_what_it_needs(tmp_path):
    """A copy of the directory alone, without the tree around it."""
    alone = tmp_path / "bindings" / "python"
    shutil.copytree(PACKAGE, alone, ignore=shutil.ignore_patterns("*.egg-info"))
    done = subprocess.run(
        [sys.executable, "-c", "from setuptools import build_meta; build_meta.build_wheel('.')"],
        capture_output=True, text=True, cwd=alone, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "missing: swift, make, cc, strip.\n" in done.stderr and "`make wheel`" in done.stderr


def test_the_package_runs_the_command(workplace):
    done = subprocess.run(
        [sys.executable, "-m", "cifar", "--version"], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)})
    assert re.fullmatch(r"cifar \d+\.\d+\.\d+\n", done.stdout), done
