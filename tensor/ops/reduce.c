/* reduce.c: reductions over some or all dimensions, scans, sorting. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- dimensions ------------------------------------------------------------------------- */

/* Bit d is set when dimension d is reduced; false with a message for a dimension that is not there.
 */
static bool dim_mask(const char *fn, const cr_tensor *a, int ndims, const int *dims,
                     int64_t *mask) {
  *mask = 0;
  if (ndims < 0) {
    *mask = ((int64_t)1 << a->ndim) - 1;
    return true;
  }
  for (int i = 0; i < ndims; i++) {
    int d = dims[i];
    if (!cr_wrap_dim(fn, &d, a->ndim)) return false;
    if (*mask >> d & 1) return cr_fail("%s: dimension %d is there twice", fn, d + 1);
    *mask |= (int64_t)1 << d;
  }
  if (a->ndim == 0) *mask = 0;
  return true;
}

static int reduced_shape(int ndim, const int64_t *shape, int64_t mask, bool keepdim, int64_t *out) {
  int n = 0;
  for (int d = 0; d < ndim; d++) {
    bool reduced = mask >> d & 1;
    if (!reduced || keepdim) out[n++] = reduced ? 1 : shape[d];
  }
  return n;
}

static int64_t reduced_count(const cr_tensor *a, int64_t mask) {
  int64_t n = 1;
  for (int d = 0; d < a->ndim; d++)
    if (mask >> d & 1) n *= a->shape[d];
  return n;
}

/* ---- the kernel call -------------------------------------------------------------------- */

static const char *const names[CR_NREDUCE] = {
    [CR_SUM] = "sum",
    [CR_PROD] = "prod",
    [CR_AMAX] = "max",
    [CR_AMIN] = "min",
    [CR_ARGMAX] = "argmax",
    [CR_ARGMIN] = "argmin",
    [CR_ALL] = "all",
    [CR_ANY] = "any",
    [CR_SUMSQ] = "norm",
    [CR_SUMABS] = "norm",
    [CR_COUNT_NONZERO] = "countNonzero",
};

const char *cr_reduce_name(cr_reduce_op op) {
  return names[op];
}

static cr_dtype result_dtype(cr_reduce_op op, cr_dtype in) {
  switch (op) {
  case CR_SUM:
  case CR_PROD: return cr_is_float(in) ? in : CR_INT64;
  case CR_AMAX:
  case CR_AMIN: return in;
  case CR_ALL:
  case CR_ANY: return CR_BOOL;
  case CR_SUMSQ:
  case CR_SUMABS: return in;
  default: return CR_INT64;
  }
}

static cr_tensor *kernel(cr_reduce_op op, cr_tensor *a, int64_t mask, bool keepdim, cr_dtype dtype,
                         cr_tensor *out) {
  const char *fn = names[op];
  int64_t shape[CR_MAX_DIMS];
  if (op >= CR_AMAX && op <= CR_ARGMIN && reduced_count(a, mask) == 0 && cr_numel(a) == 0) {
    char s[CR_SHAPE_STR];
    if (reduced_shape(a->ndim, a->shape, mask, false, shape) == 0 || reduced_count(a, ~mask))
      return cr_fail_null("%s: no elements to choose from in a tensor of shape %s", fn,
                          cr_shape_str(s, a->ndim, a->shape));
  }
  int ndim = reduced_shape(a->ndim, a->shape, mask, true, shape);
  cr_tensor *y = cr_empty(dtype, cr_device_of(a), ndim, shape);
  if (!y) return NULL;
  int dims[CR_MAX_DIMS], n = 0;
  for (int d = 0; d < a->ndim; d++)
    if (mask >> d & 1) dims[n++] = d;
  if (cr_numel(y)) {
    cr_reduction r;
    cr_reduction_make(&r, y, a, n, dims);
    if (!cr_backend_for(y)->reduce(op, &r)) {
      cr_error_prefix(fn);
      cr_release(y);
      return NULL;
    }
  }
  if (!keepdim) {
    ndim = reduced_shape(a->ndim, a->shape, mask, false, y->shape);
    y->ndim = (uint8_t)ndim;
    cr_contiguous_strides(ndim, y->shape, y->stride);
  }
  return cr_into_unrecorded(fn, out, 1, &a, y);
}

/* ---- gradients -------------------------------------------------------------------------- */

/* A gradient of the result, with the reduced dimensions back as sizes of 1. */
static cr_tensor *restore(cr_node *n, cr_tensor *g) {
  const int64_t *in;
  int64_t shape[CR_MAX_DIMS];
  int ndim = cr_input_shape(n, 0, &in);
  reduced_shape(ndim, in, cr_attr_int(n, 0), true, shape);
  return cr_reshape(g, ndim, shape);
}

static cr_tensor *spread(cr_node *n, cr_tensor *g) {
  const int64_t *shape;
  int ndim = cr_input_shape(n, 0, &shape);
  CR_AUTO wide = restore(n, g);
  return cr_expand(wide, ndim, shape);
}

static bool sum_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return (gin[0] = spread(n, g[0])) != NULL;
}

static bool has_zero(cr_tensor *a, bool *found) {
  CR_AUTO zeros = cr_binary_scalar(CR_EQ, a, cr_int(0), NULL);
  CR_AUTO some = cr_reduce(CR_ANY, zeros, -1, NULL, false, NULL);
  cr_scalar any;
  if (!some || !cr_item(some, &any)) return false;
  *found = any.i != 0;
  return true;
}

/* The product of what stands before each element along dim. */
static cr_tensor *product_before(cr_tensor *x, int dim) {
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, x->shape, x->ndim * sizeof *shape);
  shape[dim] = 1;
  CR_AUTO one = cr_full((cr_dtype)x->dtype, cr_device_of(x), x->ndim, shape, cr_int(1));
  CR_AUTO head = cr_narrow(x, dim, 0, x->shape[dim] - 1);
  CR_AUTO joined = one && head ? cr_cat(2, (cr_tensor *[]){one, head}, dim) : NULL;
  return cr_scan(CR_PROD, joined, dim, NULL);
}

static cr_tensor *backwards(cr_tensor *x, int dim) {
  if (!x) return NULL;
  int64_t n = x->shape[dim];
  CR_AUTO at = cr_arange(CR_INT64, cr_device_of(x), (double)(n - 1), -1, n);
  return cr_index_select(x, dim, at, NULL);
}

/* The product of all other elements that are reduced together with each one, without a division. */
static cr_tensor *product_of_others(cr_tensor *a, int64_t mask) {
  int order[CR_MAX_DIMS], back[CR_MAX_DIMS], k = 0;
  for (int reduced = 0; reduced <= 1; reduced++)
    for (int d = 0; d < a->ndim; d++)
      if ((mask >> d & 1) == reduced) order[k++] = d;
  for (int d = 0; d < k; d++) back[order[d]] = d;
  int64_t n = reduced_count(a, mask), rows[2] = {cr_numel(a) / n, n};
  CR_AUTO turned = cr_permute(a, a->ndim, order);
  CR_AUTO lines = cr_reshape(turned, 2, rows);
  CR_AUTO mirrored = backwards(lines, 1);
  if (!mirrored) return NULL;
  CR_AUTO before = product_before(lines, 1);
  CR_AUTO behind = product_before(mirrored, 1);
  CR_AUTO after = backwards(behind, 1);
  CR_AUTO others = cr_mul(before, after);
  CR_AUTO whole = cr_reshape(others, a->ndim, turned->shape);
  return cr_permute(whole, a->ndim, back);
}

/* The product of the others is y / a, as long as no factor is 0. */
static bool prod_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *y = cr_saved(n, 1);
  bool zero;
  if (!a || !y || !has_zero(a, &zero)) return false;
  if (zero) {
    CR_AUTO others = product_of_others(a, cr_attr_int(n, 0));
    CR_AUTO wide = restore(n, g[0]);
    return (gin[0] = cr_mul(wide, others)) != NULL;
  }
  CR_AUTO gy = cr_mul(g[0], y);
  CR_AUTO wide = restore(n, gy);
  return (gin[0] = cr_div(wide, a)) != NULL;
}

/* The extreme elements share the gradient. */
static bool extreme_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *y = cr_saved(n, 1);
  if (!a || !y) return false;
  CR_AUTO wide = restore(n, y);
  CR_AUTO is = cr_binary(CR_EQ, a, wide, NULL);
  CR_AUTO mask = is ? cr_cast(is, (cr_dtype)g[0]->dtype) : NULL;
  const int64_t *shape;
  int64_t one[CR_MAX_DIMS];
  int ndim = cr_input_shape(n, 0, &shape);
  reduced_shape(ndim, shape, cr_attr_int(n, 0), true, one);
  CR_AUTO count = cr_sum_to(mask, ndim, one);
  CR_AUTO gw = restore(n, g[0]);
  CR_AUTO part = cr_div(gw, count);
  return (gin[0] = cr_mul(mask, part)) != NULL;
}

/* |a|_2: a / y, and 0 at the origin */
static bool norm2_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *y = cr_saved(n, 1);
  if (!a || !y) return false;
  CR_AUTO origin = cr_binary_scalar(CR_EQ, y, cr_int(0), NULL);
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)g[0]->dtype, cr_device_of(g[0]), cr_int(0));
  CR_AUTO q = cr_div(g[0], y);
  CR_AUTO safe = cr_where(origin, zero, q, NULL);
  CR_AUTO wide = restore(n, safe);
  return (gin[0] = cr_mul(wide, a)) != NULL;
}

static bool norm1_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0);
  CR_AUTO sign = cr_unary(CR_SIGN, a, NULL);
  CR_AUTO wide = restore(n, g[0]);
  return (gin[0] = cr_mul(wide, sign)) != NULL;
}

static bool mean_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  CR_AUTO part = cr_mul_num(g[0], cr_attr_num(n, 0));
  return (gin[0] = spread(n, part)) != NULL;
}

static const cr_op op_sum = {"sum", "dims keepdim", sum_backward};
static const cr_op op_prod = {"prod", "dims keepdim", prod_backward};
static const cr_op op_max = {"max", "dims keepdim", extreme_backward};
static const cr_op op_min = {"min", "dims keepdim", extreme_backward};
static const cr_op op_norm2 = {"norm2", "dims keepdim", norm2_backward};
static const cr_op op_norm1 = {"norm1", "dims keepdim", norm1_backward};
static const cr_op op_mean = {"mean", "dims keepdim : scale", mean_backward};

/* ---- operators -------------------------------------------------------------------------- */

cr_tensor *cr_reduce(cr_reduce_op op, cr_tensor *a, int ndims, const int *dims, bool keepdim,
                     cr_tensor *out) {
  int64_t mask;
  if (!a || !dim_mask(names[op], a, ndims, dims, &mask)) return NULL;
  if ((op == CR_SUMSQ || op == CR_SUMABS) && !cr_need_float(names[op], a)) return NULL;
  cr_tensor *y = kernel(op, a, mask, keepdim, result_dtype(op, (cr_dtype)a->dtype), out);
  switch (op) {
  case CR_SUM: return cr_record(&op_sum, y, CR_IN(a), CR_INTS(mask, keepdim));
  case CR_PROD: return cr_record(&op_prod, y, CR_IN(a), CR_SAVE(a, y), CR_INTS(mask, keepdim));
  case CR_AMAX: return cr_record(&op_max, y, CR_IN(a), CR_SAVE(a, y), CR_INTS(mask, keepdim));
  case CR_AMIN: return cr_record(&op_min, y, CR_IN(a), CR_SAVE(a, y), CR_INTS(mask, keepdim));
  case CR_SUMABS: return cr_record(&op_norm1, y, CR_IN(a), CR_SAVE(a), CR_INTS(mask, keepdim));
  default: return y;
  }
}

cr_tensor *cr_sum(cr_tensor *a) {
  return cr_reduce(CR_SUM, a, -1, NULL, false, NULL);
}

cr_tensor *cr_sum_as(cr_tensor *a, cr_dtype dtype) {
  int64_t mask;
  if (!a || !dim_mask("sum", a, -1, NULL, &mask)) return NULL;
  return kernel(CR_SUM, a, mask, false, dtype, NULL);
}

/* The type to average in: integers become floats, and halves are too narrow for sums. */
static cr_dtype mean_dtype(const cr_tensor *a) {
  if (a->dtype == CR_FLOAT16 || a->dtype == CR_BFLOAT16) return CR_FLOAT32;
  return cr_is_float((cr_dtype)a->dtype) ? (cr_dtype)a->dtype : (cr_dtype)cr_ctx()->dtype;
}

/* The type of the result. */
static cr_dtype averaged_dtype(const cr_tensor *a) {
  return cr_is_float((cr_dtype)a->dtype) ? (cr_dtype)a->dtype : (cr_dtype)cr_ctx()->dtype;
}

cr_tensor *cr_mean(cr_tensor *a, int ndims, const int *dims, bool keepdim, cr_tensor *out) {
  int64_t mask;
  if (!a || !dim_mask("mean", a, ndims, dims, &mask)) return NULL;
  if (!cr_is_float((cr_dtype)a->dtype)) {
    CR_AUTO wide = cr_cast(a, mean_dtype(a));
    return cr_mean(wide, ndims, dims, keepdim, out);
  }
  double count = (double)reduced_count(a, mask);
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  CR_AUTO y = kernel(CR_SUM, a, mask, keepdim, mean_dtype(a), NULL);
  CR_AUTO wide = cr_binary_scalar(CR_DIV, y, cr_num(count), y);
  cr_tensor *scaled = wide ? cr_cast(wide, (cr_dtype)a->dtype) : NULL;
  ctx->no_grad = mode;
  return cr_into(
      "mean", out,
      cr_record(&op_mean, scaled, CR_IN(a), CR_INTS(mask, keepdim), CR_NUMS(1.0 / count)));
}

cr_tensor *cr_var(cr_tensor *a, int ndims, const int *dims, bool keepdim, int correction,
                  bool root) {
  int64_t mask;
  if (!a || !dim_mask("var", a, ndims, dims, &mask)) return NULL;
  if (a->dtype != mean_dtype(a)) {
    CR_AUTO wide = cr_cast(a, mean_dtype(a));
    CR_AUTO var = cr_var(wide, ndims, dims, keepdim, correction, root);
    return cr_cast(var, averaged_dtype(a));
  }
  CR_AUTO mean = cr_mean(a, ndims, dims, true, NULL);
  CR_AUTO centred = cr_sub(a, mean);
  CR_AUTO square = cr_unary(CR_SQUARE, centred, NULL);
  CR_AUTO sum = cr_reduce(CR_SUM, square, ndims, dims, keepdim, NULL);
  CR_AUTO var = cr_mul_num(sum, 1.0 / (double)(reduced_count(a, mask) - correction));
  return root ? cr_unary(CR_SQRT, var, NULL) : var ? cr_retain(var) : NULL;
}

/* a^p for a >= 0, whose slope at 0 is taken as 0: a root has none there. */
static cr_tensor *safe_power(cr_tensor *a, double p) {
  CR_AUTO none = cr_binary_scalar(CR_EQ, a, cr_int(0), NULL);
  CR_AUTO one = a ? cr_scalar_tensor((cr_dtype)a->dtype, cr_device_of(a), cr_int(1)) : NULL;
  CR_AUTO zero = a ? cr_scalar_tensor((cr_dtype)a->dtype, cr_device_of(a), cr_int(0)) : NULL;
  CR_AUTO safe = cr_where(none, one, a, NULL);
  CR_AUTO power = cr_binary_scalar(CR_POW, safe, cr_num(p), NULL);
  return cr_where(none, zero, power, NULL);
}

cr_tensor *cr_norm(cr_tensor *a, double p, int ndims, const int *dims, bool keepdim) {
  int64_t mask;
  if (!a || !dim_mask("norm", a, ndims, dims, &mask)) return NULL;
  if (!cr_is_float((cr_dtype)a->dtype)) {
    CR_AUTO f = cr_cast(a, (cr_dtype)cr_ctx()->dtype);
    return cr_norm(f, p, ndims, dims, keepdim);
  }
  if (p == 1) return cr_reduce(CR_SUMABS, a, ndims, dims, keepdim, NULL);
  if (p == 2) {
    CR_AUTO square = kernel(CR_SUMSQ, a, mask, keepdim, (cr_dtype)a->dtype, NULL);
    cr_tensor *y = cr_unary(CR_SQRT, square, NULL);
    return cr_record(&op_norm2, y, CR_IN(a), CR_SAVE(a, y), CR_INTS(mask, keepdim));
  }
  CR_AUTO abs = cr_unary(CR_ABS, a, NULL);
  if (isinf(p)) return cr_reduce(p > 0 ? CR_AMAX : CR_AMIN, abs, ndims, dims, keepdim, NULL);
  if (p == 0) {
    CR_AUTO count = cr_reduce(CR_COUNT_NONZERO, a, ndims, dims, keepdim, NULL);
    return count ? cr_cast(count, (cr_dtype)a->dtype) : NULL;
  }
  CR_AUTO power = p < 2 ? safe_power(abs, p) : cr_binary_scalar(CR_POW, abs, cr_num(p), NULL);
  CR_AUTO sum = cr_reduce(CR_SUM, power, ndims, dims, keepdim, NULL);
  return safe_power(sum, 1 / p);
}

cr_tensor *cr_sum_to(cr_tensor *a, int ndim, const int64_t *shape) {
  if (!a) return NULL;
  int dims[CR_MAX_DIMS], n = 0, lead = a->ndim - ndim;
  bool fits = lead >= 0;
  for (int d = 0; fits && d < a->ndim; d++) {
    int64_t want = d < lead ? 1 : shape[d - lead];
    if (d >= lead && a->shape[d] == want) continue;
    fits = want == 1;
    dims[n++] = d;
  }
  if (!fits && cr_numel(a) == 1 && cr_count(ndim, shape) == 1) return cr_reshape(a, ndim, shape);
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!fits)
    return cr_fail_null("a gradient of shape %s for a tensor of shape %s",
                        cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, ndim, shape));
  CR_AUTO sum = n ? cr_reduce(CR_SUM, a, n, dims, true, NULL) : cr_retain(a);
  return cr_reshape(sum, ndim, shape);
}

bool cr_max_dim(cr_tensor *a, int dim, bool keepdim, bool smallest, cr_tensor **values,
                cr_tensor **places) {
  *values = *places = NULL;
  if (!a || !cr_wrap_dim(smallest ? "min" : "max", &dim, a->ndim)) return false;
  CR_AUTO at = cr_reduce(smallest ? CR_ARGMIN : CR_ARGMAX, a, 1, &dim, true, NULL);
  CR_AUTO best = a->ndim ? cr_gather(a, dim, at, 0, NULL) : cr_clone(a);
  if (!at || !best) return false;
  *values = keepdim ? cr_retain(best) : cr_squeeze(best, dim);
  *places = keepdim ? cr_retain(at) : cr_squeeze(at, dim);
  if (*values && *places) return true;
  cr_release(*values);
  cr_release(*places);
  return false;
}

/* ---- scans ------------------------------------------------------------------------------ */

/* sum of the elements from each place on: total - scan + element */
static cr_tensor *reverse_sum(cr_tensor *g, int dim) {
  CR_AUTO scan = cr_scan(CR_SUM, g, dim, NULL);
  CR_AUTO total = cr_reduce(CR_SUM, g, 1, &dim, true, NULL);
  CR_AUTO rest = cr_sub(total, scan);
  return cr_add(rest, g);
}

static bool cumsum_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return (gin[0] = reverse_sum(g[0], (int)cr_attr_int(n, 0))) != NULL;
}

/* Without a division: with s[i] = g[i] + a[i+1] s[i+1], the gradient is the product before i times
 * s[i].  One step an element, so only where there are zeros. */
static cr_tensor *cumprod_with_zeros(cr_tensor *g, cr_tensor *a, int dim) {
  int64_t n = a->shape[dim];
  cr_tensor **s = calloc((size_t)n, sizeof *s);
  if (!s) return cr_fail_null("out of memory");
  s[n - 1] = cr_narrow(g, dim, n - 1, 1);
  for (int64_t i = n - 2; i >= 0 && s[i + 1]; i--) {
    CR_AUTO factor = cr_narrow(a, dim, i + 1, 1);
    CR_AUTO rest = cr_mul(factor, s[i + 1]);
    CR_AUTO own = cr_narrow(g, dim, i, 1);
    s[i] = cr_add(own, rest);
  }
  CR_AUTO sums = s[0] ? cr_cat((int)n, s, dim) : NULL;
  for (int64_t i = 0; i < n; i++) cr_release(s[i]);
  free(s);
  CR_AUTO before = product_before(a, dim);
  return cr_mul(before, sums);
}

static bool cumprod_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *y = cr_saved(n, 1);
  bool zero;
  if (!a || !y || !has_zero(a, &zero)) return false;
  if (zero && a->ndim)
    return (gin[0] = cumprod_with_zeros(g[0], a, (int)cr_attr_int(n, 0))) != NULL;
  if (zero) return (gin[0] = cr_retain(g[0])) != NULL;
  CR_AUTO gy = cr_mul(g[0], y);
  CR_AUTO sum = reverse_sum(gy, (int)cr_attr_int(n, 0));
  return (gin[0] = cr_div(sum, a)) != NULL;
}

static const cr_op op_cumsum = {"cumsum", "dim", cumsum_backward};
static const cr_op op_cumprod = {"cumprod", "dim", cumprod_backward};

/* A tensor's header with dimension dim shrunk to size 1, for loops over the others. */
static cr_tensor without_dim(const cr_tensor *t, int dim) {
  cr_tensor u = *t;
  if (u.ndim) u.shape[dim] = 1;
  return u;
}

static int64_t byte_stride(const cr_tensor *t, int dim) {
  return t->ndim ? t->stride[dim] * (int64_t)cr_sizeof((cr_dtype)t->dtype) : 0;
}

static cr_tensor *scan_kernel(cr_reduce_op op, const char *fn, cr_tensor *a, int dim,
                              cr_tensor *out) {
  cr_dtype dtype = result_dtype(op, (cr_dtype)a->dtype);
  if (a->dtype != dtype) {
    CR_AUTO wide = cr_cast(a, dtype);
    return wide ? scan_kernel(op, fn, wide, dim, out) : NULL;
  }
  if (out && (out->dtype != dtype || out->storage == a->storage))
    return cr_into_unrecorded(fn, out, 1, &a, scan_kernel(op, fn, a, dim, NULL));
  cr_tensor *y = cr_result(fn, out, dtype, cr_device_of(a), a->ndim, a->shape, 1, &a);
  if (!y || !cr_numel(y)) return y;
  cr_tensor o = without_dim(y, dim), i = without_dim(a, dim), *in = &i;
  cr_iter it;
  cr_iter_make(&it, &o, 1, &in);
  if (cr_backend_for(y)->scan(op, &it, a->ndim ? a->shape[dim] : 1, byte_stride(y, dim),
                              byte_stride(a, dim)))
    return y;
  cr_release(y);
  return NULL;
}

cr_tensor *cr_scan(cr_reduce_op op, cr_tensor *a, int dim, cr_tensor *out) {
  const char *fn = op == CR_SUM ? "cumsum" : "cumprod";
  if (!a || !cr_wrap_dim(fn, &dim, a->ndim)) return NULL;
  if (op == CR_SUM)
    return cr_record(&op_cumsum, scan_kernel(op, fn, a, dim, out), CR_IN(a), CR_INTS(dim));
  CR_AUTO kept = cr_recording(1, &a) ? cr_keep(a, out) : cr_retain(a);
  if (!kept) return NULL;
  cr_tensor *y = scan_kernel(op, fn, a, dim, out);
  return cr_record(&op_cumprod, y, CR_IN(kept), CR_SAVE(kept, y), CR_INTS(dim));
}

/* ---- sorting ---------------------------------------------------------------------------- */

bool cr_ranked(const char *fn, cr_tensor *a, int dim, int64_t first, int64_t count, bool descending,
               cr_tensor **values, cr_tensor **places) {
  *values = *places = NULL;
  if (!a || !cr_wrap_dim(fn, &dim, a->ndim)) return false;
  int64_t shape[CR_MAX_DIMS];
  for (int d = 0; d < a->ndim; d++) shape[d] = d == dim ? count : a->shape[d];
  CR_AUTO v = cr_empty((cr_dtype)a->dtype, cr_device_of(a), a->ndim, shape);
  CR_AUTO p = cr_empty(CR_INT64, cr_device_of(a), a->ndim, shape);
  if (!v || !p) return false;
  if (cr_numel(v)) {
    cr_tensor o = without_dim(v, dim), q = without_dim(p, dim), i = without_dim(a, dim);
    cr_tensor *in[] = {&q, &i};
    cr_iter it;
    cr_iter_make(&it, &o, 2, in);
    int64_t stride[3] = {byte_stride(v, dim), byte_stride(p, dim), byte_stride(a, dim)};
    int64_t n = a->ndim ? a->shape[dim] : 1;
    if (!cr_backend_for(v)->sort(&it, n, first, count, stride, descending)) return false;
  }
  *places = cr_retain(p);
  *values = cr_recording(1, &a) && a->ndim ? cr_gather(a, dim, p, 0, NULL) : cr_retain(v);
  if (*values) return true;
  cr_release(*places);
  return false;
}

bool cr_sort(cr_tensor *a, int dim, bool descending, cr_tensor **values, cr_tensor **places) {
  *values = *places = NULL;
  if (!a || !cr_wrap_dim("sort", &dim, a->ndim)) return false;
  int64_t n = a->ndim ? a->shape[dim] : 1;
  return cr_ranked("sort", a, dim, 0, n, descending, values, places);
}
