"""Writes Tests/CABI/Golden/tiny.onnx: the model of tiny_model.py, put together with ONNX's own
helpers and checked by its checker."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "CABI"))

from tiny_model import CLASS_NAMES, NORMALIZATION, folded, weights  # noqa: E402


def graph():
    arrays = weights()
    kernel, bias = folded(arrays)
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(kind, name, *inputs, **attributes):
        made = helper.make_node(kind, inputs, [name], name)
        made.attribute.extend(helper.make_attribute(key, attributes[key]) for key in attributes)
        nodes.append(made)
        return name

    def stored(*names):
        return [constant(name, arrays[name]) for name in names]

    x = node("Cast", "bytes", "images", to=TensorProto.FLOAT)
    x = node("Div", "unit", x, constant("byte", 255))
    x = node("Sub", "centered", x, constant("mean", np.reshape(NORMALIZATION["mean"], (3, 1, 1))))
    x = node("Div", "normalized", x, constant("std", np.reshape(NORMALIZATION["std"], (3, 1, 1))))
    x = node("Conv", "layer_0", x, constant("0.weight", kernel), constant("0.bias", bias),
             kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    root, one, half = (
        constant(f"layer_2.{name}", value)
        for name, value in [("root", np.sqrt(np.float32(2))), ("one", 1), ("half", 0.5)])
    erf = node("Erf", "layer_2_erf", node("Div", "layer_2_scaled", x, root))
    product = node("Mul", "layer_2_product", x, node("Add", "layer_2_sum", erf, one))
    x = node("Mul", "layer_2", product, half)
    y = node("Conv", "layer_3_layers_0", x, *stored("3.layers.0.weight", "3.layers.0.bias"),
             kernel_shape=[1, 1], strides=[1, 1], pads=[0, 0, 0, 0])
    x = node("Add", "layer_3", node("Relu", "layer_3_layers_1", y), x)
    x = node("BatchNormalization", "layer_4", x, *stored(
        "4.weight", "4.bias", "4.running_mean", "4.running_var"), epsilon=0.5)
    x = node("MaxPool", "layer_5", x, kernel_shape=[2, 2], strides=[2, 2])
    x = node("AveragePool", "layer_6", x, kernel_shape=[2, 2], strides=[2, 2])
    x = node("Flatten", "layer_8", node("GlobalAveragePool", "layer_8_mean", x))
    x = node("Gemm", "layer_9", x, *stored("9.weight", "9.bias"), transB=1)
    node("Softmax", "probabilities", x, axis=-1)
    return helper.make_graph(
        nodes, "custom",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 3, 32, 32])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])], constants)


if __name__ == "__main__":
    model = helper.make_model(
        graph(), producer_name="libcifar", producer_version="any", ir_version=8,
        opset_imports=[helper.make_opsetid("", 15)],
        doc_string="images: bytes, (N, C, H, W), red first. probabilities: of the classes, (N, 2).")
    helper.set_model_props(model, {"class_names": json.dumps(CLASS_NAMES)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, TESTS / "CABI" / "Golden" / "tiny.onnx")
