"""Quantized models: what other programs compute of them is what they compute in float32 here.

A number that lies between two steps may go to either, with another rounding before it: so the bound is
wider than elsewhere.
"""

import runpy

import cifar
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import PRESETS
from onnx import numpy_helper

BOUND = 0.02


@pytest.fixture(scope="module", params=PRESETS)
def quantized(request, models):
    train = cifar.load("shapes", limit_train=256, limit_test=32)[0]
    model = models(request.param).quantize(train, 256)
    model.precision = "float32"
    return model


def test_onnxruntime(quantized, images, record_property):
    quantized.export("model.onnx")
    onnx.checker.check_model("model.onnx", full_check=True)
    graph = onnx.load("model.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("QuantizeLinear") >= 7 and "BatchNormalization" not in kinds
    types = {numpy_helper.to_array(one).dtype for one in graph.initializer if one.name.endswith(".weight")}
    assert types == {np.dtype(np.int8)}
    expected = quantized.predict(images)
    for level in ["ORT_DISABLE_ALL", "ORT_ENABLE_ALL"]:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(
            "model.onnx", options, providers=["CPUExecutionProvider"])
        (result,) = session.run(None, {"images": images})
        error = abs(result - expected).max()
        record_property(f"error, {level}", float(error))
        assert error < BOUND


def test_pytorch_script(quantized, images, record_property):
    quantized.export("net.py", "pytorch")
    script = runpy.run_path("net.py")
    with torch.no_grad():
        result = script["load"]("net.safetensors")(script["normalize"](torch.from_numpy(images)))
    error = abs(result.softmax(1).numpy() - quantized.predict(images)).max()
    record_property("error", float(error))
    assert error < BOUND


def test_keras_script(quantized, images, record_property):
    quantized.export("net.py", "keras")
    script = runpy.run_path("net.py")
    last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    result = script["load"]("net.safetensors").predict(script["normalize"](last), verbose=0)
    error = abs(result - quantized.predict(images)).max()
    record_property("error", float(error))
    assert error < BOUND
