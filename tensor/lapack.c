/* lapack.c: factorisations by the Fortran LAPACK that comes with OpenBLAS. */
#include "tensor/linalg.h"

#include <math.h>
#include <omp.h>

#include "tensor/cpu/cpu.h"

/* A routine for both types.  Fortran takes everything by reference, and the lengths of its
 * character arguments after all others. */
#define ROUTINE(name, ...)                                                                         \
  void s##name##_(__VA_ARGS__);                                                                    \
  void d##name##_(__VA_ARGS__)
/* OpenBLAS takes as many threads as OpenMP would. */
#define CALL(t, name, ...) CALL_ON(cr_cpu_threads(), t, name, __VA_ARGS__)
#define CALL_ON(threads, t, name, ...)                                                             \
  do {                                                                                             \
    int before = omp_get_max_threads();                                                            \
    omp_set_num_threads(threads);                                                                  \
    ((t) == CR_FLOAT32 ? s##name##_ : d##name##_)(__VA_ARGS__);                                    \
    omp_set_num_threads(before);                                                                   \
  } while (0)

ROUTINE(getrf, const int *m, const int *n, void *a, const int *lda, int *pivots, int *info);
ROUTINE(getrs, const char *trans, const int *n, const int *nrhs, const void *a, const int *lda,
        const int *pivots, void *b, const int *ldb, int *info, size_t);
ROUTINE(getri, const int *n, void *a, const int *lda, const int *pivots, void *work,
        const int *lwork, int *info);
ROUTINE(trtrs, const char *uplo, const char *trans, const char *diag, const int *n, const int *nrhs,
        const void *a, const int *lda, void *b, const int *ldb, int *info, size_t, size_t, size_t);
ROUTINE(potrf, const char *uplo, const int *n, void *a, const int *lda, int *info, size_t);
ROUTINE(gels, const char *trans, const int *m, const int *n, const int *nrhs, void *a,
        const int *lda, void *b, const int *ldb, void *work, const int *lwork, int *info, size_t);
ROUTINE(syevd, const char *job, const char *uplo, const int *n, void *a, const int *lda, void *w,
        void *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);
ROUTINE(geev, const char *left, const char *right, const int *n, void *a, const int *lda, void *wr,
        void *wi, void *vl, const int *ldvl, void *vr, const int *ldvr, void *work,
        const int *lwork, int *info, size_t, size_t);
ROUTINE(gesdd, const char *job, const int *m, const int *n, void *a, const int *lda, void *s,
        void *u, const int *ldu, void *vt, const int *ldvt, void *work, const int *lwork,
        int *iwork, int *info, size_t);
ROUTINE(geqrf, const int *m, const int *n, void *a, const int *lda, void *tau, void *work,
        const int *lwork, int *info);
ROUTINE(orgqr, const int *m, const int *n, const int *k, void *a, const int *lda, const void *tau,
        void *work, const int *lwork, int *info);
ROUTINE(ormqr, const char *side, const char *trans, const int *m, const int *n, const int *k,
        const void *a, const int *lda, const void *tau, void *c, const int *ldc, void *work,
        const int *lwork, int *info, size_t, size_t);
void spstrf_(const char *uplo, const int *n, void *a, const int *lda, int *pivots, int *rank,
             const float *tol, void *work, int *info, size_t);
void dpstrf_(const char *uplo, const int *n, void *a, const int *lda, int *pivots, int *rank,
             const double *tol, void *work, int *info, size_t);

/* ---- scratch memory --------------------------------------------------------------------- */

typedef struct {
  void *p;
  size_t bytes;
} scratch;

static bool scratch_get(scratch *s, size_t count, size_t size) {
  s->bytes = (count ? count : 1) * size;
  s->p = cr_host_alloc(s->bytes);
  return s->p || cr_fail("out of memory for %zu bytes of work space", s->bytes);
}

static void scratch_free(scratch *s) {
  if (s->p) cr_host_free(s->p, s->bytes);
}

/* A number of elements that a routine asked for.  In float32 it is rounded, perhaps down. */
static int asked(cr_dtype t, const double *answer) {
  double n = t == CR_FLOAT32 ? (double)*(const float *)answer * (1 + 1e-6) : *answer;
  return n > 2147480000.0 ? 2147480000 : (int)ceil(n);
}

static int leading(int rows) {
  return rows > 0 ? rows : 1;
}

static int result(int info) {
  if (info >= 0) return info;
  cr_fail("LAPACK refused its argument %d", -info);
  return -1;
}

/* The iterations for eigenvalues and singular values need finite numbers. */
static bool all_finite(cr_dtype t, int64_t n, const void *p) {
  double sum = 0; /* of x * 0, which is NaN unless x is finite */
  for (int64_t i = 0; i < n; i++)
    sum += 0 * (t == CR_FLOAT32 ? (double)((const float *)p)[i] : ((const double *)p)[i]);
  return sum == 0 || cr_fail("the matrix holds NaN or infinite numbers");
}

/* ---- solving ---------------------------------------------------------------------------- */

static int getrf(cr_dtype t, int64_t size, void *a, int *pivots) {
  int n = (int)size, info = 0;
  CALL(t, getrf, &n, &n, a, &n, pivots, &info);
  return result(info);
}

static int getrs(cr_dtype t, int64_t size, int64_t columns, const void *lu, const int *pivots,
                 void *b) {
  int n = (int)size, nrhs = (int)columns, info = 0;
  CALL(t, getrs, "N", &n, &nrhs, lu, &n, pivots, b, &n, &info, 1);
  return result(info);
}

static int getri(cr_dtype t, int64_t size, void *lu, const int *pivots) {
  int n = (int)size, lwork = -1, info = 0;
  double answer = 0;
  CALL(t, getri, &n, lu, &n, pivots, &answer, &lwork, &info);
  scratch work;
  lwork = asked(t, &answer);
  if (!scratch_get(&work, (size_t)lwork, cr_sizeof(t))) return -1;
  CALL(t, getri, &n, lu, &n, pivots, work.p, &lwork, &info);
  scratch_free(&work);
  return result(info);
}

static int trtrs(cr_dtype t, cr_tri_system how, int64_t size, int64_t columns, const void *a,
                 void *b) {
  int n = (int)size, nrhs = (int)columns, info = 0;
  CALL(t, trtrs, how.upper ? "U" : "L", how.transposed ? "T" : "N", how.unit ? "U" : "N", &n, &nrhs,
       a, &n, b, &n, &info, 1, 1, 1);
  return result(info);
}

static int potrf(cr_dtype t, bool upper, int64_t size, void *a) {
  int n = (int)size, info = 0;
  CALL(t, potrf, upper ? "U" : "L", &n, a, &n, &info, 1);
  return result(info);
}

static int pstrf(cr_dtype t, bool upper, int64_t size, void *a, int *pivots, double tolerance) {
  int n = (int)size, rank = 0, info = 0;
  float narrow = (float)tolerance;
  scratch work;
  if (!scratch_get(&work, 2 * (size_t)n, cr_sizeof(t))) return -1;
  if (t == CR_FLOAT32)
    spstrf_(upper ? "U" : "L", &n, a, &n, pivots, &rank, &narrow, work.p, &info, 1);
  else
    dpstrf_(upper ? "U" : "L", &n, a, &n, pivots, &rank, &tolerance, work.p, &info, 1);
  scratch_free(&work);
  return result(info);
}

static int gels(cr_dtype t, int64_t rows, int64_t size, int64_t columns, void *a, void *b) {
  int m = (int)rows, n = (int)size, nrhs = (int)columns, lwork = -1, info = 0;
  int lda = leading(m), ldb = leading(m > n ? m : n);
  double answer = 0;
  CALL(t, gels, "N", &m, &n, &nrhs, a, &lda, b, &ldb, &answer, &lwork, &info, 1);
  scratch work;
  lwork = asked(t, &answer);
  if (!scratch_get(&work, (size_t)lwork, cr_sizeof(t))) return -1;
  CALL(t, gels, "N", &m, &n, &nrhs, a, &lda, b, &ldb, work.p, &lwork, &info, 1);
  scratch_free(&work);
  return result(info);
}

/* ---- eigenvalues and singular values ---------------------------------------------------- */

/* Decompositions by eigenvalues are mostly products of a matrix and a vector, between which threads
 * wait for each other: small matrices are faster on one. */
#define SMALL_MATRIX 512

static int spectral_threads(int n) {
  return n < SMALL_MATRIX ? 1 : cr_cpu_threads();
}

static int syevd(cr_dtype t, bool vectors, bool upper, int64_t size, void *a, void *values) {
  int n = (int)size, lwork = -1, liwork = -1, info = 0, ints = 0;
  const char *job = vectors ? "V" : "N", *uplo = upper ? "U" : "L";
  double answer = 0;
  if (!all_finite(t, size * size, a)) return -1;
  CALL_ON(spectral_threads(n), t, syevd, job, uplo, &n, a, &n, values, &answer, &lwork, &ints,
          &liwork, &info, 1, 1);
  scratch work = {0}, iwork = {0};
  lwork = asked(t, &answer);
  liwork = ints;
  if (scratch_get(&work, (size_t)lwork, cr_sizeof(t)) &&
      scratch_get(&iwork, (size_t)liwork, sizeof(int))) {
    CALL_ON(spectral_threads(n), t, syevd, job, uplo, &n, a, &n, values, work.p, &lwork, iwork.p,
            &liwork, &info, 1, 1);
    info = result(info);
  } else {
    info = -1;
  }
  scratch_free(&work);
  scratch_free(&iwork);
  return info;
}

static int geev(cr_dtype t, int64_t size, void *a, void *values, void *vectors) {
  int n = (int)size, lwork = -1, info = 0;
  const char *job = vectors ? "V" : "N";
  double answer = 0;
  void *imaginary = (char *)values + (size_t)n * cr_sizeof(t);
  if (!all_finite(t, size * size, a)) return -1;
  CALL_ON(spectral_threads(n), t, geev, "N", job, &n, a, &n, values, imaginary, NULL, &n, vectors,
          &n, &answer, &lwork, &info, 1, 1);
  scratch work;
  lwork = asked(t, &answer);
  if (!scratch_get(&work, (size_t)lwork, cr_sizeof(t))) return -1;
  CALL_ON(spectral_threads(n), t, geev, "N", job, &n, a, &n, values, imaginary, NULL, &n, vectors,
          &n, work.p, &lwork, &info, 1, 1);
  scratch_free(&work);
  return result(info);
}

static int gesdd(cr_dtype t, bool full, int64_t rows, int64_t size, void *a, void *s, void *u,
                 void *vt) {
  int m = (int)rows, n = (int)size, k = m < n ? m : n, ldvt = full ? n : k, lwork = -1, info = 0;
  const char *job = full ? "A" : "S";
  double answer = 0;
  scratch work = {0}, iwork = {0};
  if (!all_finite(t, rows * size, a) || !scratch_get(&iwork, 8 * (size_t)k, sizeof(int))) return -1;
  CALL_ON(spectral_threads(k), t, gesdd, job, &m, &n, a, &m, s, u, &m, vt, &ldvt, &answer, &lwork,
          iwork.p, &info, 1);
  lwork = asked(t, &answer);
  if (scratch_get(&work, (size_t)lwork, cr_sizeof(t))) {
    CALL_ON(spectral_threads(k), t, gesdd, job, &m, &n, a, &m, s, u, &m, vt, &ldvt, work.p, &lwork,
            iwork.p, &info, 1);
    info = result(info);
  } else {
    info = -1;
  }
  scratch_free(&work);
  scratch_free(&iwork);
  return info;
}

/* ---- orthogonal factors ----------------------------------------------------------------- */

static int geqrf(cr_dtype t, int64_t rows, int64_t size, void *a, void *tau) {
  int m = (int)rows, n = (int)size, lda = leading(m), lwork = -1, info = 0;
  double answer = 0;
  CALL(t, geqrf, &m, &n, a, &lda, tau, &answer, &lwork, &info);
  scratch work;
  lwork = asked(t, &answer);
  if (!scratch_get(&work, (size_t)lwork, cr_sizeof(t))) return -1;
  CALL(t, geqrf, &m, &n, a, &lda, tau, work.p, &lwork, &info);
  scratch_free(&work);
  return result(info);
}

static int orgqr(cr_dtype t, int64_t rows, int64_t size, int64_t reflectors, void *a,
                 const void *tau) {
  int m = (int)rows, n = (int)size, k = (int)reflectors, lda = leading(m), lwork = -1, info = 0;
  double answer = 0;
  CALL(t, orgqr, &m, &n, &k, a, &lda, tau, &answer, &lwork, &info);
  scratch work;
  lwork = asked(t, &answer);
  if (!scratch_get(&work, (size_t)lwork, cr_sizeof(t))) return -1;
  CALL(t, orgqr, &m, &n, &k, a, &lda, tau, work.p, &lwork, &info);
  scratch_free(&work);
  return result(info);
}

static int ormqr(cr_dtype t, bool right, bool transposed, int64_t rows, int64_t size,
                 int64_t reflectors, const void *a, const void *tau, void *c) {
  int m = (int)rows, n = (int)size, k = (int)reflectors, lda = leading(right ? n : m);
  int ldc = leading(m), lwork = -1, info = 0;
  const char *side = right ? "R" : "L", *trans = transposed ? "T" : "N";
  double answer = 0;
  CALL(t, ormqr, side, trans, &m, &n, &k, a, &lda, tau, c, &ldc, &answer, &lwork, &info, 1, 1);
  scratch work;
  lwork = asked(t, &answer);
  if (!scratch_get(&work, (size_t)lwork, cr_sizeof(t))) return -1;
  CALL(t, ormqr, side, trans, &m, &n, &k, a, &lda, tau, c, &ldc, work.p, &lwork, &info, 1, 1);
  scratch_free(&work);
  return result(info);
}

const cr_linalg cr_lapack_here = {
    .getrf = getrf,
    .getrs = getrs,
    .getri = getri,
    .trtrs = trtrs,
    .potrf = potrf,
    .pstrf = pstrf,
    .gels = gels,
    .syevd = syevd,
    .geev = geev,
    .gesdd = gesdd,
    .geqrf = geqrf,
    .orgqr = orgqr,
    .ormqr = ormqr,
};
