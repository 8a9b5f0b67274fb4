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
  /* v within low…high; NaN stays. */                                                         \
  CPU_INLINE cpu_floats_##lanes cpu_clamp(                                                    \
      cpu_floats_##lanes v, cpu_floats_##lanes low, cpu_floats_##lanes high) {                \
    cpu_floats_##lanes above = v < low ? low : v;                                             \
    return above > high ? high : above;                                                       \
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
  }                                                                                           \
                                                                                              \
  /* Two numbers of 16 bits a lane. */                                                        \
  CPU_INLINE cpu_floats_##lanes cpu_interleave(cpu_floats_##lanes low, cpu_floats_##lanes high) {\
    cpu_words_##lanes l = __builtin_bit_cast(cpu_words_##lanes, low) & 0xffff;                \
    cpu_words_##lanes h = __builtin_bit_cast(cpu_words_##lanes, high) << 16;                  \
    return __builtin_bit_cast(cpu_floats_##lanes, l | h);                                     \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_interleave(                                               \
      cpu_bfloat16s_##lanes low, cpu_bfloat16s_##lanes high) {                                \
    return __builtin_bit_cast(                                                                \
        cpu_floats_##lanes, __builtin_convertvector(low, cpu_words_##lanes) |                 \
                                __builtin_convertvector(high, cpu_words_##lanes) << 16);      \
  }                                                                                           \
  /* The low half of each lane. */                                                            \
  CPU_INLINE cpu_bfloat16s_##lanes cpu_low_halves(cpu_floats_##lanes v) {                     \
    return __builtin_convertvector(                                                           \
        __builtin_bit_cast(cpu_words_##lanes, v), cpu_bfloat16s_##lanes);                     \
  }                                                                                           \
  /* Lanes that hold an int32. */                                                             \
  CPU_INLINE cpu_floats_##lanes cpu_from_int32(cpu_floats_##lanes v) {                        \
    return __builtin_convertvector(                                                           \
        __builtin_bit_cast(cpu_ints_##lanes, v), cpu_floats_##lanes);                         \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_magnitude(cpu_floats_##lanes v) {                         \
    return __builtin_elementwise_abs(v);                                                      \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_divide(cpu_floats_##lanes a, cpu_floats_##lanes b) {      \
    return a / b;                                                                             \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_smaller(cpu_floats_##lanes a, cpu_floats_##lanes b) {     \
    return __builtin_bit_cast(                                                                \
        cpu_floats_##lanes, __builtin_elementwise_min(                                        \
            __builtin_bit_cast(cpu_ints_##lanes, a), __builtin_bit_cast(cpu_ints_##lanes, b)));\
  }                                                                                           \
  /* The larger of two numbers without a sign; NaN is larger than all. */                     \
  CPU_INLINE cpu_floats_##lanes cpu_larger(cpu_floats_##lanes a, cpu_floats_##lanes b) {      \
    return __builtin_bit_cast(                                                                \
        cpu_floats_##lanes, __builtin_elementwise_max(                                        \
            __builtin_bit_cast(cpu_ints_##lanes, a), __builtin_bit_cast(cpu_ints_##lanes, b)));\
  }

CPU_VECTORS(8)
CPU_VECTORS(16)
#undef CPU_VECTORS

/* Numbers of 8 and of 16 bits; of the latter, twice as many are a vector. */
#define CPU_SMALL_INTEGERS(lanes, twice)                                                      \
  typedef int8_t cpu_signed_bytes_##lanes __attribute__((ext_vector_type(lanes)));            \
  typedef uint8_t cpu_two_bytes_##lanes __attribute__((ext_vector_type(twice)));              \
  typedef int8_t cpu_two_signed_bytes_##lanes __attribute__((ext_vector_type(twice)));        \
  typedef int16_t cpu_half_shorts_##lanes __attribute__((ext_vector_type(lanes)));            \
  typedef int16_t cpu_two_shorts_##lanes __attribute__((ext_vector_type(twice)));             \
                                                                                              \
  CPU_INLINE cpu_floats_##lanes cpu_to_floats(cpu_bytes_##lanes v) {                          \
    return __builtin_convertvector(v, cpu_floats_##lanes);                                    \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_to_floats(cpu_signed_bytes_##lanes v) {                   \
    return __builtin_convertvector(v, cpu_floats_##lanes);                                    \
  }                                                                                           \
  /* The lowest byte of each lane. */                                                         \
  CPU_INLINE cpu_bytes_##lanes cpu_low_bytes(cpu_floats_##lanes v) {                          \
    return __builtin_convertvector(                                                           \
        __builtin_bit_cast(cpu_words_##lanes, v), cpu_bytes_##lanes);                         \
  }                                                                                           \
  CPU_INLINE cpu_floats_##lanes cpu_maximum(cpu_floats_##lanes a, cpu_floats_##lanes b) {     \
    return a > b ? a : b;                                                                     \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_to_shorts(cpu_two_bytes_##lanes v) {                  \
    return __builtin_convertvector(v, cpu_two_shorts_##lanes);                                \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_to_shorts(cpu_two_signed_bytes_##lanes v) {           \
    return __builtin_convertvector(v, cpu_two_shorts_##lanes);                                \
  }                                                                                           \
  /* Half a vector; the other half is zero. */                                                \
  CPU_INLINE cpu_two_shorts_##lanes cpu_to_shorts_first(cpu_bytes_##lanes v) {                \
    cpu_two_shorts_##lanes result = 0;                                                        \
    result.lo = __builtin_convertvector(v, cpu_half_shorts_##lanes);                          \
    return result;                                                                            \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_to_shorts_first(cpu_signed_bytes_##lanes v) {         \
    cpu_two_shorts_##lanes result = 0;                                                        \
    result.lo = __builtin_convertvector(v, cpu_half_shorts_##lanes);                          \
    return result;                                                                            \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_to_shorts_second(cpu_bytes_##lanes v) {               \
    cpu_two_shorts_##lanes result = 0;                                                        \
    result.hi = __builtin_convertvector(v, cpu_half_shorts_##lanes);                          \
    return result;                                                                            \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_to_shorts_second(cpu_signed_bytes_##lanes v) {        \
    cpu_two_shorts_##lanes result = 0;                                                        \
    result.hi = __builtin_convertvector(v, cpu_half_shorts_##lanes);                          \
    return result;                                                                            \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_add(                                                  \
      cpu_two_shorts_##lanes a, cpu_two_shorts_##lanes b) {                                   \
    return a + b;                                                                             \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_subtract(                                             \
      cpu_two_shorts_##lanes a, cpu_two_shorts_##lanes b) {                                   \
    return a - b;                                                                             \
  }                                                                                           \
  CPU_INLINE cpu_two_shorts_##lanes cpu_shift_left(cpu_two_shorts_##lanes v, int32_t n) {     \
    return v << (cpu_two_shorts_##lanes)(int16_t)n;                                           \
  }

CPU_SMALL_INTEGERS(8, 16)
CPU_SMALL_INTEGERS(16, 32)
#undef CPU_SMALL_INTEGERS

/* The first and the second halves of two vectors. */
CPU_INLINE cpu_two_shorts_8 cpu_low_parts(cpu_two_shorts_8 a, cpu_two_shorts_8 b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}
CPU_INLINE cpu_two_shorts_8 cpu_high_parts(cpu_two_shorts_8 a, cpu_two_shorts_8 b) {
  return __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
CPU_INLINE cpu_two_shorts_16 cpu_low_parts(cpu_two_shorts_16 a, cpu_two_shorts_16 b) {
  return __builtin_shufflevector(
      a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 32, 33, 34, 35, 36, 37, 38, 39,
      40, 41, 42, 43, 44, 45, 46, 47);
}
CPU_INLINE cpu_two_shorts_16 cpu_high_parts(cpu_two_shorts_16 a, cpu_two_shorts_16 b) {
  return __builtin_shufflevector(
      a, b, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 48, 49, 50, 51, 52, 53,
      54, 55, 56, 57, 58, 59, 60, 61, 62, 63);
}

/* sums + a₀·b₀ + a₁·b₁, where a lane of `a` and `b` holds two int16 and a lane of `sums` an int32.
   No number may be −2¹⁵, and no sum may overflow: then all of these give the same bits. */
#define CPU_ADD_PAIRS(lanes, ...)                                                             \
  CPU_INLINE cpu_floats_##lanes cpu_add_pairs(                                                \
      cpu_floats_##lanes sums, cpu_floats_##lanes a, cpu_floats_##lanes b) {                  \
    cpu_ints_##lanes s = __builtin_bit_cast(cpu_ints_##lanes, sums);                          \
    cpu_ints_##lanes x = __builtin_bit_cast(cpu_ints_##lanes, a);                             \
    cpu_ints_##lanes y = __builtin_bit_cast(cpu_ints_##lanes, b);                             \
    return __builtin_bit_cast(cpu_floats_##lanes, __VA_ARGS__);                               \
  }
#if defined(__AVX512VNNI__)
CPU_ADD_PAIRS(16, __builtin_ia32_vpdpwssd512(s, x, y))
#elif defined(__AVX512BW__)
typedef int16_t cpu_shorts_32 __attribute__((ext_vector_type(32)));
CPU_ADD_PAIRS(
    16, s + (cpu_ints_16)__builtin_ia32_pmaddwd512(
                __builtin_bit_cast(cpu_shorts_32, x), __builtin_bit_cast(cpu_shorts_32, y)))
#else
CPU_ADD_PAIRS(16, s + (x << 16 >> 16) * (y << 16 >> 16) + (x >> 16) * (y >> 16))
#endif
#if defined(__AVX2__)
typedef int16_t cpu_shorts_16 __attribute__((ext_vector_type(16)));
CPU_ADD_PAIRS(
    8, s + (cpu_ints_8)__builtin_ia32_pmaddwd256(
               __builtin_bit_cast(cpu_shorts_16, x), __builtin_bit_cast(cpu_shorts_16, y)))
#elif defined(__SSE2__)
typedef int16_t cpu_shorts_8 __attribute__((ext_vector_type(8)));
typedef int32_t cpu_ints_4 __attribute__((ext_vector_type(4)));
CPU_INLINE cpu_ints_4 cpu_multiply_pairs(cpu_ints_4 x, cpu_ints_4 y) {
  return __builtin_ia32_pmaddwd128(
      __builtin_bit_cast(cpu_shorts_8, x), __builtin_bit_cast(cpu_shorts_8, y));
}
CPU_ADD_PAIRS(
    8, s + __builtin_shufflevector(
               cpu_multiply_pairs(x.lo, y.lo), cpu_multiply_pairs(x.hi, y.hi), 0, 1, 2, 3, 4, 5, 6, 7))
#else
CPU_ADD_PAIRS(8, s + (x << 16 >> 16) * (y << 16 >> 16) + (x >> 16) * (y >> 16))
#endif
#undef CPU_ADD_PAIRS

typedef double cpu_doubles_8 __attribute__((ext_vector_type(8)));

/* sums + v². The square of a float is exact in double: it does not matter whether it is rounded. */
CPU_INLINE cpu_doubles_8 cpu_add_squares(cpu_doubles_8 sums, cpu_floats_8 v) {
  cpu_doubles_8 wide = __builtin_convertvector(v, cpu_doubles_8);
  return sums + wide * wide;
}
#undef CPU_INLINE

#endif
