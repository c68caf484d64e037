/* softmax.c: softmax and its logarithm, and their derivatives.
 *
 * Lines that lie together in memory are worked on one at a time; of lines that run across it, a
 * block of neighbours together. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/vmath.h"

#include <math.h>

#define CHUNK 64 /* neighbouring lines at a time */

typedef struct {
  const cr_middle_shape *s;
  void *out;
  const void *a, *b;
} softmax_job;

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define EXP cr_vexp
#define LOG logf
#include "nn/cpu/softmax.inc"
#undef REAL
#undef NAME
#undef EXP
#undef LOG
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define EXP exp
#define LOG log
#include "nn/cpu/softmax.inc"

/* Tasks are lines when they lie together, else chunks of neighbours. */
static bool run(const softmax_job *j, cr_cpu_range lines, cr_cpu_range chunks) {
  const cr_middle_shape *s = j->s;
  if (s->n == 0) return true;
  if (s->inner == 1)
    return cr_cpu_parallel(s->outer, cr_grain(CR_GRAIN_MATH, s->n), lines, (void *)j, NULL);
  int64_t each = (s->inner + CHUNK - 1) / CHUNK;
  return cr_cpu_parallel(s->outer * each, cr_grain(CR_GRAIN_MATH, s->n * CHUNK), chunks, (void *)j,
                         NULL);
}

#define RUN(f)                                                                                     \
  (s->dtype == CR_FLOAT32 ? run(&j, f##_lines_float, f##_chunks_float)                             \
                          : run(&j, f##_lines_double, f##_chunks_double))

static bool softmax(const cr_middle_shape *s, bool log, void *y, const void *x) {
  softmax_job j = {.s = s, .out = y, .a = x};
  return log ? RUN(log) : RUN(exp);
}

static bool softmax_backward(const cr_middle_shape *s, bool log, void *gx, const void *gy,
                             const void *y) {
  softmax_job j = {.s = s, .out = gx, .a = gy, .b = y};
  return log ? RUN(log_backward) : RUN(exp_backward);
}

void cr_nn_fill_softmax(cr_nn_backend *b) {
  b->softmax = softmax;
  b->softmax_backward = softmax_backward;
}
