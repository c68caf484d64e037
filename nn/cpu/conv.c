/* conv.c: chooses the way to convolve: depthwise.c, winograd.c or panels.c; and the derivative by
 * the input as matrix products where none of them fits.
 *
 * That is w^T gy, a cache's worth of places at a time, added back to where what the places see came
 * from.  Each product runs on one thread.  Results do not depend on the number of threads: the
 * division into tasks follows the shape alone. */
#include "nn/cpu/kernels.h"

#include <cblas.h>
#include <omp.h>
#include <string.h>

/* Bytes of columns that stay in a core's second-level cache. */
#define TILE_BYTES (512 << 10)
/* Fewer columns than this make a product that is mostly packing. */
#define TILE_COLUMNS 64
/* How many tasks there should be. */
#define TASKS 16

static cr_tiling cut(const cr_conv2d_shape *s, int64_t column_bytes) {
  int64_t places = s->oh * s->ow, fit = cr_max64(TILE_BYTES / column_bytes, TILE_COLUMNS);
  cr_tiling t = {.images = 1, .rows = s->oh, .per_image = 1};
  if (places < TILE_COLUMNS) {
    t.images = cr_min64(s->n, cr_min64(2 * TILE_COLUMNS, fit) / places);
    t.count = (s->n + t.images - 1) / t.images;
    return t;
  }
  t.per_image = (places + fit - 1) / fit;
  t.rows = (s->oh + t.per_image - 1) / t.per_image;
  t.per_image = (s->oh + t.rows - 1) / t.rows;
  t.count = s->n * t.per_image;
  return t;
}

static cr_tile nth_tile(const cr_conv2d_shape *s, const cr_tiling *t, int64_t i) {
  return cr_nth_tile(t, s->n, s->oh, s->ow, i);
}

/* The places q0 .. q1-1 of a row whose input position q*stride + shift lies in 0 .. width-1. */
static void valid_range(int64_t shift, int64_t stride, int64_t width, int64_t n, int64_t *q0,
                        int64_t *q1) {
  int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
  int64_t end = shift >= width ? 0 : (width - 1 - shift) / stride + 1;
  *q1 = cr_min64(end, n);
  *q0 = cr_min64(first, *q1 < 0 ? 0 : *q1);
}

/* The parts of one task's work, and the pointers: what the bodies below get. */
typedef struct {
  const cr_conv2d_shape *s;
  cr_tiling t;
  int64_t blocks, channels; /* of a group, and inputs of a block */
  void *out;
  const void *a, *b;
} conv_job;

/* Divides the channels of a group into blocks, so that there are about `tasks` of them. */
static void cut_channels(conv_job *j, int64_t channels, int64_t tasks) {
  int64_t blocks = cr_max64(1, cr_min64(tasks, channels));
  j->channels = (channels + blocks - 1) / blocks;
  j->blocks = (channels + j->channels - 1) / j->channels;
}

/* The group and the channels c0 .. c0+count-1 of task i % (groups * blocks). */
static void nth_block(const conv_job *j, int64_t i, int64_t per_group, int64_t *group, int64_t *c0,
                      int64_t *count) {
  int64_t within = i % j->blocks * j->channels;
  *group = i / j->blocks % j->s->args.groups;
  *c0 = *group * per_group + within;
  *count = cr_min64(j->channels, per_group - within);
}

int cr_one_blas_thread(void) {
  int before = omp_get_max_threads();
  if (before > 1 && !omp_in_parallel()) omp_set_num_threads(1);
  return before;
}

void cr_restore_blas_threads(int before) {
  if (before > 1 && !omp_in_parallel()) omp_set_num_threads(before);
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define GEMM cblas_sgemm
#include "nn/cpu/conv.inc"
#undef REAL
#undef NAME
#undef GEMM

#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define GEMM cblas_dgemm
#include "nn/cpu/conv.inc"

#define DISPATCH(f, ...) (s->dtype == CR_FLOAT32 ? f##_float(__VA_ARGS__) : f##_double(__VA_ARGS__))

/* Elements of the input, and of the result. */
static int64_t seen(const cr_conv2d_shape *s) {
  return s->n * s->c * s->h * s->w;
}
static int64_t given(const cr_conv2d_shape *s) {
  return s->n * s->o * s->oh * s->ow;
}

static bool conv2d(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                   const void *bias) {
  if (given(s) == 0) return true;
  if (seen(s) == 0) return DISPATCH(only_bias, s, y, bias);
  if (cr_depthwise_fits(s)) return cr_depthwise(s, y, x, w, bias);
  if (cr_winograd_fits(s)) return cr_winograd(s, y, x, w, bias);
  return cr_panels(s, y, x, w, bias);
}

static bool conv2d_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  if (seen(s) == 0) return true;
  if (given(s) == 0) {
    memset(gx, 0, (size_t)seen(s) * cr_sizeof(s->dtype));
    return true;
  }
  if (cr_depthwise_fits(s)) return cr_depthwise_input(s, gx, gy, w);
  if (cr_winograd_fits(s)) return cr_winograd_input(s, gx, gy, w);
  if (cr_panels_input_fits(s)) return cr_panels_input(s, gx, gy, w);
  return DISPATCH(backward_input, s, gx, gy, w);
}

static bool conv2d_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x) {
  size_t bytes = (size_t)(s->o * (s->c / s->args.groups) * s->kh * s->kw) * cr_sizeof(s->dtype);
  if (bytes == 0) return true;
  if (seen(s) == 0 || given(s) == 0) {
    memset(gw, 0, bytes);
    return true;
  }
  if (cr_depthwise_fits(s)) return cr_depthwise_weight(s, gw, gy, x);
  return cr_panels_weight(s, gw, gy, x);
}

void cr_nn_fill_conv(cr_nn_backend *b) {
  b->conv2d = conv2d;
  b->conv2d_input = conv2d_input;
  b->conv2d_weight = conv2d_weight;
}
