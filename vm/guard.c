/* guard.c: what the prompt's own code needs, kept where nothing that is typed can reach it.
 *
 * A user may replace any global, empty the table `string`, or give strings another metatable, by
 * mistake or to see what happens; the prompt goes on.  Its Lua files see globals of their own, and
 * while they run strings have the methods that they had at the start (then those that the user has
 * given them).  Only debug.getregistry leads here. */
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lib/packages.h"
#include "vm/program.h"

/* Their addresses are registry keys. */
static const char functions_key; /* of the table of the prompt's functions */
static const char strings_key;   /* strings' metatable while the prompt's code runs */
static const char users_key;     /* and what it was before */

static lua_Hook script_hook; /* what debug.sethook sets */

/* Pushes a copy of the table on top. */
static void push_copy(lua_State *L) {
  int from = lua_gettop(L);
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, from + 1);
  }
}

/* Pushes a table that is `package` as the user has it, its path above all, but with the modules
 * that are loaded at their place. */
static void push_package(lua_State *L) {
  lua_newtable(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_setfield(L, -2, "loaded");
  lua_newtable(L);
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* The globals that the files of vm/ see: those of now, with Lua's libraries as copies. */
static void make_environment(lua_State *L) {
  static const char *const libraries[] = {"string", "table", "math",  "io",
                                          "os",     "utf8",  "debug", "coroutine"};
  lua_pushglobaltable(L);
  push_copy(L);
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    if (lua_getfield(L, -1, libraries[i]) != LUA_TTABLE) {
      lua_pop(L, 1);
      continue;
    }
    push_copy(L);
    lua_setfield(L, -3, libraries[i]);
    lua_pop(L, 1);
  }
  push_package(L);
  lua_setfield(L, -2, "package");
  lua_setfield(L, LUA_REGISTRYINDEX, CR_ENVIRONMENT_KEY);
  lua_pop(L, 1);
}

/* {__index = copy of `string`, whose own metatable's __index is the user's} */
static void make_strings(lua_State *L) {
  lua_newtable(L);
  lua_getfield(L, LUA_REGISTRYINDEX, CR_ENVIRONMENT_KEY);
  lua_getfield(L, -1, "string");
  lua_newtable(L);
  lua_setmetatable(L, -2);
  lua_setfield(L, -3, "__index");
  lua_pop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &strings_key);
}

static void learn_hook(lua_State *L) {
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "sethook");
  lua_pushvalue(L, -1);
  lua_pushcfunction(L, luaopen_base); /* any function: it is not called */
  lua_pushliteral(L, "");
  lua_pushinteger(L, 1 << 30);
  if (lua_pcall(L, 3, 0, 0) == LUA_OK) script_hook = lua_gethook(L);
  lua_call(L, 0, 0);
  lua_settop(L, 0);
}

int cr_guard_open(lua_State *L) {
  static const char *const names[] = {"start", "run_init", "prompt",   "compile",
                                      "begin", "show",     "complete", "typing"};
  learn_hook(L);
  make_environment(L);
  make_strings(L);
  lua_getglobal(L, "require");
  lua_pushstring(L, "cresset.repl");
  lua_call(L, 1, 1);
  lua_newtable(L);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_getfield(L, -2, names[i]);
    lua_setfield(L, -2, names[i]);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &functions_key);
  return 0;
}

void cr_push_repl(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

/* ---- around the prompt's code ----------------------------------------------------------- */

/* Pushes a string and its metatable, or nil. */
static void push_metatable(lua_State *L) {
  lua_pushliteral(L, "");
  if (!lua_getmetatable(L, -1)) lua_pushnil(L);
}

static int enter(lua_State *L) {
  push_metatable(L);
  int users = lua_gettop(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &strings_key) == LUA_TNIL) return 0; /* not open yet */
  if (lua_rawequal(L, -1, users)) return 0;
  lua_pushvalue(L, users);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &users_key);
  lua_pushliteral(L, "__metatable"); /* who asks for it gets the user's */
  lua_pushvalue(L, users);
  lua_rawset(L, -3);
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  lua_getmetatable(L, -1);
  lua_pushliteral(L, "__index");
  if (lua_istable(L, users)) {
    lua_pushliteral(L, "__index");
    lua_rawget(L, users);
  } else {
    lua_pushnil(L);
  }
  lua_rawset(L, -3);
  lua_settop(L, users + 1);
  lua_setmetatable(L, users - 1);
  return 0;
}

static int leave(lua_State *L) {
  push_metatable(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &strings_key);
  if (!lua_rawequal(L, -1, -2)) return 0; /* a __tostring has given them another in between */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &users_key);
  lua_setmetatable(L, 1);
  return 0;
}

/* Without memory, strings stay as they are. */
static void protected(lua_State *L, lua_CFunction f) {
  if (!lua_checkstack(L, 1)) return;
  lua_pushcfunction(L, f);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}

void cr_guard_enter(lua_State *L) {
  protected(L, enter);
}

void cr_guard_leave(lua_State *L) {
  protected(L, leave);
}

void cr_guard_hook(lua_State *L) {
  if (lua_gethook(L) && lua_gethook(L) == script_hook) lua_sethook(L, NULL, 0, 0);
}
