/** @file
 *  What a shared library for `cifar train --peers FILE` exports: by what the processes of a training
 *  reach each other. bindings/mpi/mpi.c is one, over MPI. It does not link libcifar. */
#ifndef CIFAR_PEERS_H
#define CIFAR_PEERS_H

#include "cifar.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Joins the other processes; the command's first call, on its main thread.
 *
 *  @param peers  has a struct_size, which is that of the command's version: a library that knows more
 *                fields fails if it needs them. Rank, count and callbacks are to be filled in.
 *  @return 0, or anything else after a failure. */
int cifar_peers_open(cifar_peers *peers);

/** Why the last call of cifar_peers_open or of a callback failed: a part of a sentence, without a line
 *  end, as in "process 1 is gone". From the thread that called; NULL where there is nothing to say. */
const char *cifar_peers_error(void);

/** Leaves the others; the command's last call, on its main thread, in all processes. What process 0
 *  records is recorded by then. Where a callback or cifar_peers_open has failed it is not called: there
 *  may be nobody to wait for, and the process ends. */
void cifar_peers_close(void);

#ifdef __cplusplus
}
#endif

#endif
