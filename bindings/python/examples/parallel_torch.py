"""Processes that train together over Gloo: torchrun --nproc-per-node 2 parallel_torch.py"""

import cifar
import torch
import torch.distributed as dist

dist.init_process_group("gloo")


def tensor(data):
    return torch.frombuffer(data, dtype=torch.uint8)


class GlooPeers(cifar.Peers):
    rank, count = dist.get_rank(), dist.get_world_size()

    def all_to_all(self, send, receive):
        dist.all_to_all_single(tensor(receive), tensor(send))

    def all_gather(self, send, receive):
        dist.all_gather(list(tensor(receive).chunk(self.count)), tensor(send))

    def broadcast(self, buffer, root):
        dist.broadcast(tensor(buffer), root)


train, test = cifar.load("shapes", limit_train=512, limit_test=128)
run = cifar.fit(train, test, epochs=2, verbose=2 * (dist.get_rank() == 0), peers=GlooPeers())
print(f"process {dist.get_rank()}: {run.epochs[-1].val_loss!r}")
