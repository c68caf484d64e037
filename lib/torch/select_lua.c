/* select_lua.c: gather, scatter, index*, masked*, joining and splitting, in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

/* ---- index tensors ---------------------------------------------------------------------- */

cr_tensor *cr_check_index(lua_State *L, int arg, const cr_tensor *t) {
  cr_tensor *index = cr_check_tensor(L, arg);
  if (!cr_is_tensor_of_ints(index) && !(cr_torch7_mode(L) && cr_is_float((cr_dtype)index->dtype)))
    luaL_argerror(L, arg, "an index tensor of an integer type is wanted");
  cr_tensor *wide = cr_cast(index, CR_INT64);
  cr_tensor *here = cr_beside(wide, t);
  cr_release(wide);
  cr_push_tensor(L, here);
  return here;
}

cr_tensor *cr_check_places(lua_State *L, int arg, const cr_tensor *t) {
  cr_tensor *zero_based = cr_binary_scalar(CR_SUB, cr_check_index(L, arg, t), cr_int(1), NULL);
  cr_push_tensor(L, zero_based);
  return zero_based;
}

/* ---- what stands at places -------------------------------------------------------------- */

/** torch.index([res,] x, dim, places); x:index(dim, places)
 *
 *  The slices of x at some places of a dimension, in their order.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  places: vector of an integer type; places count from 1 and may repeat
 *  Returns: a new tensor, or res
 *  Errors: a place is outside the dimension
 *  From: Torch7
 *  Example:
 *    torch.range(1, 6):view(2, 3):index(2, torch.LongTensor { 3, 1 })[1][1] --> 3.0
 */
static int f_index(lua_State *L) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int at = y ? 3 : 2, dim = cr_check_dim(L, at);
  return cr_push_result(
      L, cr_index_select(y ? y : x, dim, cr_check_places(L, at + 1, x), y ? x : NULL), y ? 1 : 0);
}

/** torch.gather([res,] x, dim, places); x:gather(dim, places)
 *
 *  One element for each place: result[i][j] is x[i][places[i][j]] for dim 2.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  places: tensor of an integer type, of as many dimensions as x, whose other sizes are x's
 *  Returns: a tensor of the shape of places
 *  Errors: the shapes do not fit; a place is outside the dimension
 *  From: Torch7
 *  Example:
 *    x = torch.Tensor { { 1, 2 }, { 3, 4 } }
 *    x:gather(2, torch.LongTensor { { 2 }, { 1 } }):sum() --> 5.0
 */
static int f_gather(lua_State *L) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int at = y ? 3 : 2, dim = cr_check_dim(L, at);
  return cr_push_result(L, cr_gather(y ? y : x, dim, cr_check_index(L, at + 1, x), 1, y ? x : NULL),
                        y ? 1 : 0);
}

/** torch.scatter(x, dim, places, values); x:scatter(dim, places, values)
 *  torch.scatterAdd(x, dim, places, values); x:scatterAdd(dim, places, values)
 *
 *  Writes values to places of x, or adds them: x[i][places[i][j]] = values[i][j] for dim 2.
 *  Changes x in both forms.  Differentiable.
 *
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  places: tensor of an integer type, of as many dimensions as x
 *  values: tensor of the shape of places, or a number
 *  Returns: x
 *  Errors: the shapes do not fit; a place is outside the dimension
 *  From: Torch7; scatterAdd as in PyTorch
 *  Example:
 *    x = torch.zeros(2, 3):scatter(2, torch.LongTensor { { 2 }, { 3 } }, 1)
 *    x[1][2], x[2][3], x:sum() --> 1.0 1.0 2.0
 */
static int scatter(lua_State *L, bool add) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_tensor *at = cr_check_index(L, 3, x), *src = cr_to_tensor(L, 4);
  if (!src) {
    cr_tensor *one = cr_scalar_tensor((cr_dtype)x->dtype, cr_device_of(x), cr_check_scalar(L, 4));
    cr_tensor *all = cr_expand(one, at->ndim, at->shape);
    cr_release(one);
    cr_push_tensor(L, all);
    src = cr_to_tensor(L, -1);
  }
  return cr_push_result(L, cr_scatter(x, dim, at, 1, src, add), 1);
}

static int m_scatter(lua_State *L) {
  return scatter(L, false);
}
static int m_scatter_add(lua_State *L) {
  return scatter(L, true);
}

/** x:indexAdd(dim, places, y); x:indexCopy(dim, places, y); x:indexFill(dim, places, value)
 *
 *  Adds the slices of y to the slices of x at some places of a dimension, writes them there, or
 *  fills these with a value.  Differentiable.
 *
 *  dim: 1 to x:dim(); negative counts from the last
 *  places: vector of an integer type; places count from 1
 *  y: tensor of x's shape, but with as many slices as there are places
 *  value: number
 *  Returns: x
 *  Errors: the shapes do not fit; a place is outside the dimension
 *  From: Torch7
 *  Example:
 *    x = torch.zeros(3, 2)
 *    x:indexFill(1, torch.LongTensor { 1, 3 }, 5):sum() --> 20.0
 *    x:indexAdd(1, torch.LongTensor { 2, 2 }, torch.ones(2, 2))[2][1] --> 2.0
 */
static int m_index_add(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_tensor *src = cr_check_tensor(L, 4);
  return cr_push_result(L, cr_index_add(x, dim, cr_check_places(L, 3, x), src, 1), 1);
}

static int m_index_copy(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_tensor *src = cr_check_tensor(L, 4);
  return cr_push_result(L, cr_index_copy(x, dim, cr_check_places(L, 3, x), src), 1);
}

static int m_index_fill(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_scalar v = cr_check_scalar(L, 4);
  return cr_push_result(L, cr_index_fill(x, dim, cr_check_places(L, 3, x), v), 1);
}

/** torch.maskedSelect([res,] x, mask); x:maskedSelect(mask)
 *
 *  The elements where a mask is not zero, row by row; x[mask] is the same.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor
 *  mask: BoolTensor or ByteTensor of x's shape, or one that broadcasts to it
 *  Returns: a vector
 *  From: Torch7
 *  Example:
 *    x = torch.range(1, 4)
 *    x:maskedSelect(x:gt(2)):sum() --> 7.0
 */
static int f_masked_select(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *mask = cr_check_tensor(L, 2), *third = cr_to_tensor(L, 3);
  return cr_push_result(
      L, third ? cr_masked_select(mask, third, x) : cr_masked_select(x, mask, NULL), third ? 1 : 0);
}

/** x:maskedFill(mask, value); x:maskedCopy(mask, y)
 *
 *  Sets the elements where a mask is not zero to a value, or to the elements of y, one after the
 *  other.  Differentiable.
 *
 *  mask: BoolTensor or ByteTensor of x's shape, or one that broadcasts to it
 *  value: number
 *  y: tensor of at least as many elements as are to be set
 *  Returns: x
 *  Errors: the shapes do not fit; y has too few elements
 *  From: Torch7
 *  Example:
 *    x = torch.range(1, 4)
 *    x:maskedFill(x:gt(2), 0):sum() --> 3.0
 */
static int m_masked_fill(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *mask = cr_check_tensor(L, 2);
  return cr_push_result(L, cr_masked_fill(x, mask, cr_check_scalar(L, 3)), 1);
}

static int m_masked_copy(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *mask = cr_check_tensor(L, 2);
  return cr_push_result(L, cr_masked_copy(x, mask, cr_check_tensor(L, 3)), 1);
}

/** torch.nonzero([res,] x [, asTable])
 *  torch.argwhere(x)
 *  x:nonzero([asTable])
 *  x:argwhere()
 *
 *  The places of the elements that are not zero, in order.
 *
 *  res: tensor that takes the result
 *  x: tensor of any type
 *  asTable: true for a table with one vector for each dimension, which x[..] takes as a key
 *  Returns: a LongTensor with a row for each element, counting from 1; or the table
 *  From: Torch7, PyTorch
 *  Example:
 *    torch.nonzero(torch.Tensor { 0, 5, 6 })[1][1] --> 2
 *    x = torch.Tensor { { 0, 5 }, { 6, 0 } }
 *    x[torch.nonzero(x, true)]:sum() --> 11.0
 */
static int f_nonzero(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  bool as_table = lua_isboolean(L, 2) && lua_toboolean(L, 2);
  cr_push_places(L, cr_nonzero(y ? y : x));
  if (y) return cr_push_result(L, cr_into("nonzero", x, cr_retain(cr_to_tensor(L, -1))), 1);
  if (!as_table) return 1;
  cr_tensor *places = cr_to_tensor(L, -1);
  lua_createtable(L, x->ndim, 0);
  for (int d = 0; d < x->ndim; d++) {
    cr_push_tensor(L, cr_select(places, 1, d));
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
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

/** torch.cat([res,] tensors [, dim]); torch.cat([res,] a, b [, dim]); x:cat(a, b [, dim])
 *
 *  Joins tensors along a dimension, in which their sizes may differ.  Empty ones are passed over.
 *  The method writes the result into x.  Differentiable.
 *
 *  res: tensor for the result, of its type; resized
 *  tensors: table of tensors
 *  a, b: two tensors in its place; torch.cat takes them without braces too
 *  dim: 1 to x:dim(), the last by default
 *  Returns: a new tensor, res or x
 *  Errors: the other sizes differ; the table is empty
 *  From: Torch7
 *  Example:
 *    torch.cat({ torch.zeros(2, 3), torch.ones(4, 3) }, 1):size(1) --> 6
 */
static int f_cat(lua_State *L) {
  cr_make_room(L);
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

/** torch.stack(tensors [, dim])
 *
 *  Joins tensors of one shape along a new dimension.  Differentiable.
 *
 *  tensors: table of tensors
 *  dim: where the new dimension stands, 1 by default
 *  Returns: a new tensor
 *  Errors: the shapes differ; the table is empty
 *  From: NumPy
 *  Example:
 *    table.concat(torch.stack({ torch.zeros(3), torch.ones(3) }).shape, "x") --> 2x3
 */
static int f_stack(lua_State *L) {
  cr_make_room(L);
  int n, dim = lua_isnoneornil(L, 2) ? 0 : cr_check_dim(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  cr_tensor **list = cr_check_tensors(L, 1, &n, false);
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
  if (size < 1) return cr_raise(L, "split: pieces of %d elements", (int)size);
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

/** torch.split([list,] x, size [, dim]); x:split(size [, dim])
 *  torch.chunk([list,] x, n [, dim]); x:chunk(n [, dim])
 *
 *  Cuts x along a dimension into pieces of a size, the last perhaps smaller; or into n pieces, as
 *  equal as that allows.  Differentiable.
 *
 *  list: table for the pieces; what it held goes
 *  x: tensor
 *  size: at least 1
 *  n: at least 1; there may be fewer pieces
 *  dim: 1 to x:dim(), 1 by default
 *  Returns: a table of views that share x's elements
 *  Errors: x has no such dimension
 *  From: Torch7
 *  Example:
 *    #torch.range(1, 5):split(2), #torch.range(1, 5):chunk(2) --> 3 2
 */
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
    {"argwhere", f_nonzero, f_nonzero},
    {"cat", f_cat, f_cat},
    {"stack", f_stack, NULL},
    {"split", f_split, f_split},
    {"chunk", f_chunk, f_chunk},
    {NULL, NULL, NULL},
};

void cr_bind_select(lua_State *L) {
  cr_bind(L, bindings);
}
