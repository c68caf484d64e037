/* recurrent.c: the cells of LSTM and GRU and their derivatives, each in one pass over memory.  A
 * task is a stretch of the units of one sample. */
#include "nn/cpu/kernels.h"
#include "tensor/cpu/vmath.h"

#include <math.h>

#define STRETCH 128 /* units */

typedef struct {
  const cr_cell_shape *s;
  void *out[3];
  const void *in[4];
} cell_job;

/* Of task i: its sample, and its units. */
typedef struct {
  int64_t row, begin, end;
} stretch;

static int64_t stretches(const cr_cell_shape *s) {
  return (s->hidden + STRETCH - 1) / STRETCH;
}

static stretch stretch_of(const cr_cell_shape *s, int64_t i) {
  int64_t each = stretches(s), begin = i % each * STRETCH;
  return (stretch){i / each, begin, cr_min64(begin + STRETCH, s->hidden)};
}

static inline double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

#define REAL float
#define NAME(f) CR_TYPED(f, float)
#define SIGMOID cr_vsigmoid
#define TANH cr_vtanh
#include "nn/cpu/recurrent.inc"
#undef REAL
#undef NAME
#undef SIGMOID
#undef TANH
#define REAL double
#define NAME(f) CR_TYPED(f, double)
#define SIGMOID sigmoid
#define TANH tanh
#include "nn/cpu/recurrent.inc"

static bool run(const cell_job *j, cr_cpu_range body) {
  return cr_cpu_parallel(j->s->rows * stretches(j->s), cr_grain(CR_GRAIN_DEAR, STRETCH), body,
                         (void *)(uintptr_t)j, NULL);
}

#define RUN(f) run(&j, s->dtype == CR_FLOAT32 ? f##_float : f##_double)

static bool lstm_cell(const cr_cell_shape *s, void *gates, void *h, void *c, const void *c_prev) {
  cell_job j = {s, {gates, h, c}, {c_prev}};
  return RUN(lstm);
}

static bool lstm_cell_backward(const cr_cell_shape *s, void *ggates, void *gc, const void *gh,
                               const void *gates, const void *c, const void *c_prev) {
  cell_job j = {s, {ggates, gc}, {gh, gates, c, c_prev}};
  return RUN(lstm_backward);
}

static bool gru_cell(const cr_cell_shape *s, void *act, void *h, const void *gi, const void *gh,
                     const void *bias, const void *h_prev) {
  cell_job j = {s, {act, h}, {gi, gh, bias, h_prev}};
  return RUN(gru);
}

static bool gru_cell_backward(const cr_cell_shape *s, void *ggi, void *ggh, void *gh_prev,
                              const void *g, const void *act, const void *h_prev) {
  cell_job j = {s, {ggi, ggh, gh_prev}, {g, act, h_prev}};
  return RUN(gru_backward);
}

void cr_nn_fill_recurrent(cr_nn_backend *b) {
  b->lstm_cell = lstm_cell;
  b->lstm_cell_backward = lstm_cell_backward;
  b->gru_cell = gru_cell;
  b->gru_cell_backward = gru_cell_backward;
}
