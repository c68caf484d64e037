/* memory.cc: the runtime's functions that allocate, copy and fill memory, and page-locked host
 * memory. */
#include "internal.h"

#include <map>
#include <stdlib.h>
#include <string.h>
#include <string>

namespace emulation {

namespace {

struct host_range {
  size_t bytes;
  unsigned flags;
  int device;
  bool ours; /* cudaHostAlloc made it, or the caller registered it */
};

/* Host memory that the device may use, by its first address. */
std::map<uintptr_t, host_range> hosts;
/* Variables of the device whose address was asked for, with their sizes. */
std::map<uintptr_t, size_t> symbols;

std::map<uintptr_t, host_range>::iterator host_of(const void *p) {
  auto after = hosts.upper_bound((uintptr_t)p);
  if (after == hosts.begin()) return hosts.end();
  auto found = std::prev(after);
  return (uintptr_t)p - found->first < found->second.bytes ? found : hosts.end();
}

bool in_symbol(const void *p, size_t bytes) {
  auto after = symbols.upper_bound((uintptr_t)p);
  if (after == symbols.begin()) return false;
  auto found = std::prev(after);
  size_t offset = (uintptr_t)p - found->first;
  return offset <= found->second && bytes <= found->second - offset;
}

} // namespace

bool mapped_host(const void *p, size_t bytes) {
  if (in_symbol(p, bytes)) return true;
  auto found = host_of(p);
  return found != hosts.end() && bytes <= found->second.bytes - ((uintptr_t)p - found->first);
}

/* ---- writes that the host sees late
 * ---------------------------------------------------------------------- */

static std::map<uintptr_t, std::string> before, written;

void watch_writes() {
  before.clear();
  for (const auto &h : hosts) before[h.first].assign((const char *)h.first, h.second.bytes);
}

void hide_writes() {
  for (const auto &b : before) {
    char *p = reinterpret_cast<char *>(b.first);
    if (memcmp(p, b.second.data(), b.second.size()) == 0) continue;
    written[b.first].assign(p, b.second.size());
    memcpy(p, b.second.data(), b.second.size());
  }
}

void show_writes() {
  std::lock_guard<std::recursive_mutex> guard(lock);
  for (const auto &w : written) {
    if (hosts.count(w.first))
      memcpy(reinterpret_cast<void *>(w.first), w.second.data(), w.second.size());
  }
  written.clear();
}

/* ---- what copies and fills check
 * ---------------------------------------------------------------------- */

namespace {

enum side { HOST, DEVICE, EITHER };

void check_device_range(const char *role, const void *p, size_t bytes) {
  const allocation *b = arena_find(p);
  if (!b) cr_emulation_report("the %s %p lies in no live block of device memory", role, p);
  size_t offset = (uintptr_t)p - b->start;
  if (bytes > b->bytes - offset)
    cr_emulation_report("the %s is %zu bytes at byte %zu of a block of %zu bytes of device memory",
                        role, bytes, offset, b->bytes);
}

void check_range(const char *role, enum side side, const void *p, size_t bytes) {
  if (side != DEVICE && arena_contains(p)) {
    if (side == HOST)
      cr_emulation_report("the %s %p is device memory; the kind of copy says host", role, p);
    check_device_range(role, p, bytes);
  } else if (side == DEVICE && !mapped_host(p, bytes)) {
    if (!arena_contains(p))
      cr_emulation_report("the %s %p is host memory; the device is wanted here", role, p);
    check_device_range(role, p, bytes);
  }
}

bool valid_kind(enum cudaMemcpyKind kind) {
  return (unsigned)kind <= cudaMemcpyDefault;
}

enum side destination(enum cudaMemcpyKind kind) {
  if (kind == cudaMemcpyDefault) return EITHER;
  return kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice ? DEVICE : HOST;
}

enum side source(enum cudaMemcpyKind kind) {
  if (kind == cudaMemcpyDefault) return EITHER;
  return kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice ? DEVICE : HOST;
}

/* Rows of `width` bytes, `pitch` bytes apart. */
struct rows {
  char *p;
  size_t pitch;
};

bool overlap(const rows &a, const rows &b, size_t width, size_t height) {
  uintptr_t x = (uintptr_t)a.p, y = (uintptr_t)b.p;
  size_t a_bytes = (height - 1) * a.pitch + width, b_bytes = (height - 1) * b.pitch + width;
  if (x + a_bytes <= y || y + b_bytes <= x) return false;
  /* Columns of one matrix may lie between each other. */
  if (height == 1 || a.pitch != b.pitch) return true;
  size_t apart = (x > y ? x - y : y - x) % a.pitch;
  return apart < width || a.pitch - apart < width;
}

/* The device is open, width and height are not 0. */
void copy_rows(rows to, rows from, size_t width, size_t height, enum cudaMemcpyKind kind) {
  check_range("destination", destination(kind), to.p, (height - 1) * to.pitch + width);
  check_range("source", source(kind), from.p, (height - 1) * from.pitch + width);
  if (to.p == from.p && to.pitch == from.pitch) return;
  if (overlap(to, from, width, height))
    cr_emulation_report("source %p and destination %p overlap", (void *)from.p, (void *)to.p);
  for (size_t i = 0; i < height; i++) memcpy(to.p + i * to.pitch, from.p + i * from.pitch, width);
}

cudaError_t copy(const char *name, void *dst, size_t dpitch, const void *src, size_t spitch,
                 size_t width, size_t height, enum cudaMemcpyKind kind, cudaStream_t stream) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  cr_emulation_device open(name);
  if (!valid_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  if (!valid_kind(kind)) return fail(cudaErrorInvalidMemcpyDirection);
  if (width == 0 || height == 0) return cudaSuccess;
  if (!dst || !src) return fail(cudaErrorInvalidValue);
  if (is_capturing(stream)) {
    keep_step(stream, name, [=] { copy(name, dst, dpitch, src, spitch, width, height, kind, 0); });
    return cudaSuccess;
  }
  copy_rows({static_cast<char *>(dst), dpitch},
            {static_cast<char *>(const_cast<void *>(src)), spitch}, width, height, kind);
  return cudaSuccess;
}

cudaError_t fill(const char *name, void *p, size_t pitch, int value, size_t width, size_t height,
                 cudaStream_t stream) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  cr_emulation_device open(name);
  if (!valid_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  if (width == 0 || height == 0) return cudaSuccess;
  if (!p) return fail(cudaErrorInvalidValue);
  check_range("destination", DEVICE, p, (height - 1) * pitch + width);
  if (is_capturing(stream)) {
    keep_step(stream, name, [=] { fill(name, p, pitch, value, width, height, 0); });
    return cudaSuccess;
  }
  for (size_t i = 0; i < height; i++) memset(static_cast<char *>(p) + i * pitch, value, width);
  return cudaSuccess;
}

cudaError_t check_devices(int a, int b) {
  int count = configuration().devices;
  return a >= 0 && b >= 0 && a < count && b < count ? cudaSuccess : fail(cudaErrorInvalidDevice);
}

} // namespace

} // namespace emulation

using namespace emulation;
using guard = std::lock_guard<std::recursive_mutex>;

/* ---- device memory
 * ------------------------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **devPtr, size_t size) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!devPtr) return fail(cudaErrorInvalidValue);
  *devPtr = nullptr;
  if (size == 0) return cudaSuccess;
  guard g(lock);
  *devPtr = arena_allocate(size, current_device());
  return *devPtr ? cudaSuccess : fail(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void *devPtr) {
  cudaError_t error = ready();
  if (error != cudaSuccess || !devPtr) return error;
  guard g(lock);
  return arena_release(devPtr) ? cudaSuccess : fail(cudaErrorInvalidValue);
}

cudaError_t cudaMallocAsync(void **devPtr, size_t size, cudaStream_t hStream) {
  guard g(lock);
  return valid_stream(hStream) ? cudaMalloc(devPtr, size) : fail(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaFreeAsync(void *devPtr, cudaStream_t hStream) {
  guard g(lock);
  return valid_stream(hStream) ? cudaFree(devPtr) : fail(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!free || !total) return fail(cudaErrorInvalidValue);
  guard g(lock);
  *total = configuration().memory;
  *free = *total - arena_live_bytes(current_device());
  return cudaSuccess;
}

/* ---- host memory
 * --------------------------------------------------------------------------------------- */

cudaError_t cudaHostAlloc(void **pHost, size_t size, unsigned int flags) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!pHost || flags > 7) return fail(cudaErrorInvalidValue);
  *pHost = nullptr;
  if (size == 0) return cudaSuccess;
  void *p;
  if (posix_memalign(&p, 256, size) != 0) return fail(cudaErrorMemoryAllocation);
  fill_pattern(p, size);
  guard g(lock);
  hosts[(uintptr_t)p] = {size, flags, current_device(), true};
  *pHost = p;
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **ptr, size_t size) {
  return cudaHostAlloc(ptr, size, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void *ptr) {
  cudaError_t error = ready();
  if (error != cudaSuccess || !ptr) return error;
  guard g(lock);
  auto found = hosts.find((uintptr_t)ptr);
  if (found == hosts.end() || !found->second.ours) return fail(cudaErrorInvalidValue);
  hosts.erase(found);
  free(ptr);
  return cudaSuccess;
}

cudaError_t cudaHostRegister(void *ptr, size_t size, unsigned int flags) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!ptr || size == 0 || flags > 15) return fail(cudaErrorInvalidValue);
  guard g(lock);
  auto next = hosts.lower_bound((uintptr_t)ptr);
  if (host_of(ptr) != hosts.end() || (next != hosts.end() && next->first - (uintptr_t)ptr < size))
    return fail(cudaErrorHostMemoryAlreadyRegistered);
  hosts[(uintptr_t)ptr] = {size, flags, current_device(), false};
  return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *ptr) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  guard g(lock);
  auto found = hosts.find((uintptr_t)ptr);
  if (found == hosts.end() || found->second.ours) return fail(cudaErrorHostMemoryNotRegistered);
  hosts.erase(found);
  return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **pDevice, void *pHost, unsigned int flags) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  guard g(lock);
  if (!pDevice || flags != 0 || host_of(pHost) == hosts.end()) return fail(cudaErrorInvalidValue);
  *pDevice = pHost;
  return cudaSuccess;
}

cudaError_t cudaHostGetFlags(unsigned int *pFlags, void *pHost) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  guard g(lock);
  auto found = host_of(pHost);
  if (!pFlags || found == hosts.end()) return fail(cudaErrorInvalidValue);
  *pFlags = found->second.flags;
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *attributes, const void *ptr) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!attributes) return fail(cudaErrorInvalidValue);
  guard g(lock);
  void *p = const_cast<void *>(ptr);
  const allocation *b = arena_find(ptr);
  auto host = host_of(ptr);
  if (b && (uintptr_t)ptr - b->start < b->bytes)
    *attributes = {cudaMemoryTypeDevice, b->device, p, nullptr};
  else if (host != hosts.end())
    *attributes = {cudaMemoryTypeHost, host->second.device, p, p};
  else if (in_symbol(ptr, 1))
    *attributes = {cudaMemoryTypeDevice, current_device(), p, nullptr};
  else
    *attributes = {cudaMemoryTypeUnregistered, cudaInvalidDeviceId, nullptr, p};
  return cudaSuccess;
}

cudaError_t cr_emulation_symbol(const void *symbol, size_t bytes) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  guard g(lock);
  symbols[(uintptr_t)symbol] = bytes;
  return cudaSuccess;
}

/* ---- copies
 * --------------------------------------------------------------------------------------------- */

cudaError_t cudaMemcpy(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind) {
  return copy("cudaMemcpy", dst, count, src, count, count, 1, kind, 0);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy("cudaMemcpyAsync", dst, count, src, count, count, 1, kind, stream);
}

cudaError_t cudaMemcpy2D(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width,
                         size_t height, enum cudaMemcpyKind kind) {
  return cudaMemcpy2DAsync(dst, dpitch, src, spitch, width, height, kind, 0);
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream) {
  if (width > dpitch || width > spitch) return fail(cudaErrorInvalidPitchValue);
  return copy("cudaMemcpy2D", dst, dpitch, src, spitch, width, height, kind, stream);
}

cudaError_t cudaMemcpyPeer(void *dst, int dstDevice, const void *src, int srcDevice, size_t count) {
  return cudaMemcpyPeerAsync(dst, dstDevice, src, srcDevice, count, 0);
}

cudaError_t cudaMemcpyPeerAsync(void *dst, int dstDevice, const void *src, int srcDevice,
                                size_t count, cudaStream_t stream) {
  cudaError_t error = ready();
  if (error == cudaSuccess) error = check_devices(dstDevice, srcDevice);
  if (error != cudaSuccess) return error;
  cr_emulation_device open("cudaMemcpyPeer");
  if (count > 0 && dst && src) {
    int to = cr_emulation_device_of(dst), from = cr_emulation_device_of(src);
    if (to != dstDevice || from != srcDevice)
      cr_emulation_report("from device %d to device %d, but the memory is of devices %d and %d",
                          srcDevice, dstDevice, from, to);
  }
  return copy("cudaMemcpyPeer", dst, count, src, count, count, 1, cudaMemcpyDeviceToDevice, stream);
}

/* ---- filling
 * --------------------------------------------------------------------------------------------- */

cudaError_t cudaMemset(void *devPtr, int value, size_t count) {
  return fill("cudaMemset", devPtr, count, value, count, 1, 0);
}

cudaError_t cudaMemsetAsync(void *devPtr, int value, size_t count, cudaStream_t stream) {
  return fill("cudaMemsetAsync", devPtr, count, value, count, 1, stream);
}

cudaError_t cudaMemset2D(void *devPtr, size_t pitch, int value, size_t width, size_t height) {
  return cudaMemset2DAsync(devPtr, pitch, value, width, height, 0);
}

cudaError_t cudaMemset2DAsync(void *devPtr, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  if (width > pitch) return fail(cudaErrorInvalidPitchValue);
  return fill("cudaMemset2D", devPtr, pitch, value, width, height, stream);
}
