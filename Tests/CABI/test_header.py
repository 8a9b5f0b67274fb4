"""cifar.h: it compiles alone, and says what the library has."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LIBRARY, ROOT, compile_c

sys.path.insert(0, str(ROOT / "Tools" / "bindings"))
import reference  # noqa: E402

HEADER = (ROOT / "include" / "cifar.h").read_text()
EXPORTS = ROOT / "Sources" / "CifarC" / "exports.map"


SWIFTS = Path(shutil.which("swift") or "/").resolve().parent
GCC_WARNINGS = ["-Wconversion", "-Wundef", "-Wredundant-decls", "-Wcast-qual", "-Wshadow"]
CLANG_WARNINGS = [
    "-Weverything",
    "-Wno-c++98-compat-pedantic",  # <stdint.h> is not in C++98
    "-Wno-padded",  # structs have padding
]


@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "c++11", "c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_header_alone_has_no_warning(tmp_path, compiler, standard):
    is_cpp = "+" in standard
    source = tmp_path / f"alone.{'cpp' if is_cpp else 'c'}"
    source.write_text('#include "cifar.h"\n')
    if compiler == "gcc":
        program, warnings = "g++" if is_cpp else "gcc", list(GCC_WARNINGS)
        warnings += ["-Wold-style-cast", "-Wuseless-cast"] if is_cpp else ["-Wstrict-prototypes"]
    else:
        program, warnings = str(SWIFTS / ("clang++" if is_cpp else "clang")), CLANG_WARNINGS
    done = subprocess.run(
        [program, f"-std={standard}", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
         *warnings, "-I", str(ROOT / "include"), str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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
    blocks = [re.findall(r"(\w+);", block) for block in re.findall(r"\{(.*?)\}", text, flags=re.S)]
    listed = [name for block in blocks for name in block]
    assert blocks == [sorted(block) for block in blocks], "sort the names of each block"
    assert len(listed) == len(set(listed)), "a name is there twice"
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


def test_the_header_says_something_of_everything():
    assert reference.undocumented(HEADER) == []


@pytest.mark.parametrize("found, instead, missing", [
    (" *  @param first   the place of the first, from 0.\n", "", "cifar_dataset_read(first)"),
    ("@param first   the", "@param start   the", "cifar_dataset_read(start), which it does not take"),
    ("  size_t count;            /**< images */", "  size_t count;", "cifar_dataset_info.count"),
    ("  CIFAR_TRAIN = 0, /**< to train on */", "  CIFAR_TRAIN = 0,", "cifar_split.CIFAR_TRAIN"),
    ("/** Ends a model. */\n", "", "cifar_model_free"),
])
def test_what_has_no_comment_is_found(found, instead, missing):
    assert HEADER.count(found) == 1
    assert missing in reference.undocumented(HEADER.replace(found, instead))


def test_the_program_on_the_main_page_of_the_reference_compiles(tmp_path):
    page = (ROOT / "docs" / "reference" / "main.md").read_text()
    source = tmp_path / "first.c"
    source.write_text(re.search(r"```c\n(.*?)```", page, flags=re.S).group(1))
    compile_c(source, tmp_path / "first", "-std=c99")


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
    assert cifar.version() == ".".join(parts) == cifar.__version__


def test_every_status_has_the_name_of_the_header():
    from cifar._library import library

    codes = dict(re.findall(r"^\s+(CIFAR_OK|CIFAR_E_\w+) = (\d+)", HEADER, flags=re.M))
    assert len(codes) > 15
    for name, code in codes.items():
        assert library.cifar_status_name(int(code)).decode() == name
    assert library.cifar_status_name(7) == b"unknown status"
