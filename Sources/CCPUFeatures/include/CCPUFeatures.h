// What the processor and the operating system allow, and the instructions that Swift has no name
// for.
#ifndef CIFAR_CCPUFEATURES_H
#define CIFAR_CCPUFEATURES_H

#include <stdbool.h>
#include <stdint.h>

/// AVX2 and FMA, with the operating system saving the 256-bit registers.
bool cpu_has_avx2_fma(void);

/// AVX-512 F, BW, DQ and VL, with the operating system saving the 512-bit registers.
bool cpu_has_avx512(void);

/// The number of processors that the calling thread may run on; at least 1.
int cpu_allowed_count(void);

/// Asks for the cache line at an address that will be read or written soon, into the second-level
/// cache. Any address is allowed.
static inline void cpu_prefetch_far(const void *address) { __builtin_prefetch(address, 0, 2); }

/// √x of 8 or 16 floats, in place. (Swift's own goes lane by lane, through the C library.)
static inline void cpu_square_roots_8(float *x) {
  typedef float floats __attribute__((ext_vector_type(8), aligned(4)));
  *(floats *)x = __builtin_elementwise_sqrt(*(floats *)x);
}
static inline void cpu_square_roots_16(float *x) {
  typedef float floats __attribute__((ext_vector_type(16), aligned(4)));
  *(floats *)x = __builtin_elementwise_sqrt(*(floats *)x);
}

// 8 or 16 numbers from bfloat16 to float32 and back, rounded to nearest, ties to even; NaN stays NaN.
// (The conversions of Swift's vectors go lane by lane.)
#define CPU_BFLOAT16(lanes)                                                                        \
  static inline void cpu_widen_##lanes(const void *from, float *to) {                              \
    typedef unsigned short halves __attribute__((ext_vector_type(lanes), aligned(2), may_alias));  \
    typedef unsigned words __attribute__((ext_vector_type(lanes), aligned(4), may_alias));         \
    *(words *)to = __builtin_convertvector(*(const halves *)from, words) << 16;                    \
  }                                                                                                \
  static inline void cpu_narrow_##lanes(const float *from, void *to) {                             \
    typedef unsigned short halves __attribute__((ext_vector_type(lanes), aligned(2), may_alias));  \
    typedef unsigned words __attribute__((ext_vector_type(lanes), aligned(4), may_alias));         \
    words bits = *(const words *)from;                                                             \
    words rounded = bits + 0x7fff + (bits >> 16 & 1);                                              \
    words is_nan = (words)((bits & 0x7fffffff) > 0x7f800000);                                      \
    words kept = (rounded & ~is_nan) | ((bits | 0x400000) & is_nan);                               \
    *(halves *)to = __builtin_convertvector(kept >> 16, halves);                                   \
  }
CPU_BFLOAT16(8)
CPU_BFLOAT16(16)
#undef CPU_BFLOAT16

/// Bytes to words and, if none is above 255, back. (Swift's own conversions go lane by lane.)
#define CPU_BYTES(count)                                                               \
  static inline void cpu_widen_bytes_##count(const uint8_t *bytes, uint32_t *words) {  \
    typedef uint8_t narrow __attribute__((ext_vector_type(count), aligned(1)));        \
    typedef uint32_t wide __attribute__((ext_vector_type(count), aligned(4)));         \
    *(wide *)words = __builtin_convertvector(*(const narrow *)bytes, wide);            \
  }                                                                                    \
  static inline void cpu_narrow_bytes_##count(const uint32_t *words, uint8_t *bytes) { \
    typedef uint8_t narrow __attribute__((ext_vector_type(count), aligned(1)));        \
    typedef uint32_t wide __attribute__((ext_vector_type(count), aligned(4)));         \
    *(narrow *)bytes = __builtin_convertvector(*(const wide *)words, narrow);          \
  }
CPU_BYTES(8)
CPU_BYTES(16)
#undef CPU_BYTES

/// Tells the core that it is in a spin-wait loop.
static inline void cpu_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

#endif
