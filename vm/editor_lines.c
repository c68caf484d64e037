/* editor_lines.c: a text of several lines in one: Enter, indentation, and keys that move by lines.
 */
#include <stdlib.h>
#include <string.h>

#include "vm/editor_parts.h"
#include "vm/lexer.h"

static int line_start(int at) {
  while (at > 0 && rl_line_buffer[at - 1] != '\n') at--;
  return at;
}

static int line_end(int at) {
  return at + (int)strcspn(rl_line_buffer + at, "\n");
}

static bool has_lines(void) {
  return line_start(rl_end) > 0;
}

/* ---- Enter ------------------------------------------------------------------------------ */

static int blanks_at(int at) {
  return (int)strspn(rl_line_buffer + at, " ");
}

/* Readline's point stays at its character. */
static void set_blanks(int start, int wanted) {
  int has = blanks_at(start), point = rl_point + wanted - has;
  if (has > wanted) rl_delete_text(start, start + has - wanted);
  rl_point = start;
  for (int i = has; i < wanted; i++) rl_insert_text(" ");
  rl_point = point < start ? start : point;
}

static int put_back_at = -1; /* the line whose blanks were taken away as its `end` was typed */

/* A line that has the blanks it was given, and begins with `end`, `}` or their like, loses two of
 * them.  `endless` gets them back. */
static void align(int start) {
  int end = line_end(start), has = blanks_at(start);
  int given = cr_indent(rl_line_buffer, (size_t)start, (size_t)start);
  int wanted = cr_indent(rl_line_buffer, (size_t)end, (size_t)start);
  if (given < 0 || wanted < 0 || wanted == has) return;
  if (has == given) {
    set_blanks(start, wanted);
    put_back_at = start;
  } else if (put_back_at == start && wanted == given) {
    set_blanks(start, wanted);
    put_back_at = -1;
  }
}

void cr_settle_line(void) {
  if (!cr_drawing || !cr_editor_typing.indent || !RL_ISSTATE(RL_STATE_READCMD)) return;
  if (rl_last_func != rl_insert || rl_end >= CR_LONG_TEXT || !has_lines()) return;
  if (rl_point != line_end(rl_point) || cr_editor_pending()) return;
  align(line_start(rl_point));
  cr_draw();
}

/* What is typed ahead, or pasted where the terminal does not mark it, has its own indentation. */
static void break_line(void) {
  bool indents = cr_editor_typing.indent && !cr_editor_pending();
  rl_begin_undo_group();
  if (indents) {
    int start = line_start(rl_point), blanks = blanks_at(start);
    if (start + blanks == line_end(start))
      set_blanks(start, 0);
    else
      align(start);
  }
  rl_insert_text("\n");
  if (indents) {
    int wanted = cr_indent(rl_line_buffer, (size_t)line_end(rl_point), (size_t)rl_point);
    if (wanted >= 0) {
      int start = rl_point;
      set_blanks(start, wanted);
      rl_point = start + wanted;
    }
  }
  rl_end_undo_group();
  put_back_at = -1;
}

/* With more lines below, or not whole yet.  Chunks that are longer go on in a line of their own. */
static bool goes_on(void) {
  if (!cr_editor_typing.is_whole || *cr_chunk_before || rl_end >= CR_LONG_TEXT) return false;
  const char *below = strchr(rl_line_buffer + rl_point, '\n');
  if (below && below[strspn(below, " \t\n")] && !cr_editor_pending()) return true;
  return !cr_editor_typing.is_whole(rl_line_buffer);
}

static int enter(int count, int key) {
  if (!cr_drawing) return rl_newline(count, key);
  if (!cr_line_dropped() && goes_on()) {
    break_line();
    return 0;
  }
  if (cr_editor_typing.indent && rl_last_func == rl_insert && rl_point == rl_end && has_lines())
    align(line_start(rl_end));
  cr_draw_end();
  rl_done = 1;
  RL_SETSTATE(RL_STATE_DONE);
  return 0;
}

static int insert_line_end(int count, int key) {
  (void)count, (void)key;
  if (!cr_drawing) return rl_insert_text("\n");
  break_line();
  return 0;
}

/* ---- moving by lines -------------------------------------------------------------------- */

static bool begins_character(int at) {
  return MB_CUR_MAX == 1 || (rl_line_buffer[at] & 0xc0) != 0x80;
}

/* Puts the cursor so many characters after a line's beginning, or at its end. */
static void go_to(int start, int column) {
  int end = line_end(start);
  for (rl_point = start; rl_point < end; rl_point++)
    if (begins_character(rl_point) && column-- == 0) return;
}

static int go_up(int count, int key);
static int go_down(int count, int key);

static bool moves_on(void) {
  return rl_last_func == go_up || rl_last_func == go_down;
}

/* The column where the first of several moves began. */
static int wanted_column(void) {
  static int column;
  if (moves_on()) return column;
  column = 0;
  for (int i = line_start(rl_point); i < rl_point; i++) column += begins_character(i);
  return column;
}

static bool in_history; /* the last Up or Down went there */

/* With the beginning of a line typed, Up and Down look for lines that begin so; they go on looking
 * as long as no other key comes between. */
static int search(rl_command_func_t *backward_or_forward, rl_command_func_t *plain, int count,
                  int key) {
  static bool searching;
  bool again = in_history && moves_on();
  if (!again) searching = rl_point > 0 && rl_point == rl_end && !has_lines();
  in_history = true;
  if (!searching) return plain(count, key);
  if (again) rl_last_func = rl_history_search_backward;
  return backward_or_forward(count, key);
}

/* Up and Down move between the lines of a chunk first. */
static int go_up(int count, int key) {
  int start = line_start(rl_point);
  if (start == 0) return search(rl_history_search_backward, rl_get_previous_history, count, key);
  go_to(line_start(start - 1), wanted_column());
  in_history = false;
  return 0;
}

static int go_down(int count, int key) {
  int end = line_end(rl_point);
  if (end == rl_end) return search(rl_history_search_forward, rl_get_next_history, count, key);
  go_to(end + 1, wanted_column());
  in_history = false;
  return 0;
}

/* To the line's beginning; from there to the text's. */
static int to_start(int count, int key) {
  (void)count, (void)key;
  int start = line_start(rl_point);
  rl_point = start == rl_point ? 0 : start;
  return 0;
}

static int to_end(int count, int key) {
  (void)count, (void)key;
  int end = line_end(rl_point);
  if (cr_accept_suggestion()) return 0;
  rl_point = end == rl_point ? rl_end : end;
  return 0;
}

/* At its end the line is joined with the next. */
static int kill_line(int count, int key) {
  int end = line_end(rl_point);
  if (count < 0 || end == rl_end) return rl_kill_line(count, key);
  return rl_kill_text(rl_point, end == rl_point ? end + 1 : end);
}

static int kill_to_start(int count, int key) {
  int start = line_start(rl_point), point = rl_point;
  if (start == 0 || start == point) return rl_unix_line_discard(count, key);
  rl_point = start;
  return rl_kill_text(start, point);
}

/* In front of a line Tab indents. */
static int tab(int count, int key) {
  int start = line_start(rl_point);
  if (cr_drawing && start > 0 && start + blanks_at(start) >= rl_point) return rl_insert_text("  ");
  if (rl_last_func == tab) rl_last_func = rl_complete; /* the second Tab lists */
  return rl_complete(count, key);
}

/* Of the keys for the history the arrows alone, and vi's, go by lines.  What the user has bound to
 * something else stays so. */
static void rebind_key(const char *key, rl_command_func_t *usual, rl_command_func_t *ours) {
  Keymap maps[] = {emacs_standard_keymap, vi_insertion_keymap, vi_movement_keymap};
  for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
    if (rl_function_of_keyseq(key, maps[i], NULL) == usual)
      rl_bind_keyseq_in_map(key, ours, maps[i]);
}

void cr_lines_open(void) {
  cr_rebind(rl_newline, enter);
  cr_rebind(rl_beg_of_line, to_start);
  cr_rebind(rl_end_of_line, to_end);
  cr_rebind(rl_kill_line, kill_line);
  cr_rebind(rl_unix_line_discard, kill_to_start);
  cr_rebind(rl_complete, tab);
  rl_bind_keyseq_if_unbound("\\e\\C-m", insert_line_end);
  rl_bind_keyseq_if_unbound("\\e\\C-j", insert_line_end);
  static const char *const up[] = {"\033[A", "\033OA", "k"}, *const down[] = {"\033[B", "\033OB",
                                                                              "j"};
  for (size_t i = 0; i < sizeof up / sizeof *up; i++) {
    rebind_key(up[i], rl_get_previous_history, go_up);
    rebind_key(down[i], rl_get_next_history, go_down);
  }
}
