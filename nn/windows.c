/* windows.c: the largest of windows of any place and size; and resampling along a dimension, which
 * is a sparse matrix times the dimension. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#include <math.h>

#define LARGEST (INT64_C(1) << 30) /* of a size: no overflow below */

/* ---- the largest of each window --------------------------------------------------------- */

static bool max_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static const cr_op op_max = {"max_windows", "base", max_backward};

/* Checks begin or end, and makes a dense copy of it where x is; nothing of none. */
static bool window_table(const char *fn, const cr_tensor *x, cr_tensor *t, cr_tensor **out) {
  char ts[CR_SHAPE_STR], xs[CR_SHAPE_STR];
  int64_t planes = 1;
  if (!t) return true;
  for (int d = 0; d < x->ndim - 2; d++) planes *= x->shape[d];
  if (!cr_need_dtype(fn, "the windows", t, CR_INT64) || !cr_need_dims(fn, "the windows", t, 2))
    return false;
  if (t->shape[0] < 1 ? planes > 0 : planes % t->shape[0] != 0)
    return cr_fail("%s: windows of %s do not fit input %s", fn, cr_shape_str(ts, t->ndim, t->shape),
                   cr_shape_str(xs, x->ndim, x->shape));
  CR_AUTO dense = cr_contiguous(t);
  return (*out = cr_to_device(dense, cr_device_of(x))) != NULL;
}

/* The windows of rows and of columns, with their tensors, and how many there are. */
typedef struct {
  cr_tensor *held[4];
  cr_windows list[2];
  int64_t m[2];
} tables;

static void free_tables(tables *t) {
  for (int i = 0; i < 4; i++) cr_release(t->held[i]);
}

static bool fill_tables(const char *fn, const cr_tensor *x, const cr_window_tables *from,
                        tables *to) {
  for (int d = 0; d < 2; d++) {
    cr_tensor **held = to->held + 2 * d;
    if (!window_table(fn, x, from->begin[d], &held[0]) ||
        !window_table(fn, x, from->end[d], &held[1]))
      return false;
    to->m[d] = x->shape[x->ndim - 2 + d];
    if (!held[0] && !held[1]) continue;
    if (!held[0] || !held[1] || held[0]->shape[0] != held[1]->shape[0] ||
        held[0]->shape[1] != held[1]->shape[1])
      return cr_fail("%s: the windows' beginnings and ends differ in shape", fn);
    to->m[d] = held[0]->shape[1];
    to->list[d] = (cr_windows){held[0]->shape[0], to->m[d], cr_data(held[0]), cr_data(held[1])};
  }
  return true;
}

static bool check_planes(const char *fn, const cr_tensor *x) {
  char s[CR_SHAPE_STR];
  if (!cr_need_float(fn, x)) return false;
  cr_shape_str(s, x->ndim, x->shape);
  if (x->ndim < 2) return cr_fail("%s: input %s has no planes", fn, s);
  int64_t h = x->shape[x->ndim - 2], w = x->shape[x->ndim - 1];
  if (h < 1 || w < 1) return cr_fail("%s: input %s has nothing in its planes", fn, s);
  return h <= INT32_MAX / w ||
         cr_fail("%s: input %s has planes of more than 2^31 - 1 elements", fn, s);
}

/* x is dense and has the dtype that kernels work on. */
static cr_tensor *max_dense(const char *fn, cr_tensor *x, const tables *t, int64_t base,
                            cr_tensor **places) {
  const cr_nn_backend *be = cr_nn_backend_of(fn, cr_device_of(x));
  int64_t shape[CR_MAX_DIMS];
  int n = x->ndim;
  for (int d = 0; d < n; d++) shape[d] = d < n - 2 ? x->shape[d] : t->m[d - n + 2];
  CR_AUTO at = be ? cr_empty(CR_INT64, cr_device_of(x), n, shape) : NULL;
  cr_tensor *y = at ? cr_empty((cr_dtype)x->dtype, cr_device_of(x), n, shape) : NULL;
  if (!y) return NULL;
  cr_plane_shape s = {(cr_dtype)x->dtype, 1, x->shape[n - 2], x->shape[n - 1], base};
  for (int d = 0; d < n - 2; d++) s.planes *= x->shape[d];
  bool ok = cr_numel(y) == 0 ||
            be->max_windows(&s, t->held[0] ? &t->list[0] : NULL, t->held[2] ? &t->list[1] : NULL,
                            cr_data(y), cr_data(at), cr_data(x));
  y = cr_record(&op_max, cr_result_if(ok, y), CR_IN(x), CR_SAVE(at), CR_INTS(base));
  if (y) *places = cr_retain(at);
  return y;
}

bool cr_max_windows(cr_tensor *x, const cr_window_tables *from, int64_t base, cr_tensor **values,
                    cr_tensor **places) {
  const char *fn = "nn.max_windows";
  __attribute__((cleanup(free_tables))) tables t = {0};
  *values = *places = NULL;
  if (!x || !check_planes(fn, x) || !fill_tables(fn, x, from, &t)) return false;
  CR_AUTO dense = cr_nn_dense(x, cr_nn_dtype(x));
  CR_AUTO at = NULL;
  cr_tensor *y = dense ? max_dense(fn, dense, &t, base, &at) : NULL;
  if (!(*values = cr_cast_owned(y, (cr_dtype)x->dtype))) return false;
  *places = cr_retain(at);
  return true;
}

/* g goes to the places of the maxima. */
static bool max_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_tensor *places = cr_saved(n, 0);
  const int64_t *shape;
  int ndim = cr_input_shape(n, 0, &shape);
  if (!places) return false;
  int64_t planes = 1, out = g[0]->shape[ndim - 2] * g[0]->shape[ndim - 1];
  for (int d = 0; d < ndim - 2; d++) planes *= shape[d];
  int64_t whole[2] = {planes, shape[ndim - 2] * shape[ndim - 1]}, lines[2] = {planes, out};
  CR_AUTO zeros = cr_full((cr_dtype)g[0]->dtype, cr_device_of(g[0]), 2, whole, cr_int(0));
  CR_AUTO from = cr_reshape(g[0], 2, lines);
  CR_AUTO at = cr_reshape(places, 2, lines);
  CR_AUTO all = cr_scatter(zeros, 1, at, cr_attr_int(n, 0), from, true);
  return (gin[0] = cr_view(all, ndim, shape)) != NULL;
}

/* ---- the matrix of a resampling --------------------------------------------------------- */

typedef struct {
  cr_tensor *first, *at, *weight; /* as cr_taps has them, on the host; weights in float64 */
  int64_t m, count;
} taps;

static void free_taps(taps *t) {
  cr_release(t->first);
  cr_release(t->at);
  cr_release(t->weight);
}
#define AUTO_TAPS __attribute__((cleanup(free_taps))) taps

static bool make_taps(taps *t, int64_t m, int64_t most) {
  cr_device host = {CR_CPU, 0};
  int64_t rows = m + 1;
  *t = (taps){.m = m};
  t->first = cr_empty(CR_INT64, host, 1, &rows);
  t->at = t->first ? cr_empty(CR_INT64, host, 1, &most) : NULL;
  t->weight = t->at ? cr_empty(CR_FLOAT64, host, 1, &most) : NULL;
  return t->weight != NULL;
}

/* Adds to the row under way; a column outside of n counts as the nearest one inside. */
static void add_tap(taps *t, int64_t column, int64_t n, double weight) {
  int64_t inside = column < 0 ? 0 : column < n ? column : n - 1;
  ((int64_t *)cr_data(t->at))[t->count] = inside;
  ((double *)cr_data(t->weight))[t->count++] = weight;
}

/* Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.75. */
static double cubic(double x) {
  const double a = -0.75;
  x = fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Where output q lies among the input's places, when both cover the same stretch. */
static double centre(const cr_resample_args *a, double ratio, int64_t q) {
  return a->align ? ratio * (double)q : ratio * ((double)q + 0.5) - 0.5;
}

static void add_row(taps *t, const cr_resample_args *a, double ratio, int64_t q) {
  int64_t n = a->from, begin;
  double x, part;
  switch (a->mode) {
  case CR_NEAREST:
    begin = a->ratio > 0 ? (int64_t)(ratio * (double)q) : q * n / a->to;
    add_tap(t, begin, n, 1);
    break;
  case CR_NEAREST_EXACT: add_tap(t, (int64_t)(ratio * ((double)q + 0.5)), n, 1); break;
  case CR_LINEAR:
    x = fmax(centre(a, ratio, q), 0);
    part = x - floor(x);
    add_tap(t, (int64_t)x, n, 1 - part);
    if (part > 0) add_tap(t, (int64_t)x + 1, n, part);
    break;
  case CR_CUBIC:
    x = centre(a, ratio, q);
    part = x - floor(x);
    for (int k = -1; k <= 2; k++) add_tap(t, (int64_t)floor(x) + k, n, cubic(part - k));
    break;
  case CR_AREA: {
    int64_t end = ((q + 1) * n + a->to - 1) / a->to;
    begin = q * n / a->to;
    for (int64_t i = begin; i < end; i++) add_tap(t, i, n, 1 / (double)(end - begin));
    break;
  }
  }
}

static bool forward_taps(taps *t, const cr_resample_args *a) {
  double ratio = (double)a->from / (double)a->to;
  if (a->ratio > 0) ratio = a->ratio;
  if (a->align) ratio = a->to > 1 ? (double)(a->from - 1) / (double)(a->to - 1) : 0;
  int64_t most = a->mode == CR_AREA ? a->from + a->to : 4 * a->to;
  if (!make_taps(t, a->to, most)) return false;
  int64_t *first = cr_data(t->first);
  for (int64_t q = 0; q < a->to; q++) {
    first[q] = t->count;
    add_row(t, a, ratio, q);
  }
  first[a->to] = t->count;
  return true;
}

/* The transpose of t, of n rows; what is in a row keeps its order. */
static bool transpose_taps(taps *out, const taps *t, int64_t n) {
  if (!make_taps(out, n, t->count)) return false;
  const int64_t *first = cr_data(t->first), *at = cr_data(t->at);
  const double *weight = cr_data(t->weight);
  int64_t *end = cr_data(out->first), *column = cr_data(out->at);
  double *w = cr_data(out->weight);
  for (int64_t i = 0; i <= n; i++) end[i] = 0;
  for (int64_t k = 0; k < t->count; k++) end[at[k] + 1]++;
  for (int64_t i = 0; i < n; i++) end[i + 1] += end[i];
  for (int64_t q = 0; q < t->m; q++) {
    for (int64_t k = first[q]; k < first[q + 1]; k++) {
      column[end[at[k]]] = q;
      w[end[at[k]]++] = weight[k];
    }
  }
  for (int64_t i = n; i > 0; i--) end[i] = end[i - 1]; /* each had moved on to its row's end */
  end[0] = 0;
  out->count = t->count;
  return true;
}

/* ---- resampling ------------------------------------------------------------------------- */

static bool resample_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static const cr_op op_resample = {"resample", "dim from to mode align transposed : ratio",
                                  resample_backward};

static cr_tensor *multiply(const cr_nn_backend *be, const taps *t, cr_tensor *x, int dim) {
  cr_device d = cr_device_of(x);
  CR_AUTO first = cr_to_device(t->first, d);
  CR_AUTO at = cr_to_device(t->at, d);
  CR_AUTO cast = cr_cast(t->weight, (cr_dtype)x->dtype);
  CR_AUTO weight = cr_to_device(cast, d);
  int64_t shape[CR_MAX_DIMS];
  for (int i = 0; i < x->ndim; i++) shape[i] = x->shape[i];
  shape[dim] = t->m;
  if (!first || !at || !weight) return NULL;
  cr_tensor *y = cr_empty((cr_dtype)x->dtype, d, x->ndim, shape);
  if (!y || cr_numel(y) == 0) return y;
  cr_middle_shape s = cr_middle(x, dim);
  cr_taps table = {t->m, cr_data(first), cr_data(at), cr_data(weight)};
  return cr_result_if(be->resample(&s, &table, cr_data(y), cr_data(x)), y);
}

/* x has the dtype that kernels work on. */
static cr_tensor *apply(cr_tensor *x, int dim, const cr_resample_args *a, bool transposed) {
  const cr_nn_backend *be = cr_nn_backend_of("nn.resample", cr_device_of(x));
  CR_AUTO dense = cr_contiguous(x);
  AUTO_TAPS there = {0}, back = {0};
  if (!be || !dense || !forward_taps(&there, a)) return NULL;
  if (transposed && !transpose_taps(&back, &there, a->from)) return NULL;
  cr_tensor *y = multiply(be, transposed ? &back : &there, dense, dim);
  return cr_record(&op_resample, y, CR_IN(dense),
                   CR_INTS(dim, a->from, a->to, a->mode, a->align, transposed), CR_NUMS(a->ratio));
}

static bool resample_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  cr_resample_args a = {.from = cr_attr_int(n, 1),
                        .to = cr_attr_int(n, 2),
                        .mode = (cr_resample_mode)cr_attr_int(n, 3),
                        .align = cr_attr_int(n, 4) != 0,
                        .ratio = cr_attr_num(n, 0)};
  return (gin[0] = apply(g[0], (int)cr_attr_int(n, 0), &a, !cr_attr_int(n, 5))) != NULL;
}

cr_tensor *cr_resample(cr_tensor *x, int dim, int64_t size, cr_resample_mode mode, bool align,
                       double ratio) {
  const char *fn = "nn.resample";
  char s[CR_SHAPE_STR];
  if (!x || !cr_need_float(fn, x) || !cr_wrap_dim(fn, &dim, x->ndim)) return NULL;
  int64_t from = x->shape[dim];
  if (from < 1 || from > LARGEST || size < 1 || size > LARGEST) {
    cr_fail("%s: from dimension %d of input %s to %lld places: wanted 1..%lld", fn, dim + 1,
            cr_shape_str(s, x->ndim, x->shape), (long long)size, (long long)LARGEST);
    return NULL;
  }
  cr_resample_args a = {from, size, mode, align, ratio};
  CR_AUTO wide = cr_cast(x, cr_nn_dtype(x));
  return cr_cast_owned(wide ? apply(wide, dim, &a, false) : NULL, (cr_dtype)x->dtype);
}
