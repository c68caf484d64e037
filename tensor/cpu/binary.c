/* binary.c: functions of two arguments: arithmetic, and comparisons, which give bytes. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/halves.h"
#include "tensor/cpu/vmath.h"
#include "tensor/functions.h"

#include <math.h>
#include <string.h>

#define LOOP(name, type, out_type, expr)                                                           \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1], *b = (const type *)p[2];                                   \
    out_type *o = (out_type *)p[0];                                                                \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i], y = b[i];                                                                     \
      (void)y;                                                                                     \
      o[i] = (out_type)(expr);                                                                     \
    }                                                                                              \
    return true;                                                                                   \
  }

/* Also with the first or the second argument the same throughout. */
#define LOOPS(name, type, expr)                                                                    \
  LOOP(name, type, type, expr)                                                                     \
  NUMBER(name##_first, type, expr, 0, 1)                                                           \
  NUMBER(name##_second, type, expr, 1, 0)

#define NUMBER(name, type, expr, x_step, y_step)                                                   \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1], *b = (const type *)p[2];                                   \
    type *o = (type *)p[0], first = *a, second = *b;                                               \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = (x_step) ? a[i] : first, y = (y_step) ? b[i] : second;                              \
      o[i] = (type)(expr);                                                                         \
    }                                                                                              \
    return true;                                                                                   \
  }

/* Without the hint: bodies that branch. */
#define SCALARS(name, type, expr)                                                                  \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1], *b = (const type *)p[2];                                   \
    type *o = (type *)p[0];                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i], y = b[i];                                                                     \
      o[i] = (type)(expr);                                                                         \
    }                                                                                              \
    return true;                                                                                   \
  }

/* Calls of the C library, on vectors where it can. */
#define CALLS(name, type, expr)                                                                    \
  static void name##_groups(int64_t n, const type *a, const type *b, type *o) {                    \
    CR_SIMD                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                              \
      type x = a[i], y = b[i];                                                                     \
      o[i] = expr;                                                                                 \
    }                                                                                              \
  }                                                                                                \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1], *b = (const type *)p[2];                                   \
    type *o = (type *)p[0], x[CR_GROUP] = {0}, y[CR_GROUP] = {0}, z[CR_GROUP];                     \
    int64_t whole = n - n % CR_GROUP;                                                              \
    name##_groups(whole, a, b, o);                                                                 \
    if (whole == n) return true;                                                                   \
    memcpy(x, a + whole, (size_t)(n - whole) * sizeof *x);                                         \
    memcpy(y, b + whole, (size_t)(n - whole) * sizeof *y);                                         \
    name##_groups(CR_GROUP, x, y, z);                                                              \
    memcpy(o + whole, z, (size_t)(n - whole) * sizeof *z);                                         \
    return true;                                                                                   \
  }

/* x - y trunc(x / y) by a fused product, which is exact for quotients that the type holds; one that
 * rounding carried over the next whole number is put right.  In a piece with a larger one, or with
 * what is no number, the C library is asked. */
#define FMOD(name, type, to_fmod, to_fma, to_trunc, to_abs, to_copysign, bits, expr)               \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1], *b = (const type *)p[2];                                   \
    type *o = (type *)p[0], piece[CR_BLOCK];                                                       \
    for (int64_t from = 0; from < n; from += CR_BLOCK) {                                           \
      int64_t m = cr_min64(CR_BLOCK, n - from);                                                    \
      int large = 0;                                                                               \
      _Pragma("omp simd reduction(| : large)") for (int64_t i = 0; i < m; i++) {                   \
        type x = a[from + i], y = b[from + i], q = to_trunc(x / y), r = to_fma(-q, y, x);          \
        large |= !(to_abs(q) < (type)(INT64_C(1) << (bits))) | (y - y != 0);                       \
        r = (r < 0) != (x < 0) && r != 0 ? r + to_copysign(y, x) : r;                              \
        r = to_copysign(r, x);                                                                     \
        piece[i] = expr;                                                                           \
      }                                                                                            \
      for (int64_t i = 0; large && i < m; i++) {                                                   \
        type x = a[from + i], y = b[from + i], r = to_fmod(x, y);                                  \
        piece[i] = expr;                                                                           \
      }                                                                                            \
      memcpy(o + from, piece, (size_t)m * sizeof *o);                                              \
    }                                                                                              \
    return true;                                                                                   \
  }

#define COMPARISONS(s, type)                                                                       \
  LOOP(eq_##s, type, uint8_t, x == y)                                                              \
  LOOP(ne_##s, type, uint8_t, x != y)                                                              \
  LOOP(lt_##s, type, uint8_t, x < y)                                                               \
  LOOP(le_##s, type, uint8_t, x <= y)                                                              \
  LOOP(gt_##s, type, uint8_t, x > y)                                                               \
  LOOP(ge_##s, type, uint8_t, x >= y)                                                              \
  LOOP(land_##s, type, uint8_t, (x != 0) & (y != 0))                                               \
  LOOP(lor_##s, type, uint8_t, (x != 0) | (y != 0))                                                \
  LOOP(lxor_##s, type, uint8_t, (x != 0) ^ (y != 0))

/* ---- floats ----------------------------------------------------------------------------- */

/* The power of 1/2, which is no root of -0 and -infinity. */
#define ROOT(x, to_sqrt) ((x) == -INFINITY ? INFINITY : to_sqrt((x) + 0))

/* x^y by that of |x|: vectors of the C library take one by one what may give NaN.  Below zero, an
 * odd power has x's sign, and one that is not whole is none. */
#define POWER(s, type, to_pow, to_abs, to_trunc, to_copysign)                                      \
  static inline type power_##s(type x, type y) {                                                   \
    type size = to_pow(to_abs(x), y), half = y * (type)0.5;                                        \
    int whole = to_trunc(y) == y, odd = whole & (to_trunc(half) != half);                          \
    type signed_size = odd ? to_copysign(size, x) : size;                                          \
    return ((x < 0) & (x > -(type)INFINITY) & !whole) ? (type)NAN : signed_size;                   \
  }
POWER(f32, float, powf, fabsf, truncf, copysignf)
POWER(f64, double, pow, fabs, trunc, copysign)

/* NaN where either is. */
#define LARGER ((x > y) | (x != x)) ? x : y
#define SMALLER ((x < y) | (x != x)) ? x : y

#define FLOATS(s, type, to_floor, to_sqrt, to_atan2)                                               \
  LOOPS(add_##s, type, x + y)                                                                      \
  LOOPS(sub_##s, type, x - y)                                                                      \
  LOOPS(mul_##s, type, x *y)                                                                       \
  LOOP(cube_##s, type, type, x *x *y)                                                              \
  LOOP(root_##s, type, type, ROOT(x, to_sqrt))                                                     \
  LOOP(over_root_##s, type, type, 1 / ROOT(x, to_sqrt))                                            \
  LOOP(over_##s, type, type, 1 / x)                                                                \
  LOOPS(div_##s, type, x / y)                                                                      \
  LOOP(floordiv_##s, type, type, to_floor(x / y))                                                  \
  LOOP(max_##s, type, type, LARGER)                                                                \
  LOOP(min_##s, type, type, SMALLER)                                                               \
  CALLS(pow_##s, type, power_##s(x, y))                                                            \
  CALLS(atan2_##s, type, to_atan2(x, y))                                                           \
  COMPARISONS(s, type)

FLOATS(f32, float, floorf, sqrtf, atan2f)
FLOATS(f64, double, floor, sqrt, atan2)
FMOD(fmod_f32, float, fmodf, fmaf, truncf, fabsf, copysignf, 22, r)
FMOD(fmod_f64, double, fmod, fma, trunc, fabs, copysign, 51, r)
#define FLOORED r != 0 && (r < 0) != (y < 0) ? r + y : r
FMOD(remainder_f32, float, fmodf, fmaf, truncf, fabsf, copysignf, 22, FLOORED)
FMOD(remainder_f64, double, fmod, fma, trunc, fabs, copysign, 51, FLOORED)

/* ---- halves ----------------------------------------------------------------------------- */

#define HALF_LOOPS(name, s, expr)                                                                  \
  CR_HALF_LOOP(name##_##s, s, 2, , expr)                                                           \
  CR_HALF_NUMBER(name##_##s, first)                                                                \
  CR_HALF_NUMBER(name##_##s, second)

#define HALVES(s)                                                                                  \
  HALF_LOOPS(add, s, x + y)                                                                        \
  HALF_LOOPS(sub, s, x - y)                                                                        \
  HALF_LOOPS(mul, s, x *y)                                                                         \
  HALF_LOOPS(div, s, x / y)                                                                        \
  CR_HALF_LOOP(max_##s, s, 2, , LARGER)                                                            \
  CR_HALF_LOOP(min_##s, s, 2, , SMALLER)

HALVES(f16)
HALVES(bf16)

/* ---- integers --------------------------------------------------------------------------- */

/* A quotient by y of a number below 2^32 is the high half of its product with 2^64 / y, rounded up.
 */
static inline uint64_t times_inverse(uint64_t x, uint64_t inverse) {
  return (x * (inverse >> 32) + (x * (inverse & 0xffffffffu) >> 32)) >> 32;
}

static inline uint64_t size_of(int64_t x) {
  return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/* Given the quotient q, truncated: the operations in 64 bits that wrap. */
#define REST ((int64_t)((uint64_t)x - (uint64_t)q * (uint64_t)y))
#define UNEVEN ((REST != 0) & ((x < 0) != (y < 0)))

/* Fails when a divisor is 0.  By one number there is no division where all elements are small. */
#define DIVIDES(name, type, expr)                                                                  \
  static bool name(int64_t n, char *const *p, const void *arg) {                                   \
    (void)arg;                                                                                     \
    const type *a = (const type *)p[1], *b = (const type *)p[2];                                   \
    type *o = (type *)p[0];                                                                        \
    uint64_t zeros = 0, others = 0, most = 0, size = n > 0 ? size_of(b[0]) : 0;                    \
    for (int64_t i = 0; i < n; i++) {                                                              \
      zeros |= b[i] == 0;                                                                          \
      others |= b[i] != b[0];                                                                      \
      most |= size_of(a[i]);                                                                       \
    }                                                                                              \
    if (zeros) return false;                                                                       \
    if (n >= 16 && !others && most >> 32 == 0 && size > 1 && size >> 31 == 0) {                    \
      uint64_t inverse = UINT64_MAX / size + 1;                                                    \
      int64_t y = b[0];                                                                            \
      for (int64_t i = 0; i < n; i++) {                                                            \
        int64_t x = a[i], q = (int64_t)times_inverse(size_of(x), inverse);                         \
        q = (x < 0) != (y < 0) ? -q : q;                                                           \
        o[i] = (type)(expr);                                                                       \
      }                                                                                            \
    } else {                                                                                       \
      for (int64_t i = 0; i < n; i++) {                                                            \
        int64_t x = a[i], y = b[i], q = cr_quotient((type)x, (type)y);                             \
        (void)x, (void)y;                                                                          \
        o[i] = (type)(expr);                                                                       \
      }                                                                                            \
    }                                                                                              \
    return true;                                                                                   \
  }

/* Sums and products wrap in an unsigned type; a shift by the width or more (or by a negative
 * number) shifts everything out. */
#define INTEGERS(s, type, wide, bits)                                                              \
  LOOP(add_##s, type, type, (wide)x + (wide)y)                                                     \
  LOOP(sub_##s, type, type, (wide)x - (wide)y)                                                     \
  LOOP(mul_##s, type, type, (wide)x *(wide)y)                                                      \
  LOOP(max_##s, type, type, x > y ? x : y)                                                         \
  LOOP(min_##s, type, type, x < y ? x : y)                                                         \
  LOOP(and_##s, type, type, x &y)                                                                  \
  LOOP(or_##s, type, type, x | y)                                                                  \
  LOOP(xor_##s, type, type, x ^ y)                                                                 \
  SCALARS(lshift_##s, type, (wide)y < (bits) ? (wide)x << (y & ((bits)-1)) : 0)                    \
  SCALARS(rshift_##s, type,                                                                        \
          x >> ((wide)y < (bits) ? y & ((bits)-1) : (bits)-1) >> ((wide)y >= (bits)))              \
  SCALARS(pow_##s, type, cr_power(x, (int64_t)y))                                                  \
  DIVIDES(div_##s, type, q)                                                                        \
  DIVIDES(floordiv_##s, type, q - UNEVEN)                                                          \
  DIVIDES(remainder_##s, type, UNEVEN ? REST + y : REST)                                           \
  DIVIDES(fmod_##s, type, REST)                                                                    \
  COMPARISONS(s, type)

INTEGERS(i8, int8_t, uint32_t, 8)
INTEGERS(u8, uint8_t, uint32_t, 8)
INTEGERS(i16, int16_t, uint32_t, 16)
INTEGERS(i32, int32_t, uint32_t, 32)
INTEGERS(i64, int64_t, uint64_t, 64)

/* ---- the table -------------------------------------------------------------------------- */

#define COMPARISON_ENTRIES(s)                                                                      \
  [CR_EQ] = eq_##s, [CR_NE] = ne_##s, [CR_LT] = lt_##s, [CR_LE] = le_##s, [CR_GT] = gt_##s,        \
  [CR_GE] = ge_##s, [CR_LOGICAL_AND] = land_##s, [CR_LOGICAL_OR] = lor_##s,                        \
  [CR_LOGICAL_XOR] = lxor_##s

#define COMMON_ENTRIES(s)                                                                          \
  COMPARISON_ENTRIES(s), [CR_ADD] = add_##s, [CR_SUB] = sub_##s, [CR_MUL] = mul_##s,               \
                         [CR_DIV] = div_##s, [CR_FLOORDIV] = floordiv_##s,                         \
                         [CR_REMAINDER] = remainder_##s, [CR_FMOD] = fmod_##s, [CR_POW] = pow_##s, \
                         [CR_MAX] = max_##s, [CR_MIN] = min_##s

#define INT_ENTRIES(s)                                                                             \
  COMMON_ENTRIES(s), [CR_BITAND] = and_##s, [CR_BITOR] = or_##s, [CR_BITXOR] = xor_##s,            \
                     [CR_LSHIFT] = lshift_##s, [CR_RSHIFT] = rshift_##s

#define HALF_ENTRIES(s)                                                                            \
  [CR_ADD] = add_##s, [CR_SUB] = sub_##s, [CR_MUL] = mul_##s, [CR_DIV] = div_##s,                  \
  [CR_MAX] = max_##s, [CR_MIN] = min_##s

static const cr_cpu_fn table[CR_NDTYPES][CR_NBINARY] = {
    [CR_FLOAT32] = {COMMON_ENTRIES(f32), [CR_ATAN2] = atan2_f32},
    [CR_FLOAT64] = {COMMON_ENTRIES(f64), [CR_ATAN2] = atan2_f64},
    /* The other ones of halves are computed as floats. */
    [CR_FLOAT16] = {HALF_ENTRIES(f16)},
    [CR_BFLOAT16] = {HALF_ENTRIES(bf16)},
    [CR_INT8] = {INT_ENTRIES(i8)},
    [CR_UINT8] = {INT_ENTRIES(u8)},
    [CR_INT16] = {INT_ENTRIES(i16)},
    [CR_INT32] = {INT_ENTRIES(i32)},
    [CR_INT64] = {INT_ENTRIES(i64)},
    /* bool is 0 or 1 in a byte. */
    [CR_BOOL] = {COMPARISON_ENTRIES(u8), [CR_ADD] = or_u8, [CR_MUL] = and_u8, [CR_MAX] = or_u8,
                 [CR_MIN] = and_u8, [CR_BITAND] = and_u8, [CR_BITOR] = or_u8, [CR_BITXOR] = xor_u8},
};

/* For an argument that is one number, the first or the second. */
#define NUMBER_ENTRY(name)                                                                         \
  { NULL, name##_first, name##_second }
#define NUMBER_ENTRIES(s)                                                                          \
  {                                                                                                \
    [CR_ADD] = NUMBER_ENTRY(add_##s), [CR_SUB] = NUMBER_ENTRY(sub_##s),                            \
    [CR_MUL] = NUMBER_ENTRY(mul_##s), [CR_DIV] = NUMBER_ENTRY(div_##s)                             \
  }

static const cr_cpu_fn number_table[CR_NDTYPES][CR_NBINARY][CR_ITER_MAX] = {
    [CR_FLOAT32] = NUMBER_ENTRIES(f32),
    [CR_FLOAT64] = NUMBER_ENTRIES(f64),
    [CR_FLOAT16] = NUMBER_ENTRIES(f16),
    [CR_BFLOAT16] = NUMBER_ENTRIES(bf16),
};

static int64_t grain_of(cr_binary_op op, cr_dtype dtype) {
  if (op == CR_POW || op == CR_ATAN2) return CR_GRAIN_DEAR;
  if (op == CR_FMOD || op == CR_REMAINDER) return CR_GRAIN_MATH;
  bool slow = !cr_is_float(dtype) && (op == CR_DIV || op == CR_FLOORDIV);
  return slow ? CR_GRAIN_MATH : CR_GRAIN_CHEAP;
}

/* The number that operand k is in every place, or NaN. */
static double number_of(const cr_iter *it, int k) {
  for (int d = 0; d < it->ndim; d++) {
    if (it->op[k].stride[d]) return NAN;
  }
  return it->numel > 0 ? cr_scalar_double(cr_load_scalar(it->op[k].dtype, it->op[k].data)) : NAN;
}

/* Powers that take no logarithm: by their exponent, of one factor (which is both operands). */
static const struct {
  double exponent;
  cr_cpu_fn f32, f64;
} easy_powers[] = {{2, mul_f32, mul_f64},
                   {3, cube_f32, cube_f64},
                   {0.5, root_f32, root_f64},
                   {-1, over_f32, over_f64},
                   {-0.5, over_root_f32, over_root_f64}};

static bool power(const cr_iter *it, cr_dtype dtype) {
  double exponent = number_of(it, 2);
  cr_iter factor = *it;
  factor.op[2] = factor.op[1];
  if (exponent == 2 && !cr_is_float(dtype))
    return cr_cpu_loop(&factor, table[dtype][CR_MUL], NULL, CR_GRAIN_CHEAP, NULL);
  for (size_t i = 0; cr_is_float(dtype) && i < sizeof easy_powers / sizeof *easy_powers; i++) {
    if (exponent != easy_powers[i].exponent) continue;
    cr_cpu_fn f = dtype == CR_FLOAT64 ? easy_powers[i].f64 : easy_powers[i].f32;
    return cr_cpu_loop(&factor, f, NULL, CR_GRAIN_CHEAP, NULL);
  }
  return cr_cpu_loop(it, table[dtype][CR_POW], NULL, grain_of(CR_POW, dtype), NULL);
}

static bool binary(cr_binary_op op, const cr_iter *it) {
  cr_dtype dtype = it->op[1].dtype;
  cr_dtype as = table[dtype][op] ? dtype : cr_compute_dtype(dtype);
  if (!table[as][op]) return cr_fail("this operation is not defined on %s", cr_dtypes[dtype].name);
  if (op == CR_POW) return power(it, as);
  return cr_cpu_loop_numbers(it, as == dtype, table[as][op], number_table[as][op],
                             grain_of(op, dtype), "division by zero");
}

void CR_ISA_NAME(cr_cpu_binary)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_binary)(cr_backend *b) {
  b->binary = binary;
}
