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
/* The same for a family (CR_HALF_..) that x's device may have for half types. */
cr_dtype cr_nn_dtype_of(const cr_tensor *x, unsigned family);
/* t contiguous and of that dtype; recorded. */
cr_tensor *cr_nn_dense(cr_tensor *t, cr_dtype dtype);
/* The same for an argument that may be absent: true with *out NULL then. */
bool cr_nn_dense_opt(cr_tensor *t, cr_dtype dtype, cr_tensor **out);
/* Whether an operator on a and b (or NULL) should work channels-last: one of them is so, and their
 * device has kernels for it. */
bool cr_nn_channels_last(const cr_tensor *a, const cr_tensor *b);
/* t of that dtype, contiguous or (last) channels-last; recorded. */
cr_tensor *cr_nn_image(cr_tensor *t, cr_dtype dtype, bool last);
/* A new tensor, contiguous or channels-last. */
cr_tensor *cr_nn_empty(cr_dtype dtype, cr_device d, int ndim, const int64_t *shape, bool last);
/* Casts `t`, which it releases, to dtype. */
cr_tensor *cr_cast_owned(cr_tensor *t, cr_dtype dtype);
/* t, contiguous or (around dimension 1) channels-last, as (outer, n, inner) around `dim`. */
cr_middle_shape cr_middle(const cr_tensor *t, int dim);
/* The sum of t over all dimensions but `dim`; not recorded. */
cr_tensor *cr_sum_middle(const char *fn, cr_tensor *t, int dim);
/* For the result of a kernel: y when ok, else releases it and gives NULL. */
cr_tensor *cr_result_if(bool ok, cr_tensor *y);
static inline void *cr_data_opt(const cr_tensor *t) {
  return t ? cr_data(t) : NULL;
}

/* ---- heads.c: tensors (batch, heads, rows, n) as attention's kernels take them ------------ */
/* x (.., rows, n) with four dimensions, in dtype, with contiguous rows; recorded. */
cr_tensor *cr_heads_of(cr_tensor *x, cr_dtype dtype);
/* A tensor of that shape whose dimensions lie in memory in the order of those of `like`. */
cr_tensor *cr_heads_like(const cr_tensor *like, int64_t heads, int64_t rows, int64_t n);
cr_heads cr_heads_at(const cr_tensor *t); /* t NULL: nowhere */
/* How many heads of q share one of k. */
static inline int64_t cr_heads_group(const cr_tensor *q, const cr_tensor *k) {
  return k->shape[1] ? q->shape[1] / k->shape[1] : 1;
}
/* y with four dimensions as (.., rows, n), the leading ones being those of x; takes over y. */
cr_tensor *cr_heads_back(cr_tensor *y, const cr_tensor *x);

/* Attention made of operators; for second derivatives, and where the weights are wanted or the mask
 * has a gradient.  q, k, v and the mask (or NULL, broadcasting) have four dimensions.  seed,
 * counter: of the dropout. */
typedef struct {
  cr_attention_opts o; /* with a scale */
  uint64_t seed, counter;
} cr_attention_call;
cr_tensor *cr_attention_composed(cr_tensor *q, cr_tensor *k, cr_tensor *v,
                                 const cr_attention_call *c, cr_tensor **weights);
/* The same by the device's kernel, and without the weights. */
cr_tensor *cr_attention_fused(cr_tensor *q, cr_tensor *k, cr_tensor *v, const cr_attention_call *c);
/* Its gradients of q, k, v, those that are wanted, on the tape; g: that of the result. */
bool cr_attention_gradients(cr_tensor *const in[3], cr_tensor *g, const cr_attention_call *c,
                            const bool wanted[3], cr_tensor **gin);
/* Dropout by numbers from a place of the stream. */
cr_tensor *cr_dropout_at(cr_tensor *x, double p, uint64_t seed, uint64_t offset);

#endif
