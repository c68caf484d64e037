/* gemm_bias.cu: products whose bias cuBLASLt adds while it writes them.
 *
 * As in gemm.cu, cuBLASLt is asked for C^T = B^T A^T; its rows, along which a bias lies, are then
 * the columns of C.  What it has no kernel for is left to the two steps of the caller. */
#include "cuda/gemm.h"

#include <memory>
#include <new>
#include <string.h>

/* ---- plans ------------------------------------------------------------------------------ */

/* All that a plan depends on, in numbers of one size, so that two can be compared as bytes.  The
 * operands are in cuBLASLt's order: B, A, C. */
struct problem {
  int64_t device, type, compute, rows, cols, inner, op[2], ld[3], aligned[3];
};

struct plan {
  const problem of;
  const cr_cublaslt *lt;
  bool usable = false;
  cublasLtMatmulDesc_t call = NULL;
  cublasLtMatrixLayout_t layout[3] = {};
  cublasLtMatmulAlgo_t algo = {};

  plan(const problem &p, const cr_cublaslt *functions) : of(p), lt(functions) {}
  ~plan() {
    for (cublasLtMatrixLayout_t l : layout)
      if (l) lt->cublasLtMatrixLayoutDestroy(l);
    if (call) lt->cublasLtMatmulDescDestroy(call);
  }
};

template <typename T> static bool set(plan *p, cublasLtMatmulDescAttributes_t attribute, T value) {
  return p->lt->cublasLtMatmulDescSetAttribute(p->call, attribute, &value, sizeof value) ==
         CUBLAS_STATUS_SUCCESS;
}

static bool describe_call(plan *p) {
  cudaDataType scale = p->of.type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F;
  return p->lt->cublasLtMatmulDescCreate(&p->call, (cublasComputeType_t)p->of.compute, scale) ==
             CUBLAS_STATUS_SUCCESS &&
         set(p, CUBLASLT_MATMUL_DESC_TRANSA, (int32_t)p->of.op[0]) &&
         set(p, CUBLASLT_MATMUL_DESC_TRANSB, (int32_t)p->of.op[1]) &&
         set(p, CUBLASLT_MATMUL_DESC_EPILOGUE, (uint32_t)CUBLASLT_EPILOGUE_BIAS);
}

static bool describe_matrices(plan *p) {
  const problem &q = p->of;
  const int64_t size[3][2] = {{q.rows, q.inner}, {q.inner, q.cols}, {q.rows, q.cols}};
  for (int i = 0; i < 3; i++) {
    bool turned = i < 2 && q.op[i] != CUBLAS_OP_N;
    if (p->lt->cublasLtMatrixLayoutCreate(&p->layout[i], (cudaDataType)q.type,
                                          (uint64_t)size[i][turned], (uint64_t)size[i][!turned],
                                          q.ld[i]) != CUBLAS_STATUS_SUCCESS)
      return false;
  }
  return true;
}

/* Partial sums are kept in what the product is computed in, never in halves. */
static bool describe_wishes(const plan *p, cublasLtMatmulPreference_t wishes, uint64_t space) {
  const uint32_t partial = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  const struct {
    cublasLtMatmulPreferenceAttributes_t attribute;
    uint32_t value;
  } all[] = {
      {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, partial},
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, (uint32_t)p->of.aligned[0]},
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, (uint32_t)p->of.aligned[1]},
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, (uint32_t)p->of.aligned[2]},
      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, (uint32_t)p->of.aligned[2]},
  };
  for (const auto &a : all)
    if (p->lt->cublasLtMatmulPreferenceSetAttribute(wishes, a.attribute, &a.value,
                                                    sizeof a.value) != CUBLAS_STATUS_SUCCESS)
      return false;
  return p->lt->cublasLtMatmulPreferenceSetAttribute(wishes,
                                                     CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                     &space, sizeof space) == CUBLAS_STATUS_SUCCESS;
}

/* The pointer to the bias is set already: its alignment counts. */
static bool choose(plan *p, cublasLtHandle_t handle, uint64_t space) {
  cublasLtMatmulPreference_t wishes = NULL;
  if (p->lt->cublasLtMatmulPreferenceCreate(&wishes) != CUBLAS_STATUS_SUCCESS) return false;
  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  bool ok = describe_wishes(p, wishes, space) &&
            p->lt->cublasLtMatmulAlgoGetHeuristic(handle, p->call, p->layout[0], p->layout[1],
                                                  p->layout[2], p->layout[2], wishes, 1, &best,
                                                  &found) == CUBLAS_STATUS_SUCCESS &&
            found == 1 && best.state == CUBLAS_STATUS_SUCCESS;
  p->lt->cublasLtMatmulPreferenceDestroy(wishes);
  p->algo = best.algo;
  return ok;
}

/* A thread keeps so many; one that comes later takes the place of one with the same remainder. */
#define PLANS 256
static thread_local std::unique_ptr<plan> plans[PLANS];

static std::unique_ptr<plan> &place_of(const problem &q) {
  int64_t words[sizeof q / sizeof(int64_t)];
  memcpy(words, &q, sizeof words);
  uint64_t hash = 0;
  for (int64_t w : words) hash = (hash ^ (uint64_t)w) * 0x9e3779b97f4a7c15u;
  return plans[(hash >> 32) % PLANS];
}

/* With this bias; NULL when cuBLASLt has nothing for the problem. */
static plan *plan_for(const cr_cublaslt *lt, const cr_blas &blas, const problem &q,
                      const void *bias) {
  std::unique_ptr<plan> &kept = place_of(q);
  bool there = kept && memcmp(&kept->of, &q, sizeof q) == 0;
  if (!there) kept.reset(new (std::nothrow) plan(q, lt));
  plan *p = kept.get();
  if (!p || (there && !p->usable)) return NULL;
  if (there) return set(p, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias) ? p : NULL;
  p->usable = describe_call(p) && describe_matrices(p) &&
              set(p, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias) &&
              choose(p, (cublasLtHandle_t)blas.handle, blas.space()->bytes);
  return p->usable ? p : NULL;
}

/* ---- the product ------------------------------------------------------------------------ */

/* The largest power of two up to 256 that divides an address. */
static int64_t alignment(const void *p) {
  uintptr_t bits = reinterpret_cast<uintptr_t>(p) | 256;
  return (int64_t)(bits & -bits);
}

/* Vectors have kernels of their own in cuBLAS; a kernel may read a bias in packs of 16 bytes. */
static bool is_plain(const cr_gemm_args *g, const void *bias) {
  return cr_is_float(g->dtype) && g->batch == 1 && g->m > 1 && g->n > 1 && g->k > 1 &&
         alignment(bias) >= 16;
}

static problem problem_of(const cr_gemm_args *g, const cr_factor &a, const cr_factor &b) {
  return {cr_cuda_device(),
          cr_blas_type(g->dtype),
          cr_blas_compute(g->dtype),
          g->n,
          g->m,
          g->k,
          {b.op, a.op},
          {b.ld, a.ld, cr_blas_ldc(g)},
          {alignment(b.data), alignment(a.data), alignment(g->c)}};
}

int cr_cuda_gemm_bias(const cr_gemm_args *g, const void *bias) {
  cr_factor a, b;
  const cr_cublaslt *lt = is_plain(g, bias) ? cr_find_cublaslt() : NULL;
  if (!lt || !cr_as_factor(&a, g->a, 1, g->m, g->k, g->as) ||
      !cr_as_factor(&b, g->b, 1, g->k, g->n, g->bs))
    return 0;
  cr_blas blas("a matrix product");
  if (!blas.handle) return -1;
  if (!blas.space()) return 0;
  plan *p = plan_for(lt, blas, problem_of(g, a, b), bias);
  if (!p) return 0;
  const double one = 1, zero = 0;
  const float float_one = 1, float_zero = 0;
  bool wide = g->dtype == CR_FLOAT64;
  cublasStatus_t status = lt->cublasLtMatmul(
      (cublasLtHandle_t)blas.handle, p->call, wide ? (const void *)&one : &float_one, b.data,
      p->layout[0], a.data, p->layout[1], wide ? (const void *)&zero : &float_zero, g->c,
      p->layout[2], g->c, p->layout[2], &p->algo, blas.space()->p, blas.space()->bytes,
      cr_cuda_stream());
  p->usable = status != CUBLAS_STATUS_NOT_SUPPORTED;
  if (!p->usable) return 0;
  return blas.ok(status, "cublasLtMatmul") && cr_cuda_launched("cublasLtMatmul") ? 1 : -1;
}
