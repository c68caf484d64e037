/* common.c: what operators share: result tensors and argument checks. */
#include "tensor/ops.h"

#include "tensor/autograd.h"

#include <stdio.h>
#include <string.h>

static bool same_geometry(const cr_tensor *a, const cr_tensor *b) {
  return a->offset == b->offset && cr_same_shape(a, b) &&
         memcmp(a->stride, b->stride, a->ndim * sizeof *a->stride) == 0;
}

static void extent(const cr_tensor *t, int64_t *first, int64_t *last) {
  *first = *last = t->offset;
  for (int d = 0; d < t->ndim; d++) {
    int64_t span = (t->shape[d] - 1) * t->stride[d];
    *(span < 0 ? first : last) += span;
  }
}

bool cr_overlaps(const cr_tensor *out, const cr_tensor *in) {
  if (!out->storage || out->storage != in->storage || same_geometry(out, in)) return false;
  if (cr_numel(out) == 0 || cr_numel(in) == 0) return false;
  int64_t f0, l0, f1, l1;
  extent(out, &f0, &l0);
  extent(in, &f1, &l1);
  return f0 <= l1 && f1 <= l0;
}

static bool is_shape(const cr_tensor *t, int ndim, const int64_t *shape) {
  return t->ndim == ndim &&
         (ndim == 0 || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) == 0);
}

/* Gives out the shape of a result.  One that is also an input keeps its own. */
static bool shape_result(const char *fn, cr_tensor *out, int ndim, const int64_t *shape, int nin,
                         cr_tensor *const *in) {
  if (is_shape(out, ndim, shape) && out->storage) return true;
  for (int i = 0; i < nin; i++)
    if (in[i] && in[i]->storage == out->storage && cr_numel(out)) {
      char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
      return cr_fail(
          "%s: the result has shape %s and cannot be written into an operand of shape %s", fn,
          cr_shape_str(s, ndim, shape), cr_shape_str(t, out->ndim, out->shape));
    }
  return cr_resize(out, ndim, shape, NULL) || cr_error_prefix(fn);
}

cr_tensor *cr_result(const char *fn, cr_tensor *out, cr_dtype dtype, cr_device d, int ndim,
                     const int64_t *shape, int nin, cr_tensor *const *in) {
  if (!out) return cr_empty(dtype, d, ndim, shape);
  if (out->dtype != dtype)
    return cr_fail_null("%s: the result is %s, the tensor given for it is %s", fn,
                        cr_dtypes[dtype].name, cr_dtypes[out->dtype].name);
  if (!cr_writable(fn, out, nin, in) || !shape_result(fn, out, ndim, shape, nin, in)) return NULL;
  cr_device have = cr_device_of(out);
  if (have.type != d.type || have.index != d.index)
    return cr_fail_null(
        "%s: the tensor given for the result is on another device than the operands", fn);
  cr_bump(out);
  return cr_retain(out);
}

static bool first_is_channels_last(const int64_t shape[4], int nin, cr_tensor *const *in) {
  for (int i = 0; i < nin; i++) {
    if (!is_shape(in[i], 4, shape)) continue;
    bool last = cr_is_channels_last(in[i]);
    if (last != cr_is_contiguous(in[i])) return last;
  }
  return false;
}

cr_tensor *cr_result_like(const char *fn, cr_tensor *out, cr_dtype dtype, cr_device d, int ndim,
                          const int64_t *shape, int nin, cr_tensor *const *in) {
  if (!out && ndim == 4 && !cr_ctx()->torch7 && first_is_channels_last(shape, nin, in))
    return cr_empty_channels_last(dtype, d, shape);
  return cr_result(fn, out, dtype, d, ndim, shape, nin, in);
}

cr_tensor *cr_into(const char *fn, cr_tensor *out, cr_tensor *y) {
  if (!out || !y) return y;
  cr_tensor *r = NULL;
  if (cr_is_float((cr_dtype)y->dtype) && !cr_is_float((cr_dtype)out->dtype)) {
    cr_fail("%s: the result is %s, the tensor given for it is %s", fn, cr_dtypes[y->dtype].name,
            cr_dtypes[out->dtype].name);
  } else if (shape_result(fn, out, y->ndim, y->shape, 0, NULL)) {
    r = cr_copy(out, y);
  }
  cr_release(y);
  return r;
}

cr_tensor *cr_into_unrecorded(const char *fn, cr_tensor *out, int nin, cr_tensor *const *in,
                              cr_tensor *y) {
  if (!out || !y) return y;
  if (!cr_writable(fn, out, nin, in)) {
    cr_release(y);
    return NULL;
  }
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  cr_tensor *r = cr_into(fn, out, y);
  ctx->no_grad = mode;
  return r;
}

bool cr_wrap_dim(const char *fn, int *dim, int ndim) {
  int n = ndim ? ndim : 1;
  int d = *dim < 0 ? *dim + n : *dim; /* cannot overflow: n is small */
  if (d < 0 || d >= n)
    return cr_fail("%s: dimension %lld of a tensor of %d dimensions", fn,
                   *dim < 0 ? (long long)*dim : (long long)*dim + 1, ndim);
  *dim = d;
  return true;
}

static const char *device_name(char buf[16], cr_device d) {
  if (d.type == CR_CPU) return "in host memory";
  snprintf(buf, 16, "on cuda:%d", d.index + 1);
  return buf;
}

bool cr_same_device(const char *fn, const cr_tensor *a, const cr_tensor *b) {
  cr_device x = cr_device_of(a), y = cr_device_of(b);
  if (x.type == y.type && x.index == y.index) return true;
  char s[16], t[16];
  return cr_fail("%s: one tensor is %s, another %s; move one, as with x:cuda() or x:cpu()", fn,
                 device_name(s, x), device_name(t, y));
}

cr_tensor *cr_beside(cr_tensor *index, const cr_tensor *t) {
  cr_device there = cr_device_of(t);
  bool move = index && there.type != CR_CPU && cr_device_of(index).type == CR_CPU;
  return move ? cr_to_device(index, there) : index ? cr_retain(index) : NULL;
}

cr_tensor *cr_number_beside(cr_tensor *a, const cr_tensor *t) {
  return a->ndim == 0 ? cr_beside(a, t) : cr_retain(a);
}

bool cr_need_dtype(const char *fn, const char *what, const cr_tensor *t, cr_dtype want) {
  if (t->dtype == want) return true;
  return cr_fail("%s: %s is %s, wanted %s", fn, what, cr_dtypes[t->dtype].name,
                 cr_dtypes[want].name);
}

bool cr_need_float(const char *fn, const cr_tensor *t) {
  if (cr_is_float((cr_dtype)t->dtype)) return true;
  return cr_fail("%s: a float tensor is wanted, got %s", fn, cr_dtypes[t->dtype].name);
}

bool cr_need_dims(const char *fn, const char *what, const cr_tensor *t, int ndim) {
  if (t->ndim == ndim) return true;
  char s[CR_SHAPE_STR];
  return cr_fail("%s: %s has shape %s, wanted %d dimension%s", fn, what,
                 cr_shape_str(s, t->ndim, t->shape), ndim, ndim == 1 ? "" : "s");
}
