/* wait.h: waiting for other threads in a way that Ctrl-C ends. */
#ifndef CR_THREAD_WAIT_H
#define CR_THREAD_WAIT_H

#include <pthread.h>
#include <stdbool.h>

/* A condition variable whose clock is the one of cr_wait_a_while; false: not enough memory. */
bool cr_cond_init(pthread_cond_t *c);
/* Waits at most so many milliseconds; returns false when the time was over. */
bool cr_wait_a_while(pthread_cond_t *c, pthread_mutex_t *lock, int milliseconds);

#endif
