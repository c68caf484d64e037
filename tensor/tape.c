/* tape.c: recording operator calls, the history of a tensor, saved values. */
#include "tensor/internal.h"
#include "tensor/node.h"
#include "tensor/ops.h"
#include "tensor/profile.h"

#include <stdlib.h>
#include <string.h>

/* ---- nodes ------------------------------------------------------------------------------ */

cr_node *cr_node_retain(cr_node *n) {
  atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
  return n;
}

void cr_node_free_unpacked(cr_node *n) {
  for (int i = 0; i < n->nsave; i++) {
    cr_release(n->save[i].unpacked);
    n->save[i].unpacked = NULL;
  }
}

void cr_node_free_saved(cr_node *n) {
  if (n->nsave == 0 && !n->user) return;
  n->released = true;
  for (int i = 0; i < n->nsave; i++) {
    cr_release(n->save[i].value);
    n->save[i].value = NULL;
  }
  if (n->user && n->free_user) n->free_user(n->user);
  n->user = NULL;
}

static void node_destroy(cr_node *n) {
  cr_node_free_saved(n);
  cr_region_forget(n);
  cr_free_hooks(n->hooks);
  for (int k = 0; k < n->nout; k++) cr_free_hooks(n->out[k].hooks);
  for (int i = 0; i < n->nin; i++) {
    cr_release(n->in[i].leaf);
    if (n->in[i].node) cr_node_release(n->in[i].node);
  }
  cr_uncharge(n->account, n->bytes);
  cr_free(n, n->bytes);
}

/* A chain of a million nodes must not free itself by recursion: nodes whose turn comes while
 * another is being destroyed wait in a list. */
void cr_node_release(cr_node *n) {
  static _Thread_local cr_node *waiting;
  static _Thread_local bool draining;
  if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1) return;
  n->next = waiting;
  waiting = n;
  if (draining) return;
  draining = true;
  while (waiting) {
    cr_node *first = waiting;
    waiting = first->next;
    node_destroy(first);
  }
  draining = false;
}

void cr_autograd_free(cr_tensor *t) {
  cr_autograd *ag = t->ag;
  if (ag->node) {
    cr_output *o = &ag->node->out[ag->index];
    if (o->retain == t) o->retain = NULL;
    cr_node_release(ag->node);
  }
  cr_free_hooks(ag->hooks);
  cr_leaf_watch_release(ag->watch);
  cr_release(ag->grad);
  cr_free(ag, sizeof *ag);
}

cr_autograd *cr_autograd_of(cr_tensor *t) {
  if (!t->ag) {
    t->ag = cr_malloc(sizeof *t->ag);
    if (t->ag) *t->ag = (cr_autograd){0};
  }
  return t->ag;
}

/* ---- histories -------------------------------------------------------------------------- */

static bool shares_with_base(const cr_tensor *t) {
  return t->base && t->base->storage == t->storage;
}

/* Whether t's history follows its base's. */
static bool is_view(const cr_tensor *t) {
  return shares_with_base(t) && !t->unrecorded;
}

static bool on_tape(const cr_tensor *t) {
  return t->ag && (t->ag->node || t->ag->requires_grad);
}

/* The leaf that t is, or is a view of. */
static bool writes_leaf(const cr_tensor *t) {
  if (t->ag && t->ag->requires_grad) return true;
  return shares_with_base(t) && t->base->ag && t->base->ag->requires_grad;
}

/* Gives t, which has an autograd part, a new history: output `index` of n. */
static void set_node(cr_tensor *t, cr_node *n, int index, uint32_t version) {
  cr_autograd *ag = t->ag;
  cr_node_retain(n);
  if (ag->node) {
    cr_output *o = &ag->node->out[ag->index];
    if (o->retain == t) {
      o->retain = NULL;
      n->out[index].retain = t;
    }
    cr_node_release(ag->node);
  }
  ag->node = n;
  ag->index = index;
  ag->version = version;
}

bool cr_refresh(cr_tensor *t) {
  if (!is_view(t) || !t->base->ag || !t->base->ag->node) return true;
  uint32_t version = cr_version(t);
  if (t->ag && t->ag->version == version) return true;
  cr_context *ctx = cr_ctx();
  bool before = ctx->no_grad;
  ctx->no_grad = false;
  cr_tensor *again = cr_as_strided(t->base, t->offset, t->ndim, t->shape, t->stride);
  ctx->no_grad = before;
  cr_autograd *ag = again ? cr_autograd_of(t) : NULL;
  if (ag && again->ag) set_node(t, again->ag->node, again->ag->index, version);
  cr_release(again);
  return ag != NULL;
}

static void leave_base(cr_tensor *t) {
  cr_release(t->base);
  t->base = NULL;
  t->unrecorded = false;
}

void cr_forget_base(cr_tensor *t) {
  if (atomic_load(&t->refs) != 1 || atomic_load(&t->base->refs) != 1 || !cr_refresh(t)) return;
  leave_base(t);
}

bool cr_requires_grad(cr_tensor *t) {
  return cr_refresh(t) && on_tape(t);
}
bool cr_is_leaf(cr_tensor *t) {
  return !cr_refresh(t) || !t->ag || !t->ag->node;
}
cr_tensor *cr_grad(const cr_tensor *t) {
  return t->ag ? t->ag->grad : NULL;
}
cr_node *cr_grad_node(cr_tensor *t) {
  return cr_refresh(t) && t->ag ? t->ag->node : NULL;
}

bool cr_set_requires_grad(cr_tensor *t, bool on) {
  char s[CR_SHAPE_STR];
  if (!cr_is_leaf(t)) {
    if (on) return true;
    return cr_fail("requireGrad: this tensor (%s) is a result on the tape; use x:detach()",
                   cr_tensor_str(s, t));
  }
  if (!on && !t->ag) return true;
  if (on && !cr_is_float((cr_dtype)t->dtype))
    return cr_fail("requireGrad: only float tensors have gradients, this one is %s",
                   cr_tensor_str(s, t));
  cr_autograd *ag = cr_autograd_of(t);
  if (!ag) return false;
  ag->requires_grad = on;
  /* From now on t is the base of its views: writes to them are writes to a leaf. */
  if (on && t->base) leave_base(t);
  return true;
}

cr_tensor *cr_detach(const cr_tensor *t) {
  return cr_alias(t);
}

bool cr_set_grad(cr_tensor *t, cr_tensor *grad) {
  if (!grad && !t->ag) return true;
  if (grad && (!cr_same_shape(t, grad) || t->dtype != grad->dtype)) {
    char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
    return cr_fail("grad: a gradient of shape %s for a tensor of shape %s", cr_tensor_str(s, grad),
                   cr_tensor_str(u, t));
  }
  if (grad == t) return cr_fail("grad: a tensor cannot be its own gradient");
  cr_autograd *ag = cr_autograd_of(t);
  if (!ag) return false;
  if (grad) cr_retain(grad);
  cr_release(ag->grad);
  ag->grad = grad;
  return true;
}

bool cr_retain_grad(cr_tensor *t) {
  if (!cr_requires_grad(t)) return cr_fail("retainGrad: the tensor takes part in no graph");
  if (t->ag->node) t->ag->node->out[t->ag->index].retain = t;
  return true;
}

/* ---- recording -------------------------------------------------------------------------- */

bool cr_recording(int nin, cr_tensor *const *in) {
  if (cr_ctx()->no_grad) return false;
  for (int i = 0; i < nin; i++)
    if (in[i] && (in[i]->ag || in[i]->base) && cr_requires_grad(in[i])) return true;
  return false;
}

static bool expanded(const cr_tensor *t) {
  for (int d = 0; d < t->ndim; d++)
    if (t->stride[d] == 0 && t->shape[d] > 1) return true;
  return false;
}

bool cr_writable(const char *fn, cr_tensor *out, int nin, cr_tensor *const *in) {
  char s[CR_SHAPE_STR];
  if (expanded(out))
    return cr_fail(
        "%s: the result (%s) is an expanded tensor, whose elements share memory; write to "
        "a clone of it",
        fn, cr_tensor_str(s, out));
  if (cr_ctx()->no_grad) return true;
  if (out->unrecorded && shares_with_base(out) && out->base->ag && out->base->ag->node)
    return cr_fail(
        "%s: the result (%s) is a view that was made inside torch.noGrad, of a tensor on the tape, "
        "which would not learn of the change; make the view outside, or write inside torch.noGrad",
        fn, cr_tensor_str(s, out));
  if (!writes_leaf(out)) return true;
  for (int i = 0; i < nin; i++)
    if (in[i] && in[i] != out && !(is_view(in[i]) && in[i]->base == out) && cr_requires_grad(in[i]))
      return cr_fail(
          "%s: the result (%s) is a leaf that requires a gradient, and the value written "
          "requires one too, which would be lost; write to a copy, or inside torch.noGrad",
          fn, cr_tensor_str(s, out));
  return true;
}

cr_tensor *cr_keep(cr_tensor *a, const cr_tensor *out) {
  if (!out || out->storage != a->storage || cr_ctx()->no_grad || !cr_is_float((cr_dtype)a->dtype))
    return cr_retain(a);
  if (!cr_refresh(a)) return NULL;
  if (a->ag && a->ag->requires_grad) return cr_clone(a); /* recorded: only a itself is the leaf */
  cr_context *ctx = cr_ctx();
  ctx->no_grad = true;
  cr_tensor *copy = cr_clone(a);
  ctx->no_grad = false;
  if (copy && a->ag && a->ag->node) {
    if (!cr_autograd_of(copy)) {
      cr_release(copy);
      return NULL;
    }
    set_node(copy, a->ag->node, a->ag->index, 0);
  }
  return copy;
}

static int64_t *put_shape(int64_t *at, const cr_tensor *t) {
  memcpy(at, t->shape, t->ndim * sizeof *at);
  return at + t->ndim;
}

static void fill_edge(cr_node *n, int i, cr_tensor *t) {
  cr_edge *e = &n->in[i];
  if (!cr_requires_grad(t)) return;
  if (t->ag->node) {
    e->node = cr_node_retain(t->ag->node);
    e->index = t->ag->index;
    if (e->node->depth >= n->depth) n->depth = e->node->depth + 1;
  } else {
    e->leaf = cr_retain(t);
  }
}

static int place_of(const cr_tensor *t, int n, cr_tensor *const *list) {
  for (int i = 0; i < n; i++)
    if (list[i] == t) return i;
  return -1;
}

static bool fill_saved(cr_node *n, const cr_call *c, cr_tensor *const *out) {
  for (int i = 0; i < c->nsave; i++) {
    cr_saved_value *s = &n->save[i];
    cr_tensor *t = c->save[i];
    s->input = s->output = -1;
    if (!t) continue;
    s->value = cr_alias(t);
    if (!s->value) return false;
    s->given = true;
    s->version = cr_version(t);
    s->output = place_of(t, n->nout, out);
    if (s->output < 0) s->input = place_of(t, c->nin, c->in);
  }
  return true;
}

/* One block: the node, its arrays, the shapes, the place in the script. */
static cr_node *node_alloc(const cr_op *op, int nout, cr_tensor *const *out, const cr_call *c) {
  cr_context *ctx = cr_ctx();
  char where[96] = "";
  if (ctx->where) ctx->where(ctx->where_ctx, where, sizeof where);
  size_t dims = 0;
  for (int i = 0; i < c->nin; i++) dims += c->in[i] ? c->in[i]->ndim : 0;
  for (int i = 0; i < nout; i++) dims += out[i]->ndim;
  size_t length = where[0] ? strlen(where) + 1 : 0;
  size_t bytes = sizeof(cr_node) + (size_t)c->nin * sizeof(cr_edge) +
                 (size_t)c->nsave * sizeof(cr_saved_value) + (size_t)nout * sizeof(cr_output) +
                 ((size_t)c->nints + dims) * sizeof(int64_t) + (size_t)c->nnums * sizeof(double) +
                 length;
  cr_node *n = cr_malloc(bytes);
  if (!n) return NULL;
  memset(n, 0, bytes);
  n->bytes = bytes;
  n->account = cr_charge(bytes);
  if (!n->account) {
    cr_free(n, bytes);
    return NULL;
  }
  atomic_init(&n->refs, 1);
  n->op = op;
  n->depth = 1;
  n->nin = c->nin;
  n->nout = nout;
  n->nsave = c->nsave;
  n->nints = c->nints;
  n->nnums = c->nnums;
  n->in = (cr_edge *)(n + 1);
  n->save = (cr_saved_value *)(n->in + c->nin);
  n->out = (cr_output *)(n->save + c->nsave);
  n->nums = (double *)(n->out + nout);
  n->ints = (int64_t *)(n->nums + c->nnums);
  int64_t *shapes = n->ints + c->nints;
  if (c->nints) memcpy(n->ints, c->ints, (size_t)c->nints * sizeof *c->ints);
  if (c->nnums) memcpy(n->nums, c->nums, (size_t)c->nnums * sizeof *c->nums);
  for (int i = 0; i < c->nin; i++) {
    cr_tensor *t = c->in[i];
    if (!t) continue;
    n->in[i] =
        (cr_edge){.dtype = t->dtype, .ndim = t->ndim, .device = cr_device_of(t), .shape = shapes};
    shapes = put_shape(shapes, t);
    fill_edge(n, i, t);
  }
  for (int i = 0; i < nout; i++) {
    n->out[i] = (cr_output){.dtype = out[i]->dtype,
                            .ndim = out[i]->ndim,
                            .device = cr_device_of(out[i]),
                            .shape = shapes};
    shapes = put_shape(shapes, out[i]);
  }
  if (length) n->where = memcpy(shapes, where, length);
  if (!fill_saved(n, c, out) || !cr_region_record(n)) {
    cr_node_release(n);
    return NULL;
  }
  return n;
}

static void free_user(const cr_call *c) {
  if (c->user && c->free_user) c->free_user(c->user);
}

static cr_node *node_new(const cr_op *op, int nout, cr_tensor *const *out, const cr_call *c) {
  cr_node *n = node_alloc(op, nout, out, c);
  if (n) {
    n->user = c->user;
    n->free_user = c->free_user;
  } else {
    free_user(c);
  }
  return n;
}

/* An operator wrote through a view: its base is now the base before with that slice replaced. */
static bool rebase(cr_tensor *view, cr_node *n) {
  cr_tensor *base = view->base;
  int64_t ints[CR_SLICE_ATTRS];
  int nints = cr_slice_attrs(base, view, ints);
  cr_tensor *part = cr_alias(view);
  if (!part) return false;
  bool ok = false;
  cr_autograd *ag = n ? cr_autograd_of(part) : NULL;
  if (!n || ag) {
    if (ag) set_node(part, n, 0, 0);
    cr_call c = {CR_IN(base, part), .nints = nints, .ints = ints};
    cr_node *slices = node_new(&cr_op_copy_slices, 1, &base, &c);
    cr_autograd *bag = slices ? cr_autograd_of(base) : NULL;
    if (bag) set_node(base, slices, 0, cr_version(base));
    if (slices) cr_node_release(slices);
    ok = bag != NULL;
  }
  cr_release(part);
  if (!ok || !view->ag) return ok;
  /* The view's own history is made anew from its base at next use; now, if its gradient is kept. */
  cr_node *before = view->ag->node;
  view->ag->version = cr_version(view) - 1;
  return !before || before->out[view->ag->index].retain != view || cr_refresh(view);
}

/* Views that an operator read and wrote over got a history from before the write under the version
 * after it. */
static void outdate(const cr_tensor *out, const cr_call *call) {
  for (int i = 0; i < call->nin; i++) {
    cr_tensor *t = call->in[i];
    if (t && t->ag && is_view(t) && t->storage == out->storage) t->ag->version = cr_version(t) - 1;
  }
}

static bool attach(cr_tensor *out, cr_node *n, int index) {
  if (is_view(out)) return rebase(out, n);
  if (!cr_autograd_of(out)) return false;
  set_node(out, n, index, cr_version(out));
  return true;
}

/* In anomaly mode: a result with NaN from inputs without is an error at once. */
static bool check_result(const cr_op *op, cr_tensor *out, const cr_call *call) {
  if (cr_has_nan(out) != 1) return true;
  for (int i = 0; i < call->nin; i++)
    if (call->in[i] && call->in[i] != out && cr_has_nan(call->in[i]) != 0) return true;
  char where[96] = "";
  cr_context *ctx = cr_ctx();
  if (ctx->where) ctx->where(ctx->where_ctx, where, sizeof where);
  return cr_fail("%s%s%s: the result has NaN elements, the inputs have none", op->name,
                 where[0] ? " at " : "", where);
}

static cr_tensor *record(const cr_context *ctx, const cr_op *op, cr_tensor *out,
                         const cr_call *call) {
  if (out && ctx->anomaly && !check_result(op, out, call)) {
    free_user(call);
    cr_release(out);
    return NULL;
  }
  if (!out || ctx->no_grad || !cr_is_float((cr_dtype)out->dtype)) goto unrecorded;
  /* A tensor that its caller gave is held by the caller too. */
  bool fresh = atomic_load_explicit(&out->refs, memory_order_relaxed) == 1;
  if (!fresh && writes_leaf(out)) goto unrecorded;
  if (!cr_recording(call->nin, call->in) && (fresh || !cr_recording(1, &out))) goto unrecorded;
  cr_node *n = node_new(op, 1, &out, call);
  bool ok = n && attach(out, n, 0);
  if (n) cr_node_release(n);
  if (ok && !fresh) outdate(out, call);
  if (ok) return out;
  cr_release(out);
  return NULL;

unrecorded:
  free_user(call);
  return out;
}

cr_tensor *cr_record_one(const cr_op *op, cr_tensor *out, const cr_call *call) {
  out = record(cr_ctx(), op, out, call);
  cr_profile *p = cr_profiling();
  if (p && out) cr_profile_call(p, op->name);
  return out;
}

static bool record_many(const cr_op *op, int nout, cr_tensor **out, const cr_call *call) {
  bool ok = true;
  if (!cr_recording(call->nin, call->in)) {
    free_user(call);
    return true;
  }
  cr_node *n = node_new(op, nout, out, call);
  ok = n != NULL;
  for (int i = 0; ok && i < nout; i++)
    if (cr_is_float((cr_dtype)out[i]->dtype)) ok = attach(out[i], n, i);
  if (n) cr_node_release(n);
  if (ok) return true;
  for (int i = 0; i < nout; i++) {
    cr_release(out[i]);
    out[i] = NULL;
  }
  return false;
}

bool cr_record_many(const cr_op *op, int nout, cr_tensor **out, const cr_call *call) {
  bool ok = record_many(op, nout, out, call);
  cr_profile *p = cr_profiling();
  if (p && ok) cr_profile_call(p, op->name);
  return ok;
}

static cr_tensor *record_view(const cr_context *ctx, const cr_op *op, cr_tensor *out, cr_tensor *in,
                              const cr_call *call) {
  if (!out || !cr_is_float((cr_dtype)out->dtype)) return out;
  if (ctx->no_grad || in->unrecorded) {
    out->base = cr_retain(shares_with_base(in) ? in->base : in); /* which may yet get a history */
    out->unrecorded = true;
    return out;
  }
  if (cr_recording(1, &in)) {
    cr_node *n = node_new(op, 1, &out, call);
    bool ok = n && cr_autograd_of(out);
    if (ok) set_node(out, n, 0, cr_version(out));
    if (n) cr_node_release(n);
    if (!ok) {
      cr_release(out);
      return NULL;
    }
  }
  out->base = cr_retain(is_view(in) ? in->base : in);
  return out;
}

cr_tensor *cr_record_view_one(const cr_op *op, cr_tensor *out, cr_tensor *in, const cr_call *call) {
  out = record_view(cr_ctx(), op, out, in, call);
  cr_profile *p = cr_profiling();
  if (p && out) cr_profile_view(p, op->name);
  return out;
}

/* ---- saved values, attributes ----------------------------------------------------------- */

static cr_tensor *overwritten(cr_node *n, int i) {
  char s[CR_SHAPE_STR];
  const char *what = n->save[i].output >= 0 ? "its result" : "an input";
  return cr_fail_null(
      "backward of %s%s%s: %s (%s) was overwritten in place after the call, and the "
      "gradient needs the value before; use a function that returns a new tensor "
      "(torch.add(x, y) instead of x:add(y)) or write to a clone",
      n->op->name, n->where ? " called at " : "", n->where ? n->where : "", what,
      cr_tensor_str(s, n->save[i].value));
}

cr_tensor *cr_saved(cr_node *n, int i) {
  cr_saved_value *s = &n->save[i];
  if (n->released)
    return cr_fail_null("backward of %s: the graph was freed by an earlier backward; pass "
                        "{retainGraph = true} to the first one",
                        n->op->name);
  if (!cr_region_restore(n)) return NULL;
  if (!s->value)
    return s->given ? cr_fail_null("checkpoint: a backward runs inside the function itself") : NULL;
  if (s->version != cr_version(s->value) && !cr_ctx()->current_values) return overwritten(n, i);
  if (cr_ctx()->no_grad) return s->value;
  if (s->unpacked) return s->unpacked;
  const cr_edge *e = s->input >= 0 ? &n->in[s->input] : NULL;
  if (e && e->leaf && e->leaf->storage == s->value->storage)
    return s->unpacked = cr_retain(e->leaf);
  s->unpacked = cr_alias(s->value);
  cr_node *from = s->output >= 0 ? n : e ? e->node : NULL;
  if (!s->unpacked || !from) return s->unpacked;
  cr_autograd *ag = cr_autograd_of(s->unpacked);
  if (!ag) {
    cr_release(s->unpacked);
    return s->unpacked = NULL;
  }
  ag->node = cr_node_retain(from); /* not set_node: the retained tensor stays the user's */
  ag->index = s->output >= 0 ? s->output : e->index;
  return s->unpacked;
}

bool cr_wants(const cr_node *n, int i) {
  return cr_edge_wanted(n->run, &n->in[i]);
}
