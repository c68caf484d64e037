/* random_lua.c: require "data._random": the states of an interpreter's random generators, kept and
 * put back.  math.random has no function for that; its state is the userdata that it has for an
 * upvalue, of plain bytes. */
#include "lib/openers.h"

#include <string.h>

#include "lib/torch/torch_lua.h"

/* keep([math.random's state]) -> string */
static int random_keep(lua_State *L) {
  const cr_generator *g = &cr_ctx()->generator;
  size_t n = lua_isnoneornil(L, 1) ? 0 : (size_t)lua_rawlen(L, 1);
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, sizeof *g + n);
  memcpy(to, g, sizeof *g);
  if (n) memcpy(to + sizeof *g, lua_touserdata(L, 1), n);
  luaL_pushresultsize(&b, sizeof *g + n);
  return 1;
}

/* back(string [, math.random's state]) */
static int random_back(lua_State *L) {
  size_t n, bytes = lua_isnoneornil(L, 2) ? 0 : (size_t)lua_rawlen(L, 2);
  const char *from = luaL_checklstring(L, 1, &n);
  cr_generator *g = &cr_ctx()->generator;
  luaL_argcheck(L, n == sizeof *g + bytes, 1, "what keep gave is wanted");
  memcpy(g, from, sizeof *g);
  if (bytes) memcpy(lua_touserdata(L, 2), from + sizeof *g, bytes);
  return 0;
}

/* seed(number) */
static int random_seed(lua_State *L) {
  cr_seed(&cr_ctx()->generator, (uint64_t)luaL_checkinteger(L, 1));
  return 0;
}

int luaopen_data_random(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"keep", random_keep}, {"back", random_back}, {"seed", random_seed}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
