/* cublas.cc: a fake of cuBLAS. */
#include <cublas_v2.h>

#include "fake_product.h"

using fake::product;

#define MAGIC 0x43424c53u

struct cublasContext {
  fake::handle base;
  void *workspace; /* NULL: the library's own */
  size_t bytes;
  int math;
};

/* ---- handles ---------------------------------------------------------------------------- */

static bool usable(cublasHandle_t h) {
  return fake::is_current(h, MAGIC);
}

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = fake::make<cublasContext>(MAGIC);
  return *handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t h) {
  if (!usable(h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  fake::unmake(h);
  return CUBLAS_STATUS_SUCCESS;
}

/* As with the real one, the library's own work space comes back. */
cublasStatus_t cublasSetStream_v2(cublasHandle_t h, cudaStream_t stream) {
  if (!usable(h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  h->base.stream = stream;
  h->workspace = NULL;
  h->bytes = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t h, void *workspace, size_t bytes) {
  if (!usable(h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!fake::in_device(workspace, bytes, 256)) return CUBLAS_STATUS_INVALID_VALUE;
  h->workspace = workspace;
  h->bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t mode) {
  if (!usable(h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  int base = mode & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
  if (base != CUBLAS_DEFAULT_MATH && base != CUBLAS_PEDANTIC_MATH &&
      base != CUBLAS_TF32_TENSOR_OP_MATH)
    return CUBLAS_STATUS_INVALID_VALUE;
  h->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
#define NAME(status)                                                                               \
  case status: return #status;
    NAME(CUBLAS_STATUS_SUCCESS)
    NAME(CUBLAS_STATUS_NOT_INITIALIZED)
    NAME(CUBLAS_STATUS_ALLOC_FAILED)
    NAME(CUBLAS_STATUS_INVALID_VALUE)
    NAME(CUBLAS_STATUS_ARCH_MISMATCH)
    NAME(CUBLAS_STATUS_MAPPING_ERROR)
    NAME(CUBLAS_STATUS_EXECUTION_FAILED)
    NAME(CUBLAS_STATUS_INTERNAL_ERROR)
    NAME(CUBLAS_STATUS_NOT_SUPPORTED)
#undef NAME
  }
  return "unknown";
}

const char *cublasGetStatusString(cublasStatus_t) {
  return "says the fake";
}

/* Every call may use its work space, which must be alive. */
static bool use_workspace(cublasHandle_t h) {
  if (!h->workspace) return true;
  if (!fake::in_device(h->workspace, h->bytes, 256)) return false;
  fake::spoil(h->workspace, h->bytes);
  return true;
}

/* ---- products --------------------------------------------------------------------------- */

/* alpha and beta have the type that the product is computed in. */
static cublasStatus_t gemm(cublasHandle_t h, product p, cudaDataType b, cudaDataType c,
                           const void *alpha, const void *beta) {
  cr_emulation_device device("cublasGemmEx");
  if (!usable(h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  bool wide = p.compute == CUBLAS_COMPUTE_64F;
  if (!fake::shape_ok(p) || !fake::in_host(alpha, wide ? 8 : 4) ||
      !fake::in_host(beta, wide ? 8 : 4))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!fake::types_ok(p, b, c)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (p.m == 0 || p.n == 0 || p.batch == 0) return CUBLAS_STATUS_SUCCESS;
  if (!fake::operands_ok(p) || !use_workspace(h)) return CUBLAS_STATUS_EXECUTION_FAILED;
  p.alpha = wide ? *static_cast<const double *>(alpha) : *static_cast<const float *>(alpha);
  p.beta = wide ? *static_cast<const double *>(beta) : *static_cast<const float *>(beta);
  fake::run_or_keep(h->base, "cublasGemmEx", [p] { fake::multiply(p); });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb,
                               int64_t m, int64_t n, int64_t k, const void *alpha, const void *a,
                               cudaDataType type_a, int64_t lda, const void *b, cudaDataType type_b,
                               int64_t ldb, const void *beta, void *c, cudaDataType type_c,
                               int64_t ldc, cublasComputeType_t compute, cublasGemmAlgo_t) {
  product p = {{ta, tb}, m, n, k,   {lda, ldb, ldc}, {0, 0, 0}, 1, a, b, c, type_a,
               compute,  0, 0, NULL};
  return gemm(h, p, type_b, type_c, alpha, beta);
}

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t h, cublasOperation_t ta,
                                             cublasOperation_t tb, int64_t m, int64_t n, int64_t k,
                                             const void *alpha, const void *a, cudaDataType type_a,
                                             int64_t lda, long long int step_a, const void *b,
                                             cudaDataType type_b, int64_t ldb, long long int step_b,
                                             const void *beta, void *c, cudaDataType type_c,
                                             int64_t ldc, long long int step_c, int64_t batch,
                                             cublasComputeType_t compute, cublasGemmAlgo_t) {
  product p = {{ta, tb}, m, n,   k, {lda, ldb, ldc}, {step_a, step_b, step_c},
               batch,    a, b,   c, type_a,          compute,
               0,        0, NULL};
  return gemm(h, p, type_b, type_c, alpha, beta);
}

/* ---- triangular systems ----------------------------------------------------------------- */

/* Solves op(A) x = x for one column, in place. */
template <typename T>
static void solve_column(bool upper, bool transposed, bool unit, int n, const T *a, int lda, T *x) {
  bool from_end = upper != transposed;
  for (int step = 0; step < n; step++) {
    int i = from_end ? n - 1 - step : step;
    double sum = x[i];
    for (int j = from_end ? i + 1 : 0; j < (from_end ? n : i); j++)
      sum -= (double)(transposed ? a[j + (int64_t)i * lda] : a[i + (int64_t)j * lda]) * x[j];
    x[i] = (T)(unit ? sum : sum / a[i + (int64_t)i * lda]);
  }
}

template <typename T>
static cublasStatus_t trsm(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
                           cublasOperation_t trans, cublasDiagType_t diag, int m, int n,
                           const T *alpha, const T *a, int lda, T *b, int ldb) {
  cr_emulation_device device("cublasTrsm");
  if (!usable(h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (m < 0 || n < 0 || lda < fake::at_least_one(m) || ldb < fake::at_least_one(m) ||
      !fake::in_host(alpha, sizeof(T)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (side != CUBLAS_SIDE_LEFT) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!fake::matrix_in_device(a, m, m, lda, sizeof(T)) ||
      !fake::matrix_in_device(b, m, n, ldb, sizeof(T)) || !use_workspace(h))
    return CUBLAS_STATUS_EXECUTION_FAILED;
  fake::run_or_keep(h->base, "cublasTrsm", [=, scale = *alpha] {
    for (int j = 0; j < n; j++) {
      T *x = b + (int64_t)j * ldb;
      for (int i = 0; i < m; i++) x[i] *= scale;
      solve_column(uplo == CUBLAS_FILL_MODE_UPPER, trans != CUBLAS_OP_N, diag == CUBLAS_DIAG_UNIT,
                   m, a, lda, x);
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasStrsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
                              cublasOperation_t trans, cublasDiagType_t diag, int m, int n,
                              const float *alpha, const float *a, int lda, float *b, int ldb) {
  return trsm(h, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}

cublasStatus_t cublasDtrsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
                              cublasOperation_t trans, cublasDiagType_t diag, int m, int n,
                              const double *alpha, const double *a, int lda, double *b, int ldb) {
  return trsm(h, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
