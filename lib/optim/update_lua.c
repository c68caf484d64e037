/* update_lua.c: the fused steps of optimizers in Lua: require "optim._update".
 *
 *   update.adam(parameters, gradients, states1, states2, states3, steps, options)
 *
 * Lists of tensors of one length; gradients nil: those of the parameters; a list of states is nil
 * when the options need none.  steps has for each parameter the number of this step, for SGD 1
 * where the velocity is new.  Tables of options are those of the classes in lib/optim.
 *
 *   update.adam(parameters, ..., options, numbers)
 *   update.numbers.adam(numbers, step, options)
 *
 * The first captures the step in a graph, with numbers from torch.cuda._numbers(); the second says
 * what they are at the next replay. */
#include "lib/openers.h"
#include "lib/torch/binding.h"
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>

#define RULES (CR_UPDATE_LION + 1) /* those that are optimizers */

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

/* The corrections for step t of one parameter.  The table of options is at 7, as everywhere. */
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

/* The lists of parameters, gradients and states of one call, n each. */
typedef struct {
  int n;
  double *step;
  cr_tensor **list[5];
} lists;

static double *check_steps(lua_State *L, int n) {
  double *step = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *step, 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 6, i + 1);
    step[i] = luaL_checknumber(L, -1);
    lua_pop(L, 1);
  }
  return step;
}

static cr_tensor **check_gradients(lua_State *L, cr_tensor *const *p, int n) {
  int m;
  if (lua_isnil(L, 2)) {
    cr_tensor **g = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *g, 0);
    for (int i = 0; i < n; i++)
      if (!(g[i] = cr_grad(p[i])))
        luaL_argerror(L, 1, lua_pushfstring(L, "parameter %d has no gradient", i + 1));
    return g;
  }
  cr_tensor **g = cr_check_tensors(L, 2, &m, false);
  luaL_argcheck(L, m == n, 2, "as many gradients as parameters expected");
  return g;
}

static lists check_lists(lua_State *L, cr_update_rule rule) {
  static const int needed[RULES] = {0, 2, 1, 1, 1};
  lists all;
  int m;
  luaL_checktype(L, 6, LUA_TTABLE);
  luaL_checktype(L, 7, LUA_TTABLE);
  all.list[0] = cr_check_tensors(L, 1, &all.n, false);
  all.list[1] = check_gradients(L, all.list[0], all.n);
  for (int k = 0; k < 3; k++) {
    all.list[k + 2] = NULL;
    luaL_argcheck(L, k >= needed[rule] || !lua_isnil(L, 3 + k), 3 + k, "states expected");
    if (lua_isnil(L, 3 + k)) continue;
    all.list[k + 2] = cr_check_tensors(L, 3 + k, &m, false);
    luaL_argcheck(L, m == all.n, 3 + k, "as many states as parameters expected");
  }
  all.step = check_steps(L, all.n);
  return all;
}

/* Brings those from the first on whose step has the first's number to the front; how many. */
static int same_step(lists *all, int first) {
  int n = first;
  for (int i = first; i < all->n; i++) {
    if (all->step[i] != all->step[first]) continue;
    double step = all->step[i];
    all->step[i] = all->step[n], all->step[n] = step;
    for (int k = 0; k < 5; k++) {
      cr_tensor **t = all->list[k];
      if (!t) continue;
      cr_tensor *moved = t[i];
      t[i] = t[n], t[n] = moved;
    }
    n++;
  }
  return n - first;
}

static int update(lua_State *L) {
  cr_update_rule rule = (cr_update_rule)lua_tointeger(L, lua_upvalueindex(1));
  lua_settop(L, 8);
  lists all = check_lists(L, rule);
  cr_update_args a = read_options(L, rule);
  if (!lua_isnil(L, 8)) a.now = cr_check_graph_numbers(L, 8)->now;
  for (int i = 0, n; i < all.n; i += n) {
    cr_tensor *const *from[5];
    n = same_step(&all, i);
    for (int k = 0; k < 5; k++) from[k] = all.list[k] ? all.list[k] + i : NULL;
    at_step(L, rule, all.step[i], &a);
    if (!cr_update(rule, n, from[0], from[1], &from[2], &a)) return cr_lua_error(L);
  }
  return 0;
}

static int numbers(lua_State *L) {
  cr_update_rule rule = (cr_update_rule)lua_tointeger(L, lua_upvalueindex(1));
  cr_graph_numbers *n = cr_check_graph_numbers(L, 1);
  double step = luaL_checknumber(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  for (int i = 3; i < 7; i++) lua_pushvalue(L, 3);
  *n->next = read_options(L, rule);
  at_step(L, rule, step, n->next);
  return 0;
}

int luaopen_optim_update(lua_State *L) {
  static const char *const names[RULES] = {"sgd", "adam", "rmsprop", "adagrad", "lion"};
  lua_createtable(L, 0, RULES + 1);
  lua_createtable(L, 0, RULES);
  for (int i = 0; i < RULES; i++) {
    lua_pushinteger(L, i);
    lua_pushcclosure(L, update, 1);
    lua_setfield(L, -3, names[i]);
    lua_pushinteger(L, i);
    lua_pushcclosure(L, numbers, 1);
    lua_setfield(L, -2, names[i]);
  }
  lua_setfield(L, -2, "numbers");
  return 1;
}
