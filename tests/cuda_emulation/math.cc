/* math.cc: device mathematics that the C library lacks. */
#include "internal.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double HALF_SQRT_PI = 0.88622692545275801365;

/* ---- trigonometry in half turns
 * ------------------------------------------------------------------------ */

/* sin(pi x) is exact at multiples of a half: x is brought to a quarter turn without rounding. */
double cr_emulation_sinpi(double x) {
  if (!isfinite(x)) return x - x;
  double r = x - 2 * rint(x / 2); /* in [-1, 1] */
  double a = fabs(r), value;
  if (a > 0.5) a = 1 - a;
  value = a <= 0.25 ? sin(PI * a) : cos(PI * (0.5 - a));
  if (a == 0) value = 0;
  return copysign(value, a == 0 ? x : r);
}

double cr_emulation_cospi(double x) {
  if (!isfinite(x)) return x - x;
  double a = fabs(x - 2 * rint(x / 2)), sign = 1;
  if (a > 0.5) {
    a = 1 - a;
    sign = -1;
  }
  if (a == 0.5) return 0;
  return sign * (a <= 0.25 ? cos(PI * a) : sin(PI * (0.5 - a)));
}

/* ---- the error function and its inverses
 * ------------------------------------------------------------------ */

/* exp(x x) erfc(x), which does not vanish. */
double cr_emulation_erfcx(double x) {
  if (x < 25) return exp(x * x) * erfc(x);
  double series = 1;
  for (int k = 9; k > 0; k--) series = 1 - (2 * k - 1) / (2 * x * x) * series;
  return series / (x * sqrt(PI));
}

/* The y with erfc(y) = x for 0 < x <= 1, by Halley's method from a guess that is right to some
 * digits. Far out erfc falls by orders of magnitude, so the error is taken in proportion to x. */
static double inverse_of_small(double x) {
  double t = sqrt(-2 * log(x / 2));
  double y = -0.70711 * ((2.30753 + t * 0.27061) / (1 + t * (0.99229 + t * 0.04481)) - t);
  for (int i = 0; i < 3; i++) {
    double error = erfc(y) - x;
    double step = error * HALF_SQRT_PI * exp(y * y);
    if (!isfinite(step)) break;
    y += step / (1 - y * step);
  }
  return y;
}

double cr_emulation_erfcinv(double x) {
  if (!(x >= 0 && x <= 2)) return NAN;
  if (x == 0) return INFINITY;
  if (x == 2) return -INFINITY;
  return x <= 1 ? inverse_of_small(x) : -inverse_of_small(2 - x);
}

double cr_emulation_erfinv(double x) {
  double a = fabs(x);
  if (!(a <= 1)) return NAN;
  if (a == 1) return copysign(INFINITY, x);
  if (a >= 0.5) return copysign(inverse_of_small(1 - a), x);
  double y = HALF_SQRT_PI * x * (1 + PI / 12 * x * x);
  for (int i = 0; i < 4; i++) {
    double step = (erf(y) - x) * HALF_SQRT_PI * exp(y * y);
    y -= step / (1 + y * step);
  }
  return y;
}

/* ---- modified Bessel functions
 * ---------------------------------------------------------------------------- */

/* The power series: all its terms have one sign, so it is exact for every x, if slow for large
 * ones. */
double cr_emulation_bessel_i(int order, double x) {
  if (isnan(x)) return x;
  if (isinf(x)) return order % 2 ? x : INFINITY;
  double half = x / 2, term = 1, sum = 0;
  for (int k = 1; k <= order; k++) term *= half / k;
  for (int k = 1; fabs(term) > fabs(sum) * 1e-18 && isfinite(sum); k++) {
    sum += term;
    term *= half * half / k / (k + order);
  }
  return sum;
}
