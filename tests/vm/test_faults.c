/* test_faults.c: memory that runs out at any single allocation of a script, Lua's or a tensor's,
 * gives an error, and the interpreter stays usable.  The runs under the sanitizers and valgrind
 * show that nothing is leaked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "tensor/tensor.h"
#include "vm/cresset.h"

/* A little of everything that scripts do. */
static const char program[] =
    "local torch, nn, optim = require 'torch', require 'nn', require 'optim'\n"
    "local model = nn.Sequential():add(nn.Linear(4, 3)):add(nn.Tanh()):add(nn.Linear(3, 2))\n"
    "model:add(nn.LogSoftMax())\n"
    "local criterion = nn.ClassNLLCriterion()\n"
    "function program()\n"
    "  torch.manualSeed(1)\n"
    "  local x, y = torch.randn(5, 4), torch.LongTensor { 1, 2, 1, 2, 1 }\n"
    "  local params, grads = model:parameters()\n"
    "  local loss = criterion:forward(model:forward(x), y)\n"
    "  model:zeroGradParameters()\n"
    "  model:backward(x, criterion:backward(model.output, y))\n"
    "  for i, p in ipairs(params) do p:add(-0.01, grads[i]) end\n"
    "  local w = torch.randn(4, 4):requireGrad()\n"
    "  local z = torch.mm(w, w:t()) + torch.eye(4)\n"
    "  z[{ 1, {} }] = torch.exp(w[2])\n"
    "  torch.sum(torch.cmul(z, z)):backward()\n"
    "  local values, places = torch.sort(w.grad:view(-1))\n"
    "  local q = torch.qr(w:detach())\n"
    "  local inverse = torch.inverse(torch.mm(q, q:t()))\n"
    "  local picked = values[torch.gt(values, 0)]\n"
    "  local both = torch.cat({ picked, values:index(1, places:narrow(1, 1, 3)) }, 1)\n"
    "  local copy = torch.deserialize(torch.serialize({ x, y, { name = 'model', both } }))\n"
    "  local text = tostring(copy[1]) .. tostring(inverse)\n"
    "  local ok, message = pcall(torch.mm, x, x)\n"
    "  assert(not ok and #text > 10)\n"
    "  return loss + copy[1]:sum() + both:max()\n"
    "end\n";

/* Every file format there and back. */
static const char files[] =
    "local torch, data = require 'torch', require 'data'\n"
    "local name = os.tmpname()\n"
    "local archives = {}\n"
    "for _, format in ipairs { 'npz', 'safetensors' } do\n"
    "  if pcall(torch.save, name, {}, { format = format }) then table.insert(archives, format) "
    "end\n"
    "end\n"
    "function program()\n"
    "  local x, total = torch.range(1, 6):view(2, 3), 0\n"
    "  for _, format in ipairs { 'binary', 'ascii', 'npy', 'csv' } do\n"
    "    torch.save(name, x, format)\n"
    "    total = total + torch.load(name, format):sum()\n"
    "  end\n"
    "  for _, format in ipairs(archives) do\n"
    "    torch.save(name, { x = x, y = torch.ones(2):byte() }, { format = format })\n"
    "    total = total + torch.load(name).x:sum()\n"
    "  end\n"
    "  data.saveCsv(name, { a = { 'x', 'y,z' }, b = torch.LongTensor { 1, 2 } })\n"
    "  local columns = data.csv(name, { mask = true, types = { b = 'float32' } })\n"
    "  local big = torch.ones(20000)\n"
    "  torch.save(name, { big, f = function() return total end }, { functions = true })\n"
    "  local back = torch.load(name, { mmap = true, allow = { 'object.f' } })\n"
    "  total = total + back[1]:sum() + back.f() + torch.FloatStorage(name, false, 1000):size()\n"
    "  os.remove(name)\n"
    "  return total + columns.b:sum()\n"
    "end\n";

/* Values of every kind as messages. */
static const char messages[] =
    "local torch, nn, core = require 'torch', require 'nn', require 'threads._core'\n"
    "local Own, parent = torch.class('Own', 'nn.Module', {})\n"
    "function Own:__init(n) parent.__init(self) self.n = n end\n"
    "local model = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Tanh())\n"
    "local mutex, generator = core.Mutex(), torch.Generator()\n"
    "function program()\n"
    "  local x, count = torch.ones(4), 0\n"
    "  local list = { 1, 2.5, 'text', [true] = x, own = Own(3), view = x:narrow(1, 2, 2), mutex }\n"
    "  list.self, list.long = list, ('x'):rep(5000)\n"
    "  local w = torch.ones(2):requireGrad()\n"
    "  torch.sum(w * 2):backward()\n"
    "  local function add(n) count = count + n return count + x:sum() end\n"
    "  local function get() return count end\n"
    "  for _, copy in ipairs { false, true } do\n"
    "    local l, a, g, m, v = core.unpack(core.pack(copy, list, add, get, model, w))\n"
    "    a(5)\n"
    "    assert(l.self == l and l.own.n == 3 and g() == 5 and count == 0 and v.grad[1] == 2)\n"
    "    assert(m:get(1).weight:isSetTo(model:get(1).weight) ~= copy)\n"
    "  end\n"
    "  local message = core.pack(false, generator, print, nn.Linear, x:storage())\n"
    "  core.unpack(message, true)\n"
    "  local inner = core.unpack(core.unpack(core.pack(false, core.pack(false, list))))\n"
    "  core.pack(true, list, model) -- never delivered\n"
    "  assert(not pcall(core.pack, false, { x, { list, coroutine.create(print) } }))\n"
    "  local queue = core.Queue(2)\n"
    "  queue:addjob(function(y) return y:sum() end, x)\n"
    "  queue:addjob(add, 1)\n"
    "  return queue:dojob() + inner.view:sum()\n"
    "end\n";

/* What a test runs, and the least number of allocations it should see fail. */
typedef struct {
  const char *source;
  long lua, tensor;
} script;

static struct {
  lua_Alloc alloc;
  void *ud;
  long until; /* counts down; the allocation at which it is 0, and the next, fail.  -1: none */
  long live;
} lua_memory;

static void *failing(void *ud, void *p, size_t old, size_t new) {
  (void)ud;
  bool grows = new > (p ? old : 0);
  if (grows && lua_memory.until >= 0) {
    lua_memory.until--;
    /* Lua collects and tries once more: that has to fail too. */
    if (lua_memory.until == 0) {
      lua_memory.until = -2;
      return NULL;
    }
  } else if (grows && lua_memory.until == -2) {
    lua_memory.until = -3;
    return NULL;
  }
  return lua_memory.alloc(lua_memory.ud, p, old, new);
}

static cresset *open_program(const char *source) {
  cresset *c = cresset_open(NULL);
  assert_non_null(c);
  lua_State *L = cresset_lua(c);
  lua_memory.alloc = lua_getallocf(L, &lua_memory.ud);
  lua_memory.until = -1;
  lua_setallocf(L, failing, NULL);
  if (cresset_run_string(c, "=program", source) != CRESSET_OK) fail_msg("%s", cresset_error(c));
  double result;
  for (int i = 0; i < 3; i++)
    if (cresset_call(c, "program", ">d", &result) != CRESSET_OK) fail_msg("%s", cresset_error(c));
  return c;
}

static void close_program(cresset *c) {
  lua_State *L = cresset_lua(c);
  lua_setallocf(L, lua_memory.alloc, lua_memory.ud);
  cresset_close(c);
}

/* The program still gives what it gave. */
static void check_usable(cresset *c, long n) {
  double result;
  if (cresset_call(c, "program", ">d", &result) != CRESSET_OK)
    fail_msg("after failure %ld: %s", n, cresset_error(c));
}

static bool says_no_memory(const char *message) {
  return strstr(message, "memory") != NULL;
}

/* One call during which allocation n fails; false when the program made fewer. */
static void lua_allocations(void **state) {
  const script *program = *state;
  cresset *c = open_program(program->source);
  long failed = 0, n = 1;
  for (bool reached = true; reached; n++) {
    double result;
    lua_memory.until = n;
    int rc = cresset_call(c, "program", ">d", &result);
    reached = lua_memory.until < 0;
    lua_memory.until = -1;
    if (rc == CRESSET_OK) continue; /* what only would have been faster */
    failed++;
    if (!says_no_memory(cresset_error(c))) fail_msg("allocation %ld: %s", n, cresset_error(c));
    if (n % 64 == 0) check_usable(c, n);
  }
  print_message("%ld allocations, %ld errors\n", n, failed);
  assert_true(failed > program->lua);
  check_usable(c, n);
  close_program(c);
}

static void tensor_allocations(void **state) {
  const script *program = *state;
  cresset *c = open_program(program->source);
  long failed = 0, n = 1;
  for (int passes = 0; passes < 20; n++) {
    double result;
    cr_memory_fail_at(n);
    int rc = cresset_call(c, "program", ">d", &result);
    cr_memory_fail_at(0);
    passes = rc == CRESSET_OK ? passes + 1 : 0; /* a failure may be recovered from by collecting */
    if (rc == CRESSET_OK) continue;
    failed++;
    if (!says_no_memory(cresset_error(c))) fail_msg("allocation %ld: %s", n, cresset_error(c));
    if (n % 16 == 0) check_usable(c, n);
  }
  print_message("%ld allocations, %ld errors\n", n, failed);
  assert_true(n > program->tensor);
  check_usable(c, n);
  close_program(c);
}

int main(void) {
  script training = {program, 200, 300}, formats = {files, 200, 30}, sent = {messages, 200, 100};
  const struct CMUnitTest tests[] = {
      {"lua_allocations", lua_allocations, NULL, NULL, &training},
      {"tensor_allocations", tensor_allocations, NULL, NULL, &training},
      {"lua_allocations_of_files", lua_allocations, NULL, NULL, &formats},
      {"tensor_allocations_of_files", tensor_allocations, NULL, NULL, &formats},
      {"lua_allocations_of_messages", lua_allocations, NULL, NULL, &sent},
      {"tensor_allocations_of_messages", tensor_allocations, NULL, NULL, &sent},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
