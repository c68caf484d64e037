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
 * should start with OMP_WAIT_POLICY=passive and GOMP_SPINCOUNT=1000 in its environment, as the
 * program `cresset` does.
 * Errors: a function that can fail returns CRESSET_OK (0) or one of the codes below, or NULL, and
 * leaves a message.  No call exits, aborts, or jumps over the caller's frames, whatever a script
 * does.
 * Ownership: strings that a function returns belong to the interpreter; strings given to a function
 * are copied.  Values and tensors that a function returns are the caller's, to be released.
 * Versions: what is here stays; later versions add to it. */
#ifndef CRESSET_H
#define CRESSET_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header; cresset_version() is the library's. */
#define CR_VERSION "0.1.0"
#define CR_VERSION_NUMBER 100 /* 10000 * major + 100 * minor + patch */

#if defined(_WIN32)
#define CR_API
#else
#define CR_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cresset cresset;
struct lua_State; /* of lua.h, which a host need not have */

enum {
  CRESSET_OK = 0,
  CRESSET_ERROR,       /* the script raised an error, or does not compile */
  CRESSET_NO_MEMORY,   /* there is no more, or a limit was reached; the interpreter stays usable */
  CRESSET_INTERRUPTED, /* cresset_interrupt stopped the script */
  CRESSET_EXIT,        /* the script called os.exit; see cresset_exit_code */
  CRESSET_TIME         /* the limit of time or of instructions was reached; it stays usable */
};

/* ---- interpreters ----------------------------------------------------------------------- */

/* Set all to zero, then what differs from the defaults. */
typedef struct cresset_options {
  int torch7;        /* behave as Torch7's th did: double is the default type, Lua 5.1's names */
  const char *dtype; /* default type of new tensors: "float32", "float64", ...; NULL: by the mode */
  /* The script's global `arg`: argv[script] becomes arg[0], the ones before it have negative
   * indices.  With argv NULL there is no such table. */
  int argc;
  char **argv;
  int script;

  /* For scripts that are not trusted: no files, processes, environment, bytecode, debug library,
   * no C modules, and only those packages of Cresset that need none of it.  Set limits with it. */
  int restricted;
  /* Names of the libraries that a script has, separated by spaces: Lua's own ("string", "table",
   * "math", "utf8", "coroutine", "os", "io", "debug"; the base functions are always there) and
   * Cresset's packages ("nn", "optim", ...; torch is always there, and with nn what it needs).
   * NULL: all of them, or all that `restricted` leaves. */
  const char *libraries;
  const char *path;  /* package.path, where `require` looks for Lua files; NULL: as Lua has it */
  const char *cpath; /* package.cpath, likewise for C modules */

  /* Limits; 0 is none.  Those of time count anew in each call of the host.  Lua cannot stop a
   * finalizer (__gc) in the middle; restricted scripts have none. */
  size_t lua_memory;    /* bytes that Lua may hold */
  size_t tensor_memory; /* bytes of tensors that are made while this interpreter runs */
  double seconds;
  int64_t instructions; /* of Lua; counted by thousands.  Code runs about half as fast with it */
  int threads;          /* the most that one operator uses */

  /* As Lua's lua_Alloc; NULL: the library's.  Not for tensors' elements. */
  void *(*allocate)(void *user, void *block, size_t old_size, size_t new_size);
  /* Gets what a script writes to its standard output (stream 1: print, io.write) and its standard
   * error (2: warnings too), in pieces; NULL: they are the process's.  It must not call the
   * interpreter. */
  void (*write)(void *user, int stream, const char *text, size_t length);
  void *user; /* for both */

  void *reserved[8]; /* zero */
} cresset_options;

/* A new interpreter with Lua's standard libraries and `torch` loaded.  options may be NULL.
 * Returns NULL when it cannot be made; cresset_error(NULL) then says why. */
CR_API cresset *cresset_open(const cresset_options *options);

/* Frees the interpreter and runs its finalizers.  NULL is allowed.  Not to be called by a C
 * function that the interpreter itself is running. */
CR_API void cresset_close(cresset *c);

/* The message of the last failure, with a traceback, "" before any.  Valid until the next failure.
 * With NULL: this thread's last failure of a function that has no interpreter. */
CR_API const char *cresset_error(const cresset *c);

/* The code of the os.exit that gave CRESSET_EXIT. */
CR_API int cresset_exit_code(const cresset *c);

/* Stops what the interpreter runs, as Ctrl-C does: from any thread, or from a signal handler.  A
 * script cannot catch it for good.  Does nothing when nothing runs.  From another thread on Linux
 * it uses the signal SIGURG, unless the program has a handler of its own for it; the limit of
 * seconds does too. */
CR_API void cresset_interrupt(cresset *c);

CR_API const char *cresset_version(void);

/* ---- running and calling ---------------------------------------------------------------- */

/* Runs Lua source.  `name` stands for it in messages; NULL: "string". */
CR_API int cresset_run_string(cresset *c, const char *name, const char *code);
/* The same for `size` bytes that need not end with a zero. */
CR_API int cresset_run_buffer(cresset *c, const char *name, const char *code, size_t size);

/* Runs a file, "-" or NULL being the standard input.  The strings of `arg` are its arguments. */
CR_API int cresset_run_file(cresset *c, const char *path);

/* A Lua value that the host holds.  It keeps the value, and is to be released before its
 * interpreter is closed. */
typedef struct cresset_value cresset_value;
/* A tensor that the host holds.  It belongs to no interpreter: it may be given to several, on
 * several threads, which then share its elements. */
typedef struct cresset_tensor cresset_tensor;

/* clang-format off: the table stays one */
/* Calls a Lua function by its global or dotted name ("step", "model.train"; "model:forward" calls
 * a method).  `signature` has a letter for each argument, then '>' and a letter for each result
 * wanted:
 *
 *     letter   argument               result             Lua
 *     d        double                 double *           number (a result: or a tensor of one)
 *     i        int                    int *              integer, or a float that is whole
 *     l        long long              long long *        likewise
 *     b        int                    int *              boolean (a result: any value;
 *                                                        nil is false)
 *     s        const char *           const char **      string (NULL is nil; a result: or
 *                                                        a number)
 *     z        const char *, size_t   const char **,     string that may have zeros in it
 *                                     size_t *
 *     t        cresset_tensor *       cresset_tensor **  tensor (NULL is nil), the same
 *                                                        elements
 *     v        cresset_value *        cresset_value **   any value (NULL is nil)
 *     p        -                      const char *,      data of that type, see cresset_wrap
 *                                     void **
 *
 * A result of another type, or one that does not fit, is an error, and then none of the tensors and
 * values is given out.  String results stay valid until the next cresset_call, cresset_get or
 * cresset_close. */
/* clang-format on */
CR_API int cresset_call(cresset *c, const char *function, const char *signature, ...);
/* Calls a value: a function, or what can be called. */
CR_API int cresset_call_value(cresset *c, const cresset_value *f, const char *signature, ...);

/* Like lua_pcall on cresset_lua(c), for hosts that push arguments of their own: the function and
 * nargs arguments are on the stack.  When it fails nothing is left there. */
CR_API int cresset_pcall(cresset *c, int nargs, int nresults);

/* The interpreter's Lua state.  Calls that may raise errors belong inside a C function that
 * cresset_pcall runs. */
CR_API struct lua_State *cresset_lua(cresset *c);

/* ---- values and tables ------------------------------------------------------------------ */

/* A new empty table. */
CR_API int cresset_new_table(cresset *c, cresset_value **out);

/* Reads and writes a field by its dotted name ("optim.lr"); `table` NULL: a global.  `letter` is
 * one of the letters of cresset_call, its value or pointer follows. */
CR_API int cresset_get(cresset *c, const cresset_value *table, const char *name, const char *letter,
                       ...);
CR_API int cresset_set(cresset *c, const cresset_value *table, const char *name, const char *letter,
                       ...);
/* The same for the place i, from 1. */
CR_API int cresset_get_at(cresset *c, const cresset_value *table, long long i, const char *letter,
                          ...);
CR_API int cresset_set_at(cresset *c, const cresset_value *table, long long i, const char *letter,
                          ...);
CR_API int cresset_length(cresset *c, const cresset_value *value, long long *out);

/* The name of the value's type: Lua's ("nil", "number", "table", ...) or a class's
 * ("torch.FloatTensor", "nn.Linear").  "" when there is no memory for it. */
CR_API const char *cresset_type(cresset *c, const cresset_value *value);

/* Copies a value of one interpreter into another: numbers, strings, tables, functions of Lua,
 * models.  Tensors in it are shared, so that a hundred interpreters need one set of weights.  `to`
 * and `from` must both be idle and stay so during the call. */
CR_API int cresset_copy(cresset *to, cresset *from, const cresset_value *value,
                        cresset_value **out);

CR_API void cresset_release(cresset *c, cresset_value *value); /* NULL is allowed */

/* ---- functions and data of the host ----------------------------------------------------- */

/* A function that scripts can call.  It takes its arguments by cresset_arguments, gives its results
 * by cresset_results, both with the letters of cresset_call, and returns CRESSET_OK; or it returns
 * another code, after cresset_fail or one of these has failed, which raises an error in Lua. */
typedef int (*cresset_function)(cresset *c, void *user);

/* Makes the function a field of the table (NULL: a global), by its dotted name ("host.log"; tables
 * that are not there yet are made). */
CR_API int cresset_register(cresset *c, const cresset_value *table, const char *name,
                            cresset_function f, void *user);

/* How many arguments the function got; and reads them from the first on, as results of cresset_call
 * are read.  A letter after '|' may be missing or nil: the variable then stays as it is. */
CR_API int cresset_argument_count(cresset *c);
CR_API int cresset_arguments(cresset *c, const char *letters, ...);
CR_API int cresset_results(cresset *c, const char *letters, ...);
/* Leaves the message, formatted as by printf, and returns CRESSET_ERROR. */
CR_API int cresset_fail(cresset *c, const char *format, ...);

/* Makes an operator with a derivative of its own, as torch.Function does.  `forward` is a function
 * as above.  `backward` gets the gradient of each of its results, and gives that of each of its
 * arguments, nil ('t' with NULL) where there is none.  It cannot be differentiated once more. */
CR_API int cresset_register_operator(cresset *c, const cresset_value *table, const char *name,
                                     cresset_function forward, cresset_function backward,
                                     void *user);
/* In an operator's forward: keeps tensors, arguments or results, for its backward.  In its
 * backward: gives them, to be released; an error when a script has changed one in place since. */
CR_API int cresset_save(cresset *c, int n, cresset_tensor *const *tensors);
CR_API int cresset_saved(cresset *c, int n, cresset_tensor **tensors);

/* What the luaopen_NAME of a plug-in returns, so that `require "NAME"` finds it on package.cpath:
 *
 *     int luaopen_NAME(struct lua_State *L) { return cresset_plugin(L, fill); }
 *
 * fill puts functions and operators into the module's table. */
CR_API int cresset_plugin(struct lua_State *L, int (*fill)(cresset *c, cresset_value *module));

/* Data of the host as a Lua value that scripts pass around; release(data) runs once, when nothing
 * refers to it any more (NULL: it does not).  `type` names its kind ("db.Row"): functions
 * registered as "db.Row:get" are its methods, and get it as their first argument.  When this fails
 * it does not take the data over. */
CR_API int cresset_wrap(cresset *c, const char *type, void *data, void (*release)(void *data),
                        cresset_value **out);
/* The data of a value that was made with that type; NULL, with a message, if it was not. */
CR_API void *cresset_unwrap(cresset *c, const cresset_value *value, const char *type);

/* ---- tensors ---------------------------------------------------------------------------- */

typedef enum {
  CRESSET_FLOAT32,
  CRESSET_FLOAT64,
  CRESSET_FLOAT16,
  CRESSET_BFLOAT16,
  CRESSET_INT8,
  CRESSET_UINT8,
  CRESSET_INT16,
  CRESSET_INT32,
  CRESSET_INT64,
  CRESSET_BOOL /* a byte, 0 or 1 */
} cresset_dtype;

/* A tensor over the host's memory, which is not copied.  Strides count elements; NULL: the last
 * dimension is contiguous, and so on.  release(owner, data) runs once, on whatever thread drops the
 * last reference (NULL: it does not); calls of an interpreter that is being closed then fail.
 * Scripts may write to it.  NULL, without taking the memory over: a bad shape, or no memory;
 * cresset_error(NULL) says which. */
CR_API cresset_tensor *cresset_tensor_wrap(void *data, cresset_dtype dtype, int ndim,
                                           const int64_t *shape, const int64_t *strides,
                                           void (*release)(void *owner, void *data), void *owner);
/* A new tensor of zeros. */
CR_API cresset_tensor *cresset_tensor_new(cresset_dtype dtype, int ndim, const int64_t *shape);

typedef struct cresset_tensor_info {
  void *data; /* the first element; on a CUDA device it is the device's address */
  cresset_dtype dtype;
  int cuda; /* -1: host memory; else the number of the device */
  int ndim;
  const int64_t *shape, *strides; /* in elements; the tensor's, valid as long as it is */
} cresset_tensor_info;

CR_API void cresset_tensor_look(const cresset_tensor *t, cresset_tensor_info *out);
CR_API cresset_tensor *cresset_tensor_retain(cresset_tensor *t);
CR_API void cresset_tensor_release(cresset_tensor *t); /* NULL is allowed */

/* DLPack (https://dmlc.github.io/dlpack), its unversioned struct DLManagedTensor.  The exported one
 * shares the elements and is freed by its deleter; the import takes it over when it succeeds. */
struct DLManagedTensor;
CR_API struct DLManagedTensor *cresset_tensor_to_dlpack(cresset_tensor *t);
CR_API cresset_tensor *cresset_tensor_from_dlpack(struct DLManagedTensor *managed);

/* ---- Lua states of the host's own ------------------------------------------------------- */

/* A lua_CFunction for programs that have a Lua 5.4 state of their own: opens Cresset's packages in
 * it and returns `torch`.  luaL_requiref(L, "torch", cresset_luaopen, 1) makes it global. */
CR_API int cresset_luaopen(struct lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
