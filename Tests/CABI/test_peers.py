"""Training by several processes, here threads that copy each other's bytes, against one process."""

import functools
import json
import threading
from ctypes import byref, sizeof

import cifar
import numpy
import pytest
from cifar import _abi as abi
from cifar._library import call, new_handle
from test_registry_commands import output


class Barrier:
    """As threading's, but whom it has let through is not stopped by a later ``abort``."""

    def __init__(self, count):
        self.count, self.arrived, self.generation, self.is_broken = count, 0, 0, False
        self.changed = threading.Condition()

    def wait(self):
        with self.changed:
            if self.is_broken:
                raise threading.BrokenBarrierError
            generation = self.generation
            self.arrived += 1
            if self.arrived == self.count:
                self.arrived, self.generation = 0, generation + 1
                self.changed.notify_all()
                return
            self.changed.wait_for(lambda: self.is_broken or self.generation != generation)
            if self.generation == generation:
                raise threading.BrokenBarrierError

    def abort(self):
        with self.changed:
            self.is_broken = True
            self.changed.notify_all()


class Room:
    def __init__(self, count):
        self.count = count
        self.barrier = Barrier(count)
        self.sent = [None] * count

    def run(self, body):
        """What ``body(peers)`` returned or raised, by rank."""
        results = [None] * self.count

        def process(rank):
            try:
                results[rank] = body(Member(self, rank))
            except Exception as error:
                results[rank] = error
                self.barrier.abort()

        threads = [threading.Thread(target=process, args=(rank,)) for rank in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


class Cable(Exception):
    pass


class Member(cifar.Peers):
    def __init__(self, room, rank):
        self.room, self.rank, self.count = room, rank, room.count
        self.is_cut = False

    def exchange(self, own, copy):
        if self.is_cut:
            raise Cable("pulled")
        self.room.sent[self.rank] = own
        self.room.barrier.wait()
        copy(self.room.sent)
        self.room.barrier.wait()

    def all_to_all(self, send, receive):
        size = len(send) // self.count
        assert len(receive) == len(send) == size * self.count

        def copy(sent):
            for other, block in enumerate(sent):
                receive[other * size:(other + 1) * size] = (
                    block[self.rank * size:(self.rank + 1) * size])
        self.exchange(send, copy)

    def all_gather(self, send, receive):
        size = len(send)
        assert len(receive) == size * self.count

        def copy(sent):
            for other, block in enumerate(sent):
                receive[other * size:(other + 1) * size] = block
        self.exchange(send, copy)

    def broadcast(self, buffer, root):
        def copy(sent):
            if root != self.rank:
                buffer[:] = sent[root]
        self.exchange(buffer, copy)


@pytest.fixture(scope="module")
def images():
    return cifar.load("shapes", limit_train=70, limit_test=20)


def fit(images, peers=None, **options):
    return cifar.fit(
        *images, **{"epochs": 2, "batch_size": 32, "threads": 1, "verbose": 0, "seed": 3,
                    "registry": "runs.db", "patch": False, **options}, peers=peers)


def weights(run):
    return {name: value.tobytes() for name, value in run.model.state_dict().items()}


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_two_and_four_have_the_bits_of_one(workplace, images, precision):
    alone = fit(images, name="alone", precision=precision)
    for count in 2, 4:
        runs = Room(count).run(
            lambda peers: fit(images, peers, name=f"by {peers.count}", precision=precision))
        for rank, run in enumerate(runs):
            assert weights(run) == weights(alone)
            assert [(epoch.train_loss, epoch.val_loss) for epoch in run.epochs] == [
                (epoch.train_loss, epoch.val_loss) for epoch in alone.epochs]
            assert (run.id is None) == (rank > 0)
        session, = json.loads(
            output("show", f"by {count}", "--environment", "--json", "--registry", "runs.db"))
        peers = session["environment"]["peers"]
        assert peers["count"] == count and len(peers["hosts"]) == count
        assert peers["batch_norm"] == "global"
    assert len(cifar.Registry("runs.db").runs()) == 3


@pytest.mark.parametrize("split", [None, 0.2])
def test_the_end_is_evaluated_by_all(workplace, images, split):
    options = {"tta": "mirror_translate", "validation_split": split}
    fit(images, name="alone", **options)
    for count in 2, 3:
        Room(count).run(lambda peers: fit(images, peers, name=f"by {peers.count}", **options))
    # Three come to bits of their own.
    measured = {
        name: {row["name"]: row["value"] for row in cifar.Registry("runs.db").run(name)["metrics"]}
        for name in ("alone", "by 2", "by 3")}
    assert measured["by 2"] == measured["alone"]
    assert measured["by 3"].keys() == measured["alone"].keys() != set()


def test_a_run_goes_on_with_another_number(workplace, images):
    whole = fit(images, name="whole")

    def stopped(peers):
        def stop(batch):
            if peers.rank == 1 and (batch.epoch, batch.batch) == (2, 1):
                raise cifar.StopTraining("enough")
        return fit(images, peers, name="parts", on_batch=stop)

    for rank, run in enumerate(Room(2).run(stopped)):
        assert run.status == "stopped"
        assert ("process 1 of 2" in run.reason) == (rank != 1), run.reason
    rest = Room(4).run(
        lambda peers: cifar.resume(
            "parts", train=images[0], validation=images[1], threads=1, verbose=0,
            registry="runs.db", peers=peers))
    for run in rest:
        assert weights(run) == weights(whole)
    first, second = json.loads(
        output("show", "parts", "--environment", "--json", "--registry", "runs.db"))
    assert [s["environment"]["peers"]["count"] for s in (first, second)] == [2, 4]


@pytest.mark.parametrize("failing", [0, 1])
def test_what_a_method_raises_ends_all(workplace, images, failing):
    whole = fit(images, name="whole")

    def train(peers):
        def cut(batch):
            peers.is_cut = peers.rank == failing and batch.epoch == 2
        return fit(images, peers, name="cut", on_batch=cut)

    ends = Room(2).run(train)
    assert isinstance(ends[failing], Cable)
    assert isinstance(ends[1 - failing], threading.BrokenBarrierError)
    run, = (run for run in cifar.Registry("runs.db").runs() if run["name"] == "cut")
    assert run["status"] == "failed"
    rest = cifar.resume("cut", train=images[0], validation=images[1], verbose=0, registry="runs.db")
    assert weights(rest) == weights(whole)


def test_an_error_of_one_is_heard_by_the_others(workplace, images):
    def train(peers):
        def fail(batch):
            if peers.rank == 2:
                raise ValueError("no more")
        return fit(images, peers, on_batch=fail)

    ends = Room(3).run(train)
    assert isinstance(ends[2], ValueError)
    # For the others it has stopped.
    assert [end.status for end in ends[:2]] == ["stopped", "stopped"]


def test_other_images_are_refused(workplace, images):
    other = cifar.load("shapes", limit_train=60, limit_test=20)
    ends = Room(2).run(lambda peers: fit(other if peers.rank else images, peers))
    assert isinstance(ends[1], cifar.errors.ShapeMismatchError)
    assert isinstance(ends[0], cifar.errors.PeerError)
    assert "process 1 of 2" in str(ends[0])


def trainer(images, **options):
    struct = abi.TrainOptions()
    call("cifar_train_options_init", byref(struct), sizeof(struct))
    struct.record = 0
    for name, value in options.items():
        setattr(struct, name, value)
    handle = new_handle("trainer")
    call("cifar_trainer_create", images[0]._handle, images[1]._handle, byref(struct),
         byref(handle.pointer))
    return handle


def peers_struct(**fields):
    struct = abi.Peers()
    call("cifar_peers_init", byref(struct), sizeof(struct))
    for name, kind, *_ in abi.Peers._fields_:
        if name in ("all_to_all", "all_gather", "broadcast"):
            setattr(struct, name, kind(lambda *_: 7))
    for name, value in fields.items():
        setattr(struct, name, value)
    return struct


def test_bad_arguments(workplace, images):
    handle = trainer(images)
    refused = cifar.errors.InvalidArgumentError
    with pytest.raises(refused, match="peers is NULL"):
        call("cifar_trainer_set_peers", handle, None)
    with pytest.raises(refused, match="rank 2 is not below the count, 2"):
        call("cifar_trainer_set_peers", handle, byref(peers_struct(rank=2, count=2)))
    for count in 0, 1025:
        with pytest.raises(refused, match=f"count {count} is not in 1 to 1024"):
            call("cifar_trainer_set_peers", handle, byref(peers_struct(count=count)))
    empty = abi.Peers()
    call("cifar_peers_init", byref(empty), sizeof(empty))
    with pytest.raises(refused, match="all_to_all is NULL"):
        call("cifar_trainer_set_peers", handle, byref(empty))
    with pytest.raises(cifar.errors.PeerError, match="all_gather returned 7"):
        call("cifar_trainer_set_peers", handle, byref(peers_struct(rank=1, count=2)))
    kept = trainer(images, record=1, registry=b"other.db")
    with pytest.raises(refused, match="process 1 of 2 must keep no run"):
        call("cifar_trainer_set_peers", kept, byref(peers_struct(rank=1, count=2)))
    with pytest.raises(TypeError, match="no cifar.Peers"):
        fit(images, peers=3)
    with pytest.raises(ValueError, match="seeds and peers"):
        fit(images, peers=Member(Room(1), 0), seeds=range(2), group="g")


@pytest.mark.parametrize("options, error", [
    ({"epochs": -5}, ValueError), ({"model": "nope"}, cifar.errors.InvalidArgumentError),
    ({"validation_data": 3}, TypeError)])
@pytest.mark.parametrize("wrong", [0, 1])
def test_who_cannot_begin_says_so(workplace, images, options, error, wrong):
    def attempt(peers):
        with pytest.raises(cifar.CifarError if peers.rank != wrong else error) as raised:
            fit(images, peers, **(options if peers.rank == wrong else {}))
        return raised.value

    raised = Room(2).run(attempt)
    assert isinstance(raised[1 - wrong], cifar.errors.PeerError)
    assert str(raised[wrong]) in str(raised[1 - wrong]) and f"process {wrong}" in str(raised[1 - wrong])


@pytest.mark.parametrize("names", [(1, 0), (1, 1), (0, 0)])
def test_ranks_that_are_not_the_transports(workplace, images, names):
    def attempt(peers):
        place = peers.rank
        peers.exchange = functools.partial(exchange_at, peers, place)
        peers.rank = names[place]
        return fit(images, peers)

    for error in Room(2).run(attempt):
        assert isinstance(error, cifar.errors.PeerError), error
        assert "in the place of process" in str(error) and "rank and count" in str(error)


def exchange_at(peers, place, own, copy):
    """As a transport that knows better which process this is."""
    peers.room.sent[place] = own
    peers.room.barrier.wait()
    copy(peers.room.sent)
    peers.room.barrier.wait()


def test_leaving_from_c(workplace):
    with pytest.raises(cifar.errors.InvalidArgumentError, match="peers is NULL"):
        call("cifar_peers_leave", None, b"because")
    with pytest.raises(cifar.errors.InvalidArgumentError, match="reason is NULL"):
        call("cifar_peers_leave", byref(peers_struct(rank=1, count=2)), None)
    call("cifar_peers_leave", byref(peers_struct(rank=1, count=2)), b"because")


def test_one_process_is_a_group_too(workplace, images):
    run, = Room(1).run(lambda peers: fit(images, peers))
    assert weights(run) == weights(fit(images))
    assert isinstance(next(iter(run.model.state_dict().values())), numpy.ndarray)
