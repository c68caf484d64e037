/* editor_paste.c: what is pasted between the terminal's marks, as it is but for prompts in it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "vm/editor_parts.h"

static const char mark[] = "\033[201~"; /* of the end */

/* The bytes up to the mark, ended by '\0'; NULL: no memory, or Ctrl-C came. */
static char *read_paste(void) {
  size_t n = 0, room = 256, end = sizeof mark - 1;
  char *text = malloc(room);
  for (int c; (c = rl_read_key()) >= 0 && !cr_line_dropped();) {
    if (n + 1 >= room) {
      char *bigger = text ? realloc(text, room *= 2) : NULL;
      if (!bigger) free(text);
      text = bigger;
    }
    if (!text) { /* the rest is taken all the same */
      n = 0;
      continue;
    }
    text[n++] = (char)(c == '\r' ? '\n' : c ? c : ' ');
    if (n < end || memcmp(text + n - end, mark, end) != 0) continue;
    text[n - end] = '\0';
    return text;
  }
  free(text);
  return NULL;
}

/* The length of a prompt at a line's beginning: "12> ", "  >> ", "th> ", ">>> ". */
static size_t prompt_length(const char *line) {
  size_t blanks = strspn(line, " "), digits = strspn(line, "0123456789");
  if (digits && strncmp(line + digits, "> ", 2) == 0) return digits + 2;
  if (strncmp(line, "th> ", 4) == 0 || strncmp(line, ">>> ", 4) == 0) return 4;
  if (strncmp(line + blanks, ">> ", 3) == 0) return blanks + 3;
  return 0;
}

/* In place.  Only where the first line has a prompt: `3> 2` further on may be code. */
static void strip_prompts(char *text) {
  char *to = text;
  if (!prompt_length(text + strspn(text, "\n"))) return;
  for (const char *line = text; *line;) {
    line += prompt_length(line);
    size_t n = strcspn(line, "\n");
    n += line[n] == '\n';
    memmove(to, line, n);
    to += n;
    line += n;
  }
  *to = '\0';
}

static int paste(int count, int key) {
  (void)count, (void)key;
  char *text = read_paste();
  if (text) {
    strip_prompts(text);
    rl_insert_text(text);
  } else if (cr_line_dropped()) {
    rl_execute_next('\r');
  } else {
    rl_ding();
  }
  free(text);
  return 0;
}

void cr_paste_open(void) {
  cr_rebind(rl_bracketed_paste_begin, paste);
}
