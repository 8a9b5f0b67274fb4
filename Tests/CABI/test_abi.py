"""The ABI, held against the description of it in ABI: a file for each minor version."""

import ctypes
import re
import subprocess
import sys

import pytest
from conftest import LIBRARY, ROOT, compile_c

sys.path.insert(0, str(ROOT / "Tools" / "bindings"))
import abi  # noqa: E402

DESCRIPTIONS = sorted((ROOT / "Tests" / "CABI" / "ABI").glob("*.txt"))


@pytest.fixture(scope="module")
def today():
    return abi.description_of(ROOT)


def same_library(today):
    """The descriptions of the versions whose programs the library of today is loaded by."""
    soname = re.search(r"^soname .*", today, flags=re.M).group()
    return [path for path in DESCRIPTIONS if soname in path.read_text()]


def test_the_description_is_that_of_today(today):
    path = ROOT / abi.path_of(today)
    assert path.exists(), f"{path} is missing: write it by `make abi`"
    breaks, news = abi.differences(path.read_text(), today)
    said = "".join(
        f"\n{what}:\n" + "".join(f"  {line}\n" for line in lines)
        for what, lines in [("breaks older programs", breaks), ("new", news)] if lines)
    assert path.read_text() == today, (
        f"the ABI is not the one in {path.relative_to(ROOT)}.\n{said}\nIf that is meant: `make abi`, "
        "and an entry in CHANGELOG.md. What breaks programs needs a new major version, unless the "
        "version has not been released")


def test_programs_of_every_earlier_version_run(today):
    paths = same_library(today)
    assert paths
    broken = {path.name: abi.differences(path.read_text(), today)[0] for path in paths}
    assert not any(broken.values()), broken


def test_the_library_exports_the_versions_that_it_says(today):
    functions = {
        f"{name}@@{entry.text.split(',')[0]}"
        for name, entry in abi.entries_of(today).items() if entry.kind == "function"
    }
    table = subprocess.run(
        ["nm", "-D", "--defined-only", str(LIBRARY)], check=True, capture_output=True, text=True
    ).stdout
    # Capital letters are what can be linked to; the versions themselves are absolute symbols.
    exported = {words[2] for words in map(str.split, table.splitlines()) if words[1] in "TDBRVW"}
    assert exported == functions
    dynamic = subprocess.run(
        ["readelf", "-d", str(LIBRARY)], check=True, capture_output=True, text=True).stdout
    soname = re.search(r"SONAME.*\[(.*)\]", dynamic).group(1)
    assert f"\nsoname {soname}\n" in today


@pytest.mark.parametrize("path", DESCRIPTIONS, ids=lambda path: path.stem)
def test_a_program_that_was_compiled_then_runs_now(path, today, workplace):
    if path not in same_library(today):
        pytest.skip("of another SONAME")
    (workplace / "older.h").write_text(abi.header_of(path.read_text()))
    try:
        compile_c(
            ROOT / "Tests" / "CABI" / "old_program.c", workplace / "program", "-std=c99", "-I",
            str(workplace))
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr, pytrace=False)
    done = subprocess.run([workplace / "program"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "the old program runs\n"), done.stderr


@pytest.mark.parametrize("struct", [
    "cifar_train_options", "cifar_resume_options", "cifar_trainer_callbacks", "cifar_run_query",
])
def test_every_size_that_a_struct_could_have_had_is_filled(struct, today):
    """Of an older program: the struct ended with one of its fields, and memory of others follows."""
    library = ctypes.CDLL(str(LIBRARY))
    entry = abi.entries_of(today)[struct]
    whole = int(entry.text.split()[0])
    ends = {sum(abi.place_of(text)) for text in entry.parts.values()} - {4}
    for size in sorted(ends | {whole, whole + 8}):
        memory = ctypes.create_string_buffer(b"\xa5" * (whole + 32), whole + 32)
        init = getattr(library, f"{struct}_init")
        assert init(memory, ctypes.c_size_t(size)) == 0, (struct, size)
        assert int.from_bytes(memory.raw[:4], sys.byteorder) == size
        assert memory.raw[size:] == b"\xa5" * (whole + 32 - size), (struct, size)
        if size > whole:
            assert memory.raw[whole:size] == bytes(size - whole)
    for text in entry.parts.values():
        width, offset = abi.place_of(text)
        if offset >= 8:
            assert init(memory, ctypes.c_size_t(offset + width // 2)) == 10, (struct, text)


def test_a_trainer_takes_options_of_every_size(workplace, today):
    import cifar
    import numpy as np
    from cifar import _abi
    from cifar._library import library

    images = np.zeros((8, 3, 32, 32), np.uint8)
    data = cifar.Dataset.from_arrays(images, [0, 1] * 4, ["a", "b"])
    for text in abi.entries_of(today)["cifar_train_options"].parts.values():
        size = sum(abi.place_of(text))
        if size < 8:
            continue
        options = _abi.TrainOptions()
        assert library.cifar_train_options_init(ctypes.byref(options), size) == 0
        trainer = ctypes.c_void_p()
        status = library.cifar_trainer_create(
            data._handle, data._handle, ctypes.byref(options), ctypes.byref(trainer))
        assert status == 0, (size, library.cifar_last_error())
        library.cifar_trainer_free(trainer)


# The comparison -----------------------------------------------------------------------------------

SMALL = """\
# What a program that was compiled against libcifar 0.2 relies on, on 64-bit Linux.
soname libcifar.so.0
macro CIFAR_VERSION_MINOR = 2
macro CIFAR_MOST = 7
opaque cifar_thing
enum cifar_colour: 4 bytes
  CIFAR_RED = 0
callback cifar_ask: int (*)(void *)
struct cifar_box: 16 bytes
  struct_size: 4 at 0, uint32_t
  colour: 4 at 4, cifar_colour
  names: 8 at 8, const char *const *
function cifar_fill: CIFAR_0.2, cifar_status (cifar_box *)
"""


@pytest.mark.parametrize("found, instead, breaks, news", [
    ("MINOR = 2", "MINOR = 3", [], ["the macro CIFAR_VERSION_MINOR was 2 and is 3"]),
    ("MOST = 7", "MOST = 8", ["the macro CIFAR_MOST was 7 and is 8"], []),
    ("macro CIFAR_MOST = 7\n", "", ["the macro CIFAR_MOST is gone"], []),
    ("opaque cifar_thing\n", "opaque cifar_thing\nopaque cifar_other\n", [],
     ["the opaque cifar_other is new"]),
    ("RED = 0", "RED = 1", ["CIFAR_RED of the enum cifar_colour was 0 and is 1"], []),
    ("RED = 0", "RED = 0\n  CIFAR_BLUE = 1", [],
     ["CIFAR_BLUE = 1 of the enum cifar_colour is new"]),
    ("int (*)(void *)", "int (*)(int)",
     ["the callback cifar_ask was int (*)(void *) and is int (*)(int)"], []),
    ("16 bytes", "12 bytes", ["cifar_box had 16 bytes and has 12"], []),
    ("const *\nfunc", "const *\n  more: 8 at 16, double\nfunc", [],
     ["the field more of cifar_box is new: 8 at 16, double"]),
    ("const *\nfunc", "const *\n  more: 4 at 12, int32_t\nfunc",
     ["the new field more of cifar_box, 4 at 12, int32_t, lies within the 16 bytes that the struct "
      "had, where older programs leave anything"], []),
    ("colour: 4 at 4", "colour: 4 at 16",
     ["the field colour of cifar_box was 4 at 4, cifar_colour and is 4 at 16, cifar_colour: fields "
      "are added at the end only"], []),
    ("  colour: 4 at 4, cifar_colour\n", "", ["the field colour of cifar_box is gone"], []),
    ("(cifar_box *)", "(cifar_box *, int)",
     ["the function cifar_fill was CIFAR_0.2, cifar_status (cifar_box *) and is CIFAR_0.2, "
      "cifar_status (cifar_box *, int)"], []),
    ("CIFAR_0.2, ", "CIFAR_0.3, ",
     ["the function cifar_fill was CIFAR_0.2, cifar_status (cifar_box *) and is CIFAR_0.3, "
      "cifar_status (cifar_box *)"], []),
    ("so.0", "so.1", ["libcifar.so.0 is no longer the library's SONAME"], []),
])
def test_a_difference_is_said_in_words(found, instead, breaks, news):
    assert SMALL.count(found) == 1
    assert abi.differences(SMALL, SMALL.replace(found, instead)) == (breaks, news)
