/* windows.c: the largest of windows of planes, and sparse matrices along the middle of an array.
 *
 * Of windows a unit is a row of the result.  The rows of a window are compared first, all columns
 * side by side, and then what came of them within the window's columns.  Of matrices a unit is one
 * row of the result, `inner` elements; the loops over them run over memory. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/strips.h"

#include <math.h>

typedef struct {
  const cr_plane_shape *s;
  const cr_windows *rows, *columns;
  int64_t h, w; /* of the result */
  void *y;
  int64_t *places;
  const void *x;
} max_job;

/* Places begin to end - 1 of n. */
typedef struct {
  int64_t begin, end;
} span;

/* Which of the windows' lists plane p has: that many windows on. */
static inline int64_t list_of(const cr_windows *w, int64_t p, int64_t planes) {
  return w ? p / cr_max64(1, planes / cr_max64(1, w->lists)) * w->m : 0;
}

/* Window q of a list, of a line of n; at least one place. */
static inline span window_at(const cr_windows *w, int64_t list, int64_t q, int64_t n) {
  if (!w) return (span){q, q + 1};
  int64_t begin = cr_max64(0, cr_min64(w->begin[list + q], n - 1));
  return (span){begin, cr_max64(begin + 1, cr_min64(w->end[list + q], n))};
}

typedef struct {
  const cr_middle_shape *s;
  const cr_taps *t;
  int64_t taps; /* of each row of the matrix, or 0 where they differ */
  void *out;
  const void *in;
} windows_job;

static int64_t same_taps(const cr_taps *t) {
  int64_t taps = t->m > 0 ? t->first[1] - t->first[0] : 0;
  for (int64_t q = 0; q < t->m; q++)
    if (t->first[q + 1] - t->first[q] != taps) return 0;
  return taps;
}

/* Lanes that look for the largest of a line together, and turns of them by half of their number, a
 * quarter and so on. */
#define SOME 32
#define REAL float
#define INTEGER int32_t
#define LAST INT32_MAX
#define NAME(f) CR_TYPED(f, float)
#define TURNS(turn)                                                                                \
  turn(4, 5, 6, 7, 0, 1, 2, 3) turn(2, 3, 0, 1, 6, 7, 4, 5) turn(1, 0, 3, 2, 5, 4, 7, 6)
#include "nn/cpu/windows.inc"
#undef REAL
#undef INTEGER
#undef LAST
#undef NAME
#undef LANES
#undef TURNS
#define REAL double
#define INTEGER int64_t
#define LAST INT64_MAX
#define NAME(f) CR_TYPED(f, double)
#define TURNS(turn) turn(2, 3, 0, 1) turn(1, 0, 3, 2)
#include "nn/cpu/windows.inc"

static bool max_windows(const cr_plane_shape *s, const cr_windows *rows, const cr_windows *columns,
                        void *y, int64_t *places, const void *x) {
  max_job j = {.s = s, .rows = rows, .columns = columns, .y = y, .places = places, .x = x};
  j.h = rows ? rows->m : s->h, j.w = columns ? columns->m : s->w;
  int64_t work = s->h * s->w / cr_max64(1, j.h) + s->w;
  return cr_cpu_parallel(s->planes * j.h, cr_grain(CR_GRAIN_CHEAP, work),
                         s->dtype == CR_FLOAT32 ? max_range_float : max_range_double, &j,
                         "nn.max_windows: out of memory");
}

static bool resample(const cr_middle_shape *s, const cr_taps *t, void *y, const void *x) {
  windows_job j = {.s = s, .t = t, .taps = same_taps(t), .out = y, .in = x};
  return cr_cpu_parallel(s->outer * t->m, cr_grain(CR_GRAIN_CHEAP, 4 * s->inner),
                         s->dtype == CR_FLOAT32 ? resample_range_float : resample_range_double, &j,
                         NULL);
}

void cr_nn_fill_windows(cr_nn_backend *b) {
  b->max_windows = max_windows;
  b->resample = resample;
}
