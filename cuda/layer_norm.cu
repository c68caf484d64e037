/* layer_norm.cu: normalisation of rows and its derivative; a group of threads works on a row. */
#include "cuda/norm.h"

/* ---- rows ------------------------------------------------------------------------------- */

/* One pack of the parameters, or of `missing` where there are none. */
template <typename T, int V>
__device__ __forceinline__ cr_pack<T, V> parameters(const T *p, int64_t i, cr_width<V> width,
                                                    T missing, bool aligned) {
  cr_pack<T, V> x;
  if (p) return cr_load(p + i, width, aligned);
#pragma unroll
  for (int v = 0; v < V; v++) x.v[v] = missing;
  return x;
}

template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    layer_norm_kernel(T *__restrict__ y, T *mean, T *rstd, const T *__restrict__ x,
                      const T *__restrict__ w, const T *__restrict__ b, int64_t rows, int64_t n,
                      double eps, int group, bool aligned) {
  const int V = cr_lanes<T>;
  cr_each_row(rows, group, [&](int64_t row, int lane) {
    int64_t at = row * n, mine = row < 0 ? 0 : n;
    double first = mine && mean ? (double)x[at] : 0;
    cr_two_sums s = cr_two_sums::nothing();
    cr_walk_in<V>(mine, lane, group, [&](int64_t i, auto width) {
      cr_take_spread(s, cr_load(x + at + i, width, aligned), first);
    });
    s = cr_join(s, group);
    cr_moments m = {0, s.v[1] / (double)n};
    if (mean) m = cr_moments_of(first, s, (double)n);
    T middle = (T)m.mean, scale = (T)(1 / sqrt(m.var + eps));
    if (lane == 0 && row >= 0) rstd[row] = scale;
    if (lane == 0 && row >= 0 && mean) mean[row] = middle;
    cr_walk_out<V>(mine, aligned, lane, group, [&](int64_t i, auto width) {
      auto p = cr_load(x + at + i, width), ws = parameters(w, i, width, (T)1, true);
      auto bs = parameters(b, i, width, (T)0, true);
#pragma unroll
      for (int v = 0; v < decltype(width)::value; v++)
        p.v[v] = (p.v[v] - middle) * scale * ws.v[v] + bs.v[v];
      cr_save(y + at + i, p);
    });
  });
}

/* gx = rstd (h - mean(h) - (x - mean) rstd^2 mean(h (x - mean))), h = g w; without mean(h) and mean
 * where mean is NULL */
template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    layer_norm_backward_kernel(T *__restrict__ gx, const T *__restrict__ g, const T *__restrict__ x,
                               const T *__restrict__ w, const T *mean, const T *rstd, int64_t rows,
                               int64_t n, int group, bool aligned) {
  const int V = cr_lanes<T>;
  cr_each_row(rows, group, [&](int64_t row, int lane) {
    int64_t at = row * n, mine = row < 0 ? 0 : n;
    T middle = mine && mean ? mean[row] : 0, scale = mine ? rstd[row] : 0;
    cr_two_sums s = cr_two_sums::nothing();
    cr_walk_in<V>(mine, lane, group, [&](int64_t i, auto width) {
      auto h = cr_load(g + at + i, width, aligned), xs = cr_load(x + at + i, width, aligned);
      auto ws = parameters(w, i, width, (T)1, aligned);
#pragma unroll
      for (int v = 0; v < decltype(width)::value; v++) {
        double hv = (double)(h.v[v] * ws.v[v]);
        s.v[0] += hv;
        s.v[1] += hv * (double)(xs.v[v] - middle);
      }
    });
    s = cr_join(s, group);
    T all = mean ? (T)(s.v[0] / (double)n) : (T)0, slope = (T)(s.v[1] / (double)n * scale * scale);
    cr_walk_out<V>(mine, aligned, lane, group, [&](int64_t i, auto width) {
      auto h = cr_load(g + at + i, width), xs = cr_load(x + at + i, width);
      auto ws = parameters(w, i, width, (T)1, true);
#pragma unroll
      for (int v = 0; v < decltype(width)::value; v++)
        h.v[v] = (h.v[v] * ws.v[v] - all - (xs.v[v] - middle) * slope) * scale;
      cr_save(gx + at + i, h);
    });
  });
}

/* ---- columns ---------------------------------------------------------------------------- */

/* Of a column: the sums of g, and of g (x - mean) rstd, each with its row's numbers. */
template <typename T> struct products_of_columns {
  enum { PACK = 1 };
  typedef cr_two_sums state;
  const T *g, *x, *mean, *rstd;
  template <int V>
  __device__ __forceinline__ void take(cr_two_sums &s, const cr_position &at, cr_width<V>,
                                       bool) const {
    T m = mean ? mean[at.outer] : (T)0, r = rstd[at.outer];
#pragma unroll
    for (int v = 0; v < V; v++) {
      s.v[0] += (double)g[at.i + v];
      s.v[1] += (double)(g[at.i + v] * ((x[at.i + v] - m) * r));
    }
  }
};

template <typename T> struct column_gradients {
  T *gw, *gb; /* each may be NULL */
  __device__ void operator()(int64_t c, const cr_two_sums &s) const {
    if (gw) gw[c] = (T)s.v[1];
    if (gb) gb[c] = (T)s.v[0];
  }
};

/* ---- the entries ------------------------------------------------------------------------ */

template <typename T>
static bool layer_norm_of(const cr_middle_shape *s, double eps, T *y, const T *x, const T *w,
                          const T *b, T *mean, T *rstd) {
  cr_deal d = cr_deal_rows<T>(s->outer, s->n);
  return s->outer == 0 || cr_launch("layer normalisation", layer_norm_kernel<T>, d.blocks,
                                    d.threads, 0, y, mean, rstd, x, w, b, s->outer, s->n, eps,
                                    d.group, cr_rows_aligned<T>(s->n, {y, x, w, b}));
}

template <typename T>
static bool layer_norm_backward_of(const cr_middle_shape *s, T *gx, T *gw, T *gb, const T *g,
                                   const T *x, const T *w, const T *mean, const T *rstd) {
  cr_deal d = cr_deal_rows<T>(s->outer, s->n);
  if (gx && s->outer > 0 &&
      !cr_launch("layer normalisation's gradient", layer_norm_backward_kernel<T>, d.blocks,
                 d.threads, 0, gx, g, x, w, mean, rstd, s->outer, s->n, d.group,
                 cr_rows_aligned<T>(s->n, {gx, g, x, w})))
    return false;
  return (!gw && !gb) ||
         cr_sum_middle("layer normalisation's gradient", *s, false,
                       products_of_columns<T>{g, x, mean, rstd}, column_gradients<T>{gw, gb});
}

static bool layer_norm(const cr_middle_shape *s, double eps, void *y, const void *x, const void *w,
                       const void *b, void *mean, void *rstd) {
  return cr_by_type(s->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return layer_norm_of<T>(s, eps, cr_as<T>(y), cr_as<T>(x), cr_as<T>(w), cr_as<T>(b),
                            cr_as<T>(mean), cr_as<T>(rstd));
  });
}

static bool layer_norm_backward(const cr_middle_shape *s, void *gx, void *gw, void *gb,
                                const void *gy, const void *x, const void *w, const void *mean,
                                const void *rstd) {
  return cr_by_type(s->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return layer_norm_backward_of<T>(s, cr_as<T>(gx), cr_as<T>(gw), cr_as<T>(gb), cr_as<T>(gy),
                                     cr_as<T>(x), cr_as<T>(w), cr_as<T>(mean), cr_as<T>(rstd));
  });
}

void cr_cuda_fill_layer_norm(cr_nn_backend *b) {
  b->layer_norm = layer_norm;
  b->layer_norm_backward = layer_norm_backward;
}
