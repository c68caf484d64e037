/* conv.h: the kernels of our own that stand beside cuDNN. */
#ifndef CR_CUDA_CONV_H
#define CR_CUDA_CONV_H

#include "cuda/cuda.h"

/* The entries conv2d, conv2d_input and conv2d_weight of the table: slow, for any shape. */
bool cr_conv_direct(const cr_conv2d_shape *s, void *y, const void *x, const void *w,
                    const void *bias);
bool cr_conv_direct_input(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w);
bool cr_conv_direct_weight(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x);

/* The entry sum_middle: middle.cu. */
bool cr_cuda_sum_middle(const cr_middle_shape *s, void *out, const void *in);

#endif
