/* attention_lua.c: attention and rotary positions in Lua; nn/functional/attention.lua gives them
 * their public form. */
#include "lib/nn/nn_lua.h"
#include "lib/torch/torch_lua.h"
#include "nn/nn.h"

#include <math.h>

static cr_tensor *opt_tensor(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : cr_check_tensor(L, arg);
}

/* _attention(q, k, v, mask, causal, offset, dropout, scale, weights) */
static int f_attention(lua_State *L) {
  cr_tensor *q = cr_check_tensor(L, 1), *k = cr_check_tensor(L, 2), *v = cr_check_tensor(L, 3);
  cr_attention_opts o = {.mask = opt_tensor(L, 4),
                         .causal = lua_toboolean(L, 5),
                         .offset = lua_isnoneornil(L, 6) ? 0 : cr_check_int(L, 6),
                         .dropout = luaL_optnumber(L, 7, 0),
                         .scale = luaL_optnumber(L, 8, NAN)};
  bool wanted = lua_toboolean(L, 9);
  cr_tensor *out[2] = {NULL, NULL};
  out[0] = cr_attention(q, k, v, &o, wanted ? &out[1] : NULL);
  if (!out[0]) return cr_lua_error(L);
  cr_push_tensors(L, wanted ? 2 : 1, out);
  return wanted ? 2 : 1;
}

static int64_t opt_size(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? -1 : cr_check_int(L, arg);
}

/* _varlenAttention(q, k, v, bounds of q, bounds of k, max of q, max of k, causal, scale) */
static int f_varlen_attention(lua_State *L) {
  cr_varlen_opts o = {.q_bounds = cr_check_tensor(L, 4),
                      .k_bounds = cr_check_tensor(L, 5),
                      .max_q = opt_size(L, 6),
                      .max_k = opt_size(L, 7),
                      .causal = lua_toboolean(L, 8),
                      .scale = luaL_optnumber(L, 9, NAN)};
  cr_push_tensor(L, cr_attention_varlen(cr_check_tensor(L, 1), cr_check_tensor(L, 2),
                                        cr_check_tensor(L, 3), &o));
  return 1;
}

/* _rotary(x, cos, sin, interleaved) */
static int f_rotary(lua_State *L) {
  cr_push_tensor(L, cr_rotary(cr_check_tensor(L, 1), cr_check_tensor(L, 2), cr_check_tensor(L, 3),
                              lua_toboolean(L, 4), false));
  return 1;
}

#define MOST_PARTS 3

/* _parts(x, first, size, ..): views of parts of the first or the last dimension, for modules that
 * write to none of them. */
static int f_parts(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *out[MOST_PARTS];
  int64_t sizes[MOST_PARTS];
  int n = lua_gettop(L) - 2;
  if (n < 1 || n > MOST_PARTS) return luaL_error(L, "_parts: %d parts", n);
  for (int i = 0; i < n; i++) sizes[i] = cr_check_int(L, i + 3);
  if (!cr_parts(x, lua_toboolean(L, 2), n, sizes, out)) return cr_lua_error(L);
  cr_push_tensors(L, n, out);
  return n;
}

const luaL_Reg cr_nn_attention_functions[] = {{"_attention", f_attention},
                                              {"_varlenAttention", f_varlen_attention},
                                              {"_rotary", f_rotary},
                                              {"_parts", f_parts},
                                              {NULL, NULL}};
