/* clique_lua.c: devices that are connected to work together, which torch.cuda.nccl
 * (collectives.lua) is made of. */
#include "lib/torch/binding.h"

#include <stdlib.h>

#define CLIQUE "torch.cuda.Clique"

typedef struct {
  cr_clique *c; /* NULL: freed */
  int n;
  int devices[]; /* from 0 */
} clique;

/* torch._cuda.clique(devices) */
static int c_clique(lua_State *L) {
  const cr_device_control *c = cr_check_control(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  int n = (int)lua_rawlen(L, 1);
  luaL_argcheck(L, n >= 1 && n <= INT8_MAX, 1, "a list of devices is wanted");
  clique *q = lua_newuserdatauv(L, sizeof *q + (size_t)n * sizeof *q->devices, 0);
  *q = (clique){.n = n};
  luaL_setmetatable(L, CLIQUE);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 1, i + 1);
    q->devices[i] = cr_check_device(L, lua_gettop(L)).index;
    lua_pop(L, 1);
  }
  q->c = c->clique_new(n, q->devices);
  return q->c ? 1 : cr_lua_error(L);
}

static clique *check_clique(lua_State *L) {
  clique *q = luaL_checkudata(L, 1, CLIQUE);
  if (!q->c) luaL_argerror(L, 1, "this connection was freed");
  return q;
}

static int q_free(lua_State *L) {
  clique *q = luaL_checkudata(L, 1, CLIQUE);
  if (q->c) cr_check_control(L)->clique_free(q->c);
  q->c = NULL;
  return 0;
}

/* How many elements each of an item's tensors has: those that a device gives, or receives. */
static size_t expected(const cr_collective *w, int n, bool gives) {
  cr_collective_kind large = gives ? CR_COLLECT_REDUCE_SCATTER : CR_COLLECT_ALL_GATHER;
  return w->kind == large ? w->count * (size_t)n : w->count;
}

static void check_part(lua_State *L, const clique *q, const cr_collective *w, int i, cr_tensor *t,
                       bool gives) {
  cr_device d = cr_device_of(t);
  if (d.type != CR_CUDA || d.index != q->devices[i])
    luaL_error(L, "a tensor of device %d is wanted at place %d", q->devices[i] + 1, i + 1);
  if (t->dtype != w->dtype || (size_t)cr_numel(t) != expected(w, q->n, gives) ||
      !cr_is_contiguous(t))
    luaL_error(L, "the tensors must be contiguous, of one type, and of matching sizes");
}

/* clique:collect(kind, op, root, from, to, beside, clear): from and to are lists of tensors, one
 * for each device, and as often as wanted; those of a device may be the same. */
static int q_collect(lua_State *L) {
  static const char *const kinds[] = {"allReduce", "reduce",        "broadcast",
                                      "allGather", "reduceScatter", NULL};
  static const char *const ops[] = {"sum", "prod", "max", "min", NULL};
  clique *q = check_clique(L);
  int nfrom, nto;
  cr_collective_kind kind = (cr_collective_kind)luaL_checkoption(L, 2, NULL, kinds);
  cr_collective_op op = (cr_collective_op)luaL_checkoption(L, 3, NULL, ops);
  lua_Integer root = luaL_checkinteger(L, 4);
  cr_tensor **from = cr_check_tensors(L, 5, &nfrom, false),
            **to = cr_check_tensors(L, 6, &nto, false);
  luaL_argcheck(L, root >= 1 && root <= q->n, 4, "the root is a place in the list of devices");
  luaL_argcheck(L, nfrom == nto && nfrom % q->n == 0, 5, "one tensor for each device is wanted");
  int items = nfrom / q->n;
  cr_collective *list = lua_newuserdatauv(L, (size_t)(items + 1) * sizeof *list, 0);
  void **data = lua_newuserdatauv(L, (size_t)(2 * nfrom + 1) * sizeof *data, 0);
  for (int k = 0; k < items; k++) {
    cr_tensor **f = from + k * q->n, **t = to + k * q->n;
    void **at = data + 2 * k * q->n;
    list[k] = (cr_collective){.kind = kind,
                              .op = op,
                              .dtype = (cr_dtype)f[0]->dtype,
                              .root = (int)root - 1,
                              .clear = lua_toboolean(L, 8),
                              .from = (const void *const *)at,
                              .to = (void *const *)(at + q->n)};
    list[k].count = (size_t)cr_numel(kind == CR_COLLECT_REDUCE_SCATTER ? t[0] : f[0]);
    for (int i = 0; i < q->n; i++) {
      check_part(L, q, &list[k], i, f[i], true);
      check_part(L, q, &list[k], i, t[i], false);
      at[i] = cr_data(f[i]);
      at[q->n + i] = cr_data(t[i]);
    }
  }
  if (!cr_check_control(L)->collect(q->c, items, list, lua_toboolean(L, 7))) return cr_lua_error(L);
  for (int i = 0; i < nto; i++) cr_bump(to[i]);
  for (int i = 0; lua_toboolean(L, 8) && i < nfrom; i++) cr_bump(from[i]);
  return 0;
}

static int q_join(lua_State *L) {
  clique *q = check_clique(L);
  return cr_check_control(L)->clique_join(q->c) ? 0 : cr_lua_error(L);
}

void cr_bind_clique(lua_State *L) {
  static const luaL_Reg methods[] = {{"collect", q_collect},
                                     {"join", q_join},
                                     {"__gc", q_free},
                                     {"__close", q_free},
                                     {NULL, NULL}};
  lua_getfield(L, TORCH_TABLE, "_cuda");
  lua_pushcfunction(L, c_clique);
  lua_setfield(L, -2, "clique");
  lua_pop(L, 1);
  luaL_newmetatable(L, CLIQUE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
