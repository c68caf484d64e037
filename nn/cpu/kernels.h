/* kernels.h: what nn's kernels on the CPU share.  Each file fills its entries of the table. */
#ifndef CR_NN_KERNELS_H
#define CR_NN_KERNELS_H

#include "nn/internal.h"
#include "tensor/cpu/cpu.h"

#define cr_nn_fill_conv CR_ISA_NAME(cr_nn_fill_conv)
#define cr_nn_fill_pool CR_ISA_NAME(cr_nn_fill_pool)
#define cr_nn_fill_windows CR_ISA_NAME(cr_nn_fill_windows)
#define cr_nn_fill_norm CR_ISA_NAME(cr_nn_fill_norm)
#define cr_nn_fill_softmax CR_ISA_NAME(cr_nn_fill_softmax)
#define cr_nn_fill_loss CR_ISA_NAME(cr_nn_fill_loss)
#define cr_nn_fill_dropout CR_ISA_NAME(cr_nn_fill_dropout)
#define cr_nn_fill_ctc CR_ISA_NAME(cr_nn_fill_ctc)
#define cr_nn_fill_recurrent CR_ISA_NAME(cr_nn_fill_recurrent)
#define cr_nn_fill_attention CR_ISA_NAME(cr_nn_fill_attention)
#define cr_nn_fill_rotary CR_ISA_NAME(cr_nn_fill_rotary)
void cr_nn_fill_conv(cr_nn_backend *b);
void cr_nn_fill_pool(cr_nn_backend *b);
void cr_nn_fill_windows(cr_nn_backend *b);
void cr_nn_fill_norm(cr_nn_backend *b);
void cr_nn_fill_softmax(cr_nn_backend *b);
void cr_nn_fill_loss(cr_nn_backend *b);
void cr_nn_fill_dropout(cr_nn_backend *b);
void cr_nn_fill_ctc(cr_nn_backend *b);
void cr_nn_fill_recurrent(cr_nn_backend *b);
void cr_nn_fill_attention(cr_nn_backend *b);
void cr_nn_fill_rotary(cr_nn_backend *b);

/* The bodies that are included once for float and once for double call themselves NAME(f). */
#define CR_TYPED(f, real) CR_PASTE(f, real)

/* A grain in units of `work` elements each, so that a thread gets at least `grain` of them. */
static inline int64_t cr_grain(int64_t grain, int64_t work) {
  return work >= grain ? 1 : cr_max64(1, grain / cr_max64(1, work));
}

#endif
