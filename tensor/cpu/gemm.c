/* gemm.c: products of matrices and of vectors.
 *
 * float32 and float64 go to OpenBLAS, but for products so small that calling it costs more than the
 * product, those of middle size (gemm_direct.c), rows times a vector, and sums of few products of
 * vectors; batches of small products share the threads among them.  The half types compute in
 * float32; integers have a plain loop, in 64 bits. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/wide.h"

#include <cblas.h>
#include <omp.h>
#include <string.h>

/* ---- small products --------------------------------------------------------------------- */

#define ROWS 4  /* rows of C that are worked on together */
#define LANES 8 /* of a vector */
#define WIDE 4  /* vectors of a row that are worked on together, at most */

/* C = alpha A B + beta C for `rows` <= ROWS rows of `count` <= WIDE vectors; B's rows lie
 * contiguous.  The sums stay in registers: the bounds are constants where it is called. */
#define TILE(type)                                                                                 \
  typedef type vector_##type __attribute__((vector_size(LANES * sizeof(type))));                   \
  typedef type place_##type                                                                        \
      __attribute__((vector_size(LANES * sizeof(type)), aligned(sizeof(type)), may_alias));        \
                                                                                                   \
  static inline __attribute__((always_inline)) void tile_##type(                                   \
      const cr_gemm_args *g, const type *a, const type *b, int64_t b_row, type *c, int rows,       \
      int count) {                                                                                 \
    vector_##type sum[ROWS][WIDE];                                                                 \
    CR_UNROLL for (int i = 0; i < rows; i++) {                                                     \
      CR_UNROLL for (int v = 0; v < count; v++) sum[i][v] = (vector_##type){0};                    \
    }                                                                                              \
    for (int64_t p = 0; p < g->k; p++, a += g->as[2], b += b_row) {                                \
      CR_UNROLL for (int i = 0; i < rows; i++) {                                                   \
        type x = a[i * g->as[1]];                                                                  \
        CR_UNROLL for (int v = 0; v < count; v++) sum[i][v] +=                                     \
            x * *(const place_##type *)(b + v * LANES);                                            \
      }                                                                                            \
    }                                                                                              \
    type alpha = (type)g->alpha, beta = (type)g->beta;                                             \
    CR_UNROLL for (int i = 0; i < rows; i++) {                                                     \
      CR_UNROLL for (int v = 0; v < count; v++) {                                                  \
        place_##type *o = (place_##type *)(c + i * g->cs[1] + v * LANES);                          \
        *o = beta == 0 ? alpha * sum[i][v] : alpha * sum[i][v] + beta * *o;                        \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  /* Fewer columns than a vector has. */                                                           \
  static void rest_##type(const cr_gemm_args *g, const type *a, const type *b, int64_t b_row,      \
                          type *c, int64_t n) {                                                    \
    type sum[LANES] = {0}, alpha = (type)g->alpha, beta = (type)g->beta;                           \
    for (int64_t p = 0; p < g->k; p++) {                                                           \
      for (int64_t j = 0; j < n; j++) sum[j] += a[p * g->as[2]] * b[p * b_row + j];                \
    }                                                                                              \
    for (int64_t j = 0; j < n; j++)                                                                \
      c[j] = beta == 0 ? alpha * sum[j] : alpha * sum[j] + beta * c[j];                            \
  }                                                                                                \
                                                                                                   \
  /* Some of n columns, of one row or of ROWS: returns how many. */                                \
  static int64_t columns_##type(const cr_gemm_args *g, const type *a, const type *b,               \
                                int64_t b_row, type *c, int64_t rows, int64_t n) {                 \
    bool one = rows < ROWS;                                                                        \
    if (n < LANES) {                                                                               \
      for (int64_t i = 0; i < rows; i++)                                                           \
        rest_##type(g, a + i * g->as[1], b, b_row, c + i * g->cs[1], n);                           \
      return n;                                                                                    \
    }                                                                                              \
    int count = n >= 4 * LANES ? 4 : n >= 2 * LANES ? 2 : 1;                                       \
    if (count == 4)                                                                                \
      one ? tile_##type(g, a, b, b_row, c, 1, 4) : tile_##type(g, a, b, b_row, c, ROWS, 4);        \
    else if (count == 2)                                                                           \
      one ? tile_##type(g, a, b, b_row, c, 1, 2) : tile_##type(g, a, b, b_row, c, ROWS, 2);        \
    else                                                                                           \
      one ? tile_##type(g, a, b, b_row, c, 1, 1) : tile_##type(g, a, b, b_row, c, ROWS, 1);        \
    return count * LANES;                                                                          \
  }

TILE(float)
TILE(double)

/* Elements of B that a small product may copy to make its rows contiguous. */
#define PACK 4096

#define SMALL(type)                                                                                \
  static void small_##type(const cr_gemm_args *g, const type *a, const type *b, type *c) {         \
    type packed[PACK];                                                                             \
    int64_t b_row = g->bs[1];                                                                      \
    if (g->bs[2] != 1) {                                                                           \
      for (int64_t p = 0; p < g->k; p++) {                                                         \
        for (int64_t j = 0; j < g->n; j++) packed[p * g->n + j] = b[p * b_row + j * g->bs[2]];     \
      }                                                                                            \
      b = packed;                                                                                  \
      b_row = g->n;                                                                                \
    }                                                                                              \
    for (int64_t i = 0, rows; i < g->m; i += rows) {                                               \
      rows = g->m - i >= ROWS ? ROWS : 1;                                                          \
      for (int64_t j = 0; j < g->n;)                                                               \
        j += columns_##type(g, a + i * g->as[1], b + j, b_row, c + i * g->cs[1] + j, rows,         \
                            g->n - j);                                                             \
    }                                                                                              \
  }

SMALL(float)
SMALL(double)

/* Below this many multiplications OpenBLAS's own set-up is what takes the time. */
#define SMALL_WORK 4096

static bool is_small(const cr_gemm_args *g) {
  return g->m * g->n * g->k <= SMALL_WORK && g->k * g->n <= PACK;
}

/* ---- rows times a vector ---------------------------------------------------------------- */

/* A matrix whose rows lie contiguous times a contiguous vector: it is read once, from memory that
 * is the limit. */
typedef struct {
  const cr_gemm_args *g;
  const void *matrix, *vector;
  int64_t rows, row, c_step; /* how many, and elements from one to the next */
} rows_job;

#define DOTS(type)                                                                                 \
  static inline __attribute__((always_inline)) void dots_##type(const rows_job *j, const type *a,  \
                                                                type *c, int rows) {               \
    const type *x = j->vector;                                                                     \
    int64_t k = j->g->k, p = 0;                                                                    \
    vector_##type sum[ROWS][2];                                                                    \
    type alpha = (type)j->g->alpha, beta = (type)j->g->beta;                                       \
    CR_UNROLL for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (vector_##type){0};           \
    for (; p + 2 * LANES <= k; p += 2 * LANES) {                                                   \
      CR_UNROLL for (int i = 0; i < rows; i++) {                                                   \
        const place_##type *q = (const place_##type *)(a + i * j->row + p);                        \
        sum[i][0] += q[0] * *(const place_##type *)(x + p);                                        \
        sum[i][1] += q[1] * *(const place_##type *)(x + p + LANES);                                \
      }                                                                                            \
    }                                                                                              \
    CR_UNROLL for (int i = 0; i < rows; i++) {                                                     \
      vector_##type s = sum[i][0] + sum[i][1];                                                     \
      type total = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));              \
      for (int64_t l = p; l < k; l++) total += a[i * j->row + l] * x[l];                           \
      type *o = c + i * j->c_step;                                                                 \
      *o = beta == 0 ? alpha * total : alpha * total + beta * *o;                                  \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  /* A unit is ROWS rows. */                                                                       \
  static bool some_dots_##type(void *arg, int64_t begin, int64_t end) {                            \
    const rows_job *j = arg;                                                                       \
    int64_t i = begin * ROWS, last = cr_min64(end * ROWS, j->rows);                                \
    const type *a = j->matrix;                                                                     \
    type *c = j->g->c;                                                                             \
    for (; i + ROWS <= last; i += ROWS) dots_##type(j, a + i * j->row, c + i * j->c_step, ROWS);   \
    for (; i < last; i++) dots_##type(j, a + i * j->row, c + i * j->c_step, 1);                    \
    return true;                                                                                   \
  }

DOTS(float)
DOTS(double)

/* Sets up the job when the product is such a one. */
static bool is_rows_by_vector(const cr_gemm_args *g, rows_job *j) {
  bool real = g->dtype == CR_FLOAT32 || g->dtype == CR_FLOAT64;
  if (!real || g->batch != 1 || g->k < 2 * LANES) return false;
  if (g->n == 1 && g->as[2] == 1 && g->bs[1] == 1) {
    *j = (rows_job){g, g->a, g->b, g->m, g->as[1], g->cs[1]};
    return true;
  }
  if (g->m == 1 && g->bs[1] == 1 && g->as[2] == 1) {
    *j = (rows_job){g, g->b, g->a, g->n, g->bs[2], 1};
    return true;
  }
  return false;
}

static bool rows_by_vector(const rows_job *j) {
  cr_cpu_range body = j->g->dtype == CR_FLOAT32 ? some_dots_float : some_dots_double;
  return cr_cpu_parallel((j->rows + ROWS - 1) / ROWS, 1 + CR_GRAIN_CHEAP / (ROWS * j->g->k), body,
                         (void *)(uintptr_t)j, NULL);
}

/* ---- few products ----------------------------------------------------------------------- */

/* A sum of few products of vectors: little but writing the result.  BLAS would first clear it. */
#define FEW_PRODUCTS 8

static bool is_few(const cr_gemm_args *g) {
  return g->batch == 1 && g->k <= FEW_PRODUCTS && (g->bs[2] == 1 || g->k * g->n <= PACK) &&
         (g->dtype == CR_FLOAT32 || g->dtype == CR_FLOAT64);
}

static bool some_rows(void *arg, int64_t begin, int64_t end) {
  cr_gemm_args g = *(const cr_gemm_args *)arg;
  int64_t first = begin * ROWS;
  g.m = cr_min64(end * ROWS, g.m) - first;
  if (g.dtype == CR_FLOAT32)
    small_float(&g, (const float *)g.a + first * g.as[1], g.b, (float *)g.c + first * g.cs[1]);
  else
    small_double(&g, (const double *)g.a + first * g.as[1], g.b, (double *)g.c + first * g.cs[1]);
  return true;
}

/* ---- OpenBLAS --------------------------------------------------------------------------- */

/* A matrix as BLAS wants it: contiguous along one side. */
typedef struct {
  const void *data;
  CBLAS_TRANSPOSE trans;
  int64_t ld;
  void *copy; /* to free, or NULL */
  size_t bytes;
} blas_matrix;

static bool copy_matrix(blas_matrix *x, size_t size, const void *data, int64_t rows, int64_t cols,
                        int64_t row_stride, int64_t col_stride) {
  x->bytes = (size_t)(rows * cols) * size;
  x->copy = cr_host_alloc(x->bytes);
  if (!x->copy) return cr_fail("out of memory: %zu bytes for a matrix product", x->bytes);
  for (int64_t i = 0; i < rows; i++) {
    cr_cpu_pack(size, cols, (char *)x->copy + (size_t)(i * cols) * size,
                (const char *)data + i * row_stride * (int64_t)size, col_stride * (int64_t)size);
  }
  x->data = x->copy;
  x->trans = CblasNoTrans;
  x->ld = cols;
  return true;
}

static bool as_blas(blas_matrix *x, size_t size, const void *data, int64_t rows, int64_t cols,
                    const int64_t stride[3]) {
  int64_t rs = stride[1], cs = stride[2];
  *x = (blas_matrix){.data = data};
  if ((cs == 1 || cols == 1) && (rs >= cols || rows == 1)) {
    x->trans = CblasNoTrans;
    x->ld = rows == 1 ? cols : rs;
  } else if ((rs == 1 || rows == 1) && (cs >= rows || cols == 1)) {
    x->trans = CblasTrans;
    x->ld = cols == 1 ? rows : cs;
  } else {
    return copy_matrix(x, size, data, rows, cols, rs, cs);
  }
  if (x->ld <= INT32_MAX) return true;
  return copy_matrix(x, size, data, rows, cols, rs, cs);
}

/* A product whose result is one column or row is a matrix (m by k, as `x` says) times a vector. */
static void vector_product(const cr_gemm_args *g, const blas_matrix *x, int64_t rows, int64_t cols,
                           bool turn, const void *v, int64_t step, void *c, int64_t c_step) {
  CBLAS_TRANSPOSE t = (x->trans == CblasTrans) != turn ? CblasTrans : CblasNoTrans;
  bool stored_turned = x->trans == CblasTrans;
  blasint r = (blasint)(stored_turned ? cols : rows), n = (blasint)(stored_turned ? rows : cols);
  if (g->dtype == CR_FLOAT32) {
    cblas_sgemv(CblasRowMajor, t, r, n, (float)g->alpha, x->data, (blasint)x->ld, v, (blasint)step,
                (float)g->beta, c, (blasint)c_step);
  } else {
    cblas_dgemv(CblasRowMajor, t, r, n, g->alpha, x->data, (blasint)x->ld, v, (blasint)step,
                g->beta, c, (blasint)c_step);
  }
}

/* The product for `rows` rows from `first` on. */
static void rows_product(const cr_gemm_args *g, const blas_matrix *a, const blas_matrix *b, void *c,
                         int64_t first, int64_t rows) {
  int64_t ld = g->m == 1 ? g->n : g->cs[1], size = (int64_t)cr_sizeof(g->dtype);
  const char *x = (const char *)a->data + first * (a->trans == CblasTrans ? 1 : a->ld) * size;
  char *out = (char *)c + first * ld * size;
  if (g->dtype == CR_FLOAT32) {
    cblas_sgemm(CblasRowMajor, a->trans, b->trans, (blasint)rows, (blasint)g->n, (blasint)g->k,
                (float)g->alpha, (const float *)(const void *)x, (blasint)a->ld, b->data,
                (blasint)b->ld, (float)g->beta, (float *)(void *)out, (blasint)ld);
  } else {
    cblas_dgemm(CblasRowMajor, a->trans, b->trans, (blasint)rows, (blasint)g->n, (blasint)g->k,
                g->alpha, (const double *)(const void *)x, (blasint)a->ld, b->data, (blasint)b->ld,
                g->beta, (double *)(void *)out, (blasint)ld);
  }
}

/* A call of BLAS cannot be stopped: a product that takes seconds is made in parts of about this
 * many multiplications, and of so many rows at least, below which parts would be slower than the
 * whole. */
#define PART_WORK ((int64_t)1 << 33)
#define PART_ROWS 192

static bool matrix_product(const cr_gemm_args *g, const blas_matrix *a, const blas_matrix *b,
                           void *c) {
  int64_t rows = cr_max64(PART_ROWS, PART_WORK / cr_max64(1, g->n * g->k));
  if (rows * 3 / 2 >= g->m) rows = g->m;
  for (int64_t first = 0; first < g->m; first += rows) {
    if (first > 0 && cr_cpu_interrupted()) return cr_fail("interrupted");
    rows_product(g, a, b, c, first, cr_min64(rows, g->m - first));
  }
  return true;
}

/* Whether BLAS takes this as the step of a vector. */
static bool is_step(int64_t stride) {
  return stride > 0 && stride <= INT32_MAX;
}

/* BLAS promises only for matrices that a beta of 0 does not read C. */
static void clear_result(const cr_gemm_args *g, char *c) {
  size_t size = cr_sizeof(g->dtype);
  for (int64_t i = 0; i < g->m; i++) {
    memset(c + (size_t)(i * g->cs[1]) * size, 0, (size_t)g->n * size);
  }
}

static bool blas_product(const cr_gemm_args *g, const void *a, const void *b, void *c) {
  size_t size = cr_sizeof(g->dtype);
  blas_matrix x, y;
  if (g->beta == 0 && (g->n == 1 || g->m == 1)) clear_result(g, c);
  if (!as_blas(&x, size, a, g->m, g->k, g->as)) return false;
  if (g->n == 1 && is_step(g->k == 1 ? 1 : g->bs[1]) && is_step(g->m == 1 ? 1 : g->cs[1])) {
    vector_product(g, &x, g->m, g->k, false, b, g->k == 1 ? 1 : g->bs[1], c,
                   g->m == 1 ? 1 : g->cs[1]);
    cr_host_free(x.copy, x.bytes);
    return true;
  }
  bool ok = as_blas(&y, size, b, g->k, g->n, g->bs);
  if (ok && g->m == 1 && is_step(g->k == 1 ? 1 : g->as[2])) {
    vector_product(g, &y, g->k, g->n, true, a, g->k == 1 ? 1 : g->as[2], c, 1);
  } else if (ok) {
    ok = matrix_product(g, &x, &y, c);
    cr_host_free(y.copy, y.bytes);
    cr_host_free(x.copy, x.bytes);
    return ok;
  }
  cr_host_free(x.copy, x.bytes);
  if (ok) cr_host_free(y.copy, y.bytes);
  return ok;
}

/* ---- other types ------------------------------------------------------------------------ */

/* Copies a matrix of any dtype into contiguous rows of `to`. */
static void widen(cr_dtype to, char *out, cr_dtype from, const char *in, int64_t rows, int64_t cols,
                  const int64_t stride[3]) {
  int64_t size = (int64_t)cr_sizeof(from), wide = (int64_t)cr_sizeof(to);
  for (int64_t i = 0; i < rows; i++) {
    char *row = out + i * cols * wide;
    const void *p = cr_cpu_load(to, row, from, in + i * stride[1] * size, stride[2] * size, cols);
    if (p != row) memcpy(row, p, (size_t)(cols * wide));
  }
}

static void integer_product(const cr_gemm_args *g, const int64_t *a, const int64_t *b, int64_t *c) {
  uint64_t alpha = (uint64_t)cr_scalar_int(cr_num(g->alpha));
  uint64_t beta = (uint64_t)cr_scalar_int(cr_num(g->beta));
  for (int64_t i = 0; i < g->m; i++) {
    int64_t *o = c + i * g->n;
    for (int64_t j = 0; j < g->n; j++) o[j] = beta ? (int64_t)(beta * (uint64_t)o[j]) : 0;
    for (int64_t p = 0; p < g->k; p++) {
      uint64_t x = alpha * (uint64_t)a[i * g->k + p];
      for (int64_t j = 0; j < g->n; j++) {
        o[j] = (int64_t)((uint64_t)o[j] + x * (uint64_t)b[p * g->n + j]);
      }
    }
  }
}

/* In float32 or int64, on contiguous copies. */
static bool wide_product(const cr_gemm_args *g, const void *a, const void *b, char *c) {
  cr_dtype to = cr_is_half(g->dtype) ? CR_FLOAT32 : CR_INT64;
  int64_t wide = (int64_t)cr_sizeof(to), size = (int64_t)cr_sizeof(g->dtype);
  size_t bytes = (size_t)((g->m * g->k + g->k * g->n + g->m * g->n) * wide);
  char *wa = cr_host_alloc(bytes);
  if (!wa) return cr_fail("out of memory: %zu bytes for a matrix product", bytes);
  char *wb = wa + g->m * g->k * wide, *wc = wb + g->k * g->n * wide;
  cr_gemm_args w = *g;
  w.dtype = to;
  w.as[1] = g->k, w.bs[1] = w.cs[1] = g->n;
  w.as[2] = w.bs[2] = w.cs[2] = 1;
  widen(to, wa, g->dtype, a, g->m, g->k, g->as);
  widen(to, wb, g->dtype, b, g->k, g->n, g->bs);
  if (g->beta != 0) widen(to, wc, g->dtype, c, g->m, g->n, g->cs);
  bool ok = true;
  if (to == CR_INT64) {
    integer_product(&w, (int64_t *)wa, (int64_t *)wb, (int64_t *)wc);
  } else {
    ok = blas_product(&w, wa, wb, wc);
  }
  for (int64_t i = 0; ok && i < g->m; i++) {
    cr_cpu_cast(g->dtype, c + i * g->cs[1] * size, to, wc + i * g->n * wide, g->n);
  }
  cr_host_free(wa, bytes);
  return ok;
}

/* ---- batches ---------------------------------------------------------------------------- */

/* k is 0: the product is 0. */
static void scale_only(const cr_gemm_args *g, char *c) {
  double row[CR_BLOCK];
  int64_t size = (int64_t)cr_sizeof(g->dtype);
  for (int64_t i = 0; i < g->m; i++) {
    for (int64_t j = 0; j < g->n; j += CR_BLOCK) {
      int64_t n = cr_min64(CR_BLOCK, g->n - j);
      char *o = c + (i * g->cs[1] + j) * size;
      if (g->beta != 0) cr_cpu_cast(CR_FLOAT64, row, g->dtype, o, n);
      for (int64_t k = 0; k < n; k++) row[k] = g->beta != 0 ? g->beta * row[k] : 0;
      cr_cpu_cast(g->dtype, o, CR_FLOAT64, row, n);
    }
  }
}

/* A small matrix of contiguous columns times a vector, as a row times the rows of its transpose. */
static bool as_row(const cr_gemm_args *g, cr_gemm_args *row) {
  if (g->n != 1 || g->as[1] != 1 || g->m == 1 || g->cs[1] != 1) return false;
  *row = *g;
  row->m = 1;
  row->n = g->m;
  row->a = g->b, row->as[2] = g->bs[1], row->as[0] = g->bs[0];
  row->b = g->a, row->bs[1] = g->as[2], row->bs[2] = 1, row->bs[0] = g->as[0];
  row->cs[1] = g->m;
  return true;
}

static bool one_product(const cr_gemm_args *g, int64_t i) {
  int64_t size = (int64_t)cr_sizeof(g->dtype);
  const char *a = (const char *)g->a + i * g->as[0] * size;
  const char *b = (const char *)g->b + i * g->bs[0] * size;
  char *c = (char *)g->c + i * g->cs[0] * size;
  cr_gemm_args row;
  if (g->k == 0) {
    scale_only(g, c);
  } else if (g->dtype != CR_FLOAT32 && g->dtype != CR_FLOAT64) {
    return wide_product(g, a, b, c);
  } else if (!is_small(g)) {
    cr_gemm_args one = *g;
    one.a = a, one.b = b, one.c = c;
    return cr_gemm_is_direct(g) ? cr_gemm_direct(&one) : blas_product(g, a, b, c);
  } else if (as_row(g, &row)) {
    return one_product(&row, i);
  } else if (g->dtype == CR_FLOAT32) {
    small_float(g, (const float *)a, (const float *)b, (float *)c);
  } else {
    small_double(g, (const double *)a, (const double *)b, (double *)c);
  }
  return true;
}

static bool some_products(void *arg, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    if (!one_product(arg, i)) return false;
  }
  return true;
}

/* Products of this many multiplications are worth all threads, one after the other. */
#define LARGE_WORK ((double)(1 << 24))
/* And products, or batches, below this one thread. */
#define THREAD_WORK ((double)(1 << 17))

static bool fits_blas(const cr_gemm_args *g) {
  return g->m <= INT32_MAX && g->n <= INT32_MAX && g->k <= INT32_MAX && g->cs[1] <= INT32_MAX;
}

/* OpenBLAS takes as many threads as OpenMP would. */
static bool with_threads(int threads, const cr_gemm_args *g) {
  int before = omp_get_max_threads();
  if (threads == before) return some_products((void *)(uintptr_t)g, 0, g->batch);
  omp_set_num_threads(threads);
  bool ok = some_products((void *)(uintptr_t)g, 0, g->batch);
  omp_set_num_threads(before);
  return ok;
}

static bool gemm(const cr_gemm_args *g) {
  if (g->batch == 0 || g->m == 0 || g->n == 0) return true;
  if (!fits_blas(g)) return cr_fail("a matrix of more than %d rows or columns", INT32_MAX);
  double work = (double)g->m * (double)g->n * (double)(g->k + 1);
  rows_job rows;
  if (is_rows_by_vector(g, &rows)) return rows_by_vector(&rows);
  if (g->batch == 1 && is_small(g)) return one_product(g, 0);
  if (g->k > 0 && g->m > 1 && g->n > 1 && is_few(g))
    return cr_cpu_parallel((g->m + ROWS - 1) / ROWS, 1 + CR_GRAIN_CHEAP / (ROWS * g->n), some_rows,
                           (void *)(uintptr_t)g, NULL);
  if (g->batch > 1 && work < LARGE_WORK) {
    int64_t grain = work >= THREAD_WORK ? 1 : (int64_t)(THREAD_WORK / work);
    return cr_cpu_parallel(g->batch, grain, some_products, (void *)(uintptr_t)g,
                           "out of memory for a matrix product");
  }
  return with_threads(work < THREAD_WORK ? 1 : cr_cpu_threads(), g);
}

/* ---- dot -------------------------------------------------------------------------------- */

static double dot_doubles(int64_t n, const double *a, const double *b) {
  double s[8] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int k = 0; k < 8; k++) s[k] += a[i + k] * b[i + k];
  }
  for (; i < n; i++) rest += a[i] * b[i];
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) + rest;
}

/* Four products are added as floats: so a quarter of them becomes a double.  Where they overflow
 * the result is no number, and all are added up again in double. */
static double dot_floats(int64_t n, const float *a, const float *b) {
  const int64_t lanes = 2 * CR_WIDTH;
  cr_wide first = {0}, second = {0};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    cr_floats four = {0};
    CR_UNROLL for (int k = 0; k < 4; k++) four +=
        cr_floats_f32(a + i + k * lanes) * cr_floats_f32(b + i + k * lanes);
    first += cr_widen_first(four);
    second += cr_widen_second(four);
  }
  double sum = cr_wide_sum(first + second);
  if (sum * 0 != 0) sum = 0, i = 0;
  for (; i < n; i++) sum += (double)a[i] * b[i];
  return sum;
}

typedef struct {
  cr_dtype dtype;
  int64_t n, as, bs;
  const char *a, *b;
  double *part;
} dot_args;

static double dot_range(const dot_args *d, int64_t begin, int64_t end) {
  _Alignas(64) char x[CR_BLOCK * 8], y[CR_BLOCK * 8];
  cr_dtype to = d->dtype == CR_FLOAT64 ? CR_FLOAT64 : cr_is_float(d->dtype) ? CR_FLOAT32 : CR_INT64;
  double sum = 0;
  uint64_t integers = 0;
  for (int64_t i = begin; i < end; i += CR_BLOCK) {
    int64_t n = cr_min64(CR_BLOCK, end - i);
    const void *p = cr_cpu_load(to, x, d->dtype, d->a + i * d->as, d->as, n);
    const void *q = cr_cpu_load(to, y, d->dtype, d->b + i * d->bs, d->bs, n);
    if (to == CR_FLOAT32) {
      sum += dot_floats(n, p, q);
    } else if (to == CR_FLOAT64) {
      sum += dot_doubles(n, p, q);
    } else {
      const int64_t *u = p, *v = q;
      for (int64_t k = 0; k < n; k++) integers += (uint64_t)u[k] * (uint64_t)v[k];
    }
  }
  return to == CR_INT64 ? (double)(int64_t)integers : sum;
}

#define DOT_BLOCK 65536

static bool dot_blocks(void *arg, int64_t begin, int64_t end) {
  const dot_args *d = arg;
  for (int64_t i = begin; i < end; i++) {
    d->part[i] = dot_range(d, i * DOT_BLOCK, cr_min64((i + 1) * DOT_BLOCK, d->n));
  }
  return true;
}

static bool dot_double(cr_dtype dtype, int64_t n, const void *a, int64_t as, const void *b,
                       int64_t bs, double *out) {
  int64_t size = (int64_t)cr_sizeof(dtype), blocks = (n + DOT_BLOCK - 1) / DOT_BLOCK;
  dot_args d = {dtype, n, as * size, bs * size, a, b, NULL};
  if (blocks <= 1 || !cr_is_float(dtype)) {
    *out = dot_range(&d, 0, n);
    return true;
  }
  size_t bytes = (size_t)blocks * sizeof(double);
  d.part = cr_host_alloc(bytes);
  if (!d.part) return cr_fail("out of memory: %zu bytes for a dot product", bytes);
  bool ok = cr_cpu_parallel(blocks, 1, dot_blocks, &d, NULL);
  *out = 0;
  for (int64_t i = 0; ok && i < blocks; i++) *out += d.part[i];
  cr_host_free(d.part, bytes);
  return ok;
}

static bool dot(cr_dtype dtype, int64_t n, const void *a, int64_t as, const void *b, int64_t bs,
                void *out) {
  double sum = 0;
  if (!dot_double(dtype, n, a, as, b, bs, &sum)) return false;
  cr_store_scalar(dtype, out, cr_num(sum));
  return true;
}

void CR_ISA_NAME(cr_cpu_gemm)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_gemm)(cr_backend *b) {
  b->gemm = gemm;
  b->dot = dot;
}
