/* pool.c: maximum and average over windows of an image. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#define LARGEST (INT64_C(1) << 30) /* of a kernel, a stride: no overflow below */

static bool max_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool max_backward_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool avg_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static bool avg_backward_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);

#define ATTRS                                                                                      \
  "kernel_h kernel_w stride_h stride_w pad_h pad_w ceil count_pad dilation_h dilation_w divisor "  \
  "base"
static const cr_op op_max = {"max_pool2d", ATTRS, max_backward};
static const cr_op op_max_backward = {"max_pool2d_backward", ATTRS " h w", max_backward_backward};
static const cr_op op_avg = {"avg_pool2d", ATTRS, avg_backward};
static const cr_op op_avg_backward = {"avg_pool2d_backward", ATTRS " h w", avg_backward_backward};

#define ARG_INTS(a)                                                                                \
  (a)->kernel[0], (a)->kernel[1], (a)->stride[0], (a)->stride[1], (a)->pad[0], (a)->pad[1],        \
      (a)->ceil, (a)->count_pad, (a)->dilation[0], (a)->dilation[1], (a)->divisor, (a)->base

static cr_pool2d_args recorded_args(const cr_node *n) {
  int64_t i[12];
  for (int k = 0; k < 12; k++) i[k] = cr_attr_int(n, k);
  return (cr_pool2d_args){{i[0], i[1]}, {i[2], i[3]}, {i[4], i[5]}, i[6] != 0,
                          i[7] != 0,    {i[8], i[9]}, i[10],        i[11]};
}

/* How many places of the image a window spans. */
static int64_t extent(const cr_pool2d_args *a, int d) {
  return a->dilation[d] * (a->kernel[d] - 1) + 1;
}

/* Number of windows.  When rounding up, the last one must begin inside the image or its left
 * padding. */
static int64_t out_size(int64_t size, const cr_pool2d_args *a, int d) {
  int64_t room = size + 2 * a->pad[d] - extent(a, d);
  if (a->ceil) room += a->stride[d] - 1;
  if (room < 0) return 0;
  int64_t n = room / a->stride[d] + 1;
  if (a->ceil && (n - 1) * a->stride[d] >= size + a->pad[d]) n--;
  return n;
}

/* h and w: the input's size; t lies channels-last or plainly. */
static cr_pool2d_shape make_shape(const cr_tensor *t, int64_t h, int64_t w, const cr_pool2d_args *a,
                                  bool last) {
  cr_pool2d_shape s = {.dtype = (cr_dtype)t->dtype,
                       .planes = 1,
                       .h = h,
                       .w = w,
                       .oh = out_size(h, a, 0),
                       .ow = out_size(w, a, 1),
                       .args = *a};
  for (int d = 0; d < t->ndim - 2; d++) s.planes *= t->shape[d];
  if (last) {
    s.planes = t->shape[0];
    s.channels = t->shape[1];
  }
  return s;
}

/* Whether each window has a place inside the image; with gaps in it, it may have none. */
static bool all_inside(int64_t size, const cr_pool2d_args *a, int d) {
  int64_t step = a->dilation[d];
  for (int64_t q = 0; step > 1 && q * a->stride[d] < a->pad[d]; q++) {
    int64_t missing = a->pad[d] - q * a->stride[d], jump = (missing + step - 1) / step;
    if (jump * step - missing >= size || jump >= a->kernel[d]) return false;
  }
  return true;
}

static bool check(const char *fn, const cr_tensor *x, const cr_pool2d_args *a) {
  char xs[CR_SHAPE_STR];
  cr_shape_str(xs, x->ndim, x->shape);
  if (!cr_need_float(fn, x)) return false;
  if (x->ndim != 3 && x->ndim != 4)
    return cr_fail("%s: input is %s, wanted batch x channels x height x width or channels x height "
                   "x width",
                   fn, xs);
  for (int d = 0; d < 2; d++) {
    if (a->kernel[d] < 1 || a->stride[d] < 1 || a->kernel[d] > LARGEST || a->stride[d] > LARGEST)
      return cr_fail("%s: kernel %lldx%lld, stride %lldx%lld: wanted 1..%lld", fn,
                     (long long)a->kernel[0], (long long)a->kernel[1], (long long)a->stride[0],
                     (long long)a->stride[1], (long long)LARGEST);
    if (a->dilation[d] < 1 || a->dilation[d] > LARGEST / a->kernel[d])
      return cr_fail("%s: dilation %lldx%lld is too small or too large", fn,
                     (long long)a->dilation[0], (long long)a->dilation[1]);
    if (a->pad[d] < 0 || a->pad[d] > extent(a, d) / 2)
      return cr_fail("%s: padding %lldx%lld, wanted at most half the kernel %lldx%lld", fn,
                     (long long)a->pad[0], (long long)a->pad[1], (long long)a->kernel[0],
                     (long long)a->kernel[1]);
    int64_t size = x->shape[x->ndim - 2 + d];
    if (size < 1 || size > LARGEST || out_size(size, a, d) < 1 || !all_inside(size, a, d))
      return cr_fail("%s: a window of %lldx%lld does not fit into input %s with padding %lldx%lld",
                     fn, (long long)a->kernel[0], (long long)a->kernel[1], xs, (long long)a->pad[0],
                     (long long)a->pad[1]);
  }
  if (x->shape[x->ndim - 2] * x->shape[x->ndim - 1] > INT32_MAX)
    return cr_fail("%s: input %s has planes of more than 2^31 - 1 elements", fn, xs);
  if (a->divisor < 0) return cr_fail("%s: a divisor of %lld", fn, (long long)a->divisor);
  return true;
}

/* The same, with the dilation as the kernels want it. */
static cr_pool2d_args filled(const cr_pool2d_args *a) {
  cr_pool2d_args f = *a;
  for (int d = 0; d < 2; d++)
    if (f.dilation[d] == 0) f.dilation[d] = 1;
  return f;
}

/* A new tensor like x, but with the last two sizes h and w. */
static cr_tensor *resized(const cr_tensor *x, cr_dtype dtype, int64_t h, int64_t w, bool last) {
  int64_t shape[4] = {0};
  for (int d = 0; d < x->ndim - 2; d++) shape[d] = x->shape[d];
  shape[x->ndim - 2] = h;
  shape[x->ndim - 1] = w;
  return cr_nn_empty(dtype, cr_device_of(x), x->ndim, shape, last);
}

/* ---- maximum ---------------------------------------------------------------------------- */

static cr_tensor *max_dense(cr_tensor *x, const cr_pool2d_args *a, bool last, cr_tensor **places) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.max_pool2d", cr_device_of(x));
  cr_pool2d_shape s = make_shape(x, x->shape[x->ndim - 2], x->shape[x->ndim - 1], a, last);
  bool keep = places || cr_recording_any(x);
  CR_AUTO at = be && keep ? resized(x, CR_INT64, s.oh, s.ow, last) : NULL;
  cr_tensor *y = be && (at || !keep) ? resized(x, s.dtype, s.oh, s.ow, last) : NULL;
  if (!y) return NULL;
  bool ok = be->max_pool2d(&s, cr_data(y), cr_data_opt(at), cr_data(x));
  y = cr_record(&op_max, cr_result_if(ok, y), CR_IN(x), CR_SAVE(at), CR_INTS(ARG_INTS(a)));
  if (y && places) *places = cr_retain(at);
  return y;
}

cr_tensor *cr_max_pool2d(cr_tensor *x, const cr_pool2d_args *args, cr_tensor **places) {
  cr_pool2d_args full = filled(args), *a = &full;
  if (!x || !check("nn.max_pool2d", x, a)) return NULL;
  CR_AUTO at = NULL;
  bool last = cr_nn_channels_last(x, NULL);
  CR_AUTO dense = cr_nn_image(x, cr_nn_dtype_of(x, CR_HALF_POOL), last);
  cr_tensor *y = dense ? max_dense(dense, a, last, places ? &at : NULL) : NULL;
  y = cr_cast_owned(y, (cr_dtype)x->dtype);
  if (y && places) *places = cr_retain(at);
  return y;
}

/* g goes to the places of the maxima in planes of h by w. */
static cr_tensor *max_scatter(cr_tensor *g, cr_tensor *places, const cr_pool2d_args *a, int64_t h,
                              int64_t w) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.max_pool2d", cr_device_of(g));
  bool last = cr_only_channels_last(places);
  cr_pool2d_shape s = make_shape(g, h, w, a, last);
  CR_AUTO gc = cr_nn_image(g, s.dtype, last);
  cr_tensor *gx = be && gc ? resized(g, s.dtype, h, w, last) : NULL;
  if (!gx) return NULL;
  bool ok = be->max_pool2d_backward(&s, cr_data(gx), cr_data(gc), cr_data(places));
  return cr_record(&op_max_backward, cr_result_if(ok, gx), CR_IN(gc), CR_SAVE(places),
                   CR_INTS(ARG_INTS(a), h, w));
}

static bool max_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_pool2d_args a = recorded_args(n);
  const int64_t *x;
  int ndim = cr_input_shape(n, 0, &x);
  cr_tensor *places = cr_saved(n, 0);
  return places && (gin[0] = max_scatter(g[0], places, &a, x[ndim - 2], x[ndim - 1]));
}

static bool max_backward_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *places = cr_saved(n, 0);
  if (!places) return false;
  int nd = places->ndim;
  int64_t planes[4], windows[4];
  for (int d = 0; d < nd - 2; d++) planes[d] = windows[d] = places->shape[d];
  planes[nd - 2] = g[0]->shape[nd - 2] * g[0]->shape[nd - 1];
  windows[nd - 2] = places->shape[nd - 2] * places->shape[nd - 1];
  CR_AUTO flat = cr_reshape(g[0], nd - 1, planes);
  CR_AUTO flat_places = cr_reshape(places, nd - 1, windows);
  CR_AUTO at = cr_binary_scalar(CR_SUB, flat_places, cr_int(recorded_args(n).base), NULL);
  CR_AUTO taken = cr_gather(flat, nd - 2, at, 0, NULL);
  return (gin[0] = cr_view(taken, nd, places->shape)) != NULL;
}

/* ---- average ---------------------------------------------------------------------------- */

static cr_tensor *avg_dense(cr_tensor *x, const cr_pool2d_args *a, bool last) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.avg_pool2d", cr_device_of(x));
  cr_pool2d_shape s = make_shape(x, x->shape[x->ndim - 2], x->shape[x->ndim - 1], a, last);
  cr_tensor *y = be ? resized(x, s.dtype, s.oh, s.ow, last) : NULL;
  if (!y) return NULL;
  bool ok = be->avg_pool2d(&s, cr_data(y), cr_data(x));
  return cr_record(&op_avg, cr_result_if(ok, y), CR_IN(x), CR_INTS(ARG_INTS(a)));
}

cr_tensor *cr_avg_pool2d(cr_tensor *x, const cr_pool2d_args *args) {
  cr_pool2d_args full = filled(args), *a = &full;
  if (a->dilation[0] != 1 || a->dilation[1] != 1) {
    cr_fail("nn.avg_pool2d: windows with gaps");
    return NULL;
  }
  if (!x || !check("nn.avg_pool2d", x, a)) return NULL;
  bool last = cr_nn_channels_last(x, NULL);
  CR_AUTO dense = cr_nn_image(x, cr_nn_dtype_of(x, CR_HALF_POOL), last);
  return cr_cast_owned(dense ? avg_dense(dense, a, last) : NULL, (cr_dtype)x->dtype);
}

/* g is spread over the windows in planes of h by w. */
static cr_tensor *avg_spread(cr_tensor *g, const cr_pool2d_args *a, int64_t h, int64_t w) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.avg_pool2d", cr_device_of(g));
  bool last = cr_nn_channels_last(g, NULL);
  cr_pool2d_shape s = make_shape(g, h, w, a, last);
  CR_AUTO gc = cr_nn_image(g, s.dtype, last);
  cr_tensor *gx = be && gc ? resized(g, s.dtype, h, w, last) : NULL;
  if (!gx) return NULL;
  bool ok = be->avg_pool2d_backward(&s, cr_data(gx), cr_data(gc));
  return cr_record(&op_avg_backward, cr_result_if(ok, gx), CR_IN(gc), CR_INTS(ARG_INTS(a), h, w));
}

static bool avg_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_pool2d_args a = recorded_args(n);
  const int64_t *x;
  int ndim = cr_input_shape(n, 0, &x);
  return (gin[0] = avg_spread(g[0], &a, x[ndim - 2], x[ndim - 1])) != NULL;
}

static bool avg_backward_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_pool2d_args a = recorded_args(n);
  return (gin[0] = cr_avg_pool2d(g[0], &a)) != NULL;
}
