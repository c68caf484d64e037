/* copy.c: copies, casts and moves between devices. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

/* ---- moving elements -------------------------------------------------------------------- */

static bool same_place(const cr_tensor *a, const cr_tensor *b) {
  cr_device x = cr_device_of(a), y = cr_device_of(b);
  return x.type == y.type && x.index == y.index;
}

/* Between two tensors without gaps, of one dtype, element count and order, on any devices. */
static bool move_raw(cr_tensor *dst, const cr_tensor *src) {
  size_t bytes = (size_t)cr_numel(src) * cr_sizeof((cr_dtype)src->dtype);
  const cr_backend *to = cr_backend_for(dst), *from = cr_backend_for(src);
  cr_device dd = cr_device_of(dst), sd = cr_device_of(src);
  if (dd.type == sd.type) return to->transfer(dd, cr_data(dst), sd, cr_data(src), bytes);
  if (sd.type == CR_CPU) return to->from_host(dd, cr_data(dst), cr_data(src), bytes);
  return from->to_host(sd, cr_data(dst), cr_data(src), bytes);
}

static bool copy_kernel(cr_tensor *dst, cr_tensor *src) {
  if (cr_numel(dst) == 0) return true;
  cr_iter it;
  cr_iter_make(&it, dst, 1, &src);
  return cr_backend_for(dst)->copy(&it);
}

/* By way of contiguous tensors of src's type: one on its device, one on dst's. */
static bool copy_across(cr_tensor *dst, cr_tensor *src) {
  if (dst->dtype == src->dtype && cr_same_shape(dst, src) && cr_only_channels_last(dst) &&
      cr_is_channels_last(src))
    return move_raw(dst, src);
  bool direct = dst->dtype == src->dtype && cr_same_shape(dst, src) && cr_is_contiguous(dst);
  CR_AUTO here = cr_is_contiguous(src) ? cr_retain(src) : cr_empty_like(src);
  CR_AUTO there = direct ? cr_retain(dst)
                         : cr_empty((cr_dtype)src->dtype, cr_device_of(dst), src->ndim, src->shape);
  return here && there && (here == src || copy_kernel(here, src)) &&
         (!cr_numel(src) || move_raw(there, here)) && (there == dst || copy_kernel(dst, there));
}

static bool copy_elements(cr_tensor *dst, cr_tensor *src) {
  if (!same_place(dst, src)) return copy_across(dst, src);
  if (!cr_overlaps(dst, src)) return copy_kernel(dst, src);
  CR_AUTO whole = cr_empty_like(src);
  return whole && copy_kernel(whole, src) && copy_kernel(dst, whole);
}

/* ---- operators -------------------------------------------------------------------------- */

/* The engine sums to the source's shape and casts to its type. */
static bool pass_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  int last = cr_node_ninputs(n) - 1;
  if (cr_wants(n, last)) gin[last] = cr_retain(g[0]);
  return true;
}

static const cr_op op_copy = {"copy", "", pass_backward};
static const cr_op op_clone = {"clone", "", pass_backward};
static const cr_op op_cast = {"cast", "dtype", pass_backward};
static const cr_op op_to = {"to", "device index", pass_backward};

cr_tensor *cr_copy(cr_tensor *dst, cr_tensor *src) {
  if (!dst || !src) return NULL;
  int ndim;
  int64_t shape[CR_MAX_DIMS];
  if (!cr_same_shape(dst, src)) {
    char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
    if (!cr_broadcast("copy", dst->ndim, dst->shape, src->ndim, src->shape, &ndim, shape) ||
        ndim != dst->ndim || cr_count(ndim, shape) != cr_numel(dst))
      return cr_fail_null("copy: a tensor of shape %s does not fit into one of shape %s",
                          cr_shape_str(s, src->ndim, src->shape),
                          cr_shape_str(t, dst->ndim, dst->shape));
  }
  if (!cr_writable("copy", dst, 1, &src) || !copy_elements(dst, src)) return NULL;
  cr_bump(dst);
  return cr_record(&op_copy, cr_retain(dst), CR_IN(src));
}

cr_tensor *cr_clone(cr_tensor *t) {
  if (!t) return NULL;
  cr_tensor *c = cr_empty_like(t);
  if (c && !copy_kernel(c, t)) {
    cr_release(c);
    return NULL;
  }
  return cr_record(&op_clone, c, CR_IN(t));
}

cr_tensor *cr_channels_last(cr_tensor *t) {
  if (!t) return NULL;
  if (cr_is_channels_last(t)) return cr_retain(t);
  char s[CR_SHAPE_STR];
  if (t->ndim != 4)
    return cr_fail_null("channels-last is an order of 4 dimensions, the tensor's shape is %s",
                        cr_shape_str(s, t->ndim, t->shape));
  cr_tensor *c = cr_empty_channels_last((cr_dtype)t->dtype, cr_device_of(t), t->shape);
  if (c && !copy_kernel(c, t)) {
    cr_release(c);
    return NULL;
  }
  return cr_record(&op_clone, c, CR_IN(t));
}

/* A new tensor of t's shape, channels-last if t is. */
static cr_tensor *empty_in_order(const cr_tensor *t, cr_dtype dtype, cr_device d) {
  if (cr_only_channels_last(t) && !cr_ctx()->torch7)
    return cr_empty_channels_last(dtype, d, t->shape);
  return cr_empty(dtype, d, t->ndim, t->shape);
}

cr_tensor *cr_contiguous(cr_tensor *t) {
  if (!t) return NULL;
  return cr_is_contiguous(t) ? cr_retain(t) : cr_clone(t);
}

cr_tensor *cr_cast(cr_tensor *t, cr_dtype dtype) {
  if (!t) return NULL;
  if (t->dtype == dtype) return cr_retain(t);
  cr_tensor *c = empty_in_order(t, dtype, cr_device_of(t));
  if (c && !copy_kernel(c, t)) {
    cr_release(c);
    return NULL;
  }
  return cr_record(&op_cast, c, CR_IN(t), CR_INTS((int64_t)dtype));
}

cr_tensor *cr_to_device(cr_tensor *t, cr_device d) {
  if (!t) return NULL;
  cr_device have = cr_device_of(t);
  if (have.type == d.type && have.index == d.index) return cr_retain(t);
  cr_tensor *c = empty_in_order(t, (cr_dtype)t->dtype, d);
  if (c && !copy_across(c, t)) {
    cr_release(c);
    return NULL;
  }
  return cr_record(&op_to, c, CR_IN(t), CR_INTS(d.type, d.index));
}
