/* linalg.c: solving linear systems, inverses, determinants and Cholesky factors.
 *
 * The derivatives follow M. Giles, "An extended collection of matrix derivative results for forward
 * and reverse mode algorithmic differentiation" (2008), but for Cholesky's: I. Murray,
 * "Differentiation of the Cholesky decomposition" (2016). */
#include "tensor/linalg.h"

#include "tensor/autograd.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- matrices in batches ---------------------------------------------------------------- */

const cr_linalg *cr_linalg_for(const char *fn, const cr_tensor *a) {
  const cr_linalg *table = cr_backend_for(a)->linalg;
  return table ? table
               : cr_fail_null("%s: this device has no linear algebra; convert with :cpu()", fn);
}

bool cr_need_matrix(const char *fn, const cr_tensor *a, bool square) {
  char s[CR_SHAPE_STR];
  if (a->dtype != CR_FLOAT32 && a->dtype != CR_FLOAT64)
    return cr_fail("%s: a float32 or float64 tensor is wanted, got %s", fn,
                   cr_dtypes[a->dtype].name);
  if (a->ndim < 2)
    return cr_fail("%s: a matrix is wanted, got a tensor of shape %s", fn, cr_tensor_str(s, a));
  int64_t rows = a->shape[a->ndim - 2], columns = a->shape[a->ndim - 1];
  if (square && rows != columns)
    return cr_fail("%s: a square matrix is wanted, got %s", fn, cr_tensor_str(s, a));
  /* LAPACK counts with 32 bits, work space of several matrices included. */
  return (rows < INT_MAX / 4 && columns < INT_MAX / 4) ||
         cr_fail("%s: a matrix of shape %s is too large", fn, cr_tensor_str(s, a));
}

int64_t cr_batch_of(const cr_tensor *a) {
  int64_t n = 1;
  for (int d = 0; d < a->ndim - 2; d++) n *= a->shape[d];
  return n;
}

void *cr_matrix_at(const cr_tensor *t, int64_t i, int64_t elements) {
  return (char *)cr_data(t) + (size_t)(i * elements) * cr_sizeof((cr_dtype)t->dtype);
}

cr_tensor *cr_new_matrices(const cr_tensor *like, int64_t rows, int64_t columns) {
  int64_t shape[CR_MAX_DIMS];
  int n = like->ndim;
  memcpy(shape, like->shape, (size_t)n * sizeof *shape);
  shape[n - 2] = columns, shape[n - 1] = rows;
  cr_tensor *t = cr_empty((cr_dtype)like->dtype, cr_device_of(like), n, shape);
  if (!t) return NULL;
  int64_t step = t->stride[n - 2];
  t->shape[n - 2] = rows, t->shape[n - 1] = columns;
  t->stride[n - 2] = 1, t->stride[n - 1] = step;
  return t;
}

cr_tensor *cr_new_vectors(const cr_tensor *like, int64_t size) {
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, like->shape, like->ndim * sizeof *shape);
  shape[like->ndim - 2] = size;
  return cr_empty((cr_dtype)like->dtype, cr_device_of(like), like->ndim - 1, shape);
}

static bool copy_values(cr_tensor *to, const cr_tensor *from) {
  cr_iter it;
  if (!cr_numel(to)) return true;
  cr_iter_make(&it, to, 1, (cr_tensor *const[]){(cr_tensor *)from});
  return cr_backend_for(to)->copy(&it);
}

cr_tensor *cr_columns(const cr_tensor *a) {
  cr_tensor *t = cr_new_matrices(a, a->shape[a->ndim - 2], a->shape[a->ndim - 1]);
  if (!t || copy_values(t, a)) return t;
  cr_release(t);
  return NULL;
}

static int64_t rows_of(const cr_tensor *a) {
  return a->shape[a->ndim - 2];
}
static int64_t columns_of(const cr_tensor *a) {
  return a->shape[a->ndim - 1];
}

static cr_tensor *t2(cr_tensor *a) {
  return cr_transpose(a, -2, -1);
}

/* The message for a number that LAPACK gave; false when it was not 0. */
static bool succeeded(const char *fn, int info, const char *what, const cr_tensor *a, int64_t i) {
  if (!info) return true;
  if (info < 0) return cr_error_prefix(fn);
  if (a->ndim == 2) return cr_fail("%s: %s (pivot %d)", fn, what, info);
  return cr_fail("%s: %s (pivot %d of matrix %lld)", fn, what, info, (long long)i + 1);
}

static const char singular[] = "the matrix is singular";

/* ---- LU --------------------------------------------------------------------------------- */

/* Factors in a copy of a; the pivots come as int32.  A zero pivot goes to info, if it is given,
 * and is an error otherwise. */
static cr_tensor *factor_lu(const char *fn, const cr_tensor *a, cr_tensor **pivots) {
  const cr_linalg *la = cr_linalg_for(fn, a);
  int64_t n = rows_of(a), batch = cr_batch_of(a), count = batch * n;
  cr_tensor *lu = la ? cr_columns(a) : NULL;
  *pivots = lu ? cr_empty(CR_INT32, cr_device_of(a), 1, &count) : NULL;
  if (!*pivots) {
    cr_release(lu);
    return NULL;
  }
  for (int64_t i = 0; i < batch && n; i++) {
    int info =
        la->getrf((cr_dtype)a->dtype, n, cr_matrix_at(lu, i, n * n), cr_matrix_at(*pivots, i, n));
    if (info >= 0) continue; /* the caller looks at the diagonal */
    cr_error_prefix(fn);
    cr_release(lu);
    return NULL;
  }
  return lu;
}

/* A copy of t's elements, as doubles in host memory, row by row. */
static cr_tensor *host_doubles(cr_tensor *t) {
  CR_AUTO wide = cr_cast(t, CR_FLOAT64);
  CR_AUTO dense = cr_contiguous(wide);
  return cr_to_device(dense, (cr_device){CR_CPU, 0});
}

static cr_tensor *host_diagonals(cr_tensor *lu) {
  CR_AUTO diagonal = cr_diagonal_of(lu, 0, -2, -1);
  return host_doubles(diagonal);
}

static bool check_regular(const char *fn, cr_tensor *lu) {
  CR_AUTO diagonals = host_diagonals(lu);
  int64_t n = rows_of(lu);
  const double *d = diagonals ? cr_data(diagonals) : NULL;
  for (int64_t i = 0; d && i < n * cr_batch_of(lu); i++)
    if (d[i] == 0) return succeeded(fn, (int)(i % n) + 1, singular, lu, i / n);
  return d != NULL;
}

static bool solve_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *x = cr_saved(n, 1);
  if (!a || !x) return false;
  CR_AUTO at = t2(a);
  CR_AUTO gb = cr_solve("gesv", g[0], at, NULL);
  if (!gb) return false;
  if (cr_wants(n, 0)) gin[0] = cr_retain(gb);
  if (!cr_wants(n, 1)) return true;
  CR_AUTO xt = t2(x);
  CR_AUTO p = cr_matmul(gb, xt, NULL);
  return (gin[1] = cr_neg(p)) != NULL;
}

static const cr_op op_solve = {"gesv", "", solve_backward};
static const cr_op op_lu = {"gesv: the factors", "", NULL};

static cr_tensor *solve_factored(const char *fn, const cr_tensor *b, const cr_tensor *lu,
                                 const cr_tensor *pivots) {
  const cr_linalg *la = cr_linalg_for(fn, lu);
  int64_t n = rows_of(lu), columns = columns_of(b);
  cr_tensor *x = la ? cr_columns(b) : NULL;
  for (int64_t i = 0; x && n && columns && i < cr_batch_of(b); i++) {
    int info = la->getrs((cr_dtype)lu->dtype, n, columns, cr_matrix_at(lu, i, n * n),
                         cr_matrix_at(pivots, i, n), cr_matrix_at(x, i, n * columns));
    if (succeeded(fn, info, singular, lu, i)) continue;
    cr_release(x);
    return NULL;
  }
  return x;
}

/* b and a with the same batch. */
static cr_tensor *solve_matrices(const char *fn, cr_tensor *b, cr_tensor *a, cr_tensor **out_lu) {
  cr_tensor *pivots;
  CR_AUTO lu = factor_lu(fn, a, &pivots);
  cr_tensor *x = lu && check_regular(fn, lu) ? solve_factored(fn, b, lu, pivots) : NULL;
  cr_release(pivots);
  x = cr_record(&op_solve, x, CR_IN(b, a), CR_SAVE(a, x));
  if (!x || !out_lu) return x;
  *out_lu = cr_record(&op_lu, cr_retain(lu), CR_IN(a));
  if (*out_lu) return x;
  cr_release(x);
  return NULL;
}

/* Checks the pair and broadcasts the batches; the results are new references. */
static bool solvable(const char *fn, cr_tensor *b, cr_tensor *a, bool square, cr_tensor **eb,
                     cr_tensor **ea) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  int64_t shape[CR_MAX_DIMS];
  int n;
  if (!cr_need_matrix(fn, a, square) || !cr_need_matrix(fn, b, false) ||
      !cr_same_device(fn, a, b) || !cr_need_dtype(fn, "the right-hand side", b, (cr_dtype)a->dtype))
    return false;
  if (rows_of(a) != rows_of(b))
    return cr_fail("%s: a matrix of shape %s with a right-hand side of %s: the rows %lld and %lld "
                   "differ",
                   fn, cr_tensor_str(s, a), cr_tensor_str(t, b), (long long)rows_of(a),
                   (long long)rows_of(b));
  if (!cr_broadcast(fn, b->ndim - 2, b->shape, a->ndim - 2, a->shape, &n, shape)) return false;
  memcpy(shape + n, b->shape + b->ndim - 2, 2 * sizeof *shape);
  *eb = cr_expand(b, n + 2, shape);
  memcpy(shape + n, a->shape + a->ndim - 2, 2 * sizeof *shape);
  *ea = cr_expand(a, n + 2, shape);
  return *eb && *ea;
}

cr_tensor *cr_solve(const char *fn, cr_tensor *b, cr_tensor *a, cr_tensor **lu) {
  if (!b || !a) return NULL;
  if (b->ndim == 1 && a->ndim == 2 && !cr_is_none(b)) {
    CR_AUTO column = cr_unsqueeze(b, 1);
    CR_AUTO x = cr_solve(fn, column, a, lu);
    return cr_squeeze(x, 1);
  }
  cr_tensor *eb = NULL, *ea = NULL;
  cr_tensor *x = solvable(fn, b, a, true, &eb, &ea) ? solve_matrices(fn, eb, ea, lu) : NULL;
  cr_release(eb);
  cr_release(ea);
  return x;
}

/* ---- inverse ---------------------------------------------------------------------------- */

static bool inverse_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *y = cr_saved(n, 0);
  if (!y) return false;
  CR_AUTO yt = t2(y);
  CR_AUTO p = cr_matmul(yt, g[0], NULL);
  CR_AUTO q = cr_matmul(p, yt, NULL);
  return (gin[0] = cr_neg(q)) != NULL;
}

static const cr_op op_inverse = {"inverse", "", inverse_backward};

static cr_tensor *invert(const char *fn, cr_tensor *a) {
  const cr_linalg *la = cr_linalg_for(fn, a);
  cr_tensor *pivots;
  cr_tensor *lu = factor_lu(fn, a, &pivots);
  int64_t n = rows_of(a), batch = cr_batch_of(a);
  bool ok = lu && check_regular(fn, lu);
  for (int64_t i = 0; ok && n && i < batch; i++) {
    int info =
        la->getri((cr_dtype)a->dtype, n, cr_matrix_at(lu, i, n * n), cr_matrix_at(pivots, i, n));
    ok = succeeded(fn, info, singular, a, i);
  }
  cr_release(pivots);
  if (ok) return cr_record(&op_inverse, lu, CR_IN(a), CR_SAVE(lu));
  cr_release(lu);
  return NULL;
}

cr_tensor *cr_inverse(cr_tensor *a) {
  return a && cr_need_matrix("inverse", a, true) ? invert("inverse", a) : NULL;
}

/* ---- determinants ----------------------------------------------------------------------- */

/* The transposed inverse, times numbers, one for each matrix. */
static cr_tensor *scaled_inverse(const char *fn, cr_tensor *a, cr_tensor *numbers) {
  CR_AUTO y = invert(fn, a);
  CR_AUTO yt = t2(y);
  CR_AUTO row = cr_unsqueeze(numbers, -1);
  CR_AUTO cell = cr_unsqueeze(row, -1);
  return yt && cell ? cr_mul(yt, cell) : NULL;
}

static bool det_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *d = cr_saved(n, 1);
  if (!a || !d) return false;
  CR_AUTO gd = cr_mul(g[0], d);
  return gd && (gin[0] = scaled_inverse("det: the derivative", a, gd)) != NULL;
}

static bool slogdet_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  return a && (gin[0] = scaled_inverse("slogdet: the derivative", a, g[0])) != NULL;
}

static const cr_op op_det = {"det", "", det_backward};
static const cr_op op_slogdet = {"slogdet", "", slogdet_backward};

/* One number for each matrix of a's batch, in host memory. */
static cr_tensor *new_numbers(const cr_tensor *a) {
  return cr_empty_cpu(CR_FLOAT64, a->ndim - 2, a->shape);
}

/* The same numbers as a's elements are, where a is; takes over t. */
static cr_tensor *numbers_like(const cr_tensor *a, cr_tensor *t) {
  CR_AUTO host = t;
  CR_AUTO narrow = cr_cast(host, (cr_dtype)a->dtype);
  return cr_to_device(narrow, cr_device_of(a));
}

/* Any of the three results, which are doubles, may be NULL. */
static bool determinants(const char *fn, cr_tensor *a, double *det, double *sign, double *logabs) {
  CR_AUTO pivots = NULL;
  CR_AUTO lu = factor_lu(fn, a, &pivots);
  CR_AUTO diagonals = lu ? host_diagonals(lu) : NULL;
  CR_AUTO host_pivots = diagonals ? cr_to_device(pivots, (cr_device){CR_CPU, 0}) : NULL;
  if (!host_pivots) return false;
  int64_t n = rows_of(a), batch = cr_batch_of(a);
  const double *d = cr_data(diagonals);
  const int *p = cr_data(host_pivots);
  for (int64_t i = 0; i < batch; i++, d += n, p += n) {
    double product = 1, sum = 0, s = 1;
    for (int64_t k = 0; k < n; k++) {
      double swap = p[k] == k + 1 ? 1 : -1;
      product *= swap * d[k];
      s *= swap * (d[k] > 0 ? 1 : d[k] < 0 ? -1 : d[k]);
      sum += log(fabs(d[k]));
    }
    if (det) det[i] = product;
    if (sign) sign[i] = s;
    if (logabs) logabs[i] = sum;
  }
  return true;
}

cr_tensor *cr_det(cr_tensor *a) {
  if (!a || !cr_need_matrix("det", a, true)) return NULL;
  cr_tensor *host = new_numbers(a);
  bool ok = host && determinants("det", a, cr_data(host), NULL, NULL);
  cr_tensor *d = numbers_like(a, host);
  if (ok && d) return cr_record(&op_det, d, CR_IN(a), CR_SAVE(a, d));
  cr_release(d);
  return NULL;
}

static bool slogdet(const char *fn, cr_tensor *a, cr_tensor **sign, cr_tensor **logabs) {
  if (!a || !cr_need_matrix(fn, a, true)) return false;
  cr_tensor *s = new_numbers(a), *l = new_numbers(a);
  bool ok = s && l && determinants(fn, a, NULL, cr_data(s), cr_data(l));
  s = numbers_like(a, s);
  l = numbers_like(a, l);
  if (ok && s && l) {
    l = cr_record(&op_slogdet, l, CR_IN(a), CR_SAVE(a));
    *sign = s, *logabs = l;
    if (l) return true;
  } else {
    cr_release(l);
  }
  cr_release(s);
  return false;
}

bool cr_slogdet(cr_tensor *a, cr_tensor **sign, cr_tensor **logabs) {
  return slogdet("slogdet", a, sign, logabs);
}

cr_tensor *cr_logdet(cr_tensor *a) {
  cr_tensor *s = NULL, *l = NULL;
  if (!slogdet("logdet", a, &s, &l)) return NULL;
  CR_AUTO negative = cr_binary_scalar(CR_LT, s, cr_num(0), NULL);
  CR_AUTO nan = cr_scalar_tensor((cr_dtype)l->dtype, cr_device_of(l), cr_num(NAN));
  cr_tensor *y = negative && nan ? cr_where(negative, nan, l, NULL) : NULL;
  cr_release(s);
  cr_release(l);
  return y;
}

/* ---- triangular systems ----------------------------------------------------------------- */

static bool trtrs_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *x = cr_saved(n, 1);
  if (!a || !x) return false;
  cr_tri_system how = {cr_attr_int(n, 0) != 0, cr_attr_int(n, 1) != 0, cr_attr_int(n, 2) != 0};
  cr_tri_system back = {how.upper, !how.transposed, how.unit};
  CR_AUTO gb = cr_trtrs(g[0], a, back);
  if (!gb) return false;
  if (cr_wants(n, 0)) gin[0] = cr_retain(gb);
  if (!cr_wants(n, 1)) return true;
  CR_AUTO right = t2(how.transposed ? gb : x);
  CR_AUTO p = cr_matmul(how.transposed ? x : gb, right, NULL);
  CR_AUTO m = cr_neg(p);
  int64_t k = !how.unit ? 0 : how.upper ? 1 : -1;
  return (gin[1] = cr_triangle(m, how.upper, k, NULL)) != NULL;
}

static const cr_op op_trtrs = {"trtrs", "upper transposed unit", trtrs_backward};

static cr_tensor *solve_triangular(const char *fn, cr_tensor *b, cr_tensor *a, cr_tri_system how) {
  const cr_linalg *la = cr_linalg_for(fn, a);
  CR_AUTO c = la ? cr_columns(a) : NULL;
  cr_tensor *x = c ? cr_columns(b) : NULL;
  int64_t n = rows_of(a), columns = columns_of(b);
  for (int64_t i = 0; x && n && columns && i < cr_batch_of(b); i++) {
    int info = la->trtrs((cr_dtype)a->dtype, how, n, columns, cr_matrix_at(c, i, n * n),
                         cr_matrix_at(x, i, n * columns));
    if (succeeded(fn, info, singular, a, i)) continue;
    cr_release(x);
    return NULL;
  }
  return cr_record(&op_trtrs, x, CR_IN(b, a), CR_SAVE(a, x),
                   CR_INTS(how.upper, how.transposed, how.unit));
}

static cr_tensor *triangular(const char *fn, cr_tensor *b, cr_tensor *a, cr_tri_system how) {
  cr_tensor *eb = NULL, *ea = NULL;
  if (!b || !a) return NULL;
  cr_tensor *x = solvable(fn, b, a, true, &eb, &ea) ? solve_triangular(fn, eb, ea, how) : NULL;
  cr_release(eb);
  cr_release(ea);
  return x;
}

cr_tensor *cr_trtrs(cr_tensor *b, cr_tensor *a, cr_tri_system how) {
  return triangular("trtrs", b, a, how);
}

/* ---- Cholesky --------------------------------------------------------------------------- */

/* With L lower: S = L^-T P(L^T gL) L^-1, where P keeps the lower triangle and half the diagonal;
 * the gradient is (S + S^T) / 2. */
static bool cholesky_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *y = cr_saved(n, 0);
  if (!y) return false;
  bool upper = cr_attr_int(n, 0) != 0;
  CR_AUTO l = upper ? t2(y) : cr_retain(y);
  CR_AUTO gl = upper ? t2(g[0]) : cr_retain(g[0]);
  CR_AUTO lt = t2(l);
  CR_AUTO m = cr_matmul(lt, gl, NULL);
  CR_AUTO whole = cr_triangle(m, false, 0, NULL);
  CR_AUTO strict = cr_triangle(m, false, -1, NULL);
  CR_AUTO p = whole && strict ? cr_axpby(cr_num(0.5), whole, cr_num(0.5), strict, NULL) : NULL;
  cr_tri_system back = {.transposed = true};
  CR_AUTO left = triangular("potrf", p, l, back); /* L^-T P */
  CR_AUTO leftt = t2(left);
  CR_AUTO st = triangular("potrf", leftt, l, back); /* S^T = L^-T (L^-T P)^T */
  CR_AUTO s = t2(st);
  return s && (gin[0] = cr_axpby(cr_num(0.5), s, cr_num(0.5), st, NULL)) != NULL;
}

static const cr_op op_potrf = {"potrf", "upper", cholesky_backward};

cr_tensor *cr_cholesky(const char *fn, cr_tensor *a, bool upper) {
  if (!a || !cr_need_matrix(fn, a, true)) return NULL;
  const cr_linalg *la = cr_linalg_for(fn, a);
  CR_AUTO y = la ? cr_columns(a) : NULL;
  int64_t n = rows_of(a);
  for (int64_t i = 0; y && n && i < cr_batch_of(a); i++) {
    int info = la->potrf((cr_dtype)a->dtype, upper, n, cr_matrix_at(y, i, n * n));
    if (!succeeded(fn, info, "the matrix is not positive definite", a, i)) return NULL;
  }
  cr_tensor *factor = cr_triangle(y, upper, 0, y); /* the other half still has a's elements */
  return cr_record(&op_potrf, factor, CR_IN(a), CR_SAVE(factor), CR_INTS(upper));
}

cr_tensor *cr_potrs(cr_tensor *b, cr_tensor *factor, bool upper) {
  cr_tri_system first = {.upper = upper, .transposed = upper};
  cr_tri_system second = {.upper = upper, .transposed = !upper};
  CR_AUTO y = triangular("potrs", b, factor, first);
  return triangular("potrs", y, factor, second);
}

cr_tensor *cr_potri(cr_tensor *factor, bool upper) {
  if (!factor || !cr_need_matrix("potri", factor, true)) return NULL;
  int64_t n = rows_of(factor);
  CR_AUTO eye = cr_eye((cr_dtype)factor->dtype, cr_device_of(factor), n, n);
  cr_tri_system first = {.upper = upper, .transposed = upper};
  CR_AUTO y = triangular("potri", eye, factor, first);
  cr_tri_system second = {.upper = upper, .transposed = !upper};
  return triangular("potri", y, factor, second);
}
