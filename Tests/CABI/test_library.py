"""libcifar.so as a file: what it needs, and how its kernels came out of the compiler."""

import platform
import re
import subprocess

import pytest
from conftest import BUILD, LIBRARY, ROOT

UNSTRIPPED = ROOT / ".build" / "release" / "libcifar.so"


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_it_needs_the_system_and_sqlite_only():
    dynamic = output_of("readelf", "-d", str(LIBRARY))
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    assert needed <= {
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libgcc_s.so.1",
        "libsqlite3.so.0",
        "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    }
    assert re.search(r"SONAME.*\[(.*)\]", dynamic).group(1) == "libcifar.so.0"
    assert "not found" not in output_of("ldd", str(LIBRARY))


@pytest.mark.parametrize("file", ["lib/libcifar.so", "bin/cifar", "bin/cifar-runs"])
def test_it_runs_on_the_oldest_glibc_that_the_makefile_names(file):
    if platform.machine() != "x86_64":
        pytest.skip("packaging/glibc.c is for x86-64")
    oldest = re.search(r"^GLIBC := (\S+)$", (ROOT / "Makefile").read_text(), flags=re.M).group(1)
    table = output_of("objdump", "-T", str(BUILD / file))
    # What ends a line of the table: (GLIBC_2.34) pthread_create.
    needed = re.findall(r"\*UND\*.*GLIBC_([\d.]+)\)?\s+(\w+)$", table, flags=re.M)
    assert len(needed) > 200
    newer = sorted(
        f"{name} of glibc {version}" for version, name in needed
        if numbers(version) > numbers(oldest))
    assert not newer, (
        f"{file} needs a newer glibc than {oldest}: {', '.join(newer)}. "
        "Define each anew in packaging/glibc.c")


def numbers(version):
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("command", ["cifar", "cifar-runs"])
def test_the_commands_need_no_swift_runtime(command):
    assert "swift" not in output_of("ldd", str(BUILD / "bin" / command)).lower()


@pytest.fixture(scope="module")
def functions():
    """Disassembly by function: a text of many lines each."""
    if platform.machine() != "x86_64":
        pytest.skip("looks at x86-64 instructions")
    found = {}
    # Functions are parted by an empty line, and begin with their address and <name>.
    for block in output_of("objdump", "-d", "--no-show-raw-insn", str(UNSTRIPPED)).split("\n\n"):
        head, _, body = block.lstrip("\n").partition("\n")
        name = re.fullmatch(r"[0-9a-f]+ <(.*)>:", head)
        if name:
            found[name.group(1)] = body
    assert len(found) > 10_000
    return found


def test_the_avx2_kernels_have_fused_vector_instructions(functions):
    kernels = [body for name, body in functions.items() if "KernelsAVX2" in name]
    assert sum(len(re.findall(r"vfmadd.*%ymm", body)) for body in kernels) > 100


def test_no_kernel_calls_fmaf(functions):
    """Without its instruction set a fused multiply-add becomes a call for every lane."""
    callers = {
        name for name, body in functions.items()
        if "<fma@plt>" in body or "<fmaf@plt>" in body
    }
    assert not [name for name in callers if "Kernels" in name or "Cifar" in name]


def test_avx2_stays_inside_its_kernels(functions):
    """An AVX2 copy of shared code would end the process on an older processor."""
    inside = re.compile(r"KernelsAVX")
    others = {
        name for name, body in functions.items()
        if ("Cifar" in name or "KernelsBaseline" in name) and not inside.search(name)
        and ("%ymm" in body or "%zmm" in body)
    }
    assert not others


def test_vnni_stays_inside_its_kernels(functions):
    using = [name for name, body in functions.items() if "vpdpwssd" in body]
    assert using and all("KernelsAVX512VNNI" in name for name in using)
