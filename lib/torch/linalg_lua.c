/* linalg_lua.c: linear algebra in Lua, with Torch7's names and argument orders. */
#include "lib/torch/binding.h"

#include <string.h>

#include "tensor/autograd.h"
#include "tensor/linalg.h"

/* The tensors that a call begins with: those for results, if any, and the operands. */
typedef struct {
  cr_tensor *in[3];
  int nout;       /* how many results were given; their arguments are 1 .. nout */
  int next;       /* the argument after the tensors */
  const char *fn; /* for messages */
} operands;

static operands check_operands(lua_State *L, const char *fn, int nin, int most_out) {
  int n = 0;
  while (n < nin + most_out && cr_to_tensor(L, n + 1)) n++;
  for (int i = n; i < nin; i++) cr_check_tensor(L, i + 1);
  operands o = {.nout = n - nin, .next = n + 1, .fn = fn};
  for (int i = 0; i < nin; i++) o.in[i] = cr_to_tensor(L, o.nout + i + 1);
  return o;
}

/* One letter out of `letters`, the first of them by default. */
static char check_letter(lua_State *L, int arg, const char *letters) {
  const char *s = luaL_optstring(L, arg, NULL);
  if (!s) return letters[0];
  char c = s[0] >= 'a' && s[0] <= 'z' ? (char)(s[0] - 'a' + 'A') : s[0];
  if (c && !s[1] && strchr(letters, c)) return c;
  luaL_argerror(L, arg,
                lua_pushfstring(L, "one of the letters '%s' is wanted, got '%s'", letters, s));
  return 0;
}

/* Lays out a tensor for a result by columns, as the result is: Torch7 does, and it makes the copy a
 * straight one.  One with another layout of the right shape keeps it. */
static bool lay_out(cr_tensor *out, const cr_tensor *y) {
  if (y->ndim < 2 || cr_requires_grad(out) || (cr_same_shape(out, y) && !cr_is_contiguous(out)))
    return true;
  int64_t turned[CR_MAX_DIMS], stride[CR_MAX_DIMS];
  int n = y->ndim;
  memcpy(turned, y->shape, (size_t)n * sizeof *turned);
  turned[n - 2] = y->shape[n - 1], turned[n - 1] = y->shape[n - 2];
  cr_contiguous_strides(n, turned, stride);
  int64_t rows = stride[n - 1];
  stride[n - 1] = stride[n - 2], stride[n - 2] = rows;
  return cr_resize(out, n, y->shape, stride);
}

/* Gives back n results, the first of them in the tensors that were given.  Takes over y. */
static int give(lua_State *L, const operands *o, int n, cr_tensor **y) {
  int base = lua_gettop(L);
  cr_push_tensors(L, n, y);
  for (int i = 0; i < n && i < o->nout; i++) {
    cr_tensor *out = cr_to_tensor(L, i + 1);
    if (!lay_out(out, y[i])) return cr_lua_error(L);
    cr_push_result(L, cr_into(o->fn, out, cr_retain(y[i])), i + 1);
    lua_replace(L, base + 1 + i);
  }
  return n;
}

static int give_one(lua_State *L, const operands *o, cr_tensor *y) {
  return y ? give(L, o, 1, &y) : cr_lua_error(L);
}

/* A number for a single matrix, a tensor for a batch. */
static int give_number(lua_State *L, cr_tensor *y) {
  if (y && y->ndim == 0) return cr_push_number(L, y);
  cr_push_tensor(L, y);
  return 1;
}

/* ---- systems ---------------------------------------------------------------------------- */

/* torch.gesv([resb, resa,] B, A): X with A X = B, and the factors of A */
static int f_gesv(lua_State *L) {
  operands o = check_operands(L, "gesv", 2, 2);
  cr_tensor *y[2];
  y[0] = cr_solve("gesv", o.in[0], o.in[1], &y[1]);
  return y[0] ? give(L, &o, 2, y) : cr_lua_error(L);
}

/* torch.solve(A, B): X with A X = B */
static int f_solve(lua_State *L) {
  operands o = check_operands(L, "solve", 2, 0);
  return give_one(L, &o, cr_solve("solve", o.in[1], o.in[0], NULL));
}

/* torch.gels([resb, resa,] B, A): X with the smallest |A X - B|, and the factors of A */
static int f_gels(lua_State *L) {
  operands o = check_operands(L, "gels", 2, 2);
  cr_tensor *y[2];
  y[0] = cr_gels(o.in[0], o.in[1], &y[1]);
  return y[0] ? give(L, &o, 2, y) : cr_lua_error(L);
}

/* torch.lstsq(A, B [, rcond]): the smallest X with the smallest |A X - B|, for any rank */
static int f_lstsq(lua_State *L) {
  operands o = check_operands(L, "lstsq", 2, 0);
  return give_one(L, &o, cr_lstsq(o.in[0], o.in[1], luaL_optnumber(L, o.next, -1)));
}

/* torch.trtrs([resb, resa,] B, A [, 'U' or 'L' [, 'N' or 'T' [, 'N' or 'U']]]) */
static int f_trtrs(lua_State *L) {
  operands o = check_operands(L, "trtrs", 2, 2);
  cr_tri_system how = {.upper = check_letter(L, o.next, "UL") == 'U',
                       .transposed = check_letter(L, o.next + 1, "NT") == 'T',
                       .unit = check_letter(L, o.next + 2, "NU") == 'U'};
  cr_tensor *y[2] = {cr_trtrs(o.in[0], o.in[1], how), cr_clone(o.in[1])};
  if (y[0] && y[1]) return give(L, &o, 2, y);
  cr_release(y[0]);
  cr_release(y[1]);
  return cr_lua_error(L);
}

/* torch.inverse([res,] A) */
static int f_inverse(lua_State *L) {
  operands o = check_operands(L, "inverse", 1, 1);
  return give_one(L, &o, cr_inverse(o.in[0]));
}

/* torch.pinverse([res,] A [, rcond]): the pseudo-inverse */
static int f_pinverse(lua_State *L) {
  operands o = check_operands(L, "pinverse", 1, 1);
  return give_one(L, &o, cr_pinverse(o.in[0], luaL_optnumber(L, o.next, -1)));
}

/* ---- numbers ---------------------------------------------------------------------------- */

/* torch.det(A) */
static int f_det(lua_State *L) {
  return give_number(L, cr_det(cr_check_tensor(L, 1)));
}

/* torch.logdet(A): NaN when the determinant is negative */
static int f_logdet(lua_State *L) {
  return give_number(L, cr_logdet(cr_check_tensor(L, 1)));
}

/* torch.slogdet(A): the determinant's sign, and the logarithm of its absolute value */
static int f_slogdet(lua_State *L) {
  cr_tensor *y[2]; /* sign and logarithm */
  if (!cr_slogdet(cr_check_tensor(L, 1), &y[0], &y[1])) return cr_lua_error(L);
  cr_push_tensors(L, 2, y);
  give_number(L, cr_retain(y[0]));
  give_number(L, cr_retain(y[1]));
  return 2;
}

/* torch.matrixRank(A [, tolerance]): how many singular values are above the tolerance */
static int f_matrix_rank(lua_State *L) {
  return give_number(L, cr_matrix_rank(cr_check_tensor(L, 1), luaL_optnumber(L, 2, -1)));
}

/* ---- Cholesky --------------------------------------------------------------------------- */

/* torch.potrf([res,] A [, 'U' or 'L']): U with A = U^T U, or L with A = L L^T */
static int f_potrf(lua_State *L) {
  operands o = check_operands(L, "potrf", 1, 1);
  return give_one(L, &o, cr_cholesky("potrf", o.in[0], check_letter(L, o.next, "UL") == 'U'));
}

/* torch.cholesky([res,] A): L with A = L L^T */
static int f_cholesky(lua_State *L) {
  operands o = check_operands(L, "cholesky", 1, 1);
  return give_one(L, &o, cr_cholesky("cholesky", o.in[0], false));
}

/* torch.potrs([res,] B, factor [, 'U' or 'L']): X with A X = B, from A's Cholesky factor */
static int f_potrs(lua_State *L) {
  operands o = check_operands(L, "potrs", 2, 1);
  return give_one(L, &o, cr_potrs(o.in[0], o.in[1], check_letter(L, o.next, "UL") == 'U'));
}

/* torch.potri([res,] factor [, 'U' or 'L']): the inverse of A, from its Cholesky factor */
static int f_potri(lua_State *L) {
  operands o = check_operands(L, "potri", 1, 1);
  return give_one(L, &o, cr_potri(o.in[0], check_letter(L, o.next, "UL") == 'U'));
}

/* torch.pstrf([res, piv,] A [, 'U' or 'L' [, tolerance]]): the factor, and the rows' places */
static int f_pstrf(lua_State *L) {
  operands o = check_operands(L, "pstrf", 1, 2);
  bool upper = check_letter(L, o.next, "UL") == 'U';
  cr_tensor *y[2];
  if (!cr_pstrf(o.in[0], upper, luaL_optnumber(L, o.next + 1, -1), &y[0], &y[1]))
    return cr_lua_error(L);
  return give(L, &o, 2, y);
}

/* ---- decompositions --------------------------------------------------------------------- */

/* torch.symeig([rese, resv,] A [, 'N' or 'V' [, 'U' or 'L']]) */
static int f_symeig(lua_State *L) {
  operands o = check_operands(L, "symeig", 1, 2);
  bool vectors = check_letter(L, o.next, "NV") == 'V';
  bool upper = check_letter(L, o.next + 1, "UL") == 'U';
  cr_tensor *y[2];
  if (!cr_symeig(o.in[0], upper, &y[0], vectors ? &y[1] : NULL)) return cr_lua_error(L);
  return give(L, &o, vectors ? 2 : 1, y);
}

/* torch.eig([rese, resv,] A [, 'N' or 'V']): real and imaginary parts in two columns */
static int f_eig(lua_State *L) {
  operands o = check_operands(L, "eig", 1, 2);
  bool vectors = check_letter(L, o.next, "NV") == 'V';
  cr_tensor *y[2];
  if (!cr_eig(o.in[0], &y[0], vectors ? &y[1] : NULL)) return cr_lua_error(L);
  return give(L, &o, vectors ? 2 : 1, y);
}

/* torch.svd([resu, ress, resv,] A [, 'S' or 'A']): A = U diag(S) V^T */
static int f_svd(lua_State *L) {
  operands o = check_operands(L, "svd", 1, 3);
  bool full = check_letter(L, o.next, "SA") == 'A';
  cr_tensor *y[3];
  if (!cr_svd(o.in[0], full, &y[0], &y[1], &y[2])) return cr_lua_error(L);
  return give(L, &o, 3, y);
}

/* torch.qr([q, r,] A) */
static int f_qr(lua_State *L) {
  operands o = check_operands(L, "qr", 1, 2);
  cr_tensor *y[2];
  return cr_qr(o.in[0], &y[0], &y[1]) ? give(L, &o, 2, y) : cr_lua_error(L);
}

/* torch.geqrf([a, tau,] A): R and the reflectors of Q, as LAPACK packs them */
static int f_geqrf(lua_State *L) {
  operands o = check_operands(L, "geqrf", 1, 2);
  cr_tensor *y[2];
  return cr_geqrf(o.in[0], &y[0], &y[1]) ? give(L, &o, 2, y) : cr_lua_error(L);
}

/* torch.orgqr([q,] a, tau): Q from what geqrf gave */
static int f_orgqr(lua_State *L) {
  operands o = check_operands(L, "orgqr", 2, 1);
  return give_one(L, &o, cr_orgqr(o.in[0], o.in[1]));
}

/* torch.ormqr([res,] a, tau, C [, 'L' or 'R' [, 'N' or 'T']]): Q C or C Q, or with Q^T */
static int f_ormqr(lua_State *L) {
  operands o = check_operands(L, "ormqr", 3, 1);
  bool right = check_letter(L, o.next, "LR") == 'R';
  bool transposed = check_letter(L, o.next + 1, "NT") == 'T';
  return give_one(L, &o, cr_ormqr(o.in[0], o.in[1], o.in[2], right, transposed));
}

static const cr_binding bindings[] = {
    {"gesv", f_gesv, f_gesv},
    {"solve", f_solve, f_solve},
    {"gels", f_gels, f_gels},
    {"lstsq", f_lstsq, f_lstsq},
    {"trtrs", f_trtrs, f_trtrs},
    {"inverse", f_inverse, f_inverse},
    {"pinverse", f_pinverse, f_pinverse},
    {"det", f_det, f_det},
    {"logdet", f_logdet, f_logdet},
    {"slogdet", f_slogdet, f_slogdet},
    {"matrixRank", f_matrix_rank, f_matrix_rank},
    {"potrf", f_potrf, f_potrf},
    {"cholesky", f_cholesky, f_cholesky},
    {"potrs", f_potrs, f_potrs},
    {"potri", f_potri, f_potri},
    {"pstrf", f_pstrf, f_pstrf},
    {"symeig", f_symeig, f_symeig},
    {"eig", f_eig, f_eig},
    {"svd", f_svd, f_svd},
    {"qr", f_qr, f_qr},
    {"geqrf", f_geqrf, f_geqrf},
    {"orgqr", f_orgqr, f_orgqr},
    {"ormqr", f_ormqr, f_ormqr},
    {NULL, NULL, NULL},
};

void cr_bind_linalg(lua_State *L) {
  cr_bind(L, bindings);
}
