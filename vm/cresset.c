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

lua_State *cr_running(cresset *c) {
  return c->depth ? atomic_load(&c->running) : c->L;
}

void cr_set_error(cresset *c, const char *message) {
  free(c->error);
  c->error = strdup(message);
  c->failed = true;
}

void cr_set_open_error(const char *function, const char *message) {
  snprintf(open_error, sizeof open_error, "%s%s%s", function ? function : "", function ? ": " : "",
           message);
}

/* An operator may have noticed the stop before the hook did: the lines are then in the error that
 * it raised. */
static void set_stopped(cresset *c, const char *reason, const char *message) {
  const char *lines = message ? strstr(message, "\nstack traceback:") : NULL;
  char text[2048];
  snprintf(text, sizeof text, "%s%s", reason, lines ? lines : "");
  cr_set_error(c, c->report ? c->report : text);
}

/* Whether a message says that an operator, or Lua without a code for it, found no memory. */
static bool is_memory(const char *message) {
  const char *end = message ? strchr(message, '\n') : NULL, *at;
  at = message ? strstr(message, "out of memory") : NULL;
  return at && (!end || at < end);
}

/* The host's code for a failed call whose error value is on top of the stack. */
static int failure(cresset *c, lua_State *L, int status) {
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  switch (atomic_load(&c->stop)) {
  case CR_STOP_EXIT: cr_set_error(c, "the script called os.exit"); return CRESSET_EXIT;
  case CR_STOP_INTERRUPT: set_stopped(c, "interrupted!", message); return CRESSET_INTERRUPTED;
  case CR_STOP_TIME: set_stopped(c, "the limit of time is reached", message); return CRESSET_TIME;
  }
  cr_set_error(c, message ? message : "error while an error was handled");
  return status == LUA_ERRMEM || is_memory(message) ? CRESSET_NO_MEMORY : CRESSET_ERROR;
}

/* Leaves the code of the outermost call where Lua finds it.  The key is there since the interpreter
 * was opened, so that nothing is allocated. */
static void keep_status(cresset *c, lua_State *L, int code) {
  if (code == CRESSET_EXIT) code = c->exit_code == 0 ? CRESSET_OK : CRESSET_ERROR;
  lua_pushinteger(L, code);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_STATUS_KEY);
}

/* What is released last may still call. */
static int closed(cresset *c) {
  cr_set_error(c, "the interpreter is closed");
  return CRESSET_ERROR;
}

int cresset_pcall(cresset *c, int nargs, int nresults) {
  lua_State *L = cr_running(c);
  if (!L) return closed(c);
  int base = lua_gettop(L) - nargs;
  if (!lua_checkstack(L, nresults > 0 ? nresults + 1 : 1)) {
    lua_settop(L, base - 1);
    cr_set_error(c, "stack overflow");
    return CRESSET_ERROR;
  }
  lua_pushcfunction(L, cr_traceback);
  lua_insert(L, base);
  cr_context *before = cr_set_ctx(c->context);
  cr_frame *frame = c->frame;
  if (c->depth++ == 0) cr_run_begin(c);
  int status = lua_pcall(L, nargs, nresults, base);
  int code = status == LUA_OK ? CRESSET_OK : failure(c, L, status);
  if (--c->depth == 0) cr_run_end(c);
  c->frame = frame;
  cr_set_ctx(before);
  if (c->depth == 0) cr_flush_streams(c);
  if (status != LUA_OK)
    lua_settop(L, base - 1);
  else
    lua_remove(L, base);
  if (c->depth == 0 && c->opened) keep_status(c, L, code);
  return code;
}

/* Runs a C function of one argument, the request. */
int cr_protect(cresset *c, lua_CFunction body, void *request) {
  lua_State *L = cr_running(c);
  if (!L) return closed(c);
  if (!lua_checkstack(L, 2)) {
    cr_set_error(c, "stack overflow");
    return CRESSET_ERROR;
  }
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, request);
  return cresset_pcall(c, 1, 0);
}

typedef struct {
  const char *name, *text;
  size_t size;
} chunk;

static int body_string(lua_State *L) {
  const chunk *r = lua_touserdata(L, 1);
  const char *name = lua_pushfstring(L, "=%s", r->name ? r->name : "string");
  if (luaL_loadbufferx(L, r->text, r->size, name, "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

int cresset_run_string(cresset *c, const char *name, const char *code) {
  return cresset_run_buffer(c, name, code, strlen(code));
}

int cresset_run_buffer(cresset *c, const char *name, const char *code, size_t size) {
  return cr_protect(c, body_string, &(chunk){name, code, size});
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
  return cr_protect(c, body_file, (void *)path);
}

/* ---- open and close --------------------------------------------------------------------- */

/* Sets the default type of new tensors to the one of that name; luaopen_torch_core has set the
 * mode's.
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
  cr_push_require(L);
  lua_pushstring(L, package);
  lua_call(L, 1, 1);
}

static void set_paths(lua_State *L, const cresset_options *o) {
  if (lua_getglobal(L, "package") == LUA_TTABLE) {
    if (o->path) lua_pushstring(L, o->path), lua_setfield(L, -2, "path");
    if (o->cpath) lua_pushstring(L, o->cpath), lua_setfield(L, -2, "cpath");
  }
  lua_pop(L, 1);
}

typedef struct {
  cresset *interp;
  const cresset_options *options;
} open_request;

static int body_open(lua_State *L) {
  const open_request *r = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_gc(L, LUA_GCGEN, 0, 0); /* small tensors die young: docs/decisions.md */
  if (!r->options->restricted) cr_open_debuglib(L);
  cr_open_packages(L);
  cr_open_streams(L, r->interp);
  cr_open_interrupts(L, r->interp);
  cr_open_long(L, r->interp);
  cr_open_debugger(L, r->interp);
  cr_open_threads(L);
  cr_open_sampler(L);
  cr_open_environment(L);
  set_arg(L, r->options);
  lua_pushboolean(L, r->options->torch7);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_TORCH7_KEY);
  lua_pushinteger(L, CRESSET_OK);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_STATUS_KEY);
  r->interp->opened = true;
  set_paths(L, r->options);
  if (r->options->torch7)
    call_require(L, "compat51");
  else
    cr_open_load(L);
  cr_open_libraries(L, r->interp, r->options);
  call_require(L, "torch");
  cr_finish_libraries(L);
  lua_setglobal(L, "torch");
  if (r->options->torch7 && !r->options->restricted &&
      !r->options->libraries) { /* what th had loaded before a script began */
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
static cresset *make(const cresset_options *o) {
  cresset *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->memory.limit = o->lua_memory;
  c->memory.allocate = o->allocate;
  c->memory.user = o->user;
  c->write = o->write;
  c->user = o->user;
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
  cresset *c = make(o);
  if (!c) {
    cr_set_open_error("cresset_open", "not enough memory");
    return NULL;
  }
  if (cr_protect(c, body_open, &(open_request){c, o}) != CRESSET_OK) {
    cr_set_open_error(NULL, cresset_error(c));
  } else if (!cr_limit_open(c, o->seconds, o->instructions)) {
    cr_set_open_error("cresset_open", "the system has no thread for the limit of time");
  } else {
    atomic_store(&c->context->account->limit, o->tensor_memory);
    c->context->threads = o->threads > 0 ? o->threads : 0;
    return c;
  }
  cresset_close(c);
  return NULL;
}

void cresset_close(cresset *c) {
  if (!c) return;
  cr_context *before = cr_set_ctx(c->context);
  lua_close(c->L); /* it frees tensors, which count in the context's account */
  c->L = NULL;
  cr_run_deferred(&c->memory);
  cr_limit_close(c);
  cr_close_streams(c);
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
  return cr_running(c);
}

int cresset_luaopen(lua_State *L) {
  cr_open_packages(L);
  cr_open_threads(L);
  return luaopen_torch_core(L);
}

const char *cresset_version(void) {
  return CR_VERSION;
}
