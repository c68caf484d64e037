/* recurrent_lua.c: recurrent layers and cells in Lua, for nn.functional. */
#include "lib/nn/nn_lua.h"
#include "lib/torch/torch_lua.h"
#include "nn/nn.h"

static cr_tensor *opt_tensor(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : cr_check_tensor(L, arg);
}

/* ---- layers ----------------------------------------------------------------------------- */

/* What x (steps, batch, in), or (rows, in) with the steps' sizes, says of the steps.  Gives x as
 * rows. */
static cr_tensor *as_rows(cr_tensor *x, const cr_tensor *sizes, cr_recurrent_args *a) {
  char s[CR_SHAPE_STR];
  if (sizes) {
    a->steps = cr_numel(sizes);
    a->sizes = cr_data(sizes);
    a->batch = a->steps ? a->sizes[0] : 0;
    return cr_retain(x);
  }
  if (x->ndim != 3)
    return cr_fail_null(
        "the input is %s, wanted steps x batch x size, or rows and the steps' sizes",
        cr_shape_str(s, x->ndim, x->shape));
  int64_t shape[2] = {x->shape[0] * x->shape[1], x->shape[2]};
  a->steps = x->shape[0];
  a->batch = x->shape[1];
  return cr_reshape(x, 2, shape);
}

/* The states in the form of x. */
static cr_tensor *as_steps(cr_tensor *y, const cr_tensor *x) {
  CR_AUTO rows = y;
  if (x->ndim != 3) return cr_retain(rows);
  return cr_view(rows, 3, (int64_t[]){x->shape[0], x->shape[1], rows->shape[1]});
}

/* The steps' sizes, in host memory; NULL where they are left out. */
static bool sizes_of(cr_tensor *given, cr_tensor **out) {
  CR_AUTO host = given ? cr_to_device(given, (cr_device){CR_CPU, 0}) : NULL;
  CR_AUTO wide = given && host ? cr_cast(host, CR_INT64) : NULL;
  *out = wide ? cr_contiguous(wide) : NULL;
  return !given || *out;
}

/* What cr_recurrent or cr_recurrent_stack gave, the first in the form of x. */
static int push_states(lua_State *L, bool ok, const cr_tensor *x, cr_tensor *out[3]) {
  if (ok && !(out[0] = as_steps(out[0], x))) {
    cr_release(out[1]);
    cr_release(out[2]);
    ok = false;
  }
  if (!ok) return cr_lua_error(L);
  int n = out[2] ? 3 : 2;
  cr_push_tensors(L, n, out);
  return n;
}

/* Pushes the states of all steps, the last ones and, of the LSTM, the last c. */
static int push_layer(lua_State *L, cr_recurrent_args *a, cr_recurrent_in *in, cr_tensor *sizes) {
  cr_tensor *x = in->x, *steps = NULL, *rows = NULL, *out[3] = {NULL};
  bool ok =
      sizes_of(sizes, &steps) && (in->x = rows = as_rows(x, steps, a)) && cr_recurrent(a, in, out);
  cr_release(rows);
  cr_release(steps);
  return push_states(L, ok, x, out);
}

/** nn.functional.lstm(x, h, c, w_ih, w_hh [, b_ih, b_hh [, w_hr [, sizes [, reverse]]]])
 *  nn.functional.gru(x, h, w_ih, w_hh [, b_ih, b_hh [, sizes [, reverse]]])
 *  nn.functional.rnn(x, h, w_ih, w_hh [, b_ih, b_hh [, sizes [, reverse [, nonlinearity]]]])
 *
 *  All steps of one layer in one direction.  nn.LSTM, nn.GRU and nn.RNN say what a step computes.
 *  Differentiable.
 *
 *  x: tensor, steps x batch x inputSize; with sizes all rows, step after step, x inputSize
 *  h: matrix, batch x out, or nil: zeros.  out is the hidden size, or that of the projection
 *  c: matrix, batch x hidden, or nil: zeros
 *  w_ih: matrix, gates hidden x inputSize: 4 gates of lstm, i f g o; 3 of gru, r z n; 1 of rnn
 *  w_hh: matrix, gates hidden x out
 *  b_ih, b_hh: vectors of gates hidden, both or none
 *  w_hr: matrix of a projection, out x hidden, or nil
 *  sizes: LongTensor, how many rows each step has, where sequences end early: row k of every step
 *    belongs to sequence k, and no size is above the one before
 *  reverse: true goes from the last step to the first
 *  nonlinearity: "tanh" (the default) or "relu"
 *  Returns: tensor of the states after all steps, of x's form; matrix of the last states, batch x
 *    out; lstm: matrix of the last c, batch x hidden
 *  Errors: the shapes do not fit
 *  From: PyTorch
 *  Example:
 *    x, w = torch.ones(5, 2, 3), torch.zeros(16, 3)
 *    y, h, c = nn.functional.lstm(x, nil, nil, w, torch.zeros(16, 4))
 *    y:size(1), h:size(2), c:sum() --> 5 4 0.0
 */
static int f_lstm(lua_State *L) {
  cr_recurrent_args a = {.kind = CR_LSTM, .reverse = lua_toboolean(L, 10)};
  cr_recurrent_in in = {.x = cr_check_tensor(L, 1),
                        .h0 = opt_tensor(L, 2),
                        .c0 = opt_tensor(L, 3),
                        .w_ih = cr_check_tensor(L, 4),
                        .w_hh = cr_check_tensor(L, 5),
                        .b_ih = opt_tensor(L, 6),
                        .b_hh = opt_tensor(L, 7),
                        .w_hr = opt_tensor(L, 8)};
  return push_layer(L, &a, &in, opt_tensor(L, 9));
}

static int without_cell(lua_State *L, cr_recurrent_kind kind) {
  cr_recurrent_args a = {.kind = kind, .reverse = lua_toboolean(L, 8)};
  cr_recurrent_in in = {.x = cr_check_tensor(L, 1),
                        .h0 = opt_tensor(L, 2),
                        .w_ih = cr_check_tensor(L, 3),
                        .w_hh = cr_check_tensor(L, 4),
                        .b_ih = opt_tensor(L, 5),
                        .b_hh = opt_tensor(L, 6)};
  return push_layer(L, &a, &in, opt_tensor(L, 7));
}

static int f_gru(lua_State *L) {
  return without_cell(L, CR_GRU);
}

static int f_rnn(lua_State *L) {
  static const char *const names[] = {"tanh", "relu", NULL};
  return without_cell(L, luaL_checkoption(L, 9, "tanh", names) ? CR_RNN_RELU : CR_RNN_TANH);
}

/* nn.functional._recurrent(kind, x, h, c, sizes, layers, both, w, ...): layers upon each other, in
 * one direction or both; the weights of each follow, as cr_recurrent_stack takes them.  Gives what
 * lstm and the others do, with the last states of all layers. */
static int f_stack(lua_State *L) {
  static const char *const kinds[] = {"tanh", "relu", "lstm", "gru", NULL};
  cr_recurrent_args a = {.kind = (cr_recurrent_kind)luaL_checkoption(L, 1, NULL, kinds)};
  cr_tensor *x = cr_check_tensor(L, 2), *sizes = opt_tensor(L, 5), *steps = NULL, *out[3] = {NULL};
  lua_Integer layers = luaL_checkinteger(L, 6);
  int nin = lua_gettop(L) > 7 ? lua_gettop(L) - 4 : 3;
  cr_tensor **in = lua_newuserdatauv(L, (size_t)nin * sizeof *in, 0);
  in[1] = opt_tensor(L, 3);
  in[2] = opt_tensor(L, 4);
  for (int i = 3; i < nin; i++) in[i] = cr_check_tensor(L, i + 5);
  bool ok = sizes_of(sizes, &steps) && (in[0] = as_rows(x, steps, &a)) != NULL;
  if (ok) {
    ok = cr_recurrent_stack(&a, layers, lua_toboolean(L, 7), nin, in, out);
    cr_release(in[0]);
  }
  cr_release(steps);
  return push_states(L, ok, x, out);
}

/* ---- cells ------------------------------------------------------------------------------ */

/** nn.functional.lstmCell(gates, c)
 *  nn.functional.gruCell(gi, gh, h)
 *
 *  One step of an LSTM, or a GRU, from the products of weights with input and state: one pass over
 *  memory.  For cells of one's own, such as those of a Tree-LSTM.
 *
 *  Of gates' parts i f g o, c is sigmoid(f) c + sigmoid(i) tanh(g) and h is sigmoid(o) tanh(c).
 *  Of the parts r z n of gi and gh, s = sigmoid(r) and u = sigmoid(z) of their sums, n = tanh(gi_n
 *  + s gh_n) and h is (1 - u) n + u h.  Differentiable.
 *
 *  gates: matrix, n x 4 hidden: the sum of the products with input and state, and of the biases
 *  c: matrix, n x hidden
 *  gi, gh: matrices, n x 3 hidden: the product with the input, and with the state, each with its
 *    bias
 *  h: matrix, n x hidden
 *  Returns: lstmCell: the new h and the new c; gruCell: the new h
 *  Errors: the shapes do not fit
 *  From: PyTorch
 *  Example:
 *    h, c = nn.functional.lstmCell(torch.zeros(1, 8), torch.ones(1, 2))
 *    c:sum() --> 1.0
 *    nn.functional.gruCell(torch.zeros(1, 6), torch.zeros(1, 6), torch.ones(1, 2)):sum() --> 1.0
 */
static int f_lstm_cell(lua_State *L) {
  cr_tensor *gates = cr_check_tensor(L, 1), *c = cr_check_tensor(L, 2), *out[2];
  if (!cr_lstm_cell(gates, c, out)) return cr_lua_error(L);
  cr_push_tensors(L, 2, out);
  return 2;
}

static int f_gru_cell(lua_State *L) {
  cr_tensor *gi = cr_check_tensor(L, 1), *gh = cr_check_tensor(L, 2), *h = cr_check_tensor(L, 3);
  cr_push_tensor(L, cr_gru_cell(gi, gh, h));
  return 1;
}

const luaL_Reg cr_nn_recurrent_functions[] = {
    {"lstm", f_lstm},        {"gru", f_gru},          {"rnn", f_rnn}, {"lstmCell", f_lstm_cell},
    {"gruCell", f_gru_cell}, {"_recurrent", f_stack}, {NULL, NULL},
};
