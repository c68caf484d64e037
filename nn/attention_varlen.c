/* attention_varlen.c: attention of sequences of different lengths, whose rows lie one after the
 * other without padding.
 *
 * A device that keeps nothing but a number for each row takes them all at once; elsewhere, and for
 * second derivatives, they go one by one. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#include <math.h>
#include <stdlib.h>

static bool varlen_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

static const cr_op op_varlen = {"varlen_attention", "causal most_queries most_keys : scale",
                                varlen_backward};

#define FN "nn.varlenAttn"

/* ---- the sequences ---------------------------------------------------------------------- */

/* bounds: int64 on the host, count + 1 of queries and of keys. */
typedef struct {
  int64_t count, most[2];
  const int64_t *bounds[2];
  bool causal;
  double scale;
} sequences;

static cr_tensor *on_host(cr_tensor *t) {
  CR_AUTO here = cr_to_device(t, (cr_device){.type = CR_CPU});
  CR_AUTO wide = cr_cast(here, CR_INT64);
  return cr_contiguous(wide);
}

/* The longest sequence; -1 with a message when the bounds do not divide `total` rows. */
static int64_t check_bounds(const char *what, const cr_tensor *t, int64_t total, int64_t most) {
  const int64_t *b = cr_data(t);
  int64_t n = t->shape[0] - 1, longest = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t length = b[i + 1] - b[i];
    if (b[i] < 0 || b[i + 1] > total || length < 0 || (most >= 0 && length > most)) {
      cr_fail(FN ": sequence %lld has %s from %lld to %lld, of %lld, at most %lld",
              (long long)i + 1, what, (long long)b[i], (long long)b[i + 1], (long long)total,
              (long long)(most >= 0 ? most : total));
      return -1;
    }
    if (length > longest) longest = length;
  }
  if (b[0] == 0 && b[n] == total) return longest;
  cr_fail(FN ": the sequences' %s go from %lld to %lld, wanted 0 to %lld", what, (long long)b[0],
          (long long)b[n], (long long)total);
  return -1;
}

static bool check(const cr_tensor *q, const cr_tensor *k, const cr_tensor *v,
                  const cr_varlen_opts *o) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR], u[CR_SHAPE_STR];
  if (!cr_need_float(FN, q) || !cr_nn_match(FN, q, "a key", k) || !cr_nn_match(FN, q, "a value", v))
    return false;
  bool fits = q->ndim == 3 && k->ndim == 3 && v->ndim == 3 && k->shape[0] == v->shape[0] &&
              k->shape[1] == v->shape[1] && k->shape[2] == q->shape[2];
  if (fits && k->shape[1] != q->shape[1]) fits = k->shape[1] > 0 && q->shape[1] % k->shape[1] == 0;
  if (!fits)
    return cr_fail(FN ": %s, %s and %s, wanted queries, keys and values as rows x heads x size",
                   cr_shape_str(s, q->ndim, q->shape), cr_shape_str(t, k->ndim, k->shape),
                   cr_shape_str(u, v->ndim, v->shape));
  const cr_tensor *bounds[2] = {o->q_bounds, o->k_bounds};
  for (int i = 0; i < 2; i++)
    if (bounds[i]->ndim != 1 || bounds[i]->shape[0] < 2 ||
        (bounds[i]->dtype != CR_INT64 && bounds[i]->dtype != CR_INT32))
      return cr_fail(FN ": bounds of %s, %s, wanted int32 or int64, one more than sequences",
                     cr_shape_str(s, bounds[i]->ndim, bounds[i]->shape),
                     cr_dtypes[bounds[i]->dtype].name);
  if (bounds[0]->shape[0] != bounds[1]->shape[0])
    return cr_fail(FN ": %lld bounds of queries and %lld of keys", (long long)bounds[0]->shape[0],
                   (long long)bounds[1]->shape[0]);
  return true;
}

/* Rows of sequence i of t (rows, heads, n), as (1, heads, rows, n). */
static cr_tensor *sequence(cr_tensor *t, const int64_t *bounds, int64_t i) {
  int64_t shape[4] = {1, t->shape[1], bounds[i + 1] - bounds[i], t->shape[2]};
  CR_AUTO rows = cr_narrow(t, 0, bounds[i], shape[2]);
  CR_AUTO heads = rows ? cr_transpose(rows, 0, 1) : NULL;
  CR_AUTO four = heads ? cr_reshape(heads, 4, shape) : NULL;
  return four ? cr_heads_of(four, (cr_dtype)t->dtype) : NULL;
}

/* The other way round; takes over t. */
static cr_tensor *rows_of(cr_tensor *t) {
  CR_AUTO owned = t;
  if (!owned) return NULL;
  int64_t shape[3] = {owned->shape[2], owned->shape[1], owned->shape[3]};
  CR_AUTO turned = cr_transpose(owned, 1, 2);
  return turned ? cr_reshape(turned, 3, shape) : NULL;
}

/* Causal: the last query sees all keys. */
static cr_attention_call call_of(const sequences *s, int64_t i) {
  int64_t queries = s->bounds[0][i + 1] - s->bounds[0][i];
  int64_t keys = s->bounds[1][i + 1] - s->bounds[1][i];
  return (cr_attention_call){
      {.causal = s->causal, .offset = s->causal ? keys - queries : 0, .scale = s->scale}, 0, 0};
}

/* Room for `n` tensors, none of them there yet. */
static cr_tensor **list_of(int64_t n) {
  cr_tensor **list = calloc((size_t)n, sizeof(cr_tensor *));
  if (!list) cr_fail(FN ": out of memory");
  return list;
}

/* All of them below each other when ok; frees the list. */
static cr_tensor *joined(cr_tensor **list, int64_t n, bool ok) {
  cr_tensor *all = ok ? cr_cat((int)n, list, 0) : NULL;
  for (int64_t i = 0; list && i < n; i++) cr_release(list[i]);
  free(list);
  return all;
}

/* ---- forward ---------------------------------------------------------------------------- */

static cr_tensor *one_by_one(cr_tensor *q, cr_tensor *k, cr_tensor *v, const sequences *s) {
  cr_tensor **parts = list_of(s->count);
  bool ok = parts != NULL;
  for (int64_t i = 0; ok && i < s->count; i++) {
    CR_AUTO qi = sequence(q, s->bounds[0], i);
    CR_AUTO ki = sequence(k, s->bounds[1], i);
    CR_AUTO vi = sequence(v, s->bounds[1], i);
    cr_attention_call c = call_of(s, i);
    ok = qi && ki && vi && (parts[i] = rows_of(cr_attention_fused(qi, ki, vi, &c))) != NULL;
  }
  return joined(parts, s->count, ok);
}

static cr_attention_args args_of(const cr_tensor *q, const cr_tensor *k, const cr_tensor *v,
                                 const cr_tensor *const bounds[2], const sequences *s) {
  return (cr_attention_args){.dtype = (cr_dtype)q->dtype,
                             .batch = bounds[0]->shape[0] - 1,
                             .heads = q->shape[1],
                             .group = cr_heads_group(q, k),
                             .l = s->most[0],
                             .s = s->most[1],
                             .e = q->shape[2],
                             .ev = v->shape[2],
                             .scale = s->scale,
                             .causal = s->causal,
                             .q_bounds = cr_data(bounds[0]),
                             .k_bounds = cr_data(bounds[1])};
}

static cr_heads at(const cr_tensor *t) {
  if (!t) return (cr_heads){NULL, 0, 0, 0};
  return (cr_heads){cr_data(t), 0, t->stride[1], t->stride[0]};
}

static cr_tensor *all_at_once(cr_tensor *q, cr_tensor *k, cr_tensor *v, cr_tensor *const bounds[2],
                              const sequences *s) {
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(q));
  CR_AUTO qb = cr_to_device(bounds[0], cr_device_of(q));
  CR_AUTO kb = cr_to_device(bounds[1], cr_device_of(q));
  if (!be || !qb || !kb) return NULL;
  const cr_tensor *const there[2] = {qb, kb};
  cr_attention_args a = args_of(q, k, v, there, s);
  int64_t shape[3] = {q->shape[0], a.heads, a.ev}, rows[3] = {a.batch, a.heads, a.l};
  bool record = cr_recording_any(q, k, v);
  cr_tensor *y = cr_empty(a.dtype, cr_device_of(q), 3, shape);
  CR_AUTO kept = y && record ? cr_empty(cr_nn_dtype(q), cr_device_of(q), 3, rows) : NULL;
  if (!y || (record && !kept)) return cr_result_if(false, y);
  bool ok = be->attention(&a, at(y), cr_data_opt(kept), at(q), at(k), at(v));
  return cr_record(&op_varlen, cr_result_if(ok, y), CR_IN(q, k, v),
                   CR_SAVE(q, k, v, kept, y, qb, kb), CR_INTS(s->causal, a.l, a.s),
                   CR_NUMS(s->scale));
}

cr_tensor *cr_attention_varlen(cr_tensor *q, cr_tensor *k, cr_tensor *v, const cr_varlen_opts *o) {
  if (!q || !k || !v || !check(q, k, v, o)) return NULL;
  CR_AUTO qb = on_host(o->q_bounds);
  CR_AUTO kb = on_host(o->k_bounds);
  if (!qb || !kb) return NULL;
  double own = q->shape[2] ? 1 / sqrt((double)q->shape[2]) : 1;
  sequences s = {qb->shape[0] - 1,
                 {check_bounds("queries", qb, q->shape[0], o->max_q), 0},
                 {cr_data(qb), cr_data(kb)},
                 o->causal,
                 isnan(o->scale) ? own : o->scale};
  if (s.most[0] < 0 || (s.most[1] = check_bounds("keys", kb, k->shape[0], o->max_k)) < 0)
    return NULL;
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(q));
  cr_dtype dtype = cr_nn_dtype_of(q, CR_HALF_ATTENTION);
  CR_AUTO qd = be ? cr_nn_dense(q, dtype) : NULL;
  CR_AUTO kd = qd ? cr_nn_dense(k, dtype) : NULL;
  CR_AUTO vd = kd ? cr_nn_dense(v, dtype) : NULL;
  if (!vd) return NULL;
  cr_tensor *const bounds[2] = {qb, kb};
  cr_tensor *y =
      be->attention_by_rows ? all_at_once(qd, kd, vd, bounds, &s) : one_by_one(qd, kd, vd, &s);
  return cr_cast_owned(y, (cr_dtype)q->dtype);
}

/* ---- backward --------------------------------------------------------------------------- */

/* On the tape, one by one, for half types in float32. */
static bool gradients(cr_node *n, cr_tensor *const t[3], cr_tensor *g, const sequences *s,
                      cr_tensor **gin) {
  bool wanted[3] = {cr_wants(n, 0), cr_wants(n, 1), cr_wants(n, 2)};
  cr_dtype own = (cr_dtype)t[0]->dtype, wide = cr_nn_dtype(t[0]);
  CR_AUTO q = cr_cast(t[0], wide);
  CR_AUTO k = cr_cast(t[1], wide);
  CR_AUTO v = cr_cast(t[2], wide);
  CR_AUTO gy = cr_cast(g, wide);
  cr_tensor **parts[3] = {list_of(s->count), list_of(s->count), list_of(s->count)};
  bool ok = q && k && v && gy && parts[0] && parts[1] && parts[2];
  for (int64_t i = 0; ok && i < s->count; i++) {
    CR_AUTO qi = sequence(q, s->bounds[0], i);
    CR_AUTO ki = sequence(k, s->bounds[1], i);
    CR_AUTO vi = sequence(v, s->bounds[1], i);
    CR_AUTO gi = sequence(gy, s->bounds[0], i);
    cr_tensor *const in[3] = {qi, ki, vi};
    cr_tensor *out[3] = {NULL, NULL, NULL};
    cr_attention_call c = call_of(s, i);
    ok = qi && ki && vi && gi && cr_attention_gradients(in, gi, &c, wanted, out);
    for (int p = 0; p < 3; p++)
      if (out[p]) ok = (parts[p][i] = rows_of(out[p])) != NULL && ok;
  }
  for (int p = 0; p < 3; p++) {
    cr_tensor *all = joined(parts[p], s->count, ok && wanted[p]);
    if (ok && wanted[p]) ok = (gin[p] = cr_cast_owned(all, own)) != NULL;
  }
  return ok;
}

static bool varlen_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *t[7];
  for (int i = 0; i < 7; i++)
    if (!(t[i] = cr_saved(n, i))) return false;
  sequences s = {.count = t[5]->shape[0] - 1,
                 .most = {cr_attr_int(n, 1), cr_attr_int(n, 2)},
                 .causal = cr_attr_int(n, 0) != 0,
                 .scale = cr_attr_num(n, 0)};
  if (cr_recording_any(g[0], t[0], t[1], t[2])) {
    CR_AUTO qb = on_host(t[5]);
    CR_AUTO kb = on_host(t[6]);
    if (!qb || !kb) return false;
    s.bounds[0] = cr_data(qb), s.bounds[1] = cr_data(kb);
    return gradients(n, t, g[0], &s, gin);
  }
  const cr_tensor *const bounds[2] = {t[5], t[6]};
  const cr_nn_backend *be = cr_nn_backend_of(FN, cr_device_of(t[0]));
  cr_attention_args a = args_of(t[0], t[1], t[2], bounds, &s);
  CR_AUTO gy = cr_nn_dense(g[0], a.dtype);
  for (int i = 0; be && gy && i < 3; i++)
    if (cr_wants(n, i) && !(gin[i] = cr_empty(a.dtype, cr_device_of(gy), 3, t[i]->shape)))
      return false;
  return be && gy &&
         be->attention_backward(&a, at(gin[0]), at(gin[1]), at(gin[2]), at(gy), at(t[4]),
                                cr_data(t[3]), at(t[0]), at(t[1]), at(t[2]));
}
