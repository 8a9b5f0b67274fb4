"""A result in words: README's section on speed, and docs/benchmark.md with every measurement.

Nothing is said here that is not in the result, and nothing of what was not measured.
"""

from results import (
    BITS, OWN, PRECISIONS, fastest, find, median, own_series, peer_series, quartiles, ratio,
    was_idle,
)


def number(value):
    """Three digits: 0.187, 2.30, 34.9, 1,105."""
    if value >= 1000:
        return f"{value:,.0f}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"


def factor(value):
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 1.95 else f"{value:.2f}"


def spread(series, unit):
    low, high = quartiles(series)
    return f"{number(median(series))} {unit} ({number(low)}–{number(high)})"


def label(series):
    """`PyTorch, channels_last + autocast`."""
    mode = series["mode"].replace("+", " + ")
    return f"{series['program']}, {mode}" if mode else series["program"]


def table(head, lines):
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def machine(result):
    what = result["machine"]
    sets = ", ".join(what["instruction_sets"]) or "none that is known here"
    text = (
        f"{what['processor']}, {what['processors']} logical processors (instruction sets: {sets}), "
        f"{what['memory_gib']} GiB, {what['system']}; {result['threads']} "
        f"{'thread' if result['threads'] == 1 else 'threads'}, {result['date']}."
    )
    if not was_idle(result):
        text += (
            f" **The machine was not idle**: its load was {what['load']} before the run, so the "
            "times are too long, and only ratios mean something."
        )
    return text


def rounds(result):
    count = result["rounds"]
    turns = "round in which" if count == 1 else "rounds, in each of which"
    return (
        f"{'The result' if count == 1 else 'Medians'} of {count} {turns} libcifar and then every "
        "peer is asked; in brackets the quartiles. Times faster: the median of the rounds' ratios."
    )


def headline(result):
    """The table of steps, epochs and inference: a line for each of libcifar's precisions."""
    lines = []
    for row in result["rows"]:
        if row["section"] not in ("step", "epoch", "infer"):
            continue
        for own in own_series(row):
            lines.append([
                f"{row['title']}, {own['mode']}", spread(own, row["unit"]),
                *against(row, fastest(result, row, own)),
                *against(row, fastest(result, row, own, only_same_precision=True)),
            ])
        if row["section"] == "infer":
            lines += missing_precisions(row)
    return table(
        ["", "libcifar", "fastest peer of at most its error", "times faster",
         "fastest of the same precision", "times faster"], lines,
    )


def against(row, peer):
    if peer is None:
        return ["–", "–"]
    return [f"{label(peer.series)}: {spread(peer.series, row['unit'])}", factor(peer.ratio)]


def missing_precisions(row):
    """Lines for the precisions that peers have and libcifar has not."""
    own = {PRECISIONS[series["precision"]] for series in own_series(row)}
    lines = []
    for rank, bits in enumerate(BITS):
        peers = [s for s in peer_series(row) if PRECISIONS[s["precision"]] == rank]
        if rank not in own and peers:
            best = f"{label(min(peers, key=median))}: " + spread(
                min(peers, key=median), row["unit"]
            )
            lines.append([f"{row['title']}, {bits}", "–", best, "–", best, "–"])
    return lines


def quality(result):
    """What the engines make of the same weights."""
    if not result["quality"]:
        return ""
    lines = [
        [label(entry), f"{100 * entry['accuracy']:.2f} %", f"{entry['error']:.1e}"]
        for entry in sorted(
            result["quality"], key=lambda e: (e["program"] != OWN, PRECISIONS[e["precision"]])
        )
    ]
    return (
        f"The tutorial's network, trained on {result['data']}, on "
        f"{result['test_images']:,} test images; the error is that of the probabilities against "
        "the same network in double precision, relative root mean square:\n\n"
        + table(["", "accuracy", "error"], lines)
    )


def memory(result):
    sentences = []
    for row in result["rows"]:
        if row["section"] == "memory":
            values = ", ".join(f"{label(s)} {number(median(s))} MB" for s in row["series"])
            sentences.append(f"{row['title'][0].upper()}{row['title'][1:]}, at the most: {values}.")
    return "\n\n".join(sentences)


def start_up(result):
    row = find(result, "start")
    if row is None:
        return ""
    values = ", ".join(f"{s['program']} {number(median(s))} s" for s in row["series"])
    return f"Import into Python: {values}."


def scaling(result):
    row = find(result, "threads")
    if row is None:
        return ""
    every, single = row["series"]
    return (
        f"A {row['title']}, is {factor(ratio(every, single))} times as fast with "
        f"{every['mode']} as with one."
    )


def layers(result):
    """Convolutions on their own, in GFLOP/s as if every product were made."""
    rows = [row for row in result["rows"] if row["section"] == "layers"]
    if not rows:
        return ""
    lines = []
    for row in rows:
        for own in own_series(row):
            rate = row["flops"] / median(own) / 1e6
            lines.append([
                row["title"].removeprefix("convolution ").removesuffix(", batch 64"),
                spread(own, "ms"), f"{rate:,.0f}", *against(row, fastest(result, row, own)),
            ])
    return (
        "Convolutions on their own at batch 64, the passes of a training step together; GFLOP/s as "
        "if computed directly. Matrix products in the first-level cache reach "
        f"{result['peak_gflops']:,.0f} GFLOP/s.\n\n"
        + table(["", "libcifar", "GFLOP/s", "fastest peer", "times faster"], lines)
    )


def versions(result):
    return "; ".join(f"{program} {what}" for program, what in result["programs"].items()) + "."


def left_out(result):
    if not result["left_out"]:
        return ""
    return "Left out:\n\n" + "\n".join(
        f"- {entry['program']}, {entry['what']}: {entry['why']}" for entry in result["left_out"]
    )


def readme(result):
    """The part of README's section that a run decides."""
    parts = [
        machine(result), rounds(result) + f" `{result['command']}`", headline(result),
        "![time of a step, an epoch and inference, as bars](docs/bench.svg)",
        quality(result), memory(result), start_up(result), scaling(result),
        "Measured: " + versions(result), left_out(result),
    ]
    return "\n\n".join(part for part in parts if part)


def document(result):
    """docs/benchmark.md."""
    parts = [
        "# Benchmark",
        "What `make bench` measured last; `--publish` writes this page. A mode of PyTorch is how "
        "the model lies in memory (`channels_last`) or that it was compiled, and what its numbers "
        "are: float32, `autocast` to bfloat16, or the whole model with its optimizer in "
        "`bfloat16`; Adam is the fused one. Keras runs as a graph, with `xla` compiled by XLA.",
        machine(result), rounds(result) + f" `{result['command']}`", versions(result),
        left_out(result),
    ]
    for row in result["rows"]:
        if row["section"] in ("layers", "memory", "start", "threads"):
            continue
        own = own_series(row)
        lines = [
            [label(series), spread(series, row["unit"]),
             *("" if series in own else factor(ratio(one, series)) for one in own)]
            for series in row["series"]
        ]
        head = ["", "time", *(f"times slower than {one['mode']}" for one in own)]
        title = row["title"][0].upper() + row["title"][1:]
        parts += [f"## {title}", table(head, lines)]
    for title, text in [
        ("Accuracy and error", quality(result)), ("Layers", layers(result)),
        ("Memory", memory(result)), ("Start-up", start_up(result)), ("Threads", scaling(result)),
    ]:
        if text:
            parts += [f"## {title}", text]
    return "\n\n".join(part for part in parts if part) + "\n"
