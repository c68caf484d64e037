/* device.h: what a kernel's thread knows of itself, barriers, and what the lanes of a warp do
 * together. */
#ifndef CR_EMULATED_DEVICE_H
#define CR_EMULATED_DEVICE_H

#include <stdint.h>
#include <string.h>

#include "language.h"

/* Of the thread that runs.  Not const, so that no compiler keeps a value across a switch. */
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

/* Where a call stands, for messages and to tell one barrier from another. */
#define CR_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

enum cr_barrier { CR_BARRIER, CR_BARRIER_OR, CR_BARRIER_AND, CR_BARRIER_COUNT };
enum cr_warp_call {
  CR_WARP_SYNC,
  CR_WARP_SHUFFLE,
  CR_WARP_BALLOT,
  CR_WARP_ANY,
  CR_WARP_ALL,
  CR_WARP_MATCH,
  CR_WARP_REDUCE
};
enum cr_warp_reduction {
  CR_WARP_ADD,
  CR_WARP_MIN,
  CR_WARP_MAX,
  CR_WARP_MIN_SIGNED,
  CR_WARP_MAX_SIGNED,
  CR_WARP_AND,
  CR_WARP_OR,
  CR_WARP_XOR
};

extern "C" {
/* Waits for every thread of the block; the sum of what they brought. */
int cr_emulation_barrier(enum cr_barrier kind, int predicate, const char *file, int line);
/* Waits for the lanes of mask; `other` is the lane to read (CR_WARP_SHUFFLE) or the reduction
 * (CR_WARP_REDUCE). */
uint64_t cr_emulation_warp(enum cr_warp_call call, unsigned mask, uint64_t value, unsigned other,
                           const char *file, int line);
unsigned cr_emulation_lane(void);
long long cr_emulation_clock(void);
[[noreturn]] void cr_emulation_trap(const char *file, int line);
}

static inline void __syncthreads(CR_PLACE) {
  cr_emulation_barrier(CR_BARRIER, 0, file, line);
}
static inline int __syncthreads_or(int predicate, CR_PLACE) {
  return cr_emulation_barrier(CR_BARRIER_OR, predicate, file, line);
}
static inline int __syncthreads_and(int predicate, CR_PLACE) {
  return cr_emulation_barrier(CR_BARRIER_AND, predicate, file, line);
}
static inline int __syncthreads_count(int predicate, CR_PLACE) {
  return cr_emulation_barrier(CR_BARRIER_COUNT, predicate, file, line);
}

static inline void __syncwarp(unsigned mask = 0xffffffffu, CR_PLACE) {
  cr_emulation_warp(CR_WARP_SYNC, mask, 0, 0, file, line);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate, CR_PLACE) {
  return (unsigned)cr_emulation_warp(CR_WARP_BALLOT, mask, predicate != 0, 0, file, line);
}
static inline int __any_sync(unsigned mask, int predicate, CR_PLACE) {
  return (int)cr_emulation_warp(CR_WARP_ANY, mask, predicate != 0, 0, file, line);
}
static inline int __all_sync(unsigned mask, int predicate, CR_PLACE) {
  return (int)cr_emulation_warp(CR_WARP_ALL, mask, predicate != 0, 0, file, line);
}

/* Which lanes run together is up to the hardware; here each runs alone. */
static inline unsigned __activemask() {
  return 1u << cr_emulation_lane();
}

/* Types of 4 and 8 bytes travel as their bits. */
template <typename T> static inline uint64_t cr_emulation_bits(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "4 or 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}

template <typename T> static inline T cr_emulation_unbits(uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The lane a shuffle reads, as the hardware finds it; a lane outside its segment reads itself. */
static inline unsigned cr_emulation_indexed(unsigned lane, unsigned source, unsigned width) {
  return (lane & ~(width - 1)) | (source & (width - 1));
}
static inline unsigned cr_emulation_above(unsigned lane, unsigned delta, unsigned width) {
  return (lane & (width - 1)) >= (delta & 31) ? lane - (delta & 31) : lane;
}
static inline unsigned cr_emulation_below(unsigned lane, unsigned delta, unsigned width) {
  return (lane & (width - 1)) + (delta & 31) < width ? lane + (delta & 31) : lane;
}
static inline unsigned cr_emulation_crossed(unsigned lane, unsigned bits, unsigned width) {
  unsigned source = lane ^ (bits & 31);
  return source <= (lane | (width - 1)) ? source : lane;
}

#define CR_SHUFFLES(type)                                                                          \
  CR_SHUFFLE_FUNCTION(__shfl_sync, type, int, cr_emulation_indexed)                                \
  CR_SHUFFLE_FUNCTION(__shfl_up_sync, type, unsigned, cr_emulation_above)                          \
  CR_SHUFFLE_FUNCTION(__shfl_down_sync, type, unsigned, cr_emulation_below)                        \
  CR_SHUFFLE_FUNCTION(__shfl_xor_sync, type, int, cr_emulation_crossed)
#define CR_SHUFFLE_FUNCTION(name, type, index, source)                                             \
  static inline type name(unsigned mask, type value, index other, int width = warpSize,            \
                          CR_PLACE) {                                                              \
    unsigned from = source(cr_emulation_lane(), (unsigned)other, (unsigned)width);                 \
    return cr_emulation_unbits<type>(                                                              \
        cr_emulation_warp(CR_WARP_SHUFFLE, mask, cr_emulation_bits(value), from, file, line));     \
  }
CR_SHUFFLES(int)
CR_SHUFFLES(unsigned)
CR_SHUFFLES(long)
CR_SHUFFLES(unsigned long)
CR_SHUFFLES(long long)
CR_SHUFFLES(unsigned long long)
CR_SHUFFLES(float)
CR_SHUFFLES(double)
#undef CR_SHUFFLES
#undef CR_SHUFFLE_FUNCTION

template <typename T> static inline unsigned __match_any_sync(unsigned mask, T value, CR_PLACE) {
  return (unsigned)cr_emulation_warp(CR_WARP_MATCH, mask, cr_emulation_bits(value), 0, file, line);
}

#define CR_WARP_REDUCTION(name, type, reduction)                                                   \
  static inline type name(unsigned mask, type value, CR_PLACE) {                                   \
    return (type)cr_emulation_warp(CR_WARP_REDUCE, mask, (uint32_t)value, reduction, file, line);  \
  }
CR_WARP_REDUCTION(__reduce_add_sync, unsigned, CR_WARP_ADD)
CR_WARP_REDUCTION(__reduce_min_sync, unsigned, CR_WARP_MIN)
CR_WARP_REDUCTION(__reduce_max_sync, unsigned, CR_WARP_MAX)
CR_WARP_REDUCTION(__reduce_add_sync, int, CR_WARP_ADD)
CR_WARP_REDUCTION(__reduce_min_sync, int, CR_WARP_MIN_SIGNED)
CR_WARP_REDUCTION(__reduce_max_sync, int, CR_WARP_MAX_SIGNED)
CR_WARP_REDUCTION(__reduce_and_sync, unsigned, CR_WARP_AND)
CR_WARP_REDUCTION(__reduce_or_sync, unsigned, CR_WARP_OR)
CR_WARP_REDUCTION(__reduce_xor_sync, unsigned, CR_WARP_XOR)
#undef CR_WARP_REDUCTION

/* One thread runs at a time, so fences only keep the compiler from moving accesses. */
static inline void __threadfence() {
  __asm__ volatile("" ::: "memory");
}
static inline void __threadfence_block() {
  __threadfence();
}
static inline void __threadfence_system() {
  __threadfence();
}
static inline void __nanosleep(unsigned) {}
static inline long long clock64() {
  return cr_emulation_clock();
}
static inline void __trap(CR_PLACE) {
  cr_emulation_trap(file, line);
}

template <typename T> static inline T __ldg(const T *address) {
  return *address;
}
template <typename T> static inline T __ldcg(const T *address) {
  return *address;
}
template <typename T> static inline T __ldcs(const T *address) {
  return *address;
}
template <typename T> static inline void __stcs(T *address, T value) {
  *address = value;
}
template <typename T> static inline void __stcg(T *address, T value) {
  *address = value;
}

#endif
