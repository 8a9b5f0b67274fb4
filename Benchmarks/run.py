"""`make bench`: libcifar beside PyTorch and onnxruntime, paired in one run.

Every measurement is taken in rounds: each round asks libcifar and then each peer, so that a drift
of the machine's speed meets all of them. Printed are medians over the rounds, and the median of the
ratios within a round. The numbers land in build/bench.json, the ratios in docs/bench.svg.

    python3 Benchmarks/run.py [--rounds N] [--threads N]
                              [--only memory,step,models,infer,epoch,start,layers]
                              [--no-compile] [--svg FILE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from plot import bars

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-bench"
PYTHON = VENV / "bin" / "python"
BUILD = ROOT / "build"


# Threads that have finished may spin for a while before they sleep, and would slow down whoever is
# measured next.
PAUSE = 0.3  # seconds


class Process:
    """A program that answers a measurement a line."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=ROOT / "Benchmarks",
        )

    def ask(self, *words):
        time.sleep(PAUSE)
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended while it measured {words}")
        answer = json.loads(line)
        if isinstance(answer, str):
            sys.exit(answer)
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def install_peers():
    stamp = VENV / "ready"
    wanted = (ROOT / "Benchmarks" / "requirements.txt").read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("installing the peers into .venv-bench", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "-r", "Benchmarks/requirements.txt"]
    subprocess.run(pip, check=True, cwd=ROOT)
    stamp.write_text(wanted)


class Report:
    """Collects the rounds, prints a line for each measurement, keeps all for the JSON file."""

    def __init__(self):
        self.rows = []

    def paired(self, title, unit, rounds, ours, peers):
        """`ours` and the values of `peers` are functions that measure once; lower is better."""
        ours()  # warm
        for measure in peers.values():
            measure()
        samples = {"libcifar": [], **{name: [] for name in peers}}
        for _ in range(rounds):
            samples["libcifar"].append(ours())
            for name, measure in peers.items():
                samples[name].append(measure())
        row = {"title": title, "unit": unit, "median": {}, "ratio": {}}
        for name, values in samples.items():
            row["median"][name] = statistics.median(values)
        for name in peers:
            row["ratio"][name] = statistics.median(
                peer / own for own, peer in zip(samples["libcifar"], samples[name])
            )
        row["samples"] = samples
        self.rows.append(row)
        text = f"{title:34} libcifar {row['median']['libcifar']:9.2f} {unit}"
        for name in peers:
            text += f"   {name} {row['median'][name]:9.2f} ({row['ratio'][name]:.2f}×)"
        print(text, flush=True)

    def best(self, title):
        """The ratio to the fastest peer of a measurement."""
        row = next((row for row in self.rows if row["title"] == title), None)
        return min(row["ratio"].values()) if row else None


def steps(report, options, bench, torch):
    modes = ["eager", "channels_last"] + ([] if options.no_compile else ["compile"])
    for batch, repeats in [(64, 5), (256, 2)]:
        report.paired(
            f"training step, batch {batch}", "ms", options.rounds,
            lambda: bench.ask("step", batch, 4 * repeats),
            {f"torch {mode}": lambda mode=mode: torch.ask("step", batch, repeats, mode)
             for mode in modes},
        )


def models(report, options, bench, torch):
    """The other presets beside PyTorch, and mixed precision beside float32."""
    for preset in ["tutorial-gap", "tutorial-resnet"]:
        report.paired(
            f"{preset}, step, batch 64", "ms", options.rounds,
            lambda: bench.ask("step", 64, 20, preset),
            {f"torch {mode}": lambda mode=mode: torch.ask("step", 64, 5, mode, preset)
             for mode in ["eager", "channels_last"]},
        )
    for batch in [64, 256]:
        report.paired(
            f"mixed precision, step, batch {batch}", "ms", options.rounds,
            lambda: bench.ask("step", batch, 10, "tutorial", "mixed_bfloat16"),
            {"libcifar float32": lambda: bench.ask("step", batch, 10, "tutorial", "float32")},
        )


def inference(report, options, bench, torch, onnx):
    for batch, repeats in [(1, 300), (64, 10), (256, 4)]:
        peers = {
            f"torch {mode}": lambda mode=mode: torch.ask("infer", batch, repeats, mode)
            for mode in ["eager", "channels_last"]
        }
        peers["onnxruntime"] = lambda: onnx.ask("infer", batch, repeats)
        report.paired(
            f"inference, batch {batch}", "ms", options.rounds,
            lambda: bench.ask("infer", batch, 2 * repeats), peers,
        )


def epoch(report, options, torch):
    """Augmentation, training, validation and, for libcifar, the registry."""
    count = options.epoch_images
    database = BUILD / "bench.db"

    def ours():
        command = [
            BUILD / "bin" / "cifar", "train", "--data", "shapes", "--limit-train", count,
            "--limit-test", count // 5, "--epochs", 2, "--quiet", "--registry", database,
            "--threads", options.threads,
        ]
        output = subprocess.run(
            [str(word) for word in command], check=True, capture_output=True, text=True
        ).stdout
        show = [BUILD / "bin" / "cifar-runs", "show", output.strip(), "--json", "--registry",
                database]
        run = json.loads(subprocess.run(show, check=True, capture_output=True, text=True).stdout)
        database.unlink()
        return run["epochs"][-1]["seconds"]

    report.paired(
        f"epoch of {count} + {count // 5} images", "s", max(1, options.rounds // 2), ours,
        {"torch, 2 loader workers": lambda: torch.ask("epoch", count)},
    )


def start_up(report, options):
    environment = dict(
        os.environ, CIFAR_LIBRARY=str(BUILD / "lib" / "libcifar.so"),
        PYTHONPATH=str(ROOT / "bindings" / "python"),
    )

    def importing(module):
        start = time.perf_counter()
        subprocess.run([str(PYTHON), "-c", f"import {module}"], check=True, env=environment)
        return time.perf_counter() - start

    report.paired(
        "start-up: import", "s", options.rounds, lambda: importing("cifar"),
        {"torch": lambda: importing("torch")},
    )


def layers(options, bench):
    """The three passes of each 3×3 convolution, as a share of what the processor can do."""
    peak = statistics.median(bench.ask("peak") for _ in range(3))
    print(f"\nmatrix product in the first-level cache: {peak:.0f} GFLOP/s, {options.threads} threads")
    print("3×3 convolution, batch 64      forward      backward data   backward weights"
          "   (GFLOP/s as if direct, % of that)")
    rows = []
    for channels, filters, size in [
        (3, 32, 32), (32, 32, 32), (32, 64, 16), (64, 64, 16), (64, 128, 8), (128, 128, 8),
    ]:
        flops = 2 * 9 * channels * filters * size * size * 64
        passes = [
            statistics.median(times)
            for times in zip(*[
                bench.ask("layer", channels, filters, size, 64, 20) for _ in range(3)
            ])
        ]
        rates = [flops / milliseconds / 1e6 for milliseconds in passes]
        if channels == 3:
            rates[1] = None  # nobody needs the gradient of the images
        cells = "".join(
            f"{rate:9.0f} {100 * rate / peak:4.0f} %" if rate else f"{'–':>9}       "
            for rate in rates
        )
        print(f"{channels:4} → {filters:3}, {size:2}×{size:<2}         {cells}")
        rows.append({"channels": channels, "filters": filters, "size": size, "ms": passes,
                     "gflops": rates})
    return {"peak_gflops": peak, "layers": rows}


def memory(start_bench, start_torch):
    """The most that is ever resident, each in a process that does nothing but train."""
    values = {}
    for batch in [64, 256]:
        for name, start, words in [
            ("libcifar", start_bench, []),
            ("libcifar mixed_bfloat16", start_bench, ["tutorial", "mixed_bfloat16"]),
            ("torch", start_torch, ["channels_last"]),
        ]:
            process = start()
            process.ask("step", batch, 3, *words)
            values[f"{name}, batch {batch}"] = process.ask("memory")
            process.end()
    print("memory while training:")
    for name, megabytes in values.items():
        print(f"  {name:36} {megabytes:5.0f} MB")
    return values


def machine():
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--epoch-images", type=int, default=6400)
    parser.add_argument("--only", default="memory,step,models,infer,epoch,start,layers")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    wanted = options.only.split(",")

    install_peers()
    subprocess.run(
        ["swift", "build", "-c", "release", "-Xswiftc", "-static-stdlib", "--product",
         "cifar-bench", "--quiet"], check=True, cwd=ROOT,
    )
    def start_bench():
        return Process(ROOT / ".build" / "release" / "cifar-bench", options.threads)

    def start_torch():
        return Process(PYTHON, "peer_torch.py", options.threads)

    bench, torch = start_bench(), start_torch()
    print(f"{machine()}, {options.threads} threads, {options.rounds} rounds; "
          "medians, and how many times faster than each peer libcifar is\n")

    report, result = Report(), {}
    if "memory" in wanted:
        result["memory_mb"] = memory(start_bench, start_torch)
        print()
    if "step" in wanted:
        steps(report, options, bench, torch)
    if "models" in wanted:
        models(report, options, bench, torch)
    if "infer" in wanted:
        onnx = Process(PYTHON, "peer_onnxruntime.py", options.threads)
        inference(report, options, bench, torch, onnx)
        onnx.end()
    if "epoch" in wanted:
        epoch(report, options, torch)
    if "start" in wanted:
        start_up(report, options)
    if "layers" in wanted:
        result.update(layers(options, bench))
    bench.end()
    torch.end()

    result.update(machine=machine(), threads=options.threads, measurements=report.rows)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(result, indent=1))
    if options.svg and report.rows:
        options.svg.parent.mkdir(parents=True, exist_ok=True)
        options.svg.write_text(bars(report.rows))
    print("\nbuild/bench.json has every sample")


if __name__ == "__main__":
    main()
