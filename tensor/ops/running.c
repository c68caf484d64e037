/* running.c: extremes and logarithms of sums of exponentials of all elements so far. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>

/* A tensor's header with dimension dim shrunk to size 1, for loops over the others. */
static cr_tensor without_dim(const cr_tensor *t, int dim) {
  cr_tensor u = *t;
  if (u.ndim) u.shape[dim] = 1;
  return u;
}

static int64_t byte_stride(const cr_tensor *t, int dim) {
  return t->ndim ? t->stride[dim] * (int64_t)cr_sizeof((cr_dtype)t->dtype) : 0;
}

static cr_tensor *scan(const char *fn, cr_reduce_op op, cr_tensor *a, int dim, cr_dtype dtype) {
  cr_tensor *y = cr_empty(dtype, cr_device_of(a), a->ndim, a->shape);
  if (!y || !cr_numel(y)) return y;
  cr_tensor o = without_dim(y, dim), i = without_dim(a, dim), *in = &i;
  cr_iter it;
  cr_iter_make(&it, &o, 1, &in);
  if (cr_backend_for(y)->scan(op, &it, a->ndim ? a->shape[dim] : 1, byte_stride(y, dim),
                              byte_stride(a, dim)) ||
      cr_error_prefix(fn))
    return y;
  cr_release(y);
  return NULL;
}

bool cr_running_extreme(cr_tensor *a, int dim, bool smallest, cr_tensor **values,
                        cr_tensor **places) {
  const char *fn = smallest ? "cummin" : "cummax";
  *values = *places = NULL;
  if (!a || !cr_wrap_dim(fn, &dim, a->ndim)) return false;
  *places = scan(fn, smallest ? CR_ARGMIN : CR_ARGMAX, a, dim, CR_INT64);
  *values = a->ndim ? cr_gather(a, dim, *places, 0, NULL) : cr_clone(a);
  if (*places && *values) return true;
  cr_release(*places);
  cr_release(*values);
  return false;
}

/* ---- logcumsumexp ------------------------------------------------------------------------- */

/* log g where g is positive, elsewhere minus infinity */
static cr_tensor *log_of_positive(cr_tensor *g) {
  CR_AUTO positive = cr_binary_scalar(CR_GT, g, cr_int(0), NULL);
  CR_AUTO one = g ? cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_num(1)) : NULL;
  CR_AUTO least =
      g ? cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_num(-INFINITY)) : NULL;
  CR_AUTO safe = cr_where(positive, g, one, NULL);
  CR_AUTO l = cr_unary(CR_LOG, safe, NULL);
  return cr_where(positive, l, least, NULL);
}

/* sum over j >= i of g[j] exp(x[i] - y[j]), for the positive part of g, in logarithms */
static cr_tensor *pull_back(cr_tensor *g, cr_tensor *x, cr_tensor *y, int dim) {
  CR_AUTO l = log_of_positive(g);
  CR_AUTO less = cr_sub(l, y);
  CR_AUTO turned = cr_flip(less, 1, &dim);
  CR_AUTO sums = turned ? cr_logcumsumexp(turned, dim) : NULL;
  CR_AUTO back = cr_flip(sums, 1, &dim);
  CR_AUTO whole = cr_add(x, back);
  return cr_unary(CR_EXP, whole, NULL);
}

static bool logcumsumexp_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *x = cr_saved(n, 0), *y = cr_saved(n, 1);
  int dim = (int)cr_attr_int(n, 0);
  if (!x || !y) return false;
  CR_AUTO none = cr_binary_scalar(CR_EQ, y, cr_num(-INFINITY), NULL); /* as are all x before */
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)y->dtype, cr_device_of(y), cr_int(0));
  CR_AUTO finite = cr_where(none, zero, y, NULL);
  CR_AUTO turned = cr_neg(g[0]);
  CR_AUTO up = pull_back(g[0], x, finite, dim);
  CR_AUTO down = pull_back(turned, x, finite, dim);
  return (gin[0] = cr_sub(up, down)) != NULL;
}

static const cr_op op_logcumsumexp = {"logcumsumexp", "dim", logcumsumexp_backward};

cr_tensor *cr_logcumsumexp(cr_tensor *a, int dim) {
  if (!a || !cr_wrap_dim("logcumsumexp", &dim, a->ndim)) return NULL;
  if (!cr_is_float((cr_dtype)a->dtype)) {
    CR_AUTO f = cr_cast(a, (cr_dtype)cr_ctx()->dtype);
    return cr_logcumsumexp(f, dim);
  }
  cr_tensor *y = scan("logcumsumexp", CR_LOGSUMEXP, a, dim, (cr_dtype)a->dtype);
  return cr_record(&op_logcumsumexp, y, CR_IN(a), CR_SAVE(a, y), CR_INTS(dim));
}
