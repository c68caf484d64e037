/* norm.h: means and variances in one pass, in double. */
#ifndef CR_CUDA_NORM_H
#define CR_CUDA_NORM_H

#include "cuda/middle.h"

typedef cr_sums<double, 2> cr_two_sums;

struct cr_moments {
  double mean, var;
};

/* Of n numbers, from the sums of their differences from the first of them and of the squares of
 * these.  The first is at most sqrt(n) standard deviations from the mean, for it counts in both; so
 * the difference below loses no more than a factor n of double's precision, wherever the mean is.
 */
__device__ __forceinline__ cr_moments cr_moments_of(double first, const cr_two_sums &s, double n) {
  double from_first = s.v[0] / n, var = s.v[1] / n - from_first * from_first;
  return {first + from_first, var < 0 ? 0 : var};
}

template <typename T, int V>
__device__ __forceinline__ void cr_take_spread(cr_two_sums &s, const cr_pack<T, V> &x,
                                               double first) {
#pragma unroll
  for (int v = 0; v < V; v++) {
    double d = (double)cr_wide(x.v[v]) - first;
    s.v[0] += d;
    s.v[1] += d * d;
  }
}

#endif
