/* attention_tiles.cu: attention by tiles in shared memory, for sizes and types of all kinds.
 *
 * A block has tiles of TILE queries and TILE keys, of which a thread computes 4 by 4; heads of more
 * columns than fit are dealt out to several blocks, which make the same scores.
 *
 * Why not cuBLAS for float32, with the weights in memory between: of 64 columns an element of the
 * matrix costs 256 operations, 5 ps at an H200's 50 TFLOPS, and 20 bytes of traffic, 4 ps at 4.8
 * TB/s.  So kernels at half of cuBLAS' speed take no longer, and need no memory for it. */
#include "cuda/attention.h"

#define CHUNK 16 /* columns, or rows, of operands that are in shared memory at a time */

/* N: a block has N * TILE columns of the output. */
template <typename T, int N> struct tiles {
  typedef decltype(cr_wide(T())) C;
  static constexpr int TILE = sizeof(C) == 8 ? 32 : 64;
  static constexpr int SIDE = TILE / 4, THREADS = SIDE * SIDE, WIDE = TILE * N;
  typedef C scores[4][4];
  typedef C sums[4][4 * N];

  C a[CHUNK][TILE + 4], b[CHUNK][WIDE + 4];
  C spread[TILE][TILE + 4]; /* a tile of weights or their gradients */

  __device__ __forceinline__ static int x() { return (int)threadIdx.x % SIDE; }
  __device__ __forceinline__ static int y() { return (int)threadIdx.x / SIDE; }

  __device__ __forceinline__ static C at(const cr_attention_rows<const T> &m, int64_t row,
                                         int64_t column) {
    return row < m.rows && column < m.columns ? (C)cr_wide(m.data[row * m.step + column]) : 0;
  }
  /* to[c][r] = m[row + r][column + c], for TILE rows. */
  template <int W>
  __device__ __forceinline__ static void
  load_turned(C (*to)[W], const cr_attention_rows<const T> &m, int64_t row, int64_t column) {
    for (int i = (int)threadIdx.x; i < TILE * CHUNK; i += THREADS)
      to[i % CHUNK][i / CHUNK] = at(m, row + i / CHUNK, column + i % CHUNK);
  }
  /* b[r][c] = m[row + r][column + c]. */
  __device__ __forceinline__ void load(const cr_attention_rows<const T> &m, int64_t row,
                                       int64_t column) {
    for (int i = (int)threadIdx.x; i < CHUNK * WIDE; i += THREADS)
      b[i / WIDE][i % WIDE] = at(m, row + i / WIDE, column + i % WIDE);
  }

  /* out += the thread's part of left^T b. */
  template <int M>
  __device__ __forceinline__ void multiply(C (&out)[4][4 * M], const C (*left)[TILE + 4]) const {
#pragma unroll 4
    for (int k = 0; k < CHUNK; k++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        C l = left[k][4 * y() + i];
#pragma unroll
        for (int j = 0; j < 4 * M; j++) out[i][j] += l * b[k][TILE * (j / 4) + 4 * x() + j % 4];
      }
    }
  }

  /* out = rows of p from `row` on times rows of q from `key` on. */
  __device__ __forceinline__ void products(scores &out, const cr_attention_rows<const T> &p,
                                           int64_t row, const cr_attention_rows<const T> &q,
                                           int64_t key) {
#pragma unroll
    for (int i = 0; i < 16; i++) out[i / 4][i % 4] = 0;
    for (int64_t c = 0; c < p.columns; c += CHUNK) {
      load_turned(a, p, row, c);
      load_turned(b, q, key, c);
      __syncthreads();
      multiply<1>(out, a);
      __syncthreads();
    }
  }

  /* out += spread^T times TILE rows of m. */
  __device__ __forceinline__ void add(sums &out, const cr_attention_rows<const T> &m, int64_t row,
                                      int64_t column) {
    for (int r = 0; r < TILE; r += CHUNK) {
      load(m, row + r, column);
      __syncthreads();
      multiply<N>(out, spread + r);
      __syncthreads();
    }
  }

  __device__ __forceinline__ static void store(const cr_attention_rows<T> &m, const sums &x,
                                               int64_t row, int64_t column) {
#pragma unroll
    for (int i = 0; i < 16 * N; i++) {
      int64_t r = row + 4 * y() + i / (4 * N),
              c = column + TILE * (i % (4 * N) / 4) + 4 * tiles::x() + i % 4;
      if (r < m.rows && c < m.columns)
        m.data[r * m.step + c] = cr_narrow<T>::from(x[i / (4 * N)][i % (4 * N)]);
    }
  }

  /* Over the threads that have parts of the same rows. */
  __device__ __forceinline__ static C row_sum(C x) {
    for (int d = SIDE / 2; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d);
    return x;
  }
  __device__ __forceinline__ static C row_max(C x) {
    for (int d = SIDE / 2; d > 0; d /= 2) {
      C other = __shfl_xor_sync(0xffffffffu, x, d);
      x = other > x ? other : x;
    }
    return x;
  }
};

/* ---- forward ---------------------------------------------------------------------------- */

/* The softmax so far: the largest score of each of the thread's rows, and its share of the sum. */
template <typename C> struct softmax {
  C most[4], sum[4];

  /* x becomes exponentials; `shrink` is by how much what was summed before is too large. */
  template <typename R>
  __device__ __forceinline__ void take(C (&x)[4], int i, R row_max, C *shrink) {
    C m = most[i];
#pragma unroll
    for (int j = 0; j < 4; j++) m = x[j] > m ? x[j] : m;
    m = row_max(m);
    C low = m == -(C)INFINITY ? 0 : m;
    *shrink = cr_exp(most[i] - low);
    most[i] = m;
    sum[i] *= *shrink;
#pragma unroll
    for (int j = 0; j < 4; j++) sum[i] += x[j] = cr_exp(x[j] - low);
  }
};

template <typename T, int N>
__global__ void __launch_bounds__(tiles<T, N>::THREADS)
    forward_kernel(const __grid_constant__ cr_attention_job j, cr_attention_deal deal) {
  typedef tiles<T, N> block;
  typedef typename block::C C;
  CR_SHARED(block, shared, 1);
  block &b = shared[0];
  for (int64_t task = blockIdx.x; task < deal.tasks(); task += gridDim.x) {
    cr_attention_head h(j.a, task % deal.heads);
    int64_t column = task / deal.heads % deal.parts * block::WIDE;
    int64_t row = (deal.tiles - 1 - task / deal.heads / deal.parts) * block::TILE;
    if (row >= h.l) continue;
    cr_attention_sight<C> sight(j.a, h, 1);
    cr_attention_drop<C> drop(j, h);
    auto q = h.template queries<const T>(j.q, j.a.e);
    auto k = h.template keys<const T>(j.k, j.a.e), v = h.template keys<const T>(j.v, j.a.ev);
    typename block::sums out = {};
    softmax<C> soft = {};
    for (C &m : soft.most) m = -(C)INFINITY;
    int64_t first = row + 4 * block::y(), seen = sight.seen_before(row + block::TILE);
    for (int64_t key = 0; key < seen; key += block::TILE) {
      typename block::scores x;
      b.products(x, q, row, k, key);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        C shrink;
        int64_t at = key + 4 * block::x();
#pragma unroll
        for (int c = 0; c < 4; c++)
          x[i][c] = sight.score(x[i][c] * (C)j.a.scale, first + i, at + c);
        soft.take(x[i], i, block::row_max, &shrink);
#pragma unroll
        for (int c = 0; c < 4 * N; c++) out[i][c] *= shrink;
#pragma unroll
        for (int c = 0; c < 4; c++)
          b.spread[4 * block::x() + c][4 * block::y() + i] =
              x[i][c] * drop.factor(first + i, at + c);
      }
      b.add(out, v, key, column);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
      C sum = block::row_sum(soft.sum[i]), inverse = sum == 0 ? 0 : 1 / sum;
#pragma unroll
      for (int c = 0; c < 4 * N; c++) out[i][c] *= inverse;
      if (j.lse && column == 0 && block::x() == 0 && first + i < h.l)
        static_cast<C *>(j.lse)[h.at + first + i] =
            sum == 0 ? (C)INFINITY : soft.most[i] + cr_log(sum);
    }
    block::store(h.template queries<T>(j.y, j.a.ev), out, row, column);
  }
}

/* ---- backward --------------------------------------------------------------------------- */

/* From products x = q k^T and g = gy v^T of a tile: x becomes the weights after dropout, g the
 * gradients of the products. */
template <typename T, int N>
__device__ __forceinline__ void slopes(const cr_attention_job &j, const cr_attention_head &h,
                                       typename tiles<T, N>::scores &x,
                                       typename tiles<T, N>::scores &g, int64_t row, int64_t key) {
  typedef typename tiles<T, N>::C C;
  cr_attention_sight<C> sight(j.a, h, 1);
  cr_attention_drop<C> drop(j, h);
  const C *lse = static_cast<const C *>(j.lse) + h.at,
          *delta = static_cast<const C *>(j.delta) + h.at;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    int64_t at = row + i;
    C low = at < h.l ? lse[at] : (C)INFINITY, less = at < h.l ? delta[at] : 0;
#pragma unroll
    for (int c = 0; c < 4; c++) {
      C w = cr_exp(sight.score(x[i][c] * (C)j.a.scale, at, key + c) - low);
      C kept = drop.factor(at, key + c);
      x[i][c] = w * kept;
      g[i][c] = w * (g[i][c] * kept - less) * (C)j.a.scale;
    }
  }
}

template <typename T, int N>
__global__ void __launch_bounds__(tiles<T, N>::THREADS)
    queries_kernel(const __grid_constant__ cr_attention_job j, cr_attention_deal deal) {
  typedef tiles<T, N> block;
  CR_SHARED(block, shared, 1);
  block &b = shared[0];
  for (int64_t task = blockIdx.x; task < deal.tasks(); task += gridDim.x) {
    cr_attention_head h(j.a, task % deal.heads);
    int64_t column = task / deal.heads % deal.parts * block::WIDE;
    int64_t row = (deal.tiles - 1 - task / deal.heads / deal.parts) * block::TILE;
    if (row >= h.l) continue;
    cr_attention_sight<typename block::C> sight(j.a, h, 1);
    auto q = h.template queries<const T>(j.q, j.a.e),
         gy = h.template queries<const T>(j.gy, j.a.ev);
    auto k = h.template keys<const T>(j.k, j.a.e), v = h.template keys<const T>(j.v, j.a.ev);
    typename block::sums out = {};
    int64_t seen = sight.seen_before(row + block::TILE);
    for (int64_t key = 0; key < seen; key += block::TILE) {
      typename block::scores x, g;
      b.products(x, q, row, k, key);
      b.products(g, gy, row, v, key);
      slopes<T, N>(j, h, x, g, row + 4 * block::y(), key + 4 * block::x());
#pragma unroll
      for (int i = 0; i < 16; i++)
        b.spread[4 * block::x() + i % 4][4 * block::y() + i / 4] = g[i / 4][i % 4];
      b.add(out, k, key, column);
    }
    block::store(h.template queries<T>(j.gq, j.a.e), out, row, column);
  }
}

/* The queries of all heads that share the keys, always in the same order. */
template <typename T, int N>
__global__ void __launch_bounds__(tiles<T, N>::THREADS)
    keys_kernel(const __grid_constant__ cr_attention_job j, cr_attention_deal deal) {
  typedef tiles<T, N> block;
  CR_SHARED(block, shared, 1);
  block &b = shared[0];
  for (int64_t task = blockIdx.x; task < deal.tasks(); task += gridDim.x) {
    int64_t column = task / deal.heads % deal.parts * block::WIDE;
    int64_t key = task / deal.heads / deal.parts * block::TILE;
    cr_attention_head shares(j.a, task % deal.heads * j.a.group);
    if (key >= shares.s) continue;
    typename block::sums of_k = {}, of_v = {};
    for (int64_t n = 0; n < j.a.group; n++) {
      cr_attention_head h(j.a, task % deal.heads * j.a.group + n);
      cr_attention_sight<typename block::C> sight(j.a, h, 1);
      auto q = h.template queries<const T>(j.q, j.a.e),
           gy = h.template queries<const T>(j.gy, j.a.ev);
      auto k = h.template keys<const T>(j.k, j.a.e), v = h.template keys<const T>(j.v, j.a.ev);
      int64_t row = sight.first_to_see(key) / block::TILE * block::TILE;
      for (; row < h.l; row += block::TILE) {
        typename block::scores x, g = {};
        b.products(x, q, row, k, key);
        if (j.gk.data) b.products(g, gy, row, v, key);
        slopes<T, N>(j, h, x, g, row + 4 * block::y(), key + 4 * block::x());
        auto sum = [&](typename block::sums &out, const typename block::scores &part,
                       const cr_attention_rows<const T> &m) {
#pragma unroll
          for (int i = 0; i < 16; i++)
            b.spread[4 * block::y() + i / 4][4 * block::x() + i % 4] = part[i / 4][i % 4];
          b.add(out, m, row, column);
        };
        if (j.gv.data) sum(of_v, x, gy);
        if (j.gk.data) sum(of_k, g, q);
      }
    }
    if (j.gk.data) block::store(shares.template keys<T>(j.gk, j.a.e), of_k, key, column);
    if (j.gv.data) block::store(shares.template keys<T>(j.gv, j.a.ev), of_v, key, column);
  }
}

/* ---- starting --------------------------------------------------------------------------- */

template <typename T, int N>
static bool start(void (*kernel)(cr_attention_job, cr_attention_deal), const cr_attention_job &j,
                  int64_t rows, int64_t heads, int64_t columns) {
  typedef tiles<T, N> block;
  cr_attention_deal deal = {(rows + block::TILE - 1) / block::TILE, heads,
                            (columns + block::WIDE - 1) / block::WIDE};
  if (deal.tasks() == 0) return true;
  return cr_launch("attention", kernel, cr_blocks(deal.tasks(), 1), block::THREADS, 0, j, deal);
}

bool cr_attention_tiles(const cr_attention_job &j) {
  return cr_attention_by_type(j.a.dtype, [&](auto element) {
    typedef decltype(element) T;
    int64_t heads = j.a.batch * j.a.heads, columns = j.a.ev > 0 ? j.a.ev : 1;
    if (columns > tiles<T, 1>::WIDE)
      return start<T, 2>(forward_kernel<T, 2>, j, j.a.l, heads, columns);
    return start<T, 1>(forward_kernel<T, 1>, j, j.a.l, heads, columns);
  });
}

bool cr_attention_tiles_backward(const cr_attention_job &j) {
  return cr_attention_by_type(j.a.dtype, [&](auto element) {
    typedef decltype(element) T;
    int64_t heads = j.a.batch * j.a.heads;
    int64_t most = j.a.e > j.a.ev ? j.a.e : j.a.ev;
    bool ok = !j.gq.data || start<T, 1>(queries_kernel<T, 1>, j, j.a.l, heads, j.a.e);
    if (!ok || (!j.gk.data && !j.gv.data)) return ok;
    return start<T, 1>(keys_kernel<T, 1>, j, j.a.s, heads / j.a.group, most);
  });
}
