// What the files of this target share.
#ifndef CIFAR_MEMORY_INTERNAL_H
#define CIFAR_MEMORY_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "CMemory.h"

// The C library's own functions, past any --wrap.
void *memory_system_malloc(size_t bytes);
void memory_system_free(void *block);

/// Whether the block lies in the reserve.
bool memory_reserve_holds(const void *block);
/// What the block has room for.
size_t memory_reserve_block_size(const void *block);

/// The lock of the reserve, for who forks.
void memory_reserve_lock(void);
void memory_reserve_unlock(void);

/// Gives up what is secured for the calling thread; false if there is nothing.
bool memory_give_up_secured(void);

#endif
