/* test_emulation.cc: runs the emulation's tests; the last line is "N passed, N failed". */
#include "test_emulation.h"

#include <stdlib.h>
#include <string.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

static std::vector<test_case> &cases() {
  static std::vector<test_case> all;
  return all;
}

test_registration::test_registration(const test_case &c) {
  cases().push_back(c);
}

static int failed_checks;

void test_check(bool holds, const char *text, const char *file, int line) {
  if (holds) return;
  failed_checks++;
  printf("%s:%d: %s\n", file, line, text);
}

/* Runs this program again for one case; what it printed, and whether it ended well. */
static std::string run_child(const test_case &c, bool *well) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    if (c.setting) putenv(const_cast<char *>(c.setting));
    execl("/proc/self/exe", "test_emulation", "--child", c.name, (char *)nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::string output;
  char part[4096];
  ssize_t n;
  while ((n = read(ends[0], part, sizeof part)) > 0) output.append(part, (size_t)n);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  *well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return output;
}

static bool passes(const test_case &c) {
  if (c.kind == TEST_HERE) {
    int before = failed_checks;
    c.run();
    return failed_checks == before;
  }
  bool well;
  std::string output = run_child(c, &well);
  bool right = c.kind == TEST_DIES ? !well && output.find(c.expected) != std::string::npos
                                   : well && output == c.expected;
  if (!right)
    printf("  expected %s: %s\n  but it %s, with:\n%s\n", c.kind == TEST_DIES ? "death" : "output",
           c.expected, well ? "ended well" : "died", output.c_str());
  return right;
}

static void run_named(const char *name) {
  for (const test_case &c : cases())
    if (!strcmp(c.name, name)) c.run();
}

static void run_all_here() {
  for (const test_case &c : cases())
    if (c.kind == TEST_HERE) c.run();
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "--child")) {
    run_named(argv[2]);
    return failed_checks > 0;
  }
  for (const char *name : {"DEVICES", "MEMORY", "FAULT", "ORDER"})
    unsetenv((std::string("CRESSET_EMULATION_") + name).c_str());
  const char *only = argc == 2 ? argv[1] : "";
  int passed = 0, failed = 0;
  for (const test_case &c : cases()) {
    if (!strstr(c.name, only)) continue;
    bool ok = passes(c);
    if (!ok) printf("not ok - %s\n", c.name);
    ok ? passed++ : failed++;
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}

/* What works must work in every order. */
CHILD(everything_backward, "CRESSET_EMULATION_ORDER=backward", "") {
  run_all_here();
}
CHILD(everything_in_random_order, "CRESSET_EMULATION_ORDER=random:1", "") {
  run_all_here();
}
