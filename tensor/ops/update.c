/* update.c: what is done with all parameters of a model together, in place: steps of optimizers,
 * averages, and gradients that become zero, are scaled, or have their norm bounded.
 *
 * Tensors of one type on one device whose elements lie without gaps go to the kernel in batches;
 * others one by one.  What comes out is what one after the other would give. */
#include "tensor/autograd.h"
#include "tensor/ops.h"
#include "tensor/profile.h"

#include <math.h>
#include <stdlib.h>

#define OPERANDS CR_ITER_MAX
#define GRADIENT 1
#define MOST 128 /* tensors of a batch */

typedef struct {
  cr_update_rule rule;
  int n;
  cr_tensor *const *list[OPERANDS]; /* n parameters, gradients, states; NULL: there are none */
  cr_update_args args;
  /* For sums of squares: where they go, how many there are so far, and what owns the place. */
  double *sums;
  int *nsums;
  cr_storage *keeper;
} job;

static const char *name_of(cr_update_rule rule) {
  return rule == CR_UPDATE_AVERAGE ? "lerp"
         : rule == CR_UPDATE_SCALE ? "mul"
         : rule == CR_UPDATE_ZERO  ? "zero"
                                   : "update";
}

/* ---- checks ----------------------------------------------------------------------------- */

static bool fits(const char *fn, const cr_tensor *p, const cr_tensor *t, const char *what) {
  if (!cr_same_device(fn, p, t)) return false;
  if (t->dtype != p->dtype)
    return cr_fail("%s: a %s parameter with %s that is %s", fn, cr_dtypes[p->dtype].name, what,
                   cr_dtypes[t->dtype].name);
  if (!cr_same_shape(p, t)) return cr_fail("%s: %s has another shape than the parameter", fn, what);
  return true;
}

static bool check(const job *j, int i) {
  const char *fn = name_of(j->rule);
  const char *gradient = j->rule == CR_UPDATE_AVERAGE ? "a value" : "a gradient";
  cr_tensor *p = j->list[0][i];
  if (!cr_is_float((cr_dtype)p->dtype))
    return cr_fail("%s: a parameter that is %s, wanted a float type", fn, cr_dtypes[p->dtype].name);
  if (!cr_writable(fn, p, 0, NULL)) return false;
  for (int k = 1; k < OPERANDS; k++) {
    if (!j->list[k]) continue;
    cr_tensor *t = j->list[k][i];
    if (!fits(fn, p, t, k == GRADIENT ? gradient : "a state")) return false;
    if (k != GRADIENT && !cr_writable(fn, t, 0, NULL)) return false;
  }
  return true;
}

/* ---- batches ---------------------------------------------------------------------------- */

typedef struct {
  const job *j;
  cr_runs runs;
  cr_run run[MOST];
  int at[MOST]; /* the places of the runs' tensors in the lists */
} batch;

static bool same_kind(const cr_tensor *a, const cr_tensor *b) {
  cr_device x = cr_device_of(a), y = cr_device_of(b);
  return a->dtype == b->dtype && x.type == y.type && x.index == y.index;
}

static bool first_of_its_kind(cr_tensor *const *t, int i) {
  for (int k = 0; k < i; k++)
    if (same_kind(t[k], t[i])) return false;
  return true;
}

static cr_storage *storage_of(const batch *b, int i, int k) {
  return b->j->list[k] ? b->j->list[k][b->at[i]]->storage : NULL;
}

/* Says that the batch is written.  Whether what one run writes no other one can touch, because
 * every storage that is written was said to be so once, and no other one was. */
static bool bump(batch *b) {
  unsigned before[MOST][OPERANDS];
  bool apart = true;
  for (int k = 0; k < OPERANDS; k++)
    for (int i = 0; b->j->list[k] && i < b->runs.count; i++)
      before[i][k] = atomic_load_explicit(&storage_of(b, i, k)->version, memory_order_relaxed);
  for (int k = 0; k < OPERANDS; k++)
    for (int i = 0; b->j->list[k] && k != GRADIENT && i < b->runs.count; i++)
      cr_bump(b->j->list[k][b->at[i]]);
  for (int k = 0; k < OPERANDS; k++)
    for (int i = 0; b->j->list[k] && i < b->runs.count; i++) {
      cr_storage *s = storage_of(b, i, k);
      unsigned now = atomic_load_explicit(&s->version, memory_order_relaxed);
      apart = apart && now - before[i][k] == (k != GRADIENT) && !s->release;
    }
  return apart;
}

typedef struct {
  const char *begin, *end;
  bool written;
} span;

static int by_begin(const void *a, const void *b) {
  const span *x = a, *y = b;
  return (x->begin > y->begin) - (x->begin < y->begin);
}

/* The same by the places of the elements. */
static bool is_apart(const batch *b) {
  span all[MOST * OPERANDS];
  int n = 0;
  for (int i = 0; i < b->runs.count; i++) {
    const cr_run *r = &b->run[i];
    int64_t bytes = r->n * (int64_t)cr_sizeof(b->runs.dtype);
    for (int k = 0; k < OPERANDS; k++)
      if (r->data[k]) all[n++] = (span){r->data[k], r->data[k] + bytes, k != GRADIENT};
  }
  qsort(all, (size_t)n, sizeof *all, by_begin);
  const char *end = NULL, *written = NULL; /* of those so far */
  for (int i = 0; i < n; i++) {
    const span *s = &all[i];
    if (i > 0 && s->begin < (s->written ? end : written)) return false;
    if (i == 0 || s->end > end) end = s->end;
    if (s->written && (!written || s->end > written)) written = s->end;
  }
  return true;
}

static bool run_all(const batch *b, const cr_backend *backend) {
  const job *j = b->j;
  if (j->sums) return backend->squares(&b->runs, &j->sums[(*j->nsums)++]);
  return backend->update_runs(j->rule, &b->runs, &j->args);
}

static bool run_each(const batch *b, const cr_backend *backend) {
  for (int i = 0; i < b->runs.count; i++) {
    cr_runs one = {1, b->runs.dtype, &b->run[i]};
    if (!backend->update_runs(b->j->rule, &one, &b->j->args)) return false;
  }
  return true;
}

static bool flush(batch *b) {
  if (!b->runs.count) return true;
  const cr_backend *backend = cr_backend_for(b->j->list[0][b->at[0]]);
  bool together = b->j->sums || bump(b) || is_apart(b);
  bool ok = together ? run_all(b, backend) : run_each(b, backend);
  b->runs.count = 0;
  return ok;
}

/* ---- tensors with gaps ------------------------------------------------------------------ */

static bool is_dense(const cr_iter *it) {
  if (it->ndim > 1) return false;
  for (int k = 0; it->ndim && k < it->nops; k++)
    if (it->op[k].stride[0] != (int64_t)cr_sizeof(it->op[k].dtype)) return false;
  return true;
}

static bool squares_with_gaps(const job *j, cr_tensor *t) {
  int64_t ones[CR_MAX_DIMS];
  int dims[CR_MAX_DIMS];
  for (int d = 0; d < t->ndim; d++) ones[d] = 1, dims[d] = d;
  cr_reduction r;
  CR_AUTO sum = cr_view_storage(j->keeper, CR_FLOAT64, (*j->nsums)++, t->ndim, ones, NULL);
  if (!sum) return false;
  cr_reduction_make(&r, sum, t, t->ndim, dims);
  return cr_backend_for(t)->reduce(CR_SUMSQ, &r);
}

static bool with_gaps(const job *j, int i, const cr_iter *it) {
  cr_tensor *p = j->list[0][i];
  if (j->sums) return squares_with_gaps(j, p);
  if (!cr_backend_for(p)->update(j->rule, it, &j->args)) return false;
  for (int k = 0; k < OPERANDS; k++)
    if (j->list[k] && k != GRADIENT) cr_bump(j->list[k][i]);
  return true;
}

/* ---- the whole -------------------------------------------------------------------------- */

static bool add(batch *b, int i) {
  const job *j = b->j;
  cr_tensor *p = j->list[0][i], *in[OPERANDS - 1];
  for (int k = 1; k < OPERANDS; k++) in[k - 1] = j->list[k] ? j->list[k][i] : p;
  cr_iter it;
  cr_iter_make(&it, p, OPERANDS - 1, in);
  if (!is_dense(&it)) return with_gaps(j, i, &it);
  int n = b->runs.count++;
  b->at[n] = i;
  b->run[n].n = it.numel;
  for (int k = 0; k < OPERANDS; k++) b->run[n].data[k] = j->list[k] ? it.op[k].data : NULL;
  return n + 1 < MOST || flush(b);
}

/* The tensors that are of the first one's kind. */
static bool run_kind(const job *j, int first) {
  batch b;
  cr_tensor *const *p = j->list[0];
  b.j = j;
  b.runs = (cr_runs){0, (cr_dtype)p[first]->dtype, b.run};
  for (int i = first; i < j->n; i++)
    if (same_kind(p[i], p[first]) && cr_numel(p[i]) && !add(&b, i)) return false;
  return flush(&b);
}

static bool run(const job *j) {
  for (int i = 0; i < j->n; i++)
    if (first_of_its_kind(j->list[0], i) && !run_kind(j, i))
      return cr_error_prefix(name_of(j->rule));
  return true;
}

bool cr_update(cr_update_rule rule, int n, cr_tensor *const *p, cr_tensor *const *g,
               cr_tensor *const *const states[3], const cr_update_args *a) {
  job j = {.rule = rule, .n = n, .list = {p, g}, .args = *a};
  for (int k = 0; k < 3; k++) {
    j.list[k + 2] = states ? states[k] : NULL;
    j.args.has[k] = states && states[k];
  }
  for (int i = 0; i < n; i++)
    if (!check(&j, i)) return false;
  if (!run(&j)) return false;
  cr_profile *profile = cr_profiling();
  if (profile) cr_profile_call(profile, name_of(rule));
  return true;
}

bool cr_zero(int n, cr_tensor *const *t) {
  if (!cr_update(CR_UPDATE_ZERO, n, t, NULL, NULL, &(cr_update_args){0})) return false;
  for (int i = 0; i < n; i++) cr_mark_zeroed(t[i]);
  return true;
}

bool cr_average(int n, cr_tensor *const *averages, cr_tensor *const *t, double share) {
  return cr_update(CR_UPDATE_AVERAGE, n, averages, t, NULL, &(cr_update_args){.take = share});
}

/* ---- scaling ---------------------------------------------------------------------------- */

static const cr_device host = {CR_CPU, 0};

/* The least number that rounds to infinity. */
static double bound_of(cr_dtype t) {
  return t == CR_FLOAT16 ? 65520 : t == CR_BFLOAT16 ? ldexp(511, 119) : INFINITY;
}

/* One kind's part of cr_scale. */
static bool scale_finite(int n, cr_tensor *const *t, double factor, bool *finite) {
  CR_AUTO beyond = cr_full(CR_UINT8, cr_device_of(t[0]), 0, NULL, cr_int(0));
  cr_update_args a = {.rate = factor, .bound = bound_of((cr_dtype)t[0]->dtype)};
  if (!beyond) return false;
  a.beyond = cr_data(beyond);
  job j = {.rule = CR_UPDATE_SCALE, .n = n, .list = {t}, .args = a};
  if (!run_kind(&j, 0)) return cr_error_prefix(name_of(j.rule));
  CR_AUTO here = cr_to_device(beyond, host);
  if (here && *(uint8_t *)cr_data(here)) *finite = false;
  return here != NULL;
}

bool cr_scale(int n, cr_tensor *const *t, double factor, bool *finite) {
  if (!finite) {
    return cr_update(CR_UPDATE_SCALE, n, t, NULL, NULL, &(cr_update_args){.rate = factor});
  }
  job j = {.rule = CR_UPDATE_SCALE, .n = n, .list = {t}};
  *finite = true;
  for (int i = 0; i < n; i++)
    if (!check(&j, i)) return false;
  for (int i = 0; i < n; i++)
    if (first_of_its_kind(t, i) && !scale_finite(n - i, t + i, factor, finite)) return false;
  return true;
}

static bool norm_of(cr_tensor *sums, int n, double *norm) {
  CR_AUTO here = cr_to_device(sums, host);
  if (!here) return false;
  const double *square = cr_data(here);
  double sum = 0;
  for (int i = 0; i < n; i++) sum += square[i];
  *norm = sqrt(sum);
  return true;
}

/* One of the tensors that have elements, which must all be floats on one device. */
static bool one_device(int n, cr_tensor *const *t, cr_tensor **one) {
  *one = NULL;
  for (int i = 0; i < n; i++) {
    if (!cr_need_float("clipGradNorm", t[i])) return false;
    if (!cr_numel(t[i])) continue;
    if (!*one) *one = t[i];
    if (!cr_same_device("clipGradNorm", *one, t[i])) return false;
  }
  return true;
}

bool cr_clip_norm(int n, cr_tensor *const *t, double most, double *norm) {
  int count = 0;
  cr_tensor *one;
  if (norm) *norm = 0;
  if (!one_device(n, t, &one)) return false;
  if (!one) return true;
  CR_AUTO sums = cr_empty(CR_FLOAT64, cr_device_of(one), 1, (int64_t[]){n});
  if (!sums) return false;
  job j = {.n = n, .list = {t}, .sums = cr_data(sums), .nsums = &count, .keeper = sums->storage};
  if (!run(&j)) return false;
  cr_update_args a = {.rate = most, .eps = 1e-6, .squares = j.sums, .nsquares = count};
  if (!cr_update(CR_UPDATE_SCALE, n, t, NULL, NULL, &a)) return false;
  return !norm || norm_of(sums, count, norm);
}
