/* tables.h: what the byte-pair tokenizer keeps its counts in.  All grow by themselves; functions
 * that may need memory return false when there is none, with a message in cr_error(). */
#ifndef CR_TABLES_H
#define CR_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room for at least `want` items of that size; *room is how many there is room for now. */
bool cr_grow(void *list, size_t *room, size_t want, size_t size);

/* ---- a map from pairs of numbers to numbers ----------------------------------------------- */

typedef struct {
  uint64_t key;
  int64_t value; /* -1: the slot is empty */
} cr_pair_slot;

typedef struct {
  cr_pair_slot *slot;
  size_t mask, used; /* as many slots as mask + 1, or none */
} cr_pairs;

static inline uint64_t cr_pair(int32_t a, int32_t b) {
  return (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
}

/* The value of key, which is `fresh` (not negative) if it was not there; NULL without memory. */
int64_t *cr_pairs_at(cr_pairs *p, uint64_t key, int64_t fresh);
int64_t cr_pairs_get(const cr_pairs *p, uint64_t key); /* -1: not there */
void cr_pairs_free(cr_pairs *p);

/* ---- a map from strings of bytes to numbers ----------------------------------------------- */

typedef struct {
  size_t text, length; /* the place in `bytes` */
  uint64_t hash;
  int64_t value;
} cr_word;

typedef struct {
  cr_word *word; /* in the order in which they came */
  size_t count, room;
  uint32_t *slot; /* a word's number plus one, or 0 */
  size_t mask;
  char *bytes;
  size_t used, space;
} cr_words;

/* The word, whose value is `fresh` if it was not there; valid until the next call. */
cr_word *cr_words_at(cr_words *w, const char *s, size_t n, int64_t fresh);
void cr_words_free(cr_words *w);

/* ---- a heap: the least first -------------------------------------------------------------- */

typedef struct {
  uint64_t major, minor; /* what they are ordered by */
} cr_entry;

typedef struct {
  cr_entry *entry;
  size_t count, room;
} cr_heap;

bool cr_heap_push(cr_heap *h, uint64_t major, uint64_t minor);
bool cr_heap_pop(cr_heap *h, cr_entry *least); /* false: it is empty */
void cr_heap_free(cr_heap *h);

#endif
