/* cusolver.cc: a fake of cuSOLVER, by the CPU's table of factorisations. */
#include <cusolverDn.h>

#include <vector>

#include "fake.h"
#include "tensor/device.h"

#define MAGIC 0x4353564du

/* The plug-in's; a program that tests the emulation alone has none. */
extern const cr_plugin_core *cr_cuda_core __attribute__((weak));

struct cusolverDnContext {
  fake::handle base;
};
struct cusolverDnParams {
  uint32_t magic;
};

typedef cusolverDnHandle_t H;
typedef cusolverStatus_t status;

static const cr_linalg *cpu() {
  return cr_cuda_core->cpu->linalg;
}

static cr_dtype dtype(float) {
  return CR_FLOAT32;
}
static cr_dtype dtype(double) {
  return CR_FLOAT64;
}

/* ---- handles ---------------------------------------------------------------------------- */

static bool usable(H h) {
  return fake::is_current(h, MAGIC) && &cr_cuda_core && cr_cuda_core;
}

status cusolverDnCreate(H *handle) {
  if (!handle) return CUSOLVER_STATUS_INVALID_VALUE;
  *handle = fake::make<cusolverDnContext>(MAGIC);
  return *handle ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_NOT_INITIALIZED;
}

status cusolverDnDestroy(H h) {
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  fake::unmake(h);
  return CUSOLVER_STATUS_SUCCESS;
}

status cusolverDnSetStream(H h, cudaStream_t stream) {
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  h->base.stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}

/* ---- arguments -------------------------------------------------------------------------- */

/* A matrix of the device with a leading dimension, as the CPU's table wants it: without gaps, in
 * host memory. */
template <typename T> struct matrix {
  const T *data;
  int64_t rows, cols, ld;
  std::vector<T> host;

  matrix(const T *p, int64_t m, int64_t n, int64_t step) : data(p), rows(m), cols(n), ld(step) {}

  bool is_there() const {
    return rows >= 0 && cols >= 0 && ld >= fake::at_least_one(rows) &&
           fake::matrix_in_device(data, rows, cols, ld, sizeof(T));
  }
  T *load() {
    host.resize((size_t)fake::at_least_one(rows * cols));
    for (int64_t j = 0; j < cols; j++)
      for (int64_t i = 0; i < rows; i++) host[(size_t)(i + j * rows)] = data[i + j * ld];
    return host.data();
  }
  void store() const {
    for (int64_t j = 0; j < cols; j++)
      for (int64_t i = 0; i < rows; i++)
        const_cast<T *>(data)[i + j * ld] = host[(size_t)(i + j * rows)];
  }
};

template <typename T> static bool there(const T *p, int64_t n) {
  return fake::in_device(p, (size_t)n * sizeof(T), sizeof(T));
}

/* The work space that each routine asks for, in elements. */
static int space_for(int64_t a, int64_t b) {
  return (int)(a + b + 5);
}

template <typename T> static bool has_space(T *work, int64_t given, int64_t needed) {
  if (given < needed || !there(work, needed)) return false;
  fake::spoil(work, (size_t)needed * sizeof(T));
  return true;
}

static status answer(H h, int value, int *out) {
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (!out) return CUSOLVER_STATUS_INVALID_VALUE;
  *out = value;
  return CUSOLVER_STATUS_SUCCESS;
}

/* What a routine of the CPU returned goes to info. */
static status finish(int info, int *out) {
  if (info < 0) return CUSOLVER_STATUS_EXECUTION_FAILED;
  *out = info;
  return CUSOLVER_STATUS_SUCCESS;
}

/* ---- solving ---------------------------------------------------------------------------- */

template <typename T>
static status getrf(H h, int m, int n, T *a, int lda, T *work, int *pivots, int *info) {
  cr_emulation_device device("cusolverDnGetrf");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  matrix<T> x(a, m, n, lda);
  if (m != n) return CUSOLVER_STATUS_NOT_SUPPORTED;
  if (!x.is_there() || !there(pivots, n) || !there(info, 1) ||
      !has_space(work, space_for(m, n), space_for(m, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->getrf(dtype(T()), n, x.load(), pivots);
  x.store();
  return finish(result, info);
}

template <typename T>
static status getrs(H h, cublasOperation_t trans, int n, int columns, const T *a, int lda,
                    const int *pivots, T *b, int ldb, int *info) {
  cr_emulation_device device("cusolverDnGetrs");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  matrix<T> x(a, n, n, lda), y(b, n, columns, ldb);
  if (trans != CUBLAS_OP_N) return CUSOLVER_STATUS_NOT_SUPPORTED;
  if (!x.is_there() || !y.is_there() || !there(pivots, n) || !there(info, 1))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->getrs(dtype(T()), n, columns, x.load(), pivots, y.load());
  y.store();
  return finish(result, info);
}

template <typename T>
static status potrf(H h, cublasFillMode_t uplo, int n, T *a, int lda, T *work, int lwork,
                    int *info) {
  cr_emulation_device device("cusolverDnPotrf");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  matrix<T> x(a, n, n, lda);
  if (!x.is_there() || !there(info, 1) || !has_space(work, lwork, space_for(n, 0)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->potrf(dtype(T()), uplo == CUBLAS_FILL_MODE_UPPER, n, x.load());
  x.store();
  return finish(result, info);
}

/* ---- orthogonal factors ----------------------------------------------------------------- */

template <typename T>
static status geqrf(H h, int m, int n, T *a, int lda, T *tau, T *work, int lwork, int *info) {
  cr_emulation_device device("cusolverDnGeqrf");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  matrix<T> x(a, m, n, lda);
  if (!x.is_there() || !there(tau, m < n ? m : n) || !there(info, 1) ||
      !has_space(work, lwork, space_for(m, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->geqrf(dtype(T()), m, n, x.load(), tau);
  x.store();
  return finish(result, info);
}

template <typename T>
static status orgqr(H h, int m, int n, int k, T *a, int lda, const T *tau, T *work, int lwork,
                    int *info) {
  cr_emulation_device device("cusolverDnOrgqr");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  matrix<T> x(a, m, n, lda);
  if (n > m || k > n || k < 0 || !x.is_there() || !there(tau, k) || !there(info, 1) ||
      !has_space(work, lwork, space_for(m, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->orgqr(dtype(T()), m, n, k, x.load(), tau);
  x.store();
  return finish(result, info);
}

template <typename T>
static status ormqr(H h, cublasSideMode_t side, cublasOperation_t trans, int m, int n, int k,
                    const T *a, int lda, const T *tau, T *c, int ldc, T *work, int lwork,
                    int *info) {
  cr_emulation_device device("cusolverDnOrmqr");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  bool right = side == CUBLAS_SIDE_RIGHT;
  int order = right ? n : m;
  matrix<T> x(a, order, k, lda), y(c, m, n, ldc);
  if (k < 0 || k > order || !x.is_there() || !y.is_there() || !there(tau, k) || !there(info, 1) ||
      !has_space(work, lwork, space_for(m, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result =
      cpu()->ormqr(dtype(T()), right, trans != CUBLAS_OP_N, m, n, k, x.load(), tau, y.load());
  y.store();
  return finish(result, info);
}

/* ---- eigenvalues and singular values ---------------------------------------------------- */

template <typename T>
static status syevd(H h, cusolverEigMode_t job, cublasFillMode_t uplo, int n, T *a, int lda,
                    T *values, T *work, int lwork, int *info) {
  cr_emulation_device device("cusolverDnSyevd");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  matrix<T> x(a, n, n, lda);
  if (!x.is_there() || !there(values, n) || !there(info, 1) ||
      !has_space(work, lwork, space_for(n, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->syevd(dtype(T()), job == CUSOLVER_EIG_MODE_VECTOR,
                            uplo == CUBLAS_FILL_MODE_UPPER, n, x.load(), values);
  x.store();
  return finish(result, info);
}

/* Only for matrices that are not wider than high. */
template <typename T>
static status gesvd(H h, signed char jobu, signed char jobvt, int m, int n, T *a, int lda, T *s,
                    T *u, int ldu, T *vt, int ldvt, T *work, int lwork, int *info) {
  cr_emulation_device device("cusolverDnGesvd");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  bool full = jobu == 'A';
  if (m < n || (jobu != 'A' && jobu != 'S') || jobvt != jobu) return CUSOLVER_STATUS_INVALID_VALUE;
  matrix<T> x(a, m, n, lda), y(u, m, full ? m : n, ldu), z(vt, n, n, ldvt);
  if (!x.is_there() || !y.is_there() || !z.is_there() || !there(s, n) || !there(info, 1) ||
      !has_space(work, lwork, space_for(m, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->gesdd(dtype(T()), full, m, n, x.load(), s, y.load(), z.load());
  x.store();
  y.store();
  z.store();
  return finish(result, info);
}

status cusolverDnCreateParams(cusolverDnParams_t *params) {
  if (!params) return CUSOLVER_STATUS_INVALID_VALUE;
  *params = static_cast<cusolverDnParams *>(malloc(sizeof **params));
  if (!*params) return CUSOLVER_STATUS_ALLOC_FAILED;
  (*params)->magic = MAGIC;
  return CUSOLVER_STATUS_SUCCESS;
}

status cusolverDnDestroyParams(cusolverDnParams_t params) {
  free(params);
  return CUSOLVER_STATUS_SUCCESS;
}

static size_t host_space(int64_t n) {
  return (size_t)n + 3;
}

status cusolverDnXgeev_bufferSize(H h, cusolverDnParams_t, cusolverEigMode_t, cusolverEigMode_t,
                                  int64_t n, cudaDataType, const void *, int64_t, cudaDataType,
                                  const void *, cudaDataType, const void *, int64_t, cudaDataType,
                                  const void *, int64_t, cudaDataType type, size_t *on_device,
                                  size_t *on_host) {
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (!on_device || !on_host || n < 0) return CUSOLVER_STATUS_INVALID_VALUE;
  *on_device = (size_t)space_for(n, n) * (type == CUDA_R_64F ? 8 : 4);
  *on_host = host_space(n);
  return CUSOLVER_STATUS_SUCCESS;
}

/* Eigenvectors on the left are not there, as in the real one's first versions. */
template <typename T>
static status geev(bool vectors, int64_t n, T *a, int64_t lda, T *values, T *v, int64_t ldv,
                   T *work, size_t bytes, int *info) {
  matrix<T> x(a, n, n, lda), y(v, vectors ? n : 0, n, ldv);
  if (!x.is_there() || !there(values, 2 * n) || (vectors && !y.is_there()) || !there(info, 1) ||
      !has_space(work, (int64_t)(bytes / sizeof(T)), space_for(n, n)))
    return CUSOLVER_STATUS_INVALID_VALUE;
  int result = cpu()->geev(dtype(T()), n, x.load(), values, vectors ? y.load() : NULL);
  x.store();
  if (vectors) y.store();
  return finish(result, info);
}

status cusolverDnXgeev(H h, cusolverDnParams_t params, cusolverEigMode_t left,
                       cusolverEigMode_t right, int64_t n, cudaDataType type_a, void *a,
                       int64_t lda, cudaDataType type_w, void *values, cudaDataType type_l, void *,
                       int64_t ldl, cudaDataType type_r, void *v, int64_t ldv, cudaDataType type,
                       void *space, size_t bytes, void *host, size_t host_bytes, int *info) {
  cr_emulation_device device("cusolverDnXgeev");
  if (!usable(h)) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (!params || params->magic != MAGIC) return CUSOLVER_STATUS_INVALID_VALUE;
  bool vectors = right == CUSOLVER_EIG_MODE_VECTOR;
  if (left != CUSOLVER_EIG_MODE_NOVECTOR || type_a != type || type_w != type || type_l != type ||
      type_r != type)
    return CUSOLVER_STATUS_NOT_SUPPORTED;
  if (ldl < 1 || ldv < 1 || host_bytes < host_space(n) || !fake::in_host(host, host_bytes))
    return CUSOLVER_STATUS_INVALID_VALUE;
  memset(host, 0xA5, host_bytes);
  if (type == CUDA_R_64F)
    return geev(vectors, n, static_cast<double *>(a), lda, static_cast<double *>(values),
                static_cast<double *>(v), ldv, static_cast<double *>(space), bytes, info);
  if (type != CUDA_R_32F) return CUSOLVER_STATUS_NOT_SUPPORTED;
  return geev(vectors, n, static_cast<float *>(a), lda, static_cast<float *>(values),
              static_cast<float *>(v), ldv, static_cast<float *>(space), bytes, info);
}

/* ---- both types ------------------------------------------------------------------------- */

typedef cublasFillMode_t fill;
typedef cublasOperation_t operation;
typedef cublasSideMode_t side;

#define FUNCTIONS(S, T)                                                                            \
  status cusolverDn##S##getrf_bufferSize(H h, int m, int n, T *, int, int *out) {                  \
    return answer(h, space_for(m, n), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##getrf(H h, int m, int n, T *a, int lda, T *work, int *p, int *info) {      \
    return getrf(h, m, n, a, lda, work, p, info);                                                  \
  }                                                                                                \
  status cusolverDn##S##getrs(H h, operation op, int n, int columns, const T *a, int lda,          \
                              const int *p, T *b, int ldb, int *info) {                            \
    return getrs(h, op, n, columns, a, lda, p, b, ldb, info);                                      \
  }                                                                                                \
  status cusolverDn##S##potrf_bufferSize(H h, fill, int n, T *, int, int *out) {                   \
    return answer(h, space_for(n, 0), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##potrf(H h, fill uplo, int n, T *a, int lda, T *work, int lwork,            \
                              int *info) {                                                         \
    return potrf(h, uplo, n, a, lda, work, lwork, info);                                           \
  }                                                                                                \
  status cusolverDn##S##geqrf_bufferSize(H h, int m, int n, T *, int, int *out) {                  \
    return answer(h, space_for(m, n), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##geqrf(H h, int m, int n, T *a, int lda, T *tau, T *work, int lwork,        \
                              int *info) {                                                         \
    return geqrf(h, m, n, a, lda, tau, work, lwork, info);                                         \
  }                                                                                                \
  status cusolverDn##S##orgqr_bufferSize(H h, int m, int n, int, const T *, int, const T *,        \
                                         int *out) {                                               \
    return answer(h, space_for(m, n), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##orgqr(H h, int m, int n, int k, T *a, int lda, const T *tau, T *work,      \
                              int lwork, int *info) {                                              \
    return orgqr(h, m, n, k, a, lda, tau, work, lwork, info);                                      \
  }                                                                                                \
  status cusolverDn##S##ormqr_bufferSize(H h, side, operation, int m, int n, int, const T *, int,  \
                                         const T *, const T *, int, int *out) {                    \
    return answer(h, space_for(m, n), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##ormqr(H h, side where, operation op, int m, int n, int k, const T *a,      \
                              int lda, const T *tau, T *c, int ldc, T *work, int lwork,            \
                              int *info) {                                                         \
    return ormqr(h, where, op, m, n, k, a, lda, tau, c, ldc, work, lwork, info);                   \
  }                                                                                                \
  status cusolverDn##S##syevd_bufferSize(H h, cusolverEigMode_t, fill, int n, const T *, int,      \
                                         const T *, int *out) {                                    \
    return answer(h, space_for(n, n), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##syevd(H h, cusolverEigMode_t job, fill uplo, int n, T *a, int lda, T *w,   \
                              T *work, int lwork, int *info) {                                     \
    return syevd(h, job, uplo, n, a, lda, w, work, lwork, info);                                   \
  }                                                                                                \
  status cusolverDn##S##gesvd_bufferSize(H h, int m, int n, int *out) {                            \
    if (m < n) return CUSOLVER_STATUS_INVALID_VALUE;                                               \
    return answer(h, space_for(m, n), out);                                                        \
  }                                                                                                \
  status cusolverDn##S##gesvd(H h, signed char jobu, signed char jobvt, int m, int n, T *a,        \
                              int lda, T *s, T *u, int ldu, T *vt, int ldvt, T *work, int lwork,   \
                              T *, int *info) {                                                    \
    return gesvd(h, jobu, jobvt, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, info);            \
  }

FUNCTIONS(S, float)
FUNCTIONS(D, double)
