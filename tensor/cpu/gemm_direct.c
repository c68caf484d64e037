/* gemm_direct.c: products of matrices of middle size, which fit into a core's caches.
 *
 * OpenBLAS copies both matrices; here B alone is copied, panel by panel, and A is read where it is.
 * The order in which a sum is taken follows the depth alone, so results do not depend on threads.
 */
#include "tensor/cpu/strips.h"

/* Rows of a panel, which with some rows of A stays in the first-level cache. */
#define DEPTH (VECTOR == 64 ? 160 : 256)
/* Rows of A at a time. */
#define CHUNK 96
/* Rows that threads share out together: for most widths, whole strips. */
#define UNIT_ROWS 8
/* Multiplications that are worth a thread. */
#define THREAD_WORK (1 << 18)
/* Of larger products OpenBLAS's copies are a small part, and so many elements of B do not stay in
 * the second-level cache. */
#define MOST_WORK (1 << 24)
#define MOST_ELEMENTS (1 << 18)

/* Columns of a panel. */
#define COLUMNS(type) (PANEL * (VECTOR / (int64_t)sizeof(type)))

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#include "tensor/cpu/gemm_direct.inc"
#undef REAL
#undef NAME
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#include "tensor/cpu/gemm_direct.inc"

bool cr_gemm_is_direct(const cr_gemm_args *g) {
  return (g->dtype == CR_FLOAT32 || g->dtype == CR_FLOAT64) && g->m > 1 && g->n > 1 && g->k > 0 &&
         (double)g->k * (double)g->n <= MOST_ELEMENTS &&
         (double)g->m * (double)g->n * (double)g->k <= MOST_WORK;
}

/* Threads share out the larger side of C. */
bool cr_gemm_direct(const cr_gemm_args *g) {
  bool is_float = g->dtype == CR_FLOAT32, by_rows = g->m >= g->n;
  int64_t columns = is_float ? COLUMNS(float) : COLUMNS(double);
  int64_t units = by_rows ? (g->m + UNIT_ROWS - 1) / UNIT_ROWS : (g->n + columns - 1) / columns;
  int64_t work = g->k * (by_rows ? UNIT_ROWS * g->n : columns * g->m);
  return cr_cpu_parallel(units, 1 + THREAD_WORK / work,
                         by_rows    ? is_float ? some_rows_float : some_rows_double
                         : is_float ? some_columns_float
                                    : some_columns_double,
                         (void *)(uintptr_t)g, NULL);
}
