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

/* CR_WIDTH elements as doubles; gcc 12 makes several conversions where one does. */
static inline cr_wide cr_wide_float(const float *x) {
#if defined(__AVX512F__)
  return (cr_wide)_mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif defined(__AVX2__)
  return (cr_wide)_mm256_cvtps_pd(_mm_loadu_ps(x));
#else
  typedef float narrow __attribute__((vector_size(CR_WIDTH * 4), aligned(4), may_alias));
  return __builtin_convertvector(*(const narrow *)x, cr_wide);
#endif
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
