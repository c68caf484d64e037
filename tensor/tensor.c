/* tensor.c: tensor headers, their shapes, single elements. */
#include "tensor/tensor.h"
#include "tensor/autograd.h"
#include "tensor/backend.h"
#include "tensor/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- shapes ----------------------------------------------------------------------------- */

const char *cr_shape_str(char buf[CR_SHAPE_STR], int ndim, const int64_t *shape) {
  if (ndim == 0) return strcpy(buf, "scalar");
  if (ndim == 1 && shape[0] == 0) return strcpy(buf, "empty");
  size_t at = 0;
  for (int d = 0; d < ndim && at < CR_SHAPE_STR; d++)
    at += (size_t)snprintf(buf + at, CR_SHAPE_STR - at, d ? "x%lld" : "%lld", (long long)shape[d]);
  return buf;
}

const char *cr_tensor_str(char buf[CR_SHAPE_STR], const cr_tensor *t) {
  char shape[CR_SHAPE_STR];
  snprintf(buf, CR_SHAPE_STR, "%.80s %s", cr_shape_str(shape, t->ndim, t->shape),
           cr_dtypes[t->dtype].name);
  return buf;
}

int64_t cr_count(int ndim, const int64_t *shape) {
  int64_t n = 1;
  bool zero = false, overflow = false;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] < 0) {
      cr_fail("a size of %lld", (long long)shape[d]);
      return -1;
    }
    zero |= shape[d] == 0; /* the other sizes must fit all the same: strides are made of them */
    if (shape[d]) overflow |= __builtin_mul_overflow(n, shape[d], &n);
  }
  if (overflow) {
    char s[CR_SHAPE_STR];
    cr_fail("out of memory: %s elements do not fit", cr_shape_str(s, ndim, shape));
    return -1;
  }
  return zero ? 0 : n;
}

void cr_contiguous_strides(int ndim, const int64_t *shape, int64_t *stride) {
  int64_t step = 1;
  for (int d = ndim - 1; d >= 0; d--) {
    stride[d] = step;
    step *= shape[d] > 1 ? shape[d] : 1;
  }
}

bool cr_broadcast(const char *fn, int na, const int64_t *a, int nb, const int64_t *b, int *ndim,
                  int64_t *shape) {
  int n = na > nb ? na : nb;
  int64_t out[CR_MAX_DIMS];
  for (int i = 1; i <= n; i++) {
    int64_t x = i <= na ? a[na - i] : 1, y = i <= nb ? b[nb - i] : 1;
    if (x != y && x != 1 && y != 1) {
      char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
      return cr_fail("%s: shapes %s and %s do not broadcast: sizes %lld and %lld of dimension %d "
                     "from the end differ",
                     fn, cr_shape_str(s, na, a), cr_shape_str(t, nb, b), (long long)x, (long long)y,
                     i);
    }
    out[n - i] = x == 1 ? y : x;
  }
  *ndim = n;
  memcpy(shape, out, (size_t)n * sizeof *out);
  return true;
}

int64_t cr_numel(const cr_tensor *t) {
  int64_t n = 1;
  for (int d = 0; d < t->ndim; d++) n *= t->shape[d];
  return n;
}

bool cr_is_contiguous(const cr_tensor *t) {
  int64_t step = 1;
  for (int d = t->ndim - 1; d >= 0; d--) {
    if (t->shape[d] == 1) continue;
    if (t->shape[d] == 0) return true;
    if (t->stride[d] != step) return false;
    step *= t->shape[d];
  }
  return true;
}

/* The dimensions of images from the innermost outwards. */
static const int inward[4] = {1, 3, 2, 0};

bool cr_is_channels_last(const cr_tensor *t) {
  if (t->ndim != 4) return false;
  int64_t step = 1;
  for (int i = 0; i < 4; i++) {
    int d = inward[i];
    if (t->shape[d] != 1 && t->stride[d] != step) return false;
    step *= t->shape[d];
  }
  return step > 0;
}

bool cr_is_whole(const cr_tensor *t) {
  return t->storage && t->offset == 0 && t->storage->size == cr_numel(t) && cr_is_contiguous(t);
}

bool cr_same_shape(const cr_tensor *a, const cr_tensor *b) {
  return a->ndim == b->ndim && memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof(int64_t)) == 0;
}

bool cr_is_none(const cr_tensor *t) {
  return t->ndim == 1 && t->shape[0] == 0;
}

/* ---- headers ---------------------------------------------------------------------------- */

static cr_tensor *header(cr_dtype dtype) {
  cr_tensor *t = cr_malloc(sizeof *t);
  if (!t) return NULL;
  t->account = cr_charge(sizeof *t);
  if (!t->account) {
    cr_free(t, sizeof *t);
    return NULL;
  }
  atomic_init(&t->refs, 1);
  t->dtype = (uint8_t)dtype;
  t->ndim = 0;
  t->storage = NULL;
  t->offset = 0;
  t->base = NULL;
  t->unrecorded = false;
  t->ag = NULL;
  return t;
}

static void set_shape(cr_tensor *t, int ndim, const int64_t *shape, const int64_t *stride) {
  t->ndim = (uint8_t)ndim;
  if (ndim == 0) return; /* shape may be NULL */
  memmove(t->shape, shape, (size_t)ndim * sizeof *shape);
  if (stride)
    memmove(t->stride, stride, (size_t)ndim * sizeof *stride);
  else
    cr_contiguous_strides(ndim, t->shape, t->stride);
}

static bool check_ndim(int ndim) {
  if (ndim >= 0 && ndim <= CR_MAX_DIMS) return true;
  return cr_fail("%d dimensions; a tensor has at most %d", ndim, CR_MAX_DIMS);
}

cr_tensor *cr_retain(cr_tensor *t) {
  atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
  return t;
}

void cr_release(cr_tensor *t) {
  if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
  if (t->ag) cr_autograd_free(t);
  cr_storage_release(t->storage);
  cr_tensor *base = t->base;
  cr_uncharge(t->account, sizeof *t);
  cr_free(t, sizeof *t);
  cr_release(base); /* one level: a base is no view itself */
}

cr_tensor *cr_empty(cr_dtype dtype, cr_device device, int ndim, const int64_t *shape) {
  if (!check_ndim(ndim)) return NULL;
  int64_t n = cr_count(ndim, shape);
  if (n < 0) return NULL;
  cr_tensor *t = header(dtype);
  if (!t) return NULL;
  set_shape(t, ndim, shape, NULL);
  t->storage = cr_storage_new(dtype, device, n);
  if (!t->storage) {
    cr_release(t);
    return NULL;
  }
  return t;
}

cr_tensor *cr_empty_cpu(cr_dtype dtype, int ndim, const int64_t *shape) {
  return cr_empty(dtype, (cr_device){CR_CPU, 0}, ndim, shape);
}

cr_tensor *cr_empty_channels_last(cr_dtype dtype, cr_device device, const int64_t shape[4]) {
  cr_tensor *t = cr_empty(dtype, device, 4, shape);
  int64_t step = 1;
  for (int i = 0; t && i < 4; i++) {
    t->stride[inward[i]] = step;
    step *= shape[inward[i]];
  }
  return t;
}

cr_tensor *cr_empty_like(const cr_tensor *t) {
  return cr_empty((cr_dtype)t->dtype, cr_device_of(t), t->ndim, t->shape);
}

cr_tensor *cr_none(cr_dtype dtype, cr_device device) {
  return cr_empty(dtype, device, 1, (int64_t[]){0});
}

cr_tensor *cr_scalar_tensor(cr_dtype dtype, cr_device device, cr_scalar value) {
  cr_tensor *t = cr_empty(dtype, device, 0, NULL);
  if (t && !cr_put(t, NULL, value)) {
    cr_release(t);
    return NULL;
  }
  return t;
}

/* Whether every element of the described view lies inside the storage. */
static bool check_extent(const cr_storage *s, int64_t offset, int ndim, const int64_t *shape,
                         const int64_t *stride) {
  int64_t first = offset, last = offset;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] == 0) return true;
    int64_t span;
    if (__builtin_mul_overflow(shape[d] - 1, stride[d], &span) ||
        __builtin_add_overflow(span < 0 ? first : last, span, span < 0 ? &first : &last) ||
        last == INT64_MAX)
      return cr_fail("a view whose strides overflow");
  }
  int64_t size = s ? s->size : 0;
  if (first >= 0 && last < size) return true;
  char b[CR_SHAPE_STR];
  return cr_fail("a view of shape %s reaches elements %lld to %lld of a storage of %lld",
                 cr_shape_str(b, ndim, shape), (long long)first + 1, (long long)last + 1,
                 (long long)size);
}

cr_tensor *cr_view_storage(cr_storage *s, cr_dtype dtype, int64_t offset, int ndim,
                           const int64_t *shape, const int64_t *stride) {
  int64_t own[CR_MAX_DIMS];
  if (!check_ndim(ndim) || cr_count(ndim, shape) < 0) return NULL;
  if (!stride) {
    cr_contiguous_strides(ndim, shape, own);
    stride = own;
  }
  if (!check_extent(s, offset, ndim, shape, stride)) return NULL;
  cr_tensor *t = header(dtype);
  if (!t) return NULL;
  set_shape(t, ndim, shape, stride);
  t->storage = s ? cr_storage_retain(s) : NULL;
  t->offset = offset;
  return t;
}

cr_tensor *cr_alias(const cr_tensor *src) {
  cr_tensor *t = header((cr_dtype)src->dtype);
  if (!t) return NULL;
  set_shape(t, src->ndim, src->shape, src->stride);
  t->storage = src->storage ? cr_storage_retain(src->storage) : NULL;
  t->offset = src->offset;
  return t;
}

/* ---- changing a header ------------------------------------------------------------------ */

static bool check_no_history(cr_tensor *t, const char *what) {
  if (!t->ag || cr_is_leaf(t)) return true;
  char s[CR_SHAPE_STR];
  return cr_fail("%s: the tensor (%s) is a result on the tape; use a new tensor, or "
                 "x:detach() first",
                 what, cr_tensor_str(s, t));
}

bool cr_set(cr_tensor *t, cr_storage *s, int64_t offset, int ndim, const int64_t *shape,
            const int64_t *stride) {
  int64_t own[CR_MAX_DIMS];
  if (!check_ndim(ndim) || cr_count(ndim, shape) < 0 || !check_no_history(t, "set")) return false;
  if (s && s->dtype != t->dtype)
    return cr_fail("set: a %s storage for a %s tensor", cr_dtypes[s->dtype].name,
                   cr_dtypes[t->dtype].name);
  if (!stride) {
    cr_contiguous_strides(ndim, shape, own);
    stride = own;
  }
  if (!check_extent(s, offset, ndim, shape, stride)) return false;
  if (s) cr_storage_retain(s);
  cr_storage_release(t->storage);
  cr_release(t->base);
  t->base = NULL;
  t->unrecorded = false;
  t->storage = s;
  t->offset = offset;
  set_shape(t, ndim, shape, stride);
  return true;
}

bool cr_resize(cr_tensor *t, int ndim, const int64_t *shape, const int64_t *stride) {
  if (!check_ndim(ndim)) return false;
  int64_t n = cr_count(ndim, shape);
  if (n < 0) return false;
  if (t->ndim == ndim && !stride && cr_is_contiguous(t) && t->storage &&
      (ndim == 0 || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) == 0))
    return true;
  if (!check_no_history(t, "resize")) return false;
  int64_t last = t->offset + n;
  if (stride) {
    last = t->offset + (n > 0);
    for (int d = 0; d < ndim && n > 0; d++) {
      int64_t span;
      if (stride[d] < 0 || __builtin_mul_overflow(shape[d] - 1, stride[d], &span) ||
          __builtin_add_overflow(last, span, &last))
        return cr_fail("resize: a stride of %lld", (long long)stride[d]);
    }
  }
  if (!t->storage) {
    t->storage = cr_storage_new((cr_dtype)t->dtype, (cr_device){CR_CPU, 0}, last);
    if (!t->storage) return false;
  } else if (last > t->storage->size && !cr_storage_resize(t->storage, last)) {
    return false;
  }
  set_shape(t, ndim, shape, stride);
  return true;
}

/* ---- single elements -------------------------------------------------------------------- */

static int64_t element_at(const cr_tensor *t, const int64_t *index) {
  int64_t at = t->offset;
  if (index)
    for (int d = 0; d < t->ndim; d++) at += index[d] * t->stride[d];
  return at;
}

bool cr_read(const cr_tensor *t, const int64_t *index, cr_scalar *out) {
  size_t size = cr_sizeof((cr_dtype)t->dtype);
  const char *p = (const char *)t->storage->data + (size_t)element_at(t, index) * size;
  char host[16];
  if (t->storage->device.type != CR_CPU) {
    if (!t->storage->backend->to_host(t->storage->device, host, p, size)) return false;
    p = host;
  }
  *out = cr_load_scalar((cr_dtype)t->dtype, p);
  return true;
}

cr_scalar cr_get(const cr_tensor *t, const int64_t *index) {
  cr_scalar s;
  return cr_read(t, index, &s) ? s : cr_num(0.0 / 0.0);
}

bool cr_put(cr_tensor *t, const int64_t *index, cr_scalar value) {
  size_t size = cr_sizeof((cr_dtype)t->dtype);
  char *p = (char *)t->storage->data + (size_t)element_at(t, index) * size;
  cr_bump(t);
  if (t->storage->device.type == CR_CPU) {
    cr_store_scalar((cr_dtype)t->dtype, p, value);
    return true;
  }
  char host[16];
  cr_store_scalar((cr_dtype)t->dtype, host, value);
  return t->storage->backend->from_host(t->storage->device, p, host, size);
}

bool cr_item(const cr_tensor *t, cr_scalar *out) {
  if (cr_numel(t) != 1) {
    char s[CR_SHAPE_STR];
    return cr_fail("a tensor of one element is wanted, this one is %s", cr_tensor_str(s, t));
  }
  return cr_read(t, NULL, out);
}
