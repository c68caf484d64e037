/* attention.cu: softmax(scale q k^T) v and its derivative. */
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
