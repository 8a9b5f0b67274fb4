"""Keras 3 on TensorFlow: float32 and mixed_bfloat16, as it is and compiled by XLA."""

from peer import Peer, median, serve

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

PRECISIONS = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
MODES = {
    policy + suffix: precision
    for policy, precision in PRECISIONS.items()
    for suffix in ["", "+xla"]
}


class Keras(Peer):
    program = "Keras"
    module = "keras"
    version = f"{keras.__version__} on TensorFlow {tf.__version__}"
    modes = {"step": MODES, "infer": MODES, "memory": {"float32": "float32"}}
    presets = ["tutorial", "tutorial-resnet"]

    def __init__(self, threads, directory):
        super().__init__(threads, directory)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.training = {}
        self.trained = {}

    def step(self, batch, repeats, mode, preset, channels, side):
        key = (mode, preset, channels, side)
        if key not in self.training:
            model = PRESETS[preset](mode.split("+")[0], (side, side, channels))
            model.compile(
                keras.optimizers.Adam(1e-3),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                jit_compile=mode.endswith("+xla"),
            )
            self.training[key] = model
        model = self.training[key]
        # A copy is made of what is no tensor, each time.
        images = tf.random.uniform((batch, side, side, channels), -2, 2)
        labels = tf.range(batch) % 10
        return median(repeats, lambda: model.train_on_batch(images, labels))

    def predictor(self, mode, images):
        if mode not in self.trained:
            network = tutorial(mode.split("+")[0])
            load(network, self.weights)
            self.trained[mode] = tf.function(
                lambda images: tf.nn.softmax(network(images, training=False)),
                jit_compile=mode.endswith("+xla"),
            )
        model = self.trained[mode]
        inputs = tf.constant(images.transpose(0, 2, 3, 1))
        return lambda: model(inputs).numpy()


def convolution(filters, x, policy, size=3, strides=1):
    # PyTorch's zeros, which with a stride are not Keras's `same`.
    if strides > 1 and size > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    padding = "same" if strides == 1 else "valid"
    return layers.Conv2D(filters, size, strides, padding=padding, dtype=policy)(x)


def norm(x, policy):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy)(x)


def relu(x, policy):
    return layers.Activation("relu", dtype=policy)(x)


def tutorial(policy, shape=(32, 32, 3)):
    images = x = keras.Input(shape)
    for filters, rate in [(32, 0.2), (64, 0.3), (128, 0.4)]:
        for _ in range(2):
            x = relu(norm(convolution(filters, x, policy), policy), policy)
        x = layers.Dropout(rate, dtype=policy)(layers.MaxPooling2D(dtype=policy)(x))
    x = layers.Flatten(dtype=policy)(x)
    x = layers.Dropout(0.5, dtype=policy)(layers.Dense(512, "relu", dtype=policy)(x))
    # As Keras advises, the last layer is float32.
    return keras.Model(images, layers.Dense(10, dtype="float32")(x))


def residual(policy, shape=(32, 32, 3)):
    images = keras.Input(shape)
    x = relu(norm(convolution(32, images, policy), policy), policy)
    for filters, strides in [(32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)]:
        shortcut = x
        x = relu(norm(convolution(filters, x, policy, strides=strides), policy), policy)
        x = norm(convolution(filters, x, policy), policy)
        if strides > 1:
            shortcut = norm(convolution(filters, shortcut, policy, 1, strides), policy)
        x = relu(layers.Add(dtype=policy)([x, shortcut]), policy)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    return keras.Model(images, layers.Dense(10, dtype="float32")(x))


PRESETS = {"tutorial": tutorial, "tutorial-resnet": residual}


def load(model, weights):
    """Gives the tutorial's network weights that lie as PyTorch has them."""
    numbers = sorted({int(name.split(".")[0]) for name in weights})
    own = [layer for layer in model.layers if layer.weights]
    for number, layer in zip(numbers, own, strict=True):
        array = {
            name.split(".")[1]: value for name, value in weights.items()
            if name.startswith(f"{number}.")
        }
        kernel = array["weight"]
        if kernel.ndim == 4:
            layer.set_weights([kernel.transpose(2, 3, 1, 0), array["bias"]])
        elif kernel.ndim == 1:
            layer.set_weights([
                array[name] for name in ["weight", "bias", "running_mean", "running_var"]
            ])
        else:
            if kernel.shape[1] == 2048:  # flattened with the channels first there, last here
                kernel = kernel.reshape(-1, 128, 4, 4).transpose(0, 2, 3, 1).reshape(-1, 2048)
            layer.set_weights([np.ascontiguousarray(kernel.T), array["bias"]])


if __name__ == "__main__":
    serve(Keras)
