/* tensor.h: the tensor core's types and the functions on their shape and memory.
 *
 * Ownership: a function that returns a pointer returns a new reference, which
 * the caller releases; arguments are borrowed.
 * Errors: a function that can fail returns NULL or false and leaves a message
 * in cr_error().  Nothing here aborts, asserts or jumps.
 * Dimensions and indices count from 0 in C; the Lua binding counts from 1. */
#ifndef CR_TENSOR_H
#define CR_TENSOR_H

#include "tensor/basic.h"
#include "tensor/tiny.h"

#include <stdatomic.h>

/* ---- the context: what belongs to a thread or an interpreter ---------------------------- */

/* Counts the bytes of the tensors, storages and graph nodes made while it was current. */
typedef struct cr_account {
  atomic_int refs;
  atomic_size_t live;
  atomic_size_t peak;
  atomic_size_t limit; /* 0: none; an allocation beyond it fails as out of memory */
} cr_account;

typedef struct {
  uint64_t seed;
  uint64_t offset; /* of the next unused Philox counter */
} cr_generator;

/* How tensors are printed. */
typedef struct {
  int precision;     /* digits after the point */
  int64_t threshold; /* tensors of more elements are shortened, unless it is negative */
  int edge;          /* how many of each end of a dimension a shortened one shows */
  int width;         /* columns of a line */
  int8_t exponents;  /* 1: always, 0: never, -1: as the numbers need it */
} cr_print_options;

#define CR_PRINT_DEFAULTS                                                                          \
  { .precision = 4, .threshold = 1000, .edge = 3, .width = 80, .exponents = -1 }

/* An object on its way into a script, which would be lost should the script's memory end before it
 * arrives (lib/torch). */
typedef struct {
  void *object;
  void (*release)(void *object);
  const void *frame; /* of the C function that is handing it over */
} cr_handing;

#define CR_HANDING 8

/* Mixed precision (autocast.h). */
typedef struct {
  uint8_t on; /* a bit for each type of device */
  uint8_t dtype[CR_NDEVICES];
} cr_autocast_mode;

typedef struct cr_context {
  cr_account *account;
  cr_generator generator;
  bool no_grad;             /* true inside torch.noGrad */
  bool current_values;      /* derivatives take overwritten tensors as they are */
  bool anomaly;             /* look for NaN in what is recorded and in gradients */
  struct cr_region *region; /* whose calls are being recorded, or repeated */
  uint8_t dtype;            /* default type of new tensors */
  bool on_cuda;             /* new tensors are made on the CUDA device, */
  int8_t cuda;              /* which is this one, from 0 */
  bool torch7;              /* behave as Torch7 did where the two worlds differ */
  cr_print_options print;
  bool untrusted; /* new elements are 0, not what others left; no device's library gets loaded */
  int threads;    /* most threads for one operator; 0: as OpenMP decides */
  /* Where the interpreter is now, for messages about the tape: fills at most n bytes with
   * "file:line", or an empty string.  NULL outside an interpreter. */
  void (*where)(void *ctx, char *buf, size_t n);
  void *where_ctx;
  /* Called when memory is short: gives back what it can and returns true if a further try makes
   * sense. */
  bool (*reclaim)(void *ctx);
  void *reclaim_ctx;
  size_t step_at; /* live bytes of the account at which the collector should make a step */
  bool room_due;  /* it should, before there is a further result as large as the last one */
  size_t full_at; /* and those at which it should run over everything */
  size_t heap;    /* bytes of the interpreter's own after that run */
  cr_handing handing[CR_HANDING];
  int nhanding;
  /* Polled by long kernels: true when the user wants to stop. */
  bool (*interrupted)(void *ctx);
  void *interrupted_ctx;
  struct cr_profile *profile; /* counts what operators cost (profile.h); NULL: nobody does */
  struct cr_watch *watch;     /* lists the storages that are made (watch.h); NULL: nobody does */
  cr_autocast_mode autocast;
  int autocast_depth;     /* regions of mixed precision that are open */
  struct cr_casts *casts; /* made in them; NULL: none yet */
} cr_context;

/* This thread's current context, never NULL (a thread that set none has one of its own). */
extern _Thread_local cr_context *cr_current; /* NULL: cr_own_ctx finds it */
cr_context *cr_own_ctx(void);
static inline cr_context *cr_ctx(void) {
  return cr_current ? cr_current : cr_own_ctx();
}
/* Makes c current (NULL: the thread's own again) and returns the one before (NULL: the own). */
cr_context *cr_set_ctx(cr_context *c);
cr_context *cr_context_new(void); /* with an account of its own and a random seed */
void cr_context_free(cr_context *c);
void cr_seed(cr_generator *g, uint64_t seed);

/* ---- memory ----------------------------------------------------------------------------- */

/* Host memory from the caching allocator.  cr_host_alloc(0) is a valid pointer. */
void *cr_host_alloc(size_t bytes);
void cr_host_free(void *p, size_t bytes);
void cr_memory(cr_memory_stats *out);
void cr_memory_release(void); /* gives the cache back to the system */
/* For tests: the n-th allocation from now on fails (tensor headers and nodes too); 0: none. */
void cr_memory_fail_at(long n);
extern atomic_long cr_fault_at; /* how many allocations it still is to go; 0: none fails */
bool cr_fault_due(void);
/* malloc and free for headers, subject to cr_memory_fail_at. */
static inline void *cr_malloc(size_t bytes) {
  bool fails = atomic_load_explicit(&cr_fault_at, memory_order_relaxed) && cr_fault_due();
  void *p = fails ? NULL : cr_tiny_alloc(bytes);
  if (!p) cr_fail("out of memory");
  return p;
}
static inline void cr_free(void *p, size_t bytes) {
  cr_tiny_free(p, bytes);
}

/* ---- storage ---------------------------------------------------------------------------- */

struct cr_storage {
  atomic_int refs;
  uint8_t dtype;
  cr_device device;
  const cr_backend *backend;
  atomic_uint version; /* bumped by every write through a tensor; the tape checks it */
  unsigned zeroed;     /* the version at which all elements were made 0; 0: never */
  void *data;
  int64_t size;    /* elements */
  size_t capacity; /* bytes */
  cr_account *account;
  void (*release)(void *owner, void *data); /* for memory that a host lent, else NULL */
  void *owner;
  struct cr_watched *watched; /* its entry in the list of those that are alive, or NULL */
};

cr_storage *cr_storage_new(cr_dtype dtype, cr_device device, int64_t size);
/* Wraps memory that stays its owner's; release(owner, data) runs once, at the last reference. */
cr_storage *cr_storage_wrap(cr_dtype dtype, void *data, int64_t size,
                            void (*release)(void *owner, void *data), void *owner);
/* Lets such memory, which nobody else counts, count as so many bytes of the current account; once.
 */
bool cr_storage_count(cr_storage *s, size_t bytes);
/* A storage on elements first to first + size - 1 of s, in host memory.  From then on neither can
 * be resized. */
cr_storage *cr_storage_part(cr_storage *s, int64_t first, int64_t size);
cr_storage *cr_storage_retain(cr_storage *s);
void cr_storage_release(cr_storage *s); /* NULL is allowed */
/* Keeps the contents up to the smaller size; new elements are undefined.  Refuses wrapped memory.
 */
bool cr_storage_resize(cr_storage *s, int64_t size);

/* ---- tensors ---------------------------------------------------------------------------- */

/* A view of a storage.  The 1-dimensional tensor of no elements is Torch7's empty tensor: its
 * storage may be NULL.  A scalar has ndim 0 and one element. */
struct cr_tensor {
  atomic_int refs;
  uint8_t dtype;
  uint8_t ndim;
  bool unrecorded; /* a view of `base` made while nothing was recorded */
  cr_storage *storage;
  int64_t offset;  /* elements */
  cr_tensor *base; /* of a differentiable view: the tensor it is a view of, itself not a view */
  cr_autograd *ag; /* NULL while it takes no part in a graph */
  cr_account *account;
  int64_t shape[CR_MAX_DIMS];
  int64_t stride[CR_MAX_DIMS]; /* elements */
};

cr_tensor *cr_retain(cr_tensor *t);
void cr_release(cr_tensor *t); /* NULL is allowed */

cr_tensor *cr_empty(cr_dtype dtype, cr_device device, int ndim, const int64_t *shape);
cr_tensor *cr_empty_cpu(cr_dtype dtype, int ndim, const int64_t *shape);
cr_tensor *cr_empty_channels_last(cr_dtype dtype, cr_device device, const int64_t shape[4]);
cr_tensor *cr_empty_like(const cr_tensor *t);         /* contiguous, same shape, dtype, device */
cr_tensor *cr_none(cr_dtype dtype, cr_device device); /* Torch7's empty tensor, no storage */
cr_tensor *cr_scalar_tensor(cr_dtype dtype, cr_device device, cr_scalar value);
/* A view of s that the tape knows nothing of.  stride may be NULL: contiguous.  s may be NULL when
 * there are no elements. */
cr_tensor *cr_view_storage(cr_storage *s, cr_dtype dtype, int64_t offset, int ndim,
                           const int64_t *shape, const int64_t *stride);
/* Another header on the same elements, without a history. */
cr_tensor *cr_alias(const cr_tensor *t);

/* Changes t itself (Torch7's set and resize).  Refused with a message when t has a history. */
bool cr_set(cr_tensor *t, cr_storage *s, int64_t offset, int ndim, const int64_t *shape,
            const int64_t *stride);
bool cr_resize(cr_tensor *t, int ndim, const int64_t *shape, const int64_t *stride);

int64_t cr_numel(const cr_tensor *t);
bool cr_is_contiguous(const cr_tensor *t);
/* Whether t (images, channels, height, width) lies in memory in the order images, height, width,
 * channels, without gaps.  A tensor may be both that and contiguous. */
bool cr_is_channels_last(const cr_tensor *t);
/* That, and no other order would do. */
static inline bool cr_only_channels_last(const cr_tensor *t) {
  return t->ndim == 4 && cr_is_channels_last(t) && !cr_is_contiguous(t);
}
bool cr_same_shape(const cr_tensor *a, const cr_tensor *b);
bool cr_is_none(const cr_tensor *t); /* Torch7's empty tensor */
static inline cr_device cr_device_of(const cr_tensor *t) {
  return t->storage ? t->storage->device : (cr_device){CR_CPU, 0};
}
static inline void *cr_data(const cr_tensor *t) {
  return t->storage ? (char *)t->storage->data + (size_t)t->offset * cr_sizeof((cr_dtype)t->dtype)
                    : NULL;
}
/* Says that t's elements were written.  Every operator that writes calls it. */
static inline void cr_bump(cr_tensor *t) {
  if (t->storage) atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}

/* Whether t is all of its storage, in order. */
bool cr_is_whole(const cr_tensor *t);

/* Says that all of t's elements are 0 now. */
static inline void cr_mark_zeroed(cr_tensor *t) {
  if (cr_is_whole(t))
    t->storage->zeroed = atomic_load_explicit(&t->storage->version, memory_order_relaxed);
}

/* One element, by index (ndim numbers, already checked) or the only one; false, with a message,
 * when the device cannot be read. */
bool cr_read(const cr_tensor *t, const int64_t *index, cr_scalar *out);
/* Of a tensor in host memory; NaN for what cannot be read. */
cr_scalar cr_get(const cr_tensor *t, const int64_t *index);
bool cr_put(cr_tensor *t, const int64_t *index, cr_scalar value);
/* The only element of a one-element tensor. */
bool cr_item(const cr_tensor *t, cr_scalar *out);

/* Shapes.  "3x4", "scalar", "empty"; the result lives in buf. */
#define CR_SHAPE_STR 128
const char *cr_shape_str(char buf[CR_SHAPE_STR], int ndim, const int64_t *shape);
const char *cr_tensor_str(char buf[CR_SHAPE_STR], const cr_tensor *t);
/* Product of the sizes, or -1 (with a message) when it does not fit. */
int64_t cr_count(int ndim, const int64_t *shape);
void cr_contiguous_strides(int ndim, const int64_t *shape, int64_t *stride);
/* The shape two shapes broadcast to; false with a message naming fn. */
bool cr_broadcast(const char *fn, int na, const int64_t *a, int nb, const int64_t *b, int *ndim,
                  int64_t *shape);

/* Text of a tensor as Torch7 prints it (columns, common scale factor), last line with type, size
 * and device.  malloc'ed; the caller frees it. */
char *cr_tostring(const cr_tensor *t);

#endif
