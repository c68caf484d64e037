/* test_libraries.cc: products, convolutions, factorisations and Fourier transforms of the CUDA
 * backend beside the CPU's, where NVIDIA's libraries are fakes (tests/cuda_emulation). */
#include "tests/cuda/libraries.h"

#include "cuda/library.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thread>

/* ---- tables ----------------------------------------------------------------------------- */

const cr_backend *cpu_backend() {
  return cr_backend_of(cr_device{CR_CPU, 0});
}

const cr_backend *gpu_backend() {
  static cr_backend b;
  if (!b.gemm) {
    cr_cuda_fill_gemm(&b);
    cr_cuda_fill_linalg(&b);
    cr_cuda_fill_fft(&b);
  }
  return &b;
}

const cr_nn_backend *cpu_nn() {
  return cr_nn_backend_of("test", cr_device{CR_CPU, 0});
}

const cr_nn_backend *gpu_nn() {
  static cr_nn_backend b;
  if (!b.conv2d) cr_cuda_fill_conv(&b);
  return &b;
}

/* ---- checks ----------------------------------------------------------------------------- */

double number_at(cr_dtype t, const void *p, int64_t i) {
  return cr_scalar_double(cr_load_scalar(t, static_cast<const char *>(p) + i * cr_sizeof(t)));
}

double difference(cr_dtype t, int64_t n, const void *got, const void *expected) {
  double worst = 0, scale = 1;
  for (int64_t i = 0; i < n; i++) {
    double x = number_at(t, got, i), y = number_at(t, expected, i);
    if (fabs(y) > scale && isfinite(y)) scale = fabs(y);
    if (x == y || (isnan(x) && isnan(y))) continue;
    if (!(fabs(x - y) <= worst)) worst = isnan(x - y) ? INFINITY : fabs(x - y);
  }
  return worst / scale;
}

double precision(cr_dtype t) {
  switch (t) {
  case CR_FLOAT32: return ldexp(1, -23);
  case CR_FLOAT64: return ldexp(1, -52);
  case CR_FLOAT16: return ldexp(1, -10);
  case CR_BFLOAT16: return ldexp(1, -7);
  default: return 0;
  }
}

/* ---- random input ----------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

uint64_t random_bits() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

int64_t pick(int64_t low, int64_t high) {
  return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1));
}

double uniform() {
  return (double)(random_bits() >> 11) * ldexp(2, -53) - 1;
}

bytes random_elements(cr_dtype t, int64_t n) {
  bytes b((size_t)n * cr_sizeof(t));
  b.reserve(1); /* so that there is an address */
  bool large = pick(0, 1);
  for (int64_t i = 0; i < n; i++) {
    cr_scalar s = cr_is_float(t) ? cr_num(uniform())
                  : large        ? cr_int((int64_t)random_bits())
                                 : cr_int(pick(-3, 3));
    cr_store_scalar(t, b.data() + (size_t)i * cr_sizeof(t), s);
  }
  return b;
}

/* ---- device memory ---------------------------------------------------------------------- */

static void must(cudaError_t e) {
  if (e == cudaSuccess) return;
  printf("the emulation failed: %s\n", cudaGetErrorString(e));
  exit(1);
}

device_copy::device_copy(size_t n) : p(NULL), size(n) {
  must(cudaMalloc(&p, n ? n : 1));
}

device_copy::device_copy(const bytes &from) : device_copy(from.size()) {
  if (size) must(cudaMemcpy(p, from.data(), size, cudaMemcpyHostToDevice));
}

device_copy::~device_copy() {
  must(cudaFree(p));
}

bytes device_copy::get() const {
  bytes b(size);
  if (size) must(cudaMemcpy(b.data(), p, size, cudaMemcpyDeviceToHost));
  return b;
}

/* ---- the libraries ---------------------------------------------------------------------- */

static void says(bool ok, const char *call, const char *status) {
  check(!ok && strstr(cr_error(), call) && strstr(cr_error(), status), "%s: %s", call, cr_error());
}

/* What failed is named as the library names it. */
static void test_messages() {
  cr_blas blas("a test");
  cr_solver solver("a test");
  cr_dnn dnn("a test");
  says(blas.ok(CUBLAS_STATUS_NOT_SUPPORTED, "cublasX"), "cublasX", "CUBLAS_STATUS_NOT_SUPPORTED");
  says(solver.ok(CUSOLVER_STATUS_ZERO_PIVOT, "cusolverX"), "cusolverX",
       "CUSOLVER_STATUS_ZERO_PIVOT");
  says(solver.ok((cusolverStatus_t)77, "cusolverX"), "cusolverX", "77");
  says(dnn.ok(CUDNN_STATUS_BAD_PARAM, "cudnnX"), "cudnnX", "CUDNN_STATUS_BAD_PARAM");
  says(cr_cufft_ok(CUFFT_INVALID_SIZE, "cufftX"), "cufftX", "CUFFT_INVALID_SIZE");
}

/* Another thread, on another device, has handles of its own, which go when it ends. */
static void test_threads() {
  std::thread other([] {
    must(cudaSetDevice(1));
    test_fft();
    test_gemm();
  });
  other.join();
}

int main(void) {
  start_runtime();
  test_messages();
  test_gemm();
  test_conv();
  test_linalg();
  test_fft();
  test_threads();
  return report();
}
