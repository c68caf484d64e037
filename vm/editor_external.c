/* editor_external.c: the input in the user's own editor, $VISUAL or $EDITOR. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "vm/editor_parts.h"

extern char **environ;

enum { PATH_BYTES = 4096 };

static const char *editor_name(void) {
  const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
  return visual && *visual ? visual : editor && *editor ? editor : "vi";
}

/* Waits for the editor; it alone gets the terminal's signals.  Whether it went well. */
static bool run_editor(const char *path) {
  char command[PATH_BYTES];
  int n = snprintf(command, sizeof command, "%s \"$1\"", editor_name());
  if (n < 0 || n >= (int)sizeof command) return false;
  char *arguments[] = {"sh", "-c", command, "sh", (char *)path, NULL};
  struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
  posix_spawnattr_t attributes;
  sigset_t usual;
  pid_t pid;
  int status = -1;
  sigemptyset(&usual);
  sigaddset(&usual, SIGINT);
  sigaddset(&usual, SIGQUIT);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  sigaction(SIGINT, &ignore, &interrupt);
  sigaction(SIGQUIT, &ignore, &quit);
  if (posix_spawn(&pid, "/bin/sh", NULL, &attributes, arguments, environ) == 0)
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
  sigaction(SIGINT, &interrupt, NULL);
  sigaction(SIGQUIT, &quit, NULL);
  posix_spawnattr_destroy(&attributes);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  if (!f) return false;
  bool ok =
      fputs(text, f) >= 0 && (!*text || text[strlen(text) - 1] == '\n' || fputc('\n', f) >= 0);
  return fclose(f) == 0 && ok;
}

/* Without the blanks at its end; NULL: it cannot be read. */
static char *read_text(const char *path) {
  struct stat info;
  FILE *f = fopen(path, "r");
  char *text = f && fstat(fileno(f), &info) == 0 ? malloc((size_t)info.st_size + 1) : NULL;
  if (text) {
    size_t n = fread(text, 1, (size_t)info.st_size, f);
    while (n && strchr(" \t\r\n", text[n - 1])) n--;
    text[n] = '\0';
    for (char *p = text; p < text + n; p++)
      if (*p == '\0') *p = ' ';
  }
  if (f) fclose(f);
  return text;
}

/* What the user made of the text; NULL: nothing. */
static char *edit(const char *text) {
  char folder[PATH_BYTES], path[PATH_BYTES + 16];
  const char *place = getenv("TMPDIR");
  int n = snprintf(folder, sizeof folder, "%s/cresset-XXXXXX", place && *place ? place : "/tmp");
  if (n < 0 || n >= (int)sizeof folder || !mkdtemp(folder)) return NULL;
  snprintf(path, sizeof path, "%s/input.lua", folder);
  char *changed = write_text(path, text) && run_editor(path) ? read_text(path) : NULL;
  unlink(path);
  rmdir(folder); /* stays if the editor has left something there */
  return changed;
}

/* ---- Ctrl-X Ctrl-E ---------------------------------------------------------------------- */

static int edit_line(int count, int key) {
  (void)count, (void)key;
  if (cr_drawing) {
    cr_draw_leave();
    fputs("\r\n", rl_outstream);
  } else {
    rl_crlf();
  }
  fflush(rl_outstream);
  if (rl_deprep_term_function) rl_deprep_term_function();
  char *changed = edit(rl_line_buffer);
  if (rl_prep_term_function) rl_prep_term_function(1);
  if (changed) {
    rl_begin_undo_group();
    rl_delete_text(0, rl_end);
    rl_point = 0;
    rl_insert_text(changed);
    rl_end_undo_group();
    free(changed);
  } else {
    rl_ding();
  }
  rl_forced_update_display();
  return 0;
}

void cr_external_open(void) {
  rl_bind_keyseq_if_unbound("\\C-x\\C-e", edit_line);
}

/* ---- %edit ------------------------------------------------------------------------------ */

static char *waiting; /* for the next prompt */

bool cr_editor_edit(const char *text) {
  free(waiting);
  waiting = edit(text);
  return waiting != NULL;
}

int cr_external_insert(void) {
  if (waiting) rl_insert_text(waiting);
  free(waiting);
  waiting = NULL;
  return 0;
}

void cr_external_close(void) {
  free(waiting);
  waiting = NULL;
}
