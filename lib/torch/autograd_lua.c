/* autograd_lua.c: the tape in Lua: backward, grad, grad mode, gradcheck. */
#include "lib/torch/binding.h"

#include "tensor/autograd.h"

/* ---- on tensors ------------------------------------------------------------------------- */

/** x:requireGrad([on]); x:retainGrad()
 *
 *  Has gradients of x computed and kept in x.grad: of a leaf, which is no result of others; or, by
 *  retainGrad, of a result.  The properties are x.requiresGrad, which can be set too, x.grad, which
 *  is nil at first, and x.isLeaf.
 *
 *  on: false ends it; true by default
 *  Returns: x
 *  Errors: x is not of a float type; requireGrad(false): x is a result on the tape
 *  From: PyTorch
 *  Example:
 *    x = torch.Tensor { 1, 2 }:requireGrad()
 *    torch.cmul(x, x):sum():backward()
 *    table.concat(x.grad:totable(), " ") --> 2.0 4.0
 */
static int m_require_grad(lua_State *L) {
  bool on = lua_isnoneornil(L, 2) || lua_toboolean(L, 2);
  return cr_set_requires_grad(cr_check_tensor(L, 1), on) ? cr_return(L, 1) : cr_lua_error(L);
}

static int m_retain_grad(lua_State *L) {
  return cr_retain_grad(cr_check_tensor(L, 1)) ? cr_return(L, 1) : cr_lua_error(L);
}

/** x:detach()
 *
 *  x without its history: gradients stop here.
 *
 *  Returns: a tensor that shares x's elements and is not on the tape
 *  From: PyTorch
 *  Example:
 *    x = torch.ones(1):requireGrad()
 *    x:detach().requiresGrad --> false
 */
static int m_detach(lua_State *L) {
  cr_push_tensor(L, cr_detach(cr_check_tensor(L, 1)));
  return 1;
}

/* torch._linkgrad(weight, gradWeight [, force]): the gradient of weight is gradWeight, the very
 * tensor. Gives nothing when it was before, true when it is now; where another tensor is the
 * gradient already, that one, and changes nothing unless force is given. */
static int f_link_grad(lua_State *L) {
  cr_tensor *w = cr_check_tensor(L, 1), *g = cr_check_tensor(L, 2);
  if (!cr_is_leaf(w)) return luaL_argerror(L, 1, "a parameter must not be a result on the tape");
  if (cr_grad(w) == g && cr_requires_grad(w)) return 0;
  if (cr_grad(w) && cr_grad(w) != g && !lua_toboolean(L, 3)) {
    cr_push_tensor(L, cr_retain(cr_grad(w)));
    return 1;
  }
  if (!cr_same_shape(w, g) && cr_numel(w) == cr_numel(g) && !cr_resize(g, w->ndim, w->shape, NULL))
    return cr_lua_error(L);
  if (!cr_set_requires_grad(w, true) || !cr_set_grad(w, g)) return cr_lua_error(L);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- running backward ------------------------------------------------------------------- */

static bool run(lua_State *L, int n, cr_tensor *const *roots, cr_tensor *const *grads,
                const cr_backward_opts *opts) {
  lua_State *before = cr_set_running(L);
  bool ok = cr_backward(n, roots, grads, opts);
  cr_set_running(before);
  return ok;
}

static bool flag(lua_State *L, int arg, const char *name) {
  if (!lua_istable(L, arg)) return false;
  lua_getfield(L, arg, name);
  bool on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

static double option(lua_State *L, int arg, const char *name, double otherwise) {
  if (!lua_istable(L, arg)) return otherwise;
  lua_getfield(L, arg, name);
  double v = lua_isnil(L, -1) ? otherwise : luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/** x:backward([grad] [, options])
 *
 *  Adds the gradients of x, times grad, to the .grad of the leaves that x was computed from.
 *
 *  grad: tensor of x's shape; needed unless x has one element
 *  options: table of any of these:
 *    retainGraph: true keeps what the graph saved, for another backward
 *    createGraph: true records the backward itself, for gradients of gradients
 *    scale: number that all gradients are multiplied by
 *  Errors: x has no history; a tensor that the gradient needs was changed after it was used; the
 *    graph was freed by an earlier backward
 *  From: PyTorch
 *  Example:
 *    x = torch.Tensor { 3 }:requireGrad()
 *    torch.pow(x, 2):backward(torch.Tensor { 10 })
 *    x.grad[1] --> 60.0
 */
static int m_backward(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *g = cr_to_tensor(L, 2);
  int at = g || lua_isnil(L, 2) ? 3 : 2;
  if (!lua_isnoneornil(L, at)) luaL_checktype(L, at, LUA_TTABLE);
  cr_backward_opts opts = {.retain_graph = flag(L, at, "retainGraph"),
                           .create_graph = flag(L, at, "createGraph"),
                           .scale = option(L, at, "scale", 1)};
  return run(L, 1, &x, g ? &g : NULL, &opts) ? 0 : cr_lua_error(L);
}

/** torch.grad(outputs, inputs [, gradOutputs [, options]])
 *
 *  The gradients of outputs with respect to inputs, without changing any .grad.
 *
 *  outputs, inputs: a tensor or a table of them
 *  gradOutputs: a tensor or a table of them: a factor for each output; nil for 1
 *  options: table of retainGraph, createGraph and scale, as for x:backward, and accumulate, which
 *    adds to the leaves' .grad too
 *  Returns: a tensor for one input, a table for a table; false where no output depends on the input
 *  Errors: as for x:backward
 *  From: PyTorch
 *  Example:
 *    x = torch.Tensor { 3 }:requireGrad()
 *    dx = torch.grad(torch.pow(x, 3), x, nil, { createGraph = true })
 *    dx[1]:item(), torch.grad(dx, x)[1] --> 27.0 18.0
 */
static int f_grad(lua_State *L) {
  int nout, nin;
  lua_settop(L, 4);
  cr_tensor **outputs = cr_check_tensors(L, 1, &nout, false),
            **inputs = cr_check_tensors(L, 2, &nin, false), **given = NULL;
  if (!lua_isnil(L, 3)) given = cr_check_tensors(L, 3, &nout, true);
  cr_owned *grads = cr_push_owned(L, nin);
  cr_backward_opts opts = {.retain_graph = flag(L, 4, "retainGraph"),
                           .create_graph = flag(L, 4, "createGraph"),
                           .accumulate = flag(L, 4, "accumulate"),
                           .scale = option(L, 4, "scale", 1),
                           .ninputs = nin,
                           .inputs = inputs,
                           .result = grads->t};
  if (!run(L, nout, outputs, given, &opts)) return cr_lua_error(L);
  if (cr_to_tensor(L, 2)) {
    if (grads->t[0])
      cr_push_from(L, grads, 0);
    else
      lua_pushboolean(L, 0);
    return 1;
  }
  lua_createtable(L, nin, 0);
  for (int i = 0; i < nin; i++) {
    if (grads->t[i])
      cr_push_from(L, grads, i);
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ---- grad mode -------------------------------------------------------------------------- */

/** torch.noGrad(f, ...); torch.enableGrad(f, ...); torch.isGradEnabled()
 *
 *  Calls a function while nothing is recorded for gradients, or, inside of such a call, while it
 *  is.
 *
 *  f: function
 *  ...: its arguments
 *  Returns: what f returns; isGradEnabled: true or false
 *  Errors: what f raises
 *  From: PyTorch
 *  Example:
 *    x = torch.ones(1):requireGrad()
 *    torch.noGrad(function() return (x * 2).requiresGrad end) --> false
 *    torch.isGradEnabled() --> true
 */
static int with_mode(lua_State *L, bool no_grad) {
  cr_context *ctx = cr_ctx();
  bool before = ctx->no_grad;
  luaL_checkany(L, 1);
  ctx->no_grad = no_grad;
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  ctx->no_grad = before;
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

static int f_no_grad(lua_State *L) {
  return with_mode(L, true);
}
static int f_enable_grad(lua_State *L) {
  return with_mode(L, false);
}

static int f_is_grad_enabled(lua_State *L) {
  lua_pushboolean(L, !cr_ctx()->no_grad);
  return 1;
}

/** torch.detectAnomaly(f, ...); torch.setDetectAnomaly(on); torch.isAnomalyEnabled()
 *
 *  Calls a function in anomaly mode, or switches the mode: a recorded call whose result has NaN
 *  elements though its inputs have none is an error that names it and its line, and so is a
 *  backward that gives NaN or infinite gradients.  It costs time: use it to find a fault.
 *
 *  f: function
 *  ...: its arguments
 *  on: true or false
 *  Returns: detectAnomaly: what f returns; isAnomalyEnabled: true or false
 *  Errors: what f raises, and what was found
 *  From: PyTorch
 *  Example:
 *    x = torch.Tensor { -1 }:requireGrad()
 *    pcall(torch.detectAnomaly, torch.sqrt, x) == false --> true
 *    torch.isAnomalyEnabled() --> false
 */
static int f_detect_anomaly(lua_State *L) {
  cr_context *ctx = cr_ctx();
  bool before = ctx->anomaly;
  luaL_checkany(L, 1);
  ctx->anomaly = true;
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  ctx->anomaly = before;
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

static int f_set_detect_anomaly(lua_State *L) {
  luaL_checkany(L, 1);
  cr_ctx()->anomaly = lua_toboolean(L, 1);
  return 0;
}

static int f_is_anomaly_enabled(lua_State *L) {
  lua_pushboolean(L, cr_ctx()->anomaly);
  return 1;
}

/* torch._version(x): how often x's storage was written. */
static int f_version(lua_State *L) {
  const cr_tensor *t = cr_check_tensor(L, 1);
  lua_pushinteger(L, t->storage ? (lua_Integer)t->storage->version : 0);
  return 1;
}

/* torch._setgrad(on): sets the mode and returns the one before. */
static int f_set_grad(lua_State *L) {
  cr_context *ctx = cr_ctx();
  lua_pushboolean(L, !ctx->no_grad);
  ctx->no_grad = !lua_toboolean(L, 1);
  return 1;
}

/* torch._currentValues(on): whether derivatives take saved tensors as they are now, though
 * overwritten. Returns what was so before. */
static int f_current_values(lua_State *L) {
  cr_context *ctx = cr_ctx();
  lua_pushboolean(L, ctx->current_values);
  ctx->current_values = lua_toboolean(L, 1);
  return 1;
}

/* ---- gradcheck -------------------------------------------------------------------------- */

typedef struct {
  lua_State *L;
  int function, n;
} check_ctx;

static int call_checked(lua_State *L) {
  check_ctx *c = lua_touserdata(L, 1);
  cr_tensor *const *in = lua_touserdata(L, 2);
  lua_settop(L, 3);
  for (int i = 0; i < c->n; i++) cr_push_tensor(L, cr_retain(in[i]));
  lua_call(L, c->n, 1);
  cr_tensor *t = cr_to_tensor(L, -1);
  if (!t) return luaL_error(L, "the function gave a %s, wanted a tensor", luaL_typename(L, -1));
  return 1;
}

static cr_tensor *checked_function(void *ctx, cr_tensor *const *in) {
  check_ctx *c = ctx;
  lua_State *L = c->L;
  if (!lua_checkstack(L, 5)) return cr_fail_null("out of memory");
  lua_pushcfunction(L, call_checked);
  lua_pushlightuserdata(L, c);
  lua_pushlightuserdata(L, (void *)in);
  lua_pushvalue(L, c->function);
  cr_tensor *t = NULL;
  if (lua_pcall(L, 3, 1, 0) == LUA_OK) {
    t = cr_retain(cr_to_tensor(L, -1));
  } else {
    const char *message = lua_tostring(L, -1);
    cr_fail("%s", message ? message : "an error that is no string");
  }
  lua_pop(L, 1);
  return t;
}

/** torch.gradcheck(f, inputs [, options]); torch.gradgradcheck(f, inputs [, options])
 *
 *  Compares the gradients of a function with differences of its values; gradgradcheck does so with
 *  the gradients of its gradients.
 *
 *  f: function of tensors that gives a tensor; the same for the same inputs
 *  inputs: a DoubleTensor or a table of them
 *  options: table of any of these:
 *    eps: half of the step, 1e-6 by default
 *    atol, rtol: differences up to atol + rtol |value| are accepted; 1e-5 and 1e-3
 *    second: true has gradcheck check gradients of gradients too
 *  Returns: true; or false and a message that says which input is wrong, in how many elements, and
 *    where the error is largest
 *  From: PyTorch
 *  Example:
 *    x = torch.DoubleTensor { 0.3, 0.7 }
 *    torch.gradcheck(torch.exp, x), torch.gradgradcheck(torch.exp, x) --> true true
 */
static int compare_gradients(lua_State *L, cr_gradcheck_orders orders) {
  luaL_checkany(L, 1);
  lua_settop(L, 3);
  check_ctx c = {.L = L, .function = 1};
  cr_tensor **in = cr_check_tensors(L, 2, &c.n, false);
  double eps = option(L, 3, "eps", 1e-6), atol = option(L, 3, "atol", 1e-5),
         rtol = option(L, 3, "rtol", 1e-3);
  if (orders == CR_GRADCHECK_FIRST && flag(L, 3, "second")) orders = CR_GRADCHECK_BOTH;
  lua_State *before = cr_set_running(L);
  bool ok = cr_gradcheck(checked_function, &c, c.n, in, eps, atol, rtol, orders);
  cr_set_running(before);
  lua_pushboolean(L, ok);
  if (ok) return 1;
  lua_pushstring(L, cr_error());
  return 2;
}

static int f_gradcheck(lua_State *L) {
  return compare_gradients(L, CR_GRADCHECK_FIRST);
}
static int f_gradgradcheck(lua_State *L) {
  return compare_gradients(L, CR_GRADCHECK_SECOND);
}

/* ---- for torch.func --------------------------------------------------------------------- */

/* torch._reaches(x, {leaf, ..}): whether a gradient of x goes on to any other leaf. */
static int f_reaches(lua_State *L) {
  int n;
  cr_tensor *x = cr_check_tensor(L, 1), **own = cr_check_tensors(L, 2, &n, false);
  int found = cr_reaches_others(x, n, own);
  if (found < 0) return cr_lua_error(L);
  lua_pushboolean(L, found);
  return 1;
}

static const cr_binding bindings[] = {
    {"requireGrad", NULL, m_require_grad},
    {"retainGrad", NULL, m_retain_grad},
    {"detach", NULL, m_detach},
    {"backward", NULL, m_backward},
    {"grad", f_grad, NULL},
    {"noGrad", f_no_grad, NULL},
    {"enableGrad", f_enable_grad, NULL},
    {"isGradEnabled", f_is_grad_enabled, NULL},
    {"gradcheck", f_gradcheck, NULL},
    {"detectAnomaly", f_detect_anomaly, NULL},
    {"setDetectAnomaly", f_set_detect_anomaly, NULL},
    {"isAnomalyEnabled", f_is_anomaly_enabled, NULL},
    {"gradgradcheck", f_gradgradcheck, NULL},
    {"_reaches", f_reaches, NULL},
    {"_linkgrad", f_link_grad, NULL},
    {"_version", f_version, NULL},
    {"_setgrad", f_set_grad, NULL},
    {"_currentValues", f_current_values, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_autograd(lua_State *L) {
  cr_bind(L, bindings);
}
