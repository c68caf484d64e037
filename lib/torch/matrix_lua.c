/* matrix_lua.c: products of vectors and matrices in Lua. */
#include "lib/torch/binding.h"

/* torch.f([res,] a, b); as a method res:f(a, b), and x:f(y) where only y is given */
static int product(lua_State *L, cr_tensor *(*f)(cr_tensor *, cr_tensor *, cr_tensor *)) {
  cr_tensor *a = cr_check_tensor(L, 1), *b = cr_check_tensor(L, 2), *c = cr_to_tensor(L, 3);
  return cr_push_result(L, c ? f(b, c, a) : f(a, b, NULL), c ? 1 : 0);
}

static int f_mm(lua_State *L) {
  return product(L, cr_mm);
}
static int f_bmm(lua_State *L) {
  return product(L, cr_bmm);
}
static int f_mv(lua_State *L) {
  return product(L, cr_mv);
}
static int f_ger(lua_State *L) {
  return product(L, cr_ger);
}
static int f_matmul(lua_State *L) {
  return product(L, cr_matmul);
}

static int f_dot(lua_State *L) {
  return cr_push_number(L, cr_dot(cr_check_tensor(L, 1), cr_check_tensor(L, 2)));
}

/* Torch7's addmm family: ([res,] [beta,] c, [alpha,] a, b); x:addmm([beta,] [c,] [alpha,] a, b) */
static int addmm(lua_State *L, bool method) {
  cr_tensor *t[4];
  double number[2] = {1, 1};
  int n = 0, numbers = 0, before[2] = {0, 0}, top = lua_gettop(L);
  for (int i = 1; i <= top; i++) {
    if (cr_is_number(L, i)) {
      if (numbers == 2) return luaL_argerror(L, i, "at most two numbers are wanted");
      before[numbers] = n;
      number[numbers++] = lua_tonumber(L, i);
    } else {
      if (n == 4) return luaL_argerror(L, i, "too many tensors");
      t[n++] = cr_check_tensor(L, i);
    }
  }
  if (n < 3) return luaL_error(L, "three tensors are wanted, got %d", n);
  /* One number is alpha when it stands just before the factors, else beta. */
  double beta = number[0], alpha = number[1];
  if (numbers == 1 && before[0] == n - 2 && !(method && n == 3)) beta = 1, alpha = number[0];
  cr_tensor *out = n == 4 || method ? t[0] : NULL;
  cr_tensor **in = t + n - 3;
  return cr_push_result(L, cr_addmm(beta, in[0], alpha, in[1], in[2], out), out ? 1 : 0);
}

static int f_addmm(lua_State *L) {
  return addmm(L, false);
}
static int m_addmm(lua_State *L) {
  return addmm(L, true);
}

/* torch.diag([res,] x [, k]): the diagonal of a matrix, or the matrix of a diagonal */
static int f_diag(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1);
  int64_t k = lua_isnoneornil(L, 2) ? 0 : cr_check_int(L, 2);
  if (x->ndim == 2) {
    cr_tensor *d = cr_diagonal(x, k), *c = cr_clone(d);
    cr_release(d);
    cr_push_tensor(L, c);
    return 1;
  }
  if (x->ndim != 1) return luaL_argerror(L, 1, "a vector or a matrix is wanted");
  int64_t n = x->shape[0] + (k < 0 ? -k : k);
  cr_push_tensor(L, cr_full((cr_dtype)x->dtype, cr_device_of(x), 2, (int64_t[]){n, n}, cr_int(0)));
  cr_tensor *d = cr_diagonal(cr_to_tensor(L, -1), k);
  cr_tensor *r = cr_copy(d, x);
  cr_release(d);
  if (!r) return cr_lua_error(L);
  cr_release(r);
  return 1;
}

static const cr_binding bindings[] = {
    {"mm", f_mm, f_mm},
    {"bmm", f_bmm, f_bmm},
    {"mv", f_mv, f_mv},
    {"ger", f_ger, f_ger},
    {"matmul", f_matmul, f_matmul},
    {"dot", f_dot, f_dot},
    {"addmm", f_addmm, m_addmm},
    {"addmv", f_addmm, m_addmm},
    {"addr", f_addmm, m_addmm},
    {"baddbmm", f_addmm, m_addmm},
    {"diag", f_diag, f_diag},
    {NULL, NULL, NULL},
};

void cr_bind_matrix(lua_State *L) {
  cr_bind(L, bindings);
}
