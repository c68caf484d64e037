/* dropout.cu: zeros at random, the same ones as on the CPU.  A thread makes the four elements of a
 * counter. */
#include "cuda/wide.h"
#include "tensor/philox.h"

#define THREADS 256

struct job {
  int64_t n;
  double scale;
  uint64_t seed, offset;
  const cr_random_move *move;
  bool any;      /* whether any number falls at all: those up to `last` do */
  uint32_t last; /* p * 2^32 - 1 */
};

/* V elements. */
template <typename T, int V>
__device__ __forceinline__ void drop(const job &j, T *y, const T *x, const uint32_t *random,
                                     cr_width<V> width) {
  auto p = cr_load_wide(x, width);
#pragma unroll
  for (int v = 0; v < V; v++)
    p.v[v] = j.any && random[v] <= j.last ? 0 : p.v[v] * (cr_calc<T>)j.scale;
  cr_save_narrow(y, p);
}

template <typename T>
__global__ void __launch_bounds__(THREADS) drop_kernel(job j, T *y, const T *x, bool aligned) {
  const int V = cr_lanes<T> < 4 ? cr_lanes<T> : 4;
  uint64_t seed = j.seed, offset = j.offset;
  cr_move_random(j.move, &seed, &offset);
  for (int64_t c = cr_thread(); c * 4 < j.n; c += cr_threads()) {
    uint32_t random[4];
    int64_t at = c * 4;
    cr_philox_at(seed, offset + (uint64_t)c, random);
    if (aligned && at + 4 <= j.n) {
#pragma unroll
      for (int i = 0; i < 4; i += V) drop(j, y + at + i, x + at + i, random + i, cr_width<V>());
    } else {
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (at + i < j.n) drop(j, y + at + i, x + at + i, random + i, cr_width<1>());
    }
  }
}

template <typename T> static bool run(const job &j, void *y, const void *x) {
  return j.n == 0 ||
         cr_launch("dropout", drop_kernel<T>, cr_blocks((j.n + 3) / 4, THREADS), THREADS, 0, j,
                   static_cast<T *>(y), static_cast<const T *>(x), cr_rows_aligned<T>(0, {x, y}));
}

static bool dropout(cr_dtype dtype, int64_t n, void *y, const void *x, double p, double scale,
                    uint64_t seed, uint64_t offset) {
  uint64_t falling = (uint64_t)(p * 0x1p32);
  job j = {n, scale, seed, offset, cr_cuda_random_move(), falling > 0, (uint32_t)(falling - 1)};
  return cr_by_float(dtype, [&](auto zero) { return run<decltype(zero)>(j, y, x); });
}

void cr_cuda_fill_dropout(cr_nn_backend *b) {
  b->dropout = dropout;
  b->halves |= CR_HALF_DROPOUT;
}
