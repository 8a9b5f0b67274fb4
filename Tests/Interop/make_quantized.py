"""Writes Tests/CABI/Golden/quantized.safetensors, a small quantized model, and quantized.json: what
onnxruntime, without optimizations of its own, computes of it."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "CABI"), str(TESTS.parent / "bindings/python")]

import cifar  # noqa: E402
from quantized_model import images  # noqa: E402


def main():
    spec = (
        cifar.ModelSpec()
        .conv2d(16, stride=2).batch_norm().relu()
        .residual(lambda block: block.conv2d(16).batch_norm().relu().conv2d(16).batch_norm())
        .relu().conv2d(24).relu().max_pool().conv2d(16, 1).avg_pool().flatten().dense(10)
    )
    train, test = cifar.load("shapes", limit_train=4000, limit_test=200)
    model = cifar.fit(train, test, model=spec, epochs=4, record=False, verbose=0).model.quantize(train)
    golden = TESTS / "CABI" / "Golden"
    (golden / "quantized.safetensors").unlink(missing_ok=True)
    model.save(golden / "quantized.safetensors")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.to_onnx(), options, providers=["CPUExecutionProvider"])
    pixels = images()
    (probabilities,) = session.run(None, {"images": np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})
    answers = [[round(float(value), 6) for value in row] for row in probabilities]
    (golden / "quantized.json").write_text(json.dumps({"probabilities": answers}) + "\n")
    for precision in ["int8", "float32"]:
        model.precision = precision
        print(precision, abs(model.predict(pixels) - probabilities).max())


main()
