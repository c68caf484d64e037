/* gradcheck.c: the tape's gradients against central differences.
 *
 * The function's result is contracted with fixed weights to one number, whose slope along each
 * element of each input is measured from both sides. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef cr_tensor *(*function)(void *ctx, cr_tensor *const *in);

/* Fixed, without a pattern that could hide an error. */
static cr_tensor *weights_like(const cr_tensor *t, double phase) {
  CR_AUTO w = cr_empty_cpu(CR_FLOAT64, t->ndim, t->shape);
  for (int64_t i = 0, n = w ? cr_numel(w) : 0; i < n; i++)
    ((double *)cr_data(w))[i] = 0.6 + 0.4 * cos(1.7 * (double)i + phase);
  return cr_to_device(w, cr_device_of(t));
}

/* sum(f(in) * w): a scalar on the tape. */
static cr_tensor *contracted(function f, void *ctx, cr_tensor *const *in) {
  CR_AUTO y = f(ctx, in);
  CR_AUTO w = y ? weights_like(y, 0.3) : NULL;
  CR_AUTO m = cr_mul(y, w);
  return cr_sum(m);
}

static bool value(function f, void *ctx, cr_tensor *const *in, double *out) {
  CR_AUTO s = contracted(f, ctx, in);
  cr_scalar v;
  if (!s || !cr_item(s, &v)) return false;
  *out = cr_scalar_double(v);
  return true;
}

/* How the derivatives along one input compare. */
typedef struct {
  double analytic, numeric; /* at the worst place */
  double excess;            /* by how much they differ there more than they may */
  int64_t element, wrong;   /* the worst place; how many elements differ too much */
} comparison;

typedef struct {
  function f;
  void *ctx;
  int nin;
  cr_tensor *const *in;
  double eps, atol, rtol;
} check;

static void index_of(const cr_tensor *t, int64_t k, int64_t *index) {
  for (int d = t->ndim - 1; d >= 0; d--) {
    index[d] = k % t->shape[d];
    k /= t->shape[d];
  }
}

/* The slope along element k of input i. */
static bool slope(const check *c, int i, int64_t k, double *out) {
  int64_t index[CR_MAX_DIMS] = {0};
  index_of(c->in[i], k, index);
  double before = cr_get(c->in[i], index).d, up, down;
  bool ok = cr_put(c->in[i], index, cr_num(before + c->eps)) && value(c->f, c->ctx, c->in, &up) &&
            cr_put(c->in[i], index, cr_num(before - c->eps)) && value(c->f, c->ctx, c->in, &down);
  if (!cr_put(c->in[i], index, cr_num(before)) || !ok) return false;
  *out = (up - down) / (2 * c->eps);
  return true;
}

static bool compare_input(const check *c, int i, cr_tensor *grad, comparison *r) {
  CR_AUTO dense = grad ? cr_contiguous(grad) : cr_zeros_like(c->in[i]);
  CR_AUTO plain = cr_to_device(dense, (cr_device){CR_CPU, 0});
  if (!plain) return false;
  for (int64_t k = 0, n = cr_numel(c->in[i]); k < n; k++) {
    double numeric, analytic = ((double *)cr_data(plain))[k];
    if (!slope(c, i, k, &numeric)) return false;
    double excess = fabs(numeric - analytic) - c->rtol * fabs(numeric) - c->atol;
    if (excess <= 0) continue; /* NaN goes on */
    if (r->wrong++ == 0 || !(excess <= r->excess)) {
      r->analytic = analytic;
      r->numeric = numeric;
      r->excess = excess;
      r->element = k;
    }
  }
  return true;
}

/* "[2][3]" for element k; empty for a scalar. */
static void write_place(char *s, size_t room, const cr_tensor *t, int64_t k) {
  int64_t index[CR_MAX_DIMS] = {0};
  index_of(t, k, index);
  size_t at = 0;
  s[0] = '\0';
  for (int d = 0; d < t->ndim && at < room; d++)
    at += (size_t)snprintf(s + at, room - at, "[%lld]", (long long)index[d] + 1);
}

/* Leaves the message about input i, and returns false. */
static bool report(const check *c, const char *order, int i, const comparison *r) {
  char shape[CR_SHAPE_STR], place[CR_MAX_DIMS * 22 + 1];
  write_place(place, sizeof place, c->in[i], r->element);
  double error = fabs(r->numeric - r->analytic);
  return cr_fail(
      "gradcheck: %s of input %d (%s) is wrong: %lld of %lld elements differ too much.\n"
      "  The largest error is at %s%s: backward gives %.10g, differences give %.10g;\n"
      "  absolute error %.3g, relative error %.3g, allowed %.3g + %.3g |value|.\n"
      "  (These are derivatives of the sum of the result's elements times fixed weights near 1.)",
      order, i + 1, cr_tensor_str(shape, c->in[i]), (long long)r->wrong,
      (long long)cr_numel(c->in[i]), *place ? "element " : "the only element", place, r->analytic,
      r->numeric, error, r->numeric != 0 ? error / fabs(r->numeric) : INFINITY, c->atol, c->rtol);
}

static bool compare_all(const check *c, cr_tensor *const *grads, const char *order) {
  comparison worst = {0};
  int where = -1;
  for (int i = 0; i < c->nin; i++) {
    comparison r = {0};
    if (!compare_input(c, i, grads[i], &r)) return false;
    if (r.wrong == 0 || (where >= 0 && r.excess <= worst.excess)) continue;
    worst = r;
    where = i;
  }
  return where < 0 || report(c, order, where, &worst);
}

static bool first_order(const check *c, const char *order) {
  cr_tensor **grads = calloc((size_t)c->nin + 1, sizeof *grads);
  if (!grads) return cr_fail("gradcheck: out of memory");
  CR_AUTO loss = contracted(c->f, c->ctx, c->in);
  cr_backward_opts opts = {.ninputs = c->nin, .inputs = c->in, .result = grads};
  bool ok = loss && (!cr_requires_grad(loss) || cr_backward(1, &loss, NULL, &opts)) &&
            compare_all(c, grads, order);
  for (int i = 0; i < c->nin; i++) cr_release(grads[i]);
  free(grads);
  return ok;
}

/* ---- the gradient as a function --------------------------------------------------------- */

typedef struct {
  function f;
  void *ctx;
  int nin;
} gradient_ctx;

static cr_tensor *contract_all(int n, cr_tensor **grads) {
  cr_tensor *total = NULL;
  for (int i = 0; i < n; i++) {
    if (!grads[i]) continue;
    CR_AUTO w = weights_like(grads[i], 1.1 + i);
    CR_AUTO m = cr_mul(grads[i], w);
    CR_AUTO s = cr_sum(m);
    cr_tensor *next = total ? cr_add(total, s) : s ? cr_retain(s) : NULL;
    cr_release(total);
    if (!next) return NULL;
    total = next;
  }
  return total ? total : cr_scalar_tensor(CR_FLOAT64, (cr_device){CR_CPU, 0}, cr_num(0));
}

/* The gradients of all inputs, contracted to one number, on the tape. */
static cr_tensor *gradient(void *ctx, cr_tensor *const *in) {
  gradient_ctx *c = ctx;
  cr_tensor **grads = calloc((size_t)c->nin, sizeof *grads);
  if (!grads) return cr_fail_null("gradcheck: out of memory");
  CR_AUTO loss = contracted(c->f, c->ctx, in);
  cr_backward_opts opts = {.create_graph = true, .ninputs = c->nin, .inputs = in, .result = grads};
  bool ok = loss && (!cr_requires_grad(loss) || cr_backward(1, &loss, NULL, &opts));
  cr_tensor *r = ok ? contract_all(c->nin, grads) : NULL;
  for (int i = 0; i < c->nin; i++) cr_release(grads[i]);
  free(grads);
  return r;
}

bool cr_gradcheck(function f, void *ctx, int nin, cr_tensor *const *in, double eps, double atol,
                  double rtol, cr_gradcheck_orders orders) {
  for (int i = 0; i < nin; i++) {
    if (in[i]->dtype != CR_FLOAT64)
      return cr_fail("gradcheck: input %d is %s, wanted float64", i + 1,
                     cr_dtypes[in[i]->dtype].name);
    if (!cr_set_requires_grad(in[i], true)) return false;
  }
  check first = {f, ctx, nin, in, eps, atol, rtol};
  gradient_ctx g = {f, ctx, nin};
  check second = {gradient, &g, nin, in, eps, atol, rtol};
  return (orders == CR_GRADCHECK_SECOND || first_order(&first, "the gradient")) &&
         (orders == CR_GRADCHECK_FIRST || first_order(&second, "the second-order gradient"));
}
