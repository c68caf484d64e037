/* depthwise.c: convolution with one input channel for each group, plane by plane.
 *
 * A plane is copied with its padding around it; for strides above 1 it is parted in several, by the
 * remainders of its rows and columns.  Then the rows are one long line, on which a tap is a shift;
 * what lies between the result's rows is not used. */
#include "nn/cpu/axis.h"
#include "tensor/cpu/wide.h"

#include <string.h>

/* Vectors of a line that are summed together, and taps. */
#define LINE 8
#define TAPS 3
/* Elements of planes that stay in the second-level cache while all remainders are written. */
#define CHUNK (INT64_C(1) << 16)
/* How many times as large as what is seen and given the padded planes may be. */
#define SPARSE 32

typedef struct {
  const cr_conv2d_shape *s;
  bool back; /* the derivative by the input */
  void *out;
  const void *x, *w, *bias;
} job;

/* The parts of a padded plane, by the remainders of rows and columns by the step. */
typedef struct {
  int64_t down, across; /* how many */
  int64_t rows, pitch;  /* of each */
  int64_t line;         /* from the first of the result's places to the last */
} parts;

static parts part_plane(const cr_axis d[2]) {
  int64_t high = cr_axis_reach(&d[0]), wide = cr_axis_reach(&d[1]);
  parts p = {.down = cr_min64(d[0].step, high + 1), .across = cr_min64(d[1].step, wide + 1)};
  p.rows = d[0].places + high / d[0].step;
  p.pitch = d[1].places + wide / d[1].step;
  p.line = (d[0].places - 1) * p.pitch + d[1].places;
  return p;
}

/* Where taps are in the parts. */
static void find_taps(const cr_axis d[2], const parts *p, int64_t *tap) {
  for (int64_t i = 0; i < d[0].taps; i++) {
    for (int64_t j = 0; j < d[1].taps; j++) {
      int64_t row = cr_axis_tap(&d[0], i), column = cr_axis_tap(&d[1], j);
      int64_t part = row % d[0].step * p->across + column % d[1].step;
      *tap++ = (part * p->rows + row / d[0].step) * p->pitch + column / d[1].step;
    }
  }
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define WIDE(x) cr_wide_float(x)
#include "nn/cpu/depthwise.inc"
#undef REAL
#undef NAME
#undef WIDE
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define WIDE(x) cr_wide_double(x)
#include "nn/cpu/depthwise.inc"

/* One input channel and few outputs for each group: products would be vectors by scalars.  Taps far
 * apart would make most of the parted planes empty. */
bool cr_depthwise_fits(const cr_conv2d_shape *s) {
  double high = (double)(s->kh - 1) * (double)s->args.dilation[0] + (double)(s->h + s->oh);
  double wide = (double)(s->kw - 1) * (double)s->args.dilation[1] + (double)(s->w + s->ow);
  return s->c == s->args.groups && s->o <= 4 * s->c && s->c > 1 &&
         high * wide <= SPARSE * (double)(s->h * s->w + s->oh * s->ow);
}

static bool run(const job *j, int64_t n, int64_t images, cr_cpu_range f, cr_cpu_range d) {
  const cr_conv2d_shape *s = j->s;
  return cr_cpu_parallel(
      n, cr_grain(CR_GRAIN_CHEAP, images * cr_max64(s->oh * s->ow * s->kh * s->kw, s->h * s->w)),
      s->dtype == CR_FLOAT32 ? f : d, (void *)j, "nn.conv2d: out of memory");
}

bool cr_depthwise(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                  const void *bias) {
  job j = {.s = s, .out = y, .x = x, .w = w, .bias = bias};
  return run(&j, s->n * s->o, 1, planes_range_float, planes_range_double);
}

bool cr_depthwise_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  job j = {.s = s, .back = true, .out = gx, .x = gy, .w = w};
  return run(&j, s->n * s->c, 1, planes_range_float, planes_range_double);
}

bool cr_depthwise_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x) {
  job j = {.s = s, .out = gw, .x = x, .w = gy};
  return run(&j, s->o, s->n, weight_range_float, weight_range_double);
}
