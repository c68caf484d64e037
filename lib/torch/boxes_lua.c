/* boxes_lua.c: userdata that own an object of C, and the allocator that releases the object when
 * Lua frees the userdata (boxes.h). */
#include "lib/torch/boxes.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/tiny.h"

/* ---- the allocator ---------------------------------------------------------------------- */

#define WORD sizeof(void *)
/* A userdata without user values is a header of four words, then its memory.  Other blocks have
 * this size, too; their word stays NULL. */
#define BOX_BLOCK (4 * WORD + sizeof(cr_box))

/* The memory that is being freed on this thread. */
static _Thread_local cr_lua_memory *freeing;

/* The word behind a box: its own address, or NULL. */
static cr_box **word_behind(cr_box *b) {
  return (cr_box **)(b + 1);
}

static void *take(size_t bytes) {
  if (bytes > CR_TINY) return malloc(bytes); /* larger blocks are better grown by realloc */
  if (bytes != BOX_BLOCK) return cr_tiny_alloc(bytes);
  char *p = cr_tiny_alloc(BOX_BLOCK + WORD);
  if (p) *word_behind((cr_box *)(p + BOX_BLOCK - sizeof(cr_box))) = NULL;
  return p;
}

static void give(cr_lua_memory *m, void *p, size_t bytes) {
  if (bytes == BOX_BLOCK) {
    cr_box *b = (cr_box *)((char *)p + BOX_BLOCK - sizeof *b);
    if (*word_behind(b) == b && b->object) {
      cr_lua_memory *before = freeing;
      freeing = m;
      b->kind->release(b->object);
      freeing = before;
    }
    bytes += WORD;
  }
  cr_tiny_free(p, bytes);
}

static void *reallocate(cr_lua_memory *m, void *p, size_t old, size_t new) {
  if (!p) return new ? take(new) : NULL;
  if (new == 0) {
    give(m, p, old);
    return NULL;
  }
  if (old > CR_TINY && new > CR_TINY) return realloc(p, new);
  void *q = take(new);
  if (!q) return NULL;
  memcpy(q, p, old < new ? old : new);
  give(m, p, old);
  return q;
}

void *cr_lua_allocate(void *memory, void *p, size_t old, size_t new) {
  cr_lua_memory *m = memory;
  size_t held = p ? old : 0; /* without a block, old is a kind of object */
  if (new > held && m->limit &&new - held > m->limit - m->bytes) return NULL;
  void *q = m->allocate ? m->allocate(m->user, p, old, new) : reallocate(m, p, old, new);
  if (q || new == 0) m->bytes += new - held;
  return q;
}

/* ---- boxes ------------------------------------------------------------------------------ */

static const char works_key; /* of the registry: whether boxes work */

cr_lua_memory *cr_memory_of(lua_State *L) {
  void *m;
  return lua_getallocf(L, &m) == cr_lua_allocate ? m : NULL;
}

bool cr_boxes_work(lua_State *L) {
  cr_lua_memory *m = cr_memory_of(L);
  if (m) return m->boxes;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &works_key); /* a host may have put its own around ours */
  bool works = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return works;
}

cr_box *cr_push_box(lua_State *L, const cr_box_kind *kind) {
  cr_box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (cr_box){NULL, kind};
  if (cr_boxes_work(L)) *word_behind(b) = b;
  return b;
}

void cr_box_class(lua_State *L, lua_CFunction empty) {
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "__box");
  if (cr_boxes_work(L)) return;
  lua_pushcfunction(L, empty);
  lua_setfield(L, -2, "__gc");
}

cr_box *cr_to_box(lua_State *L, int arg, const cr_box_kind *kind) {
  cr_box *b = lua_touserdata(L, arg); /* a light one, too; those have no length */
  return b && lua_rawlen(L, arg) == sizeof *b && b->kind == kind ? b : NULL;
}

void cr_empty_box(cr_box *b) {
  void *object = b->object;
  b->object = NULL;
  if (object) b->kind->release(object);
}

/* ---- what has to wait ------------------------------------------------------------------- */

bool cr_defer(cr_deferred *d) {
  if (!freeing) return false;
  d->next = freeing->deferred;
  freeing->deferred = d;
  return true;
}

void cr_run_deferred(cr_lua_memory *m) {
  while (m->deferred) {
    cr_deferred *d = m->deferred;
    m->deferred = d->next;
    d->run(d);
  }
}

/* The finalizer of an object that nothing refers to, at the end of each cycle of the collector;
 * it leaves another such object for the next. */
static int end_cycle(lua_State *L) {
  cr_run_deferred(lua_touserdata(L, lua_upvalueindex(1)));
  lua_newuserdatauv(L, 0, 0);
  lua_getmetatable(L, 1);
  lua_setmetatable(L, -2);
  return 0;
}

static void release_trial(void *memory) {
  ((cr_lua_memory *)memory)->boxes = true;
}
static const cr_box_kind trial = {release_trial};

/* The size of a box's block, and that its memory is at the end, is how Lua happens to be; so it is
 * tried. */
static int try_box(lua_State *L) {
  cr_lua_memory *m = lua_touserdata(L, 1);
  size_t before = m->bytes;
  cr_box *b = lua_newuserdatauv(L, sizeof *b, 0);
  if (m->bytes - before != BOX_BLOCK) return 0;
  *b = (cr_box){m, &trial};
  *word_behind(b) = b;
  lua_settop(L, 0);
  lua_gc(L, LUA_GCRESTART);
  lua_gc(L, LUA_GCCOLLECT);
  if (!m->boxes) return 0;
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushlightuserdata(L, m);
  lua_pushcclosure(L, end_cycle, 1);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &works_key);
  return 0;
}

void cr_open_boxes(lua_State *L, cr_lua_memory *m) {
  if (m->allocate) return;
  lua_gc(L, LUA_GCSTOP); /* so that it frees nothing while the block is measured */
  lua_pushcfunction(L, try_box);
  lua_pushlightuserdata(L, m);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) m->boxes = false;
  lua_gc(L, LUA_GCRESTART);
  lua_settop(L, 0);
}
