/* names.c: what every interpreter has for itself: functions and tables of packages, by name.
 *
 * A function counts when its package's own file defines it, so that what a script has put into a
 * package travels like the script's other values.  A table counts when it holds such a function. */
#include "lib/threads/message.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/packages.h"
#include "lib/threads/classes.h"

#define DEPTH 6

static const char index_key;

/* The index: its fields. */
enum { NAMES = 1, SOURCES, COUNT };

static const char *const standard[] = {"_G", "string", "table", "math",      "io",
                                       "os", "utf8",   "debug", "coroutine", "package"};

static bool is_standard(const char *package) {
  for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
    if (strcmp(package, standard[i]) == 0) return true;
  return false;
}

/* Pushes the file that a package of the script's own comes from; false, and nothing: there is none.
 */
static bool push_file(lua_State *L, const char *package, const char *path) {
  int top = lua_gettop(L);
  lua_getglobal(L, "package");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "searchpath") == LUA_TFUNCTION) {
    lua_pushstring(L, package);
    if (lua_getfield(L, top + 1, path) == LUA_TSTRING && lua_pcall(L, 2, 1, 0) == LUA_OK &&
        lua_isstring(L, -1)) {
      lua_replace(L, top + 1);
      lua_settop(L, top + 1);
      return true;
    }
  }
  lua_settop(L, top);
  return false;
}

bool cr_is_library_source(const char *source) {
  const char *tree = getenv("CRESSET_PATH");
  if (cr_is_embedded(source)) return true;
  return tree && *tree && *source == '@' && strncmp(source + 1, tree, strlen(tree)) == 0;
}

bool cr_can_require(lua_State *L, const char *package) {
  if (is_standard(package) || cr_has_package(L, package)) return true;
  if (!push_file(L, package, "path") && !push_file(L, package, "cpath")) return false;
  lua_pop(L, 1);
  return true;
}

/* Whether the table on the top is a class, its constructor, or an object of one. */
static bool of_a_class(lua_State *L) {
  int table = lua_gettop(L);
  bool is = cr_push_class_name(L, table) || cr_push_constructed(L, table) ||
            (lua_getmetatable(L, table) && cr_push_class_name(L, -1));
  lua_settop(L, table);
  return is;
}

typedef struct {
  int names, sources; /* places on the stack */
  bool io;            /* the package whose files are named, too */
} walker;

/* Whether the function on the top is one of a package's own. */
static bool is_own(lua_State *L, const walker *w) {
  if (lua_iscfunction(L, -1)) return true;
  lua_Debug ar;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &ar);
  if (cr_is_library_source(ar.source)) return true;
  lua_pushstring(L, ar.source);
  bool own = lua_rawget(L, w->sources) != LUA_TNIL;
  lua_pop(L, 1);
  return own;
}

static bool is_named(lua_State *L, const walker *w) {
  lua_pushvalue(L, -1);
  bool named = lua_rawget(L, w->names) != LUA_TNIL;
  lua_pop(L, 1);
  return named;
}

/* names[value on the top] = the path below it, which stays. */
static void set_name(lua_State *L, const walker *w, int path) {
  lua_pushvalue(L, -1);
  lua_pushvalue(L, path);
  lua_rawset(L, w->names);
}

/* Gives the value on the top, whose path is at `path`, and what is in it names.  Returns whether it
 * has one. */
static bool walk(lua_State *L, walker *w, int path, int depth) {
  int type = lua_type(L, -1);
  if (type == LUA_TUSERDATA && !w->io) return false;
  if (type != LUA_TFUNCTION && type != LUA_TTABLE && type != LUA_TUSERDATA) return false;
  if (is_named(L, w)) return true;
  if (type == LUA_TFUNCTION && !is_own(L, w)) return false;
  if (type != LUA_TTABLE) {
    set_name(L, w, path);
    return true;
  }
  if (of_a_class(L)) return true;
  if (depth == 0) return false;
  luaL_checkstack(L, 10, NULL);
  int table = lua_gettop(L);
  bool found = false;
  set_name(L, w, path); /* a way back to it ends here */
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t n, m;
      const char *front = lua_tolstring(L, path, &n), *key = lua_tolstring(L, -2, &m);
      luaL_Buffer b;
      luaL_buffinitsize(L, &b, n + m + 1);
      luaL_addlstring(&b, front, n);
      luaL_addchar(&b, '\0');
      luaL_addlstring(&b, key, m);
      luaL_pushresult(&b);
      lua_insert(L, -2);
      found = walk(L, w, table + 2, depth - 1) || found;
      lua_remove(L, -2);
    }
    lua_pop(L, 1);
  }
  if (!found) {
    lua_pushvalue(L, table);
    lua_pushnil(L);
    lua_rawset(L, w->names);
  }
  return found;
}

/* Names what the package on the top has. */
static void add_package(lua_State *L, walker *w, const char *package) {
  if (!cr_can_require(L, package)) return;
  if (push_file(L, package, "path")) {
    lua_pushfstring(L, "@%s", lua_tostring(L, -1));
    lua_pushboolean(L, true);
    lua_rawset(L, w->sources);
    lua_pop(L, 1);
  }
  lua_pushstring(L, package);
  lua_insert(L, -2);
  w->io = strcmp(package, "io") == 0;
  walk(L, w, lua_gettop(L) - 1, DEPTH);
  lua_remove(L, -2);
}

/* The package whose tables are not its own: those of _G are the script's. */
static void add_flat(lua_State *L, walker *w, const char *package) {
  int table = lua_gettop(L);
  lua_pushstring(L, package);
  lua_pushvalue(L, table);
  set_name(L, w, table + 1);
  lua_settop(L, table);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1)) {
      lua_pushlstring(L, package, strlen(package) + 1);
      lua_pushvalue(L, -3);
      lua_concat(L, 2);
      lua_insert(L, -2);
      walk(L, w, lua_gettop(L) - 1, 0);
      lua_remove(L, -2);
    }
    lua_pop(L, 1);
  }
}

static int count(lua_State *L, int table) {
  int n = 0;
  lua_pushnil(L);
  for (; lua_next(L, table); n++) lua_pop(L, 1);
  return n;
}

static void build(lua_State *L) {
  luaL_checkstack(L, 20, NULL);
  int top = lua_gettop(L);
  lua_createtable(L, 3, 0);
  walker w = {.names = top + 2, .sources = top + 3};
  lua_newtable(L);
  lua_newtable(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  int loaded = top + 4;
  for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
    if (lua_getfield(L, loaded, standard[i]) == LUA_TTABLE) {
      if (strcmp(standard[i], "_G") == 0 || strcmp(standard[i], "package") == 0)
        add_flat(L, &w, standard[i]);
      else
        add_package(L, &w, standard[i]);
    }
    lua_settop(L, loaded);
  }
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    if (lua_type(L, -2) == LUA_TSTRING && !is_standard(lua_tostring(L, -2)))
      add_package(L, &w, lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  lua_pushinteger(L, count(L, loaded));
  lua_rawseti(L, top + 1, COUNT);
  lua_settop(L, w.sources);
  lua_rawseti(L, top + 1, SOURCES);
  lua_rawseti(L, top + 1, NAMES);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &index_key);
}

void cr_renew_names(lua_State *L) {
  build(L);
}

void cr_push_names(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &index_key) == LUA_TTABLE) {
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    int now = count(L, lua_gettop(L));
    lua_rawgeti(L, -2, COUNT);
    bool same = lua_tointeger(L, -1) == now;
    lua_pop(L, 2);
    if (same) {
      lua_rawgeti(L, -1, NAMES);
      lua_replace(L, -2);
      return;
    }
  }
  lua_pop(L, 1);
  build(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &index_key);
  lua_rawgeti(L, -1, NAMES);
  lua_replace(L, -2);
}
