/* lexer.h: the words of a text of Lua that is being typed, and which blocks and brackets are open.
 * Pure functions of the text; what is wrong in it is no error here. */
#ifndef CR_LEXER_H
#define CR_LEXER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
  CR_NAME,
  CR_KEYWORD,
  CR_STRING,
  CR_NUMBER,
  CR_COMMENT,
  CR_BRACKET,
  CR_SIGN, /* operators and all else */
} cr_token_kind;

typedef struct {
  cr_token_kind kind;
  size_t start, end;
  bool open; /* a string or comment that does not end in the text, or not in its line */
} cr_token;

/* The first token from place `at` on.  False: there is none. */
bool cr_next_token(const char *text, size_t length, size_t at, cr_token *out);

/* Deeper ones are counted, but not kept. */
enum { CR_DEEPEST = 200 };

/* What is open after some tokens, the innermost last. */
typedef struct {
  struct {
    char kind; /* the bracket, or 'b' for a block that ends with `end`, 'r' for one with `until` */
    size_t at, line;
  } open[CR_DEEPEST];
  size_t depth, line, seen; /* seen: the text's bytes whose lines are counted */
} cr_nesting;

typedef enum { CR_NEITHER, CR_OPENS, CR_CLOSES, CR_BOTH, CR_MISMATCH } cr_effect;

/* Takes a token in.  *partner is where what it closes was opened. */
cr_effect cr_nest(cr_nesting *n, const char *text, const cr_token *token, size_t *partner);

/* The blanks that the line which begins at `at` should begin with, two for each line that opened
 * something still open.  -1: it begins inside a string or comment, and is left alone. */
int cr_indent(const char *text, size_t length, size_t at);

#endif
