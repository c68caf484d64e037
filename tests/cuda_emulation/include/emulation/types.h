/* types.h: the types, enumerators and flags of CUDA's runtime API that Cresset may use, with the
 * values of CUDA 13.  Fields that CUDA 13 dropped (clock rates) are not here on purpose. */
#ifndef CR_EMULATED_TYPES_H
#define CR_EMULATED_TYPES_H

#include <stddef.h>

#define CUDART_VERSION 13000

/* Every error that Cresset may meet: ERROR(name, value, text).  The texts are ours. */
#define CR_CUDA_ERRORS(ERROR)                                                                      \
  ERROR(cudaSuccess, 0, "no error")                                                                \
  ERROR(cudaErrorInvalidValue, 1, "invalid argument")                                              \
  ERROR(cudaErrorMemoryAllocation, 2, "out of memory")                                             \
  ERROR(cudaErrorInitializationError, 3, "initialization error")                                   \
  ERROR(cudaErrorCudartUnloading, 4, "driver shutting down")                                       \
  ERROR(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                        \
  ERROR(cudaErrorInvalidPitchValue, 12, "invalid pitch argument")                                  \
  ERROR(cudaErrorInvalidSymbol, 13, "invalid device symbol")                                       \
  ERROR(cudaErrorInvalidHostPointer, 16, "invalid host pointer")                                   \
  ERROR(cudaErrorInvalidDevicePointer, 17, "invalid device pointer")                               \
  ERROR(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                  \
  ERROR(cudaErrorStubLibrary, 34, "CUDA driver is a stub library")                                 \
  ERROR(cudaErrorInsufficientDriver, 35,                                                           \
        "CUDA driver version is insufficient for CUDA runtime version")                            \
  ERROR(cudaErrorDevicesUnavailable, 46, "CUDA-capable device(s) is/are busy or unavailable")      \
  ERROR(cudaErrorInvalidDeviceFunction, 98, "invalid device function")                             \
  ERROR(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                              \
  ERROR(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                     \
  ERROR(cudaErrorInvalidKernelImage, 200, "device kernel image is invalid")                        \
  ERROR(cudaErrorNoKernelImageForDevice, 209,                                                      \
        "no kernel image is available for execution on the device")                                \
  ERROR(cudaErrorECCUncorrectable, 214, "uncorrectable ECC error encountered")                     \
  ERROR(cudaErrorNvlinkUncorrectable, 220, "uncorrectable NVLink error detected")                  \
  ERROR(cudaErrorPeerAccessUnsupported, 217,                                                       \
        "peer access is not supported between these two devices")                                  \
  ERROR(cudaErrorInvalidPtx, 218, "a PTX JIT compilation failed")                                  \
  ERROR(cudaErrorUnsupportedPtxVersion, 222,                                                       \
        "the provided PTX was compiled with an unsupported toolchain")                             \
  ERROR(cudaErrorOperatingSystem, 304, "OS call failed or operation not supported on this OS")     \
  ERROR(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                            \
  ERROR(cudaErrorSymbolNotFound, 500, "named symbol not found")                                    \
  ERROR(cudaErrorNotReady, 600, "device not ready")                                                \
  ERROR(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                  \
  ERROR(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")             \
  ERROR(cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated")                    \
  ERROR(cudaErrorPeerAccessAlreadyEnabled, 704, "peer access is already enabled")                  \
  ERROR(cudaErrorPeerAccessNotEnabled, 705, "peer access has not been enabled")                    \
  ERROR(cudaErrorContextIsDestroyed, 709, "context is destroyed")                                  \
  ERROR(cudaErrorAssert, 710, "device-side assert triggered")                                      \
  ERROR(cudaErrorHostMemoryAlreadyRegistered, 712,                                                 \
        "part or all of the requested memory range is already mapped")                             \
  ERROR(cudaErrorHostMemoryNotRegistered, 713,                                                     \
        "pointer does not correspond to a registered memory region")                               \
  ERROR(cudaErrorHardwareStackError, 714, "hardware stack error")                                  \
  ERROR(cudaErrorIllegalInstruction, 715, "an illegal instruction was encountered")                \
  ERROR(cudaErrorMisalignedAddress, 716, "misaligned address")                                     \
  ERROR(cudaErrorInvalidAddressSpace, 717,                                                         \
        "operation not supported on global/shared address space")                                  \
  ERROR(cudaErrorInvalidPc, 718, "invalid program counter")                                        \
  ERROR(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                 \
  ERROR(cudaErrorNotPermitted, 800, "operation not permitted")                                     \
  ERROR(cudaErrorNotSupported, 801, "operation not supported")                                     \
  ERROR(cudaErrorSystemNotReady, 802, "system not yet initialized")                                \
  ERROR(cudaErrorSystemDriverMismatch, 803,                                                        \
        "system has unsupported display driver / cuda driver combination")                         \
  ERROR(cudaErrorStreamCaptureUnsupported, 900,                                                    \
        "operation not permitted when stream is capturing")                                        \
  ERROR(cudaErrorStreamCaptureInvalidated, 901,                                                    \
        "operation failed due to a previous error during capture")                                 \
  ERROR(cudaErrorStreamCaptureUnmatched, 903, "the capture was not begun in this stream")          \
  ERROR(cudaErrorStreamCaptureIsolation, 905,                                                      \
        "dependency created on uncaptured work in another stream")                                 \
  ERROR(cudaErrorUnknown, 999, "unknown error")

enum cudaError {
#define CR_CUDA_ERROR(name, value, text) name = value,
  CR_CUDA_ERRORS(CR_CUDA_ERROR)
#undef CR_CUDA_ERROR
};
typedef enum cudaError cudaError_t;

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
typedef void (*cudaHostFn_t)(void *userData);

enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal = 0,
  cudaStreamCaptureModeThreadLocal = 1,
  cudaStreamCaptureModeRelaxed = 2,
};

#define cudaStreamLegacy ((cudaStream_t)0x1)
#define cudaStreamPerThread ((cudaStream_t)0x2)

#define cudaStreamDefault 0x00
#define cudaStreamNonBlocking 0x01
#define cudaEventDefault 0x00
#define cudaEventBlockingSync 0x01
#define cudaEventDisableTiming 0x02
#define cudaEventInterprocess 0x04
#define cudaEventRecordDefault 0x00
#define cudaEventWaitDefault 0x00
#define cudaHostAllocDefault 0x00
#define cudaHostAllocPortable 0x01
#define cudaHostAllocMapped 0x02
#define cudaHostAllocWriteCombined 0x04
#define cudaHostRegisterDefault 0x00
#define cudaHostRegisterPortable 0x01
#define cudaHostRegisterMapped 0x02
#define cudaHostRegisterReadOnly 0x08
#define cudaPeerAccessDefault 0x00
#define cudaOccupancyDefault 0x00
#define cudaCpuDeviceId ((int)-1)
#define cudaInvalidDeviceId ((int)-2)

enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4,
};

enum cudaMemoryType {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2,
  cudaMemoryTypeManaged = 3,
};

struct cudaPointerAttributes {
  enum cudaMemoryType type;
  int device;
  void *devicePointer;
  void *hostPointer;
};

enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9,
};

struct cudaFuncAttributes {
  size_t sharedSizeBytes;
  size_t constSizeBytes;
  size_t localSizeBytes;
  int maxThreadsPerBlock;
  int numRegs;
  int ptxVersion;
  int binaryVersion;
  int cacheModeCA;
  int maxDynamicSharedSizeBytes;
  int preferredShmemCarveout;
};

enum cudaLimit {
  cudaLimitStackSize = 0x00,
  cudaLimitPrintfFifoSize = 0x01,
  cudaLimitMallocHeapSize = 0x02,
};

enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxBlockDimX = 2,
  cudaDevAttrMaxBlockDimY = 3,
  cudaDevAttrMaxBlockDimZ = 4,
  cudaDevAttrMaxGridDimX = 5,
  cudaDevAttrMaxGridDimY = 6,
  cudaDevAttrMaxGridDimZ = 7,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrTotalConstantMemory = 9,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrMaxRegistersPerBlock = 12,
  cudaDevAttrClockRate = 13,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrKernelExecTimeout = 17,
  cudaDevAttrIntegrated = 18,
  cudaDevAttrCanMapHostMemory = 19,
  cudaDevAttrComputeMode = 20,
  cudaDevAttrConcurrentKernels = 31,
  cudaDevAttrEccEnabled = 32,
  cudaDevAttrPciBusId = 33,
  cudaDevAttrPciDeviceId = 34,
  cudaDevAttrMemoryClockRate = 36,
  cudaDevAttrGlobalMemoryBusWidth = 37,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrMaxThreadsPerMultiProcessor = 39,
  cudaDevAttrAsyncEngineCount = 40,
  cudaDevAttrUnifiedAddressing = 41,
  cudaDevAttrPciDomainId = 50,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrStreamPrioritiesSupported = 78,
  cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81,
  cudaDevAttrMaxRegistersPerMultiprocessor = 82,
  cudaDevAttrManagedMemory = 83,
  cudaDevAttrPageableMemoryAccess = 88,
  cudaDevAttrConcurrentManagedAccess = 89,
  cudaDevAttrCanUseHostPointerForRegisteredMem = 91,
  cudaDevAttrCooperativeLaunch = 95,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
  cudaDevAttrHostRegisterSupported = 99,
  cudaDevAttrMaxBlocksPerMultiprocessor = 106,
  cudaDevAttrReservedSharedMemoryPerBlock = 111,
  cudaDevAttrMemoryPoolsSupported = 115,
};

typedef struct CUuuid_st {
  char bytes[16];
} cudaUUID_t;

struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  size_t totalGlobalMem;
  size_t sharedMemPerBlock;
  int regsPerBlock;
  int warpSize;
  size_t memPitch;
  int maxThreadsPerBlock;
  int maxThreadsDim[3];
  int maxGridSize[3];
  size_t totalConstMem;
  int major;
  int minor;
  size_t textureAlignment;
  int multiProcessorCount;
  int integrated;
  int canMapHostMemory;
  int concurrentKernels;
  int ECCEnabled;
  int pciBusID;
  int pciDeviceID;
  int pciDomainID;
  int asyncEngineCount;
  int unifiedAddressing;
  int memoryBusWidth;
  int l2CacheSize;
  int maxThreadsPerMultiProcessor;
  int streamPrioritiesSupported;
  size_t sharedMemPerMultiprocessor;
  int regsPerMultiprocessor;
  int managedMemory;
  int pageableMemoryAccess;
  int concurrentManagedAccess;
  int canUseHostPointerForRegisteredMem;
  int cooperativeLaunch;
  size_t sharedMemPerBlockOptin;
  int maxBlocksPerMultiProcessor;
  size_t reservedSharedMemPerBlock;
  int hostRegisterSupported;
  int memoryPoolsSupported;
};

#endif
