"""The C calls with what a careless program passes: an error each, and the process lives."""

import ctypes
import json
import os
import resource
import signal
import threading
from ctypes import byref, c_char_p, c_double, c_size_t, c_void_p, sizeof

import cifar
import pytest
from cifar import _abi as abi
from cifar._library import library
from conftest import trainer_callbacks

INVALID_ARGUMENT = abi.CIFAR_E_INVALID_ARGUMENT
RETURN_A_STATUS = {
    name for name, (result, arguments) in abi.FUNCTIONS.items() if result is abi.Status and arguments
}
FREES = sorted(name for name in abi.FUNCTIONS if name.endswith("_free"))


@pytest.mark.parametrize("name", sorted(RETURN_A_STATUS - {"cifar_set_log"}))
def test_null_everywhere_is_an_error(name, workplace):
    _, kinds = abi.FUNCTIONS[name]
    numbers = (ctypes.c_uint32, ctypes.c_int32, ctypes.c_int64, ctypes.c_uint64, ctypes.c_double)
    arguments = [
        0 if kind in numbers else kind() if hasattr(kind, "_flags_") else None for kind in kinds
    ]
    assert getattr(library, name)(*arguments) == INVALID_ARGUMENT
    assert b"NULL" in library.cifar_last_error()


@pytest.mark.parametrize("name", FREES)
def test_free_takes_null(name):
    getattr(library, name)(None)


def test_errors_belong_to_their_thread():
    library.cifar_dataset_open(b"/nowhere", 0, 0, byref(c_void_p()))
    here = library.cifar_last_error()
    there = []
    thread = threading.Thread(target=lambda: there.append(library.cifar_last_error()))
    thread.start()
    thread.join()
    assert b"/nowhere" in here and there == [b""]


def test_long_messages_are_whole():
    path = b"/nowhere/" + b"x" * 3000
    library.cifar_dataset_open(path, 0, 0, byref(c_void_p()))
    assert path in library.cifar_last_error()


def test_a_string_that_is_not_utf8_is_refused():
    assert library.cifar_dataset_open(b"\xff\xfe", 0, 0, byref(c_void_p())) == INVALID_ARGUMENT
    assert b"UTF-8" in library.cifar_last_error()


def test_an_unknown_split_is_refused():
    assert library.cifar_dataset_open(b"shapes", 7, 0, byref(c_void_p())) == INVALID_ARGUMENT
    assert b"split 7" in library.cifar_last_error()


@pytest.fixture
def dataset():
    handle = c_void_p()
    assert library.cifar_dataset_open(b"shapes", 0, 64, byref(handle)) == 0
    yield handle
    library.cifar_dataset_free(handle)


def test_an_older_program_gets_the_fields_it_knows(dataset):
    info = abi.DatasetInfo()
    info.classes = 77
    known = abi.DatasetInfo.classes.offset
    assert library.cifar_dataset_get_info(dataset, byref(info), known) == 0
    assert info.struct_size == known and info.count == 64 and info.classes == 77


def test_a_newer_program_gets_zeros_for_the_rest(dataset):
    class Newer(ctypes.Structure):
        _fields_ = [("old", abi.DatasetInfo), ("more", ctypes.c_uint64)]

    info = Newer()
    info.more = 99
    pointer = ctypes.cast(byref(info), ctypes.POINTER(abi.DatasetInfo))
    assert library.cifar_dataset_get_info(dataset, pointer, sizeof(info)) == 0
    assert info.old.classes == 10 and info.more == 0


def test_options_that_nobody_filled_are_refused(dataset):
    options = abi.TrainOptions()
    trainer = c_void_p()
    status = library.cifar_trainer_create(dataset, dataset, byref(options), byref(trainer))
    assert status == INVALID_ARGUMENT and b"init" in library.cifar_last_error()


def test_a_field_from_the_future_is_refused(dataset):
    class Newer(ctypes.Structure):
        _fields_ = [("old", abi.TrainOptions), ("more", ctypes.c_uint64)]

    options = Newer()
    pointer = ctypes.cast(byref(options), ctypes.POINTER(abi.TrainOptions))
    assert library.cifar_train_options_init(pointer, sizeof(options)) == 0
    options.more = 1
    trainer = c_void_p()
    status = library.cifar_trainer_create(dataset, dataset, pointer, byref(trainer))
    assert library.cifar_status_name(status) == b"CIFAR_E_UNSUPPORTED"


def test_reading_beyond_the_end_is_refused(dataset):
    for first, count in [(0, 65), (64, 1), (2**64 - 1, 2), (1, 2**64 - 1)]:
        assert library.cifar_dataset_read(dataset, first, count, None, None) == INVALID_ARGUMENT


@pytest.fixture
def trainer(dataset, workplace):
    options = abi.TrainOptions()
    library.cifar_train_options_init(byref(options), sizeof(options))
    options.epochs = 1
    options.batch_size = 16
    handle = c_void_p()
    assert library.cifar_trainer_create(dataset, dataset, byref(options), byref(handle)) == 0
    yield handle
    library.cifar_trainer_free(handle)


def test_a_trainer_runs_once_and_says_so(trainer):
    assert library.cifar_trainer_run(trainer) == 0
    status = library.cifar_trainer_run(trainer)
    assert library.cifar_status_name(status) == b"CIFAR_E_INVALID_STATE"
    assert b"resume" in library.cifar_last_error()


def test_interrupting_before_the_start_stops_at_once(trainer):
    assert library.cifar_trainer_interrupt(trainer) == 0
    status = library.cifar_trainer_run(trainer)
    assert library.cifar_status_name(status) == b"CIFAR_E_INTERRUPTED"
    info = abi.TrainerInfo()
    assert library.cifar_trainer_get_info(trainer, byref(info), sizeof(info)) == 0
    assert info.batch == 0 and b"interrupted" in info.end_reason
    (row,) = cifar.Registry().runs()
    assert row["status"] == "interrupted"


def test_a_training_trainer_refuses_everything_but_interrupt(trainer):
    statuses = []

    def on_batch(_info, _user):
        info = abi.TrainerInfo()
        statuses.append(library.cifar_trainer_run(trainer))
        statuses.append(library.cifar_trainer_get_info(trainer, byref(info), sizeof(info)))
        return 9

    callbacks = trainer_callbacks(on_batch_end=on_batch)
    assert library.cifar_trainer_set_callbacks(trainer, byref(callbacks)) == 0
    status = library.cifar_trainer_run(trainer)
    assert library.cifar_status_name(status) == b"CIFAR_E_CALLBACK"
    assert b"returned 9" in library.cifar_last_error()
    names = [library.cifar_status_name(status) for status in statuses]
    assert names == [b"CIFAR_E_INVALID_STATE"] * 2


def test_metrics_are_looked_at_before_any_is_recorded(trainer):
    names = (c_char_p * 3)(b"a", b"b", None)
    values = (c_double * 3)(1, 2, 3)
    record = library.cifar_trainer_record_metrics
    answers = {}

    def on_epoch(_info, _user):
        answers["NULL inside"] = record(trainer, names, values, 3), library.cifar_last_error()
        answers["NULL names"] = record(trainer, None, values, 3), library.cifar_last_error()
        answers["NULL values"] = record(trainer, names, None, 3), library.cifar_last_error()
        answers["-1"] = record(trainer, names, values, 2**64 - 1), library.cifar_last_error()
        answers["none"] = record(trainer, None, None, 0), b""
        answers["two"] = record(trainer, names, values, 2), b""
        return 0

    assert record(trainer, names, values, 2) == 70
    assert b"none has ended" in library.cifar_last_error()
    callbacks = trainer_callbacks(on_epoch_end=on_epoch)
    assert library.cifar_trainer_set_callbacks(trainer, byref(callbacks)) == 0
    assert library.cifar_trainer_run(trainer) == 0
    assert answers == {
        "NULL inside": (10, b"names[2] is NULL"), "NULL names": (10, b"names is NULL"),
        "NULL values": (10, b"values is NULL"), "-1": (10, b"count is out of range"),
        "none": (0, b""), "two": (0, b""),
    }
    registry = cifar.Registry()
    (row,) = registry.runs()
    metrics = registry.run(row["id"])["metrics"]
    assert [(m["name"], m["value"]) for m in metrics] == [("a", 1), ("b", 2)]


def in_child(body):
    """What `body` returns in a forked child; the child must end within a minute."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(body()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    timer = threading.Timer(60, os.kill, (child, 9))
    timer.start()
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    assert status == 0, "the child hung or died"
    return answer


def test_a_forked_child_evaluates_with_its_parents_model(workplace):
    train, test = cifar.load("shapes", 256, 256)
    run = cifar.fit(train, test, epochs=1, threads=2, record=False)
    here = str(run.model.evaluate(test))
    assert in_child(lambda: str(run.model.evaluate(test))) == here


def test_a_forked_child_trains_on_its_own(workplace):
    train, test = cifar.load("shapes", 128, 64)
    cifar.fit(train, test, epochs=1, threads=2, record=False)
    assert in_child(lambda: cifar.fit(train, test, epochs=1, threads=2).status) == "completed"


def test_a_fork_beside_threads_in_the_registry(workplace):
    """SQLite's own locks are not left locked in the child."""
    cifar.fit(*cifar.load("shapes", 64, 64), epochs=1, registry="r.db")
    over = threading.Event()

    def ask():
        while not over.is_set():
            cifar.Registry("r.db").runs()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            assert in_child(lambda: len(cifar.Registry("r.db").runs())) == "1"
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_files_that_may_not_grow(workplace):
    """SIGXFSZ, which would end the process, is held back; outside of calls it is the host's."""
    data = cifar.load("shapes", 64, 64)
    model = cifar.fit(*data, epochs=1, registry="r.db", name="plain").model

    def body():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        registry = cifar.Registry("r.db")
        words = []
        for call in [
            lambda: registry.note("plain", "a note"),
            lambda: registry.backup("copy.db"),
            lambda: model.save("model.safetensors"),
            lambda: cifar.fit(*data, epochs=1, registry="new.db"),
        ]:
            try:
                call()
            except (cifar.CifarError, OSError) as error:
                words.append(type(error).__name__ + str(error))
        return json.dumps([words, len(signal.pthread_sigmask(signal.SIG_BLOCK, []))])

    words, blocked = json.loads(in_child(body))
    assert len(words) == 4 and blocked == 0
    assert all("ulimit -f" in word or "File too large" in word for word in words), words
    assert not os.path.exists("copy.db") and not os.path.exists("model.safetensors")


def test_a_forked_child_is_told_about_its_parents_trainer(trainer):
    assert in_child(lambda: library.cifar_trainer_run(trainer)) == "70"


LONG = b"x" * (1 << 20)
# Of these calls on a registry: the text that is tried, and the other arguments.
WRITERS = {
    "cifar_registry_slim": (0, [0, None]),
    "cifar_registry_set_group run": (0, [b"group"]),
    "cifar_registry_set_group group": (1, [b"a"]),
}
ENDS = {
    "NULL": None, "empty": b"", "not UTF-8": b"\xff\xfe\x80", "1 MiB": LONG, "a control character": b"a\nb",
    "a part of a character": "grün".encode()[:3],
}


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("call", WRITERS)
def test_texts_of_any_kind_for_a_registry_that_is_there(call, kind, workplace):
    """An error that names the argument or the text, in few words, and nothing is written."""
    data = cifar.load("shapes", limit_train=32, limit_test=16)
    layers = [{"type": "flatten"}, {"type": "dense", "units": 10}]
    cifar.fit(*data, epochs=2, registry="runs.db", name="a", model=layers, verbose=0, keep_last=0)
    before = cifar.Registry("runs.db").run("a")
    registry = c_void_p()
    assert library.cifar_registry_open(b"runs.db", byref(registry)) == abi.CIFAR_OK
    try:
        place, others = WRITERS[call]
        arguments = list(others)
        arguments.insert(place, ENDS[kind])
        status = getattr(library, call.split()[0])(registry, *arguments)
        said = library.cifar_last_error()
    finally:
        library.cifar_registry_free(registry)
    after = cifar.Registry("runs.db").run("a")
    if kind == "NULL" and call != "cifar_registry_set_group run":
        # All runs, or no group.
        assert status == abi.CIFAR_OK
        assert after["group"] is None
        return
    assert status in (INVALID_ARGUMENT, abi.CIFAR_E_NOT_FOUND), said
    assert 10 < len(said) < 2000, said[:100]
    if kind in ("NULL", "not UTF-8", "a part of a character"):
        assert status == INVALID_ARGUMENT
        assert (b"run" if place == 0 else b"group") in said
        assert (b"NULL" if kind == "NULL" else b"UTF-8") in said
    assert after == before
    assert cifar.Registry("runs.db").verify() == []
