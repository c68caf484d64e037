/* threads.c: interpreters for the threads that scripts start (lib/threads). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/threads/host.h"
#include "vm/interp.h"

static void *open_interp(bool torch7, char *error, size_t n) {
  cresset *c = cresset_open(&(cresset_options){.torch7 = torch7});
  if (!c)
    snprintf(error, n, "%s", cresset_error(NULL));
  else
    cr_debugger_disable(c); /* the standard input belongs to the main thread */
  return c;
}

static bool call(void *interp, lua_CFunction f, void *arg, char **error) {
  cresset *c = interp;
  lua_State *L = cresset_lua(c);
  lua_settop(L, 0);
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, arg);
  int code = cresset_pcall(c, 1, 0);
  if (code == CRESSET_OK) return true;
  *error =
      strdup(code == CRESSET_EXIT ? "os.exit was called; only the main thread can end the program"
                                  : cresset_error(c));
  return false;
}

static void interrupt(void *interp) {
  cresset_interrupt(interp);
}

static void close_interp(void *interp) {
  cresset_close(interp);
}

void cr_open_threads(lua_State *L) {
  static const cr_thread_host host = {open_interp, call, interrupt, close_interp};
  lua_pushlightuserdata(L, (void *)&host);
  lua_setfield(L, LUA_REGISTRYINDEX, CR_THREAD_HOST_KEY);
}
