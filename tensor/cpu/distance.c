/* distance.c: Euclidean distances between rows. */
#include "tensor/cpu/cpu.h"

#include <math.h>

typedef struct {
  char *out;
  const char *a, *b;
  int64_t n, m, d; /* of each batch: rows of a, rows of b, elements of a row */
} distances;

/* Rows first to last of all batches together; squares add up in double. */
#define ROWS(name, type)                                                                           \
  static bool name(void *arg, int64_t first, int64_t last) {                                       \
    const distances *s = arg;                                                                      \
    for (int64_t r = first; r < last; r++) {                                                       \
      const type *a = (const type *)s->a + r * s->d;                                               \
      const type *b = (const type *)s->b + r / s->n * s->m * s->d;                                 \
      type *out = (type *)s->out + r * s->m;                                                       \
      for (int64_t j = 0; j < s->m; j++, b += s->d) {                                              \
        double sum = 0;                                                                            \
        _Pragma("omp simd reduction(+ : sum)") for (int64_t k = 0; k < s->d; k++) {                \
          double apart = (double)a[k] - (double)b[k];                                              \
          sum += apart * apart;                                                                    \
        }                                                                                          \
        out[j] = (type)sqrt(sum);                                                                  \
      }                                                                                            \
    }                                                                                              \
    return true;                                                                                   \
  }

ROWS(rows_f32, float)
ROWS(rows_f64, double)

static bool euclidean(cr_dtype dtype, void *out, const void *a, const void *b, int64_t batch,
                      int64_t n, int64_t m, int64_t d) {
  distances s = {out, a, b, n, m, d};
  int64_t work = cr_max64(1, m * cr_max64(1, d)); /* of a row */
  return cr_cpu_parallel(batch * n, cr_max64(1, CR_GRAIN_CHEAP / work),
                         dtype == CR_FLOAT64 ? rows_f64 : rows_f32, &s, NULL);
}

void CR_ISA_NAME(cr_cpu_distance)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_distance)(cr_backend *b) {
  b->euclidean = euclidean;
}
