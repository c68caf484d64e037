/* limits.c: how long a script may run.
 *
 * One thread of the process watches the clock for all interpreters that have a limit of seconds; it
 * is there as long as one of them is open.  It stops a script the way cresset_interrupt does, and
 * again every few milliseconds until the script has ended.  Where the host has taken the signal for
 * that, and for a limit of instructions, a hook looks every thousand instructions. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "vm/interp.h"

#define INSTRUCTIONS 1000 /* between two looks of the hook */
#define AGAIN 20000000    /* nanoseconds after which a stop is repeated */

static struct {
  pthread_mutex_t life; /* held by who starts or ends the thread */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  int users;      /* open interpreters that have a limit of seconds */
  bool end;       /* the thread is to end */
  cresset *first; /* what runs under a limit, in no order */
} clockwork = {.life = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Stops what is over its time and returns when to look again. */
static int64_t look(void) {
  int64_t at = now(), next = INT64_MAX;
  for (cresset *c = clockwork.first; c; c = c->next_limited) {
    if (c->deadline <= at) {
      cr_run_stop(c, CR_STOP_TIME);
      c->deadline = at + AGAIN;
    }
    if (c->deadline < next) next = c->deadline;
  }
  return next;
}

static void *watch(void *arg) {
  pthread_mutex_lock(&clockwork.lock);
  while (!clockwork.end) {
    int64_t next = look();
    if (next == INT64_MAX) {
      pthread_cond_wait(&clockwork.changed, &clockwork.lock);
    } else {
      struct timespec t = {next / 1000000000, next % 1000000000};
      pthread_cond_timedwait(&clockwork.changed, &clockwork.lock, &t);
    }
  }
  pthread_mutex_unlock(&clockwork.lock);
  return arg;
}

static bool start(void) {
  pthread_condattr_t monotonic;
  sigset_t all, before;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&clockwork.changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  clockwork.end = false;
  sigfillset(&all); /* the host's signals are not for this thread */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = pthread_create(&clockwork.thread, NULL, watch, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code) pthread_cond_destroy(&clockwork.changed);
  return code == 0;
}

static void wake(void) {
  pthread_cond_signal(&clockwork.changed);
}

/* ---- for an interpreter ----------------------------------------------------------------- */

static void on_count(lua_State *L, lua_Debug *ar) {
  (void)ar;
  cresset *c = cr_interp_of(L);
  if (!c) return;
  c->instructions_left -= INSTRUCTIONS;
  if (c->max_instructions && c->instructions_left <= 0) cr_run_stop(c, CR_STOP_TIME);
  if (atomic_load(&c->stop) != CR_GO) cr_raise_stop(L, c);
}

bool cr_limit_open(cresset *c, double seconds, int64_t instructions) {
  const char *other;
  bool signal = cr_may_signal();
  c->max_instructions = instructions > 0 ? instructions : 0;
  if (instructions > 0 || (seconds > 0 && !signal))
    cr_take_hook(c, "the limit", on_count, LUA_MASKCOUNT, INSTRUCTIONS, &other);
  if (!(seconds > 0)) return true;
  pthread_mutex_lock(&clockwork.life);
  bool ok = clockwork.users > 0 || start();
  if (ok) clockwork.users++;
  pthread_mutex_unlock(&clockwork.life);
  if (ok) c->nanoseconds = seconds < 1e9 ? (int64_t)(seconds * 1e9) : (int64_t)1e18;
  return ok;
}

void cr_limit_begin(cresset *c) {
  c->instructions_left = c->max_instructions;
  if (!c->nanoseconds) return;
  pthread_mutex_lock(&clockwork.lock);
  c->deadline = now() + c->nanoseconds;
  c->next_limited = clockwork.first;
  c->limited_at = &clockwork.first;
  if (c->next_limited) c->next_limited->limited_at = &c->next_limited;
  clockwork.first = c;
  wake();
  pthread_mutex_unlock(&clockwork.lock);
}

void cr_limit_end(cresset *c) {
  if (!c->nanoseconds) return;
  pthread_mutex_lock(&clockwork.lock);
  *c->limited_at = c->next_limited;
  if (c->next_limited) c->next_limited->limited_at = c->limited_at;
  pthread_mutex_unlock(&clockwork.lock);
}

void cr_limit_close(cresset *c) {
  if (!c->nanoseconds) return;
  pthread_mutex_lock(&clockwork.life);
  if (--clockwork.users == 0) {
    pthread_mutex_lock(&clockwork.lock);
    clockwork.end = true;
    wake();
    pthread_mutex_unlock(&clockwork.lock);
    pthread_join(clockwork.thread, NULL);
    pthread_cond_destroy(&clockwork.changed);
  }
  pthread_mutex_unlock(&clockwork.life);
}
