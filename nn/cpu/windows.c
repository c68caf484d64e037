/* windows.c: along the middle of an array: the largest of windows, and sparse matrices.
 *
 * A unit of work is one row of the result, `inner` elements; the loops over them run over memory.
 */
#include "nn/cpu/kernels.h"

#include <string.h>

typedef struct {
  const cr_middle_shape *s;
  const cr_windows *w;
  const cr_taps *t;
  int64_t taps; /* of each row of the matrix, or 0 where they differ */
  void *out;
  int64_t *places;
  const void *in;
} windows_job;

static int64_t same_taps(const cr_taps *t) {
  int64_t taps = t->m > 0 ? t->first[1] - t->first[0] : 0;
  for (int64_t q = 0; q < t->m; q++)
    if (t->first[q + 1] - t->first[q] != taps) return 0;
  return taps;
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#include "nn/cpu/windows.inc"
#undef REAL
#undef NAME
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#include "nn/cpu/windows.inc"

static bool run(const windows_job *j, int64_t m, cr_cpu_range f, cr_cpu_range d) {
  return cr_cpu_parallel(j->s->outer * m, cr_grain(CR_GRAIN_CHEAP, 4 * j->s->inner),
                         j->s->dtype == CR_FLOAT32 ? f : d, (void *)j, NULL);
}

static bool max_windows(const cr_middle_shape *s, const cr_windows *w, void *y, int64_t *places,
                        const void *x) {
  windows_job j = {.s = s, .w = w, .out = y, .places = places, .in = x};
  return run(&j, w->m, max_windows_range_float, max_windows_range_double);
}

static bool resample(const cr_middle_shape *s, const cr_taps *t, void *y, const void *x) {
  windows_job j = {.s = s, .t = t, .taps = same_taps(t), .out = y, .in = x};
  return run(&j, t->m, resample_range_float, resample_range_double);
}

void cr_nn_fill_windows(cr_nn_backend *b) {
  b->max_windows = max_windows;
  b->resample = resample;
}
