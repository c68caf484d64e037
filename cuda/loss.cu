/* loss.cu: classification losses, squared errors and Huber's, and their derivatives.  Sums are in
 * double, in an order that the shape alone decides.  Scores may be of a half type (T); everything
 * else then is float32 (C). */
#include "cuda/middle.h"
#include "cuda/wide.h"

#define THREADS 256

/* ---- classes ---------------------------------------------------------------------------- */

template <typename T> struct classes {
  int64_t rows, count, ignore;
  double one, even; /* what the target's class and each of them get, but for their weights */
  const int64_t *target;
  const T *weight; /* NULL: ones */

  /* The class of row r; -1 if it counts for nothing. */
  __device__ __forceinline__ int64_t of(int64_t r) const {
    int64_t t = target[r];
    return t == ignore || t < 0 || t >= count ? -1 : t;
  }
  __device__ __forceinline__ T weight_of(int64_t t) const { return weight ? weight[t] : 1; }
};

template <typename T> static classes<T> classes_of(const cr_nll_args *a) {
  double even = a->smoothing / (double)a->classes;
  return {a->rows,
          a->classes,
          a->ignore,
          1 - a->smoothing,
          even,
          a->target,
          static_cast<const T *>(a->weight)};
}

/* One number for the whole of n elements. */
static cr_middle_shape whole(int64_t n) {
  return {CR_FLOAT64, 1, 1, n};
}

/* Of the rows: the sum of -w log p, and of the weights w.  log p is x, less lse where there is one.
 */
template <typename T> struct row_losses {
  enum { PACK = 1 };
  typedef cr_sums<double, 2> state;
  classes<cr_calc<T>> c;
  const T *x;
  const cr_calc<T> *lse;
  const double *shared; /* of each row, what smoothing adds; NULL: nothing */
  cr_guard guard;
  template <int V>
  __device__ __forceinline__ void take(state &s, const cr_position &at, cr_width<V>, bool) const {
#pragma unroll
    for (int v = 0; v < V; v++) {
      int64_t r = at.i + v, t = c.of(r), given = c.target[r];
      if (t < 0) {
        if (given != c.ignore) cr_refuse(guard, CR_REFUSED_TARGET, given, c.count);
        continue;
      }
      double w = (double)c.weight_of(t), logp = (double)cr_wide(x[r * c.count + t]);
      s.v[0] += c.one * w * ((lse ? (double)lse[r] : 0) - logp) + (shared ? shared[r] : 0);
      s.v[1] += w;
    }
  }
};

/* The average over no weight at all is 0. */
template <typename T> struct put_loss {
  T *loss;
  bool average;
  __device__ void operator()(int64_t, const cr_sums<double, 2> &s) const {
    double total = average ? s.v[1] : 1;
    *loss = (T)(total != 0 ? s.v[0] / total : 0);
  }
};

template <typename T> struct row_weights {
  enum { PACK = 1 };
  typedef cr_sums<double, 1> state;
  classes<T> c;
  template <int V>
  __device__ __forceinline__ void take(state &s, const cr_position &at, cr_width<V>, bool) const {
#pragma unroll
    for (int v = 0; v < V; v++) {
      int64_t t = c.of(at.i + v);
      if (t >= 0) s.v[0] += (double)c.weight_of(t);
    }
  }
};

struct put_total {
  double *total;
  __device__ void operator()(int64_t, const cr_sums<double, 1> &s) const { *total = s.v[0]; }
};

template <typename T> struct class_weights {
  enum { PACK = 1 };
  typedef cr_sums<double, 1> state;
  const T *weight;
  template <int V>
  __device__ __forceinline__ void take(state &s, const cr_position &at, cr_width<V>, bool) const {
#pragma unroll
    for (int v = 0; v < V; v++) s.v[0] += (double)weight[at.i + v];
  }
};

/* sum += w x of the elements from i on. */
template <typename T, int V>
__device__ __forceinline__ void add_weighted(cr_sums<double, 1> &sum, const classes<T> &c,
                                             int64_t i, const cr_pack<T, V> &x) {
#pragma unroll
  for (int v = 0; v < V; v++) sum.v[0] += (double)x.v[v] * (double)c.weight_of(i + v);
}

/* lse of each row, and what smoothing adds to its loss where that is wanted: even times the sum of
 * w (lse - x), lse being 0 where it is NULL.  whole: the sum of w; NULL: one for each class. */
template <typename T, bool SHARED>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    rows_kernel(cr_calc<T> *lse, double *shared, const T *__restrict__ x, classes<cr_calc<T>> c,
                const double *whole, int group, bool aligned) {
  typedef cr_calc<T> C;
  cr_each_row(c.rows, group, [&](int64_t row, int lane) {
    cr_exp_sum<C> s = cr_exp_sum<C>::nothing();
    cr_sums<double, 1> sum = cr_sums<double, 1>::nothing();
    cr_walk_in<cr_lanes<T>>(row < 0 ? 0 : c.count, lane, group, [&](int64_t i, auto width) {
      auto p = cr_load_wide(x + row * c.count + i, width, aligned);
      if (lse) s.take(p);
      if (SHARED) add_weighted(sum, c, i, p);
    });
    s = cr_join(s, group);
    if (SHARED) sum = cr_join(sum, group);
    if (lane != 0 || row < 0) return;
    C log = lse ? s.most + cr_log(s.sum) : 0;
    if (lse) lse[row] = log;
    if (SHARED)
      shared[row] = c.even * ((whole ? *whole : (double)c.count) * (double)log - sum.v[0]);
  });
}

/* The gradient by x of a row: (p times all that is asked for, less that) times the row's part of g,
 * where p is softmax(x) if there is an x, else 0.  `total` is what the loss was divided by; NULL is
 * 1. */
template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    rows_backward_kernel(T *__restrict__ gx, classes<cr_calc<T>> c, const cr_calc<T> *g,
                         const double *total, const double *whole, const cr_calc<T> *lse,
                         const T *__restrict__ x, int group, bool aligned) {
  typedef cr_calc<T> C;
  const int V = cr_lanes<T>;
  double over = total ? *total : 1, scale = over != 0 ? (double)*g / over : 0;
  double shared = c.even * (whole ? *whole : (double)c.count);
  C each = (C)(scale * c.even);
  cr_each_row(c.rows, group, [&](int64_t row, int lane) {
    if (row < 0) return;
    int64_t t = c.of(row), at = row * c.count;
    double one = t < 0 ? 0 : c.one * (double)c.weight_of(t);
    C mine = (C)(scale * one), all = (C)(scale * (one + shared)), rest = x ? lse[row] : 0;
    cr_walk_out<V>(c.count, aligned, lane, group, [&](int64_t i, auto width) {
      cr_pack<C, decltype(width)::value> p;
      if (x) p = cr_load_wide(x + at + i, width);
#pragma unroll
      for (int v = 0; v < decltype(width)::value; v++) {
        C y = x && t >= 0 ? cr_exp(p.v[v] - rest) * all : 0;
        if (each != 0 && t >= 0) y -= each * c.weight_of(i + v);
        p.v[v] = i + v == t ? y - mine : y;
      }
      cr_save_narrow(gx + at + i, p);
    });
  });
}

/* The sum of the classes' weights, which smoothing needs if there are any. */
template <typename T> struct whole_weight {
  cr_scratch room;
  const double *sum;
  bool ok;
  whole_weight(const char *name, const classes<T> &c)
      : room(sizeof(double)), sum(NULL), ok(room.p != NULL) {
    if (!ok || c.even == 0 || !c.weight) return;
    sum = room.template as<double>();
    ok = cr_sum_middle(name, whole(c.count), false, class_weights<T>{c.weight},
                       put_total{room.template as<double>()});
  }
};

/* From log-probabilities or, where lse gets their logs of sums, from scores. */
template <typename T>
static bool loss_of(const char *name, const cr_nll_args *a, cr_calc<T> *loss, const T *x,
                    cr_calc<T> *lse) {
  typedef cr_calc<T> C;
  classes<C> c = classes_of<C>(a);
  cr_deal d = cr_deal_rows<T>(a->rows, a->classes);
  bool smooth = c.even > 0, aligned = cr_rows_aligned<T>(a->classes, {x});
  cr_scratch shared(sizeof(double) * (size_t)(smooth ? a->rows + 1 : 1));
  whole_weight<C> w(name, c);
  if (!w.ok || !shared.p) return false;
  if ((lse || smooth) && a->rows > 0 &&
      !cr_launch(name, smooth ? rows_kernel<T, true> : rows_kernel<T, false>, d.blocks, d.threads,
                 0, lse, shared.as<double>(), x, c, w.sum, d.group, aligned))
    return false;
  return cr_sum_middle(
      name, whole(a->rows), false,
      row_losses<T>{c, x, lse, smooth ? shared.as<const double>() : NULL, cr_guard_for(name)},
      put_loss<C>{loss, a->average});
}

template <typename T>
static bool backward_of(const char *name, const cr_nll_args *a, T *gx, const cr_calc<T> *g,
                        const cr_calc<T> *lse, const T *x) {
  typedef cr_calc<T> C;
  classes<C> c = classes_of<C>(a);
  cr_deal d = cr_deal_rows<T>(a->rows, a->classes);
  cr_scratch total(sizeof(double));
  if (a->rows == 0) return true;
  whole_weight<C> w(name, c);
  if (!w.ok || !total.p ||
      (a->average && !cr_sum_middle(name, whole(a->rows), false, row_weights<C>{c},
                                    put_total{total.as<double>()})))
    return false;
  return cr_launch(name, rows_backward_kernel<T>, d.blocks, d.threads, 0, gx, c, g,
                   a->average ? total.as<const double>() : NULL, w.sum, lse, x, d.group,
                   cr_rows_aligned<T>(a->classes, {gx, x}));
}

#define NLL "nn.ClassNLLCriterion"
#define CROSS_ENTROPY "nn.CrossEntropyCriterion"

static bool nll(const cr_nll_args *a, void *loss, const void *logp) {
  return cr_by_type(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return loss_of<T>(NLL, a, cr_as<T>(loss), cr_as<T>(logp), cr_as<T>(static_cast<void *>(NULL)));
  });
}

static bool nll_backward(const cr_nll_args *a, void *gx, const void *g) {
  return cr_by_type(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return backward_of<T>(NLL, a, cr_as<T>(gx), cr_as<T>(g), NULL, NULL);
  });
}

static bool cross_entropy(const cr_nll_args *a, void *loss, void *lse, const void *x) {
  return cr_by_float(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    typedef cr_calc<T> C;
    return loss_of<T>(CROSS_ENTROPY, a, cr_as<C>(loss), cr_as<T>(x), cr_as<C>(lse));
  });
}

static bool cross_entropy_backward(const cr_nll_args *a, void *gx, const void *g, const void *lse,
                                   const void *x) {
  return cr_by_float(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    typedef cr_calc<T> C;
    return backward_of<T>(CROSS_ENTROPY, a, cr_as<T>(gx), cr_as<C>(g), cr_as<C>(lse), cr_as<T>(x));
  });
}

/* ---- squared errors, up to a bound ------------------------------------------------------ */

template <typename T> struct squares {
  enum { PACK = cr_lanes<T> };
  typedef cr_sums<double, 1> state;
  const T *x, *t;
  double bound;
  template <int V>
  __device__ __forceinline__ void take(state &s, const cr_position &at, cr_width<V> width,
                                       bool aligned) const {
    cr_pack<T, V> a = cr_load(x + at.i, width, aligned), b = cr_load(t + at.i, width, aligned);
#pragma unroll
    for (int v = 0; v < V; v++) {
      double d = fabs((double)(a.v[v] - b.v[v]));
      s.v[0] += d <= bound ? d * d : bound * (2 * d - bound);
    }
  }
};

template <typename T> struct put_scaled {
  T *out;
  double scale;
  __device__ void operator()(int64_t, const cr_sums<double, 1> &s) const {
    *out = (T)(s.v[0] * scale);
  }
};

template <typename T>
__global__ void __launch_bounds__(THREADS)
    huber_backward_kernel(T *__restrict__ gx, const T *__restrict__ x, const T *__restrict__ t,
                          const T *g, T bound, double twice, int64_t n, bool aligned) {
  T scale = (T)(twice * (double)*g);
  cr_walk_out<cr_lanes<T>>(n, aligned, cr_thread(), cr_threads(), [&](int64_t i, auto width) {
    auto a = cr_load(x + i, width), b = cr_load(t + i, width);
#pragma unroll
    for (int v = 0; v < decltype(width)::value; v++) {
      T d = a.v[v] - b.v[v];
      a.v[v] = (d < -bound ? -bound : d > bound ? bound : d) * scale;
    }
    cr_save(gx + i, a);
  });
}

static bool huber(cr_dtype dtype, int64_t n, double bound, double scale, void *loss, const void *x,
                  const void *t) {
  return cr_by_type(dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return cr_sum_middle("nn.HuberLoss", whole(n), cr_rows_aligned<T>(0, {x, t}),
                         squares<T>{cr_as<T>(x), cr_as<T>(t), bound},
                         put_scaled<T>{cr_as<T>(loss), scale});
  });
}

static bool huber_backward(cr_dtype dtype, int64_t n, double bound, double scale, void *gx,
                           const void *g, const void *x, const void *t) {
  return cr_by_type(dtype, [&](auto zero) {
    typedef decltype(zero) T;
    unsigned blocks = cr_blocks((n + cr_lanes<T> - 1) / cr_lanes<T>, THREADS);
    return n == 0 || cr_launch("nn.HuberLoss", huber_backward_kernel<T>, blocks, THREADS, 0,
                               cr_as<T>(gx), cr_as<T>(x), cr_as<T>(t), cr_as<T>(g), (T)bound,
                               2 * scale, n, cr_rows_aligned<T>(0, {gx, x, t}));
  });
}

void cr_cuda_fill_loss(cr_nn_backend *b) {
  b->nll = nll;
  b->nll_backward = nll_backward;
  b->cross_entropy = cross_entropy;
  b->cross_entropy_backward = cross_entropy_backward;
  b->halves |= CR_HALF_LOSS; /* of scores, not of log-probabilities */
  b->huber = huber;
  b->huber_backward = huber_backward;
}
