/* kernels.h: what the parts of test_kernels.cc share: operands in the memory of both devices,
 * random elements, comparisons. */
#ifndef CR_TEST_KERNELS_H
#define CR_TEST_KERNELS_H

#include "tensor/backend.h"
#include "tensor/device.h"
#include "tests/cuda/check.h"

#include <stdio.h>
#include <string>
#include <vector>

typedef std::vector<char> bytes;
typedef std::vector<int64_t> sizes;

extern const cr_backend *cpu, *gpu;
bool synchronize(); /* false if the GPU has refused something since */

/* ---- checks ----------------------------------------------------------------------------- */

std::string text(const char *format, ...) __attribute__((format(printf, 1, 2)));
std::string text_of(const sizes &s);

/* How far results may be apart, relative to the larger of the expected number and `near`. */
struct tolerance {
  double relative, near;
};
const tolerance EXACT = {0, 0}; /* every bit, but for those of NaN */
/* Some units in the last place of t; what is computed in float32 or, for float64, in double. */
tolerance ulps(cr_dtype t, double count, double near = 1e-2);

/* ---- random numbers --------------------------------------------------------------------- */

uint64_t random_bits();
int64_t pick(int64_t low, int64_t high); /* both included */
double uniform();                        /* -1 .. 1 */

enum values {
  PLAIN,   /* floats in -3 .. 3, integers of any size */
  SMALL,   /* whole numbers in -3 .. 3, so that many are equal */
  SPECIAL, /* PLAIN with NaN, infinities, zeros, tiny and huge numbers */
  NEAR_ONE /* floats and integers whose products stay in range */
};
void fill_random(cr_dtype t, void *p, int64_t n, enum values kind);

/* ---- operands --------------------------------------------------------------------------- */

enum layout {
  DENSE,
  SHIFTED, /* dense, but one element off its alignment */
  GAPS,    /* every second element of a line, lines further apart */
  ROWS,    /* lines without gaps, further apart */
  TURNED,  /* the dimensions the other way round */
  SPREAD,  /* stride 0 along every second dimension, from the last on; to read only */
  SINGLE,  /* stride 0 everywhere; to read only */
  LAYOUTS
};
extern const char *const layout_names[];

/* A tensor in host memory with a copy of its memory on the GPU; both begin with the same elements
 * all over, so that what is written beside the tensor is found as well. */
struct array {
  cr_dtype dtype;
  sizes shape, stride; /* stride in elements */
  int64_t first;       /* element of the memory */
  bytes host;
  char *device;
  std::vector<cr_tensor *> views;

  array(cr_dtype dtype, const sizes &shape, enum layout how = DENSE, enum values kind = PLAIN);
  ~array();
  array(const array &) = delete;
  array &operator=(const array &) = delete;

  cr_tensor *tensor(); /* in host memory */
  cr_tensor *view(const sizes &shape, const sizes &stride);
  char *data() { return host.data() + first * (int64_t)cr_sizeof(dtype); }
  char *on_device(const void *p) { return device + ((const char *)p - host.data()); }
  int64_t numel() const;
  void upload();
  /* Whether the GPU's memory is what the host's is. */
  bool same(tolerance t, std::string *difference, double *part_wrong = NULL);
};

/* The same loop for both devices.  operands[0] is the output; NULL stands for a number. */
struct loop {
  std::vector<array *> operands;
  cr_iter on_cpu, on_gpu;
  uint64_t number;
  loop(const std::vector<array *> &operands, double number = 0);
  /* Puts other views in the place of the operands' own. */
  loop(const std::vector<array *> &operands, const std::vector<cr_tensor *> &views);
  void flip(int k, int d); /* operand k runs backwards along dimension d of the loop */
  void upload();

private:
  void make(const std::vector<cr_tensor *> &views, double number);
};

/* Checks that a kernel succeeded on both devices, and that the output's memory is the same. */
bool compare(array &out, bool cpu_ok, bool gpu_ok, tolerance t, const std::string &what);

/* ---- the parts -------------------------------------------------------------------------- */

/* A part is a function in a file kernels_<its name>.cc that compares one kind of kernel: for all
 * types, layouts and sizes that matter it makes arrays, runs the same call on `gpu` and on `cpu`,
 * and lets compare() look at the output's memory.  It is declared here and has a line in the table
 * at the end of test_kernels.cc, so that `test_kernels <its name>` runs it alone; the makefile
 * finds the file by itself.  Arrays are put on the GPU by a loop, or by upload() where the kernel
 * takes pointers, which on_device() translates.  All parts together should take half a minute. */
void test_copies();
void test_elementwise();
void test_reductions();
void test_lines();
void test_places();
void test_numbers();
void test_nn();

extern const cr_dtype all_types[CR_NDTYPES];
#define FOR_TYPES(t) for (cr_dtype t : all_types)

#endif
