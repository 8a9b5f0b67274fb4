"""Processes that train together over MPI: mpirun -n 2 python parallel_mpi.py"""

import cifar
from mpi4py import MPI

world = MPI.COMM_WORLD


class MPIPeers(cifar.Peers):
    rank, count = world.rank, world.size

    def all_to_all(self, send, receive):
        world.Alltoall(send, receive)

    def all_gather(self, send, receive):
        world.Allgather(send, receive)

    def broadcast(self, buffer, root):
        world.Bcast(buffer, root)


train, test = cifar.load("shapes", limit_train=512, limit_test=128)
run = cifar.fit(train, test, epochs=2, verbose=2 * (world.rank == 0), peers=MPIPeers())
print(f"process {world.rank}: {run.epochs[-1].val_loss!r}")
