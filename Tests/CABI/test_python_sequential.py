"""Models written as PyTorch's and Keras's `Sequential`: their layers become a spec.

Where the frameworks are not installed, classes of the same names stand for theirs.
"""

import types

import cifar
import numpy as np
import pytest
from safetensors.numpy import save_file


def framework(name, kinds):
    """A module with classes of these names, whose objects have the attributes they are made with."""
    module = types.ModuleType(name)
    for kind, defaults in kinds.items():
        def make(self, *layers, defaults=defaults, **options):
            vars(self).update(defaults, **options)
            if type(self).__name__ == "Sequential":
                self.layers = list(layers)
            self._modules = {str(index): layer for index, layer in enumerate(layers)}

        members = {"__init__": make, "__module__": name}
        setattr(module, kind, type(kind, (), members))
    return module


NN = framework("torch.nn.modules", {
    "Sequential": {},
    "Conv2d": {
        "kernel_size": (3, 3), "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1,
        "padding_mode": "zeros", "bias": object()},
    "BatchNorm2d": {
        "momentum": 0.1, "eps": 1e-5, "affine": True, "track_running_stats": True},
    "ReLU": {}, "GELU": {"approximate": "none"}, "Sigmoid": {}, "Identity": {}, "Softmax": {},
    "MaxPool2d": {
        "kernel_size": 2, "stride": 2, "padding": 0, "dilation": 1, "ceil_mode": False},
    "AvgPool2d": {"kernel_size": (2, 2), "stride": (2, 2), "padding": 0, "ceil_mode": False},
    "AdaptiveAvgPool2d": {"output_size": 1},
    "Dropout": {}, "Flatten": {"start_dim": 1, "end_dim": -1}, "Linear": {"bias": object()},
})


def function(name):
    return type("Function", (), {"__name__": name, "__module__": "keras.src.activations"})()


CONV = {
    "kernel_size": (3, 3), "strides": (1, 1), "padding": "same", "dilation_rate": (1, 1), "groups": 1,
    "use_bias": True, "data_format": "channels_last", "activation": function("linear")}
K = framework("keras.src.layers", {
    "Sequential": {}, "InputLayer": {}, "Conv2D": CONV,
    "BatchNormalization": {"momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": True},
    "ReLU": {}, "Activation": {}, "Softmax": {},
    "MaxPooling2D": {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"},
    "AveragePooling2D": {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"},
    "GlobalAveragePooling2D": {}, "Dropout": {}, "Flatten": {}, "Rescaling": {},
    "Dense": {"use_bias": True, "activation": function("linear")},
})


def test_pytorchs():
    model = NN.Sequential(
        NN.Sequential(
            NN.Conv2d(out_channels=8), NN.BatchNorm2d(), NN.ReLU(),
            NN.Conv2d(out_channels=8, kernel_size=(5, 5), padding=(2, 2), stride=(2, 2)),
            NN.GELU(), NN.MaxPool2d(), NN.Dropout(p=0.25)),
        NN.Conv2d(out_channels=16, padding=(0, 0)), NN.AvgPool2d(), NN.Identity(),
        NN.AdaptiveAvgPool2d(), NN.Flatten(), NN.Linear(out_features=32), NN.ReLU(),
        NN.Linear(out_features=10), NN.Softmax())
    assert cifar.ModelSpec.from_sequential(model) == (
        cifar.ModelSpec()
        .conv2d(8, padding="same").batch_norm(momentum=0.1, epsilon=1e-5, unbiased=True).relu()
        .conv2d(8, 5, 2, "same").gelu().max_pool().dropout(0.25)
        .conv2d(16, padding="valid").avg_pool().global_average_pool()
        .dense(32).relu().dense(10))


def test_keras():
    model = K.Sequential(
        K.InputLayer(), K.Conv2D(filters=8, activation=function("relu")),
        K.BatchNormalization(), K.MaxPooling2D(), K.Dropout(rate=0.25),
        K.Conv2D(filters=8, strides=(2, 2)), K.Activation(activation=function("relu")),
        K.Conv2D(filters=8, padding="valid"), K.ReLU(), K.AveragePooling2D(), K.Flatten(),
        K.Dense(units=16, activation=function("gelu")),
        K.Dense(units=10, activation=function("softmax")))
    spec = cifar.ModelSpec.from_sequential(model)
    norm = spec.to_json()
    assert '"epsilon":0.001' in norm.replace(" ", "")
    assert spec.resolved("keras") == (
        cifar.ModelSpec()
        .conv2d(8, padding="same").relu().batch_norm().max_pool().dropout(0.25)
        .conv2d(8, stride=2, padding="same_upper").relu().conv2d(8, padding="valid").relu()
        .avg_pool().flatten().dense(16).gelu().dense(10)).resolved("keras")


def test_fit_takes_one(workplace):
    train, test = cifar.load("shapes", 64, 32)
    model = NN.Sequential(NN.Flatten(), NN.Linear(out_features=10))
    run = cifar.fit(train, test, model=model, epochs=1, record=False)
    assert run.model.spec == cifar.ModelSpec().flatten().dense(10)


@pytest.mark.parametrize(
    "layer, error, words",
    [
        (NN.Sigmoid(), TypeError, "layer 0 (Sigmoid) has no counterpart: there are Conv2d, "),
        (NN.Conv2d(out_channels=8, padding=(2, 2)), ValueError, "padding (2, 2), neither 0 nor 1"),
        (NN.Conv2d(out_channels=8, groups=2), ValueError, "has groups 2, and there is 1 only"),
        (NN.Conv2d(out_channels=8, dilation=(2, 2)), ValueError, "has dilation (2, 2)"),
        (NN.MaxPool2d(kernel_size=3), ValueError, "has kernel_size 3, and there is 2 only"),
        (NN.Linear(out_features=10), cifar.CifarError, "flatten"),
    ],
)
def test_what_has_no_counterpart_is_named(layer, error, words):
    with pytest.raises(error) as info:
        cifar.ModelSpec.from_sequential(NN.Sequential(layer))
    assert words in str(info.value)


def test_softmax_is_at_the_end():
    model = NN.Sequential(
        NN.Flatten(), NN.Linear(out_features=10), NN.Softmax(), NN.Linear(out_features=10))
    with pytest.raises(ValueError, match="dense can't follow softmax"):
        cifar.ModelSpec.from_sequential(model)
    for other in [[], None, object(), NN.Flatten(), cifar.ModelSpec()]:
        with pytest.raises(TypeError, match="not a Sequential of PyTorch or Keras"):
            cifar.ModelSpec.from_sequential(other)


def test_what_is_called_otherwise_than_it_says_is_refused():
    def chain(kind=NN.Sequential):
        return kind(NN.Conv2d(out_channels=8), NN.Flatten(), NN.Linear(out_features=10))

    class Flipped(NN.Sequential):
        def forward(self, x):
            return x

    class Plain(NN.Sequential):
        pass

    class Conv2d(NN.Conv2d):
        pass

    assert cifar.ModelSpec.from_sequential(chain(Plain)).classes == 10
    hooked, inside = chain(), chain()
    hooked._forward_hooks = {0: print}
    inside._modules["0"]._forward_pre_hooks = {0: print}
    shared = NN.Conv2d(out_channels=8)
    shared._parameters = {"weight": object(), "bias": None}
    for model, error, words in [
        (chain(Flipped), TypeError, "Flipped has a forward of its own"),
        (NN.Sequential(chain(Flipped)), TypeError, "Flipped has a forward of its own"),
        (hooked, TypeError, "Sequential has forward hooks"),
        (inside, TypeError, "'0' (Conv2d) has forward hooks"),
        (NN.Sequential(Conv2d(out_channels=8)), TypeError, "layer 0 (Conv2d) has no counterpart"),
        (NN.Sequential(shared, shared), ValueError, "the modules '0' and '1' share their weights"),
        (NN.Sequential(NN.Flatten(), NN.Softmax(dim=0)), ValueError, "has dim 0, and there is 1"),
    ]:
        with pytest.raises(error) as info:
            cifar.ModelSpec.from_sequential(model)
        assert words in str(info.value)

    class Called(K.Sequential):
        def call(self, x):
            return x

    with pytest.raises(TypeError, match="Called has a call of its own"):
        cifar.ModelSpec.from_sequential(Called(K.Flatten(), K.Dense(units=10)))


def test_a_module_without_weights_may_come_twice():
    relu = NN.ReLU()
    spec = cifar.ModelSpec.from_sequential(NN.Sequential(
        NN.Conv2d(out_channels=8), relu, NN.Conv2d(out_channels=8), relu))
    assert len(spec) == 4


@pytest.mark.parametrize("layer, words", [
    (K.ReLU(max_value=6.0), "has max_value 6.0, and there is None only"),
    (K.ReLU(negative_slope=0.1), "has negative_slope 0.1"),
    (K.ReLU(threshold=0.1), "has threshold 0.1"),
    (K.BatchNormalization(axis=1), "has axis 1, and there is -1 only"),
    (K.Flatten(data_format="channels_first"), "has data_format 'channels_first'"),
    (K.GlobalAveragePooling2D(data_format="channels_first"), "has data_format 'channels_first'"),
    (K.MaxPooling2D(data_format="channels_first"), "has data_format 'channels_first'"),
    (K.Dropout(rate=0.1, noise_shape=(None, 1, 1, 3)), "has noise_shape (None, 1, 1, 3)"),
    (K.Softmax(axis=1), "has axis 1"),
    (K.Activation(activation=lambda x: x), "has the activation '<lambda>'"),
    (K.Rescaling(), "has no counterpart but as the first layer"),
])
def test_options_of_keras_that_are_not_here_are_refused(layer, words):
    with pytest.raises(ValueError) as info:
        cifar.ModelSpec.from_sequential(K.Sequential(K.Activation(activation=function("relu")), layer))
    assert words in str(info.value)


def test_the_images_are_what_the_model_says():
    grey = NN.Sequential(
        NN.Conv2d(in_channels=1, out_channels=8, padding=(0, 0)), NN.Flatten(),
        NN.Linear(in_features=8 * 26 * 26, out_features=10))
    assert cifar.ModelSpec.from_sequential(grey) == (
        cifar.ModelSpec((1, 28, 28)).conv2d(8, padding="valid").flatten().dense(10))
    flat = NN.Sequential(NN.Flatten(), NN.Linear(in_features=784, out_features=10))
    assert '"input":[1,28,28]' in cifar.ModelSpec.from_sequential(flat).to_json()
    with pytest.raises(cifar.CifarError, match="takes 5408 values, but gets 7200: the images are 1×"):
        cifar.ModelSpec.from_sequential(grey, (1, 32, 32))
    with pytest.raises(cifar.CifarError, match=r"layer 0 \(Conv2d\) takes 1 channels, but gets 3"):
        cifar.ModelSpec.from_sequential(grey, (3, 28, 28))
    flat._modules["1"].in_features = 785
    with pytest.raises(cifar.CifarError, match="takes 785 values, but gets 3072"):
        cifar.ModelSpec.from_sequential(flat)
    keras = K.Sequential(K.Rescaling(), K.Flatten(), K.Dense(units=10))
    keras.input_shape = (None, 28, 28, 1)
    assert cifar.ModelSpec.from_sequential(keras) == cifar.ModelSpec((1, 28, 28)).flatten().dense(10)
    with pytest.raises(cifar.CifarError, match="takes images of 1×28×28, not 3×32×32"):
        cifar.ModelSpec.from_sequential(keras, (3, 32, 32))


def test_fit_takes_models_of_other_images(workplace):
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
    labels = np.arange(40) % 10
    keras = K.Sequential(K.Flatten(), K.Dense(units=10))
    keras.input_shape = (None, 28, 28, 1)
    mean = NN.Sequential(
        NN.Conv2d(in_channels=1, out_channels=8), NN.AdaptiveAvgPool2d(), NN.Flatten(),
        NN.Linear(in_features=8, out_features=10))
    for model in [keras, mean]:
        run = cifar.fit(
            images, labels, validation_split=0.5, model=model, epochs=1, verbose=0, record=False)
        assert run.model.hyperparameters["model_spec"]["input"] == [1, 28, 28]


def test_weights_have_the_names_of_the_model(workplace):
    inner = NN.Sequential(NN.ReLU(), NN.Conv2d(out_channels=4))
    model = NN.Sequential(
        NN.Conv2d(out_channels=8), NN.Identity(), inner, NN.AdaptiveAvgPool2d(), NN.Flatten(),
        NN.Linear(out_features=10))
    model._modules = dict(zip(["conv", "nothing", "inner", "mean", "flat", "fc"], model.layers))
    random = np.random.default_rng(0)
    shapes = {"conv": (8, 3, 3, 3), "inner.1": (4, 8, 3, 3), "fc": (10, 4)}
    named, flat = {}, {}
    for (name, shape), number in zip(shapes.items(), ["0", "2", "5"]):
        for end, size in [("weight", shape), ("bias", shape[:1])]:
            named[f"{name}.{end}"] = random.normal(0, 1, size).astype(np.float32)
            flat[f"{number}.{end}"] = named[f"{name}.{end}"]
    images = random.integers(0, 256, (4, 32, 32, 3), np.uint8)
    expected = cifar.Model.from_weights(flat, cifar.ModelSpec.from_sequential(model))
    save_file({f"module.{name}": array for name, array in named.items()}, "w.safetensors")
    for weights in [named, flat, "w.safetensors"]:
        taken = cifar.Model.from_weights(weights, model)
        assert (taken.predict(images) == expected.predict(images)).all()
    del named["inner.1.bias"]
    with pytest.raises(cifar.CifarError, match="no tensor '2.bias'"):
        cifar.Model.from_weights(named, model)


# The frameworks' own ------------------------------------------------------------------------------


def test_pytorchs_own_is_read():
    nn = pytest.importorskip("torch.nn")
    model = nn.Sequential(
        nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding="same"), nn.GELU(), nn.MaxPool2d(2), nn.Dropout(0.2)),
        nn.Conv2d(32, 64, 5, stride=2, padding=2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(), nn.Linear(64, 10), nn.Softmax(dim=1))
    spec = cifar.ModelSpec.from_sequential(model)
    assert spec.parameters == sum(weights.numel() for weights in model.parameters())
    assert (len(spec), spec.classes) == (11, 10)


def test_kerass_own_is_read():
    keras = pytest.importorskip("keras")
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((32, 32, 3)),
        layers.Conv2D(32, (3, 3), padding="same", activation="relu"),
        layers.BatchNormalization(), layers.MaxPooling2D((2, 2)), layers.Dropout(0.25),
        layers.Conv2D(64, 3, strides=2, padding="same", activation="gelu"),
        layers.Conv2D(64, 3), layers.Activation("relu"), layers.AveragePooling2D(2),
        layers.GlobalAveragePooling2D(), layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax")])
    spec = cifar.ModelSpec.from_sequential(model)
    assert spec.parameters + spec.non_trainable == model.count_params()
    assert spec.classes == 10
