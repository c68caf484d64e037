/* halves.h: loops over float16 and bfloat16, computed as floats that never leave the registers.
 *
 * Groups of elements become arrays of floats, which the compiler makes vectors of.  What costs more
 * than some instructions an element gains nothing by it: that goes through the buffers of
 * cr_cpu_loop. */
#ifndef CR_HALVES_H
#define CR_HALVES_H

#include "tensor/cpu/cpu.h"
#include "tensor/half.h"

#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

/* A group: two registers of floats. */
#if defined(__AVX512F__)
#define CR_HALVES 32
#else
#define CR_HALVES 16
#endif

/* Groups to and from floats.  The processor's own conversions give the same bits as those of half.h
 * but for the bits of a NaN. */
#if defined(__AVX512F__)
static inline void cr_halves_from_f16(float *x, const uint16_t *a) {
  CR_UNROLL for (int k = 0; k < CR_HALVES; k += 16)
      _mm512_storeu_ps(x + k, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(a + k))));
}
static inline void cr_halves_to_f16(uint16_t *o, const float *x) {
  CR_UNROLL for (int k = 0; k < CR_HALVES; k += 16) _mm256_storeu_si256(
      (__m256i *)(o + k), _mm512_cvtps_ph(_mm512_loadu_ps(x + k), _MM_FROUND_TO_NEAREST_INT));
}
#elif defined(__F16C__)
static inline void cr_halves_from_f16(float *x, const uint16_t *a) {
  CR_UNROLL for (int k = 0; k < CR_HALVES; k += 8)
      _mm256_storeu_ps(x + k, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(a + k))));
}
static inline void cr_halves_to_f16(uint16_t *o, const float *x) {
  CR_UNROLL for (int k = 0; k < CR_HALVES; k += 8) _mm_storeu_si128(
      (__m128i *)(o + k), _mm256_cvtps_ph(_mm256_loadu_ps(x + k), _MM_FROUND_TO_NEAREST_INT));
}
#else
static inline void cr_halves_from_f16(float *x, const uint16_t *a) {
  CR_SIMD for (int k = 0; k < CR_HALVES; k++) x[k] = cr_f16_to_float(a[k]);
}
static inline void cr_halves_to_f16(uint16_t *o, const float *x) {
  CR_SIMD for (int k = 0; k < CR_HALVES; k++) o[k] = cr_float_to_f16(x[k]);
}
#endif

/* In an order of their own within the group, that of words of 0 put between a register's.  gcc 12
 * takes twice the instructions. */
#if defined(__AVX512F__)
static inline void cr_halves_from_bf16(float *x, const uint16_t *a) {
  __m512i in = _mm512_loadu_si512(a), zero = _mm512_setzero_si512();
  _mm512_storeu_si512(x, _mm512_unpacklo_epi16(zero, in));
  _mm512_storeu_si512(x + 16, _mm512_unpackhi_epi16(zero, in));
}
static inline void cr_halves_to_bf16(uint16_t *o, const float *x) {
  uint32_t u[CR_HALVES];
  CR_SIMD for (int k = 0; k < CR_HALVES; k++) u[k] = cr_float_to_bf16(x[k]);
  _mm512_storeu_si512(o, _mm512_packus_epi32(_mm512_loadu_si512(u), _mm512_loadu_si512(u + 16)));
}
#elif defined(__AVX2__)
static inline void cr_halves_from_bf16(float *x, const uint16_t *a) {
  __m256i in = _mm256_loadu_si256((const __m256i *)a), zero = _mm256_setzero_si256();
  _mm256_storeu_ps(x, _mm256_castsi256_ps(_mm256_unpacklo_epi16(zero, in)));
  _mm256_storeu_ps(x + 8, _mm256_castsi256_ps(_mm256_unpackhi_epi16(zero, in)));
}
static inline void cr_halves_to_bf16(uint16_t *o, const float *x) {
  uint32_t u[CR_HALVES];
  CR_SIMD for (int k = 0; k < CR_HALVES; k++) u[k] = cr_float_to_bf16(x[k]);
  __m256i low = _mm256_loadu_si256((const __m256i *)u);
  __m256i high = _mm256_loadu_si256((const __m256i *)(u + 8));
  _mm256_storeu_si256((__m256i *)o, _mm256_packus_epi32(low, high));
}
#else
static inline void cr_halves_from_bf16(float *x, const uint16_t *a) {
  CR_SIMD for (int k = 0; k < CR_HALVES; k++) x[k] = cr_bf16_to_float(a[k]);
}
static inline void cr_halves_to_bf16(uint16_t *o, const float *x) {
  CR_SIMD for (int k = 0; k < CR_HALVES; k++) o[k] = cr_float_to_bf16(x[k]);
}
#endif

/* A cr_cpu_fn: expr of x, y, z, elements of the `nin` inputs, and of what `set` declares.  kind is
 * f16 or bf16.  name##_run can keep the place of an input: with steps of 0 it is one number. */
#define CR_HALF_LOOP(name, kind, nin, set, expr)                                                   \
  static inline void name##_group(uint16_t *o, const uint16_t *a, const uint16_t *b,               \
                                  const uint16_t *c, const void *arg) {                            \
    float xs[CR_HALVES], ys[CR_HALVES], zs[CR_HALVES], r[CR_HALVES];                               \
    (void)arg, (void)b, (void)c, (void)ys, (void)zs;                                               \
    set;                                                                                           \
    cr_halves_from_##kind(xs, a);                                                                  \
    if (nin > 1) cr_halves_from_##kind(ys, b);                                                     \
    if (nin > 2) cr_halves_from_##kind(zs, c);                                                     \
    CR_SIMD                                                                                        \
    for (int k = 0; k < CR_HALVES; k++) {                                                          \
      float x = xs[k], y = nin > 1 ? ys[k] : x, z = nin > 2 ? zs[k] : x;                           \
      (void)y, (void)z;                                                                            \
      r[k] = expr;                                                                                 \
    }                                                                                              \
    cr_halves_to_##kind(o, r);                                                                     \
  }                                                                                                \
  static inline void name##_run(int64_t n, uint16_t *o, const uint16_t *a, const uint16_t *b,      \
                                const uint16_t *c, int64_t a_step, int64_t b_step,                 \
                                const void *arg) {                                                 \
    int64_t i = 0;                                                                                 \
    for (; i + CR_HALVES <= n; i += CR_HALVES)                                                     \
      name##_group(o + i, a + i * a_step, b + i * b_step, c + i, arg);                             \
    if (i == n) return;                                                                            \
    uint16_t rest[3][CR_HALVES] = {{0}};                                                           \
    size_t left = (size_t)(n - i) * sizeof *o;                                                     \
    memcpy(rest[0], a + i * a_step, left);                                                         \
    if (nin > 1) memcpy(rest[1], b + i * b_step, left);                                            \
    if (nin > 2) memcpy(rest[2], c + i, left);                                                     \
    name##_group(rest[0], rest[0], rest[1], rest[2], arg);                                         \
    memcpy(o + i, rest[0], left);                                                                  \
  }                                                                                                \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    const uint16_t *a = (const uint16_t *)p[1], *b = (const uint16_t *)p[nin > 1 ? 2 : 1];         \
    name##_run(n, (uint16_t *)p[0], a, b, (const uint16_t *)p[nin > 2 ? 3 : 1], 1, 1, arg);        \
    return true;                                                                                   \
  }

/* The same with the first or the second of two inputs one number. */
#define CR_HALF_NUMBER(name, which)                                                                \
  static bool name##_##which(int64_t n, char *const *p, const void *arg) {                         \
    enum { first = 1, second };                                                                    \
    const uint16_t *in[] = {(const uint16_t *)p[1], (const uint16_t *)p[2]};                       \
    uint16_t number[CR_HALVES];                                                                    \
    for (int k = 0; k < CR_HALVES; k++) number[k] = *in[which - 1];                                \
    in[which - 1] = number;                                                                        \
    name##_run(n, (uint16_t *)p[0], in[0], in[1], in[0], which != first, which != second, arg);    \
    return true;                                                                                   \
  }

#endif
