/* sample.c: filling tensors with numbers of distributions that are made by rejection. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

static bool no_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  (void)n, (void)g, (void)gin;
  return true; /* fresh numbers: nothing flows to what was there before */
}

static const cr_op op_sample = {"sample", "distribution", no_backward};

/* ---- parameters ------------------------------------------------------------------------- */

/* What is allowed: numbers from `least` to `most`; whether `least` itself, infinities, fractions.
 */
typedef struct {
  const char *what;
  double least, most;
  bool open, infinite, whole;
} bounds;

#define ANY(what)                                                                                  \
  { what, .least = -INFINITY, .most = INFINITY }

static const struct {
  const char *name;
  bool counts; /* gives whole numbers, so that integer tensors can hold them */
  bounds a, b;
} distributions[CR_NSAMPLE] = {
    [CR_POISSON] = {"poisson", true, {"rate", .most = INFINITY}, ANY("")},
    [CR_GAMMA] = {"gamma",
                  false,
                  {"shape", .most = INFINITY, .open = true},
                  {"scale", .most = INFINITY, .open = true}},
    [CR_LOG_GAMMA] = {"gamma", false, {"shape", .most = INFINITY, .open = true}, ANY("")},
    [CR_BINOMIAL] = {"binomial",
                     true,
                     {"number of trials", .most = 0x1p53, .whole = true},
                     {"probability", .most = 1}},
    [CR_VON_MISES] = {"vonMises", false, ANY("mean"), {"concentration", .most = INFINITY}},
    [CR_TRUNCATED_NORMAL] = {"truncatedNormal",
                             false,
                             {"lower bound", .least = -INFINITY, .most = INFINITY,
                              .infinite = true},
                             {"upper bound", .least = -INFINITY, .most = INFINITY,
                              .infinite = true}},
};

static bool allowed(const bounds *b, double x) {
  if (isnan(x) || (isinf(x) && !b->infinite) || (b->whole && x != floor(x))) return false;
  return b->open ? x > b->least && x <= b->most : x >= b->least && x <= b->most;
}

static bool check_numbers(const char *fn, const bounds *b, const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!allowed(b, x[i])) return cr_fail("%s: a %s of %g", fn, b->what, x[i]);
  return true;
}

/* A parameter as float64 on t's device, not yet broadcast; checked. */
static cr_tensor *parameter(const char *fn, const bounds *b, cr_tensor *p, const cr_tensor *t) {
  char s[CR_SHAPE_STR], u[CR_SHAPE_STR];
  int ndim;
  int64_t shape[CR_MAX_DIMS];
  if (!cr_broadcast(fn, t->ndim, t->shape, p->ndim, p->shape, &ndim, shape)) return NULL;
  if (ndim != t->ndim || (ndim && memcmp(shape, t->shape, (size_t)ndim * sizeof *shape) != 0))
    return cr_fail_null("%s: a %s of shape %s for a result of shape %s", fn, b->what,
                        cr_tensor_str(s, p), cr_tensor_str(u, t));
  CR_AUTO plain = cr_detach(p);
  CR_AUTO wide = plain ? cr_cast(plain, CR_FLOAT64) : NULL;
  CR_AUTO dense = cr_contiguous(wide);
  CR_AUTO here = dense ? cr_to_device(dense, (cr_device){CR_CPU, 0}) : NULL;
  if (!here || !check_numbers(fn, b, cr_data(here), cr_numel(here))) return NULL;
  return cr_to_device(here, cr_device_of(t));
}

static bool check_order(const char *fn, cr_tensor *a, cr_tensor *b) {
  CR_AUTO above = cr_binary(CR_GT, a, b, NULL);
  CR_AUTO some = cr_reduce(CR_ANY, above, -1, NULL, false, NULL);
  cr_scalar any;
  if (!some || !cr_item(some, &any)) return false;
  return !any.i || cr_fail("%s: a lower bound above the upper bound", fn);
}

/* ---- drawing ---------------------------------------------------------------------------- */

static bool draw(cr_sample_op op, cr_tensor *t, cr_tensor *a, cr_tensor *b) {
  const char *fn = distributions[op].name;
  cr_tensor *in[] = {a, b};
  cr_generator *g = &cr_ctx()->generator;
  uint64_t at = g->offset;
  const cr_backend *backend = cr_backend_for(t);
  cr_iter it;
  cr_iter_make(&it, t, 2, in);
  g->offset += (uint64_t)it.numel;
  if (backend->sample ? backend->sample(op, &it, g->seed, at) : cr_fail("not on this device"))
    return true;
  return cr_error_prefix(fn);
}

cr_tensor *cr_sample(cr_sample_op op, cr_tensor *t, cr_tensor *a, cr_tensor *b) {
  if (!t || !a || !b) return NULL;
  const char *fn = distributions[op].name;
  if (!distributions[op].counts && !cr_need_float(fn, t)) return NULL;
  if (t->dtype == CR_BOOL) return cr_fail_null("%s: a tensor of numbers is wanted", fn);
  CR_AUTO p = parameter(fn, &distributions[op].a, a, t);
  CR_AUTO q = p ? parameter(fn, &distributions[op].b, b, t) : NULL;
  if (!q || (op == CR_TRUNCATED_NORMAL && !check_order(fn, p, q))) return NULL;
  if (!cr_writable(fn, t, 0, NULL)) return NULL;
  if (cr_numel(t) == 0) return cr_retain(t);
  if (cr_is_contiguous(t)) {
    if (!draw(op, t, p, q)) return NULL;
  } else { /* the numbers do not depend on the layout */
    CR_AUTO plain = cr_empty_like(t);
    if (!plain || !draw(op, plain, p, q)) return NULL;
    cr_iter it;
    cr_iter_make(&it, t, 1, &plain);
    if (!cr_backend_for(t)->copy(&it)) return NULL;
  }
  cr_bump(t);
  return cr_record(&op_sample, cr_retain(t), CR_INTS(op));
}
