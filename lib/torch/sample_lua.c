/* sample_lua.c: the kernels that lib/torch/sampling.lua makes distributions of. */
#include "lib/torch/binding.h"

/* torch._sample(name, x, a, b): fills x in place; the parameters are numbers or tensors */
static int f_sample(lua_State *L) {
  static const char *const names[] = {"poisson",  "gamma",           "logGamma", "binomial",
                                      "vonMises", "truncatedNormal", NULL};
  cr_sample_op op = (cr_sample_op)luaL_checkoption(L, 1, NULL, names);
  cr_tensor *x = cr_check_tensor(L, 2);
  lua_settop(L, 4);
  for (int arg = 3; arg <= 4; arg++) {
    if (cr_to_tensor(L, arg)) continue;
    cr_scalar v = cr_num(luaL_optnumber(L, arg, 0));
    cr_push_tensor(L, cr_scalar_tensor(CR_FLOAT64, cr_device_of(x), v));
    lua_replace(L, arg);
  }
  return cr_push_result(L, cr_sample(op, x, cr_to_tensor(L, 3), cr_to_tensor(L, 4)), 2);
}

static const cr_binding bindings[] = {{"_sample", f_sample, NULL}, {NULL, NULL, NULL}};

void cr_bind_sample(lua_State *L) {
  cr_bind(L, bindings);
}
