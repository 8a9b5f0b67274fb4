"""The layers of the record recipes in other programs: what has no bias or no scale there, pools of
other sizes, a factor."""

import runpy

import cifar
import numpy as np
import onnxruntime
import pytest
import torch

SPEC = (
    cifar.ModelSpec()
    .conv2d(24, 2, padding="valid", initializer="whitening").gelu()
    .conv2d(32, bias=False, initializer="dirac").max_pool().batch_norm(scale=False).gelu()
    .conv2d(18, 2, bias=False).batch_norm().relu().max_pool(3)
    .residual(lambda block: block.conv2d(18, bias=False).batch_norm(scale=False).gelu())
)
MODELS = {
    "flat": SPEC.copy().flatten().batch_norm(scale=False).scale(0.3).dense(10, bias=False),
    "global": SPEC.copy().scale(2).global_max_pool().dense(12).relu().dense(10),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    train, test = cifar.load("shapes", limit_train=96, limit_test=32)
    return cifar.fit(
        train, test, model=MODELS[request.param], epochs=1, batch_size=32, record=False).model


def test_pytorch(model, images, record_property):
    model.export("net.py", "pytorch")
    names = runpy.run_path("net.py")
    with torch.no_grad():
        logits = names["load"]()(names["normalize"](torch.from_numpy(images)))
    check(logits.softmax(1).numpy(), model, images, record_property)


def test_keras(model, images, record_property):
    model.export("net.py", "keras")
    names = runpy.run_path("net.py")
    inputs = names["normalize"](images.transpose(0, 2, 3, 1))
    check(names["load"]().predict(inputs, verbose=0), model, images, record_property)


@pytest.mark.parametrize("keep", [False, True])
def test_onnx(model, images, keep, record_property):
    session = onnxruntime.InferenceSession(model.to_onnx(keep_batch_norm=keep))
    check(session.run(None, {"images": images})[0], model, images, record_property)


def check(probabilities, model, images, record_property):
    error = float(np.abs(probabilities - model.predict(images)).max())
    record_property("error", error)
    assert error < 1e-5
