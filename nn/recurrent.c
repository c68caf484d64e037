/* recurrent.c: all steps of a recurrent layer in one direction, in one call.
 *
 * The products with the input are one product for all steps, and so are, in the backward, those
 * that give the gradients of input and weights.  What is left for each step is the product with the
 * state before it and the cell's pass over the gates.  Nothing is allocated for a step.
 *
 * On the CPU each thread takes some of the sequences through all steps, so that threads meet once,
 * unless the weights are large.
 *
 * In a batch of sequences of several lengths a step has fewer rows than the one before: those of
 * the sequences that last so long. */
#include "nn/recurrent.h"
#include "tensor/cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

static bool recurrent_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

/* With fewer sequences for each, or weights that do not stay in a core's cache, threads share the
 * products instead. */
#define THREAD_ROWS 16
#define THREAD_WEIGHTS (1 << 18)

static const cr_op ops[CR_NRECURRENT] = {
    [CR_RNN_TANH] = {"rnn_tanh", "kind reverse steps batch sizes", recurrent_backward},
    [CR_RNN_RELU] = {"rnn_relu", "kind reverse steps batch sizes", recurrent_backward},
    [CR_LSTM] = {"lstm", "kind reverse steps batch sizes", recurrent_backward},
    [CR_GRU] = {"gru", "kind reverse steps batch sizes", recurrent_backward},
};

static int64_t gates_of(cr_recurrent_kind kind) {
  return kind == CR_LSTM ? 4 : kind == CR_GRU ? 3 : 1;
}

/* ---- which rows continue which ---------------------------------------------------------- */

static void add_piece(cr_piece *list, int64_t *n, int64_t row, int64_t rows, int64_t lane,
                      int64_t prev) {
  if (rows > 0) list[(*n)++] = (cr_piece){row, rows, lane, prev};
}

static void find_pieces(cr_recurrence *r) {
  for (int64_t i = 0; i < r->steps; i++) {
    int64_t t = cr_step(r, i), n = r->size[t], before = cr_step(r, i - 1);
    int64_t more = i == 0 ? 0 : r->size[before] < n ? r->size[before] : n; /* that go on */
    add_piece(r->pieces, &r->npieces, r->row[t], more, 0, i == 0 ? -1 : r->row[before]);
    add_piece(r->pieces, &r->npieces, r->row[t] + more, n - more, more, -1);
    int64_t stay = i + 1 == r->steps || r->reverse ? 0 : r->size[t + 1];
    if (i + 1 == r->steps || !r->reverse)
      add_piece(r->last, &r->nlast, r->row[t] + stay, n - stay, stay, -1);
  }
}

static void recurrence_free(cr_recurrence *r) {
  free(r->size);
  free(r->pieces);
}

/* sizes may be NULL.  The sizes of the layers are the caller's to set. */
static bool recurrence_make(cr_recurrence *r, const cr_recurrent_args *a) {
  *r =
      (cr_recurrence){.kind = a->kind, .reverse = a->reverse, .steps = a->steps, .batch = a->batch};
  if (a->steps < 1 || a->steps > INT32_MAX)
    return cr_fail("nn.recurrent: %lld steps, wanted at least 1", (long long)a->steps);
  r->size = malloc((size_t)a->steps * 2 * sizeof *r->size);
  r->pieces = malloc((size_t)a->steps * 3 * sizeof *r->pieces);
  if (!r->size || !r->pieces) {
    recurrence_free(r);
    return cr_fail("nn.recurrent: out of memory");
  }
  r->row = r->size + a->steps;
  r->last = r->pieces + 2 * a->steps;
  for (int64_t t = 0; t < a->steps; t++) {
    r->size[t] = a->sizes ? a->sizes[t] : a->batch;
    r->row[t] = r->total;
    r->total += r->size[t];
  }
  find_pieces(r);
  return true;
}

static bool recurrence_of_node(cr_recurrence *r, const cr_node *n) {
  const int64_t *ints;
  int count = cr_attr_ints(n, &ints);
  cr_recurrent_args a = {(cr_recurrent_kind)ints[0], ints[1] != 0, ints[2], ints[3],
                         count > 4 ? ints + 4 : NULL};
  return recurrence_make(r, &a);
}

static void set_widths(cr_recurrence *r, cr_tensor *const *t) {
  r->in = t[X]->shape[1];
  r->out = t[W_HH]->shape[1];
  r->hidden = t[W_HH]->shape[0] / gates_of(r->kind);
  r->gates = t[W_HH]->shape[0];
}

/* ---- checks ----------------------------------------------------------------------------- */

static bool check_shape(const char *fn, const cr_tensor *x, const char *what, const cr_tensor *t,
                        int64_t rows, int64_t columns) {
  char s[CR_SHAPE_STR];
  if (!t) return true;
  bool fits = columns < 0 ? t->ndim == 1 : t->ndim == 2 && t->shape[1] == columns;
  if (fits && t->shape[0] == rows) return cr_nn_match(fn, x, what, t);
  cr_shape_str(s, t->ndim, t->shape);
  if (columns < 0) return cr_fail("%s: %s is %s, wanted %lld", fn, what, s, (long long)rows);
  return cr_fail("%s: %s is %s, wanted %lldx%lld", fn, what, s, (long long)rows,
                 (long long)columns);
}

static bool check_sizes(const char *fn, const cr_recurrent_args *a, const cr_tensor *x) {
  char s[CR_SHAPE_STR];
  if (a->steps < 1 || a->batch < 0 || a->steps > INT32_MAX)
    return cr_fail("%s: %lld steps of %lld rows; wanted at least one step", fn, (long long)a->steps,
                   (long long)a->batch);
  int64_t total = 0;
  for (int64_t t = 0; t < a->steps; t++) {
    int64_t n = a->sizes ? a->sizes[t] : a->batch,
            most = t && a->sizes ? a->sizes[t - 1] : a->batch;
    if (n < (a->sizes ? 1 : 0) || n > most || (t == 0 && n != most))
      return cr_fail(
          "%s: step %lld has %lld rows after one of %lld; wanted sizes that do not grow, "
          "the first that of the batch",
          fn, (long long)t + 1, (long long)n, (long long)most);
    if (__builtin_add_overflow(total, n, &total)) return cr_fail("%s: too many rows", fn);
  }
  if (x->ndim == 2 && x->shape[0] == total) return true;
  return cr_fail("%s: the input is %s, wanted %lld rows, as the steps have", fn,
                 cr_shape_str(s, x->ndim, x->shape), (long long)total);
}

static bool check(const char *fn, const cr_recurrent_args *a, cr_tensor *const *t) {
  char s[CR_SHAPE_STR];
  const cr_tensor *x = t[X], *w = t[W_HH];
  int64_t gates = gates_of(a->kind);
  if (!cr_need_float(fn, x) || !check_sizes(fn, a, x)) return false;
  if (w->ndim != 2 || w->shape[0] % gates || w->shape[0] == 0)
    return cr_fail("%s: the state's weight is %s, wanted %lldh x h", fn,
                   cr_shape_str(s, w->ndim, w->shape), (long long)gates);
  int64_t rows = w->shape[0], hidden = rows / gates, out = w->shape[1];
  if (!t[W_HR] && out != hidden)
    return cr_fail("%s: the state's weight is %s, wanted %lldx%lld", fn,
                   cr_shape_str(s, w->ndim, w->shape), (long long)rows, (long long)hidden);
  if (a->kind != CR_LSTM && (t[C0] || t[W_HR]))
    return cr_fail("%s: a cell state and a projection are for the LSTM", fn);
  if (!t[B_IH] != !t[B_HH]) return cr_fail("%s: wanted two biases or none", fn);
  return check_shape(fn, x, "the input's weight", t[W_IH], rows, x->shape[1]) &&
         cr_nn_match(fn, x, "the state's weight", w) &&
         check_shape(fn, x, "the input's bias", t[B_IH], rows, -1) &&
         check_shape(fn, x, "the state's bias", t[B_HH], rows, -1) &&
         check_shape(fn, x, "the projection", t[W_HR], out, hidden) &&
         check_shape(fn, x, "the state", t[H0], a->batch, out) &&
         check_shape(fn, x, "the cell state", t[C0], a->batch, hidden);
}

/* ---- on raw memory ---------------------------------------------------------------------- */

/* Row i of a matrix of `width` columns. */
static char *row_of(const cr_tensor *t, int64_t i, int64_t width) {
  return (char *)cr_data(t) + (size_t)(i * width) * cr_sizeof((cr_dtype)t->dtype);
}

/* c (m, n) = a b + beta c, everything dense; a is (m, k), or (k, m) if at, and b (k, n) or (n, k).
 */
static bool product(const cr_backend *be, cr_dtype dtype, int64_t m, int64_t n, int64_t k,
                    const void *a, bool at, const void *b, bool bt, double beta, void *c) {
  cr_gemm_args g = {.batch = 1,
                    .m = m,
                    .n = n,
                    .k = k,
                    .a = a,
                    .b = b,
                    .c = c,
                    .as = {0, at ? 1 : k, at ? m : 1},
                    .bs = {0, bt ? 1 : n, bt ? k : 1},
                    .cs = {0, n, 1},
                    .alpha = 1,
                    .beta = beta,
                    .dtype = dtype};
  return m == 0 || n == 0 || be->gemm(&g);
}

/* A loop over n elements without gaps; out may be a or b. */
static cr_iter flat(cr_dtype dtype, int64_t n, void *out, void *a, void *b) {
  cr_iter it = {.nops = b ? 3 : 2, .ndim = n == 1 ? 0 : 1, .numel = n, .shape = {n}};
  void *data[3] = {out, a, b};
  for (int k = 0; k < it.nops; k++)
    it.op[k] = (cr_operand){.data = data[k], .dtype = dtype, .stride = {(int64_t)cr_sizeof(dtype)}};
  return it;
}

/* What the steps of one call work on. */
typedef struct {
  const cr_recurrence *r;
  const cr_backend *be;
  const cr_nn_backend *nn;
  cr_dtype dtype;
  cr_tensor *const *t; /* inputs and what is kept */
  cr_tensor *gi, *gh;  /* GRU: the gates' parts of the input, of the state; in backward gradients */
  cr_tensor *ga;       /* gradients of the other kinds' gates */
  cr_tensor *gout, *gh0, *gc, *graw;
} walk;

static cr_cell_shape cells(const walk *w, int64_t rows) {
  return (cr_cell_shape){w->dtype, rows, w->r->hidden};
}

/* The states, or LSTM's c, from which a piece goes on. */
static char *before(const walk *w, const cr_piece *p, int all, int start, int64_t width) {
  return p->prev < 0 ? row_of(w->t[start], p->lane, width) : row_of(w->t[all], p->prev, width);
}

typedef bool (*step_fn)(const walk *w, const cr_piece *p);

/* A walk over all pieces, or from the last to the first. */
typedef struct {
  const walk *w;
  step_fn step;
  bool back;
  int64_t parts; /* of the sequences */
} route;

/* What of a piece is of the sequences begin .. end-1. */
static cr_piece part_of(const cr_piece *p, int64_t begin, int64_t end) {
  int64_t first = p->lane > begin ? p->lane : begin;
  int64_t last = p->lane + p->rows < end ? p->lane + p->rows : end, skip = first - p->lane;
  return (cr_piece){p->row + skip, last - first, first, p->prev < 0 ? -1 : p->prev + skip};
}

/* A unit is a part of the sequences. */
static bool walk_range(void *arg, int64_t begin, int64_t end) {
  const route *to = arg;
  const cr_recurrence *r = to->w->r;
  int64_t from = r->batch * begin / to->parts, until = r->batch * end / to->parts;
  for (int64_t i = 0; i < r->npieces; i++) {
    cr_piece p = part_of(&r->pieces[to->back ? r->npieces - 1 - i : i], from, until);
    if (p.rows <= 0) continue;
    if (cr_cpu_interrupted()) return cr_fail("interrupted");
    if (!to->step(to->w, &p)) return false;
  }
  return true;
}

static bool walk_all(const walk *w, step_fn step, bool back) {
  bool host = cr_device_of(w->t[W_HH]).type == CR_CPU;
  route to = {w, step, back, .parts = 1};
  if (host && w->r->gates * w->r->out <= THREAD_WEIGHTS)
    to.parts = cr_max64(1, cr_min64(cr_cpu_threads(), w->r->batch / THREAD_ROWS));
  if (to.parts == 1) return walk_range(&to, 0, 1);
  return cr_cpu_parallel(to.parts, 1, walk_range, &to, "nn.recurrent: out of memory");
}

/* ---- forward ---------------------------------------------------------------------------- */

static bool rnn_step(const walk *w, const cr_piece *p) {
  char *h = row_of(w->t[OUT], p->row, w->r->out);
  cr_iter it = flat(w->dtype, p->rows * w->r->out, h, h, NULL);
  return product(w->be, w->dtype, p->rows, w->r->gates, w->r->out, before(w, p, OUT, H0, w->r->out),
                 false, cr_data(w->t[W_HH]), true, 1, h) &&
         w->be->unary(w->r->kind == CR_RNN_RELU ? CR_RELU : CR_TANH, &it);
}

static bool lstm_step(const walk *w, const cr_piece *p) {
  const cr_recurrence *r = w->r;
  cr_cell_shape s = cells(w, p->rows);
  char *act = row_of(w->t[ACT], p->row, r->gates), *h = row_of(w->t[OUT], p->row, r->out);
  char *raw = w->t[W_HR] ? row_of(w->t[RAW], p->row, r->hidden) : h;
  return product(w->be, w->dtype, p->rows, r->gates, r->out, before(w, p, OUT, H0, r->out), false,
                 cr_data(w->t[W_HH]), true, 1, act) &&
         w->nn->lstm_cell(&s, act, raw, row_of(w->t[CELL], p->row, r->hidden),
                          before(w, p, CELL, C0, r->hidden)) &&
         (!w->t[W_HR] || product(w->be, w->dtype, p->rows, r->out, r->hidden, raw, false,
                                 cr_data(w->t[W_HR]), true, 0, h));
}

static bool gru_step(const walk *w, const cr_piece *p) {
  const cr_recurrence *r = w->r;
  cr_cell_shape s = cells(w, p->rows);
  char *prev = before(w, p, OUT, H0, r->out), *gh = row_of(w->gh, p->lane, r->gates);
  return product(w->be, w->dtype, p->rows, r->gates, r->out, prev, false, cr_data(w->t[W_HH]), true,
                 0, gh) &&
         w->nn->gru_cell(&s, row_of(w->t[ACT], p->row, 4 * r->hidden),
                         row_of(w->t[OUT], p->row, r->out), row_of(w->gi, p->row, r->gates), gh,
                         cr_data_opt(w->t[B_HH]), prev);
}

/* A matrix of the call's type; NULL on failure. */
static cr_tensor *matrix(const cr_tensor *like, int64_t rows, int64_t columns) {
  int64_t shape[2] = {rows, columns};
  return cr_empty((cr_dtype)like->dtype, cr_device_of(like), 2, shape);
}

static cr_tensor *zeros(const cr_tensor *like, int64_t rows, int64_t columns) {
  int64_t shape[2] = {rows, columns};
  return cr_full((cr_dtype)like->dtype, cr_device_of(like), 2, shape, cr_num(0));
}

/* The gates' parts that come from the input, for all steps. */
static cr_tensor *from_input(const cr_recurrence *r, cr_tensor *const *t) {
  if (!t[B_IH] || r->kind == CR_GRU) return cr_linear(t[X], t[W_IH], t[B_IH]);
  CR_AUTO bias = cr_add(t[B_IH], t[B_HH]);
  return bias ? cr_linear(t[X], t[W_IH], bias) : NULL;
}

/* Makes what is kept; the products with the input are in it, but for the GRU. */
static bool make_kept(walk *w, cr_tensor **t) {
  const cr_recurrence *r = w->r;
  cr_tensor *gi = from_input(r, t);
  if (!gi) return false;
  if (r->kind == CR_LSTM) {
    t[ACT] = gi;
    return (t[OUT] = matrix(gi, r->total, r->out)) && (t[CELL] = matrix(gi, r->total, r->hidden)) &&
           (!t[W_HR] || (t[RAW] = matrix(gi, r->total, r->hidden)));
  }
  if (r->kind == CR_GRU) {
    w->gi = gi;
    return (w->gh = matrix(gi, r->batch, r->gates)) &&
           (t[ACT] = matrix(gi, r->total, 4 * r->hidden)) &&
           (t[OUT] = matrix(gi, r->total, r->out));
  }
  return (t[OUT] = gi) != NULL;
}

/* The rows where the sequences end, of a matrix of all steps. */
static cr_tensor *last_rows(const walk *w, cr_tensor *all, int64_t width) {
  const cr_recurrence *r = w->r;
  cr_tensor *y = matrix(all, r->batch, width);
  bool ok = y != NULL;
  for (int64_t i = 0; ok && i < r->nlast; i++) {
    const cr_piece *p = &r->last[i];
    ok = w->be->transfer(cr_device_of(y), row_of(y, p->lane, width), cr_device_of(y),
                         row_of(all, p->row, width),
                         (size_t)(p->rows * width) * cr_sizeof(w->dtype));
  }
  return cr_result_if(ok, y);
}

static bool walk_begin(walk *w, const cr_recurrence *r, cr_tensor *const *t) {
  *w = (walk){.r = r, .t = t, .dtype = (cr_dtype)t[W_HH]->dtype};
  w->be = cr_backend_for(t[W_HH]);
  w->nn = cr_nn_backend_of("nn.recurrent", cr_device_of(t[W_HH]));
  return w->nn != NULL;
}

static void walk_end(walk *w) {
  cr_tensor *made[] = {w->gi, w->gh, w->ga, w->gout, w->gh0, w->gc, w->graw};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) cr_release(made[i]);
}

static bool forward(const cr_recurrence *r, cr_tensor **t, cr_tensor *out[3]) {
  walk w;
  step_fn step = r->kind == CR_LSTM ? lstm_step : r->kind == CR_GRU ? gru_step : rnn_step;
  bool ok = walk_begin(&w, r, t) && make_kept(&w, t) && walk_all(&w, step, false);
  ok = ok && (out[0] = cr_retain(t[OUT])) && (out[1] = last_rows(&w, t[OUT], r->out)) &&
       (r->kind != CR_LSTM || (out[2] = last_rows(&w, t[CELL], r->hidden)));
  walk_end(&w);
  return ok;
}

/* ---- the call --------------------------------------------------------------------------- */

static bool record(const cr_recurrent_args *a, cr_tensor **t, cr_tensor *out[3]) {
  int nints = 4 + (a->sizes ? (int)a->steps : 0);
  int64_t *ints = malloc((size_t)nints * sizeof *ints);
  if (!ints) return cr_fail("nn.recurrent: out of memory");
  ints[0] = a->kind, ints[1] = a->reverse, ints[2] = a->steps, ints[3] = a->batch;
  if (a->sizes) memcpy(ints + 4, a->sizes, (size_t)a->steps * sizeof *ints);
  cr_call call = {.nin = NIN, .in = t, .nsave = NSAVED, .save = t, .nints = nints, .ints = ints};
  bool ok = cr_record_many(&ops[a->kind], a->kind == CR_LSTM ? 3 : 2, out, &call);
  free(ints);
  return ok;
}

/* t: dense inputs; what is kept is put behind them. */
static bool recurrent_dense(const cr_recurrent_args *a, cr_tensor **t, cr_tensor *out[3]) {
  cr_recurrence r;
  if (!recurrence_make(&r, a)) return false;
  set_widths(&r, t);
  bool ok = (t[H0] || (t[H0] = zeros(t[X], r.batch, r.out))) &&
            (t[C0] || a->kind != CR_LSTM || (t[C0] = zeros(t[X], r.batch, r.hidden)));
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  ok = ok && forward(&r, t, out);
  ctx->no_grad = mode;
  recurrence_free(&r);
  return ok && record(a, t, out);
}

bool cr_recurrent(const cr_recurrent_args *a, const cr_recurrent_in *in, cr_tensor *out[3]) {
  cr_tensor *given[NIN] = {in->x, in->h0, in->c0, in->w_ih, in->w_hh, in->b_ih, in->b_hh, in->w_hr};
  cr_tensor *t[NSAVED] = {NULL};
  out[0] = out[1] = out[2] = NULL;
  if (!in->x || !in->w_ih || !in->w_hh || !check(ops[a->kind].name, a, given)) return false;
  bool ok = true;
  for (int i = 0; ok && i < NIN; i++) ok = cr_nn_dense_opt(given[i], cr_nn_dtype(in->x), &t[i]);
  ok = ok && recurrent_dense(a, t, out);
  for (int i = 0; i < NSAVED; i++) cr_release(t[i]);
  for (int k = 0; ok && k < 3; k++)
    ok = !out[k] || (out[k] = cr_cast_owned(out[k], (cr_dtype)in->x->dtype));
  for (int k = 0; !ok && k < 3; k++) {
    cr_release(out[k]);
    out[k] = NULL;
  }
  return ok;
}

/* ---- backward --------------------------------------------------------------------------- */

/* Where the gradient of the states goes from which a piece went on. */
static char *gradient_before(const walk *w, const cr_piece *p) {
  return p->prev < 0 ? row_of(w->gh0, p->lane, w->r->out) : row_of(w->gout, p->prev, w->r->out);
}

/* From the gates' gradient g: adds what the states before get by way of their weight. */
static bool to_state(const walk *w, const cr_piece *p, const void *g) {
  return product(w->be, w->dtype, p->rows, w->r->out, w->r->gates, g, false, cr_data(w->t[W_HH]),
                 false, 1, gradient_before(w, p));
}

static bool rnn_back(const walk *w, const cr_piece *p) {
  char *h = row_of(w->t[OUT], p->row, w->r->out), *g = row_of(w->gout, p->row, w->r->out);
  char *ga = row_of(w->ga, p->row, w->r->out);
  bool relu = w->r->kind == CR_RNN_RELU;
  cr_iter it = flat(w->dtype, p->rows * w->r->out, ga, g, h);
  return w->be->pointwise(relu ? CR_THRESHOLD_BACKWARD : CR_TANH_BACKWARD, &it, 0, 0) &&
         to_state(w, p, ga);
}

static bool lstm_back(const walk *w, const cr_piece *p) {
  const cr_recurrence *r = w->r;
  cr_cell_shape s = cells(w, p->rows);
  char *g = row_of(w->gout, p->row, r->out), *ga = row_of(w->ga, p->row, r->gates);
  if (w->t[W_HR]) {
    char *raw = row_of(w->graw, p->lane, r->hidden);
    if (!product(w->be, w->dtype, p->rows, r->hidden, r->out, g, false, cr_data(w->t[W_HR]), false,
                 0, raw))
      return false;
    g = raw;
  }
  return w->nn->lstm_cell_backward(
             &s, ga, row_of(w->gc, p->lane, r->hidden), g, row_of(w->t[ACT], p->row, r->gates),
             row_of(w->t[CELL], p->row, r->hidden), before(w, p, CELL, C0, r->hidden)) &&
         to_state(w, p, ga);
}

static bool gru_back(const walk *w, const cr_piece *p) {
  const cr_recurrence *r = w->r;
  cr_cell_shape s = cells(w, p->rows);
  char *gh = row_of(w->gh, p->row, r->gates);
  return w->nn->gru_cell_backward(&s, row_of(w->gi, p->row, r->gates), gh, gradient_before(w, p),
                                  row_of(w->gout, p->row, r->out),
                                  row_of(w->t[ACT], p->row, 4 * r->hidden),
                                  before(w, p, OUT, H0, r->out)) &&
         to_state(w, p, gh);
}

/* Adds the gradient of the last states to the rows where the sequences end. */
static bool add_last(const cr_recurrence *r, cr_tensor *all, cr_tensor *g) {
  for (int64_t i = 0; i < r->nlast; i++) {
    CR_AUTO rows = cr_narrow(all, 0, r->last[i].row, r->last[i].rows);
    CR_AUTO more = cr_narrow(g, 0, r->last[i].lane, r->last[i].rows);
    CR_AUTO sum = cr_binary(CR_ADD, rows, more, rows);
    if (!sum) return false;
  }
  return true;
}

static bool make_gradients(walk *w, cr_tensor *const *g) {
  const cr_recurrence *r = w->r;
  bool gru = r->kind == CR_GRU;
  if (!(w->gout = cr_clone(g[0])) || !add_last(r, w->gout, g[1]) ||
      !(w->gh0 = zeros(w->gout, r->batch, r->out)))
    return false;
  if (r->kind == CR_LSTM && !(w->gc = cr_clone(g[2]))) return false;
  if (w->t[W_HR] && !(w->graw = matrix(w->gout, r->batch, r->hidden))) return false;
  if (!gru) return (w->ga = matrix(w->gout, r->total, r->gates)) != NULL;
  return (w->gi = matrix(w->gout, r->total, r->gates)) &&
         (w->gh = matrix(w->gout, r->total, r->gates));
}

/* Takes the pieces that follow p, up to `end`, whose rows lie beside its own: one product serves
 * all.  Gives the last one. */
static const cr_piece *merge(const cr_piece *p, const cr_piece *end, cr_piece *m) {
  *m = *p;
  for (; p + 1 < end && m->prev >= 0 && p[1].prev >= 0; p++) {
    const cr_piece *q = p + 1;
    if (q->row == m->row + m->rows && q->prev == m->prev + m->rows) {
      m->rows += q->rows;
    } else if (q->row + q->rows == m->row && q->prev + q->rows == m->prev) {
      m->row = q->row, m->prev = q->prev, m->rows += q->rows;
    } else {
      break;
    }
  }
  return p;
}

static cr_tensor *state_weight(const walk *w, const cr_tensor *gates) {
  const cr_recurrence *r = w->r;
  const cr_piece *end = r->pieces + r->npieces;
  cr_tensor *gw = cr_empty_like(w->t[W_HH]);
  bool ok = gw != NULL, first = true;
  for (const cr_piece *p = r->pieces; ok && p < end; p++, first = false) {
    cr_piece m;
    p = merge(p, end, &m);
    ok = product(w->be, w->dtype, r->gates, r->out, m.rows, row_of(gates, m.row, r->gates), true,
                 before(w, &m, OUT, H0, r->out), false, first ? 0 : 1, cr_data(gw));
  }
  if (ok && first) cr_release(cr_fill(gw, cr_num(0))); /* a batch of none */
  return cr_result_if(ok, gw);
}

static cr_tensor *transposed_product(cr_tensor *a, cr_tensor *b) {
  CR_AUTO turned = cr_transpose(a, 0, 1);
  return cr_mm(turned, b, NULL);
}

static cr_tensor *over_rows(cr_tensor *g) {
  return cr_reduce(CR_SUM, g, 1, (int[]){0}, false, NULL);
}

/* From the gates' gradients of all steps: those of the inputs that are wanted. */
static bool collect(cr_node *n, walk *w, cr_tensor **gin) {
  bool gru = w->r->kind == CR_GRU;
  cr_tensor *gi = gru ? w->gi : w->ga, *gh = gru ? w->gh : w->ga;
  if (cr_wants(n, X) && !(gin[X] = cr_mm(gi, w->t[W_IH], NULL))) return false;
  if (cr_wants(n, W_IH) && !(gin[W_IH] = transposed_product(gi, w->t[X]))) return false;
  if (cr_wants(n, W_HH) && !(gin[W_HH] = state_weight(w, gh))) return false;
  if (cr_wants(n, B_IH) && !(gin[B_IH] = over_rows(gi))) return false;
  if (cr_wants(n, B_HH)) {
    bool same = !gru && gin[B_IH];
    if (!(gin[B_HH] = same ? cr_clone(gin[B_IH]) : over_rows(gh))) return false;
  }
  if (cr_wants(n, W_HR) && !(gin[W_HR] = transposed_product(w->gout, w->t[RAW]))) return false;
  if (cr_wants(n, H0)) gin[H0] = cr_retain(w->gh0);
  if (cr_wants(n, C0)) gin[C0] = cr_retain(w->gc);
  return true;
}

static bool backward(cr_node *n, const cr_recurrence *r, cr_tensor *const *t, cr_tensor *const *g,
                     cr_tensor **gin) {
  walk w;
  step_fn step = r->kind == CR_LSTM ? lstm_back : r->kind == CR_GRU ? gru_back : rnn_back;
  bool ok = walk_begin(&w, r, t) && make_gradients(&w, g) && walk_all(&w, step, true);
  ok = ok && collect(n, &w, gin);
  walk_end(&w);
  return ok;
}

static bool recurrent_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *t[NSAVED] = {NULL};
  cr_recurrence r;
  for (int i = 0; i < NSAVED; i++)
    if (cr_has_saved(n, i) && !(t[i] = cr_saved(n, i))) return false;
  if (!recurrence_of_node(&r, n)) return false;
  set_widths(&r, t);
  bool recorded = cr_recording(NIN, t) || cr_recording(cr_node_noutputs(n), g);
  bool ok = recorded ? cr_recurrent_composed(n, &r, t, g, gin) : backward(n, &r, t, g, gin);
  recurrence_free(&r);
  return ok;
}
