/* environment.c: changes of the environment that commands of the system get. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/interp.h"

/* set(name [, value]): without a value, the name is taken out. */
static int l_set(lua_State *L) {
  size_t length = 0;
  const char *name = luaL_checkstring(L, 1), *value = luaL_optlstring(L, 2, NULL, &length);
  if (value && strlen(value) != length) return luaL_error(L, "%s: the value has a zero byte", name);
  if ((value ? setenv(name, value, 1) : unsetenv(name)) != 0)
    return luaL_error(L, "%s: %s", name, strerror(errno));
  return 0;
}

static int open(lua_State *L) {
  static const luaL_Reg functions[] = {{"set", l_set}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

void cr_open_environment(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, "cresset._environment");
  lua_pop(L, 1);
}
