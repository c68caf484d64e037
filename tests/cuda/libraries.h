/* libraries.h: what the parts of test_libraries.cc share: device copies, random numbers, checks. */
#ifndef CR_TEST_LIBRARIES_H
#define CR_TEST_LIBRARIES_H

#include "cuda/cuda.h"
#include "tensor/backend.h"
#include "tests/cuda/check.h"

#include <vector>

extern "C" const cr_nn_backend *cr_nn_backend_of(const char *fn, cr_device d);

/* Until a plug-in is there: the kernels of the CPU, and those under test. */
const cr_backend *cpu_backend();
const cr_backend *gpu_backend();
const cr_nn_backend *cpu_nn();
const cr_nn_backend *gpu_nn();
void start_runtime(void);

extern bool options[CR_NOPTIONS];
extern size_t scratch_limit; /* more is refused */

/* ---- checks ----------------------------------------------------------------------------- */

/* The largest difference, relative to the largest expected number where that is above 1. */
double difference(cr_dtype t, int64_t n, const void *got, const void *expected);
double number_at(cr_dtype t, const void *p, int64_t i);
double precision(cr_dtype t); /* of a type, or 0 */

/* ---- random input ----------------------------------------------------------------------- */

uint64_t random_bits();
int64_t pick(int64_t low, int64_t high); /* both included */
double uniform();                        /* -1 .. 1 */

typedef std::vector<char> bytes;
/* n elements: floats in -1 .. 1, integers small or of any size. */
bytes random_elements(cr_dtype t, int64_t n);

/* ---- device memory ---------------------------------------------------------------------- */

/* A copy of host memory on the device. */
struct device_copy {
  void *p;
  size_t size;
  explicit device_copy(const bytes &from);
  explicit device_copy(size_t n); /* not written */
  ~device_copy();
  device_copy(const device_copy &) = delete;
  device_copy &operator=(const device_copy &) = delete;
  bytes get() const;
};

/* ---- the parts -------------------------------------------------------------------------- */

void test_gemm();
void test_conv();
void test_linalg();
void test_fft();

#endif
