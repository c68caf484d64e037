/* distance.c: Euclidean distances between rows.
 *
 * A tile of b's rows is turned, so that one element of a row of a meets a vector of them.  Some
 * elements' squares add up in the type itself, and those sums in double. */
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/wide.h"

#include <math.h>
#include <string.h>

#define ROWS 256 /* of a, for which a tile of b is turned once; an even number */
#define DEPTH 64 /* elements of a row whose squares add up in the type itself */
#define VECTORS 4

typedef struct {
  char *out;
  const char *a, *b;
  int64_t n, m, d; /* of each batch: rows of a, rows of b, elements of a row */
} distances;

/* Squares within these bounds have lost nothing in a float. */
#define LEAST_SUM 1e-20
#define MOST_SUM 1e30

#define DISTANCES(type, to_sqrt)                                                                   \
  typedef type vec_##type __attribute__((vector_size(CR_WIDTH * 8)));                              \
  enum { COLS_##type = VECTORS * CR_WIDTH * 8 / sizeof(type) };                                    \
  typedef union {                                                                                  \
    vec_##type v[VECTORS];                                                                         \
    type x[COLS_##type];                                                                           \
  } line_##type;                                                                                   \
                                                                                                   \
  /* `depth` elements of `cols` rows of b. */                                                      \
  static void turn_##type(line_##type *tile, const type *b, int64_t d, int64_t cols,               \
                          int64_t depth) {                                                         \
    for (int64_t c = 0; c < cols; c++) {                                                           \
      for (int64_t k = 0; k < depth; k++) tile[k].x[c] = b[c * d + k];                             \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  /* Of two rows of a at once: there are enough sums then for none to wait for itself. */          \
  static void add_##type(double *sums, const type *a, int64_t d, const line_##type *tile,          \
                         int64_t depth, bool first) {                                              \
    line_##type s = {.x = {0}}, t = {.x = {0}};                                                    \
    for (int64_t k = 0; k < depth; k++) {                                                          \
      vec_##type x = a[k] - (vec_##type){0}, y = a[d + k] - (vec_##type){0};                       \
      CR_UNROLL for (int v = 0; v < VECTORS; v++) {                                                \
        vec_##type p = x - tile[k].v[v], q = y - tile[k].v[v];                                     \
        s.v[v] += p * p;                                                                           \
        t.v[v] += q * q;                                                                           \
      }                                                                                            \
    }                                                                                              \
    for (int c = 0; c < COLS_##type; c++) {                                                        \
      sums[c] = (first ? 0 : sums[c]) + (double)s.x[c];                                            \
      sums[COLS_##type + c] = (first ? 0 : sums[COLS_##type + c]) + (double)t.x[c];                \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  static double exact_##type(const type *a, const type *b, int64_t d) {                            \
    double sum = 0;                                                                                \
    _Pragma("omp simd reduction(+ : sum)") for (int64_t k = 0; k < d; k++) {                       \
      double apart = (double)a[k] - (double)b[k];                                                  \
      sum += apart * apart;                                                                        \
    }                                                                                              \
    return sum;                                                                                    \
  }                                                                                                \
                                                                                                   \
  static void roots_##type(const distances *s, type *out, const double *sums, const type *a,       \
                           const type *b, int64_t cols) {                                          \
    int64_t lost = 0;                                                                              \
    for (int64_t c = 0; c < cols; c++) {                                                           \
      lost |= !((sums[c] >= LEAST_SUM) & (sums[c] <= MOST_SUM));                                   \
      out[c] = to_sqrt((type)sums[c]);                                                             \
    }                                                                                              \
    for (int64_t c = 0; c < cols && lost; c++) {                                                   \
      if (!(sums[c] >= LEAST_SUM && sums[c] <= MOST_SUM))                                          \
        out[c] = (type)sqrt(exact_##type(a, b + c * s->d, s->d));                                  \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  /* From `rows` rows of a to all of b. */                                                         \
  static void some_##type(const distances *s, type *out, const type *a, const type *b,             \
                          int64_t rows) {                                                          \
    line_##type tile[DEPTH] = {{.x = {0}}};                                                        \
    for (int64_t j = 0; j < s->m; j += COLS_##type) {                                              \
      double sums[ROWS][COLS_##type];                                                              \
      int64_t cols = cr_min64(COLS_##type, s->m - j);                                              \
      for (int64_t k = 0; k < s->d; k += DEPTH) {                                                  \
        int64_t depth = cr_min64(DEPTH, s->d - k);                                                 \
        turn_##type(tile, b + j * s->d + k, s->d, cols, depth);                                    \
        for (int64_t r = 0; r < rows; r += 2)                                                      \
          add_##type(sums[r], a + r * s->d + k, r + 1 < rows ? s->d : 0, tile, depth, k == 0);     \
      }                                                                                            \
      for (int64_t r = 0; r < rows; r++)                                                           \
        roots_##type(s, out + r * s->m + j, sums[r], a + r * s->d, b + j * s->d, cols);            \
    }                                                                                              \
  }                                                                                                \
                                                                                                   \
  /* Rows first to last of all batches together. */                                                \
  static bool range_##type(void *arg, int64_t first, int64_t last) {                               \
    const distances *s = arg;                                                                      \
    for (int64_t r = first, rows; r < last; r += rows) {                                           \
      rows = cr_min64(cr_min64(ROWS, last - r), s->n - r % s->n);                                  \
      const type *b = (const type *)s->b + r / s->n * s->m * s->d;                                 \
      some_##type(s, (type *)s->out + r * s->m, (const type *)s->a + r * s->d, b, rows);           \
    }                                                                                              \
    return true;                                                                                   \
  }

DISTANCES(float, sqrtf)
DISTANCES(double, sqrt)

static bool euclidean(cr_dtype dtype, void *out, const void *a, const void *b, int64_t batch,
                      int64_t n, int64_t m, int64_t d) {
  distances s = {out, a, b, n, m, d};
  if (d == 0) {
    memset(out, 0, (size_t)(batch * n * m) * cr_sizeof(dtype));
    return true;
  }
  int64_t work = cr_max64(1, m * d); /* of a row */
  return cr_cpu_parallel(batch * n, cr_max64(1, CR_GRAIN_CHEAP / work),
                         dtype == CR_FLOAT64 ? range_double : range_float, &s, NULL);
}

void CR_ISA_NAME(cr_cpu_distance)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_distance)(cr_backend *b) {
  b->euclidean = euclidean;
}
