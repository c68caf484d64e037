/* register.c: functions and operators of the host's, and plug-ins, as Lua calls them. */
#include <string.h>

#include <lauxlib.h>

#include "lib/torch/torch_lua.h"
#include "vm/interp.h"
#include "vm/values.h"

/* ---- a function that is called ----------------------------------------------------------- */

typedef struct {
  cresset *c;
  cresset_function f;
  void *user;
  int hidden; /* arguments in front that are not the host's */
  char name[];
} host_function;

static int call_host(lua_State *L) {
  host_function *h = lua_touserdata(L, lua_upvalueindex(1));
  cresset *c = h->c;
  cr_frame frame = {L, h->name, h->hidden, lua_gettop(L) - h->hidden, 0, c->depth};
  if (frame.nargs < 0)
    return luaL_error(L, "%s: the context of torch.Function is missing", h->name);
  cr_frame *outer = c->frame;
  bool failed = c->failed;
  c->frame = &frame;
  c->failed = false;
  int code = h->f(c, h->user);
  c->frame = outer;
  bool said = c->failed;
  c->failed |= failed;
  if (code == CRESSET_OK) return frame.nresults;
  luaL_where(L, 1);
  if (said)
    lua_pushstring(L, cresset_error(c));
  else
    lua_pushfstring(L, "%s: the host's function failed with code %d", h->name, code);
  lua_concat(L, 2);
  return lua_error(L);
}

/* ---- registering ------------------------------------------------------------------------- */

typedef struct {
  cresset *c;
  const cresset_value *table;
  const char *name;
  cresset_function f, backward; /* backward: of an operator, else NULL */
  void *user;
} registration;

static void push_function(lua_State *L, const registration *r, cresset_function f, int hidden) {
  size_t size = strlen(r->name) + 1;
  host_function *h = lua_newuserdatauv(L, sizeof *h + size, 0);
  h->c = r->c;
  h->f = f;
  h->user = r->user;
  h->hidden = hidden;
  memcpy(h->name, r->name, size);
  lua_pushcclosure(L, call_host, 1);
}

/* Pushes torch.Function{forward = .., backward = ..}. */
static void push_operator(lua_State *L, const registration *r) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "torch");
  lua_getfield(L, -1, "Function");
  lua_createtable(L, 0, 4);
  push_function(L, r, r->f, 1);
  lua_setfield(L, -2, "forward");
  push_function(L, r, r->backward, 1);
  lua_setfield(L, -2, "backward");
  lua_pushstring(L, r->name);
  lua_setfield(L, -2, "name");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "once");
  lua_call(L, 1, 1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Pushes the field `key`, on top, of the table below it; a new table if there is none. */
static void push_subtable(lua_State *L, const char *name) {
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -5);
  }
  if (!lua_istable(L, -1))
    luaL_error(L, "cresset_register: %s: a %s is in its way", name, luaL_typename(L, -1));
}

/* Pushes the table that the function goes into, and its key. */
static void push_home(lua_State *L, const registration *r) {
  const char *part = r->name, *colon = strrchr(part, ':'), *dot;
  if (colon) {
    cr_host_methods(L, lua_pushlstring(L, part, (size_t)(colon - part)));
    lua_pushstring(L, colon + 1);
    return;
  }
  if (r->table)
    cr_value_push(L, r->table);
  else
    lua_pushglobaltable(L);
  luaL_argcheck(L, lua_istable(L, -1), 1, "cresset_register: the value is no table");
  for (; (dot = strchr(part, '.')); part = dot + 1) {
    lua_pushlstring(L, part, (size_t)(dot - part));
    push_subtable(L, r->name);
    lua_replace(L, -3);
    lua_pop(L, 1);
  }
  lua_pushstring(L, part);
}

static int body_register(lua_State *L) {
  const registration *r = lua_touserdata(L, 1);
  push_home(L, r);
  if (r->backward)
    push_operator(L, r);
  else
    push_function(L, r, r->f, 0);
  lua_rawset(L, -3);
  return 0;
}

int cresset_register(cresset *c, const cresset_value *table, const char *name, cresset_function f,
                     void *user) {
  return cr_protect(c, body_register, &(registration){c, table, name, f, NULL, user});
}

int cresset_register_operator(cresset *c, const cresset_value *table, const char *name,
                              cresset_function forward, cresset_function backward, void *user) {
  return cr_protect(c, body_register, &(registration){c, table, name, forward, backward, user});
}

/* ---- what an operator keeps for its backward ---------------------------------------------- */

typedef struct {
  const char *caller;
  int n, given;
  cresset_tensor *const *tensors;
  cresset_tensor **out;
} keeping;

static int body_save(lua_State *L) { /* the request, the context */
  const keeping *k = lua_touserdata(L, 1);
  lua_getfield(L, 2, "saveForBackward");
  lua_pushvalue(L, 2);
  luaL_checkstack(L, k->n, "too many tensors");
  for (int i = 0; i < k->n; i++) cr_push_tensor(L, cr_alias((cr_tensor *)k->tensors[i]));
  lua_call(L, k->n + 1, 0);
  return 0;
}

static int body_saved(lua_State *L) {
  keeping *k = lua_touserdata(L, 1);
  lua_getfield(L, 2, "savedTensors");
  lua_pushvalue(L, 2);
  lua_call(L, 1, LUA_MULTRET);
  int n = lua_gettop(L) - 2;
  if (n != k->n)
    return luaL_error(L, "cresset_saved: %d tensors were saved, %d are wanted", n, k->n);
  for (; k->given < n; k->given++) {
    cr_tensor *t = cr_to_tensor(L, 3 + k->given), *alias = t ? cr_alias(t) : NULL;
    if (!alias) return t ? cr_lua_error(L) : luaL_error(L, "cresset_saved: no tensor");
    k->out[k->given] = (cresset_tensor *)alias;
  }
  return 0;
}

/* Runs body with the request and the operator's context. */
static int run_with_context(cresset *c, lua_CFunction body, keeping *k) {
  if (!cr_in_function(c, k->caller)) return CRESSET_ERROR;
  if (!c->frame->hidden) return cresset_fail(c, "%s: no operator is running", k->caller);
  lua_State *L = c->frame->L;
  if (!lua_checkstack(L, 4)) return cresset_fail(c, "stack overflow");
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, k);
  lua_pushvalue(L, 1);
  return cresset_pcall(c, 2, 0);
}

int cresset_save(cresset *c, int n, cresset_tensor *const *tensors) {
  return run_with_context(c, body_save,
                          &(keeping){.caller = "cresset_save", .n = n, .tensors = tensors});
}

int cresset_saved(cresset *c, int n, cresset_tensor **tensors) {
  keeping k = {.caller = "cresset_saved", .n = n, .out = tensors};
  for (int i = 0; i < n; i++) tensors[i] = NULL;
  int code = run_with_context(c, body_saved, &k);
  for (int i = 0; code != CRESSET_OK && i < k.given; i++) {
    cresset_tensor_release(tensors[i]);
    tensors[i] = NULL;
  }
  return code;
}

/* ---- plug-ins ---------------------------------------------------------------------------- */

int cresset_plugin(lua_State *L, int (*fill)(cresset *c, cresset_value *module)) {
  cresset *c = cr_interp_of(L);
  if (!c) return luaL_error(L, "this module needs an interpreter of Cresset's own");
  lua_newtable(L);
  cresset_value *module = cr_value_new(L, -1);
  bool failed = c->failed;
  c->failed = false;
  int code = fill(c, module);
  bool said = c->failed;
  c->failed |= failed;
  cresset_release(c, module);
  if (code != CRESSET_OK) return luaL_error(L, "%s", said ? cresset_error(c) : "the module failed");
  return 1;
}
