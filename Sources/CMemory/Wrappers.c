// Where the linker sends this library's allocations: to the system, and to the reserve when the
// system has nothing. Without --wrap nobody calls these, and the system's functions have no other
// name.
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "Internal.h"

#define WEAK __attribute__((weak))

void *__real_malloc(size_t) WEAK;
void *__real_calloc(size_t, size_t) WEAK;
void *__real_realloc(void *, size_t) WEAK;
void __real_free(void *) WEAK;
int __real_posix_memalign(void **, size_t, size_t) WEAK;
void *__real_aligned_alloc(size_t, size_t) WEAK;
size_t __real_malloc_usable_size(void *) WEAK;

bool memory_has_reserve(void) { return __real_malloc != NULL; }

void *memory_system_malloc(size_t bytes) {
  return __real_malloc ? __real_malloc(bytes) : malloc(bytes);
}

void memory_system_free(void *block) {
  if (__real_free) {
    __real_free(block);
  } else {
    free(block);
  }
}

static void *from_reserve(size_t bytes, size_t alignment) {
  void *block = memory_reserve_take(bytes, alignment);
  if (block == NULL) errno = ENOMEM;
  return block;
}

void *__wrap_malloc(size_t bytes) {
  void *block = __real_malloc(bytes);
  if (block == NULL && memory_give_up_secured()) block = __real_malloc(bytes);
  return block != NULL ? block : from_reserve(bytes, 16);
}

void *__wrap_calloc(size_t count, size_t size) {
  void *block = __real_calloc(count, size);
  if (block != NULL) return block;
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  block = __wrap_malloc(bytes);
  return block == NULL ? NULL : memset(block, 0, bytes);
}

void __wrap_free(void *block) {
  if (__builtin_expect(memory_reserve_holds(block), 0)) {
    memory_reserve_return(block);
  } else {
    __real_free(block);
  }
}

void *__wrap_realloc(void *block, size_t bytes) {
  if (block == NULL) return __wrap_malloc(bytes);
  if (!memory_reserve_holds(block)) {
    void *moved = __real_realloc(block, bytes);
    if (moved != NULL || bytes == 0) return moved;
    size_t old = __real_malloc_usable_size(block);
    moved = __wrap_malloc(bytes);
    if (moved == NULL) return NULL;
    memcpy(moved, block, old < bytes ? old : bytes);
    __real_free(block);
    return moved;
  }
  void *moved = __wrap_malloc(bytes);
  if (moved == NULL) return NULL;
  size_t old = memory_reserve_block_size(block);
  memcpy(moved, block, old < bytes ? old : bytes);
  memory_reserve_return(block);
  return moved;
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes) {
  int failure = __real_posix_memalign(out, alignment, bytes);
  if (failure == ENOMEM && memory_give_up_secured()) {
    failure = __real_posix_memalign(out, alignment, bytes);
  }
  if (failure != ENOMEM) return failure;
  void *block = memory_reserve_take(bytes, alignment < 16 ? 16 : alignment);
  if (block == NULL) return ENOMEM;
  *out = block;
  return 0;
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  void *block = __real_aligned_alloc(alignment, bytes);
  if (block == NULL && memory_give_up_secured()) block = __real_aligned_alloc(alignment, bytes);
  return block != NULL ? block : from_reserve(bytes, alignment < 16 ? 16 : alignment);
}

size_t __wrap_malloc_usable_size(void *block) {
  return memory_reserve_holds(block) ? memory_reserve_block_size(block)
                                     : __real_malloc_usable_size(block);
}

char *__wrap_strdup(const char *text) {
  size_t bytes = strlen(text) + 1;
  char *copy = __wrap_malloc(bytes);
  return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

// C++: what the Swift runtime allocates by `new` it also deletes itself. A failure can't be told to
// it, so that without a reserve the C++ library's own function ends the process.
void *__real__Znwm(size_t) WEAK;
void *__real__ZnwmSt11align_val_t(size_t, size_t) WEAK;
void __real__ZdlPvm(void *, size_t) WEAK;
void __real__ZdlPvmSt11align_val_t(void *, size_t, size_t) WEAK;

void *__wrap__Znwm(size_t bytes) {
  void *block = __wrap_malloc(bytes == 0 ? 1 : bytes);
  return block != NULL ? block : __real__Znwm(bytes);
}

void *__wrap__ZnwmSt11align_val_t(size_t bytes, size_t alignment) {
  void *block = NULL;
  if (__wrap_posix_memalign(&block, alignment < 16 ? 16 : alignment, bytes == 0 ? 1 : bytes) == 0) {
    return block;
  }
  return __real__ZnwmSt11align_val_t(bytes, alignment);
}

void __wrap__ZdlPvm(void *block, size_t bytes) {
  if (__builtin_expect(memory_reserve_holds(block), 0)) {
    memory_reserve_return(block);
  } else {
    __real__ZdlPvm(block, bytes);
  }
}

void __wrap__ZdlPvmSt11align_val_t(void *block, size_t bytes, size_t alignment) {
  if (__builtin_expect(memory_reserve_holds(block), 0)) {
    memory_reserve_return(block);
  } else {
    __real__ZdlPvmSt11align_val_t(block, bytes, alignment);
  }
}
