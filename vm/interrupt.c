/* interrupt.c: stopping a running script, from a signal handler, another thread, or os.exit.
 *
 * A hook that fires at every instruction raises the error; it stays until the host's outermost call
 * returns, because a script's own pcall would otherwise swallow the interrupt.  Lua gives each
 * coroutine its own hook and does not say which one runs, so coroutine.resume and coroutine.wrap
 * are replaced by versions that keep track. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vm/interp.h"

/* The innermost interpreter that runs on this thread.  A signal handler may read it: on a thread
 * that ran an interpreter the variable's memory is there already. */
static _Thread_local cresset *innermost;

static const char interp_key; /* its address is the interpreter's place in Lua's registry */

#define MOST_CLOSING 100 /* coroutines that are being closed, one inside another */

static int this_thread(void) {
  return (int)syscall(SYS_gettid);
}

static void on_instruction(lua_State *L, lua_Debug *ar);

void cr_arm_stop(cresset *c) {
  lua_State *L = atomic_load(&c->running);
  if (L) lua_sethook(L, on_instruction, LUA_MASKCOUNT, 1);
}

void cr_run_check(cresset *c) {
  if (atomic_load(&c->stop) != CR_GO && c->depth > 0) cr_arm_stop(c);
}

cresset *cr_interp_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &interp_key);
  cresset *c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return c;
}

static const char *stop_text(int stop) {
  return stop == CR_STOP_EXIT   ? "os.exit"
         : stop == CR_STOP_TIME ? "the limit of time is reached"
                                : "interrupted!";
}

/* Notes where the script was when it was first stopped. */
static void keep_report(lua_State *L, cresset *c, const char *text) {
  if (c->report) return;
  lua_pushcfunction(L, cr_traceback);
  lua_pushstring(L, text);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) c->report = strdup(lua_tostring(L, -1));
  lua_pop(L, 1);
}

/* Whether nothing of the script's own is to run any more, not even to tidy up. */
static bool is_final(const cresset *c) {
  return c->restricted || atomic_load(&c->stop) == CR_STOP_TIME;
}

void cr_raise_stop(lua_State *L, cresset *c) {
  int stop = atomic_load(&c->stop);
  if (stop != CR_STOP_EXIT && !cr_debugger_busy(c)) keep_report(L, c, stop_text(stop));
  /* In a hook other hooks are off, so that nothing would stop a script's message handler.  For the
   * message that Lua has for want of memory it calls none. */
  lua_pushstring(L, is_final(c) || cr_in_xpcall(L) ? "not enough memory" : stop_text(stop));
  lua_error(L);
}

void cr_count_steps(lua_State *L, cresset *c, int n) {
  if (c->max_instructions && (c->instructions_left -= n) <= 0) cr_run_stop(c, CR_STOP_TIME);
  if (atomic_load(&c->stop) != CR_GO) cr_raise_stop(L, c);
}

static void on_instruction(lua_State *L, lua_Debug *ar) {
  (void)ar;
  cresset *c = cr_interp_of(L);
  int stop = c ? atomic_load(&c->stop) : CR_GO;
  if (stop == CR_GO) { /* a coroutine inherited the hook of an interrupt that is over */
    lua_sethook(L, NULL, 0, 0);
    if (c) cr_set_hook(c, L);
    return;
  }
  if (stop == CR_STOP_INTERRUPT && cr_debugger_interrupt(L, c)) return;
  cr_raise_stop(L, c);
}

void cr_run_begin(cresset *c) {
  free(c->report);
  c->report = NULL;
  c->outer = innermost;
  innermost = c;
  atomic_store(&c->running, c->L);
  atomic_store(&c->stop, CR_GO);
  cr_debugger_reset(c);
  cr_set_hook(c, c->L);
  atomic_store(&c->thread, this_thread());
  cr_limit_begin(c);
}

void cr_run_end(cresset *c) {
  cr_limit_end(c);
  atomic_store(&c->thread, 0);
  innermost = c->outer;
  atomic_store(&c->stop, CR_GO);
  if (lua_gethook(c->L) == on_instruction) lua_sethook(c->L, NULL, 0, 0);
  cr_debugger_reset(c);
}

/* ---- from another thread ---------------------------------------------------------------- */

/* lua_sethook is safe in a signal handler on the thread that runs Lua, and nowhere else; so a
 * thread that wants to interrupt another one makes it take a signal.  SIGURG is ignored by
 * default, and hardly any program waits for it. */
static void on_signal(int sig) {
  (void)sig;
  for (cresset *c = innermost; c; c = c->outer)
    if (atomic_load(&c->stop) != CR_GO) cr_arm_stop(c);
}

static bool install_signal(void) {
  struct sigaction now;
  if (sigaction(SIGURG, NULL, &now)) return false;
  if (now.sa_handler == on_signal) return true;
  if (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN) return false;
  struct sigaction ours;
  memset(&ours, 0, sizeof ours);
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_RESTART;
  sigemptyset(&ours.sa_mask);
  return sigaction(SIGURG, &ours, NULL) == 0;
}

bool cr_may_signal(void) {
  return install_signal();
}

void cr_run_stop(cresset *c, cr_stop why) {
  int thread = atomic_load(&c->thread), go = CR_GO;
  if (!thread) return;
  atomic_compare_exchange_strong(&c->stop, &go, why); /* the first reason stays */
  if (thread == this_thread())
    cr_arm_stop(c);
  else if (install_signal())
    syscall(SYS_tgkill, getpid(), thread, SIGURG);
}

void cresset_interrupt(cresset *c) {
  if (c) cr_run_stop(c, CR_STOP_INTERRUPT);
}

/* ---- what scripts call ------------------------------------------------------------------ */

/* Before and after co runs in place of L. */
static void enter(cresset *c, cr_waiting *me, lua_State *L, lua_State *co, bool catches) {
  *me = (cr_waiting){L, catches, c->waiting};
  c->waiting = me;
  atomic_store(&c->running, co);
  cr_set_hook(c, co);
  cr_run_check(c);
}

static void leave(cresset *c, const cr_waiting *me) {
  atomic_store(&c->running, me->thread);
  c->waiting = me->outer;
  cr_set_hook(c, me->thread);
  cr_run_check(c); /* now it is L's turn to stop */
}

/* Closes what a coroutine that has ended left open.  True: without an error; else it is on top of
 * co.  In a coroutine that a hook has stopped hooks are off, so that nothing runs in it any more.
 */
static bool close_coroutine(cresset *c, lua_State *L, lua_State *co) {
  cr_waiting me;
  if (atomic_load(&c->stop) != CR_GO && is_final(c)) cr_raise_stop(L, c);
  if (c->closing >= MOST_CLOSING) luaL_error(L, "C stack overflow");
  enter(c, &me, L, co, true);
  c->closing++;
  int status = lua_resetthread(co);
  c->closing--;
  leave(c, &me);
  return status == LUA_OK;
}

/* Runs co with the nargs values on top of L.  Returns the number of results, moved to L, or -1 with
 * the error value on L.  `catches` says that the error becomes a result. */
static int resume(lua_State *L, lua_State *co, int nargs, bool catches) {
  cresset *c = cr_interp_of(L);
  if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  int nresults = 0;
  lua_xmove(L, co, nargs);
  cr_waiting me;
  enter(c, &me, L, co, catches);
  int status = lua_resume(co, L, nargs, &nresults);
  leave(c, &me);
  if (status != LUA_OK && status != LUA_YIELD) {
    cr_debugger_coroutine_error(L, c, co, catches);
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, nresults + 1)) {
    lua_pop(co, nresults);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, nresults);
  return nresults;
}

static int co_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  int n = resume(L, co, lua_gettop(L) - 1, true);
  lua_pushboolean(L, n >= 0);
  lua_insert(L, n >= 0 ? -(n + 1) : -2);
  return n >= 0 ? n + 1 : 2;
}

static int co_close(lua_State *L) {
  cresset *c = cr_interp_of(L);
  lua_State *co = lua_tothread(L, 1);
  lua_Debug ar;
  luaL_argexpected(L, co, 1, "coroutine");
  bool normal = co != L && lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar);
  if (co == L || normal)
    return luaL_error(L, "cannot close a %s coroutine", normal ? "normal" : "running");
  bool ok = close_coroutine(c, L, co);
  lua_pushboolean(L, ok);
  if (ok) return 1;
  lua_xmove(co, L, 1);
  return 2;
}

/* Upvalue: the coroutine. */
static int call_wrapped(lua_State *L) {
  cresset *c = cr_interp_of(L);
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n = resume(L, co, lua_gettop(L), false);
  if (n >= 0) return n;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) { /* it died just now: close what it left open */
    if (!close_coroutine(c, L, co)) lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int co_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

static int os_exit(lua_State *L) {
  cresset *c = cr_interp_of(L);
  if (lua_isboolean(L, 1))
    c->exit_code = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
  else
    c->exit_code = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
  cr_run_stop(c, CR_STOP_EXIT);
  return luaL_error(L, "os.exit");
}

/* Starts the shell with a command, which gets all signals.  Returns 0 or an error's number. */
static int start_shell(const char *command, pid_t *child) {
  posix_spawnattr_t attributes;
  sigset_t none;
  sigemptyset(&none);
  int code = posix_spawnattr_init(&attributes);
  if (code) return code;
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  char *const words[] = {"sh", "-c", (char *)command, NULL};
  code = posix_spawn(child, "/bin/sh", NULL, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  return code;
}

/* C's system has the whole program ignore Ctrl-C as long as the command runs.  That is right for
 * the main thread, whose command has the terminal, and wrong for any other; a command that Ctrl-C
 * has ended takes the script with it. */
static int os_execute(lua_State *L) {
  const char *command = luaL_optstring(L, 1, NULL);
  if (!command) {
    lua_pushboolean(L, system(NULL));
    return 1;
  }
  if (this_thread() == getpid()) {
    errno = 0;
    int code = system(command), signal = code > 0 && WIFSIGNALED(code) ? WTERMSIG(code) : 0;
    if (signal == SIGINT) cresset_interrupt(cr_interp_of(L));
    return luaL_execresult(L, code);
  }
  pid_t child, ended;
  int status = -1;
  errno = start_shell(command, &child);
  if (errno) return luaL_fileresult(L, 0, NULL);
  do ended = waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  if (ended == child) errno = 0; /* luaL_execresult looks at it */
  return luaL_execresult(L, status);
}

static void replace(lua_State *L, const char *lib, const char *name, lua_CFunction function) {
  if (lua_getglobal(L, lib) == LUA_TTABLE) {
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 1);
}

void cr_open_interrupts(lua_State *L, cresset *c) {
  lua_pushlightuserdata(L, c);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &interp_key);
  replace(L, "coroutine", "resume", co_resume);
  replace(L, "coroutine", "wrap", co_wrap);
  replace(L, "coroutine", "close", co_close);
  replace(L, "os", "exit", os_exit);
  replace(L, "os", "execute", os_execute);
}
