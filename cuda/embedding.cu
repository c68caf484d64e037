/* embedding.cu: sums, means and maxima of bags of rows.  A thread makes one element of the result,
 * in the order of its bag's places. */
#include "cuda/loop.h"

#define THREADS 256

struct bags {
  int64_t mode, rows, each, base, padding, count; /* count: elements of the result */
  const int64_t *index, *bounds;
  cr_size width;
};

template <typename T, typename C>
__global__ void __launch_bounds__(THREADS)
    bag_kernel(const __grid_constant__ bags m, T *y, int64_t *places, const T *w, const C *factor,
               cr_guard guard) {
  for (int64_t e = cr_thread(); e < m.count; e += cr_threads()) {
    int64_t bag = cr_over(e, m.width), column = e - bag * m.width.n;
    int64_t i = m.bounds ? m.bounds[bag] : bag * m.each;
    int64_t end = m.bounds ? m.bounds[bag + 1] : i + m.each, counted = 0, place = -1;
    C sum = 0;
    for (; i < end; i++) {
      int64_t k = (int64_t)((uint64_t)m.index[i] - (uint64_t)m.base);
      if ((uint64_t)k >= (uint64_t)m.rows) {
        cr_refuse(guard, CR_REFUSED_INDEX, k, m.rows);
        continue;
      }
      if (m.index[i] == m.padding) continue;
      C x = cr_wide(w[k * m.width.n + column]);
      if (m.mode != CR_BAG_MAX) {
        sum += factor ? x * factor[i] : x;
      } else if (place < 0 || x > sum || x != x) {
        sum = x;
        place = k;
      }
      counted++;
    }
    if (m.mode == CR_BAG_MEAN && counted > 0) sum /= (C)counted;
    y[e] = cr_narrow<T>::from(sum);
    if (places) places[e] = place;
  }
}

template <typename T, typename C>
static bool run(const cr_bag_args *a, void *y, int64_t *places, const void *w) {
  int64_t count = a->bags * a->width;
  bags m = {a->mode,  a->rows,    a->each,
            a->base,  a->padding, count,
            a->index, a->bounds,  cr_size_of(a->width, count)};
  return count == 0 ||
         cr_launch("embeddingBag", bag_kernel<T, C>, cr_blocks(count, THREADS), THREADS, 0, m,
                   static_cast<T *>(y), places, static_cast<const T *>(w),
                   static_cast<const C *>(a->factor), cr_guard_for("embeddingBag"));
}

static bool embedding_bag(const cr_bag_args *a, void *y, int64_t *places, const void *w) {
  switch (a->dtype) {
  case CR_FLOAT64: return run<double, double>(a, y, places, w);
  case CR_FLOAT16: return run<cr_f16, float>(a, y, places, w);
  case CR_BFLOAT16: return run<cr_bf16, float>(a, y, places, w);
  default: return run<float, float>(a, y, places, w);
  }
}

void cr_cuda_fill_embedding(cr_nn_backend *b) {
  b->embedding_bag = embedding_bag;
}
