/* search.c: places in sorted lines, by halving. */
#include "tensor/cpu/cpu.h"

typedef struct {
  int64_t n, stride;
  bool right;
} search_args;

#define LANES 8

/* Several values at once, so that none waits for its loads alone, and without branches, of which
 * every other would be foreseen wrongly.  Each result lies within low and low + left. */
#define HALVE(name, type, cmp)                                                                     \
  static void name(const search_args *s, char *const *line, const type *value, int64_t *low) {     \
    CR_UNROLL for (int k = 0; k < LANES; k++) low[k] = 0;                                          \
    for (int64_t left = s->n; left > 0;) {                                                         \
      int64_t half = (left + 1) / 2;                                                               \
      CR_UNROLL for (int k = 0; k < LANES; k++) {                                                  \
        type element = *(const type *)(line[k] + (low[k] + half - 1) * s->stride);                 \
        low[k] += half & -(int64_t)(element cmp value[k]);                                         \
      }                                                                                            \
      left -= half;                                                                                \
    }                                                                                              \
  }

/* NaN is the largest number: all come before it, or all that are numbers. */
#define SEARCH(name, type)                                                                         \
  HALVE(name##_left, type, <)                                                                      \
  HALVE(name##_right, type, <=)                                                                    \
  static int64_t name##_numbers(const search_args *s, const char *line) {                          \
    int64_t low = 0, high = s->n;                                                                  \
    while (low < high) {                                                                           \
      int64_t middle = low + (high - low) / 2;                                                     \
      type element = *(const type *)(line + middle * s->stride);                                   \
      low = element == element ? middle + 1 : low;                                                 \
      high = element == element ? high : middle;                                                   \
    }                                                                                              \
    return low;                                                                                    \
  }                                                                                                \
  static bool name##_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {           \
    const search_args *s = arg;                                                                    \
    for (int64_t i = 0; i < n; i += LANES) {                                                       \
      char *line[LANES];                                                                           \
      type value[LANES];                                                                           \
      int64_t low[LANES], last = cr_min64(LANES, n - i) - 1;                                       \
      for (int64_t k = 0; k < LANES; k++) {                                                        \
        int64_t at = i + cr_min64(k, last);                                                        \
        line[k] = p[2] + at * stride[2];                                                           \
        value[k] = *(const type *)(p[1] + at * stride[1]);                                         \
      }                                                                                            \
      (s->right ? name##_right : name##_left)(s, line, value, low);                                \
      for (int64_t k = 0; k <= last; k++) {                                                        \
        if (value[k] != value[k]) low[k] = s->right ? s->n : name##_numbers(s, line[k]);           \
        *(int64_t *)(p[0] + (i + k) * stride[0]) = low[k];                                         \
      }                                                                                            \
    }                                                                                              \
    return true;                                                                                   \
  }

SEARCH(search_f64, double)
SEARCH(search_i64, int64_t)

static bool search(const cr_iter *it, int64_t n, int64_t stride, bool right) {
  search_args s = {n, stride, right};
  return cr_cpu_lines(it, it->op[1].dtype == CR_FLOAT64 ? search_f64_line : search_i64_line, &s,
                      CR_GRAIN_DEAR, NULL);
}

void CR_ISA_NAME(cr_cpu_search)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_search)(cr_backend *b) {
  b->search = search;
}
