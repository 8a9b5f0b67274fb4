// Memory for the user's data, and for what is secured before it is made.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "Internal.h"

static const size_t huge_page = 2 << 20;
static _Atomic size_t total;

static size_t whole_pages(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

/// Maps some more, so that a boundary of 2 MiB lies in it, and gives the rest back.
static void *map(size_t bytes) {
  size_t size = whole_pages(bytes);
  size_t most = size + huge_page;
  unsigned char *start =
      mmap(NULL, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return NULL;
  size_t before = (huge_page - (size_t)start % huge_page) % huge_page;
  size_t after = most - before - size;
  // Refused only where the process has too many mappings: then there is none for the buffer.
  if ((before > 0 && munmap(start, before) != 0) ||
      (after > 0 && munmap(start + before + size, after) != 0)) {
    munmap(start, most);
    return NULL;
  }
  // A hint: where the system has no huge pages, nothing is lost.
  madvise(start + before, size, MADV_HUGEPAGE);
  return start + before;
}

void *memory_buffer(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  void *buffer = NULL;
  if (bytes >= huge_page) {
    buffer = map(bytes);
  } else {
    // Room for a boundary, and for where the block begins: no function of the C library's for
    // aligned memory can be told from this library's own.
    unsigned char *block = memory_system_malloc(bytes + 64 + sizeof(void *));
    if (block == NULL) return NULL;
    unsigned char *start = block + sizeof(void *);
    start += (64 - (size_t)start % 64) % 64;
    memcpy(start - sizeof(void *), &block, sizeof(void *));
    buffer = memset(start, 0, bytes);
  }
  if (buffer != NULL) atomic_fetch_add_explicit(&total, bytes, memory_order_relaxed);
  return buffer;
}

void memory_buffer_free(void *buffer, size_t bytes) {
  if (buffer == NULL) return;
  atomic_fetch_sub_explicit(&total, bytes, memory_order_relaxed);
  if (bytes >= huge_page) {
    munmap(buffer, whole_pages(bytes));
    return;
  }
  void *block;
  memcpy(&block, (unsigned char *)buffer - sizeof(void *), sizeof(void *));
  memory_system_free(block);
}

size_t memory_buffer_total(void) { return atomic_load_explicit(&total, memory_order_relaxed); }

// What is secured: a block a ticket, each with the thread that it is kept for. A table and no
// thread-local variable: those of a library that is loaded at run time are allocated when they are
// first used, and the process ends if that fails.
enum { tickets = 128 };

static struct {
  pthread_t owner;
  void *block;
  bool is_taken;
} secured[tickets];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

// A fork must not catch another thread inside: the child could not allocate any more. Prepared by the
// time the library is loaded, the locks are the last to be taken and the first to be given back.
static void before_fork(void) {
  pthread_mutex_lock(&table);
  memory_reserve_lock();
}

static void after_fork(void) {
  memory_reserve_unlock();
  pthread_mutex_unlock(&table);
}

__attribute__((constructor)) static void guard_forks(void) {
  pthread_atfork(before_fork, after_fork, after_fork);
}

int memory_secure(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return -1;
  void *block = memory_system_malloc(bytes);
  if (block == NULL) return -1;
  int ticket = tickets;
  // Without a reserve nothing would ever release the block.
  if (memory_has_reserve()) {
    pthread_mutex_lock(&table);
    for (int i = 0; i < tickets && ticket == tickets; i++) {
      if (secured[i].is_taken) continue;
      secured[i].is_taken = true;
      secured[i].owner = pthread_self();
      secured[i].block = block;
      ticket = i;
    }
    pthread_mutex_unlock(&table);
  }
  // That it could be had is all that is known then.
  if (ticket == tickets) memory_system_free(block);
  return ticket;
}

void memory_unsecure(int ticket) {
  if (ticket < 0 || ticket >= tickets) return;
  pthread_mutex_lock(&table);
  void *block = secured[ticket].block;
  secured[ticket].block = NULL;
  secured[ticket].is_taken = false;
  pthread_mutex_unlock(&table);
  memory_system_free(block);
}

bool memory_give_up_secured(void) {
  void *block = NULL;
  pthread_mutex_lock(&table);
  for (int i = 0; i < tickets && block == NULL; i++) {
    if (!secured[i].is_taken || !pthread_equal(secured[i].owner, pthread_self())) continue;
    block = secured[i].block;
    secured[i].block = NULL;
  }
  pthread_mutex_unlock(&table);
  memory_system_free(block);
  return block != NULL;
}
