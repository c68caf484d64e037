/* math_lua.c: elementwise functions and the arithmetic of tensors in Lua. */
#include "lib/torch/binding.h"

#include <math.h>
#include <string.h>

#include "tensor/autograd.h"

static int bound_code(lua_State *L) {
  return (int)lua_tointeger(L, lua_upvalueindex(1));
}

/* ---- one element ------------------------------------------------------------------------ */

/* torch.round(2.5) and the like. */
static int unary_of_number(lua_State *L) {
  static const cr_device host = {CR_CPU, 0};
  cr_push_tensor(L, cr_full(CR_FLOAT64, host, 0, NULL, cr_num(lua_tonumber(L, 1))));
  cr_push_tensor(L, cr_unary((cr_unary_op)bound_code(L), cr_to_tensor(L, -1), NULL));
  lua_pushnumber(L, cr_scalar_double(cr_element(L, cr_to_tensor(L, -1), NULL)));
  return 1;
}

/** torch.exp([res,] x); torch.expm1([res,] x); torch.log([res,] x); torch.log1p([res,] x)
 *  torch.log2([res,] x); torch.log10([res,] x); torch.sqrt([res,] x); torch.rsqrt([res,] x)
 *  torch.square([res,] x); torch.cinv([res,] x)
 *  x:exp([y]); x:expm1([y]); x:log([y]); x:log1p([y]); x:log2([y]); x:log10([y]); x:sqrt([y])
 *  x:rsqrt([y]); x:square([y]); x:cinv([y])
 *
 *  Exponentials, logarithms and powers of each element: expm1 is exp(x) - 1, log1p is log(1 + x)
 *  (both exact near 0), rsqrt is 1 / sqrt(x), cinv is 1 / x.  Differentiable.
 *
 *  The methods change x; x:exp(y) puts exp(y) into x.
 *
 *  res: tensor for the result, of its type; resized to x's shape
 *  x: tensor; of integers the functions give the default float type (square keeps integers); or a
 *    number, as for all functions of one element
 *  y: tensor whose values are taken in place of x's
 *  Returns: a new tensor of x's shape, or res, or x; of a number a number
 *  Errors: an integer tensor is given for a float result, as in torch.LongTensor(2):exp()
 *  From: Torch7; expm1, log2, log10 and square as in NumPy
 *  Example:
 *    torch.exp(torch.zeros(2)):sum() --> 2.0
 *    torch.Tensor { 4, 9 }:sqrt():sum() --> 5.0
 */
static int f_unary(lua_State *L) {
  cr_make_room(L);
  if (lua_type(L, 1) == LUA_TNUMBER) return unary_of_number(L);
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_to_tensor(L, 2);
  return cr_push_result(L, cr_unary((cr_unary_op)bound_code(L), b ? b : a, b ? a : NULL),
                        b ? 1 : 0);
}

/** torch.sin([res,] x); torch.cos([res,] x); torch.tan([res,] x); torch.asin([res,] x)
 *  torch.acos([res,] x); torch.atan([res,] x); torch.sinh([res,] x); torch.cosh([res,] x)
 *  torch.asinh([res,] x); torch.acosh([res,] x); torch.atanh([res,] x)
 *  x:sin([y]); x:cos([y]); x:tan([y]); x:asin([y]); x:acos([y]); x:atan([y]); x:sinh([y])
 *  x:cosh([y]); x:asinh([y]); x:acosh([y]); x:atanh([y])
 *
 *  The trigonometric and hyperbolic functions of each element, in radians, and their inverses.
 *  tanh is with the activations.  Differentiable; NaN outside a function's domain.
 *
 *  The methods change x; x:sin(y) puts sin(y) into x.
 *
 *  res: tensor for the result, of its type; resized to x's shape
 *  x: tensor; of integers the functions give the default float type
 *  y: tensor whose values are taken in place of x's
 *  Returns: a new tensor of x's shape, or res, or x
 *  From: Torch7; asinh, acosh and atanh as in NumPy
 *  Example:
 *    torch.cos(torch.zeros(3)):sum() --> 3.0
 */

/** torch.neg([res,] x); torch.abs([res,] x); torch.sign([res,] x); torch.floor([res,] x)
 *  torch.ceil([res,] x); torch.round([res,] x); torch.trunc([res,] x); torch.frac([res,] x)
 *  torch.bitnot([res,] x)
 *  x:neg([y]); x:abs([y]); x:sign([y]); x:floor([y]); x:ceil([y]); x:round([y]); x:trunc([y])
 *  x:frac([y]); x:bitnot([y])
 *
 *  Sign and rounding of each element: -x, |x|, -1 or 0 or 1; down, up, to the nearest whole number
 *  (a half goes away from zero), towards zero; frac is x - trunc(x).  bitnot turns every bit of an
 *  integer round.  -x is torch.neg(x).  All keep the type.  Differentiable but for bitnot; sign and
 *  the roundings have derivative 0.
 *
 *  The methods change x; x:floor(y) puts floor(y) into x.
 *
 *  res: tensor for the result, of x's type; resized to x's shape
 *  x: tensor of any type
 *  y: tensor whose values are taken in place of x's
 *  Returns: a new tensor of x's shape, or res, or x
 *  Errors: bitnot: a float tensor; neg: a BoolTensor
 *  From: Torch7; bitnot as NumPy's bitwise_not
 *  Example:
 *    x = torch.Tensor { -1.5, 2.5 }
 *    torch.round(x):sum() --> 1.0
 *    torch.abs(x):sum() --> 4.0
 *    torch.bitnot(torch.LongTensor { 0 })[1] --> -1
 */

/** torch.tanh([res,] x); torch.sigmoid([res,] x); torch.logSigmoid([res,] x)
 *  torch.softplus([res,] x); torch.relu([res,] x); torch.gelu([res,] x); torch.silu([res,] x)
 *  torch.geluTanh([res,] x); torch.mish([res,] x)
 *  torch.erf([res,] x); torch.erfc([res,] x); torch.lgamma([res,] x); torch.digamma([res,] x)
 *  x:tanh([y]); x:sigmoid([y]); x:logSigmoid([y]); x:softplus([y]); x:relu([y]); x:gelu([y])
 *  x:silu([y]); x:geluTanh([y]); x:mish([y]); x:erf([y]); x:erfc([y]); x:lgamma([y]);
 *  x:digamma([y])
 *
 *  Activations and the functions behind them, of each element: sigmoid is 1 / (1 + exp(-x)),
 *  logSigmoid its logarithm, softplus log(1 + exp(x)), relu max(x, 0), silu x sigmoid(x), gelu
 *  x Phi(x) with the normal distribution's Phi (exact, by erf), geluTanh its approximation
 *  x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), mish x tanh(softplus(x)); erf the error function,
 *  erfc 1 - erf(x), lgamma log |Gamma(x)|, digamma its derivative.  Differentiable but for digamma.
 *
 *  The methods change x; x:tanh(y) puts tanh(y) into x.
 *
 *  res: tensor for the result, of its type; resized to x's shape
 *  x: tensor; of integers the functions give the default float type (relu keeps integers)
 *  y: tensor whose values are taken in place of x's
 *  Returns: a new tensor of x's shape, or res, or x
 *  From: Torch7 (tanh, sigmoid, lgamma), PyTorch (erf, erfc, digamma); gelu: Hendrycks and Gimpel,
 *    2016; silu: Elfwing, Uchibe and Doya, 2017; mish: Misra, 2019
 *  Example:
 *    torch.sigmoid(torch.zeros(2)):sum() --> 1.0
 *    torch.relu(torch.Tensor { -1, 2 }):sum() --> 2.0
 */
static int m_unary(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  return cr_push_result(L, cr_unary((cr_unary_op)bound_code(L), y ? y : x, x), 1);
}

/** torch.isnan([res,] x); torch.isinf([res,] x); torch.isfinite([res,] x)
 *  torch.logicalNot([res,] x)
 *  x:isnan(); x:isinf(); x:isfinite(); x:logicalNot()
 *
 *  A mask: 1 where an element is not a number, is infinite, is neither, or is zero.  The methods
 *  leave x as it is.
 *
 *  res: BoolTensor for the result
 *  x: tensor of any type
 *  Returns: a BoolTensor of x's shape
 *  From: NumPy
 *  Example:
 *    torch.isnan(torch.Tensor { 1, 0 / 0 }):sum() --> 1
 *    torch.logicalNot(torch.Tensor { 3, 0, 0 }):sum() --> 2
 */
static int m_unary_new(lua_State *L) {
  cr_make_room(L);
  cr_push_tensor(L, cr_unary((cr_unary_op)bound_code(L), cr_check_tensor(L, 1), NULL));
  return 1;
}

/* ---- two elements ----------------------------------------------------------------------- */

/* The arguments of a binary function: `out` and the operands, the second perhaps weighted (add,
 * csub). */
typedef struct {
  cr_tensor *out, *a, *b;
  cr_scalar number, weight;
  bool weighted, number_first;
  int out_arg;
} operands;

/* In th mode a second operand may have another shape as long as it has as many elements. */
static cr_tensor *match_shape(lua_State *L, cr_tensor *a, cr_tensor *b) {
  if (!b || !cr_torch7_mode(L) || cr_same_shape(a, b) || cr_numel(a) != cr_numel(b)) return b;
  cr_push_tensor(L, cr_reshape(b, a->ndim, a->shape));
  return cr_to_tensor(L, -1);
}

/* function: (a, n) (a, b) (n, b) (a, n, b) (res, a, n) (res, a, b) (res, a, n, b)
 * method, with x before: (n) (b) (n, b) (a, n) (a, b) (a, n, b)
 * Where a number before b is no factor, it is the first operand: (res, n, b). */
static operands parse(lua_State *L, bool method) {
  cr_make_room(L);
  operands o = {0};
  int op = bound_code(L);
  bool factor = op == CR_ADD || op == CR_SUB;
  int at = 1, n = lua_gettop(L);
  cr_tensor *first = method ? cr_check_tensor(L, 1) : cr_to_tensor(L, 1);
  cr_tensor *second = cr_to_tensor(L, 2);
  if (first && second && n >= 3) at = 2;
  if (method || at == 2) {
    o.out = first;
    o.out_arg = 1;
  }
  o.a = at == 2 ? second : first;
  if (!o.a) { /* number first */
    o.number = cr_check_scalar(L, at);
    o.number_first = true;
    o.a = cr_check_tensor(L, at + 1);
    return o;
  }
  o.b = at == 1 ? second : cr_to_tensor(L, 3);
  if (!o.b) o.number = cr_check_scalar(L, at + 1);
  cr_tensor *third = o.b || n < at + 2 ? NULL : cr_to_tensor(L, at + 2);
  if (third && !factor && at == 1) {
    o.out = o.a;
    o.out_arg = 1;
    o.number_first = true;
    o.a = third;
    return o;
  }
  if (third) {
    o.weighted = true;
    o.weight = o.number;
    o.b = third;
  }
  o.b = match_shape(L, o.a, o.b);
  return o;
}

static cr_tensor *apply(lua_State *L, cr_binary_op op, const operands *o, cr_tensor *out) {
  if (o->weighted) {
    if (op != CR_ADD && op != CR_SUB) luaL_argerror(L, 2, "only add and csub take a factor");
    cr_scalar w = o->weight;
    if (op == CR_SUB)
      w = w.is_int ? cr_int((int64_t)(0 - (uint64_t)w.i)) /* wraps */ : cr_num(-w.d);
    return cr_axpby(cr_int(1), o->a, w, o->b, out);
  }
  if (o->b) return cr_binary(op, o->a, o->b, out);
  return o->number_first ? cr_scalar_binary(op, o->number, o->a, out)
                         : cr_binary_scalar(op, o->a, o->number, out);
}

/** torch.add([res,] x, [factor,] y); torch.csub([res,] x, [factor,] y); torch.mul([res,] x, y)
 *  torch.cmul([res,] x, y); torch.div([res,] x, y); torch.cdiv([res,] x, y); torch.pow([res,] x, y)
 *  torch.cpow([res,] x, y)
 *  x:add([a,] [factor,] y); x:csub([a,] [factor,] y); x:mul([a,] y); x:cmul([a,] y); x:div([a,] y)
 *  x:cdiv([a,] y); x:pow([a,] y); x:cpow([a,] y)
 *
 *  Elementwise arithmetic: x + factor y, x - factor y, x y, x / y, x to the power y.  The names
 *  with c are Torch7's for tensors, the others its for numbers; both take either.  Differentiable.
 *
 *  Shapes broadcast as in NumPy; types are promoted, and a number takes the tensor's type unless it
 *  is a fraction and the tensor of integers, which gives the default float type.  div of integers
 *  cuts off, as C does; x / y of the operators is exact.  The functions give a new tensor and
 *  accept a number in x's place; the methods change x, and x:add(a, y) puts a + y into x, whatever
 *  x was. x + y, x - y, x / y and x ^ y are torch.add, csub, div and pow, but x * y is the matrix
 *  product.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor, or in the functions a number
 *  a: tensor that takes x's place as the first operand
 *  factor: number that y is multiplied by, 1 by default
 *  y: tensor or number
 *  Returns: a new tensor, or res, or x
 *  Errors: the shapes do not broadcast; res or x is of integers and the result is not; an integer
 *    is divided by zero; a BoolTensor, except in add and mul
 *  From: Torch7
 *  Example:
 *    x = torch.Tensor { 1, 2 }
 *    torch.add(x, 2, x):sum() --> 9.0
 *    x:mul(10):sum() --> 30.0
 *    torch.div(1, torch.Tensor { 4 }):item() --> 0.25
 */

/** torch.cmax([res,] x, y); torch.cmin([res,] x, y); torch.atan2([res,] x, y)
 *  x:cmax([a,] y); x:cmin([a,] y); x:atan2([a,] y)
 *
 *  The larger, or the smaller, of each pair of elements; atan2 is the angle whose tangent is x / y,
 *  from -pi to pi by the signs of both.  Differentiable.  Arguments as for torch.add, without a
 *  factor.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor, or in the functions a number
 *  a: tensor that takes x's place as the first operand
 *  y: tensor or number; shapes broadcast
 *  Returns: a new tensor, or res, or x, which the methods change
 *  From: Torch7
 *  Example:
 *    torch.cmax(torch.Tensor { 1, 5 }, 3):sum() --> 8.0
 *    torch.atan2(torch.zeros(1), 1):item() --> 0.0
 */

/** torch.bitand([res,] x, y); torch.cbitand([res,] x, y); torch.bitor([res,] x, y)
 *  torch.cbitor([res,] x, y); torch.bitxor([res,] x, y); torch.cbitxor([res,] x, y)
 *  torch.lshift([res,] x, y); torch.clshift([res,] x, y); torch.rshift([res,] x, y)
 *  torch.crshift([res,] x, y)
 *  x:bitand([a,] y); x:cbitand([a,] y); x:bitor([a,] y); x:cbitor([a,] y); x:bitxor([a,] y)
 *  x:cbitxor([a,] y); x:lshift([a,] y); x:clshift([a,] y); x:rshift([a,] y); x:crshift([a,] y)
 *
 *  The bits of integers: and, or, exclusive or, x shifted by y to the left or right.  The names
 *  with c are the same.  Arguments as for torch.add, without a factor.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor of an integer type or BoolTensor, or in the functions a number
 *  a: tensor that takes x's place as the first operand
 *  y: tensor or number; shapes broadcast
 *  Returns: a new tensor, or res, or x, which the methods change
 *  Errors: a float tensor
 *  From: Torch7
 *  Example:
 *    x = torch.LongTensor { 6 }
 *    torch.bitand(x, 3)[1], torch.bitxor(x, 3)[1], torch.lshift(x, 1)[1] --> 2 5 12
 */
static int f_binary(lua_State *L) {
  operands o = parse(L, false);
  return cr_push_result(L, apply(L, (cr_binary_op)bound_code(L), &o, o.out), o.out_arg);
}

/** torch.fmod([res,] x, y); torch.cfmod([res,] x, y); torch.mod([res,] x, y)
 *  torch.cmod([res,] x, y); torch.remainder([res,] x, y); torch.cremainder([res,] x, y)
 *  torch.floordiv([res,] x, y)
 *  x:fmod([a,] y); x:cfmod([a,] y); x:mod([a,] y); x:cmod([a,] y); x:remainder([a,] y)
 *  x:cremainder([a,] y); x:floordiv([a,] y)
 *
 *  Division with a rest: fmod (mod, and with c, the same) has the sign of x, as in C; remainder the
 *  sign of y, as Lua's x % y; floordiv is floor(x / y), as Lua's x // y.  Differentiable; the
 *  derivative of floordiv is zero.  Arguments as for torch.add, without a factor.
 *
 *  res: tensor for the result, of its type; resized
 *  x: tensor, or in the functions a number
 *  a: tensor that takes x's place as the first operand
 *  y: tensor or number
 *  Returns: a new tensor, or res, or x, which the methods change
 *  Errors: an integer is divided by zero; a BoolTensor
 *  From: Torch7; floordiv as in Lua
 *  Example:
 *    x = torch.LongTensor { 7, -7 }
 *    table.concat(torch.fmod(x, 3):totable(), " ") --> 1 -1
 *    table.concat(torch.remainder(x, 3):totable(), " ") --> 1 2
 *    table.concat(torch.floordiv(x, 3):totable(), " ") --> 2 -3
 */
static int m_binary(lua_State *L) {
  operands o = parse(L, true);
  return cr_push_result(L, apply(L, (cr_binary_op)bound_code(L), &o, o.out), o.out_arg);
}

/** torch.eq([res,] x, y); torch.ne([res,] x, y); torch.lt([res,] x, y); torch.le([res,] x, y)
 *  torch.gt([res,] x, y); torch.ge([res,] x, y); torch.logicalAnd([res,] x, y)
 *  torch.logicalOr([res,] x, y); torch.logicalXor([res,] x, y)
 *  x:eq(y); x:ne(y); x:lt(y); x:le(y); x:gt(y); x:ge(y); x:logicalAnd(y); x:logicalOr(y)
 *  x:logicalXor(y)
 *
 *  A mask of each pair of elements: equal, not equal, less, less or equal, greater, greater or
 *  equal; both, one at least, exactly one of them not zero.  The methods leave x as it is.
 *
 *  res: BoolTensor or ByteTensor for the result; resized
 *  x: tensor of any type, or in the functions a number
 *  y: tensor or number; shapes broadcast
 *  Returns: a BoolTensor (run as th, a ByteTensor), or res
 *  Errors: the shapes do not broadcast
 *  From: Torch7; the logical ones as in NumPy
 *  Example:
 *    x = torch.Tensor { 1, 5, 3 }
 *    x:gt(2):sum() --> 2
 *    x[x:gt(2)]:sum() --> 8.0
 */
static int f_compare(lua_State *L) {
  operands o = parse(L, false);
  cr_tensor *y = apply(L, (cr_binary_op)bound_code(L), &o, o.out);
  if (y && !o.out && cr_torch7_mode(L)) {
    cr_tensor *bytes = cr_cast(y, CR_UINT8);
    cr_release(y);
    y = bytes;
  }
  return cr_push_result(L, y, o.out_arg);
}

/* ---- fused ------------------------------------------------------------------------------ */

/** torch.addcmul([res,] x, [value,] a, b); torch.addcdiv([res,] x, [value,] a, b)
 *  x:addcmul([y,] [value,] a, b); x:addcdiv([y,] [value,] a, b)
 *
 *  x + value a b, or x + value a / b, elementwise in one go.  The methods change x; with y they put
 *  y + value a b into x.  Differentiable.
 *
 *  res: tensor for the result, of its type; resized
 *  x, y, a, b: tensors whose shapes broadcast
 *  value: number, 1 by default
 *  Returns: a new tensor, or res, or x
 *  Errors: fewer than three tensors; a value that is no whole number for integers; a BoolTensor
 *  From: Torch7
 *  Example:
 *    x, a = torch.ones(2), torch.Tensor { 3, 4 }
 *    torch.addcmul(x, 2, a, a):sum() --> 52.0
 */
static int addc(lua_State *L, bool method,
                cr_tensor *(*f)(cr_tensor *, cr_scalar, cr_tensor *, cr_tensor *, cr_tensor *)) {
  cr_make_room(L);
  cr_tensor *t[4];
  cr_scalar value = cr_int(1);
  int n = 0;
  for (int i = 1; i <= lua_gettop(L); i++) {
    if (cr_is_number(L, i))
      value = cr_check_scalar(L, i);
    else if (n < 4)
      t[n++] = cr_check_tensor(L, i);
    else
      return luaL_argerror(L, i, "too many tensors");
  }
  if (n < 3) return cr_raise(L, "three tensors are wanted, got %d", n);
  bool into = n == 4 || method;
  cr_tensor **in = n == 4 ? t + 1 : t;
  for (int i = 1; i <= 2; i++) in[i] = match_shape(L, in[0], in[i]);
  return cr_push_result(L, f(in[0], value, in[1], in[2], into ? t[0] : NULL), into ? 1 : 0);
}

static int f_addcmul(lua_State *L) {
  return addc(L, false, cr_addcmul);
}
static int m_addcmul(lua_State *L) {
  return addc(L, true, cr_addcmul);
}
static int f_addcdiv(lua_State *L) {
  return addc(L, false, cr_addcdiv);
}
static int m_addcdiv(lua_State *L) {
  return addc(L, true, cr_addcdiv);
}

/** torch.clamp([res,] x, lo, hi)
 *  x:clamp([y,] lo, hi)
 *
 *  Each element, but lo where it is less and hi where it is greater.  The method changes x; with y
 *  it puts the clamped y into x.  Differentiable; the derivative is 0 where the element was
 *  changed.
 *
 *  res: tensor for the result, of x's type; resized
 *  x, y: tensor
 *  lo, hi: numbers, or nil for no bound; torch.clip takes tensors
 *  Returns: a new tensor, or res, or x
 *  From: Torch7
 *  Example:
 *    torch.clamp(torch.range(1, 5), 2, 4):sum() --> 15.0
 */
static int two_numbers(lua_State *L, bool method,
                       cr_tensor *(*f)(cr_tensor *, cr_scalar, cr_scalar, cr_tensor *)) {
  cr_make_room(L);
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int at = y ? 3 : 2;
  bool into = y || method;
  cr_scalar s = cr_check_scalar(L, at), t = cr_check_scalar(L, at + 1);
  return cr_push_result(L, f(y ? y : x, s, t, into ? x : NULL), into ? 1 : 0);
}

/* A bound that is nil binds nothing. */
static int clamp(lua_State *L, bool method) {
  int at = cr_to_tensor(L, 2) ? 3 : 2;
  lua_settop(L, at + 1);
  for (int i = 0; i < 2; i++) {
    if (!lua_isnil(L, at + i)) continue;
    lua_pushnumber(L, i ? INFINITY : -INFINITY);
    lua_replace(L, at + i);
  }
  return two_numbers(L, method, cr_clamp);
}

static int f_clamp(lua_State *L) {
  return clamp(L, false);
}
static int m_clamp(lua_State *L) {
  return clamp(L, true);
}
/** torch.threshold([res,] x, threshold, value)
 *
 *  Each element that is above the threshold, and the value in the place of the others.
 *  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor
 *  threshold, value: numbers
 *  Returns: a new tensor, or res
 *  From: Torch7's nn.Threshold
 *  Example:
 *    torch.threshold(torch.Tensor { -1, 2, 3 }, 0, 0):sum() --> 5.0
 */
static int f_threshold(lua_State *L) {
  return two_numbers(L, false, cr_threshold);
}

/** torch.lerp([res,] a, b, weight)
 *  x:lerp([a,] b, weight)
 *
 *  From a to b: a + weight (b - a) for each element.  x:lerp(b, weight) moves x towards b; with a,
 *  it puts the result into x.  Differentiable.  Of two numbers the function gives one.
 *
 *  res: tensor for the result, of its type; only with a weight that is a number
 *  a, b: tensors whose shapes broadcast
 *  weight: 0 for a and 1 for b: a number, or a tensor that broadcasts
 *  Returns: a new tensor, or res, or x
 *  From: Torch7, PyTorch
 *  Example:
 *    torch.lerp(torch.Tensor { 0, 0 }, torch.Tensor { 4, 4 }, torch.Tensor { 0.5, 1 })[1] --> 2.0
 */
static int lerp(lua_State *L, bool method) {
  cr_make_room(L);
  cr_tensor *t[3];
  int n = 0;
  if (cr_is_number(L, 1) && cr_is_number(L, 2)) {
    double a = lua_tonumber(L, 1), b = lua_tonumber(L, 2);
    lua_pushnumber(L, a + luaL_checknumber(L, 3) * (b - a));
    return 1;
  }
  while (n < 3 && cr_to_tensor(L, n + 1)) {
    t[n] = cr_to_tensor(L, n + 1);
    n++;
  }
  if (n < 2) return luaL_typeerror(L, n + 1, "tensor");
  if (n == 3 && lua_isnoneornil(L, 4)) {
    return cr_push_result(L, cr_lerp_by(t[0], t[1], t[2], method ? t[0] : NULL), method ? 1 : 0);
  }
  bool into = n == 3 || method;
  cr_tensor **in = n == 3 ? t + 1 : t;
  return cr_push_result(L, cr_lerp(in[0], in[1], cr_check_scalar(L, n + 1), into ? t[0] : NULL),
                        into ? 1 : 0);
}

static int f_lerp(lua_State *L) {
  return lerp(L, false);
}
static int m_lerp(lua_State *L) {
  return lerp(L, true);
}

/** torch.where(mask, a, b)
 *
 *  a where the mask is not zero, b elsewhere.  Differentiable in a and b.
 *
 *  mask: tensor, a BoolTensor or ByteTensor
 *  a, b: tensors or numbers; all three shapes broadcast
 *  Returns: a new tensor
 *  From: NumPy
 *  Example:
 *    x = torch.Tensor { -1, 2 }
 *    torch.where(x:gt(0), x, 0):sum() --> 2.0
 */
static int f_where(lua_State *L) {
  cr_make_room(L);
  cr_tensor *mask = cr_check_tensor(L, 1);
  for (int i = 2; i <= 3; i++) {
    if (cr_to_tensor(L, i)) continue;
    cr_tensor *other = cr_to_tensor(L, 5 - i);
    cr_dtype dtype = other ? (cr_dtype)other->dtype : (cr_dtype)cr_ctx()->dtype;
    cr_push_tensor(L, cr_scalar_tensor(dtype, cr_device_of(mask), cr_check_scalar(L, i)));
    lua_replace(L, i);
  }
  cr_push_tensor(L, cr_where(mask, cr_check_tensor(L, 2), cr_check_tensor(L, 3), NULL));
  return 1;
}

/* ---- operators -------------------------------------------------------------------------- */

static int arithmetic(lua_State *L, cr_binary_op op) {
  cr_make_room(L);
  cr_tensor *a = cr_to_tensor(L, 1), *b = cr_to_tensor(L, 2);
  cr_tensor *y;
  if (a && b)
    y = cr_binary(op, a, match_shape(L, a, b), NULL);
  else if (a)
    y = cr_binary_scalar(op, a, cr_check_scalar(L, 2), NULL);
  else
    y = cr_scalar_binary(op, cr_check_scalar(L, 1), cr_check_tensor(L, 2), NULL);
  cr_push_tensor(L, y);
  return 1;
}

static int o_add(lua_State *L) {
  return arithmetic(L, CR_ADD);
}
static int o_sub(lua_State *L) {
  return arithmetic(L, CR_SUB);
}
static int o_mod(lua_State *L) {
  return arithmetic(L, CR_REMAINDER);
}
static int o_pow(lua_State *L) {
  return arithmetic(L, CR_POW);
}
static int o_idiv(lua_State *L) {
  return arithmetic(L, CR_FLOORDIV);
}

/* The matrix product between tensors; with a number, or a tensor of no dimensions, scaling. */
static int o_mul(lua_State *L) {
  cr_tensor *a = cr_to_tensor(L, 1), *b = cr_to_tensor(L, 2);
  if (!a || !b || a->ndim == 0 || b->ndim == 0) return arithmetic(L, CR_MUL);
  cr_tensor *y = cr_matmul(a, b, NULL);
  if (y && y->ndim == 0) return cr_push_number(L, y);
  cr_push_tensor(L, y);
  return 1;
}

/* `/` of integers is the exact quotient, as Lua's own is; Torch7 divided as C does. */
static int o_div(lua_State *L) {
  for (int i = 1; i <= 2 && !cr_torch7_mode(L); i++) {
    cr_tensor *t = cr_to_tensor(L, i);
    if (!t || cr_is_float((cr_dtype)t->dtype)) continue;
    cr_push_tensor(L, cr_cast(t, (cr_dtype)cr_ctx()->dtype));
    lua_replace(L, i);
  }
  return arithmetic(L, CR_DIV);
}

static int o_unm(lua_State *L) {
  cr_make_room(L);
  cr_push_tensor(L, cr_unary(CR_NEG, cr_check_tensor(L, 1), NULL));
  return 1;
}

static int o_lt(lua_State *L) {
  lua_pushboolean(L, cr_scalar_double(cr_check_scalar(L, 1)) <
                         cr_scalar_double(cr_check_scalar(L, 2)));
  return 1;
}

static int o_le(lua_State *L) {
  lua_pushboolean(L, cr_scalar_double(cr_check_scalar(L, 1)) <=
                         cr_scalar_double(cr_check_scalar(L, 2)));
  return 1;
}

/* "loss: " .. x for a tensor of one element */
static int o_concat(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  luaL_tolstring(L, 2, NULL);
  lua_concat(L, 2);
  return 1;
}

/* ---- the lists -------------------------------------------------------------------------- */

/* Names of Torch7 for operators that have several arguments forms there. */
static const struct {
  const char *name;
  cr_binary_op op;
} binaries[] = {
    {"add", CR_ADD},
    {"csub", CR_SUB},
    {"mul", CR_MUL},
    {"cmul", CR_MUL},
    {"div", CR_DIV},
    {"cdiv", CR_DIV},
    {"pow", CR_POW},
    {"cpow", CR_POW},
    {"fmod", CR_FMOD},
    {"cfmod", CR_FMOD},
    {"mod", CR_FMOD},
    {"cmod", CR_FMOD},
    {"remainder", CR_REMAINDER},
    {"cremainder", CR_REMAINDER},
    {"floordiv", CR_FLOORDIV},
    {"cmax", CR_MAX},
    {"cmin", CR_MIN},
    {"atan2", CR_ATAN2},
    {"bitand", CR_BITAND},
    {"cbitand", CR_BITAND},
    {"bitor", CR_BITOR},
    {"cbitor", CR_BITOR},
    {"bitxor", CR_BITXOR},
    {"cbitxor", CR_BITXOR},
    {"lshift", CR_LSHIFT},
    {"clshift", CR_LSHIFT},
    {"rshift", CR_RSHIFT},
    {"crshift", CR_RSHIFT},
};

static const cr_binding bindings[] = {
    {"addcmul", f_addcmul, m_addcmul},
    {"addcdiv", f_addcdiv, m_addcdiv},
    {"clamp", f_clamp, m_clamp},
    {"threshold", f_threshold, NULL},
    {"lerp", f_lerp, m_lerp},
    {"where", f_where, NULL},
    {"__add", NULL, o_add},
    {"__sub", NULL, o_sub},
    {"__mul", NULL, o_mul},
    {"__div", NULL, o_div},
    {"__idiv", NULL, o_idiv},
    {"__mod", NULL, o_mod},
    {"__pow", NULL, o_pow},
    {"__unm", NULL, o_unm},
    {"__lt", NULL, o_lt},
    {"__le", NULL, o_le},
    {"__concat", NULL, o_concat},
    {NULL, NULL, NULL},
};

static bool gives_bool(int op) {
  return op == CR_LOGICAL_NOT || op == CR_ISNAN || op == CR_ISINF || op == CR_ISFINITE;
}

void cr_bind_math(lua_State *L) {
  for (int op = 0; op < CR_NUNARY; op++)
    cr_bind_code(L, cr_unary_name((cr_unary_op)op), f_unary, gives_bool(op) ? m_unary_new : m_unary,
                 op);
  for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
    cr_bind_code(L, binaries[i].name, f_binary, m_binary, (int)binaries[i].op);
  for (int op = CR_EQ; op < CR_NBINARY; op++)
    cr_bind_code(L, cr_binary_name((cr_binary_op)op), f_compare, f_compare, op);
  cr_bind(L, bindings);
}
