/* libraries_linalg.cc: the table of factorisations: each by what it must satisfy, and by what the
 * CPU's says where that is unique. */
#include "tests/cuda/libraries.h"

#include "cuda/library.h"

#include <math.h>
#include <string.h>

/* ---- matrices by columns, in double ----------------------------------------------------- */

struct matrix {
  int64_t m, n;
  std::vector<double> v;
  matrix(int64_t rows, int64_t cols) : m(rows), n(cols), v((size_t)(rows * cols)) {}
  double &at(int64_t i, int64_t j) { return v[(size_t)(i + j * m)]; }
  double at(int64_t i, int64_t j) const { return v[(size_t)(i + j * m)]; }
};

static matrix random_matrix(int64_t m, int64_t n) {
  matrix a(m, n);
  for (double &x : a.v) x = uniform();
  return a;
}

static matrix transposed(const matrix &a) {
  matrix t(a.n, a.m);
  for (int64_t j = 0; j < a.n; j++)
    for (int64_t i = 0; i < a.m; i++) t.at(j, i) = a.at(i, j);
  return t;
}

static matrix times(const matrix &a, const matrix &b) {
  matrix c(a.m, b.n);
  for (int64_t j = 0; j < b.n; j++)
    for (int64_t k = 0; k < a.n; k++)
      for (int64_t i = 0; i < a.m; i++) c.at(i, j) += a.at(i, k) * b.at(k, j);
  return c;
}

static matrix identity(int64_t m, int64_t n) {
  matrix a(m, n);
  for (int64_t i = 0; i < m && i < n; i++) a.at(i, i) = 1;
  return a;
}

/* The upper or lower triangle, with ones on the diagonal if unit, of the first `k` rows. */
static matrix triangle(const matrix &a, bool upper, bool unit, int64_t k) {
  matrix t(k, a.n);
  for (int64_t j = 0; j < a.n; j++)
    for (int64_t i = 0; i < k; i++)
      t.at(i, j) = i == j ? (unit ? 1 : a.at(i, j)) : (i < j) == upper ? a.at(i, j) : 0;
  return t;
}

static matrix part(const matrix &a, int64_t m, int64_t n) {
  matrix t(m, n);
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < m; i++) t.at(i, j) = a.at(i, j);
  return t;
}

static double distance(const matrix &a, const matrix &b) {
  double worst = a.m == b.m && a.n == b.n ? 0 : INFINITY;
  for (size_t i = 0; i < a.v.size() && worst < INFINITY; i++) {
    double d = fabs(a.v[i] - b.v[i]);
    if (!(d <= worst)) worst = isnan(d) ? INFINITY : d;
  }
  return worst;
}

/* ---- on the device ---------------------------------------------------------------------- */

static bytes narrowed(cr_dtype t, const matrix &a) {
  bytes b(a.v.size() * cr_sizeof(t));
  for (size_t i = 0; i < a.v.size(); i++)
    cr_store_scalar(t, b.data() + i * cr_sizeof(t), cr_num(a.v[i]));
  return b;
}

/* A matrix of type t on the device. */
struct on_device {
  cr_dtype t;
  int64_t m, n;
  device_copy data;
  on_device(cr_dtype type, const matrix &a) : t(type), m(a.m), n(a.n), data(narrowed(type, a)) {}
  on_device(cr_dtype type, int64_t rows, int64_t cols)
      : t(type), m(rows), n(cols), data((size_t)(rows * cols) * cr_sizeof(type)) {}
  void *p() const { return data.p; }
  matrix get() const {
    matrix a(m, n);
    bytes b = data.get();
    for (size_t i = 0; i < a.v.size(); i++) a.v[i] = number_at(t, b.data(), (int64_t)i);
    return a;
  }
};

/* The numbers that t can hold. */
static matrix rounded(cr_dtype t, const matrix &a) {
  return on_device(t, a).get();
}

static const cr_linalg *gpu() {
  return gpu_backend()->linalg;
}

static void report(const char *what, cr_dtype t, int64_t m, int64_t n, int info, double error,
                   double scale) {
  check(info == 0 && error <= precision(t) * scale, "%s of %s, %lld x %lld: info %d, off by %g %s",
        what, cr_dtypes[t].name, (long long)m, (long long)n, info, error,
        info < 0 ? cr_error() : "");
}

/* ---- solving ---------------------------------------------------------------------------- */

/* Diagonally heavy, so that errors stay small. */
static matrix regular(cr_dtype t, int64_t n) {
  matrix a = random_matrix(n, n);
  for (int64_t i = 0; i < n; i++) a.at(i, i) += a.at(i, i) < 0 ? -2 : 2;
  return rounded(t, a);
}

/* L U, with the rows put back in order. */
static matrix product_of_factors(const matrix &lu, const std::vector<int> &pivots) {
  int64_t n = lu.n;
  matrix a = times(triangle(lu, false, true, n), triangle(lu, true, false, n));
  for (int64_t i = n - 1; i >= 0; i--)
    for (int64_t j = 0; j < n; j++) std::swap(a.at(i, j), a.at(pivots[(size_t)i] - 1, j));
  return a;
}

static void test_lu(cr_dtype t, int64_t n) {
  matrix a = regular(t, n), b = rounded(t, random_matrix(n, 3));
  on_device lu(t, a), x(t, b);
  device_copy pivots((size_t)n * sizeof(int));
  int *p = static_cast<int *>(pivots.p);
  int info = gpu()->getrf(t, n, lu.p(), p);
  std::vector<int> host((size_t)n);
  bytes raw = pivots.get();
  memcpy(host.data(), raw.data(), raw.size());
  report("getrf", t, n, n, info, distance(product_of_factors(lu.get(), host), a), 200);
  info = gpu()->getrs(t, n, 3, lu.p(), p, x.p());
  report("getrs", t, n, 3, info, distance(times(a, x.get()), b), 2000);
  info = gpu()->getri(t, n, lu.p(), p);
  report("getri", t, n, n, info, distance(times(a, lu.get()), identity(n, n)), 2000);
}

static void test_singular(cr_dtype t) {
  matrix a = regular(t, 6);
  for (int64_t i = 0; i < 6; i++) a.at(i, 3) = 0;
  on_device lu(t, a);
  device_copy pivots(6 * sizeof(int));
  int *p = static_cast<int *>(pivots.p);
  check(gpu()->getrf(t, 6, lu.p(), p) == 4, "getrf names the zero pivot");
  check(gpu()->getri(t, 6, lu.p(), p) == 4, "getri names the zero pivot");
  matrix negative = identity(5, 5);
  negative.at(2, 2) = -1;
  on_device chol(t, negative);
  check(gpu()->potrf(t, false, 5, chol.p()) == 3, "potrf names the minor");
  on_device zero(t, matrix(4, 2)), b(t, random_matrix(4, 2));
  check(gpu()->gels(t, 4, 2, 2, zero.p(), b.p()) == 0 && distance(b.get(), matrix(4, 2)) == 0,
        "gels of the zero matrix gives zeros");
  on_device c(t, random_matrix(3, 1));
  matrix half = identity(3, 2);
  half.at(1, 1) = 0;
  on_device tall(t, half), broad(t, transposed(half));
  check(gpu()->gels(t, 3, 2, 1, tall.p(), c.p()) == 2, "gels names the zero pivot");
  check(gpu()->gels(t, 2, 3, 1, broad.p(), c.p()) == 2, "gels names the zero pivot when wide");
}

static void test_triangular(cr_dtype t, int64_t n) {
  for (int i = 0; i < 8; i++) {
    cr_tri_system how = {(i & 1) != 0, (i & 2) != 0, (i & 4) != 0};
    matrix a = regular(t, n), b = rounded(t, random_matrix(n, 2));
    for (int64_t k = 0; k < n * n; k++) /* solutions of large ones would grow and grow */
      if (k % n != k / n) a.v[(size_t)k] *= 2.0 / (double)(n + 2);
    on_device da(t, a), x(t, b);
    a = triangle(da.get(), how.upper, how.unit, n);
    int info = gpu()->trtrs(t, how, n, 2, da.p(), x.p());
    report("trtrs", t, n, 2, info, distance(times(how.transposed ? transposed(a) : a, x.get()), b),
           2000);
    if (n < 3) continue;
    matrix lame = regular(t, n);
    lame.at(1, 1) = lame.at(2, 2) = 0;
    on_device singular(t, lame);
    info = gpu()->trtrs(t, how, n, 2, singular.p(), x.p());
    check(info == (how.unit ? 0 : 2), "trtrs names the first zero on the diagonal: %d", info);
  }
}

static void test_cholesky(cr_dtype t, int64_t n) {
  for (int upper = 0; upper < 2; upper++) {
    matrix r = random_matrix(n, n), a = times(r, transposed(r));
    for (int64_t i = 0; i < n; i++) a.at(i, i) += 1;
    a = rounded(t, a);
    on_device f(t, a), g(t, a);
    int info = gpu()->potrf(t, upper, n, f.p());
    matrix half = triangle(f.get(), upper, false, n);
    matrix back = upper ? times(transposed(half), half) : times(half, transposed(half));
    report("potrf", t, n, n, info, distance(back, a), 200 * (double)n);

    device_copy pivots((size_t)n * sizeof(int));
    info = gpu()->pstrf(t, upper, n, g.p(), static_cast<int *>(pivots.p), -1);
    half = triangle(g.get(), upper, false, n);
    back = upper ? times(transposed(half), half) : times(half, transposed(half));
    std::vector<int> p((size_t)n);
    bytes raw = pivots.get();
    memcpy(p.data(), raw.data(), raw.size());
    matrix ordered(n, n);
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = 0; i < n; i++) ordered.at(i, j) = a.at(p[(size_t)i] - 1, p[(size_t)j] - 1);
    report("pstrf", t, n, n, info, distance(back, ordered), 200 * (double)n);
  }
}

/* Against the CPU's, factors in a included. */
static void test_gels(cr_dtype t, int64_t m, int64_t n) {
  int64_t most = m > n ? m : n;
  matrix a = m == n ? regular(t, n) : random_matrix(m, n), b = random_matrix(most, 3);
  on_device da(t, a), db(t, b);
  bytes ha = narrowed(t, a), hb = narrowed(t, b);
  int info = gpu()->gels(t, m, n, 3, da.p(), db.p());
  cpu_backend()->linalg->gels(t, m, n, 3, ha.data(), hb.data());
  double error = difference(t, m * n, da.data.get().data(), ha.data());
  report("gels, the factors", t, m, n, info, error, 500);
  error = difference(t, most * 3, db.data.get().data(), hb.data());
  report("gels", t, m, n, info, error, 5000);
}

/* ---- orthogonal factors ----------------------------------------------------------------- */

static void test_qr(cr_dtype t, int64_t m, int64_t n) {
  int64_t k = m < n ? m : n;
  matrix a = rounded(t, random_matrix(m, n));
  on_device f(t, a), tau(t, k, 1);
  int info = gpu()->geqrf(t, m, n, f.p(), tau.p());
  matrix r = triangle(f.get(), true, false, k);
  on_device q(t, part(f.get(), m, k));
  if (!info) info = gpu()->orgqr(t, m, k, k, q.p(), tau.p());
  matrix first = q.get();
  report("geqrf", t, m, n, info, distance(times(first, r), a), 200);
  report("orgqr", t, m, n, info, distance(times(transposed(first), first), identity(k, k)), 200);

  on_device none(t, matrix(m, k));
  info = gpu()->orgqr(t, m, k, 0, none.p(), tau.p());
  report("orgqr of nothing", t, m, k, info, distance(none.get(), identity(m, k)), 0);
  for (int i = 0; i < 4; i++) {
    bool right = i & 1, turned = i & 2;
    matrix c = rounded(t, right ? random_matrix(3, m) : random_matrix(m, 3));
    on_device dc(t, c), whole(t, identity(m, m));
    info = gpu()->ormqr(t, right, turned, c.m, c.n, k, f.p(), tau.p(), dc.p());
    if (!info) info = gpu()->ormqr(t, false, false, m, m, k, f.p(), tau.p(), whole.p());
    matrix big = turned ? transposed(whole.get()) : whole.get();
    matrix expected = right ? times(c, big) : times(big, c);
    report("ormqr", t, m, n, info, distance(dc.get(), expected), 500);
    report("ormqr of the identity", t, m, n, info, distance(part(whole.get(), m, k), first), 200);
  }
}

/* ---- eigenvalues and singular values ---------------------------------------------------- */

static matrix diagonal(const matrix &v, int64_t m, int64_t n) {
  matrix d(m, n);
  for (int64_t i = 0; i < v.m; i++) d.at(i, i) = v.at(i, 0);
  return d;
}

static void test_symmetric(cr_dtype t, int64_t n) {
  matrix a = random_matrix(n, n);
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < j; i++) a.at(i, j) = a.at(j, i);
  a = rounded(t, a);
  for (int i = 0; i < 4; i++) {
    bool vectors = i & 1, upper = i & 2;
    matrix half = triangle(a, upper, false, n);
    on_device v(t, half), w(t, n, 1);
    int info = gpu()->syevd(t, vectors, upper, n, v.p(), w.p());
    matrix values = w.get();
    bytes ha = narrowed(t, half), hw((size_t)n * cr_sizeof(t));
    cpu_backend()->linalg->syevd(t, false, upper, n, ha.data(), hw.data());
    report("syevd", t, n, n, info, difference(t, n, w.data.get().data(), hw.data()), 200);
    if (!vectors) continue;
    matrix q = v.get(), back = times(times(q, diagonal(values, n, n)), transposed(q));
    report("syevd, the vectors", t, n, n, info, distance(back, a), 500);
    report("syevd, the angles", t, n, n, info, distance(times(transposed(q), q), identity(n, n)),
           200);
  }
}

/* A V = V W, columns of pairs being real and imaginary parts. */
static double eigen_error(const matrix &a, const matrix &w, const matrix &v) {
  int64_t n = a.n;
  matrix av = times(a, v), vw(n, n);
  for (int64_t j = 0; j < n; j++) {
    double re = w.at(j, 0), im = w.at(j, 1);
    int64_t other = im > 0 ? j + 1 : im < 0 ? j - 1 : j;
    for (int64_t i = 0; i < n; i++)
      vw.at(i, j) = re * v.at(i, j) - (im != 0 ? fabs(im) * (im > 0 ? 1 : -1) * v.at(i, other) : 0);
  }
  return distance(av, vw);
}

static void test_general(cr_dtype t, int64_t n) {
  matrix a = rounded(t, random_matrix(n, n));
  on_device da(t, a), db(t, a), w(t, n, 2), w2(t, n, 2), v(t, n, n);
  int info = gpu()->geev(t, n, da.p(), w.p(), v.p());
  report("geev", t, n, n, info, eigen_error(a, w.get(), v.get()), 1000);
  info = gpu()->geev(t, n, db.p(), w2.p(), NULL);
  double trace = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) trace += a.at(i, i), sum += w2.get().at(i, 0);
  report("geev, the values alone", t, n, n, info, fabs(trace - sum), 1000);
}

/* An older cuSOLVER has none; the CPU does it. */
static void test_without_geev() {
  cr_solver solver("a test");
  cr_cusolver *table = const_cast<cr_cusolver *>(solver.functions);
  auto geev = table->cusolverDnXgeev;
  table->cusolverDnXgeev = NULL;
  test_general(CR_FLOAT32, 6);
  test_general(CR_FLOAT64, 7);
  table->cusolverDnXgeev = geev;
}

static void test_singular_values(cr_dtype t, int64_t m, int64_t n) {
  int64_t k = m < n ? m : n;
  matrix a = rounded(t, random_matrix(m, n));
  for (int full = 0; full < 2; full++) {
    int64_t uk = full ? m : k, vk = full ? n : k;
    on_device da(t, a), s(t, k, 1), u(t, m, uk), vt(t, vk, n);
    int info = gpu()->gesdd(t, full, m, n, da.p(), s.p(), u.p(), vt.p());
    matrix left = u.get(), right = vt.get(), values = s.get();
    bool falling = true;
    for (int64_t i = 1; i < k; i++) falling = falling && values.at(i, 0) <= values.at(i - 1, 0);
    check(falling, "singular values fall");
    report("gesdd", t, m, n, info, distance(times(times(left, diagonal(values, uk, vk)), right), a),
           500);
    report("gesdd, u", t, m, n, info, distance(times(transposed(left), left), identity(uk, uk)),
           500);
    report("gesdd, v", t, m, n, info, distance(times(right, transposed(right)), identity(vk, vk)),
           500);
  }
}

/* ---- bad input -------------------------------------------------------------------------- */

static void refused(int info, const char *what, double x) {
  check(info == -1 && strstr(cr_error(), "NaN or infinite"), "%s of %g: info %d, %s", what, x, info,
        cr_error());
}

static void test_not_finite(cr_dtype t) {
  const double odd[] = {NAN, INFINITY, -INFINITY};
  for (double x : odd) {
    matrix a = identity(7, 7);
    a.at(6, 6) = x;
    on_device d(t, a), w(t, 7, 2), u(t, 7, 7), v(t, 7, 7);
    refused(gpu()->syevd(t, true, true, 7, d.p(), w.p()), "syevd", x);
    refused(gpu()->geev(t, 7, d.p(), w.p(), v.p()), "geev", x);
    refused(gpu()->gesdd(t, false, 7, 7, d.p(), w.p(), u.p(), v.p()), "gesdd", x);
  }
  scratch_limit = 16;
  on_device d(t, identity(7, 7)), w(t, 7, 2), v(t, 7, 7);
  check(gpu()->geev(t, 7, d.p(), w.p(), v.p()) == -1 && strstr(cr_error(), "memory"),
        "geev without memory: %s", cr_error());
  scratch_limit = SIZE_MAX;
}

void test_linalg() {
  static const int64_t sizes[] = {1, 2, 3, 8, 30};
  static const int64_t shapes[][2] = {{1, 1}, {5, 1}, {1, 4}, {3, 3}, {9, 4}, {4, 9}, {30, 17}};
  for (cr_dtype t : {CR_FLOAT32, CR_FLOAT64}) {
    for (int64_t n : sizes) {
      test_lu(t, n);
      test_triangular(t, n);
      test_cholesky(t, n);
      test_symmetric(t, n);
      test_general(t, n);
    }
    for (const auto &s : shapes) {
      test_gels(t, s[0], s[1]);
      test_qr(t, s[0], s[1]);
      test_singular_values(t, s[0], s[1]);
    }
    test_singular(t);
    test_not_finite(t);
  }
  test_without_geev();
  test_triangular(CR_FLOAT64, 300); /* several rows of the diagonal for a thread */
}
