/* threads_lua.c: require "threads._core": pools, messages and what threads share, in Lua. */
#include <limits.h>

#include <lauxlib.h>

#include "lib/openers.h"
#include "lib/threads/message.h"
#include "lib/threads/pool.h"
#include "lib/threads/shared.h"
#include "lib/threads/wait.h"
#include "lib/torch/torch_lua.h"
#include "lib/packages.h"

#define SLICE 100 /* milliseconds between two looks whether the user wants to stop */
#define MOST 1024 /* threads of a pool */
#define MANY 32   /* threads of all pools: garbage may hold some */

static const char pool_name[] = "threads.pool", answer_name[] = "threads.answer";

/* ---- messages --------------------------------------------------------------------------- */

/* pack(copy, ...): the values as a message; unpack(message [, keep]): its values; with `keep` it
 * can be unpacked again. */
static int f_pack(lua_State *L) {
  static const cr_message_names names = {NULL, "value"};
  luaL_checkany(L, 1);
  cr_message_encode(L, 2, lua_gettop(L) - 1, &names, lua_toboolean(L, 1));
  return 1;
}

static int f_unpack(lua_State *L) {
  return cr_message_decode(L, 1, lua_toboolean(L, 2));
}

/* torch7(): whether this interpreter behaves as Torch7 did */
static int f_torch7(lua_State *L) {
  lua_pushboolean(L, cr_torch7_mode(L));
  return 1;
}

/* ---- pools ------------------------------------------------------------------------------ */

static cr_pool *check_pool(lua_State *L) {
  cr_pool **box = luaL_checkudata(L, 1, pool_name);
  if (!*box) luaL_error(L, "the threads of this pool have ended");
  return *box;
}

/* pool(n) */
static int f_pool(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  if (n < 1 || n > MOST) return luaL_argerror(L, 1, "between 1 and 1024 threads are wanted");
  lua_getfield(L, LUA_REGISTRYINDEX, CR_THREAD_HOST_KEY);
  const cr_thread_host *host = lua_touserdata(L, -1);
  if (!host) return luaL_error(L, "threads cannot be started in this program");
  if (cr_pool_threads() + n > MANY) lua_gc(L, LUA_GCCOLLECT);
  cr_pool **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, pool_name);
  *box = cr_pool_new(host, cr_torch7_mode(L), (int)n);
  if (!*box) return luaL_error(L, "the system does not let %d more threads start", (int)n);
  return 1;
}

/* pool:put(worker, id, copy, callback, ...) */
static int m_put(lua_State *L) {
  static const cr_message_names names = {"callback", "argument"};
  cr_pool *p = check_pool(L);
  int worker = (int)luaL_checkinteger(L, 2);
  lua_Integer id = luaL_checkinteger(L, 3);
  bool copy = lua_toboolean(L, 4);
  luaL_checktype(L, 5, LUA_TFUNCTION);
  cr_message_encode(L, 5, lua_gettop(L) - 4, &names, copy);
  cr_message *m = cr_message_take(L, -1);
  if (cr_pool_put(p, worker, id, copy, m)) return 0;
  cr_message_free(m);
  return luaL_error(L, "not enough memory for a job");
}

/* pool:waiting(worker) */
static int m_waiting(lua_State *L) {
  lua_pushinteger(L, cr_pool_waiting(check_pool(L), (int)luaL_checkinteger(L, 2)));
  return 1;
}

/* pool:hold(answers) */
static int m_hold(lua_State *L) {
  lua_Integer most = luaL_checkinteger(L, 2);
  luaL_argcheck(L, most >= 1 && most <= INT_MAX, 2, "at least one");
  cr_pool_hold(check_pool(L), (int)most);
  return 0;
}

/* pool:take(): the job's id, the worker and the answer; waits for it */
static int m_take(lua_State *L) {
  cr_pool *p = check_pool(L);
  cr_answer **box = lua_newuserdatauv(L, sizeof *box, 0), *a;
  *box = NULL;
  luaL_setmetatable(L, answer_name);
  while (!(a = cr_pool_take(p, SLICE))) {
    cr_check_interrupt(L);
    p = check_pool(L);
  }
  *box = a;
  lua_pushinteger(L, a->id);
  lua_pushinteger(L, a->worker);
  lua_rotate(L, -3, 2);
  return 3;
}

static int free_pool(lua_State *L) {
  cr_pool **box = luaL_checkudata(L, 1, pool_name), *p = *box;
  *box = NULL;
  cr_pool_free(p);
  return 0;
}

/* ---- answers ---------------------------------------------------------------------------- */

/* answer:open(): true and the results, or false and the error's message */
static int m_open(lua_State *L) {
  cr_answer **box = luaL_checkudata(L, 1, answer_name), *a = *box;
  if (!a) return luaL_error(L, "this answer was opened already");
  if (a->failed) {
    lua_pushboolean(L, false);
    lua_pushstring(L, a->error ? a->error : "not enough memory");
    return 2;
  }
  lua_settop(L, 1);
  lua_pushboolean(L, true);
  cr_message **holder = cr_message_push_holder(L);
  *holder = a->message;
  a->message = NULL;
  int n = cr_message_decode(L, 3, false);
  lua_remove(L, 3);
  return n + 1;
}

static int free_answer(lua_State *L) {
  cr_answer **box = luaL_checkudata(L, 1, answer_name), *a = *box;
  *box = NULL;
  cr_answer_free(a);
  return 0;
}

/* ---- opening ---------------------------------------------------------------------------- */

static const luaL_Reg functions[] = {
    {"pack", f_pack}, {"unpack", f_unpack}, {"pool", f_pool}, {"torch7", f_torch7}, {NULL, NULL}};
static const luaL_Reg pool_methods[] = {{"put", m_put},         {"hold", m_hold},
                                        {"waiting", m_waiting}, {"take", m_take},
                                        {"stop", free_pool},    {NULL, NULL}};
static const luaL_Reg answer_methods[] = {{"open", m_open}, {NULL, NULL}};

static void new_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

int luaopen_threads_core(lua_State *L) {
  cr_need_files(L, "threads");
  new_type(L, pool_name, pool_methods, free_pool);
  new_type(L, answer_name, answer_methods, free_answer);
  luaL_newlib(L, functions);
  cr_open_shared(L);
  return 1;
}
