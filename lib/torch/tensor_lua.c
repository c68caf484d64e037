/* tensor_lua.c: what a tensor is and how it lies in memory: shape, views, storage, type, text. */
#include "lib/torch/binding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/autograd.h"

/* ---- shape ------------------------------------------------------------------------------ */

static int visible_dims(const cr_tensor *t) {
  return cr_is_none(t) ? 0 : t->ndim;
}

/** torch.dim(x); x:dim(); x:nDimension()
 *
 *  How many dimensions x has; 0 for a single number and for a tensor without elements.
 *
 *  x: tensor
 *  Returns: an integer
 *  From: Torch7
 *  Example:
 *    torch.zeros(2, 3):dim() --> 2
 */
static int t_dim(lua_State *L) {
  lua_pushinteger(L, visible_dims(cr_check_tensor(L, 1)));
  return 1;
}

static int check_own_dim(lua_State *L, const cr_tensor *t, int arg) {
  int d = cr_check_dim(L, arg);
  if (!cr_wrap_dim("size", &d, visible_dims(t)) || visible_dims(t) == 0)
    luaL_argerror(L, arg, lua_pushfstring(L, "the tensor has %d dimensions", visible_dims(t)));
  return d;
}

/** x:size([dim]); x:stride([dim])
 *
 *  The sizes of x, or its strides: how many elements of the storage lie between neighbours along a
 *  dimension.  #x is x:size(), and x.shape a table of the sizes.
 *
 *  dim: 1 to x:dim(); negative counts from the last
 *  Returns: a LongStorage of all, or the integer for dim
 *  Errors: x has no such dimension
 *  From: Torch7
 *  Example:
 *    x = torch.zeros(2, 3)
 *    x:size(2), x:stride(1), #x:size() --> 3 3 2
 */
static int t_size(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (lua_isnoneornil(L, 2))
    cr_push_sizes(L, visible_dims(t), t->shape);
  else
    lua_pushinteger(L, t->shape[check_own_dim(L, t, 2)]);
  return 1;
}

/* #x: the operand comes twice */
static int t_len(lua_State *L) {
  lua_settop(L, 1);
  return t_size(L);
}

static int t_stride(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (lua_isnoneornil(L, 2))
    cr_push_sizes(L, visible_dims(t), t->stride);
  else
    lua_pushinteger(L, t->stride[check_own_dim(L, t, 2)]);
  return 1;
}

/** torch.numel(x); x:numel(); x:nElement()
 *
 *  How many elements x has.
 *
 *  x: tensor
 *  Returns: an integer
 *  From: Torch7
 *  Example:
 *    torch.zeros(2, 3):nElement() --> 6
 */
static int t_numel(lua_State *L) {
  lua_pushinteger(L, cr_numel(cr_check_tensor(L, 1)));
  return 1;
}

/** x:isContiguous()
 *
 *  Whether the elements follow each other in memory, row by row.
 *
 *  Returns: true or false
 *  From: Torch7
 *  Example:
 *    torch.zeros(2, 3):t():isContiguous() --> false
 */
static int t_is_contiguous(lua_State *L) {
  lua_pushboolean(L, cr_is_contiguous(cr_check_tensor(L, 1)));
  return 1;
}

/** x:isSameSizeAs(y); x:isSize(y)
 *
 *  Whether x has the shape of y, or the sizes y.
 *
 *  y: tensor, LongStorage or table of sizes
 *  Returns: true or false
 *  From: Torch7
 *  Example:
 *    torch.zeros(2, 3):isSize { 2, 3 } --> true
 */
static int t_is_same_size(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (cr_to_tensor(L, 2)) {
    lua_pushboolean(L, cr_same_shape(t, cr_to_tensor(L, 2)));
    return 1;
  }
  int64_t sizes[CR_MAX_DIMS];
  int used, n = cr_check_sizes(L, 2, sizes, &used);
  lua_pushboolean(L, n == t->ndim && memcmp(sizes, t->shape, (size_t)n * sizeof *sizes) == 0);
  return 1;
}

/** x:isSetTo(y)
 *
 *  Whether x and y are the same view of one storage.
 *
 *  y: tensor
 *  Returns: true or false
 *  From: Torch7
 *  Example:
 *    x = torch.zeros(2)
 *    x:isSetTo(x:view(2)), x:isSetTo(x:clone()) --> true false
 */
static int t_is_set_to(lua_State *L) {
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_check_tensor(L, 2);
  lua_pushboolean(L, a->storage && a->storage == b->storage && a->offset == b->offset &&
                         cr_same_shape(a, b) &&
                         memcmp(a->stride, b->stride, a->ndim * sizeof *a->stride) == 0);
  return 1;
}

/* ---- storage ---------------------------------------------------------------------------- */

/** x:storage(); x:storageOffset()
 *
 *  The storage that x is a view of, and the place of x's first element in it, counting from 1.
 *
 *  Returns: a storage; an integer
 *  From: Torch7
 *  Example:
 *    x = torch.range(1, 6):narrow(1, 3, 2)
 *    x:storageOffset(), x:storage()[x:storageOffset()] --> 3 3.0
 */
static int t_storage(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (!t->storage) return 0;
  cr_push_storage(L, cr_storage_retain(t->storage));
  return 1;
}

static int t_storage_offset(lua_State *L) {
  lua_pushinteger(L, cr_check_tensor(L, 1)->offset + 1);
  return 1;
}

/* x:set([storage [, offset [, sizes [, strides]]]]), x:set(tensor),
 * x:set(storage, offset, size1, stride1, size2, stride2, ..) */
int cr_tensor_set(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *o = cr_to_tensor(L, 2);
  bool ok;
  if (o) {
    ok = cr_set(t, o->storage, o->offset, o->ndim, o->shape, o->stride);
  } else if (lua_isnoneornil(L, 2)) {
    ok = cr_set(t, NULL, 0, 1, (int64_t[]){0}, NULL);
  } else {
    cr_storage *s = cr_check_storage(L, 2);
    int64_t offset = lua_isnoneornil(L, 3) ? 0 : cr_check_place(L, 3);
    int64_t shape[CR_MAX_DIMS], stride[CR_MAX_DIMS];
    int n = 1, used;
    bool strided = false;
    if (lua_isnoneornil(L, 4)) {
      shape[0] = s->size - offset;
    } else if (cr_is_number(L, 4)) {
      for (n = 0; !lua_isnoneornil(L, 4 + 2 * n); n++) {
        if (n == CR_MAX_DIMS) return luaL_argerror(L, 4 + 2 * n, "too many sizes");
        shape[n] = cr_check_int(L, 4 + 2 * n);
        stride[n] = lua_isnoneornil(L, 5 + 2 * n) ? -1 : cr_check_int(L, 5 + 2 * n);
        strided = true;
      }
      int64_t step = 1;
      for (int d = n - 1; d >= 0; d--) { /* a stride of -1: as if contiguous */
        if (stride[d] < 0) stride[d] = step;
        if (__builtin_mul_overflow(stride[d], shape[d], &step))
          return luaL_argerror(L, 4 + 2 * d, "the strides overflow");
      }
    } else {
      n = cr_check_sizes(L, 4, shape, &used);
      if (n == 0) shape[n++] = 0;
      strided = !lua_isnoneornil(L, 5);
      if (strided && cr_check_sizes(L, 5, stride, &used) != n)
        return luaL_argerror(L, 5, "as many strides as sizes are wanted");
    }
    ok = cr_set(t, s, offset, n, shape, strided ? stride : NULL);
  }
  return ok ? cr_return(L, 1) : cr_lua_error(L);
}

/** x:resize(size, ...); x:resizeAs(y)
 *
 *  Gives x other sizes, or those of y.  Elements that there were stay in their order; new ones are
 *  not set.  x:resize(sizes, strides) of two LongStorages gives other strides too.
 *
 *  size: number; the sizes may also be a table or a LongStorage
 *  y: tensor
 *  Returns: x
 *  Errors: a size is negative; x takes part in a graph; there is not enough memory
 *  From: Torch7
 *  Example:
 *    table.concat(torch.range(1, 6):resize(2, 3).shape, "x") --> 2x3
 */
static int t_resize(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  int64_t shape[CR_MAX_DIMS], stride[CR_MAX_DIMS];
  int used, n = cr_check_sizes(L, 2, shape, &used);
  bool strided = used == 1 && cr_to_storage(L, 3);
  if (n == 0) shape[n++] = 0;
  if (strided && cr_check_sizes(L, 3, stride, &used) != n)
    return luaL_argerror(L, 3, "as many strides as sizes are wanted");
  return cr_resize(t, n, shape, strided ? stride : NULL) ? cr_return(L, 1) : cr_lua_error(L);
}

static int t_resize_as(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *o = cr_check_tensor(L, 2);
  return cr_resize(t, o->ndim, o->shape, NULL) ? cr_return(L, 1) : cr_lua_error(L);
}

/* ---- views ------------------------------------------------------------------------------ */

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
      return luaL_error(L, "sub: elements %I to %I of dimension %d, which has %I",
                        (LUAI_UACINT)from, (LUAI_UACINT)to, d + 1, (LUAI_UACINT)t->shape[d]);
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
  int64_t i = cr_check_int(L, 3);
  if (t->ndim == 1 && cr_torch7_mode(L)) dim = 0; /* it had no need to look at a vector's */
  int64_t at = cr_check_place(L, 3);
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
    return luaL_error(L, "t: a matrix is wanted, this tensor has %d dimensions", t->ndim);
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
 *    new
 *  last one holds them.  Differentiable.
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

/** torch.diagonal(x [, k]); x:diagonal([k])
 *
 *  A diagonal of a matrix as a view; torch.diag gives a copy.  Differentiable.
 *
 *  x: matrix
 *  k: which: 0 the main one, 1 that above it, -1 that below
 *  Returns: a vector that shares x's elements
 *  Errors: x is no matrix, or has no such diagonal
 *  Example:
 *    torch.range(1, 4):view(2, 2):diagonal():sum() --> 5.0
 */
static int t_diagonal(lua_State *L) {
  cr_push_tensor(
      L, cr_diagonal(cr_check_tensor(L, 1), lua_isnoneornil(L, 2) ? 0 : cr_check_int(L, 2)));
  return 1;
}

/* ---- copies and types ------------------------------------------------------------------- */

/** x:contiguous()
 *
 *  x itself when it is contiguous, otherwise a copy that is.  Differentiable.
 *
 *  Returns: a contiguous tensor
 *  From: Torch7
 *  Example:
 *    torch.zeros(2, 3):t():contiguous():isContiguous() --> true
 */
static int t_contiguous(lua_State *L) {
  return cr_push_result(L, cr_contiguous(cr_check_tensor(L, 1)), 1);
}

/** torch.clone(x); x:clone()
 *
 *  A contiguous copy of x with elements of its own.  Differentiable.
 *
 *  x: tensor
 *  Returns: a new tensor
 *  From: Torch7
 *  Example:
 *    x = torch.zeros(2)
 *    x:clone():fill(1)
 *    x:sum() --> 0.0
 */
static int t_clone(lua_State *L) {
  cr_push_tensor(L, cr_clone(cr_check_tensor(L, 1)));
  return 1;
}

/** x:copy(y)
 *
 *  Writes the elements of y into x, converted to its type.  Differentiable.
 *
 *  y: tensor that has x's shape, broadcasts to it, or has as many elements; or a storage of as many
 *  Returns: x
 *  Errors: the shapes do not fit
 *  From: Torch7
 *  Example:
 *    torch.LongTensor(3):copy(torch.Tensor { 1.5, 2.5, 3.5 }):sum() --> 6
 */
static int t_copy(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *src = cr_to_tensor(L, 2), *same = NULL;
  cr_storage *s = src ? NULL : cr_to_storage(L, 2);
  if (s)
    same = cr_view_storage(s, (cr_dtype)s->dtype, 0, 1, &s->size, NULL);
  else if (src)
    same = cr_retain(src);
  else
    return luaL_typeerror(L, 2, "tensor");
  if (same && !cr_same_shape(t, same) && cr_numel(t) == cr_numel(same)) {
    cr_tensor *r = cr_reshape(same, t->ndim, t->shape);
    cr_release(same);
    same = r;
  }
  cr_tensor *r = cr_copy(t, same);
  cr_release(same);
  return cr_push_result(L, r, 1);
}

/** x:type([name]); x:typeAs(y); x:float(); x:double(); x:half(); x:bfloat16(); x:char(); x:byte()
 *  x:short(); x:int(); x:long(); x:bool()
 *
 *  The name of x's type; or x converted to a type, which is x itself when it has it.  Floats lose
 *  their fraction on the way to integers.  Differentiable between float types.
 *
 *  name: string, as "torch.LongTensor", "long" or "int64"
 *  y: tensor whose type is taken
 *  Returns: a string; or a tensor
 *  Errors: no type has this name
 *  From: Torch7
 *  Example:
 *    torch.Tensor { 1.7 }:long()[1] --> 1
 *    torch.zeros(1):type("double"):type() --> torch.DoubleTensor
 */
static int t_type(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  if (lua_isnoneornil(L, 2)) {
    lua_pushfstring(L, "torch.%sTensor", cr_dtypes[t->dtype].torch);
    return 1;
  }
  return cr_push_result(L, cr_cast(t, cr_check_dtype(L, 2)), 1);
}

static int t_type_as(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1), *o = cr_check_tensor(L, 2);
  return cr_push_result(L, cr_cast(t, (cr_dtype)o->dtype), 1);
}

/* x:float(), x:double(), ..: the type is bound to the function */
static int t_cast(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  return cr_push_result(L, cr_cast(t, (cr_dtype)lua_tointeger(L, lua_upvalueindex(1))), 1);
}

/** x:to(what); x:cuda(); x:cpu()
 *
 *  x as another type or on another device; x itself when it is so already.  Differentiable.
 *
 *  what: string: a type, as "float64"; or a device: "cpu", "cuda", "cuda:2" (the first is 1)
 *  Returns: a tensor
 *  Errors: there is no such type or device
 *  From: PyTorch; cuda as in cutorch
 *  Example:
 *    torch.zeros(1):to("float64").dtype --> float64
 */
static int t_to(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  const char *what = luaL_checkstring(L, 2);
  cr_device d = {CR_CPU, 0};
  if (strncmp(what, "cuda", 4) == 0) {
    d = (cr_device){CR_CUDA, (int8_t)(what[4] == ':' ? atoi(what + 5) - 1 : 0)};
    return cr_push_result(L, cr_to_device(t, d), 1);
  }
  if (strcmp(what, "cpu") == 0) return cr_push_result(L, cr_to_device(t, d), 1);
  return cr_push_result(L, cr_cast(t, cr_check_dtype(L, 2)), 1);
}

static int t_cuda(lua_State *L) {
  return cr_push_result(L, cr_to_device(cr_check_tensor(L, 1), (cr_device){CR_CUDA, 0}), 1);
}

static int t_cpu(lua_State *L) {
  return cr_push_result(L, cr_to_device(cr_check_tensor(L, 1), (cr_device){CR_CPU, 0}), 1);
}

/* ---- values for Lua --------------------------------------------------------------------- */

/** x:item()
 *
 *  The element of a tensor that has only one.
 *
 *  Returns: a number; of a BoolTensor true or false
 *  Errors: x has more elements, or none
 *  From: PyTorch
 *  Example:
 *    torch.Tensor { { 5 } }:item() --> 5.0
 */
static int t_item(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_scalar v;
  if (!cr_item(t, &v)) return cr_lua_error(L);
  cr_push_scalar(L, (cr_dtype)t->dtype, v);
  return 1;
}

static void push_table(lua_State *L, const cr_tensor *t, int dim, int64_t *index) {
  if (dim == t->ndim) {
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_get(t, index));
    return;
  }
  luaL_checkstack(L, 4, "totable");
  lua_createtable(L, (int)t->shape[dim], 0);
  for (index[dim] = 0; index[dim] < t->shape[dim]; index[dim]++) {
    push_table(L, t, dim + 1, index);
    lua_rawseti(L, -2, index[dim] + 1);
  }
}

/** torch.totable(x); x:totable()
 *
 *  The elements as a table, of tables where x has more than one dimension.
 *
 *  x: tensor, or in the function a storage
 *  Returns: a table; the number for a tensor of no dimensions
 *  From: Torch7
 *  Example:
 *    torch.range(1, 4):view(2, 2):totable()[2][1] --> 3.0
 */
static int t_totable(lua_State *L) {
  int64_t index[CR_MAX_DIMS];
  push_table(L, cr_check_tensor(L, 1), 0, index);
  return 1;
}

/* torch.totable(x): x a tensor or a storage */
static int f_totable(lua_State *L) {
  cr_storage *s = cr_to_storage(L, 1);
  if (s) {
    cr_push_tensor(L, cr_view_storage(s, (cr_dtype)s->dtype, 0, 1, &s->size, NULL));
    lua_replace(L, 1);
  }
  return t_totable(L);
}

/** x:elementSize()
 *
 *  How many bytes an element takes.
 *
 *  Returns: an integer
 *  From: Torch7
 *  Example:
 *    torch.FloatTensor():elementSize() --> 4
 */
static int t_element_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cr_sizeof((cr_dtype)cr_check_tensor(L, 1)->dtype));
  return 1;
}

/** torch.isTensor(x); x:isTensor(); torch.isStorage(x)
 *
 *  Whether a value is a tensor, or a storage.
 *
 *  x: any value
 *  Returns: true or false
 *  From: Torch7
 *  Example:
 *    torch.isTensor(torch.zeros(1)), torch.isTensor(1) --> true false
 */
static int t_is_tensor(lua_State *L) {
  lua_pushboolean(L, cr_to_tensor(L, 1) != NULL);
  return 1;
}

static int t_is_storage(lua_State *L) {
  lua_pushboolean(L, cr_to_storage(L, 1) != NULL);
  return 1;
}

/** torch.pointer(x)
 *
 *  A number that tells objects apart: their address in memory.
 *
 *  x: tensor, storage, table, function, thread or userdata
 *  Returns: an integer
 *  Errors: x is of another kind, as a number
 *  From: Torch7
 *  Example:
 *    x = {}
 *    torch.pointer(x) == torch.pointer(x) --> true
 */
static int t_pointer(lua_State *L) {
  const void *p = cr_to_tensor(L, 1);
  if (!p) p = cr_to_storage(L, 1);
  if (!p) p = lua_topointer(L, 1);
  if (!p) return luaL_argerror(L, 1, "a value with an identity is wanted");
  lua_pushinteger(L, (lua_Integer)(intptr_t)p);
  return 1;
}

/* Two names for one tensor are equal, as are scalars of one value. */
static int t_equals(lua_State *L) {
  cr_tensor *a = cr_to_tensor(L, 1), *b = cr_to_tensor(L, 2);
  bool equal = a && a == b;
  if (!equal && a && b && a->ndim == 0 && b->ndim == 0)
    equal = cr_scalar_double(cr_get(a, NULL)) == cr_scalar_double(cr_get(b, NULL));
  lua_pushboolean(L, equal);
  return 1;
}

/* ---- properties ------------------------------------------------------------------------- */

int cr_push_property(lua_State *L, cr_tensor *t, const char *name) {
  if (strcmp(name, "shape") == 0) {
    lua_createtable(L, t->ndim, 0);
    for (int d = 0; d < t->ndim; d++) {
      lua_pushinteger(L, t->shape[d]);
      lua_rawseti(L, -2, d + 1);
    }
  } else if (strcmp(name, "dtype") == 0) {
    lua_pushstring(L, cr_dtypes[t->dtype].name);
  } else if (strcmp(name, "device") == 0) {
    cr_device d = cr_device_of(t);
    if (d.type == CR_CPU)
      lua_pushliteral(L, "cpu");
    else
      lua_pushfstring(L, "cuda:%d", d.index + 1);
  } else if (strcmp(name, "grad") == 0) {
    cr_tensor *g = cr_grad(t);
    if (g)
      cr_push_tensor(L, cr_retain(g));
    else
      lua_pushnil(L);
  } else if (strcmp(name, "requiresGrad") == 0) {
    lua_pushboolean(L, cr_requires_grad(t));
  } else if (strcmp(name, "isLeaf") == 0) {
    lua_pushboolean(L, cr_is_leaf(t));
  } else {
    return 0;
  }
  return 1;
}

bool cr_set_property(lua_State *L, cr_tensor *t, const char *name) {
  bool ok;
  if (strcmp(name, "grad") == 0)
    ok = cr_set_grad(t, lua_isnil(L, 3) ? NULL : cr_check_tensor(L, 3));
  else if (strcmp(name, "requiresGrad") == 0)
    ok = cr_set_requires_grad(t, lua_toboolean(L, 3));
  else
    return false;
  if (!ok) cr_lua_error(L);
  return true;
}

/* ---- the list --------------------------------------------------------------------------- */

static const cr_binding bindings[] = {
    {"dim", t_dim, t_dim},
    {"nDimension", NULL, t_dim},
    {"size", NULL, t_size},
    {"stride", NULL, t_stride},
    {"nElement", NULL, t_numel},
    {"numel", t_numel, t_numel},
    {"isContiguous", NULL, t_is_contiguous},
    {"isSameSizeAs", NULL, t_is_same_size},
    {"isSize", NULL, t_is_same_size},
    {"isSetTo", NULL, t_is_set_to},
    {"storage", NULL, t_storage},
    {"storageOffset", NULL, t_storage_offset},
    {"elementSize", NULL, t_element_size},
    {"set", NULL, cr_tensor_set},
    {"resize", NULL, t_resize},
    {"resizeAs", NULL, t_resize_as},
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
    {"contiguous", NULL, t_contiguous},
    {"clone", t_clone, t_clone},
    {"copy", NULL, t_copy},
    {"type", NULL, t_type},
    {"typeAs", NULL, t_type_as},
    {"to", NULL, t_to},
    {"cuda", NULL, t_cuda},
    {"cpu", NULL, t_cpu},
    {"item", NULL, t_item},
    {"totable", f_totable, t_totable},
    {"isTensor", t_is_tensor, t_is_tensor},
    {"isStorage", t_is_storage, NULL},
    {"pointer", t_pointer, NULL},
    {"__eq", NULL, t_equals},
    {"__len", NULL, t_len},
    {NULL, NULL, NULL},
};

void cr_bind_tensor(lua_State *L) {
  static const struct {
    const char *name;
    cr_dtype dtype;
  } casts[] = {{"float", CR_FLOAT32},     {"double", CR_FLOAT64}, {"half", CR_FLOAT16},
               {"bfloat16", CR_BFLOAT16}, {"char", CR_INT8},      {"byte", CR_UINT8},
               {"short", CR_INT16},       {"int", CR_INT32},      {"long", CR_INT64},
               {"bool", CR_BOOL}};
  cr_bind(L, bindings);
  for (size_t i = 0; i < sizeof casts / sizeof *casts; i++)
    cr_bind_code(L, casts[i].name, NULL, t_cast, (int)casts[i].dtype);
}
