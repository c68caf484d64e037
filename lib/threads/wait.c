/* wait.c: waiting for other threads in a way that Ctrl-C ends. */
#include "lib/threads/wait.h"

#include <errno.h>
#include <time.h>

#include <lauxlib.h>

#include "tensor/tensor.h"

bool cr_cond_init(pthread_cond_t *c) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes)) return false;
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  bool ok = pthread_cond_init(c, &attributes) == 0;
  pthread_condattr_destroy(&attributes);
  return ok;
}

bool cr_wait_a_while(pthread_cond_t *c, pthread_mutex_t *lock, int milliseconds) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += milliseconds % 1000 * 1000000L;
  t.tv_sec += milliseconds / 1000 + t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return pthread_cond_timedwait(c, lock, &t) != ETIMEDOUT;
}
