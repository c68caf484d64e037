/* pointwise.c: several elementary steps in one loop over memory, and `where`. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

/* ---- the loop --------------------------------------------------------------------------- */

/* All inputs brought to one dtype; `held` are references to release. */
static bool common(const char *fn, int n, cr_tensor *const *in, cr_tensor **held) {
  cr_dtype dtype = (cr_dtype)in[0]->dtype;
  for (int i = 1; i < n; i++) {
    if (!cr_same_device(fn, in[0], in[i])) return false;
    if (in[i]->ndim || in[i]->dtype != CR_FLOAT64)
      dtype = cr_promote(dtype, (cr_dtype)in[i]->dtype);
  }
  if (dtype == CR_BOOL) return cr_fail("%s: not defined for bool tensors", fn);
  for (int i = 0; i < n; i++)
    if (!(held[i] = cr_cast(in[i], dtype))) return false;
  return true;
}

static bool overlaps_any(const cr_tensor *out, int n, cr_tensor *const *in) {
  for (int i = 0; i < n; i++)
    if (cr_overlaps(out, in[i])) return true;
  return false;
}

/* out = op(in..) with numbers s and t; the inputs have one dtype. */
static cr_tensor *loop(const char *fn, cr_pointwise_op op, int n, cr_tensor *const *in, double s,
                       double t, cr_tensor *out) {
  int ndim = in[0]->ndim;
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, in[0]->shape, (size_t)ndim * sizeof *shape);
  for (int i = 1; i < n; i++)
    if (!cr_same_shape(in[0], in[i]) &&
        !cr_broadcast(fn, ndim, shape, in[i]->ndim, in[i]->shape, &ndim, shape))
      return NULL;
  if (out && (out->dtype != in[0]->dtype || overlaps_any(out, n, in)))
    return cr_into_unrecorded(fn, out, n, in, loop(fn, op, n, in, s, t, NULL));
  cr_tensor *y =
      cr_result_like(fn, out, (cr_dtype)in[0]->dtype, cr_device_of(in[0]), ndim, shape, n, in);
  if (!y || !cr_numel(y)) return y;
  cr_iter it;
  cr_iter_make(&it, y, n, in);
  if (cr_backend_for(y)->pointwise(op, &it, s, t) || cr_error_prefix(fn)) return y;
  cr_release(y);
  return NULL;
}

/* Half of an integer is none; Torch7 cut the factor off. */
static bool whole_factors(const char *fn, cr_pointwise_op code, cr_dtype dtype, double s,
                          double t) {
  if (cr_is_float(dtype) || code == CR_CLAMP || code == CR_THRESHOLD || cr_ctx()->torch7)
    return true;
  if (s == floor(s) && t == floor(t)) return true;
  return cr_fail("%s: a factor of %g for %s tensors, wanted a whole number", fn,
                 s == floor(s) ? t : s, cr_dtypes[dtype].name);
}

/* For each input, for which inputs' gradients it is needed: bit i for input i. */
static const int needs_none[3] = {0}, needs_itself[3] = {1}, addcmul_needs[3] = {0, 4, 2},
                 addcdiv_needs[3] = {0, 4, 6};

/* The operator as a whole: casts, the loop, the record. */
static cr_tensor *pointwise(const cr_op *op, cr_pointwise_op code, int n, cr_tensor *const *in,
                            const int *needs, double s, double t, cr_tensor *out) {
  cr_tensor *held[3] = {NULL}, *kept[3] = {NULL}, *save[3] = {NULL};
  int wanted = 0;
  cr_tensor *y = NULL;
  for (int i = 0; i < n; i++)
    if (!in[i]) return NULL;
  bool ok = common(op->name, n, in, held) &&
            whole_factors(op->name, code, (cr_dtype)held[0]->dtype, s, t);
  for (int i = 0; ok && i < n; i++)
    if (cr_recording(1, &held[i])) wanted |= 1 << i;
  for (int i = 0; ok && i < n; i++) {
    bool saved = needs[i] & wanted;
    kept[i] = saved && out ? cr_keep(held[i], out) : cr_retain(held[i]);
    ok = kept[i] != NULL;
    if (saved) save[i] = kept[i];
  }
  if (ok) {
    y = loop(op->name, code, n, held, s, t, out);
    y = cr_record(op, y, .nin = n, .in = kept, .nsave = needs == needs_none ? 0 : n, .save = save,
                  CR_NUMS(s, t));
  }
  for (int i = 0; i < n; i++) {
    cr_release(held[i]);
    cr_release(kept[i]);
  }
  return y;
}

/* ---- addcmul, addcdiv ------------------------------------------------------------------- */

static bool addcmul_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  if (cr_wants(n, 0)) gin[0] = cr_retain(g[0]);
  if (!cr_wants(n, 1) && !cr_wants(n, 2)) return true;
  CR_AUTO sg = cr_mul_num(g[0], cr_attr_num(n, 0));
  if (cr_wants(n, 1) && !(gin[1] = cr_mul(sg, cr_saved(n, 2)))) return false;
  return !cr_wants(n, 2) || (gin[2] = cr_mul(sg, cr_saved(n, 1)));
}

static const cr_op op_addcmul = {"addcmul", ": value", addcmul_backward};

cr_tensor *cr_addcmul(cr_tensor *a, cr_scalar s, cr_tensor *b, cr_tensor *c, cr_tensor *out) {
  return pointwise(&op_addcmul, CR_ADDCMUL, 3, (cr_tensor *[]){a, b, c}, addcmul_needs,
                   cr_scalar_double(s), 0, out);
}

static bool addcdiv_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  if (cr_wants(n, 0)) gin[0] = cr_retain(g[0]);
  if (!cr_wants(n, 1) && !cr_wants(n, 2)) return true;
  cr_tensor *c = cr_saved(n, 2);
  CR_AUTO sg = cr_mul_num(g[0], cr_attr_num(n, 0));
  CR_AUTO q = cr_div(sg, c);
  if (!q) return false;
  if (cr_wants(n, 1)) gin[1] = cr_retain(q);
  if (!cr_wants(n, 2)) return true;
  CR_AUTO qc = cr_div(q, c);
  CR_AUTO qb = cr_mul(qc, cr_saved(n, 1));
  return (gin[2] = cr_neg(qb)) != NULL;
}

static const cr_op op_addcdiv = {"addcdiv", ": value", addcdiv_backward};

cr_tensor *cr_addcdiv(cr_tensor *a, cr_scalar s, cr_tensor *b, cr_tensor *c, cr_tensor *out) {
  return pointwise(&op_addcdiv, CR_ADDCDIV, 3, (cr_tensor *[]){a, b, c}, addcdiv_needs,
                   cr_scalar_double(s), 0, out);
}

/* ---- axpby, lerp ------------------------------------------------------------------------ */

static bool two_weights(cr_node *n, cr_tensor *g, double wa, double wb, cr_tensor **gin) {
  if (cr_wants(n, 0) && !(gin[0] = wa == 1 ? cr_retain(g) : cr_mul_num(g, wa))) return false;
  return !cr_wants(n, 1) || (gin[1] = wb == 1 ? cr_retain(g) : cr_mul_num(g, wb));
}

static bool axpby_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return two_weights(n, g[0], cr_attr_num(n, 0), cr_attr_num(n, 1), gin);
}

static const cr_op op_axpby = {"axpby", ": alpha beta", axpby_backward};

cr_tensor *cr_axpby(cr_scalar s, cr_tensor *a, cr_scalar t, cr_tensor *b, cr_tensor *out) {
  return pointwise(&op_axpby, CR_AXPBY, 2, (cr_tensor *[]){a, b}, needs_none, cr_scalar_double(s),
                   cr_scalar_double(t), out);
}

static bool lerp_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  double s = cr_attr_num(n, 0);
  return two_weights(n, g[0], 1 - s, s, gin);
}

static const cr_op op_lerp = {"lerp", ": weight", lerp_backward};

cr_tensor *cr_lerp(cr_tensor *a, cr_tensor *b, cr_scalar s, cr_tensor *out) {
  return pointwise(&op_lerp, CR_LERP, 2, (cr_tensor *[]){a, b}, needs_none, cr_scalar_double(s), 0,
                   out);
}

/* By a gradient g: g - w g, w g, and g times the difference. */
static bool blend_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  if (cr_wants(n, 0) || cr_wants(n, 1)) {
    CR_AUTO part = cr_mul(g[0], cr_saved(n, 2));
    if (!part || (cr_wants(n, 0) && !(gin[0] = cr_sub(g[0], part)))) return false;
    if (cr_wants(n, 1)) gin[1] = cr_retain(part);
  }
  if (!cr_wants(n, 2)) return true;
  CR_AUTO apart = cr_sub(cr_saved(n, 1), cr_saved(n, 0));
  return apart && (gin[2] = cr_mul(g[0], apart));
}

static const cr_op op_blend = {"lerp", "", blend_backward};

cr_tensor *cr_lerp_by(cr_tensor *a, cr_tensor *b, cr_tensor *w, cr_tensor *out) {
  static const int needs[] = {4, 4, 3};
  return pointwise(&op_blend, CR_BLEND, 3, (cr_tensor *[]){a, b, w}, needs, 0, 0, out);
}

/* ---- clamp, threshold, and what lies within bounds --------------------------------------- */

/* A bound that leaves the number itself out, in the type in which kernels compute on t. */
static double past(cr_dtype t, double bound, double towards) {
  return t == CR_FLOAT64 ? nextafter(bound, towards)
                         : (double)nextafterf((float)bound, (float)towards);
}

static cr_tensor *band(cr_tensor *x, cr_tensor *z, cr_tensor *at, double lo, double hi);

static cr_tensor *zero_like(const cr_tensor *t) {
  return cr_scalar_tensor((cr_dtype)t->dtype, cr_device_of(t), cr_int(0));
}

/* x where `at` lies within the bounds, and 0 elsewhere; or the other way round. */
static cr_tensor *inside(cr_tensor *x, cr_tensor *at, double lo, double hi) {
  CR_AUTO zero = zero_like(x);
  return zero ? band(x, zero, at, lo, hi) : NULL;
}
static cr_tensor *outside(cr_tensor *x, cr_tensor *at, double lo, double hi) {
  CR_AUTO zero = zero_like(x);
  return zero ? band(zero, x, at, lo, hi) : NULL;
}

static bool band_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *at = cr_saved(n, 2);
  double lo = cr_attr_num(n, 0), hi = cr_attr_num(n, 1);
  if (!at || (cr_wants(n, 0) && !(gin[0] = inside(g[0], at, lo, hi)))) return false;
  return !cr_wants(n, 1) || (gin[1] = outside(g[0], at, lo, hi));
}

static const cr_op op_band = {"band", ": min max", band_backward};

/* x where `at` lies within the bounds, z elsewhere: linear in both, and `at` has no derivative. */
static cr_tensor *band(cr_tensor *x, cr_tensor *z, cr_tensor *at, double lo, double hi) {
  static const int needs[] = {0, 0, 3};
  CR_AUTO plain = cr_detach(at);
  return pointwise(&op_band, CR_BAND, 3, (cr_tensor *[]){x, z, plain}, needs, lo, hi, NULL);
}

static bool clamp_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  return a && (gin[0] = inside(g[0], a, cr_attr_num(n, 0), cr_attr_num(n, 1)));
}

static const cr_op op_clamp = {"clamp", ": min max", clamp_backward};

cr_tensor *cr_clamp(cr_tensor *a, cr_scalar lo, cr_scalar hi, cr_tensor *out) {
  return pointwise(&op_clamp, CR_CLAMP, 1, &a, needs_itself, cr_scalar_double(lo),
                   cr_scalar_double(hi), out);
}

static bool number_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  double most = cr_attr_num(n, 1);
  cr_tensor *a = cr_saved(n, 0);
  return a && (gin[0] = inside(g[0], a, -most, most));
}

static const cr_op op_number = {"nanToNum", ": nan most", number_backward};

cr_tensor *cr_nan_to_num(cr_tensor *a, double nan, double most) {
  return pointwise(&op_number, CR_NUMBER, 1, &a, needs_itself, nan, most, NULL);
}

static bool threshold_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  double above = a ? past((cr_dtype)a->dtype, cr_attr_num(n, 0), INFINITY) : 0;
  return a && (gin[0] = inside(g[0], a, above, INFINITY));
}

static const cr_op op_threshold = {"threshold", ": threshold value", threshold_backward};

cr_tensor *cr_threshold(cr_tensor *a, cr_scalar threshold, cr_scalar value, cr_tensor *out) {
  return pointwise(&op_threshold, CR_THRESHOLD, 1, &a, needs_itself, cr_scalar_double(threshold),
                   cr_scalar_double(value), out);
}

/* ---- squared errors, up to a bound ------------------------------------------------------- */

static bool need_float(const char *fn, const cr_tensor *a) {
  if (cr_is_float((cr_dtype)a->dtype)) return true;
  return cr_fail("%s: a %s tensor, wanted a float type", fn, cr_dtypes[a->dtype].name);
}

static bool huber_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  double bound = cr_attr_num(n, 0), twice = 2 * cr_attr_num(n, 1);
  CR_AUTO slope = cr_axpby(cr_num(twice), cr_saved(n, 0), cr_num(-twice), cr_saved(n, 1), NULL);
  CR_AUTO held = !slope ? NULL
                 : isinf(bound)
                     ? cr_retain(slope)
                     : cr_clamp(slope, cr_num(-twice * bound), cr_num(twice * bound), NULL);
  CR_AUTO part = held ? cr_mul(held, g[0]) : NULL;
  if (!part) return false;
  if (cr_wants(n, 0)) gin[0] = cr_retain(part);
  return !cr_wants(n, 1) || (gin[1] = cr_neg(part));
}

static const cr_op op_huber = {"huber", ": bound factor", huber_backward};

cr_tensor *cr_huber(cr_tensor *a, cr_tensor *b, double bound, double factor) {
  static const int needs[] = {3, 3};
  if (!a || !b || !need_float("huber", a) || !need_float("huber", b)) return NULL;
  return pointwise(&op_huber, CR_HUBER, 2, (cr_tensor *[]){a, b}, needs, bound, factor, NULL);
}

/* ---- activations made of straight lines -------------------------------------------------- */

static cr_tensor *leaky(cr_tensor *x, cr_tensor *at, double slope);

static bool leaky_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return (gin[0] = leaky(g[0], cr_saved(n, 1), cr_attr_num(n, 0))) != NULL;
}

static const cr_op op_leaky = {"leaky_relu", ": slope", leaky_backward};

/* x where `at` is positive, and slope times it elsewhere: linear in x, and `at` has no derivative.
 */
static cr_tensor *leaky(cr_tensor *x, cr_tensor *at, double slope) {
  static const int needs[] = {0, 1};
  cr_tensor *const in[] = {x, at};
  return pointwise(&op_leaky, CR_LEAKY, 2, in, needs, slope, 0, NULL);
}

cr_tensor *cr_leaky_relu(cr_tensor *a, double slope) {
  if (!a || !need_float("leakyRelu", a)) return NULL;
  CR_AUTO at = cr_detach(a);
  return leaky(a, at, slope);
}

static cr_tensor *prelu(cr_tensor *x, cr_tensor *at, cr_tensor *slopes);

static bool prelu_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *at = cr_saved(n, 1);
  if (!at || (cr_wants(n, 0) && !(gin[0] = prelu(g[0], at, cr_saved(n, 2))))) return false;
  if (!cr_wants(n, 2)) return true;
  CR_AUTO product = cr_mul(g[0], cr_saved(n, 0));
  double positive = past((cr_dtype)at->dtype, 0, INFINITY);
  return product && (gin[2] = outside(product, at, positive, INFINITY));
}

static const cr_op op_prelu = {"prelu", "", prelu_backward};

/* The same with slopes that are a tensor, in which it is linear too. */
static cr_tensor *prelu(cr_tensor *x, cr_tensor *at, cr_tensor *slopes) {
  static const int needs[] = {4, 5, 1};
  cr_tensor *const in[] = {x, at, slopes};
  return pointwise(&op_prelu, CR_PRELU, 3, in, needs, 0, 0, NULL);
}

cr_tensor *cr_prelu(cr_tensor *a, cr_tensor *slopes) {
  if (!a || !slopes || !need_float("prelu", a) || !need_float("prelu", slopes)) return NULL;
  CR_AUTO at = cr_detach(a);
  return prelu(a, at, slopes);
}

/* g where the input lies between the bounds, and 0 at them too. */
static bool between(cr_node *n, cr_tensor *g, double lo, double hi, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  if (!a) return false;
  cr_dtype t = (cr_dtype)a->dtype;
  return (gin[0] = inside(g, a, past(t, lo, INFINITY), past(t, hi, -INFINITY))) != NULL;
}

static bool hardtanh_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return between(n, g[0], cr_attr_num(n, 0), cr_attr_num(n, 1), gin);
}

static const cr_op op_hardtanh = {"hardtanh", ": min max", hardtanh_backward};

cr_tensor *cr_hardtanh(cr_tensor *a, double lo, double hi) {
  return pointwise(&op_hardtanh, CR_CLAMP, 1, &a, needs_itself, lo, hi, NULL);
}

cr_tensor *cr_hardshrink(cr_tensor *a, double lambda) {
  if (!a || !need_float("hardshrink", a)) return NULL;
  return outside(a, a, -lambda, lambda);
}

static bool softshrink_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  return a && (gin[0] = outside(g[0], a, cr_attr_num(n, 0), cr_attr_num(n, 1)));
}

static const cr_op op_softshrink = {"softshrink", ": min max", softshrink_backward};

cr_tensor *cr_softshrink(cr_tensor *a, double lambda) {
  if (!a || !need_float("softshrink", a)) return NULL;
  return pointwise(&op_softshrink, CR_BEYOND, 1, &a, needs_itself, -lambda, lambda, NULL);
}

static bool hardsigmoid_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  CR_AUTO part = cr_mul_num(g[0], 1 / 6.0);
  return part && between(n, part, -3, 3, gin);
}

static const cr_op op_hardsigmoid = {"hardsigmoid", "", hardsigmoid_backward};

cr_tensor *cr_hardsigmoid(cr_tensor *a) {
  if (!a || !need_float("hardsigmoid", a)) return NULL;
  return pointwise(&op_hardsigmoid, CR_HARDSIGMOID, 1, &a, needs_itself, 0, 0, NULL);
}

/* hardsigmoid(a) + a/6 within -3 and 3, on the tape. */
static cr_tensor *hardswish_slope(cr_tensor *a) {
  CR_AUTO gate = cr_hardsigmoid(a);
  CR_AUTO sixth = cr_mul_num(a, 1 / 6.0);
  CR_AUTO part = sixth ? inside(sixth, a, -3, 3) : NULL;
  return gate && part ? cr_add(gate, part) : NULL;
}

static bool hardswish_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  if (!a) return false;
  if (!cr_recording_any(g[0], a)) {
    cr_tensor *const in[] = {g[0], a};
    return (gin[0] = loop("hardswish", CR_HARDSWISH_BACKWARD, 2, in, 0, 0, NULL)) != NULL;
  }
  CR_AUTO slope = hardswish_slope(a);
  return slope && (gin[0] = cr_mul(g[0], slope));
}

static const cr_op op_hardswish = {"hardswish", "", hardswish_backward};

cr_tensor *cr_hardswish(cr_tensor *a) {
  if (!a || !need_float("hardswish", a)) return NULL;
  return pointwise(&op_hardswish, CR_HARDSWISH, 1, &a, needs_itself, 0, 0, NULL);
}

/* ---- where ------------------------------------------------------------------------------ */

static bool where_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *cond = cr_saved(n, 0);
  if (!cond) return false;
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)g[0]->dtype, cr_device_of(g[0]), cr_int(0));
  if (cr_wants(n, 1) && !(gin[1] = cr_where(cond, g[0], zero, NULL))) return false;
  return !cr_wants(n, 2) || (gin[2] = cr_where(cond, zero, g[0], NULL));
}

static const cr_op op_where = {"where", "", where_backward};

static cr_tensor *where_loop(cr_tensor *const *in, cr_tensor *out) {
  int ndim = in[0]->ndim;
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, in[0]->shape, (size_t)ndim * sizeof *shape);
  for (int i = 1; i < 3; i++)
    if (!cr_broadcast("where", ndim, shape, in[i]->ndim, in[i]->shape, &ndim, shape)) return NULL;
  cr_tensor *y =
      cr_result_like("where", out, (cr_dtype)in[1]->dtype, cr_device_of(in[1]), ndim, shape, 3, in);
  if (!y || !cr_numel(y)) return y;
  cr_iter it;
  cr_iter_make(&it, y, 3, in);
  if (cr_backend_for(y)->where(&it)) return y;
  cr_release(y);
  return NULL;
}

/* The operands are on one device. */
static cr_tensor *where_there(cr_tensor *cond, cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  cr_dtype dtype = cr_promote((cr_dtype)a->dtype, (cr_dtype)b->dtype);
  CR_AUTO x = cr_cast(a, dtype);
  CR_AUTO y = cr_cast(b, dtype);
  if (!x || !y) return NULL;
  cr_tensor *const in[] = {cond, x, y};
  if (out && (out->dtype != dtype || overlaps_any(out, 3, in)))
    return cr_into("where", out, where_there(cond, x, y, NULL));
  return cr_record(&op_where, where_loop(in, out), .nin = 3, .in = in, CR_SAVE(cond));
}

static bool in_host_memory(const cr_tensor *t) {
  return cr_device_of(t).type == CR_CPU;
}

cr_tensor *cr_where(cr_tensor *cond, cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  if (!cond || !a || !b) return NULL;
  if (cond->dtype != CR_BOOL && cond->dtype != CR_UINT8)
    return cr_fail_null("where: the condition is %s, wanted bool or uint8",
                        cr_dtypes[cond->dtype].name);
  const cr_tensor *there = !in_host_memory(cond) ? cond : !in_host_memory(a) ? a : b;
  CR_AUTO mask = cr_beside(cond, there);
  CR_AUTO x = mask ? cr_number_beside(a, there) : NULL;
  CR_AUTO y = x ? cr_number_beside(b, there) : NULL;
  if (!y || !cr_same_device("where", x, y) || !cr_same_device("where", mask, x)) return NULL;
  return where_there(mask, x, y, out);
}
