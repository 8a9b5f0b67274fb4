"""Every block of docs/interchange.md, with the programs that it is about."""

import os
import re
import subprocess
import sys

import cifar
import numpy as np
import pytest
from conftest import ROOT
from tutorial import CIFAR10Model

PAGE = (ROOT / "docs" / "interchange.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(text):
    return [(match.group(1), match.group(2)) for match in BLOCK.finditer(text)]


FIRST, *REST = re.split(r"^## ", PAGE, flags=re.M)
SECTIONS = {text.split("\n", 1)[0]: blocks(text) for text in REST}


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """A data set with the columns of the hub's, which can't be reached here."""
    datasets = pytest.importorskip("datasets")
    Image = pytest.importorskip("PIL.Image")

    def load_dataset(name):
        assert name == "uoft-cs/cifar10"
        parts = {}
        for split, images in zip(["train", "test"], cifar.load("shapes", 64, 64)):
            features = datasets.Features({
                "img": datasets.Image(), "label": datasets.ClassLabel(names=images.class_names)})
            parts[split] = datasets.Dataset.from_dict({
                "img": [Image.fromarray(pixels) for pixels in images.images],
                "label": np.asarray(images.labels).tolist()}, features=features)
        return datasets.DatasetDict(parts)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)


def run(kind, text, names):
    if kind == "sh":
        done = subprocess.run(
            ["bash", "-eu", "-c", text], capture_output=True, text=True,
            env=dict(os.environ, PATH=f"{sys.prefix}/bin:" + os.environ["PATH"]))
        assert done.returncode == 0, (text, done.stdout, done.stderr)
    else:
        assert kind == "python", f"a block of {kind!r}"
        exec(compile(text, "docs/interchange.md", "exec"), names)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_works(workplace, monkeypatch, section):
    monkeypatch.syspath_prepend(str(workplace))
    names = {"CIFAR10Model": CIFAR10Model}
    assert SECTIONS[section], "a section without a block"
    for kind, text in blocks(FIRST) + SECTIONS[section]:
        run(kind, text, names)
    for module in ["net", "keras_net"]:
        sys.modules.pop(module, None)
    if section == "TensorBoard":
        accumulators = pytest.importorskip(
            "tensorboard.backend.event_processing.event_accumulator")
        (directory,) = (workplace / "live").iterdir()
        events = accumulators.EventAccumulator(str(directory))
        events.Reload()
        assert [event.step for event in events.Scalars("loss/validation")] == [1, 2]
        (directory,) = [path for path in (workplace / "logs").iterdir() if path.is_dir()]
        events = accumulators.EventAccumulator(str(directory))
        events.Reload()
        assert len(events.Scalars("loss/validation")) == 1
    if section == "MLflow":
        import mlflow

        (stored,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
        assert stored.info.status == "FINISHED" and "val_loss" in stored.data.metrics


def test_the_page_has_every_other_side():
    assert set(SECTIONS) == {
        "PyTorch", "Keras", "ONNX", "torch.utils.data", "Hugging Face datasets", "pandas",
        "TensorBoard", "MLflow", "scikit-learn"}
