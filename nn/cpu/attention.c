/* attention.c: softmax(scale q k^T) v, and its derivative.
 *
 * A task is a block of rows of one head, so that its scores stay in a cache between the products;
 * in the derivative it is all rows of the heads that share keys and values.  The products are the
 * backend's own, which take one thread inside a task. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/vmath.h"

#include <math.h>
#include <string.h>

#define ROWS 64 /* of a block; a multiple of 4, so that its dropout begins at a counter */

typedef struct {
  const cr_attention_args *a;
  cr_heads y, q, k, v, gq, gk, gv, gy;
  char *w;
  bool (*dropout)(cr_dtype dtype, int64_t n, void *y, const void *x, double p, double scale,
                  uint64_t seed, uint64_t offset);
} attention_job;

/* ---- products --------------------------------------------------------------------------- */

/* A matrix: where it is, and its steps from row to row and from column to column. */
typedef struct {
  char *data;
  int64_t row, column;
} matrix;

static matrix turned(matrix m) {
  return (matrix){m.data, m.column, m.row};
}

/* c = alpha a b + beta c, m by k times k by n. */
static bool product(cr_dtype dtype, int64_t m, int64_t k, int64_t n, double alpha, matrix a,
                    matrix b, double beta, matrix c) {
  cr_gemm_args g = {.batch = 1,
                    .m = m,
                    .n = n,
                    .k = k,
                    .a = a.data,
                    .b = b.data,
                    .c = c.data,
                    .as = {0, a.row, a.column},
                    .bs = {0, b.row, b.column},
                    .cs = {0, m == 1 ? n : c.row, c.column},
                    .alpha = alpha,
                    .beta = beta,
                    .dtype = dtype};
  return cr_cpu_backend()->gemm(&g);
}

/* The rows from `row` on of a head. */
static matrix rows_at(const attention_job *j, cr_heads h, int64_t batch, int64_t head,
                      int64_t row) {
  int64_t at = batch * h.batch + head * h.head + row * h.row;
  return (matrix){(char *)h.data + at * (int64_t)cr_sizeof(j->a->dtype), h.row, 1};
}

/* ---- one block of rows of scores ---------------------------------------------------------- */

typedef struct {
  int64_t batch, head, row, rows; /* of q */
  int64_t seen;                   /* so many keys can be seen by some row */
} block;

static block block_at(const cr_attention_args *a, int64_t batch, int64_t head, int64_t row) {
  block b = {batch, head, row, cr_min64(ROWS, a->l - row), a->s};
  /* Dropout is drawn for whole matrices. */
  if (a->causal && a->p == 0) b.seen = cr_max64(0, cr_min64(a->s, row + b.rows + a->offset));
  return b;
}

/* How many keys row i of a block may see but for the mask. */
static int64_t limit_of(const cr_attention_args *a, const block *b, int64_t i) {
  return a->causal ? cr_max64(0, cr_min64(a->s, b->row + i + 1 + a->offset)) : a->s;
}

static const char *mask_row(const cr_attention_args *a, const block *b, int64_t i) {
  int64_t at =
      b->batch * a->mask_stride[0] + b->head * a->mask_stride[1] + (b->row + i) * a->mask_stride[2];
  return (const char *)a->mask + at * (a->flags ? 1 : (int64_t)cr_sizeof(a->dtype));
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define EXP cr_vexp
#include "nn/cpu/attention.inc"
#undef REAL
#undef NAME
#undef EXP

#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define EXP exp
#include "nn/cpu/attention.inc"

/* The block's part of all weights, or of a scratch matrix as wide as all keys. */
static matrix weights_at(const attention_job *j, const block *b, char *scratch) {
  const cr_attention_args *a = j->a;
  int64_t at = ((b->batch * a->heads + b->head) * a->l + b->row) * a->s;
  char *data = j->w ? j->w + at * (int64_t)cr_sizeof(a->dtype) : scratch;
  return (matrix){data, a->s, 1};
}

static bool drop(const attention_job *j, const block *b, void *out, const void *in) {
  const cr_attention_args *a = j->a;
  uint64_t each = ((uint64_t)(a->l * a->s) + 3) / 4;
  uint64_t counter =
      a->counter + (uint64_t)(b->batch * a->heads + b->head) * each + (uint64_t)(b->row * a->s / 4);
  double scale = a->p < 1 ? 1 / (1 - a->p) : 1;
  return j->dropout(a->dtype, b->rows * a->s, out, in, a->p, scale, a->seed, counter);
}

/* Scratch for `n` blocks of scores. */
static char *blocks_of_scores(const cr_attention_args *a, int n, size_t *bytes) {
  *bytes = (size_t)(n * cr_min64(ROWS, a->l) * a->s) * cr_sizeof(a->dtype);
  char *p = cr_host_alloc(*bytes);
  if (!p) cr_fail("out of memory: %zu bytes for attention", *bytes);
  return p;
}

/* ---- forward ---------------------------------------------------------------------------- */

static bool scores(const attention_job *j, const block *b, matrix q, matrix k, matrix w) {
  const cr_attention_args *a = j->a;
  if (b->rows > 1) return product(a->dtype, b->rows, a->e, b->seen, a->scale, q, turned(k), 0, w);
  if (a->dtype == CR_FLOAT32) {
    row_scores_float(a, b, (const float *)q.data, (const float *)k.data, k.row, (float *)w.data);
  } else {
    row_scores_double(a, b, (const double *)q.data, (const double *)k.data, k.row,
                      (double *)w.data);
  }
  return true;
}

static bool values(const attention_job *j, const block *b, matrix w, matrix v, matrix y) {
  const cr_attention_args *a = j->a;
  if (b->rows > 1) return product(a->dtype, b->rows, b->seen, a->ev, 1, w, v, 0, y);
  if (a->dtype == CR_FLOAT32) {
    row_values_float(a, b, (const float *)w.data, (const float *)v.data, v.row, (float *)y.data);
  } else {
    row_values_double(a, b, (const double *)w.data, (const double *)v.data, v.row,
                      (double *)y.data);
  }
  return true;
}

static bool forward_block(const attention_job *j, const block *b, char *scratch) {
  const cr_attention_args *a = j->a;
  int64_t kv = b->head / a->group;
  matrix w = weights_at(j, b, scratch), dropped = w;
  if (!scores(j, b, rows_at(j, j->q, b->batch, b->head, b->row), rows_at(j, j->k, b->batch, kv, 0),
              w))
    return false;
  if (a->dtype == CR_FLOAT32) {
    softmax_float(a, b, (float *)w.data);
  } else {
    softmax_double(a, b, (double *)w.data);
  }
  if (a->p > 0) {
    dropped.data = scratch;
    if (!drop(j, b, scratch, w.data)) return false;
  }
  return values(j, b, dropped, rows_at(j, j->v, b->batch, kv, 0),
                rows_at(j, j->y, b->batch, b->head, b->row));
}

static int64_t blocks_of(const cr_attention_args *a) {
  return (a->l + ROWS - 1) / ROWS;
}

static bool forward_tasks(void *arg, int64_t begin, int64_t end) {
  const attention_job *j = arg;
  const cr_attention_args *a = j->a;
  int64_t each = blocks_of(a);
  size_t bytes;
  char *scratch = blocks_of_scores(a, 1, &bytes);
  bool ok = scratch != NULL;
  for (int64_t t = begin; ok && t < end; t++) {
    int64_t head = t / each;
    block b = block_at(a, head / a->heads, head % a->heads, t % each * ROWS);
    ok = forward_block(j, &b, scratch);
  }
  if (scratch) cr_host_free(scratch, bytes);
  return ok;
}

static bool attention(const cr_attention_args *a, cr_heads y, void *w, cr_heads q, cr_heads k,
                      cr_heads v) {
  if (a->batch == 0 || a->heads == 0 || a->l == 0) return true;
  attention_job j = {.a = a, .y = y, .q = q, .k = k, .v = v, .w = w};
  cr_nn_backend table;
  cr_nn_fill_dropout(&table);
  j.dropout = table.dropout;
  int64_t work = cr_min64(ROWS, a->l) * a->s * (a->e + a->ev) / 8;
  return cr_cpu_parallel(a->batch * a->heads * blocks_of(a), cr_grain(CR_GRAIN_MATH, work),
                         forward_tasks, &j, "out of memory for attention");
}

/* ---- backward --------------------------------------------------------------------------- */

static void clear(const attention_job *j, cr_heads h, int64_t batch, int64_t head, int64_t rows,
                  int64_t n) {
  for (int64_t i = 0; h.data && i < rows; i++)
    memset(rows_at(j, h, batch, head, i).data, 0, (size_t)n * cr_sizeof(j->a->dtype));
}

/* Scratch: two blocks. */
static bool backward_block(const attention_job *j, const block *b, char *scratch) {
  const cr_attention_args *a = j->a;
  int64_t kv = b->head / a->group;
  matrix w = weights_at(j, b, NULL), dropped = w, slope = {scratch, a->s, 1};
  matrix q = rows_at(j, j->q, b->batch, b->head, b->row);
  matrix gy = rows_at(j, j->gy, b->batch, b->head, b->row);
  matrix k = rows_at(j, j->k, b->batch, kv, 0), v = rows_at(j, j->v, b->batch, kv, 0);
  if (a->p > 0 && j->gv.data) {
    dropped.data = scratch + (size_t)(b->rows * a->s) * cr_sizeof(a->dtype);
    if (!drop(j, b, dropped.data, w.data)) return false;
  }
  if (j->gv.data && !product(a->dtype, b->seen, b->rows, a->ev, 1, turned(dropped), gy, 1,
                             rows_at(j, j->gv, b->batch, kv, 0)))
    return false;
  if (!j->gq.data && !j->gk.data) return true;
  if (!product(a->dtype, b->rows, a->ev, b->seen, 1, gy, turned(v), 0, slope)) return false;
  if (a->p > 0 && !drop(j, b, scratch, scratch)) return false;
  if (a->dtype == CR_FLOAT32) {
    slope_float(a, b, (float *)slope.data, (const float *)w.data);
  } else {
    slope_double(a, b, (double *)slope.data, (const double *)w.data);
  }
  return (!j->gq.data || product(a->dtype, b->rows, b->seen, a->e, a->scale, slope, k, 0,
                                 rows_at(j, j->gq, b->batch, b->head, b->row))) &&
         (!j->gk.data || product(a->dtype, b->seen, b->rows, a->e, a->scale, turned(slope), q, 1,
                                 rows_at(j, j->gk, b->batch, kv, 0)));
}

/* All rows of the heads that share keys and values, in order, so that sums do not depend on
 * threads. */
static bool backward_tasks(void *arg, int64_t begin, int64_t end) {
  const attention_job *j = arg;
  const cr_attention_args *a = j->a;
  int64_t each = a->heads / a->group;
  size_t bytes;
  char *scratch = blocks_of_scores(a, 2, &bytes);
  bool ok = scratch != NULL;
  for (int64_t t = begin; ok && t < end; t++) {
    clear(j, j->gk, t / each, t % each, a->s, a->e);
    clear(j, j->gv, t / each, t % each, a->s, a->ev);
    for (int64_t i = 0; ok && i < a->group * blocks_of(a); i++) {
      int64_t head = t % each * a->group + i / blocks_of(a);
      block b = block_at(a, t / each, head, i % blocks_of(a) * ROWS);
      ok = backward_block(j, &b, scratch);
    }
  }
  if (scratch) cr_host_free(scratch, bytes);
  return ok;
}

static bool attention_backward(const cr_attention_args *a, cr_heads gq, cr_heads gk, cr_heads gv,
                               cr_heads gy, cr_heads y, const void *w, cr_heads q, cr_heads k,
                               cr_heads v) {
  (void)y;
  if (a->batch == 0 || a->heads == 0) return true;
  attention_job j = {.a = a,
                     .q = q,
                     .k = k,
                     .v = v,
                     .gq = gq,
                     .gk = gk,
                     .gv = gv,
                     .gy = gy,
                     .w = (char *)(uintptr_t)w};
  cr_nn_backend table;
  cr_nn_fill_dropout(&table);
  j.dropout = table.dropout;
  int64_t work = a->group * a->l * a->s * (a->e + a->ev) / 4;
  return cr_cpu_parallel(a->batch * (a->heads / a->group), cr_grain(CR_GRAIN_MATH, work),
                         backward_tasks, &j, "out of memory for attention");
}

void cr_nn_fill_attention(cr_nn_backend *b) {
  b->attention = attention;
  b->attention_backward = attention_backward;
}
