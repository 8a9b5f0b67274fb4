"""Writes steps.json next to this file: ten training steps, without dropout, of every preset by Adam
and of tutorial-gap, in which rounding grows least, by every optimizer.

The models are built of torch.nn modules and of Keras 3 layers on TensorFlow, and trained by the
frameworks' own optimizers in float64; each step has 8 images of its own. Kept are the loss of each
step and the logits (PyTorch) or probabilities (Keras) that the trained model gives the first
images. Rounding grows from step to step: a second run in float32 shows how far the framework itself
strays from that.

Weights and images come from Philox, as in make_tutorial_golden.py; names and shapes of PyTorch's
state_dict are kept too.

Needs torch, keras, tensorflow, numpy and safetensors. Run, about a minute for each
preset and optimizer: python make_steps_golden.py [PRESET | PRESET/OPTIMIZER...]
"""

import json
import os
import pathlib
import re
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy
import torch

from make_tutorial_golden import INITIALIZATION, SYNTHETIC_IMAGES, uniform

BATCH, STEPS = 8, 10
LABELS = [(3 * step + image) % 10 for step in range(STEPS) for image in range(BATCH)]
BLOCKS = [(32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)]


# What StepsGoldenTests.optimizers makes of the same names. The decay is so large that it shows in the
# losses of ten steps.
TORCH = {
    "adam": lambda p: torch.optim.Adam(p, lr=1e-4),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-4, weight_decay=20),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.002, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.002, momentum=0.9, nesterov=True),
}
KERAS = {
    "adam": lambda: keras.optimizers.Adam(1e-4),
    "adamw": lambda: keras.optimizers.AdamW(1e-4, weight_decay=20),
    "sgd": lambda: keras.optimizers.SGD(0.01),
    "momentum": lambda: keras.optimizers.SGD(0.002, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.002, momentum=0.9, nesterov=True),
}
CASES = {"tutorial": ["adam"], "tutorial-gap": list(TORCH), "tutorial-resnet": ["adam"]}


class Residual(torch.nn.Module):
    def __init__(self, layers, shortcut):
        super().__init__()
        self.layers = torch.nn.Sequential(*layers)
        self.shortcut = torch.nn.Sequential(*shortcut)

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


class GlobalAverage(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def torch_model(preset):
    nn = torch.nn
    layers, channels = [], 3
    if preset == "tutorial-resnet":
        layers += [nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()]
        channels = 32
        for filters, stride in BLOCKS:
            main = [nn.Conv2d(channels, filters, 3, stride, padding=1), nn.BatchNorm2d(filters)]
            main += [nn.ReLU(), nn.Conv2d(filters, filters, 3, padding=1)]
            main += [nn.BatchNorm2d(filters)]
            shortcut = []
            if stride == 2:
                shortcut = [nn.Conv2d(channels, filters, 1, stride), nn.BatchNorm2d(filters)]
            layers += [Residual(main, shortcut), nn.ReLU()]
            channels = filters
        return nn.Sequential(*layers, GlobalAverage(), nn.Linear(128, 10))
    for filters in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters)]
            layers += [nn.ReLU()]
            channels = filters
        layers += [nn.MaxPool2d(2), nn.Dropout(0)]
    flat = preset == "tutorial"
    layers += [nn.Flatten() if flat else GlobalAverage(), nn.Linear(2048 if flat else 128, 512)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Dropout(0), nn.Linear(512, 10))


def draw(model):
    """The weights by PyTorch's names: see GoldenTests.draw in the Swift tests."""
    named, result, last = list(model.named_parameters()), {}, None
    for index, (name, parameter) in enumerate(named):
        is_weight = name.endswith(".weight")
        shape = tuple(parameter.shape) if is_weight else last
        last = shape
        is_norm = len(shape) == 1
        fan_in = 16 if is_norm else int(numpy.prod(shape[1:]))
        bound = 1 / numpy.sqrt(numpy.float32(fan_in))
        values = uniform(tuple(parameter.shape), INITIALIZATION, index, bound)
        result[name] = values + 1 if is_norm and is_weight else values
    return result


def images(step):
    return uniform((BATCH, 3, 32, 32), SYNTHETIC_IMAGES, 1000 + step, 2)


def labels(step):
    return torch.tensor(LABELS[step * BATCH : (step + 1) * BATCH])


def train_torch(preset, optimizer, dtype):
    model = torch_model(preset)
    with torch.no_grad():
        for name, values in draw(model).items():
            model.get_parameter(name).copy_(values)
    model.to(dtype)
    optimizer = TORCH[optimizer](model.parameters())
    losses = []
    for step in range(STEPS):
        loss = torch.nn.functional.cross_entropy(model(images(step).to(dtype)), labels(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        outputs = model(images(0).to(dtype)).double().flatten().tolist()
    shapes = {n: list(v.shape) for n, v in model.state_dict().items() if v.dim()}
    return losses, outputs, shapes


def keras_model(preset):
    """The model, and its layers by the names that PyTorch gives theirs."""
    layers, named = keras.layers, {}

    def conv(x, name, filters, kernel=3, stride=1, padding="same"):
        named[name] = layers.Conv2D(filters, kernel, strides=stride, padding=padding)
        return named[name](x)

    def norm(x, name):
        named[name] = layers.BatchNormalization()
        return named[name](x)

    def dense(x, name, units, activation=None):
        named[name] = layers.Dense(units, activation=activation)
        return named[name](x)

    x = inputs = keras.Input((32, 32, 3))
    if preset == "tutorial-resnet":
        x = layers.ReLU()(norm(conv(x, "0", 32), "1"))
        for block, (filters, stride) in enumerate(BLOCKS):
            at = 3 + 2 * block
            y = layers.ReLU()(norm(conv(x, f"{at}.layers.0", filters, 3, stride), f"{at}.layers.1"))
            y = norm(conv(y, f"{at}.layers.3", filters), f"{at}.layers.4")
            if stride == 2:
                x = conv(x, f"{at}.shortcut.0", filters, 1, stride, "valid")
                x = norm(x, f"{at}.shortcut.1")
            x = layers.ReLU()(layers.Add()([x, y]))
        outputs = dense(layers.GlobalAveragePooling2D()(x), "16", 10, "softmax")
        return keras.Model(inputs, outputs), named
    for block, filters in enumerate((32, 64, 128)):
        for half in range(2):
            at = 8 * block + 3 * half
            x = layers.ReLU()(norm(conv(x, f"{at}", filters), f"{at + 1}"))
        x = layers.MaxPooling2D()(x)
    # Channels slowest, as the weights of the dense layer are stored.
    x = (
        layers.Flatten()(layers.Permute((3, 1, 2))(x))
        if preset == "tutorial"
        else layers.GlobalAveragePooling2D()(x)
    )
    x = dense(dense(x, "25", 512, "relu"), "28", 10, "softmax")
    return keras.Model(inputs, x), named


def train_keras(preset, optimizer, dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    model, named = keras_model(preset)
    drawn = {name: values.numpy() for name, values in draw(torch_model(preset)).items()}
    for name, layer in named.items():
        weight, bias = drawn[f"{name}.weight"], drawn[f"{name}.bias"]
        if weight.ndim == 4:
            weight = weight.transpose(2, 3, 1, 0)
        elif weight.ndim == 2:
            weight = weight.T
        layer.set_weights([weight, bias, *layer.get_weights()[2:]])
    model.compile(KERAS[optimizer](), "categorical_crossentropy", jit_compile=False)
    losses = []
    for step in range(STEPS):
        x = images(step).numpy().transpose(0, 2, 3, 1).astype(dtype)
        y = keras.utils.to_categorical(labels(step).numpy(), 10).astype(dtype)
        losses.append(float(model.train_on_batch(x, y)))
    x = images(0).numpy().transpose(0, 2, 3, 1).astype(dtype)
    outputs = model.predict_on_batch(x)
    return losses, numpy.asarray(outputs, numpy.float64).flatten().tolist()


def rounded(values, digits):
    return [float(f"{value:.{digits}g}") for value in values]


def case(train, preset, optimizer, double, single):
    """What the file holds of one case, and the shapes of the tensors where `train` tells them."""
    losses, outputs, *shapes = train(preset, optimizer, double)
    strayed = train(preset, optimizer, single)[0]
    print(
        preset,
        optimizer,
        train.__name__,
        *(losses[0], losses[-1]),
        *("strayed", max(abs(a - b) for a, b in zip(losses, strayed))),
        flush=True,
    )
    values = {
        "losses": rounded(losses, 12),
        "outputs": rounded(outputs, 9),
        "float32_losses": rounded(strayed, 9),
    }
    return values, *shapes


def write(file, golden):
    """A line for each list, written whole or not at all."""
    text = json.dumps(golden, indent=1)
    text = re.sub(r"\[[^][]*\]", lambda found: " ".join(found.group().split()), text)
    partial = file.with_suffix(".partial")
    partial.write_text(text + "\n")
    partial.replace(file)


def main():
    torch.set_num_threads(1)
    file = pathlib.Path(__file__).parent / "steps.json"
    # What is not rebuilt is kept. Each case is written as soon as it is there.
    golden = json.loads(file.read_text()) if file.exists() else {}
    for name in sys.argv[1:] or CASES:
        preset, _, only = name.partition("/")
        made = golden.setdefault(preset, {"pytorch": {}, "keras": {}, "shapes": {}})
        for optimizer in [only] if only else CASES[preset]:
            made["pytorch"][optimizer], made["shapes"] = case(
                train_torch, preset, optimizer, torch.float64, torch.float32
            )
            (made["keras"][optimizer],) = case(
                train_keras, preset, optimizer, "float64", "float32"
            )
            keras.backend.clear_session()
            write(file, golden)


if __name__ == "__main__":
    main()
