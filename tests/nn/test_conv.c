/* test_conv.c: convolution and pooling against plain loops in double, and their derivatives. */
#include "tests/nn/common.h"

/* ---- the plain loops -------------------------------------------------------------------- */

typedef struct {
  int64_t x[4], w[4], y[4];
  cr_conv2d_args a;
} geometry;

static geometry layout(const int64_t x[4], int64_t o, int64_t kh, int64_t kw, cr_conv2d_args a) {
  geometry g = {{x[0], x[1], x[2], x[3]}, {o, x[1] / a.groups, kh, kw}, {x[0], o, 0, 0}, a};
  for (int d = 0; d < 2; d++)
    g.y[2 + d] = (x[2 + d] + 2 * a.pad[d] - a.dilation[d] * (g.w[2 + d] - 1) - 1) / a.stride[d] + 1;
  return g;
}

/* Calls visit for each product w[iw] x[ix] that adds to y[iy]. */
static void each_product(const geometry *g,
                         void (*visit)(void *p, int64_t iy, int64_t iw, int64_t ix), void *p) {
  int64_t og = g->y[1] / g->a.groups;
  for (int64_t n = 0; n < g->y[0]; n++)
    for (int64_t o = 0; o < g->y[1]; o++)
      for (int64_t r = 0; r < g->y[2]; r++)
        for (int64_t q = 0; q < g->y[3]; q++)
          for (int64_t c = 0; c < g->w[1]; c++)
            for (int64_t i = 0; i < g->w[2]; i++)
              for (int64_t j = 0; j < g->w[3]; j++) {
                int64_t h = r * g->a.stride[0] - g->a.pad[0] + i * g->a.dilation[0];
                int64_t w = q * g->a.stride[1] - g->a.pad[1] + j * g->a.dilation[1];
                if (h < 0 || w < 0 || h >= g->x[2] || w >= g->x[3]) continue;
                visit(p, ((n * g->y[1] + o) * g->y[2] + r) * g->y[3] + q,
                      ((o * g->w[1] + c) * g->w[2] + i) * g->w[3] + j,
                      ((n * g->x[1] + o / og * g->w[1] + c) * g->x[2] + h) * g->x[3] + w);
              }
}

typedef struct {
  const double *x, *w, *gy;
  double *y, *gx, *gw;
} arrays;

static void add_product(void *p, int64_t iy, int64_t iw, int64_t ix) {
  arrays *a = p;
  a->y[iy] += a->w[iw] * a->x[ix];
  a->gx[ix] += a->w[iw] * a->gy[iy];
  a->gw[iw] += a->gy[iy] * a->x[ix];
}

static cr_tensor *zeros(const int64_t shape[4]) {
  return must(cr_full(CR_FLOAT64, CPU, 4, shape, cr_num(0)));
}

static void check_conv(const int64_t xs[4], int64_t o, int64_t kh, int64_t kw, cr_conv2d_args a,
                       cr_dtype dtype) {
  geometry g = layout(xs, o, kh, kw, a);
  CR_AUTO x = leaf(1, dtype, 4, g.x);
  CR_AUTO w = leaf(2, dtype, 4, g.w);
  CR_AUTO b = leaf(3, dtype, 1, &o);
  CR_AUTO gy = numbers(4, dtype, 4, g.y);
  CR_AUTO y = must(cr_conv2d(x, w, b, &a));
  back(y, gy);
  CR_AUTO x64 = cr_cast(x, CR_FLOAT64);
  CR_AUTO w64 = cr_cast(w, CR_FLOAT64);
  CR_AUTO g64 = cr_cast(gy, CR_FLOAT64);
  CR_AUTO ry = zeros(g.y);
  CR_AUTO rx = zeros(g.x);
  CR_AUTO rw = zeros(g.w);
  CR_AUTO rb = must(cr_reduce(CR_SUM, g64, 3, (int[]){0, 2, 3}, false, NULL));
  arrays p = {cr_data(x64), cr_data(w64), cr_data(g64), cr_data(ry), cr_data(rx), cr_data(rw)};
  int64_t places = g.y[2] * g.y[3];
  for (int64_t i = 0; i < cr_numel(ry); i++) p.y[i] = at(b, i / places % o);
  each_product(&g, add_product, &p);
  double tol = dtype == CR_FLOAT64 ? 1e-12 : 3e-5;
  SAME(y, ry, tol);
  SAME(cr_grad(x), rx, tol);
  SAME(cr_grad(w), rw, tol);
  SAME(cr_grad(b), rb, tol);
}

static const cr_conv2d_args plain = {{1, 1}, {0, 0}, {1, 1}, 1};

/* Each row meets another way through the kernels: several images in a tile, several tiles in an
 * image, 1x1 kernels, one channel for each group, fewer outputs than inputs, gaps at borders. */
static void test_conv_against_loops(void **unused) {
  (void)unused;
  static const struct {
    int64_t x[4], o, kh, kw;
    cr_conv2d_args a;
  } cases[] = {
      {{1, 1, 3, 3}, 1, 3, 3, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {{3, 1, 12, 12}, 4, 5, 5, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {{2, 4, 7, 6}, 6, 3, 3, {{2, 1}, {1, 2}, {1, 1}, 2}},
      {{2, 3, 11, 9}, 5, 3, 2, {{1, 3}, {2, 1}, {2, 3}, 1}},
      {{40, 6, 4, 4}, 7, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{150, 4, 3, 3}, 4, 3, 3, {{1, 1}, {0, 0}, {1, 1}, 2}},
      {{1, 48, 36, 36}, 8, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{2, 64, 20, 21}, 3, 5, 3, {{1, 1}, {2, 1}, {1, 1}, 1}},
      {{3, 8, 10, 9}, 12, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {{3, 8, 10, 9}, 12, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 4}},
      {{20, 8, 5, 5}, 6, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {{3, 8, 10, 9}, 6, 1, 1, {{2, 2}, {0, 0}, {1, 1}, 1}},
      {{3, 8, 10, 9}, 6, 1, 1, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{2, 6, 9, 8}, 6, 3, 2, {{1, 1}, {0, 3}, {2, 3}, 6}},
      {{2, 6, 9, 8}, 18, 1, 3, {{1, 1}, {2, 0}, {1, 1}, 6}},
      {{2, 2, 4, 3}, 2, 3, 3, {{1, 1}, {4, 4}, {1, 1}, 2}},
      {{2, 6, 9, 8}, 6, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 6}},
      {{2, 6, 9, 8}, 12, 3, 3, {{2, 3}, {1, 0}, {2, 1}, 6}},
      {{1, 16, 6, 6}, 130, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{1, 2, 2, 2}, 3, 4, 4, {{1, 1}, {5, 5}, {1, 1}, 1}},
      {{1, 2, 5, 2}, 3, 1, 9, {{1, 4}, {0, 4}, {1, 1}, 1}},
      /* panels: weights turned for the way back, remainders that see nothing, blocks of outputs
       * that share panels, several layers of them, rows in parts, groups, the last places of an
       * image */
      {{2, 24, 33, 31}, 40, 4, 4, {{2, 2}, {1, 1}, {1, 1}, 1}},
      {{2, 10, 11, 12}, 12, 3, 3, {{2, 2}, {2, 1}, {2, 2}, 1}},
      {{3, 12, 9, 8}, 9, 1, 1, {{2, 2}, {0, 0}, {1, 1}, 1}},
      {{1, 80, 9, 9}, 70, 3, 3, {{2, 2}, {1, 1}, {1, 1}, 1}},
      {{1, 130, 5, 5}, 129, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{1, 9, 2, 700}, 12, 1, 3, {{1, 1}, {0, 1}, {1, 1}, 1}},
      {{1, 9, 3, 900}, 12, 2, 3, {{1, 2}, {0, 1}, {1, 1}, 1}},
      {{2, 8, 40, 40}, 9, 7, 7, {{2, 2}, {3, 3}, {1, 1}, 1}},
      {{9, 33, 5, 7}, 50, 3, 3, {{1, 1}, {2, 2}, {2, 2}, 1}},
      {{3, 18, 12, 11}, 22, 3, 2, {{2, 1}, {1, 2}, {1, 2}, 2}},
      {{2, 16, 2, 3}, 20, 3, 3, {{1, 2}, {5, 6}, {1, 1}, 1}},
      {{2, 9, 14, 14}, 30, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {{1, 2, 3, 3}, 3, 2, 3, {{1 << 20, 1 << 20}, {1 << 21, 1 << 20}, {1, 1}, 1}},
      {{1, 3, 3, 3}, 3, 2, 3, {{1 << 20, 1 << 20}, {1 << 20, 1 << 21}, {1, 1}, 3}},
      {{1, 200, 3, 2}, 40, 2, 2, {{3, 3}, {1, 1}, {1, 1}, 1}},
      /* taps far apart */
      {{1, 9, 40, 41}, 12, 3, 3, {{1, 1}, {20, 21}, {20, 21}, 1}},
      {{2, 9, 1, 1500}, 12, 1, 3, {{1, 1}, {0, 300}, {1, 600}, 1}},
      {{2, 10, 50, 43}, 8, 3, 2, {{2, 3}, {0, 14}, {21, 19}, 2}},
      {{1, 2, 2, 2}, 2, 2, 2, {{1, 1}, {1 << 29, 1 << 29}, {1 << 30, 1 << 30}, 1}},
      {{1, 9, 2, 2}, 9, 2, 2, {{1, 1}, {1 << 29, 1 << 29}, {1 << 30, 1 << 30}, 9}},
      {{2, 9, 4, 3}, 9, 3, 2, {{3, 1}, {1 << 30, 1 << 29}, {1 << 30, 1 << 30}, 1}},
      /* one channel for each group: strides, long lines, padding larger than the kernel */
      {{2, 6, 30, 29}, 6, 3, 3, {{2, 2}, {1, 1}, {1, 1}, 6}},
      {{2, 5, 13, 14}, 10, 5, 3, {{3, 2}, {2, 1}, {1, 3}, 5}},
      {{3, 4, 2, 3}, 4, 3, 2, {{1, 2}, {7, 5}, {2, 1}, 4}},
      {{2, 3, 7, 7}, 3, 7, 7, {{1, 1}, {0, 0}, {1, 1}, 3}},
      {{2, 3, 40, 39}, 3, 3, 3, {{1, 1}, {18, 17}, {18, 17}, 3}},
      /* by Winograd's method: parts of an image, several images, tiles that stand out, all paddings
       */
      {{1, 33, 21, 34}, 36, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{5, 32, 13, 12}, 34, 3, 3, {{1, 1}, {0, 2}, {1, 1}, 1}},
      {{20, 36, 7, 7}, 32, 3, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
      {{30, 32, 6, 5}, 32, 3, 3, {{1, 1}, {2, 1}, {1, 1}, 1}},
      {{2, 32, 20, 21}, 49, 3, 3, {{1, 1}, {0, 0}, {1, 1}, 1}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_conv(cases[i].x, cases[i].o, cases[i].kh, cases[i].kw, cases[i].a, CR_FLOAT64);
    check_conv(cases[i].x, cases[i].o, cases[i].kh, cases[i].kw, cases[i].a, CR_FLOAT32);
  }
}

/* Many blocks of tiles by Winograd's method, against products in double. */
static void test_conv_many_blocks(void **unused) {
  (void)unused;
  cr_conv2d_args a = {{1, 1}, {1, 1}, {1, 1}, 1};
  CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(17, 32, 40, 40));
  CR_AUTO w = leaf(2, CR_FLOAT32, SHAPE(33, 32, 3, 3));
  CR_AUTO g = numbers(4, CR_FLOAT32, SHAPE(17, 33, 40, 40));
  CR_AUTO x64 = leaf(1, CR_FLOAT64, SHAPE(17, 32, 40, 40));
  CR_AUTO w64 = cr_cast(w, CR_FLOAT64);
  CR_AUTO g64 = cr_cast(g, CR_FLOAT64);
  CR_AUTO y = must(cr_conv2d(x, w, NULL, &a));
  CR_AUTO y64 = must(cr_conv2d(x64, w64, NULL, &a));
  back(y, g);
  back(y64, g64);
  SAME(y, y64, 3e-5);
  SAME(cr_grad(x), cr_grad(x64), 3e-5);
}

/* The next number of stream s, in lo .. hi. */
static int64_t draw(uint64_t s, uint64_t *k, int64_t lo, int64_t hi) {
  return lo + (int64_t)(unit(s, (*k)++) * (double)(hi - lo + 1));
}

static void test_conv_random(void **unused) {
  (void)unused;
  uint64_t k = 0;
  for (int i = 0; i < 60; i++) {
    int64_t groups = draw(77, &k, 1, 3), kh = draw(77, &k, 1, 4), kw = draw(77, &k, 1, 4);
    cr_conv2d_args a = {{draw(77, &k, 1, 3), draw(77, &k, 1, 3)},
                        {draw(77, &k, 0, 3), draw(77, &k, 0, 3)},
                        {draw(77, &k, 1, 2), draw(77, &k, 1, 2)},
                        0};
    a.groups = groups;
    int64_t x[4] = {draw(77, &k, 1, 5), groups * draw(77, &k, 1, i % 3 ? 4 : 11),
                    a.dilation[0] * kh + draw(77, &k, 0, 9),
                    a.dilation[1] * kw + draw(77, &k, 0, 9)};
    check_conv(x, groups * draw(77, &k, 1, i % 3 ? 5 : 9), kh, kw, a,
               i % 2 ? CR_FLOAT32 : CR_FLOAT64);
  }
}

static cr_tensor *conv_with_bias(void *ctx, cr_tensor *const *in) {
  return cr_conv2d(in[0], in[1], in[2], ctx);
}
static cr_tensor *conv_without_bias(void *ctx, cr_tensor *const *in) {
  return cr_conv2d(in[0], in[1], NULL, ctx);
}

static void test_conv_gradients(void **unused) {
  (void)unused;
  cr_conv2d_args a = {{2, 1}, {1, 0}, {1, 2}, 2}, depth = {{1, 2}, {1, 1}, {1, 1}, 2};
  CR_AUTO x = leaf(1, CR_FLOAT64, SHAPE(2, 4, 5, 6));
  CR_AUTO w = leaf(2, CR_FLOAT64, SHAPE(4, 2, 3, 2));
  CR_AUTO b = leaf(3, CR_FLOAT64, SHAPE(4));
  CHECK_GRADIENTS(conv_with_bias, &a, x, w, b);
  CR_AUTO x2 = leaf(1, CR_FLOAT64, SHAPE(2, 2, 4, 5));
  CR_AUTO w2 = leaf(2, CR_FLOAT64, SHAPE(2, 1, 3, 2));
  CHECK_GRADIENTS(conv_without_bias, &depth, x2, w2);
  CR_AUTO one = leaf(1, CR_FLOAT64, SHAPE(4, 5, 6));
  CHECK_GRADIENTS(conv_with_bias, &a, one, w, b);
}

static void test_conv_strided_and_single(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(2, 3, 8, 7));
  CR_AUTO w = numbers(2, CR_FLOAT32, SHAPE(4, 3, 3, 3));
  CR_AUTO y = must(cr_conv2d(x, w, NULL, &plain));
  CR_AUTO xs = shuffled(x);
  CR_AUTO ws = shuffled(w);
  CR_AUTO ys = must(cr_conv2d(xs, ws, NULL, &plain));
  SAME(ys, y, 0);
  CR_AUTO first = must(cr_select(x, 0, 1));
  CR_AUTO y1 = must(cr_conv2d(first, w, NULL, &plain));
  CR_AUTO want = must(cr_select(y, 0, 1));
  SAME(y1, want, 1e-6);
}

static void test_conv_empty_batch(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(0, 3, 8, 7));
  CR_AUTO w = leaf(2, CR_FLOAT32, SHAPE(4, 3, 3, 3));
  CR_AUTO b = leaf(3, CR_FLOAT32, SHAPE(4));
  CR_AUTO y = must(cr_conv2d(x, w, b, &plain));
  CR_AUTO want = must(cr_full(CR_FLOAT32, CPU, SHAPE(0, 4, 6, 5), cr_num(0)));
  SAME(y, want, 0);
  back(y, want);
  CR_AUTO none = must(cr_zeros_like(w));
  SAME(cr_grad(w), none, 0);
}

/* Kernels that give nothing, of each way through them: what is seen has a derivative of zeros. */
static void test_conv_no_outputs(void **unused) {
  (void)unused;
  for (int64_t groups = 1; groups <= 10; groups += 9) {
    cr_conv2d_args a = plain;
    a.groups = groups;
    CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(2, 10, 8, 7));
    CR_AUTO w = leaf(2, CR_FLOAT32, SHAPE(0, 10 / groups, 3, 3));
    CR_AUTO y = must(cr_conv2d(x, w, NULL, &a));
    back(y, y);
    CR_AUTO none = must(cr_zeros_like(x));
    SAME(cr_grad(x), none, 0);
  }
}

/* Planes without elements, or no planes, of each way through them: the result is the bias, and what
 * is not there has no derivative. */
static void test_conv_no_inputs(void **unused) {
  (void)unused;
  for (int k = 0; k < 4; k++) {
    int64_t groups = k % 2 ? 10 : 1, high = k < 2 ? 0 : 3;
    cr_conv2d_args a = {{1, 1}, {1, 1}, {1, 1}, groups};
    CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(2, 10, high, high ? 0 : 5));
    CR_AUTO w = leaf(2, CR_FLOAT32, SHAPE(20, 10 / groups, 2, 2));
    CR_AUTO b = leaf(3, CR_FLOAT32, SHAPE(20));
    CR_AUTO y = must(cr_conv2d(x, w, b, &a));
    CR_AUTO column = must(cr_reshape(b, 3, (int64_t[]){20, 1, 1}));
    CR_AUTO want = must(cr_expand(column, y->ndim, y->shape));
    SAME(y, want, 0);
    back(y, y);
    CR_AUTO none = must(cr_zeros_like(w));
    SAME(cr_grad(w), none, 0);
  }
}

static void test_conv_half(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(2, 3, 8, 7));
  CR_AUTO w = numbers(2, CR_FLOAT32, SHAPE(4, 3, 3, 3));
  for (int i = 0; i < 2; i++) {
    cr_dtype half = i ? CR_BFLOAT16 : CR_FLOAT16;
    CR_AUTO xh = must(cr_cast(x, half));
    CR_AUTO wh = must(cr_cast(w, half));
    assert_true(cr_set_requires_grad(wh, true));
    CR_AUTO y = must(cr_conv2d(xh, wh, NULL, &plain));
    CR_AUTO want = must(cr_conv2d(x, w, NULL, &plain));
    assert_int_equal(y->dtype, half);
    SAME(y, want, i ? 0.05 : 0.01);
    CR_AUTO g = must(cr_ones_like(y));
    back(y, g);
    assert_int_equal(cr_grad(wh)->dtype, half);
  }
}

static void test_conv_refusals(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(2, 3, 8, 7));
  CR_AUTO w = numbers(2, CR_FLOAT32, SHAPE(4, 3, 3, 3));
  CR_AUTO wide = numbers(2, CR_FLOAT64, SHAPE(4, 3, 3, 3));
  CR_AUTO big = numbers(2, CR_FLOAT32, SHAPE(4, 3, 9, 3));
  CR_AUTO five = numbers(2, CR_FLOAT32, SHAPE(4, 5, 3, 3));
  CR_AUTO flat = numbers(2, CR_FLOAT32, SHAPE(4, 27));
  CR_AUTO whole = numbers(1, CR_INT32, SHAPE(2, 3, 8, 7));
  CR_AUTO b = numbers(3, CR_FLOAT32, SHAPE(5));
  cr_conv2d_args a = plain;
  REFUSED(cr_conv2d(x, five, NULL, &a),
          "nn.conv2d: input 2x3x8x7 has 3 channels, but weight 4x5x3x3 with 1 group wants 5");
  REFUSED(cr_conv2d(x, big, NULL, &a), "does not fit into input 2x3x8x7 with padding 0x0");
  REFUSED(cr_conv2d(x, wide, NULL, &a), "nn.conv2d: input is float32, but weight is float64");
  REFUSED(cr_conv2d(x, flat, NULL, &a), "nn.conv2d: weight is 4x27, wanted 4 dimensions");
  REFUSED(cr_conv2d(flat, w, NULL, &a), "nn.conv2d: input is 4x27, wanted batch x channels");
  REFUSED(cr_conv2d(x, w, b, &a), "nn.conv2d: bias is 5, wanted 4 elements");
  REFUSED(cr_conv2d(whole, w, NULL, &a), "int32");
  a.stride[1] = 0;
  REFUSED(cr_conv2d(x, w, NULL, &a), "nn.conv2d: stride 0");
  a = plain;
  a.pad[0] = -1;
  REFUSED(cr_conv2d(x, w, NULL, &a), "nn.conv2d: padding -1");
  a = plain;
  a.groups = 3;
  REFUSED(cr_conv2d(x, w, NULL, &a), "which 3 groups do not divide");
  a = plain;
  a.dilation[0] = INT64_C(1) << 40;
  REFUSED(cr_conv2d(x, w, NULL, &a), "nn.conv2d: dilation");
}

/* <conv2d(x), y> = <x, transposed(y)>, and the bias is added to every place. */
static void test_conv_transpose(void **unused) {
  (void)unused;
  cr_conv2d_args a = {{2, 3}, {1, 0}, {1, 2}, 2};
  CR_AUTO x = numbers(1, CR_FLOAT64, SHAPE(2, 6, 8, 9));
  CR_AUTO w = numbers(2, CR_FLOAT64, SHAPE(4, 3, 3, 2));
  CR_AUTO y = must(cr_conv2d(x, w, NULL, &a));
  CR_AUTO g = numbers(3, CR_FLOAT64, 4, y->shape);
  CR_AUTO back = must(cr_conv_transpose2d(g, w, NULL, &a, (int64_t[]){1, 0}));
  assert_int_equal(back->shape[2], 8);
  assert_int_equal(back->shape[3], 9);
  CR_AUTO there = must(cr_binary(CR_MUL, y, g, NULL));
  CR_AUTO here = must(cr_binary(CR_MUL, x, back, NULL));
  double sums[2] = {0, 0};
  for (int64_t i = 0; i < cr_numel(there); i++) sums[0] += ((double *)cr_data(there))[i];
  for (int64_t i = 0; i < cr_numel(here); i++) sums[1] += ((double *)cr_data(here))[i];
  assert_true(fabs(sums[0] - sums[1]) < 1e-10);
  CR_AUTO b = numbers(4, CR_FLOAT64, SHAPE(6));
  CR_AUTO with = must(cr_conv_transpose2d(g, w, b, &a, (int64_t[]){1, 0}));
  for (int64_t i = 0; i < cr_numel(with); i++) {
    double bias = ((double *)cr_data(b))[i / 72 % 6];
    assert_true(fabs(((double *)cr_data(with))[i] - ((double *)cr_data(back))[i] - bias) < 1e-12);
  }
}

static cr_tensor *transposed(void *ctx, cr_tensor *const *in) {
  return cr_conv_transpose2d(in[0], in[1], in[2], ctx, (int64_t[]){1, 0});
}

static void test_conv_transpose_gradients(void **unused) {
  (void)unused;
  cr_conv2d_args a = {{2, 1}, {1, 0}, {1, 2}, 2};
  CR_AUTO x = numbers(1, CR_FLOAT64, SHAPE(2, 4, 3, 2));
  CR_AUTO w = numbers(2, CR_FLOAT64, SHAPE(4, 1, 3, 2));
  CR_AUTO b = numbers(3, CR_FLOAT64, SHAPE(2));
  CHECK_GRADIENTS(transposed, &a, x, w, b);
}

static void test_conv_transpose_refusals(void **unused) {
  (void)unused;
  static const int64_t none[2] = {0, 0}, row[2] = {1, 0}, less[2] = {0, -1};
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(2, 4, 3, 2));
  CR_AUTO w = numbers(2, CR_FLOAT32, SHAPE(4, 3, 3, 3));
  CR_AUTO five = numbers(2, CR_FLOAT32, SHAPE(5, 3, 3, 3));
  CR_AUTO flat = numbers(2, CR_FLOAT32, SHAPE(4, 27));
  CR_AUTO wide = numbers(2, CR_FLOAT64, SHAPE(4, 3, 3, 3));
  CR_AUTO b = numbers(3, CR_FLOAT32, SHAPE(4));
  cr_conv2d_args a = plain;
  REFUSED(cr_conv_transpose2d(x, five, NULL, &a, none),
          "nn.convTranspose2d: input 2x4x3x2 has 4 channels, but weight 5x3x3x3 wants 5");
  REFUSED(cr_conv_transpose2d(x, flat, NULL, &a, none), "weight is 4x27, wanted 4 dimensions");
  REFUSED(cr_conv_transpose2d(flat, w, NULL, &a, none), "input is 4x27, wanted batch x channels");
  REFUSED(cr_conv_transpose2d(x, wide, NULL, &a, none), "input is float32, but weight is float64");
  REFUSED(cr_conv_transpose2d(x, w, b, &a, none), "bias is 4, wanted 3 elements");
  REFUSED(cr_conv_transpose2d(x, w, NULL, &a, row), "output padding 1 is outside 0..0");
  REFUSED(cr_conv_transpose2d(x, w, NULL, &a, less), "output padding -1 is outside 0..0");
  a.pad[1] = 2;
  REFUSED(cr_conv_transpose2d(x, w, NULL, &a, none), "no output is left of input 2x4x3x2");
  a = plain;
  a.groups = 3;
  REFUSED(cr_conv_transpose2d(x, w, NULL, &a, none), "which 3 groups do not divide");
  a = plain;
  a.stride[0] = INT64_C(1) << 30;
  REFUSED(cr_conv_transpose2d(x, w, NULL, &a, none), "no output is left");
}

/* The same bits on any number of threads. */
static void same_on_threads(const int64_t xs[4], const int64_t ws[4], int64_t stride) {
  cr_conv2d_args a = {{stride, stride}, {1, 1}, {1, 1}, xs[1] / ws[1]};
  cr_tensor *result[2][3];
  for (int k = 0; k < 2; k++) {
    cr_ctx()->threads = k ? 0 : 1;
    CR_AUTO x = leaf(1, CR_FLOAT32, 4, xs);
    CR_AUTO w = leaf(2, CR_FLOAT32, 4, ws);
    cr_tensor *y = must(cr_conv2d(x, w, NULL, &a));
    CR_AUTO g = numbers(4, CR_FLOAT32, y->ndim, y->shape);
    back(y, g);
    result[k][0] = y;
    result[k][1] = cr_retain(cr_grad(x));
    result[k][2] = cr_retain(cr_grad(w));
  }
  for (int i = 0; i < 3; i++) {
    SAME(result[0][i], result[1][i], 0);
    cr_release(result[0][i]);
    cr_release(result[1][i]);
  }
}

static void test_conv_threads(void **unused) {
  (void)unused;
  same_on_threads((int64_t[]){9, 20, 14, 13}, (int64_t[]){30, 20, 5, 5}, 1);
  same_on_threads((int64_t[]){1, 64, 9, 9}, (int64_t[]){96, 64, 3, 3}, 2);
  same_on_threads((int64_t[]){2, 40, 31, 30}, (int64_t[]){40, 1, 3, 3}, 2);
  same_on_threads((int64_t[]){1, 32, 28, 29}, (int64_t[]){40, 32, 3, 3}, 1);
}

/* Every allocation that can fail fails once: an error each time, and nothing is left behind. */
static void fail_each(const int64_t xs[4], const int64_t ws[4], int64_t stride) {
  cr_conv2d_args a = plain;
  a.stride[0] = a.stride[1] = stride;
  a.groups = xs[1] / ws[1];
  geometry sizes = layout(xs, ws[0], ws[2], ws[3], a);
  CR_AUTO x = leaf(1, CR_FLOAT32, 4, xs);
  CR_AUTO w = leaf(2, CR_FLOAT32, 4, ws);
  CR_AUTO b = leaf(3, CR_FLOAT32, 1, ws);
  CR_AUTO g = numbers(4, CR_FLOAT32, 4, sizes.y);
  size_t before = cr_ctx()->account ? atomic_load(&cr_ctx()->account->live) : 0;
  bool ok = false;
  for (long n = 1; !ok && n < 200; n++) {
    cr_memory_fail_at(n);
    CR_AUTO y = cr_conv2d(x, w, b, &a);
    ok = y && cr_backward(1, &y, &g, NULL);
    cr_memory_fail_at(0);
    if (!ok) assert_non_null(strstr(cr_error(), "memory"));
    assert_true(cr_set_grad(x, NULL) && cr_set_grad(w, NULL) && cr_set_grad(b, NULL));
  }
  assert_true(ok);
  if (cr_ctx()->account) assert_int_equal(atomic_load(&cr_ctx()->account->live), before);
}

static void test_conv_out_of_memory(void **unused) {
  (void)unused;
  fail_each((int64_t[]){2, 3, 8, 7}, (int64_t[]){4, 3, 3, 3}, 1);
  fail_each((int64_t[]){3, 9, 12, 12}, (int64_t[]){70, 9, 4, 4}, 2); /* panels shared, turned */
  fail_each((int64_t[]){2, 4, 8, 7}, (int64_t[]){4, 1, 3, 3}, 2);    /* plane by plane */
  fail_each((int64_t[]){2, 3, 8, 7}, (int64_t[]){4, 3, 3, 3}, 3);    /* w^T gy */
  fail_each((int64_t[]){1, 32, 26, 26}, (int64_t[]){32, 32, 3, 3}, 1);
}

/* ---- pooling ---------------------------------------------------------------------------- */

static int64_t pooled_size(int64_t size, const cr_pool2d_args *a, int d) {
  double room = (double)(size + 2 * a->pad[d] - a->kernel[d]) / (double)a->stride[d];
  int64_t n = (int64_t)(a->ceil ? ceil(room) : floor(room)) + 1;
  if (a->ceil && (n - 1) * a->stride[d] >= size + a->pad[d]) n--;
  return n;
}

/* One window by plain loops: its maximum, where that is, and its average. */
static void window(const cr_tensor *x, const cr_pool2d_args *a, int64_t plane, int64_t r, int64_t q,
                   double *most, int64_t *place, double *mean) {
  int64_t h = x->shape[x->ndim - 2], w = x->shape[x->ndim - 1];
  int64_t i0 = r * a->stride[0] - a->pad[0], j0 = q * a->stride[1] - a->pad[1];
  double sum = 0, inside = 0, padded = 0;
  *most = -INFINITY;
  *place = -1;
  for (int64_t i = i0; i < i0 + a->kernel[0]; i++) {
    for (int64_t j = j0; j < j0 + a->kernel[1]; j++) {
      if (i < h + a->pad[0] && j < w + a->pad[1]) padded++;
      if (i < 0 || j < 0 || i >= h || j >= w) continue;
      double v = at(x, (plane * h + i) * w + j);
      inside++;
      sum += v;
      if (*place < 0 || v > *most || isnan(v)) {
        *most = v;
        *place = i * w + j;
      }
    }
  }
  *mean = sum / (a->count_pad ? padded : inside);
}

static void check_pool(cr_tensor *x, cr_pool2d_args a) {
  int64_t oh = pooled_size(x->shape[2], &a, 0), ow = pooled_size(x->shape[3], &a, 1);
  CR_AUTO places = NULL;
  CR_AUTO y = must(cr_max_pool2d(x, &a, &places));
  CR_AUTO mean = must(cr_avg_pool2d(x, &a));
  int64_t want[4] = {x->shape[0], x->shape[1], oh, ow};
  for (int d = 0; d < 4; d++) {
    assert_int_equal(y->shape[d], want[d]);
    assert_int_equal(mean->shape[d], want[d]);
  }
  for (int64_t p = 0; p < cr_numel(y); p++) {
    double most, average;
    int64_t place;
    window(x, &a, p / (oh * ow), p / ow % oh, p % ow, &most, &place, &average);
    NEAR(at(y, p), most, 0);
    assert_int_equal((int64_t)at(places, p), place);
    NEAR(at(mean, p), average, 1e-6);
  }
}

static void test_pool_against_loops(void **unused) {
  (void)unused;
  uint64_t k = 0;
  for (int i = 0; i < 120; i++) {
    cr_pool2d_args a = {.kernel = {draw(78, &k, 1, 4), draw(78, &k, 1, 4)},
                        .stride = {draw(78, &k, 1, 4), draw(78, &k, 1, 4)},
                        .ceil = i % 2,
                        .count_pad = i % 3};
    for (int d = 0; d < 2; d++) a.pad[d] = draw(78, &k, 0, a.kernel[d] / 2);
    CR_AUTO x = numbers(
        5, i % 5 ? CR_FLOAT32 : CR_FLOAT64,
        SHAPE(draw(78, &k, 1, 3), draw(78, &k, 1, 3), draw(78, &k, 4, 12), draw(78, &k, 4, 12)));
    check_pool(x, a);
  }
  cr_pool2d_args wide = {
      .kernel = {2, 3}, .stride = {2, 2}, .pad = {0, 1}, .ceil = true, .count_pad = true};
  CR_AUTO x = numbers(5, CR_FLOAT32, SHAPE(1, 2, 4, 1100));
  check_pool(x, wide);
}

static void test_pool_odd_values(void **unused) {
  (void)unused;
  cr_pool2d_args a = {
      .kernel = {2, 2}, .stride = {2, 2}, .pad = {0, 0}, .ceil = false, .count_pad = true};
  CR_AUTO x = numbers(5, CR_FLOAT32, SHAPE(1, 1, 4, 4));
  set_at(x, 5, NAN);
  for (int i = 2; i < 8; i++)
    if (i != 5 && i != 4) set_at(x, i, -INFINITY);
  CR_AUTO places = NULL;
  CR_AUTO y = must(cr_max_pool2d(x, &a, &places));
  assert_true(isnan(at(y, 0)));
  assert_int_equal((int)at(places, 0), 5);
  assert_true(at(y, 1) < 0 && isinf(at(y, 1)));
  assert_int_equal((int)at(places, 1), 2);
}

static cr_tensor *max_pool(void *ctx, cr_tensor *const *in) {
  return cr_max_pool2d(in[0], ctx, NULL);
}
static cr_tensor *avg_pool(void *ctx, cr_tensor *const *in) {
  return cr_avg_pool2d(in[0], ctx);
}

/* Squared first: a pool alone is linear, and its second derivative nothing to look at. */
static cr_tensor *max_pool_of_square(void *ctx, cr_tensor *const *in) {
  CR_AUTO s = cr_mul(in[0], in[0]);
  CR_AUTO y = cr_max_pool2d(s, ctx, NULL);
  return cr_mul(y, y);
}
static cr_tensor *avg_pool_of_square(void *ctx, cr_tensor *const *in) {
  CR_AUTO s = cr_mul(in[0], in[0]);
  CR_AUTO y = cr_avg_pool2d(s, ctx);
  return cr_mul(y, y);
}

static void test_pool_gradients(void **unused) {
  (void)unused;
  cr_pool2d_args a = {.kernel = {3, 2},
                      .stride = {2, 1},
                      .pad = {1, 1},
                      .ceil = true,
                      .count_pad = true},
                 b = a;
  b.count_pad = false;
  CR_AUTO x = leaf(5, CR_FLOAT64, SHAPE(2, 2, 5, 6));
  CR_AUTO one = leaf(6, CR_FLOAT64, SHAPE(2, 5, 4));
  CHECK_GRADIENTS(max_pool, &a, x);
  CHECK_GRADIENTS(avg_pool, &a, x);
  CHECK_GRADIENTS(avg_pool, &b, x);
  CHECK_GRADIENTS(max_pool_of_square, &a, x);
  CHECK_GRADIENTS(avg_pool_of_square, &b, x);
  CHECK_GRADIENTS(max_pool_of_square, &a, one);
  CHECK_GRADIENTS(avg_pool_of_square, &a, one);
}

static void test_pool_layouts(void **unused) {
  (void)unused;
  cr_pool2d_args a = {
      .kernel = {2, 2}, .stride = {2, 2}, .pad = {0, 0}, .ceil = false, .count_pad = true};
  CR_AUTO x = numbers(5, CR_FLOAT32, SHAPE(3, 2, 6, 6));
  CR_AUTO xs = shuffled(x);
  CR_AUTO y = must(cr_max_pool2d(x, &a, NULL));
  CR_AUTO ys = must(cr_max_pool2d(xs, &a, NULL));
  SAME(ys, y, 0);
  CR_AUTO m = must(cr_avg_pool2d(x, &a));
  CR_AUTO ms = must(cr_avg_pool2d(xs, &a));
  SAME(ms, m, 0);
  CR_AUTO none = leaf(1, CR_FLOAT32, SHAPE(0, 2, 6, 6));
  CR_AUTO yn = must(cr_max_pool2d(none, &a, NULL));
  CR_AUTO mn = must(cr_avg_pool2d(none, &a));
  assert_int_equal(cr_numel(yn), 0);
  assert_int_equal(mn->shape[3], 3);
  back(yn, yn);
}

static void test_pool_refusals(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(5, CR_FLOAT32, SHAPE(3, 2, 6, 6));
  CR_AUTO flat = numbers(5, CR_FLOAT32, SHAPE(3, 2));
  CR_AUTO whole = numbers(5, CR_INT64, SHAPE(3, 2, 6, 6));
  cr_pool2d_args a = {
      .kernel = {2, 2}, .stride = {2, 2}, .pad = {2, 0}, .ceil = false, .count_pad = true};
  REFUSED(cr_max_pool2d(x, &a, NULL),
          "nn.max_pool2d: padding 2x0, wanted at most half the kernel 2x2");
  a.pad[0] = 0;
  REFUSED(cr_avg_pool2d(flat, &a), "nn.avg_pool2d: input is 3x2");
  REFUSED(cr_avg_pool2d(whole, &a), "int64");
  a.kernel[1] = 7;
  REFUSED(cr_max_pool2d(x, &a, NULL), "a window of 2x7 does not fit into input 3x2x6x6");
  a.stride[0] = 0;
  REFUSED(cr_avg_pool2d(x, &a), "stride 0x2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conv_against_loops),
      cmocka_unit_test(test_conv_many_blocks),
      cmocka_unit_test(test_conv_random),
      cmocka_unit_test(test_conv_gradients),
      cmocka_unit_test(test_conv_strided_and_single),
      cmocka_unit_test(test_conv_empty_batch),
      cmocka_unit_test(test_conv_no_outputs),
      cmocka_unit_test(test_conv_no_inputs),
      cmocka_unit_test(test_conv_half),
      cmocka_unit_test(test_conv_refusals),
      cmocka_unit_test(test_conv_threads),
      cmocka_unit_test(test_conv_transpose),
      cmocka_unit_test(test_conv_transpose_gradients),
      cmocka_unit_test(test_conv_transpose_refusals),
      cmocka_unit_test(test_conv_out_of_memory),
      cmocka_unit_test(test_pool_against_loops),
      cmocka_unit_test(test_pool_odd_values),
      cmocka_unit_test(test_pool_gradients),
      cmocka_unit_test(test_pool_layouts),
      cmocka_unit_test(test_pool_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
