/* bpe.c: a text's tokens by byte-pair encoding. */
#include "lib/data/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "lib/data/unicode.h"
#include "tensor/tensor.h"

/* Pieces that are kept, so that each is worked out once. */
#define MOST_PIECES 200000
#define LONGEST_PIECE 64

bool cr_bpe_count(cr_words *words, const char *s, size_t n) {
  for (size_t length; n > 0; s += length, n -= length) {
    length = cr_piece(s, n);
    cr_word *w = cr_words_at(words, s, length, 0);
    if (!w) return false;
    w->value++;
  }
  return true;
}

bool cr_bpe_open(cr_bpe *b) {
  for (size_t i = 0; i < b->merges.count; i++) {
    const cr_merge *m = &b->merges.merge[i];
    if (!cr_pairs_at(&b->order, cr_pair(m->a, m->b), (int64_t)i)) return false;
  }
  return true;
}

void cr_bpe_close(cr_bpe *b) {
  free(b->merges.merge);
  free(b->known.id);
  cr_pairs_free(&b->order);
  cr_words_free(&b->pieces);
}

/* ---- one piece ---------------------------------------------------------------------------- */

/* The tokens of a piece as a list in which each knows its neighbours. */
typedef struct {
  int32_t id; /* -1: merged into the one before */
  int32_t previous, next;
} symbol;

static bool offer(const cr_bpe *b, const symbol *s, cr_heap *h, int32_t at) {
  if (at < 0 || s[at].next < 0) return true;
  int64_t order = cr_pairs_get(&b->order, cr_pair(s[at].id, s[s[at].next].id));
  return order < 0 || cr_heap_push(h, (uint64_t)order, (uint64_t)at);
}

/* Merges until nothing is left to merge; of equal pairs the leftmost first. */
static bool merge_all(const cr_bpe *b, symbol *s, cr_heap *h) {
  cr_entry e;
  while (cr_heap_pop(h, &e)) {
    int32_t at = (int32_t)e.minor, next = s[at].next;
    const cr_merge *m = &b->merges.merge[e.major];
    if (s[at].id != m->a || next < 0 || s[next].id != m->b) continue; /* merged otherwise since */
    s[at].id = m->made;
    s[next].id = -1;
    s[at].next = s[next].next;
    if (s[at].next >= 0) s[s[at].next].previous = at;
    if (!offer(b, s, h, s[at].previous) || !offer(b, s, h, at)) return false;
  }
  return true;
}

static bool encode_piece(const cr_bpe *b, const char *text, int32_t n, cr_ids *out) {
  symbol few[LONGEST_PIECE], *s = n <= LONGEST_PIECE ? few : malloc((size_t)n * sizeof *s);
  if (!s) return cr_fail("out of memory: a word of %d bytes", n);
  cr_heap h = {0};
  bool ok = cr_grow(&out->id, &out->room, out->count + (size_t)n, sizeof *out->id);
  for (int32_t i = 0; i < n; i++)
    s[i] = (symbol){b->base[(unsigned char)text[i]], i - 1, i + 1 < n ? i + 1 : -1};
  for (int32_t i = 0; ok && i < n; i++) ok = offer(b, s, &h, i);
  ok = ok && merge_all(b, s, &h);
  for (int32_t i = 0; ok && i >= 0; i = s[i].next) out->id[out->count++] = s[i].id;
  cr_heap_free(&h);
  if (s != few) free(s);
  return ok;
}

/* ---- texts -------------------------------------------------------------------------------- */

static bool append(cr_ids *to, const int32_t *id, size_t n) {
  if (!cr_grow(&to->id, &to->room, to->count + n, sizeof *to->id)) return false;
  memcpy(to->id + to->count, id, n * sizeof *id);
  to->count += n;
  return true;
}

/* A piece by way of the known ones. */
static bool encode_known(cr_bpe *b, const char *text, size_t n, cr_ids *out) {
  cr_word *w = cr_words_at(&b->pieces, text, n, -1);
  if (!w) return false;
  if (w->value < 0) {
    size_t from = b->known.count;
    int32_t unset = 0;
    if (!append(&b->known, &unset, 1) || !encode_piece(b, text, (int32_t)n, &b->known))
      return false;
    b->known.id[from] = (int32_t)(b->known.count - from - 1);
    w->value = (int64_t)from;
  }
  const int32_t *known = b->known.id + w->value;
  return append(out, known + 1, (size_t)*known);
}

bool cr_bpe_encode(cr_bpe *b, const char *s, size_t n, cr_ids *out) {
  for (size_t length; n > 0; s += length, n -= length) {
    length = cr_piece(s, n);
    if (length > INT32_MAX) return cr_fail("a word of %zu bytes is too long", length);
    if (b->pieces.count >= MOST_PIECES) {
      cr_words_free(&b->pieces);
      b->known.count = 0;
    }
    if (!(length <= LONGEST_PIECE ? encode_known(b, s, length, out)
                                  : encode_piece(b, s, (int32_t)length, out)))
      return false;
  }
  return true;
}
