"""Who owns what in the Python package: copies, pickles, events that are kept, what failed."""

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import threading
import time

import cifar
import numpy as np
import pytest
from cifar import _abi, _library
from cifar._handle import Handle

SPEC = cifar.ModelSpec().flatten().dense(10)


@pytest.fixture(scope="module")
def small():
    return cifar.load("shapes", limit_train=64, limit_test=32)


@pytest.fixture(scope="module")
def model(small):
    return cifar.fit(*small, model=SPEC, epochs=1, record=False).model


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def handles() -> int:
    gc.collect()
    return sum(isinstance(item, Handle) for item in gc.get_objects())


# Copies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_closed_by_itself(small, model, copied):
    for thing, use in [
        (model, lambda thing: thing.predict(small.test.images)),
        (cifar.Dataset.open("shapes", limit=20), lambda thing: thing.images.sum()),
    ]:
        with copied(thing) as other:
            use(other)
        with pytest.raises(ValueError, match="is closed"):
            use(other)
        with pytest.raises(ValueError, match="is closed"):
            copied(other)
        use(thing)
    assert copied(model).class_names == model.class_names
    assert (copied(model).class_names is model.class_names) == (copied is copy.copy)


def test_nothing_works_after_close(model):
    closed = copy.copy(model)
    closed.close()
    dataset = cifar.Dataset.open("shapes", limit=20)
    loop = iter(dataset)
    next(loop)
    dataset.close()
    for use in [
        lambda: closed.spec, lambda: closed.summary(), lambda: closed._repr_html_(),
        lambda: pickle.dumps(closed), lambda: pickle.dumps(dataset), lambda: next(loop),
        lambda: dataset[0], lambda: dataset.labels,
    ]:
        with pytest.raises(ValueError, match="is closed"):
            use()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_data_set_has_its_images(copied):
    dataset = cifar.Dataset.open("shapes", limit=20)
    images = dataset.images
    other = copied(dataset)
    del dataset
    gc.collect()
    assert (other.images == images).all() and len(other) == 20


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda spec: pickle.loads(pickle.dumps(spec))])
def test_a_copy_of_a_spec_is_a_spec_of_its_own(copied):
    spec = cifar.ModelSpec().conv2d(8).relu()
    other = copied(spec)
    assert other == spec and type(other) is cifar.ModelSpec
    other.flatten().dense(3)
    assert len(spec) == 2 and len(other) == 4
    del spec
    gc.collect()
    assert other.classes == 3


def again(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, again])
def test_a_copy_of_a_model_says_the_same(small, model, copied):
    other = copied(model)
    assert other is not model
    assert (other.predict(small.test.images) == model.predict(small.test.images)).all()
    assert other.hyperparameters == model.hyperparameters
    assert (other.epoch, other.class_names) == (model.epoch, model.class_names)


def predicted(model, dataset):
    return model.predict(dataset)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_model_and_images_go_to_other_processes(small, model, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        results = pool.starmap(predicted, [(model, small.test), (model, small.test[:5])])
    expected = model.predict(small.test)
    assert (results[0] == expected).all() and (results[1] == expected[:5]).all()


def test_a_pickled_model_is_its_checkpoint(small, model, workplace):
    model.save("m.safetensors")
    again(model).save("again.safetensors")
    assert (workplace / "m.safetensors").read_bytes() == (
        (workplace / "again.safetensors").read_bytes())
    with pytest.raises(cifar.errors.BadDataError):
        cifar.Model._from_bytes(b"no checkpoint")
    with pytest.raises(cifar.CifarError):
        cifar.Model._from_bytes(b"")


def test_a_model_as_onnx_goes_to_a_file_too(model, workplace):
    assert model.to_onnx("m.onnx") == (workplace / "m.onnx").read_bytes() == model.to_onnx()


def test_a_registry_is_not_copied(workplace):
    cifar.fit(*cifar.load("shapes", 64, 32), model=SPEC, epochs=1)
    for copied in [copy.copy, copy.deepcopy, again]:
        with pytest.raises(TypeError, match="Registry can't be copied or pickled.*Registry.path"):
            copied(cifar.Registry())


def test_a_pickled_data_set_has_its_images(small, tmp_path):
    for dataset in [small.test, small.train[3:9]]:
        other = again(dataset)
        assert (other.images == dataset.images).all() and (other.labels == dataset.labels).all()
        assert (other.class_names, other.split, other.location) == (
            dataset.class_names, dataset.split, dataset.location)


def test_what_is_closed_says_so(small, model, workplace):
    run = cifar.fit(*small, model=SPEC, epochs=1)
    with cifar.Registry() as registry:
        assert registry.run(run.id)["id"] == run.id
    with pytest.raises(ValueError, match="the Registry is closed"):
        registry.runs()
    with again(model) as other:
        other.predict(small.test.images)
    other.close()
    with pytest.raises(ValueError, match="the Model is closed"):
        other.predict(small.test.images)
    with small.test[:5] as few:
        images = few.images
    before = images.copy()
    for use in [lambda: few.images, lambda: model.evaluate(few), lambda: cifar.fit(few, few)]:
        with pytest.raises(ValueError, match="the Dataset is closed"):
            use()
    gc.collect()
    cifar.Dataset.open("shapes", "test", limit=20)
    assert (images == before).all()


def test_64_threads_ask_one_model(small, model):
    images = np.concatenate([small.train.images, small.test.images])
    expected = [model.predict(images[place : place + 3]) for place in range(64)]
    evaluation = model.evaluate(small.test)
    wrong, start = [], threading.Barrier(64)

    def ask(place):
        start.wait()
        for _ in range(20):
            if not (model.predict(images[place : place + 3]) == expected[place]).all():
                wrong.append(place)
            if place % 8 == 0 and model.evaluate(small.test) != evaluation:
                wrong.append(place)

    asking = [threading.Thread(target=ask, args=(place,)) for place in range(64)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert wrong == []


# Exceptions ---------------------------------------------------------------------------------------


def test_every_status_has_its_exception():
    statuses = {
        name for name in vars(_abi) if name.startswith("CIFAR_E_")}
    assert set(cifar.errors.CLASSES) == statuses
    assert len(set(cifar.errors.CLASSES.values())) == len(statuses)
    for status, kind in cifar.errors.CLASSES.items():
        error = again(kind(status, "it broke"))
        assert type(error) is kind and isinstance(error, cifar.CifarError)
        assert (str(error), error.status, error.args) == ("it broke", status, ("it broke",))
        # Python's own kind besides.
        assert len(kind.__bases__) == 2 and kind.__bases__[1].__module__ == "builtins"


def test_an_exception_is_pythons_own_kind_too(small, workplace):
    for make, kind in [
        (lambda: cifar.load("/nowhere"), FileNotFoundError),
        (lambda: cifar.Registry("nothing.db").runs(), FileNotFoundError),
        (lambda: cifar.ModelSpec().dense(10), ValueError),
        (lambda: cifar.fit(*small, epochs=1, optimizer="lion"), ValueError),
        (lambda: cifar.Dataset.from_arrays(small.test.images, [99, -1] * 16), ValueError),
        (lambda: cifar.fit(*small, epochs=2, recipe="keras", learning_rate=1e30),
         ArithmeticError),
    ]:
        with pytest.raises(kind) as info:
            make()
        assert isinstance(info.value, cifar.CifarError)
        assert type(info.value) is cifar.errors.CLASSES[info.value.status]


def fail(_):
    cifar.Dataset.open("/nowhere")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_errors_come_out_of_other_processes(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        with pytest.raises(cifar.CifarError, match="/nowhere") as info:
            pool.apply_async(fail, (1,)).get(timeout=60)
    assert info.value.status == "CIFAR_E_NOT_FOUND"


def test_an_error_is_the_same_after_a_pickle():
    error = cifar.CifarError("CIFAR_E_IO", "it broke")
    error.hint = "mend it"
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), other.status, other.hint) == ("it broke", "CIFAR_E_IO", "mend it")
    assert copy.copy(error).status == "CIFAR_E_IO"


# Constructors -------------------------------------------------------------------------------------


def test_constructors_say_what_makes_an_object():
    for make in [cifar.Dataset, cifar.Model]:
        for arguments in [("shapes",), (), (5,), (None,), (b"path", 3)]:
            with pytest.raises(TypeError, match=r"\.open\("):
                make(*arguments)


# Events that are kept -----------------------------------------------------------------------------


def test_an_epoch_that_was_kept_says_that_it_is_too_late(small, workplace):
    kept, late = [], []

    def keep(epoch):
        kept.append(epoch)
        epoch.log(f1=epoch.epoch / 10)
        if len(kept) == 2:
            with pytest.raises(RuntimeError, match="is late: after epoch 1, epoch 2") as info:
                kept[0].log(f1=9)
            late.append(info)

    cifar.fit(*small, model=SPEC, epochs=2, name="kept", callbacks=[keep])
    assert late
    with pytest.raises(RuntimeError, match="the training of epoch 2 is over"):
        kept[1].log(f1=9)
    with pytest.raises(RuntimeError, match="in callbacks only"):
        copy.copy(kept[1]).log(f1=9)
    metrics = cifar.Registry().run("kept")["metrics"]
    assert [(m["epoch"], m["value"]) for m in metrics] == [(1, 0.1), (2, 0.2)]
    assert pickle.loads(pickle.dumps(kept[0])) == kept[0]
    assert cifar.fit(*small, model=SPEC, epochs=1, record=False).epochs[0]._recorder is None


def test_another_thread_cannot_log(small, workplace):
    errors = []

    def log(epoch):
        def elsewhere():
            try:
                epoch.log(f1=1)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    cifar.fit(*small, model=SPEC, epochs=1, callbacks=[log])
    assert "on the thread that called fit" in str(errors[0])


def test_many_metrics_are_one_transaction(small, workplace):
    errors = []

    def log(epoch):
        epoch.log(**{f"m{index}": np.float32(index) for index in range(100)})
        epoch.log()
        for bad in [{"good": 1.0, "no name!": 2.0}, {"good": 1.0, "text": "x"}]:
            try:
                epoch.log(**bad)
            except (cifar.CifarError, TypeError) as error:
                errors.append(str(error))

    cifar.fit(*small, model=SPEC, epochs=1, name="many", callbacks=[log])
    metrics = cifar.Registry().run("many")["metrics"]
    assert {m["name"]: m["value"] for m in metrics} == {f"m{i}": i for i in range(100)}
    assert "no name!" in errors[0] and "text is a str, not a number" in errors[1]


# What C made when an exception came ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["cifar_trainer_create", "cifar_trainer_resume"])
def test_ctrl_c_while_a_trainer_is_made_ends_its_run(small, workplace, monkeypatch, name):
    cifar.fit(*small, model=SPEC, epochs=1, name="a")
    before = handles(), threads()
    real = getattr(_library.library, name)

    def pressed(*arguments):
        status = real(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return status

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt) as kept:
        patched.setattr(_library.library, name, pressed)
        if name == "cifar_trainer_create":
            cifar.fit(*small, model=SPEC, epochs=2, name="b")
        else:
            cifar.resume("a", epochs=2)
    # Although the traceback is kept.
    assert kept.value.__traceback__ is not None
    assert (handles(), threads()) == before
    statuses = {row["name"]: row["status"] for row in cifar.Registry().runs()}
    assert "running" not in statuses.values()
    assert statuses["b" if name == "cifar_trainer_create" else "a"] == "interrupted"
    run = cifar.resume("a", epochs=2)
    assert run.status == "completed"


def test_ctrl_c_while_models_are_opened_leaks_none(small, workplace, model):
    model.save("model.safetensors")
    before = handles()

    def press(delay):
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGINT)

    came = 0
    for index in range(30):
        thread = threading.Thread(target=press, args=(index * 0.0002,))
        try:
            thread.start()
            for _ in range(50):
                cifar.Model.open("model.safetensors", threads=1)
            thread.join()
            time.sleep(0.01)
        except KeyboardInterrupt:
            came += 1
        thread.join()
    assert came == 30 and handles() == before


@pytest.mark.parametrize(
    "options",
    [
        {"callbacks": 3},
        {"callbacks": print},
        {"callbacks": [cifar.Callback]},
        {"callbacks": [3]},
        {"on_batch": 3},
        {"tags": 3},
        {"name": 3},
        {"epochs": "x"},
        {"record": "no"},
        {"model": 3},
        {"early_stopping": 3},
        {"weight_decay": object()},
    ],
)
def test_a_fit_that_is_refused_leaves_nothing(small, workplace, options):
    before = handles(), threads()
    with pytest.raises((TypeError, cifar.CifarError)) as info:
        cifar.fit(*small, **{"epochs": 1, "model": SPEC, **options})
    assert "\n" not in str(info.value)
    assert (handles(), threads()) == before
    assert not (workplace / "runs.db").exists()


def test_no_callbacks_may_be_said_as_none(small):
    run = cifar.fit(*small, epochs=1, model=SPEC, record=False, callbacks=None)
    assert run.status == "completed"


def test_a_training_that_failed_is_freed_although_its_exception_is_kept(small):
    before = handles(), threads()

    def fail(_):
        raise LookupError("mine")

    with pytest.raises(LookupError) as kept:
        cifar.fit(*small, model=SPEC, epochs=1, record=False, callbacks=[fail])
    assert kept.value.__traceback__ is not None
    assert (handles(), threads()) == before


def test_probabilities_fit_although_the_names_were_changed(small):
    model = cifar.fit(*small, model=SPEC, epochs=1, record=False).model
    model.class_names.clear()
    assert model.predict(small.test.images).shape == (32, 10)
    assert np.array(model.evaluate(small.test).confusion).shape == (10, 10)
