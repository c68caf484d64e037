/* repl.c: the prompt: reads a chunk, runs it, shows what it gives. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "vm/editor.h"
#include "vm/program.h"

/* A longer chunk is not compiled again after each line while more lines wait: that would take time
 * that grows with the square of what is pasted. */
enum { LONG_CHUNK = 1 << 16 };

static cresset *interp;
static bool is_terminal; /* both ends are one: prompts, colours, line editing */

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
  return s[strspn(s, " \t\r\n")] == '\0';
}

/* ---- the Lua half ----------------------------------------------------------------------- */

/* Calls a function of it, with nargs arguments, as cresset_pcall does. */
static int call_guarded(int nargs, int nresults) {
  lua_State *L = cresset_lua(interp);
  cr_guard_enter(L);
  int code = cresset_pcall(interp, nargs, nresults);
  cr_guard_leave(L);
  return code;
}

static int body_prepare(lua_State *L) {
  cr_guard_open(L);
  cr_push_repl(L, "start");
  lua_call(L, 0, 0);
  return 0;
}

/* Gives the three results of repl.compile: a function and whether to show what it returns, or nil
 * and a message, or nil and nil for a chunk that goes on. */
static int body_compile(lua_State *L) {
  cr_push_repl(L, "compile");
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_call(L, 1, 2);
  return 2;
}

/* Arguments: whether to show them, then the results. */
static int body_show(lua_State *L) {
  cr_push_repl(L, "show");
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

static char *copy_text(lua_State *L, int index) {
  const char *s = lua_tostring(L, index);
  return s ? strdup(s) : NULL;
}

typedef struct {
  const char *text;
  size_t start;
  cr_completions *out;
} completion;

static const char completer_key; /* the registry's: words(text, start) of a prompt inside a chunk */

static int body_complete(lua_State *L) {
  completion *r = lua_touserdata(L, 1);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &completer_key) == LUA_TNIL) cr_push_repl(L, "complete");
  lua_pushstring(L, r->text);
  lua_pushinteger(L, (lua_Integer)r->start);
  lua_call(L, 2, 2);
  if (lua_istable(L, -2)) {
    size_t n = lua_rawlen(L, -2);
    r->out->words = calloc(n + 1, sizeof(char *));
    for (size_t i = 0; r->out->words && i < n; i++) {
      lua_rawgeti(L, -2, (lua_Integer)i + 1);
      r->out->words[i] = copy_text(L, -1);
      lua_pop(L, 1);
    }
  }
  r->out->hint = copy_text(L, -1);
  return 0;
}

/* Runs a body of one argument and drops what it leaves. */
static int run_body(lua_CFunction body, void *argument) {
  lua_State *L = cresset_lua(interp);
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, argument);
  return call_guarded(1, 0);
}

static void find_completions(const char *text, size_t start, cr_completions *out) {
  completion r = {text, start, out};
  if (run_body(body_complete, &r) != CRESSET_OK && !out->words)
    out->words = calloc(1, sizeof(char *)); /* none */
}

typedef struct {
  bool torch7, more;
  char text[64];
} prompt_request;

static int body_prompt(lua_State *L) {
  prompt_request *r = lua_touserdata(L, 1);
  cr_push_repl(L, "prompt");
  lua_pushboolean(L, r->torch7);
  lua_pushboolean(L, r->more);
  lua_call(L, 2, 1);
  snprintf(r->text, sizeof r->text, "%s", luaL_checkstring(L, -1));
  return 0;
}

/* Argument: a cr_typing. */
static int body_typing(lua_State *L) {
  cr_typing *typing = lua_touserdata(L, 1);
  cr_push_repl(L, "typing");
  lua_call(L, 0, 3);
  typing->draw = lua_toboolean(L, -3);
  typing->suggest = lua_toboolean(L, -2);
  typing->indent = lua_toboolean(L, -1);
  return 0;
}

static int body_begin(lua_State *L) {
  cr_push_repl(L, "begin");
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_call(L, 1, 0);
  return 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

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

/* What the prompt is now. */
static void ask_prompt(prompt_request *r, bool torch7, bool more) {
  r->torch7 = torch7;
  r->more = more;
  if (run_body(body_prompt, r) != CRESSET_OK) snprintf(r->text, sizeof r->text, "> ");
}

/* In colour where that is wanted. */
static const char *prompt(bool torch7, bool more) {
  static char colored[100];
  static prompt_request r;
  const char *no_color = getenv("NO_COLOR");
  ask_prompt(&r, torch7, more);
  if (more || (no_color && *no_color)) return r.text;
  snprintf(colored, sizeof colored, "\001\033[1;32m\002%s\001\033[0m\002", r.text);
  return colored;
}

/* Compiles the text.  On CRESSET_OK, what body_compile says is on the stack. */
static int compile(const char *bytes) {
  lua_State *L = cresset_lua(interp);
  lua_pushcfunction(L, body_compile);
  lua_pushlightuserdata(L, (void *)bytes);
  return call_guarded(1, 2);
}

/* A broken text is whole, too: it gives a message. */
static bool is_whole(const char *bytes) {
  lua_State *L = cresset_lua(interp);
  bool whole =
      is_blank(bytes) || compile(bytes) != CRESSET_OK || !lua_isnil(L, -2) || !lua_isnil(L, -1);
  lua_settop(L, 0);
  return whole;
}

/* Where there is no prompt but the debugger's, all is as it is usually. */
static void set_typing(cr_typing *typing) {
  if (run_body(body_typing, typing) != CRESSET_OK)
    typing->draw = typing->suggest = typing->indent = true;
  cr_editor_set(typing);
}

static char *read_line(bool torch7, const text *before, bool *dropped) {
  fflush(stdout);
  *dropped = false;
  if (!is_terminal) return read_plain();
  static prompt_request more;
  ask_prompt(&more, torch7, true);
  set_typing(&(cr_typing){.more = more.text, .is_whole = is_whole});
  return cr_editor_read(prompt(torch7, before->length > 0), before->length ? before->bytes : "",
                        dropped);
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

/* Calls the function at the top of the stack and shows its results. */
static bool call_and_show(bool visible) {
  lua_State *L = cresset_lua(interp);
  int base = lua_gettop(L) - 1;
  double start = seconds();
  int code = cresset_pcall(interp, 0, LUA_MULTRET);
  double spent = seconds() - start;
  cr_guard_hook(L);
  bool on = settle(code);
  int n = lua_gettop(L) - base;
  if (code == CRESSET_OK && lua_checkstack(L, 3)) {
    lua_pushcfunction(L, body_show);
    lua_pushboolean(L, visible);
    lua_rotate(L, base + 1, 2);
    on = settle(call_guarded(n + 1, 0));
    cr_guard_hook(L);
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
  int code = compile(t->bytes);
  if (code != CRESSET_OK) {
    on = settle(code);
    text_clear(t);
  } else if (lua_isfunction(L, -2)) {
    bool visible = lua_toboolean(L, -1);
    lua_pop(L, 1);
    run_body(body_begin, t->bytes);
    if (is_terminal) cr_editor_remember(t->bytes);
    text_clear(t);
    on = call_and_show(visible);
  } else if (lua_isstring(L, -1)) {
    cr_report(lua_tostring(L, -1));
    if (is_terminal) cr_editor_remember(t->bytes);
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
  printf("An expression shows its value, Tab completes, ? helps, Ctrl-D leaves.\n");
}

/* Of a text that the end of the input has cut off: nobody sees it, as on a terminal. */
static void report_rest(const char *bytes) {
  char message[160];
  snprintf(message, sizeof message, "the input ends before this is whole, it did not run: %.*s",
           (int)strcspn(bytes, "\n"), bytes);
  cr_report(message);
}

static void loop(bool torch7) {
  text t = {NULL, 0, 0};
  for (bool on = true, dropped; on;) {
    char *line = read_line(torch7, &t, &dropped);
    if (!line) break;
    if (dropped) {
      if (t.length || strchr(line, '\n')) cr_editor_remember(t.length ? t.bytes : line);
      text_clear(&t);
    } else if (t.length == 0 && is_blank(line)) {
      /* nothing to run */
    } else if (t.length == 0 && is_leave(line)) {
      on = false;
    } else if (!text_add_line(&t, line)) {
      cr_report("not enough memory");
      text_clear(&t);
    } else if (t.length < LONG_CHUNK || !is_terminal || !cr_editor_pending()) {
      on = run_text(&t);
    }
    free(line);
  }
  if (t.length && !is_terminal) report_rest(t.bytes);
  free(t.bytes);
}

static int body_init(lua_State *L) {
  cr_push_repl(L, "run_init");
  lua_call(L, 0, 0);
  return 0;
}

/* The start-up file.  False: it called os.exit. */
static bool run_init(void) {
  lua_State *L = cresset_lua(interp);
  lua_pushcfunction(L, body_init);
  bool on = settle(cresset_pcall(interp, 0, 0));
  cr_take_sigint();
  return on;
}

/* ---- a prompt inside a running chunk ---------------------------------------------------- */

static bool editor_is_open;

static void open_editor(void) {
  if (!editor_is_open) cr_editor_open(find_completions);
  editor_is_open = true;
}

/* read(prompt, words) -> a line, nil at the end; and whether Ctrl-C dropped it. */
static int l_read(lua_State *L) {
  const char *shown = luaL_checkstring(L, 1);
  bool dropped = false;
  lua_settop(L, 2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &completer_key);
  fflush(stdout);
  open_editor();
  set_typing(&(cr_typing){.more = ""});
  cr_take_sigint();
  char *line = cr_editor_read_inner(shown, &dropped);
  cr_take_sigint();
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &completer_key);
  lua_pushstring(L, line);
  free(line);
  lua_pushboolean(L, dropped);
  return 2;
}

/* edit(text): the user changes it in an editor of his own, and finds it at the next prompt. Whether
 * that went well. */
static int l_edit(lua_State *L) {
  const char *bytes = luaL_checkstring(L, 1);
  fflush(stdout);
  lua_pushboolean(L, cr_editor_edit(bytes));
  cr_take_sigint();
  return 1;
}

static int open_terminal(lua_State *L) {
  static const luaL_Reg functions[] = {{"read", l_read}, {"edit", l_edit}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

static int body_preload(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open_terminal);
  lua_setfield(L, -2, "cresset._terminal");
  return 0;
}

void cr_terminal(cresset *c) {
  interp = c;
  is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (is_terminal) run_body(body_preload, NULL);
}

int cr_repl(cresset *c, bool torch7, bool with_init) {
  interp = c;
  is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  cr_patient_sigint();
  lua_State *L = cresset_lua(c);
  lua_pushcfunction(L, body_prepare);
  settle(cresset_pcall(c, 0, 0));
  if (is_terminal) {
    open_editor();
    print_banner(torch7);
  }
  if (!with_init || run_init()) loop(torch7);
  if (is_terminal) {
    putchar('\n');
    cr_editor_close();
  }
  return cresset_exit_code(c);
}
