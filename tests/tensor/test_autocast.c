/* test_autocast.c: the casts that a region keeps, also with every allocation failing in turn. */
#include "tensor/autocast.h"
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include "tests/tensor/faults.h"

static const cr_device here = {CR_CPU, 0};

static cr_tensor *leaf(void) {
  cr_tensor *t = cr_full(CR_FLOAT32, here, 1, (int64_t[]){3}, cr_num(2));
  if (t && cr_set_requires_grad(t, true)) return t;
  cr_release(t);
  return NULL;
}

static cr_tensor *half(cr_tensor *t) {
  return t ? cr_autocast_cast(t, CR_FLOAT16) : NULL;
}

/* Whether two casts of t are one tensor. */
static bool is_kept(cr_tensor *t) {
  CR_AUTO first = half(t);
  CR_AUTO second = half(t);
  assert_non_null(first);
  return first == second;
}

static void test_what_is_kept(void **state) {
  (void)state;
  CR_AUTO w = leaf();
  CR_AUTO plain = cr_ones_like(w);
  assert_false(is_kept(w)); /* no region */
  cr_autocast_mode before = cr_autocast_begin(CR_CPU, true, CR_FLOAT16);
  assert_true(is_kept(w));
  assert_false(is_kept(plain));
  CR_AUTO first = half(w);
  cr_autocast_mode inner = cr_autocast_begin(CR_CPU, false, CR_FLOAT16);
  assert_false(cr_autocast_takes(w));
  cr_autocast_end(inner);
  assert_true(cr_autocast_takes(w));
  CR_AUTO again = half(w);
  assert_ptr_equal(first, again); /* an inner region drops nothing */
  CR_AUTO filled = cr_fill(w, cr_num(3));
  assert_ptr_equal(filled, w);
  CR_AUTO changed = half(w);
  assert_ptr_not_equal(first, changed);
  CR_AUTO other = cr_autocast_cast(w, CR_BFLOAT16);
  assert_int_equal(other->dtype, CR_BFLOAT16);
  cr_autocast_end(before);
  assert_false(cr_autocast_takes(w));
  CR_AUTO outside = half(w);
  assert_ptr_not_equal(outside, changed);
}

static void test_dead_leaves(void **state) {
  (void)state;
  CR_AUTO w = leaf();
  size_t at_first = live(), most = 0;
  cr_autocast_mode before = cr_autocast_begin(CR_CPU, true, CR_FLOAT16);
  CR_AUTO kept = half(w);
  for (int i = 0; i < 10000; i++) {
    CR_AUTO short_lived = leaf();
    CR_AUTO cast = half(short_lived);
    assert_non_null(cast);
    if (live() > most) most = live();
  }
  assert_true(most - at_first < 128 * 1024);
  CR_AUTO again = half(w);
  assert_ptr_equal(again, kept);
  cr_autocast_end(before);
}

/* More leaves than the table begins with. */
static bool many(void) {
  cr_tensor *w[100] = {NULL};
  bool ok = true;
  cr_autocast_mode before = cr_autocast_begin(CR_CPU, true, CR_FLOAT16);
  for (int i = 0; ok && i < 100; i++) {
    w[i] = leaf();
    CR_AUTO cast = half(w[i]);
    CR_AUTO sum = cr_sum(cast);
    ok = sum && cr_backward(1, &sum, NULL, NULL) && cr_grad(w[i])->dtype == CR_FLOAT32;
    if (ok && !is_kept(w[i])) ok = cr_fail("memory for the table was missing");
  }
  cr_autocast_end(before);
  for (int i = 0; i < 100; i++) cr_release(w[i]);
  return ok;
}

static void test_failures(void **state) {
  (void)state;
  with_failures(many);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_kept),
      cmocka_unit_test(test_dead_leaves),
      cmocka_unit_test(test_failures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
