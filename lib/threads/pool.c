/* pool.c: threads that take jobs from a queue, each with an interpreter of its own. */
#include "lib/threads/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/threads/wait.h"

#define STACK ((size_t)8 << 20) /* bytes of a thread's stack, as the main thread has */
#define REST 1000 /* milliseconds without a job after which a worker collects its garbage */
#define AGAIN 20  /* milliseconds between two interrupts of the same job */

typedef struct job {
  struct job *next;
  lua_Integer id;
  bool copy; /* tensors in the answer */
  cr_answer *answer;
  cr_message *message;
} job;

typedef struct {
  job *first, **last;
  int count;
} jobs;

typedef struct {
  cr_pool *pool;
  int number;
  pthread_t thread;
  pthread_cond_t wanted; /* there may be a job, or the end */
  bool idle, running;
  bool littered; /* it did a job since its garbage was collected */
  void *interp;
  const char *failure; /* why there is no interpreter */
  jobs own;            /* for this worker alone */
} worker;

/* The threads of all pools that have not been waited for. */
static atomic_int threads;

struct cr_pool {
  pthread_mutex_t lock;  /* of all that follows */
  pthread_cond_t change; /* there is an answer, or a thread has ended */
  const cr_thread_host *host;
  bool torch7, closing;
  int alive; /* threads that have not ended */
  jobs jobs; /* for whoever is free */
  cr_answer *first, **last;
  int answers, most; /* that wait, and may wait */
  int n;
  worker workers[];
};

/* ---- jobs ------------------------------------------------------------------------------- */

static void append(jobs *list, job *j) {
  j->next = NULL;
  *list->last = j;
  list->last = &j->next;
  list->count++;
}

static job *shift(jobs *list) {
  job *j = list->first;
  if (!j) return NULL;
  list->first = j->next;
  if (!list->first) list->last = &list->first;
  list->count--;
  return j;
}

void cr_answer_free(cr_answer *a) {
  if (!a) return;
  cr_message_free(a->message);
  free(a->error);
  free(a);
}

static void free_job(job *j) {
  cr_message_free(j->message);
  cr_answer_free(j->answer);
  free(j);
}

static void drop(jobs *list) {
  for (job *j; (j = shift(list));) free_job(j);
}

/* Nobody takes on more while as many answers wait as may: who adds jobs faster than he takes
 * answers has to wait. */
static job *next_job(worker *w) {
  job *j = shift(&w->own);
  if (!j && w->pool->answers < w->pool->most) j = shift(&w->pool->jobs);
  return j;
}

static void wake(worker *w) {
  w->idle = false;
  pthread_cond_signal(&w->wanted);
}

static void wake_one(cr_pool *p) {
  for (int i = 0; i < p->n; i++)
    if (p->workers[i].idle) {
      wake(&p->workers[i]);
      return;
    }
}

/* ---- a worker's thread ------------------------------------------------------------------ */

typedef struct {
  job *job;
  cr_message *answer;
} request;

/* Runs in the worker's interpreter: the job is a function and its arguments. */
static int perform(lua_State *L) {
  static const cr_message_names names = {NULL, "result"};
  request *r = lua_touserdata(L, 1);
  cr_message **holder = cr_message_push_holder(L);
  *holder = r->job->message;
  r->job->message = NULL;
  int n = cr_message_decode(L, 2, false);
  lua_call(L, n - 1, LUA_MULTRET);
  int top = lua_gettop(L);
  cr_message_encode(L, 3, top - 2, &names, r->job->copy);
  r->answer = cr_message_take(L, -1);
  return 0;
}

static void answer(worker *w, job *j, cr_answer *a) {
  request r = {.job = j};
  a->id = j->id;
  a->worker = w->number;
  if (w->interp) {
    a->failed = !w->pool->host->call(w->interp, perform, &r, &a->error);
    a->message = r.answer;
  } else {
    a->failed = true;
    a->error = strdup(w->failure);
  }
}

static void deliver(cr_pool *p, cr_answer *a) {
  *p->last = a;
  p->last = &a->next;
  p->answers++;
  pthread_cond_signal(&p->change);
}

/* Called with the lock, as what follows; gives it up meanwhile. */
static void do_job(worker *w, job *j) {
  cr_pool *p = w->pool;
  cr_answer *a = j->answer;
  j->answer = NULL;
  w->running = w->littered = true;
  pthread_mutex_unlock(&p->lock);
  answer(w, j, a);
  free_job(j);
  pthread_mutex_lock(&p->lock);
  w->running = false;
  deliver(p, a);
}

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  return 0;
}

/* Garbage may hold tensors that nobody else has any more. */
static void clean(worker *w) {
  cr_pool *p = w->pool;
  char *error = NULL;
  w->running = true;
  w->littered = false;
  pthread_mutex_unlock(&p->lock);
  p->host->call(w->interp, collect, NULL, &error);
  free(error);
  pthread_mutex_lock(&p->lock);
  w->running = false;
}

static void work(worker *w) {
  cr_pool *p = w->pool;
  while (!p->closing) {
    job *j = next_job(w);
    bool woken = true;
    if (j) {
      do_job(w, j);
      continue;
    }
    w->idle = true;
    if (w->littered && w->interp)
      woken = cr_wait_a_while(&w->wanted, &p->lock, REST);
    else
      pthread_cond_wait(&w->wanted, &p->lock);
    w->idle = false;
    if (!woken && !p->closing) clean(w);
  }
}

static void *run(void *arg) {
  worker *w = arg;
  cr_pool *p = w->pool;
  char error[512];
  void *interp = p->host->open(p->torch7, error, sizeof error);
  pthread_mutex_lock(&p->lock);
  w->interp = interp;
  w->failure = error;
  work(w);
  pthread_mutex_unlock(&p->lock);
  if (interp) p->host->close(interp);
  pthread_mutex_lock(&p->lock);
  p->alive--;
  pthread_cond_signal(&p->change);
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

/* ---- starting and ending ---------------------------------------------------------------- */

/* The signals that programs take in a handler are the main thread's.  No others are blocked:
 * programs that a job starts would not get them either. */
static void block_signals(sigset_t *before) {
  static const int blocked[] = {SIGINT, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD, SIGIO, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++) sigaddset(&set, blocked[i]);
  pthread_sigmask(SIG_BLOCK, &set, before);
}

static bool start(worker *w) {
  sigset_t before;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes)) return false;
  pthread_attr_setstacksize(&attributes, STACK);
  block_signals(&before);
  bool ok = pthread_create(&w->thread, &attributes, run, w) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return ok;
}

int cr_pool_threads(void) {
  return threads;
}

cr_pool *cr_pool_new(const cr_thread_host *host, bool torch7, int n) {
  cr_pool *p = calloc(1, sizeof *p + (size_t)n * sizeof *p->workers);
  if (!p) return NULL;
  p->host = host;
  p->torch7 = torch7;
  p->most = n;
  p->jobs.last = &p->jobs.first;
  p->last = &p->first;
  pthread_mutex_init(&p->lock, NULL);
  cr_cond_init(&p->change);
  bool ok = true;
  while (p->n < n && ok) {
    worker *w = &p->workers[p->n];
    *w = (worker){.pool = p, .number = p->n + 1};
    w->own.last = &w->own.first;
    cr_cond_init(&w->wanted);
    pthread_mutex_lock(&p->lock);
    ok = start(w);
    p->alive += ok;
    p->n += ok;
    threads += ok;
    pthread_mutex_unlock(&p->lock);
    if (!ok) pthread_cond_destroy(&w->wanted);
  }
  if (ok) return p;
  cr_pool_free(p);
  return NULL;
}

void cr_pool_free(cr_pool *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->closing = true;
  while (p->alive > 0) {
    for (int i = 0; i < p->n; i++) {
      worker *w = &p->workers[i];
      if (w->running && w->interp) p->host->interrupt(w->interp);
      wake(w);
    }
    cr_wait_a_while(&p->change, &p->lock, AGAIN);
  }
  pthread_mutex_unlock(&p->lock);
  for (int i = 0; i < p->n; i++) {
    worker *w = &p->workers[i];
    pthread_join(w->thread, NULL);
    threads--;
    drop(&w->own);
    pthread_cond_destroy(&w->wanted);
  }
  drop(&p->jobs);
  for (cr_answer *a; (a = p->first); cr_answer_free(a)) p->first = a->next;
  pthread_cond_destroy(&p->change);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

/* ---- the main thread's side ------------------------------------------------------------- */

/* The answer is made with the job, so that a worker need not find memory for it. */
bool cr_pool_put(cr_pool *p, int number, lua_Integer id, bool copy, cr_message *m) {
  job *j = malloc(sizeof *j);
  cr_answer *a = calloc(1, sizeof *a);
  if (!j || !a) {
    free(j);
    free(a);
    return false;
  }
  *j = (job){.id = id, .copy = copy, .message = m, .answer = a};
  pthread_mutex_lock(&p->lock);
  if (number) {
    append(&p->workers[number - 1].own, j);
    wake(&p->workers[number - 1]);
  } else {
    append(&p->jobs, j);
    wake_one(p);
  }
  pthread_mutex_unlock(&p->lock);
  return true;
}

int cr_pool_waiting(cr_pool *p, int number) {
  pthread_mutex_lock(&p->lock);
  int count = number ? p->workers[number - 1].own.count : p->jobs.count;
  pthread_mutex_unlock(&p->lock);
  return count;
}

void cr_pool_hold(cr_pool *p, int most) {
  pthread_mutex_lock(&p->lock);
  p->most = most;
  pthread_mutex_unlock(&p->lock);
}

cr_answer *cr_pool_take(cr_pool *p, int milliseconds) {
  pthread_mutex_lock(&p->lock);
  if (!p->first) cr_wait_a_while(&p->change, &p->lock, milliseconds);
  cr_answer *a = p->first;
  if (a) {
    p->first = a->next;
    if (!p->first) p->last = &p->first;
    p->answers--;
    if (p->jobs.first) wake_one(p);
  }
  pthread_mutex_unlock(&p->lock);
  return a;
}
