/* slice.c: views by plain strides, and the gradients of writes through views.
 *
 * A geometry is where a view lies in its base: both are described by shape, strides and offset in
 * the storage.  A gradient of the base is laid out as the base is in a buffer of its own, so that
 * the view's strides hold there too.  Three linear operators work on such gradients:
 *   slice_of(g)    the view's part of a gradient of the base
 *   slice_into(g)  a gradient of the base that is g in the view's part and zero elsewhere; elements
 *                  that the view shows several times add up
 *   slice_zero(g)  a gradient of the base, with zero in the view's part
 * Each is the derivative of another, so gradients of any order work. */
#include "tensor/node.h"
#include "tensor/ops.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  int ndim;
  int64_t shape[CR_MAX_DIMS], stride[CR_MAX_DIMS], offset;
} geometry;

/* ---- geometries as attributes: base, then view ------------------------------------------ */

static int put_geometry(int64_t *ints, int ndim, const int64_t *shape, const int64_t *stride,
                        int64_t offset) {
  *ints++ = ndim;
  memcpy(ints, shape, (size_t)ndim * sizeof *ints);
  memcpy(ints + ndim, stride, (size_t)ndim * sizeof *ints);
  ints[2 * ndim] = offset;
  return 2 * ndim + 2;
}

int cr_slice_attrs(const cr_tensor *base, const cr_tensor *view, int64_t *ints) {
  int n = put_geometry(ints, base->ndim, base->shape, base->stride, base->offset);
  return n + put_geometry(ints + n, view->ndim, view->shape, view->stride, view->offset);
}

static const int64_t *get_geometry(const int64_t *ints, geometry *g) {
  g->ndim = (int)*ints++;
  memcpy(g->shape, ints, (size_t)g->ndim * sizeof *ints);
  memcpy(g->stride, ints + g->ndim, (size_t)g->ndim * sizeof *ints);
  g->offset = ints[2 * g->ndim];
  return ints + 2 * g->ndim + 1;
}

static void get_attrs(const int64_t *ints, geometry *base, geometry *view) {
  get_geometry(get_geometry(ints, base), view);
}

/* ---- gradients laid out as the base ----------------------------------------------------- */

/* The span of elements that a geometry touches; makes its offset relative to the first. */
static int64_t span_of(geometry *g, int64_t *first) {
  int64_t last = g->offset;
  *first = g->offset;
  for (int d = 0; d < g->ndim; d++) {
    int64_t s = (g->shape[d] - 1) * g->stride[d];
    *(s < 0 ? first : &last) += s;
  }
  return last - *first + 1;
}

/* A zeroed buffer with the base's layout, and the base's and the view's tensors on it. */
static bool layout(const cr_tensor *like, geometry *base, geometry *view, cr_tensor **base_on,
                   cr_tensor **view_on) {
  int64_t first, span = span_of(base, &first);
  CR_AUTO buffer = cr_full((cr_dtype)like->dtype, cr_device_of(like), 1, &span, cr_num(0));
  if (!buffer) return false;
  *base_on = cr_view_storage(buffer->storage, (cr_dtype)like->dtype, base->offset - first,
                             base->ndim, base->shape, base->stride);
  *view_on = cr_view_storage(buffer->storage, (cr_dtype)like->dtype, view->offset - first,
                             view->ndim, view->shape, view->stride);
  return *base_on && *view_on;
}

/* A dimension along which two indices may lead to one element, or -1.  Exact for views made by
 * narrowing, permuting, expanding and one unfold. */
static int shared_dim(int ndim, const int64_t *shape, const int64_t *stride) {
  int64_t seen = 1; /* elements spanned by the dimensions with smaller strides */
  bool used[CR_MAX_DIMS] = {false};
  for (int k = 0; k < ndim; k++) {
    int best = -1;
    for (int d = 0; d < ndim; d++)
      if (!used[d] && (best < 0 || llabs(stride[d]) < llabs(stride[best]))) best = d;
    used[best] = true;
    if (shape[best] == 1) continue;
    if (llabs(stride[best]) < seen) return best;
    seen += (shape[best] - 1) * llabs(stride[best]);
  }
  return -1;
}

/* view += g where elements of the view may share memory: index by index along dimensions that
 * share, the rest at once. */
static bool add_shared(cr_tensor *view, cr_tensor *g) {
  int d = shared_dim(view->ndim, view->shape, view->stride);
  if (d < 0) {
    CR_AUTO r = cr_binary(CR_ADD, view, g, view);
    return r != NULL;
  }
  for (int64_t i = 0; i < view->shape[d]; i++) {
    CR_AUTO v = cr_narrow(view, d, i, 1);
    CR_AUTO part = cr_narrow(g, d, i, 1);
    if (!v || !part || !add_shared(v, part)) return false;
  }
  return true;
}

static cr_tensor *slice_of(cr_tensor *g, int nints, const int64_t *ints);
static cr_tensor *slice_into(cr_tensor *g, int nints, const int64_t *ints);
static cr_tensor *slice_zero(cr_tensor *g, int nints, const int64_t *ints);

static bool slice_of_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *ints;
  int nints = cr_attr_ints(n, &ints);
  return (gin[0] = slice_into(g[0], nints, ints)) != NULL;
}

static bool slice_into_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *ints;
  int nints = cr_attr_ints(n, &ints);
  return (gin[0] = slice_of(g[0], nints, ints)) != NULL;
}

static bool slice_zero_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *ints;
  int nints = cr_attr_ints(n, &ints);
  return (gin[0] = slice_zero(g[0], nints, ints)) != NULL;
}

static const cr_op op_slice_of = {"slice_of", "geometry", slice_of_backward};
static const cr_op op_slice_into = {"slice_into", "geometry", slice_into_backward};
static const cr_op op_slice_zero = {"slice_zero", "geometry", slice_zero_backward};

/* Runs `body` without recording; the caller records the whole as one operator. */
typedef cr_tensor *(*slice_body)(cr_tensor *g, geometry *base, geometry *view);

static cr_tensor *unrecorded(slice_body body, cr_tensor *g, const int64_t *ints) {
  geometry base, view;
  get_attrs(ints, &base, &view);
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  cr_tensor *r = body(g, &base, &view);
  ctx->no_grad = mode;
  return r;
}

static cr_tensor *of_body(cr_tensor *g, geometry *base, geometry *view) {
  CR_AUTO b = NULL;
  CR_AUTO v = NULL;
  if (!layout(g, base, view, &b, &v)) return NULL;
  CR_AUTO done = cr_copy(b, g);
  return done ? cr_clone(v) : NULL;
}

static cr_tensor *into_body(cr_tensor *g, geometry *base, geometry *view) {
  CR_AUTO b = NULL;
  CR_AUTO v = NULL;
  if (!layout(g, base, view, &b, &v)) return NULL;
  return add_shared(v, g) ? cr_contiguous(b) : NULL;
}

static cr_tensor *zero_body(cr_tensor *g, geometry *base, geometry *view) {
  CR_AUTO b = NULL;
  CR_AUTO v = NULL;
  if (!layout(g, base, view, &b, &v)) return NULL;
  CR_AUTO copied = cr_copy(b, g);
  CR_AUTO zeroed = copied ? cr_fill(v, cr_num(0)) : NULL;
  return zeroed ? cr_contiguous(b) : NULL;
}

static cr_tensor *slice_of(cr_tensor *g, int nints, const int64_t *ints) {
  return cr_record(&op_slice_of, unrecorded(of_body, g, ints), CR_IN(g), .nints = nints,
                   .ints = ints);
}

static cr_tensor *slice_into(cr_tensor *g, int nints, const int64_t *ints) {
  return cr_record(&op_slice_into, unrecorded(into_body, g, ints), CR_IN(g), .nints = nints,
                   .ints = ints);
}

static cr_tensor *slice_zero(cr_tensor *g, int nints, const int64_t *ints) {
  return cr_record(&op_slice_zero, unrecorded(zero_body, g, ints), CR_IN(g), .nints = nints,
                   .ints = ints);
}

/* ---- as_strided ------------------------------------------------------------------------- */

static bool as_strided_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *ints;
  int nints = cr_attr_ints(n, &ints);
  return (gin[0] = slice_into(g[0], nints, ints)) != NULL;
}

static const cr_op op_as_strided = {"as_strided", "geometry", as_strided_backward};

cr_tensor *cr_as_strided(cr_tensor *t, int64_t offset, int ndim, const int64_t *shape,
                         const int64_t *stride) {
  if (!t) return NULL;
  cr_tensor *v = cr_view_storage(t->storage, (cr_dtype)t->dtype, offset, ndim, shape, stride);
  if (!v) return NULL;
  int64_t ints[CR_SLICE_ATTRS];
  int nints = cr_slice_attrs(t, v, ints);
  return cr_record_view(&op_as_strided, v, t, .nints = nints, .ints = ints);
}

/* Elements of t may share memory, but those of its gradient must not: the part is described as if t
 * lay in memory plainly. */
cr_tensor cr_plain_layout(const cr_tensor *t) {
  cr_tensor plain = *t;
  plain.offset = 0;
  cr_contiguous_strides(plain.ndim, plain.shape, plain.stride);
  return plain;
}

cr_tensor *cr_record_part(cr_tensor *v, cr_tensor *t, const cr_tensor *plain,
                          const cr_tensor *part) {
  int64_t ints[CR_SLICE_ATTRS];
  int nints = cr_slice_attrs(plain, part, ints);
  return cr_record_view(&op_as_strided, v, t, .nints = nints, .ints = ints);
}

/* ---- a base of which a view was overwritten --------------------------------------------- */

/* Inputs: the base before, and what was written (shaped as the view). */
static bool copy_slices_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *ints;
  int nints = cr_attr_ints(n, &ints);
  if (cr_wants(n, 0) && !(gin[0] = slice_zero(g[0], nints, ints))) return false;
  return !cr_wants(n, 1) || (gin[1] = slice_of(g[0], nints, ints));
}

const cr_op cr_op_copy_slices = {"copy_slices", "geometry", copy_slices_backward};
