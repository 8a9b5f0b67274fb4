"""Prints the table of docs/interchange.md: what the other sides compute from what was written here,
and here from what they wrote, as the largest difference of a probability over real images.

    CIFAR10_DIR=~/cifar10 .venv-interop/bin/python Tests/Interop/table.py [IMAGES]
"""

import platform
import runpy
import sys
import tempfile
from importlib.metadata import version
from os import chdir

import conftest  # noqa: F401  # says where the package is
import cifar
import numpy as np
import onnxruntime
import torch
from conftest import EVERY_LAYER, PRESETS
from safetensors.torch import load_file, save_file
from test_keras import difference
from test_keras import trained as keras_trained
from test_keras import tutorial as keras_tutorial
from test_keras import normalized as keras_normalized
from test_pytorch import probabilities, trained
from tutorial import CIFAR10Model, flat

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000


def models(train, test):
    for name in [*PRESETS, "every layer"]:
        spec = EVERY_LAYER if name == "every layer" else name
        for recipe in ["pytorch", "keras"]:
            run = cifar.fit(
                train, test, model=spec, recipe=recipe, epochs=1, batch_size=32, record=False)
            yield name, recipe, run.model


def main():
    train, test = cifar.load(limit_train=2000, limit_test=COUNT)
    images = np.ascontiguousarray(test.images.transpose(0, 3, 1, 2))
    worst = {}

    def note(row, error):
        worst[row] = max(float(error), worst.get(row, 0))

    for name, recipe, model in models(train, test):
        ours = model.predict(images)
        for keep in [False, True]:
            session = onnxruntime.InferenceSession(model.to_onnx(keep_batch_norm=keep))
            note("ONNX", abs(session.run(None, {"images": images})[0] - ours).max())
        model.export("net.py", "pytorch")
        net = runpy.run_path("net.py")
        with torch.no_grad():
            result = net["load"]()(net["normalize"](torch.from_numpy(images))).softmax(1).numpy()
        note("PyTorch script", abs(result - ours).max())
        model.export("net.py", "keras")
        net = runpy.run_path("net.py")
        result = net["load"]().predict(net["normalize"](images.transpose(0, 2, 3, 1)), verbose=0)
        note("Keras script", abs(result - ours).max())
        model.save("m.keras")
        import keras
        note("Keras out", difference(keras.saving.load_model("m.keras"), model, images))
        if name == "tutorial" and recipe == "pytorch":
            for row, build, names in [
                ("class out", CIFAR10Model, "tutorial"), ("flat out", flat, "sequential")]:
                model.export("w.safetensors", "weights", names=names)
                network = build()
                network.load_state_dict(load_file("w.safetensors"))
                note(row, abs(probabilities(network, model, images) - ours).max())
    for row, build in [("class in", CIFAR10Model), ("flat in", flat)]:
        network = trained(build())
        for dtype in [torch.float32, torch.float16, torch.bfloat16]:
            stored = {key: value.to(dtype) if value.is_floating_point() else value
                      for key, value in network.state_dict().items()}
            save_file(stored, "torch.safetensors")
            model = cifar.Model.from_weights("torch.safetensors", "tutorial")
            # Against the network with these rounded weights.
            rounded = build()
            rounded.load_state_dict({key: value.float() if value.is_floating_point() else value
                                     for key, value in stored.items()})
            kind = row if dtype is torch.float32 else "rounded in"
            note(kind, abs(model.predict(images) - probabilities(rounded, model, images)).max())
    network = keras_trained(keras_tutorial())
    network.save("k.keras")
    model = cifar.Model.from_weights("k.keras")
    result = network.predict(keras_normalized(model, images), verbose=0)
    note("Keras in", abs(result - model.predict(images)).max())
    for row, error in worst.items():
        print(f"{row:16} {error:.1e}")
    packages = ["torch", "keras", "onnxruntime", "safetensors"]
    print(f"{COUNT} images of {test}, {cifar.instruction_set()}, {platform.machine()}; "
          + ", ".join(f"{name} {version(name)}" for name in packages))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        chdir(place)
        main()
