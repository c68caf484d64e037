/* matmul.c: products of vectors, matrices and batches of them. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

/* ---- the product ------------------------------------------------------------------------ */

/* c = alpha a b + beta c for 3-d a, b and a c whose rows are contiguous. */
static cr_gemm_args args_of(double alpha, const cr_tensor *a, const cr_tensor *b, double beta,
                            cr_tensor *c) {
  cr_gemm_args g = {.batch = a->shape[0],
                    .m = a->shape[1],
                    .k = a->shape[2],
                    .n = b->shape[2],
                    .a = cr_data(a),
                    .b = cr_data(b),
                    .c = cr_data(c),
                    .alpha = alpha,
                    .beta = beta,
                    .dtype = (cr_dtype)c->dtype};
  memcpy(g.as, a->stride, sizeof g.as);
  memcpy(g.bs, b->stride, sizeof g.bs);
  memcpy(g.cs, c->stride, sizeof g.cs);
  return g;
}

/* A header of t with three dimensions: batch (stride 0 when there is none), rows, columns. */
static cr_tensor as_batch(const cr_tensor *t) {
  cr_tensor u = *t;
  if (t->ndim == 3) return u;
  u.ndim = 3;
  u.shape[0] = 1, u.stride[0] = 0;
  memcpy(u.shape + 1, t->shape, 2 * sizeof *u.shape);
  memcpy(u.stride + 1, t->stride, 2 * sizeof *u.stride);
  return u;
}

static bool rows_contiguous(const cr_tensor *c) {
  int d = c->ndim - 1;
  return (c->stride[d] == 1 || c->shape[d] == 1) && c->stride[d - 1] >= c->shape[d];
}

/* The same for 2-d or 3-d tensors of one dtype. */
static cr_gemm_args batch_args(double alpha, const cr_tensor *a, const cr_tensor *b, double beta,
                               cr_tensor *c) {
  cr_tensor x = as_batch(a), y = as_batch(b), z = as_batch(c);
  if (z.shape[2] == 1) z.stride[2] = 1;
  return args_of(alpha, &x, &y, beta, &z);
}

static bool product(double alpha, const cr_tensor *a, const cr_tensor *b, double beta,
                    cr_tensor *c) {
  cr_gemm_args g = batch_args(alpha, a, b, beta, c);
  return !cr_numel(c) || cr_backend_for(c)->gemm(&g);
}

static bool check_product(const char *fn, const cr_tensor *a, const cr_tensor *b, int ndim) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_same_device(fn, a, b)) return false;
  if (a->ndim != ndim || b->ndim != ndim)
    return cr_fail("%s: %s times %s: wanted two tensors of %d dimensions", fn,
                   cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape), ndim);
  if (a->shape[ndim - 1] != b->shape[ndim - 2])
    return cr_fail("%s: %s times %s: the inner sizes %lld and %lld differ", fn,
                   cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape),
                   (long long)a->shape[ndim - 1], (long long)b->shape[ndim - 2]);
  if (ndim == 3 && a->shape[0] != b->shape[0])
    return cr_fail("%s: %s times %s: the batches have %lld and %lld products", fn,
                   cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape),
                   (long long)a->shape[0], (long long)b->shape[0]);
  return true;
}

static cr_tensor *multiply(const char *fn, cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  cr_tensor *const in[] = {a, b};
  if (out && (out->dtype != a->dtype || out->storage == a->storage || out->storage == b->storage ||
              (cr_numel(out) && (out->ndim != a->ndim || !rows_contiguous(out)))))
    return cr_into_unrecorded(fn, out, 2, in, multiply(fn, a, b, NULL));
  int64_t shape[3];
  memcpy(shape, a->shape, (size_t)a->ndim * sizeof *shape);
  shape[a->ndim - 1] = b->shape[b->ndim - 1];
  cr_tensor *y = cr_result(fn, out, (cr_dtype)a->dtype, cr_device_of(a), a->ndim, shape, 2, in);
  if (!y || product(1, a, b, 0, y)) return y;
  cr_release(y);
  return NULL;
}

static cr_tensor *t2(cr_tensor *a) {
  return cr_transpose(a, -2, -1);
}

/* A factor, if the other one's gradient needs it. */
static cr_tensor *needed_by(cr_tensor *other, cr_tensor *factor) {
  return cr_recording(1, &other) ? factor : NULL;
}

/* The gradient a b of input i, added to what has come for that already, or by itself. */
static bool give(cr_node *n, int i, cr_tensor *a, cr_tensor *b, cr_tensor **gin) {
  if (!a || !b) return false;
  cr_tensor *sum = cr_sum_to_add_to(n, i);
  if (!sum) return (gin[i] = a->ndim == 3 ? cr_bmm(a, b, NULL) : cr_mm(a, b, NULL)) != NULL;
  CR_AUTO same = cr_addmm(1, sum, 1, a, b, sum);
  return same != NULL;
}

static bool product_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  CR_AUTO bt = cr_wants(n, 0) ? t2(cr_saved(n, 1)) : NULL;
  CR_AUTO at = cr_wants(n, 1) ? t2(cr_saved(n, 0)) : NULL;
  return (!cr_wants(n, 0) || give(n, 0, g[0], bt, gin)) &&
         (!cr_wants(n, 1) || give(n, 1, at, g[0], gin));
}

static const cr_op op_mm = {"mm", "", product_backward};
static const cr_op op_bmm = {"bmm", "", product_backward};

static cr_tensor *batched_or_not(const cr_op *op, int ndim, cr_tensor *a, cr_tensor *b,
                                 cr_tensor *out) {
  if (!a || !b || !check_product(op->name, a, b, ndim)) return NULL;
  cr_dtype dtype = cr_promote((cr_dtype)a->dtype, (cr_dtype)b->dtype);
  if (dtype == CR_BOOL) return cr_fail_null("%s: not defined for bool tensors", op->name);
  CR_AUTO x = cr_cast(a, dtype);
  CR_AUTO y = cr_cast(b, dtype);
  bool keep = out && cr_recording_any(a, b);
  CR_AUTO kx = x && keep ? cr_keep(x, out) : x ? cr_retain(x) : NULL;
  CR_AUTO ky = y && keep ? cr_keep(y, out) : y ? cr_retain(y) : NULL;
  if (!kx || !ky) return NULL;
  return cr_record(op, multiply(op->name, kx, ky, out), CR_IN(kx, ky),
                   CR_SAVE(needed_by(ky, kx), needed_by(kx, ky)));
}

cr_tensor *cr_mm(cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  return batched_or_not(&op_mm, 2, a, b, out);
}
cr_tensor *cr_bmm(cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  return batched_or_not(&op_bmm, 3, a, b, out);
}

/* ---- with vectors ----------------------------------------------------------------------- */

cr_tensor *cr_mv(cr_tensor *a, cr_tensor *x, cr_tensor *out) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!a || !x) return NULL;
  if (a->ndim != 2 || x->ndim != 1 || a->shape[1] != x->shape[0])
    return cr_fail_null("mv: %s times %s: wanted a matrix and a vector as long as its rows",
                        cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, x->ndim, x->shape));
  CR_AUTO column = cr_unsqueeze(x, 1);
  CR_AUTO y = cr_mm(a, column, NULL);
  return cr_into("mv", out, cr_squeeze(y, 1));
}

static bool dot_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  if (cr_wants(n, 0) && !(gin[0] = cr_mul(g[0], cr_saved(n, 1)))) return false;
  return !cr_wants(n, 1) || (gin[1] = cr_mul(g[0], cr_saved(n, 0)));
}

static const cr_op op_dot = {"dot", "", dot_backward};

cr_tensor *cr_dot(cr_tensor *a, cr_tensor *b) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!a || !b || !cr_same_device("dot", a, b)) return NULL;
  if (cr_numel(a) != cr_numel(b))
    return cr_fail_null("dot: %s and %s have different numbers of elements",
                        cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape));
  int64_t n = cr_numel(a);
  cr_dtype dtype = cr_promote((cr_dtype)a->dtype, (cr_dtype)b->dtype);
  CR_AUTO fa = cr_reshape(a, 1, &n);
  CR_AUTO fb = cr_reshape(b, 1, &n);
  CR_AUTO x = cr_cast(fa, dtype);
  CR_AUTO y = cr_cast(fb, dtype);
  if (!x || !y) return NULL;
  if (!cr_is_float(dtype)) {
    CR_AUTO m = cr_mul(x, y);
    return cr_sum(m);
  }
  cr_tensor *r = cr_scalar_tensor(dtype, cr_device_of(a), cr_num(0));
  if (!r) return NULL;
  if (n && !cr_backend_for(r)->dot(dtype, n, cr_data(x), x->stride[0], cr_data(y), y->stride[0],
                                   cr_data(r))) {
    cr_release(r);
    return NULL;
  }
  return cr_record(&op_dot, r, CR_IN(x, y), CR_SAVE(needed_by(y, x), needed_by(x, y)));
}

cr_tensor *cr_ger(cr_tensor *x, cr_tensor *y, cr_tensor *out) {
  if (!x || !y || !cr_need_dims("ger", "argument 1", x, 1) ||
      !cr_need_dims("ger", "argument 2", y, 1))
    return NULL;
  CR_AUTO column = cr_unsqueeze(x, 1);
  CR_AUTO row = cr_unsqueeze(y, 0);
  return cr_binary(CR_MUL, column, row, out);
}

/* ---- the cross product ------------------------------------------------------------------ */

/* out[k] = a[i] b[j] - a[j] b[i], i and j being the two places after k. */
static bool cross_part(cr_tensor *a, cr_tensor *b, int dim, int k, cr_tensor *y) {
  int i = (k + 1) % 3, j = (k + 2) % 3;
  CR_AUTO out = cr_select(y, dim, k);
  CR_AUTO ai = cr_select(a, dim, i);
  CR_AUTO aj = cr_select(a, dim, j);
  CR_AUTO bi = cr_select(b, dim, i);
  CR_AUTO bj = cr_select(b, dim, j);
  if (!out || !ai || !aj || !bi || !bj) return false;
  CR_AUTO left = cr_mul(ai, bj);
  CR_AUTO right = left ? cr_mul(aj, bi) : NULL;
  CR_AUTO done = right ? cr_binary(CR_SUB, left, right, out) : NULL;
  return done != NULL;
}

static bool cross_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  int dim = (int)cr_attr_int(n, 0);
  if (cr_wants(n, 0) && !(gin[0] = cr_cross(cr_saved(n, 1), g[0], dim))) return false;
  return !cr_wants(n, 1) || (gin[1] = cr_cross(g[0], cr_saved(n, 0), dim));
}

static const cr_op op_cross = {"cross", "dim", cross_backward};

/* The dimension counts from the end, since shapes broadcast. */
cr_tensor *cr_cross(cr_tensor *a, cr_tensor *b, int dim) {
  int ndim;
  int64_t shape[CR_MAX_DIMS];
  if (!a || !b || !cr_same_device("cross", a, b) ||
      !cr_broadcast("cross", a->ndim, a->shape, b->ndim, b->shape, &ndim, shape))
    return NULL;
  int at = ndim + dim;
  if (dim >= 0 || at < 0 || shape[at] != 3)
    return cr_fail_null("cross: no dimension %d of size 3", at + 1);
  cr_dtype dtype = cr_promote((cr_dtype)a->dtype, (cr_dtype)b->dtype);
  CR_AUTO x = cr_cast(a, dtype);
  CR_AUTO z = cr_cast(b, dtype);
  CR_AUTO xe = x ? cr_expand(x, ndim, shape) : NULL;
  CR_AUTO ze = xe && z ? cr_expand(z, ndim, shape) : NULL;
  cr_tensor *y = ze ? cr_empty(dtype, cr_device_of(a), ndim, shape) : NULL;
  if (!y) return NULL;
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad, ok = true;
  ctx->no_grad = true;
  for (int k = 0; ok && k < 3; k++) ok = cross_part(xe, ze, at, k, y);
  ctx->no_grad = mode;
  if (ok)
    return cr_record(&op_cross, y, CR_IN(x, z), CR_SAVE(needed_by(z, x), needed_by(x, z)),
                     CR_INTS(dim));
  cr_release(y);
  return NULL;
}

/* Batches of any shape, broadcast: as one bmm. */
static cr_tensor *matmul_batched(cr_tensor *a, cr_tensor *b) {
  int64_t lead[CR_MAX_DIMS], shape[CR_MAX_DIMS], flat[3] = {1, 0, 0};
  int n;
  if (!cr_broadcast("matmul", a->ndim - 2, a->shape, b->ndim - 2, b->shape, &n, lead)) return NULL;
  memcpy(shape, lead, sizeof shape);
  for (int d = 0; d < n; d++) flat[0] *= lead[d];
  memcpy(shape + n, a->shape + a->ndim - 2, 2 * sizeof *shape);
  CR_AUTO ae = cr_expand(a, n + 2, shape);
  memcpy(flat + 1, shape + n, 2 * sizeof *shape);
  CR_AUTO a3 = cr_reshape(ae, 3, flat);
  memcpy(shape + n, b->shape + b->ndim - 2, 2 * sizeof *shape);
  CR_AUTO be = cr_expand(b, n + 2, shape);
  memcpy(flat + 1, shape + n, 2 * sizeof *shape);
  CR_AUTO b3 = cr_reshape(be, 3, flat);
  CR_AUTO y = cr_bmm(a3, b3, NULL);
  if (!y) return NULL;
  memcpy(shape + n, y->shape + 1, 2 * sizeof *shape);
  return cr_reshape(y, n + 2, shape);
}

cr_tensor *cr_matmul(cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!a || !b) return NULL;
  if (a->ndim == 2 && b->ndim == 2) return cr_mm(a, b, out);
  if (a->ndim == 1 && b->ndim == 1) return cr_into("matmul", out, cr_dot(a, b));
  if (a->ndim == 2 && b->ndim == 1) return cr_mv(a, b, out);
  if (a->ndim == 0 || b->ndim == 0)
    return cr_fail_null("matmul: %s times %s: a product with a number is torch.mul(a, b)",
                        cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape));
  CR_AUTO x = a->ndim == 1 ? cr_unsqueeze(a, 0) : cr_retain(a);
  CR_AUTO y = b->ndim == 1 ? cr_unsqueeze(b, 1) : cr_retain(b);
  if (!x || !y) return NULL;
  if (x->shape[x->ndim - 1] != y->shape[y->ndim - 2])
    return cr_fail_null("matmul: %s times %s: the inner sizes %lld and %lld differ",
                        cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape),
                        (long long)x->shape[x->ndim - 1], (long long)y->shape[y->ndim - 2]);
  CR_AUTO p = x->ndim == 2 && y->ndim == 2 ? cr_mm(x, y, NULL) : matmul_batched(x, y);
  CR_AUTO q = a->ndim == 1 ? cr_squeeze(p, -2) : p ? cr_retain(p) : NULL;
  return cr_into("matmul", out, b->ndim == 1 ? cr_squeeze(q, -1) : q ? cr_retain(q) : NULL);
}

/* ---- with an addend --------------------------------------------------------------------- */

static bool addmm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  double beta = cr_attr_num(n, 0), alpha = cr_attr_num(n, 1);
  if (cr_wants(n, 0) && !(gin[0] = beta == 1 ? cr_retain(g[0]) : cr_mul_num(g[0], beta)))
    return false;
  if (!cr_wants(n, 1) && !cr_wants(n, 2)) return true;
  CR_AUTO ag = alpha == 1 ? cr_retain(g[0]) : cr_mul_num(g[0], alpha);
  CR_AUTO bt = cr_wants(n, 1) ? t2(cr_saved(n, 1)) : NULL;
  CR_AUTO at = cr_wants(n, 2) ? t2(cr_saved(n, 0)) : NULL;
  return (!cr_wants(n, 1) || give(n, 1, ag, bt, gin)) &&
         (!cr_wants(n, 2) || give(n, 2, at, ag, gin));
}

static const cr_op op_addmm = {"addmm", ": beta alpha", addmm_backward};

/* out = beta*c + alpha*a*b into a fresh tensor, or in place when out is c. */
static cr_tensor *addmm_compute(double beta, cr_tensor *c, double alpha, cr_tensor *a, cr_tensor *b,
                                cr_tensor *out) {
  int64_t shape[3];
  memcpy(shape, a->shape, (size_t)a->ndim * sizeof *shape);
  shape[a->ndim - 1] = b->shape[b->ndim - 1];
  bool direct = out == c && out && out->ndim == a->ndim && rows_contiguous(out) &&
                out->storage != a->storage && out->storage != b->storage &&
                memcmp(out->shape, shape, (size_t)a->ndim * sizeof *shape) == 0;
  cr_tensor *const in[] = {a, b, c};
  if (out && !direct)
    return cr_into_unrecorded("addmm", out, 3, in, addmm_compute(beta, c, alpha, a, b, NULL));
  cr_tensor *y =
      cr_result("addmm", out, (cr_dtype)a->dtype, cr_device_of(a), a->ndim, shape, 3, in);
  if (!y) return NULL;
  bool ok = true;
  if (!out && beta != 0) {
    cr_context *ctx = cr_ctx();
    bool mode = ctx->no_grad;
    ctx->no_grad = true;
    CR_AUTO copied = cr_copy(y, c);
    ctx->no_grad = mode;
    ok = copied != NULL;
  }
  if (ok && product(alpha, a, b, beta, y)) return y;
  cr_release(y);
  return NULL;
}

/* Matrix-vector and outer products as products of matrices. */
static cr_tensor *addmm_vectors(double beta, cr_tensor *c, double alpha, cr_tensor *a, cr_tensor *b,
                                cr_tensor *out) {
  bool outer = a->ndim == 1;
  CR_AUTO x = outer ? cr_unsqueeze(a, 1) : cr_retain(a);
  CR_AUTO y = cr_unsqueeze(b, outer ? 0 : 1);
  CR_AUTO z = outer ? cr_retain(c) : cr_unsqueeze(c, -1);
  CR_AUTO r = cr_addmm(beta, z, alpha, x, y, NULL);
  return cr_into("addmm", out, outer ? (r ? cr_retain(r) : NULL) : cr_squeeze(r, -1));
}

cr_tensor *cr_addmm(double beta, cr_tensor *c, double alpha, cr_tensor *a, cr_tensor *b,
                    cr_tensor *out) {
  if (!a || !b || !c || !cr_same_device("addmm", a, c)) return NULL;
  if (b->ndim == 1 && a->ndim <= 2 && a->ndim >= 1) return addmm_vectors(beta, c, alpha, a, b, out);
  if (!check_product("addmm", a, b, a->ndim == 3 ? 3 : 2)) return NULL;
  cr_dtype dtype =
      cr_promote(cr_promote((cr_dtype)a->dtype, (cr_dtype)b->dtype), (cr_dtype)c->dtype);
  if (!cr_is_float(dtype) && (alpha != floor(alpha) || beta != floor(beta)) && !cr_ctx()->torch7)
    return cr_fail_null("addmm: factors of %g and %g for %s tensors, wanted whole numbers", beta,
                        alpha, cr_dtypes[dtype].name);
  CR_AUTO x = cr_cast(a, dtype);
  CR_AUTO y = cr_cast(b, dtype);
  CR_AUTO z = cr_cast(c, dtype);
  if (!x || !y || !z) return NULL;
  bool keep = out && cr_recording_any(x, y, z);
  CR_AUTO kx = keep ? cr_keep(x, out) : cr_retain(x);
  CR_AUTO ky = keep ? cr_keep(y, out) : cr_retain(y);
  if (!kx || !ky) return NULL;
  cr_tensor *r = addmm_compute(beta, z, alpha, kx, ky, out);
  return cr_record(&op_addmm, r, CR_IN(z, kx, ky), CR_SAVE(needed_by(ky, kx), needed_by(kx, ky)),
                   CR_NUMS(beta, alpha));
}

/* ---- linear ----------------------------------------------------------------------------- */

static cr_tensor *as_rows(cr_tensor *t) {
  int64_t shape[2] = {t->ndim == 1 ? 1 : -1, t->shape[t->ndim - 1]};
  if (t->ndim > 1 && !cr_numel(t)) {
    shape[0] = 1;
    for (int d = 0; d < t->ndim - 1; d++) shape[0] *= t->shape[d];
  }
  return cr_reshape(t, 2, shape);
}

static bool linear_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  CR_AUTO g2 = as_rows(g[0]);
  if (!g2) return false;
  if (cr_wants(n, 0)) {
    const int64_t *shape;
    int ndim = cr_input_shape(n, 0, &shape);
    CR_AUTO gx = cr_mm(g2, cr_saved(n, 1), NULL);
    if (!(gin[0] = cr_reshape(gx, ndim, shape))) return false;
  }
  if (cr_wants(n, 1)) {
    cr_tensor *x = cr_saved(n, 0);
    CR_AUTO gt = t2(g2);
    CR_AUTO x2 = x ? as_rows(x) : NULL;
    if (!give(n, 1, gt, x2, gin)) return false;
  }
  return cr_node_ninputs(n) < 3 || !cr_wants(n, 2) ||
         (gin[2] = cr_reduce(CR_SUM, g2, 1, (int[]){0}, false, NULL));
}

static const cr_op op_linear = {"linear", "", linear_backward};

static bool check_linear(const cr_tensor *x, const cr_tensor *w, const cr_tensor *bias) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_same_device("linear", x, w) || (bias && !cr_same_device("linear", x, bias))) return false;
  if (w->ndim != 2 || x->ndim < 1 || x->shape[x->ndim - 1] != w->shape[1])
    return cr_fail("linear: size mismatch: input %s with a weight of %s: the input's last size "
                   "must be the weight's "
                   "(%lld)",
                   cr_shape_str(s, x->ndim, x->shape), cr_shape_str(t, w->ndim, w->shape),
                   (long long)(w->ndim == 2 ? w->shape[1] : 0));
  if (x->dtype != w->dtype || (bias && bias->dtype != w->dtype))
    return cr_fail("linear: input is %s, weight %s; convert one of them", cr_dtypes[x->dtype].name,
                   cr_dtypes[w->dtype].name);
  if (bias && (bias->ndim != 1 || bias->shape[0] != w->shape[0]))
    return cr_fail("linear: a bias of shape %s with a weight of %s",
                   cr_shape_str(s, bias->ndim, bias->shape), cr_shape_str(t, w->ndim, w->shape));
  return true;
}

/* Every row of y becomes the bias. */
static bool rows_of_bias(cr_tensor *y, cr_tensor *bias) {
  cr_iter it;
  cr_iter_make(&it, y, 1, &bias);
  return !cr_numel(y) || cr_backend_for(y)->copy(&it);
}

/* y = x w + bias, without gaps in y. */
static bool product_and_bias(const cr_tensor *x, const cr_tensor *w, cr_tensor *bias,
                             cr_tensor *y) {
  const cr_backend *be = cr_backend_for(y);
  if (be->gemm_bias && bias->stride[0] == 1) {
    cr_gemm_args g = batch_args(1, x, w, 0, y);
    int done = be->gemm_bias(&g, cr_data(bias));
    if (done != 0) return done > 0;
  }
  return rows_of_bias(y, bias) && product(1, x, w, 1, y);
}

cr_tensor *cr_linear(cr_tensor *x, cr_tensor *w, cr_tensor *bias) {
  if (!x || !w || !check_linear(x, w, bias)) return NULL;
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, x->shape, x->ndim * sizeof *shape);
  shape[x->ndim - 1] = w->shape[0];
  cr_tensor *y = cr_empty((cr_dtype)x->dtype, cr_device_of(x), x->ndim, shape);
  if (!y) return NULL;
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  CR_AUTO rows = as_rows(x);
  CR_AUTO out = as_rows(y);
  CR_AUTO wt = t2(w);
  ctx->no_grad = mode;
  if (rows && out && wt &&
      (bias ? product_and_bias(rows, wt, bias, out) : product(1, rows, wt, 0, out)))
    return cr_record(&op_linear, y, .nin = bias ? 3 : 2, .in = (cr_tensor *[]){x, w, bias},
                     CR_SAVE(needed_by(w, x), needed_by(x, w)));
  cr_release(y);
  return NULL;
}
