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
    cr_raise(L, "index %I is outside dimension %d of a tensor of shape %s", (LUAI_UACINT)i, dim + 1,
             cr_shape_str(s, t->ndim, t->shape));
  }
  return at;
}

/* The numbers {from [, to [, step]]} of the table on the top; {} is the whole dimension. */
static cr_tensor *apply_range(lua_State *L, cr_tensor *v, int dim) {
  int64_t n = (int64_t)lua_rawlen(L, -1), part[3] = {0, 0, 1};
  if (n > 3) cr_raise(L, "a range has at most three numbers: {from, to, step}");
  for (int i = 0; i < (int)n; i++) {
    lua_rawgeti(L, -1, i + 1);
    if (!lua_isnumber(L, -1)) cr_raise(L, "a range is made of numbers: {from, to, step}");
    part[i] = cr_check_int(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (n == 0) return cr_retain(v);
  int64_t first = check_position(L, v, dim, part[0]);
  int64_t last = n == 1 ? first : check_position(L, v, dim, part[1]);
  if (part[2] < 1) cr_raise(L, "a range's step must be at least 1, got %d", (int)part[2]);
  if (last < first)
    cr_raise(L, "a range from %d to %d has no elements", (int)first + 1, (int)last + 1);
  return cr_slice(v, dim, first, (last - first) / part[2] + 1, part[2]);
}

static bool is_mask(const cr_tensor *k, const cr_tensor *t) {
  return k->dtype == CR_BOOL ||
         (k->dtype == CR_UINT8 && (cr_numel(k) == cr_numel(t) || k->ndim > 1));
}

/* In x[{..}] bytes are places as long as there is one dimension of them. */
static bool is_mask_part(const cr_tensor *k) {
  return k->dtype == CR_BOOL || (k->dtype == CR_UINT8 && k->ndim > 1);
}

/* Pushes the 1-based places at arg, negative from the end of a dimension of that size, as 0-based
 * ones.  0 becomes -1, which no dimension has. */
static cr_tensor *push_places(lua_State *L, int arg, const cr_tensor *t, int64_t size) {
  cr_tensor *at = cr_check_places(L, arg, t); /* 0-based: what counts from the end is below -1 */
  cr_tensor *behind = cr_binary_scalar(CR_LT, at, cr_int(-1), NULL);
  cr_tensor *turned = cr_binary_scalar(CR_ADD, at, cr_int(size + 1), NULL);
  cr_tensor *y = cr_where(behind, turned, at, NULL);
  cr_release(behind);
  cr_release(turned);
  cr_push_tensor(L, y);
  lua_remove(L, -2);
  return y;
}

/* Fills index[0..] with the places of the true elements of a mask, one entry a dimension; they stay
 * on the stack. */
static void push_mask_places(lua_State *L, const cr_tensor *v, int dim, cr_tensor *mask,
                             cr_tensor **index) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  bool fits = mask->ndim > 0 && dim + mask->ndim <= v->ndim;
  for (int d = 0; fits && d < mask->ndim; d++) fits = mask->shape[d] == v->shape[dim + d];
  if (!fits)
    cr_raise(L, "a mask of shape %s from dimension %d on of a tensor of shape %s",
             cr_shape_str(s, mask->ndim, mask->shape), dim + 1, cr_shape_str(t, v->ndim, v->shape));
  int k = mask->ndim;
  cr_push_tensor(L, cr_beside(mask, v));
  cr_push_tensor(L, cr_nonzero(cr_to_tensor(L, -1)));
  cr_tensor *places = cr_to_tensor(L, -1);
  for (int d = 0; d < k; d++) {
    cr_push_tensor(L, cr_select(places, 1, d));
    index[d] = cr_to_tensor(L, -1);
  }
}

/* What the table at `key` names: a view, some of whose dimensions are indexed by tensors. */
typedef struct {
  cr_tensor *view;
  bool indexed;
  cr_tensor *index[CR_MAX_DIMS]; /* NULL: the whole dimension */
} region;

static void need_stack(lua_State *L, int slots) {
  if (!lua_checkstack(L, slots)) cr_raise(L, "not enough memory for the indices");
}

/* How many dimensions the elements of the key use up; "..." none.  More than there are: an error.
 */
static int dims_used(lua_State *L, const cr_tensor *t, int key) {
  int64_t n = (int64_t)lua_rawlen(L, key), used = 0;
  for (int64_t i = 1; i <= n && i <= 2 * CR_MAX_DIMS; i++) {
    lua_rawgeti(L, key, i);
    cr_tensor *k = cr_to_tensor(L, -1);
    bool dots = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "...") == 0;
    used += k && is_mask_part(k) ? k->ndim : !dots;
    lua_pop(L, 1);
  }
  if (used > t->ndim || n > 2 * CR_MAX_DIMS)
    cr_raise(L, "%d indices for a tensor of %d dimensions", (int)used, t->ndim);
  return (int)used;
}

/* Everything it makes stays on the stack, so that an error loses nothing. */
static region push_region(lua_State *L, cr_tensor *t, int key) {
  region r = {.view = t};
  int rest = t->ndim - dims_used(L, t, key), dim = 0;
  int64_t n = (int64_t)lua_rawlen(L, key);
  need_stack(L, 2 * (int)n + t->ndim + 6);
  for (int64_t i = 1; i <= n; i++) {
    lua_rawgeti(L, key, i);
    int arg = lua_gettop(L);
    cr_tensor *k = cr_to_tensor(L, arg);
    if (k && is_mask_part(k)) {
      push_mask_places(L, r.view, dim, k, r.index + dim);
      dim += k->ndim;
      r.indexed = true;
    } else if (k && k->ndim > 0) {
      r.index[dim] = push_places(L, arg, r.view, r.view->shape[dim]);
      dim++;
      r.indexed = true;
    } else if (k || cr_is_number(L, arg)) {
      cr_push_tensor(L,
                     cr_select(r.view, dim, check_position(L, r.view, dim, cr_check_int(L, arg))));
      r.view = cr_to_tensor(L, -1);
    } else if (lua_istable(L, arg)) {
      cr_push_tensor(L, apply_range(L, r.view, dim++));
      r.view = cr_to_tensor(L, -1);
    } else if (lua_type(L, arg) == LUA_TSTRING && strcmp(lua_tostring(L, arg), "...") == 0) {
      dim += rest;
      rest = 0;
    } else {
      cr_raise(L, "index %d is a %s; wanted a number, a range {from, to}, a tensor or '...'",
               (int)i, luaL_typename(L, arg));
    }
  }
  return r;
}

/* A mask of fewer dimensions than t, which names slices along its first ones: as a key {mask}. */
static bool names_slices(const cr_tensor *mask, const cr_tensor *t) {
  if (mask->ndim == 0 || mask->ndim >= t->ndim) return false;
  for (int d = 0; d < mask->ndim; d++)
    if (mask->shape[d] != t->shape[d]) return false;
  return true;
}

/* The tensor at 2 as a region of t. */
static region push_tensor_region(lua_State *L, cr_tensor *t, cr_tensor *k) {
  region r = {.view = t, .indexed = true};
  char s[CR_SHAPE_STR];
  if (t->ndim == 0) cr_raise(L, "a tensor of shape %s cannot be indexed", cr_tensor_str(s, t));
  need_stack(L, t->ndim + 6);
  if (is_mask(k, t))
    push_mask_places(L, t, 0, k, r.index);
  else
    r.index[0] = push_places(L, 2, t, t->shape[0]);
  return r;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A view that came down to one element is read as a number, unless a gradient flows through it. */
static int give_view(lua_State *L, cr_tensor *v) {
  if (v && v->ndim == 0) return cr_push_number(L, v);
  cr_push_tensor(L, v);
  return 1;
}

/* Whether neither t nor what it is a view of has a history: its elements are read and written then
 * without a view of them. */
static bool is_off_tape(const cr_tensor *t) {
  return !t->ag && (!t->base || !t->base->ag);
}

static int by_number(lua_State *L, cr_tensor *t) {
  int64_t at = check_position(L, t, 0, cr_check_int(L, 2));
  if (t->ndim == 1 && is_off_tape(t)) {
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, &at));
    return 1;
  }
  return give_view(L, cr_select(t, 0, at));
}

/* LongStorage{i, j}: one element */
static int by_storage(lua_State *L, cr_tensor *t, cr_storage *s, int64_t *index) {
  if (s->dtype != CR_INT64 || s->size != t->ndim || s->device.type != CR_CPU)
    return cr_raise(L, "a LongStorage of %d numbers is wanted as index", t->ndim);
  for (int d = 0; d < t->ndim; d++) index[d] = check_position(L, t, d, ((int64_t *)s->data)[d]);
  return 0;
}

/* x[{i, j, ..}] with a number for every dimension: the place of one element; false for other keys.
 */
static bool one_element(lua_State *L, cr_tensor *t, int64_t *index) {
  if (!is_off_tape(t) || (int64_t)lua_rawlen(L, 2) != t->ndim) return false;
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
  if (type == LUA_TSTRING && lua_istable(L, lua_upvalueindex(1))) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    cr_tensor *t = cr_to_tensor(L, 1);
    return t ? cr_push_property(L, t, lua_tostring(L, 2)) : 0;
  }
  cr_tensor *t = cr_check_tensor(L, 1), *k;
  if (type == LUA_TNUMBER) return by_number(L, t);
  if (type == LUA_TTABLE && one_element(L, t, index)) {
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, index));
    return 1;
  }
  if (type == LUA_TTABLE) {
    region r = push_region(L, t, 2);
    return give_view(L, r.indexed ? cr_index_at(r.view, r.index) : cr_retain(r.view));
  }
  if ((k = cr_to_tensor(L, 2))) {
    if (is_mask(k, t) && !names_slices(k, t)) {
      cr_push_tensor(L, cr_masked_select(t, k, NULL));
      return 1;
    }
    if (k->ndim == 0) {
      lua_pushinteger(L, cr_check_int(L, 2));
      lua_replace(L, 2);
      return by_number(L, t);
    }
    region r = push_tensor_region(L, t, k);
    cr_push_tensor(L, cr_index_at(r.view, r.index));
    return 1;
  }
  cr_storage *s = cr_to_storage(L, 2);
  if (s) {
    by_storage(L, t, s, index);
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, index));
    return 1;
  }
  return cr_raise(L, "a tensor cannot be indexed by a %s", luaL_typename(L, 2));
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

/* What the region names = the value at 3 */
static void assign_region(lua_State *L, region *r) {
  cr_tensor *src = cr_to_tensor(L, 3);
  if (!r->indexed) {
    assign_view(L, r->view);
    return;
  }
  if (!src) {
    cr_push_tensor(L, cr_scalar_tensor((cr_dtype)r->view->dtype, cr_device_of(r->view),
                                       cr_check_scalar(L, 3)));
    src = cr_to_tensor(L, -1);
  }
  finish(L, cr_index_put(r->view, r->index, src, false));
}

int cr_tensor_newindex(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *k;
  int64_t index[CR_MAX_DIMS];
  int type = lua_type(L, 2);
  if (type == LUA_TSTRING) {
    if (cr_set_property(L, t, lua_tostring(L, 2))) return 0;
    return cr_raise(L, "a tensor has no field '%s' that could be set", lua_tostring(L, 2));
  }
  if (type == LUA_TNUMBER) {
    int64_t at = check_position(L, t, 0, cr_check_int(L, 2));
    if (t->ndim == 1 && is_off_tape(t) && !cr_to_tensor(L, 3)) {
      if (!cr_put(t, &at, cr_check_scalar(L, 3))) cr_lua_error(L);
      return 0;
    }
    cr_push_tensor(L, cr_select(t, 0, at));
    assign_view(L, cr_to_tensor(L, -1));
  } else if (type == LUA_TTABLE && !cr_to_tensor(L, 3) && one_element(L, t, index)) {
    if (!cr_put(t, index, cr_check_scalar(L, 3))) cr_lua_error(L);
  } else if (type == LUA_TTABLE) {
    region r = push_region(L, t, 2);
    assign_region(L, &r);
  } else if ((k = cr_to_tensor(L, 2)) && is_mask(k, t) && !names_slices(k, t)) {
    assign_mask(L, t, k);
  } else if (k && k->ndim == 0) {
    cr_push_tensor(L, cr_select(t, 0, check_position(L, t, 0, cr_check_int(L, 2))));
    assign_view(L, cr_to_tensor(L, -1));
  } else if (k) {
    region r = push_tensor_region(L, t, k);
    assign_region(L, &r);
  } else if (cr_to_storage(L, 2)) {
    by_storage(L, t, cr_to_storage(L, 2), index);
    if (!cr_put(t, index, cr_check_scalar(L, 3))) cr_lua_error(L);
  } else {
    return cr_raise(L, "a tensor cannot be indexed by a %s", luaL_typename(L, 2));
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
    return cr_raise(L, "get: %d indices for a tensor of %d dimensions", lua_gettop(L) - 1, t->ndim);
  for (int d = 0; d < t->ndim; d++) index[d] = check_position(L, t, d, cr_check_int(L, d + 2));
  cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, index));
  return 1;
}

/* torch._indexPut(x, key, values, accumulate): for places.lua; changes x */
static int f_index_put(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *values = cr_check_tensor(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  bool add = lua_toboolean(L, 4);
  region r = push_region(L, x, 2);
  if (!r.indexed) { /* a view: no place is there twice */
    cr_tensor *y = add ? cr_add(r.view, values) : cr_retain(values);
    cr_tensor *done = y ? cr_copy(r.view, y) : NULL;
    cr_release(y);
    finish(L, done);
  } else {
    finish(L, cr_index_put(r.view, r.index, values, add));
  }
  return cr_return(L, 1);
}

static const cr_binding bindings[] = {
    {"_indexPut", f_index_put, NULL},
    {"get", NULL, m_get},
    {NULL, NULL, NULL},
};

void cr_bind_index(lua_State *L) {
  cr_bind(L, bindings);
}
