"""ncnn: float32 and bfloat16. It takes an image at a time.

The converters of its package need PyTorch; this network's few layers are written here, in ncnn's
own format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from peer import Peer, serve

import ncnn
import numpy as np
from tutorial import CONVOLUTIONS, DENSE, EPSILON, POOLED


class Ncnn(Peer):
    program = "ncnn"
    module = "ncnn"
    version = ncnn.__version__
    modes = {"infer": {"float32": "float32", "bfloat16": "bfloat16"}}

    def __init__(self, threads, directory):
        super().__init__(threads, directory)
        self.nets = {}

    def predictor(self, mode, images):
        if mode not in self.nets:
            self.nets[mode] = self.load(mode)
        net = self.nets[mode]
        inputs = [ncnn.Mat(np.ascontiguousarray(image)).clone() for image in images]

        def body():
            answers = np.empty((len(inputs), 10), "f4")
            for index, image in enumerate(inputs):
                extractor = net.create_extractor()
                extractor.input("images", image)
                answers[index] = np.array(extractor.extract("probabilities")[1])
            return answers

        return body

    def load(self, mode):
        layers, numbers = network(self.weights)
        parameters, model = self.directory / "model.param", self.directory / "model.bin"
        parameters.write_text(layers)
        model.write_bytes(numbers)
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.use_bf16_storage = mode == "bfloat16"
        for flag in ["fp16_packed", "fp16_storage", "fp16_arithmetic"]:
            setattr(net.opt, f"use_{flag}", False)
        for status in [net.load_param(str(parameters)), net.load_model(str(model))]:
            if status != 0:
                raise RuntimeError(f"the network could not be read: status {status}")
        return net


def network(weights):
    """The lines of a .param file and the bytes of a .bin, with batch norm folded into weights."""
    layers, numbers, value = ["Input images 0 1 images"], [], "images"

    def add(kind, options, *arrays):
        nonlocal value
        output = f"value{len(layers)}"
        layers.append(f"{kind} layer{len(layers)} 1 1 {value} {output} {options}")
        value = output
        for index, array in enumerate(arrays):
            # Before weights, not before a bias, their type stands: 0 is float32.
            numbers.append((b"\0\0\0\0" if index == 0 else b"") + array.astype("<f4").tobytes())

    for layer in CONVOLUTIONS:
        kernel, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        gamma, beta, mean, variance = (
            weights[f"{layer + 1}.{name}"].astype("f8")
            for name in ["weight", "bias", "running_mean", "running_var"]
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        # 0: filters, 1: kernel, 4: padding, 5: a bias, 6: weights, 9: ReLU
        add(
            "Convolution", f"0={len(kernel)} 1=3 4=1 5=1 6={kernel.size} 9=1",
            kernel * scale[:, None, None, None], (bias - mean) * scale + beta,
        )
        if layer in POOLED:
            add("Pooling", "0=0 1=2 2=2")
    add("Flatten", "")
    for layer in DENSE:
        kernel, relu = weights[f"{layer}.weight"], "" if layer == DENSE[-1] else " 9=1"
        add("InnerProduct", f"0={len(kernel)} 1=1 2={kernel.size}{relu}", kernel,
            weights[f"{layer}.bias"])
    add("Softmax", "0=0 1=1")
    layers[-1] = layers[-1].replace(f" {value} ", " probabilities ")
    return f"7767517\n{len(layers)} {len(layers)}\n" + "\n".join(layers) + "\n", b"".join(numbers)


if __name__ == "__main__":
    serve(Ncnn)
