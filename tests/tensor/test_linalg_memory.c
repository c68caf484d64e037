/* test_linalg_memory.c: every allocation of the linear algebra failing in turn, forward and
 * backward: each failure is an ordinary error, and nothing is lost. */
#include "tensor/autograd.h"
#include "tensor/linalg.h"

#include "tests/tensor/faults.h"

static const cr_device here = {CR_CPU, 0};

/* A leaf of two matrices, far from singular, not symmetric. */
static cr_tensor *leaf(int64_t rows, int64_t columns) {
  int64_t shape[] = {2, rows, columns};
  cr_tensor *t = cr_empty(CR_FLOAT64, here, 3, shape);
  if (!t) return NULL;
  double *p = cr_data(t);
  for (int64_t i = 0; i < 2 * rows * columns; i++) {
    int64_t r = i / columns % rows, c = i % columns;
    p[i] = (r == c ? 4 + (double)r : 0) + 0.1 * (double)(i * 7 % 5);
  }
  if (cr_set_requires_grad(t, true)) return t;
  cr_release(t);
  return NULL;
}

static bool backward(int n, cr_tensor **y) {
  bool ok = true;
  CR_AUTO total = NULL;
  for (int i = 0; i < n; i++) {
    CR_AUTO square = ok ? cr_mul(y[i], y[i]) : NULL;
    CR_AUTO s = cr_sum(square);
    cr_tensor *sum = !s ? NULL : total ? cr_add(total, s) : cr_retain(s);
    ok = sum != NULL;
    cr_release(total);
    total = sum;
  }
  for (int i = 0; i < n; i++) cr_release(y[i]);
  return ok && cr_backward(1, &total, NULL, NULL);
}

static bool one(cr_tensor *y) {
  return y && backward(1, &y);
}

static bool systems(cr_tensor *a, cr_tensor *b) {
  CR_AUTO at = cr_transpose(a, 1, 2);
  CR_AUTO m = cr_matmul(a, at, NULL);
  cr_tensor *y[2];
  if (!at || !m || !(y[0] = cr_solve("solve", b, a, &y[1]))) return false;
  cr_release(y[1]);
  return backward(1, y) && one(cr_inverse(a)) && one(cr_det(a)) && one(cr_logdet(a)) &&
         one(cr_cholesky("potrf", m, true)) && one(cr_potrs(b, a, false)) && one(cr_potri(a, true));
}

static bool decompositions(cr_tensor *a, cr_tensor *b) {
  cr_tensor *y[3];
  return cr_symeig(a, true, &y[0], &y[1]) && backward(2, y) &&
         cr_svd(b, false, &y[0], &y[1], &y[2]) && backward(3, y) && cr_qr(b, &y[0], &y[1]) &&
         backward(2, y) && one(cr_lstsq(a, b, -1)) && one(cr_pinverse(b, -1));
}

static bool without_gradient(cr_tensor *a, cr_tensor *b) {
  cr_tensor *y[3];
  if (!cr_eig(a, &y[0], &y[1])) return false;
  cr_release(y[0]);
  cr_release(y[1]);
  if (!(y[0] = cr_gels(b, a, &y[1]))) return false;
  cr_release(y[0]);
  cr_release(y[1]);
  if (!cr_svd(b, true, &y[0], &y[1], &y[2])) return false;
  for (int i = 0; i < 3; i++) cr_release(y[i]);
  CR_AUTO rank = cr_matrix_rank(b, -1);
  if (!rank || !cr_geqrf(b, &y[0], &y[1])) return false;
  CR_AUTO q = cr_orgqr(y[0], y[1]);
  CR_AUTO c = q ? cr_ormqr(y[0], y[1], b, false, true) : NULL;
  cr_release(y[0]);
  cr_release(y[1]);
  CR_AUTO m = c ? cr_eye(CR_FLOAT64, here, 3, 3) : NULL;
  if (!m || !cr_pstrf(m, true, -1, &y[0], &y[1])) return false;
  cr_release(y[0]);
  cr_release(y[1]);
  return true;
}

static bool run(bool (*f)(cr_tensor *, cr_tensor *)) {
  CR_AUTO a = leaf(3, 3);
  CR_AUTO b = a ? leaf(3, 2) : NULL;
  return b && f(a, b);
}

static bool run_systems(void) {
  return run(systems);
}
static void test_systems(void **state) {
  (void)state;
  with_failures(run_systems);
}

static bool run_decompositions(void) {
  return run(decompositions);
}
static void test_decompositions(void **state) {
  (void)state;
  with_failures(run_decompositions);
}

static bool run_without_gradient(void) {
  return run(without_gradient);
}
static void test_without_gradient(void **state) {
  (void)state;
  with_failures(run_without_gradient);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_systems),
      cmocka_unit_test(test_decompositions),
      cmocka_unit_test(test_without_gradient),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
