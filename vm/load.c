/* load.c: load, loadfile and dofile, for which a chunk is text unless its mode says otherwise.
 *
 * Lua does not check bytecode, and bad bytecode crashes it; and what is read from somewhere as a
 * chunk is meant to be text.  load(bytes, name, "b") is for who knows where they come from. */
#include <stdatomic.h>

#include <lauxlib.h>

#include "vm/interp.h"

/* Lua's own, the same in every interpreter.  No upvalues: debug.setupvalue could take them away.
 * Interpreters on several threads set them to the same. */
static _Atomic(lua_CFunction) own_load, own_loadfile;

/* Calls Lua's own function with the mode "t" where the argument at `place` is nil. */
static int with_mode(lua_State *L, lua_CFunction own, int place) {
  if (lua_isnoneornil(L, place)) {
    if (lua_gettop(L) < place) lua_settop(L, place);
    lua_pushliteral(L, "t");
    lua_replace(L, place);
  }
  return own(L);
}

static int load_chunk(lua_State *L) {
  return with_mode(L, atomic_load(&own_load), 3);
}

static int load_file(lua_State *L) {
  return with_mode(L, atomic_load(&own_loadfile), 2);
}

static int all_results(lua_State *L, int status, lua_KContext skipped) {
  (void)status;
  return lua_gettop(L) - (int)skipped;
}

static int do_file(lua_State *L) {
  const char *path = luaL_optstring(L, 1, NULL);
  lua_settop(L, 1);
  if (luaL_loadfilex(L, path, "t") != LUA_OK) return lua_error(L);
  lua_callk(L, 0, LUA_MULTRET, 1, all_results);
  return all_results(L, LUA_OK, 1);
}

lua_CFunction cr_replace(lua_State *L, const char *library, const char *name, lua_CFunction f) {
  lua_getglobal(L, library);
  lua_getfield(L, -1, name);
  lua_CFunction own = lua_tocfunction(L, -1);
  lua_pushcfunction(L, f);
  lua_setfield(L, -3, name);
  lua_pop(L, 2);
  return own;
}

void cr_open_load(lua_State *L) {
  atomic_store(&own_load, cr_replace(L, LUA_GNAME, "load", load_chunk));
  atomic_store(&own_loadfile, cr_replace(L, LUA_GNAME, "loadfile", load_file));
  cr_replace(L, LUA_GNAME, "dofile", do_file);
}
