/* runtime.cc: what the emulated machine is (from the environment), its devices, and errors. */
#include "internal.h"

#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace emulation {

namespace {

thread_local cudaError_t last_error = cudaSuccess;
thread_local int device_of_thread = 0;
thread_local bool in_host_function = false;

/* Pairs (device, peer) with access from device to peer. */
std::set<std::pair<int, int>> peer_access;

[[noreturn]] void bad_setting(const char *name, const char *value, const char *wanted) {
  cr_emulation_report("%s=%s: it must be %s", name, value, wanted);
}

uint64_t number(const char *name, const char *text, uint64_t lowest, uint64_t highest,
                const char *wanted) {
  char *end;
  unsigned long long value = strtoull(text, &end, 10);
  if (end == text || *end || value < lowest || value > highest) bad_setting(name, text, wanted);
  return value;
}

uint64_t number_from(const char *name, uint64_t otherwise, uint64_t highest, const char *wanted) {
  const char *text = getenv(name);
  return text && *text ? number(name, text, 0, highest, wanted) : otherwise;
}

void fault_from(const char *name, settings *s) {
  const char *text = getenv(name), *wanted = "no-driver, old-driver, no-device, lost:N or busy:N";
  if (!text || !*text) return;
  const char *colon = strchr(text, ':');
  std::string kind(text, colon ? (size_t)(colon - text) : strlen(text));
  s->fault = kind == "no-driver"       ? FAULT_NO_DRIVER
             : kind == "old-driver"    ? FAULT_OLD_DRIVER
             : kind == "no-device"     ? FAULT_NO_DEVICE
             : colon && kind == "lost" ? FAULT_LOST
             : colon && kind == "busy" ? FAULT_BUSY
                                       : FAULT_NONE;
  if (s->fault == FAULT_NONE) bad_setting(name, text, wanted);
  if (colon) s->fault_after = number(name, colon + 1, 0, UINT64_MAX, wanted);
}

void order_from(const char *name, settings *s) {
  const char *text = getenv(name);
  if (!text || !*text || !strcmp(text, "forward"))
    s->order = FORWARD;
  else if (!strcmp(text, "backward"))
    s->order = BACKWARD;
  else if (!strncmp(text, "random:", 7)) {
    s->order = RANDOM;
    s->seed = number(name, text + 7, 0, UINT64_MAX, "random: and a number");
  } else
    bad_setting(name, text, "forward, backward or random:SEED");
}

settings read_settings() {
  settings s = {};
  s.devices =
      (int)number_from("CRESSET_EMULATION_DEVICES", 2, DEVICES_MAX, "a number from 0 to 16");
  s.memory = number_from("CRESSET_EMULATION_MEMORY", (uint64_t)4 << 30, (uint64_t)1 << 40,
                         "a number of bytes");
  fault_from("CRESSET_EMULATION_FAULT", &s);
  s.late = number_from("CRESSET_EMULATION_LATE", 0, 1, "0 or 1") != 0;
  order_from("CRESSET_EMULATION_ORDER", &s);
  return s;
}

} // namespace

std::recursive_mutex lock;

const settings &configuration() {
  static const settings s = read_settings();
  return s;
}

cudaError_t fail(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t ready() {
  if (in_host_function) return fail(cudaErrorNotPermitted);
  const settings &s = configuration();
  if (s.fault == FAULT_NO_DRIVER || s.fault == FAULT_OLD_DRIVER)
    return fail(cudaErrorInsufficientDriver);
  if (s.fault == FAULT_NO_DEVICE || s.devices == 0) return fail(cudaErrorNoDevice);
  if (has_come(FAULT_LOST)) return fail(cudaErrorIllegalAddress);
  if (s.late) show_writes();
  return cudaSuccess;
}

bool has_come(enum fault f) {
  static double since;
  if (configuration().fault != f || cr_emulation_launches() < configuration().fault_after)
    return false;
  if (f != FAULT_BUSY) return true;
  if (since == 0) since = now();
  return now() - since < BUSY_SECONDS * 1e3;
}

void wait_while_busy() {
  while (has_come(FAULT_BUSY)) usleep(1000);
}

int current_device() {
  return device_of_thread;
}

bool peers(int device, int peer) {
  return device == peer || peer_access.count(std::make_pair(device, peer)) > 0;
}

void call_host_function(cudaHostFn_t fn, void *data) {
  in_host_function = true;
  fn(data);
  in_host_function = false;
}

} // namespace emulation

using namespace emulation;

/* ---- errors
 * ---------------------------------------------------------------------------------------- */

const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define CR_CUDA_ERROR(name, value, text)                                                           \
  case name: return #name;
    CR_CUDA_ERRORS(CR_CUDA_ERROR)
#undef CR_CUDA_ERROR
  }
  return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define CR_CUDA_ERROR(name, value, text)                                                           \
  case name: return text;
    CR_CUDA_ERRORS(CR_CUDA_ERROR)
#undef CR_CUDA_ERROR
  }
  return "unrecognized error code";
}

cudaError_t cudaGetLastError(void) {
  cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError(void) {
  return last_error;
}

/* ---- devices
 * --------------------------------------------------------------------------------------- */

/* As ready(), and that the device exists. */
static cudaError_t ready_for(int device) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  return device >= 0 && device < configuration().devices ? cudaSuccess
                                                         : fail(cudaErrorInvalidDevice);
}

cudaError_t cudaDriverGetVersion(int *driverVersion) {
  if (!driverVersion) return fail(cudaErrorInvalidValue);
  enum fault fault = configuration().fault;
  *driverVersion = fault == FAULT_NO_DRIVER    ? 0
                   : fault == FAULT_OLD_DRIVER ? 11040
                                               : CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *runtimeVersion) {
  if (!runtimeVersion) return fail(cudaErrorInvalidValue);
  *runtimeVersion = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count) {
  if (!count) return fail(cudaErrorInvalidValue);
  *count = 0;
  cudaError_t error = ready();
  if (error == cudaSuccess) *count = configuration().devices;
  return error;
}

cudaError_t cudaSetDevice(int device) {
  cudaError_t error = ready_for(device);
  if (error == cudaSuccess) device_of_thread = device;
  return error;
}

cudaError_t cudaGetDevice(int *device) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!device) return fail(cudaErrorInvalidValue);
  *device = device_of_thread;
  return cudaSuccess;
}

static cudaDeviceProp properties_of(int device) {
  cudaDeviceProp p = {};
  snprintf(p.name, sizeof p.name, "Emulated CUDA device");
  snprintf(p.uuid.bytes, sizeof p.uuid.bytes, "emulated-%d", device);
  p.totalGlobalMem = configuration().memory;
  p.sharedMemPerBlock = SHARED_DEFAULT;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.memPitch = INT32_MAX;
  p.maxThreadsPerBlock = p.maxThreadsDim[0] = p.maxThreadsDim[1] = (int)THREADS_MAX;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = INT32_MAX;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = 64 << 10;
  p.major = 9;
  p.minor = 0;
  p.textureAlignment = 512;
  p.multiProcessorCount = MULTIPROCESSORS;
  p.canMapHostMemory = p.concurrentKernels = p.unifiedAddressing = p.streamPrioritiesSupported = 1;
  p.pciBusID = device + 1;
  p.asyncEngineCount = 2;
  p.memoryBusWidth = 5120;
  p.l2CacheSize = 50 << 20;
  p.maxThreadsPerMultiProcessor = 2048;
  p.sharedMemPerMultiprocessor = SHARED_MAX + 1024;
  p.canUseHostPointerForRegisteredMem = p.hostRegisterSupported = 1;
  p.sharedMemPerBlockOptin = SHARED_MAX;
  p.maxBlocksPerMultiProcessor = 32;
  p.reservedSharedMemPerBlock = 1024;
  return p;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device) {
  cudaError_t error = ready_for(device);
  if (error != cudaSuccess) return error;
  if (!prop) return fail(cudaErrorInvalidValue);
  *prop = properties_of(device);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device) {
  cudaError_t error = ready_for(device);
  if (error != cudaSuccess) return error;
  if (!value) return fail(cudaErrorInvalidValue);
  cudaDeviceProp p = properties_of(device);
  switch (attr) {
  case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
  case cudaDevAttrMaxBlockDimX: *value = p.maxThreadsDim[0]; break;
  case cudaDevAttrMaxBlockDimY: *value = p.maxThreadsDim[1]; break;
  case cudaDevAttrMaxBlockDimZ: *value = p.maxThreadsDim[2]; break;
  case cudaDevAttrMaxGridDimX: *value = p.maxGridSize[0]; break;
  case cudaDevAttrMaxGridDimY: *value = p.maxGridSize[1]; break;
  case cudaDevAttrMaxGridDimZ: *value = p.maxGridSize[2]; break;
  case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)p.sharedMemPerBlock; break;
  case cudaDevAttrTotalConstantMemory: *value = (int)p.totalConstMem; break;
  case cudaDevAttrWarpSize: *value = p.warpSize; break;
  case cudaDevAttrMaxRegistersPerBlock: *value = p.regsPerBlock; break;
  case cudaDevAttrClockRate: *value = 1000000; break;
  case cudaDevAttrMemoryClockRate: *value = 1000000; break;
  case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
  case cudaDevAttrKernelExecTimeout: *value = 0; break;
  case cudaDevAttrIntegrated: *value = p.integrated; break;
  case cudaDevAttrCanMapHostMemory: *value = p.canMapHostMemory; break;
  case cudaDevAttrComputeMode: *value = 0; break;
  case cudaDevAttrConcurrentKernels: *value = p.concurrentKernels; break;
  case cudaDevAttrEccEnabled: *value = p.ECCEnabled; break;
  case cudaDevAttrPciBusId: *value = p.pciBusID; break;
  case cudaDevAttrPciDeviceId: *value = p.pciDeviceID; break;
  case cudaDevAttrPciDomainId: *value = p.pciDomainID; break;
  case cudaDevAttrGlobalMemoryBusWidth: *value = p.memoryBusWidth; break;
  case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
  case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; break;
  case cudaDevAttrAsyncEngineCount: *value = p.asyncEngineCount; break;
  case cudaDevAttrUnifiedAddressing: *value = p.unifiedAddressing; break;
  case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
  case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
  case cudaDevAttrStreamPrioritiesSupported: *value = p.streamPrioritiesSupported; break;
  case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
    *value = (int)p.sharedMemPerMultiprocessor;
    break;
  case cudaDevAttrMaxRegistersPerMultiprocessor: *value = p.regsPerMultiprocessor; break;
  case cudaDevAttrManagedMemory: *value = p.managedMemory; break;
  case cudaDevAttrPageableMemoryAccess: *value = p.pageableMemoryAccess; break;
  case cudaDevAttrConcurrentManagedAccess: *value = p.concurrentManagedAccess; break;
  case cudaDevAttrCanUseHostPointerForRegisteredMem:
    *value = p.canUseHostPointerForRegisteredMem;
    break;
  case cudaDevAttrCooperativeLaunch: *value = p.cooperativeLaunch; break;
  case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)p.sharedMemPerBlockOptin; break;
  case cudaDevAttrHostRegisterSupported: *value = p.hostRegisterSupported; break;
  case cudaDevAttrMaxBlocksPerMultiprocessor: *value = p.maxBlocksPerMultiProcessor; break;
  case cudaDevAttrReservedSharedMemoryPerBlock: *value = (int)p.reservedSharedMemPerBlock; break;
  case cudaDevAttrMemoryPoolsSupported: *value = p.memoryPoolsSupported; break;
  default: return fail(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *pciBusId, int len, int device) {
  cudaError_t error = ready_for(device);
  if (error != cudaSuccess) return error;
  if (!pciBusId || len < 13) return fail(cudaErrorInvalidValue);
  snprintf(pciBusId, (size_t)len, "%04x:%02x:%02x.0", 0u, (unsigned)device + 1, 0u);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *leastPriority, int *greatestPriority) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (leastPriority) *leastPriority = 0;
  if (greatestPriority) *greatestPriority = -5;
  return cudaSuccess;
}

/* Limits are kept and have no effect. */
static size_t limits[3] = {1024, 1 << 20, 8 << 20};

cudaError_t cudaDeviceSetLimit(enum cudaLimit limit, size_t value) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if ((unsigned)limit >= 3) return fail(cudaErrorInvalidValue);
  std::lock_guard<std::recursive_mutex> guard(lock);
  limits[limit] = value;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetLimit(size_t *pValue, enum cudaLimit limit) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  if (!pValue || (unsigned)limit >= 3) return fail(cudaErrorInvalidValue);
  std::lock_guard<std::recursive_mutex> guard(lock);
  *pValue = limits[limit];
  return cudaSuccess;
}

/* Waits for what another thread runs. */
cudaError_t cudaDeviceSynchronize(void) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  wait_while_busy();
  std::lock_guard<std::recursive_mutex> guard(lock);
  return any_capturing() ? fail(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

cudaError_t cudaDeviceReset(void) {
  cudaError_t error = ready();
  if (error != cudaSuccess) return error;
  std::lock_guard<std::recursive_mutex> guard(lock);
  int device = device_of_thread;
  arena_release_all(device);
  streams_release_all(device);
  for (auto i = peer_access.begin(); i != peer_access.end();)
    i = i->first == device || i->second == device ? peer_access.erase(i) : std::next(i);
  return cudaSuccess;
}

/* ---- devices that reach into each other's memory
 * ------------------------------------------------------ */

cudaError_t cudaDeviceCanAccessPeer(int *canAccessPeer, int device, int peerDevice) {
  cudaError_t error = ready_for(device);
  if (error == cudaSuccess) error = ready_for(peerDevice);
  if (error != cudaSuccess) return error;
  if (!canAccessPeer) return fail(cudaErrorInvalidValue);
  *canAccessPeer = device != peerDevice;
  return cudaSuccess;
}

cudaError_t cudaDeviceEnablePeerAccess(int peerDevice, unsigned int flags) {
  cudaError_t error = ready_for(peerDevice);
  if (error != cudaSuccess) return error;
  if (flags != 0) return fail(cudaErrorInvalidValue);
  if (peerDevice == device_of_thread) return fail(cudaErrorInvalidDevice);
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!peer_access.insert(std::make_pair(device_of_thread, peerDevice)).second)
    return fail(cudaErrorPeerAccessAlreadyEnabled);
  return cudaSuccess;
}

cudaError_t cudaDeviceDisablePeerAccess(int peerDevice) {
  cudaError_t error = ready_for(peerDevice);
  if (error != cudaSuccess) return error;
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!peer_access.erase(std::make_pair(device_of_thread, peerDevice)))
    return fail(cudaErrorPeerAccessNotEnabled);
  return cudaSuccess;
}
