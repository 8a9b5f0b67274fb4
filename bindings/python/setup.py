"""Puts the library and the commands into wheels, and their sources into sdists.

Everything else is in pyproject.toml.
"""

import atexit
import re
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# Where the sources of the library are: this is a part of their tree, or they lie in the sdist.
TREE = HERE / "libcifar" if (HERE / "libcifar").is_dir() else HERE.parents[1]
# What `make build` reads. The manifest names targets of all these directories.
SOURCES = [
    "LICENSE", "Makefile", "Package.swift", "Benchmarks", "Sources", "Tests", "Tools",
    "bindings/swift", "include", "packaging",
]
# What `make build` makes, and where it is in the package. A wheel can't hold links: the library is
# there under the one name that programs load it by.
BUILT = {
    "build/lib/libcifar.so.0": "libcifar.so.0",
    "build/bin/cifar": "bin/cifar",
    "build/bin/cifar-runs": "bin/cifar-runs",
}


def version() -> str:
    """That of cifar.h."""
    text = (HERE / "cifar" / "_abi.py").read_text()
    numbers = dict(re.findall(r"^CIFAR_VERSION_(MAJOR|MINOR|PATCH) = (\d+)$", text, flags=re.M))
    return "{MAJOR}.{MINOR}.{PATCH}".format(**numbers)


def make_build() -> None:
    """Has what goes into the package built, unless it is."""
    if not all((TREE / file).exists() for file in BUILT):
        missing = [name for name in ("swift", "make", "cc", "strip") if not shutil.which(name)]
        if "cc" not in missing and not has_sqlite():
            missing.append("sqlite3.h")
        if missing or not (TREE / "Package.swift").exists():
            raise SystemExit(
                f"cifar {version()} can't be built here. Its library is written in Swift: to build "
                "it there must be Swift 6.1 or newer, make, a C compiler and SQLite's header "
                "(libsqlite3-dev or sqlite-devel); missing: "
                f"{', '.join(missing) or 'the sources'}.\n"
                "Where they are, `make wheel` in the source tree makes a wheel that needs none of "
                "them, and `pip install dist/cifar-*.whl` installs it.")
        subprocess.run(["make", "build"], cwd=TREE, check=True)
    said = subprocess.run(
        [TREE / "build/bin/cifar", "--version"], check=True, capture_output=True, text=True).stdout
    if version() not in said.split():
        raise SystemExit(
            f"{TREE}/build has {said.strip()}, and this package is of version {version()}: "
            "`make wheel` builds both")


def has_sqlite() -> bool:
    return subprocess.run(
        ["cc", "-E", "-"], input=b"#include <sqlite3.h>", capture_output=True).returncode == 0


def platform_tag() -> str:
    """manylinux_2_28_x86_64, of the newest glibc version that one of the files asks for.

    At least 2.28, as older ones' exp, log and pow round otherwise, and results would be others. The
    files ask for libsqlite3.so.0 as well, which manylinux does not have among its libraries: it
    must be the system's. A copy in the wheel would be the second SQLite of processes that use the
    registry by sqlite3 too, and locks do not hold between two of them.
    """
    machine = sysconfig.get_platform().split("-")[-1]
    files = [TREE / file for file in BUILT]
    if not all(file.exists() for file in files):  # of an editable installation only
        return f"linux_{machine}"
    said = subprocess.run(
        ["readelf", "--version-info", *files], check=True, capture_output=True, text=True).stdout
    minors = [int(minor) for minor in re.findall(r"\bName: GLIBC_2\.(\d+)", said)]
    return f"manylinux_2_{max(28, *minors)}_{machine}" if minors else f"linux_{machine}"


class BuildPy(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # the package finds the tree's own
            return
        make_build()
        for file, place in BUILT.items():
            target = Path(self.build_lib, "cifar", place)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TREE / file, target)


class Wheel(bdist_wheel):
    def get_tag(self):
        # One for every Python: ctypes loads the library.
        return "py3", "none", platform_tag()


class SDist(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        for name in SOURCES:
            source, target = TREE / name, Path(base_dir, "libcifar", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                # Links stay links: the kernels of all instruction sets are one source.
                shutil.copytree(
                    source, target, symlinks=True,
                    ignore=shutil.ignore_patterns(".*", "__pycache__", "*.db"))
            elif source.exists():
                shutil.copy(source, target)


class BinaryDistribution(Distribution):
    def has_ext_modules(self):
        return True


# Of its own each time: nothing is left in the tree, and what is left from another build would get
# into the wheel.
scratch = tempfile.mkdtemp(prefix="cifar-build-")
atexit.register(shutil.rmtree, scratch, ignore_errors=True)
setup(
    version=version(),
    distclass=BinaryDistribution,
    cmdclass={"build_py": BuildPy, "bdist_wheel": Wheel, "sdist": SDist},
    options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
)
