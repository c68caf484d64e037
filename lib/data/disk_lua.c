/* disk_lua.c: require "data._disk": where a file's lines begin, and arrays that stay in files. */
#include "lib/openers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/data/tables.h"
#include "lib/formats/map.h"
#include "lib/torch/binding.h"
#include "lib/packages.h"

/* ---- lines -------------------------------------------------------------------------------- */

typedef struct {
  int64_t *place;
  size_t count, room;
} places;

static bool add_place(places *p, int64_t at) {
  if (!cr_grow(&p->place, &p->room, p->count + 1, sizeof *p->place)) return false;
  p->place[p->count++] = at;
  return true;
}

/* The place where each line begins, then the file's end. */
static bool find_lines(FILE *f, const char *path, places *p) {
  char block[65536];
  int64_t at = 0;
  size_t n;
  bool fresh = true; /* the next byte begins a line */
  while ((n = fread(block, 1, sizeof block, f)) > 0) {
    for (const char *s = block, *end = block + n; s < end;) {
      if (fresh && !add_place(p, at + (s - block))) return false;
      const char *line_end = memchr(s, '\n', (size_t)(end - s));
      fresh = line_end != NULL;
      s = fresh ? line_end + 1 : end;
    }
    at += (int64_t)n;
  }
  if (ferror(f)) return cr_fail("data.TextFile: %s: %s", path, strerror(errno));
  return add_place(p, at);
}

/* lines(path) -> LongTensor: where each line begins, from 0, then the file's size */
static int disk_lines(lua_State *L) {
  cr_need_files(L, "data.TextFile");
  const char *path = luaL_checkstring(L, 1);
  FILE *f = fopen(path, "rbe");
  if (!f) {
    cr_fail("data.TextFile: %s: %s", path, strerror(errno));
    return cr_lua_error(L);
  }
  places p = {0};
  bool ok = find_lines(f, path, &p);
  fclose(f);
  cr_tensor *t = ok ? cr_empty_cpu(CR_INT64, 1, (int64_t[]){(int64_t)p.count}) : NULL;
  if (t) memcpy(cr_data(t), p.place, p.count * sizeof *p.place);
  free(p.place);
  cr_push_tensor(L, t);
  return 1;
}

/* ---- arrays ------------------------------------------------------------------------------- */

static bool valid_bools(const cr_storage *s) {
  const uint8_t *b = s->data;
  for (int64_t i = 0; i < s->size; i++)
    if (b[i] > 1) return cr_fail("data.mapped: byte %lld of its elements is no bool", (long long)i);
  return true;
}

/* map(path, type, offset, count or nil, shared) -> storage on that part of the file; without a
 * count on all that follows */
static int disk_map(lua_State *L) {
  cr_need_files(L, "data.mapped");
  const char *path = luaL_checkstring(L, 1);
  cr_dtype dtype = cr_check_dtype(L, 2);
  int64_t offset = cr_check_int(L, 3), count = lua_isnil(L, 4) ? -1 : cr_check_int(L, 4);
  bool shared = lua_toboolean(L, 5);
  const char *name = lua_pushfstring(L, "data.mapped: %s", path);
  struct stat st;
  int fd = open(path, (shared ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) {
    cr_fail("%s: %s", name, strerror(errno));
    if (fd >= 0) close(fd);
    return cr_lua_error(L);
  }
  if (count < 0 && offset <= st.st_size)
    count = ((int64_t)st.st_size - offset) / (int64_t)cr_sizeof(dtype);
  cr_storage *s = cr_map_elements(fd, name, dtype, offset, count, shared);
  close(fd);
  if (s && shared && dtype == CR_BOOL && !valid_bools(s)) {
    cr_storage_release(s);
    s = NULL;
  }
  cr_push_storage(L, s);
  return 1;
}

/* reserve(file, bytes) -> true when the file has place on the disk for so many, zeros behind what
 * it has, so that no write to the mapped array can find the disk full; or nil and a message */
static int disk_reserve(lua_State *L) {
  luaL_Stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  int64_t bytes = cr_check_int(L, 2);
  luaL_argcheck(L, s->closef, 1, "the file is closed");
  luaL_argcheck(L, bytes >= 0, 2, "no number of bytes");
  errno = fflush(s->f) != 0 ? errno : bytes > 0 ? posix_fallocate(fileno(s->f), 0, bytes) : 0;
  return luaL_fileresult(L, errno == 0, NULL);
}

/* flush(storage) */
static int disk_flush(lua_State *L) {
  cr_storage *s = cr_check_storage(L, 1);
  luaL_argcheck(L, s->device.type == CR_CPU, 1, "a storage in host memory is wanted");
  if (!cr_map_flush(s->data, s->size * (int64_t)cr_sizeof((cr_dtype)s->dtype)))
    return cr_lua_error(L);
  return 0;
}

int luaopen_data_disk(lua_State *L) {
  static const luaL_Reg functions[] = {{"lines", disk_lines},
                                       {"map", disk_map},
                                       {"reserve", disk_reserve},
                                       {"flush", disk_flush},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
