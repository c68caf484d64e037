/* unary.c: functions of one argument.
 *
 * The common ones on float32 are those of vmath.h; the rest are the C library's.  ROUND takes
 * halves away from zero, as C and Torch7 do. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/halves.h"
#include "tensor/cpu/vmath.h"
#include "tensor/functions.h"

#include <string.h>

/* ---- loops ------------------------------------------------------------------------------ */

#define LOOP(name, in_type, out_type, expr)                                                        \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const in_type *a = (const in_type *)p[1];                                                      \
    out_type *o = (out_type *)p[0];                                                                \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      in_type x = a[i];                                                                            \
      o[i] = (out_type)(expr);                                                                     \
    }                                                                                              \
    return true;                                                                                   \
  }

/* Bodies that call the C library, on vectors where it can. */
#define CALLS(name, type, expr)                                                                    \
  static void name##_groups(int64_t n, const type *a, type *o) {                                   \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i];                                                                               \
      o[i] = (type)(expr);                                                                         \
    }                                                                                              \
  }                                                                                                \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1];                                                            \
    type *o = (type *)p[0], x[CR_GROUP] = {0}, y[CR_GROUP];                                        \
    int64_t whole = n - n % CR_GROUP;                                                              \
    name##_groups(whole, a, o);                                                                    \
    if (whole == n) return true;                                                                   \
    memcpy(x, a + whole, (size_t)(n - whole) * sizeof *x);                                         \
    name##_groups(CR_GROUP, x, y);                                                                 \
    memcpy(o + whole, y, (size_t)(n - whole) * sizeof *y);                                         \
    return true;                                                                                   \
  }

/* Bodies with branches and loops. */
#define SCALARS(name, type, expr)                                                                  \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1];                                                            \
    type *o = (type *)p[0];                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i];                                                                               \
      o[i] = (type)(expr);                                                                         \
    }                                                                                              \
    return true;                                                                                   \
  }

/* The cheap functions, by a macro that makes a loop of a name and an expression. */
#define CHEAP(s, MAKE, type, to_abs, to_sqrt, to_floor, to_ceil, to_round, to_trunc)               \
  MAKE(neg, s, type, -x)                                                                           \
  MAKE(abs, s, type, to_abs(x))                                                                    \
  MAKE(sign, s, type, x != x ? x : (type)((x > 0) - (x < 0)))                                      \
  MAKE(square, s, type, x *x)                                                                      \
  MAKE(sqrt, s, type, to_sqrt(x))                                                                  \
  MAKE(rsqrt, s, type, 1 / to_sqrt(x))                                                             \
  MAKE(reciprocal, s, type, 1 / x)                                                                 \
  MAKE(relu, s, type, x < 0 ? 0 : x)                                                               \
  MAKE(floor, s, type, to_floor(x))                                                                \
  MAKE(ceil, s, type, to_ceil(x))                                                                  \
  MAKE(round, s, type, to_round(x))                                                                \
  MAKE(trunc, s, type, to_trunc(x))                                                                \
  MAKE(frac, s, type, x - to_trunc(x))

#define OWN(name, s, type, expr) LOOP(name##_##s, type, type, expr)
#define HALF(name, s, type, expr) CR_HALF_LOOP(name##_##s, s, 1, , expr)

#define FLOATS(s, type, to_abs, to_sqrt, to_floor, to_ceil, to_round, to_trunc)                    \
  CHEAP(s, OWN, type, to_abs, to_sqrt, to_floor, to_ceil, to_round, to_trunc)                      \
  LOOP(not_##s, type, uint8_t, x == 0)                                                             \
  LOOP(isnan_##s, type, uint8_t, x != x)                                                           \
  LOOP(isinf_##s, type, uint8_t, to_abs(x) == (type)INFINITY)                                      \
  LOOP(isfinite_##s, type, uint8_t, to_abs(x) < (type)INFINITY)

FLOATS(f32, float, fabsf, sqrtf, floorf, ceilf, cr_roundf_away, truncf)
FLOATS(f64, double, fabs, sqrt, floor, ceil, cr_round_away, trunc)
CHEAP(f16, HALF, float, fabsf, sqrtf, floorf, ceilf, cr_roundf_away, truncf)
CHEAP(bf16, HALF, float, fabsf, sqrtf, floorf, ceilf, cr_roundf_away, truncf)

LOOP(exp_f32, float, float, cr_vexp(x))
LOOP(expm1_f32, float, float, cr_vexpm1(x))
LOOP(log_f32, float, float, cr_vlog(x))
LOOP(log1p_f32, float, float, cr_vlog1p(x))
LOOP(tanh_f32, float, float, cr_vtanh(x))
LOOP(sigmoid_f32, float, float, cr_vsigmoid(x))
LOOP(logsigmoid_f32, float, float, cr_vlogsigmoid(x))
LOOP(softplus_f32, float, float, cr_vsoftplus(x))
LOOP(gelu_f32, float, float, cr_vgelu(x))
LOOP(silu_f32, float, float, cr_vsilu(x))
LOOP(gelutanh_f32, float, float, cr_gelu_tanh_float(x))
LOOP(mish_f32, float, float, cr_mish_float(x))
CALLS(erf_f32, float, erff(x))
CALLS(erfc_f32, float, erfcf(x))

CALLS(exp_f64, double, exp(x))
CALLS(expm1_f64, double, expm1(x))
CALLS(log_f64, double, log(x))
CALLS(log1p_f64, double, log1p(x))
CALLS(tanh_f64, double, tanh(x))
CALLS(sigmoid_f64, double, cr_sigmoid_of(x))
CALLS(logsigmoid_f64, double, -cr_softplus_of(-x))
CALLS(softplus_f64, double, cr_softplus_of(x))
CALLS(gelu_f64, double, cr_gelu_of(x))
CALLS(silu_f64, double, cr_silu_of(x))
CALLS(gelutanh_f64, double, cr_gelu_tanh_double(x))
CALLS(mish_f64, double, cr_mish_double(x))
CALLS(erf_f64, double, erf(x))
CALLS(erfc_f64, double, erfc(x))

#define BOTH_CALL(name, single, twice)                                                             \
  CALLS(name##_f32, float, single) CALLS(name##_f64, double, twice)

BOTH_CALL(log2, log2f(x), log2(x))
BOTH_CALL(log10, log10f(x), log10(x))
BOTH_CALL(sin, sinf(x), sin(x))
BOTH_CALL(cos, cosf(x), cos(x))
BOTH_CALL(tan, tanf(x), tan(x))
BOTH_CALL(asin, asinf(x), asin(x))
BOTH_CALL(acos, acosf(x), acos(x))
BOTH_CALL(atan, atanf(x), atan(x))
BOTH_CALL(sinh, sinhf(x), sinh(x))
BOTH_CALL(cosh, coshf(x), cosh(x))
BOTH_CALL(asinh, asinhf(x), asinh(x))
BOTH_CALL(acosh, acoshf(x), acosh(x))
BOTH_CALL(atanh, atanhf(x), atanh(x))
CALLS(lgamma_f32, float, cr_vlgamma(x))
SCALARS(lgamma_f64, double, cr_log_gamma(x))
SCALARS(digamma_f32, float, cr_digamma(x))
SCALARS(digamma_f64, double, cr_digamma(x))

/* Integers compute in the unsigned type of their width, where overflow wraps. */
#define INTEGERS(s, type, wide)                                                                    \
  LOOP(neg_##s, type, type, (wide)0 - (wide)x)                                                     \
  LOOP(square_##s, type, type, (wide)x *(wide)x)                                                   \
  LOOP(same_##s, type, type, x)                                                                    \
  LOOP(zero_##s, type, type, x ^ x)                                                                \
  LOOP(bitnot_##s, type, type, ~(wide)x)                                                           \
  LOOP(not_##s, type, uint8_t, x == 0)                                                             \
  LOOP(never_##s, type, uint8_t, x != x)                                                           \
  LOOP(always_##s, type, uint8_t, x == x)

#define SIGNED_INTEGERS(s, type, wide)                                                             \
  INTEGERS(s, type, wide)                                                                          \
  LOOP(abs_##s, type, type, x < 0 ? (wide)0 - (wide)x : (wide)x)                                   \
  LOOP(sign_##s, type, type, (x > 0) - (x < 0))                                                    \
  LOOP(relu_##s, type, type, x < 0 ? 0 : x)

SIGNED_INTEGERS(i8, int8_t, uint32_t)
SIGNED_INTEGERS(i16, int16_t, uint32_t)
SIGNED_INTEGERS(i32, int32_t, uint32_t)
SIGNED_INTEGERS(i64, int64_t, uint64_t)
INTEGERS(u8, uint8_t, uint32_t)

LOOP(bitnot_bool, uint8_t, uint8_t, x ^ 1)
LOOP(truth_u8, uint8_t, uint8_t, x != 0)

#define abs_u8 same_u8
#define relu_u8 same_u8
#define sign_u8 truth_u8

/* ---- the table -------------------------------------------------------------------------- */

#define CHEAP_ENTRIES(s)                                                                           \
  [CR_NEG] = neg_##s, [CR_ABS] = abs_##s, [CR_SIGN] = sign_##s, [CR_SQUARE] = square_##s,          \
  [CR_SQRT] = sqrt_##s, [CR_RSQRT] = rsqrt_##s, [CR_RECIPROCAL] = reciprocal_##s,                  \
  [CR_RELU] = relu_##s, [CR_FLOOR] = floor_##s, [CR_CEIL] = ceil_##s, [CR_ROUND] = round_##s,      \
  [CR_TRUNC] = trunc_##s, [CR_FRAC] = frac_##s

#define FLOAT_ENTRIES(s)                                                                           \
  CHEAP_ENTRIES(s),                                                                                \
      [CR_EXP] = exp_##s, [CR_EXPM1] = expm1_##s, [CR_LOG] = log_##s, [CR_LOG1P] = log1p_##s,      \
      [CR_LOG2] = log2_##s, [CR_LOG10] = log10_##s, [CR_SIN] = sin_##s, [CR_COS] = cos_##s,        \
      [CR_TAN] = tan_##s, [CR_ASIN] = asin_##s, [CR_ACOS] = acos_##s, [CR_ATAN] = atan_##s,        \
      [CR_SINH] = sinh_##s, [CR_COSH] = cosh_##s, [CR_TANH] = tanh_##s, [CR_ASINH] = asinh_##s,    \
      [CR_ACOSH] = acosh_##s, [CR_ATANH] = atanh_##s, [CR_SIGMOID] = sigmoid_##s,                  \
      [CR_LOG_SIGMOID] = logsigmoid_##s, [CR_SOFTPLUS] = softplus_##s, [CR_GELU] = gelu_##s,       \
      [CR_SILU] = silu_##s, [CR_GELU_TANH] = gelutanh_##s, [CR_MISH] = mish_##s,                   \
      [CR_ERF] = erf_##s, [CR_ERFC] = erfc_##s, [CR_LGAMMA] = lgamma_##s,                          \
      [CR_DIGAMMA] = digamma_##s, [CR_LOGICAL_NOT] = not_##s, [CR_ISNAN] = isnan_##s,              \
      [CR_ISINF] = isinf_##s, [CR_ISFINITE] = isfinite_##s

#define INT_ROW(s)                                                                                 \
  {                                                                                                \
    [CR_NEG] = neg_##s, [CR_ABS] = abs_##s, [CR_SIGN] = sign_##s, [CR_SQUARE] = square_##s,        \
    [CR_RELU] = relu_##s, [CR_FLOOR] = same_##s, [CR_CEIL] = same_##s, [CR_ROUND] = same_##s,      \
    [CR_TRUNC] = same_##s, [CR_FRAC] = zero_##s, [CR_LOGICAL_NOT] = not_##s,                       \
    [CR_BITNOT] = bitnot_##s, [CR_ISNAN] = never_##s, [CR_ISINF] = never_##s,                      \
    [CR_ISFINITE] = always_##s                                                                     \
  }

static const cr_cpu_fn table[CR_NDTYPES][CR_NUNARY] = {
    [CR_FLOAT32] = {FLOAT_ENTRIES(f32)},
    [CR_FLOAT64] = {FLOAT_ENTRIES(f64)},
    /* The other ones of halves are computed as floats. */
    [CR_FLOAT16] = {CHEAP_ENTRIES(f16)},
    [CR_BFLOAT16] = {CHEAP_ENTRIES(bf16)},
    [CR_INT8] = INT_ROW(i8),
    [CR_UINT8] = INT_ROW(u8),
    [CR_INT16] = INT_ROW(i16),
    [CR_INT32] = INT_ROW(i32),
    [CR_INT64] = INT_ROW(i64),
    [CR_BOOL] = {[CR_ABS] = truth_u8,
                 [CR_SIGN] = truth_u8,
                 [CR_SQUARE] = truth_u8,
                 [CR_RELU] = truth_u8,
                 [CR_LOGICAL_NOT] = not_u8,
                 [CR_BITNOT] = bitnot_bool,
                 [CR_FLOOR] = truth_u8,
                 [CR_CEIL] = truth_u8,
                 [CR_ROUND] = truth_u8,
                 [CR_TRUNC] = truth_u8,
                 [CR_FRAC] = zero_u8,
                 [CR_ISNAN] = never_u8,
                 [CR_ISINF] = never_u8,
                 [CR_ISFINITE] = always_u8},
};

/* From SQRT to DIGAMMA the functions are dear, but for the first few and RELU. */
static int64_t grain_of(cr_unary_op op, cr_dtype dtype) {
  if (op < CR_EXP || op > CR_DIGAMMA || op == CR_RELU) return CR_GRAIN_CHEAP;
  return dtype == CR_FLOAT64 ? CR_GRAIN_DEAR : CR_GRAIN_MATH;
}

static bool unary(cr_unary_op op, const cr_iter *it) {
  cr_dtype dtype = it->op[1].dtype;
  cr_cpu_fn own = table[dtype][op], fn = table[cr_compute_dtype(dtype)][op];
  if (own) return cr_cpu_loop_raw(it, own, NULL, grain_of(op, dtype), NULL);
  if (!fn) return cr_fail("this function is not defined on %s", cr_dtypes[dtype].name);
  return cr_cpu_loop(it, fn, NULL, grain_of(op, dtype), NULL);
}

void CR_ISA_NAME(cr_cpu_unary)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_unary)(cr_backend *b) {
  b->unary = unary;
}
