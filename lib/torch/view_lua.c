/* view_lua.c: views of tensors in Lua: other shapes and parts of the same elements. */
#include "lib/torch/binding.h"

/** torch.narrow(x, dim, first, size); x:narrow(dim, first, size)
 *
 *  The part of x from place `first` on, `size` long, along a dimension.  Differentiable.
 *
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  first: the first place, from 1
 *  size: how many places
 *  Returns: a view that shares x's elements
 *  Errors: the dimension or the places are outside x
 *  From: Torch7
 *  Example:
 *    torch.range(1, 6):narrow(1, 2, 3):sum() --> 9.0
 */
static int t_narrow(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  cr_push_tensor(L, cr_narrow(t, dim, cr_check_place(L, 3), cr_check_int(L, 4)));
  return 1;
}

/** x:sub(from1, to1 [, from2, to2, ...])
 *
 *  The part of x from one place to another, both included, along its first dimensions.
 *  Differentiable.
 *
 *  from1, to1, from2, to2: places; negative ones count from the last, -1
 *  Returns: a view that shares x's elements
 *  Errors: a place is outside x, or the last is before the first
 *  From: Torch7
 *  Example:
 *    torch.range(1, 6):sub(2, -2):sum() --> 14.0
 */
static int t_sub(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  lua_pushvalue(L, 1);
  for (int d = 0; 2 + 2 * d < lua_gettop(L); d++) {
    if (d >= t->ndim) return luaL_argerror(L, 2 + 2 * d, "more ranges than dimensions");
    int64_t from = cr_check_int(L, 2 + 2 * d), to = cr_check_int(L, 3 + 2 * d);
    if (from < 0) from += t->shape[d] + 1;
    if (to < 0) to += t->shape[d] + 1;
    if (from < 1 || to < from || to > t->shape[d])
      return cr_raise(L, "sub: elements %I to %I of dimension %d, which has %I", (LUAI_UACINT)from,
                      (LUAI_UACINT)to, d + 1, (LUAI_UACINT)t->shape[d]);
    cr_push_tensor(L, cr_narrow(cr_check_tensor(L, -1), d, from - 1, to - from + 1));
    lua_replace(L, -2);
  }
  return 1;
}

/** torch.select(x, dim, index); x:select(dim, index)
 *
 *  The slice at one place of a dimension, without that dimension.  Differentiable.
 *
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  index: the place; negative counts from the last
 *  Returns: a view that shares x's elements; run as th, a number when no dimension is left
 *  Errors: the dimension or the place is outside x
 *  From: Torch7
 *  Example:
 *    torch.range(1, 6):view(2, 3):select(2, 3):sum() --> 9.0
 */
static int t_select(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int dim = cr_check_dim(L, 2);
  int64_t i = cr_check_int(L, 3), at = i < 1 ? -1 : i - 1;
  if (t->ndim == 1 && cr_torch7_mode(L)) dim = 0; /* it had no need to look at a vector's */
  if (i < 0 && cr_wrap_dim("select", &dim, t->ndim)) at = i + t->shape[dim]; /* from the end */
  cr_tensor *v = cr_select(t, dim, at);
  if (v && v->ndim == 0 && cr_torch7_mode(L)) return cr_push_number(L, v);
  cr_push_tensor(L, v);
  return 1;
}

/** torch.transpose(x, dim1, dim2); x:transpose(dim1, dim2); torch.t(x); x:t()
 *  torch.permute(x, ...); x:permute(...)
 *
 *  x with two dimensions exchanged (t: those of a matrix), or all in another order: x:permute(3, 1,
 *  2) has x's third dimension first.  Differentiable.
 *
 *  x: tensor
 *  dim1, dim2: 1 to x:dim(); negative counts from the last
 *  ...: each dimension once; also as a table or LongStorage
 *  Returns: a view that shares x's elements
 *  Errors: x has no such dimension; t: x is no matrix
 *  From: Torch7; permute as in PyTorch
 *  Example:
 *    x = torch.zeros(2, 3, 4)
 *    table.concat(x:transpose(1, 3).shape, "x") --> 4x3x2
 *    table.concat(x:permute(3, 1, 2).shape, "x") --> 4x2x3
 */
static int t_transpose(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_push_tensor(L, cr_transpose(t, cr_check_dim(L, 2), cr_check_dim(L, 3)));
  return 1;
}

static int t_t(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (t->ndim != 2)
    return cr_raise(L, "t: a matrix is wanted, this tensor has %d dimensions", t->ndim);
  cr_push_tensor(L, cr_transpose(t, 0, 1));
  return 1;
}

static int t_permute(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int64_t order[CR_MAX_DIMS];
  int dims[CR_MAX_DIMS], used, n = cr_check_sizes(L, 2, order, &used);
  for (int d = 0; d < n; d++) dims[d] = (int)(order[d] > 0 ? order[d] - 1 : order[d]);
  cr_push_tensor(L, cr_permute(t, n, dims));
  return 1;
}

/* Makes the tensor at 1 the view v, which is released, and returns it. */
static int set_to(lua_State *L, cr_tensor *t, cr_tensor *v) {
  bool ok = v && cr_set(t, v->storage, v->offset, v->ndim, v->shape, v->stride);
  cr_release(v);
  return ok ? cr_return(L, 1) : cr_lua_error(L);
}

/** torch.view(x, size, ...); x:view([y,] size, ...)
 *  torch.viewAs(x, template); x:viewAs([y,] template)
 *
 *  The same elements under another shape, without a copy.  Differentiable.  res:view(y, ..) makes
 *  res itself the view of y.
 *
 *  x, y: tensor whose layout allows it, for one a contiguous one
 *  size: number; one of them may be -1, which stands for what is left.  Also a table or LongStorage
 *  template: tensor whose shape is taken
 *  Returns: a view that shares the elements
 *  Errors: the sizes have another product, or the elements are not laid out so that a view can be
 *    had; torch.reshape copies then
 *  From: Torch7
 *  Example:
 *    table.concat(torch.range(1, 6):view(2, -1).shape, "x") --> 2x3
 */
static int shaped(lua_State *L, cr_tensor *(*f)(cr_tensor *, int, const int64_t *), bool may_set) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int64_t shape[CR_MAX_DIMS];
  int first = 2, used;
  bool into = may_set && cr_to_tensor(L, 2) && lua_gettop(L) > 2;
  if (into) {
    t = cr_to_tensor(L, 2);
    first = 3;
  }
  int n = cr_check_sizes(L, first, shape, &used);
  cr_tensor *v = f(t, n, shape);
  if (into) return set_to(L, cr_to_tensor(L, 1), v);
  cr_push_tensor(L, v);
  return 1;
}

static int t_view(lua_State *L) {
  return shaped(L, cr_view, true);
}
/** torch.expand(x, size, ...); x:expand([y,] size, ...)
 *  torch.expandAs(x, template); x:expandAs([y,] template)
 *
 *  Repeats dimensions of size 1 without a copy; new dimensions may come before x's.
 *  Differentiable. res:expand(y, ..) makes res itself the view of y.
 *
 *  x, y: tensor
 *  size: number; also a table or LongStorage
 *  template: tensor whose shape is taken
 *  Returns: a view in which elements appear several times; it cannot be written to
 *  Errors: a size differs from x's, which is not 1
 *  From: Torch7
 *  Example:
 *    torch.range(1, 3):view(3, 1):expand(3, 4):sum() --> 24.0
 */
static int t_expand(lua_State *L) {
  return shaped(L, cr_expand, true);
}

/** torch.reshape([res,] x, size, ...); x:reshape(size, ...)
 *
 *  x's elements under another shape.  A view where that is possible, otherwise a copy; run as th,
 *  always a copy.  Differentiable.
 *
 *  res: tensor for a copy; resized
 *  x: tensor
 *  size: number; one of them may be -1, which stands for what is left.  Also a table or LongStorage
 *  Returns: a tensor
 *  Errors: the sizes have another product
 *  From: Torch7
 *  Example:
 *    torch.range(1, 6):view(2, 3):t():reshape(6)[2] --> 4.0
 */
static int t_reshape(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *out = NULL;
  int64_t shape[CR_MAX_DIMS];
  if (cr_to_tensor(L, 2) && lua_gettop(L) > 2) {
    out = t;
    t = cr_to_tensor(L, 2);
  }
  int used, n = cr_check_sizes(L, out ? 3 : 2, shape, &used);
  if (out) return cr_push_result(L, cr_into("reshape", out, cr_reshape(t, n, shape)), 1);
  cr_tensor *v = cr_reshape(t, n, shape);
  if (v && v->storage == t->storage && cr_torch7_mode(L)) {
    cr_tensor *c = cr_clone(v);
    cr_release(v);
    v = c;
  }
  cr_push_tensor(L, v);
  return 1;
}

/* x:viewAs(template); res:viewAs(x, template) sets res to the view */
static int as_other(lua_State *L, cr_tensor *(*f)(cr_tensor *, int, const int64_t *)) {
  cr_tensor *t = cr_check_tensor(L, 1), *o = cr_check_tensor(L, 2), *last = cr_to_tensor(L, 3);
  if (!last) {
    cr_push_tensor(L, f(t, o->ndim, o->shape));
    return 1;
  }
  return set_to(L, t, f(o, last->ndim, last->shape));
}

static int t_view_as(lua_State *L) {
  return as_other(L, cr_view);
}
static int t_expand_as(lua_State *L) {
  return as_other(L, cr_expand);
}

/** torch.squeeze(x [, dim]); x:squeeze([dim]); torch.unsqueeze(x, dim); x:unsqueeze(dim)
 *
 *  Leaves out dimensions of size 1, all or one; unsqueeze puts one in as dimension `dim`.
 *  Differentiable.
 *
 *  x: tensor
 *  dim: 1 to x:dim(), for unsqueeze to x:dim() + 1; negative counts from the last of the result.
 *    One that is not of size 1 stays
 *  Returns: a view that shares x's elements
 *  Errors: there is no such dimension
 *  From: Torch7; unsqueeze as in PyTorch
 *  Example:
 *    x = torch.zeros(1, 2, 1)
 *    table.concat(x:squeeze().shape, "x"), table.concat(x:unsqueeze(2).shape, "x") --> 2 1x1x2x1
 */
static int t_squeeze(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_push_tensor(L, lua_isnoneornil(L, 2) ? cr_squeeze_all(t) : cr_squeeze(t, cr_check_dim(L, 2)));
  return 1;
}

static int t_unsqueeze(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int64_t d = cr_check_int(L, 2);
  bool possible = d != 0 && d <= CR_MAX_DIMS && d >= -CR_MAX_DIMS;
  cr_push_tensor(L, cr_unsqueeze(t, !possible ? CR_MAX_DIMS : (int)(d > 0 ? d - 1 : d)));
  return 1;
}

/** torch.unfold(x, dim, size, step); x:unfold(dim, size, step)
 *
 *  All slices of a size along a dimension, a step apart: that dimension counts the slices, and a
 *  new last one holds them.  Differentiable.
 *
 *  x: tensor
 *  dim: 1 to x:dim(); negative counts from the last
 *  size, step: integers of at least 1
 *  Returns: a view that shares x's elements
 *  Errors: the size is larger than x's
 *  From: Torch7
 *  Example:
 *    table.concat(torch.range(1, 6):unfold(1, 3, 2)[2]:totable(), " ") --> 3.0 4.0 5.0
 */
static int t_unfold(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_push_tensor(L, cr_unfold(t, cr_check_dim(L, 2), cr_check_int(L, 3), cr_check_int(L, 4)));
  return 1;
}

/** torch.diagonal(x [, k [, dim1 [, dim2]]])
 *  x:diagonal([k [, dim1 [, dim2]]])
 *
 *  A diagonal of a matrix, or of two dimensions of any tensor, as a view; torch.diag gives a copy.
 *  Differentiable.
 *
 *  x: tensor of at least two dimensions
 *  k: which: 0 (the default) the main one, 1 that above it, -1 that below
 *  dim1: 1 by default
 *  dim2: 2 by default
 *  Returns: a view that shares x's elements; its last dimension runs along the diagonal
 *  Errors: there are no two dimensions
 *  From: NumPy, PyTorch
 *  Example:
 *    torch.range(1, 4):view(2, 2):diagonal():sum() --> 5.0
 */
static int t_diagonal(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int64_t k = lua_isnoneornil(L, 2) ? 0 : cr_check_int(L, 2);
  int row = lua_isnoneornil(L, 3) ? 0 : cr_check_dim(L, 3);
  int column = lua_isnoneornil(L, 4) ? 1 : cr_check_dim(L, 4);
  cr_push_tensor(L, cr_diagonal_of(t, k, row, column));
  return 1;
}

static const cr_binding bindings[] = {
    {"narrow", t_narrow, t_narrow},
    {"sub", NULL, t_sub},
    {"select", t_select, t_select},
    {"transpose", t_transpose, t_transpose},
    {"t", t_t, t_t},
    {"permute", t_permute, t_permute},
    {"view", t_view, t_view},
    {"viewAs", t_view_as, t_view_as},
    {"reshape", t_reshape, t_reshape},
    {"expand", t_expand, t_expand},
    {"expandAs", t_expand_as, t_expand_as},
    {"squeeze", t_squeeze, t_squeeze},
    {"unsqueeze", t_unsqueeze, t_unsqueeze},
    {"unfold", t_unfold, t_unfold},
    {"diagonal", t_diagonal, t_diagonal},
    {NULL, NULL, NULL},
};

void cr_bind_view(lua_State *L) {
  cr_bind(L, bindings);
}
