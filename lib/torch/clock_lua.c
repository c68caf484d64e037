/* clock_lua.c: the clocks behind torch.Timer, torch.tic and torch.toc, and waiting. */
#include "lib/openers.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include <lauxlib.h>

#include "lib/torch/torch_lua.h"
#include "tensor/tensor.h"

/* now() -> seconds on a clock that never goes back. */
static int now(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
  return 1;
}

/* wall() -> seconds since 1970, which may jump when somebody sets the clock. */
static int wall(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  lua_pushnumber(L, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
  return 1;
}

static double seconds(struct timeval t) {
  return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* usage() -> seconds of processor time this process has used: its own, the system's for it. */
static int usage(lua_State *L) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  lua_pushnumber(L, seconds(u.ru_utime));
  lua_pushnumber(L, seconds(u.ru_stime));
  return 2;
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

/* sleep(seconds): returns sooner when the script is interrupted, not for any other signal. */
static int sleep_for(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  if (!(seconds > 0)) return 0;
  if (seconds > 1e9) seconds = 1e9;
  struct timespec t = {.tv_sec = (time_t)seconds};
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  cr_context *ctx = cr_ctx();
  while (nanosleep(&t, &t) && errno == EINTR)
    if (ctx->interrupted && ctx->interrupted(ctx->interrupted_ctx)) break;
  return 0;
}

int luaopen_torch_clock(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"now", now}, {"wall", wall}, {"usage", usage}, {"sleep", sleep_for}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
