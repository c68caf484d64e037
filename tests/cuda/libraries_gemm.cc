/* libraries_gemm.cc: matrix products and dot beside the CPU's. */
#include "tests/cuda/libraries.h"

#include <math.h>
#include <string.h>

/* ---- products --------------------------------------------------------------------------- */

/* How a matrix lies in memory. */
enum layout { ROWS, COLUMNS, GAPS, TURNED_GAPS, SHARED, LAYOUTS };

struct matrices {
  int64_t stride[3], elements;
};

static matrices lay_out(enum layout how, int64_t batch, int64_t rows, int64_t cols) {
  matrices m = {};
  int64_t more = pick(0, 3);
  switch (how) {
  case COLUMNS:
    m.stride[1] = 1;
    m.stride[2] = rows + more;
    m.stride[0] = m.stride[2] * cols + pick(0, 2);
    break;
  case GAPS:
    m.stride[2] = 2;
    m.stride[1] = 2 * cols + more;
    m.stride[0] = m.stride[1] * rows;
    break;
  case TURNED_GAPS: /* batch innermost */
    m.stride[0] = 1;
    m.stride[2] = batch;
    m.stride[1] = batch * cols + more;
    break;
  default:
    m.stride[2] = 1;
    m.stride[1] = cols + more;
    m.stride[0] = how == SHARED ? 0 : m.stride[1] * rows + more;
  }
  m.elements = 1;
  const int64_t size[3] = {batch, rows, cols};
  for (int i = 0; i < 3; i++) m.elements += (size[i] > 0 ? size[i] - 1 : 0) * m.stride[i];
  return m;
}

static bool run(const cr_gemm_args &g, const bytes &a, const bytes &b, const bytes &c, bytes *out) {
  device_copy da(a), db(b), dc(c);
  cr_gemm_args on = g;
  on.a = da.p, on.b = db.p, on.c = dc.p;
  if (!gpu_backend()->gemm(&on)) return false;
  *out = dc.get();
  return true;
}

/* Random matrices through both tables; what lies between the rows of C must stay as it was. */
static void compare(cr_gemm_args g, enum layout la, enum layout lb) {
  matrices ma = lay_out(la, g.batch, g.m, g.k), mb = lay_out(lb, g.batch, g.k, g.n);
  matrices mc = lay_out(ROWS, g.batch, g.m, g.n);
  memcpy(g.as, ma.stride, sizeof g.as);
  memcpy(g.bs, mb.stride, sizeof g.bs);
  memcpy(g.cs, mc.stride, sizeof g.cs);
  bytes a = random_elements(g.dtype, ma.elements), b = random_elements(g.dtype, mb.elements);
  bytes c = random_elements(g.dtype, mc.elements), out;
  if (g.beta == 0 && cr_is_float(g.dtype)) memset(c.data(), 0xff, c.size()); /* NaN */
  bool ok = run(g, a, b, c, &out);
  g.a = a.data(), g.b = b.data(), g.c = c.data();
  bool expected = cpu_backend()->gemm(&g);
  double error = ok ? difference(g.dtype, mc.elements, out.data(), c.data()) : INFINITY;
  check(expected && ok && error <= precision(g.dtype) * 4,
        "gemm of %s: batch %lld, %lld x %lld x %lld, alpha %g, beta %g, layouts %d, %d: %s",
        cr_dtypes[g.dtype].name, (long long)g.batch, (long long)g.m, (long long)g.n, (long long)g.k,
        g.alpha, g.beta, (int)la, (int)lb, ok ? "wrong" : cr_error());
}

static void test_products(cr_dtype t) {
  static const double factors[] = {0, 1, -2, 0.5};
  for (int i = 0; i < 120; i++) {
    cr_gemm_args g = {};
    int64_t most = i % 8 == 0 ? 70 : 9;
    g.dtype = t;
    g.batch = pick(0, 3) ? 1 : pick(0, 4);
    g.m = pick(0, 5) ? pick(0, most) : 1;
    g.n = pick(0, 5) ? pick(0, most) : 1;
    g.k = pick(0, 5) ? pick(0, most) : pick(0, 1);
    int whole = cr_is_float(t) ? 3 : g.k ? 2 : 1; /* of integers, the CPU wraps products only */
    g.alpha = factors[pick(0, whole)];
    g.beta = factors[pick(0, whole)];
    compare(g, (enum layout)pick(0, LAYOUTS - 1), (enum layout)pick(0, LAYOUTS - 1));
  }
}

/* ---- with a bias ------------------------------------------------------------------------ */

static bool bias_is_one_call(const cr_gemm_args &g, int64_t skip) {
  return cr_is_float(g.dtype) && g.batch == 1 && g.m > 1 && g.n > 1 && g.k > 1 && g.k != 13 &&
         skip * cr_sizeof(g.dtype) % 16 == 0;
}

/* Rows of x by rows of w, as nn.Linear has them, with a bias that begins `skip` elements late. */
static void compare_bias(cr_gemm_args g, enum layout la, int64_t skip, bool expected) {
  matrices ma = lay_out(la, 1, g.m, g.k), mb = lay_out(COLUMNS, 1, g.k, g.n);
  matrices mc = lay_out(ROWS, 1, g.m, g.n);
  memcpy(g.as, ma.stride, sizeof g.as);
  memcpy(g.bs, mb.stride, sizeof g.bs);
  memcpy(g.cs, mc.stride, sizeof g.cs);
  size_t size = cr_sizeof(g.dtype);
  bytes a = random_elements(g.dtype, ma.elements), b = random_elements(g.dtype, mb.elements);
  bytes bias = random_elements(g.dtype, skip + g.n), c((size_t)mc.elements * size), rows = c;
  for (int64_t i = 0; i < g.m; i++)
    for (int64_t j = 0; j < g.n; j++)
      memcpy(&rows[(size_t)(i * g.cs[1] + j) * size], &bias[(size_t)(skip + j) * size], size);
  device_copy da(a), db(b), dbias(bias), dc(c);
  cr_gemm_args on = g;
  on.a = da.p, on.b = db.p, on.c = dc.p;
  int done = gpu_backend()->gemm_bias(&on, (char *)dbias.p + (size_t)skip * size);
  g.a = a.data(), g.b = b.data(), g.c = rows.data(), g.beta = 1;
  cpu_backend()->gemm(&g);
  bytes out = dc.get(), &wanted = expected ? rows : c;
  double error = difference(g.dtype, mc.elements, out.data(), wanted.data());
  check(done == expected && error <= precision(g.dtype) * 4,
        "bias of %s: %lld x %lld x %lld, %lld late: %d, wrong by %g: %s", cr_dtypes[g.dtype].name,
        (long long)g.m, (long long)g.n, (long long)g.k, (long long)skip, done, error,
        done < 0 ? cr_error() : "");
}

static void test_bias(cr_dtype t) {
  cr_gemm_args g = {};
  g.dtype = t, g.batch = 1, g.alpha = 1;
  for (int i = 0; i < 80; i++) {
    g.m = pick(1, 9), g.n = pick(1, 9), g.k = pick(1, 14);
    int64_t skip = pick(0, 2) * pick(1, 4);
    enum layout la = pick(0, 1) ? ROWS : COLUMNS;
    compare_bias(g, la, skip, bias_is_one_call(g, skip));
  }
  g.m = g.n = g.k = 5;
  for (int i = 0; i < 3; i++) compare_bias(g, ROWS, 0, cr_is_float(t)); /* by the same plan */
  compare_bias(g, GAPS, 0, false);
  g.m = 0;
  compare_bias(g, ROWS, 0, false);
}

/* More problems than plans are kept, and work space that is not there. */
static void test_plans() {
  cr_gemm_args g = {};
  g.dtype = CR_FLOAT32, g.batch = 1, g.alpha = 1;
  g.n = 3, g.k = 2;
  for (int round = 0; round < 2; round++)
    for (g.m = 2; g.m < 400; g.m++) compare_bias(g, ROWS, 0, true);
  scratch_limit = 16;
  compare_bias(g, ROWS, 0, false);
  scratch_limit = SIZE_MAX;
}

/* An option changes the product of floats, by about 2^-11. */
static void test_tf32() {
  cr_gemm_args g = {};
  g.batch = 1, g.m = g.n = 20, g.k = 30, g.alpha = 1, g.dtype = CR_FLOAT32;
  for (int64_t *s : {g.as, g.bs, g.cs}) s[2] = 1;
  g.as[1] = g.k, g.bs[1] = g.cs[1] = g.n;
  bytes a = random_elements(g.dtype, 600), b = random_elements(g.dtype, 600), c(1600), x, y;
  bool exact = run(g, a, b, c, &x);
  options[CR_OPTION_TF32] = true;
  bool fast = run(g, a, b, c, &y);
  options[CR_OPTION_TF32] = false;
  double error = difference(CR_FLOAT32, 400, y.data(), x.data());
  check(exact && fast && error > 1e-6 && error < 1e-2, "TF32 changes a product by %g", error);
}

/* Without memory cuBLAS works with its own; copies of operands cannot be made. */
static void test_short_memory() {
  cr_gemm_args g = {};
  g.batch = 1, g.m = g.n = g.k = 3, g.alpha = 1, g.dtype = CR_FLOAT64;
  scratch_limit = 16;
  compare(g, ROWS, COLUMNS);
  matrices m = lay_out(GAPS, 1, 3, 3);
  memcpy(g.as, m.stride, sizeof g.as);
  g.bs[1] = g.cs[1] = 3, g.bs[2] = g.cs[2] = 1;
  bytes out;
  check(!run(g, bytes(m.elements * 8), bytes(72), bytes(72), &out), "gemm without memory");
  scratch_limit = SIZE_MAX;
}

/* ---- dot -------------------------------------------------------------------------------- */

static void test_dot(cr_dtype t) {
  static const int64_t sizes[] = {0, 1, 2, 31, 256, 257, 4096, 4097, 20000};
  for (int64_t n : sizes) {
    int64_t as = pick(0, 2), bs = pick(1, 2), size = (int64_t)cr_sizeof(t);
    bytes a = random_elements(t, n * as + 1), b = random_elements(t, n * bs + 1);
    bytes expected((size_t)size), again;
    device_copy da(a), db(b), out((size_t)size);
    bool ok = gpu_backend()->dot(t, n, da.p, as, db.p, bs, out.p);
    bytes got = ok ? out.get() : bytes((size_t)size);
    ok = ok && gpu_backend()->dot(t, n, da.p, as, db.p, bs, out.p) && out.get() == got;
    cpu_backend()->dot(t, n, a.data(), as, b.data(), bs, expected.data());
    double most = precision(t) * (t == CR_FLOAT64 ? 64 : 2), sizes = 1;
    for (int64_t i = 0; i < n; i++)
      sizes += fabs(number_at(t, a.data(), i * as) * number_at(t, b.data(), i * bs));
    /* the CPU adds four products of floats as floats, all other ones in double */
    if (t == CR_FLOAT32) most *= sizes / fmax(1, fabs(number_at(t, expected.data(), 0)));
    check(ok && difference(t, 1, got.data(), expected.data()) <= most, "dot of %lld of %s",
          (long long)n, cr_dtypes[t].name);
  }
}

void test_gemm() {
  for (int t = 0; t < CR_NDTYPES; t++) {
    test_products((cr_dtype)t);
    if (cr_is_float((cr_dtype)t)) test_dot((cr_dtype)t);
  }
  for (int t = 0; t < CR_NDTYPES; t++) test_bias((cr_dtype)t);
  test_plans();
  test_tf32();
  test_short_memory();
}
