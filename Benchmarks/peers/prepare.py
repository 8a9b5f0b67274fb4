"""Fills a directory with what every program is measured on: a trained network, and images.

    python prepare.py DIRECTORY DATA COUNT

The network is the tutorial's, trained by libcifar on DATA (`shapes`, or CIFAR-10's directory);
COUNT is how many test images there are to be. Needs the Python package `cifar`, NumPy and ONNX.

    model.safetensors   the checkpoint
    model.onnx          the same network with the softmax behind it
    weights.npz         the weights by PyTorch's names
    images.f32          (COUNT, 3, 32, 32), test images, normalised
    labels.i32          (COUNT)
    calibration.f32     (300, 3, 32, 32), training images, normalised
    reference.f64       (1000, 10), probabilities of the first test images, in double precision
"""

import sys
from pathlib import Path

import cifar
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tutorial import CONVOLUTIONS, DENSE, EPSILON, POOLED, probabilities, read_safetensors

EPOCHS, TRAINING_IMAGES = 3, 20000
CALIBRATION, REFERENCE = 300, 1000


def to_onnx(weights, path):
    """The network as any exporter writes it: one node a layer, batch norm in inference."""
    nodes, value = [], "images"

    def add(kind, inputs, **attributes):
        nonlocal value
        output = f"{kind.lower()}{len(nodes)}"
        nodes.append(helper.make_node(kind, [value, *inputs], [output], **attributes))
        value = output

    for layer in CONVOLUTIONS:
        norm = layer + 1
        add("Conv", [f"{layer}.weight", f"{layer}.bias"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        add("BatchNormalization", [
            f"{norm}.{name}" for name in ["weight", "bias", "running_mean", "running_var"]
        ], epsilon=EPSILON)
        add("Relu", [])
        if layer in POOLED:
            add("MaxPool", [], kernel_shape=[2, 2], strides=[2, 2])
    add("Flatten", [])
    for layer in DENSE:
        add("Gemm", [f"{layer}.weight", f"{layer}.bias"], transB=1)
        if layer != DENSE[-1]:
            add("Relu", [])
    nodes.append(helper.make_node("Softmax", [value], ["probabilities"], axis=1))
    graph = helper.make_graph(
        nodes, "tutorial",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def main():
    directory, data, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    try:
        train_set, test_set = cifar.load(data, limit_train=TRAINING_IMAGES, limit_test=count)
    except cifar.CifarError as error:
        sys.exit(f"{data}: {error}")
    run = cifar.fit(
        train_set, test_set, recipe="pytorch", epochs=EPOCHS, record=False, verbose=0
    )
    run.model.export(directory / "model.safetensors", "checkpoint")
    mean, deviation = (
        np.array(run.hyperparameters["normalization"][key], "f4").reshape(3, 1, 1)
        for key in ["mean", "std"]
    )

    def normalised(images):
        images = np.asarray(images, "f4").transpose(0, 3, 1, 2) / np.float32(255)
        return ((images - mean) / deviation).astype("f4")

    images = normalised(test_set.images)
    weights = read_safetensors(directory / "model.safetensors")
    np.savez(directory / "weights.npz", **weights)
    to_onnx(weights, directory / "model.onnx")
    images.tofile(directory / "images.f32")
    np.asarray(test_set.labels).astype("i4").tofile(directory / "labels.i32")
    normalised(train_set.images[:CALIBRATION]).tofile(directory / "calibration.f32")
    np.concatenate([
        probabilities(weights, images[first:first + 50])
        for first in range(0, min(len(images), REFERENCE), 50)
    ]).tofile(directory / "reference.f64")


if __name__ == "__main__":
    main()
