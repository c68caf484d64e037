/* bpe_lua.c: require "data._bpe": byte-pair encoding for lib/data/BPETokenizer.lua.  Ids count from
 * 1 here. */
#include "lib/openers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/data/bpe.h"
#include "lib/torch/torch_lua.h"

#define COUNTER "cresset.bpe counter"
#define ENGINE "cresset.bpe engine"

static int counter_free(lua_State *L) {
  cr_words_free(luaL_checkudata(L, 1, COUNTER));
  return 0;
}

static int engine_free(lua_State *L) {
  cr_bpe *b = luaL_checkudata(L, 1, ENGINE);
  cr_bpe_close(b);
  *b = (cr_bpe){0};
  return 0;
}

static void *new_object(lua_State *L, const char *name, size_t size, lua_CFunction release) {
  void *p = memset(lua_newuserdatauv(L, size, 0), 0, size);
  if (luaL_newmetatable(L, name)) {
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return p;
}

/* counter() -> an object that counts pieces */
static int bpe_counter(lua_State *L) {
  new_object(L, COUNTER, sizeof(cr_words), counter_free);
  return 1;
}

/* add(counter, text) -> how many different pieces there are now */
static int bpe_add(lua_State *L) {
  cr_words *words = luaL_checkudata(L, 1, COUNTER);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  if (!cr_bpe_count(words, s, n)) return cr_lua_error(L);
  lua_pushinteger(L, (lua_Integer)words->count);
  return 1;
}

/* The list of the 256 single bytes' ids. */
static void get_base(lua_State *L, int arg, int32_t base[256], lua_Integer most) {
  luaL_checktype(L, arg, LUA_TTABLE);
  for (int i = 0; i < 256; i++) {
    lua_rawgeti(L, arg, i + 1);
    lua_Integer id = lua_tointeger(L, -1);
    if (id < 1 || id > most) luaL_error(L, "the tokens of all single bytes are wanted");
    base[i] = (int32_t)(id - 1);
    lua_pop(L, 1);
  }
}

/* train(counter, base, tokens, limit, least) -> LongTensor of rows {first, second, made} */
static int bpe_train(lua_State *L) {
  cr_words *words = luaL_checkudata(L, 1, COUNTER);
  int32_t base[256];
  lua_Integer tokens = luaL_checkinteger(L, 3), limit = luaL_checkinteger(L, 4);
  lua_Integer least = luaL_checkinteger(L, 5);
  luaL_argcheck(L, tokens >= 256 && tokens < INT32_MAX, 3, "no number of tokens");
  luaL_argcheck(L, limit < INT32_MAX, 4, "at most 2^31 - 2 tokens");
  get_base(L, 2, base, tokens);
  cr_merges found = {0};
  bool ok = cr_bpe_train(words, base, (int32_t)tokens, (int32_t)limit, least, &found);
  cr_tensor *t = ok ? cr_empty_cpu(CR_INT64, 2, (int64_t[]){(int64_t)found.count, 3}) : NULL;
  int64_t *to = t ? cr_data(t) : NULL;
  for (size_t i = 0; t && i < found.count; i++) {
    *to++ = found.merge[i].a + 1;
    *to++ = found.merge[i].b + 1;
    *to++ = found.merge[i].made + 1;
  }
  free(found.merge);
  cr_push_tensor(L, t);
  return 1;
}

/* engine(base, merges: n x 3, tokens) -> what encodes */
static int bpe_engine(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 2);
  lua_Integer tokens = luaL_checkinteger(L, 3);
  luaL_argcheck(L,
                t->dtype == CR_INT64 && t->ndim == 2 && t->shape[1] == 3 && cr_is_contiguous(t) &&
                    cr_device_of(t).type == CR_CPU,
                2, "a LongTensor of three columns is wanted");
  luaL_argcheck(L, tokens >= 256 && tokens < INT32_MAX, 3, "no number of tokens");
  cr_bpe *b = new_object(L, ENGINE, sizeof *b, engine_free);
  get_base(L, 1, b->base, tokens);
  size_t n = (size_t)t->shape[0];
  const int64_t *from = cr_data(t);
  if (!cr_grow(&b->merges.merge, &b->merges.room, n, sizeof *b->merges.merge))
    return cr_lua_error(L);
  for (size_t i = 0; i < 3 * n; i++)
    if (from[i] < 1 || from[i] > tokens)
      return luaL_error(L, "a merge of tokens that do not exist");
  for (size_t i = 0; i < n; i++, from += 3)
    b->merges.merge[i] =
        (cr_merge){(int32_t)from[0] - 1, (int32_t)from[1] - 1, (int32_t)from[2] - 1};
  b->merges.count = n;
  if (!cr_bpe_open(b)) return cr_lua_error(L);
  return 1;
}

/* encode(engine, text) -> LongTensor */
static int bpe_encode(lua_State *L) {
  cr_bpe *b = luaL_checkudata(L, 1, ENGINE);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  cr_ids ids = {0};
  bool ok = cr_bpe_encode(b, s, n, &ids);
  cr_tensor *t = ok ? cr_empty_cpu(CR_INT64, 1, (int64_t[]){(int64_t)ids.count}) : NULL;
  int64_t *to = t ? cr_data(t) : NULL;
  for (size_t i = 0; t && i < ids.count; i++) to[i] = ids.id[i] + 1;
  free(ids.id);
  cr_push_tensor(L, t);
  return 1;
}

int luaopen_data_bpe(lua_State *L) {
  static const luaL_Reg functions[] = {{"counter", bpe_counter}, {"add", bpe_add},
                                       {"train", bpe_train},     {"engine", bpe_engine},
                                       {"encode", bpe_encode},   {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
