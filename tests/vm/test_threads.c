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

/* Threads of the script's own, and all that they share. */
static const char pools[] =
    "local threads = require 'threads'\n"
    "require 'nn'\n"
    "local model = nn.Sequential():add(nn.Linear(4, 8)):add(nn.Tanh()):add(nn.Linear(8, 1))\n"
    "local mutex, counter, queue = threads.Mutex(), threads.AtomicCounter(), threads.Queue(2)\n"
    "local sum, slots = torch.zeros(1), torch.zeros(20)\n"
    "local add = threads.safe(function(n) sum:add(n) end, mutex)\n"
    "for round = 1, 3 do\n"
    "  local pool = threads.Threads(3, function(id) first = id end)\n"
    "  for i = 1, 20 do\n"
    "    pool:addjob(function(x)\n"
    "      counter:inc()\n"
    "      add(1)\n"
    "      slots[i] = i\n"
    "      local y = model:clone():forward(x)\n"
    "      return y, { y:sum() }, function() return y end\n"
    "    end, function(y, list, get) assert(get() == y and list[1] == y:sum()) end, shared or "
    "torch.ones(2, 4))\n"
    "  end\n"
    "  pool:synchronize()\n"
    "  pool:addjob(function() for i = 1, 5 do queue:addjob(function() return i end) end end)\n"
    "  for i = 1, 5 do assert(queue:dojob() == i) end\n"
    "  pool:addjob(function() error 'on purpose' end)\n"
    "  assert(not pcall(pool.synchronize, pool))\n"
    "  if round > 1 then pool:addjob(function() while true do torch.zeros(1) end end) end\n"
    "  if round == 1 then pool:terminate() end\n"
    "end\n"
    "collectgarbage()\n"
    "result = sum[1] + slots:sum() + counter:get()\n";

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

/* What run_one runs. */
static const char *script = program;

static void *run_one(void *arg) {
  double *result = arg;
  cresset *c = cresset_open(NULL);
  if (!c) return (void *)(uintptr_t)cresset_error(NULL);
  lua_State *L = cresset_lua(c);
  lua_pushcfunction(L, give_shared);
  void *failed = NULL;
  if (cresset_pcall(c, 0, 0) || cresset_run_string(c, "=program", script)) {
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

static void pools_of_threads(void **state) {
  (void)state;
  shared = cr_full(CR_FLOAT32, (cr_device){CR_CPU, 0}, 2, (int64_t[]){2, 4}, cr_num(0.25));
  assert_non_null(shared);
  script = pools;
  double results[THREADS];
  run_all(results);
  for (int i = 0; i < THREADS; i++) assert_true(results[i] == 60 + 210 + 60);
  cr_release(shared);
  shared = NULL;
  script = program;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_its_own),
      cmocka_unit_test(a_shared_tensor),
      cmocka_unit_test(pools_of_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
