/* dropout.c: zeros by Philox 4x32-10 (Salmon and others, SC 2011), the same on any thread count. */
#include "nn/cpu/kernels.h"

#define LANES 16          /* counters at a time */
#define BLOCK (4 * LANES) /* elements that they serve */

typedef struct {
  void *y;
  const void *x;
  int64_t n;
  double scale;
  uint64_t seed, offset;
  bool any;      /* whether any number falls at all: those up to `last` do */
  uint32_t last; /* p * 2^32 - 1 */
} dropout_job;

/* The numbers of counters first .. first+LANES-1, in order. */
static void philox(uint64_t first, uint64_t seed, uint32_t out[BLOCK]) {
  uint32_t a[LANES], b[LANES], c[LANES] = {0}, d[LANES] = {0};
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int i = 0; i < LANES; i++) {
    a[i] = (uint32_t)(first + (uint64_t)i);
    b[i] = (uint32_t)((first + (uint64_t)i) >> 32);
  }
  for (int round = 0; round < 10; round++) {
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
      uint64_t p = (uint64_t)a[i] * 0xD2511F53u, q = (uint64_t)c[i] * 0xCD9E8D57u;
      a[i] = (uint32_t)(q >> 32) ^ b[i] ^ k0;
      b[i] = (uint32_t)q;
      c[i] = (uint32_t)(p >> 32) ^ d[i] ^ k1;
      d[i] = (uint32_t)p;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < LANES; i++) {
    out[4 * i] = a[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

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
      philox(j->offset + (uint64_t)(b * LANES), j->seed, random);                                  \
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
