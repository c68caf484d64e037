/* print_lua.c: tensors as text in Lua. */
#include "lib/torch/binding.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

static int t_tostring(lua_State *L) {
  cr_push_text(L, cr_tostring(cr_check_tensor(L, 1)));
  return 1;
}

/* Lua's own, the same in every interpreter, whichever thread sets it; no upvalue, which
 * debug.setupvalue could take away. */
static _Atomic(lua_CFunction) own_format;

/* string.format with scalar tensors as numbers.  Lua's own function runs in this call, so that its
 * errors have the script's line. */
static int f_format(lua_State *L) {
  for (int i = lua_gettop(L); i > 1; i--) {
    cr_tensor *t = lua_isuserdata(L, i) ? cr_to_tensor(L, i) : NULL;
    if (!t || t->ndim) continue;
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, NULL));
    lua_replace(L, i);
  }
  return atomic_load(&own_format)(L);
}

static void teach_format(lua_State *L) {
  int top = lua_gettop(L);
  if (lua_getglobal(L, "string") == LUA_TTABLE && lua_getfield(L, -1, "format") == LUA_TFUNCTION &&
      lua_iscfunction(L, -1)) {
    if (lua_tocfunction(L, -1) != f_format) atomic_store(&own_format, lua_tocfunction(L, -1));
    lua_pushcfunction(L, f_format);
    lua_setfield(L, -3, "format");
  }
  lua_settop(L, top);
}

/* ---- options ---------------------------------------------------------------------------- */

/* The integer in field `name` of the table at 1, from `least` on; math.huge counts as none (-1). */
static int64_t int_option(lua_State *L, const char *name, int64_t least, int64_t most,
                          int64_t otherwise) {
  int isint, type = lua_getfield(L, 1, name);
  lua_Integer v = lua_tointegerx(L, -1, &isint);
  bool none = least < 0 && type == LUA_TNUMBER && lua_tonumber(L, -1) == HUGE_VAL;
  if (type == LUA_TNIL) {
    v = otherwise;
  } else if (none) {
    v = -1;
  } else if (!isint || v < (least < 0 ? 0 : least) || v > most) {
    luaL_tolstring(L, -1, NULL);
    return luaL_error(L, "%s: an integer from %d to %d is wanted, got %s", name,
                      (int)(least < 0 ? 0 : least), (int)most, lua_tostring(L, -1));
  }
  lua_pop(L, 1);
  return v;
}

static void apply_profile(lua_State *L, cr_print_options *o) {
  static const char *const names[] = {"default", "short", "full", NULL};
  if (lua_getfield(L, 1, "profile") != LUA_TNIL) {
    int which = luaL_checkoption(L, lua_gettop(L), NULL, names);
    *o = (cr_print_options)CR_PRINT_DEFAULTS;
    if (which == 1) o->precision = 2, o->edge = 2;
    if (which == 2) o->threshold = -1;
  }
  lua_pop(L, 1);
}

static void check_names(lua_State *L) {
  static const char *const known = " profile precision threshold edgeitems linewidth sciMode ";
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (!strstr(known, lua_pushfstring(L, " %s ", name)))
      luaL_error(L, "there is no option '%s', only%s", name, known);
    lua_pop(L, 1);
  }
}

/** torch.setprintoptions(options)
 *
 *  How tensors are turned into text from now on, in this interpreter.  What is not given stays.
 *
 *  options: table of any of these:
 *    precision: digits after the point, 0 to 16; 4 at first
 *    threshold: tensors of more elements are shortened; 1000 at first, math.huge for never (so it
 *    is at first in the Torch7 mode)
 *    edgeitems: how many places at either end of a dimension a shortened tensor shows; 3 at first
 *    linewidth: columns of a line; 80 at first
 *    sciMode: true for exponents always, false for never, "auto" at first
 *    profile: "default", "short" (2 digits, 2 places) or "full" (nothing shortened), taken first
 *  Errors: an unknown option or a value out of its range
 *  From: PyTorch's set_printoptions
 *  Example:
 *    torch.setprintoptions { precision = 2 }
 *    torch.Tensor { 0.5, 1.25 } --> 0.50 1.25 [torch.FloatTensor of size 2]
 *    torch.setprintoptions { profile = "default" }
 */
static int f_set_options(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  check_names(L);
  cr_print_options o = cr_ctx()->print;
  apply_profile(L, &o);
  o.precision = (int)int_option(L, "precision", 0, 16, o.precision);
  o.threshold = int_option(L, "threshold", -1, INT32_MAX, o.threshold);
  o.edge = (int)int_option(L, "edgeitems", 1, 1000000, o.edge);
  o.width = (int)int_option(L, "linewidth", 1, 1000000, o.width);
  int type = lua_getfield(L, 1, "sciMode");
  if (type == LUA_TBOOLEAN)
    o.exponents = (int8_t)lua_toboolean(L, -1);
  else if (type != LUA_TNIL)
    o.exponents = -1;
  cr_ctx()->print = o;
  return 0;
}

/** torch.getprintoptions()
 *
 *  The options that torch.setprintoptions sets.
 *
 *  Returns: a table of precision, threshold, edgeitems, linewidth and sciMode
 *  Example:
 *    torch.getprintoptions().edgeitems --> 3
 */
static int f_get_options(lua_State *L) {
  cr_print_options o = cr_ctx()->print;
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, o.precision);
  lua_setfield(L, -2, "precision");
  if (o.threshold < 0)
    lua_pushnumber(L, HUGE_VAL);
  else
    lua_pushinteger(L, o.threshold);
  lua_setfield(L, -2, "threshold");
  lua_pushinteger(L, o.edge);
  lua_setfield(L, -2, "edgeitems");
  lua_pushinteger(L, o.width);
  lua_setfield(L, -2, "linewidth");
  if (o.exponents < 0)
    lua_pushliteral(L, "auto");
  else
    lua_pushboolean(L, o.exponents);
  lua_setfield(L, -2, "sciMode");
  return 1;
}

void cr_bind_print(lua_State *L) {
  static const cr_binding bindings[] = {
      {"__tostring", NULL, t_tostring},
      {"setprintoptions", f_set_options, NULL},
      {"getprintoptions", f_get_options, NULL},
      {NULL, NULL, NULL},
  };
  cr_bind(L, bindings);
  teach_format(L);
}
