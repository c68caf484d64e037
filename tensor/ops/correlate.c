/* correlate.c: plain correlations and convolutions of signals, in any number of spatial dimensions.
 *
 * One operator does the work, the valid correlation; the others pad the signal or turn the kernel
 * round first.  It adds up shifted copies of the signal, one for each element of the kernel, so it
 * needs no memory beyond the result.  It comes in two forms, for signals x and kernels k:
 *   paired   x (.., S), k (.., T)     each signal with its kernel
 *   mixed    x (p, S),  k (q, p, T)   a matrix of kernels times a vector of signals
 * The gradient of either form is again made of both, so gradients of any order work. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <string.h>

/* ---- parts ------------------------------------------------------------------------------ */

/* x with zeros around: k's size less one on each side of each spatial dimension. */
static cr_tensor *pad(cr_tensor *x, const cr_tensor *k, int dims) {
  cr_tensor *y = cr_retain(x);
  for (int i = 1; y && i <= dims; i++) {
    int d = y->ndim - i;
    int64_t margin = k->shape[k->ndim - i] - 1;
    cr_tensor *wide = cr_narrow_into(y, d, margin, y->shape[d] + 2 * margin, 1);
    cr_release(y);
    y = wide;
  }
  return y;
}

/* k with its spatial dimensions turned round. */
static cr_tensor *turn(cr_tensor *k, int dims) {
  cr_tensor *y = cr_retain(k);
  for (int i = 1; y && i <= dims; i++) {
    int64_t n = k->shape[k->ndim - i];
    CR_AUTO order = cr_arange(CR_INT64, cr_device_of(k), (double)(n - 1), -1, n);
    cr_tensor *turned = order ? cr_index_select(y, k->ndim - i, order, NULL) : NULL;
    cr_release(y);
    y = turned;
  }
  return y;
}

/* Headers on x's part and k's element that belong to place number `at` of the kernel, both with as
 * many dimensions as the result. */
static void shifted(const cr_tensor *x, const cr_tensor *k, int dims, int64_t at,
                    const cr_tensor *out, cr_tensor *part, cr_tensor *weight) {
  *part = *x;
  *weight = *k;
  for (int i = 1; i <= dims; i++) {
    int dx = x->ndim - i, dk = k->ndim - i;
    int64_t place = at % k->shape[dk];
    at /= k->shape[dk];
    part->offset += place * x->stride[dx];
    part->shape[dx] = out->shape[out->ndim - i];
    weight->offset += place * k->stride[dk];
    weight->shape[dk] = 1;
  }
}

static bool add_product(cr_tensor *out, cr_tensor *part, cr_tensor *weight) {
  cr_tensor *y = cr_addcmul(out, cr_int(1), part, weight, out);
  cr_release(y);
  return y != NULL;
}

/* Adds x's signal p times the kernels k[.., p] to all results. */
static bool add_mixed(cr_tensor *out, const cr_tensor *part, const cr_tensor *weight) {
  cr_tensor x = *part, k = *weight;
  x.shape[0] = 1;
  k.ndim--;
  memmove(k.shape + 1, weight->shape + 2, (size_t)(k.ndim - 1) * sizeof *k.shape);
  memmove(k.stride + 1, weight->stride + 2, (size_t)(k.ndim - 1) * sizeof *k.stride);
  for (int64_t p = 0; p < part->shape[0]; p++) {
    if (!add_product(out, &x, &k)) return false;
    x.offset += part->stride[0];
    k.offset += weight->stride[1];
  }
  return true;
}

static bool run(cr_tensor *x, cr_tensor *k, int dims, bool mixed, cr_tensor *out) {
  int64_t places = 1;
  for (int i = 1; i <= dims; i++) places *= k->shape[k->ndim - i];
  for (int64_t at = 0; at < places; at++) {
    cr_tensor part, weight;
    shifted(x, k, dims, at, out, &part, &weight);
    part.ag = weight.ag = NULL;
    part.base = weight.base = NULL;
    if (!(mixed ? add_mixed(out, &part, &weight) : add_product(out, &part, &weight))) return false;
  }
  return true;
}

/* ---- the operator ----------------------------------------------------------------------- */

static cr_tensor *valid(cr_tensor *x, cr_tensor *k, int dims, bool mixed);

/* The gradient of the signals: a full convolution of g with the kernels. */
static cr_tensor *signal_gradient(cr_tensor *g, cr_tensor *k, int dims, bool mixed) {
  CR_AUTO wide = pad(g, k, dims);
  CR_AUTO turned = turn(k, dims);
  CR_AUTO to_signal = mixed && turned ? cr_transpose(turned, 0, 1) : NULL;
  return valid(wide, mixed ? to_signal : turned, dims, mixed);
}

/* The gradient of the kernels: the correlation of each signal with each gradient it met. */
static cr_tensor *kernel_gradient(cr_tensor *x, cr_tensor *g, int dims, bool mixed) {
  if (!mixed) return valid(x, g, dims, false);
  int64_t xs[CR_MAX_DIMS], gs[CR_MAX_DIMS];
  CR_AUTO x1 = cr_unsqueeze(x, 0);
  CR_AUTO g1 = cr_unsqueeze(g, 1);
  if (!x1 || !g1) return NULL;
  memcpy(xs, x1->shape, sizeof xs);
  memcpy(gs, g1->shape, sizeof gs);
  xs[0] = gs[0];
  gs[1] = xs[1];
  CR_AUTO every_x = cr_expand(x1, x1->ndim, xs);
  CR_AUTO every_g = cr_expand(g1, g1->ndim, gs);
  return valid(every_x, every_g, dims, false);
}

static bool correlate_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *x = cr_saved(n, 0), *k = cr_saved(n, 1);
  int dims = (int)cr_attr_int(n, 0);
  bool mixed = cr_attr_int(n, 1);
  if (!x || !k) return false;
  if (cr_wants(n, 0) && !(gin[0] = signal_gradient(g[0], k, dims, mixed))) return false;
  return !cr_wants(n, 1) || (gin[1] = kernel_gradient(x, g[0], dims, mixed));
}

static const cr_op op_correlate = {"correlate", "dims mixed", correlate_backward};

static cr_tensor *valid(cr_tensor *x, cr_tensor *k, int dims, bool mixed) {
  if (!x || !k) return NULL;
  int64_t shape[CR_MAX_DIMS];
  memcpy(shape, x->shape, sizeof shape);
  if (mixed) shape[0] = k->shape[0];
  for (int i = 1; i <= dims; i++) shape[x->ndim - i] -= k->shape[k->ndim - i] - 1;
  cr_tensor *out = cr_full((cr_dtype)x->dtype, cr_device_of(x), x->ndim, shape, cr_int(0));
  cr_context *ctx = cr_ctx();
  bool mode = ctx->no_grad;
  ctx->no_grad = true;
  bool ok = out && run(x, k, dims, mixed, out);
  ctx->no_grad = mode;
  if (ok) return cr_record(&op_correlate, out, CR_IN(x, k), CR_SAVE(x, k), CR_INTS(dims, mixed));
  cr_release(out);
  return NULL;
}

/* ---- correlation and convolution -------------------------------------------------------- */

static bool check_shapes(const char *fn, const cr_tensor *x, const cr_tensor *k, int dims,
                         bool full) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  int lead = x->ndim - dims;
  bool mixed = k->ndim == x->ndim + 1;
  bool ok = lead >= 0 && lead <= 1 && (k->ndim == x->ndim || (mixed && lead == 1));
  if (ok && lead) ok = x->shape[0] == k->shape[mixed ? 1 : 0];
  if (!ok)
    return cr_fail("%s: a signal of shape %s with a kernel of shape %s, wanted %d dimensions each, "
                   "or %d and %d or %d with as many kernels as signals",
                   fn, cr_shape_str(s, x->ndim, x->shape), cr_shape_str(t, k->ndim, k->shape), dims,
                   dims + 1, dims + 1, dims + 2);
  for (int i = 1; i <= dims; i++) {
    int64_t n = x->shape[x->ndim - i], m = k->shape[k->ndim - i];
    if (m < 1 || n < 1 || (!full && m > n))
      return cr_fail("%s: a kernel of shape %s does not fit a signal of shape %s", fn,
                     cr_shape_str(t, k->ndim, k->shape), cr_shape_str(s, x->ndim, x->shape));
  }
  return true;
}

cr_tensor *cr_correlate(const char *fn, cr_tensor *x, cr_tensor *k, int dims, bool full,
                        bool convolve) {
  if (!x || !k || !cr_same_device(fn, x, k) || !check_shapes(fn, x, k, dims, full)) return NULL;
  cr_dtype dtype = cr_promote((cr_dtype)x->dtype, (cr_dtype)k->dtype);
  if (dtype == CR_BOOL) return cr_fail_null("%s: tensors of numbers are wanted", fn);
  bool narrow = dtype == CR_FLOAT16 || dtype == CR_BFLOAT16; /* too narrow to add up in */
  CR_AUTO signal = cr_cast(x, narrow ? CR_FLOAT32 : dtype);
  CR_AUTO kernel = cr_cast(k, narrow ? CR_FLOAT32 : dtype);
  if (!signal || !kernel) return NULL;
  CR_AUTO wide = full ? pad(signal, kernel, dims) : cr_retain(signal);
  CR_AUTO turned = convolve ? turn(kernel, dims) : cr_retain(kernel);
  CR_AUTO y = valid(wide, turned, dims, k->ndim > x->ndim);
  return y ? cr_cast(y, dtype) : NULL;
}
