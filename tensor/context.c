/* context.c: what belongs to a thread or an interpreter: the error message, the current context. */
#include "tensor/autocast.h"
#include "tensor/internal.h"
#include "tensor/watch.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE 1024

static _Thread_local char message[MESSAGE];
_Thread_local cr_context *cr_current;

bool cr_fail(const char *format, ...) {
  char text[MESSAGE]; /* the arguments may contain the old message */
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  memcpy(message, text, sizeof text);
  return false;
}

const char *cr_error(void) {
  return message[0] ? message : "unknown error";
}

bool cr_error_prefix(const char *prefix) {
  return cr_fail("%s: %s", prefix, message);
}

/* ---- contexts --------------------------------------------------------------------------- */

/* Below 2^53, which a double, and so a file of Torch7, can hold. */
static uint64_t random_seed(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  static atomic_uint_fast64_t calls;
  uint64_t z = (uint64_t)now.tv_nsec ^ ((uint64_t)now.tv_sec << 30) ^ ((uint64_t)getpid() << 48);
  z += 0x9E3779B97F4A7C15u * (atomic_fetch_add(&calls, 1) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  return (z ^ (z >> 31)) >> 11;
}

void cr_seed(cr_generator *g, uint64_t seed) {
  *g = (cr_generator){.seed = seed, .offset = 0};
}

static void account_release(cr_account *a) {
  if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1) free(a);
}

cr_context *cr_context_new(void) {
  cr_context *c = calloc(1, sizeof *c);
  cr_account *a = calloc(1, sizeof *a);
  if (!c || !a) {
    free(c);
    free(a);
    return cr_fail_null("out of memory");
  }
  atomic_init(&a->refs, 1);
  c->account = a;
  c->print = (cr_print_options)CR_PRINT_DEFAULTS;
  cr_seed(&c->generator, random_seed());
  return c;
}

void cr_context_free(cr_context *c) {
  if (!c) return;
  if (cr_current == c) cr_current = NULL;
  for (int i = 0; i < c->nhanding; i++) c->handing[i].release(c->handing[i].object);
  cr_casts_free(c->casts);
  account_release(c->account);
  cr_watch_release(c->watch);
  free(c);
}

/* A thread that set no context has one of its own, made at first use and freed with the thread. */
static pthread_key_t own_key;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static void own_free(void *c) {
  cr_context_free(c);
}
static void own_init(void) {
  pthread_key_create(&own_key, own_free);
}

static cr_context *own_context(void) {
  /* Should even this small block be missing, all such threads share a spare one. */
  static cr_account spare_account = {.refs = 1};
  static cr_context spare = {.account = &spare_account, .print = CR_PRINT_DEFAULTS};
  pthread_once(&own_once, own_init);
  cr_context *c = pthread_getspecific(own_key);
  if (c) return c;
  c = cr_context_new();
  if (!c) return &spare;
  pthread_setspecific(own_key, c);
  return c;
}

cr_context *cr_own_ctx(void) {
  return cr_current = own_context();
}

cr_context *cr_set_ctx(cr_context *c) {
  cr_context *before = cr_current;
  cr_current = c;
  return before;
}
