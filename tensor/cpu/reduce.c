/* reduce.c: reductions, along lines or down columns, in blocks that the shape alone decides.
 *
 * Floats accumulate in double (sums of them by fours), integers in int64.  The work is cut in
 * units: a block of outputs that lie next to each other, and, where outputs are few and long, one
 * of several splits of what is reduced, whose partial results are combined in order afterwards. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/wide.h"

#include <math.h>
#include <string.h>

/* An accumulator: an array of these is an array of doubles or of integers. */
typedef union {
  double d;
  int64_t i;
} value;

/* Takes in n elements: reduces them all into *v (and the place *at of the best), the first being
 * number `index`. */
typedef void (*line_kernel)(int64_t n, const void *x, int64_t index, value *v, int64_t *at);
/* Takes in one row of n elements, having number `index`, element c into v[c] (and at[c]); or, but
 * for places, TOGETHER rows that are `step` elements apart. */
typedef void (*row_kernel)(int64_t n, int rows, int64_t step, const void *x, int64_t index,
                           value *v, int64_t *at);
#define TOGETHER 4

/* ---- sums of floats --------------------------------------------------------------------- */

/* 32 partial results in fixed lanes, whatever the width of a register. */
#define NLANES 32
#define WIDE_ABS(x) ((cr_wide)((cr_wide_int)(x)&INT64_MAX))

/* Joins the lanes pairwise, so that no addition waits for more than five others. */
#define FOLD_TO(half, l, join)                                                                     \
  for (int k = 0; k < (half); k++) l[k] = l[k] join l[k + (half)];
#define FOLD(l, join)                                                                              \
  FOLD_TO(16, l, join)                                                                             \
  FOLD_TO(8, l, join)                                                                              \
  FOLD_TO(4, l, join)                                                                              \
  FOLD_TO(2, l, join)                                                                              \
  FOLD_TO(1, l, join)

#define LANES(name, type, start, join, vector_map, map)                                            \
  static double name(int64_t n, const type *x) {                                                   \
    cr_wide s[NLANES / CR_WIDTH];                                                                  \
    double l[NLANES];                                                                              \
    int64_t i = 0;                                                                                 \
    CR_UNROLL for (int k = 0; k < NLANES / CR_WIDTH; k++) s[k] = (cr_wide){0} + (start);           \
    for (; i + NLANES <= n; i += NLANES) {                                                         \
      CR_UNROLL for (int k = 0; k < NLANES / CR_WIDTH; k++) {                                      \
        cr_wide e = cr_wide_##type(x + i + k * CR_WIDTH);                                          \
        s[k] = s[k] join vector_map(e);                                                            \
      }                                                                                            \
    }                                                                                              \
    memcpy(l, s, sizeof l);                                                                        \
    for (int64_t k = 0; k < n - i; k++) l[k] = l[k] join map((double)x[i + k]);                    \
    FOLD(l, join)                                                                                  \
    return l[0];                                                                                   \
  }

#define SAME(x) (x)
#define SQUARED(x) ((x) * (x))

#define FLOAT_SUMS(s, type)                                                                        \
  LANES(sum_of_##s, type, 0.0, +, SAME, SAME)                                                      \
  LANES(sumsq_of_##s, type, 0.0, +, SQUARED, SQUARED)                                              \
  LANES(sumabs_of_##s, type, 0.0, +, WIDE_ABS, fabs)                                               \
  LANES(prod_of_##s, type, 1.0, *, SAME, SAME)

FLOAT_SUMS(f32, float)
FLOAT_SUMS(f64, double)

/* Of a short line: eight lanes. */
static double sum_short_f32(int64_t n, const float *x) {
  cr_wide s[8 / CR_WIDTH] = {{0}};
  double l[8];
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    CR_UNROLL for (int k = 0; k < 8 / CR_WIDTH; k++) s[k] += cr_wide_float(x + i + k * CR_WIDTH);
  }
  memcpy(l, s, sizeof l);
  for (int64_t k = 0; k < n - i; k++) l[k] += x[i + k];
  return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

/* Of some halves, fewer than four times NLANES. */
#define SHORT_HALVES(s, dtype)                                                                     \
  static double sum_short_##s(int64_t n, const uint16_t *x) {                                      \
    float wide[4 * NLANES];                                                                        \
    cr_cpu_cast(CR_FLOAT32, wide, dtype, x, n);                                                    \
    return sum_short_f32(n, wide);                                                                 \
  }
SHORT_HALVES(f16, CR_FLOAT16)
SHORT_HALVES(bf16, CR_BFLOAT16)

/* The sum of four neighbours, or of four rows, in float32: so a quarter of them becomes a double,
 * which is what sums of floats take their time for.  The error is at most 2^-23 of the sum of |x|.
 * Where four overflow the result is no number, and run_unit adds up again in double. */
#define BY_FOURS(s, type, to_float)                                                                \
  static inline cr_floats four_##s(const type *x, int64_t step) {                                  \
    return (cr_floats_##s(x) + cr_floats_##s(x + step)) +                                          \
           (cr_floats_##s(x + 2 * step) + cr_floats_##s(x + 3 * step));                            \
  }                                                                                                \
                                                                                                   \
  static double sum_fours_##s(int64_t n, const type *x) {                                          \
    if (n < 4 * NLANES) return sum_short_##s(n, x);                                                \
    cr_wide s[NLANES / CR_WIDTH] = {{0}};                                                          \
    double l[NLANES];                                                                              \
    int64_t i = 0;                                                                                 \
    for (; i + 4 * NLANES <= n; i += 4 * NLANES) {                                                 \
      CR_UNROLL for (int k = 0; k < NLANES / CR_WIDTH; k += 2) {                                   \
        cr_floats four = four_##s(x + i + k * CR_WIDTH, NLANES);                                   \
        s[k] += cr_widen_first(four);                                                              \
        s[k + 1] += cr_widen_second(four);                                                         \
      }                                                                                            \
    }                                                                                              \
    for (; i + NLANES <= n; i += NLANES) {                                                         \
      CR_UNROLL for (int k = 0; k < NLANES / CR_WIDTH; k += 2) {                                   \
        cr_floats one = cr_floats_##s(x + i + k * CR_WIDTH);                                       \
        s[k] += cr_widen_first(one);                                                               \
        s[k + 1] += cr_widen_second(one);                                                          \
      }                                                                                            \
    }                                                                                              \
    memcpy(l, s, sizeof l);                                                                        \
    for (int64_t k = 0; k < n - i; k++) l[k] += to_float(x[i + k]);                                \
    FOLD(l, +)                                                                                     \
    return l[0];                                                                                   \
  }

BY_FOURS(f32, float, SAME)
BY_FOURS(f16, uint16_t, cr_f16_to_float)
BY_FOURS(bf16, uint16_t, cr_bf16_to_float)

/* ---- kernels ---------------------------------------------------------------------------- */

#define KERNEL(name, type, body)                                                                   \
  static void name(int64_t n, const void *data, int64_t index, value *v, int64_t *at) {            \
    const type *x = data;                                                                          \
    (void)x, (void)index, (void)v, (void)at, (void)n;                                              \
    body                                                                                           \
  }

#define ROWS(name, type, one, four)                                                                \
  static void row_##name(int64_t n, int rows, int64_t step, const void *data, int64_t index,       \
                         value *restrict v, int64_t *restrict at) {                                \
    const type *restrict x = data;                                                                 \
    (void)index, (void)at;                                                                         \
    if (rows == TOGETHER) {                                                                        \
      const type *restrict y = x + step, *restrict z = y + step, *restrict u = z + step;           \
      (void)u;                                                                                     \
      CR_SIMD for (int64_t c = 0; c < n; c++) four                                                 \
    } else {                                                                                       \
      CR_SIMD for (int64_t c = 0; c < n; c++) {                                                    \
        type e = x[c];                                                                             \
        one                                                                                        \
      }                                                                                            \
    }                                                                                              \
  }

/* For every column c, with its element in `e`, of one row after the other. */
#define ROW_KERNEL(name, type, body)                                                               \
  ROWS(name, type, body, {                                                                         \
    type e = x[c];                                                                                 \
    body;                                                                                          \
    e = y[c];                                                                                      \
    body;                                                                                          \
    e = z[c];                                                                                      \
    body;                                                                                          \
    e = u[c];                                                                                      \
    body;                                                                                          \
  })

/* Of one row only, with its number in `index`. */
#define PLACE_KERNEL(name, type, body) ROWS(name, type, body, {})

/* The sum (one of several kinds) of a line and of columns. */
#define FLOAT_SUM_KERNELS(s, type)                                                                 \
  KERNEL(line_sum_##s, type, v->d += sum_of_##s(n, x);)                                            \
  KERNEL(line_sumsq_##s, type, v->d += sumsq_of_##s(n, x);)                                        \
  KERNEL(line_sumabs_##s, type, v->d += sumabs_of_##s(n, x);)                                      \
  KERNEL(line_prod_##s, type, v->d *= prod_of_##s(n, x);)                                          \
  ROW_KERNEL(few_##s, type, v[c].d += e;)                                                          \
  static void row_sum_##s(int64_t n, int rows, int64_t step, const void *data, int64_t index,      \
                          value *v, int64_t *at) {                                                 \
    const type *x = data;                                                                          \
    int64_t c = 0;                                                                                 \
    for (; rows == TOGETHER && c + CR_WIDTH <= n; c += CR_WIDTH) {                                 \
      cr_wide sum = cr_wide_double(&v[c].d);                                                       \
      CR_UNROLL for (int r = 0; r < TOGETHER; r++) sum += cr_wide_##type(x + c + r * step);        \
      *(cr_wide_place *)(v + c) = sum;                                                             \
    }                                                                                              \
    row_few_##s(n - c, rows, step, x + c, index, v + c, at);                                       \
  }                                                                                                \
                                                                                                   \
  ROW_KERNEL(sumsq_##s, type, v[c].d += (double)e * e;)                                            \
  ROW_KERNEL(sumabs_##s, type, v[c].d += fabs((double)e);)                                         \
  ROW_KERNEL(prod_##s, type, v[c].d *= e;)

FLOAT_SUM_KERNELS(f32, float)
FLOAT_SUM_KERNELS(f64, double)

/* A row, or some times four. */
#define FOURS_KERNELS(s, type, to_float)                                                           \
  KERNEL(line_fours_##s, type, v->d += sum_fours_##s(n, x);)                                       \
  static void row_fours_##s(int64_t n, int rows, int64_t step, const void *data, int64_t index,    \
                            value *v, int64_t *at) {                                               \
    const type *x = data;                                                                          \
    int64_t c = 0;                                                                                 \
    (void)index, (void)at;                                                                         \
    for (; c + 2 * CR_WIDTH <= n; c += 2 * CR_WIDTH) {                                             \
      cr_wide first = cr_wide_double(&v[c].d), second = cr_wide_double(&v[c + CR_WIDTH].d);        \
      for (int r = 0; r < rows; r += TOGETHER) {                                                   \
        cr_floats sum = rows == 1 ? cr_floats_##s(x + c) : four_##s(x + c + r * step, step);       \
        first += cr_widen_first(sum);                                                              \
        second += cr_widen_second(sum);                                                            \
      }                                                                                            \
      *(cr_wide_place *)(v + c) = first;                                                           \
      *(cr_wide_place *)(v + c + CR_WIDTH) = second;                                               \
    }                                                                                              \
    for (; c < n; c++) {                                                                           \
      for (int r = 0; r < rows; r++) v[c].d += to_float(x[c + r * step]);                          \
    }                                                                                              \
  }

FOURS_KERNELS(f32, float, SAME)
FOURS_KERNELS(f16, uint16_t, cr_f16_to_float)
FOURS_KERNELS(bf16, uint16_t, cr_bf16_to_float)

/* Integers wrap in unsigned arithmetic. */
#define ADDED(a, b) (int64_t)((uint64_t)(a) + (uint64_t)(b))
#define MULTIPLIED(a, b) (int64_t)((uint64_t)(a) * (uint64_t)(b))

#define LINE_INT(name, type, start, body)                                                          \
  KERNEL(line_##name, type, uint64_t all = (start); for (int64_t i = 0; i < n; i++) body)

LINE_INT(sum_i64, int64_t, 0, all += (uint64_t)x[i]; v->i = ADDED(v->i, all);)
LINE_INT(sum_u8, uint8_t, 0, all += x[i]; v->i = ADDED(v->i, all);)
LINE_INT(prod_i64, int64_t, 1, all *= (uint64_t)x[i]; v->i = MULTIPLIED(v->i, all);)
ROW_KERNEL(sum_i64, int64_t, v[c].i = ADDED(v[c].i, e);)
ROW_KERNEL(sum_u8, uint8_t, v[c].i = ADDED(v[c].i, e);)
ROW_KERNEL(prod_i64, int64_t, v[c].i = MULTIPLIED(v[c].i, e);)

#define COUNT_KERNELS(s, type)                                                                     \
  LINE_INT(count_##s, type, 0, all += x[i] != 0; v->i = ADDED(v->i, all);)                         \
  ROW_KERNEL(count_##s, type, v[c].i += e != 0;)

COUNT_KERNELS(f32, float)
COUNT_KERNELS(f64, double)
COUNT_KERNELS(i64, int64_t)
COUNT_KERNELS(u8, uint8_t)

/* The largest or smallest.  The place of the first NaN beats everything. */
/* Accumulators hold elements, so nothing is lost by comparing in the type of those. */
#define TAKE_BEST(cmp, type, e)                                                                    \
  type w = e, old = (type)v[c].d, best = w cmp old ? w : old;                                      \
  v[c].d = w != w ? w : best;
/* Of four parts at a time, so that the best so far is waited for less; they overlap a little. */
#define FLOAT_BEST(which, s, type, cmp, worst, clause)                                             \
  static type best_##which##_##s(int64_t n, const type *x) {                                       \
    type m = (type)(worst);                                                                        \
    int nan = 0;                                                                                   \
    int64_t part = n < 64 ? 0 : (n + 63) / 64 * 16, last = n - part;                               \
    const type *y = x + part, *z = x + cr_min64(2 * part, last), *u = x + last;                    \
    _Pragma(clause) for (int64_t i = 0; i < part; i++) {                                           \
      type a = x[i] cmp y[i] ? x[i] : y[i], b = z[i] cmp u[i] ? z[i] : u[i];                       \
      type best = a cmp b ? a : b;                                                                 \
      m = best cmp m ? best : m;                                                                   \
      nan |= isunordered(x[i], y[i]) | isunordered(z[i], u[i]);                                    \
    }                                                                                              \
    for (int64_t i = 0; i < n && part == 0; i++) {                                                 \
      m = x[i] cmp m ? x[i] : m;                                                                   \
      nan |= x[i] != x[i];                                                                         \
    }                                                                                              \
    return nan ? (type)NAN : m;                                                                    \
  }                                                                                                \
  KERNEL(line_##which##_##s, type, double m = best_##which##_##s(n, x);                            \
         if (m cmp v->d || m != m) v->d = m;)                                                      \
  ROWS(which##_##s, type, TAKE_BEST(cmp, type, e), {                                               \
    type a = x[c] cmp y[c] ? x[c] : y[c];                                                          \
    type b = z[c] cmp u[c] ? z[c] : u[c];                                                          \
    type m = a cmp b ? a : b;                                                                      \
    m = isunordered(x[c], y[c]) ? (type)NAN : m;                                                   \
    m = isunordered(z[c], u[c]) ? (type)NAN : m;                                                   \
    TAKE_BEST(cmp, type, m)                                                                        \
  })                                                                                               \
  PLACE_KERNEL(arg##which##_##s, type, type old = (type)v[c].d;                                    \
               int better = (e cmp old) | ((e != e) & (old == old)); v[c].d = better ? e : old;    \
               at[c] = better ? index : at[c];)                                                    \
  static void line_arg##which##_##s(int64_t n, const void *data, int64_t index, value *v,          \
                                    int64_t *at) {                                                 \
    const type *x = data;                                                                          \
    for (int64_t i = 0; i < n && v->d == v->d; i += CR_BLOCK) {                                    \
      int64_t size = cr_min64(CR_BLOCK, n - i), j = 0;                                             \
      type m = best_##which##_##s(size, x + i);                                                    \
      if (!(m cmp v->d) && m == m) continue;                                                       \
      while (m == m ? x[i + j] != m : x[i + j] == x[i + j]) j++;                                   \
      v->d = m;                                                                                    \
      *at = index + i + j;                                                                         \
    }                                                                                              \
  }

FLOAT_BEST(max, f32, float, >, -INFINITY, "omp simd reduction(max : m) reduction(| : nan)")
FLOAT_BEST(max, f64, double, >, -INFINITY, "omp simd reduction(max : m) reduction(| : nan)")
FLOAT_BEST(min, f32, float, <, INFINITY, "omp simd reduction(min : m) reduction(| : nan)")
FLOAT_BEST(min, f64, double, <, INFINITY, "omp simd reduction(min : m) reduction(| : nan)")

/* Halves but for NaN are in the order of integers, those below zero when their bits are turned. */
#define HALF_BEST(which, s, cmp, worst, most, clause)                                              \
  static double best_##which##_##s(int64_t n, const uint16_t *x) {                                 \
    int16_t m = worst, size = 0;                                                                   \
    _Pragma(clause) for (int64_t i = 0; i < n; i++) {                                              \
      int16_t e = (int16_t)x[i], turned = (int16_t)(e ^ (e >> 15 & 0x7fff));                       \
      m = turned cmp m ? turned : m;                                                               \
      size = (e & 0x7fff) > size ? e & 0x7fff : size;                                              \
    }                                                                                              \
    return size > (most) ? NAN : cr_##s##_to_float((uint16_t)(m ^ (m >> 15 & 0x7fff)));            \
  }                                                                                                \
  KERNEL(line_##which##_##s, uint16_t, double m = best_##which##_##s(n, x);                        \
         if (m cmp v->d || m != m) v->d = m;)

HALF_BEST(max, f16, >, INT16_MIN, 0x7c00, "omp simd reduction(max : m) reduction(max : size)")
HALF_BEST(min, f16, <, INT16_MAX, 0x7c00, "omp simd reduction(min : m) reduction(max : size)")
HALF_BEST(max, bf16, >, INT16_MIN, 0x7f80, "omp simd reduction(max : m) reduction(max : size)")
HALF_BEST(min, bf16, <, INT16_MAX, 0x7f80, "omp simd reduction(min : m) reduction(max : size)")

#define TAKE_BEST_INT(cmp, e)                                                                      \
  int64_t w = (e);                                                                                 \
  v[c].i = w cmp v[c].i ? w : v[c].i;
#define INT_BEST(which, cmp, s, type, clause)                                                      \
  static type best_##which##_##s(int64_t n, const type *x) {                                       \
    type m = x[0];                                                                                 \
    _Pragma(clause) for (int64_t i = 1; i < n; i++) m = x[i] cmp m ? x[i] : m;                     \
    return m;                                                                                      \
  }                                                                                                \
  KERNEL(line_##which##_##s, type, if (n == 0) return; int64_t m = best_##which##_##s(n, x);       \
         v->i = m cmp v->i ? m : v->i;)                                                            \
  static void line_arg##which##_##s(int64_t n, const void *data, int64_t index, value *v,          \
                                    int64_t *at) {                                                 \
    const type *x = data;                                                                          \
    for (int64_t i = 0; i < n; i += CR_BLOCK) {                                                    \
      int64_t size = cr_min64(CR_BLOCK, n - i), j = 0, m = best_##which##_##s(size, x + i);        \
      if (!(m cmp v->i)) continue;                                                                 \
      while (x[i + j] != m) j++;                                                                   \
      v->i = m;                                                                                    \
      *at = index + i + j;                                                                         \
    }                                                                                              \
  }                                                                                                \
  ROWS(which##_##s, type, TAKE_BEST_INT(cmp, e), {                                                 \
    type a = x[c] cmp y[c] ? x[c] : y[c];                                                          \
    type b = z[c] cmp u[c] ? z[c] : u[c];                                                          \
    TAKE_BEST_INT(cmp, a cmp b ? a : b)                                                            \
  })                                                                                               \
  PLACE_KERNEL(arg##which##_##s, type, int64_t w = e; int64_t old = v[c].i;                        \
               int better = w cmp old; v[c].i = better ? w : old; at[c] = better ? index : at[c];)

#define INT_BESTS(s, type)                                                                         \
  INT_BEST(max, >, s, type, "omp simd reduction(max : m)")                                         \
  INT_BEST(min, <, s, type, "omp simd reduction(min : m)")

INT_BESTS(i64, int64_t)
INT_BESTS(i32, int32_t)
INT_BESTS(i16, int16_t)
INT_BESTS(i8, int8_t)
INT_BESTS(u8, uint8_t)

/* ---- the table -------------------------------------------------------------------------- */

/* What the elements are turned into before a kernel sees them. */
enum { AS_F32, AS_F64, AS_I64, AS_I32, AS_I16, AS_I8, AS_U8, NCLASSES };
static const cr_dtype class_dtype[] = {CR_FLOAT32, CR_FLOAT64, CR_INT64, CR_INT32,
                                       CR_INT16,   CR_INT8,    CR_UINT8};

typedef struct {
  line_kernel line;
  row_kernel row;
  cr_dtype as; /* of the elements that they take */
  int rows;    /* that `row` takes at a time */
} kernels;

#define PAIR(name)                                                                                 \
  { .line = line_##name, .row = row_##name }
#define FLOAT_ROW(s)                                                                               \
  {                                                                                                \
    [CR_SUM] = PAIR(sum_##s), [CR_PROD] = PAIR(prod_##s), [CR_AMAX] = PAIR(max_##s),               \
    [CR_AMIN] = PAIR(min_##s), [CR_ARGMAX] = PAIR(argmax_##s), [CR_ARGMIN] = PAIR(argmin_##s),     \
    [CR_ALL] = PAIR(count_##s), [CR_ANY] = PAIR(count_##s), [CR_SUMSQ] = PAIR(sumsq_##s),          \
    [CR_SUMABS] = PAIR(sumabs_##s), [CR_COUNT_NONZERO] = PAIR(count_##s)                           \
  }

#define INT_EXTREMES(s)                                                                            \
  [CR_AMAX] = PAIR(max_##s), [CR_AMIN] = PAIR(min_##s), [CR_ARGMAX] = PAIR(argmax_##s),            \
  [CR_ARGMIN] = PAIR(argmin_##s)

static const kernels table[NCLASSES][CR_NREDUCE] = {
    [AS_F32] = FLOAT_ROW(f32),
    [AS_F64] = FLOAT_ROW(f64),
    [AS_I64] = {[CR_SUM] = PAIR(sum_i64),
                [CR_PROD] = PAIR(prod_i64),
                INT_EXTREMES(i64),
                [CR_ALL] = PAIR(count_i64),
                [CR_ANY] = PAIR(count_i64),
                [CR_COUNT_NONZERO] = PAIR(count_i64)},
    [AS_I32] = {INT_EXTREMES(i32)},
    [AS_I16] = {INT_EXTREMES(i16)},
    [AS_I8] = {INT_EXTREMES(i8)},
    [AS_U8] = {[CR_SUM] = PAIR(sum_u8),
               INT_EXTREMES(u8),
               [CR_ALL] = PAIR(count_u8),
               [CR_ANY] = PAIR(count_u8),
               [CR_COUNT_NONZERO] = PAIR(count_u8)},
};

/* Those that are tried first, and count if their results are finite. */
#define FOURS(s, dtype)                                                                            \
  { line_fours_##s, row_fours_##s, dtype, 2 * TOGETHER }
#define HALVES(s, dtype)                                                                           \
  {                                                                                                \
    [CR_SUM] = FOURS(s, dtype), [CR_AMAX] = {.line = line_max_##s, .as = dtype}, [CR_AMIN] = {     \
      line_min_##s,                                                                                \
      .as = dtype                                                                                  \
    }                                                                                              \
  }
static const kernels quick[CR_NDTYPES][CR_NREDUCE] = {
    [CR_FLOAT32] = {[CR_SUM] = FOURS(f32, CR_FLOAT32)},
    [CR_FLOAT16] = HALVES(f16, CR_FLOAT16),
    [CR_BFLOAT16] = HALVES(bf16, CR_BFLOAT16),
};

static int class_of(cr_reduce_op op, cr_dtype dtype) {
  if (dtype == CR_FLOAT64) return AS_F64;
  if (cr_is_float(dtype)) return AS_F32;
  static const int classes[CR_NDTYPES] = {
      [CR_UINT8] = AS_U8,  [CR_BOOL] = AS_U8,   [CR_INT8] = AS_I8,
      [CR_INT16] = AS_I16, [CR_INT32] = AS_I32, [CR_INT64] = AS_I64};
  return table[classes[dtype]][op].line ? classes[dtype] : AS_I64;
}

static value identity(cr_reduce_op op, bool is_float) {
  switch (op) {
  case CR_PROD: return is_float ? (value){.d = 1} : (value){.i = 1};
  case CR_AMAX:
  case CR_ARGMAX: return is_float ? (value){.d = -INFINITY} : (value){.i = INT64_MIN};
  case CR_AMIN:
  case CR_ARGMIN: return is_float ? (value){.d = INFINITY} : (value){.i = INT64_MAX};
  default: return (value){.i = 0}; /* also 0.0 */
  }
}

/* Outputs of a unit at most: their accumulators fit the first cache, and rows this long keep the
 * memory busy. */
#define COLUMNS 2048

/* ---- units of work ---------------------------------------------------------------------- */

typedef struct {
  const cr_reduction *r;
  cr_reduce_op op;
  kernels k;
  int class;
  cr_dtype in_dtype;
  value start;
  bool down; /* rows of outputs at a time, else line by line */
  int64_t cols, block, blocks, outer, splits;
  value *part; /* of every unit, when there are splits */
  int64_t *part_at;
} job;

static bool is_arg(cr_reduce_op op) {
  return op == CR_ARGMAX || op == CR_ARGMIN;
}

/* Whether the accumulators are doubles. */
static bool in_double(const job *j) {
  bool counts = j->op == CR_ALL || j->op == CR_ANY || j->op == CR_COUNT_NONZERO;
  return j->class <= AS_F64 && !counts;
}

/* Elements `index`.. of the reduced ones, in pieces along the innermost reduced dimension: lines,
 * or some rows together. */
static void take(const job *j, const kernels *k, const char *in, int64_t begin, int64_t end,
                 int64_t ncols, value *v, int64_t *at) {
  const cr_reduction *r = j->r;
  _Alignas(64) char buf[COLUMNS * 8];
  int64_t index[CR_MAX_DIMS], rest = begin;
  if (begin >= end) return;
  for (int d = 0; d < r->nred; d++) {
    index[d] = rest % r->red[d];
    rest /= r->red[d];
    in += index[d] * r->in_red[d];
  }
  cr_dtype as = k->as;
  int64_t size = (int64_t)cr_sizeof(as), along = j->down   ? r->in_keep[0]
                                                 : r->nred ? r->in_red[0]
                                                           : 0;
  bool dense = j->in_dtype == as && along == size;
  while (begin < end) {
    int64_t n = 1;
    if (j->down) {
      int64_t left = cr_min64(r->red[0] - index[0], end - begin);
      bool many = dense && !is_arg(j->op) && left >= TOGETHER && r->in_red[0] % size == 0;
      n = many ? cr_min64(left / TOGETHER * TOGETHER, k->rows) : 1;
      k->row(ncols, (int)n, r->in_red[0] / size,
             cr_cpu_load(as, buf, j->in_dtype, in, along, ncols), begin, v, at);
    } else {
      n = r->nred ? cr_min64(r->red[0] - index[0], end - begin) : 1;
      if (!dense) n = cr_min64(n, CR_BLOCK);
      int64_t step = r->nred ? r->in_red[0] : (int64_t)cr_sizeof(j->in_dtype);
      k->line(n, cr_cpu_load(as, buf, j->in_dtype, in, step, n), begin, v, at);
    }
    begin += n;
    for (int d = 0; d < r->nred; d++, n = 1) {
      index[d] += n;
      in += n * r->in_red[d];
      if (index[d] < r->red[d]) break;
      in -= index[d] * r->in_red[d];
      index[d] = 0;
    }
  }
}

/* Writes the results of n neighbouring outputs. */
static void store(const job *j, char *out, int64_t n, value *v, const int64_t *at) {
  const cr_reduction *r = j->r;
  _Alignas(64) char buf[COLUMNS * 8];
  for (int64_t c = 0; j->op == CR_ALL && c < n; c++) v[c].i = v[c].i == r->nin;
  const void *from = is_arg(j->op) ? (const void *)at : v;
  cr_dtype type = in_double(j) && !is_arg(j->op) ? CR_FLOAT64 : CR_INT64;
  int64_t size = (int64_t)cr_sizeof(r->out_dtype), stride = r->nkeep ? r->out_stride[0] : size;
  if (stride == size) {
    cr_cpu_cast(r->out_dtype, out, type, from, n);
    return;
  }
  cr_cpu_cast(r->out_dtype, buf, type, from, n);
  cr_cpu_unpack((size_t)size, n, out, stride, buf);
}

static void clear(const job *j, int64_t n, int64_t begin, value *v, int64_t *at) {
  for (int64_t c = 0; c < n; c++) v[c] = j->start;
  for (int64_t c = 0; is_arg(j->op) && c < n; c++) at[c] = begin;
}

/* Where block `b` of outputs begins in the input and the output; returns how many they are. */
static int64_t locate(const job *j, int64_t b, const char **in, char **out) {
  const cr_reduction *r = j->r;
  int64_t first = b % j->blocks * j->block, rest = b / j->blocks;
  *in = r->in;
  *out = r->out;
  if (r->nkeep == 0) return 1;
  *in += first * r->in_keep[0];
  *out += first * r->out_stride[0];
  for (int d = 1; d < r->nkeep; d++) {
    int64_t i = rest % r->keep[d];
    rest /= r->keep[d];
    *in += i * r->in_keep[d];
    *out += i * r->out_stride[d];
  }
  return cr_min64(j->block, j->cols - first);
}

/* Elements begin .. end - 1 of n neighbouring outputs. */
static void take_all(const job *j, const kernels *k, const char *in, int64_t begin, int64_t end,
                     int64_t n, value *v, int64_t *at) {
  const cr_reduction *r = j->r;
  int64_t step = r->nkeep ? r->in_keep[0] : 0, along = r->nred == 1 ? r->in_red[0] : 0;
  clear(j, n, begin, v, at);
  if (j->down) {
    take(j, k, in, begin, end, n, v, at);
  } else if (begin < end && j->in_dtype == k->as &&
             along == (int64_t)cr_sizeof(k->as)) { /* lines */
    for (int64_t c = 0; c < n; c++)
      k->line(end - begin, in + c * step + begin * along, begin, v + c, at + c);
  } else {
    for (int64_t c = 0; c < n; c++) take(j, k, in + c * step, begin, end, 1, v + c, at + c);
  }
}

static bool are_finite(int64_t n, const value *v) {
  const int64_t most = (int64_t)0x7ff << 52; /* an exponent of these bits: no finite number */
  int64_t bad = 0;
  _Pragma("omp simd reduction(| : bad)") for (int64_t c = 0; c < n; c++) {
    bad |= (v[c].i & most) == most;
  }
  return bad == 0;
}

static void run_unit(const job *j, int64_t unit) {
  const cr_reduction *r = j->r;
  value values[COLUMNS], *v = values;
  int64_t places[COLUMNS], *at = places;
  const char *in;
  char *out;
  int64_t s = unit % j->splits, n = locate(j, unit / j->splits, &in, &out);
  int64_t begin = r->nin / j->splits * s + cr_min64(s, r->nin % j->splits);
  int64_t end = begin + r->nin / j->splits + (s < r->nin % j->splits);
  if (j->splits > 1) {
    v = j->part + unit * j->block;
    at = j->part_at + unit * j->block;
  }
  const kernels *first = &quick[j->in_dtype][j->op];
  bool some = j->down ? first->row != NULL : first->line != NULL;
  if (some) take_all(j, first, in, begin, end, n, v, at);
  if (!some || !are_finite(n, v)) take_all(j, &j->k, in, begin, end, n, v, at);
  if (j->splits == 1) store(j, out, n, v, at);
}

static bool run_units(void *arg, int64_t begin, int64_t end) {
  for (int64_t u = begin; u < end; u++) run_unit(arg, u);
  return true;
}

/* ---- splits ----------------------------------------------------------------------------- */

/* Takes the best of one part, and its place, into that of a part before it. */
static void join_places(const job *j, value *v, int64_t *at, const value *w, int64_t w_at) {
  bool largest = j->op == CR_ARGMAX;
  bool better = in_double(j)
                    ? (largest ? w->d > v->d : w->d < v->d) || (w->d != w->d && v->d == v->d)
                    : (largest ? w->i > v->i : w->i < v->i);
  if (!better) return;
  *v = *w;
  *at = w_at;
}

/* What takes partial results in as if they were elements. */
static row_kernel joining(const job *j) {
  bool itself = j->op == CR_PROD || j->op == CR_AMAX || j->op == CR_AMIN;
  return table[in_double(j) ? AS_F64 : AS_I64][itself ? j->op : CR_SUM].row;
}

static void join_splits(const job *j) {
  row_kernel join = joining(j);
  for (int64_t b = 0; b < j->outer * j->blocks; b++) {
    const char *in;
    char *out;
    int64_t n = locate(j, b, &in, &out);
    value *v = j->part + b * j->splits * j->block;
    int64_t *at = j->part_at + b * j->splits * j->block;
    for (int64_t s = 1; s < j->splits; s++) {
      const value *w = v + s * j->block;
      if (!is_arg(j->op)) join(n, 1, 0, w, 0, v, at);
      for (int64_t c = 0; is_arg(j->op) && c < n; c++)
        join_places(j, v + c, at + c, w + c, at[s * j->block + c]);
    }
    store(j, out, n, v, at);
  }
}

static bool run_split(job *j, int64_t grain) {
  int64_t units = j->outer * j->blocks * j->splits;
  size_t bytes = (size_t)(units * j->block) * (sizeof(value) + sizeof(int64_t));
  j->part = cr_host_alloc(bytes);
  if (!j->part) return cr_fail("out of memory: %zu bytes for partial results", bytes);
  j->part_at = (int64_t *)(j->part + units * j->block);
  bool ok = cr_cpu_parallel(units, grain, run_units, j, NULL);
  if (ok) join_splits(j);
  cr_host_free(j->part, bytes);
  return ok;
}

/* ---- set-up ----------------------------------------------------------------------------- */

/* For ARG*: the reduced dimensions in row-major order, so that a flat position is the index. */
static void order_by_index(cr_reduction *r) {
  for (int i = 1; i < r->nred; i++) {
    for (int d = i; d > 0 && r->red_step[d] < r->red_step[d - 1]; d--) {
      int64_t t = r->red[d];
      r->red[d] = r->red[d - 1], r->red[d - 1] = t;
      t = r->in_red[d];
      r->in_red[d] = r->in_red[d - 1], r->in_red[d - 1] = t;
      t = r->red_step[d];
      r->red_step[d] = r->red_step[d - 1], r->red_step[d - 1] = t;
    }
  }
}

#define UNIT_WORK 65536 /* elements that a unit should read, where that can be had */
#define MOST_SPLITS 64

/* Cuts the work.  Only the shape and the strides count here. */
static void cut(job *j) {
  const cr_reduction *r = j->r;
  j->cols = r->nkeep ? r->keep[0] : 1;
  j->down = r->nkeep && r->nred && j->cols >= 8 && r->in_keep[0] < r->in_red[0];
  j->block = j->down ? COLUMNS : cr_max64(1, cr_min64(COLUMNS, UNIT_WORK / cr_max64(r->nin, 1)));
  j->block = cr_min64(j->block, j->cols);
  j->blocks = (j->cols + j->block - 1) / j->block;
  j->outer = 1;
  for (int d = 1; d < r->nkeep; d++) j->outer *= r->keep[d];
  int64_t units = j->outer * j->blocks, work = r->nin * j->block;
  j->splits = cr_max64(1, cr_min64(MOST_SPLITS / units, work / UNIT_WORK));
}

static bool reduce(cr_reduce_op op, const cr_reduction *given) {
  cr_reduction ordered;
  const cr_reduction *r = given;
  if (r->nout == 0) return true;
  if (r->nin == 0 && op >= CR_AMAX && op <= CR_ARGMIN) {
    return cr_fail("there is no largest or smallest of no elements");
  }
  if (is_arg(op) && r->nred > 1) {
    ordered = *r;
    order_by_index(&ordered);
    r = &ordered;
  }
  job j = {.r = r, .op = op, .class = class_of(op, r->in_dtype)};
  j.in_dtype = r->in_dtype == CR_BOOL && j.class == AS_U8 ? CR_UINT8 : r->in_dtype;
  j.k = table[j.class][op];
  j.k.as = class_dtype[j.class];
  j.k.rows = TOGETHER;
  if (!j.k.line) return cr_fail("this reduction is not defined on %s", cr_dtypes[r->in_dtype].name);
  j.start = identity(op, in_double(&j));
  cut(&j);
  int64_t grain = cr_max64(1, CR_GRAIN_CHEAP / cr_max64(1, r->nin * j.block / j.splits));
  if (j.splits > 1) return run_split(&j, grain);
  return cr_cpu_parallel(j.outer * j.blocks, grain, run_units, &j, NULL);
}

/* ---- squares of many tensors ------------------------------------------------------------ */

#define SQUARES_UNIT 8192 /* elements that make one partial sum, of one run */

typedef struct {
  const cr_runs *runs;
  double *part; /* as many as there are units */
} squares_job;

static int64_t units_of(const cr_run *r) {
  return (r->n + SQUARES_UNIT - 1) / SQUARES_UNIT;
}

static double squares_of(cr_dtype dtype, int64_t n, const char *x) {
  float wide[CR_BLOCK];
  double sum = 0;
  if (dtype == CR_FLOAT32) return sumsq_of_f32(n, (const float *)x);
  if (dtype == CR_FLOAT64) return sumsq_of_f64(n, (const double *)x);
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, n - i);
    cr_cpu_cast(CR_FLOAT32, wide, dtype, x + i * 2, m);
    sum += sumsq_of_f32(m, wide);
  }
  return sum;
}

/* The first unit of a run of n elements that is not before element i. */
static int64_t unit_from(int64_t i, int64_t n) {
  return (cr_max64(0, cr_min64(i, n)) + SQUARES_UNIT - 1) / SQUARES_UNIT;
}

/* Counts through the elements of all runs; a unit belongs to the range that it begins in. */
static bool some_squares(void *arg, int64_t begin, int64_t end) {
  const squares_job *j = arg;
  int64_t size = (int64_t)cr_sizeof(j->runs->dtype);
  double *part = j->part;
  for (const cr_run *r = j->runs->run; end > 0; r++) {
    int64_t last = unit_from(end, r->n);
    for (int64_t u = unit_from(begin, r->n); u < last; u++) {
      int64_t at = u * SQUARES_UNIT, n = cr_min64(SQUARES_UNIT, r->n - at);
      part[u] = squares_of(j->runs->dtype, n, r->data[0] + at * size);
    }
    part += units_of(r);
    begin -= r->n, end -= r->n;
  }
  return true;
}

static bool squares(const cr_runs *runs, double *out) {
  int64_t units = 0, n = 0;
  for (int i = 0; i < runs->count; i++) {
    units += units_of(&runs->run[i]);
    n += runs->run[i].n;
  }
  size_t bytes = (size_t)units * sizeof(double);
  squares_job j = {runs, cr_host_alloc(bytes)};
  if (!j.part) return cr_fail("out of memory: %zu bytes for partial results", bytes);
  bool ok = cr_cpu_parallel(n, CR_GRAIN_CHEAP, some_squares, &j, NULL);
  *out = 0;
  for (int64_t u = 0; ok && u < units; u++) *out += j.part[u];
  cr_host_free(j.part, bytes);
  return ok;
}

void CR_ISA_NAME(cr_cpu_reduce)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_reduce)(cr_backend *b) {
  b->reduce = reduce;
  b->squares = squares;
}
