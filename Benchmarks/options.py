"""The options of run.py."""

import argparse
import os

from peer_programs import PEERS

SECTIONS = ["step", "infer", "epoch", "layers", "memory", "start", "threads"]


def names(known):
    """A list of names in one argument, each of which must be known."""
    def parse(text):
        wanted = text.split(",")
        for name in wanted:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(known)}")
        return wanted

    return parse


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return int(text)


def parse():
    parser = argparse.ArgumentParser(
        description="Measures libcifar, PyTorch, Keras and inference engines, in turns in one run."
    )
    processors = len(os.sched_getaffinity(0))
    for name, kind, default, what in [
        ("rounds", positive, 7, "how often each is asked"),
        ("threads", positive, processors, "threads that compute"),
        ("peers", names(PEERS), list(PEERS), "which of them"),
        ("only", names(SECTIONS), SECTIONS, "what is measured"),
        ("data", str, "shapes", "what the network of `infer` learns: shapes, or CIFAR-10's "
                                "directory"),
        ("test-images", positive, 10000, "the accuracy is measured on so many"),
        ("epoch-images", positive, 6400, "training images of an epoch"),
    ]:
        words = ",".join(default) if isinstance(default, list) else default
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{what} ({words})",
                            metavar={positive: "N", str: "DATA"}.get(kind, "NAMES"))
    parser.add_argument("--no-compile", action="store_true",
                        help="leave out torch.compile, which takes minutes the first time")
    parser.add_argument("--publish", action="store_true",
                        help="put the result into README.md, docs/bench.json, docs/benchmark.md "
                             "and docs/bench.svg")
    options = parser.parse_args()
    if options.publish and options.only != SECTIONS:
        parser.error("--publish needs every measurement: leave out --only")
    return options
