"""`make install` into a prefix, the short form: Tests/Packages has the rest."""

import os
import re
import subprocess

from conftest import BUILD, ROOT, without_swift

HEADER = (ROOT / "include" / "cifar.h").read_text()
VERSION = ".".join(re.findall(r"^#define CIFAR_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", HEADER, re.M))


def make(*arguments):
    """make, without Swift, which installing does not need."""
    return subprocess.run(
        ["make", "--no-print-directory", *map(str, arguments)],
        cwd=ROOT, env=without_swift(), capture_output=True, text=True, check=True,
    )


def test_it_is_installed_found_by_pkg_config_moved_and_uninstalled(workplace):
    built = (BUILD / "lib" / f"libcifar.so.{VERSION}").stat().st_mtime_ns
    prefix = workplace / "some where"
    make("install", f"prefix={prefix}")
    assert (BUILD / "lib" / f"libcifar.so.{VERSION}").stat().st_mtime_ns == built
    for directory in (BUILD / "lib", prefix / "lib"):
        assert os.readlink(directory / "libcifar.so") == "libcifar.so.0"
        assert os.readlink(directory / "libcifar.so.0") == f"libcifar.so.{VERSION}"

    prefix = prefix.rename(workplace / "moved")
    environment = dict(without_swift(), PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", f"cifar = {VERSION}"],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout.split()
    subprocess.run(
        ["cc", ROOT / "bindings" / "c" / "train.c", "-o", "train", *flags,
         f"-Wl,-rpath,{prefix / 'lib'}"],
        env=environment, check=True,
    )
    told = subprocess.run(
        ["./train", "shapes", "1", "64"], env=without_swift(), capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"^run [0-9a-f]{8}  best .* all 1 epochs are done$", told, flags=re.M)
    shown = subprocess.run([prefix / "bin" / "cifar", "--version"], capture_output=True, text=True)
    assert shown.stdout == f"cifar {VERSION}\n"

    make("uninstall", f"prefix={prefix}")
    assert not prefix.exists()


def test_it_is_staged(workplace):
    places = ["prefix=/usr", "libdir=/usr/lib/there", f"DESTDIR={workplace}"]
    made = make("install", *places)
    assert made.stdout == f"installed libcifar {VERSION} into {workplace}/usr\n"
    assert "dynamic linker" not in made.stderr
    description = (workplace / "usr" / "lib" / "there" / "pkgconfig" / "cifar.pc").read_text()
    assert "libdir=${prefix}/lib/there" in description and str(workplace) not in description
    make("uninstall", *places)
    assert not any(workplace.iterdir())


def test_the_packages_have_the_headers_version():
    """Debian's changelog is written by hand."""
    changelog = (ROOT / "debian" / "changelog").read_text()
    assert changelog.startswith(f"libcifar ({VERSION}) ")
