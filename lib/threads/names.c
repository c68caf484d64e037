/* names.c: what every interpreter has for itself: functions and tables of packages, by name.
 *
 * A function counts when its package's own file defines it, so that what a script has put into a
 * package travels like the script's other values.  A table counts when it holds such a function, is
 * called through one, or is a metatable that C code finds by its name. */
#include "lib/threads/message.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/packages.h"
#include "lib/threads/classes.h"

#define DEPTH 6

static const char index_key;

/* The index: its fields.  SEEN has the packages and the classes that were looked at. */
enum { NAMES = 1, SOURCES, SEEN, COUNT };

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
  int names, sources, seen; /* places on the stack */
  bool io;                  /* the package whose files are named, too */
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

/* Pushes the path at `path` with the string at `key` behind it. */
static void push_step(lua_State *L, int path, int key) {
  key = lua_absindex(L, key);
  lua_pushvalue(L, path);
  lua_pushlstring(L, "", 1); /* one NUL */
  lua_pushvalue(L, key);
  lua_concat(L, 3);
}

static bool walk(lua_State *L, walker *w, int path, int depth);

/* Names what is in the table at `table`; returns whether there was something. */
static bool walk_fields(lua_State *L, walker *w, int table, int path, int depth) {
  bool found = false;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_type(L, -2) == LUA_TSTRING && (depth > 0 || lua_isfunction(L, -1))) {
      push_step(L, path, -2);
      lua_insert(L, -2);
      found = walk(L, w, lua_gettop(L) - 1, depth - 1) || found;
      lua_remove(L, -2);
    }
    lua_pop(L, 1);
  }
  return found;
}

/* Whether the table on the top is there to be called, as classes that are not of torch.class are.
 */
static bool is_called(lua_State *L, const walker *w) {
  int top = lua_gettop(L);
  bool is = false;
  if (lua_getmetatable(L, -1)) {
    lua_pushliteral(L, "__call");
    is = lua_rawget(L, -2) == LUA_TFUNCTION && is_own(L, w);
  }
  lua_settop(L, top);
  return is;
}

/* Whether the table on the top is a metatable of luaL_newmetatable, as those of json are. */
static bool is_registered(lua_State *L) {
  int table = lua_gettop(L);
  lua_pushliteral(L, "__name");
  bool is = lua_rawget(L, table) == LUA_TSTRING && lua_rawget(L, LUA_REGISTRYINDEX) == LUA_TTABLE &&
            lua_rawequal(L, -1, table);
  lua_settop(L, table);
  return is;
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
  if (depth <= 0) return false;
  luaL_checkstack(L, 10, NULL);
  int table = lua_gettop(L);
  set_name(L, w, path); /* a way back to it ends here */
  bool found = walk_fields(L, w, table, path, depth) || is_called(L, w) || is_registered(L);
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
  lua_pushstring(L, package);
  lua_insert(L, -2);
  set_name(L, w, lua_gettop(L) - 1);
  walk_fields(L, w, lua_gettop(L), lua_gettop(L) - 1, 0);
  lua_remove(L, -2);
}

/* Whether the key below the value on the top was seen; it is from now on. */
static bool seen(lua_State *L, const walker *w) {
  lua_pushvalue(L, -2);
  bool was = lua_rawget(L, w->seen) != LUA_TNIL;
  lua_pop(L, 1);
  if (!was) {
    lua_pushvalue(L, -2);
    lua_pushboolean(L, true);
    lua_rawset(L, w->seen);
  }
  return was;
}

static void add_standard(lua_State *L, walker *w, int loaded) {
  for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
    lua_pushstring(L, standard[i]);
    if (lua_getfield(L, loaded, standard[i]) == LUA_TTABLE && !seen(L, w)) {
      if (strcmp(standard[i], "_G") == 0 || strcmp(standard[i], "package") == 0)
        add_flat(L, w, standard[i]);
      else
        add_package(L, w, standard[i]);
    }
    lua_pop(L, 2);
  }
}

static void add_packages(lua_State *L, walker *w, int loaded) {
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    if (lua_type(L, -2) == LUA_TSTRING && !is_standard(lua_tostring(L, -2)) && !seen(L, w))
      add_package(L, w, lua_tostring(L, -2));
    lua_pop(L, 1);
  }
}

/* The functions of classes: torch._metatables["nn.Linear"].forward */
static void add_classes(lua_State *L, walker *w) {
  static const char classes_path[] = "torch\0_metatables";
  cr_push_classes(L);
  int classes = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, classes)) {
    /* The names of classes and packages are told apart by the table that stands for the former. */
    if (lua_type(L, -2) == LUA_TSTRING && lua_istable(L, -1)) {
      lua_pushvalue(L, -1);
      lua_pushvalue(L, -1);
      bool was = seen(L, w);
      lua_pop(L, 2);
      if (!was) {
        lua_pushlstring(L, classes_path, sizeof classes_path - 1);
        push_step(L, lua_gettop(L), -3);
        lua_replace(L, -2);
        walk_fields(L, w, lua_gettop(L) - 1, lua_gettop(L), 0);
        lua_pop(L, 1);
      }
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Brings the index on the top up to date. */
static void extend(lua_State *L, int count) {
  luaL_checkstack(L, 20, NULL);
  int index = lua_gettop(L), loaded = index + 1;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  walker w = {.names = index + 2, .sources = index + 3, .seen = index + 4};
  lua_rawgeti(L, index, NAMES);
  lua_rawgeti(L, index, SOURCES);
  lua_rawgeti(L, index, SEEN);
  add_standard(L, &w, loaded);
  add_packages(L, &w, loaded);
  add_classes(L, &w);
  lua_settop(L, index);
  lua_pushinteger(L, count);
  lua_rawseti(L, index, COUNT);
}

static void push_index(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &index_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, COUNT, 0);
  for (int i = NAMES; i <= SEEN; i++) {
    lua_newtable(L);
    lua_rawseti(L, -2, i);
  }
}

void cr_renew_names(lua_State *L) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &index_key);
}

/* An index that was not finished, for want of memory, is not kept. */
void cr_push_names(lua_State *L) {
  luaL_checkstack(L, 10, NULL);
  push_index(L);
  int index = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  int now = 0;
  lua_pushnil(L);
  for (; lua_next(L, index + 1); now++) lua_pop(L, 1);
  lua_rawgeti(L, index, COUNT);
  bool same = lua_tointeger(L, -1) == now;
  lua_settop(L, index);
  if (!same) {
    cr_renew_names(L);
    extend(L, now);
    lua_pushvalue(L, index);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &index_key);
  }
  lua_rawgeti(L, index, NAMES);
  lua_replace(L, index);
}
