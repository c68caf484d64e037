/* cublas_lt.cc: a fake of cuBLASLt. */
#include <cublasLt.h>

#include "fake_product.h"

#define BLAS_MAGIC 0x43424c53u /* a handle of cuBLAS stands for one of cuBLASLt */
#define WORKSPACE 256          /* bytes that every algorithm wants */

struct cr_fake_lt_call {
  cublasComputeType_t compute;
  cudaDataType scale;
  int32_t op[2];
  uint32_t epilogue;
  const void *bias;
};

struct cr_fake_lt_layout {
  cudaDataType type;
  uint64_t rows, cols;
  int64_t ld;
};

struct cr_fake_lt_wishes {
  uint64_t workspace;
  uint32_t schemes, align[4]; /* of A, B, C and D */
};

/* ---- descriptors ------------------------------------------------------------------------ */

template <typename T> static cublasStatus_t create(T **out, const T &value) {
  *out = new T(value);
  return CUBLAS_STATUS_SUCCESS;
}

template <typename T> static cublasStatus_t destroy(T *p) {
  if (!p) return CUBLAS_STATUS_INVALID_VALUE;
  delete p;
  return CUBLAS_STATUS_SUCCESS;
}

/* The size must be the attribute's own. */
template <typename T> static cublasStatus_t take(T *to, const void *from, size_t bytes) {
  if (!from || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  memcpy(to, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *call, cublasComputeType_t compute,
                                        cudaDataType scale) {
  if (!call) return CUBLAS_STATUS_INVALID_VALUE;
  return create(call,
                {compute, scale, {CUBLAS_OP_N, CUBLAS_OP_N}, CUBLASLT_EPILOGUE_DEFAULT, NULL});
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t call) {
  return destroy(call);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t call,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *from, size_t bytes) {
  switch (attribute) {
  case CUBLASLT_MATMUL_DESC_TRANSA: return take(&call->op[0], from, bytes);
  case CUBLASLT_MATMUL_DESC_TRANSB: return take(&call->op[1], from, bytes);
  case CUBLASLT_MATMUL_DESC_EPILOGUE: return take(&call->epilogue, from, bytes);
  case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return take(&call->bias, from, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                          uint64_t rows, uint64_t cols, int64_t ld) {
  if (!layout) return CUBLAS_STATUS_INVALID_VALUE;
  return create(layout, {type, rows, cols, ld});
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *wishes) {
  if (!wishes) return CUBLAS_STATUS_INVALID_VALUE;
  return create(wishes, {0, CUBLASLT_REDUCTION_SCHEME_MASK, {256, 256, 256, 256}});
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t wishes) {
  return destroy(wishes);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t wishes,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *from, size_t bytes) {
  switch (attribute) {
  case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return take(&wishes->workspace, from, bytes);
  case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return take(&wishes->schemes, from, bytes);
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
    return take(&wishes->align[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], from,
                bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

/* ---- the call --------------------------------------------------------------------------- */

/* The layouts of A, B, C and D. */
struct layouts {
  cublasLtMatrixLayout_t of[4];
};

static bool usable(cublasLtHandle_t handle, fake::handle *out) {
  const struct { fake::handle base; } *h = reinterpret_cast<decltype(h)>(handle);
  if (!fake::is_current(h, BLAS_MAGIC)) return false;
  *out = h->base;
  return true;
}

static bool same(const cr_fake_lt_layout *a, const cr_fake_lt_layout *b) {
  return a->type == b->type && a->rows == b->rows && a->cols == b->cols && a->ld == b->ld;
}

/* The product that the descriptors mean; false when they do not fit each other. */
static bool read(const cr_fake_lt_call *call, const layouts &l, fake::product *p) {
  if (!call) return false;
  for (const cr_fake_lt_layout *x : l.of)
    if (!x) return false;
  const cr_fake_lt_layout *a = l.of[0], *b = l.of[1], *d = l.of[3];
  bool ta = call->op[0] != CUBLAS_OP_N, tb = call->op[1] != CUBLAS_OP_N;
  *p = {};
  p->op[0] = (cublasOperation_t)call->op[0];
  p->op[1] = (cublasOperation_t)call->op[1];
  p->m = (int64_t)d->rows, p->n = (int64_t)d->cols, p->k = (int64_t)(ta ? a->rows : a->cols);
  p->ld[0] = a->ld, p->ld[1] = b->ld, p->ld[2] = d->ld;
  p->batch = 1;
  p->type = a->type;
  p->compute = call->compute;
  return same(l.of[2], d) && (ta ? a->cols : a->rows) == d->rows &&
         (tb ? b->rows : b->cols) == d->cols && (tb ? b->cols : b->rows) == (uint64_t)p->k &&
         fake::shape_ok(*p);
}

static bool supported(const cr_fake_lt_call *call, const layouts &l, const fake::product &p) {
  bool wide = p.type == CUDA_R_64F;
  return fake::types_ok(p, l.of[1]->type, l.of[3]->type) && p.m && p.n && p.k &&
         call->scale == (wide ? CUDA_R_64F : CUDA_R_32F) &&
         (call->epilogue == CUBLASLT_EPILOGUE_DEFAULT || call->epilogue == CUBLASLT_EPILOGUE_BIAS);
}

/* Which problems the real one has nothing for is not known; this one has nothing for sums of 13.
 * The algorithm remembers the alignment that it relies on. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t call,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t wishes, int wanted,
                                              cublasLtMatmulHeuristicResult_t *results,
                                              int *count) {
  fake::handle h;
  fake::product p;
  layouts l = {{a, b, c, d}};
  if (!usable(handle, &h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!wishes || wanted <= 0 || !results || !count || !read(call, l, &p))
    return CUBLAS_STATUS_INVALID_VALUE;
  *count = 0;
  if (!supported(call, l, p) || p.k == 13 || wishes->workspace < WORKSPACE)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  *count = 1;
  results[0] = {};
  results[0].state = CUBLAS_STATUS_SUCCESS;
  results[0].workspaceSize = WORKSPACE;
  for (int i = 0; i < 4; i++) results[0].algo.data[i] = wishes->align[i];
  results[0].algo.data[4] = 16; /* of a bias */
  return CUBLAS_STATUS_SUCCESS;
}

static bool aligned(const void *p, uint64_t to) {
  return to && reinterpret_cast<uintptr_t>(p) % to == 0;
}

static bool memory_ok(const cr_fake_lt_call *call, const fake::product &p,
                      const cublasLtMatmulAlgo_t &algo, const void *c) {
  bool bias = call->epilogue == CUBLASLT_EPILOGUE_BIAS;
  return fake::operands_ok(p) && aligned(p.a, algo.data[0]) && aligned(p.b, algo.data[1]) &&
         aligned(c, algo.data[2]) && aligned(p.c, algo.data[3]) &&
         (!bias || fake::in_device(p.bias, (size_t)p.m * fake::size_of(p.type), algo.data[4]));
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t call, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t la, const void *b,
                              cublasLtMatrixLayout_t lb, const void *beta, const void *c,
                              cublasLtMatrixLayout_t lc, void *d, cublasLtMatrixLayout_t ld,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t bytes,
                              cudaStream_t stream) {
  cr_emulation_device device("cublasLtMatmul");
  fake::handle h;
  fake::product p;
  layouts l = {{la, lb, lc, ld}};
  if (!usable(handle, &h)) return CUBLAS_STATUS_NOT_INITIALIZED;
  bool wide = call && call->scale == CUDA_R_64F;
  if (!read(call, l, &p) || !algo || c != d || bytes < WORKSPACE ||
      !fake::in_host(alpha, wide ? 8 : 4) || !fake::in_host(beta, wide ? 8 : 4))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!supported(call, l, p)) return CUBLAS_STATUS_NOT_SUPPORTED;
  p.a = a, p.b = b, p.c = d;
  p.bias = call->epilogue == CUBLASLT_EPILOGUE_BIAS ? call->bias : NULL;
  p.alpha = wide ? *static_cast<const double *>(alpha) : *static_cast<const float *>(alpha);
  p.beta = wide ? *static_cast<const double *>(beta) : *static_cast<const float *>(beta);
  if (!memory_ok(call, p, *algo, c) || !fake::in_device(workspace, bytes, 16))
    return CUBLAS_STATUS_EXECUTION_FAILED;
  fake::spoil(workspace, bytes);
  h.stream = stream;
  fake::run_or_keep(h, "cublasLtMatmul", [p] { fake::multiply(p); });
  return CUBLAS_STATUS_SUCCESS;
}
