/* update.cu: one step of an optimizer in one pass over a parameter, its gradient and its states. */
#include "cuda/loop.h"
#include "tensor/functions.h"

#define REAL float
#define NAME(f) f##_float
#define SQRT sqrtf
#include "tensor/update.inc"
#undef REAL
#undef NAME
#undef SQRT
#define REAL double
#define NAME(f) f##_double
#define SQRT sqrt
#include "tensor/update.inc"
#undef REAL
#undef NAME
#undef SQRT

/* The formulas by type. */
#define RULES(type)                                                                                \
  __device__ __forceinline__ void apply(cr_update_rule rule, type g, type *x, type *s,             \
                                        const cr_update_args &a) {                                 \
    cr_numbers_##type k = cr_numbers_of_##type(&a);                                                \
    switch (rule) {                                                                                \
    case CR_UPDATE_SGD: return cr_update_sgd_##type(x, g, &s[0], a.has[0], a.nesterov, &k);        \
    case CR_UPDATE_ADAM: return cr_update_adam_##type(x, g, &s[0], &s[1], &s[2], a.has[2], &k);    \
    case CR_UPDATE_RMSPROP:                                                                        \
      return cr_update_rmsprop_##type(x, g, &s[0], &s[1], &s[2], a.has[1], a.has[2], &k);          \
    case CR_UPDATE_ADAGRAD: return cr_update_adagrad_##type(x, g, &s[0], &k);                      \
    default: return cr_update_lion_##type(x, g, &s[0], &k);                                        \
    }                                                                                              \
  }
RULES(float)
RULES(double)

/* A state that is missing is neither read nor written. */
template <typename C, int RULE>
__global__ void __launch_bounds__(CR_LOOP_THREADS)
    update_kernel(const __grid_constant__ cr_places<5> l, cr_update_args a) {
  for (int64_t i = cr_thread(); i < l.numel; i += cr_threads()) {
    int64_t at[5];
    cr_find(l, i, at);
    C x = cr_read_at<C>(l, 0, at[0]), g = cr_read_at<C>(l, 1, at[1]), s[3] = {0, 0, 0};
#pragma unroll
    for (int k = 0; k < 3; k++)
      if (a.has[k]) s[k] = cr_read_at<C>(l, k + 2, at[k + 2]);
    apply((cr_update_rule)RULE, g, &x, s, a);
    cr_write(x, l.dtype[0], l.data[0] + at[0]);
#pragma unroll
    for (int k = 0; k < 3; k++)
      if (a.has[k]) cr_write(s[k], l.dtype[k + 2], l.data[k + 2] + at[k + 2]);
  }
}

template <typename C, int RULE> static bool launch(const cr_iter *it, const cr_update_args *a) {
  return cr_launch("update", update_kernel<C, RULE>, cr_blocks(it->numel, CR_LOOP_THREADS),
                   CR_LOOP_THREADS, 0, cr_places_of<5>(it), *a);
}

template <typename C>
static bool by_rule(cr_update_rule rule, const cr_iter *it, const cr_update_args *a) {
  switch (rule) {
  case CR_UPDATE_SGD: return launch<C, CR_UPDATE_SGD>(it, a);
  case CR_UPDATE_ADAM: return launch<C, CR_UPDATE_ADAM>(it, a);
  case CR_UPDATE_RMSPROP: return launch<C, CR_UPDATE_RMSPROP>(it, a);
  case CR_UPDATE_ADAGRAD: return launch<C, CR_UPDATE_ADAGRAD>(it, a);
  default: return launch<C, CR_UPDATE_LION>(it, a);
  }
}

static bool update(cr_update_rule rule, const cr_iter *it, const cr_update_args *a) {
  if (it->numel == 0) return true;
  bool wide = it->op[0].dtype == CR_FLOAT64;
  return wide ? by_rule<double>(rule, it, a) : by_rule<float>(rule, it, a);
}

void cr_cuda_fill_update(cr_backend *b) {
  b->update = update;
}
