/* program.h: what the files of the program `cresset` share; the library has none of it. */
#ifndef CR_PROGRAM_H
#define CR_PROGRAM_H

#include <stdbool.h>

#include <lua.h>

#include "vm/cresset.h"

/* ---- main.c ----------------------------------------------------------------------------- */

/* Prints a failure's message and traceback to stderr, the library's own lines dim on a terminal. */
void cr_report(const char *message);
/* Set by Ctrl-C, also when nothing runs. */
bool cr_take_sigint(void);
/* In the REPL a second Ctrl-C does not end the program: where a call is stuck it warns of the
 * third, which does. */
void cr_patient_sigint(void);

/* ---- guard.c ---------------------------------------------------------------------------- */

/* Loads the Lua half of the prompt; the state's stack is empty. */
int cr_guard_open(lua_State *L);
/* Pushes a function of it. */
void cr_push_repl(lua_State *L, const char *name);
/* Around calls of its functions: strings have methods, whatever the user did to them. */
void cr_guard_enter(lua_State *L);
void cr_guard_leave(lua_State *L);
/* Takes a hook of debug.sethook off: one that raises errors would not let anybody type again. */
void cr_guard_hook(lua_State *L);

/* ---- repl.c ----------------------------------------------------------------------------- */

/* Reads, runs and prints until the user leaves; returns the program's exit code.  `with_init`: the
 * user's start-up file is run first. */
int cr_repl(cresset *c, bool torch7, bool with_init);
/* Where there is a terminal, lets Lua code ask for a line: the debugger does. */
void cr_terminal(cresset *c);

/* ---- kernel.c --------------------------------------------------------------------------- */

/* Serves a notebook's kernel, on two file descriptors, until it leaves; returns the program's exit
 * code.  `with_init`: as for cr_repl. */
int cr_kernel(cresset *c, int requests, int answers, bool with_init);

#endif
