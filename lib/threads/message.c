/* message.c: what holds a message, in Lua and outside. */
#include "lib/threads/message.h"

#include <string.h>

#include <lauxlib.h>

#include "tensor/tensor.h"

static const char holder_key; /* of the holders' metatable */

static void free_bytes(cr_bytes *b) {
  if (b->bytes) cr_free(b->bytes, b->capacity);
  *b = (cr_bytes){0};
}

static void free_one(cr_message *m) {
  cr_held *held = (cr_held *)(void *)m->held.bytes;
  for (size_t i = 0; i < m->held.length / sizeof *held; i++)
    if (held[i].object) held[i].release(held[i].object);
  free_bytes(&m->heads);
  free_bytes(&m->bodies);
  free_bytes(&m->metas);
  free_bytes(&m->met);
  free_bytes(&m->held);
  cr_free(m, sizeof *m);
}

/* What a message holds may be messages, or queues of them, however deep in one another: those wait
 * until the one at hand is gone, so that the stack does not grow with them. */
void cr_message_free(cr_message *m) {
  static _Thread_local cr_message *waiting;
  static _Thread_local bool busy;
  if (!m) return;
  m->next = waiting;
  waiting = m;
  if (busy) return;
  busy = true;
  while ((m = waiting)) {
    waiting = m->next;
    free_one(m);
  }
  busy = false;
}

static int collect(lua_State *L) {
  cr_message **holder = lua_touserdata(L, 1);
  cr_message *m = *holder;
  *holder = NULL;
  cr_message_free(m);
  return 0;
}

cr_message **cr_message_push_holder(lua_State *L) {
  cr_message **holder = lua_newuserdatauv(L, sizeof *holder, 0);
  *holder = NULL;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &holder_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "message between threads");
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &holder_key);
  }
  lua_setmetatable(L, -2);
  return holder;
}

/* The holder at `index`, or NULL. */
static cr_message **to_holder(lua_State *L, int index) {
  cr_message **holder = lua_touserdata(L, index);
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &holder_key);
  bool is = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is ? holder : NULL;
}

cr_message *cr_message_peek(lua_State *L, int index) {
  cr_message **holder = to_holder(L, index);
  return holder ? *holder : NULL;
}

cr_message *cr_message_take(lua_State *L, int index) {
  cr_message **holder = to_holder(L, index), *m = holder ? *holder : NULL;
  if (holder) *holder = NULL;
  return m;
}
