/* decompose.c: eigenvalues, singular values, orthogonal factors, and least squares by them.
 *
 * The derivatives of the eigenvalues and singular values follow M. Giles, "An extended collection
 * of matrix derivative results for forward and reverse mode algorithmic differentiation" (2008),
 * and J. Townsend, "Differentiating the singular value decomposition" (2016); that of QR follows S.
 * Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2010). Where
 * two eigenvalues or singular values are equal, the vectors have no derivative, and the formulas
 * divide by zero: the gradient shows it by infinite numbers or NaN. */
#include "tensor/linalg.h"

#include "tensor/autograd.h"

#include <float.h>
#include <string.h>

static int64_t rows_of(const cr_tensor *a) {
  return a->shape[a->ndim - 2];
}
static int64_t columns_of(const cr_tensor *a) {
  return a->shape[a->ndim - 1];
}
static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static cr_tensor *t2(cr_tensor *a) {
  return cr_transpose(a, -2, -1);
}

/* a^T b and a b^T. */
static cr_tensor *left_t(cr_tensor *a, cr_tensor *b) {
  CR_AUTO at = t2(a);
  return cr_matmul(at, b, NULL);
}
static cr_tensor *right_t(cr_tensor *a, cr_tensor *b) {
  CR_AUTO bt = t2(b);
  return cr_matmul(a, bt, NULL);
}

/* a with column j times x[j], or divided by it. */
static cr_tensor *scale_columns(cr_tensor *a, cr_tensor *x, bool divide) {
  CR_AUTO row = cr_unsqueeze(x, -2);
  return divide ? cr_div(a, row) : cr_mul(a, row);
}

static void release_all(int n, cr_tensor **t) {
  for (int i = 0; i < n; i++) {
    cr_release(t[i]);
    t[i] = NULL;
  }
}

/* What LAPACK's number means, as a message; true when it is 0. */
static bool succeeded(const char *fn, int info, const char *what) {
  if (!info) return true;
  return info < 0 ? cr_error_prefix(fn) : cr_fail("%s: %s (LAPACK's number is %d)", fn, what, info);
}

/* Whether anybody used an output: otherwise its gradient is zero and has no history.  False:
 * failed. */
static bool is_used(cr_tensor *g, bool *used) {
  *used = true;
  if (cr_requires_grad(g)) return true;
  CR_AUTO any = cr_reduce(CR_ANY, g, -1, NULL, false, NULL);
  cr_scalar v;
  if (!any || !cr_item(any, &v)) return false;
  *used = v.i != 0;
  return true;
}

/* m without its diagonal, element i,j divided by x[j] - x[i]. */
static cr_tensor *over_gaps(cr_tensor *m, cr_tensor *x) {
  if (!m || !x) return NULL;
  int64_t n = columns_of(m);
  CR_AUTO above = cr_triangle(m, true, 1, NULL);
  CR_AUTO below = cr_triangle(m, false, -1, NULL);
  CR_AUTO off = cr_add(above, below);
  CR_AUTO row = cr_unsqueeze(x, -2);
  CR_AUTO column = cr_unsqueeze(x, -1);
  CR_AUTO gap = cr_sub(row, column);
  CR_AUTO eye = cr_eye((cr_dtype)m->dtype, cr_device_of(m), n, n);
  CR_AUTO divisor = cr_add(gap, eye);
  return cr_div(off, divisor);
}

/* Puts two terms together; either may be NULL for none.  Takes over both. */
static cr_tensor *plus(cr_tensor *a, cr_tensor *b) {
  if (!a || !b) return a ? a : b;
  cr_tensor *sum = cr_add(a, b);
  cr_release(a);
  cr_release(b);
  return sum;
}

/* ---- symmetric matrices ----------------------------------------------------------------- */

/* V (diag(gw) + (V^T gV) / gaps) V^T, made symmetric. */
static bool symeig_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *w = cr_saved(n, 0), *v = cr_saved(n, 1);
  bool used;
  if (!w || !v || !is_used(g[1], &used)) return false;
  CR_AUTO scaled = scale_columns(v, g[0], false);
  CR_AUTO inner = NULL;
  if (used) {
    CR_AUTO m = left_t(v, g[1]);
    CR_AUTO f = over_gaps(m, w);
    if (!(inner = cr_matmul(v, f, NULL))) return false;
  }
  if (!scaled) return false;
  CR_AUTO half = inner ? cr_add(scaled, inner) : cr_retain(scaled);
  CR_AUTO p = right_t(half, v);
  CR_AUTO pt = t2(p);
  return p && pt && (gin[0] = cr_axpby(cr_num(0.5), p, cr_num(0.5), pt, NULL)) != NULL;
}

static const cr_op op_symeig = {"symeig", "", symeig_backward};

static bool symeig(const cr_linalg *la, bool vectors, bool upper, cr_tensor *w, cr_tensor *v) {
  int64_t n = rows_of(v);
  for (int64_t i = 0; n && i < cr_batch_of(v); i++) {
    int info = la->syevd((cr_dtype)v->dtype, vectors, upper, n, cr_matrix_at(v, i, n * n),
                         cr_matrix_at(w, i, n));
    if (!succeeded("symeig", info, "the iteration did not converge")) return false;
  }
  return true;
}

bool cr_symeig(cr_tensor *a, bool upper, cr_tensor **values, cr_tensor **vectors) {
  if (!a || !cr_need_matrix("symeig", a, true)) return false;
  const cr_linalg *la = cr_linalg_for("symeig", a);
  bool derive = cr_recording_any(a); /* the derivative needs the vectors */
  cr_tensor *out[2] = {NULL, NULL};
  bool ok = la && (out[0] = cr_new_vectors(a, rows_of(a))) && (out[1] = cr_columns(a)) &&
            symeig(la, derive || vectors, upper, out[0], out[1]);
  if (!ok) {
    release_all(2, out);
    return false;
  }
  if (derive && !cr_record_many(&op_symeig, 2, out, &(cr_call){CR_IN(a), CR_SAVE(out[0], out[1])}))
    return false;
  *values = out[0];
  if (vectors)
    *vectors = out[1];
  else
    cr_release(out[1]);
  return true;
}

/* ---- general matrices ------------------------------------------------------------------- */

/* Real and imaginary parts of eigenvectors as LAPACK packs them: the columns of a pair of complex
 * ones are the real and the imaginary part of the first, whose imaginary value is positive. */
static bool unpack_on_host(const double *sign, const cr_tensor *v, cr_tensor *re, cr_tensor *im) {
  int64_t n = rows_of(v);
  double *x = cr_data(re), *y = cr_data(im);
  for (int64_t i = 0; i < cr_batch_of(v); i++, x += n * n, y += n * n, sign += n) {
    for (int64_t j = 0; j + 1 < n; j++) {
      if (!(sign[j] > 0)) continue;
      for (int64_t r = 0; r < n; r++) { /* columns j and j + 1 of row r */
        double real = x[r * n + j], imaginary = x[r * n + j + 1];
        x[r * n + j + 1] = real;
        y[r * n + j] = imaginary;
        y[r * n + j + 1] = -imaginary;
      }
      j++;
    }
  }
  return true;
}

static cr_tensor *like(const cr_tensor *v, cr_tensor *t) {
  CR_AUTO narrow = cr_cast(t, (cr_dtype)v->dtype);
  return cr_to_device(narrow, cr_device_of(v));
}

static bool unpack_vectors(cr_tensor *w, cr_tensor *v, cr_tensor **re, cr_tensor **im) {
  cr_device cpu = {CR_CPU, 0};
  CR_AUTO wi = cr_select(w, -1, 1);
  CR_AUTO wide_signs = cr_cast(wi, CR_FLOAT64);
  CR_AUTO host_signs = cr_to_device(wide_signs, cpu);
  CR_AUTO signs = cr_contiguous(host_signs);
  CR_AUTO wide = cr_cast(v, CR_FLOAT64);
  CR_AUTO host = cr_to_device(wide, cpu);
  CR_AUTO x = cr_clone(host);
  CR_AUTO y = x ? cr_zeros_like(x) : NULL;
  if (!signs || !y || !unpack_on_host(cr_data(signs), v, x, y)) return false;
  *re = like(v, x);
  *im = like(v, y);
  return *re && *im;
}

/* The complex matrix re + i im as a real one of twice the size. */
static cr_tensor *as_real(cr_tensor *re, cr_tensor *im) {
  CR_AUTO minus = cr_neg(im);
  CR_AUTO above = re && minus ? cr_cat(2, (cr_tensor *[]){re, minus}, -1) : NULL;
  CR_AUTO below = re && im ? cr_cat(2, (cr_tensor *[]){im, re}, -1) : NULL;
  return above && below ? cr_cat(2, (cr_tensor *[]){above, below}, -2) : NULL;
}

/* The real part of V^-H diag(g) V^H, for the gradients g of the values' parts. */
static bool eig_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  if (!cr_ctx()->no_grad) return cr_fail("the eigenvalues have only a first derivative");
  if (cr_node_noutputs(n) > 1) {
    cr_scalar used;
    CR_AUTO any = cr_reduce(CR_ANY, g[1], -1, NULL, false, NULL);
    if (!any || !cr_item(any, &used)) return false;
    if (used.i) return cr_fail("eigenvectors of a general matrix have no derivative");
  }
  cr_tensor *w = cr_saved(n, 0), *v = cr_saved(n, 1);
  CR_AUTO real = NULL;
  CR_AUTO imaginary = NULL;
  bool ok = w && v && unpack_vectors(w, v, &real, &imaginary);
  if (!w || !v) return false;
  CR_AUTO whole = ok ? as_real(real, imaginary) : NULL;
  CR_AUTO inverse = cr_inverse(whole);
  CR_AUTO left = inverse ? t2(inverse) : NULL; /* V^-H */
  CR_AUTO gr = cr_select(g[0], -1, 0);
  CR_AUTO gi = cr_select(g[0], -1, 1);
  /* diag(g) V^H scales the rows of V^H: V diag(conj g), its adjoint, the columns of V. */
  CR_AUTO rr = gr && real ? scale_columns(real, gr, false) : NULL;
  CR_AUTO ii = gi && imaginary ? scale_columns(imaginary, gi, false) : NULL;
  CR_AUTO ri = gi && real ? scale_columns(real, gi, false) : NULL;
  CR_AUTO ir = gr && imaginary ? scale_columns(imaginary, gr, false) : NULL;
  CR_AUTO scaled_re = rr && ii ? cr_add(rr, ii) : NULL;
  CR_AUTO scaled_im = ri && ir ? cr_sub(ir, ri) : NULL;
  CR_AUTO scaled = scaled_re && scaled_im ? as_real(scaled_re, scaled_im) : NULL;
  CR_AUTO product = left && scaled ? right_t(left, scaled) : NULL;
  int64_t size = rows_of(v);
  CR_AUTO rows = cr_narrow(product, -2, 0, size);
  CR_AUTO corner = cr_narrow(rows, -1, 0, size);
  return (gin[0] = cr_contiguous(corner)) != NULL;
}

static const cr_op op_eig = {"eig", "", eig_backward};

static bool eig(const cr_linalg *la, cr_tensor *a, cr_tensor *w, cr_tensor *v) {
  int64_t n = rows_of(a);
  CR_AUTO work = cr_columns(a);
  for (int64_t i = 0; work && n && i < cr_batch_of(a); i++) {
    int info = la->geev((cr_dtype)a->dtype, n, cr_matrix_at(work, i, n * n),
                        cr_matrix_at(w, i, 2 * n), v ? cr_matrix_at(v, i, n * n) : NULL);
    if (!succeeded("eig", info, "the iteration did not converge")) return false;
  }
  return work != NULL;
}

bool cr_eig(cr_tensor *a, cr_tensor **values, cr_tensor **vectors) {
  if (!a || !cr_need_matrix("eig", a, true)) return false;
  const cr_linalg *la = cr_linalg_for("eig", a);
  int64_t n = rows_of(a);
  bool derive = cr_recording(1, &a); /* needs the vectors */
  cr_tensor *out[2] = {NULL, NULL};
  bool ok = la && (out[0] = cr_new_matrices(a, n, 2)) &&
            (!(vectors || derive) || (out[1] = cr_new_matrices(a, n, n))) &&
            eig(la, a, out[0], out[1]);
  if (!ok) {
    release_all(2, out);
    return false;
  }
  bool recorded = !derive || cr_record_many(&op_eig, vectors ? 2 : 1, out,
                                            &(cr_call){CR_IN(a), CR_SAVE(out[0], out[1])});
  if (!vectors) cr_release(out[1]);
  if (!recorded) return false;
  *values = out[0];
  if (vectors) *vectors = out[1];
  return true;
}

/* ---- singular values -------------------------------------------------------------------- */

/* What a factor's own directions give: (x^T gx - gx^T x) / gaps of the squares. */
static cr_tensor *turning(cr_tensor *x, cr_tensor *gx, cr_tensor *squares) {
  CR_AUTO m = left_t(x, gx);
  CR_AUTO mt = t2(m);
  CR_AUTO skew = m && mt ? cr_sub(m, mt) : NULL;
  return over_gaps(skew, squares);
}

/* (I - x x^T) gx diag(1/s): directions outside those of x. */
static cr_tensor *leaving(cr_tensor *x, cr_tensor *gx, cr_tensor *s) {
  CR_AUTO m = left_t(x, gx);
  CR_AUTO p = cr_matmul(x, m, NULL);
  CR_AUTO out = p ? cr_sub(gx, p) : NULL;
  return out ? scale_columns(out, s, true) : NULL;
}

/* The part of the gradient that comes through u, as what stands left of v^T. */
static cr_tensor *through_u(cr_tensor *u, cr_tensor *gu, cr_tensor *s, cr_tensor *squares) {
  CR_AUTO f = turning(u, gu, squares);
  CR_AUTO fs = f ? scale_columns(f, s, false) : NULL;
  cr_tensor *p = cr_matmul(u, fs, NULL);
  if (!p || rows_of(u) == columns_of(u)) return p;
  cr_tensor *q = leaving(u, gu, s);
  if (q) return plus(p, q);
  cr_release(p);
  return NULL;
}

static bool svd_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *u = cr_saved(n, 0), *s = cr_saved(n, 1), *v = cr_saved(n, 2);
  bool used_u, used_v;
  if (!u || !s || !v || !is_used(g[0], &used_u) || !is_used(g[2], &used_v)) return false;
  CR_AUTO squares = cr_mul(s, s);
  CR_AUTO left = scale_columns(u, g[1], false);
  if (!squares || !left) return false;
  if (used_u) {
    CR_AUTO p = through_u(u, g[0], s, squares);
    cr_tensor *sum = p ? cr_add(left, p) : NULL;
    cr_release(left);
    if (!(left = sum)) return false;
  }
  CR_AUTO a = right_t(left, v);
  if (!a) return false;
  if (!used_v) {
    gin[0] = cr_retain(a);
    return true;
  }
  /* The same for the transposed matrix, whose u is v; the skew part changes its sign twice. */
  CR_AUTO q = through_u(v, g[2], s, squares);
  CR_AUTO b = q ? right_t(u, q) : NULL;
  return b && (gin[0] = cr_add(a, b)) != NULL;
}

static const cr_op op_svd = {"svd", "", svd_backward};
static const cr_op op_svd_full = {"svd with all vectors of a matrix that is not square", "", NULL};

static bool svd(const cr_linalg *la, cr_tensor *a, bool full, cr_tensor **out) {
  int64_t m = rows_of(a), n = columns_of(a), k = smaller(m, n);
  int64_t uk = full ? m : k, vk = full ? n : k;
  CR_AUTO work = cr_columns(a);
  out[0] = work ? cr_new_matrices(a, m, uk) : NULL;
  out[1] = out[0] ? cr_new_vectors(a, k) : NULL;
  out[2] = out[1] ? cr_new_matrices(a, vk, n) : NULL; /* V^T */
  if (!out[2]) return false;
  for (int64_t i = 0; k && i < cr_batch_of(a); i++) {
    int info = la->gesdd((cr_dtype)a->dtype, full, m, n, cr_matrix_at(work, i, m * n),
                         cr_matrix_at(out[1], i, k), cr_matrix_at(out[0], i, m * uk),
                         cr_matrix_at(out[2], i, vk * n));
    if (!succeeded("svd", info, "the iteration did not converge")) return false;
  }
  if (k || !full) return true;
  /* Nothing to decompose: any orthogonal matrices will do. */
  CR_AUTO eye_u = cr_eye((cr_dtype)a->dtype, cr_device_of(a), m, m);
  CR_AUTO eye_v = cr_eye((cr_dtype)a->dtype, cr_device_of(a), n, n);
  CR_AUTO u = eye_u ? cr_copy(out[0], eye_u) : NULL;
  CR_AUTO v = eye_v ? cr_copy(out[2], eye_v) : NULL;
  return u && v;
}

bool cr_svd(cr_tensor *a, bool full, cr_tensor **u, cr_tensor **s, cr_tensor **v) {
  if (!a || !cr_need_matrix("svd", a, false)) return false;
  const cr_linalg *la = cr_linalg_for("svd", a);
  cr_tensor *out[3] = {NULL, NULL, NULL};
  if (!la || !svd(la, a, full, out)) {
    release_all(3, out);
    return false;
  }
  /* V is V^T seen by its columns: the header alone changes. */
  int d = out[2]->ndim - 2;
  int64_t size = out[2]->shape[d], stride = out[2]->stride[d];
  out[2]->shape[d] = out[2]->shape[d + 1], out[2]->stride[d] = out[2]->stride[d + 1];
  out[2]->shape[d + 1] = size, out[2]->stride[d + 1] = stride;
  const cr_op *op = full && rows_of(a) != columns_of(a) ? &op_svd_full : &op_svd;
  if (!cr_record_many(op, 3, out, &(cr_call){CR_IN(a), CR_SAVE(out[0], out[1], out[2])}))
    return false;
  *u = out[0], *s = out[1], *v = out[2];
  return true;
}

/* ---- QR --------------------------------------------------------------------------------- */

static const cr_op op_geqrf = {"geqrf", "", NULL};
static const cr_op op_orgqr = {"orgqr", "", NULL};
static const cr_op op_ormqr = {"ormqr", "", NULL};

static bool factor_qr(const char *fn, const cr_tensor *a, cr_tensor **out) {
  const cr_linalg *la = cr_linalg_for(fn, a);
  int64_t m = rows_of(a), n = columns_of(a), k = smaller(m, n);
  out[0] = la ? cr_columns(a) : NULL;
  out[1] = out[0] ? cr_new_vectors(a, k) : NULL;
  bool ok = out[1] != NULL;
  for (int64_t i = 0; ok && k && i < cr_batch_of(a); i++) {
    int info = la->geqrf((cr_dtype)a->dtype, m, n, cr_matrix_at(out[0], i, m * n),
                         cr_matrix_at(out[1], i, k));
    ok = succeeded(fn, info, "LAPACK failed");
  }
  if (!ok) release_all(2, out);
  return ok;
}

bool cr_geqrf(cr_tensor *a, cr_tensor **factors, cr_tensor **tau) {
  cr_tensor *out[2];
  if (!a || !cr_need_matrix("geqrf", a, false) || !factor_qr("geqrf", a, out) ||
      !cr_record_many(&op_geqrf, 2, out, &(cr_call){CR_IN(a)}))
    return false;
  *factors = out[0], *tau = out[1];
  return true;
}

/* The first min(m, n) columns of Q. */
static cr_tensor *form_q(const char *fn, const cr_tensor *factors, const cr_tensor *tau) {
  const cr_linalg *la = cr_linalg_for(fn, factors);
  int64_t m = rows_of(factors), k = smaller(m, columns_of(factors));
  cr_tensor part = *factors; /* only to be copied from */
  part.shape[part.ndim - 1] = k;
  cr_tensor *q = la ? cr_columns(&part) : NULL;
  int64_t reflectors = tau->shape[tau->ndim - 1];
  for (int64_t i = 0; q && k && i < cr_batch_of(q); i++) {
    int info = la->orgqr((cr_dtype)q->dtype, m, k, reflectors, cr_matrix_at(q, i, m * k),
                         cr_matrix_at(tau, i, reflectors));
    if (succeeded(fn, info, "LAPACK failed")) continue;
    cr_release(q);
    return NULL;
  }
  return q;
}

/* tau must have the batch of factors and at most `most` numbers for each of its matrices. */
static bool check_tau(const char *fn, const cr_tensor *factors, const cr_tensor *tau) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_need_matrix(fn, factors, false) || !cr_same_device(fn, factors, tau) ||
      !cr_need_dtype(fn, "tau", tau, (cr_dtype)factors->dtype))
    return false;
  size_t lead = (size_t)(factors->ndim - 2) * sizeof *tau->shape;
  if (tau->ndim == factors->ndim - 1 && memcmp(tau->shape, factors->shape, lead) == 0 &&
      tau->shape[tau->ndim - 1] <= smaller(rows_of(factors), columns_of(factors)))
    return true;
  return cr_fail("%s: factors of shape %s with a tau of shape %s", fn, cr_tensor_str(s, factors),
                 cr_tensor_str(t, tau));
}

cr_tensor *cr_orgqr(cr_tensor *factors, cr_tensor *tau) {
  if (!factors || !tau || !check_tau("orgqr", factors, tau)) return NULL;
  CR_AUTO scales = cr_contiguous(tau);
  cr_tensor *q = scales ? form_q("orgqr", factors, scales) : NULL;
  return cr_record(&op_orgqr, q, CR_IN(factors, tau));
}

static bool check_ormqr(const cr_tensor *factors, const cr_tensor *tau, const cr_tensor *c,
                        bool right) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!check_tau("ormqr", factors, tau) || !cr_need_matrix("ormqr", c, false) ||
      !cr_need_dtype("ormqr", "the other factor", c, (cr_dtype)factors->dtype) ||
      !cr_same_device("ormqr", factors, c))
    return false;
  size_t lead = (size_t)(factors->ndim - 2) * sizeof *c->shape;
  if (c->ndim == factors->ndim && memcmp(c->shape, factors->shape, lead) == 0 &&
      (right ? columns_of(c) : rows_of(c)) == rows_of(factors))
    return true;
  return cr_fail("ormqr: Q from factors of shape %s, on the %s of %s: the inner sizes differ",
                 cr_tensor_str(s, factors), right ? "right" : "left", cr_tensor_str(t, c));
}

cr_tensor *cr_ormqr(cr_tensor *factors, cr_tensor *tau, cr_tensor *c, bool right, bool transposed) {
  if (!factors || !tau || !c || !check_ormqr(factors, tau, c, right)) return NULL;
  const cr_linalg *la = cr_linalg_for("ormqr", factors);
  CR_AUTO f = la ? cr_columns(factors) : NULL;
  CR_AUTO scales = f ? cr_contiguous(tau) : NULL;
  cr_tensor *y = scales ? cr_columns(c) : NULL;
  int64_t m = rows_of(c), n = columns_of(c), k = tau->shape[tau->ndim - 1];
  int64_t size = rows_of(factors) * columns_of(factors);
  for (int64_t i = 0; y && m && n && k && i < cr_batch_of(c); i++) {
    int info = la->ormqr((cr_dtype)c->dtype, right, transposed, m, n, k, cr_matrix_at(f, i, size),
                         cr_matrix_at(scales, i, k), cr_matrix_at(y, i, m * n));
    if (succeeded("ormqr", info, "LAPACK failed")) continue;
    cr_release(y);
    return NULL;
  }
  return cr_record(&op_ormqr, y, CR_IN(factors, tau, c));
}

/* (gQ + Q S) R^-T, S the symmetric matrix with the lower triangle of R gR^T - gQ^T Q. */
static bool qr_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *q = cr_saved(n, 0), *r = cr_saved(n, 1);
  if (!q || !r) return false;
  if (rows_of(r) != columns_of(r))
    return cr_fail("there is no derivative for a matrix with more columns than rows");
  CR_AUTO rg = right_t(r, g[1]);
  CR_AUTO gq = left_t(g[0], q);
  CR_AUTO m = rg && gq ? cr_sub(rg, gq) : NULL;
  CR_AUTO low = cr_triangle(m, false, 0, NULL);
  CR_AUTO strict = cr_triangle(m, false, -1, NULL);
  CR_AUTO mirrored = t2(strict);
  CR_AUTO s = low && mirrored ? cr_add(low, mirrored) : NULL;
  CR_AUTO qs = cr_matmul(q, s, NULL);
  CR_AUTO y = qs ? cr_add(g[0], qs) : NULL;
  CR_AUTO yt = t2(y);
  CR_AUTO xt = cr_trtrs(yt, r, (cr_tri_system){.upper = true});
  return (gin[0] = t2(xt)) != NULL;
}

static const cr_op op_qr = {"qr", "", qr_backward};

/* The triangle R of the factors, k by n. */
static cr_tensor *form_r(const cr_tensor *factors) {
  int64_t k = smaller(rows_of(factors), columns_of(factors));
  cr_tensor part = *factors;
  part.shape[part.ndim - 2] = k;
  CR_AUTO top = cr_columns(&part);
  return cr_triangle(top, true, 0, NULL);
}

bool cr_qr(cr_tensor *a, cr_tensor **q, cr_tensor **r) {
  if (!a || !cr_need_matrix("qr", a, false)) return false;
  cr_tensor *f[2], *out[2] = {NULL, NULL};
  if (!factor_qr("qr", a, f)) return false;
  out[0] = form_q("qr", f[0], f[1]);
  out[1] = out[0] ? form_r(f[0]) : NULL;
  release_all(2, f);
  if (!out[1]) {
    release_all(2, out);
    return false;
  }
  if (!cr_record_many(&op_qr, 2, out, &(cr_call){CR_IN(a), CR_SAVE(out[0], out[1])})) return false;
  *q = out[0], *r = out[1];
  return true;
}

/* ---- Cholesky with pivots --------------------------------------------------------------- */

/* The factor with a derivative: that of the matrix with its rows and columns in the pivots' order.
 */
static cr_tensor *ordered_factor(cr_tensor *a, bool upper, cr_tensor *pivots) {
  CR_AUTO places = cr_cast(pivots, CR_INT64);
  CR_AUTO from_zero = places ? cr_add_num(places, -1) : NULL;
  CR_AUTO rows = cr_index_select(a, 0, from_zero, NULL);
  CR_AUTO both = cr_index_select(rows, 1, from_zero, NULL);
  return cr_cholesky("pstrf", both, upper);
}

bool cr_pstrf(cr_tensor *a, bool upper, double tolerance, cr_tensor **factor, cr_tensor **pivots) {
  if (!a || !cr_need_matrix("pstrf", a, true) || !cr_need_dims("pstrf", "the matrix", a, 2))
    return false;
  const cr_linalg *la = cr_linalg_for("pstrf", a);
  int64_t n = rows_of(a);
  CR_AUTO work = la ? cr_columns(a) : NULL;
  cr_tensor *p = work ? cr_empty(CR_INT32, cr_device_of(a), 1, &n) : NULL;
  bool ok = p && (!n || succeeded("pstrf",
                                  la->pstrf((cr_dtype)a->dtype, upper, n, cr_data(work), cr_data(p),
                                            tolerance),
                                  "the matrix is rank deficient or not positive semidefinite"));
  *factor = !ok                   ? NULL
            : cr_recording(1, &a) ? ordered_factor(a, upper, p)
                                  : cr_triangle(work, upper, 0, NULL);
  *pivots = p;
  if (*factor) return true;
  cr_release(p);
  return false;
}

/* ---- least squares ---------------------------------------------------------------------- */

static const cr_op op_gels = {"gels", "", NULL};

/* A fresh copy of b by columns, with room for `rows` rows. */
static cr_tensor *padded(cr_tensor *b, int64_t rows) {
  cr_tensor *t = cr_new_matrices(b, rows, columns_of(b));
  if (!t || cr_numel(t) == 0) return t;
  cr_tensor top = *t; /* a header for the copy only */
  top.shape[top.ndim - 2] = rows_of(b);
  cr_iter it;
  cr_iter_make(&it, &top, 1, &b);
  if (cr_numel(&top) == 0 || cr_backend_for(t)->copy(&it)) return t;
  cr_release(t);
  return NULL;
}

static bool check_gels(const cr_tensor *b, const cr_tensor *a) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_need_matrix("gels", a, false) || !cr_need_matrix("gels", b, false) ||
      !cr_same_device("gels", a, b) ||
      !cr_need_dtype("gels", "the right-hand side", b, (cr_dtype)a->dtype))
    return false;
  size_t lead = (size_t)(a->ndim - 2) * sizeof *a->shape;
  if (a->ndim == b->ndim && memcmp(a->shape, b->shape, lead) == 0 && rows_of(a) == rows_of(b))
    return true;
  return cr_fail("gels: a matrix of shape %s with a right-hand side of %s: the rows differ",
                 cr_tensor_str(s, a), cr_tensor_str(t, b));
}

cr_tensor *cr_gels(cr_tensor *b, cr_tensor *a, cr_tensor **qr) {
  if (!b || !a || !check_gels(b, a)) return NULL;
  const cr_linalg *la = cr_linalg_for("gels", a);
  int64_t m = rows_of(a), n = columns_of(a), c = columns_of(b), most = m > n ? m : n;
  CR_AUTO work = la ? cr_columns(a) : NULL;
  cr_tensor *x = work ? padded(b, most) : NULL;
  for (int64_t i = 0; x && m && n && c && i < cr_batch_of(a); i++) {
    int info = la->gels((cr_dtype)a->dtype, m, n, c, cr_matrix_at(work, i, m * n),
                        cr_matrix_at(x, i, most * c));
    if (succeeded("gels", info, "the matrix has not full rank")) continue;
    cr_release(x);
    return NULL;
  }
  if (!x) return NULL;
  x->shape[x->ndim - 2] = n;
  if (m == 0) { /* no equation: the smallest solution */
    cr_tensor *zero = cr_fill(x, cr_num(0));
    cr_release(x);
    x = zero;
  }
  if (cr_recording_any(b, a)) { /* the same of full rank, with a derivative */
    CR_AUTO inverse = cr_pinverse(a, -1);
    cr_release(x);
    x = cr_matmul(inverse, b, NULL);
  }
  if (!x || !qr) return x;
  if ((*qr = cr_record(&op_gels, cr_retain(work), CR_IN(a)))) return x;
  cr_release(x);
  return NULL;
}

static double precision(const cr_tensor *a, double rcond) {
  int64_t m = rows_of(a), n = columns_of(a);
  if (rcond >= 0) return rcond;
  return (a->dtype == CR_FLOAT32 ? FLT_EPSILON : DBL_EPSILON) * (double)(m > n ? m : n);
}

/* Which singular values count; s is not empty. */
static cr_tensor *counting(cr_tensor *s, double rcond) {
  CR_AUTO values = cr_detach(s);
  CR_AUTO most = cr_narrow(values, -1, 0, 1);
  CR_AUTO bound = cr_mul_num(most, rcond);
  return cr_binary(CR_GT, values, bound, NULL);
}

/* 1/s where it counts, 0 elsewhere.  The inner choice keeps the gradient finite. */
static cr_tensor *inverted(cr_tensor *s, double rcond) {
  CR_AUTO keep = counting(s, rcond);
  CR_AUTO one = cr_scalar_tensor((cr_dtype)s->dtype, cr_device_of(s), cr_num(1));
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)s->dtype, cr_device_of(s), cr_num(0));
  CR_AUTO safe = keep && one ? cr_where(keep, s, one, NULL) : NULL;
  CR_AUTO inverse = safe ? cr_unary(CR_RECIPROCAL, safe, NULL) : NULL;
  return inverse && zero ? cr_where(keep, inverse, zero, NULL) : NULL;
}

/* The pseudo-inverse times b, or itself when b is NULL, from the transposed vectors outwards: the
 * products stay as small as b. */
static cr_tensor *pseudo_solve(cr_tensor *a, cr_tensor *b, double rcond) {
  cr_tensor *f[3];
  if (!cr_svd(a, false, &f[0], &f[1], &f[2])) return NULL;
  CR_AUTO inverse = cr_numel(f[1]) ? inverted(f[1], precision(a, rcond)) : cr_retain(f[1]);
  CR_AUTO vs = inverse ? scale_columns(f[2], inverse, false) : NULL;
  CR_AUTO ut = t2(f[0]);
  CR_AUTO right = b && ut ? cr_matmul(ut, b, NULL) : ut ? cr_retain(ut) : NULL;
  cr_tensor *y = cr_matmul(vs, right, NULL);
  release_all(3, f);
  return y;
}

cr_tensor *cr_pinverse(cr_tensor *a, double rcond) {
  if (!a || !cr_need_matrix("pinverse", a, false)) return NULL;
  cr_tensor *y = pseudo_solve(a, NULL, rcond);
  if (!y) cr_error_prefix("pinverse");
  return y;
}

cr_tensor *cr_lstsq(cr_tensor *a, cr_tensor *b, double rcond) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!a || !b || !cr_need_matrix("lstsq", a, false) || !cr_same_device("lstsq", a, b) ||
      !cr_need_dtype("lstsq", "the right-hand side", b, (cr_dtype)a->dtype))
    return NULL;
  bool vector = b->ndim == 1 && a->ndim == 2;
  CR_AUTO right = vector ? cr_unsqueeze(b, 1) : cr_retain(b);
  if (!right) return NULL;
  if (right->ndim < 2 || rows_of(right) != rows_of(a))
    return cr_fail_null("lstsq: a matrix of shape %s with a right-hand side of %s: the rows differ",
                        cr_tensor_str(s, a), cr_tensor_str(t, b));
  CR_AUTO x = pseudo_solve(a, right, rcond);
  if (!x) cr_error_prefix("lstsq");
  return vector ? cr_squeeze(x, 1) : x ? cr_retain(x) : NULL;
}

cr_tensor *cr_matrix_rank(cr_tensor *a, double tolerance) {
  if (!a || !cr_need_matrix("matrixRank", a, false)) return NULL;
  CR_AUTO plain = cr_detach(a);
  cr_tensor *f[3];
  if (!cr_svd(plain, false, &f[0], &f[1], &f[2])) return NULL;
  CR_AUTO keep = !cr_numel(f[1])  ? cr_cast(f[1], CR_BOOL)
                 : tolerance >= 0 ? cr_binary_scalar(CR_GT, f[1], cr_num(tolerance), NULL)
                                  : counting(f[1], precision(a, -1));
  release_all(3, f);
  return cr_reduce(CR_COUNT_NONZERO, keep, 1, (int[]){-1}, false, NULL);
}
