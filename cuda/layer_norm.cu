/* layer_norm.cu: normalisation of rows and its derivative; a group of threads works on a row.  x, y
 * and their gradients may be of a half type (T); the parameters and statistics then are float32
 * (C). Rows that are aligned and not too long stay in registers between the two passes. */
#include "cuda/norm.h"
#include "cuda/wide.h"

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

/* What the rows share. */
template <typename T> struct shared_by_rows {
  const cr_calc<T> *w, *b; /* NULL: ones, zeros */
  int64_t rows, n;
  int group;
  bool aligned;
};

/* The mean, 0 where there is none, and 1 / the deviation of a row, also written to where they are
 * kept. */
template <typename C> struct row_scale {
  C middle, scale;
  __device__ __forceinline__ row_scale(const cr_two_sums &s, double first, double n, double eps,
                                       C *mean, C *rstd, bool write) {
    cr_moments m = {0, s.v[1] / n};
    if (mean) m = cr_moments_of(first, s, n);
    middle = (C)m.mean;
    scale = (C)(1 / sqrt(m.var + eps));
    if (write) *rstd = scale;
    if (write && mean) *mean = middle;
  }
};

template <typename C, int V>
__device__ __forceinline__ cr_pack<C, V> normalised(const cr_pack<C, V> &in, const row_scale<C> &r,
                                                    const C *w, const C *b, int64_t i) {
  cr_pack<C, V> x = in;
  auto ws = parameters(w, i, cr_width<V>(), (C)1, true);
  auto bs = parameters(b, i, cr_width<V>(), (C)0, true);
#pragma unroll
  for (int v = 0; v < V; v++) x.v[v] = (x.v[v] - r.middle) * r.scale * ws.v[v] + bs.v[v];
  return x;
}

template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    layer_norm_kernel(T *__restrict__ y, cr_calc<T> *mean, cr_calc<T> *rstd,
                      const T *__restrict__ x, shared_by_rows<T> c, double eps) {
  const int V = cr_lanes<T>;
  cr_each_row(c.rows, c.group, [&](int64_t row, int lane) {
    int64_t at = row * c.n, mine = row < 0 ? 0 : c.n;
    double first = mine && mean ? (double)cr_wide(x[at]) : 0;
    cr_two_sums s = cr_two_sums::nothing();
    cr_walk_in<V>(mine, lane, c.group, [&](int64_t i, auto width) {
      cr_take_spread(s, cr_load_wide(x + at + i, width, c.aligned), first);
    });
    s = cr_join(s, c.group);
    row_scale<cr_calc<T>> r(s, first, (double)c.n, eps, mean ? mean + row : NULL, rstd + row,
                            lane == 0 && row >= 0);
    cr_walk_out<V>(mine, c.aligned, lane, c.group, [&](int64_t i, auto width) {
      cr_save_narrow(y + at + i, normalised(cr_load_wide(x + at + i, width), r, c.w, c.b, i));
    });
  });
}

/* The same in registers. */
template <typename T>
__global__ void __launch_bounds__(CR_KEPT_THREADS)
    kept_layer_norm_kernel(T *__restrict__ y, cr_calc<T> *mean, cr_calc<T> *rstd,
                           const T *__restrict__ x, shared_by_rows<T> c, double eps) {
  const int V = cr_lanes<T>;
  cr_each_row(c.rows, c.group, [&](int64_t row, int lane) {
    int64_t at = row * c.n, mine = row < 0 ? 0 : c.n;
    double first = mine && mean ? (double)cr_wide(x[at]) : 0;
    cr_pack<T, V> kept[CR_KEPT];
    cr_kept_packs<V>(mine, lane, c.group,
                     [&](int k, int64_t i) { kept[k] = cr_load(x + at + i, cr_width<V>()); });
    cr_two_sums s = cr_two_sums::nothing();
    cr_kept_packs<V>(mine, lane, c.group,
                     [&](int k, int64_t) { cr_take_spread(s, cr_widen(kept[k]), first); });
    s = cr_join(s, c.group);
    row_scale<cr_calc<T>> r(s, first, (double)c.n, eps, mean ? mean + row : NULL, rstd + row,
                            lane == 0 && row >= 0);
    cr_kept_packs<V>(mine, lane, c.group, [&](int k, int64_t i) {
      cr_save_narrow(y + at + i, normalised(cr_widen(kept[k]), r, c.w, c.b, i));
    });
  });
}

/* The sums of h and of h (x - mean), h = g w. */
template <typename C, int V>
__device__ __forceinline__ void take_gradient(cr_two_sums &s, const cr_pack<C, V> &g,
                                              const cr_pack<C, V> &x, const cr_pack<C, V> &w,
                                              C middle) {
#pragma unroll
  for (int v = 0; v < V; v++) {
    double h = (double)(g.v[v] * w.v[v]);
    s.v[0] += h;
    s.v[1] += h * (double)(x.v[v] - middle);
  }
}

/* gx = rstd (h - mean(h) - (x - mean) rstd^2 mean(h (x - mean))), h = g w; without mean(h) and mean
 * where mean is NULL */
template <typename C> struct row_slope {
  C middle, scale, all, slope;
  __device__ __forceinline__ void settle(const cr_two_sums &s, double n, bool centred) {
    all = centred ? (C)(s.v[0] / n) : (C)0;
    slope = (C)(s.v[1] / n * scale * scale);
  }
  template <int V>
  __device__ __forceinline__ cr_pack<C, V> gradient(const cr_pack<C, V> &gy, const cr_pack<C, V> &x,
                                                    const C *w, int64_t i) const {
    cr_pack<C, V> g = gy;
    auto ws = parameters(w, i, cr_width<V>(), (C)1, true);
#pragma unroll
    for (int v = 0; v < V; v++)
      g.v[v] = (g.v[v] * ws.v[v] - all - (x.v[v] - middle) * slope) * scale;
    return g;
  }
};

template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    layer_norm_backward_kernel(T *__restrict__ gx, const T *__restrict__ g, const T *__restrict__ x,
                               const cr_calc<T> *mean, const cr_calc<T> *rstd,
                               shared_by_rows<T> c) {
  typedef cr_calc<T> C;
  const int V = cr_lanes<T>;
  cr_each_row(c.rows, c.group, [&](int64_t row, int lane) {
    int64_t at = row * c.n, mine = row < 0 ? 0 : c.n;
    row_slope<C> r = {mine && mean ? mean[row] : 0, mine ? rstd[row] : 0, 0, 0};
    cr_two_sums s = cr_two_sums::nothing();
    cr_walk_in<V>(mine, lane, c.group, [&](int64_t i, auto width) {
      take_gradient(s, cr_load_wide(g + at + i, width, c.aligned),
                    cr_load_wide(x + at + i, width, c.aligned),
                    parameters(c.w, i, width, (C)1, c.aligned), r.middle);
    });
    r.settle(cr_join(s, c.group), (double)c.n, mean != NULL);
    cr_walk_out<V>(mine, c.aligned, lane, c.group, [&](int64_t i, auto width) {
      cr_save_narrow(gx + at + i, r.gradient(cr_load_wide(g + at + i, width),
                                             cr_load_wide(x + at + i, width), c.w, i));
    });
  });
}

/* The same in registers. */
template <typename T>
__global__ void __launch_bounds__(CR_KEPT_THREADS)
    kept_layer_norm_backward_kernel(T *__restrict__ gx, const T *__restrict__ g,
                                    const T *__restrict__ x, const cr_calc<T> *mean,
                                    const cr_calc<T> *rstd, shared_by_rows<T> c) {
  typedef cr_calc<T> C;
  const int V = cr_lanes<T>;
  cr_each_row(c.rows, c.group, [&](int64_t row, int lane) {
    int64_t at = row * c.n, mine = row < 0 ? 0 : c.n;
    row_slope<C> r = {mine && mean ? mean[row] : 0, mine ? rstd[row] : 0, 0, 0};
    cr_pack<T, V> gs[CR_KEPT], xs[CR_KEPT];
    cr_kept_packs<V>(mine, lane, c.group, [&](int k, int64_t i) {
      gs[k] = cr_load(g + at + i, cr_width<V>());
      xs[k] = cr_load(x + at + i, cr_width<V>());
    });
    cr_two_sums s = cr_two_sums::nothing();
    cr_kept_packs<V>(mine, lane, c.group, [&](int k, int64_t i) {
      take_gradient(s, cr_widen(gs[k]), cr_widen(xs[k]),
                    parameters(c.w, i, cr_width<V>(), (C)1, true), r.middle);
    });
    r.settle(cr_join(s, c.group), (double)c.n, mean != NULL);
    cr_kept_packs<V>(mine, lane, c.group, [&](int k, int64_t i) {
      cr_save_narrow(gx + at + i, r.gradient(cr_widen(gs[k]), cr_widen(xs[k]), c.w, i));
    });
  });
}

/* ---- columns ---------------------------------------------------------------------------- */

/* Of a column: the sums of g, and of g (x - mean) rstd, each with its row's numbers. */
template <typename T> struct products_of_columns {
  enum { PACK = 1 };
  typedef cr_two_sums state;
  typedef cr_calc<T> C;
  const T *g, *x;
  const C *mean, *rstd;
  template <int V>
  __device__ __forceinline__ void take(cr_two_sums &s, const cr_position &at, cr_width<V>,
                                       bool) const {
    C m = mean ? mean[at.outer] : (C)0, r = rstd[at.outer];
#pragma unroll
    for (int v = 0; v < V; v++) {
      C gv = cr_wide(g[at.i + v]);
      s.v[0] += (double)gv;
      s.v[1] += (double)(gv * ((cr_wide(x[at.i + v]) - m) * r));
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

/* Whether rows stay in registers; fills c and d. */
template <typename T>
static bool deal(const cr_middle_shape *s, const void *w, const void *b, bool aligned,
                 shared_by_rows<T> *c, cr_deal *d) {
  typedef cr_calc<T> C;
  uintptr_t places = reinterpret_cast<uintptr_t>(w) | reinterpret_cast<uintptr_t>(b);
  bool fits, level = aligned && places % (sizeof(C) * cr_lanes<T>) == 0;
  *d = cr_deal_kept<T>(s->outer, s->n, &fits);
  *c = {cr_as<C>(w), cr_as<C>(b), s->outer, s->n, d->group, level};
  return fits && level;
}

template <typename T>
static bool layer_norm_of(const cr_middle_shape *s, double eps, T *y, const T *x, const void *w,
                          const void *b, void *mean, void *rstd) {
  typedef cr_calc<T> C;
  shared_by_rows<T> c;
  cr_deal d;
  bool kept = deal(s, w, b, cr_rows_aligned<T>(s->n, {y, x}), &c, &d);
  return s->outer == 0 ||
         cr_launch("layer normalisation", kept ? kept_layer_norm_kernel<T> : layer_norm_kernel<T>,
                   d.blocks, d.threads, 0, y, cr_as<C>(mean), cr_as<C>(rstd), x, c, eps);
}

template <typename T>
static bool layer_norm_backward_of(const cr_middle_shape *s, T *gx, cr_calc<T> *gw, cr_calc<T> *gb,
                                   const T *g, const T *x, const void *w, const cr_calc<T> *mean,
                                   const cr_calc<T> *rstd) {
  shared_by_rows<T> c;
  cr_deal d;
  bool kept = deal(s, w, NULL, cr_rows_aligned<T>(s->n, {gx, g, x}), &c, &d);
  if (gx && s->outer > 0 &&
      !cr_launch("layer normalisation's gradient",
                 kept ? kept_layer_norm_backward_kernel<T> : layer_norm_backward_kernel<T>,
                 d.blocks, d.threads, 0, gx, g, x, mean, rstd, c))
    return false;
  return (!gw && !gb) || cr_sum_middle("layer normalisation's gradient", *s, false,
                                       products_of_columns<T>{g, x, mean, rstd},
                                       column_gradients<cr_calc<T>>{gw, gb});
}

static bool layer_norm(const cr_middle_shape *s, double eps, void *y, const void *x, const void *w,
                       const void *b, void *mean, void *rstd) {
  return cr_by_float(s->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return layer_norm_of<T>(s, eps, cr_as<T>(y), cr_as<T>(x), w, b, mean, rstd);
  });
}

static bool layer_norm_backward(const cr_middle_shape *s, void *gx, void *gw, void *gb,
                                const void *gy, const void *x, const void *w, const void *mean,
                                const void *rstd) {
  return cr_by_float(s->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    typedef cr_calc<T> C;
    return layer_norm_backward_of<T>(s, cr_as<T>(gx), cr_as<C>(gw), cr_as<C>(gb), cr_as<T>(gy),
                                     cr_as<T>(x), w, cr_as<C>(mean), cr_as<C>(rstd));
  });
}

void cr_cuda_fill_layer_norm(cr_nn_backend *b) {
  b->layer_norm = layer_norm;
  b->layer_norm_backward = layer_norm_backward;
  b->halves |= CR_HALF_LAYER_NORM;
}
