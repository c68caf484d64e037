/* packages.c: the searcher that finds Cresset's packages for `require`. */
#include "lib/packages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "lib/openers.h"
#include "lib/torch/torch_lua.h"

/* In the registry: Lua's table `package`, whatever a script has put in its place. */
#define CR_PACKAGE_KEY "cresset.package"

/* The packages that are opened by a C function; it may load Lua files of its own. */
static const luaL_Reg c_packages[] = {
    {"torch", luaopen_torch_core},
    {"torch._disk", luaopen_torch_disk},
    {"torch._each", luaopen_torch_each},
    {"torch._clock", luaopen_torch_clock},
    {"paths._system", luaopen_paths_system},
    {"xlua._terminal", luaopen_xlua_terminal},
    {"data._csv", luaopen_data_csv},
    {"data._idx", luaopen_data_idx},
    {"data._random", luaopen_data_random},
    {"data._stack", luaopen_data_stack},
    {"data._bpe", luaopen_data_bpe},
    {"data._text", luaopen_data_text},
    {"data._disk", luaopen_data_disk},
    {"formats._npy", luaopen_formats_npy},
    {"formats._npz", luaopen_formats_npz},
    {"formats._safetensors", luaopen_formats_safetensors},
    {"image._codec", luaopen_image_codec},
    {"image._pixels", luaopen_image_pixels},
    {"nn.functional", luaopen_nn_functional},
    {"optim._update", luaopen_optim_update},
    {"threads._core", luaopen_threads_core},
    {"help._sources", luaopen_help_sources},
    {"json._codec", luaopen_json_codec},
    {"tensorboard._events", luaopen_tensorboard_events},
    {"lfs._calls", luaopen_lfs_calls},
};

/* Packages whose files are not in a folder of their name under lib/. */
static const struct {
  const char *name, *folder;
} folders[] = {
    {"nn", "nn/"},
    {"cresset", "vm/"},
};

/* Names so common that a script's own file of that name goes first. */
static const char *const modest[] = {"data", "plot", "graph", "image",
                                     "json", "runs", "train", "tune"};

/* Libraries for which ours only stand in: installed ones go first, with all their modules. */
static const char *const foreign[] = {"cjson", "lfs", "pl"};

static int compare_path(const void *key, const void *file) {
  return strcmp(key, ((const cr_embedded_file *)file)->path);
}

const cr_embedded_file *cr_embedded_find(const char *path) {
  return bsearch(path, cr_embedded_files, cr_embedded_count, sizeof *cr_embedded_files,
                 compare_path);
}

bool cr_is_embedded(const char *source) {
  if (source[0] != '@' || !strchr("lnv", source[1])) return false; /* lib, nn, vm */
  return cr_embedded_find(source + 1) != NULL;
}

static lua_CFunction find_c_package(const char *name) {
  for (size_t i = 0; i < sizeof c_packages / sizeof *c_packages; i++)
    if (strcmp(name, c_packages[i].name) == 0) return c_packages[i].func;
  return NULL;
}

/* Pushes the path of a package's file without its ending: "lib/optim/adam" for "optim.adam".
 * `whole` says that the name is a package's own, whose file is init.lua. */
static const char *push_stem(lua_State *L, const char *name, bool *whole) {
  size_t first = strcspn(name, ".");
  *whole = name[first] == '\0';
  const char *rest = *whole ? "init" : luaL_gsub(L, name + first + 1, ".", "/");
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (strlen(folders[i].name) == first && strncmp(name, folders[i].name, first) == 0)
      return lua_pushfstring(L, "%s%s", folders[i].folder, rest);
  lua_pushlstring(L, name, first);
  return lua_pushfstring(L, "lib/%s/%s", lua_tostring(L, -1), rest);
}

/* Gives the chunk on the top the globals that the files of its folder see. */
static void set_globals(lua_State *L, const char *path) {
  bool prompt = strncmp(path, "vm/", 3) == 0;
  if (!(prompt && lua_getfield(L, LUA_REGISTRYINDEX, CR_ENVIRONMENT_KEY) == LUA_TTABLE)) {
    if (prompt) lua_pop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, CR_LIBRARY_ENVIRONMENT_KEY);
  }
  if (lua_istable(L, -1))
    lua_setupvalue(L, -2, 1);
  else
    lua_pop(L, 1);
}

/* Pushes the loaded chunk and its file's name.  False, with nothing pushed: there is no such file.
 * A file that does not compile is an error. */
static bool load_path(lua_State *L, const char *path) {
  const char *tree = getenv("CRESSET_PATH");
  int status = LUA_OK, top = lua_gettop(L);
  const char *file = tree && *tree ? lua_pushfstring(L, "%s/%s", tree, path) : NULL;
  if (file && access(file, R_OK) == 0) {
    status = luaL_loadfilex(L, file, "t");
  } else {
    const cr_embedded_file *e = cr_embedded_find(path);
    lua_settop(L, top);
    if (!e) return false;
    file = lua_pushfstring(L, "@%s", path);
    status = e->code ? luaL_loadbufferx(L, e->code, e->code_length, file, "b") : LUA_ERRSYNTAX;
    if (status == LUA_ERRSYNTAX) { /* a Lua that reads other bytecode than that of the build */
      lua_settop(L, top + 1);
      status = luaL_loadbufferx(L, e->bytes, e->length, file, "t");
    }
  }
  if (status != LUA_OK) lua_error(L);
  set_globals(L, path);
  lua_insert(L, -2);
  return true;
}

/* Whether package.searchpath finds the name in package[field]. */
static bool on_path(lua_State *L, const char *name, const char *field) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, CR_PACKAGE_KEY) != LUA_TTABLE) {
    lua_pop(L, 1);
    return false;
  }
  lua_getfield(L, -1, "searchpath");
  lua_pushstring(L, name);
  lua_getfield(L, -3, field);
  bool found = lua_pcall(L, 2, 1, 0) == LUA_OK && lua_isstring(L, -1);
  lua_pop(L, 2);
  return found;
}

/* Whether there is a file of the script's own for a name that is modest. */
static bool gives_way(lua_State *L, const char *name) {
  for (size_t i = 0; i < sizeof modest / sizeof *modest; i++)
    if (strcmp(name, modest[i]) == 0) return on_path(L, name, "path") || on_path(L, name, "cpath");
  size_t first = strcspn(name, ".");
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
    if (strlen(foreign[i]) == first && strncmp(name, foreign[i], first) == 0)
      return on_path(L, name, "path") || on_path(L, name, "cpath");
  return false;
}

bool cr_has_package(lua_State *L, const char *name) {
  int top = lua_gettop(L);
  if (gives_way(L, name)) return false;
  if (find_c_package(name)) return true;
  bool whole, found = false;
  const char *tree = getenv("CRESSET_PATH"), *stem = push_stem(L, name, &whole);
  for (int i = 0; i < (whole ? 1 : 2) && !found; i++) {
    const char *path = lua_pushfstring(L, i ? "%s/init.lua" : "%s.lua", stem);
    const char *file = tree && *tree ? lua_pushfstring(L, "%s/%s", tree, path) : NULL;
    found = cr_embedded_find(path) || (file && access(file, R_OK) == 0);
  }
  lua_settop(L, top);
  return found;
}

static int search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  bool whole;
  if (gives_way(L, name)) {
    lua_pushfstring(L, "'%s' of Cresset gives way to a file of the script's own", name);
    return 1;
  }
  lua_CFunction open = find_c_package(name);
  if (open) {
    lua_pushcfunction(L, open);
    lua_pushliteral(L, ":cresset:");
    return 2;
  }
  const char *stem = push_stem(L, name, &whole);
  if (load_path(L, lua_pushfstring(L, "%s.lua", stem))) return 2;
  if (!whole && load_path(L, lua_pushfstring(L, "%s/init.lua", stem))) return 2;
  lua_pushfstring(L, "no file '%s.lua' in Cresset", stem);
  return 1;
}

bool cr_is_restricted(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, CR_RESTRICTED_KEY);
  bool restricted = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return restricted;
}

void cr_need_files(lua_State *L, const char *function) {
  if (cr_is_restricted(L))
    luaL_error(L, "%s: files and processes are out of reach of restricted scripts", function);
}

void cr_push_require(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, CR_REQUIRE_KEY) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_getglobal(L, "require");
}

void cr_open_packages(lua_State *L) {
  static const char installed;
  int top = lua_gettop(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &installed) == LUA_TNIL &&
      lua_getglobal(L, "package") == LUA_TTABLE) {
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CR_PACKAGE_KEY);
  }
  if (lua_istable(L, -1) && lua_getfield(L, -1, "searchers") == LUA_TTABLE) {
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= 2; i--) {
      lua_rawgeti(L, -1, i);
      lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, search);
    lua_rawseti(L, -2, 2); /* after package.preload */
    lua_pushboolean(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &installed);
  }
  lua_settop(L, top);
}
