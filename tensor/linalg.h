/* linalg.h: linear algebra: the operators, built from the factorisations of the backend.
 *
 * A matrix is the last two dimensions of a float32 or float64 tensor; those before are a batch,
 * unless the comment says otherwise.  Results of LAPACK are laid out by columns, as it leaves them
 * (Torch7 did the same).  As in ops.h a NULL argument gives NULL. */
#ifndef CR_LINALG_H
#define CR_LINALG_H

#include "tensor/backend.h"
#include "tensor/ops.h"

/* ---- the operators: ops/linalg.c -------------------------------------------------------- */

/* X with A X = B; b may be a vector when a is a single matrix; batches broadcast.  fn names the
 * caller in messages.  lu may be NULL: else it gets the factors L and U, without a derivative. */
cr_tensor *cr_solve(const char *fn, cr_tensor *b, cr_tensor *a, cr_tensor **lu);
/* X with op(A) X = B for a triangular A, of which only that triangle is read. */
cr_tensor *cr_trtrs(cr_tensor *b, cr_tensor *a, cr_tri_system how);
cr_tensor *cr_inverse(cr_tensor *a);
cr_tensor *cr_det(cr_tensor *a);
bool cr_slogdet(cr_tensor *a, cr_tensor **sign, cr_tensor **logabs);
cr_tensor *cr_logdet(cr_tensor *a); /* NaN where the determinant is negative */
/* A = U^T U or L L^T; one triangle is read and the other one of the result is zero.  The gradient
 * is that of a symmetric A: half of it is in either triangle. */
cr_tensor *cr_cholesky(const char *fn, cr_tensor *a, bool upper);
cr_tensor *cr_potrs(cr_tensor *b, cr_tensor *factor, bool upper);
cr_tensor *cr_potri(cr_tensor *factor, bool upper);

/* ---- the operators: ops/decompose.c ----------------------------------------------------- */

/* Eigenvalues of a symmetric matrix, in ascending order; vectors may be NULL. */
bool cr_symeig(cr_tensor *a, bool upper, cr_tensor **values, cr_tensor **vectors);
/* Eigenvalues as pairs of real and imaginary part; vectors as LAPACK packs them. */
bool cr_eig(cr_tensor *a, cr_tensor **values, cr_tensor **vectors);
/* A = U diag(S) V^T; with full U and V are square. */
bool cr_svd(cr_tensor *a, bool full, cr_tensor **u, cr_tensor **s, cr_tensor **v);
bool cr_qr(cr_tensor *a, cr_tensor **q, cr_tensor **r);
bool cr_geqrf(cr_tensor *a, cr_tensor **factors, cr_tensor **tau);
cr_tensor *cr_orgqr(cr_tensor *factors, cr_tensor *tau);
/* The product of Q, or its transpose, with c, which stands on its right or (right) on its left. */
cr_tensor *cr_ormqr(cr_tensor *factors, cr_tensor *tau, cr_tensor *c, bool right, bool transposed);
/* One matrix: P^T A P = U^T U or L L^T; pivots are int32 and count from 1. */
bool cr_pstrf(cr_tensor *a, bool upper, double tolerance, cr_tensor **factor, cr_tensor **pivots);
/* Least squares, or the smallest solution, for matrices of full rank; qr may be NULL. */
cr_tensor *cr_gels(cr_tensor *b, cr_tensor *a, cr_tensor **qr);
/* By singular values, of any rank; those not above rcond times the largest count as zero, below 0:
 * the precision times the larger size. */
cr_tensor *cr_pinverse(cr_tensor *a, double rcond);
cr_tensor *cr_lstsq(cr_tensor *a, cr_tensor *b, double rcond);
cr_tensor *cr_matrix_rank(cr_tensor *a, double tolerance);

/* How many large factorisations, which could not be stopped, still run for scripts that were. While
 * there are any, a process ends by _exit: the ends of libraries would take their memory away. */
int cr_lapack_left(void);

/* ---- shared by the two files ------------------------------------------------------------ */

bool cr_need_matrix(const char *fn, const cr_tensor *a, bool square);
/* Fresh matrices by columns, or vectors, for each matrix of like's batch. */
cr_tensor *cr_new_matrices(const cr_tensor *like, int64_t rows, int64_t columns);
cr_tensor *cr_new_vectors(const cr_tensor *like, int64_t n);
cr_tensor *cr_columns(const cr_tensor *a); /* a copy by columns that the tape knows nothing of */
void *cr_matrix_at(const cr_tensor *t, int64_t i, int64_t elements);
int64_t cr_batch_of(const cr_tensor *a); /* how many matrices */

/* The factorisations of a's device, or NULL with a message. */
const cr_linalg *cr_linalg_for(const char *fn, const cr_tensor *a);

#endif
