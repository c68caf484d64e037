/* backend.c: finds the kernels of a device, and what nn's operators share. */
#include "nn/internal.h"
#include "tensor/cpu/cpu.h"
#include "tensor/device.h"
#include "tensor/profile.h"

#include <pthread.h>

/* ---- the kernels of a device ------------------------------------------------------------ */

static cr_nn_backend cpu;

/* The families of kernels: cpu/<family>.c. */
#define FAMILIES(X)                                                                                \
  X(conv)                                                                                          \
  X(pool)                                                                                          \
  X(windows)                                                                                       \
  X(embedding)                                                                                     \
  X(norm)                                                                                          \
  X(softmax)                                                                                       \
  X(loss)                                                                                          \
  X(dropout)                                                                                       \
  X(ctc)                                                                                           \
  X(recurrent)                                                                                     \
  X(attention)                                                                                     \
  X(rotary)

#define DECLARE(family) CR_ISA_DECLARE(cr_nn_fill_##family, cr_nn_backend *);
FAMILIES(DECLARE)

typedef void (*fill_fn)(cr_nn_backend *);

static void fill_cpu(void) {
#define LIST(family) CR_ISA_LIST(cr_nn_fill_##family),
  static const fill_fn fill[][CR_ISA_COUNT] = {FAMILIES(LIST)};
  int isa = cr_cpu_isa_index();
  for (size_t i = 0; i < sizeof fill / sizeof fill[0]; i++) fill[i][isa](&cpu);
}

const cr_nn_backend *cr_nn_backend_of(const char *fn, cr_device d) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (d.type == CR_CPU) {
    pthread_once(&once, fill_cpu);
    return &cpu;
  }
  if (cr_backend_of(d)) {
    cr_profile *p = cr_profiling();
    if (p) cr_profile_use(p, d);
    return cr_plugin_of((cr_device_type)d.type)->nn;
  }
  cr_error_prefix(fn);
  return NULL;
}

cr_dtype cr_nn_dtype_of(const cr_tensor *x, unsigned family) {
  if (!cr_nn_half(x) || cr_device_of(x).type == CR_CPU) return cr_nn_dtype(x);
  const cr_nn_backend *be = cr_plugin_of((cr_device_type)cr_device_of(x).type)->nn;
  return be->halves & family ? (cr_dtype)x->dtype : CR_FLOAT32;
}

/* ---- checks ----------------------------------------------------------------------------- */

bool cr_nn_match(const char *fn, const cr_tensor *x, const char *what, const cr_tensor *t) {
  if (!t) return true;
  if (t->dtype != x->dtype)
    return cr_fail("%s: input is %s, but %s is %s", fn, cr_dtypes[x->dtype].name, what,
                   cr_dtypes[t->dtype].name);
  return cr_same_device(fn, x, t);
}

bool cr_nn_vector(const char *fn, const cr_tensor *x, const char *what, const cr_tensor *t,
                  int64_t n) {
  char s[CR_SHAPE_STR];
  if (!t) return true;
  if (t->ndim != 1 || t->shape[0] != n)
    return cr_fail("%s: %s is %s, wanted %lld elements", fn, what,
                   cr_shape_str(s, t->ndim, t->shape), (long long)n);
  return cr_nn_match(fn, x, what, t);
}

/* ---- small helpers ---------------------------------------------------------------------- */

cr_tensor *cr_cast_owned(cr_tensor *t, cr_dtype dtype) {
  CR_AUTO owned = t;
  return cr_cast(owned, dtype);
}

cr_tensor *cr_nn_dense(cr_tensor *t, cr_dtype dtype) {
  CR_AUTO wide = cr_cast(t, dtype);
  return cr_contiguous(wide);
}

bool cr_nn_channels_last(const cr_tensor *a, const cr_tensor *b) {
  cr_device d = cr_device_of(a);
  if (d.type == CR_CPU || !(cr_only_channels_last(a) || (b && cr_only_channels_last(b))))
    return false;
  const cr_nn_backend *be = cr_plugin_of((cr_device_type)d.type)->nn;
  return be->channels_last;
}

cr_tensor *cr_nn_image(cr_tensor *t, cr_dtype dtype, bool last) {
  CR_AUTO wide = cr_cast(t, dtype);
  return last ? cr_channels_last(wide) : cr_contiguous(wide);
}

cr_tensor *cr_nn_empty(cr_dtype dtype, cr_device d, int ndim, const int64_t *shape, bool last) {
  return last ? cr_empty_channels_last(dtype, d, shape) : cr_empty(dtype, d, ndim, shape);
}

bool cr_nn_dense_opt(cr_tensor *t, cr_dtype dtype, cr_tensor **out) {
  *out = cr_nn_dense(t, dtype);
  return !t || *out;
}

cr_middle_shape cr_middle(const cr_tensor *t, int dim) {
  cr_middle_shape s = {(cr_dtype)t->dtype, 1, 1, 1};
  if (dim == 1 && cr_only_channels_last(t)) {
    s.n = t->shape[1];
    s.outer = cr_numel(t) / s.n;
    return s;
  }
  for (int d = 0; d < t->ndim; d++)
    *(d < dim ? &s.outer : d == dim ? &s.n : &s.inner) *= t->shape[d];
  return s;
}

cr_tensor *cr_result_if(bool ok, cr_tensor *y) {
  if (ok) return y;
  cr_release(y);
  return NULL;
}

cr_tensor *cr_sum_middle(const char *fn, cr_tensor *t, int dim) {
  const cr_nn_backend *be = cr_nn_backend_of(fn, cr_device_of(t));
  CR_AUTO dense = cr_nn_image(t, (cr_dtype)t->dtype, dim == 1 && cr_nn_channels_last(t, NULL));
  cr_tensor *out =
      be && dense ? cr_empty((cr_dtype)t->dtype, cr_device_of(t), 1, &t->shape[dim]) : NULL;
  if (!out) return NULL;
  cr_middle_shape s = cr_middle(dense, dim);
  return cr_result_if(be->sum_middle(&s, cr_data(out), cr_data(dense)), out);
}
