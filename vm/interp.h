/* interp.h: the interpreter's own parts, for the files of vm/ that make up the library. */
#ifndef CR_INTERP_H
#define CR_INTERP_H

#include <stdatomic.h>
#include <stdbool.h>

#include <lua.h>

#include "tensor/tensor.h"
#include "vm/cresset.h"

/* Why a running script is to stop.  It stays set until the host's outermost call has returned, so
 * that a script's own pcall cannot swallow it. */
typedef enum { CR_GO, CR_STOP_INTERRUPT, CR_STOP_EXIT } cr_stop;

struct cresset {
  lua_State *L;
  cr_context *context;
  int depth;      /* calls of the host that are under way, one inside another */
  int exit_code;  /* of os.exit */
  bool opened;    /* cresset_open has done its part */
  bool failed;    /* some call did */
  bool warnings;  /* warn() shows something */
  bool warning;   /* a warning in several parts has begun */
  char *error;    /* its message */
  char *report;   /* where an interrupt stopped the script; NULL: it did not yet */
  cresset *outer; /* the interpreter under whose call this one's outermost call was made */
  _Atomic(lua_State *) running; /* the coroutine that runs now */
  atomic_int stop;              /* cr_stop */
  atomic_int thread;            /* the system's number of the thread inside a call; 0: idle */
};

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
/* Replaces coroutine.resume, coroutine.wrap and os.exit by those that know of interrupts. */
void cr_open_interrupts(lua_State *L, cresset *c);

/* ---- threads.c -------------------------------------------------------------------------- */

/* Lets scripts start threads. */
void cr_open_threads(lua_State *L);

/* ---- sampler.c -------------------------------------------------------------------------- */

/* Makes `require "cresset._sampler"` find the profiler of lines. */
void cr_open_sampler(lua_State *L, cresset *c);

/* ---- traceback.c ------------------------------------------------------------------------ */

/* A message handler: any error value becomes a message with the script's lines. */
int cr_traceback(lua_State *L);
/* Fills buf with "file:line" of the script's innermost function, for cr_context.where. */
void cr_script_line(void *interp, char *buf, size_t n);
/* The same for one level of a stack.  False: it is not at a line of a script. */
bool cr_script_place(lua_State *L, lua_Debug *ar, char *buf, size_t n);

#endif
