/* pool.c: maxima and averages over windows, a row of windows at a time.
 *
 * Maxima of neighbouring windows stay in registers.  For averages, one sweep along the row for each
 * place in the window takes that place of every window; so the inner loops run over memory and
 * vectorise whatever the kernel's size. */
#include "nn/cpu/kernels.h"

#include <string.h>

/* Windows that are worked on at a time: their state stays in registers and first-level cache. */
#define CHUNK 256

typedef struct {
  const cr_pool2d_shape *s;
  void *out;
  const void *in;
  int64_t *places;
  const int64_t *from;
} pool_job;

/* The first place inside the image of window q of dimension d. */
static int64_t window_first(const cr_pool2d_shape *s, int d, int64_t q) {
  int64_t start = q * s->args.stride[d] - s->args.pad[d], step = s->args.dilation[d];
  return start >= 0 ? start : start + (step - 1 - start) / step * step;
}

/* Rows i0 .. i1-1 of the image, of which every dilation[0]th, are in the windows of output row r.
 */
static void window_rows(const cr_pool2d_shape *s, int64_t r, int64_t *i0, int64_t *i1) {
  int64_t start = r * s->args.stride[0] - s->args.pad[0];
  *i0 = window_first(s, 0, r);
  *i1 = cr_min64(start + s->args.dilation[0] * (s->args.kernel[0] - 1) + 1, s->h);
}

/* The windows among q0 .. q1-1 whose place j is inside the image. */
static void windows_with(const cr_pool2d_shape *s, int64_t j, int64_t *q0, int64_t *q1) {
  int64_t shift = j * s->args.dilation[1] - s->args.pad[1], stride = s->args.stride[1];
  int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
  int64_t end = shift >= s->w ? 0 : (s->w - 1 - shift) / stride + 1;
  *q0 = cr_max64(*q0, first);
  *q1 = cr_min64(*q1, end);
}

/* The places of window q in dimension d that count in an average's divisor. */
static int64_t window_count(const cr_pool2d_shape *s, int d, int64_t q) {
  int64_t size = d == 0 ? s->h : s->w, pad = s->args.pad[d];
  int64_t start = q * s->args.stride[d] - pad, end = start + s->args.kernel[d];
  if (s->args.count_pad) return cr_min64(end, size + pad) - start;
  return cr_min64(end, size) - cr_max64(start, 0);
}

#define REAL float
#define INTEGER int32_t
#define NAME(f) CR_TYPED(f, float)
#include "nn/cpu/pool.inc"
#undef REAL
#undef INTEGER
#undef NAME
#define REAL double
#define INTEGER int64_t
#define NAME(f) CR_TYPED(f, double)
#include "nn/cpu/pool.inc"

static bool run(const pool_job *j, cr_cpu_range f, cr_cpu_range d) {
  const cr_pool2d_shape *s = j->s;
  int64_t work = cr_max64(s->h * s->w, s->oh * s->ow * s->args.kernel[0] * s->args.kernel[1]);
  return cr_cpu_parallel(s->planes, cr_grain(CR_GRAIN_CHEAP, work), s->dtype == CR_FLOAT32 ? f : d,
                         (void *)j, NULL);
}

static bool max_pool2d(const cr_pool2d_shape *s, void *y, int64_t *places, const void *x) {
  pool_job j = {.s = s, .out = y, .in = x, .places = places};
  return run(&j, max_range_float, max_range_double);
}

static bool max_pool2d_backward(const cr_pool2d_shape *s, void *gx, const void *gy,
                                const int64_t *places) {
  pool_job j = {.s = s, .out = gx, .in = gy, .from = places};
  return run(&j, max_backward_range_float, max_backward_range_double);
}

static bool avg_pool2d(const cr_pool2d_shape *s, void *y, const void *x) {
  pool_job j = {.s = s, .out = y, .in = x};
  return run(&j, avg_range_float, avg_range_double);
}

static bool avg_pool2d_backward(const cr_pool2d_shape *s, void *gx, const void *gy) {
  pool_job j = {.s = s, .out = gx, .in = gy};
  return run(&j, avg_backward_range_float, avg_backward_range_double);
}

void cr_nn_fill_pool(cr_nn_backend *b) {
  b->max_pool2d = max_pool2d;
  b->max_pool2d_backward = max_pool2d_backward;
  b->avg_pool2d = avg_pool2d;
  b->avg_pool2d_backward = avg_pool2d_backward;
}
