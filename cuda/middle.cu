/* middle.cu: sums over all but the middle dimension of an array (outer, n, inner), in double.  How
 * the work is cut, and so the order of additions, depends on the shape alone. */
#include "cuda/block.h"
#include "cuda/conv.h"

#include <optional>

#define THREADS 256
#define MOST_PARTS 256 /* of the sum of a channel */
#define BLOCKS 1024    /* that keep a device busy */
#define PART 4096      /* elements that are worth a block */

struct middle {
  int64_t outer, n, inner;
  int64_t outer_parts, inner_parts;
};

/* Where part i of `parts` of n begins. */
__device__ __forceinline__ int64_t begin_of(int64_t n, int64_t parts, int64_t i) {
  return n / parts * i + (i < n % parts ? i : n % parts);
}

/* A partial sum, or the result when it is the only one. */
template <typename T>
__device__ __forceinline__ void put(T *out, double *parts, const middle &m, int64_t channel,
                                    int64_t part, double sum) {
  if (parts)
    parts[part * m.n + channel] = sum;
  else
    out[channel] = (T)sum;
}

/* A block for each part of each channel.  Its threads lie side by side along inner, in several
 * rows when inner is short. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    planes_kernel(T *out, double *parts, const T *in, const __grid_constant__ middle m, int lanes) {
  int64_t count = m.n * m.outer_parts * m.inner_parts;
  int lane = threadIdx.x & (lanes - 1), row = threadIdx.x / lanes, rows = THREADS / lanes;
  for (int64_t b = blockIdx.x; b < count; b += gridDim.x) {
    int64_t channel = b % m.n, part = b / m.n;
    int64_t po = part / m.inner_parts, pi = part % m.inner_parts;
    int64_t end = begin_of(m.outer, m.outer_parts, po + 1);
    int64_t first = begin_of(m.inner, m.inner_parts, pi) + lane;
    int64_t last = begin_of(m.inner, m.inner_parts, pi + 1);
    double sum = 0;
    for (int64_t o = begin_of(m.outer, m.outer_parts, po) + row; o < end; o += rows) {
      const T *p = in + (o * m.n + channel) * m.inner;
      for (int64_t i = first; i < last; i += lanes) sum += (double)p[i];
    }
    sum = cr_block_sum<THREADS>(sum);
    if (threadIdx.x == 0) put(out, parts, m, channel, part, sum);
  }
}

#define WIDE 32
#define HIGH (THREADS / WIDE)

/* inner is 1: a block for each part of 32 neighbouring channels. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    columns_kernel(T *out, double *parts, const T *in, const __grid_constant__ middle m) {
  CR_SHARED(double, rest, THREADS);
  int64_t groups = (m.n + WIDE - 1) / WIDE;
  for (int64_t b = blockIdx.x; b < groups * m.outer_parts; b += gridDim.x) {
    int64_t channel = b % groups * WIDE + threadIdx.x, part = b / groups;
    int64_t end = begin_of(m.outer, m.outer_parts, part + 1);
    double sum = 0;
    if (channel < m.n)
      for (int64_t o = begin_of(m.outer, m.outer_parts, part) + threadIdx.y; o < end; o += HIGH)
        sum += (double)in[o * m.n + channel];
    rest[threadIdx.y * WIDE + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && channel < m.n) {
      for (int i = 1; i < HIGH; i++) sum += rest[i * WIDE + threadIdx.x];
      put(out, parts, m, channel, part, sum);
    }
    __syncthreads();
  }
}

template <typename T>
__global__ void __launch_bounds__(THREADS)
    end_kernel(T *out, const double *parts, int64_t n, int64_t count) {
  for (int64_t i = cr_thread(); i < n; i += cr_threads()) {
    double sum = 0;
    for (int64_t k = 0; k < count; k++) sum += parts[k * n + i];
    out[i] = (T)sum;
  }
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* In so many parts that all blocks together fill a device, none of them tiny. */
static middle cut(const cr_middle_shape *s) {
  middle m = {s->outer, s->n, s->inner, 1, 1};
  int64_t work = s->outer * s->inner, groups = s->inner == 1 ? (s->n + WIDE - 1) / WIDE : s->n;
  int64_t wide = s->inner == 1 ? WIDE : 1; /* channels of a block */
  int64_t parts =
      smaller(smaller((BLOCKS + groups - 1) / groups, MOST_PARTS), work * wide / PART + 1);
  if (work == 0) return m;
  m.outer_parts = smaller(parts, s->outer);
  m.inner_parts = smaller(parts / m.outer_parts, s->inner / PART + 1);
  return m;
}

template <typename T> static bool sum_of(const cr_middle_shape *s, T *out, const T *in) {
  middle m = cut(s);
  int64_t count = m.outer_parts * m.inner_parts;
  std::optional<cr_scratch> room;
  if (count > 1) room.emplace((size_t)(count * m.n) * sizeof(double));
  if (room && !room->p) return false;
  double *parts = room ? room->as<double>() : NULL;
  int lanes = 1;
  while (lanes < THREADS && lanes < m.inner) lanes *= 2;
  int64_t groups = (m.n + WIDE - 1) / WIDE;
  bool ok = m.inner == 1 ? cr_launch("sum", columns_kernel<T>, cr_blocks(groups * count, 1),
                                     dim3(WIDE, HIGH), 0, out, parts, in, m)
                         : cr_launch("sum", planes_kernel<T>, cr_blocks(m.n * count, 1), THREADS, 0,
                                     out, parts, in, m, lanes);
  return ok && (!parts || cr_launch("sum", end_kernel<T>, cr_blocks(m.n, THREADS), THREADS, 0, out,
                                    (const double *)parts, m.n, count));
}

bool cr_cuda_sum_middle(const cr_middle_shape *s, void *out, const void *in) {
  if (s->n == 0) return true;
  return s->dtype == CR_FLOAT64
             ? sum_of(s, static_cast<double *>(out), static_cast<const double *>(in))
             : sum_of(s, static_cast<float *>(out), static_cast<const float *>(in));
}
