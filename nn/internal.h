/* internal.h: what a device must be able to do for nn's operators, and what their files share.
 *
 * The kernels see contiguous arrays of float32 or float64 only: the operators have checked the
 * shapes, copied what was strided and widened the half types.  All pointers are memory of the
 * device, scalars included.  A kernel returns false for what no check could foresee, with a
 * message. */
#ifndef CR_NN_INTERNAL_H
#define CR_NN_INTERNAL_H

#include "nn/nn.h"

/* y (n, o, oh, ow) of x (n, c, h, w) and w (o, c/groups, kh, kw). */
typedef struct {
  cr_dtype dtype;
  int64_t n, c, h, w, o, kh, kw, oh, ow;
  cr_conv2d_args args;
} cr_conv2d_shape;

/* Each of `planes` h by w goes to oh by ow. */
typedef struct {
  cr_dtype dtype;
  int64_t planes, h, w, oh, ow;
  cr_pool2d_args args;
} cr_pool2d_shape;

/* An array (outer, n, inner) that is worked on along its middle. */
typedef struct {
  cr_dtype dtype;
  int64_t outer, n, inner;
} cr_middle_shape;

/* Channels are the middle.  mean and rstd have one number a channel and the dtype of x. */
typedef struct {
  cr_middle_shape s;
  bool training;
  double momentum, eps;
  const void *weight, *bias;        /* NULL: ones, zeros */
  void *running_mean, *running_var; /* read in evaluation, updated in training; NULL allowed then */
} cr_batch_norm_args;

typedef struct {
  cr_dtype dtype;
  int64_t rows, classes;
  const int64_t *target; /* rows */
  const void *weight;    /* classes, or NULL */
  int64_t ignore;
  bool average;
} cr_nll_args;

typedef struct {
  bool (*conv2d)(const cr_conv2d_shape *s, void *y, const void *x, const void *w, const void *bias);
  bool (*conv2d_input)(const cr_conv2d_shape *s, void *gx, const void *gy, const void *w);
  bool (*conv2d_weight)(const cr_conv2d_shape *s, void *gw, const void *gy, const void *x);
  /* out[i] = the sum of in over outer and inner. */
  bool (*sum_middle)(const cr_middle_shape *s, void *out, const void *in);

  bool (*max_pool2d)(const cr_pool2d_shape *s, void *y, int64_t *places, const void *x);
  bool (*max_pool2d_backward)(const cr_pool2d_shape *s, void *gx, const void *gy,
                              const int64_t *places);
  bool (*avg_pool2d)(const cr_pool2d_shape *s, void *y, const void *x);
  bool (*avg_pool2d_backward)(const cr_pool2d_shape *s, void *gx, const void *gy);

  /* In training writes mean and rstd; otherwise too, from the running ones. */
  bool (*batch_norm)(const cr_batch_norm_args *a, void *y, const void *x, void *mean, void *rstd);
  /* gx, gw and gb may be NULL. */
  bool (*batch_norm_backward)(const cr_batch_norm_args *a, void *gx, void *gw, void *gb,
                              const void *gy, const void *x, const void *mean, const void *rstd);
  /* Over n of (outer, n); mean and rstd have outer elements; inner is 1. */
  bool (*layer_norm)(const cr_middle_shape *s, double eps, void *y, const void *x, const void *w,
                     const void *b, void *mean, void *rstd);
  bool (*layer_norm_backward)(const cr_middle_shape *s, void *gx, void *gw, void *gb,
                              const void *gy, const void *x, const void *w, const void *mean,
                              const void *rstd);

  bool (*softmax)(const cr_middle_shape *s, bool log, void *y, const void *x);
  bool (*softmax_backward)(const cr_middle_shape *s, bool log, void *gx, const void *gy,
                           const void *y);

  /* A target outside 0 .. classes-1 that is not `ignore` fails: "target 11 is outside 1..10".
   * loss and g are one number each.  The average over no weight at all is 0, and so is its
   * gradient. */
  bool (*nll)(const cr_nll_args *a, void *loss, const void *logp);
  bool (*nll_backward)(const cr_nll_args *a, void *gx, const void *g);
  /* lse: the log of the sum of exponentials of each row. */
  bool (*cross_entropy)(const cr_nll_args *a, void *loss, void *lse, const void *x);
  bool (*cross_entropy_backward)(const cr_nll_args *a, void *gx, const void *g, const void *lse,
                                 const void *x);
  /* loss = scale * sum (x-t)^2;  gx = 2 scale g (x-t) */
  bool (*mse)(cr_dtype dtype, int64_t n, double scale, void *loss, const void *x, const void *t);
  bool (*mse_backward)(cr_dtype dtype, int64_t n, double scale, void *gx, const void *g,
                       const void *x, const void *t);

  /* y[i] = x[i] * scale, or 0 with probability p.  Element i falls when the 32-bit number i%4 of
   * Philox counter offset + i/4 is below p * 2^32.  y may be x. */
  bool (*dropout)(cr_dtype dtype, int64_t n, void *y, const void *x, double p, double scale,
                  uint64_t seed, uint64_t offset);
} cr_nn_backend;

/* The table of a device; NULL with a message naming fn when there is none. */
const cr_nn_backend *cr_nn_backend_of(const char *fn, cr_device d);
/* Called by a backend's library when it is loaded. */
void cr_nn_backend_register(cr_device_type type, const cr_nn_backend *b);

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
