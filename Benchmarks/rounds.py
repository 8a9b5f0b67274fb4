"""Measurements in rounds: each asks every program once, so that a drift of the machine's speed
meets all of them."""

from dataclasses import dataclass
from typing import Callable

from programs import Failed
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
        """Names what there is no measurement of, with the first line of the reason."""
        reason = str(why).strip().splitlines()[0] if str(why).strip() else "no reason given"
        self.left_out.append({"program": program, "what": what, "why": reason})
        print(f"  left out: {program}, {what}: {reason}", flush=True)

    def row(self, section, name, title, unit, series, rounds=None, **more):
        """Measures; what fails is left out. Without a measurement of libcifar there is no row."""
        print(f"{title} ({unit})", flush=True)
        working = []
        for one in series:  # once without counting: caches, compilers
            try:
                one.measure()
                working.append(one)
            except Failed as failure:
                if one.program == OWN:
                    raise
                self.leave_out(one.program, f"{one.mode}: {title}".lstrip(": "), failure)
        samples = [[] for _ in working]
        for _ in range(rounds or self.rounds):
            for one, values in zip(working, samples):
                values.append(one.measure())
        row = {
            "section": section, "name": name, "title": title, "unit": unit, **more,
            "series": [
                {"program": one.program, "mode": one.mode, "precision": one.precision,
                 "samples": values}
                for one, values in zip(working, samples)
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
