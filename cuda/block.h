/* block.h: sums over the threads of a block, always in the same order. */
#ifndef CR_CUDA_BLOCK_H
#define CR_CUDA_BLOCK_H

#include "cuda/launch.h"

/* The sum of x over a block of THREADS threads, a power of two; every thread gets it, and must
 * call. */
template <int THREADS> __device__ double cr_block_sum(double x) {
  CR_SHARED(double, part, THREADS);
  int t = threadIdx.x;
  part[t] = x;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  double sum = part[0];
  __syncthreads();
  return sum;
}

#endif
