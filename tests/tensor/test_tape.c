/* test_tape.c: the engine: very long graphs, several threads, errors inside operators, what nodes
 * tell about themselves. */
#include "tensor/autograd.h"
#include "tensor/ops.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const cr_device here = {CR_CPU, 0};

static size_t live(void) {
  return atomic_load(&cr_ctx()->account->live);
}

static cr_tensor *leaf(double value, int64_t n) {
  cr_tensor *t = cr_full(CR_FLOAT64, here, 1, &n, cr_num(value));
  if (t && cr_set_requires_grad(t, true)) return t;
  cr_release(t);
  return NULL;
}

static double grad_at(const cr_tensor *t, int64_t i) {
  cr_tensor *g = cr_grad(t);
  return g ? cr_get(g, &i).d : 0.0 / 0.0;
}

static void assert_message(const char *part) {
  if (!strstr(cr_error(), part)) fail_msg("'%s' is not in '%s'", part, cr_error());
}

/* ---- long graphs ------------------------------------------------------------------------ */

#define LONG 1000000

/* Returns NULL when all went well, else what did not. */
static void *long_chain(void *unused) {
  (void)unused;
  size_t before = live();
  cr_tensor *x = leaf(1, 1);
  cr_tensor *y = x ? cr_retain(x) : NULL;
  for (int i = 0; y && i < LONG; i++) {
    cr_tensor *next = cr_add_num(y, 1);
    cr_release(y);
    y = next;
  }
  if (!y) return "forward failed";
  if (!cr_backward(1, &y, NULL, NULL)) return "backward failed";
  if (grad_at(x, 0) != 1) return "a wrong gradient";
  cr_release(y);
  y = cr_retain(x); /* and a chain that is only freed, with saved values */
  for (int i = 0; y && i < LONG / 4; i++) {
    cr_tensor *next = cr_mul(y, x);
    cr_release(y);
    y = next;
  }
  cr_release(y);
  cr_release(x);
  return live() == before ? NULL : "memory was lost";
}

static void a_million_nodes_on_a_small_stack(void **state) {
  (void)state;
  pthread_attr_t attr;
  pthread_t thread;
  void *problem;
  pthread_attr_init(&attr);
  assert_int_equal(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
  assert_int_equal(pthread_create(&thread, &attr, long_chain, NULL), 0);
  pthread_join(thread, &problem);
  pthread_attr_destroy(&attr);
  if (problem) fail_msg("%s: %s", (char *)problem, cr_error());
}

/* A graph whose number of paths doubles at every step takes one run of each node. */
static void many_paths(void **state) {
  (void)state;
  cr_tensor *x = leaf(1, 1), *y = cr_retain(x);
  for (int i = 0; i < 60; i++) {
    cr_tensor *next = cr_add(y, y);
    cr_release(y);
    y = next;
  }
  assert_true(cr_backward(1, &y, NULL, NULL));
  assert_true(grad_at(x, 0) == 1152921504606846976.0);
  cr_release(y);
  cr_release(x);
}

static void several_roots(void **state) {
  (void)state;
  CR_AUTO x = leaf(3, 2);
  CR_AUTO a = cr_mul_num(x, 2);
  CR_AUTO b = cr_mul(a, x);
  CR_AUTO g = cr_full(CR_FLOAT64, here, 1, (int64_t[]){2}, cr_num(1));
  cr_tensor *roots[] = {a, b}, *grads[] = {g, g};
  assert_true(cr_backward(2, roots, grads, NULL));
  assert_true(grad_at(x, 0) == 2 + 12);
}

/* ---- threads ---------------------------------------------------------------------------- */

static void *own_graph(void *shared) {
  cr_tensor *c = shared;
  for (int k = 0; k < 200; k++) {
    CR_AUTO x = leaf(2, 8);
    CR_AUTO y = cr_mul(x, c);
    CR_AUTO s = cr_sum(y);
    if (!s || !cr_backward(1, &s, NULL, NULL) || grad_at(x, 3) != 5) return "wrong";
  }
  return cr_ctx()->account->live ? "lost memory" : NULL;
}

static void threads_share_constants(void **state) {
  (void)state;
  pthread_t threads[4];
  CR_AUTO c = cr_full(CR_FLOAT64, here, 1, (int64_t[]){8}, cr_num(5));
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, own_graph, c), 0);
  for (int i = 0; i < 4; i++) {
    void *problem;
    pthread_join(threads[i], &problem);
    if (problem) fail_msg("%s", (char *)problem);
  }
}

/* ---- operators from outside ------------------------------------------------------------- */

static int freed;

static void count_free(void *user) {
  assert_non_null(user);
  freed++;
}

static bool twice_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  assert_non_null(cr_node_user(n));
  assert_int_equal(cr_node_ninputs(n), 2);
  assert_int_equal(cr_node_noutputs(n), 1);
  assert_null(cr_node_input(n, 0));
  const int64_t *shape;
  assert_int_equal(cr_input_shape(n, 0, &shape), 1);
  assert_int_equal(shape[0], 3);
  assert_int_equal(cr_attr_int(n, 1), 8);
  assert_true(cr_attr_num(n, 0) == 0.5);
  assert_true(cr_has_saved(n, 0));
  assert_false(cr_has_saved(n, 1));
  assert_true(cr_wants(n, 0));
  assert_false(cr_wants(n, 1));
  gin[0] = cr_mul_num(g[0], 2);
  return gin[0] != NULL;
}

static bool failing_backward(cr_node *n, cr_tensor *const *g, cr_tensor **gin) {
  (void)n;
  gin[0] = cr_retain(g[0]); /* the engine releases it */
  return cr_fail("something went wrong");
}

static const cr_op op_twice = {"twice", "a b : c", twice_backward};
static const cr_op op_failing = {"failing", "", failing_backward};
static const cr_op op_plain = {"plain", "", NULL};

static void recorded_calls(void **state) {
  (void)state;
  freed = 0;
  int token;
  CR_AUTO x = leaf(1, 3);
  CR_AUTO y = cr_empty_like(x);
  cr_tensor *r = cr_record(&op_twice, cr_mul_num(y, 0), CR_IN(x, NULL), CR_SAVE(x, NULL),
                           CR_INTS(7, 8), CR_NUMS(0.5), .user = &token, .free_user = count_free);
  CR_AUTO s = cr_sum(r);
  assert_string_equal(cr_node_name(cr_grad_node(r)), "twice");
  cr_release(r);
  assert_true(cr_backward(1, &s, NULL, NULL));
  assert_true(grad_at(x, 2) == 2);
  assert_int_equal(freed, 1);
}

static void user_data_is_freed_without_a_record(void **state) {
  (void)state;
  freed = 0;
  int token;
  cr_tensor *plain = cr_full(CR_FLOAT64, here, 1, (int64_t[]){3}, cr_num(1));
  CR_AUTO r =
      cr_record(&op_twice, cr_retain(plain), CR_IN(plain), .user = &token, .free_user = count_free);
  assert_ptr_equal(r, plain);
  assert_int_equal(freed, 1);
  cr_release(plain);
}

static void errors_in_backward(void **state) {
  (void)state;
  size_t before = live();
  {
    CR_AUTO x = leaf(1, 3);
    CR_AUTO y = cr_record(&op_failing, cr_clone(x), CR_IN(x));
    CR_AUTO s = cr_sum(y);
    assert_false(cr_backward(1, &s, NULL, NULL));
    assert_message("backward of failing: something went wrong");
    assert_null(cr_grad(x));
    CR_AUTO z = cr_record(&op_plain, cr_clone(x), CR_IN(x));
    CR_AUTO t = cr_sum(z);
    assert_false(cr_backward(1, &t, NULL, NULL));
    assert_message("backward of plain: it has no derivative");
    CR_AUTO fine = cr_sum(x);
    assert_true(cr_backward(1, &fine, NULL, NULL));
  }
  assert_true(live() == before);
}

/* ---- modes ------------------------------------------------------------------------------ */

static bool stop(void *ctx) {
  return ++*(int *)ctx > 2;
}

static void interrupts(void **state) {
  (void)state;
  int polls = 0;
  CR_AUTO x = leaf(1, 1);
  CR_AUTO a = cr_mul(x, x);
  CR_AUTO b = cr_mul(a, a);
  CR_AUTO c = cr_mul(b, b);
  CR_AUTO d = cr_mul(c, c);
  cr_ctx()->interrupted = stop;
  cr_ctx()->interrupted_ctx = &polls;
  assert_false(cr_backward(1, &d, NULL, NULL));
  cr_ctx()->interrupted = NULL;
  assert_message("interrupted");
}

static void nothing_is_recorded_without_grad_mode(void **state) {
  (void)state;
  CR_AUTO x = leaf(1, 3);
  cr_ctx()->no_grad = true;
  CR_AUTO y = cr_mul(x, x);
  CR_AUTO v = cr_narrow(x, 0, 0, 2);
  cr_ctx()->no_grad = false;
  assert_false(cr_requires_grad(y));
  assert_true(cr_is_leaf(y));
  assert_null(v->ag);
}

/* The tape keeps what the gradient needs and no more. */
static void what_the_tape_holds(void **state) {
  (void)state;
  size_t elements = 100000, bytes = elements * sizeof(double);
  CR_AUTO x = leaf(1, (int64_t)elements);
  size_t before = live();
  {
    CR_AUTO a = cr_add_num(x, 1);
    CR_AUTO b = cr_add_num(a, 1);
    cr_release(a);
    a = NULL;
    assert_non_null(b);
    assert_true(live() - before < bytes + 8192);
  }
  {
    CR_AUTO a = cr_unary(CR_TANH, x, NULL); /* saves its result, which is alive anyway */
    assert_non_null(a);
    assert_true(live() - before < bytes + 8192);
  }
  assert_true(live() == before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_million_nodes_on_a_small_stack),
      cmocka_unit_test(many_paths),
      cmocka_unit_test(several_roots),
      cmocka_unit_test(threads_share_constants),
      cmocka_unit_test(recorded_calls),
      cmocka_unit_test(user_data_is_freed_without_a_record),
      cmocka_unit_test(errors_in_backward),
      cmocka_unit_test(interrupts),
      cmocka_unit_test(nothing_is_recorded_without_grad_mode),
      cmocka_unit_test(what_the_tape_holds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
