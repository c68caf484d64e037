/* recurrent_stack.c: recurrent layers upon each other, in one direction or both.
 *
 * A device that can runs them all in one call, and keeps what it needs for the backward as bytes of
 * its own.  Elsewhere, and for derivatives of derivatives, it is done layer by layer. */
#include "nn/recurrent.h"
#include "tensor/device.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool stack_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

#define ATTRIBUTES "kind both layers way steps batch sizes"
static const cr_op ops[CR_NRECURRENT] = {
    [CR_RNN_TANH] = {"rnn_tanh_stack", ATTRIBUTES, stack_backward},
    [CR_RNN_RELU] = {"rnn_relu_stack", ATTRIBUTES, stack_backward},
    [CR_LSTM] = {"lstm_stack", ATTRIBUTES, stack_backward},
    [CR_GRU] = {"gru_stack", ATTRIBUTES, stack_backward},
};

/* The inputs, of which the weights are the last; behind them what is kept. */
enum { SX, SH0, SC0, SW };

typedef struct {
  cr_recurrent_args a;
  int64_t layers;
  bool both;
  int nin;
} stack;

static int lanes_of(const stack *s) { /* layers in one direction each */
  return (int)s->layers * (s->both ? 2 : 1);
}

static int weights_of(const stack *s) { /* of each of those */
  return (s->nin - SW) / lanes_of(s);
}

static void release_all(int n, cr_tensor **t) {
  for (int i = 0; i < n; i++) cr_release(t[i]);
}

/* ---- layer by layer --------------------------------------------------------------------- */

static bool slice(cr_tensor *states, int lane, cr_tensor **out) {
  *out = states ? cr_select(states, 0, lane) : NULL;
  return !states || *out;
}

/* One layer in one direction: out gets the states, the last ones, the last c. */
static bool one_lane(const stack *s, cr_tensor *const *in, cr_tensor *x, int lane,
                     cr_tensor *out[3]) {
  int each = weights_of(s);
  cr_tensor *const *w = in + SW + lane * each;
  bool bias = each >= 4;
  cr_tensor *h0 = NULL, *c0 = NULL;
  cr_recurrent_args a = s->a;
  a.reverse = s->both && lane % 2;
  bool ok = slice(in[SH0], lane, &h0) && slice(in[SC0], lane, &c0);
  cr_recurrent_in one = {
      x, h0, c0, w[0], w[1], bias ? w[2] : NULL, bias ? w[3] : NULL, each % 2 ? w[each - 1] : NULL};
  ok = ok && cr_recurrent(&a, &one, out);
  cr_release(h0);
  cr_release(c0);
  return ok;
}

/* The last states of all lanes as one tensor. */
static cr_tensor *joined(int n, cr_tensor **last) {
  return n == 1 ? cr_unsqueeze(last[0], 0) : cr_stack(n, last, 0);
}

/* last: 3 for each lane. */
static bool run_layers(const stack *s, cr_tensor *const *in, cr_tensor **last, cr_tensor **y) {
  int dirs = s->both ? 2 : 1, lanes = lanes_of(s);
  cr_tensor *x = cr_retain(in[SX]);
  bool ok = true;
  for (int lane = 0; ok && lane < lanes; lane += dirs) {
    cr_tensor *made[2] = {NULL, NULL};
    for (int d = 0; ok && d < dirs; d++) {
      cr_tensor *out[3] = {NULL};
      ok = one_lane(s, in, x, lane + d, out);
      made[d] = out[0];
      last[lane + d] = out[1];
      last[lanes + lane + d] = out[2];
    }
    cr_release(x);
    x = !ok ? NULL : dirs == 1 ? cr_retain(made[0]) : cr_cat(2, made, 1);
    ok = x != NULL;
    release_all(2, made);
  }
  *y = x;
  return ok;
}

static bool by_layers(const stack *s, cr_tensor *const *in, cr_tensor *out[3]) {
  int lanes = lanes_of(s);
  cr_tensor **last = calloc((size_t)lanes * 2, sizeof *last);
  if (!last) return cr_fail("nn.recurrent: out of memory");
  bool ok = run_layers(s, in, last, &out[0]) && (out[1] = joined(lanes, last)) &&
            (s->a.kind != CR_LSTM || (out[2] = joined(lanes, last + lanes)));
  release_all(2 * lanes, last);
  free(last);
  return ok;
}

/* ---- in one call ------------------------------------------------------------------------ */

/* Whether t has x's type and place. */
static bool beside(const cr_tensor *x, const cr_tensor *t) {
  cr_device a = cr_device_of(x), b = cr_device_of(t);
  return t->dtype == x->dtype && a.type == b.type && a.index == b.index;
}

static bool is_matrix(const cr_tensor *x, const cr_tensor *t, int64_t rows, int64_t columns) {
  return t->ndim == 2 && t->shape[0] == rows && t->shape[1] == columns && beside(x, t);
}

static bool is_bias(const cr_tensor *x, const cr_tensor *t, int64_t n) {
  return t->ndim == 1 && t->shape[0] == n && beside(x, t);
}

/* t may be NULL. */
static bool are_states(const cr_tensor *x, const cr_tensor *t, int64_t lanes, int64_t rows,
                       int64_t width) {
  return !t || (t->ndim == 3 && t->shape[0] == lanes && t->shape[1] == rows &&
                t->shape[2] == width && beside(x, t));
}

/* The rows of all steps; -1: the sizes are not those of a batch. */
static int64_t rows_of(const cr_recurrent_args *a) {
  int64_t sum = 0;
  if (a->steps < 1 || a->steps > INT_MAX || a->batch < 1 || a->batch > INT_MAX) return -1;
  if (!a->sizes) return a->steps * a->batch;
  for (int64_t t = 0; t < a->steps; t++) {
    if (a->sizes[t] < 1 || a->sizes[t] > (t ? a->sizes[t - 1] : a->batch)) return -1;
    sum += a->sizes[t];
  }
  return a->sizes[0] == a->batch ? sum : -1;
}

static int64_t out_of(const cr_stack_shape *sh) {
  return sh->project ? sh->project : sh->hidden;
}

static bool lane_fits(const stack *s, const cr_stack_shape *sh, cr_tensor *const *in, int lane) {
  int dirs = s->both ? 2 : 1, each = weights_of(s);
  cr_tensor *const *w = in + SW + lane * each;
  const cr_tensor *x = in[SX];
  int64_t out = out_of(sh), rows = in[SW + 1]->shape[0];
  return is_matrix(x, w[0], rows, lane < dirs ? sh->in : dirs * out) &&
         is_matrix(x, w[1], rows, out) &&
         (!sh->bias || (is_bias(x, w[2], rows) && is_bias(x, w[3], rows))) &&
         (!sh->project || is_matrix(x, w[each - 1], out, sh->hidden));
}

/* Whether the call is a sound one that a device might take; what is wrong with others is said where
 * they are done layer by layer. */
static bool find_shape(const stack *s, cr_tensor *const *in, cr_stack_shape *sh) {
  const cr_tensor *x = in[SX], *w = in[SW + 1];
  int64_t gates = s->a.kind == CR_LSTM ? 4 : s->a.kind == CR_GRU ? 3 : 1;
  int each = weights_of(s), lanes = lanes_of(s);
  if (!cr_is_float((cr_dtype)x->dtype) || x->ndim != 2 || w->ndim != 2 || w->shape[0] % gates ||
      w->shape[0] == 0)
    return false;
  bool projects = each % 2;
  if (s->a.kind != CR_LSTM && (projects || in[SC0])) return false;
  *sh = (cr_stack_shape){.kind = s->a.kind,
                         .both = s->both,
                         .layers = s->layers,
                         .steps = s->a.steps,
                         .batch = s->a.batch,
                         .sizes = s->a.sizes,
                         .in = x->shape[1],
                         .hidden = w->shape[0] / gates,
                         .project = projects ? w->shape[1] : 0,
                         .bias = each >= 4};
  if (sh->in < 1 || (projects && sh->project < 1) || rows_of(&s->a) != x->shape[0] ||
      !are_states(x, in[SH0], lanes, sh->batch, out_of(sh)) ||
      !are_states(x, in[SC0], lanes, sh->batch, sh->hidden))
    return false;
  for (int lane = 0; lane < lanes; lane++)
    if (!lane_fits(s, sh, in, lane)) return false;
  return true;
}

static const cr_nn_backend *device_for(const cr_tensor *x) {
  if (cr_device_of(x).type == CR_CPU) return NULL;
  const cr_nn_backend *be = cr_nn_backend_of("nn.recurrent", cr_device_of(x));
  return be && be->stack ? be : NULL;
}

static cr_tensor *make(const cr_tensor *like, int ndim, const int64_t *shape) {
  return cr_empty((cr_dtype)like->dtype, cr_device_of(like), ndim, shape);
}

static bool make_outputs(const stack *s, const cr_stack_shape *sh, const cr_tensor *x,
                         cr_tensor *out[3]) {
  int64_t y[2] = {x->shape[0], out_of(sh) * (s->both ? 2 : 1)};
  int64_t h[3] = {lanes_of(s), sh->batch, out_of(sh)};
  int64_t c[3] = {lanes_of(s), sh->batch, sh->hidden};
  return (out[0] = make(x, 2, y)) && (out[1] = make(x, 3, h)) &&
         (sh->kind != CR_LSTM || (out[2] = make(x, 3, c)));
}

/* Pointers to the elements of n tensors, NULL for those that are NULL. */
static void **pointers(int n, cr_tensor *const *t) {
  void **p = malloc((size_t)n * sizeof *p);
  if (!p) cr_fail("nn.recurrent: out of memory");
  for (int i = 0; p && i < n; i++) p[i] = cr_data_opt(t[i]);
  return p;
}

/* What a device keeps for the backward. */
typedef struct {
  cr_device device;
  cr_tensor *bytes;
} keeper;

static void *make_kept(void *user, size_t bytes) {
  keeper *k = user;
  int64_t n = (int64_t)bytes;
  cr_release(k->bytes); /* of a way that failed */
  k->bytes = cr_empty(CR_UINT8, k->device, 1, &n);
  return k->bytes ? cr_data(k->bytes) : NULL;
}

/* Tries the ways one after the other; *way: that which did it, -1: none. */
static bool try_ways(const cr_nn_backend *be, const cr_stack_shape *sh, const cr_stack_data *d,
                     int *way) {
  bool done = false;
  for (*way = 0; *way < CR_STACK_WAYS; ++*way) {
    if (!be->stack(sh, *way, d, &done)) return false;
    if (done) return true;
  }
  *way = -1;
  return true;
}

static bool record(const stack *s, int way, cr_tensor **t, cr_tensor *kept, cr_tensor *out[3]) {
  int nsizes = s->a.sizes ? (int)s->a.steps : 0, nsave = s->nin + 2;
  int64_t *ints = malloc((size_t)(6 + nsizes) * sizeof *ints);
  cr_tensor **save = malloc((size_t)nsave * sizeof *save);
  bool ok = ints && save;
  if (ok) {
    int64_t first[] = {s->a.kind, s->both, s->layers, way, s->a.steps, s->a.batch};
    memcpy(ints, first, sizeof first);
    if (nsizes) memcpy(ints + 6, s->a.sizes, (size_t)nsizes * sizeof *ints);
    memcpy(save, t, (size_t)s->nin * sizeof *save);
    save[s->nin] = out[0];
    save[s->nin + 1] = kept;
    cr_call call = {
        .nin = s->nin, .in = t, .nsave = nsave, .save = save, .nints = 6 + nsizes, .ints = ints};
    ok = cr_record_many(&ops[s->a.kind], s->a.kind == CR_LSTM ? 3 : 2, out, &call);
  } else {
    cr_fail("nn.recurrent: out of memory");
  }
  free(ints);
  free(save);
  return ok;
}

/* t: dense inputs of the device's type.  *done is false when it cannot. */
static bool stack_dense(const cr_nn_backend *be, const stack *s, cr_stack_shape *sh, cr_tensor **t,
                        cr_tensor *out[3], bool *done) {
  int way;
  keeper kept = {cr_device_of(t[SX]), NULL};
  sh->dtype = (cr_dtype)t[SX]->dtype;
  sh->keep = cr_recording(s->nin, t);
  void **w = pointers(s->nin - SW, t + SW);
  bool ok = w && make_outputs(s, sh, t[SX], out);
  if (ok) {
    cr_stack_data d = {.x = cr_data(t[SX]),
                       .h0 = cr_data_opt(t[SH0]),
                       .c0 = cr_data_opt(t[SC0]),
                       .w = (const void *const *)w,
                       .y = cr_data(out[0]),
                       .h = cr_data(out[1]),
                       .c = cr_data_opt(out[2]),
                       .make_kept = make_kept,
                       .user = &kept};
    ok = try_ways(be, sh, &d, &way);
    *done = ok && way >= 0;
  }
  free(w);
  ok = ok && (!*done || record(s, way, t, kept.bytes, out));
  cr_release(kept.bytes);
  return ok;
}

/* The same in dtype. */
static bool stack_in(const cr_nn_backend *be, const stack *s, cr_stack_shape *sh,
                     cr_tensor *const *in, cr_dtype dtype, cr_tensor *out[3], bool *done) {
  cr_tensor **t = calloc((size_t)s->nin, sizeof *t);
  if (!t) return cr_fail("nn.recurrent: out of memory");
  bool ok = true;
  for (int i = 0; ok && i < s->nin; i++) ok = cr_nn_dense_opt(in[i], dtype, &t[i]);
  ok = ok && stack_dense(be, s, sh, t, out, done);
  release_all(s->nin, t);
  free(t);
  return ok;
}

static void drop(cr_tensor *out[3]) {
  release_all(3, out);
  memset(out, 0, 3 * sizeof *out);
}

/* *done: by the device, in one call; what it does not do in a half type, it may do in float32. */
static bool by_device(const stack *s, cr_tensor *const *in, cr_tensor *out[3], bool *done) {
  cr_stack_shape sh;
  cr_dtype own = (cr_dtype)in[SX]->dtype, wide = cr_nn_dtype(in[SX]);
  cr_dtype narrow = cr_nn_dtype_of(in[SX], CR_HALF_RECURRENT);
  const cr_nn_backend *be = device_for(in[SX]);
  if (!be || !find_shape(s, in, &sh)) return true;
  if (!stack_in(be, s, &sh, in, narrow, out, done)) return false;
  if (!*done && wide != narrow) {
    drop(out);
    if (!stack_in(be, s, &sh, in, wide, out, done)) return false;
  }
  bool ok = true;
  for (int k = 0; *done && ok && k < 3; k++)
    ok = !out[k] || (out[k] = cr_cast_owned(out[k], own)) != NULL;
  return ok;
}

/* ---- the call --------------------------------------------------------------------------- */

bool cr_recurrent_stack(const cr_recurrent_args *a, int64_t layers, bool both, int nin,
                        cr_tensor *const *in, cr_tensor *out[3]) {
  stack s = {*a, layers, both, nin};
  bool done = false;
  memset(out, 0, 3 * sizeof *out);
  if (layers < 1 || layers > nin || (nin - SW) % lanes_of(&s) || weights_of(&s) < 2 ||
      weights_of(&s) > 5)
    return cr_fail("nn.recurrent: %d weights for %lld layers%s; wanted 2 to 5 for each", nin - SW,
                   (long long)layers, both ? " in two directions" : "");
  bool ok = by_device(&s, in, out, &done);
  if (ok && !done) {
    drop(out);
    ok = by_layers(&s, in, out);
  }
  if (!ok) drop(out);
  return ok;
}

/* ---- backward --------------------------------------------------------------------------- */

static stack stack_of_node(const cr_node *n) {
  const int64_t *ints;
  int count = cr_attr_ints(n, &ints);
  return (stack){.a = {.kind = (cr_recurrent_kind)ints[0],
                       .steps = ints[4],
                       .batch = ints[5],
                       .sizes = count > 6 ? ints + 6 : NULL},
                 .both = ints[1] != 0,
                 .layers = ints[2],
                 .nin = cr_node_ninputs(n)};
}

/* Once more layer by layer, on the tape: the gradients of the inputs that are wanted. */
static bool again(cr_node *n, const stack *s, cr_tensor **in, cr_tensor *const *g,
                  cr_tensor **wanted, cr_tensor **found, bool recorded) {
  cr_tensor *out[3] = {NULL};
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  int count = 0, nout = s->a.kind == CR_LSTM ? 3 : 2;
  for (int i = 0; i < s->nin; i++)
    if (cr_wants(n, i)) wanted[count++] = in[i];
  ctx->no_grad = false;
  cr_backward_opts o = {
      .create_graph = recorded, .ninputs = count, .inputs = wanted, .result = found};
  bool ok = by_layers(s, in, out) && cr_backward(nout, out, g, &o);
  ctx->no_grad = mode;
  drop(out);
  return ok;
}

/* Fresh headers for what was saved, so that an input that is given twice counts once each; with a
 * history where the backward is recorded. */
static bool fresh_inputs(cr_node *n, const stack *s, cr_tensor *const *t, bool recorded,
                         cr_tensor **in) {
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad, ok = true;
  for (int i = 0; ok && i < s->nin; i++) {
    if (!t[i]) continue;
    bool history = recorded && cr_recording(1, &t[i]);
    ctx->no_grad = false;
    in[i] = history ? cr_view(t[i], t[i]->ndim, t[i]->shape) : cr_detach(t[i]);
    ok = in[i] && (history || !cr_wants(n, i) || cr_set_requires_grad(in[i], true));
    ctx->no_grad = mode;
  }
  return ok;
}

static bool composed(cr_node *n, const stack *s, cr_tensor *const *t, cr_tensor *const *g,
                     bool recorded, cr_tensor **gin) {
  cr_tensor **in = calloc((size_t)s->nin * 3, sizeof *in);
  if (!in) return cr_fail("nn.recurrent: out of memory");
  cr_tensor **wanted = in + s->nin, **found = wanted + s->nin;
  bool ok = fresh_inputs(n, s, t, recorded, in) && again(n, s, in, g, wanted, found, recorded);
  for (int i = 0, k = 0; i < s->nin; i++)
    if (cr_wants(n, i)) gin[i] = found[k++];
  release_all(s->nin, in);
  free(in);
  return ok;
}

/* Makes the gradients that are wanted, all or none of the weights'. */
static bool make_gradients(cr_node *n, cr_tensor *const *t, int nin, cr_tensor **gin,
                           cr_tensor **gx) {
  if (!(*gx = cr_empty_like(t[SX]))) return false;
  for (int i = SX + 1; i < nin; i++)
    if (cr_wants(n, i) && !(gin[i] = cr_empty_like(t[i]))) return false;
  if (cr_wants(n, SX)) gin[SX] = cr_retain(*gx);
  return true;
}

static bool any_weight(cr_node *n, int nin) {
  for (int i = SW; i < nin; i++)
    if (cr_wants(n, i)) return true;
  return false;
}

static bool device_backward(const cr_nn_backend *be, cr_node *n, const stack *s,
                            const cr_stack_shape *sh, cr_tensor *const *t, cr_tensor *const *g,
                            cr_tensor **gin, bool *done) {
  bool lstm = s->a.kind == CR_LSTM;
  CR_AUTO gy = cr_contiguous(g[0]);
  CR_AUTO gh = cr_contiguous(g[1]);
  CR_AUTO gc = lstm ? cr_contiguous(g[2]) : NULL;
  CR_AUTO kept = cr_clone(t[s->nin + 1]); /* another backward may follow */
  CR_AUTO gx = NULL;
  if (!gy || !gh || (lstm && !gc) || !kept || !make_gradients(n, t, s->nin, gin, &gx)) return false;
  void **w = pointers(s->nin - SW, t + SW), **gw = pointers(s->nin - SW, gin + SW);
  cr_stack_data d = {.x = cr_data(t[SX]),
                     .h0 = cr_data_opt(t[SH0]),
                     .c0 = cr_data_opt(t[SC0]),
                     .w = (const void *const *)w,
                     .y = cr_data(t[s->nin]),
                     .kept = cr_data(kept),
                     .kept_bytes = (size_t)cr_numel(kept)};
  cr_stack_gradients to = {.gy = cr_data(gy),
                           .gh = cr_data(gh),
                           .gc = cr_data_opt(gc),
                           .gx = cr_data(gx),
                           .gh0 = cr_data_opt(gin[SH0]),
                           .gc0 = cr_data_opt(gin[SC0]),
                           .gw = any_weight(n, s->nin) ? gw : NULL};
  int way = (int)cr_attr_int(n, 3);
  bool ok = w && gw && be->stack_backward(sh, way, &d, &to, done);
  free(w);
  free(gw);
  return ok;
}

static bool backward_with(cr_node *n, const stack *s, cr_tensor **t, cr_tensor *const *g,
                          cr_tensor **gin) {
  cr_stack_shape sh;
  bool recorded = cr_recording(s->nin, t) || cr_recording(cr_node_noutputs(n), g), done = false;
  const cr_nn_backend *be = device_for(t[SX]);
  if (!recorded && be && find_shape(s, t, &sh)) {
    sh.dtype = (cr_dtype)t[SX]->dtype;
    sh.keep = true;
    if (!device_backward(be, n, s, &sh, t, g, gin, &done)) return false;
    for (int i = 0; !done && i < s->nin; i++) {
      cr_release(gin[i]);
      gin[i] = NULL;
    }
  }
  return done || composed(n, s, t, g, recorded, gin);
}

static bool stack_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  stack s = stack_of_node(n);
  cr_tensor **t = calloc((size_t)s.nin + 2, sizeof *t);
  bool ok = t || cr_fail("nn.recurrent: out of memory");
  for (int i = 0; ok && i < s.nin + 2; i++)
    ok = !cr_has_saved(n, i) || (t[i] = cr_saved(n, i)) != NULL;
  ok = ok && backward_with(n, &s, t, g, gin);
  free(t);
  return ok;
}
