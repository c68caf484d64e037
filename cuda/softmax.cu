/* softmax.cu: softmax and its logarithm, and their derivatives.
 *
 * Rows that lie together in memory are each worked on by a group of threads (cuda/rows.h).  Of
 * columns that run across it, neighbours are worked on by neighbouring threads, and when there are
 * few, each by several.  Both go through the line twice: once for the sum, once to write.  Rows
 * that are aligned and not too long are in registers then, others come from a cache. */
#include "cuda/wide.h"

#define THREADS 256

/* ---- what is done with a line ----------------------------------------------------------- */

/* `take` adds elements to the sum that the line needs; `settle` turns that sum into what `result`
 * wants to have for every element. */

template <typename T, bool LOG> struct forward {
  enum { INPUTS = 1 };
  typedef cr_exp_sum<T> state;
  template <int V>
  __device__ __forceinline__ static void take(state &s, const cr_pack<T, V> &x,
                                              const cr_pack<T, V> &) {
    s.take(x);
  }
  __device__ __forceinline__ static void settle(state &s) {
    s.sum = LOG ? cr_log(s.sum) : 1 / s.sum;
  }
  __device__ __forceinline__ static T result(const state &s, T x, T) {
    return LOG ? (x - s.most) - s.sum : cr_exp(x - s.most) * s.sum;
  }
};

/* Of the gradient g and the result y. */
template <typename T, bool LOG> struct backward {
  enum { INPUTS = 2 };
  typedef cr_sums<T, 1> state;
  template <int V>
  __device__ __forceinline__ static void take(state &s, const cr_pack<T, V> &g,
                                              const cr_pack<T, V> &y) {
#pragma unroll
    for (int v = 0; v < V; v++) s.v[0] += LOG ? g.v[v] : g.v[v] * y.v[v];
  }
  __device__ __forceinline__ static void settle(state &) {}
  __device__ __forceinline__ static T result(const state &s, T g, T y) {
    return LOG ? g - cr_exp(y) * s.v[0] : y * (g - s.v[0]);
  }
};

/* The second input where there is one. */
template <typename Op, typename T, typename C, int V>
__device__ __forceinline__ cr_pack<C, V> second(const T *b, const cr_pack<C, V> &first,
                                                bool aligned) {
  return Op::INPUTS == 2 ? cr_load_wide(b, cr_width<V>(), aligned) : first;
}

/* x becomes the results. */
template <typename Op, typename C, int V>
__device__ __forceinline__ void finish(const typename Op::state &s, cr_pack<C, V> &x,
                                       const cr_pack<C, V> &y) {
#pragma unroll
  for (int v = 0; v < V; v++) x.v[v] = Op::result(s, x.v[v], y.v[v]);
}

/* ---- rows ------------------------------------------------------------------------------- */

template <typename Op, typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    rows_kernel(T *__restrict__ out, const T *__restrict__ a, const T *__restrict__ b, int64_t rows,
                int64_t n, int group, bool aligned) {
  const int V = cr_lanes<T>;
  cr_each_row(rows, group, [&](int64_t row, int lane) {
    int64_t at = row * n, mine = row < 0 ? 0 : n;
    typename Op::state s = Op::state::nothing();
    cr_walk_in<V>(mine, lane, group, [&](int64_t i, auto width) {
      auto x = cr_load_wide(a + at + i, width, aligned);
      Op::take(s, x, second<Op>(b + at + i, x, aligned));
    });
    s = cr_join(s, group);
    Op::settle(s);
    cr_walk_out<V>(mine, aligned, lane, group, [&](int64_t i, auto width) {
      auto x = cr_load_wide(a + at + i, width);
      finish<Op>(s, x, second<Op>(b + at + i, x, true));
      cr_save_narrow(out + at + i, x);
    });
  });
}

/* The same in registers, for aligned rows. */
template <typename Op, typename T>
__global__ void __launch_bounds__(CR_KEPT_THREADS)
    kept_rows_kernel(T *__restrict__ out, const T *__restrict__ a, const T *__restrict__ b,
                     int64_t rows, int64_t n, int group) {
  const int V = cr_lanes<T>;
  cr_each_row(rows, group, [&](int64_t row, int lane) {
    int64_t at = row * n, mine = row < 0 ? 0 : n;
    cr_pack<T, V> first[CR_KEPT], other[CR_KEPT];
    cr_kept_packs<V>(mine, lane, group, [&](int k, int64_t i) {
      first[k] = cr_load(a + at + i, cr_width<V>());
      other[k] = Op::INPUTS == 2 ? cr_load(b + at + i, cr_width<V>()) : first[k];
    });
    typename Op::state s = Op::state::nothing();
    cr_kept_packs<V>(mine, lane, group,
                     [&](int k, int64_t) { Op::take(s, cr_widen(first[k]), cr_widen(other[k])); });
    s = cr_join(s, group);
    Op::settle(s);
    cr_kept_packs<V>(mine, lane, group, [&](int k, int64_t i) {
      auto x = cr_widen(first[k]);
      finish<Op>(s, x, cr_widen(other[k]));
      cr_save_narrow(out + at + i, x);
    });
  });
}

/* ---- columns ---------------------------------------------------------------------------- */

struct columns {
  int64_t count, n, step; /* columns; elements of one; from one of those to the next */
  cr_size inner;
};

/* Threads t, t + width, t + 2 width, … of the block join; every thread must call. */
template <typename S> __device__ __forceinline__ S join_column(S s, int width) {
  CR_SHARED(S, room, THREADS);
  int t = (int)threadIdx.x;
  if (width == THREADS) return s;
  room[t] = s;
  for (int d = THREADS / 2; d >= width; d /= 2) {
    __syncthreads();
    if (t < d) room[t].join(room[t + d]);
  }
  __syncthreads();
  s = room[t & (width - 1)];
  __syncthreads();
  return s;
}

/* `width` columns to a block, each in the hands of THREADS / width threads. */
template <typename Op, typename T>
__global__ void __launch_bounds__(THREADS)
    columns_kernel(T *__restrict__ out, const T *__restrict__ a, const T *__restrict__ b,
                   const __grid_constant__ columns c, int width) {
  int height = THREADS / width, row = (int)threadIdx.x / width;
  for (int64_t first = (int64_t)blockIdx.x * width; first < c.count;
       first += (int64_t)gridDim.x * width) {
    int64_t column = first + ((int)threadIdx.x & (width - 1)), o = cr_over(column, c.inner);
    int64_t at = o * c.n * c.step + (column - o * c.step), mine = column < c.count ? c.n : 0;
    typename Op::state s = Op::state::nothing();
#pragma unroll 4
    for (int64_t i = row; i < mine; i += height) {
      auto x = cr_load_wide(a + at + i * c.step, cr_width<1>());
      Op::take(s, x, second<Op>(b + at + i * c.step, x, true));
    }
    s = join_column(s, width);
    Op::settle(s);
#pragma unroll 4
    for (int64_t i = row; i < mine; i += height) {
      auto x = cr_load_wide(a + at + i * c.step, cr_width<1>());
      finish<Op>(s, x, second<Op>(b + at + i * c.step, x, true));
      cr_save_narrow(out + at + i * c.step, x);
    }
  }
}

/* ---- the entries ------------------------------------------------------------------------ */

#define ENOUGH (1 << 18) /* threads that keep a device busy */

template <typename Op, typename T>
static bool run_rows(const cr_middle_shape *s, T *out, const T *a, const T *b) {
  bool aligned = cr_rows_aligned<T>(s->n, {out, a, b}), fits;
  cr_deal d = cr_deal_kept<T>(s->outer, s->n, &fits);
  if (fits && aligned)
    return cr_launch("softmax", kept_rows_kernel<Op, T>, d.blocks, d.threads, 0, out, a, b,
                     s->outer, s->n, d.group);
  return cr_launch("softmax", rows_kernel<Op, T>, d.blocks, d.threads, 0, out, a, b, s->outer, s->n,
                   d.group, aligned);
}

template <typename Op, typename T>
static bool run_columns(const cr_middle_shape *s, T *out, const T *a, const T *b) {
  int64_t count = s->outer * s->inner, useful = (s->n + 7) / 8, wanted = ENOUGH / count + 1;
  int width = THREADS / cr_power_for(useful < wanted ? useful : wanted, 32);
  columns c = {count, s->n, s->inner, cr_size_of(s->inner, count + THREADS)};
  return cr_launch("softmax", columns_kernel<Op, T>, cr_blocks(count, width), THREADS, 0, out, a, b,
                   c, width);
}

template <typename Op, typename T>
static bool run(const cr_middle_shape *s, void *out, const void *a, const void *b) {
  T *to = static_cast<T *>(out);
  const T *x = static_cast<const T *>(a), *y = static_cast<const T *>(b);
  if (s->outer == 0 || s->n == 0 || s->inner == 0) return true;
  return s->inner == 1 ? run_rows<Op>(s, to, x, y) : run_columns<Op>(s, to, x, y);
}

template <template <typename, bool> class Op>
static bool run_any(const cr_middle_shape *s, bool log, void *out, const void *a, const void *b) {
  return cr_by_float(s->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    typedef cr_calc<T> C;
    return log ? run<Op<C, true>, T>(s, out, a, b) : run<Op<C, false>, T>(s, out, a, b);
  });
}

static bool softmax(const cr_middle_shape *s, bool log, void *y, const void *x) {
  return run_any<forward>(s, log, y, x, NULL);
}

static bool softmax_backward(const cr_middle_shape *s, bool log, void *gx, const void *gy,
                             const void *y) {
  return run_any<backward>(s, log, gx, gy, y);
}

void cr_cuda_fill_softmax(cr_nn_backend *b) {
  b->softmax = softmax;
  b->softmax_backward = softmax_backward;
  b->halves |= CR_HALF_SOFTMAX;
}
