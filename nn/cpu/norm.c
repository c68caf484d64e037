/* norm.c: batch and layer normalisation, and sums over all but one dimension.  Statistics
 * accumulate in double.
 *
 * A channel whose elements lie together in planes is worked on alone, so that its second and third
 * pass find it in cache.  Where channels alternate element by element, a block of neighbours is
 * worked on together, row by row. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/wide.h"

#include <math.h>
#include <string.h>

#define CHUNK 128 /* neighbouring channels at a time */
#define ROWS 4    /* of these that are added up together */
#define PARTS 16  /* of the rows, for the parameters' gradients of a layer norm */

typedef struct {
  const cr_batch_norm_args *a;
  const cr_middle_shape *s;
  double eps;
  void *y, *mean, *rstd, *gw, *gb;
  const void *x, *g, *w, *b;
  double *sums; /* layer norm: for each part, n sums for the weight and n for the bias */
  int64_t parts;
} norm_job;

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define WIDE(x) cr_wide_float(x)
#include "nn/cpu/norm.inc"
#include "nn/cpu/layer_norm.inc"
#undef REAL
#undef NAME
#undef WIDE
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define WIDE(x) cr_wide_double(x)
#include "nn/cpu/norm.inc"
#include "nn/cpu/layer_norm.inc"

/* Channels one by one, or in chunks of neighbours. */
static bool over_channels(norm_job *j, cr_cpu_range planes, cr_cpu_range chunks) {
  const cr_middle_shape *s = j->s;
  int64_t work = s->outer * s->inner;
  if (s->inner != 1) return cr_cpu_parallel(s->n, cr_grain(CR_GRAIN_MATH, work), planes, j, NULL);
  return cr_cpu_parallel((s->n + CHUNK - 1) / CHUNK, cr_grain(CR_GRAIN_MATH, work * CHUNK), chunks,
                         j, NULL);
}

#define OVER_CHANNELS(f)                                                                           \
  (j.s->dtype == CR_FLOAT32 ? over_channels(&j, f##_planes_float, f##_chunks_float)                \
                            : over_channels(&j, f##_planes_double, f##_chunks_double))

static bool sum_middle(const cr_middle_shape *s, void *out, const void *in) {
  norm_job j = {.s = s, .y = out, .x = in};
  return OVER_CHANNELS(sum);
}

static bool batch_norm(const cr_batch_norm_args *a, void *y, const void *x, void *mean,
                       void *rstd) {
  norm_job j = {.a = a, .s = &a->s, .y = y, .x = x, .mean = mean, .rstd = rstd};
  return OVER_CHANNELS(batch_norm);
}

static bool batch_norm_backward(const cr_batch_norm_args *a, void *gx, void *gw, void *gb,
                                const void *gy, const void *x, const void *mean, const void *rstd) {
  norm_job j = {.a = a,
                .s = &a->s,
                .y = gx,
                .gw = gw,
                .gb = gb,
                .g = gy,
                .x = x,
                .mean = (void *)mean,
                .rstd = (void *)rstd};
  return OVER_CHANNELS(batch_norm_backward);
}

static bool layer_norm(const cr_middle_shape *s, double eps, void *y, const void *x, const void *w,
                       const void *b, void *mean, void *rstd) {
  norm_job j = {.s = s, .eps = eps, .y = y, .x = x, .w = w, .b = b, .mean = mean, .rstd = rstd};
  return cr_cpu_parallel(s->outer, cr_grain(CR_GRAIN_MATH, s->n),
                         s->dtype == CR_FLOAT32 ? layer_norm_range_float : layer_norm_range_double,
                         &j, NULL);
}

static bool layer_norm_backward(const cr_middle_shape *s, void *gx, void *gw, void *gb,
                                const void *gy, const void *x, const void *w, const void *mean,
                                const void *rstd) {
  norm_job j = {.s = s,
                .y = gx,
                .gw = gw,
                .gb = gb,
                .g = gy,
                .x = x,
                .w = w,
                .mean = (void *)mean,
                .rstd = (void *)rstd};
  bool single = s->dtype == CR_FLOAT32;
  j.parts = cr_max64(1, cr_min64(PARTS, s->outer));
  size_t bytes = (size_t)(j.parts * 2 * s->n) * sizeof(double);
  if (!(j.sums = cr_host_alloc(bytes))) return cr_fail("nn.layer_norm: out of memory");
  memset(j.sums, 0, bytes);
  bool ok = cr_cpu_parallel(
      j.parts, cr_grain(CR_GRAIN_MATH, s->outer / j.parts * s->n),
      single ? layer_norm_backward_range_float : layer_norm_backward_range_double, &j, NULL);
  if (ok && single) layer_norm_sums_float(&j);
  if (ok && !single) layer_norm_sums_double(&j);
  cr_host_free(j.sums, bytes);
  return ok;
}

void cr_nn_fill_norm(cr_nn_backend *b) {
  b->sum_middle = sum_middle;
  b->batch_norm = batch_norm;
  b->batch_norm_backward = batch_norm_backward;
  b->layer_norm = layer_norm;
  b->layer_norm_backward = layer_norm_backward;
}
