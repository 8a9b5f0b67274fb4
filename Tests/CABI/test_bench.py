"""What `make bench` makes of its measurements: the fastest peer, table, picture, documents."""

import copy
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from conftest import ROOT

sys.path[:0] = [str(ROOT / "Benchmarks"), str(ROOT / "Benchmarks" / "peers")]

import cifar  # noqa: E402
import machine  # noqa: E402
import options  # noqa: E402
import plot  # noqa: E402
import publish  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import tutorial  # noqa: E402
from peer_programs import PEERS, Failed, Process  # noqa: E402
from rounds import Run, Series  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
RECORDED = json.loads((ROOT / "docs" / "bench.json").read_text())


def series(program, mode, precision, *samples):
    return {"program": program, "mode": mode, "precision": precision, "samples": list(samples)}


def made_up(section="infer", name="infer-256", errors=True):
    """A row in which every precision has a peer that is faster than those of the finer ones."""
    quality = [
        ("libcifar", "float32", "float32", 1e-7),
        ("libcifar", "mixed_bfloat16", "mixed_bfloat16", 2e-3),
        ("A", "float32", "float32", 3e-7), ("A", "bfloat16", "bfloat16", 4e-3),
        ("B", "int8", "int8", 2e-2),
    ]
    return {
        "date": "2026-01-02", "threads": 2, "rounds": 3, "command": "python3 Benchmarks/run.py",
        "data": "shapes", "test_images": 2000, "peak_gflops": None,
        "programs": {"libcifar": "0.2.0, kernels avx2", "A": "1.0", "B": "2.0"},
        "machine": {"processor": "P", "instruction_sets": ["avx2"], "processors": 2,
                    "memory_gib": 8, "system": "Linux 6.1", "python": "3.11.0", "load": 0.0},
        "left_out": [{"program": "C", "what": "everything", "why": "could not be installed"}],
        "quality": [
            {"program": program, "mode": mode, "precision": precision, "accuracy": 0.98,
             "error": error}
            for program, mode, precision, error in quality if errors
        ],
        "rows": [{
            "section": section, "name": name, "title": "inference, 256 images", "unit": "ms",
            "series": [
                series("libcifar", "float32", "float32", 10.0, 20.0, 30.0),
                series("libcifar", "mixed_bfloat16", "mixed_bfloat16", 8.0, 16.0, 24.0),
                series("A", "float32", "float32", 30.0, 50.0, 90.0),
                series("A", "bfloat16", "bfloat16", 20.0, 36.0, 60.0),
                series("B", "int8", "int8", 5.0, 12.0, 15.0),
            ],
        }],
    }


def fastest(result, index, **options):
    row = result["rows"][0]
    peer = results.fastest(result, row, row["series"][index], **options)
    return peer.series["mode"], peer.ratio


def test_median_quartiles_and_ratio_of_the_rounds():
    one, other = series("A", "", "float32", 4, 1, 3, 2), series("B", "", "float32", 8, 4, 9, 2)
    assert results.median(one) == 2.5
    assert results.quartiles(one) == (1.75, 3.25)
    assert results.quartiles(series("A", "", "float32", 7)) == (7, 7)
    # 2, 4, 3 and 1 in the rounds; the quotient of the medians would be 2.4.
    assert results.ratio(one, other) == 2.5
    with pytest.raises(ValueError):
        results.ratio(one, series("B", "", "float32", 1))


def test_fastest_peer_is_one_of_at_most_the_same_error():
    result = made_up()
    # bfloat16 and int8 are faster, and less exact than float32.
    assert fastest(result, 0) == ("float32", 3)
    # int8 is less exact. Of the same precision bfloat16 counts although its error is larger.
    assert fastest(result, 1) == ("bfloat16", 2.5)


def test_a_coarser_peer_counts_where_its_measured_error_is_no_larger():
    result = made_up()
    next(e for e in result["quality"] if e["program"] == "B")["error"] = 2e-3
    assert fastest(result, 1) == ("int8", 0.625)
    assert fastest(result, 1, only_same_precision=True) == ("bfloat16", 2.5)
    assert fastest(result, 0) == ("float32", 3)


def test_a_finer_peer_counts_for_a_coarser_precision():
    result = made_up()
    result["rows"][0]["series"][2]["samples"] = [1.0, 2.0, 3.0]
    assert fastest(result, 1) == ("float32", 0.125)
    assert fastest(result, 1, only_same_precision=True) == ("bfloat16", 2.5)


@pytest.mark.parametrize("section, errors", [("step", True), ("infer", False)])
def test_without_measured_errors_the_precision_decides(section, errors):
    result = made_up(section, errors=errors)
    for entry in result["quality"]:
        entry["error"] = 0.0  # of inference: it says nothing of a training step
    assert fastest(result, 0) == ("float32", 3)
    assert fastest(result, 1) == ("bfloat16", 2.5)


def test_no_peer_of_the_precision_is_none():
    result = made_up()
    row = result["rows"][0]
    row["series"] = [one for one in row["series"] if one["program"] != "A"]
    assert results.fastest(result, row, row["series"][0]) is None
    assert "| – | – | – | – |" in report.headline(result)


def test_table_has_a_line_for_each_precision_of_ours_and_each_that_is_missing():
    lines = report.headline(made_up()).splitlines()
    assert lines[2] == (
        "| inference, 256 images, float32 | 20.0 ms (15.0–25.0) | A, float32: 50.0 ms (40.0–70.0) "
        "| 3.0 | A, float32: 50.0 ms (40.0–70.0) | 3.0 |"
    )
    assert "| inference, 256 images, mixed_bfloat16 | 16.0 ms (12.0–20.0) | A, b" in lines[3]
    assert lines[4] == (
        "| inference, 256 images, int8 | – | B, int8: 12.0 ms (8.50–13.5) | – "
        "| B, int8: 12.0 ms (8.50–13.5) | – |"
    )
    assert len(lines) == 5
    assert {line.count("|") for line in lines} == {7}


def test_readme_names_machine_versions_rounds_spread_and_what_was_left_out():
    text = report.readme(made_up())
    for words in ["P, 2 logical processors (instruction sets: avx2)", "Medians of 3 rounds",
                  "in brackets the quartiles", "A 1.0; B 2.0",
                  "- C, everything: could not be installed"]:
        assert words in text
    assert "was not idle" not in text
    busy = made_up()
    busy["machine"]["load"] = 3.5
    assert "**The machine was not idle**: its load was 3.5" in report.readme(busy)


def test_layers_memory_start_up_and_threads_are_told():
    result = made_up()
    own, peer = ("libcifar", "float32", "float32"), ("A", "eager", "float32")
    result["peak_gflops"] = 200.0
    result["rows"] = [
        {"section": "layers", "name": "layer", "unit": "ms", "flops": 3e9,
         "title": "convolution 5×5, 32 → 64 channels, 16×16, batch 64",
         "series": [series(*own, 10.0), series(*peer, 25.0)]},
        {"section": "memory", "name": "memory-64", "unit": "MB",
         "title": "memory while training, batch 64",
         "series": [series(*own, 97.0), series(*peer, 1003.6)]},
        {"section": "start", "name": "start", "unit": "s", "title": "import into Python",
         "series": [series("libcifar", "", "float32", 0.12), series("A", "", "float32", 1.9)]},
        {"section": "threads", "name": "threads", "unit": "ms",
         "title": "training step of `tutorial`, batch 64",
         "series": [series("libcifar", "2 threads", "float32", 35.0),
                    series("libcifar", "1 thread", "float32", 66.5)]},
    ]
    text = report.document(result)
    for words in [
        "Matrix products in the first-level cache reach 200 GFLOP/s.",
        "| 5×5, 32 → 64 channels, 16×16 | 10.0 ms (10.0–10.0) | 300 "
        "| A, eager: 25.0 ms (25.0–25.0) | 2.5 |",
        "Memory while training, batch 64, at the most: libcifar, float32 97.0 MB, "
        "A, eager 1,004 MB.",
        "Import into Python: libcifar 0.120 s, A 1.90 s.",
        "A training step of `tutorial`, batch 64, is 1.90 times as fast with 2 threads as with one.",
    ]:
        assert words in text


def test_what_was_not_measured_is_not_spoken_of():
    result = made_up()
    result.update(quality=[], left_out=[])
    text = report.document(result) + report.readme(result)
    for words in ["Import", "emory while", "GFLOP", "as fast with", "accuracy", "Left out"]:
        assert words not in text


@pytest.mark.parametrize("value, text", [
    (0.1874, "0.187"), (2.304, "2.30"), (34.94, "34.9"), (123.4, "123"), (1105.2, "1,105"),
])
def test_numbers_have_three_digits(value, text):
    assert report.number(value) == text


def rectangles(svg, kind):
    return [
        float(bar.get("width")) for bar in ElementTree.fromstring(svg).iter(f"{SVG}rect")
        if bar.get("class") == kind
    ]


def test_bars_are_as_long_as_the_times():
    svg = plot.bars(made_up())
    own, peers = rectangles(svg, "own"), rectangles(svg, "peer")
    # 16 and 20 ms of ours; of the peers the fastest mode of each, 12 and 36 ms.
    longest = plot.WIDTH - plot.LEFT - plot.RIGHT
    assert own == [pytest.approx(longest * part, abs=0.1) for part in (16 / 36, 20 / 36)]
    assert peers == [pytest.approx(longest * part, abs=0.1) for part in (12 / 36, 1)]
    words = "".join(ElementTree.fromstring(svg).itertext())
    for word in ["Shorter is faster", "libcifar, mixed_bfloat16", "A, bfloat16", "B, int8",
                 "36.0 ms"]:
        assert word in words
    assert "A, float32" not in words


def test_bars_show_at_most_four_peers_the_fastest():
    result = made_up()
    result["rows"][0]["series"] += [
        series(f"P{index}", "", "float32", *[100.0 + index] * 3) for index in range(5)
    ]
    assert len(rectangles(plot.bars(result), "peer")) == plot.PEERS
    assert "P2" not in plot.bars(result)


def test_picture_is_readable_in_light_and_dark():
    svg = plot.bars(RECORDED)
    assert "@media (prefers-color-scheme: dark)" in svg
    root = ElementTree.fromstring(svg)
    width, height = (float(root.get(key)) for key in ("width", "height"))
    for element in root.iter(f"{SVG}rect"):
        assert float(element.get("x", 0)) + float(element.get("width")) <= width
        assert float(element.get("y", 0)) + float(element.get("height")) <= height
    for element in root.iter(f"{SVG}text"):
        # A character is about 6 pixels wide in this size.
        start, length = float(element.get("x")), 6 * len(element.text)
        if element.get("text-anchor") == "end":
            start -= length
        assert start >= 0 and start + length <= width, element.text


def test_documents_say_what_the_last_run_measured():
    readme = (ROOT / "README.md").read_text()
    for path, text in publish.documents(RECORDED, readme).items():
        assert (ROOT / path).read_text() == text, f"{path}: run python3 Benchmarks/publish.py"


def test_documents_change_with_the_run():
    readme = (ROOT / "README.md").read_text()
    changed = copy.deepcopy(RECORDED)
    for row in changed["rows"]:
        for one in row["series"]:
            one["samples"] = [2 * sample for sample in one["samples"]]
    before, after = (publish.documents(result, readme) for result in (RECORDED, changed))
    assert all(before[path] != after[path] for path in before)
    assert publish.insert(after["README.md"], report.readme(RECORDED)) == readme


def test_insert_needs_its_marks():
    with pytest.raises(ValueError, match="marks"):
        publish.insert("# A text without", "part")


def test_json_is_read_as_it_was_written():
    result = made_up()
    assert json.loads(publish.as_json(result)) == result


def test_rounds_take_turns_and_leave_out_what_fails(capsys):
    asked = []

    def measure(name, fails=False):
        asked.append(name)
        if fails:
            raise Failed(f"RuntimeError: not on this processor, see {ROOT}/log\nsecond line")
        return float(len(asked))

    rounds = Run(rounds=2)
    row = rounds.row("step", "s", "a step", "ms", [
        Series("libcifar", "float32", "float32", lambda: measure("own")),
        Series("A", "bfloat16", "bfloat16", lambda: measure("A", fails=True)),
        Series("B", "float32", "float32", lambda: measure("B")),
    ])
    assert asked == ["own", "A", "B", "own", "B", "own", "B"]
    assert [one["samples"] for one in row["series"]] == [[4.0, 6.0], [5.0, 7.0]]
    assert rounds.left_out == [
        {"program": "A", "what": "bfloat16: a step",
         "why": "RuntimeError: not on this processor, see log"}
    ]
    assert "left out: A, bfloat16" in capsys.readouterr().out


def test_a_peer_that_fails_later_leaves_no_samples_behind():
    answers = iter([1.0, 2.0])

    def later():
        try:
            return next(answers)
        except StopIteration:
            raise Failed("ended") from None

    rounds = Run(rounds=3)
    row = rounds.row("step", "s", "a step", "ms", [
        Series("libcifar", "", "float32", lambda: 1.0), Series("A", "", "float32", later),
        Series("B", "", "float32", lambda: 2.0),
    ])
    assert [one["program"] for one in row["series"]] == ["libcifar", "B"]
    assert [entry["program"] for entry in rounds.left_out] == ["A"]


def test_a_failure_of_libcifar_ends_the_run():
    def fail():
        raise Failed("no memory")

    with pytest.raises(Failed, match="no memory"):
        Run(rounds=1).row("step", "s", "a step", "ms", [Series("libcifar", "", "float32", fail)])


def test_a_program_that_ends_or_complains_is_a_failure(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import json\n"
        "while True:\n"
        "    line = input()\n"
        "    if line == 'end': break\n"
        "    print(json.dumps({'error': 'unknown ' + line} if 'x' in line else 1.5), flush=True)\n"
    )
    process = Process(sys.executable, program, log=tmp_path / "log")
    assert process.ask("step", 64) == 1.5
    with pytest.raises(Failed, match="unknown x 3"):
        process.ask("x", 3)
    with pytest.raises(Failed, match="ended with status 0 during 'end', see "):
        process.ask("end")
    assert process.ask("step", 64) == 1.5  # started again
    process.end()
    assert process.process.returncode is not None


def test_arguments(monkeypatch, capsys):
    for words, message in [
        (["--peers", "torch,jax"], "'jax' is none of torch, keras"),
        (["--only", "steps"], "'steps' is none of step"),
        (["--publish", "--only", "step"], "leave out --only"),
        (["--rounds", "0"], "'0' is not a whole number of at least 1"),
    ]:
        monkeypatch.setattr(sys, "argv", ["run.py", *words])
        with pytest.raises(SystemExit) as exit_:
            options.parse()
        assert exit_.value.code == 2
        assert message in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["run.py", "--peers", "torch,mnn", "--only", "infer"])
    parsed = options.parse()
    assert (parsed.peers, parsed.only) == (["torch", "mnn"], ["infer"])


def test_every_peer_has_its_program_and_pinned_requirements():
    for name in PEERS:
        text = (ROOT / "Benchmarks" / "requirements" / f"{name}.txt").read_text()
        assert re.fullmatch(r"([\w.-]+==[\w.]+\n)+", text)
        source = ROOT / "Benchmarks" / "peers" / f"peer_{name}.py"
        compile(source.read_text(), source, "exec")


def test_the_reference_computes_what_libcifar_does(tmp_path):
    train, test = cifar.load("shapes", limit_train=128, limit_test=40)
    run = cifar.fit(train, test, epochs=1, record=False, verbose=0)
    run.model.export(tmp_path / "model.safetensors", "checkpoint")
    weights = tutorial.read_safetensors(tmp_path / "model.safetensors")
    mean, deviation = (
        np.array(run.hyperparameters["normalization"][key]) for key in ["mean", "std"]
    )
    images = ((test.images / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    expected = tutorial.probabilities(weights, images)
    assert expected.std() > 1e-3
    assert np.abs(run.model.predict(test.images) - expected).max() < 1e-5


def test_machine_is_described():
    what = machine.describe()
    assert what["processors"] >= 1 and what["memory_gib"] >= 1 and what["processor"]
    assert set(what["instruction_sets"]) <= set(machine.INSTRUCTION_SETS)


def test_help_and_run_without_peers_installed():
    process = subprocess.run(
        [sys.executable, str(ROOT / "Benchmarks" / "run.py"), "--help"], capture_output=True,
        text=True,
    )
    assert process.returncode == 0
    for option in ["--rounds", "--only", "--peers", "--no-compile", "--data", "--publish"]:
        assert option in process.stdout
