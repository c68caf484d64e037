/* debuglib.c: the functions of Lua's debug library that could take from C what C relies on.
 *
 * A function of C trusts its upvalues and its stack, and a userdata's metatable says what is in its
 * memory: changed, they crash the process.  Lua's own functions are no exception (math.random). */
#include <limits.h>
#include <stdatomic.h>

#include <lauxlib.h>
#include <lualib.h>

#include "vm/interp.h"

/* Lua's own, the same in every interpreter, as in load.c. */
static _Atomic(lua_CFunction) own_setupvalue, own_setlocal, own_setmetatable;

static int set_upvalue(lua_State *L) {
  if (lua_iscfunction(L, 1))
    return luaL_error(L,
                      "debug.setupvalue: wanted a function written in Lua, got one written in C, "
                      "which relies on its upvalues");
  return atomic_load(&own_setupvalue)(L);
}

static int set_local(lua_State *L) {
  int other = lua_isthread(L, 1);
  lua_State *of = other ? lua_tothread(L, 1) : L;
  lua_Integer level = lua_isnumber(L, 1 + other) ? lua_tointeger(L, 1 + other) : -1;
  lua_Debug ar;
  if (level >= 0 && level <= INT_MAX && lua_getstack(of, (int)level, &ar) &&
      lua_getinfo(of, "S", &ar) && *ar.what == 'C')
    return luaL_error(L,
                      "debug.setlocal: wanted a function written in Lua at level %I, got one "
                      "written in C, which relies on its values",
                      level);
  return atomic_load(&own_setlocal)(L);
}

static int set_metatable(lua_State *L) {
  if (lua_type(L, 1) == LUA_TUSERDATA)
    return luaL_error(L, "debug.setmetatable: a userdata keeps the metatable that says what it is");
  return atomic_load(&own_setmetatable)(L);
}

/* A copy, to be looked at: the registry is C's.  Without the table whose finalizer unloads
 * libraries of C. */
static int get_registry(lua_State *L) {
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, LUA_REGISTRYINDEX)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, 1);
  }
  lua_pushnil(L);
  lua_setfield(L, 1, "_CLIBS");
  return 1;
}

void cr_open_debuglib(lua_State *L) {
  atomic_store(&own_setupvalue, cr_replace(L, LUA_DBLIBNAME, "setupvalue", set_upvalue));
  atomic_store(&own_setlocal, cr_replace(L, LUA_DBLIBNAME, "setlocal", set_local));
  atomic_store(&own_setmetatable, cr_replace(L, LUA_DBLIBNAME, "setmetatable", set_metatable));
  cr_replace(L, LUA_DBLIBNAME, "getregistry", get_registry);
}
