/* recurrent_composed.c: the gradients of a recurrent layer as compositions of recorded operators,
 * for derivatives of them.  The steps are computed again, one by one, from what the call was given.
 */
#include "nn/cell.h"
#include "nn/recurrent.h"

#include <stdlib.h>

/* What a step of n rows was given and made.  GRU: gh, the gates' part of the state; otherwise gi is
 * the whole sum. */
typedef struct {
  cr_tensor *gi, *gh, *h_prev, *c_prev, *raw, *h, *c;
} step_values;

/* Of all steps: the gradients of what is multiplied with weights. */
enum { G_GI, G_GH, G_OUT, STATES, RAWS, NLISTS };

typedef struct {
  const cr_recurrence *r;
  cr_tensor *const *t;
  step_values *steps;
  cr_tensor **list[NLISTS];
} replay;

/* x W^T + b on the tape. */
static cr_tensor *affine(cr_tensor *x, cr_tensor *w, cr_tensor *b) {
  return x ? cr_linear(x, w, b) : NULL;
}

static cr_tensor *first_rows(cr_tensor *t, int64_t n) {
  return t->shape[0] == n ? cr_retain(t) : cr_narrow(t, 0, 0, n);
}

/* Puts `now`, of the first rows, in the place of those of *all. */
static bool advance(cr_tensor **all, cr_tensor *now) {
  if (!now) return false;
  int64_t n = now->shape[0], most = (*all)->shape[0];
  CR_AUTO before = *all;
  CR_AUTO rest = n < most ? cr_narrow(before, 0, n, most - n) : NULL;
  *all = n < most ? cr_cat(2, (cr_tensor *[]){now, rest}, 0) : cr_retain(now);
  return *all != NULL;
}

/* ---- forward once more ------------------------------------------------------------------ */

static bool lstm_again(const replay *p, step_values *v) {
  cr_tensor *out[2];
  if (!cr_lstm_cell(v->gi, v->c_prev, out)) return false;
  v->raw = out[0];
  v->c = out[1];
  return (v->h = p->t[W_HR] ? affine(v->raw, p->t[W_HR], NULL) : cr_retain(v->raw)) != NULL;
}

/* all: the gates' parts of the input of all steps; h and c: the states so far. */
static bool step_again(const replay *p, step_values *v, int64_t t, cr_tensor *all, cr_tensor **h,
                       cr_tensor **c) {
  const cr_recurrence *r = p->r;
  CR_AUTO gi = cr_narrow(all, 0, r->row[t], r->size[t]);
  if (!gi || !(v->h_prev = first_rows(*h, r->size[t]))) return false;
  CR_AUTO gh = affine(v->h_prev, p->t[W_HH], p->t[B_HH]);
  if (!gh) return false;
  if (r->kind == CR_GRU) {
    v->gi = cr_retain(gi);
    v->gh = cr_retain(gh);
    v->h = cr_gru_cell(gi, gh, v->h_prev);
    return advance(h, v->h);
  }
  if (!(v->gi = cr_add(gi, gh))) return false;
  if (r->kind != CR_LSTM) {
    v->h = cr_unary(r->kind == CR_RNN_RELU ? CR_RELU : CR_TANH, v->gi, NULL);
    return advance(h, v->h);
  }
  return (v->c_prev = first_rows(*c, r->size[t])) && lstm_again(p, v) && advance(h, v->h) &&
         advance(c, v->c);
}

static bool run_again(const replay *p) {
  const cr_recurrence *r = p->r;
  CR_AUTO all = affine(p->t[X], p->t[W_IH], p->t[B_IH]);
  cr_tensor *h = cr_retain(p->t[H0]), *c = r->kind == CR_LSTM ? cr_retain(p->t[C0]) : NULL;
  bool ok = all != NULL;
  for (int64_t i = 0; ok && i < r->steps; i++) {
    int64_t t = cr_step(r, i);
    ok = step_again(p, &p->steps[t], t, all, &h, &c);
  }
  cr_release(h);
  cr_release(c);
  return ok;
}

/* ---- backward --------------------------------------------------------------------------- */

/* The gradient of the sum, from that of what tanh or relu made of it. */
static cr_tensor *rnn_back(const replay *p, const step_values *v, cr_tensor *g) {
  CR_AUTO square = NULL;
  CR_AUTO slope = NULL;
  if (p->r->kind == CR_RNN_RELU) {
    CR_AUTO above = cr_binary_scalar(CR_GT, v->h, cr_num(0), NULL);
    slope = above ? cr_cast(above, (cr_dtype)g->dtype) : NULL;
  } else {
    square = cr_mul(v->h, v->h);
    slope = cr_scalar_binary(CR_SUB, cr_num(1), square, NULL);
  }
  return cr_mul(g, slope);
}

/* g: the gradient of a step's states; *gc that of the c that it made, becomes that of the one
 * before. Puts the gates' gradients into the lists and gives that of the states before. */
static cr_tensor *cell_back(const replay *p, int64_t t, cr_tensor *g, cr_tensor **gc) {
  const step_values *v = &p->steps[t];
  if (p->r->kind == CR_GRU) {
    cr_tensor *out[3] = {NULL};
    bool ok = cr_gru_cell_composed(v->gi, v->gh, v->h_prev, g, out);
    p->list[G_GI][t] = out[0];
    p->list[G_GH][t] = out[1];
    CR_AUTO direct = out[2];
    CR_AUTO product = ok ? cr_mm(out[1], p->t[W_HH], NULL) : NULL;
    return cr_add(direct, product);
  }
  if (p->r->kind == CR_LSTM) {
    cr_tensor *out[2] = {NULL};
    CR_AUTO raw = p->t[W_HR] ? cr_mm(g, p->t[W_HR], NULL) : cr_retain(g);
    CR_AUTO now = first_rows(*gc, g->shape[0]);
    bool ok = raw && now && cr_lstm_cell_composed(v->gi, v->c_prev, raw, now, out);
    p->list[G_GI][t] = out[0];
    CR_AUTO cell = out[1];
    if (!ok || !advance(gc, cell)) return NULL;
  } else {
    p->list[G_GI][t] = rnn_back(p, v, g);
  }
  p->list[G_GH][t] = cr_retain(p->list[G_GI][t]);
  return cr_mm(p->list[G_GI][t], p->t[W_HH], NULL);
}

/* Gives the gradients of the given states through *gh and *gc, which are those of the last ones. */
static bool run_back(const replay *p, cr_tensor *g, cr_tensor **gh, cr_tensor **gc) {
  const cr_recurrence *r = p->r;
  for (int64_t i = r->steps - 1; i >= 0; i--) {
    int64_t t = cr_step(r, i);
    CR_AUTO here = cr_narrow(g, 0, r->row[t], r->size[t]);
    CR_AUTO later = first_rows(*gh, r->size[t]);
    cr_tensor *sum = p->list[G_OUT][t] = cr_add(here, later);
    CR_AUTO before = sum ? cell_back(p, t, sum, gc) : NULL;
    if (!before || !advance(gh, before)) return false;
    p->list[STATES][t] = cr_retain(p->steps[t].h_prev);
    p->list[RAWS][t] = p->steps[t].raw ? cr_retain(p->steps[t].raw) : NULL;
  }
  return true;
}

/* a^T b, each joined from its list. */
static cr_tensor *weight_gradient(const replay *p, int a, cr_tensor *b) {
  CR_AUTO joined = cr_cat((int)p->r->steps, p->list[a], 0);
  CR_AUTO turned = joined ? cr_transpose(joined, 0, 1) : NULL;
  return cr_mm(turned, b, NULL);
}

static cr_tensor *bias_gradient(const replay *p, int a) {
  CR_AUTO joined = cr_cat((int)p->r->steps, p->list[a], 0);
  return cr_reduce(CR_SUM, joined, 1, (int[]){0}, false, NULL);
}

static bool collect(cr_node *n, const replay *p, cr_tensor **gin) {
  int steps = (int)p->r->steps;
  CR_AUTO gi = cr_cat(steps, p->list[G_GI], 0);
  CR_AUTO states = cr_cat(steps, p->list[STATES], 0);
  CR_AUTO raws = p->t[W_HR] ? cr_cat(steps, p->list[RAWS], 0) : NULL;
  if (cr_wants(n, X) && !(gin[X] = cr_mm(gi, p->t[W_IH], NULL))) return false;
  if (cr_wants(n, W_IH) && !(gin[W_IH] = weight_gradient(p, G_GI, p->t[X]))) return false;
  if (cr_wants(n, W_HH) && !(gin[W_HH] = weight_gradient(p, G_GH, states))) return false;
  if (cr_wants(n, B_IH) && !(gin[B_IH] = bias_gradient(p, G_GI))) return false;
  if (cr_wants(n, B_HH) && !(gin[B_HH] = bias_gradient(p, G_GH))) return false;
  return !cr_wants(n, W_HR) || (gin[W_HR] = weight_gradient(p, G_OUT, raws));
}

static void replay_free(replay *p) {
  for (int64_t t = 0; p->steps && t < p->r->steps; t++) {
    step_values *v = &p->steps[t];
    cr_tensor *all[] = {v->gi, v->gh, v->h_prev, v->c_prev, v->raw, v->h, v->c};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cr_release(all[i]);
  }
  for (int64_t i = 0; p->list[0] && i < NLISTS * p->r->steps; i++) cr_release(p->list[0][i]);
  free(p->list[0]);
  free(p->steps);
}

bool cr_recurrent_composed(cr_node *n, const cr_recurrence *r, cr_tensor *const *saved,
                           cr_tensor *const *g, cr_tensor **gin) {
  replay p = {.r = r, .t = saved, .steps = calloc((size_t)r->steps, sizeof *p.steps)};
  p.list[0] = calloc((size_t)r->steps, NLISTS * sizeof *p.list[0]);
  bool ok = p.steps && p.list[0];
  if (!ok) cr_fail("nn.recurrent: out of memory");
  for (int k = 1; ok && k < NLISTS; k++) p.list[k] = p.list[0] + k * r->steps;
  cr_tensor *gh = cr_retain(g[1]), *gc = r->kind == CR_LSTM ? cr_retain(g[2]) : NULL;
  ok = ok && run_again(&p) && run_back(&p, g[0], &gh, &gc) && collect(n, &p, gin);
  replay_free(&p);
  if (ok && cr_wants(n, H0)) gin[H0] = cr_retain(gh);
  if (ok && cr_wants(n, C0)) gin[C0] = cr_retain(gc);
  cr_release(gh);
  cr_release(gc);
  return ok;
}
