/* editor.c: reading lines from a terminal with readline: keys, history.  Its other files:
 * editor_draw.c (what is on the screen), editor_lines.c (several lines), editor_complete.c,
 * editor_suggest.c, editor_paste.c, editor_external.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <readline/history.h>
#include <sys/stat.h>

#include "vm/editor_parts.h"
#include "vm/program.h"

enum { HISTORY_ENTRIES = 5000, PATH_BYTES = 4096, KEY_BYTES = 65536 };

cr_typing cr_editor_typing = {.more = ""};
bool cr_drawing;
const char *cr_chunk_before = "";
static bool line_dropped;

bool cr_line_dropped(void) {
  return line_dropped;
}

/* ---- history ---------------------------------------------------------------------------- */

static char history_path[PATH_BYTES];

/* Makes the folders of a path. */
static void make_folders(char *path) {
  for (char *p = path + 1; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(path, 0700);
    *p = '/';
  }
}

static bool find_history(void) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  size_t room = sizeof history_path;
  int n = 0;
  if (state && *state == '/')
    n = snprintf(history_path, room, "%s/cresset/history", state);
  else if (home && *home)
    n = snprintf(history_path, room, "%s/.local/state/cresset/history", home);
  if (n > 0 && n < (int)room) return true;
  *history_path = '\0';
  return false;
}

/* In the file each entry follows a line with '#' and its time, so that it can have several lines.
 */
static void open_history(void) {
  history_comment_char = '#';
  history_write_timestamps = 1;
  if (find_history()) {
    make_folders(history_path);
    if (read_history(history_path) == 0 && history_length > 2 * HISTORY_ENTRIES)
      history_truncate_file(history_path, HISTORY_ENTRIES);
  }
  stifle_history(HISTORY_ENTRIES);
  using_history();
}

/* One write of the whole entry, so that sessions that run at once do not mix theirs. */
static void append_to_file(const char *chunk) {
  int fd = open(history_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  size_t room = strlen(chunk) + 40;
  char *entry = malloc(room);
  if (entry) {
    int n = snprintf(entry, room, "#%lld\n%s\n", (long long)time(NULL), chunk);
    if (write(fd, entry, (size_t)n) < 0) *history_path = '\0';
    free(entry);
  }
  close(fd);
}

/* A history that cannot be written is no reason to bother the user. */
void cr_editor_remember(const char *chunk) {
  HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
  if (chunk[strspn(chunk, " \t\r\n")] == '\0' || (last && strcmp(last->line, chunk) == 0)) return;
  add_history(chunk);
  add_history_time("#0"); /* readline wants one */
  if (*history_path && strlen(chunk) <= CR_LONG_TEXT) append_to_file(chunk);
}

/* ---- keys ------------------------------------------------------------------------------- */

/* The terminal, opened once more so that reads do not block: Ctrl-C throws away the keys typed
 * before it, also between the wait that saw them and the read.  -1: it cannot be opened. */
static int key_fd = -1;

/* What is pasted comes in one piece between two marks; then many bytes are read at a time.  Keys
 * are read one by one, so that what is typed ahead is left for a script that reads. */
static struct {
  unsigned char bytes[KEY_BYTES];
  size_t next, length;
  bool pasting;
  char tail[6]; /* the last bytes that readline was given */
} keys;

static const char paste_begin[] = "\033[200~", paste_end[] = "\033[201~";

/* Waits for a key or a signal.  Ctrl-C is blocked until the wait itself: one that came just before
 * would otherwise go unnoticed until the next key. */
static bool wait_for_key(int fd) {
  sigset_t sigint, before;
  sigemptyset(&sigint);
  sigaddset(&sigint, SIGINT);
  sigprocmask(SIG_BLOCK, &sigint, &before);
  struct pollfd p = {.fd = fd, .events = POLLIN};
  bool ready = !rl_pending_signal() && ppoll(&p, 1, NULL, &before) > 0;
  sigprocmask(SIG_SETMASK, &before, NULL);
  return ready;
}

/* Gives readline a byte, and notes whether it begins or ends a paste. */
static int give(unsigned char byte) {
  memmove(keys.tail, keys.tail + 1, sizeof keys.tail - 1);
  keys.tail[sizeof keys.tail - 1] = (char)byte;
  if (memcmp(keys.tail, paste_begin, sizeof keys.tail) == 0) keys.pasting = true;
  if (memcmp(keys.tail, paste_end, sizeof keys.tail) == 0) keys.pasting = false;
  return byte;
}

/* The shell has printed something where the line was. */
static void back_from_shell(void) {
  cr_draw_begin();
  cr_draw();
}

/* A byte for readline.  Ctrl-C ends the line, whatever is in it: readline sees a Return. */
static int read_key(FILE *f) {
  int fd = key_fd >= 0 ? key_fd : fileno(f);
  for (;;) {
    int caught = rl_pending_signal();
    rl_check_signals();
    if (caught == SIGTSTP && cr_drawing) back_from_shell();
    if (cr_take_sigint()) {
      line_dropped = true;
      keys.pasting = false;
      keys.next = keys.length = 0;
      return '\r';
    }
    if (keys.next < keys.length) return give(keys.bytes[keys.next++]);
    cr_settle_line();
    if (!wait_for_key(fd)) continue;
    ssize_t n = read(fd, keys.bytes, keys.pasting ? sizeof keys.bytes : 1);
    if (n > 0) {
      keys.length = (size_t)n;
      keys.next = 1;
      return give(keys.bytes[0]);
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN)) return EOF;
  }
}

bool cr_editor_pending(void) {
  struct pollfd p = {.fd = key_fd, .events = POLLIN};
  return keys.next < keys.length || (key_fd >= 0 && poll(&p, 1, 0) > 0);
}

/* ---- opening, reading, closing ---------------------------------------------------------- */

void cr_rebind(rl_command_func_t *usual, rl_command_func_t *ours) {
  Keymap maps[] = {emacs_standard_keymap, vi_insertion_keymap, vi_movement_keymap};
  for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
    char **keys_of = rl_invoking_keyseqs_in_map(usual, maps[i]);
    for (size_t k = 0; keys_of && keys_of[k]; k++) {
      rl_bind_keyseq_in_map(keys_of[k], ours, maps[i]);
      free(keys_of[k]);
    }
    free(keys_of);
  }
}

void cr_editor_set(const cr_typing *typing) {
  cr_editor_typing = *typing;
}

void cr_editor_open(cr_completer of_words) {
  rl_readline_name = "cresset";
  rl_getc_function = read_key;
  rl_startup_hook = cr_external_insert;
  key_fd = open("/dev/stdin", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  rl_variable_bind("enable-bracketed-paste", "on");
  rl_initialize();
  cr_complete_open(of_words);
  cr_lines_open();
  cr_suggest_open();
  cr_paste_open();
  cr_external_open();
  cr_rebind(rl_clear_screen, cr_draw_cleared);
  cr_rebind(rl_refresh_line, cr_draw_cleared);
  open_history();
}

void cr_editor_close(void) {
  cr_complete_close();
  cr_external_close();
  clear_history();
  if (key_fd >= 0) close(key_fd);
  key_fd = -1;
}

/* Terminals that know no more than to print, and users who want no colours, keep readline's way. */
static bool can_draw(void) {
  const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
  return term && *term && strcmp(term, "dumb") != 0 && strcmp(term, "unknown") != 0 &&
         !(no_color && *no_color);
}

static char *read_drawn(const char *prompt) {
  cr_drawing = cr_editor_typing.draw && can_draw();
  rl_redisplay_function = cr_drawing ? cr_draw : rl_redisplay;
  if (cr_drawing) cr_draw_begin();
  char *line = readline(prompt);
  if (line && cr_drawing) cr_draw_ended();
  return line;
}

char *cr_editor_read(const char *prompt, const char *before, bool *dropped) {
  cr_chunk_before = before;
  line_dropped = false;
  char *line = read_drawn(prompt);
  *dropped = line_dropped;
  return line;
}

char *cr_editor_read_inner(const char *prompt, bool *dropped) {
  static HISTORY_STATE inner;
  HISTORY_STATE *outer = history_get_history_state();
  history_set_history_state(&inner);
  char *line = cr_editor_read(prompt, "", dropped);
  HIST_ENTRY *last = history_length ? history_list()[history_length - 1] : NULL;
  if (line && line[strspn(line, " \t")] && !(last && strcmp(last->line, line) == 0))
    add_history(line);
  HISTORY_STATE *now = history_get_history_state();
  inner = *now;
  free(now);
  history_set_history_state(outer);
  free(outer);
  return line;
}
