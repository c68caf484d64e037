/* distance.c: Euclidean distances between rows. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

/* sum over j of w_ij (a_i - b_j) = (sum of w's row) a_i - (w b)_i: two products, no differences. */
static cr_tensor *pull(cr_tensor *w, cr_tensor *a, cr_tensor *b) {
  int last = 2;
  CR_AUTO weight = cr_reduce(CR_SUM, w, 1, &last, true, NULL);
  CR_AUTO own = cr_mul(weight, a);
  CR_AUTO others = cr_bmm(w, b, NULL);
  return cr_sub(own, others);
}

/* The slope of each distance is the difference over the distance, and 0 where that is 0. */
static bool euclidean_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *a = cr_saved(n, 0), *b = cr_saved(n, 1), *y = cr_saved(n, 2);
  if (!a || !b || !y) return false;
  CR_AUTO none = cr_binary_scalar(CR_EQ, y, cr_int(0), NULL);
  CR_AUTO one = cr_scalar_tensor((cr_dtype)y->dtype, cr_device_of(y), cr_int(1));
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)y->dtype, cr_device_of(y), cr_int(0));
  CR_AUTO safe = cr_where(none, one, y, NULL);
  CR_AUTO q = cr_div(g[0], safe);
  CR_AUTO w = cr_where(none, zero, q, NULL);
  if (cr_wants(n, 0) && !(gin[0] = pull(w, a, b))) return false;
  if (!cr_wants(n, 1)) return w != NULL;
  CR_AUTO turned = cr_transpose(w, 1, 2);
  return turned && (gin[1] = pull(turned, b, a));
}

static const cr_op op_euclidean = {"cdist", "", euclidean_backward};

/* x and z have one dtype, float32 or float64. */
static cr_tensor *compute(cr_tensor *x, cr_tensor *z) {
  CR_AUTO a = cr_contiguous(x);
  CR_AUTO b = cr_contiguous(z);
  int64_t batch = x->shape[0], n = x->shape[1], m = z->shape[1];
  cr_tensor *y =
      a && b ? cr_empty((cr_dtype)x->dtype, cr_device_of(x), 3, (int64_t[]){batch, n, m}) : NULL;
  if (!y) return NULL;
  if (cr_numel(y) && !cr_backend_for(y)->euclidean((cr_dtype)x->dtype, cr_data(y), cr_data(a),
                                                   cr_data(b), batch, n, m, x->shape[2])) {
    cr_release(y);
    return NULL;
  }
  return cr_record(&op_euclidean, y, CR_IN(a, b), CR_SAVE(a, b, y));
}

cr_tensor *cr_euclidean(cr_tensor *a, cr_tensor *b) {
  if (!a || !b || !cr_need_dims("cdist", "the first tensor", a, 3) ||
      !cr_need_dims("cdist", "the second tensor", b, 3) || !cr_need_float("cdist", a) ||
      !cr_need_float("cdist", b) || !cr_same_device("cdist", a, b))
    return NULL;
  if (a->shape[0] != b->shape[0] || a->shape[2] != b->shape[2]) {
    char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
    return cr_fail_null("cdist: batches of rows of shapes %s and %s", cr_shape_str(s, 3, a->shape),
                        cr_shape_str(t, 3, b->shape));
  }
  cr_dtype dtype = cr_promote((cr_dtype)a->dtype, (cr_dtype)b->dtype);
  bool half = dtype == CR_FLOAT16 || dtype == CR_BFLOAT16;
  CR_AUTO x = cr_cast(a, half ? CR_FLOAT32 : dtype);
  CR_AUTO z = cr_cast(b, half ? CR_FLOAT32 : dtype);
  CR_AUTO y = x && z ? compute(x, z) : NULL;
  return y ? cr_cast(y, dtype) : NULL;
}
