"""ONNX: the checker takes every model, and onnxruntime computes the same."""

import json

import cifar
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import EVERY_LAYER, PRESETS, command
from onnx import numpy_helper

MODELS = [(name, recipe) for name in [*PRESETS, "every layer"] for recipe in ["pytorch", "keras"]]


def probabilities(file, images):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"images": images})
    return result


@pytest.mark.parametrize("keep", [False, True], ids=["folded", "kept"])
@pytest.mark.parametrize("name, recipe", MODELS)
def test_onnxruntime_computes_the_same(models, images, name, recipe, keep, record_property):
    model = models(name, recipe)
    model.export("model.onnx", keep_batch_norm=keep)
    onnx.checker.check_model("model.onnx", full_check=True)
    loaded = onnx.load("model.onnx")
    kinds = {node.op_type for node in loaded.graph.node}
    # Of the model with every layer one comes after a flatten, and one after an activation.
    assert ("BatchNormalization" in kinds) == (keep or name == "every layer")
    assert "Dropout" not in kinds
    expected = model.predict(images)
    error = abs(probabilities("model.onnx", images) - expected).max()
    record_property("error", float(error))
    assert error < 1e-5
    # Any number of images.
    assert abs(probabilities("model.onnx", images[:1]) - expected[:1]).max() < 1e-5
    assert probabilities("model.onnx", images[:0]).shape == (0, 10)
    assert model.to_onnx(keep_batch_norm=keep) == open("model.onnx", "rb").read()


def test_every_layer_is_in_the_model_that_has_them_all():
    spec = json.dumps(json.loads(EVERY_LAYER.to_json()))
    for kind in ["conv2d", "batch_norm", "relu", "gelu", "max_pool", "avg_pool", "dropout", "flatten",
                 "dense", "residual"]:
        assert f'"{kind}"' in spec
    # And tutorial-gap has the other one.
    assert "global_average_pool" in cifar.ModelSpec.preset("tutorial-gap").to_json()


@pytest.mark.parametrize("padding", ["same", "valid", "same_upper"])
@pytest.mark.parametrize("kernel, stride", [(k, s) for k in (1, 3, 5) for s in (1, 2)])
def test_every_convolution(images, padding, kernel, stride):
    spec = cifar.ModelSpec().conv2d(4, kernel, stride=stride, padding=padding).flatten().dense(10)
    train, test = cifar.load("shapes", limit_train=32, limit_test=32)
    model = cifar.fit(train, test, model=spec, epochs=1, record=False).model
    onnx.checker.check_model(model.to_onnx(), full_check=True)
    error = abs(probabilities(model.to_onnx(), images) - model.predict(images)).max()
    assert error < 1e-5


def test_what_the_file_says_of_itself(models):
    model = models("tutorial")
    model.save("model.onnx")
    loaded = onnx.load("model.onnx")
    assert (loaded.producer_name, loaded.producer_version) == ("libcifar", cifar.version())
    assert loaded.opset_import[0].version == 15 and loaded.ir_version == 8
    metadata = {entry.key: entry.value for entry in loaded.metadata_props}
    assert json.loads(metadata["class_names"]) == model.class_names
    model.export("kept.onnx", keep_batch_norm=True)
    stored = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load("kept.onnx").graph.initializer}
    for name, array in model.state_dict("sequential").items():
        if not name.endswith("num_batches_tracked"):
            assert (stored[name] == array).all()


def test_the_command(models, images):
    models("tutorial").save("m.safetensors")
    command("cifar", "export", "m.safetensors", "-o", "m.onnx")
    result = probabilities("m.onnx", images)
    assert abs(result - models("tutorial").predict(images)).max() < 1e-5
    assert result.dtype == np.float32
