/* functions.h: functions of one or two numbers that the C library lacks, for the kernels of every
 * backend.  What overflows or divides by zero follows IEEE; integers wrap. */
#ifndef CR_FUNCTIONS_H
#define CR_FUNCTIONS_H

#include "tensor/basic.h"

#include <math.h>

/* ---- floats, one argument --------------------------------------------------------------- */

/* The asymptotic series of digamma, after the argument was raised to at least 10 by
 * cr_digamma(x) = cr_digamma(x + 1) - 1/x; below 0 by reflection. */
CR_BOTH static inline double cr_digamma(double x) {
  double result = 0;
  if (x == 0) return copysign(INFINITY, -x);
  if (x < 0) {
    double fraction = x - floor(x);
    if (fraction == 0) return NAN;
    result = -M_PI / tan(M_PI * fraction);
    x = 1 - x;
  }
  for (; x < 10; x++) result -= 1 / x;
  double z = 1 / (x * x);
  double series = 1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z / 132)));
  return result + log(x) - 0.5 / x - z * series;
}

CR_BOTH static inline double cr_log_gamma(double x) {
#ifdef __CUDA_ARCH__
  return lgamma(x);
#else
  int sign;
  return lgamma_r(x, &sign); /* lgamma itself writes a global */
#endif
}

CR_BOTH static inline double cr_softplus_of(double x) {
  return (x > 0 ? x : x != x ? x : 0) + log1p(exp(-fabs(x)));
}

CR_BOTH static inline double cr_sigmoid_of(double x) {
  double e = exp(-fabs(x)), s = 1 / (1 + e);
  return x < 0 ? e * s : s;
}

/* The normal distribution function: erfc(a) / 2 with a = -x / sqrt 2, put right for the e that a
 * lost in rounding, which weighs a lot in the left tail: there erfc(a + e) is about erfc(a) (1 - 2
 * a e). */
CR_BOTH static inline double cr_normal_of(double x) {
  double c = x < -40 ? -40 : x > 40 ? 40 : x, a = -c * M_SQRT1_2;
  double e = fma(-c, M_SQRT1_2, -a) + c * 4.83364665672645672553e-17;
  return 0.5 * erfc(a) * (1 - e * (a + fabs(a)));
}

CR_BOTH static inline double cr_gelu_of(double x) {
  return (x < -40 ? -40 : x) * cr_normal_of(x);
}

CR_BOTH static inline double cr_silu_of(double x) {
  return (x < -1e300 ? -1e300 : x) * cr_sigmoid_of(x);
}

#define REAL double
#define NAME(f) f##_double
#define EXP exp
#include "tensor/activations.inc"
#undef REAL
#undef NAME
#undef EXP

CR_BOTH static inline float cr_roundf_away(float x) {
  /* The largest float below a half: a whole half would lift 0.49999997 to 1. */
  return truncf(x + copysignf(0.49999997f, x));
}

CR_BOTH static inline double cr_round_away(double x) {
  return trunc(x + copysign(0.49999999999999994, x));
}

CR_BOTH static inline double cr_gelu_slope(double x) {
  double c = x < -40 ? -40 : x > 40 ? 40 : x;
  return cr_normal_of(c) + c * 0.39894228040143267794 * exp(-0.5 * c * c);
}

/* A first guess by Winitzki's formula (relative error below 2e-3), then some steps of Halley's
 * method on erf, or erfc where erf is close to 1: one gives the digits of a float. */
CR_BOTH static inline double cr_erfinv(double y, int steps) {
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
CR_BOTH static inline double cr_bessel_series(int order, double x) {
  double q = x * x / 4, term = order ? x / 2 : 1, sum = term;
  for (int k = 1; k < 200 && term > sum * 1e-17; k++) {
    term *= q / ((double)k * (k + order));
    sum += term;
  }
  return sum;
}

/* The asymptotic series e^x / sqrt(2 pi x) (1 - (m-1)/8x + ..) with m = 4 order^2, for large x. */
CR_BOTH static inline double cr_bessel_far(int order, double x) {
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

CR_BOTH static inline double cr_bessel(int order, double x) {
  double a = fabs(x);
  if (x != x) return x;
  double y = isinf(a) ? INFINITY : a < 25 ? cr_bessel_series(order, a) : cr_bessel_far(order, a);
  return order && x < 0 ? -y : y;
}

CR_BOTH static inline double cr_sinc(double x) {
  if (isinf(x)) return 0;
  double t = x - 2 * round(x / 2); /* sin(pi x) loses digits for large x */
  return x == 0 ? 1 : sin(M_PI * t) / (M_PI * x);
}

/* ---- polygamma -------------------------------------------------------------------------- */

/* sum over k >= 0 of 1 / (x + k)^s for s > 1, x > 0, by Euler and Maclaurin: the first terms one by
 * one, the rest by an integral and its corrections with Bernoulli numbers. */
CR_BOTH static inline double cr_zeta(double s, double x) {
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
CR_BOTH static inline double cr_cotangent_derivative(int n, double x) {
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

#define CR_MOST_REFLECTED 60

/* (-1)^(n+1) n! zeta(n + 1, x) for x > 0 */
CR_BOTH static inline double cr_polygamma_positive(int n, double x) {
  double sign = n % 2 ? 1 : -1;
  return isinf(x) ? sign * 0.0 : sign * exp(cr_log_gamma(n + 1.0)) * cr_zeta(n + 1, x);
}

/* Below 0 by reflection. */
CR_BOTH static inline double cr_polygamma_of(double order, double x) {
  int n = (int)order;
  if (x != x) return x;
  if (x == 0) return n % 2 ? INFINITY : copysign(INFINITY, -x);
  if (x > 0) return cr_polygamma_positive(n, x);
  if (x == floor(x)) return n % 2 ? INFINITY : NAN;
  if (n > CR_MOST_REFLECTED) return NAN;
  double other = cr_polygamma_positive(n, 1 - x), slope = cr_cotangent_derivative(n, x);
  return (n % 2 ? -other : other) - slope;
}

/* ---- floats, two arguments -------------------------------------------------------------- */

CR_BOTH static inline double cr_remainder_of(double x, double y) {
  double r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

CR_BOTH static inline double cr_log_add(double a, double b) {
  double high = a > b ? a : b, low = a > b ? b : a;
  if (a != a || b != b) return a + b;
  return isinf(high) ? high : high + log1p(exp(low - high));
}

CR_BOTH static inline double cr_xlogy(double a, double b) {
  return a == 0 && b == b ? 0 : a * log(b);
}

CR_BOTH static inline uint64_t cr_gcd(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

CR_BOTH static inline uint64_t cr_magnitude(int64_t x) {
  return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

CR_BOTH static inline uint64_t cr_lcm(uint64_t a, uint64_t b) {
  return a && b ? a / cr_gcd(a, b) * b : 0;
}

/* ---- floats to integers ----------------------------------------------------------------- */

/* Truncation without undefined behaviour: NaN is 0, what does not fit saturates.  The bounds are
 * floats that the type can hold. */
CR_BOTH static inline int32_t cr_truncate_f32(float x) {
  x = x < -2147483648.0f ? -2147483648.0f : x;
  int32_t i = (int32_t)(x < 2147483648.0f ? x : 0.0f); /* also NaN */
  return x >= 2147483648.0f ? INT32_MAX : i;
}

CR_BOTH static inline int32_t cr_truncate_f64(double x) {
  x = x < -2147483648.0 ? -2147483648.0 : x;
  x = x > 2147483647.0 ? 2147483647.0 : x;
  return (int32_t)(x == x ? x : 0);
}

CR_BOTH static inline int64_t cr_truncate_wide(double x) {
  x = x < -9223372036854775808.0 ? -9223372036854775808.0 : x;
  int64_t i = (int64_t)(x < 9223372036854775808.0 ? x : 0);
  return x >= 9223372036854775808.0 ? INT64_MAX : i;
}

/* ---- integers --------------------------------------------------------------------------- */

CR_BOTH static inline int64_t cr_wrapped_negative(int64_t x) {
  return (int64_t)(0 - (uint64_t)x);
}

/* Divisors are not 0 here; the smallest number by -1 wraps to itself. */
CR_BOTH static inline int64_t cr_quotient(int64_t x, int64_t y) {
  return y == -1 ? cr_wrapped_negative(x) : x / y;
}
CR_BOTH static inline int64_t cr_rest(int64_t x, int64_t y) {
  return y == -1 ? 0 : x % y;
}

CR_BOTH static inline int64_t cr_floor_quotient(int64_t x, int64_t y) {
  return cr_quotient(x, y) - (cr_rest(x, y) != 0 && (x < 0) != (y < 0));
}

CR_BOTH static inline int64_t cr_floor_rest(int64_t x, int64_t y) {
  int64_t r = cr_rest(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

/* Wraps.  A negative exponent truncates the true result: 0 but for a base of 1 or -1. */
CR_BOTH static inline int64_t cr_power(int64_t x, int64_t y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
  uint64_t base = (uint64_t)x, result = 1;
  for (uint64_t e = (uint64_t)y; e; e >>= 1) {
    if (e & 1) result *= base;
    base *= base;
  }
  return (int64_t)result;
}

#endif
