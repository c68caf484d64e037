/* middle.cu: sums over all but the middle dimension of an array, in double. */
#include "cuda/middle.h"
#include "cuda/conv.h"

template <typename T> struct elements {
  enum { PACK = cr_lanes<T> };
  typedef cr_sums<double, 1> state;
  const T *in;
  template <int V>
  __device__ __forceinline__ void take(state &s, const cr_position &at, cr_width<V> width,
                                       bool aligned) const {
    cr_pack<T, V> x = cr_load(in + at.i, width, aligned);
#pragma unroll
    for (int v = 0; v < V; v++) s.v[0] += (double)cr_wide(x.v[v]);
  }
};

template <typename T> struct rounded {
  T *out;
  __device__ void operator()(int64_t channel, const cr_sums<double, 1> &s) const {
    out[channel] = cr_narrow<T>::from(s.v[0]);
  }
};

template <typename T> static bool sum_of(const cr_middle_shape *s, void *out, const void *in) {
  return cr_sum_middle("sum", *s, cr_rows_aligned<T>(s->inner, {in}),
                       elements<T>{static_cast<const T *>(in)}, rounded<T>{static_cast<T *>(out)});
}

bool cr_cuda_sum_middle(const cr_middle_shape *s, void *out, const void *in) {
  return cr_by_float(s->dtype, [&](auto zero) { return sum_of<decltype(zero)>(s, out, in); });
}
