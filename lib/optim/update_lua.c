/* update_lua.c: the fused steps of optimizers in Lua: require "optim._update".
 *
 *   update.adam(parameters, gradients, states1, states2, states3, steps, options)
 *
 * Lists of tensors of one length; a list of states is nil when the options need none.  steps has
 * for each parameter the number of this step, for SGD 1 where the velocity is new.  Tables of
 * options are those of the classes in lib/optim. */
#include "lib/openers.h"
#include "lib/torch/binding.h"
#include "tensor/ops.h"

#include <math.h>

static double number(lua_State *L, const char *name) {
  lua_getfield(L, 7, name);
  double x = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return x;
}

static bool flag(lua_State *L, const char *name) {
  lua_getfield(L, 7, name);
  bool on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

/* The numbers that are the same for all parameters of a group. */
static cr_update_args read_options(lua_State *L, cr_update_rule rule) {
  bool decoupled = rule == CR_UPDATE_LION || flag(L, "decoupled");
  double decay = number(L, "weightDecay"), rate = number(L, "lr");
  cr_update_args a = {.rate = rate,
                      .sign = flag(L, "maximize") ? -1 : 1,
                      .decay = decoupled ? 0 : decay,
                      .shrink = decoupled ? 1 - rate * decay : 1,
                      .root = 1,
                      .eps = number(L, "eps"),
                      .nesterov = flag(L, "nesterov")};
  double beta1 = number(L, "beta1"), beta2 = number(L, "beta2");
  switch (rule) {
  case CR_UPDATE_ADAM:
    a.take = 1 - beta1;
    a.keep2 = beta2;
    a.take2 = 1 - beta2;
    break;
  case CR_UPDATE_LION:
    a.keep = beta2;
    a.take = 1 - beta2;
    a.keep2 = beta1;
    a.take2 = 1 - beta1;
    break;
  default:
    a.keep = number(L, "momentum");
    a.keep2 = number(L, "alpha");
    a.take2 = 1 - a.keep2;
    break;
  }
  return a;
}

/* The corrections for step t of one parameter. */
static void at_step(lua_State *L, cr_update_rule rule, double t, cr_update_args *a) {
  if (rule == CR_UPDATE_SGD) {
    a->take = t == 1 ? 1 : 1 - number(L, "dampening");
  } else if (rule == CR_UPDATE_ADAM) {
    a->rate = number(L, "lr") / (1 - pow(number(L, "beta1"), t));
    a->root = 1 / sqrt(1 - pow(a->keep2, t));
  } else if (rule == CR_UPDATE_ADAGRAD) {
    a->rate = number(L, "lr") / (1 + (t - 1) * number(L, "lrDecay"));
  }
}

static int update(lua_State *L) {
  cr_update_rule rule = (cr_update_rule)lua_tointeger(L, lua_upvalueindex(1));
  int n, m;
  lua_settop(L, 7);
  luaL_checktype(L, 6, LUA_TTABLE);
  luaL_checktype(L, 7, LUA_TTABLE);
  cr_tensor **p = cr_check_tensors(L, 1, &n, false), **g = cr_check_tensors(L, 2, &m, false);
  luaL_argcheck(L, m == n, 2, "as many gradients as parameters expected");
  cr_tensor **states[3] = {NULL};
  for (int i = 0; i < 3; i++) {
    if (lua_isnil(L, 3 + i)) continue;
    states[i] = cr_check_tensors(L, 3 + i, &m, false);
    luaL_argcheck(L, m == n, 3 + i, "as many states as parameters expected");
  }
  static const int needed[CR_NUPDATE] = {0, 2, 1, 1, 1};
  for (int i = 0; i < needed[rule]; i++) luaL_argcheck(L, states[i], 3 + i, "states expected");
  cr_update_args a = read_options(L, rule);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 6, i + 1);
    double t = luaL_checknumber(L, -1);
    lua_pop(L, 1);
    cr_tensor *s[3];
    for (int k = 0; k < 3; k++) s[k] = states[k] ? states[k][i] : NULL;
    at_step(L, rule, t, &a);
    if (!cr_update(rule, p[i], g[i], s, &a)) return cr_lua_error(L);
  }
  return 0;
}

int luaopen_optim_update(lua_State *L) {
  static const char *const names[CR_NUPDATE] = {"sgd", "adam", "rmsprop", "adagrad", "lion"};
  lua_createtable(L, 0, CR_NUPDATE);
  for (int i = 0; i < CR_NUPDATE; i++) {
    lua_pushinteger(L, i);
    lua_pushcclosure(L, update, 1);
    lua_setfield(L, -2, names[i]);
  }
  return 1;
}
