/* dropout.c: zeros at random.  No mask is kept: the backward draws the same numbers again. */
#include "nn/internal.h"
#include "tensor/autograd.h"

static bool dropout_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_dropout = {"dropout", "seed offset : p scale", dropout_backward};

/* Where in the stream of random numbers a call draws; the same place gives the same mask. */
typedef struct {
  uint64_t seed, offset;
  double p, scale;
} dropout_call;

/* Copies without a record: the call as a whole has one. */
static bool copy_plain(cr_tensor *to, cr_tensor *from) {
  cr_iter it;
  cr_iter_make(&it, to, 1, &from);
  return cr_backend_for(to)->copy(&it);
}

static cr_tensor *apply(cr_tensor *x, const dropout_call *c, cr_tensor *out) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.dropout", cr_device_of(x));
  CR_AUTO dense = cr_contiguous(x);
  cr_tensor *y = be && dense ? cr_result("nn.dropout", out, (cr_dtype)x->dtype, cr_device_of(x),
                                         x->ndim, x->shape, 1, &x)
                             : NULL;
  if (!y) return NULL;
  /* An `out` with gaps gets its elements through a dense tensor. */
  CR_AUTO to = cr_is_contiguous(y) ? cr_retain(y) : cr_empty_like(y);
  bool ok = to &&
            be->dropout((cr_dtype)x->dtype, cr_numel(x), cr_data(to), cr_data(dense), c->p,
                        c->scale, c->seed, c->offset) &&
            (to == y || copy_plain(y, to));
  return cr_record(&op_dropout, cr_result_if(ok, y), CR_IN(dense),
                   CR_INTS((int64_t)c->seed, (int64_t)c->offset), CR_NUMS(c->p, c->scale));
}

static cr_tensor *apply_half(cr_tensor *x, const dropout_call *c, cr_tensor *out) {
  CR_AUTO wide = cr_cast(x, CR_FLOAT32);
  cr_tensor *narrow = cr_cast_owned(wide ? apply(wide, c, NULL) : NULL, (cr_dtype)x->dtype);
  if (!narrow || !out) return narrow;
  CR_AUTO owned = narrow;
  return cr_copy(out, owned);
}

cr_tensor *cr_dropout(cr_tensor *x, double p, bool scale, cr_tensor *out) {
  if (!x || !cr_need_float("nn.dropout", x)) return NULL;
  if (!(p >= 0 && p <= 1)) return cr_fail_null("nn.dropout: probability %g is outside 0..1", p);
  cr_generator *r = &cr_ctx()->generator;
  dropout_call c = {r->seed, r->offset, p, scale && p < 1 ? 1 / (1 - p) : 1};
  bool plain = cr_nn_dtype_of(x, CR_HALF_DROPOUT) == (cr_dtype)x->dtype;
  cr_tensor *y = plain ? apply(x, &c, out) : apply_half(x, &c, out);
  if (y) r->offset += ((uint64_t)cr_numel(x) + 3) / 4;
  return y;
}

cr_tensor *cr_dropout_at(cr_tensor *x, double p, uint64_t seed, uint64_t offset) {
  dropout_call c = {seed, offset, p, p < 1 ? 1 / (1 - p) : 1};
  return x ? apply(x, &c, NULL) : NULL;
}

static bool dropout_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  dropout_call c = {(uint64_t)cr_attr_int(n, 0), (uint64_t)cr_attr_int(n, 1), cr_attr_num(n, 0),
                    cr_attr_num(n, 1)};
  return (gin[0] = apply(g[0], &c, NULL)) != NULL;
}
