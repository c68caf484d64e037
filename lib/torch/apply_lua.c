/* apply_lua.c: calling a Lua function with each element: apply, map, map2. */
#include "lib/torch/binding.h"

/* The index of element number k in row-major order. */
static void index_of(const cr_tensor *t, int64_t k, int64_t *index) {
  for (int d = t->ndim - 1; d >= 0; d--) {
    index[d] = k % t->shape[d];
    k /= t->shape[d];
  }
}

static void push_element(lua_State *L, const cr_tensor *t, int64_t k) {
  int64_t index[CR_MAX_DIMS] = {0};
  index_of(t, k, index);
  cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, index));
}

/** x:apply(f); x:map(y, f); x:map2(y, z, f)
 *
 *  Calls a Lua function for each element, row by row: f(x), f(x, y) or f(x, y, z).  What it returns
 *  takes the place of x's element, nothing or nil leaves it.  Much slower than functions of
 *  tensors; nothing is recorded for gradients.
 *
 *  y, z: tensors of as many elements as x
 *  f: function
 *  Returns: x
 *  Errors: the numbers of elements differ; what f raises
 *  From: Torch7
 *  Example:
 *    torch.range(1, 3):apply(function(v) return v * v end):sum() --> 14.0
 *    torch.ones(2):map(torch.ones(2), function(a, b) return a + b end):sum() --> 4.0
 */
static int walk(lua_State *L, int tensors) {
  cr_tensor *t[3], *first = cr_check_tensor(L, 1);
  for (int i = 0; i < tensors; i++) {
    t[i] = cr_check_tensor(L, i + 1);
    if (cr_numel(t[i]) != cr_numel(first))
      return luaL_argerror(L, i + 1, "tensors with as many elements are wanted");
  }
  luaL_checktype(L, tensors + 1, LUA_TFUNCTION);
  bool away = cr_device_of(first).type != CR_CPU;
  for (int i = 0; i < tensors; i++) t[i] = cr_push_host(L, t[i]);
  int64_t index[CR_MAX_DIMS] = {0}, n = cr_numel(t[0]);
  for (int64_t k = 0; k < n; k++) {
    lua_pushvalue(L, tensors + 1);
    for (int i = 0; i < tensors; i++) push_element(L, t[i], k);
    lua_call(L, tensors, 1);
    index_of(t[0], k, index);
    if (!lua_isnil(L, -1) && !cr_put(t[0], index, cr_check_scalar(L, lua_gettop(L))))
      return cr_lua_error(L);
    lua_pop(L, 1);
  }
  if (away) cr_push_tensor(L, cr_copy(first, t[0]));
  return cr_return(L, 1);
}

/* x:apply(f): x[i] = f(x[i]) */
static int t_apply(lua_State *L) {
  return walk(L, 1);
}
/* x:map(y, f): x[i] = f(x[i], y[i]) */
static int t_map(lua_State *L) {
  return walk(L, 2);
}
/* x:map2(y, z, f): x[i] = f(x[i], y[i], z[i]) */
static int t_map2(lua_State *L) {
  return walk(L, 3);
}

static const cr_binding bindings[] = {
    {"apply", NULL, t_apply},
    {"map", NULL, t_map},
    {"map2", NULL, t_map2},
    {NULL, NULL, NULL},
};

void cr_bind_apply(lua_State *L) {
  cr_bind(L, bindings);
}
