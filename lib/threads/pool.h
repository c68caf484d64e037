/* pool.h: threads that take jobs from a queue, each with an interpreter of its own. */
#ifndef CR_THREAD_POOL_H
#define CR_THREAD_POOL_H

#include <lua.h>

#include "lib/threads/host.h"
#include "lib/threads/message.h"

typedef struct cr_pool cr_pool;

/* What came of a job. */
typedef struct cr_answer {
  struct cr_answer *next;
  lua_Integer id;      /* of the job */
  int worker;          /* who did it, from 1 */
  bool failed;         /* then: */
  char *error;         /* with a traceback; NULL: there was not enough memory for it */
  cr_message *message; /* else: what the function returned */
} cr_answer;

/* How many threads all pools of the program have. */
int cr_pool_threads(void);
/* Starts n threads.  NULL, and none is left: a thread could not be started. */
cr_pool *cr_pool_new(const cr_thread_host *host, bool torch7, int n);
/* Adds a job, for one worker or (0) whoever is free first.  Takes the message over when it returns
 * true; false: not enough memory. */
bool cr_pool_put(cr_pool *p, int worker, lua_Integer id, bool copy, cr_message *m);
/* How many jobs wait for a worker, or (0) for any. */
int cr_pool_waiting(cr_pool *p, int worker);
/* How many answers may wait before the workers do; as many as there are workers until it is called.
 */
void cr_pool_hold(cr_pool *p, int most);
/* The next answer, for which it waits at most so long; NULL: there is none. */
cr_answer *cr_pool_take(cr_pool *p, int milliseconds);
void cr_answer_free(cr_answer *a);
/* Drops the jobs that wait, interrupts those that run, and waits for the threads to end. */
void cr_pool_free(cr_pool *p);

#endif
