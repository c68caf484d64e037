/* cast.h: numbers as elements of any type, converted as tensor/cpu/cpu.h's cr_cpu_cast does it. */
#ifndef CR_CUDA_CAST_H
#define CR_CUDA_CAST_H

#include "cuda/cuda.h"
#include "tensor/functions.h"

/* ---- to a type known when it is compiled ------------------------------------------------ */

template <typename T> struct cr_cast { /* integers of up to 32 bits */
  __device__ __forceinline__ static T from(float x) { return (T)cr_truncate_f32(x); }
  __device__ __forceinline__ static T from(double x) { return (T)cr_truncate_f64(x); }
  template <typename I> __device__ __forceinline__ static T from(I x) { return (T)x; }
};
template <> struct cr_cast<int64_t> {
  __device__ __forceinline__ static int64_t from(float x) { return cr_truncate_wide(x); }
  __device__ __forceinline__ static int64_t from(double x) { return cr_truncate_wide(x); }
  template <typename I> __device__ __forceinline__ static int64_t from(I x) { return (int64_t)x; }
};
template <> struct cr_cast<float> {
  template <typename C> __device__ __forceinline__ static float from(C x) { return (float)x; }
};
template <> struct cr_cast<double> {
  template <typename C> __device__ __forceinline__ static double from(C x) { return (double)x; }
};
template <> struct cr_cast<cr_f16> {
  template <typename C> __device__ __forceinline__ static cr_f16 from(C x) {
    return cr_f16{cr_float_to_f16((float)x)};
  }
};
template <> struct cr_cast<cr_bf16> {
  template <typename C> __device__ __forceinline__ static cr_bf16 from(C x) {
    return cr_bf16{cr_float_to_bf16((float)x)};
  }
};
template <> struct cr_cast<cr_bool> {
  template <typename C> __device__ __forceinline__ static cr_bool from(C x) {
    return cr_bool{(uint8_t)(x != 0)};
  }
};

/* ---- to one known when it runs ---------------------------------------------------------- */

/* x (float, double or int64_t) as an element of dtype. */
template <typename C> __device__ __forceinline__ void cr_store(C x, int64_t dtype, char *p) {
  switch (dtype) {
#define CASE(code, type)                                                                           \
  case code: *reinterpret_cast<type *>(p) = cr_cast<type>::from(x); break;
    CR_EACH_TYPE(CASE)
#undef CASE
  }
}

/* What a function object returns to cr_loop_any that is to be converted. */
template <typename C> struct cr_to_cast { C value; };

template <typename C>
__device__ __forceinline__ void cr_write(cr_to_cast<C> x, int64_t dtype, char *p) {
  cr_store(x.value, dtype, p);
}

#endif
