/* encode.c: making a message of values. */
#include <string.h>

#include <lauxlib.h>

#include "lib/threads/classes.h"
#include "lib/threads/message.h"
#include "lib/threads/shared.h"
#include "lib/torch/torch_lua.h"
#include "tensor/autograd.h"

#define UPVALUES 256 /* more than a function can have */
#define CLASSES 100  /* that inherit from each other */
#define STEPS 24     /* of a path, as an error message shows it */

/* An object that was met. */
typedef struct {
  uint32_t parent; /* the object that it was first met in */
  int kind;        /* of its head */
} met;

typedef struct {
  lua_State *L;
  cr_message *m;
  const cr_message_names *called;
  int roots, nroots; /* where the values are */
  int seen;          /* places on the stack: value or address -> number */
  int list;          /* number -> value */
  int names;         /* value -> path of a value in a package */
  uint32_t count;    /* of objects */
  uint32_t current;  /* the object that is being written; 0: the values themselves */
  int classes;       /* one below the other that are being looked at */
  bool copy;         /* tensors get storages of their own */
} encoder;

/* ---- bytes ------------------------------------------------------------------------------ */

static bool append(cr_bytes *b, const void *bytes, size_t n) {
  if (n > b->capacity - b->length) {
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity - b->length < n) {
      if (capacity > SIZE_MAX / 2) return false;
      capacity *= 2;
    }
    char *grown = cr_malloc(capacity);
    if (!grown) return false;
    if (b->bytes) {
      memcpy(grown, b->bytes, b->length);
      cr_free(b->bytes, b->capacity);
    }
    b->bytes = grown;
    b->capacity = capacity;
  }
  if (n) memcpy(b->bytes + b->length, bytes, n);
  b->length += n;
  return true;
}

static void put(encoder *e, cr_bytes *b, const void *bytes, size_t n) {
  if (!append(b, bytes, n)) luaL_error(e->L, "not enough memory for a message");
}

static void put_byte(encoder *e, cr_bytes *b, int byte) {
  put(e, b, &(uint8_t){(uint8_t)byte}, 1);
}

static void put_number(encoder *e, cr_bytes *b, uint32_t n) {
  put(e, b, &n, sizeof n);
}

static void put_text(encoder *e, cr_bytes *b, int index) {
  size_t n;
  const char *text = lua_tolstring(e->L, index, &n);
  put(e, b, &n, sizeof n);
  put(e, b, text, n);
}

/* Adds a reference, which the message owns from the beginning: also when this fails. */
static void put_held(encoder *e, void *object, void (*release)(void *)) {
  uint32_t number = (uint32_t)(e->m->held.length / sizeof(cr_held));
  if (!append(&e->m->held, &(cr_held){object, release}, sizeof(cr_held))) {
    release(object);
    luaL_error(e->L, "not enough memory for a message");
  }
  put_number(e, &e->m->heads, number);
}

/* ---- errors ----------------------------------------------------------------------------- */

static met met_of(const encoder *e, uint32_t id) {
  met m;
  memcpy(&m, e->m->met.bytes + (id - 1) * sizeof m, sizeof m);
  return m;
}

/* Replaces the key on the top by how a script would write it. */
static void describe_key(lua_State *L) {
  int key = lua_gettop(L);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  bool plain = text && *text && !(*text >= '0' && *text <= '9');
  for (const char *p = text; plain && *p; p++)
    plain = *p == '_' || (*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z');
  if (plain)
    lua_pushfstring(L, ".%s", text);
  else if (text)
    lua_pushfstring(L, "[\"%s\"]", text);
  else if (lua_isnumber(L, -1) || lua_isboolean(L, -1))
    lua_pushfstring(L, "[%s]", luaL_tolstring(L, -1, NULL));
  else
    lua_pushfstring(L, "[a %s]", luaL_typename(L, -1));
  lua_replace(L, key);
  lua_settop(L, key);
}

/* Pushes how the value at the absolute index `value` lies in the table on the top, or nothing. */
static bool step_in_table(lua_State *L, int value) {
  int table = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_rawequal(L, -1, value)) {
      lua_pop(L, 1);
      describe_key(L);
      lua_settop(L, table + 1);
      return true;
    }
    if (lua_rawequal(L, -2, value)) {
      lua_settop(L, table);
      lua_pushliteral(L, " (a key)");
      return true;
    }
    lua_pop(L, 1);
  }
  if (!lua_getmetatable(L, table)) return false;
  bool is = lua_rawequal(L, -1, value);
  lua_settop(L, table);
  if (is) lua_pushliteral(L, " (its metatable)");
  return is;
}

static bool step_in_function(lua_State *L, int value) {
  const char *name;
  for (int i = 1; (name = lua_getupvalue(L, -1, i)); i++) {
    bool is = lua_rawequal(L, -1, value);
    lua_pop(L, 1);
    if (!is) continue;
    lua_pushfstring(L, ".upvalue %s", *name ? name : "?");
    return true;
  }
  return false;
}

static void push_root_name(encoder *e, int value) {
  lua_State *L = e->L;
  for (int i = 0; i < e->nroots; i++) {
    if (!lua_rawequal(L, e->roots + i, value)) continue;
    if (i == 0 && e->called->first)
      lua_pushstring(L, e->called->first);
    else
      lua_pushfstring(L, "%s %d", e->called->rest, i + !e->called->first);
    return;
  }
  lua_pushliteral(L, "a value");
}

/* Pushes the step from object `parent` to the value at the absolute index. */
static void push_step(encoder *e, uint32_t parent, int value) {
  lua_State *L = e->L;
  if (parent == 0) {
    push_root_name(e, value);
    return;
  }
  int top = lua_gettop(L);
  lua_rawgeti(L, e->list, parent);
  bool found = lua_istable(L, -1)      ? step_in_table(L, value)
               : lua_isfunction(L, -1) ? step_in_function(L, value)
                                       : false;
  if (!found) lua_pushliteral(L, "[?]");
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}

/* Pushes the path of the value at the absolute index, which is met in the current object. */
static void push_path(encoder *e, int value) {
  lua_State *L = e->L;
  luaL_checkstack(L, STEPS + 10, NULL);
  lua_pushvalue(L, value);
  lua_pushliteral(L, "");
  int at = lua_gettop(L) - 1;
  uint32_t id = e->current;
  for (int steps = 0;; steps++) {
    push_step(e, id, at);
    lua_insert(L, -2);
    lua_concat(L, 2);
    if (id == 0) break;
    if (steps == STEPS) {
      lua_pushliteral(L, "...");
      lua_insert(L, -2);
      lua_concat(L, 2);
      break;
    }
    lua_rawgeti(L, e->list, id);
    lua_replace(L, at);
    id = met_of(e, id).parent;
  }
  lua_remove(L, at);
}

static void refuse(encoder *e, int index) {
  lua_State *L = e->L;
  index = lua_absindex(L, index);
  push_path(e, index);
  const char *path = lua_tostring(L, -1), *what = luaL_typename(L, index);
  if (lua_isfunction(L, index)) what = "C function that no package has";
  if (lua_type(L, index) == LUA_TTHREAD) what = "coroutine";
  if (lua_type(L, index) == LUA_TUSERDATA && luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
    what = strcmp(lua_tostring(L, -1), "FILE*") == 0 ? "file" : lua_tostring(L, -1);
  cr_fail("%s%s: %s %s cannot go to another thread", e->current || !e->called->first ? "" : "the ",
          path, strchr("aeiou", *what) ? "an" : "a", what);
  cr_lua_error(L);
}

/* ---- values and the heads of objects ---------------------------------------------------- */

static void put_value(encoder *e, cr_bytes *b, int index);
static uint32_t object(encoder *e, int index);

/* The number of the object whose key for `seen` is on the top; 0: it has none yet. */
static uint32_t known(encoder *e) {
  lua_rawget(e->L, e->seen);
  uint32_t id = (uint32_t)lua_tointeger(e->L, -1);
  lua_pop(e->L, 1);
  return id;
}

/* Gives the value at `index` the next number and begins its head; its key for `seen` is on the top
 * and goes. */
static uint32_t enlist(encoder *e, int index, int kind) {
  lua_State *L = e->L;
  if (e->count == UINT32_MAX) luaL_error(L, "too many values for a message");
  uint32_t id = ++e->count;
  lua_pushinteger(L, id);
  lua_rawset(L, e->seen);
  lua_pushvalue(L, index);
  lua_rawseti(L, e->list, id);
  put(e, &e->m->met, &(met){e->current, kind}, sizeof(met));
  put_byte(e, &e->m->heads, kind);
  return id;
}

static uint32_t enlist_value(encoder *e, int index, int kind) {
  lua_pushvalue(e->L, index);
  return enlist(e, index, kind);
}

static void release_tensor(void *t) {
  cr_release(t);
}

static void release_storage(void *s) {
  cr_storage_release(s);
}

/* A storage as it goes: itself, or one copy however many tensors share it. */
static cr_storage *storage_to_send(encoder *e, cr_storage *s) {
  if (!s || !e->copy) return cr_storage_retain(s);
  lua_State *L = e->L;
  if (lua_rawgetp(L, e->seen, (char *)s + 1) != LUA_TNIL) { /* an address of its own */
    s = cr_storage_retain(cr_to_storage(L, -1));
    lua_pop(L, 1);
    return s;
  }
  lua_pop(L, 1);
  cr_tensor *whole = cr_view_storage(s, (cr_dtype)s->dtype, 0, 1, &s->size, NULL);
  cr_tensor *copied = cr_clone(whole);
  cr_release(whole);
  cr_storage *copy = copied ? cr_storage_retain(copied->storage) : NULL;
  cr_release(copied);
  cr_push_storage(L, copy);
  lua_rawsetp(L, e->seen, (char *)s + 1);
  return cr_storage_retain(copy);
}

static uint32_t tensor(encoder *e, int index, cr_tensor *t) {
  lua_State *L = e->L;
  lua_pushlightuserdata(L, t);
  uint32_t id = known(e);
  if (id) return id;
  lua_pushlightuserdata(L, t);
  id = enlist(e, index, CR_HEAD_TENSOR);
  cr_storage *s = t->storage ? storage_to_send(e, t->storage) : NULL;
  cr_tensor *sent = s || !t->storage ? cr_view_storage(s, (cr_dtype)t->dtype, t->offset, t->ndim,
                                                       t->shape, t->stride)
                                     : NULL;
  cr_storage_release(s);
  if (!sent) cr_lua_error(L);
  put_held(e, sent, release_tensor);
  put_byte(e, &e->m->heads, cr_requires_grad(t));
  e->m->weight += (size_t)cr_numel(t) * cr_sizeof((cr_dtype)t->dtype);
  return id;
}

static uint32_t storage(encoder *e, int index, cr_storage *s) {
  lua_State *L = e->L;
  lua_pushlightuserdata(L, s);
  uint32_t id = known(e);
  if (id) return id;
  lua_pushlightuserdata(L, s);
  id = enlist(e, index, CR_HEAD_STORAGE);
  cr_storage *sent = storage_to_send(e, s);
  put_held(e, sent, release_storage);
  e->m->weight += (size_t)s->size * cr_sizeof((cr_dtype)s->dtype);
  return id;
}

static void release_shared(void *s) {
  cr_shared_release(s);
}

static uint32_t shared(encoder *e, int index, cr_shared *s) {
  uint32_t id = enlist_value(e, index, CR_HEAD_SHARED);
  put_held(e, cr_shared_retain(s), release_shared);
  return id;
}

static void release_message(void *m) {
  cr_message_free(m);
}

/* A message in a message, which leaves its holder. */
static uint32_t message(encoder *e, int index) {
  uint32_t id = enlist_value(e, index, CR_HEAD_MESSAGE);
  put_held(e, cr_message_take(e->L, index), release_message);
  return id;
}

static uint32_t named(encoder *e, int index, int path) {
  uint32_t id = enlist_value(e, index, CR_HEAD_NAMED);
  put_text(e, &e->m->heads, path);
  return id;
}

/* The class whose name is on the top, which goes; the classes above it come first. */
static uint32_t class(encoder *e, int index) {
  lua_State *L = e->L;
  int name = lua_gettop(L), flags = cr_class_flags(L, index);
  uint32_t parent = 0;
  if (flags && cr_push_parent(L, index)) {
    if (++e->classes > CLASSES)
      luaL_error(L, "%s: too many classes below each other", lua_tostring(L, name));
    parent = object(e, -1);
    e->classes--;
    lua_pop(L, 1);
  }
  uint32_t id = enlist_value(e, index, CR_HEAD_CLASS);
  put_text(e, &e->m->heads, name);
  put_byte(e, &e->m->heads, flags);
  put_number(e, &e->m->heads, parent);
  lua_pop(L, 1);
  return id;
}

static uint32_t constructor(encoder *e, int index) {
  uint32_t class_id = object(e, -1);
  uint32_t id = enlist_value(e, index, CR_HEAD_CONSTRUCTOR);
  put_number(e, &e->m->heads, class_id);
  lua_pop(e->L, 1);
  return id;
}

static uint32_t table(encoder *e, int index) {
  lua_State *L = e->L;
  if (cr_push_class_name(L, index)) return class(e, index);
  if (cr_push_constructed(L, index)) return constructor(e, index);
  uint32_t id = enlist_value(e, index, CR_HEAD_TABLE);
  size_t length = lua_rawlen(L, index);
  put_number(e, &e->m->heads, length > INT32_MAX ? INT32_MAX : (uint32_t)length);
  return id;
}

static int write_code(lua_State *L, const void *bytes, size_t n, void *b) {
  (void)L;
  return append(b, bytes, n) ? 0 : 1;
}

static uint32_t function(encoder *e, int index) {
  lua_State *L = e->L;
  if (lua_iscfunction(L, index)) refuse(e, index);
  uint32_t id = enlist_value(e, index, CR_HEAD_FUNCTION);
  size_t at = e->m->heads.length, n = 0;
  put(e, &e->m->heads, &n, sizeof n);
  lua_pushvalue(L, index);
  int failed = lua_dump(L, write_code, &e->m->heads, 0);
  lua_pop(L, 1);
  if (failed) luaL_error(L, "not enough memory for a message");
  n = e->m->heads.length - at - sizeof n;
  memcpy(e->m->heads.bytes + at, &n, sizeof n);
  return id;
}

/* The path of the value in a package, which it pushes when there is one. */
static bool push_name(encoder *e, int index) {
  lua_State *L = e->L;
  if (lua_isnil(L, e->names)) { /* numbers and strings need none */
    cr_push_names(L);
    lua_replace(L, e->names);
  }
  lua_pushvalue(L, index);
  if (lua_rawget(L, e->names) == LUA_TNIL && lua_iscfunction(L, index)) {
    lua_pop(L, 1); /* it may have come into a package after the others */
    cr_renew_names(L);
    cr_push_names(L);
    lua_replace(L, e->names);
    lua_pushvalue(L, index);
    lua_rawget(L, e->names);
  }
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* The number of the object at `index`, whose head is written when it is met first. */
static uint32_t object(encoder *e, int index) {
  lua_State *L = e->L;
  index = lua_absindex(L, index);
  luaL_checkstack(L, 20, "a message");
  cr_tensor *t = cr_to_tensor(L, index);
  if (t) return tensor(e, index, t);
  cr_storage *s = cr_to_storage(L, index);
  if (s) return storage(e, index, s);
  lua_pushvalue(L, index);
  uint32_t id = known(e);
  if (id) return id;
  if (push_name(e, index)) {
    id = named(e, index, lua_gettop(L));
    lua_pop(L, 1);
    return id;
  }
  cr_shared *other = cr_to_shared(L, index);
  if (other) return shared(e, index, other);
  if (cr_message_peek(L, index)) return message(e, index);
  if (lua_istable(L, index)) return table(e, index);
  if (!lua_isfunction(L, index)) refuse(e, index);
  return function(e, index);
}

static void put_value(encoder *e, cr_bytes *b, int index) {
  lua_State *L = e->L;
  switch (lua_type(L, index)) {
  case LUA_TNIL: put_byte(e, b, CR_SENT_NIL); return;
  case LUA_TBOOLEAN: put_byte(e, b, lua_toboolean(L, index) ? CR_SENT_TRUE : CR_SENT_FALSE); return;
  case LUA_TLIGHTUSERDATA: /* json.null is one */
    put_byte(e, b, CR_SENT_POINTER);
    put(e, b, &(void *){lua_touserdata(L, index)}, sizeof(void *));
    return;
  case LUA_TSTRING:
    put_byte(e, b, CR_SENT_STRING);
    put_text(e, b, index);
    return;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index)) {
      put_byte(e, b, CR_SENT_INT);
      put(e, b, &(lua_Integer){lua_tointeger(L, index)}, sizeof(lua_Integer));
    } else {
      put_byte(e, b, CR_SENT_FLOAT);
      put(e, b, &(lua_Number){lua_tonumber(L, index)}, sizeof(lua_Number));
    }
    return;
  }
  uint32_t id = object(e, index);
  put_byte(e, b, CR_SENT_OBJECT);
  put_number(e, b, id);
}

/* ---- the bodies of objects -------------------------------------------------------------- */

static void put_pair(encoder *e) {
  put_value(e, &e->m->bodies, -2);
  put_value(e, &e->m->bodies, -1);
}

/* What torch.class itself has put into a class is left out. */
static void class_body(encoder *e) {
  lua_State *L = e->L;
  int class = lua_gettop(L);
  if (cr_class_flags(L, class)) {
    lua_pushnil(L);
    while (lua_next(L, class)) {
      if (!cr_class_made_field(L, class)) put_pair(e);
      lua_pop(L, 1);
    }
  }
  put_byte(e, &e->m->bodies, CR_SENT_END);
}

static void table_body(encoder *e) {
  lua_State *L = e->L;
  int table = lua_gettop(L);
  bool copy = e->copy;
  if (lua_getmetatable(L, table)) {
    uint32_t meta = object(e, -1);
    put_number(e, &e->m->metas, e->current);
    put_number(e, &e->m->metas, meta);
    lua_pushliteral(L, "__typename"); /* generators do not share their state */
    if (lua_rawget(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "torch.Generator") == 0)
      e->copy = true;
    lua_settop(L, table);
  }
  lua_pushnil(L);
  while (lua_next(L, table)) {
    put_pair(e);
    lua_pop(L, 1);
  }
  e->copy = copy;
  put_byte(e, &e->m->bodies, CR_SENT_END);
}

/* Each variable that a function sees: its value, or which earlier function's it is. */
static void function_body(encoder *e) {
  lua_State *L = e->L;
  int f = lua_gettop(L);
  const char *name;
  for (int i = 1; (name = lua_getupvalue(L, f, i)); i++) {
    if (strcmp(name, "_ENV") == 0) { /* the globals are each interpreter's own */
      lua_pop(L, 1);
      lua_pushglobaltable(L);
    }
    void *variable = lua_upvalueid(L, f, i);
    lua_Integer first = lua_rawgetp(L, e->seen, variable) ? lua_tointeger(L, -1) : 0;
    lua_pop(L, 1);
    if (first) {
      put_byte(e, &e->m->bodies, CR_SENT_END);
      put_number(e, &e->m->bodies, (uint32_t)(first / UPVALUES));
      put_byte(e, &e->m->bodies, (int)(first % UPVALUES));
    } else {
      lua_pushinteger(L, (lua_Integer)e->current * UPVALUES + i);
      lua_rawsetp(L, e->seen, variable);
      put_value(e, &e->m->bodies, -1);
    }
    lua_pop(L, 1);
  }
}

static void push_and_put_grad(encoder *e, cr_tensor *t) {
  cr_tensor *grad = cr_requires_grad(t) && cr_is_leaf(t) ? cr_grad(t) : NULL;
  if (grad)
    cr_push_tensor(e->L, cr_retain(grad));
  else
    lua_pushnil(e->L);
  put_value(e, &e->m->bodies, -1);
}

static void put_body(encoder *e) {
  lua_State *L = e->L;
  luaL_checkstack(L, 20, "a message");
  int top = lua_gettop(L);
  lua_rawgeti(L, e->list, e->current);
  switch (met_of(e, e->current).kind) {
  case CR_HEAD_TENSOR: push_and_put_grad(e, cr_to_tensor(L, -1)); break;
  case CR_HEAD_TABLE: table_body(e); break;
  case CR_HEAD_CLASS: class_body(e); break;
  case CR_HEAD_FUNCTION: function_body(e); break;
  default: break; /* the head says everything */
  }
  lua_settop(L, top);
}

void cr_message_encode(lua_State *L, int first, int n, const cr_message_names *called, bool copy) {
  encoder e = {
      .L = L, .called = called, .roots = lua_absindex(L, first), .nroots = n, .copy = copy};
  luaL_checkstack(L, 20, "a message");
  int top = lua_gettop(L);
  cr_message **holder = cr_message_push_holder(L);
  cr_message *m = e.m = cr_malloc(sizeof *e.m);
  if (!m) luaL_error(L, "not enough memory for a message");
  *m = (cr_message){0};
  *holder = m;
  lua_newtable(L);
  lua_newtable(L);
  lua_pushnil(L);
  e.seen = top + 2, e.list = top + 3, e.names = top + 4;
  put_number(&e, &m->bodies, (uint32_t)n);
  for (int i = 0; i < n; i++) put_value(&e, &m->bodies, e.roots + i);
  for (e.current = 1; e.current <= e.count; e.current++) put_body(&e);
  lua_settop(L, top + 1);
}
