// The reserve: a block of static memory, from which small requests are served when the system has
// none. It is there from the moment the library is loaded, so that nothing can refuse it.
//
// Blocks lie one after the other, each with a header; the first that fits is taken, and neighbours
// that are free become one while it is searched for. That is slow and simple: it happens only when
// the process is about to fail.
#include <sched.h>
#include <stdatomic.h>

#include "Internal.h"

enum { unit = 16, reserve_size = 1 << 20 };

typedef struct {
  uint32_t units;  // the header included
  uint32_t used;
  uint64_t padding;
} Header;

_Static_assert(sizeof(Header) == unit, "blocks stay on 16 bytes");

static _Alignas(4096) unsigned char reserve[reserve_size];
static atomic_flag lock = ATOMIC_FLAG_INIT;
static bool is_laid_out;
static _Atomic size_t used_bytes;

void memory_reserve_lock(void) {
  while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) sched_yield();
}

void memory_reserve_unlock(void) { atomic_flag_clear_explicit(&lock, memory_order_release); }

static Header *first(void) { return (Header *)reserve; }
static Header *end(void) { return (Header *)(reserve + reserve_size); }
static Header *next(Header *block) { return block + block->units; }

bool memory_reserve_holds(const void *block) {
  return (const unsigned char *)block >= reserve &&
         (const unsigned char *)block < reserve + reserve_size;
}

size_t memory_reserve_block_size(const void *block) {
  return ((size_t)((const Header *)block)[-1].units - 1) * unit;
}

size_t memory_reserve_size(void) { return reserve_size; }

size_t memory_reserve_used(void) {
  return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}

/// Cuts a used block of `units` out of a free one, `skip` units after its beginning.
static void *cut(Header *block, uint32_t skip, uint32_t units) {
  if (skip > 0) {
    Header *rest = block + skip;
    rest->units = block->units - skip;
    block->units = skip;
    block = rest;
  }
  if (block->units > units) {
    Header *rest = block + units;
    rest->units = block->units - units;
    rest->used = 0;
    block->units = units;
  }
  block->used = 1;
  atomic_fetch_add_explicit(&used_bytes, (size_t)block->units * unit, memory_order_relaxed);
  return block + 1;
}

void *memory_reserve_take(size_t bytes, size_t alignment) {
  if (bytes > reserve_size || alignment > 4096) return NULL;
  uint32_t units = 1 + (uint32_t)((bytes + unit - 1) / unit);
  // Two blocks must not have one address.
  if (units == 1) units = 2;
  void *found = NULL;
  memory_reserve_lock();
  if (!is_laid_out) {
    first()->units = reserve_size / unit;
    first()->used = 0;
    is_laid_out = true;
  }
  for (Header *block = first(); block < end(); block = next(block)) {
    if (block->used) continue;
    while (next(block) < end() && !next(block)->used) block->units += next(block)->units;
    uint32_t skip = 0;
    while ((uintptr_t)(block + skip + 1) % alignment != 0) skip++;
    if ((uint64_t)skip + units > block->units) continue;
    found = cut(block, skip, units);
    break;
  }
  memory_reserve_unlock();
  return found;
}

void memory_reserve_return(void *block) {
  Header *header = (Header *)block - 1;
  memory_reserve_lock();
  header->used = 0;
  atomic_fetch_sub_explicit(&used_bytes, (size_t)header->units * unit, memory_order_relaxed);
  memory_reserve_unlock();
}

bool memory_is_low(void) {
  size_t used = memory_reserve_used();
  if (used == 0) return false;
  if (used > reserve_size / 4 * 3) return true;
  // What is left in the reserve may be there for good, while memory has long come back.
  void *probe = memory_system_malloc(256 << 10);
  memory_system_free(probe);
  return probe == NULL;
}
