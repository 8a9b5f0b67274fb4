// Arithmetic on vectors of 8 and of 16 lanes. Swift's operators on them are loops over their lanes,
// which the compiler puts together again mostly, but not always; these are one instruction each.
#ifndef CIFAR_VECTORS_H
#define CIFAR_VECTORS_H

#include <stdint.h>

#define CPU_INLINE static inline __attribute__((always_inline, overloadable))

#define CPU_VECTORS(lanes)                                                                    \
  typedef float cpu_floats_##lanes __attribute__((ext_vector_type(lanes)));                   \
  typedef int32_t cpu_ints_##lanes __attribute__((ext_vector_type(lanes)));                   \
  typedef uint32_t cpu_words_##lanes __attribute__((ext_vector_type(lanes)));                 \
  typedef uint16_t cpu_bfloat16s_##lanes __attribute__((ext_vector_type(lanes)));                \
  typedef uint8_t cpu_bytes_##lanes __attribute__((ext_vector_type(lanes)));                  \
                                                                                              \
  CPU_INLINE cpu_floats_##lanes cpu_add(cpu_floats_##lanes a, cpu_floats_##lanes b) {         \
    return a + b;                                                                             \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_subtract(cpu_floats_##lanes a, cpu_floats_##lanes b) {    \
    return a - b;                                                                             \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_multiply(cpu_floats_##lanes a, cpu_floats_##lanes b) {    \
    return a * b;                                                                             \
  }                                                                                           \
  /* a·b + c, rounded once; a library call for each lane where there is no instruction for it. */\
  CPU_INLINE cpu_floats_##lanes cpu_multiply_add(                                             \
      cpu_floats_##lanes a, cpu_floats_##lanes b, cpu_floats_##lanes c) {                     \
    return __builtin_elementwise_fma(a, b, c);                                                \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_square_root(cpu_floats_##lanes v) {                       \
    return __builtin_elementwise_sqrt(v);                                                     \
  }                                                                                           \
  /* max(v, 0); NaN stays. */                                                                 \
  CPU_INLINE cpu_floats_##lanes cpu_positive(cpu_floats_##lanes v) {                          \
    return v < 0 ? (cpu_floats_##lanes)0 : v;                                                 \
  }                                                                                           \
  /* v·2ⁿ, where n is in the low bits of `exponents`; both v and the product are normal numbers. */\
  CPU_INLINE cpu_floats_##lanes cpu_scale_by_power(                                           \
      cpu_floats_##lanes v, cpu_floats_##lanes exponents) {                                   \
    cpu_words_##lanes n = __builtin_bit_cast(cpu_words_##lanes, exponents) << 23;             \
    return __builtin_bit_cast(                                                                \
        cpu_floats_##lanes, __builtin_bit_cast(cpu_words_##lanes, v) + n);                    \
  }                                                                                           \
  /* a where the mask's lanes are -1, b where they are 0. */                                  \
  CPU_INLINE cpu_floats_##lanes cpu_select(                                                   \
      cpu_ints_##lanes mask, cpu_floats_##lanes a, cpu_floats_##lanes b) {                    \
    return mask ? a : b;                                                                      \
  }                                                                                           \
  CPU_INLINE cpu_words_##lanes cpu_select(                                                    \
      cpu_ints_##lanes mask, cpu_words_##lanes a, cpu_words_##lanes b) {                      \
    return mask ? a : b;                                                                      \
  }                                                                                           \
                                                                                              \
  CPU_INLINE cpu_words_##lanes cpu_widen(cpu_bytes_##lanes bytes) {                           \
    return __builtin_convertvector(bytes, cpu_words_##lanes);                                 \
  }                                                                                           \
  /* No lane may be above 255. */                                                             \
  CPU_INLINE cpu_bytes_##lanes cpu_narrow(cpu_words_##lanes words) {                          \
    return __builtin_convertvector(words, cpu_bytes_##lanes);                                 \
  }                                                                                           \
                                                                                              \
  /* bfloat16 is the upper half of a float. */                                                \
  CPU_INLINE cpu_floats_##lanes cpu_from_bfloat16(cpu_bfloat16s_##lanes halves) {                \
    cpu_words_##lanes words = __builtin_convertvector(halves, cpu_words_##lanes) << 16;       \
    return __builtin_bit_cast(cpu_floats_##lanes, words);                                     \
  }                                                                                           \
  /* Rounded to nearest, ties to even; NaN stays NaN. */                                      \
  CPU_INLINE cpu_bfloat16s_##lanes cpu_to_bfloat16(cpu_floats_##lanes floats) {                  \
    cpu_words_##lanes bits = __builtin_bit_cast(cpu_words_##lanes, floats);                   \
    cpu_words_##lanes rounded = bits + 0x7fff + (bits >> 16 & 1);                             \
    cpu_words_##lanes kept = floats != floats ? (bits | 0x400000) : rounded;                  \
    return __builtin_convertvector(kept >> 16, cpu_bfloat16s_##lanes);                           \
  }

CPU_VECTORS(8)
CPU_VECTORS(16)
#undef CPU_VECTORS

typedef double cpu_doubles_8 __attribute__((ext_vector_type(8)));

/* sums + v². The square of a float is exact in double: it does not matter whether it is rounded. */
CPU_INLINE cpu_doubles_8 cpu_add_squares(cpu_doubles_8 sums, cpu_floats_8 v) {
  cpu_doubles_8 wide = __builtin_convertvector(v, cpu_doubles_8);
  return sums + wide * wide;
}
#undef CPU_INLINE

#endif
