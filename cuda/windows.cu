/* windows.cu: along the middle of an array: the largest of windows, and sparse matrices.  A thread
 * makes one element of the result. */
#include "cuda/loop.h"

#define THREADS 256

struct lines {
  int64_t count; /* elements of the result */
  int64_t n, each;
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

template <typename T>
__global__ void __launch_bounds__(THREADS)
    max_windows_kernel(const __grid_constant__ lines l, T *y, int64_t *places, const int64_t *begin,
                       const int64_t *end, const T *x) {
  for (int64_t k = cr_thread(); k < l.count; k += cr_threads()) {
    spot s = spot_of(l, k);
    int64_t window = s.outer / l.each * l.m.n + s.q, last = end[window], at = begin[window];
    if (at > l.n - 1) at = l.n - 1;
    if (at < 0) at = 0;
    if (last > l.n) last = l.n;
    T best = x[s.in + at * l.inner.n];
    for (int64_t i = at + 1; i < last; i++) {
      T v = x[s.in + i * l.inner.n];
      if (!(v > best || v != v)) continue;
      best = v;
      at = i;
    }
    y[k] = best;
    places[k] = at;
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

static lines lines_of(const cr_middle_shape *s, int64_t m, int64_t lists) {
  int64_t count = s->outer * m * s->inner, each = lists > 0 ? s->outer / lists : 1;
  return {count, s->n, each > 0 ? each : 1, cr_size_of(m, count), cr_size_of(s->inner, count)};
}

template <typename T, typename... P, typename... A>
static bool run(const char *name, void (*kernel)(lines, T *, P...), const lines &l, void *out,
                A... others) {
  return l.count == 0 || cr_launch(name, kernel, cr_blocks(l.count, THREADS), THREADS, 0, l,
                                   static_cast<T *>(out), static_cast<P>(others)...);
}

#define RUN(name, kernel, l, ...)                                                                  \
  (s->dtype == CR_FLOAT64 ? run(name, kernel<double>, l, __VA_ARGS__)                              \
                          : run(name, kernel<float>, l, __VA_ARGS__))

static bool max_windows(const cr_middle_shape *s, const cr_windows *w, void *y, int64_t *places,
                        const void *x) {
  return RUN("the largest of windows", max_windows_kernel, lines_of(s, w->m, w->lists), y, places,
             w->begin, w->end, x);
}

static bool resample(const cr_middle_shape *s, const cr_taps *t, void *y, const void *x) {
  return RUN("resampling", resample_kernel, lines_of(s, t->m, 1), y, t->first, t->at, t->weight, x);
}

void cr_cuda_fill_windows(cr_nn_backend *b) {
  b->max_windows = max_windows;
  b->resample = resample;
}
