/* select_lua.c: gather, scatter, index*, masked*, joining and splitting, in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

/* torch.index([res,] x, dim, places); x:index(dim, places) */
static int f_index(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int at = y ? 3 : 2, dim = cr_check_dim(L, at);
  return cr_push_result(
      L, cr_index_select(y ? y : x, dim, cr_check_places(L, at + 1), y ? x : NULL), y ? 1 : 0);
}

/* torch.gather([res,] x, dim, places) */
static int f_gather(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int at = y ? 3 : 2, dim = cr_check_dim(L, at);
  return cr_push_result(L, cr_gather(y ? y : x, dim, cr_check_places(L, at + 1), y ? x : NULL),
                        y ? 1 : 0);
}

/* x:scatter(dim, places, values or number), and x:scatterAdd */
static int scatter(lua_State *L, bool add) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_tensor *at = cr_check_places(L, 3), *src = cr_to_tensor(L, 4);
  if (!src) {
    cr_push_tensor(L, cr_full((cr_dtype)x->dtype, cr_device_of(x), at->ndim, at->shape,
                              cr_check_scalar(L, 4)));
    src = cr_to_tensor(L, -1);
  }
  return cr_push_result(L, cr_scatter(x, dim, at, src, add), 1);
}

static int m_scatter(lua_State *L) {
  return scatter(L, false);
}
static int m_scatter_add(lua_State *L) {
  return scatter(L, true);
}

static int m_index_add(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_tensor *src = cr_check_tensor(L, 4);
  return cr_push_result(L, cr_index_add(x, dim, cr_check_places(L, 3), src, 1), 1);
}

static int m_index_copy(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_tensor *src = cr_check_tensor(L, 4);
  return cr_push_result(L, cr_index_copy(x, dim, cr_check_places(L, 3), src), 1);
}

static int m_index_fill(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_scalar v = cr_check_scalar(L, 4);
  return cr_push_result(L, cr_index_fill(x, dim, cr_check_places(L, 3), v), 1);
}

/* torch.maskedSelect([res,] x, mask) */
static int f_masked_select(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *mask = cr_check_tensor(L, 2), *third = cr_to_tensor(L, 3);
  return cr_push_result(
      L, third ? cr_masked_select(mask, third, x) : cr_masked_select(x, mask, NULL), third ? 1 : 0);
}

static int m_masked_fill(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *mask = cr_check_tensor(L, 2);
  return cr_push_result(L, cr_masked_fill(x, mask, cr_check_scalar(L, 3)), 1);
}

static int m_masked_copy(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *mask = cr_check_tensor(L, 2);
  return cr_push_result(L, cr_masked_copy(x, mask, cr_check_tensor(L, 3)), 1);
}

/* torch.nonzero([res,] x): places of the elements that are not zero, one a row, counting from 1 */
static int f_nonzero(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  cr_push_places(L, cr_nonzero(y ? y : x));
  if (!y) return 1;
  return cr_push_result(L, cr_into("nonzero", x, cr_retain(cr_to_tensor(L, -1))), 1);
}

/* ---- joining ---------------------------------------------------------------------------- */

/* Collects the tensors of the table at `arg`; the array is a userdata on the stack. */
static cr_tensor **check_list(lua_State *L, int arg, int *n) {
  luaL_checktype(L, arg, LUA_TTABLE);
  *n = (int)lua_rawlen(L, arg);
  cr_tensor **list = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *list, 0);
  int kept = 0;
  for (int i = 0; i < *n; i++) {
    lua_rawgeti(L, arg, i + 1);
    cr_tensor *t = cr_to_tensor(L, -1);
    if (!t)
      luaL_argerror(
          L, arg,
          lua_pushfstring(L, "element %d is a %s, wanted a tensor", i + 1, luaL_typename(L, -1)));
    list[kept] = t;             /* the table still holds it */
    if (!cr_is_none(t)) kept++; /* Torch7 skips empty ones; of nothing else the last stays */
    lua_pop(L, 1);
  }
  *n = kept ? kept : (*n > 0);
  return list;
}

/* torch.cat([res,] {tensors} [, dim]), torch.cat([res,] a, b [, dim]): the last dimension by
 * default */
static int f_cat(lua_State *L) {
  cr_tensor *pair[2], **list = pair, *out = NULL;
  int n, at, dim = -1;
  if (lua_istable(L, 1) || (cr_to_tensor(L, 1) && lua_istable(L, 2))) {
    at = lua_istable(L, 1) ? 1 : 2;
    if (at == 2) out = cr_to_tensor(L, 1);
    list = check_list(L, at, &n);
    at++;
  } else {
    out = cr_to_tensor(L, 3) ? cr_check_tensor(L, 1) : NULL;
    at = out ? 2 : 1;
    cr_tensor *a = cr_check_tensor(L, at), *b = cr_check_tensor(L, at + 1);
    at += 2;
    n = 0;
    if (!cr_is_none(a)) pair[n++] = a;
    if (!cr_is_none(b) || n == 0) pair[n++] = b;
  }
  if (cr_is_number(L, at)) dim = cr_check_dim(L, at);
  if (n == 1 && cr_is_none(list[0])) dim = 0; /* only empty ones: whatever the dimension */
  return cr_push_result(L, cr_into("cat", out, cr_cat(n, list, dim)), out ? 1 : 0);
}

static int f_stack(lua_State *L) {
  int n, dim = lua_isnoneornil(L, 2) ? 0 : cr_check_dim(L, 2);
  cr_tensor **list = check_list(L, 1, &n);
  cr_push_tensor(L, cr_stack(n, list, dim));
  return 1;
}

/* ---- splitting -------------------------------------------------------------------------- */

/* Removes a result table that comes first and leaves it on the top, or a new one. */
static void take_table(lua_State *L) {
  if (lua_istable(L, 1)) {
    lua_pushvalue(L, 1);
    lua_remove(L, 1);
  } else {
    lua_newtable(L);
  }
}

/* Fills the table on the top with pieces of `size` along dim; the last may be smaller.  What the
 * table held beyond them goes. */
static int give_pieces(lua_State *L, cr_tensor *x, int64_t size, int dim) {
  if (!cr_wrap_dim("split", &dim, x->ndim)) return cr_lua_error(L);
  if (size < 1) return luaL_error(L, "split: pieces of %d elements", (int)size);
  int64_t total = x->ndim ? x->shape[dim] : 0, i = 1, held = (int64_t)lua_rawlen(L, -1);
  for (int64_t at = 0; at < total; at += size, i++) {
    cr_push_tensor(L, cr_narrow(x, dim, at, size < total - at ? size : total - at));
    lua_rawseti(L, -2, i);
  }
  for (; i <= held; i++) {
    lua_pushnil(L);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

/* A dimension at arg, the first by default; the table of take_table may be there too. */
static int optional_dim(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) || lua_istable(L, arg) ? 0 : cr_check_dim(L, arg);
}

/* torch.split([table,] x, size [, dim]) */
static int f_split(lua_State *L) {
  take_table(L);
  cr_tensor *x = cr_check_tensor(L, 1);
  return give_pieces(L, x, cr_check_int(L, 2), optional_dim(L, 3));
}

/* torch.chunk([table,] x, n [, dim]) */
static int f_chunk(lua_State *L) {
  take_table(L);
  cr_tensor *x = cr_check_tensor(L, 1);
  int64_t n = cr_check_int(L, 2);
  int dim = optional_dim(L, 3);
  if (!cr_wrap_dim("chunk", &dim, x->ndim)) return cr_lua_error(L);
  if (n < 1) return luaL_argerror(L, 2, "at least one chunk is wanted");
  int64_t size = x->ndim ? x->shape[dim] / n + (x->shape[dim] % n != 0) : 1;
  return give_pieces(L, x, size ? size : 1, dim);
}

static const cr_binding bindings[] = {
    {"index", f_index, f_index},
    {"gather", f_gather, f_gather},
    {"scatter", m_scatter, m_scatter},
    {"scatterAdd", m_scatter_add, m_scatter_add},
    {"indexAdd", NULL, m_index_add},
    {"indexCopy", NULL, m_index_copy},
    {"indexFill", NULL, m_index_fill},
    {"maskedSelect", f_masked_select, f_masked_select},
    {"maskedFill", NULL, m_masked_fill},
    {"maskedCopy", NULL, m_masked_copy},
    {"nonzero", f_nonzero, f_nonzero},
    {"cat", f_cat, f_cat},
    {"stack", f_stack, NULL},
    {"split", f_split, f_split},
    {"chunk", f_chunk, f_chunk},
    {NULL, NULL, NULL},
};

void cr_bind_select(lua_State *L) {
  cr_bind(L, bindings);
}
