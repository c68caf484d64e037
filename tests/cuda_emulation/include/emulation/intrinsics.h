/* intrinsics.h: device functions on bits and integers, conversions, and arithmetic of a named
 * rounding. */
#ifndef CR_EMULATED_INTRINSICS_H
#define CR_EMULATED_INTRINSICS_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <limits>

static inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
static inline int __popcll(unsigned long long x) {
  return __builtin_popcountll(x);
}
static inline int __clz(int x) {
  return x ? __builtin_clz((unsigned)x) : 32;
}
static inline int __clzll(long long x) {
  return x ? __builtin_clzll((unsigned long long)x) : 64;
}
static inline int __ffs(int x) {
  return __builtin_ffs(x);
}
static inline int __ffsll(long long x) {
  return __builtin_ffsll(x);
}

static inline unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}
static inline unsigned long long __brevll(unsigned long long x) {
  return (unsigned long long)__brev((unsigned)x) << 32 | __brev((unsigned)(x >> 32));
}

static inline unsigned __umulhi(unsigned x, unsigned y) {
  return (unsigned)((uint64_t)x * y >> 32);
}
static inline int __mulhi(int x, int y) {
  return (int)((int64_t)x * y >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)((unsigned __int128)x * y >> 64);
}
static inline long long __mul64hi(long long x, long long y) {
  return (long long)((__int128)x * y >> 64);
}

/* The four bytes of the result are picked from x (0 to 3) and y (4 to 7); bit 3 spreads a sign. */
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  uint64_t bytes = (uint64_t)y << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    unsigned pick = selector >> 4 * i & 0xf;
    unsigned byte = (unsigned)(bytes >> 8 * (pick & 7)) & 0xff;
    if (pick & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}
static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)(((uint64_t)high << 32 | low) << (shift & 31) >> 32);
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)(((uint64_t)high << 32 | low) >> (shift & 31));
}

/* ---- the same bits as another type -------------------------------------------------------------
 */

#define CR_SAME_BITS(name, to, from)                                                               \
  static inline to name(from x) {                                                                  \
    to result;                                                                                     \
    memcpy(&result, &x, sizeof result);                                                            \
    return result;                                                                                 \
  }
CR_SAME_BITS(__float_as_uint, unsigned, float)
CR_SAME_BITS(__float_as_int, int, float)
CR_SAME_BITS(__uint_as_float, float, unsigned)
CR_SAME_BITS(__int_as_float, float, int)
CR_SAME_BITS(__double_as_longlong, long long, double)
CR_SAME_BITS(__longlong_as_double, double, long long)
#undef CR_SAME_BITS

static inline int __double2hiint(double x) {
  return (int)(__double_as_longlong(x) >> 32);
}
static inline int __double2loint(double x) {
  return (int)__double_as_longlong(x);
}
static inline double __hiloint2double(int high, int low) {
  return __longlong_as_double((long long)((uint64_t)(uint32_t)high << 32 | (uint32_t)low));
}

/* ---- conversions: what does not fit gives the nearest end, NaN gives 0 --------------------------
 */

#define CR_TO_INTEGER(name, to, from, round)                                                       \
  static inline to name(from x) {                                                                  \
    double rounded = round((double)x);                                                             \
    if (rounded != rounded) return 0;                                                              \
    if (rounded <= (double)std::numeric_limits<to>::min()) return std::numeric_limits<to>::min();  \
    if (rounded >= (double)std::numeric_limits<to>::max()) return std::numeric_limits<to>::max();  \
    return (to)rounded;                                                                            \
  }
#define CR_TO_INTEGERS(prefix, from)                                                               \
  CR_TO_INTEGER(prefix##2int_rn, int, from, nearbyint)                                             \
  CR_TO_INTEGER(prefix##2int_rz, int, from, trunc)                                                 \
  CR_TO_INTEGER(prefix##2int_rd, int, from, floor)                                                 \
  CR_TO_INTEGER(prefix##2int_ru, int, from, ceil)                                                  \
  CR_TO_INTEGER(prefix##2uint_rn, unsigned, from, nearbyint)                                       \
  CR_TO_INTEGER(prefix##2uint_rz, unsigned, from, trunc)                                           \
  CR_TO_INTEGER(prefix##2ll_rn, long long, from, nearbyint)                                        \
  CR_TO_INTEGER(prefix##2ll_rz, long long, from, trunc)                                            \
  CR_TO_INTEGER(prefix##2ull_rn, unsigned long long, from, nearbyint)                              \
  CR_TO_INTEGER(prefix##2ull_rz, unsigned long long, from, trunc)
CR_TO_INTEGERS(__float, float)
CR_TO_INTEGERS(__double, double)
#undef CR_TO_INTEGERS
#undef CR_TO_INTEGER

static inline float __int2float_rn(int x) {
  return (float)x;
}
static inline float __uint2float_rn(unsigned x) {
  return (float)x;
}
static inline float __ll2float_rn(long long x) {
  return (float)x;
}
static inline float __ull2float_rn(unsigned long long x) {
  return (float)x;
}
static inline double __int2double_rn(int x) {
  return x;
}
static inline double __uint2double_rn(unsigned x) {
  return x;
}
static inline double __ll2double_rn(long long x) {
  return (double)x;
}
static inline double __ull2double_rn(unsigned long long x) {
  return (double)x;
}
static inline float __double2float_rn(double x) {
  return (float)x;
}

/* ---- arithmetic that is never fused into a multiply-add
 * ------------------------------------------ */

#define CR_ROUNDED(name, type, operation)                                                          \
  static inline type name(type x, type y) {                                                        \
    volatile type result = x operation y;                                                          \
    return result;                                                                                 \
  }
CR_ROUNDED(__fadd_rn, float, +)
CR_ROUNDED(__fsub_rn, float, -)
CR_ROUNDED(__fmul_rn, float, *)
CR_ROUNDED(__fdiv_rn, float, /)
CR_ROUNDED(__dadd_rn, double, +)
CR_ROUNDED(__dsub_rn, double, -)
CR_ROUNDED(__dmul_rn, double, *)
CR_ROUNDED(__ddiv_rn, double, /)
#undef CR_ROUNDED
static inline float __fmaf_rn(float x, float y, float z) {
  return fmaf(x, y, z);
}
static inline double __fma_rn(double x, double y, double z) {
  return fma(x, y, z);
}
static inline float __fsqrt_rn(float x) {
  return sqrtf(x);
}
static inline double __dsqrt_rn(double x) {
  return sqrt(x);
}
static inline float __frcp_rn(float x) {
  return 1 / x;
}
static inline double __drcp_rn(double x) {
  return 1 / x;
}
static inline float __frsqrt_rn(float x) {
  return (float)(1 / sqrt((double)x));
}

#endif
