/* wide.h: vectors of doubles, in which sums of floats accumulate. */
#ifndef CR_WIDE_H
#define CR_WIDE_H

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

static inline cr_floats cr_floats_at(const float *x) {
  return *(const cr_floats_place *)x;
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
