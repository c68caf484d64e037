/* test_limits.c: how long after the limit of time functions of C that work long end.
 *
 * Each part of tests/vm/sandbox/long.txt prepares something and calls begin(), from when on it has
 * some milliseconds.  What is measured is the processor's time, which other programs do not
 * lengthen; it depends on the machine still, so that only what is very late fails.  VERBOSE shows
 * all, LIMIT says other milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <time.h>

#include "vm/interp.h"

#define SLACK 10.0 /* seconds of the processor after its time, in the best of TRIES */
#define TRIES 3

static double limit = 0.05, begun, latest;
static char latest_name[80];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* begin(): the limit counts from here on. */
static int begin(cresset *c, void *user) {
  (void)user;
  cr_limit_end(c);
  c->nanoseconds = (int64_t)(limit * 1e9);
  cr_limit_begin(c);
  begun = now();
  return CRESSET_OK;
}

static void discard(void *user, int stream, const char *text, size_t length) {
  (void)user, (void)stream, (void)text, (void)length;
}

#define OTHERWISE (-1e9)

/* How late the part's code ended; or OTHERWISE, with a message. */
static double lateness(const char *name, const char *code, bool restricted) {
  cresset *c = cresset_open(&(cresset_options){.restricted = restricted,
                                               .seconds = 600,
                                               .threads = 2,
                                               .lua_memory = restricted ? 256 << 20 : 0,
                                               .write = discard});
  if (!c) fail_msg("%s", cresset_error(NULL));
  begun = 0;
  int got = cresset_register(c, NULL, "begin", begin, NULL);
  if (!got) got = cresset_run_string(c, "part", code);
  double late = now() - begun - limit;
  if (got != CRESSET_TIME || begun == 0) {
    print_message("%s: code %d: %.300s\n", name, got, cresset_error(c));
    late = OTHERWISE;
  }
  cresset_close(c);
  return late;
}

static bool run_part(const char *name, const char *code, bool restricted) {
  double best = 1e9;
  for (int i = 0; i < TRIES && best > SLACK; i++) {
    double late = lateness(name, code, restricted);
    if (late == OTHERWISE) return false;
    if (late < best) best = late;
  }
  if (getenv("VERBOSE"))
    print_message("%6.0f ms late: %s%s\n", best * 1e3, name, restricted ? "" : " (not restricted)");
  if (best > latest) {
    latest = best;
    snprintf(latest_name, sizeof latest_name, "%s", name);
  }
  if (best > SLACK) print_message("%s: %.0f ms late\n", name, best * 1e3);
  return best <= SLACK;
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s: %s", path, strerror(errno));
  char *text = calloc(1, 1 << 18);
  assert_non_null(text);
  assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
  fclose(f);
  return text;
}

/* Parts begin with a line "--- name".  They run in a restricted interpreter, where ALL is in the
 * environment in another one too; those in whose names "(not restricted)" is only there, and those
 * with "(restricted)" never: Lua's own functions, which such scripts have, cannot be stopped. */
static void test_long_functions(void **state) {
  (void)state;
  const char *only = getenv("PART");
  char *text = read_file("tests/vm/sandbox/long.txt"), *part = strstr(text, "\n--- ");
  int failures = 0, count = 0;
  while (part) {
    char *name = part + 5, *next = strstr(name, "\n--- ");
    if (next) *next = '\0';
    char *code = strchr(name, '\n');
    *code++ = '\0';
    part = next;
    if (only && !strstr(name, only)) continue;
    count++;
    bool restricted = !strstr(name, "(not restricted)");
    failures += !run_part(name, code, restricted);
    if (getenv("ALL") && restricted && !strstr(name, "(restricted)"))
      failures += !run_part(name, code, false);
  }
  free(text);
  print_message("%d parts; the latest: %s, %.0f ms after its time\n", count, latest_name,
                latest * 1e3);
  assert_true(count > 0);
  assert_int_equal(failures, 0);
}

int main(void) {
  const char *wanted = getenv("LIMIT");
  if (wanted) limit = atof(wanted) / 1e3;
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_functions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
