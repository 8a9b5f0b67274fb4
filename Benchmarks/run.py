"""`make bench`: libcifar beside PyTorch, Keras and the inference engines, in turns in one run.

Every measurement is taken in rounds, each of which asks libcifar and then each peer. A peer that
cannot be installed, or a mode that fails, is named and left out. Everything that was measured goes
to build/bench.json; `--publish` puts it into README.md and docs/ as well.

    python3 Benchmarks/run.py [--rounds N] [--threads N] [--peers torch,keras,…] [--no-compile]
                              [--only step,infer,epoch,layers,memory,start,threads]
                              [--data shapes|DIRECTORY] [--test-images N] [--epoch-images N]
                              [--publish]
"""

import datetime
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import machine
import options
import publish
from peer_programs import (
    BUILD, PEERS, ROOT, Failed, environment, install, python, start_bench, start_peer,
)
from results import OWN, PRECISIONS
from rounds import Run, Series

# CIFAR's images: channels, and pixels a side.
CIFAR = (3, 32)
# Model, batch size, images, and the steps of a measurement: as many as make about a second for a peer.
STEPS = [
    ("tutorial", 64, CIFAR, 5), ("tutorial", 256, CIFAR, 2), ("tutorial-resnet", 64, CIFAR, 3),
    ("airbench94", 1024, CIFAR, 1),
    ("tutorial", 64, (1, 28), 5), ("tutorial", 64, (3, 64), 2),
]
BATCHES = [(1, 200), (64, 8), (256, 3)]
# Input and output channels, pixels a side, kernel.
LAYERS = [
    (3, 32, 32, 3), (32, 32, 32, 3), (32, 64, 16, 3), (64, 64, 16, 3), (64, 128, 8, 3),
    (128, 128, 8, 3), (64, 256, 15, 3), (256, 256, 7, 3), (256, 384, 8, 3), (384, 384, 8, 3),
    (512, 512, 4, 3), (32, 32, 32, 5), (64, 64, 16, 5),
]


class Bench:
    """The programs under way, and what they have measured so far."""

    def __init__(self, options):
        self.options = options
        self.run = Run(options.rounds)
        self.directory = BUILD / "bench"
        self.processes = {}
        self.described = {}
        self.peak = None

    def start(self):
        """Prepares the network, then starts whatever can be."""
        self.prepare()
        self.processes["cifar"] = start_bench(self.options.threads, self.directory)
        self.described["cifar"] = self.processes["cifar"].ask("describe")
        self.described["cifar"]["memory"] = self.described["cifar"]["step"]
        for name in self.options.peers:
            try:
                install(name)
                process = start_peer(name, self.options.threads, self.directory)
                self.described[name] = process.ask("describe")
                self.processes[name] = process
            except Failed as failure:
                self.run.leave_out(PEERS[name], "everything", failure)

    def prepare(self):
        what = f"{self.options.test_images} images of {self.options.data}"
        stamp = self.directory / "prepared"
        try:
            install("prepare")
        except Failed as failure:
            sys.exit(f"NumPy and ONNX, which prepare what is measured, {failure}")
        if stamp.exists() and stamp.read_text() == what:
            return
        print(f"training the network that is measured, on {self.options.data}", flush=True)
        stamp.unlink(missing_ok=True)
        command = [
            python("prepare"), "Benchmarks/peers/prepare.py", self.directory, self.options.data,
            self.options.test_images,
        ]
        done = subprocess.run([str(word) for word in command], env=environment(), cwd=ROOT)
        if done.returncode:
            sys.exit(done.returncode)  # it has said why
        stamp.write_text(what)

    def end(self):
        for process in self.processes.values():
            process.end()

    def modes(self, name, measurement):
        modes = self.described[name].get(measurement, {})
        if self.options.no_compile:
            modes = {mode: kind for mode, kind in modes.items() if "compile" not in mode}
        return sorted(modes.items(), key=lambda mode: PRECISIONS[mode[1]])

    def series(self, measurement, *words, repeats, after=(), value=float, preset=None):
        """One for every program and mode that has the measurement, and the preset; libcifar's are
        repeated more often, since they are shorter. `value` makes a sample of an answer."""
        return [
            Series(
                OWN if name == "cifar" else PEERS[name], mode, precision,
                lambda process=process, mode=mode, times=repeats * (3 if name == "cifar" else 1):
                    value(process.ask(measurement, *words, times, mode, *after)),
            )
            for name, process in self.processes.items()
            if preset is None or preset in self.described[name]["presets"]
            for mode, precision in self.modes(name, measurement)
        ]

    def step(self):
        for model, batch, images, repeats in STEPS:
            name, title = f"step-{model}-{batch}", f"training step of `{model}`, batch {batch}"
            if images != CIFAR:
                channels, side = images
                name += f"-{channels}x{side}x{side}"
                title += f", {side}×{side} {'grey' if channels == 1 else 'colour'}"
            self.run.row(
                "step", name, title, "ms",
                self.series("step", batch, repeats=repeats, after=[model, *images], preset=model),
            )

    def infer(self):
        for name, process in self.processes.items():
            program = OWN if name == "cifar" else PEERS[name]
            for mode, precision in self.modes(name, "infer"):
                try:
                    answer = process.ask("quality", mode)
                except Failed:
                    continue  # the measurement of its speed says why
                self.run.quality.append(
                    {"program": program, "mode": mode, "precision": precision, **answer}
                )
                print(f"  {program:12}{mode:24}accuracy {100 * answer['accuracy']:.2f} %, "
                      f"error {answer['error']:.1e}", flush=True)
        for batch, repeats in BATCHES:
            images = "one image" if batch == 1 else f"{batch} images"
            self.run.row(
                "infer", f"infer-{batch}", f"inference, {images}", "ms",
                self.series("infer", batch, repeats=repeats),
            )

    def epoch(self):
        """Augmentation, training and validation; of libcifar the registry, too."""
        count = self.options.epoch_images
        series = [
            Series(OWN, mode, mode, lambda mode=mode: own_epoch(count, mode, self.options.threads))
            for mode, _ in self.modes("cifar", "step")
        ]
        for name, process in self.processes.items():
            series += [
                Series(PEERS[name], mode, precision, lambda process=process, mode=mode:
                       process.ask("epoch", count, mode) / 1e3)
                for mode, precision in self.modes(name, "epoch")
            ]
        self.run.row(
            "epoch", "epoch", f"epoch of {count:,} + {count // 5:,} images with augmentation", "s",
            series, rounds=max(1, self.options.rounds // 2),
        )

    def layers(self):
        """The three passes of a convolution together; of the images no gradient is needed."""
        self.peak = statistics.median(self.processes["cifar"].ask("peak") for _ in range(3))
        for inputs, outputs, size, kernel in LAYERS:
            passes = [0, 2] if inputs == 3 else [0, 1, 2]
            self.run.row(
                "layers", f"layer-{inputs}-{outputs}-{size}-{kernel}",
                f"convolution {kernel}×{kernel}, {inputs} → {outputs} channels, {size}×{size}, "
                "batch 64", "ms",
                self.series(
                    "layer", inputs, outputs, size, kernel, 64, repeats=4,
                    value=lambda answer, passes=passes: sum(answer[index] for index in passes),
                ),
                flops=2 * len(passes) * kernel**2 * inputs * outputs * size**2 * 64,
            )

    def memory(self):
        """The most that is ever resident, each in a process that does nothing but train."""
        def measure(name, batch, mode):
            start = start_bench if name == "cifar" else (
                lambda *words: start_peer(name, *words)
            )
            process = start(self.options.threads, self.directory)
            try:
                process.ask("step", batch, 3, mode, "tutorial", *CIFAR)
                return process.ask("memory")
            finally:
                process.end()

        for batch in [64, 256]:
            self.run.row(
                "memory", f"memory-{batch}", f"memory while training, batch {batch}", "MB",
                [
                    Series(OWN if name == "cifar" else PEERS[name], mode, precision,
                           lambda name=name, mode=mode: measure(name, batch, mode))
                    for name in self.processes
                    for mode, precision in self.modes(name, "memory")
                ],
                rounds=1,
            )

    def start_up(self):
        def importing(environment_name, module):
            start = time.perf_counter()
            output(python(environment_name), "-c", f"import {module}")
            return time.perf_counter() - start

        self.run.row(
            "start", "start", "import into Python", "s",
            [Series(OWN, "", "float32", lambda: importing("prepare", "cifar"))]
            + [Series(PEERS[name], "", "float32",
                      lambda name=name: importing(name, self.described[name]["module"]))
               for name in self.processes if name != "cifar"],
        )

    def scaling(self):
        """A step with all threads beside one with a single thread."""
        if self.options.threads == 1:
            self.run.leave_out(OWN, "more than one thread", "this run has one thread only")
            return
        single = start_bench(1, self.directory)
        both = {f"{self.options.threads} threads": self.processes["cifar"], "1 thread": single}
        self.run.row(
            "threads", "threads", "training step of `tutorial`, batch 64", "ms",
            [Series(OWN, mode, "float32", lambda process=process: process.ask(
                "step", 64, 10, "float32", "tutorial", *CIFAR)) for mode, process in both.items()],
        )
        single.end()

    def result(self):
        version = output(BUILD / "bin" / "cifar", "--version").split()[-1]
        programs = {OWN: f"{version}, {self.described['cifar']['version']}"} | {
            description["program"]: description["version"]
            for name, description in self.described.items() if name != "cifar"
        }
        return {
            "date": datetime.date.today().isoformat(), "machine": self.machine,
            "threads": self.options.threads, "rounds": self.options.rounds,
            "command": " ".join(["python3 Benchmarks/run.py", *self.arguments()]),
            "data": "shapes" if self.options.data == "shapes" else "CIFAR-10",
            "test_images": self.options.test_images, "programs": programs,
            "peak_gflops": self.peak, "left_out": self.run.left_out, "quality": self.run.quality,
            "rows": self.run.rows,
        }

    def arguments(self):
        """Those of the command line, without a directory of this machine."""
        data = self.options.data
        return [
            word if data == "shapes" else word.replace(data, "DIRECTORY") for word in sys.argv[1:]
        ]

    def measure(self):
        """All that is wanted; the file is written after each section, as the next may fail."""
        self.machine = machine.describe()
        sections = {
            "step": self.step, "infer": self.infer, "epoch": self.epoch, "layers": self.layers,
            "memory": self.memory, "start": self.start_up, "threads": self.scaling,
        }
        try:
            self.start()
            for section in self.options.only:
                sections[section]()
                (BUILD / "bench.json").write_text(publish.as_json(self.result()))
        finally:
            self.end()


def own_epoch(count, precision, threads):
    database = BUILD / "bench" / "epoch.db"
    command = [
        BUILD / "bin" / "cifar", "train", "--data", "shapes", "--limit-train", count,
        "--limit-test", count // 5, "--epochs", 2, "--quiet", "--registry", database,
        "--threads", threads, "--precision", precision,
    ]
    run = output(*command).strip()
    shown = output(
        BUILD / "bin" / "cifar-runs", "show", run, "--json", "--registry", database
    )
    database.unlink()
    return json.loads(shown)["epochs"][-1]["seconds"]


def output(*command):
    """What a command prints; it must succeed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, env=environment()
    )
    if done.returncode:
        raise Failed(f"{Path(command[0]).name}: {done.stderr.strip()}")
    return done.stdout


def main():
    bench = Bench(options.parse())
    try:
        bench.measure()
    except Failed as failure:
        sys.exit(f"{OWN} {failure}")
    print("\nbuild/bench.json has every sample")
    if bench.options.publish:
        publish.write(bench.result())


if __name__ == "__main__":
    main()
