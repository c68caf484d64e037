/* interp.h: the interpreter's own parts, for the files of vm/ that make up the library. */
#ifndef CR_INTERP_H
#define CR_INTERP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include <lua.h>

#include "lib/torch/boxes.h"
#include "tensor/tensor.h"
#include "vm/cresset.h"

/* Why a running script is to stop.  It stays set until the host's outermost call has returned, so
 * that a script's own pcall cannot swallow it. */
typedef enum { CR_GO, CR_STOP_INTERRUPT, CR_STOP_EXIT, CR_STOP_TIME } cr_stop;

/* The coroutines that wait for one they resumed, the innermost first. */
typedef struct cr_waiting {
  lua_State *thread;
  bool catches; /* an error of the coroutine becomes a result */
  struct cr_waiting *outer;
} cr_waiting;

typedef struct cr_debugger cr_debugger;

/* What a function of the host's that runs was called with; it is in a call of depth `depth`. */
typedef struct {
  lua_State *L;
  const char *name;
  int hidden; /* arguments in front that are not the host's: an operator's context */
  int nargs, nresults, depth;
} cr_frame;

struct cresset {
  lua_State *L;
  cr_context *context;
  int depth;       /* calls of the host that are under way, one inside another */
  int exit_code;   /* of os.exit */
  bool opened;     /* cresset_open has done its part */
  bool failed;     /* some call did */
  bool restricted; /* the scripts are, as the options say */
  bool warnings;   /* warn() shows something */
  bool warning;    /* a warning in several parts has begun */
  char *error;     /* its message */
  char *report;    /* where an interrupt stopped the script; NULL: it did not yet */
  cresset *outer;  /* the interpreter under whose call this one's outermost call was made */
  _Atomic(lua_State *) running; /* the coroutine that runs now */
  atomic_int stop;              /* cr_stop */
  atomic_int thread;            /* the system's number of the thread inside a call; 0: idle */
  cr_waiting *waiting;
  int closing;            /* coroutines that are being closed */
  const char *hook_owner; /* who has the hook of Lua's debug library now; NULL: nobody */
  lua_Hook hook, hook_before;
  int hook_mask, hook_count;
  cr_debugger *debugger;
  cr_frame *frame; /* of the host's function that runs; NULL: none does */

  /* memory.c */
  cr_lua_memory memory;
  size_t tensor_limit; /* the host's, which restricted scripts cannot raise; 0: no limit */
  int most_threads;

  /* limits.c */
  int64_t nanoseconds, max_instructions; /* of a call of the host; 0: no limit */
  int64_t instructions_left;
  int64_t deadline;      /* of the call that runs, by the monotonic clock */
  cresset *next_limited; /* the next of those that run under a limit of time */
  cresset **limited_at;  /* what points to this one there */

  /* streams.c */
  void (*write)(void *user, int stream, const char *text, size_t length);
  void *user;       /* of the host, for write */
  FILE *streams[2]; /* standard output and error of scripts; NULL: the process's */
};

/* ---- cresset.c -------------------------------------------------------------------------- */

/* The coroutine that runs, or the main one; NULL at the end of cresset_close. */
lua_State *cr_running(cresset *c);
/* What cresset_error says from now on. */
void cr_set_error(cresset *c, const char *message);
/* What cresset_error(NULL) says from now on on this thread: "function: message". */
void cr_set_open_error(const char *function, const char *message);
/* Runs a C function of one argument, the request, as cresset_pcall does. */
int cr_protect(cresset *c, lua_CFunction body, void *request);

/* ---- call.c ----------------------------------------------------------------------------- */

/* Whether a function of the host's is what runs; leaves a message if not. */
bool cr_in_function(cresset *c, const char *caller);

/* ---- limits.c --------------------------------------------------------------------------- */

/* Prepares the limits of the calls to come.  False: the system has no thread for it. */
bool cr_limit_open(cresset *c, double seconds, int64_t instructions);
void cr_limit_close(cresset *c);
/* Around an outermost call of the host. */
void cr_limit_begin(cresset *c);
void cr_limit_end(cresset *c);

/* ---- streams.c -------------------------------------------------------------------------- */

/* Has what scripts print go to the host.  It raises errors. */
void cr_open_streams(lua_State *L, cresset *c);
/* Hands over what has not been handed over yet. */
void cr_flush_streams(cresset *c);
void cr_close_streams(cresset *c);
/* Standard output (1) or error (2) of the interpreter's scripts. */
FILE *cr_stream(cresset *c, int number);

/* ---- sandbox.c -------------------------------------------------------------------------- */

/* Takes from scripts the libraries that the options do not leave to them; before `torch` is loaded.
 * It raises errors. */
void cr_open_libraries(lua_State *L, cresset *c, const cresset_options *options);
/* Puts what scripts get for `torch` in place of the package on the top of the stack. */
void cr_finish_libraries(lua_State *L);

/* ---- patterns.c ------------------------------------------------------------------------- */

/* Pushes a table of Lua's find, match, gmatch and gsub, as functions that can be stopped. */
void cr_push_patterns(lua_State *L, cresset *c);

/* ---- long.c ----------------------------------------------------------------------------- */

/* Replaces string.rep and table.sort by functions that can be stopped. */
void cr_open_long(lua_State *L, cresset *c);

/* ---- memory.c --------------------------------------------------------------------------- */

lua_State *cr_new_state(cresset *c);

/* ---- interrupt.c ------------------------------------------------------------------------ */

/* Puts c on the list of those that run on this thread, or takes it off. */
void cr_run_begin(cresset *c);
void cr_run_end(cresset *c);
/* Makes the running script stop at its next instruction. */
void cr_run_stop(cresset *c, cr_stop why);
/* Stops c's script if that is what it is to do, after a hook that is not ours was on. */
void cr_run_check(cresset *c);
/* Whether a script on another thread can be stopped by a signal. */
bool cr_may_signal(void);
/* Replaces coroutine.resume, coroutine.wrap, os.exit and os.execute by those that know of
 * interrupts. */
void cr_open_interrupts(lua_State *L, cresset *c);

cresset *cr_interp_of(lua_State *L);
/* Has the coroutine that runs ask at its next instruction whether it is to stop.  Only for the
 * thread that runs c, or a signal handler on it. */
void cr_arm_stop(cresset *c);
/* Raises the error that stops the script. */
void cr_raise_stop(lua_State *L, cresset *c);
/* For functions of C that work long, and call this every millisecond or so: counts n steps as
 * instructions, and stops the script if it is to stop. */
void cr_count_steps(lua_State *L, cresset *c, int n);

/* ---- hooks.c ---------------------------------------------------------------------------- */

/* Lua has one hook for a coroutine, so one owner at a time: "the debugger", "the profiler".  All
 * coroutines get the hook as they run; NULL only keeps others from it.  False when another one has
 * it, with its name in *other. */
bool cr_take_hook(cresset *c, const char *owner, lua_Hook hook, int mask, int count,
                  const char **other);
void cr_drop_hook(cresset *c, const char *owner);
/* Gives a coroutine that is about to run the hook that it is to have.  A signal that asks for a
 * stop may come at any time; its hook goes first. */
void cr_set_hook(cresset *c, lua_State *L);

/* ---- debugger.c ------------------------------------------------------------------------- */

/* Makes the global `breakpoint`, replaces pcall and xpcall, and lets Lua require the debugger. */
void cr_open_debugger(lua_State *L, cresset *c);
/* For an interpreter with nobody in front of it: breakpoint() says so and goes on. */
void cr_debugger_disable(cresset *c);
/* A run of the host's begins or has ended: steps do not go on into the next. */
void cr_debugger_reset(cresset *c);
/* Ctrl-C while there are breakpoints: opens the prompt.  True: the script goes on. */
bool cr_debugger_interrupt(lua_State *L, cresset *c);
/* After an error that nobody catches, the value at the index: keeps its frames, and opens the
 * prompt in them, where that is wanted. */
void cr_debugger_error(lua_State *L, int index);
/* The same for a coroutine that has failed.  caught: its error is a result of coroutine.resume. */
void cr_debugger_coroutine_error(lua_State *L, cresset *c, lua_State *co, bool caught);
/* Whether an error here would call a script's message handler. */
bool cr_in_xpcall(lua_State *L);
/* Whether a prompt of the debugger is open. */
bool cr_debugger_busy(const cresset *c);

/* ---- load.c ----------------------------------------------------------------------------- */

/* Puts f in the place of a library's function, LUA_GNAME being that of globals.  Returns what
 * was there. */
lua_CFunction cr_replace(lua_State *L, const char *library, const char *name, lua_CFunction f);
/* Has load, loadfile and dofile take bytecode only when it is asked for. */
void cr_open_load(lua_State *L);

/* ---- debuglib.c ------------------------------------------------------------------------ */

/* Has the debug library leave alone what C relies on. */
void cr_open_debuglib(lua_State *L);

/* ---- threads.c -------------------------------------------------------------------------- */

/* Lets scripts start threads. */
void cr_open_threads(lua_State *L);

/* ---- sampler.c -------------------------------------------------------------------------- */

/* Makes `require "cresset._sampler"` find the profiler of lines. */
void cr_open_sampler(lua_State *L);

/* ---- environment.c ---------------------------------------------------------------------- */

/* Makes `require "cresset._environment"` find what sets variables of the environment. */
void cr_open_environment(lua_State *L);

/* ---- traceback.c ------------------------------------------------------------------------ */

/* Whether the error at 1 is a message about a nil value; and adds to it the name that was probably
 * meant, of something in the frame that failed.  When anything goes wrong it stays as it is. */
bool cr_speaks_of_nil(lua_State *L);
void cr_add_guess(lua_State *L);
/* A message handler: any error value becomes a message with the script's lines. */
int cr_traceback(lua_State *L);
/* Fills buf with "file:line" of the script's innermost function, for cr_context.where. */
void cr_script_line(void *interp, char *buf, size_t n);
/* The same for one level of a stack.  False: it is not at a line of a script. */
bool cr_script_place(lua_State *L, lua_Debug *ar, char *buf, size_t n);

#endif
