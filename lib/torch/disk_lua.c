/* disk_lua.c: what saving a file safely needs and Lua's io lacks. */
#include "lib/openers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "lib/formats/map.h"
#include "lib/formats/stream.h"
#include "lib/torch/binding.h"
#include "lib/packages.h"

static int fail_path(lua_State *L, const char *path) {
  int code = errno;
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(code));
  return 2;
}

static int close_stream(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  return luaL_fileresult(L, fclose(s->f) == 0, NULL);
}

/* Pushes an open Lua file on a descriptor; closes the descriptor when that fails. */
static bool push_stream(lua_State *L, int fd) {
  luaL_Stream *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->closef = NULL;
  luaL_setmetatable(L, LUA_FILEHANDLE);
  s->f = fdopen(fd, "wb");
  if (!s->f) {
    close(fd);
    return false;
  }
  s->closef = close_stream;
  return true;
}

/* Creates a file beside path under a name that nothing has yet, which it writes to `name`.  The
 * user's mask decides its rights, as for any new file; if it is to replace a file, it gets that
 * one's. */
static int create_beside(const char *path, char *name, size_t n) {
  static atomic_uint calls;
  int fd = -1;
  for (int tries = 0; fd < 0 && tries < 100; tries++) {
    unsigned id = (unsigned)getpid() * 2654435761u + atomic_fetch_add(&calls, 1);
    snprintf(name, n, "%s.%08x", path, id);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) break;
  }
  struct stat old;
  if (fd < 0 || stat(path, &old) != 0 || fchmod(fd, old.st_mode & 07777) == 0) return fd;
  int code = errno;
  close(fd);
  unlink(name);
  errno = code;
  return -1;
}

/* target(path) -> the file that writing to path would change, behind links; whether that is an
 * ordinary file or nothing yet, so that renaming another one over it is the same as writing it. */
static int target(lua_State *L) {
  cr_need_files(L, "torch.save");
  const char *path = luaL_checkstring(L, 1);
  struct stat st;
  char *real = realpath(path, NULL);
  lua_pushstring(L, real ? real : path);
  free(real);
  bool there = stat(path, &st) == 0;
  lua_pushboolean(L, there ? S_ISREG(st.st_mode) : lstat(path, &st) != 0);
  return 2;
}

/* temporary(path) -> an open new file in path's folder, its name; or nil and a message. */
static int temporary(lua_State *L) {
  cr_need_files(L, "torch.save");
  const char *path = luaL_checkstring(L, 1);
  luaL_Buffer b;
  size_t n = strlen(path) + sizeof ".12345678";
  char *name = luaL_buffinitsize(L, &b, n);
  int fd = create_beside(path, name, n);
  if (fd < 0) return fail_path(L, path);
  luaL_pushresultsize(&b, n - 1);
  const char *kept = lua_tostring(L, -1);
  if (!push_stream(L, fd)) {
    int code = errno;
    unlink(kept);
    errno = code;
    return fail_path(L, path);
  }
  lua_insert(L, -2);
  return 2;
}

/* sync(file) -> true when all that was written is on the disk; or nil and a message. */
static int sync_file(lua_State *L) {
  cr_need_files(L, "torch.save");
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (s->closef && fflush(s->f) == 0 && (fsync(fileno(s->f)) == 0 || errno == EINVAL)) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  return 2;
}

/* Brings a folder's list of names to the disk, so that a rename survives a power failure.  Some
 * file systems refuse that; there is nothing better to do there. */
static void sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : NULL;
  int fd = open(slash ? (folder ? folder : "") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/* replace(from, to) -> true when the file `from` took the place of `to`; or nil and a message. */
static int replace(lua_State *L) {
  cr_need_files(L, "torch.save");
  const char *from = luaL_checkstring(L, 1), *to = luaL_checkstring(L, 2);
  if (rename(from, to) != 0) return fail_path(L, to);
  sync_folder(to);
  lua_pushboolean(L, 1);
  return 1;
}

/* The bytes of elements first to first + count - 1 of the storage at 2; the numbers are at 3 and 4.
 */
static char *check_range(lua_State *L, size_t *size, size_t *count) {
  cr_storage *s = cr_check_storage(L, 2);
  int64_t first = luaL_checkinteger(L, 3) - 1, n = luaL_checkinteger(L, 4);
  luaL_argcheck(L, s->device.type == CR_CPU, 2, "a storage in host memory is wanted");
  luaL_argcheck(L, first >= 0 && n >= 0 && first <= s->size && n <= s->size - first, 3,
                "a range outside the storage");
  *size = cr_sizeof((cr_dtype)s->dtype);
  *count = (size_t)n;
  return (char *)s->data + (size_t)first * *size;
}

static FILE *check_open(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  luaL_argcheck(L, s->closef, 1, "the file is closed");
  return s->f;
}

/* read(file, storage, first, count) -> how many elements came */
static int read_elements(lua_State *L) {
  size_t size, count;
  FILE *f = check_open(L);
  char *to = check_range(L, &size, &count);
  count = fread(to, size, count, f);
  if (cr_check_storage(L, 2)->dtype == CR_BOOL) cr_settle_bools(to, (int64_t)count);
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

/* write(file, storage, first, count) -> true, or nil and a message */
static int write_elements(lua_State *L) {
  size_t size, count;
  FILE *f = check_open(L);
  const char *from = check_range(L, &size, &count);
  return luaL_fileresult(L, fwrite(from, size, count, f) == count, NULL);
}

/* map(file, "torch.FloatStorage", offset, count) -> a storage on that part of the file, or nil when
 * the elements do not lie at a multiple of their size */
static int map_elements(lua_State *L) {
  FILE *f = check_open(L);
  cr_dtype dtype = cr_check_dtype(L, 2);
  lua_Integer offset = luaL_checkinteger(L, 3), count = luaL_checkinteger(L, 4);
  if (offset % (lua_Integer)cr_sizeof(dtype) != 0 || dtype == CR_BOOL) return 0;
  cr_push_storage(L, cr_map_elements(fileno(f), "torch.load", dtype, offset, count, false));
  return 1;
}

/* unbuffered(file): every read and write goes to the system at once. */
static int unbuffered(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (s->closef) setvbuf(s->f, NULL, _IONBF, 0);
  return 0;
}

int luaopen_torch_disk(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"target", target},        {"temporary", temporary},   {"sync", sync_file},
      {"replace", replace},      {"map", map_elements},      {"read", read_elements},
      {"write", write_elements}, {"unbuffered", unbuffered}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
