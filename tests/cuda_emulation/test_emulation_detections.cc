/* test_emulation_detections.cc: each mistake ends the process with a line that says what and where.
 */
#include "test_emulation.h"

#include <string.h>

/* ---- memory
 * ------------------------------------------------------------------------------------------- */

DIES(host_writes_device_memory, "host code touched device memory at 0x") {
  device_array<int> x(4);
  *(volatile int *)(int *)x = 1;
}

DIES(host_reads_freed_device_memory, "host code touched device memory at 0x") {
  volatile int *x;
  OK(cudaMalloc((int **)&x, 4));
  OK(cudaFree((int *)x));
  printf("%d", *x);
}

__global__ void write_at(int *x, long long i) {
  x[i] = 1;
}
__global__ void read_at(const int *x, long long i, int *out) {
  *out = x[i];
}

#if UNDER_ASAN
DIES(writing_beyond_a_block,
     "cuda emulation: write_at, block (0,0,0), thread (0,0,0): a sanitizer found an error") {
#else
DIES(writing_beyond_a_block, "cuda emulation: write_at: device memory was written 0 bytes beyond "
                             "the end of a block of 40 bytes") {
#endif
  device_array<int> x(10), other(10);
  LAUNCH(write_at, 1, 1, x, 10);
}

#if UNDER_ASAN
DIES(reading_beyond_a_block,
     "cuda emulation: read_at, block (0,0,0), thread (0,0,0): a sanitizer found an error") {
  device_array<int> x(10), out(1);
  LAUNCH(read_at, 1, 1, x, -1, out);
}

__global__ void write_far(int *const *x) {
  **x = 1;
}

DIES(writing_a_freed_block,
     "cuda emulation: write_far, block (0,0,0), thread (0,0,0): a sanitizer found an error") {
  int *freed;
  OK(cudaMalloc(&freed, 4));
  int *pointers[] = {freed};
  device_array<int *> p(pointers);
  OK(cudaFree(freed));
  LAUNCH(write_far, 1, 1, p);
}
#else
/* The pointer reaches the kernel through memory, so only the end of the block tells. */
__global__ void write_through(int *const *x) {
  (*x)[3] = 1;
}

DIES(a_canary_is_checked_when_memory_is_freed,
     "cudaFree: device memory was written 4 bytes beyond the end of a block of 8 bytes") {
  device_array<int> x(2);
  int *pointers[] = {x};
  device_array<int *> p(pointers);
  OK(LAUNCH(write_through, 1, 1, p));
}
#endif

#if UNDER_ASAN
DIES(writing_beyond_a_piece,
     "write_at, block (0,0,0), thread (0,0,0): a sanitizer found an error") {
#else
DIES(writing_beyond_a_piece,
     "write_at: device memory was written 0 bytes beyond the end of a block of 20 bytes") {
#endif
  char *block;
  OK(cudaMalloc(&block, 1024));
  cr_emulation_carve(block, 20, 512);
  LAUNCH(write_at, 1, 1, (int *)block, 5);
}

DIES(a_piece_given_back, "argument 1, 0x") {
  char *block;
  OK(cudaMalloc(&block, 1024));
  cr_emulation_carve(block, 20, 512);
  cr_emulation_uncarve(block);
  LAUNCH(write_at, 1, 1, (int *)block, 0);
}

DIES(a_block_freed_with_a_piece_in_use,
     "a block of 1024 bytes is freed while 20 bytes of it are in use") {
  char *block;
  OK(cudaMalloc(&block, 1024));
  cr_emulation_carve(block + 512, 20, 512);
  cudaFree(block);
}

DIES(touching_what_no_device_has,
     "cuda emulation: read_at, block (0,0,0), thread (0,0,0): device code touched 0x") {
  device_array<int> x(10), out(1);
  LAUNCH(read_at, 1, 1, x, 1ll << 32, out);
}

/* ---- arguments
 * ------------------------------------------------------------------------------------------ */

DIES(a_host_pointer, "cuda emulation: write_at: argument 1, 0x") {
  int x[4];
  LAUNCH(write_at, 1, 1, x, 0);
}

struct holder {
  int n;
  const int *x;
};
__global__ void read_holder(int *out, holder h) {
  *out = h.x[h.n];
}

DIES(a_host_pointer_in_a_struct,
     "cuda emulation: read_holder: argument 2 holds a host pointer, 0x") {
  int x[4] = {0};
  device_array<int> out(1);
  LAUNCH(read_holder, 1, 1, out, holder{1, x});
}

DIES(a_freed_pointer, "in no live block of device memory") {
  int *x;
  OK(cudaMalloc(&x, 4));
  OK(cudaFree(x));
  LAUNCH(write_at, 1, 1, x, 0);
}

DIES(memory_of_another_device, "cuda emulation: read_holder: argument 2 points to memory of device "
                               "1; the kernel runs on device 0") {
  device_array<int> out(1);
  int *far;
  OK(cudaSetDevice(1));
  OK(cudaMalloc(&far, 8));
  OK(cudaSetDevice(0));
  LAUNCH(read_holder, 1, 1, out, holder{1, far});
}

/* ---- copies
 * ---------------------------------------------------------------------------------------------- */

DIES(a_copy_to_the_wrong_side, "cuda emulation: cudaMemcpy: the destination 0x") {
  int x[4] = {0}, y[4] = {0};
  cudaMemcpy(x, y, sizeof x, cudaMemcpyHostToDevice);
}

DIES(a_copy_from_the_wrong_side, "is device memory; the kind of copy says host") {
  device_array<int> x(4), y(4);
  cudaMemcpyAsync(x, y, 16, cudaMemcpyHostToDevice);
}

DIES(a_copy_that_is_too_long,
     "cudaMemcpy: the source is 17 bytes at byte 0 of a block of 16 bytes of device memory") {
  device_array<int> x(4);
  char y[17];
  cudaMemcpy(y, x, 17, cudaMemcpyDefault);
}

DIES(a_fill_that_is_too_long, "cudaMemsetAsync: the destination is 13 bytes at byte 4 of a block "
                              "of 16 bytes of device memory") {
  device_array<int> x(4);
  cudaMemsetAsync(x + 1, 0, 13);
}

DIES(rows_that_are_too_long,
     "cudaMemcpy2D: the destination is 20 bytes at byte 0 of a block of 16 bytes") {
  device_array<int> x(4);
  char y[64] = {0};
  cudaMemcpy2D(x, 8, y, 8, 4, 3, cudaMemcpyHostToDevice);
}

DIES(a_copy_onto_itself, "overlap") {
  device_array<int> x(4);
  cudaMemcpy(x, x + 1, 12, cudaMemcpyDeviceToDevice);
}

/* ---- barriers
 * -------------------------------------------------------------------------------------------- */

__global__ void leaves_early(int n) {
  if ((int)threadIdx.x >= n) return;
  __syncthreads();
}

DIES(a_barrier_after_a_thread_ended, "is never reached by thread (40,0,0), which has ended") {
  LAUNCH(leaves_early, dim3(1, 2), 64, 40);
}

__global__ void two_barriers() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
}

DIES(different_barriers,
     "while another one is waited for by thread (0,0,0), which waits in __syncthreads at ") {
  cr_emulate("two_barriers", two_barriers, 1, 64, 0, 0);
}

__global__ void barrier_and_shuffle() {
  if (threadIdx.x % 2)
    __syncthreads();
  else
    __shfl_sync(0xffffffffu, 1, 0);
}

DIES(a_barrier_in_one_and_a_shuffle_in_another, "deadlock: __shfl_*_sync at ") {
  cr_emulate("barrier_and_shuffle", barrier_and_shuffle, 1, 32, 0, 0);
}

__global__ void shuffle_then_end() {
  if (threadIdx.x != 5) __syncwarp();
}

DIES(a_mask_that_names_an_ended_lane, "names lane 5, thread (5,0,0), which has ended") {
  cr_emulate("shuffle_then_end", shuffle_then_end, 1, 32, 0, 0);
}

__global__ void full_mask(int *out) {
  *out = __shfl_down_sync(0xffffffffu, (int)threadIdx.x, 1);
}

DIES(a_mask_that_names_lanes_the_block_lacks,
     "mask 0xffffffff names lane 16, and the block ends before it") {
  device_array<int> out(1);
  LAUNCH(full_mask, 1, 48, out);
}

__global__ void foreign_mask(int *out) {
  if (threadIdx.x < 8) out[threadIdx.x] = __any_sync(0x0fu, 1);
}

DIES(a_mask_without_its_lane, "mask 0x0000000f lacks lane 4, which calls it") {
  device_array<int> out(32);
  LAUNCH(foreign_mask, 1, 32, out);
}

__global__ void two_masks() {
  __syncwarp(threadIdx.x < 4 ? 0xffffu : 0xffffffffu);
}

DIES(masks_that_differ, "with mask 0xffffffff, while __syncwarp at ") {
  cr_emulate("two_masks", two_masks, 1, 32, 0, 0);
}

DIES(a_barrier_outside_a_kernel, "cuda emulation: __syncthreads outside a kernel") {
  __syncthreads();
}

/* Lane 1 holds the lock and waits for lane 0, which waits for the lock. */
__global__ void lock_step(int *locked) {
  if (threadIdx.x == 1) atomicExch(locked, 1);
  __syncwarp(0x3u);
  if (threadIdx.x == 0)
    while (atomicCAS(locked, 0, 1) != 0) {
    }
  __syncwarp(0x3u);
  if (threadIdx.x == 1) atomicExch(locked, 0);
}

DIES(a_thread_that_spins, "block (0,0,0), thread (0,0,0): 67108864 atomics without an end") {
  device_array<int> locked(1);
  locked.zero();
  LAUNCH(lock_step, 1, 2, locked);
}

/* ---- shared memory and stacks
 * ------------------------------------------------------------------------------ */

__global__ void beyond_shared(int i) {
  CR_SHARED(float, s, 10);
  float *p = s;
  p[i] = 1;
}

#if UNDER_ASAN
DIES(writing_beyond_shared_memory,
     "cuda emulation: beyond_shared, block (0,0,0), thread (0,0,0): a sanitizer found an error") {
#else
DIES(writing_beyond_shared_memory,
     "cuda emulation: beyond_shared: wrote beyond the end of a shared array of 40 bytes") {
#endif
  volatile int i = 10;
  LAUNCH(beyond_shared, 1, 1, i);
}

__global__ void too_much_shared(int i) {
  CR_SHARED(double, s, 6145);
  s[i] = 1;
}

DIES(too_much_static_shared_memory, "declares 49160 bytes of shared memory; 49152 are possible") {
  LAUNCH(too_much_shared, 1, 1, 0);
}

__global__ void some_shared(int i) {
  CR_SHARED(double, s, 2);
  s[i] = 1;
}

DIES(too_much_shared_memory_together,
     "declares 16 bytes of shared memory and is launched with 49150 more; it may have 49152") {
  cr_emulate("some_shared", some_shared, 1, 1, 49150, 0, 0);
}

static __device__ __attribute__((noinline)) int recurse(volatile char *above, int depth) {
  volatile char here[4096];
  here[0] = above[0];
  return depth ? recurse(here, depth - 1) + here[0] : above[0];
}
__global__ void deep(int *out, int depth) {
  char start[1] = {1};
  *out = recurse(start, depth);
}

DIES(a_stack_that_overflows, "cuda emulation: deep, block (0,0,0), thread (0,0,0): the stack of a "
                             "kernel's thread overflowed") {
  device_array<int> out(1);
  LAUNCH(deep, 1, 1, out, 1000);
}

__global__ void crooked(char *p) {
  atomicAdd((int *)(p + 2), 1);
}

DIES(an_atomic_that_is_not_aligned,
     "cuda emulation: crooked, block (0,0,0), thread (0,0,0): an atomic at 0x") {
  device_array<char> x(16);
  LAUNCH(crooked, 1, 1, x);
}

__global__ void trap_in_third() {
  if (threadIdx.x == 2) __trap();
}

DIES(a_trap, "cuda emulation: trap_in_third, block (0,0,0), thread (2,0,0): __trap at ") {
  cr_emulate("trap_in_third", trap_in_third, 1, 4, 0, 0);
}
