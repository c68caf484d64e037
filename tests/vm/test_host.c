/* test_host.c: values, tensors, functions and limits of the host API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>

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

#define assert_ok(call)                                                                            \
  do {                                                                                             \
    if ((call) != CRESSET_OK) fail_msg("%s: %s", #call, cresset_error(c));                         \
  } while (0)

static void run(const char *code) {
  assert_ok(cresset_run_string(c, NULL, code));
}

/* ---- values ----------------------------------------------------------------------------- */

static void test_tables(void **state) {
  (void)state;
  cresset_value *t, *inner;
  double lr = 0;
  const char *text;
  size_t size;
  long long n;
  int yes = 0;
  assert_ok(cresset_new_table(c, &t));
  assert_ok(cresset_set(c, t, "lr", "d", 0.5));
  assert_ok(cresset_set(c, t, "bytes", "z", "a\0b", (size_t)3));
  assert_ok(cresset_new_table(c, &inner));
  assert_ok(cresset_set(c, t, "inner", "v", inner));
  assert_ok(cresset_set_at(c, inner, 1, "s", "first"));
  assert_ok(cresset_set_at(c, inner, 2, "b", 1));
  assert_ok(cresset_set(c, NULL, "config", "v", t));
  run("assert(config.lr == 0.5 and #config.bytes == 3 and config.inner[1] == 'first')");
  assert_ok(cresset_get(c, NULL, "config.lr", "d", &lr));
  assert_true(lr == 0.5);
  assert_ok(cresset_get(c, t, "bytes", "z", &text, &size));
  assert_int_equal(size, 3);
  assert_memory_equal(text, "a\0b", 3);
  assert_ok(cresset_length(c, inner, &n));
  assert_int_equal(n, 2);
  assert_ok(cresset_get_at(c, inner, 2, "b", &yes));
  assert_int_equal(yes, 1);
  assert_string_equal(cresset_type(c, inner), "table");
  cresset_release(c, inner);
  cresset_release(c, t);
  assert_int_equal(cresset_get(c, NULL, "config.no.lr", "d", &lr), CRESSET_ERROR);
  assert_has(cresset_error(c), "cresset_get: there is no table for config.no.lr");
  assert_int_equal(cresset_get(c, NULL, "config.inner", "d", &lr), CRESSET_ERROR);
  assert_has(cresset_error(c), "cresset_get: config.inner: field 1 is table, a number was wanted");
  assert_int_equal(cresset_set(c, NULL, "config", "dd", 1.0, 2.0), CRESSET_ERROR);
  assert_has(cresset_error(c), "one letter is wanted, not 'dd'");
  assert_int_equal(lua_gettop(cresset_lua(c)), 0);
}

static void test_released_value(void **state) {
  (void)state;
  cresset_value *t;
  long long n;
  assert_ok(cresset_new_table(c, &t));
  cresset_release(c, t);
  run("collectgarbage()");
  assert_int_equal(cresset_length(c, t, &n), CRESSET_ERROR);
  assert_has(cresset_error(c), "released");
}

static void test_functions(void **state) {
  (void)state;
  cresset_value *f = NULL, *counter = NULL;
  double d = 0;
  run("function make(k) return function(x) return k * x end end\n"
      "counter = {n = 0} function counter:add(k) self.n = self.n + k return self end");
  assert_ok(cresset_call(c, "make", "d>v", 3.0, &f));
  assert_string_equal(cresset_type(c, f), "function");
  assert_ok(cresset_call_value(c, f, "d>d", 14.0, &d));
  assert_true(d == 42);
  assert_ok(cresset_call(c, "counter:add", "i>v", 5, &counter));
  assert_ok(cresset_get(c, counter, "n", "d", &d));
  assert_true(d == 5);
  assert_int_equal(cresset_call(c, "counter:take", ""), CRESSET_ERROR);
  assert_has(cresset_error(c), "there is no counter:take");
  assert_int_equal(cresset_call_value(c, counter, ""), CRESSET_ERROR);
  assert_has(cresset_error(c), "attempt to call a table value");
  cresset_release(c, f);
  cresset_release(c, counter);
}

#define TEN(x) x, x, x, x, x, x, x, x, x, x
#define HUNDRED(x) TEN(TEN(x))

/* More than the stack has room for without asking. */
static void test_many_results(void **state) {
  (void)state;
  char signature[202] = ">";
  int seen = 0, nothing = 1;
  memset(signature + 1, 'b', 200);
  run("function none() end");
  assert_ok(cresset_call(c, "none", signature, HUNDRED(&nothing), HUNDRED(&nothing)));
  assert_int_equal(nothing, 0);
  memset(signature, 'i', 200);
  run("function length(...) return select('#', ...) end");
  signature[200] = '\0';
  signature[198] = '>';
  signature[199] = 'i';
  assert_ok(cresset_call(c, "length", signature, HUNDRED(1), TEN(1), TEN(1), TEN(1), TEN(1), TEN(1),
                         TEN(1), TEN(1), TEN(1), TEN(1), 1, 1, 1, 1, 1, 1, 1, 1, &seen));
  assert_int_equal(seen, 198);
}

/* What was given out before a result that does not fit is taken back. */
static void test_results_taken_back(void **state) {
  (void)state;
  cresset_value *v = (cresset_value *)&v;
  cresset_tensor *t = (cresset_tensor *)&v;
  int i;
  run("function three() return {}, torch.ones(3), 'no' end");
  assert_int_equal(cresset_call(c, "three", ">vti", &v, &t, &i), CRESSET_ERROR);
  assert_has(cresset_error(c), "result 3 is string, an int was wanted");
  assert_null(v);
  assert_null(t);
}

static void test_copy(void **state) {
  (void)state;
  cresset *other = cresset_open(NULL);
  cresset_value *model, *copy;
  double a, b;
  run("nn = require 'nn' model = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Tanh())\n"
      "function sum() return model(torch.ones(3)):sum() end");
  assert_ok(cresset_get(c, NULL, "model", "v", &model));
  assert_string_equal(cresset_type(c, model), "nn.Sequential");
  assert_ok(cresset_copy(other, c, model, &copy));
  assert_int_equal(cresset_set(other, NULL, "model", "v", copy), CRESSET_OK);
  assert_int_equal(
      cresset_run_string(other, NULL, "function sum() return model(torch.ones(3)):sum() end"),
      CRESSET_OK);
  assert_ok(cresset_call(c, "sum", ">d", &a));
  assert_int_equal(cresset_call(other, "sum", ">d", &b), CRESSET_OK);
  assert_true(a == b);
  run("torch.noGrad(function() model:get(1).weight:fill(0) model:get(1).bias:fill(0) end)");
  assert_int_equal(cresset_call(other, "sum", ">d", &b), CRESSET_OK);
  assert_true(b == 0); /* the same weights */
  cresset_release(other, copy);
  cresset_release(c, model);
  assert_ok(cresset_get(c, NULL, "print", "v", &model));
  assert_ok(cresset_run_string(c, NULL, "co = coroutine.create(print)"));
  cresset_release(c, model);
  assert_ok(cresset_get(c, NULL, "co", "v", &model));
  assert_int_equal(cresset_copy(other, c, model, &copy), CRESSET_ERROR);
  assert_has(cresset_error(other), "cresset_copy");
  assert_null(copy);
  cresset_close(other);
}

/* ---- functions of the host -------------------------------------------------------------- */

static int add(cresset *in, void *user) {
  double a, b = 10;
  if (cresset_arguments(in, "d|d", &a, &b)) return CRESSET_ERROR;
  ++*(int *)user;
  return cresset_results(in, "d", a + b);
}

static int refuse(cresset *in, void *user) {
  (void)user;
  return cresset_fail(in, "no row %d", 7);
}

static int silent(cresset *in, void *user) {
  (void)in, (void)user;
  return 3;
}

static int twice(cresset *in, void *user) {
  (void)user;
  cresset_value *f;
  double x;
  if (cresset_arguments(in, "v", &f)) return CRESSET_ERROR;
  int code = cresset_call_value(in, f, "d>d", 1.0, &x);
  if (!code) code = cresset_call_value(in, f, "d>d", x, &x);
  cresset_release(in, f);
  return code ? code : cresset_results(in, "di", x, cresset_argument_count(in));
}

static void test_register(void **state) {
  (void)state;
  int calls = 0;
  assert_ok(cresset_register(c, NULL, "host.math.add", add, &calls));
  assert_ok(cresset_register(c, NULL, "host.refuse", refuse, NULL));
  assert_ok(cresset_register(c, NULL, "silent", silent, NULL));
  assert_ok(cresset_register(c, NULL, "twice", twice, NULL));
  run("assert(host.math.add(1, 2) == 3 and host.math.add(1) == 11 and host.math.add(1, nil) == "
      "11)");
  run("assert(host.math.add('x' and 1, 2, 3, 4) == 3)");
  assert_int_equal(calls, 4);
  run("local ok, e = pcall(host.math.add, 'x')\n"
      "assert(e:find('host.math.add: argument 1 is string, a number was wanted', 1, true), e)");
  run("local ok, e = pcall(host.refuse) assert(e:find('no row 7', 1, true), e)");
  assert_int_equal(cresset_run_string(c, "s", "host.refuse()"), CRESSET_ERROR);
  assert_has(cresset_error(c), "s:1: no row 7");
  run("local ok, e = pcall(silent)\n"
      "assert(e:find(\"silent: the host's function failed with code 3\", 1, true), e)");
  run("local x, n = twice(function(x) return x + host.math.add(x) end) assert(x == 34 and n == 1)");
  run("local ok, e = pcall(twice, function() error('inner') end) assert(e:find('inner'), e)");
  run("co = coroutine.wrap(function() coroutine.yield(host.math.add(5)) end) assert(co() == 15)");
  run("silentry = 1");
  assert_int_equal(cresset_register(c, NULL, "silentry.f", silent, NULL), CRESSET_ERROR);
  assert_has(cresset_error(c), "a number is in its way");
  assert_int_equal(cresset_arguments(c, ""), CRESSET_ERROR);
  assert_has(cresset_error(c), "no function of cresset_register is running");
  assert_int_equal(cresset_results(c, "d", 1.0), CRESSET_ERROR);
}

/* square(x) = x * x, element by element of a contiguous tensor */
static int square(cresset *in, void *user) {
  cresset_tensor *x, *y;
  cresset_tensor_info from, to;
  (void)user;
  if (cresset_arguments(in, "t", &x)) return CRESSET_ERROR;
  cresset_tensor_look(x, &from);
  y = cresset_tensor_new(CRESSET_FLOAT32, from.ndim, from.shape);
  cresset_tensor_look(y, &to);
  for (int64_t i = 0; i < from.shape[0]; i++) {
    float v = ((float *)from.data)[i];
    ((float *)to.data)[i] = v * v;
  }
  int code = cresset_save(in, 1, &x);
  if (!code) code = cresset_results(in, "t", y);
  cresset_tensor_release(x);
  cresset_tensor_release(y);
  return code;
}

static int square_backward(cresset *in, void *user) {
  cresset_tensor *g, *x, *out, *none[2];
  cresset_tensor_info of_g, of_x, to;
  (void)user;
  if (cresset_saved(in, 2, none) != CRESSET_ERROR || none[0] || none[1])
    return cresset_fail(in, "two tensors where one was saved");
  if (cresset_arguments(in, "t", &g)) return CRESSET_ERROR;
  if (cresset_saved(in, 1, &x)) {
    cresset_tensor_release(g);
    return CRESSET_ERROR;
  }
  cresset_tensor_look(g, &of_g);
  cresset_tensor_look(x, &of_x);
  out = cresset_tensor_new(CRESSET_FLOAT32, of_x.ndim, of_x.shape);
  cresset_tensor_look(out, &to);
  for (int64_t i = 0; i < of_x.shape[0]; i++)
    ((float *)to.data)[i] = 2 * ((float *)of_x.data)[i] * ((float *)of_g.data)[i * of_g.strides[0]];
  int code = cresset_results(in, "t", out);
  cresset_tensor_release(g);
  cresset_tensor_release(x);
  cresset_tensor_release(out);
  return code;
}

static void test_operator(void **state) {
  (void)state;
  cresset_value *module;
  assert_ok(cresset_new_table(c, &module));
  assert_ok(cresset_register_operator(c, module, "ops.square", square, square_backward, NULL));
  assert_ok(cresset_set(c, NULL, "m", "v", module));
  run("x = torch.FloatTensor{1, 2, 3}:requireGrad() y = m.ops.square(x)\n"
      "assert(y:sum():item() == 14 and tostring(m.ops.square):find('ops.square'))\n"
      "y:sum():backward() assert(x.grad:equal(torch.FloatTensor{2, 4, 6}))");
  run("local z = m.ops.square(x * 2) z:sum():backward()\n"
      "assert(x.grad:equal(torch.FloatTensor{10, 20, 30}))");
  run("local y = m.ops.square(x) torch.noGrad(function() x:add(1) end)\n"
      "local ok, e = pcall(function() y:sum():backward() end) assert(not ok)");
  assert_int_equal(cresset_save(c, 0, NULL), CRESSET_ERROR);
  assert_has(cresset_error(c), "cresset_save: no function of cresset_register is running");
  cresset_release(c, module);
}

static int released;

static void release_row(void *data) {
  ++released;
  free(data);
}

static int row_get(cresset *in, void *user) {
  (void)user;
  int *row;
  if (cresset_arguments(in, "p", "db.Row", &row)) return CRESSET_ERROR;
  return cresset_results(in, "i", *row);
}

static void test_data(void **state) {
  (void)state;
  cresset_value *v, *number;
  int *row = malloc(sizeof *row);
  *row = 12;
  released = 0;
  assert_ok(cresset_register(c, NULL, "db.Row:get", row_get, NULL));
  assert_ok(cresset_wrap(c, "db.Row", row, release_row, &v));
  assert_ok(cresset_set(c, NULL, "row", "v", v));
  run("assert(row:get() == 12 and getmetatable(row) == 'db.Row')");
  run("local ok, e = pcall(row.get, 5) assert(e:find('argument 1 is 5, db.Row was wanted'), e)");
  assert_ptr_equal(cresset_unwrap(c, v, "db.Row"), row);
  assert_null(cresset_unwrap(c, v, "db.Table"));
  assert_has(cresset_error(c), "cresset_unwrap: a db.Table was wanted");
  run("five = 5");
  assert_ok(cresset_get(c, NULL, "five", "v", &number));
  assert_null(cresset_unwrap(c, number, "db.Row"));
  cresset_release(c, number);
  cresset_release(c, v);
  run("collectgarbage()");
  assert_int_equal(released, 0);
  run("row = nil collectgarbage()");
  assert_int_equal(released, 1);
}

/* ---- tensors ---------------------------------------------------------------------------- */

static void release_memory(void *owner, void *data) {
  assert_ptr_equal(*(void **)owner, data);
  ++released;
}

static void test_wrap_memory(void **state) {
  (void)state;
  float data[6] = {1, 2, 3, 4, 5, 6};
  void *owner = data;
  released = 0;
  cresset_tensor *t = cresset_tensor_wrap(data, CRESSET_FLOAT32, 2, (int64_t[]){2, 3}, NULL,
                                          release_memory, &owner);
  assert_non_null(t);
  assert_ok(cresset_set(c, NULL, "x", "t", t));
  run("assert(x:sum() == 21 and x[2][1] == 4) x:mul(2)");
  assert_true(data[5] == 12);
  cresset_tensor_release(t);
  run("collectgarbage()");
  assert_int_equal(released, 0);
  run("x = nil collectgarbage()");
  assert_int_equal(released, 1);

  /* columns first, and backwards */
  t = cresset_tensor_wrap(data, CRESSET_FLOAT32, 2, (int64_t[]){3, 2}, (int64_t[]){1, 3}, NULL,
                          NULL);
  assert_ok(cresset_set(c, NULL, "x", "t", t));
  run("assert(x[1][2] == 8 and x[3][1] == 6 and x:sum() == 42)");
  cresset_tensor_release(t);
  run("x = nil");
  t = cresset_tensor_wrap(data, CRESSET_FLOAT32, 2, (int64_t[]){0, 3}, NULL, release_memory,
                          &owner);
  assert_non_null(t);
  cresset_tensor_release(t);
  assert_int_equal(released, 2);
}

static void test_wrap_refusals(void **state) {
  (void)state;
  float data[8];
  const int64_t shape[2] = {2, -3}, huge[2] = {INT64_MAX, 3}, ok[2] = {2, 3},
                far[2] = {INT64_MAX, 1};
#define REFUSED(call, text)                                                                        \
  do {                                                                                             \
    assert_null(call);                                                                             \
    assert_has(cresset_error(NULL), text);                                                         \
  } while (0)
  REFUSED(cresset_tensor_wrap(data, CRESSET_FLOAT32, 2, shape, NULL, NULL, NULL), "size -3");
  REFUSED(cresset_tensor_wrap(data, CRESSET_FLOAT32, 2, huge, NULL, NULL, NULL), "more elements");
  REFUSED(cresset_tensor_wrap(data, CRESSET_FLOAT32, 99, ok, NULL, NULL, NULL), "99 dimensions");
  REFUSED(cresset_tensor_wrap(data, (cresset_dtype)55, 2, ok, NULL, NULL, NULL), "type number 55");
  REFUSED(cresset_tensor_wrap(NULL, CRESSET_FLOAT32, 2, ok, NULL, NULL, NULL), "data is NULL");
  REFUSED(cresset_tensor_wrap(data, CRESSET_FLOAT32, 2, ok, far, NULL, NULL), "strides");
  REFUSED(cresset_tensor_wrap((char *)data + 1, CRESSET_FLOAT32, 2, ok, NULL, NULL, NULL),
          "not aligned");
  REFUSED(cresset_tensor_new(CRESSET_FLOAT32, 2, huge), "cresset_tensor_new: more elements");
  REFUSED(cresset_tensor_new(CRESSET_FLOAT64, 1, (int64_t[]){INT64_MAX / 16}),
          "cresset_tensor_new");
}

static void test_read_result(void **state) {
  (void)state;
  cresset_tensor *t, *none = (cresset_tensor *)&t;
  cresset_tensor_info info;
  run("w = torch.range(1, 6):view(2, 3):t() function get() return w end");
  assert_ok(cresset_call(c, "get", ">t", &t));
  cresset_tensor_look(t, &info);
  assert_int_equal(info.dtype, CRESSET_FLOAT32);
  assert_int_equal(info.cuda, -1);
  assert_int_equal(info.ndim, 2);
  assert_int_equal(info.shape[0], 3);
  assert_int_equal(info.strides[1], 3);
  ((float *)info.data)[1] = 50;
  run("assert(w[2][1] == 50)");
  assert_ok(cresset_set(c, NULL, "again", "t", t));
  run("assert(again:sum() == w:sum()) w:requireGrad()");
  run("assert(not again.requiresGrad) w, again = nil, nil collectgarbage()");
  assert_true(((float *)info.data)[1] == 50); /* the host's reference keeps it */
  cresset_tensor_retain(t);
  cresset_tensor_release(t);
  cresset_tensor_release(t);
  assert_int_equal(cresset_call(c, "type", "d>t", 1.0, &none), CRESSET_ERROR);
  assert_null(none);
  cresset_tensor *zeros = cresset_tensor_new(CRESSET_INT64, 0, NULL);
  assert_ok(cresset_set(c, NULL, "zero", "t", zeros));
  run("assert(zero:item() == 0 and torch.type(zero) == 'torch.LongTensor')");
  cresset_tensor_release(zeros);
}

static void test_dlpack(void **state) {
  (void)state;
  static const char *const types[] = {"float", "double", "half", "bfloat16", "char",
                                      "byte",  "short",  "int",  "long",     "bool"};
  for (int i = 0; i < 10; i++) {
    char code[200];
    cresset_tensor *t, *back;
    snprintf(code, sizeof code, "x = torch.range(0, 5):%s():view(2, 3):t()", types[i]);
    run(code);
    assert_ok(cresset_get(c, NULL, "x", "t", &t));
    struct DLManagedTensor *m = cresset_tensor_to_dlpack(t);
    cresset_tensor_release(t);
    assert_non_null(m);
    back = cresset_tensor_from_dlpack(m);
    assert_non_null(back);
    assert_ok(cresset_set(c, NULL, "y", "t", back));
    cresset_tensor_release(back);
    run("assert(torch.type(x) == torch.type(y) and x:double():equal(y:double()))");
    run("x:fill(1) assert(y:double():sum() == 6)");
  }
  run("x, y = nil, nil collectgarbage()");
}

/* ---- limits ----------------------------------------------------------------------------- */

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void reopen(cresset_options o) {
  cresset_close(c);
  c = cresset_open(&o);
  if (!c) fail_msg("%s", cresset_error(NULL));
}

/* The thread sanitizer hands signals over only when the program calls the C library. */
#ifdef __SANITIZE_THREAD__
#define FOREVER "while true do local t = {} end"
#else
#define FOREVER "while true do end"
#endif

static const char *const endless[] = {
    FOREVER,
    "while true do pcall(function() " FOREVER " end) end",
    "local f = coroutine.wrap(function() " FOREVER " end) f()",
    "while true do coroutine.wrap(function() while true do coroutine.yield() break end end)() end",
    "local t = setmetatable({}, {__index = function(t, k) " FOREVER " end}) return t.x",
    "error(setmetatable({}, {__tostring = function() " FOREVER " end}))",
    "local a <close> = setmetatable({}, {__close = function() " FOREVER " end})",
    "table.sort({1, 2, 3}, function() " FOREVER " end)",
    "('x'):gsub('.', function() " FOREVER " end)",
    "local x = torch.randn(500, 500) while true do x = torch.mm(x, x) end",
    "local x = torch.randn(5000000) for i = 1, 10000 do x:sort() end",
};

static void test_time(void **state) {
  (void)state;
  reopen((cresset_options){.seconds = 0.2});
  for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
    double start = seconds();
    int code = cresset_run_string(c, NULL, endless[i]);
    double took = seconds() - start;
    if (code != CRESSET_TIME || took > 60) fail_msg("%s: %d after %g s", endless[i], code, took);
    assert_has(cresset_error(c), "the limit of time is reached");
  }
  reopen((cresset_options){.seconds = 2});
  for (int i = 0; i < 50; i++) /* each call has the whole time */
    run("local clock = require('sys').clock local t = clock() while clock() - t < 0.05 do end");
}

static void test_instructions(void **state) {
  (void)state;
  reopen((cresset_options){.instructions = 1000000});
  for (int i = 0; i < 9; i++)
    assert_int_equal(cresset_run_string(c, NULL, endless[i]), CRESSET_TIME);
  run("for i = 1, 100000 do end");
  run("for i = 1, 100000 do end");
}

static void test_lua_memory(void **state) {
  (void)state;
  static const char *const greedy[] = {
      "local t = {} while true do t[#t + 1] = {} end",
      "local s = 'x' while true do s = s .. s end",
      "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
      "local s = ('x'):rep(1 << 30)",
      "local t = {} for i = 1, 1e9 do t[i] = i end",
  };
  reopen((cresset_options){.lua_memory = 64 << 20});
  for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
    if (cresset_run_string(c, NULL, greedy[i]) != CRESSET_NO_MEMORY)
      fail_msg("%s: %s", greedy[i], cresset_error(c));
    run("collectgarbage() assert(collectgarbage('count') < 32768)");
  }
  cresset_options tiny = {.lua_memory = 1000};
  assert_null(cresset_open(&tiny));
  assert_has(cresset_error(NULL), "memory");
}

static void test_tensor_memory(void **state) {
  (void)state;
  reopen((cresset_options){.tensor_memory = 64 << 20});
  assert_int_equal(
      cresset_run_string(c, NULL, "local t = {} while true do t[#t + 1] = torch.zeros(1e6) end"),
      CRESSET_NO_MEMORY);
  assert_int_equal(cresset_run_string(c, NULL, "torch.zeros(1e9)"), CRESSET_NO_MEMORY);
  run("collectgarbage() torch.zeros(1e6)");
}

static void test_recursion_and_errors(void **state) {
  (void)state;
  reopen(
      (cresset_options){.seconds = 100}); /* none of these ends by it, however slow the machine */
  assert_int_equal(cresset_run_string(c, NULL, "local function f() return 1 + f() end f()"),
                   CRESSET_ERROR);
  assert_int_equal(
      cresset_run_string(c, NULL, "local function f(s) return s:gsub('.', f) end f('x')"),
      CRESSET_ERROR);
  assert_int_equal(cresset_run_string(c, NULL, "error({})"), CRESSET_ERROR);
  run("setmetatable({}, {__gc = function() error('x') end}) collectgarbage()");
  assert_int_equal(cresset_run_string(c, NULL, "while true do pcall(os.exit, 3) end"),
                   CRESSET_EXIT);
  assert_int_equal(cresset_exit_code(c), 3);
  run("setmetatable({}, {__gc = function() os.exit(4) end}) ");
}

/* ---- allocator and streams --------------------------------------------------------------- */

static void *count(void *user, void *p, size_t old, size_t new) {
  size_t *bytes = user;
  *bytes += new - (p ? old : 0);
  if (new) return realloc(p, new);
  free(p);
  return NULL;
}

static void test_allocator(void **state) {
  (void)state;
  size_t bytes = 0;
  reopen((cresset_options){.allocate = count, .user = &bytes});
  assert_true(bytes > 10000);
  run("s = ('x'):rep(1e6)");
  assert_true(bytes >= 1000000);
  cresset_close(c);
  assert_int_equal(bytes, 0);
  c = cresset_open(NULL);
}

static char written[2][4096];

static void write_text(void *user, int stream, const char *text, size_t length) {
  (void)user;
  strncat(written[stream - 1], text, length);
}

static void test_streams(void **state) {
  (void)state;
  memset(written, 0, sizeof written);
  reopen((cresset_options){.write = write_text});
  run("print('a', 1, nil) io.write('b') io.stdout:write('c\\n') io.stderr:write('no\\n')");
  run("io.write('half') warn('@on') warn('careful') print(torch.ones(2))");
  assert_string_equal(written[0], "a\t1\tnil\nbc\nhalf 1\n 1\n[torch.FloatTensor of size 2]\n\n");
  assert_string_equal(written[1], "no\nLua warning: careful\n");
}

/* ---- threads ---------------------------------------------------------------------------- */

static cresset_tensor *shared;

static void *serve(void *arg) {
  for (int i = 0; i < 20; i++) {
    cresset *own = cresset_open(&(cresset_options){.seconds = 30, .threads = 1});
    double sum = 0;
    if (!own) return "no interpreter";
    int code = cresset_set(own, NULL, "w", "t", shared) ||
               cresset_run_string(own, NULL, "function f() return (w * 2):sum() end") ||
               cresset_call(own, "f", ">d", &sum);
    cresset_close(own);
    if (code || sum != 2000) return "a wrong sum";
  }
  return arg;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[8];
  run("w = torch.ones(1000)");
  assert_ok(cresset_get(c, NULL, "w", "t", &shared));
  for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, serve, NULL), 0);
  for (int i = 0; i < 8; i++) {
    void *said;
    pthread_join(threads[i], &said);
    if (said) fail_msg("%s", (const char *)said);
  }
  cresset_tensor_release(shared);
}

static void *loop(void *arg) {
  cresset *own = cresset_open(&(cresset_options){.seconds = 0.1});
  int code = own ? cresset_run_string(own, NULL, arg) : -1;
  cresset_close(own);
  return (void *)(intptr_t)code;
}

/* One runs out of its time while others go on. */
static void test_time_on_threads(void **state) {
  (void)state;
  pthread_t threads[8];
  for (int i = 0; i < 8; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, loop, i % 2 ? FOREVER : "x = 1"), 0);
  run("local s = 0 for i = 1, 1e6 do s = s + i end assert(s == 500000500000)");
  for (int i = 0; i < 8; i++) {
    void *code;
    pthread_join(threads[i], &code);
    assert_int_equal((intptr_t)code, i % 2 ? CRESSET_TIME : CRESSET_OK);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_default, close_default)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_tables),
      TEST(test_released_value),
      TEST(test_functions),
      TEST(test_many_results),
      TEST(test_results_taken_back),
      TEST(test_copy),
      TEST(test_register),
      TEST(test_operator),
      TEST(test_data),
      TEST(test_wrap_memory),
      TEST(test_wrap_refusals),
      TEST(test_read_result),
      TEST(test_dlpack),
      TEST(test_time),
      TEST(test_instructions),
      TEST(test_lua_memory),
      TEST(test_tensor_memory),
      TEST(test_recursion_and_errors),
      TEST(test_allocator),
      TEST(test_streams),
      TEST(test_threads),
      TEST(test_time_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
