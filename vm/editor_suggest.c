/* editor_suggest.c: the rest of an earlier input, shown in grey behind the cursor. */
#include <string.h>

#include <readline/history.h>

#include "vm/editor_parts.h"

enum { SEARCHING = RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_SEARCH | RL_STATE_COMPLETING };

const char *cr_suggestion(void) {
  HIST_ENTRY **list = history_list();
  size_t n = (size_t)rl_end;
  if (!cr_drawing || !cr_editor_typing.suggest || !list || RL_ISSTATE(SEARCHING)) return NULL;
  if (rl_point != rl_end || n >= CR_LONG_TEXT || !rl_line_buffer[strspn(rl_line_buffer, " \t\n")])
    return NULL;
  for (int i = history_length - 1; i >= 0; i--)
    if (strncmp(list[i]->line, rl_line_buffer, n) == 0 && list[i]->line[n])
      return list[i]->line + n;
  return NULL;
}

bool cr_accept_suggestion(void) {
  const char *rest = cr_suggestion();
  if (rest) rl_insert_text(rest);
  return rest != NULL;
}

static int forward(int count, int key) {
  return cr_accept_suggestion() ? 0 : rl_forward_char(count, key);
}

/* A word of it. */
static int forward_word(int count, int key) {
  const char *rest = cr_suggestion();
  if (!rest) return rl_forward_word(count, key);
  int before = rl_point;
  rl_insert_text(rest);
  rl_point = before;
  rl_forward_word(count, key);
  rl_delete_text(rl_point, rl_end);
  return 0;
}

void cr_suggest_open(void) {
  cr_rebind(rl_forward_char, forward);
  cr_rebind(rl_forward_word, forward_word);
}
