/* create_lua.c: making tensors: constructors from sizes, tables, storages; zeros, ones, range and
 * so on. */
#include "lib/torch/binding.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- from tables ------------------------------------------------------------------------ */

/* The shape of a nested table of numbers, read along its first elements. */
static int table_shape(lua_State *L, int arg, int64_t *shape) {
  int n = 0;
  lua_pushvalue(L, arg);
  while (lua_istable(L, -1)) {
    if (n == CR_MAX_DIMS) luaL_argerror(L, arg, "tables nested too deeply");
    shape[n++] = (int64_t)lua_rawlen(L, -1);
    lua_rawgeti(L, -1, 1);
    lua_replace(L, -2);
  }
  lua_pop(L, 1);
  return n;
}

static void fill_from_table(lua_State *L, cr_tensor *t, int dim, int64_t *index) {
  luaL_checkstack(L, 4, "tensor from a table");
  if ((int64_t)lua_rawlen(L, -1) != t->shape[dim])
    cr_raise(L, "a tensor from a table: a row of %d elements where others have %d",
             (int)lua_rawlen(L, -1), (int)t->shape[dim]);
  for (index[dim] = 0; index[dim] < t->shape[dim]; index[dim]++) {
    lua_rawgeti(L, -1, index[dim] + 1);
    if (dim + 1 < t->ndim) {
      if (!lua_istable(L, -1))
        cr_raise(L, "a tensor from a table: a %s among the rows", luaL_typename(L, -1));
      fill_from_table(L, t, dim + 1, index);
    } else {
      if (!lua_isnumber(L, -1) && !lua_isboolean(L, -1) && !cr_to_tensor(L, -1))
        cr_raise(L, "a tensor from a table: a %s among the numbers", luaL_typename(L, -1));
      if (!cr_put(t, index, cr_check_scalar(L, lua_gettop(L)))) cr_lua_error(L);
    }
    lua_pop(L, 1);
  }
}

static int from_table(lua_State *L, cr_kind kind, int arg) {
  int64_t shape[CR_MAX_DIMS], index[CR_MAX_DIMS];
  int n = table_shape(L, arg, shape);
  if (n == 1 && shape[0] == 0) {
    cr_push_tensor(L, cr_none(kind.dtype, kind.device));
    return 1;
  }
  cr_push_tensor(L, cr_empty_cpu(kind.dtype, n, shape));
  if (cr_numel(cr_to_tensor(L, -1)) > 0) {
    lua_pushvalue(L, arg);
    fill_from_table(L, cr_to_tensor(L, -2), 0, index);
    lua_pop(L, 1);
  }
  return cr_push_result(L, cr_to_device(cr_to_tensor(L, -1), kind.device), lua_gettop(L));
}

/* ---- constructors ----------------------------------------------------------------------- */

/* torch.FloatTensor(storage [, offset [, sizes [, strides]]]) through x:set */
static int from_storage(lua_State *L, cr_kind kind, int arg) {
  cr_push_tensor(L, cr_none(kind.dtype, kind.device));
  lua_insert(L, arg);
  for (; arg > 1; arg--) lua_remove(L, 1);
  return cr_tensor_set(L); /* in this call, so that an error has the script's line */
}

/** torch.FloatTensor([...]); torch.DoubleTensor([...]); torch.HalfTensor([...])
 *  torch.BFloat16Tensor([...]); torch.CharTensor([...]); torch.ByteTensor([...])
 *  torch.ShortTensor([...]); torch.IntTensor([...]); torch.LongTensor([...])
 *  torch.BoolTensor([...]); x:new()
 *
 *  Makes a tensor of a type: float32, float64, float16, bfloat16, int8, uint8, int16, int32, int64,
 *  bool.  torch.Tensor(..) makes one of the default type.  What follows may be:
 *    nothing: a tensor without elements or dimensions
 *    sizes: numbers or a LongStorage; the elements are not set
 *    sizes and strides: two LongStorages
 *    a table of numbers, or of tables of them: a row each
 *    a storage of the type [, offset [, sizes [, strides]]]: a view of its elements, as by x:set
 *    a tensor of the type: a view of the same elements, which x:new() is too
 *
 *  x.new(..), with a dot, makes a tensor of x's type from any of these.
 *
 *  Returns: a tensor
 *  Errors: the rows of a table have different lengths; the type of the tensor is another; a size is
 *    negative; there is not enough memory
 *  From: Torch7
 *  Example:
 *    x = torch.FloatTensor { { 1, 2, 3 }, { 4, 5, 6 } }
 *    table.concat(x.shape, "x") --> 2x3
 *    table.concat(x.new(5, 7).shape, "x") --> 5x7
 *    torch.LongTensor(2, 2):fill(3):sum() --> 12
 */
static int construct(lua_State *L, cr_kind kind, int arg) {
  cr_dtype dtype = kind.dtype;
  cr_tensor *t = cr_to_tensor(L, arg);
  cr_storage *s = cr_to_storage(L, arg);
  if (lua_gettop(L) < arg) {
    cr_push_tensor(L, cr_none(dtype, kind.device));
    return 1;
  }
  if (t && t->dtype != dtype)
    return cr_raise(L, "a %s tensor from a %s tensor: use x:type('%s')", cr_dtypes[dtype].name,
                    cr_dtypes[t->dtype].name, cr_dtypes[dtype].name);
  if (t && cr_device_of(t).type != kind.device.type)
    return cr_raise(L, "a tensor of one device from one of another: use x:cuda() or x:cpu()");
  if (t) { /* x:new() and torch.FloatTensor(x): the same elements; x.new(..) takes sizes */
    if (lua_gettop(L) > arg)
      return luaL_argerror(L, arg + 1, "nothing may follow a tensor; sizes go to x.new(..)");
    cr_push_tensor(L, cr_alias(t));
    return 1;
  }
  if (s && s->dtype == dtype && s->device.type == kind.device.type)
    return from_storage(L, kind, arg);
  if (!s && lua_istable(L, arg)) return from_table(L, kind, arg);
  int64_t shape[CR_MAX_DIMS];
  int used, n = cr_check_sizes(L, arg, shape, &used);
  if (n == 0) {
    if (used == 0) return luaL_typeerror(L, arg, "sizes, table, tensor or storage");
    cr_push_tensor(L, cr_none(dtype, kind.device));
    return 1;
  }
  if (!cr_to_storage(L, arg + 1)) {
    cr_push_tensor(L, cr_empty(dtype, kind.device, n, shape));
    return 1;
  }
  int64_t stride[CR_MAX_DIMS];
  if (cr_check_sizes(L, arg + 1, stride, &used) != n)
    return luaL_argerror(L, arg + 1, "as many strides as sizes are wanted");
  cr_push_tensor(L, cr_none(dtype, kind.device));
  return cr_resize(cr_to_tensor(L, -1), n, shape, stride) ? 1 : cr_lua_error(L);
}

/* torch.FloatTensor(..): called through a metamethod, so the class itself comes first; the type is
 * bound. */
static int call_typed(lua_State *L) {
  lua_remove(L, 1);
  cr_kind kind = {(cr_dtype)lua_tointeger(L, lua_upvalueindex(1)), {CR_CPU, 0}};
  return construct(L, kind, 1);
}

/* torch.CudaTensor(..): on the device that is current */
static int call_cuda(lua_State *L) {
  lua_remove(L, 1);
  cr_kind kind = {(cr_dtype)lua_tointeger(L, lua_upvalueindex(1)), {CR_CUDA, cr_ctx()->cuda}};
  return construct(L, kind, 1);
}

/* torch.Tensor(..), likewise */
static int call_default(lua_State *L) {
  lua_remove(L, 1);
  return construct(L, cr_default_kind(), 1);
}

/* torch._cudatensor("torch.CudaTensor"): what its class calls, the class itself first */
static int f_cuda_tensor(lua_State *L) {
  lua_pushinteger(L, cr_check_dtype(L, 1));
  lua_pushcclosure(L, call_cuda, 1);
  return 1;
}

static void constructors(lua_State *L) {
  char name[32];
  lua_newtable(L);
  lua_pushcfunction(L, call_default);
  lua_setfield(L, -2, "__construct");
  lua_setfield(L, TORCH_TABLE, "Tensor");
  for (int i = 0; i < CR_NDTYPES; i++) {
    lua_newtable(L); /* torch.FloatTensor; torch.init gives it its metatable */
    lua_pushinteger(L, i);
    lua_pushcclosure(L, call_typed, 1);
    lua_setfield(L, -2, "__construct");
    snprintf(name, sizeof name, "%sTensor", cr_dtypes[i].torch);
    lua_setfield(L, TORCH_TABLE, name);
  }
}

/* ---- filled ----------------------------------------------------------------------------- */

/** torch.zeros([res,] size, ... [, type]); torch.ones([res,] size, ... [, type])
 *  x:zeros(size, ...); x:ones(size, ...)
 *
 *  A tensor of zeros, or of ones.  The methods resize x and fill it.
 *
 *  res: tensor for the result; resized
 *  size: number; the sizes may also be a table or a LongStorage
 *  type: name of the type, as "long" or "torch.LongTensor"; res's, or the default type
 *  Returns: a tensor
 *  From: Torch7
 *  Example:
 *    torch.zeros(2, 3):nElement() --> 6
 *    torch.ones({ 2, 3 }, "long"):sum() --> 6
 */
static int filled(lua_State *L, double value) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int64_t shape[CR_MAX_DIMS];
  cr_kind kind = cr_default_kind();
  if (lua_type(L, -1) == LUA_TSTRING) kind = cr_check_kind(L, lua_gettop(L), kind);
  int used, n = cr_check_sizes(L, out ? 2 : 1, shape, &used);
  if (n == 0 && used == 0 && !out) return cr_raise(L, "the sizes of the tensor are missing");
  if (!out) {
    cr_push_tensor(L, cr_full(kind.dtype, kind.device, n, shape, cr_num(value)));
    return 1;
  }
  if (!cr_resize(out, n, shape, NULL)) return cr_lua_error(L);
  return cr_push_result(L, cr_fill(out, cr_num(value)), 1);
}

static int f_zeros(lua_State *L) {
  return filled(L, 0);
}
static int f_ones(lua_State *L) {
  return filled(L, 1);
}

/** torch.full(sizes, value [, type])
 *
 *  A tensor with one value everywhere.
 *
 *  sizes: table, LongStorage or one number
 *  value: number
 *  type: name of the type; the default type
 *  Returns: a new tensor
 *  From: NumPy
 *  Example:
 *    torch.full({ 2, 2 }, 7):sum() --> 28.0
 */
static int f_full(lua_State *L) {
  int64_t shape[CR_MAX_DIMS];
  int used, n = cr_check_sizes(L, 1, shape, &used);
  int last = lua_gettop(L);
  if (used == 1 && last >= 2) {
    cr_kind kind = cr_check_kind(L, 3, cr_default_kind());
    cr_push_tensor(L, cr_full(kind.dtype, kind.device, n, shape, cr_check_scalar(L, 2)));
    return 1;
  }
  return cr_raise(L, "torch.full({sizes}, value [, type]) is wanted");
}

static int like(lua_State *L, cr_scalar value, int type_at) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_kind kind = cr_check_kind(L, type_at, cr_kind_of(t));
  cr_push_tensor(L, cr_full(kind.dtype, kind.device, t->ndim, t->shape, value));
  return 1;
}

/** torch.zerosLike(x [, type]); torch.onesLike(x [, type])
 *  torch.fullLike(x, value [, type]); torch.emptyLike(x [, type])
 *
 *  A new tensor of x's shape and device: zeros, ones, one value everywhere, or numbers that happen
 *  to be there.
 *
 *  x: tensor
 *  value: number
 *  type: name of a type, that of x by default
 *  Returns: a contiguous tensor
 *  From: PyTorch
 *  Example:
 *    torch.fullLike(torch.zeros(2, 2), 7)[2][1] --> 7.0
 */
static int f_zeros_like(lua_State *L) {
  return like(L, cr_num(0), 2);
}
static int f_ones_like(lua_State *L) {
  return like(L, cr_num(1), 2);
}
static int f_full_like(lua_State *L) {
  return like(L, cr_check_scalar(L, 2), 3);
}
static int f_empty_like(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  cr_kind kind = cr_check_kind(L, 2, cr_kind_of(t));
  cr_push_tensor(L, cr_empty(kind.dtype, kind.device, t->ndim, t->shape));
  return 1;
}

/** torch.empty(sizes.. [, type])
 *
 *  A tensor whose elements are whatever was in its memory.
 *
 *  sizes: numbers, a table or a LongStorage
 *  type: name of a type, the default type otherwise
 *  Returns: a tensor
 *  From: PyTorch
 *  Example:
 *    torch.empty(2, 3):nElement() --> 6
 */
static int f_empty(lua_State *L) {
  int64_t shape[CR_MAX_DIMS];
  cr_kind kind = cr_default_kind();
  if (lua_type(L, -1) == LUA_TSTRING) kind = cr_check_kind(L, lua_gettop(L), kind);
  int used, n = cr_check_sizes(L, 1, shape, &used);
  if (n == 0 && used == 0) return cr_raise(L, "the sizes of the tensor are missing");
  cr_push_tensor(L, cr_empty(kind.dtype, kind.device, n, shape));
  return 1;
}

/** torch.fill(x, value); x:fill(value); torch.zero(x); x:zero()
 *
 *  Sets all elements to a value, or to zero.  Both forms change x.
 *
 *  x: tensor
 *  value: number, or a tensor of one element
 *  Returns: x
 *  From: Torch7
 *  Example:
 *    torch.Tensor(2, 2):fill(3):sum() --> 12.0
 */
static int m_fill(lua_State *L) {
  cr_tensor *t = cr_check_tensor(L, 1);
  return cr_push_result(L, cr_fill(t, cr_check_scalar(L, 2)), 1);
}

static int m_zero(lua_State *L) {
  return cr_push_result(L, cr_fill(cr_check_tensor(L, 1), cr_int(0)), 1);
}

/** torch.scalar(value [, type])
 *
 *  A tensor of no dimensions, which holds one number.
 *
 *  value: number, or a tensor of one element
 *  type: name of the type; the default type
 *  Returns: a new tensor
 *  Example:
 *    torch.scalar(3):dim(), torch.scalar(3):item() --> 0 3.0
 */
static int f_scalar(lua_State *L) {
  cr_kind kind = cr_check_kind(L, 2, cr_default_kind());
  cr_push_tensor(L, cr_scalar_tensor(kind.dtype, kind.device, cr_check_scalar(L, 1)));
  return 1;
}

/* Writes a fresh tensor into the result tensor at 1, when there is one. */
static int give(lua_State *L, const char *fn, cr_tensor *y, cr_tensor *out) {
  return cr_push_result(L, cr_into(fn, out, y), out ? 1 : 0);
}

/* Points on a line.  A result tensor of as many elements keeps its shape, as in Torch7. */
static int give_points(lua_State *L, const char *fn, cr_tensor *y, cr_tensor *out) {
  if (!y || !out || cr_numel(y) != cr_numel(out) || cr_numel(out) == 0) return give(L, fn, y, out);
  cr_push_tensor(L, y);
  return give(L, fn, cr_reshape(y, out->ndim, out->shape), out);
}

/** torch.range([res,] from, to [, step]); x:range(from, to [, step])
 *
 *  The numbers from, from + step, .. up to `to`, which is included.
 *
 *  res: tensor for the result; it keeps its shape when it has as many elements
 *  from, to: numbers
 *  step: number, 1 by default; may be negative
 *  Returns: a tensor of the default type or res's, with one dimension; or x
 *  Errors: the step is 0 or leads away from `to`
 *  From: Torch7
 *  Example:
 *    table.concat(torch.range(1, 2, 0.5):totable(), " ") --> 1.0 1.5 2.0
 */
static int f_range(lua_State *L) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int at = out ? 2 : 1;
  double from = luaL_checknumber(L, at), to = luaL_checknumber(L, at + 1),
         step = luaL_optnumber(L, at + 2, 1);
  if (step == 0 || (to - from) / step < 0 || !isfinite((to - from) / step))
    return cr_raise(L, "range: from %f to %f in steps of %f", from, to, step);
  cr_kind kind = out ? cr_kind_of(out) : cr_default_kind();
  int64_t n = (int64_t)floor((to - from) / step) + 1;
  return give_points(L, "range", cr_arange(kind.dtype, kind.device, from, step, n), out);
}

/** torch.arange([from,] to [, step])
 *
 *  The numbers from, from + step, .. less than `to`.  With three arguments or two, the first is
 *  `from`, which is 0 otherwise.
 *
 *  from, to: numbers
 *  step: number, 1 by default; may be negative
 *  Returns: a LongTensor when all are integers, otherwise a tensor of the default type
 *  Errors: the step is 0
 *  From: NumPy
 *  Example:
 *    table.concat(torch.arange(3):totable(), " ") --> 0 1 2
 */
static int f_arange(lua_State *L) {
  int n = lua_gettop(L);
  bool whole = true;
  for (int i = 1; i <= n; i++) whole = whole && lua_isinteger(L, i);
  double from = n > 1 ? luaL_checknumber(L, 1) : 0, to = luaL_checknumber(L, n > 1 ? 2 : 1),
         step = luaL_optnumber(L, 3, 1);
  double count = ceil((to - from) / step);
  if (step == 0 || !isfinite(count))
    return cr_raise(L, "arange: from %f to %f in steps of %f", from, to, step);
  cr_kind kind = cr_default_kind();
  cr_push_tensor(L, cr_arange(whole ? CR_INT64 : kind.dtype, kind.device, from, step,
                              count > 0 ? (int64_t)count : 0));
  return 1;
}

/** torch.linspace([res,] from, to [, n]); torch.logspace([res,] from, to [, n [, base]])
 *  x:linspace(from, to [, n]); x:logspace(from, to [, n [, base]])
 *
 *  Points at equal distances, both ends included; logspace takes a base to their power.
 *
 *  res: tensor for the result; it keeps its shape when it has as many elements
 *  from, to: numbers
 *  n: how many points, at least 1; 100 by default
 *  base: 10 by default
 *  Returns: a tensor of the default type or res's, with one dimension; or x
 *  From: Torch7; the base as in PyTorch
 *  Example:
 *    table.concat(torch.linspace(0, 1, 3):totable(), " ") --> 0.0 0.5 1.0
 *    table.concat(torch.logspace(0, 2, 3):totable(), " ") --> 1.0 10.0 100.0
 */
static cr_tensor *line(lua_State *L, const char *fn, cr_tensor **out_tensor) {
  cr_tensor *out = *out_tensor = cr_to_tensor(L, 1);
  int at = out ? 2 : 1;
  double from = luaL_checknumber(L, at), to = luaL_checknumber(L, at + 1);
  int64_t n = lua_isnoneornil(L, at + 2) ? 100 : cr_check_int(L, at + 2);
  if (n < 1) luaL_argerror(L, at + 2, "at least one point is wanted");
  if (n == 1 && from != to && cr_torch7_mode(L))
    cr_raise(L, "%s: one point from %f to %f", fn, from, to);
  cr_kind kind = out ? cr_kind_of(out) : cr_default_kind();
  return cr_arange(kind.dtype, kind.device, from, n > 1 ? (to - from) / (double)(n - 1) : 0, n);
}

static int f_linspace(lua_State *L) {
  cr_tensor *out, *y = line(L, "linspace", &out);
  return give_points(L, "linspace", y, out);
}

static int f_logspace(lua_State *L) {
  double base = luaL_optnumber(L, cr_to_tensor(L, 1) ? 5 : 4, 10);
  cr_tensor *out, *exponents = line(L, "logspace", &out);
  cr_tensor *y = cr_scalar_binary(CR_POW, cr_num(base), exponents, NULL);
  cr_release(exponents);
  return give_points(L, "logspace", y, out);
}

/** torch.eye([res,] n [, m]); x:eye(n [, m])
 *
 *  The identity matrix: ones on the diagonal, zeros elsewhere.
 *
 *  res: tensor for the result; resized
 *  n: how many rows
 *  m: how many columns; n by default
 *  Returns: a tensor of the default type or res's, n x m; or x
 *  From: Torch7
 *  Example:
 *    torch.eye(3):sum() --> 3.0
 */
static int f_eye(lua_State *L) {
  cr_tensor *out = cr_to_tensor(L, 1);
  int at = out ? 2 : 1;
  int64_t n = cr_check_int(L, at), m = lua_isnoneornil(L, at + 1) ? n : cr_check_int(L, at + 1);
  cr_kind kind = out ? cr_kind_of(out) : cr_default_kind();
  return give(L, "eye", cr_eye(kind.dtype, kind.device, n, m), out);
}

/* ---- the default type ------------------------------------------------------------------- */

/** torch.setdefaulttensortype(name); torch.getdefaulttensortype()
 *
 *  Sets the type that torch.Tensor, torch.zeros and others give, or says which it is.  At the start
 *  it is torch.FloatTensor; run as th, torch.DoubleTensor.
 *
 *  name: string, as "torch.DoubleTensor"
 *  Returns: the name; nothing from setdefaulttensortype
 *  Errors: no type has this name, or it is no float type
 *  From: Torch7
 *  Example:
 *    before = torch.getdefaulttensortype()
 *    torch.setdefaulttensortype("torch.DoubleTensor")
 *    torch.zeros(1):type() --> torch.DoubleTensor
 *    torch.setdefaulttensortype(before)
 */
static int f_set_default(lua_State *L) {
  luaL_checkstring(L, 1);
  cr_kind kind = cr_check_kind(L, 1, cr_default_kind());
  if (!cr_is_float(kind.dtype)) return luaL_argerror(L, 1, "the default type must be a float type");
  if (!cr_backend_of(kind.device)) return cr_lua_error(L);
  cr_ctx()->dtype = (uint8_t)kind.dtype;
  cr_ctx()->on_cuda = kind.device.type == CR_CUDA;
  return 0;
}

static int f_get_default(lua_State *L) {
  cr_kind kind = cr_default_kind();
  cr_push_kind_name(L, kind.dtype, (cr_device_type)kind.device.type, "Tensor");
  return 1;
}

/** torch.getDefaultDtype(); torch.setDefaultDevice(name); torch.getDefaultDevice()
 *
 *  The short name of the default type; and the device on which torch.Tensor, torch.zeros and others
 *  make new tensors.  The default type's full name, as from torch.getdefaulttensortype, changes
 *  with the device.  Constructors that name a type, as torch.FloatTensor, do not follow it.
 *
 *  name: "cpu", "cuda" (the current CUDA device), or "cuda:2", which becomes the current one
 *  Returns: a string; nothing from setDefaultDevice
 *  Errors: the device is not there
 *  From: PyTorch
 *  Example:
 *    torch.getDefaultDtype(), torch.getDefaultDevice() --> float32 cpu
 */
static int f_default_dtype(lua_State *L) {
  lua_pushstring(L, cr_dtypes[cr_ctx()->dtype].name);
  return 1;
}

static int f_set_default_device(lua_State *L) {
  cr_device d = cr_check_device(L, 1);
  if (!cr_backend_of(d)) return cr_lua_error(L);
  cr_ctx()->on_cuda = d.type == CR_CUDA;
  if (d.type == CR_CUDA) cr_ctx()->cuda = d.index;
  return 0;
}

static int f_get_default_device(lua_State *L) {
  return cr_push_device(L, cr_default_kind().device);
}

/* torch._kind(name, cuda): the full name of that type in host memory or on the CUDA device, and its
 * dtype */
static int f_kind(lua_State *L) {
  cr_dtype dtype = cr_check_dtype(L, 1);
  cr_push_kind_name(L, dtype, lua_toboolean(L, 2) ? CR_CUDA : CR_CPU, "Tensor");
  lua_pushstring(L, cr_dtypes[dtype].name);
  return 2;
}

/* torch._torch7(): whether Torch7's rules hold where the two worlds differ */
static int f_torch7(lua_State *L) {
  lua_pushboolean(L, cr_torch7_mode(L));
  return 1;
}

static const cr_binding bindings[] = {
    {"_kind", f_kind, NULL},
    {"_torch7", f_torch7, NULL},
    {"zeros", f_zeros, NULL},
    {"ones", f_ones, NULL},
    {"full", f_full, NULL},
    {"zerosLike", f_zeros_like, NULL},
    {"onesLike", f_ones_like, NULL},
    {"fullLike", f_full_like, NULL},
    {"emptyLike", f_empty_like, NULL},
    {"empty", f_empty, NULL},
    {"scalar", f_scalar, NULL},
    {"fill", m_fill, m_fill},
    {"zero", m_zero, m_zero},
    {"range", f_range, NULL},
    {"arange", f_arange, NULL},
    {"linspace", f_linspace, NULL},
    {"logspace", f_logspace, NULL},
    {"eye", f_eye, NULL},
    {"setdefaulttensortype", f_set_default, NULL},
    {"getdefaulttensortype", f_get_default, NULL},
    {"getDefaultDtype", f_default_dtype, NULL},
    {"setDefaultDevice", f_set_default_device, NULL},
    {"getDefaultDevice", f_get_default_device, NULL},
    {"_cudatensor", f_cuda_tensor, NULL},
    {NULL, NULL, NULL},
};

void cr_bind_create(lua_State *L) {
  cr_bind(L, bindings);
  constructors(L);
}
