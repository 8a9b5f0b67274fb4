"""Draws a result as an SVG of bars: how long each program takes, for what people do most."""

from html import escape

from report import label, number
from results import OWN, best_of_program, find, median, own_series, programs, was_idle

# What is drawn, in this order, as far as it was measured.
PANELS = [
    "step-tutorial-64", "step-tutorial-256", "step-tutorial-resnet-64", "epoch", "infer-256",
    "infer-1",
]
# Of the peers the fastest ones, each in its fastest mode.
PEERS = 4
WIDTH, LEFT, RIGHT, ROW, BAR, HEAD, TOP = 760, 236, 110, 20, 14, 34, 62
STYLE = """
text { font: 12px sans-serif; fill: #1f2328 }
.page { fill: #ffffff } .title { font-size: 16px; font-weight: bold } .head { font-weight: bold }
.note { fill: #59636e } .own { fill: #0969da } .peer { fill: #afb8c1 } .strong { font-weight: bold }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .page { fill: #0d1117 } .note { fill: #9198a1 } .own { fill: #4493f8 }
.peer { fill: #59636e }
}
"""


def bars(result):
    """The picture; bars of one measurement have one scale."""
    parts, y = [], TOP
    for row in filter(None, (find(result, name) for name in PANELS)):
        title = row["title"].replace("`", "")
        parts.append(text(16, y + 18, title[0].upper() + title[1:], "head"))
        y += HEAD - 6
        series = shown(row)
        scale = (WIDTH - LEFT - RIGHT) / max(map(median, series))
        for one in series:
            own = one["program"] == OWN
            length = max(1, median(one) * scale)
            parts.append(text(LEFT - 8, y + 11, label(one), "strong" if own else "", end=True))
            parts.append(
                f'<rect class="{"own" if own else "peer"}" x="{LEFT}" y="{y}" '
                f'width="{length:.1f}" height="{BAR}" rx="2"/>'
            )
            value = f"{number(median(one))} {row['unit']}"
            parts.append(text(LEFT + length + 6, y + 11, value, "strong" if own else ""))
            y += ROW
        y += 8
    height = y + 12
    what = result["machine"]
    note = f"{what['processor']}, {result['threads']} threads, medians of {result['rounds']} rounds"
    note += "; of each peer its fastest mode in any precision"
    note += "" if was_idle(result) else "; the machine was not idle"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Time that libcifar and other programs take; shorter is faster</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        text(16, 26, "Shorter is faster", "title"), text(16, 46, note, "note"), *parts,
        "</svg>", "",
    ])


def shown(row):
    """libcifar's modes, then the fastest peers in their fastest mode."""
    own = own_series(row)
    peers = [best_of_program(row, program) for program in programs(row) if program != OWN]
    return sorted(own, key=median) + sorted(peers, key=median)[:PEERS]


def text(x, y, words, kind, end=False):
    anchor = ' text-anchor="end"' if end else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y}"{anchor}>{escape(words)}</text>'
