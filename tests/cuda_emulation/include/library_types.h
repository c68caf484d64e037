/* library_types.h: names of element types that several libraries share. */
#ifndef CR_EMULATED_LIBRARY_TYPES_H
#define CR_EMULATED_LIBRARY_TYPES_H

typedef enum cudaDataType_t {
  CUDA_R_32F = 0,
  CUDA_R_64F = 1,
  CUDA_R_16F = 2,
  CUDA_C_32F = 4,
  CUDA_C_64F = 5,
  CUDA_R_16BF = 14,
} cudaDataType;

#endif
