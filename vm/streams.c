/* streams.c: what scripts write to their standard output and error, given to the host.
 *
 * Lua's `io` writes to C's FILEs, so the two streams are FILEs whose writing calls the host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "vm/interp.h"

static ssize_t give(cresset *c, int stream, const char *text, size_t length) {
  c->write(c->user, stream, text, length);
  return (ssize_t)length;
}

static ssize_t give_output(void *cookie, const char *text, size_t length) {
  return give(cookie, 1, text, length);
}

static ssize_t give_error(void *cookie, const char *text, size_t length) {
  return give(cookie, 2, text, length);
}

FILE *cr_stream(cresset *c, int number) {
  FILE *f = c->streams[number - 1];
  return f ? f : number == 1 ? stdout : stderr;
}

/* print, for Lua's own writes to stdout itself. */
static int print(lua_State *L) {
  cresset *c = cr_interp_of(L);
  FILE *f = cr_stream(c, 1);
  int n = lua_gettop(L);
  for (int i = 1; i <= n; i++) {
    size_t length;
    const char *text = luaL_tolstring(L, i, &length);
    if (i > 1) fputc('\t', f);
    fwrite(text, 1, length, f);
    lua_pop(L, 1);
  }
  fputc('\n', f);
  fflush(f);
  return 0;
}

/* Gives io's file of that name another stream. */
static void replace(lua_State *L, const char *name, FILE *f) {
  if (lua_getglobal(L, "io") == LUA_TTABLE) {
    lua_getfield(L, -1, name);
    luaL_Stream *s = luaL_testudata(L, -1, LUA_FILEHANDLE);
    if (s) s->f = f;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

void cr_open_streams(lua_State *L, cresset *c) {
  static const cookie_io_functions_t functions[2] = {{.write = give_output}, {.write = give_error}};
  if (!c->write) return;
  for (int i = 0; i < 2; i++) {
    c->streams[i] = fopencookie(c, "w", functions[i]);
    if (!c->streams[i])
      luaL_error(L, "cresset_open: no stream for the output: %s", strerror(errno));
    setvbuf(c->streams[i], NULL, _IOLBF, BUFSIZ);
  }
  replace(L, "stdout", c->streams[0]);
  replace(L, "stderr", c->streams[1]);
  lua_pushlightuserdata(L, c);
  lua_pushcclosure(L, print, 1);
  lua_setglobal(L, "print");
}

void cr_flush_streams(cresset *c) {
  for (int i = 0; i < 2; i++)
    if (c->streams[i]) fflush(c->streams[i]);
}

void cr_close_streams(cresset *c) {
  for (int i = 0; i < 2; i++)
    if (c->streams[i]) fclose(c->streams[i]);
}
