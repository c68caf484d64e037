/* batch_norm.cu: batch normalisation and its derivative: a pass over the channels for their sums,
 * which are in double, and one for the elements.  T is the type of elements; what there is one of a
 * channel has the type C in which they are computed with. */
#include "cuda/norm.h"

#define THREADS 256

/* ---- sums of the channels --------------------------------------------------------------- */

template <typename T> struct spread_of_channels {
  enum { PACK = cr_lanes<T> };
  typedef cr_two_sums state;
  const T *x;
  int64_t inner;
  template <int V>
  __device__ __forceinline__ void take(cr_two_sums &s, const cr_position &at, cr_width<V> width,
                                       bool aligned) const {
    cr_take_spread(s, cr_load(x + at.i, width, aligned), (double)cr_wide(x[at.channel * inner]));
  }
};

/* What becomes of a channel's sums: its statistics, and the running ones. */
template <typename T, typename C> struct channel_statistics {
  cr_batch_norm_args a;
  const T *x;
  C *mean, *rstd;
  __device__ void operator()(int64_t c, const cr_two_sums &s) const {
    double n = (double)(a.s.outer * a.s.inner);
    cr_moments m = cr_moments_of(n > 0 ? (double)cr_wide(x[c * a.s.inner]) : 0, s, n);
    C *rm = static_cast<C *>(a.running_mean), *rv = static_cast<C *>(a.running_var);
    if (rm && n > 0) rm[c] = (C)((1 - a.momentum) * rm[c] + a.momentum * m.mean);
    if (rv && n > 0) rv[c] = (C)((1 - a.momentum) * rv[c] + a.momentum * m.var * (n / (n - 1)));
    mean[c] = (C)m.mean;
    rstd[c] = (C)(1 / sqrt(m.var + a.eps));
  }
};

template <typename C>
__global__ void __launch_bounds__(THREADS)
    running_kernel(const __grid_constant__ cr_batch_norm_args a, C *mean, C *rstd) {
  for (int64_t c = cr_thread(); c < a.s.n; c += cr_threads()) {
    mean[c] = static_cast<const C *>(a.running_mean)[c];
    rstd[c] = (C)(1 / sqrt((double)static_cast<const C *>(a.running_var)[c] + a.eps));
  }
}

/* The sums of g, and of g (x - mean). */
template <typename T, typename C> struct products_of_channels {
  enum { PACK = cr_lanes<T> };
  typedef cr_two_sums state;
  const T *g, *x;
  const C *mean;
  template <int V>
  __device__ __forceinline__ void take(cr_two_sums &s, const cr_position &at, cr_width<V> width,
                                       bool aligned) const {
    cr_pack<T, V> gs = cr_load(g + at.i, width, aligned), xs = cr_load(x + at.i, width, aligned);
#pragma unroll
    for (int v = 0; v < V; v++) {
      double d = (double)cr_wide(gs.v[v]);
      s.v[0] += d;
      s.v[1] += d * (double)(cr_wide(xs.v[v]) - mean[at.channel]);
    }
  }
};

/* What becomes of them: the parameters' gradients, and what each element of gx needs. */
template <typename C> struct channel_gradients {
  const C *rstd;
  C *gw, *gb, *all, *slope; /* each may be NULL */
  double count;
  __device__ void operator()(int64_t c, const cr_two_sums &s) const {
    double r = (double)rstd[c];
    if (gw) gw[c] = (C)(s.v[1] * r);
    if (gb) gb[c] = (C)s.v[0];
    if (all) all[c] = (C)(s.v[0] / count);
    if (slope) slope[c] = (C)(s.v[1] / count * r * r);
  }
};

/* ---- elements --------------------------------------------------------------------------- */

/* A channel's `line` has what its elements need. */

template <typename T, typename C> struct standardise {
  const T *a, *b; /* x, and nothing */
  const C *mean, *rstd, *weight, *bias;
  struct line {
    C mean, scale, shift;
    __device__ __forceinline__ C result(C x, C) const { return (x - mean) * scale + shift; }
  };
  __device__ __forceinline__ line line_of(int64_t c) const {
    return {mean[c], (weight ? weight[c] : 1) * rstd[c], bias ? bias[c] : 0};
  }
};

/* gx = scale (g - sum(g)/count - (x - mean) rstd^2 sum(g (x - mean))/count), or only scale g. */
template <typename T, typename C> struct derivative {
  const T *a, *b; /* g and x */
  const C *mean, *rstd, *weight, *all, *slope;
  struct line {
    C mean, all, slope, scale;
    __device__ __forceinline__ C result(C g, C x) const {
      return (g - all - (x - mean) * slope) * scale;
    }
  };
  __device__ __forceinline__ line line_of(int64_t c) const {
    return {mean[c], all ? all[c] : 0, slope ? slope[c] : 0, (weight ? weight[c] : 1) * rstd[c]};
  }
};

struct channels {
  int64_t count; /* elements */
  cr_size n, inner;
};

/* Packs may run over several channels. */
template <typename Op, typename T>
__global__ void __launch_bounds__(THREADS)
    elements_kernel(T *__restrict__ out, const __grid_constant__ channels m, Op op, bool aligned) {
  const int V = cr_lanes<T>;
  cr_walk_out<V>(m.count, aligned, cr_thread(), cr_threads(), [&](int64_t i, auto width) {
    int64_t plane = cr_over(i, m.inner), place = i - plane * m.inner.n;
    int64_t c = plane - cr_over(plane, m.n) * m.n.n;
    typename Op::line line = op.line_of(c);
    auto x = cr_load(op.a + i, width), y = op.b ? cr_load(op.b + i, width) : x;
#pragma unroll
    for (int v = 0; v < decltype(width)::value; v++) {
      if (place == m.inner.n) {
        place = 0;
        c = c + 1 < m.n.n ? c + 1 : 0;
        line = op.line_of(c);
      }
      x.v[v] = cr_narrow<T>::from(line.result(cr_wide(x.v[v]), cr_wide(y.v[v])));
      place++;
    }
    cr_save(out + i, x);
  });
}

/* Channels innermost, in packs: a thread stays with its channels, for what a pack needs to know of
 * them is several times as large as the pack. */
template <typename Op, typename T>
__global__ void __launch_bounds__(THREADS)
    lines_kernel(T *__restrict__ out, int64_t packs, const __grid_constant__ cr_size across,
                 Op op) {
  const int V = cr_lanes<T>;
  int64_t first = cr_thread(), step = cr_over(cr_threads(), across) * across.n;
  int64_t c = (first - cr_over(first, across) * across.n) * V;
  typename Op::line lines[V];
  if (first >= step) return;
#pragma unroll
  for (int v = 0; v < V; v++) lines[v] = op.line_of(c + v);
#pragma unroll 4
  for (int64_t p = first; p < packs; p += step) {
    auto x = cr_load(op.a + p * V, cr_width<V>());
    auto y = op.b ? cr_load(op.b + p * V, cr_width<V>()) : x;
#pragma unroll
    for (int v = 0; v < V; v++)
      x.v[v] = cr_narrow<T>::from(lines[v].result(cr_wide(x.v[v]), cr_wide(y.v[v])));
    cr_save(out + p * V, x);
  }
}

#define BUSY 1024 /* blocks that keep a device busy; each thread has as many packs as can be */

/* *done: whether the rows are aligned, and a row has no more packs than there are threads. */
template <typename Op, typename T>
static bool run_lines(const cr_middle_shape *s, T *out, const Op &op, bool *done) {
  int64_t across = s->n / cr_lanes<T>, packs = s->outer * across;
  unsigned blocks = cr_blocks(packs, THREADS, BUSY < CR_MOST_BLOCKS ? BUSY : CR_MOST_BLOCKS);
  int64_t threads = (int64_t)blocks * THREADS;
  *done = s->inner == 1 && across <= threads && cr_rows_aligned<T>(s->n, {out, op.a, op.b});
  return !*done || cr_launch("batch normalisation", lines_kernel<Op, T>, blocks, THREADS, 0, out,
                             packs, cr_size_of(across, threads), op);
}

template <typename Op, typename T>
static bool run_elements(const cr_middle_shape *s, T *out, const Op &op) {
  int64_t count = s->outer * s->n * s->inner;
  bool done = count == 0, ok = done || run_lines(s, out, op, &done);
  if (done) return ok;
  channels m = {count, cr_size_of(s->n, count), cr_size_of(s->inner, count)};
  return cr_launch("batch normalisation", elements_kernel<Op, T>,
                   cr_blocks((count + cr_lanes<T> - 1) / cr_lanes<T>, THREADS), THREADS, 0, out, m,
                   op, cr_rows_aligned<T>(0, {out, op.a, op.b}));
}

/* ---- the entries ------------------------------------------------------------------------ */

template <typename T, typename C>
static bool batch_norm_of(const cr_batch_norm_args *a, T *y, const T *x, C *mean, C *rstd) {
  const cr_middle_shape *s = &a->s;
  bool ok = a->training
                ? cr_sum_middle("batch normalisation", *s, cr_rows_aligned<T>(s->inner, {x}),
                                spread_of_channels<T>{x, s->inner},
                                channel_statistics<T, C>{*a, x, mean, rstd})
                : cr_launch("batch normalisation", running_kernel<C>, cr_blocks(s->n, THREADS),
                            THREADS, 0, *a, mean, rstd);
  return ok &&
         run_elements(s, y,
                      standardise<T, C>{x, NULL, mean, rstd, static_cast<const C *>(a->weight),
                                        static_cast<const C *>(a->bias)});
}

template <typename T, typename C>
static bool batch_norm_backward_of(const cr_batch_norm_args *a, T *gx, C *gw, C *gb, const T *g,
                                   const T *x, const C *mean, const C *rstd) {
  const cr_middle_shape *s = &a->s;
  bool whole = gx && a->training && s->n > 0;
  cr_scratch room(whole ? 2 * (size_t)s->n * sizeof(C) : sizeof(C));
  C *all = whole ? room.as<C>() : NULL, *slope = whole ? all + s->n : NULL;
  if (!room.p) return false;
  if ((gw || gb || whole) &&
      !cr_sum_middle("batch normalisation's gradient", *s, cr_rows_aligned<T>(s->inner, {g, x}),
                     products_of_channels<T, C>{g, x, mean},
                     channel_gradients<C>{rstd, gw, gb, all, slope, (double)(s->outer * s->inner)}))
    return false;
  return !gx || run_elements(s, gx,
                             derivative<T, C>{g, x, mean, rstd, static_cast<const C *>(a->weight),
                                              all, slope});
}

static bool batch_norm(const cr_batch_norm_args *a, void *y, const void *x, void *mean,
                       void *rstd) {
  return cr_by_float(a->s.dtype, [&](auto zero) {
    typedef decltype(zero) T;
    typedef decltype(cr_wide(zero)) C;
    return batch_norm_of<T, C>(a, cr_as<T>(y), cr_as<T>(x), cr_as<C>(mean), cr_as<C>(rstd));
  });
}

static bool batch_norm_backward(const cr_batch_norm_args *a, void *gx, void *gw, void *gb,
                                const void *gy, const void *x, const void *mean, const void *rstd) {
  return cr_by_float(a->s.dtype, [&](auto zero) {
    typedef decltype(zero) T;
    typedef decltype(cr_wide(zero)) C;
    return batch_norm_backward_of<T, C>(a, cr_as<T>(gx), cr_as<C>(gw), cr_as<C>(gb), cr_as<T>(gy),
                                        cr_as<T>(x), cr_as<C>(mean), cr_as<C>(rstd));
  });
}

void cr_cuda_fill_batch_norm(cr_nn_backend *b) {
  b->halves |= CR_HALF_BATCH_NORM;
  b->batch_norm = batch_norm;
  b->batch_norm_backward = batch_norm_backward;
}
