/* dropout.c: zeros by Philox 4x32-10 (Salmon and others, SC 2011), the same on any thread count. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/philox.h"

#define BLOCK (4 * CR_PHILOX_BATCH) /* elements that the counters made at a time serve */

typedef struct {
  void *y;
  const void *x;
  int64_t n;
  double scale;
  uint64_t seed, offset;
  bool any;      /* whether any number falls at all: those up to `last` do */
  uint32_t last; /* p * 2^32 - 1 */
} dropout_job;

/* Blocks begin .. end-1. */
#define DEFINE(real)                                                                               \
  static bool range_##real(void *arg, int64_t begin, int64_t end) {                                \
    const dropout_job *j = arg;                                                                    \
    uint32_t random[BLOCK];                                                                        \
    real scale = (real)j->scale;                                                                   \
    for (int64_t b = begin; b < end; b++) {                                                        \
      int64_t n = cr_min64(BLOCK, j->n - b * BLOCK);                                               \
      const real *x = (const real *)j->x + b * BLOCK;                                              \
      real *y = (real *)j->y + b * BLOCK;                                                          \
      if (!j->any) {                                                                               \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale;                                       \
        continue;                                                                                  \
      }                                                                                            \
      cr_philox(j->seed, j->offset + (uint64_t)(b * CR_PHILOX_BATCH), random);                     \
      for (int64_t i = 0; i < n; i++) y[i] = random[i] <= j->last ? 0 : x[i] * scale;              \
    }                                                                                              \
    return true;                                                                                   \
  }
DEFINE(float)
DEFINE(double)

static bool dropout(cr_dtype dtype, int64_t n, void *y, const void *x, double p, double scale,
                    uint64_t seed, uint64_t offset) {
  uint64_t falling = (uint64_t)(p * 4294967296.0);
  dropout_job j = {y, x, n, scale, seed, offset, falling > 0, (uint32_t)(falling - 1)};
  return cr_cpu_parallel((n + BLOCK - 1) / BLOCK, CR_GRAIN_MATH / BLOCK,
                         dtype == CR_FLOAT32 ? range_float : range_double, &j, NULL);
}

void cr_nn_fill_dropout(cr_nn_backend *b) {
  b->dropout = dropout;
}
