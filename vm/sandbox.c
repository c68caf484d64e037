/* sandbox.c: which libraries a script has. */
#include <lauxlib.h>

#include "vm/interp.h"

void cr_open_libraries(lua_State *L, const cresset_options *options) {
  if (options->restricted || options->libraries)
    luaL_error(L, "cresset_open: restricted and libraries are not there yet");
}
