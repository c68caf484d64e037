/* loss.c: classification losses, squared errors and Huber's loss.  Sums accumulate in double, in an
 * order that does not depend on the number of threads. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/vmath.h"

#include <math.h>
#include <string.h>

#define CHUNK 4096 /* elements of a squared error that are summed together */

typedef struct {
  const cr_nll_args *a;
  void *out, *loss;
  const void *x, *t, *g, *lse;
  double scale; /* of the gradient */
  double even;  /* what smoothing gives each class, but for its weight */
  double whole; /* the sum of that over the classes */
  double bound; /* of the differences */
  int64_t n;
  double *sums;
} loss_job;

/* Whether every target is a class or ignored. */
static bool check_targets(const cr_nll_args *a) {
  for (int64_t r = 0; r < a->rows; r++) {
    int64_t t = a->target[r];
    if ((t < 0 || t >= a->classes) && t != a->ignore)
      return cr_fail("target %lld is outside 1..%lld", (long long)((uint64_t)t + 1),
                     (long long)a->classes);
  }
  return true;
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define EXP cr_vexp
#define FABS fabsf
#define LOG logf
#include "nn/cpu/rows.inc"
#include "nn/cpu/loss.inc"
#undef REAL
#undef NAME
#undef EXP
#undef FABS
#undef LOG
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define EXP exp
#define FABS fabs
#define LOG log
#include "nn/cpu/rows.inc"
#include "nn/cpu/loss.inc"

#define PICK(dtype, f) ((dtype) == CR_FLOAT32 ? f##_float : f##_double)

static bool over_rows(loss_job *j, cr_cpu_range f) {
  return cr_cpu_parallel(j->a->rows, cr_grain(CR_GRAIN_MATH, j->a->classes), f, j, NULL);
}

/* The loss from log-probabilities or, with lse, from scores. */
static bool sum_rows(loss_job *j) {
  const cr_nll_args *a = j->a;
  size_t bytes = a->smoothing > 0 ? (size_t)a->rows * sizeof(double) : 0;
  if (bytes && !(j->sums = cr_host_alloc(bytes))) return cr_fail("out of memory");
  bool ok = !bytes || over_rows(j, PICK(a->dtype, even_range));
  if (ok) PICK(a->dtype, nll_sum)(j);
  cr_host_free(j->sums, bytes);
  return ok;
}

static loss_job job_of(const cr_nll_args *a, void *out, const void *x) {
  double even = a->smoothing / (double)a->classes;
  return (loss_job){.a = a,
                    .out = out,
                    .x = x,
                    .even = even,
                    .whole = even > 0 ? even * PICK(a->dtype, all_weights)(a) : 0};
}

static bool nll(const cr_nll_args *a, void *loss, const void *logp) {
  loss_job j = job_of(a, NULL, logp);
  j.loss = loss;
  return check_targets(a) && sum_rows(&j);
}

static bool nll_backward(const cr_nll_args *a, void *gx, const void *g) {
  loss_job j = job_of(a, gx, NULL);
  j.scale = PICK(a->dtype, row_scale)(a, g);
  return over_rows(&j, PICK(a->dtype, nll_backward_range));
}

static bool cross_entropy(const cr_nll_args *a, void *loss, void *lse, const void *x) {
  loss_job j = job_of(a, lse, x);
  j.loss = loss;
  if (!check_targets(a) || !over_rows(&j, PICK(a->dtype, lse_range))) return false;
  j.lse = lse;
  return sum_rows(&j);
}

static bool cross_entropy_backward(const cr_nll_args *a, void *gx, const void *g, const void *lse,
                                   const void *x) {
  loss_job j = job_of(a, gx, x);
  j.lse = lse;
  j.scale = PICK(a->dtype, row_scale)(a, g);
  return over_rows(&j, PICK(a->dtype, cross_entropy_backward_range));
}

static bool huber(cr_dtype dtype, int64_t n, double bound, double scale, void *loss, const void *x,
                  const void *t) {
  int64_t chunks = (n + CHUNK - 1) / CHUNK;
  size_t bytes = (size_t)chunks * sizeof(double);
  loss_job j = {.n = n, .x = x, .t = t, .bound = bound, .sums = cr_host_alloc(bytes)};
  if (!j.sums) return cr_fail("out of memory");
  cr_cpu_range f = bound < INFINITY ? PICK(dtype, huber_range) : PICK(dtype, mse_range);
  bool ok = cr_cpu_parallel(chunks, CR_GRAIN_CHEAP / CHUNK, f, &j, NULL);
  double sum = 0;
  for (int64_t i = 0; ok && i < chunks; i++) sum += j.sums[i];
  cr_host_free(j.sums, bytes);
  cr_store_scalar(dtype, loss, cr_num(sum * scale));
  return ok;
}

static bool huber_backward(cr_dtype dtype, int64_t n, double bound, double scale, void *gx,
                           const void *g, const void *x, const void *t) {
  double outer = cr_scalar_double(cr_load_scalar(dtype, g));
  loss_job j = {.n = n, .out = gx, .x = x, .t = t, .bound = bound, .scale = 2 * scale * outer};
  return cr_cpu_parallel(n, CR_GRAIN_CHEAP, PICK(dtype, huber_backward_range), &j, NULL);
}

void cr_nn_fill_loss(cr_nn_backend *b) {
  b->nll = nll;
  b->nll_backward = nll_backward;
  b->cross_entropy = cross_entropy;
  b->cross_entropy_backward = cross_entropy_backward;
  b->huber = huber;
  b->huber_backward = huber_backward;
}
