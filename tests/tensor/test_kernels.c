/* test_kernels.c: the elementwise CPU kernels against plain loops over doubles and 64-bit integers.
 */
#include <unistd.h>

#include "tensor/linalg.h"
#include "tensor/ops.h"
#include "tests/tensor/kernels.h"

/* ---- loops ------------------------------------------------------------------------------ */

static void test_iter(void **unused) {
  (void)unused;
  int64_t shape[] = {4, 3, 5};
  cr_tensor *a = make(CR_FLOAT32, CONTIGUOUS, 3, shape),
            *b = make(CR_FLOAT32, TRANSPOSED, 3, shape);
  cr_tensor *row = make(CR_FLOAT32, CONTIGUOUS, 1, shape + 2);
  cr_iter it;
  cr_iter_make(&it, a, 1, (cr_tensor *[]){a});
  assert_int_equal(it.ndim, 1);
  assert_int_equal(it.numel, 60);
  cr_iter_make(&it, b, 1, (cr_tensor *[]){b}); /* any dense layout is one line */
  assert_int_equal(it.ndim, 1);
  assert_int_equal(it.op[1].stride[0], 4);
  cr_iter_make(&it, a, 2, (cr_tensor *[]){b, row});
  assert_int_equal(it.ndim, 3);
  assert_int_equal(it.op[0].stride[0], 4);
  assert_int_equal(it.op[1].stride[0], 48);
  cr_iter_make(&it, a, 2, (cr_tensor *[]){a, row});
  assert_int_equal(it.ndim, 2);
  assert_int_equal(it.shape[1], 12);
  assert_int_equal(it.op[2].stride[1], 0);
  float one = 1;
  cr_iter_scalar(&it, CR_FLOAT32, &one);
  assert_int_equal(it.nops, 4);
  assert_int_equal(it.op[3].stride[0] | it.op[3].stride[1], 0);
  cr_release(a);
  cr_release(b);
  cr_release(row);
}

static void check_copy(cr_tensor *in, cr_tensor *out) {
  cr_iter it;
  cr_iter_make(&it, out, 1, &in);
  assert_true(cpu->copy(&it));
  for (int64_t i = 0; i < cr_numel(out); i++) {
    cr_scalar v = cr_load_scalar((cr_dtype)in->dtype, place(in, i));
    NEAR((cr_dtype)CR_FLOAT64, get(out, i), as_stored((cr_dtype)out->dtype, v), 0, "copy %s to %s",
         cr_dtypes[in->dtype].name, cr_dtypes[out->dtype].name);
  }
}

static void test_copy(void **unused) {
  (void)unused;
  static const double odd[] = {NAN,    INFINITY, -INFINITY, 3e9,   -3e9,      1e19,
                               -1e19,  -1.75,    300.5,     65519, 65521,     6e-8,
                               2.9e-8, 1e-5,     -0.0,      1e-40, 3.3895e38, 1.00048828125};
  for (int s = 0; s < NSHAPES; s++) {
    for (int k = 0; k < CR_NDTYPES * CR_NDTYPES * NLAYOUTS * NOUT_LAYOUTS; k++) {
      int f = k % CR_NDTYPES, t = k / CR_NDTYPES % CR_NDTYPES, rest = k / CR_NDTYPES / CR_NDTYPES;
      if (s == NSHAPES - 1 && f != t && rest > 1) continue;
      cr_tensor *in = make((cr_dtype)f, (layout)(rest % NLAYOUTS), shapes[s].ndim, shapes[s].shape);
      cr_tensor *out =
          make((cr_dtype)t, (layout)(rest / NLAYOUTS), shapes[s].ndim, shapes[s].shape);
      for (int64_t i = 0; i < 18 && i < cr_numel(in); i++) put(in, i, cr_num(odd[i]));
      check_copy(in, out);
      cr_release(in);
      cr_release(out);
    }
  }
}

/* Rows of all small sizes, which overlap where they are read. */
static void test_copy_rows(void **unused) {
  static const cr_dtype types[] = {CR_UINT8, CR_INT16, CR_FLOAT32, CR_FLOAT64};
  (void)unused;
  for (int64_t n = 1; n <= 70; n++) {
    for (int k = 0; k < 4; k++) {
      int64_t size[] = {200}, shape[] = {3, 5, n}, stride[] = {40, 7, 1};
      cr_tensor *whole = make(types[k], CONTIGUOUS, 1, size);
      cr_tensor *in = cr_view_storage(whole->storage, types[k], 2, 3, shape, stride);
      cr_tensor *out = make(types[k], CONTIGUOUS, 3, shape);
      check_copy(in, out);
      cr_release(in);
      cr_release(whole);
      cr_release(out);
    }
  }
}

static void test_fill_arange(void **unused) {
  (void)unused;
  for (int k = 0; k < CR_NDTYPES * NOUT_LAYOUTS * NSHAPES; k++) {
    cr_dtype t = (cr_dtype)(k % CR_NDTYPES);
    int s = k / CR_NDTYPES % NSHAPES;
    cr_tensor *x = make(t, (layout)(k / CR_NDTYPES / NSHAPES), shapes[s].ndim, shapes[s].shape);
    cr_iter it;
    cr_iter_make(&it, x, 0, NULL);
    assert_true(cpu->fill(&it, cr_num(2.5)));
    for (int64_t i = 0; i < cr_numel(x); i++) {
      NEAR(t, get(x, i), as_stored(t, cr_num(2.5)), 0, "fill");
    }
    if (x->ndim == 1) {
      assert_true(cpu->arange(&it, -3, 0.5));
      for (int64_t i = 0; i < cr_numel(x); i++) {
        NEAR(t, get(x, i), as_stored(t, cr_num(-3 + 0.5 * (double)i)), 0, "arange");
      }
    }
    cr_release(x);
  }
}

/* ---- functions of one argument ---------------------------------------------------------- */

static double ref_sigmoid(double x) {
  return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double ref_softplus(double x) {
  return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}
static double ref_logsigmoid(double x) {
  return -ref_softplus(-x);
}
static double ref_gelu(double x) {
  return x * 0.5 * erfc(-x / sqrt(2));
}
static double ref_silu(double x) {
  return x * ref_sigmoid(x);
}
static double ref_gelu_tanh(double x) {
  return x * ref_sigmoid(2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}
/* Where e^x is small its square would be lost in tanh(log(1 + e^x)). */
static double ref_mish(double x) {
  double e = exp(x);
  return x > 20 ? x : x * (e * (e + 2) / (e * (e + 2) + 2));
}
static double ref_rsqrt(double x) {
  return 1 / sqrt(x);
}
static double ref_reciprocal(double x) {
  return 1 / x;
}
static double ref_neg(double x) {
  return -x;
}
static double ref_sign(double x) {
  return (x > 0) - (x < 0);
}
static double ref_square(double x) {
  return x * x;
}
static double ref_relu(double x) {
  return x > 0 ? x : 0;
}
static double ref_frac(double x) {
  return x - trunc(x);
}
static double ref_not(double x) {
  return x == 0;
}
static double ref_isnan(double x) {
  return x != x;
}
static double ref_isinf(double x) {
  return isinf(x) != 0;
}
static double ref_isfinite(double x) {
  return isfinite(x) != 0;
}
/* By a difference of lgamma, good for a check to a few digits. */
static double ref_digamma(double x) {
  return (lgamma(x + 1e-4) - lgamma(x - 1e-4)) / 2e-4;
}

static double (*const unary_refs[CR_NUNARY])(double) = {[CR_NEG] = ref_neg,
                                                        [CR_ABS] = fabs,
                                                        [CR_SIGN] = ref_sign,
                                                        [CR_SQUARE] = ref_square,
                                                        [CR_SQRT] = sqrt,
                                                        [CR_RSQRT] = ref_rsqrt,
                                                        [CR_RECIPROCAL] = ref_reciprocal,
                                                        [CR_EXP] = exp,
                                                        [CR_EXPM1] = expm1,
                                                        [CR_LOG] = log,
                                                        [CR_LOG1P] = log1p,
                                                        [CR_LOG2] = log2,
                                                        [CR_LOG10] = log10,
                                                        [CR_SIN] = sin,
                                                        [CR_COS] = cos,
                                                        [CR_TAN] = tan,
                                                        [CR_ASIN] = asin,
                                                        [CR_ACOS] = acos,
                                                        [CR_ATAN] = atan,
                                                        [CR_SINH] = sinh,
                                                        [CR_COSH] = cosh,
                                                        [CR_TANH] = tanh,
                                                        [CR_ASINH] = asinh,
                                                        [CR_ACOSH] = acosh,
                                                        [CR_ATANH] = atanh,
                                                        [CR_SIGMOID] = ref_sigmoid,
                                                        [CR_LOG_SIGMOID] = ref_logsigmoid,
                                                        [CR_SOFTPLUS] = ref_softplus,
                                                        [CR_RELU] = ref_relu,
                                                        [CR_GELU] = ref_gelu,
                                                        [CR_SILU] = ref_silu,
                                                        [CR_GELU_TANH] = ref_gelu_tanh,
                                                        [CR_MISH] = ref_mish,
                                                        [CR_ERF] = erf,
                                                        [CR_ERFC] = erfc,
                                                        [CR_LGAMMA] = lgamma,
                                                        [CR_DIGAMMA] = ref_digamma,
                                                        [CR_FLOOR] = floor,
                                                        [CR_CEIL] = ceil,
                                                        [CR_ROUND] = round,
                                                        [CR_TRUNC] = trunc,
                                                        [CR_FRAC] = ref_frac,
                                                        [CR_LOGICAL_NOT] = ref_not,
                                                        [CR_ISNAN] = ref_isnan,
                                                        [CR_ISINF] = ref_isinf,
                                                        [CR_ISFINITE] = ref_isfinite};

static bool gives_bool(cr_unary_op op) {
  return op == CR_LOGICAL_NOT || (op >= CR_ISNAN && op <= CR_ISFINITE);
}

static void check_unary(cr_unary_op op, cr_tensor *in, cr_tensor *out) {
  cr_iter it;
  cr_iter_make(&it, out, 1, &in);
  assert_true(cpu->unary(op, &it));
  for (int64_t i = 0; i < cr_numel(in); i++) {
    double x = get(in, i);
    if (op == CR_DIGAMMA && x < 0.5) continue;
    double want =
        op == CR_BITNOT ? (in->dtype == CR_BOOL ? !x : (double)~geti(in, i)) : unary_refs[op](x);
    if (!cr_is_float((cr_dtype)out->dtype)) {
      want = as_stored((cr_dtype)out->dtype, cr_int((int64_t)want));
    }
    double got = get(out, i);
    if (op == CR_DIGAMMA && fabs(got - want) < 1e-2) continue;
    NEAR((cr_dtype)out->dtype, got, want, op == CR_GELU || op == CR_GELU_TANH ? 32 : 8,
         "unary %d of %g", op, x);
  }
}

static void test_unary(void **unused) {
  (void)unused;
  for (int k = 0; k < CR_NUNARY * CR_NDTYPES * 2 * (NSHAPES - 1); k++) {
    cr_unary_op op = (cr_unary_op)(k % CR_NUNARY);
    cr_dtype t = (cr_dtype)(k / CR_NUNARY % CR_NDTYPES);
    int rest = k / CR_NUNARY / CR_NDTYPES, s = rest / 2;
    bool dear = op >= CR_SQRT && op <= CR_DIGAMMA && op != CR_RELU;
    if (!cr_is_float(t) && (dear || (t == CR_BOOL && op < CR_SQUARE))) continue;
    if (cr_is_float(t) && op == CR_BITNOT) continue;
    cr_tensor *in =
        make(t, rest % 2 ? (layout)(s % NLAYOUTS) : CONTIGUOUS, shapes[s].ndim, shapes[s].shape);
    cr_tensor *out =
        make(gives_bool(op) ? CR_BOOL : t, rest % 2 ? (layout)(s % NOUT_LAYOUTS) : CONTIGUOUS,
             shapes[s].ndim, shapes[s].shape);
    check_unary(op, in, out);
    cr_release(in);
    cr_release(out);
  }
}

static void test_limits(void **unused) {
  (void)unused;
  static const struct {
    cr_unary_op op;
    float in, out;
  } cases[] = {{CR_EXP, -INFINITY, 0},
               {CR_EXP, INFINITY, INFINITY},
               {CR_LOG, 0, -INFINITY},
               {CR_LOG, INFINITY, INFINITY},
               {CR_LOG1P, -1, -INFINITY},
               {CR_TANH, INFINITY, 1},
               {CR_TANH, -INFINITY, -1},
               {CR_SIGMOID, -INFINITY, 0},
               {CR_SIGMOID, INFINITY, 1},
               {CR_SILU, -INFINITY, 0},
               {CR_SILU, INFINITY, INFINITY},
               {CR_GELU_TANH, -INFINITY, 0},
               {CR_GELU_TANH, INFINITY, INFINITY},
               {CR_MISH, -INFINITY, 0},
               {CR_MISH, INFINITY, INFINITY},
               {CR_GELU, -INFINITY, 0},
               {CR_GELU, INFINITY, INFINITY},
               {CR_SOFTPLUS, -INFINITY, 0},
               {CR_ERF, INFINITY, 1},
               {CR_ERFC, INFINITY, 0},
               {CR_ERFC, -INFINITY, 2},
               {CR_EXPM1, -INFINITY, -1},
               {CR_SOFTPLUS, INFINITY, INFINITY},
               {CR_ROUND, 0.49999997f, 0},
               {CR_ROUND, -2.5f, -3},
               {CR_ROUND, 8388609, 8388609}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float single = 0;
    double twice = 0, in = cases[i].in;
    cr_iter it = {.nops = 2, .ndim = 0, .numel = 1};
    it.op[0] = (cr_operand){.data = (char *)&single, .dtype = CR_FLOAT32};
    it.op[1] = (cr_operand){.data = (char *)(uintptr_t)&cases[i].in, .dtype = CR_FLOAT32};
    assert_true(cpu->unary(cases[i].op, &it));
    NEAR(CR_FLOAT32, single, cases[i].out, 0, "limit of unary %d at %g", cases[i].op, in);
    it.op[0] = (cr_operand){.data = (char *)&twice, .dtype = CR_FLOAT64};
    it.op[1] = (cr_operand){.data = (char *)&in, .dtype = CR_FLOAT64};
    assert_true(cpu->unary(cases[i].op, &it));
    NEAR(CR_FLOAT64, twice, cases[i].out, 0, "limit of unary %d at %g", cases[i].op, in);
  }
}

/* ---- functions of two and more ---------------------------------------------------------- */

static double ref_binary(cr_binary_op op, double x, double y) {
  switch (op) {
  case CR_ADD: return x + y;
  case CR_SUB: return x - y;
  case CR_MUL: return x * y;
  case CR_DIV: return x / y;
  case CR_FLOORDIV: return floor(x / y);
  case CR_REMAINDER: return x - y * floor(x / y);
  case CR_FMOD: return fmod(x, y);
  case CR_POW: return pow(x, y);
  case CR_MAX: return isnan(x) || isnan(y) ? NAN : fmax(x, y);
  case CR_MIN: return isnan(x) || isnan(y) ? NAN : fmin(x, y);
  case CR_ATAN2: return atan2(x, y);
  case CR_EQ: return x == y;
  case CR_NE: return x != y;
  case CR_LT: return x < y;
  case CR_LE: return x <= y;
  case CR_GT: return x > y;
  case CR_GE: return x >= y;
  case CR_LOGICAL_AND: return x && y;
  case CR_LOGICAL_OR: return x || y;
  default: return !x != !y;
  }
}

static int64_t ref_integer(cr_binary_op op, int64_t x, int64_t y, int bits) {
  int64_t q = y ? x / y : 0, r = y ? x % y : 0, power = 1;
  bool crossed = r != 0 && (r < 0) != (y < 0), over = y < 0 || y >= bits;
  switch (op) {
  case CR_DIV: return q;
  case CR_FLOORDIV: return q - crossed;
  case CR_REMAINDER: return crossed ? r + y : r;
  case CR_FMOD: return r;
  case CR_BITAND: return x & y;
  case CR_BITOR: return x | y;
  case CR_BITXOR: return x ^ y;
  case CR_LSHIFT: return over ? 0 : (int64_t)((uint64_t)x << y);
  case CR_RSHIFT: return over ? (x < 0 ? -1 : 0) : x >> y;
  case CR_POW:
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
    for (int64_t i = 0; i < y; i++) power = (int64_t)((uint64_t)power * (uint64_t)x);
    return power;
  default: return (int64_t)ref_binary(op, (double)x, (double)y);
  }
}

static bool is_division(cr_binary_op op) {
  return op >= CR_DIV && op <= CR_FMOD;
}

static void check_binary(cr_binary_op op, cr_tensor *a, cr_tensor *b, cr_tensor *out) {
  cr_dtype t = (cr_dtype)a->dtype;
  cr_iter it;
  cr_iter_make(&it, out, 2, (cr_tensor *[]){a, b});
  assert_true(cpu->binary(op, &it));
  for (int64_t i = 0; i < cr_numel(out); i++) {
    double got = get(out, i), want;
    if (cr_is_float(t)) {
      want = ref_binary(op, get(a, i), get(b, i));
    } else {
      int64_t exact = ref_integer(op, geti(a, i), geti(b, i), (int)cr_sizeof(t) * 8);
      want = as_stored((cr_dtype)out->dtype, cr_int(exact));
    }
    /* A remainder next to the divisor and one next to 0 are the same but for rounding. */
    double slack = op == CR_REMAINDER && cr_is_float(t) ? fabs(get(b, i)) : 0;
    if (slack > 0 && fabs(fabs(got - want) - slack) < 1e-5 * slack) continue;
    NEAR((cr_dtype)out->dtype, got, want, op == CR_REMAINDER ? 1000 : 4, "binary %d on %s: %g %g",
         op, cr_dtypes[t].name, get(a, i), get(b, i));
  }
}

static void test_binary(void **unused) {
  (void)unused;
  for (int k = 0; k < CR_NBINARY * CR_NDTYPES * 3 * (NSHAPES - 1); k++) {
    cr_binary_op op = (cr_binary_op)(k % CR_NBINARY);
    cr_dtype t = (cr_dtype)(k / CR_NBINARY % CR_NDTYPES);
    int rest = k / CR_NBINARY / CR_NDTYPES, s = rest / 3, way = rest % 3;
    bool bits = op >= CR_BITAND && op <= CR_RSHIFT;
    if (cr_is_float(t) ? bits : op == CR_ATAN2) continue;
    if (t == CR_BOOL && op < CR_NARITH && op != CR_ADD && op != CR_MUL && op != CR_MAX) continue;
    cr_tensor *a =
        make(t, way ? (layout)(s % NLAYOUTS) : CONTIGUOUS, shapes[s].ndim, shapes[s].shape);
    cr_tensor *b =
        make(t, way ? (layout)((s + way) % NLAYOUTS) : CONTIGUOUS, shapes[s].ndim, shapes[s].shape);
    cr_tensor *out =
        make(op >= CR_EQ ? (way ? CR_UINT8 : CR_BOOL) : t,
             way ? (layout)((s + 1) % NOUT_LAYOUTS) : CONTIGUOUS, shapes[s].ndim, shapes[s].shape);
    for (int64_t i = 0; is_division(op) && i < cr_numel(b); i++) {
      if (get(b, i) == 0) put(b, i, cr_int(3));
    }
    check_binary(op, a, b, out);
    if (op < CR_NARITH && way == 0)
      check_binary(CR_SUB == op && t == CR_BOOL ? CR_ADD : op, a, b, out);
    cr_release(a);
    cr_release(b);
    cr_release(out);
  }
}

static void test_broadcast(void **unused) {
  (void)unused;
  int64_t big[] = {6, 40, 33}, row[] = {33}, column[] = {40, 1}, one[] = {1};
  for (int t = 0; t < CR_BOOL; t++) {
    cr_tensor *a = make((cr_dtype)t, CONTIGUOUS, 3, big),
              *out = make((cr_dtype)t, CONTIGUOUS, 3, big);
    cr_tensor *small[] = {make((cr_dtype)t, CONTIGUOUS, 1, row),
                          make((cr_dtype)t, STRIDED, 2, column),
                          make((cr_dtype)t, CONTIGUOUS, 1, one)};
    for (int k = 0; k < 3; k++) {
      cr_iter it;
      cr_iter_make(&it, out, 2, (cr_tensor *[]){a, small[k]});
      assert_true(cpu->binary(CR_SUB, &it));
      for (int64_t i = 0; i < cr_numel(out); i++) {
        double y = get(small[k], k == 0 ? i % 33 : k == 1 ? i / 33 % 40 : 0);
        double want = cr_is_float((cr_dtype)t)
                          ? get(a, i) - y
                          : as_stored((cr_dtype)t, cr_int((int64_t)(get(a, i) - y)));
        NEAR((cr_dtype)t, get(out, i), want, 1, "broadcast %d", k);
      }
      /* in place */
      cr_iter_make(&it, a, 2, (cr_tensor *[]){a, small[k]});
      assert_true(cpu->binary(CR_SUB, &it));
      for (int64_t i = 0; i < cr_numel(out); i++)
        NEAR((cr_dtype)t, get(a, i), get(out, i), 0, "in place");
      cr_release(small[k]);
    }
    cr_release(a);
    cr_release(out);
  }
}

static double ref_pointwise(cr_pointwise_op op, double a, double b, double c, double s, double t) {
  switch (op) {
  case CR_ADDCMUL: return a + s * b * c;
  case CR_ADDCDIV: return a + s * b / c;
  case CR_AXPBY: return s * a + t * b;
  case CR_LERP: return a + s * (b - a);
  case CR_BLEND: return a + c * (b - a);
  case CR_CLAMP: return fmin(fmax(a, s), t);
  case CR_THRESHOLD: return a > s ? a : t;
  case CR_THRESHOLD_BACKWARD: return b > s ? a : 0;
  case CR_LEAKY: return b > 0 ? a : s * a;
  case CR_BAND: return c >= s && c <= t ? a : b;
  case CR_BEYOND: return a - fmin(fmax(a, s), t);
  case CR_NUMBER: return fmin(fmax(a, -t), t);
  case CR_PRELU: return b > 0 ? a : c * a;
  case CR_HUBER: return t * (fabs(a - b) <= s ? pow(a - b, 2) : s * (2 * fabs(a - b) - s));
  case CR_HARDSIGMOID: return fmin(fmax(a + 3, 0), 6) / 6;
  case CR_HARDSWISH: return a * fmin(fmax(a + 3, 0), 6) / 6;
  case CR_HARDSWISH_BACKWARD: return a * (b < -3 ? 0 : b > 3 ? 1 : b / 3 + 0.5);
  case CR_TANH_BACKWARD: return a * (1 - b * b);
  case CR_SIGMOID_BACKWARD: return a * b * (1 - b);
  case CR_SILU_BACKWARD: return a * ref_sigmoid(b) * (1 + b * ref_sigmoid(-b));
  case CR_GELU_TANH_BACKWARD: {
    double k = 2 * sqrt(2 / M_PI), u = k * (b + 0.044715 * b * b * b);
    return a * ref_sigmoid(u) * (1 + b * ref_sigmoid(-u) * k * (1 + 3 * 0.044715 * b * b));
  }
  case CR_MISH_BACKWARD: {
    double th = tanh(ref_softplus(b));
    return a * (th + b * pow(cosh(ref_softplus(b)), -2) * ref_sigmoid(b));
  }
  default: return a * (0.5 * erfc(-b / sqrt(2)) + b * exp(-b * b / 2) / sqrt(2 * M_PI));
  }
}

static void test_pointwise(void **unused) {
  (void)unused;
  static const int inputs[CR_NPOINTWISE] = {3, 3, 2, 2, 3, 1, 1, 2, 2, 3, 1, 1,
                                            3, 2, 1, 1, 2, 2, 2, 2, 2, 2, 2};
  for (int k = 0; k < CR_NPOINTWISE * CR_BOOL * NLAYOUTS * (NSHAPES - 1); k++) {
    cr_pointwise_op op = (cr_pointwise_op)(k % CR_NPOINTWISE);
    cr_dtype t = (cr_dtype)(k / CR_NPOINTWISE % CR_BOOL);
    int how = k / CR_NPOINTWISE / CR_BOOL % NLAYOUTS, z = k / CR_NPOINTWISE / CR_BOOL / NLAYOUTS;
    if (!cr_is_float(t) && op >= CR_LEAKY) continue;
    cr_tensor *x[3], *out = make(t, (layout)(how % NOUT_LAYOUTS), shapes[z].ndim, shapes[z].shape);
    for (int i = 0; i < 3; i++)
      x[i] = make(t, (layout)((how + i * how) % NLAYOUTS), shapes[z].ndim, shapes[z].shape);
    for (int64_t i = 0; i < cr_numel(out); i++) {
      if (get(x[2], i) == 0) put(x[2], i, cr_int(2));
    }
    cr_iter it;
    cr_iter_make(&it, out, inputs[op], x);
    assert_true(cpu->pointwise(op, &it, 2, 5));
    for (int64_t i = 0; i < cr_numel(out); i++) {
      double a = get(x[0], i), b = get(x[1], i), c = get(x[2], i);
      double want = ref_pointwise(op, a, b, c, 2, 5);
      double size = op <= CR_BLEND ? fabs(a) + 5 * (fabs(a) + fabs(b)) * fmax(1, fabs(c)) : fabs(a);
      if (!cr_is_float(t)) {
        want = op == CR_ADDCDIV ? a + trunc(2 * b / c) : want;
        want = as_stored(t, cr_int((int64_t)want));
      } else if (fabs(get(out, i) - want) <= 2 * epsilon(t) * fmax(size, 1e-2) &&
                 (op <= CR_BLEND || op >= CR_HARDSWISH_BACKWARD)) {
        continue;
      }
      NEAR(t, get(out, i), want, 16, "pointwise %d on %s: %g %g %g", op, cr_dtypes[t].name, a, b,
           c);
    }
    for (int i = 0; i < 3; i++) cr_release(x[i]);
    cr_release(out);
  }
}

static void test_where(void **unused) {
  (void)unused;
  for (int k = 0; k < CR_NDTYPES * NLAYOUTS * NSHAPES; k++) {
    cr_dtype t = (cr_dtype)(k % CR_NDTYPES);
    int how = k / CR_NDTYPES % NLAYOUTS, s = k / CR_NDTYPES / NLAYOUTS;
    cr_tensor *c = make(CR_BOOL, (layout)how, shapes[s].ndim, shapes[s].shape);
    cr_tensor *a = make(t, (layout)how, shapes[s].ndim, shapes[s].shape);
    cr_tensor *b = make(t, CONTIGUOUS, shapes[s].ndim, shapes[s].shape);
    cr_tensor *out = make(t, (layout)(how % NOUT_LAYOUTS), shapes[s].ndim, shapes[s].shape);
    cr_iter it;
    cr_iter_make(&it, out, 3, (cr_tensor *[]){c, a, b});
    assert_true(cpu->where(&it));
    for (int64_t i = 0; i < cr_numel(out); i++) {
      assert_true(get(out, i) == (get(c, i) ? get(a, i) : get(b, i)));
    }
    cr_release(c);
    cr_release(a);
    cr_release(b);
    cr_release(out);
  }
}

/* Integers at their edges. */
static void test_edges(void **unused) {
  (void)unused;
  int64_t a[] = {INT64_MIN, INT64_MIN, INT64_MAX, 5, -7, 7}, b[] = {-1, -1, 1, 0, 2, -2}, o[6];
  cr_iter it = {.nops = 3, .ndim = 1, .numel = 3, .shape = {3}};
  it.op[0] = (cr_operand){.data = (char *)o, .dtype = CR_INT64, .stride = {8}};
  it.op[1] = (cr_operand){.data = (char *)a, .dtype = CR_INT64, .stride = {8}};
  it.op[2] = (cr_operand){.data = (char *)b, .dtype = CR_INT64, .stride = {8}};
  assert_true(cpu->binary(CR_DIV, &it));
  assert_true(o[0] == INT64_MIN);
  assert_true(cpu->binary(CR_REMAINDER, &it));
  assert_true(o[0] == 0);
  assert_true(cpu->binary(CR_ADD, &it));
  assert_true(o[2] == INT64_MIN);
  it.numel = it.shape[0] = 6;
  for (int op = CR_DIV; op <= CR_FMOD; op++) {
    assert_false(cpu->binary((cr_binary_op)op, &it));
    assert_string_equal(cr_error(), "division by zero");
  }
  int64_t start[] = {INT64_MIN, 9};
  it = (cr_iter){.nops = 2, .ndim = 1, .numel = 2, .shape = {2}};
  it.op[0] = (cr_operand){.data = (char *)o, .dtype = CR_INT64, .stride = {8}};
  it.op[1] = (cr_operand){.data = (char *)start, .dtype = CR_INT64, .stride = {8}};
  assert_true(cpu->unary(CR_NEG, &it));
  assert_true(o[0] == INT64_MIN && o[1] == -9);
  assert_true(cpu->pointwise(CR_CLAMP, &it, -INFINITY, 5));
  assert_true(o[0] == INT64_MIN && o[1] == 5);
}

static int polls;

static bool stop_now(void *unused) {
  (void)unused;
  return ++polls > 1;
}

static void test_interrupt(void **unused) {
  (void)unused;
  int64_t shape[] = {1 << 22};
  cr_tensor *x = make(CR_FLOAT32, CONTIGUOUS, 1, shape);
  cr_iter it;
  cr_iter_make(&it, x, 1, &x);
  cr_ctx()->interrupted = stop_now;
  for (int t = 1; t <= 2; t++) {
    set_threads(t);
    polls = 0;
    assert_false(cpu->unary(CR_TANH, &it));
    assert_string_equal(cr_error(), "interrupted");
  }
  cr_ctx()->interrupted = NULL;
  set_threads(0);
  cr_release(x);
}

static bool never(void *unused) {
  (void)unused;
  return false;
}

/* A large factorization is made on a thread of its own, with the same result, and left behind there
 * when the script is to stop. */
static void test_interrupt_of_lapack(void **unused) {
  (void)unused;
  int64_t shape[] = {700, 700};
  cr_tensor *a = make(CR_FLOAT64, CONTIGUOUS, 2, shape), *u[2], *s[2], *v[2];
  assert_true(cr_svd(a, false, &u[0], &s[0], &v[0]));
  cr_ctx()->interrupted = never;
  assert_true(cr_svd(a, false, &u[1], &s[1], &v[1]));
  const double *here = cr_data(s[0]), *there = cr_data(s[1]);
  for (int i = 0; i < 700; i++) assert_true(fabs(here[i] - there[i]) <= 1e-10 * here[0]);
  for (int i = 0; i < 2; i++) cr_release(u[i]), cr_release(s[i]), cr_release(v[i]);
  cr_ctx()->interrupted = stop_now;
  polls = 1; /* at the first look */
  assert_false(cr_svd(a, false, &u[0], &s[0], &v[0]));
  assert_non_null(strstr(cr_error(), "interrupted"));
  cr_ctx()->interrupted = NULL;
  cr_release(a);
  while (cr_lapack_left()) usleep(1000);
}

/* Work that is not shared out in ranges: a product of BLAS, a long line. */
static void test_interrupt_of_long_calls(void **unused) {
  (void)unused;
  int64_t tall[] = {4096, 2048}, square[] = {2048, 2048}, line[] = {(1 << 22) + 4},
          pairs[] = {0, 2};
  pairs[0] = line[0] * 2;
  cr_tensor *a = make(CR_FLOAT32, CONTIGUOUS, 2, tall),
            *b = make(CR_FLOAT32, CONTIGUOUS, 2, square);
  cr_tensor *x = make(CR_FLOAT32, CONTIGUOUS, 1, line), *values = NULL, *places = NULL;
  cr_tensor *z = make(CR_FLOAT32, CONTIGUOUS, 2, pairs),
            *at = cr_full(CR_INT64, (cr_device){CR_CPU, 0}, 1, line, cr_num(0));
  cr_ctx()->interrupted = stop_now;
  for (int look = 0; look < 6; look++) {
    polls = 1;
    cr_tensor *y = NULL;
    switch (look) {
    case 0: y = cr_mm(a, b, NULL); break;
    case 1: y = cr_scan(CR_SUM, x, 0, NULL); break;
    case 2: y = cr_running_extreme(x, 0, false, &values, &places) ? values : NULL; break;
    case 3: y = cr_fft("fft", z, pairs[0], 0, false, 1); break;
    case 4: y = cr_scatter(x, 0, at, 0, x, true); break;
    case 5: y = cr_sort(x, 0, false, &values, &places) ? values : NULL; break;
    }
    assert_null(y);
    assert_non_null(strstr(cr_error(), "interrupted"));
  }
  cr_ctx()->interrupted = NULL;
  cr_release(z);
  cr_release(at);
  cr_release(a);
  cr_release(b);
  cr_release(x);
}

static void on_threads(void (*test)(void **), int n) {
  set_threads(n);
  test(NULL);
  set_threads(0);
}

static void test_threads(void **unused) {
  (void)unused;
  for (int n = 1; n <= 3; n++) {
    on_threads(test_broadcast, n);
    on_threads(test_where, n);
    on_threads(test_fill_arange, n);
  }
}

static int run(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_iter),
      cmocka_unit_test(test_copy),
      cmocka_unit_test(test_copy_rows),
      cmocka_unit_test(test_unary),
      cmocka_unit_test(test_fill_arange),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_binary),
      cmocka_unit_test(test_broadcast),
      cmocka_unit_test(test_pointwise),
      cmocka_unit_test(test_where),
      cmocka_unit_test(test_edges),
      cmocka_unit_test(test_interrupt),
      cmocka_unit_test(test_interrupt_of_long_calls),
      cmocka_unit_test(test_interrupt_of_lapack),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) {
  (void)argc;
  return run_each_isa(argv, run);
}
