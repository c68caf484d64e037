/* rows.h: what kernels share in which threads work on rows together: walks in packs of 16 bytes,
 * what a group of threads finds together, and how rows are dealt out.
 *
 * A group is a power of two of neighbouring threads: 1 to 32 of a warp, or a whole block.  Which
 * thread takes in which element, and in which order sums are joined, the shape alone decides. */
#ifndef CR_CUDA_ROWS_H
#define CR_CUDA_ROWS_H

#include "cuda/loop.h"

#include <float.h>
#include <type_traits>

/* ---- both types ------------------------------------------------------------------------- */

/* f(zero of the type), for the types that nn's kernels see. */
template <typename F> static bool cr_by_type(cr_dtype dtype, const F &f) {
  return dtype == CR_FLOAT64 ? f(0.0) : f(0.0f);
}
/* The same, for kernels that see the half types as they are. */
template <typename F> static bool cr_by_float(cr_dtype dtype, const F &f) {
  return dtype == CR_FLOAT16    ? f(cr_f16())
         : dtype == CR_BFLOAT16 ? f(cr_bf16())
                                : cr_by_type(dtype, f);
}
template <typename T> static T *cr_as(void *p) {
  return static_cast<T *>(p);
}
template <typename T> static const T *cr_as(const void *p) {
  return static_cast<const T *>(p);
}

__device__ __forceinline__ float cr_exp(float x) {
  return expf(x);
}
__device__ __forceinline__ double cr_exp(double x) {
  return exp(x);
}
__device__ __forceinline__ float cr_log(float x) {
  return logf(x);
}
__device__ __forceinline__ double cr_log(double x) {
  return log(x);
}

/* ---- walks ------------------------------------------------------------------------------ */

template <int V> using cr_width = std::integral_constant<int, V>;
template <typename T> constexpr int cr_lanes = 16 / sizeof(T); /* elements of a pack */

/* V elements from p on, at once if they are aligned. */
template <int V, typename T>
__device__ __forceinline__ cr_pack<T, V> cr_load(const T *p, cr_width<V>, bool aligned = true) {
  if (aligned) return *reinterpret_cast<const cr_pack<T, V> *>(p);
  cr_pack<T, V> x;
#pragma unroll
  for (int v = 0; v < V; v++) x.v[v] = p[v];
  return x;
}
template <int V, typename T> __device__ __forceinline__ void cr_save(T *p, const cr_pack<T, V> &x) {
  *reinterpret_cast<cr_pack<T, V> *>(p) = x;
}

/* Thread `first` of `step` calls f(i, width) for its share of 0 .. n-1: as many packs of V elements
 * as said, then single elements. */
template <int V, typename F>
__device__ __forceinline__ void cr_walk(int64_t n, int64_t packs, int64_t first, int64_t step,
                                        const F &f) {
#pragma unroll 2
  for (int64_t p = first; p < packs; p += step) f(p * V, cr_width<V>());
#pragma unroll 4
  for (int64_t i = packs * V + first; i < n; i += step) f(i, cr_width<1>());
}

/* To read: in packs, aligned or not, so that a thread gets the same elements in both cases. */
template <int V, typename F>
__device__ __forceinline__ void cr_walk_in(int64_t n, int64_t first, int64_t step, const F &f) {
  cr_walk<V>(n, n / V, first, step, f);
}
/* To write: in packs that are aligned, otherwise by single elements. */
template <int V, typename F>
__device__ __forceinline__ void cr_walk_out(int64_t n, bool aligned, int64_t first, int64_t step,
                                            const F &f) {
  cr_walk<V>(n, aligned ? n / V : 0, first, step, f);
}

/* Whether rows of n elements can be loaded in packs; NULL is no array. */
template <typename T>
static bool cr_rows_aligned(int64_t n, std::initializer_list<const void *> arrays) {
  bool aligned = n % cr_lanes<T> == 0;
  for (const void *p : arrays) aligned = aligned && reinterpret_cast<uintptr_t>(p) % 16 == 0;
  return aligned;
}

/* ---- what a group finds together -------------------------------------------------------- */

/* A state has join(other), from_lane(across), which is that of the lane whose number differs in the
 * bits `across`, and nothing(), with which a join changes nothing. */

template <typename T, int N> struct cr_sums {
  T v[N];
  __device__ __forceinline__ static cr_sums nothing() { return {}; }
  __device__ __forceinline__ void join(const cr_sums &o) {
    for (int k = 0; k < N; k++) v[k] += o.v[k];
  }
  __device__ __forceinline__ cr_sums from_lane(int across) const {
    cr_sums o;
    for (int k = 0; k < N; k++) o.v[k] = __shfl_xor_sync(0xffffffffu, v[k], across);
    return o;
  }
};

/* The sum of exp(x - most) over what was taken in, `most` being the largest x, but never infinitely
 * small: of nothing but -infinity the sum is 0.  NaN and infinity make it NaN. */
template <typename T> struct cr_exp_sum {
  T most, sum;
  __device__ __forceinline__ static cr_exp_sum nothing() {
    return {(T)(sizeof(T) == sizeof(float) ? -FLT_MAX : -DBL_MAX), 0};
  }
  template <int V> __device__ __forceinline__ void take(const cr_pack<T, V> &x) {
    T m = most;
#pragma unroll
    for (int v = 0; v < V; v++) m = x.v[v] > m ? x.v[v] : m;
    if (m > most) {
      sum *= cr_exp(most - m);
      most = m;
    }
#pragma unroll
    for (int v = 0; v < V; v++) sum += cr_exp(x.v[v] - m);
  }
  __device__ __forceinline__ void join(cr_exp_sum o) {
    if (o.most > most) {
      cr_exp_sum less = *this;
      *this = o;
      o = less;
    }
    sum += o.sum * cr_exp(o.most - most);
  }
  __device__ __forceinline__ cr_exp_sum from_lane(int across) const {
    T other = __shfl_xor_sync(0xffffffffu, most, across);
    return {other, __shfl_xor_sync(0xffffffffu, sum, across)};
  }
};

/* Every thread of the block must call; all of a group get the same. */
template <typename S> __device__ __forceinline__ S cr_join(S s, int group) {
  CR_SHARED(S, warps, 32);
  for (int d = (group < warpSize ? group : warpSize) / 2; d > 0; d /= 2) s.join(s.from_lane(d));
  if (group <= warpSize) return s;
  int lane = (int)threadIdx.x % warpSize, count = group / warpSize;
  if (lane == 0) warps[threadIdx.x / warpSize] = s;
  __syncthreads();
  s = lane < count ? warps[lane] : S::nothing();
  __syncthreads();
  for (int d = warpSize / 2; d > 0; d /= 2) s.join(s.from_lane(d));
  return s;
}

/* ---- dealing out ------------------------------------------------------------------------ */

static inline int cr_power_for(int64_t n, int most) {
  int power = 1;
  while (power < most && power < n) power *= 2;
  return power;
}

#define CR_ROW_THREADS 1024 /* the most that work on a row */

/* Groups for rows of n elements: short rows share a warp; long ones have a block, and so have those
 * of some length that are too few to keep a device busy with a warp each. */
struct cr_deal {
  int group, threads;
  unsigned blocks;
};

template <typename T> static cr_deal cr_deal_rows(int64_t rows, int64_t n) {
  int64_t packs = (n + cr_lanes<T> - 1) / cr_lanes<T>;
  cr_deal d = {cr_power_for((packs + 1) / 2, 32), 256, 0};
  if (packs > (rows < 4096 ? 64 : 512)) d.group = 256;
  if (packs > 2048) d.group = d.threads = CR_ROW_THREADS;
  d.blocks = cr_blocks(rows, d.threads / d.group);
  return d;
}

/* A kernel's rows: body(row, lane) for the group's rows.  A group without a row gets one of
 * number -1, because whoever joins must not be missed. */
template <typename F>
__device__ __forceinline__ void cr_each_row(int64_t rows, int group, const F &body) {
  int64_t per_block = blockDim.x / (unsigned)group;
  int lane = (int)threadIdx.x & (group - 1);
  for (int64_t first = blockIdx.x * per_block; first < rows; first += gridDim.x * per_block) {
    int64_t row = first + threadIdx.x / (unsigned)group;
    body(row < rows ? row : -1, lane);
  }
}

#endif
