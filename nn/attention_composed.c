/* attention_composed.c: attention made of operators. */
#include "nn/internal.h"

#include <math.h>

/* (b, h, l, n) as (b, heads, h / heads * l, n): neighbouring heads, which share keys and values, as
 * one of more rows. */
static cr_tensor *merged(cr_tensor *t, int64_t heads) {
  if (!t || t->shape[1] == heads) return t ? cr_retain(t) : NULL;
  int64_t rows = t->shape[1] / heads * t->shape[2];
  int64_t shape[4] = {t->shape[0], heads, rows, t->shape[3]};
  return cr_reshape(t, 4, shape);
}

/* Which of the keys the queries may see, as flags, or NULL for all. */
static cr_tensor *allowed(const cr_tensor *q, const cr_tensor *k, const cr_attention_call *c) {
  cr_tensor *mask = c->o.mask;
  bool flags = mask && (mask->dtype == CR_BOOL || mask->dtype == CR_UINT8);
  CR_AUTO given = flags ? cr_cast(mask, CR_BOOL) : NULL;
  if (!c->o.causal) return given ? cr_retain(given) : NULL;
  int64_t shape[2] = {q->shape[2], k->shape[2]};
  CR_AUTO ones = cr_full(CR_UINT8, cr_device_of(q), 2, shape, cr_int(1));
  CR_AUTO low = cr_triangle(ones, false, c->o.offset, NULL);
  CR_AUTO seen = cr_cast(low, CR_BOOL);
  return given ? cr_binary(CR_LOGICAL_AND, given, seen, NULL) : seen ? cr_retain(seen) : NULL;
}

/* softmax of the scores where it is allowed; rows of which nothing is are 0. */
static cr_tensor *masked_softmax(cr_tensor *scores, cr_tensor *q, cr_tensor *k,
                                 const cr_attention_call *c) {
  cr_tensor *mask = c->o.mask;
  bool flags = mask && (mask->dtype == CR_BOOL || mask->dtype == CR_UINT8);
  bool some = flags || c->o.causal;
  CR_AUTO seen = some ? allowed(q, k, c) : NULL;
  if (some && !seen) return NULL;
  CR_AUTO added = mask && !flags ? cr_add(scores, mask) : cr_retain(scores);
  CR_AUTO low = cr_scalar_tensor((cr_dtype)scores->dtype, cr_device_of(scores), cr_num(-INFINITY));
  CR_AUTO masked = seen ? cr_where(seen, added, low, NULL) : added ? cr_retain(added) : NULL;
  if (!masked || (!mask && !some)) return cr_softmax(masked, -1);
  /* Rows of nothing but -infinity: any other number keeps NaN out of the softmax. */
  int last = masked->ndim - 1;
  CR_AUTO most = cr_reduce(CR_AMAX, masked, 1, &last, true, NULL);
  CR_AUTO dead = cr_binary(CR_EQ, most, low, NULL);
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)scores->dtype, cr_device_of(scores), cr_num(0));
  CR_AUTO safe = cr_where(dead, zero, masked, NULL);
  CR_AUTO soft = cr_softmax(safe, -1);
  return cr_where(dead, zero, soft, NULL);
}

/* Dropout of each matrix by its own numbers, as the kernels draw them. */
static cr_tensor *drop(cr_tensor *w, const cr_attention_call *c) {
  if (c->o.dropout == 0) return cr_retain(w);
  int64_t n = w->shape[2] * w->shape[3], heads = w->shape[0] * w->shape[1];
  int64_t flat[2] = {heads, n};
  int64_t padded = (n + 3) / 4 * 4;
  CR_AUTO rows = cr_reshape(w, 2, flat);
  CR_AUTO room = padded == n ? cr_retain(rows) : cr_narrow_into(rows, 1, 0, padded, 1);
  CR_AUTO dropped = cr_dropout_at(room, c->o.dropout, c->seed, c->counter);
  CR_AUTO part = padded == n ? cr_retain(dropped) : cr_narrow(dropped, 1, 0, n);
  return cr_reshape(part, 4, w->shape);
}

/* The weights before dropout. */
static cr_tensor *weights_of(cr_tensor *q, cr_tensor *k, const cr_attention_call *c) {
  int64_t shape[4] = {q->shape[0], q->shape[1], q->shape[2], k->shape[2]};
  CR_AUTO rows = merged(q, k->shape[1]);
  CR_AUTO turned = cr_transpose(k, -2, -1);
  CR_AUTO product = cr_matmul(rows, turned, NULL);
  CR_AUTO scaled = product ? cr_mul_num(product, c->o.scale) : NULL;
  CR_AUTO scores = cr_reshape(scaled, 4, shape);
  return scores ? masked_softmax(scores, q, k, c) : NULL;
}

/* a b for a of more heads than b. */
static cr_tensor *times(cr_tensor *a, cr_tensor *b) {
  if (!a || !b) return NULL;
  int64_t shape[4] = {a->shape[0], a->shape[1], a->shape[2], b->shape[3]};
  CR_AUTO rows = merged(a, b->shape[1]);
  CR_AUTO product = cr_matmul(rows, b, NULL);
  return cr_reshape(product, 4, shape);
}

/* a^T b for both of more heads than the result. */
static cr_tensor *transposed_times(cr_tensor *a, cr_tensor *b, int64_t heads) {
  CR_AUTO ra = merged(a, heads);
  CR_AUTO rb = merged(b, heads);
  CR_AUTO turned = cr_transpose(ra, -2, -1);
  return cr_matmul(turned, rb, NULL);
}

cr_tensor *cr_attention_composed(cr_tensor *q, cr_tensor *k, cr_tensor *v,
                                 const cr_attention_call *c, cr_tensor **weights) {
  CR_AUTO w = weights_of(q, k, c);
  CR_AUTO dropped = w ? drop(w, c) : NULL;
  cr_tensor *y = times(dropped, v);
  if (y && weights) *weights = cr_retain(dropped);
  return y;
}

bool cr_attention_gradients(cr_tensor *const in[3], cr_tensor *g, const cr_attention_call *c,
                            const bool wanted[3], cr_tensor **gin) {
  cr_tensor *q = in[0], *k = in[1], *v = in[2];
  CR_AUTO w = weights_of(q, k, c);
  CR_AUTO dropped = w ? drop(w, c) : NULL;
  if (!dropped) return false;
  if (wanted[2] && !(gin[2] = transposed_times(dropped, g, v->shape[1]))) return false;
  if (!wanted[0] && !wanted[1]) return true;
  int last = 3;
  CR_AUTO vt = cr_transpose(v, -2, -1);
  CR_AUTO gd = times(g, vt);
  CR_AUTO gw = gd ? drop(gd, c) : NULL;
  CR_AUTO part = cr_mul(w, gw);
  CR_AUTO sum = cr_reduce(CR_SUM, part, 1, &last, true, NULL);
  CR_AUTO rest = cr_sub(gw, sum);
  CR_AUTO slope = cr_mul(w, rest);
  CR_AUTO gs = slope ? cr_mul_num(slope, c->o.scale) : NULL;
  if (!gs || (wanted[0] && !(gin[0] = times(gs, k)))) return false;
  return !wanted[1] || (gin[1] = transposed_times(gs, q, k->shape[1]));
}
