"""What a run ran on."""

import os
import platform
from pathlib import Path

# Those that decide how fast a convolution can be.
INSTRUCTION_SETS = [
    "avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "avx512_fp16", "avx_vnni", "amx_bf16",
    "amx_int8",
]


def describe():
    processor, flags = platform.machine(), []
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            processor = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags = value.split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor,
        "instruction_sets": [name for name in INSTRUCTION_SETS if name in flags],
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        # Before the run: 0 on a machine that does nothing else.
        "load": round(os.getloadavg()[0], 1),
    }
