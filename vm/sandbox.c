/* sandbox.c: which libraries a script has.  The rules are in Lua, vm/sandbox/init.lua; here is what
 * they need of C. */
#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/packages.h"
#include "tensor/internal.h"
#include "vm/interp.h"

/* In the registry: what makes the script's `torch` of the library's, until it is called. */
static const char finish_key;

/* ---- base functions of restricted scripts ----------------------------------------------- */

/* Pushes a field of the value's metatable, past its own metatable.  False, with nothing pushed:
 * there is none. */
static bool push_raw_field(lua_State *L, int meta, const char *name) {
  meta = lua_absindex(L, meta);
  lua_pushstring(L, name);
  if (lua_rawget(L, meta) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}

/* Lua cannot stop a finalizer in the middle; so nobody gets to set one, or to see a metatable that
 * has one, or that C gives to new objects, and change it. */
static int get_metatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (!lua_getmetatable(L, 1)) return 0;
  if (push_raw_field(L, -1, "__metatable")) return 1;
  if (lua_type(L, 1) == LUA_TUSERDATA || push_raw_field(L, -1, "__gc")) lua_pushboolean(L, 0);
  return 1;
}

static int set_metatable(lua_State *L) {
  int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  if (type == LUA_TTABLE && (push_raw_field(L, 2, "__gc") || push_raw_field(L, 2, "__box")))
    return luaL_error(L, "setmetatable: restricted scripts have no finalizers (__gc)");
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

/* The compiler sees no limit of time; between the pieces that it gets we do. */
typedef struct {
  cresset *c;
  const char *text;
  size_t left;
} source;

enum { TEXT = 1, NAME, MODE, ENVIRONMENT, PIECE };

static const char *read_text(lua_State *L, void *ud, size_t *size) {
  source *s = ud;
  cr_count_steps(L, s->c, 0);
  *size = s->left < 4096 ? s->left : 4096;
  const char *text = s->text;
  s->text += *size;
  s->left -= *size;
  return text;
}

static const char *read_function(lua_State *L, void *ud, size_t *size) {
  source *s = ud;
  cr_count_steps(L, s->c, 0);
  luaL_checkstack(L, 2, "too many nested functions");
  lua_pushvalue(L, TEXT);
  lua_call(L, 0, 1);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    *size = 0;
    return NULL;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "reader function must return a string");
  lua_replace(L, PIECE); /* where the collector leaves it alone */
  return lua_tolstring(L, PIECE, size);
}

/* load(chunk [, name [, mode [, env]]]), for text only. */
static int load_text(lua_State *L) {
  source s = {cr_interp_of(L), NULL, 0};
  bool has_environment = !lua_isnone(L, ENVIRONMENT);
  const char *mode = luaL_optstring(L, MODE, "t");
  int status;
  lua_settop(L, PIECE);
  if (!strchr(mode, 't')) {
    luaL_pushfail(L);
    lua_pushliteral(L, "load: restricted scripts load text only");
    return 2;
  }
  if ((s.text = lua_tolstring(L, TEXT, &s.left))) {
    status = lua_load(L, read_text, &s, luaL_optstring(L, NAME, s.text), "t");
  } else {
    luaL_checktype(L, TEXT, LUA_TFUNCTION);
    status = lua_load(L, read_function, &s, luaL_optstring(L, NAME, "=(load)"), "t");
  }
  if (status != LUA_OK) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_environment) {
    lua_pushvalue(L, ENVIRONMENT);
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  }
  return 1;
}

/* ---- tables ----------------------------------------------------------------------------- */

static bool is_plain(lua_State *L, int arg) {
  if (lua_type(L, arg) != LUA_TTABLE) return !luaL_getmetafield(L, arg, "__index");
  if (!lua_getmetatable(L, arg)) return true;
  lua_pop(L, 1);
  return false;
}

/* A function of Lua's library `table`: by C where it is done soon, else by tables.lua.  Upvalues:
 * C's, the other, the most elements for C. */
static int table_function(lua_State *L) {
  lua_Integer most = lua_tointeger(L, lua_upvalueindex(3));
  int n = lua_gettop(L);
  bool soon = n == 0 || (is_plain(L, 1) &&
                         (lua_type(L, 1) != LUA_TTABLE || (lua_Integer)lua_rawlen(L, 1) <= most));
  lua_settop(L, n);
  for (int i = 2; i <= n && soon; i++) {
    lua_Integer place = lua_tointeger(L, i);
    if (i == 5 && lua_istable(L, i)) soon = is_plain(L, i); /* of table.move */
    soon = soon && place >= -most && place <= most;
    lua_settop(L, n);
  }
  if (soon) return lua_tocfunction(L, lua_upvalueindex(1))(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, n, LUA_MULTRET);
  return lua_gettop(L);
}

static int either(lua_State *L) {
  lua_settop(L, 3);
  lua_pushcclosure(L, table_function, 3);
  return 1;
}

/* ---- output ----------------------------------------------------------------------------- */

/* Writes its arguments as io.write does.  Upvalues: the interpreter, the number of the stream. */
static int write_stream(lua_State *L) {
  cresset *c = lua_touserdata(L, lua_upvalueindex(1));
  FILE *f = cr_stream(c, (int)lua_tointeger(L, lua_upvalueindex(2)));
  int n = lua_gettop(L);
  for (int i = 1; i <= n; i++) {
    size_t length;
    const char *text = luaL_checklstring(L, i, &length);
    fwrite(text, 1, length, f);
  }
  return 0;
}

/* ---- for the rules ---------------------------------------------------------------------- */

static int has_package(lua_State *L) {
  lua_pushboolean(L, cr_has_package(L, luaL_checkstring(L, 1)));
  return 1;
}

/* torch.setmemorylimit(bytes): a script may make the host's limit smaller, not larger. */
static int limit_memory(lua_State *L) {
  cresset *c = lua_touserdata(L, lua_upvalueindex(1));
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0, 1, "a number of bytes is wanted");
  size_t most = c->tensor_limit, wanted = (size_t)n;
  if (most && (wanted == 0 || wanted > most)) wanted = most;
  atomic_store(&c->context->account->limit, wanted);
  return 0;
}

/* torch.setnumthreads(n), likewise, and for this interpreter only. */
static int limit_threads(lua_State *L) {
  cresset *c = lua_touserdata(L, lua_upvalueindex(1));
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 1 && n <= 1024, 1, "between 1 and 1024 threads are wanted");
  c->context->threads = c->most_threads && n > c->most_threads ? c->most_threads : (int)n;
  return 0;
}

static void push_natives(lua_State *L, cresset *c) {
  static const luaL_Reg functions[] = {{"getmetatable", get_metatable},
                                       {"setmetatable", set_metatable},
                                       {"load", load_text},
                                       {"either", either},
                                       {"has_package", has_package},
                                       {"limit_memory", limit_memory},
                                       {"limit_threads", limit_threads},
                                       {NULL, NULL}};
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, c);
  luaL_setfuncs(L, functions, 1);
  cr_push_patterns(L, c);
  lua_setfield(L, -2, "patterns");
  for (int i = 1; i <= 2; i++) {
    lua_pushlightuserdata(L, c);
    lua_pushinteger(L, i);
    lua_pushcclosure(L, write_stream, 2);
    lua_setfield(L, -2, i == 1 ? "output" : "errors");
  }
}

static void push_options(lua_State *L, const cresset_options *o) {
  lua_newtable(L);
  lua_pushboolean(L, o->restricted);
  lua_setfield(L, -2, "restricted");
  lua_pushstring(L, o->libraries);
  lua_setfield(L, -2, "libraries");
  lua_pushstring(L, o->path);
  lua_setfield(L, -2, "path");
}

/* ---- opening ---------------------------------------------------------------------------- */

void cr_open_libraries(lua_State *L, cresset *c, const cresset_options *options) {
  if (!options->restricted && !options->libraries) return;
  c->tensor_limit = options->tensor_memory;
  c->most_threads = options->threads > 0 ? options->threads : 0;
  c->restricted = c->context->untrusted = options->restricted;
  lua_pushboolean(L, options->restricted);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_RESTRICTED_KEY);
  lua_getglobal(L, "require");
  lua_pushvalue(L, -1);
  lua_pushliteral(L, "cresset.sandbox");
  lua_call(L, 1, 1);
  push_natives(L, c);
  push_options(L, options);
  lua_call(L, 2, 2);
  if (lua_isnil(L, -2)) lua_error(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &finish_key);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_LIBRARY_ENVIRONMENT_KEY);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_REQUIRE_KEY);
}

void cr_finish_libraries(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &finish_key) == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &finish_key);
}
