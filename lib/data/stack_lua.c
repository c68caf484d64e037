/* stack_lua.c: require "data._stack": the samples of a batch as one tensor.
 *
 * Each function takes a list and gives a tensor, or nil, the place of the value that does not fit,
 * and what is wrong with it. */
#include "lib/openers.h"

#include <string.h>

#include "lib/torch/torch_lua.h"

static int misfit(lua_State *L, int64_t i, const char *why) {
  lua_pushnil(L);
  lua_pushinteger(L, i);
  lua_pushstring(L, why);
  return 3;
}

/* The list's element i, borrowed: the list keeps it alive. */
static cr_tensor *tensor_at(lua_State *L, int64_t i) {
  lua_rawgeti(L, 1, i);
  cr_tensor *t = cr_to_tensor(L, -1);
  lua_pop(L, 1);
  return t;
}

/* What keeps t from lying beside `first`; NULL when nothing does. */
static const char *difference(lua_State *L, const cr_tensor *first, const cr_tensor *t) {
  char a[CR_SHAPE_STR], b[CR_SHAPE_STR];
  if (cr_same_shape(first, t) && first->dtype == t->dtype) return NULL;
  lua_pushfstring(L, "is %s %s, in the first it is %s %s", cr_shape_str(a, t->ndim, t->shape),
                  cr_dtypes[t->dtype].name, cr_shape_str(b, first->ndim, first->shape),
                  cr_dtypes[first->dtype].name);
  return lua_tostring(L, -1);
}

static bool put_sample(cr_tensor *out, int64_t place, int64_t count, cr_tensor *t) {
  size_t bytes = (size_t)count * cr_sizeof((cr_dtype)t->dtype);
  if (cr_is_contiguous(t) && cr_device_of(t).type == CR_CPU && cr_device_of(out).type == CR_CPU) {
    if (bytes) memcpy((char *)cr_data(out) + (size_t)place * bytes, cr_data(t), bytes);
    return true;
  }
  cr_tensor *from = cr_alias(t);
  cr_tensor *to =
      cr_view_storage(out->storage, (cr_dtype)out->dtype, place * count, t->ndim, t->shape, NULL);
  cr_tensor *done = from && to ? cr_copy(to, from) : NULL;
  cr_release(done);
  cr_release(to);
  cr_release(from);
  return done != NULL;
}

/* tensors(list): along a new first dimension */
static int stack_tensors(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t n = (int64_t)lua_rawlen(L, 1);
  cr_tensor *first = tensor_at(L, 1);
  if (!first) return misfit(L, 1, "is not a tensor");
  for (int64_t i = 2; i <= n; i++) {
    cr_tensor *t = tensor_at(L, i);
    const char *why = t ? difference(L, first, t) : "is not a tensor";
    if (why) return misfit(L, i, why);
  }
  if (first->ndim == CR_MAX_DIMS) return misfit(L, 1, "has as many dimensions as there can be");
  int64_t shape[CR_MAX_DIMS] = {n}, count = cr_numel(first);
  memcpy(shape + 1, first->shape, first->ndim * sizeof *shape);
  cr_push_tensor(L, cr_empty((cr_dtype)first->dtype, cr_device_of(first), first->ndim + 1, shape));
  cr_tensor *out = cr_to_tensor(L, -1);
  for (int64_t i = 1; i <= n; i++)
    if (!put_sample(out, i - 1, count, tensor_at(L, i))) return cr_lua_error(L);
  return 1;
}

/* numbers(list): whole ones as int64, others as the default type */
static int stack_numbers(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t n = (int64_t)lua_rawlen(L, 1);
  bool whole = true;
  for (int64_t i = 1; i <= n; i++) {
    if (lua_rawgeti(L, 1, i) != LUA_TNUMBER) return misfit(L, i, "is not a number");
    whole = whole && lua_isinteger(L, -1);
    lua_pop(L, 1);
  }
  cr_push_tensor(L, cr_empty_cpu(whole ? CR_INT64 : CR_FLOAT64, 1, &n));
  cr_tensor *out = cr_to_tensor(L, -1);
  for (int64_t i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    if (whole)
      ((int64_t *)cr_data(out))[i - 1] = lua_tointeger(L, -1);
    else
      ((double *)cr_data(out))[i - 1] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  if (!whole) cr_push_tensor(L, cr_cast(out, (cr_dtype)cr_ctx()->dtype));
  return 1;
}

/* flags(list): booleans as bools */
static int stack_flags(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t n = (int64_t)lua_rawlen(L, 1);
  cr_push_tensor(L, cr_empty_cpu(CR_BOOL, 1, &n));
  uint8_t *out = cr_data(cr_to_tensor(L, -1));
  for (int64_t i = 1; i <= n; i++) {
    if (lua_rawgeti(L, 1, i) != LUA_TBOOLEAN) return misfit(L, i, "is neither true nor false");
    out[i - 1] = (uint8_t)lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  return 1;
}

int luaopen_data_stack(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"tensors", stack_tensors}, {"numbers", stack_numbers}, {"flags", stack_flags}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
