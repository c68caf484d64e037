/* faults.h: running a program with every single allocation failing in turn. */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static size_t live(void) {
  return atomic_load(&cr_ctx()->account->live);
}

typedef bool (*program)(void);

/* Whether the failure that was asked for is still to come: a kernel may do without its scratch
 * memory. */
static bool failure_is_due(void) {
  for (int i = 0; i < 100; i++) {
    void *p = cr_malloc(1);
    if (!p) return true;
    cr_free(p, 1);
  }
  return false;
}

/* Runs the program with the first, the second, .. allocation failing, until it gets through. */
static void with_failures(program run) {
  assert_true(run()); /* makes what is made once */
  size_t before = live();
  long n = 1;
  for (;; n++) {
    cr_fail("no message");
    cr_memory_fail_at(n);
    bool ok = run(), due = failure_is_due();
    cr_memory_fail_at(0);
    if (live() != before) fail_msg("allocation %ld: %zu bytes lost", n, live() - before);
    if (ok && due) break;
    if (!ok && !strstr(cr_error(), "memory")) fail_msg("allocation %ld: '%s'", n, cr_error());
    if (cr_ctx()->no_grad) fail_msg("allocation %ld: the mode was not put back", n);
  }
  assert_true(n > 3);
}

#endif
