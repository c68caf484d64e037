/* special.c: less common functions of one and two arguments.  Floats are computed in double. */
#include "tensor/cpu/cpu.h"

#include <math.h>

/* ---- of one argument -------------------------------------------------------------------- */

/* A first guess by Winitzki's formula (relative error below 2e-3), then some steps of Halley's
 * method on erf, or erfc where erf is close to 1: one gives the digits of a float. */
static double erfinv(double y, int steps) {
  double a = fabs(y);
  if (!(a < 1)) return a == 1 ? copysign(INFINITY, y) : NAN;
  if (a < 1e-8) return y * (sqrt(M_PI) / 2);
  double l = log1p(-a * a), k = 2 / (M_PI * 0.147) + l / 2;
  double x = sqrt(sqrt(k * k - l / 0.147) - k);
  for (int i = 0; i < steps; i++) {
    double miss = a < 0.5 ? erf(x) - a : (1 - a) - erfc(x);
    double step = miss / (M_2_SQRTPI * exp(-x * x));
    x -= step / (1 + x * step);
  }
  return copysign(x, y);
}

/* The power series sum (x^2/4)^k / (k! (k+order)!), whose terms are all positive. */
static double bessel_series(int order, double x) {
  double q = x * x / 4, term = order ? x / 2 : 1, sum = term;
  for (int k = 1; k < 200 && term > sum * 1e-17; k++) {
    term *= q / ((double)k * (k + order));
    sum += term;
  }
  return sum;
}

/* The asymptotic series e^x / sqrt(2 pi x) (1 - (m-1)/8x + ..) with m = 4 order^2, for large x. */
static double bessel_far(int order, double x) {
  double m = 4.0 * order * order, term = 1, sum = 1;
  for (int k = 1; k < 30 && fabs(term) > 1e-17; k++) {
    double odd = 2 * k - 1, next = -term * (m - odd * odd) / (8 * k * x);
    if (fabs(next) >= fabs(term)) break;
    term = next;
    sum += term;
  }
  double half = exp(x / 2); /* e^x alone would overflow too early */
  return half * (sum / sqrt(2 * M_PI * x)) * half;
}

static double bessel(int order, double x) {
  double a = fabs(x);
  if (x != x) return x;
  double y = isinf(a) ? INFINITY : a < 25 ? bessel_series(order, a) : bessel_far(order, a);
  return order && x < 0 ? -y : y;
}

static double sinc(double x) {
  if (isinf(x)) return 0;
  double t = x - 2 * round(x / 2); /* sin(pi x) loses digits for large x */
  return x == 0 ? 1 : sin(M_PI * t) / (M_PI * x);
}

/* ---- polygamma -------------------------------------------------------------------------- */

/* sum over k >= 0 of 1 / (x + k)^s for s > 1, x > 0, by Euler and Maclaurin: the first terms one by
 * one, the rest by an integral and its corrections with Bernoulli numbers. */
static double zeta(double s, double x) {
  static const double bernoulli[] = {/* B_2k / (2k)! */
                                     1.0 / 12,           -1.0 / 720,     1.0 / 30240,
                                     -1.0 / 1209600,     1.0 / 47900160, -691.0 / 1307674368000.0,
                                     1.0 / 74724249600.0};
  double sum = 0;
  int first = x < 12 ? 12 : 1;
  for (int k = 0; k < first; k++) sum += pow(x + k, -s);
  double w = x + first, factor = s, power = pow(w, -s);
  sum += w * power / (s - 1) + power / 2;
  for (int k = 0; k < 7; k++) {
    power /= w;
    sum += bernoulli[k] * factor * power;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2);
    power /= w;
  }
  return sum;
}

/* The n-th derivative of pi / tan(pi x), for the reflection.  It is pi^(n+1) times a polynomial in
 * c = 1 / tan(pi x), as the derivative of c by pi x is -(1 + c^2). */
static double cotangent_derivative(int n, double x) {
  double c = 1 / tan(M_PI * x), p[2][64] = {{0}};
  int now = 0;
  p[0][1] = 1;
  for (int k = 1; k <= n; k++) {
    const double *from = p[now];
    double *to = p[1 - now];
    for (int i = 0; i <= k + 1; i++) to[i] = 0;
    for (int i = 1; i <= k; i++) {
      to[i - 1] -= i * from[i];
      to[i + 1] -= i * from[i];
    }
    now = 1 - now;
  }
  double y = 0;
  for (int i = n + 1; i >= 0; i--) y = y * c + p[now][i];
  return y * pow(M_PI, n + 1);
}

#define MOST_REFLECTED 60

/* (-1)^(n+1) n! zeta(n + 1, x); below 0 by reflection */
static double polygamma(double order, double x) {
  int n = (int)order;
  double sign = n % 2 ? 1 : -1;
  if (x != x) return x;
  if (x == 0) return n % 2 ? INFINITY : copysign(INFINITY, -x);
  if (x > 0) return isinf(x) ? sign * 0.0 : sign * exp(lgamma(n + 1.0)) * zeta(n + 1, x);
  if (x == floor(x)) return n % 2 ? INFINITY : NAN;
  if (n > MOST_REFLECTED) return NAN;
  double other = polygamma(order, 1 - x), slope = cotangent_derivative(n, x);
  return (n % 2 ? -other : other) - slope;
}

/* ---- of two ----------------------------------------------------------------------------- */

static double log_add(double a, double b) {
  double high = a > b ? a : b, low = a > b ? b : a;
  if (a != a || b != b) return a + b;
  return isinf(high) ? high : high + log1p(exp(low - high));
}

static double xlogy(double a, double b) {
  return a == 0 && b == b ? 0 : a * log(b);
}

static uint64_t gcd(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

static inline uint64_t magnitude(int64_t x) {
  return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static uint64_t lcm(uint64_t a, uint64_t b) {
  return a && b ? a / gcd(a, b) * b : 0;
}

/* ---- loops ------------------------------------------------------------------------------ */

typedef struct {
  double s;
  bool two;
} operands;

#define LOOP(name, type, expr)                                                                     \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    const operands *given = arg;                                                                   \
    double s = given->s;                                                                           \
    const type *a = (const type *)p[1], *b = (const type *)p[given->two ? 2 : 1];                  \
    type *o = (type *)p[0];                                                                        \
    (void)s, (void)b;                                                                              \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i];                                                                               \
      o[i] = (type)(expr);                                                                         \
    }                                                                                              \
    return true;                                                                                   \
  }

#define FLOATS(sfx, type)                                                                          \
  LOOP(exp2_##sfx, type, exp2(x))                                                                  \
  LOOP(erfinv_##sfx, type, erfinv(x, sizeof(type) == 4 ? 1 : 3))                                   \
  LOOP(i0_##sfx, type, bessel(0, x))                                                               \
  LOOP(i1_##sfx, type, bessel(1, x))                                                               \
  LOOP(sinc_##sfx, type, sinc(x))                                                                  \
  LOOP(polygamma_##sfx, type, polygamma(s, x))                                                     \
  LOOP(hypot_##sfx, type, hypot(x, b[i]))                                                          \
  LOOP(logaddexp_##sfx, type, log_add(x, b[i]))                                                    \
  LOOP(xlogy_##sfx, type, xlogy(x, b[i]))                                                          \
  LOOP(copysign_##sfx, type, copysign(x, b[i]))

FLOATS(f32, float)
FLOATS(f64, double)

#define INTEGERS(sfx, type)                                                                        \
  LOOP(gcd_##sfx, type, gcd(magnitude(x), magnitude(b[i])))                                        \
  LOOP(lcm_##sfx, type, lcm(magnitude(x), magnitude(b[i])))

INTEGERS(i8, int8_t)
INTEGERS(u8, uint8_t)
INTEGERS(i16, int16_t)
INTEGERS(i32, int32_t)
INTEGERS(i64, int64_t)

#define FLOAT_ROW(s)                                                                               \
  {                                                                                                \
    [CR_EXP2] = exp2_##s, [CR_ERFINV] = erfinv_##s, [CR_I0] = i0_##s, [CR_I1] = i1_##s,            \
    [CR_SINC] = sinc_##s, [CR_POLYGAMMA] = polygamma_##s, [CR_HYPOT] = hypot_##s,                  \
    [CR_LOGADDEXP] = logaddexp_##s, [CR_XLOGY] = xlogy_##s, [CR_COPYSIGN] = copysign_##s           \
  }
#define INT_ROW(s)                                                                                 \
  { [CR_GCD] = gcd_##s, [CR_LCM] = lcm_##s }

static const cr_cpu_fn table[CR_NDTYPES][CR_NSPECIAL] = {
    [CR_FLOAT32] = FLOAT_ROW(f32), [CR_FLOAT64] = FLOAT_ROW(f64), [CR_INT8] = INT_ROW(i8),
    [CR_UINT8] = INT_ROW(u8),      [CR_INT16] = INT_ROW(i16),     [CR_INT32] = INT_ROW(i32),
    [CR_INT64] = INT_ROW(i64),
};

static bool special(cr_special_op op, const cr_iter *it, double s) {
  cr_dtype dtype = it->op[0].dtype;
  cr_cpu_fn fn = table[cr_compute_dtype(dtype)][op];
  if (!fn) return cr_fail("this function is not defined on %s", cr_dtypes[dtype].name);
  operands given = {s, op >= CR_HYPOT};
  return cr_cpu_loop(it, fn, &given, CR_GRAIN_DEAR, NULL);
}

void CR_ISA_NAME(cr_cpu_special)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_special)(cr_backend *b) {
  b->special = special;
}
