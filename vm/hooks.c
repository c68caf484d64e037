/* hooks.c: who has the hook of Lua's debug library.
 *
 * Each coroutine has a hook of its own.  The owner's is kept in the interpreter, and a coroutine
 * gets it when it is resumed or when one that it resumed returns; a new coroutine inherits it. */
#include <string.h>

#include "vm/interp.h"

bool cr_take_hook(cresset *c, const char *owner, lua_Hook hook, int mask, int count,
                  const char **other) {
  lua_Hook now = lua_gethook(c->L);
  if (c->hook_owner && strcmp(c->hook_owner, owner) != 0) {
    *other = c->hook_owner;
    return false;
  }
  if (!c->hook_owner && now && now != c->hook_before && atomic_load(&c->stop) == CR_GO) {
    *other = "debug.sethook";
    return false;
  }
  c->hook_owner = owner;
  c->hook = hook;
  if (hook) c->hook_before = hook;
  c->hook_mask = mask;
  c->hook_count = count;
  return true;
}

void cr_drop_hook(cresset *c, const char *owner) {
  if (!c->hook_owner || strcmp(c->hook_owner, owner) != 0) return;
  c->hook_owner = NULL;
  c->hook = NULL;
}

void cr_set_hook(cresset *c, lua_State *L) {
  if (atomic_load(&c->stop) != CR_GO) return;
  lua_Hook now = lua_gethook(L);
  if (c->hook) {
    if (now != c->hook || lua_gethookmask(L) != c->hook_mask)
      lua_sethook(L, c->hook, c->hook_mask, c->hook_count);
  } else if (now && now == c->hook_before) {
    lua_sethook(L, NULL, 0, 0);
  }
  if (atomic_load(&c->stop) != CR_GO) cr_arm_stop(c);
}
