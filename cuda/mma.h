/* mma.h: products of small matrices of half types by a warp, on tensor cores, and what brings their
 * operands there.
 *
 * PTX ISA, "Matrix fragments for mma.m16n8k16".  With g = lane / 4 and t = lane % 4, a lane has
 *   of the left matrix, 16 by 16, in a[0] the elements (g, 2t) and (g, 2t + 1), in a[1] those 8
 * rows below, in a[2] and a[3] those 8 columns behind a[0] and a[1]; of the right one, 16 by 8, in
 * b0 (2t, g) and (2t + 1, g), in b1 those 8 rows below; of the sums, 16 by 8, (g, 2t), (g, 2t + 1)
 * and those 8 rows below. All lanes of the warp must call. */
#ifndef CR_CUDA_MMA_H
#define CR_CUDA_MMA_H

#include "cuda/cuda.h"

#ifndef CR_CUDA_EMULATION

/* sums += left times right. */
template <typename T>
__device__ __forceinline__ void cr_mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                       uint32_t b1);
#define CR_MMA(T, type)                                                                            \
  template <>                                                                                      \
  __device__ __forceinline__ void cr_mma<T>(float(&d)[4], const uint32_t(&a)[4], uint32_t b0,      \
                                            uint32_t b1) {                                         \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 "                             \
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                          \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                           \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                           \
  }
CR_MMA(cr_f16, "f16")
CR_MMA(cr_bf16, "bf16")
#undef CR_MMA

/* Two elements in a register, the first in the low half. */
template <typename T> __device__ __forceinline__ uint32_t cr_pair(float low, float high);
template <> __device__ __forceinline__ uint32_t cr_pair<cr_f16>(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
template <> __device__ __forceinline__ uint32_t cr_pair<cr_bf16>(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

/* Four matrices of 8 by 8 elements in shared memory: lane 8m + r says where row r of matrix m is,
 * at a multiple of 16 bytes; r[m] gets its elements (g, 2t) and (g, 2t + 1). */
__device__ __forceinline__ void cr_load_matrices(uint32_t (&r)[4], const void *row) {
  uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
/* Likewise (2t, g) and (2t + 1, g). */
__device__ __forceinline__ void cr_load_turned(uint32_t (&r)[4], const void *row) {
  uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}

/* Begins to copy 16 aligned bytes from global to shared memory, or to set them to 0. */
__device__ __forceinline__ void cr_copy_begin(void *to, const void *from, bool there) {
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
      "l"(__cvta_generic_to_global(from)), "r"(there ? 16 : 0)
      : "memory");
}
/* What this thread began since the last mark is one group. */
__device__ __forceinline__ void cr_copy_mark() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/* Waits for the groups of this thread but for the last N. */
template <int N> __device__ __forceinline__ void cr_copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

#else

#include <vector>

/* The same by shuffles, and copies when they are waited for. */

template <typename T> static inline float cr_half_of(uint32_t pair, int i) {
  return cr_wide(T{(uint16_t)(pair >> (16 * i))});
}

template <typename T>
static inline void cr_mma(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  int lane = (int)threadIdx.x % 32, g = lane / 4, t = lane % 4;
  auto both = [](uint32_t low, uint32_t high) { return low | (unsigned long long)high << 32; };
  for (int k = 0; k < 4; k++) { /* columns of the left 2k, 2k + 1 and those 8 behind */
    for (int behind = 0; behind < 2; behind++) {
      unsigned long long rows =
          __shfl_sync(0xffffffffu, both(a[2 * behind], a[2 * behind + 1]), 4 * g + k);
      for (int c = 0; c < 2; c++) {
        unsigned long long column = __shfl_sync(0xffffffffu, both(b0, b1), 4 * (2 * t + c) + k);
        uint32_t right = (uint32_t)(column >> (32 * behind));
        for (int r = 0; r < 2; r++)
          for (int i = 0; i < 2; i++)
            d[2 * r + c] +=
                cr_half_of<T>((uint32_t)(rows >> (32 * r)), i) * cr_half_of<T>(right, i);
      }
    }
  }
}

template <typename T> static inline uint32_t cr_pair(float low, float high) {
  return cr_narrow<T>::from(low).bits | (uint32_t)cr_narrow<T>::from(high).bits << 16;
}

static inline uint16_t cr_emulated_half(const void *row, int source, int element) {
  unsigned long at = __shfl_sync(0xffffffffu, (unsigned long)(uintptr_t)row, source);
  if (at % 16) cr_emulation_report("ldmatrix: a row begins at %#lx", at);
  return reinterpret_cast<const uint16_t *>(at)[element];
}
static inline void cr_load_matrices(uint32_t (&r)[4], const void *row) {
  int lane = (int)threadIdx.x % 32, g = lane / 4, t = lane % 4;
  for (int m = 0; m < 4; m++) {
    uint32_t low = cr_emulated_half(row, 8 * m + g, 2 * t);
    r[m] = low | (uint32_t)cr_emulated_half(row, 8 * m + g, 2 * t + 1) << 16;
  }
}
static inline void cr_load_turned(uint32_t (&r)[4], const void *row) {
  int lane = (int)threadIdx.x % 32, g = lane / 4, t = lane % 4;
  for (int m = 0; m < 4; m++) {
    uint32_t low = cr_emulated_half(row, 8 * m + 2 * t, g);
    r[m] = low | (uint32_t)cr_emulated_half(row, 8 * m + 2 * t + 1, g) << 16;
  }
}

/* What a thread has begun to copy: till it waits, there is rubbish. */
struct cr_emulated_copies {
  struct copy {
    void *to;
    const void *from; /* NULL: zeros */
    int group;
  };
  std::vector<copy> list;
  int groups;
  static cr_emulated_copies &mine() {
    static cr_emulated_copies all[1024];
    return all[threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)];
  }
};
static inline void cr_copy_begin(void *to, const void *from, bool there) {
  if ((uintptr_t)to % 16 || (uintptr_t)from % 16)
    cr_emulation_report("cp.async: from %p to %p", from, to);
  cr_emulated_copies &mine = cr_emulated_copies::mine();
  memset(to, 0xff, 16);
  mine.list.push_back({to, there ? from : NULL, mine.groups});
}
static inline void cr_copy_mark() {
  cr_emulated_copies::mine().groups++;
}
template <int N> static inline void cr_copy_wait() {
  cr_emulated_copies &mine = cr_emulated_copies::mine();
  std::vector<cr_emulated_copies::copy> later;
  for (const auto &c : mine.list) {
    if (c.group >= mine.groups - N)
      later.push_back(c);
    else if (c.from)
      memcpy(c.to, c.from, 16);
    else
      memset(c.to, 0, 16);
  }
  mine.list.swap(later);
}

#endif

#endif
