/* test_golden.c: nn's operators against values from PyTorch (golden/make.py). */
#include "tests/nn/common.h"
#include "tests/nn/golden/torch.h"

#define HOLDS(t, array) holds_(t, array, (int64_t)(sizeof(array) / sizeof *(array)), #array)
static void holds_(const cr_tensor *t, const double *want, int64_t n, const char *name) {
  if (!t) fail_msg("%s: %s", name, cr_error());
  if (cr_numel(t) != n)
    fail_msg("%s: %lld elements, wanted %lld", name, (long long)cr_numel(t), (long long)n);
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(at(t, i) - want[i]) <= 1e-12 * (1 + fabs(want[i]))))
      fail_msg("%s: element %lld is %.15g, wanted %.15g", name, (long long)i, at(t, i), want[i]);
}

/* Runs y backward with U(9). */
static void run_back(cr_tensor *y) {
  if (!y) fail_msg("%s", cr_error());
  CR_AUTO g = numbers(9, CR_FLOAT64, y->ndim, y->shape);
  back(y, g);
}

#define LEAF(name, stream, ...) CR_AUTO name = leaf(stream, CR_FLOAT64, SHAPE(__VA_ARGS__))

static void test_conv(void **unused) {
  (void)unused;
  cr_conv2d_args a = {{2, 1}, {1, 2}, {1, 2}, 2};
  LEAF(x, 1, 2, 4, 7, 6);
  LEAF(w, 2, 6, 2, 3, 2);
  LEAF(b, 3, 6);
  CR_AUTO y = cr_conv2d(x, w, b, &a);
  run_back(y);
  HOLDS(y, conv_y);
  HOLDS(cr_grad(x), conv_gx);
  HOLDS(cr_grad(w), conv_gw);
  HOLDS(cr_grad(b), conv_gb);
}

static void test_pools(void **unused) {
  (void)unused;
  cr_pool2d_args a = {.kernel = {3, 2},
                      .stride = {2, 2},
                      .pad = {1, 1},
                      .ceil = true,
                      .count_pad = true},
                 inside = a;
  inside.count_pad = false;
  LEAF(x, 1, 2, 2, 6, 7);
  LEAF(x2, 1, 2, 2, 6, 7);
  LEAF(x3, 1, 2, 2, 6, 7);
  CR_AUTO places = NULL;
  CR_AUTO y = cr_max_pool2d(x, &a, &places);
  run_back(y);
  HOLDS(y, max_pool_y);
  HOLDS(places, max_pool_places);
  HOLDS(cr_grad(x), max_pool_gx);
  CR_AUTO y2 = cr_avg_pool2d(x2, &a);
  run_back(y2);
  HOLDS(y2, avg_pool_y);
  HOLDS(cr_grad(x2), avg_pool_gx);
  CR_AUTO y3 = cr_avg_pool2d(x3, &inside);
  run_back(y3);
  HOLDS(y3, avg_pool_inside_y);
  HOLDS(cr_grad(x3), avg_pool_inside_gx);
}

static void test_batch_norm(void **unused) {
  (void)unused;
  CR_AUTO mean = numbers(4, CR_FLOAT64, SHAPE(4));
  CR_AUTO var = numbers(5, CR_FLOAT64, SHAPE(4));
  for (int i = 0; i < 4; i++) set_at(var, i, at(var, i) + 1.5);
  LEAF(x, 1, 3, 4, 2, 3);
  LEAF(w, 2, 4);
  LEAF(b, 3, 4);
  CR_AUTO y = cr_batch_norm(x, w, b, mean, var, true, 0.1, 1e-3);
  run_back(y);
  HOLDS(y, batch_norm_y);
  HOLDS(cr_grad(x), batch_norm_gx);
  HOLDS(cr_grad(w), batch_norm_gw);
  HOLDS(cr_grad(b), batch_norm_gb);
  HOLDS(mean, batch_norm_mean);
  HOLDS(var, batch_norm_var);
  LEAF(x2, 1, 3, 4, 2, 3);
  LEAF(w2, 2, 4);
  LEAF(b2, 3, 4);
  CR_AUTO y2 = cr_batch_norm(x2, w2, b2, mean, var, false, 0.1, 1e-3);
  run_back(y2);
  HOLDS(y2, batch_eval_y);
  HOLDS(cr_grad(x2), batch_eval_gx);
  HOLDS(cr_grad(w2), batch_eval_gw);
  HOLDS(cr_grad(b2), batch_eval_gb);
}

static void test_layer_norm(void **unused) {
  (void)unused;
  LEAF(x, 1, 3, 2, 5);
  LEAF(w, 2, 2, 5);
  LEAF(b, 3, 2, 5);
  CR_AUTO y = cr_layer_norm(x, 10, w, b, 1e-5);
  run_back(y);
  HOLDS(y, layer_norm_y);
  HOLDS(cr_grad(x), layer_norm_gx);
  HOLDS(cr_grad(w), layer_norm_gw);
  HOLDS(cr_grad(b), layer_norm_gb);
}

#define CHECK_SOFTMAX(f, dim)                                                                      \
  do {                                                                                             \
    LEAF(x, 1, 2, 3, 4);                                                                           \
    CR_AUTO three = cr_mul_num(x, 3);                                                              \
    CR_AUTO y = cr_##f(three, dim);                                                                \
    run_back(y);                                                                                   \
    HOLDS(y, f##dim##_y);                                                                          \
    HOLDS(cr_grad(x), f##dim##_gx);                                                                \
  } while (0)

static void test_softmax(void **unused) {
  (void)unused;
  CHECK_SOFTMAX(softmax, 0);
  CHECK_SOFTMAX(softmax, 1);
  CHECK_SOFTMAX(softmax, 2);
  CHECK_SOFTMAX(log_softmax, 0);
  CHECK_SOFTMAX(log_softmax, 1);
  CHECK_SOFTMAX(log_softmax, 2);
}

#define PLAIN_CROSS_ENTROPY(x, target, weight, ignore, average)                                    \
  cr_cross_entropy(x, target, weight, ignore, average, 0)
#define CHECK_CLASSES(f, name, weight, ignore, average)                                            \
  do {                                                                                             \
    LEAF(x, 1, 7, 5);                                                                              \
    CR_AUTO y = f(x, target, weight, ignore, average);                                             \
    run_back(y);                                                                                   \
    HOLDS(y, name##_y);                                                                            \
    HOLDS(cr_grad(x), name##_gx);                                                                  \
  } while (0)

static void test_classification(void **unused) {
  (void)unused;
  CR_AUTO target = classes_of(6, 7, 5);
  CR_AUTO weight = numbers(7, CR_FLOAT64, SHAPE(5));
  for (int i = 0; i < 5; i++) set_at(weight, i, fabs(at(weight, i)) + 0.1);
  CHECK_CLASSES(cr_nll_loss, nll_mean, NULL, -100, true);
  CHECK_CLASSES(cr_nll_loss, nll_sum, NULL, -100, false);
  CHECK_CLASSES(cr_nll_loss, nll_weighted_mean, weight, 2, true);
  CHECK_CLASSES(cr_nll_loss, nll_weighted_sum, weight, 2, false);
  CHECK_CLASSES(PLAIN_CROSS_ENTROPY, cross_entropy_mean, NULL, -100, true);
  CHECK_CLASSES(PLAIN_CROSS_ENTROPY, cross_entropy_sum, NULL, -100, false);
  CHECK_CLASSES(PLAIN_CROSS_ENTROPY, cross_entropy_weighted_mean, weight, 2, true);
  CHECK_CLASSES(PLAIN_CROSS_ENTROPY, cross_entropy_weighted_sum, weight, 2, false);
}

static void test_mse(void **unused) {
  (void)unused;
  LEAF(x, 1, 4, 3);
  LEAF(t, 2, 4, 3);
  CR_AUTO y = cr_mse_loss(x, t, true);
  run_back(y);
  HOLDS(y, mse_mean_y);
  HOLDS(cr_grad(x), mse_mean_gx);
  HOLDS(cr_grad(t), mse_mean_gt);
  LEAF(x2, 1, 4, 3);
  LEAF(t2, 2, 4, 3);
  CR_AUTO y2 = cr_mse_loss(x2, t2, false);
  run_back(y2);
  HOLDS(y2, mse_sum_y);
  HOLDS(cr_grad(x2), mse_sum_gx);
  HOLDS(cr_grad(t2), mse_sum_gt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conv),       cmocka_unit_test(test_pools),
      cmocka_unit_test(test_batch_norm), cmocka_unit_test(test_layer_norm),
      cmocka_unit_test(test_softmax),    cmocka_unit_test(test_classification),
      cmocka_unit_test(test_mse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
