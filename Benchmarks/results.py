"""What a run's measurements say: medians, spread, and which peer is the fastest.

A result is what run.py writes to build/bench.json. Its `rows` are measurements, each with a series
of samples for every program and mode: `{"program": "PyTorch", "mode": "eager", "precision":
"float32", "samples": [...]}`. Sample k of every series was taken in round k. Lower is better in all
of them.
"""

import statistics
from dataclasses import dataclass

OWN = "libcifar"
# By how coarse their numbers are.
PRECISIONS = {"float32": 0, "mixed_bfloat16": 1, "bfloat16": 1, "int8": 2}
BITS = ["float32", "16-bit", "int8"]


@dataclass(frozen=True)
class Peer:
    """A peer in one measurement, and how many times faster libcifar is."""

    series: dict
    ratio: float


def median(series):
    return statistics.median(series["samples"])


def quartiles(series):
    """Between which values half of the samples lie."""
    samples = series["samples"]
    if len(samples) == 1:
        return samples[0], samples[0]
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, high


def ratio(own, peer):
    """How many times faster `own` is: the median of the rounds' ratios."""
    return statistics.median(b / a for a, b in zip(own["samples"], peer["samples"], strict=True))


def own_series(row):
    return [series for series in row["series"] if series["program"] == OWN]


def peer_series(row):
    return [series for series in row["series"] if series["program"] != OWN]


def error(result, series):
    """The measured error of a program's answers in a mode; None where it was not measured."""
    for entry in result["quality"]:
        if (entry["program"], entry["mode"]) == (series["program"], series["mode"]):
            return entry["error"]
    return None


def same_precision(own, peer):
    return PRECISIONS[own["precision"]] == PRECISIONS[peer["precision"]]


def as_exact(result, row, own, peer):
    """Whether the peer's answers are as good: of the same precision, or of at most our error.

    In inference the errors are those that were measured; a step of training is compared by the
    precision alone.
    """
    if same_precision(own, peer):
        return True
    errors = (error(result, own), error(result, peer))
    if row["section"] == "infer" and None not in errors:
        return errors[1] <= errors[0]
    return PRECISIONS[peer["precision"]] <= PRECISIONS[own["precision"]]


def fastest(result, row, own, only_same_precision=False):
    """The peer that comes closest to libcifar, or passes it; None if there is none."""
    candidates = [
        Peer(series, ratio(own, series)) for series in peer_series(row)
        if same_precision(own, series)
        or (not only_same_precision and as_exact(result, row, own, series))
    ]
    return min(candidates, key=lambda peer: peer.ratio, default=None)


def best_of_program(row, program):
    """A program's fastest mode in a row, whatever its precision; None if it was not measured."""
    series = [series for series in row["series"] if series["program"] == program]
    return min(series, key=median, default=None)


def programs(row):
    """Of a row, each once, in their order."""
    return list(dict.fromkeys(series["program"] for series in row["series"]))


def was_idle(result):
    """Whether nothing else ran before the first measurement."""
    return result["machine"]["load"] <= 0.5


def find(result, name):
    """A row by its name; None if the run did not measure it."""
    return next((row for row in result["rows"] if row["name"] == name), None)
