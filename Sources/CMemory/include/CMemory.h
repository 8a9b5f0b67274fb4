// Memory that can be refused.
//
// The Swift runtime and the C++ library end the process when an allocation fails. What grows with
// the user's data therefore comes from `memory_buffer`, or is secured before it is made; for the
// many small objects in between there is a reserve. It is used only if the library is linked with
// --wrap=malloc and so on (see the Makefile), which turns the allocations of this library alone,
// the linked runtime included, to the functions in Wrappers.c; those of the host stay as they are.
#ifndef CIFAR_CMEMORY_H
#define CIFAR_CMEMORY_H

#include <stdbool.h>
#include <stddef.h>

/// Zeroed bytes on a 64-byte boundary, large ones on a boundary of 2 MiB with huge pages asked for;
/// NULL if there is no memory. Pages of a large buffer are taken when they are first written to.
void *memory_buffer(size_t bytes);

/// Gives back a buffer of this many bytes.
void memory_buffer_free(void *buffer, size_t bytes);

/// The size of all buffers there are, also of what was never written to.
size_t memory_buffer_total(void);

/// Makes sure that the calling thread can allocate this many bytes: they are kept for it until
/// `memory_unsecure`, and given up as soon as one of its allocations fails.
///
/// Returns what to hand to `memory_unsecure`; a negative number if there is no memory.
int memory_secure(size_t bytes);

void memory_unsecure(int ticket);

/// Whether memory has run out: the reserve is in use, and there is still nothing to be had besides.
bool memory_is_low(void);

/// Bytes of the reserve that are in use. For tests.
size_t memory_reserve_used(void);

/// Bytes of the reserve.
size_t memory_reserve_size(void);

/// Whether this program's allocations fall back on the reserve.
bool memory_has_reserve(void);

/// A block of the reserve, NULL if none is large enough, and its way back. For tests.
void *memory_reserve_take(size_t bytes, size_t alignment);
void memory_reserve_return(void *block);

#endif
