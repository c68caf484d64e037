/* memory.c: the memory of an interpreter, and its warnings: what luaL_newstate would give, but that
 * small objects, of which the collector frees many at once, go through the core's lists, that the
 * bytes are counted, and that boxes release what they own (lib/torch/boxes.h). */
#include <stdio.h>
#include <string.h>

#include "vm/interp.h"

/* warn(...), off at first; "@on" and "@off" switch it. */
static void warn(void *ud, const char *message, int more) {
  cresset *c = ud;
  if (!c->warning && !more && message[0] == '@') {
    if (strcmp(message, "@on") == 0) c->warnings = true;
    if (strcmp(message, "@off") == 0) c->warnings = false;
    return;
  }
  if (c->warnings)
    fprintf(cr_stream(c, 2), "%s%s%s", c->warning ? "" : "Lua warning: ", message,
            more ? "" : "\n");
  c->warning = more;
}

lua_State *cr_new_state(cresset *c) {
  lua_State *L = lua_newstate(cr_lua_allocate, &c->memory);
  if (!L) return NULL;
  lua_setwarnf(L, warn, c);
  cr_open_boxes(L, &c->memory);
  return L;
}
