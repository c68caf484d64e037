/* random.c: filling tensors with random numbers from the context's generator. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

/* Fills a contiguous tensor, drawing counters from the generator. */
static bool draw(cr_random_op op, cr_tensor *t, double a, double b) {
  int64_t n = cr_numel(t);
  cr_generator *g = &cr_ctx()->generator;
  uint64_t at = g->offset;
  g->offset += cr_random_counters(op, (cr_dtype)t->dtype, n);
  return !n || cr_backend_for(t)->random(op, (cr_dtype)t->dtype, cr_data(t), n, g->seed, at, a, b);
}

static bool no_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  (void)n, (void)g, (void)gin;
  return true; /* fresh numbers: nothing flows to what was there before */
}

static const cr_op op_random = {"random", "distribution : a b", no_backward};

static bool check_parameters(cr_random_op op, cr_dtype dtype, double a, double b) {
  switch (op) {
  case CR_BERNOULLI:
    if (a >= 0 && a <= 1) return true;
    return cr_fail("bernoulli: a probability of %g", a);
  case CR_GEOMETRIC:
    if (a > 0 && a < 1) return true;
    return cr_fail("geometric: a probability of %g, wanted between 0 and 1", a);
  case CR_NORMAL:
  case CR_LOGNORMAL:
    if (b >= 0) return cr_is_float(dtype) || cr_fail("normal: a float tensor is wanted");
    return cr_fail("normal: a standard deviation of %g", b);
  case CR_EXPONENTIAL:
    if (a > 0) return cr_is_float(dtype) || cr_fail("exponential: a float tensor is wanted");
    return cr_fail("exponential: a rate of %g", a);
  case CR_CAUCHY: return cr_is_float(dtype) || cr_fail("cauchy: a float tensor is wanted");
  case CR_UNIFORM:
    if (a <= b) return cr_is_float(dtype) || cr_fail("uniform: a float tensor is wanted");
    return cr_fail("uniform: from %g to %g", a, b);
  case CR_RANDINT:
    if (a <= b) return true;
    return cr_fail("random: from %g to %g", a, b);
  default: return true;
  }
}

cr_tensor *cr_random(cr_random_op op, cr_tensor *t, double a, double b) {
  if (!t || !check_parameters(op, (cr_dtype)t->dtype, a, b) || !cr_writable("random", t, 0, NULL))
    return NULL;
  if (cr_is_contiguous(t)) {
    if (!draw(op, t, a, b)) return NULL;
  } else { /* the numbers do not depend on the layout */
    CR_AUTO plain = cr_empty_like(t);
    if (!plain || !draw(op, plain, a, b)) return NULL;
    cr_iter it;
    cr_iter_make(&it, t, 1, &plain);
    if (!cr_backend_for(t)->copy(&it)) return NULL;
  }
  cr_bump(t);
  return cr_record(&op_random, cr_retain(t), CR_INTS(op), CR_NUMS(a, b));
}

cr_tensor *cr_bernoulli(cr_tensor *t, cr_tensor *p) {
  if (!t || !p) return NULL;
  CR_AUTO u = cr_empty(CR_FLOAT64, cr_device_of(p), p->ndim, p->shape);
  if (!u || !draw(CR_UNIFORM, u, 0, 1)) return NULL;
  CR_AUTO q = cr_detach(p);
  CR_AUTO hit = cr_binary(CR_LT, u, q, NULL);
  return cr_copy(t, hit);
}

/* Every place from the first on changes with one that is drawn from it and those behind it. */
static void shuffle(int64_t *places, const double *u, int64_t n) {
  for (int64_t i = 0; i < n; i++) places[i] = i;
  for (int64_t i = 0; i < n; i++) {
    int64_t other = i + (int64_t)(u[i] * (double)(n - i)), place = places[i];
    places[i] = places[other];
    places[other] = place;
  }
}

cr_tensor *cr_randperm(cr_dtype dtype, int64_t n) {
  if (n < 0) return cr_fail_null("randperm: %lld elements", (long long)n);
  CR_AUTO u = cr_empty_cpu(CR_FLOAT64, 1, &n);
  if (!u || !draw(CR_UNIFORM, u, 0, 1)) return NULL;
  CR_AUTO places = cr_empty_cpu(CR_INT64, 1, &n);
  if (!places) return NULL;
  shuffle(cr_data(places), cr_data(u), n);
  return cr_cast(places, dtype);
}
