/* embedding.c: the sum, mean or largest of rows of a matrix, for bags of their numbers. */
#include "nn/internal.h"
#include "tensor/autograd.h"

#define BAG "embeddingBag"

/* ---- arguments -------------------------------------------------------------------------- */

/* The first n elements of t, one after the other, dense, as `dtype` and on d; recorded. */
static cr_tensor *line_of(cr_tensor *t, int64_t n, cr_dtype dtype, cr_device d) {
  int64_t all = cr_numel(t);
  CR_AUTO cast = cr_cast(t, dtype);
  CR_AUTO here = cast ? cr_to_device(cast, d) : NULL;
  CR_AUTO line = cr_reshape(here, 1, &all);
  CR_AUTO part = cr_narrow(line, 0, 0, n);
  return cr_contiguous(part);
}

/* Where the bags of n numbers begin, and the last one ends, from 0 on; in host memory. */
static cr_tensor *bounds_of(cr_tensor *offsets, int64_t n, const cr_bag_opts *o) {
  cr_device host = {.type = CR_CPU};
  int64_t given = cr_numel(offsets), size = given + !o->ends;
  CR_AUTO from = line_of(offsets, given, CR_INT64, host);
  CR_AUTO bounds = cr_empty(CR_INT64, host, 1, &size);
  if (!from || !bounds) return NULL;
  const int64_t *in = cr_data(from);
  int64_t *out = cr_data(bounds);
  for (int64_t i = 0; i < given; i++) out[i] = (int64_t)((uint64_t)in[i] - (uint64_t)o->base);
  if (!o->ends) out[given] = n;
  bool fit = size > 0 && out[0] == 0 && out[size - 1] <= n;
  for (int64_t i = 1; i < size; i++) fit &= out[i - 1] <= out[i];
  if (fit) return cr_retain(bounds);
  return cr_fail_null(BAG ": the offsets are not places from %lld to %lld that ascend",
                      (long long)o->base, (long long)(n + o->base));
}

static bool check(const cr_tensor *w, const cr_tensor *index, const cr_tensor *offsets,
                  const cr_tensor *factor, const cr_bag_opts *o) {
  char s[CR_SHAPE_STR];
  if (!cr_need_float(BAG, w) || !cr_need_dims(BAG, "the weight", w, 2)) return false;
  if (!offsets && index->ndim != 2)
    return cr_fail(BAG ": the input is %s, wanted a matrix, or offsets",
                   cr_shape_str(s, index->ndim, index->shape));
  if (o->mode == CR_BAG_MAX && w->shape[0] > INT32_MAX)
    return cr_fail(BAG ": the largest of more than 2^31 - 1 rows");
  if (factor && o->mode != CR_BAG_SUM) return cr_fail(BAG ": factors are for sums");
  if (!factor || cr_numel(factor) == cr_numel(index)) return true;
  return cr_fail(BAG ": %lld factors for an input of %lld", (long long)cr_numel(factor),
                 (long long)cr_numel(index));
}

/* ---- forward ---------------------------------------------------------------------------- */

static bool bag_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin);
static const cr_op op_bag = {"embedding_bag", "mode base padding each", bag_backward};

/* The tensors of a call, dense and on w's device; bounds and factor may be NULL. */
typedef struct {
  cr_tensor *w, *index, *bounds, *factor;
} bag_in;

static cr_tensor *bag_dense(const bag_in *in, const cr_bag_opts *o, int64_t bags, int64_t each) {
  const cr_nn_backend *be = cr_nn_backend_of(BAG, cr_device_of(in->w));
  cr_bag_args a = {.dtype = (cr_dtype)in->w->dtype,
                   .mode = o->mode,
                   .rows = in->w->shape[0],
                   .width = in->w->shape[1],
                   .bags = bags,
                   .each = each,
                   .index = cr_data(in->index),
                   .bounds = cr_data_opt(in->bounds),
                   .base = o->base,
                   .padding = o->padding,
                   .factor = cr_data_opt(in->factor)};
  int64_t shape[2] = {bags, a.width};
  bool grad_w = cr_recording_any(in->w), grad_f = in->factor && cr_recording_any(in->factor);
  bool keep = grad_w && o->mode == CR_BAG_MAX;
  CR_AUTO places = be && keep ? cr_empty(CR_INT64, cr_device_of(in->w), 2, shape) : NULL;
  cr_tensor *y = be && (places || !keep) ? cr_empty(a.dtype, cr_device_of(in->w), 2, shape) : NULL;
  if (!y) return NULL;
  bool ok = be->embedding_bag(&a, cr_data(y), cr_data_opt(places), cr_data(in->w));
  if (!ok) cr_error_prefix(BAG);
  return cr_record(
      &op_bag, cr_result_if(ok, y), CR_IN(in->w, in->index, in->bounds, in->factor),
      CR_SAVE(in->index, in->bounds, grad_f ? in->w : NULL, grad_w ? in->factor : NULL, places),
      CR_INTS(o->mode, o->base, o->padding, each));
}

cr_tensor *cr_embedding_bag(cr_tensor *w, cr_tensor *index, cr_tensor *offsets, cr_tensor *factor,
                            const cr_bag_opts *o) {
  if (!w || !index || !check(w, index, offsets, factor, o)) return NULL;
  cr_device d = cr_device_of(w);
  cr_dtype dtype = (cr_dtype)w->dtype;
  if (factor) dtype = cr_promote(dtype, (cr_dtype)factor->dtype);
  int64_t n = cr_numel(index), bags = offsets ? 0 : index->shape[0];
  int64_t each = offsets ? 0 : index->shape[1];
  CR_AUTO host = offsets ? bounds_of(offsets, n, o) : NULL;
  CR_AUTO bounds = host ? cr_to_device(host, d) : NULL;
  if (offsets && !bounds) return NULL;
  if (offsets) bags = cr_numel(host) - 1, n = ((const int64_t *)cr_data(host))[bags];
  CR_AUTO numbers = line_of(index, n, CR_INT64, d);
  CR_AUTO dense = cr_nn_dense(w, dtype);
  CR_AUTO f = factor && dense ? line_of(factor, n, cr_nn_dtype(dense), d) : NULL;
  if (!numbers || !dense || (factor && !f)) return NULL;
  return bag_dense(&(bag_in){dense, numbers, bounds, f}, o, bags, each);
}

/* ---- backward: made of operators -------------------------------------------------------- */

static cr_tensor *zeros(cr_dtype dtype, const cr_tensor *beside, int ndim, const int64_t *shape) {
  return cr_full(dtype, cr_device_of(beside), ndim, shape, cr_int(0));
}

/* The number of the bag of each of n places, of which each bag has as many. */
static cr_tensor *bags_alike(const cr_tensor *index, int64_t bags, int64_t each) {
  int64_t n = cr_numel(index);
  CR_AUTO numbers = cr_arange(CR_INT64, cr_device_of(index), 0, 1, bags);
  CR_AUTO column = cr_view(numbers, 2, (int64_t[]){bags, 1});
  CR_AUTO all = cr_expand(column, 2, (int64_t[]){bags, each});
  return cr_reshape(all, 1, &n);
}

/* The same by bounds: how many of the bags have begun. */
static cr_tensor *bags_between(const cr_tensor *index, cr_tensor *bounds) {
  int64_t n = cr_numel(index), size = n + 1;
  CR_AUTO none = zeros(CR_INT64, index, 1, &size);
  CR_AUTO ones = cr_ones_like(bounds);
  CR_AUTO marks = cr_index_add(none, 0, bounds, ones, 1);
  CR_AUTO inside = cr_narrow(marks, 0, 0, n);
  CR_AUTO begun = cr_scan(CR_SUM, inside, 0, NULL);
  return cr_binary_scalar(CR_SUB, begun, cr_int(1), NULL);
}

/* 1 for each place that counts, else 0. */
static cr_tensor *counted(cr_tensor *index, int64_t padding, cr_dtype dtype) {
  CR_AUTO counts = cr_binary_scalar(CR_NE, index, cr_int(padding), NULL);
  return counts ? cr_cast(counts, dtype) : NULL;
}

/* g over how many places of its bag count. */
static cr_tensor *shared(cr_tensor *g, cr_tensor *bag, cr_tensor *counts) {
  CR_AUTO none = zeros((cr_dtype)g->dtype, g, 1, g->shape);
  CR_AUTO sizes = cr_index_add(none, 0, bag, counts, 1);
  CR_AUTO least = cr_binary_scalar(CR_MAX, sizes, cr_int(1), NULL);
  CR_AUTO column = cr_unsqueeze(least, 1);
  return cr_div(g, column);
}

/* Rows of g, those of each place's bag, times numbers that belong to the places (or NULL). */
static cr_tensor *dealt_out(cr_tensor *g, cr_tensor *bag, cr_tensor *a, cr_tensor *b) {
  if (!a && !b) return cr_index_select(g, 0, bag, NULL);
  CR_AUTO rows = cr_index_select(g, 0, bag, NULL);
  CR_AUTO factor = a && b ? cr_mul(a, b) : cr_retain(a ? a : b);
  CR_AUTO column = cr_unsqueeze(factor, 1);
  return cr_mul(rows, column);
}

/* g goes to the rows of the largest. */
static cr_tensor *to_largest(cr_tensor *g, cr_tensor *places, const int64_t *shape) {
  CR_AUTO to = zeros((cr_dtype)g->dtype, g, 2, shape);
  if (!to || shape[0] == 0) return to ? cr_retain(to) : NULL;
  CR_AUTO none = cr_binary_scalar(CR_LT, places, cr_int(0), NULL);
  CR_AUTO zero = cr_scalar_tensor((cr_dtype)g->dtype, cr_device_of(g), cr_int(0));
  CR_AUTO left = none ? cr_where(none, zero, g, NULL) : NULL;
  CR_AUTO row = cr_binary_scalar(CR_MAX, places, cr_int(0), NULL);
  return row && left ? cr_scatter(to, 0, row, 0, left, true) : NULL;
}

static bool sum_backward(cr_node *n, cr_tensor *g, cr_tensor **gin) {
  cr_tensor *index = cr_saved(n, 0), *bounds = cr_has_saved(n, 1) ? cr_saved(n, 1) : NULL;
  cr_tensor *factor = cr_has_saved(n, 3) ? cr_saved(n, 3) : NULL;
  int64_t base = cr_attr_int(n, 1), padding = cr_attr_int(n, 2), each = cr_attr_int(n, 3);
  const int64_t *shape;
  cr_input_shape(n, 0, &shape);
  if (!index || (cr_has_saved(n, 1) && !bounds) || (cr_has_saved(n, 3) && !factor)) return false;
  CR_AUTO bag = bounds ? bags_between(index, bounds) : bags_alike(index, g->shape[0], each);
  CR_AUTO at = cr_binary_scalar(CR_SUB, index, cr_int(base), NULL);
  CR_AUTO counts = counted(index, padding, (cr_dtype)g->dtype);
  bool mean = cr_attr_int(n, 0) == CR_BAG_MEAN;
  CR_AUTO part = mean && bag && counts ? shared(g, bag, counts) : mean ? NULL : cr_retain(g);
  if (!bag || !at || !counts || !part) return false;
  cr_tensor *mask = padding < base ? NULL : counts;
  if (cr_wants(n, 0)) {
    CR_AUTO rows = dealt_out(part, bag, factor, mask);
    CR_AUTO none = zeros((cr_dtype)g->dtype, g, 2, shape);
    if (!(gin[0] = cr_index_add(none, 0, at, rows, 1))) return false;
  }
  if (!cr_wants(n, 3)) return true;
  cr_tensor *w = cr_saved(n, 2);
  CR_AUTO rows = dealt_out(part, bag, NULL, mask);
  CR_AUTO taken = w ? cr_index_select(w, 0, at, NULL) : NULL;
  CR_AUTO products = cr_mul(rows, taken);
  return (gin[3] = cr_reduce(CR_SUM, products, 1, (int[]){1}, false, NULL)) != NULL;
}

static bool bag_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  CR_AUTO wide = cr_cast(g[0], cr_nn_dtype(g[0]));
  if (!wide) return false;
  if (cr_attr_int(n, 0) != CR_BAG_MAX) return sum_backward(n, wide, gin);
  const int64_t *shape;
  cr_input_shape(n, 0, &shape);
  cr_tensor *places = cr_saved(n, 4);
  return places && (gin[0] = to_largest(wide, places, shape));
}
