/* gemm.h: matrices as cuBLAS takes them, for products with and without a bias. */
#ifndef CR_CUDA_GEMM_H
#define CR_CUDA_GEMM_H

#include "cuda/library.h"

/* A batch of matrices whose rows (CUBLAS_OP_N) or columns (CUBLAS_OP_T) are contiguous. */
struct cr_factor {
  const void *data;
  cublasOperation_t op;
  int64_t ld, step; /* elements from one row or column, and from one matrix, to the next */
};

/* False when it has to be copied. */
bool cr_as_factor(cr_factor *x, const void *data, int64_t batch, int64_t rows, int64_t cols,
                  const int64_t stride[3]);

cudaDataType cr_blas_type(cr_dtype t);
/* What products of the type are computed in; the half types' sums are of float32. */
cublasComputeType_t cr_blas_compute(cr_dtype t);
/* From one row of C to the next. */
int64_t cr_blas_ldc(const cr_gemm_args *g);

/* The entry gemm_bias of the table: gemm_bias.cu. */
int cr_cuda_gemm_bias(const cr_gemm_args *g, const void *bias);

#endif
