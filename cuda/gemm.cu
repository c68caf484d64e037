/* gemm.cu: products of matrices and of vectors.
 *
 * Floats go to cuBLAS, the half types too, which then sums in float32.  cuBLAS counts by columns:
 * what it sees of a matrix by rows is the transposed one, so it is asked for C^T = B^T A^T. */
#include "cuda/block.h"
#include "cuda/gemm.h"

/* ---- operands as cuBLAS takes them ------------------------------------------------------ */

#define THREADS 256

bool cr_as_factor(cr_factor *x, const void *data, int64_t batch, int64_t rows, int64_t cols,
                  const int64_t stride[3]) {
  int64_t rs = stride[1], cs = stride[2];
  x->data = data;
  x->step = batch == 1 ? 0 : stride[0];
  if (x->step < 0) return false;
  if ((cs == 1 || cols == 1) && (rs >= cols || rows == 1)) {
    x->op = CUBLAS_OP_N;
    x->ld = rows == 1 ? cols : rs;
    return true;
  }
  x->op = CUBLAS_OP_T;
  x->ld = cols == 1 ? rows : cs;
  return (rs == 1 || rows == 1) && (cs >= rows || cols == 1);
}

struct strided {
  const char *data;
  int64_t batch, rows, cols, stride[3]; /* in elements */
};

/* Contiguous rows of elements of type T, whatever they mean. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    pack_kernel(T *out, const __grid_constant__ strided in, int64_t count) {
  const T *data = reinterpret_cast<const T *>(in.data);
  for (int64_t i = cr_thread(); i < count; i += cr_threads()) {
    int64_t row = i / in.cols, matrix = row / in.rows;
    out[i] = data[matrix * in.stride[0] + (row - matrix * in.rows) * in.stride[1] +
                  (i - row * in.cols) * in.stride[2]];
  }
}

/* A matrix that all of the batch share is copied once. */
static strided to_pack(const void *data, int64_t batch, int64_t rows, int64_t cols,
                       const int64_t stride[3]) {
  bool shared = batch == 1 || stride[0] == 0;
  return {static_cast<const char *>(data),
          shared ? 1 : batch,
          rows,
          cols,
          {shared ? 0 : stride[0], stride[1], stride[2]}};
}

static int64_t count_of(const strided &s) {
  return s.batch * s.rows * s.cols;
}

static bool pack(cr_factor *x, void *room, const strided &s, size_t size) {
  int64_t count = count_of(s);
  unsigned blocks = cr_blocks(count, THREADS);
  x->data = room;
  x->op = CUBLAS_OP_N;
  x->ld = s.cols;
  x->step = s.batch == 1 ? 0 : s.rows * s.cols;
  switch (size) {
  case 2:
    return cr_launch("pack", pack_kernel<uint16_t>, blocks, THREADS, 0, (uint16_t *)room, s, count);
  case 4:
    return cr_launch("pack", pack_kernel<uint32_t>, blocks, THREADS, 0, (uint32_t *)room, s, count);
  default:
    return cr_launch("pack", pack_kernel<uint64_t>, blocks, THREADS, 0, (uint64_t *)room, s, count);
  }
}

/* ---- cuBLAS ----------------------------------------------------------------------------- */

cudaDataType cr_blas_type(cr_dtype t) {
  switch (t) {
  case CR_FLOAT64: return CUDA_R_64F;
  case CR_FLOAT16: return CUDA_R_16F;
  case CR_BFLOAT16: return CUDA_R_16BF;
  default: return CUDA_R_32F;
  }
}

cublasComputeType_t cr_blas_compute(cr_dtype t) {
  if (t == CR_FLOAT64) return CUBLAS_COMPUTE_64F;
  bool fast = t == CR_FLOAT32 && cr_cuda_option(CR_OPTION_TF32);
  return fast ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

int64_t cr_blas_ldc(const cr_gemm_args *g) {
  return g->m == 1 ? g->n : g->cs[1];
}

static bool multiply(const cr_gemm_args *g, const cr_factor &a, const cr_factor &b) {
  cr_blas blas("a matrix product");
  if (!blas.handle) return false;
  float alpha = (float)g->alpha, beta = (float)g->beta;
  bool wide = g->dtype == CR_FLOAT64;
  const void *pa = wide ? (const void *)&g->alpha : &alpha;
  const void *pb = wide ? (const void *)&g->beta : &beta;
  cudaDataType type = cr_blas_type(g->dtype);
  cublasComputeType_t compute = cr_blas_compute(g->dtype);
  int64_t ldc = cr_blas_ldc(g);
  if (g->batch == 1)
    return blas.ok(blas->cublasGemmEx_64(blas.handle, b.op, a.op, g->n, g->m, g->k, pa, b.data,
                                         type, b.ld, a.data, type, a.ld, pb, g->c, type, ldc,
                                         compute, CUBLAS_GEMM_DEFAULT),
                   "cublasGemmEx") &&
           cr_cuda_launched("cublasGemmEx");
  return blas.ok(blas->cublasGemmStridedBatchedEx_64(blas.handle, b.op, a.op, g->n, g->m, g->k, pa,
                                                     b.data, type, b.ld, b.step, a.data, type, a.ld,
                                                     a.step, pb, g->c, type, ldc, g->cs[0],
                                                     g->batch, compute, CUBLAS_GEMM_DEFAULT),
                 "cublasGemmStridedBatchedEx") &&
         cr_cuda_launched("cublasGemmStridedBatchedEx");
}

static int64_t align(int64_t bytes) {
  return (bytes + 255) / 256 * 256;
}

static bool float_product(const cr_gemm_args *g) {
  cr_factor a, b;
  bool plain_a = cr_as_factor(&a, g->a, g->batch, g->m, g->k, g->as);
  bool plain_b = cr_as_factor(&b, g->b, g->batch, g->k, g->n, g->bs);
  if (plain_a && plain_b) return multiply(g, a, b);
  strided sa = to_pack(g->a, g->batch, g->m, g->k, g->as);
  strided sb = to_pack(g->b, g->batch, g->k, g->n, g->bs);
  int64_t size = (int64_t)cr_sizeof(g->dtype);
  int64_t room_a = plain_a ? 0 : align(count_of(sa) * size);
  int64_t room_b = plain_b ? 0 : count_of(sb) * size;
  cr_scratch room((size_t)(room_a + room_b));
  return room.p && (plain_a || pack(&a, room.p, sa, (size_t)size)) &&
         (plain_b || pack(&b, room.as<char>() + room_a, sb, (size_t)size)) && multiply(g, a, b);
}

/* ---- k = 0 ------------------------------------------------------------------------------ */

/* C = beta C, which a beta of 0 does not read. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    scale_kernel(T *c, int64_t count, int64_t m, int64_t n, int64_t step, int64_t ld, double beta) {
  using wide = decltype(cr_wide(T()));
  for (int64_t i = cr_thread(); i < count; i += cr_threads()) {
    int64_t row = i / n, matrix = row / m;
    T *p = c + matrix * step + (row - matrix * m) * ld + (i - row * n);
    *p = cr_narrow<T>::from(beta == 0 ? (wide)0 : (wide)beta * cr_wide(*p));
  }
}

static bool scale_only(const cr_gemm_args *g) {
  int64_t count = g->batch * g->m * g->n;
  unsigned blocks = cr_blocks(count, THREADS);
  switch (g->dtype) {
#define CASE(dtype, T)                                                                             \
  case dtype:                                                                                      \
    return cr_launch("gemm", scale_kernel<T>, blocks, THREADS, 0, static_cast<T *>(g->c), count,   \
                     g->m, g->n, g->cs[0], g->cs[1], g->beta);
    CR_EACH_FLOAT(CASE)
#undef CASE
  default: return cr_fail("gemm: no kernel for %s", cr_dtypes[g->dtype].name);
  }
}

/* ---- integers --------------------------------------------------------------------------- */

/* A block of 32 x 8 threads makes a tile of C of 32 by 32, each thread four rows of a column. */
#define TILE 32
#define ROWS 4
#define STEP (TILE / ROWS)

struct int_product {
  const void *a, *b;
  void *c;
  int64_t m, n, k, as[3], bs[3], cs[3];
  int64_t down, across, tiles; /* tiles of a C, of all */
  uint64_t alpha, beta;
};

/* What overflow leaves of a sum is the same in W as in any wider type. */
template <typename T> struct sum_type { typedef uint32_t type; };
template <> struct sum_type<int64_t> { typedef uint64_t type; };
template <> struct sum_type<cr_bool> { typedef uint64_t type; /* of which any bit counts */ };

/* Loads a tile of a matrix, from row r0 and column c0 on; zeros outside. */
template <typename T, typename W>
__device__ __forceinline__ void load_tile(W (&tile)[TILE * (TILE + 1)], const T *p, int64_t rs,
                                          int64_t cs, int64_t r0, int64_t rows, int64_t c0,
                                          int64_t cols) {
  int64_t c = c0 + threadIdx.x;
  for (int i = threadIdx.y; i < TILE; i += STEP) {
    int64_t r = r0 + i;
    bool inside = r < rows && c < cols;
    tile[i * (TILE + 1) + threadIdx.x] = inside ? (W)cr_wide(p[r * rs + c * cs]) : 0;
  }
}

template <typename T, typename W>
__device__ __forceinline__ void store_sum(T *p, W sum, const int_product &g) {
  W y = (W)g.alpha * sum;
  if (g.beta) y += (W)g.beta * (W)cr_wide(*p);
  *p = cr_narrow<T>::from(y);
}

template <typename T, typename W>
__global__ void __launch_bounds__(TILE *STEP) int_kernel(const __grid_constant__ int_product g) {
  CR_SHARED(W, x, TILE * (TILE + 1));
  CR_SHARED(W, y, TILE * (TILE + 1));
  for (int64_t t = blockIdx.x; t < g.tiles; t += gridDim.x) {
    int64_t matrix = t / (g.down * g.across), place = t - matrix * g.down * g.across;
    int64_t r0 = place / g.across * TILE, c0 = place % g.across * TILE;
    const T *a = static_cast<const T *>(g.a) + matrix * g.as[0];
    const T *b = static_cast<const T *>(g.b) + matrix * g.bs[0];
    W sum[ROWS] = {0};
    for (int64_t p = 0; p < g.k; p += TILE) {
      load_tile(x, a, g.as[1], g.as[2], r0, g.m, p, g.k);
      load_tile(y, b, g.bs[1], g.bs[2], p, g.k, c0, g.n);
      __syncthreads();
      for (int q = 0; q < TILE; q++) {
        W f = y[q * (TILE + 1) + threadIdx.x];
        for (int i = 0; i < ROWS; i++) sum[i] += x[(threadIdx.y + i * STEP) * (TILE + 1) + q] * f;
      }
      __syncthreads();
    }
    int64_t column = c0 + threadIdx.x;
    T *c = static_cast<T *>(g.c) + matrix * g.cs[0] + column;
    for (int i = 0; i < ROWS; i++) {
      int64_t row = r0 + threadIdx.y + i * STEP;
      if (row < g.m && column < g.n) store_sum(c + row * g.cs[1], sum[i], g);
    }
  }
}

/* Truncates, and keeps to what fits. */
static uint64_t whole(double x) {
  if (x != x) return 0;
  if (x >= 9223372036854775808.0) return (uint64_t)INT64_MAX;
  return (uint64_t)(x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x);
}

static bool integer_product(const cr_gemm_args *g) {
  int_product p = {g->a, g->b, g->c, g->m, g->n, g->k, {}, {}, {}, 0, 0, 0, 0, 0};
  for (int i = 0; i < 3; i++) p.as[i] = g->as[i], p.bs[i] = g->bs[i], p.cs[i] = g->cs[i];
  p.down = (g->m + TILE - 1) / TILE;
  p.across = (g->n + TILE - 1) / TILE;
  p.tiles = g->batch * p.down * p.across;
  p.alpha = whole(g->alpha);
  p.beta = whole(g->beta);
  unsigned blocks = cr_blocks(p.tiles, 1);
  switch (g->dtype) {
#define CASE(dtype, T)                                                                             \
  case dtype:                                                                                      \
    return cr_launch("gemm", int_kernel<T, sum_type<T>::type>, blocks, dim3(TILE, STEP), 0, p);
    CR_EACH_INTEGER(CASE)
    CASE(CR_BOOL, cr_bool)
#undef CASE
  default: return cr_fail("gemm: no kernel for %s", cr_dtypes[g->dtype].name);
  }
}

static bool gemm(const cr_gemm_args *g) {
  if (g->batch == 0 || g->m == 0 || g->n == 0) return true;
  if (!cr_is_float(g->dtype)) return integer_product(g);
  return g->k == 0 ? scale_only(g) : float_product(g);
}

/* ---- dot -------------------------------------------------------------------------------- */

#define DOT_PER_THREAD 16
#define DOT_BLOCKS 512

/* Each block sums a part of the products, in double; a single block writes the result itself. */
template <typename T>
__global__ void __launch_bounds__(THREADS)
    dot_kernel(T *out, double *parts, int64_t n, const T *a, int64_t as, const T *b, int64_t bs) {
  double sum = 0;
  for (int64_t i = cr_thread(); i < n; i += cr_threads())
    sum += (double)cr_wide(a[i * as]) * (double)cr_wide(b[i * bs]);
  sum = cr_block_sum<THREADS>(sum);
  if (threadIdx.x) return;
  if (parts)
    parts[blockIdx.x] = sum;
  else
    *out = cr_narrow<T>::from(sum);
}

template <typename T>
__global__ void __launch_bounds__(THREADS) dot_end_kernel(T *out, const double *parts, int count) {
  double sum = 0;
  for (int i = threadIdx.x; i < count; i += THREADS) sum += parts[i];
  sum = cr_block_sum<THREADS>(sum);
  if (threadIdx.x == 0) *out = cr_narrow<T>::from(sum);
}

/* How many blocks there are, and so the order of additions, depends on n alone. */
template <typename T>
static bool dot_of(int64_t n, const void *a, int64_t as, const void *b, int64_t bs, void *out) {
  const T *x = static_cast<const T *>(a), *y = static_cast<const T *>(b);
  T *sum = static_cast<T *>(out);
  unsigned blocks = cr_blocks(n, THREADS * DOT_PER_THREAD, DOT_BLOCKS);
  if (blocks == 1)
    return cr_launch("dot", dot_kernel<T>, 1, THREADS, 0, sum, (double *)NULL, n, x, as, y, bs);
  cr_scratch parts(blocks * sizeof(double));
  return parts.p &&
         cr_launch("dot", dot_kernel<T>, blocks, THREADS, 0, sum, parts.as<double>(), n, x, as, y,
                   bs) &&
         cr_launch("dot", dot_end_kernel<T>, 1, THREADS, 0, sum, parts.as<const double>(),
                   (int)blocks);
}

static bool dot(cr_dtype dtype, int64_t n, const void *a, int64_t as, const void *b, int64_t bs,
                void *out) {
  switch (dtype) {
#define CASE(dtype, T)                                                                             \
  case dtype: return dot_of<T>(n, a, as, b, bs, out);
    CR_EACH_FLOAT(CASE)
#undef CASE
  default: return cr_fail("dot: no kernel for %s", cr_dtypes[dtype].name);
  }
}

void cr_cuda_fill_gemm(cr_backend *b) {
  b->gemm = gemm;
  b->gemm_bias = cr_cuda_gemm_bias;
  b->dot = dot;
}
