/* test_host_faults.c: each allocation of the host API fails once, and the host gets an error.
 *
 * The program is linked so that malloc and its relatives, called from anywhere in the library, come
 * here first; Lua's allocations do too, by the option `allocate`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/tensor.h"
#include "vm/cresset.h"

/* Counts down; the allocation at which it is 0 fails, and the next too: Lua collects and tries once
 * more.  Only this thread's count. */
static _Thread_local long until = -1;

static int fails(void) {
  if (until < 0) return 0;
  if (until > 0) return --until == 0;
  until = -1;
  return 1;
}

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n) {
  return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m) {
  return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n) {
  return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s) {
  return fails() ? NULL : __real_strdup(s);
}

static void *allocate(void *user, void *p, size_t old, size_t new) {
  (void)user;
  if (new == 0) {
    free(p);
    return NULL;
  }
  if (new > (p ? old : 0)) return realloc(p, new); /* the wrapped one */
  void *smaller = __real_realloc(p, new);
  return smaller ? smaller : p;
}

static void ignore(void *user, int stream, const char *text, size_t length) {
  (void)user, (void)stream, (void)text, (void)length;
}

static cresset *open(void) {
  return cresset_open(
      &(cresset_options){.allocate = allocate, .write = ignore, .lua_memory = 1 << 28});
}

static int scale(cresset *c, void *user) {
  cresset_tensor *t;
  int *row;
  const char *name;
  (void)user;
  int code = cresset_arguments(c, "tps", &t, "db.Row", &row, &name);
  if (code) return code;
  code = cresset_results(c, "tsz", t, name, "a\0b", (size_t)3);
  cresset_tensor_release(t);
  return code;
}

static int live;

static void dropped(void *data) {
  (void)data;
  live--;
}

static void returned(void *owner, void *data) {
  (void)owner, (void)data;
  live--;
}

/* Everything once.  Returns the first code that is not CRESSET_OK. */
static int session(cresset *c, cresset *other) {
  static float numbers[6];
  static int row = 3;
  cresset_value *table = NULL, *data = NULL, *copy = NULL;
  cresset_tensor *x = NULL, *y = NULL, *z = NULL;
  const char *text;
  size_t size;
  double d;
  int code = cresset_register(c, NULL, "host.scale", scale, NULL);
  if (!code) code = cresset_register(c, NULL, "db.Row:scale", scale, NULL);
  if (!code) code = cresset_new_table(c, &table);
  if (!code && !(code = cresset_wrap(c, "db.Row", &row, dropped, &data))) live++;
  if (!code) {
    x = cresset_tensor_wrap(numbers, CRESSET_FLOAT32, 2, (int64_t[]){2, 3}, NULL, returned, NULL);
    if (x)
      live++;
    else
      code = CRESSET_NO_MEMORY;
  }
  if (!code && !(y = cresset_tensor_new(CRESSET_INT32, 1, (int64_t[]){4})))
    code = CRESSET_NO_MEMORY;
  if (!code) {
    struct DLManagedTensor *m = cresset_tensor_to_dlpack(y);
    int tries = 0;
    while (m && !z && tries++ < 5) z = cresset_tensor_from_dlpack(m); /* else m stays ours */
    if (!z || tries > 1) code = CRESSET_NO_MEMORY;
  }
  if (!code) code = cresset_set(c, table, "x", "t", x);
  if (!code) code = cresset_set(c, table, "row", "v", data);
  if (!code) code = cresset_set(c, NULL, "config", "v", table);
  if (!code)
    code = cresset_run_string(c, "host",
                              "local t, s, z = host.scale(config.x, config.row, 'n')\n"
                              "assert(s == 'n' and #z == 3 and t:sum() == 0)\n"
                              "print(t) function f(v) return v.x, 'text', 1, 'a\\0b', v end");
  cresset_tensor *tensor = NULL;
  cresset_value *value = NULL;
  if (!code)
    code = cresset_call(c, "f", "v>tsdzv", table, &tensor, &text, &d, &text, &size, &value);
  cresset_tensor_release(tensor);
  cresset_release(c, value);
  if (!code) code = cresset_set(c, table, "row", "v", NULL);
  if (!code) code = cresset_copy(other, c, table, &copy);
  if (!code) code = cresset_type(c, table)[0] ? CRESSET_OK : CRESSET_NO_MEMORY;
  cresset_release(other, copy);
  cresset_release(c, data);
  cresset_release(c, table);
  cresset_tensor_release(x);
  cresset_tensor_release(y);
  cresset_tensor_release(z);
  return code;
}

/* One session during which an allocation fails, until `passes` in a row did not meet it. */
static void fail_each(void (*arm)(long n), int passes) {
  cresset *c = open(), *other = open();
  long failed = 0, n = 1;
  assert_int_equal(session(c, other), CRESSET_OK);
  for (int passed = 0; passed < passes; n++) {
    arm(n);
    int code = session(c, other);
    arm(0);
    passed = code == CRESSET_OK ? passed + 1 : 0;
    if (code == CRESSET_OK) continue;
    failed++;
    const char *said = cresset_error(c), *of_none = cresset_error(NULL);
    if (!strstr(said, "memory") && !strstr(of_none, "memory"))
      fail_msg("allocation %ld: code %d: %s; %s", n, code, said, of_none);
    if (n % 16 == 0 && session(c, other) != CRESSET_OK)
      fail_msg("after allocation %ld: %s", n, cresset_error(c));
  }
  print_message("%ld allocations, %ld errors\n", n, failed);
  assert_true(failed > 5);
  assert_int_equal(session(c, other), CRESSET_OK);
  cresset_close(c);
  cresset_close(other);
  assert_int_equal(live, 0);
}

static void arm_malloc(long n) {
  until = n > 0 ? n : -1;
}

static void test_each(void **state) {
  (void)state;
  fail_each(arm_malloc, 10);
}

/* Those of tensors, which come from lists of freed blocks. */
static void test_each_of_tensors(void **state) {
  (void)state;
  fail_each(cr_memory_fail_at, 10);
}

/* Some of the thousands that an interpreter's opening makes. */
static void test_open(void **state) {
  (void)state;
  long failed = 0, n = 1;
  for (int reached = 1; reached; n += n < 40 ? 1 : n / 12) {
    until = n;
    cresset *c = open();
    reached = until <= 0;
    until = -1;
    if (!c) {
      failed++;
      if (!strstr(cresset_error(NULL), "memory"))
        fail_msg("allocation %ld: %s", n, cresset_error(NULL));
    }
    cresset_close(c);
  }
  print_message("until allocation %ld, %ld errors\n", n, failed);
  assert_true(failed > 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each),
                                     cmocka_unit_test(test_each_of_tensors),
                                     cmocka_unit_test(test_open)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
