/* softmax.c: softmax and its logarithm along one dimension. */
#include "nn/internal.h"
#include "tensor/autograd.h"

static bool softmax_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool log_softmax_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_softmax = {"softmax", "dim", softmax_backward};
static const cr_op op_log_softmax = {"log_softmax", "dim", log_softmax_backward};

static cr_tensor *softmax_dense(const char *fn, cr_tensor *x, int dim, bool log) {
  const cr_nn_backend *be = cr_nn_backend_of(fn, cr_device_of(x));
  cr_tensor *y = be ? cr_empty_like(x) : NULL;
  if (!y) return NULL;
  cr_middle_shape s = cr_middle(x, dim);
  y = cr_result_if(be->softmax(&s, log, cr_data(y), cr_data(x)), y);
  return cr_record(log ? &op_log_softmax : &op_softmax, y, CR_IN(x), CR_SAVE(y), CR_INTS(dim));
}

static cr_tensor *forward(const char *fn, cr_tensor *x, int dim, bool log) {
  if (!x || !cr_need_float(fn, x) || !cr_wrap_dim(fn, &dim, x->ndim)) return NULL;
  CR_AUTO dense = cr_nn_dense(x, cr_nn_dtype_of(x, CR_HALF_SOFTMAX));
  return cr_cast_owned(dense ? softmax_dense(fn, dense, dim, log) : NULL, (cr_dtype)x->dtype);
}

cr_tensor *cr_softmax(cr_tensor *x, int dim) {
  return forward("nn.softmax", x, dim, false);
}
cr_tensor *cr_log_softmax(cr_tensor *x, int dim) {
  return forward("nn.log_softmax", x, dim, true);
}

/* When nothing is recorded: one pass. */
static cr_tensor *fused_backward(const char *fn, cr_tensor *g, cr_tensor *y, int dim, bool log) {
  const cr_nn_backend *be = cr_nn_backend_of(fn, cr_device_of(y));
  CR_AUTO gc = cr_contiguous(g);
  cr_tensor *gx = be && gc ? cr_empty_like(y) : NULL;
  if (!gx) return NULL;
  cr_middle_shape s = cr_middle(y, dim);
  return cr_result_if(be->softmax_backward(&s, log, cr_data(gx), cr_data(gc), cr_data(y)), gx);
}

/* gx = y (g - sum(g y)) */
static bool softmax_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *y = cr_saved(n, 0);
  int dim = (int)cr_attr_int(n, 0);
  if (!y) return false;
  if (!cr_recording_any(g[0], y))
    return (gin[0] = fused_backward("nn.softmax", g[0], y, dim, false)) != NULL;
  CR_AUTO gy = cr_mul(g[0], y);
  CR_AUTO sum = cr_reduce(CR_SUM, gy, 1, &dim, true, NULL);
  CR_AUTO rest = cr_sub(g[0], sum);
  return (gin[0] = cr_mul(y, rest)) != NULL;
}

/* gx = g - exp(y) sum(g) */
static bool log_softmax_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *y = cr_saved(n, 0);
  int dim = (int)cr_attr_int(n, 0);
  if (!y) return false;
  if (!cr_recording_any(g[0], y))
    return (gin[0] = fused_backward("nn.log_softmax", g[0], y, dim, true)) != NULL;
  CR_AUTO p = cr_unary(CR_EXP, y, NULL);
  CR_AUTO sum = cr_reduce(CR_SUM, g[0], 1, &dim, true, NULL);
  CR_AUTO part = cr_mul(p, sum);
  return (gin[0] = cr_sub(g[0], part)) != NULL;
}
