/* json_lua.c: require "json._codec": JSON by Jansson, which parses what comes from outside, and
 * checks and escapes strings.  Brackets and numbers are written here: Jansson 2.14 prints 0.1 with
 * 17 digits. */
#include "lib/openers.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/torch/torch_lua.h"

/* In the registry: the metatables of tables that are arrays, or objects, even when empty. */
#define ARRAY "json.array"
#define OBJECT "json.object"

#if CR_JANSSON
#include <jansson.h>

/* ---- decoding ---------------------------------------------------------------------------- */

#define BOX "cresset.json.value"

static int box_free(lua_State *L) {
  json_t **b = luaL_checkudata(L, 1, BOX);
  json_decref(*b);
  *b = NULL;
  return 0;
}

/* Bytes that the parser gets, and values that are made, between two looks for an interrupt. */
enum { PIECE = 1 << 16, SOME = 1 << 12 };

typedef struct {
  const char *at;
  size_t left;
  bool stopped;
} source;

/* Gives the parser its next bytes. */
static size_t read_piece(void *to, size_t room, void *arg) {
  source *s = arg;
  cr_context *c = cr_ctx();
  size_t n = s->left < room ? s->left : room;
  if (s->left / PIECE != (s->left - n) / PIECE && c->interrupted)
    s->stopped = s->stopped || c->interrupted(c->interrupted_ctx);
  if (s->stopped) return (size_t)-1;
  memcpy(to, s->at, n);
  s->at += n;
  s->left -= n;
  return n;
}

static void push_value(lua_State *L, json_t *v);

static void push_array(lua_State *L, json_t *v) {
  size_t n = json_array_size(v);
  lua_createtable(L, (int)(n < INT32_MAX ? n : 0), 0);
  for (size_t i = 0; i < n; i++) {
    if (i % SOME == SOME - 1) cr_check_interrupt(L);
    push_value(L, json_array_get(v, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  if (n == 0) luaL_setmetatable(L, ARRAY);
}

static void push_object(lua_State *L, json_t *v) {
  size_t i = 0;
  lua_createtable(L, 0, (int)json_object_size(v));
  for (void *at = json_object_iter(v); at; at = json_object_iter_next(v, at)) {
    if (++i % SOME == 0) cr_check_interrupt(L);
    lua_pushlstring(L, json_object_iter_key(at), json_object_iter_key_len(at));
    push_value(L, json_object_iter_value(at));
    lua_rawset(L, -3);
  }
}

static void push_value(lua_State *L, json_t *v) {
  luaL_checkstack(L, 8, "json.decode: nested too deep");
  switch (json_typeof(v)) {
  case JSON_OBJECT: push_object(L, v); break;
  case JSON_ARRAY: push_array(L, v); break;
  case JSON_STRING: lua_pushlstring(L, json_string_value(v), json_string_length(v)); break;
  case JSON_INTEGER: lua_pushinteger(L, json_integer_value(v)); break;
  case JSON_REAL: lua_pushnumber(L, json_real_value(v)); break;
  case JSON_TRUE: lua_pushboolean(L, 1); break;
  case JSON_FALSE: lua_pushboolean(L, 0); break;
  case JSON_NULL: lua_pushlightuserdata(L, NULL); break;
  }
}

/* decode(text) -> the value; or nil and a message, line, column. */
static int decode(lua_State *L) {
  size_t n;
  json_error_t error;
  const char *text = luaL_checklstring(L, 1, &n);
  json_t **b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = NULL;
  if (luaL_newmetatable(L, BOX)) {
    lua_pushcfunction(L, box_free);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  source s = {text, n, false};
  *b = json_load_callback(read_piece, &s, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  if (s.stopped) {
    cr_check_interrupt(L);
    return luaL_error(L, "interrupted!");
  }
  if (!*b) {
    lua_pushnil(L);
    lua_pushstring(L, error.text);
    lua_pushinteger(L, error.line);
    lua_pushinteger(L, error.column);
    return 4;
  }
  push_value(L, *b);
  json_decref(*b);
  *b = NULL;
  return 1;
}

/* ---- encoding ---------------------------------------------------------------------------- */

#define TEXT "cresset.json.text"

/* What is written so far; Lua's collector frees it when an error jumps over us. */
typedef struct {
  char *bytes;
  size_t n, room;
} text;

typedef enum { NAN_ERROR, NAN_NULL, NAN_STRING } nan_rule;

typedef struct {
  lua_State *L;
  text *out;
  int indent, max_depth;
  unsigned count;   /* of values so far */
  bool sort, loose; /* loose: lua-cjson's rules for keys that are numbers */
  nan_rule nan;
} encoder;

/* The way to the value at hand, for messages and to notice cycles. */
typedef struct frame {
  struct frame *up;
  const void *table;
  const char *key; /* NULL: an element of an array */
  lua_Integer index;
  int depth;
} frame;

static int text_free(lua_State *L) {
  text *t = luaL_checkudata(L, 1, TEXT);
  free(t->bytes);
  *t = (text){NULL, 0, 0};
  return 0;
}

static text *push_text(lua_State *L) {
  text *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (text){NULL, 0, 0};
  if (luaL_newmetatable(L, TEXT)) {
    lua_pushcfunction(L, text_free);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return t;
}

/* Where n bytes more may be written. */
static char *room(encoder *e, size_t n) {
  text *t = e->out;
  if (n > t->room - t->n) {
    size_t wanted = t->n + n + t->room + 256;
    char *bytes = n < SIZE_MAX / 8 ? realloc(t->bytes, wanted) : NULL;
    if (!bytes) luaL_error(e->L, "json.encode: out of memory");
    t->bytes = bytes;
    t->room = wanted;
  }
  return t->bytes + t->n;
}

static void add(encoder *e, const char *s, size_t n) {
  memcpy(room(e, n), s, n);
  e->out->n += n;
}

/* Pushes "value.a[3]". */
static void push_place(lua_State *L, const frame *f) {
  luaL_checkstack(L, 4, NULL);
  if (!f->up) {
    lua_pushliteral(L, "value");
    return;
  }
  push_place(L, f->up);
  if (f->up->key)
    lua_pushfstring(L, "%s.%s", lua_tostring(L, -1), f->up->key);
  else
    lua_pushfstring(L, "%s[%I]", lua_tostring(L, -1), (LUAI_UACINT)f->up->index);
  lua_remove(L, -2);
}

static void fail(encoder *e, const frame *f, const char *format, const char *word) {
  push_place(e->L, f);
  lua_pushfstring(e->L, format, word);
  cr_raise(e->L, "json.encode: %s: %s", lua_tostring(e->L, -2), lua_tostring(e->L, -1));
}

static void add_indent(encoder *e, int depth) {
  if (e->indent == 0) return;
  size_t n = (size_t)e->indent * (size_t)depth;
  char *to = room(e, n + 1);
  to[0] = '\n';
  memset(to + 1, ' ', n);
  e->out->n += n + 1;
}

/* A string is at most six times as long when every byte is escaped. */
static void add_string(encoder *e, const frame *f, const char *s, size_t n) {
  if (n > SIZE_MAX / 64) fail(e, f, "a string is %s", "too long");
  char *to = room(e, 6 * n + 2);
  json_t *v = json_stringn(s, n);
  if (!v) fail(e, f, "a string that is %s", "not UTF-8 text");
  e->out->n += json_dumpb(v, to, 6 * n + 2, JSON_ENCODE_ANY);
  json_decref(v);
}

static void add_special(encoder *e, const frame *f, lua_Number x) {
  const char *name = isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
  if (e->nan == NAN_ERROR) fail(e, f, "JSON has no %s; see the option nan", name);
  if (e->nan == NAN_NULL)
    add(e, "null", 4);
  else
    add_string(e, f, name, strlen(name));
}

/* As many digits as it takes to give the same number again; always with a point or an exponent, so
 * that it comes back as a float. */
static void add_float(encoder *e, const frame *f, lua_Number x) {
  char digits[40];
  if (!isfinite(x)) {
    add_special(e, f, x);
    return;
  }
  for (int n = 15; n <= 17; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, x);
    if (strtod(digits, NULL) == x) break;
  }
  char *comma = strchr(digits, ','); /* some locales' decimal point */
  if (comma) *comma = '.';
  add(e, digits, strlen(digits));
  if (!strpbrk(digits, ".e")) add(e, ".0", 2);
}

static void add_integer(encoder *e, lua_Integer i) {
  char digits[32];
  int n = snprintf(digits, sizeof digits, LUA_INTEGER_FMT, (LUAI_UACINT)i);
  add(e, digits, (size_t)n);
}

static void add_value(encoder *e, frame *up, int at);

static void add_array(encoder *e, frame *f, int at, lua_Integer n) {
  f->key = NULL;
  add(e, "[", 1);
  for (f->index = 1; f->index <= n; f->index++) {
    if (f->index > 1) add(e, ",", 1);
    add_indent(e, f->depth);
    lua_rawgeti(e->L, at, f->index);
    add_value(e, f, lua_gettop(e->L));
    lua_pop(e->L, 1);
  }
  if (n > 0) add_indent(e, f->depth - 1);
  add(e, "]", 1);
}

typedef struct {
  const char *s;
  size_t n;
  lua_Integer place; /* of the key itself in the list of keys */
} member;

static int by_name(const void *a, const void *b) {
  const member *x = a, *y = b;
  int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
  return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* Pushes a list of the keys, each as text and as it is, and then the members in a userdata, in the
 * order in which they are written. */
static member *push_members(encoder *e, int at, lua_Integer count) {
  lua_State *L = e->L;
  lua_Integer i = 0;
  lua_createtable(L, (int)(count < INT32_MAX / 4 ? 2 * count : 0), 0);
  int list = lua_gettop(L);
  member *m = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *m, 0);
  for (lua_pushnil(L); lua_next(L, at); i++) {
    if (i % SOME == SOME - 1) cr_check_interrupt(L);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, list, 2 * i + 2);
    lua_pushvalue(L, -1);
    m[i].s = lua_tolstring(L, -1, &m[i].n);
    m[i].place = 2 * i + 2;
    lua_rawseti(L, list, 2 * i + 1); /* keeps the text of a number */
  }
  if (e->sort) qsort(m, (size_t)count, sizeof *m, by_name);
  return m;
}

static void add_object(encoder *e, frame *f, int at, lua_Integer count) {
  lua_State *L = e->L;
  const member *m = push_members(e, at, count);
  int list = lua_gettop(L) - 1;
  add(e, "{", 1);
  for (lua_Integer i = 0; i < count; i++) {
    if (i > 0) add(e, ",", 1);
    add_indent(e, f->depth);
    f->key = m[i].s;
    add_string(e, f, m[i].s, m[i].n);
    add(e, ": ", e->indent ? 2 : 1);
    lua_rawgeti(L, list, m[i].place);
    lua_rawget(L, at);
    add_value(e, f, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (count > 0) add_indent(e, f->depth - 1);
  add(e, "}", 1);
  lua_settop(L, list - 1);
}

/* What the keys of a table are. */
typedef struct {
  lua_Integer count, strings, most; /* most: the largest, when all others are integers from 1 on */
  bool others;
  const char *odd; /* the type of a key that is neither a string nor a number */
} keys;

static keys look_at_keys(lua_State *L, int at) {
  keys k = {0, 0, 0, false, NULL};
  for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
    k.count++;
    if (k.count % SOME == 0) cr_check_interrupt(L);
    if (lua_type(L, -2) == LUA_TSTRING)
      k.strings++;
    else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1)
      k.most = lua_tointeger(L, -2) > k.most ? lua_tointeger(L, -2) : k.most;
    else if (lua_type(L, -2) == LUA_TNUMBER)
      k.others = true;
    else
      k.odd = luaL_typename(L, -2);
  }
  return k;
}

/* ARRAY, OBJECT or NULL: what the table's metatable says. */
static const char *marked(lua_State *L, int at) {
  static const char *const names[] = {ARRAY, OBJECT};
  if (!lua_getmetatable(L, at)) return NULL;
  for (int i = 0; i < 2; i++) {
    bool same = luaL_getmetatable(L, names[i]) == LUA_TTABLE && lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    if (!same) continue;
    lua_pop(L, 1);
    return names[i];
  }
  lua_pop(L, 1);
  return NULL;
}

/* lua-cjson's: holes become null, unless there are very many. */
static bool sparse(encoder *e, const frame *f, const keys *k) {
  if (!e->loose || k->strings || k->others || k->count == 0) return false;
  if (k->most > 10 && k->most / 2 > k->count) fail(e, f, "an array with too many %s", "holes");
  return true;
}

static void add_table(encoder *e, frame *f, int at) {
  keys k = look_at_keys(e->L, at);
  const char *mark = marked(e->L, at);
  if (k.odd) fail(e, f, "a key of type %s", k.odd);
  bool list = !k.strings && !k.others && k.most == k.count;
  if (e->loose && mark && !list) mark = NULL;
  if (mark && strcmp(mark, ARRAY) == 0) {
    if (!list) fail(e, f, "a json.array with %s", k.strings ? "names" : "holes");
    add_array(e, f, at, k.count);
  } else if (mark || k.strings == k.count) {
    add_object(e, f, at, k.count);
  } else if (list) {
    add_array(e, f, at, k.count);
  } else if (sparse(e, f, &k)) {
    add_array(e, f, at, k.most);
  } else {
    if (!e->loose)
      fail(e, f, "%s; json.object makes an object of it",
           k.strings ? "a table with names and numbers as keys"
                     : "a table whose keys are not 1 to n");
    add_object(e, f, at, k.count);
  }
}

static void check_way(encoder *e, const frame *f) {
  for (const frame *g = f->up; g; g = g->up)
    if (g->table == f->table) fail(e, f, "a table that %s itself", "contains");
  if (f->depth <= e->max_depth) return;
  char limit[32];
  snprintf(limit, sizeof limit, "%d", e->max_depth);
  cr_raise(e->L,
           "json.encode: tables lie more than %s deep in one another; see the option maxDepth",
           limit);
}

/* A tensor or a storage as nested lists: what its method totable gives. */
static void add_userdata(encoder *e, frame *f, int at) {
  lua_State *L = e->L;
  const cr_tensor *t = cr_to_tensor(L, at);
  if (!t && !cr_to_storage(L, at)) fail(e, f, "a %s has no JSON", luaL_typename(L, at));
  lua_getfield(L, at, t && t->ndim == 0 ? "item" : "totable");
  lua_pushvalue(L, at);
  lua_call(L, 1, 1);
  bool empty = lua_istable(L, -1) && lua_rawlen(L, -1) == 0;
  if (empty)
    add(e, "[]", 2);
  else
    add_value(e, f->up, lua_gettop(L));
  lua_pop(L, 1);
}

static void add_value(encoder *e, frame *up, int at) {
  lua_State *L = e->L;
  frame f = {.up = up, .table = lua_topointer(L, at), .depth = up ? up->depth + 1 : 1};
  size_t n;
  luaL_checkstack(L, 16, "json.encode: nested too deep");
  if (++e->count % SOME == 0) cr_check_interrupt(L);
  switch (lua_type(L, at)) {
  case LUA_TTABLE:
    check_way(e, &f);
    add_table(e, &f, at);
    break;
  case LUA_TSTRING: {
    const char *s = lua_tolstring(L, at, &n);
    add_string(e, &f, s, n);
    break;
  }
  case LUA_TNUMBER:
    if (lua_isinteger(L, at))
      add_integer(e, lua_tointeger(L, at));
    else
      add_float(e, &f, lua_tonumber(L, at));
    break;
  case LUA_TBOOLEAN:
    add(e, lua_toboolean(L, at) ? "true" : "false", lua_toboolean(L, at) ? 4 : 5);
    break;
  case LUA_TUSERDATA: add_userdata(e, &f, at); break;
  case LUA_TLIGHTUSERDATA:
    if (!lua_touserdata(L, at)) {
      add(e, "null", 4);
      break;
    } /* fallthrough */
  default:
    if (lua_isnil(L, at) && e->loose)
      add(e, "null", 4);
    else
      fail(e, &f, "a %s has no JSON", luaL_typename(L, at));
  }
}

/* encode(value, indent, sort, nan rule, maximal depth, loose) -> the text */
static int encode(lua_State *L) {
  static const char *const rules[] = {"error", "null", "string", NULL};
  luaL_checkany(L, 1);
  encoder e = {.L = L,
               .indent = (int)luaL_checkinteger(L, 2),
               .sort = lua_toboolean(L, 3),
               .nan = (nan_rule)luaL_checkoption(L, 4, "error", rules),
               .max_depth = (int)luaL_checkinteger(L, 5),
               .loose = lua_toboolean(L, 6)};
  e.out = push_text(L);
  add_value(&e, NULL, 1);
  lua_pushlstring(L, e.out->bytes, e.out->n);
  free(e.out->bytes);
  *e.out = (text){NULL, 0, 0};
  return 1;
}

#else

static int decode(lua_State *L) {
  cr_fail(
      "JSON text: built without Jansson: install it with its headers (Debian: libjansson-dev) and "
      "build again");
  return cr_lua_error(L);
}

static int encode(lua_State *L) {
  return decode(L);
}

#endif

int luaopen_json_codec(lua_State *L) {
  static const luaL_Reg functions[] = {{"encode", encode}, {"decode", decode}, {NULL, NULL}};
  luaL_newlib(L, functions);
  luaL_newmetatable(L, ARRAY);
  lua_setfield(L, -2, "array");
  luaL_newmetatable(L, OBJECT);
  lua_setfield(L, -2, "object");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  lua_pushboolean(L, CR_JANSSON);
  lua_setfield(L, -2, "there");
  return 1;
}
