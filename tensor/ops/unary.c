/* unary.c: functions of one element: forward, derivative, and the table of them all. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>

/* ---- derivatives: g is the gradient of the result, a the input, y the result ------------ */

#define D(name) static cr_tensor *name(cr_tensor *g, cr_tensor *a, cr_tensor *y)
#define UNUSED(x) (void)(x)

static cr_tensor *num_sub(double s, cr_tensor *a) {
  return cr_scalar_binary(CR_SUB, cr_num(s), a, NULL);
}
static cr_tensor *fn(cr_unary_op op, cr_tensor *a) {
  return cr_unary(op, a, NULL);
}

D(d_zero) {
  UNUSED(a), UNUSED(y);
  return cr_zeros_like(g);
}
D(d_pass) {
  UNUSED(a), UNUSED(y);
  return cr_retain(g);
}
D(d_neg) {
  UNUSED(a), UNUSED(y);
  return cr_neg(g);
}

D(d_abs) {
  UNUSED(y);
  CR_AUTO s = fn(CR_SIGN, a);
  return cr_mul(g, s);
}

D(d_square) {
  UNUSED(y);
  CR_AUTO t = cr_mul_num(a, 2);
  return cr_mul(g, t);
}

D(d_sqrt) {
  UNUSED(a);
  CR_AUTO t = cr_mul_num(y, 2);
  return cr_div(g, t);
}

D(d_rsqrt) {
  UNUSED(a);
  CR_AUTO cube = cr_binary_scalar(CR_POW, y, cr_int(3), NULL);
  CR_AUTO t = cr_mul(g, cube);
  return cr_mul_num(t, -0.5);
}

D(d_reciprocal) {
  UNUSED(a);
  CR_AUTO s = fn(CR_SQUARE, y);
  CR_AUTO t = cr_mul(g, s);
  return cr_neg(t);
}

D(d_exp) {
  UNUSED(a);
  return cr_mul(g, y);
}

D(d_expm1) {
  UNUSED(a);
  CR_AUTO t = cr_add_num(y, 1);
  return cr_mul(g, t);
}

D(d_log) {
  UNUSED(y);
  return cr_div(g, a);
}

D(d_log1p) {
  UNUSED(y);
  CR_AUTO t = cr_add_num(a, 1);
  return cr_div(g, t);
}

D(d_log2) {
  UNUSED(y);
  CR_AUTO t = cr_mul_num(a, M_LN2);
  return cr_div(g, t);
}

D(d_log10) {
  UNUSED(y);
  CR_AUTO t = cr_mul_num(a, M_LN10);
  return cr_div(g, t);
}

D(d_sin) {
  UNUSED(y);
  CR_AUTO t = fn(CR_COS, a);
  return cr_mul(g, t);
}

D(d_cos) {
  UNUSED(y);
  CR_AUTO t = fn(CR_SIN, a);
  CR_AUTO m = cr_mul(g, t);
  return cr_neg(m);
}

D(d_tan) {
  UNUSED(a);
  CR_AUTO s = fn(CR_SQUARE, y);
  CR_AUTO t = cr_add_num(s, 1);
  return cr_mul(g, t);
}

/* g / sqrt(s*a*a + c) */
static cr_tensor *over_root(cr_tensor *g, cr_tensor *a, double s, double c) {
  CR_AUTO q = fn(CR_SQUARE, a);
  CR_AUTO m = cr_mul_num(q, s);
  CR_AUTO t = cr_add_num(m, c);
  CR_AUTO r = fn(CR_SQRT, t);
  return cr_div(g, r);
}

D(d_asin) {
  UNUSED(y);
  return over_root(g, a, -1, 1);
}
D(d_asinh) {
  UNUSED(y);
  return over_root(g, a, 1, 1);
}
D(d_acosh) {
  UNUSED(y);
  return over_root(g, a, 1, -1);
}

D(d_acos) {
  UNUSED(y);
  CR_AUTO t = over_root(g, a, -1, 1);
  return cr_neg(t);
}

D(d_atan) {
  UNUSED(y);
  CR_AUTO q = fn(CR_SQUARE, a);
  CR_AUTO t = cr_add_num(q, 1);
  return cr_div(g, t);
}

D(d_atanh) {
  UNUSED(y);
  CR_AUTO q = fn(CR_SQUARE, a);
  CR_AUTO t = num_sub(1, q);
  return cr_div(g, t);
}

D(d_sinh) {
  UNUSED(y);
  CR_AUTO t = fn(CR_COSH, a);
  return cr_mul(g, t);
}

D(d_cosh) {
  UNUSED(y);
  CR_AUTO t = fn(CR_SINH, a);
  return cr_mul(g, t);
}

/* The fused loops below are not on the tape themselves: when the gradient is going to be
 * differentiated again, the same is computed with operators. */
static cr_tensor *fused(cr_pointwise_op op, cr_tensor *g, cr_tensor *x) {
  cr_tensor *const in[] = {g, x};
  cr_tensor *out = cr_empty_like(g);
  if (!out || !cr_numel(out)) return out;
  cr_iter it;
  cr_iter_make(&it, out, 2, in);
  if (cr_backend_for(out)->pointwise(op, &it, 0, 0)) return out;
  cr_release(out);
  return NULL;
}

static bool can_fuse(cr_tensor *g, cr_tensor *x) {
  return cr_same_shape(g, x) && g->dtype == x->dtype && !cr_recording_any(g, x);
}

D(d_tanh) {
  UNUSED(a);
  if (can_fuse(g, y)) return fused(CR_TANH_BACKWARD, g, y);
  CR_AUTO q = fn(CR_SQUARE, y);
  CR_AUTO t = num_sub(1, q);
  return cr_mul(g, t);
}

D(d_sigmoid) {
  UNUSED(a);
  if (can_fuse(g, y)) return fused(CR_SIGMOID_BACKWARD, g, y);
  CR_AUTO q = num_sub(1, y);
  CR_AUTO t = cr_mul(y, q);
  return cr_mul(g, t);
}

D(d_log_sigmoid) {
  UNUSED(y);
  CR_AUTO m = cr_neg(a);
  CR_AUTO t = fn(CR_SIGMOID, m);
  return cr_mul(g, t);
}

D(d_softplus) {
  UNUSED(y);
  CR_AUTO t = fn(CR_SIGMOID, a);
  return cr_mul(g, t);
}

D(d_relu) {
  UNUSED(a);
  if (can_fuse(g, y)) return fused(CR_THRESHOLD_BACKWARD, g, y);
  CR_AUTO positive = cr_binary_scalar(CR_GT, y, cr_int(0), NULL);
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_int(0));
  return cr_where(positive, g, zero, NULL);
}

/* Exact gelu: x * Phi(x), whose derivative is Phi(x) + x * phi(x). */
D(d_gelu) {
  UNUSED(y);
  if (can_fuse(g, a)) return fused(CR_GELU_BACKWARD, g, a);
  CR_AUTO scaled = cr_mul_num(a, M_SQRT1_2);
  CR_AUTO erf = fn(CR_ERF, scaled);
  CR_AUTO one_plus = cr_add_num(erf, 1);
  CR_AUTO cdf = cr_mul_num(one_plus, 0.5);
  CR_AUTO q = fn(CR_SQUARE, a);
  CR_AUTO h = cr_mul_num(q, -0.5);
  CR_AUTO e = fn(CR_EXP, h);
  CR_AUTO pdf = cr_mul_num(e, M_2_SQRTPI * M_SQRT1_2 / 2);
  CR_AUTO rest = cr_mul(a, pdf);
  CR_AUTO t = cr_add(cdf, rest);
  return cr_mul(g, t);
}

/* s + a*s*(1-s) with s = sigmoid(a) */
D(d_silu) {
  UNUSED(y);
  if (can_fuse(g, a)) return fused(CR_SILU_BACKWARD, g, a);
  CR_AUTO s = fn(CR_SIGMOID, a);
  CR_AUTO r = num_sub(1, s);
  CR_AUTO as = cr_mul(a, s);
  CR_AUTO m = cr_mul(as, r);
  CR_AUTO t = cr_add(s, m);
  return cr_mul(g, t);
}

/* gelu by tanh is a*s with s = sigmoid(u), u = 2 sqrt(2/pi) (a + 0.044715 a^3) */
D(d_gelu_tanh) {
  UNUSED(y);
  if (can_fuse(g, a)) return fused(CR_GELU_TANH_BACKWARD, g, a);
  CR_AUTO q = fn(CR_SQUARE, a);
  CR_AUTO scaled = cr_mul_num(q, 0.044715);
  CR_AUTO plus = cr_add_num(scaled, 1);
  CR_AUTO product = cr_mul(a, plus);
  CR_AUTO u = cr_mul_num(product, M_2_SQRTPI * M_SQRT2);
  CR_AUTO s = fn(CR_SIGMOID, u);
  CR_AUTO r = num_sub(1, s);
  CR_AUTO as = cr_mul(a, s);
  CR_AUTO asr = cr_mul(as, r);
  CR_AUTO thrice = cr_mul_num(q, 3 * 0.044715);
  CR_AUTO slope = cr_add_num(thrice, 1);
  CR_AUTO du = cr_mul_num(slope, M_2_SQRTPI * M_SQRT2);
  CR_AUTO m = cr_mul(asr, du);
  CR_AUTO t = cr_add(s, m);
  return cr_mul(g, t);
}

/* t + a (1 - t^2) sigmoid(a) with t = tanh(softplus(a)) */
D(d_mish) {
  UNUSED(y);
  if (can_fuse(g, a)) return fused(CR_MISH_BACKWARD, g, a);
  CR_AUTO p = fn(CR_SOFTPLUS, a);
  CR_AUTO th = fn(CR_TANH, p);
  CR_AUTO s = fn(CR_SIGMOID, a);
  CR_AUTO q = fn(CR_SQUARE, th);
  CR_AUTO r = num_sub(1, q);
  CR_AUTO as = cr_mul(a, s);
  CR_AUTO m = cr_mul(as, r);
  CR_AUTO t = cr_add(th, m);
  return cr_mul(g, t);
}

D(d_erf) {
  UNUSED(y);
  CR_AUTO q = fn(CR_SQUARE, a);
  CR_AUTO m = cr_neg(q);
  CR_AUTO e = fn(CR_EXP, m);
  CR_AUTO t = cr_mul_num(e, M_2_SQRTPI);
  return cr_mul(g, t);
}

D(d_erfc) {
  CR_AUTO t = d_erf(g, a, y);
  return cr_neg(t);
}

D(d_lgamma) {
  UNUSED(y);
  CR_AUTO t = fn(CR_DIGAMMA, a);
  return cr_mul(g, t);
}

D(d_digamma) {
  UNUSED(y);
  CR_AUTO t = cr_polygamma(a, 1);
  return cr_mul(g, t);
}

/* ---- the table -------------------------------------------------------------------------- */

typedef enum { INPUT = 1, RESULT = 2 } needs;

static const struct {
  const char *name;
  bool makes_float; /* integers become the default float type */
  bool makes_bool;
  int needs;
  cr_tensor *(*derivative)(cr_tensor *g, cr_tensor *a, cr_tensor *y);
} table[CR_NUNARY] = {
    [CR_NEG] = {"neg", 0, 0, 0, d_neg},
    [CR_ABS] = {"abs", 0, 0, INPUT, d_abs},
    [CR_SIGN] = {"sign", 0, 0, 0, d_zero},
    [CR_SQUARE] = {"square", 0, 0, INPUT, d_square},
    [CR_SQRT] = {"sqrt", 1, 0, RESULT, d_sqrt},
    [CR_RSQRT] = {"rsqrt", 1, 0, RESULT, d_rsqrt},
    [CR_RECIPROCAL] = {"cinv", 1, 0, RESULT, d_reciprocal},
    [CR_EXP] = {"exp", 1, 0, RESULT, d_exp},
    [CR_EXPM1] = {"expm1", 1, 0, RESULT, d_expm1},
    [CR_LOG] = {"log", 1, 0, INPUT, d_log},
    [CR_LOG1P] = {"log1p", 1, 0, INPUT, d_log1p},
    [CR_LOG2] = {"log2", 1, 0, INPUT, d_log2},
    [CR_LOG10] = {"log10", 1, 0, INPUT, d_log10},
    [CR_SIN] = {"sin", 1, 0, INPUT, d_sin},
    [CR_COS] = {"cos", 1, 0, INPUT, d_cos},
    [CR_TAN] = {"tan", 1, 0, RESULT, d_tan},
    [CR_ASIN] = {"asin", 1, 0, INPUT, d_asin},
    [CR_ACOS] = {"acos", 1, 0, INPUT, d_acos},
    [CR_ATAN] = {"atan", 1, 0, INPUT, d_atan},
    [CR_SINH] = {"sinh", 1, 0, INPUT, d_sinh},
    [CR_COSH] = {"cosh", 1, 0, INPUT, d_cosh},
    [CR_TANH] = {"tanh", 1, 0, RESULT, d_tanh},
    [CR_ASINH] = {"asinh", 1, 0, INPUT, d_asinh},
    [CR_ACOSH] = {"acosh", 1, 0, INPUT, d_acosh},
    [CR_ATANH] = {"atanh", 1, 0, INPUT, d_atanh},
    [CR_SIGMOID] = {"sigmoid", 1, 0, RESULT, d_sigmoid},
    [CR_LOG_SIGMOID] = {"logSigmoid", 1, 0, INPUT, d_log_sigmoid},
    [CR_SOFTPLUS] = {"softplus", 1, 0, INPUT, d_softplus},
    [CR_RELU] = {"relu", 0, 0, RESULT, d_relu},
    [CR_GELU] = {"gelu", 1, 0, INPUT, d_gelu},
    [CR_SILU] = {"silu", 1, 0, INPUT, d_silu},
    [CR_GELU_TANH] = {"geluTanh", 1, 0, INPUT, d_gelu_tanh},
    [CR_MISH] = {"mish", 1, 0, INPUT, d_mish},
    [CR_ERF] = {"erf", 1, 0, INPUT, d_erf},
    [CR_ERFC] = {"erfc", 1, 0, INPUT, d_erfc},
    [CR_LGAMMA] = {"lgamma", 1, 0, INPUT, d_lgamma},
    [CR_DIGAMMA] = {"digamma", 1, 0, INPUT, d_digamma},
    [CR_FLOOR] = {"floor", 0, 0, 0, d_zero},
    [CR_CEIL] = {"ceil", 0, 0, 0, d_zero},
    [CR_ROUND] = {"round", 0, 0, 0, d_zero},
    [CR_TRUNC] = {"trunc", 0, 0, 0, d_zero},
    [CR_FRAC] = {"frac", 0, 0, 0, d_pass},
    [CR_LOGICAL_NOT] = {"logicalNot", 0, 1, 0, NULL},
    [CR_BITNOT] = {"bitnot", 0, 0, 0, NULL},
    [CR_ISNAN] = {"isnan", 0, 1, 0, NULL},
    [CR_ISINF] = {"isinf", 0, 1, 0, NULL},
    [CR_ISFINITE] = {"isfinite", 0, 1, 0, NULL},
};

const char *cr_unary_name(cr_unary_op op) {
  return table[op].name;
}

cr_tensor *cr_unary_derivative(cr_unary_op op, cr_tensor *g, cr_tensor *x, cr_tensor *y) {
  if (!table[op].derivative) return cr_fail_null("%s has no derivative", table[op].name);
  return table[op].derivative(g, x, y);
}

static bool unary_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_unary_op op = (cr_unary_op)cr_attr_int(n, 0);
  if (!table[op].derivative) return cr_fail("%s has no derivative", table[op].name);
  cr_tensor *x = NULL;
  if (table[op].needs && !(x = cr_saved(n, 0))) return false;
  bool result = table[op].needs == RESULT;
  gin[0] = table[op].derivative(g[0], result ? NULL : x, result ? x : NULL);
  return gin[0] != NULL;
}

/* One cr_op a function, so that each has its own name on the tape. */
static cr_op ops[CR_NUNARY];

__attribute__((constructor)) static void name_ops(void) {
  for (int i = 0; i < CR_NUNARY; i++) ops[i] = (cr_op){table[i].name, "code", unary_backward};
}

/* ---- forward ---------------------------------------------------------------------------- */

static cr_tensor *compute(cr_unary_op op, cr_tensor *a, cr_dtype dtype, cr_tensor *out) {
  cr_tensor *y =
      cr_result_like(table[op].name, out, dtype, cr_device_of(a), a->ndim, a->shape, 1, &a);
  if (!y || !cr_numel(y)) return y;
  cr_iter it;
  cr_iter_make(&it, y, 1, &a);
  if (cr_backend_for(y)->unary(op, &it) || cr_error_prefix(table[op].name)) return y;
  cr_release(y);
  return NULL;
}

cr_tensor *cr_unary(cr_unary_op op, cr_tensor *a, cr_tensor *out) {
  if (!a) return NULL;
  cr_dtype dtype = (cr_dtype)a->dtype;
  if (table[op].makes_float && !cr_is_float(dtype)) {
    CR_AUTO f = cr_cast(a, (cr_dtype)cr_ctx()->dtype);
    return cr_into(table[op].name, out, cr_unary(op, f, NULL));
  }
  if (op == CR_BITNOT && cr_is_float(dtype))
    return cr_fail_null("%s: an integer tensor is wanted, got %s", table[op].name,
                        cr_dtypes[dtype].name);
  if (table[op].makes_bool) dtype = CR_BOOL;
  if (out && (out->dtype != dtype || cr_overlaps(out, a))) {
    CR_AUTO kept = cr_recording(1, &a) ? cr_keep(a, out) : cr_retain(a);
    return cr_into(table[op].name, out, cr_unary(op, kept, NULL));
  }
  if (table[op].needs == 0)
    return cr_record(&ops[op], compute(op, a, dtype, out), CR_IN(a), CR_INTS(op));
  if (table[op].needs == RESULT) {
    cr_tensor *y = compute(op, a, dtype, out);
    return cr_record(&ops[op], y, CR_IN(a), CR_SAVE(y), CR_INTS(op));
  }
  CR_AUTO kept = cr_recording(1, &a) ? cr_keep(a, out) : cr_retain(a);
  if (!kept) return NULL;
  cr_tensor *y = compute(op, a, dtype, out);
  return cr_record(&ops[op], y, CR_IN(kept), CR_SAVE(kept), CR_INTS(op));
}
