/* rotary.cu: pairs turned by angles. */
#include "cuda/wide.h"

#define THREADS 256

/* A thread takes a pair, or one of the elements behind the last pair. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    rotary_kernel(const __grid_constant__ cr_rotary_args a, const __grid_constant__ cr_heads out,
                  const __grid_constant__ cr_heads in, const cr_calc<T> *__restrict__ cos,
                  const cr_calc<T> *__restrict__ sin, int64_t count) {
  typedef cr_calc<T> C;
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
    C c = cos[place * half + i], s = sin[place * half + i];
    C p = cr_wide(x[first]), q = cr_wide(x[second]);
    if (a.inverse) s = -s;
    y[first] = cr_narrow<T>::from(p * c - q * s);
    y[second] = cr_narrow<T>::from(p * s + q * c);
  }
}

static bool rotary(const cr_rotary_args *a, cr_heads y, cr_heads x, const void *cos,
                   const void *sin) {
  int64_t count = a->batch * a->heads * a->l * (a->e - a->dim / 2);
  if (count == 0) return true;
  return cr_by_float(a->dtype, [&](auto zero) {
    typedef decltype(zero) T;
    return cr_launch("rotary", rotary_kernel<T>, cr_blocks(count, THREADS), THREADS, 0, *a, y, x,
                     cr_as<cr_calc<T>>(cos), cr_as<cr_calc<T>>(sin), count);
  });
}

void cr_cuda_fill_rotary(cr_nn_backend *b) {
  b->rotary = rotary;
  b->halves |= CR_HALF_ROTARY;
}
