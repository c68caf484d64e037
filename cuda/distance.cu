/* distance.cu: Euclidean distances between rows. */
#include "cuda/cuda.h"

#define TILE 32  /* rows of a, and of b, whose distances a block finds */
#define DEPTH 16 /* of their elements at a time */
#define SIDE 16  /* threads along a side: each finds 2 by 2 distances */

struct distances {
  int64_t batch, n, m, d, down, across; /* rows of a, of b, elements of a row; tiles of a batch */
};

/* Elements from `first` on of TILE rows from `row` on; what is not there is 0, and so adds nothing.
 */
template <typename T>
__device__ __forceinline__ void load(T *tile, const T *rows, int64_t row, int64_t count,
                                     int64_t first, int64_t d) {
  for (int t = (int)(threadIdx.y * SIDE + threadIdx.x); t < TILE * DEPTH; t += SIDE * SIDE) {
    int r = t / DEPTH, k = t % DEPTH;
    bool there = row + r < count && first + k < d;
    tile[r * (DEPTH + 1) + k] = there ? rows[(row + r) * d + first + k] : (T)0;
  }
}

/* Squares add up in double. */
template <typename T>
__global__ void __launch_bounds__(SIDE *SIDE)
    find_distances(distances s, T *out, const T *a, const T *b) {
  CR_SHARED(T, from, TILE * (DEPTH + 1));
  CR_SHARED(T, to, TILE * (DEPTH + 1));
  int x = (int)threadIdx.x, y = (int)threadIdx.y;
  for (int64_t t = blockIdx.x; t < s.batch * s.down * s.across; t += gridDim.x) {
    int64_t k = t / (s.down * s.across), i = t / s.across % s.down * TILE, j = t % s.across * TILE;
    double sum[2][2] = {{0, 0}, {0, 0}};
    for (int64_t first = 0; first < s.d; first += DEPTH) {
      load(from, a + k * s.n * s.d, i, s.n, first, s.d);
      load(to, b + k * s.m * s.d, j, s.m, first, s.d);
      __syncthreads();
      for (int e = 0; e < DEPTH; e++) {
        for (int q = 0; q < 4; q++) {
          double apart = (double)from[(y + q / 2 * SIDE) * (DEPTH + 1) + e] -
                         (double)to[(x + q % 2 * SIDE) * (DEPTH + 1) + e];
          sum[q / 2][q % 2] += apart * apart;
        }
      }
      __syncthreads();
    }
    for (int q = 0; q < 4; q++) {
      int64_t row = i + y + q / 2 * SIDE, col = j + x + q % 2 * SIDE;
      if (row < s.n && col < s.m) out[(k * s.n + row) * s.m + col] = (T)sqrt(sum[q / 2][q % 2]);
    }
  }
}

template <typename T> static bool run(const distances &s, void *out, const void *a, const void *b) {
  return cr_launch("dist", find_distances<T>, cr_blocks(s.batch * s.down * s.across, 1),
                   dim3(SIDE, SIDE), 0, s, static_cast<T *>(out), static_cast<const T *>(a),
                   static_cast<const T *>(b));
}

static bool euclidean(cr_dtype dtype, void *out, const void *a, const void *b, int64_t batch,
                      int64_t n, int64_t m, int64_t d) {
  distances s = {batch, n, m, d, (n + TILE - 1) / TILE, (m + TILE - 1) / TILE};
  if (batch == 0 || n == 0 || m == 0) return true;
  return dtype == CR_FLOAT64 ? run<double>(s, out, a, b) : run<float>(s, out, a, b);
}

void cr_cuda_fill_distance(cr_backend *b) {
  b->euclidean = euclidean;
}
