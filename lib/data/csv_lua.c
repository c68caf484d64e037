/* csv_lua.c: require "data._csv": what data.csv and data.saveCsv do to cells.
 *
 * A file is read twice: first for the kinds of its columns and the number of rows, then into
 * tensors and tables of just that size. */
#include "lib/openers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/data/csv.h"
#include "lib/torch/torch_lua.h"
#include "tensor/backend.h"
#include "lib/packages.h"

#define FN "data.csv"
#define READER "cresset.csv reader"

static const char *const kind_names[] = {"none", "bool", "int", "float", "text"};

/* What must be freed whatever happens: Lua's collector does it when an error jumps over us. */
typedef struct {
  FILE *f;
  bool open;
  cr_csv csv;
} reader;

static int reader_free(lua_State *L) {
  reader *r = luaL_checkudata(L, 1, READER);
  if (r->open) cr_csv_close(&r->csv);
  if (r->f) fclose(r->f);
  r->open = false;
  r->f = NULL;
  return 0;
}

/* The options that both passes take: {path, separator, skip, limit, missing} at index 1. */
static const char *option(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  return lua_tostring(L, -1);
}

static int64_t number_option(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  int64_t n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return n;
}

static reader *push_reader(lua_State *L) {
  cr_need_files(L, FN);
  const char *path = option(L, "path"), *separator = option(L, "separator");
  reader *r = lua_newuserdatauv(L, sizeof *r, 0);
  r->f = NULL;
  r->open = false;
  if (luaL_newmetatable(L, READER)) {
    lua_pushcfunction(L, reader_free);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  r->f = fopen(path, "rbe");
  if (!r->f) cr_fail(FN ": %s: %s", path, strerror(errno));
  cr_stream *s = r->f ? cr_stream_file(r->f, FN, path, number_option(L, "limit")) : NULL;
  r->open = s && cr_csv_open(&r->csv, s, *separator);
  if (!r->open) cr_lua_error(L);
  for (int64_t n = number_option(L, "skip"); n > 0; n--)
    if (!cr_csv_skip_line(&r->csv)) cr_lua_error(L);
  return r;
}

/* The words that stand for a missing value, with the lengths and first characters that occur. */
typedef struct {
  bool first[256], empty;
  size_t count, longest;
  const char *word[64];
  size_t length[64];
} words;

/* The strings stay in the table, which stays on the stack. */
static void get_missing(lua_State *L, words *w) {
  memset(w, 0, sizeof *w);
  lua_getfield(L, 1, "missing");
  for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING && w->count < 64; i++) {
    const char *s = lua_tolstring(L, -1, &w->length[w->count]);
    size_t n = w->length[w->count];
    w->word[w->count++] = s;
    if (n == 0) w->empty = true;
    if (n > w->longest) w->longest = n;
    w->first[(unsigned char)*s] = true;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static bool is_missing(const words *w, const cr_csv *c) {
  if (c->length == 0) return w->empty;
  if (c->length > w->longest || !w->first[(unsigned char)*c->text]) return false;
  for (size_t i = 0; i < w->count; i++)
    if (w->length[i] == c->length && memcmp(w->word[i], c->text, c->length) == 0) return true;
  return false;
}

static cr_csv_kind kind_of(const words *w, const cr_csv *c) {
  return is_missing(w, c) ? CR_CSV_NONE : cr_csv_number(c, NULL);
}

/* ---- the first pass ----------------------------------------------------------------------- */

/* The first row: pushes the list of its cells' texts and a userdata with their kinds.  Sets whether
 * it looks like a header: none of its cells is a number, a truth or missing. */
static uint8_t *scan_first(lua_State *L, reader *r, const words *w, int64_t *n, bool *header) {
  uint8_t *kinds = lua_newuserdatauv(L, 16, 0);
  int64_t room = 16;
  lua_newtable(L);
  *n = 0;
  *header = true;
  cr_csv_event e;
  while ((e = cr_csv_next(&r->csv)) == CR_CSV_CELL) {
    if (*n == room) {
      uint8_t *more = memcpy(lua_newuserdatauv(L, (size_t)room * 2, 0), kinds, (size_t)room);
      lua_replace(L, -3);
      kinds = more;
      room *= 2;
    }
    kinds[*n] = (uint8_t)kind_of(w, &r->csv);
    *header = *header && kinds[*n] == CR_CSV_TEXT;
    lua_pushlstring(L, r->csv.text, r->csv.length);
    lua_rawseti(L, -2, ++*n);
  }
  if (e == CR_CSV_FAILED) cr_lua_error(L);
  return kinds;
}

static int wrong_count(lua_State *L, reader *r, int64_t line, int64_t got, int64_t want) {
  cr_stream_fail(r->csv.stream, "line %lld has %lld fields, the first one %lld", (long long)line,
                 (long long)got, (long long)want);
  return cr_lua_error(L);
}

/* One more row; false at the end. */
static bool scan_row(lua_State *L, reader *r, const words *w, uint8_t *kinds, uint8_t *missing,
                     int64_t n) {
  cr_csv_event e;
  int64_t got = 0, line = 0;
  while ((e = cr_csv_next(&r->csv)) == CR_CSV_CELL) {
    if (got == 0) line = r->csv.line;
    if (got++ >= n) continue;
    cr_csv_kind kind = kind_of(w, &r->csv);
    kinds[got - 1] = (uint8_t)cr_csv_merge((cr_csv_kind)kinds[got - 1], kind);
    missing[got - 1] |= kind == CR_CSV_NONE;
  }
  if (e == CR_CSV_FAILED) cr_lua_error(L);
  if (e == CR_CSV_ROW_END && got != n) wrong_count(L, r, line, got, n);
  return e == CR_CSV_ROW_END;
}

/* scan(options, header: true, false or nil) -> rows, cells of the header or nil, list of kinds,
 * list that says which columns have missing values */
static int csv_scan(lua_State *L) {
  words w;
  int64_t n, rows = 0;
  bool header, forced = !lua_isnil(L, 2), wanted = lua_toboolean(L, 2);
  get_missing(L, &w);
  reader *r = push_reader(L);
  uint8_t *kinds = scan_first(L, r, &w, &n, &header);
  int names = lua_gettop(L);
  if (forced) header = wanted;
  uint8_t *missing = lua_newuserdatauv(L, (size_t)n + 1, 0);
  for (int64_t i = 0; i < n; i++) {
    missing[i] = !header && kinds[i] == CR_CSV_NONE;
    if (header) kinds[i] = CR_CSV_NONE;
  }
  rows = n > 0 && !header;
  while (n > 0 && scan_row(L, r, &w, kinds, missing, n)) rows++;
  lua_pushinteger(L, rows);
  if (header && n > 0)
    lua_pushvalue(L, names);
  else
    lua_pushnil(L);
  lua_createtable(L, (int)n, 0);
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_pushstring(L, kind_names[kinds[i]]);
    lua_rawseti(L, -3, i + 1);
    lua_pushboolean(L, missing[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 4;
}

/* ---- the second pass ---------------------------------------------------------------------- */

/* Where a column goes: a tensor of one dimension, a table, or nowhere. */
typedef struct {
  cr_tensor *tensor, *mask;
  int table; /* its place on the stack, or 0 */
  bool filled;
  cr_scalar fill; /* for missing values of a tensor */
} column;

static char *element(const cr_tensor *t, int64_t row) {
  return (char *)cr_data(t) + row * t->stride[0] * (int64_t)cr_sizeof((cr_dtype)t->dtype);
}

static int wrong_cell(lua_State *L, reader *r, const char *what) {
  cr_stream_fail(r->csv.stream, "line %lld, field %lld: '%.60s' %s", (long long)r->csv.line,
                 (long long)r->csv.field, r->csv.text, what);
  return cr_lua_error(L);
}

static bool fits(cr_dtype dtype, cr_scalar v) {
  if (cr_is_float(dtype)) return true;
  if (!v.is_int) return false;
  if (dtype == CR_BOOL) return v.i == 0 || v.i == 1;
  int bits = (int)cr_sizeof(dtype) * 8;
  if (bits == 64) return true;
  int64_t high = (int64_t)1 << (cr_dtypes[dtype].is_signed ? bits - 1 : bits);
  return v.i < high && v.i >= (cr_dtypes[dtype].is_signed ? -high : 0);
}

static void read_number(lua_State *L, reader *r, const column *c, int64_t row, bool missing) {
  cr_scalar v = c->fill;
  cr_dtype dtype = (cr_dtype)c->tensor->dtype;
  if (missing && !c->filled) wrong_cell(L, r, "is missing, and {fill = ..} has nothing for it");
  if (!missing && cr_csv_number(&r->csv, &v) == CR_CSV_TEXT) wrong_cell(L, r, "is no number");
  if (!fits(dtype, v)) wrong_cell(L, r, "does not fit the column's type");
  cr_store_scalar(dtype, element(c->tensor, row), v);
}

static void read_cell(lua_State *L, reader *r, const words *w, const column *c, int64_t row) {
  bool missing = is_missing(w, &r->csv);
  if (c->mask) *(uint8_t *)element(c->mask, row) = missing;
  if (c->tensor) read_number(L, r, c, row, missing);
  if (!c->table) return;
  if (missing)
    lua_rawgeti(L, c->table, 0); /* the column's fill */
  else
    lua_pushlstring(L, r->csv.text, r->csv.length);
  lua_rawseti(L, c->table, row + 1);
}

static cr_tensor *check_target(lua_State *L, int64_t rows) {
  cr_tensor *t = cr_check_tensor(L, lua_gettop(L));
  if (t->ndim != 1 || t->shape[0] != rows || cr_device_of(t).type != CR_CPU)
    luaL_error(L, "a column of %I elements is wanted", (LUAI_UACINT)rows);
  return t;
}

/* Fills c from the lists of targets, fills and masks at 2, 3 and 4, and leaves on the stack what
 * must stay alive. */
static void get_column(lua_State *L, column *c, lua_Integer i, int64_t rows) {
  *c = (column){.fill = cr_num(NAN)};
  int kind = lua_rawgeti(L, 2, i);
  if (kind == LUA_TTABLE) c->table = lua_gettop(L);
  if (kind == LUA_TUSERDATA) c->tensor = check_target(L, rows);
  if (lua_rawgeti(L, 3, i) == LUA_TNUMBER) {
    c->fill = cr_check_scalar(L, lua_gettop(L));
    c->filled = true;
  }
  lua_pop(L, 1);
  if (lua_rawgeti(L, 4, i) == LUA_TUSERDATA) c->mask = check_target(L, rows);
  if (c->mask && c->mask->dtype != CR_BOOL) luaL_error(L, "a mask is a BoolTensor");
  lua_pop(L, c->table ? 1 : 2); /* tensors stay alive in their lists */
}

/* read(options, targets, fills, masks, rows, header): the lists have an entry or false for each
 * column */
static int csv_read(lua_State *L) {
  words w;
  int64_t rows = luaL_checkinteger(L, 5), row = 0;
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2), i = 0;
  get_missing(L, &w);
  column *columns = lua_newuserdatauv(L, (size_t)n * sizeof *columns + 1, 0);
  for (i = 1; i <= n; i++) {
    luaL_checkstack(L, 4, "too many columns of text");
    get_column(L, &columns[i - 1], i, rows);
  }
  luaL_checkstack(L, 16, NULL);
  reader *r = push_reader(L);
  cr_csv_event e = CR_CSV_ROW_END;
  if (lua_toboolean(L, 6))
    while ((e = cr_csv_next(&r->csv)) == CR_CSV_CELL) continue;
  for (i = 0; e == CR_CSV_ROW_END || e == CR_CSV_CELL;) {
    e = cr_csv_next(&r->csv);
    if (e == CR_CSV_CELL && row < rows && i < n)
      read_cell(L, r, &w, &columns[i++], row);
    else if (e == CR_CSV_ROW_END && i == n)
      i = 0, row++;
    else if (e != CR_CSV_END)
      break;
  }
  if (e == CR_CSV_FAILED) cr_lua_error(L);
  if (e != CR_CSV_END || row != rows) {
    cr_stream_fail(r->csv.stream, "was changed while it was read");
    cr_lua_error(L);
  }
  return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* The shortest text that reads back as the same number. */
static void add_float(luaL_Buffer *b, double x, bool single) {
  char text[40] = "nan";
  locale_t before = uselocale(cr_c_locale());
  for (int digits = single ? 6 : 15, most = single ? 9 : 17; digits <= most && x == x; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, x);
    if (single ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x) break;
  }
  uselocale(before);
  luaL_addstring(b, text);
}

static void add_number(luaL_Buffer *b, const cr_tensor *t, int64_t row) {
  cr_scalar v = cr_load_scalar((cr_dtype)t->dtype, element(t, row));
  char text[32];
  if (t->dtype == CR_BOOL) {
    luaL_addstring(b, v.i ? "true" : "false");
  } else if (v.is_int) {
    snprintf(text, sizeof text, "%lld", (long long)v.i);
    luaL_addstring(b, text);
  } else {
    add_float(b, v.d, t->dtype != CR_FLOAT64);
  }
}

static void add_text(luaL_Buffer *b, const char *s, size_t n, char separator) {
  char special[] = {'"', '\r', '\n', separator, '\0'};
  bool quote = n == 0 || *s == ' ' || s[n - 1] == ' ' || strcspn(s, special) < n;
  if (quote) luaL_addchar(b, '"');
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '"') luaL_addchar(b, '"');
    luaL_addchar(b, s[i]);
  }
  if (quote) luaL_addchar(b, '"');
}

/* format(columns, first, last, separator) -> rows first to last as text.  A column is a tensor of
 * one dimension or a list of strings. */
static int csv_format(lua_State *L) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1), first = luaL_checkinteger(L, 2);
  lua_Integer last = luaL_checkinteger(L, 3);
  char separator = *luaL_checkstring(L, 4);
  lua_settop(L, 4);
  luaL_Buffer b;
  /* One slot below the buffer holds what a cell is made from. */
  lua_pushnil(L);
  luaL_buffinit(L, &b);
  for (lua_Integer row = first; row <= last; row++) {
    for (lua_Integer i = 1; i <= n; i++) {
      if (i > 1) luaL_addchar(&b, separator);
      lua_rawgeti(L, 1, i);
      cr_tensor *t = cr_to_tensor(L, -1);
      if (!t) lua_rawgeti(L, -1, row);
      size_t length = 0;
      const char *s = t ? NULL : lua_tolstring(L, -1, &length);
      lua_replace(L, 5);
      if (!t) lua_pop(L, 1);
      if (t)
        add_number(&b, t, row - 1);
      else
        add_text(&b, s ? s : "", length, separator);
    }
    luaL_addchar(&b, '\n');
  }
  luaL_pushresult(&b);
  return 1;
}

int luaopen_data_csv(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"scan", csv_scan}, {"read", csv_read}, {"format", csv_format}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
