/* pointwise.c: fused loops with one or two numbers, and `where`. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/halves.h"
#include "tensor/cpu/vmath.h"
#include "tensor/functions.h"

typedef struct {
  double s, t;    /* as given */
  int64_t is, it; /* truncated, for integers */
} numbers;

/* Operands that the operation lacks are read from operand 1 and not used. */
#define LOOP(name, type, number, from_s, from_t, nin, expr)                                        \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    const numbers *num = arg;                                                                      \
    number s = (number)num->from_s, t = (number)num->from_t;                                       \
    const type *a = (const type *)p[1], *b = (const type *)p[nin < 2 ? 1 : 2];                     \
    const type *c = (const type *)p[nin < 3 ? 1 : 3];                                              \
    type *o = (type *)p[0];                                                                        \
    (void)s, (void)t;                                                                              \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i], y = b[i], z = c[i];                                                           \
      (void)y, (void)z;                                                                            \
      o[i] = (type)(expr);                                                                         \
    }                                                                                              \
    return true;                                                                                   \
  }

#define OWN(name, sfx, type, nin, expr) LOOP(name##_##sfx, type, type, s, t, nin, expr)
#define AS_FLOATS                                                                                  \
  float s = (float)((const numbers *)arg)->s;                                                      \
  float t = (float)((const numbers *)arg)->t;                                                      \
  (void)s;                                                                                         \
  (void)t
#define HALF(name, sfx, type, nin, expr) CR_HALF_LOOP(name##_##sfx, sfx, nin, AS_FLOATS, expr)

/* ---- floats ----------------------------------------------------------------------------- */

/* CLAMP: where the bounds cross the upper one wins, and NaN fails both comparisons. */
#define CHEAP(sfx, MAKE, type, of)                                                                 \
  MAKE(addcmul, sfx, type, 3, x + s * y * z)                                                       \
  MAKE(addcdiv, sfx, type, 3, x + s * y / z)                                                       \
  MAKE(axpby, sfx, type, 2, s *x + t * y)                                                          \
  MAKE(lerp, sfx, type, 2, x + s * (y - x))                                                        \
  MAKE(blend, sfx, type, 3, x + z * (y - x))                                                       \
  MAKE(clamp, sfx, type, 1, (x < s ? s : x) > t ? t : (x < s ? s : x))                             \
  MAKE(threshold, sfx, type, 1, x > s ? x : t)                                                     \
  MAKE(thresholdb, sfx, type, 2, y > s ? x : 0)                                                    \
  MAKE(leaky, sfx, type, 2, y > 0 ? x : s * x)                                                     \
  MAKE(band, sfx, type, 3, ((z >= s) & (z <= t)) ? x : y)                                          \
  MAKE(beyond, sfx, type, 1, x - ((x < s ? s : x) > t ? t : (x < s ? s : x)))                      \
  MAKE(number, sfx, type, 1, x != x ? s : (x < -t ? -t : x) > t ? t : (x < -t ? -t : x))           \
  MAKE(prelu, sfx, type, 3, y > 0 ? x : z * x)                                                     \
  MAKE(huber, sfx, type, 2, cr_huber_##of(x, y, s, t))                                             \
  MAKE(hardsigmoid, sfx, type, 1, cr_hardsigmoid_##of(x))                                          \
  MAKE(hardswish, sfx, type, 1, x *cr_hardsigmoid_##of(x))                                         \
  MAKE(hardswishb, sfx, type, 2, x *cr_hardswish_slope_##of(y))                                    \
  MAKE(tanhb, sfx, type, 2, x *(1 - y * y))                                                        \
  MAKE(sigmoidb, sfx, type, 2, x *(y * (1 - y)))

#define FLOATS(sfx, type, gelu, of)                                                                \
  CHEAP(sfx, OWN, type, of)                                                                        \
  LOOP(gelub_##sfx, type, type, s, t, 2, x *gelu(y))                                               \
  LOOP(silub_##sfx, type, type, s, t, 2, x *cr_silu_slope_##of(y))                                 \
  LOOP(gelutanhb_##sfx, type, type, s, t, 2, x *cr_gelu_tanh_slope_##of(y))                        \
  LOOP(mishb_##sfx, type, type, s, t, 2, x *cr_mish_slope_##of(y))

FLOATS(f32, float, cr_vgelu_grad, float)
FLOATS(f64, double, cr_gelu_slope, double)
CHEAP(f16, HALF, float, float)
CHEAP(bf16, HALF, float, float)

/* ---- integers --------------------------------------------------------------------------- */

/* Products wrap; the numbers are truncated.  A bound that the type cannot hold is the type's own.
 */
#define INTEGERS(sfx, type, lowest, highest)                                                       \
  LOOP(addcmul_##sfx, type, uint64_t, is, it, 3, (uint64_t)x + s * (uint64_t)y * (uint64_t)z)      \
  LOOP(axpby_##sfx, type, uint64_t, is, it, 2, s *(uint64_t)x + t * (uint64_t)y)                   \
  LOOP(lerp_##sfx, type, uint64_t, is, it, 2, (uint64_t)x + s * ((uint64_t)y - (uint64_t)x))       \
  LOOP(blend_##sfx, type, uint64_t, is, it, 3,                                                     \
       (uint64_t)x + (uint64_t)z * ((uint64_t)y - (uint64_t)x))                                    \
  LOOP(clamp_within_##sfx, type, type, is, it, 1, (x < s ? s : x) > t ? t : (x < s ? s : x))       \
  LOOP(threshold_##sfx, type, int64_t, is, it, 1, x > s ? x : t)                                   \
  LOOP(thresholdb_##sfx, type, int64_t, is, it, 2, y > s ? x : 0)                                  \
  static bool clamp_##sfx(int64_t n, char *const *p, const void *arg) {                            \
    numbers num = *(const numbers *)arg;                                                           \
    num.is = cr_max64(cr_min64(num.is, highest), lowest);                                          \
    num.it = cr_max64(cr_min64(num.it, highest), lowest);                                          \
    return clamp_within_##sfx(n, p, &num);                                                         \
  }                                                                                                \
  static bool addcdiv_##sfx(int64_t n, char *const *p, const void *arg) {                          \
    uint64_t s = (uint64_t)((const numbers *)arg)->is;                                             \
    const type *a = (const type *)p[1], *b = (const type *)p[2], *c = (const type *)p[3];          \
    type *o = (type *)p[0];                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      if (c[i] == 0) return false;                                                                 \
    }                                                                                              \
    for (int64_t i = 0; i < n; i++) {                                                              \
      int64_t product = (int64_t)(s * (uint64_t)b[i]);                                             \
      o[i] = (type)((uint64_t)a[i] + (uint64_t)cr_quotient(product, c[i]));                        \
    }                                                                                              \
    return true;                                                                                   \
  }

INTEGERS(i8, int8_t, INT8_MIN, INT8_MAX)
INTEGERS(u8, uint8_t, 0, UINT8_MAX)
INTEGERS(i16, int16_t, INT16_MIN, INT16_MAX)
INTEGERS(i32, int32_t, INT32_MIN, INT32_MAX)
INTEGERS(i64, int64_t, INT64_MIN, INT64_MAX)

/* ---- the table -------------------------------------------------------------------------- */

#define COMMON_ENTRIES(s)                                                                          \
  [CR_ADDCMUL] = addcmul_##s, [CR_ADDCDIV] = addcdiv_##s, [CR_AXPBY] = axpby_##s,                  \
  [CR_LERP] = lerp_##s, [CR_BLEND] = blend_##s, [CR_CLAMP] = clamp_##s,                            \
  [CR_THRESHOLD] = threshold_##s, [CR_THRESHOLD_BACKWARD] = thresholdb_##s

#define CHEAP_ENTRIES(s)                                                                           \
  COMMON_ENTRIES(s), [CR_LEAKY] = leaky_##s, [CR_BAND] = band_##s, [CR_BEYOND] = beyond_##s,       \
                     [CR_NUMBER] = number_##s, [CR_PRELU] = prelu_##s, [CR_HUBER] = huber_##s,     \
                     [CR_HARDSIGMOID] = hardsigmoid_##s, [CR_HARDSWISH] = hardswish_##s,           \
                     [CR_HARDSWISH_BACKWARD] = hardswishb_##s, [CR_TANH_BACKWARD] = tanhb_##s,     \
                     [CR_SIGMOID_BACKWARD] = sigmoidb_##s

#define FLOAT_ENTRIES(s)                                                                           \
  CHEAP_ENTRIES(s), [CR_GELU_BACKWARD] = gelub_##s, [CR_SILU_BACKWARD] = silub_##s,                \
                    [CR_GELU_TANH_BACKWARD] = gelutanhb_##s, [CR_MISH_BACKWARD] = mishb_##s

static const cr_cpu_fn table[CR_NDTYPES][CR_NPOINTWISE] = {
    [CR_FLOAT32] = {FLOAT_ENTRIES(f32)},
    [CR_FLOAT64] = {FLOAT_ENTRIES(f64)},
    /* The other ones of halves are computed as floats. */
    [CR_FLOAT16] = {CHEAP_ENTRIES(f16)},
    [CR_BFLOAT16] = {CHEAP_ENTRIES(bf16)},
    [CR_INT8] = {COMMON_ENTRIES(i8)},
    [CR_UINT8] = {COMMON_ENTRIES(u8)},
    [CR_INT16] = {COMMON_ENTRIES(i16)},
    [CR_INT32] = {COMMON_ENTRIES(i32)},
    [CR_INT64] = {COMMON_ENTRIES(i64)},
};

static bool pointwise(cr_pointwise_op op, const cr_iter *it, double s, double t) {
  cr_dtype dtype = it->op[0].dtype;
  cr_cpu_fn own = table[dtype][op], fn = table[cr_compute_dtype(dtype)][op];
  if (!fn) return cr_fail("this operation is not defined on %s", cr_dtypes[dtype].name);
  numbers num = {s, t, cr_scalar_int(cr_num(s)), cr_scalar_int(cr_num(t))};
  int64_t grain = op >= CR_GELU_BACKWARD ? CR_GRAIN_MATH : CR_GRAIN_CHEAP;
  if (own) return cr_cpu_loop_raw(it, own, &num, grain, "division by zero");
  return cr_cpu_loop(it, fn, &num, grain, "division by zero");
}

/* ---- where ------------------------------------------------------------------------------ */

#define WHERE(type)                                                                                \
  static bool where_##type(int64_t n, char *const *p, const void *arg) {                           \
    (void)arg;                                                                                     \
    const uint8_t *c = (const uint8_t *)p[1];                                                      \
    const type *a = (const type *)p[2], *b = (const type *)p[3];                                   \
    type *o = (type *)p[0];                                                                        \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i], y = b[i];                                                                     \
      o[i] = c[i] ? x : y;                                                                         \
    }                                                                                              \
    return true;                                                                                   \
  }

WHERE(uint8_t)
WHERE(uint16_t)
WHERE(uint32_t)
WHERE(uint64_t)

static bool where(const cr_iter *it) {
  size_t size = cr_sizeof(it->op[0].dtype);
  cr_cpu_fn fn = size == 1   ? where_uint8_t
                 : size == 2 ? where_uint16_t
                 : size == 4 ? where_uint32_t
                             : where_uint64_t;
  return cr_cpu_loop_raw(it, fn, NULL, CR_GRAIN_CHEAP, NULL);
}

void CR_ISA_NAME(cr_cpu_pointwise)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_pointwise)(cr_backend *b) {
  b->pointwise = pointwise;
  b->where = where;
}
