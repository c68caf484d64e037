/* boxes.h: userdata that own an object of C.
 *
 * An object with a finalizer (__gc) costs Lua's collector a list of its own, a resurrection and a
 * call.  So boxes have none: the allocator of an interpreter keeps a word behind each block of a
 * box's size, which tells it when Lua frees a box, and releases what the box owns itself.  In a
 * state that has another allocator, a host's or that of stock Lua, boxes do nothing of their own
 * accord, and their metatables need a __gc. */
#ifndef CR_BOXES_H
#define CR_BOXES_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "tensor/basic.h"

/* The address of a kind marks its boxes.  `release` runs while Lua frees memory, so it touches no
 * state of Lua and runs nobody else's code: see cr_defer. */
typedef struct {
  void (*release)(void *object); /* never NULL */
} cr_box_kind;

typedef struct {
  void *object; /* NULL: it owns nothing, any more or yet */
  const cr_box_kind *kind;
} cr_box;

/* Pushes an empty box. */
cr_box *cr_push_box(lua_State *L, const cr_box_kind *kind);
/* The value at arg if it is a box of that kind, which is faster to see than its metatable; else
 * NULL. */
cr_box *cr_to_box(lua_State *L, int arg, const cr_box_kind *kind);
/* Releases what a box owns, now. */
void cr_empty_box(cr_box *b);
/* Makes the table on the top a metatable of boxes, which `empty` empties when they go, where they
 * do not do it themselves; "__box" in it keeps it out of the reach of restricted scripts. */
void cr_box_class(lua_State *L, lua_CFunction empty);
/* Whether boxes release what they own when they go; else they need a __gc. */
bool cr_boxes_work(lua_State *L);

/* Something that may call Lua, or a host, and whose turn has come while Lua frees memory. */
typedef struct cr_deferred {
  struct cr_deferred *next;
  void (*run)(struct cr_deferred *d);
} cr_deferred;

/* True: this thread is freeing Lua's memory, and d->run(d) is called later, at the end of this
 * cycle of the collector.  False: the caller is free to do it now. */
bool cr_defer(cr_deferred *d);

/* The memory of a state: what its allocator gets, and is found with at no cost. */
typedef struct {
  size_t bytes, limit; /* what Lua holds, and at most may; 0: no limit */
  void *(*allocate)(void *user, void *block, size_t old, size_t new); /* the host's, or NULL */
  void *user;
  bool boxes;                           /* the words behind the boxes are where they should be */
  cr_deferred *deferred;                /* the last one first */
  int classes[CR_NDEVICES][CR_NDTYPES]; /* luaL_ref of the tensors' metatables; 0: not yet made */
} cr_lua_memory;

/* That of L, or NULL when it has another allocator. */
cr_lua_memory *cr_memory_of(lua_State *L);

void *cr_lua_allocate(void *memory, void *block, size_t old, size_t new);
/* Of a new state that has this memory: makes its boxes work, if they can. */
void cr_open_boxes(lua_State *L, cr_lua_memory *m);
/* Does what was deferred; after lua_close, which may leave some. */
void cr_run_deferred(cr_lua_memory *m);

#endif
