"""Tables for notebooks."""

import html
from typing import List, Sequence

# More would fill the page: the last ones are shown.
_MOST_ROWS = 20
# Legible on light and on dark pages.
_CELL = "text-align: right; padding: 2px 8px"


def monospaced(lines: str) -> str:
    """lines: HTML."""
    return f"<pre style='font-family: monospace; line-height: 1.3'>{lines}</pre>"


def paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text, whose last rows are shown where there are many."""
    left_out = len(rows) - _MOST_ROWS
    lines = [_row([f"<th style='{_CELL}'>{html.escape(title)}</th>" for title in titles])]
    if left_out > 0:
        lines.append(f"<tr><td colspan='{len(titles)}'>… {left_out:,} more before these</td></tr>")
        rows = rows[left_out:]
    for row in rows:
        lines.append(_row([f"<td style='{_CELL}'>{html.escape(cell)}</td>" for cell in row]))
    return f"<table>{''.join(lines)}</table>"


def confusion(
    names: Sequence[str], counts: Sequence[Sequence[int]], scores: Sequence[Sequence[float]],
    score_names: Sequence[str],
) -> str:
    """A row a class: how many of its images were taken for which, and its scores."""
    corner = "<th style='text-align: right'>is ↓ taken for →</th>"
    heads = "".join(
        f"<th style='{_CELL}'>{html.escape(name)}</th>" for name in [*names, *score_names])
    lines = [_row([corner, heads])]
    for place, (name, row, measured) in enumerate(zip(names, counts, scores)):
        whole = max(sum(row), 1)
        cells = [f"<th style='text-align: right'>{html.escape(name)}</th>"]
        for other, count in enumerate(row):
            colour = "0, 128, 0" if other == place else "220, 40, 40"
            cells.append(
                f"<td style='{_CELL}; background: rgba({colour}, {count / whole:.2f})'>"
                f"{count or '·'}</td>")
        cells += [f"<td style='{_CELL}'>{score:.3f}</td>" for score in measured]
        lines.append(_row(cells))
    return f"<table>{''.join(lines)}</table>"


def _row(cells: List[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"
