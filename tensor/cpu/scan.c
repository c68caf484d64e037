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

static int64_t run_integers(cr_reduce_op op, int64_t n, int64_t *x, int64_t start) {
  uint64_t last = (uint64_t)start;
  for (int64_t i = 0; i < n; i++) {
    last = op == CR_SUM ? last + (uint64_t)x[i] : last * (uint64_t)x[i];
    x[i] = (int64_t)last;
  }
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
  for (int64_t i = 0; i < s->n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, s->n - i);
    if (ends_early(i)) return false;
    const void *p = cr_cpu_load(type, wide, s->in_dtype, in + i * s->in_stride, s->in_stride, m);
    if (p != wide) cr_cpu_pack(8, m, wide, p, 8);
    if (is_float) {
      d = run_doubles(s->op, m, (double *)wide, d);
    } else {
      k = run_integers(s->op, m, (int64_t *)wide, k);
    }
    cr_cpu_cast(s->out_dtype, narrow, type, wide, m);
    cr_cpu_unpack(cr_sizeof(s->out_dtype), m, out + i * s->out_stride, s->out_stride, narrow);
  }
  return true;
}

/* ---- places of extremes ----------------------------------------------------------------- */

/* Overwrites the keys x[0..m), elements first.. of the line, by the place of the extreme so far. */
#define RUN_PLACES(name, type)                                                                     \
  static void name(bool smallest, int64_t first, int64_t m, const type *x, int64_t *out,           \
                   type *best, int64_t *place) {                                                   \
    for (int64_t i = 0; i < m; i++) {                                                              \
      bool better = smallest ? x[i] <= *best : x[i] >= *best;                                      \
      if (first + i == 0 || (*best == *best && (better || x[i] != x[i]))) {                        \
        *best = x[i];                                                                              \
        *place = first + i;                                                                        \
      }                                                                                            \
      out[i] = *place;                                                                             \
    }                                                                                              \
  }

RUN_PLACES(places_of_doubles, double)
RUN_PLACES(places_of_integers, int64_t)

static bool extremes_one(const scan_args *s, char *out, const char *in) {
  _Alignas(64) char wide[CR_BLOCK * 8];
  int64_t places[CR_BLOCK], place = 0, k = 0;
  bool is_float = cr_is_float(s->in_dtype), smallest = s->op == CR_ARGMIN;
  double d = 0;
  for (int64_t i = 0; i < s->n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, s->n - i);
    if (ends_early(i)) return false;
    const void *p = cr_cpu_load(is_float ? CR_FLOAT64 : CR_INT64, wide, s->in_dtype,
                                in + i * s->in_stride, s->in_stride, m);
    if (is_float) {
      places_of_doubles(smallest, i, m, p, places, &d, &place);
    } else {
      places_of_integers(smallest, i, m, p, places, &k, &place);
    }
    cr_cpu_unpack(sizeof *places, m, out + i * s->out_stride, s->out_stride, places);
  }
  return true;
}

/* ---- lines ------------------------------------------------------------------------------ */

static bool scan_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  cr_reduce_op op = ((const scan_args *)arg)->op;
  bool places = op == CR_ARGMAX || op == CR_ARGMIN;
  for (int64_t i = 0; i < n; i++)
    if (!(places ? extremes_one : scan_one)(arg, p[0] + i * stride[0], p[1] + i * stride[1]))
      return false;
  return true;
}

static bool scan(cr_reduce_op op, const cr_iter *it, int64_t n, int64_t out_stride,
                 int64_t in_stride) {
  scan_args s = {op, n, out_stride, in_stride, it->op[0].dtype, it->op[1].dtype};
  if (n == 0) return true;
  bool known = op == CR_SUM || op == CR_PROD || op == CR_ARGMAX || op == CR_ARGMIN;
  if (!known && op != CR_LOGSUMEXP) return cr_fail("this operation cannot be scanned");
  return cr_cpu_lines(it, scan_line, &s, cr_max64(1, CR_GRAIN_MATH / n), NULL);
}

void CR_ISA_NAME(cr_cpu_scan)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_scan)(cr_backend *b) {
  b->scan = scan;
}
