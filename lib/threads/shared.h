/* shared.h: objects that several interpreters use at once: mutexes, conditions, counters, queues.
 * A message carries a reference to one. */
#ifndef CR_THREAD_SHARED_H
#define CR_THREAD_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <lua.h>

#include "lib/threads/message.h"

typedef enum { CR_MUTEX, CR_CONDITION, CR_COUNTER, CR_QUEUE, CR_NSHARED } cr_shared_kind;

typedef struct cr_shared cr_shared;

/* A thread that waits for a condition. */
typedef struct cr_waiter {
  struct cr_waiter *next;
  bool woken;
} cr_waiter;

struct cr_shared {
  atomic_int refs;
  cr_shared_kind kind;
  cr_shared *next, **back; /* the list of all */
  pthread_mutex_t lock;    /* of what follows */
  pthread_cond_t changed;
  bool locked;               /* a mutex: by someone */
  cr_waiter *waiters;        /* a condition: who waits, in their order */
  atomic_llong value;        /* a counter */
  int64_t size, head, count; /* a queue: a ring of messages */
  cr_message **slots;
};

/* NULL when the value is none. */
cr_shared *cr_to_shared(lua_State *L, int index);
/* Pushes a place for a reference to one of that kind, NULL at first. */
cr_shared **cr_push_shared(lua_State *L, cr_shared_kind kind);
cr_shared *cr_shared_retain(cr_shared *s);
void cr_shared_release(cr_shared *s);
/* Adds threads.Mutex, Condition and AtomicCounter to the table on the top. */
void cr_open_shared(lua_State *L);

#endif
