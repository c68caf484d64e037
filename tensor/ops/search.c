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

cr_tensor *cr_flip(cr_tensor *t, int ndims, const int *dims) {
  if (!t) return NULL;
  cr_tensor *y = cr_retain(t);
  for (int i = 0; y && i < ndims; i++) {
    int dim = dims[i];
    if (!cr_wrap_dim("flip", &dim, t->ndim)) {
      cr_release(y);
      return NULL;
    }
    if (t->ndim == 0) continue;
    int64_t n = t->shape[dim];
    CR_AUTO before = y;
    CR_AUTO at = cr_arange(CR_INT64, cr_device_of(t), (double)(n - 1), -1, n);
    y = cr_index_select(before, dim, at, NULL);
  }
  return y;
}
