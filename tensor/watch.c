/* watch.c: the list of watched storages.  They may be freed on any thread, so it has a lock. */
#include "tensor/watch.h"

#include <pthread.h>
#include <stdlib.h>

struct cr_watched {
  cr_watch *watch;
  cr_storage *storage;
  cr_watched *before, *after;
  char where[96];
};

struct cr_watch {
  atomic_int refs;
  pthread_mutex_t lock;
  cr_watched *first;
  size_t n;
};

cr_watch *cr_watch_new(void) {
  cr_watch *w = calloc(1, sizeof *w);
  if (!w) return cr_fail_null("out of memory");
  atomic_init(&w->refs, 1);
  pthread_mutex_init(&w->lock, NULL);
  return w;
}

void cr_watch_release(cr_watch *w) {
  if (!w || atomic_fetch_sub(&w->refs, 1) != 1) return;
  pthread_mutex_destroy(&w->lock);
  free(w);
}

void cr_watch_add(cr_watch *w, cr_storage *s) {
  cr_context *ctx = cr_ctx();
  cr_watched *e = calloc(1, sizeof *e);
  if (!e) return; /* one that is missing in a list is no reason to fail */
  e->watch = w;
  e->storage = s;
  if (ctx->where) ctx->where(ctx->where_ctx, e->where, sizeof e->where);
  atomic_fetch_add(&w->refs, 1);
  pthread_mutex_lock(&w->lock);
  e->after = w->first;
  if (w->first) w->first->before = e;
  w->first = e;
  w->n++;
  pthread_mutex_unlock(&w->lock);
  s->watched = e;
}

void cr_watch_remove(cr_watched *e) {
  cr_watch *w = e->watch;
  pthread_mutex_lock(&w->lock);
  if (e->before)
    e->before->after = e->after;
  else
    w->first = e->after;
  if (e->after) e->after->before = e->before;
  w->n--;
  pthread_mutex_unlock(&w->lock);
  free(e);
  cr_watch_release(w);
}

bool cr_watch_list(cr_watch *w, cr_watch_info **list, size_t *n) {
  pthread_mutex_lock(&w->lock);
  *n = 0;
  *list = malloc((w->n + 1) * sizeof **list);
  for (cr_watched *e = *list ? w->first : NULL; e; e = e->after) {
    const cr_storage *s = e->storage;
    cr_watch_info *i = &(*list)[(*n)++];
    *i = (cr_watch_info){s, s->capacity, s->size, s->dtype, s->device, ""};
    for (size_t k = 0; k < sizeof i->where; k++) i->where[k] = e->where[k];
  }
  pthread_mutex_unlock(&w->lock);
  return *list || cr_fail("out of memory");
}
