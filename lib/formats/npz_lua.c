/* npz_lua.c: require "formats._npz": NumPy's .npz files, which are zip archives of .npy files.
 *
 * The names of members are only keys of a table: nothing is ever written to a file of such a name.
 */
#include "lib/openers.h"

#include <errno.h>
#include <string.h>

#include "lib/torch/torch_lua.h"

#if CR_LIBZIP
#include <unistd.h>
#include <zip.h>

#include "lib/formats/npy.h"
#include "lib/packages.h"

#define FN "torch.loadnpz"
#define ARCHIVE "cresset.zip archive"

/* What must be closed whatever happens: Lua's collector does it when an error jumps over us. */
typedef struct {
  zip_t *zip;
  zip_file_t *member;
} archive;

static int archive_close(lua_State *L) {
  archive *a = luaL_checkudata(L, 1, ARCHIVE);
  if (a->member) zip_fclose(a->member);
  if (a->zip) zip_discard(a->zip);
  *a = (archive){NULL, NULL};
  return 0;
}

static archive *push_archive(lua_State *L) {
  archive *a = lua_newuserdatauv(L, sizeof *a, 0);
  *a = (archive){NULL, NULL};
  if (luaL_newmetatable(L, ARCHIVE)) {
    lua_pushcfunction(L, archive_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return a;
}

static int fail_code(lua_State *L, const char *fn, const char *path, int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  cr_fail("%s: %s: %s", fn, path, zip_error_strerror(&error));
  zip_error_fini(&error);
  return cr_lua_error(L);
}

/* ---- reading ----------------------------------------------------------------------------- */

static int open_to_read(lua_State *L, archive *a, const char *path, int64_t *size) {
  cr_need_files(L, FN);
  int code = 0;
  FILE *f = fopen(path, "rbe");
  if (!f) {
    cr_fail(FN ": %s: %s", path, strerror(errno));
    return cr_lua_error(L);
  }
  *size = cr_file_size(f);
  int fd = dup(fileno(f));
  fclose(f);
  a->zip = fd < 0 ? NULL : zip_fdopen(fd, 0, &code);
  if (a->zip) return 0;
  if (fd >= 0) close(fd);
  return fail_code(L, FN, path, code);
}

typedef struct {
  cr_stream base;
  archive *a;
} member_stream;

static size_t member_get(cr_stream *base, void *to, size_t n) {
  member_stream *s = (member_stream *)base;
  zip_int64_t got = zip_fread(s->a->member, to, n);
  if (got >= 0) return (size_t)got;
  cr_stream_fail(base, "%s", zip_error_strerror(zip_file_get_error(s->a->member)));
  return 0;
}

/* The header must agree with the size that the archive says, before anything big is read. */
static cr_tensor *read_member(archive *a, const char *name, int64_t size) {
  cr_npy_header h;
  member_stream s = {{.fn = FN, .name = name, .left = -1, .get = member_get}, a};
  if (!cr_npy_read_header(&s.base, &h)) return NULL;
  if (h.count * (int64_t)cr_sizeof(h.dtype) != size - h.bytes) {
    cr_stream_fail(&s.base, "the archive says %lld bytes, its header %lld elements of %s",
                   (long long)size, (long long)h.count, cr_dtypes[h.dtype].name);
    return NULL;
  }
  cr_storage *data = cr_stream_elements(&s.base, h.dtype, h.count, h.swapped);
  cr_tensor *t = data && cr_stream_end(&s.base) ? cr_npy_tensor(&h, data) : NULL;
  cr_storage_release(data);
  return t;
}

/* A member's sizes and name, when it is one that can be read. */
static bool check_member(archive *a, zip_uint64_t i, const char *path, zip_stat_t *st) {
  const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE;
  if (zip_stat_index(a->zip, i, ZIP_FL_ENC_RAW, st) != 0 || (st->valid & needed) != needed)
    return cr_fail(FN ": %s: %s", path, zip_strerror(a->zip));
  size_t n = strlen(st->name);
  if (n < 4 || strcmp(st->name + n - 4, ".npy") != 0)
    return cr_fail(FN ": %s: has a member '%.100s', which is no .npy file: a zip archive, but not "
                      "NumPy's",
                   path, st->name);
  if ((st->valid & ZIP_STAT_ENCRYPTION_METHOD) && st->encryption_method != ZIP_EM_NONE)
    return cr_fail(FN ": %s: '%.100s' is encrypted", path, st->name);
  return true;
}

static bool check_archive(archive *a, const char *path, int64_t limit) {
  zip_stat_t st;
  int64_t total = 0, n = zip_get_num_entries(a->zip, 0);
  for (int64_t i = 0; i < n; i++) {
    if (!check_member(a, (zip_uint64_t)i, path, &st)) return false;
    if (st.size > (zip_uint64_t)limit || (total += (int64_t)st.size) > limit)
      return cr_fail(FN ": %s: expands to more than the limit of %lld bytes; {limit = bytes} sets "
                        "another one",
                     path, (long long)limit);
  }
  return true;
}

/* Sets the table at the top: the member's name without its ending -> tensor. */
static int load_member(lua_State *L, archive *a, zip_uint64_t i, const char *path) {
  zip_stat_t st;
  if (!check_member(a, i, path, &st)) return cr_lua_error(L);
  const char *place = lua_pushfstring(L, "%s: %s", path, st.name);
  lua_pushlstring(L, st.name, strlen(st.name) - 4);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -4) != LUA_TNIL) {
    cr_fail(FN ": %s: is there twice", place);
    return cr_lua_error(L);
  }
  lua_pop(L, 1);
  a->member = zip_fopen_index(a->zip, i, 0);
  if (!a->member) {
    cr_fail(FN ": %s: %s", place, zip_strerror(a->zip));
    return cr_lua_error(L);
  }
  cr_push_tensor(L, read_member(a, place, (int64_t)st.size));
  zip_fclose(a->member);
  a->member = NULL;
  lua_rawset(L, -4);
  lua_pop(L, 1);
  return 0;
}

/* read(path, limit or nil) -> table of tensors */
static int npz_read(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  int64_t size = 0, limit = luaL_optinteger(L, 2, 0);
  archive *a = push_archive(L);
  open_to_read(L, a, path, &size);
  if (!check_archive(a, path, limit > 0 ? limit : cr_expansion_limit(size))) return cr_lua_error(L);
  zip_int64_t n = zip_get_num_entries(a->zip, 0);
  lua_newtable(L);
  for (zip_int64_t i = 0; i < n; i++) load_member(L, a, (zip_uint64_t)i, path);
  zip_discard(a->zip);
  a->zip = NULL;
  return 1;
}

/* ---- writing ----------------------------------------------------------------------------- */

static int fail_writing(lua_State *L, archive *a, const char *path) {
  cr_fail("torch.savenpz: %s: %s", path, zip_strerror(a->zip));
  return cr_lua_error(L);
}

/* Adds a tensor, which stays where it is until the archive is closed. */
static int add_member(lua_State *L, archive *a, const char *path, const char *name,
                      const char *header, size_t n, const cr_tensor *t, bool compress) {
  zip_buffer_fragment_t parts[2] = {
      {(zip_uint8_t *)(uintptr_t)header, n},
      {cr_data(t), (zip_uint64_t)cr_numel(t) * cr_sizeof((cr_dtype)t->dtype)}};
  zip_source_t *source = zip_source_buffer_fragment(a->zip, parts, cr_numel(t) > 0 ? 2 : 1, 0);
  zip_int64_t i = source ? zip_file_add(a->zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
  if (i < 0) {
    if (source) zip_source_free(source);
    return fail_writing(L, a, path);
  }
  zip_uint64_t index = (zip_uint64_t)i;
  /* The same tensors make the same file: the time is the earliest that the format knows. */
  if (zip_set_file_compression(a->zip, index, compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) ||
      zip_file_set_dostime(a->zip, index, 0, 1 << 5 | 1, 0))
    return fail_writing(L, a, path);
  return 0;
}

/* write(path, names, headers, tensors, compress): the lists are parallel, the tensors contiguous,
 * on the host */
static int npz_write(lua_State *L) {
  cr_need_files(L, "torch.savenpz");
  const char *path = luaL_checkstring(L, 1);
  int code = 0;
  for (int i = 2; i <= 4; i++) luaL_checktype(L, i, LUA_TTABLE);
  archive *a = push_archive(L);
  a->zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!a->zip) return fail_code(L, "torch.savenpz", path, code);
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, 2); i <= n; i++) {
    size_t bytes;
    lua_rawgeti(L, 2, i);
    lua_rawgeti(L, 3, i);
    lua_rawgeti(L, 4, i);
    const char *header = luaL_checklstring(L, -2, &bytes);
    add_member(L, a, path, luaL_checkstring(L, -3), header, bytes, cr_check_tensor(L, -1),
               lua_toboolean(L, 5));
    lua_pop(L, 3);
  }
  if (zip_close(a->zip) != 0) return fail_writing(L, a, path);
  a->zip = NULL;
  return 0;
}

#else

static int npz_read(lua_State *L) {
  cr_fail(".npz files: built without libzip: install it with its headers (Debian: libzip-dev) and "
          "build "
          "again");
  return cr_lua_error(L);
}

static int npz_write(lua_State *L) {
  return npz_read(L);
}

#endif

int luaopen_formats_npz(lua_State *L) {
  static const luaL_Reg functions[] = {{"read", npz_read}, {"write", npz_write}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
