"""Puts a result into the documents: docs/bench.json, docs/benchmark.md, docs/bench.svg, README.md.

    python3 Benchmarks/publish.py [build/bench.json]
"""

import json
import sys
from pathlib import Path

import plot
import report

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- What follows is written by Benchmarks/publish.py. -->"
END = "<!-- As far as here. -->"


def as_json(result):
    """A line for each series, so that a new run is a readable change."""
    def short(value):
        if isinstance(value, float):
            return float(f"{value:.5g}")
        if isinstance(value, dict):
            return {key: short(entry) for key, entry in value.items()}
        return [short(entry) for entry in value] if isinstance(value, list) else value

    result = short(result)
    parts = []
    for key, value in result.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in value)
            parts.append(f" {json.dumps(key)}: [\n  {lines}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts).replace(', {"program"', ',\n    {"program"') + "\n}\n"


def insert(text, part):
    """README's text with another part between the two marks."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"README.md lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{part}\n\n{END}{after}"


def documents(result, readme):
    """What each file is to hold, by its path from the root."""
    return {
        "docs/bench.json": as_json(result), "docs/benchmark.md": report.document(result),
        "docs/bench.svg": plot.bars(result), "README.md": insert(readme, report.readme(result)),
    }


def write(result):
    result = json.loads(as_json(result))  # the documents say what the file says
    readme = (ROOT / "README.md").read_text()
    for path, text in documents(result, readme).items():
        (ROOT / path).write_text(text)
        print(f"wrote {path}")


if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "bench.json"
    write(json.loads(source.read_text()))
