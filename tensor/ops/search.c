/* search.c: places in sorted lines, and the opposite order. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

/* float64 or int64, without a history: the two types that are compared. */
static cr_tensor *comparable(cr_tensor *t, bool floats) {
  CR_AUTO plain = cr_detach(t);
  return plain ? cr_cast(plain, floats ? CR_FLOAT64 : CR_INT64) : NULL;
}

static bool check_lines(const cr_tensor *sorted, const cr_tensor *values) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_same_device("searchsorted", sorted, values)) return false;
  if (sorted->ndim == 0) return cr_fail("searchsorted: the sorted tensor has no dimensions");
  bool fits = sorted->ndim == 1 || sorted->ndim == values->ndim;
  for (int d = 0; fits && d < sorted->ndim - 1; d++) fits = sorted->shape[d] == values->shape[d];
  return fits ||
         cr_fail("searchsorted: values of shape %s in sorted lines of shape %s: all but the "
                 "last dimension must agree",
                 cr_shape_str(t, values->ndim, values->shape),
                 cr_shape_str(s, sorted->ndim, sorted->shape));
}

/* The beginning of the line of each value. */
static cr_tensor beginnings(const cr_tensor *sorted, const cr_tensor *values) {
  cr_tensor u = *sorted;
  u.ndim = values->ndim;
  for (int d = 0; d < values->ndim; d++) {
    bool line = sorted->ndim > 1 && d < values->ndim - 1;
    u.shape[d] = values->shape[d];
    u.stride[d] = line ? sorted->stride[d] : 0;
  }
  return u;
}

cr_tensor *cr_searchsorted(cr_tensor *sorted, cr_tensor *values, bool right) {
  if (!sorted || !values || !check_lines(sorted, values)) return NULL;
  bool floats = cr_is_float((cr_dtype)sorted->dtype) || cr_is_float((cr_dtype)values->dtype);
  CR_AUTO lines = comparable(sorted, floats);
  CR_AUTO x = comparable(values, floats);
  cr_tensor *y = lines && x ? cr_empty(CR_INT64, cr_device_of(x), x->ndim, x->shape) : NULL;
  if (!y || !cr_numel(y)) return y;
  int64_t n = lines->shape[lines->ndim - 1];
  if (n == 0) {
    cr_tensor *zeros = cr_zeros_like(y);
    cr_release(y);
    return zeros;
  }
  cr_tensor first = beginnings(lines, x), *in[] = {x, &first};
  cr_iter it;
  cr_iter_make(&it, y, 2, in);
  if (cr_backend_for(y)->search(&it, n, lines->stride[lines->ndim - 1] * 8, right)) return y;
  cr_release(y);
  return NULL;
}

/* t read backwards along the dimensions whose bit is set. */
static cr_tensor backwards(const cr_tensor *t, int64_t bits) {
  cr_tensor u = *t;
  for (int d = 0; d < t->ndim; d++) {
    if (!(bits >> d & 1)) continue;
    u.offset += (t->shape[d] - 1) * t->stride[d];
    u.stride[d] = -t->stride[d];
  }
  return u;
}

static cr_tensor *flip(cr_tensor *t, int64_t bits);

static bool flip_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return (gin[0] = flip(g[0], cr_attr_int(n, 0))) != NULL;
}

static const cr_op op_flip = {"flip", "dims", flip_backward};

static cr_tensor *flip(cr_tensor *t, int64_t bits) {
  cr_tensor *y = cr_empty((cr_dtype)t->dtype, cr_device_of(t), t->ndim, t->shape);
  if (!y) return NULL;
  if (cr_numel(y)) {
    cr_tensor view = backwards(t, bits), *in[] = {&view};
    cr_iter it;
    cr_iter_make(&it, y, 1, in);
    if (!cr_backend_for(y)->copy(&it)) {
      cr_release(y);
      return NULL;
    }
  }
  return cr_record(&op_flip, y, CR_IN(t), CR_INTS(bits));
}

cr_tensor *cr_flip(cr_tensor *t, int ndims, const int *dims) {
  if (!t) return NULL;
  int64_t bits = 0;
  for (int i = 0; i < ndims; i++) {
    int dim = dims[i];
    if (!cr_wrap_dim("flip", &dim, t->ndim)) return NULL;
    if (t->ndim) bits ^= (int64_t)1 << dim;
  }
  return flip(t, bits);
}
