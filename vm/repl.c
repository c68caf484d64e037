/* repl.c: the prompt: reading lines with readline, history, running what was typed. */
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

#include <lauxlib.h>
#include <lua.h>

#include "vm/program.h"

enum { HISTORY_LINES = 5000, PATH_BYTES = 4096 };

static cresset *interp;
static bool is_terminal;  /* both ends are one: prompts, colours, line editing */
static bool line_dropped; /* by Ctrl-C at the prompt */
static char history_path[PATH_BYTES];

/* ---- text ------------------------------------------------------------------------------- */

/* What was typed of a chunk so far. */
typedef struct {
  char *bytes;
  size_t length, capacity;
} text;

static void text_clear(text *t) {
  t->length = 0;
  if (t->bytes) *t->bytes = '\0';
}

/* False: no memory. */
static bool text_add_line(text *t, const char *line) {
  size_t n = strlen(line), wanted = t->length + n + 2;
  if (wanted > t->capacity) {
    char *bytes = realloc(t->bytes, wanted * 2);
    if (!bytes) return false;
    t->bytes = bytes;
    t->capacity = wanted * 2;
  }
  if (t->length) t->bytes[t->length++] = '\n';
  memcpy(t->bytes + t->length, line, n + 1);
  t->length += n;
  return true;
}

static bool is_blank(const char *s) {
  return s[strspn(s, " \t\r")] == '\0';
}

/* ---- the Lua half ----------------------------------------------------------------------- */

/* Pushes a function of vm/repl.lua. */
static void push_repl(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cresset.repl");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

static int body_prepare(lua_State *L) {
  push_repl(L, "install_lazy");
  lua_call(L, 0, 0);
  return 0;
}

/* Gives the three results of repl.compile: a function and whether to show what it returns, or nil
 * and a message, or nil and nil for a chunk that goes on. */
static int body_compile(lua_State *L) {
  push_repl(L, "compile");
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_call(L, 1, 2);
  return 2;
}

/* Arguments: whether to show them, then the results. */
static int body_show(lua_State *L) {
  push_repl(L, "show");
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

static int body_complete(lua_State *L) {
  char ***out = lua_touserdata(L, 2);
  push_repl(L, "complete");
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_call(L, 1, 1);
  size_t n = lua_rawlen(L, -1);
  char **list = calloc(n + 1, sizeof *list);
  *out = list;
  for (size_t i = 0; list && i < n; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    list[i] = strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return 0;
}

/* ---- completion ------------------------------------------------------------------------- */

static char **candidates;
static size_t next_candidate;

static void drop_candidates(void) {
  for (size_t i = 0; candidates && candidates[i]; i++) free(candidates[i]);
  free(candidates);
  candidates = NULL;
}

/* Readline's generator: a string that readline frees, NULL after the last. */
static char *generate(const char *word, int state) {
  if (state == 0) {
    lua_State *L = cresset_lua(interp);
    drop_candidates();
    next_candidate = 0;
    lua_pushcfunction(L, body_complete);
    lua_pushlightuserdata(L, (void *)word);
    lua_pushlightuserdata(L, &candidates);
    cresset_pcall(interp, 2, 0);
  }
  if (!candidates || !candidates[next_candidate]) return NULL;
  return strdup(candidates[next_candidate++]);
}

static char **complete(const char *word, int start, int end) {
  (void)end;
  if (start > 0 && strchr("'\"", rl_line_buffer[start - 1])) return NULL; /* a file's name */
  rl_attempted_completion_over = 1;
  rl_completion_append_character = '\0';
  return rl_completion_matches(word, generate);
}

/* ---- history ---------------------------------------------------------------------------- */

/* Makes the folders of a path. */
static void make_folders(char *path) {
  for (char *p = path + 1; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(path, 0700);
    *p = '/';
  }
}

static void open_history(void) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n;
  if (state && *state == '/')
    n = snprintf(history_path, sizeof history_path, "%s/cresset/history", state);
  else if (home && *home)
    n = snprintf(history_path, sizeof history_path, "%s/.local/state/cresset/history", home);
  else
    return;
  if (n >= (int)sizeof history_path) {
    *history_path = '\0';
    return;
  }
  make_folders(history_path);
  if (read_history(history_path) == 0 && history_length > 2 * HISTORY_LINES)
    history_truncate_file(history_path, HISTORY_LINES);
  stifle_history(HISTORY_LINES);
  using_history();
}

/* One write of the whole line, so that sessions that run at once do not mix theirs.  A history that
 * cannot be written is no reason to bother the user. */
static void remember(const char *line) {
  HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
  if (is_blank(line) || (last && strcmp(last->line, line) == 0)) return;
  add_history(line);
  if (!*history_path) return;
  int fd = open(history_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  size_t n = strlen(line);
  char *copy = malloc(n + 1);
  if (copy) {
    memcpy(copy, line, n);
    copy[n] = '\n';
    if (write(fd, copy, n + 1) < 0) *history_path = '\0';
    free(copy);
  }
  close(fd);
}

/* ---- reading ---------------------------------------------------------------------------- */

/* The terminal, opened once more so that reads do not block: Ctrl-C throws away the keys typed
 * before it, also between the wait that saw them and the read.  -1: it cannot be opened. */
static int key_fd = -1;

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

/* A byte for readline.  Ctrl-C ends the line, whatever is in it: readline sees a Return. */
static int read_key(FILE *f) {
  int fd = key_fd >= 0 ? key_fd : fileno(f);
  unsigned char byte;
  for (;;) {
    rl_check_signals();
    if (cr_take_sigint()) {
      line_dropped = true;
      return '\n';
    }
    if (!wait_for_key(fd)) continue;
    ssize_t n = read(fd, &byte, 1);
    if (n == 1) return byte;
    if (n == 0 || (errno != EINTR && errno != EAGAIN)) return EOF;
  }
}

static void setup_readline(void) {
  rl_readline_name = "cresset";
  rl_attempted_completion_function = complete;
  rl_completer_word_break_characters = " \t\n\"'`@$><=;|&{}()[]+-*/%^~#,";
  rl_getc_function = read_key;
  key_fd = open("/dev/stdin", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  rl_variable_bind("enable-bracketed-paste", "on");
  open_history();
}

/* A line without its end, which the caller frees; NULL: no more. */
static char *read_plain(void) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t n;
  do {
    clearerr(stdin);
    n = getline(&line, &capacity, stdin);
  } while (n < 0 && errno == EINTR && !feof(stdin));
  if (n < 0) {
    free(line);
    return NULL;
  }
  if (n && line[n - 1] == '\n') line[n - 1] = '\0';
  return line;
}

static char *read_line(const char *prompt) {
  fflush(stdout);
  if (!is_terminal) return read_plain();
  line_dropped = false;
  char *line = readline(prompt);
  if (line && !line_dropped) remember(line);
  return line;
}

/* ---- running ---------------------------------------------------------------------------- */

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_time(double s) {
  if (s <= 1 || !is_terminal) return;
  if (s < 60)
    printf("\033[2m[%.1f s]\033[0m\n", s);
  else
    printf("\033[2m[%d min %.0f s]\033[0m\n", (int)(s / 60), s - 60 * (int)(s / 60));
}

/* Whether the prompt returns: everything but os.exit. */
static bool settle(int code) {
  if (code == CRESSET_EXIT) return false;
  if (code != CRESSET_OK) cr_report(cresset_error(interp));
  return true;
}

/* Compiles the text.  On CRESSET_OK, what body_compile says is on the stack. */
static int compile(const text *t) {
  lua_State *L = cresset_lua(interp);
  lua_pushcfunction(L, body_compile);
  lua_pushlightuserdata(L, t->bytes);
  return cresset_pcall(interp, 1, 2);
}

/* Calls the function at the top of the stack and shows its results. */
static bool call_and_show(bool visible) {
  lua_State *L = cresset_lua(interp);
  int base = lua_gettop(L) - 1;
  double start = seconds();
  int code = cresset_pcall(interp, 0, LUA_MULTRET);
  double spent = seconds() - start;
  bool on = settle(code);
  int n = lua_gettop(L) - base;
  if (code == CRESSET_OK && lua_checkstack(L, 3)) {
    lua_pushcfunction(L, body_show);
    lua_pushboolean(L, visible);
    lua_rotate(L, base + 1, 2);
    on = settle(cresset_pcall(interp, n + 1, 0));
  }
  lua_settop(L, base);
  if (on) print_time(spent);
  cr_take_sigint();
  return on;
}

/* Runs the text if it is whole; then it is cleared.  False: the user leaves. */
static bool run_text(text *t) {
  lua_State *L = cresset_lua(interp);
  bool on = true;
  int code = compile(t);
  if (code != CRESSET_OK) {
    on = settle(code);
    text_clear(t);
  } else if (lua_isfunction(L, -2)) {
    bool visible = lua_toboolean(L, -1);
    lua_pop(L, 1);
    text_clear(t);
    on = call_and_show(visible);
  } else if (lua_isstring(L, -1)) {
    cr_report(lua_tostring(L, -1));
    text_clear(t);
  }
  lua_settop(L, 0);
  return on;
}

static int body_is_free(lua_State *L) {
  lua_pushglobaltable(L);
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_rawget(L, -2);
  lua_pushboolean(L, lua_isnil(L, -1));
  return 1;
}

/* `exit` and `quit`, with or without (), unless the user has a global of that name. */
static bool is_leave(const char *line) {
  static const char *const words[] = {"exit", "quit"};
  lua_State *L = cresset_lua(interp);
  line += strspn(line, " \t");
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strncmp(line, words[i], 4)) continue;
    const char *rest = strncmp(line + 4, "()", 2) ? line + 4 : line + 6;
    if (!is_blank(rest)) continue;
    lua_pushcfunction(L, body_is_free);
    lua_pushlightuserdata(L, (void *)words[i]);
    bool leave = cresset_pcall(interp, 1, 1) == CRESSET_OK && lua_toboolean(L, -1);
    lua_settop(L, 0);
    return leave;
  }
  return false;
}

static void print_banner(bool torch7) {
  printf("Cresset %s, %s%s\n", cresset_version(), LUA_RELEASE, torch7 ? ", as Torch7's th" : "");
  printf("An expression shows its value, Tab completes a name, Ctrl-D leaves.\n");
}

static void loop(const char *prompt, const char *more) {
  text t = {NULL, 0, 0};
  for (bool on = true; on;) {
    char *line = read_line(t.length ? more : prompt);
    if (!line) break;
    if (line_dropped) {
      text_clear(&t);
    } else if (t.length == 0 && is_blank(line)) {
      /* nothing to run */
    } else if (t.length == 0 && is_leave(line)) {
      on = false;
    } else if (!text_add_line(&t, line)) {
      cr_report("not enough memory");
      text_clear(&t);
    } else {
      on = run_text(&t);
    }
    free(line);
  }
  free(t.bytes);
}

int cr_repl(cresset *c, bool torch7) {
  const char *no_color = getenv("NO_COLOR");
  bool color = !(no_color && *no_color);
  interp = c;
  is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  cr_patient_sigint();
  lua_State *L = cresset_lua(c);
  lua_pushcfunction(L, body_prepare);
  settle(cresset_pcall(c, 0, 0));
  if (is_terminal) {
    setup_readline();
    print_banner(torch7);
  }
  if (torch7)
    loop(color ? "\001\033[1;32m\002th> \001\033[0m\002" : "th> ", ">>> ");
  else
    loop(color ? "\001\033[1;32m\002> \001\033[0m\002" : "> ", ">> ");
  if (is_terminal) putchar('\n');
  drop_candidates();
  clear_history();
  if (key_fd >= 0) close(key_fd);
  return cresset_exit_code(c);
}
