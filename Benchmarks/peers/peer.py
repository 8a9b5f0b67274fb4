"""What the peers share: the protocol of cifar-bench, answered by an object.

A peer is started with the number of threads and the directory that prepare.py filled, reads a
measurement a line and answers a line of JSON; instead of an answer there may be {"error": "…"}.
All times are milliseconds. Which measurements there are is in cifar-bench/main.swift; a peer has
those that its `describe` names, in the modes that it lists there with the precision of each:
float32, bfloat16 or int8.
"""

import json
import os
import resource
import statistics
import sys
import time
from functools import cached_property
from pathlib import Path

import numpy as np

# Standard output is for the answers; what the frameworks print there, some when they are imported,
# goes to standard error. So a peer imports this module first.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# Images at a time where nothing but the answers matters.
BATCH = 100


class Peer:
    """Subclasses have `program`, `module` (what people import), `version` and `modes`: the
    measurements, each with its modes and their precisions; to train, `presets`: the names of the
    models. To infer, they have a `predictor`."""

    presets = ()

    def __init__(self, threads, directory):
        self.threads = threads
        self.directory = Path(directory)

    def describe(self):
        return {
            "program": self.program, "module": self.module, "version": self.version,
            "presets": list(self.presets), **self.modes,
        }

    def predictor(self, mode, images):
        """A function without arguments whose result is the probabilities of `images`.

        They are (N, 3, 32, 32). What happens once for all is done here, in the function what has to
        happen each time.
        """
        raise NotImplementedError

    def infer(self, batch, repeats, mode):
        return median(repeats, self.predictor(mode, self.images[:batch]))

    def quality(self, mode):
        """Accuracy on the test images, and the relative root mean square of the error."""
        batches = [
            self.predictor(mode, self.images[first:first + BATCH])()
            for first in range(0, len(self.images), BATCH)
        ]
        answers = np.concatenate([np.asarray(batch, "f8").reshape(-1, 10) for batch in batches])
        reference = self.numbers("reference.f64", "f8").reshape(-1, 10)
        error = answers[:len(reference)] - reference
        return {
            "accuracy": float((answers.argmax(1) == self.labels).mean()),
            "error": float(np.sqrt((error ** 2).sum() / (reference ** 2).sum())),
        }

    def memory(self):
        """The most that was ever resident, in MB."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def numbers(self, name, kind):
        return np.fromfile(self.directory / name, kind)

    @cached_property
    def images(self):
        """(N, 3, 32, 32), normalised."""
        return self.numbers("images.f32", "f4").reshape(-1, 3, 32, 32)

    @cached_property
    def labels(self):
        return self.numbers("labels.i32", "i4")

    @cached_property
    def calibration(self):
        """Training images to choose the scales of int8 by."""
        return self.numbers("calibration.f32", "f4").reshape(-1, 3, 32, 32)

    @cached_property
    def weights(self):
        """The network's, under PyTorch's names."""
        return dict(np.load(self.directory / "weights.npz"))

    @property
    def onnx(self):
        """The network, with the softmax behind it; its input is `images`, (batch, 3, 32, 32)."""
        return str(self.directory / "model.onnx")


def median(repeats, body):
    """Median milliseconds of `body`, after one run that is not counted."""
    body()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        body()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def serve(kind):
    peer = kind(int(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        name, *words = line.split()
        arguments = [int(word) if word.isdigit() else word for word in words]
        try:
            answer = getattr(peer, name)(*arguments)
        except Exception as error:  # run.py names the measurement and leaves it out
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=ANSWERS, flush=True)
