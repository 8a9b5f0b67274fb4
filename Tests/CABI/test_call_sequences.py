"""Ten thousand random sequences of C calls: an answer or an error each, no signal, no leak."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from conftest import compile_c

SOURCE = Path(__file__).with_name("call_sequences.c")
# In memory where there is some: what a disk's sync costs is not the subject here.
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None


def test_ten_thousand_call_sequences(tmp_path):
    program = tmp_path / "call_sequences"
    compile_c(SOURCE, program, "-O1", "-g", "-std=gnu11", "-Wno-cast-function-type", "-pthread")

    def run(first):
        with TemporaryDirectory(dir=SCRATCH) as place:
            process = subprocess.run(
                [program, str(first), "2500"], cwd=place, capture_output=True, text=True, timeout=1800
            )
        return process.returncode, process.stdout, process.stderr

    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(run, range(1, 10_001, 2500)):
            assert answer == (0, "2500 sequences\n", "")
