"""cifar.h: it compiles alone, and says what the library has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import LIBRARY, ROOT, compile_c

HEADER = (ROOT / "include" / "cifar.h").read_text()
EXPORTS = ROOT / "Sources" / "CifarC" / "exports.map"


SWIFTS = Path(shutil.which("swift") or "/").resolve().parent
GCC_WARNINGS = ["-Wconversion", "-Wundef", "-Wredundant-decls", "-Wcast-qual", "-Wshadow"]
CLANG_WARNINGS = [
    "-Weverything",
    # That C++11 lacks something of C++98, C99 something of C89, or a struct has padding, is no news.
    "-Wno-c++98-compat-pedantic", "-Wno-declaration-after-statement", "-Wno-padded",
    # Each of them warns of what the other one asks for.
    "-Wno-pre-c11-compat", "-Wno-pre-c23-compat",
]


@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "c++11", "c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_header_alone_has_no_warning(tmp_path, compiler, standard):
    is_cpp = "+" in standard
    source = tmp_path / f"alone.{'cpp' if is_cpp else 'c'}"
    source.write_text('#include "cifar.h"\nint main(void) { return CIFAR_OK; }\n')
    if compiler == "gcc":
        program, warnings = "g++" if is_cpp else "gcc", list(GCC_WARNINGS)
        warnings += ["-Wold-style-cast", "-Wuseless-cast"] if is_cpp else ["-Wstrict-prototypes"]
    else:
        program, warnings = str(SWIFTS / ("clang++" if is_cpp else "clang")), CLANG_WARNINGS
    try:
        compile_c(
            source, tmp_path / "alone", f"-std={standard}", *warnings, compiler=program, link=False)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr, pytrace=False)


def declared_functions():
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)
    return set(re.findall(r"^[a-z_][\w *]*?\b(cifar_\w+)\(", code, flags=re.M))


def test_the_library_exports_what_the_header_declares_and_nothing_else():
    table = subprocess.run(
        ["nm", "-D", "--defined-only", str(LIBRARY)], check=True, capture_output=True, text=True
    ).stdout
    # Lowercase types are local: nobody can link to them.
    exported = {
        line.split()[2].split("@")[0] for line in table.splitlines() if line.split()[1].isupper()
    } - {"CIFAR_0.2"}
    assert exported == declared_functions()
    assert len(exported) > 40


def test_every_function_has_its_place_in_the_version_script():
    """The library's symbols are listed by name, so that each has the version it came in."""
    text = re.sub(r"/\*.*?\*/", "", EXPORTS.read_text(), flags=re.S)
    listed = re.findall(r"[^\s;]+(?=;)", text.replace("local:\n    *;", ""))
    assert listed == sorted(set(listed)), "sort the names, each once"
    release = "CIFAR_{}.{}".format(*version_parts()[:2])
    missing = sorted(declared_functions() - set(listed))
    assert not missing, (
        f"Sources/CifarC/exports.map does not list {', '.join(missing)}: add them to the block "
        f"{release}, a new one if the last block has been released")
    gone = sorted(set(listed) - declared_functions())
    assert not gone, (
        f"Sources/CifarC/exports.map lists {', '.join(gone)}, which include/cifar.h does not "
        "declare: take them out, unless they have been released")


@pytest.mark.parametrize("file", ["bindings/python/cifar/_abi.py", "Tests/CABI/call_sequences.c"])
def test_every_function_is_bound_in_python_and_called_in_sequences(file):
    named = set(re.findall(r"\bcifar_\w+", (ROOT / file).read_text()))
    assert declared_functions() - named == set()


def version_parts():
    return [
        re.search(rf"CIFAR_VERSION_{part} (\d+)", HEADER).group(1)
        for part in ["MAJOR", "MINOR", "PATCH"]
    ]


def test_the_version_is_one():
    import cifar
    from cifar import _abi
    from cifar._library import library

    parts = version_parts()
    major, minor, patch = map(int, parts)
    number = major * 10_000 + minor * 100 + patch
    assert library.cifar_version_number() == number == _abi.CIFAR_VERSION_NUMBER
    project = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
    assert cifar.version() == ".".join(parts) == cifar.__version__
    assert f'version = "{cifar.version()}"' in project


def test_every_status_has_the_name_of_the_header():
    from cifar._library import library

    codes = dict(re.findall(r"^\s+(CIFAR_OK|CIFAR_E_\w+) = (\d+)", HEADER, flags=re.M))
    assert len(codes) > 15
    for name, code in codes.items():
        assert library.cifar_status_name(int(code)).decode() == name
    assert library.cifar_status_name(7) == b"unknown status"
