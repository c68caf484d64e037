/* update.c: one step of an optimizer in one pass over a parameter, its gradient and its states; or
 * over those of many parameters. */
#include "tensor/cpu/cpu.h"
#include "tensor/functions.h"

#include <math.h>
#include <string.h>

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

/* ---- bodies ----------------------------------------------------------------------------- */

/* n elements of each operand, without gaps. */
typedef void (*body_fn)(int64_t n, char *const *q, const cr_update_args *a);

#define EACH(statement)                                                                            \
  CR_SIMD                                                                                          \
  for (int64_t i = 0; i < n; i++) statement;

#define BODIES(type)                                                                               \
  static void sgd_##type(int64_t n, char *const *q, const cr_update_args *a) {                     \
    cr_numbers_##type num = cr_numbers_of_##type(a), *k = &num;                                    \
    type *p = (type *)q[0], *g = (type *)q[1], *v = (type *)q[2];                                  \
    if (!a->has[0])                                                                                \
      EACH(cr_update_sgd_##type(&p[i], g[i], NULL, false, false, k))                               \
    else if (a->nesterov)                                                                          \
      EACH(cr_update_sgd_##type(&p[i], g[i], &v[i], true, true, k))                                \
    else                                                                                           \
      EACH(cr_update_sgd_##type(&p[i], g[i], &v[i], true, false, k))                               \
  }                                                                                                \
  static void adam_##type(int64_t n, char *const *q, const cr_update_args *a) {                    \
    cr_numbers_##type num = cr_numbers_of_##type(a), *k = &num;                                    \
    type *p = (type *)q[0], *g = (type *)q[1], *m = (type *)q[2], *v = (type *)q[3];               \
    type *most = (type *)q[4];                                                                     \
    if (a->has[2])                                                                                 \
      EACH(cr_update_adam_##type(&p[i], g[i], &m[i], &v[i], &most[i], true, k))                    \
    else                                                                                           \
      EACH(cr_update_adam_##type(&p[i], g[i], &m[i], &v[i], NULL, false, k))                       \
  }                                                                                                \
  static void rmsprop_##type(int64_t n, char *const *q, const cr_update_args *a) {                 \
    cr_numbers_##type num = cr_numbers_of_##type(a), *k = &num;                                    \
    type *p = (type *)q[0], *g = (type *)q[1], *v = (type *)q[2], *w = (type *)q[3];               \
    type *mean = (type *)q[4];                                                                     \
    bool momentum = a->has[1], centered = a->has[2];                                               \
    if (!momentum && !centered)                                                                    \
      EACH(cr_update_rmsprop_##type(&p[i], g[i], &v[i], NULL, NULL, false, false, k))              \
    else if (!centered)                                                                            \
      EACH(cr_update_rmsprop_##type(&p[i], g[i], &v[i], &w[i], NULL, true, false, k))              \
    else if (!momentum)                                                                            \
      EACH(cr_update_rmsprop_##type(&p[i], g[i], &v[i], NULL, &mean[i], false, true, k))           \
    else                                                                                           \
      EACH(cr_update_rmsprop_##type(&p[i], g[i], &v[i], &w[i], &mean[i], true, true, k))           \
  }                                                                                                \
  static void adagrad_##type(int64_t n, char *const *q, const cr_update_args *a) {                 \
    cr_numbers_##type num = cr_numbers_of_##type(a), *k = &num;                                    \
    type *p = (type *)q[0], *g = (type *)q[1], *sum = (type *)q[2];                                \
    EACH(cr_update_adagrad_##type(&p[i], g[i], &sum[i], k))                                        \
  }                                                                                                \
  static void lion_##type(int64_t n, char *const *q, const cr_update_args *a) {                    \
    cr_numbers_##type num = cr_numbers_of_##type(a), *k = &num;                                    \
    type *p = (type *)q[0], *g = (type *)q[1], *m = (type *)q[2];                                  \
    EACH(cr_update_lion_##type(&p[i], g[i], &m[i], k))                                             \
  }                                                                                                \
  static void average_##type(int64_t n, char *const *q, const cr_update_args *a) {                 \
    cr_numbers_##type num = cr_numbers_of_##type(a), *k = &num;                                    \
    type *p = (type *)q[0], *x = (type *)q[1];                                                     \
    EACH(cr_update_average_##type(&p[i], x[i], k))                                                 \
  }                                                                                                \
  static void scale_##type(int64_t n, char *const *q, const cr_update_args *a) {                   \
    type *p = (type *)q[0], factor = (type)cr_scale_factor(a), bound = (type)a->bound;             \
    int beyond = 0;                                                                                \
    if (!a->beyond) {                                                                              \
      EACH(cr_update_scale_##type(&p[i], factor, bound))                                           \
      return;                                                                                      \
    }                                                                                              \
    _Pragma("omp simd reduction(| : beyond)") for (int64_t i = 0; i < n; i++) beyond |=            \
        cr_update_scale_##type(&p[i], factor, bound);                                              \
    if (beyond) __atomic_store_n(a->beyond, 1, __ATOMIC_RELAXED);                                  \
  }

BODIES(float)
BODIES(double)

#define ZERO(bytes)                                                                                \
  static void zero_##bytes(int64_t n, char *const *q, const cr_update_args *a) {                   \
    static const char zero[bytes];                                                                 \
    (void)a;                                                                                       \
    cr_cpu_pack(bytes, n, q[0], zero, 0);                                                          \
  }
ZERO(2)
ZERO(4)
ZERO(8)

/* For float, for double and, where the type does not matter to them, for halves. */
static const body_fn bodies[CR_NUPDATE][3] = {
    [CR_UPDATE_SGD] = {sgd_float, sgd_double},
    [CR_UPDATE_ADAM] = {adam_float, adam_double},
    [CR_UPDATE_RMSPROP] = {rmsprop_float, rmsprop_double},
    [CR_UPDATE_ADAGRAD] = {adagrad_float, adagrad_double},
    [CR_UPDATE_LION] = {lion_float, lion_double},
    [CR_UPDATE_AVERAGE] = {average_float, average_double},
    [CR_UPDATE_SCALE] = {scale_float, scale_double},
    [CR_UPDATE_ZERO] = {zero_4, zero_8, zero_2},
};

/* ---- lines ------------------------------------------------------------------------------ */

#define OPERANDS 5

typedef struct {
  body_fn fn;
  const cr_update_args *a;
  cr_dtype dtype, compute;
  bool used[OPERANDS];
} pass;

/* What the body changed goes back to where it came from. */
static void put_back(const pass *b, int64_t m, char *to, int64_t stride, const char *from) {
  _Alignas(64) char narrow[CR_BLOCK * 8];
  if (b->dtype != b->compute) {
    cr_cpu_cast(b->dtype, narrow, b->compute, from, m);
    from = narrow;
  }
  cr_cpu_unpack(cr_sizeof(b->dtype), m, to, stride, from);
}

static void in_blocks(const pass *b, int64_t n, char *const *p, const int64_t *stride) {
  _Alignas(64) char buf[OPERANDS][CR_BLOCK * 8];
  char *q[OPERANDS];
  for (int64_t i = 0; i < n; i += CR_BLOCK) {
    int64_t m = cr_min64(CR_BLOCK, n - i);
    for (int k = 0; k < OPERANDS; k++) {
      q[k] = buf[k];
      if (!b->used[k]) continue;
      const void *at =
          cr_cpu_load(b->compute, buf[k], b->dtype, p[k] + i * stride[k], stride[k], m);
      q[k] = (char *)(uintptr_t)at;
    }
    b->fn(m, q, b->a);
    for (int k = 0; k < OPERANDS; k++) {
      if (k != 1 && q[k] == buf[k] && b->used[k])
        put_back(b, m, p[k] + i * stride[k], stride[k], buf[k]);
    }
  }
}

static bool line(int64_t n, char *const *p, const int64_t *stride, void *arg) {
  const pass *b = arg;
  bool dense = b->dtype == b->compute;
  for (int k = 0; k < OPERANDS; k++)
    dense = dense && (!b->used[k] || n == 1 || stride[k] == (int64_t)cr_sizeof(b->dtype));
  if (dense)
    b->fn(n, p, b->a);
  else
    in_blocks(b, n, p, stride);
  return true;
}

static pass pass_of(cr_update_rule rule, cr_dtype dtype, const cr_update_args *a) {
  bool own = cr_is_half(dtype) && bodies[rule][2];
  cr_dtype compute = own ? dtype : cr_compute_dtype(dtype);
  bool gradient = rule < CR_UPDATE_SCALE;
  return (pass){bodies[rule][own ? 2 : compute == CR_FLOAT64],
                a,
                dtype,
                compute,
                {true, gradient, a->has[0], a->has[1], a->has[2]}};
}

static bool update(cr_update_rule rule, const cr_iter *it, const cr_update_args *a) {
  pass b = pass_of(rule, it->op[0].dtype, a);
  return cr_cpu_lines(it, line, &b, CR_GRAIN_CHEAP, NULL);
}

/* ---- many parameters -------------------------------------------------------------------- */

typedef struct {
  pass pass;
  const cr_run *run;
} passes;

/* Where n elements are cut so that the body's vectors begin in the same places for any number of
 * threads: elements that a vector leaves over may be rounded otherwise. */
static int64_t cut(int64_t i, int64_t n) {
  return i >= n ? n : i > 0 ? i / 64 * 64 : 0;
}

/* Counts through the elements of all runs. */
static bool some_runs(void *arg, int64_t begin, int64_t end) {
  passes *all = arg;
  const cr_run *r = all->run;
  int64_t size = (int64_t)cr_sizeof(all->pass.dtype), stride[OPERANDS];
  for (int k = 0; k < OPERANDS; k++) stride[k] = size;
  for (; end > 0; begin -= r->n, end -= r->n, r++) {
    int64_t from = cut(begin, r->n), to = cut(end, r->n);
    if (from == to) continue;
    char *p[OPERANDS];
    for (int k = 0; k < OPERANDS; k++) p[k] = r->data[k] ? r->data[k] + from * size : NULL;
    line(to - from, p, stride, &all->pass);
  }
  return true;
}

static bool update_runs(cr_update_rule rule, const cr_runs *r, const cr_update_args *a) {
  passes all = {pass_of(rule, r->dtype, a), r->run};
  int64_t n = 0;
  for (int i = 0; i < r->count; i++) n += r->run[i].n;
  if (rule == CR_UPDATE_SCALE && cr_scale_factor(a) == 1 && !a->beyond) return true;
  return cr_cpu_parallel(n, CR_GRAIN_CHEAP, some_runs, &all, NULL);
}

void CR_ISA_NAME(cr_cpu_update)(cr_backend *b);
void CR_ISA_NAME(cr_cpu_update)(cr_backend *b) {
  b->update = update;
  b->update_runs = update_runs;
}
