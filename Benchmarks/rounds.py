"""Measurements in rounds: each asks every program once, so that a drift of the machine's speed
meets all of them."""

from dataclasses import dataclass
from typing import Callable

from peer_programs import ROOT, Failed
from results import OWN, median, own_series, quartiles, ratio


@dataclass
class Series:
    """What one program measures in one mode; `measure` takes a sample."""

    program: str
    mode: str
    precision: str
    measure: Callable[[], float]


class Run:
    def __init__(self, rounds):
        self.rounds = rounds
        self.rows = []
        self.quality = []
        self.left_out = []

    def leave_out(self, program, what, why):
        """Names what there is no measurement of, with the first line of the reason.

        Where the tree lies on this machine is nobody's business in a published result.
        """
        lines = str(why).replace(f"{ROOT}/", "").strip().splitlines()
        reason = lines[0] if lines else "no reason given"
        self.left_out.append({"program": program, "what": what, "why": reason})
        print(f"  left out: {program}, {what}: {reason}", flush=True)

    def fail(self, series, title, failure):
        """Leaves out a peer's mode; of libcifar nothing may fail."""
        if series.program == OWN:
            raise failure
        self.leave_out(series.program, f"{series.mode}: {title}".lstrip(": "), failure)

    def row(self, section, name, title, unit, series, rounds=None, **more):
        """Measures; what fails is left out. Without a measurement of libcifar there is no row."""
        print(f"{title} ({unit})", flush=True)
        working = []
        for one in series:  # once without counting: caches, compilers
            try:
                one.measure()
                working.append(one)
            except Failed as failure:
                self.fail(one, title, failure)
        samples = {id(one): [] for one in working}
        for _ in range(rounds or self.rounds):
            for one in list(working):
                try:
                    samples[id(one)].append(one.measure())
                except Failed as failure:
                    self.fail(one, title, failure)
                    working.remove(one)
        row = {
            "section": section, "name": name, "title": title, "unit": unit, **more,
            "series": [
                {"program": one.program, "mode": one.mode, "precision": one.precision,
                 "samples": samples[id(one)]}
                for one in working
            ],
        }
        self.rows.append(row)
        show(row)
        return row


def show(row):
    own = own_series(row)
    for series in row["series"]:
        low, high = quartiles(series)
        text = f"  {series['program']:12}{series['mode']:24}{median(series):10.4g}"
        text += f"  ({low:.4g}–{high:.4g})"
        if own and series is not own[0]:
            text += f"   {ratio(own[0], series):.2f} × {OWN} {own[0]['mode']}"
        print(text, flush=True)
