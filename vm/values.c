/* values.c: Lua values that a host holds, tables, and data of the host's as Lua values.
 *
 * A handle is a userdata that has the value; the registry keeps it under its own address until the
 * host releases it.  So Lua counts its memory, and cresset_close leaves none behind. */
#include "vm/values.h"

#include <lauxlib.h>

#include "lib/threads/message.h"
#include "lib/torch/torch_lua.h"
#include "vm/interp.h"

struct cresset_value {
  char unused;
};

cresset_value *cr_value_new(lua_State *L, int index) {
  index = lua_absindex(L, index);
  cresset_value *v = lua_newuserdatauv(L, sizeof *v, 1);
  lua_pushvalue(L, index);
  lua_setiuservalue(L, -2, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, v);
  return v;
}

void cr_value_push(lua_State *L, const cresset_value *value) {
  if (!value) {
    lua_pushnil(L);
  } else if (lua_rawgetp(L, LUA_REGISTRYINDEX, value) == LUA_TUSERDATA) {
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
  } else {
    luaL_error(L, "a cresset_value was used that is released, or of another interpreter");
  }
}

void cresset_release(cresset *c, cresset_value *value) {
  if (!value) return;
  lua_State *L = cr_running(c);
  if (!L || !lua_checkstack(L, 1)) return; /* cresset_close frees it, or has done so */
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, value) == LUA_TUSERDATA) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, value); /* the key is there: nothing is allocated */
  }
  lua_pop(L, 1);
}

typedef struct {
  cresset *c;
  const cresset_value *value;
  cresset_value **out;
  long long *length;
  const char *type;
  void *data;
  void (*release)(void *data);
  cr_message *message;
} request;

static int body_table(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  lua_newtable(L);
  *r->out = cr_value_new(L, -1);
  return 0;
}

int cresset_new_table(cresset *c, cresset_value **out) {
  *out = NULL;
  return cr_protect(c, body_table, &(request){.out = out});
}

static int body_length(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  cr_value_push(L, r->value);
  *r->length = luaL_len(L, -1);
  return 0;
}

int cresset_length(cresset *c, const cresset_value *value, long long *out) {
  *out = 0;
  return cr_protect(c, body_length, &(request){.value = value, .length = out});
}

/* ---- types ------------------------------------------------------------------------------ */

static const char type_key; /* the registry's string that cresset_type gave last */

static int body_type(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  cr_value_push(L, r->value);
  lua_getglobal(L, "torch");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "type") == LUA_TFUNCTION) {
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
  }
  if (!lua_isstring(L, -1)) lua_pushstring(L, luaL_typename(L, 2));
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &type_key);
  r->type = lua_tostring(L, -1);
  return 0;
}

const char *cresset_type(cresset *c, const cresset_value *value) {
  request r = {.value = value, .type = ""};
  return cr_protect(c, body_type, &r) == CRESSET_OK ? r.type : "";
}

/* ---- from one interpreter to another ----------------------------------------------------- */

static int body_encode(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  cr_value_push(L, r->value);
  cr_message_encode(L, 2, 1, &(cr_message_names){"cresset_copy: the value", "cresset_copy: value"},
                    false);
  r->message = cr_message_take(L, -1);
  return 0;
}

static int body_decode(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  cr_message **holder = cr_message_push_holder(L);
  *holder = r->message;
  r->message = NULL;
  cr_message_decode(L, lua_gettop(L), false);
  *r->out = cr_value_new(L, -1);
  return 0;
}

int cresset_copy(cresset *to, cresset *from, const cresset_value *value, cresset_value **out) {
  request r = {.value = value, .out = out};
  *out = NULL;
  int code = cr_protect(from, body_encode, &r);
  if (code != CRESSET_OK) {
    if (to != from) cr_set_error(to, cresset_error(from));
    return code;
  }
  code = cr_protect(to, body_decode, &r);
  cr_message_free(r.message); /* where not even a place to hold it could be made */
  return code;
}

/* ---- data of the host -------------------------------------------------------------------- */

typedef struct {
  void *data;
  void (*release)(void *data);
} wrapped;

static int collect(lua_State *L) {
  wrapped *w = lua_touserdata(L, 1);
  void *data = w->data;
  w->data = NULL;
  if (data && w->release) w->release(data);
  return 0;
}

/* Pushes the metatable of the type's data.  It is registered when it is complete. */
static void push_class(lua_State *L, const char *type) {
  const char *key = lua_pushfstring(L, "cresset.data:%s", type);
  int top = lua_gettop(L);
  if (lua_getfield(L, LUA_REGISTRYINDEX, key) == LUA_TNIL) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, type);
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, type); /* scripts do not get at __gc */
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, key);
  }
  lua_replace(L, top);
  lua_settop(L, top);
}

void cr_host_methods(lua_State *L, const char *type) {
  push_class(L, type);
  lua_getfield(L, -1, "__index");
  lua_remove(L, -2);
}

void *cr_host_data(lua_State *L, int index, const char *type) {
  index = lua_absindex(L, index);
  wrapped *w = lua_touserdata(L, index);
  if (!w || !lua_getmetatable(L, index)) return NULL;
  push_class(L, type);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? w->data : NULL;
}

static int body_wrap(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  wrapped *w = lua_newuserdatauv(L, sizeof *w, 0);
  w->data = NULL;
  push_class(L, r->type);
  lua_setmetatable(L, -2);
  *r->out = cr_value_new(L, -1);
  w->release = r->release;
  w->data = r->data; /* now nothing fails any more */
  return 0;
}

int cresset_wrap(cresset *c, const char *type, void *data, void (*release)(void *data),
                 cresset_value **out) {
  *out = NULL;
  return cr_protect(c, body_wrap,
                    &(request){.type = type, .data = data, .release = release, .out = out});
}

static int body_unwrap(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  cr_value_push(L, r->value);
  r->data = cr_host_data(L, -1, r->type);
  if (!r->data)
    return luaL_error(L, "cresset_unwrap: a %s was wanted, this is a %s", r->type,
                      luaL_tolstring(L, -1, NULL));
  return 0;
}

void *cresset_unwrap(cresset *c, const cresset_value *value, const char *type) {
  request r = {.value = value, .type = type};
  return cr_protect(c, body_unwrap, &r) == CRESSET_OK ? r.data : NULL;
}
