"""PyTorch: the tutorial's own class and flat networks load the weights, and theirs come in."""

import runpy
import subprocess
import sys

import cifar
import numpy as np
import pytest
import torch
from conftest import PRESETS, command
from safetensors.torch import load_file, save_file
from torch import nn
from tutorial import CIFAR10Model, flat

MODELS = [(name, recipe) for name in [*PRESETS, "every layer"] for recipe in ["pytorch", "keras"]]


def normalized(model, images):
    normalization = model.hyperparameters["normalization"]
    mean, std = (
        torch.tensor(normalization[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (torch.from_numpy(images).float() / 255 - mean) / std


def probabilities(net, model, images):
    net.eval()
    with torch.no_grad():
        return net(normalized(model, images)).softmax(1).numpy()


def trained(net):
    """The same with statistics of batch norm and weights that are not those of the start."""
    torch.manual_seed(1)
    with torch.no_grad():
        net.train()
        for _ in range(5):
            net(torch.randn(32, 3, 32, 32))
        for name, value in net.named_parameters():
            value += torch.randn_like(value) * 0.02
    return net.eval()


@pytest.mark.parametrize("build, preset, names", [
    (CIFAR10Model, "tutorial", None), (flat, "tutorial", "sequential"),
    (lambda: flat(pool=True), "tutorial-gap", "sequential"),
], ids=["the tutorial's class", "flat", "flat with pooling"])
def test_weights_out(models, images, build, preset, names, record_property):
    model = models(preset)
    model.export("w.safetensors", "weights", names=names)
    net = build()
    result = net.load_state_dict(load_file("w.safetensors"), strict=True)
    assert not result.missing_keys and not result.unexpected_keys
    error = abs(probabilities(net, model, images) - model.predict(images)).max()
    record_property("error", float(error))
    assert error < 1e-5
    net.load_state_dict({
        name: torch.from_numpy(array) for name, array in model.state_dict(names).items()})


@pytest.mark.parametrize("dtype, tolerance", [
    (torch.float32, 1e-5), (torch.float64, 1e-5), (torch.float16, 5e-3), (torch.bfloat16, 5e-2)])
@pytest.mark.parametrize("build, preset", [
    (CIFAR10Model, "tutorial"), (flat, "tutorial"), (lambda: flat(pool=True), "tutorial-gap"),
    (lambda: nn.DataParallel(CIFAR10Model()), "tutorial"),
], ids=["the tutorial's class", "flat", "flat with pooling", "wrapped"])
def test_weights_in(images, build, preset, dtype, tolerance, record_property):
    net = trained(build())
    stored = {
        name: value.to(dtype) if value.is_floating_point() else value
        for name, value in net.state_dict().items()}
    save_file(stored, "torch.safetensors")
    bare = {name: value for name, value in stored.items() if "num_batches" not in name}
    save_file(bare, "bare.safetensors")
    command("cifar", "import", "torch.safetensors", "--model", preset, "-o", "own.safetensors")
    models = [
        cifar.Model.from_weights("torch.safetensors", preset),
        cifar.Model.from_weights("bare.safetensors", preset),
        cifar.Model.from_weights(stored, preset), cifar.Model.open("own.safetensors")]
    expected = probabilities(net, models[0], images)
    for model in models:
        error = abs(model.predict(images) - expected).max()
        assert error < tolerance
    record_property("error", float(error))


def test_a_training_begins_where_pytorch_ended(images):
    net = trained(CIFAR10Model())
    train, test = cifar.load("shapes", limit_train=64, limit_test=64)
    run = cifar.fit(
        train, test, weights=net.state_dict(), epochs=1, learning_rate=1e-9, record=False)
    for name, value in net.named_parameters():
        error = abs(run.model.state_dict()[name] - value.detach().numpy()).max()
        assert error < 1e-6


@pytest.mark.parametrize("name, recipe", MODELS)
def test_scripts_build_the_same_model(models, images, name, recipe, record_property):
    model = models(name, recipe)
    model.export("net.py", "pytorch")
    names = runpy.run_path("net.py")
    net = names["load"]()
    with torch.no_grad():
        result = net(names["normalize"](torch.from_numpy(images))).softmax(1).numpy()
    error = abs(result - model.predict(images)).max()
    record_property("error", float(error))
    assert error < 1e-5
    assert names["CLASSES"] == model.class_names
    # What PyTorch's script saves is what comes in again.
    save_file(net.state_dict(), "again.safetensors")
    again = cifar.Model.from_weights("again.safetensors", model.spec, recipe=recipe)
    assert (again.predict(images) == model.predict(images)).all()


@pytest.mark.parametrize("padding", ["same", "valid", "same_upper"])
@pytest.mark.parametrize("kernel, stride", [(k, s) for k in (1, 3, 5) for s in (1, 2)])
def test_every_convolution(images, padding, kernel, stride):
    spec = cifar.ModelSpec().conv2d(4, kernel, stride=stride, padding=padding).flatten().dense(10)
    names = {"__file__": "net.py", "__name__": "net"}
    exec(spec.script("pytorch"), names)
    net = trained(names["build"]())
    model = cifar.Model.from_weights(net.state_dict(), spec)
    assert abs(probabilities(net, model, images) - model.predict(images)).max() < 1e-5


def test_the_commands_script(models, images):
    models("tutorial").save("m.safetensors")
    command("cifar", "export", "m.safetensors", "--format", "pytorch", "-o", "own.py")
    done = subprocess.run([sys.executable, "own.py"], capture_output=True, text=True)
    assert done.returncode == 0 and "Linear(in_features=2048" in done.stdout, done.stderr
    assert np.isfinite(load_file("own.safetensors")["0.weight"].numpy()).all()
