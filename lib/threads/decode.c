/* decode.c: the values of a message, made anew. */
#include <string.h>

#include <lauxlib.h>

#include "lib/threads/classes.h"
#include "lib/threads/message.h"
#include "lib/threads/shared.h"
#include "lib/torch/torch_lua.h"
#include "tensor/autograd.h"
#include "lib/packages.h"

typedef struct {
  lua_State *L;
  cr_message *m;
  bool keep; /* the message may be read again */
  int list;  /* place on the stack: number -> value; the negative number of a class: fill it in */
  const char *at;
} decoder;

static void get(decoder *d, void *out, size_t n) {
  memcpy(out, d->at, n);
  d->at += n;
}

static int get_byte(decoder *d) {
  return (uint8_t)*d->at++;
}

static uint32_t get_number(decoder *d) {
  uint32_t n;
  get(d, &n, sizeof n);
  return n;
}

static void push_text(decoder *d) {
  size_t n;
  get(d, &n, sizeof n);
  lua_pushlstring(d->L, d->at, n);
  d->at += n;
}

/* The reference that comes next. */
static cr_held *next_held(decoder *d) {
  return (cr_held *)(void *)d->m->held.bytes + get_number(d);
}

/* The same as the caller's own. */
static void *take_held(decoder *d) {
  cr_held *held = next_held(d);
  void *object = held->object;
  held->object = NULL;
  return object;
}

/* ---- making objects --------------------------------------------------------------------- */

static void push_shared(decoder *d) {
  cr_held *held = next_held(d);
  cr_shared **box = cr_push_shared(d->L, ((cr_shared *)held->object)->kind);
  *box = cr_shared_retain(held->object);
}

static void push_message(decoder *d) {
  if (d->keep) luaL_error(d->L, "a message with another one in it can be delivered only once");
  cr_message **holder = cr_message_push_holder(d->L);
  *holder = take_held(d);
}

static void push_tensor(decoder *d) {
  cr_push_tensor(d->L, d->keep ? cr_alias(next_held(d)->object) : take_held(d));
  cr_tensor *t = cr_to_tensor(d->L, -1);
  if (get_byte(d) && !cr_set_requires_grad(t, true)) cr_lua_error(d->L);
}

static void push_storage(decoder *d) {
  cr_push_storage(d->L, d->keep ? cr_storage_retain(next_held(d)->object) : take_held(d));
}

/* "package\0key\0key" */
static void push_named(decoder *d) {
  lua_State *L = d->L;
  size_t n;
  push_text(d);
  const char *path = lua_tolstring(L, -1, &n), *key = path + strlen(path) + 1;
  cr_push_require(L);
  lua_pushstring(L, path);
  lua_call(L, 1, 1);
  for (; key < path + n; key += strlen(key) + 1) {
    if (lua_istable(L, -1))
      lua_getfield(L, -1, key);
    else
      lua_pushnil(L);
    lua_replace(L, -2);
  }
  if (lua_isnil(L, -1)) {
    const char *last = path + n;
    while (last > path && last[-1]) last--;
    luaL_error(L, "%s%s%s does not exist in this thread", path, last > path ? ": " : "",
               last > path ? last : "");
  }
  lua_remove(L, -2);
}

typedef struct {
  const char *bytes;
  size_t n;
} piece;

static const char *read_code(lua_State *L, void *p, size_t *n) {
  (void)L;
  piece *code = p;
  *n = code->n;
  code->n = 0;
  return code->bytes;
}

static void push_function(decoder *d) {
  piece code;
  get(d, &code.n, sizeof code.n);
  code.bytes = d->at;
  d->at += code.n;
  if (lua_load(d->L, read_code, &code, "=function", "b") != LUA_OK) lua_error(d->L);
}

static void push_class(decoder *d, lua_Integer id) {
  lua_State *L = d->L;
  push_text(d);
  int flags = get_byte(d), parent = 0;
  uint32_t parent_id = get_number(d);
  if (parent_id) {
    lua_rawgeti(L, d->list, parent_id);
    lua_insert(L, -2);
    parent = lua_gettop(L) - 1;
  }
  bool fill = cr_find_class(L, flags, parent);
  if (parent) lua_remove(L, parent);
  if (!fill) return;
  lua_pushboolean(L, true);
  lua_rawseti(L, d->list, -id);
}

static void push_object(decoder *d, lua_Integer id) {
  lua_State *L = d->L;
  switch (get_byte(d)) {
  case CR_HEAD_TABLE: lua_createtable(L, (int)get_number(d), 0); break;
  case CR_HEAD_FUNCTION: push_function(d); break;
  case CR_HEAD_NAMED: push_named(d); break;
  case CR_HEAD_CLASS: push_class(d, id); break;
  case CR_HEAD_CONSTRUCTOR:
    lua_rawgeti(L, d->list, get_number(d));
    cr_get_constructor(L);
    break;
  case CR_HEAD_TENSOR: push_tensor(d); break;
  case CR_HEAD_STORAGE: push_storage(d); break;
  case CR_HEAD_SHARED: push_shared(d); break;
  default: push_message(d);
  }
}

/* ---- filling them ----------------------------------------------------------------------- */

/* Pushes the value that comes next; false, and nothing: CR_SENT_END was there. */
static bool push_value(decoder *d) {
  lua_State *L = d->L;
  switch (get_byte(d)) {
  case CR_SENT_NIL: lua_pushnil(L); break;
  case CR_SENT_FALSE: lua_pushboolean(L, false); break;
  case CR_SENT_TRUE: lua_pushboolean(L, true); break;
  case CR_SENT_INT: {
    lua_Integer i;
    get(d, &i, sizeof i);
    lua_pushinteger(L, i);
    break;
  }
  case CR_SENT_FLOAT: {
    lua_Number x;
    get(d, &x, sizeof x);
    lua_pushnumber(L, x);
    break;
  }
  case CR_SENT_POINTER: {
    void *p;
    get(d, &p, sizeof p);
    lua_pushlightuserdata(L, p);
    break;
  }
  case CR_SENT_STRING: push_text(d); break;
  case CR_SENT_OBJECT: lua_rawgeti(L, d->list, get_number(d)); break;
  default: return false;
  }
  return true;
}

static void fill_table(decoder *d) {
  while (push_value(d)) {
    push_value(d);
    lua_rawset(d->L, -3);
  }
}

/* A class that is here already keeps its methods. */
static void fill_class(decoder *d, lua_Integer id) {
  lua_State *L = d->L;
  lua_rawgeti(L, d->list, -id);
  bool fill = lua_toboolean(L, -1);
  lua_pop(L, 1);
  while (push_value(d)) {
    push_value(d);
    if (fill)
      lua_settable(L, -3);
    else
      lua_pop(L, 2);
  }
}

static void fill_function(decoder *d) {
  lua_State *L = d->L;
  int f = lua_gettop(L);
  lua_Debug ar;
  lua_pushvalue(L, f);
  lua_getinfo(L, ">u", &ar);
  for (int i = 1; i <= ar.nups; i++) {
    if (push_value(d)) {
      lua_setupvalue(L, f, i);
      continue;
    }
    lua_rawgeti(L, d->list, get_number(d));
    lua_upvaluejoin(L, f, i, -1, get_byte(d));
    lua_pop(L, 1);
  }
}

static void fill_tensor(decoder *d) {
  push_value(d);
  if (!lua_isnil(d->L, -1) && !cr_set_grad(cr_to_tensor(d->L, -2), cr_to_tensor(d->L, -1)))
    cr_lua_error(d->L);
  lua_pop(d->L, 1);
}

/* Passes over the head at `head`, and fills object `id`, which is on the top, by it. */
static void fill(decoder *d, decoder *head, lua_Integer id) {
  size_t n;
  switch (get_byte(head)) {
  case CR_HEAD_TABLE:
    head->at += sizeof(uint32_t);
    fill_table(d);
    break;
  case CR_HEAD_FUNCTION:
    get(head, &n, sizeof n);
    head->at += n;
    fill_function(d);
    break;
  case CR_HEAD_NAMED:
    get(head, &n, sizeof n);
    head->at += n;
    break;
  case CR_HEAD_CLASS:
    get(head, &n, sizeof n);
    head->at += n + 1 + sizeof(uint32_t);
    fill_class(d, id);
    break;
  case CR_HEAD_TENSOR:
    head->at += sizeof(uint32_t) + 1;
    fill_tensor(d);
    break;
  default: head->at += sizeof(uint32_t);
  }
}

static void set_metatables(decoder *d) {
  lua_State *L = d->L;
  d->at = d->m->metas.bytes;
  for (size_t i = 0; i < d->m->metas.length / (2 * sizeof(uint32_t)); i++) {
    lua_rawgeti(L, d->list, get_number(d));
    lua_rawgeti(L, d->list, get_number(d));
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
  }
}

/* Lua's collector sees a few bytes of a tensor, and the account of tensors (relieve in
 * lib/torch/torch_lua.c) is that of the interpreter that made it.  So what comes from others has
 * its own: garbage goes after so many bytes, and what is older than that now and then. */
static void relieve(lua_State *L, size_t weight) {
  enum { BYTES = 16 << 20, STEPS = 16 };
  static const char received_key;
  struct received {
    size_t bytes;
    int steps;
  } * r;
  if (weight == 0) return;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &received_key);
  r = lua_touserdata(L, -1);
  if (!r) {
    lua_pop(L, 1);
    r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (struct received){0};
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &received_key);
  }
  lua_pop(L, 1);
  r->bytes += weight;
  if (r->bytes < BYTES) return;
  r->bytes = 0;
  r->steps = (r->steps + 1) % STEPS;
  if (r->steps)
    lua_gc(L, LUA_GCSTEP, 0);
  else
    lua_gc(L, LUA_GCCOLLECT);
}

int cr_message_decode(lua_State *L, int index, bool keep) {
  decoder d = {.L = L, .keep = keep};
  luaL_checkstack(L, 20, "a message");
  index = lua_absindex(L, index);
  cr_message **holder = cr_message_push_holder(L);
  int top = lua_gettop(L);
  d.m = keep ? cr_message_peek(L, index) : cr_message_take(L, index);
  if (!d.m) return luaL_error(L, "this message was delivered already");
  if (!keep) *holder = d.m;
  relieve(L, d.m->weight);
  lua_newtable(L);
  d.list = lua_gettop(L);
  lua_Integer count = 0;
  const char *end = d.m->heads.length ? d.m->heads.bytes + d.m->heads.length : d.m->heads.bytes;
  for (d.at = d.m->heads.bytes; d.at < end;) {
    push_object(&d, ++count);
    lua_rawseti(L, d.list, count);
  }
  d.at = d.m->bodies.bytes;
  int n = (int)get_number(&d);
  luaL_checkstack(L, n + 20, "too many values");
  for (int i = 0; i < n; i++) push_value(&d);
  decoder head = {.L = L, .m = d.m, .list = d.list, .at = d.m->heads.bytes};
  for (lua_Integer id = 1; id <= count; id++) {
    lua_rawgeti(L, d.list, id);
    fill(&d, &head, id);
    lua_pop(L, 1);
  }
  set_metatables(&d);
  *holder = NULL;
  if (!keep) cr_message_free(d.m);
  lua_rotate(L, top, n); /* the holder and the list go */
  lua_pop(L, 2);
  return n;
}
