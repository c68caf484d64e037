/* list_lua.c: several tensors at once: those of a table, and those that a call owns meanwhile. */
#include "lib/torch/binding.h"

cr_tensor **cr_check_tensors(lua_State *L, int arg, int *n, bool holes) {
  bool single = cr_to_tensor(L, arg) != NULL;
  if (!single) luaL_checktype(L, arg, LUA_TTABLE);
  if (!holes) *n = single ? 1 : (int)lua_rawlen(L, arg);
  cr_tensor **list = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *list, 0);
  for (int i = 0; i < *n; i++) {
    if (single) {
      list[i] = i == 0 ? cr_to_tensor(L, arg) : NULL;
      continue;
    }
    lua_rawgeti(L, arg, i + 1);
    list[i] = cr_to_tensor(L, -1);
    if (!list[i] && !(holes && !lua_toboolean(L, -1)))
      luaL_argerror(
          L, arg,
          lua_pushfstring(L, "element %d is a %s, wanted a tensor", i + 1, luaL_typename(L, -1)));
    lua_pop(L, 1); /* the table holds it */
  }
  return list;
}

static void release_owned(void *owned) {
  cr_owned *o = owned;
  for (int i = 0; i < o->n; i++) cr_release(o->t[i]);
  cr_free(o, sizeof *o + (size_t)o->n * sizeof *o->t);
}

static const cr_box_kind owned_kind = {release_owned};

static int free_owned(lua_State *L) {
  cr_empty_box(lua_touserdata(L, 1));
  return 0;
}

cr_owned *cr_push_owned(lua_State *L, int n) {
  cr_box *b = cr_push_box(L, &owned_kind);
  if (!cr_boxes_work(L)) {
    if (luaL_newmetatable(L, "cresset.owned")) cr_box_class(L, free_owned);
    lua_setmetatable(L, -2);
  }
  cr_owned *o = cr_malloc(sizeof *o + (size_t)n * sizeof *o->t);
  if (!o) cr_lua_error(L);
  o->n = n;
  for (int i = 0; i < n; i++) o->t[i] = NULL;
  b->object = o;
  return o;
}

void cr_push_from(lua_State *L, cr_owned *o, int i) {
  cr_tensor *t = o->t[i];
  o->t[i] = NULL;
  cr_push_tensor(L, t);
}
