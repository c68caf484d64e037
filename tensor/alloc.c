/* alloc.c: host memory.
 *
 * Blocks above SMALL bytes come in size classes, four to each power of two, and are kept for reuse
 * when freed, so that a training step touches no fresh pages.  What is kept is bounded: together
 * with what is in use it stays within 5/4 of the most that ever was in use, plus a slack.  Blocks
 * of 2 MB and more are aligned to huge pages.  Smaller blocks are malloc's business; of the tiny
 * ones, headers and numbers, each thread keeps some, because the collector frees many at once,
 * which is where malloc is slow. */
#include "tensor/internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SMALL 4096
#define HUGE_PAGE ((size_t)2 << 20)
#define SLACK ((size_t)64 << 20)
#define CLASSES 256

typedef cr_tiny_block block;

static struct {
  pthread_mutex_t lock;
  block *free[CLASSES];
  size_t live, peak, cached;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- tiny blocks ------------------------------------------------------------------------ */

#define KEPT ((size_t)4 << 20) /* bytes of a size */

_Thread_local cr_tiny_list cr_tiny[CR_TINY_CLASSES];

/* Whether the key below frees the lists with the thread, or has freed them. */
static _Thread_local bool registered;

/* The sanitizers are to see every block come and go; gcc says so in one way, clang in another. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef SANITIZED
static const bool keep_tiny = false;
#else
static const bool keep_tiny = true;
#endif

/* Leaves no room in the lists: what else the thread frees while it ends goes to malloc. */
static void free_tiny(void *lists) {
  cr_tiny_list *list = lists;
  for (int c = 0; c < CR_TINY_CLASSES; c++) {
    list[c].room = 0;
    while (list[c].free) {
      block *b = list[c].free;
      list[c].free = b->next;
      free(b);
    }
  }
}

static pthread_key_t tiny_key;
static pthread_once_t tiny_once = PTHREAD_ONCE_INIT;

static void make_tiny_key(void) {
  pthread_key_create(&tiny_key, free_tiny);
}

static void register_tiny(void) {
  registered = true;
  pthread_once(&tiny_once, make_tiny_key);
  pthread_setspecific(tiny_key, cr_tiny);
  for (int c = 0; c < CR_TINY_CLASSES; c++)
    cr_tiny[c].room = (uint32_t)(KEPT / ((size_t)(c + 1) * CR_TINY_STEP));
}

void *cr_tiny_alloc_slow(size_t bytes) {
  size_t c = bytes ? (bytes - 1) / CR_TINY_STEP : 0;
  return malloc(c < CR_TINY_CLASSES ? (c + 1) * CR_TINY_STEP : bytes);
}

void cr_tiny_free_slow(void *p, size_t bytes) {
  if (!p || !keep_tiny || registered || bytes > CR_TINY) {
    free(p);
    return;
  }
  register_tiny();
  cr_tiny_free(p, bytes);
}

/* ---- faults on demand ------------------------------------------------------------------- */

atomic_long cr_fault_at;

void cr_memory_fail_at(long n) {
  atomic_store(&cr_fault_at, n);
}

bool cr_fault_due(void) {
  if (atomic_load_explicit(&cr_fault_at, memory_order_relaxed) == 0) return false;
  return atomic_fetch_sub(&cr_fault_at, 1) == 1;
}

/* ---- accounts --------------------------------------------------------------------------- */

static bool add_live(cr_account *a, size_t bytes) {
  size_t live = atomic_fetch_add_explicit(&a->live, bytes, memory_order_relaxed) + bytes;
  size_t limit = atomic_load_explicit(&a->limit, memory_order_relaxed);
  if (limit && live > limit) {
    atomic_fetch_sub_explicit(&a->live, bytes, memory_order_relaxed);
    return cr_fail("out of memory: the limit of %zu bytes for tensors is reached", limit);
  }
  if (live > atomic_load_explicit(&a->peak, memory_order_relaxed))
    atomic_store_explicit(&a->peak, live, memory_order_relaxed);
  return true;
}

cr_account *cr_charge(size_t bytes) {
  cr_account *a = cr_ctx()->account;
  if (!add_live(a, bytes)) return NULL;
  atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
  return a;
}

void cr_uncharge(cr_account *a, size_t bytes) {
  atomic_fetch_sub_explicit(&a->live, bytes, memory_order_relaxed);
  if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1) free(a);
}

bool cr_recharge(cr_account *a, size_t from, size_t to) {
  if (to > from) return add_live(a, to - from);
  atomic_fetch_sub_explicit(&a->live, from - to, memory_order_relaxed);
  return true;
}

/* ---- size classes ----------------------------------------------------------------------- */

/* The class of a size, and the bytes of that class: 2^e * (4 + q) / 4 for q = 0..3. */
static int class_of(size_t bytes, size_t *rounded) {
  int e = 63 - __builtin_clzll(bytes);
  size_t quarter = (size_t)1 << (e - 2);
  size_t q = (bytes - ((size_t)1 << e) + quarter - 1) / quarter;
  *rounded = ((size_t)4 + q) << (e - 2);
  return e * 4 + (int)q;
}

static void *system_alloc(size_t bytes) {
  void *p = NULL;
  if (bytes < HUGE_PAGE) return posix_memalign(&p, 64, bytes) ? NULL : p;
  if (posix_memalign(&p, HUGE_PAGE, bytes)) return NULL;
  madvise(p, bytes, MADV_HUGEPAGE); /* where it is not available nothing is lost */
  return p;
}

/* Takes cached blocks of the largest classes out until at most `keep` bytes are cached; the caller
 * frees the chain after it let go of the lock. */
static block *evict(size_t keep) {
  block *out = NULL;
  for (int c = CLASSES - 1; c >= 0 && cache.cached > keep; c--) {
    size_t bytes = ((size_t)4 + c % 4) << (c / 4 - 2);
    while (cache.free[c] && cache.cached > keep) {
      block *b = cache.free[c];
      cache.free[c] = b->next;
      cache.cached -= bytes;
      b->next = out;
      out = b;
    }
  }
  return out;
}

static void free_chain(block *b) {
  while (b) {
    block *next = b->next;
    free(b);
    b = next;
  }
}

void cr_memory_release(void) {
  pthread_mutex_lock(&cache.lock);
  block *out = evict(0);
  pthread_mutex_unlock(&cache.lock);
  free_chain(out);
}

static void *alloc_large(size_t bytes) {
  size_t rounded;
  if (bytes > (size_t)1 << 56) return NULL;
  int c = class_of(bytes, &rounded);
  pthread_mutex_lock(&cache.lock);
  block *b = cache.free[c];
  if (b) {
    cache.free[c] = b->next;
    cache.cached -= rounded;
  }
  cache.live += rounded;
  if (cache.live > cache.peak) cache.peak = cache.live;
  pthread_mutex_unlock(&cache.lock);
  if (b) return b;
  void *p = system_alloc(rounded);
  if (!p) {
    cr_memory_release();
    p = system_alloc(rounded);
  }
  if (!p) {
    pthread_mutex_lock(&cache.lock);
    cache.live -= rounded;
    pthread_mutex_unlock(&cache.lock);
  }
  return p;
}

static void free_large(void *p, size_t bytes) {
  size_t rounded;
  int c = class_of(bytes, &rounded);
  pthread_mutex_lock(&cache.lock);
  block *b = p;
  b->next = cache.free[c];
  cache.free[c] = b;
  cache.cached += rounded;
  cache.live -= rounded;
  size_t bound = cache.peak + cache.peak / 4 + SLACK - cache.live;
  block *out = cache.cached > bound ? evict(bound) : NULL;
  pthread_mutex_unlock(&cache.lock);
  free_chain(out);
}

void *cr_host_alloc(size_t bytes) {
  if (cr_fault_due()) return NULL;
  if (bytes <= SMALL) return cr_tiny_alloc(bytes);
  return alloc_large(bytes);
}

void cr_host_free(void *p, size_t bytes) {
  if (!p) return;
  if (bytes <= SMALL)
    cr_tiny_free(p, bytes);
  else
    free_large(p, bytes);
}

void cr_memory(cr_memory_stats *out) {
  pthread_mutex_lock(&cache.lock);
  *out = (cr_memory_stats){cache.live, cache.peak, cache.cached};
  pthread_mutex_unlock(&cache.lock);
}
