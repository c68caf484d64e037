/* autocast.c: regions of mixed precision, and the casts of leaves that they keep. */
#include "tensor/autocast.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/autograd.h"
#include "tensor/ops.h"

/* ---- kept casts ------------------------------------------------------------------------- */

typedef struct {
  cr_tensor *leaf; /* NULL: a free place */
  cr_tensor *seen; /* the leaf's view of its storage when it was cast, */
  uint32_t version;
  cr_tensor *cast; /* to this */
} entry;

/* A table by the leaves' addresses, with open places; `size` is a power of 2, `used` at most half
 * of it.  After so many additions it is looked through for leaves that nobody has any more. */
struct cr_casts {
  size_t used, size, added;
  entry *at;
};

enum { LEAST = 64 };

static entry *find(const struct cr_casts *c, const cr_tensor *leaf) {
  size_t i = ((uintptr_t)leaf >> 5) * 0x9E3779B97F4A7C15u >> 20;
  for (;; i++) {
    entry *e = &c->at[i & (c->size - 1)];
    if (!e->leaf || e->leaf == leaf) return e;
  }
}

static void clear(entry *e) {
  cr_release(e->leaf);
  cr_release(e->seen);
  cr_release(e->cast);
  *e = (entry){0};
}

/* Whether nobody but the entry and the tape of its cast holds the leaf. */
static bool is_dead(entry *e) {
  return atomic_load(&e->leaf->refs) == 1 + cr_requires_grad(e->cast);
}

static bool make_room(struct cr_casts *c) {
  if (++c->added % LEAST != 0 && 2 * (c->used + 1) <= c->size) return true;
  size_t live = 0, size = c->size ? c->size : LEAST;
  for (size_t i = 0; i < c->size; i++) live += c->at[i].leaf && !is_dead(&c->at[i]);
  if (4 * live > size) size *= 2;
  struct cr_casts next = {.size = size, .added = c->added, .at = calloc(size, sizeof(entry))};
  if (!next.at) return false;
  for (size_t i = 0; i < c->size; i++) {
    entry *e = &c->at[i];
    if (!e->leaf) continue;
    if (is_dead(e)) {
      clear(e);
      continue;
    }
    *find(&next, e->leaf) = *e;
    next.used++;
  }
  free(c->at);
  *c = next;
  return true;
}

void cr_casts_free(struct cr_casts *c) {
  if (!c) return;
  for (size_t i = 0; i < c->size; i++) clear(&c->at[i]);
  free(c->at);
  free(c);
}

static bool same_view(const cr_tensor *a, const cr_tensor *b) {
  size_t bytes = (size_t)a->ndim * sizeof *a->shape;
  return a->storage == b->storage && a->offset == b->offset && a->ndim == b->ndim &&
         !memcmp(a->shape, b->shape, bytes) && !memcmp(a->stride, b->stride, bytes);
}

static uint32_t version_of(const cr_tensor *t) {
  return t->storage ? atomic_load_explicit(&t->storage->version, memory_order_relaxed) : 0;
}

/* A cast made inside of torch.noGrad has no history, and serves there only. */
static bool is_fresh(const entry *e, cr_tensor *leaf, cr_dtype dtype) {
  return e->cast && e->cast->dtype == dtype && e->version == version_of(leaf) &&
         same_view(e->seen, leaf) && (cr_ctx()->no_grad || cr_requires_grad(e->cast));
}

/* Takes a reference to the cast; that it cannot be kept is no failure. */
static void keep(struct cr_casts *c, cr_tensor *leaf, cr_tensor *cast) {
  if (!make_room(c)) return;
  cr_tensor *seen = cr_alias(leaf);
  if (!seen) return;
  entry *e = find(c, leaf);
  c->used += !e->leaf;
  cr_retain(leaf);
  clear(e);
  *e = (entry){leaf, seen, version_of(leaf), cr_retain(cast)};
}

/* ---- regions ---------------------------------------------------------------------------- */

cr_autocast_mode cr_autocast_begin(cr_device_type d, bool on, cr_dtype dtype) {
  cr_context *ctx = cr_ctx();
  cr_autocast_mode before = ctx->autocast;
  ctx->autocast.on = (uint8_t)(on ? before.on | 1 << d : before.on & ~(1 << d));
  ctx->autocast.dtype[d] = (uint8_t)dtype;
  ctx->autocast_depth++;
  return before;
}

void cr_autocast_end(cr_autocast_mode before) {
  cr_context *ctx = cr_ctx();
  ctx->autocast = before;
  if (--ctx->autocast_depth > 0) return;
  struct cr_casts *casts = ctx->casts;
  ctx->casts = NULL;
  cr_casts_free(casts);
}

bool cr_autocast_on(cr_device_type d) {
  return cr_ctx()->autocast.on >> d & 1;
}

cr_dtype cr_autocast_dtype(cr_device_type d) {
  if (cr_autocast_on(d)) return (cr_dtype)cr_ctx()->autocast.dtype[d];
  return d == CR_CUDA ? CR_FLOAT16 : CR_BFLOAT16;
}

bool cr_autocast_takes(const cr_tensor *t) {
  return cr_is_float((cr_dtype)t->dtype) && t->dtype != CR_FLOAT64 &&
         cr_autocast_on((cr_device_type)cr_device_of(t).type);
}

/* What is computed again for a backward has to make the casts that it made at first, so a
 * checkpoint neither finds nor leaves any. */
static bool is_kept(const cr_context *ctx, cr_tensor *t, cr_dtype dtype) {
  return ctx->autocast_depth > 0 && !ctx->region && t->dtype == CR_FLOAT32 && dtype != CR_FLOAT32 &&
         cr_is_leaf(t) && cr_requires_grad(t);
}

cr_tensor *cr_autocast_cast(cr_tensor *t, cr_dtype dtype) {
  cr_context *ctx = cr_ctx();
  if (!is_kept(ctx, t, dtype)) return cr_cast(t, dtype);
  if (!ctx->casts && !(ctx->casts = calloc(1, sizeof *ctx->casts)))
    return cr_fail_null("out of memory");
  if (ctx->casts->size) {
    entry *e = find(ctx->casts, t);
    if (is_fresh(e, t, dtype)) return cr_retain(e->cast);
  }
  cr_tensor *cast = cr_cast(t, dtype);
  if (cast) keep(ctx->casts, t, cast);
  return cast;
}
