// What the processor and the operating system allow, and the instructions that Swift has no name
// for; those on vectors are in vectors.h.
#ifndef CIFAR_CCPUFEATURES_H
#define CIFAR_CCPUFEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "host_thread.h"
#include "vectors.h"

/// AVX2 and FMA, with the operating system saving the 256-bit registers.
bool cpu_has_avx2_fma(void);

/// AVX-512 F, BW, DQ and VL, with the operating system saving the 512-bit registers.
bool cpu_has_avx512(void);

/// The same and AVX-512 VNNI, which multiplies and adds pairs of int16.
bool cpu_has_avx512_vnni(void);

/// The number of processors that the calling thread may run on; at least 1.
int cpu_allowed_count(void);

/// The numbers of the processors that this process may run on, `most` of them at most.
///
/// @return how many; 0 where the system does not say.
int cpu_allowed(int *processors, int most);

/// Asks for the cache line at an address that will be read or written soon, into the second-level
/// cache. Any address is allowed.
static inline void cpu_prefetch_far(const void *address) { __builtin_prefetch(address, 0, 2); }

/// Tells the core that it is in a spin-wait loop.
static inline void cpu_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
