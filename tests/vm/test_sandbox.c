/* test_sandbox.c: restricted interpreters, and the choice of libraries.
 *
 * What scripts try is in tests/vm/sandbox/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vm/cresset.h"

#define SECONDS 0.2
#define SLACK 3.0 /* how much later a script may end where the machine is busy */

static const cresset_options strict = {.restricted = 1,
                                       .lua_memory = 32 << 20,
                                       .tensor_memory = 32 << 20,
                                       .seconds = SECONDS,
                                       .threads = 2};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void assert_has(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("'%s' is not in: %s", part, text);
}

static cresset *open_strict(double seconds) {
  cresset_options o = strict;
  o.seconds = seconds;
  cresset *c = cresset_open(&o);
  if (!c) fail_msg("%s", cresset_error(NULL));
  return c;
}

/* ---- the parts of a file ---------------------------------------------------------------- */

static char *read_file(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s: %s", path, strerror(errno));
  char *text = calloc(1, 1 << 18);
  assert_non_null(text);
  assert_true(fread(text, 1, (1 << 18) - 1, f) > 0);
  fclose(f);
  return text;
}

/* Calls run(name, code) for each part, which begins with a line "--- name". */
static int each_part(const char *path, int (*run)(const char *name, const char *code)) {
  char *text = read_file(path), *part = strstr(text, "\n--- ");
  int failures = 0, count = 0;
  while (part) {
    char *name = part + 5, *next = strstr(name, "\n--- ");
    if (next) *next = '\0';
    char *code = strchr(name, '\n');
    *code++ = '\0';
    failures += run(name, code);
    count++;
    part = next;
  }
  free(text);
  print_message("%s: %d parts\n", path, count);
  assert_true(count > 10);
  return failures;
}

/* ---- escapes ---------------------------------------------------------------------------- */

static const char helpers[] = "function refused(f, ...)\n"
                              "  local results = table.pack(pcall(f, ...))\n"
                              "  if results[1] and results[2] ~= nil then\n"
                              "    error('it was not refused: ' .. tostring(results[2]), 2)\n"
                              "  end\n"
                              "end\n"
                              "function absent(value)\n"
                              "  if value ~= nil then error('it is there', 2) end\n"
                              "end";

static int run_escape(const char *name, const char *code) {
  cresset_options o = strict;
  o.seconds = 60;
  cresset *c = cresset_open(&o);
  assert_non_null(c);
  int status = cresset_run_string(c, "helpers", helpers);
  if (!status) status = cresset_run_string(c, "escape", code);
  if (status) print_message("%s: %s\n", name, cresset_error(c));
  cresset_close(c);
  return status != CRESSET_OK;
}

static void test_escapes(void **state) {
  (void)state;
  assert_int_equal(each_part("tests/vm/sandbox/escapes.txt", run_escape), 0);
}

/* ---- limits ----------------------------------------------------------------------------- */

static cresset *other; /* goes on meanwhile */
static double latest;
static char latest_name[80];

static int code_of(const char *word) {
  static const struct {
    const char *word;
    int code;
  } codes[] = {{"time", CRESSET_TIME},
               {"memory", CRESSET_NO_MEMORY},
               {"error", CRESSET_ERROR},
               {"exit", CRESSET_EXIT}};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (strcmp(word, codes[i].word) == 0) return codes[i].code;
  fail_msg("'%s' is no result", word);
  return -1;
}

static int run_limit(const char *name, const char *code) {
  const char *colon = strrchr(name, ':');
  int wanted = code_of(colon + 2);
  /* what is to end by itself must not get to the time first where the machine is slow */
  double seconds = wanted == CRESSET_TIME ? SECONDS : 600;
  cresset *c = open_strict(seconds);
  double begun = now();
  int got = cresset_run_string(c, "limit", code);
  double late = now() - begun - seconds;
  bool ok = got == wanted && late < SLACK;
  if (late > latest) {
    latest = late;
    snprintf(latest_name, sizeof latest_name, "%s", name);
  }
  if (getenv("VERBOSE")) print_message("%s: %d, %.3f s\n", name, got, late + seconds);
  if (!ok)
    print_message("%s: got %d after %.3f s: %.300s\n", name, got, late + seconds, cresset_error(c));
  int again = cresset_run_string(c, "after", "x = 1 + 1 assert(x == 2)");
  if (again && got != CRESSET_NO_MEMORY) {
    print_message("%s: afterwards: %s\n", name, cresset_error(c));
    ok = false;
  }
  cresset_close(c);
  assert_int_equal(cresset_run_string(other, NULL, "n = (n or 0) + torch.ones(2):sum()"), 0);
  return !ok;
}

static void test_limits(void **state) {
  (void)state;
  other = cresset_open(NULL);
  assert_non_null(other);
  assert_int_equal(each_part("tests/vm/sandbox/limits.txt", run_limit), 0);
  print_message("the latest: %s, %.0f ms after its time\n", latest_name, latest * 1e3);
  cresset_close(other);
}

static void test_instructions(void **state) {
  (void)state;
  cresset_options o = strict;
  o.seconds = 0;
  o.instructions = 100000;
  cresset *c = cresset_open(&o);
  assert_non_null(c);
  assert_int_equal(cresset_run_string(c, NULL, "while true do pcall(error) end"), CRESSET_TIME);
  const char *handled =
      "xpcall(function() while true do end end, function() while true do end end)";
  assert_int_equal(cresset_run_string(c, NULL, handled), CRESSET_TIME);
  assert_int_equal(cresset_run_string(c, NULL, "for i = 1, 100 do end"), CRESSET_OK);
  cresset_close(c);
}

/* ---- no file is opened ------------------------------------------------------------------ */

/* What a script's functions may ask of the system; anything else ends the process. */
static const int harmless[] = {
    SYS_read,
    SYS_write,
    SYS_writev,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_sched_yield,
    SYS_clock_gettime,
    SYS_getpid,
    SYS_gettid,
    SYS_tgkill,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_exit,
    SYS_exit_group,
    SYS_clone,
    SYS_set_robust_list,
    SYS_gettimeofday,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_times,
    SYS_getrusage,
    SYS_sched_getaffinity,
    SYS_ioctl,
    SYS_fstat,
    SYS_lseek,
    SYS_close,
    SYS_sysinfo,
    SYS_getcpu,
    SYS_time,
    SYS_restart_syscall,
#ifdef SYS_clone3
    SYS_clone3,
#endif
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_newfstatat
    SYS_getrandom,
#endif
    SYS_sigaltstack,
    SYS_uname,
};

static char *progress; /* shared with the child: what it is calling */

static void on_forbidden(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)context;
  char text[200];
  int n = snprintf(text, sizeof text, "a script reached system call %d: %s\n", info->si_syscall,
                   progress);
  if (write(2, text, (size_t)n) < 0) _exit(4);
  _exit(3);
}

static bool forbid(void) {
  enum { N = sizeof harmless / sizeof *harmless };
  struct sock_filter code[N + 3];
  int n = 0;
  code[n++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < N; i++)
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)harmless[i],
                                             (unsigned char)(N - i), 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {(unsigned short)n, code};
  struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int tell(cresset *c, void *user) {
  const char *name;
  (void)user;
  if (cresset_arguments(c, "s", &name)) return CRESSET_ERROR;
  snprintf(progress, 4096, "%s", name);
  return CRESSET_OK;
}

static void discard(void *user, int stream, const char *text, size_t length) {
  (void)user, (void)stream, (void)text, (void)length;
}

/* Calls every function in reach with arguments that look like files; in the child. */
static int walk(void) {
  cresset_options o = strict;
  o.seconds = 1;
  o.write = discard;
  cresset *c = cresset_open(&o);
  char *code = read_file("tests/vm/sandbox/walk.lua");
  long long n = 0;
  tzset();
  if (!c || cresset_register(c, NULL, "tell", tell, NULL) || cresset_run_string(c, "walk", code))
    return print_message("%s\n", cresset_error(c)), 1;
  free(code);
  if (cresset_call(c, "prepare", ">l", &n)) return print_message("%s\n", cresset_error(c)), 1;
  if (n < 1000 || !forbid()) return 2;
  for (long long i = 1; i <= n; i++) {
    int status = cresset_call(c, "try", "l", i);
    if (status == CRESSET_ERROR) /* the walk's own functions fail in nothing */
      return print_message("%s: %s\n", progress, cresset_error(c)), 1;
  }
  return 0;
}

static void test_no_files(void **state) {
  (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  skip(); /* they open files themselves */
#endif
  if (getenv("LD_PRELOAD")) skip(); /* valgrind does not know of the filter */
  progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(progress != MAP_FAILED);
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) _exit(walk());
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) fail_msg("signal %d in %s", WTERMSIG(status), progress);
  if (WEXITSTATUS(status) == 2) skip(); /* no such filters here */
  assert_int_equal(WEXITSTATUS(status), 0);
  munmap(progress, 4096);
}

/* ---- what stands in for functions of Lua's does the same -------------------------------- */

/* Prints the first line in which the two differ. */
static void show_difference(const char *a, const char *b) {
  while (*a && strcspn(a, "\n") == strcspn(b, "\n") && !strncmp(a, b, strcspn(a, "\n"))) {
    size_t n = strcspn(a, "\n");
    a += n + (a[n] != 0);
    b += n + (b[n] != 0);
  }
  print_message("Lua:  %.*s\nours: %.*s\n", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static void compare(const char *path, int batches, int count) {
  cresset_options o = {.restricted = 1};
  cresset *c[2] = {cresset_open(NULL), cresset_open(&o)};
  char *code = read_file(path);
  for (int i = 0; i < 2; i++)
    if (!c[i] || cresset_run_string(c[i], path, code)) fail_msg("%s", cresset_error(c[i]));
  free(code);
  for (int seed = 1; seed <= batches; seed++) {
    const char *text[2];
    size_t n[2];
    for (int i = 0; i < 2; i++)
      if (cresset_call(c[i], "batch", "ii>z", seed, count, &text[i], &n[i]))
        fail_msg("%s", cresset_error(c[i]));
    if (n[0] != n[1] || memcmp(text[0], text[1], n[0]) != 0) {
      show_difference(text[0], text[1]);
      fail_msg("%s: batch %d differs", path, seed);
    }
  }
  cresset_close(c[0]);
  cresset_close(c[1]);
}

static void test_patterns(void **state) {
  (void)state;
  compare("tests/vm/sandbox/patterns.lua", 100, 300);
}

static void test_tables(void **state) {
  (void)state;
  compare("tests/vm/sandbox/tables.lua", 20, 200);
}

/* ---- libraries -------------------------------------------------------------------------- */

static void run_with(cresset_options o, const char *code) {
  cresset *c = cresset_open(&o);
  if (!c) fail_msg("%s", cresset_error(NULL));
  if (cresset_run_string(c, NULL, code)) fail_msg("%s: %s", o.libraries, cresset_error(c));
  cresset_close(c);
}

static void refuse(cresset_options o, const char *message) {
  assert_null(cresset_open(&o));
  assert_has(cresset_error(NULL), message);
}

static void test_libraries(void **state) {
  (void)state;
  run_with((cresset_options){.libraries = "string math nn"},
           "assert(string and math and not (io or os or debug or table or utf8 or coroutine))\n"
           "assert(torch.ones(2):sum() == 2 and dofile and load and print)\n"
           "local nn = require 'nn'\n"
           "assert(nn.Linear(2, 2):forward(torch.ones(2)):nElement() == 2)\n"
           "for _, name in next, {'io', 'os', 'debug', 'optim', 'paths', 'cresset._debugger'} do\n"
           "  assert(not pcall(require, name), name)\n"
           "end\n"
           "assert(not package.loaded.io and not package.loaded.debug)\n"
           "assert(not pcall(torch.load, '/nonexistent.t7'))");
  run_with((cresset_options){.libraries = ""}, "assert(not string and torch and ('x'):rep(2))");
  run_with((cresset_options){.libraries = "io os"},
           "assert(io.open('/dev/null'):close() and os.getenv('PATH'))");
  run_with((cresset_options){.libraries = "io os string", .restricted = 1},
           "assert(string and not io.open and not os.getenv and not table and not debug)\n"
           "assert(not pcall(require, 'nn'))");
  run_with((cresset_options){.libraries = " nn  json ", .restricted = 1, .torch7 = 1},
           "assert(require('json').encode({1}) == '[1]' and require 'nn' and unpack)\n"
           "assert(not pcall(require, 'optim') and not pcall(require, 'paths'))");
  refuse((cresset_options){.libraries = "string strings"}, "there is no library 'strings'");
  refuse((cresset_options){.libraries = "nn.functional"}, "there is no library");
  refuse((cresset_options){.libraries = "paths", .restricted = 1}, "is not for restricted scripts");
}

/* The host may name folders with Lua files for its restricted scripts. */
static void test_path(void **state) {
  (void)state;
  char folder[] = "/tmp/cresset-test-XXXXXX", file[100], path[100], code[300];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/?.lua", folder);
  snprintf(file, sizeof file, "%s/mine.lua", folder);
  FILE *f = fopen(file, "w");
  assert_non_null(f);
  fprintf(f, "assert(not io.open) return {value = 3, name = ...}");
  fclose(f);
  snprintf(code, sizeof code,
           "assert(require('mine').value == 3 and require('mine').name == 'mine')\n"
           "assert(not pcall(require, '..%s.mine') and not pcall(require, './mine'))\n"
           "assert(not pcall(require, 'byte'))",
           folder + 5);
  run_with((cresset_options){.restricted = 1, .path = path}, code);
  snprintf(path, sizeof path, "%s/?.lua", folder);
  char byte[100];
  snprintf(byte, sizeof byte, "%s/byte.lua", folder);
  f = fopen(byte, "w");
  assert_non_null(f);
  fprintf(f, "\033Lua");
  fclose(f);
  run_with((cresset_options){.restricted = 1, .path = path}, code);
  unlink(byte);
  unlink(file);
  rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escapes),      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_instructions), cmocka_unit_test(test_no_files),
      cmocka_unit_test(test_patterns),     cmocka_unit_test(test_tables),
      cmocka_unit_test(test_libraries),    cmocka_unit_test(test_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
