/* editor_draw.c: draws what is typed: prompt, text in colours over several rows, suggestion.
 *
 * Each time the rows are made anew, and those that differ from the rows on the screen are written.
 * A row that goes on in the next one is wrapped by the terminal itself, so that what is copied
 * there has no line's end in it, and that rows flow when the window changes. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "vm/colours.h"
#include "vm/editor_parts.h"

enum { SUGGESTED = CR_COLOURS, STYLES, REGION = 0x80 };

static const char *const sgr[STYLES] = {
    [CR_KEYWORDS] = "35", [CR_STRINGS] = "32", [CR_NUMBERS] = "36",  [CR_COMMENTS] = "90",
    [CR_COMMANDS] = "34", [CR_WRONG] = "31;4", [CR_MATCH] = "30;46", [SUGGESTED] = "90",
};

typedef struct {
  size_t at, length; /* in the frame's bytes */
  int width;
  bool wraps; /* the next row goes on with the same line */
} row;

typedef struct {
  char *bytes;
  size_t length, room;
  row *rows;
  size_t count, row_room;
  size_t cursor_row;
  int cursor_column;
  bool failed; /* no memory */
} frame;

static frame shown, made; /* on the screen; being made */
static size_t first_row; /* of the frame that is on the screen, when it is higher than the window */
static size_t at_row,
    rows; /* of the screen, from the frame's first there: the cursor's; used ones */
static int columns, window_rows;
/* The last drawing of a line was done; is being done; something else was printed over the rows. */
static bool drawn_end, ending, stale;

/* ---- making rows ------------------------------------------------------------------------ */

static struct {
  int column, style;
  bool cursor_due; /* the next cell is the cursor's */
} pen;

static void add(const char *bytes, size_t n) {
  if (made.length + n > made.room) {
    size_t room = 2 * (made.length + n) + 256;
    char *bigger = realloc(made.bytes, room);
    if (!bigger) {
      made.failed = true;
      return;
    }
    made.bytes = bigger;
    made.room = room;
  }
  memcpy(made.bytes + made.length, bytes, n);
  made.length += n;
}

static void set_style(int style) {
  char text[32];
  if (style == pen.style) return;
  if (pen.style) add("\033[0m", 4);
  pen.style = style;
  const char *code = sgr[style & ~REGION];
  if (!style) return;
  int n = snprintf(text, sizeof text, "\033[%s%s%sm", code ? code : "",
                   style & REGION && code ? ";" : "", style & REGION ? "7" : "");
  add(text, (size_t)n);
}

static void begin_row(void) {
  if (made.count == made.row_room) {
    size_t room = 2 * made.row_room + 64;
    row *bigger = realloc(made.rows, room * sizeof *bigger);
    if (!bigger) {
      made.failed = true;
      return;
    }
    made.rows = bigger;
    made.row_room = room;
  }
  made.rows[made.count++] = (row){.at = made.length};
  pen.column = 0;
}

static void end_row(bool wraps) {
  int style = pen.style;
  set_style(0);
  if (made.failed) return;
  row *r = &made.rows[made.count - 1];
  r->length = made.length - r->at;
  r->width = pen.column;
  r->wraps = wraps;
  begin_row();
  if (wraps) set_style(style);
}

static void set_cursor(void) {
  pen.cursor_due = false;
  made.cursor_row = made.count - 1;
  made.cursor_column = pen.column < columns ? pen.column : columns - 1;
}

static void put(const char *bytes, size_t n, int width, int style) {
  if (pen.column + width > columns) {
    set_style(0);
    while (pen.column < columns) add(" ", 1), pen.column++;
    end_row(true);
  }
  if (pen.cursor_due && width) set_cursor();
  set_style(style);
  add(bytes, n);
  pen.column += width;
}

static void put_newline(void) {
  if (pen.cursor_due) set_cursor();
  end_row(false);
}

/* The bytes of the character at `text`, and what is shown for it. */
static size_t put_character(const char *text, size_t left, int style) {
  mbstate_t state;
  wchar_t wide;
  char shown_as[8];
  unsigned char c = (unsigned char)*text;
  if (c == '\t') {
    for (int n = 8 - pen.column % 8; n; n--) put(" ", 1, 1, style);
    return 1;
  }
  if (c < 0x20 || c == 0x7f) {
    shown_as[0] = '^';
    shown_as[1] = (char)(c ^ 0x40);
    put(shown_as, 2, 2, style);
    return 1;
  }
  if (c < 0x80) {
    put(text, 1, 1, style);
    return 1;
  }
  memset(&state, 0, sizeof state);
  size_t n = mbrtowc(&wide, text, left, &state);
  int width = n && n <= left ? wcwidth(wide) : -1;
  if (width >= 0) {
    put(text, n, width, style);
    return n;
  }
  int length = snprintf(shown_as, sizeof shown_as, "\\x%02x", c);
  put(shown_as, (size_t)length, length, style);
  return 1;
}

/* What stands between the marks \001 and \002 takes no room. */
static void put_prompt(const char *prompt) {
  size_t left = strlen(prompt);
  while (left && !made.failed) {
    size_t n = 1;
    if (*prompt == '\001') {
      const char *end = memchr(prompt, '\002', left);
      n = end ? (size_t)(end - prompt) + 1 : left;
      add(prompt + 1, n - 1 - (end != NULL));
    } else if (*prompt == '\n') {
      put_newline();
    } else {
      n = put_character(prompt, left, 0);
    }
    prompt += n;
    left -= n;
  }
}

static bool in_region(size_t at) {
#if RL_READLINE_VERSION >= 0x0801
  if (ending || !rl_mark_active_p()) return false;
  int from = rl_mark < rl_point ? rl_mark : rl_point, to = rl_mark + rl_point - from;
  return (int)at >= from && (int)at < to;
#else
  (void)at;
  return false;
#endif
}

static void put_text(size_t from, size_t to, const unsigned char *colours) {
  size_t point = (size_t)(ending ? rl_end : rl_point);
  for (size_t at = from; at < to && !made.failed;) {
    if (at == point) pen.cursor_due = true;
    if (rl_line_buffer[at] == '\n') {
      put_newline();
      put_prompt(cr_editor_typing.more);
      at++;
    } else {
      int style = colours ? colours[at - from] : CR_PLAIN;
      at += put_character(rl_line_buffer + at, to - at, in_region(at) ? style | REGION : style);
    }
  }
  if (point >= to) pen.cursor_due = true;
}

/* Of several lines the first, and a sign that there are more. */
static void put_suggestion(const char *rest) {
  size_t n = strcspn(rest, "\n");
  for (size_t at = 0; at < n && !made.failed;) at += put_character(rest + at, n - at, SUGGESTED);
  if (rest[n]) put(" ...", 4, 4, SUGGESTED);
}

/* Of a text too long to go through for each key, what can be in the window with the cursor. */
static void near_cursor(size_t *from, size_t *to) {
  size_t most = (size_t)columns * (size_t)window_rows;
  size_t point = (size_t)rl_point, end = (size_t)rl_end;
  int lines = 0;
  for (*from = point; *from > 0 && point - *from < most; --*from)
    if (rl_line_buffer[*from - 1] == '\n' && ++lines == window_rows) break;
  while (*from > 0 && (rl_line_buffer[*from] & 0xc0) == 0x80) --*from;
  *to = end - point < most ? end : point + most;
}

static void make_frame(void) {
  static unsigned char colours[CR_LONG_TEXT];
  size_t from = 0, to = (size_t)rl_end, cursor = ending ? (size_t)-1 : (size_t)rl_point;
  bool is_long = rl_end >= CR_LONG_TEXT;
  made =
      (frame){.bytes = made.bytes, .room = made.room, .rows = made.rows, .row_room = made.row_room};
  pen.style = 0;
  pen.cursor_due = false;
  begin_row();
  if (is_long)
    near_cursor(&from, &to);
  else
    cr_colour_text(rl_line_buffer, to, cursor, colours);
  if (from == 0) put_prompt(rl_display_prompt ? rl_display_prompt : "");
  put_text(from, to, is_long ? NULL : colours);
  const char *rest = ending ? NULL : cr_suggestion();
  if (rest) put_suggestion(rest);
  if (pen.cursor_due && pen.column == columns) end_row(true);
  if (pen.cursor_due) set_cursor();
  end_row(false);
  made.count--;
}

/* ---- writing rows ----------------------------------------------------------------------- */

static void move_to(size_t to, int column) {
  if (at_row > to) fprintf(rl_outstream, "\033[%zuA", at_row - to);
  if (at_row < to && at_row < rows) {
    size_t down = (to < rows ? to : rows) - at_row;
    fprintf(rl_outstream, "\033[%zuB", down);
    at_row += down;
  }
  fputc('\r', rl_outstream);
  for (; at_row < to; at_row++) fputc('\n', rl_outstream); /* what scrolls */
  if (column) fprintf(rl_outstream, "\033[%dC", column);
  at_row = to;
  if (rows < to) rows = to;
}

static bool is_shown(size_t i) {
  if (i >= shown.count || stale) return false;
  const row *a = &shown.rows[i], *b = &made.rows[i];
  return a->length == b->length && a->width == b->width && a->wraps == b->wraps &&
         memcmp(shown.bytes + a->at, made.bytes + b->at, a->length) == 0;
}

/* `goes_on`: the row before has just been written and wraps into this one. */
static void write_row(size_t i, bool goes_on) {
  const row *r = &made.rows[i];
  if (!goes_on) {
    move_to(i - first_row, 0);
  } else {
    at_row = i - first_row;
    if (rows < at_row) rows = at_row;
    if (r->width == 0) fputs(" \r", rl_outstream);
  }
  fwrite(made.bytes + r->at, 1, r->length, rl_outstream);
  if (r->width < columns) fputs("\033[K", rl_outstream);
}

/* Which rows are in the window; true when they are not those from before. */
static bool scroll(void) {
  size_t before = first_row, height = (size_t)window_rows;
  if (made.cursor_row < first_row) first_row = made.cursor_row;
  if (made.cursor_row >= first_row + height) first_row = made.cursor_row - height + 1;
  if (made.count <= height)
    first_row = 0;
  else if (first_row > made.count - height)
    first_row = made.count - height;
  return first_row != before;
}

static void write_frame(void) {
  bool all = scroll(), goes_on = false;
  size_t end = first_row + (size_t)window_rows;
  if (end > made.count) end = made.count;
  for (size_t i = first_row; i < end; i++) {
    if (all || goes_on || !is_shown(i)) {
      write_row(i, goes_on);
      goes_on = made.rows[i].wraps;
    } else {
      goes_on = false;
    }
  }
  if (rows > end - 1 - first_row) {
    move_to(end - first_row, 0);
    fputs("\033[J", rl_outstream);
    rows = end - 1 - first_row;
  }
  move_to(made.cursor_row - first_row, made.cursor_column);
}

/* ---- the window ------------------------------------------------------------------------- */

static void measure(int *high, int *wide) {
  struct winsize size = {0};
  rl_get_screen_size(high, wide);
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
    if (size.ws_row != *high || size.ws_col != *wide) rl_set_screen_size(size.ws_row, size.ws_col);
    *high = size.ws_row;
    *wide = size.ws_col;
  }
  if (*wide < 4) *wide = 4;
  if (*high < 1) *high = 1;
}

/* The window has another width: terminals have let the rows flow.  Draws from their first on. */
static void flow(int wide) {
  size_t above = 0, cells = 0;
  for (size_t i = first_row; i < shown.count && i <= shown.cursor_row; i++) {
    const row *r = &shown.rows[i];
    if (i == shown.cursor_row) {
      above += (cells + (size_t)shown.cursor_column) / (size_t)wide;
    } else if (r->wraps) {
      cells += (size_t)r->width;
    } else {
      cells += (size_t)r->width;
      above += cells ? (cells - 1) / (size_t)wide + 1 : 1;
      cells = 0;
    }
  }
  if (above) fprintf(rl_outstream, "\033[%zuA", above);
  fputs("\r\033[J", rl_outstream);
  at_row = rows = shown.count = first_row = 0;
}

static void forget_shown(void) {
  at_row = rows = shown.count = first_row = 0;
}

void cr_draw(void) {
  int high, wide;
  measure(&high, &wide);
  if (wide != columns && shown.count) flow(wide);
  columns = wide;
  window_rows = high;
  make_frame();
  if (made.failed) return;
  write_frame();
  fflush(rl_outstream);
  frame spare = shown;
  shown = made;
  made = spare;
}

/* As many blanks as a row has wrap only where something was printed in the row before. */
void cr_draw_begin(void) {
  drawn_end = false;
  measure(&window_rows, &columns);
  forget_shown();
  fprintf(rl_outstream, "%*s\r", columns, "");
}

void cr_draw_leave(void) {
  ending = true;
  cr_draw();
  ending = false;
  forget_shown();
}

/* Readline has printed "^C" at the cursor, where it would be lost in the text. */
void cr_draw_end(void) {
  stale = cr_line_dropped();
  cr_draw_leave();
  stale = false;
  drawn_end = true;
  fputs(cr_line_dropped() ? "^C\r\n" : "\r\n", rl_outstream);
  fflush(rl_outstream);
}

void cr_draw_ended(void) {
  if (drawn_end) return;
  cr_draw_leave();
  cr_draw_begin();
  fflush(rl_outstream);
}

int cr_draw_cleared(int count, int key) {
  if (!cr_drawing) return rl_clear_screen(count, key);
  fputs("\033[H\033[2J", rl_outstream);
  forget_shown();
  return 0;
}
