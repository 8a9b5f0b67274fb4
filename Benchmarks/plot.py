"""Draws how many times faster libcifar is as an SVG of bars."""

from html import escape

WIDTH, LEFT, ROW, BAR = 760, 250, 22, 14


def bars(rows):
    """`rows` as Report keeps them; a bar for each measurement and peer."""
    entries = [
        (row["title"] if index == 0 else "", peer, ratio)
        for row in rows
        for index, (peer, ratio) in enumerate(row["ratio"].items())
    ]
    longest = max(ratio for _, _, ratio in entries)
    scale = (WIDTH - LEFT - 150) / longest
    height = ROW * len(entries) + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<text x="12" y="20" font-size="14" font-weight="bold">Times faster than the peer</text>',
    ]
    for index, (title, peer, ratio) in enumerate(entries):
        y = 36 + ROW * index
        parts.append(f'<text x="12" y="{y + 11}">{escape(title)}</text>')
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" height="{BAR}" fill="#2f6f9f"/>'
        )
        parts.append(
            f'<text x="{LEFT + ratio * scale + 6:.1f}" y="{y + 11}">{ratio:.2f}× '
            f'<tspan fill="#666">{escape(peer)}</tspan></text>'
        )
    one = LEFT + scale
    parts.append(
        f'<line x1="{one:.1f}" y1="30" x2="{one:.1f}" y2="{height - 10}" stroke="#c33" '
        'stroke-dasharray="3 3"/>'
    )
    return "\n".join([*parts, "</svg>", ""])
