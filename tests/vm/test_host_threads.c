/* test_host_threads.c: 64 threads, each of which opens, trains in, and closes 10 interpreters that
 * share one set of weights; memory stays flat.  INTERPRETERS says how many instead of 10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>

#include "vm/cresset.h"

#define THREADS 64

static const char common[] = "nn, optim = require 'nn', require 'optim'\n"
                             "torch.setnumthreads(1)\n";
static const char trains[] =
    "function train(features, x, y)\n"
    "  torch.manualSeed(3)\n"
    "  local head, criterion = nn.Linear(16, 1), nn.MSECriterion()\n"
    "  local optimizer, loss = optim.SGD(head:parameters(), { lr = 0.1 })\n"
    "  local h = torch.noGrad(function() return features:forward(x) end)\n"
    "  for step = 1, 10 do\n"
    "    optimizer:zeroGrad()\n"
    "    loss = criterion(head(h), y)\n"
    "    loss:backward()\n"
    "    optimizer:step()\n"
    "  end\n"
    "  return loss:item()\n"
    "end\n";

static cresset *first; /* which has the weights */
static cresset_value *features;
static cresset_tensor *x, *y;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `first` */
static int count = 10;
static double loss; /* of the first interpreter; all others have the same */

/* One interpreter, from opening to closing.  Returns what went wrong, or NULL. */
static const char *train(double *out) {
  static _Thread_local char said[300];
  cresset *c = cresset_open(&(cresset_options){.seconds = 600, .threads = 1});
  cresset_value *copy = NULL;
  int code = c ? cresset_run_string(c, "common", common) : -1;
  if (!code) code = cresset_run_string(c, "train", trains);
  if (!code) {
    pthread_mutex_lock(&lock);
    code = cresset_copy(c, first, features, &copy);
    pthread_mutex_unlock(&lock);
  }
  if (!code) code = cresset_call(c, "train", "vtt>d", copy, x, y, out);
  if (code) snprintf(said, sizeof said, "code %d: %s", code, cresset_error(c));
  cresset_close(c);
  return code ? said : NULL;
}

/* Kilobytes of memory, without what malloc keeps of what was freed. */
static long resident(void) {
  long pages = 0;
  malloc_trim(0);
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
  if (f) fclose(f);
  return pages * 4;
}

static void *run(void *arg) {
  long from = (intptr_t)arg & 0xffff, to = (intptr_t)arg >> 16;
  for (long i = from; i < to; i++) {
    double got = 0;
    const char *wrong = train(&got);
    if (wrong) return strdup(wrong);
    if (got != loss) return strdup("another loss than the first interpreter's");
  }
  return NULL;
}

/* Interpreters number `from` to `to` - 1 of each thread. */
static void all_threads(long from, long to) {
  static pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(intptr_t)(to << 16 | from)),
                     0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong;
    pthread_join(threads[i], &wrong);
    if (wrong) fail_msg("thread %d: %s", i, (char *)wrong);
  }
}

static void test_many(void **state) {
  (void)state;
  first = cresset_open(NULL);
  assert_int_equal(cresset_run_string(first, "common", common), CRESSET_OK);
  assert_int_equal(
      cresset_run_string(first, "features",
                         "torch.manualSeed(1)\n"
                         "features = nn.Sequential():add(nn.Linear(8, 16)):add(nn.Tanh())\n"
                         "x, y = torch.randn(10, 8), torch.randn(10, 1)\n"),
      CRESSET_OK);
  assert_int_equal(cresset_get(first, NULL, "features", "v", &features), CRESSET_OK);
  assert_int_equal(cresset_get(first, NULL, "x", "t", &x), CRESSET_OK);
  assert_int_equal(cresset_get(first, NULL, "y", "t", &y), CRESSET_OK);
  const char *wrong = train(&loss);
  if (wrong) fail_msg("%s", wrong);
  assert_true(loss > 0);

  all_threads(0, count / 2);
  long half = resident();
  all_threads(count / 2, count);
  long end = resident();
  print_message("%ld kB after half of them, %ld kB at the end\n", half, end);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  /* The sanitizers keep what was freed. */
  assert_true(end < half + half / 4 + 16384);
#endif
  cresset_tensor_release(x);
  cresset_tensor_release(y);
  cresset_release(first, features);
  cresset_close(first);
}

int main(void) {
  const char *wanted = getenv("INTERPRETERS");
  if (wanted) count = atoi(wanted);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_many)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
