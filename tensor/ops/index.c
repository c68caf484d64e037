/* index.c: reading and writing elements that other tensors name, and joining tensors. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <stdlib.h>
#include <string.h>

/* ---- gather and scatter ----------------------------------------------------------------- */

/* A header whose dimension dim is one element wide in memory, shaped as the index: the kernel adds
 * the index's own step. */
static cr_tensor indexed(const cr_tensor *t, const cr_tensor *index, int dim) {
  cr_tensor u = *t;
  memcpy(u.shape, index->shape, index->ndim * sizeof *u.shape);
  u.stride[dim] = 0;
  return u;
}

static bool check_index(const char *fn, const cr_tensor *a, int dim, const cr_tensor *index) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_need_dtype(fn, "the index", index, CR_INT64) || !cr_same_device(fn, a, index))
    return false;
  bool fits = a->ndim == index->ndim;
  for (int d = 0; fits && d < a->ndim; d++) fits = d == dim || index->shape[d] <= a->shape[d];
  if (fits) return true;
  return cr_fail("%s: an index of shape %s for a tensor of shape %s along dimension %d", fn,
                 cr_shape_str(s, index->ndim, index->shape), cr_shape_str(t, a->ndim, a->shape),
                 dim + 1);
}

static bool gather_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *index = cr_saved(n, 0);
  if (!index) return false;
  const int64_t *shape;
  int ndim = cr_input_shape(n, 0, &shape);
  CR_AUTO zeros = cr_full((cr_dtype)g[0]->dtype, cr_device_of(g[0]), ndim, shape, cr_int(0));
  return (gin[0] = cr_scatter(zeros, (int)cr_attr_int(n, 0), index, cr_attr_int(n, 1), g[0],
                              true)) != NULL;
}

static const cr_op op_gather = {"gather", "dim base", gather_backward};

cr_tensor *cr_gather(cr_tensor *a, int dim, cr_tensor *index, int64_t base, cr_tensor *out) {
  if (!a || !index || !cr_wrap_dim("gather", &dim, a->ndim) ||
      !check_index("gather", a, dim, index))
    return NULL;
  if (a->ndim == 0) return cr_into("gather", out, cr_clone(a));
  if (out && (out->dtype != a->dtype || out->storage == a->storage))
    return cr_into("gather", out, cr_gather(a, dim, index, base, NULL));
  cr_tensor *const in[] = {a, index};
  cr_tensor *y = cr_result("gather", out, (cr_dtype)a->dtype, cr_device_of(a), index->ndim,
                           index->shape, 2, in);
  if (y && cr_numel(y)) {
    cr_tensor view = indexed(a, index, dim), *ops[] = {&view, index};
    cr_iter it;
    cr_iter_make(&it, y, 2, ops);
    int64_t step = a->stride[dim] * (int64_t)cr_sizeof((cr_dtype)a->dtype);
    if (!cr_backend_for(y)->gather(&it, a->shape[dim], step, base)) {
      cr_error_prefix("gather");
      cr_release(y);
      return NULL;
    }
  }
  return cr_record(&op_gather, y, CR_IN(a), CR_SAVE(index), CR_INTS(dim, base));
}

/* g, but zero for values that others, written to the same place, have replaced. */
static cr_tensor *of_those_left(cr_tensor *g, cr_tensor *whole, int dim, cr_tensor *index,
                                int64_t base) {
  int64_t shape[CR_MAX_DIMS];
  for (int d = 0; d < index->ndim; d++) shape[d] = d == dim ? index->shape[d] : 1;
  CR_AUTO order = cr_arange(CR_INT64, cr_device_of(index), 0, 1, index->shape[dim]);
  CR_AUTO line = cr_reshape(order, index->ndim, shape);
  CR_AUTO number = line ? cr_expand(line, index->ndim, index->shape) : NULL;
  CR_AUTO board = cr_full(CR_INT64, cr_device_of(index), whole->ndim, whole->shape, cr_int(0));
  CR_AUTO written = board && number ? cr_scatter(board, dim, index, base, number, false) : NULL;
  CR_AUTO left = cr_gather(written, dim, index, base, NULL);
  CR_AUTO own = left && number ? cr_binary(CR_EQ, left, number, NULL) : NULL;
  CR_AUTO zero = g ? cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_int(0)) : NULL;
  return cr_where(own, g, zero, NULL);
}

/* Overwritten elements lose their gradient; added to, they keep it. */
static bool scatter_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *index = cr_saved(n, 0);
  int dim = (int)cr_attr_int(n, 0);
  int64_t base = cr_attr_int(n, 1);
  bool add = cr_attr_int(n, 2);
  if (!index) return false;
  if (cr_wants(n, 0)) {
    CR_AUTO zero = add ? NULL
                       : cr_full((cr_dtype)g[0]->dtype, cr_device_of(g[0]), index->ndim,
                                 index->shape, cr_int(0));
    CR_AUTO copy = cr_clone(g[0]);
    gin[0] = add ? cr_retain(g[0]) : cr_scatter(copy, dim, index, base, zero, false);
    if (!gin[0]) return false;
  }
  if (!cr_wants(n, 1)) return true;
  CR_AUTO at = cr_gather(g[0], dim, index, base, NULL);
  gin[1] = add ? (at ? cr_retain(at) : NULL) : of_those_left(at, g[0], dim, index, base);
  return gin[1] != NULL;
}

static const cr_op op_scatter = {"scatter", "dim base add", scatter_backward};

/* What is to be written to places of a, in its type, and not in its own memory. */
static cr_tensor *values_for(const cr_tensor *a, cr_tensor *src) {
  return src->storage == a->storage ? cr_clone(src) : cr_cast(src, (cr_dtype)a->dtype);
}

cr_tensor *cr_scatter(cr_tensor *a, int dim, cr_tensor *index, int64_t base, cr_tensor *src,
                      bool add) {
  const char *fn = add ? "scatterAdd" : "scatter";
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!a || !index || !src || !cr_wrap_dim(fn, &dim, a->ndim) || !check_index(fn, a, dim, index))
    return NULL;
  if (!cr_same_shape(index, src))
    return cr_fail_null("%s: an index of shape %s with values of shape %s", fn,
                        cr_shape_str(s, index->ndim, index->shape),
                        cr_shape_str(t, src->ndim, src->shape));
  CR_AUTO values = values_for(a, src);
  cr_tensor *const written[] = {a, values};
  if (!values || a->ndim == 0 || !cr_writable(fn, a, 2, written))
    return a->ndim ? NULL : cr_copy(a, src);
  if (cr_numel(index)) {
    cr_tensor view = indexed(a, index, dim), *ops[] = {index, &view};
    cr_iter it;
    cr_iter_make(&it, values, 2, ops);
    int64_t step = a->stride[dim] * (int64_t)cr_sizeof((cr_dtype)a->dtype);
    if (!cr_backend_for(a)->scatter(&it, a->shape[dim], step, base, add)) {
      cr_error_prefix(fn);
      return NULL;
    }
  }
  cr_bump(a);
  return cr_record(&op_scatter, cr_retain(a), CR_IN(a, values), CR_SAVE(index),
                   CR_INTS(dim, base, add));
}

/* ---- whole slices ----------------------------------------------------------------------- */

static bool check_slices(const char *fn, const cr_tensor *a, int *dim, const cr_tensor *index) {
  char s[CR_SHAPE_STR];
  if (!cr_wrap_dim(fn, dim, a->ndim) || !cr_need_dtype(fn, "the index", index, CR_INT64) ||
      !cr_same_device(fn, a, index))
    return false;
  if (a->ndim == 0) return cr_fail("%s: the tensor has no dimensions", fn);
  if (index->ndim <= 1) return true;
  return cr_fail("%s: an index of shape %s, wanted a vector", fn,
                 cr_shape_str(s, index->ndim, index->shape));
}

/* Products of the sizes before and after dim. */
static void around(const cr_tensor *a, int dim, int64_t *outer, int64_t *inner) {
  *outer = *inner = 1;
  for (int d = 0; d < dim; d++) *outer *= a->shape[d];
  for (int d = dim + 1; d < a->ndim; d++) *inner *= a->shape[d];
}

static bool index_select_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *index = cr_saved(n, 0);
  if (!index) return false;
  const int64_t *shape;
  int ndim = cr_input_shape(n, 0, &shape);
  CR_AUTO zeros = cr_full((cr_dtype)g[0]->dtype, cr_device_of(g[0]), ndim, shape, cr_int(0));
  return (gin[0] = cr_index_add(zeros, (int)cr_attr_int(n, 0), index, g[0], 1)) != NULL;
}

static const cr_op op_index_select = {"index", "dim", index_select_backward};

cr_tensor *cr_index_select(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *out) {
  if (!a || !index || !check_slices("index", a, &dim, index)) return NULL;
  if (out && (out->dtype != a->dtype || out->storage == a->storage ||
              (cr_numel(out) && !cr_is_contiguous(out))))
    return cr_into("index", out, cr_index_select(a, dim, index, NULL));
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  CR_AUTO from = cr_contiguous(a);
  CR_AUTO at = cr_contiguous(index);
  ctx->no_grad = mode;
  if (!from || !at) return NULL;
  int64_t shape[CR_MAX_DIMS], outer, inner, n = cr_numel(index);
  memcpy(shape, a->shape, a->ndim * sizeof *shape);
  shape[dim] = n;
  cr_tensor *const in[] = {a, index};
  cr_tensor *y =
      cr_result("index", out, (cr_dtype)a->dtype, cr_device_of(a), a->ndim, shape, 2, in);
  if (y && cr_numel(y)) {
    around(a, dim, &outer, &inner);
    size_t bytes = (size_t)inner * cr_sizeof((cr_dtype)a->dtype);
    if (!cr_backend_for(y)->index_select(cr_data(y), cr_data(from), cr_data(at), n, a->shape[dim],
                                         bytes, outer, n * (int64_t)bytes,
                                         a->shape[dim] * (int64_t)bytes)) {
      cr_error_prefix("index");
      cr_release(y);
      return NULL;
    }
  }
  return cr_record(&op_index_select, y, CR_IN(a), CR_SAVE(index), CR_INTS(dim));
}

/* What index_add, index_copy and index_fill check of their source. */
static bool check_source(const char *fn, const cr_tensor *a, int dim, const cr_tensor *index,
                         const cr_tensor *src) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  bool fits = src->ndim == a->ndim;
  for (int d = 0; fits && d < a->ndim; d++)
    fits = src->shape[d] == (d == dim ? cr_numel(index) : a->shape[d]);
  if (fits) return cr_same_device(fn, a, src);
  return cr_fail(
      "%s: values of shape %s for %lld places along dimension %d of a tensor of shape %s", fn,
      cr_shape_str(s, src->ndim, src->shape), (long long)cr_numel(index), dim + 1,
      cr_shape_str(t, a->ndim, a->shape));
}

static bool index_add_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *index = cr_saved(n, 0);
  if (!index) return false;
  if (cr_wants(n, 0)) gin[0] = cr_retain(g[0]);
  if (!cr_wants(n, 1)) return true;
  CR_AUTO part = cr_index_select(g[0], (int)cr_attr_int(n, 0), index, NULL);
  return (gin[1] = cr_mul_num(part, cr_attr_num(n, 0))) != NULL;
}

static const cr_op op_index_add = {"indexAdd", "dim : alpha", index_add_backward};

static bool index_add_kernel(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *src,
                             double alpha) {
  CR_AUTO at = cr_contiguous(index);
  CR_AUTO from = cr_contiguous(src);
  if (!at || !from) return false;
  CR_AUTO whole = cr_contiguous(a);
  if (!whole) return false;
  int64_t outer, inner, n = cr_numel(index);
  around(a, dim, &outer, &inner);
  int64_t size = (int64_t)cr_sizeof((cr_dtype)a->dtype);
  if (cr_numel(src) &&
      !cr_backend_for(a)->index_add((cr_dtype)a->dtype, cr_data(whole), cr_data(from), cr_data(at),
                                    n, a->shape[dim], inner, outer, a->shape[dim] * inner * size,
                                    n * inner * size, alpha))
    return cr_error_prefix("indexAdd");
  if (whole == a) return true;
  CR_AUTO back = cr_copy(a, whole);
  return back != NULL;
}

cr_tensor *cr_index_add(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *src, double alpha) {
  if (!a || !index || !src || !check_slices("indexAdd", a, &dim, index) ||
      !check_source("indexAdd", a, dim, index, src))
    return NULL;
  CR_AUTO values = values_for(a, src);
  cr_tensor *const written[] = {a, values};
  if (!values || !cr_writable("indexAdd", a, 2, written)) return NULL;
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  bool ok = index_add_kernel(a, dim, index, values, alpha);
  ctx->no_grad = mode;
  if (!ok) return NULL;
  cr_bump(a);
  return cr_record(&op_index_add, cr_retain(a), CR_IN(a, values), CR_SAVE(index), CR_INTS(dim),
                   CR_NUMS(alpha));
}

/* A vector of places as the full index that gather and scatter take. */
static cr_tensor *full_index(const cr_tensor *a, int dim, cr_tensor *index) {
  int64_t one[CR_MAX_DIMS], all[CR_MAX_DIMS];
  for (int d = 0; d < a->ndim; d++) {
    one[d] = d == dim ? cr_numel(index) : 1;
    all[d] = d == dim ? cr_numel(index) : a->shape[d];
  }
  CR_AUTO v = cr_reshape(index, a->ndim, one);
  return cr_expand(v, a->ndim, all);
}

cr_tensor *cr_index_copy(cr_tensor *a, int dim, cr_tensor *index, cr_tensor *src) {
  if (!a || !index || !src || !check_slices("indexCopy", a, &dim, index) ||
      !check_source("indexCopy", a, dim, index, src))
    return NULL;
  CR_AUTO full = full_index(a, dim, index);
  return full ? cr_scatter(a, dim, full, 0, src, false) : NULL;
}

cr_tensor *cr_index_fill(cr_tensor *a, int dim, cr_tensor *index, cr_scalar v) {
  if (!a || !index || !check_slices("indexFill", a, &dim, index)) return NULL;
  CR_AUTO full = full_index(a, dim, index);
  CR_AUTO one = cr_scalar_tensor((cr_dtype)a->dtype, cr_device_of(a), v);
  CR_AUTO values = full ? cr_expand(one, full->ndim, full->shape) : NULL;
  return values ? cr_scatter(a, dim, full, 0, values, false) : NULL;
}

/* ---- masks ------------------------------------------------------------------------------ */

static bool check_mask(const char *fn, const cr_tensor *mask) {
  if (mask->dtype == CR_BOOL || mask->dtype == CR_UINT8) return true;
  return cr_fail("%s: the mask is %s, wanted bool or uint8", fn, cr_dtypes[mask->dtype].name);
}

/* Flat places of the true elements of a contiguous mask. */
static cr_tensor *true_places(cr_tensor *mask) {
  CR_AUTO m = cr_contiguous(mask);
  if (!m) return NULL;
  const cr_backend *b = cr_backend_for(m);
  int64_t numel = cr_numel(m), n = numel ? b->nonzero(cr_data(m), numel, NULL) : 0;
  cr_tensor *places = n < 0 ? NULL : cr_empty(CR_INT64, cr_device_of(m), 1, &n);
  if (!places || n == 0 || b->nonzero(cr_data(m), numel, cr_data(places)) == n) return places;
  cr_release(places);
  return NULL;
}

/* Places in t of a mask that broadcasts to it (or, as in Torch7, has as many elements). */
static cr_tensor *mask_places(const char *fn, const cr_tensor *t, cr_tensor *mask) {
  if (!check_mask(fn, mask)) return NULL;
  CR_AUTO here = cr_beside(mask, t);
  if (!here || cr_numel(here) == cr_numel(t)) return here ? true_places(here) : NULL;
  CR_AUTO wide = cr_expand(here, t->ndim, t->shape);
  if (!wide) cr_error_prefix(fn);
  return wide ? true_places(wide) : NULL;
}

static cr_tensor *flat(cr_tensor *t) {
  int64_t n = cr_numel(t);
  return cr_reshape(t, 1, &n);
}

cr_tensor *cr_masked_select(cr_tensor *a, cr_tensor *mask, cr_tensor *out) {
  if (!a || !mask) return NULL;
  CR_AUTO places = mask_places("maskedSelect", a, mask);
  CR_AUTO all = flat(a);
  return places ? cr_index_select(all, 0, places, out) : NULL;
}

cr_tensor *cr_masked_fill(cr_tensor *a, cr_tensor *mask, cr_scalar v) {
  if (!a || !mask || !check_mask("maskedFill", mask)) return NULL;
  CR_AUTO value = cr_scalar_tensor((cr_dtype)a->dtype, cr_device_of(a), v);
  bool as_many = cr_numel(mask) == cr_numel(a);
  CR_AUTO here = cr_beside(mask, a);
  CR_AUTO same = as_many ? cr_reshape(here, a->ndim, a->shape) : cr_expand(here, a->ndim, a->shape);
  if (!same) cr_error_prefix("maskedFill");
  return same && value ? cr_where(same, value, a, a) : NULL;
}

cr_tensor *cr_masked_copy(cr_tensor *a, cr_tensor *mask, cr_tensor *src) {
  if (!a || !mask || !src) return NULL;
  CR_AUTO places = mask_places("maskedCopy", a, mask);
  if (!places) return NULL;
  int64_t n = cr_numel(places);
  if (cr_numel(src) < n)
    return cr_fail_null("maskedCopy: %lld places and only %lld values", (long long)n,
                        (long long)cr_numel(src));
  CR_AUTO all = flat(src);
  CR_AUTO values = cr_narrow(all, 0, 0, n);
  CR_AUTO to = flat(a); /* a view, or a copy when a is not contiguous */
  CR_AUTO done = values && to ? cr_index_copy(to, 0, places, values) : NULL;
  if (!done) return NULL;
  if (to->storage == a->storage) return cr_retain(a);
  CR_AUTO back = cr_reshape(to, a->ndim, a->shape);
  return cr_copy(a, back);
}

cr_tensor *cr_nonzero(cr_tensor *a) {
  if (!a) return NULL;
  CR_AUTO mask = cr_binary_scalar(CR_NE, a, cr_int(0), NULL);
  CR_AUTO places = mask ? true_places(mask) : NULL;
  if (!places) return NULL;
  cr_tensor *out = cr_empty(CR_INT64, cr_device_of(a), 2, (int64_t[]){cr_numel(places), a->ndim});
  CR_AUTO rest = cr_retain(places);
  for (int d = a->ndim - 1; out && d >= 0; d--) {
    int64_t size = a->shape[d] ? a->shape[d] : 1;
    CR_AUTO column = cr_select(out, 1, d);
    cr_tensor *next = d ? cr_binary_scalar(CR_FLOORDIV, rest, cr_int(size), NULL) : cr_retain(rest);
    CR_AUTO digit = !next ? NULL
                    : d   ? cr_axpby(cr_int(1), rest, cr_int(-size), next, column)
                          : cr_copy(column, rest);
    if (!digit) {
      cr_release(next);
      cr_release(out);
      return NULL;
    }
    cr_release(rest);
    rest = next;
  }
  return out;
}

/* ---- joining ---------------------------------------------------------------------------- */

static bool cat_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  int dim = (int)cr_attr_int(n, 0);
  int64_t at = 0;
  for (int i = 0; i < cr_node_ninputs(n); i++) {
    const int64_t *shape;
    cr_input_shape(n, i, &shape);
    if (cr_wants(n, i) && !(gin[i] = cr_narrow(g[0], dim, at, shape[dim]))) return false;
    at += shape[dim];
  }
  return true;
}

static const cr_op op_cat = {"cat", "dim", cat_backward};

/* dtype and shape of the joined tensor. */
static bool cat_shape(int n, cr_tensor *const *t, int dim, cr_dtype *dtype, int64_t *shape) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  memcpy(shape, t[0]->shape, t[0]->ndim * sizeof *shape);
  *dtype = (cr_dtype)t[0]->dtype;
  for (int i = 1; i < n; i++) {
    bool fits = t[i]->ndim == t[0]->ndim;
    for (int d = 0; fits && d < t[0]->ndim; d++)
      fits = d == dim || t[i]->shape[d] == t[0]->shape[d];
    if (!fits)
      return cr_fail(
          "cat: tensor 1 has shape %s and tensor %d has %s: only dimension %d may differ",
          cr_shape_str(s, t[0]->ndim, t[0]->shape), i + 1, cr_shape_str(u, t[i]->ndim, t[i]->shape),
          dim + 1);
    if (!cr_same_device("cat", t[0], t[i])) return false;
    *dtype = cr_promote(*dtype, (cr_dtype)t[i]->dtype);
    shape[dim] += t[i]->shape[dim];
  }
  return true;
}

/* Copies t's part of y, or a band of it along the first dimension. */
static bool cat_part(cr_tensor *t, int dim, int64_t at, int64_t first, int64_t rows, cr_tensor *y) {
  CR_AUTO place = cr_narrow(y, dim, at, t->shape[dim]);
  if (!place) return false;
  bool whole = dim == 0 || rows == t->shape[0];
  CR_AUTO to = whole ? cr_retain(place) : cr_narrow(place, 0, first, rows);
  CR_AUTO from = whole ? cr_retain(t) : cr_narrow(t, 0, first, rows);
  CR_AUTO done = to && from ? cr_copy(to, from) : NULL;
  return done != NULL;
}

/* Parts that lie side by side are copied in bands of some hundred kilobytes, so that y is still in
 * the cache when the next one comes. */
#define BAND ((int64_t)1 << 19)

static bool cat_parts(int n, cr_tensor *const *t, int dim, cr_tensor *y) {
  int64_t all = dim == 0 ? 1 : y->shape[0], rows = all;
  int64_t bytes = cr_numel(y) * (int64_t)cr_sizeof((cr_dtype)y->dtype);
  if (dim > 0 && bytes > 2 * BAND && all > 1) rows = all / (bytes / BAND + 1) + 1;
  for (int64_t first = 0; first < all; first += rows) {
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
      int64_t some = rows < all - first ? rows : all - first;
      if (!cat_part(t[i], dim, at, first, some, y)) return false;
      at += t[i]->shape[dim];
    }
  }
  return true;
}

cr_tensor *cr_cat(int n, cr_tensor *const *t, int dim) {
  cr_dtype dtype;
  int64_t shape[CR_MAX_DIMS];
  if (n < 1) return cr_fail_null("cat: no tensors to join");
  for (int i = 0; i < n; i++)
    if (!t[i]) return NULL;
  if (t[0]->ndim == 0) return cr_fail_null("cat: the tensors have no dimensions; use torch.stack");
  if (!cr_wrap_dim("cat", &dim, t[0]->ndim) || !cat_shape(n, t, dim, &dtype, shape)) return NULL;
  cr_tensor *y = cr_empty(dtype, cr_device_of(t[0]), t[0]->ndim, shape);
  if (!y) return NULL;
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  bool ok = cat_parts(n, t, dim, y);
  ctx->no_grad = mode;
  if (ok) return cr_record(&op_cat, y, .nin = n, .in = t, CR_INTS(dim));
  cr_release(y);
  return NULL;
}

cr_tensor *cr_stack(int n, cr_tensor *const *t, int dim) {
  if (n < 1) return cr_fail_null("stack: no tensors to join");
  cr_tensor **wide = malloc((size_t)n * sizeof *wide);
  if (!wide) return cr_fail_null("stack: out of memory");
  bool ok = true;
  for (int i = 0; i < n; i++) {
    wide[i] = ok ? cr_unsqueeze(t[i], dim) : NULL;
    ok = ok && wide[i];
  }
  cr_tensor *y = ok ? cr_cat(n, wide, dim < 0 ? dim + t[0]->ndim + 1 : dim) : NULL;
  for (int i = 0; i < n; i++) cr_release(wide[i]);
  free(wide);
  return y;
}
