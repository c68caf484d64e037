/* unary.cu: functions of one argument, as tensor/cpu/unary.c has them. */
#include "cuda/loop.h"
#include "tensor/functions.h"

/* ---- floats ----------------------------------------------------------------------------- */

#define REAL float
#define NAME(f) f
#define EXP expf
#include "tensor/activations.inc"
#undef REAL
#undef NAME
#undef EXP

/* float16 and bfloat16 compute in float. */
#define FLOAT(name, single, twice)                                                                 \
  struct name {                                                                                    \
    __device__ float operator()(float x) const { return single; }                                  \
    __device__ double operator()(double x) const { return twice; }                                 \
  };
/* Tests, whose result is a byte. */
#define TEST(name, expr)                                                                           \
  struct name {                                                                                    \
    template <typename T> __device__ uint8_t operator()(T x) const { return expr; }                \
  };

FLOAT(neg, -x, -x)
FLOAT(absolute, fabsf(x), fabs(x))
FLOAT(sign, x != x ? x : (float)((x > 0) - (x < 0)), x != x ? x : (double)((x > 0) - (x < 0)))
FLOAT(square, x *x, x *x)
FLOAT(square_root, sqrtf(x), sqrt(x))
FLOAT(reverse_root, 1 / sqrtf(x), 1 / sqrt(x))
FLOAT(reciprocal, 1 / x, 1 / x)
FLOAT(exponential, expf(x), exp(x))
FLOAT(exponential_less_one, expm1f(x), expm1(x))
FLOAT(logarithm, logf(x), log(x))
FLOAT(logarithm_plus_one, log1pf(x), log1p(x))
FLOAT(logarithm_2, log2f(x), log2(x))
FLOAT(logarithm_10, log10f(x), log10(x))
FLOAT(sine, sinf(x), sin(x))
FLOAT(cosine, cosf(x), cos(x))
FLOAT(tangent, tanf(x), tan(x))
FLOAT(arc_sine, asinf(x), asin(x))
FLOAT(arc_cosine, acosf(x), acos(x))
FLOAT(arc_tangent, atanf(x), atan(x))
FLOAT(hyperbolic_sine, sinhf(x), sinh(x))
FLOAT(hyperbolic_cosine, coshf(x), cosh(x))
FLOAT(hyperbolic_tangent, tanhf(x), tanh(x))
FLOAT(area_sine, asinhf(x), asinh(x))
FLOAT(area_cosine, acoshf(x), acosh(x))
FLOAT(area_tangent, atanhf(x), atanh(x))
FLOAT(sigmoid, 1 / (1 + expf(-x)), cr_sigmoid_of(x))
FLOAT(softplus, (x > 0 ? x : x != x ? x : 0) + log1pf(expf(-fabsf(x))), cr_softplus_of(x))
FLOAT(log_sigmoid, (x < 0 ? x : x != x ? x : 0) - log1pf(expf(-fabsf(x))), -cr_softplus_of(-x))
FLOAT(relu, x < 0 ? 0 : x, x < 0 ? 0 : x)
FLOAT(gelu, (x < -1e30f ? -1e30f : x) * 0.5f * erfcf(-x * 0.70710678118654752f), cr_gelu_of(x))
FLOAT(silu, (x < -1e30f ? -1e30f : x) / (1 + expf(-x)), cr_silu_of(x))
FLOAT(gelu_tanh, cr_gelu_tanh(x), cr_gelu_tanh_double(x))
FLOAT(mish, cr_mish(x), cr_mish_double(x))
FLOAT(error_function, erff(x), erf(x))
FLOAT(error_function_rest, erfcf(x), erfc(x))
FLOAT(log_gamma, (float)cr_log_gamma(x), cr_log_gamma(x))
FLOAT(digamma, (float)cr_digamma(x), cr_digamma(x))
FLOAT(floor_of, floorf(x), floor(x))
FLOAT(ceil_of, ceilf(x), ceil(x))
FLOAT(round_of, cr_roundf_away(x), cr_round_away(x))
FLOAT(trunc_of, truncf(x), trunc(x))
FLOAT(fraction, x - truncf(x), x - trunc(x))
TEST(logical_not, x == 0)
TEST(is_nan, x != x)
TEST(is_infinite, x == (T)INFINITY || x == -(T)INFINITY)
TEST(is_finite, x - x == 0)

/* op, its function object.  The first have kernels of their own for dense tensors of every float
 * type, the others for those of float32 and float64. */
#define EACH_FREQUENT(X)                                                                           \
  X(CR_NEG, neg)                                                                                   \
  X(CR_ABS, absolute)                                                                              \
  X(CR_SQUARE, square)                                                                             \
  X(CR_SQRT, square_root)                                                                          \
  X(CR_RSQRT, reverse_root)                                                                        \
  X(CR_RECIPROCAL, reciprocal)                                                                     \
  X(CR_EXP, exponential)                                                                           \
  X(CR_LOG, logarithm)                                                                             \
  X(CR_SIN, sine)                                                                                  \
  X(CR_COS, cosine)                                                                                \
  X(CR_TANH, hyperbolic_tangent)                                                                   \
  X(CR_SIGMOID, sigmoid)                                                                           \
  X(CR_SOFTPLUS, softplus)                                                                         \
  X(CR_RELU, relu)                                                                                 \
  X(CR_GELU, gelu)                                                                                 \
  X(CR_SILU, silu)                                                                                 \
  X(CR_GELU_TANH, gelu_tanh)                                                                       \
  X(CR_MISH, mish)

#define EACH_RARE(X)                                                                               \
  X(CR_SIGN, sign)                                                                                 \
  X(CR_EXPM1, exponential_less_one)                                                                \
  X(CR_LOG1P, logarithm_plus_one)                                                                  \
  X(CR_LOG2, logarithm_2)                                                                          \
  X(CR_LOG10, logarithm_10)                                                                        \
  X(CR_TAN, tangent)                                                                               \
  X(CR_ASIN, arc_sine)                                                                             \
  X(CR_ACOS, arc_cosine)                                                                           \
  X(CR_ATAN, arc_tangent)                                                                          \
  X(CR_SINH, hyperbolic_sine)                                                                      \
  X(CR_COSH, hyperbolic_cosine)                                                                    \
  X(CR_ASINH, area_sine)                                                                           \
  X(CR_ACOSH, area_cosine)                                                                         \
  X(CR_ATANH, area_tangent)                                                                        \
  X(CR_LOG_SIGMOID, log_sigmoid)                                                                   \
  X(CR_ERF, error_function)                                                                        \
  X(CR_ERFC, error_function_rest)                                                                  \
  X(CR_LGAMMA, log_gamma)                                                                          \
  X(CR_DIGAMMA, digamma)                                                                           \
  X(CR_FLOOR, floor_of)                                                                            \
  X(CR_CEIL, ceil_of)                                                                              \
  X(CR_ROUND, round_of)                                                                            \
  X(CR_TRUNC, trunc_of)                                                                            \
  X(CR_FRAC, fraction)

#define EACH_TEST(X)                                                                               \
  X(CR_LOGICAL_NOT, logical_not)                                                                   \
  X(CR_ISNAN, is_nan)                                                                              \
  X(CR_ISINF, is_infinite)                                                                         \
  X(CR_ISFINITE, is_finite)

static bool undefined(const cr_iter *it) {
  return cr_fail("this function is not defined on %s", cr_dtypes[it->op[1].dtype].name);
}

/* T in memory, computed in C. */
template <typename C, typename T> static bool on_wide_floats(cr_unary_op op, const cr_iter *it) {
  switch (op) {
#define CASE(code, f)                                                                              \
  case code: return cr_loop_dense<C, T, T>(#f, it, f());
    EACH_FREQUENT(CASE)
    EACH_RARE(CASE)
#undef CASE
#define CASE(code, f)                                                                              \
  case code: return cr_loop_dense<C, uint8_t, T>(#f, it, f());
    EACH_TEST(CASE)
#undef CASE
  default: return undefined(it);
  }
}

template <typename T> static bool on_halves(cr_unary_op op, const cr_iter *it) {
  switch (op) {
#define CASE(code, f)                                                                              \
  case code: return cr_loop_dense<float, T, T>(#f, it, f());
    EACH_FREQUENT(CASE)
#undef CASE
#define CASE(code, f)                                                                              \
  case code: return cr_loop_any<float, 2>(#f, it, f());
    EACH_RARE(CASE)
    EACH_TEST(CASE)
#undef CASE
  default: return undefined(it);
  }
}

/* ---- integers and bool ------------------------------------------------------------------ */

/* In 64 bits, of which the result keeps the low ones; overflow wraps. */
#define INTEGER(name, expr)                                                                        \
  struct name {                                                                                    \
    __device__ int64_t operator()(int64_t x) const { return (int64_t)(expr); }                     \
  };

INTEGER(int_neg, 0 - (uint64_t)x)
INTEGER(int_abs, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
INTEGER(int_sign, (x > 0) - (x < 0))
INTEGER(int_square, (uint64_t)x *(uint64_t)x)
INTEGER(int_relu, x < 0 ? 0 : x)
INTEGER(int_same, x)
INTEGER(int_zero, x ^ x)
INTEGER(int_not, ~x)
INTEGER(bool_not, x ^ 1)
TEST(never, x != x)
TEST(always, x == x)

static bool on_integers(cr_unary_op op, const cr_iter *it) {
  bool is_bool = it->op[1].dtype == CR_BOOL;
  switch (op) {
  case CR_NEG: return is_bool ? undefined(it) : cr_loop_any<int64_t, 2>("neg", it, int_neg());
  case CR_ABS: return cr_loop_any<int64_t, 2>("abs", it, int_abs());
  case CR_SIGN: return cr_loop_any<int64_t, 2>("sign", it, int_sign());
  case CR_SQUARE: return cr_loop_any<int64_t, 2>("square", it, int_square());
  case CR_RELU: return cr_loop_any<int64_t, 2>("relu", it, int_relu());
  case CR_FLOOR:
  case CR_CEIL:
  case CR_ROUND:
  case CR_TRUNC: return cr_loop_any<int64_t, 2>("floor", it, int_same());
  case CR_FRAC: return cr_loop_any<int64_t, 2>("frac", it, int_zero());
  case CR_BITNOT:
    if (is_bool) return cr_loop_any<int64_t, 2>("bitnot", it, bool_not());
    return cr_loop_any<int64_t, 2>("bitnot", it, int_not());
  case CR_LOGICAL_NOT: return cr_loop_any<int64_t, 2>("logicalNot", it, logical_not());
  case CR_ISNAN:
  case CR_ISINF: return cr_loop_any<int64_t, 2>("isnan", it, never());
  case CR_ISFINITE: return cr_loop_any<int64_t, 2>("isfinite", it, always());
  default: return undefined(it);
  }
}

/* ---- the entry -------------------------------------------------------------------------- */

static bool unary(cr_unary_op op, const cr_iter *it) {
  switch (it->op[1].dtype) {
  case CR_FLOAT32: return on_wide_floats<float, float>(op, it);
  case CR_FLOAT64: return on_wide_floats<double, double>(op, it);
  case CR_FLOAT16: return on_halves<cr_f16>(op, it);
  case CR_BFLOAT16: return on_halves<cr_bf16>(op, it);
  default: return on_integers(op, it);
  }
}

void cr_cuda_fill_unary(cr_backend *b) {
  b->unary = unary;
}
