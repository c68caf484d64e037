/* strips.h: the sizes of strips.inc, whose products stay in registers. */
#ifndef CR_STRIPS_H
#define CR_STRIPS_H

#include "tensor/cpu/cpu.h"

#include <string.h>

/* Bytes of a vector. */
#if defined(__AVX512F__)
#define VECTOR 64
#elif defined(__AVX__)
#define VECTOR 32
#else
#define VECTOR 16
#endif

/* Vectors of a panel, and for fewer vectors how many rows the registers hold. */
#define PANEL 3
#if defined(__AVX512F__) || defined(__aarch64__)
#define ROWS(vectors) ((vectors) == 3 ? 8 : 12)
#else
#define ROWS(vectors) ((vectors) == 3 ? 4 : (vectors) == 2 ? 6 : 8)
#endif
#define MOST_ROWS 12

/* Four elements from `at` on of each of four rows, turned: a row of four for each element. */
static inline void turn_square_float(float *to, int64_t width, const float *const *from,
                                     int64_t at) {
  typedef float quad __attribute__((vector_size(16)));
  quad a, b, c, d;
  memcpy(&a, from[0] + at, sizeof a);
  memcpy(&b, from[1] + at, sizeof b);
  memcpy(&c, from[2] + at, sizeof c);
  memcpy(&d, from[3] + at, sizeof d);
  quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5),
       cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  quad ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  quad cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab, cd, 0, 1, 4, 5), b = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
  memcpy(to, &a, sizeof a);
  memcpy(to + width, &b, sizeof b);
  memcpy(to + 2 * width, &c, sizeof c);
  memcpy(to + 3 * width, &d, sizeof d);
}
static inline void turn_square_double(double *to, int64_t width, const double *const *from,
                                      int64_t at) {
  for (int k = 0; k < 4; k++)
    for (int i = 0; i < 4; i++) to[k * width + i] = from[i][at + k];
}

#endif
