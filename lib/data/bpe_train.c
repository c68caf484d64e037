/* bpe_train.c: which pairs a byte-pair encoding merges.
 *
 * Each pair has its count and the words that it is or was in.  A heap has every pair that may be
 * the most frequent one: counts that shrank are noticed when a pair comes up, those that grew are
 * put in again. */
#include <stdlib.h>

#include "lib/data/bpe.h"
#include "tensor/tensor.h"

typedef struct {
  int64_t count;
  uint32_t *word;
  size_t words, room;
  bool grown; /* by the present merge */
} pair;

typedef struct {
  size_t first;  /* of the word's symbols, */
  size_t length; /* of which there are so many now */
  int64_t count;
} word;

typedef struct {
  word *words;
  size_t nwords;
  int32_t *symbol;
  cr_pairs index; /* of a pair of symbols in `pair` */
  pair *pair;
  size_t npairs, room;
  cr_heap heap;
  uint64_t *grown; /* the keys of the pairs that grew */
  size_t ngrown, grown_room;
  cr_words names; /* of all tokens; the value is the id */
  size_t *begin;  /* where a token's name begins in names.bytes, and its length */
  size_t *length;
  size_t begin_room, length_room;
  char *joined;
  size_t joined_room;
} trainer;

/* Adds to the count of symbols a and b in a word. */
static bool change(trainer *t, int32_t a, int32_t b, uint32_t in, int64_t by) {
  int64_t *at = cr_pairs_at(&t->index, cr_pair(a, b), (int64_t)t->npairs);
  if (!at) return false;
  if ((size_t)*at == t->npairs) {
    if (!cr_grow(&t->pair, &t->room, t->npairs + 1, sizeof *t->pair)) {
      *at = 0;
      return false;
    }
    t->pair[t->npairs++] = (pair){0};
  }
  pair *p = &t->pair[*at];
  p->count += by;
  if (by < 0) return true;
  if (!p->grown) {
    if (!cr_grow(&t->grown, &t->grown_room, t->ngrown + 1, sizeof *t->grown)) return false;
    t->grown[t->ngrown++] = cr_pair(a, b);
    p->grown = true;
  }
  if (p->words > 0 && p->word[p->words - 1] == in) return true;
  if (!cr_grow(&p->word, &p->room, p->words + 1, sizeof *p->word)) return false;
  p->word[p->words++] = in;
  return true;
}

/* The pairs that grew come into the heap. */
static bool push_grown(trainer *t) {
  for (size_t i = 0; i < t->ngrown; i++) {
    pair *p = &t->pair[cr_pairs_get(&t->index, t->grown[i])];
    p->grown = false;
    if (p->count > 0 && !cr_heap_push(&t->heap, UINT64_MAX - (uint64_t)p->count, t->grown[i]))
      return false;
  }
  t->ngrown = 0;
  return true;
}

/* ---- the beginning ------------------------------------------------------------------------ */

static bool add_name(trainer *t, const char *s, size_t n, int32_t id) {
  cr_word *w = cr_words_at(&t->names, s, n, id);
  size_t want = (size_t)id + 1;
  if (!w || !cr_grow(&t->begin, &t->begin_room, want, sizeof *t->begin) ||
      !cr_grow(&t->length, &t->length_room, want, sizeof *t->length))
    return false;
  t->begin[id] = w->text;
  t->length[id] = n;
  return true;
}

static bool begin(trainer *t, const cr_words *words, const int32_t base[256]) {
  size_t total = 0;
  for (size_t i = 0; i < words->count; i++) total += words->word[i].length;
  if (words->count > UINT32_MAX) return cr_fail("too many different words");
  t->words = malloc((words->count + 1) * sizeof *t->words);
  t->symbol = malloc((total + 1) * sizeof *t->symbol);
  if (!t->words || !t->symbol) return cr_fail("out of memory: %zu bytes of words", total);
  total = 0;
  for (size_t i = 0; i < words->count; i++) {
    const cr_word *w = &words->word[i];
    t->words[i] = (word){total, w->length, w->value};
    for (size_t k = 0; k < w->length; k++)
      t->symbol[total++] = base[(unsigned char)words->bytes[w->text + k]];
    for (size_t k = total - w->length; k + 1 < total; k++)
      if (!change(t, t->symbol[k], t->symbol[k + 1], (uint32_t)i, w->value)) return false;
  }
  t->nwords = words->count;
  for (int c = 0; c < 256; c++)
    if (!add_name(t, (char[]){(char)c}, 1, base[c])) return false;
  return push_grown(t);
}

/* ---- merging ------------------------------------------------------------------------------ */

/* Merges m in one word and changes the counts of the pairs around. */
static bool merge_in(trainer *t, const cr_merge *m, uint32_t in) {
  word *w = &t->words[in];
  int32_t *s = t->symbol + w->first;
  size_t out = 0;
  for (size_t i = 0; i < w->length; i++) {
    if (s[i] != m->a || i + 1 >= w->length || s[i + 1] != m->b) {
      s[out++] = s[i];
      continue;
    }
    bool ok = out == 0 || (change(t, s[out - 1], m->a, in, -w->count) &&
                           change(t, s[out - 1], m->made, in, w->count));
    if (i + 2 < w->length)
      ok = ok && change(t, m->b, s[i + 2], in, -w->count) &&
           change(t, m->made, s[i + 2], in, w->count);
    if (!ok) return false;
    s[out++] = m->made;
    i++;
  }
  w->length = out;
  return true;
}

/* The token that two others make: one of that name that is there already, or a new one. */
static bool name_merge(trainer *t, cr_merge *m, int32_t *tokens) {
  size_t a = t->length[m->a], b = t->length[m->b];
  if (!cr_grow(&t->joined, &t->joined_room, a + b, 1)) return false;
  for (size_t i = 0; i < a + b; i++)
    t->joined[i] = t->names.bytes[i < a ? t->begin[m->a] + i : t->begin[m->b] + i - a];
  cr_word *w = cr_words_at(&t->names, t->joined, a + b, *tokens);
  if (!w) return false;
  m->made = (int32_t)w->value;
  return m->made < *tokens || add_name(t, t->joined, a + b, (*tokens)++);
}

static bool apply(trainer *t, cr_merge *m, int64_t at) {
  /* `pair` may move while its list is walked. */
  uint32_t *list = t->pair[at].word;
  size_t n = t->pair[at].words;
  t->pair[at] = (pair){0};
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++)
    if (i == 0 || list[i] != list[i - 1]) ok = merge_in(t, m, list[i]);
  free(list);
  int64_t now = cr_pairs_get(&t->index, cr_pair(m->a, m->b));
  t->pair[now].count = 0; /* of equal symbols, some were taken away twice */
  return ok && push_grown(t);
}

static bool interrupted(void) {
  cr_context *c = cr_ctx();
  return c->interrupted && c->interrupted(c->interrupted_ctx);
}

static bool run(trainer *t, int32_t tokens, int32_t limit, int64_t least, cr_merges *out) {
  cr_entry e;
  while (tokens < limit && cr_heap_pop(&t->heap, &e)) {
    int64_t at = cr_pairs_get(&t->index, e.minor), count = (int64_t)(UINT64_MAX - e.major);
    int64_t now = t->pair[at].count;
    if (now != count) {
      if (now > 0 && now < count && !cr_heap_push(&t->heap, UINT64_MAX - (uint64_t)now, e.minor))
        return false;
      continue;
    }
    if (count < least || count < 1) break;
    if (interrupted()) return cr_fail("interrupted");
    cr_merge m = {(int32_t)(e.minor >> 32), (int32_t)(e.minor & UINT32_MAX), 0};
    if (!name_merge(t, &m, &tokens) ||
        !cr_grow(&out->merge, &out->room, out->count + 1, sizeof *out->merge))
      return false;
    out->merge[out->count++] = m;
    if (!apply(t, &m, at)) return false;
  }
  return true;
}

bool cr_bpe_train(const cr_words *words, const int32_t base[256], int32_t tokens, int32_t limit,
                  int64_t least, cr_merges *out) {
  trainer t = {0};
  bool ok = begin(&t, words, base) && run(&t, tokens, limit, least, out);
  for (size_t i = 0; i < t.npairs; i++) free(t.pair[i].word);
  free(t.pair);
  free(t.words);
  free(t.symbol);
  free(t.begin);
  free(t.length);
  free(t.joined);
  free(t.grown);
  cr_pairs_free(&t.index);
  cr_heap_free(&t.heap);
  cr_words_free(&t.names);
  return ok;
}
