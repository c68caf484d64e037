/* fft.c: Fourier transforms.  A complex number is a pair in a last dimension of size 2.
 *
 * Three operators do the work; the many functions scripts see are made of them in Lua.  Each is a
 * linear map with a factor `scale`, so its derivative is its transpose:
 *   fft     sum over j of x_j e^(-+ 2 pi i j k / n); the transpose has the other sign
 *   rfft    its first n/2 + 1 results for real x; the transpose is irfft with the middle ones
 * halved irfft   n real numbers from such a half; the transpose is rfft with the middle ones
 * doubled */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <string.h>

/* ---- the kernel call -------------------------------------------------------------------- */

/* A header for the loop over lines: without the pairs and with one number along dim. */
static cr_tensor lines_of(const cr_tensor *t, int dim, bool pairs) {
  cr_tensor u = *t;
  if (pairs) u.ndim--;
  u.shape[dim] = 1;
  return u;
}

static cr_tensor *kernel(const char *fn, cr_fft_kind kind, cr_tensor *x, int dim, int64_t n,
                         bool inverse, double scale) {
  bool pairs_in = kind != CR_FFT_REAL_IN, pairs_out = kind != CR_FFT_REAL_OUT;
  int64_t shape[CR_MAX_DIMS], size = (int64_t)cr_sizeof((cr_dtype)x->dtype);
  int ndim = x->ndim - pairs_in;
  if (ndim + pairs_out > CR_MAX_DIMS) return cr_fail_null("%s: too many dimensions", fn);
  memcpy(shape, x->shape, sizeof shape);
  shape[dim] = kind == CR_FFT_REAL_IN ? n / 2 + 1 : n;
  if (pairs_out) shape[ndim++] = 2;
  cr_tensor *y = cr_empty((cr_dtype)x->dtype, cr_device_of(x), ndim, shape);
  if (!y || !cr_numel(y)) return y;
  cr_tensor o = lines_of(y, dim, pairs_out), i = lines_of(x, dim, pairs_in), *in = &i;
  cr_fft_args a = {kind,
                   inverse,
                   n,
                   scale,
                   {y->stride[dim] * size, x->stride[dim] * size},
                   {pairs_out ? size : 0, pairs_in ? x->stride[x->ndim - 1] * size : 0}};
  cr_iter it;
  cr_iter_make(&it, &o, 1, &in);
  const cr_backend *b = cr_backend_for(y);
  if (b->fft ? b->fft(&it, &a) : cr_fail("not on this device")) return y;
  cr_error_prefix(fn);
  cr_release(y);
  return NULL;
}

/* ---- the operators on lines of the right length and type -------------------------------- */

static cr_tensor *complex_lines(cr_tensor *x, int dim, bool inverse, double scale);
static cr_tensor *real_in(cr_tensor *x, int dim, double scale);
static cr_tensor *real_out(cr_tensor *x, int dim, int64_t n, double scale);

/* x times w at all places along dim but the first and, for even n, the last. */
static cr_tensor *scale_middle(cr_tensor *x, int dim, int64_t n, double w) {
  if (!x) return NULL;
  int64_t shape[CR_MAX_DIMS], count = x->shape[dim], middle = (n - 1) / 2;
  for (int d = 0; d < x->ndim; d++) shape[d] = d == dim ? count : 1;
  CR_AUTO ones = cr_full((cr_dtype)x->dtype, cr_device_of(x), x->ndim, shape, cr_int(1));
  CR_AUTO part = middle > 0 ? cr_narrow(ones, dim, 1, middle) : NULL;
  CR_AUTO filled = cr_fill(part, cr_num(w));
  return middle > 0 && !filled ? NULL : cr_mul(x, ones);
}

static bool fft_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  return (gin[0] = complex_lines(g[0], (int)cr_attr_int(n, 0), !cr_attr_int(n, 1),
                                 cr_attr_num(n, 0))) != NULL;
}

static bool rfft_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  int dim = (int)cr_attr_int(n, 0);
  int64_t size = cr_attr_int(n, 1);
  CR_AUTO halved = scale_middle(g[0], dim, size, 0.5);
  return (gin[0] = real_out(halved, dim, size, cr_attr_num(n, 0))) != NULL;
}

static bool irfft_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  int dim = (int)cr_attr_int(n, 0);
  CR_AUTO y = real_in(g[0], dim, cr_attr_num(n, 0));
  return (gin[0] = scale_middle(y, dim, cr_attr_int(n, 1), 2)) != NULL;
}

static const cr_op op_fft = {"fft", "dim inverse : scale", fft_backward};
static const cr_op op_rfft = {"rfft", "dim n : scale", rfft_backward};
static const cr_op op_irfft = {"irfft", "dim n : scale", irfft_backward};

static cr_tensor *complex_lines(cr_tensor *x, int dim, bool inverse, double scale) {
  if (!x) return NULL;
  cr_tensor *y = kernel("fft", CR_FFT_COMPLEX, x, dim, x->shape[dim], inverse, scale);
  return cr_record(&op_fft, y, CR_IN(x), CR_INTS(dim, inverse), CR_NUMS(scale));
}

static cr_tensor *real_in(cr_tensor *x, int dim, double scale) {
  if (!x) return NULL;
  int64_t n = x->shape[dim];
  cr_tensor *y = kernel("rfft", CR_FFT_REAL_IN, x, dim, n, false, scale);
  return cr_record(&op_rfft, y, CR_IN(x), CR_INTS(dim, n), CR_NUMS(scale));
}

static cr_tensor *real_out(cr_tensor *x, int dim, int64_t n, double scale) {
  if (!x) return NULL;
  cr_tensor *y = kernel("irfft", CR_FFT_REAL_OUT, x, dim, n, true, scale);
  return cr_record(&op_irfft, y, CR_IN(x), CR_INTS(dim, n), CR_NUMS(scale));
}

/* ---- arguments -------------------------------------------------------------------------- */

/* x with exactly `size` numbers along dim: cut off, or zeros after them. */
static cr_tensor *fit(cr_tensor *x, int dim, int64_t size) {
  if (!x || x->shape[dim] == size) return x ? cr_retain(x) : NULL;
  if (x->shape[dim] > size) return cr_narrow(x, dim, 0, size);
  return cr_narrow_into(x, dim, 0, size, 1);
}

static bool check_pairs(const char *fn, const cr_tensor *x) {
  char s[CR_SHAPE_STR];
  if (x->ndim >= 2 && x->shape[x->ndim - 1] == 2) return true;
  return cr_fail("%s: complex numbers are wanted, pairs in a last dimension of size 2 after at "
                 "least one other; got a tensor of shape %s (torch.complexPairs makes pairs of "
                 "real numbers, torch.fft.rfft takes them as they are)",
                 fn, cr_shape_str(s, x->ndim, x->shape));
}

/* Checks the dimension and the length; n < 0 becomes the line's own. */
static bool check_line(const char *fn, const cr_tensor *x, int ndim, int *dim, int64_t *n) {
  if (ndim < 1) return cr_fail("%s: at least one dimension is wanted", fn);
  if (!cr_wrap_dim(fn, dim, ndim)) return false;
  if (*n < 0) *n = x->shape[*dim];
  if (*n > 0 && *n <= INT64_MAX / 64) return true;
  return cr_fail("%s: a transform of length %lld", fn, (long long)*n);
}

/* The type to compute in; half floats and integers take another one. */
static cr_dtype wide_type(cr_dtype t) {
  if (t == CR_FLOAT16 || t == CR_BFLOAT16) return CR_FLOAT32;
  if (cr_is_float(t)) return t;
  cr_dtype standard = (cr_dtype)cr_ctx()->dtype;
  return standard == CR_FLOAT64 ? CR_FLOAT64 : CR_FLOAT32;
}

static cr_dtype narrow_type(cr_dtype t) {
  return cr_is_float(t) ? t : wide_type(t);
}

static cr_tensor *finish(cr_tensor *y, const cr_tensor *x) {
  return y ? cr_cast(y, narrow_type((cr_dtype)x->dtype)) : NULL;
}

cr_tensor *cr_fft(const char *fn, cr_tensor *x, int64_t n, int dim, bool inverse, double scale) {
  if (!x || !check_pairs(fn, x) || !check_line(fn, x, x->ndim - 1, &dim, &n)) return NULL;
  CR_AUTO wide = cr_cast(x, wide_type((cr_dtype)x->dtype));
  CR_AUTO line = fit(wide, dim, n);
  CR_AUTO y = complex_lines(line, dim, inverse, scale);
  return finish(y, x);
}

cr_tensor *cr_rfft(const char *fn, cr_tensor *x, int64_t n, int dim, double scale) {
  if (!x || !check_line(fn, x, x->ndim, &dim, &n)) return NULL;
  CR_AUTO wide = cr_cast(x, wide_type((cr_dtype)x->dtype));
  CR_AUTO line = fit(wide, dim, n);
  CR_AUTO y = real_in(line, dim, scale);
  return finish(y, x);
}

cr_tensor *cr_irfft(const char *fn, cr_tensor *x, int64_t n, int dim, double scale) {
  if (!x || !check_pairs(fn, x)) return NULL;
  int d = dim;
  if (n < 0 && cr_wrap_dim(fn, &d, x->ndim - 1)) n = 2 * (x->shape[d] - 1);
  if (n < 0) n = 0;
  if (!check_line(fn, x, x->ndim - 1, &dim, &n)) return NULL;
  CR_AUTO wide = cr_cast(x, wide_type((cr_dtype)x->dtype));
  CR_AUTO line = fit(wide, dim, n / 2 + 1);
  CR_AUTO y = real_out(line, dim, n, scale);
  return finish(y, x);
}
