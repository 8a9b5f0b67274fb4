"""PyTorch: eager, channels last and compiled, each in float32, under autocast, and in bfloat16.

Besides the measurements of cifar-bench:

    epoch IMAGES MODE   milliseconds of the tutorial script's epoch: augmentation in 2 loader
                        workers, validation on a fifth as many images

A mode is one of the layouts, or one with `+autocast` or `+bfloat16` behind it: the latter is the
whole model in bfloat16, its weights and its optimizer included.
"""

from peer import Peer, median, serve

import contextlib
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch_models import PRESETS, Images, training_of

PRECISIONS = {"": "float32", "+autocast": "bfloat16", "+bfloat16": "bfloat16"}
MODES = {
    layout + suffix: precision
    for layout in ["eager", "channels_last", "compile"]
    for suffix, precision in PRECISIONS.items()
}


class Torch(Peer):
    program = "PyTorch"
    module = "torch"
    version = torch.__version__
    modes = {
        "step": MODES, "infer": MODES,
        "epoch": {"channels_last": "float32", "channels_last+autocast": "bfloat16"},
        "memory": {"channels_last": "float32", "channels_last+autocast": "bfloat16"},
        "layer": {"channels_last": "float32", "channels_last+bfloat16": "bfloat16"},
    }
    presets = PRESETS

    def __init__(self, threads, directory):
        super().__init__(threads, directory)
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.training = {}
        self.trained = {}

    def trainable(self, mode, preset, *shape):
        """A model as the mode has it, with its loss and optimizer."""
        key = (mode, preset, *shape)
        if key not in self.training:
            model = PRESETS[preset](*shape).to(memory_format=layout(mode), dtype=number_type(mode))
            loss, optimizer = training_of(preset, model)
            # Compiled for the batch size: a shape that may change would be slower.
            run = torch.compile(model, dynamic=False) if "compile" in mode else model
            self.training[key] = (run.train(), loss, optimizer)
        return self.training[key]

    def step(self, batch, repeats, mode, preset, channels, side):
        trained = self.trainable(mode, preset, channels, side)
        images = torch.rand(batch, channels, side, side) * 4 - 2
        images = images.to(memory_format=layout(mode), dtype=number_type(mode))
        labels = torch.arange(batch) % 10
        return median(repeats, lambda: train(*trained, images, labels, mode))

    def predictor(self, mode, images):
        if mode not in self.trained:
            model = PRESETS["tutorial"]().eval()
            model.load_state_dict({
                name: torch.from_numpy(array) for name, array in self.weights.items()
            }, strict=False)
            model = nn.Sequential(model, nn.Softmax(1))
            model = model.to(memory_format=layout(mode), dtype=number_type(mode))
            self.trained[mode] = torch.compile(model, dynamic=False) if "compile" in mode else model
        model = self.trained[mode]
        inputs = torch.from_numpy(images.copy())
        inputs = inputs.to(memory_format=layout(mode), dtype=number_type(mode))

        def body():
            # With the weights as constants, the compiler lays them out once.
            with frozen(mode), torch.no_grad(), autocast(mode):
                return model(inputs).float().numpy()

        return body

    def epoch(self, count, mode):
        model, loss, optimizer = self.trainable(mode, "tutorial")
        training = DataLoader(
            Images(count, augment=True), batch_size=64, shuffle=True, num_workers=2
        )
        validation = DataLoader(Images(count // 5, augment=False), batch_size=64, num_workers=2)
        start = time.perf_counter()
        model.train()
        for images, labels in training:
            images = images.to(memory_format=layout(mode), dtype=number_type(mode))
            train(model, loss, optimizer, images, labels, mode)
        model.eval()
        with torch.no_grad(), autocast(mode):
            for images, labels in validation:
                images = images.to(memory_format=layout(mode), dtype=number_type(mode))
                loss(model(images), labels).item()
        model.train()
        return (time.perf_counter() - start) * 1e3

    def layer(self, inputs, outputs, size, kernel, batch, repeats, mode):
        """Forward, backward to the data, backward to the weights."""
        def some(*shape):
            numbers = torch.rand(shape) * 2 - 1
            return numbers.to(memory_format=torch.channels_last, dtype=number_type(mode))

        images, gradient = some(batch, inputs, size, size), some(batch, outputs, size, size)
        weights = some(outputs, inputs, kernel, kernel)
        options = [1, 1], [kernel // 2] * 2, [1, 1], False, [0, 0], 1

        def backward(to_data, to_weights):
            torch.ops.aten.convolution_backward(
                gradient, images, weights, [0], *options, [to_data, to_weights, False]
            )

        with torch.no_grad():
            return [
                median(repeats, lambda: torch.ops.aten.convolution(
                    images, weights, None, *options
                )),
                median(repeats, lambda: backward(True, False)),
                median(repeats, lambda: backward(False, True)),
            ]


def train(model, loss_of, optimizer, images, labels, mode):
    optimizer.zero_grad()
    with autocast(mode):
        loss = loss_of(model(images), labels)
    loss.backward()
    optimizer.step()
    loss.item()


def layout(mode):
    return torch.channels_last if mode.startswith("channels_last") else torch.contiguous_format


def number_type(mode):
    return torch.bfloat16 if mode.endswith("+bfloat16") else torch.float32


def autocast(mode):
    return torch.autocast("cpu", torch.bfloat16, enabled=mode.endswith("+autocast"))


def frozen(mode):
    if "compile" not in mode:
        return contextlib.nullcontext()
    from torch._inductor import config

    return config.patch(freezing=True)


if __name__ == "__main__":
    serve(Torch)
