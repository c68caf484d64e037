/* region.c: parts of a graph whose saved values are computed again instead of kept. */
#include <stdlib.h>
#include <string.h>

#include "tensor/node.h"

struct cr_region {
  atomic_int refs; /* of its nodes, and of who made it */
  bool (*recompute)(void *user);
  void *user;
  void (*free_user)(void *user);
  cr_node **node; /* by their calls; NULL: gone */
  int64_t n, capacity;
  bool repeating;
  cr_autocast_mode autocast; /* in which the function was called */
  int64_t at;                /* the next call while repeating */
};

cr_region *cr_region_new(bool (*recompute)(void *user), void *user, void (*free_user)(void *user)) {
  cr_region *r = cr_malloc(sizeof *r);
  if (!r) {
    free_user(user);
    return NULL;
  }
  *r = (cr_region){.recompute = recompute, .user = user, .free_user = free_user};
  r->autocast = cr_ctx()->autocast;
  atomic_init(&r->refs, 1);
  return r;
}

void cr_region_release(cr_region *r) {
  if (!r || atomic_fetch_sub(&r->refs, 1) != 1) return;
  r->free_user(r->user);
  free(r->node);
  cr_free(r, sizeof *r);
}

cr_region *cr_region_enter(cr_region *r) {
  cr_context *ctx = cr_ctx();
  cr_region *before = ctx->region;
  ctx->region = r;
  return before;
}

/* ---- recording -------------------------------------------------------------------------- */

static bool join(cr_region *r, cr_node *n) {
  if (r->n == r->capacity) {
    int64_t more = r->capacity ? 2 * r->capacity : 64;
    cr_node **longer = realloc(r->node, (size_t)more * sizeof *longer);
    if (!longer) return cr_fail("out of memory");
    r->node = longer;
    r->capacity = more;
  }
  n->region = r;
  n->call = r->n;
  atomic_fetch_add(&r->refs, 1);
  r->node[r->n++] = n;
  for (int i = 0; i < n->nsave; i++) {
    n->dropped |= n->save[i].value != NULL;
    cr_release(n->save[i].value);
    n->save[i].value = NULL;
  }
  return true;
}

/* ---- repeating -------------------------------------------------------------------------- */

static bool differs(const cr_node *was, const char *how) {
  return cr_fail("%s%s%s: %s", was->op->name, was->where ? " at " : "",
                 was->where ? was->where : "", how);
}

static bool same_shape(int n, const int64_t *a, int m, const int64_t *b) {
  return n == m && memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* Whether b is the call a once more, as far as that can be seen. */
static bool same_call(const cr_node *a, const cr_node *b) {
  bool same = a->op == b->op && a->nsave == b->nsave && a->nin == b->nin && a->nout == b->nout &&
              same_shape(a->nints, a->ints, b->nints, b->ints) && a->nnums == b->nnums &&
              memcmp(a->nums, b->nums, (size_t)a->nnums * sizeof *a->nums) == 0;
  for (int i = 0; same && i < a->nin; i++)
    same = !a->in[i].shape == !b->in[i].shape && a->in[i].dtype == b->in[i].dtype &&
           (!a->in[i].shape ||
            same_shape(a->in[i].ndim, a->in[i].shape, b->in[i].ndim, b->in[i].shape));
  for (int i = 0; same && i < a->nout; i++)
    same = a->out[i].dtype == b->out[i].dtype &&
           same_shape(a->out[i].ndim, a->out[i].shape, b->out[i].ndim, b->out[i].shape);
  return same;
}

/* n repeats the call of `was`, which gets what n saved. */
static bool give_back(cr_node *was, cr_node *n) {
  if (!same_call(was, n))
    return differs(was, "the function did something else when it was called again");
  for (int i = 0; was->dropped && i < n->nsave; i++) {
    cr_saved_value *from = &n->save[i];
    if (!from->value) continue;
    if (from->version != was->save[i].version)
      return differs(was, "a tensor that the function uses was changed in place since");
    was->save[i].value = from->value;
    from->value = NULL;
  }
  was->dropped = false;
  return true;
}

bool cr_region_record(cr_node *n) {
  cr_region *r = cr_ctx()->region;
  if (!r) return true;
  if (!r->repeating) return join(r, n);
  cr_node *was = r->at < r->n ? r->node[r->at] : NULL;
  r->at++;
  return !was || was->released || give_back(was, n);
}

void cr_region_forget(cr_node *n) {
  if (!n->region) return;
  n->region->node[n->call] = NULL;
  cr_region_release(n->region);
}

bool cr_region_restore(cr_node *n) {
  cr_region *r = n->region;
  if (!n->dropped) return true;
  if (r->repeating) return cr_fail("checkpoint: a backward runs inside the function itself");
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  cr_autocast_mode autocast = ctx->autocast;
  atomic_fetch_add(&r->refs, 1); /* until it is done */
  cr_region *before = cr_region_enter(r);
  r->repeating = true;
  r->at = 0;
  ctx->no_grad = false;
  ctx->autocast = r->autocast;
  bool ok = r->recompute(r->user);
  ctx->no_grad = mode;
  ctx->autocast = autocast;
  r->repeating = false;
  cr_region_enter(before);
  if (ok && n->dropped) ok = cr_fail("checkpoint: the function did less when it was called again");
  cr_region_release(r);
  return ok;
}
