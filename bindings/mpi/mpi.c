/* Processes that train together over MPI: what `cifar train --peers` loads.

   mpicc -shared -fPIC -I include bindings/mpi/mpi.c -o build/lib/cifar/mpi.so */

#define _GNU_SOURCE
#include <cifar_peers.h>
#include <limits.h>
#include <mpi.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int rank, count;
static char error[MPI_MAX_ERROR_STRING + 128];

/* The other processes of this machine: a handle of each that becomes readable when it ends. */
static struct pollfd *neighbours;
static int *neighbour_ranks;
static int neighbour_count;

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error, sizeof error, format, arguments);
  va_end(arguments);
  return 1;
}

static int check(int status, const char *call) {
  if (status == MPI_SUCCESS) return 0;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length;
  MPI_Error_string(status, text, &length);
  return fail("%s: %s", call, text);
}

/* Waits for what was begun. Open MPI's own waiting takes a whole core, which the threads that compute
   need, and goes on when a process that it waits for has been killed. */
static int finish(MPI_Request *request, int status, const char *call) {
  static const struct timespec pause = {.tv_nsec = 20000};
  const int eager = 100;
  if (check(status, call)) return 1;
  for (int turn = 0;; turn++) {
    int done;
    if (check(MPI_Test(request, &done, MPI_STATUS_IGNORE), call)) return 1;
    if (done) return 0;
    if (turn < eager) continue;
    int ended = ppoll(neighbours, (nfds_t)neighbour_count, &pause, NULL);
    if (ended <= 0) continue;
    /* What it sent before it ended may be there. */
    if (check(MPI_Test(request, &done, MPI_STATUS_IGNORE), call)) return 1;
    if (done) return 0;
    for (int index = 0; index < neighbour_count; index++)
      if (neighbours[index].revents)
        return fail("process %d of %d is gone", neighbour_ranks[index], count);
  }
}

static int fits(uint64_t bytes) {
  return bytes <= INT_MAX || !fail("%llu bytes are more than MPI moves at once",
                                   (unsigned long long)bytes);
}

static int all_to_all(const void *send, void *receive, uint64_t bytes, void *user) {
  (void)user;
  if (!fits(bytes)) return 1;
  MPI_Request request;
  int status = MPI_Ialltoall(send, (int)bytes, MPI_BYTE, receive, (int)bytes, MPI_BYTE,
                             MPI_COMM_WORLD, &request);
  return finish(&request, status, "MPI_Ialltoall");
}

static int all_gather(const void *send, void *receive, uint64_t bytes, void *user) {
  (void)user;
  if (!fits(bytes)) return 1;
  MPI_Request request;
  int status = MPI_Iallgather(send, (int)bytes, MPI_BYTE, receive, (int)bytes, MPI_BYTE,
                              MPI_COMM_WORLD, &request);
  return finish(&request, status, "MPI_Iallgather");
}

static int broadcast(void *buffer, uint64_t bytes, uint32_t root, void *user) {
  (void)user;
  const uint64_t most = 1 << 30;
  for (uint64_t done = 0; done < bytes; done += most) {
    uint64_t size = bytes - done < most ? bytes - done : most;
    MPI_Request request;
    int status =
        MPI_Ibcast((char *)buffer + done, (int)size, MPI_BYTE, (int)root, MPI_COMM_WORLD, &request);
    if (finish(&request, status, "MPI_Ibcast")) return 1;
  }
  return 0;
}

/* Finds the processes of this machine, and with them of this namespace of process numbers. */
static int watch_neighbours(void) {
  struct stat names = {0};
  stat("/proc/self/ns/pid", &names);
  long long own[3] = {rank, getpid(), (long long)names.st_ino};
  MPI_Comm machine;
  int size;
  if (check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &machine),
            "MPI_Comm_split_type"))
    return 1;
  MPI_Comm_size(machine, &size);
  long long(*all)[3] = calloc((size_t)size, sizeof *all);
  neighbours = calloc((size_t)size, sizeof *neighbours);
  neighbour_ranks = calloc((size_t)size, sizeof *neighbour_ranks);
  if (!all || !neighbours || !neighbour_ranks) return fail("there is no memory");
  int status = MPI_Allgather(own, 3, MPI_LONG_LONG, all, 3, MPI_LONG_LONG, machine);
  if (check(status, "MPI_Allgather")) return 1;
  for (int index = 0; index < size; index++) {
    if (all[index][0] == rank || all[index][2] != own[2]) continue;
    /* On a kernel before 5.3 nobody is watched. */
    int handle = (int)syscall(SYS_pidfd_open, (pid_t)all[index][1], 0);
    if (handle < 0) continue;
    neighbours[neighbour_count] = (struct pollfd){.fd = handle, .events = POLLIN};
    neighbour_ranks[neighbour_count++] = (int)all[index][0];
  }
  free(all);
  return check(MPI_Comm_free(&machine), "MPI_Comm_free");
}

int cifar_peers_open(cifar_peers *peers) {
  if (peers->struct_size < sizeof *peers) return fail("the command is older than this library");
  int provided;
  if (check(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread"))
    return 1;
  if (provided < MPI_THREAD_SERIALIZED)
    return fail("this MPI can't be called by another thread than the first");
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &count);
  if (watch_neighbours()) return 1;
  peers->rank = (uint32_t)rank;
  peers->count = (uint32_t)count;
  peers->all_to_all = all_to_all;
  peers->all_gather = all_gather;
  peers->broadcast = broadcast;
  return 0;
}

const char *cifar_peers_error(void) { return *error ? error : NULL; }

void cifar_peers_close(void) {
  /* Without it, after a failure, mpirun ends those that are left. */
  MPI_Finalize();
}
