/* collector_lua.c: when Lua's collector runs, which does not see what tensors hold. */
#include "lib/torch/binding.h"

#define SLACK ((size_t)4 << 20)
#define LARGE ((size_t)1 << 20) /* bytes whose place in the caches is worth a step */

static size_t live_bytes(void) {
  return atomic_load_explicit(&cr_ctx()->account->live, memory_order_relaxed);
}

/* Lua's collector sees 16 bytes of a tensor that may hold a gigabyte.  So it makes a step whenever
 * the live bytes of this interpreter's tensors have grown by a little: in generational mode that
 * frees what died young, which is most, at little cost, and the next results are written where the
 * last ones were, in memory that is still in the cache.  Lua never takes such a step as an occasion
 * to free what died old, nor has it others while these come often; so there is a full run when the
 * live bytes are half as much again as was reachable after the last one, or Lua's own heap has
 * doubled since. */
static void relieve(lua_State *L) {
  cr_context *ctx = cr_ctx();
  lua_gc(L, LUA_GCSTEP, 0);
  size_t heap = (size_t)lua_gc(L, LUA_GCCOUNT) * 1024;
  if (live_bytes() > ctx->full_at || heap > 2 * ctx->heap) {
    lua_gc(L, LUA_GCCOLLECT);
    heap = (size_t)lua_gc(L, LUA_GCCOUNT) * 1024;
    ctx->heap = heap;
    size_t slack = 2 * heap > SLACK ? 2 * heap : SLACK; /* a large heap costs more to walk */
    size_t reachable = live_bytes();
    ctx->full_at = reachable + (reachable / 2 > slack ? reachable / 2 : slack);
  }
  size_t live = live_bytes();
  ctx->step_at = live + (live / 16 > SLACK ? live / 16 : SLACK);
  ctx->room_due = false;
}

/* After a large result has been pushed: if one more as large would bring about a step, that step
 * comes before it is made rather than after, so that it can take the memory of one that is dead. */
static bool is_room_due(const cr_context *ctx, const cr_tensor *t) {
  size_t bytes = t->storage ? t->storage->capacity : 0;
  return bytes >= LARGE && live_bytes() + bytes > ctx->step_at &&
         atomic_load_explicit(&t->storage->refs, memory_order_relaxed) == 1;
}

void cr_note_result(lua_State *L, const cr_tensor *t) {
  cr_context *ctx = cr_ctx();
  if (live_bytes() > ctx->step_at) relieve(L);
  ctx->room_due = is_room_due(ctx, t);
}

void cr_make_room(lua_State *L) {
  if (cr_ctx()->room_due) relieve(L);
}

static bool reclaim(void *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT); /* what the first one's finalizers let go */
  cr_memory_release();
  return true;
}

void cr_adopt_collector(lua_State *L) {
  cr_context *ctx = cr_ctx();
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  ctx->reclaim = reclaim;
  ctx->reclaim_ctx = lua_tothread(L, -1);
  lua_pop(L, 1);
  ctx->step_at = ctx->full_at = SLACK;
}
