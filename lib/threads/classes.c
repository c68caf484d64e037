/* classes.c: which classes another interpreter has for itself, and making those that it has not. */
#include "lib/threads/classes.h"

#include <string.h>

#include <lauxlib.h>

#include "lib/packages.h"
#include "lib/threads/message.h"

static const char library_key;  /* classes that were found to be a package's own */
static const char received_key; /* classes that came in messages */

void cr_push_classes(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "torch") == LUA_TTABLE)
    lua_getfield(L, -1, "_metatables");
  else
    lua_newtable(L);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

bool cr_push_class_name(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (!lua_istable(L, index)) return false;
  luaL_checkstack(L, 5, NULL);
  lua_pushliteral(L, "__typename");
  if (lua_rawget(L, index) == LUA_TSTRING) {
    cr_push_classes(L);
    lua_pushvalue(L, -2);
    lua_rawget(L, -2);
    bool is = lua_rawequal(L, -1, index);
    lua_pop(L, 2);
    if (is) return true;
  }
  lua_pop(L, 1);
  return false;
}

bool cr_push_constructed(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  lua_pushliteral(L, "__metatable");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  bool is = cr_push_class_name(L, -1);
  lua_pop(L, 1);
  return is;
}

bool cr_push_parent(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  bool is = cr_push_class_name(L, -1);
  lua_pop(L, 1);
  return is;
}

static bool is_string(lua_State *L, int index, const char *text) {
  return lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), text) == 0;
}

/* The source of the Lua function at the top; NULL: it is none. */
static const char *source(lua_State *L) {
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1)) return NULL;
  lua_Debug ar;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &ar);
  return ar.source;
}

bool cr_class_made_field(lua_State *L, int index) {
  if (is_string(L, -2, "__typename") || is_string(L, -2, "__name") ||
      is_string(L, -2, "__constructor"))
    return true;
  if (is_string(L, -2, "__index") && lua_rawequal(L, -1, index)) return true;
  static const char file[] = "lib/torch/class.lua";
  const char *from = source(L);
  size_t n = from ? strlen(from) : 0;
  return n >= sizeof file - 1 && strcmp(from + n - (sizeof file - 1), file) == 0;
}

/* Whether only the package's own functions are in the class at `index`. */
static bool has_own_functions_only(lua_State *L, int index) {
  bool own = true;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    const char *from = cr_class_made_field(L, index) ? NULL : source(L);
    own = own && (!from || cr_is_library_source(from));
    lua_pop(L, 1);
  }
  return own;
}

/* Pushes the package that a class's name begins with: "nn" of nn.Linear. */
static bool push_prefix(lua_State *L, const char *name) {
  const char *dot = strrchr(name, '.');
  if (!dot) return false;
  lua_pushlstring(L, name, (size_t)(dot - name));
  return true;
}

/* Pushes the table where the class of that name would stand, and its key there. */
static bool push_home(lua_State *L, const char *name) {
  int top = lua_gettop(L);
  const char *dot = strrchr(name, '.');
  lua_pushglobaltable(L);
  if (dot) {
    push_prefix(L, name);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_rawget(L, -2);
    if (!lua_istable(L, -1)) {
      lua_pushvalue(L, top + 2);
      lua_rawget(L, top + 1);
    }
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
  }
  if (!lua_istable(L, -1)) {
    lua_settop(L, top);
    return false;
  }
  lua_pushstring(L, dot ? dot + 1 : name);
  return true;
}

static bool is_at_home(lua_State *L, int index, const char *name) {
  int top = lua_gettop(L);
  bool is = false;
  if (push_home(L, name) && lua_rawget(L, top + 1) == LUA_TTABLE) {
    lua_pushliteral(L, "__constructor");
    lua_rawget(L, index);
    is = lua_rawequal(L, -1, -2);
  }
  lua_settop(L, top);
  return is;
}

/* Pushes a table of the registry whose keys are classes. */
static void push_set(lua_State *L, const char *key) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static bool is_in_set(lua_State *L, const char *key, int class) {
  class = lua_absindex(L, class);
  push_set(L, key);
  lua_pushvalue(L, class);
  bool is = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 2);
  return is;
}

static void add_to_set(lua_State *L, const char *key, int class) {
  class = lua_absindex(L, class);
  push_set(L, key);
  lua_pushvalue(L, class);
  lua_pushboolean(L, true);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

int cr_class_flags(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (is_in_set(L, &library_key, index)) return 0;
  int top = lua_gettop(L);
  lua_pushliteral(L, "__typename");
  lua_rawget(L, index);
  const char *name = lua_tostring(L, -1);
  bool packaged = push_prefix(L, name) && cr_has_package(L, lua_tostring(L, -1));
  int flags = 0;
  if (packaged && has_own_functions_only(L, index))
    add_to_set(L, &library_key, index);
  else
    flags = CR_CLASS_DEFINED | (is_at_home(L, index, name) ? CR_CLASS_AT_HOME : 0);
  lua_settop(L, top);
  return flags;
}

/* ---- on the other side ------------------------------------------------------------------ */

/* Replaces the name on the top by the class; false, with the name still there: it is unknown. */
static bool get_class(lua_State *L) {
  cr_push_classes(L);
  lua_pushvalue(L, -2);
  if (lua_gettable(L, -2) == LUA_TTABLE) { /* nn loads classes that are asked for */
    lua_replace(L, -3);
    lua_pop(L, 1);
    return true;
  }
  lua_pop(L, 2);
  return false;
}

static bool load_package_of(lua_State *L, const char *name) {
  int top = lua_gettop(L);
  bool there = push_prefix(L, name) && cr_can_require(L, lua_tostring(L, -1));
  if (there) {
    cr_push_require(L);
    lua_insert(L, -2);
    lua_call(L, 1, 0);
  }
  lua_settop(L, top);
  return there;
}

/* Replaces the name on the top by a new class. */
static void define(lua_State *L, int flags, int parent) {
  int name = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "torch");
  lua_getfield(L, -1, "class");
  lua_pushvalue(L, name);
  if (parent) {
    lua_pushliteral(L, "__typename");
    lua_rawget(L, parent);
  }
  lua_newtable(L);
  lua_call(L, parent ? 3 : 2, 1);
  add_to_set(L, &received_key, -1);
  int class = lua_gettop(L);
  if ((flags & CR_CLASS_AT_HOME) && push_home(L, lua_tostring(L, name))) {
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
      lua_pop(L, 1);
      lua_pushliteral(L, "__constructor");
      lua_rawget(L, class);
      lua_rawset(L, -3);
    }
  }
  lua_settop(L, class);
  lua_replace(L, name);
  lua_settop(L, name);
}

bool cr_find_class(lua_State *L, int flags, int parent) {
  luaL_checkstack(L, 12, NULL);
  const char *name = lua_tostring(L, -1);
  if (get_class(L) || (load_package_of(L, name) && get_class(L)))
    return flags && is_in_set(L, &received_key, -1);
  if (!flags) luaL_error(L, "the class %s does not exist in this thread", name);
  define(L, flags, parent);
  return true;
}

void cr_get_constructor(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "torch");
  lua_getfield(L, -1, "getconstructortable");
  lua_pushliteral(L, "__typename");
  lua_rawget(L, -5);
  lua_call(L, 1, 1);
  lua_replace(L, -4);
  lua_pop(L, 2);
}
