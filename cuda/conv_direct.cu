/* conv_direct.cu: convolutions as plain sums, for the shapes that cuDNN refuses: sizes of more than
 * 31 bits, images without a pixel inside their padding.  Each output is the sum of one thread or,
 * of a weight, one block; sums are in double. */
#include "cuda/block.h"
#include "cuda/conv.h"
#include "cuda/rows.h"

#define THREADS 256

/* Steps from an image, a channel, a row and a column to the next. */
struct order {
  int64_t n, c, h, w;
};

static order order_of(bool channels_last, int64_t c, int64_t h, int64_t w) {
  if (channels_last) return {c * h * w, 1, w * c, c};
  return {c * h * w, h * w, w, 1};
}

struct shape : cr_conv2d_shape {
  order x, y, k; /* k: of the weight */
  explicit shape(const cr_conv2d_shape &s)
      : cr_conv2d_shape(s), x(order_of(s.channels_last, s.c, s.h, s.w)),
        y(order_of(s.channels_last, s.o, s.oh, s.ow)),
        k(order_of(s.channels_last, s.c / s.args.groups, s.kh, s.kw)) {}
};

/* Number i of an array (a, b, c, d), and where it lies. */
struct place {
  int64_t a, b, c, d;
};

__device__ __forceinline__ place place_of(int64_t i, int64_t b, int64_t c, int64_t d) {
  place p;
  p.d = i % d, i /= d;
  p.c = i % c, i /= c;
  p.b = i % b;
  p.a = i / b;
  return p;
}

__device__ __forceinline__ int64_t at_of(const place &p, const order &o) {
  return p.a * o.n + p.b * o.c + p.c * o.h + p.d * o.w;
}

template <typename T> __device__ __forceinline__ double product(T a, T b) {
  return (double)cr_wide(a) * (double)cr_wide(b);
}

/* ---- forward ---------------------------------------------------------------------------- */

/* What channel `from` of x and one plane of the kernel give to output place p, q. */
template <typename T>
__device__ double plane_sum(const shape &s, const T *x, const T *w, int64_t p, int64_t q) {
  double sum = 0;
  for (int64_t i = 0; i < s.kh; i++) {
    int64_t row = p * s.args.stride[0] - s.args.pad[0] + i * s.args.dilation[0];
    if (row < 0 || row >= s.h) continue;
    for (int64_t j = 0; j < s.kw; j++) {
      int64_t col = q * s.args.stride[1] - s.args.pad[1] + j * s.args.dilation[1];
      if (col >= 0 && col < s.w)
        sum += product(x[row * s.x.h + col * s.x.w], w[i * s.k.h + j * s.k.w]);
    }
  }
  return sum;
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    forward_kernel(const __grid_constant__ shape s, T *y, const T *x, const T *w, const T *bias) {
  int64_t channels = s.c / s.args.groups, outputs = s.o / s.args.groups;
  for (int64_t i = cr_thread(); i < s.n * s.o * s.oh * s.ow; i += cr_threads()) {
    place at = place_of(i, s.o, s.oh, s.ow);
    int64_t first = at.b / outputs * channels;
    double sum = bias ? (double)cr_wide(bias[at.b]) : 0;
    for (int64_t c = 0; c < channels; c++)
      sum += plane_sum(s, x + at.a * s.x.n + (first + c) * s.x.c, w + at.b * s.k.n + c * s.k.c,
                       at.c, at.d);
    y[at_of(at, s.y)] = cr_narrow<T>::from(sum);
  }
}

/* ---- the derivative by the input -------------------------------------------------------- */

/* The output place that sees position `at` by number k of the kernel, along dimension d; -1:
 * none. */
__device__ __forceinline__ int64_t seen_by(const shape &s, int d, int64_t at, int64_t k) {
  int64_t from = at + s.args.pad[d] - k * s.args.dilation[d];
  if (from < 0 || from % s.args.stride[d]) return -1;
  int64_t p = from / s.args.stride[d];
  return p < (d == 0 ? s.oh : s.ow) ? p : -1;
}

template <typename T>
__device__ double seen_sum(const shape &s, const T *gy, const T *w, int64_t row, int64_t col) {
  double sum = 0;
  for (int64_t i = 0; i < s.kh; i++) {
    int64_t p = seen_by(s, 0, row, i);
    if (p < 0) continue;
    for (int64_t j = 0; j < s.kw; j++) {
      int64_t q = seen_by(s, 1, col, j);
      if (q >= 0) sum += product(gy[p * s.y.h + q * s.y.w], w[i * s.k.h + j * s.k.w]);
    }
  }
  return sum;
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    input_kernel(const __grid_constant__ shape s, T *gx, const T *gy, const T *w) {
  int64_t channels = s.c / s.args.groups, outputs = s.o / s.args.groups;
  for (int64_t i = cr_thread(); i < s.n * s.c * s.h * s.w; i += cr_threads()) {
    place at = place_of(i, s.c, s.h, s.w);
    int64_t first = at.b / channels * outputs, within = at.b % channels;
    double sum = 0;
    for (int64_t o = first; o < first + outputs; o++)
      sum += seen_sum(s, gy + at.a * s.y.n + o * s.y.c, w + o * s.k.n + within * s.k.c, at.c, at.d);
    gx[at_of(at, s.x)] = cr_narrow<T>::from(sum);
  }
}

/* ---- the derivative by the weight ------------------------------------------------------- */

template <typename T>
__global__ void __launch_bounds__(THREADS)
    weight_kernel(const __grid_constant__ shape s, T *gw, const T *gy, const T *x) {
  int64_t channels = s.c / s.args.groups, outputs = s.o / s.args.groups;
  int64_t count = s.o * channels * s.kh * s.kw, images = s.n * s.oh * s.ow;
  for (int64_t i = blockIdx.x; i < count; i += gridDim.x) {
    place at = place_of(i, channels, s.kh, s.kw);
    int64_t channel = at.a / outputs * channels + at.b;
    double sum = 0;
    for (int64_t k = threadIdx.x; k < images; k += THREADS) {
      int64_t q = k % s.ow, p = k / s.ow % s.oh, n = k / s.ow / s.oh;
      int64_t row = p * s.args.stride[0] - s.args.pad[0] + at.c * s.args.dilation[0];
      int64_t col = q * s.args.stride[1] - s.args.pad[1] + at.d * s.args.dilation[1];
      if (row >= 0 && row < s.h && col >= 0 && col < s.w)
        sum += product(gy[at_of({n, at.a, p, q}, s.y)], x[at_of({n, channel, row, col}, s.x)]);
    }
    sum = cr_block_sum<THREADS>(sum);
    if (threadIdx.x == 0) gw[at_of(at, s.k)] = cr_narrow<T>::from(sum);
  }
}

/* ---- the host's side -------------------------------------------------------------------- */

template <typename T>
static bool forward(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                    const void *bias) {
  int64_t count = s->n * s->o * s->oh * s->ow;
  return count == 0 || cr_launch("conv2d", forward_kernel<T>, cr_blocks(count, THREADS), THREADS, 0,
                                 shape(*s), static_cast<T *>(y), static_cast<const T *>(x),
                                 static_cast<const T *>(w), static_cast<const T *>(bias));
}

template <typename T>
static bool backward_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  int64_t count = s->n * s->c * s->h * s->w;
  return count == 0 || cr_launch("conv2d by its input", input_kernel<T>, cr_blocks(count, THREADS),
                                 THREADS, 0, shape(*s), static_cast<T *>(gx),
                                 static_cast<const T *>(gy), static_cast<const T *>(w));
}

template <typename T>
static bool backward_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x) {
  int64_t count = s->o * (s->c / s->args.groups) * s->kh * s->kw;
  return count == 0 || cr_launch("conv2d by its weight", weight_kernel<T>, cr_blocks(count, 1),
                                 THREADS, 0, shape(*s), static_cast<T *>(gw),
                                 static_cast<const T *>(gy), static_cast<const T *>(x));
}

bool cr_conv_direct(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                    const void *bias) {
  return cr_by_float(s->dtype,
                     [&](auto zero) { return forward<decltype(zero)>(s, y, x, w, bias); });
}

bool cr_conv_direct_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w) {
  return cr_by_float(s->dtype,
                     [&](auto zero) { return backward_input<decltype(zero)>(s, gx, gy, w); });
}

bool cr_conv_direct_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x) {
  return cr_by_float(s->dtype,
                     [&](auto zero) { return backward_weight<decltype(zero)>(s, gw, gy, x); });
}
