/* kernels.h: what the tests of the CPU kernels share: tensors of every dtype and layout,
 * comparisons, and a main that runs the whole program once for each instruction set. */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include "tensor/backend.h"
#include "tensor/cpu/cpu.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const cr_backend *cpu;
static const cr_device here = {CR_CPU, 0};

/* ---- tensors of all layouts ------------------------------------------------------------- */

typedef enum { CONTIGUOUS, STRIDED, TRANSPOSED, EXPANDED, NLAYOUTS } layout;
#define NOUT_LAYOUTS EXPANDED /* those that can be written */

static uint64_t state = 1;

static uint32_t draw(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

static cr_scalar draw_value(cr_dtype t) {
  if (cr_is_float(t)) return cr_num(((int)(draw() % 2001) - 1000) / 128.0);
  if (t == CR_BOOL) return cr_int(draw() % 2);
  return cr_int((int)(draw() % 41) - (cr_dtypes[t].is_signed ? 20 : 0));
}

static cr_tensor *make(cr_dtype t, layout how, int ndim, const int64_t *shape) {
  int64_t stride[CR_MAX_DIMS], step = how == STRIDED ? 2 : 1, last = 0;
  for (int i = 0; i < ndim; i++) {
    int d = how == TRANSPOSED ? i : ndim - 1 - i;
    stride[d] = how == EXPANDED && d == 0 ? 0 : step;
    step *= how == EXPANDED && d == 0 ? 1 : shape[d] + (how == STRIDED);
    last += (shape[d] > 0 ? shape[d] - 1 : 0) * stride[d];
  }
  cr_storage *s = cr_storage_new(t, here, last + 2);
  assert_non_null(s);
  for (int64_t i = 0; i < s->size; i++) {
    cr_store_scalar(t, (char *)s->data + (size_t)i * cr_sizeof(t), draw_value(t));
  }
  cr_tensor *x = cr_view_storage(s, t, 1, ndim, shape, stride);
  assert_non_null(x);
  cr_storage_release(s);
  return x;
}

static void *place(const cr_tensor *t, int64_t flat) {
  char *p = cr_data(t);
  for (int d = t->ndim - 1; d >= 0; d--) {
    p += flat % t->shape[d] * t->stride[d] * (int64_t)cr_sizeof((cr_dtype)t->dtype);
    flat /= t->shape[d];
  }
  return p;
}

static double get(const cr_tensor *t, int64_t flat) {
  return cr_scalar_double(cr_load_scalar((cr_dtype)t->dtype, place(t, flat)));
}

__attribute__((unused)) static int64_t geti(const cr_tensor *t, int64_t flat) {
  return cr_scalar_int(cr_load_scalar((cr_dtype)t->dtype, place(t, flat)));
}

static void put(cr_tensor *t, int64_t flat, cr_scalar v) {
  cr_store_scalar((cr_dtype)t->dtype, place(t, flat), v);
}

/* The number that v is in dtype t. */
static double as_stored(cr_dtype t, cr_scalar v) {
  _Alignas(8) char p[8];
  cr_store_scalar(t, p, v);
  return cr_scalar_double(cr_load_scalar(t, p));
}

static double epsilon(cr_dtype t) {
  static const double e[CR_NDTYPES] = {1.2e-7, 2.3e-16, 9.8e-4, 7.9e-3};
  return e[t];
}

__attribute__((unused)) static bool near_to(cr_dtype t, double got, double want, double ulps) {
  if (isnan(want)) return isnan(got);
  want = as_stored(t, cr_num(want));
  if (got == want) return true;
  return fabs(got - want) <= ulps * epsilon(t) * fmax(fabs(want), 1e-4);
}

#define NEAR(t, got, want, ulps, ...)                                                              \
  do {                                                                                             \
    double got_ = (got), want_ = (want);                                                           \
    if (!near_to(t, got_, want_, ulps)) {                                                          \
      print_message(__VA_ARGS__);                                                                  \
      fail_msg("got %.17g, want %.17g", got_, want_);                                              \
    }                                                                                              \
  } while (0)

static const struct {
  int ndim;
  int64_t shape[4];
} shapes[] = {{0, {0}},      {1, {1}},      {1, {7}},        {1, {0}},          {2, {3, 5}},
              {2, {37, 41}}, {2, {2, 700}}, {3, {5, 1, 17}}, {4, {2, 3, 4, 9}}, {2, {130, 520}}};
#define NSHAPES (int)(sizeof shapes / sizeof *shapes)

__attribute__((unused)) static void set_threads(int n) {
  cr_ctx()->threads = n;
}

/* ---- the program ------------------------------------------------------------------------ */

/* Runs `tests` in a process of its own for each instruction set up to the processor's. */
static int run_each_isa(char **argv, int (*tests)(void)) {
  static const char *const names[] = {"v2", "v3", "v4"};
  cpu = cr_backend_of(here);
  if (getenv("CRESSET_ISA")) {
    print_message("instruction set %s\n", cr_cpu_isa());
    return tests();
  }
  int best = cr_cpu_isa_index(), failed = 0;
  for (int i = 0; i <= best; i++) {
    setenv("CRESSET_ISA", names[i], 1);
    pid_t child = fork();
    if (child == 0) {
      execv("/proc/self/exe", argv);
      _exit(127);
    }
    int status = 1;
    waitpid(child, &status, 0);
    failed |= status != 0;
  }
  return failed;
}

#endif
