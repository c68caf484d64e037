/* test_boxes.c: what tensors and other boxes own is released with them, in interpreters, in those
 * of hosts with an allocator of their own, and in states of stock Lua. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lib/torch/boxes.h"
#include "vm/cresset.h"

/* Every kind of box, among them a graph and a custom function; then nothing refers to them. */
static const char program[] =
    "local function once()\n"
    "  local x = torch.ones(3000):requireGrad()\n"
    "  local y = torch.cmul(x, x)\n"
    "  y:registerHook(function() end)\n"
    "  local square = torch.Function { forward = function(ctx, a) ctx:saveForBackward(a) return a "
    "end,\n"
    "    backward = function(ctx, g) return g end }\n"
    "  local z = square(y)\n"
    "  assert(z.gradFn and y:storage() and torch.split(x, 1000)[3])\n"
    "  torch.grad(z:sum(), { x })\n"
    "  weak = setmetatable({ [z] = 1, x, z.gradFn }, { __mode = 'kv' })\n"
    "end\n"
    "collectgarbage()\n"
    "local before = torch.memory().live\n"
    "for i = 1, 20 do once() end\n"
    "collectgarbage() collectgarbage() collectgarbage()\n"
    "assert(torch.memory().live <= before, torch.memory().live - before)\n"
    "assert(next(weak) == nil)\n";

static void assert_runs(cresset *c, const char *code) {
  if (cresset_run_string(c, NULL, code) != CRESSET_OK) fail_msg("%s", cresset_error(c));
}

static void *plain_allocate(void *user, void *p, size_t old, size_t new) {
  (void)user, (void)old;
  if (new) return realloc(p, new);
  free(p);
  return NULL;
}

static void test_interpreter(void **state) {
  (void)state;
  cresset *c = cresset_open(NULL);
  assert_true(cr_boxes_work(cresset_lua(c)));
  assert_runs(c, program);
  assert_runs(c, "assert(not getmetatable(torch.rand(2)).__gc)");
  cresset_close(c);
}

static void test_own_allocator(void **state) {
  (void)state;
  cresset *c = cresset_open(&(cresset_options){.allocate = plain_allocate});
  assert_false(cr_boxes_work(cresset_lua(c)));
  assert_runs(c, program);
  cresset_close(c);
}

/* What a host puts around the allocator. */
static struct {
  lua_Alloc allocate;
  void *ud;
} inner;

static void *around(void *ud, void *p, size_t old, size_t new) {
  (void)ud;
  return inner.allocate(inner.ud, p, old, new);
}

static void test_wrapped_allocator(void **state) {
  (void)state;
  cresset *c = cresset_open(NULL);
  lua_State *L = cresset_lua(c);
  inner.allocate = lua_getallocf(L, &inner.ud);
  lua_setallocf(L, around, NULL);
  assert_true(cr_boxes_work(L));
  assert_runs(c, program);
  cresset_close(c);
}

static void test_stock_state(void **state) {
  (void)state;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "torch", cresset_luaopen, 1);
  assert_false(cr_boxes_work(L));
  if (luaL_dostring(L, program)) fail_msg("%s", lua_tostring(L, -1));
  lua_close(L);
}

/* ---- what is released may call the interpreter ------------------------------------------ */

typedef struct {
  cresset *c;
  cresset_value *value;
  int calls;
} lender;

static void give_back(void *owner, void *data) {
  (void)data;
  lender *l = owner;
  l->calls++;
  cresset_release(l->c, l->value);
  assert_runs(l->c, "given = (given or 0) + 1 collectgarbage()");
}

static void lend(lender *l, float *numbers, void (*release)(void *owner, void *data)) {
  cresset_tensor *t =
      cresset_tensor_wrap(numbers, CRESSET_FLOAT32, 1, (int64_t[]){4}, NULL, release, l);
  assert_non_null(t);
  assert_int_equal(cresset_get(l->c, NULL, "x", "v", &l->value), CRESSET_OK);
  assert_int_equal(cresset_set(l->c, NULL, "lent", "t", t), CRESSET_OK);
  cresset_tensor_release(t);
}

static void test_release_calls_back(void **state) {
  (void)state;
  float numbers[4] = {1, 2, 3, 4};
  cresset *c = cresset_open(NULL);
  assert_runs(c, "x = {}");
  lender l = {.c = c};
  lend(&l, numbers, give_back);
  assert_runs(c, "assert(lent:sum() == 10) lent = nil collectgarbage() assert(given == 1)");
  assert_int_equal(l.calls, 1);
  lend(&l, numbers, give_back);
  assert_runs(c, "lent:free() lent = nil assert(given == 2)");
  cresset_close(c);
}

/* The tensor is there until the interpreter closes. */
static void give_back_late(void *owner, void *data) {
  (void)data;
  lender *l = owner;
  l->calls++;
  cresset_release(l->c, l->value);
  assert_int_equal(cresset_run_string(l->c, NULL, "x = 1"), CRESSET_ERROR);
  assert_int_equal(cresset_call(l->c, "print", ">"), CRESSET_ERROR);
}

static void test_release_at_close(void **state) {
  (void)state;
  float numbers[4] = {1, 2, 3, 4};
  cresset *c = cresset_open(NULL);
  assert_runs(c, "x = {}");
  lender l = {.c = c};
  lend(&l, numbers, give_back_late);
  assert_int_equal(l.calls, 0);
  cresset_close(c);
  assert_int_equal(l.calls, 1);
}

/* A state that has no room for the trial does without. */
static void test_no_room(void **state) {
  (void)state;
  for (size_t limit = 1000; limit < 20000; limit += 200) {
    cr_lua_memory m = {.limit = limit};
    lua_State *L = lua_newstate(cr_lua_allocate, &m);
    if (!L) continue;
    cr_open_boxes(L, &m);
    assert_int_equal(lua_gettop(L), 0);
    assert_true(cr_boxes_work(L) == m.boxes);
    lua_close(L);
    cr_run_deferred(&m);
    assert_int_equal(m.bytes, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_interpreter),
      cmocka_unit_test(test_own_allocator),
      cmocka_unit_test(test_wrapped_allocator),
      cmocka_unit_test(test_stock_state),
      cmocka_unit_test(test_release_calls_back),
      cmocka_unit_test(test_release_at_close),
      cmocka_unit_test(test_no_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
