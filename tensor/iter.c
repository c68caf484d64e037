/* iter.c: describes loops and reductions over tensors: broadcasts, orders and merges dimensions. */
#include "tensor/backend.h"
#include "tensor/tensor.h"
#include "tensor/half.h"

#include <string.h>

/* ---- elementwise ------------------------------------------------------------------------ */

/* Whether t is laid out row by row without gaps over exactly this shape. */
static bool is_plain(const cr_tensor *t, const cr_tensor *out) {
  if (t->ndim != out->ndim) return false;
  int64_t step = 1;
  for (int d = t->ndim - 1; d >= 0; d--) {
    if (t->shape[d] != out->shape[d]) return false;
    if (t->stride[d] != step && t->shape[d] != 1) return false;
    step *= t->shape[d];
  }
  return true;
}

/* A stride times a size.  Of a tensor without elements the product may not fit, but no step is
 * taken there. */
static int64_t times(int64_t stride, int64_t size) {
  return (int64_t)((uint64_t)stride * (uint64_t)size);
}

static void start_operand(cr_iter *it, const cr_tensor *t) {
  cr_operand *o = &it->op[it->nops++];
  o->data = cr_data(t);
  o->dtype = (cr_dtype)t->dtype;
  o->number = false;
  o->stride[0] = (int64_t)cr_sizeof(o->dtype); /* as of one dimension without gaps */
}

/* One dimension, or none, for operands that are all plain. */
static bool make_plain(cr_iter *it, const cr_tensor *out, int nin, cr_tensor *const *in) {
  if (!is_plain(out, out)) return false;
  for (int k = 0; k < nin; k++) {
    if (in[k] != out && !is_plain(in[k], out)) return false;
  }
  start_operand(it, out);
  for (int k = 0; k < nin; k++) start_operand(it, in[k]);
  it->numel = 1;
  for (int d = 0; d < out->ndim; d++) it->numel *= out->shape[d];
  it->ndim = it->numel != 1;
  it->shape[0] = it->numel;
  return true;
}

/* Stride in bytes of t along out's dimension d, 0 where t is broadcast. */
static int64_t stride_along(const cr_tensor *t, int d, int ndim) {
  int own = d - (ndim - t->ndim);
  if (own < 0 || t->shape[own] == 1) return 0;
  return times(t->stride[own], (int64_t)cr_sizeof((cr_dtype)t->dtype));
}

/* Whether dimension b should lie inside dimension a: the first operand that can tell decides. */
static bool inside(const cr_iter *it, int b, int a) {
  for (int k = 0; k < it->nops; k++) {
    int64_t sa = it->op[k].stride[a], sb = it->op[k].stride[b];
    if (sa != sb) return sb < sa;
  }
  return false;
}

static void swap_dims(cr_iter *it, int a, int b) {
  int64_t s = it->shape[a];
  it->shape[a] = it->shape[b];
  it->shape[b] = s;
  for (int k = 0; k < it->nops; k++) {
    s = it->op[k].stride[a];
    it->op[k].stride[a] = it->op[k].stride[b];
    it->op[k].stride[b] = s;
  }
}

static void order_dims(cr_iter *it) {
  for (int i = 1; i < it->ndim; i++) {
    for (int d = i; d > 0 && inside(it, d, d - 1); d--) swap_dims(it, d, d - 1);
  }
}

/* Whether stepping past the end of dimension a is one step of dimension b, in every operand. */
static bool can_merge(const cr_iter *it, int a, int b) {
  for (int k = 0; k < it->nops; k++) {
    if (it->op[k].stride[b] != times(it->op[k].stride[a], it->shape[a])) return false;
  }
  return true;
}

static void merge_dims(cr_iter *it) {
  int last = 0;
  for (int d = 1; d < it->ndim; d++) {
    if (can_merge(it, last, d)) {
      it->shape[last] *= it->shape[d];
      continue;
    }
    last++;
    it->shape[last] = it->shape[d];
    for (int k = 0; k < it->nops; k++) it->op[k].stride[last] = it->op[k].stride[d];
  }
  if (it->ndim) it->ndim = last + 1;
}

void cr_iter_make(cr_iter *it, const cr_tensor *out, int nin, cr_tensor *const *in) {
  it->nops = 0;
  if (make_plain(it, out, nin, in)) return;
  start_operand(it, out);
  for (int k = 0; k < nin; k++) start_operand(it, in[k]);
  it->ndim = 0;
  it->numel = 1;
  for (int d = out->ndim - 1; d >= 0; d--) {
    it->numel *= out->shape[d];
    if (out->shape[d] == 1) continue;
    it->shape[it->ndim] = out->shape[d];
    it->op[0].stride[it->ndim] = stride_along(out, d, out->ndim);
    for (int k = 0; k < nin; k++) {
      it->op[k + 1].stride[it->ndim] = stride_along(in[k], d, out->ndim);
    }
    it->ndim++;
  }
  order_dims(it);
  merge_dims(it);
}

void cr_iter_scalar(cr_iter *it, cr_dtype dtype, const void *value) {
  cr_operand *o = &it->op[it->nops++];
  o->data = (char *)(uintptr_t)value;
  o->dtype = dtype;
  o->number = true;
  for (int d = 0; d < it->ndim; d++) o->stride[d] = 0;
}

/* ---- numbers ---------------------------------------------------------------------------- */

/* What a float becomes in an integer type: see cr_cpu_cast, which must agree. */
static int64_t truncated(cr_dtype dtype, cr_scalar s) {
  int64_t i = cr_scalar_int(s);
  if (s.is_int || dtype == CR_INT64) return i;
  return i < INT32_MIN ? INT32_MIN : i > INT32_MAX ? INT32_MAX : i;
}

static void store_integer(cr_dtype dtype, void *p, int64_t i) {
  switch (dtype) {
  case CR_INT8: *(int8_t *)p = (int8_t)i; break;
  case CR_UINT8: *(uint8_t *)p = (uint8_t)i; break;
  case CR_INT16: *(int16_t *)p = (int16_t)i; break;
  case CR_INT32: *(int32_t *)p = (int32_t)i; break;
  default: *(int64_t *)p = i; break;
  }
}

void cr_store_scalar(cr_dtype dtype, void *p, cr_scalar s) {
  switch (dtype) {
  case CR_FLOAT32: *(float *)p = (float)cr_scalar_double(s); break;
  case CR_FLOAT64: *(double *)p = cr_scalar_double(s); break;
  case CR_FLOAT16: *(uint16_t *)p = cr_float_to_f16((float)cr_scalar_double(s)); break;
  case CR_BFLOAT16: *(uint16_t *)p = cr_float_to_bf16((float)cr_scalar_double(s)); break;
  case CR_BOOL: *(uint8_t *)p = s.is_int ? s.i != 0 : s.d != 0; break;
  default: store_integer(dtype, p, truncated(dtype, s)); break;
  }
}

cr_scalar cr_load_scalar(cr_dtype dtype, const void *p) {
  switch (dtype) {
  case CR_FLOAT32: return cr_num(*(const float *)p);
  case CR_FLOAT64: return cr_num(*(const double *)p);
  case CR_FLOAT16: return cr_num(cr_f16_to_float(*(const uint16_t *)p));
  case CR_BFLOAT16: return cr_num(cr_bf16_to_float(*(const uint16_t *)p));
  case CR_INT8: return cr_int(*(const int8_t *)p);
  case CR_INT16: return cr_int(*(const int16_t *)p);
  case CR_INT32: return cr_int(*(const int32_t *)p);
  case CR_INT64: return cr_int(*(const int64_t *)p);
  default: return cr_int(*(const uint8_t *)p);
  }
}

/* ---- reductions ------------------------------------------------------------------------- */

static bool is_reduced(int d, int ndims, const int *dims) {
  for (int i = 0; i < ndims; i++) {
    if (dims[i] == d) return true;
  }
  return false;
}

/* A group of dimensions: sizes, and the steps that belong to them. */
typedef struct {
  int n;
  int64_t *size, *in, *other;
} group;

/* Adds a dimension, keeping the strides of the input in growing order. */
static void insert(group *g, int64_t size, int64_t in, int64_t other) {
  int i = g->n++;
  for (; i > 0 && g->in[i - 1] > in; i--) {
    g->size[i] = g->size[i - 1];
    g->in[i] = g->in[i - 1];
    g->other[i] = g->other[i - 1];
  }
  g->size[i] = size;
  g->in[i] = in;
  g->other[i] = other;
}

static void merge_group(group *g) {
  int last = 0;
  for (int d = 1; d < g->n; d++) {
    if (g->in[d] == times(g->in[last], g->size[last]) &&
        g->other[d] == times(g->other[last], g->size[last])) {
      g->size[last] *= g->size[d];
      continue;
    }
    last++;
    g->size[last] = g->size[d];
    g->in[last] = g->in[d];
    g->other[last] = g->other[d];
  }
  if (g->n) g->n = last + 1;
}

void cr_reduction_make(cr_reduction *r, const cr_tensor *out, const cr_tensor *in, int ndims,
                       const int *dims) {
  r->out = cr_data(out);
  r->in = cr_data(in);
  r->out_dtype = (cr_dtype)out->dtype;
  r->in_dtype = (cr_dtype)in->dtype;
  r->nout = r->nin = 1;
  group keep = {0, r->keep, r->in_keep, r->out_stride};
  group red = {0, r->red, r->in_red, r->red_step};
  int64_t in_size = (int64_t)cr_sizeof(r->in_dtype), out_size = (int64_t)cr_sizeof(r->out_dtype);
  for (int d = in->ndim - 1; d >= 0; d--) {
    bool reduced = is_reduced(d, ndims, dims);
    int64_t size = in->shape[d], step = times(in->stride[d], in_size);
    if (size != 1 && reduced) insert(&red, size, step, r->nin);
    if (size != 1 && !reduced) insert(&keep, size, step, times(out->stride[d], out_size));
    *(reduced ? &r->nin : &r->nout) *= size;
  }
  merge_group(&keep);
  merge_group(&red);
  r->nkeep = keep.n;
  r->nred = red.n;
}
