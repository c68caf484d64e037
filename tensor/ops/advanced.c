/* advanced.c: several dimensions indexed at once by integer tensors, as NumPy does. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <string.h>

/* How an indexed tensor is taken apart: rows of `inner` elements, and which of them are meant. */
typedef struct {
  int nblock, ndim;           /* dimensions of the broadcast index, of the result */
  int64_t block[CR_MAX_DIMS]; /* shape of the broadcast index */
  int64_t shape[CR_MAX_DIMS]; /* of the result */
  int first, last, place;     /* indexed dimensions; where the block stands in the result */
  int64_t rows, inner;
  cr_tensor *at; /* places of the rows */
} plan;

static bool check_range(const cr_tensor *a, int dim, cr_tensor *index) {
  char s[CR_SHAPE_STR];
  cr_scalar ends[2];
  if (!cr_need_dtype("index", "the index", index, CR_INT64) || !cr_same_device("index", a, index))
    return false;
  if (cr_numel(index) == 0) return true;
  CR_AUTO least = cr_reduce(CR_AMIN, index, -1, NULL, false, NULL);
  CR_AUTO most = cr_reduce(CR_AMAX, index, -1, NULL, false, NULL);
  if (!least || !most || !cr_item(least, &ends[0]) || !cr_item(most, &ends[1])) return false;
  for (int i = 0; i < 2; i++) {
    int64_t v = ends[i].i;
    if (v >= 0 && v < a->shape[dim]) continue;
    uint64_t u = (uint64_t)v; /* which may wrap around, as in the script's tensor */
    int64_t given = (int64_t)(v >= 0 ? u + 1 : v == -1 ? 0 : u - (uint64_t)a->shape[dim]);
    return cr_fail("index %lld is outside dimension %d of a tensor of shape %s", (long long)given,
                   dim + 1, cr_shape_str(s, a->ndim, a->shape));
  }
  return true;
}

/* The indexed dimensions, the common shape of the indices and that of the result. */
static bool make_shapes(const cr_tensor *a, cr_tensor *const *index, plan *p) {
  bool apart = false;
  p->first = -1;
  for (int d = 0; d < a->ndim; d++) {
    if (!index[d]) continue;
    if (!check_range(a, d, index[d])) return false;
    if (p->first < 0)
      p->first = d;
    else
      apart = apart || p->last != d - 1;
    p->last = d;
    if (!cr_broadcast("index", p->nblock, p->block, index[d]->ndim, index[d]->shape, &p->nblock,
                      p->block))
      return false;
  }
  if (p->first < 0) return cr_fail("index: no index is given");
  p->place = apart ? 0 : p->first;
  int kept = 0;
  for (int d = 0; d < a->ndim; d++) kept += !index[d];
  p->ndim = kept + p->nblock;
  if (p->ndim > CR_MAX_DIMS)
    return cr_fail("index: the result has more than %d dimensions", CR_MAX_DIMS);
  int at = 0;
  for (int d = 0; d <= a->ndim; d++) {
    if (at == p->place) {
      memcpy(p->shape + at, p->block, (size_t)p->nblock * sizeof *p->block);
      at += p->nblock;
      p->place = -1 - p->place; /* done */
    }
    if (d < a->ndim && !index[d]) p->shape[at++] = a->shape[d];
  }
  p->place = -1 - p->place;
  return cr_count(p->ndim, p->shape) >= 0;
}

/* A vector of a dimension's places, or its index, shaped so that they all broadcast to the rows. */
static cr_tensor *stand_in(const plan *p, cr_tensor *index, int64_t size, cr_device device, int dim,
                           int ndim) {
  int64_t shape[CR_MAX_DIMS];
  for (int d = 0; d < ndim; d++) shape[d] = 1;
  if (!index) {
    CR_AUTO all = cr_arange(CR_INT64, device, 0, 1, size);
    shape[dim] = size;
    return cr_reshape(all, ndim, shape);
  }
  for (int d = 0; d < index->ndim; d++)
    shape[p->place + p->nblock - index->ndim + d] = index->shape[d];
  return cr_reshape(index, ndim, shape);
}

/* Row-major places of the rows. */
static bool make_places(const cr_tensor *a, cr_tensor *const *index, plan *p) {
  int trailing = a->ndim - 1 - p->last, ndim = p->ndim - trailing, own = 0;
  cr_tensor *sum = cr_scalar_tensor(CR_INT64, cr_device_of(a), cr_int(0));
  p->rows = p->inner = 1;
  for (int d = p->last + 1; d < a->ndim; d++) p->inner *= a->shape[d];
  for (int d = 0; d <= p->last; d++) p->rows *= a->shape[d];
  for (int d = 0; sum && d <= p->last; d++) {
    if (own == p->place) own += p->nblock;
    CR_AUTO before = sum;
    CR_AUTO part = stand_in(p, index[d], a->shape[d], cr_device_of(a), own, ndim);
    CR_AUTO scaled = cr_binary_scalar(CR_MUL, before, cr_int(a->shape[d]), NULL);
    sum = cr_add(scaled, part);
    own += !index[d];
  }
  int64_t n = cr_count(ndim, p->shape);
  CR_AUTO whole = sum ? cr_expand(sum, ndim, p->shape) : NULL;
  cr_release(sum);
  p->at = cr_reshape(whole, 1, &n);
  return p->at != NULL;
}

static bool make_plan(const cr_tensor *a, cr_tensor *const *index, plan *p) {
  *p = (plan){0};
  return make_shapes(a, index, p) && make_places(a, index, p);
}

/* The dimension that the only index names, when that is a vector; else -1. */
static int only_vector(const cr_tensor *a, cr_tensor *const *index) {
  int at = -1;
  for (int d = 0; d < a->ndim; d++) {
    if (!index[d]) continue;
    if (at >= 0 || index[d]->ndim != 1) return -1;
    at = d;
  }
  return at;
}

cr_tensor *cr_index_at(cr_tensor *a, cr_tensor *const *index) {
  plan p;
  if (!a) return NULL;
  int dim = only_vector(a, index);
  if (dim >= 0)
    return check_range(a, dim, index[dim]) ? cr_index_select(a, dim, index[dim], NULL) : NULL;
  if (!make_plan(a, index, &p)) return NULL;
  CR_AUTO at = p.at;
  CR_AUTO rows = cr_reshape(a, 2, (int64_t[]){p.rows, p.inner});
  CR_AUTO taken = cr_index_select(rows, 0, at, NULL);
  return cr_reshape(taken, p.ndim, p.shape);
}

/* src in the shape of the result: broadcast, or another shape of as many elements. */
static cr_tensor *fit(const plan *p, cr_tensor *src) {
  char s[CR_SHAPE_STR], t[CR_SHAPE_STR];
  int ndim;
  int64_t shape[CR_MAX_DIMS], n = cr_count(p->ndim, p->shape);
  bool fits = cr_broadcast("index", p->ndim, p->shape, src->ndim, src->shape, &ndim, shape) &&
              ndim == p->ndim && memcmp(shape, p->shape, (size_t)ndim * sizeof *shape) == 0;
  if (fits) return cr_expand(src, p->ndim, p->shape);
  if (cr_numel(src) == n) return cr_reshape(src, p->ndim, p->shape);
  return cr_fail_null("index: values of shape %s for places of shape %s: this does not fit",
                      cr_shape_str(s, src->ndim, src->shape), cr_shape_str(t, p->ndim, p->shape));
}

cr_tensor *cr_index_put(cr_tensor *a, cr_tensor *const *index, cr_tensor *src, bool add) {
  plan p;
  if (!a || !src || !make_plan(a, index, &p)) return NULL;
  CR_AUTO at = p.at;
  CR_AUTO wide = fit(&p, src);
  CR_AUTO rows = wide ? cr_reshape(wide, 2, (int64_t[]){cr_numel(at), p.inner}) : NULL;
  CR_AUTO to = cr_reshape(a, 2, (int64_t[]){p.rows, p.inner}); /* a view, or a copy */
  CR_AUTO values = rows ? cr_cast(rows, (cr_dtype)a->dtype) : NULL;
  if (!to || !values) return NULL;
  CR_AUTO done = add ? cr_index_add(to, 0, at, values, 1) : cr_index_copy(to, 0, at, values);
  if (!done) return NULL;
  if (to->storage == a->storage) return cr_retain(a);
  CR_AUTO back = cr_reshape(to, a->ndim, a->shape);
  return cr_copy(a, back);
}
