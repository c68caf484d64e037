/* attention_half.cu: attention of half types on tensor cores, for heads of up to 128 columns.
 *
 * A block of four warps has ROWS rows of one tile, 16 a warp, and goes over tiles of the other
 * side, of which the next is copied while it computes.  Scores, weights and sums stay in registers
 * as mma.h lays them out; exponentials are of base 2, with the logarithm of e in the scale. */
#include "cuda/attention.h"
#include "cuda/mma.h"

#define ROWS 64
#define THREADS 128
#define LOG2E 1.4426950408889634f

/* Tiles of half numbers in shared memory: rows of E columns, 0 where there are none. */
template <typename T, int E> struct tile {
  static constexpr int STEP = E + 8; /* so that 8 rows of 16 bytes are in different banks */
  typedef float sums[E / 8][4];      /* of 16 rows by E columns: a warp's */

  /* Begins to copy `rows` rows from `row` on. */
  template <int N>
  __device__ __forceinline__ static void load(T *to, const cr_attention_rows<const T> &m,
                                              int64_t row, bool aligned) {
    for (int i = (int)threadIdx.x; i < N * (E / 8); i += THREADS) {
      int r = i / (E / 8), c = i % (E / 8) * 8;
      const T *from = m.data + (row + r) * m.step + c;
      bool there = row + r < m.rows && c < m.columns;
      if (aligned) {
        cr_copy_begin(to + r * STEP + c, there ? from : m.data, there);
      } else {
        for (int v = 0; v < 8; v++)
          to[r * STEP + c + v] = row + r < m.rows && c + v < m.columns ? from[v] : T{0};
      }
    }
  }

  __device__ __forceinline__ static int lane() { return (int)threadIdx.x % 32; }
  /* 16 rows, 16 columns from k on, as left matrix. */
  __device__ __forceinline__ static void left(uint32_t (&a)[4], const T *m, int row, int k) {
    cr_load_matrices(a, m + (row + lane() % 16) * STEP + k + lane() / 16 * 8);
  }
  /* Two right matrices whose columns are rows n.. of m. */
  __device__ __forceinline__ static void right_of_rows(uint32_t (&b)[4], const T *m, int n, int k) {
    cr_load_matrices(b, m + (n + lane() % 8 + lane() / 16 * 8) * STEP + k + lane() / 8 % 2 * 8);
  }
  /* Two right matrices whose rows are rows k.. of m. */
  __device__ __forceinline__ static void right(uint32_t (&b)[4], const T *m, int k, int n) {
    cr_load_turned(b, m + (k + lane() % 8 + lane() / 8 % 2 * 8) * STEP + n + lane() / 16 * 8);
  }

  /* x = 16 rows of p from `row` on times N rows of q. */
  template <int N>
  __device__ __forceinline__ static void products(float (&x)[N / 8][4], const T *p, int row,
                                                  const T *q) {
#pragma unroll
    for (int n = 0; n < N / 2; n++) x[n / 4][n % 4] = 0;
#pragma unroll
    for (int k = 0; k < E; k += 16) {
      uint32_t a[4], b[4];
      left(a, p, row, k);
#pragma unroll
      for (int n = 0; n < N; n += 16) {
        right_of_rows(b, q, n, k);
        cr_mma<T>(x[n / 8], a, b[0], b[1]);
        cr_mma<T>(x[n / 8 + 1], a, b[2], b[3]);
      }
    }
  }

  /* out += x, 16 by N, times N rows of m.  Sums lie in registers as left matrices do. */
  template <int N>
  __device__ __forceinline__ static void add(sums &out, const float (&x)[N / 8][4], const T *m) {
#pragma unroll
    for (int k = 0; k < N; k += 16) {
      const float(&p)[4] = x[k / 8], (&q)[4] = x[k / 8 + 1];
      uint32_t a[4] = {cr_pair<T>(p[0], p[1]), cr_pair<T>(p[2], p[3]), cr_pair<T>(q[0], q[1]),
                       cr_pair<T>(q[2], q[3])};
#pragma unroll
      for (int n = 0; n < E; n += 16) {
        uint32_t b[4];
        right(b, m, k, n);
        cr_mma<T>(out[n / 8], a, b[0], b[1]);
        cr_mma<T>(out[n / 8 + 1], a, b[2], b[3]);
      }
    }
  }

  /* Rows from `row` on, the warp's first. */
  __device__ __forceinline__ static void store(const cr_attention_rows<T> &m, const sums &x,
                                               int64_t row, bool aligned) {
#pragma unroll
    for (int n = 0; n < E / 8; n++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int64_t r = row + lane() / 4 + 8 * half;
        int c = 8 * n + 2 * (lane() % 4);
        uint32_t pair = cr_pair<T>(x[n][2 * half], x[n][2 * half + 1]);
        T *to = m.data + r * m.step + c;
        if (r >= m.rows || c >= m.columns) continue;
        if (aligned) {
          *reinterpret_cast<uint32_t *>(to) = pair;
        } else {
          to[0] = T{(uint16_t)pair};
          if (c + 1 < m.columns) to[1] = T{(uint16_t)(pair >> 16)};
        }
      }
    }
  }
};

/* Over the four lanes that have parts of a row. */
__device__ __forceinline__ float row_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
__device__ __forceinline__ float row_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

/* Whether a tile of keys before `end` is seen as it is by all rows from `row` on. */
__device__ __forceinline__ bool all_seen(const cr_attention_sight<float> &sight, int64_t row,
                                         int64_t end) {
  return !sight.a.mask && end <= sight.seen(row);
}

/* ---- forward ---------------------------------------------------------------------------- */

/* The softmax so far, of rows lane / 4 and lane / 4 + 8: the largest score of all lanes, and the
 * lane's share of the sum.  x becomes exponentials, out shrinks as its rows' largest scores grow.
 */
template <int N>
__device__ __forceinline__ void take(float (&x)[ROWS / 8][4], float (&out)[N][4], float (&most)[2],
                                     float (&sum)[2]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float m = most[half];
#pragma unroll
    for (int n = 0; n < ROWS / 8; n++) m = fmaxf(m, fmaxf(x[n][2 * half], x[n][2 * half + 1]));
    m = row_max(m);
    float low = m == -INFINITY ? 0 : m, shrink = exp2f(most[half] - low), part = 0;
    most[half] = m;
#pragma unroll
    for (int n = 0; n < ROWS / 8; n++)
#pragma unroll
      for (int v = 2 * half; v < 2 * half + 2; v++) part += x[n][v] = exp2f(x[n][v] - low);
    sum[half] = sum[half] * shrink + part;
#pragma unroll
    for (int n = 0; n < N; n++) {
      out[n][2 * half] *= shrink;
      out[n][2 * half + 1] *= shrink;
    }
  }
}

/* Scores of the products x with rows from `row` and keys from `key` on; the lane's first ones. */
__device__ __forceinline__ void scores(float (&x)[ROWS / 8][4],
                                       const cr_attention_sight<float> &sight, float scale,
                                       int64_t row, int64_t key, bool plain) {
#pragma unroll
  for (int n = 0; n < ROWS / 8; n++)
#pragma unroll
    for (int v = 0; v < 4; v++) {
      x[n][v] *= scale;
      if (!plain) x[n][v] = sight.score(x[n][v], row + v / 2 * 8, key + 8 * n + v % 2);
    }
}

template <typename T, int E>
__global__ void __launch_bounds__(THREADS, 2)
    forward_kernel(const __grid_constant__ cr_attention_job j, cr_attention_deal deal,
                   bool aligned) {
  typedef tile<T, E> tile;
  const int SIZE = ROWS * tile::STEP;
  CR_DYNAMIC_SHARED(T, shared);
  T *tq = shared, *tk = tq + SIZE, *tv = tk + 2 * SIZE;
  int warp = (int)threadIdx.x / 32 * 16, lane = (int)threadIdx.x % 32;
  for (int64_t task = blockIdx.x; task < deal.tasks(); task += gridDim.x) {
    cr_attention_head h(j.a, task % deal.heads);
    int64_t row = (deal.tiles - 1 - task / deal.heads) * ROWS, first = row + warp + lane / 4;
    if (row >= h.l) continue;
    cr_attention_sight<float> sight(j.a, h, LOG2E);
    auto q = h.template queries<const T>(j.q, j.a.e);
    auto k = h.template keys<const T>(j.k, j.a.e), v = h.template keys<const T>(j.v, j.a.ev);
    typename tile::sums out = {};
    float most[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
    int64_t seen = sight.seen_before(row + ROWS);
    auto load = [&](int64_t key) {
      int at = key / ROWS % 2 * SIZE;
      tile::template load<ROWS>(tk + at, k, key, aligned);
      tile::template load<ROWS>(tv + at, v, key, aligned);
      cr_copy_mark();
    };
    if (seen > 0) {
      tile::template load<ROWS>(tq, q, row, aligned);
      load(0);
    }
    for (int64_t key = 0; key < seen; key += ROWS) {
      int at = key / ROWS % 2 * SIZE;
      if (key + ROWS < seen) {
        load(key + ROWS);
        cr_copy_wait<1>();
      } else {
        cr_copy_wait<0>();
      }
      __syncthreads();
      float x[ROWS / 8][4];
      int64_t begin = key + 2 * (lane % 4);
      tile::template products<ROWS>(x, tq, warp, tk + at);
      scores(x, sight, (float)j.a.scale * LOG2E, first, begin, all_seen(sight, row, key + ROWS));
      take(x, out, most, sum);
      cr_attention_drop<float> drop(j, h);
      if (drop.on) {
#pragma unroll
        for (int i = 0; i < ROWS / 2; i++) { /* by rows, as the numbers are drawn */
          int n = i / 2 % (ROWS / 8), v = i / (ROWS / 4) * 2 + i % 2;
          x[n][v] *= drop.factor(first + v / 2 * 8, begin + 8 * n + v % 2);
        }
      }
      tile::template add<ROWS>(out, x, tv + at);
      __syncthreads();
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float all = row_sum(sum[half]), inverse = all == 0 ? 0 : 1 / all;
#pragma unroll
      for (int n = 0; n < E / 8; n++) {
        out[n][2 * half] *= inverse;
        out[n][2 * half + 1] *= inverse;
      }
      if (j.lse && lane % 4 == 0 && first + 8 * half < h.l)
        static_cast<float *>(j.lse)[h.at + first + 8 * half] =
            all == 0 ? INFINITY : most[half] + log2f(all);
    }
    tile::store(h.template queries<T>(j.y, j.a.ev), out, row + warp, aligned);
  }
}

/* ---- backward --------------------------------------------------------------------------- */

/* What a row's weights are made of again. */
struct row_sums {
  float lse, delta;
  __device__ __forceinline__ row_sums(const cr_attention_job &j, const cr_attention_head &h,
                                      int64_t row)
      : lse(row < h.l ? static_cast<const float *>(j.lse)[h.at + row] : INFINITY),
        delta(row < h.l ? static_cast<const float *>(j.delta)[h.at + row] : 0) {}
};

/* From the products x = q k^T and g = gy v^T: the weight after dropout, and the gradient of x. */
__device__ __forceinline__ void slope(float *x, float *g, const row_sums &r,
                                      const cr_attention_sight<float> &sight,
                                      cr_attention_drop<float> &drop, float scale, int64_t row,
                                      int64_t key, bool plain) {
  float score = *x * scale * LOG2E;
  if (!plain) score = sight.score(score, row, key);
  float w = exp2f(score - r.lse), kept = drop.factor(row, key);
  *x = w * kept;
  *g = w * (*g * kept - r.delta) * scale;
}

template <typename T, int E>
__global__ void __launch_bounds__(THREADS, 2)
    queries_kernel(const __grid_constant__ cr_attention_job j, cr_attention_deal deal,
                   bool aligned) {
  typedef tile<T, E> tile;
  const int SIZE = ROWS * tile::STEP;
  CR_DYNAMIC_SHARED(T, shared);
  T *tq = shared, *tg = tq + SIZE, *tk = tg + SIZE, *tv = tk + 2 * SIZE;
  int warp = (int)threadIdx.x / 32 * 16, lane = (int)threadIdx.x % 32;
  for (int64_t task = blockIdx.x; task < deal.tasks(); task += gridDim.x) {
    cr_attention_head h(j.a, task % deal.heads);
    int64_t row = (deal.tiles - 1 - task / deal.heads) * ROWS, first = row + warp + lane / 4;
    if (row >= h.l) continue;
    cr_attention_sight<float> sight(j.a, h, LOG2E);
    row_sums sums[2] = {{j, h, first}, {j, h, first + 8}};
    auto k = h.template keys<const T>(j.k, j.a.e), v = h.template keys<const T>(j.v, j.a.ev);
    typename tile::sums out = {};
    int64_t seen = sight.seen_before(row + ROWS);
    auto load = [&](int64_t key) {
      int at = key / ROWS % 2 * SIZE;
      tile::template load<ROWS>(tk + at, k, key, aligned);
      tile::template load<ROWS>(tv + at, v, key, aligned);
      cr_copy_mark();
    };
    if (seen > 0) {
      tile::template load<ROWS>(tq, h.template queries<const T>(j.q, j.a.e), row, aligned);
      tile::template load<ROWS>(tg, h.template queries<const T>(j.gy, j.a.ev), row, aligned);
      load(0);
    }
    for (int64_t key = 0; key < seen; key += ROWS) {
      int at = key / ROWS % 2 * SIZE;
      if (key + ROWS < seen) {
        load(key + ROWS);
        cr_copy_wait<1>();
      } else {
        cr_copy_wait<0>();
      }
      __syncthreads();
      float x[ROWS / 8][4], g[ROWS / 8][4];
      tile::template products<ROWS>(x, tq, warp, tk + at);
      tile::template products<ROWS>(g, tg, warp, tv + at);
      bool plain = all_seen(sight, row, key + ROWS);
      cr_attention_drop<float> drop(j, h); /* here, for registers' sake */
#pragma unroll
      for (int i = 0; i < ROWS / 2; i++) {
        int n = i / 2 % (ROWS / 8), v = i / (ROWS / 4) * 2 + i % 2;
        slope(&x[n][v], &g[n][v], sums[v / 2], sight, drop, (float)j.a.scale, first + v / 2 * 8,
              key + 8 * n + 2 * (lane % 4) + v % 2, plain);
      }
      tile::template add<ROWS>(out, g, tk + at);
      __syncthreads();
    }
    tile::store(h.template queries<T>(j.gq, j.a.e), out, row + warp, aligned);
  }
}

#define LINES 32 /* queries of a tile, so that the sums of two gradients fit the registers */

/* Scores lie the other way round: a warp has 16 keys.  The queries of all heads that share the
 * keys, always in the same order. */
template <typename T, int E>
__global__ void __launch_bounds__(THREADS, 2)
    keys_kernel(const __grid_constant__ cr_attention_job j, cr_attention_deal deal, bool aligned) {
  typedef tile<T, E> tile;
  const int SIZE = ROWS * tile::STEP, LINE = LINES * tile::STEP;
  CR_DYNAMIC_SHARED(T, shared);
  T *tk = shared, *tv = tk + SIZE, *tq = tv + SIZE, *tg = tq + 2 * LINE;
  int warp = (int)threadIdx.x / 32 * 16, lane = (int)threadIdx.x % 32;
  for (int64_t task = blockIdx.x; task < deal.tasks(); task += gridDim.x) {
    int64_t key = task / deal.heads * ROWS, first = key + warp + lane / 4;
    typename tile::sums of_k = {}, of_v = {};
    cr_attention_head shares(j.a, task % deal.heads * j.a.group);
    if (key >= shares.s) continue;
    tile::template load<ROWS>(tk, shares.template keys<const T>(j.k, j.a.e), key, aligned);
    tile::template load<ROWS>(tv, shares.template keys<const T>(j.v, j.a.ev), key, aligned);
    cr_copy_mark();
    for (int64_t n = 0; n < j.a.group; n++) {
      cr_attention_head h(j.a, task % deal.heads * j.a.group + n);
      cr_attention_sight<float> sight(j.a, h, LOG2E);
      auto q = h.template queries<const T>(j.q, j.a.e);
      auto gy = h.template queries<const T>(j.gy, j.a.ev);
      auto load = [&](int64_t row) {
        int at = row / LINES % 2 * LINE;
        tile::template load<LINES>(tq + at, q, row, aligned);
        tile::template load<LINES>(tg + at, gy, row, aligned);
        cr_copy_mark();
      };
      int64_t row = sight.first_to_see(key) / LINES * LINES;
      if (row < h.l) load(row);
      for (; row < h.l; row += LINES) {
        int at = row / LINES % 2 * LINE;
        if (row + LINES < h.l) {
          load(row + LINES);
          cr_copy_wait<1>();
        } else {
          cr_copy_wait<0>();
        }
        __syncthreads();
        float x[LINES / 8][4], g[LINES / 8][4];
        tile::template products<LINES>(x, tk, warp, tq + at);
        tile::template products<LINES>(g, tv, warp, tg + at);
        bool plain = all_seen(sight, row, key + ROWS);
        cr_attention_drop<float> drop(j, h); /* here, for registers' sake */
#pragma unroll
        for (int i = 0; i < LINES / 8 * 2; i++) {
          int64_t line = row + i / 2 * 8 + 2 * (lane % 4) + i % 2;
          row_sums sums(j, h, line);
#pragma unroll
          for (int v = i % 2; v < 4; v += 2)
            slope(&x[i / 2][v], &g[i / 2][v], sums, sight, drop, (float)j.a.scale, line,
                  first + v / 2 * 8, plain);
        }
        if (j.gv.data) tile::template add<LINES>(of_v, x, tg + at);
        if (j.gk.data) tile::template add<LINES>(of_k, g, tq + at);
        __syncthreads();
      }
    }
    cr_copy_wait<0>();
    __syncthreads();
    if (j.gk.data) tile::store(shares.template keys<T>(j.gk, j.a.e), of_k, key + warp, aligned);
    if (j.gv.data) tile::store(shares.template keys<T>(j.gv, j.a.ev), of_v, key + warp, aligned);
  }
}

/* ---- starting --------------------------------------------------------------------------- */

/* Whether rows can be copied by 16 bytes. */
static bool aligned(const cr_attention_job &j) {
  bool ok = j.a.e % 8 == 0 && j.a.ev % 8 == 0;
  for (const cr_heads &h : {j.q, j.k, j.v, j.y, j.gq, j.gk, j.gv, j.gy})
    ok = ok && reinterpret_cast<uintptr_t>(h.data) % 16 == 0 && (h.batch | h.head | h.row) % 8 == 0;
  return ok;
}

static bool start(void (*kernel)(cr_attention_job, cr_attention_deal, bool),
                  const cr_attention_job &j, int64_t rows, int64_t heads, size_t shared) {
  cr_attention_deal deal = {(rows + ROWS - 1) / ROWS, heads, 1};
  if (deal.tasks() == 0) return true;
  return cr_cuda_ok(
             cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared),
             "attention") &&
         cr_launch("attention", kernel, cr_blocks(deal.tasks(), 1), THREADS, shared, j, deal,
                   aligned(j));
}

/* f(an element of the type, the columns of the tiles), for the smallest that do. */
template <typename F> static bool by_columns(const cr_attention_job &j, const F &f) {
  int64_t columns = j.a.e > j.a.ev ? j.a.e : j.a.ev;
  auto by_type = [&](auto width) {
    return j.a.dtype == CR_FLOAT16 ? f(cr_f16(), width) : f(cr_bf16(), width);
  };
  if (columns <= 32) return by_type(cr_width<32>());
  if (columns <= 64) return by_type(cr_width<64>());
  if (columns <= 96) return by_type(cr_width<96>());
  return by_type(cr_width<128>());
}

bool cr_attention_half_takes(const cr_attention_args &a) {
  return (a.dtype == CR_FLOAT16 || a.dtype == CR_BFLOAT16) && a.e <= 128 && a.ev <= 128;
}

bool cr_attention_half(const cr_attention_job &j) {
  return by_columns(j, [&](auto element, auto width) {
    typedef decltype(element) T;
    const int E = decltype(width)::value;
    return start(forward_kernel<T, E>, j, j.a.l, j.a.batch * j.a.heads,
                 5 * ROWS * (E + 8) * sizeof(T));
  });
}

bool cr_attention_half_backward(const cr_attention_job &j) {
  return by_columns(j, [&](auto element, auto width) {
    typedef decltype(element) T;
    const int E = decltype(width)::value;
    int64_t heads = j.a.batch * j.a.heads;
    if (j.gq.data && !start(queries_kernel<T, E>, j, j.a.l, heads, 6 * ROWS * (E + 8) * sizeof(T)))
      return false;
    if (!j.gk.data && !j.gv.data) return true;
    return start(keys_kernel<T, E>, j, j.a.s, heads / j.a.group,
                 (2 * ROWS + 4 * LINES) * (E + 8) * sizeof(T));
  });
}
