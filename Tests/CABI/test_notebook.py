"""The tutorial, docs/tutorial.ipynb, as it stands in the repository."""

import json

import cifar
import matplotlib
import numpy as np
import pytest
from conftest import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def code_cells():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_it_is_stored_without_results():
    for cell in code_cells():
        assert cell["outputs"] == [] and cell["execution_count"] is None
        assert all(len(line.rstrip("\n")) <= 100 for line in cell["source"])


def check_registry(directory):
    tutorial, small = reversed(cifar.Registry(directory / "runs.db").runs())
    assert (tutorial["name"], tutorial["epochs"], small["name"]) == ("tutorial", 6, "small")
    # It learns something.
    assert tutorial["best_val_accuracy"] > 0.5 and small["best_val_accuracy"] > 0.4


def test_its_code_works(workplace):
    matplotlib.use("agg")
    names = {}
    for cell in code_cells():
        exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
    check_registry(workplace)
    assert names["longer"].history["loss"][-1] < names["run"].history["loss"][0]
    assert np.array(names["evaluation"].confusion).sum() == len(names["test"])
    matplotlib.pyplot.close("all")


def test_a_kernel_executes_it(workplace, monkeypatch):
    """Where Jupyter is installed: `make test-abi` does not install it."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "bindings" / "python"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(workplace)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    check_registry(workplace)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}) for output in outputs]
    pages = [data["text/html"] for data in shown if "text/html" in data]
    assert sum("image/png" in data for data in shown) == 4
    assert any("epoch 4/4" in page and "<progress" not in page for page in pages)
    assert any("is ↓ taken for →" in page for page in pages)
    assert any("started (UTC)" in page for page in pages)
