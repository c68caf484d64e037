/* search.c: places in sorted lines, by halving. */
#include "tensor/cpu/cpu.h"

typedef struct {
  int64_t n, stride;
  bool right;
} search_args;

/* Whether an element comes before a value; NaN is the largest number. */
static inline bool before_f64(double element, double value, bool right) {
  if (value != value) return right || element == element;
  return right ? element <= value : element < value;
}
static inline bool before_i64(int64_t element, int64_t value, bool right) {
  return right ? element <= value : element < value;
}

#define SEARCH(name, type, before)                                                                 \
  static int64_t name(const search_args *s, const char *line, const char *at) {                    \
    type value = *(const type *)at;                                                                \
    int64_t low = 0, high = s->n;                                                                  \
    while (low < high) {                                                                           \
      int64_t middle = low + (high - low) / 2;                                                     \
      if (before(*(const type *)(line + middle * s->stride), value, s->right))                     \
        low = middle + 1;                                                                          \
      else                                                                                         \
        high = middle;                                                                             \
    }                                                                                              \
    return low;                                                                                    \
  }                                                                                                \
  static bool name##_line(int64_t n, char *const *p, const int64_t *stride, void *arg) {           \
    for (int64_t i = 0; i < n; i++)                                                                \
      *(int64_t *)(p[0] + i * stride[0]) = name(arg, p[2] + i * stride[2], p[1] + i * stride[1]);  \
    return true;                                                                                   \
  }

SEARCH(search_f64, double, before_f64)
SEARCH(search_i64, int64_t, before_i64)

static bool search(const cr_iter *it, int64_t n, int64_t stride, bool right) {
  search_args s = {n, stride, right};
  return cr_cpu_lines(it, it->op[1].dtype == CR_FLOAT64 ? search_f64_line : search_i64_line, &s,
                      CR_GRAIN_DEAR, NULL);
}

void CR_ISA_NAME(cr_cpu_search)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_search)(cr_backend *b) {
  b->search = search;
}
