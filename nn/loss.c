/* loss.c: negative log-likelihood, cross-entropy, mean squared error and Huber's loss.
 * Their messages name the modules, and count classes from 1, as scripts do. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#include <math.h>

#define NLL "nn.ClassNLLCriterion"
#define CROSS_ENTROPY "nn.CrossEntropyCriterion"
#define MSE "nn.MSECriterion"
#define HUBER "nn.HuberLoss"

static bool nll_loss_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool nll_loss_backward_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool cross_entropy_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool huber_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_nll = {"nll_loss", "ignore average: smoothing", nll_loss_backward};
static const cr_op op_nll_backward = {"nll_loss_backward", "ignore average: smoothing",
                                      nll_loss_backward_backward};
static const cr_op op_cross_entropy = {"cross_entropy", "ignore average: smoothing",
                                       cross_entropy_backward};
static const cr_op op_mse = {"mse_loss", "average: bound factor", huber_backward};
static const cr_op op_huber = {"huber_loss", "average: bound factor", huber_backward};

/* ---- what both classification losses check ---------------------------------------------- */

static bool check_classes(const char *fn, const cr_tensor *x, const cr_tensor *target,
                          const cr_tensor *weight) {
  char xs[CR_SHAPE_STR], ts[CR_SHAPE_STR];
  cr_shape_str(xs, x->ndim, x->shape);
  cr_shape_str(ts, target->ndim, target->shape);
  if (!cr_need_float(fn, x)) return false;
  if (x->ndim != 1 && x->ndim != 2)
    return cr_fail("%s: input is %s, wanted batch x classes or classes", fn, xs);
  if (!cr_need_dtype(fn, "target", target, CR_INT64) || !cr_same_device(fn, x, target))
    return false;
  if (x->shape[x->ndim - 1] < 1) return cr_fail("%s: input %s has no classes", fn, xs);
  int64_t rows = x->ndim == 2 ? x->shape[0] : 1;
  if (target->ndim > 1 || cr_numel(target) != rows)
    return cr_fail("%s: target is %s for input %s, wanted %lld class number%s", fn, ts, xs,
                   (long long)rows, rows == 1 ? "" : "s");
  return cr_nn_vector(fn, x, "weights", weight, x->shape[x->ndim - 1]);
}

/* How the rows are put together. */
typedef struct {
  int64_t ignore;
  bool average;
  double smoothing;
} counting;

static counting counting_of(cr_node *n) {
  return (counting){cr_attr_int(n, 0), cr_attr_int(n, 1) != 0, cr_attr_num(n, 0)};
}

/* The arguments of a kernel; x, target and weight are contiguous. */
static cr_nll_args nll_args(const cr_tensor *x, const cr_tensor *target, const cr_tensor *weight,
                            counting how) {
  return (cr_nll_args){.dtype = (cr_dtype)x->dtype,
                       .rows = x->ndim == 2 ? x->shape[0] : 1,
                       .classes = x->shape[x->ndim - 1],
                       .target = cr_data(target),
                       .weight = weight ? cr_data(weight) : NULL,
                       .ignore = how.ignore,
                       .average = how.average,
                       .smoothing = how.smoothing};
}

typedef cr_tensor *(*loss_fn)(cr_tensor *x, cr_tensor *target, cr_tensor *weight, counting how);

/* Calls f with everything contiguous and wide enough for a kernel, which sees x in `dtype`. */
static cr_tensor *with_dense(loss_fn f, cr_dtype dtype, cr_tensor *x, cr_tensor *target,
                             cr_tensor *weight, counting how) {
  CR_AUTO xd = cr_nn_dense(x, dtype);
  CR_AUTO t = cr_contiguous(target);
  CR_AUTO w = NULL;
  if (!xd || !t || !cr_nn_dense_opt(weight, cr_nn_dtype(x), &w)) return NULL;
  return cr_cast_owned(f(xd, t, w, how), (cr_dtype)x->dtype);
}

/* ---- negative log-likelihood: linear in logp, so its derivatives go round in a circle --- */

static cr_tensor *nll_dense(cr_tensor *logp, cr_tensor *target, cr_tensor *weight, counting how) {
  const cr_nn_backend *be = cr_nn_backend_of(NLL, cr_device_of(logp));
  cr_tensor *loss = be ? cr_empty((cr_dtype)logp->dtype, cr_device_of(logp), 0, NULL) : NULL;
  if (!loss) return NULL;
  cr_nll_args a = nll_args(logp, target, weight, how);
  bool ok = be->nll(&a, cr_data(loss), cr_data(logp)) || cr_error_prefix(NLL);
  return cr_record(&op_nll, cr_result_if(ok, loss), CR_IN(logp, target, weight),
                   CR_SAVE(target, weight), CR_INTS(how.ignore, how.average),
                   CR_NUMS(how.smoothing));
}

cr_tensor *cr_nll_loss(cr_tensor *logp, cr_tensor *target, cr_tensor *weight, int64_t ignore,
                       bool average) {
  if (!logp || !target || !check_classes(NLL, logp, target, weight)) return NULL;
  return with_dense(nll_dense, cr_nn_dtype(logp), logp, target, weight,
                    (counting){ignore, average, 0});
}

/* The gradient g of the loss, spread over a tensor of the given shape. */
static cr_tensor *nll_spread(cr_tensor *g, int ndim, const int64_t *shape, cr_tensor *target,
                             cr_tensor *weight, counting how) {
  const cr_nn_backend *be = cr_nn_backend_of(NLL, cr_device_of(g));
  cr_tensor *gx = be ? cr_empty((cr_dtype)g->dtype, cr_device_of(g), ndim, shape) : NULL;
  if (!gx) return NULL;
  cr_nll_args a = nll_args(gx, target, weight, how);
  bool ok = be->nll_backward(&a, cr_data(gx), cr_data(g));
  return cr_record(&op_nll_backward, cr_result_if(ok, gx), CR_IN(g, target, weight),
                   CR_SAVE(target, weight), CR_INTS(how.ignore, how.average),
                   CR_NUMS(how.smoothing));
}

static bool saved_classes(cr_node *n, cr_tensor **target, cr_tensor **weight) {
  *target = cr_saved(n, 0);
  *weight = cr_has_saved(n, 1) ? cr_saved(n, 1) : NULL;
  return *target && (*weight || !cr_has_saved(n, 1));
}

static bool nll_loss_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *target, *weight;
  const int64_t *shape;
  int ndim = cr_input_shape(n, 0, &shape);
  return saved_classes(n, &target, &weight) &&
         (gin[0] = nll_spread(g[0], ndim, shape, target, weight, counting_of(n)));
}

static bool nll_loss_backward_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *target, *weight;
  return saved_classes(n, &target, &weight) &&
         (gin[0] = with_dense(nll_dense, cr_nn_dtype(g[0]), g[0], target, weight, counting_of(n)));
}

/* ---- cross-entropy ---------------------------------------------------------------------- */

static cr_tensor *cross_entropy_dense(cr_tensor *x, cr_tensor *target, cr_tensor *weight,
                                      counting how) {
  const cr_nn_backend *be = cr_nn_backend_of(CROSS_ENTROPY, cr_device_of(x));
  cr_nll_args a = nll_args(x, target, weight, how);
  CR_AUTO lse = be ? cr_empty(cr_nn_dtype(x), cr_device_of(x), 1, &a.rows) : NULL;
  cr_tensor *loss = lse ? cr_empty(cr_nn_dtype(x), cr_device_of(x), 0, NULL) : NULL;
  if (!loss) return NULL;
  bool ok = be->cross_entropy(&a, cr_data(loss), cr_data(lse), cr_data(x)) ||
            cr_error_prefix(CROSS_ENTROPY);
  return cr_record(&op_cross_entropy, cr_result_if(ok, loss), CR_IN(x, target, weight),
                   CR_SAVE(target, weight, x, lse), CR_INTS(how.ignore, how.average),
                   CR_NUMS(how.smoothing));
}

cr_tensor *cr_cross_entropy(cr_tensor *x, cr_tensor *target, cr_tensor *weight, int64_t ignore,
                            bool average, double smoothing) {
  if (!x || !target || !check_classes(CROSS_ENTROPY, x, target, weight)) return NULL;
  if (!(smoothing >= 0 && smoothing <= 1))
    return cr_fail_null("%s: smoothing is %g, wanted 0 to 1", CROSS_ENTROPY, smoothing);
  return with_dense(cross_entropy_dense, cr_nn_dtype_of(x, CR_HALF_LOSS), x, target, weight,
                    (counting){ignore, average, smoothing});
}

/* With s the gradient of the loss by log-probabilities: s - softmax(x) sum(s). */
static cr_tensor *cross_entropy_composed(cr_node *n, cr_tensor *g, cr_tensor *x, cr_tensor *target,
                                         cr_tensor *weight) {
  int dim = x->ndim - 1;
  CR_AUTO s = nll_spread(g, x->ndim, x->shape, target, weight, counting_of(n));
  CR_AUTO sum = cr_reduce(CR_SUM, s, 1, &dim, true, NULL);
  CR_AUTO p = cr_softmax(x, dim);
  CR_AUTO part = cr_mul(p, sum);
  return cr_cast_owned(cr_sub(s, part), (cr_dtype)x->dtype);
}

static bool cross_entropy_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *target, *weight, *x = cr_saved(n, 2), *lse = cr_saved(n, 3);
  if (!x || !lse || !saved_classes(n, &target, &weight)) return false;
  if (cr_recording_any(g[0], x))
    return (gin[0] = cross_entropy_composed(n, g[0], x, target, weight)) != NULL;
  const cr_nn_backend *be = cr_nn_backend_of(CROSS_ENTROPY, cr_device_of(x));
  if (!be || !(gin[0] = cr_empty_like(x))) return false;
  cr_nll_args a = nll_args(x, target, weight, counting_of(n));
  return be->cross_entropy_backward(&a, cr_data(gin[0]), cr_data(g[0]), cr_data(lse), cr_data(x));
}

/* ---- squared errors, up to a bound ------------------------------------------------------- */

typedef struct {
  double bound, scale;
} huber_args;

static cr_tensor *huber_dense(const char *fn, const cr_op *op, cr_tensor *x, cr_tensor *target,
                              double bound, double factor, bool average) {
  const cr_nn_backend *be = cr_nn_backend_of(fn, cr_device_of(x));
  cr_tensor *loss = be ? cr_empty((cr_dtype)x->dtype, cr_device_of(x), 0, NULL) : NULL;
  if (!loss) return NULL;
  double scale = average ? factor / (double)cr_numel(x) : factor;
  bool ok = be->huber((cr_dtype)x->dtype, cr_numel(x), bound, scale, cr_data(loss), cr_data(x),
                      cr_data(target)) ||
            cr_error_prefix(fn);
  return cr_record(op, cr_result_if(ok, loss), CR_IN(x, target), CR_SAVE(x, target),
                   CR_INTS(average), CR_NUMS(bound, factor));
}

static cr_tensor *huber(const char *fn, const cr_op *op, cr_tensor *x, cr_tensor *target,
                        double bound, double factor, bool average) {
  char xs[CR_SHAPE_STR], ts[CR_SHAPE_STR];
  if (!x || !target || !cr_need_float(fn, x) || !cr_same_device(fn, x, target)) return NULL;
  if (!cr_same_shape(x, target))
    return cr_fail_null("%s: target is %s for input %s, wanted the same shape", fn,
                        cr_shape_str(ts, target->ndim, target->shape),
                        cr_shape_str(xs, x->ndim, x->shape));
  cr_dtype result = cr_promote((cr_dtype)x->dtype, (cr_dtype)target->dtype);
  cr_dtype dtype = result == CR_FLOAT64 ? CR_FLOAT64 : CR_FLOAT32;
  CR_AUTO xd = cr_nn_dense(x, dtype);
  CR_AUTO td = cr_nn_dense(target, dtype);
  return cr_cast_owned(xd && td ? huber_dense(fn, op, xd, td, bound, factor, average) : NULL,
                       result);
}

cr_tensor *cr_mse_loss(cr_tensor *x, cr_tensor *target, bool average) {
  return huber(MSE, &op_mse, x, target, INFINITY, 1, average);
}

cr_tensor *cr_huber_loss(cr_tensor *x, cr_tensor *target, double bound, double factor,
                         bool average) {
  return huber(HUBER, &op_huber, x, target, bound, factor, average);
}

/* The gradient by x: 2 scale g (x - target), held within the bound. */
static cr_tensor *huber_composed(cr_tensor *g, cr_tensor *x, cr_tensor *target, huber_args a) {
  CR_AUTO diff = cr_sub(x, target);
  CR_AUTO held = cr_clamp(diff, cr_num(-a.bound), cr_num(a.bound), NULL);
  CR_AUTO twice = cr_mul_num(held, 2 * a.scale);
  return cr_mul(twice, g);
}

static cr_tensor *huber_fused(cr_tensor *g, cr_tensor *x, cr_tensor *target, huber_args a) {
  const cr_nn_backend *be = cr_nn_backend_of(HUBER, cr_device_of(x));
  cr_tensor *gx = be ? cr_empty_like(x) : NULL;
  if (!gx) return NULL;
  return cr_result_if(be->huber_backward((cr_dtype)x->dtype, cr_numel(x), a.bound, a.scale,
                                         cr_data(gx), cr_data(g), cr_data(x), cr_data(target)),
                      gx);
}

static bool huber_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *x = cr_saved(n, 0), *target = cr_saved(n, 1);
  if (!x || !target) return false;
  huber_args a = {cr_attr_num(n, 0), cr_attr_num(n, 1)};
  if (cr_attr_int(n, 0)) a.scale /= (double)cr_numel(x);
  bool record = cr_recording_any(g[0], x, target);
  cr_tensor *(*f)(cr_tensor *, cr_tensor *, cr_tensor *, huber_args) =
      record ? huber_composed : huber_fused;
  return (!cr_wants(n, 0) || (gin[0] = f(g[0], x, target, a))) &&
         (!cr_wants(n, 1) || (gin[1] = f(g[0], target, x, a)));
}
