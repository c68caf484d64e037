/* common.h: what the tests of nn's operators share: tensors of made-up numbers, comparisons. */
#ifndef CR_TESTS_NN_COMMON_H
#define CR_TESTS_NN_COMMON_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "nn/nn.h"
#include "tensor/autograd.h"

#define CPU ((cr_device){CR_CPU, 0})
#define SHAPE(...)                                                                                 \
  (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) {                         \
    __VA_ARGS__                                                                                    \
  }

/* Number i of stream s, in [0, 1): made the same way by golden/make.py. */
static inline double unit(uint64_t s, uint64_t i) {
  uint64_t z = ((s << 40) + i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return (double)(z >> 40) / 16777216.0;
}

/* Fails the test with the library's message when there is no tensor. */
static inline cr_tensor *must(cr_tensor *t) {
  if (!t) fail_msg("%s", cr_error());
  return t;
}

static inline double at(const cr_tensor *t, int64_t i) {
  int64_t index[CR_MAX_DIMS];
  for (int d = t->ndim - 1; d >= 0; d--) {
    index[d] = i % t->shape[d];
    i /= t->shape[d];
  }
  return cr_scalar_double(cr_get(t, index));
}

static inline void set_at(cr_tensor *t, int64_t i, double v) {
  int64_t index[CR_MAX_DIMS];
  for (int d = t->ndim - 1; d >= 0; d--) {
    index[d] = i % t->shape[d];
    i /= t->shape[d];
  }
  assert_true(cr_put(t, index, cr_num(v)));
}

/* Numbers of stream s in [-1, 1). */
static inline cr_tensor *numbers(uint64_t s, cr_dtype dtype, int ndim, const int64_t *shape) {
  cr_tensor *t = must(cr_empty(dtype, CPU, ndim, shape));
  for (int64_t i = 0, n = cr_numel(t); i < n; i++) set_at(t, i, 2 * unit(s, (uint64_t)i) - 1);
  return t;
}

/* The same, as a leaf that requires a gradient. */
static inline cr_tensor *leaf(uint64_t s, cr_dtype dtype, int ndim, const int64_t *shape) {
  cr_tensor *t = numbers(s, dtype, ndim, shape);
  assert_true(cr_set_requires_grad(t, true));
  return t;
}

/* Class numbers below `classes`. */
static inline cr_tensor *classes_of(uint64_t s, int64_t n, int64_t classes) {
  cr_tensor *t = must(cr_empty(CR_INT64, CPU, 1, &n));
  for (int64_t i = 0; i < n; i++)
    ((int64_t *)cr_data(t))[i] = (int64_t)((double)classes * unit(s, (uint64_t)i));
  return t;
}

/* The same elements, lying in memory in another order. */
static inline cr_tensor *shuffled(cr_tensor *t) {
  CR_AUTO swapped = must(cr_transpose(t, 0, t->ndim - 1));
  CR_AUTO copy = must(cr_clone(swapped));
  return must(cr_transpose(copy, 0, t->ndim - 1));
}

#define NEAR(a, b, tol) near_(a, b, tol, __func__, __LINE__)
static inline void near_(double a, double b, double tol, const char *where, int line) {
  if (isnan(a) && isnan(b)) return;
  if (!(fabs(a - b) <= tol * (1 + fabs(b))))
    fail_msg("%s, line %d: %.12g, wanted %.12g", where, line, a, b);
}

#define SAME(a, b, tol) same_(a, b, tol, __func__, __LINE__)
static inline void same_(const cr_tensor *a, const cr_tensor *b, double tol, const char *where,
                         int line) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!a || !b) fail_msg("%s, line %d: no tensor: %s", where, line, cr_error());
  if (!cr_same_shape(a, b))
    fail_msg("%s, line %d: %s, wanted %s", where, line, cr_tensor_str(s, a), cr_tensor_str(t, b));
  for (int64_t i = 0, n = cr_numel(b); i < n; i++) near_(at(a, i), at(b, i), tol, where, line);
}

/* The call failed, and the message holds `text`. */
#define REFUSED(call, text) refused_(call, text, __LINE__)
static inline void refused_(cr_tensor *t, const char *text, int line) {
  if (t) fail_msg("line %d: not refused; wanted: %s", line, text);
  if (!strstr(cr_error(), text)) fail_msg("line %d: \"%s\", wanted \"%s\"", line, cr_error(), text);
}

/* Runs backward from y with the gradient g; the leaves get theirs. */
static inline void back(cr_tensor *y, cr_tensor *g) {
  if (!cr_backward(1, &y, &g, NULL)) fail_msg("%s", cr_error());
}

#define CHECK_GRADIENTS(f, ctx, ...)                                                               \
  do {                                                                                             \
    cr_tensor *in_[] = {__VA_ARGS__};                                                              \
    if (!cr_gradcheck(f, ctx, (int)(sizeof in_ / sizeof *in_), in_, 1e-5, 1e-6, 1e-5,              \
                      CR_GRADCHECK_BOTH))                                                          \
      fail_msg("line %d: %s", __LINE__, cr_error());                                               \
  } while (0)

#endif
