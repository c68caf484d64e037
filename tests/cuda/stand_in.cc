/* stand_in.cc: the least runtime that the kernels of libraries need, for their test alone. */
#include "tests/cuda/libraries.h"

const cr_plugin_core *cr_cuda_core;
bool options[CR_NOPTIONS];
size_t scratch_limit = SIZE_MAX;

static void set_error(const char *message) {
  cr_fail("%s", message);
}

static bool never() {
  return false;
}

extern "C" void *cr_host_alloc(size_t bytes);
extern "C" void cr_host_free(void *p, size_t bytes);

void start_runtime(void) {
  static cr_plugin_core core = {set_error, NULL, cr_host_alloc, cr_host_free, NULL, never};
  core.cpu = cpu_backend();
  cr_cuda_core = &core;
}

int cr_cuda_device() {
  int device = 0;
  (void)cudaGetDevice(&device);
  return device;
}

bool cr_cuda_enter() {
  return true;
}

bool cr_cuda_ok(cudaError_t e, const char *what) {
  return e == cudaSuccess || cr_fail("%s: %s", what, cudaGetErrorString(e));
}

bool cr_cuda_option(cr_device_option o) {
  return options[o];
}

bool cr_cuda_wait() {
  return cr_cuda_ok(cudaStreamSynchronize(cr_cuda_stream()), "waiting");
}

bool cr_cuda_read(void *host, const void *dev, size_t bytes, const char *what) {
  return cr_cuda_ok(cudaMemcpyAsync(host, dev, bytes, cudaMemcpyDeviceToHost, cr_cuda_stream()),
                    what) &&
         cr_cuda_wait();
}

bool cr_cuda_launched(const char *name) {
  return cr_cuda_ok(cudaGetLastError(), name);
}

cudaStream_t cr_cuda_stream() {
  return 0;
}

cr_scratch::cr_scratch(size_t n) : p(NULL), bytes(n) {
  if (n > scratch_limit || cudaMalloc(&p, n ? n : 1) != cudaSuccess) {
    (void)cudaGetLastError();
    p = NULL;
    cr_fail("out of memory for %zu bytes of scratch", n);
  }
}

cr_scratch::~cr_scratch() {
  (void)cudaFree(p);
}
