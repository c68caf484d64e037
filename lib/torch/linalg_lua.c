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

/** torch.gesv([resb, resa,] B, A); x:gesv(A)
 *  torch.solve(A, B); x:solve(B)
 *
 *  Solves A X = B.  torch.gesv takes B first and gives A's factors too.  Batches of matrices stand
 *  in the dimensions before the last two.  Differentiable.
 *
 *  resb, resa: tensors for the results; resized, laid out by columns
 *  B: matrix n x m, or for solve a vector of n
 *  A: square matrix n x n, float32 or float64
 *  Returns: X, of B's shape; gesv: and the factors L and U of A in one matrix
 *  Errors: A is singular or not square; the sizes do not fit
 *  From: LAPACK's gesv, as in Torch7; solve as in NumPy
 *  Example:
 *    A = torch.Tensor { { 2, 0 }, { 0, 4 } }
 *    torch.solve(A, torch.Tensor { 2, 8 }):sum() --> 3.0
 *    torch.gesv(torch.Tensor { { 2 }, { 8 } }, A):size(1) --> 2
 */
static int f_gesv(lua_State *L) {
  operands o = check_operands(L, "gesv", 2, 2);
  cr_tensor *y[2];
  y[0] = cr_solve("gesv", o.in[0], o.in[1], &y[1]);
  return y[0] ? give(L, &o, 2, y) : cr_lua_error(L);
}

static int f_solve(lua_State *L) {
  operands o = check_operands(L, "solve", 2, 0);
  return give_one(L, &o, cr_solve("solve", o.in[1], o.in[0], NULL));
}

/** torch.gels([resb, resa,] B, A); x:gels(A)
 *  torch.lstsq(A, B [, rcond]); x:lstsq(B [, rcond])
 *
 *  Least squares: the X with the smallest |A X - B|, of several the smallest.  gels wants A to have
 *  full rank and gives its factors too; it has no derivative.  lstsq takes any rank, by singular
 *  values, and is differentiable.
 *
 *  resb, resa: tensors for the results; resized, laid out by columns
 *  B: matrix n x m
 *  A: matrix n x p, float32 or float64
 *  rcond: singular values not above this times the largest count as zero; by default the precision
 *    times the larger size
 *  Returns: X, p x m; gels: and the factors of A
 *  Errors: the sizes do not fit
 *  From: LAPACK's gels, as in Torch7; lstsq as in NumPy
 *  Example:
 *    torch.lstsq(torch.ones(3, 1), torch.ones(3, 1)):size(1) --> 1
 *    torch.gels(torch.ones(3, 2):triu(), torch.eye(3)):size(2) --> 2
 */
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

/** torch.trtrs([resb, resa,] B, A [, triangle [, transposed [, unit]]])
 *  x:trtrs(A [, triangle [, transposed [, unit]]])
 *
 *  Solves A X = B for a triangular A; its other triangle is not read.  Differentiable.
 *
 *  resb, resa: tensors for the results; resized, laid out by columns
 *  B: matrix n x m
 *  A: square matrix n x n, float32 or float64
 *  triangle: "U" for the upper one, the default, or "L"
 *  transposed: "T" solves with A's transpose; "N" is the default
 *  unit: "U" takes the diagonal for ones; "N" is the default
 *  Returns: X, of B's shape, and a copy of A
 *  Errors: the sizes do not fit; A is singular
 *  From: LAPACK's trtrs, as in Torch7
 *  Example:
 *    torch.trtrs(torch.Tensor { { 8 }, { 1 } }, torch.Tensor { { 4, 0 }, { 0, 1 } })[1][1] --> 2.0
 */
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

/** torch.inverse([res,] A); x:inverse()
 *  torch.pinverse([res,] A [, rcond]); x:pinverse([rcond])
 *
 *  The inverse of a square matrix, or the pseudo-inverse of any.  Batches of matrices stand in the
 *  dimensions before the last two.  Differentiable.
 *
 *  res: tensor for the result; resized, laid out by columns
 *  A: matrix, float32 or float64
 *  rcond: singular values not above this times the largest count as zero; by default the precision
 *    times the larger size
 *  Returns: a new matrix, or res
 *  Errors: inverse: A is singular or not square
 *  From: Torch7; pinverse: Moore 1920 and Penrose 1955, as in PyTorch
 *  Example:
 *    torch.inverse(torch.Tensor { { 2, 0 }, { 0, 4 } })[2][2] --> 0.25
 *    torch.pinverse(torch.zeros(2, 3)):size(1) --> 3
 */
static int f_inverse(lua_State *L) {
  operands o = check_operands(L, "inverse", 1, 1);
  return give_one(L, &o, cr_inverse(o.in[0]));
}

static int f_pinverse(lua_State *L) {
  operands o = check_operands(L, "pinverse", 1, 1);
  return give_one(L, &o, cr_pinverse(o.in[0], luaL_optnumber(L, o.next, -1)));
}

/* ---- numbers ---------------------------------------------------------------------------- */

/** torch.det(A); x:det(); torch.logdet(A); x:logdet(); torch.slogdet(A); x:slogdet()
 *
 *  The determinant, its logarithm (NaN when it is negative), or its sign and the logarithm of its
 *  absolute value.  Differentiable.
 *
 *  A: square matrix, float32 or float64; dimensions before the last two are a batch
 *  Returns: a number, for a batch a tensor; slogdet: two
 *  Errors: A is not square
 *  From: NumPy
 *  Example:
 *    torch.det(torch.Tensor { { 2, 0 }, { 0, 4 } }) --> 8.0
 *    torch.slogdet(torch.Tensor { { 1, 0 }, { 0, -1 } }) --> -1.0 0.0
 */
static int f_det(lua_State *L) {
  return give_number(L, cr_det(cr_check_tensor(L, 1)));
}

static int f_logdet(lua_State *L) {
  return give_number(L, cr_logdet(cr_check_tensor(L, 1)));
}

static int f_slogdet(lua_State *L) {
  cr_tensor *y[2]; /* sign and logarithm */
  if (!cr_slogdet(cr_check_tensor(L, 1), &y[0], &y[1])) return cr_lua_error(L);
  cr_push_tensors(L, 2, y);
  give_number(L, cr_retain(y[0]));
  give_number(L, cr_retain(y[1]));
  return 2;
}

/** torch.matrixRank(A [, tolerance]); x:matrixRank([tolerance])
 *
 *  How many singular values of A are above a tolerance.
 *
 *  A: matrix, float32 or float64; dimensions before the last two are a batch
 *  tolerance: number; by default the largest singular value times the precision and the larger size
 *  Returns: an integer, for a batch a tensor
 *  From: NumPy
 *  Example:
 *    torch.matrixRank(torch.Tensor { { 2, 4 }, { 1, 2 } }) --> 1
 */
static int f_matrix_rank(lua_State *L) {
  return give_number(L, cr_matrix_rank(cr_check_tensor(L, 1), luaL_optnumber(L, 2, -1)));
}

/* ---- Cholesky --------------------------------------------------------------------------- */

/** torch.potrf([res,] A [, triangle]); x:potrf([triangle]); torch.cholesky([res,] A); x:cholesky()
 *
 *  The Cholesky factor of a symmetric positive definite matrix: U with A = U^T U, or L with A = L
 *  L^T, which cholesky always gives.  Only that triangle of A is read.  Differentiable.
 *
 *  res: tensor for the result; resized, laid out by columns
 *  A: square matrix, float32 or float64; dimensions before the last two are a batch
 *  triangle: "U", the default, or "L"
 *  Returns: a new triangular matrix, or res
 *  Errors: A is not positive definite, or not square
 *  From: LAPACK's potrf, as in Torch7; cholesky as in NumPy
 *  Example:
 *    A = torch.Tensor { { 4, 2 }, { 2, 5 } }
 *    torch.potrf(A)[1][2], torch.cholesky(A)[2][1] --> 1.0 1.0
 */
static int f_potrf(lua_State *L) {
  operands o = check_operands(L, "potrf", 1, 1);
  return give_one(L, &o, cr_cholesky("potrf", o.in[0], check_letter(L, o.next, "UL") == 'U'));
}

static int f_cholesky(lua_State *L) {
  operands o = check_operands(L, "cholesky", 1, 1);
  return give_one(L, &o, cr_cholesky("cholesky", o.in[0], false));
}

/** torch.potrs([res,] B, factor [, triangle]); x:potrs(factor [, triangle])
 *  torch.potri([res,] factor [, triangle]); x:potri([triangle])
 *
 *  From the Cholesky factor of A, the X with A X = B; or the inverse of A.  Differentiable.
 *
 *  res: tensor for the result; resized, laid out by columns
 *  B: matrix n x m
 *  factor: matrix n x n that torch.potrf gave
 *  triangle: "U", the default, or "L": which one the factor is
 *  Returns: a new matrix, or res
 *  Errors: the sizes do not fit
 *  From: LAPACK's potrs and potri, as in Torch7
 *  Example:
 *    factor = torch.potrf(torch.Tensor { { 4, 0 }, { 0, 1 } })
 *    torch.potrs(torch.Tensor { { 8 }, { 1 } }, factor)[1][1] --> 2.0
 *    torch.potri(factor)[1][1] --> 0.25
 */
static int f_potrs(lua_State *L) {
  operands o = check_operands(L, "potrs", 2, 1);
  return give_one(L, &o, cr_potrs(o.in[0], o.in[1], check_letter(L, o.next, "UL") == 'U'));
}

static int f_potri(lua_State *L) {
  operands o = check_operands(L, "potri", 1, 1);
  return give_one(L, &o, cr_potri(o.in[0], check_letter(L, o.next, "UL") == 'U'));
}

/** torch.pstrf([res, piv,] A [, triangle [, tolerance]]); x:pstrf([triangle [, tolerance]])
 *
 *  The Cholesky factor with pivoting of a symmetric positive definite matrix: P^T A P = U^T U, or L
 *  L^T.  No derivative.
 *
 *  res, piv: tensors for the results, piv an IntTensor; resized
 *  A: one square matrix, float32 or float64
 *  triangle: "U", the default, or "L"
 *  tolerance: number; by default LAPACK's own
 *  Returns: the factor, and an IntTensor of the rows' places, which count from 1
 *  Errors: A is not square; a pivot is not above the tolerance
 *  From: LAPACK's pstrf, as in Torch7
 *  Example:
 *    factor, places = torch.pstrf(torch.Tensor { { 1, 0 }, { 0, 4 } })
 *    factor[1][1], places[1] --> 2.0 2
 */
static int f_pstrf(lua_State *L) {
  operands o = check_operands(L, "pstrf", 1, 2);
  bool upper = check_letter(L, o.next, "UL") == 'U';
  cr_tensor *y[2];
  if (!cr_pstrf(o.in[0], upper, luaL_optnumber(L, o.next + 1, -1), &y[0], &y[1]))
    return cr_lua_error(L);
  return give(L, &o, 2, y);
}

/* ---- decompositions --------------------------------------------------------------------- */

/** torch.symeig([rese, resv,] A [, vectors [, triangle]]); x:symeig([vectors [, triangle]])
 *
 *  The eigenvalues of a symmetric matrix, in ascending order.  Differentiable.
 *
 *  rese, resv: tensors for the results; resized
 *  A: square matrix, float32 or float64; dimensions before the last two are a batch
 *  vectors: "V" gives the eigenvectors too; "N" is the default
 *  triangle: "U", the default, or "L": the one of A that is read
 *  Returns: a vector of the values; with "V" and a matrix with the vectors in its columns
 *  Errors: A is not square
 *  From: LAPACK's syev, as in Torch7
 *  Example:
 *    values = torch.symeig(torch.Tensor { { 2, 0 }, { 0, 1 } })
 *    values[1], values[2] --> 1.0 2.0
 */
static int f_symeig(lua_State *L) {
  operands o = check_operands(L, "symeig", 1, 2);
  bool vectors = check_letter(L, o.next, "NV") == 'V';
  bool upper = check_letter(L, o.next + 1, "UL") == 'U';
  cr_tensor *y[2];
  if (!cr_symeig(o.in[0], upper, &y[0], vectors ? &y[1] : NULL)) return cr_lua_error(L);
  return give(L, &o, vectors ? 2 : 1, y);
}

/** torch.eig([rese, resv,] A [, vectors]); x:eig([vectors])
 *
 *  The eigenvalues of any square matrix, which may be complex.  No derivative.
 *
 *  rese, resv: tensors for the results; resized
 *  A: square matrix, float32 or float64
 *  vectors: "V" gives the eigenvectors too; "N" is the default
 *  Returns: a matrix n x 2 of real and imaginary parts; with "V" and a matrix with the vectors in
 *    its columns, of a complex pair, the real part in the first and the imaginary one in the second
 *  Errors: A is not square
 *  From: LAPACK's geev, as in Torch7
 *  Example:
 *    values = torch.eig(torch.Tensor { { 0, 1 }, { -1, 0 } })
 *    values[1][1], values[1][2] --> 0.0 1.0
 */
static int f_eig(lua_State *L) {
  operands o = check_operands(L, "eig", 1, 2);
  bool vectors = check_letter(L, o.next, "NV") == 'V';
  cr_tensor *y[2];
  if (!cr_eig(o.in[0], &y[0], vectors ? &y[1] : NULL)) return cr_lua_error(L);
  return give(L, &o, vectors ? 2 : 1, y);
}

/** torch.svd([resu, ress, resv,] A [, how]); x:svd([how])
 *
 *  The singular values: A = U diag(S) V^T, the largest first.  Differentiable.
 *
 *  resu, ress, resv: tensors for the results; resized
 *  A: matrix n x m, float32 or float64; dimensions before the last two are a batch
 *  how: "S", the default, gives as many columns of U and V as there are values; "A" gives all
 *  Returns: the matrix U, the vector S, the matrix V
 *  From: LAPACK's gesdd, as in Torch7
 *  Example:
 *    U, S, V = torch.svd(torch.Tensor { { 0, 2 }, { 3, 0 } })
 *    S[1], S[2] --> 3.0 2.0
 */
static int f_svd(lua_State *L) {
  operands o = check_operands(L, "svd", 1, 3);
  bool full = check_letter(L, o.next, "SA") == 'A';
  cr_tensor *y[3];
  if (!cr_svd(o.in[0], full, &y[0], &y[1], &y[2])) return cr_lua_error(L);
  return give(L, &o, 3, y);
}

/** torch.qr([q, r,] A); x:qr()
 *
 *  A = Q R with orthogonal columns in Q and a triangular R.  Differentiable where A has no more
 *  columns than rows.
 *
 *  q, r: tensors for the results; resized
 *  A: matrix n x m, float32 or float64; dimensions before the last two are a batch
 *  Returns: the matrices Q and R
 *  From: LAPACK's geqrf and orgqr, as in Torch7
 *  Example:
 *    q, r = torch.qr(torch.Tensor { { 3, 0 }, { 4, 5 } })
 *    math.abs(r[1][1]), r[2][1] --> 5.0 0.0
 */
static int f_qr(lua_State *L) {
  operands o = check_operands(L, "qr", 1, 2);
  cr_tensor *y[2];
  return cr_qr(o.in[0], &y[0], &y[1]) ? give(L, &o, 2, y) : cr_lua_error(L);
}

/** torch.geqrf([a, tau,] A); x:geqrf()
 *  torch.orgqr([q,] a, tau); x:orgqr(tau)
 *  torch.ormqr([res,] a, tau, C [, side [, transposed]]); x:ormqr(tau, C [, side [, transposed]])
 *
 *  The steps of torch.qr: geqrf gives R and the reflections that make up Q, packed; orgqr makes Q
 *  of them; ormqr multiplies C with Q without making it.  No derivatives.
 *
 *  A: matrix n x m, float32 or float64
 *  a, tau: what geqrf gave, or in front of A tensors for that
 *  q, res: tensors for the results; resized
 *  C: matrix
 *  side: "L", the default, gives Q C; "R" gives C Q
 *  transposed: "T" takes the transpose of Q; "N" is the default
 *  Returns: geqrf: two tensors, a and tau; the others a matrix
 *  Errors: the sizes do not fit
 *  From: LAPACK's functions of these names, as in Torch7
 *  Example:
 *    A = torch.Tensor { { 3, 0 }, { 4, 5 } }
 *    a, tau = torch.geqrf(A)
 *    torch.dist(torch.orgqr(a, tau), (torch.qr(A))) < 1e-5 --> true
 *    torch.dist(torch.ormqr(a, tau, A, "L", "T"):triu(), a:triu()) < 1e-5 --> true
 */
static int f_geqrf(lua_State *L) {
  operands o = check_operands(L, "geqrf", 1, 2);
  cr_tensor *y[2];
  return cr_geqrf(o.in[0], &y[0], &y[1]) ? give(L, &o, 2, y) : cr_lua_error(L);
}

static int f_orgqr(lua_State *L) {
  operands o = check_operands(L, "orgqr", 2, 1);
  return give_one(L, &o, cr_orgqr(o.in[0], o.in[1]));
}

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
