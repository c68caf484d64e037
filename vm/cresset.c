/* cresset.c: the host API of cresset.h: opening an interpreter, and calling into it. */
#include "vm/cresset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lib/packages.h"
#include "lib/torch/torch_lua.h"
#include "vm/interp.h"

/* Why this thread's last cresset_open failed. */
static _Thread_local char open_error[512];

/* ---- calls ------------------------------------------------------------------------------ */

static lua_State *running(cresset *c) {
  return c->depth ? atomic_load(&c->running) : c->L;
}

static void set_error(cresset *c, const char *message) {
  free(c->error);
  c->error = strdup(message);
  c->failed = true;
}

/* An operator may have noticed the interrupt before the hook did: the lines are then in the error
 * that it raised. */
static void set_interrupted(cresset *c, const char *message) {
  const char *lines = message ? strstr(message, "\nstack traceback:") : NULL;
  char text[2048];
  snprintf(text, sizeof text, "interrupted!%s", lines ? lines : "");
  set_error(c, c->report ? c->report : text);
}

/* The host's code for a failed call whose error value is on top of the stack. */
static int failure(cresset *c, lua_State *L, int status) {
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  switch (atomic_load(&c->stop)) {
  case CR_STOP_EXIT: set_error(c, "the script called os.exit"); return CRESSET_EXIT;
  case CR_STOP_INTERRUPT: set_interrupted(c, message); return CRESSET_INTERRUPTED;
  }
  set_error(c, message ? message : "error while an error was handled");
  return status == LUA_ERRMEM ? CRESSET_NO_MEMORY : CRESSET_ERROR;
}

/* Leaves the code of the outermost call where Lua finds it.  The key is there since the interpreter
 * was opened, so that nothing is allocated. */
static void keep_status(cresset *c, lua_State *L, int code) {
  if (code == CRESSET_EXIT) code = c->exit_code == 0 ? CRESSET_OK : CRESSET_ERROR;
  lua_pushinteger(L, code);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_STATUS_KEY);
}

int cresset_pcall(cresset *c, int nargs, int nresults) {
  lua_State *L = running(c);
  int base = lua_gettop(L) - nargs;
  if (!lua_checkstack(L, 1)) {
    lua_settop(L, base - 1);
    set_error(c, "stack overflow");
    return CRESSET_ERROR;
  }
  lua_pushcfunction(L, cr_traceback);
  lua_insert(L, base);
  cr_context *before = cr_set_ctx(c->context);
  if (c->depth++ == 0) cr_run_begin(c);
  int status = lua_pcall(L, nargs, nresults, base);
  int code = status == LUA_OK ? CRESSET_OK : failure(c, L, status);
  if (--c->depth == 0) cr_run_end(c);
  cr_set_ctx(before);
  if (status != LUA_OK)
    lua_settop(L, base - 1);
  else
    lua_remove(L, base);
  if (c->depth == 0 && c->opened) keep_status(c, L, code);
  return code;
}

/* Runs a C function of one argument, the request. */
static int protect(cresset *c, lua_CFunction body, void *request) {
  lua_State *L = running(c);
  if (!lua_checkstack(L, 2)) {
    set_error(c, "stack overflow");
    return CRESSET_ERROR;
  }
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, request);
  return cresset_pcall(c, 1, 0);
}

typedef struct {
  const char *name, *text;
} chunk;

static int body_string(lua_State *L) {
  const chunk *r = lua_touserdata(L, 1);
  const char *name = lua_pushfstring(L, "=%s", r->name ? r->name : "string");
  if (luaL_loadbufferx(L, r->text, strlen(r->text), name, "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

int cresset_run_string(cresset *c, const char *name, const char *code) {
  return protect(c, body_string, &(chunk){name, code});
}

/* Pushes the strings arg[1], arg[2], ... and returns how many. */
static int push_arguments(lua_State *L) {
  if (lua_getglobal(L, "arg") != LUA_TTABLE) {
    lua_pop(L, 1);
    return 0;
  }
  int table = lua_gettop(L), n = (int)luaL_len(L, table);
  luaL_checkstack(L, n + 1, "too many arguments to the script");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, table, i);
  lua_remove(L, table);
  return n;
}

static int body_file(lua_State *L) {
  const char *path = lua_touserdata(L, 1);
  if (path && strcmp(path, "-") == 0) path = NULL;
  if (luaL_loadfilex(L, path, "t") != LUA_OK) return lua_error(L);
  lua_call(L, push_arguments(L), 0);
  return 0;
}

int cresset_run_file(cresset *c, const char *path) {
  return protect(c, body_file, (void *)path);
}

/* ---- cresset_call ----------------------------------------------------------------------- */

static const char results_key; /* the registry's table of the strings that the last call returned */

typedef struct {
  const char *function, *signature;
  va_list ap;
} call_request;

/* Pushes the value of a dotted name. */
static void push_function(lua_State *L, const char *name) {
  lua_pushglobaltable(L);
  for (const char *part = name;;) {
    size_t n = strcspn(part, ".");
    lua_pushlstring(L, part, n);
    lua_gettable(L, -2);
    lua_remove(L, -2);
    if (part[n] == '\0') break;
    part += n + 1;
    if (lua_isnil(L, -1))
      luaL_error(L, "cresset_call: there is no %s",
                 lua_pushlstring(L, name, (size_t)(part - name) - 1));
  }
  if (lua_isnil(L, -1)) luaL_error(L, "cresset_call: there is no %s", name);
}

static void push_argument(lua_State *L, call_request *r, char letter) {
  luaL_checkstack(L, 2, "cresset_call: too many arguments");
  switch (letter) {
  case 'd': lua_pushnumber(L, va_arg(r->ap, double)); break;
  case 'i': lua_pushinteger(L, va_arg(r->ap, int)); break;
  case 'l': lua_pushinteger(L, va_arg(r->ap, long long)); break;
  case 'b': lua_pushboolean(L, va_arg(r->ap, int)); break;
  case 's': lua_pushstring(L, va_arg(r->ap, const char *)); break;
  default:
    luaL_error(L, "cresset_call: %s: the signature '%s' has a '%c'", r->function, r->signature,
               letter);
  }
}

/* Raises the error of a result that is not what the host asked for. */
static void refuse(lua_State *L, const call_request *r, int number, int index, const char *wanted) {
  luaL_error(L, "cresset_call: %s: result %d is %s, %s was wanted", r->function, number,
             lua_isnumber(L, index) ? lua_tostring(L, index) : luaL_typename(L, index), wanted);
}

static void store_integer(lua_State *L, call_request *r, char letter, int number, int index) {
  int whole;
  lua_Integer v = lua_tointegerx(L, index, &whole);
  bool is_number = lua_type(L, index) == LUA_TNUMBER;
  if (letter == 'i') {
    if (!is_number || !whole || v != (int)v) refuse(L, r, number, index, "an int");
    *va_arg(r->ap, int *) = (int)v;
  } else {
    if (!is_number || !whole) refuse(L, r, number, index, "an integer");
    *va_arg(r->ap, long long *) = v;
  }
}

static void store_result(lua_State *L, call_request *r, char letter, int number, int index) {
  switch (letter) {
  case 'd':
    if (lua_type(L, index) != LUA_TNUMBER) refuse(L, r, number, index, "a number");
    *va_arg(r->ap, double *) = lua_tonumber(L, index);
    break;
  case 'b': *va_arg(r->ap, int *) = lua_toboolean(L, index); break;
  case 's':
    if (!lua_isstring(L, index)) refuse(L, r, number, index, "a string");
    *va_arg(r->ap, const char **) = lua_tostring(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &results_key);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, number);
    lua_pop(L, 1);
    break;
  default: store_integer(L, r, letter, number, index);
  }
}

static int body_call(lua_State *L) {
  call_request *r = lua_touserdata(L, 1);
  const char *s = r->signature ? r->signature : "";
  int nargs = 0;
  push_function(L, r->function);
  for (; *s && *s != '>'; s++, nargs++) push_argument(L, r, *s);
  const char *results = *s == '>' ? s + 1 : s;
  if (results[strspn(results, "dilbs")])
    return luaL_error(L, "cresset_call: %s: the signature '%s' has a result '%c'", r->function,
                      r->signature, results[strspn(results, "dilbs")]);
  int n = (int)strlen(results);
  lua_call(L, nargs, n);
  luaL_checkstack(L, 3, NULL);
  lua_createtable(L, n, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &results_key);
  int first = lua_gettop(L) - n + 1;
  for (int i = 0; i < n; i++) store_result(L, r, results[i], i + 1, first + i);
  return 0;
}

int cresset_call(cresset *c, const char *function, const char *signature, ...) {
  call_request r = {.function = function, .signature = signature};
  va_start(r.ap, signature);
  int code = protect(c, body_call, &r);
  va_end(r.ap);
  return code;
}

/* ---- open and close --------------------------------------------------------------------- */

/* Sets the default type of new tensors to the one of that name; luaopen_torch has set the mode's.
 */
static void set_dtype(lua_State *L, cr_context *context, const char *name) {
  int t = 0;
  while (t < CR_NDTYPES && strcmp(name, cr_dtypes[t].name)) t++;
  if (t == CR_NDTYPES) luaL_error(L, "cresset_open: there is no type '%s'", name);
  context->dtype = (uint8_t)t;
}

static bool is_interrupted(void *interp) {
  return atomic_load(&((cresset *)interp)->stop) != CR_GO;
}

static void set_arg(lua_State *L, const cresset_options *o) {
  if (!o->argv) return;
  lua_createtable(L, o->argc, 1);
  for (int i = 0; i < o->argc; i++) {
    lua_pushstring(L, o->argv[i]);
    lua_rawseti(L, -2, i - o->script);
  }
  lua_setglobal(L, "arg");
}

static void call_require(lua_State *L, const char *package) {
  lua_getglobal(L, "require");
  lua_pushstring(L, package);
  lua_call(L, 1, 1);
}

typedef struct {
  cresset *interp;
  const cresset_options *options;
} open_request;

static int body_open(lua_State *L) {
  const open_request *r = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_gc(L, LUA_GCGEN, 0, 0); /* small tensors die young: docs/decisions.md */
  cr_open_packages(L);
  cr_open_interrupts(L, r->interp);
  cr_open_debugger(L, r->interp);
  cr_open_threads(L);
  cr_open_sampler(L, r->interp);
  set_arg(L, r->options);
  lua_pushboolean(L, r->options->torch7);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_TORCH7_KEY);
  lua_pushinteger(L, CRESSET_OK);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_STATUS_KEY);
  r->interp->opened = true;
  if (r->options->torch7) call_require(L, "compat51");
  call_require(L, "torch");
  lua_setglobal(L, "torch");
  if (r->options->torch7) { /* what th had loaded before a script began */
    call_require(L, "paths");
    call_require(L, "sys");
    call_require(L, "xlua");
    call_require(L, "compat51.path");
    lua_setglobal(L, "path");
    lua_settop(L, 1);
  }
  if (r->options->dtype) set_dtype(L, r->interp->context, r->options->dtype);
  return 0;
}

/* The interpreter without anything in it, or NULL. */
static cresset *make(void) {
  cresset *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->context = cr_context_new();
  c->L = c->context ? cr_new_state(c) : NULL;
  if (!c->L) {
    cr_context_free(c->context);
    free(c);
    return NULL;
  }
  c->context->where = cr_script_line;
  c->context->where_ctx = c;
  c->context->interrupted = is_interrupted;
  c->context->interrupted_ctx = c;
  return c;
}

cresset *cresset_open(const cresset_options *options) {
  static const cresset_options defaults;
  const cresset_options *o = options ? options : &defaults;
  cresset *c = make();
  if (!c) {
    snprintf(open_error, sizeof open_error, "cresset_open: not enough memory");
    return NULL;
  }
  if (protect(c, body_open, &(open_request){c, o}) == CRESSET_OK) return c;
  snprintf(open_error, sizeof open_error, "%s", cresset_error(c));
  cresset_close(c);
  return NULL;
}

void cresset_close(cresset *c) {
  if (!c) return;
  cr_context *before = cr_set_ctx(c->context);
  lua_close(c->L); /* finalizers free tensors, which count in the context's account */
  cr_set_ctx(before == c->context ? NULL : before);
  cr_context_free(c->context);
  free(c->report);
  free(c->error);
  free(c);
}

/* ---- the rest --------------------------------------------------------------------------- */

const char *cresset_error(const cresset *c) {
  if (!c) return open_error;
  if (c->error) return c->error;
  return c->failed ? "not enough memory" : ""; /* not enough even for the message */
}

int cresset_exit_code(const cresset *c) {
  return c->exit_code;
}

lua_State *cresset_lua(cresset *c) {
  return running(c);
}

int cresset_luaopen(lua_State *L) {
  cr_open_packages(L);
  cr_open_threads(L);
  return luaopen_torch(L);
}

const char *cresset_version(void) {
  return CR_VERSION;
}
