/* index_lua.c: x[i], x[{..}], x[mask], x[places], and assignment through each of them. */
#include "lib/torch/binding.h"

#include <string.h>

/* ---- one dimension of x[{..}] ----------------------------------------------------------- */

/* A 1-based position, negative from the end, as a 0-based one; in range. */
static int64_t check_position(lua_State *L, const cr_tensor *t, int dim, int64_t i) {
  int64_t size = dim < t->ndim ? t->shape[dim] : 0;
  int64_t at = i < 0 ? i + size : i - 1;
  if (at < 0 || at >= size || i == 0) {
    char s[CR_SHAPE_STR];
    luaL_error(L, "index %I is outside dimension %d of a tensor of shape %s", (LUAI_UACINT)i,
               dim + 1, cr_shape_str(s, t->ndim, t->shape));
  }
  return at;
}

/* The numbers {from [, to [, step]]} of the table on the top; {} is the whole dimension. */
static cr_tensor *apply_range(lua_State *L, cr_tensor *v, int dim) {
  int64_t n = (int64_t)lua_rawlen(L, -1), part[3] = {0, 0, 1};
  if (n > 3) luaL_error(L, "a range has at most three numbers: {from, to, step}");
  for (int i = 0; i < (int)n; i++) {
    lua_rawgeti(L, -1, i + 1);
    if (!lua_isnumber(L, -1)) luaL_error(L, "a range is made of numbers: {from, to, step}");
    part[i] = cr_check_int(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (n == 0) return cr_retain(v);
  int64_t first = check_position(L, v, dim, part[0]);
  int64_t last = n == 1 ? first : check_position(L, v, dim, part[1]);
  if (part[2] < 1) luaL_error(L, "a range's step must be at least 1, got %d", (int)part[2]);
  if (last < first)
    luaL_error(L, "a range from %d to %d has no elements", (int)first + 1, (int)last + 1);
  return cr_slice(v, dim, first, (last - first) / part[2] + 1, part[2]);
}

/* The view that the table at `key` names; pushes it.  Each step's tensor is on the stack, so that
 * an error loses nothing.  `copied`: a dimension was indexed by a tensor, so the result is no view.
 */
static cr_tensor *push_region(lua_State *L, cr_tensor *t, int key, bool *copied) {
  int64_t n = (int64_t)lua_rawlen(L, key);
  int dim = 0;
  *copied = false;
  if (n > t->ndim) luaL_error(L, "%d indices for a tensor of %d dimensions", (int)n, t->ndim);
  cr_push_tensor(L, cr_retain(t));
  for (int64_t i = 1; i <= n; i++) {
    cr_tensor *v = cr_to_tensor(L, -1), *next;
    lua_rawgeti(L, key, i);
    if (cr_is_number(L, -1)) {
      next = cr_select(v, dim, check_position(L, v, dim, cr_check_int(L, lua_gettop(L))));
    } else if (cr_to_tensor(L, -1)) {
      next = cr_index_select(v, dim++, cr_check_places(L, lua_gettop(L)), NULL);
      lua_pop(L, 1);
      *copied = true;
    } else if (lua_istable(L, -1)) {
      next = apply_range(L, v, dim++);
    } else {
      return luaL_error(L, "index %d is a %s; wanted a number, a range {from, to} or a tensor",
                        (int)i, luaL_typename(L, -1)),
             NULL;
    }
    lua_pop(L, 1);
    cr_push_tensor(L, next);
    lua_replace(L, -2);
  }
  return cr_to_tensor(L, -1);
}

static bool is_mask(const cr_tensor *k, const cr_tensor *t) {
  return k->dtype == CR_BOOL ||
         (k->dtype == CR_UINT8 && (cr_numel(k) == cr_numel(t) || k->ndim > 1));
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A view that came down to one element is read as a number, unless a gradient flows through it. */
static int give_view(lua_State *L, cr_tensor *v) {
  if (v && v->ndim == 0) return cr_push_number(L, v);
  cr_push_tensor(L, v);
  return 1;
}

static int by_number(lua_State *L, cr_tensor *t) {
  int64_t at = check_position(L, t, 0, cr_check_int(L, 2));
  if (t->ndim == 1 && !t->ag && !t->base) {
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_get(t, &at));
    return 1;
  }
  return give_view(L, cr_select(t, 0, at));
}

/* LongStorage{i, j}: one element */
static int by_storage(lua_State *L, cr_tensor *t, cr_storage *s, int64_t *index) {
  if (s->dtype != CR_INT64 || s->size != t->ndim)
    return luaL_error(L, "a LongStorage of %d numbers is wanted as index", t->ndim);
  for (int d = 0; d < t->ndim; d++) index[d] = check_position(L, t, d, ((int64_t *)s->data)[d]);
  return 0;
}

/* x[{i, j, ..}] with a number for every dimension: the place of one element; false for other keys.
 */
static bool one_element(lua_State *L, cr_tensor *t, int64_t *index) {
  if (t->ag || t->base || (int64_t)lua_rawlen(L, 2) != t->ndim) return false;
  for (int d = 0; d < t->ndim; d++) {
    bool number = lua_rawgeti(L, 2, d + 1) == LUA_TNUMBER;
    if (number) index[d] = check_position(L, t, d, cr_check_int(L, lua_gettop(L)));
    lua_pop(L, 1);
    if (!number) return false;
  }
  return t->ndim > 0;
}

int cr_tensor_index(lua_State *L) {
  int64_t index[CR_MAX_DIMS];
  int type = lua_type(L, 2);
  if (type == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    cr_tensor *t = cr_to_tensor(L, 1);
    return t ? cr_push_property(L, t, lua_tostring(L, 2)) : 0;
  }
  cr_tensor *t = cr_check_tensor(L, 1), *k;
  if (type == LUA_TNUMBER) return by_number(L, t);
  if (type == LUA_TTABLE && one_element(L, t, index)) {
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_get(t, index));
    return 1;
  }
  if (type == LUA_TTABLE) {
    bool copied;
    return give_view(L, cr_retain(push_region(L, t, 2, &copied)));
  }
  if ((k = cr_to_tensor(L, 2))) {
    if (is_mask(k, t)) {
      cr_push_tensor(L, cr_masked_select(t, k, NULL));
      return 1;
    }
    if (k->ndim == 0) {
      lua_pushinteger(L, cr_check_int(L, 2));
      lua_replace(L, 2);
      return by_number(L, t);
    }
    cr_push_tensor(L, cr_index_select(t, 0, cr_check_places(L, 2), NULL));
    return 1;
  }
  cr_storage *s = cr_to_storage(L, 2);
  if (s) {
    by_storage(L, t, s, index);
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_get(t, index));
    return 1;
  }
  return luaL_error(L, "a tensor cannot be indexed by a %s", luaL_typename(L, 2));
}

/* ---- writing ---------------------------------------------------------------------------- */

static void finish(lua_State *L, cr_tensor *r) {
  if (!r) cr_lua_error(L);
  cr_release(r);
}

/* v = the value at 3: a number or a tensor that fits */
static void assign_view(lua_State *L, cr_tensor *v) {
  cr_tensor *src = cr_to_tensor(L, 3);
  if (!src) {
    finish(L, cr_fill(v, cr_check_scalar(L, 3)));
    return;
  }
  cr_tensor *same = cr_numel(src) == cr_numel(v) && !cr_same_shape(src, v)
                        ? cr_reshape(src, v->ndim, v->shape)
                        : cr_retain(src);
  cr_tensor *r = cr_copy(v, same);
  cr_release(same);
  finish(L, r);
}

static void assign_mask(lua_State *L, cr_tensor *t, cr_tensor *mask) {
  cr_tensor *src = cr_to_tensor(L, 3);
  finish(L, src ? cr_masked_copy(t, mask, src) : cr_masked_fill(t, mask, cr_check_scalar(L, 3)));
}

static void assign_places(lua_State *L, cr_tensor *t, int dim, int key) {
  cr_tensor *src = cr_to_tensor(L, 3), *at = cr_check_places(L, key);
  if (!src) {
    finish(L, cr_index_fill(t, dim, at, cr_check_scalar(L, 3)));
    return;
  }
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, t->shape, t->ndim * sizeof *shape);
  shape[dim] = cr_numel(at);
  cr_tensor *wide = cr_expand(src, t->ndim, shape);
  cr_tensor *r = cr_index_copy(t, dim, at, wide);
  cr_release(wide);
  finish(L, r);
}

/* x[{.., places, ..}] = v: one dimension may be named by a tensor. */
static void assign_region(lua_State *L, cr_tensor *t) {
  int64_t n = (int64_t)lua_rawlen(L, 2);
  int at = 0, dim = 0;
  lua_newtable(L); /* the same key with {} where the tensor stood */
  for (int64_t i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    if (cr_to_tensor(L, -1)) {
      if (at) luaL_error(L, "only one index of an assignment may be a tensor");
      at = (int)i;
      lua_pop(L, 1);
      lua_newtable(L);
    } else if (cr_is_number(L, -1) && !at) {
      dim--; /* this dimension goes before the tensor's is reached */
    }
    lua_rawseti(L, -2, i);
  }
  bool copied;
  cr_tensor *v = push_region(L, t, lua_gettop(L), &copied);
  if (!at) {
    assign_view(L, v);
    return;
  }
  lua_rawgeti(L, 2, at);
  assign_places(L, v, at - 1 + dim, lua_gettop(L));
}

int cr_tensor_newindex(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *k;
  int64_t index[CR_MAX_DIMS];
  int type = lua_type(L, 2);
  if (type == LUA_TSTRING) {
    if (cr_set_property(L, t, lua_tostring(L, 2))) return 0;
    return luaL_error(L, "a tensor has no field '%s' that could be set", lua_tostring(L, 2));
  }
  if (type == LUA_TNUMBER) {
    int64_t at = check_position(L, t, 0, cr_check_int(L, 2));
    if (t->ndim == 1 && !t->ag && !t->base && !cr_to_tensor(L, 3)) {
      if (!cr_put(t, &at, cr_check_scalar(L, 3))) cr_lua_error(L);
      return 0;
    }
    cr_push_tensor(L, cr_select(t, 0, at));
    assign_view(L, cr_to_tensor(L, -1));
  } else if (type == LUA_TTABLE && !cr_to_tensor(L, 3) && one_element(L, t, index)) {
    if (!cr_put(t, index, cr_check_scalar(L, 3))) cr_lua_error(L);
  } else if (type == LUA_TTABLE) {
    assign_region(L, t);
  } else if ((k = cr_to_tensor(L, 2))) {
    if (is_mask(k, t))
      assign_mask(L, t, k);
    else
      assign_places(L, t, 0, 2);
  } else if (cr_to_storage(L, 2)) {
    by_storage(L, t, cr_to_storage(L, 2), index);
    if (!cr_put(t, index, cr_check_scalar(L, 3))) cr_lua_error(L);
  } else {
    return luaL_error(L, "a tensor cannot be indexed by a %s", luaL_typename(L, 2));
  }
  return 0;
}

/** x:get(i, ...)
 *
 *  One element.  x[i] is the i-th slice of the first dimension, as a view, or for a vector its
 *  element; x[{..}] has a number, a range {from, to [, step]}, {} for all, or a LongTensor of
 *  places for each dimension; x[mask] the elements where a BoolTensor is true.  All can be assigned
 *  to.
 *
 *  i: as many places as x has dimensions; negative ones count from the last
 *  Returns: a number
 *  Errors: a place is outside x
 *  Example:
 *    x = torch.range(1, 6):view(2, 3)
 *    x:get(2, 3), x[2][3], x[{ {}, 2 }]:sum(), x[{ 1, { 2, 3 } }]:sum() --> 6.0 6.0 7.0 5.0
 */
static int m_get(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int64_t index[CR_MAX_DIMS];
  if (lua_gettop(L) - 1 != t->ndim)
    return luaL_error(L, "get: %d indices for a tensor of %d dimensions", lua_gettop(L) - 1,
                      t->ndim);
  for (int d = 0; d < t->ndim; d++) index[d] = check_position(L, t, d, cr_check_int(L, d + 2));
  cr_push_scalar(L, (cr_dtype)t->dtype, cr_get(t, index));
  return 1;
}

static const cr_binding bindings[] = {
    {"get", NULL, m_get},
    {NULL, NULL, NULL},
};

void cr_bind_index(lua_State *L) {
  cr_bind(L, bindings);
}
