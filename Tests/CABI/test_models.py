"""Models of one's own: from C, from Python and on the command line."""

import ctypes
import dataclasses
import json
import re
import subprocess
import threading
from ctypes import byref, c_char_p, c_void_p, sizeof

import cifar
import numpy as np
import pytest
from cifar import _abi as abi
from cifar._library import library
from conftest import ROOT, compile_c, run, without_swift
from test_commands import SMALL, show, train

TUTORIAL = (1_342_122, 896)
LAYERS = [
    {"type": "conv2d", "filters": 8}, {"type": "relu"}, {"type": "global_average_pool"},
    {"type": "dense", "units": 10},
]


@pytest.fixture(scope="module")
def shapes():
    return cifar.load("shapes", limit_train=256, limit_test=64)


def small(classes=10):
    return (
        cifar.ModelSpec()
        .conv2d(8).batch_norm().relu().max_pool()
        .residual(
            lambda block: block.conv2d(16, stride=2).batch_norm().relu().conv2d(16).batch_norm(),
            shortcut=lambda way: way.conv2d(16, kernel_size=1, stride=2, padding="valid"),
        )
        .relu().dropout(0.1).avg_pool().flatten().dense(classes)
    )


# Building -----------------------------------------------------------------------------------------


def test_layers_whose_options_go_as_json():
    spec = (
        cifar.ModelSpec()
        .conv2d(24, 2, padding="valid", initializer="whitening").gelu()
        .conv2d(64, bias=False, initializer="dirac", activation="relu")
        .max_pool().batch_norm(momentum=0.4, epsilon=1e-12, scale=False).max_pool(3)
    )
    flat = spec.copy().flatten().scale(1 / 9).dense(10, bias=False)
    assert json.loads(flat.to_json())["layers"] == [
        {"type": "conv2d", "filters": 24, "kernel_size": 2, "stride": 1, "padding": "valid",
         "initializer": "whitening"},
        {"type": "gelu"},
        {"type": "conv2d", "filters": 64, "kernel_size": 3, "stride": 1, "bias": False,
         "initializer": "dirac"},
        {"type": "relu"}, {"type": "max_pool"},
        {"type": "batch_norm", "momentum": 0.4, "epsilon": 1e-12, "scale": False},
        {"type": "max_pool", "size": 3}, {"type": "flatten"}, {"type": "scale", "factor": 1 / 9},
        {"type": "dense", "units": 10, "bias": False},
    ]
    # 24 filters and biases, 64 filters, 64 shifts, 64 channels of 5×5.
    assert flat.parameters == 24 * 13 + 64 * 24 * 9 + 64 + 64 * 25 * 10
    assert spec.global_max_pool().dense(10).classes == 10


def test_every_layer_and_its_options():
    spec = (
        cifar.ModelSpec()
        .conv2d(32, kernel_size=5, stride=2, padding="same_upper")
        .batch_norm(momentum=0.01, epsilon=1e-3, unbiased=False)
        .relu().max_pool().avg_pool().dropout(0.2)
        .residual(cifar.ModelSpec().conv2d(32), cifar.ModelSpec().conv2d(32, 1, padding="valid"))
        .residual(lambda block: block.gelu())
        .global_average_pool().dense(12).relu().dense(7)
    )
    value = json.loads(spec.to_json())
    assert value["input"] == [3, 32, 32]
    assert value["layers"] == [
        {"type": "conv2d", "filters": 32, "kernel_size": 5, "stride": 2, "padding": "same_upper"},
        {"type": "batch_norm", "momentum": 0.01, "epsilon": 1e-3, "unbiased": False},
        {"type": "relu"}, {"type": "max_pool"}, {"type": "avg_pool"},
        {"type": "dropout", "rate": 0.2},
        {
            "type": "residual",
            # What was not said is not in it: the dialect decides.
            "layers": [{"type": "conv2d", "filters": 32, "kernel_size": 3, "stride": 1}],
            "shortcut": [{
                "type": "conv2d", "filters": 32, "kernel_size": 1, "stride": 1,
                "padding": "valid",
            }],
        },
        {"type": "residual", "layers": [{"type": "gelu"}], "shortcut": []},
        {"type": "global_average_pool"}, {"type": "dense", "units": 12}, {"type": "relu"},
        {"type": "dense", "units": 7},
    ]
    again = cifar.ModelSpec.from_json(spec.to_json())
    assert again == spec and again != small() and spec != "spec"
    assert len(spec) == 15 and spec.classes == 7
    assert repr(spec) == f"<ModelSpec: 15 layers, {spec.parameters} parameters>"
    flat = cifar.ModelSpec().flatten().residual(lambda block: block.dense(3072).relu())
    assert flat.dense(10).parameters == 3072 * 3073 + 30730


def test_what_json_leaves_out_has_its_default():
    spec = cifar.ModelSpec.from_json(json.dumps(LAYERS))
    assert spec == cifar.ModelSpec().conv2d(8).relu().global_average_pool().dense(10)
    assert spec == cifar.ModelSpec.from_json(json.dumps({"layers": LAYERS}))
    assert len(cifar.ModelSpec.from_json("[]")) == 0


def test_presets():
    for name in [
            "tutorial", "tutorial-gap", "tutorial-resnet", "airbench93", "airbench94",
            "airbench94-muon", "resnet9"]:
        for dialect in ["pytorch", "keras"]:
            spec = cifar.ModelSpec.preset(name, dialect, classes=3)
            assert spec.classes == 3
    tutorial = cifar.ModelSpec.preset("tutorial")
    assert (tutorial.parameters, tutorial.non_trainable) == TUTORIAL
    for arguments, words in [
        (("resnet",), "unknown model 'resnet'; use tutorial, tutorial-gap, tutorial-resnet"),
        (("tutorial", "jax"), "unknown dialect 'jax'"),
        (("tutorial", "keras", 1), "classes 1 is not in 2 to 1000"),
        (("tutorial", "keras", 1001), "classes 1001 is not in 2 to 1000"),
    ]:
        with pytest.raises(cifar.CifarError, match=words):
            cifar.ModelSpec.preset(*arguments)


@pytest.mark.parametrize(
    "add, error, words",
    [
        (lambda s: s.conv2d(0), cifar.CifarError, "layer 1 (conv2d): filters 0 is not in 1 to"),
        (lambda s: s.conv2d(4097), cifar.CifarError, "filters 4097"),
        (lambda s: s.conv2d(-1), ValueError, "filters -1 is out of range"),
        (lambda s: s.conv2d(2**40), ValueError, "filters 1099511627776 is out of range"),
        (lambda s: s.conv2d(8, 4), cifar.CifarError, "kernel_size 4 is not 1, 2, 3 or 5"),
        (lambda s: s.conv2d(8, stride=3), cifar.CifarError, "stride 3"),
        (lambda s: s.conv2d(8, padding="full"), ValueError, "'full' is none of same, valid"),
        (lambda s: s.conv2d(8.5), TypeError, "float"),
        (lambda s: s.batch_norm(momentum=float("nan")), cifar.CifarError, "momentum nan"),
        (lambda s: s.batch_norm(epsilon=-1), cifar.CifarError, "epsilon -1.0"),
        (lambda s: s.batch_norm(epsilon=0), ValueError, "epsilon 0 is not above 0"),
        (lambda s: s.dropout(1), cifar.CifarError, "layer 1 (dropout): rate 1.0"),
        (lambda s: s.dense(10), cifar.CifarError, "not (4, 32, 32): put a flatten"),
        (lambda s: s.residual(lambda b: b), cifar.CifarError, "layer 1 (residual): has no layers"),
        (
            lambda s: s.residual(lambda b: b.conv2d(5)), cifar.CifarError,
            "layer 1 (residual): the layers give (5, 32, 32), the shortcut (4, 32, 32)",
        ),
        (
            lambda s: s.residual(lambda b: b.conv2d(8).dense(3)), cifar.CifarError,
            "layer 1 (dense): takes flat values, not (8, 32, 32)",
        ),
        (
            lambda s: s.residual(cifar.ModelSpec().flatten().dense(4)), cifar.CifarError,
            "the layers give (4), the shortcut (4, 32, 32)",
        ),
        (lambda s: s.residual([{"type": "relu"}]), TypeError, "layers is a list, neither"),
        (lambda s: s.residual(lambda b: 7), TypeError, "layers returned a int"),
    ],
)
def test_a_layer_that_cannot_be_leaves_the_spec_as_it_was(add, error, words):
    spec = cifar.ModelSpec().conv2d(4)
    before = spec.to_json()
    with pytest.raises(error) as info:
        add(spec)
    assert words in str(info.value) and "\n" not in str(info.value)
    assert spec.to_json() == before


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "not JSON"),
        ("{\n\"layers\": [\n{", "not JSON"),
        ("7", "neither a JSON object nor a list"),
        ("{}", "has no 'layers'"),
        ('{"layers": 3}', "layers has the wrong type"),
        ('[{"type": "conv3d"}]', "unknown layer type 'conv3d'"),
        ('[{"filters": 3}]', "layers.0 has no 'type'"),
        ('[{"type": "relu"}, {"type": "conv2d"}]', "layers.1 has no 'filters'"),
        ('[{"type": "conv2d", "filters": "8"}]', "layers.0.filters has the wrong type"),
        ('[{"type": "conv2d", "filters": 8, "kernel": 5}]', "kernel is no option of conv2d"),
        ('[{"type": "conv2d", "filters": 8, "padding": "full"}]', "'full' is none of same"),
        ('[{"type": "conv2d", "filters": -8}]', "layer 0 (conv2d): filters -8"),
        ('[{"type": "flatten"}, {"type": "max_pool"}]', "layer 1 (max_pool)"),
        ('{"layers": [], "layer": []}', "layer is no option of the model; use input, layers"),
        ('{"input": [3, 0, 32], "layers": []}', "input [3, 0, 32]"),
        (json.dumps([{"type": "relu"}] * 4097), "more than 4096 layers"),
    ],
)
def test_wrong_json_is_named(text, words):
    with pytest.raises(cifar.CifarError) as info:
        cifar.ModelSpec.from_json(text)
    assert info.value.status in ("CIFAR_E_INVALID_ARGUMENT", "CIFAR_E_SHAPE_MISMATCH")
    assert words in str(info.value) and "\n" not in str(info.value)


def test_null_for_every_argument():
    spec, other = c_void_p(), c_void_p()
    text = c_char_p(b"untouched")
    info = abi.ModelSpecInfo()
    assert library.cifar_model_spec_create(byref(spec)) == 0
    for name, arguments in {
        "create": [None], "from_json": [None, byref(other)], "preset": [None, b"keras", 10, None],
        "branch": [spec, None], "resolve": [spec, b"keras", None], "residual": [spec, None, spec], "get_json": [spec, None],
        "get_summary": [spec, None], "get_info": [spec, None, sizeof(info)],
    }.items():
        assert getattr(library, f"cifar_model_spec_{name}")(*arguments) == 10
        assert b"NULL" in library.cifar_last_error()
    assert library.cifar_model_spec_from_json(b"[]", None) == 10
    assert library.cifar_model_spec_preset(b"tutorial", None, 10, None) == 10
    assert library.cifar_model_spec_branch(None, byref(other)) == 10
    assert library.cifar_model_spec_get_json(None, byref(text)) == 10
    assert library.cifar_model_spec_from_json(b"[}", byref(other)) == 10
    assert other.value is None and text.value == b"untouched"
    assert library.cifar_model_spec_get_info(spec, byref(info), 3) == 10
    assert library.cifar_model_spec_resolve(spec, b"jax", byref(other)) == 10
    assert b"unknown dialect 'jax'" in library.cifar_last_error()
    assert other.value is None
    assert library.cifar_model_spec_conv2d(spec, 8, 3, 1, 7) == 10
    assert b"padding 7" in library.cifar_last_error()
    assert library.cifar_model_spec_preset(b"tutorial", None, 10, byref(other)) == 0
    library.cifar_model_spec_free(other)
    library.cifar_model_spec_free(spec)


def test_strings_live_as_long_as_the_spec():
    spec = c_void_p()
    library.cifar_model_spec_create(byref(spec))
    texts = []
    for _ in range(3):
        library.cifar_model_spec_relu(spec)
        for name in ["json", "summary"]:
            text, same = c_char_p(), c_char_p()
            for pointer in [text, same]:
                getattr(library, f"cifar_model_spec_get_{name}")(spec, byref(pointer))
            addresses = [ctypes.cast(pointer, c_void_p).value for pointer in [text, same]]
            assert addresses[0] == addresses[1]
            texts.append(text)
    assert [text.value.count(b"relu") for text in texts] == [1, 1, 2, 2, 3, 3]
    # A part is independent of what it was made from.
    part = c_void_p()
    library.cifar_model_spec_branch(spec, byref(part))
    library.cifar_model_spec_free(spec)
    assert library.cifar_model_spec_conv2d(part, 4, 3, 1, 0) == 0
    library.cifar_model_spec_free(part)


# Summaries ----------------------------------------------------------------------------------------


def test_the_summary_has_kerass_totals():
    text = cifar.ModelSpec.preset("tutorial", "keras").summary()
    lines = text.splitlines()
    assert lines[0] == "Input (None, 3, 32, 32)"
    assert re.fullmatch(r"0 \(conv2d\) +\(None, 32, 32, 32\) +896 +1,802,240 +kernel_size 3, .*", lines[3])
    assert re.fullmatch(r"1 \(batch_norm\) +\(None, 32, 32, 32\) +128 +65,536 +momentum .*", lines[4])
    assert lines[4].endswith("  momentum 0.01, epsilon 0.001, unbiased false")
    assert lines[-4:-1] == [
        "Total params: 1,343,018 (5.12 MiB)", "Trainable params: 1,342,122 (5.12 MiB)",
        "Non-trainable params: 896 (3.50 KiB)",
    ]
    assert re.fullmatch(r"FLOPs of one image: [\d,]+", lines[-1]) and text.endswith("\n")


def test_blocks_are_indented():
    lines = small().summary().splitlines()
    assert any(line.startswith("4 (residual)") for line in lines)
    assert any(line.startswith("  4.layers.0 (conv2d)  ") for line in lines)
    assert any(line.startswith("  4.shortcut.0 (conv2d)  ") for line in lines)
    place = lines[1].index("Options")
    for line in lines[3:-5]:
        assert len(line) < place or line[place - 2:place] == "  ", "the columns are straight"


# Training -----------------------------------------------------------------------------------------


def test_a_spec_is_trained_resumed_and_evaluated(shapes, workplace):
    options = {"model": small(), "batch_size": 32, "seed": 4}
    whole = cifar.fit(*shapes, epochs=2, name="whole", **options)
    first = cifar.fit(*shapes, epochs=1, name="first", **options)
    rest = cifar.resume("first", epochs=2)
    losses = [epoch.val_loss for epoch in first.epochs + rest.epochs]
    assert losses == [epoch.val_loss for epoch in whole.epochs]
    assert whole.hyperparameters["model"] == "custom"
    spec = small().resolved()
    assert whole.model.spec == spec and whole.model.summary() == spec.summary()
    assert whole.model.parameters == small().parameters
    assert library.cifar_model_get_summary(whole.model._handle, None) == 10
    stored = cifar.Model.from_run("first", "last")
    # Of the last epoch; training put back the best weights, which are the same.
    result = stored.evaluate(shapes.test)
    assert not result.chose_epoch
    assert dataclasses.replace(result, chose_epoch=True) == rest.model.evaluate(shapes.test)
    (row,) = cifar.Registry().runs(filter="model = custom and name = first")
    assert row["id"] == first.id
    # A run's own hyperparameters say what its model is.
    taken = {key: whole.hyperparameters[key] for key in ["model", "model_spec"]}
    again = cifar.fit(
        *shapes, epochs=1, batch_size=32, seed=4, record=False, model=taken["model_spec"])
    assert [epoch.val_loss for epoch in again.epochs] == losses[:1]
    options = cifar.fit(
        *shapes, epochs=1, steps_per_epoch=1, record=False, model_spec=taken["model_spec"])
    assert options.hyperparameters["model"] == "custom"
    assert options.model.spec == spec


@pytest.mark.parametrize("form", [json.dumps(LAYERS), LAYERS, tuple(LAYERS), {"layers": LAYERS}])
def test_a_model_in_every_form(shapes, form):
    run = cifar.fit(*shapes, epochs=1, steps_per_epoch=1, record=False, model=form)
    assert run.model.spec == cifar.ModelSpec.from_json(json.dumps(LAYERS)).resolved()


def in_c():
    """A model in C's way, with all that can be left to the dialect."""
    spec = c_void_p()
    assert library.cifar_model_spec_create(byref(spec)) == 0
    assert library.cifar_model_spec_conv2d(spec, 4, 3, 2, 3) == 0
    assert library.cifar_model_spec_batch_norm(spec, 0, 0, -1) == 0
    assert library.cifar_model_spec_flatten(spec) == 0
    assert library.cifar_model_spec_dense(spec, 10) == 0
    return cifar.ModelSpec._of(spec)


@pytest.mark.parametrize("form", [
    in_c,
    lambda: cifar.ModelSpec().conv2d(4, stride=2).batch_norm().flatten().dense(10),
    lambda: [
        {"type": "conv2d", "filters": 4, "stride": 2}, {"type": "batch_norm"},
        {"type": "flatten"}, {"type": "dense", "units": 10},
    ],
])
@pytest.mark.parametrize("recipe, dialect, norm, padding", [
    ("pytorch", "pytorch", {"momentum": 0.1, "epsilon": 1e-5, "unbiased": True}, "same"),
    ("keras", "keras", {"momentum": 0.01, "epsilon": 1e-3, "unbiased": False}, "same_upper"),
    ("keras-tuned", "keras", {"momentum": 0.01, "epsilon": 1e-3, "unbiased": False}, "same_upper"),
])
def test_the_recipes_dialect_decides_what_is_left_out(
    shapes, form, recipe, dialect, norm, padding
):
    options = {"recipe": recipe, "epochs": 1, "steps_per_epoch": 1, "record": False}
    run = cifar.fit(*shapes, model=form(), **options)
    convolution, layer, *_ = run.hyperparameters["model_spec"]["layers"]
    assert layer == {"type": "batch_norm", **norm} and convolution["padding"] == padding
    spec = form() if isinstance(form(), cifar.ModelSpec) else None
    if spec is not None:
        assert "by dialect" in spec.summary()
        assert "momentum" not in spec.to_json() and "padding" not in spec.to_json()
        resolved = spec.resolved(dialect)
        assert resolved == run.model.spec and resolved.resolved("pytorch") == resolved
        assert f"epsilon {norm['epsilon']!r}" in resolved.summary()


def test_none_is_the_only_way_to_leave_something_out():
    for options in [{"momentum": 0}, {"epsilon": 0}]:
        with pytest.raises(ValueError, match="is not above 0"):
            cifar.ModelSpec().batch_norm(**options)
    spec = cifar.ModelSpec().batch_norm(epsilon=0.5, unbiased=False).resolved("keras")
    assert json.loads(spec.to_json())["layers"] == [
        {"type": "batch_norm", "momentum": 0.01, "epsilon": 0.5, "unbiased": False}
    ]


@pytest.mark.parametrize("recipe", ["pytorch", "keras"])
def test_a_preset_has_the_recipes_dialect_and_the_datas_classes(shapes, recipe):
    data = [
        cifar.Dataset.from_arrays(part.images[:64], part.labels[:64] % 3, list("abc"), split=split)
        for part, split in [(shapes.train, "train"), (shapes.test, "test")]
    ]
    options = {"recipe": recipe, "epochs": 1, "steps_per_epoch": 1, "record": False}
    expected = cifar.ModelSpec.preset("tutorial-gap", recipe, classes=3)
    run = cifar.fit(*data, model="tutorial-gap", **options)
    assert run.hyperparameters["model"] == "tutorial-gap" and run.model.spec == expected


@pytest.mark.parametrize(
    "model, error, words",
    [
        ("resnet", cifar.CifarError, "unknown model 'resnet'; use tutorial, tutorial-gap"),
        ("", cifar.CifarError, "unknown model ''"),
        ("[", cifar.CifarError, "not JSON"),
        (7, TypeError, "model is a int"),
        (small(7), cifar.CifarError, "the model has 7 classes, .* images have 10"),
        (cifar.ModelSpec().conv2d(8), cifar.CifarError, "the last layer .conv2d. must be a dense"),
        (cifar.ModelSpec(), cifar.CifarError, "no layers"),
        ({"input": [3, 28, 28], "layers": LAYERS}, cifar.CifarError, "images of 3×28×28"),
        (
            cifar.ModelSpec().conv2d(4096).flatten().dense(65536).dense(10), cifar.CifarError,
            "GiB",
        ),
    ],
)
def test_models_that_cannot_be_trained(shapes, workplace, model, error, words):
    with pytest.raises(error, match=words) as info:
        cifar.fit(*shapes, epochs=1, model=model)
    assert "\n" not in str(info.value) and not (workplace / "runs.db").exists()


def test_the_c_example_builds_a_residual_network(workplace):
    program = workplace / "model"
    compile_c(ROOT / "bindings" / "c" / "model.c", program, "-std=c99", "-Wstrict-prototypes")
    result = subprocess.run(
        [program, "shapes", "500"], capture_output=True, text=True, env=without_swift(), timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert "(residual)" in result.stdout and "Trainable params: 78,378 " in result.stdout
    assert re.search(r"^accuracy [\d.]+ % on 1000 test images$", result.stdout, flags=re.M)
    assert show("residual, from C")["hyperparameters"]["model"] == "custom"
    result = subprocess.run([program, "/nowhere"], capture_output=True, text=True)
    assert result.returncode == 1 and "CIFAR_E_NOT_FOUND" in result.stderr


# On the command line ------------------------------------------------------------------------------


def test_training_a_named_model_and_a_file(workplace):
    train("--epochs", 1, "--steps-per-epoch", 1, "--name", "gap", "--model", "tutorial-gap")
    assert show("gap")["hyperparameters"]["model"] == "tutorial-gap"
    page = run("cifar-runs", "show", "gap").stdout_text
    assert re.search(r"^ +model +tutorial-gap$", page, flags=re.M)
    (workplace / "own.json").write_text(json.dumps(LAYERS, indent=2))
    train("--epochs", 1, "--steps-per-epoch", 1, "--name", "own", "--model", "own.json")
    detail = show("own")
    assert detail["hyperparameters"]["model"] == "custom"
    assert [layer["type"] for layer in detail["model"]["layers"]] == [
        layer["type"] for layer in LAYERS
    ]
    listed = run("cifar-runs", "list", "--columns", "name,model").stdout_text
    assert re.search(r"^own +custom$", listed, flags=re.M)

    of_file = run("cifar", "summary", "own.json").stdout_text
    (workplace / "norm.json").write_text('[{"type": "batch_norm"}]')
    for recipe, values in [("pytorch", "0.1, epsilon 1e-05"), ("keras", "0.01, epsilon 0.001")]:
        text = run("cifar", "summary", "norm.json", "--recipe", recipe).stdout_text
        assert f"momentum {values}, unbiased " in text
    assert run("cifar", "summary", "own").stdout_text == of_file
    run("cifar", "export", "own", "--checkpoint", "last", "-o", "own.safetensors")
    assert run("cifar", "summary", "own.safetensors").stdout_text == of_file
    assert run("cifar", "evaluate", "own.safetensors").stdout_text.startswith("loss")


def test_the_summary_command(workplace):
    plain = run("cifar", "summary").stdout_text
    assert plain == cifar.ModelSpec.preset("tutorial").summary()
    value = json.loads(run("cifar", "summary", "tutorial-resnet", "--json").stdout_text)
    spec = cifar.ModelSpec.preset("tutorial-resnet")
    assert value["trainable"] == spec.parameters and value["flops"] == spec.flops
    assert len(value["layers"]) == len(spec) and value["input_shape"] == [3, 32, 32]
    row = next(layer for layer in value["layers"] if layer["name"] == "7.shortcut.0")
    assert row["options"] == {"kernel_size": 1, "stride": 2, "padding": "valid"}
    assert row["type"] == "conv2d" and row["depth"] == 1 and row["output_shape"] == [64, 16, 16]
    text = run("cifar", "summary", "tutorial", "--classes", 100, "--recipe", "keras").stdout_text
    assert "(None, 100)" in text
    assert "cifar summary my-model.json" in run("cifar", "summary", "--help").stdout_text


def test_the_plan_of_a_model(workplace):
    text = run("cifar", "summary", "--plan", "--threads", 1).stdout_text
    assert text.startswith("Plan for training: batches of 64, float32, 1 thread, ")
    fused = "[4 batch_norm + 5 relu + 6 max_pool + 7 dropout] → 8 conv2d → moments of 9 batch_norm"
    row = next(line for line in text.splitlines() if line.startswith(fused))
    assert "(None, 64, 16, 16)" in row and "4.00 MiB" in row
    arguments = ["tutorial-resnet", "--plan", "--inference", "--batch-size", 1, "--json"]
    value = json.loads(run("cifar", "summary", *arguments).stdout_text)
    assert value["mode"] == "inference" and value["gradient_bytes"] == []
    parts = ["activation_bytes", "saved_bytes", "scratch_bytes"]
    assert value["total_bytes"] == sum(value[part] for part in parts)
    fork = next(row for row in value["operators"] if row["layers"] == "fork of 3 residual")
    assert fork["depth"] == 0 and fork["bytes"] == 0
    assert "goes with --plan" in run("cifar", "summary", "--batch-size", 8, expect=2).stderr_text


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["train", *SMALL, "--model", "resnet"], 2, "none of tutorial, tutorial-gap"),
        (["train", *SMALL, "--model", "missing.json"], 1, "can't open 'missing.json'"),
        (["train", *SMALL, "--model", "."], 2, "--model '.' is none of"),
        (["train", *SMALL, "--model", "bad.json"], 1, "'bad.json': "),
        (["train", *SMALL, "--model", "wrong.json"], 1, "'wrong.json': layer 0 (dense)"),
        (["train", *SMALL, "--model", "seven.json"], 1, "7 classes"),
        (["train", *SMALL, "--model", "part.json"], 1, "the last layer (relu)"),
        (["summary", "nothing"], 1, "'nothing' is none of tutorial, tutorial-gap"),
        (["summary", "missing.json"], 1, "missing.json"),
        (["summary", "missing.safetensors"], 1, "missing.safetensors"),
        (["summary", "bad.safetensors"], 1, "'bad.safetensors': "),
        (["summary", "wrong.json"], 1, "layer 0 (dense)"),
        (["summary", "tutorial", "--classes", 1], 2, "--classes"),
        (["summary", "tutorial", "--recipe", "jax"], 2, "pytorch"),
        (["summary", "a", "b"], 2, "b"),
    ],
)
def test_wrong_models_on_the_command_line(workplace, arguments, code, words):
    files = {
        "bad.json": "[{", "bad.safetensors": "no tensors", "part.json": '[{"type": "relu"}]',
        "wrong.json": '[{"type": "dense", "units": 3}]',
        "seven.json": '[{"type": "flatten"}, {"type": "dense", "units": 7}]',
    }
    for name, text in files.items():
        (workplace / name).write_text(text)
    result = run("cifar", *arguments, expect=code)
    assert words in result.stderr_text and len(result.stderr_text.splitlines()) == 1
    assert not result.stdout_text and not (workplace / "runs.db").exists()


def test_nesting_without_end_is_refused():
    def nested(depth):
        head = '{"type": "residual", "layers": ['
        return '{"layers": [' + head * depth + '{"type": "relu"}' + "]}" * depth + "]}"

    assert len(cifar.ModelSpec.from_json(nested(16))) == 17
    messages = []

    def read():
        for depth in [17, 200, 100_000]:
            with pytest.raises(cifar.CifarError) as info:
                cifar.ModelSpec.from_json(nested(depth))
            messages.append(str(info.value))

    # The stack of a thread is small.
    old = threading.stack_size(512 * 1024)
    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    threading.stack_size(old)
    assert "more than 16" in messages[0] and len(messages) == 3
    assert messages[1] == messages[2] == (
        "the model's spec is nested more than 48 deep")


def test_hyperparameters_nested_without_end_are_refused(shapes):
    value = []
    for _ in range(300):
        value = [value]
    with pytest.raises(cifar.CifarError, match="hyperparameters: .* more than 48 deep"):
        cifar.fit(*shapes, epochs=1, record=False, augment=value)


# Precision ----------------------------------------------------------------------------------------


def test_mixed_precision(shapes, tmp_path):
    runs = [
        cifar.fit(
            *shapes, model=small(), epochs=2, seed=3, precision=precision, name=precision,
            registry=tmp_path / "runs.db",
        )
        for precision in ["float32", "mixed_bfloat16"]
    ]
    exact, mixed = runs
    assert exact.hyperparameters["precision"] == "float32"
    assert mixed.hyperparameters["precision"] == "mixed_bfloat16"
    # Rounded, and therefore not the same; but near.
    for one, other in zip(exact.epochs, mixed.epochs):
        assert one.train_loss != other.train_loss
        assert abs(one.train_loss - other.train_loss) < 0.05 * one.train_loss
    rows = cifar.Registry(tmp_path / "runs.db").runs(filter="precision = mixed_bfloat16")
    assert [row["name"] for row in rows] == ["mixed_bfloat16"]
    with pytest.raises(cifar.CifarError, match="precision"):
        cifar.fit(*shapes, precision="float16", record=False)


# Test-time augmentation ---------------------------------------------------------------------------


def test_augmented_evaluation_is_given_beside_the_plain_one():
    train, test = cifar.load("shapes", limit_train=64, limit_test=32)
    model = cifar.fit(train, test, epochs=1, verbose=0, record=False).model
    plain = model.evaluate(test)
    none = model.evaluate_augmented(test, tta="none")
    assert none.accuracy == plain.accuracy and none.loss == pytest.approx(plain.loss, abs=1e-6)
    images = np.asarray(test.images)
    mirrored = model.evaluate_augmented(images, test.labels, tta="mirror")
    again = model.evaluate_augmented((images[:, :, ::-1], test.labels), tta="mirror")
    assert mirrored.tta == "mirror" and mirrored.count == 32
    assert mirrored.loss == pytest.approx(again.loss, abs=1e-6)
    with pytest.raises(cifar.CifarError, match="use none, mirror, mirror_translate"):
        model.evaluate_augmented(test, tta="flip")
