/* driver.cc: a fake of the part of CUDA's driver that loads compiled kernels and starts them. */
#include <cuda.h>
#include <emulation/compiled.h>

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct CUmod_st {
  void *so;
  int device;
};

static CUresult result_of(cudaError_t e) {
  if (e == cudaSuccess) return CUDA_SUCCESS;
  (void)cudaGetLastError();
  return e == cudaErrorInvalidConfiguration ? CUDA_ERROR_INVALID_VALUE : (CUresult)e;
}

CUresult cuGetErrorString(CUresult error, const char **pStr) {
  if (!pStr) return CUDA_ERROR_INVALID_VALUE;
  switch (error) {
  case CUDA_SUCCESS: *pStr = "no error"; break;
  case CUDA_ERROR_INVALID_VALUE: *pStr = "invalid argument"; break;
  case CUDA_ERROR_OUT_OF_MEMORY: *pStr = "out of memory"; break;
  case CUDA_ERROR_INVALID_IMAGE: *pStr = "device kernel image is invalid"; break;
  case CUDA_ERROR_INVALID_HANDLE: *pStr = "invalid resource handle"; break;
  case CUDA_ERROR_NOT_FOUND: *pStr = "named symbol not found"; break;
  default: *pStr = cudaGetErrorString((cudaError_t)error);
  }
  return CUDA_SUCCESS;
}

/* ---- modules ----------------------------------------------------------------------------- */

/* The bytes of a shared object: its section headers come last. */
static size_t object_bytes(const void *image) {
  Elf64_Ehdr header;
  memcpy(&header, image, sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return 0;
  return header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  if (cudaError_t e = emulation::ready(); e != cudaSuccess) return (CUresult)e;
  if (!module || !image) return CUDA_ERROR_INVALID_VALUE;
  size_t bytes = memcmp(image, ELFMAG, SELFMAG) == 0 ? object_bytes(image) : 0;
  char path[] = "/tmp/cresset-kernel-XXXXXX"; /* dlopen knows by the name what it has */
  int file = bytes ? mkstemp(path) : -1;
  if (file < 0) return CUDA_ERROR_INVALID_IMAGE;
  void *so = NULL;
  if (write(file, image, bytes) == (ssize_t)bytes) so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  close(file);
  unlink(path);
  if (!so) return CUDA_ERROR_INVALID_IMAGE;
  *module = new CUmod_st{so, emulation::current_device()};
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule hmod) {
  if (!hmod) return CUDA_ERROR_INVALID_HANDLE;
  dlclose(hmod->so);
  delete hmod;
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name) {
  if (!hfunc || !hmod || !name) return CUDA_ERROR_INVALID_VALUE;
  *hfunc = static_cast<CUfunction>(dlsym(hmod->so, name));
  return *hfunc ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

/* ---- functions --------------------------------------------------------------------------- */

static const cr_emulation_compiled *compiled_of(CUfunction f) {
  return reinterpret_cast<const cr_emulation_compiled *>(f);
}

CUresult cuFuncGetAttribute(int *pi, CUfunction_attribute attrib, CUfunction hfunc) {
  if (!pi || !hfunc) return CUDA_ERROR_INVALID_VALUE;
  switch (attrib) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *pi = (int)emulation::THREADS_MAX; break;
  case CU_FUNC_ATTRIBUTE_NUM_REGS: *pi = 32; break;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *pi = 0; break;
  default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) {
  if (!hfunc || attrib != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
    return CUDA_ERROR_INVALID_VALUE;
  return result_of(cudaFuncSetAttribute(compiled_of(hfunc)->kernel,
                                        cudaFuncAttributeMaxDynamicSharedMemorySize, value));
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
                        unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
                        unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,
                        void **kernelParams, void **extra) {
  if (!f || extra) return CUDA_ERROR_INVALID_VALUE;
  return result_of(compiled_of(f)->start(dim3(gridDimX, gridDimY, gridDimZ),
                                         dim3(blockDimX, blockDimY, blockDimZ), sharedMemBytes,
                                         hStream, kernelParams));
}
