/* wide.h: vectors of doubles, in which sums of floats accumulate. */
#ifndef CR_WIDE_H
#define CR_WIDE_H

#include "tensor/half.h"

#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define CR_WIDTH 8
#elif defined(__AVX2__)
#define CR_WIDTH 4
#else
#define CR_WIDTH 2
#endif
typedef double cr_wide __attribute__((vector_size(CR_WIDTH * 8)));
/* One anywhere in memory. */
typedef double cr_wide_place __attribute__((vector_size(CR_WIDTH * 8), aligned(8), may_alias));
typedef int64_t cr_wide_int __attribute__((vector_size(CR_WIDTH * 8)));

/* Floats as wide: twice as many. */
typedef float cr_floats __attribute__((vector_size(CR_WIDTH * 8)));
typedef float cr_floats_place __attribute__((vector_size(CR_WIDTH * 8), aligned(4), may_alias));
typedef float cr_half_floats __attribute__((vector_size(CR_WIDTH * 4)));
typedef float cr_half_place __attribute__((vector_size(CR_WIDTH * 4), aligned(4), may_alias));

static inline cr_floats cr_floats_f32(const float *x) {
  return *(const cr_floats_place *)x;
}
/* Of halves. */
static inline cr_floats cr_floats_f16(const uint16_t *x) {
#if defined(__AVX512F__)
  return (cr_floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)x));
#elif defined(__F16C__) && defined(__AVX2__)
  return (cr_floats)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)x));
#else
  cr_floats y;
  for (int k = 0; k < 2 * CR_WIDTH; k++) y[k] = cr_f16_to_float(x[k]);
  return y;
#endif
}
static inline cr_floats cr_floats_bf16(const uint16_t *x) {
#if defined(__AVX512F__)
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)x));
  return (cr_floats)_mm512_slli_epi32(wide, 16);
#elif defined(__AVX2__)
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)x));
  return (cr_floats)_mm256_slli_epi32(wide, 16);
#else
  cr_floats y;
  for (int k = 0; k < 2 * CR_WIDTH; k++) y[k] = cr_bf16_to_float(x[k]);
  return y;
#endif
}

/* gcc 12 makes several conversions where one does. */
static inline cr_wide cr_widen(cr_half_floats x) {
#if defined(__AVX512F__)
  return (cr_wide)_mm512_cvtps_pd((__m256)x);
#elif defined(__AVX2__)
  return (cr_wide)_mm256_cvtps_pd((__m128)x);
#else
  return __builtin_convertvector(x, cr_wide);
#endif
}

/* The first and the second half as doubles. */
static inline cr_wide cr_widen_first(cr_floats x) {
#if defined(__AVX512F__)
  return cr_widen((cr_half_floats)_mm512_castps512_ps256((__m512)x));
#elif defined(__AVX2__)
  return cr_widen((cr_half_floats)_mm256_castps256_ps128((__m256)x));
#else
  return cr_widen(__builtin_shufflevector(x, x, 0, 1));
#endif
}
static inline cr_wide cr_widen_second(cr_floats x) {
#if defined(__AVX512F__)
  return cr_widen((cr_half_floats)_mm512_extractf32x8_ps((__m512)x, 1));
#elif defined(__AVX2__)
  return cr_widen((cr_half_floats)_mm256_extractf128_ps((__m256)x, 1));
#else
  return cr_widen(__builtin_shufflevector(x, x, 2, 3));
#endif
}

/* CR_WIDTH elements as doubles. */
static inline cr_wide cr_wide_float(const float *x) {
  return cr_widen(*(const cr_half_place *)x);
}
static inline cr_wide cr_wide_double(const double *x) {
  return *(const cr_wide_place *)x;
}

static inline double cr_wide_sum(cr_wide x) {
  double sum = 0;
  for (int k = 0; k < CR_WIDTH; k++) sum += x[k];
  return sum;
}

#endif
