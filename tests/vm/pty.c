/* pty.c: types at a program through a pseudo-terminal, for tests of the prompt.
 *
 *   pty program [arguments] < commands
 *
 * Each line of the standard input is a command:
 *   send TEXT    types the text; \n \t \e \\ and \xHH as in C
 *   wait TEXT    reads what the program prints until TEXT comes, after what was waited for before
 *   not TEXT     fails if what was read since the last `wait` has TEXT
 *   sleep MS     waits so many milliseconds
 *   runs MS      waits until the program reads no keys, and so many milliseconds more
 *   paste N      pastes `x = [[`, N bytes in lines of 80, and `]]`, marked as terminals mark pastes
 *   shows TEXT   waits until what is on the screen ends with TEXT, colours dropped
 *   cursor U C   waits until the cursor is U rows above the last that is not blank, in column C
 *                from 0
 *   resize R C   makes the window R rows by C columns
 *   type FILE    types a file as fast as the program takes it, and forgets what it prints
 *   end CODE     waits for the program's end with that exit code, 128 + n for signal n
 * Ends with 0 when all went well; otherwise says what went wrong and shows what was printed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

enum { PATIENCE = 20000, MOST_OUTPUT = 1 << 20 }; /* milliseconds, bytes */

static pid_t child;
static int terminal;
static char output[MOST_OUTPUT + 1];
static size_t length, matched; /* of output: read, and passed by `wait` */

static long milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool fail(const char *what, const char *text) {
  fprintf(stderr, "pty: %s: %s\n---- printed:\n%s\n---- the screen:\n%s\n----\n", what, text,
          output, screen_text());
  kill(child, SIGKILL);
  return false;
}

/* Drops what was passed by `wait`, and of the rest all but the last part if it is long. */
static void make_room(void) {
  size_t drop = matched;
  if (length - drop > MOST_OUTPUT / 2) drop = length - MOST_OUTPUT / 4;
  memmove(output, output + drop, length - drop + 1);
  length -= drop;
  matched -= matched < drop ? matched : drop;
}

/* Reads what there is within ms.  False: the program has closed its side. */
static bool read_some(int ms) {
  struct pollfd p = {.fd = terminal, .events = POLLIN};
  if (length > MOST_OUTPUT / 4 * 3) make_room();
  if (poll(&p, 1, ms) <= 0) return true;
  ssize_t n = read(terminal, output + length, MOST_OUTPUT - length);
  if (n <= 0) return false;
  screen_print(output + length, (size_t)n);
  for (ssize_t i = 0; i < n; i++)
    if (output[length + (size_t)i] == '\0') output[length + (size_t)i] = ' ';
  length += (size_t)n;
  output[length] = '\0';
  return true;
}

/* Types bytes while reading what is printed, so that neither side waits for the other. */
static bool type_long(const char *bytes, size_t n) {
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  bool ok = true;
  for (size_t done = 0; ok && done < n;) {
    ssize_t written = write(terminal, bytes + done, n - done < 1024 ? n - done : 1024);
    if (written > 0) done += (size_t)written;
    ok = (written >= 0 || errno == EAGAIN) && read_some(written > 0 ? 0 : 10);
  }
  fcntl(terminal, F_SETFL, 0);
  return ok;
}

static bool paste(size_t n) {
  static const char begin[] = "\033[200~x = [[\n", end[] = "]]\033[201~";
  char line[81];
  memset(line, 'a', 79);
  line[79] = '\n';
  bool ok = type_long(begin, sizeof begin - 1);
  for (size_t done = 0; ok && done < n; done += 80) ok = type_long(line, 80);
  return ok && type_long(end, sizeof end - 1);
}

static bool resize(const char *text) {
  unsigned rows = 0, columns = 0;
  if (sscanf(text, "%u %u", &rows, &columns) != 2) return false;
  if (rows > MOST_ROWS || columns > MOST_COLUMNS) return false;
  screen_resize((int)rows, (int)columns);
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  return ioctl(terminal, TIOCSWINSZ, &size) == 0;
}

static bool wait_for(const char *text) {
  for (long end = milliseconds() + PATIENCE; milliseconds() < end;) {
    char *found = strstr(output + matched, text);
    if (found) {
      matched = (size_t)(found - output) + strlen(text);
      return true;
    }
    if (!read_some(100) && !strstr(output + matched, text)) break;
  }
  return fail("did not come", text);
}

static bool shows(const char *text) {
  const char *all = screen_text();
  size_t n = strlen(text), length_of_all = strlen(all);
  return length_of_all >= n && strcmp(all + length_of_all - n, text) == 0;
}

static bool cursor_at(const char *text) {
  int up, column, wanted_up = 0, wanted_column = 0;
  screen_cursor(&up, &column);
  return sscanf(text, "%d %d", &wanted_up, &wanted_column) == 2 && up == wanted_up &&
         column == wanted_column;
}

/* Also looks a little later: what comes after must not change it. */
static bool wait_until(bool (*is_so)(const char *text), const char *text) {
  for (long end = milliseconds() + PATIENCE; milliseconds() < end;) {
    if (is_so(text)) {
      read_some(30);
      if (is_so(text)) return true;
    }
    if (!read_some(50)) break;
  }
  return fail("is not on the screen", text);
}

/* What is not awaited any more makes room. */
static void forget(void) {
  length = matched = 0;
  output[0] = '\0';
}

static bool type_file(const char *path) {
  static char text[1 << 20];
  FILE *f = fopen(path, "r");
  size_t n = f ? fread(text, 1, sizeof text, f) : 0, at = 0;
  if (f) fclose(f);
  fcntl(terminal, F_SETFL, fcntl(terminal, F_GETFL) | O_NONBLOCK);
  for (long end = milliseconds() + 3 * PATIENCE; at < n && milliseconds() < end;) {
    struct pollfd p = {.fd = terminal, .events = POLLIN | POLLOUT};
    poll(&p, 1, 100);
    if (p.revents & (POLLIN | POLLHUP)) {
      forget();
      if (!read_some(0)) return fail("ended while a file was typed", path);
    }
    if (!(p.revents & POLLOUT)) continue;
    ssize_t written = write(terminal, text + at, n - at < 200 ? n - at : 200);
    if (written > 0) at += (size_t)written;
  }
  fcntl(terminal, F_SETFL, fcntl(terminal, F_GETFL) & ~O_NONBLOCK);
  forget();
  return (n && at == n) || fail("was not taken", path);
}

static bool wait_end(int code) {
  int status = 0;
  for (long end = milliseconds() + PATIENCE; milliseconds() < end;) {
    read_some(20);
    if (waitpid(child, &status, WNOHANG) != child) continue;
    if ((WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)) == code) return true;
    char text[80];
    snprintf(text, sizeof text, "exit code %d, signal %d",
             WIFEXITED(status) ? WEXITSTATUS(status) : -1,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return fail("ended otherwise", text);
  }
  return fail("did not end", "");
}

static bool wait_awhile(int ms) {
  for (long end = milliseconds() + ms; milliseconds() < end;)
    if (!read_some(10)) break;
  return true;
}

/* Whether the terminal gives whole lines, as it does while no line is edited. */
static bool gives_lines(const char *unused) {
  struct termios t;
  (void)unused;
  return tcgetattr(terminal, &t) == 0 && (t.c_lflag & ICANON) != 0;
}

/* In place. */
static void unescape(char *s) {
  char *to = s;
  for (; *s; s++) {
    if (*s != '\\') {
      *to++ = *s;
      continue;
    }
    s++;
    if (*s == 'x') {
      char hex[3] = {s[1], s[2], '\0'};
      *to++ = (char)strtol(hex, NULL, 16);
      s += 2;
    } else {
      *to++ = *s == 'n' ? '\n' : *s == 't' ? '\t' : *s == 'e' ? '\033' : *s;
    }
  }
  *to = '\0';
}

static bool obey(const char *verb, char *text) {
  unescape(text);
  if (strcmp(verb, "send") == 0)
    return write(terminal, text, strlen(text)) >= 0 || fail("cannot type", text);
  if (strcmp(verb, "wait") == 0) return wait_for(text);
  if (strcmp(verb, "shows") == 0) return wait_until(shows, text);
  if (strcmp(verb, "cursor") == 0) return wait_until(cursor_at, text);
  if (strcmp(verb, "type") == 0) return type_file(text);
  if (strcmp(verb, "end") == 0) return wait_end(atoi(text));
  if (strcmp(verb, "paste") == 0) return paste((size_t)atol(text)) || fail("cannot paste", text);
  if (strcmp(verb, "resize") == 0) return resize(text) || fail("cannot resize", text);
  if (strcmp(verb, "not") == 0)
    return !strstr(output + matched, text) || fail("should not have come", text);
  if (strcmp(verb, "sleep") == 0) return wait_awhile(atoi(text));
  if (strcmp(verb, "runs") == 0) return wait_until(gives_lines, text) && wait_awhile(atoi(text));
  return fail("no such command", verb);
}

static bool obey_all(void) {
  char line[4096];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    char *text = line + strcspn(line, " ");
    if (*text) *text++ = '\0';
    if (*line && !obey(line, text)) return false;
  }
  return true;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct winsize size = {.ws_row = 40, .ws_col = 120};
  screen_open(size.ws_row, size.ws_col);
  child = forkpty(&terminal, NULL, NULL, &size);
  if (child < 0) {
    perror("forkpty");
    return 2;
  }
  if (child == 0) {
    execv(argv[1], argv + 1);
    _exit(127);
  }
  bool ok = obey_all();
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return ok ? 0 : 1;
}
