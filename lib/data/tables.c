/* tables.c: maps with open addresses, and a binary heap. */
#include "lib/data/tables.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/tensor.h"

bool cr_grow(void *list, size_t *room, size_t want, size_t size) {
  if (want <= *room) return true;
  size_t more = want < 16 ? 16 : want + want / 2;
  void *old, *longer;
  memcpy(&old, list, sizeof old);
  longer = more < SIZE_MAX / size ? realloc(old, more * size) : NULL;
  if (!longer) return cr_fail("out of memory: %zu items of %zu bytes", more, size);
  memcpy(list, &longer, sizeof longer);
  *room = more;
  return true;
}

/* ---- pairs -------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 32) * 0x9e3779b97f4a7c15u;
  return x ^ x >> 29;
}

static cr_pair_slot *pair_slot(const cr_pairs *p, uint64_t key) {
  size_t i = mix(key) & p->mask;
  while (p->slot[i].value >= 0 && p->slot[i].key != key) i = (i + 1) & p->mask;
  return &p->slot[i];
}

static bool more_slots(cr_pairs *p) {
  size_t n = p->slot ? (p->mask + 1) * 2 : 64;
  cr_pairs larger = {malloc(n * sizeof *larger.slot), n - 1, p->used};
  if (!larger.slot) return cr_fail("out of memory: %zu pairs", n);
  for (size_t i = 0; i < n; i++) larger.slot[i].value = -1;
  for (size_t i = 0; p->slot && i <= p->mask; i++)
    if (p->slot[i].value >= 0) *pair_slot(&larger, p->slot[i].key) = p->slot[i];
  free(p->slot);
  *p = larger;
  return true;
}

int64_t *cr_pairs_at(cr_pairs *p, uint64_t key, int64_t fresh) {
  if ((!p->slot || p->used >= p->mask / 4 * 3) && !more_slots(p)) return NULL;
  cr_pair_slot *s = pair_slot(p, key);
  if (s->value < 0) {
    *s = (cr_pair_slot){key, fresh};
    p->used++;
  }
  return &s->value;
}

int64_t cr_pairs_get(const cr_pairs *p, uint64_t key) {
  return p->slot ? pair_slot(p, key)->value : -1;
}

void cr_pairs_free(cr_pairs *p) {
  free(p->slot);
  *p = (cr_pairs){0};
}

/* ---- words -------------------------------------------------------------------------------- */

static uint64_t hash_bytes(const char *s, size_t n) {
  uint64_t h = 0x9e3779b97f4a7c15u ^ n, x;
  for (; n >= 8; s += 8, n -= 8) {
    memcpy(&x, s, 8);
    h = mix(h ^ x) * 0xff51afd7ed558ccdu;
  }
  x = 0;
  memcpy(&x, s, n);
  return mix(h ^ x);
}

static uint32_t *word_slot(const cr_words *w, const char *s, size_t n, uint64_t hash) {
  size_t i = hash & w->mask;
  for (; w->slot[i]; i = (i + 1) & w->mask) {
    const cr_word *x = &w->word[w->slot[i] - 1];
    if (x->hash == hash && x->length == n && memcmp(w->bytes + x->text, s, n) == 0) break;
  }
  return &w->slot[i];
}

static bool more_words(cr_words *w) {
  size_t n = w->slot ? (w->mask + 1) * 2 : 64;
  uint32_t *slot = n < UINT32_MAX ? calloc(n, sizeof *slot) : NULL;
  if (!slot) return cr_fail("out of memory: %zu words", n);
  for (size_t k = 0; k < w->count; k++) {
    size_t i = w->word[k].hash & (n - 1);
    while (slot[i]) i = (i + 1) & (n - 1);
    slot[i] = (uint32_t)k + 1;
  }
  free(w->slot);
  w->slot = slot;
  w->mask = n - 1;
  return true;
}

cr_word *cr_words_at(cr_words *w, const char *s, size_t n, int64_t fresh) {
  if ((!w->slot || w->count >= w->mask / 4 * 3) && !more_words(w)) return NULL;
  uint64_t hash = hash_bytes(s, n);
  uint32_t *slot = word_slot(w, s, n, hash);
  if (*slot) return &w->word[*slot - 1];
  if (!cr_grow(&w->word, &w->room, w->count + 1, sizeof *w->word) ||
      !cr_grow(&w->bytes, &w->space, w->used + n + 1, 1))
    return NULL;
  memcpy(w->bytes + w->used, s, n);
  w->word[w->count] = (cr_word){w->used, n, hash, fresh};
  w->used += n;
  *slot = (uint32_t)++w->count;
  return &w->word[w->count - 1];
}

void cr_words_free(cr_words *w) {
  free(w->word);
  free(w->slot);
  free(w->bytes);
  *w = (cr_words){0};
}

/* ---- the heap ----------------------------------------------------------------------------- */

static bool before(cr_entry a, cr_entry b) {
  return a.major != b.major ? a.major < b.major : a.minor < b.minor;
}

bool cr_heap_push(cr_heap *h, uint64_t major, uint64_t minor) {
  if (!cr_grow(&h->entry, &h->room, h->count + 1, sizeof *h->entry)) return false;
  cr_entry e = {major, minor};
  size_t i = h->count++;
  for (; i > 0 && before(e, h->entry[(i - 1) / 2]); i = (i - 1) / 2)
    h->entry[i] = h->entry[(i - 1) / 2];
  h->entry[i] = e;
  return true;
}

bool cr_heap_pop(cr_heap *h, cr_entry *least) {
  if (h->count == 0) return false;
  *least = h->entry[0];
  cr_entry e = h->entry[--h->count];
  size_t i = 0, child;
  for (; (child = 2 * i + 1) < h->count; i = child) {
    if (child + 1 < h->count && before(h->entry[child + 1], h->entry[child])) child++;
    if (!before(h->entry[child], e)) break;
    h->entry[i] = h->entry[child];
  }
  h->entry[i] = e;
  return true;
}

void cr_heap_free(cr_heap *h) {
  free(h->entry);
  *h = (cr_heap){0};
}
