/* cresset.h: Cresset inside another program.
 *
 *     cresset *c = cresset_open(NULL);
 *     double loss;
 *     if (cresset_run_file(c, "train.lua") || cresset_call(c, "step", "id>d", 32, 0.01, &loss))
 *       fprintf(stderr, "%s\n", cresset_error(c));
 *     cresset_close(c);
 *
 * Threads: any number of interpreters may run at once.  One interpreter serves one thread at a
 * time, not always the same one; only cresset_interrupt may be called while it is busy.
 * Operators share their work out among OpenMP's threads; a host whose machine has other work to do
 * should start with OMP_WAIT_POLICY=passive in its environment, as the program `cresset` does.
 * Errors: a function that can fail returns CRESSET_OK (0) or one of the codes below, and leaves a
 * message.  No call exits, aborts, or jumps over the caller's frames, whatever a script does.
 * Ownership: strings that a function returns belong to the interpreter; strings given to a function
 * are copied. */
#ifndef CRESSET_H
#define CRESSET_H

#if defined(_WIN32)
#define CR_API
#else
#define CR_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cresset cresset;
typedef struct lua_State lua_State; /* as in lua.h, which a host need not have */

enum {
  CRESSET_OK = 0,
  CRESSET_ERROR,       /* the script raised an error, or does not compile */
  CRESSET_NO_MEMORY,   /* the interpreter stays usable */
  CRESSET_INTERRUPTED, /* cresset_interrupt stopped the script */
  CRESSET_EXIT         /* the script called os.exit; see cresset_exit_code */
};

/* Set all to zero, then what differs from the defaults. */
typedef struct cresset_options {
  int torch7;        /* behave as Torch7's th did: double is the default type, Lua 5.1's names */
  const char *dtype; /* default type of new tensors: "float32", "float64", ...; NULL: by the mode */
  /* The script's global `arg`: argv[script] becomes arg[0], the ones before it have negative
   * indices.  With argv NULL there is no such table. */
  int argc;
  char **argv;
  int script;
} cresset_options;

/* A new interpreter with Lua's standard libraries and `torch` loaded.  options may be NULL.
 * Returns NULL when it cannot be made; cresset_error(NULL) then says why. */
CR_API cresset *cresset_open(const cresset_options *options);

/* Frees the interpreter and runs its finalizers.  NULL is allowed.  Not to be called by a C
 * function that the interpreter itself is running. */
CR_API void cresset_close(cresset *c);

/* Runs Lua source.  `name` stands for it in messages; NULL: "string". */
CR_API int cresset_run_string(cresset *c, const char *name, const char *code);

/* Runs a file, "-" or NULL being the standard input.  The strings of `arg` are its arguments. */
CR_API int cresset_run_file(cresset *c, const char *path);

/* Calls a Lua function by its global or dotted name ("step", "model.train").  `signature` has a
 * letter for each argument, then '>' and a letter for each result wanted:
 *
 *     letter   argument       result        Lua
 *     d        double         double *      number
 *     i        int            int *         integer, or a float that is whole
 *     l        long long      long long *   likewise
 *     b        int            int *         boolean (a result may be any value: nil is false)
 *     s        const char *   const char ** string (NULL passes nil; a result may be a number)
 *
 * A result of another type, or one that does not fit, is an error.  String results stay valid
 * until the next cresset_call or cresset_close. */
CR_API int cresset_call(cresset *c, const char *function, const char *signature, ...);

/* Like lua_pcall on cresset_lua(c), for hosts that push arguments of their own: the function and
 * nargs arguments are on the stack.  When it fails nothing is left there. */
CR_API int cresset_pcall(cresset *c, int nargs, int nresults);

/* The message of the last failure, with a traceback, "" before any.  Valid until the next failure.
 * With NULL: this thread's last failure of cresset_open. */
CR_API const char *cresset_error(const cresset *c);

/* The code of the os.exit that gave CRESSET_EXIT. */
CR_API int cresset_exit_code(const cresset *c);

/* Stops what the interpreter runs, as Ctrl-C does: from any thread, or from a signal handler.  A
 * script cannot catch it for good.  Does nothing when nothing runs.  From another thread on Linux
 * it uses the signal SIGURG, unless the program has a handler of its own for it. */
CR_API void cresset_interrupt(cresset *c);

/* The interpreter's Lua state.  Calls that may raise errors belong inside a C function that
 * cresset_pcall runs. */
CR_API lua_State *cresset_lua(cresset *c);

/* A lua_CFunction for programs that have a Lua 5.4 state of their own: opens Cresset's packages in
 * it and returns `torch`.  luaL_requiref(L, "torch", cresset_luaopen, 1) makes it global. */
CR_API int cresset_luaopen(lua_State *L);

CR_API const char *cresset_version(void);

#ifdef __cplusplus
}
#endif

#endif
