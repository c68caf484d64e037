/* gradcheck.c: the tape's gradients against central differences.
 *
 * The function's result is contracted with fixed weights to one number, whose slope along each
 * element of each input is measured from both sides. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef cr_tensor *(*function)(void *ctx, cr_tensor *const *in);

/* Fixed, without a pattern that could hide an error. */
static cr_tensor *weights_like(const cr_tensor *t, double phase) {
  cr_tensor *w = cr_empty(CR_FLOAT64, (cr_device){CR_CPU, 0}, t->ndim, t->shape);
  for (int64_t i = 0, n = w ? cr_numel(w) : 0; i < n; i++)
    ((double *)cr_data(w))[i] = 0.6 + 0.4 * cos(1.7 * (double)i + phase);
  return w;
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

typedef struct {
  double error, analytic, numeric;
  int input;
  int64_t element;
} worst_place;

static bool compare_input(function f, void *ctx, cr_tensor *const *in, int i, cr_tensor *grad,
                          double eps, double atol, double rtol, worst_place *worst) {
  CR_AUTO plain = grad ? cr_contiguous(grad) : cr_zeros_like(in[i]);
  if (!plain) return false;
  int64_t n = cr_numel(in[i]);
  for (int64_t k = 0; k < n; k++) {
    int64_t index[CR_MAX_DIMS], rest = k;
    for (int d = in[i]->ndim - 1; d >= 0; d--) {
      index[d] = rest % in[i]->shape[d];
      rest /= in[i]->shape[d];
    }
    double before = cr_get(in[i], index).d, up, down;
    if (!cr_put(in[i], index, cr_num(before + eps)) || !value(f, ctx, in, &up) ||
        !cr_put(in[i], index, cr_num(before - eps)) || !value(f, ctx, in, &down) ||
        !cr_put(in[i], index, cr_num(before)))
      return false;
    double numeric = (up - down) / (2 * eps), analytic = ((double *)cr_data(plain))[k];
    double error = fabs(numeric - analytic) - rtol * fabs(numeric) - atol;
    if (!(error <= worst->error)) *worst = (worst_place){error, analytic, numeric, i, k};
  }
  return true;
}

static bool first_order(function f, void *ctx, int nin, cr_tensor *const *in, double eps,
                        double atol, double rtol, const char *order) {
  cr_tensor **grads = calloc((size_t)nin, sizeof *grads);
  if (!grads) return cr_fail("gradcheck: out of memory");
  worst_place worst = {.error = 0, .input = -1};
  CR_AUTO loss = contracted(f, ctx, in);
  cr_backward_opts opts = {.ninputs = nin, .inputs = in, .result = grads};
  bool ok = loss && (!cr_requires_grad(loss) || cr_backward(1, &loss, NULL, &opts));
  for (int i = 0; ok && i < nin; i++)
    ok = compare_input(f, ctx, in, i, grads[i], eps, atol, rtol, &worst);
  for (int i = 0; i < nin; i++) cr_release(grads[i]);
  free(grads);
  if (!ok) return false;
  if (worst.input < 0) return true;
  char s[CR_SHAPE_STR];
  return cr_fail(
      "gradcheck: %s of input %d (%s) differs most at element %lld: backward gives %.10g, "
      "differences give %.10g",
      order, worst.input + 1, cr_tensor_str(s, in[worst.input]), (long long)worst.element + 1,
      worst.analytic, worst.numeric);
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
                  double rtol, bool second_order) {
  for (int i = 0; i < nin; i++) {
    if (in[i]->dtype != CR_FLOAT64)
      return cr_fail("gradcheck: input %d is %s, wanted float64", i + 1,
                     cr_dtypes[in[i]->dtype].name);
    if (!cr_set_requires_grad(in[i], true)) return false;
  }
  if (!first_order(f, ctx, nin, in, eps, atol, rtol, "the gradient")) return false;
  gradient_ctx g = {f, ctx, nin};
  return !second_order ||
         first_order(gradient, &g, nin, in, eps, atol, rtol, "the second-order gradient");
}
