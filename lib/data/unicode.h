/* unicode.h: what the tokenizers ask about characters. */
#ifndef CR_UNICODE_H
#define CR_UNICODE_H

#include <stddef.h>
#include <stdint.h>

typedef enum { CR_OTHER, CR_SPACE, CR_LETTER, CR_NUMBER, CR_MARK } cr_char_kind;

/* The character that begins at s, of n > 0 bytes, and how many bytes it has; -1 and 1 for a byte
 * that is no UTF-8. */
int32_t cr_utf8_get(const char *s, size_t n, size_t *length);
/* Writes a character, at most 4 bytes; returns how many. */
size_t cr_utf8_put(char *out, int32_t c);
/* CR_OTHER for -1. */
cr_char_kind cr_char_kind_of(int32_t c);
int32_t cr_small_letter(int32_t c);

/* The length of the first piece of s, of n > 0 bytes, by GPT-2's rule: one of 's 't 're 've 'm 'll
 * 'd; letters, numbers or other characters, each with a blank before them if there is one; white
 * space, which leaves its last character to a word that follows. */
size_t cr_piece(const char *s, size_t n);

#endif
