/* ops.h: the operators.  Each works on any device, and on the tape.
 *
 * A last argument `out` may be NULL: the result is a new tensor.  Otherwise the result is written
 * there (it is resized when its shape differs) and a new reference to it is returned; out may be
 * one of the inputs, which makes the operator work in place. A tensor argument that is NULL makes
 * the result NULL with the message left as it is, so that calls can be nested and only the last
 * result needs a check; CR_AUTO releases what came between. `dim` counts from 0; dims below 0 count
 * from the end.  Shapes, dtypes and devices are checked; a message names the operator, what it got
 * and what it wanted. */
#ifndef CR_OPS_H
#define CR_OPS_H

#include "tensor/backend.h"
#include "tensor/tensor.h"

static inline void cr_auto_release(cr_tensor **t) {
  cr_release(*t);
}
/* A local reference that is released when its block ends: CR_AUTO x = cr_mul(a, b); */
#define CR_AUTO __attribute__((cleanup(cr_auto_release))) cr_tensor *

/* The kernels of t's device, in use for it (cr_backend.use). */
static inline const cr_backend *cr_backend_for(const cr_tensor *t) {
  const cr_backend *b = t->storage->backend;
  if (b->use) cr_use_device(b, t->storage->device);
  return b;
}

/* ---- ops/create.c ----------------------------------------------------------------------- */
cr_tensor *cr_full(cr_dtype dtype, cr_device d, int ndim, const int64_t *shape, cr_scalar v);
cr_tensor *cr_zeros_like(const cr_tensor *t);
cr_tensor *cr_ones_like(const cr_tensor *t);
cr_tensor *cr_arange(cr_dtype dtype, cr_device d, double start, double step, int64_t n);
cr_tensor *cr_eye(cr_dtype dtype, cr_device d, int64_t n, int64_t m);
cr_tensor *cr_fill(cr_tensor *t, cr_scalar v); /* in place */

/* ---- ops/copy.c ------------------------------------------------------------------------- */
cr_tensor *cr_copy(cr_tensor *dst, cr_tensor *src); /* broadcasts and casts; any devices */
cr_tensor *cr_contiguous(cr_tensor *t);             /* t itself when it is contiguous */
cr_tensor *cr_clone(cr_tensor *t);                  /* always contiguous */
cr_tensor *cr_channels_last(cr_tensor *t);          /* t itself when it is; of 4 dimensions */
cr_tensor *cr_cast(cr_tensor *t, cr_dtype dtype);   /* t itself when it has that dtype */
cr_tensor *cr_to_device(cr_tensor *t, cr_device d); /* t itself when it is there */

/* ---- ops/view.c: results share t's elements --------------------------------------------- */
cr_tensor *cr_narrow(cr_tensor *t, int dim, int64_t start, int64_t size);
cr_tensor *cr_slice(cr_tensor *t, int dim, int64_t start, int64_t size, int64_t step);
cr_tensor *cr_select(cr_tensor *t, int dim, int64_t index);
cr_tensor *cr_transpose(cr_tensor *t, int dim0, int dim1);
cr_tensor *cr_permute(cr_tensor *t, int n, const int *dims);
cr_tensor *cr_view(cr_tensor *t, int ndim, const int64_t *shape); /* one size may be -1 */
cr_tensor *cr_reshape(cr_tensor *t, int ndim,
                      const int64_t *shape); /* copies where a view can't be */
cr_tensor *cr_expand(cr_tensor *t, int ndim, const int64_t *shape);
cr_tensor *cr_squeeze(cr_tensor *t, int dim);
cr_tensor *cr_squeeze_all(cr_tensor *t);
cr_tensor *cr_unsqueeze(cr_tensor *t, int dim);
cr_tensor *cr_unfold(cr_tensor *t, int dim, int64_t size, int64_t step);
cr_tensor *cr_diagonal(cr_tensor *t, int64_t k); /* of a matrix; k > 0 above the main one */
/* The same of two dimensions of any tensor; the diagonal is the result's last dimension. */
cr_tensor *cr_diagonal_of(cr_tensor *t, int64_t k, int row, int column);
/* Any view of t's storage, offsets and strides in elements of the storage. */
cr_tensor *cr_as_strided(cr_tensor *t, int64_t offset, int ndim, const int64_t *shape,
                         const int64_t *stride);
/* Zeros of the given shape, with t in the place that cr_narrow(.., dim, start, ..) would view. */
cr_tensor *cr_narrow_into(cr_tensor *t, int dim, int64_t start, int64_t size_of_dim, int64_t step);

/* ---- ops/unary.c ------------------------------------------------------------------------ */
cr_tensor *cr_unary(cr_unary_op op, cr_tensor *a, cr_tensor *out);
const char *cr_unary_name(cr_unary_op op);
/* g times the derivative of y = op(x); recorded. */
cr_tensor *cr_unary_derivative(cr_unary_op op, cr_tensor *g, cr_tensor *x, cr_tensor *y);
#define cr_neg(a) cr_unary(CR_NEG, a, NULL)

/* ---- ops/binary.c: broadcasting; dtypes are promoted ------------------------------------ */
cr_tensor *cr_binary(cr_binary_op op, cr_tensor *a, cr_tensor *b, cr_tensor *out);
/* With a number.  The dtype is a's; an integer tensor with a fractional number gives the context's
 * default float type, except into `out`. */
cr_tensor *cr_binary_scalar(cr_binary_op op, cr_tensor *a, cr_scalar b, cr_tensor *out);
cr_tensor *cr_scalar_binary(cr_binary_op op, cr_scalar a, cr_tensor *b, cr_tensor *out);
const char *cr_binary_name(cr_binary_op op);
#define cr_add(a, b) cr_binary(CR_ADD, a, b, NULL)
#define cr_sub(a, b) cr_binary(CR_SUB, a, b, NULL)
#define cr_mul(a, b) cr_binary(CR_MUL, a, b, NULL)
#define cr_div(a, b) cr_binary(CR_DIV, a, b, NULL)
#define cr_mul_num(a, s) cr_binary_scalar(CR_MUL, a, cr_num(s), NULL)
#define cr_add_num(a, s) cr_binary_scalar(CR_ADD, a, cr_num(s), NULL)

/* ---- ops/update.c: lists of n tensors that change in place ------------------------------ */

/* All are checked before any changes, nothing is recorded, and as many as can be are done in one
 * call of the backend.  A list may hold several float types and devices. */

/* Changes each parameter, and its states, by one step with its gradient; states: up to three lists,
 * or NULL.  Those of one parameter have one shape, float type and device. */
bool cr_update(cr_update_rule rule, int n, cr_tensor *const *p, cr_tensor *const *g,
               cr_tensor *const *const states[3], const cr_update_args *a);
bool cr_zero(int n, cr_tensor *const *t);
/* averages[i] += share (t[i] - averages[i]) */
bool cr_average(int n, cr_tensor *const *averages, cr_tensor *const *t, double share);
/* finite, unless NULL: whether all elements are, after it; the host waits for the answer. */
bool cr_scale(int n, cr_tensor *const *t, double factor, bool *finite);
/* Scales all alike, so that the norm of them together is at most `most`.  On one device.  norm:
 * what it was before, for which the host waits; NULL: it waits for nothing. */
bool cr_clip_norm(int n, cr_tensor *const *t, double most, double *norm);

/* ---- ops/pointwise.c: fused loops ------------------------------------------------------- */
cr_tensor *cr_addcmul(cr_tensor *a, cr_scalar s, cr_tensor *b, cr_tensor *c, cr_tensor *out);
cr_tensor *cr_addcdiv(cr_tensor *a, cr_scalar s, cr_tensor *b, cr_tensor *c, cr_tensor *out);
cr_tensor *cr_axpby(cr_scalar s, cr_tensor *a, cr_scalar t, cr_tensor *b,
                    cr_tensor *out); /* sa + tb */
/* a + w (b - a) */
cr_tensor *cr_lerp_by(cr_tensor *a, cr_tensor *b, cr_tensor *w, cr_tensor *out);
/* Of floats: nan in place of NaN, and nothing beyond -most and most. */
cr_tensor *cr_nan_to_num(cr_tensor *a, double nan, double most);
cr_tensor *cr_lerp(cr_tensor *a, cr_tensor *b, cr_scalar s, cr_tensor *out);
cr_tensor *cr_clamp(cr_tensor *a, cr_scalar lo, cr_scalar hi, cr_tensor *out);
cr_tensor *cr_threshold(cr_tensor *a, cr_scalar threshold, cr_scalar value, cr_tensor *out);
/* From here to cr_hardswish float types alone. */
/* factor times the squares of a - b, of which what is above the bound counts in proportion. */
cr_tensor *cr_huber(cr_tensor *a, cr_tensor *b, double bound, double factor);
cr_tensor *cr_leaky_relu(cr_tensor *a, double slope);
cr_tensor *cr_prelu(cr_tensor *a, cr_tensor *slopes);
/* Clamped, but the derivative is 0 at the bounds themselves too. */
cr_tensor *cr_hardtanh(cr_tensor *a, double lo, double hi);
cr_tensor *cr_hardshrink(cr_tensor *a, double lambda); /* 0 where |a| <= lambda, else a */
cr_tensor *cr_softshrink(cr_tensor *a, double lambda); /* a - clamp(a, -lambda, lambda) */
cr_tensor *cr_hardsigmoid(cr_tensor *a);               /* clamp(a + 3, 0, 6) / 6 */
cr_tensor *cr_hardswish(cr_tensor *a);                 /* a times that */
cr_tensor *cr_where(cr_tensor *cond, cr_tensor *a, cr_tensor *b, cr_tensor *out);

/* ---- ops/reduce.c: ndims < 0: over all dims --------------------------------------------- */
cr_tensor *cr_reduce(cr_reduce_op op, cr_tensor *a, int ndims, const int *dims, bool keepdim,
                     cr_tensor *out);
const char *cr_reduce_name(cr_reduce_op op);
cr_tensor *cr_sum(cr_tensor *a); /* over all: a scalar tensor */
/* The same in another type than a's; not recorded. */
cr_tensor *cr_sum_as(cr_tensor *a, cr_dtype dtype);
cr_tensor *cr_mean(cr_tensor *a, int ndims, const int *dims, bool keepdim, cr_tensor *out);
/* Variance with n - correction in the denominator; standard deviation when sqrt. */
cr_tensor *cr_var(cr_tensor *a, int ndims, const int *dims, bool keepdim, int correction,
                  bool sqrt);
cr_tensor *cr_norm(cr_tensor *a, double p, int ndims, const int *dims, bool keepdim);
/* Sum a down to a shape that broadcasts to a's. */
cr_tensor *cr_sum_to(cr_tensor *a, int ndim, const int64_t *shape);
/* Largest (or smallest) along a dim: values on the tape, 0-based int64 places. */
bool cr_max_dim(cr_tensor *a, int dim, bool keepdim, bool smallest, cr_tensor **values,
                cr_tensor **places);
cr_tensor *cr_scan(cr_reduce_op op, cr_tensor *a, int dim, cr_tensor *out); /* CR_SUM or CR_PROD */
/* Part of a sort: `count` elements of each line from rank `first` on, and their places. */
bool cr_ranked(const char *fn, cr_tensor *a, int dim, int64_t first, int64_t count, bool descending,
               cr_tensor **values, cr_tensor **places);
bool cr_sort(cr_tensor *a, int dim, bool descending, cr_tensor **values, cr_tensor **places);

/* ---- ops/matmul.c ----------------------------------------------------------------------- */
cr_tensor *cr_mm(cr_tensor *a, cr_tensor *b, cr_tensor *out);
cr_tensor *cr_bmm(cr_tensor *a, cr_tensor *b, cr_tensor *out);
cr_tensor *cr_mv(cr_tensor *a, cr_tensor *x, cr_tensor *out);
cr_tensor *cr_dot(cr_tensor *a, cr_tensor *b); /* scalar tensor */
cr_tensor *cr_ger(cr_tensor *x, cr_tensor *y, cr_tensor *out);
/* Cross products along a dimension of size 3, which counts from the end: -1 is the last. */
cr_tensor *cr_cross(cr_tensor *a, cr_tensor *b, int dim);
/* Torch7's `*` and PyTorch's matmul: vectors, matrices, batches with broadcasting. */
cr_tensor *cr_matmul(cr_tensor *a, cr_tensor *b, cr_tensor *out);
/* beta*c + alpha*(a b): a matrix product (also batched: 3-d a and b, c 3-d), matrix-vector or outer
 * product by the numbers of dimensions; c broadcasts. */
cr_tensor *cr_addmm(double beta, cr_tensor *c, double alpha, cr_tensor *a, cr_tensor *b,
                    cr_tensor *out);
/* x w^T + bias: x (.., in), w (out, in), bias (out) or NULL. */
cr_tensor *cr_linear(cr_tensor *x, cr_tensor *w, cr_tensor *bias);

/* ---- ops/index.c: index tensors are int64, 0-based, or with `base` as the first index ---- */
cr_tensor *cr_gather(cr_tensor *a, int dim, cr_tensor *index, int64_t base, cr_tensor *out);
cr_tensor *cr_scatter(cr_tensor *a, int dim, cr_tensor *index, int64_t base, cr_tensor *src,
                      bool add); /* in place */
cr_tensor *cr_index_select(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *out);
cr_tensor *cr_index_add(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *src, double alpha);
cr_tensor *cr_index_copy(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *src);
cr_tensor *cr_index_fill(cr_tensor *a, int dim, cr_tensor *index, cr_scalar v);
cr_tensor *cr_masked_select(cr_tensor *a, cr_tensor *mask, cr_tensor *out);
cr_tensor *cr_masked_fill(cr_tensor *a, cr_tensor *mask, cr_scalar v);    /* in place */
cr_tensor *cr_masked_copy(cr_tensor *a, cr_tensor *mask, cr_tensor *src); /* in place */
cr_tensor *cr_nonzero(cr_tensor *a); /* n by ndim, int64, 0-based */
cr_tensor *cr_cat(int n, cr_tensor *const *t, int dim);
cr_tensor *cr_stack(int n, cr_tensor *const *t, int dim);

/* ---- ops/select.c: by rank along a dim, which is kept: values on the tape, 0-based places -- */
bool cr_kthvalue(cr_tensor *a, int64_t k, int dim, cr_tensor **values, cr_tensor **places);
/* The middle one; of an even number the lower. */
bool cr_median(cr_tensor *a, int dim, cr_tensor **values, cr_tensor **places);
bool cr_topk(cr_tensor *a, int64_t k, int dim, bool largest, cr_tensor **values,
             cr_tensor **places);
/* The most frequent, of equally frequent ones the smallest; the place of its last appearance. */
bool cr_mode(cr_tensor *a, int dim, cr_tensor **values, cr_tensor **places);

/* ---- ops/fft.c -------------------------------------------------------------------------- */
/* Complex numbers are pairs in a last dimension of size 2, which dim does not count.  n < 0: the
 * line's own length; else the line is cut, or continued with zeros. */
cr_tensor *cr_fft(const char *fn, cr_tensor *x, int64_t n, int dim, bool inverse, double scale);
cr_tensor *cr_rfft(const char *fn, cr_tensor *x, int64_t n, int dim, double scale);
cr_tensor *cr_irfft(const char *fn, cr_tensor *x, int64_t n, int dim, double scale);

/* ---- ops/special.c: less common functions; integers become floats, but for GCD and LCM ---- */
/* b is NULL for those of one operand (but not POLYGAMMA). */
cr_tensor *cr_special(cr_special_op op, cr_tensor *a, cr_tensor *b);
cr_tensor *cr_polygamma(cr_tensor *a, int64_t order); /* order 0: digamma */
const char *cr_special_name(cr_special_op op);

/* ---- ops/running.c: along a dim --------------------------------------------------------- */
/* The largest (or smallest) so far: values on the tape, 0-based places, the last of equals. */
bool cr_running_extreme(cr_tensor *a, int dim, bool smallest, cr_tensor **values,
                        cr_tensor **places);
cr_tensor *cr_logcumsumexp(cr_tensor *a, int dim);

/* ---- ops/search.c ----------------------------------------------------------------------- */
/* For each value how many elements of the sorted line come before it: those that are less or, when
 * right, not greater.  sorted: one line for all, or as many lines as values has. */
cr_tensor *cr_searchsorted(cr_tensor *sorted, cr_tensor *values, bool right);
/* The elements in the opposite order along some dims; a copy. */
cr_tensor *cr_flip(cr_tensor *t, int ndims, const int *dims);

/* ---- ops/distance.c --------------------------------------------------------------------- */
/* a (k, n, d), b (k, m, d): distances (k, n, m), whose gradient is 0 where they are 0. */
cr_tensor *cr_euclidean(cr_tensor *a, cr_tensor *b);

/* ---- ops/advanced.c: several dimensions indexed at once, as in NumPy --------------------- */
/* index: one entry for each dimension of a, NULL for all of it, else 0-based int64; they broadcast,
 * and their shape takes the place of the indexed dimensions (in front when those are apart). */
cr_tensor *cr_index_at(cr_tensor *a, cr_tensor *const *index);
/* Writes src (or adds it) there; it broadcasts.  In place. */
cr_tensor *cr_index_put(cr_tensor *a, cr_tensor *const *index, cr_tensor *src, bool add);

/* ---- ops/triangle.c --------------------------------------------------------------------- */
cr_tensor *cr_triangle(cr_tensor *a, bool upper, int64_t k, cr_tensor *out);

/* ---- ops/correlate.c -------------------------------------------------------------------- */
/* The last `dims` dimensions of x and k are spatial.  Before them: nothing in both; one dimension
 * of as many kernels as signals, each with its own; or (p) signals and (q, p) kernels, which give q
 * results.  `full` gives every place where the two meet, else only where k lies inside x; convolve
 * turns k round. */
cr_tensor *cr_correlate(const char *fn, cr_tensor *x, cr_tensor *k, int dims, bool full,
                        bool convolve);

/* ---- ops/multinomial.c: 0-based int64 places drawn by weights --------------------------- */
/* p (n) or (rows, n), which need not add up to 1: draws places for each row. */
cr_tensor *cr_multinomial(cr_tensor *p, int64_t draws, bool replacement);
/* A table that makes each later draw cheap: place i stays i with chance keep[i], else is alias[i].
 */
bool cr_alias_setup(cr_tensor *p, cr_tensor **alias, cr_tensor **keep);
cr_tensor *cr_alias_draw(cr_tensor *alias, cr_tensor *keep, int ndim, const int64_t *shape);

/* ---- ops/random.c: in place; the context's generator ------------------------------------ */
cr_tensor *cr_random(cr_random_op op, cr_tensor *t, double a, double b);
cr_tensor *cr_bernoulli(cr_tensor *t, cr_tensor *p); /* t[i] = 1 with probability p[i] */
cr_tensor *cr_randperm(cr_dtype dtype, int64_t n);   /* 0-based */

/* ---- ops/sample.c: in place; the parameters broadcast to t ------------------------------ */
cr_tensor *cr_sample(cr_sample_op op, cr_tensor *t, cr_tensor *a, cr_tensor *b);

/* ---- check ------------------------------------------------------------------------------ */
/* Compares backward with central differences.  f(ctx, inputs) gives a fresh tensor; inputs must be
 * float64.  Returns false and a message with the largest error and its place when they differ by
 * more than atol + rtol*|numeric|.  The orders: the gradient, the gradient's own gradient. */
typedef enum { CR_GRADCHECK_FIRST, CR_GRADCHECK_BOTH, CR_GRADCHECK_SECOND } cr_gradcheck_orders;
bool cr_gradcheck(cr_tensor *(*f)(void *ctx, cr_tensor *const *in), void *ctx, int nin,
                  cr_tensor *const *in, double eps, double atol, double rtol,
                  cr_gradcheck_orders orders);

/* ---- ops/common.c: shared by operators, also those of nn/ ------------------------------- */
/* Like cr_result; a new one of 4 dimensions is channels-last if the first of the inputs that have
 * its shape is.  Torch7 made every result contiguous, and so does its mode. */
cr_tensor *cr_result_like(const char *fn, cr_tensor *out, cr_dtype dtype, cr_device d, int ndim,
                          const int64_t *shape, int nin, cr_tensor *const *in);
/* The tensor to write a result into: a new one, or `out`, checked (dtype, device, writable) and
 * resized.  Returns a new reference. */
cr_tensor *cr_result(const char *fn, cr_tensor *out, cr_dtype dtype, cr_device d, int ndim,
                     const int64_t *shape, int nin, cr_tensor *const *in);
/* Puts a finished result into `out` (any dtype of its kind, any layout); takes over y.  With out
 * NULL gives y back. */
cr_tensor *cr_into(const char *fn, cr_tensor *out, cr_tensor *y);
/* The same for a y without a history, computed from `in`: the caller records the call as if it had
 * written to out itself. */
cr_tensor *cr_into_unrecorded(const char *fn, cr_tensor *out, int nin, cr_tensor *const *in,
                              cr_tensor *y);
/* Whether writing to out may change elements of `in` that are still to be read. */
bool cr_overlaps(const cr_tensor *out, const cr_tensor *in);
/* dim from the end when negative; false with a message when out of range. */
bool cr_wrap_dim(const char *fn, int *dim, int ndim);
bool cr_same_device(const char *fn, const cr_tensor *a, const cr_tensor *b);
/* A mask or places in host memory, for elements of t: copied to t's device if that is another. */
cr_tensor *cr_beside(cr_tensor *index, const cr_tensor *t);
/* The same for a scalar that is combined with t; other tensors stay where they are. */
cr_tensor *cr_number_beside(cr_tensor *a, const cr_tensor *t);
bool cr_need_dtype(const char *fn, const char *what, const cr_tensor *t, cr_dtype want);
bool cr_need_float(const char *fn, const cr_tensor *t);
bool cr_need_dims(const char *fn, const char *what, const cr_tensor *t, int ndim);

#endif
