/* rotary.c: positions as angles by which pairs of elements are turned.
 * Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021. */
#include "nn/internal.h"
#include "tensor/autograd.h"

static bool rotary_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_rotary = {"rotary", "interleaved inverse", rotary_backward};

#define FN "nn.rotary"

static bool check(const cr_tensor *x, const cr_tensor *cos, const cr_tensor *sin) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR], u[CR_SHAPE_STR];
  if (!cr_need_float(FN, x) || !cr_need_float(FN, cos) || !cr_need_float(FN, sin) ||
      !cr_same_device(FN, x, cos) || !cr_same_device(FN, x, sin))
    return false;
  int n = x->ndim;
  if (n < 2)
    return cr_fail(FN ": the input is %s, wanted two dimensions or more",
                   cr_shape_str(s, n, x->shape));
  if (cos->ndim != 2 || !cr_same_shape(cos, sin) || cos->shape[0] != x->shape[n - 2] ||
      cos->shape[1] > x->shape[n - 1] / 2)
    return cr_fail(FN ": an input of %s with cosines of %s and sines of %s: wanted both as %lld "
                      "rows of at most %lld",
                   cr_shape_str(s, n, x->shape), cr_shape_str(t, cos->ndim, cos->shape),
                   cr_shape_str(u, sin->ndim, sin->shape), (long long)x->shape[n - 2],
                   (long long)x->shape[n - 1] / 2);
  return true;
}

/* x of four dimensions; all in the dtype of the kernels, the angles never as half types. */
static cr_tensor *turn(cr_tensor *x, cr_tensor *cos, cr_tensor *sin, bool interleaved,
                       bool inverse) {
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(x));
  const int64_t *n = x->shape;
  cr_tensor *y = be ? cr_heads_like(x, n[1], n[2], n[3]) : NULL;
  if (!y) return NULL;
  cr_rotary_args a = {(cr_dtype)x->dtype, n[0],        n[1],   n[2], n[3],
                      2 * cos->shape[1],  interleaved, inverse};
  bool ok = be->rotary(&a, cr_heads_at(y), cr_heads_at(x), cr_data(cos), cr_data(sin));
  return cr_record(&op_rotary, cr_result_if(ok, y), CR_IN(x), CR_SAVE(cos, sin),
                   CR_INTS(interleaved, inverse));
}

cr_tensor *cr_rotary(cr_tensor *x, cr_tensor *cos, cr_tensor *sin, bool interleaved, bool inverse) {
  if (!x || !cos || !sin || !check(x, cos, sin)) return NULL;
  cr_dtype own = (cr_dtype)x->dtype, dtype = cr_nn_dtype(x);
  CR_AUTO plain_cos = cr_detach(cos);
  CR_AUTO plain_sin = cr_detach(sin);
  CR_AUTO c = cr_nn_dense(plain_cos, dtype);
  CR_AUTO s = cr_nn_dense(plain_sin, dtype);
  CR_AUTO four = cr_heads_of(x, cr_nn_dtype_of(x, CR_HALF_ROTARY));
  if (!c || !s || !four) return NULL;
  return cr_cast_owned(cr_heads_back(turn(four, c, s, interleaved, inverse), x), own);
}

/* The other way round. */
static bool rotary_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *cos = cr_saved(n, 0), *sin = cr_saved(n, 1);
  if (!cos || !sin) return false;
  gin[0] = cr_rotary(g[0], cos, sin, cr_attr_int(n, 0) != 0, cr_attr_int(n, 1) == 0);
  return gin[0] != NULL;
}
