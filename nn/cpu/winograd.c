/* winograd.c: convolution of float32 by 3x3 kernels of stride 1 in tiles of 4x4 outputs, which
 * takes a quarter of the products: Lavin & Gray, "Fast Algorithms for Convolutional Neural
 * Networks", CVPR 2016, F(4x4, 3x3).
 *
 * A tile sees 6x6 inputs d.  With the matrices below its outputs are A^T [sum over channels of
 * (G g G^T) * (B^T d B)] A, the middle an elementwise product of 36 places: over all channels,
 * outputs and tiles, 36 matrix products.  The rounding error is some 10 times that of plain sums, a
 * few millionths of the outputs' size; tests/nn/test_conv.c bounds it.
 *
 * A task is a block of tiles: rows of tiles of one image, or whole small images; or, where these
 * are few, some channels of one.  Results do not depend on the number of threads: the division into
 * tasks follows the shape alone. */
#include "nn/cpu/kernels.h"

#include <cblas.h>
#include <string.h>

#define PLACES 36
#define P 0.75f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)
/* Tiles that are transformed together. */
#define LANES 16
/* Bytes of transformed inputs and outputs of a block, and its tiles at least and at most. */
#define BLOCK_BYTES (2 << 20)
#define LEAST_TILES 64
#define MOST_TILES 512
/* With fewer blocks than this, threads share each of them. */
#define FEW_BLOCKS 8
/* Fewer tiles do not repay the transformed kernels, and fewer channels the tiles. */
#define WORTH_TILES 36
#define WORTH_CHANNELS 32

/* The convolution of x (n, c, h, w) that gives y (n, o, oh, ow), and what its tasks share. */
typedef struct {
  int64_t n, c, h, w, o, oh, ow, pad[2];
  int64_t down, across; /* tiles of an image */
  cr_tiling blocks;     /* of rows of tiles */
  int64_t most;         /* tiles of a block */
  const float *x, *bias;
  float *y, *kernels; /* transformed: 36 matrices of o rows and c columns */
  const float *weight;
  bool turned; /* weight is (c, o, 3, 3), to be rotated by half a turn: the way back to the input */
} winograd;

static void cut(winograd *g) {
  int64_t fit = BLOCK_BYTES / (PLACES * (int64_t)sizeof(float) * (g->c + g->o));
  int64_t per_image = g->down * g->across;
  fit = cr_min64(cr_max64(fit, LEAST_TILES), MOST_TILES);
  cr_tiling *t = &g->blocks;
  t->images = cr_min64(g->n, cr_max64(1, fit / per_image));
  t->per_image = t->images > 1 ? 1 : (per_image + fit - 1) / fit;
  t->rows = (g->down + t->per_image - 1) / t->per_image;
  t->per_image = (g->down + t->rows - 1) / t->rows;
  t->count = (g->n + t->images - 1) / t->images * t->per_image;
  g->most = (t->images * t->rows * g->across + LANES - 1) / LANES * LANES;
}

/* ---- kernels ---------------------------------------------------------------------------- */

typedef float lanes[LANES];

/* G v for a column v of three. */
static inline void spread(lanes *v, int step, lanes *to, int to_step) {
  const float p = 0.5f / (PP * (PP - QQ)), q = 0.5f / (QQ * (QQ - PP));
  for (int l = 0; l < LANES; l++) {
    float a = v[0][l], b = v[step][l], c = v[2 * step][l];
    float even = p * (a + PP * c), odd = p * P * b, even2 = q * (a + QQ * c), odd2 = q * Q * b;
    to[0][l] = a * (1 / (PP * QQ));
    to[to_step][l] = even + odd;
    to[2 * to_step][l] = even - odd;
    to[3 * to_step][l] = even2 + odd2;
    to[4 * to_step][l] = even2 - odd2;
    to[5 * to_step][l] = c;
  }
}

/* Of output o and `count` inputs from c on. */
static void transform_kernels(const winograd *g, int64_t o, int64_t c, int64_t count) {
  lanes w[9] = {{0}}, half[18], all[PLACES];
  const float *from = g->weight + (g->turned ? c * g->o + o : o * g->c + c) * 9;
  int64_t step = g->turned ? g->o * 9 : 9;
  for (int64_t l = 0; l < count; l++)
    for (int i = 0; i < 9; i++) w[i][l] = from[l * step + (g->turned ? 8 - i : i)];
  for (int j = 0; j < 3; j++) spread(w + j, 3, half + j, 3);
  for (int i = 0; i < 6; i++) spread(half + 3 * i, 1, all + 6 * i, 1);
  for (int i = 0; i < PLACES; i++)
    memcpy(g->kernels + (i * g->o + o) * g->c + c, all[i], (size_t)count * sizeof(float));
}

static bool kernel_range(void *arg, int64_t begin, int64_t end) {
  const winograd *g = arg;
  for (int64_t o = begin; o < end; o++)
    for (int64_t c = 0; c < g->c; c += LANES) transform_kernels(g, o, c, cr_min64(LANES, g->c - c));
  return true;
}

/* ---- inputs ----------------------------------------------------------------------------- */

/* The rows of an image's channel that the block's tiles see, in a frame of zeros. */
static void frame(const winograd *g, const cr_tile *b, const float *x, float *to) {
  int64_t width = 4 * g->across + 2, height = 4 * (b->r1 - b->r0) + 2;
  int64_t left = g->pad[1], from = cr_max64(0, -left), n = cr_min64(g->w, width - left) - from;
  for (int64_t r = 0; r < height; r++, to += width) {
    int64_t row = 4 * b->r0 + r - g->pad[0];
    bool inside = row >= 0 && row < g->h && n > 0;
    int64_t before = inside ? left + from : width, after = inside ? width - before - n : 0;
    memset(to, 0, (size_t)before * sizeof *to);
    if (inside) cr_cpu_copy_bytes(to + before, x + row * g->w + from, (size_t)n * sizeof *to);
    memset(to + width - after, 0, (size_t)after * sizeof *to);
  }
}

/* The inputs of a frame's tiles, place by place: 36 rows `most` apart. */
static void take(const winograd *g, const cr_tile *b, const float *from, float *to) {
  int64_t width = 4 * g->across + 2;
  for (int64_t r = 0; r < b->r1 - b->r0; r++) {
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        const float *p = from + (4 * r + i) * width + j;
        float *q = to + (6 * i + j) * g->most + r * g->across;
        for (int64_t t = 0; t < g->across; t++) q[t] = p[4 * t];
      }
    }
  }
}

/* B^T v for a column v of six. */
static inline void mix(lanes *v, int step) {
  for (int l = 0; l < LANES; l++) {
    float a = v[0][l], b = v[step][l], c = v[2 * step][l];
    float d = v[3 * step][l], e = v[4 * step][l], f = v[5 * step][l];
    float even = e - QQ * c, odd = P * (d - QQ * b);
    float even2 = e - PP * c, odd2 = Q * (d - PP * b);
    v[0][l] = PP * QQ * a - (PP + QQ) * c + e;
    v[step][l] = even + odd;
    v[2 * step][l] = even - odd;
    v[3 * step][l] = even2 + odd2;
    v[4 * step][l] = even2 - odd2;
    v[5 * step][l] = PP * QQ * b - (PP + QQ) * d + f;
  }
}

/* Of one channel, 36 rows `most` apart; row i goes to `to` + i * step. */
static void transform_inputs(const winograd *g, const cr_tile *b, const float *from, float *to,
                             int64_t step) {
  for (int64_t t = 0; t < b->columns; t += LANES) {
    lanes v[PLACES];
    for (int i = 0; i < PLACES; i++) memcpy(v[i], from + i * g->most + t, sizeof v[i]);
    for (int j = 0; j < 6; j++) mix(v + j, 6);
    for (int i = 0; i < 6; i++) mix(v + 6 * i, 1);
    for (int i = 0; i < PLACES; i++) memcpy(to + i * step + t, v[i], sizeof v[i]);
  }
}

/* ---- outputs ---------------------------------------------------------------------------- */

/* A^T v for a column v of six, in its first four. */
static inline void unmix(lanes *v, int step) {
  for (int l = 0; l < LANES; l++) {
    float a = v[0][l], b = v[step][l], c = v[2 * step][l];
    float d = v[3 * step][l], e = v[4 * step][l], f = v[5 * step][l];
    float s = b + c, m = b - c, u = d + e, k = d - e;
    v[0][l] = a + s + u;
    v[step][l] = P * m + Q * k;
    v[2 * step][l] = PP * s + QQ * u;
    v[3 * step][l] = P * PP * m + Q * QQ * k + f;
  }
}

/* Of one channel: 36 rows `step` apart to 16 rows `most` apart. */
static void transform_outputs(const winograd *g, const cr_tile *b, const float *from, int64_t step,
                              float bias, float *to) {
  for (int64_t t = 0; t < b->columns; t += LANES) {
    lanes v[PLACES];
    for (int i = 0; i < PLACES; i++) memcpy(v[i], from + i * step + t, sizeof v[i]);
    for (int j = 0; j < 6; j++) unmix(v + j, 6);
    for (int i = 0; i < 4; i++) unmix(v + 6 * i, 1);
    for (int i = 0; i < 16; i++) {
      float *p = v[i / 4 * 6 + i % 4];
      for (int l = 0; l < LANES; l++) p[l] += bias;
      memcpy(to + i * g->most + t, p, sizeof(lanes));
    }
  }
}

/* The places of a row of tiles, from 16 rows, to an output channel's rows; the last ones may stand
 * out. */
static void put(const winograd *g, const cr_tile *b, const float *from, float *y) {
  for (int64_t r = b->r0; r < b->r1; r++, from += g->across) {
    for (int64_t i = 0; i < cr_min64(4, g->oh - 4 * r); i++) {
      float *to = y + (4 * r + i) * g->ow;
      const float *p = from + 4 * i * g->most, *q = p + g->most, *u = q + g->most, *v = u + g->most;
      int64_t whole = g->ow / 4, rest = g->ow % 4;
      for (int64_t t = 0; t < whole; t++) {
        to[4 * t] = p[t];
        to[4 * t + 1] = q[t];
        to[4 * t + 2] = u[t];
        to[4 * t + 3] = v[t];
      }
      for (int64_t j = 0; j < rest; j++) to[4 * whole + j] = p[j * g->most + whole];
    }
  }
}

/* ---- tasks ------------------------------------------------------------------------------ */

/* A block's transformed inputs and outputs. */
typedef struct {
  const winograd *g;
  cr_tile b;
  float *inputs, *outputs;
} block;

/* What a thread works with besides: the tiles of one channel, and its frame. */
typedef struct {
  float *rows, *frame;
  size_t bytes;
} scratch;

static bool make_scratch(const winograd *g, scratch *s) {
  int64_t rows = PLACES * g->most, frame = (4 * g->blocks.rows + 2) * (4 * g->across + 2);
  s->bytes = (size_t)(rows + frame) * sizeof(float);
  if (!(s->rows = cr_host_alloc(s->bytes))) return false;
  s->frame = s->rows + rows;
  memset(s->rows, 0, (size_t)rows * sizeof(float)); /* lanes beyond the tiles compute on these */
  return true;
}

/* The first of an image's tiles in rows of tiles. */
static int64_t tiles_before(const block *k, int64_t image) {
  return (image - k->b.n0) * (k->b.r1 - k->b.r0) * k->g->across;
}

static void take_channels(const block *k, const scratch *s, int64_t begin, int64_t end) {
  const winograd *g = k->g;
  for (int64_t c = begin; c < end; c++) {
    for (int64_t n = k->b.n0; n < k->b.n1; n++) {
      frame(g, &k->b, g->x + (n * g->c + c) * g->h * g->w, s->frame);
      take(g, &k->b, s->frame, s->rows + tiles_before(k, n));
    }
    transform_inputs(g, &k->b, s->rows, k->inputs + c * g->most, g->c * g->most);
  }
}

static void multiply_places(const block *k, int64_t begin, int64_t end) {
  const winograd *g = k->g;
  int threads = cr_one_blas_thread();
  for (int64_t i = begin; i < end; i++)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)g->o, (int)k->b.columns, (int)g->c,
                1, g->kernels + i * g->o * g->c, (int)g->c, k->inputs + i * g->c * g->most,
                (int)g->most, 0, k->outputs + i * g->o * g->most, (int)g->most);
  cr_restore_blas_threads(threads);
}

static void put_channels(const block *k, const scratch *s, int64_t begin, int64_t end) {
  const winograd *g = k->g;
  for (int64_t o = begin; o < end; o++) {
    transform_outputs(g, &k->b, k->outputs + o * g->most, g->o * g->most, g->bias ? g->bias[o] : 0,
                      s->rows);
    for (int64_t n = k->b.n0; n < k->b.n1; n++)
      put(g, &k->b, s->rows + tiles_before(k, n), g->y + (n * g->o + o) * g->oh * g->ow);
  }
}

static size_t block_bytes(const winograd *g) {
  return (size_t)(PLACES * (g->c + g->o) * g->most) * sizeof(float);
}

static bool make_block(const winograd *g, block *k) {
  *k = (block){.g = g, .inputs = cr_host_alloc(block_bytes(g))};
  if (!k->inputs) return false;
  k->outputs = k->inputs + PLACES * g->c * g->most;
  memset(k->outputs, 0, (size_t)(PLACES * g->o * g->most) * sizeof(float));
  return true;
}

/* A unit is a block. */
static bool block_range(void *arg, int64_t begin, int64_t end) {
  const winograd *g = arg;
  block k;
  scratch s;
  if (!make_block(g, &k)) return false;
  bool ok = make_scratch(g, &s);
  for (int64_t i = begin; ok && i < end; i++) {
    k.b = cr_nth_tile(&g->blocks, g->n, g->down, g->across, i);
    take_channels(&k, &s, 0, g->c);
    multiply_places(&k, 0, PLACES);
    put_channels(&k, &s, 0, g->o);
  }
  if (ok) cr_host_free(s.rows, s.bytes);
  cr_host_free(k.inputs, block_bytes(g));
  return ok;
}

/* The steps of one block on all threads. */
static bool take_range(void *arg, int64_t begin, int64_t end) {
  const block *k = arg;
  scratch s;
  if (!make_scratch(k->g, &s)) return false;
  take_channels(k, &s, begin, end);
  cr_host_free(s.rows, s.bytes);
  return true;
}
static bool multiply_range(void *arg, int64_t begin, int64_t end) {
  multiply_places(arg, begin, end);
  return true;
}
static bool put_range(void *arg, int64_t begin, int64_t end) {
  const block *k = arg;
  scratch s;
  if (!make_scratch(k->g, &s)) return false;
  put_channels(k, &s, begin, end);
  cr_host_free(s.rows, s.bytes);
  return true;
}

static bool run_together(const winograd *g, const char *why) {
  block k;
  bool ok = make_block(g, &k);
  if (!ok) return cr_fail("%s", why);
  int64_t grain = cr_grain(CR_GRAIN_MATH, PLACES * g->most);
  for (int64_t i = 0; ok && i < g->blocks.count; i++) {
    k.b = cr_nth_tile(&g->blocks, g->n, g->down, g->across, i);
    ok = cr_cpu_parallel(g->c, grain, take_range, &k, why) &&
         cr_cpu_parallel(PLACES, 1, multiply_range, &k, why) &&
         cr_cpu_parallel(g->o, grain, put_range, &k, why);
  }
  cr_host_free(k.inputs, block_bytes(g));
  return ok;
}

static bool run(winograd *g) {
  static const char *const why = "nn.conv2d: out of memory";
  size_t bytes = (size_t)(PLACES * g->o * g->c) * sizeof(float);
  g->down = (g->oh + 3) / 4;
  g->across = (g->ow + 3) / 4;
  cut(g);
  if (!(g->kernels = cr_host_alloc(bytes))) return cr_fail("%s", why);
  bool ok =
      cr_cpu_parallel(g->o, cr_grain(CR_GRAIN_MATH, 9 * g->c), kernel_range, g, NULL) &&
      (g->blocks.count < FEW_BLOCKS ? run_together(g, why)
                                    : cr_cpu_parallel(g->blocks.count, 1, block_range, g, why));
  cr_host_free(g->kernels, bytes);
  return ok;
}

bool cr_winograd_fits(const cr_conv2d_shape *s) {
  const cr_conv2d_args *a = &s->args;
  int64_t tiles = s->n * ((s->oh + 3) / 4) * ((s->ow + 3) / 4);
  return s->dtype == CR_FLOAT32 && s->kh == 3 && s->kw == 3 && a->groups == 1 &&
         a->stride[0] == 1 && a->stride[1] == 1 && a->dilation[0] == 1 && a->dilation[1] == 1 &&
         a->pad[0] <= 2 && a->pad[1] <= 2 && s->c >= WORTH_CHANNELS && s->o >= WORTH_CHANNELS &&
         s->oh >= 4 && s->ow >= 4 && tiles >= WORTH_TILES;
}

bool cr_winograd(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                 const void *bias) {
  winograd g = {.n = s->n, .c = s->c, .h = s->h, .w = s->w, .o = s->o, .oh = s->oh, .ow = s->ow};
  memcpy(g.pad, s->args.pad, sizeof g.pad);
  g.x = x, g.y = y, g.weight = w, g.bias = bias;
  return run(&g);
}

bool cr_winograd_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  winograd g = {.n = s->n, .c = s->o, .h = s->oh, .w = s->ow, .o = s->c, .oh = s->h, .ow = s->w};
  g.pad[0] = 2 - s->args.pad[0];
  g.pad[1] = 2 - s->args.pad[1];
  g.x = gy, g.y = gx, g.weight = w, g.turned = true;
  return run(&g);
}
