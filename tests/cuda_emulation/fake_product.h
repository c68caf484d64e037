/* fake_product.h: matrix products as the fakes of cuBLAS and cuBLASLt compute and check them. */
#ifndef CR_EMULATION_FAKE_PRODUCT_H
#define CR_EMULATION_FAKE_PRODUCT_H

#include <cublas_v2.h>

#include "fake.h"
#include "tensor/half.h"

namespace fake {

inline size_t size_of(cudaDataType t) {
  return t == CUDA_R_64F ? 8 : t == CUDA_R_32F ? 4 : 2;
}

inline double get(const void *p, cudaDataType t, int64_t i) {
  switch (t) {
  case CUDA_R_64F: return static_cast<const double *>(p)[i];
  case CUDA_R_32F: return static_cast<const float *>(p)[i];
  case CUDA_R_16F: return cr_f16_to_float(static_cast<const uint16_t *>(p)[i]);
  default: return cr_bf16_to_float(static_cast<const uint16_t *>(p)[i]);
  }
}

inline void put(void *p, cudaDataType t, int64_t i, double x) {
  switch (t) {
  case CUDA_R_64F: static_cast<double *>(p)[i] = x; break;
  case CUDA_R_32F: static_cast<float *>(p)[i] = (float)x; break;
  case CUDA_R_16F: static_cast<uint16_t *>(p)[i] = cr_float_to_f16((float)x); break;
  default: static_cast<uint16_t *>(p)[i] = cr_float_to_bf16((float)x); break;
  }
}

/* A float with 10 bits of fraction. */
inline double as_tf32(double x) {
  uint32_t u = cr_float_bits((float)x);
  return cr_bits_float((u + 0x1000u) & 0xffffe000u);
}

struct product {
  cublasOperation_t op[2];
  int64_t m, n, k, ld[3], step[3], batch;
  const void *a, *b;
  void *c;
  cudaDataType type;
  cublasComputeType_t compute;
  double alpha, beta;
  const void *bias; /* m numbers that are added to each column, or NULL */
};

inline double factor(const product &p, int which, const void *data, int64_t matrix, int64_t row,
                     int64_t col) {
  int64_t at = p.op[which] == CUBLAS_OP_N ? row + col * p.ld[which] : col + row * p.ld[which];
  double x = get(data, p.type, matrix * p.step[which] + at);
  return p.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? as_tf32(x) : x;
}

inline void multiply(const product &p) {
  for (int64_t matrix = 0; matrix < p.batch; matrix++) {
    for (int64_t j = 0; j < p.n; j++) {
      for (int64_t i = 0; i < p.m; i++) {
        double sum = 0;
        for (int64_t q = 0; q < p.k; q++)
          sum += factor(p, 0, p.a, matrix, i, q) * factor(p, 1, p.b, matrix, q, j);
        int64_t at = matrix * p.step[2] + i + j * p.ld[2];
        double y = p.alpha * sum;
        if (p.beta != 0) y += p.beta * get(p.c, p.type, at);
        if (p.bias) y += get(p.bias, p.type, i);
        put(p.c, p.type, at, y);
      }
    }
  }
}

inline bool operand_ok(const void *data, cublasOperation_t op, int64_t rows, int64_t cols,
                       int64_t ld, int64_t step, int64_t batch, size_t size) {
  int64_t r = op == CUBLAS_OP_N ? rows : cols, c = op == CUBLAS_OP_N ? cols : rows;
  if (rows == 0 || cols == 0) return true;
  return in_device(data, (size_t)((batch - 1) * step + (c - 1) * ld + r) * size, size);
}

inline bool shape_ok(const product &p) {
  int64_t rows_a = p.op[0] == CUBLAS_OP_N ? p.m : p.k, rows_b = p.op[1] == CUBLAS_OP_N ? p.k : p.n;
  return p.m >= 0 && p.n >= 0 && p.k >= 0 && p.batch >= 0 && p.step[0] >= 0 && p.step[1] >= 0 &&
         p.step[2] >= 0 && p.ld[0] >= at_least_one(rows_a) && p.ld[1] >= at_least_one(rows_b) &&
         p.ld[2] >= at_least_one(p.m);
}

inline bool types_ok(const product &p, cudaDataType b, cudaDataType c) {
  if (b != p.type || c != p.type) return false;
  switch (p.type) {
  case CUDA_R_64F: return p.compute == CUBLAS_COMPUTE_64F;
  case CUDA_R_32F:
    return p.compute == CUBLAS_COMPUTE_32F || p.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  case CUDA_R_16F:
  case CUDA_R_16BF: return p.compute == CUBLAS_COMPUTE_32F;
  default: return false;
  }
}

/* The memory of all three. */
inline bool operands_ok(const product &p) {
  size_t size = size_of(p.type);
  return operand_ok(p.a, p.op[0], p.m, p.k, p.ld[0], p.step[0], p.batch, size) &&
         operand_ok(p.b, p.op[1], p.k, p.n, p.ld[1], p.step[1], p.batch, size) &&
         operand_ok(p.c, CUBLAS_OP_N, p.m, p.n, p.ld[2], p.step[2], p.batch, size);
}

} // namespace fake

#endif
