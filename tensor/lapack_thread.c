/* lapack_thread.c: the CPU's table of factorisations as operators see it: small ones are made at
 * once, and large ones on a thread of their own, which is left behind when the script is to stop.
 *
 * LAPACK cannot be stopped in the middle of a call that takes a minute.  So a large call works on
 * copies, which belong to its thread: whoever ends last, the thread or the one who waits for it,
 * frees them.  The copies cost the square of a size whose cube the call costs. */
#include "tensor/linalg.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/cpu/cpu.h"

/* Calls of fewer multiplications than about this are made at once. */
#define LARGE_WORK ((double)(1 << 29))
#define POLL_NANOSECONDS 20000000

typedef struct {
  void *own, *user;
  size_t bytes;
  bool in, out;
} copied;

typedef struct job {
  int (*run)(const struct job *);
  cr_dtype t;
  int64_t n[3];
  bool flag[2];
  cr_tri_system how;
  double tolerance;
  copied part[4];
  int threads, result;
  char message[256];
  pthread_mutex_t mutex;
  pthread_cond_t over;
  bool done, left;
} job;

static atomic_int left_behind;

int cr_lapack_left(void) {
  return atomic_load(&left_behind);
}

/* ---- a job ------------------------------------------------------------------------------ */

static void free_job(job *j) {
  for (int i = 0; i < 4; i++) free(j->part[i].own);
  pthread_mutex_destroy(&j->mutex);
  pthread_cond_destroy(&j->over);
  free(j);
}

static void *work(void *arg) {
  job *j = arg;
  cr_ctx()->threads = j->threads;
  j->result = j->run(j);
  if (j->result < 0) snprintf(j->message, sizeof j->message, "%s", cr_error());
  pthread_mutex_lock(&j->mutex);
  j->done = true;
  bool left = j->left;
  pthread_cond_signal(&j->over);
  pthread_mutex_unlock(&j->mutex);
  if (left) {
    free_job(j);
    atomic_fetch_sub(&left_behind, 1);
  }
  return NULL;
}

/* A copy of what is asked for, or NULL: no memory, and then the call is made at once. */
static job *copy_job(const job *asked) {
  job *j = malloc(sizeof *j);
  if (!j) return NULL;
  *j = *asked;
  bool ok = true;
  for (int i = 0; i < 4; i++) {
    copied *p = &j->part[i];
    p->own = p->user ? malloc(p->bytes ? p->bytes : 1) : NULL;
    ok = ok && (p->own || !p->user);
    if (p->own && p->in) memcpy(p->own, p->user, p->bytes);
  }
  pthread_mutex_init(&j->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&j->over, &attributes);
  pthread_condattr_destroy(&attributes);
  if (ok) return j;
  free_job(j);
  return NULL;
}

/* Signals are for the threads that were there before. */
static bool start(pthread_t *thread, job *j) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool ok = pthread_create(thread, NULL, work, j) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return ok;
}

/* Waits.  False: the script is to stop, and the job was left behind. */
static bool wait_for(job *j) {
  bool stop = false;
  pthread_mutex_lock(&j->mutex);
  while (!j->done && !(stop = cr_cpu_interrupted())) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_NANOSECONDS;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_cond_timedwait(&j->over, &j->mutex, &until);
  }
  if (stop) {
    j->left = true;
    atomic_fetch_add(&left_behind, 1);
  }
  pthread_mutex_unlock(&j->mutex);
  return !stop;
}

/* Makes the call on the caller's own buffers. */
static int at_once(const job *asked) {
  job j = *asked;
  for (int i = 0; i < 4; i++) j.part[i].own = j.part[i].user;
  return j.run(&j);
}

static int perform(const job *asked, double multiplications) {
  if (multiplications < LARGE_WORK || !cr_ctx()->interrupted) return at_once(asked);
  job *j = copy_job(asked);
  pthread_t thread;
  if (!j) return at_once(asked);
  j->threads = cr_cpu_threads();
  if (!start(&thread, j)) {
    free_job(j);
    return at_once(asked);
  }
  if (!wait_for(j)) {
    pthread_detach(thread);
    cr_fail("interrupted");
    return -1;
  }
  pthread_join(thread, NULL);
  for (int i = 0; i < 4; i++) {
    const copied *p = &j->part[i];
    if (p->own && p->out) memcpy(p->user, p->own, p->bytes);
  }
  int result = j->result;
  if (result < 0) cr_fail("%s", j->message);
  free_job(j);
  return result;
}

/* ---- the table -------------------------------------------------------------------------- */

/* What a buffer of `count` elements is for. */
static copied in(cr_dtype t, const void *p, int64_t count) {
  return (copied){.user = (void *)(uintptr_t)p, .bytes = (size_t)count * cr_sizeof(t), .in = true};
}

static copied out(cr_dtype t, void *p, int64_t count) {
  return (copied){.user = p, .bytes = (size_t)count * cr_sizeof(t), .out = true};
}

static copied both(cr_dtype t, void *p, int64_t count) {
  return (copied){.user = p, .bytes = (size_t)count * cr_sizeof(t), .in = true, .out = true};
}

static double product(int64_t a, int64_t b, int64_t c) {
  return (double)a * (double)b * (double)c;
}

#define OWN(i) j->part[i].own

static int run_getrf(const job *j) {
  return cr_lapack_here.getrf(j->t, j->n[0], OWN(0), OWN(1));
}
static int getrf(cr_dtype t, int64_t n, void *a, int *pivots) {
  job j = {.run = run_getrf, .t = t, .n = {n}};
  j.part[0] = both(t, a, n * n);
  j.part[1] = out(CR_INT32, pivots, n);
  return perform(&j, product(n, n, n));
}

static int run_getrs(const job *j) {
  return cr_lapack_here.getrs(j->t, j->n[0], j->n[1], OWN(0), OWN(1), OWN(2));
}
static int getrs(cr_dtype t, int64_t n, int64_t columns, const void *lu, const int *pivots,
                 void *b) {
  job j = {.run = run_getrs, .t = t, .n = {n, columns}};
  j.part[0] = in(t, lu, n * n);
  j.part[1] = in(CR_INT32, pivots, n);
  j.part[2] = both(t, b, n * columns);
  return perform(&j, product(n, n, columns));
}

static int run_getri(const job *j) {
  return cr_lapack_here.getri(j->t, j->n[0], OWN(0), OWN(1));
}
static int getri(cr_dtype t, int64_t n, void *lu, const int *pivots) {
  job j = {.run = run_getri, .t = t, .n = {n}};
  j.part[0] = both(t, lu, n * n);
  j.part[1] = in(CR_INT32, pivots, n);
  return perform(&j, product(n, n, n));
}

static int run_trtrs(const job *j) {
  return cr_lapack_here.trtrs(j->t, j->how, j->n[0], j->n[1], OWN(0), OWN(1));
}
static int trtrs(cr_dtype t, cr_tri_system how, int64_t n, int64_t columns, const void *a,
                 void *b) {
  job j = {.run = run_trtrs, .t = t, .n = {n, columns}, .how = how};
  j.part[0] = in(t, a, n * n);
  j.part[1] = both(t, b, n * columns);
  return perform(&j, product(n, n, columns));
}

static int run_potrf(const job *j) {
  return cr_lapack_here.potrf(j->t, j->flag[0], j->n[0], OWN(0));
}
static int potrf(cr_dtype t, bool upper, int64_t n, void *a) {
  job j = {.run = run_potrf, .t = t, .n = {n}, .flag = {upper}};
  j.part[0] = both(t, a, n * n);
  return perform(&j, product(n, n, n));
}

static int run_pstrf(const job *j) {
  return cr_lapack_here.pstrf(j->t, j->flag[0], j->n[0], OWN(0), OWN(1), j->tolerance);
}
static int pstrf(cr_dtype t, bool upper, int64_t n, void *a, int *pivots, double tolerance) {
  job j = {.run = run_pstrf, .t = t, .n = {n}, .flag = {upper}, .tolerance = tolerance};
  j.part[0] = both(t, a, n * n);
  j.part[1] = out(CR_INT32, pivots, n);
  return perform(&j, product(n, n, n));
}

static int run_gels(const job *j) {
  return cr_lapack_here.gels(j->t, j->n[0], j->n[1], j->n[2], OWN(0), OWN(1));
}
static int gels(cr_dtype t, int64_t m, int64_t n, int64_t columns, void *a, void *b) {
  job j = {.run = run_gels, .t = t, .n = {m, n, columns}};
  j.part[0] = both(t, a, m * n);
  j.part[1] = both(t, b, cr_max64(m, n) * columns);
  return perform(&j, product(m, n, cr_min64(m, n) + columns));
}

static int run_syevd(const job *j) {
  return cr_lapack_here.syevd(j->t, j->flag[0], j->flag[1], j->n[0], OWN(0), OWN(1));
}
static int syevd(cr_dtype t, bool vectors, bool upper, int64_t n, void *a, void *values) {
  job j = {.run = run_syevd, .t = t, .n = {n}, .flag = {vectors, upper}};
  j.part[0] = both(t, a, n * n);
  j.part[1] = out(t, values, n);
  return perform(&j, 4 * product(n, n, n));
}

static int run_geev(const job *j) {
  return cr_lapack_here.geev(j->t, j->n[0], OWN(0), OWN(1), OWN(2));
}
static int geev(cr_dtype t, int64_t n, void *a, void *values, void *vectors) {
  job j = {.run = run_geev, .t = t, .n = {n}};
  j.part[0] = both(t, a, n * n);
  j.part[1] = out(t, values, 2 * n);
  j.part[2] = out(t, vectors, vectors ? n * n : 0);
  return perform(&j, 10 * product(n, n, n));
}

static int run_gesdd(const job *j) {
  return cr_lapack_here.gesdd(j->t, j->flag[0], j->n[0], j->n[1], OWN(0), OWN(1), OWN(2), OWN(3));
}
static int gesdd(cr_dtype t, bool full, int64_t m, int64_t n, void *a, void *s, void *u, void *vt) {
  int64_t k = cr_min64(m, n);
  job j = {.run = run_gesdd, .t = t, .n = {m, n}, .flag = {full}};
  j.part[0] = both(t, a, m * n);
  j.part[1] = out(t, s, k);
  j.part[2] = out(t, u, m * (full ? m : k));
  j.part[3] = out(t, vt, (full ? n : k) * n);
  return perform(&j, 10 * product(m, n, k));
}

static int run_geqrf(const job *j) {
  return cr_lapack_here.geqrf(j->t, j->n[0], j->n[1], OWN(0), OWN(1));
}
static int geqrf(cr_dtype t, int64_t m, int64_t n, void *a, void *tau) {
  job j = {.run = run_geqrf, .t = t, .n = {m, n}};
  j.part[0] = both(t, a, m * n);
  j.part[1] = out(t, tau, cr_min64(m, n));
  return perform(&j, product(m, n, cr_min64(m, n)));
}

static int run_orgqr(const job *j) {
  return cr_lapack_here.orgqr(j->t, j->n[0], j->n[1], j->n[2], OWN(0), OWN(1));
}
static int orgqr(cr_dtype t, int64_t m, int64_t n, int64_t reflectors, void *a, const void *tau) {
  job j = {.run = run_orgqr, .t = t, .n = {m, n, reflectors}};
  j.part[0] = both(t, a, m * n);
  j.part[1] = in(t, tau, reflectors);
  return perform(&j, product(m, n, reflectors));
}

static int run_ormqr(const job *j) {
  return cr_lapack_here.ormqr(j->t, j->flag[0], j->flag[1], j->n[0], j->n[1], j->n[2], OWN(0),
                              OWN(1), OWN(2));
}
static int ormqr(cr_dtype t, bool right, bool transposed, int64_t m, int64_t n, int64_t reflectors,
                 const void *a, const void *tau, void *c) {
  job j = {.run = run_ormqr, .t = t, .n = {m, n, reflectors}, .flag = {right, transposed}};
  j.part[0] = in(t, a, (right ? n : m) * reflectors);
  j.part[1] = in(t, tau, reflectors);
  j.part[2] = both(t, c, m * n);
  return perform(&j, product(m, n, reflectors));
}

const cr_linalg cr_lapack = {
    .getrf = getrf,
    .getrs = getrs,
    .getri = getri,
    .trtrs = trtrs,
    .potrf = potrf,
    .pstrf = pstrf,
    .gels = gels,
    .syevd = syevd,
    .geev = geev,
    .gesdd = gesdd,
    .geqrf = geqrf,
    .orgqr = orgqr,
    .ormqr = ormqr,
};
