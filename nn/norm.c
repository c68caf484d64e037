/* norm.c: batch and layer normalisation: (x - mean) / sqrt(variance + eps) * weight + bias. */
#include "nn/internal.h"
#include "tensor/autograd.h"

static bool batch_norm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool layer_norm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool rms_norm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_batch_norm = {"batch_norm", "training : momentum eps", batch_norm_backward};
static const cr_op op_layer_norm = {"layer_norm", "n : eps", layer_norm_backward};
static const cr_op op_rms_norm = {"rms_norm", "n : eps", rms_norm_backward};

/* ---- batch normalisation ---------------------------------------------------------------- */

static bool check_running(const cr_tensor *x, const char *what, const cr_tensor *t) {
  char s[CR_SHAPE_STR];
  if (!t) return true;
  if (t->ndim != 1 || t->shape[0] != x->shape[1] || !cr_is_float((cr_dtype)t->dtype))
    return cr_fail("nn.batch_norm: %s is %s %s, wanted %lld floats", what, cr_dtypes[t->dtype].name,
                   cr_shape_str(s, t->ndim, t->shape), (long long)x->shape[1]);
  return cr_same_device("nn.batch_norm", x, t);
}

/* Of half precision the weights may be float32, in which the kernel works. */
static bool check_channels(const cr_tensor *x, const char *what, const cr_tensor *t) {
  cr_tensor as_computed = *x;
  if (t && t->dtype == cr_nn_dtype(x)) as_computed.dtype = t->dtype;
  return cr_nn_vector("nn.batch_norm", &as_computed, what, t, x->shape[1]);
}

static bool check_batch_norm(const cr_tensor *x, const cr_tensor *weight, const cr_tensor *bias,
                             const cr_tensor *mean, const cr_tensor *var, bool training) {
  char s[CR_SHAPE_STR];
  if (!cr_need_float("nn.batch_norm", x)) return false;
  if (x->ndim < 2)
    return cr_fail("nn.batch_norm: input is %s, wanted batch x channels, or more dimensions",
                   cr_shape_str(s, x->ndim, x->shape));
  if (!check_channels(x, "weight", weight) || !check_channels(x, "bias", bias) ||
      !check_running(x, "the running mean", mean) || !check_running(x, "the running variance", var))
    return false;
  if (!training && !(mean && var))
    return cr_fail("nn.batch_norm: evaluation needs a running mean and a running variance");
  if (training && x->shape[1] > 0 && cr_numel(x) == x->shape[1])
    return cr_fail("nn.batch_norm: input %s has one value for each channel, whose variance says "
                   "nothing; train with a larger batch or use evaluate()",
                   cr_shape_str(s, x->ndim, x->shape));
  return true;
}

/* A new tensor in the order of x, which is contiguous or channels-last. */
static cr_tensor *like(const cr_tensor *x) {
  return cr_nn_empty((cr_dtype)x->dtype, cr_device_of(x), x->ndim, x->shape,
                     cr_only_channels_last(x));
}

/* x, weight, bias, running mean and variance as the kernel wants them. */
enum { X, WEIGHT, BIAS, MEAN, VAR, NARGS };

static cr_tensor *batch_norm_dense(cr_tensor *const t[NARGS], bool training, double momentum,
                                   double eps) {
  cr_tensor *x = t[X];
  const cr_nn_backend *be = cr_nn_backend_of("nn.batch_norm", cr_device_of(x));
  CR_AUTO mean = be ? cr_empty(cr_nn_dtype(x), cr_device_of(x), 1, &x->shape[1]) : NULL;
  CR_AUTO rstd = mean ? cr_empty_like(mean) : NULL;
  cr_tensor *y = rstd ? like(x) : NULL;
  if (!y) return NULL;
  cr_batch_norm_args a = {.s = cr_middle(x, 1),
                          .training = training,
                          .momentum = momentum,
                          .eps = eps,
                          .weight = cr_data_opt(t[WEIGHT]),
                          .bias = cr_data_opt(t[BIAS]),
                          .running_mean = cr_data_opt(t[MEAN]),
                          .running_var = cr_data_opt(t[VAR])};
  bool ok = be->batch_norm(&a, cr_data(y), cr_data(x), cr_data(mean), cr_data(rstd));
  if (training && t[MEAN]) cr_bump(t[MEAN]);
  if (training && t[VAR]) cr_bump(t[VAR]);
  return cr_record(&op_batch_norm, cr_result_if(ok, y),
                   CR_IN(x, t[WEIGHT], t[BIAS], t[MEAN], t[VAR]), CR_SAVE(x, t[WEIGHT], mean, rstd),
                   CR_INTS(training), CR_NUMS(momentum, eps));
}

/* What was updated in a copy goes back. */
static bool write_back(cr_tensor *given, cr_tensor *used) {
  if (used == given) return true;
  CR_AUTO written = cr_copy(given, used);
  return written != NULL;
}

cr_tensor *cr_batch_norm(cr_tensor *x, cr_tensor *weight, cr_tensor *bias, cr_tensor *running_mean,
                         cr_tensor *running_var, bool training, double momentum, double eps) {
  if (!x || !check_batch_norm(x, weight, bias, running_mean, running_var, training)) return NULL;
  cr_tensor *given[NARGS] = {x, weight, bias, running_mean, running_var};
  cr_tensor *used[NARGS] = {NULL}, *y = NULL;
  used[X] = cr_nn_image(x, cr_nn_dtype_of(x, CR_HALF_BATCH_NORM), cr_nn_channels_last(x, NULL));
  bool ok = used[X];
  for (int i = WEIGHT; ok && i < NARGS; i++)
    ok = cr_nn_dense_opt(given[i], cr_nn_dtype(x), &used[i]);
  if (ok) y = batch_norm_dense(used, training, momentum, eps);
  if (y && training)
    y = cr_result_if(write_back(given[MEAN], used[MEAN]) && write_back(given[VAR], used[VAR]), y);
  for (int i = 0; i < NARGS; i++) cr_release(used[i]);
  return cr_cast_owned(y, (cr_dtype)x->dtype);
}

/* ---- layer normalisation ---------------------------------------------------------------- */

static bool check_layer_norm(const char *fn, const cr_tensor *x, int64_t n, const cr_tensor *weight,
                             const cr_tensor *bias) {
  char s[CR_SHAPE_STR];
  if (!cr_need_float(fn, x)) return false;
  int64_t last = 1;
  int d = x->ndim;
  while (d > 0 && last < n) last *= x->shape[--d];
  if (n < 1 || last != n || x->ndim == 0)
    return cr_fail("%s: the last sizes of input %s do not multiply to %lld", fn,
                   cr_shape_str(s, x->ndim, x->shape), (long long)n);
  const cr_tensor *params[2] = {weight, bias};
  for (int i = 0; i < 2; i++) {
    const char *what = i ? "bias" : "weight";
    if (params[i] && cr_numel(params[i]) != n)
      return cr_fail("%s: %s is %s, wanted %lld elements", fn, what,
                     cr_shape_str(s, params[i]->ndim, params[i]->shape), (long long)n);
    bool wide = params[i] && cr_nn_half(x) && params[i]->dtype == CR_FLOAT32;
    if (!(wide ? cr_same_device(fn, x, params[i]) : cr_nn_match(fn, x, what, params[i])))
      return false;
  }
  return true;
}

static cr_middle_shape rows_of(const cr_tensor *x, int64_t n) {
  return (cr_middle_shape){(cr_dtype)x->dtype, cr_numel(x) / n, n, 1};
}

static cr_tensor *layer_norm_dense(cr_tensor *x, int64_t n, cr_tensor *weight, cr_tensor *bias,
                                   double eps) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.layer_norm", cr_device_of(x));
  cr_middle_shape s = rows_of(x, n);
  CR_AUTO mean = be ? cr_empty(cr_nn_dtype(x), cr_device_of(x), 1, &s.outer) : NULL;
  CR_AUTO rstd = mean ? cr_empty_like(mean) : NULL;
  cr_tensor *y = rstd ? cr_empty_like(x) : NULL;
  if (!y) return NULL;
  bool ok = be->layer_norm(&s, eps, cr_data(y), cr_data(x), cr_data_opt(weight), cr_data_opt(bias),
                           cr_data(mean), cr_data(rstd));
  return cr_record(&op_layer_norm, cr_result_if(ok, y), CR_IN(x, weight, bias),
                   CR_SAVE(x, weight, mean, rstd), CR_INTS(n), CR_NUMS(eps));
}

cr_tensor *cr_layer_norm(cr_tensor *x, int64_t n, cr_tensor *weight, cr_tensor *bias, double eps) {
  if (!x || !check_layer_norm("nn.layer_norm", x, n, weight, bias)) return NULL;
  CR_AUTO w = NULL;
  CR_AUTO b = NULL;
  CR_AUTO dense = cr_nn_dense(x, cr_nn_dtype_of(x, CR_HALF_LAYER_NORM));
  bool ok = dense && cr_nn_dense_opt(weight, cr_nn_dtype(x), &w) &&
            cr_nn_dense_opt(bias, cr_nn_dtype(x), &b);
  return cr_cast_owned(ok ? layer_norm_dense(dense, n, w, b, eps) : NULL, (cr_dtype)x->dtype);
}

/* ---- by the root of the mean square ------------------------------------------------------ */

static cr_tensor *rms_norm_dense(cr_tensor *x, int64_t n, cr_tensor *weight, double eps) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.rms_norm", cr_device_of(x));
  cr_middle_shape s = rows_of(x, n);
  CR_AUTO rstd = be ? cr_empty(cr_nn_dtype(x), cr_device_of(x), 1, &s.outer) : NULL;
  cr_tensor *y = rstd ? cr_empty_like(x) : NULL;
  if (!y) return NULL;
  bool ok = be->layer_norm(&s, eps, cr_data(y), cr_data(x), cr_data_opt(weight), NULL, NULL,
                           cr_data(rstd));
  return cr_record(&op_rms_norm, cr_result_if(ok, y), CR_IN(x, weight), CR_SAVE(x, weight, rstd),
                   CR_INTS(n), CR_NUMS(eps));
}

cr_tensor *cr_rms_norm(cr_tensor *x, int64_t n, cr_tensor *weight, double eps) {
  if (!x || !check_layer_norm("nn.rms_norm", x, n, weight, NULL)) return NULL;
  CR_AUTO w = NULL;
  CR_AUTO dense = cr_nn_dense(x, cr_nn_dtype_of(x, CR_HALF_LAYER_NORM));
  bool ok = dense && cr_nn_dense_opt(weight, cr_nn_dtype(x), &w);
  return cr_cast_owned(ok ? rms_norm_dense(dense, n, w, eps) : NULL, (cr_dtype)x->dtype);
}

/* ---- backward --------------------------------------------------------------------------- */

/* What a backward made of operators works on.  The statistics are over `dims` of x, and so is the
 * sum that the gradients of weight and bias are over pdims; weight broadcasts to x. */
typedef struct {
  cr_tensor *x, *weight, *g;
  int ndims, npdims;
  int dims[CR_MAX_DIMS], pdims[CR_MAX_DIMS];
  double eps;
  cr_tensor *mean, *rstd; /* constants, of a shape that broadcasts to x; NULL: computed here */
  bool raw;               /* x is not centred */
} norm_call;

/* (x - mean) / sqrt(var + eps), and 1 / sqrt(var + eps), on the tape. */
static bool standardise(const norm_call *c, cr_tensor **xhat, cr_tensor **rstd) {
  CR_AUTO mean = c->mean  ? cr_retain(c->mean)
                 : c->raw ? NULL
                          : cr_mean(c->x, c->ndims, c->dims, true, NULL);
  CR_AUTO centred = c->raw ? cr_retain(c->x) : cr_sub(c->x, mean);
  if (c->mean) {
    *rstd = cr_retain(c->rstd);
  } else {
    CR_AUTO square = cr_mul(centred, centred);
    CR_AUTO var = cr_mean(square, c->ndims, c->dims, true, NULL);
    CR_AUTO sum = cr_add_num(var, c->eps);
    *rstd = cr_unary(CR_RSQRT, sum, NULL);
  }
  return (*xhat = cr_mul(centred, *rstd)) != NULL;
}

/* rstd (h - mean(h) - xhat mean(h xhat)), h being the gradient of xhat; constants: rstd h. */
static cr_tensor *composed_input(const norm_call *c, cr_tensor *xhat, cr_tensor *rstd) {
  CR_AUTO h = c->weight ? cr_mul(c->g, c->weight) : cr_retain(c->g);
  if (c->mean) return cr_mul(h, rstd);
  CR_AUTO hx = cr_mul(h, xhat);
  CR_AUTO mh = c->raw ? NULL : cr_mean(h, c->ndims, c->dims, true, NULL);
  CR_AUTO mhx = cr_mean(hx, c->ndims, c->dims, true, NULL);
  CR_AUTO rest = c->raw ? cr_retain(h) : cr_sub(h, mh);
  CR_AUTO part = cr_mul(xhat, mhx);
  CR_AUTO left = cr_sub(rest, part);
  return cr_mul(left, rstd);
}

static cr_tensor *sum_params(const norm_call *c, cr_tensor *g) {
  return cr_reduce(CR_SUM, g, c->npdims, c->pdims, false, NULL);
}

static bool composed(cr_node *n, const norm_call *c, cr_tensor **gin) {
  CR_AUTO rstd = NULL;
  CR_AUTO xhat = NULL;
  if (!standardise(c, &xhat, &rstd)) return false;
  if (cr_wants(n, 0) && !(gin[0] = composed_input(c, xhat, rstd))) return false;
  CR_AUTO gxhat = cr_wants(n, 1) ? cr_mul(c->g, xhat) : NULL;
  if (cr_wants(n, 1) && !(gin[1] = sum_params(c, gxhat))) return false;
  return c->raw || !cr_wants(n, 2) || (gin[2] = sum_params(c, c->g));
}

/* Space for the wanted gradients of x and its parameters. */
static bool gradients_like(cr_node *n, const cr_tensor *x, int params, cr_tensor **gin) {
  if (cr_wants(n, 0) && !(gin[0] = like(x))) return false;
  for (int i = 1; i <= params; i++) {
    const int64_t *shape;
    if (!cr_wants(n, i)) continue;
    int ndim = cr_input_shape(n, i, &shape);
    if (!(gin[i] = cr_empty(cr_nn_dtype(x), cr_device_of(x), ndim, shape))) return false;
  }
  return true;
}

static bool batch_norm_composed(cr_node *n, cr_tensor *g, cr_tensor *const saved[4],
                                cr_tensor **gin) {
  CR_AUTO x = cr_cast(saved[0], cr_nn_dtype(saved[0]));
  CR_AUTO gy = cr_cast(g, cr_nn_dtype(g));
  if (!x || !gy) return false;
  norm_call c = {.x = x, .g = gy, .eps = cr_attr_num(n, 1)};
  int64_t shape[CR_MAX_DIMS];
  for (int d = 0; d < c.x->ndim; d++) {
    shape[d] = d == 1 ? c.x->shape[1] : 1;
    if (d != 1) c.dims[c.ndims++] = c.pdims[c.npdims++] = d;
  }
  bool constant = !cr_attr_int(n, 0);
  CR_AUTO weight = c.weight = cr_reshape(saved[1], c.x->ndim, shape);
  CR_AUTO mean = c.mean = constant ? cr_reshape(saved[2], c.x->ndim, shape) : NULL;
  CR_AUTO rstd = c.rstd = constant ? cr_reshape(saved[3], c.x->ndim, shape) : NULL;
  return (weight || !saved[1]) && (!constant || (mean && rstd)) && composed(n, &c, gin);
}

/* The saved x, weight (or NULL), mean and rstd. */
static bool saved_values(cr_node *n, cr_tensor *t[4]) {
  for (int i = 0; i < 4; i++) t[i] = cr_has_saved(n, i) ? cr_saved(n, i) : NULL;
  return t[0] && (t[1] || !cr_has_saved(n, 1)) && t[2] && t[3];
}

static bool batch_norm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *t[4];
  if (!saved_values(n, t)) return false;
  if (cr_recording_any(g[0], t[0], t[1])) return batch_norm_composed(n, g[0], t, gin);
  const cr_nn_backend *be = cr_nn_backend_of("nn.batch_norm", cr_device_of(t[0]));
  CR_AUTO gc = cr_nn_image(g[0], (cr_dtype)g[0]->dtype, cr_only_channels_last(t[0]));
  cr_batch_norm_args a = {.s = cr_middle(t[0], 1),
                          .training = cr_attr_int(n, 0) != 0,
                          .eps = cr_attr_num(n, 1),
                          .weight = cr_data_opt(t[1])};
  return be && gc && gradients_like(n, t[0], 2, gin) &&
         be->batch_norm_backward(&a, cr_data_opt(gin[0]), cr_data_opt(gin[1]), cr_data_opt(gin[2]),
                                 cr_data(gc), cr_data(t[0]), cr_data(t[2]), cr_data(t[3]));
}

/* The gradients come out as (rows, n) and (n): gives them the shapes of the inputs. */
static bool layer_norm_composed(cr_node *n, cr_tensor *g, cr_tensor *const saved[2], bool raw,
                                cr_tensor **gin) {
  int64_t size = cr_attr_int(n, 0), matrix[2] = {rows_of(saved[0], size).outer, size};
  CR_AUTO wide = cr_cast(saved[0], cr_nn_dtype(saved[0]));
  CR_AUTO gw = cr_cast(g, cr_nn_dtype(saved[0]));
  CR_AUTO x = cr_reshape(wide, 2, matrix);
  CR_AUTO gy = cr_reshape(gw, 2, matrix);
  CR_AUTO weight = cr_reshape(saved[1], 1, &size);
  norm_call c = {.x = x,
                 .weight = weight,
                 .g = gy,
                 .eps = cr_attr_num(n, 0),
                 .ndims = 1,
                 .npdims = 1,
                 .raw = raw,
                 .dims = {1},
                 .pdims = {0}};
  cr_tensor *flat[3] = {NULL};
  bool ok = x && gy && (weight || !saved[1]) && composed(n, &c, flat);
  for (int i = 0; i < 3; i++) {
    const int64_t *shape;
    if (ok && flat[i]) {
      int ndim = cr_input_shape(n, i, &shape);
      CR_AUTO like = cr_cast(flat[i], i ? cr_nn_dtype(x) : (cr_dtype)saved[0]->dtype);
      ok = (gin[i] = cr_reshape(like, ndim, shape));
    }
    cr_release(flat[i]);
  }
  return ok;
}

static bool layer_norm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *t[4];
  if (!saved_values(n, t)) return false;
  if (cr_recording_any(g[0], t[0], t[1])) return layer_norm_composed(n, g[0], t, false, gin);
  const cr_nn_backend *be = cr_nn_backend_of("nn.layer_norm", cr_device_of(t[0]));
  CR_AUTO gc = cr_contiguous(g[0]);
  cr_middle_shape s = rows_of(t[0], cr_attr_int(n, 0));
  return be && gc && gradients_like(n, t[0], 2, gin) &&
         be->layer_norm_backward(&s, cr_data_opt(gin[0]), cr_data_opt(gin[1]), cr_data_opt(gin[2]),
                                 cr_data(gc), cr_data(t[0]), cr_data_opt(t[1]), cr_data(t[2]),
                                 cr_data(t[3]));
}

static bool rms_norm_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *x = cr_saved(n, 0), *weight = cr_has_saved(n, 1) ? cr_saved(n, 1) : NULL;
  cr_tensor *rstd = cr_saved(n, 2);
  if (!x || !rstd || (!weight && cr_has_saved(n, 1))) return false;
  if (cr_recording_any(g[0], x, weight))
    return layer_norm_composed(n, g[0], (cr_tensor *[2]){x, weight}, true, gin);
  const cr_nn_backend *be = cr_nn_backend_of("nn.rms_norm", cr_device_of(x));
  CR_AUTO gc = cr_contiguous(g[0]);
  cr_middle_shape s = rows_of(x, cr_attr_int(n, 0));
  return be && gc && gradients_like(n, x, 1, gin) &&
         be->layer_norm_backward(&s, cr_data_opt(gin[0]), cr_data_opt(gin[1]), NULL, cr_data(gc),
                                 cr_data(x), cr_data_opt(weight), NULL, cr_data(rstd));
}
