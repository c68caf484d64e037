/* internal.h: what the files of nn/ share and nobody else needs. */
#ifndef CR_NN_INTERNAL_H
#define CR_NN_INTERNAL_H

#include "nn/backend.h"
#include "nn/nn.h"

/* The table of a device, in use for it; NULL with a message naming fn when there is none. */
const cr_nn_backend *cr_nn_backend_of(const char *fn, cr_device d);

/* Whether kernels see t as float32. */
static inline bool cr_nn_half(const cr_tensor *t) {
  return t->dtype == CR_FLOAT16 || t->dtype == CR_BFLOAT16;
}
/* Checks that t, an argument called `what`, has x's dtype and device.  t may be NULL. */
bool cr_nn_match(const char *fn, const cr_tensor *x, const char *what, const cr_tensor *t);
/* The same and that t is a vector of n. */
bool cr_nn_vector(const char *fn, const cr_tensor *x, const char *what, const cr_tensor *t,
                  int64_t n);
/* The dtype in which kernels work on x. */
static inline cr_dtype cr_nn_dtype(const cr_tensor *x) {
  return cr_nn_half(x) ? CR_FLOAT32 : (cr_dtype)x->dtype;
}
/* t contiguous and of that dtype; recorded. */
cr_tensor *cr_nn_dense(cr_tensor *t, cr_dtype dtype);
/* The same for an argument that may be absent: true with *out NULL then. */
bool cr_nn_dense_opt(cr_tensor *t, cr_dtype dtype, cr_tensor **out);
/* Casts `t`, which it releases, to dtype. */
cr_tensor *cr_cast_owned(cr_tensor *t, cr_dtype dtype);
/* t as (outer, n, inner) around its dimension `dim`. */
cr_middle_shape cr_middle(const cr_tensor *t, int dim);
/* The sum of t over all dimensions but `dim`; not recorded. */
cr_tensor *cr_sum_middle(const char *fn, cr_tensor *t, int dim);
/* For the result of a kernel: y when ok, else releases it and gives NULL. */
cr_tensor *cr_result_if(bool ok, cr_tensor *y);
static inline void *cr_data_opt(const cr_tensor *t) {
  return t ? cr_data(t) : NULL;
}

#endif
