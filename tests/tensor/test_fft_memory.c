/* test_fft_memory.c: every allocation of a Fourier transform and of sampling failing in turn,
 * forward and backward: each failure is an ordinary error, and nothing is lost. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include "tests/tensor/faults.h"

static const cr_device here = {CR_CPU, 0};

static cr_tensor *leaf(cr_dtype dtype, int ndim, const int64_t *shape) {
  cr_tensor *t = cr_full(dtype, here, ndim, shape, cr_num(0.5));
  if (t && cr_set_requires_grad(t, true)) return t;
  cr_release(t);
  return NULL;
}

static bool backward(cr_tensor *y) {
  CR_AUTO square = cr_mul(y, y);
  CR_AUTO sum = cr_sum(square);
  cr_release(y);
  return sum && cr_backward(1, &sum, NULL, NULL);
}

/* Lengths of small factors, with a generic one, and of a prime that takes a convolution. */
static bool transforms(void) {
  static const int64_t lengths[] = {12, 14, 37};
  for (int i = 0; i < 3; i++) {
    int64_t n = lengths[i], shape[] = {3, n, 2};
    CR_AUTO x = leaf(CR_FLOAT64, 3, shape);
    CR_AUTO r = x ? leaf(CR_FLOAT16, 2, shape) : NULL;
    if (!r || !backward(cr_fft("fft", x, n + 1, 1, true, 0.5)) ||
        !backward(cr_rfft("rfft", r, -1, -1, 1)) || !backward(cr_irfft("irfft", x, n, 0, 1)))
      return false;
  }
  return true;
}

static bool samples(void) {
  int64_t shape[] = {4, 5};
  CR_AUTO a = cr_full(CR_FLOAT32, here, 1, shape + 1, cr_num(3));
  CR_AUTO b = a ? cr_scalar_tensor(CR_FLOAT64, here, cr_num(0.25)) : NULL;
  CR_AUTO x = b ? cr_empty(CR_FLOAT32, here, 2, shape) : NULL;
  CR_AUTO y = x ? cr_empty(CR_INT32, here, 2, (int64_t[]){5, 4}) : NULL;
  CR_AUTO turned = cr_transpose(y, 0, 1);
  CR_AUTO first = turned ? cr_sample(CR_GAMMA, x, a, b) : NULL;
  CR_AUTO second = first ? cr_sample(CR_BINOMIAL, turned, a, b) : NULL;
  CR_AUTO third = second ? cr_sample(CR_TRUNCATED_NORMAL, x, b, a) : NULL;
  return third != NULL;
}

static void test_transforms(void **state) {
  (void)state;
  with_failures(transforms);
}

static void test_samples(void **state) {
  (void)state;
  with_failures(samples);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_transforms),
      cmocka_unit_test(test_samples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
