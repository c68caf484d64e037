/* editor_complete.c: what Tab offers. */
#include <stdlib.h>
#include <string.h>

#include "vm/editor_parts.h"

static cr_completer completer;
static cr_completions offered;
static size_t next_word;

static void drop_offered(void) {
  for (size_t i = 0; offered.words && offered.words[i]; i++) free(offered.words[i]);
  free(offered.words);
  free(offered.hint);
  offered = (cr_completions){NULL, NULL};
}

/* Readline's generator: a string that readline frees, NULL after the last. */
static char *generate(const char *word, int state) {
  (void)word;
  if (state == 0) next_word = 0;
  if (!offered.words || !offered.words[next_word]) return NULL;
  return strdup(offered.words[next_word++]);
}

/* Asks for what the word from `start` to `end` of the line can become. */
static void ask(int start, int end) {
  size_t before = strlen(cr_chunk_before), line = (size_t)end;
  char *text = malloc(before + line + 2);
  drop_offered();
  if (!text) return;
  memcpy(text, cr_chunk_before, before);
  if (before) text[before++] = '\n';
  memcpy(text + before, rl_line_buffer, line);
  text[before + line] = '\0';
  completer(text, before + (size_t)start, &offered);
  free(text);
}

static void print_hint(void) {
  if (cr_drawing) cr_draw_leave();
  fprintf(rl_outstream, "\n%s\n", offered.hint);
  rl_on_new_line();
}

static char **complete(const char *word, int start, int end) {
  ask(start, end);
  rl_attempted_completion_over = 1;
  rl_completion_append_character = '\0';
  if (offered.hint) {
    print_hint();
    return NULL;
  }
  if (offered.words) return rl_completion_matches(word, generate);
  rl_attempted_completion_over = 0;
  rl_filename_completion_desired = 1;
  return rl_completion_matches(word, rl_filename_completion_function);
}

/* Inside a string, or after a command, a word may have all characters of a file's name. */
static char *word_breaks(void) {
  static char code[] = " \t\n\"\\'`@$><=;|&{}()[]+-*/%^~#,.:?!", file[] = "\"'", words[] = " \t\"'";
  char quote = '\0';
  const char *point = rl_line_buffer + rl_point, *line = point;
  while (line > rl_line_buffer && line[-1] != '\n') line--;
  const char *first = line + strspn(line, " \t");
  if (*first == '$' || (*first == '%' && strpbrk(first, " \t"))) return words;
  for (; line < point; line++) {
    if (quote && *line == '\\')
      line++;
    else if (*line == quote)
      quote = '\0';
    else if (!quote && (*line == '"' || *line == '\''))
      quote = *line;
  }
  return quote ? file : code;
}

/* ---- lists, below what is drawn ---------------------------------------------------------- */

static bool wants_all(int n) {
  if (rl_completion_query_items <= 0 || n < rl_completion_query_items) return true;
  fprintf(rl_outstream, "\r\nDisplay all %d possibilities? (y or n)", n);
  fflush(rl_outstream);
  for (;;) {
    int key = rl_read_key();
    if (key == 'y' || key == 'Y' || key == ' ') return true;
    if (key == 'n' || key == 'N' || key == '\x7f' || key == '\x07' || key < 0) return false;
    if (cr_line_dropped()) return false;
  }
}

static void list(char **matches, int n, int longest) {
  if (cr_drawing) cr_draw_leave();
  if (wants_all(n))
    rl_display_match_list(matches, n, longest);
  else
    fputs("\r\n", rl_outstream);
  if (cr_line_dropped()) rl_execute_next('\r'); /* it was the answer */
  rl_forced_update_display();
}

void cr_complete_open(cr_completer of_words) {
  completer = of_words;
  rl_attempted_completion_function = complete;
  rl_completion_word_break_hook = word_breaks;
  rl_completer_quote_characters = "";
  rl_completion_display_matches_hook = list;
}

void cr_complete_close(void) {
  drop_offered();
}
