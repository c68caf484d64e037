/* debugger.c: the debugger's half in C: when a line is one to stop at, and calling the half in Lua
 * (vm/debugger), which talks to the user.
 *
 * The prompt runs in a coroutine of its own: Lua calls no hooks inside a hook, and what is typed
 * there must be interruptible; and the frames of the script keep their places. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lib/packages.h"
#include "vm/interp.h"

typedef enum { RUN, STEP, NEXT, FINISH, UNTIL } mode;

static const char *const mode_names[] = {"run", "step", "next", "finish", "until", NULL};
static const char owner[] = "the debugger";
/* The registry's places of it, of its `thread`, of the error that was shown last, of the frames of
 * the last error. */
static const char self_key, thread_key, error_key, kept_key;

/* Lines that have breakpoints, by their number modulo LINES; and the first PLACES with their files,
 * so that the same line of other files costs little. */
enum { LINES = 4096, PLACES = 32, FILE_BYTES = 128 };

/* How far a stack is looked through, and for a pcall: Lua counts to a level from the top each time.
 */
enum { MOST_FRAMES = 200, MOST_LEVELS = 2000 };

typedef struct {
  int line;
  char file[FILE_BYTES]; /* the end of its name */
} place;

struct cr_debugger {
  mode mode;
  lua_State *thread; /* the coroutine in which NEXT, FINISH and UNTIL wait */
  int depth;         /* how many frames it had */
  int line;          /* UNTIL ends after this one; FINISH: its function has returned */
  bool library;      /* steps enter Cresset's own Lua files */
  bool every;        /* every line is asked about: something is watched */
  int count;         /* of breakpoints */
  bool catching;     /* errors that pcall catches open the prompt */
  bool busy;         /* it is open */
  bool quit;         /* and the user wants the script to end */
  bool ending;       /* which it does */
  bool disabled;     /* there is nobody to talk to */
  bool pdb;          /* errors that nobody catches do */
  bool alone;        /* nobody answers any more in this run */
  bool shown;        /* an error has had its prompt: the one in the registry */
  bool keeping;      /* the frames of errors that nobody catches are kept */
  bool kept;         /* those of this run's are */
  uint64_t lines[LINES / 64];
  place places[PLACES];
};

bool cr_debugger_busy(const cresset *c) {
  return c->debugger && c->debugger->busy;
}

/* Whether the chunk is one of Cresset's own files, compiled in or from CRESSET_PATH. */
static bool is_library(const char *source) {
  static const char *const folders[] = {"lib/", "nn/", "vm/"};
  const char *tree = getenv("CRESSET_PATH");
  if (cr_is_embedded(source)) return true;
  size_t n = tree ? strlen(tree) : 0;
  if (!n || strncmp(source, "@", 1) || strncmp(source + 1, tree, n) || source[n + 1] != '/')
    return false;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    if (strncmp(source + n + 2, folders[i], strlen(folders[i])) == 0) return true;
  return false;
}

/* Whether the frame is of a Lua function of the user's. */
static bool is_script_frame(lua_State *L, lua_Debug *ar) {
  return lua_getinfo(L, "S", ar) && *ar->what != 'C' && !is_library(ar->source);
}

/* ---- the prompt ------------------------------------------------------------------------- */

/* Calls the Lua half with the arguments of this call. */
static int body_event(lua_State *L) {
  cr_push_require(L);
  lua_pushliteral(L, "cresset.debugger");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "event");
  lua_insert(L, 1);
  lua_pop(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

/* The same for the frames of an error, which are kept. */
static int body_keep(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cresset.debugger.frames");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "keep");
  lua_insert(L, 1);
  lua_pop(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
  return 0;
}

/* Resumes co, which has a body and its arguments on its stack. */
static void run_prompt(lua_State *L, cresset *c, lua_State *co, int nargs, bool quiet) {
  cr_debugger *d = c->debugger;
  int nresults = 0;
  d->busy = true;
  atomic_store(&c->running, co);
  int status = lua_resume(co, L, nargs, &nresults);
  atomic_store(&c->running, L);
  d->busy = false;
  if (status != LUA_OK && !quiet && atomic_load(&c->stop) == CR_GO)
    fprintf(stderr, "the debugger failed: %s\n",
            lua_isstring(co, -1) ? lua_tostring(co, -1) : "an error that is no string");
  lua_resetthread(co);
}

/* Calls the body in a coroutine with the kind of the event, `thread`, which is L or a coroutine
 * that L has resumed and that has failed, the level of its frame, and the value on top of L, which
 * is popped. */
static void call_aside(lua_State *L, cresset *c, lua_CFunction body, lua_State *thread,
                       const char *kind, int level) {
  lua_State *co = lua_newthread(L);
  lua_sethook(co, NULL, 0, 0);
  lua_pushcfunction(co, body);
  lua_pushstring(co, kind);
  lua_pushthread(thread);
  lua_xmove(thread, co, 1);
  lua_pushinteger(co, level);
  lua_pushvalue(L, -2);
  lua_xmove(L, co, 1);
  cr_waiting outer = {L, true, c->waiting}, inner = {thread, true, &outer};
  c->waiting = thread == L ? &outer : &inner;
  run_prompt(L, c, co, 4, body == body_keep);
  c->waiting = outer.outer;
  lua_pop(L, 2);
}

/* What is to be after a coroutine of the debugger's. */
static void restore_hook(lua_State *L, cresset *c) {
  cr_set_hook(c, L);
  if (atomic_load(&c->stop) != CR_GO) cr_arm_stop(c);
}

/* Tells the Lua half what has happened, as call_aside does.  Returns whether the user has asked for
 * the script's end. */
static bool visit(lua_State *L, cresset *c, lua_State *thread, const char *kind, int level) {
  cr_debugger *d = c->debugger;
  if (d->busy || d->alone || !lua_checkstack(L, 4)) {
    lua_pop(L, 1);
    return false;
  }
  call_aside(L, c, body_event, thread, kind, level);
  bool quit = d->quit;
  d->quit = false;
  if (quit) {
    d->ending = true;
    cr_run_stop(c, CR_STOP_INTERRUPT);
  }
  restore_hook(L, c);
  return quit;
}

/* After a visit while the script runs: stops it when the user wants that. */
static void raise_if_stopped(lua_State *L, cresset *c) {
  if (atomic_load(&c->stop) != CR_GO) cr_raise_stop(L, c);
}

/* ---- lines ------------------------------------------------------------------------------ */

static bool has_line(const cr_debugger *d, int line) {
  unsigned n = (unsigned)line % LINES;
  return d->count && (d->lines[n / 64] >> (n % 64) & 1);
}

/* Whether a line that has_line may be a breakpoint's in this chunk. */
static bool has_place(const cr_debugger *d, const char *source, int line) {
  size_t length = strlen(source);
  for (int i = 0; i < d->count && i < PLACES; i++) {
    const place *p = &d->places[i];
    size_t n = strlen(p->file);
    if (p->line == line && n <= length && strcmp(source + length - n, p->file) == 0) return true;
  }
  return d->count > PLACES;
}

/* Whether the thread waits for one that it resumed, rather than having ended or yielded. */
static bool is_waiting(lua_State *thread) {
  lua_Debug ar;
  return lua_status(thread) == LUA_OK && lua_getstack(thread, 0, &ar);
}

/* Whether a step ends at this line. */
static bool is_step_over(const cr_debugger *d, lua_State *L, int line) {
  lua_Debug ar;
  if (d->mode == RUN || d->mode == STEP) return d->mode == STEP;
  if (L != d->thread) return !is_waiting(d->thread);
  if (lua_getstack(L, d->depth, &ar)) return false; /* in a function that it calls */
  if (d->mode == NEXT || !lua_getstack(L, d->depth - 1, &ar)) return true;
  return d->mode == UNTIL && line > d->line;
}

/* The function whose end FINISH waits for returns: its results can be seen now. */
static void on_return(lua_State *L, cresset *c) {
  cr_debugger *d = c->debugger;
  lua_Debug ar;
  if (d->mode != FINISH || d->line || L != d->thread) return; /* d->line: seen already */
  if (lua_getstack(L, d->depth, &ar) || !lua_getstack(L, d->depth - 1, &ar)) return;
  d->line = 1;
  lua_pushnil(L);
  visit(L, c, L, "return", 0);
}

static void on_event(lua_State *L, lua_Debug *ar) {
  cresset *c = cr_interp_of(L);
  if (!c || c->hook != on_event) { /* inherited, and over */
    lua_sethook(L, NULL, 0, 0);
    if (c) cr_set_hook(c, L);
    return;
  }
  const cr_debugger *d = c->debugger;
  if (d->busy) return;
  if (ar->event == LUA_HOOKRET) {
    on_return(L, c);
    return;
  }
  bool hit = has_line(d, ar->currentline), over = is_step_over(d, L, ar->currentline);
  if (!hit && !over && !d->every) return;
  lua_getinfo(L, "S", ar);
  hit = hit && has_place(d, ar->source, ar->currentline);
  if (!hit && !over && !d->every) return;
  bool inside = !d->library && is_library(ar->source);
  if (inside && !hit) return;
  lua_pushboolean(L, over && !inside);
  bool quit = visit(L, c, L, "line", 0);
  if (atomic_load(&c->stop) == CR_GO) return;
  if (!quit && cr_debugger_interrupt(L, c)) return; /* Ctrl-C came while it looked at the line */
  cr_raise_stop(L, c);
}

/* Raises an error without a place: the prompt shows it. */
static int refuse(lua_State *L, const char *other) {
  lua_pushfstring(L, "%s has the hook of Lua's debug library; it must end first", other);
  return lua_error(L);
}

/* Takes the hook or gives it back, as what is to be stopped at needs. */
static void update(lua_State *L, cresset *c) {
  const cr_debugger *d = c->debugger;
  const char *other = NULL;
  if (d->mode == RUN && !d->count && !d->every) {
    cr_drop_hook(c, owner);
  } else if (!cr_take_hook(c, owner, on_event, LUA_MASKLINE | (d->mode == FINISH ? LUA_MASKRET : 0),
                           0, &other)) {
    refuse(L, other);
  }
  if (!d->busy) cr_set_hook(c, L);
}

void cr_debugger_reset(cresset *c) {
  cr_debugger *d = c->debugger;
  if (!d) return;
  d->mode = RUN;
  d->quit = d->ending = d->shown = d->alone = d->kept = false;
  d->thread = NULL;
  if (!d->count && !d->every) cr_drop_hook(c, owner);
}

bool cr_debugger_interrupt(lua_State *L, cresset *c) {
  if (c->hook != on_event || c->debugger->busy || c->debugger->ending) return false;
  if (atomic_load(&c->stop) != CR_STOP_INTERRUPT) return false;
  atomic_store(&c->stop, CR_GO);
  cr_set_hook(c, L);
  lua_pushnil(L);
  visit(L, c, L, "interrupt", 0);
  return atomic_load(&c->stop) == CR_GO;
}

/* ---- errors ----------------------------------------------------------------------------- */

/* Whether a function of the user's is among those from `level` up to the one before `end`. */
static bool has_script_frame(lua_State *L, int level, int end) {
  lua_Debug ar;
  for (; level < end && lua_getstack(L, level, &ar); level++)
    if (is_script_frame(L, &ar)) return true;
  return false;
}

/* Whether an error that has come now may be looked at. */
static bool may_look(const cresset *c) {
  return c && c->debugger && c->depth == 1 && !c->debugger->busy && atomic_load(&c->stop) == CR_GO;
}

/* Whether it may open the prompt. */
static bool may_open(const cresset *c) {
  return may_look(c) && !c->debugger->alone;
}

/* Whether the error at the index is the one on top, which is popped, or speaks of it: the library
 * may have caught it where it was raised, and raised it again with more words. */
static bool is_of(lua_State *L, int index) {
  bool same = lua_rawequal(L, index, -1);
  if (!same && lua_type(L, index) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING)
    same = strstr(lua_tostring(L, index), lua_tostring(L, -1)) != NULL;
  lua_pop(L, 1);
  return same;
}

/* Whether the error at the index has had its prompt where it was raised. */
static bool was_shown(lua_State *L, const cresset *c, int index) {
  if (!c->debugger->shown) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
  return is_of(L, index);
}

/* Whether the frames of the error at the index have been kept. */
static bool was_kept(lua_State *L, const cresset *c, int index) {
  if (!c->debugger->kept) return false;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushliteral(L, "error");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  return is_of(L, index);
}

/* Whether the error at the index is about memory, which its frames would keep from being free. */
static bool is_about_memory(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING && strstr(lua_tostring(L, index), " memory");
}

/* Keeps the frames of `thread`, from the level on, for the error at the index, in place of those of
 * the last one. */
static void keep(lua_State *L, cresset *c, int index, lua_State *thread, int level) {
  if (!lua_checkstack(L, 6) || was_kept(L, c, index)) return;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
  c->debugger->kept = false;
  if (is_about_memory(L, index)) return;
  lua_pushvalue(L, index);
  call_aside(L, c, body_keep, thread, "error", level);
  c->debugger->kept = true;
  restore_hook(L, c);
}

/* Opens the prompt for the error on top of L, which is popped. */
static void show_error(lua_State *L, cresset *c, lua_State *thread, const char *kind, int level) {
  c->debugger->shown = true;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
  visit(L, c, thread, kind, level);
}

void cr_debugger_error(lua_State *L, int index) {
  cresset *c = cr_interp_of(L);
  if (!may_look(c) || !has_script_frame(L, 1, MOST_FRAMES)) return;
  if (c->debugger->keeping) keep(L, c, index, L, 1);
  if (!may_open(c) || !c->debugger->pdb || was_shown(L, c, index)) return;
  lua_pushvalue(L, index);
  show_error(L, c, L, "error", 1);
}

static int cr_pcall(lua_State *L);
static int cr_xpcall(lua_State *L);

static bool is_pcall(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "f", ar);
  lua_CFunction f = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  return f == cr_pcall || f == cr_xpcall;
}

/* The level of the innermost pcall from `level` on; -1: there is none.  *by_script: who calls it.
 * In a recursion too deep to look for it: the script. */
static int find_pcall(lua_State *L, int level, bool *by_script) {
  lua_Debug ar;
  for (; lua_getstack(L, level, &ar); level++) {
    if (level > MOST_LEVELS) {
      *by_script = true;
      return -1;
    }
    if (!is_pcall(L, &ar)) continue;
    *by_script = lua_getstack(L, level + 1, &ar) && is_script_frame(L, &ar);
    return level;
  }
  return -1;
}

/* Whether a pcall of the script's is among the callers.  The library raises again what it catches.
 */
static bool script_catches(lua_State *L, int level) {
  bool by_script = false;
  while ((level = find_pcall(L, level, &by_script)) >= 0 && !by_script) level++;
  return by_script;
}

/* The same for an error that leaves the coroutine L, too. */
static bool is_caught(lua_State *L, const cresset *c, int level) {
  if (script_catches(L, level)) return true;
  for (const cr_waiting *w = c->waiting; w; w = w->outer)
    if (w->catches || script_catches(w->thread, 0)) return true;
  return false;
}

void cr_debugger_coroutine_error(lua_State *L, cresset *c, lua_State *co, bool caught) {
  const cr_debugger *d = c->debugger;
  if (!may_look(c) || !has_script_frame(co, 0, MOST_FRAMES)) return;
  bool final = (d->pdb || d->keeping) && !caught && !is_caught(L, c, 0);
  if (final && d->keeping) {
    lua_pushvalue(co, -1);
    lua_xmove(co, L, 1);
    keep(L, c, lua_gettop(L), co, 0);
    lua_pop(L, 1);
  }
  if (!may_open(c) || !(d->catching || (d->pdb && final))) return;
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  if (was_shown(L, c, -1))
    lua_pop(L, 1);
  else
    show_error(L, c, co, "error", 0);
  if (caught) c->debugger->shown = false; /* the next one is another */
}

/* ---- pcall and xpcall ------------------------------------------------------------------- */

/* Whether the error at 1 is to be seen before the pcall of that level catches it. */
static bool is_to_be_shown(lua_State *L, const cresset *c, int level, bool by_script) {
  const cr_debugger *d = c->debugger;
  if (!may_open(c) || level < 0 || was_shown(L, c, 1)) return false;
  if (by_script) return d->catching;
  if (!has_script_frame(L, 1, level)) return false; /* the library's own affair */
  return d->catching || (d->pdb && !is_caught(L, c, level + 1));
}

/* Keeps the frames of the error at 1 that the library catches, and will raise again, when it is of
 * the script's code. */
static void keep_of_library(lua_State *L, cresset *c, int level) {
  if (!may_look(c) || !c->debugger->keeping || !has_script_frame(L, 1, level)) return;
  if (!is_caught(L, c, level + 1)) keep(L, c, 1, L, 1);
}

/* The message handler while errors are to be seen where they happen.  Upvalue: the script's own
 * handler or nil. */
static int on_caught(lua_State *L) {
  cresset *c = cr_interp_of(L);
  bool by_script = false;
  if (atomic_load(&c->stop) != CR_GO) { /* no hook would stop the script's handler now */
    lua_settop(L, 1);
    return 1;
  }
  int level = find_pcall(L, 1, &by_script);
  if (!by_script && cr_speaks_of_nil(L)) cr_add_guess(L);
  if (level >= 0 && !by_script) keep_of_library(L, c, level);
  if (is_to_be_shown(L, c, level, by_script)) {
    lua_pushvalue(L, 1);
    show_error(L, c, L, by_script || !c->debugger->pdb ? "caught" : "error", 1);
  }
  if (by_script) c->debugger->shown = false;
  if (lua_isnil(L, lua_upvalueindex(1))) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* The usual one.  The library will raise the error again, without the frame in which the name can
 * be found that was meant; what a script catches stays as Lua said it.  Upvalue: the interpreter.
 */
static int on_error(lua_State *L) {
  cresset *c = cr_interp_of(L);
  bool by_script = true, of_nil = cr_speaks_of_nil(L);
  lua_settop(L, 1);
  if (!c || (!of_nil && !c->debugger->keeping)) return 1;
  int level = find_pcall(L, 1, &by_script);
  if (level < 0 || by_script) return 1;
  if (of_nil) cr_add_guess(L);
  keep_of_library(L, c, level);
  return 1;
}

static void push_handler(lua_State *L, int own) {
  if (own)
    lua_pushvalue(L, own);
  else
    lua_pushnil(L);
  lua_pushcclosure(L, on_caught, 1);
}

static bool is_catching(lua_State *L) {
  const cresset *c = cr_interp_of(L);
  return c->debugger->catching || c->debugger->pdb;
}

/* The results begin after `skipped` places; the first of them is the place for true. */
static int finish(lua_State *L, int status, lua_KContext skipped) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)skipped;
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int cr_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  if (is_catching(L))
    push_handler(L, 0);
  else
    lua_pushcfunction(L, on_error);
  lua_insert(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 2); /* handler, true, function, arguments */
  return finish(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, 1, finish), 1);
}

static int cr_xpcall(lua_State *L) {
  int n = lua_gettop(L) - 2;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (is_catching(L)) {
    push_handler(L, 2);
    lua_replace(L, 2);
  }
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2); /* function, handler, true, function, arguments */
  return finish(L, lua_pcallk(L, n, LUA_MULTRET, 2, 2, finish), 2);
}

/* In a recursion too deep to look for it: yes. */
bool cr_in_xpcall(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    if (level > MOST_LEVELS) return true;
    lua_getinfo(L, "f", &ar);
    bool found = lua_tocfunction(L, -1) == cr_xpcall;
    lua_pop(L, 1);
    if (found) return true;
  }
  return false;
}

/* ---- what the Lua half calls ------------------------------------------------------------ */

/* Not by an upvalue, which debug.setupvalue could take away. */
static cresset *self(lua_State *L) {
  return cr_interp_of(L);
}

/* guard(f, ...): "ok" and the results; "error" and the message; "interrupted" after Ctrl-C, which
 * is then forgotten; "exit" when os.exit was called. */
static int l_guard(lua_State *L) {
  cresset *c = self(L);
  luaL_checkany(L, 1);
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0), go = CR_STOP_INTERRUPT;
  bool interrupted = atomic_compare_exchange_strong(&c->stop, &go, CR_GO);
  if (interrupted) {
    lua_sethook(L, NULL, 0, 0);
    free(c->report);
    c->report = NULL;
    lua_settop(L, 0);
  }
  lua_pushstring(L, interrupted                      ? "interrupted"
                    : atomic_load(&c->stop) != CR_GO ? "exit"
                    : status == LUA_OK               ? "ok"
                                                     : "error");
  lua_insert(L, 1);
  return lua_gettop(L);
}

/* step(mode[, thread, depth, line]) */
static int l_step(lua_State *L) {
  cresset *c = self(L);
  cr_debugger *d = c->debugger, before = *d;
  d->mode = (mode)luaL_checkoption(L, 1, NULL, mode_names);
  d->thread = NULL;
  if (d->mode != RUN && d->mode != STEP) {
    luaL_checktype(L, 2, LUA_TTHREAD);
    d->thread = lua_tothread(L, 2);
    d->depth = (int)luaL_checkinteger(L, 3);
    d->line = (int)luaL_optinteger(L, 4, 0);
    lua_pushvalue(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &thread_key);
  }
  mode wanted = d->mode;
  lua_State *thread = d->thread;
  d->mode = before.mode; /* stays when the hook is another's */
  d->thread = before.thread;
  const char *other = NULL;
  if (wanted != RUN && !cr_take_hook(c, owner, on_event, LUA_MASKLINE, 0, &other))
    return refuse(L, other);
  d->mode = wanted;
  d->thread = thread;
  update(L, c);
  return 0;
}

static void add_place(cr_debugger *d, int line, const char *file) {
  unsigned n = (unsigned)line % LINES;
  size_t length = strlen(file), skipped = length < FILE_BYTES ? 0 : length - FILE_BYTES + 1;
  d->lines[n / 64] |= UINT64_C(1) << (n % 64);
  if (d->count < PLACES) {
    d->places[d->count].line = line;
    strcpy(d->places[d->count].file, file + skipped);
  }
  d->count++;
}

/* lines(list): the places that have breakpoints, each {line, the file's name or its end}. */
static int l_lines(lua_State *L) {
  cresset *c = self(L);
  cr_debugger *d = c->debugger;
  luaL_checktype(L, 1, LUA_TTABLE);
  memset(d->lines, 0, sizeof d->lines);
  d->count = 0;
  for (lua_Integer i = 1; lua_rawgeti(L, 1, i) == LUA_TTABLE; i++) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    add_place(d, (int)luaL_checkinteger(L, -2), luaL_checkstring(L, -1));
    lua_pop(L, 3);
  }
  update(L, c);
  return 0;
}

/* set(name, on): "every", "library", "catching", "pdb" or "keeping". */
static int l_set(lua_State *L) {
  static const char *const names[] = {"every", "library", "catching", "pdb", "keeping", NULL};
  cresset *c = self(L);
  cr_debugger *d = c->debugger;
  bool *const flags[] = {&d->every, &d->library, &d->catching, &d->pdb, &d->keeping};
  *flags[luaL_checkoption(L, 1, NULL, names)] = lua_toboolean(L, 2);
  update(L, c);
  return 0;
}

/* threads() -> the coroutine that is debugged, the one that resumed it, and so on. */
static int l_threads(lua_State *L) {
  lua_Integer n = 0;
  lua_newtable(L);
  for (const cr_waiting *w = self(L)->waiting; w; w = w->outer) {
    lua_pushthread(w->thread);
    lua_xmove(w->thread, L, 1);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* depth(thread) -> how many frames it has. */
static int l_depth(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *thread = lua_tothread(L, 1);
  lua_Debug ar;
  int low = 0, high = 1;
  while (lua_getstack(thread, high, &ar)) high *= 2;
  while (low < high) {
    int middle = (low + high) / 2;
    if (lua_getstack(thread, middle, &ar))
      low = middle + 1;
    else
      high = middle;
  }
  lua_pushinteger(L, low);
  return 1;
}

/* quit(): the script ends when the prompt has closed. */
static int l_quit(lua_State *L) {
  self(L)->debugger->quit = true;
  return 0;
}

/* alone(): nobody answers, so that the run goes on to its end. */
static int l_alone(lua_State *L) {
  self(L)->debugger->alone = true;
  return 0;
}

/* kept() -> the frames of the last error, or nil. */
static int l_kept(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  return 1;
}

/* forget(): drops them. */
static int l_forget(lua_State *L) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
  return 0;
}

/* aside(f, ...): calls f as the prompt's code, which no breakpoint stops. */
static int l_aside(lua_State *L) {
  cr_debugger *d = self(L)->debugger;
  luaL_checkany(L, 1);
  if (d->busy) return luaL_error(L, "the debugger is open already");
  d->busy = true;
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  d->busy = false;
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* is_library(source): whether a chunk of that name is one of Cresset's own. */
static int l_is_library(lua_State *L) {
  lua_pushboolean(L, is_library(luaL_checkstring(L, 1)));
  return 1;
}

/* embedded(path): the text of a file that is compiled in, or nil. */
static int l_embedded(lua_State *L) {
  const cr_embedded_file *e = cr_embedded_find(luaL_checkstring(L, 1));
  if (!e) return 0;
  lua_pushlstring(L, e->bytes, e->length);
  return 1;
}

static const luaL_Reg functions[] = {
    {"guard", l_guard},       {"step", l_step},       {"lines", l_lines},
    {"set", l_set},           {"threads", l_threads}, {"depth", l_depth},
    {"quit", l_quit},         {"alone", l_alone},     {"kept", l_kept},
    {"forget", l_forget},     {"aside", l_aside},     {"is_library", l_is_library},
    {"embedded", l_embedded}, {NULL, NULL},
};

static int open_functions(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

void cr_debugger_disable(cresset *c) {
  c->debugger->disabled = true;
}

static int l_breakpoint(lua_State *L) {
  cresset *c = self(L);
  if (c->debugger->disabled) {
    fprintf(stderr, "breakpoint: the debugger stops the main thread only\n");
    return 0;
  }
  lua_pushnil(L);
  visit(L, c, L, "breakpoint", 1);
  raise_if_stopped(L, c);
  return 0;
}

static void set_function(lua_State *L, const char *name, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_setfield(L, -2, name);
}

void cr_open_debugger(lua_State *L, cresset *c) {
  c->debugger = lua_newuserdatauv(L, sizeof *c->debugger, 0);
  memset(c->debugger, 0, sizeof *c->debugger);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &self_key);
  lua_pushglobaltable(L);
  set_function(L, "pcall", cr_pcall);
  set_function(L, "xpcall", cr_xpcall);
  set_function(L, "breakpoint", l_breakpoint);
  lua_pop(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  set_function(L, "cresset._debugger", open_functions);
  lua_pop(L, 1);
}
