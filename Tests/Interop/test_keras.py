"""Keras 3: models go there as scripts, as files and as they are, and come from there."""

import runpy
import subprocess
import sys

import cifar
import keras
import numpy as np
import pytest
from conftest import PRESETS, command
from keras import layers

MODELS = [(name, recipe) for name in [*PRESETS, "every layer"] for recipe in ["pytorch", "keras"]]


def normalized(model, images):
    normalization = model.hyperparameters["normalization"]
    mean, std = (np.array(normalization[key], "float32") for key in ("mean", "std"))
    return (images.transpose(0, 2, 3, 1).astype("float32") / 255 - mean) / std


def difference(network, model, images):
    result = network.predict(normalized(model, images), verbose=0)
    return float(abs(result - model.predict(images)).max())


def tutorial(pool=False, activations=False, softmax=True):
    """The Keras tutorial's network as people write it."""
    network = keras.Sequential([keras.Input((32, 32, 3))])
    for filters, rate in [(32, 0.2), (64, 0.3), (128, 0.4)]:
        for _ in range(2):
            network.add(layers.Conv2D(filters, (3, 3), padding="same"))
            network.add(layers.BatchNormalization())
            network.add(layers.Activation("relu") if activations else layers.ReLU())
        network.add(layers.MaxPooling2D((2, 2)))
        network.add(layers.Dropout(rate))
    network.add(layers.GlobalAveragePooling2D() if pool else layers.Flatten())
    network.add(layers.Dense(512, activation="relu"))
    network.add(layers.Dropout(0.5))
    network.add(layers.Dense(10, activation="softmax" if softmax else None))
    return network


def trained(network):
    """The same with weights and statistics that are not those of the start."""
    random = np.random.default_rng(1)
    for layer in network.layers:
        arrays = [
            array + 0.05 * random.standard_normal(array.shape).astype("float32")
            for array in layer.get_weights()]
        if isinstance(layer, layers.BatchNormalization):
            arrays[3] = abs(arrays[3]) + 0.1
        if not isinstance(layer, layers.Dropout):
            layer.set_weights(arrays)
    return network


@pytest.mark.parametrize("name, recipe", MODELS)
def test_out_and_in_again(models, images, name, recipe, record_property):
    model = models(name, recipe)
    model.save("m.keras")
    model.save("m.weights.h5")
    network = model.to_keras()
    loaded = keras.saving.load_model("m.keras")
    again = model.to_keras()
    trained(again).load_weights("m.weights.h5")
    errors = [difference(network, model, images) for network in (network, loaded, again)]
    record_property("error", max(errors))
    assert max(errors) < 1e-5
    normalization = model.hyperparameters["normalization"]
    for weights in ["m.keras", "m.weights.h5", network]:
        taken = cifar.Model.from_weights(
            weights, model.spec, recipe=recipe, normalization=normalization,
            class_names=model.class_names)
        assert abs(taken.predict(images) - model.predict(images)).max() < 1e-6


@pytest.mark.parametrize("name, recipe", MODELS)
def test_scripts_build_the_same_model(models, images, name, recipe, record_property):
    model = models(name, recipe)
    model.export("net.py", "keras")
    names = runpy.run_path("net.py")
    network = names["load"]()
    inputs = names["normalize"](images.transpose(0, 2, 3, 1))
    error = float(abs(network.predict(inputs, verbose=0) - model.predict(images)).max())
    record_property("error", error)
    assert error < 1e-5
    assert names["CLASSES"] == model.class_names


@pytest.mark.parametrize("options", [
    {}, {"pool": True}, {"activations": True}, {"softmax": False}], ids=str)
@pytest.mark.parametrize("how", ["model", "file", "weights"])
def test_the_tutorials_network_comes_in(images, options, how, record_property):
    network = trained(tutorial(**options))
    weights = network
    if how == "file":
        weights = "m.keras"
        network.save(weights)
    elif how == "weights":
        weights = "m.weights.h5"
        network.save_weights(weights)
    preset = "tutorial-gap" if options.get("pool") else "tutorial"
    given = [preset] if how == "weights" else [None, preset]
    for name in given:
        model = cifar.Model.from_weights(weights, name)
        logits = network.predict(normalized(model, images), verbose=0).astype("float64")
        expected = logits
        if options.get("softmax") is False:
            expected = np.exp(logits - logits.max(1, keepdims=True))
            expected /= expected.sum(1, keepdims=True)
        error = float(abs(model.predict(images) - expected).max())
        assert error < 1e-5
    record_property("error", error)


def test_a_training_begins_where_keras_ended():
    network = trained(tutorial())
    network.save("m.keras")
    train, test = cifar.load("shapes", limit_train=64, limit_test=64)
    run = cifar.fit(
        train, test, recipe="keras", weights="m.keras", epochs=1, learning_rate=1e-9, record=False)
    kernel = network.layers[0].get_weights()[0]
    assert abs(run.model.state_dict()["conv_block1.0.weight"].transpose(2, 3, 1, 0) - kernel).max() < 1e-6


def test_a_rescaling_is_the_normalization(images):
    plain = trained(tutorial())
    network = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), *plain.layers])
    model = cifar.Model.from_weights(network)
    expected = network.predict(images.transpose(0, 2, 3, 1).astype("float32"), verbose=0)
    assert abs(model.predict(images) - expected).max() < 1e-5


@pytest.mark.parametrize("build, message", [
    (lambda: [layers.BatchNormalization(center=False), layers.Flatten()], "center False"),
    (lambda: [layers.ReLU(negative_slope=0.1), layers.Flatten()], "negative_slope 0.1"),
    (lambda: [layers.Conv2D(8, (3, 5)), layers.Flatten()], "only squares"),
    (lambda: [layers.Conv2D(8, 3, dilation_rate=2), layers.Flatten()], "dilation"),
    (lambda: [layers.MaxPooling2D(3), layers.Flatten()], "pool_size"),
    (lambda: [layers.LeakyReLU(), layers.Flatten()], "LeakyReLU"),
    (lambda: [layers.Flatten(), layers.Dense(8, activation="tanh")], "'tanh'"),
    (lambda: [layers.Flatten(), layers.LayerNormalization()], "LayerNormalization"),
])
def test_what_has_no_counterpart_is_named(build, message):
    network = keras.Sequential([keras.Input((32, 32, 3)), *build(), layers.Dense(10)])
    with pytest.raises((TypeError, ValueError), match=message):
        cifar.Model.from_weights(network)


def test_another_normalization_is_noticed(images):
    network = trained(tutorial())
    with pytest.raises(ValueError, match="normalization"):
        # ε and the normalization of PyTorch's tutorial.
        cifar.Model.from_weights(
            keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1.0),
                              *network.layers]))


def test_a_missing_file_and_a_file_of_others():
    with pytest.raises(FileNotFoundError):
        cifar.Model.from_weights("none.keras")
    open("x.weights.h5", "wb").write(b"no HDF5")
    with pytest.raises(OSError):
        cifar.Model.from_weights("x.weights.h5")


def test_the_commands_script(models):
    models("tutorial-resnet", "keras").save("m.safetensors")
    command("cifar", "export", "m.safetensors", "--format", "keras", "-o", "own.py")
    done = subprocess.run([sys.executable, "own.py"], capture_output=True, text=True)
    assert done.returncode == 0 and "conv2d_7_layers_0" in done.stdout, done.stderr
