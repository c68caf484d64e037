/* hooks.c: functions that backward calls with gradients on their way, hung on tensors and nodes;
 * and the search for NaN. */
#include <stdlib.h>

#include "tensor/node.h"
#include "tensor/ops.h"

void cr_hook_remove(cr_hook *h) {
  if (h->removed) return;
  h->removed = true;
  if (h->free_user) h->free_user(h->user);
  h->user = NULL;
}

void cr_hook_release(cr_hook *h) {
  if (!h || atomic_fetch_sub(&h->refs, 1) != 1) return;
  cr_hook_remove(h);
  cr_free(h, sizeof *h);
}

void cr_free_hooks(cr_hook *hooks) {
  while (hooks) {
    cr_hook *next = hooks->next;
    cr_hook_release(hooks);
    hooks = next;
  }
}

/* How many lists are being called: their hooks stay where they are, though they be removed. */
static _Thread_local int calling;

/* Drops the removed ones of a list and puts a new hook at its end. */
static cr_hook *add(cr_hook **list, cr_hook hook) {
  cr_hook *h = cr_malloc(sizeof *h);
  if (!h) {
    if (hook.free_user) hook.free_user(hook.user);
    return NULL;
  }
  *h = hook;
  atomic_init(&h->refs, 2);
  while (*list) {
    cr_hook *old = *list;
    if (old->removed && !calling) {
      *list = old->next;
      cr_hook_release(old);
    } else {
      list = &old->next;
    }
  }
  *list = h;
  return h;
}

cr_hook *cr_tensor_hook(cr_tensor *t, cr_tensor *(*call)(void *user, cr_tensor *g), void *user,
                        void (*free_user)(void *user)) {
  if (!cr_requires_grad(t)) {
    if (free_user) free_user(user);
    cr_fail("registerHook: the tensor takes part in no graph; call requireGrad first");
    return NULL;
  }
  cr_hook **list = t->ag->node ? &t->ag->node->out[t->ag->index].hooks : &t->ag->hooks;
  return add(list, (cr_hook){.on_tensor = call, .user = user, .free_user = free_user});
}

cr_hook *cr_node_hook(cr_node *n,
                      bool (*call)(void *user, cr_node *n, cr_tensor *const *g, cr_tensor **gin),
                      void *user, void (*free_user)(void *user)) {
  return add(&n->hooks, (cr_hook){.on_node = call, .user = user, .free_user = free_user});
}

static bool same_kind(const cr_tensor *a, const cr_tensor *b) {
  return cr_same_shape(a, b) && a->dtype == b->dtype;
}

/* Puts what a hook makes of the gradient into its place. */
static bool call_tensor_hook(cr_hook *h, cr_tensor **g) {
  cr_tensor *other = h->on_tensor(h->user, *g);
  if (!other) return false;
  if (!same_kind(other, *g)) {
    char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
    cr_fail("a hook gave a gradient of %s for one of %s", cr_tensor_str(s, other),
            cr_tensor_str(u, *g));
    cr_release(other);
    return false;
  }
  cr_release(*g);
  *g = other;
  return true;
}

/* What the hooks themselves add is for the next time. */
static const cr_hook *last_of(const cr_hook *h) {
  while (h && h->next) h = h->next;
  return h;
}

bool cr_run_tensor_hooks(cr_hook *hooks, cr_tensor **g) {
  const cr_hook *last = last_of(hooks);
  bool ok = true;
  calling++;
  for (cr_hook *h = hooks; ok && h; h = h == last ? NULL : h->next)
    ok = h->removed || call_tensor_hook(h, g);
  calling--;
  return ok;
}

bool cr_run_node_hooks(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  const cr_hook *last = last_of(n->hooks);
  bool ok = true;
  calling++;
  for (cr_hook *h = n->hooks; ok && h; h = h == last ? NULL : h->next)
    ok = h->removed || h->on_node(h->user, n, g, gin);
  calling--;
  return ok;
}

/* ---- watched leaves --------------------------------------------------------------------- */

void cr_leaf_watch_remove(cr_leaf_watch *w) {
  if (w->removed) return;
  w->removed = true;
  if (w->free_user) w->free_user(w->user);
  w->user = NULL;
}

void cr_leaf_watch_release(cr_leaf_watch *w) {
  if (!w || atomic_fetch_sub(&w->refs, 1) != 1) return;
  cr_leaf_watch_remove(w);
  cr_free(w, sizeof *w);
}

cr_leaf_watch *cr_watch_leaves(int n, cr_tensor *const *leaves, cr_leaf_watch watch) {
  cr_leaf_watch *w = cr_malloc(sizeof *w);
  if (!w) {
    if (watch.free_user) watch.free_user(watch.user);
    return NULL;
  }
  *w = watch;
  atomic_init(&w->refs, 1);
  for (int i = 0; i < n; i++) {
    cr_autograd *ag = cr_autograd_of(leaves[i]);
    if (!ag) {
      cr_leaf_watch_remove(w);
      cr_leaf_watch_release(w);
      return NULL;
    }
    cr_leaf_watch_release(ag->watch);
    atomic_fetch_add(&w->refs, 1);
    ag->watch = w;
    ag->watched_as = i;
  }
  return w;
}

/* ---- anomalies -------------------------------------------------------------------------- */

/* Whether op says true of any element; -1: it could not be found out. */
static int any_element(cr_unary_op op, cr_tensor *t) {
  if (!cr_is_float((cr_dtype)t->dtype)) return 0;
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad, anomaly = ctx->anomaly;
  ctx->no_grad = true, ctx->anomaly = false;
  CR_AUTO plain = cr_detach(t);
  CR_AUTO found = plain ? cr_unary(op, plain, NULL) : NULL;
  CR_AUTO any = found ? cr_reduce(CR_ANY, found, -1, NULL, false, NULL) : NULL;
  ctx->no_grad = mode, ctx->anomaly = anomaly;
  cr_scalar v;
  return any && cr_item(any, &v) ? v.i != 0 : -1;
}

int cr_has_nan(cr_tensor *t) {
  return any_element(CR_ISNAN, t);
}

bool cr_all_finite(cr_tensor *t) {
  return any_element(CR_ISNAN, t) == 0 && any_element(CR_ISINF, t) == 0;
}
