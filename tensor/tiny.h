/* tiny.h: malloc and free for blocks that come and go often, headers and numbers; free has to know
 * the size.  Each thread keeps some, in a list for each size (alloc.c). */
#ifndef CR_TINY_H
#define CR_TINY_H

#include <stddef.h>
#include <stdint.h>

#define CR_TINY 512 /* larger ones are malloc's */
#define CR_TINY_STEP 64
#define CR_TINY_CLASSES (CR_TINY / CR_TINY_STEP)

typedef struct cr_tiny_block {
  struct cr_tiny_block *next;
} cr_tiny_block;

typedef struct {
  cr_tiny_block *free;
  uint32_t room; /* for so many more */
} cr_tiny_list;

extern _Thread_local cr_tiny_list cr_tiny[CR_TINY_CLASSES];

void *cr_tiny_alloc_slow(size_t bytes);
void cr_tiny_free_slow(void *p, size_t bytes);

/* 0 bytes are a valid block. */
static inline void *cr_tiny_alloc(size_t bytes) {
  size_t c = (bytes - 1) / CR_TINY_STEP; /* huge for 0 */
  cr_tiny_block *b;
  if (c >= CR_TINY_CLASSES || !(b = cr_tiny[c].free)) return cr_tiny_alloc_slow(bytes);
  cr_tiny[c].free = b->next;
  cr_tiny[c].room++;
  return b;
}

static inline void cr_tiny_free(void *p, size_t bytes) {
  size_t c = (bytes - 1) / CR_TINY_STEP;
  if (!p || c >= CR_TINY_CLASSES || !cr_tiny[c].room) {
    cr_tiny_free_slow(p, bytes);
    return;
  }
  cr_tiny_block *b = p;
  b->next = cr_tiny[c].free;
  cr_tiny[c].free = b;
  cr_tiny[c].room--;
}

#endif
