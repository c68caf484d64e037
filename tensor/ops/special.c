/* special.c: less common functions of one and two elements: forward and derivatives. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>

/* ---- what the derivatives share --------------------------------------------------------- */

static cr_tensor *number_like(cr_tensor *t, double v) {
  return t ? cr_scalar_tensor((cr_dtype)t->dtype, cr_device_of(t), cr_num(v)) : NULL;
}

/* t with `v` where the mask holds. */
static cr_tensor *replaced(cr_tensor *mask, double v, cr_tensor *t) {
  CR_AUTO number = number_like(t, v);
  return cr_where(mask, number, t, NULL);
}

static cr_tensor *is_zero(cr_tensor *t) {
  return cr_binary_scalar(CR_EQ, t, cr_int(0), NULL);
}

/* a / b, and v where b is 0; nothing infinite on the way, so that the gradient's gradient is finite
 * too. */
static cr_tensor *safe_quotient(cr_tensor *a, cr_tensor *b, double v) {
  CR_AUTO none = is_zero(b);
  CR_AUTO safe = replaced(none, 1, b);
  CR_AUTO q = cr_div(a, safe);
  return replaced(none, v, q);
}

/* ---- derivatives of one argument: g, the input a, the result y ---------------------------- */

#define D(name) static cr_tensor *name(cr_tensor *g, cr_tensor *a, cr_tensor *y)
#define UNUSED(x) (void)(x)

D(d_exp2) {
  UNUSED(a);
  CR_AUTO t = cr_mul(g, y);
  return cr_mul_num(t, M_LN2);
}

D(d_erfinv) {
  UNUSED(a);
  CR_AUTO q = cr_unary(CR_SQUARE, y, NULL);
  CR_AUTO e = cr_unary(CR_EXP, q, NULL);
  CR_AUTO t = cr_mul(g, e);
  return cr_mul_num(t, sqrt(M_PI) / 2);
}

D(d_i0) {
  UNUSED(y);
  CR_AUTO t = cr_special(CR_I1, a, NULL);
  return cr_mul(g, t);
}

/* I0 - I1/x, and a half at 0 */
D(d_i1) {
  CR_AUTO i0 = cr_special(CR_I0, a, NULL);
  CR_AUTO q = safe_quotient(y, a, 0.5);
  CR_AUTO t = cr_sub(i0, q);
  return cr_mul(g, t);
}

/* The derivative of sinc by its series, for |x| < 0.02. */
static cr_tensor *sinc_slope_near_zero(cr_tensor *a) {
  CR_AUTO q = cr_unary(CR_SQUARE, a, NULL);
  CR_AUTO third = cr_mul_num(q, -pow(M_PI, 6) / 840);
  CR_AUTO second = cr_add_num(third, pow(M_PI, 4) / 30);
  CR_AUTO rest = cr_mul(second, q);
  CR_AUTO first = cr_add_num(rest, -M_PI * M_PI / 3);
  return cr_mul(a, first);
}

/* (cos(pi x) - sinc(x)) / x */
D(d_sinc) {
  CR_AUTO size = cr_unary(CR_ABS, a, NULL);
  CR_AUTO small = cr_binary_scalar(CR_LT, size, cr_num(0.02), NULL);
  CR_AUTO safe = replaced(small, 1, a);
  CR_AUTO angle = cr_mul_num(safe, M_PI);
  CR_AUTO cosine = cr_unary(CR_COS, angle, NULL);
  CR_AUTO over = cr_sub(cosine, y);
  CR_AUTO slope = cr_div(over, safe);
  CR_AUTO near = sinc_slope_near_zero(a);
  CR_AUTO t = cr_where(small, near, slope, NULL);
  return cr_mul(g, t);
}

/* ---- derivatives of two ------------------------------------------------------------------- */

/* The gradient of `a`; y is f(a, b). */
#define P(name) static cr_tensor *name(cr_tensor *g, cr_tensor *a, cr_tensor *b, cr_tensor *y)

P(p_hypot) {
  UNUSED(b);
  CR_AUTO q = safe_quotient(a, y, 0);
  return cr_mul(g, q);
}

P(p_logaddexp) {
  UNUSED(y);
  CR_AUTO equal = cr_binary(CR_EQ, a, b, NULL);
  CR_AUTO infinite = cr_unary(CR_ISINF, a, NULL);
  CR_AUTO both = cr_binary(CR_LOGICAL_AND, equal, infinite, NULL);
  CR_AUTO x = replaced(both, 0, a);
  CR_AUTO z = replaced(both, 0, b);
  CR_AUTO apart = cr_sub(x, z);
  CR_AUTO t = cr_unary(CR_SIGMOID, apart, NULL);
  return cr_mul(g, t);
}

/* log b, and 0 where a is 0 and b is not positive */
P(p_xlogy) {
  UNUSED(y);
  CR_AUTO none = is_zero(a);
  CR_AUTO low = cr_binary_scalar(CR_LE, b, cr_int(0), NULL);
  CR_AUTO both = cr_binary(CR_LOGICAL_AND, none, low, NULL);
  CR_AUTO safe = replaced(both, 1, b);
  CR_AUTO l = cr_unary(CR_LOG, safe, NULL);
  return cr_mul(g, l);
}

P(p_xlogy_b) {
  UNUSED(y);
  CR_AUTO q = cr_div(a, b);
  CR_AUTO none = is_zero(a);
  CR_AUTO slope = replaced(none, 0, q);
  return cr_mul(g, slope);
}

P(p_copysign) {
  UNUSED(b);
  CR_AUTO before = cr_unary(CR_SIGN, a, NULL);
  CR_AUTO after = cr_unary(CR_SIGN, y, NULL);
  CR_AUTO turn = cr_mul(before, after);
  return cr_mul(g, turn);
}

P(p_zero) {
  UNUSED(a), UNUSED(b), UNUSED(y);
  return cr_zeros_like(g);
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct {
  const char *name;
  cr_tensor *(*one)(cr_tensor *g, cr_tensor *a, cr_tensor *y);
  cr_tensor *(*first)(cr_tensor *g, cr_tensor *a, cr_tensor *b, cr_tensor *y);
  /* The gradient of b; NULL: `first` with the operands exchanged. */
  cr_tensor *(*second)(cr_tensor *g, cr_tensor *a, cr_tensor *b, cr_tensor *y);
} table[CR_NSPECIAL] = {
    [CR_EXP2] = {"exp2", d_exp2, NULL, NULL},
    [CR_ERFINV] = {"erfinv", d_erfinv, NULL, NULL},
    [CR_I0] = {"i0", d_i0, NULL, NULL},
    [CR_I1] = {"i1", d_i1, NULL, NULL},
    [CR_SINC] = {"sinc", d_sinc, NULL, NULL},
    [CR_POLYGAMMA] = {"polygamma", NULL, NULL, NULL},
    [CR_HYPOT] = {"hypot", NULL, p_hypot, NULL},
    [CR_LOGADDEXP] = {"logaddexp", NULL, p_logaddexp, NULL},
    [CR_XLOGY] = {"xlogy", NULL, p_xlogy, p_xlogy_b},
    [CR_COPYSIGN] = {"copysign", NULL, p_copysign, p_zero},
    [CR_GCD] = {"gcd", NULL, NULL, NULL},
    [CR_LCM] = {"lcm", NULL, NULL, NULL},
};

const char *cr_special_name(cr_special_op op) {
  return table[op].name;
}

static bool one_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *y = cr_saved(n, 1);
  return a && y && (gin[0] = table[cr_attr_int(n, 0)].one(g[0], a, y));
}

static bool two_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_special_op op = (cr_special_op)cr_attr_int(n, 0);
  cr_tensor *a = cr_saved(n, 0), *b = cr_saved(n, 1), *y = cr_saved(n, 2);
  if (!a || !b || !y) return false;
  if (cr_wants(n, 0) && !(gin[0] = table[op].first(g[0], a, b, y))) return false;
  if (!cr_wants(n, 1)) return true;
  gin[1] = table[op].second ? table[op].second(g[0], a, b, y) : table[op].first(g[0], b, a, y);
  return gin[1] != NULL;
}

static bool polygamma_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  CR_AUTO next = cr_polygamma(a, cr_attr_int(n, 0) + 1);
  return (gin[0] = cr_mul(g[0], next)) != NULL;
}

static const cr_op op_polygamma = {"polygamma", "order", polygamma_backward};
static cr_op ops[CR_NSPECIAL];

__attribute__((constructor)) static void name_ops(void) {
  for (int i = 0; i < CR_NSPECIAL; i++)
    ops[i] = (cr_op){table[i].name, "code",
                     table[i].one     ? one_backward
                     : table[i].first ? two_backward
                                      : NULL};
}

/* ---- forward ------------------------------------------------------------------------------ */

static cr_tensor *compute(cr_special_op op, int n, cr_tensor *const *in, double s) {
  const char *fn = table[op].name;
  int ndim = in[0]->ndim;
  int64_t shape[CR_MAX_DIMS];
  for (int d = 0; d < ndim; d++) shape[d] = in[0]->shape[d];
  if (n == 2 && !cr_broadcast(fn, ndim, in[0]->shape, in[1]->ndim, in[1]->shape, &ndim, shape))
    return NULL;
  cr_tensor *y = cr_empty((cr_dtype)in[0]->dtype, cr_device_of(in[0]), ndim, shape);
  if (!y || !cr_numel(y)) return y;
  cr_iter it;
  cr_iter_make(&it, y, n, in);
  if (cr_backend_for(y)->special(op, &it, s) || cr_error_prefix(fn)) return y;
  cr_release(y);
  return NULL;
}

static bool common_dtype(cr_special_op op, const cr_tensor *a, const cr_tensor *b,
                         cr_dtype *dtype) {
  bool whole = op == CR_GCD || op == CR_LCM;
  cr_dtype x = (cr_dtype)a->dtype, y = b ? (cr_dtype)b->dtype : x;
  if (b && cr_is_float(x) == cr_is_float(y) && a->ndim != b->ndim) { /* a number adapts */
    if (a->ndim == 0) x = y;
    if (b->ndim == 0) y = x;
  }
  *dtype = cr_promote(x, y);
  if (whole && (cr_is_float(*dtype) || *dtype == CR_BOOL))
    return cr_fail("%s: integer tensors are wanted, got %s", table[op].name,
                   cr_dtypes[*dtype].name);
  if (!whole && !cr_is_float(*dtype)) *dtype = (cr_dtype)cr_ctx()->dtype;
  return true;
}

cr_tensor *cr_special(cr_special_op op, cr_tensor *a, cr_tensor *b) {
  cr_dtype dtype;
  bool two = op >= CR_HYPOT;
  if (!a || (two && !b) || (two && !cr_same_device(table[op].name, a, b)) ||
      !common_dtype(op, a, two ? b : NULL, &dtype))
    return NULL;
  CR_AUTO x = cr_cast(a, dtype);
  CR_AUTO z = two ? cr_cast(b, dtype) : NULL;
  if (!x || (two && !z)) return NULL;
  cr_tensor *y = compute(op, two ? 2 : 1, (cr_tensor *[]){x, z}, 0);
  if (two) return cr_record(&ops[op], y, CR_IN(x, z), CR_SAVE(x, z, y), CR_INTS(op));
  return cr_record(&ops[op], y, CR_IN(x), CR_SAVE(x, y), CR_INTS(op));
}

cr_tensor *cr_polygamma(cr_tensor *a, int64_t order) {
  cr_dtype dtype;
  if (!a || !common_dtype(CR_POLYGAMMA, a, NULL, &dtype)) return NULL;
  if (order < 0 || order > 1000)
    return cr_fail_null("polygamma: order %lld, wanted 0 to 1000", (long long)order);
  if (order == 0) return cr_unary(CR_DIGAMMA, a, NULL);
  CR_AUTO x = cr_cast(a, dtype);
  if (!x) return NULL;
  cr_tensor *y = compute(CR_POLYGAMMA, 1, &x, (double)order);
  return cr_record(&op_polygamma, y, CR_IN(x), CR_SAVE(x), CR_INTS(order));
}
