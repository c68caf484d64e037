/* launch.h: the CUDA language as this folder uses it, and the one way to start a kernel.
 *
 * The same files are compiled by nvcc for a GPU and by the host's compiler for the emulation in
 * tests/cuda_emulation, which has a cuda_runtime.h of its own.  So shared memory is declared by the
 * macros below, and no kernel is started but through cr_launch. */
#ifndef CR_CUDA_LAUNCH_H
#define CR_CUDA_LAUNCH_H

#include <cuda_runtime.h>

#include <stddef.h>
#include <stdint.h>

#ifndef CR_CUDA_EMULATION
/* `count` elements, which all threads of a block share; count is a constant. */
#define CR_SHARED(type, name, count) __shared__ type name[count]
/* The bytes of shared memory that the launch asked for. */
#define CR_DYNAMIC_SHARED(type, name)                                                              \
  extern __shared__ __align__(16) unsigned char cr_shared_bytes[];                                 \
  type *name = reinterpret_cast<type *>(cr_shared_bytes)
#endif

/* Whether the launch of a kernel succeeded, and no earlier kernel has refused its input since that
 * was asked last: else false with a message.  In synchronous mode waits for the kernel. */
bool cr_cuda_launched(const char *name);

/* The stream into which this thread puts its work. */
cudaStream_t cr_cuda_stream();

/* Starts kernel(args...) on the device in use.  `name` is for messages. */
template <typename... P, typename... A>
bool cr_launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
               A... args) {
#ifdef CR_CUDA_EMULATION
  cr_emulate(name, kernel, grid, block, shared, cr_cuda_stream(), args...);
#else
  kernel<<<grid, block, shared, cr_cuda_stream()>>>(args...);
#endif
  return cr_cuda_launched(name);
}

/* Blocks of `threads` that give each of n elements a thread; kernels step by the whole grid, so
 * that a limit is no loss.  The emulation has a low one, for tests of that. */
#ifdef CR_CUDA_EMULATION
#define CR_MOST_BLOCKS 12
#else
#define CR_MOST_BLOCKS (1 << 20)
#endif
static inline unsigned cr_blocks(int64_t n, int threads, int64_t most = CR_MOST_BLOCKS) {
  int64_t blocks = (n + threads - 1) / threads;
  return (unsigned)(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

/* The number of this thread in the grid, and how many there are. */
__device__ __forceinline__ int64_t cr_thread() {
  return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ int64_t cr_threads() {
  return (int64_t)gridDim.x * blockDim.x;
}

#endif
