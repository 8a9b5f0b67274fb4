"""Callbacks that can't be called are refused before anything is made, and no argument is ignored."""

import cifar
import pytest

SPEC = cifar.ModelSpec().flatten().dense(10)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


def callback(name, function):
    return type("Mine", (cifar.Callback,), {name: function})()


@pytest.mark.parametrize("made, words", [
    (lambda: lambda: None, "callbacks[0], "), (lambda: lambda epoch, logs: None, "with (epoch), as"),
    (lambda: callback("on_epoch_end", lambda self: None), "Mine.on_epoch_end can't be called with (ep"),
    (lambda: callback("on_epoch_end", lambda self, epoch, logs: None), "called with (epoch), as it"),
    (lambda: callback("on_train_begin", lambda self, logs: None), "on_train_begin can't be called wi"),
    (lambda: callback("on_batch_end", lambda self: None), "called with (batch), as it will be"),
    (lambda: callback("on_train_batch_end", lambda self, b: None), "never be called: there is on_bat"),
    (lambda: callback("on_test_begin", lambda self: None), "there is on_validation_begin"),
    (lambda: callback("on_epoch_ends", lambda self, e: None), "there is on_epoch_end"),
    (lambda: callback("on_nothing_at_all", lambda self: None), "there are on_train_begin, on_train"),
])
def test_callbacks_that_cannot_be_called(small, workplace, made, words):
    with pytest.raises(TypeError) as info:
        cifar.fit(*small, model=SPEC, epochs=1, callbacks=[made()])
    assert words in str(info.value)
    assert not (workplace / "runs.db").exists()


def test_what_is_called_on_batch(small, workplace):
    for given, words in [
        (cifar.EarlyStopping(), "on_batch is a EarlyStopping, which is a Callback: give it in"),
        (lambda: None, "can't be called with (batch)"), (3, "neither a cifar.Callback nor a func"),
    ]:
        with pytest.raises(TypeError) as info:
            cifar.fit(*small, model=SPEC, epochs=1, on_batch=given)
        assert words in str(info.value)
    assert not (workplace / "runs.db").exists()


def test_what_can_be_called_with_less_or_more_is_taken(small, workplace):
    class Keras(cifar.Callback):
        called = 0
        on_line = "no method"

        def on_train_begin(self, logs=None):
            self.called += 1

        def on_epoch_end(self, epoch, logs=None):
            self.called += 1

    mine = Keras()
    cifar.fit(
        *small, model=SPEC, epochs=1, record=False, verbose=0,
        callbacks=[mine, lambda *any: None, print, lambda epoch, scale=2: None])
    assert mine.called == 2


@pytest.mark.parametrize("options", [
    {"name": "x"}, {"registry": "r2.db"}, {"tags": "a"}, {"tags": ["a"]}, {"group": "g"},
    {"keep_last": 5}, {"keep_every": 1}, {"busy_timeout": 3},
])
def test_nothing_that_is_recorded_goes_with_record_false(small, workplace, options):
    with pytest.raises(ValueError, match=f"{list(options)[0]} is given with record=False"):
        cifar.fit(*small, model=SPEC, epochs=1, record=False, **options)


def test_options_of_other_formats_are_refused(small, workplace):
    model = cifar.fit(*small, model=SPEC, epochs=1, record=False, verbose=0).model
    for options, words in [
        ({"path": "a.onnx", "names": "tutorial"}, "names is for the format 'weights', not for 'onnx'"),
        ({"path": "a.py", "format": "keras", "names": "sequential"}, "not for 'keras'"),
        ({"path": "a.safetensors", "keep_batch_norm": True}, "keep_batch_norm is for the format"),
    ]:
        with pytest.raises(ValueError) as info:
            model.export(**options)
        assert words in str(info.value)
    assert list(workplace.iterdir()) == []


def test_true_is_no_number(small, workplace):
    for call in [
        lambda: cifar.fit(*small, epochs=True), lambda: cifar.fit(*small, batch_size=True),
        lambda: cifar.ModelSpec().conv2d(True),
    ]:
        with pytest.raises(TypeError, match="is True, not a (whole )?number"):
            call()


@pytest.mark.parametrize("name", ["val_accuracy", "epoch", "peak_memory", "is_best"])
def test_what_an_epoch_has_itself_is_not_logged(small, workplace, name):
    for record in [True, False]:
        with pytest.raises(ValueError, match=f"'{name}' is the name of what every epoch has: log"):
            cifar.fit(
                *small, model=SPEC, epochs=1, verbose=0, record=record,
                callbacks=[lambda epoch: epoch.log(**{name: 0.99})])
    assert cifar.Registry().runs()[0]["status"] != "running"


@pytest.mark.parametrize("name", ["", "a b", "x" * 101])
def test_a_metrics_name_is_checked_without_a_registry_too(small, name):
    with pytest.raises(ValueError, match="a metric's name has 1 to 100 letters"):
        cifar.fit(
            *small, model=SPEC, epochs=1, verbose=0, record=False,
            callbacks=[lambda epoch: epoch.log(**{name: 1.0})])
