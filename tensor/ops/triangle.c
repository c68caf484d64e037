/* triangle.c: the lower and the upper triangle of matrices. */
#include "tensor/ops.h"

/* Keeps what lies on one side of the k-th diagonal, zero elsewhere; leading dimensions are a batch.
 */
cr_tensor *cr_triangle(cr_tensor *a, bool upper, int64_t k, cr_tensor *out) {
  const char *fn = upper ? "triu" : "tril";
  if (!a) return NULL;
  char s[CR_SHAPE_STR];
  if (a->ndim < 2)
    return cr_fail_null("%s: a matrix is wanted, got shape %s", fn,
                        cr_shape_str(s, a->ndim, a->shape));
  cr_device d = cr_device_of(a);
  int64_t rows = a->shape[a->ndim - 2], cols = a->shape[a->ndim - 1];
  CR_AUTO diagonal = cr_arange(CR_INT64, d, (double)k, 1, rows);
  CR_AUTO column = cr_arange(CR_INT64, d, 0, 1, cols);
  CR_AUTO of_row = cr_reshape(diagonal, 2, (int64_t[]){rows, 1});
  CR_AUTO kept = cr_binary(upper ? CR_GE : CR_LE, column, of_row, NULL);
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)a->dtype, d, cr_int(0));
  return cr_into(fn, out, cr_where(kept, a, zero, NULL));
}
