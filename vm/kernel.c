/* kernel.c: the prompt for another program, a notebook's kernel, which sends requests as lines of
 * JSON on one pipe and gets answers as lines on another.
 *
 * The Lua half, vm/kernel/init.lua, says what the lines mean.  It is called from here, once for
 * each request, because Ctrl-C stops the outermost call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "vm/program.h"

static cresset *interp;
static int answers;

/* What came of requests, and is not used yet.  No FILE: one loses what it has of a line when a
 * signal comes. */
static struct {
  int fd;
  char *bytes;
  size_t begin, end, room;
} requests;

/* ---- lines ------------------------------------------------------------------------------ */

/* Room for more bytes at the end. */
static bool make_room(void) {
  if (requests.begin > 0) {
    memmove(requests.bytes, requests.bytes + requests.begin, requests.end - requests.begin);
    requests.end -= requests.begin;
    requests.begin = 0;
  }
  if (requests.end < requests.room) return true;
  size_t room = requests.room ? 2 * requests.room : 1 << 16;
  char *bytes = realloc(requests.bytes, room);
  if (!bytes) return false;
  requests.bytes = bytes;
  requests.room = room;
  return true;
}

typedef enum { LINE, END, SIGNAL } arrival;

/* The next line, which stays there until the next call, and its length; SIGNAL when one came while
 * it was waited for. */
static arrival read_line(const char **line, size_t *n) {
  size_t seen = requests.begin;
  for (;;) {
    char *from = requests.bytes + seen;
    char *feed = requests.end > seen ? memchr(from, '\n', requests.end - seen) : NULL;
    if (feed) {
      *line = requests.bytes + requests.begin;
      *n = (size_t)(feed - *line);
      requests.begin += *n + 1;
      return LINE;
    }
    seen = requests.end - requests.begin;
    if (!make_room()) return END;
    ssize_t got = read(requests.fd, requests.bytes + requests.end, requests.room - requests.end);
    if (got < 0 && errno == EINTR) return SIGNAL;
    if (got <= 0) return END;
    requests.end += (size_t)got;
  }
}

/* False: nobody reads. */
static bool write_line(const char *line, size_t n) {
  fflush(stdout);
  while (n > 0) {
    ssize_t put = write(answers, line, n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    line += put;
    n -= (size_t)put;
  }
  return true;
}

/* ---- for the Lua half ------------------------------------------------------------------- */

/* send(line): with its line end. */
static int send_line(lua_State *L) {
  size_t n;
  const char *line = luaL_checklstring(L, 1, &n);
  if (!write_line(line, n)) return luaL_error(L, "the notebook is gone");
  return 0;
}

/* receive(): a line; false when a signal came first. */
static int receive_line(lua_State *L) {
  const char *line;
  size_t n;
  switch (read_line(&line, &n)) {
  case LINE: lua_pushlstring(L, line, n); return 1;
  case SIGNAL: lua_pushboolean(L, 0); return 1;
  case END: break;
  }
  return luaL_error(L, "the notebook is gone");
}

static void push_kernel(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cresset.kernel");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

static int body_start(lua_State *L) {
  push_kernel(L, "start");
  lua_pushcfunction(L, send_line);
  lua_pushcfunction(L, receive_line);
  lua_pushstring(L, cresset_version());
  lua_call(L, 3, 0);
  return 0;
}

/* The user's start-up file. */
static int body_init(lua_State *L) {
  push_kernel(L, "run_init");
  lua_call(L, 0, 0);
  return 0;
}

typedef struct {
  const char *text;
  size_t n;
} request;

static int body_request(lua_State *L) {
  const request *r = lua_touserdata(L, 1);
  push_kernel(L, "request");
  lua_pushlstring(L, r->text, r->n);
  lua_call(L, 1, 0);
  return 0;
}

typedef struct {
  int code;
  char *message, *line;
  size_t n;
} outcome;

static int body_finish(lua_State *L) {
  outcome *r = lua_touserdata(L, 1);
  push_kernel(L, "finish");
  lua_pushboolean(L, r->code == CRESSET_OK);
  lua_pushboolean(L, r->code == CRESSET_INTERRUPTED);
  lua_pushstring(L, r->message);
  lua_call(L, 3, 1);
  const char *line = lua_tolstring(L, -1, &r->n);
  if (line && (r->line = malloc(r->n + 1))) memcpy(r->line, line, r->n + 1);
  return 0;
}

static int call(lua_CFunction body, void *argument) {
  lua_State *L = cresset_lua(interp);
  lua_settop(L, 0);
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, argument);
  return cresset_pcall(interp, 1, 0);
}

/* ---- requests --------------------------------------------------------------------------- */

/* Sends the answer to the request that ended with that code, if it wants one.  An interrupt may
 * come while the answer is made: then that is the answer. */
static bool answer(int code) {
  for (int tries = 0; tries < 3; tries++) {
    outcome r = {.code = code};
    r.message = code == CRESSET_OK ? NULL : strdup(cresset_error(interp));
    code = call(body_finish, &r);
    free(r.message);
    if (code != CRESSET_OK) continue;
    bool on = !r.line || write_line(r.line, r.n);
    free(r.line);
    return on;
  }
  cr_report(cresset_error(interp));
  return false;
}

/* False: the notebook is gone, or the script called os.exit. */
static bool serve(void) {
  request r;
  arrival came = read_line(&r.text, &r.n);
  cr_take_sigint(); /* nothing ran that it could have been meant for */
  if (came == SIGNAL) return true;
  if (came == END) return false;
  int code = call(body_request, &r);
  return code != CRESSET_EXIT && answer(code);
}

/* False: the start-up file has called os.exit. */
static bool run_init(void) {
  int code = call(body_init, NULL);
  if (code != CRESSET_OK && code != CRESSET_EXIT) cr_report(cresset_error(interp));
  return code != CRESSET_EXIT;
}

int cr_kernel(cresset *c, int requests_fd, int answers_fd, bool with_init) {
  interp = c;
  requests.fd = requests_fd;
  answers = answers_fd;
  fcntl(requests_fd, F_SETFD, FD_CLOEXEC); /* a process that a script starts has no part in them */
  fcntl(answers_fd, F_SETFD, FD_CLOEXEC);
  cr_patient_sigint();
  if (call(body_start, NULL) != CRESSET_OK) {
    cr_report(cresset_error(c));
    return EXIT_FAILURE;
  }
  for (bool on = !with_init || run_init(); on;) on = serve();
  free(requests.bytes);
  return cresset_exit_code(c);
}
