/* windows.cu: the largest of windows of planes, and sparse matrices along the middle of an array. A
 * thread makes one element of the result. */
#include "cuda/loop.h"

#define THREADS 256

struct lines {
  int64_t count; /* elements of the result */
  int64_t n;
  cr_size m, inner;
};

/* Where element k of the result is: line `outer`, place q of it; `in` is the line's first element
 * of the input at that place of inner. */
struct spot {
  int64_t outer, q, in;
};

__device__ __forceinline__ spot spot_of(const lines &l, int64_t k) {
  int64_t row = cr_over(k, l.inner), outer = cr_over(row, l.m);
  return {outer, row - outer * l.m.n, outer * l.n * l.inner.n + k - row * l.inner.n};
}

/* Windows of rows or columns, of lines of n; begin is NULL where each place is one. */
struct windows {
  const int64_t *begin, *end;
  int64_t n, each; /* each: planes that share a list */
};

struct planes {
  int64_t count, base; /* count: elements of the result */
  cr_size h, w;        /* of the result */
  windows rows, columns;
};

/* From begin to end - 1; at least one place. */
struct span {
  int64_t begin, end;
};

__device__ __forceinline__ span window_at(const windows &s, int64_t plane, int64_t m, int64_t q) {
  if (!s.begin) return {q, q + 1};
  int64_t i = plane / s.each * m + q, begin = s.begin[i], end = s.end[i];
  if (begin > s.n - 1) begin = s.n - 1;
  if (begin < 0) begin = 0;
  if (end > s.n) end = s.n;
  return {begin, end > begin ? end : begin + 1};
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    max_windows_kernel(const __grid_constant__ planes m, T *y, int64_t *places, const T *x) {
  for (int64_t k = cr_thread(); k < m.count; k += cr_threads()) {
    int64_t line = cr_over(k, m.w), plane = cr_over(line, m.h);
    span rows = window_at(m.rows, plane, m.h.n, line - plane * m.h.n);
    span columns = window_at(m.columns, plane, m.w.n, k - line * m.w.n);
    const T *image = x + plane * m.rows.n * m.columns.n;
    int64_t at = rows.begin * m.columns.n + columns.begin;
    T best = image[at];
    for (int64_t i = rows.begin; i < rows.end; i++) {
      for (int64_t j = columns.begin; j < columns.end; j++) {
        T v = image[i * m.columns.n + j];
        if (!(v > best || v != v)) continue;
        best = v;
        at = i * m.columns.n + j;
      }
    }
    y[k] = best;
    places[k] = at + m.base;
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    resample_kernel(const __grid_constant__ lines l, T *y, const int64_t *first, const int64_t *at,
                    const T *weight, const T *x) {
  for (int64_t k = cr_thread(); k < l.count; k += cr_threads()) {
    spot s = spot_of(l, k);
    T sum = 0;
    for (int64_t i = first[s.q]; i < first[s.q + 1]; i++)
      sum += weight[i] * x[s.in + at[i] * l.inner.n];
    y[k] = sum;
  }
}

static lines lines_of(const cr_middle_shape *s, int64_t m) {
  int64_t count = s->outer * m * s->inner;
  return {count, s->n, cr_size_of(m, count), cr_size_of(s->inner, count)};
}

static windows windows_of(const cr_windows *w, int64_t planes, int64_t n) {
  int64_t each = w && w->lists > 0 ? planes / w->lists : 1;
  return {w ? w->begin : NULL, w ? w->end : NULL, n, each > 0 ? each : 1};
}

template <typename T, typename L, typename... P, typename... A>
static bool run(const char *name, void (*kernel)(L, T *, P...), const L &l, void *out,
                A... others) {
  return l.count == 0 || cr_launch(name, kernel, cr_blocks(l.count, THREADS), THREADS, 0, l,
                                   static_cast<T *>(out), static_cast<P>(others)...);
}

#define RUN(name, kernel, l, ...)                                                                  \
  (s->dtype == CR_FLOAT64 ? run(name, kernel<double>, l, __VA_ARGS__)                              \
                          : run(name, kernel<float>, l, __VA_ARGS__))

static bool max_windows(const cr_plane_shape *s, const cr_windows *rows, const cr_windows *columns,
                        void *y, int64_t *places, const void *x) {
  int64_t h = rows ? rows->m : s->h, w = columns ? columns->m : s->w, count = s->planes * h * w;
  planes m = {count,
              s->base,
              cr_size_of(h, count),
              cr_size_of(w, count),
              windows_of(rows, s->planes, s->h),
              windows_of(columns, s->planes, s->w)};
  return RUN("the largest of windows", max_windows_kernel, m, y, places, x);
}

static bool resample(const cr_middle_shape *s, const cr_taps *t, void *y, const void *x) {
  return RUN("resampling", resample_kernel, lines_of(s, t->m), y, t->first, t->at, t->weight, x);
}

void cr_cuda_fill_windows(cr_nn_backend *b) {
  b->max_windows = max_windows;
  b->resample = resample;
}
