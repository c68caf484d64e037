/* vmath.h: float32 functions without branches or calls, so that loops over them vectorise, and the
 * C library's, where that has them for vectors.
 *
 * Error bounds, in units in the last place, hold for all finite arguments and are checked by
 * tests/tensor/test_accuracy.c; infinities, NaN and denormal results are as the mathematics says.
 * Polynomials are Chebyshev fits to the functions named beside them. */
#ifndef CR_VMATH_H
#define CR_VMATH_H

#include "tensor/functions.h"

#include "tensor/half.h"
#include <math.h>

/* glibc's libmvec has these for vectors, within 4 ulp, and takes infinities, NaN and zeros as the
 * scalar ones do.  Elsewhere loops over them call the scalar ones. */
#if defined(__x86_64__) && defined(__GLIBC_PREREQ) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 35)
#define CR_ON_VECTORS(type, name, arguments)                                                       \
  __attribute__((simd("notinbranch"))) type name arguments;
#define CR_UNARY_ON_VECTORS(name)                                                                  \
  CR_ON_VECTORS(float, name##f, (float))                                                           \
  CR_ON_VECTORS(double, name, (double))
#define CR_BINARY_ON_VECTORS(name)                                                                 \
  CR_ON_VECTORS(float, name##f, (float, float))                                                    \
  CR_ON_VECTORS(double, name, (double, double))
CR_UNARY_ON_VECTORS(exp)
CR_UNARY_ON_VECTORS(expm1)
CR_UNARY_ON_VECTORS(log)
CR_UNARY_ON_VECTORS(log1p)
CR_UNARY_ON_VECTORS(log2)
CR_UNARY_ON_VECTORS(log10)
CR_UNARY_ON_VECTORS(sin)
CR_UNARY_ON_VECTORS(cos)
CR_UNARY_ON_VECTORS(tan)
CR_UNARY_ON_VECTORS(asin)
CR_UNARY_ON_VECTORS(acos)
CR_UNARY_ON_VECTORS(atan)
CR_UNARY_ON_VECTORS(sinh)
CR_UNARY_ON_VECTORS(cosh)
CR_UNARY_ON_VECTORS(tanh)
CR_UNARY_ON_VECTORS(asinh)
CR_UNARY_ON_VECTORS(acosh)
CR_UNARY_ON_VECTORS(atanh)
CR_UNARY_ON_VECTORS(erf)
CR_UNARY_ON_VECTORS(erfc)
CR_BINARY_ON_VECTORS(pow)
CR_BINARY_ON_VECTORS(atan2)
#endif
#endif

/* A loop whose body calls such functions works on whole groups of elements, the last one filled up
 * with zeros, so that a value is what it is wherever it stands. */
#define CR_GROUP 16

/* The nearest integer to x, |x| < 2^21: adding 1.5 * 2^23 pushes the fraction out.  The low bits of
 * the sum hold the integer. */
#define CR_VROUND 12582912.0f

static inline int32_t cr_vrounded(float sum) {
  return (int32_t)(cr_float_bits(sum) - 0x4b400000u);
}

static inline float cr_vpow2(int32_t n) {
  return cr_bits_float((uint32_t)(n + 127) << 23);
}

/* Splits x in n ln 2 + r, |r| <= ln 2 / 2, and gives r; n is what `sum` is rounded to. */
static inline float cr_vexp_reduce(float x, float *sum) {
  *sum = x * 1.44269504f + CR_VROUND;
  float n = *sum - CR_VROUND;
  return (x - n * 0.693145752f) - n * 1.42860682e-6f;
}

/* 2^(n + 64), n + 64 >= -126, of such a sum: all but n is shifted out. */
static inline float cr_vpow2_64(float sum) {
  return cr_bits_float((cr_float_bits(sum) + 191u) << 23);
}
#define CR_2_TO_MINUS_64 5.42101086e-20f

/* (e^r - 1 - r) / r^2 for |r| <= 0.348. */
static inline float cr_vexp_poly(float r) {
  float p = 1.393401326e-3f;
  p = p * r + 8.363422152e-3f;
  p = p * r + 4.166646163e-2f;
  p = p * r + 0.1666657552f;
  return p * r + 0.5f;
}

/* 2 ulp.  n is at most 128 in size, so 2^n takes two factors.  Arguments out of range give some
 * number or other, which the end puts right: bounding them first would tempt the compiler into a
 * copy of everything for each bound. */
static inline float cr_vexp(float x) {
  float sum, r = cr_vexp_reduce(x, &sum);
  float p = cr_vexp_poly(r) * (r * r) + r + 1.0f;
  int32_t i = cr_vrounded(sum), half = i >> 1;
  float y = p * cr_vpow2(half) * cr_vpow2(i - half);
  y = x > 89.0f ? INFINITY : y;
  return x < -105.0f ? 0.0f : y;
}

/* The same for x that are not positive: one factor does, and another that is always the same. */
static inline float cr_vexp_down(float x) {
  float sum, r = cr_vexp_reduce(x, &sum);
  float y = (cr_vexp_poly(r) * (r * r) + r + 1.0f) * cr_vpow2_64(sum) * CR_2_TO_MINUS_64;
  return x < -105.0f ? 0.0f : y;
}

/* 3 ulp.  2^n (e^r - 1) + (2^n - 1): for n = 0 the first term is all, so nothing cancels. */
static inline float cr_vexpm1(float x) {
  float sum, r = cr_vexp_reduce(x, &sum);
  float p = cr_vexp_poly(r) * (r * r) + r;
  int32_t i = cr_vrounded(sum), half = i >> 1;
  float a = cr_vpow2(half), b = cr_vpow2(i - half);
  float y = ((p * a) + (a - cr_vpow2(half - i))) * b;
  y = x > 89.0f ? INFINITY : y;
  y = x < -30.0f ? -1.0f : y;
  return x == 0.0f ? x : y;
}

/* log of a positive normal number with `extra` added to its exponent.  m is in [sqrt(1/2), sqrt 2),
 * s = f / (2 + f) and log m = f - (f^2/2 - s (f^2/2 + R(s^2))). */
static inline float cr_vlog_normal(float x, float extra) {
  uint32_t u = cr_float_bits(x) - 0x3f3504f3u;
  float e = (float)((int32_t)u >> 23) + extra;
  float m = cr_bits_float((u & 0x7fffffu) + 0x3f3504f3u);
  float f = m - 1.0f, s = f / (2.0f + f), z = s * s;
  float r = 0.233419434f;
  r = r * z + 0.285503970f;
  r = r * z + 0.400001256f;
  r = r * z + 0.666666665f;
  float h = 0.5f * f * f;
  return e * 0.693145752f - ((h - (s * (h + r * z) + e * 1.42860682e-6f)) - f);
}

/* 2 ulp */
static inline float cr_vlog(float x) {
  float tiny = x < 1.17549435e-38f ? 8388608.0f : 1.0f;
  float y = cr_vlog_normal(x * tiny, tiny != 1.0f ? -23.0f : 0.0f);
  y = x == 0.0f ? -INFINITY : y;
  y = x < 0.0f ? NAN : y;
  return x < INFINITY ? y : x; /* also NaN */
}

/* 3 ulp.  The rounding of 1 + x is put right to first order. */
static inline float cr_vlog1p(float x) {
  float u = 1.0f + x;
  float lost = u > 2.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  float y = cr_vlog_normal(u, 0.0f) + lost / u;
  y = u == 0.0f ? -INFINITY : y;
  y = u < 0.0f ? NAN : y;
  y = x == 0.0f ? x : y;
  return u < INFINITY ? y : u;
}

/* 4 ulp */
static inline float cr_vtanh(float x) {
  float em = cr_vexpm1(-2.0f * fabsf(x));
  return copysignf(em / (em + 2.0f), x);
}

/* 4 ulp where the result is a normal number: from e^-|x|, which cannot overflow */
static inline float cr_vsigmoid(float x) {
  float e = cr_vexp_down(-fabsf(x)), s = 1.0f / (1.0f + e);
  return x < 0.0f ? e * s : s;
}

/* 4 ulp where the sigmoid is a normal number */
static inline float cr_vsilu(float x) {
  float y = x * cr_vsigmoid(x);
  return x < -1e30f ? 0.0f : y;
}

/* 4 ulp where the result is a normal number.  e is at most 1, so log1p needs no care for special
 * arguments. */
static inline float cr_vsoftplus(float x) {
  float e = cr_vexp_down(-fabsf(x)), u = 1.0f + e;
  float y = cr_vlog_normal(u, 0.0f) + (e - (u - 1.0f)) / u;
  return x > 0.0f ? x + y : x != x ? x : y;
}

static inline float cr_vlogsigmoid(float x) {
  return -cr_vsoftplus(-x);
}

/* 2^64 e^(-t^2/2) for 0 <= t <= 16.  s = -t^2 - n 2 ln 2, from the exact square; p is that of
 * (e^(s/2) - 1 - s/2) / s^2 for |s| <= 0.696. */
static inline float cr_vbell64(float t) {
  float sum = (t * t) * -0.721347520f + CR_VROUND, n = sum - CR_VROUND;
  float s = fmaf(-t, t, n * -1.38629150f) - n * 2.85721364e-6f;
  float p = 2.177189572e-5f;
  p = p * s + 2.613569423e-4f;
  p = p * s + 2.604153852e-3f;
  p = p * s + 2.083321940e-2f;
  p = p * s + 0.125f;
  return ((p * s + 0.5f) * s + 1.0f) * cr_vpow2_64(sum);
}

/* The normal distribution function at -t over e^(-t^2/2), 0 <= t; good to 3e-7 up to t = 13.4. */
static inline float cr_vtail(float t) {
  float w = 1.0f / (1.0f + 0.35f * t);
  float p = -2.911544026e-2f;
  p = p * w + 0.1438204282f;
  p = p * w - 0.2553950340f;
  p = p * w + 0.1588009780f;
  p = p * w - 2.284632050e-2f;
  p = p * w + 0.1053933012f;
  p = p * w + 0.1198628169f;
  p = p * w + 0.1398575964f;
  p = p * w + 0.1396216585f;
  return p * w;
}

/* |x|, but 16 at most, where the tail is 0; 16 for NaN.  As integers these compare in the same
 * order, and the compiler is not tempted into a copy of everything for the bound. */
static inline float cr_vwithin16(float x) {
  uint32_t t = cr_float_bits(x) & 0x7fffffffu, bound = 0x41800000u;
  return cr_bits_float(t < bound ? t : bound);
}

/* x times the normal distribution function: x less |x| times the tail; 8 ulp where the result is a
 * normal number */
static inline float cr_vgelu(float x) {
  float t = cr_vwithin16(x);
  return (x < 0.0f ? -0.0f : x) - t * cr_vtail(t) * cr_vbell64(t) * CR_2_TO_MINUS_64;
}

static inline float cr_vgelu_grad(float x) {
  float t = cr_vwithin16(x);
  float y = (cr_vtail(t) - 0.398942280f * t) * cr_vbell64(t) * CR_2_TO_MINUS_64;
  y = x < 0.0f ? y : 1.0f - y;
  return x == x ? y : x;
}

/* Where the result is a normal number: mish 4 ulp, gelu by tanh 256, as far below zero the rounding
 * of an exponent of some -60 weighs that much. */
#define REAL float
#define NAME(f) f##_float
#define EXP cr_vexp
#include "tensor/activations.inc"
#undef REAL
#undef NAME
#undef EXP

/* ln |gamma x|, 1 ulp where it is above 1e-6 in size: in double, as terms cancel near 1 and 2.  By
 * Stirling's series for 8 and above; what is smaller is raised by 8, and divided by the eight
 * factors.  Below zero gamma(-a) is -pi / (a sin(pi a) gamma(a)). */
static inline float cr_vlgamma(float v) {
  double a = fabs((double)v), t = a * (a + 7), part = a - floor(a);
  double factors = a < 8 ? t * (t + 6) * (t + 10) * (t + 12) : 1, z = a < 8 ? a + 8 : a;
  double near = part > 0.5 ? 1 - part : part, mirrored = M_PI * factors / (a * sin(M_PI * near));
  double w = 1 / z, u = w * w;
  double p = 691.0 / 360360 - u / 156;
  p = 1.0 / 1260 - u * (1.0 / 1680 - u * (1.0 / 1188 - u * p));
  p = w * (1.0 / 12 - u * (1.0 / 360 - u * p));
  double y =
      (z - 0.5) * log(z) - z + (p + 0.91893853320467274178) - log(v < 0 ? mirrored : factors);
  y = v < 0 ? -y : y;
  y = ((v == 1) | (v == 2)) ? 0 : y;
  return a < (double)INFINITY ? (float)y : (float)a;
}

/* Sine and cosine of 2 pi u, 0 <= u < 1; absolute error below 2e-7. */
static inline void cr_vsincos2pi(float u, float *sine, float *cosine) {
  float n = (u * 4.0f + CR_VROUND) - CR_VROUND;
  float t = (u - n * 0.25f) * 6.28318531f, z = t * t;
  float s = -1.95039043e-4f;
  s = s * z + 8.33203579e-3f;
  s = s * z - 0.166666507f;
  s = (s * z + 0.999999997f) * t;
  float c = 2.43798313e-5f;
  c = c * z - 1.38866180e-3f;
  c = c * z + 4.16666167e-2f;
  c = c * z - 0.499999996f;
  c = c * z + 1.0f;
  uint32_t quarter = cr_float_bits(n + CR_VROUND);
  float a = quarter & 1u ? c : s, b = quarter & 1u ? s : c;
  *sine = cr_bits_float(cr_float_bits(a) ^ ((quarter & 2u) << 30));
  *cosine = cr_bits_float(cr_float_bits(b) ^ (((quarter + 1u) & 2u) << 30));
}

#endif
