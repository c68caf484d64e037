/* storage.c: reference-counted elements on one device. */
#include "tensor/backend.h"
#include "tensor/internal.h"
#include "tensor/profile.h"
#include "tensor/watch.h"

#include <stdio.h>
#include <string.h>

static void out_of_memory(const cr_backend *backend, cr_device d, size_t bytes) {
  cr_memory_stats m;
  char where[32] = "";
  backend->memory(d, &m);
  if (d.type != CR_CPU)
    snprintf(where, sizeof where, " on %s device %d", backend->name, d.index + 1);
  cr_fail("out of memory%s: no room for %zu bytes (%zu in use, %zu cached)", where, bytes, m.live,
          m.cached);
}

static bool byte_count(cr_dtype dtype, int64_t size, size_t *bytes) {
  if (size < 0) return cr_fail("a storage of %lld elements", (long long)size);
  if (__builtin_mul_overflow((size_t)size, cr_sizeof(dtype), bytes) || *bytes > PTRDIFF_MAX)
    return cr_fail("out of memory: %lld elements of type %s do not fit", (long long)size,
                   cr_dtypes[dtype].name);
  return true;
}

static cr_storage *header(cr_dtype dtype, cr_device device, const cr_backend *backend, int64_t size,
                          size_t bytes) {
  cr_storage *s = cr_malloc(sizeof *s);
  if (!s) return NULL;
  cr_account *a = cr_charge(sizeof *s + bytes);
  if (!a) {
    cr_free(s, sizeof *s);
    return NULL;
  }
  *s = (cr_storage){.dtype = (uint8_t)dtype,
                    .device = device,
                    .backend = backend,
                    .size = size,
                    .capacity = bytes,
                    .account = a};
  atomic_init(&s->refs, 1);
  return s;
}

/* The memory may be what another interpreter has freed. */
static void hide_remains(cr_device device, void *data, size_t first, size_t bytes) {
  if (bytes > first && device.type == CR_CPU && cr_ctx()->untrusted)
    memset((char *)data + first, 0, bytes - first);
}

static cr_storage *try_new(cr_dtype dtype, cr_device device, int64_t size, size_t bytes) {
  const cr_backend *backend = cr_backend_of(device);
  if (!backend) return NULL;
  size_t peak = atomic_load_explicit(&cr_ctx()->account->peak, memory_order_relaxed);
  cr_storage *s = header(dtype, device, backend, size, bytes);
  if (!s) return NULL;
  s->data = backend->alloc(device, bytes);
  if (!s->data) {
    atomic_store(&s->account->peak, peak); /* it never was in use */
    cr_uncharge(s->account, sizeof *s + bytes);
    cr_free(s, sizeof *s);
    out_of_memory(backend, device, bytes);
    return NULL;
  }
  hide_remains(device, s->data, 0, bytes);
  return s;
}

cr_storage *cr_storage_new(cr_dtype dtype, cr_device device, int64_t size) {
  size_t bytes;
  if (!byte_count(dtype, size, &bytes)) return NULL;
  cr_storage *s = try_new(dtype, device, size, bytes);
  cr_context *ctx = cr_ctx();
  if (!s && ctx->reclaim && ctx->reclaim(ctx->reclaim_ctx))
    s = try_new(dtype, device, size, bytes); /* the interpreter's collector freed what it could */
  cr_profile *p = cr_profiling();
  if (p) cr_profile_allocated(p, device, bytes);
  if (s && ctx->watch) cr_watch_add(ctx->watch, s);
  return s;
}

cr_storage *cr_storage_wrap(cr_dtype dtype, void *data, int64_t size,
                            void (*release)(void *owner, void *data), void *owner) {
  cr_device cpu = {CR_CPU, 0};
  const cr_backend *backend = cr_backend_of(cpu);
  cr_storage *s = backend ? header(dtype, cpu, backend, size, 0) : NULL;
  if (!s) return NULL;
  s->data = data;
  s->release = release;
  s->owner = owner;
  return s;
}

bool cr_storage_count(cr_storage *s, size_t bytes) {
  if (!cr_recharge(s->account, 0, bytes)) return false;
  s->capacity = bytes;
  return true;
}

static void release_owner(void *owner, void *data) {
  (void)data;
  cr_storage_release(owner);
}

/* Gives s's memory to a storage that only parts of it know, so that it cannot move under them; s is
 * the first part. */
static bool share_memory(cr_storage *s) {
  cr_storage *owner = header((cr_dtype)s->dtype, s->device, s->backend, s->size, s->capacity);
  if (!owner) return false;
  owner->data = s->data;
  cr_recharge(s->account, s->capacity, 0);
  s->capacity = 0;
  s->release = release_owner;
  s->owner = owner;
  return true;
}

cr_storage *cr_storage_part(cr_storage *s, int64_t first, int64_t size) {
  if (s->device.type != CR_CPU) return cr_fail_null("a part of a storage on another device");
  if (first < 0 || size < 0 || first > s->size || size > s->size - first)
    return cr_fail_null("elements %lld to %lld of a storage of %lld", (long long)first + 1,
                        (long long)(first + size), (long long)s->size);
  if (!s->release && !share_memory(s)) return NULL;
  cr_storage *whole = s->release == release_owner ? s->owner : s;
  char *data = (char *)s->data + (size_t)first * cr_sizeof((cr_dtype)s->dtype);
  cr_storage *part = cr_storage_wrap((cr_dtype)s->dtype, data, size, release_owner, whole);
  if (part) cr_storage_retain(whole);
  return part;
}

cr_storage *cr_storage_retain(cr_storage *s) {
  atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
  return s;
}

void cr_storage_release(cr_storage *s) {
  if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
  if (s->watched) cr_watch_remove(s->watched);
  if (s->release)
    s->release(s->owner, s->data);
  else
    s->backend->dealloc(s->device, s->data, s->capacity);
  cr_uncharge(s->account, sizeof *s + s->capacity);
  cr_free(s, sizeof *s);
}

bool cr_storage_resize(cr_storage *s, int64_t size) {
  size_t bytes;
  if (!byte_count((cr_dtype)s->dtype, size, &bytes)) return false;
  if (s->release) return cr_fail("a storage on memory that its host lent cannot be resized");
  if (bytes != s->capacity) {
    if (!cr_recharge(s->account, s->capacity, bytes)) return false;
    void *data = s->backend->alloc(s->device, bytes);
    size_t kept = bytes < s->capacity ? bytes : s->capacity;
    if (!data || !s->backend->transfer(s->device, data, s->device, s->data, kept)) {
      cr_recharge(s->account, bytes, s->capacity);
      if (data)
        s->backend->dealloc(s->device, data, bytes);
      else
        out_of_memory(s->backend, s->device, bytes);
      return false;
    }
    hide_remains(s->device, data, kept, bytes);
    s->backend->dealloc(s->device, s->data, s->capacity);
    s->data = data;
    s->capacity = bytes;
    atomic_fetch_add_explicit(&s->version, 1, memory_order_relaxed);
  }
  s->size = size;
  return true;
}
