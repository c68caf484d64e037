/* main.c: the program `cresset`, also called `th`: its command line, scripts, and Ctrl-C. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "lib/packages.h"
#include "tensor/device.h"
#include "tensor/linalg.h"
#include "tensor/tensor.h"
#include "vm/cresset.h"
#include "vm/program.h"

static cresset *interp;

static int run_with(lua_CFunction body, const char *word);

/* ---- reports ---------------------------------------------------------------------------- */

static bool in_color(void) {
  const char *no_color = getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && !(no_color && *no_color);
}

static bool is_library_line(const char *line) {
  return strncmp(line, "\tlib/", 5) == 0 || strncmp(line, "\tnn/", 4) == 0 ||
         strncmp(line, "\tvm/", 4) == 0 || strncmp(line, "\t[C]", 4) == 0;
}

static void print_plain(const char *message) {
  bool color = in_color();
  for (const char *line = message; line;) {
    const char *end = strchr(line, '\n');
    int n = end ? (int)(end - line) : (int)strlen(line);
    if (color && is_library_line(line))
      fprintf(stderr, "\033[2m%.*s\033[0m\n", n, line);
    else
      fprintf(stderr, "%.*s\n", n, line);
    line = end ? end + 1 : NULL;
  }
}

/* The message with the script's lines, as vm/repl/errors.lua writes it. */
static int body_report(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cresset.repl.errors");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "report");
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_pushboolean(L, in_color());
  lua_call(L, 2, 1);
  fprintf(stderr, "%s\n", luaL_checkstring(L, -1));
  return 0;
}

/* How the last call ended is for those that ask when the interpreter closes; this one does not
 * count. */
static bool print_with_lines(char *message) {
  lua_State *L = cresset_lua(interp);
  lua_getfield(L, LUA_REGISTRYINDEX, CR_STATUS_KEY);
  bool ok = run_with(body_report, message) == CRESSET_OK;
  lua_setfield(L, LUA_REGISTRYINDEX, CR_STATUS_KEY);
  return ok;
}

void cr_report(const char *message) {
  char *copy = interp && isatty(STDERR_FILENO) ? strdup(message) : NULL;
  fflush(stdout);
  if (!copy || !print_with_lines(copy)) print_plain(copy ? copy : message);
  free(copy);
}

/* ---- Ctrl-C ----------------------------------------------------------------------------- */

static volatile sig_atomic_t sigint_seen, sigint_count, sigint_warns, sigint_warned;
static volatile int64_t last_sigint; /* milliseconds: of the first one, or of the warning */

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void warn_of_end(void) {
  static const char text[] = "\nA call into C goes on that Ctrl-C cannot stop. Once more ends the "
                             "program, and what it has in memory is lost.\n";
  ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
  (void)ignored;
  sigint_warned = 1;
  last_sigint = now();
}

/* The first one stops the script.  When that does not help for a second (a call into C that does
 * not return), the next ends the program as the signal would have; a prompt's says so first, and
 * the one after it, no sooner than a second later, does it. */
static void on_sigint(int sig) {
  int error = errno;
  sigint_seen = 1;
  if (sigint_count++ == 0) {
    last_sigint = now();
  } else if (now() - last_sigint >= 1000) {
    if (sigint_warns && !sigint_warned) {
      warn_of_end();
    } else {
      signal(sig, SIG_DFL);
      raise(sig);
    }
  }
  cresset_interrupt(interp);
  errno = error;
}

bool cr_take_sigint(void) {
  bool seen = sigint_seen;
  sigint_seen = sigint_count = sigint_warned = 0;
  return seen;
}

void cr_patient_sigint(void) {
  sigint_warns = 1;
}

/* Without SA_RESTART: io.read returns when the user presses Ctrl-C.  A file that may not grow
 * further is an error of the call that writes it, as a full disk is, and does not end the program.
 */
static void set_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_sigint;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  signal(SIGXFSZ, SIG_IGN);
}

/* ---- the command line ------------------------------------------------------------------- */

/* What `cresset NAME ..` runs instead of a script: the module gives a function of the list of words
 * that follow, which returns the exit code.  A script of that name is run as ./NAME. */
static const struct {
  const char *name, *module, *what;
} subcommands[] = {
    {"runs", "runs.command", "lists, compares and plots the runs of a folder"},
};
#define NSUBCOMMANDS (sizeof subcommands / sizeof *subcommands)

typedef struct {
  bool torch7, interactive, version, help, no_init, debug;
  const char *module; /* of a subcommand; NULL: none */
  int kernel[2];      /* --kernel=IN,OUT: where requests come from and answers go */
  bool has_code;      /* an -e was given */
  int script;         /* index into argv; argc: none */
  const char *bad;    /* the option that is wrong */
} command;

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The short options; those of -e and -l have an argument, in the same word or the next. */
static bool parse_short(command *cmd, int argc, char **argv, int *i) {
  const char *option = argv[*i];
  switch (option[1]) {
  case 'i': cmd->interactive = true; return option[2] == '\0';
  case 'v': cmd->version = true; return option[2] == '\0';
  case 'h': cmd->help = true; return option[2] == '\0';
  case 'e': cmd->has_code = true; /* fallthrough */
  case 'l':
    if (option[2] == '\0' && ++*i >= argc) {
      --*i;
      return false;
    }
    return true;
  }
  return false;
}

static bool parse_long(command *cmd, const char *option) {
  if (strcmp(option, "--torch7") == 0)
    cmd->torch7 = true;
  else if (strcmp(option, "--no-init") == 0)
    cmd->no_init = true;
  else if (strcmp(option, "--debug") == 0)
    cmd->debug = true;
  else if (strcmp(option, "--version") == 0)
    cmd->version = true;
  else if (strcmp(option, "--help") == 0)
    cmd->help = true;
  else
    return sscanf(option, "--kernel=%d,%d", &cmd->kernel[0], &cmd->kernel[1]) == 2;
  return true;
}

/* th had no subcommands, and gets none. */
static const char *subcommand(const command *cmd, int argc, char **argv) {
  for (size_t i = 0; i < NSUBCOMMANDS && argc > 1 && !cmd->torch7; i++)
    if (strcmp(argv[1], subcommands[i].name) == 0) return subcommands[i].module;
  return NULL;
}

static command parse(int argc, char **argv) {
  command cmd = {.torch7 = argc > 0 && strcmp(base_name(argv[0]), "th") == 0};
  int i = 1;
  cmd.module = subcommand(&cmd, argc, argv);
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    if (strcmp(argv[i], "--") == 0) {
      i++;
      break;
    }
    int option = i;
    bool ok = argv[i][1] == '-' ? parse_long(&cmd, argv[i]) : parse_short(&cmd, argc, argv, &i);
    if (!ok) {
      cmd.bad = argv[option];
      break;
    }
  }
  cmd.script = i < argc ? i : argc;
  return cmd;
}

static void print_help(FILE *f, const char *program) {
  fprintf(f,
          "usage: %s [options] [script [arguments]]\n"
          "  -e code      run the code\n"
          "  -l module    require the module and make it global\n"
          "  -i           the prompt after what else there is to run\n"
          "  -            run the standard input\n"
          "  --no-init    no start-up file (~/.config/cresset/init.lua) before the prompt\n"
          "  --debug      open the debugger after an error\n"
          "  --torch7     behave as Torch7's th did; the default when called th\n"
          "  -v           print the version\n"
          "  -h           print this\n"
          "Without a script: the prompt, or the standard input when that is no terminal.\n",
          program);
  fprintf(f, "\n");
  for (size_t i = 0; i < NSUBCOMMANDS; i++)
    fprintf(f, "       %s %s ..  %s (--help)\n", program, subcommands[i].name, subcommands[i].what);
  fprintf(f, "A script of such a name is run as ./%s\n", subcommands[0].name);
}

/* ---- running ---------------------------------------------------------------------------- */

/* The program's exit code for what a call of the interpreter gave.  Reports a failure. */
static int finish(int code) {
  switch (code) {
  case CRESSET_OK: return EXIT_SUCCESS;
  case CRESSET_EXIT: return cresset_exit_code(interp);
  case CRESSET_INTERRUPTED:
    cr_take_sigint();
    cr_report(cresset_error(interp));
    return 128 + SIGINT;
  }
  cr_report(cresset_error(interp));
  return EXIT_FAILURE;
}

/* require "name", as a global; "name=module" chooses the global's name. */
static int body_module(lua_State *L) {
  const char *word = lua_touserdata(L, 1), *equals = strchr(word, '=');
  lua_getglobal(L, "require");
  lua_pushstring(L, equals ? equals + 1 : word);
  lua_call(L, 1, 1);
  if (equals) {
    lua_pushglobaltable(L);
    lua_pushlstring(L, word, (size_t)(equals - word));
    lua_rotate(L, -3, -1); /* table, name, module */
    lua_settable(L, -3);
  } else {
    lua_setglobal(L, word);
  }
  return 0;
}

/* The subcommand's function, with the words after its name as a list. */
static int body_subcommand(lua_State *L) {
  lua_getglobal(L, "os");
  lua_getfield(L, -1, "exit");
  lua_getglobal(L, "require");
  lua_pushstring(L, lua_touserdata(L, 1));
  lua_call(L, 1, 1);
  lua_getglobal(L, "arg");
  lua_call(L, 1, 1);
  lua_call(L, 1, 0);
  return 0;
}

static int run_with(lua_CFunction body, const char *word) {
  lua_State *L = cresset_lua(interp);
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, (void *)word);
  return cresset_pcall(interp, 1, 0);
}

/* Runs the -e and -l options in their order, up to the first that fails. */
static int run_options(const command *cmd, char **argv) {
  for (int i = 1; i < cmd->script; i++) {
    char letter = argv[i][1];
    if (letter != 'e' && letter != 'l') continue;
    const char *text = argv[i][2] ? argv[i] + 2 : argv[++i];
    int code = letter == 'e' ? cresset_run_string(interp, "(command line)", text)
                             : run_with(body_module, text);
    if (code != CRESSET_OK) return code;
  }
  return CRESSET_OK;
}

/* Whether a failure leaves the user at the prompt instead of ending the program. */
static bool goes_on(const command *cmd, int code) {
  return code == CRESSET_OK || (cmd->interactive && code != CRESSET_EXIT);
}

static int body_debug(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cresset.repl.settings");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "set");
  lua_pushliteral(L, "pdb");
  lua_pushboolean(L, 1);
  lua_call(L, 2, 0);
  return 0;
}

/* %debug at the prompt that follows finds the frames in which the script failed. */
static int body_keep(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cresset._debugger");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "set");
  lua_pushliteral(L, "keeping");
  lua_pushboolean(L, 1);
  lua_call(L, 2, 0);
  return 0;
}

static int run(const command *cmd, int argc, char **argv) {
  if (cmd->debug && run_with(body_debug, NULL) != CRESSET_OK) return finish(CRESSET_ERROR);
  if (cmd->module) return finish(run_with(body_subcommand, cmd->module));
  if (cmd->interactive) run_with(body_keep, NULL);
  bool has_script = cmd->script < argc;
  int code = run_options(cmd, argv);
  if (!goes_on(cmd, code)) return finish(code);
  if (code != CRESSET_OK) finish(code);
  if (has_script) {
    code = cresset_run_file(interp, argv[cmd->script]);
    if (!goes_on(cmd, code)) return finish(code);
    if (code != CRESSET_OK) finish(code);
  }
  bool with_init = !cmd->no_init && !has_script && !cmd->has_code;
  if (cmd->kernel[1]) return cr_kernel(interp, cmd->kernel[0], cmd->kernel[1], with_init);
  if (cmd->interactive) return cr_repl(interp, cmd->torch7, with_init);
  if (has_script || cmd->has_code || cmd->version) return EXIT_SUCCESS;
  if (isatty(STDIN_FILENO)) return cr_repl(interp, cmd->torch7, with_init);
  return finish(cresset_run_file(interp, NULL));
}

/* Threads that spin for long while they wait cost dearly as soon as another process wants the
 * processor: a step of training then takes ten times as long.  Those that never spin are woken for
 * each loop, which takes longer than a million additions.  1000 rounds, some 20 microseconds,
 * bridge the gap between two loops.  The OpenMP library reads its settings when it is loaded,
 * before main, so the program starts itself once more with the right ones: GNU's goes by the
 * second, others by the first. */
static void wait_without_spinning(char **argv) {
  static const char mark[] = "CRESSET_SET_WAIT_POLICY";
  static const char *const settings[][2] = {{"OMP_WAIT_POLICY", "passive"},
                                            {"GOMP_SPINCOUNT", "1000"}};
  bool again = getenv(mark) != NULL;
  if (!again && (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))) return;
  if (!again) {
    for (int i = 0; i < 2; i++) setenv(settings[i][0], settings[i][1], 1);
    setenv(mark, "1", 1);
    execv("/proc/self/exe", argv);
  }
  /* the second start (or where that is not possible): children see the environment as it was */
  for (int i = 0; i < 2; i++) unsetenv(settings[i][0]);
  unsetenv(mark);
}

int main(int argc, char **argv) {
  wait_without_spinning(argv);
  command cmd = parse(argc, argv);
  if (cmd.bad) {
    fprintf(stderr, "%s: '%s' is no option, or lacks its argument\n", argv[0], cmd.bad);
    print_help(stderr, base_name(argv[0]));
    return EXIT_FAILURE;
  }
  if (!isatty(STDOUT_FILENO)) setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  if (cmd.help) {
    print_help(stdout, base_name(argv[0]));
    return EXIT_SUCCESS;
  }
  if (cmd.version) printf("Cresset %s, %s\n", cresset_version(), LUA_RELEASE);
  cresset_options options = {
      .torch7 = cmd.torch7,
      .argc = argc,
      .argv = argv,
      .script = cmd.script < argc ? cmd.script : 0,
  };
  interp = cresset_open(&options);
  if (!interp) {
    cr_report(cresset_error(NULL));
    return EXIT_FAILURE;
  }
  set_signals();
  cr_terminal(interp);
  int code = run(&cmd, argc, argv);
  if (code == EXIT_SUCCESS && !cr_devices_finish()) { /* what no call waited for */
    cr_report(cr_error());
    code = EXIT_FAILURE;
  }
  cresset *c = interp;
  interp = NULL;
  cresset_close(c);
  if (cr_lapack_left()) {
    fflush(NULL);
    _exit(code);
  }
  return code;
}
