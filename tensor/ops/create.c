/* create.c: tensors filled with something regular. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

/* The value does not depend on what was there before, so its gradient stops. */
static bool fill_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  (void)n, (void)g, (void)gin;
  return true;
}

static const cr_op op_fill = {"fill", ": value", fill_backward};

static bool fill_kernel(cr_tensor *t, cr_scalar v) {
  if (!cr_numel(t)) return true;
  cr_iter it;
  cr_iter_make(&it, t, 0, NULL);
  return cr_backend_for(t)->fill(&it, v);
}

cr_tensor *cr_fill(cr_tensor *t, cr_scalar v) {
  if (!t || !cr_writable("fill", t, 0, NULL) || !fill_kernel(t, v)) return NULL;
  cr_bump(t);
  if (cr_scalar_double(v) == 0) cr_mark_zeroed(t);
  return cr_record(&op_fill, cr_retain(t), CR_NUMS(cr_scalar_double(v)));
}

cr_tensor *cr_full(cr_dtype dtype, cr_device d, int ndim, const int64_t *shape, cr_scalar v) {
  cr_tensor *t = cr_empty(dtype, d, ndim, shape);
  if (t && !fill_kernel(t, v)) {
    cr_release(t);
    return NULL;
  }
  return t;
}

static cr_tensor *full_like(const cr_tensor *t, double v) {
  return t ? cr_full((cr_dtype)t->dtype, cr_device_of(t), t->ndim, t->shape, cr_num(v)) : NULL;
}

cr_tensor *cr_zeros_like(const cr_tensor *t) {
  return full_like(t, 0);
}
cr_tensor *cr_ones_like(const cr_tensor *t) {
  return full_like(t, 1);
}

cr_tensor *cr_arange(cr_dtype dtype, cr_device d, double start, double step, int64_t n) {
  cr_tensor *t = cr_empty(dtype, d, 1, &n);
  if (!t || n == 0) return t;
  cr_iter it;
  cr_iter_make(&it, t, 0, NULL);
  if (cr_backend_for(t)->arange(&it, start, step)) return t;
  cr_release(t);
  return NULL;
}

cr_tensor *cr_eye(cr_dtype dtype, cr_device d, int64_t n, int64_t m) {
  cr_tensor *t = cr_full(dtype, d, 2, (int64_t[]){n, m}, cr_num(0));
  if (!t || n == 0 || m == 0) return t;
  CR_AUTO diagonal = cr_diagonal(t, 0);
  if (diagonal && fill_kernel(diagonal, cr_num(1))) return t;
  cr_release(t);
  return NULL;
}
