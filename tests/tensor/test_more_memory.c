/* test_more_memory.c: every allocation of the special functions, scans, distances, of indexing and
 * of what changes many tensors failing in turn, forward and backward: each failure is an ordinary
 * error, and nothing is lost. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include "tests/tensor/faults.h"

static const cr_device here = {CR_CPU, 0};

/* A leaf of numbers from 0.1 on. */
static cr_tensor *leaf(int ndim, const int64_t *shape) {
  cr_tensor *t = cr_empty(CR_FLOAT64, here, ndim, shape);
  if (!t) return NULL;
  double *p = cr_data(t);
  for (int64_t i = 0; i < cr_numel(t); i++) p[i] = 0.1 + 0.1 * (double)(i * 7 % 8);
  if (cr_set_requires_grad(t, true)) return t;
  cr_release(t);
  return NULL;
}

static bool one(cr_tensor *y) {
  CR_AUTO result = y;
  CR_AUTO square = cr_mul(result, result);
  CR_AUTO sum = cr_sum(square);
  return sum && cr_backward(1, &sum, NULL, NULL);
}

static bool functions(cr_tensor *a, cr_tensor *b) {
  for (int op = 0; op < CR_GCD; op++)
    if (op != CR_POLYGAMMA && !one(cr_special((cr_special_op)op, a, b))) return false;
  return one(cr_polygamma(a, 2)) && one(cr_unary(CR_DIGAMMA, a, NULL));
}

static bool along_lines(cr_tensor *a, cr_tensor *b) {
  cr_tensor *values, *places;
  int dims[] = {0, 1};
  if (!cr_running_extreme(a, 1, true, &values, &places)) return false;
  cr_release(places);
  if (!one(values) || !one(cr_logcumsumexp(a, 1)) || !one(cr_flip(a, 2, dims))) return false;
  CR_AUTO found = cr_searchsorted(a, b, true);
  if (!found || !one(cr_euclidean(a, b))) return false;
  return one(cr_norm(a, 1.5, -1, NULL, false)) && one(cr_diagonal_of(a, 1, 0, 2));
}

/* Places 1, 0 of the first and the last dimension. */
static bool indexing(cr_tensor *a, cr_tensor *b) {
  CR_AUTO at = cr_arange(CR_INT64, here, 1, -1, 2);
  CR_AUTO turned = cr_transpose(b, 0, 2);
  cr_tensor *index[] = {at, NULL, at};
  if (!at || !turned || !one(cr_index_at(a, index))) return false;
  for (int add = 0; add <= 1; add++) {
    CR_AUTO to = cr_mul(turned, turned); /* not a leaf, and laid out as it is */
    CR_AUTO values = cr_index_at(turned, index);
    if (!to || !values || !one(cr_index_put(to, index, values, add))) return false;
  }
  return true;
}

static bool run(bool (*f)(cr_tensor *, cr_tensor *)) {
  CR_AUTO a = leaf(3, (int64_t[]){2, 3, 2});
  CR_AUTO b = a ? leaf(3, (int64_t[]){2, 3, 2}) : NULL;
  return b && f(a, b);
}

static bool run_functions(void) {
  return run(functions);
}
static void test_functions(void **state) {
  (void)state;
  with_failures(run_functions);
}

static bool run_along_lines(void) {
  return run(along_lines);
}
static void test_along_lines(void **state) {
  (void)state;
  with_failures(run_along_lines);
}

static bool run_indexing(void) {
  return run(indexing);
}
static void test_indexing(void **state) {
  (void)state;
  with_failures(run_indexing);
}

/* Lists of tensors, of which one has gaps. */
static bool lists(cr_tensor *a, cr_tensor *b) {
  CR_AUTO part = cr_narrow(b, 1, 0, 2);
  cr_tensor *list[] = {a, part}, *averages[] = {b, part};
  double norm;
  bool finite;
  return part && cr_clip_norm(2, list, 1, &norm) && cr_scale(2, list, 0.5, &finite) &&
         cr_average(2, averages, list, 0.5) && cr_zero(2, list);
}

static bool run_lists(void) {
  return run(lists);
}
static void test_lists(void **state) {
  (void)state;
  with_failures(run_lists);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_functions),
      cmocka_unit_test(test_along_lines),
      cmocka_unit_test(test_indexing),
      cmocka_unit_test(test_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
