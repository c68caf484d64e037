/* engine.c: running the tape backwards.
 *
 * A node is run when the gradients of its outputs are complete, that is after all nodes that used
 * them.  Those are deeper than it (cr_node.depth), so a heap that gives the deepest node first
 * needs no counting of uses and no recursion.  Nodes of one depth run in the order in which they
 * came. */
#include "tensor/node.h"
#include "tensor/ops.h"
#include "tensor/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A leaf with hooks, and the sum of what has come for it: its hooks see the whole. */
typedef struct {
  cr_tensor *leaf, *sum;
} waiting_leaf;

/* A watched leaf, and how many inputs of nodes that have not run are this leaf. */
typedef struct {
  cr_tensor *leaf;
  size_t uses;
  bool told;
} counted_leaf;

/* One of opts->inputs as it was at the start: a hook may free it, or overwrite it. */
typedef struct {
  cr_tensor *t;
  cr_node *node; /* NULL for a leaf */
  int index;
} target;

/* A node whose `needed` this run has set, and what it was in the run around this one. */
typedef struct {
  cr_node *node;
  bool before;
} marked;

typedef struct {
  const cr_backward_opts *opts;
  bool all; /* every leaf gets its gradient, not just opts->inputs */
  target *targets;
  int ntargets;
  marked *marked;
  size_t nmarked, room_marked;
  waiting_leaf *waiting;
  int nwaiting;
  bool counted_all;
  counted_leaf *counted;
  size_t ncounted, room_counted;
  cr_node **heap;
  size_t n, capacity;
  uint64_t order;
} run;

/* ---- the heap --------------------------------------------------------------------------- */

static bool before(const cr_node *a, const cr_node *b) {
  return a->depth != b->depth ? a->depth > b->depth : a->order < b->order;
}

/* Makes room for one more element in an array of n; gives the array, or NULL. */
static void *grow(void *list, size_t size, size_t n, size_t *capacity) {
  if (n < *capacity) return list;
  size_t more = *capacity ? 2 * *capacity : 64;
  void *longer = realloc(list, more * size);
  if (!longer) return cr_fail_null("out of memory");
  *capacity = more;
  return longer;
}

static bool push(run *r, cr_node *n) {
  cr_node **heap = grow(r->heap, sizeof *heap, r->n, &r->capacity);
  if (!heap) return false;
  r->heap = heap;
  n->run = r;
  n->order = r->order++;
  size_t i = r->n++;
  for (; i && before(n, r->heap[(i - 1) / 2]); i = (i - 1) / 2) r->heap[i] = r->heap[(i - 1) / 2];
  r->heap[i] = cr_node_retain(n);
  return true;
}

static cr_node *pop(run *r) {
  cr_node *top = r->heap[0], *last = r->heap[--r->n];
  size_t i = 0;
  for (size_t k; (k = 2 * i + 1) < r->n; i = k) {
    if (k + 1 < r->n && before(r->heap[k + 1], r->heap[k])) k++;
    if (!before(r->heap[k], last)) break;
    r->heap[i] = r->heap[k];
  }
  r->heap[i] = last;
  return top;
}

/* ---- which gradients are asked for ------------------------------------------------------ */

static bool leaf_asked(const run *r, const cr_tensor *leaf) {
  for (int i = 0; i < r->opts->ninputs; i++)
    if (r->opts->inputs[i] == leaf) return true;
  return false;
}

bool cr_edge_wanted(const void *the_run, const cr_edge *e) {
  const run *r = the_run;
  if (!e->node && !e->leaf) return false;
  if (!r || r->all) return true;
  return e->leaf ? leaf_asked(r, e->leaf) : e->node->needed;
}

/* While the list is collected, `run` marks the nodes that are in it. */
static bool list_add(run *r, cr_node *n) {
  if (n->run == r) return true;
  if (n->run) return cr_fail("backward: the graph is in use by another backward");
  marked *list = grow(r->marked, sizeof *list, r->nmarked, &r->room_marked);
  if (!list) return false;
  r->marked = list;
  list[r->nmarked++] = (marked){cr_node_retain(n), n->needed};
  n->run = r;
  n->needed = n->captures > 0;
  return true;
}

static int shallow_first(const void *a, const void *b) {
  uint32_t x = ((const marked *)a)->node->depth, y = ((const marked *)b)->node->depth;
  return (x > y) - (x < y);
}

/* Marks the nodes from which a path leads to one of opts->inputs. */
static bool mark_needed(run *r, int nroots, cr_tensor *const *roots) {
  bool ok = true;
  for (int i = 0; ok && i < nroots; i++) {
    cr_node *n = cr_grad_node(roots[i]);
    if (n) ok = list_add(r, n);
  }
  for (size_t at = 0; ok && at < r->nmarked; at++) {
    cr_node *n = r->marked[at].node;
    for (int i = 0; ok && i < n->nin; i++)
      if (n->in[i].node) ok = list_add(r, n->in[i].node);
  }
  if (ok && r->nmarked) qsort(r->marked, r->nmarked, sizeof *r->marked, shallow_first);
  for (size_t at = 0; at < r->nmarked; at++) {
    cr_node *n = r->marked[at].node;
    for (int i = 0; ok && i < n->nin && !n->needed; i++) n->needed = cr_edge_wanted(r, &n->in[i]);
  }
  for (size_t at = 0; at < r->nmarked; at++) r->marked[at].node->run = NULL;
  return ok;
}

static void unmark(run *r) {
  for (size_t at = 0; at < r->nmarked; at++) {
    r->marked[at].node->needed = r->marked[at].before;
    cr_node_release(r->marked[at].node);
  }
  free(r->marked);
}

static bool set_targets(run *r) {
  int n = r->opts->ninputs;
  r->targets = n ? malloc((size_t)n * sizeof *r->targets) : NULL;
  if (n && !r->targets) return cr_fail("out of memory");
  for (int i = 0; i < n; i++) {
    cr_tensor *t = r->opts->inputs[i];
    if (!cr_requires_grad(t))
      return cr_fail("backward: input %d does not require a gradient", i + 1);
    cr_node *node = cr_grad_node(t);
    if (node) cr_node_retain(node)->captures++;
    r->targets[r->ntargets++] = (target){cr_retain(t), node, t->ag->index};
  }
  return true;
}

static void free_targets(run *r) {
  for (int i = 0; i < r->ntargets; i++) {
    cr_node *n = r->targets[i].node;
    if (n) {
      n->captures--;
      cr_node_release(n);
    }
    cr_release(r->targets[i].t);
  }
  free(r->targets);
}

/* ---- gradients on their way ------------------------------------------------------------- */

/* Takes over `from`. */
static cr_tensor *replaced(cr_tensor *from, cr_tensor *by) {
  cr_release(from);
  return by;
}

/* A gradient as its receiver wants it: of its shape, dtype and device.  Takes over t. */
static cr_tensor *fit(cr_tensor *t, int ndim, const int64_t *shape, cr_dtype dtype, cr_device d) {
  if (t->ndim != ndim || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape))
    t = replaced(t, cr_sum_to(t, ndim, shape));
  if (t && t->dtype != dtype) t = replaced(t, cr_cast(t, dtype));
  if (!t) return NULL;
  cr_device have = cr_device_of(t);
  return have.type == d.type && have.index == d.index ? t : replaced(t, cr_to_device(t, d));
}

/* t has all of its storage, without gaps. */
static bool is_whole(const cr_tensor *t) {
  return cr_is_whole(t) || (cr_is_channels_last(t) && t->offset == 0 && t->storage &&
                            t->storage->size == cr_numel(t));
}

/* Nobody else sees this tensor's elements: they may be written. */
static bool ours_alone(const cr_tensor *t) {
  return atomic_load(&t->refs) == 1 && is_whole(t) && atomic_load(&t->storage->refs) == 1;
}

/* Of tensors of one shape. */
static bool same_order(const cr_tensor *a, const cr_tensor *b) {
  return cr_only_channels_last(a) == cr_only_channels_last(b);
}

/* Whether only those who hold this header see its elements, and these are 0. */
static bool is_own_zero(const cr_tensor *t) {
  const cr_storage *s = t->storage;
  return s && s->zeroed && s->zeroed == atomic_load(&s->version) && atomic_load(&s->refs) == 1 &&
         !s->release && is_whole(t);
}

/* Gives a gradient that is 0 the elements of g, which need not be added to it. */
static bool take_over(cr_tensor *grad, cr_tensor *g) {
  bool plain = !grad->ag && !grad->base && !g->ag && !g->base;
  if (!plain || !is_own_zero(grad) || !ours_alone(g) || g->storage->release) return false;
  cr_device here = cr_device_of(grad), there = cr_device_of(g);
  if (here.type != there.type || here.index != there.index || g->dtype != grad->dtype ||
      !cr_same_shape(g, grad) || !same_order(g, grad))
    return false;
  cr_storage *zeros = grad->storage;
  grad->storage = g->storage;
  g->storage = zeros;
  return true;
}

static bool fits(const cr_tensor *t, const cr_edge *e) {
  cr_device here = cr_device_of(t);
  return t->ndim == e->ndim &&
         memcmp(t->shape, e->shape, (size_t)e->ndim * sizeof *t->shape) == 0 &&
         t->dtype == e->dtype && here.type == e->device.type && here.index == e->device.index;
}

/* The gradient that a leaf has, if nothing but adding is to be done with what comes. */
static cr_tensor *sum_of_leaf(const run *r, const cr_tensor *leaf) {
  bool plain = !leaf->ag->hooks && r->all && (r->opts->scale == 0 || r->opts->scale == 1);
  cr_tensor *grad = plain && !leaf_asked(r, leaf) ? leaf->ag->grad : NULL;
  return grad && !grad->ag && !grad->base && !is_own_zero(grad) ? grad : NULL;
}

cr_tensor *cr_sum_to_add_to(const cr_node *n, int i) {
  const run *r = n->run;
  const cr_edge *e = &n->in[i];
  if (!r || r->opts->create_graph || n->hooks || cr_ctx()->anomaly) return NULL;
  cr_tensor *sum = NULL;
  if (e->leaf) {
    sum = sum_of_leaf(r, e->leaf);
  } else if (e->node && e->node->run == r) {
    sum = e->node->out[e->index].grad;
    if (sum && !(ours_alone(sum) && cr_is_whole(sum))) sum = NULL;
  }
  return sum && fits(sum, e) ? sum : NULL;
}

/* *sum += g, where *sum may be NULL; takes over g. */
static bool add_to(const run *r, cr_tensor **sum, cr_tensor *g) {
  if (!*sum) {
    *sum = g;
    return true;
  }
  bool in_place = !r->opts->create_graph && ours_alone(*sum);
  cr_tensor *s = cr_binary(CR_ADD, *sum, g, in_place ? *sum : NULL);
  cr_release(g);
  if (!s) return false;
  cr_release(*sum);
  *sum = s;
  return true;
}

/* A copy of g in the order of the leaf's elements. */
static cr_tensor *clone_for(const cr_tensor *leaf, cr_tensor *g) {
  if (!cr_only_channels_last(leaf)) return cr_clone(g);
  CR_AUTO c = cr_empty_channels_last((cr_dtype)g->dtype, cr_device_of(g), g->shape);
  return cr_copy(c, g);
}

/* grad += scale * g on a leaf; takes over g.  The grad is a tensor of the leaf's own: later
 * gradients are added to it in place. */
static bool accumulate(const run *r, cr_tensor *leaf, cr_tensor *g) {
  double scale = r->opts->scale == 0 ? 1 : r->opts->scale;
  cr_tensor *grad = leaf->ag->grad, *sum = NULL;
  if (grad && scale == 1 && take_over(grad, g)) {
    sum = cr_retain(grad);
  } else if (grad) {
    sum = scale == 1 ? cr_binary(CR_ADD, grad, g, grad)
                     : cr_axpby(cr_num(1), grad, cr_num(scale), g, grad);
  } else if (scale != 1) {
    sum = cr_mul_num(g, scale);
  } else if (ours_alone(g) && same_order(g, leaf)) {
    sum = cr_retain(g);
  } else {
    sum = clone_for(leaf, g);
  }
  cr_release(g);
  if (!sum) return false;
  if (grad)
    cr_release(sum); /* it is grad */
  else
    leaf->ag->grad = sum;
  return true;
}

static bool capture(const run *r, int i, cr_tensor *g) {
  return add_to(r, &r->opts->result[i], cr_retain(g));
}

/* Takes over g.  What goes to `result` is not added to the leaf's own gradient as well. */
static bool deliver_to_leaf(const run *r, cr_tensor *leaf, cr_tensor *g) {
  bool asked = false, ok = true;
  for (int i = 0; ok && i < r->opts->ninputs; i++) {
    if (r->opts->inputs[i] != leaf) continue;
    asked = true;
    ok = capture(r, i, g);
  }
  if (!asked && r->all) return accumulate(r, leaf, g);
  cr_release(g);
  return ok;
}

/* Takes over g. */
static bool keep_waiting(run *r, cr_tensor *leaf, cr_tensor *g) {
  for (int i = 0; i < r->nwaiting; i++)
    if (r->waiting[i].leaf == leaf) return add_to(r, &r->waiting[i].sum, g);
  waiting_leaf *more = realloc(r->waiting, (size_t)(r->nwaiting + 1) * sizeof *more);
  if (!more) {
    cr_release(g);
    return cr_fail("out of memory");
  }
  r->waiting = more;
  r->waiting[r->nwaiting++] = (waiting_leaf){cr_retain(leaf), g};
  return true;
}

/* When all nodes have run: the hooks of leaves, and where their gradients go. */
static bool serve_waiting(run *r, bool ok) {
  for (int i = 0; i < r->nwaiting; i++) {
    waiting_leaf w = r->waiting[i];
    ok = ok && cr_run_tensor_hooks(w.leaf->ag->hooks, &w.sum);
    if (ok)
      ok = deliver_to_leaf(r, w.leaf, w.sum);
    else
      cr_release(w.sum);
    cr_release(w.leaf);
  }
  free(r->waiting);
  return ok;
}

static bool deliver_to_node(run *r, cr_node *n, int index, cr_tensor *g) {
  if (n->run != r) {
    if (n->run) {
      cr_release(g);
      return cr_fail("backward: the graph is in use by another backward");
    }
    if (!push(r, n)) {
      cr_release(g);
      return false;
    }
  }
  if (add_to(r, &n->out[index].grad, g)) return true;
  cr_release(n->out[index].grad);
  n->out[index].grad = NULL;
  return false;
}

/* Takes over g: who gets it may be the only one to hold it, and write to it. */
static bool deliver(run *r, const cr_edge *e, cr_tensor *g) {
  cr_tensor *fitted = fit(g, e->ndim, e->shape, (cr_dtype)e->dtype, e->device);
  if (!fitted) return false;
  if (e->leaf && e->leaf->ag->hooks) return keep_waiting(r, e->leaf, fitted);
  if (e->leaf) return deliver_to_leaf(r, e->leaf, fitted);
  return deliver_to_node(r, e->node, e->index, fitted);
}

/* ---- watched leaves --------------------------------------------------------------------- */

/* Nothing is counted before the first watched leaf gets a gradient. */

static bool is_watched(const cr_edge *e) {
  return e->leaf && e->leaf->ag->watch && !e->leaf->ag->watch->removed;
}

static counted_leaf *counted_of(run *r, const cr_tensor *leaf) {
  size_t at = (size_t)leaf->ag->counted_as;
  if (at < r->ncounted && r->counted[at].leaf == leaf) return &r->counted[at];
  for (at = 0; at < r->ncounted; at++) /* another run has counted it since */
    if (r->counted[at].leaf == leaf) return &r->counted[at];
  return NULL;
}

static bool count_use(run *r, cr_tensor *leaf) {
  counted_leaf *c = counted_of(r, leaf);
  if (c) {
    c->uses++;
    return true;
  }
  counted_leaf *list = grow(r->counted, sizeof *list, r->ncounted, &r->room_counted);
  if (!list) return false;
  r->counted = list;
  leaf->ag->counted_as = (int)r->ncounted;
  list[r->ncounted++] = (counted_leaf){cr_retain(leaf), 1, false};
  return true;
}

static bool add_node(cr_node ***list, size_t *n, size_t *room, cr_node *node) {
  cr_node **longer = grow(*list, sizeof *longer, *n, room);
  if (!longer) return false;
  *list = longer;
  longer[(*n)++] = node;
  return true;
}

/* Counts for `now`, which has just run, and all nodes that have still to: those in the heap, and
 * what they lead to. */
static bool count_uses(run *r, cr_node *now) {
  size_t n = 0, room = 0, begun = r->n + 1;
  cr_node **list = NULL;
  bool ok = true;
  while (ok && n < begun) ok = add_node(&list, &n, &room, n ? r->heap[n - 1] : now);
  for (size_t at = 0; ok && at < n; at++)
    for (int i = 0; ok && i < list[at]->nin; i++) {
      const cr_edge *e = &list[at]->in[i];
      if (is_watched(e)) ok = count_use(r, e->leaf);
      if (!ok || !e->node || e->node->run) continue;
      ok = add_node(&list, &n, &room, e->node);
      if (ok) list[n - 1]->run = r;
    }
  for (size_t at = begun; at < n; at++) list[at]->run = NULL;
  free(list);
  r->counted_all = true;
  return ok;
}

static bool tell(counted_leaf *c) {
  cr_autograd *ag = c->leaf->ag;
  c->told = true;
  return !ag->watch || ag->watch->removed || ag->watch->ready(ag->watch->user, ag->watched_as);
}

/* After a node has run: which leaves wait for nothing more.  The gradient of one with hooks comes
 * at the end. */
static bool uses_done(run *r, cr_node *n) {
  for (int i = 0; i < n->nin; i++) {
    if (!is_watched(&n->in[i])) continue;
    if (!r->counted_all && !count_uses(r, n)) return false;
    counted_leaf *c = counted_of(r, n->in[i].leaf);
    if (c && --c->uses == 0 && !c->told && !c->leaf->ag->hooks && !tell(c)) return false;
  }
  return true;
}

static bool tell_over(cr_leaf_watch *w, bool ok) {
  char message[1024];
  snprintf(message, sizeof message, "%s", ok ? "" : cr_error());
  bool fine = w->over(w->user, ok);
  return ok ? fine : cr_fail("%s", message);
}

/* When all is done: the leaves that were not reached after all, and that it is over. */
static bool serve_watches(run *r, bool ok) {
  for (size_t i = 0; i < r->ncounted; i++)
    if (ok && !r->counted[i].told) ok = tell(&r->counted[i]);
  for (size_t i = 0; i < r->ncounted; i++) {
    cr_leaf_watch *w = r->counted[i].leaf->ag->watch;
    if (w) w->run = r;
  }
  for (size_t i = 0; i < r->ncounted; i++) {
    cr_leaf_watch *w = r->counted[i].leaf->ag->watch;
    if (w && w->run == r) {
      w->run = NULL;
      if (!w->removed) ok = tell_over(w, ok) && ok;
    }
  }
  for (size_t i = 0; i < r->ncounted; i++) cr_release(r->counted[i].leaf);
  free(r->counted);
  return ok;
}

/* ---- running a node --------------------------------------------------------------------- */

/* Hands out what was asked of this node's outputs, and makes zeros for outputs nobody used. */
static bool complete_outputs(const run *r, cr_node *n) {
  for (int k = 0; k < n->nout; k++) {
    cr_output *o = &n->out[k];
    if (!o->grad && n->nout > 1)
      o->grad = cr_full((cr_dtype)o->dtype, o->device, o->ndim, o->shape, cr_num(0));
    if (!o->grad) return false;
    if (o->hooks && !cr_run_tensor_hooks(o->hooks, &o->grad)) return false;
    if (o->retain && r->all) {
      cr_tensor *copy = cr_clone(o->grad);
      if (!copy) return false;
      bool ok = true;
      if (o->retain->ag->grad) {
        ok = add_to(r, &o->retain->ag->grad, copy);
      } else {
        o->retain->ag->grad = copy;
      }
      if (!ok) return false;
    }
  }
  for (int i = 0; n->captures && i < r->ntargets; i++) {
    const target *t = &r->targets[i];
    if (t->node == n && !capture(r, i, n->out[t->index].grad)) return false;
  }
  return true;
}

static bool call_backward(cr_node *n, cr_tensor **g, cr_tensor **gin) {
  if (n->released && (n->nsave || n->free_user))
    return cr_fail("the graph was freed by an earlier backward; pass {retainGraph = true} to the "
                   "first one");
  if (!n->op->backward) return cr_fail("it has no derivative");
  if (!n->op->backward(n, g, gin) || !cr_run_node_hooks(n, g, gin)) return false;
  if (!cr_ctx()->anomaly) return true;
  for (int i = 0; i < n->nin; i++)
    if (gin[i] && !cr_all_finite(gin[i]))
      return cr_fail("the gradient of input %d has NaN or infinite elements", i + 1);
  return true;
}

/* Says which operator failed, and where the script called it. */
static bool failed(const cr_node *n) {
  if (strncmp(cr_error(), "backward", 8) == 0) return false;
  return cr_fail("backward of %s%s%s: %s", n->op->name, n->where ? " called at " : "",
                 n->where ? n->where : "", cr_error());
}

static bool run_node_plain(run *r, cr_node *n) {
  cr_tensor *g_small[4], *gin_small[8];
  cr_tensor **g = n->nout <= 4 ? g_small : malloc((size_t)n->nout * sizeof *g);
  cr_tensor **gin = n->nin <= 8 ? gin_small : malloc((size_t)n->nin * sizeof *gin);
  bool ok = g && gin && complete_outputs(r, n);
  if (!g || !gin) cr_fail("out of memory");
  bool any = false;
  for (int i = 0; ok && i < n->nin; i++) {
    gin[i] = NULL;
    any |= cr_edge_wanted(r, &n->in[i]);
  }
  if (ok && any) {
    for (int k = 0; k < n->nout; k++) g[k] = n->out[k].grad;
    ok = call_backward(n, g, gin) || failed(n);
    cr_node_free_unpacked(n);
    for (int k = 0; k < n->nout; k++) { /* before its inputs run: they may add to it in place */
      cr_release(n->out[k].grad);
      n->out[k].grad = NULL;
    }
    for (int i = 0; i < n->nin; i++) {
      if (!gin[i]) continue;
      if (ok && cr_edge_wanted(r, &n->in[i]))
        ok = deliver(r, &n->in[i], gin[i]) || failed(n);
      else
        cr_release(gin[i]);
    }
    if (ok && r->all) ok = uses_done(r, n);
  }
  if (ok && !r->opts->retain_graph && !r->opts->create_graph) cr_node_free_saved(n);
  if (g != g_small) free(g);
  if (gin != gin_small) free(gin);
  return ok;
}

static bool run_node(run *r, cr_node *n) {
  cr_profile *p = cr_profiling();
  if (!p) return run_node_plain(r, n);
  cr_profile_span span = cr_profile_backward_begin(p);
  bool ok = run_node_plain(r, n);
  cr_profile_backward_end(p, n->op->name, &span);
  return ok;
}

static void leave(cr_node *n) {
  for (int k = 0; k < n->nout; k++) {
    cr_release(n->out[k].grad);
    n->out[k].grad = NULL;
  }
  n->run = NULL;
  cr_node_release(n);
}

/* ---- starting --------------------------------------------------------------------------- */

static bool start(run *r, cr_tensor *root, cr_tensor *grad) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  if (!cr_requires_grad(root))
    return cr_fail("backward: the tensor (%s) does not require a gradient: nothing it was computed "
                   "from does",
                   cr_tensor_str(s, root));
  if (!grad && cr_numel(root) != 1)
    return cr_fail(
        "backward: the tensor is %s; give a gradient of its shape, or start from a single "
        "number such as its sum",
        cr_tensor_str(s, root));
  if (grad && cr_numel(grad) != cr_numel(root))
    return cr_fail("backward: a gradient of shape %s for a tensor of shape %s",
                   cr_tensor_str(s, grad), cr_tensor_str(u, root));
  cr_tensor *g = grad ? cr_reshape(grad, root->ndim, root->shape) : cr_ones_like(root);
  if (!g) return false;
  cr_edge e = {.dtype = root->dtype,
               .ndim = root->ndim,
               .device = cr_device_of(root),
               .shape = root->shape,
               .node = root->ag->node,
               .index = root->ag->index,
               .leaf = root->ag->node ? NULL : root};
  if (cr_edge_wanted(r, &e)) return deliver(r, &e, g);
  cr_release(g);
  return true;
}

bool cr_backward(int nroots, cr_tensor *const *roots, cr_tensor *const *grads,
                 const cr_backward_opts *opts) {
  static const cr_backward_opts defaults = {0};
  if (!opts) opts = &defaults;
  run r = {.opts = opts, .all = opts->ninputs == 0 || opts->accumulate};
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  cr_autocast_mode autocast = ctx->autocast;
  ctx->autocast.on = 0; /* derivatives have the types of what they derive */
  for (int i = 0; i < opts->ninputs; i++) opts->result[i] = NULL;
  bool ok = set_targets(&r) && (r.all || mark_needed(&r, nroots, roots));
  ctx->no_grad = !opts->create_graph;
  for (int i = 0; ok && i < nroots; i++) ok = start(&r, roots[i], grads ? grads[i] : NULL);
  while (ok && r.n) {
    cr_node *n = pop(&r);
    ok = run_node(&r, n);
    leave(n);
    if (ok && ctx->interrupted && ctx->interrupted(ctx->interrupted_ctx))
      ok = cr_fail("backward: interrupted");
  }
  ok = serve_waiting(&r, ok);
  ok = serve_watches(&r, ok);
  ctx->no_grad = mode;
  ctx->autocast = autocast;
  while (r.n) leave(pop(&r));
  free(r.heap);
  unmark(&r);
  free_targets(&r);
  for (int i = 0; !ok && i < opts->ninputs; i++) {
    cr_release(opts->result[i]);
    opts->result[i] = NULL;
  }
  return ok;
}
