/* report.cc: how the emulation says what is wrong: one line that names what runs, then abort(). */
#include "internal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if CR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulation {

const char *running;

void fill_pattern(void *p, size_t bytes) {
  static const unsigned char pattern[16] = {0xfd, 0x7f, 0xfd, 0x7f, 0xfd, 0x7f, 0xfd, 0x7f,
                                            0xfd, 0x7f, 0xfd, 0x7f, 0xfd, 0x7f, 0xfd, 0x7f};
  char *to = static_cast<char *>(p);
  for (; bytes >= sizeof pattern; bytes -= sizeof pattern, to += sizeof pattern)
    memcpy(to, pattern, sizeof pattern);
  memcpy(to, pattern, bytes);
}

void describe_running(char *text, size_t size) {
  int n = running ? snprintf(text, size, "cuda emulation: %s", running)
                  : snprintf(text, size, "cuda emulation");
  if ((size_t)n < size) describe_place(text + n, size - (size_t)n);
}

namespace {

struct sigaction previous_action;
bool said;

/* Async-signal-safe enough for a process that is about to die. */
void say(const char *text) {
  char line[1024], where[512];
  describe_running(where, sizeof where);
  int n = snprintf(line, sizeof line, "%s: %s\n", where, text);
  said = true;
  if (write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0) return;
}

void say_host_touched(const void *address) {
  char text[128];
  snprintf(text, sizeof text, "host code touched device memory at %p", address);
  say(text);
}

/* The previous action stays, so that the access, when it is repeated, does what it would have done.
 */
void on_fault(int, siginfo_t *info, void *) {
  char text[128];
  const void *address = info->si_addr;
  if (arena_contains(address) && !running) {
    say_host_touched(address);
  } else if (arena_contains(address)) {
    snprintf(text, sizeof text, "device code touched %p, beyond all device memory", address);
    say(text);
  } else if (fibre_overflowed(address))
    say("the stack of a kernel's thread overflowed");
  else if (running)
    say("segmentation fault");
  sigaction(SIGSEGV, &previous_action, nullptr);
}

#if CR_ASAN
/* Sanitizers say what is wrong and where in the source, but not in which thread of which kernel. */
void on_death() {
  const void *address = __asan_report_present() ? __asan_get_report_address() : nullptr;
  if (said)
    return;
  else if (running)
    say("a sanitizer found an error, see above");
  else if (arena_contains(address))
    say_host_touched(address);
}
#endif

} // namespace

/* A thread whose stack overflowed cannot run a handler on it. */
class signal_stack {
public:
  signal_stack() : memory(nullptr) {
    stack_t now;
    if (sigaltstack(nullptr, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return;
    memory = malloc(BYTES);
    stack_t ours = {};
    ours.ss_sp = memory;
    ours.ss_size = BYTES;
    if (memory) sigaltstack(&ours, nullptr);
  }
  ~signal_stack() {
    if (!memory) return;
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    free(memory);
  }
  signal_stack(const signal_stack &) = delete;
  signal_stack &operator=(const signal_stack &) = delete;

private:
  static constexpr size_t BYTES = 64 << 10;
  void *memory;
};

void use_signal_stack() {
  static thread_local signal_stack stack;
  (void)stack;
}

void install_handlers() {
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous_action);
#if CR_ASAN
  __sanitizer_set_death_callback(on_death);
#endif
}

} // namespace emulation

void cr_emulation_report(const char *format, ...) {
  char text[768], where[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  emulation::describe_running(where, sizeof where);
  fflush(stdout);
  fprintf(stderr, "%s: %s\n", where, text);
  abort();
}
