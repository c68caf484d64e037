/* lfs_lua.c: require "lfs": LuaFileSystem's calls, for scripts where that library is not installed.
 */
#include "lib/openers.h"
#include "lib/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#define FOLDER "cresset.lfs folder"
#define LOCK "cresset.lfs lock"

static int result(lua_State *L, bool ok, const char *path) {
  return luaL_fileresult(L, ok, path);
}

/* ---- attributes --------------------------------------------------------------------------- */

static const char *mode_name(mode_t mode) {
  return S_ISREG(mode)    ? "file"
         : S_ISDIR(mode)  ? "directory"
         : S_ISLNK(mode)  ? "link"
         : S_ISSOCK(mode) ? "socket"
         : S_ISFIFO(mode) ? "named pipe"
         : S_ISCHR(mode)  ? "char device"
         : S_ISBLK(mode)  ? "block device"
                          : "other";
}

static void push_permissions(lua_State *L, mode_t mode) {
  char text[] = "rwxrwxrwx";
  for (int i = 0; i < 9; i++)
    if (!(mode >> (8 - i) & 1)) text[i] = '-';
  lua_pushstring(L, text);
}

static const char *const names[] = {"mode", "dev",         "ino",    "nlink",        "uid",
                                    "gid",  "rdev",        "access", "modification", "change",
                                    "size", "permissions", "blocks", "blksize",      NULL};

static void push_attribute(lua_State *L, const struct stat *st, int which) {
  const lua_Integer numbers[] = {
      0,
      (lua_Integer)st->st_dev,
      (lua_Integer)st->st_ino,
      (lua_Integer)st->st_nlink,
      (lua_Integer)st->st_uid,
      (lua_Integer)st->st_gid,
      (lua_Integer)st->st_rdev,
      (lua_Integer)st->st_atime,
      (lua_Integer)st->st_mtime,
      (lua_Integer)st->st_ctime,
      (lua_Integer)st->st_size,
      0,
      (lua_Integer)st->st_blocks,
      (lua_Integer)st->st_blksize,
  };
  if (which == 0)
    lua_pushstring(L, mode_name(st->st_mode));
  else if (which == 11)
    push_permissions(L, st->st_mode);
  else
    lua_pushinteger(L, numbers[which]);
}

static bool push_target(lua_State *L, const char *path) {
  char text[4096];
  ssize_t n = readlink(path, text, sizeof text);
  if (n < 0) return false;
  lua_pushlstring(L, text, (size_t)n);
  return true;
}

/* One attribute by its name, or all in a table, which may be given. */
static int attributes(lua_State *L, int (*get)(const char *, struct stat *), bool link) {
  const char *path = luaL_checkstring(L, 1);
  struct stat st;
  if (get(path, &st) != 0) {
    int code = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "cannot obtain information from file '%s': %s", path, strerror(code));
    lua_pushinteger(L, code);
    return 3;
  }
  if (lua_type(L, 2) == LUA_TSTRING) {
    const char *name = lua_tostring(L, 2);
    if (link && strcmp(name, "target") == 0) return push_target(L, path);
    for (int i = 0; names[i]; i++) {
      if (strcmp(name, names[i]) != 0) continue;
      push_attribute(L, &st, i);
      return 1;
    }
    return luaL_error(L, "invalid attribute name '%s'", name);
  }
  lua_settop(L, 2);
  if (!lua_istable(L, 2)) lua_newtable(L);
  for (int i = 0; names[i]; i++) {
    push_attribute(L, &st, i);
    lua_setfield(L, -2, names[i]);
  }
  if (link && push_target(L, path)) lua_setfield(L, -2, "target");
  return 1;
}

static int lfs_attributes(lua_State *L) {
  return attributes(L, stat, false);
}

static int lfs_symlinkattributes(lua_State *L) {
  return attributes(L, lstat, true);
}

/* ---- folders ------------------------------------------------------------------------------ */

static DIR **check_folder(lua_State *L) {
  return luaL_checkudata(L, 1, FOLDER);
}

static int folder_close(lua_State *L) {
  DIR **d = check_folder(L);
  if (*d) closedir(*d);
  *d = NULL;
  return 0;
}

static int folder_next(lua_State *L) {
  DIR **d = check_folder(L);
  luaL_argcheck(L, *d, 1, "closed directory");
  struct dirent *e = readdir(*d);
  if (!e) return folder_close(L);
  lua_pushstring(L, e->d_name);
  return 1;
}

/* dir(path) -> iterator, folder, nil, folder; the last is closed when a loop is left */
static int lfs_dir(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_pushcfunction(L, folder_next);
  DIR **d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = NULL;
  luaL_setmetatable(L, FOLDER);
  *d = opendir(path);
  if (!*d) return luaL_error(L, "cannot open %s: %s", path, strerror(errno));
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  return 4;
}

static int lfs_chdir(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  if (chdir(path) == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "Unable to change working directory to '%s'\n%s\n", path, strerror(errno));
  return 2;
}

/* ---- files -------------------------------------------------------------------------------- */

static int lfs_link(lua_State *L) {
  const char *from = luaL_checkstring(L, 1), *to = luaL_checkstring(L, 2);
  return result(L, (lua_toboolean(L, 3) ? symlink(from, to) : link(from, to)) == 0, to);
}

static struct timespec check_seconds(lua_State *L, int arg) {
  lua_Number t = luaL_checknumber(L, arg);
  lua_Integer whole = 0;
  luaL_argcheck(L, lua_numbertointeger(floor(t), &whole), arg, "no time");
  return (struct timespec){whole, (long)((t - floor(t)) * 1e9)};
}

/* touch(path [, access [, modification]]) */
static int lfs_touch(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct timespec times[2];
  clock_gettime(CLOCK_REALTIME, &times[0]);
  if (!lua_isnoneornil(L, 2)) times[0] = check_seconds(L, 2);
  times[1] = lua_isnoneornil(L, 3) ? times[0] : check_seconds(L, 3);
  return result(L, utimensat(AT_FDCWD, path, times, 0) == 0, path);
}

static FILE *check_file(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (!s->closef) luaL_error(L, "closed file");
  return s->f;
}

static int set_lock(lua_State *L, short kind, int start) {
  FILE *f = check_file(L);
  struct flock lock = {.l_type = kind, .l_whence = SEEK_SET};
  lock.l_start = (off_t)luaL_optinteger(L, start, 0);
  lock.l_len = (off_t)luaL_optinteger(L, start + 1, 0);
  return result(L, fcntl(fileno(f), F_SETLK, &lock) != -1, NULL);
}

/* lock(file, "r" or "w" [, start [, length]]) */
static int lfs_lock(lua_State *L) {
  static const char *const modes[] = {"r", "w", NULL};
  return set_lock(L, luaL_checkoption(L, 2, NULL, modes) ? F_WRLCK : F_RDLCK, 3);
}

static int lfs_unlock(lua_State *L) {
  return set_lock(L, F_UNLCK, 2);
}

/* setmode(file, mode): there is but one here. */
static int lfs_setmode(lua_State *L) {
  static const char *const modes[] = {"binary", "text", NULL};
  check_file(L);
  luaL_checkoption(L, 2, NULL, modes);
  lua_pushboolean(L, 1);
  lua_pushliteral(L, "binary");
  return 2;
}

/* ---- locks of folders --------------------------------------------------------------------- */

static int lock_free(lua_State *L) {
  luaL_checkudata(L, 1, LOCK);
  if (lua_getiuservalue(L, 1, 1) == LUA_TSTRING) unlink(lua_tostring(L, -1));
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1);
  return 0;
}

/* lock_dir(path [, seconds]) -> lock: a link in the folder, which only one can make; one that is
 * older than so many seconds does not count */
static int lfs_lock_dir(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_Number stale = luaL_optnumber(L, 2, -1);
  struct stat st;
  lua_newuserdatauv(L, 0, 1);
  const char *name = lua_pushfstring(L, "%s/lockfile.lfs", lua_tostring(L, 1));
  if (stale >= 0 && lstat(name, &st) == 0 && difftime(time(NULL), st.st_mtime) > stale)
    unlink(name);
  if (symlink("lock", name) != 0) return result(L, false, NULL);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, LOCK);
  return 1;
}

/* ------------------------------------------------------------------------------------------- */

static void new_class(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

int luaopen_lfs_calls(lua_State *L) {
  cr_need_files(L, "lfs");
  static const luaL_Reg folder[] = {{"next", folder_next},
                                    {"close", folder_close},
                                    {"__gc", folder_close},
                                    {"__close", folder_close},
                                    {NULL, NULL}};
  static const luaL_Reg lock[] = {
      {"free", lock_free}, {"__gc", lock_free}, {"__close", lock_free}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"attributes", lfs_attributes},
                                       {"symlinkattributes", lfs_symlinkattributes},
                                       {"dir", lfs_dir},
                                       {"chdir", lfs_chdir},
                                       {"link", lfs_link},
                                       {"touch", lfs_touch},
                                       {"lock", lfs_lock},
                                       {"unlock", lfs_unlock},
                                       {"setmode", lfs_setmode},
                                       {"lock_dir", lfs_lock_dir},
                                       {NULL, NULL}};
  new_class(L, FOLDER, folder);
  new_class(L, LOCK, lock);
  luaL_newlib(L, functions);
  return 1;
}
