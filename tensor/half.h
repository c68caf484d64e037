/* half.h: float16 and bfloat16 as bits, to and from float32, without branches.
 *
 * Conversions round to nearest, ties to even; NaN stays NaN (quiet), overflow is infinity.  A GPU
 * has instructions for them, but a NaN becomes another one there. */
#ifndef CR_HALF_H
#define CR_HALF_H

#include "tensor/basic.h"

#include <string.h>

CR_BOTH static inline uint32_t cr_float_bits(float f) {
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  return u;
}

CR_BOTH static inline float cr_bits_float(uint32_t u) {
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}

CR_BOTH static inline float cr_bf16_to_float(uint16_t h) {
  return cr_bits_float((uint32_t)h << 16);
}

CR_BOTH static inline uint16_t cr_float_to_bf16(float f) {
#ifdef __CUDA_ARCH__
  uint16_t h;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
#else
  uint32_t u = cr_float_bits(f);
  uint32_t rounded = u + 0x7fffu + ((u >> 16) & 1u);
  return (uint16_t)((f != f ? u | 0x400000u : rounded) >> 16);
#endif
}

CR_BOTH static inline float cr_f16_to_float(uint16_t h) {
#ifdef __CUDA_ARCH__
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
#else
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
  uint32_t rest = (uint32_t)(h & 0x7fffu) << 13;
  /* The exponent's bias differs by 112.  A normal number is moved there by a product, which is
   * exact, and turns denormals into normal numbers on the way. */
  uint32_t magnitude = cr_float_bits(cr_bits_float(rest) * cr_bits_float(0x77800000u));
  uint32_t special = rest | 0x7f800000u;
  return cr_bits_float(sign | ((h & 0x7c00u) == 0x7c00u ? special : magnitude));
#endif
}

CR_BOTH static inline uint16_t cr_float_to_f16(float f) {
#ifdef __CUDA_ARCH__
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
#else
  uint32_t u = cr_float_bits(f), sign = (u >> 16) & 0x8000u;
  u &= 0x7fffffffu;
  /* Below 2^-14 adding 0.5 lines the bits up so that the sum itself rounds to the denormal. */
  uint32_t small = cr_float_bits(cr_bits_float(u) + 0.5f) - 0x3f000000u;
  uint32_t normal = (u - 0x38000000u + 0xfffu + ((u >> 13) & 1u)) >> 13;
  uint32_t h = u < 0x38800000u ? small : normal;
  h = u >= 0x477ff000u ? 0x7c00u : h;
  h = u > 0x7f800000u ? 0x7e00u : h;
  return (uint16_t)(sign | h);
#endif
}

#endif
