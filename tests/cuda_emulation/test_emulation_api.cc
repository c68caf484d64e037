/* test_emulation_api.cc: the runtime API answers as the real one, and so do the fakes of CUB. */
#include "test_emulation.h"

#include <cub/cub.cuh>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <vector>

/* ---- what a launch refuses
 * ---------------------------------------------------------------------------- */

__global__ void nothing(int) {}

/* The error that a launch gives and that stays, once, as the last one. */
static cudaError_t launched(dim3 grid, dim3 block, size_t shared = 0, cudaStream_t stream = 0) {
  cudaError_t error = cr_emulate("nothing", nothing, grid, block, shared, stream, 1);
  CHECK(cudaPeekAtLastError() == error);
  CHECK(cudaGetLastError() == error);
  CHECK(cudaGetLastError() == cudaSuccess);
  return error;
}

TEST(configurations) {
  CHECK(launched(1, 1024) == cudaSuccess);
  CHECK(launched(dim3(2, 65535, 1), 1) == cudaSuccess);
  CHECK(launched(1, dim3(4, 4, 64)) == cudaSuccess);
  CHECK(launched(1, 32, 48 << 10) == cudaSuccess);
  CHECK(launched(0, 1) == cudaErrorInvalidConfiguration);
  CHECK(launched(dim3(1, 0), 1) == cudaErrorInvalidConfiguration);
  CHECK(launched(1, 0) == cudaErrorInvalidConfiguration);
  CHECK(launched(1, 1025) == cudaErrorInvalidConfiguration);
  CHECK(launched(1, dim3(1, 1, 65)) == cudaErrorInvalidConfiguration);
  CHECK(launched(1, dim3(64, 32)) == cudaErrorInvalidConfiguration);
  CHECK(launched(dim3(1, 65536), 1) == cudaErrorInvalidConfiguration);
  CHECK(launched(dim3(1, 1, 65536), 1) == cudaErrorInvalidConfiguration);
  CHECK(launched(2147483648u, 1) == cudaErrorInvalidConfiguration);
  CHECK(launched(1, 1, (48 << 10) + 1) == cudaErrorInvalidValue);
}

TEST(an_error_stays_until_it_is_asked_for) {
  CHECK(cr_emulate("nothing", nothing, 0, 1, 0, 0, 1) == cudaErrorInvalidConfiguration);
  CHECK(cr_emulate("nothing", nothing, 1, 1, 0, 0, 1) == cudaSuccess);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(!strcmp(cudaGetErrorName(cudaErrorInvalidConfiguration), "cudaErrorInvalidConfiguration"));
  CHECK(!strcmp(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory"));
}

struct kilobytes {
  char bytes[2048];
};
__global__ void take_two(kilobytes, kilobytes) {}
__global__ void take_more(kilobytes, kilobytes, char) {}

TEST(arguments_have_a_size_limit) {
  kilobytes k = {};
  OK(LAUNCH(take_two, 1, 1, k, k));
  CHECK(LAUNCH(take_more, 1, 1, k, k, 'x') == cudaErrorInvalidValue);
  cudaGetLastError();
}

__global__ void fill_shared(int *sum, int count) {
  CR_DYNAMIC_SHARED(char, s);
  for (int i = threadIdx.x; i < count; i += blockDim.x) s[i] = 1;
  __syncthreads();
  if (threadIdx.x == 0) *sum = s[0] + s[count - 1];
}

TEST(shared_memory_can_be_raised) {
  device_array<int> sum(1);
  int most = 227 << 10, blocks;
  CHECK(cr_emulate("fill_shared", fill_shared, 1, 32, most, 0, sum, most) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(fill_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, most + 1) ==
        cudaErrorInvalidValue);
  cudaGetLastError();
  OK(cudaFuncSetAttribute(fill_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, most));
  OK(cr_emulate("fill_shared", fill_shared, 1, 32, most, 0, sum, most));
  CHECK(sum.at(0) == 2);
  cudaFuncAttributes attributes;
  OK(cudaFuncGetAttributes(&attributes, fill_shared));
  CHECK(attributes.maxDynamicSharedSizeBytes == most);
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill_shared, 256, 0));
  CHECK(blocks == 8);
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill_shared, 32, most));
  CHECK(blocks == 1);
}

/* ---- devices
 * --------------------------------------------------------------------------------------------- */

TEST(devices) {
  int count, version, value, device;
  cudaDeviceProp p;
  OK(cudaGetDeviceCount(&count));
  CHECK(count == 2);
  OK(cudaDriverGetVersion(&version));
  CHECK(version == CUDART_VERSION);
  OK(cudaGetDeviceProperties(&p, 1));
  CHECK(p.totalGlobalMem == (size_t)4 << 30 && p.warpSize == 32);
  OK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0));
  CHECK(value == p.multiProcessorCount);
  OK(cudaSetDevice(1));
  OK(cudaGetDevice(&device));
  CHECK(device == 1);
  OK(cudaSetDevice(0));
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);
}

__global__ void read_peer(const int *in, int *out) {
  *out = *in + 1;
}

TEST(devices_reach_into_each_other) {
  int can, value = 41, *far;
  OK(cudaSetDevice(1));
  OK(cudaMalloc(&far, sizeof(int)));
  OK(cudaSetDevice(0));
  device_array<int> near(1);
  OK(cudaMemcpy(far, &value, sizeof value, cudaMemcpyHostToDevice));
  OK(cudaMemcpyPeerAsync(near, 0, far, 1, sizeof value));
  CHECK(near.at(0) == 41);
  OK(cudaDeviceCanAccessPeer(&can, 0, 1));
  CHECK(can == 1);
  OK(cudaDeviceEnablePeerAccess(1, 0));
  CHECK(cudaDeviceEnablePeerAccess(1, 0) == cudaErrorPeerAccessAlreadyEnabled);
  OK(LAUNCH(read_peer, 1, 1, far, near));
  CHECK(near.at(0) == 42);
  OK(cudaDeviceDisablePeerAccess(1));
  OK(cudaFree(far));
  cudaGetLastError();
}

TEST(a_reset_frees_what_the_device_has) {
  void *p;
  cudaStream_t s;
  OK(cudaSetDevice(1));
  OK(cudaMalloc(&p, 1000));
  OK(cudaStreamCreate(&s));
  CHECK(cr_emulation_live_bytes(1) == 1000);
  OK(cudaDeviceReset());
  CHECK(cr_emulation_live_bytes(1) == 0);
  CHECK(cudaFree(p) == cudaErrorInvalidValue);
  CHECK(cudaStreamSynchronize(s) == cudaErrorInvalidResourceHandle);
  OK(cudaSetDevice(0));
  cudaGetLastError();
}

/* ---- memory
 * ------------------------------------------------------------------------------------------------
 */

TEST(memory_runs_out) {
  size_t free, total;
  void *p, *q;
  OK(cudaMemGetInfo(&free, &total));
  CHECK(total == (size_t)4 << 30);
  CHECK(cudaMalloc(&p, total + 1) == cudaErrorMemoryAllocation);
  CHECK(p == nullptr && cudaGetLastError() == cudaErrorMemoryAllocation);
  OK(cudaMalloc(&p, 1000));
  CHECK(cudaMalloc(&q, free - 999) == cudaErrorMemoryAllocation);
  OK(cudaFree(p));
  OK(cudaMemGetInfo(&total, &free));
  CHECK(cudaFree((char *)p + 8) == cudaErrorInvalidValue);
  OK(cudaMalloc(&p, 0));
  CHECK(p == nullptr);
  OK(cudaFree(nullptr));
  cudaGetLastError();
}

TEST(fresh_memory_is_nan) {
  device_array<float> floats(10);
  device_array<double> doubles(10);
  device_array<int> integers(10);
  CHECK(isnan(floats.at(7)) && isnan(doubles.at(9)) && integers.at(3) > 1000000000);
}

TEST(places_are_used_again) {
  std::vector<void *> blocks(300);
  size_t live = cr_emulation_live_bytes(0);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < blocks.size(); i++) OK(cudaMalloc(&blocks[i], i * 37 % 5000 + 1));
    for (size_t i = 0; i < blocks.size(); i++) OK(cudaMemset(blocks[i], (int)i, i * 37 % 5000 + 1));
    for (size_t i = 0; i < blocks.size(); i += 2) OK(cudaFree(blocks[i]));
    for (size_t i = 1; i < blocks.size(); i += 2) {
      unsigned char last;
      OK(cudaMemcpy(&last, (char *)blocks[i] + i * 37 % 5000, 1, cudaMemcpyDefault));
      CHECK(last == (unsigned char)i);
      OK(cudaFree(blocks[i]));
    }
  }
  CHECK(cr_emulation_live_bytes(0) == live);
}

TEST(a_large_block_comes_and_goes) {
  for (int i = 0; i < 2; i++) {
    char *p, last;
    OK(cudaMalloc(&p, 100 << 20));
    OK(cudaMemset(p, 5, 100 << 20));
    OK(cudaMemcpy(&last, p + (100 << 20) - 1, 1, cudaMemcpyDeviceToHost));
    CHECK(last == 5);
    OK(cudaFree(p));
  }
}

TEST(blocks_cut_into_pieces) {
  char *block;
  float x;
  OK(cudaMalloc(&block, 1024));
  cr_emulation_carve(block, 448, 512);
  cr_emulation_carve(block + 512, 512, 512);
  CHECK(cr_emulation_is_device(block, 448) && !cr_emulation_is_device(block, 449));
  CHECK(cr_emulation_is_device(block + 512, 512) && !cr_emulation_is_device(block + 500, 4));
  OK(cudaMemset(block, 0, 448));
  cr_emulation_uncarve(block);
  CHECK(!cr_emulation_is_device(block, 1));
  cr_emulation_carve(block, 4, 512);
  OK(cudaMemcpy(&x, block, sizeof x, cudaMemcpyDeviceToHost));
  CHECK(isnan(x));
  cr_emulation_uncarve(block);
  cr_emulation_uncarve(block + 512);
  OK(cudaFree(block));
}

__global__ void double_it(int *x) {
  *x *= 2;
}

TEST(mapped_host_memory) {
  int *allocated, *device, registered = 21;
  unsigned flags;
  OK(cudaHostAlloc(&allocated, sizeof(int), cudaHostAllocMapped));
  OK(cudaHostGetFlags(&flags, allocated));
  CHECK(flags == cudaHostAllocMapped);
  OK(cudaHostGetDevicePointer(&device, allocated, 0));
  *allocated = 4;
  OK(LAUNCH(double_it, 1, 1, device));
  CHECK(*allocated == 8);
  OK(cudaHostRegister(&registered, sizeof registered, cudaHostRegisterMapped));
  CHECK(cudaHostRegister(&registered, sizeof registered, 0) ==
        cudaErrorHostMemoryAlreadyRegistered);
  OK(LAUNCH(double_it, 1, 1, &registered));
  CHECK(registered == 42);
  OK(cudaHostUnregister(&registered));
  CHECK(cudaHostUnregister(&registered) == cudaErrorHostMemoryNotRegistered);
  OK(cudaFreeHost(allocated));
  CHECK(cudaFreeHost(allocated) == cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST(pointers_tell_what_they_are) {
  int local, *host;
  cudaPointerAttributes a;
  device_array<int> d(4);
  OK(cudaMallocHost(&host, 40));
  OK(cudaPointerGetAttributes(&a, d + 2));
  CHECK(a.type == cudaMemoryTypeDevice && a.device == 0 && a.devicePointer == d + 2 &&
        !a.hostPointer);
  OK(cudaPointerGetAttributes(&a, host + 3));
  CHECK(a.type == cudaMemoryTypeHost && a.hostPointer == host + 3);
  OK(cudaPointerGetAttributes(&a, &local));
  CHECK(a.type == cudaMemoryTypeUnregistered && !a.devicePointer);
  CHECK(cr_emulation_is_device(d, 16) && !cr_emulation_is_device(d, 17) &&
        cr_emulation_is_device(d + 3, 4));
  CHECK(!cr_emulation_is_device(&local, 4) && cr_emulation_device_of(d) == 0);
  OK(cudaFreeHost(host));
}

TEST(copies_of_rows) {
  char matrix[5][8], part[3][4];
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 8; j++) matrix[i][j] = (char)(i * 8 + j);
  char *d;
  OK(cudaMalloc(&d, sizeof matrix));
  OK(cudaMemcpy2D(d, 8, matrix, 8, 8, 5, cudaMemcpyHostToDevice));
  OK(cudaMemset2D(d + 9, 8, 99, 2, 2));
  OK(cudaMemcpy2DAsync(part, 4, d + 8, 8, 4, 3, cudaMemcpyDeviceToHost));
  CHECK(part[0][0] == 8 && part[0][1] == 99 && part[1][2] == 99 && part[2][1] == 25 &&
        part[2][3] == 27);
  CHECK(cudaMemcpy2D(d, 2, matrix, 8, 4, 2, cudaMemcpyHostToDevice) == cudaErrorInvalidPitchValue);
  OK(cudaMemcpy2D(d, 8, d + 4, 8, 4, 5, cudaMemcpyDeviceToDevice)); /* columns of one matrix */
  OK(cudaMemcpy(matrix, d, sizeof matrix, cudaMemcpyDeviceToHost));
  CHECK(matrix[4][0] == 36 && matrix[0][3] == 7);
  OK(cudaFree(d));
  cudaGetLastError();
}

/* ---- streams and events
 * -------------------------------------------------------------------------------------- */

static void note(void *data) {
  *static_cast<int *>(data) = 7;
  CHECK(cudaDeviceSynchronize() == cudaErrorNotPermitted);
}

TEST(streams_and_events) {
  cudaStream_t s, other;
  cudaEvent_t begin, end;
  float ms = -1;
  int least, greatest, priority, noted = 0;
  OK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  OK(cudaStreamCreateWithPriority(&s, cudaStreamNonBlocking, greatest));
  OK(cudaStreamGetPriority(s, &priority));
  CHECK(priority == greatest && greatest < least);
  OK(cudaEventCreate(&begin));
  OK(cudaEventCreateWithFlags(&end, cudaEventDefault));
  CHECK(cudaEventElapsedTime(&ms, begin, end) == cudaErrorInvalidResourceHandle);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
  OK(cudaEventRecord(begin, s));
  CHECK(launched(1, 1, 0, s) == cudaSuccess);
  OK(cudaStreamWaitEvent(cudaStreamPerThread, begin));
  OK(cudaEventRecord(end, s));
  OK(cudaEventSynchronize(end));
  OK(cudaEventElapsedTime(&ms, begin, end));
  CHECK(ms >= 0 && ms < 10000);
  OK(cudaLaunchHostFunc(s, note, &noted));
  CHECK(noted == 7);
  OK(cudaSetDevice(1));
  OK(cudaStreamCreate(&other));
  OK(cudaSetDevice(0));
  CHECK(launched(1, 1, 0, other) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(begin, other) == cudaErrorInvalidResourceHandle);
  OK(cudaStreamDestroy(other));
  CHECK(cudaStreamQuery(other) == cudaErrorInvalidResourceHandle);
  OK(cudaEventDestroy(begin));
  OK(cudaEventDestroy(end));
  OK(cudaStreamDestroy(s));
  cudaGetLastError();
}

/* ---- settings of the environment
 * ------------------------------------------------------------------------------ */

static void print_state() {
  int count = -1, version = -1;
  void *p;
  cudaError_t error = cudaGetDeviceCount(&count);
  cudaDriverGetVersion(&version);
  printf("%s %d %d %s\n", cudaGetErrorName(error), count, version,
         cudaGetErrorName(cudaMalloc(&p, 1 << 20)));
}

CHILD(no_driver, "CRESSET_EMULATION_FAULT=no-driver",
      "cudaErrorInsufficientDriver 0 0 cudaErrorInsufficientDriver\n") {
  print_state();
}
CHILD(old_driver, "CRESSET_EMULATION_FAULT=old-driver",
      "cudaErrorInsufficientDriver 0 11040 cudaErrorInsufficientDriver\n") {
  print_state();
}
CHILD(no_device, "CRESSET_EMULATION_FAULT=no-device",
      "cudaErrorNoDevice 0 13000 cudaErrorNoDevice\n") {
  print_state();
}
CHILD(lost, "CRESSET_EMULATION_FAULT=lost:0",
      "cudaErrorIllegalAddress 0 13000 cudaErrorIllegalAddress\n") {
  print_state();
}
CHILD(busy, "CRESSET_EMULATION_FAULT=busy:0", "cudaErrorNotReady cudaSuccess cudaSuccess\n") {
  printf("%s ", cudaGetErrorName(cudaStreamQuery(NULL)));
  printf("%s ", cudaGetErrorName(cudaStreamSynchronize(NULL)));
  printf("%s\n", cudaGetErrorName(cudaStreamQuery(NULL)));
}
CHILD(three_devices, "CRESSET_EMULATION_DEVICES=3", "cudaSuccess 3 13000 cudaSuccess\n") {
  print_state();
}
CHILD(little_memory, "CRESSET_EMULATION_MEMORY=1000000",
      "cudaSuccess 2 13000 cudaErrorMemoryAllocation\n") {
  print_state();
}

/* The order in which threads begin and go on after a barrier, and the one of blocks. */
__global__ void note_order(int *order, int *count) {
  order[(*count)++] = (int)(blockIdx.x * 10 + threadIdx.x);
  __syncthreads();
  order[(*count)++] = (int)(blockIdx.x * 10 + threadIdx.x);
}

static void print_order() {
  device_array<int> order(24), count(1);
  count.zero();
  OK(LAUNCH(note_order, 3, 4, order, count));
  for (size_t i = 0; i < 24; i++) printf("%d ", order.at(i));
}

CHILD(forward, nullptr, "0 1 2 3 0 1 2 3 10 11 12 13 10 11 12 13 20 21 22 23 20 21 22 23 ") {
  print_order();
}
CHILD(backward, "CRESSET_EMULATION_ORDER=backward",
      "23 22 21 20 23 22 21 20 13 12 11 10 13 12 11 10 3 2 1 0 3 2 1 0 ") {
  print_order();
}

/* Each index of a block once before and once after the barrier, in some order; not the usual one.
 */
static bool is_shuffled(const device_array<int> &order, size_t blocks) {
  bool shuffled = false;
  for (size_t i = 0; i < blocks * 2; i++) {
    int seen = 0, block = order.at(i * 4) / 10;
    for (size_t j = 0; j < 4; j++) {
      int index = order.at(i * 4 + j);
      seen |= 1 << index % 10;
      shuffled |= index % 10 != (int)j;
      CHECK(index / 10 == block);
    }
    CHECK(seen == 15);
  }
  return shuffled;
}

CHILD(random_order, "CRESSET_EMULATION_ORDER=random:5", "shuffled") {
  const size_t blocks = 20;
  device_array<int> order(blocks * 8), count(1);
  count.zero();
  OK(LAUNCH(note_order, blocks, 4, order, count));
  if (is_shuffled(order, blocks) && order.at(0) / 10 + order.at(8) / 10 != 1) printf("shuffled");
}

/* Without the barrier between writing and reading, what comes out depends on the order. */
__global__ void forgets_barrier(int *out) {
  CR_SHARED(int, s, 64);
  s[threadIdx.x] = 1;
  out[threadIdx.x] = s[threadIdx.x ? threadIdx.x - 1 : 0];
}

static void print_forgotten() {
  device_array<int> out(64);
  OK(LAUNCH(forgets_barrier, 1, 64, out));
  printf("%s", out.at(9) == 1 ? "right" : "wrong");
}

CHILD(a_missing_barrier_goes_unseen, nullptr, "right") {
  print_forgotten();
}
CHILD(a_missing_barrier_shows, "CRESSET_EMULATION_ORDER=backward", "wrong") {
  print_forgotten();
}

/* ---- CUB
 * ------------------------------------------------------------------------------------------------------
 */

/* Both calls of the protocol. */
template <typename F> static void twice(F call) {
  size_t bytes = 0;
  void *temporary;
  OK(call(nullptr, bytes));
  CHECK(bytes > 0);
  OK(cudaMalloc(&temporary, bytes));
  OK(call(temporary, bytes));
  OK(cudaFree(temporary));
}

TEST(cub_sorts) {
  float keys[] = {2, -1, 0.0f, -0.0f, INFINITY, -1, NAN, 0};
  int values[] = {0, 1, 2, 3, 4, 5, 6, 7};
  device_array<float> in(keys), out(8);
  device_array<int> from(values), to(8);
  twice([&](void *t, size_t &n) {
    return cub::DeviceRadixSort::SortPairs(t, n, (float *)in, (float *)out, (int *)from, (int *)to,
                                           8);
  });
  const int up[] = {1, 5, 2, 3, 7, 0, 4, 6}, down[] = {6, 4, 0, 2, 3, 7, 1, 5};
  for (size_t i = 0; i < 8; i++) CHECK(to.at(i) == up[i]);
  CHECK(out.at(0) == -1 && signbit(out.at(3)) && isnan(out.at(7)));
  twice([&](void *t, size_t &n) {
    return cub::DeviceRadixSort::SortPairsDescending(t, n, (const float *)in, (float *)out,
                                                     (const int *)from, (int *)to, 8ll, 0, 32, 0);
  });
  for (size_t i = 0; i < 8; i++) CHECK(to.at(i) == down[i]);
}

TEST(cub_sorts_by_some_bits) {
  uint64_t keys[] = {0x13, 0x22, 0x01, 0x31};
  device_array<uint64_t> in(keys), out(4);
  cub::DoubleBuffer<uint64_t> both(in, out);
  twice([&](void *t, size_t &n) { return cub::DeviceRadixSort::SortKeys(t, n, both, 4, 0, 4); });
  CHECK(both.Current() == out && out.at(0) == 1 && out.at(1) == 0x31 && out.at(2) == 0x22 &&
        out.at(3) == 0x13);
}

TEST(cub_sorts_segments) {
  int8_t keys[] = {3, -3, 3, 1, 9, 0, 5, 5, 4};
  int values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, offsets[] = {0, 4, 4, 9};
  device_array<int8_t> in(keys), out(9);
  device_array<int> from(values), to(9), ends(offsets);
  twice([&](void *t, size_t &n) {
    return cub::DeviceSegmentedSort::StableSortPairs(t, n, (int8_t *)in, (int8_t *)out, (int *)from,
                                                     (int *)to, 9, 3, (int *)ends, ends + 1);
  });
  const int stable[] = {1, 3, 0, 2, 5, 8, 6, 7, 4};
  for (size_t i = 0; i < 9; i++) CHECK(to.at(i) == stable[i]);
  twice([&](void *t, size_t &n) {
    return cub::DeviceSegmentedSort::SortPairs(t, n, (int8_t *)in, (int8_t *)out, (int *)from,
                                               (int *)to, 9, 3, (int *)ends, ends + 1);
  });
  CHECK(to.at(2) == 2 && to.at(3) == 0);
  twice([&](void *t, size_t &n) {
    return cub::DeviceSegmentedRadixSort::SortPairsDescending(
        t, n, (int8_t *)in, (int8_t *)out, (int *)from, (int *)to, 9, 3, (int *)ends, ends + 1);
  });
  CHECK(to.at(0) == 0 && to.at(1) == 2 && to.at(3) == 1 && to.at(4) == 4 && out.at(8) == 0);
}

TEST(cub_scans_selects_and_sums) {
  int x[] = {1, 2, 3, 4, 5};
  uint8_t flags[] = {1, 0, 0, 2, 1};
  device_array<int> in(x), out(5), count(1);
  device_array<uint8_t> chosen(flags);
  device_array<long long> total(1);
  twice([&](void *t, size_t &n) {
    return cub::DeviceScan::ExclusiveSum(t, n, (int *)in, (int *)out, 5);
  });
  CHECK(out.at(0) == 0 && out.at(4) == 10);
  twice([&](void *t, size_t &n) {
    return cub::DeviceSelect::Flagged(t, n, (int *)in, (uint8_t *)chosen, (int *)out, (int *)count,
                                      5);
  });
  CHECK(count.at(0) == 3 && out.at(0) == 1 && out.at(1) == 4 && out.at(2) == 5);
  twice([&](void *t, size_t &n) {
    return cub::DeviceReduce::Sum(t, n, (int *)in, (long long *)total, 5);
  });
  CHECK(total.at(0) == 15);
  twice([&](void *t, size_t &n) { return cub::DeviceScan::InclusiveSum(t, n, (int *)in, 5); });
  CHECK(in.at(0) == 1 && in.at(4) == 15);
  size_t small = 1;
  CHECK(cub::DeviceScan::InclusiveSum((void *)out, small, (int *)in, 5) == cudaErrorInvalidValue);
}

DIES(cub_given_host_memory, "cub::DeviceReduce::Sum: cub::DeviceReduce::Sum: elements in, 0x") {
  int x[] = {1, 2, 3};
  device_array<int> out(1);
  twice([&](void *t, size_t &n) { return cub::DeviceReduce::Sum(t, n, (int *)x, (int *)out, 3); });
}
