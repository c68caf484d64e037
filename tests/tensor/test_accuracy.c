/* test_accuracy.c: how far the vectorised functions are from the C library's long doubles, over the
 * whole range of their arguments: numbers spread evenly over all bit patterns, so that every
 * exponent is met, infinities and NaN among them. */
#include "tensor/half.h"
#include "tests/tensor/kernels.h"

#include <float.h>

typedef long double wide;

/* ---- references ------------------------------------------------------------------------- */

static wide sigmoid_of(wide x) {
  return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}
static wide softplus_of(wide x) {
  return isnan(x) ? x : (x > 0 ? x : 0) + log1pl(expl(-fabsl(x)));
}
static wide logsigmoid_of(wide x) {
  return -softplus_of(-x);
}
/* Where a factor of x is so small that the product is 0 for any finite x. */
static wide held(wide x) {
  return x < -1e6L ? -1e6L : x;
}
static wide normal_of(wide x) {
  return erfcl(-x * 0.707106781186547524400844362104849039L) / 2;
}
static wide density_of(wide x) {
  return 0.398942280401432677939946059934381868L * expl(-x * x / 2);
}
static wide gelu_of(wide x) {
  return held(x) * normal_of(x);
}
static wide gelu_slope_of(wide x) {
  wide c = fminl(fmaxl(x, -1e6L), 1e6L);
  return isnan(x) ? x : normal_of(c) + c * density_of(c);
}
static wide silu_of(wide x) {
  return held(x) * sigmoid_of(x);
}
static wide silu_slope_of(wide x) {
  wide c = fminl(fmaxl(x, -1e6L), 1e6L), s = sigmoid_of(c);
  return isnan(x) ? x : s + c * s * sigmoid_of(-c);
}
/* x + 0.044715 x^3 times 2 sqrt(2 / pi), and its derivative */
#define TWICE_SQRT 1.59576912160573071175978423973752747L
static wide gelu_tanh_of(wide x) {
  wide c = fminl(fmaxl(x, -1e6L), 1e6L);
  return isnan(x) ? x : held(x) * sigmoid_of(TWICE_SQRT * (c + 0.044715L * c * c * c));
}
static wide gelu_tanh_slope_of(wide x) {
  wide c = fminl(fmaxl(x, -1e6L), 1e6L), u = TWICE_SQRT * (c + 0.044715L * c * c * c);
  wide s = sigmoid_of(u), slope = TWICE_SQRT * (1 + 3 * 0.044715L * c * c);
  return isnan(x) ? x : s + c * s * sigmoid_of(-u) * slope;
}
/* tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2) */
static wide tanh_softplus(wide x) {
  wide e = expl(x);
  return x > 100 ? 1 : e * (e + 2) / (e * (e + 2) + 2);
}
static wide mish_of(wide x) {
  return held(x) * tanh_softplus(x);
}
static wide mish_slope_of(wide x) {
  wide c = fminl(fmaxl(x, -1e6L), 1e6L), t = tanh_softplus(c);
  return isnan(x) ? x : t + c * (1 - t) * (1 + t) * sigmoid_of(c);
}

/* ---- the errors ------------------------------------------------------------------------- */

/* In units of the last place of the nearest number of the type. */
static double units_off(cr_dtype t, double got, wide want) {
  if (isnan(want)) return isnan(got) ? 0 : INFINITY;
  double most = t == CR_FLOAT32 ? FLT_MAX : DBL_MAX;
  if (isinf(got)) return fabsl(want) > (wide)most * 0.9999999L && got * want > 0 ? 0 : INFINITY;
  if (isinf(want)) return INFINITY;
  double w = t == CR_FLOAT32 ? (float)want : (double)want;
  if (got == w) return 0;
  if (isinf(w)) w = copysign(most, w);
  double unit = t == CR_FLOAT32 ? (double)nextafterf(fabsf((float)w), INFINITY) - fabs(w)
                                : nextafter(fabs(w), INFINITY) - fabs(w);
  if (isinf(unit)) unit = t == CR_FLOAT32 ? 0x1p104 : 0x1p971;
  return (double)(fabsl(got - want) / unit);
}

/* Arguments at a time, and how many there are of each type. */
#define PIECE 4096
#define FLOATS (1 << 18)
#define DOUBLES (1 << 16)

/* The bits of a number's argument k of n, evenly spread; an odd factor shuffles the low ones. */
static double argument(cr_dtype t, uint64_t k, uint64_t n) {
  if (t == CR_FLOAT32) {
    uint32_t bits = (uint32_t)(k * ((UINT64_C(1) << 32) / n)) + (uint32_t)(k * 2654435761u % 4096u);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
  }
  uint64_t bits = k * (UINT64_MAX / n) + k * 0x9e3779b97f4a7c15u % (UINT64_C(1) << 46);
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

typedef struct {
  const char *name;
  cr_unary_op op;
  wide (*of)(wide);
  double floats, doubles; /* units off at most */
  double tiny[2];         /* results below these need no more than the error of these */
  bool special;           /* op is a cr_special_op */
} unary_case;

static const unary_case unary_cases[] = {
    {"exp", CR_EXP, expl, 2, 4, {0, 0}, false},
    {"expm1", CR_EXPM1, expm1l, 3, 4, {0, 0}, false},
    {"log", CR_LOG, logl, 2, 4, {0, 0}, false},
    {"log1p", CR_LOG1P, log1pl, 3, 4, {0, 0}, false},
    {"log2", CR_LOG2, log2l, 4, 4, {0, 0}, false},
    {"log10", CR_LOG10, log10l, 4, 4, {0, 0}, false},
    {"sin", CR_SIN, sinl, 4, 4, {0, 0}, false},
    {"cos", CR_COS, cosl, 4, 4, {0, 0}, false},
    {"tan", CR_TAN, tanl, 4, 4, {0, 0}, false},
    {"asin", CR_ASIN, asinl, 4, 4, {0, 0}, false},
    {"acos", CR_ACOS, acosl, 4, 4, {0, 0}, false},
    {"atan", CR_ATAN, atanl, 4, 4, {0, 0}, false},
    {"sinh", CR_SINH, sinhl, 4, 4, {0, 0}, false},
    {"cosh", CR_COSH, coshl, 4, 4, {0, 0}, false},
    {"tanh", CR_TANH, tanhl, 4, 4, {0, 0}, false},
    {"asinh", CR_ASINH, asinhl, 4, 4, {0, 0}, false},
    {"acosh", CR_ACOSH, acoshl, 4, 4, {0, 0}, false},
    {"atanh", CR_ATANH, atanhl, 4, 4, {0, 0}, false},
    {"erf", CR_ERF, erfl, 4, 4, {0, 0}, false},
    {"erfc", CR_ERFC, erfcl, 4, 4, {1.2e-38, 2.3e-308}, false},
    {"lgamma", CR_LGAMMA, lgammal, 1, 6, {1e-6, 1e-6}, false},
    {"sigmoid", CR_SIGMOID, sigmoid_of, 4, 4, {1.2e-38, 2.3e-308}, false},
    {"log sigmoid", CR_LOG_SIGMOID, logsigmoid_of, 4, 4, {1.2e-38, 2.3e-308}, false},
    {"softplus", CR_SOFTPLUS, softplus_of, 4, 4, {1.2e-38, 2.3e-308}, false},
    {"gelu", CR_GELU, gelu_of, 8, 8, {1.2e-37, 1e-307}, false},
    {"silu", CR_SILU, silu_of, 4, 5, {1.5e-36, 1e-305}, false},
    {"gelu by tanh", CR_GELU_TANH, gelu_tanh_of, 256, 2048, {1e-36, 1e-305}, false},
    {"mish", CR_MISH, mish_of, 4, 6, {1.5e-36, 1e-305}, false},
    {"exp2", (cr_unary_op)CR_EXP2, exp2l, 2, 2, {0, 0}, true},
};

static void sweep(const unary_case *c, cr_dtype t) {
  uint64_t n = t == CR_FLOAT32 ? FLOATS : DOUBLES;
  double worst = 0, at = 0, bound = t == CR_FLOAT32 ? c->floats : c->doubles;
  double tiny = c->tiny[t == CR_FLOAT64];
  int64_t size[] = {PIECE};
  cr_tensor *in = make(t, CONTIGUOUS, 1, size), *out = make(t, CONTIGUOUS, 1, size);
  cr_iter it;
  cr_iter_make(&it, out, 1, &in);
  for (uint64_t k = 0; k < n; k += PIECE) {
    for (int64_t i = 0; i < PIECE; i++) put(in, i, cr_num(argument(t, k + (uint64_t)i, n)));
    assert_true(c->special ? cpu->special((cr_special_op)c->op, &it, 0) : cpu->unary(c->op, &it));
    for (int64_t i = 0; i < PIECE; i++) {
      double x = get(in, i), got = get(out, i);
      wide want = c->of(x);
      if (fabsl(want) < tiny && fabsl(got - want) <= tiny * 1e-6) continue;
      double off = units_off(t, got, want);
      if (off > worst) worst = off, at = x;
    }
  }
  cr_release(in);
  cr_release(out);
  print_message("  %s of %s: %.2f units at %g\n", c->name, cr_dtypes[t].name, worst, at);
  if (worst > bound)
    fail_msg("%s of %.17g is %g units off, %g are allowed", c->name, at, worst, bound);
}

static void test_functions(void **unused) {
  (void)unused;
  for (size_t k = 0; k < sizeof unary_cases / sizeof *unary_cases; k++) {
    sweep(&unary_cases[k], CR_FLOAT32);
    sweep(&unary_cases[k], CR_FLOAT64);
  }
}

/* The inverse of erf over (-1, 1): what it is off by is what erf of it misses, over erf's slope. */
static void test_erfinv(void **unused) {
  (void)unused;
  double worst = 0, at = 0;
  int64_t size[] = {PIECE};
  cr_tensor *in = make(CR_FLOAT32, CONTIGUOUS, 1, size);
  cr_tensor *out = make(CR_FLOAT32, CONTIGUOUS, 1, size);
  cr_iter it;
  cr_iter_make(&it, out, 1, &in);
  for (uint64_t k = 0; k < FLOATS; k += PIECE) {
    for (int64_t i = 0; i < PIECE; i++)
      put(in, i, cr_num(argument(CR_FLOAT32, k + (uint64_t)i, FLOATS)));
    for (int64_t i = 0; i < PIECE; i += 4) /* many beside 1, and between 0.1 and 1 */
      put(in, i, cr_num(i % 8 ? 1 - (double)(k + (uint64_t)i) * 0x1p-24 : (double)i / PIECE));
    assert_true(cpu->special(CR_ERFINV, &it, 0));
    for (int64_t i = 0; i < PIECE; i++) {
      double y = get(in, i), x = get(out, i);
      if (fabs(y) > 1 || isnan(y)) assert_true(isnan(x));
      if (fabs(y) == 1) assert_true(x == y * INFINITY);
      if (!(fabs(y) < 1) || fabs(y) < 0x1p-120) continue;
      wide miss = fabs(y) < 0.5 ? erfl(x) - y : copysignl(1 - fabsl(y) - erfcl(fabs(x)), y);
      wide slope = 1.12837916709551257389615890312154517L * expl(-(wide)x * x);
      double off = units_off(CR_FLOAT32, x, x - miss / slope);
      if (!(off <= worst)) worst = off, at = y;
    }
  }
  cr_release(in);
  cr_release(out);
  print_message("  erfinv of float32: %.2f units at %g\n", worst, at);
  if (!(worst <= 3)) fail_msg("erfinv of %.17g is %g units off", at, worst);
}

/* The slopes of activations, which cross zero: the error beside 1. */
static void test_slopes(void **unused) {
  (void)unused;
  static const struct {
    const char *name;
    cr_pointwise_op op;
    wide (*of)(wide);
  } cases[] = {{"gelu's", CR_GELU_BACKWARD, gelu_slope_of},
               {"silu's", CR_SILU_BACKWARD, silu_slope_of},
               {"gelu's by tanh", CR_GELU_TANH_BACKWARD, gelu_tanh_slope_of},
               {"mish's", CR_MISH_BACKWARD, mish_slope_of}};
  for (int k = 0; k < 8; k++) {
    cr_dtype t = k % 2 ? CR_FLOAT64 : CR_FLOAT32;
    double worst = 0, at = 0, unit = t == CR_FLOAT32 ? 0x1p-23 : 0x1p-52;
    int64_t size[] = {PIECE};
    cr_tensor *in = make(t, CONTIGUOUS, 1, size), *out = make(t, CONTIGUOUS, 1, size);
    cr_tensor *one = make(t, CONTIGUOUS, 1, size);
    for (int64_t i = 0; i < PIECE; i++) put(one, i, cr_num(1));
    cr_iter it;
    cr_iter_make(&it, out, 2, (cr_tensor *[]){one, in});
    for (uint64_t j = 0; j < DOUBLES; j += PIECE) {
      for (int64_t i = 0; i < PIECE; i++) put(in, i, cr_num(argument(t, j + (uint64_t)i, DOUBLES)));
      assert_true(cpu->pointwise(cases[k / 2].op, &it, 0, 0));
      for (int64_t i = 0; i < PIECE; i++) {
        wide want = cases[k / 2].of(get(in, i));
        double got = get(out, i);
        double off = isnan(want) ? isnan(got) ? 0 : INFINITY : (double)fabsl(got - want) / unit;
        if (!(off <= worst)) worst = off, at = get(in, i);
      }
    }
    cr_release(in);
    cr_release(out);
    cr_release(one);
    print_message("  slope of %s, %s: %.2f at %g\n", cases[k / 2].name, cr_dtypes[t].name, worst,
                  at);
    if (!(worst <= 4)) fail_msg("the slope of %s at %.17g is %g off", cases[k / 2].name, at, worst);
  }
}

/* ---- two arguments ---------------------------------------------------------------------- */

static wide remainder_of(wide x, wide y) {
  wide r = fmodl(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static wide logaddexp_of(wide x, wide y) {
  if (isnan(x) || isnan(y)) return NAN;
  wide high = fmaxl(x, y);
  return isinf(high) ? high : high + log1pl(expl(-fabsl(x - y)));
}
static wide xlogy_of(wide x, wide y) {
  return x == 0 && !isnan(y) ? 0 : x * logl(y);
}

typedef struct {
  const char *name;
  int op; /* a cr_binary_op, or a cr_special_op */
  wide (*of)(wide, wide);
  double bound;
  bool special;
  bool beside; /* the error is that of a number as large as the larger argument: results may cancel
                */
} binary_case;

/* Arguments of a like size, or all over the range. */
static double second(cr_dtype t, const binary_case *c, double x, uint64_t k, uint64_t n) {
  double y = argument(t, (k * 7919) % n, n);
  if (k % 4 == 0) return y;
  double near = ((double)(k % 2001) - 1000) / 97;
  if (c->of == powl) return near * (fabs(x) > 1e-3 && fabs(x) < 1e3 ? 4 : 0.1);
  return c->of == logaddexp_of ? x + near : x * near;
}

static double binary_off(const binary_case *c, cr_dtype t, double x, double y, double got) {
  wide want = c->of(x, y);
  if (!c->beside || !isfinite(x) || !isfinite(y)) return units_off(t, got, want);
  return (double)(fabsl(got - want) / fmaxl(fmaxl(fabs(x), fabs(y)), fabsl(want))) *
         (t == CR_FLOAT32 ? 0x1p23 : 0x1p52);
}

static void sweep_two(const binary_case *c, cr_dtype t) {
  double worst = 0, at[2] = {0};
  int64_t size[] = {PIECE};
  cr_tensor *x = make(t, CONTIGUOUS, 1, size), *y = make(t, CONTIGUOUS, 1, size);
  cr_tensor *out = make(t, CONTIGUOUS, 1, size);
  cr_iter it;
  cr_iter_make(&it, out, 2, (cr_tensor *[]){x, y});
  for (uint64_t j = 0; j < DOUBLES; j += PIECE) {
    for (int64_t i = 0; i < PIECE; i++) {
      put(x, i, cr_num(argument(t, j + (uint64_t)i, DOUBLES)));
      put(y, i, cr_num(second(t, c, get(x, i), j + (uint64_t)i, DOUBLES)));
    }
    assert_true(c->special ? cpu->special((cr_special_op)c->op, &it, 0)
                           : cpu->binary((cr_binary_op)c->op, &it));
    for (int64_t i = 0; i < PIECE; i++) {
      double off = binary_off(c, t, get(x, i), get(y, i), get(out, i));
      if (!(off <= worst)) worst = off, at[0] = get(x, i), at[1] = get(y, i);
    }
  }
  cr_release(x);
  cr_release(y);
  cr_release(out);
  print_message("  %s of %s: %.2f units at %g, %g\n", c->name, cr_dtypes[t].name, worst, at[0],
                at[1]);
  if (!(worst <= c->bound))
    fail_msg("%s of %.17g and %.17g is %g units off", c->name, at[0], at[1], worst);
}

static void test_functions_of_two(void **unused) {
  (void)unused;
  static const binary_case cases[] = {
      {"pow", CR_POW, powl, 4, false, false},
      {"atan2", CR_ATAN2, atan2l, 4, false, false},
      {"fmod", CR_FMOD, fmodl, 0, false, false},
      {"remainder", CR_REMAINDER, remainder_of, 0.51, false, false},
      {"hypot", CR_HYPOT, hypotl, 2, true, false},
      {"logaddexp", CR_LOGADDEXP, logaddexp_of, 2, true, true},
      {"xlogy", CR_XLOGY, xlogy_of, 4, true, false},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    sweep_two(&cases[k], CR_FLOAT32);
    sweep_two(&cases[k], CR_FLOAT64);
  }
}

/* Of all pairs of special numbers, with the sign. */
static void check_powers(cr_dtype t) {
  static const double of[] = {
      0, -0.0, 1,    -1,    0.5, -0.5, 2,   -2,       3,         -3,
      7, -7,   1e30, -1e30, 2.5, -2.5, NAN, INFINITY, -INFINITY, 9007199254740993.0};
  enum { N = sizeof of / sizeof *of };
  int64_t size[] = {N * N};
  cr_tensor *x = make(t, CONTIGUOUS, 1, size), *y = make(t, CONTIGUOUS, 1, size);
  cr_tensor *out = make(t, CONTIGUOUS, 1, size);
  for (int i = 0; i < N * N; i++) put(x, i, cr_num(of[i / N])), put(y, i, cr_num(of[i % N]));
  cr_iter it;
  cr_iter_make(&it, out, 2, (cr_tensor *[]){x, y});
  assert_true(cpu->binary(CR_POW, &it));
  for (int i = 0; i < N * N; i++) {
    double a = get(x, i), b = get(y, i), got = get(out, i);
    wide want = t == CR_FLOAT32 ? powf((float)a, (float)b) : pow(a, b);
    if (!(units_off(t, got, want) <= 4) || (!isnan(want) && !signbit(got) != !signbit(want)))
      fail_msg("%g to the power %g is %g, wanted %Lg", a, b, got, want);
  }
  cr_release(x);
  cr_release(y);
  cr_release(out);
}

static void test_powers(void **unused) {
  (void)unused;
  check_powers(CR_FLOAT32);
  check_powers(CR_FLOAT64);
}

/* ---- halves ----------------------------------------------------------------------------- */

/* Every bit pattern, and a last group that is not full. */
#define PATTERNS (65536 + 13)

static uint16_t pattern(int64_t i, int64_t factor) {
  return (uint16_t)((uint64_t)i * (uint64_t)factor);
}

static float as_float(cr_dtype t, uint16_t h) {
  return t == CR_FLOAT16 ? cr_f16_to_float(h) : cr_bf16_to_float(h);
}

/* What floats give, rounded once. */
static void expect_rounded(cr_dtype t, const char *name, uint16_t got, float x, float y, float r) {
  uint16_t want = t == CR_FLOAT16 ? cr_float_to_f16(r) : cr_float_to_bf16(r);
  if (r != r ? as_float(t, got) == as_float(t, got) : got != want)
    fail_msg("%s %s of %g and %g is %04x, wanted %04x", cr_dtypes[t].name, name, x, y, got, want);
}

static void check_halves(cr_dtype t) {
  int64_t size[] = {PATTERNS};
  cr_tensor *x = make(t, CONTIGUOUS, 1, size), *y = make(t, CONTIGUOUS, 1, size);
  cr_tensor *out = make(t, CONTIGUOUS, 1, size);
  uint16_t *a = cr_data(x), *b = cr_data(y), *o = cr_data(out), third = 0x3eab;
  cr_iter both, one, last, first;
  for (int64_t i = 0; i < PATTERNS; i++) a[i] = pattern(i, 1), b[i] = pattern(i, 40503);
  cr_iter_make(&both, out, 2, (cr_tensor *[]){x, y});
  cr_iter_make(&one, out, 1, &x);
  cr_iter_make(&last, out, 1, &x);
  cr_iter_scalar(&last, t, &third);
  cr_iter_make(&first, out, 0, NULL);
  cr_iter_scalar(&first, t, &third);
  first.op[first.nops++] = both.op[2];
#define EACH(name, call, expr)                                                                     \
  assert_true(call);                                                                               \
  for (int64_t i = 0; i < PATTERNS; i++) {                                                         \
    float u = as_float(t, a[i]), v = as_float(t, b[i]), s = as_float(t, third);                    \
    (void)s;                                                                                       \
    expect_rounded(t, name, o[i], u, v, expr);                                                     \
  }
  EACH("sum", cpu->binary(CR_ADD, &both), u + v)
  EACH("product", cpu->binary(CR_MUL, &both), u * v)
  EACH("quotient", cpu->binary(CR_DIV, &both), u / v)
  EACH("larger", cpu->binary(CR_MAX, &both), u != u || v != v ? NAN : u > v ? u : v)
  EACH("difference from a number", cpu->binary(CR_SUB, &last), u - s)
  EACH("difference of a number", cpu->binary(CR_SUB, &first), s - v)
  EACH("root", cpu->unary(CR_SQRT, &one), sqrtf(u))
  EACH("relu", cpu->unary(CR_RELU, &one), u < 0 ? 0 : u)
  EACH("clamped", cpu->pointwise(CR_CLAMP, &one, -1, 2), u < -1 ? -1 : u > 2 ? 2 : u)
#undef EACH
  cr_release(x);
  cr_release(y);
  cr_release(out);
}

static void test_halves(void **unused) {
  (void)unused;
  check_halves(CR_FLOAT16);
  check_halves(CR_BFLOAT16);
}

/* Without wider numbers than doubles there is nothing to compare with, as under valgrind. */
static bool has_wide(void) {
  volatile wide one = 1, little = 0x1p-60L;
  return one + little != one;
}

static int run(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_functions), cmocka_unit_test(test_erfinv),
      cmocka_unit_test(test_slopes),    cmocka_unit_test(test_functions_of_two),
      cmocka_unit_test(test_powers),    cmocka_unit_test(test_halves),
  };
  if (!has_wide()) return 0;
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) {
  (void)argc;
  return run_each_isa(argv, run);
}
