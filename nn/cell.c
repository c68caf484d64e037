/* cell.c: one step of an LSTM or a GRU from the summed gates.
 *
 * S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997; K. Cho et al., "Learning phrase
 * representations using RNN encoder-decoder", 2014, with the reset gate after the product. */
#include "nn/cell.h"
#include "tensor/autograd.h"

/* ---- parts of gates --------------------------------------------------------------------- */

/* Part k of gates (n, parts h). */
static cr_tensor *part(cr_tensor *gates, int k, int64_t hidden) {
  return cr_narrow(gates, 1, k * hidden, hidden);
}

static cr_tensor *part_of(cr_unary_op op, cr_tensor *gates, int k, int64_t hidden) {
  CR_AUTO p = part(gates, k, hidden);
  return cr_unary(op, p, NULL);
}

/* g y (1 - y): what goes through a sigmoid whose result is y. */
static cr_tensor *through_sigmoid(cr_tensor *g, cr_tensor *y) {
  CR_AUTO rest = cr_scalar_binary(CR_SUB, cr_num(1), y, NULL);
  CR_AUTO slope = cr_mul(y, rest);
  return cr_mul(g, slope);
}

/* g (1 - y^2): what goes through a tanh. */
static cr_tensor *through_tanh(cr_tensor *g, cr_tensor *y) {
  CR_AUTO square = cr_mul(y, y);
  CR_AUTO slope = cr_scalar_binary(CR_SUB, cr_num(1), square, NULL);
  return cr_mul(g, slope);
}

static bool check_gates(const char *fn, const char *what, const cr_tensor *gates, int parts,
                        const cr_tensor *state) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (!cr_need_float(fn, gates) || !cr_nn_match(fn, gates, "the state", state)) return false;
  if (gates->ndim == 2 && state->ndim == 2 && gates->shape[0] == state->shape[0] &&
      gates->shape[1] % parts == 0 && gates->shape[1] / parts == state->shape[1])
    return true;
  return cr_fail("%s: %s is %s and the state %s, wanted n x %dh and n x h", fn, what,
                 cr_shape_str(s, gates->ndim, gates->shape),
                 cr_shape_str(t, state->ndim, state->shape), parts);
}

static cr_cell_shape shape_of(const cr_tensor *state) {
  return (cr_cell_shape){(cr_dtype)state->dtype, state->shape[0], state->shape[1]};
}

/* ---- LSTM ------------------------------------------------------------------------------- */

bool cr_lstm_cell_composed(cr_tensor *gates, cr_tensor *c, cr_tensor *gh, cr_tensor *gc,
                           cr_tensor *out[2]) {
  int64_t n = c->shape[1];
  CR_AUTO i = part_of(CR_SIGMOID, gates, 0, n);
  CR_AUTO f = part_of(CR_SIGMOID, gates, 1, n);
  CR_AUTO g = part_of(CR_TANH, gates, 2, n);
  CR_AUTO o = part_of(CR_SIGMOID, gates, 3, n);
  CR_AUTO kept = cr_mul(f, c);
  CR_AUTO added = cr_mul(i, g);
  CR_AUTO cell = cr_add(kept, added);
  CR_AUTO t = cr_unary(CR_TANH, cell, NULL);
  CR_AUTO gt = cr_mul(gh, o);
  CR_AUTO through = through_tanh(gt, t);
  CR_AUTO gcell = cr_add(gc, through);
  CR_AUTO gi = cr_mul(gcell, g);
  CR_AUTO gf = cr_mul(gcell, c);
  CR_AUTO gg = cr_mul(gcell, i);
  CR_AUTO go = cr_mul(gh, t);
  CR_AUTO pi = through_sigmoid(gi, i);
  CR_AUTO pf = through_sigmoid(gf, f);
  CR_AUTO pg = through_tanh(gg, g);
  CR_AUTO po = through_sigmoid(go, o);
  out[0] = cr_cat(4, (cr_tensor *[]){pi, pf, pg, po}, 1);
  return out[0] && (out[1] = cr_mul(gcell, f));
}

/* Runs the kernel on a copy of the gates, which is left in *act. */
static bool lstm_cell_run(const cr_nn_backend *be, cr_tensor *gates, cr_tensor *c, cr_tensor **act,
                          cr_tensor *out[2]) {
  CR_AUTO plain = cr_alias(gates);
  cr_cell_shape s = shape_of(c);
  return be && plain && (*act = cr_clone(plain)) && (out[0] = cr_empty_like(c)) &&
         (out[1] = cr_empty_like(c)) &&
         be->lstm_cell(&s, cr_data(*act), cr_data(out[0]), cr_data(out[1]), cr_data(c));
}

/* Computes the gates' functions once more: that is less than keeping them. */
static bool lstm_cell_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *gates = cr_saved(n, 0), *c = cr_saved(n, 1), *made[2] = {NULL};
  if (!gates || !c) return false;
  if (cr_recording_any(g[0], g[1], gates, c))
    return cr_lstm_cell_composed(gates, c, g[0], g[1], gin);
  const cr_nn_backend *be = cr_nn_backend_of("nn.lstmCell", cr_device_of(c));
  cr_cell_shape s = shape_of(c);
  CR_AUTO act = NULL;
  CR_AUTO gh = cr_contiguous(g[0]);
  bool ok = gh && lstm_cell_run(be, gates, c, &act, made) && (gin[0] = cr_empty_like(act)) &&
            (gin[1] = cr_clone(g[1])) &&
            be->lstm_cell_backward(&s, cr_data(gin[0]), cr_data(gin[1]), cr_data(gh), cr_data(act),
                                   cr_data(made[1]), cr_data(c));
  cr_release(made[0]);
  cr_release(made[1]);
  return ok;
}

static const cr_op op_lstm_cell = {"lstm_cell", "", lstm_cell_backward};

static bool lstm_cell_dense(cr_tensor *gates, cr_tensor *c, cr_tensor *out[2]) {
  CR_AUTO act = NULL;
  cr_call call = {CR_IN(gates, c), CR_SAVE(gates, c)};
  return lstm_cell_run(cr_nn_backend_of("nn.lstmCell", cr_device_of(c)), gates, c, &act, out) &&
         cr_record_many(&op_lstm_cell, 2, out, &call);
}

/* The results as `dtype`; nothing is left of them where something failed. */
static bool cast_results(bool ok, int n, cr_tensor **out, cr_dtype dtype) {
  for (int k = 0; ok && k < n; k++) ok = (out[k] = cr_cast_owned(out[k], dtype)) != NULL;
  for (int k = 0; !ok && k < n; k++) {
    cr_release(out[k]);
    out[k] = NULL;
  }
  return ok;
}

bool cr_lstm_cell(cr_tensor *gates, cr_tensor *c, cr_tensor *out[2]) {
  out[0] = out[1] = NULL;
  if (!gates || !c || !check_gates("nn.lstmCell", "gates", gates, 4, c)) return false;
  CR_AUTO dense = cr_nn_dense(gates, cr_nn_dtype(gates));
  CR_AUTO cell = cr_nn_dense(c, cr_nn_dtype(c));
  bool ok = dense && cell && lstm_cell_dense(dense, cell, out);
  return cast_results(ok, 2, out, (cr_dtype)gates->dtype);
}

/* ---- GRU -------------------------------------------------------------------------------- */

bool cr_gru_cell_composed(cr_tensor *gi, cr_tensor *gh, cr_tensor *h, cr_tensor *g,
                          cr_tensor *out[3]) {
  int64_t n = h->shape[1];
  CR_AUTO i3 = part(gi, 2, n);
  CR_AUTO s = part(gh, 2, n);
  CR_AUTO i2 = cr_narrow(gi, 1, 0, 2 * n);
  CR_AUTO h2 = cr_narrow(gh, 1, 0, 2 * n);
  CR_AUTO both = cr_add(i2, h2);
  CR_AUTO r = part_of(CR_SIGMOID, both, 0, n);
  CR_AUTO z = part_of(CR_SIGMOID, both, 1, n);
  CR_AUTO reset = cr_mul(r, s);
  CR_AUTO sum = cr_add(i3, reset);
  CR_AUTO m = cr_unary(CR_TANH, sum, NULL);
  CR_AUTO rest = cr_scalar_binary(CR_SUB, cr_num(1), z, NULL);
  CR_AUTO gm = cr_mul(g, rest);
  CR_AUTO gn = through_tanh(gm, m);
  CR_AUTO far = cr_sub(h, m);
  CR_AUTO gfar = cr_mul(g, far);
  CR_AUTO gz = through_sigmoid(gfar, z);
  CR_AUTO gs = cr_mul(gn, s);
  CR_AUTO gr = through_sigmoid(gs, r);
  CR_AUTO gnr = cr_mul(gn, r);
  out[0] = cr_cat(3, (cr_tensor *[]){gr, gz, gn}, 1);
  out[1] = cr_cat(3, (cr_tensor *[]){gr, gz, gnr}, 1);
  return out[0] && out[1] && (out[2] = cr_mul(g, z));
}

/* Gives the new state and, in *act, what the kernel keeps. */
static cr_tensor *gru_cell_run(const cr_nn_backend *be, cr_tensor *gi, cr_tensor *gh, cr_tensor *h,
                               cr_tensor **act) {
  cr_cell_shape s = shape_of(h);
  int64_t shape[2] = {s.rows, 4 * s.hidden};
  *act = be ? cr_empty(s.dtype, cr_device_of(h), 2, shape) : NULL;
  cr_tensor *y = *act ? cr_empty_like(h) : NULL;
  return cr_result_if(
      y && be->gru_cell(&s, cr_data(*act), cr_data(y), cr_data(gi), cr_data(gh), NULL, cr_data(h)),
      y);
}

static bool gru_cell_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *gi = cr_saved(n, 0), *gh = cr_saved(n, 1), *h = cr_saved(n, 2);
  if (!gi || !gh || !h) return false;
  if (cr_recording_any(g[0], gi, gh, h)) return cr_gru_cell_composed(gi, gh, h, g[0], gin);
  const cr_nn_backend *be = cr_nn_backend_of("nn.gruCell", cr_device_of(h));
  cr_cell_shape s = shape_of(h);
  CR_AUTO act = NULL;
  CR_AUTO y = gru_cell_run(be, gi, gh, h, &act);
  CR_AUTO gy = cr_contiguous(g[0]);
  return y && gy && (gin[0] = cr_empty_like(gi)) && (gin[1] = cr_empty_like(gh)) &&
         (gin[2] = cr_zeros_like(h)) &&
         be->gru_cell_backward(&s, cr_data(gin[0]), cr_data(gin[1]), cr_data(gin[2]), cr_data(gy),
                               cr_data(act), cr_data(h));
}

static const cr_op op_gru_cell = {"gru_cell", "", gru_cell_backward};

static cr_tensor *gru_cell_dense(cr_tensor *gi, cr_tensor *gh, cr_tensor *h) {
  CR_AUTO act = NULL;
  cr_tensor *y = gru_cell_run(cr_nn_backend_of("nn.gruCell", cr_device_of(h)), gi, gh, h, &act);
  return cr_record(&op_gru_cell, y, CR_IN(gi, gh, h), CR_SAVE(gi, gh, h));
}

cr_tensor *cr_gru_cell(cr_tensor *gi, cr_tensor *gh, cr_tensor *h) {
  if (!gi || !gh || !h || !check_gates("nn.gruCell", "gi", gi, 3, h) ||
      !check_gates("nn.gruCell", "gh", gh, 3, h))
    return NULL;
  CR_AUTO i = cr_nn_dense(gi, cr_nn_dtype(h));
  CR_AUTO s = cr_nn_dense(gh, cr_nn_dtype(h));
  CR_AUTO state = cr_nn_dense(h, cr_nn_dtype(h));
  return cr_cast_owned(i && s && state ? gru_cell_dense(i, s, state) : NULL, (cr_dtype)h->dtype);
}
