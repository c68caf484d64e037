/* special.c: less common functions of one and two arguments.  Most of floats are computed in
 * double.
 */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/vmath.h"
#include "tensor/functions.h"

#include <math.h>
#include <string.h>

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
  LOOP(i0_##sfx, type, cr_bessel(0, x))                                                            \
  LOOP(i1_##sfx, type, cr_bessel(1, x))                                                            \
  LOOP(sinc_##sfx, type, cr_sinc(x))                                                               \
  LOOP(polygamma_##sfx, type, cr_polygamma_of(s, x))                                               \
  LOOP(copysign_##sfx, type, copysign(x, b[i]))

FLOATS(f32, float)
FLOATS(f64, double)
LOOP(erfinv_f64, double, cr_erfinv(x, 3))
LOOP(exp2_f64, double, exp2(x))
LOOP(hypot_f64, double, hypot(x, b[i]))
LOOP(logaddexp_f64, double, cr_log_add(x, b[i]))
LOOP(xlogy_f64, double, cr_xlogy(x, b[i]))

/* Of floats, without calls and branches, so that they are made of vectors.  Squares of floats fit a
 * double; an infinity beats a NaN. */
static inline float hypot_float(float x, float y) {
  double a = x, b = y;
  float r = (float)sqrt(a * a + b * b);
  return ((fabsf(x) == INFINITY) | (fabsf(y) == INFINITY)) ? INFINITY : r;
}
static inline float log_add_float(float x, float y) {
  float high = x > y ? x : y, r = high + cr_vlog1p(cr_vexp_down(-fabsf(x - y)));
  r = fabsf(high) == INFINITY ? high : r;
  return ((x != x) | (y != y)) ? x + y : r;
}
static inline float xlogy_float(float x, float y) {
  return ((x == 0) & (y == y)) ? 0 : x * cr_vlog(y);
}

/* 2^n e^(r ln 2), r within a half: the whole powers are exact. */
static inline float exp2_float(float x, float unused) {
  (void)unused;
  float sum = x + CR_VROUND, r = (x - (sum - CR_VROUND)) * 0.693147181f;
  float p = cr_vexp_poly(r) * (r * r) + r + 1.0f;
  int32_t i = cr_vrounded(sum), half = i >> 1;
  float y = p * cr_vpow2(half) * cr_vpow2(i - half);
  y = x >= 128.0f ? INFINITY : y;
  return x < -151.0f ? 0.0f : y;
}

/* y times a polynomial of w = -log(1 - y^2), or of its root where it is large. */
static inline float erfinv_float(float y, float unused) {
  (void)unused;
  static const float near[] = {-8.94141405e-09f, 2.32648001e-08f, 4.68266973e-07f, -3.46309307e-06f,
                               -4.97306967e-06f, 0.000218345887f, -0.00125272523f, -0.00417738847f,
                               0.246640279f,     1.50140936f};
  static const float far[] = {0.000114972576f, -0.000136208364f, -0.000354540287f, 0.00122215391f,
                              -0.00220451803f, 0.00326760233f,   -0.00469345202f,  0.0064056737f,
                              1.00429707f,     3.00152678f};
  float w = -cr_vlog((1.0f - y) * (1.0f + y)), u = w - 2.5f, v = sqrtf(w) - 3.16803399f;
  float p = near[0], q = far[0];
  CR_UNROLL for (int k = 1; k < 10; k++) {
    p = p * u + near[k];
    q = q * v + far[k];
  }
  float x = y * (w < 5.0f ? p : q);
  return fabsf(y) == 1.0f ? y * INFINITY : x;
}

#define VECTORS(name, f)                                                                           \
  static void name##_groups(int64_t n, const float *a, const float *b, float *o) {                 \
    CR_SIMD for (int64_t i = 0; i < n; i++) o[i] = f(a[i], b[i]);                                  \
  }                                                                                                \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    const operands *given = arg;                                                                   \
    const float *a = (const float *)p[1], *b = (const float *)p[given->two ? 2 : 1];               \
    float *o = (float *)p[0], x[CR_GROUP] = {0}, y[CR_GROUP] = {0}, z[CR_GROUP];                   \
    int64_t whole = n - n % CR_GROUP;                                                              \
    size_t rest = (size_t)(n - whole) * sizeof *o;                                                 \
    name##_groups(whole, a, b, o);                                                                 \
    if (rest == 0) return true;                                                                    \
    memcpy(x, a + whole, rest);                                                                    \
    memcpy(y, b + whole, rest);                                                                    \
    name##_groups(CR_GROUP, x, y, z);                                                              \
    memcpy(o + whole, z, rest);                                                                    \
    return true;                                                                                   \
  }

VECTORS(erfinv_f32, erfinv_float)
VECTORS(exp2_f32, exp2_float)
VECTORS(hypot_f32, hypot_float)
VECTORS(logaddexp_f32, log_add_float)
VECTORS(xlogy_f32, xlogy_float)

#define INTEGERS(sfx, type)                                                                        \
  LOOP(gcd_##sfx, type, cr_gcd(cr_magnitude(x), cr_magnitude(b[i])))                               \
  LOOP(lcm_##sfx, type, cr_lcm(cr_magnitude(x), cr_magnitude(b[i])))

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
