/* launch.cc: launching a kernel: what CUDA refuses, what the arguments must not be, and the blocks'
 * order. */
#include "internal.h"

#include <map>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace emulation {

namespace {

const size_t ARGUMENTS_MAX = 4096;

/* Bytes of dynamic shared memory that kernels were allowed beyond the usual. */
std::map<const void *, size_t> allowed_shared;
unsigned long long launches;

size_t shared_limit(const void *kernel) {
  auto found = allowed_shared.find(kernel);
  return found == allowed_shared.end() ? SHARED_DEFAULT : found->second;
}

/* ---- configuration
 * --------------------------------------------------------------------------------------- */

size_t argument_bytes(const cr_emulation_launch &l) {
  size_t bytes = 0;
  for (size_t i = 0; i < l.argument_count; i++) bytes += l.arguments[i].bytes;
  return bytes;
}

cudaError_t check_configuration(const cr_emulation_launch &l) {
  const dim3 &g = l.grid, &b = l.block;
  if (g.x == 0 || g.y == 0 || g.z == 0 || b.x == 0 || b.y == 0 || b.z == 0)
    return cudaErrorInvalidConfiguration;
  if (g.x > INT32_MAX || g.y > 65535 || g.z > 65535) return cudaErrorInvalidConfiguration;
  if (b.x > THREADS_MAX || b.y > THREADS_MAX || b.z > 64 || (uint64_t)b.x * b.y * b.z > THREADS_MAX)
    return cudaErrorInvalidConfiguration;
  if (l.shared > shared_limit(l.kernel)) return cudaErrorInvalidValue;
  if (argument_bytes(l) > ARGUMENTS_MAX) return cudaErrorInvalidValue;
  if (!valid_stream(l.stream) || stream_device(l.stream) != current_device())
    return cudaErrorInvalidResourceHandle;
  return cudaSuccess;
}

/* ---- arguments
 * --------------------------------------------------------------------------------------------- */

void check_peer(const cr_emulation_launch &l, size_t index, const allocation &b) {
  int device = stream_device(l.stream);
  if (!peers(device, b.device))
    cr_emulation_report("argument %zu points to memory of device %d; the kernel runs on device %d, "
                        "which has no access",
                        index + 1, b.device, device);
}

void check_pointer(const cr_emulation_launch &l, size_t index, const void *p,
                   std::vector<allocation> *used) {
  if (!p) return;
  const allocation *b = arena_find(p);
  if (b) {
    check_peer(l, index, *b);
    used->push_back(*b);
  } else if (arena_contains(p))
    cr_emulation_report("argument %zu, %p, lies in no live block of device memory", index + 1, p);
  else if (!mapped_host(p, 0))
    cr_emulation_report("argument %zu, %p, is a host pointer", index + 1, p);
}

bool is_mapped(uintptr_t address) {
  static const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  unsigned char resident;
  return mincore(reinterpret_cast<void *>(address / page * page), 1, &resident) == 0;
}

/* Whether a word may be a small integer or a round float beside padding, where old bytes lie. */
bool maybe_number(uintptr_t word) {
  uint32_t low = (uint32_t)word;
  return low < 65536 || (low & 0x7fffff) == 0;
}

/* A struct's words may be anything: only what cannot be chance is refused. */
void check_word(const cr_emulation_launch &l, size_t index, size_t offset, uintptr_t word,
                std::vector<allocation> *used) {
  const void *p = reinterpret_cast<const void *>(word);
  const allocation *b = arena_find(p);
  if (b) {
    check_peer(l, index, *b);
    used->push_back(*b);
  } else if (word >= 0x500000000000 && word <= 0x7fffffffffff && !maybe_number(word) &&
             !arena_contains(p) && !mapped_host(p, 0) && is_mapped(word))
    cr_emulation_report("argument %zu holds a host pointer, %p, at byte %zu", index + 1, p, offset);
}

void check_arguments(const cr_emulation_launch &l, std::vector<allocation> *used) {
  for (size_t i = 0; i < l.argument_count; i++) {
    const cr_emulation_argument &a = l.arguments[i];
    const char *bytes = static_cast<const char *>(a.value);
    for (size_t offset = 0; offset + sizeof(uintptr_t) <= a.bytes; offset += sizeof(uintptr_t)) {
      uintptr_t word;
      memcpy(&word, bytes + offset, sizeof word);
      if (a.pointer)
        check_pointer(l, i, reinterpret_cast<const void *>(word), used);
      else
        check_word(l, i, offset, word, used);
    }
  }
}

/* ---- the blocks of a grid
 * ------------------------------------------------------------------------------------ */

uint64_t common_divisor(uint64_t a, uint64_t b) {
  return b ? common_divisor(b, a % b) : a;
}

/* The numbers 0 .. count - 1 in another order: i * factor + shift modulo count. */
struct permutation {
  uint64_t count, factor, shift;

  explicit permutation(uint64_t n) : count(n), factor(1), shift(0) {
    static uint64_t random = configuration().seed;
    if (configuration().order == BACKWARD) {
      factor = shift = n - 1;
    } else if (configuration().order == RANDOM) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      shift = (random >> 33) % n;
      for (factor = (random >> 20) % n; common_divisor(factor, n) != 1;) factor = (factor + 1) % n;
    }
  }
  uint64_t operator()(uint64_t i) const {
    return (uint64_t)(((unsigned __int128)i * factor + shift) % count);
  }
};

void run_grid(const cr_emulation_launch &l) {
  size_t limit = shared_limit(l.kernel);
  gridDim = l.grid;
  blockDim = l.block;
  permutation order((uint64_t)l.grid.x * l.grid.y * l.grid.z);
  for (uint64_t i = 0; i < order.count; i++) {
    uint64_t n = order(i);
    blockIdx = {(unsigned)(n % l.grid.x), (unsigned)(n / l.grid.x % l.grid.y),
                (unsigned)(n / l.grid.x / l.grid.y)};
    shared_begin(l, limit);
    run_block(l);
    shared_end();
  }
}

} // namespace

} // namespace emulation

using namespace emulation;
using guard = std::lock_guard<std::recursive_mutex>;

cudaError_t cr_emulation_launch_kernel(const struct cr_emulation_launch *launch) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  guard g(lock);
  error = check_configuration(*launch);
  if (error != cudaSuccess) return fail(error);
  use_signal_stack();
  cr_emulation_device open(launch->name);
  const char *outer = running;
  running = launch->name;
  launches++;
  static std::vector<allocation> used;
  used.clear();
  check_arguments(*launch, &used);
  if (configuration().late) watch_writes();
  run_grid(*launch);
  if (configuration().late) hide_writes();
  for (const allocation &b : used) arena_check(b);
  running = outer;
  return cudaSuccess;
}

unsigned long long cr_emulation_launches(void) {
  guard g(lock);
  return launches;
}

/* ---- what can be asked and set for a kernel
 * --------------------------------------------------------------------- */

cudaError_t cudaFuncSetAttribute(const void *func, enum cudaFuncAttribute attr, int value) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!func) return fail(cudaErrorInvalidDeviceFunction);
  if (attr == cudaFuncAttributePreferredSharedMemoryCarveout)
    return value >= -1 && value <= 100 ? cudaSuccess : fail(cudaErrorInvalidValue);
  if (attr != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
      (size_t)value > SHARED_MAX)
    return fail(cudaErrorInvalidValue);
  guard g(lock);
  allowed_shared[func] = max((size_t)value, SHARED_DEFAULT);
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attr, const void *func) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!attr) return fail(cudaErrorInvalidValue);
  if (!func) return fail(cudaErrorInvalidDeviceFunction);
  guard g(lock);
  *attr = {};
  attr->maxThreadsPerBlock = (int)THREADS_MAX;
  attr->numRegs = 32;
  attr->ptxVersion = attr->binaryVersion = 90;
  attr->maxDynamicSharedSizeBytes = (int)shared_limit(func);
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *numBlocks, const void *func,
                                                          int blockSize, size_t dynamicSMemSize) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!numBlocks || blockSize <= 0) return fail(cudaErrorInvalidValue);
  if (!func) return fail(cudaErrorInvalidDeviceFunction);
  guard g(lock);
  int threads = (blockSize + 31) / 32 * 32;
  int by_threads = (unsigned)blockSize > THREADS_MAX ? 0 : 2048 / threads;
  size_t by_shared =
      dynamicSMemSize > shared_limit(func) ? 0 : (SHARED_MAX + 1024) / (dynamicSMemSize + 1024);
  *numBlocks = (int)min((size_t)min(by_threads, 32), by_shared);
  return cudaSuccess;
}
