/* ctc.c: connectionist temporal classification.  Sums of probabilities are kept as logarithms, in
 * double.  The states of a target of k classes are 2k + 1: a blank, and each class with a blank
 * after it. */
#include "nn/cpu/kernels.h"

#include <math.h>
#include <string.h>

#define DEAR 16 /* a state costs as much as so many elements elsewhere */

typedef struct {
  const cr_ctc_args *a;
  void *loss, *grad;
  const void *logp;
} ctc_job;

/* One sequence. */
typedef struct {
  const ctc_job *job;
  const int64_t *target;
  int64_t i, steps, states;
  double *alpha; /* steps x states: log of the probability of all ways to each state */
  double *beta;  /* 2 x states: and from each, of the step that is looked at and of the next */
  int64_t work;  /* since the last look for an interrupt */
  bool stopped;
} sequence;

static inline double log_add(double a, double b) {
  double most = a > b ? a : b;
  return most == -INFINITY ? most : most + log1p(exp((a > b ? b : a) - most));
}

static inline int64_t class_of(const sequence *q, int64_t state) {
  return state % 2 ? q->target[state / 2] : q->job->a->blank;
}

/* Whether a way may leave out the blank between state - 2 and state. */
static inline bool may_skip(const sequence *q, int64_t state) {
  return state > 1 && state % 2 && class_of(q, state) != class_of(q, state - 2);
}

/* Whether the script is to stop, asked once for each step. */
static bool is_stopped(sequence *q) {
  q->stopped = q->stopped || cr_cpu_poll(&q->work, DEAR * q->states);
  return q->stopped;
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#include "nn/cpu/ctc.inc"
#undef REAL
#undef NAME
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#include "nn/cpu/ctc.inc"

static bool ctc(const cr_ctc_args *a, void *loss, void *grad, const void *logp) {
  ctc_job j = {a, loss, grad, logp};
  return cr_cpu_parallel(a->n, cr_grain(CR_GRAIN_MATH, a->t * (2 * a->s + 1)),
                         a->dtype == CR_FLOAT32 ? ctc_range_float : ctc_range_double, &j,
                         "nn.CTCLoss: out of memory");
}

void cr_nn_fill_ctc(cr_nn_backend *b) {
  b->ctc = ctc;
}
