/* library.h: NVIDIA's libraries, opened when something first needs them.
 *
 * None is linked, so that starting costs nothing and one that is missing is an error of the
 * operators that need it alone.  A function is called through the table of its library, by its own
 * name:
 *
 *   cr_blas blas("a matrix product");
 *   return blas.handle && blas.ok(blas->cublasGemmEx_64(blas.handle, ...), "cublasGemmEx");
 *
 * Handles belong to a thread and a device; they are made when first needed and freed when the
 * thread ends. */
#ifndef CR_CUDA_LIBRARY_H
#define CR_CUDA_LIBRARY_H

#include "cuda/cuda.h"

#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda.h>
#include <cudnn.h>
#include <cufft.h>
#include <cusolverDn.h>
#include <nvrtc.h>
#include <optional>

/* NCCL is a package beside the CUDA Toolkit. */
#if __has_include(<nccl.h>)
#include <nccl.h>
#define CR_HAS_NCCL 1
#else
#define CR_HAS_NCCL 0
#endif

/* cusolverDnXgeev came with CUDA 12.6, update 2. */
#ifdef CUSOLVER_VERSION
#define CR_HAS_GEEV (CUSOLVER_VERSION >= 11701)
#else
#define CR_HAS_GEEV 0
#endif

/* ---- the functions ---------------------------------------------------------------------- */

#define CR_CUBLAS_FUNCTIONS(X)                                                                     \
  X(cublasCreate)                                                                                  \
  X(cublasDestroy)                                                                                 \
  X(cublasSetStream)                                                                               \
  X(cublasSetWorkspace)                                                                            \
  X(cublasSetMathMode)                                                                             \
  X(cublasGetStatusName)                                                                           \
  X(cublasGetStatusString)                                                                         \
  X(cublasGemmEx_64)                                                                               \
  X(cublasGemmStridedBatchedEx_64)                                                                 \
  X(cublasStrsm)                                                                                   \
  X(cublasDtrsm)

/* A handle of cuBLAS stands for one of cuBLASLt. */
#define CR_CUBLASLT_FUNCTIONS(X)                                                                   \
  X(cublasLtMatmulDescCreate)                                                                      \
  X(cublasLtMatmulDescDestroy)                                                                     \
  X(cublasLtMatmulDescSetAttribute)                                                                \
  X(cublasLtMatrixLayoutCreate)                                                                    \
  X(cublasLtMatrixLayoutDestroy)                                                                   \
  X(cublasLtMatmulPreferenceCreate)                                                                \
  X(cublasLtMatmulPreferenceDestroy)                                                               \
  X(cublasLtMatmulPreferenceSetAttribute)                                                          \
  X(cublasLtMatmulAlgoGetHeuristic)                                                                \
  X(cublasLtMatmul)

/* Of both types: cusolverDnS.. and cusolverDnD.. */
#define CR_CUSOLVER_PAIR(X, name) X(cusolverDnS##name) X(cusolverDnD##name)
#define CR_CUSOLVER_FUNCTIONS(X)                                                                   \
  X(cusolverDnCreate)                                                                              \
  X(cusolverDnDestroy)                                                                             \
  X(cusolverDnSetStream)                                                                           \
  CR_CUSOLVER_PAIR(X, getrf_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, getrf)                                                                       \
  CR_CUSOLVER_PAIR(X, getrs)                                                                       \
  CR_CUSOLVER_PAIR(X, potrf_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, potrf)                                                                       \
  CR_CUSOLVER_PAIR(X, geqrf_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, geqrf)                                                                       \
  CR_CUSOLVER_PAIR(X, orgqr_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, orgqr)                                                                       \
  CR_CUSOLVER_PAIR(X, ormqr_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, ormqr)                                                                       \
  CR_CUSOLVER_PAIR(X, syevd_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, syevd)                                                                       \
  CR_CUSOLVER_PAIR(X, gesvd_bufferSize)                                                            \
  CR_CUSOLVER_PAIR(X, gesvd)
/* NULL in a library that is older than the headers. */
#if CR_HAS_GEEV
#define CR_CUSOLVER_OPTIONAL(X)                                                                    \
  X(cusolverDnCreateParams)                                                                        \
  X(cusolverDnDestroyParams)                                                                       \
  X(cusolverDnXgeev_bufferSize)                                                                    \
  X(cusolverDnXgeev)
#else
#define CR_CUSOLVER_OPTIONAL(X)
#endif

#define CR_CUFFT_FUNCTIONS(X)                                                                      \
  X(cufftCreate)                                                                                   \
  X(cufftDestroy)                                                                                  \
  X(cufftSetAutoAllocation)                                                                        \
  X(cufftSetWorkArea)                                                                              \
  X(cufftSetStream)                                                                                \
  X(cufftMakePlanMany64)                                                                           \
  X(cufftExecC2C)                                                                                  \
  X(cufftExecR2C)                                                                                  \
  X(cufftExecC2R)                                                                                  \
  X(cufftExecZ2Z)                                                                                  \
  X(cufftExecD2Z)                                                                                  \
  X(cufftExecZ2D)

#define CR_NVRTC_FUNCTIONS(X)                                                                      \
  X(nvrtcVersion)                                                                                  \
  X(nvrtcGetErrorString)                                                                           \
  X(nvrtcGetNumSupportedArchs)                                                                     \
  X(nvrtcGetSupportedArchs)                                                                        \
  X(nvrtcCreateProgram)                                                                            \
  X(nvrtcAddNameExpression)                                                                        \
  X(nvrtcCompileProgram)                                                                           \
  X(nvrtcGetProgramLogSize)                                                                        \
  X(nvrtcGetProgramLog)                                                                            \
  X(nvrtcGetLoweredName)                                                                           \
  X(nvrtcGetCUBINSize)                                                                             \
  X(nvrtcGetCUBIN)                                                                                 \
  X(nvrtcGetPTXSize)                                                                               \
  X(nvrtcGetPTX)                                                                                   \
  X(nvrtcDestroyProgram)

#define CR_DRIVER_FUNCTIONS(X)                                                                     \
  X(cuGetErrorString)                                                                              \
  X(cuModuleLoadData)                                                                              \
  X(cuModuleUnload)                                                                                \
  X(cuModuleGetFunction)                                                                           \
  X(cuFuncGetAttribute)                                                                            \
  X(cuFuncSetAttribute)                                                                            \
  X(cuLaunchKernel)

#define CR_CUDNN_FUNCTIONS(X)                                                                      \
  X(cudnnCreate)                                                                                   \
  X(cudnnDestroy)                                                                                  \
  X(cudnnSetStream)                                                                                \
  X(cudnnGetErrorString)                                                                           \
  X(cudnnGetLastErrorString)                                                                       \
  X(cudnnCreateTensorDescriptor)                                                                   \
  X(cudnnDestroyTensorDescriptor)                                                                  \
  X(cudnnSetTensor4dDescriptor)                                                                    \
  X(cudnnCreateFilterDescriptor)                                                                   \
  X(cudnnDestroyFilterDescriptor)                                                                  \
  X(cudnnSetFilter4dDescriptor)                                                                    \
  X(cudnnCreateConvolutionDescriptor)                                                              \
  X(cudnnDestroyConvolutionDescriptor)                                                             \
  X(cudnnSetConvolution2dDescriptor)                                                               \
  X(cudnnSetConvolutionGroupCount)                                                                 \
  X(cudnnSetConvolutionMathType)                                                                   \
  X(cudnnCreateActivationDescriptor)                                                               \
  X(cudnnDestroyActivationDescriptor)                                                              \
  X(cudnnSetActivationDescriptor)                                                                  \
  X(cudnnAddTensor)                                                                                \
  X(cudnnConvolutionBiasActivationForward)                                                         \
  X(cudnnGetConvolutionForwardAlgorithm_v7)                                                        \
  X(cudnnFindConvolutionForwardAlgorithmEx)                                                        \
  X(cudnnConvolutionForward)                                                                       \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7)                                                   \
  X(cudnnFindConvolutionBackwardDataAlgorithmEx)                                                   \
  X(cudnnConvolutionBackwardData)                                                                  \
  X(cudnnGetConvolutionBackwardFilterAlgorithm_v7)                                                 \
  X(cudnnFindConvolutionBackwardFilterAlgorithmEx)                                                 \
  X(cudnnConvolutionBackwardFilter)                                                                \
  X(cudnnSetTensorNdDescriptor)                                                                    \
  X(cudnnCreateDropoutDescriptor)                                                                  \
  X(cudnnDestroyDropoutDescriptor)                                                                 \
  X(cudnnSetDropoutDescriptor)                                                                     \
  X(cudnnCreateRNNDescriptor)                                                                      \
  X(cudnnDestroyRNNDescriptor)                                                                     \
  X(cudnnSetRNNDescriptor_v8)                                                                      \
  X(cudnnCreateRNNDataDescriptor)                                                                  \
  X(cudnnDestroyRNNDataDescriptor)                                                                 \
  X(cudnnSetRNNDataDescriptor)                                                                     \
  X(cudnnGetRNNTempSpaceSizes)                                                                     \
  X(cudnnGetRNNWeightSpaceSize)                                                                    \
  X(cudnnGetRNNWeightParams)                                                                       \
  X(cudnnRNNForward)                                                                               \
  X(cudnnRNNBackwardData_v8)                                                                       \
  X(cudnnRNNBackwardWeights_v8)

#define CR_NCCL_FUNCTIONS(X)                                                                       \
  X(ncclGetErrorString)                                                                            \
  X(ncclGetLastError)                                                                              \
  X(ncclGetVersion)                                                                                \
  X(ncclCommInitAll)                                                                               \
  X(ncclCommDestroy)                                                                               \
  X(ncclCommAbort)                                                                                 \
  X(ncclCommGetAsyncError)                                                                         \
  X(ncclGroupStart)                                                                                \
  X(ncclGroupEnd)                                                                                  \
  X(ncclAllReduce)                                                                                 \
  X(ncclBroadcast)                                                                                 \
  X(ncclReduce)                                                                                    \
  X(ncclAllGather)                                                                                 \
  X(ncclReduceScatter)

/* The headers rename some functions by macros (cublasCreate is cublasCreate_v2); a member has the
 * name that its function has in the library, and is called by the one that the headers give. */
#define CR_LIBRARY_MEMBER(name) decltype(&::name) name;
struct cr_cublas {
  CR_CUBLAS_FUNCTIONS(CR_LIBRARY_MEMBER)
};
struct cr_cublaslt {
  CR_CUBLASLT_FUNCTIONS(CR_LIBRARY_MEMBER)
};
struct cr_cusolver {
  CR_CUSOLVER_FUNCTIONS(CR_LIBRARY_MEMBER)
  CR_CUSOLVER_OPTIONAL(CR_LIBRARY_MEMBER)
};
struct cr_cufft {
  CR_CUFFT_FUNCTIONS(CR_LIBRARY_MEMBER)
};
struct cr_cudnn {
  CR_CUDNN_FUNCTIONS(CR_LIBRARY_MEMBER)
};
#if CR_HAS_NCCL
struct cr_nccl {
  CR_NCCL_FUNCTIONS(CR_LIBRARY_MEMBER)
};
#endif
struct cr_nvrtc {
  CR_NVRTC_FUNCTIONS(CR_LIBRARY_MEMBER)
};
struct cr_driver {
  CR_DRIVER_FUNCTIONS(CR_LIBRARY_MEMBER)
};
#undef CR_LIBRARY_MEMBER

/* ---- what an operator asks for ---------------------------------------------------------- */

/* cuBLAS for the time of a call: its functions, and the handle of this thread and device, on the
 * current stream, with work space of our own.  `what` says who needs it, for the message.  The
 * handle is NULL, with a message, when there is none. */
struct cr_blas {
  const cr_cublas *functions;
  cublasHandle_t handle;
  explicit cr_blas(const char *what);
  const cr_cublas *operator->() const { return functions; }
  /* Whether a call succeeded; else a message. */
  bool ok(cublasStatus_t status, const char *call) const;
  /* The work space; NULL when there was no memory for it. */
  const cr_scratch *space() const { return workspace && workspace->p ? &*workspace : NULL; }

private:
  std::optional<cr_scratch> workspace;
};

/* The functions of cuBLASLt; NULL, without a message, where it is missing. */
const cr_cublaslt *cr_find_cublaslt();

struct cr_solver {
  const cr_cusolver *functions;
  cusolverDnHandle_t handle;
  explicit cr_solver(const char *what);
  const cr_cusolver *operator->() const { return functions; }
  bool ok(cusolverStatus_t status, const char *call) const;
};

struct cr_dnn {
  const cr_cudnn *functions;
  cudnnHandle_t handle;
  explicit cr_dnn(const char *what);
  const cr_cudnn *operator->() const { return functions; }
  bool ok(cudnnStatus_t status, const char *call) const;

  static cudnnDataType_t type_of(cr_dtype t) {
    return t == CR_FLOAT64    ? CUDNN_DATA_DOUBLE
           : t == CR_FLOAT16  ? CUDNN_DATA_HALF
           : t == CR_BFLOAT16 ? CUDNN_DATA_BFLOAT16
                              : CUDNN_DATA_FLOAT;
  }
  /* Whether cuDNN cannot do it, in this way or at all. */
  static bool refuses(cudnnStatus_t s) {
    return (s >= 3000 && s < 4000) || s == CUDNN_STATUS_ALLOC_FAILED;
  }
};

/* The functions of cuFFT, whose plans are their own handles; NULL with a message. */
const cr_cufft *cr_open_cufft(const char *what);
bool cr_cufft_ok(cufftResult status, const char *call);

#if CR_HAS_NCCL
/* The functions of NCCL, whose communicators are their own handles; NULL with a message. */
const cr_nccl *cr_open_nccl(const char *what);
#endif

/* The compiler, and the driver that loads what it makes; NULL with a message. */
const cr_nvrtc *cr_open_nvrtc(const char *what);
const cr_driver *cr_open_driver(const char *what);

#endif
