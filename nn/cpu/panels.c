/* panels.c: convolution, and its derivative by the input, as products that stay in registers.
 *
 * Each place of the result sees, through each tap of the kernel, an element of each plane below it.
 * What some vectors' worth of places see is a panel: a row for each plane and tap.  A few results'
 * weights times a panel is a sum of rows that registers hold; the weights are read where they are.
 *
 * The derivative by the input is such a convolution too, of the outputs' derivative: one for each
 * remainder of the input's places by the stride, which see every stride-th element of the kernel.
 *
 * A task is a tile of places of a block of channels.  Results do not depend on the number of
 * threads: the division into tasks follows the shape alone. */
#include "nn/cpu/axis.h"

#include <string.h>

/* Elements of panels that share the first-level cache with their weights. */
#define SMALL_PANELS 8192
/* Rows of a panel, so that it stays in a core's first-level cache; places of a tile, so that its
 * panels stay in the second level; the least places and outputs of a task, and how many tasks there
 * should be. */
#define DEPTH 192
#define MOST_PLACES 192
#define LEAST_PLACES 144
#define BLOCK_OUTPUTS 32
#define TASKS 16
/* Elements that the private sums of a derivative's parts may have. */
#define PRIVATE_ELEMENTS (INT64_C(1) << 21)
/* Strides that the derivative by the input is cut for, and the remainders by them. */
#define MOST_STRIDE 2
#define MOST_REMAINDERS (MOST_STRIDE * MOST_STRIDE)
/* Channels whose weights are turned together. */
#define TURN_CHANNELS 8
/* Places of such a part, and rows of the weight of a block, at least. */
#define PART_PLACES 192
#define BLOCK_ROWS 384

typedef struct {
  cr_axis d[2];
  int64_t n, groups, from, to;          /* images; planes seen, and results, of a group */
  int64_t w_group, w_from, w_to, w_row; /* steps in the weights by these and by a kernel's rows */
  int64_t images, rows, columns, down, across, tiles; /* of a tile; tiles of an image, and of all */
  int64_t depth, layers; /* planes of a layer of panels, and how many of these there are */
  int64_t blocks, channels, parts;
  bool turned; /* the sums for a derivative by the weight: outputs last */
  const void *x, *w, *bias;
  void *y;
  void *shared; /* the panels of all tiles, or NULL */
} job;

/* Rows r0 .. r1-1 and columns q0 .. q1-1 of images n0 .. n1-1; `each` places of an image. */
typedef struct {
  int64_t n0, n1, r0, r1, q0, q1, each, places;
} tile;

static tile nth_tile(const job *j, int64_t i) {
  int64_t within = i % (j->down * j->across), r = within / j->across, q = within % j->across;
  tile t = {.n0 = i / (j->down * j->across) * j->images, .r0 = r * j->rows, .q0 = q * j->columns};
  t.n1 = cr_min64(t.n0 + j->images, j->n);
  t.r1 = cr_min64(t.r0 + j->rows, j->d[0].places);
  t.q1 = cr_min64(t.q0 + j->columns, j->d[1].places);
  t.each = (t.r1 - t.r0) * (t.q1 - t.q0);
  t.places = (t.n1 - t.n0) * t.each;
  return t;
}

/* What a product with so many places costs: some lanes of the last panel are idle, and fewer
 * vectors than PANEL take longer than their part of it. */
static int64_t cost(int64_t places, int64_t lanes) {
  int64_t panel = PANEL * lanes, rest = places % panel;
  int64_t vectors = cr_share(rest, lanes);
  return places / panel * panel + (vectors == 1 ? lanes * 4 / 3 : vectors * lanes);
}

/* How many rows of an image a tile has: about `fit` places, and few idle lanes. */
static int64_t cut_rows(int64_t h, int64_t w, int64_t fit, int64_t lanes) {
  int64_t most = cr_min64(h, cr_max64(1, fit / w)), best = most, least_cost = INT64_MAX;
  for (int64_t rows = most; rows > most / 2; rows--) {
    int64_t all = h / rows * cost(rows * w, lanes) + cost(h % rows * w, lanes);
    if (all < least_cost) least_cost = all, best = rows;
  }
  return best;
}

static void cut(job *j, int64_t lanes) {
  int64_t h = j->d[0].places, w = j->d[1].places, taps = j->d[0].taps * j->d[1].taps;
  int64_t fit = cr_share(j->n * h * w * j->groups, TASKS);
  fit = cr_min64(cr_max64(fit, LEAST_PLACES), MOST_PLACES);
  int64_t images = (h * w < LEAST_PLACES ? MOST_PLACES : fit) / (h * w);
  images = cr_min64(j->n, cr_max64(1, images));
  j->images = cr_share(j->n, cr_share(j->n, images)); /* or the last tile would have few */
  j->across = cr_share(w, 2 * MOST_PLACES);
  j->columns = cr_share(w, j->across);
  j->rows = j->images > 1 ? h : cut_rows(h, j->columns, fit, lanes);
  j->down = cr_share(h, j->rows);
  j->tiles = cr_share(j->n, j->images) * j->down * j->across;
  j->depth = cr_min64(j->from, cr_max64(1, DEPTH / taps));
  j->layers = cr_share(j->from, j->depth);
  j->blocks = cr_max64(1, cr_min64(TASKS / (j->tiles * j->groups), j->to / BLOCK_OUTPUTS));
  j->channels = cr_share(j->to, j->blocks);
  j->blocks = cr_share(j->to, j->channels);
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#include "nn/cpu/panels.inc"
#undef REAL
#undef NAME
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#include "nn/cpu/panels.inc"

#define DISPATCH(f, ...) (s->dtype == CR_FLOAT32 ? f##_float(__VA_ARGS__) : f##_double(__VA_ARGS__))

/* The convolution of x as it stands. */
static job forward_job(const cr_conv2d_shape *s, const void *x) {
  job j = {.n = s->n,
           .groups = s->args.groups,
           .from = s->c / s->args.groups,
           .to = s->o / s->args.groups,
           .x = x};
  for (int d = 0; d < 2; d++) j.d[d] = cr_axis_forward(s, d);
  return j;
}

bool cr_panels(const cr_conv2d_shape *s, void *y, const void *x, const void *w, const void *bias) {
  job j = forward_job(s, x);
  j.w_row = s->kw;
  j.w_from = s->kh * s->kw;
  j.w_to = j.from * j.w_from;
  j.w_group = j.to * j.w_to;
  j.w = w, j.bias = bias, j.y = y;
  return DISPATCH(run, &j);
}

bool cr_panels_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x) {
  job j = forward_job(s, x);
  j.w = gy;
  return DISPATCH(weigh, &j, gw);
}

/* Few channels would not repay the panels, nor less than four taps for each remainder. */
bool cr_panels_input_fits(const cr_conv2d_shape *s) {
  int64_t remainders = s->args.stride[0] * s->args.stride[1];
  return s->c / s->args.groups >= 8 && s->args.stride[0] <= MOST_STRIDE &&
         s->args.stride[1] <= MOST_STRIDE && (remainders == 1 || s->kh * s->kw >= 4 * remainders);
}

bool cr_panels_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  const cr_conv2d_args *a = &s->args;
  job jobs[MOST_REMAINDERS];
  int count = 0;
  if (!cr_axis_all_seen(s))
    memset(gx, 0, (size_t)(s->n * s->c * s->h * s->w) * cr_sizeof(s->dtype));
  for (int64_t r = 0; r < cr_min64(a->stride[0], s->h); r++) {
    for (int64_t q = 0; q < cr_min64(a->stride[1], s->w); q++) {
      job j = {.n = s->n, .groups = a->groups, .from = s->o / a->groups, .to = s->c / a->groups};
      j.d[0] = cr_axis_back(s, 0, r);
      j.d[1] = cr_axis_back(s, 1, q);
      j.w_row = s->kw;
      j.w_to = s->kh * s->kw;
      j.w_from = j.to * j.w_to;
      j.w_group = j.from * j.w_from;
      j.x = gy, j.w = w, j.y = gx;
      if (j.d[0].taps * j.d[1].taps > 0) jobs[count++] = j;
    }
  }
  return DISPATCH(run_together, jobs, count);
}
