/* each_lua.c: many tensors in one call: require "torch._each".
 *
 *   each.zero(list)
 *   each.scale(list, factor [, check])   gives, with check, whether all elements are finite then
 *   each.average(averages, list, share [, numbers])   averages[i] += share (list[i] - averages[i])
 *   each.setShare(numbers, share)
 *   each.clip(list, most [, quiet])
 *
 * With numbers, from torch.cuda._numbers(), average is captured in a graph; setShare says what the
 * share is at the next replay.
 *
 * clip scales all alike, so that their norm together is at most `most`, and gives the norm before;
 * if quiet it gives nothing, and the host waits for no device.  It gives false, and does nothing,
 * where the tensors are not floats of one device.
 *
 * each.gradients has the same functions (but average) for the gradients of the tensors in the list
 * that have one, and no object of Lua's is made for these; each.gradients.has(t): whether t has
 * one.
 *
 * Only zero is recorded where the tape has a tensor; call the others in torch.noGrad. */
#include "lib/openers.h"
#include "lib/torch/binding.h"
#include "tensor/autograd.h"
#include "tensor/ops.h"

static int failed_or_none(lua_State *L, bool ok) {
  return ok ? 0 : cr_lua_error(L);
}

/* The list at 1, or the gradients of its tensors. */
static cr_tensor **check_list(lua_State *L, int *n) {
  cr_tensor **t = cr_check_tensors(L, 1, n, false);
  int m = 0;
  if (!lua_toboolean(L, lua_upvalueindex(1))) return t;
  for (int i = 0; i < *n; i++) {
    cr_tensor *g = cr_grad(t[i]);
    if (g) t[m++] = g;
  }
  *n = m;
  return t;
}

static int has(lua_State *L) {
  lua_pushboolean(L, cr_grad(cr_check_tensor(L, 1)) != NULL);
  return 1;
}

static int zero(lua_State *L) {
  int n, m = 0;
  cr_tensor **t = check_list(L, &n);
  for (int i = 0; i < n; i++) {
    if (cr_is_float((cr_dtype)t[i]->dtype) && !cr_requires_grad(t[i])) {
      t[m++] = t[i];
      continue;
    }
    CR_AUTO done = cr_fill(t[i], cr_int(0));
    if (!done) return cr_lua_error(L);
  }
  return failed_or_none(L, cr_zero(m, t));
}

static int scale(lua_State *L) {
  int n;
  bool finite, check = lua_toboolean(L, 3);
  cr_tensor **t = check_list(L, &n);
  if (!cr_scale(n, t, luaL_checknumber(L, 2), check ? &finite : NULL)) return cr_lua_error(L);
  if (!check) return 0;
  lua_pushboolean(L, finite);
  return 1;
}

static bool same_kind(const cr_tensor *a, const cr_tensor *b) {
  cr_device x = cr_device_of(a), y = cr_device_of(b);
  return a->dtype == b->dtype && x.type == y.type && x.index == y.index;
}

static int average(lua_State *L) {
  int n, m, rest = 0;
  lua_settop(L, 4);
  cr_tensor **a = cr_check_tensors(L, 1, &n, false), **t = cr_check_tensors(L, 2, &m, false);
  double share = luaL_checknumber(L, 3);
  cr_update_args args = {.take = share};
  luaL_argcheck(L, n == m, 2, "as many tensors as averages expected");
  if (!lua_isnil(L, 4)) args.now = cr_check_graph_numbers(L, 4)->now;
  for (int i = 0; i < n; i++) {
    if (same_kind(a[i], t[i]) && cr_is_float((cr_dtype)a[i]->dtype)) {
      a[rest] = a[i], t[rest++] = t[i];
      continue;
    }
    luaL_argcheck(L, !args.now, 2, "in a graph, tensors of the averages' float type expected");
    CR_AUTO done = cr_lerp(a[i], t[i], cr_num(share), a[i]);
    if (!done) return cr_lua_error(L);
  }
  return failed_or_none(L, cr_update(CR_UPDATE_AVERAGE, rest, a, t, NULL, &args));
}

static int set_share(lua_State *L) {
  *cr_check_graph_numbers(L, 1)->next = (cr_update_args){.take = luaL_checknumber(L, 2)};
  return 0;
}

static int clip(lua_State *L) {
  int n;
  double norm, most = luaL_checknumber(L, 2);
  bool quiet = lua_toboolean(L, 3);
  cr_tensor **t = check_list(L, &n);
  const cr_tensor *one = NULL;
  for (int i = 0; i < n; i++) {
    if (!cr_numel(t[i])) continue;
    cr_device x = cr_device_of(t[i]), y = cr_device_of(one ? one : t[i]);
    one = t[i];
    if (cr_is_float((cr_dtype)one->dtype) && x.type == y.type && x.index == y.index) continue;
    lua_pushboolean(L, false);
    return 1;
  }
  if (!cr_clip_norm(n, t, most, quiet ? NULL : &norm)) return cr_lua_error(L);
  if (quiet) return 0;
  lua_pushnumber(L, norm);
  return 1;
}

int luaopen_torch_each(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"zero", zero}, {"scale", scale}, {"clip", clip}, {NULL, NULL}};
  luaL_newlibtable(L, functions);
  lua_pushboolean(L, false);
  luaL_setfuncs(L, functions, 1);
  lua_pushcfunction(L, average);
  lua_setfield(L, -2, "average");
  lua_pushcfunction(L, set_share);
  lua_setfield(L, -2, "setShare");
  luaL_newlibtable(L, functions);
  lua_pushboolean(L, true);
  luaL_setfuncs(L, functions, 1);
  lua_pushcfunction(L, has);
  lua_setfield(L, -2, "has");
  lua_setfield(L, -2, "gradients");
  return 1;
}
