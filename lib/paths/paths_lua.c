/* paths_lua.c: what the package `paths` asks the file system. */
#include "lib/openers.h"
#include "lib/packages.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <lauxlib.h>

static int result(lua_State *L, bool ok, const char *path) {
  return luaL_fileresult(L, ok, path);
}

/* kind(path) -> "file", "dir", "other"; nil when there is nothing.  Links are followed. */
static int kind(lua_State *L) {
  cr_need_files(L, "paths");
  struct stat st;
  if (stat(luaL_checkstring(L, 1), &st) != 0) return 0;
  lua_pushstring(L, S_ISREG(st.st_mode) ? "file" : S_ISDIR(st.st_mode) ? "dir" : "other");
  lua_pushinteger(L, (lua_Integer)st.st_size);
  return 2;
}

static int is_link(lua_State *L) {
  cr_need_files(L, "paths");
  struct stat st;
  lua_pushboolean(L, lstat(luaL_checkstring(L, 1), &st) == 0 && S_ISLNK(st.st_mode));
  return 1;
}

/* list(folder) -> all names in it, unordered; or nil, message, code. */
static int list(lua_State *L) {
  cr_need_files(L, "paths");
  const char *path = luaL_checkstring(L, 1);
  lua_newtable(L);
  DIR *d = opendir(path);
  if (!d) return result(L, false, path);
  struct dirent *e;
  for (lua_Integer i = 1; (e = readdir(d)); i++) {
    lua_pushstring(L, e->d_name);
    lua_rawseti(L, -2, i);
  }
  closedir(d);
  return 1;
}

static int cwd(lua_State *L) {
  cr_need_files(L, "paths");
  char *path = getcwd(NULL, 0);
  if (!path) return result(L, false, NULL);
  lua_pushstring(L, path);
  free(path);
  return 1;
}

static int make_dir(lua_State *L) {
  cr_need_files(L, "paths");
  const char *path = luaL_checkstring(L, 1);
  return result(L, mkdir(path, 0777) == 0, path);
}

static int remove_dir(lua_State *L) {
  cr_need_files(L, "paths");
  const char *path = luaL_checkstring(L, 1);
  return result(L, rmdir(path) == 0, path);
}

/* tmpname() -> a new empty file. */
static int temporary_name(lua_State *L) {
  cr_need_files(L, "paths");
  const char *folder = getenv("TMPDIR");
  lua_pushfstring(L, "%s/cresset.XXXXXX", folder && *folder ? folder : "/tmp");
  size_t n;
  const char *pattern = lua_tolstring(L, -1, &n);
  luaL_Buffer b;
  char *name = luaL_buffinitsize(L, &b, n + 1);
  memcpy(name, pattern, n + 1);
  int fd = mkstemp(name);
  if (fd < 0) return result(L, false, pattern);
  close(fd);
  luaL_pushresultsize(&b, n);
  return 1;
}

/* program() -> the path of the running program; nil when the system does not tell. */
static int program(lua_State *L) {
  char path[4096];
  if (cr_is_restricted(L)) return 0;
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return 0;
  lua_pushlstring(L, path, (size_t)n);
  return 1;
}

/* uname() -> system, machine's name, machine's kind */
static int system_name(lua_State *L) {
  struct utsname u;
  if (uname(&u) != 0) return result(L, false, NULL);
  lua_pushstring(L, u.sysname);
  lua_pushstring(L, u.nodename);
  lua_pushstring(L, u.machine);
  return 3;
}

int luaopen_paths_system(lua_State *L) {
  static const luaL_Reg functions[] = {{"kind", kind},         {"islink", is_link},
                                       {"list", list},         {"cwd", cwd},
                                       {"mkdir", make_dir},    {"rmdir", remove_dir},
                                       {"program", program},   {"tmpname", temporary_name},
                                       {"uname", system_name}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
