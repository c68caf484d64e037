/* attention.cu: softmax(scale q k^T) v, its derivative, and pairs turned by angles.
 *
 * The products are cuBLAS's, over all heads of a batch at once; between them one pass over the
 * scores applies the mask and the softmax. */
#include "cuda/rows.h"

/* The entries of other files that these are made of. */
static cr_backend products;
static cr_nn_backend drawn;

/* ---- products --------------------------------------------------------------------------- */

/* One matrix a head: where the first is, and the steps to the next batch and head (of q, or of k
 * and v, which each serve `group` of q's), from row to row and from column to column. */
struct matrices {
  void *data;
  int64_t batch, head, row, column;
  bool shared;
};

static matrices of_query(cr_heads h) {
  return {h.data, h.batch, h.head, h.row, 1, false};
}
static matrices of_key(cr_heads h) {
  return {h.data, h.batch, h.head, h.row, 1, true};
}
static matrices of_weights(const cr_attention_args *a, const void *w) {
  int64_t each = a->l * a->s;
  return {const_cast<void *>(w), a->heads * each, each, a->s, 1, false};
}
static matrices turned(matrices m) {
  int64_t row = m.row;
  m.row = m.column;
  m.column = row;
  return m;
}

/* Where the matrices of batch b for the g-th of each group begin; the step between them. */
static void *begin(const cr_attention_args *a, const matrices &m, int64_t b, int64_t g,
                   int64_t *step) {
  *step = m.shared ? m.head : m.head * a->group;
  int64_t at = b * m.batch + (m.shared ? 0 : g * m.head);
  return static_cast<char *>(m.data) + at * (int64_t)(a->dtype == CR_FLOAT64 ? 8 : 4);
}

/* c = alpha a b, m by k times k by n; where c is shared it is the sum over the group. */
static bool multiply(const cr_attention_args *args, int64_t m, int64_t k, int64_t n, double alpha,
                     const matrices &a, const matrices &b, const matrices &c) {
  for (int64_t i = 0; i < args->batch * args->group; i++) {
    int64_t batch = i / args->group, g = i % args->group;
    cr_gemm_args p = {};
    p.batch = args->heads / args->group;
    p.m = m, p.k = k, p.n = n;
    p.a = begin(args, a, batch, g, &p.as[0]);
    p.b = begin(args, b, batch, g, &p.bs[0]);
    p.c = begin(args, c, batch, g, &p.cs[0]);
    p.as[1] = a.row, p.as[2] = a.column;
    p.bs[1] = b.row, p.bs[2] = b.column;
    p.cs[1] = c.row, p.cs[2] = c.column;
    p.alpha = alpha;
    p.beta = c.shared && g > 0 ? 1 : 0;
    p.dtype = args->dtype;
    if (!products.gemm(&p)) return false;
  }
  return true;
}

/* ---- the softmax ------------------------------------------------------------------------ */

/* What row `row` of all scores may see, and how its scores change. */
template <typename T> struct masked_row {
  const cr_attention_args &a;
  int64_t seen, at; /* keys before a causal limit; where the mask's row begins */

  __device__ __forceinline__ masked_row(const cr_attention_args &args, int64_t row) : a(args) {
    int64_t i = row % a.l, head = row / a.l;
    seen = a.causal && i + 1 + a.offset < a.s ? i + 1 + a.offset : a.s;
    at = head / a.heads * a.mask_stride[0] + head % a.heads * a.mask_stride[1] +
         i * a.mask_stride[2];
  }
  __device__ __forceinline__ T score(T x, int64_t s) const {
    T never = -(T)INFINITY;
    if (s >= seen) return never;
    if (!a.mask) return x;
    int64_t place = at + s * a.mask_stride[3];
    if (a.flags) return static_cast<const uint8_t *>(a.mask)[place] ? x : never;
    return x + static_cast<const T *>(a.mask)[place];
  }
};

/* In place.  A thread writes only what it alone has read. */
template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    softmax_kernel(const __grid_constant__ cr_attention_args a, T *w, int64_t rows, int group) {
  cr_each_row(rows, group, [&](int64_t row, int lane) {
    masked_row<T> mask(a, row < 0 ? 0 : row);
    T *x = w + row * a.s;
    int64_t n = row < 0 ? 0 : a.s;
    cr_exp_sum<T> sum = cr_exp_sum<T>::nothing();
    for (int64_t s = lane; s < n; s += group) sum.take(cr_pack<T, 1>{{mask.score(x[s], s)}});
    sum = cr_join(sum, group);
    T scale = sum.sum == 0 ? 0 : 1 / sum.sum;
    for (int64_t s = lane; s < n; s += group) x[s] = cr_exp(mask.score(x[s], s) - sum.most) * scale;
  });
}

/* From the gradient of the weights to that of the scores: w (g - sum(g w)), in place of g. */
template <typename T>
__global__ void __launch_bounds__(CR_ROW_THREADS)
    slope_kernel(T *g, const T *__restrict__ w, int64_t rows, int64_t n, int group) {
  cr_each_row(rows, group, [&](int64_t row, int lane) {
    T *gx = g + row * n;
    const T *y = w + row * n;
    int64_t mine = row < 0 ? 0 : n;
    cr_sums<T, 1> sum = cr_sums<T, 1>::nothing();
    for (int64_t s = lane; s < mine; s += group) sum.v[0] += gx[s] * y[s];
    sum = cr_join(sum, group);
    for (int64_t s = lane; s < mine; s += group) gx[s] = y[s] * (gx[s] - sum.v[0]);
  });
}

/* g NULL: the softmax of scores in w. */
static bool by_rows(const cr_attention_args *a, void *g, void *w) {
  int64_t rows = a->batch * a->heads * a->l;
  if (rows == 0 || a->s == 0) return true;
  return cr_by_type(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    cr_deal d = cr_deal_rows<T>(rows, a->s);
    if (!g)
      return cr_launch("attention", softmax_kernel<T>, d.blocks, d.threads, 0, *a, cr_as<T>(w),
                       rows, d.group);
    return cr_launch("attention", slope_kernel<T>, d.blocks, d.threads, 0, cr_as<T>(g),
                     static_cast<const T *>(w), rows, a->s, d.group);
  });
}

/* ---- dropout ---------------------------------------------------------------------------- */

/* Each matrix begins at a counter of its own; when they leave no gaps it is one stretch. */
static bool drop(const cr_attention_args *a, void *out, const void *in) {
  int64_t heads = a->batch * a->heads, each = a->l * a->s, counters = (each + 3) / 4;
  double scale = a->p < 1 ? 1 / (1 - a->p) : 1;
  if (each % 4 == 0)
    return drawn.dropout(a->dtype, heads * each, out, in, a->p, scale, a->seed, a->counter);
  int64_t bytes = each * (a->dtype == CR_FLOAT64 ? 8 : 4);
  for (int64_t h = 0; h < heads; h++)
    if (!drawn.dropout(a->dtype, each, static_cast<char *>(out) + h * bytes,
                       static_cast<const char *>(in) + h * bytes, a->p, scale, a->seed,
                       a->counter + (uint64_t)(h * counters)))
      return false;
  return true;
}

static size_t weights_bytes(const cr_attention_args *a) {
  return (size_t)(a->batch * a->heads * a->l * a->s) * (a->dtype == CR_FLOAT64 ? 8 : 4);
}

/* ---- the entries ------------------------------------------------------------------------ */

static bool attention(const cr_attention_args *a, cr_heads y, void *w, cr_heads q, cr_heads k,
                      cr_heads v) {
  if (a->batch == 0 || a->heads == 0 || a->l == 0) return true;
  cr_scratch own(w ? 0 : weights_bytes(a)), dropped(a->p > 0 && w ? weights_bytes(a) : 0);
  if (!own.p || !dropped.p) return false;
  if (!w) w = own.p;
  void *used = a->p > 0 && w != own.p ? dropped.p : w;
  return multiply(a, a->l, a->e, a->s, a->scale, of_query(q), turned(of_key(k)),
                  of_weights(a, w)) &&
         by_rows(a, NULL, w) && (a->p == 0 || drop(a, used, w)) &&
         multiply(a, a->l, a->s, a->ev, 1, of_weights(a, used), of_key(v), of_query(y));
}

static bool attention_backward(const cr_attention_args *a, cr_heads gq, cr_heads gk, cr_heads gv,
                               cr_heads gy, const void *w, cr_heads q, cr_heads k, cr_heads v) {
  if (a->batch == 0 || a->heads == 0) return true;
  cr_scratch slope(weights_bytes(a));
  if (!slope.p) return false;
  if (gv.data) {
    if (a->p > 0 && !drop(a, slope.p, w)) return false;
    matrices used = of_weights(a, a->p > 0 ? slope.p : w);
    if (!multiply(a, a->s, a->l, a->ev, 1, turned(used), of_query(gy), of_key(gv))) return false;
  }
  if (!gq.data && !gk.data) return true;
  matrices gs = of_weights(a, slope.p);
  return multiply(a, a->l, a->ev, a->s, 1, of_query(gy), turned(of_key(v)), gs) &&
         (a->p == 0 || drop(a, slope.p, slope.p)) && by_rows(a, slope.p, const_cast<void *>(w)) &&
         (!gq.data || multiply(a, a->l, a->s, a->e, a->scale, gs, of_key(k), of_query(gq))) &&
         (!gk.data || multiply(a, a->s, a->l, a->e, a->scale, turned(gs), of_query(q), of_key(gk)));
}

void cr_cuda_fill_attention(cr_nn_backend *b) {
  cr_cuda_fill_gemm(&products);
  cr_cuda_fill_dropout(&drawn);
  b->attention = attention;
  b->attention_backward = attention_backward;
}

/* ---- rotary positions ------------------------------------------------------------------- */

#define THREADS 256

/* A thread takes a pair, or one of the elements behind the last pair. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    rotary_kernel(const __grid_constant__ cr_rotary_args a, const __grid_constant__ cr_heads out,
                  const __grid_constant__ cr_heads in, const T *__restrict__ cos,
                  const T *__restrict__ sin, int64_t count) {
  int64_t half = a.dim / 2, each = a.e - half;
  for (int64_t t = cr_thread(); t < count; t += cr_threads()) {
    int64_t i = t % each, row = t / each, place = row % a.l, head = row / a.l % a.heads,
            batch = row / a.l / a.heads;
    const T *x =
        static_cast<const T *>(in.data) + batch * in.batch + head * in.head + place * in.row;
    T *y = static_cast<T *>(out.data) + batch * out.batch + head * out.head + place * out.row;
    if (i >= half) {
      y[half + i] = x[half + i];
      continue;
    }
    int64_t first = a.interleaved ? 2 * i : i, second = a.interleaved ? first + 1 : i + half;
    T c = cos[place * half + i], s = sin[place * half + i], p = x[first], q = x[second];
    if (a.inverse) s = -s;
    y[first] = p * c - q * s;
    y[second] = p * s + q * c;
  }
}

static bool rotary(const cr_rotary_args *a, cr_heads y, cr_heads x, const void *cos,
                   const void *sin) {
  int64_t count = a->batch * a->heads * a->l * (a->e - a->dim / 2);
  if (count == 0) return true;
  return cr_by_type(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return cr_launch("rotary", rotary_kernel<T>, cr_blocks(count, THREADS), THREADS, 0, *a, y, x,
                     cr_as<T>(cos), cr_as<T>(sin), count);
  });
}

void cr_cuda_fill_rotary(cr_nn_backend *b) {
  b->rotary = rotary;
}
