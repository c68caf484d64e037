/* special_lua.c: less common functions, running extremes, searching and flipping, in Lua. */
#include "lib/torch/binding.h"

/* ---- of one element ----------------------------------------------------------------------- */

/** torch.exp2(x)
 *  torch.erfinv(x)
 *  torch.i0(x)
 *  torch.i1(x)
 *  torch.sinc(x)
 *  x:exp2()
 *  x:erfinv()
 *  x:i0()
 *  x:i1()
 *  x:sinc()
 *
 *  Functions of each element: 2 to its power, the inverse of erf, the modified Bessel functions of
 *  the first kind of order 0 and 1, and sin(pi x) / (pi x), which is 1 at 0.
 *
 *  x: tensor; integers are taken as the default float type
 *  Returns: a new tensor of x's shape
 *  From: NumPy, PyTorch
 *  Example:
 *    torch.exp2(torch.Tensor { 0, 1, 3 }):sum() --> 11.0
 *    torch.sinc(torch.Tensor { 0, 1 })[1] --> 1.0
 */
static int f_one(lua_State *L) {
  cr_special_op op = (cr_special_op)lua_tointeger(L, lua_upvalueindex(1));
  cr_push_tensor(L, cr_special(op, cr_check_tensor(L, 1), NULL));
  return 1;
}

/** torch.polygamma(order, x)
 *  x:polygamma(order)
 *
 *  The derivative of that order of torch.digamma; order 0 is digamma itself.
 *
 *  order: 0 to 1000
 *  x: tensor; integers are taken as the default float type
 *  Returns: a new tensor of x's shape
 *  Errors: the order is out of range
 *  From: PyTorch
 *  Example:
 *    math.abs(torch.polygamma(1, torch.DoubleTensor { 1 })[1] - math.pi ^ 2 / 6) < 1e-14 --> true
 */
static int polygamma(lua_State *L, int order, int x) {
  cr_push_tensor(L, cr_polygamma(cr_check_tensor(L, x), cr_check_int(L, order)));
  return 1;
}
static int f_polygamma(lua_State *L) {
  return polygamma(L, 1, 2);
}
static int m_polygamma(lua_State *L) {
  return polygamma(L, 2, 1);
}

/* ---- of two ------------------------------------------------------------------------------- */

/* A number at arg becomes a tensor of no dimensions, of the type of the other operand. */
static cr_tensor *operand(lua_State *L, int arg, int other) {
  if (cr_to_tensor(L, arg)) return cr_to_tensor(L, arg);
  cr_tensor *like = cr_check_tensor(L, other);
  cr_scalar s = cr_check_scalar(L, arg);
  bool fraction = !s.is_int && (double)cr_scalar_int(s) != s.d;
  cr_dtype dtype = (cr_dtype)like->dtype;
  if (!cr_is_float(dtype) && fraction) dtype = (cr_dtype)cr_ctx()->dtype;
  cr_push_tensor(L, cr_scalar_tensor(dtype, cr_device_of(like), s));
  lua_replace(L, arg);
  return cr_to_tensor(L, arg);
}

/** torch.hypot(x, y)
 *  torch.logaddexp(x, y)
 *  torch.xlogy(x, y)
 *  torch.copysign(x, y)
 *  x:hypot(y)
 *  x:logaddexp(y)
 *  x:xlogy(y)
 *  x:copysign(y)
 *
 *  Functions of two elements: sqrt(x^2 + y^2) and log(exp(x) + exp(y)) without overflow on the way,
 *  x log(y), which is 0 where x is 0, and x's size with y's sign.
 *
 *  x: tensor, or for the function a number when y is a tensor
 *  y: likewise; x and y broadcast
 *  Returns: a new tensor of a float type
 *  From: NumPy, PyTorch
 *  Example:
 *    torch.hypot(torch.Tensor { 3 }, 4)[1] --> 5.0
 *    torch.xlogy(torch.Tensor { 0, 1 }, torch.Tensor { 0, 1 }):sum() --> 0.0
 */

/** torch.gcd(x, y)
 *  torch.lcm(x, y)
 *  x:gcd(y)
 *  x:lcm(y)
 *
 *  The greatest common divisor and the least common multiple of each pair of elements.
 *
 *  x: tensor of an integer type, or for the function a whole number when y is a tensor
 *  y: likewise; x and y broadcast
 *  Returns: a new tensor; nothing in it is negative unless a multiple does not fit its type
 *  Errors: x or y is of a float type
 *  From: NumPy, PyTorch
 *  Example:
 *    torch.gcd(torch.LongTensor { 12, 7 }, 18)[1] --> 6
 *    torch.lcm(torch.LongTensor { 4 }, 6)[1] --> 12
 */
static int f_two(lua_State *L) {
  cr_special_op op = (cr_special_op)lua_tointeger(L, lua_upvalueindex(1));
  lua_settop(L, 2);
  cr_tensor *a = operand(L, 1, 2), *b = operand(L, 2, 1);
  cr_push_tensor(L, cr_special(op, a, b));
  return 1;
}

/* ---- along a dimension -------------------------------------------------------------------- */

/** torch.cummax(x [, dim])
 *  torch.cummin(x [, dim])
 *  x:cummax([dim])
 *  x:cummin([dim])
 *
 *  The largest (smallest) element so far along a dimension, and its place.  Of equal elements the
 *  last counts; from a NaN on everything is NaN.
 *
 *  x: tensor of any type
 *  dim: 1 by default; negative counts from the last
 *  Returns: the values, which carry gradients, and their places, a LongTensor; both of x's shape
 *  From: PyTorch
 *  Example:
 *    v, p = torch.cummax(torch.Tensor { 1, 3, 2 })
 *    v[3], p[3] --> 3.0  2
 */
static int f_extreme(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *values, *places;
  int dim = lua_isnoneornil(L, 2) ? 0 : cr_check_dim(L, 2);
  if (!cr_running_extreme(x, dim, lua_toboolean(L, lua_upvalueindex(1)), &values, &places))
    return cr_lua_error(L);
  cr_push_tensor(L, values);
  cr_push_places(L, places);
  return 2;
}

/** torch.logcumsumexp(x [, dim])
 *  x:logcumsumexp([dim])
 *
 *  The logarithm of the sum of exp(x) so far along a dimension, without overflow on the way.
 *
 *  x: tensor; integers are taken as the default float type
 *  dim: 1 by default; negative counts from the last
 *  Returns: a new tensor of x's shape
 *  From: PyTorch
 *  Example:
 *    torch.logcumsumexp(torch.Tensor { 1000, -math.huge })[2] --> 1000.0
 */
static int f_logcumsumexp(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  cr_push_tensor(L, cr_logcumsumexp(x, lua_isnoneornil(L, 2) ? 0 : cr_check_dim(L, 2)));
  return 1;
}

/** torch.flip(x, dim, ...)
 *  x:flip(dim, ...)
 *
 *  The elements in the opposite order along some dimensions.
 *
 *  x: tensor of any type
 *  dim: one or more dimensions, or a table of them; negative counts from the last
 *  Returns: a new tensor of x's shape
 *  From: NumPy, PyTorch
 *  Example:
 *    torch.flip(torch.Tensor { 1, 2, 3 }, 1)[1] --> 3.0
 */
static int f_flip(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int64_t given[CR_MAX_DIMS];
  int dims[CR_MAX_DIMS], used, n = cr_check_sizes(L, 2, given, &used);
  for (int i = 0; i < n; i++) {
    bool possible = given[i] && given[i] <= CR_MAX_DIMS && given[i] >= -CR_MAX_DIMS;
    dims[i] = !possible ? CR_MAX_DIMS : (int)(given[i] > 0 ? given[i] - 1 : given[i]);
  }
  cr_tensor *y = cr_flip(x, n, dims);
  if (y == x) { /* nothing was turned: still a tensor of its own */
    cr_release(y);
    y = cr_clone(x);
  }
  cr_push_tensor(L, y);
  return 1;
}

/** torch.searchsorted(sorted, values [, right])
 *  sorted:searchsorted(values [, right])
 *
 *  Where each value belongs in a sorted line so that it stays sorted: the place of the first
 *  element that is not less than the value, or with `right` of the first that is greater.
 *
 *  sorted: a vector; or a tensor whose last dimension is sorted, of values' shape but for that
 *  values: a tensor or a number
 *  right: false by default
 *  Returns: a LongTensor of values' shape, 1 to the line's length + 1; a number for a number
 *  Errors: the shapes do not agree
 *  From: NumPy, PyTorch
 *  Example:
 *    torch.searchsorted(torch.Tensor { 1, 3, 5 }, 3) --> 2
 *    torch.searchsorted(torch.Tensor { 1, 3, 5 }, 3, true) --> 3
 */
static int f_searchsorted(lua_State *L) {
  cr_tensor *sorted = cr_check_tensor(L, 1), *values = cr_to_tensor(L, 2);
  bool right = lua_toboolean(L, 3);
  if (values) {
    cr_push_places(L, cr_searchsorted(sorted, values, right));
    return 1;
  }
  cr_scalar s = cr_check_scalar(L, 2);
  cr_push_tensor(L, cr_scalar_tensor(s.is_int ? CR_INT64 : CR_FLOAT64, cr_device_of(sorted), s));
  cr_push_places(L, cr_searchsorted(sorted, cr_to_tensor(L, -1), right));
  return cr_push_number(L, cr_retain(cr_to_tensor(L, -1)));
}

/* The kernel of torch.cdist. */
static int f_euclidean(lua_State *L) {
  cr_push_tensor(L, cr_euclidean(cr_check_tensor(L, 1), cr_check_tensor(L, 2)));
  return 1;
}

/* torch._nanToNum(x, nan, most): the kernel of torch.nanToNum. */
static int f_nan_to_num(lua_State *L) {
  double nan = luaL_checknumber(L, 2), most = luaL_checknumber(L, 3);
  cr_push_tensor(L, cr_nan_to_num(cr_check_tensor(L, 1), nan, most));
  return 1;
}

/* torch._cross(a, b, dim): for torch7.lua.  The dimension counts from the end. */
static int f_cross(lua_State *L) {
  int dim = (int)luaL_checkinteger(L, 3);
  cr_push_tensor(L, cr_cross(cr_check_tensor(L, 1), cr_check_tensor(L, 2), dim));
  return 1;
}

/* ---- the list ----------------------------------------------------------------------------- */

static const cr_binding bindings[] = {
    {"polygamma", f_polygamma, m_polygamma},
    {"logcumsumexp", f_logcumsumexp, f_logcumsumexp},
    {"flip", f_flip, f_flip},
    {"_euclidean", f_euclidean, NULL},
    {"_nanToNum", f_nan_to_num, NULL},
    {"_cross", f_cross, NULL},
    {"searchsorted", f_searchsorted, f_searchsorted},
    {NULL, NULL, NULL},
};

void cr_bind_special(lua_State *L) {
  for (int op = 0; op < CR_NSPECIAL; op++) {
    if (op == CR_POLYGAMMA) continue;
    lua_CFunction f = op < CR_POLYGAMMA ? f_one : f_two;
    cr_bind_code(L, cr_special_name((cr_special_op)op), f, f, op);
  }
  cr_bind(L, bindings);
  static const char *const names[] = {"cummax", "cummin"};
  for (int smallest = 0; smallest <= 1; smallest++) {
    for (int table = TORCH_TABLE; table <= METHOD_TABLE; table++) {
      lua_pushboolean(L, smallest);
      lua_pushcclosure(L, f_extreme, 1);
      lua_setfield(L, table, names[smallest]);
    }
  }
}
