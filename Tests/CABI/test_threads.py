"""Objects used by several threads at once, and trainers that are freed, forked and run twice."""

import ctypes
import os
import subprocess
import threading
import time
from ctypes import byref, c_void_p, sizeof
from pathlib import Path

import cifar
import numpy as np
import pytest
from cifar import _abi as abi
from cifar._library import library
from conftest import compile_c, trainer_callbacks
from test_calls import dataset, in_child, trainer  # noqa: F401 (fixtures)

INVALID_STATE = 70
INTERRUPTED = 80


def test_what_a_hosts_thread_is_like_does_not_matter(tmp_path):
    """64 KiB of stack, another rounding mode, unmasked exceptions, flush to zero."""
    program = tmp_path / "host_thread"
    source = Path(__file__).with_name("host_thread.c")
    compile_c(source, program, "-O1", "-std=gnu11", "-pthread")
    process = subprocess.run([program], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (process.returncode, process.stderr) == (0, "")


def in_threads(count, body):
    """Runs body(number) in `count` threads; the first exception is raised here."""
    errors = []

    def run(number):
        try:
            body(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]


def test_one_model_answers_many_threads(workplace):
    train, test = cifar.load("shapes", 128, 200)
    model = cifar.fit(train, test, epochs=1, threads=2, record=False).model
    images, right, evaluation = test.images, model.predict(test.images), str(model.evaluate(test))

    def ask(number):
        for first in range(number, 190, 16):
            assert np.array_equal(model.predict(images[first : first + 7]), right[first : first + 7])
        assert str(model.evaluate(test)) == evaluation
        assert "conv2d" in model.summary()

    in_threads(4, ask)


def test_one_spec_grows_in_many_threads():
    spec = c_void_p()
    assert library.cifar_model_spec_create(byref(spec)) == 0
    texts = []

    def add(_number):
        for _ in range(100):
            assert library.cifar_model_spec_relu(spec) == 0
            text = ctypes.c_char_p()
            assert library.cifar_model_spec_get_json(spec, byref(text)) == 0
            texts.append((text, text.value))

    in_threads(4, add)
    # What was handed out is as it was.
    assert all(text.value == copy for text, copy in texts)
    info = abi.ModelSpecInfo()
    assert library.cifar_model_spec_get_info(spec, byref(info), sizeof(info)) == 0
    assert info.layers == 400
    library.cifar_model_spec_free(spec)


def test_specs_put_into_each_other_crosswise():
    one, two = c_void_p(), c_void_p()
    for spec in one, two:
        assert library.cifar_model_spec_create(byref(spec)) == 0
        assert library.cifar_model_spec_relu(spec) == 0

    def nest(number):
        here, there = (one, two) if number % 2 else (two, one)
        for _ in range(8):
            # Too deep or too many layers, sooner or later: an error, no deadlock.
            library.cifar_model_spec_residual(here, there, there)
            library.cifar_model_spec_residual(here, here, here)
            library.cifar_model_spec_relu(there)

    in_threads(4, nest)
    library.cifar_model_spec_free(one)
    library.cifar_model_spec_free(two)


def running(trainer, on_batch):
    """Starts cifar_trainer_run on a thread; returns it, its status list and what to keep alive."""
    callbacks = trainer_callbacks(on_batch_end=on_batch)
    assert library.cifar_trainer_set_callbacks(trainer, byref(callbacks)) == 0
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(library.cifar_trainer_run(trainer)))
    return thread, statuses, callbacks


def test_another_thread_is_refused_while_it_trains(trainer):  # noqa: F811
    began, may_go = threading.Event(), threading.Event()

    def on_batch(_info, _user):
        began.set()
        may_go.wait(60)
        return 0

    thread, statuses, _callback = running(trainer, on_batch)
    thread.start()
    assert began.wait(60)
    info, model = abi.TrainerInfo(), c_void_p()
    for status in (
        library.cifar_trainer_run(trainer),
        library.cifar_trainer_get_info(trainer, byref(info), sizeof(info)),
        library.cifar_model_from_trainer(trainer, byref(model)),
        library.cifar_trainer_set_learning_rate(trainer, 0.1),
        library.cifar_trainer_record_metric(trainer, b"x", 1.0),
        library.cifar_trainer_set_callbacks(trainer, None),
    ):
        assert status == INVALID_STATE and b"training" in library.cifar_last_error()
    may_go.set()
    thread.join(60)
    assert statuses == [0]


def test_free_from_another_thread_waits_for_the_training(dataset, workplace):  # noqa: F811
    handle = make(dataset)
    began, calls = threading.Event(), []

    def on_batch(_info, _user):
        began.set()
        time.sleep(0.05)
        calls.append(None)
        return 0

    thread, statuses, _callback = running(handle, on_batch)
    thread.start()
    assert began.wait(60)
    library.cifar_trainer_free(handle)
    after_free = len(calls)
    thread.join(60)
    assert statuses == [INTERRUPTED] and len(calls) == after_free
    assert cifar.Registry().runs()[0]["status"] == "interrupted"


def test_free_from_a_callback_ends_the_training(dataset, workplace):  # noqa: F811
    handle = make(dataset)
    calls = []

    def on_batch(_info, _user):
        calls.append(None)
        library.cifar_trainer_free(handle)
        return 0

    thread, statuses, _callback = running(handle, on_batch)
    thread.start()
    thread.join(60)
    assert statuses == [INTERRUPTED] and len(calls) == 1
    assert cifar.Registry().runs()[0]["status"] == "interrupted"


def make(dataset):  # noqa: F811
    options = abi.TrainOptions()
    library.cifar_train_options_init(byref(options), sizeof(options))
    options.epochs, options.batch_size = 1, 4
    handle = c_void_p()
    assert library.cifar_trainer_create(dataset, dataset, byref(options), byref(handle)) == 0
    return handle


def test_free_in_a_forked_child_leaves_the_parents(trainer):  # noqa: F811
    assert in_child(lambda: library.cifar_trainer_free(trainer)) == "None"
    assert library.cifar_trainer_run(trainer) == 0


def test_fork_in_a_callback(trainer):  # noqa: F811
    children, parent = [], os.getpid()

    def on_batch(_info, _user):
        if not children:
            children.append(os.fork())
        return 0

    callbacks = trainer_callbacks(on_batch_end=on_batch)
    assert library.cifar_trainer_set_callbacks(trainer, byref(callbacks)) == 0
    status = library.cifar_trainer_run(trainer)
    if os.getpid() != parent:
        error = library.cifar_last_error()
        library.cifar_trainer_free(trainer)
        os._exit(0 if status == INVALID_STATE and b"forked" in error else 1)
    timer = threading.Timer(60, os.kill, (children[0], 9))
    timer.start()
    assert os.waitpid(children[0], 0)[1] == 0
    timer.cancel()
    assert status == 0
    assert cifar.Registry().runs()[0]["status"] == "completed"


def test_the_log_callback_is_left_when_set_log_returns(trainer, monkeypatch):  # noqa: F811
    """A line that is under way; and one whose callback takes its own leave."""
    lines = []

    def leave(_level, line, _user):
        lines.append(line)
        assert library.cifar_set_log(abi.LogCallback(), None) == 0

    callback = abi.LogCallback(leave)
    assert library.cifar_set_log(callback, None) == 0
    assert library.cifar_set_log(abi.LogCallback(), None) == 0
    assert lines == []


# ---- The small print ----------------------------------------------------------------------------

STRUCTS = {
    "cifar_train_options_init": abi.TrainOptions,
    "cifar_resume_options_init": abi.ResumeOptions,
    "cifar_rerun_options_init": abi.RerunOptions,
    "cifar_run_query_init": abi.RunQuery,
}


@pytest.mark.parametrize("name", STRUCTS)
def test_a_size_that_ends_inside_a_field_is_refused(name):
    struct = STRUCTS[name]
    fields = [getattr(struct, field) for field, _ in struct._fields_]
    buffer = ctypes.create_string_buffer(4096)
    init = ctypes.CFUNCTYPE(ctypes.c_uint32, c_void_p, ctypes.c_size_t)((name, library))
    for size in range(8, sizeof(struct) + 9):
        is_inside = any(f.offset < size < f.offset + f.size for f in fields)
        assert (init(ctypes.addressof(buffer), size) == 0) == (not is_inside), size


def test_infos_of_a_size_that_ends_inside_a_field_are_refused(trainer, dataset):  # noqa: F811
    spec = c_void_p()
    library.cifar_model_spec_create(byref(spec))
    for name, struct, handle in (
        ("cifar_trainer_get_info", abi.TrainerInfo, trainer),
        ("cifar_dataset_get_info", abi.DatasetInfo, dataset),
        ("cifar_model_spec_get_info", abi.ModelSpecInfo, spec),
    ):
        fields = [getattr(struct, field) for field, _ in struct._fields_]
        for size in range(8, sizeof(struct) + 9):
            info = ctypes.create_string_buffer(b"\xa5" * 4096, 4096)
            get = ctypes.CFUNCTYPE(ctypes.c_uint32, c_void_p, c_void_p, ctypes.c_size_t)(
                (name, library)
            )
            status = get(handle, ctypes.addressof(info), size)
            is_inside = any(f.offset < size < f.offset + f.size for f in fields)
            assert (status == 0) == (not is_inside), (name, size)
            untouched = 0 if is_inside else size
            assert info.raw[untouched:] == b"\xa5" * (4096 - untouched)
    library.cifar_model_spec_free(spec)


@pytest.mark.parametrize("nasty", ["\n", "\r", "\x1b[31m", "\x7f", "\x9b", "\u202e", "\u2028"])
def test_an_error_is_one_line_without_control_characters(nasty):
    library.cifar_dataset_open(f"/no{nasty}where".encode(), 0, 0, byref(c_void_p()))
    message = library.cifar_last_error().decode()
    assert nasty[0] not in message and "\\" in message and "where" in message


def test_an_error_has_at_most_4095_bytes():
    for text in "é" * 2040, "\x1b" * 4000:
        library.cifar_dataset_open(f"/{text}".encode(), 0, 0, byref(c_void_p()))
        assert len(library.cifar_last_error()) <= 4095
        library.cifar_last_error().decode()


def test_a_megabyte_where_a_name_should_be_takes_no_time(trainer):  # noqa: F811
    big = b"x" * (1 << 20)
    registry, out = c_void_p(), c_void_p()
    assert library.cifar_registry_open(None, byref(registry)) == 0
    query = abi.RunQuery()
    library.cifar_run_query_init(byref(query), sizeof(query))
    query.sort = big
    filters = abi.RunQuery()
    library.cifar_run_query_init(byref(filters), sizeof(filters))
    filters.filter = big
    began = time.process_time()
    for status in (
        library.cifar_registry_query(registry, byref(query), byref(out)),
        library.cifar_registry_query(registry, byref(filters), byref(out)),
        library.cifar_registry_find(registry, big, byref(out)),
        library.cifar_registry_tag(registry, b"x", big),
        library.cifar_registry_rename(registry, b"x", big),
        library.cifar_trainer_record_metric(trainer, big, 1.0),
        library.cifar_model_spec_preset(big, None, 10, byref(out)),
        library.cifar_model_open(big, 1, byref(out)),
    ):
        assert status == 10 and b"is longer than" in library.cifar_last_error()
    assert time.process_time() - began < 0.5
    library.cifar_registry_free(registry)


def test_a_failed_create_leaves_no_registry(dataset, workplace):  # noqa: F811
    for field, value in (("name", b"a\nb"), ("tags", b"x" * 300), ("name", b"y" * 300)):
        options = abi.TrainOptions()
        library.cifar_train_options_init(byref(options), sizeof(options))
        setattr(options, field, value)
        assert library.cifar_trainer_create(dataset, dataset, byref(options), byref(c_void_p())) == 10
        assert os.listdir(workplace) == []
