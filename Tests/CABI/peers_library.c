/* A library for `cifar train --peers`: processes that reach each other through a file that all have in
   memory. The environment says which: PEERS_FILE, PEERS_RANK, PEERS_COUNT; PEERS_FAIL is the number of
   the exchange that fails, from 1, or "open". */

#define _GNU_SOURCE
#include <cifar_peers.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE = 1 << 16, MOST = 8 };

struct room {
  pthread_barrier_t barrier;
  volatile int is_ready;
  char pieces[MOST][PIECE];
};

static struct room *room;
static uint32_t rank, count;
static int exchanges, failing;
static const char *error;

static int fail(const char *text) {
  error = text;
  return 1;
}

/* Has `take` see what each process sends, a piece at a time. */
static int exchange(const char *send, uint64_t bytes,
                    void (*take)(uint32_t from, uint64_t start, const char *piece, uint64_t size,
                                 void *target),
                    void *target) {
  if (++exchanges == failing) return fail("the cable is unplugged");
  for (uint64_t start = 0; start < bytes; start += PIECE) {
    uint64_t size = bytes - start < PIECE ? bytes - start : PIECE;
    memcpy(room->pieces[rank], send + start, size);
    pthread_barrier_wait(&room->barrier);
    for (uint32_t from = 0; from < count; from++)
      take(from, start, room->pieces[from], size, target);
    pthread_barrier_wait(&room->barrier);
  }
  return 0;
}

struct target {
  char *receive;
  uint64_t bytes;
  uint32_t root;
};

static void take_all(uint32_t from, uint64_t start, const char *piece, uint64_t size, void *user) {
  struct target *target = user;
  memcpy(target->receive + from * target->bytes + start, piece, size);
}

static int all_gather(const void *send, void *receive, uint64_t bytes, void *user) {
  (void)user;
  struct target target = {receive, bytes, 0};
  return exchange(send, bytes, take_all, &target);
}

/* Of what each sends, the part that lies in this process's block. */
static void take_own(uint32_t from, uint64_t start, const char *piece, uint64_t size, void *user) {
  struct target *target = user;
  uint64_t first = rank * target->bytes, end = first + target->bytes;
  uint64_t low = start > first ? start : first, high = start + size < end ? start + size : end;
  if (low < high)
    memcpy(target->receive + from * target->bytes + (low - first), piece + (low - start),
           high - low);
}

static int all_to_all(const void *send, void *receive, uint64_t bytes, void *user) {
  (void)user;
  struct target target = {receive, bytes, 0};
  return exchange(send, count * bytes, take_own, &target);
}

static void take_root(uint32_t from, uint64_t start, const char *piece, uint64_t size, void *user) {
  struct target *target = user;
  if (from == target->root && from != rank) memcpy(target->receive + start, piece, size);
}

static int broadcast(void *buffer, uint64_t bytes, uint32_t root, void *user) {
  (void)user;
  struct target target = {buffer, bytes, root};
  return exchange(buffer, bytes, take_root, &target);
}

int cifar_peers_open(cifar_peers *peers) {
  const char *fails = getenv("PEERS_FAIL");
  if (fails && !strcmp(fails, "open")) return fail("the door is shut");
  failing = fails ? atoi(fails) : 0;
  rank = (uint32_t)atoi(getenv("PEERS_RANK"));
  count = (uint32_t)atoi(getenv("PEERS_COUNT"));
  int file = open(getenv("PEERS_FILE"), O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, sizeof *room)) return fail("there is no file");
  room = mmap(NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (room == MAP_FAILED) return fail("there is no memory");
  if (rank == 0) {
    pthread_barrierattr_t shared;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&room->barrier, &shared, count);
    __sync_synchronize();
    room->is_ready = 1;
  }
  while (!room->is_ready) usleep(1000);
  peers->rank = rank;
  peers->count = count;
  peers->all_to_all = all_to_all;
  peers->all_gather = all_gather;
  peers->broadcast = broadcast;
  return 0;
}

const char *cifar_peers_error(void) { return error; }

/* The standard output belongs to process 0, so what a test wants to know goes elsewhere. */
void cifar_peers_close(void) { fprintf(stderr, "%u has left\n", rank); }
