/* library.cu: finds and opens NVIDIA's libraries, and keeps each thread's handles. */
#include "cuda/library.h"

#include <mutex>
#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CR_CUDA_EMULATION
#include <dlfcn.h>
#include <limits.h>
#endif

#define STRING_OF(name) #name
#define STRING(name) STRING_OF(name) /* after the headers have renamed it */

/* ---- opening ---------------------------------------------------------------------------- */

struct library {
  const char *title, *file;
  bool (*load)(void *so, const char **missing); /* fills the table */
  std::once_flag once;
  bool there;
  char trouble[512];
};

static cr_cublas cublas;
static cr_cublaslt cublaslt;
static cr_cusolver cusolver;
static cr_cufft cufft;
static cr_cudnn cudnn;
#if CR_HAS_NCCL
static cr_nccl nccl;
#endif
static cr_nvrtc nvrtc;
static cr_driver driver;

#ifdef CR_CUDA_EMULATION

/* The fakes are part of the program; the environment can say that one is not there. */
#define LOAD(name) table->name = &::name;
#define TRY(name) LOAD(name)

static void open_library(library *l) {
  const char *missing, *without = getenv("CRESSET_EMULATION_WITHOUT");
  if (without && strcmp(without, l->title) == 0)
    snprintf(l->trouble, sizeof l->trouble, "was not found");
  else
    l->there = l->load(NULL, &missing);
}

#else

/* Looks a function up; one that must be there and is not is named in `missing`. */
template <typename F> static void look_up(F *f, void *so, const char *name, const char **missing) {
  *f = reinterpret_cast<F>(dlsym(so, name));
  if (!*f && missing) *missing = name;
}
#define LOAD(name) look_up(&table->name, so, STRING(name), missing);
#define TRY(name) look_up(&table->name, so, STRING(name), NULL);

static void *open_in(const char *folder, size_t length, const char *file) {
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, file);
  return length > 0 && n > 0 && (size_t)n < sizeof path ? dlopen(path, RTLD_NOW | RTLD_LOCAL)
                                                        : NULL;
}

/* Where the loader looks, in the folders of CRESSET_CUDA_LIBRARIES, where CUDA is installed. */
static void *find(library *l) {
  void *so = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
  if (so) return so;
  const char *why = dlerror();
  snprintf(l->trouble, sizeof l->trouble, "was not found: %s", why ? why : "");
  const char *folders = getenv("CRESSET_CUDA_LIBRARIES");
  while (!so && folders && *folders) {
    size_t length = strcspn(folders, ":");
    so = open_in(folders, length, l->file);
    folders += length + (folders[length] == ':');
  }
  static const char standard[] = "/usr/local/cuda/lib64";
  return so ? so : open_in(standard, strlen(standard), l->file);
}

static void open_library(library *l) {
  void *so = find(l);
  if (!so) return;
  const char *missing = NULL;
  l->there = l->load(so, &missing);
  if (!l->there)
    snprintf(l->trouble, sizeof l->trouble, "is of another version: it has no %s", missing);
}

#endif

static bool load_cublas(void *so, const char **missing) {
  cr_cublas *table = &cublas;
  *missing = NULL;
  (void)so;
  CR_CUBLAS_FUNCTIONS(LOAD)
  return !*missing;
}

static bool load_cublaslt(void *so, const char **missing) {
  cr_cublaslt *table = &cublaslt;
  *missing = NULL;
  (void)so;
  CR_CUBLASLT_FUNCTIONS(LOAD)
  return !*missing;
}

static bool load_cusolver(void *so, const char **missing) {
  cr_cusolver *table = &cusolver;
  *missing = NULL;
  (void)so;
  CR_CUSOLVER_FUNCTIONS(LOAD)
  CR_CUSOLVER_OPTIONAL(TRY)
  return !*missing;
}

static bool load_cufft(void *so, const char **missing) {
  cr_cufft *table = &cufft;
  *missing = NULL;
  (void)so;
  CR_CUFFT_FUNCTIONS(LOAD)
  return !*missing;
}

static bool load_cudnn(void *so, const char **missing) {
  cr_cudnn *table = &cudnn;
  *missing = NULL;
  (void)so;
  CR_CUDNN_FUNCTIONS(LOAD)
  return !*missing;
}

#if CR_HAS_NCCL
static bool load_nccl(void *so, const char **missing) {
  cr_nccl *table = &nccl;
  *missing = NULL;
  (void)so;
  CR_NCCL_FUNCTIONS(LOAD)
  return !*missing;
}
#endif

static bool load_nvrtc(void *so, const char **missing) {
  cr_nvrtc *table = &nvrtc;
  *missing = NULL;
  (void)so;
  CR_NVRTC_FUNCTIONS(LOAD)
  return !*missing;
}

static bool load_driver(void *so, const char **missing) {
  cr_driver *table = &driver;
  *missing = NULL;
  (void)so;
  CR_DRIVER_FUNCTIONS(LOAD)
  return !*missing;
}

/* The names that belong to the headers this was built with. */
#if CUDART_VERSION >= 13000
#define BLAS_FILE "libcublas.so.13"
#define BLASLT_FILE "libcublasLt.so.13"
#define SOLVER_FILE "libcusolver.so.12"
#define FFT_FILE "libcufft.so.12"
#define NVRTC_FILE "libnvrtc.so.13"
#else
#define BLAS_FILE "libcublas.so.12"
#define BLASLT_FILE "libcublasLt.so.12"
#define SOLVER_FILE "libcusolver.so.11"
#define FFT_FILE "libcufft.so.11"
#define NVRTC_FILE "libnvrtc.so.12"
#endif

static library blas_library = {"cuBLAS", BLAS_FILE, load_cublas, {}, false, ""};
static library blaslt_library = {"cuBLASLt", BLASLT_FILE, load_cublaslt, {}, false, ""};
static library solver_library = {"cuSOLVER", SOLVER_FILE, load_cusolver, {}, false, ""};
static library fft_library = {"cuFFT", FFT_FILE, load_cufft, {}, false, ""};
static library dnn_library = {"cuDNN", "libcudnn.so.9", load_cudnn, {}, false, ""};
#if CR_HAS_NCCL
static library nccl_library = {"NCCL", "libnccl.so.2", load_nccl, {}, false, ""};
#endif
static library nvrtc_library = {"NVRTC", NVRTC_FILE, load_nvrtc, {}, false, ""};
static library driver_library = {"the driver", "libcuda.so.1", load_driver, {}, false, ""};

static bool is_open(library *l, const char *what) {
  std::call_once(l->once, open_library, l);
  return l->there || cr_fail("%s needs %s (%s), which %s", what, l->title, l->file, l->trouble);
}

/* ---- handles ---------------------------------------------------------------------------- */

/* What a thread has on one device. */
struct handles {
  int device;
  size_t blas_space; /* bytes that cuBLAS should get */
  cublasHandle_t blas;
  cusolverDnHandle_t solver;
  cudnnHandle_t dnn;
  handles *next;
};

struct thread_handles {
  handles *first;
  ~thread_handles() {
    int before = 0;
    if (first) (void)cudaGetDevice(&before);
    while (handles *h = first) {
      first = h->next;
      (void)cudaSetDevice(h->device);
      if (h->solver) cusolver.cusolverDnDestroy(h->solver);
      if (h->dnn) cudnn.cudnnDestroy(h->dnn);
      if (h->blas) cublas.cublasDestroy(h->blas);
      if (!first) (void)cudaSetDevice(before);
      delete h;
    }
  }
};

static thread_local thread_handles of_thread;

/* NVIDIA's advice: 32 MiB from compute capability 9.0 on, 4 MiB before.  The emulation fills and
 * checks each piece of memory, so it gets little. */
static size_t blas_space(int device) {
#ifdef CR_CUDA_EMULATION
  return 4096;
#endif
  int major = 0;
  (void)cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  return major >= 9 ? (size_t)32 << 20 : (size_t)4 << 20;
}

/* Those of this thread and the device in use, which becomes current. */
static handles *current_handles() {
  if (!cr_cuda_enter()) return NULL;
  int device = cr_cuda_device();
  for (handles *h = of_thread.first; h; h = h->next)
    if (h->device == device) return h;
  handles *h = new (std::nothrow) handles{device, blas_space(device), NULL, NULL, NULL, NULL};
  if (!h) {
    cr_fail("out of memory for a library's handle");
    return NULL;
  }
  h->next = of_thread.first;
  return of_thread.first = h;
}

/* ---- cuBLAS ----------------------------------------------------------------------------- */

static bool blas_ok(cublasStatus_t status, const char *call) {
  return status == CUBLAS_STATUS_SUCCESS ||
         cr_fail("%s failed: %s (%s)", call, cublas.cublasGetStatusName(status),
                 cublas.cublasGetStatusString(status));
}

bool cr_blas::ok(cublasStatus_t status, const char *call) const {
  return blas_ok(status, call);
}

static bool make_blas(cublasHandle_t *out) {
  cublasHandle_t made = NULL;
  if (!blas_ok(cublas.cublasCreate(&made), "cublasCreate")) return false;
  /* Sums of halves stay in float32 even where a product is split. */
  int mode = CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
  if (blas_ok(cublas.cublasSetMathMode(made, (cublasMath_t)mode), "cublasSetMathMode")) {
    *out = made;
    return true;
  }
  cublas.cublasDestroy(made);
  return false;
}

cr_blas::cr_blas(const char *what) : functions(&cublas), handle(NULL) {
  handles *h = is_open(&blas_library, what) ? current_handles() : NULL;
  if (!h || (!h->blas && !make_blas(&h->blas)) ||
      !ok(cublas.cublasSetStream(h->blas, cr_cuda_stream()), "cublasSetStream"))
    return;
  /* Setting the stream has given cuBLAS its own work space back; without memory for ours, that is
   * what it uses. */
  workspace.emplace(h->blas_space);
  if (!workspace->p ||
      ok(cublas.cublasSetWorkspace(h->blas, workspace->p, h->blas_space), "cublasSetWorkspace"))
    handle = h->blas;
}

const cr_cublaslt *cr_find_cublaslt() {
  std::call_once(blaslt_library.once, open_library, &blaslt_library);
  return blaslt_library.there ? &cublaslt : NULL;
}

/* ---- cuSOLVER --------------------------------------------------------------------------- */

static const char *name_of(cusolverStatus_t status) {
  switch (status) {
#define NAME(status)                                                                               \
  case status: return #status;
    NAME(CUSOLVER_STATUS_NOT_INITIALIZED)
    NAME(CUSOLVER_STATUS_ALLOC_FAILED)
    NAME(CUSOLVER_STATUS_INVALID_VALUE)
    NAME(CUSOLVER_STATUS_ARCH_MISMATCH)
    NAME(CUSOLVER_STATUS_MAPPING_ERROR)
    NAME(CUSOLVER_STATUS_EXECUTION_FAILED)
    NAME(CUSOLVER_STATUS_INTERNAL_ERROR)
    NAME(CUSOLVER_STATUS_MATRIX_TYPE_NOT_SUPPORTED)
    NAME(CUSOLVER_STATUS_NOT_SUPPORTED)
    NAME(CUSOLVER_STATUS_ZERO_PIVOT)
    NAME(CUSOLVER_STATUS_INVALID_LICENSE)
    NAME(CUSOLVER_STATUS_INVALID_WORKSPACE)
  default: return NULL;
  }
}

/* A status that has no name here goes by its number. */
static bool failed(const char *call, const char *name, int status) {
  return name ? cr_fail("%s failed: %s", call, name)
              : cr_fail("%s failed: status %d", call, status);
}

bool cr_solver::ok(cusolverStatus_t status, const char *call) const {
  return status == CUSOLVER_STATUS_SUCCESS || failed(call, name_of(status), (int)status);
}

cr_solver::cr_solver(const char *what) : functions(&cusolver), handle(NULL) {
  handles *h = is_open(&solver_library, what) ? current_handles() : NULL;
  if (h && (h->solver || ok(cusolver.cusolverDnCreate(&h->solver), "cusolverDnCreate")) &&
      ok(cusolver.cusolverDnSetStream(h->solver, cr_cuda_stream()), "cusolverDnSetStream"))
    handle = h->solver;
}

/* ---- cuDNN ------------------------------------------------------------------------------ */

bool cr_dnn::ok(cudnnStatus_t status, const char *call) const {
  if (status == CUDNN_STATUS_SUCCESS) return true;
  char last[256] = "";
  functions->cudnnGetLastErrorString(last, sizeof last);
  last[sizeof last - 1] = 0;
  return cr_fail("%s failed: %s%s%s", call, functions->cudnnGetErrorString(status),
                 *last ? ": " : "", last);
}

cr_dnn::cr_dnn(const char *what) : functions(&cudnn), handle(NULL) {
  handles *h = is_open(&dnn_library, what) ? current_handles() : NULL;
  if (h && (h->dnn || ok(cudnn.cudnnCreate(&h->dnn), "cudnnCreate")) &&
      ok(cudnn.cudnnSetStream(h->dnn, cr_cuda_stream()), "cudnnSetStream"))
    handle = h->dnn;
}

/* ---- cuFFT ------------------------------------------------------------------------------ */

static const char *name_of(cufftResult status) {
  switch (status) {
    NAME(CUFFT_INVALID_PLAN)
    NAME(CUFFT_ALLOC_FAILED)
    NAME(CUFFT_INVALID_TYPE)
    NAME(CUFFT_INVALID_VALUE)
    NAME(CUFFT_INTERNAL_ERROR)
    NAME(CUFFT_EXEC_FAILED)
    NAME(CUFFT_SETUP_FAILED)
    NAME(CUFFT_INVALID_SIZE)
    NAME(CUFFT_UNALIGNED_DATA)
    NAME(CUFFT_INVALID_DEVICE)
    NAME(CUFFT_NO_WORKSPACE)
    NAME(CUFFT_NOT_IMPLEMENTED)
    NAME(CUFFT_NOT_SUPPORTED)
  default: return NULL;
  }
}

bool cr_cufft_ok(cufftResult status, const char *call) {
  return status == CUFFT_SUCCESS || failed(call, name_of(status), (int)status);
}

const cr_cufft *cr_open_cufft(const char *what) {
  return is_open(&fft_library, what) && cr_cuda_enter() ? &cufft : NULL;
}

/* ---- NCCL ------------------------------------------------------------------------------- */

#if CR_HAS_NCCL
const cr_nccl *cr_open_nccl(const char *what) {
  return is_open(&nccl_library, what) ? &nccl : NULL;
}
#endif

/* ---- compiling -------------------------------------------------------------------------- */

const cr_nvrtc *cr_open_nvrtc(const char *what) {
  return is_open(&nvrtc_library, what) ? &nvrtc : NULL;
}

const cr_driver *cr_open_driver(const char *what) {
  return is_open(&driver_library, what) && cr_cuda_enter() ? &driver : NULL;
}
