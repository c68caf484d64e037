/* attention.cu: softmax(scale q k^T) v, its derivative, and pairs turned by angles. */
#include "cuda/attention.h"

#define THREADS 256

/* ---- attention -------------------------------------------------------------------------- */

/* A warp has a row. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    delta_kernel(const __grid_constant__ cr_attention_job j, int64_t rows) {
  typedef decltype(cr_wide(T())) C;
  cr_each_row(rows, warpSize, [&](int64_t row, int lane) {
    cr_attention_head h(j.a, row < 0 ? 0 : row / j.a.l);
    auto y = h.template queries<const T>(j.y, j.a.ev),
         gy = h.template queries<const T>(j.gy, j.a.ev);
    int64_t i = row % j.a.l, n = row < 0 || i >= h.l ? 0 : j.a.ev;
    cr_sums<C, 1> sum = cr_sums<C, 1>::nothing();
    for (int64_t c = lane; c < n; c += warpSize)
      sum.v[0] += (C)cr_wide(y.data[i * y.step + c]) * (C)cr_wide(gy.data[i * gy.step + c]);
    sum = cr_join(sum, warpSize);
    if (row >= 0 && lane == 0) static_cast<C *>(j.delta)[row] = sum.v[0];
  });
}

static bool attention(const cr_attention_args *a, cr_heads y, void *kept, cr_heads q, cr_heads k,
                      cr_heads v) {
  cr_attention_job j = {};
  j.a = *a;
  j.q = q, j.k = k, j.v = v, j.y = y;
  j.lse = kept;
  j.move = cr_cuda_random_move();
  return cr_attention_half_takes(*a) ? cr_attention_half(j) : cr_attention_tiles(j);
}

static bool attention_backward(const cr_attention_args *a, cr_heads gq, cr_heads gk, cr_heads gv,
                               cr_heads gy, cr_heads y, const void *kept, cr_heads q, cr_heads k,
                               cr_heads v) {
  int64_t rows = a->batch * a->heads * a->l;
  cr_scratch delta((size_t)rows * (a->dtype == CR_FLOAT64 ? 8 : 4));
  if (!delta.p) return false;
  cr_attention_job j = {};
  j.a = *a;
  j.q = q, j.k = k, j.v = v, j.y = y;
  j.gq = gq, j.gk = gk, j.gv = gv, j.gy = gy;
  j.lse = const_cast<void *>(kept);
  j.delta = delta.p;
  j.move = cr_cuda_random_move();
  bool ok = rows == 0 || cr_attention_by_type(a->dtype, [&](auto element) {
              return cr_launch("attention", delta_kernel<decltype(element)>,
                               cr_blocks(rows, THREADS / 32), THREADS, 0, j, rows);
            });
  if (!ok) return false;
  return cr_attention_half_takes(*a) ? cr_attention_half_backward(j)
                                     : cr_attention_tiles_backward(j);
}

void cr_cuda_fill_attention(cr_nn_backend *b) {
  b->halves |= CR_HALF_ATTENTION;
  b->attention_by_rows = true;
  b->attention = attention;
  b->attention_backward = attention_backward;
}

/* ---- rotary positions ------------------------------------------------------------------- */

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
