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

/* Whether argument 2 asks for channels-last; without it, the order is row by row. */
static bool wants_channels_last(lua_State *L) {
  static const char *const names[] = {"contiguous", "channelsLast", "channels_last", NULL};
  return luaL_checkoption(L, 2, "contiguous", names) > 0;
}

/** x:isContiguous([order])
 *
 *  Whether the elements follow each other in memory without gaps, row by row, or in another order.
 *
 *  order: "contiguous" (row by row, the default) or "channelsLast": see contiguous
 *  Returns: true or false
 *  Errors: no such order
 *  From: Torch7; the order: PyTorch
 *  Example:
 *    torch.zeros(2, 3):t():isContiguous() --> false
 */
static int t_is_contiguous(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  lua_pushboolean(L, wants_channels_last(L) ? cr_is_channels_last(t) : cr_is_contiguous(t));
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

/** x:set([storage [, offset [, sizes [, strides]]]])
 *  x:set(y)
 *  x:set(storage, offset, size1, stride1 [, size2, stride2, ...])
 *
 *  Makes x a view of a storage, or of what y is a view of; without arguments x loses its elements.
 *
 *  storage: of x's type
 *  offset: the place of the first element, from 1
 *  sizes, strides: LongStorages; without strides as if contiguous, without sizes all of the storage
 *  size1, stride1, size2, stride2: the same as numbers; a stride of -1 is the contiguous one
 *  y: tensor of x's type
 *  Returns: x
 *  Errors: the types differ; the view reaches outside the storage
 *  From: Torch7
 *  Example:
 *    s = torch.FloatStorage { 1, 2, 3, 4 }
 *    torch.FloatTensor():set(s, 1, 2, 2):sum() --> 4.0
 */
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
      strided = !lua_isnoneornil(L, 5);
      if (strided && cr_check_sizes(L, 5, stride, &used) != n)
        return luaL_argerror(L, 5, "as many strides as sizes are wanted");
      if (n == 0) shape[n++] = stride[0] = 0;
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

/* ---- copies and types ------------------------------------------------------------------- */

/** x:contiguous([order])
 *
 *  x itself when it is contiguous, otherwise a copy that is.  Differentiable.
 *
 *  In the order "channelsLast" images (batch x channels x height x width) keep their shape, but
 *  lie in memory as batch x height x width x channels, as the tensor cores of a GPU want them.
 *  Convolution (not of float64), pooling and batch normalisation on the GPU, and functions of
 *  single elements, give results in the order of their input.
 *
 *  order: "contiguous" (row by row, the default) or "channelsLast"
 *  Returns: a contiguous tensor
 *  Errors: no such order; channelsLast of a tensor that has not 4 dimensions
 *  From: Torch7; the order: PyTorch
 *  Example:
 *    torch.zeros(2, 3):t():contiguous():isContiguous() --> true
 *    torch.zeros(1, 3, 2, 2):contiguous("channelsLast"):stride(2) --> 1
 */
static int t_contiguous(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_make_room(L);
  return cr_push_result(L, wants_channels_last(L) ? cr_channels_last(t) : cr_contiguous(t), 1);
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
  cr_make_room(L);
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

/* Casts on the side of the narrower type, so that less travels. */
int cr_push_as(lua_State *L, cr_tensor *t, cr_kind kind) {
  bool first = cr_sizeof(kind.dtype) < cr_sizeof((cr_dtype)t->dtype);
  cr_tensor *half = first ? cr_cast(t, kind.dtype) : cr_to_device(t, kind.device);
  cr_tensor *r = first ? cr_to_device(half, kind.device) : cr_cast(half, kind.dtype);
  cr_release(half);
  return cr_push_result(L, r, 1);
}

/** x:type([name]); x:typeAs(y); x:float(); x:double(); x:half(); x:bfloat16(); x:char(); x:byte()
 *  x:short(); x:int(); x:long(); x:bool()
 *
 *  The name of x's type; or x converted to a type, which is x itself when it has it.  Floats lose
 *  their fraction on the way to integers.  Differentiable between float types.  Torch7's full names
 *  say where the tensor is: "torch.LongTensor" is in host memory, "torch.CudaLongTensor" on the
 *  current CUDA device; x:float() and the others give tensors in host memory.  Short names leave x
 *  on its device.
 *
 *  name: string, as "torch.LongTensor", "long" or "int64"
 *  y: tensor whose type and device are taken
 *  Returns: a string; or a tensor
 *  Errors: no type has this name
 *  From: Torch7
 *  Example:
 *    torch.Tensor { 1.7 }:long()[1] --> 1
 *    torch.zeros(1):type("double"):type() --> torch.DoubleTensor
 */
static int t_type(lua_State *L) {
  if (lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TNUMBER)
    return 0; /* torch.Tensor.type(3): none */
  cr_tensor *t = cr_check_tensor(L, 1);
  if (lua_isnoneornil(L, 2)) {
    cr_push_kind_name(L, (cr_dtype)t->dtype, (cr_device_type)cr_device_of(t).type, "Tensor");
    return 1;
  }
  return cr_push_as(L, t, cr_check_kind(L, 2, cr_kind_of(t)));
}

static int t_type_as(lua_State *L) {
  return cr_push_as(L, cr_check_tensor(L, 1), cr_kind_of(cr_check_tensor(L, 2)));
}

/* x:float(), x:double(), ..: the type is bound to the function */
static int t_cast(lua_State *L) {
  cr_make_room(L);
  cr_kind kind = {(cr_dtype)lua_tointeger(L, lua_upvalueindex(1)), {CR_CPU, 0}};
  return cr_push_as(L, cr_check_tensor(L, 1), kind);
}

/* ---- values for Lua --------------------------------------------------------------------- */

cr_scalar cr_element(lua_State *L, const cr_tensor *t, const int64_t *index) {
  cr_scalar s = cr_int(0);
  if (!cr_read(t, index, &s)) cr_lua_error(L);
  return s;
}

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
    cr_push_scalar(L, (cr_dtype)t->dtype, cr_element(L, t, index));
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
  push_table(L, cr_push_host(L, cr_check_tensor(L, 1)), 0, index);
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

/** torch.data(x)
 *  x:data()
 *  storage:data()
 *
 *  Where the elements are in memory: for telling by torch.pointer whether two share them.  In
 *  LuaJIT it was a pointer to read and write by; there are none here.
 *
 *  x: tensor or storage
 *  Returns: a userdata that cannot be indexed
 *  From: Torch7
 *  Example:
 *    x = torch.zeros(2, 3)
 *    torch.pointer(x:data()) == torch.pointer(x:view(3, 2):storage():data()) --> true
 */
static int t_data(lua_State *L) {
  cr_tensor *t = cr_to_tensor(L, 1);
  cr_storage *s = t ? t->storage : cr_to_storage(L, 1);
  if (!t && !s) return luaL_argerror(L, 1, "a tensor or a storage is wanted");
  void *elements = !s ? NULL : t ? cr_data(t) : s->data;
  if (!elements) elements = s ? (void *)s : (void *)t; /* none are shared with none other */
  lua_pushlightuserdata(L, elements);
  return 1;
}

/* Two names for one tensor are equal, as are scalars of one value. */
static int t_equals(lua_State *L) {
  cr_tensor *a = cr_to_tensor(L, 1), *b = cr_to_tensor(L, 2);
  bool equal = a && a == b;
  if (!equal && a && b && a->ndim == 0 && b->ndim == 0)
    equal = cr_scalar_double(cr_element(L, a, NULL)) == cr_scalar_double(cr_element(L, b, NULL));
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
    cr_push_device(L, cr_device_of(t));
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
  } else if (strcmp(name, "gradFn") == 0) {
    cr_push_node(L, cr_grad_node(t));
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
    {"contiguous", NULL, t_contiguous},
    {"clone", t_clone, t_clone},
    {"copy", NULL, t_copy},
    {"type", NULL, t_type},
    {"typeAs", NULL, t_type_as},
    {"item", NULL, t_item},
    {"totable", f_totable, t_totable},
    {"isTensor", t_is_tensor, t_is_tensor},
    {"isStorage", t_is_storage, NULL},
    {"pointer", t_pointer, NULL},
    {"data", t_data, t_data},
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
