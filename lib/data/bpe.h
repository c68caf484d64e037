/* bpe.h: byte-pair encoding of bytes (Sennrich, Haddow and Birch 2016; bytes and the rule of
 * cr_piece as in GPT-2).  Ids count from 0 here. */
#ifndef CR_BPE_H
#define CR_BPE_H

#include "lib/data/tables.h"

typedef struct {
  int32_t a, b, made; /* a next to b becomes `made` */
} cr_merge;

typedef struct {
  cr_merge *merge; /* in the order in which they are applied */
  size_t count, room;
} cr_merges;

typedef struct {
  int32_t *id;
  size_t count, room;
} cr_ids;

/* Adds a text's pieces to the counts. */
bool cr_bpe_count(cr_words *words, const char *s, size_t n);

/* What there is to learn from counted pieces: base has the tokens of the single bytes, new tokens
 * begin at `tokens` and end before `limit`.  The pair that is most frequent is merged first; of
 * several the one whose first id is less, then second id.  A pair seen less often than `least` is
 * not. */
bool cr_bpe_train(const cr_words *words, const int32_t base[256], int32_t tokens, int32_t limit,
                  int64_t least, cr_merges *out);

typedef struct {
  int32_t base[256];
  cr_merges merges;
  cr_pairs order;  /* a merge's place */
  cr_words pieces; /* pieces seen before; the value is where their ids begin */
  cr_ids known;    /* how many ids, then those, for each of `pieces` */
} cr_bpe;

/* base and merges are set; the first merge of a pair counts. */
bool cr_bpe_open(cr_bpe *b);
void cr_bpe_close(cr_bpe *b);
/* Appends a text's tokens. */
bool cr_bpe_encode(cr_bpe *b, const char *s, size_t n, cr_ids *out);

#endif
