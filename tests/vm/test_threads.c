/* test_threads.c: interpreters on several threads at once, each with a tape of its own, some
 * sharing a tensor.  `make threads` runs it under ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "lib/torch/torch_lua.h"
#include "tensor/ops.h"
#include "vm/cresset.h"

#define THREADS 4

/* Trains, records in every way there is, and gives a number that depends on all of it. */
static const char program[] =
    "local torch, nn, optim = require 'torch', require 'nn', require 'optim'\n"
    "torch.manualSeed(7)\n"
    "local model = nn.Sequential():add(nn.Linear(4, 8)):add(nn.Tanh()):add(nn.Linear(8, 1))\n"
    "local optimizer = optim.SGD(model:parameters(), { lr = 0.1 })\n"
    "local criterion = nn.MSECriterion()\n"
    "local x, y = torch.randn(16, 4), torch.randn(16, 1)\n"
    "local loss\n"
    "for step = 1, 30 do\n"
    "  optimizer:zeroGrad()\n"
    "  loss = criterion(torch.checkpoint(function(v) return model(v) end, x), y)\n"
    "  loss:backward()\n"
    "  optimizer:step()\n"
    "end\n"
    "local w = torch.randn(5, 5):requireGrad()\n"
    "w:registerHook(function(g) return g * 0.5 end)\n"
    "local v = w * 1\n"
    "v[2] = torch.exp(v[1])\n"
    "local g = torch.grad(torch.sum(torch.mm(v, v), 1), w, torch.ones(1, 5), { createGraph = true "
    "})\n"
    "torch.sum(torch.square(g)):backward()\n"
    "local s = shared and shared:sum() or 0\n"
    "for i = 1, 50 do local part = shared and (shared * i):sum() end\n"
    "result = loss:item() + w.grad:sum() + s\n";

static cr_tensor *shared;

static int give_shared(lua_State *L) {
  if (!shared) return 0;
  cr_push_tensor(L, cr_retain(shared));
  lua_setglobal(L, "shared");
  return 0;
}

static int take_result(lua_State *L) {
  lua_getglobal(L, "result");
  *(double *)lua_touserdata(L, 1) = lua_tonumber(L, -1);
  return 0;
}

static void *run_one(void *arg) {
  double *result = arg;
  cresset *c = cresset_open(NULL);
  if (!c) return (void *)(uintptr_t)cresset_error(NULL);
  lua_State *L = cresset_lua(c);
  lua_pushcfunction(L, give_shared);
  void *failed = NULL;
  if (cresset_pcall(c, 0, 0) || cresset_run_string(c, "=program", program)) {
    failed = strdup(cresset_error(c));
  } else {
    lua_pushcfunction(L, take_result);
    lua_pushlightuserdata(L, result);
    if (cresset_pcall(c, 1, 0)) failed = strdup(cresset_error(c));
  }
  cresset_close(c);
  return failed;
}

static void run_all(double *results) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run_one, &results[i]), 0);
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    if (failed) fail_msg("thread %d: %s", i, (const char *)failed);
  }
}

static void each_its_own(void **state) {
  (void)state;
  double results[THREADS], alone;
  run_all(results);
  assert_null(run_one(&alone));
  for (int i = 0; i < THREADS; i++) assert_true(results[i] == alone);
}

static void a_shared_tensor(void **state) {
  (void)state;
  shared = cr_full(CR_FLOAT32, (cr_device){CR_CPU, 0}, 1, (int64_t[]){1000}, cr_num(0.25));
  assert_non_null(shared);
  double results[THREADS];
  run_all(results);
  for (int i = 1; i < THREADS; i++) assert_true(results[i] == results[0]);
  cr_release(shared);
  shared = NULL;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_its_own),
      cmocka_unit_test(a_shared_tensor),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
