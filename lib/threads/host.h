/* host.h: what threads need of the program that runs interpreters, which lib/ does not know: vm/
 * puts a pointer to such a table into each interpreter's registry. */
#ifndef CR_THREAD_HOST_H
#define CR_THREAD_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#define CR_THREAD_HOST_KEY "cresset.threadhost" /* a light userdata */

typedef struct {
  /* A new interpreter, to be used by this thread; NULL, with a message in `error` of n bytes: it
   * could not be made. */
  void *(*open)(bool torch7, char *error, size_t n);
  /* Calls f with the light userdata `arg`.  When it fails, *error is the message with a traceback,
   * to be freed, or NULL when there was no memory for it. */
  bool (*call)(void *interp, lua_CFunction f, void *arg, char **error);
  /* Makes a call that is under way fail; from any thread. */
  void (*interrupt)(void *interp);
  void (*close)(void *interp);
} cr_thread_host;

#endif
