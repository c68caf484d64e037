/* help_lua.c: the texts of the sources, in which help finds the doc comments. */
#include "lib/openers.h"

#include <lauxlib.h>

#include "lib/packages.h"

/* list() -> {{path = "lib/torch/functions.lua", text = ..}, ..}: Lua files whole, of C files the
 * doc comments, at their lines. */
static int list(lua_State *L) {
  lua_createtable(L, (int)cr_embedded_count, 0);
  for (size_t i = 0; i < cr_embedded_count; i++) {
    const cr_embedded_file *e = &cr_embedded_files[i];
    lua_createtable(L, 0, 2);
    lua_pushstring(L, e->path);
    lua_setfield(L, -2, "path");
    lua_pushlstring(L, e->bytes, e->length);
    lua_setfield(L, -2, "text");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

int luaopen_help_sources(lua_State *L) {
  static const luaL_Reg functions[] = {{"list", list}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
