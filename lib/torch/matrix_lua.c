/* matrix_lua.c: products of vectors and matrices in Lua. */
#include "lib/torch/binding.h"

/** torch.mm([res,] a, b); torch.bmm([res,] a, b); torch.mv([res,] a, b); torch.ger([res,] a, b)
 *  torch.matmul([res,] a, b)
 *  x:mm([a,] b); x:bmm([a,] b); x:mv([a,] b); x:ger([a,] b); x:matmul([a,] b)
 *
 *  Products: mm of two matrices, bmm of two batches of them, mv of a matrix and a vector, ger the
 *  outer product of two vectors; matmul of whatever the dimensions say, where those before the last
 *  two are batches that broadcast.  a * b is matmul.  Differentiable.
 *
 *  x:mm(b) is a new tensor, x times b; x:mm(a, b) writes a times b into x.
 *
 *  res: tensor for the result, of its type; resized
 *  a: tensor: n x m; for bmm batch x n x m, for ger n
 *  b: tensor: m x p; for bmm batch x m x p, for mv m, for ger p
 *  Returns: a new tensor, res or x: n x p; for bmm batch x n x p, for mv n
 *  Errors: the inner sizes or the batches differ; the numbers of dimensions do not fit
 *  From: Torch7; matmul as in PyTorch
 *  Example:
 *    a = torch.range(1, 6):view(2, 3)
 *    table.concat(torch.mm(a, a:t()).shape, "x") --> 2x2
 *    torch.mv(a, torch.ones(3)):sum() --> 21.0
 */
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

/** torch.dot(a, b); x:dot(b)
 *
 *  The sum of the products of the elements.  Differentiable.
 *
 *  a, b: tensors of as many elements
 *  Returns: a number, or a tensor of no dimensions when one is on the tape
 *  Errors: the numbers of elements differ
 *  From: Torch7
 *  Example:
 *    torch.dot(torch.range(1, 3), torch.ones(3)) --> 6.0
 */
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
  if (n < 3) return cr_raise(L, "three tensors are wanted, got %d", n);
  /* One number is alpha when it stands just before the factors, else beta. */
  double beta = number[0], alpha = number[1];
  if (numbers == 1 && before[0] == n - 2 && !(method && n == 3)) beta = 1, alpha = number[0];
  cr_tensor *out = n == 4 || method ? t[0] : NULL;
  cr_tensor **in = t + n - 3;
  return cr_push_result(L, cr_addmm(beta, in[0], alpha, in[1], in[2], out), out ? 1 : 0);
}

/** torch.addmm([res,] [beta,] c, [alpha,] a, b); torch.addmv([res,] [beta,] c, [alpha,] a, b)
 *  torch.addr([res,] [beta,] c, [alpha,] a, b); torch.baddbmm([res,] [beta,] c, [alpha,] a, b)
 *  torch.addbmm([res,] [beta,] c, [alpha,] a, b)
 *  x:addmm([beta,] [c,] [alpha,] a, b); x:addmv([beta,] [c,] [alpha,] a, b)
 *  x:addr([beta,] [c,] [alpha,] a, b); x:baddbmm([beta,] [c,] [alpha,] a, b)
 *  x:addbmm([beta,] [c,] [alpha,] a, b)
 *
 *  beta c + alpha a b, where a b is the product of two matrices, of a matrix and a vector, the
 *  outer product of two vectors, a batch of products, or the sum of such a batch.  The methods put
 *  it into x, which is c when none is given.  One number is alpha where it stands between c and a,
 *  otherwise beta.  Differentiable.
 *
 *  res: tensor for the result, of its type; resized
 *  beta, alpha: numbers, 1 by default
 *  c: tensor of the product's shape, or one that broadcasts to it
 *  a, b: tensors as for torch.mm, mv, ger or bmm
 *  Returns: a new tensor, res or x
 *  Errors: the inner sizes or the batches differ; the numbers of dimensions do not fit
 *  From: Torch7
 *  Example:
 *    c = torch.ones(2, 2)
 *    torch.addmm(0.5, c, 2, torch.eye(2), torch.eye(2))[1][1] --> 2.5
 *    c:addr(torch.ones(2), torch.ones(2)):sum() --> 8.0
 */
static int f_addmm(lua_State *L) {
  return addmm(L, false);
}
static int m_addmm(lua_State *L) {
  return addmm(L, true);
}

/* The sum of a batch of products is one product: (b, n, m) becomes (n, b m), and (b, m, p) becomes
 * (b m, p). */
static cr_tensor *side_by_side(cr_tensor *t) {
  cr_tensor *p = cr_permute(t, 3, (int[]){1, 0, 2});
  cr_tensor *y = cr_reshape(p, 2, (int64_t[]){t->shape[1], t->shape[0] * t->shape[2]});
  cr_release(p);
  return y;
}

/* torch.addbmm: the forms of addmm; adds up the products of a batch. */
static int addbmm(lua_State *L, bool method) {
  int last = lua_gettop(L);
  cr_tensor *a = cr_check_tensor(L, last > 1 ? last - 1 : 1), *b = cr_check_tensor(L, last);
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  if (a->ndim != 3 || b->ndim != 3 || a->shape[0] != b->shape[0] || a->shape[2] != b->shape[1])
    return cr_raise(L, "addbmm: batches of shapes %s and %s do not match",
                    cr_shape_str(s, a->ndim, a->shape), cr_shape_str(t, b->ndim, b->shape));
  cr_push_tensor(L, side_by_side(a));
  lua_replace(L, last - 1);
  cr_push_tensor(L, cr_reshape(b, 2, (int64_t[]){b->shape[0] * b->shape[1], b->shape[2]}));
  lua_replace(L, last);
  return addmm(L, method);
}

static int f_addbmm(lua_State *L) {
  return addbmm(L, false);
}
static int m_addbmm(lua_State *L) {
  return addbmm(L, true);
}

/** torch.tril([res,] x [, k]); x:tril([k]); torch.triu([res,] x [, k]); x:triu([k])
 *
 *  The lower, or upper, triangle of a matrix, with zeros elsewhere.  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: tensor of at least two dimensions; those before the last two are a batch
 *  k: the diagonal that still belongs to it: 0 the main one, 1 that above it, -1 that below
 *  Returns: a new tensor, or res
 *  From: Torch7
 *  Example:
 *    torch.tril(torch.ones(3, 3)):sum(), torch.triu(torch.ones(3, 3), 1):sum() --> 6.0 3.0
 */
static int triangle(lua_State *L, bool upper) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int64_t k = lua_isnoneornil(L, y ? 3 : 2) ? 0 : cr_check_int(L, y ? 3 : 2);
  return cr_push_result(L, cr_triangle(y ? y : x, upper, k, y ? x : NULL), y ? 1 : 0);
}

static int f_tril(lua_State *L) {
  return triangle(L, false);
}
static int f_triu(lua_State *L) {
  return triangle(L, true);
}

/** torch.trace(x); x:trace()
 *
 *  The sum of a matrix's diagonal.  Differentiable.
 *
 *  x: matrix
 *  Returns: a number, or a tensor of no dimensions when x is on the tape
 *  Errors: x is no matrix
 *  From: Torch7
 *  Example:
 *    torch.eye(3):trace() --> 3.0
 */
static int f_trace(lua_State *L) {
  cr_tensor *d = cr_diagonal(cr_check_tensor(L, 1), 0), *y = d ? cr_sum(d) : NULL;
  cr_release(d);
  return cr_push_number(L, y);
}

static cr_tensor *diag(cr_tensor *x, int64_t k) {
  char s[CR_SHAPE_STR];
  if (x->ndim == 2) {
    CR_AUTO d = cr_diagonal(x, k);
    return cr_clone(d);
  }
  if (x->ndim != 1)
    return cr_fail_null("diag: a vector or a matrix is wanted, got shape %s",
                        cr_shape_str(s, x->ndim, x->shape));
  if (k > INT32_MAX || k < -INT32_MAX) return cr_fail_null("diag: diagonal %lld", (long long)k);
  int64_t n = x->shape[0] + (k < 0 ? -k : k);
  CR_AUTO y = cr_full((cr_dtype)x->dtype, cr_device_of(x), 2, (int64_t[]){n, n}, cr_int(0));
  CR_AUTO d = cr_diagonal(y, k);
  CR_AUTO done = cr_copy(d, x);
  return done ? cr_retain(y) : NULL;
}

/** torch.diag([res,] x [, k]); x:diag([k])
 *
 *  The diagonal of a matrix, or the matrix of a diagonal.  A copy; torch.diagonal is a view.
 *  Differentiable.
 *
 *  res: tensor for the result, of x's type; resized
 *  x: matrix or vector
 *  k: which diagonal: 0 the main one, 1 that above it, -1 that below
 *  Returns: a new vector or matrix, or res
 *  Errors: x has other dimensions
 *  From: Torch7
 *  Example:
 *    torch.diag(torch.Tensor { 1, 2 })[2][2] --> 2.0
 *    torch.diag(torch.ones(3, 3), 1):size(1) --> 2
 */
static int f_diag(lua_State *L) {
  cr_tensor *x = cr_check_tensor(L, 1), *y = cr_to_tensor(L, 2);
  int64_t k = lua_isnoneornil(L, y ? 3 : 2) ? 0 : cr_check_int(L, y ? 3 : 2);
  return cr_push_result(L, cr_into("diag", y ? x : NULL, diag(y ? y : x, k)), y ? 1 : 0);
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
    {"addbmm", f_addbmm, m_addbmm},
    {"diag", f_diag, f_diag},
    {"tril", f_tril, f_tril},
    {"triu", f_triu, f_triu},
    {"trace", f_trace, f_trace},
    {NULL, NULL, NULL},
};

void cr_bind_matrix(lua_State *L) {
  cr_bind(L, bindings);
}
