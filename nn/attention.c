/* attention.c: softmax(scale q k^T + mask) v.
 * Vaswani et al., "Attention is all you need", 2017; heads that share keys and values: Ainslie et
 * al., "GQA", 2023.
 *
 * For its backward the forward keeps the weights, one matrix a head, or what the device makes them
 * of again: a number for each row and the result.  The mask, if it is causal, is never made;
 * dropout draws its numbers again in the backward. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#include <math.h>
#include <string.h>

static bool attention_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_attention = {"attention", "causal offset seed counter : dropout scale",
                                   attention_backward};

#define FN "nn.scaledDotProductAttention"

/* ---- checks ----------------------------------------------------------------------------- */

static bool check_pair(const cr_tensor *q, const char *what, const cr_tensor *t) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  if (!cr_nn_match(FN, q, what, t)) return false;
  bool fits = t->ndim == q->ndim;
  for (int d = 0; fits && d < q->ndim - 3; d++) fits = t->shape[d] == q->shape[d];
  if (fits && q->ndim > 2) {
    int64_t heads = q->shape[q->ndim - 3], own = t->shape[q->ndim - 3];
    fits = own == heads || (own > 0 && heads % own == 0);
  }
  return fits ||
         cr_fail(FN ": a query of %s with %s of %s: the dimensions before the last two differ",
                 cr_shape_str(s, q->ndim, q->shape), what, cr_shape_str(u, t->ndim, t->shape));
}

static bool check(const cr_tensor *q, const cr_tensor *k, const cr_tensor *v,
                  const cr_attention_opts *o) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  if (!cr_need_float(FN, q)) return false;
  int n = q->ndim;
  if (n < 2)
    return cr_fail(FN ": the query is %s, wanted two dimensions or more",
                   cr_shape_str(s, n, q->shape));
  if (!check_pair(q, "a key", k) || !check_pair(q, "a value", v)) return false;
  if (k->shape[n - 1] != q->shape[n - 1])
    return cr_fail(FN ": a query of %s with a key of %s: the last sizes differ",
                   cr_shape_str(s, n, q->shape), cr_shape_str(u, n, k->shape));
  if (v->shape[n - 2] != k->shape[n - 2] || (n > 2 && v->shape[n - 3] != k->shape[n - 3]))
    return cr_fail(FN ": a key of %s with a value of %s: there are not as many",
                   cr_shape_str(s, n, k->shape), cr_shape_str(u, n, v->shape));
  if (!(o->dropout >= 0 && o->dropout <= 1))
    return cr_fail(FN ": dropout %g is outside 0..1", o->dropout);
  if (o->offset < 0) return cr_fail(FN ": offset %lld is negative", (long long)o->offset);
  return true;
}

/* The mask, expanded to four dimensions, for q (n dimensions) and keys; flags as they are, numbers
 * in the dtype of the kernels. */
static cr_tensor *mask_of(cr_tensor *mask, const cr_tensor *q, const cr_tensor *k, cr_dtype dtype) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  int64_t shape[CR_MAX_DIMS], four[4] = {1, 1, q->shape[q->ndim - 2], k->shape[k->ndim - 2]};
  int n = q->ndim, most = 0;
  memcpy(shape, q->shape, sizeof shape);
  shape[n - 1] = four[3];
  int64_t joint[CR_MAX_DIMS];
  bool flags = mask->dtype == CR_BOOL || mask->dtype == CR_UINT8;
  if (!flags && !cr_is_float((cr_dtype)mask->dtype))
    return cr_fail_null(FN ": the mask is %s, wanted bool, or a float type",
                        cr_dtypes[mask->dtype].name);
  if (!cr_same_device(FN, q, mask)) return NULL;
  if (!cr_broadcast(FN, mask->ndim, mask->shape, n, shape, &most, joint) || most != n ||
      memcmp(joint, shape, (size_t)n * sizeof *shape) != 0)
    return cr_fail_null(FN ": a mask of %s does not broadcast to %s",
                        cr_shape_str(s, mask->ndim, mask->shape), cr_shape_str(u, n, shape));
  CR_AUTO cast = flags ? cr_retain(mask) : cr_cast(mask, dtype);
  CR_AUTO wide = cr_expand(cast, n, shape);
  if (n == 4) return wide ? cr_retain(wide) : NULL;
  for (int d = 0; d < n - 3; d++) four[0] *= shape[d];
  if (n > 2) four[1] = shape[n - 3];
  return cr_reshape(wide, 4, four);
}

/* ---- forward ---------------------------------------------------------------------------- */

static cr_attention_args args_of(const cr_tensor *q, const cr_tensor *k, const cr_tensor *v,
                                 const cr_attention_call *c) {
  cr_tensor *mask = c->o.mask;
  cr_attention_args a = {.dtype = (cr_dtype)q->dtype,
                         .batch = q->shape[0],
                         .heads = q->shape[1],
                         .group = cr_heads_group(q, k),
                         .l = q->shape[2],
                         .s = k->shape[2],
                         .e = q->shape[3],
                         .ev = v->shape[3],
                         .scale = c->o.scale,
                         .causal = c->o.causal,
                         .offset = c->o.offset,
                         .p = c->o.dropout,
                         .seed = c->seed,
                         .counter = c->counter};
  if (mask) {
    a.mask = cr_data(mask);
    a.flags = mask->dtype == CR_BOOL || mask->dtype == CR_UINT8;
    memcpy(a.mask_stride, mask->stride, sizeof a.mask_stride);
  }
  return a;
}

/* On tensors of four dimensions, as cr_heads_of makes them. */
cr_tensor *cr_attention_fused(cr_tensor *q, cr_tensor *k, cr_tensor *v,
                              const cr_attention_call *c) {
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(q));
  cr_attention_args a = args_of(q, k, v, c);
  int64_t matrices[4] = {a.batch, a.heads, a.l, a.s};
  bool record = cr_recording_any(q, k, v), by_rows = be && be->attention_by_rows;
  cr_tensor *y = be ? cr_heads_like(q, a.heads, a.l, a.ev) : NULL;
  CR_AUTO kept =
      y && record ? cr_empty(cr_nn_dtype(q), cr_device_of(q), by_rows ? 3 : 4, matrices) : NULL;
  if (!y || (record && !kept)) return cr_result_if(false, y);
  bool ok = be->attention(&a, cr_heads_at(y), cr_data_opt(kept), cr_heads_at(q), cr_heads_at(k),
                          cr_heads_at(v));
  return cr_record(&op_attention, cr_result_if(ok, y), CR_IN(q, k, v),
                   CR_SAVE(q, k, v, kept, c->o.mask, by_rows ? y : NULL),
                   CR_INTS(c->o.causal, c->o.offset, (int64_t)c->seed, (int64_t)c->counter),
                   CR_NUMS(c->o.dropout, c->o.scale));
}

/* The place in the stream of random numbers that the dropout starts from; moves it on. */
static void draw(const cr_tensor *q, const cr_tensor *k, cr_attention_call *c) {
  cr_generator *r = &cr_ctx()->generator;
  c->seed = r->seed;
  c->counter = r->offset;
  uint64_t each = ((uint64_t)q->shape[2] * (uint64_t)k->shape[2] + 3) / 4;
  if (c->o.dropout > 0) r->offset += each * (uint64_t)q->shape[0] * (uint64_t)q->shape[1];
}

/* A matrix of weights for each head, in the leading dimensions of q. */
static cr_tensor *weights_back(cr_tensor *w, cr_tensor *q, cr_dtype dtype) {
  return cr_cast_owned(cr_heads_back(w, q), dtype);
}

cr_tensor *cr_attention(cr_tensor *q, cr_tensor *k, cr_tensor *v, const cr_attention_opts *o,
                        cr_tensor **weights) {
  if (!q || !k || !v || !check(q, k, v, o)) return NULL;
  cr_attention_call c = {*o, 0, 0};
  bool composed = weights || (o->mask && cr_recording_any(o->mask));
  cr_dtype own = (cr_dtype)q->dtype, wide = cr_nn_dtype(q);
  cr_dtype dtype = composed ? wide : cr_nn_dtype_of(q, CR_HALF_ATTENTION);
  int64_t e = q->shape[q->ndim - 1];
  if (isnan(o->scale)) c.o.scale = e ? 1 / sqrt((double)e) : 1;
  CR_AUTO mask = o->mask ? mask_of(o->mask, q, k, wide) : NULL;
  CR_AUTO q4 = cr_heads_of(q, dtype);
  CR_AUTO k4 = cr_heads_of(k, dtype);
  CR_AUTO v4 = cr_heads_of(v, dtype);
  if (!q4 || !k4 || !v4 || (o->mask && !mask)) return NULL;
  c.o.mask = mask;
  draw(q4, k4, &c);
  cr_tensor *w = NULL, *y;
  if (composed) {
    y = cr_attention_composed(q4, k4, v4, &c, weights ? &w : NULL);
  } else {
    y = cr_attention_fused(q4, k4, v4, &c);
  }
  if (weights && y) *weights = weights_back(w, q, own);
  if (weights && y && !*weights) y = cr_result_if(false, y);
  return cr_cast_owned(cr_heads_back(y, q), own);
}

/* ---- backward --------------------------------------------------------------------------- */

/* The gradients as operators, for half types in float32. */
static bool gradients(cr_node *n, cr_tensor *const in[3], cr_tensor *g, const cr_attention_call *c,
                      cr_tensor **gin) {
  bool wanted[3] = {cr_wants(n, 0), cr_wants(n, 1), cr_wants(n, 2)};
  cr_dtype own = (cr_dtype)in[0]->dtype, wide = cr_nn_dtype(in[0]);
  CR_AUTO q = cr_cast(in[0], wide);
  CR_AUTO k = cr_cast(in[1], wide);
  CR_AUTO v = cr_cast(in[2], wide);
  CR_AUTO gy = cr_cast(g, wide);
  cr_tensor *const all[3] = {q, k, v};
  bool ok = q && k && v && gy && cr_attention_gradients(all, gy, c, wanted, gin);
  for (int i = 0; ok && i < 3; i++)
    if (gin[i]) ok = (gin[i] = cr_cast_owned(gin[i], own)) != NULL;
  return ok;
}

static bool attention_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *t[6];
  for (int i = 0; i < 6; i++) {
    t[i] = cr_has_saved(n, i) ? cr_saved(n, i) : NULL;
    if (!t[i] && (i < 4 || cr_has_saved(n, i))) return false;
  }
  cr_attention_call c = {
      {t[4], cr_attr_int(n, 0) != 0, cr_attr_int(n, 1), cr_attr_num(n, 0), cr_attr_num(n, 1)},
      (uint64_t)cr_attr_int(n, 2),
      (uint64_t)cr_attr_int(n, 3)};
  if (cr_recording_any(g[0], t[0], t[1], t[2])) return gradients(n, t, g[0], &c, gin);
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(t[0]));
  cr_attention_args a = args_of(t[0], t[1], t[2], &c);
  CR_AUTO gy = cr_heads_of(g[0], a.dtype);
  for (int i = 0; be && gy && i < 3; i++) {
    const int64_t *shape = t[i]->shape;
    if (cr_wants(n, i) && !(gin[i] = cr_heads_like(t[i], shape[1], shape[2], shape[3])))
      return false;
  }
  return be && gy &&
         be->attention_backward(&a, cr_heads_at(gin[0]), cr_heads_at(gin[1]), cr_heads_at(gin[2]),
                                cr_heads_at(gy), cr_heads_at(t[5]), cr_data(t[3]),
                                cr_heads_at(t[0]), cr_heads_at(t[1]), cr_heads_at(t[2]));
}
