/* safetensors_lua.c: require "formats._safetensors": the files in which networks' weights are
 * published.
 *
 * The format: the length of the header in eight bytes, little-endian; the header, a JSON object
 * that gives each name {"dtype", "shape", "data_offsets"} and may have an object of strings
 * "__metadata__"; the elements, little-endian, row-major, each tensor at its offsets from the
 * header's end, without gaps. */
#include "lib/openers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/torch/torch_lua.h"

#if CR_JANSSON
#include <jansson.h>

#include "lib/formats/map.h"
#include "lib/formats/stream.h"
#include "lib/packages.h"

#define FN "torch.loadsafetensors"
#define BOX "cresset.json"
#define MAX_HEADER 100000000

static const char *const codes[CR_NDTYPES] = {
    [CR_FLOAT32] = "F32", [CR_FLOAT64] = "F64", [CR_FLOAT16] = "F16", [CR_BFLOAT16] = "BF16",
    [CR_INT8] = "I8",     [CR_UINT8] = "U8",    [CR_INT16] = "I16",   [CR_INT32] = "I32",
    [CR_INT64] = "I64",   [CR_BOOL] = "BOOL"};

/* What must be freed whatever happens: Lua's collector does it when an error jumps over us. */
typedef struct {
  FILE *f;
  json_t *header;
  char *text;
} box;

static int box_free(lua_State *L) {
  box *b = luaL_checkudata(L, 1, BOX);
  if (b->f) fclose(b->f);
  json_decref(b->header);
  free(b->text);
  *b = (box){NULL, NULL, NULL};
  return 0;
}

static box *push_box(lua_State *L) {
  box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (box){NULL, NULL, NULL};
  if (luaL_newmetatable(L, BOX)) {
    lua_pushcfunction(L, box_free);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return b;
}

/* ---- reading ----------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  cr_dtype dtype;
  int ndim;
  int64_t shape[CR_MAX_DIMS];
  int64_t count, begin, end;
} entry;

static bool read_json(box *b, const char *path, int64_t size, int64_t *start) {
  unsigned char raw[8];
  uint64_t n = 0;
  if (fread(raw, 1, 8, b->f) < 8) return cr_fail(FN ": %s: truncated within its header", path);
  for (int i = 7; i >= 0; i--) n = n << 8 | raw[i];
  if (n > MAX_HEADER)
    return cr_fail(FN ": %s: its header says it is %llu bytes long; at most %d are allowed", path,
                   (unsigned long long)n, MAX_HEADER);
  if ((int64_t)n > size - 8) return cr_fail(FN ": %s: truncated within its header", path);
  b->text = malloc(n + 1);
  if (!b->text) return cr_fail(FN ": %s: out of memory", path);
  b->text[0] = '\0'; /* should there be none */
  if (fread(b->text, 1, n, b->f) < n) return cr_fail(FN ": %s: truncated within its header", path);
  json_error_t error;
  b->header = b->text[0] == '{' ? json_loadb(b->text, n, JSON_REJECT_DUPLICATES, &error) : NULL;
  if (!b->header && b->text[0] == '{')
    return cr_fail(FN ": %s: its header is no JSON: %s", path, error.text);
  if (!b->header) return cr_fail(FN ": %s: its header is no JSON object", path);
  free(b->text);
  b->text = NULL;
  *start = 8 + (int64_t)n;
  return true;
}

/* A list of whole numbers from 0 on; how many there are, or -1. */
static int numbers(const json_t *list, int64_t *out, int most) {
  size_t n = json_is_array(list) ? json_array_size(list) : (size_t)most + 1;
  if (n > (size_t)most) return -1;
  for (size_t i = 0; i < n; i++) {
    const json_t *x = json_array_get(list, i);
    if (!json_is_integer(x) || json_integer_value(x) < 0) return -1;
    out[i] = json_integer_value(x);
  }
  return (int)n;
}

static int dtype_of(const char *code) {
  for (int i = 0; code && i < CR_NDTYPES; i++)
    if (strcmp(code, codes[i]) == 0) return i;
  return -1;
}

static bool parse_entry(const char *path, const char *name, const json_t *x, entry *e) {
  int64_t offsets[2];
  const char *code = json_string_value(json_object_get(x, "dtype"));
  if (!json_is_object(x) || json_object_size(x) != 3 || !code ||
      numbers(json_object_get(x, "data_offsets"), offsets, 2) != 2)
    return cr_fail(FN ": %s: '%.100s' needs a dtype, a shape and two data_offsets", path, name);
  int dtype = dtype_of(code);
  if (dtype < 0)
    return cr_fail(FN ": %s: '%.100s' is of type %.20s, which no tensor has", path, name, code);
  *e = (entry){.name = name, .dtype = (cr_dtype)dtype, .begin = offsets[0], .end = offsets[1]};
  e->ndim = numbers(json_object_get(x, "shape"), e->shape, CR_MAX_DIMS);
  if (e->ndim < 0)
    return cr_fail(FN ": %s: '%.100s': its shape is no list of at most %d sizes", path, name,
                   CR_MAX_DIMS);
  e->count = cr_count(e->ndim, e->shape);
  if (e->count < 0 || e->end < e->begin || e->count > INT64_MAX / (int64_t)cr_sizeof(e->dtype) ||
      e->count * (int64_t)cr_sizeof(e->dtype) != e->end - e->begin)
    return cr_fail(FN ": %s: '%.100s': its shape and its data_offsets do not match", path, name);
  return true;
}

static int by_place(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* The tensors must fill the rest of the file, one after another. */
static bool check_places(const char *path, entry *list, size_t n, int64_t bytes) {
  int64_t at = 0;
  qsort(list, n, sizeof *list, by_place);
  for (size_t i = 0; i < n; i++) {
    if (list[i].begin != at)
      return cr_fail(FN ": %s: '%.100s' begins at byte %lld, the tensor before it ends at %lld",
                     path, list[i].name, (long long)list[i].begin, (long long)at);
    at = list[i].end;
  }
  if (at > bytes)
    return cr_fail(FN ": %s: truncated: its tensors take %lld bytes, %lld are there", path,
                   (long long)at, (long long)bytes);
  return at == bytes ||
         cr_fail(FN ": %s: %lld bytes follow the last tensor", path, (long long)(bytes - at));
}

/* Pushes the list of entries as a userdata. */
static entry *parse_entries(lua_State *L, const char *path, json_t *header, int64_t bytes,
                            size_t *n) {
  const char *name;
  json_t *value;
  entry *list = lua_newuserdatauv(L, (json_object_size(header) + 1) * sizeof *list, 0);
  *n = 0;
  json_object_foreach(header, name, value) {
    if (strcmp(name, "__metadata__") == 0) continue;
    if (!parse_entry(path, name, value, &list[(*n)++])) return NULL;
  }
  return check_places(path, list, *n, bytes) ? list : NULL;
}

static bool push_metadata(lua_State *L, const char *path, const json_t *header) {
  const char *key;
  json_t *value, *all = json_object_get(header, "__metadata__");
  lua_newtable(L);
  if (!all) return true;
  if (!json_is_object(all)) return cr_fail(FN ": %s: its __metadata__ is no object", path);
  json_object_foreach(all, key, value) {
    if (!json_is_string(value))
      return cr_fail(FN ": %s: __metadata__ '%.100s' is no string", path, key);
    lua_pushlstring(L, json_string_value(value), json_string_length(value));
    lua_setfield(L, -2, key);
  }
  return true;
}

static cr_tensor *entry_tensor(FILE *f, const char *path, const entry *e, int64_t start, bool map) {
  cr_storage *s = NULL;
  if (map && !cr_big_endian()) {
    s = cr_map_elements(fileno(f), path, e->dtype, start + e->begin, e->count, false);
  } else if (fseeko(f, (off_t)(start + e->begin), SEEK_SET) == 0) {
    s = cr_storage_new(e->dtype, (cr_device){CR_CPU, 0}, e->count);
    size_t size = cr_sizeof(e->dtype);
    if (s && fread(s->data, size, (size_t)e->count, f) < (size_t)e->count) {
      cr_storage_release(s);
      return cr_fail_null(FN ": %s: truncated", path);
    }
    if (s && cr_big_endian()) cr_swap_bytes(s->data, e->count, size);
    if (s && e->dtype == CR_BOOL) cr_settle_bools(s->data, e->count);
  }
  cr_tensor *t = s ? cr_view_storage(s, e->dtype, 0, e->ndim, e->shape, NULL) : NULL;
  cr_storage_release(s);
  return t;
}

/* read(path, mmap): true, false, or the bytes from which on a file is mapped -> table of tensors,
 * table of metadata */
static int st_read(lua_State *L) {
  cr_need_files(L, FN);
  const char *path = luaL_checkstring(L, 1);
  int64_t start = 0;
  size_t n;
  box *b = push_box(L);
  b->f = fopen(path, "rbe");
  int64_t size = b->f ? cr_file_size(b->f) : -1;
  if (size < 0) {
    cr_fail(FN ": %s: %s", path, b->f ? "not an ordinary file" : strerror(errno));
    return cr_lua_error(L);
  }
  bool map = lua_isinteger(L, 2) ? size >= lua_tointeger(L, 2) : lua_toboolean(L, 2);
  if (!read_json(b, path, size, &start)) return cr_lua_error(L);
  const entry *list = parse_entries(L, path, b->header, size - start, &n);
  if (!list) return cr_lua_error(L);
  lua_createtable(L, 0, (int)n);
  for (size_t i = 0; i < n; i++) {
    cr_push_tensor(L, entry_tensor(b->f, path, &list[i], start, map));
    lua_setfield(L, -2, list[i].name);
  }
  if (!push_metadata(L, path, b->header)) return cr_lua_error(L);
  fclose(b->f);
  b->f = NULL;
  return 2;
}

/* ---- writing ----------------------------------------------------------------------------- */

static json_t *sizes_of(const cr_tensor *t) {
  json_t *list = json_array();
  for (int d = 0; d < t->ndim; d++) json_array_append_new(list, json_integer(t->shape[d]));
  return list;
}

static bool add_entry(json_t *header, const char *name, size_t n, const cr_tensor *t, int64_t *at) {
  if (strlen(name) != n) return false;
  int64_t end = *at + cr_numel(t) * (int64_t)cr_sizeof((cr_dtype)t->dtype);
  json_t *e = json_pack("{s:s, s:o, s:[I,I]}", "dtype", codes[t->dtype], "shape", sizes_of(t),
                        "data_offsets", (json_int_t)*at, (json_int_t)end);
  *at = end;
  return e && json_object_set_new(header, name, e) == 0;
}

static bool add_metadata(lua_State *L, int table, json_t *header) {
  json_t *all = json_object();
  bool ok = all && json_object_set_new(header, "__metadata__", all) == 0;
  for (lua_pushnil(L); ok && lua_next(L, table); lua_pop(L, 1)) {
    ok = lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING;
    if (!ok) break;
    size_t n;
    const char *value = lua_tolstring(L, -1, &n);
    ok = json_object_set_new(all, lua_tostring(L, -2), json_stringn(value, n)) == 0;
  }
  return ok;
}

static bool add_tensors(lua_State *L, json_t *header) {
  int64_t at = 0;
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, 1); i <= n; i++) {
    size_t length;
    lua_rawgeti(L, 1, i);
    lua_rawgeti(L, 2, i);
    const char *name = luaL_checklstring(L, -2, &length);
    if (!add_entry(header, name, length, cr_check_tensor(L, -1), &at))
      return cr_fail("torch.savesafetensors: the name '%.100s' is not UTF-8 text", name);
    lua_pop(L, 2);
  }
  return true;
}

/* header(names, tensors, metadata or nil) -> all that comes before the elements, which begin at a
 * multiple of 64 bytes so that they can be mapped */
static int st_header(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  box *b = push_box(L);
  b->header = json_object();
  if (lua_istable(L, 3) && !add_metadata(L, 3, b->header)) {
    cr_fail("torch.savesafetensors: metadata is a table of strings by strings, in UTF-8");
    return cr_lua_error(L);
  }
  if (!add_tensors(L, b->header)) return cr_lua_error(L);
  b->text = json_dumps(b->header, JSON_COMPACT);
  if (!b->text) return luaL_error(L, "torch.savesafetensors: out of memory");
  luaL_Buffer out;
  unsigned char raw[8];
  size_t n = strlen(b->text), padded = (n + 8 + 63) / 64 * 64 - 8;
  if (padded > MAX_HEADER) {
    cr_fail("torch.savesafetensors: the header would be %zu bytes long; at most %d are allowed",
            padded, MAX_HEADER);
    return cr_lua_error(L);
  }
  for (int i = 0; i < 8; i++) raw[i] = (unsigned char)(padded >> (8 * i));
  luaL_buffinit(L, &out);
  luaL_addlstring(&out, (char *)raw, 8);
  luaL_addlstring(&out, b->text, n);
  for (; n < padded; n++) luaL_addchar(&out, ' ');
  luaL_pushresult(&out);
  return 1;
}

#else

static int st_read(lua_State *L) {
  cr_fail(".safetensors files: built without Jansson: install it with its headers (Debian: "
          "libjansson-dev) and build again");
  return cr_lua_error(L);
}

static int st_header(lua_State *L) {
  return st_read(L);
}

#endif

int luaopen_formats_safetensors(lua_State *L) {
  static const luaL_Reg functions[] = {{"read", st_read}, {"header", st_header}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
