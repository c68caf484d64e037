/* lexer.c: the words of a text of Lua that is being typed, and which blocks and brackets are open.
 */
#include "vm/lexer.h"

#include <string.h>

/* ---- tokens ----------------------------------------------------------------------------- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(const char *text, const cr_token *t, const char *word) {
  return t->end - t->start == strlen(word) && memcmp(text + t->start, word, t->end - t->start) == 0;
}

static bool is_keyword(const char *text, const cr_token *t) {
  static const char *const words[] = {"and",   "break", "do",       "else", "elseif", "end",
                                      "false", "for",   "function", "goto", "if",     "in",
                                      "local", "nil",   "not",      "or",   "repeat", "return",
                                      "then",  "true",  "until",    "while"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (is_word(text, t, words[i])) return true;
  return false;
}

/* The end of what begins with "[[" or "[==[" at a place; 0: nothing does. */
static size_t long_bracket(const char *text, size_t length, size_t at, bool *open) {
  size_t level = 0, p = at + 1;
  if (at >= length || text[at] != '[') return 0;
  for (; p < length && text[p] == '='; p++) level++;
  if (p >= length || text[p] != '[') return 0;
  for (p++; p < length; p++) {
    if (text[p] != ']') continue;
    size_t q = p + 1;
    while (q < length && q - p <= level && text[q] == '=') q++;
    if (q - p == level + 1 && q < length && text[q] == ']') return q + 1;
    p = q - 1;
  }
  *open = true;
  return length;
}

static size_t line_end(const char *text, size_t length, size_t at) {
  const char *end = memchr(text + at, '\n', length - at);
  return end ? (size_t)(end - text) : length;
}

static size_t end_of_string(const char *text, size_t length, size_t at, bool *open) {
  for (size_t p = at + 1; p < length; p++) {
    if (text[p] == text[at]) return p + 1;
    if (text[p] == '\n') {
      *open = true;
      return p;
    }
    if (text[p] != '\\') continue;
    p++;
    if (p < length && text[p] == 'z') /* skips the blanks that follow, ends of lines too */
      while (p + 1 < length && strchr(" \t\r\n\v\f", text[p + 1]) && text[p + 1]) p++;
  }
  *open = true;
  return length;
}

static size_t end_of_number(const char *text, size_t length, size_t at) {
  bool hex = at + 1 < length && text[at] == '0' && (text[at + 1] | 32) == 'x';
  size_t p = at;
  for (; p < length && (is_digit(text[p]) || is_letter(text[p]) || text[p] == '.'); p++) {
    char c = text[p] | 32;
    if (c == '.' && p + 1 < length && text[p + 1] == '.') break;
    if (c == (hex ? 'p' : 'e') && p + 1 < length && (text[p + 1] == '+' || text[p + 1] == '-')) p++;
  }
  return p;
}

static size_t end_of_comment(const char *text, size_t length, size_t at, bool *open) {
  size_t end = long_bracket(text, length, at + 2, open);
  return end ? end : line_end(text, length, at);
}

bool cr_next_token(const char *text, size_t length, size_t at, cr_token *out) {
  while (at < length && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'))) at++;
  if (at >= length) return false;
  char c = text[at], next = at + 1 < length ? text[at + 1] : '\0';
  cr_token t = {CR_SIGN, at, at + 1, false};
  if (is_letter(c)) {
    while (t.end < length && (is_letter(text[t.end]) || is_digit(text[t.end]))) t.end++;
    t.kind = is_keyword(text, &t) ? CR_KEYWORD : CR_NAME;
  } else if (is_digit(c) || (c == '.' && is_digit(next))) {
    t.kind = CR_NUMBER;
    t.end = end_of_number(text, length, at);
  } else if (c == '"' || c == '\'') {
    t.kind = CR_STRING;
    t.end = end_of_string(text, length, at, &t.open);
  } else if (c == '-' && next == '-') {
    t.kind = CR_COMMENT;
    t.end = end_of_comment(text, length, at, &t.open);
  } else if (c == '[' && (next == '[' || next == '=') &&
             (t.end = long_bracket(text, length, at, &t.open))) {
    t.kind = CR_STRING;
  } else {
    t.end = at + 1;
    while (c == '.' && t.end < length && text[t.end] == '.') t.end++;
    if (strchr("()[]{}", c) && c) t.kind = CR_BRACKET;
  }
  *out = t;
  return true;
}

/* ---- nesting ---------------------------------------------------------------------------- */

static void count_lines(cr_nesting *n, const char *text, size_t to) {
  for (; n->seen < to; n->seen++) n->line += text[n->seen] == '\n';
}

static void push(cr_nesting *n, char kind, size_t at) {
  if (n->depth < CR_DEEPEST) {
    n->open[n->depth].kind = kind;
    n->open[n->depth].at = at;
    n->open[n->depth].line = n->line;
  }
  n->depth++;
}

/* False: something else is open, or nothing. */
static bool pop(cr_nesting *n, char kind, size_t *partner) {
  if (n->depth == 0 || (n->depth <= CR_DEEPEST && n->open[n->depth - 1].kind != kind)) return false;
  n->depth--;
  *partner = n->depth < CR_DEEPEST ? n->open[n->depth].at : (size_t)-1;
  return true;
}

static cr_effect nest_keyword(cr_nesting *n, const char *text, const cr_token *t, size_t *partner) {
  static const char *const opening[] = {"function", "do", "then"};
  if (is_word(text, t, "end")) return pop(n, 'b', partner) ? CR_CLOSES : CR_MISMATCH;
  if (is_word(text, t, "until")) return pop(n, 'r', partner) ? CR_CLOSES : CR_MISMATCH;
  if (is_word(text, t, "elseif")) return pop(n, 'b', partner) ? CR_CLOSES : CR_MISMATCH;
  if (is_word(text, t, "else")) {
    if (!pop(n, 'b', partner)) return CR_MISMATCH;
    push(n, 'b', t->start);
    return CR_BOTH;
  }
  if (is_word(text, t, "repeat")) {
    push(n, 'r', t->start);
    return CR_OPENS;
  }
  for (size_t i = 0; i < sizeof opening / sizeof *opening; i++) {
    if (!is_word(text, t, opening[i])) continue;
    push(n, 'b', t->start);
    return CR_OPENS;
  }
  return CR_NEITHER;
}

cr_effect cr_nest(cr_nesting *n, const char *text, const cr_token *t, size_t *partner) {
  size_t unused;
  if (!partner) partner = &unused;
  count_lines(n, text, t->start);
  if (t->kind == CR_KEYWORD) return nest_keyword(n, text, t, partner);
  if (t->kind != CR_BRACKET) return CR_NEITHER;
  char c = text[t->start];
  if (strchr("([{", c)) {
    push(n, c, t->start);
    return CR_OPENS;
  }
  return pop(n, c == ')' ? '(' : c == ']' ? '[' : '{', partner) ? CR_CLOSES : CR_MISMATCH;
}

/* Two blanks for each line that opened something: `f(function()` opens two, and counts once. */
static int blanks(const cr_nesting *n) {
  int lines = 0;
  size_t last = (size_t)-1;
  for (size_t i = 0; i < n->depth && i < CR_DEEPEST; i++) {
    if (n->open[i].line != last) lines++;
    last = n->open[i].line;
  }
  return 2 * lines;
}

int cr_indent(const char *text, size_t length, size_t at) {
  cr_nesting n = {.depth = 0};
  cr_token t;
  size_t place = 0;
  while (cr_next_token(text, length, place, &t) && t.start < at) {
    if (t.end > at || (t.end == at && t.open)) return -1;
    cr_nest(&n, text, &t, NULL);
    place = t.end;
  }
  for (size_t end = line_end(text, length, at);
       cr_next_token(text, length, place, &t) && t.start < end; place = t.end) {
    cr_nesting before = n;
    cr_effect effect = cr_nest(&n, text, &t, NULL);
    if (effect == CR_BOTH) before.depth--; /* `else` stands where its `if` does */
    if (effect == CR_BOTH || effect != CR_CLOSES) return blanks(&before);
  }
  return blanks(&n);
}
