/* bias.c: what follows a product, in one pass: y = residual + dropout(activation(x + bias)).
 * Devices that have no kernel for it do it by operators one after the other. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#define FN "nn.bias_activation"

static bool bias_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_bias = {"bias_activation", "activation seed offset : p", bias_backward};

static bool check(const cr_tensor *x, const cr_bias_opts *o, const cr_tensor *bias) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_need_float(FN, x)) return false;
  if (x->ndim == 0 || bias->ndim != 1 || bias->shape[0] != x->shape[x->ndim - 1])
    return cr_fail(FN ": bias is %s for input %s, wanted a vector of its last size",
                   cr_shape_str(s, bias->ndim, bias->shape), cr_shape_str(t, x->ndim, x->shape));
  if (bias->dtype == CR_FLOAT32 && cr_nn_half(x) ? !cr_same_device(FN, x, bias)
                                                 : !cr_nn_match(FN, x, "bias", bias))
    return false;
  if (!(o->p >= 0 && o->p <= 1)) return cr_fail(FN ": probability %g is outside 0..1", o->p);
  if (o->residual && !cr_same_shape(x, o->residual))
    return cr_fail(FN ": residual is %s for input %s, wanted the same shape",
                   cr_shape_str(s, o->residual->ndim, o->residual->shape),
                   cr_shape_str(t, x->ndim, x->shape));
  return cr_nn_match(FN, x, "residual", o->residual);
}

static cr_tensor *activated(cr_unary_op act, cr_tensor *x) {
  return act == CR_NUNARY ? cr_retain(x) : cr_unary(act, x, NULL);
}

static cr_tensor *composed(cr_tensor *x, cr_tensor *bias, const cr_bias_opts *o) {
  CR_AUTO sum = cr_add(x, bias);
  CR_AUTO narrow = cr_cast(sum, (cr_dtype)x->dtype);
  CR_AUTO y = narrow ? activated(o->activation, narrow) : NULL;
  CR_AUTO left = y && o->p > 0 ? cr_dropout(y, o->p, true, NULL) : cr_retain(y);
  return o->residual && left ? cr_add(o->residual, left) : cr_retain(left);
}

static cr_bias_args args_of(const cr_tensor *x, cr_unary_op act, double p, uint64_t seed,
                            uint64_t offset) {
  return (cr_bias_args){.dtype = (cr_dtype)x->dtype,
                        .n = cr_numel(x),
                        .width = x->shape[x->ndim - 1],
                        .activation = act,
                        .p = p,
                        .scale = p < 1 ? 1 / (1 - p) : 1,
                        .seed = seed,
                        .offset = offset};
}

/* All are contiguous; bias is wide. */
static cr_tensor *fused(const cr_nn_backend *be, cr_tensor *x, cr_tensor *bias, cr_tensor *residual,
                        const cr_bias_opts *o) {
  cr_generator *r = &cr_ctx()->generator;
  cr_bias_args a = args_of(x, o->activation, o->p, r->seed, r->offset);
  cr_tensor *y = cr_empty_like(x);
  if (!y) return NULL;
  y = cr_result_if(
      be->bias_activation(&a, cr_data(y), cr_data(x), cr_data(bias), cr_data_opt(residual)), y);
  if (y && o->p > 0) r->offset += ((uint64_t)a.n + 3) / 4;
  return cr_record(&op_bias, y, CR_IN(x, bias, residual), CR_SAVE(x, bias),
                   CR_INTS((int64_t)a.activation, (int64_t)a.seed, (int64_t)a.offset),
                   CR_NUMS(a.p));
}

cr_tensor *cr_bias_activation(cr_tensor *x, cr_tensor *bias, const cr_bias_opts *o) {
  if (!x || !bias || !check(x, o, bias)) return NULL;
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(x));
  if (!be) return NULL;
  if (!be->bias_activation) return composed(x, bias, o);
  CR_AUTO xd = cr_contiguous(x);
  CR_AUTO b = cr_nn_dense(bias, cr_nn_dtype(x));
  CR_AUTO residual = cr_contiguous(o->residual);
  return xd && b && (residual || !o->residual) ? fused(be, xd, b, residual, o) : NULL;
}

/* By operators, which are recorded. */
static cr_tensor *composed_gradient(const cr_bias_args *a, cr_tensor *g, cr_tensor *x,
                                    cr_tensor *bias) {
  CR_AUTO kept = a->p > 0 ? cr_dropout_at(g, a->p, a->seed, a->offset) : cr_retain(g);
  if (a->activation == CR_NUNARY) return cr_retain(kept);
  CR_AUTO wide = cr_cast(kept, (cr_dtype)bias->dtype);
  CR_AUTO sum = cr_add(x, bias);
  CR_AUTO y = cr_unary(a->activation, sum, NULL);
  CR_AUTO gx = y && wide ? cr_unary_derivative(a->activation, wide, sum, y) : NULL;
  return cr_cast(gx, (cr_dtype)x->dtype);
}

static cr_tensor *fused_gradient(const cr_bias_args *a, cr_tensor *g, cr_tensor *x,
                                 cr_tensor *bias) {
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(x));
  CR_AUTO gd = cr_contiguous(g);
  cr_tensor *gx = be && gd ? cr_empty_like(x) : NULL;
  if (!gx) return NULL;
  return cr_result_if(
      be->bias_activation_backward(a, cr_data(gx), cr_data(gd), cr_data(x), cr_data(bias)), gx);
}

/* The sum over all but the last dimension, in the bias' type. */
static cr_tensor *bias_gradient(cr_tensor *gx, const cr_tensor *bias) {
  int64_t width = bias->shape[0], matrix[2] = {width ? cr_numel(gx) / width : 0, width};
  int rows = 0;
  CR_AUTO flat = cr_reshape(gx, 2, matrix);
  CR_AUTO wide = cr_cast(flat, (cr_dtype)bias->dtype);
  return wide ? cr_reduce(CR_SUM, wide, 1, &rows, false, NULL) : NULL;
}

static bool bias_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *x = cr_saved(n, 0), *bias = cr_saved(n, 1);
  if (!x || !bias) return false;
  cr_bias_args a = args_of(x, (cr_unary_op)cr_attr_int(n, 0), cr_attr_num(n, 0),
                           (uint64_t)cr_attr_int(n, 1), (uint64_t)cr_attr_int(n, 2));
  bool recorded = cr_recording_any(g[0], x, bias);
  bool inner = cr_wants(n, 0) || cr_wants(n, 1);
  CR_AUTO gx = !inner     ? NULL
               : recorded ? composed_gradient(&a, g[0], x, bias)
                          : fused_gradient(&a, g[0], x, bias);
  if (inner && !gx) return false;
  if (cr_wants(n, 1) && !(gin[1] = bias_gradient(gx, bias))) return false;
  if (cr_wants(n, 0)) gin[0] = cr_retain(gx);
  if (cr_wants(n, 2)) gin[2] = cr_retain(g[0]);
  return true;
}
