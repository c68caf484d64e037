/* sampler.c: which lines of a script its time goes to.
 *
 * A timer's signal sets a hook on the coroutine that runs, which fires at the next instruction of
 * Lua or when the C function that is running returns, and gives the time since the last sample to
 * the lines on the stack: so a long call into C counts at the line that made it.  Between samples
 * the script runs at full speed.
 *
 * Lua has one hook a coroutine.  Whoever has it keeps it: the sampler starts only where there is
 * none, keeps the debugger from taking it, and takes no sample while debug.sethook has it.  The
 * interrupt overwrites any. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "vm/interp.h"

#define SAMPLER "cresset.sampler"
static const char owner[] = "the profiler";
#define WHERE 96
#define SLOTS 4096 /* lines that are told apart; what is more goes to the rest */
#define LEVELS 200

typedef struct {
  char where[WHERE];
  uint64_t own, total; /* nanoseconds */
  uint64_t samples, seen;
} line;

typedef struct {
  cresset *interp;
  timer_t timer;
  bool running;
  uint64_t last, rest, samples;
  int nlines;
  line lines[SLOTS];
} sampler;

/* The sampler of this thread.  The signal comes to the thread that started the timer. */
static _Thread_local sampler *_Atomic active;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- samples ---------------------------------------------------------------------------- */

/* The line's entry, made if need be; NULL when there is no room. */
static line *entry(sampler *s, const char *where) {
  size_t h = 14695981039346656037u;
  for (const char *c = where; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
  for (size_t i = h ^ (h >> 29);; i++) {
    line *l = &s->lines[i % SLOTS];
    if (strcmp(l->where, where) == 0) return l;
    if (l->where[0]) continue;
    if (s->nlines >= SLOTS * 3 / 4) return NULL;
    s->nlines++;
    strcpy(l->where, where);
    return l;
  }
}

static void take(sampler *s, lua_State *L) {
  uint64_t t = now(), spent = t - s->last;
  lua_Debug ar;
  char where[WHERE];
  bool innermost = true;
  s->samples++;
  for (int level = 0; level < LEVELS && lua_getstack(L, level, &ar); level++) {
    if (!cr_script_place(L, &ar, where, sizeof where)) continue;
    line *l = entry(s, where);
    if (innermost && l) {
      l->own += spent;
      l->samples++;
    }
    if (innermost && !l) s->rest += spent;
    innermost = false;
    if (!l || l->seen == s->samples) continue; /* recursion counts once */
    l->seen = s->samples;
    l->total += spent;
  }
  if (innermost) s->rest += spent;
  s->last = now(); /* what the sample itself took is nobody's */
}

static void on_sample(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (lua_gethook(L) == on_sample) lua_sethook(L, NULL, 0, 0);
  sampler *s = active;
  if (!s) return;          /* a coroutine inherited the hook of a sampler that is gone */
  cr_run_check(s->interp); /* an interrupt may have come just before its hook was taken off */
  take(s, L);
}

static void on_tick(int sig) {
  (void)sig;
  int error = errno;
  sampler *s = active;
  lua_State *L = s ? atomic_load(&s->interp->running) : NULL;
  if (L && !lua_gethook(L)) lua_sethook(L, on_sample, LUA_MASKRET | LUA_MASKCOUNT, 1);
  errno = error;
}

/* ---- starting and stopping -------------------------------------------------------------- */

static bool install_signal(void) {
  struct sigaction action;
  if (sigaction(SIGPROF, NULL, &action)) return false;
  if (action.sa_handler == on_tick) return true;
  if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) return false;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGPROF, &action, NULL) == 0;
}

static void stop(sampler *s) {
  if (!s->running) return;
  timer_delete(s->timer);
  s->running = false;
  active = NULL;
  cr_drop_hook(s->interp, owner);
  lua_State *L = atomic_load(&s->interp->running);
  if (L && lua_gethook(L) == on_sample) lua_sethook(L, NULL, 0, 0);
  cr_run_check(s->interp);
}

/* start(): begins; an object for stop, which ends it as a variable that is closed as well. */
static int sampler_start(lua_State *L) {
  cresset *c = cr_interp_of(L);
  if (active) return luaL_error(L, "the lines are being sampled already");
  const char *other = c->hook_owner;
  if (lua_gethook(L) || other)
    return luaL_error(L, "%s has the hook that sampling lines needs; take it off first",
                      other ? other : "debug.sethook");
  if (!install_signal()) return luaL_error(L, "the signal SIGPROF is in use by something else");
  sampler *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  s->interp = c;
  luaL_setmetatable(L, SAMPLER);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  if (timer_create(CLOCK_MONOTONIC, &event, &s->timer))
    return luaL_error(L, "no timer: %s", strerror(errno));
  s->running = true;
  cr_take_hook(c, owner, NULL, 0, 0, &other); /* nobody else's while it runs */
  s->last = now();
  active = s;
  /* Not in step with whatever the script does each millisecond. */
  struct itimerspec each = {{0, 997000}, {0, 997000}};
  timer_settime(s->timer, 0, &each, NULL);
  return 1;
}

static int sampler_close(lua_State *L) {
  stop(luaL_checkudata(L, 1, SAMPLER));
  return 0;
}

static void set_seconds(lua_State *L, const char *name, uint64_t nanoseconds) {
  lua_pushnumber(L, (double)nanoseconds * 1e-9);
  lua_setfield(L, -2, name);
}

/* stop(s): {{where = "file:line", own = seconds, total = seconds, samples = n}, ..}, the number of
 * samples, and the seconds that belong to no line. */
static int sampler_stop(lua_State *L) {
  sampler *s = luaL_checkudata(L, 1, SAMPLER);
  stop(s);
  lua_createtable(L, s->nlines, 0);
  for (int i = 0, n = 0; i < SLOTS; i++) {
    const line *l = &s->lines[i];
    if (!l->where[0]) continue;
    lua_createtable(L, 0, 4);
    lua_pushstring(L, l->where);
    lua_setfield(L, -2, "where");
    set_seconds(L, "own", l->own);
    set_seconds(L, "total", l->total);
    lua_pushinteger(L, (lua_Integer)l->samples);
    lua_setfield(L, -2, "samples");
    lua_rawseti(L, -2, ++n);
  }
  lua_pushinteger(L, (lua_Integer)s->samples);
  lua_pushnumber(L, (double)s->rest * 1e-9);
  return 3;
}

static int open(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"start", sampler_start}, {"stop", sampler_stop}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"__close", sampler_close}, {"__gc", sampler_close}, {NULL, NULL}};
  if (luaL_newmetatable(L, SAMPLER)) luaL_setfuncs(L, methods, 0);
  luaL_newlib(L, functions);
  return 1;
}

void cr_open_sampler(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, "cresset._sampler");
  lua_pop(L, 1);
}
