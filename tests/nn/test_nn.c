/* test_nn.c: normalisation, softmax, losses and dropout: against plain loops, their derivatives of
 * both orders, odd shapes and values, refusals. */
#include "tests/nn/common.h"

/* ---- normalisation ---------------------------------------------------------------------- */

/* Mean and variance of channel c, by plain loops. */
static void statistics(const cr_tensor *x, int64_t c, double *mean, double *var, int64_t *count) {
  int64_t inner = cr_numel(x) / (x->shape[0] * x->shape[1]);
  double sum = 0, squares = 0;
  *count = x->shape[0] * inner;
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t n = 0; n < x->shape[0]; n++) {
      for (int64_t i = 0; i < inner; i++) {
        double v = at(x, (n * x->shape[1] + c) * inner + i);
        if (pass == 0) sum += v / (double)*count;
        if (pass == 1) squares += (v - sum) * (v - sum);
      }
    }
  }
  *mean = sum;
  *var = squares / (double)*count;
}

static void check_batch_norm(cr_dtype dtype, int ndim, const int64_t *shape, double offset) {
  CR_AUTO x = numbers(1, dtype, ndim, shape);
  for (int64_t i = 0; i < cr_numel(x); i++) set_at(x, i, at(x, i) + offset);
  CR_AUTO w = numbers(2, dtype, 1, shape + 1);
  CR_AUTO mean = numbers(3, dtype, 1, shape + 1);
  CR_AUTO var = must(cr_ones_like(mean));
  CR_AUTO mean0 = must(cr_clone(mean));
  CR_AUTO y = must(cr_batch_norm(x, w, NULL, mean, var, true, 0.25, 1e-3));
  CR_AUTO xs = shuffled(x);
  CR_AUTO ys = must(cr_batch_norm(xs, w, NULL, NULL, NULL, true, 0.25, 1e-3));
  SAME(ys, y, 0);
  double tol = dtype == CR_FLOAT64 ? 1e-12 : 1e-5 * (1 + fabs(offset));
  int64_t inner = cr_numel(x) / (shape[0] * shape[1]);
  for (int64_t i = 0; i < cr_numel(x); i++) {
    int64_t c = i / inner % shape[1], count;
    double m, v;
    if (i % inner && i % 7) continue; /* enough of them */
    statistics(x, c, &m, &v, &count);
    NEAR(at(y, i), (at(x, i) - m) / sqrt(v + 1e-3) * at(w, c), tol);
    NEAR(at(mean, c), 0.75 * at(mean0, c) + 0.25 * m, tol);
    NEAR(at(var, c), 0.75 + 0.25 * v * (double)count / (double)(count - 1), tol);
  }
}

static void test_batch_norm(void **unused) {
  (void)unused;
  for (int i = 0; i < 2; i++) {
    cr_dtype dtype = i ? CR_FLOAT32 : CR_FLOAT64;
    check_batch_norm(dtype, SHAPE(5, 3), 0);
    check_batch_norm(dtype, SHAPE(40, 70), 0);
    check_batch_norm(dtype, SHAPE(4, 5, 7), 0);
    check_batch_norm(dtype, SHAPE(2, 3, 5, 4), 100);
    check_batch_norm(dtype, SHAPE(2, 3, 2, 2, 3), 0);
    check_batch_norm(dtype, SHAPE(1, 2, 1, 2), 0);
    check_batch_norm(dtype, SHAPE(9, 4, 1), 0);
  }
}

static cr_tensor *batch_training(void *ctx, cr_tensor *const *in) {
  (void)ctx;
  CR_AUTO s = cr_batch_norm(in[0], in[1], in[2], NULL, NULL, true, 0.1, 1e-2);
  return cr_mul(s, s);
}
static cr_tensor *batch_plain(void *ctx, cr_tensor *const *in) {
  (void)ctx;
  CR_AUTO s = cr_batch_norm(in[0], NULL, NULL, NULL, NULL, true, 0.1, 1e-2);
  return cr_mul(s, s);
}
static cr_tensor *batch_evaluation(void *ctx, cr_tensor *const *in) {
  cr_tensor **running = ctx;
  CR_AUTO s = cr_batch_norm(in[0], in[1], in[2], running[0], running[1], false, 0.1, 1e-2);
  return cr_mul(s, s);
}
static cr_tensor *layer(void *ctx, cr_tensor *const *in) {
  CR_AUTO s = cr_layer_norm(in[0], *(int64_t *)ctx, in[1], in[2], 1e-2);
  return cr_mul(s, s);
}
static cr_tensor *layer_plain(void *ctx, cr_tensor *const *in) {
  CR_AUTO s = cr_layer_norm(in[0], *(int64_t *)ctx, NULL, NULL, 1e-2);
  return cr_mul(s, s);
}

static cr_tensor *root_mean_square(void *ctx, cr_tensor *const *in) {
  CR_AUTO s = cr_rms_norm(in[0], *(int64_t *)ctx, in[1], 1e-2);
  return cr_mul(s, s);
}

static void test_norm_gradients(void **unused) {
  (void)unused;
  CR_AUTO mean = numbers(4, CR_FLOAT64, SHAPE(3));
  CR_AUTO var = must(cr_full(CR_FLOAT64, CPU, SHAPE(3), cr_num(0.7)));
  cr_tensor *running[2] = {mean, var};
  CR_AUTO w = leaf(2, CR_FLOAT64, SHAPE(3));
  CR_AUTO b = leaf(3, CR_FLOAT64, SHAPE(3));
  CR_AUTO flat = leaf(1, CR_FLOAT64, SHAPE(4, 3));
  CR_AUTO image = leaf(1, CR_FLOAT64, SHAPE(2, 3, 2, 3));
  CHECK_GRADIENTS(batch_training, NULL, flat, w, b);
  CHECK_GRADIENTS(batch_training, NULL, image, w, b);
  CHECK_GRADIENTS(batch_plain, NULL, image);
  CHECK_GRADIENTS(batch_evaluation, running, image, w, b);
  CHECK_GRADIENTS(batch_evaluation, running, flat, w, b);
  CR_AUTO lw = leaf(2, CR_FLOAT64, SHAPE(2, 3));
  CR_AUTO lb = leaf(3, CR_FLOAT64, SHAPE(2, 3));
  CHECK_GRADIENTS(layer, &(int64_t){6}, image, lw, lb);
  CHECK_GRADIENTS(layer_plain, &(int64_t){3}, image);
}

static void test_batch_norm_odd(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(0, 3, 2));
  CR_AUTO mean = numbers(2, CR_FLOAT32, SHAPE(3));
  CR_AUTO before = must(cr_clone(mean));
  CR_AUTO y = must(cr_batch_norm(x, NULL, NULL, mean, NULL, true, 0.1, 1e-5));
  assert_int_equal(cr_numel(y), 0);
  SAME(mean, before, 0);
  back(y, y);
  CR_AUTO flat = leaf(1, CR_FLOAT32, SHAPE(4, 3, 0));
  CR_AUTO z = must(cr_batch_norm(flat, NULL, NULL, mean, NULL, true, 0.1, 1e-5));
  assert_int_equal(cr_numel(z), 0);
  SAME(mean, before, 0);
  back(z, z);
  /* Half precision, with running statistics in float32. */
  CR_AUTO x32 = numbers(1, CR_FLOAT32, SHAPE(6, 3));
  CR_AUTO x16 = must(cr_cast(x32, CR_FLOAT16));
  CR_AUTO mean32 = must(cr_clone(before));
  CR_AUTO y32 = must(cr_batch_norm(x32, NULL, NULL, mean32, NULL, true, 0.1, 1e-5));
  CR_AUTO y16 = must(cr_batch_norm(x16, NULL, NULL, mean, NULL, true, 0.1, 1e-5));
  assert_int_equal(y16->dtype, CR_FLOAT16);
  SAME(y16, y32, 0.01);
  SAME(mean, mean32, 0.001);
  /* Running statistics that are a strided view. */
  CR_AUTO table = must(cr_full(CR_FLOAT32, CPU, SHAPE(3, 2), cr_num(0)));
  CR_AUTO column = must(cr_select(table, 1, 1));
  CR_AUTO fresh = must(cr_full(CR_FLOAT32, CPU, SHAPE(3), cr_num(0)));
  CR_AUTO a = must(cr_batch_norm(x32, NULL, NULL, column, NULL, true, 0.1, 1e-5));
  CR_AUTO b = must(cr_batch_norm(x32, NULL, NULL, fresh, NULL, true, 0.1, 1e-5));
  SAME(a, b, 0);
  SAME(column, fresh, 0);
  NEAR(at(table, 0), 0, 0);
}

static void test_layer_norm(void **unused) {
  (void)unused;
  for (int k = 0; k < 2; k++) {
    cr_dtype dtype = k ? CR_FLOAT32 : CR_FLOAT64;
    CR_AUTO x = leaf(1, dtype, SHAPE(50, 3, 33));
    CR_AUTO w = leaf(2, dtype, SHAPE(33));
    CR_AUTO b = leaf(3, dtype, SHAPE(33));
    CR_AUTO y = must(cr_layer_norm(x, 33, w, b, 1e-5));
    CR_AUTO gy = numbers(4, dtype, y->ndim, y->shape);
    back(y, gy);
    double tol = k ? 2e-5 : 1e-11, gw[33] = {0}, gb[33] = {0};
    for (int64_t r = 0; r < 150; r++) {
      double mean = 0, var = 0, all = 0, slope = 0;
      for (int i = 0; i < 33; i++) mean += at(x, r * 33 + i) / 33;
      for (int i = 0; i < 33; i++) var += pow(at(x, r * 33 + i) - mean, 2) / 33;
      double rstd = 1 / sqrt(var + 1e-5);
      for (int i = 0; i < 33; i++) {
        double xhat = (at(x, r * 33 + i) - mean) * rstd, g = at(gy, r * 33 + i);
        NEAR(at(y, r * 33 + i), xhat * at(w, i) + at(b, i), tol);
        gw[i] += g * xhat;
        gb[i] += g;
        all += g * at(w, i) / 33;
        slope += g * at(w, i) * xhat / 33;
      }
      for (int i = 0; i < 33; i++) {
        double xhat = (at(x, r * 33 + i) - mean) * rstd, h = at(gy, r * 33 + i) * at(w, i);
        NEAR(at(cr_grad(x), r * 33 + i), rstd * (h - all - xhat * slope), tol);
      }
    }
    for (int i = 0; i < 33; i++) {
      NEAR(at(cr_grad(w), i), gw[i], tol);
      NEAR(at(cr_grad(b), i), gb[i], tol);
    }
  }
  CR_AUTO none = leaf(1, CR_FLOAT32, SHAPE(0, 4));
  CR_AUTO w = leaf(2, CR_FLOAT32, SHAPE(4));
  CR_AUTO y = must(cr_layer_norm(none, 4, w, NULL, 1e-5));
  back(y, y);
  NEAR(at(cr_grad(w), 0), 0, 0);
}

static void test_norm_refusals(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(2, 3, 4));
  CR_AUTO one = numbers(1, CR_FLOAT32, SHAPE(1, 3));
  CR_AUTO flat = numbers(1, CR_FLOAT32, SHAPE(4));
  CR_AUTO whole = numbers(1, CR_INT32, SHAPE(2, 3));
  CR_AUTO three64 = numbers(1, CR_FLOAT64, SHAPE(3));
  REFUSED(cr_batch_norm(x, flat, NULL, NULL, NULL, true, 0.1, 1e-5),
          "nn.batch_norm: weight is 4, wanted 3 elements");
  REFUSED(cr_batch_norm(x, three64, NULL, NULL, NULL, true, 0.1, 1e-5),
          "nn.batch_norm: input is float32, but weight is float64");
  REFUSED(cr_batch_norm(x, NULL, NULL, flat, NULL, true, 0.1, 1e-5), "the running mean is");
  REFUSED(cr_batch_norm(x, NULL, NULL, NULL, NULL, false, 0.1, 1e-5), "evaluation needs");
  REFUSED(cr_batch_norm(one, NULL, NULL, NULL, NULL, true, 0.1, 1e-5),
          "nn.batch_norm: input 1x3 has one value for each channel");
  REFUSED(cr_batch_norm(flat, NULL, NULL, NULL, NULL, true, 0.1, 1e-5),
          "nn.batch_norm: input is 4");
  REFUSED(cr_batch_norm(whole, NULL, NULL, NULL, NULL, true, 0.1, 1e-5), "int32");
  REFUSED(cr_layer_norm(x, 8, NULL, NULL, 1e-5),
          "nn.layer_norm: the last sizes of input 2x3x4 do not multiply to 8");
  REFUSED(cr_layer_norm(x, 12, flat, NULL, 1e-5), "nn.layer_norm: weight is 4, wanted 12 elements");
  REFUSED(cr_layer_norm(whole, 3, NULL, NULL, 1e-5), "int32");
}

/* ---- softmax ---------------------------------------------------------------------------- */

static void check_softmax(cr_dtype dtype, int ndim, const int64_t *shape, int dim, double scale) {
  CR_AUTO x1 = numbers(1, dtype, ndim, shape);
  CR_AUTO x = must(cr_mul_num(x1, scale));
  CR_AUTO p = must(cr_softmax(x, dim));
  CR_AUTO l = must(cr_log_softmax(x, dim));
  CR_AUTO xs = shuffled(x);
  CR_AUTO ps = must(cr_softmax(xs, dim));
  SAME(ps, p, 0);
  int64_t n = shape[dim], inner = 1;
  for (int d = dim + 1; d < ndim; d++) inner *= shape[d];
  double tol = dtype == CR_FLOAT64 ? 1e-12 : 1e-5;
  for (int64_t i = 0; i < cr_numel(x); i++) {
    int64_t first = i - i / inner % n * inner;
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < n; k++) most = fmax(most, at(x, first + k * inner));
    for (int64_t k = 0; k < n; k++) sum += exp(at(x, first + k * inner) - most);
    NEAR(at(p, i), exp(at(x, i) - most) / sum, tol);
    NEAR(at(l, i), at(x, i) - most - log(sum), tol);
  }
}

static void test_softmax(void **unused) {
  (void)unused;
  for (int k = 0; k < 2; k++) {
    cr_dtype dtype = k ? CR_FLOAT32 : CR_FLOAT64;
    check_softmax(dtype, SHAPE(5, 17), 1, 1);
    check_softmax(dtype, SHAPE(5, 17), 0, 10);
    check_softmax(dtype, SHAPE(3, 4, 70), 1, 500);
    check_softmax(dtype, SHAPE(3, 4, 5), 0, 3);
    check_softmax(dtype, SHAPE(1), 0, 3);
    check_softmax(dtype, SHAPE(2, 300), 1, 90);
  }
}

static cr_tensor *softmax(void *ctx, cr_tensor *const *in) {
  return cr_softmax(in[0], *(int *)ctx);
}
static cr_tensor *log_softmax(void *ctx, cr_tensor *const *in) {
  return cr_log_softmax(in[0], *(int *)ctx);
}

static void test_softmax_gradients(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT64, SHAPE(2, 3, 4));
  for (int dim = 0; dim < 3; dim++) {
    CHECK_GRADIENTS(softmax, &dim, x);
    CHECK_GRADIENTS(log_softmax, &dim, x);
  }
}

static void test_softmax_odd(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(2, 3));
  CR_AUTO whole = numbers(1, CR_INT64, SHAPE(2, 3));
  CR_AUTO none = leaf(1, CR_FLOAT32, SHAPE(0, 3));
  set_at(x, 0, -INFINITY);
  CR_AUTO p = must(cr_softmax(x, -1));
  NEAR(at(p, 0), 0, 0);
  NEAR(at(p, 1) + at(p, 2), 1, 1e-6);
  REFUSED(cr_softmax(x, 2), "nn.softmax: dimension 3");
  REFUSED(cr_log_softmax(x, -3), "nn.log_softmax: dimension");
  REFUSED(cr_softmax(whole, 0), "int64");
  CR_AUTO pn = must(cr_log_softmax(none, 1));
  assert_int_equal(cr_numel(pn), 0);
  back(pn, pn);
  CR_AUTO x16 = must(cr_cast(x, CR_BFLOAT16));
  CR_AUTO p16 = must(cr_softmax(x16, 1));
  assert_int_equal(p16->dtype, CR_BFLOAT16);
  SAME(p16, p, 0.02);
}

/* ---- losses ----------------------------------------------------------------------------- */

typedef struct {
  cr_tensor *target, *weight;
  bool average;
  double smoothing;
} class_ctx;

static cr_tensor *nll_squared(void *p, cr_tensor *const *in) {
  class_ctx *c = p;
  CR_AUTO l = cr_nll_loss(in[0], c->target, c->weight, 1, c->average);
  return cr_mul(l, l);
}
static cr_tensor *entropy_squared(void *p, cr_tensor *const *in) {
  class_ctx *c = p;
  CR_AUTO l = cr_cross_entropy(in[0], c->target, c->weight, 1, c->average, c->smoothing);
  return cr_mul(l, l);
}
static cr_tensor *mse(void *average, cr_tensor *const *in) {
  return cr_mse_loss(in[0], in[1], average != NULL);
}

static cr_tensor *bounded(void *average, cr_tensor *const *in) {
  return cr_huber_loss(in[0], in[1], 0.7, 3, average != NULL);
}

static void test_loss_gradients(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT64, SHAPE(5, 4));
  CR_AUTO one = leaf(1, CR_FLOAT64, SHAPE(4));
  CR_AUTO target = classes_of(2, 5, 4);
  CR_AUTO single = must(cr_scalar_tensor(CR_INT64, CPU, cr_int(2)));
  CR_AUTO weight = must(cr_full(CR_FLOAT64, CPU, SHAPE(4), cr_num(0.5)));
  set_at(weight, 3, 2);
  for (int k = 0; k < 8; k++) {
    class_ctx c = {target, k & 1 ? weight : NULL, k & 2, k & 4 ? 0.3 : 0};
    class_ctx s = {single, c.weight, c.average, c.smoothing};
    CHECK_GRADIENTS(nll_squared, &c, x);
    CHECK_GRADIENTS(entropy_squared, &c, x);
    CHECK_GRADIENTS(nll_squared, &s, one);
    CHECK_GRADIENTS(entropy_squared, &s, one);
  }
  CR_AUTO y = leaf(3, CR_FLOAT64, SHAPE(5, 4));
  CHECK_GRADIENTS(mse, NULL, x, y);
  CHECK_GRADIENTS(mse, &x, x, y);
  CHECK_GRADIENTS(bounded, NULL, x, y);
  CHECK_GRADIENTS(bounded, &x, x, y);
}

/* Cross-entropy is log_softmax and nll in one, at any scale. */
static void test_cross_entropy_is_both(void **unused) {
  (void)unused;
  CR_AUTO small = numbers(1, CR_FLOAT32, SHAPE(70, 33));
  CR_AUTO target = classes_of(2, 70, 33);
  CR_AUTO shuffled_target = must(cr_full(CR_INT64, CPU, SHAPE(70, 2), cr_int(0)));
  CR_AUTO column = must(cr_select(shuffled_target, 1, 0));
  CR_AUTO copied = cr_copy(column, target);
  assert_non_null(copied);
  for (int k = 0; k < 3; k++) {
    CR_AUTO xa = must(cr_mul_num(small, k == 0 ? 1 : k == 1 ? 50 : 1000));
    CR_AUTO xb = must(cr_clone(xa));
    assert_true(cr_set_requires_grad(xa, true) && cr_set_requires_grad(xb, true));
    CR_AUTO fused = must(cr_cross_entropy(xa, column, NULL, -100, true, 0));
    CR_AUTO logp = must(cr_log_softmax(xb, 1));
    CR_AUTO chain = must(cr_nll_loss(logp, target, NULL, -100, true));
    SAME(fused, chain, 1e-5);
    CR_AUTO one = must(cr_ones_like(fused));
    back(fused, one);
    back(chain, one);
    SAME(cr_grad(xa), cr_grad(xb), 1e-6);
  }
}

static void test_loss_odd(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(3, 4));
  CR_AUTO ignored = must(cr_full(CR_INT64, CPU, SHAPE(3), cr_int(-100)));
  CR_AUTO l = must(cr_cross_entropy(x, ignored, NULL, -100, true, 0));
  NEAR(at(l, 0), 0, 0);
  CR_AUTO one = must(cr_ones_like(l));
  back(l, one);
  for (int i = 0; i < 12; i++) NEAR(at(cr_grad(x), i), 0, 0);
  CR_AUTO none = leaf(1, CR_FLOAT32, SHAPE(0, 4));
  CR_AUTO no_target = must(cr_empty(CR_INT64, CPU, SHAPE(0)));
  CR_AUTO ln = must(cr_nll_loss(none, no_target, NULL, -100, true));
  NEAR(at(ln, 0), 0, 0);
  back(ln, one);
  CR_AUTO sum = must(cr_mse_loss(none, none, false));
  NEAR(at(sum, 0), 0, 0);
  CR_AUTO x16 = must(cr_cast(x, CR_FLOAT16));
  CR_AUTO target = classes_of(3, 3, 4);
  CR_AUTO l16 = must(cr_cross_entropy(x16, target, NULL, -100, true, 0));
  CR_AUTO l32 = must(cr_cross_entropy(x, target, NULL, -100, true, 0));
  assert_int_equal(l16->dtype, CR_FLOAT16);
  SAME(l16, l32, 0.01);
  CR_AUTO whole = numbers(4, CR_INT64, SHAPE(3, 4));
  CR_AUTO squares = must(cr_mse_loss(x, whole, true));
  assert_int_equal(squares->dtype, CR_FLOAT32);
}

static void test_loss_refusals(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT32, SHAPE(3, 10));
  CR_AUTO cube = numbers(1, CR_FLOAT32, SHAPE(3, 2, 5));
  CR_AUTO high = must(cr_full(CR_INT64, CPU, SHAPE(3), cr_int(10)));
  CR_AUTO low = must(cr_full(CR_INT64, CPU, SHAPE(3), cr_int(-1)));
  CR_AUTO many = must(cr_full(CR_INT64, CPU, SHAPE(4), cr_int(0)));
  CR_AUTO real = must(cr_full(CR_FLOAT32, CPU, SHAPE(3), cr_int(0)));
  CR_AUTO weight = numbers(1, CR_FLOAT32, SHAPE(9));
  REFUSED(cr_nll_loss(x, high, NULL, -100, true),
          "nn.ClassNLLCriterion: target 11 is outside 1..10");
  REFUSED(cr_cross_entropy(x, low, NULL, -100, true, 0),
          "nn.CrossEntropyCriterion: target 0 is outside 1..10");
  REFUSED(cr_nll_loss(x, many, NULL, -100, true),
          "nn.ClassNLLCriterion: target is 4 for input 3x10, wanted 3 class numbers");
  REFUSED(cr_nll_loss(x, real, NULL, -100, true), "target is float32, wanted int64");
  REFUSED(cr_nll_loss(x, low, weight, -100, true), "weights is 9, wanted 10 elements");
  REFUSED(cr_nll_loss(cube, low, NULL, -100, true), "input is 3x2x5, wanted batch x classes");
  REFUSED(cr_cross_entropy(high, low, NULL, -100, true, 0), "int64");
  REFUSED(cr_cross_entropy(x, low, NULL, -100, true, NAN),
          "nn.CrossEntropyCriterion: smoothing is nan, wanted 0 to 1");
  REFUSED(cr_mse_loss(x, cube, true),
          "nn.MSECriterion: target is 3x2x5 for input 3x10, wanted the same shape");
}

/* ---- dropout ---------------------------------------------------------------------------- */

static void test_dropout(void **unused) {
  (void)unused;
  enum { N = 100003 };
  CR_AUTO x = must(cr_full(CR_FLOAT32, CPU, SHAPE(N), cr_num(1)));
  assert_true(cr_set_requires_grad(x, true));
  cr_tensor *y[3];
  for (int k = 0; k < 3; k++) {
    if (k < 2) cr_seed(&cr_ctx()->generator, 42);
    cr_ctx()->threads = k == 1;
    y[k] = must(cr_dropout(x, 0.3, true, NULL));
  }
  cr_ctx()->threads = 0;
  SAME(y[0], y[1], 0);
  int64_t zeros = 0, differ = 0;
  for (int64_t i = 0; i < N; i++) {
    double v = at(y[0], i);
    zeros += v == 0;
    differ += v != at(y[2], i);
    if (v != 0) NEAR(v, 1 / 0.7, 1e-6);
  }
  NEAR((double)zeros / N, 0.3, 0.005);
  NEAR((double)differ / N, 0.42, 0.005);
  CR_AUTO g = must(cr_full(CR_FLOAT32, CPU, SHAPE(N), cr_num(1)));
  back(y[0], g);
  SAME(cr_grad(x), y[0], 0);
  for (int k = 0; k < 3; k++) cr_release(y[k]);
}

static void test_dropout_odd(void **unused) {
  (void)unused;
  CR_AUTO x = numbers(1, CR_FLOAT64, SHAPE(7, 5));
  CR_AUTO all = must(cr_dropout(x, 0, true, NULL));
  SAME(all, x, 0);
  CR_AUTO nothing = must(cr_dropout(x, 1, true, NULL));
  for (int i = 0; i < 35; i++) NEAR(at(nothing, i), 0, 0);
  CR_AUTO unscaled = must(cr_dropout(x, 0.5, false, NULL));
  for (int i = 0; i < 35; i++) assert_true(at(unscaled, i) == 0 || at(unscaled, i) == at(x, i));
  /* In place, and into a strided view. */
  cr_seed(&cr_ctx()->generator, 7);
  CR_AUTO want = must(cr_dropout(x, 0.5, true, NULL));
  CR_AUTO strided = shuffled(x);
  cr_seed(&cr_ctx()->generator, 7);
  CR_AUTO same = must(cr_dropout(strided, 0.5, true, strided));
  assert_ptr_equal(same, strided);
  SAME(strided, want, 0);
  CR_AUTO none = must(cr_empty(CR_FLOAT32, CPU, SHAPE(0)));
  CR_AUTO dropped = must(cr_dropout(none, 0.5, true, NULL));
  assert_int_equal(cr_numel(dropped), 0);
  CR_AUTO x16 = must(cr_cast(x, CR_FLOAT16));
  cr_seed(&cr_ctx()->generator, 7);
  CR_AUTO y16 = must(cr_dropout(x16, 0.5, true, x16));
  SAME(y16, want, 0.01);
  CR_AUTO whole = numbers(1, CR_INT32, SHAPE(3));
  REFUSED(cr_dropout(whole, 0.5, true, NULL), "int32");
  REFUSED(cr_dropout(x, 1.5, true, NULL), "nn.dropout: probability 1.5 is outside 0..1");
  REFUSED(cr_dropout(x, NAN, true, NULL), "nn.dropout: probability");
}

static cr_tensor *dropout_of_square(void *ctx, cr_tensor *const *in) {
  (void)ctx;
  cr_seed(&cr_ctx()->generator, 9);
  CR_AUTO s = cr_mul(in[0], in[0]);
  CR_AUTO y = cr_dropout(s, 0.4, true, NULL);
  return cr_mul(y, s);
}
static cr_tensor *dropout_in_place(void *ctx, cr_tensor *const *in) {
  (void)ctx;
  cr_seed(&cr_ctx()->generator, 9);
  CR_AUTO s = cr_mul(in[0], in[0]);
  CR_AUTO y = cr_dropout(s, 0.4, true, s);
  return cr_mul(y, in[0]);
}

static void test_dropout_gradients(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT64, SHAPE(4, 5));
  CHECK_GRADIENTS(dropout_of_square, NULL, x);
  CHECK_GRADIENTS(dropout_in_place, NULL, x);
}

static void test_rms_norm(void **unused) {
  (void)unused;
  for (int k = 0; k < 2; k++) {
    cr_dtype dtype = k ? CR_FLOAT32 : CR_FLOAT64;
    CR_AUTO x = leaf(1, dtype, SHAPE(50, 3, 33));
    CR_AUTO w = leaf(2, dtype, SHAPE(33));
    CR_AUTO y = must(cr_rms_norm(x, 33, w, 1e-5));
    CR_AUTO gy = numbers(4, dtype, y->ndim, y->shape);
    back(y, gy);
    double tol = k ? 2e-5 : 1e-11, gw[33] = {0};
    for (int64_t r = 0; r < 150; r++) {
      double square = 0, slope = 0;
      for (int i = 0; i < 33; i++) square += pow(at(x, r * 33 + i), 2) / 33;
      double scale = 1 / sqrt(square + 1e-5);
      for (int i = 0; i < 33; i++) {
        double xhat = at(x, r * 33 + i) * scale, g = at(gy, r * 33 + i);
        NEAR(at(y, r * 33 + i), xhat * at(w, i), tol);
        gw[i] += g * xhat;
        slope += g * at(w, i) * xhat / 33;
      }
      for (int i = 0; i < 33; i++) {
        double xhat = at(x, r * 33 + i) * scale, h = at(gy, r * 33 + i) * at(w, i);
        NEAR(at(cr_grad(x), r * 33 + i), scale * (h - xhat * slope), tol);
      }
    }
    for (int i = 0; i < 33; i++) NEAR(at(cr_grad(w), i), gw[i], tol);
  }
  int64_t n = 12;
  CR_AUTO x = leaf(1, CR_FLOAT64, SHAPE(2, 3, 4));
  CR_AUTO w = leaf(2, CR_FLOAT64, SHAPE(3, 4));
  CHECK_GRADIENTS(root_mean_square, &n, x, w);
  CR_AUTO none = leaf(1, CR_FLOAT64, SHAPE(0, 12));
  CR_AUTO y = must(cr_rms_norm(none, 12, w, 1e-5));
  back(y, y);
  REFUSED(cr_rms_norm(x, 8, NULL, 1e-5),
          "nn.rms_norm: the last sizes of input 2x3x4 do not multiply to 8");
  REFUSED(cr_rms_norm(x, 4, w, 1e-5), "nn.rms_norm: weight is 3x4, wanted 4 elements");
}

/* ---- without memory --------------------------------------------------------------------- */

static cr_tensor *small_network(cr_tensor *const *in) {
  CR_AUTO a = cr_layer_norm(in[0], 4, in[1], NULL, 1e-5);
  CR_AUTO r = cr_rms_norm(a, 4, in[1], 1e-5);
  CR_AUTO b = cr_dropout(r, 0.5, true, NULL);
  CR_AUTO c = cr_batch_norm(b, in[1], in[2], NULL, NULL, true, 0.1, 1e-5);
  CR_AUTO d = cr_softmax(c, 1);
  CR_AUTO e = cr_log_softmax(d, 0);
  CR_AUTO f = cr_mse_loss(e, in[0], true);
  CR_AUTO g = cr_cross_entropy(e, in[3], NULL, -100, true, 0);
  CR_AUTO h = cr_nll_loss(e, in[3], NULL, -100, true);
  CR_AUTO i = cr_add(f, g);
  return cr_add(i, h);
}

static void test_out_of_memory(void **unused) {
  (void)unused;
  CR_AUTO x = leaf(1, CR_FLOAT32, SHAPE(5, 4));
  CR_AUTO w = leaf(2, CR_FLOAT32, SHAPE(4));
  CR_AUTO b = leaf(3, CR_FLOAT32, SHAPE(4));
  CR_AUTO target = classes_of(4, 5, 4);
  cr_tensor *in[] = {x, w, b, target};
  cr_account *account = cr_ctx()->account;
  size_t before = account ? atomic_load(&account->live) : 0;
  bool ok = false;
  for (long n = 1; !ok && n < 1000; n++) {
    cr_memory_fail_at(n);
    CR_AUTO loss = small_network(in);
    ok = loss && cr_backward(1, &loss, (cr_tensor *[]){NULL}, NULL);
    cr_memory_fail_at(0);
    if (!ok) assert_non_null(strstr(cr_error(), "memory"));
    for (int i = 0; i < 3; i++) assert_true(cr_set_grad(in[i], NULL));
  }
  assert_true(ok);
  if (account) assert_int_equal(atomic_load(&account->live), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_batch_norm),
      cmocka_unit_test(test_norm_gradients),
      cmocka_unit_test(test_batch_norm_odd),
      cmocka_unit_test(test_layer_norm),
      cmocka_unit_test(test_norm_refusals),
      cmocka_unit_test(test_rms_norm),
      cmocka_unit_test(test_softmax),
      cmocka_unit_test(test_softmax_odd),
      cmocka_unit_test(test_softmax_gradients),
      cmocka_unit_test(test_loss_gradients),
      cmocka_unit_test(test_cross_entropy_is_both),
      cmocka_unit_test(test_loss_odd),
      cmocka_unit_test(test_loss_refusals),
      cmocka_unit_test(test_dropout),
      cmocka_unit_test(test_dropout_odd),
      cmocka_unit_test(test_dropout_gradients),
      cmocka_unit_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
