/* math_lua.c: elementwise functions and the arithmetic of tensors in Lua. */
#include "lib/torch/binding.h"

#include <string.h>

#include "tensor/autograd.h"

static int bound_code(lua_State *L) {
  return (int)lua_tointeger(L, lua_upvalueindex(1));
}

/* ---- one element ------------------------------------------------------------------------ */

/* torch.exp([res,] x) */
static int f_unary(lua_State *L) {
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_to_tensor(L, 2);
  return cr_push_result(L, cr_unary((cr_unary_op)bound_code(L), b ? b : a, b ? a : NULL),
                        b ? 1 : 0);
}

/* x:exp() in place, x:exp(y): x becomes exp(y) */
static int m_unary(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  return cr_push_result(L, cr_unary((cr_unary_op)bound_code(L), y ? y : x, x), 1);
}

/* A new tensor from the method too: the result has another type (isnan) */
static int m_unary_new(lua_State *L) {
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
 * method, with x before: (n) (b) (n, b) (a, n) (a, b) (a, n, b) */
static operands parse(lua_State *L, bool method) {
  operands o = {0};
  int at = 1, n = lua_gettop(L);
  bool first_is_tensor = cr_to_tensor(L, 1) != NULL, second = cr_to_tensor(L, 2) != NULL;
  if (method) {
    o.out = cr_check_tensor(L, 1);
    o.out_arg = 1;
    bool own_source = second && n >= 3;
    at = own_source ? 2 : 1;
  } else if (first_is_tensor && second && n >= 3) {
    o.out = cr_to_tensor(L, 1);
    o.out_arg = 1;
    at = 2;
  }
  o.a = cr_to_tensor(L, at);
  if (!o.a) { /* number first */
    o.number = cr_check_scalar(L, at);
    o.number_first = true;
    o.a = cr_check_tensor(L, at + 1);
    return o;
  }
  o.b = cr_to_tensor(L, at + 1);
  if (!o.b) o.number = cr_check_scalar(L, at + 1);
  if (!o.b && cr_to_tensor(L, at + 2)) {
    o.weighted = true;
    o.weight = o.number;
    o.b = cr_to_tensor(L, at + 2);
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

static int f_binary(lua_State *L) {
  operands o = parse(L, false);
  return cr_push_result(L, apply(L, (cr_binary_op)bound_code(L), &o, o.out), o.out_arg);
}

static int m_binary(lua_State *L) {
  operands o = parse(L, true);
  return cr_push_result(L, apply(L, (cr_binary_op)bound_code(L), &o, o.out), o.out_arg);
}

/* Comparisons give new masks, from methods too; ByteTensors in Torch7. */
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

/* torch.addcmul([res,] x [, value], a, b); x:addcmul([value,] a, b) */
static int addc(lua_State *L, bool method,
                cr_tensor *(*f)(cr_tensor *, cr_scalar, cr_tensor *, cr_tensor *, cr_tensor *)) {
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
  if (n < 3) return luaL_error(L, "three tensors are wanted, got %d", n);
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

/* ([res,] x, number, number) */
static int two_numbers(lua_State *L, bool method,
                       cr_tensor *(*f)(cr_tensor *, cr_scalar, cr_scalar, cr_tensor *)) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int at = y ? 3 : 2;
  bool into = y || method;
  cr_scalar s = cr_check_scalar(L, at), t = cr_check_scalar(L, at + 1);
  return cr_push_result(L, f(y ? y : x, s, t, into ? x : NULL), into ? 1 : 0);
}

static int f_clamp(lua_State *L) {
  return two_numbers(L, false, cr_clamp);
}
static int m_clamp(lua_State *L) {
  return two_numbers(L, true, cr_clamp);
}
static int f_threshold(lua_State *L) {
  return two_numbers(L, false, cr_threshold);
}

/* torch.lerp([res,] a, b, weight); x:lerp(b, weight) */
static int lerp(lua_State *L, bool method) {
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

/* torch.where(mask, a, b): a and b tensors or numbers */
static int f_where(lua_State *L) {
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
