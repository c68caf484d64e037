/* rotary.c: pairs of elements turned by angles. */
#include "nn/cpu/kernels.h"

typedef struct {
  const cr_rotary_args *a;
  cr_heads y, x;
  const void *cos, *sin;
} rotary_job;

/* Row t is that of place t % l; of batch and head t / l. */
#define DEFINE(real)                                                                               \
  static void pairs_##real(real *restrict y, const real *restrict x, const real *restrict cos,     \
                           const real *restrict sin, int64_t n, real sign, int64_t step,           \
                           int64_t other) {                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      real a = x[i * step], b = x[i * step + other], c = cos[i], s = sign * sin[i];                \
      y[i * step] = a * c - b * s;                                                                 \
      y[i * step + other] = a * s + b * c;                                                         \
    }                                                                                              \
  }                                                                                                \
  static bool rows_##real(void *arg, int64_t begin, int64_t end) {                                 \
    const rotary_job *j = arg;                                                                     \
    const cr_rotary_args *a = j->a;                                                                \
    int64_t n = a->dim / 2;                                                                        \
    real sign = a->inverse ? -1 : 1;                                                               \
    for (int64_t t = begin; t < end; t++) {                                                        \
      int64_t place = t % a->l, head = t / a->l % a->heads, batch = t / a->l / a->heads;           \
      const real *x =                                                                              \
          (const real *)j->x.data + batch * j->x.batch + head * j->x.head + place * j->x.row;      \
      real *y = (real *)j->y.data + batch * j->y.batch + head * j->y.head + place * j->y.row;      \
      const real *cos = (const real *)j->cos + place * n;                                          \
      const real *sin = (const real *)j->sin + place * n;                                          \
      if (a->interleaved) {                                                                        \
        pairs_##real(y, x, cos, sin, n, sign, 2, 1);                                               \
      } else {                                                                                     \
        pairs_##real(y, x, cos, sin, n, sign, 1, n);                                               \
      }                                                                                            \
      for (int64_t i = a->dim; i < a->e; i++) y[i] = x[i];                                         \
    }                                                                                              \
    return true;                                                                                   \
  }
DEFINE(float)
DEFINE(double)

static bool rotary(const cr_rotary_args *a, cr_heads y, cr_heads x, const void *cos,
                   const void *sin) {
  rotary_job j = {a, y, x, cos, sin};
  return cr_cpu_parallel(a->batch * a->heads * a->l, cr_grain(CR_GRAIN_CHEAP, a->e),
                         a->dtype == CR_FLOAT32 ? rows_float : rows_double, &j, NULL);
}

void cr_nn_fill_rotary(cr_nn_backend *b) {
  b->rotary = rotary;
}
