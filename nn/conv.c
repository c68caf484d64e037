/* conv.c: convolution of images, and its two derivatives, which are operators of their own. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#define LARGEST (INT64_C(1) << 30) /* of a stride, a padding, a dilation: no overflow below */

static bool conv2d_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool conv2d_input_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool conv2d_weight_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

#define ATTRS "stride_h stride_w pad_h pad_w dilation_h dilation_w groups"
static const cr_op op_conv2d = {"conv2d", ATTRS " kh kw", conv2d_backward};
static const cr_op op_conv2d_input = {"conv2d_input", ATTRS " h w", conv2d_input_backward};
static const cr_op op_conv2d_weight = {"conv2d_weight", ATTRS " kh kw", conv2d_weight_backward};

/* The sizes that follow are of what the result's shape does not tell: the input's, the kernel's. */
#define CONV_INTS(a, ...)                                                                          \
  CR_INTS((a)->stride[0], (a)->stride[1], (a)->pad[0], (a)->pad[1], (a)->dilation[0],              \
          (a)->dilation[1], (a)->groups, __VA_ARGS__)

static cr_conv2d_args recorded_args(const cr_node *n) {
  int64_t i[7];
  for (int k = 0; k < 7; k++) i[k] = cr_attr_int(n, k);
  return (cr_conv2d_args){{i[0], i[1]}, {i[2], i[3]}, {i[4], i[5]}, i[6]};
}

/* Sizes of the output along dimension d (0: height), or 0 when the kernel does not fit. */
static int64_t out_size(int64_t size, int64_t kernel, const cr_conv2d_args *a, int d) {
  int64_t room = size + 2 * a->pad[d] - (a->dilation[d] * (kernel - 1) + 1);
  return room < 0 ? 0 : room / a->stride[d] + 1;
}

static cr_conv2d_shape make_shape(cr_dtype dtype, const int64_t x[4], const int64_t w[4],
                                  const cr_conv2d_args *a, bool last) {
  return (cr_conv2d_shape){.dtype = dtype,
                           .n = x[0],
                           .c = x[1],
                           .h = x[2],
                           .w = x[3],
                           .o = w[0],
                           .kh = w[2],
                           .kw = w[3],
                           .oh = out_size(x[2], w[2], a, 0),
                           .ow = out_size(x[3], w[3], a, 1),
                           .args = *a,
                           .channels_last = last};
}

/* Whether to work channels-last.  cuDNN is slow so with float64, or cannot. */
static bool takes_channels_last(const cr_tensor *a, const cr_tensor *b) {
  return a->dtype != CR_FLOAT64 && cr_nn_channels_last(a, b);
}

static bool check_args(const char *fn, const cr_conv2d_args *a) {
  for (int d = 0; d < 2; d++) {
    if (a->stride[d] < 1 || a->stride[d] > LARGEST)
      return cr_fail("%s: stride %lld is outside 1..%lld", fn, (long long)a->stride[d],
                     (long long)LARGEST);
    if (a->pad[d] < 0 || a->pad[d] > LARGEST)
      return cr_fail("%s: padding %lld is outside 0..%lld", fn, (long long)a->pad[d],
                     (long long)LARGEST);
    if (a->dilation[d] < 1 || a->dilation[d] > LARGEST)
      return cr_fail("%s: dilation %lld is outside 1..%lld", fn, (long long)a->dilation[d],
                     (long long)LARGEST);
  }
  return a->groups >= 1 || cr_fail("%s: %lld groups, wanted at least 1", fn, (long long)a->groups);
}

static bool check_shapes(const cr_tensor *x, const cr_tensor *w, const cr_conv2d_args *a) {
  char xs[CR_SHAPE_STR], ws[CR_SHAPE_STR];
  cr_shape_str(xs, x->ndim, x->shape);
  cr_shape_str(ws, w->ndim, w->shape);
  if (w->ndim != 4)
    return cr_fail("nn.conv2d: weight is %s, wanted 4 dimensions: out x in/groups x height x width",
                   ws);
  if (x->ndim != 3 && x->ndim != 4)
    return cr_fail("nn.conv2d: input is %s, wanted batch x channels x height x width or "
                   "channels x height x width",
                   xs);
  const int64_t *is = x->shape + (x->ndim - 3);
  if (w->shape[0] % a->groups != 0)
    return cr_fail("nn.conv2d: weight %s has %lld outputs, which %lld groups do not divide", ws,
                   (long long)w->shape[0], (long long)a->groups);
  if (w->shape[1] < 1) return cr_fail("nn.conv2d: weight %s has no input channels", ws);
  if (w->shape[1] > LARGEST || is[0] != w->shape[1] * a->groups)
    return cr_fail("nn.conv2d: input %s has %lld channels, but weight %s with %lld group%s wants "
                   "%lld",
                   xs, (long long)is[0], ws, (long long)a->groups, a->groups == 1 ? "" : "s",
                   (long long)(w->shape[1] * a->groups));
  for (int d = 0; d < 2; d++) {
    int64_t k = w->shape[2 + d];
    if (k < 1 || k > LARGEST || is[1 + d] > LARGEST || out_size(is[1 + d], k, a, d) < 1)
      return cr_fail("nn.conv2d: the kernel of weight %s (dilation %lldx%lld) does not fit into "
                     "input %s with padding %lldx%lld",
                     ws, (long long)a->dilation[0], (long long)a->dilation[1], xs,
                     (long long)a->pad[0], (long long)a->pad[1]);
  }
  return true;
}

/* The forward proper: batched, in order, checked. */
static cr_tensor *conv2d_dense(cr_tensor *x, cr_tensor *w, cr_tensor *bias, const cr_conv2d_args *a,
                               bool last) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.conv2d", cr_device_of(x));
  cr_conv2d_shape s = make_shape((cr_dtype)x->dtype, x->shape, w->shape, a, last);
  int64_t shape[4] = {s.n, s.o, s.oh, s.ow};
  cr_tensor *y = be ? cr_nn_empty(s.dtype, cr_device_of(x), 4, shape, last) : NULL;
  if (!y) return NULL;
  bool ok = be->conv2d(&s, cr_data(y), cr_data(x), cr_data(w), cr_data_opt(bias));
  return cr_record(&op_conv2d, cr_result_if(ok, y), CR_IN(x, w, bias),
                   CR_SAVE(cr_requires_grad(w) ? x : NULL, cr_requires_grad(x) ? w : NULL),
                   CONV_INTS(a, s.kh, s.kw));
}

cr_tensor *cr_conv2d(cr_tensor *x, cr_tensor *w, cr_tensor *bias, const cr_conv2d_args *a) {
  if (!x || !w || !cr_need_float("nn.conv2d", x) || !cr_nn_match("nn.conv2d", x, "weight", w) ||
      !check_args("nn.conv2d", a) || !check_shapes(x, w, a) ||
      !cr_nn_vector("nn.conv2d", x, "bias", bias, w->shape[0]))
    return NULL;
  cr_dtype dtype = cr_nn_dtype_of(x, CR_HALF_CONV);
  bool single = x->ndim == 3;
  CR_AUTO batch = single ? cr_unsqueeze(x, 0) : cr_retain(x);
  if (!batch) return NULL;
  bool last = takes_channels_last(batch, w);
  CR_AUTO xd = cr_nn_image(batch, dtype, last);
  CR_AUTO wd = cr_nn_image(w, dtype, last);
  CR_AUTO bd = NULL;
  if (!xd || !wd || !cr_nn_dense_opt(bias, dtype, &bd)) return NULL;
  CR_AUTO y = conv2d_dense(xd, wd, bd, a, last);
  CR_AUTO out = single ? cr_squeeze(y, 0) : y ? cr_retain(y) : NULL;
  return cr_cast(out, (cr_dtype)x->dtype);
}

/* ---- the derivative by the input: (g, w) -> the shape of x, linear in both -------------- */

static cr_tensor *conv2d_input(cr_tensor *g, cr_tensor *w, const cr_conv2d_args *a, int64_t height,
                               int64_t width) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.conv2d", cr_device_of(g));
  bool last = takes_channels_last(g, w);
  int64_t shape[4] = {g->shape[0], w->shape[1] * a->groups, height, width};
  cr_conv2d_shape s = make_shape((cr_dtype)g->dtype, shape, w->shape, a, last);
  CR_AUTO gc = cr_nn_image(g, s.dtype, last);
  CR_AUTO wc = cr_nn_image(w, s.dtype, last);
  cr_tensor *gx = be && gc && wc ? cr_nn_empty(s.dtype, cr_device_of(g), 4, shape, last) : NULL;
  if (!gx) return NULL;
  bool ok = be->conv2d_input(&s, cr_data(gx), cr_data(gc), cr_data(wc));
  return cr_record(&op_conv2d_input, cr_result_if(ok, gx), CR_IN(gc, wc), CR_SAVE(gc, wc),
                   CONV_INTS(a, height, width));
}

/* ---- the derivative by the weight: (g, x) -> the shape of w, linear in both ------------- */

static cr_tensor *conv2d_weight(cr_tensor *g, cr_tensor *x, const cr_conv2d_args *a, int64_t kh,
                                int64_t kw) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.conv2d", cr_device_of(g));
  bool last = takes_channels_last(g, x);
  int64_t shape[4] = {g->shape[1], x->shape[1] / a->groups, kh, kw};
  cr_conv2d_shape s = make_shape((cr_dtype)g->dtype, x->shape, shape, a, last);
  CR_AUTO gc = cr_nn_image(g, s.dtype, last);
  CR_AUTO xc = cr_nn_image(x, s.dtype, last);
  cr_tensor *gw = be && gc && xc ? cr_nn_empty(s.dtype, cr_device_of(g), 4, shape, last) : NULL;
  if (!gw) return NULL;
  bool ok = be->conv2d_weight(&s, cr_data(gw), cr_data(gc), cr_data(xc));
  return cr_record(&op_conv2d_weight, cr_result_if(ok, gw), CR_IN(gc, xc), CR_SAVE(gc, xc),
                   CONV_INTS(a, kh, kw));
}

/* The derivative by the bias: the sum over images and places. */
static cr_tensor *conv2d_bias(cr_tensor *g) {
  if (cr_recording_any(g)) return cr_reduce(CR_SUM, g, 3, (int[]){0, 2, 3}, false, NULL);
  return cr_sum_middle("nn.conv2d", g, 1);
}

static bool conv2d_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_conv2d_args a = recorded_args(n);
  if (cr_wants(n, 0)) {
    const int64_t *x;
    cr_input_shape(n, 0, &x);
    cr_tensor *w = cr_saved(n, 1);
    if (!w || !(gin[0] = conv2d_input(g[0], w, &a, x[2], x[3]))) return false;
  }
  if (cr_wants(n, 1)) {
    const int64_t *w;
    cr_input_shape(n, 1, &w);
    cr_tensor *x = cr_saved(n, 0);
    if (!x || !(gin[1] = conv2d_weight(g[0], x, &a, w[2], w[3]))) return false;
  }
  return !cr_wants(n, 2) || (gin[2] = conv2d_bias(g[0]));
}

static bool conv2d_input_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_conv2d_args a = recorded_args(n);
  cr_tensor *gy = cr_saved(n, 0), *w = cr_saved(n, 1);
  if (!gy || !w) return false;
  return (!cr_wants(n, 0) || (gin[0] = cr_conv2d(g[0], w, NULL, &a))) &&
         (!cr_wants(n, 1) || (gin[1] = conv2d_weight(gy, g[0], &a, w->shape[2], w->shape[3])));
}

static bool conv2d_weight_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_conv2d_args a = recorded_args(n);
  cr_tensor *gy = cr_saved(n, 0), *x = cr_saved(n, 1);
  if (!gy || !x) return false;
  return (!cr_wants(n, 0) || (gin[0] = cr_conv2d(x, g[0], NULL, &a))) &&
         (!cr_wants(n, 1) || (gin[1] = conv2d_input(gy, g[0], &a, x->shape[2], x->shape[3])));
}

/* ---- transposed: the derivative by the input, taken for itself --------------------------- */

/* The size of the output along dimension d, or 0 when the arguments leave none. */
static int64_t transposed_size(int64_t size, int64_t kernel, int64_t extra, const cr_conv2d_args *a,
                               int d) {
  int64_t n = (size - 1) * a->stride[d] - 2 * a->pad[d] + a->dilation[d] * (kernel - 1) + 1 + extra;
  return n < 1 || n > LARGEST ? 0 : n;
}

static bool check_transposed(const cr_tensor *x, const cr_tensor *w, const cr_conv2d_args *a,
                             const int64_t extra[2]) {
  const char *fn = "nn.convTranspose2d";
  char xs[CR_SHAPE_STR], ws[CR_SHAPE_STR];
  cr_shape_str(xs, x->ndim, x->shape);
  cr_shape_str(ws, w->ndim, w->shape);
  if (w->ndim != 4)
    return cr_fail("%s: weight is %s, wanted 4 dimensions: in x out/groups x height x width", fn,
                   ws);
  if (x->ndim != 3 && x->ndim != 4)
    return cr_fail("%s: input is %s, wanted batch x channels x height x width or "
                   "channels x height x width",
                   fn, xs);
  const int64_t *is = x->shape + (x->ndim - 3);
  if (w->shape[0] < 1 || w->shape[1] < 1 || w->shape[1] > LARGEST || is[0] != w->shape[0])
    return cr_fail("%s: input %s has %lld channels, but weight %s wants %lld", fn, xs,
                   (long long)is[0], ws, (long long)w->shape[0]);
  if (w->shape[0] % a->groups != 0)
    return cr_fail("%s: weight %s has %lld inputs, which %lld groups do not divide", fn, ws,
                   (long long)w->shape[0], (long long)a->groups);
  for (int d = 0; d < 2; d++) {
    int64_t k = w->shape[2 + d], n = is[1 + d];
    if (extra[d] < 0 || extra[d] >= a->stride[d])
      return cr_fail("%s: output padding %lld is outside 0..%lld, since the stride is %lld", fn,
                     (long long)extra[d], (long long)(a->stride[d] - 1), (long long)a->stride[d]);
    if (k < 1 || k > LARGEST || n < 1 || n > LARGEST || transposed_size(n, k, extra[d], a, d) < 1)
      return cr_fail("%s: no output is left of input %s with weight %s and padding %lldx%lld", fn,
                     xs, ws, (long long)a->pad[0], (long long)a->pad[1]);
  }
  return true;
}

cr_tensor *cr_conv_transpose2d(cr_tensor *x, cr_tensor *w, cr_tensor *bias, const cr_conv2d_args *a,
                               const int64_t extra[2]) {
  const char *fn = "nn.convTranspose2d";
  if (!x || !w || !cr_need_float(fn, x) || !cr_nn_match(fn, x, "weight", w) || !check_args(fn, a) ||
      !check_transposed(x, w, a, extra) ||
      !cr_nn_vector(fn, x, "bias", bias, w->shape[1] * a->groups))
    return NULL;
  cr_dtype dtype = cr_nn_dtype_of(x, CR_HALF_CONV);
  bool single = x->ndim == 3;
  CR_AUTO batch = single ? cr_unsqueeze(x, 0) : cr_retain(x);
  CR_AUTO xd = cr_cast(batch, dtype);
  CR_AUTO wd = cr_cast(w, dtype);
  CR_AUTO bd = NULL;
  if (!xd || !wd || !cr_nn_dense_opt(bias, dtype, &bd)) return NULL;
  int64_t size[2];
  for (int d = 0; d < 2; d++)
    size[d] = transposed_size(xd->shape[2 + d], w->shape[2 + d], extra[d], a, d);
  CR_AUTO y = conv2d_input(xd, wd, a, size[0], size[1]);
  CR_AUTO column = bd ? cr_view(bd, 3, (int64_t[]){bd->shape[0], 1, 1}) : NULL;
  if (!y || (bd && !column)) return NULL;
  CR_AUTO sum = bd ? cr_binary(CR_ADD, y, column, NULL) : cr_retain(y);
  CR_AUTO out = single ? cr_squeeze(sum, 0) : sum ? cr_retain(sum) : NULL;
  return cr_cast(out, (cr_dtype)x->dtype);
}
