/* shared_lua.c: mutexes, conditions and counters that several interpreters use at once. */
#include "lib/threads/shared.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/threads/wait.h"
#include "lib/torch/torch_lua.h"
#include "tensor/tensor.h"

#define SLICE 100 /* milliseconds between two looks whether the user wants to stop */
#define MOST_JOBS (1 << 20)

static const char *const names[CR_NSHARED] = {"threads.Mutex", "threads.Condition",
                                              "threads.AtomicCounter", "threads.Queue"};
static const char metatable_keys[CR_NSHARED];

/* All there are, so that an id can be told from any other number. */
static struct {
  pthread_mutex_t lock;
  cr_shared *first;
} all = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* ---- references ------------------------------------------------------------------------- */

static cr_shared *new_shared(cr_shared_kind kind) {
  cr_shared *s = cr_malloc(sizeof *s);
  if (!s) return NULL;
  *s = (cr_shared){.kind = kind};
  atomic_init(&s->refs, 1);
  if (!cr_cond_init(&s->changed)) {
    cr_free(s, sizeof *s);
    return NULL;
  }
  pthread_mutex_init(&s->lock, NULL);
  pthread_mutex_lock(&all.lock);
  s->next = all.first;
  if (s->next) s->next->back = &s->next;
  s->back = &all.first;
  all.first = s;
  pthread_mutex_unlock(&all.lock);
  return s;
}

cr_shared *cr_shared_retain(cr_shared *s) {
  atomic_fetch_add(&s->refs, 1);
  return s;
}

/* The last reference goes under the lock, so that find cannot give out what is being freed. */
void cr_shared_release(cr_shared *s) {
  if (!s) return;
  pthread_mutex_lock(&all.lock);
  bool last = atomic_fetch_sub(&s->refs, 1) == 1;
  if (last) {
    *s->back = s->next;
    if (s->next) s->next->back = s->back;
  }
  pthread_mutex_unlock(&all.lock);
  if (!last) return;
  for (; s->count > 0; s->count--) cr_message_free(s->slots[s->head++ % s->size]);
  free(s->slots);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  cr_free(s, sizeof *s);
}

/* A new reference to the one of that id. */
static cr_shared *find(cr_shared_kind kind, lua_Integer id) {
  pthread_mutex_lock(&all.lock);
  cr_shared *s = all.first;
  while (s && ((lua_Integer)(intptr_t)s != id || s->kind != kind)) s = s->next;
  if (s) cr_shared_retain(s);
  pthread_mutex_unlock(&all.lock);
  return s;
}

cr_shared *cr_to_shared(lua_State *L, int index) {
  cr_shared **box = lua_touserdata(L, index);
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return NULL;
  cr_shared *s = NULL;
  for (int k = 0; k < CR_NSHARED && !s; k++) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[k]) && lua_rawequal(L, -1, -2)) s = *box;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return s;
}

static cr_shared *check(lua_State *L, int arg, cr_shared_kind kind) {
  cr_shared *s = cr_to_shared(L, arg);
  if (!s || s->kind != kind) luaL_typeerror(L, arg, names[kind]);
  return s;
}

/* ---- all of them ------------------------------------------------------------------------ */

static int free_box(lua_State *L) {
  cr_shared **box = lua_touserdata(L, 1), *s = box ? *box : NULL;
  if (box) *box = NULL;
  cr_shared_release(s);
  return 0;
}

/* m:free(): only of what is one. */
static int m_free(lua_State *L) {
  if (!cr_to_shared(L, 1)) return luaL_error(L, "free: this object was freed, or is none");
  return free_box(L);
}

static int m_id(lua_State *L) {
  cr_shared *s = cr_to_shared(L, 1);
  if (!s) return luaL_error(L, "id: this object was freed, or is none");
  lua_pushinteger(L, (lua_Integer)(intptr_t)s);
  return 1;
}

static int text(lua_State *L) {
  cr_shared *s = cr_to_shared(L, 1);
  if (s && s->kind == CR_COUNTER)
    lua_pushfstring(L, "%s: %I", names[CR_COUNTER], (LUAI_UACINT)atomic_load(&s->value));
  else
    lua_pushfstring(L, "%s: %p", s ? names[s->kind] : "freed", (void *)s);
  return 1;
}

/* ---- mutexes ---------------------------------------------------------------------------- */

/** threads.Mutex([id]); mutex:lock(); mutex:unlock(); mutex:id(); mutex:free()
 *
 *  A lock that one thread at a time holds; lock waits for it.  A mutex that is an upvalue or an
 *  argument of a job is the same in every thread.
 *
 *  id: number that another one's id method gave: then it is that one
 *  Returns: a mutex; id: a number that names it in all threads
 *  Errors: unlock: it is not locked; there is none of this id
 *  From: Torch7
 *  Example:
 *    mutex = threads.Mutex()
 *    mutex:lock()
 *    mutex:unlock()
 *    threads.Mutex(mutex:id()):id() == mutex:id() --> true
 */
static int m_lock(lua_State *L) {
  cr_shared *s = check(L, 1, CR_MUTEX);
  pthread_mutex_lock(&s->lock);
  while (s->locked) {
    bool woken = cr_wait_a_while(&s->changed, &s->lock, SLICE);
    if (woken) continue;
    pthread_mutex_unlock(&s->lock);
    cr_check_interrupt(L);
    pthread_mutex_lock(&s->lock);
  }
  s->locked = true;
  pthread_mutex_unlock(&s->lock);
  return 0;
}

static bool unlock(cr_shared *s) {
  pthread_mutex_lock(&s->lock);
  bool was = s->locked;
  s->locked = false;
  if (was) pthread_cond_signal(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return was;
}

static int m_unlock(lua_State *L) {
  if (!unlock(check(L, 1, CR_MUTEX))) return luaL_error(L, "unlock: the mutex is not locked");
  return 0;
}

/* ---- conditions ------------------------------------------------------------------------- */

/** threads.Condition([id]); condition:wait(mutex); condition:signal(); condition:broadcast()
 *  condition:id(); condition:free()
 *
 *  Something that threads wait for.  wait unlocks the mutex, waits for a signal and takes the
 *  lock again; signal wakes one of the threads that wait, broadcast all.
 *
 *  id: number that another one's id method gave: then it is that one
 *  mutex: threads.Mutex that this thread has locked
 *  Returns: a condition; id: a number that names it in all threads
 *  Errors: wait: the mutex is not locked; there is none of this id
 *  From: Torch7
 *  Example:
 *    mutex, condition = threads.Mutex(), threads.Condition()
 *    pool = threads.Threads(1)
 *    mutex:lock()
 *    pool:addjob(function(m, c) m:lock() c:signal() m:unlock() end, nil, mutex, condition)
 *    condition:wait(mutex)
 *    mutex:unlock()
 */
static int check_interrupt(lua_State *L) {
  cr_check_interrupt(L);
  return 0;
}

/* Takes w off the list, on which it is unless it was woken. */
static void leave(cr_shared *c, const cr_waiter *w) {
  cr_waiter **at = &c->waiters;
  while (*at && *at != w) at = &(*at)->next;
  if (*at) *at = w->next;
}

/* A signal is for those who wait when it is given: each thread waits for its own to be set. */
static int m_wait(lua_State *L) {
  cr_shared *c = check(L, 1, CR_CONDITION), *m = check(L, 2, CR_MUTEX);
  cr_waiter w = {NULL, false}, **last = &c->waiters;
  pthread_mutex_lock(&c->lock);
  if (!unlock(m)) {
    pthread_mutex_unlock(&c->lock);
    return luaL_error(L, "wait: the mutex is not locked");
  }
  while (*last) last = &(*last)->next;
  *last = &w;
  int status = LUA_OK;
  while (!w.woken && status == LUA_OK) {
    if (cr_wait_a_while(&c->changed, &c->lock, SLICE)) continue;
    pthread_mutex_unlock(&c->lock);
    lua_pushcfunction(L, check_interrupt);
    status = lua_pcall(L, 0, 0, 0);
    pthread_mutex_lock(&c->lock);
  }
  leave(c, &w);
  pthread_mutex_unlock(&c->lock);
  if (status != LUA_OK) return lua_error(L);
  lua_pushcfunction(L, m_lock);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

static int wake(lua_State *L, bool all_of_them) {
  cr_shared *c = check(L, 1, CR_CONDITION);
  pthread_mutex_lock(&c->lock);
  for (cr_waiter *w; (w = c->waiters);) {
    w->woken = true;
    c->waiters = w->next;
    if (!all_of_them) break;
  }
  pthread_cond_broadcast(&c->changed);
  pthread_mutex_unlock(&c->lock);
  return 0;
}

static int m_signal(lua_State *L) {
  return wake(L, false);
}

static int m_broadcast(lua_State *L) {
  return wake(L, true);
}

/* ---- counters --------------------------------------------------------------------------- */

/** threads.AtomicCounter([value]); counter:inc([n]); counter:dec([n]); counter:get()
 *  counter:set(n); counter:id(); counter:free()
 *
 *  An integer that threads share.
 *
 *  value: 0 by default
 *  n: what is added, or taken away, or set; 1 by default
 *  Returns: a counter; inc, dec and get: its value then; set: the counter
 *  From: Torch7's tds
 *  Example:
 *    counter = threads.AtomicCounter()
 *    pool = threads.Threads(2)
 *    for i = 1, 10 do pool:addjob(function(c) c:inc() end, nil, counter) end
 *    pool:synchronize()
 *    counter:get() --> 10
 */
static int add(lua_State *L, lua_Integer n) {
  cr_shared *s = check(L, 1, CR_COUNTER);
  lua_pushinteger(L, (lua_Integer)((lua_Unsigned)atomic_fetch_add(&s->value, n) + (lua_Unsigned)n));
  return 1;
}

static int m_inc(lua_State *L) {
  return add(L, luaL_optinteger(L, 2, 1));
}

static int m_dec(lua_State *L) {
  return add(L, (lua_Integer)(0 - (lua_Unsigned)luaL_optinteger(L, 2, 1)));
}

static int m_get(lua_State *L) {
  lua_pushinteger(L, atomic_load(&check(L, 1, CR_COUNTER)->value));
  return 1;
}

static int m_set(lua_State *L) {
  cr_shared *s = check(L, 1, CR_COUNTER);
  atomic_store(&s->value, luaL_checkinteger(L, 2));
  lua_settop(L, 1);
  return 1;
}

/* ---- queues ----------------------------------------------------------------------------- */

/** threads.Queue(size); queue:addjob(callback [, ...]); queue:dojob(); queue:count(); queue:id()
 *  queue:free()
 *
 *  Jobs that any thread puts in and any thread does: addjob waits for a place, dojob for a job,
 *  which it calls in its own thread.
 *
 *  size: most jobs that may wait; or the id of a queue
 *  callback: function, to be called with the further arguments
 *  Returns: a queue; dojob: what the callback returned; count: how many jobs wait
 *  From: Torch7
 *  Example:
 *    queue = threads.Queue(2)
 *    queue:addjob(function(a, b) return a * b end, 6, 7)
 *    queue:dojob(), queue:count() --> 42 0
 */

/* Waits until q has a job, or (`room`) a place for one, with the lock then. */
static void wait_for(lua_State *L, cr_shared *q, bool room) {
  pthread_mutex_lock(&q->lock);
  while (room ? q->count == q->size : q->count == 0) {
    if (cr_wait_a_while(&q->changed, &q->lock, SLICE)) continue;
    pthread_mutex_unlock(&q->lock);
    cr_check_interrupt(L);
    pthread_mutex_lock(&q->lock);
  }
}

static int m_addjob(lua_State *L) {
  static const cr_message_names called = {"callback", "argument"};
  cr_shared *q = check(L, 1, CR_QUEUE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  cr_message_encode(L, 2, lua_gettop(L) - 1, &called, false);
  wait_for(L, q, true);
  q->slots[(q->head + q->count++) % q->size] = cr_message_take(L, -1);
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->lock);
  return 0;
}

static int m_dojob(lua_State *L) {
  cr_shared *q = check(L, 1, CR_QUEUE);
  lua_settop(L, 1);
  cr_message **holder = cr_message_push_holder(L);
  wait_for(L, q, false);
  *holder = q->slots[q->head];
  q->head = (q->head + 1) % q->size;
  q->count--;
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->lock);
  int n = cr_message_decode(L, 2, false);
  lua_call(L, n - 1, LUA_MULTRET);
  return lua_gettop(L) - 2;
}

static int m_count(lua_State *L) {
  cr_shared *q = check(L, 1, CR_QUEUE);
  pthread_mutex_lock(&q->lock);
  lua_pushinteger(L, q->count);
  pthread_mutex_unlock(&q->lock);
  return 1;
}

/* A new queue, which the place holds at once. */
static bool make_queue(cr_shared **box, int64_t size) {
  cr_shared *q = *box = new_shared(CR_QUEUE);
  if (!q) return false;
  q->slots = calloc((size_t)size, sizeof *q->slots);
  q->size = size;
  return q->slots != NULL;
}

/* Queue(size); the queue of another thread comes as an upvalue, an argument, or by its id, which is
 * an address and thus larger than any size. */
static int f_queue(lua_State *L) {
  lua_Integer size = luaL_checkinteger(L, 1);
  cr_shared **box = cr_push_shared(L, CR_QUEUE);
  if (size > MOST_JOBS && (*box = find(CR_QUEUE, size))) return 1;
  if (size < 1 || size > MOST_JOBS)
    return luaL_argerror(L, 1, "between 1 and 2^20 jobs are wanted, or the id of a queue");
  if (!make_queue(box, size)) return luaL_error(L, "%s: not enough memory", names[CR_QUEUE]);
  return 1;
}

/* ---- opening ---------------------------------------------------------------------------- */

static const luaL_Reg methods[CR_NSHARED][8] = {
    {{"lock", m_lock}, {"unlock", m_unlock}, {"id", m_id}, {"free", m_free}, {NULL, NULL}},
    {{"wait", m_wait},
     {"signal", m_signal},
     {"broadcast", m_broadcast},
     {"id", m_id},
     {"free", m_free},
     {NULL, NULL}},
    {{"inc", m_inc},
     {"dec", m_dec},
     {"get", m_get},
     {"set", m_set},
     {"id", m_id},
     {"free", m_free},
     {NULL, NULL}},
    {{"addjob", m_addjob},
     {"dojob", m_dojob},
     {"count", m_count},
     {"id", m_id},
     {"free", m_free},
     {NULL, NULL}},
};

static void push_metatable(lua_State *L, cr_shared_kind kind) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushcfunction(L, free_box);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, text);
  lua_setfield(L, -2, "__tostring");
  lua_pushstring(L, names[kind]);
  lua_setfield(L, -2, "__name");
  lua_newtable(L);
  luaL_setfuncs(L, methods[kind], 0);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
}

cr_shared **cr_push_shared(lua_State *L, cr_shared_kind kind) {
  cr_shared **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  push_metatable(L, kind);
  lua_setmetatable(L, -2);
  return box;
}

/* Mutex([id]), Condition([id]), AtomicCounter([value]): the kind is bound to the function. */
static int f_new(lua_State *L) {
  cr_shared_kind kind = (cr_shared_kind)lua_tointeger(L, lua_upvalueindex(1));
  lua_Integer id = luaL_optinteger(L, 1, 0);
  bool old = kind != CR_COUNTER && !lua_isnoneornil(L, 1);
  cr_shared **box = cr_push_shared(L, kind);
  *box = old ? find(kind, id) : new_shared(kind);
  if (!*box && old) return luaL_error(L, "%s: there is none with the id %I", names[kind], id);
  if (!*box) return luaL_error(L, "%s: not enough memory", names[kind]);
  if (kind == CR_COUNTER) atomic_store(&(*box)->value, id);
  return 1;
}

void cr_open_shared(lua_State *L) {
  for (int k = 0; k < CR_NSHARED; k++) {
    lua_pushinteger(L, k);
    lua_pushcclosure(L, k == CR_QUEUE ? f_queue : f_new, 1);
    lua_setfield(L, -2, strrchr(names[k], '.') + 1);
  }
}
