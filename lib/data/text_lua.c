/* text_lua.c: require "data._text": texts in parts, for the tokenizers. */
#include "lib/openers.h"

#include <lauxlib.h>

#include "lib/data/unicode.h"

typedef struct {
  const char *s;
  size_t n;
  lua_Integer found;
} reader;

static reader read_text(lua_State *L) {
  reader r = {0};
  r.s = luaL_checklstring(L, 1, &r.n);
  lua_newtable(L);
  return r;
}

/* The next so many bytes, as one more part or as none. */
static void take(lua_State *L, reader *r, size_t length, int keep) {
  if (keep) {
    lua_pushlstring(L, r->s, length);
    lua_rawseti(L, -2, ++r->found);
  }
  r->s += length;
  r->n -= length;
}

/* characters(text) -> list of its characters; a byte that is no UTF-8 is one too */
static int characters(lua_State *L) {
  reader r = read_text(L);
  for (size_t length; r.n > 0; take(L, &r, length, 1)) cr_utf8_get(r.s, r.n, &length);
  return 1;
}

static void add_to_count(lua_State *L, const char *s, size_t n, lua_Integer by) {
  lua_pushlstring(L, s, n);
  lua_pushvalue(L, -1);
  lua_rawget(L, 2);
  lua_pushinteger(L, lua_tointeger(L, -1) + by);
  lua_remove(L, -2);
  lua_rawset(L, 2);
}

/* count(text, counts): adds each character's number of times */
static int count_characters(lua_State *L) {
  lua_Integer ascii[128] = {0};
  reader r = {0};
  r.s = luaL_checklstring(L, 1, &r.n);
  luaL_checktype(L, 2, LUA_TTABLE);
  for (size_t length; r.n > 0; r.s += length, r.n -= length) {
    int32_t c = cr_utf8_get(r.s, r.n, &length);
    if (c >= 0 && c < 128)
      ascii[c]++;
    else
      add_to_count(L, r.s, length, 1);
  }
  for (int c = 0; c < 128; c++)
    if (ascii[c]) add_to_count(L, &(char){(char)c}, 1, ascii[c]);
  return 0;
}

/* The number that the table at 3 has for a character, or the unknown's at 4. */
static lua_Integer id_of(lua_State *L, const char *s, size_t n) {
  lua_pushlstring(L, s, n);
  lua_rawget(L, 3);
  if (lua_isnil(L, -1)) lua_pushvalue(L, 4);
  lua_Integer id = lua_tointeger(L, -1);
  lua_settop(L, 4);
  if (id == 0) {
    lua_pushlstring(L, s, n);
    luaL_error(L, "data.CharTokenizer: the character '%s' is not in the vocabulary",
               lua_tostring(L, -1));
  }
  return id;
}

/* append(list, text, ids, unknown or nil): adds the characters' numbers to the list */
static int append_ids(lua_State *L) {
  lua_Integer ascii[128] = {0}, at;
  reader r = {0};
  luaL_checktype(L, 1, LUA_TTABLE);
  r.s = luaL_checklstring(L, 2, &r.n);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 4);
  at = (lua_Integer)lua_rawlen(L, 1);
  for (size_t length; r.n > 0; r.s += length, r.n -= length) {
    int32_t c = cr_utf8_get(r.s, r.n, &length);
    lua_Integer id = c >= 0 && c < 128 ? ascii[c] : 0;
    if (id == 0) id = id_of(L, r.s, length);
    if (c >= 0 && c < 128) ascii[c] = id;
    lua_pushinteger(L, id);
    lua_rawseti(L, 1, ++at);
  }
  return 0;
}

/* pieces(text) -> list of its pieces by GPT-2's rule */
static int pieces(lua_State *L) {
  reader r = read_text(L);
  while (r.n > 0) take(L, &r, cr_piece(r.s, r.n), 1);
  return 1;
}

static cr_char_kind kind_at(const reader *r, size_t at, size_t *length) {
  return cr_char_kind_of(cr_utf8_get(r->s + at, r->n - at, length));
}

static int in_word(cr_char_kind kind) {
  return kind == CR_LETTER || kind == CR_NUMBER || kind == CR_MARK;
}

/* The bytes of an apostrophe at that place that stands between letters, else 0. */
static size_t inner_apostrophe(const reader *r, size_t at) {
  size_t length, after;
  int32_t c = cr_utf8_get(r->s + at, r->n - at, &length);
  if ((c != '\'' && c != 0x2019) || at + length >= r->n) return 0;
  return kind_at(r, at + length, &after) == CR_LETTER ? length : 0;
}

static size_t word_length(const reader *r) {
  size_t at = 0, length = 0;
  cr_char_kind kind = CR_OTHER, last = CR_OTHER;
  while (at < r->n) {
    kind = kind_at(r, at, &length);
    if (!in_word(kind) && r->s[at] != '_') {
      length = last == CR_LETTER ? inner_apostrophe(r, at) : 0;
      if (length == 0) break;
    }
    at += length;
    last = kind;
  }
  return at;
}

/* words(text) -> list of its words, and of the other characters that are no white space */
static int words(lua_State *L) {
  reader r = read_text(L);
  while (r.n > 0) {
    size_t length, n = word_length(&r);
    cr_char_kind kind = kind_at(&r, 0, &length);
    take(L, &r, n > 0 ? n : length, kind != CR_SPACE);
  }
  return 1;
}

/* fields(text) -> list of what stands between white space */
static int fields(lua_State *L) {
  reader r = read_text(L);
  while (r.n > 0) {
    size_t at = 0, length;
    while (at < r.n && kind_at(&r, at, &length) != CR_SPACE) at += length;
    if (at > 0)
      take(L, &r, at, 1);
    else
      take(L, &r, length, 0);
  }
  return 1;
}

/* lower(text) -> the text in small letters */
static int lower(lua_State *L) {
  reader r = {0};
  r.s = luaL_checklstring(L, 1, &r.n);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t length; r.n > 0; r.s += length, r.n -= length) {
    int32_t c = cr_utf8_get(r.s, r.n, &length), small = c < 0 ? c : cr_small_letter(c);
    char out[4];
    if (small == c)
      luaL_addlstring(&b, r.s, length);
    else
      luaL_addlstring(&b, out, cr_utf8_put(out, small));
  }
  luaL_pushresult(&b);
  return 1;
}

int luaopen_data_text(lua_State *L) {
  static const luaL_Reg functions[] = {{"characters", characters}, {"count", count_characters},
                                       {"append", append_ids},     {"pieces", pieces},
                                       {"words", words},           {"fields", fields},
                                       {"lower", lower},           {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
