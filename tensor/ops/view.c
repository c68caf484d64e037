/* view.c: operators whose result shares the elements of their input. */
#include "tensor/node.h"
#include "tensor/ops.h"

#include <string.h>

/* A header on t's storage with another shape; the caller records it. */
static cr_tensor *viewed(const cr_tensor *t, int64_t offset, int ndim, const int64_t *shape,
                         const int64_t *stride) {
  cr_tensor *v = cr_alias(t);
  if (!v) return NULL;
  v->offset = offset;
  v->ndim = (uint8_t)ndim;
  memcpy(v->shape, shape, (size_t)ndim * sizeof *shape);
  memcpy(v->stride, stride, (size_t)ndim * sizeof *stride);
  return v;
}

/* ---- narrow and slice ------------------------------------------------------------------- */

static bool narrow_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *shape;
  cr_input_shape(n, 0, &shape);
  int dim = (int)cr_attr_int(n, 0);
  gin[0] = cr_narrow_into(g[0], dim, cr_attr_int(n, 1), shape[dim], cr_attr_int(n, 3));
  return gin[0] != NULL;
}

static const cr_op op_narrow = {"narrow", "dim start size step", narrow_backward};

/* One past the last element of a slice, or the largest number when that is beyond it. */
static int64_t slice_end(int64_t start, int64_t size, int64_t step) {
  int64_t span;
  if (size <= 0) return start;
  if (__builtin_mul_overflow(size - 1, step, &span) || __builtin_add_overflow(span, start, &span) ||
      span == INT64_MAX)
    return INT64_MAX;
  return span + 1;
}

cr_tensor *cr_slice(cr_tensor *t, int dim, int64_t start, int64_t size, int64_t step) {
  if (!t || !cr_wrap_dim("narrow", &dim, t->ndim)) return NULL;
  char s[CR_SHAPE_STR];
  if (t->ndim == 0) return cr_fail_null("narrow: the tensor has no dimensions");
  if (step < 1) return cr_fail_null("narrow: a step of %lld", (long long)step);
  int64_t end = slice_end(start, size, step);
  if (start < 0 || size < 0 || start > t->shape[dim] || end > t->shape[dim])
    return cr_fail_null("narrow: elements %lld to %lld of dimension %d of a tensor of shape %s",
                        (long long)start + 1, (long long)end, dim + 1,
                        cr_shape_str(s, t->ndim, t->shape));
  cr_tensor *v = cr_alias(t);
  if (!v) return NULL;
  v->offset += start * t->stride[dim];
  v->shape[dim] = size;
  if (size > 1) v->stride[dim] *= step;
  return cr_record_view(&op_narrow, v, t, CR_INTS(dim, start, size, step));
}

cr_tensor *cr_narrow(cr_tensor *t, int dim, int64_t start, int64_t size) {
  return cr_slice(t, dim, start, size, 1);
}

static bool narrow_into_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *shape;
  cr_input_shape(n, 0, &shape);
  int dim = (int)cr_attr_int(n, 0);
  gin[0] = cr_slice(g[0], dim, cr_attr_int(n, 1), shape[dim], cr_attr_int(n, 3));
  return gin[0] != NULL;
}

static const cr_op op_narrow_into = {"narrow_into", "dim start size step", narrow_into_backward};

cr_tensor *cr_narrow_into(cr_tensor *t, int dim, int64_t start, int64_t size, int64_t step) {
  if (!t) return NULL;
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, t->shape, t->ndim * sizeof *shape);
  shape[dim] = size;
  cr_tensor *out = cr_full((cr_dtype)t->dtype, cr_device_of(t), t->ndim, shape, cr_num(0));
  if (!out) return NULL;
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  cr_tensor *place = cr_slice(out, dim, start, t->shape[dim], step);
  cr_tensor *done = cr_copy(place, t);
  ctx->no_grad = mode;
  cr_release(place);
  if (!done) {
    cr_release(out);
    return NULL;
  }
  cr_release(done);
  return cr_record(&op_narrow_into, out, CR_IN(t), CR_INTS(dim, start, size, step));
}

static bool select_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *shape;
  cr_input_shape(n, 0, &shape);
  int dim = (int)cr_attr_int(n, 0);
  CR_AUTO one = cr_unsqueeze(g[0], dim);
  return (gin[0] = cr_narrow_into(one, dim, cr_attr_int(n, 1), shape[dim], 1)) != NULL;
}

static const cr_op op_select = {"select", "dim index", select_backward};

cr_tensor *cr_select(cr_tensor *t, int dim, int64_t index) {
  if (!t || !cr_wrap_dim("select", &dim, t->ndim)) return NULL;
  char s[CR_SHAPE_STR];
  if (t->ndim == 0) return cr_fail_null("select: the tensor has no dimensions");
  if (index < 0 || index >= t->shape[dim])
    return cr_fail_null("index %lld is outside dimension %d of a tensor of shape %s",
                        (long long)index + 1, dim + 1, cr_shape_str(s, t->ndim, t->shape));
  cr_tensor *v = cr_alias(t);
  if (!v) return NULL;
  v->offset += index * t->stride[dim];
  v->ndim--;
  memmove(v->shape + dim, v->shape + dim + 1, (size_t)(v->ndim - dim) * sizeof *v->shape);
  memmove(v->stride + dim, v->stride + dim + 1, (size_t)(v->ndim - dim) * sizeof *v->stride);
  return cr_record_view(&op_select, v, t, CR_INTS(dim, index));
}

/* ---- order of dimensions ---------------------------------------------------------------- */

static bool permute_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *dims;
  int back[CR_MAX_DIMS], k = cr_attr_ints(n, &dims);
  for (int d = 0; d < k; d++) back[dims[d]] = d;
  return (gin[0] = cr_permute(g[0], k, back)) != NULL;
}

static const cr_op op_permute = {"permute", "dims", permute_backward};

cr_tensor *cr_permute(cr_tensor *t, int n, const int *dims) {
  if (!t) return NULL;
  if (n != t->ndim)
    return cr_fail_null("permute: %d dimensions given for a tensor of %d", n, t->ndim);
  int64_t order[CR_MAX_DIMS], shape[CR_MAX_DIMS], stride[CR_MAX_DIMS];
  bool used[CR_MAX_DIMS] = {false};
  for (int d = 0; d < n; d++) {
    int from = dims[d];
    if (!cr_wrap_dim("permute", &from, n)) return NULL;
    if (used[from]) return cr_fail_null("permute: dimension %d is there twice", from + 1);
    used[from] = true;
    order[d] = from;
    shape[d] = t->shape[from];
    stride[d] = t->stride[from];
  }
  cr_tensor *v = viewed(t, t->offset, n, shape, stride);
  return cr_record_view(&op_permute, v, t, .nints = n, .ints = order);
}

cr_tensor *cr_transpose(cr_tensor *t, int a, int b) {
  if (!t || !cr_wrap_dim("transpose", &a, t->ndim) || !cr_wrap_dim("transpose", &b, t->ndim))
    return NULL;
  int dims[CR_MAX_DIMS];
  for (int d = 0; d < t->ndim; d++) dims[d] = d == a ? b : d == b ? a : d;
  return cr_permute(t, t->ndim, dims);
}

/* ---- other shapes ----------------------------------------------------------------------- */

static bool reshape_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *shape;
  int ndim = cr_input_shape(n, 0, &shape);
  return (gin[0] = cr_reshape(g[0], ndim, shape)) != NULL;
}

static const cr_op op_view = {"view", "shape", reshape_backward};
static const cr_op op_squeeze = {"squeeze", "", reshape_backward};
static const cr_op op_unsqueeze = {"unsqueeze", "dim", reshape_backward};

/* Replaces one -1 by the size that fits. */
static bool infer_shape(const char *fn, const cr_tensor *t, int ndim, const int64_t *want,
                        int64_t *shape) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  int64_t known = 1, n = cr_numel(t);
  int at = -1;
  if (ndim > CR_MAX_DIMS) return cr_fail("%s: more than %d dimensions", fn, CR_MAX_DIMS);
  for (int d = 0; d < ndim; d++) {
    shape[d] = want[d];
    if (want[d] == -1 && at < 0)
      at = d;
    else if (want[d] < 0)
      return cr_fail("%s: a size of %lld", fn, (long long)want[d]);
    else if (__builtin_mul_overflow(known, want[d], &known))
      return cr_fail("%s: the sizes are too large", fn);
  }
  if (at >= 0) shape[at] = known ? n / known : 0;
  if (at >= 0) known *= shape[at];
  if (known == n) return cr_count(ndim, shape) >= 0;
  return cr_fail("%s: a tensor of shape %s (%lld elements) as %s", fn,
                 cr_shape_str(s, t->ndim, t->shape), (long long)n, cr_shape_str(u, ndim, want));
}

/* The strides that show t's elements in another shape, if there are any: each run of t's dimensions
 * that lie one behind the other can be cut anew. */
static bool view_strides(const cr_tensor *t, int ndim, const int64_t *shape, int64_t *stride) {
  if (cr_is_contiguous(t)) {
    cr_contiguous_strides(ndim, shape, stride);
    return true;
  }
  int d = ndim - 1;
  for (int i = t->ndim - 1; i >= 0;) {
    int64_t step = t->stride[i], run = t->shape[i];
    for (i--; i >= 0 && (t->shape[i] == 1 || t->stride[i] == run * step); i--) run *= t->shape[i];
    int64_t taken = 1;
    for (; d >= 0 && (taken < run || shape[d] == 1); d--) {
      stride[d] = step * taken;
      taken *= shape[d];
    }
    if (taken != run) return false;
  }
  for (; d >= 0; d--) stride[d] = 1; /* only sizes of 1 are left */
  return true;
}

/* NULL without a message when a view is not possible. */
static cr_tensor *try_view(cr_tensor *t, int ndim, const int64_t *shape, bool *possible) {
  int64_t stride[CR_MAX_DIMS];
  *possible = view_strides(t, ndim, shape, stride);
  if (!*possible) return NULL;
  cr_tensor *v = viewed(t, t->offset, ndim, shape, stride);
  return cr_record_view(&op_view, v, t, .nints = ndim, .ints = shape);
}

cr_tensor *cr_view(cr_tensor *t, int ndim, const int64_t *want) {
  int64_t shape[CR_MAX_DIMS];
  bool possible;
  if (!t || !infer_shape("view", t, ndim, want, shape)) return NULL;
  cr_tensor *v = try_view(t, ndim, shape, &possible);
  if (!possible)
    cr_fail(
        "view: the elements are not in memory one behind the other; use x:contiguous():view(..) "
        "or torch.reshape");
  return v;
}

cr_tensor *cr_reshape(cr_tensor *t, int ndim, const int64_t *want) {
  int64_t shape[CR_MAX_DIMS];
  bool possible;
  if (!t || !infer_shape("reshape", t, ndim, want, shape)) return NULL;
  if (t->ndim == ndim && (ndim == 0 || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) == 0))
    return cr_retain(t);
  cr_tensor *v = try_view(t, ndim, shape, &possible);
  if (possible) return v;
  CR_AUTO c = cr_contiguous(t);
  return c ? try_view(c, ndim, shape, &possible) : NULL;
}

cr_tensor *cr_squeeze(cr_tensor *t, int dim) {
  if (!t || !cr_wrap_dim("squeeze", &dim, t->ndim)) return NULL;
  if (t->ndim == 0 || t->shape[dim] != 1) return cr_retain(t);
  cr_tensor *v = cr_alias(t);
  if (!v) return NULL;
  v->ndim--;
  memmove(v->shape + dim, v->shape + dim + 1, (size_t)(v->ndim - dim) * sizeof *v->shape);
  memmove(v->stride + dim, v->stride + dim + 1, (size_t)(v->ndim - dim) * sizeof *v->stride);
  return cr_record_view(&op_squeeze, v, t, .nints = 0);
}

cr_tensor *cr_squeeze_all(cr_tensor *t) {
  if (!t) return NULL;
  cr_tensor *v = cr_alias(t);
  if (!v) return NULL;
  v->ndim = 0;
  for (int d = 0; d < t->ndim; d++) {
    if (t->shape[d] == 1) continue;
    v->shape[v->ndim] = t->shape[d];
    v->stride[v->ndim++] = t->stride[d];
  }
  return cr_record_view(&op_squeeze, v, t, .nints = 0);
}

cr_tensor *cr_unsqueeze(cr_tensor *t, int dim) {
  if (!t) return NULL;
  if (dim < 0) dim += t->ndim + 1;
  if (dim < 0 || dim > t->ndim)
    return cr_fail_null("unsqueeze: dimension %d of a tensor of %d dimensions", dim + 1, t->ndim);
  if (t->ndim == CR_MAX_DIMS)
    return cr_fail_null("unsqueeze: a tensor has at most %d dimensions", CR_MAX_DIMS);
  cr_tensor *v = cr_alias(t);
  if (!v) return NULL;
  for (int d = t->ndim; d > dim; d--) {
    v->shape[d] = v->shape[d - 1];
    v->stride[d] = v->stride[d - 1];
  }
  v->ndim++;
  v->stride[dim] = dim + 1 < v->ndim ? v->shape[dim + 1] * v->stride[dim + 1] : 1;
  v->shape[dim] = 1;
  return cr_record_view(&op_unsqueeze, v, t, CR_INTS(dim));
}

/* The engine sums the gradient back to the input's shape. */
static bool expand_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  (void)n;
  gin[0] = cr_retain(g[0]);
  return true;
}

static const cr_op op_expand = {"expand", "shape", expand_backward};

cr_tensor *cr_expand(cr_tensor *t, int ndim, const int64_t *want) {
  if (!t) return NULL;
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  int64_t shape[CR_MAX_DIMS], stride[CR_MAX_DIMS];
  if (ndim > CR_MAX_DIMS || ndim < t->ndim) goto mismatch;
  for (int i = 1; i <= ndim; i++) {
    int64_t have = i <= t->ndim ? t->shape[t->ndim - i] : 1;
    int64_t size = want[ndim - i] == -1 ? have : want[ndim - i]; /* -1: as it is */
    if (size < 0 || (have != size && have != 1)) goto mismatch;
    shape[ndim - i] = size;
    stride[ndim - i] = i <= t->ndim && have == size ? t->stride[t->ndim - i] : 0;
  }
  if (cr_count(ndim, shape) < 0) return NULL;
  return cr_record_view(&op_expand, viewed(t, t->offset, ndim, shape, stride), t, .nints = ndim,
                        .ints = shape);
mismatch:
  return cr_fail_null(
      "expand: a tensor of shape %s to %s: only sizes of 1 can grow, and dimensions "
      "are added in front",
      cr_shape_str(s, t->ndim, t->shape),
      cr_shape_str(u, ndim > CR_MAX_DIMS ? CR_MAX_DIMS : ndim, want));
}

/* ---- unfold and diagonal ---------------------------------------------------------------- */

/* Where the windows along dim lie in t. */
static void unfold(cr_tensor *t, int dim, int64_t size, int64_t step) {
  int64_t width = t->shape[dim], stride = t->stride[dim];
  t->shape[dim] = (width - size) / step + 1;
  t->stride[dim] = stride * (step < width ? step : width); /* one window */
  t->shape[t->ndim] = size;
  t->stride[t->ndim++] = stride;
}

cr_tensor *cr_unfold(cr_tensor *t, int dim, int64_t size, int64_t step) {
  if (!t || !cr_wrap_dim("unfold", &dim, t->ndim)) return NULL;
  if (t->ndim == 0) return cr_fail_null("unfold: the tensor has no dimensions");
  if (size < 1 || size > t->shape[dim] || step < 1)
    return cr_fail_null("unfold: windows of %lld, %lld apart, along dimension %d of size %lld",
                        (long long)size, (long long)step, dim + 1, (long long)t->shape[dim]);
  if (t->ndim == CR_MAX_DIMS)
    return cr_fail_null("unfold: a tensor has at most %d dimensions", CR_MAX_DIMS);
  cr_tensor plain = cr_plain_layout(t), windows = plain;
  unfold(&windows, dim, size, step);
  cr_tensor *v = cr_alias(t);
  if (v) unfold(v, dim, size, step);
  return cr_record_part(v, t, &plain, &windows);
}

/* Where the k-th diagonal of two dimensions lies in t: it becomes the last one. */
static void diagonal(cr_tensor *t, int64_t k, int row, int column) {
  int64_t rows = t->shape[row], columns = t->shape[column];
  int64_t down = k < 0 ? (k < -rows ? rows : -k) : 0, along = k > columns ? columns : k > 0 ? k : 0;
  int64_t n = rows - down < columns - along ? rows - down : columns - along;
  int64_t stride = t->stride[row] + t->stride[column];
  if (n) t->offset += down * t->stride[row] + along * t->stride[column];
  int kept = 0;
  for (int d = 0; d < t->ndim; d++) {
    if (d == row || d == column) continue;
    t->shape[kept] = t->shape[d];
    t->stride[kept++] = t->stride[d];
  }
  t->shape[kept] = n;
  t->stride[kept] = stride;
  t->ndim = (uint8_t)(kept + 1);
}

cr_tensor *cr_diagonal(cr_tensor *t, int64_t k) {
  if (!t || !cr_need_dims("diagonal", "the tensor", t, 2)) return NULL;
  return cr_diagonal_of(t, k, 0, 1);
}

cr_tensor *cr_diagonal_of(cr_tensor *t, int64_t k, int row, int column) {
  if (!t || !cr_wrap_dim("diagonal", &row, t->ndim) || !cr_wrap_dim("diagonal", &column, t->ndim))
    return NULL;
  if (t->ndim < 2 || row == column)
    return cr_fail_null("diagonal: two dimensions are wanted, got %d and %d of a tensor of %d",
                        row + 1, column + 1, t->ndim);
  cr_tensor plain = cr_plain_layout(t), part = plain;
  diagonal(&part, k, row, column);
  cr_tensor *v = cr_alias(t);
  if (v) diagonal(v, k, row, column);
  return cr_record_part(v, t, &plain, &part);
}
