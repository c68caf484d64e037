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

/* Async-signal-safe enough for a process that is about to die. */
void say(const char *text) {
  char line[1024], where[512];
  describe_running(where, sizeof where);
  int n = snprintf(line, sizeof line, "%s: %s\n", where, text);
  if (write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0) return;
}

/* The previous action stays, so that the access, when it is repeated, does what it would have done.
 */
void on_fault(int, siginfo_t *info, void *) {
  char text[256];
  const void *address = info->si_addr;
  if (arena_contains(address)) {
    if (running)
      snprintf(text, sizeof text, "device code touched address %p, beyond all device memory",
               address);
    else
      snprintf(text, sizeof text, "host code touched device memory at %p", address);
    say(text);
  } else if (fibre_overflowed(address))
    say("the stack of a kernel's thread overflowed");
  else if (running)
    say("fault");
  sigaction(SIGSEGV, &previous_action, nullptr);
}

#if CR_ASAN
/* The first line of a report by AddressSanitizer says too little. */
void on_asan_report(const char *) {
  if (running) say("AddressSanitizer reports an error (see above)");
}
#endif

} // namespace

void install_handlers() {
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous_action);
#if CR_ASAN
  __asan_set_error_report_callback(on_asan_report);
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
