/* heads.c: tensors (batch, heads, rows, n) as the kernels of attention take them, with strides, so
 * that heads that lie between each other, as a projection makes them, need no copy. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#include <string.h>

/* The sizes of batch, heads, rows and n for a tensor (.., rows, n). */
static void four_sizes(const cr_tensor *x, int64_t shape[4]) {
  int n = x->ndim;
  shape[0] = 1;
  for (int d = 0; d < n - 3; d++) shape[0] *= x->shape[d];
  shape[1] = n > 2 ? x->shape[n - 3] : 1;
  shape[2] = x->shape[n - 2];
  shape[3] = x->shape[n - 1];
}

cr_tensor *cr_heads_of(cr_tensor *x, cr_dtype dtype) {
  CR_AUTO wide = cr_cast(x, dtype);
  if (!wide) return NULL;
  int64_t shape[4];
  four_sizes(x, shape);
  CR_AUTO four = wide->ndim == 4 ? cr_retain(wide) : cr_reshape(wide, 4, shape);
  if (!four || four->stride[3] == 1 || four->shape[3] <= 1) return four ? cr_retain(four) : NULL;
  return cr_contiguous(four);
}

cr_tensor *cr_heads_like(const cr_tensor *like, int64_t heads, int64_t rows, int64_t n) {
  int64_t shape[4] = {like->shape[0], heads, rows, n}, stride[4] = {0, 0, 0, 1}, step = n;
  bool done[3] = {false, false, false};
  if (cr_count(4, shape) < 0) return NULL;
  for (int i = 0; i < 3; i++) { /* the smallest stride that is left; of equals the last */
    int least = -1;
    for (int d = 2; d >= 0; d--)
      if (!done[d] && (least < 0 || like->stride[d] < like->stride[least])) least = d;
    done[least] = true;
    stride[least] = step;
    step *= shape[least];
  }
  int64_t count = step;
  CR_AUTO flat = cr_empty((cr_dtype)like->dtype, cr_device_of(like), 1, &count);
  return flat ? cr_view_storage(flat->storage, (cr_dtype)like->dtype, 0, 4, shape, stride) : NULL;
}

cr_heads cr_heads_at(const cr_tensor *t) {
  if (!t) return (cr_heads){NULL, 0, 0, 0};
  return (cr_heads){cr_data(t), t->stride[0], t->stride[1], t->stride[2]};
}

cr_tensor *cr_heads_back(cr_tensor *y, const cr_tensor *x) {
  CR_AUTO owned = y;
  int64_t shape[CR_MAX_DIMS];
  if (!owned || x->ndim == 4) return owned ? cr_retain(owned) : NULL;
  memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
  shape[x->ndim - 2] = owned->shape[2];
  shape[x->ndim - 1] = owned->shape[3];
  return cr_reshape(owned, x->ndim, shape);
}

/* ---- parts ------------------------------------------------------------------------------ */

static bool parts_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const int64_t *ints;
  int count = cr_attr_ints(n, &ints) - 1;
  return (gin[0] = cr_cat(count, g, ints[0] ? 0 : -1)) != NULL;
}

static const cr_op op_parts = {"parts", "first sizes", parts_backward};

bool cr_parts(cr_tensor *x, bool first, int n, const int64_t *sizes, cr_tensor **out) {
  int64_t ints[1 + CR_MAX_DIMS], shape[CR_MAX_DIMS], at = 0, sum = 0;
  char s[CR_SHAPE_STR];
  if (!x) return false;
  int dim = first ? 0 : x->ndim - 1;
  for (int i = 0; i < n; i++) sum += sizes[i];
  if (x->ndim == 0 || n > CR_MAX_DIMS || sum != x->shape[dim])
    return cr_fail("parts: %s has no parts of %lld together", cr_shape_str(s, x->ndim, x->shape),
                   (long long)sum);
  ints[0] = first;
  memcpy(shape, x->shape, sizeof shape);
  for (int i = 0; i < n; i++) {
    ints[i + 1] = shape[dim] = sizes[i];
    out[i] = cr_view_storage(x->storage, (cr_dtype)x->dtype, x->offset + at * x->stride[dim],
                             x->ndim, shape, x->stride);
    at += sizes[i];
    if (out[i]) continue;
    while (i-- > 0) cr_release(out[i]);
    return false;
  }
  cr_call call = {CR_IN(x), .nints = n + 1, .ints = ints};
  return cr_record_many(&op_parts, n, out, &call);
}
