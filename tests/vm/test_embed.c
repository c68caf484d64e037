/* test_embed.c: the host API of vm/cresset.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lib/packages.h"
#include "vm/cresset.h"

static cresset *c;

static int open_default(void **state) {
  (void)state;
  c = cresset_open(NULL);
  return c ? 0 : -1;
}

static int close_default(void **state) {
  (void)state;
  cresset_close(c);
  c = NULL;
  return 0;
}

static void assert_has(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("'%s' is not in: %s", part, text);
}

static void assert_runs(const char *code) {
  if (cresset_run_string(c, NULL, code) != CRESSET_OK) fail_msg("%s", cresset_error(c));
}

/* ---- the library's own files ------------------------------------------------------------- */

static void test_bytecode(void **state) {
  (void)state;
  lua_State *L = luaL_newstate();
  for (size_t i = 0; i < cr_embedded_count; i++) {
    const cr_embedded_file *e = &cr_embedded_files[i];
    size_t n = strlen(e->path);
    if (n < 4 || strcmp(e->path + n - 4, ".lua") != 0) continue;
    lua_Debug ar;
    assert_int_equal(luaL_loadbufferx(L, e->code, e->code_length, "x", "b"), LUA_OK);
    lua_getinfo(L, ">S", &ar);
    assert_int_equal(ar.source[0], '@');
    assert_string_equal(ar.source + 1, e->path);
    assert_int_equal(strlen(e->bytes), e->length);
  }
  lua_close(L);
}

/* ---- running ---------------------------------------------------------------------------- */

static void test_run_string(void **state) {
  (void)state;
  assert_string_equal(cresset_error(c), "");
  assert_runs("x = 1 + 1");
  assert_runs("assert(x == 2 and torch)");
  assert_int_equal(lua_gettop(cresset_lua(c)), 0);
}

static void test_errors(void **state) {
  (void)state;
  const char *code = "local function f()\n error('bad thing')\nend\nf()";
  assert_int_equal(cresset_run_string(c, "host.lua", code), CRESSET_ERROR);
  assert_has(cresset_error(c), "host.lua:2: bad thing");
  assert_has(cresset_error(c), "host.lua:4: in main chunk");
  assert_null(strstr(cresset_error(c), "[C]: in ?"));
  assert_int_equal(cresset_run_string(c, "host.lua", "x = = 1"), CRESSET_ERROR);
  assert_has(cresset_error(c), "host.lua:1:");
  assert_null(strstr(cresset_error(c), "traceback"));
  assert_int_equal(lua_gettop(cresset_lua(c)), 0);
  assert_runs("y = 1");
}

static void test_error_objects(void **state) {
  (void)state;
  assert_int_equal(cresset_run_string(c, NULL, "error({})"), CRESSET_ERROR);
  assert_has(cresset_error(c), "table");
  assert_int_equal(cresset_run_string(c, NULL, "error()"), CRESSET_ERROR);
  assert_has(cresset_error(c), "nil");
  const char *with = "error(setmetatable({}, {__tostring = function() return 'mine' end}))";
  assert_int_equal(cresset_run_string(c, NULL, with), CRESSET_ERROR);
  assert_has(cresset_error(c), "mine");
  const char *broken = "error(setmetatable({}, {__tostring = function() error('x') end}))";
  assert_int_equal(cresset_run_string(c, NULL, broken), CRESSET_ERROR);
  assert_has(cresset_error(c), "__tostring failed");
  const char *deep = "local function f() return 1 + f() end f()";
  assert_int_equal(cresset_run_string(c, NULL, deep), CRESSET_ERROR);
  assert_has(cresset_error(c), "stack overflow");
  const char *in_handler = "xpcall(error, function() error('again') end) error('out')";
  assert_int_equal(cresset_run_string(c, NULL, in_handler), CRESSET_ERROR);
  assert_has(cresset_error(c), "out");
}

static void test_no_memory(void **state) {
  (void)state;
  const char *code = "local t = {} for i = 1, 60 do t[i] = ('x'):rep(1 << 50) end";
  int status = cresset_run_string(c, NULL, code);
  assert_true(status == CRESSET_NO_MEMORY || status == CRESSET_ERROR);
  assert_runs("x = 1");
}

static void test_run_file(void **state) {
  (void)state;
  char path[] = "/tmp/cresset-test-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  const char *text = "#!/usr/bin/env cresset\nlocal a, b = ...\nfile_saw = a .. b .. arg[0]\n";
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  char *argv[] = {"host", "script", "p", "q"};
  cresset *d = cresset_open(&(cresset_options){.argc = 4, .argv = argv, .script = 1});
  assert_non_null(d);
  assert_int_equal(cresset_run_file(d, path), CRESSET_OK);
  assert_int_equal(cresset_run_string(d, NULL, "assert(file_saw == 'pqscript')"), CRESSET_OK);
  assert_int_equal(cresset_run_file(d, "/nonexistent.lua"), CRESSET_ERROR);
  assert_has(cresset_error(d), "/nonexistent.lua");
  cresset_close(d);
  unlink(path);
}

static void test_options(void **state) {
  (void)state;
  cresset *d = cresset_open(&(cresset_options){.torch7 = 1});
  assert_non_null(d);
  assert_int_equal(cresset_run_string(d, NULL, "assert(unpack and tostring(4 / 2) == '2')"),
                   CRESSET_OK);
  cresset_close(d);
  d = cresset_open(&(cresset_options){.dtype = "int64"});
  assert_non_null(d);
  cresset_close(d);
  assert_null(cresset_open(&(cresset_options){.dtype = "float128"}));
  assert_has(cresset_error(NULL), "float128");
  assert_runs("assert(not unpack and tostring(4 / 2) == '2.0')");
  assert_true(strlen(cresset_version()) > 0);
  cresset_close(NULL);
  cresset_interrupt(NULL);
}

/* ---- cresset_call ----------------------------------------------------------------------- */

static void test_call(void **state) {
  (void)state;
  assert_runs("m = {f = {}}\n"
              "function m.f.all(d, i, l, b, s, n) return s, b, l, i, d, n end\n"
              "function add(a, b) return a + b end");
  double d = 0;
  int i = 0, b = 0;
  long long l = 0;
  const char *s = NULL;
  int code = cresset_call(c, "m.f.all", "dilbss>sblid", 2.5, -7, 1LL << 40, 1, "text", NULL, &s, &b,
                          &l, &i, &d);
  assert_int_equal(code, CRESSET_OK);
  assert_true(d == 2.5 && i == -7 && l == 1LL << 40 && b == 1);
  assert_runs("collectgarbage()");
  assert_string_equal(s, "text");
  assert_int_equal(cresset_call(c, "add", "dd>i", 1.5, 2.5, &i), CRESSET_OK);
  assert_int_equal(i, 4);
  assert_int_equal(cresset_call(c, "add", "ii", 1, 2), CRESSET_OK);
  assert_int_equal(cresset_call(c, "collectgarbage", NULL), CRESSET_OK);
  assert_int_equal(lua_gettop(cresset_lua(c)), 0);
}

static void test_call_errors(void **state) {
  (void)state;
  double d = 7;
  int i = 7;
  assert_runs("function half() return 0.5 end function bad() local x = nil; return x.y end m = {}");
  assert_int_equal(cresset_call(c, "half", ">i", &i), CRESSET_ERROR);
  assert_has(cresset_error(c), "half: result 1 is 0.5, an int was wanted");
  assert_int_equal(cresset_call(c, "print", ">d", &d), CRESSET_ERROR);
  assert_has(cresset_error(c), "print: result 1 is nil, a number was wanted");
  assert_int_equal(cresset_call(c, "m.none.f", ""), CRESSET_ERROR);
  assert_has(cresset_error(c), "there is no m.none");
  assert_int_equal(cresset_call(c, "none", ""), CRESSET_ERROR);
  assert_has(cresset_error(c), "there is no none");
  assert_int_equal(cresset_call(c, "half", "x"), CRESSET_ERROR);
  assert_has(cresset_error(c), "'x'");
  assert_int_equal(cresset_call(c, "half", ">q", &d), CRESSET_ERROR);
  assert_has(cresset_error(c), "'q'");
  assert_int_equal(cresset_call(c, "bad", ""), CRESSET_ERROR);
  assert_has(cresset_error(c), "string:1: attempt to index a nil value");
  assert_int_equal(cresset_call(c, "m", ""), CRESSET_ERROR);
  assert_true(d == 7 && i == 7);
  assert_int_equal(lua_gettop(cresset_lua(c)), 0);
}

/* ---- os.exit ---------------------------------------------------------------------------- */

static void test_exit(void **state) {
  (void)state;
  assert_int_equal(cresset_run_string(c, NULL, "os.exit(3)"), CRESSET_EXIT);
  assert_int_equal(cresset_exit_code(c), 3);
  assert_int_equal(cresset_run_string(c, NULL, "os.exit(false)"), CRESSET_EXIT);
  assert_int_equal(cresset_exit_code(c), 1);
  const char *caught = "while true do pcall(os.exit, 4) end";
  assert_int_equal(cresset_run_string(c, NULL, caught), CRESSET_EXIT);
  assert_int_equal(cresset_exit_code(c), 4);
  const char *inside = "coroutine.wrap(function() pcall(os.exit, true) after = 1 end)() after = 1";
  assert_int_equal(cresset_run_string(c, NULL, inside), CRESSET_EXIT);
  assert_int_equal(cresset_exit_code(c), 0);
  assert_runs("assert(after == nil)");
}

/* ---- coroutines, which the interpreter replaces in part --------------------------------- */

static void test_coroutines(void **state) {
  (void)state;
  assert_runs("local co = coroutine.create(function(a, b)\n"
              "  local x = coroutine.yield(a + b)\n"
              "  local y, z = coroutine.yield(x * 2)\n"
              "  return y, z, 'end'\n"
              "end)\n"
              "local function same(a, b) assert(a == b, tostring(a) .. ' ' .. tostring(b)) end\n"
              "same(table.concat({select(2, coroutine.resume(co, 1, 2))}), '3')\n"
              "same(select(2, coroutine.resume(co, 5)), 10)\n"
              "local ok, y, z, e = coroutine.resume(co, nil, 4)\n"
              "assert(ok and y == nil and z == 4 and e == 'end')\n"
              "ok, y = coroutine.resume(co)\n"
              "assert(not ok and y:find('dead'))\n"
              "local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)\n"
              "assert(gen() == 1 and gen() == 2 and gen() == 3 and gen() == nil)\n"
              "ok, y = pcall(gen)\n"
              "assert(not ok and y:find('dead'))\n"
              "ok, y = pcall(coroutine.wrap(function() error('deep', 0) end))\n"
              "assert(not ok and y:find('deep'))\n"
              "local o = {}\n"
              "ok, y = pcall(coroutine.wrap(function() error(o) end))\n"
              "assert(not ok and y == o)\n"
              "local closed\n"
              "pcall(coroutine.wrap(function()\n"
              "  local t <close> = setmetatable({}, {__close = function() closed = true end})\n"
              "  error('x')\n"
              "end))\n"
              "assert(closed)\n"
              "assert(not pcall(coroutine.resume, 1) and not pcall(coroutine.wrap, 1))");
}

/* ---- interrupts ------------------------------------------------------------------------- */

static void pause_ms(long ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void *interrupt_soon(void *interp) {
  pause_ms(100);
  cresset_interrupt(interp);
  return NULL;
}

static void assert_stops(const char *code) {
  pthread_t thread;
  pthread_create(&thread, NULL, interrupt_soon, c);
  int status = cresset_run_string(c, "loop", code);
  pthread_join(thread, NULL);
  assert_int_equal(status, CRESSET_INTERRUPTED);
  assert_has(cresset_error(c), "interrupted!");
  assert_runs("for i = 1, 1000 do pcall(tostring, i) end");
}

static void test_interrupt(void **state) {
  (void)state;
  assert_stops("while true do end");
  assert_has(cresset_error(c), "loop:1:");
  assert_stops("local function spin() while true do end end while true do pcall(spin) end");
  assert_stops("coroutine.wrap(function() while true do end end)()");
  assert_stops("while true do\n"
               "  local co = coroutine.create(function() while true do pcall(error) end end)\n"
               "  coroutine.resume(co)\n"
               "end");
  assert_stops("while true do xpcall(function() while true do end end, debug.traceback) end");
  cresset_interrupt(c); /* nothing runs */
  assert_runs("x = 1");
}

static void on_alarm(int sig) {
  (void)sig;
  cresset_interrupt(c);
}

static void test_interrupt_by_signal(void **state) {
  (void)state;
  signal(SIGALRM, on_alarm);
  alarm(1);
  assert_int_equal(cresset_run_string(c, NULL, "while true do end"), CRESSET_INTERRUPTED);
  signal(SIGALRM, SIG_DFL);
}

/* ---- a host's own functions ------------------------------------------------------------- */

/* Calls back into the interpreter that called it. */
static int run_nested(lua_State *L) {
  int status = cresset_run_string(c, "nested", luaL_checkstring(L, 1));
  lua_pushinteger(L, status);
  return 1;
}

static int body_register(lua_State *L) {
  lua_register(L, "nested", run_nested);
  return 0;
}

static void test_nested(void **state) {
  (void)state;
  lua_pushcfunction(cresset_lua(c), body_register);
  assert_int_equal(cresset_pcall(c, 0, 0), CRESSET_OK);
  assert_runs("assert(nested('y = 5') == 0 and y == 5)");
  assert_runs("assert(nested('error()') == 1)");
  assert_runs("coroutine.wrap(function() assert(nested('z = coroutine.running()') == 0) end)()");
  assert_int_equal(cresset_run_string(c, NULL, "nested('os.exit(9)') y = 6"), CRESSET_EXIT);
  assert_int_equal(cresset_exit_code(c), 9);
  assert_runs("assert(y == 5)");
}

static void test_pcall(void **state) {
  (void)state;
  lua_State *L = cresset_lua(c);
  lua_pushinteger(L, 99); /* the host's own */
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "max");
  lua_remove(L, -2);
  lua_pushinteger(L, 3);
  lua_pushinteger(L, 8);
  assert_int_equal(cresset_pcall(c, 2, 1), CRESSET_OK);
  assert_int_equal(lua_tointeger(L, -1), 8);
  assert_int_equal(lua_gettop(L), 2);
  lua_getglobal(L, "error");
  lua_pushstring(L, "no");
  assert_int_equal(cresset_pcall(c, 1, 1), CRESSET_ERROR);
  assert_int_equal(lua_gettop(L), 2);
  lua_settop(L, 0);
}

static int close_lua(void **state) {
  lua_close(*state);
  return 0;
}

static void test_own_state(void **state) {
  lua_State *L = luaL_newstate();
  *state = L;
  luaL_requiref(L, "_G", luaopen_base, 1);
  luaL_requiref(L, "package", luaopen_package, 1);
  luaL_requiref(L, "string", luaopen_string, 1);
  luaL_requiref(L, "table", luaopen_table, 1);
  luaL_requiref(L, "math", luaopen_math, 1);
  luaL_requiref(L, "io", luaopen_io, 1);
  luaL_requiref(L, "os", luaopen_os, 1);
  luaL_requiref(L, "debug", luaopen_debug, 1);
  luaL_requiref(L, "coroutine", luaopen_coroutine, 1);
  luaL_requiref(L, "utf8", luaopen_utf8, 1);
  luaL_requiref(L, "torch", cresset_luaopen, 1);
  lua_settop(L, 0);
  const char *code = "assert(torch == require 'torch' and #package.searchers == 5)\n"
                     "assert(require('compat51').truncate(2.5) == 2)";
  if (luaL_dostring(L, code)) fail_msg("%s", lua_tostring(L, -1));
}

/* ---- many at once ----------------------------------------------------------------------- */

static void *run_one(void *number) {
  intptr_t n = (intptr_t)number;
  cresset *own = cresset_open(NULL);
  if (!own) return "cresset_open failed";
  char code[200];
  snprintf(code, sizeof code,
           "mine = %d\nlocal t = {}\nfor i = 1, 20000 do t[i %% 100] = {tostring(i)} end\n"
           "function get() return mine end\nif mine == 7 then error('seven') end",
           (int)n);
  int status = cresset_run_string(own, "many", code), got = -1;
  const char *wrong = NULL;
  if (n == 7 ? status != CRESSET_ERROR || !strstr(cresset_error(own), "seven") : status != 0)
    wrong = "a run went wrong";
  if (cresset_call(own, "get", ">i", &got) || got != (int)n) wrong = "a call went wrong";
  cresset_close(own);
  return (void *)wrong;
}

static void test_threads(void **state) {
  (void)state;
  enum { MANY = 20 };
  pthread_t threads[MANY];
  for (intptr_t i = 0; i < MANY; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run_one, (void *)i), 0);
  for (int i = 0; i < MANY; i++) {
    void *wrong = NULL;
    pthread_join(threads[i], &wrong);
    if (wrong) fail_msg("thread %d: %s", i, (const char *)wrong);
  }
}

#define WITH_INTERP(f) cmocka_unit_test_setup_teardown(f, open_default, close_default)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_INTERP(test_run_string),    WITH_INTERP(test_errors),
      WITH_INTERP(test_error_objects), WITH_INTERP(test_no_memory),
      WITH_INTERP(test_run_file),      WITH_INTERP(test_options),
      WITH_INTERP(test_call),          WITH_INTERP(test_call_errors),
      WITH_INTERP(test_exit),          WITH_INTERP(test_coroutines),
      WITH_INTERP(test_interrupt),     WITH_INTERP(test_interrupt_by_signal),
      WITH_INTERP(test_nested),        WITH_INTERP(test_pcall),
      cmocka_unit_test(test_bytecode), cmocka_unit_test_teardown(test_own_state, close_lua),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
