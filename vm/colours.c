/* colours.c: which colour each byte of a text of Lua has while it is typed. */
#include "vm/colours.h"

#include <stdbool.h>
#include <string.h>

#include "vm/lexer.h"

static const unsigned char of_kind[] = {
    [CR_NAME] = CR_PLAIN,     [CR_KEYWORD] = CR_KEYWORDS, [CR_STRING] = CR_STRINGS,
    [CR_NUMBER] = CR_NUMBERS, [CR_COMMENT] = CR_COMMENTS, [CR_BRACKET] = CR_PLAIN,
    [CR_SIGN] = CR_PLAIN,
};

static size_t letters(const char *text, size_t length, size_t at) {
  while (at < length && ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'z')) at++;
  return at;
}

/* Colours a command's beginning.  Returns where Lua begins: at `length` after `?` and `$`. */
static size_t colour_command(const char *text, size_t length, unsigned char *colours) {
  size_t at = 0, end;
  while (at < length && strchr(" \t", text[at]) && text[at]) at++;
  if (at == length || !strchr("%?$", text[at]) || !text[at]) return 0;
  end = text[at] == '%' ? letters(text, length, at + 1) : at + 1;
  if (text[at] == '?' && end < length && text[end] == '?') end++;
  memset(colours + at, CR_COMMANDS, end - at);
  return text[at] == '%' ? end : length;
}

/* A pair of brackets, of which one is at the cursor.  The one under it goes before the one in
 * front. */
static void note_pair(size_t from, size_t to, size_t cursor, size_t pair[2]) {
  if (from == (size_t)-1) return;
  bool under = from == cursor || to == cursor, before = from + 1 == cursor || to + 1 == cursor;
  if (!under && (!before || pair[0] == cursor || pair[1] == cursor)) return;
  pair[0] = from;
  pair[1] = to;
}

void cr_colour_text(const char *text, size_t length, size_t cursor, unsigned char *colours) {
  cr_nesting n = {.depth = 0};
  cr_token t;
  size_t pair[2] = {(size_t)-1, (size_t)-1}, partner;
  memset(colours, CR_PLAIN, length);
  for (size_t at = colour_command(text, length, colours); cr_next_token(text, length, at, &t);
       at = t.end) {
    cr_effect effect = cr_nest(&n, text, &t, &partner);
    bool wrong = effect == CR_MISMATCH ||
                 (t.open && t.end < length && t.kind == CR_STRING); /* not just unfinished */
    memset(colours + t.start, wrong ? CR_WRONG : of_kind[t.kind], t.end - t.start);
    if (t.kind == CR_BRACKET && effect == CR_CLOSES && cursor != (size_t)-1)
      note_pair(partner, t.start, cursor, pair);
  }
  if (pair[0] != (size_t)-1) colours[pair[0]] = colours[pair[1]] = CR_MATCH;
}
