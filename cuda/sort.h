/* sort.h: stable orders of keys, for sorting and for what must add up in a fixed order. */
#ifndef CR_CUDA_SORT_H
#define CR_CUDA_SORT_H

#include "cuda/cuda.h"

/* Sorts n keys of `bits` bits at most, stably: `sorted` gets the keys, `places` where in `keys`
 * each was.  All lie in device memory and do not overlap. */
bool cr_cuda_order(const uint64_t *keys, int64_t n, int bits, uint64_t *sorted, int64_t *places);

#endif
