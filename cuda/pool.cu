/* pool.cu: maxima and averages over windows of an image, and their derivatives.
 *
 * A thread makes one element of the result.  A derivative goes over the windows that its place is
 * in, in their order, so that the sum is the same every time.  Sums are of the type C in which
 * elements T are computed with. */
#include "cuda/rows.h"

#define THREADS 256

struct images {
  cr_pool2d_shape s;
  int64_t count;                   /* threads: elements of the result */
  cr_size height, width, channels; /* of the result */
  cr_size stride_h, stride_w;
};

/* Where element i of the result is.  In planes that lie side by side it is in number `channel` of
 * them. */
struct pixel {
  int64_t plane, row, col, channel;
};

__device__ __forceinline__ pixel pixel_of(const images &m, int64_t i) {
  int64_t place = cr_over(i, m.channels), line = cr_over(place, m.width);
  int64_t plane = cr_over(line, m.height);
  return {plane, line - plane * m.height.n, place - line * m.width.n, i - place * m.channels.n};
}

/* From begin to end - 1. */
struct span {
  int64_t begin, end;
};

/* How many places a window spans along dimension d. */
__device__ __forceinline__ int64_t extent(const images &m, int d) {
  return m.s.args.dilation[d] * (m.s.args.kernel[d] - 1) + 1;
}

/* What window q covers of an image's dimension d; it has every dilation[d]th place of it. */
__device__ __forceinline__ span window(const images &m, int d, int64_t q) {
  int64_t size = d == 0 ? m.s.h : m.s.w, begin = q * m.s.args.stride[d] - m.s.args.pad[d];
  int64_t end = begin + extent(m, d), step = m.s.args.dilation[d];
  if (begin < 0) begin = step == 1 ? 0 : begin + (step - 1 - begin) / step * step;
  return {begin, end < size ? end : size};
}

/* The windows that place i of dimension d is in, or between whose places it is. */
__device__ __forceinline__ span windows_with(const images &m, int d, int64_t i) {
  const cr_size &stride = d == 0 ? m.stride_h : m.stride_w;
  int64_t last = i + m.s.args.pad[d], before = last - extent(m, d);
  int64_t end = cr_over(last, stride) + 1, most = d == 0 ? m.s.oh : m.s.ow;
  return {before < 0 ? 0 : cr_over(before, stride) + 1, end < most ? end : most};
}

/* ---- maximum ---------------------------------------------------------------------------- */

/* The first of equals wins, and a NaN over what comes before it. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    max_kernel(const __grid_constant__ images m, T *y, int64_t *places, const T *x) {
  const int64_t step = m.channels.n;
  for (int64_t k = cr_thread(); k < m.count; k += cr_threads()) {
    pixel p = pixel_of(m, k);
    const T *image = x + p.plane * m.s.h * m.s.w * step + p.channel;
    span rows = window(m, 0, p.row), cols = window(m, 1, p.col);
    int64_t at = rows.begin * m.s.w + cols.begin;
    auto best = cr_wide(image[at * step]);
    for (int64_t i = rows.begin; i < rows.end; i += m.s.args.dilation[0]) {
      for (int64_t j = cols.begin; j < cols.end; j += m.s.args.dilation[1]) {
        auto v = cr_wide(image[(i * m.s.w + j) * step]);
        if (!(v > best || v != v)) continue;
        best = v;
        at = i * m.s.w + j;
      }
    }
    y[k] = cr_narrow<T>::from(best);
    if (places) places[k] = at + m.s.args.base;
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    max_backward_kernel(const __grid_constant__ images m, T *gx, const T *g,
                        const int64_t *places) {
  typedef decltype(cr_wide(T())) C;
  const int64_t step = m.channels.n;
  for (int64_t k = cr_thread(); k < m.count; k += cr_threads()) {
    pixel p = pixel_of(m, k);
    int64_t first = p.plane * m.s.oh * m.s.ow * step + p.channel,
            here = p.row * m.s.w + p.col + m.s.args.base;
    span rows = windows_with(m, 0, p.row), cols = windows_with(m, 1, p.col);
    C sum = 0;
    for (int64_t r = rows.begin; r < rows.end; r++)
      for (int64_t q = cols.begin; q < cols.end; q++) {
        int64_t i = first + (r * m.s.ow + q) * step;
        if (places[i] == here) sum += cr_wide(g[i]);
      }
    gx[k] = cr_narrow<T>::from(sum);
  }
}

/* ---- average ---------------------------------------------------------------------------- */

/* The places of window q in dimension d that count in the divisor, where none is given. */
__device__ __forceinline__ int64_t window_count(const images &m, int d, int64_t q) {
  int64_t size = d == 0 ? m.s.h : m.s.w, pad = m.s.args.pad[d];
  int64_t begin = q * m.s.args.stride[d] - pad, end = begin + m.s.args.kernel[d];
  span w = window(m, d, q);
  if (!m.s.args.count_pad) return w.end - w.begin;
  return (end < size + pad ? end : size + pad) - begin;
}

/* What a place counts in the mean of window q of a row of windows, which has `high` rows. */
template <typename C> __device__ __forceinline__ C share(const images &m, int64_t high, int64_t q) {
  return (C)1 / (C)(m.s.args.divisor ? m.s.args.divisor : high * window_count(m, 1, q));
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    avg_kernel(const __grid_constant__ images m, T *y, const T *x) {
  typedef decltype(cr_wide(T())) C;
  const int64_t step = m.channels.n;
  for (int64_t k = cr_thread(); k < m.count; k += cr_threads()) {
    pixel p = pixel_of(m, k);
    const T *image = x + p.plane * m.s.h * m.s.w * step + p.channel;
    span rows = window(m, 0, p.row), cols = window(m, 1, p.col);
    C sum = 0;
    for (int64_t i = rows.begin; i < rows.end; i++)
      for (int64_t j = cols.begin; j < cols.end; j++) sum += cr_wide(image[(i * m.s.w + j) * step]);
    y[k] = cr_narrow<T>::from(sum * share<C>(m, window_count(m, 0, p.row), p.col));
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    avg_backward_kernel(const __grid_constant__ images m, T *gx, const T *g) {
  typedef decltype(cr_wide(T())) C;
  const int64_t step = m.channels.n;
  for (int64_t k = cr_thread(); k < m.count; k += cr_threads()) {
    pixel p = pixel_of(m, k);
    const T *from = g + p.plane * m.s.oh * m.s.ow * step + p.channel;
    span rows = windows_with(m, 0, p.row), cols = windows_with(m, 1, p.col);
    C sum = 0;
    for (int64_t r = rows.begin; r < rows.end; r++) {
      int64_t high = window_count(m, 0, r);
      for (int64_t q = cols.begin; q < cols.end; q++)
        sum += cr_wide(from[(r * m.s.ow + q) * step]) * share<C>(m, high, q);
    }
    gx[k] = cr_narrow<T>::from(sum);
  }
}

/* ---- the entries ------------------------------------------------------------------------ */

/* For a result of `height` by `width` a plane. */
static images images_of(const cr_pool2d_shape *s, int64_t height, int64_t width) {
  int64_t channels = s->channels ? s->channels : 1, count = s->planes * height * width * channels;
  int64_t padded_h = s->h + s->args.pad[0], padded_w = s->w + s->args.pad[1];
  return {*s,
          count,
          cr_size_of(height, count),
          cr_size_of(width, count),
          cr_size_of(channels, count),
          cr_size_of(s->args.stride[0], padded_h),
          cr_size_of(s->args.stride[1], padded_w)};
}

/* kernel(images, out, the other arguments) for each element of the result. */
template <typename T, typename... P, typename... A>
static bool run(const char *name, void (*kernel)(images, T *, P...), const images &m, void *out,
                A... others) {
  return m.count == 0 || cr_launch(name, kernel, cr_blocks(m.count, THREADS), THREADS, 0, m,
                                   static_cast<T *>(out), static_cast<P>(others)...);
}

#define RUN(name, kernel, m, ...)                                                                  \
  cr_by_float(s->dtype,                                                                            \
              [&](auto zero) { return run(name, kernel<decltype(zero)>, m, __VA_ARGS__); })

static bool max_pool2d(const cr_pool2d_shape *s, void *y, int64_t *places, const void *x) {
  return RUN("max pooling", max_kernel, images_of(s, s->oh, s->ow), y, places, x);
}

static bool max_pool2d_backward(const cr_pool2d_shape *s, void *gx, const void *gy,
                                const int64_t *places) {
  return RUN("max pooling's gradient", max_backward_kernel, images_of(s, s->h, s->w), gx, gy,
             places);
}

static bool avg_pool2d(const cr_pool2d_shape *s, void *y, const void *x) {
  return RUN("average pooling", avg_kernel, images_of(s, s->oh, s->ow), y, x);
}

static bool avg_pool2d_backward(const cr_pool2d_shape *s, void *gx, const void *gy) {
  return RUN("average pooling's gradient", avg_backward_kernel, images_of(s, s->h, s->w), gx, gy);
}

void cr_cuda_fill_pool(cr_nn_backend *b) {
  b->halves |= CR_HALF_POOL;
  b->channels_last = true;
  b->max_pool2d = max_pool2d;
  b->max_pool2d_backward = max_pool2d_backward;
  b->avg_pool2d = avg_pool2d;
  b->avg_pool2d_backward = avg_pool2d_backward;
}
