/* tensors.c: tensors that a host holds.  A cresset_tensor is a cr_tensor without a history. */
#include <stdlib.h>
#include <string.h>

#include "tensor/ops.h"
#include "vm/interp.h"

_Static_assert((int)CRESSET_FLOAT32 == CR_FLOAT32 && (int)CRESSET_FLOAT64 == CR_FLOAT64 &&
                   (int)CRESSET_FLOAT16 == CR_FLOAT16 && (int)CRESSET_BFLOAT16 == CR_BFLOAT16 &&
                   (int)CRESSET_INT8 == CR_INT8 && (int)CRESSET_UINT8 == CR_UINT8 &&
                   (int)CRESSET_INT16 == CR_INT16 && (int)CRESSET_INT32 == CR_INT32 &&
                   (int)CRESSET_INT64 == CR_INT64 && (int)CRESSET_BOOL == CR_BOOL,
               "the two lists of types agree");

static void *fail(const char *function) {
  cr_set_open_error(function, cr_error());
  return NULL;
}

/* ---- making ----------------------------------------------------------------------------- */

/* Sets lowest and highest to the places, counted from the first element, that the tensor reaches.
 */
static bool reach(int ndim, const int64_t *shape, const int64_t *stride, int64_t *lowest,
                  int64_t *highest) {
  *lowest = *highest = 0;
  for (int d = 0; d < ndim; d++) {
    int64_t far;
    if (__builtin_mul_overflow(shape[d] - 1, stride[d], &far) ||
        __builtin_add_overflow(far < 0 ? *lowest : *highest, far, far < 0 ? lowest : highest))
      return cr_fail("the strides reach beyond all memory");
  }
  return true;
}

/* Checks type and shape; fills in the strides of a contiguous tensor, and the number of elements.
 */
static bool check(cresset_dtype dtype, int ndim, const int64_t *shape, int64_t *stride,
                  int64_t *count) {
  if ((int)dtype < 0 || dtype >= (cresset_dtype)CR_NDTYPES)
    return cr_fail("there is no type number %d", (int)dtype);
  if (ndim < 0 || ndim > CR_MAX_DIMS)
    return cr_fail("%d dimensions; there can be 0 to %d", ndim, CR_MAX_DIMS);
  *count = 1;
  for (int d = ndim - 1; d >= 0; d--) {
    if (shape[d] < 0) return cr_fail("size %lld of dimension %d", (long long)shape[d], d + 1);
    stride[d] = *count;
    if (shape[d] && __builtin_mul_overflow(*count, shape[d], count))
      return cr_fail("more elements than memory has");
  }
  for (int d = 0; d < ndim; d++)
    if (shape[d] == 0) *count = 0;
  return true;
}

/* The host's memory is given back when the reference of the storage's owner goes; until a tensor
 * refers to it, to nobody. */
typedef struct {
  cr_deferred deferred; /* first: it is given back as such */
  void (*release)(void *owner, void *data);
  void *owner, *data;
} lender;

static void give_back_now(cr_deferred *d) {
  lender l = *(lender *)d;
  free(d);
  if (l.release) l.release(l.owner, l.data);
}

static void give_back(void *owner, void *data) {
  (void)data;
  lender *l = owner;
  l->deferred.run = give_back_now; /* the host may call an interpreter */
  if (!cr_defer(&l->deferred)) give_back_now(&l->deferred);
}

static void keep(void *owner, void *data) {
  (void)owner, (void)data;
}

static cr_tensor *wrap(void *data, cresset_dtype dtype, int ndim, const int64_t *shape,
                       const int64_t *strides, lender *l) {
  int64_t dense[CR_MAX_DIMS], count, lowest = 0, highest = -1;
  if (!check(dtype, ndim, shape, dense, &count)) return NULL;
  if (!strides) strides = dense;
  if (count && !data) return cr_fail_null("data is NULL");
  if (count && !reach(ndim, shape, strides, &lowest, &highest)) return NULL;
  size_t size = cr_dtypes[dtype].size;
  if (count && (uintptr_t)data % (size > 8 ? 8 : size))
    return cr_fail_null("the data of type %s are not aligned", cr_dtypes[dtype].name);
  int64_t elements;
  if (__builtin_sub_overflow(highest, lowest, &elements) || elements > PTRDIFF_MAX / 8 - 1)
    return cr_fail_null("the strides reach beyond all memory");
  char *first = count ? (char *)data + lowest * (int64_t)size : (char *)l;
  cr_storage *s = cr_storage_wrap((cr_dtype)dtype, first, elements + 1, give_back, l);
  if (!s) return NULL;
  cr_tensor *t = cr_view_storage(s, (cr_dtype)dtype, -lowest, ndim, shape, strides);
  if (!t) s->release = keep; /* the caller keeps the memory */
  cr_storage_release(s);
  return t;
}

cresset_tensor *cresset_tensor_wrap(void *data, cresset_dtype dtype, int ndim, const int64_t *shape,
                                    const int64_t *strides,
                                    void (*release)(void *owner, void *data), void *owner) {
  lender *l = malloc(sizeof *l);
  cr_tensor *t = NULL;
  if (l) {
    *l = (lender){.release = release, .owner = owner, .data = data};
    t = wrap(data, dtype, ndim, shape, strides, l);
  } else {
    cr_fail("out of memory");
  }
  if (t) return (cresset_tensor *)t;
  free(l);
  return fail("cresset_tensor_wrap");
}

cresset_tensor *cresset_tensor_new(cresset_dtype dtype, int ndim, const int64_t *shape) {
  int64_t stride[CR_MAX_DIMS], count;
  if (!check(dtype, ndim, shape, stride, &count)) return fail("cresset_tensor_new");
  cr_tensor *t = cr_empty_cpu((cr_dtype)dtype, ndim, shape);
  if (!t) return fail("cresset_tensor_new");
  if (count) memset(t->storage->data, 0, (size_t)count * cr_dtypes[dtype].size);
  return (cresset_tensor *)t;
}

/* ---- looking ---------------------------------------------------------------------------- */

void cresset_tensor_look(const cresset_tensor *tensor, cresset_tensor_info *out) {
  const cr_tensor *t = (const cr_tensor *)tensor;
  size_t size = cr_dtypes[t->dtype].size;
  *out = (cresset_tensor_info){
      .data = t->storage ? (char *)t->storage->data + t->offset * (int64_t)size : NULL,
      .dtype = (cresset_dtype)t->dtype,
      .cuda = t->storage && t->storage->device.type == CR_CUDA ? t->storage->device.index : -1,
      .ndim = t->ndim,
      .shape = t->shape,
      .strides = t->stride,
  };
}

cresset_tensor *cresset_tensor_retain(cresset_tensor *t) {
  return (cresset_tensor *)cr_retain((cr_tensor *)t);
}

void cresset_tensor_release(cresset_tensor *t) {
  cr_release((cr_tensor *)t);
}

/* ---- DLPack ----------------------------------------------------------------------------- */

/* The structs of DLPack's dlpack.h. */
typedef struct {
  int32_t device_type, device_id;
} dl_device;

typedef struct {
  uint8_t code, bits;
  uint16_t lanes;
} dl_type;

enum { DL_CPU = 1, DL_CUDA = 2, DL_CUDA_HOST = 3 };
enum { DL_INT = 0, DL_UINT = 1, DL_FLOAT = 2, DL_BFLOAT = 4, DL_BOOL = 6 };

typedef struct {
  void *data;
  dl_device device;
  int32_t ndim;
  dl_type dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} dl_tensor;

struct DLManagedTensor {
  dl_tensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensor *self);
};

static const struct {
  uint8_t code, bits;
} dl_types[CR_NDTYPES] = {
    [CR_FLOAT32] = {DL_FLOAT, 32},   [CR_FLOAT64] = {DL_FLOAT, 64}, [CR_FLOAT16] = {DL_FLOAT, 16},
    [CR_BFLOAT16] = {DL_BFLOAT, 16}, [CR_INT8] = {DL_INT, 8},       [CR_UINT8] = {DL_UINT, 8},
    [CR_INT16] = {DL_INT, 16},       [CR_INT32] = {DL_INT, 32},     [CR_INT64] = {DL_INT, 64},
    [CR_BOOL] = {DL_BOOL, 8},
};

static void delete_export(struct DLManagedTensor *m) {
  if (!m) return;
  cr_release(m->manager_ctx);
  free(m);
}

struct DLManagedTensor *cresset_tensor_to_dlpack(cresset_tensor *tensor) {
  cr_tensor *t = (cr_tensor *)tensor;
  cresset_tensor_info info;
  struct DLManagedTensor *m = calloc(1, sizeof *m);
  if (!m) {
    cr_fail("out of memory");
    return fail("cresset_tensor_to_dlpack");
  }
  cresset_tensor_look(tensor, &info);
  m->dl_tensor = (dl_tensor){
      .data = info.data,
      .device = {info.cuda < 0 ? DL_CPU : DL_CUDA, info.cuda < 0 ? 0 : info.cuda},
      .ndim = t->ndim,
      .dtype = {dl_types[t->dtype].code, dl_types[t->dtype].bits, 1},
      .shape = t->shape,
      .strides = t->stride,
  };
  m->manager_ctx = cr_retain(t);
  m->deleter = delete_export;
  return m;
}

static void release_import(void *owner, void *data) {
  (void)data;
  struct DLManagedTensor *m = owner;
  if (m->deleter) m->deleter(m);
}

cresset_tensor *cresset_tensor_from_dlpack(struct DLManagedTensor *m) {
  const dl_tensor *d = &m->dl_tensor;
  int t = 0;
  while (t < CR_NDTYPES && (dl_types[t].code != d->dtype.code || dl_types[t].bits != d->dtype.bits))
    t++;
  if (t == CR_NDTYPES || d->dtype.lanes != 1) {
    cr_fail("there is no type of code %d with %d bits and %d lanes", d->dtype.code, d->dtype.bits,
            d->dtype.lanes);
    return fail("cresset_tensor_from_dlpack");
  }
  if (d->device.device_type != DL_CPU && d->device.device_type != DL_CUDA_HOST) {
    cr_fail("device type %d; only host memory is taken over", (int)d->device.device_type);
    return fail("cresset_tensor_from_dlpack");
  }
  return cresset_tensor_wrap((char *)d->data + d->byte_offset, (cresset_dtype)t, d->ndim, d->shape,
                             d->strides, release_import, m);
}
