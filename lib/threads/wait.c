/* wait.c: waiting for other threads in a way that Ctrl-C ends. */
#include "lib/threads/wait.h"

#include <errno.h>
#include <time.h>

#include <lauxlib.h>

#include "tensor/tensor.h"

bool cr_cond_init(pthread_cond_t *c) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes)) return false;
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  bool ok = pthread_cond_init(c, &attributes) == 0;
  pthread_condattr_destroy(&attributes);
  return ok;
}

bool cr_wait_a_while(pthread_cond_t *c, pthread_mutex_t *lock, int milliseconds) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += milliseconds % 1000 * 1000000L;
  t.tv_sec += milliseconds / 1000 + t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return pthread_cond_timedwait(c, lock, &t) != ETIMEDOUT;
}

/* An interrupt is a hook, of Cresset's or of the host's, which fires when Lua runs. */
void cr_check_interrupt(lua_State *L) {
  static const char nothing_key;
  cr_context *c = cr_ctx();
  if (c->interrupted ? !c->interrupted(c->interrupted_ctx) : !lua_gethook(L)) return;
  luaL_checkstack(L, 3, NULL);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &nothing_key) != LUA_TFUNCTION) {
    lua_pop(L, 1);
    if (luaL_loadstring(L, "return") != LUA_OK) lua_error(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &nothing_key);
  }
  lua_call(L, 0, 0);
  if (c->interrupted && c->interrupted(c->interrupted_ctx)) luaL_error(L, "interrupted!");
}
