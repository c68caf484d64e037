/* scan.c: running sums, products, extremes and logarithms of sums along lines. */
#include "tensor/cpu/cpu.h"
#include "tensor/functions.h"

#include <math.h>

typedef struct {
  cr_reduce_op op;
  int64_t n, out_stride, in_stride;
  cr_dtype out_dtype, in_dtype;
} scan_args;

/* Overwrites n numbers by their running sum or the like, beginning with `last`; returns the last.
 */
static double run_doubles(cr_reduce_op op, int64_t n, double *x, double last) {
  if (op == CR_LOGSUMEXP) {
    for (int64_t i = 0; i < n; i++) x[i] = last = cr_log_add(last, x[i]);
    return last;
  }
  for (int64_t i = 0; i < n; i++) x[i] = last = op == CR_SUM ? last + x[i] : last * x[i];
  return last;
}

/* Four of them in the time of one: what is joined to `last` does not wait for it. */
#define JOIN_FOUR(type, join)                                                                      \
  for (; i + 4 <= n; i += 4) {                                                                     \
    type a = x[i], b = a join x[i + 1], c = b join x[i + 2], d = b join(x[i + 2] join x[i + 3]);   \
    x[i] = last join a, x[i + 1] = last join b, x[i + 2] = last join c;                            \
    x[i + 3] = last = last join d;                                                                 \
  }

/* The same of numbers that were floats, of which four at a time overflow nothing. */
static double run_floats(cr_reduce_op op, int64_t n, double *x, double last) {
  int64_t i = 0;
  if (op == CR_SUM) {
    JOIN_FOUR(double, +)
  } else {
    JOIN_FOUR(double, *)
  }
  for (; i < n; i++) x[i] = last = op == CR_SUM ? last + x[i] : last * x[i];
  return last;
}

static int64_t run_integers(cr_reduce_op op, int64_t n, int64_t *numbers, int64_t start) {
  uint64_t last = (uint64_t)start, *x = (uint64_t *)numbers;
  int64_t i = 0;
  if (op == CR_SUM) {
    JOIN_FOUR(uint64_t, +)
  } else {
    JOIN_FOUR(uint64_t, *)
  }
  for (; i < n; i++) x[i] = last = op == CR_SUM ? last + x[i] : last * x[i];
  return (int64_t)last;
}

/* Whether a long line is to end at element i, where a block begins. */
static bool ends_early(int64_t i) {
  return i % CR_CPU_POLL == 0 && i > 0 && cr_cpu_interrupted();
}

/* One line, block by block: widened, scanned, narrowed.  False: the script is to stop. */
static bool scan_one(const scan_args *s, char *out, const char *in) {
  _Alignas(64) char wide[CR_BLOCK * 8], narrow[CR_BLOCK * 8];
  bool is_float = cr_is_float(s->in_dtype);
  cr_dtype type = is_float ? CR_FLOAT64 : CR_INT64;
  double d = s->op == CR_LOGSUMEXP ? -INFINITY : s->op == CR_PROD;
  int64_t k = s->op == CR_PROD;
  bool dense = s->out_stride == (int64_t)cr_sizeof(s->out_dtype);
  bool grouped = s->in_dtype != CR_FLOAT64 && s->op != CR_LOGSUMEXP;
  for (int64_t i = 0; i < s->n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, s->n - i);
    if (ends_early(i)) return false;
    const void *p = cr_cpu_load(type, wide, s->in_dtype, in + i * s->in_stride, s->in_stride, m);
    char *to = out + i * s->out_stride;
    void *x = dense && s->out_dtype == type ? to : wide;
    if (p != x) cr_cpu_pack(8, m, x, p, 8);
    if (is_float) {
      d = (grouped ? run_floats : run_doubles)(s->op, m, x, d);
    } else {
      k = run_integers(s->op, m, x, k);
    }
    if (x == to) continue;
    cr_cpu_cast(s->out_dtype, dense ? to : narrow, type, wide, m);
    if (!dense) cr_cpu_unpack(cr_sizeof(s->out_dtype), m, to, s->out_stride, narrow);
  }
  return true;
}

/* ---- columns ---------------------------------------------------------------------------- */

/* Takes an element into each of n running sums or products. */
static void step_doubles(cr_reduce_op op, int64_t n, const double *restrict x, double *restrict v) {
  if (op == CR_SUM) {
    CR_SIMD for (int64_t c = 0; c < n; c++) v[c] += x[c];
  } else {
    CR_SIMD for (int64_t c = 0; c < n; c++) v[c] *= x[c];
  }
}

static void step_integers(cr_reduce_op op, int64_t n, const uint64_t *restrict x,
                          uint64_t *restrict v) {
  if (op == CR_SUM) {
    CR_SIMD for (int64_t c = 0; c < n; c++) v[c] += x[c];
  } else {
    CR_SIMD for (int64_t c = 0; c < n; c++) v[c] *= x[c];
  }
}

/* At most CR_BLOCK lines, which lie `step` bytes apart, a row of their elements at a time.  False:
 * the script is to stop. */
static bool scan_block(const scan_args *s, int64_t n, char *out, const char *in,
                       const int64_t *step) {
  _Alignas(64) char wide[CR_BLOCK * 8], narrow[CR_BLOCK * 8];
  _Alignas(64) uint64_t integers[CR_BLOCK];
  _Alignas(64) double doubles[CR_BLOCK];
  bool is_float = cr_is_float(s->in_dtype), dense = step[0] == (int64_t)cr_sizeof(s->out_dtype);
  cr_dtype type = is_float ? CR_FLOAT64 : CR_INT64;
  int64_t work = 0;
  for (int64_t c = 0; c < n; c++) doubles[c] = integers[c] = s->op == CR_PROD;
  for (int64_t i = 0; i < s->n; i++, out += s->out_stride, in += s->in_stride) {
    if (cr_cpu_poll(&work, n)) return false;
    const void *x = cr_cpu_load(type, wide, s->in_dtype, in, step[1], n);
    if (is_float) {
      step_doubles(s->op, n, x, doubles);
    } else {
      step_integers(s->op, n, x, integers);
    }
    const void *v = is_float ? (const void *)doubles : integers;
    cr_cpu_cast(s->out_dtype, dense ? out : narrow, type, v, n);
    if (!dense) cr_cpu_unpack(cr_sizeof(s->out_dtype), n, out, step[0], narrow);
  }
  return true;
}

static bool scan_columns(const scan_args *s, int64_t n, char *const *p, const int64_t *step) {
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, n - i);
    if (!scan_block(s, m, p[0] + i * step[0], p[1] + i * step[1], step)) return false;
  }
  return true;
}

/* ---- places of extremes ----------------------------------------------------------------- */

/* Elements that are looked at together: mostly there is no new extreme among them. */
#define TOGETHER 16

/* Writes, for elements first..first+m of the line, the place of the extreme so far, which is *best
 * at *place before them; returns the place after them.  A NaN beats all that follows. */
#define RUN_PLACES(name, type, cmp)                                                                \
  static int64_t name(int64_t first, int64_t m, const void *data, int64_t *out, void *best,        \
                      int64_t place) {                                                             \
    const type *x = data;                                                                          \
    type b = *(type *)best;                                                                        \
    int64_t i = 0;                                                                                 \
    while (i < m && b == b) {                                                                      \
      int64_t size = cr_min64(TOGETHER, m - i);                                                    \
      int found = size < TOGETHER;                                                                 \
      for (int k = 0; k < TOGETHER && size == TOGETHER; k++) found |= !(x[i + k] cmp b);           \
      if (!found) {                                                                                \
        for (int k = 0; k < TOGETHER; k++) out[i + k] = place;                                     \
        i += TOGETHER;                                                                             \
        continue;                                                                                  \
      }                                                                                            \
      for (int64_t end = i + size; i < end && b == b; i++) {                                       \
        if (!(x[i] cmp b)) b = x[i], place = first + i;                                            \
        out[i] = place;                                                                            \
      }                                                                                            \
    }                                                                                              \
    for (; i < m; i++) out[i] = place;                                                             \
    *(type *)best = b;                                                                             \
    return place;                                                                                  \
  }

#define BOTH_PLACES(s, type) RUN_PLACES(max_##s, type, <) RUN_PLACES(min_##s, type, >)
BOTH_PLACES(floats, float)
BOTH_PLACES(doubles, double)
BOTH_PLACES(integers, int64_t)

static bool extremes_one(const scan_args *s, char *out, const char *in) {
  _Alignas(64) char wide[CR_BLOCK * 8];
  int64_t places[CR_BLOCK], place = 0;
  bool smallest = s->op == CR_ARGMIN, dense = s->out_stride == sizeof *places;
  cr_dtype as = cr_is_float(s->in_dtype) ? cr_compute_dtype(s->in_dtype) : CR_INT64;
  float f = smallest ? INFINITY : -INFINITY;
  double d = f;
  int64_t k = smallest ? INT64_MAX : INT64_MIN;
  for (int64_t i = 0; i < s->n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, s->n - i);
    if (ends_early(i)) return false;
    const void *p = cr_cpu_load(as, wide, s->in_dtype, in + i * s->in_stride, s->in_stride, m);
    char *at = out + i * s->out_stride;
    int64_t *to = dense ? (int64_t *)at : places;
    if (as == CR_FLOAT32) {
      place = (smallest ? min_floats : max_floats)(i, m, p, to, &f, place);
    } else if (as == CR_FLOAT64) {
      place = (smallest ? min_doubles : max_doubles)(i, m, p, to, &d, place);
    } else {
      place = (smallest ? min_integers : max_integers)(i, m, p, to, &k, place);
    }
    if (!dense) cr_cpu_unpack(sizeof *places, m, at, s->out_stride, places);
  }
  return true;
}

/* ---- lines ------------------------------------------------------------------------------ */

static bool scan_lines(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  const scan_args *s = arg;
  bool places = s->op == CR_ARGMAX || s->op == CR_ARGMIN;
  if (!places && s->op != CR_LOGSUMEXP && n >= 8 && stride[1] < s->in_stride)
    return scan_columns(s, n, p, stride);
  for (int64_t i = 0; i < n; i++)
    if (!(places ? extremes_one : scan_one)(s, p[0] + i * stride[0], p[1] + i * stride[1]))
      return false;
  return true;
}

static bool scan(cr_reduce_op op, const cr_iter *it, int64_t n, int64_t out_stride,
                 int64_t in_stride) {
  scan_args s = {op, n, out_stride, in_stride, it->op[0].dtype, it->op[1].dtype};
  if (n == 0) return true;
  bool known = op == CR_SUM || op == CR_PROD || op == CR_ARGMAX || op == CR_ARGMIN;
  if (!known && op != CR_LOGSUMEXP) return cr_fail("this operation cannot be scanned");
  return cr_cpu_lines(it, scan_lines, &s, cr_max64(1, CR_GRAIN_MATH / n), NULL);
}

void CR_ISA_NAME(cr_cpu_scan)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_scan)(cr_backend *b) {
  b->scan = scan;
}
