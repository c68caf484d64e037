/* screen.h: a small model of a terminal, for pty.c: what stands where after what was printed.
 * Colours are dropped; rows that the terminal wrapped flow when the window changes, as in most
 * terminals. */
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { MOST_ROWS = 100, MOST_COLUMNS = 300, SEQUENCE_BYTES = 64 };
#define BEHIND_WIDE ((wchar_t)-1) /* the second cell of a wide character */

typedef struct {
  wchar_t cells[MOST_COLUMNS];
  bool wraps; /* goes on in the next row */
} screen_row;

static struct {
  screen_row rows[MOST_ROWS];
  int height, width, row, column; /* column == width: the next character goes to the next row */
  char sequence[SEQUENCE_BYTES];  /* one that is not whole yet */
  size_t length;
} screen;

static void clear_row(int row, int from) {
  for (int c = from; c < MOST_COLUMNS; c++) screen.rows[row].cells[c] = L' ';
  if (from < screen.width) screen.rows[row].wraps = false;
}

static void screen_open(int height, int width) {
  setlocale(LC_ALL, "");
  screen.height = height;
  screen.width = width;
  for (int r = 0; r < MOST_ROWS; r++) clear_row(r, 0);
}

static void next_row(void) {
  if (++screen.row < screen.height) return;
  screen.row = screen.height - 1;
  memmove(screen.rows, screen.rows + 1, (MOST_ROWS - 1) * sizeof *screen.rows);
  clear_row(screen.row, 0);
}

static void put_wide(wchar_t c, int cells) {
  if (cells <= 0) return; /* combining characters are not looked at */
  if (screen.column + cells > screen.width) {
    screen.rows[screen.row].wraps = true;
    next_row();
    screen.column = 0;
  }
  wchar_t *at = screen.rows[screen.row].cells + screen.column;
  at[0] = c;
  if (cells == 2) at[1] = BEHIND_WIDE;
  screen.column += cells;
}

static int between(int low, int n, int high) {
  return n < low ? low : n > high ? high : n;
}

/* "\033[" numbers and a letter. */
static void control(const char *numbers, char letter) {
  int n = atoi(numbers), one = n ? n : 1;
  if (letter != 'm' && screen.column == screen.width) screen.column--;
  if (letter == 'A') screen.row = between(0, screen.row - one, screen.height - 1);
  if (letter == 'B') screen.row = between(0, screen.row + one, screen.height - 1);
  if (letter == 'C') screen.column = between(0, screen.column + one, screen.width - 1);
  if (letter == 'D') screen.column = between(0, screen.column - one, screen.width - 1);
  if (letter == 'H') screen.row = screen.column = 0;
  if (letter == 'K' || letter == 'J') clear_row(screen.row, n == 2 ? 0 : screen.column);
  for (int r = n == 2 ? 0 : screen.row + 1; letter == 'J' && r < MOST_ROWS; r++) clear_row(r, 0);
}

/* Takes what begins with an escape.  False: it is not whole. */
static bool take_sequence(void) {
  char *s = screen.sequence;
  size_t n = screen.length;
  if (n < 2) return false;
  if (s[1] != '[') return true;
  if (n < 3 || s[n - 1] < '@' || s[n - 1] > '~') return n == SEQUENCE_BYTES;
  char letter = s[n - 1];
  s[n - 1] = '\0';
  if (s[2] != '?') control(s + 2, letter);
  return true;
}

/* A character of one or more bytes.  False: it is not whole. */
static bool take_character(void) {
  mbstate_t state = {0};
  wchar_t c;
  size_t n = mbrtowc(&c, screen.sequence, screen.length, &state);
  if (n == (size_t)-2) return false;
  put_wide(n == (size_t)-1 ? L'?' : c, n == (size_t)-1 ? 1 : wcwidth(c));
  return true;
}

static void screen_print(const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = bytes[i];
    if (screen.length == 0 && c == '\r') {
      screen.column = 0;
    } else if (screen.length == 0 && c == '\n') {
      next_row();
    } else if (screen.length == 0 && c == '\b') {
      screen.column -= screen.column > 0;
    } else if (screen.length == 0 && c == '\t') {
      screen.column = between(0, (screen.column / 8 + 1) * 8, screen.width - 1);
    } else if (screen.length == 0 && c >= 0 && c < ' ' && c != '\033') {
      /* bells */
    } else {
      screen.sequence[screen.length++] = c;
      if (*screen.sequence == '\033' ? take_sequence() : take_character()) screen.length = 0;
    }
  }
}

static void screen_resize(int height, int width) {
  static screen_row before[MOST_ROWS];
  int row = screen.row, column = screen.column, last = MOST_ROWS - 1, old = screen.width;
  memcpy(before, screen.rows, sizeof before);
  while (last > row && wcsspn(before[last].cells, L" ") >= (size_t)old) last--;
  for (int r = 0; r < MOST_ROWS; r++) clear_row(r, 0);
  screen.height = height;
  screen.width = width;
  screen.row = screen.column = 0;
  int new_row = 0, new_column = 0;
  for (int r = 0; r <= last; r++) {
    int end = old;
    while (!before[r].wraps && end > 0 && before[r].cells[end - 1] == L' ' &&
           (r != row || end > column))
      end--;
    for (int c = 0; c < end; c++) {
      if (before[r].cells[c] == BEHIND_WIDE) continue;
      put_wide(before[r].cells[c], c + 1 < end && before[r].cells[c + 1] == BEHIND_WIDE ? 2 : 1);
      if (r == row && c < column) new_row = screen.row, new_column = screen.column;
    }
    if (r == row && column == 0) new_row = screen.row, new_column = 0;
    if (before[r].wraps || r == last) continue;
    next_row();
    screen.column = 0;
  }
  screen.row = new_row;
  screen.column = new_column;
}

/* The rows down to the last that is not blank, without the blanks at their ends, as one text. */
static const char *screen_text(void) {
  static char text[MOST_ROWS * (MOST_COLUMNS * 4 + 1) + 1];
  size_t n = 0, whole = 0;
  for (int r = 0; r < screen.height; r++) {
    size_t end = n;
    for (int c = 0; c < screen.width; c++) {
      wchar_t cell = screen.rows[r].cells[c];
      if (cell == BEHIND_WIDE) continue;
      int bytes = wctomb(text + n, cell);
      n += bytes > 0 ? (size_t)bytes : 0;
      if (cell != L' ') end = whole = n;
    }
    n = end;
    text[n++] = '\n';
  }
  text[whole] = '\0';
  return text;
}

/* The cursor's row, counted upwards from the last that is not blank, and its column. */
static void screen_cursor(int *up, int *column) {
  int lines = 0;
  for (const char *s = screen_text(); *s; s++) lines += *s == '\n';
  *up = lines - screen.row;
  *column = screen.column;
}
