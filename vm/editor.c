/* editor.c: reading lines from a terminal with readline: keys, completion, history. */
#include "vm/editor.h"

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
#include <readline/readline.h>
#include <sys/stat.h>

#include "vm/program.h"

enum { HISTORY_ENTRIES = 5000, PATH_BYTES = 4096, KEY_BYTES = 65536 };

/* Longer chunks, which somebody pasted, are not written to the history's file: readline takes a
 * time that grows with the square of an entry's lines to read it. */
enum { LONGEST_KEPT = 1 << 16 };

static cr_completer completer;
static const char *chunk_before; /* what was typed of the chunk in earlier lines */
static bool line_dropped;        /* by Ctrl-C */

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
  if (*history_path && strlen(chunk) <= LONGEST_KEPT) append_to_file(chunk);
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

/* A byte for readline.  Ctrl-C ends the line, whatever is in it: readline sees a Return. */
static int read_key(FILE *f) {
  int fd = key_fd >= 0 ? key_fd : fileno(f);
  for (;;) {
    rl_check_signals();
    if (cr_take_sigint()) {
      line_dropped = true;
      keys.pasting = false;
      keys.next = keys.length = 0;
      return '\n';
    }
    if (keys.next < keys.length) return give(keys.bytes[keys.next++]);
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

/* ---- a chunk of several lines in one, from the history or a paste ------------------------ */

static int insert_line_end(int count, int key) {
  (void)count, (void)key;
  return rl_insert_text("\n");
}

static int go_up(int count, int key);
static int go_down(int count, int key);

/* With the beginning of a line typed, Up and Down look for lines that begin so; they go on looking
 * as long as no other key comes between. */
static int search(rl_command_func_t *backward_or_forward, rl_command_func_t *plain, int count,
                  int key) {
  static bool searching;
  bool again = rl_last_func == go_up || rl_last_func == go_down;
  if (!again) searching = rl_point > 0 && rl_point == rl_end;
  if (!searching) return plain(count, key);
  if (again) rl_last_func = rl_history_search_backward;
  return backward_or_forward(count, key);
}

/* Up and Down move between the lines of a chunk first. */
static int go_up(int count, int key) {
  for (int i = 0; i < rl_point; i++)
    if (rl_line_buffer[i] == '\n') return rl_previous_screen_line(count, key);
  return search(rl_history_search_backward, rl_get_previous_history, count, key);
}

static int go_down(int count, int key) {
  if (strchr(rl_line_buffer + rl_point, '\n')) return rl_next_screen_line(count, key);
  return search(rl_history_search_forward, rl_get_next_history, count, key);
}

/* Keys that the user has bound to something else stay so. */
static void rebind(const char *keyseq, rl_command_func_t *usual, rl_command_func_t *ours) {
  if (rl_function_of_keyseq(keyseq, NULL, NULL) == usual) rl_bind_keyseq(keyseq, ours);
}

/* ---- completion ------------------------------------------------------------------------- */

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
  size_t before = strlen(chunk_before), line = (size_t)end;
  char *text = malloc(before + line + 2);
  drop_offered();
  if (!text) return;
  memcpy(text, chunk_before, before);
  if (before) text[before++] = '\n';
  memcpy(text + before, rl_line_buffer, line);
  text[before + line] = '\0';
  completer(text, before + (size_t)start, &offered);
  free(text);
}

static char **complete(const char *word, int start, int end) {
  ask(start, end);
  rl_attempted_completion_over = 1;
  rl_completion_append_character = '\0';
  if (offered.hint) {
    fprintf(rl_outstream, "\n%s\n", offered.hint);
    rl_on_new_line();
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
  const char *line = rl_line_buffer + strspn(rl_line_buffer, " \t");
  if (*line == '$' || (*line == '%' && strpbrk(line, " \t"))) return words;
  for (int i = 0; i < rl_point; i++) {
    char c = rl_line_buffer[i];
    if (quote && c == '\\')
      i++;
    else if (c == quote)
      quote = '\0';
    else if (!quote && (c == '"' || c == '\''))
      quote = c;
  }
  return quote ? file : code;
}

/* ---- opening, reading, closing ---------------------------------------------------------- */

void cr_editor_open(cr_completer of_words) {
  completer = of_words;
  rl_readline_name = "cresset";
  rl_attempted_completion_function = complete;
  rl_completion_word_break_hook = word_breaks;
  rl_completer_quote_characters = "";
  rl_getc_function = read_key;
  key_fd = open("/dev/stdin", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  rl_variable_bind("enable-bracketed-paste", "on");
  rl_initialize();
  rl_bind_keyseq_if_unbound("\\e\\C-m", insert_line_end);
  rl_bind_keyseq_if_unbound("\\e\\C-j", insert_line_end);
  rebind("\033[A", rl_get_previous_history, go_up);
  rebind("\033OA", rl_get_previous_history, go_up);
  rebind("\033[B", rl_get_next_history, go_down);
  rebind("\033OB", rl_get_next_history, go_down);
  open_history();
}

void cr_editor_close(void) {
  drop_offered();
  clear_history();
  if (key_fd >= 0) close(key_fd);
  key_fd = -1;
}

char *cr_editor_read(const char *prompt, const char *before, bool *dropped) {
  chunk_before = before;
  line_dropped = false;
  char *line = readline(prompt);
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
