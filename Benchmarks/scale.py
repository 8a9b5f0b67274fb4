"""How a training step would be shared out among many threads, by the times one thread takes.

    python3 Benchmarks/scale.py [MODEL [BATCH [MODE]]]

For 1 to 64 threads the speed-up that follows from the times of every chunk, what no second thread
takes part in, and the jobs that lose most: how many chunks they have, and the longest of them. What
threads wait for memory is not in it.
"""

import sys
from pathlib import Path

from peer_programs import start_bench

SHOWN = 6


def main():
    model, batch, mode = [*sys.argv[1:], *["tutorial", "64", "float32"][len(sys.argv) - 1:]][:3]
    process = start_bench(1, Path("."))
    answers = process.ask("scale", batch, 5, mode, model, 3, 32)
    process.end()
    print(f"training step of {model}, batch {batch}, {mode}")
    for answer in answers:
        threads = answer["threads"]
        print(f"\n{threads:g} thread{'s' if threads > 1 else ''}: {answer['milliseconds']:.2f} ms, "
              f"{answer['speedup']:.1f}×; serial {answer['serial']:.2f} ms")
        lost = sorted(
            answer["jobs"], reverse=True,
            key=lambda job: job["serial"] + job["milliseconds"] - job["total"] / threads)
        for job in lost[:SHOWN] if threads > 1 else []:
            print(f"  {job['name'][:64]:64} {job['chunks']:5g} chunks  "
                  f"{job['milliseconds']:7.3f} ms of {job['total']:7.2f}  "
                  f"longest {job['longest']:6.3f}  serial before {job['serial']:6.3f}")


if __name__ == "__main__":
    main()
