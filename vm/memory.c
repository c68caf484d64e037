/* memory.c: the memory of an interpreter, and its warnings: what luaL_newstate would give, but that
 * small objects, of which the collector frees many at once, go through the core's lists, and
 * that the bytes are counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "tensor/tensor.h"
#include "vm/interp.h"

#define TINY 512 /* larger blocks are better grown by realloc */

static void *own_reallocate(void *p, size_t old, size_t new) {
  if (!p) return new ? new > TINY ? malloc(new) : cr_tiny_alloc(new) : NULL;
  if (new == 0) {
    cr_tiny_free(p, old);
    return NULL;
  }
  if (old > TINY && new > TINY) return realloc(p, new);
  void *q = new > TINY ? malloc(new) : cr_tiny_alloc(new);
  if (!q) return NULL;
  memcpy(q, p, old < new ? old : new);
  cr_tiny_free(p, old);
  return q;
}

static void *reallocate(void *ud, void *p, size_t old, size_t new) {
  cresset *c = ud;
  size_t held = p ? old : 0; /* without a block, old is a kind of object */
  if (new > held && c->lua_limit &&new - held > c->lua_limit - c->lua_bytes) return NULL;
  void *q = c->allocate ? c->allocate(c->user, p, old, new) : own_reallocate(p, old, new);
  if (q || new == 0) c->lua_bytes += new - held;
  return q;
}

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
  lua_State *L = lua_newstate(reallocate, c);
  if (L) lua_setwarnf(L, warn, c);
  return L;
}
