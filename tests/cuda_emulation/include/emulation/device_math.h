/* device_math.h: device mathematics that the C library lacks, and min and max of every number type.
 */
#ifndef CR_EMULATED_DEVICE_MATH_H
#define CR_EMULATED_DEVICE_MATH_H

#include <math.h>
#include <stdlib.h>

/* ---- min and max -------------------------------------------------------------------------------
 */

#define CR_MIN_MAX(x_type, y_type, result)                                                         \
  static inline result min(x_type x, y_type y) {                                                   \
    return (result)x < (result)y ? (result)x : (result)y;                                          \
  }                                                                                                \
  static inline result max(x_type x, y_type y) {                                                   \
    return (result)x > (result)y ? (result)x : (result)y;                                          \
  }
#define CR_MIN_MAX_MIXED(signed_type, unsigned_type)                                               \
  CR_MIN_MAX(signed_type, signed_type, signed_type)                                                \
  CR_MIN_MAX(unsigned_type, unsigned_type, unsigned_type)                                          \
  CR_MIN_MAX(signed_type, unsigned_type, unsigned_type)                                            \
  CR_MIN_MAX(unsigned_type, signed_type, unsigned_type)
CR_MIN_MAX_MIXED(int, unsigned)
CR_MIN_MAX_MIXED(long, unsigned long)
CR_MIN_MAX_MIXED(long long, unsigned long long)
#undef CR_MIN_MAX_MIXED
#undef CR_MIN_MAX

/* Of a number and NaN, the number. */
static inline float min(float x, float y) {
  return fminf(x, y);
}
static inline float max(float x, float y) {
  return fmaxf(x, y);
}
static inline double min(double x, double y) {
  return fmin(x, y);
}
static inline double max(double x, double y) {
  return fmax(x, y);
}
static inline double min(float x, double y) {
  return fmin(x, y);
}
static inline double max(float x, double y) {
  return fmax(x, y);
}
static inline double min(double x, float y) {
  return fmin(x, y);
}
static inline double max(double x, float y) {
  return fmax(x, y);
}

static inline unsigned umin(unsigned x, unsigned y) {
  return x < y ? x : y;
}
static inline unsigned umax(unsigned x, unsigned y) {
  return x > y ? x : y;
}
static inline long long llmin(long long x, long long y) {
  return x < y ? x : y;
}
static inline long long llmax(long long x, long long y) {
  return x > y ? x : y;
}

extern "C" {
/* Where a function is not a matter of one line: math.cc. */
double cr_emulation_sinpi(double x);
double cr_emulation_cospi(double x);
double cr_emulation_erfcx(double x);
double cr_emulation_erfinv(double x);
double cr_emulation_erfcinv(double x);
double cr_emulation_bessel_i(int order, double x);

/* Names that a C library may declare as well, and so defined as C would: newer ones have them, or
 * use them within. */
inline double rsqrt(double x) noexcept {
  return 1 / sqrt(x);
}
inline float rsqrtf(float x) noexcept {
  return (float)(1 / sqrt((double)x));
}
inline double sinpi(double x) noexcept {
  return cr_emulation_sinpi(x);
}
inline float sinpif(float x) noexcept {
  return (float)cr_emulation_sinpi(x);
}
inline double cospi(double x) noexcept {
  return cr_emulation_cospi(x);
}
inline float cospif(float x) noexcept {
  return (float)cr_emulation_cospi(x);
}
inline float __expf(float x) noexcept {
  return expf(x);
}
inline float __exp10f(float x) noexcept {
  return powf(10, x);
}
inline float __logf(float x) noexcept {
  return logf(x);
}
inline float __log2f(float x) noexcept {
  return log2f(x);
}
inline float __log10f(float x) noexcept {
  return log10f(x);
}
inline float __sinf(float x) noexcept {
  return sinf(x);
}
inline float __cosf(float x) noexcept {
  return cosf(x);
}
inline float __tanf(float x) noexcept {
  return tanf(x);
}
inline float __powf(float x, float y) noexcept {
  return powf(x, y);
}
inline void __sincosf(float x, float *sine, float *cosine) noexcept {
  *sine = sinf(x);
  *cosine = cosf(x);
}
}

static inline void sincospi(double x, double *sine, double *cosine) {
  *sine = cr_emulation_sinpi(x);
  *cosine = cr_emulation_cospi(x);
}
static inline void sincospif(float x, float *sine, float *cosine) {
  *sine = (float)cr_emulation_sinpi(x);
  *cosine = (float)cr_emulation_cospi(x);
}

static inline float __fdividef(float x, float y) {
  return x / y;
}
static inline float fdividef(float x, float y) {
  return x / y;
}
static inline double fdivide(double x, double y) {
  return x / y;
}
static inline float __saturatef(float x) {
  return x > 0 ? (x < 1 ? x : 1) : 0;
} /* NaN gives 0 */

/* Of functions of one number: the double, the float, and the float by overloading. */
#define CR_FUNCTION(name, value)                                                                   \
  static inline double name(double x) {                                                            \
    return value;                                                                                  \
  }                                                                                                \
  static inline float name##f(float single) {                                                      \
    double x = single;                                                                             \
    return (float)(value);                                                                         \
  }                                                                                                \
  static inline float name(float x) {                                                              \
    return name##f(x);                                                                             \
  }
CR_FUNCTION(rcbrt, 1 / cbrt(x))
CR_FUNCTION(erfinv, cr_emulation_erfinv(x))
CR_FUNCTION(erfcinv, cr_emulation_erfcinv(x))
CR_FUNCTION(erfcx, cr_emulation_erfcx(x))
CR_FUNCTION(normcdf, erfc(x * -0.70710678118654752440) / 2)
CR_FUNCTION(normcdfinv, -1.41421356237309504880 * cr_emulation_erfcinv(2 * x))
CR_FUNCTION(cyl_bessel_i0, cr_emulation_bessel_i(0, x))
CR_FUNCTION(cyl_bessel_i1, cr_emulation_bessel_i(1, x))
#undef CR_FUNCTION
static inline float rsqrt(float x) {
  return rsqrtf(x);
}
static inline float sinpi(float x) {
  return sinpif(x);
}
static inline float cospi(float x) {
  return cospif(x);
}

static inline double rhypot(double x, double y) {
  return 1 / hypot(x, y);
}
static inline float rhypotf(float x, float y) {
  return (float)(1 / hypot((double)x, (double)y));
}
static inline double norm3d(double x, double y, double z) {
  return hypot(hypot(x, y), z);
}
static inline float norm3df(float x, float y, float z) {
  return (float)norm3d(x, y, z);
}

#endif
