"""cifar.h: it compiles alone, and says what the library has."""

import re
import subprocess

import pytest
from conftest import LIBRARY, ROOT, compile_c

HEADER = (ROOT / "include" / "cifar.h").read_text()


@pytest.mark.parametrize(
    "compiler, flags, suffix",
    [("cc", ["-std=c99", "-Wstrict-prototypes"], "c"), ("c++", ["-std=c++11"], "cpp")],
)
def test_the_header_compiles_alone(tmp_path, compiler, flags, suffix):
    source = tmp_path / f"alone.{suffix}"
    source.write_text('#include "cifar.h"\nint main(void) { return CIFAR_OK; }\n')
    compile_c(source, tmp_path / "alone", *flags, compiler=compiler, link=False)


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


@pytest.mark.parametrize("file", ["bindings/python/cifar/_abi.py", "Tests/CABI/call_sequences.c"])
def test_every_function_is_bound_in_python_and_called_in_sequences(file):
    named = set(re.findall(r"\bcifar_\w+", (ROOT / file).read_text()))
    assert declared_functions() - named == set()


def test_the_version_is_one():
    import cifar

    parts = [
        re.search(rf"CIFAR_VERSION_{part} (\d+)", HEADER).group(1)
        for part in ["MAJOR", "MINOR", "PATCH"]
    ]
    assert cifar.version() == ".".join(parts) == cifar.__version__


def test_every_status_has_the_name_of_the_header():
    from cifar._library import library

    codes = dict(re.findall(r"^\s+(CIFAR_OK|CIFAR_E_\w+) = (\d+)", HEADER, flags=re.M))
    assert len(codes) > 15
    for name, code in codes.items():
        assert library.cifar_status_name(int(code)).decode() == name
    assert library.cifar_status_name(7) == b"unknown status"
